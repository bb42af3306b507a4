/* Room for what defragmentation moves: in a certain block, and in an empty one. */
#include "memory_internal.h"

memory_shape memory_shape_of(const memory_range *range) {
  const memory_block *block = range->is_alias ? NULL : range->block;
  if (block == NULL || block->ranges == NULL) {
    return (memory_shape){0};
  }
  return (memory_shape){.pool = block->pool,
                        .serial = block->serial,
                        .size = range->size,
                        .alignment = range->alignment,
                        .padding = range->padding};
}

static memory_need need_of(const memory_shape *like) {
  return (memory_need){.size = like->size,
                       .alignment = memory_larger(like->alignment, like->pool->atom),
                       .asked = like->size - like->padding,
                       .driver_alignment = like->alignment};
}

/* The caller counts it, as memory_alloc does for its own. */
static rg_result range_begin(gpu *gpu, rg_result result, const memory_shape *like,
                             memory_range *out) {
  rg_result owned = RG_OK;
  rg_pool pool = like->pool->handle;
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
  memory_trace_alloc(&gpu->trace, out, like->size - like->padding, like->alignment,
                     like->pool->is_optimal ? MEMORY_TRACE_OPTIMAL : MEMORY_TRACE_LINEAR);
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

rg_result memory_alloc_in_block(gpu *gpu, const memory_shape *like, uint64_t serial,
                                memory_range *out) {
  *out = (memory_range){0};
  memory_pool *pool = like->pool;
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

rg_result memory_block_reserve(gpu *gpu, const memory_shape *like, uint64_t max_size,
                               uint64_t *serial, uint64_t *size) {
  *serial = *size = 0;
  memory_pool *pool = like->pool;
  memory_block *block = NULL;
  mutex_lock(&pool->lock);
  rg_result result = memory_pool_reserve(gpu, pool, like->size, max_size, &block);
  if (result == RG_OK) {
    *serial = block->serial;
    *size = block->size;
  }
  mutex_unlock(&pool->lock);
  return result;
}
