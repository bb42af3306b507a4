/* What the parts of device memory share: blocks, and the order of memory types. Private to
 * memory*.c. */
#ifndef RG_GPU_MEMORY_INTERNAL_H
#define RG_GPU_MEMORY_INTERNAL_H

#include "gpu.h"

/* One VkDeviceMemory: cut into ranges, or dedicated to one resource. */
struct memory_block {
  memory_block *next, *previous; /* in its pool's list */
  memory_pool *pool;
  VkDeviceMemory memory;
  uint64_t size;
  unsigned char *mapped;   /* all of it, while it lives; NULL where it is not host-visible */
  range_allocator *ranges; /* NULL where it is dedicated */
};

/* Writes the memory types that may serve, the best first, and returns how many there are. */
uint32_t memory_type_order(const device *device, uint32_t allowed, rg_update update,
                           uint32_t order[VK_MAX_MEMORY_TYPES]);
VkMemoryPropertyFlags memory_type_flags(const device *device, uint32_t type);
/* Whether host writes to it must be flushed, and host reads invalidated. */
bool memory_type_needs_flush(const device *device, uint32_t type);

/* The functions below are called with memory.lock held. */

/* A new block of `size` bytes; request: what it is dedicated to, or NULL to be cut into ranges.
 * RG_ERROR_OUT_OF_DEVICE_MEMORY or RG_ERROR_LIMIT: the driver, memory_limit or the number of
 * allocations refuses. */
RG_NODISCARD rg_result block_create(gpu *gpu, memory_pool *pool, uint64_t size,
                                    const memory_request *request, memory_block **out);
void block_destroy(gpu *gpu, memory_block *block);
bool block_is_empty(const memory_block *block);
/* Gives all empty blocks of all pools back; true if there were any. */
bool blocks_trim(gpu *gpu);

#endif
