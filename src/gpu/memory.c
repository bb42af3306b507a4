/* Allocation of device memory: pools, the ladder that exhaustion climbs, coherence, statistics. */
#include "memory.h"

#include "memory_internal.h"

#define BLOCK_SIZE_MIN (UINT64_C(1) << 20)
#define BLOCK_SIZE_DEFAULT (UINT64_C(256) << 20)
#define BLOCK_HEAP_SHARE 8 /* of a heap, at most one part of so many */

/* Dedication that a driver merely prefers costs an allocation; below this it is not worth one. */
#define DEDICATED_SIZE_MIN (UINT64_C(1) << 20)

/* Up to this granularity linear and optimal ranges share blocks, each padded to it. */
#define GRANULARITY_PADDED_MAX 64

void memory_init(gpu *gpu, uint64_t limit, uint64_t block_size) {
  memory *memory = &gpu->memory;
  mutex_init(&memory->lock);
  memory->limit = limit;
  memory->block_size_cap = block_size == 0 ? BLOCK_SIZE_DEFAULT : block_size;
  memory->keeps_tilings_apart =
      gpu->device.vk_limits.bufferImageGranularity > GRANULARITY_PADDED_MAX;
  for (uint32_t i = 0; i < RG_MAX_POOLS; i++) {
    memory->pools[i].type = i % VK_MAX_MEMORY_TYPES;
    memory->pools[i].is_optimal = i >= VK_MAX_MEMORY_TYPES;
  }
}

static void list_destroy(gpu *gpu, memory_block *block) {
  while (block != NULL) {
    memory_block *next = block->next;
    block_destroy(gpu, block);
    block = next;
  }
}

void memory_finish(gpu *gpu) {
  for (uint32_t i = 0; i < RG_MAX_POOLS; i++) {
    memory_pool *pool = &gpu->memory.pools[i];
    if (pool->range_count != 0) {
      log_message(&gpu->logger, RG_LOG_ERROR, "memory type %u: %u ranges were never freed",
                  pool->type, pool->range_count);
    }
    list_destroy(gpu, pool->blocks);
    list_destroy(gpu, pool->dedicated);
  }
  mutex_finish(&gpu->memory.lock);
}

/* ---- Ranges in one pool -------------------------------------------------------------------- */

static uint64_t round_up(uint64_t value, uint64_t alignment) {
  return (value + alignment - 1) / alignment * alignment;
}

static uint64_t larger(uint64_t a, uint64_t b) {
  return a > b ? a : b;
}

static uint64_t smaller(uint64_t a, uint64_t b) {
  return a < b ? a : b;
}

static uint64_t pool_block_size_cap(const gpu *gpu, const memory_pool *pool) {
  const VkPhysicalDeviceMemoryProperties *memory = &gpu->device.memory_properties;
  uint32_t heap = memory->memoryTypes[pool->type].heapIndex;
  uint64_t cap =
      smaller(gpu->memory.block_size_cap, memory->memoryHeaps[heap].size / BLOCK_HEAP_SHARE);
  return smaller(larger(cap, BLOCK_SIZE_MIN), gpu->device.max_allocation_size);
}

/* Padding that keeps neighbours out of each other's granules and atoms. */
static VkMemoryRequirements requirements_pad(const gpu *gpu, const memory_pool *pool,
                                             const memory_request *request) {
  VkMemoryRequirements requirements = request->requirements;
  const VkPhysicalDeviceLimits *limits = &gpu->device.vk_limits;
  uint64_t unit = requirements.alignment == 0 ? 1 : requirements.alignment;
  if (!gpu->memory.keeps_tilings_apart) {
    unit = larger(unit, limits->bufferImageGranularity);
  }
  if (memory_type_needs_flush(&gpu->device, pool->type)) {
    unit = larger(unit, limits->nonCoherentAtomSize);
  }
  requirements.alignment = unit;
  requirements.size = round_up(requirements.size, unit);
  return requirements;
}

static void range_fill(memory_block *block, range_id id, uint64_t offset, uint64_t size,
                       memory_range *out) {
  memory_pool *pool = block->pool;
  *out = (memory_range){
      .memory = block->memory,
      .offset = offset,
      .size = size,
      .mapped = block->mapped == NULL ? NULL : block->mapped + offset,
      .block = block,
      .id = id,
      .type = pool->type,
  };
  pool->range_count++;
  pool->used += size;
  if (pool->spare == block) {
    pool->spare = NULL;
  }
}

/* RG_ERROR_OUT_OF_DEVICE_MEMORY, without a message, where the block has no room. */
static rg_result block_alloc(memory_block *block, const VkMemoryRequirements *requirements,
                             memory_range *out) {
  range_stats stats;
  range_get_stats(block->ranges, &stats);
  if (stats.largest_free < requirements->size) {
    return RG_ERROR_OUT_OF_DEVICE_MEMORY;
  }
  range_id id;
  uint64_t offset;
  rg_result result =
      range_alloc(block->ranges, requirements->size, requirements->alignment, &id, &offset);
  if (result == RG_OK) {
    range_fill(block, id, offset, requirements->size, out);
  }
  return result;
}

/* The spare comes last, so that it can go back to the driver. */
static rg_result pool_alloc_in_blocks(memory_pool *pool, const VkMemoryRequirements *requirements,
                                      memory_range *out) {
  rg_result result = RG_ERROR_OUT_OF_DEVICE_MEMORY;
  for (memory_block *block = pool->blocks; block != NULL && result == RG_ERROR_OUT_OF_DEVICE_MEMORY;
       block = block->next) {
    if (block != pool->spare) {
      result = block_alloc(block, requirements, out);
    }
  }
  if (result == RG_ERROR_OUT_OF_DEVICE_MEMORY && pool->spare != NULL) {
    result = block_alloc(pool->spare, requirements, out);
  }
  return result;
}

/* Sizes double from block to block, but for a large request only its own block grows. What the
 * driver refuses is asked for in halves, down to what the request needs. */
static rg_result pool_grow(gpu *gpu, memory_pool *pool, const VkMemoryRequirements *requirements,
                           memory_block **out) {
  uint64_t cap = larger(pool_block_size_cap(gpu, pool), requirements->size);
  uint64_t next = smaller(larger(pool->next_block_size, BLOCK_SIZE_MIN), cap);
  uint64_t size = next;
  while (size < requirements->size) {
    size = smaller(2 * size, cap);
  }
  rg_result result = block_create(gpu, pool, size, NULL, out);
  while (memory_is_exhausted(result) && size > requirements->size) {
    size = larger(size / 2, requirements->size);
    result = block_create(gpu, pool, size, NULL, out);
  }
  if (result == RG_OK) {
    pool->next_block_size = smaller(2 * smaller(next, size), cap);
  }
  return result;
}

/* ---- Blocks that become empty -------------------------------------------------------------- */

/* Of two empty blocks the larger stays. */
static void pool_spare(gpu *gpu, memory_block *block) {
  memory_pool *pool = block->pool;
  if (pool->spare == NULL) {
    pool->spare = block;
  } else if (pool->spare->size >= block->size) {
    block_destroy(gpu, block);
  } else {
    block_destroy(gpu, pool->spare);
    pool->spare = block;
  }
}

static rg_result pool_alloc_in_new_block(gpu *gpu, memory_pool *pool,
                                         const VkMemoryRequirements *requirements,
                                         memory_range *out) {
  memory_block *block = NULL;
  rg_result result = pool_grow(gpu, pool, requirements, &block);
  if (result != RG_OK) {
    return result;
  }
  result = block_alloc(block, requirements, out);
  if (result != RG_OK) {
    pool_spare(gpu, block);
  }
  return result;
}

static rg_result pool_alloc_dedicated(gpu *gpu, memory_pool *pool, const memory_request *request,
                                      memory_range *out) {
  memory_block *block = NULL;
  rg_result result = block_create(gpu, pool, request->requirements.size, request, &block);
  if (result == RG_OK) {
    range_fill(block, RANGE_NONE, 0, block->size, out);
  }
  return result;
}

static bool wants_dedicated(const gpu *gpu, const memory_pool *pool,
                            const memory_request *request) {
  uint64_t size = request->requirements.size;
  bool has_many =
      gpu->memory.allocation_count > gpu->device.vk_limits.maxMemoryAllocationCount / 4 * 3;
  return request->requires_dedicated || size > pool_block_size_cap(gpu, pool) / 2 ||
         (request->prefers_dedicated && size >= DEDICATED_SIZE_MIN && !has_many);
}

/* Only in what the pool has. RG_ERROR_OUT_OF_DEVICE_MEMORY, without a message, where that is full.
 */
static rg_result pool_alloc_without_growth(gpu *gpu, memory_pool *pool,
                                           const memory_request *request, memory_range *out) {
  VkMemoryRequirements requirements = requirements_pad(gpu, pool, request);
  return wants_dedicated(gpu, pool, request) ? RG_ERROR_OUT_OF_DEVICE_MEMORY
                                             : pool_alloc_in_blocks(pool, &requirements, out);
}

static rg_result pool_alloc(gpu *gpu, memory_pool *pool, const memory_request *request,
                            memory_range *out) {
  rg_result refusal = RG_OK;
  if (wants_dedicated(gpu, pool, request)) {
    refusal = pool_alloc_dedicated(gpu, pool, request, out);
    if (!memory_is_exhausted(refusal) || request->requires_dedicated) {
      return refusal;
    }
  }
  VkMemoryRequirements requirements = requirements_pad(gpu, pool, request);
  rg_result result = pool_alloc_in_blocks(pool, &requirements, out);
  if (result != RG_ERROR_OUT_OF_DEVICE_MEMORY) {
    return result;
  }
  bool fits_block = requirements.size <= pool_block_size_cap(gpu, pool);
  return refusal != RG_OK && !fits_block ? refusal
                                         : pool_alloc_in_new_block(gpu, pool, &requirements, out);
}

/* ---- The ladder ---------------------------------------------------------------------------- */

/* Frees what dead resources hold, as far as the GPU has passed. Where they wait for a batch that
 * nobody has submitted yet, it is submitted now: else memory would grow until somebody does. */
static void dead_free(gpu *gpu) {
  frame_collect(gpu);
  if (frame_waits_for_queue(gpu)) {
    rg_result result = upload_submit(gpu, NULL, 0, NULL);
    if (result != RG_OK) {
      log_message(&gpu->logger, RG_LOG_DEBUG, "freeing memory early: %s", rg_error());
    }
  }
}

static rg_result type_alloc(gpu *gpu, uint32_t type, const memory_request *request,
                            memory_range *out) {
  memory *memory = &gpu->memory;
  bool is_apart = request->is_optimal && memory->keeps_tilings_apart;
  memory_pool *pool = &memory->pools[type + (is_apart ? VK_MAX_MEMORY_TYPES : 0)];
  mutex_lock(&memory->lock);
  rg_result result = pool_alloc_without_growth(gpu, pool, request, out);
  mutex_unlock(&memory->lock);
  if (result != RG_ERROR_OUT_OF_DEVICE_MEMORY) {
    return result;
  }
  dead_free(gpu);
  mutex_lock(&memory->lock);
  result = pool_alloc(gpu, pool, request, out);
  if (memory_is_exhausted(result) && blocks_trim(gpu)) {
    result = pool_alloc(gpu, pool, request, out);
  }
  mutex_unlock(&memory->lock);
  return result;
}

/* Frees what the GPU will pass, too. */
static rg_result type_alloc_after_wait(gpu *gpu, uint32_t type, const memory_request *request,
                                       memory_range *out) {
  uint64_t value = 0;
  rg_result result = upload_submit(gpu, NULL, 0, &value);
  if (result == RG_OK) {
    result = frame_wait(gpu, value, UINT64_MAX);
  }
  if (result == RG_OK) {
    result = type_alloc(gpu, type, request, out);
  }
  return result;
}

rg_result memory_alloc(gpu *gpu, const memory_request *request, memory_range *out) {
  *out = (memory_range){0};
  uint32_t order[VK_MAX_MEMORY_TYPES];
  uint32_t count =
      memory_type_order(&gpu->device, request->requirements.memoryTypeBits, request->update, order);
  const char *label = request->label == NULL ? gpu->label : request->label;
  if (count == 0) {
    return result_set(RG_ERROR_UNSUPPORTED, "memory of '%s': no memory type fits of 0x%x", label,
                      request->requirements.memoryTypeBits);
  }
  rg_result result = type_alloc(gpu, order[0], request, out);
  if (memory_is_exhausted(result) && frame_has_zombies(gpu)) {
    result = type_alloc_after_wait(gpu, order[0], request, out);
  }
  for (uint32_t i = 1; i < count && memory_is_exhausted(result); i++) {
    result = type_alloc(gpu, order[i], request, out);
  }
  return result == RG_OK ? RG_OK : result_prefix(result, "memory of '%s'", label);
}

void memory_free(gpu *gpu, memory_range *range) {
  memory_block *block = range->block;
  if (block == NULL) {
    return;
  }
  mutex_lock(&gpu->memory.lock);
  memory_pool *pool = block->pool;
  pool->range_count--;
  pool->used -= range->size;
  if (block->ranges == NULL) {
    block_destroy(gpu, block);
  } else {
    range_free(block->ranges, range->id);
    if (block_is_empty(block)) {
      pool_spare(gpu, block);
    }
  }
  mutex_unlock(&gpu->memory.lock);
  *range = (memory_range){0};
}

void memory_trim(gpu *gpu) {
  mutex_lock(&gpu->memory.lock);
  blocks_trim(gpu);
  mutex_unlock(&gpu->memory.lock);
}

/* ---- Coherence ----------------------------------------------------------------------------- */

/* Ranges of such memory begin and end at atoms, so that no neighbour's bytes are touched. */
static VkMappedMemoryRange atoms_around(const gpu *gpu, const memory_range *range, uint64_t offset,
                                        uint64_t size) {
  uint64_t atom = gpu->device.vk_limits.nonCoherentAtomSize;
  atom = atom == 0 ? 1 : atom;
  uint64_t first = (range->offset + offset) / atom * atom;
  uint64_t end = round_up(range->offset + offset + size, atom);
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
