/* Device memory: a pool per memory type (and tiling, where granularity asks), blocks in each,
 * ranges in blocks. */
#ifndef RG_GPU_MEMORY_H
#define RG_GPU_MEMORY_H

#include "base/range.h"
#include "base/thread.h"

#include <regolith/regolith.h>

struct gpu;

typedef struct memory_block memory_block;

typedef struct memory_pool {
  uint32_t type; /* Vulkan's memory type index */
  bool is_optimal;
  uint64_t next_block_size; /* grows from small to the cap */
  memory_block *blocks;     /* a list; suballocated ones */
  memory_block *dedicated;
  memory_block *spare; /* the one empty block that is kept; NULL where none is empty */
  uint32_t block_count, dedicated_count, range_count;
  uint32_t made_count; /* blocks ever made, for their names */
  uint64_t size, used;
} memory_pool;

typedef struct memory {
  mutex lock;
  memory_pool pools[RG_MAX_POOLS]; /* linear ones by type, then optimal ones */
  uint64_t heap_used[VK_MAX_MEMORY_HEAPS];
  uint64_t limit;      /* bytes over all heaps; 0 means none */
  uint64_t total_size; /* bytes of all blocks */
  uint64_t block_size_cap;
  uint32_t allocation_count; /* live VkDeviceMemory, against maxMemoryAllocationCount */
  bool keeps_tilings_apart;
} memory;

/* A piece of device memory. Zero is none. */
typedef struct memory_range {
  VkDeviceMemory memory;
  uint64_t offset, size; /* bytes */
  void *mapped;          /* the first byte in host memory, or NULL where it is not host-visible */
  memory_block *block;
  range_id id;
  uint32_t type; /* Vulkan's memory type index */
} memory_range;

typedef struct memory_request {
  VkMemoryRequirements requirements;
  rg_update update;
  bool is_optimal; /* an image of optimal tiling */
  bool prefers_dedicated, requires_dedicated;
  VkBuffer dedicated_buffer; /* what the memory is for, where it may be dedicated */
  VkImage dedicated_image;
  const char *label; /* for messages and block names */
} memory_request;

void memory_init(struct gpu *gpu, uint64_t limit, uint64_t block_size);
/* All ranges must have been freed. */
void memory_finish(struct gpu *gpu);

/* Chooses the type by usage, update frequency and device, then finds room. Before
 * RG_ERROR_OUT_OF_DEVICE_MEMORY it trims empty blocks, submits and waits for what dead resources
 * still hold, and tries the next allowed types; so hold no lock that a zombie's finish takes.
 * RG_ERROR_LIMIT: over the device's limit of one allocation, or of their number. */
RG_NODISCARD rg_result memory_alloc(struct gpu *gpu, const memory_request *request,
                                    memory_range *out);
/* Whether a smaller allocation, or one elsewhere, may do where this one failed. */
static inline bool memory_is_exhausted(rg_result result) {
  return result == RG_ERROR_OUT_OF_DEVICE_MEMORY || result == RG_ERROR_LIMIT;
}
void memory_free(struct gpu *gpu, memory_range *range); /* zeroes it; a zero range is allowed */

/* Make host writes visible to the device, or device writes to the host: whole atoms around the
 * bytes named. Nothing to do for coherent memory. */
RG_NODISCARD rg_result memory_flush(struct gpu *gpu, const memory_range *range, uint64_t offset,
                                    uint64_t size);
RG_NODISCARD rg_result memory_invalidate(struct gpu *gpu, const memory_range *range,
                                         uint64_t offset, uint64_t size);
/* Gives empty blocks back to the driver, the kept ones too. */
void memory_trim(struct gpu *gpu);
void memory_get_stats(struct gpu *gpu, rg_memory_stats *out);

#endif
