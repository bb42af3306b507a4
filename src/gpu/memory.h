/* Device memory: a pool per memory type (and tiling, where granularity asks) and the caller's own
 * pools; blocks in each, ranges in blocks. */
#ifndef RG_GPU_MEMORY_H
#define RG_GPU_MEMORY_H

#include "base/range.h"
#include "base/thread.h"

#include <regolith/regolith.h>
#include <stdatomic.h>

struct gpu;

typedef struct memory_block memory_block;
typedef struct memory_pool memory_pool;

typedef struct memory {
  mutex lock; /* before the pools' own; guards the making of pools and the list of the caller's */
  _Atomic(memory_pool *) pools[RG_MAX_POOLS]; /* the engine's own: linear ones by type, then optimal
                                                 ones; NULL until first needed */
  memory_pool *caller_pools;
  uint64_t block_size_cap;
  _Atomic uint64_t last_serial; /* of the block made last */
  bool keeps_tilings_apart;
} memory;

/* A piece of device memory. Zero is none. */
typedef struct memory_range {
  VkDeviceMemory memory;
  uint64_t offset, size; /* bytes; size includes padding */
  uint64_t alignment;    /* bytes, as the driver asked */
  uint64_t padding;      /* bytes behind what was asked for: of atoms, granules and margins */
  void *mapped;          /* the first byte in host memory, or NULL where it is not host-visible */
  memory_block *block;   /* of an alias, the one of the range that it is a share of */
  range_id id;           /* in its block; RANGE_NONE where that is dedicated */
  uint32_t type;         /* Vulkan's memory type index */
  bool is_alias;         /* a share of another's range: freeing it does nothing */
} memory_range;

typedef struct memory_request {
  VkMemoryRequirements requirements;
  rg_update update;
  bool is_optimal; /* an image of optimal tiling */
  bool prefers_dedicated, requires_dedicated;
  VkBuffer dedicated_buffer; /* what the memory is for, where it may be dedicated */
  VkImage dedicated_image;
  const char *label;   /* for messages and block names */
  float priority;      /* 0 to 1; 0 means 0.5, or the pool's. Others have memory of their own from 1
                          MiB on */
  bool needs_address;  /* the buffer's address will be asked for */
  bool is_exportable;  /* memory of its own, to be exported; or of an exportable pool */
  bool is_protected;   /* protected memory only */
  bool prefers_lazy;   /* lazily allocated memory, where such a type is allowed */
  bool is_for_sharing; /* a VkBuffer that others share: they are traced, and it is not */
  rg_pool pool;        /* null means the engine's pools; the range keeps the pool alive */
  const memory_range *place; /* not NULL: nothing is allocated, *out is that place as an alias; it
                                must lie in a live range for as long */
} memory_request;

void memory_init(struct gpu *gpu, uint64_t block_size);
/* All ranges must have been freed, and all of the caller's pools destroyed. */
void memory_finish(struct gpu *gpu);

/* Chooses the type by usage, update frequency and device, then finds room. Before
 * RG_ERROR_OUT_OF_DEVICE_MEMORY it trims empty blocks, submits and waits for what dead resources
 * still hold, tries the next allowed types and asks the host's memory_event; so hold no lock that a
 * zombie's finish takes. RG_ERROR_LIMIT: over the device's limit of one allocation, or of their
 * number, or over what a block of the pool holds. RG_ERROR_INVALID_ARGUMENT: the pool is not for
 * such a resource. Any thread. */
RG_NODISCARD rg_result memory_alloc(struct gpu *gpu, const memory_request *request,
                                    memory_range *out);
/* The memory type that would be tried first (memory_type.c); UINT32_MAX where none fits. */
uint32_t memory_type_first(const struct gpu *gpu, const memory_request *request);
/* Whether a smaller allocation, or one elsewhere, may do where this one failed. */
static inline bool memory_is_exhausted(rg_result result) {
  return result == RG_ERROR_OUT_OF_DEVICE_MEMORY || result == RG_ERROR_LIMIT;
}
/* Zeroes it; a zero range is allowed. The pool of the caller's that it lay in may end here. */
void memory_free(struct gpu *gpu, memory_range *range);

/* Make host writes visible to the device, or device writes to the host: whole atoms around the
 * bytes named. Nothing to do for coherent memory. */
RG_NODISCARD rg_result memory_flush(struct gpu *gpu, const memory_range *range, uint64_t offset,
                                    uint64_t size);
RG_NODISCARD rg_result memory_invalidate(struct gpu *gpu, const memory_range *range,
                                         uint64_t offset, uint64_t size);
/* Gives empty blocks back to the driver, the kept ones too, but for min_blocks; empty shared
 * VkBuffers before. True if there were any. Takes the locks of pools and of shared VkBuffers. */
bool memory_trim(struct gpu *gpu);

/* ---- Pools of the caller's, for pool.c ---- */

/* A pool of that type; desc: checked, its strings are not kept. label: for messages and block
 * names, must live as long as the pool. Makes min_blocks. NULL with *result and the message set.
 */
memory_pool *memory_pool_create(struct gpu *gpu, uint32_t type, const rg_pool_desc *desc,
                                rg_pool handle, const char *label, rg_result *result);
/* No range may be left in it. NULL is allowed. */
void memory_pool_destroy(struct gpu *gpu, memory_pool *pool);
void memory_pool_get_stats(struct gpu *gpu, memory_pool *pool, rg_pool_stats *out);

/* ---- What there is ---- */

rg_pool memory_range_pool(const memory_range *range); /* null: the engine's, or none */
bool memory_range_is_dedicated(const memory_range *range);

typedef struct memory_block_info {
  const void *group;      /* the same for blocks of one pool, and no other */
  rg_pool pool;           /* null: the engine's */
  const char *pool_label; /* NULL: none */
  rg_pool_strategy strategy;
  uint32_t type; /* Vulkan's memory type index */
  bool is_optimal;
  VkDeviceMemory memory;
  uint64_t serial;               /* never used twice */
  uint64_t size, used;           /* bytes; used includes padding */
  uint32_t range_count;          /* 1 where it is dedicated */
  const unsigned char *mapped;   /* all of it, or NULL */
  const range_allocator *ranges; /* NULL where it is dedicated */
  const char *label;             /* of what it is dedicated to; "" otherwise, or for none */
} memory_block_info;

/* Visits each block of all pools, dedicated and empty ones too, pool by pool, under the pool's
 * locks: the visitor must not call back into memory. */
void memory_for_each_block(struct gpu *gpu,
                           void (*visit)(void *user, const memory_block_info *block), void *user);
/* Visits each pool that there is, the engine's by type first; under memory's lock but not the
 * pool's. */
void memory_for_each_pool(struct gpu *gpu, void (*visit)(void *user, const rg_pool_stats *stats),
                          void *user);

/* ---- For defragmentation; under no lock of memory ---- */

/* What another range must be like to take the place of one; does not need its block to live on,
 * only its pool. */
typedef struct memory_shape {
  struct memory_pool *pool;
  uint64_t serial; /* of its block; 0 for aliases, dedicated ranges and none: they have no shape */
  uint64_t size, alignment, padding;
} memory_shape;

/* range: held by the caller, or under a lock that keeps it. */
memory_shape memory_shape_of(const memory_range *range);
/* Room of that shape in the block of that serial number. RG_ERROR_OUT_OF_DEVICE_MEMORY, without a
 * message, where it has no room or is gone. */
RG_NODISCARD rg_result memory_alloc_in_block(struct gpu *gpu, const memory_shape *like,
                                             uint64_t serial, memory_range *out);
/* An empty block of like's pool, of like's size to max_size bytes: its spare, or a new one as the
 * pool would grow by (or somewhat smaller), within all limits. It stays as a spare does: until it
 * is used, or trimmed. *size: its bytes. RG_ERROR_OUT_OF_DEVICE_MEMORY, perhaps without a message,
 * where none of such a size can be had. */
RG_NODISCARD rg_result memory_block_reserve(struct gpu *gpu, const memory_shape *like,
                                            uint64_t max_size, uint64_t *serial, uint64_t *size);

#endif
