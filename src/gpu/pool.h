/* Pools of the caller's own: memory of one type that only resources created with it use. */
#ifndef RG_GPU_POOL_H
#define RG_GPU_POOL_H

#include "memory.h"
#include "resource.h"

typedef struct pool {
  resource resource;
  rg_pool_desc desc;   /* as given, but for its label */
  memory_pool *memory; /* what regolith.h calls a pool, to memory.h */
} pool;

typedef struct pools {
  slots slots;
} pools;

void pools_init(struct gpu *gpu);
/* After all resources that may live in a pool. */
void pools_finish(struct gpu *gpu);

/* Holds a pool for a new range: resource_disown lets go. RG_ERROR_STALE_HANDLE: it is no live pool,
 * or its creator has destroyed it. */
RG_NODISCARD rg_result pool_own(struct gpu *gpu, rg_pool pool, memory_pool **out);
/* Whether what is created in the pool must be made for export: false for the null handle and for
 * handles that memory_alloc will refuse. */
bool pool_is_exportable(struct gpu *gpu, rg_pool pool);
#endif
