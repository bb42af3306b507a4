/* Ranges of a pool: taken from the arena of the thread, from others', from a block that is made for
 * them, or dedicated; and given back. */
#include "memory_internal.h"

/* Threads that met so often where they found room are given blocks of their own. */
#define CLASHES_MAX 16

/* In the others' blocks. Where their threads are met, it is counted. */
static rg_result alloc_elsewhere(memory_pool *pool, memory_arena *own, const memory_need *need,
                                 memory_range *out) {
  rg_result result = RG_ERROR_OUT_OF_DEVICE_MEMORY;
  for (uint32_t i = 0; i < MEMORY_ARENAS && result == RG_ERROR_OUT_OF_DEVICE_MEMORY; i++) {
    memory_arena *arena = &pool->arenas[i];
    if (arena == own) {
      continue;
    }
    if (!mutex_try_lock(&arena->lock)) {
      atomic_fetch_add_explicit(&own->clashes, 1, memory_order_relaxed);
      mutex_lock(&arena->lock);
    }
    result = memory_arena_alloc(arena, need, out);
    mutex_unlock(&arena->lock);
  }
  return result;
}

static rg_result alloc_in_own(memory_arena *own, const memory_need *need, memory_range *out) {
  mutex_lock(&own->lock);
  rg_result result = memory_arena_alloc(own, need, out);
  mutex_unlock(&own->lock);
  return result;
}

/* Where threads met too often, the one that came goes on to grow, and so gets blocks of its own. */
rg_result memory_pool_alloc(memory_pool *pool, const memory_need *need, memory_range *out) {
  memory_arena *own = memory_arena_enter(pool);
  rg_result result = memory_arena_alloc(own, need, out);
  mutex_unlock(&own->lock);
  bool is_crowded = atomic_load_explicit(&own->clashes, memory_order_relaxed) >= CLASHES_MAX;
  return result == RG_ERROR_OUT_OF_DEVICE_MEMORY && !is_crowded
             ? alloc_elsewhere(pool, own, need, out)
             : result;
}

/* A block with room moves over from an arena that keeps another. With the pool's lock held. */
static bool block_take_over(memory_pool *pool, memory_arena *own, const memory_need *need) {
  bool has_taken = false;
  for (uint32_t i = 0; i < MEMORY_ARENAS && !has_taken; i++) {
    memory_arena *from = &pool->arenas[i];
    if (from == own) {
      continue;
    }
    mutex_lock(from < own ? &from->lock : &own->lock);
    mutex_lock(from < own ? &own->lock : &from->lock);
    memory_block *block = memory_arena_surplus(from, need);
    if (block != NULL) {
      memory_arena_remove(from, block);
      memory_arena_add(own, block);
      has_taken = true;
    }
    mutex_unlock(&own->lock);
    mutex_unlock(&from->lock);
  }
  return has_taken;
}

/* A block that then serves nobody, for want of host memory, is kept as the spare if there is none.
 */
static rg_result alloc_in_empty(gpu *gpu, memory_pool *pool, memory_arena *own,
                                const memory_need *need, memory_range *out) {
  memory_block *block = NULL;
  rg_result result = memory_pool_take_empty(gpu, pool, need->size, &block);
  if (result != RG_OK) {
    return result;
  }
  mutex_lock(&own->lock);
  memory_arena_add(own, block);
  result = memory_arena_alloc_in(own, block, need, out);
  if (result != RG_OK) {
    memory_arena_remove(own, block);
  }
  mutex_unlock(&own->lock);
  if (result != RG_OK && pool->spare == NULL) {
    pool->spare = block;
  } else if (result != RG_OK) {
    memory_pool_unlink(pool, block);
    block_destroy(gpu, block);
  }
  return result;
}

static rg_result alloc_growing(gpu *gpu, memory_pool *pool, memory_arena *own, bool is_crowded,
                               const memory_need *need, memory_range *out) {
  rg_result result = RG_ERROR_OUT_OF_DEVICE_MEMORY;
  if (!is_crowded || block_take_over(pool, own, need)) {
    result = alloc_in_own(own, need, out);
  }
  if (result == RG_ERROR_OUT_OF_DEVICE_MEMORY && !is_crowded) {
    result = alloc_elsewhere(pool, own, need, out);
  }
  if (result != RG_ERROR_OUT_OF_DEVICE_MEMORY) {
    return result;
  }
  result = alloc_in_empty(gpu, pool, own, need, out);
  if (!is_crowded || !memory_is_exhausted(result)) {
    return result;
  }
  rg_result elsewhere = alloc_elsewhere(pool, own, need, out);
  return elsewhere == RG_ERROR_OUT_OF_DEVICE_MEMORY ? result : elsewhere;
}

/* Who waits for another's growth looks again before growing as well. */
rg_result memory_pool_alloc_growing(gpu *gpu, memory_pool *pool, const memory_need *need,
                                    memory_range *out) {
  mutex_lock(&pool->lock);
  memory_arena *own = memory_arena_enter(pool);
  mutex_unlock(&own->lock);
  bool is_crowded = atomic_exchange(&own->clashes, 0) >= CLASHES_MAX;
  rg_result result = alloc_growing(gpu, pool, own, is_crowded, need, out);
  mutex_unlock(&pool->lock);
  return result;
}

/* ---- Dedicated ranges ---------------------------------------------------------------------- */

/* The engine's own pools have no limits, so they need not stand still while the driver works. */
static rg_result dedicated_make(gpu *gpu, memory_pool *pool, const memory_request *request,
                                memory_block **out) {
  uint64_t size = request->requirements.size;
  bool is_limited = pool->handle.id != 0;
  rg_result result = RG_OK;
  if (is_limited) {
    mutex_lock(&pool->lock);
    result = memory_pool_limit(pool, size, &size);
  }
  if (result == RG_OK) {
    result = block_create(gpu, pool, size, request, out);
  }
  if (!is_limited) {
    mutex_lock(&pool->lock);
  }
  if (result == RG_OK) {
    (*out)->used = size;
    (*out)->range_count = 1;
    memory_pool_link(pool, *out);
  }
  mutex_unlock(&pool->lock);
  return result;
}

rg_result memory_pool_alloc_dedicated(gpu *gpu, memory_pool *pool, const memory_request *request,
                                      memory_range *out) {
  uint64_t size = request->requirements.size;
  memory_block *block = NULL;
  rg_result result = dedicated_make(gpu, pool, request, &block);
  if (result != RG_OK) {
    return result;
  }
  *out = (memory_range){.memory = block->memory,
                        .size = size,
                        .alignment = request->requirements.alignment,
                        .mapped = block->mapped,
                        .block = block,
                        .id = RANGE_NONE,
                        .type = pool->type};
  return RG_OK;
}

static void free_dedicated(gpu *gpu, memory_block *block) {
  mutex_lock(&block->pool->lock);
  memory_pool_unlink(block->pool, block);
  mutex_unlock(&block->pool->lock);
  block_destroy(gpu, block);
}

/* A block may be taken over while one waits for its arena. */
static memory_arena *block_arena_lock(memory_block *block) {
  for (;;) {
    memory_arena *arena = atomic_load_explicit(&block->arena, memory_order_acquire);
    mutex_lock(&arena->lock);
    if (arena == atomic_load_explicit(&block->arena, memory_order_relaxed)) {
      return arena;
    }
    mutex_unlock(&arena->lock);
  }
}

void memory_pool_free(gpu *gpu, const memory_range *range) {
  memory_block *block = range->block;
  if (block->ranges == NULL) {
    free_dedicated(gpu, block);
    return;
  }
  memory_arena *arena = block_arena_lock(block);
  memory_arena_free(arena, range);
  bool is_empty = block->range_count == 0;
  if (is_empty) {
    memory_arena_remove(arena, block);
  }
  mutex_unlock(&arena->lock);
  if (is_empty) {
    memory_pool_settle(gpu, block);
  }
}

rg_result memory_pool_alloc_in(memory_pool *pool, memory_block *block, const memory_need *need,
                               memory_range *out) {
  bool is_spare = block == pool->spare;
  memory_arena *arena = is_spare ? &pool->arenas[0] : atomic_load(&block->arena);
  if (is_spare) {
    memory_arena_add(arena, block);
  }
  rg_result result = memory_arena_alloc_in(arena, block, need, out);
  if (is_spare && result != RG_OK) {
    memory_arena_remove(arena, block);
  } else if (is_spare) {
    pool->spare = NULL;
  }
  return result;
}
