/* What there is of device memory: blocks and pools, one by one, and the sums of a pool. */
#include "memory_internal.h"

rg_pool memory_range_pool(const memory_range *range) {
  return range->block == NULL ? (rg_pool){0} : range->block->pool->handle;
}

bool memory_range_is_dedicated(const memory_range *range) {
  return range->block != NULL && range->block->ranges == NULL;
}

/* ---- Blocks -------------------------------------------------------------------------------- */

static void block_describe(const memory_block *block, memory_block_info *out) {
  const memory_pool *pool = block->pool;
  *out = (memory_block_info){
      .group = pool,
      .pool = pool->handle,
      .pool_label = pool->label,
      .strategy = pool->desc.strategy,
      .type = pool->type,
      .is_optimal = pool->is_optimal,
      .memory = block->memory,
      .serial = block->serial,
      .size = block->size,
      .used = block->used,
      .range_count = block->range_count,
      .mapped = block->mapped,
      .ranges = block->ranges,
      .label = block->label,
  };
}

static void blocks_visit(memory_pool *pool, void (*visit)(void *, const memory_block_info *),
                         void *user) {
  memory_pool_lock_all(pool);
  for (const memory_block *block = pool->blocks; block != NULL; block = block->next_made) {
    memory_block_info info;
    block_describe(block, &info);
    visit(user, &info);
  }
  memory_pool_unlock_all(pool);
}

/* The engine's own by their order, then the caller's; NULL ends. With memory's lock held. */
static memory_pool *pool_next(gpu *gpu, uint32_t *index, const memory_pool *last) {
  memory *memory = &gpu->memory;
  for (; *index < RG_MAX_POOLS; (*index)++) {
    memory_pool *pool = atomic_load(&memory->pools[*index]);
    if (pool != NULL) {
      (*index)++;
      return pool;
    }
  }
  return last == NULL || last->handle.id == 0 ? memory->caller_pools : last->next;
}

void memory_for_each_block(gpu *gpu, void (*visit)(void *, const memory_block_info *), void *user) {
  uint32_t index = 0;
  mutex_lock(&gpu->memory.lock);
  for (memory_pool *pool = pool_next(gpu, &index, NULL); pool != NULL;
       pool = pool_next(gpu, &index, pool)) {
    blocks_visit(pool, visit, user);
  }
  mutex_unlock(&gpu->memory.lock);
}

/* ---- Pools --------------------------------------------------------------------------------- */

/* Adds a block up; *free and *scattered: bytes that are free, and free outside the block's largest
 * hole. */
static void block_count(const memory_block *block, rg_pool_stats *out, uint64_t *free,
                        uint64_t *scattered) {
  out->ranges += block->range_count;
  out->used += block->used;
  out->padding += block->padding;
  if (block->ranges == NULL) {
    return;
  }
  range_stats stats;
  range_get_stats(block->ranges, &stats);
  out->largest_free = memory_larger(out->largest_free, stats.largest_free);
  *free += block->size - block->used;
  *scattered += block->size - block->used - stats.largest_free;
}

void memory_pool_get_stats(gpu *gpu, memory_pool *pool, rg_pool_stats *out) {
  uint64_t free = 0, scattered = 0;
  memory_pool_lock_all(pool);
  *out = (rg_pool_stats){
      .pool = pool->handle,
      .memory_type = pool->type,
      .heap = pool->heap,
      .properties = memory_type_flags(&gpu->device, pool->type),
      .is_optimal = pool->is_optimal,
      .blocks = pool->block_count,
      .dedicated = pool->dedicated_count,
      .size = pool->size,
  };
  for (const memory_block *block = pool->blocks; block != NULL; block = block->next_made) {
    block_count(block, out, &free, &scattered);
  }
  memory_pool_unlock_all(pool);
  out->fragmentation = free == 0 ? 0 : (double)scattered / (double)free;
}

void memory_for_each_pool(gpu *gpu, void (*visit)(void *, const rg_pool_stats *), void *user) {
  uint32_t index = 0;
  mutex_lock(&gpu->memory.lock);
  for (memory_pool *pool = pool_next(gpu, &index, NULL); pool != NULL;
       pool = pool_next(gpu, &index, pool)) {
    rg_pool_stats stats;
    memory_pool_get_stats(gpu, pool, &stats);
    visit(user, &stats);
  }
  mutex_unlock(&gpu->memory.lock);
}
