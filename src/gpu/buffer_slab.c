/* The VkBuffers that small buffers share, kept in lists by their largest hole, so that one with
 * room for a run is found at once. */
#include "buffer_slab.h"

#include <assert.h>

#include "base/bits.h"
#include "gpu.h"

#define SLAB_SIZE_MIN (UINT64_C(1) << 20)
#define SLAB_SIZE_MAX (UINT64_C(16) << 20)
#define SLAB_USAGE                                                           \
  (VK_BUFFER_USAGE_TRANSFER_SRC_BIT | VK_BUFFER_USAGE_TRANSFER_DST_BIT |     \
   VK_BUFFER_USAGE_VERTEX_BUFFER_BIT | VK_BUFFER_USAGE_INDEX_BUFFER_BIT |    \
   VK_BUFFER_USAGE_UNIFORM_BUFFER_BIT | VK_BUFFER_USAGE_STORAGE_BUFFER_BIT | \
   VK_BUFFER_USAGE_INDIRECT_BUFFER_BIT)

/* ---- Begin and end ------------------------------------------------------------------------- */

static uint64_t larger(uint64_t a, uint64_t b) {
  return a > b ? a : b;
}

/* Incoherent memory is flushed by whole atoms: a neighbour's bytes must not be among them. */
static uint64_t atom_of(const device *device) {
  const VkPhysicalDeviceMemoryProperties *memory = &device->memory_properties;
  for (uint32_t i = 0; i < memory->memoryTypeCount; i++) {
    VkMemoryPropertyFlags flags = memory->memoryTypes[i].propertyFlags;
    if ((flags & VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT) != 0 &&
        (flags & VK_MEMORY_PROPERTY_HOST_COHERENT_BIT) == 0) {
      return device->vk_limits.nonCoherentAtomSize;
    }
  }
  return 1;
}

void buffer_slabs_init(gpu *gpu) {
  const VkPhysicalDeviceLimits *limits = &gpu->device.vk_limits;
  uint64_t least = larger(4, atom_of(&gpu->device)); /* indices, indirect commands and copies */
  gpu->buffers.slabs = (buffer_slabs){
      .usage = SLAB_USAGE,
      .alignment_min = (uint32_t)least,
      .uniform_alignment = (uint32_t)larger(least, limits->minUniformBufferOffsetAlignment),
      .storage_alignment = (uint32_t)larger(least, limits->minStorageBufferOffsetAlignment),
  };
  buffer_slabs *slabs = &gpu->buffers.slabs;
  mutex_init(&slabs->lock);
  if (gpu->device.has_device_address) {
    slabs->usage |= VK_BUFFER_USAGE_SHADER_DEVICE_ADDRESS_BIT;
  }
  for (uint32_t i = 0; i < gpu->device.memory_properties.memoryTypeCount; i++) {
    slabs->margin = (uint32_t)larger(slabs->margin, margin_size(gpu, i));
  }
}

void buffer_slabs_finish(gpu *gpu) {
  buffer_slabs *slabs = &gpu->buffers.slabs;
  buffer_slabs_trim(gpu);
  for (uint32_t i = 0; i < SLAB_UPDATE_COUNT; i++) {
    assert(slabs->lists[i].rooms == 0);
  }
  for (uint32_t i = 0; i < SLAB_SHARD_COUNT; i++) {
    host_free(&gpu->host, atomic_load(&slabs->shards[i]), sizeof(slab_shard));
  }
  mutex_finish(&slabs->lock);
}

/* ---- Slabs by room; under the lock --------------------------------------------------------- */

static void slab_unlink(slab_list *list, buffer_slab *slab) {
  if (slab->previous != NULL) {
    slab->previous->next = slab->next;
  } else {
    list->by_room[slab->room] = slab->next;
    if (slab->next == NULL) {
      list->rooms &= ~(1u << slab->room);
    }
  }
  if (slab->next != NULL) {
    slab->next->previous = slab->previous;
  }
}

static uint32_t slab_room(const buffer_slab *slab) {
  range_stats stats;
  range_get_stats(slab->ranges, &stats);
  return (stats.largest_free == 0 ? 0 : bits_highest(stats.largest_free));
}

static void slab_link(slab_list *list, buffer_slab *slab) {
  slab->room = slab_room(slab);
  slab->previous = NULL;
  slab->next = list->by_room[slab->room];
  if (slab->next != NULL) {
    slab->next->previous = slab;
  }
  list->by_room[slab->room] = slab;
  list->rooms |= 1u << slab->room;
}

/* Moves the slab to the list that its largest hole now asks for. */
static void slab_relink(slab_list *list, buffer_slab *slab) {
  if (slab_room(slab) != slab->room) {
    slab_unlink(list, slab);
    slab_link(list, slab);
  }
}

/* ---- Making slabs; not under the lock ------------------------------------------------------ */

static void slab_destroy(gpu *gpu, buffer_slab *slab) {
  range_destroy(slab->ranges);
  buffer_unmake(gpu, slab->buffer, &slab->range);
  host_free(&gpu->host, slab, sizeof *slab);
}

/* In memory of its own, or at a place that it takes over. */
static rg_result slab_make(gpu *gpu, buffer_slab *slab, memory_range *place) {
  rg_buffer_desc desc = {.size = slab->size,
                         .usage = gpu->buffers.slabs.usage,
                         .update = (rg_update)slab->update,
                         .label = "buffer slab"};
  memory_range range;
  rg_result result = buffer_make_shared(gpu, &desc, place, &slab->buffer, &range);
  if (result != RG_OK) {
    return result;
  }
  slab->range = place == NULL ? range : *place;
  if (place != NULL) {
    *place = (memory_range){0};
  }
  return RG_OK;
}

buffer_slab *slab_create(gpu *gpu, rg_update update, uint64_t size, memory_range *place,
                         rg_result *result) {
  buffer_slab *slab = host_calloc(&gpu->host, 1, sizeof *slab);
  range_allocator *ranges = range_create(&gpu->host, size);
  if (slab == NULL || ranges == NULL) {
    *result = result_no_memory("buffer slab", sizeof *slab);
  } else {
    slab->size = size;
    slab->ranges = ranges;
    slab->update = (uint8_t)update;
    *result = slab_make(gpu, slab, place);
    if (*result == RG_OK) {
      return slab;
    }
  }
  range_destroy(ranges);
  host_free(&gpu->host, slab, sizeof *slab);
  return NULL;
}

/* Where memory is short a smaller slab will do. */
static buffer_slab *slab_create_some(gpu *gpu, rg_update update, uint64_t size, rg_result *result) {
  buffer_slab *slab = slab_create(gpu, update, size, NULL, result);
  while (*result == RG_ERROR_OUT_OF_DEVICE_MEMORY && size / 2 > SLAB_SHARED_MAX_SIZE) {
    size /= 2;
    slab = slab_create(gpu, update, size, NULL, result);
  }
  return slab;
}

/* ---- Runs; under the lock ------------------------------------------------------------------ */

static rg_result run_carve(slab_list *list, buffer_slab *slab, const slab_plan *plan,
                           uint32_t count, slab_run *run) {
  uint64_t offset = 0;
  uint64_t size = (uint64_t)count * plan->slot_size;
  rg_result result =
      range_alloc(slab->ranges, size, slab_run_alignment(plan->slot_size), &run->range, &offset);
  if (result != RG_OK) {
    return result;
  }
  list->spare = list->spare == slab ? NULL : list->spare;
  run->slab = slab;
  run->offset = (uint32_t)offset;
  run->slot_size = plan->slot_size;
  run->size_class = plan->size_class;
  run->slot_count = (uint8_t)count;
  run->free = slab_run_mask(run);
  run->next_in_slab = slab->runs;
  if (slab->runs != NULL) {
    slab->runs->previous_in_slab = run;
  }
  slab->runs = run;
  slab->run_count++;
  slab_relink(list, slab);
  return RG_OK;
}

/* RG_ERROR_OUT_OF_DEVICE_MEMORY, without a message, where no slab has room for so many. */
static rg_result list_carve(slab_list *list, const slab_plan *plan, uint32_t count, slab_run *run) {
  uint64_t room = (uint64_t)count * plan->slot_size + slab_run_alignment(plan->slot_size);
  uint32_t sure = bits_highest(room) + 1; /* whatever is in the lists from here on has that room */
  for (uint32_t rooms = list->rooms & ~((1u << sure) - 1); rooms != 0; rooms &= rooms - 1) {
    buffer_slab *slab = list->by_room[bits_lowest(rooms)];
    rg_result result = run_carve(list, slab, plan, count, run);
    if (result != RG_ERROR_OUT_OF_DEVICE_MEMORY) {
      return result;
    }
  }
  return RG_ERROR_OUT_OF_DEVICE_MEMORY;
}

/* What is left of slabs is used up by shorter runs before a new slab is made. */
static rg_result list_carve_some(slab_list *list, const slab_plan *plan, uint32_t wanted,
                                 slab_run *run) {
  rg_result result = RG_ERROR_OUT_OF_DEVICE_MEMORY;
  for (uint32_t count = wanted; count > 0 && result == RG_ERROR_OUT_OF_DEVICE_MEMORY; count /= 2) {
    result = list_carve(list, plan, count, run);
  }
  return result;
}

static rg_result slab_carve(slab_list *list, buffer_slab *slab, const slab_plan *plan,
                            uint32_t wanted, slab_run *run) {
  rg_result result = RG_ERROR_OUT_OF_DEVICE_MEMORY;
  for (uint32_t count = wanted; count > 0 && result == RG_ERROR_OUT_OF_DEVICE_MEMORY; count /= 2) {
    result = run_carve(list, slab, plan, count, run);
  }
  return result;
}

void slab_join(buffer_slabs *slabs, buffer_slab *slab) {
  slab->serial = ++slabs->serial;
  slab_link(&slabs->lists[slab->update], slab);
}

/* A new slab joins the others, and serves the caller first. */
static rg_result slab_add(buffer_slabs *slabs, buffer_slab *slab, const slab_plan *plan,
                          uint32_t wanted, slab_run *run) {
  slab_list *list = &slabs->lists[slab->update];
  slab_join(slabs, slab);
  uint64_t next = 2 * list->next_size;
  list->next_size = next > SLAB_SIZE_MAX ? SLAB_SIZE_MAX : larger(next, 2 * SLAB_SIZE_MIN);
  return slab_carve(list, slab, plan, wanted, run);
}

static rg_result run_place(gpu *gpu, const slab_plan *plan, uint32_t wanted, slab_run *run) {
  buffer_slabs *slabs = &gpu->buffers.slabs;
  slab_list *list = &slabs->lists[plan->update];
  mutex_lock(&slabs->lock);
  rg_result result = list_carve_some(list, plan, wanted, run);
  uint64_t size = larger(list->next_size, SLAB_SIZE_MIN);
  mutex_unlock(&slabs->lock);
  if (result != RG_ERROR_OUT_OF_DEVICE_MEMORY) {
    return result;
  }
  buffer_slab *slab = slab_create_some(gpu, (rg_update)plan->update, size, &result);
  if (slab == NULL) {
    return result;
  }
  mutex_lock(&slabs->lock);
  result = slab_add(slabs, slab, plan, wanted, run);
  mutex_unlock(&slabs->lock);
  return result;
}

/* NULL with *result and the message set. */
static slab_run *run_make(gpu *gpu, uint32_t shard, rg_result *result) {
  slab_run *run = host_calloc(&gpu->host, 1, sizeof *run);
  *result = run == NULL ? result_no_memory("buffer slab's run", sizeof *run) : RG_OK;
  if (run != NULL) {
    run->shard = (uint8_t)shard;
  }
  return run;
}

static rg_result run_finish(gpu *gpu, slab_run *run, rg_result result, slab_run **out) {
  if (result == RG_OK) {
    *out = run;
  } else {
    host_free(&gpu->host, run, sizeof *run);
  }
  return result;
}

rg_result slab_run_create(gpu *gpu, const slab_plan *plan, uint32_t wanted, uint32_t shard,
                          slab_run **out) {
  rg_result result;
  slab_run *run = run_make(gpu, shard, &result);
  return run == NULL ? result : run_finish(gpu, run, run_place(gpu, plan, wanted, run), out);
}

rg_result slab_run_create_in(gpu *gpu, buffer_slab *slab, const slab_plan *plan, uint32_t wanted,
                             uint32_t shard, slab_run **out) {
  rg_result result;
  slab_run *run = run_make(gpu, shard, &result);
  if (run == NULL) {
    return result;
  }
  return run_finish(
      gpu, run, slab_carve(&gpu->buffers.slabs.lists[slab->update], slab, plan, wanted, run), out);
}

/* ---- What becomes empty -------------------------------------------------------------------- */

/* On its way out. */
static void slab_drop(slab_list *list, buffer_slab *slab) {
  buffer_slab *kept = slab;
  atomic_compare_exchange_strong(&list->kept, &kept, NULL);
  slab_unlink(list, slab);
}

/* Of two slabs without runs the larger stays; the other is unlinked and returned. */
static buffer_slab *slab_settle(slab_list *list, buffer_slab *slab) {
  if (slab->run_count > 0 || list->spare == slab) {
    return NULL;
  }
  buffer_slab *surplus = list->spare;
  if (surplus == NULL || surplus->size < slab->size) {
    list->spare = slab;
  } else {
    surplus = slab;
  }
  if (surplus != NULL) {
    slab_drop(list, surplus);
  }
  return surplus;
}

/* Under the lock; returns a slab to be destroyed outside it, or NULL. */
static buffer_slab *run_remove(slab_list *list, slab_run *run) {
  buffer_slab *slab = run->slab;
  if (run->previous_in_slab != NULL) {
    run->previous_in_slab->next_in_slab = run->next_in_slab;
  } else {
    slab->runs = run->next_in_slab;
  }
  if (run->next_in_slab != NULL) {
    run->next_in_slab->previous_in_slab = run->previous_in_slab;
  }
  slab->run_count--;
  range_free(slab->ranges, run->range);
  slab_relink(list, slab);
  return slab_settle(list, slab);
}

static buffer_slab *slab_of_serial(const slab_list *list, uint64_t serial) {
  for (uint32_t i = 0; i < SLAB_ROOMS; i++) {
    for (buffer_slab *slab = list->by_room[i]; slab != NULL; slab = slab->next) {
      if (slab->serial == serial) {
        return slab;
      }
    }
  }
  return NULL;
}

static bool is_idle(buffer_slab *slab) {
  const uint32_t count = atomic_load(&slab->run_count);
  return count > 0 && atomic_load(&slab->idle_count) == count;
}

/* Under the lock: takes the slab's runs out of it that shards let go, linked by `next`. *surplus:
 * the slab, or another, to be destroyed outside. */
static slab_run *idle_runs_take(buffer_slabs *slabs, buffer_slab *slab, buffer_slab **surplus) {
  slab_run *taken = NULL;
  for (slab_run *run = slab->runs, *next; run != NULL; run = next) {
    next = run->next_in_slab;
    slab_shard *shard = atomic_load(&slabs->shards[run->shard]);
    spinlock_lock(&shard->lock);
    const bool is_taken = slab_run_take_idle(shard, run);
    spinlock_unlock(&shard->lock);
    if (is_taken) {
      *surplus = run_remove(&slabs->lists[slab->update], run); /* by the last one only */
      run->next = taken;
      taken = run;
    }
  }
  return taken;
}

/* Under the lock: where idle runs alone keep the slab, they go, unless it is the one that is kept.
 */
static slab_run *slab_retire(buffer_slabs *slabs, buffer_slab *slab, buffer_slab **surplus) {
  slab_list *list = &slabs->lists[slab->update];
  buffer_slab *kept = atomic_load(&list->kept);
  if (slab == kept || !is_idle(slab)) {
    return NULL;
  }
  if (kept == NULL || !is_idle(kept)) {
    atomic_store(&list->kept, slab);
    return NULL;
  }
  return idle_runs_take(slabs, slab, surplus);
}

/* Not under the lock: what was unlinked is gone. */
static void retired_free(gpu *gpu, slab_run *runs, buffer_slab *slab) {
  while (runs != NULL) {
    slab_run *next = runs->next;
    host_free(&gpu->host, runs, sizeof *runs);
    runs = next;
  }
  if (slab != NULL) {
    slab_destroy(gpu, slab);
  }
}

void slab_run_destroy(gpu *gpu, slab_run *run) {
  buffer_slabs *slabs = &gpu->buffers.slabs;
  buffer_slab *slab = run->slab;
  mutex_lock(&slabs->lock);
  buffer_slab *surplus = run_remove(&slabs->lists[slab->update], run);
  run->next = surplus == NULL ? slab_retire(slabs, slab, &surplus) : NULL;
  mutex_unlock(&slabs->lock);
  retired_free(gpu, run, surplus);
}

void slab_retire_idle(gpu *gpu, uint8_t update, uint64_t serial) {
  buffer_slabs *slabs = &gpu->buffers.slabs;
  buffer_slab *surplus = NULL;
  mutex_lock(&slabs->lock);
  buffer_slab *slab = slab_of_serial(&slabs->lists[update], serial);
  slab_run *taken = slab == NULL ? NULL : slab_retire(slabs, slab, &surplus);
  mutex_unlock(&slabs->lock);
  retired_free(gpu, taken, surplus);
}

/* Under the lock; unlinks one without runs, or returns NULL. */
static buffer_slab *empty_take(slab_list *list) {
  for (uint32_t i = 0; i < SLAB_ROOMS; i++) {
    for (buffer_slab *slab = list->by_room[i]; slab != NULL; slab = slab->next) {
      if (slab->run_count == 0) {
        list->spare = list->spare == slab ? NULL : list->spare;
        slab_drop(list, slab);
        return slab;
      }
    }
  }
  return NULL;
}

bool slab_empty_destroy(gpu *gpu) {
  buffer_slabs *slabs = &gpu->buffers.slabs;
  bool has_any = false;
  for (uint32_t i = 0; i < SLAB_UPDATE_COUNT; i++) {
    buffer_slab *empty = NULL;
    do {
      mutex_lock(&slabs->lock);
      empty = empty_take(&slabs->lists[i]);
      mutex_unlock(&slabs->lock);
      if (empty != NULL) {
        slab_destroy(gpu, empty);
        has_any = true;
      }
    } while (empty != NULL);
  }
  return has_any;
}
