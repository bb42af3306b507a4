/* Slots of runs: size classes, and what a thread takes and gives back in its own shard. */
#include <assert.h>

#include "base/bits.h"
#include "gpu.h"

#define RUN_SIZE_MAX (256u << 10) /* bytes */
#define RUN_SLOTS_MIN 4u
#define RUN_SLOTS_MAX 64u

/* ---- Size classes -------------------------------------------------------------------------- */

/* Up to 256 bytes every 16, then 16 to the octave. Where the size is a multiple of a power of two,
 * the class's is, too. */
static void plan_set_class(slab_plan *plan, uint32_t size) {
  if (size <= 256) {
    plan->size_class = (uint16_t)((size + 15) / 16 - 1);
    plan->slot_size = (plan->size_class + 1u) * 16;
    return;
  }
  uint32_t octave = bits_highest(size - 1); /* 8 to 15 */
  uint32_t base = 1u << octave;
  uint32_t step = base / 16;
  uint32_t place = (size - 1 - base) / step;
  plan->size_class = (uint16_t)(16 + (octave - 8) * 16 + place);
  plan->slot_size = base + (place + 1) * step;
}

/* Bytes from one possible start of a buffer to the next, by all that it is used as: indices and
 * commands by 4, vertices by their largest attribute. */
static uint32_t usage_alignment(const buffer_slabs *slabs, VkBufferUsageFlags usage) {
  uint32_t alignment = slabs->alignment_min;
  if ((usage & VK_BUFFER_USAGE_VERTEX_BUFFER_BIT) != 0 && alignment < 16) {
    alignment = 16;
  }
  if ((usage & VK_BUFFER_USAGE_UNIFORM_BUFFER_BIT) != 0 && alignment < slabs->uniform_alignment) {
    alignment = slabs->uniform_alignment;
  }
  if ((usage & VK_BUFFER_USAGE_STORAGE_BUFFER_BIT) != 0 && alignment < slabs->storage_alignment) {
    alignment = slabs->storage_alignment;
  }
  return alignment;
}

/* The least common multiple of a power of two and any number. */
static uint64_t common_multiple(uint32_t power, uint32_t number) {
  uint32_t lowest = number & (~number + 1);
  return (uint64_t)number * (lowest < power ? power / lowest : 1);
}

/* size: 64 KiB and a stride at most. False: no slot is so large, or so aligned. */
static bool plan_set_room(const buffer_slabs *slabs, uint64_t size, uint32_t alignment,
                          uint64_t unit, slab_plan *out) {
  uint64_t room = (size + slabs->margin + alignment - 1) & ~(uint64_t)(alignment - 1);
  if (room > SLAB_SHARED_MAX_SIZE || alignment > SLAB_ALIGNMENT_MAX) {
    return false;
  }
  out->unit = (uint32_t)unit;
  plan_set_class(out, (uint32_t)room);
  return true;
}

static bool is_apart(const buffer_slabs *slabs, const rg_buffer_desc *desc) {
  return desc->size > SLAB_SHARED_MAX_SIZE || desc->own_vk_buffer ||
         desc->type == RG_BUFFER_STAGING || desc->pool.id != 0 || desc->is_exportable ||
         desc->is_protected || (desc->usage & ~slabs->usage) != 0;
}

bool slab_plan_make(const buffer_slabs *slabs, const rg_buffer_desc *desc, slab_plan *out) {
  if (is_apart(slabs, desc)) {
    return false;
  }
  uint32_t alignment = usage_alignment(slabs, desc->usage);
  uint64_t unit = desc->stride == 0 ? alignment : common_multiple(alignment, desc->stride);
  out->update = (uint8_t)desc->update;
  return plan_set_room(slabs, desc->size + (unit - alignment), alignment, unit, out);
}

bool slab_plan_make_bound(const buffer_slabs *slabs, rg_update update,
                          const VkMemoryRequirements *requirements, slab_plan *out) {
  uint64_t alignment = requirements->alignment;
  alignment = alignment < slabs->alignment_min ? slabs->alignment_min : alignment;
  out->update = (uint8_t)update;
  return requirements->size <= SLAB_SHARED_MAX_SIZE && alignment <= SLAB_ALIGNMENT_MAX &&
         plan_set_room(slabs, requirements->size, (uint32_t)alignment, alignment, out);
}

/* ---- Shards -------------------------------------------------------------------------------- */

static uint32_t shard_index(void) {
  return thread_index() % SLAB_SHARD_COUNT;
}

static slab_shard *shard_at(const buffer_slabs *slabs, uint32_t index) {
  return atomic_load_explicit(&slabs->shards[index], memory_order_acquire);
}

static rg_result shard_create(gpu *gpu, uint32_t index, slab_shard **out) {
  buffer_slabs *slabs = &gpu->buffers.slabs;
  slab_shard *made = host_calloc(&gpu->host, 1, sizeof *made);
  if (made == NULL) {
    return result_no_memory("buffer slabs of a thread", sizeof *made);
  }
  *out = NULL;
  if (!atomic_compare_exchange_strong(&slabs->shards[index], out, made)) {
    host_free(&gpu->host, made, sizeof *made);
    return RG_OK;
  }
  *out = made;
  return RG_OK;
}

static void run_unlink(slab_shard *shard, slab_run *run) {
  if (run->previous != NULL) {
    run->previous->next = run->next;
  } else {
    shard->classes[run->slab->update][run->size_class].first = run->next;
  }
  if (run->next != NULL) {
    run->next->previous = run->previous;
  }
}

static void run_link(slab_shard *shard, slab_run *run) {
  struct slab_class *class = &shard->classes[run->slab->update][run->size_class];
  run->previous = NULL;
  run->next = class->first;
  if (run->next != NULL) {
    run->next->previous = run;
  }
  class->first = run;
}

/* ---- Taking -------------------------------------------------------------------------------- */

/* Under the shard's lock. */
static slab_slot slot_take(slab_shard *shard, slab_run *run) {
  slab_slot slot = {.run = run, .index = bits_lowest(run->free)};
  run->free &= run->free - 1;
  if (run->free == 0) {
    run_unlink(shard, run);
  }
  if (shard->idle == run) {
    shard->idle = NULL;
    atomic_fetch_sub(&run->slab->idle_count, 1);
  }
  return slot;
}

/* A class begins with few slots and doubles, so that rare sizes pin little. */
static uint32_t slots_wanted(const struct slab_class *class, uint32_t slot_size) {
  uint32_t most = RUN_SIZE_MAX / slot_size;
  most = most > RUN_SLOTS_MAX ? RUN_SLOTS_MAX : most;
  uint32_t wanted = RUN_SLOTS_MIN;
  while (wanted < most && wanted < class->slot_count) {
    wanted *= 2;
  }
  return wanted < most ? wanted : most;
}

/* The run joins the shard and serves the caller first. */
static slab_slot run_adopt(slab_shard *shard, slab_run *run) {
  spinlock_lock(&shard->lock);
  run->is_open = true;
  shard->classes[run->slab->update][run->size_class].slot_count += run->slot_count;
  run_link(shard, run);
  slab_slot slot = slot_take(shard, run);
  spinlock_unlock(&shard->lock);
  return slot;
}

static rg_result slot_take_new(gpu *gpu, const slab_plan *plan, slab_slot *slot) {
  uint32_t index = shard_index();
  slab_shard *shard = shard_at(&gpu->buffers.slabs, index);
  rg_result result = shard == NULL ? shard_create(gpu, index, &shard) : RG_OK;
  if (result != RG_OK) {
    return result;
  }
  spinlock_lock(&shard->lock);
  uint32_t wanted = slots_wanted(&shard->classes[plan->update][plan->size_class], plan->slot_size);
  spinlock_unlock(&shard->lock);
  slab_run *run = NULL;
  result = slab_run_create(gpu, plan, wanted, index, &run);
  if (result == RG_OK) {
    *slot = run_adopt(shard, run);
  }
  return result;
}

void slab_tell(const slab_plan *plan, slab_slot slot, rg_buffer_vk *vk) {
  uint64_t offset = slab_offset(slot);
  uint64_t rest = (plan->unit & (plan->unit - 1)) == 0 ? 0 : offset % plan->unit;
  vk->buffer = slot.run->slab->buffer;
  vk->offset = rest == 0 ? offset : offset + plan->unit - rest;
}

rg_result buffer_slab_alloc(gpu *gpu, const slab_plan *plan, slab_slot *slot, rg_buffer_vk *vk) {
  slab_shard *shard = shard_at(&gpu->buffers.slabs, shard_index());
  slab_run *run = NULL;
  if (shard != NULL) {
    spinlock_lock(&shard->lock);
    run = shard->classes[plan->update][plan->size_class].first;
    if (run != NULL) {
      *slot = slot_take(shard, run);
    }
    spinlock_unlock(&shard->lock);
  }
  rg_result result = run == NULL ? slot_take_new(gpu, plan, slot) : RG_OK;
  if (result == RG_OK) {
    slab_tell(plan, *slot, vk);
  }
  return result;
}

bool slab_run_take(slab_shard *shard, slab_run *run, slab_slot *out) {
  spinlock_lock(&shard->lock);
  bool has_room = run->is_open && run->free != 0;
  if (has_room) {
    *out = slot_take(shard, run);
  }
  spinlock_unlock(&shard->lock);
  return has_room;
}

rg_result slab_run_add(gpu *gpu, buffer_slab *slab, const slab_plan *plan, slab_slot *out) {
  uint32_t index = shard_index();
  slab_shard *shard = shard_at(&gpu->buffers.slabs, index);
  rg_result result = shard == NULL ? shard_create(gpu, index, &shard) : RG_OK;
  slab_run *run = NULL;
  if (result == RG_OK) {
    result = slab_run_create_in(gpu, slab, plan, RUN_SLOTS_MIN, index, &run);
  }
  if (result == RG_OK) {
    *out = run_adopt(shard, run);
  }
  return result;
}

/* ---- Giving back --------------------------------------------------------------------------- */

/* Under the lock: the run is empty, and kept instead of the one that was kept so far, which is
 * returned. */
static slab_run *run_settle(slab_shard *shard, slab_run *run) {
  slab_run *surplus = shard->idle;
  shard->idle = run;
  if (run != NULL) {
    atomic_fetch_add(&run->slab->idle_count, 1);
  }
  if (surplus != NULL) {
    atomic_fetch_sub(&surplus->slab->idle_count, 1);
    shard->classes[surplus->slab->update][surplus->size_class].slot_count -= surplus->slot_count;
    run_unlink(shard, surplus);
    surplus->is_open = false;
  }
  return surplus;
}

bool slab_run_take_idle(slab_shard *shard, slab_run *run) {
  if (shard->idle != run) {
    return false;
  }
  (void)run_settle(shard, NULL);
  return true;
}

/* Under the lock of a shard that keeps a run of the slab, so it is there. Whether idle runs alone
 * keep it, and it is not the one slab that they may. */
static bool slab_is_surplus(buffer_slabs *slabs, buffer_slab *slab) {
  buffer_slab *kept = NULL;
  return atomic_load(&slab->idle_count) == atomic_load(&slab->run_count) &&
         !atomic_compare_exchange_strong(&slabs->lists[slab->update].kept, &kept, slab) &&
         kept != slab;
}

void buffer_slab_free(gpu *gpu, slab_slot slot) {
  slab_run *run = slot.run;
  slab_run *surplus = NULL;
  uint64_t surplus_slab = 0; /* its serial number */
  const uint8_t update = run->slab->update;
  slab_shard *shard = shard_at(&gpu->buffers.slabs, run->shard);
  spinlock_lock(&shard->lock);
  uint64_t bit = UINT64_C(1) << slot.index;
  assert((run->free & bit) == 0);
  if (run->free == 0) {
    run_link(shard, run);
  }
  run->free |= bit;
  if (run->free == slab_run_mask(run)) {
    surplus = run_settle(shard, run);
    surplus_slab = slab_is_surplus(&gpu->buffers.slabs, run->slab) ? run->slab->serial : 0;
  }
  spinlock_unlock(&shard->lock);
  if (surplus != NULL) {
    slab_run_destroy(gpu, surplus);
  }
  if (surplus_slab != 0) {
    slab_retire_idle(gpu, update, surplus_slab);
  }
}

bool buffer_slabs_trim(gpu *gpu) {
  for (uint32_t i = 0; i < SLAB_SHARD_COUNT; i++) {
    slab_shard *shard = shard_at(&gpu->buffers.slabs, i);
    if (shard != NULL) {
      spinlock_lock(&shard->lock);
      slab_run *idle = run_settle(shard, NULL);
      spinlock_unlock(&shard->lock);
      if (idle != NULL) {
        slab_run_destroy(gpu, idle);
      }
    }
  }
  return slab_empty_destroy(gpu);
}

memory_range slab_piece(slab_slot slot) {
  memory_range piece = slot.run->slab->range;
  uint64_t offset = slab_offset(slot);
  piece.offset += offset;
  piece.size = slot.run->slot_size;
  piece.alignment = slab_run_alignment(slot.run->slot_size);
  piece.padding = 0;
  piece.mapped = piece.mapped == NULL ? NULL : (unsigned char *)piece.mapped + offset;
  return piece;
}
