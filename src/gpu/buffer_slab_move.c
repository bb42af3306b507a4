/* Slabs as defragmentation sees them: how full they are, room in a chosen one, slabs in a chosen
 * place. */
#include "base/bits.h"
#include "gpu.h"

/* ---- How full they are; under the slabs' lock ---------------------------------------------- */

static slab_shard *shard_of(const buffer_slabs *slabs, const slab_run *run) {
  return atomic_load_explicit(&slabs->shards[run->shard], memory_order_acquire);
}

static void slab_count(const buffer_slabs *slabs, buffer_slab *slab) {
  slab->used = 0;
  for (slab_run *run = slab->runs; run != NULL; run = run->next_in_slab) {
    slab_shard *shard = shard_of(slabs, run);
    spinlock_lock(&shard->lock);
    uint32_t free_count = bits_count(run->free);
    spinlock_unlock(&shard->lock);
    slab->used += (uint64_t)(run->slot_count - free_count) * run->slot_size;
  }
}

void slab_for_each(gpu *gpu, void (*visit)(void *user, const buffer_slab *slab, uint64_t used),
                   void *user) {
  buffer_slabs *slabs = &gpu->buffers.slabs;
  mutex_lock(&slabs->lock);
  for (uint32_t i = 0; i < SLAB_UPDATE_COUNT * SLAB_ROOMS; i++) {
    buffer_slab *slab = slabs->lists[i / SLAB_ROOMS].by_room[i % SLAB_ROOMS];
    for (; slab != NULL; slab = slab->next) {
      slab_count(slabs, slab);
      visit(user, slab, slab->used);
    }
  }
  mutex_unlock(&slabs->lock);
}

/* Of equally full ones, the older. Sizes are of 16 MiB at most, so nothing overflows. */
static bool is_fuller(const buffer_slab *a, const buffer_slab *b) {
  uint64_t left = a->used * b->size;
  uint64_t right = b->used * a->size;
  return left != right ? left > right : a->serial < b->serial;
}

/* The fullest slab that has `size` bytes left, is fuller than `than` and less full than `last`
 * (NULL: no matter); or NULL. */
static buffer_slab *fullest_of(const slab_list *list, const buffer_slab *than,
                               const buffer_slab *last, uint32_t size) {
  buffer_slab *best = NULL;
  for (uint32_t i = 0; i < SLAB_ROOMS; i++) {
    for (buffer_slab *slab = list->by_room[i]; slab != NULL; slab = slab->next) {
      if (slab->used + size <= slab->size && is_fuller(slab, than) &&
          (last == NULL || is_fuller(last, slab)) && (best == NULL || is_fuller(slab, best))) {
        best = slab;
      }
    }
  }
  return best;
}

/* ---- Room in a chosen slab; under the slabs' lock ------------------------------------------ */

static bool take_from_runs(const buffer_slabs *slabs, const buffer_slab *slab,
                           const slab_plan *plan, slab_slot *out) {
  bool has_taken = false;
  for (slab_run *run = slab->runs; run != NULL && !has_taken; run = run->next_in_slab) {
    if (run->size_class == plan->size_class) {
      has_taken = slab_run_take(shard_of(slabs, run), run, out);
    }
  }
  return has_taken;
}

static rg_result take_in(gpu *gpu, buffer_slab *slab, const slab_plan *plan, slab_slot *out,
                         rg_buffer_vk *vk) {
  if (!take_from_runs(&gpu->buffers.slabs, slab, plan, out)) {
    rg_result result = slab_run_add(gpu, slab, plan, out);
    if (result != RG_OK) {
      return result;
    }
  }
  slab->used += plan->slot_size;
  slab_tell(plan, *out, vk);
  return RG_OK;
}

static rg_result take_denser(gpu *gpu, buffer_slab *own, const slab_plan *plan, slab_slot *out,
                             rg_buffer_vk *vk) {
  const slab_list *list = &gpu->buffers.slabs.lists[plan->update];
  rg_result result = RG_ERROR_OUT_OF_DEVICE_MEMORY;
  buffer_slab *target = fullest_of(list, own, NULL, plan->slot_size);
  for (; target != NULL; target = fullest_of(list, own, target, plan->slot_size)) {
    result = take_in(gpu, target, plan, out, vk);
    if (result != RG_ERROR_OUT_OF_DEVICE_MEMORY) {
      break;
    }
  }
  if (result == RG_OK) {
    own->used -= own->used < plan->slot_size ? own->used : plan->slot_size;
  }
  return result;
}

static buffer_slab *slab_of_serial(const buffer_slabs *slabs, uint64_t serial) {
  for (uint32_t i = 0; i < SLAB_UPDATE_COUNT * SLAB_ROOMS; i++) {
    buffer_slab *slab = slabs->lists[i / SLAB_ROOMS].by_room[i % SLAB_ROOMS];
    for (; slab != NULL; slab = slab->next) {
      if (slab->serial == serial) {
        return slab;
      }
    }
  }
  return NULL;
}

/* ---- What defragment.c calls --------------------------------------------------------------- */

rg_result buffer_slab_alloc_denser(gpu *gpu, const rg_buffer_desc *desc, slab_slot slot,
                                   slab_slot *out, rg_buffer_vk *vk) {
  buffer_slabs *slabs = &gpu->buffers.slabs;
  slab_plan plan;
  if (!slab_plan_make(slabs, desc, &plan)) {
    return RG_ERROR_OUT_OF_DEVICE_MEMORY;
  }
  *vk = (rg_buffer_vk){.size = desc->size};
  mutex_lock(&slabs->lock);
  rg_result result = take_denser(gpu, slot.run->slab, &plan, out, vk);
  mutex_unlock(&slabs->lock);
  return result;
}

rg_result buffer_slab_alloc_in(gpu *gpu, const rg_buffer_desc *desc, uint64_t serial,
                               slab_slot *out, rg_buffer_vk *vk) {
  buffer_slabs *slabs = &gpu->buffers.slabs;
  slab_plan plan;
  if (!slab_plan_make(slabs, desc, &plan)) {
    return RG_ERROR_OUT_OF_DEVICE_MEMORY;
  }
  *vk = (rg_buffer_vk){.size = desc->size};
  mutex_lock(&slabs->lock);
  buffer_slab *slab = slab_of_serial(slabs, serial);
  rg_result result = slab == NULL || slab->update != plan.update
                         ? RG_ERROR_OUT_OF_DEVICE_MEMORY
                         : take_in(gpu, slab, &plan, out, vk);
  mutex_unlock(&slabs->lock);
  return result;
}

rg_result buffer_slab_make_in(gpu *gpu, uint64_t like_serial, memory_range *place,
                              uint64_t *serial) {
  buffer_slabs *slabs = &gpu->buffers.slabs;
  mutex_lock(&slabs->lock);
  const buffer_slab *like = slab_of_serial(slabs, like_serial);
  uint64_t size = like == NULL ? 0 : like->size;
  rg_update update = like == NULL ? RG_UPDATE_STATIC : (rg_update)like->update;
  mutex_unlock(&slabs->lock);
  if (size == 0 || size > place->size) {
    return RG_ERROR_OUT_OF_DEVICE_MEMORY;
  }
  rg_result result;
  buffer_slab *slab = slab_create(gpu, update, size, place, &result);
  if (slab == NULL) {
    return result;
  }
  mutex_lock(&slabs->lock);
  slab_join(slabs, slab);
  *serial = slab->serial;
  mutex_unlock(&slabs->lock);
  return RG_OK;
}
