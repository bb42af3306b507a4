/* Room for what defragmentation moves: in a certain block, and in an empty one. */
#include "memory_internal.h"

uint64_t memory_range_serial(const memory_range *range) {
  const memory_block *block = range->is_alias ? NULL : range->block;
  return block == NULL || block->ranges == NULL ? 0 : block->serial;
}

static memory_need need_of(const memory_range *range) {
  return (memory_need){.size = range->size,
                       .alignment = memory_larger(range->alignment, range->block->pool->atom),
                       .asked = range->size - range->padding,
                       .driver_alignment = range->alignment};
}

/* The caller counts it, as memory_alloc does for its own. */
static rg_result range_begin(gpu *gpu, rg_result result, const memory_range *range,
                             memory_range *out) {
  rg_result owned = RG_OK;
  rg_pool pool = range->block->pool->handle;
  if (result != RG_OK) {
    return result;
  }
  if (pool.id != 0) {
    owned = resource_own(gpu, RG_TYPE_POOL, pool.id);
  }
  if (owned != RG_OK) {
    memory_pool_free(gpu, out);
    *out = (memory_range){0};
    return owned;
  }
  memory_range_begin(gpu, out);
  memory_trace_alloc(&gpu->trace, out, range->size - range->padding, range->alignment,
                     range->block->pool->is_optimal ? MEMORY_TRACE_OPTIMAL : MEMORY_TRACE_LINEAR);
  return RG_OK;
}

/* NULL where it is gone, or on its way to the driver. */
static memory_block *block_of_serial(const memory_pool *pool, uint64_t serial) {
  memory_block *block = pool->blocks;
  while (block != NULL && block->serial != serial) {
    block = block->next_made;
  }
  bool is_there =
      block != NULL && block->ranges != NULL && (block->is_listed || block == pool->spare);
  return is_there ? block : NULL;
}

rg_result memory_alloc_in_block(gpu *gpu, const memory_range *like, uint64_t serial,
                                memory_range *out) {
  *out = (memory_range){0};
  memory_pool *pool = like->block->pool;
  const memory_need need = need_of(like);
  rg_result result = RG_ERROR_OUT_OF_DEVICE_MEMORY;
  memory_pool_lock_all(pool);
  memory_block *block = block_of_serial(pool, serial);
  if (block != NULL) {
    result = memory_pool_alloc_in(pool, block, &need, out);
  }
  memory_pool_unlock_all(pool);
  return range_begin(gpu, result, like, out);
}

rg_result memory_block_reserve(gpu *gpu, const memory_range *like, uint64_t max_size,
                               uint64_t *serial, uint64_t *size) {
  *serial = *size = 0;
  memory_pool *pool = like->block->pool;
  memory_block *block = NULL;
  mutex_lock(&pool->lock);
  rg_result result = memory_pool_reserve(gpu, pool, max_size, &block);
  if (result == RG_OK) {
    *serial = block->serial;
    *size = block->size;
  }
  mutex_unlock(&pool->lock);
  return result;
}
