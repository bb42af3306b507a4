/* Pools of device memory: what a request takes in one, how it grows, and what becomes of blocks
 * that are empty. */
#include <inttypes.h>

#include "memory_internal.h"

#define BLOCK_SIZE_MIN (UINT64_C(1) << 20)
#define BLOCK_HEAP_SHARE 8 /* of a heap, at most one part of so many */

/* ---- Making -------------------------------------------------------------------------------- */

static uint64_t block_size_cap(const gpu *gpu, const memory_pool *pool) {
  if (pool->desc.block_size != 0) {
    return pool->desc.block_size;
  }
  uint64_t heap_size = gpu->device.memory_properties.memoryHeaps[pool->heap].size;
  if (gpu->budget.limit != 0) {
    heap_size = memory_smaller(heap_size, gpu->budget.limit);
  }
  uint64_t cap = memory_smaller(gpu->memory.block_size_cap, heap_size / BLOCK_HEAP_SHARE);
  return memory_smaller(memory_larger(cap, BLOCK_SIZE_MIN), gpu->device.max_allocation_size);
}

/* What keeps neighbours out of each other's granules and atoms. */
static uint64_t pool_atom(const gpu *gpu, const memory_pool *pool) {
  const VkPhysicalDeviceLimits *limits = &gpu->device.vk_limits;
  uint64_t atom = gpu->memory.keeps_tilings_apart || pool->handle.id != 0
                      ? 1
                      : memory_larger(1, limits->bufferImageGranularity);
  return memory_type_needs_flush(&gpu->device, pool->type)
             ? memory_larger(atom, limits->nonCoherentAtomSize)
             : atom;
}

void memory_pool_link(memory_pool *pool, memory_block *block) {
  block->next_made = pool->blocks;
  if (block->next_made != NULL) {
    block->next_made->previous_made = block;
  }
  pool->blocks = block;
  pool->block_count++;
  pool->dedicated_count += block->ranges == NULL ? 1 : 0;
  pool->made_count++;
  pool->size += block->size;
}

void memory_pool_unlink(memory_pool *pool, memory_block *block) {
  *(block->previous_made == NULL ? &pool->blocks : &block->previous_made->next_made) =
      block->next_made;
  if (block->next_made != NULL) {
    block->next_made->previous_made = block->previous_made;
  }
  pool->block_count--;
  pool->dedicated_count -= block->ranges == NULL ? 1 : 0;
  pool->size -= block->size;
  if (block->ranges != NULL && block->size < pool->next_block_size) {
    pool->next_block_size = block->size;
  }
}

/* Blocks made in advance count as used ones: they stay in the first arena. */
static rg_result min_blocks_make(gpu *gpu, memory_pool *pool) {
  rg_result result = RG_OK;
  for (uint32_t i = 0; i < pool->desc.min_blocks && result == RG_OK; i++) {
    memory_block *block = NULL;
    mutex_lock(&pool->lock);
    result = memory_pool_take_empty(gpu, pool, 1, &block);
    if (result == RG_OK) {
      memory_arena_add(&pool->arenas[0], block);
    }
    mutex_unlock(&pool->lock);
  }
  return result;
}

memory_pool *memory_pool_create(gpu *gpu, uint32_t type, const rg_pool_desc *desc, rg_pool handle,
                                const char *label, rg_result *result) {
  memory_pool *pool = host_calloc(&gpu->host, 1, sizeof *pool);
  if (pool == NULL) {
    *result = result_no_memory("memory pool", sizeof *pool);
    return NULL;
  }
  pool->type = type;
  pool->heap = gpu->device.memory_properties.memoryTypes[type].heapIndex;
  pool->handle = handle;
  pool->label = label;
  if (desc != NULL) {
    pool->desc = *desc;
    pool->desc.label = NULL;
  }
  pool->atom = pool_atom(gpu, pool);
  pool->block_size_cap = block_size_cap(gpu, pool);
  mutex_init(&pool->lock);
  for (uint32_t i = 0; i < MEMORY_ARENAS; i++) {
    memory_arena_init(&pool->arenas[i], i);
  }
  *result = min_blocks_make(gpu, pool);
  if (*result != RG_OK) {
    memory_pool_destroy(gpu, pool);
    return NULL;
  }
  return pool;
}

void memory_pool_destroy(gpu *gpu, memory_pool *pool) {
  if (pool == NULL) {
    return;
  }
  uint32_t range_count = pool->dedicated_count;
  for (uint32_t i = 0; i < MEMORY_ARENAS; i++) {
    range_count += pool->arenas[i].range_count;
    memory_arena_finish(&pool->arenas[i]);
  }
  if (range_count != 0) {
    log_message(&gpu->logger, RG_LOG_ERROR, "memory type %u: %u ranges were never freed",
                pool->type, range_count);
  }
  while (pool->blocks != NULL) {
    memory_block *block = pool->blocks;
    memory_pool_unlink(pool, block);
    block_destroy(gpu, block);
  }
  mutex_finish(&pool->lock);
  host_free(&gpu->host, pool, sizeof *pool);
}

/* ---- Growing; with the pool's lock held ---------------------------------------------------- */

/* What the pool's own limits leave for a block of `size` bytes that may shrink to `least`. */
rg_result memory_pool_limit(const memory_pool *pool, uint64_t least, uint64_t *size) {
  const rg_pool_desc *desc = &pool->desc;
  if (desc->max_blocks != 0 && pool->block_count >= desc->max_blocks) {
    return result_set(RG_ERROR_OUT_OF_DEVICE_MEMORY,
                      "pool '%s': %" PRIu64
                      " bytes find no room, and its max_blocks of %u are made",
                      pool->label, least, desc->max_blocks);
  }
  uint64_t left = desc->max_size > pool->size ? desc->max_size - pool->size : 0;
  if (desc->max_size == 0 || *size <= left) {
    return RG_OK;
  }
  if (desc->block_size != 0 || least > left) {
    return result_set(RG_ERROR_OUT_OF_DEVICE_MEMORY,
                      "pool '%s': a block of %" PRIu64
                      " bytes more exceeds its max_size of %" PRIu64 ": its blocks have %" PRIu64,
                      pool->label, desc->block_size != 0 ? desc->block_size : least, desc->max_size,
                      pool->size);
  }
  *size = left;
  return RG_OK;
}

static rg_result block_make(gpu *gpu, memory_pool *pool, uint64_t least, uint64_t size,
                            memory_block **out) {
  rg_result result = memory_pool_limit(pool, least, &size);
  if (result == RG_OK) {
    result = block_create(gpu, pool, size, NULL, out);
  }
  if (result == RG_OK) {
    memory_pool_link(pool, *out);
  }
  return result;
}

static uint64_t next_size(const memory_pool *pool, uint64_t cap) {
  return memory_smaller(memory_larger(pool->next_block_size, BLOCK_SIZE_MIN), cap);
}

/* Sizes double from block to block, but for a large request only its own block grows. What the
 * driver refuses is asked for in halves, down to what the request needs. */
static rg_result pool_grow(gpu *gpu, memory_pool *pool, uint64_t least, memory_block **out) {
  if (pool->desc.block_size != 0) {
    return block_make(gpu, pool, least, pool->desc.block_size, out);
  }
  uint64_t cap = memory_larger(pool->block_size_cap, least);
  uint64_t next = next_size(pool, cap);
  uint64_t size = next;
  while (size < least) {
    size = memory_smaller(2 * size, cap);
  }
  rg_result result = block_make(gpu, pool, least, size, out);
  while (memory_is_exhausted(result) && size > least) {
    size = memory_larger(size / 2, least);
    result = block_make(gpu, pool, least, size, out);
  }
  if (result == RG_OK) {
    pool->next_block_size = memory_smaller(2 * memory_smaller(next, size), cap);
  }
  return result;
}

/* The spare serves last, so that it can go back to the driver. */
rg_result memory_pool_take_empty(gpu *gpu, memory_pool *pool, uint64_t least, memory_block **out) {
  memory_block *spare = pool->spare;
  if (spare == NULL || spare->size < least) {
    return pool_grow(gpu, pool, least, out);
  }
  pool->spare = NULL;
  *out = spare;
  return RG_OK;
}

rg_result memory_pool_reserve(gpu *gpu, memory_pool *pool, uint64_t min_size, uint64_t max_size,
                              memory_block **out) {
  rg_result result = RG_OK;
  if (pool->spare == NULL || pool->spare->size > max_size || pool->spare->size < min_size) {
    memory_block *surplus = pool->spare;
    uint64_t grown = memory_larger(next_size(pool, pool->block_size_cap), min_size);
    uint64_t size =
        pool->desc.block_size != 0 ? pool->desc.block_size : memory_smaller(grown, max_size);
    result = size < min_size || size > max_size ? RG_ERROR_OUT_OF_DEVICE_MEMORY
                                                : block_make(gpu, pool, size, size, &pool->spare);
    if (result == RG_OK && surplus != NULL) {
      memory_pool_unlink(pool, surplus);
      block_destroy(gpu, surplus);
    }
  }
  *out = pool->spare;
  return result;
}

/* ---- Blocks that become empty -------------------------------------------------------------- */

static bool has_min_blocks_only(const memory_pool *pool) {
  return pool->block_count - pool->dedicated_count <= pool->desc.min_blocks;
}

/* Of two empty blocks the larger stays. In no arena, so that nobody takes from it meanwhile. */
void memory_pool_settle(gpu *gpu, memory_block *block) {
  memory_pool *pool = block->pool;
  memory_block *surplus = block;
  mutex_lock(&pool->lock);
  if (has_min_blocks_only(pool)) {
    mutex_lock(&pool->arenas[0].lock);
    memory_arena_add(&pool->arenas[0], block);
    mutex_unlock(&pool->arenas[0].lock);
    surplus = NULL;
  } else if (pool->spare == NULL || pool->spare->size < block->size) {
    surplus = pool->spare;
    pool->spare = block;
  }
  if (surplus != NULL) {
    memory_pool_unlink(pool, surplus);
  }
  mutex_unlock(&pool->lock);
  block_destroy(gpu, surplus);
}

bool memory_pool_trim(gpu *gpu, memory_pool *pool) {
  mutex_lock(&pool->lock);
  memory_block *spare = has_min_blocks_only(pool) ? NULL : pool->spare;
  if (spare != NULL) {
    pool->spare = NULL;
    memory_pool_unlink(pool, spare);
  }
  mutex_unlock(&pool->lock);
  block_destroy(gpu, spare);
  return spare != NULL;
}

/* ---- Standing still ------------------------------------------------------------------------- */

void memory_pool_lock_all(memory_pool *pool) {
  mutex_lock(&pool->lock);
  for (uint32_t i = 0; i < MEMORY_ARENAS; i++) {
    mutex_lock(&pool->arenas[i].lock);
  }
}

void memory_pool_unlock_all(memory_pool *pool) {
  for (uint32_t i = MEMORY_ARENAS; i > 0; i--) {
    mutex_unlock(&pool->arenas[i - 1].lock);
  }
  mutex_unlock(&pool->lock);
}
