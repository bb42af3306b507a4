/* Allocation of device memory: the way a request takes through types and pools, the ladder that
 * exhaustion climbs, and coherence. */
#include "memory.h"

#include <inttypes.h>

#include "memory_internal.h"
#include "pool.h"

#define BLOCK_SIZE_DEFAULT (UINT64_C(256) << 20)

/* How long growth waits for a batch that only the dead wait for. */
#define DEAD_PATIENCE_NS (UINT64_C(10) * 1000000u)

/* Up to this granularity linear and optimal ranges share blocks, each padded to it. */
#define GRANULARITY_PADDED_MAX 64

void memory_init(gpu *gpu, uint64_t block_size) {
  memory *memory = &gpu->memory;
  mutex_init(&memory->lock);
  memory->block_size_cap = block_size == 0 ? BLOCK_SIZE_DEFAULT : block_size;
  memory->keeps_tilings_apart =
      gpu->device.vk_limits.bufferImageGranularity > GRANULARITY_PADDED_MAX;
}

void memory_finish(gpu *gpu) {
  for (uint32_t i = 0; i < RG_MAX_POOLS; i++) {
    memory_pool_destroy(gpu, atomic_load(&gpu->memory.pools[i]));
    atomic_store(&gpu->memory.pools[i], NULL);
  }
  mutex_finish(&gpu->memory.lock);
}

/* ---- Pools --------------------------------------------------------------------------------- */

static memory_pool *pool_make(gpu *gpu, uint32_t type, bool is_apart, rg_result *result) {
  memory *memory = &gpu->memory;
  _Atomic(memory_pool *) *place = &memory->pools[type + (is_apart ? VK_MAX_MEMORY_TYPES : 0)];
  mutex_lock(&memory->lock);
  memory_pool *pool = atomic_load_explicit(place, memory_order_relaxed);
  if (pool == NULL) {
    pool = memory_pool_create(gpu, type, NULL, (rg_pool){0}, NULL, result);
    if (pool != NULL) {
      pool->is_optimal = is_apart;
      atomic_store_explicit(place, pool, memory_order_release);
    }
  }
  mutex_unlock(&memory->lock);
  return pool;
}

/* The engine's own pool of a type; NULL with *result and the message set. */
static memory_pool *pool_of_type(gpu *gpu, uint32_t type, bool is_optimal, rg_result *result) {
  bool is_apart = is_optimal && gpu->memory.keeps_tilings_apart;
  memory_pool *pool = atomic_load_explicit(
      &gpu->memory.pools[type + (is_apart ? VK_MAX_MEMORY_TYPES : 0)], memory_order_acquire);
  return pool != NULL ? pool : pool_make(gpu, type, is_apart, result);
}

/* The pools that may serve a request, the best first. */
typedef struct pool_choice {
  memory_pool *caller_pool; /* the only one, where it is not NULL */
  uint32_t types[VK_MAX_MEMORY_TYPES];
  uint32_t count;
} pool_choice;

static memory_pool *choice_pool(gpu *gpu, const pool_choice *choice, uint32_t index,
                                const memory_request *request, rg_result *result) {
  return choice->caller_pool != NULL
             ? choice->caller_pool
             : pool_of_type(gpu, choice->types[index], request->is_optimal, result);
}

static rg_result choice_make(gpu *gpu, const memory_request *request, memory_pool *caller_pool,
                             pool_choice *out) {
  out->caller_pool = caller_pool;
  out->count = caller_pool != NULL ? 1 : memory_type_order(&gpu->device, request, 0, out->types);
  return out->count > 0 ? RG_OK
                        : result_set(RG_ERROR_UNSUPPORTED, "no memory type fits of 0x%x",
                                     request->requirements.memoryTypeBits);
}

/* ---- The ladder ---------------------------------------------------------------------------- */

/* Frees what dead resources hold, as far as the GPU has passed. Where they wait for a batch that
 * nobody has submitted yet, it is submitted now, and a little patience given to it: else memory
 * would grow by all that a loop makes and drops until somebody submits. */
static void dead_free(gpu *gpu) {
  frame_collect(gpu);
  if (!frame_waits_for_queue(gpu)) {
    return;
  }
  uint64_t value = 0;
  rg_result result = upload_submit(gpu, NULL, 0, &value);
  if (result == RG_OK) {
    result = frame_wait(gpu, value, DEAD_PATIENCE_NS);
    frame_collect(gpu);
  }
  if (result < RG_OK) {
    log_message(&gpu->logger, RG_LOG_DEBUG, "freeing memory early: %s", rg_error());
  }
}

static rg_result alloc_growing(gpu *gpu, memory_pool *pool, const memory_request *request,
                               const memory_need *need, memory_range *out) {
  rg_result refusal = RG_OK;
  if (memory_pool_wants_dedicated(gpu, pool, request)) {
    refusal = memory_pool_alloc_dedicated(gpu, pool, request, out);
    if (!memory_is_exhausted(refusal) || need->must_be_dedicated) {
      return refusal;
    }
  }
  rg_result result = memory_pool_alloc_growing(gpu, pool, need, out);
  return result == RG_OK || refusal == RG_OK ? result : refusal;
}

static rg_result pool_alloc(gpu *gpu, memory_pool *pool, const memory_request *request,
                            memory_range *out) {
  const memory_need need = memory_pool_need(gpu, pool, request);
  if (!memory_pool_wants_dedicated(gpu, pool, request)) {
    rg_result result = memory_pool_alloc(pool, &need, out);
    if (result != RG_ERROR_OUT_OF_DEVICE_MEMORY) {
      return result;
    }
  }
  dead_free(gpu);
  if (!memory_budget_fits(gpu, pool->heap, need.size)) {
    memory_trim(gpu);
  }
  rg_result result = alloc_growing(gpu, pool, request, &need, out);
  if (memory_is_exhausted(result) && memory_trim(gpu)) {
    result = alloc_growing(gpu, pool, request, &need, out);
  }
  memory_budget_notify(gpu, pool->heap, need.size);
  return result;
}

/* Frees what the GPU will pass, too. */
static rg_result pool_alloc_after_wait(gpu *gpu, memory_pool *pool, const memory_request *request,
                                       memory_range *out) {
  uint64_t value = 0;
  rg_result result = upload_submit(gpu, NULL, 0, &value);
  if (result == RG_OK) {
    result = frame_wait(gpu, value, UINT64_MAX);
  }
  if (result == RG_OK) {
    result = pool_alloc(gpu, pool, request, out);
  }
  return result;
}

static rg_result climb(gpu *gpu, const pool_choice *choice, const memory_request *request,
                       memory_range *out) {
  rg_result result = RG_ERROR_OUT_OF_DEVICE_MEMORY;
  for (uint32_t i = 0; i < choice->count && memory_is_exhausted(result); i++) {
    rg_result no_pool = RG_OK;
    memory_pool *pool = choice_pool(gpu, choice, i, request, &no_pool);
    if (pool == NULL) {
      return no_pool;
    }
    result = pool_alloc(gpu, pool, request, out);
    if (i == 0 && memory_is_exhausted(result) && frame_has_zombies(gpu)) {
      result = pool_alloc_after_wait(gpu, pool, request, out);
    }
  }
  return result;
}

static uint32_t choice_heap(const gpu *gpu, const pool_choice *choice) {
  return choice->caller_pool != NULL
             ? choice->caller_pool->heap
             : gpu->device.memory_properties.memoryTypes[choice->types[0]].heapIndex;
}

static rg_result alloc_in(gpu *gpu, const memory_request *request, memory_pool *caller_pool,
                          memory_range *out) {
  pool_choice choice;
  rg_result result = RG_OK;
  RG_TRY(memory_request_check(gpu, caller_pool, request));
  RG_TRY(choice_make(gpu, request, caller_pool, &choice));
  result = climb(gpu, &choice, request, out);
  if (memory_is_exhausted(result) &&
      memory_budget_exhausted(gpu, choice_heap(gpu, &choice), request->requirements.size)) {
    result = climb(gpu, &choice, request, out);
  }
fail:
  return result;
}

/* ---- Ranges -------------------------------------------------------------------------------- */

static rg_result alloc_alias(const memory_range *place, memory_range *out) {
  *out = *place;
  out->is_alias = true;
  out->id = RANGE_NONE;
  return RG_OK;
}

/* Which of the budget's counters, so that threads in different arenas do not meet there either. */
static uint32_t range_shard(const memory_range *range) {
  const memory_arena *arena = atomic_load_explicit(&range->block->arena, memory_order_relaxed);
  return arena == NULL ? 0 : arena->index % MEMORY_HEAP_SHARDS;
}

void memory_range_begin(gpu *gpu, const memory_range *range) {
  memory_budget_add_range(&gpu->budget, range->block->pool->heap, range_shard(range), range->size);
  margin_write(gpu, range, range->size - range->padding);
}

static void range_trace(gpu *gpu, const memory_request *request, const memory_range *range) {
  if (!request->is_for_sharing) {
    memory_trace_alloc(&gpu->trace, range, request->requirements.size,
                       request->requirements.alignment,
                       request->is_optimal ? MEMORY_TRACE_OPTIMAL : MEMORY_TRACE_LINEAR);
  }
}

rg_result memory_alloc(gpu *gpu, const memory_request *request, memory_range *out) {
  *out = (memory_range){0};
  if (request->place != NULL) {
    return alloc_alias(request->place, out);
  }
  const char *label = request->label == NULL ? gpu->label : request->label;
  memory_pool *caller_pool = NULL;
  rg_result result = RG_OK;
  if (request->pool.id != 0) {
    RG_TRY(pool_own(gpu, request->pool, &caller_pool));
  }
  result = alloc_in(gpu, request, caller_pool, out);
  if (result == RG_OK) {
    memory_range_begin(gpu, out);
    range_trace(gpu, request, out);
    return RG_OK;
  }
  if (request->pool.id != 0) {
    resource_disown(gpu, request->pool.id);
  }
fail:
  return result_prefix(result, "memory of '%s'", label);
}

void memory_free(gpu *gpu, memory_range *range) {
  memory_block *block = range->block;
  if (block == NULL || range->is_alias) {
    *range = (memory_range){0};
    return;
  }
  rg_pool pool = block->pool->handle;
  margin_check(gpu, range, range->size - range->padding, NULL);
  memory_trace_free(&gpu->trace, range);
  memory_budget_remove_range(&gpu->budget, block->pool->heap, range_shard(range), range->size);
  memory_pool_free(gpu, range);
  *range = (memory_range){0};
  if (pool.id != 0) {
    resource_disown(gpu, pool.id); /* which may end it */
  }
}

bool memory_trim(gpu *gpu) {
  memory *memory = &gpu->memory;
  bool has_trimmed = buffer_slabs_trim(gpu);
  mutex_lock(&memory->lock);
  for (uint32_t i = 0; i < RG_MAX_POOLS; i++) {
    memory_pool *pool = atomic_load(&memory->pools[i]);
    has_trimmed |= pool != NULL && memory_pool_trim(gpu, pool);
  }
  for (memory_pool *pool = memory->caller_pools; pool != NULL; pool = pool->next) {
    has_trimmed |= memory_pool_trim(gpu, pool);
  }
  mutex_unlock(&memory->lock);
  return has_trimmed;
}

/* ---- Coherence ----------------------------------------------------------------------------- */

/* Ranges of such memory begin and end at atoms, so that no neighbour's bytes are touched. */
static VkMappedMemoryRange atoms_around(const gpu *gpu, const memory_range *range, uint64_t offset,
                                        uint64_t size) {
  uint64_t atom = memory_larger(gpu->device.vk_limits.nonCoherentAtomSize, 1);
  uint64_t first = (range->offset + offset) / atom * atom;
  uint64_t end = memory_round_up(range->offset + offset + size, atom);
  return (VkMappedMemoryRange){
      .sType = VK_STRUCTURE_TYPE_MAPPED_MEMORY_RANGE,
      .memory = range->memory,
      .offset = first,
      .size = end >= range->block->size ? VK_WHOLE_SIZE : end - first,
  };
}

rg_result memory_flush(gpu *gpu, const memory_range *range, uint64_t offset, uint64_t size) {
  if (size == 0 || !memory_type_needs_flush(&gpu->device, range->type)) {
    return RG_OK;
  }
  VkMappedMemoryRange atoms = atoms_around(gpu, range, offset, size);
  return dispatch_result(gpu->vk.FlushMappedMemoryRanges(gpu->device.handle, 1, &atoms),
                         "vkFlushMappedMemoryRanges", "write");
}

rg_result memory_invalidate(gpu *gpu, const memory_range *range, uint64_t offset, uint64_t size) {
  if (size == 0 || !memory_type_needs_flush(&gpu->device, range->type)) {
    return RG_OK;
  }
  VkMappedMemoryRange atoms = atoms_around(gpu, range, offset, size);
  return dispatch_result(gpu->vk.InvalidateMappedMemoryRanges(gpu->device.handle, 1, &atoms),
                         "vkInvalidateMappedMemoryRanges", "read");
}
