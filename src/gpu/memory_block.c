/* Blocks of device memory: made within the limits of driver and user, mapped for as long as they
 * live. */
#include <inttypes.h>
#include <stdio.h>

#include "memory_internal.h"

/* ---- Making -------------------------------------------------------------------------------- */

static rg_result limits_check(gpu *gpu, uint32_t type, uint64_t size) {
  const memory *memory = &gpu->memory;
  if (memory->limit != 0 && size > memory->limit - memory->total_size) {
    return result_set(RG_ERROR_OUT_OF_DEVICE_MEMORY,
                      "%" PRIu64 " bytes more exceed memory_limit: %" PRIu64 " of %" PRIu64
                      " bytes are in use",
                      size, memory->total_size, memory->limit);
  }
  uint32_t count_max = gpu->device.vk_limits.maxMemoryAllocationCount;
  if (memory->allocation_count >= count_max) {
    return result_set(RG_ERROR_LIMIT, "memory type %u: %u allocations exceed the device's %u", type,
                      memory->allocation_count + 1, count_max);
  }
  if (size > gpu->device.max_allocation_size) {
    return result_set(RG_ERROR_LIMIT,
                      "memory type %u: %" PRIu64 " bytes exceed the device's %" PRIu64
                      " of one allocation",
                      type, size, gpu->device.max_allocation_size);
  }
  return RG_OK;
}

static rg_result block_allocate(gpu *gpu, memory_block *block, const memory_request *request) {
  VkMemoryDedicatedAllocateInfo dedicated = {
      .sType = VK_STRUCTURE_TYPE_MEMORY_DEDICATED_ALLOCATE_INFO,
      .image = request == NULL ? VK_NULL_HANDLE : request->dedicated_image,
      .buffer = request == NULL ? VK_NULL_HANDLE : request->dedicated_buffer,
  };
  bool is_dedicated = dedicated.image != VK_NULL_HANDLE || dedicated.buffer != VK_NULL_HANDLE;
  VkMemoryAllocateInfo info = {
      .sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
      .pNext = is_dedicated ? &dedicated : NULL,
      .allocationSize = block->size,
      .memoryTypeIndex = block->pool->type,
  };
  char what[64];
  snprintf(what, sizeof what, "%" PRIu64 " bytes of type %u", block->size, block->pool->type);
  VkResult vk_result = gpu->vk.AllocateMemory(gpu->device.handle, &info, NULL, &block->memory);
  if (vk_result != VK_SUCCESS) {
    block->memory = VK_NULL_HANDLE;
    return dispatch_result(vk_result, "vkAllocateMemory", what);
  }
  gpu->memory.allocation_count++;
  if ((memory_type_flags(&gpu->device, block->pool->type) & VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT) ==
      0) {
    return RG_OK;
  }
  void *mapped = NULL;
  vk_result = gpu->vk.MapMemory(gpu->device.handle, block->memory, 0, VK_WHOLE_SIZE, 0, &mapped);
  block->mapped = vk_result == VK_SUCCESS ? mapped : NULL;
  return dispatch_result(vk_result, "vkMapMemory", what);
}

static void block_name(gpu *gpu, const memory_block *block, const memory_request *request) {
  char name[64];
  snprintf(name, sizeof name, "block %u of type %u", block->pool->made_count, block->pool->type);
  device_name(gpu, VK_OBJECT_TYPE_DEVICE_MEMORY, (uint64_t)block->memory,
              request == NULL || request->label == NULL ? gpu->label : request->label, name);
}

static uint64_t *heap_used(gpu *gpu, const memory_pool *pool) {
  const VkPhysicalDeviceMemoryProperties *memory = &gpu->device.memory_properties;
  return &gpu->memory.heap_used[memory->memoryTypes[pool->type].heapIndex];
}

static void block_link(gpu *gpu, memory_block *block) {
  memory_pool *pool = block->pool;
  bool is_dedicated = block->ranges == NULL;
  memory_block **list = is_dedicated ? &pool->dedicated : &pool->blocks;
  block->next = *list;
  if (*list != NULL) {
    (*list)->previous = block;
  }
  *list = block;
  pool->block_count++;
  pool->dedicated_count += is_dedicated ? 1 : 0;
  pool->made_count++;
  pool->size += block->size;
  gpu->memory.total_size += block->size;
  *heap_used(gpu, pool) += block->size;
}

/* Frees what a block holds, linked or not. */
static void block_release(gpu *gpu, memory_block *block) {
  range_destroy(block->ranges);
  if (block->memory != VK_NULL_HANDLE) {
    if (block->mapped != NULL) {
      gpu->vk.UnmapMemory(gpu->device.handle, block->memory);
    }
    gpu->vk.FreeMemory(gpu->device.handle, block->memory, NULL);
    gpu->memory.allocation_count--;
  }
  host_free(&gpu->host, block, sizeof *block);
}

rg_result block_create(gpu *gpu, memory_pool *pool, uint64_t size, const memory_request *request,
                       memory_block **out) {
  rg_result result = RG_OK;
  RG_TRY(limits_check(gpu, pool->type, size));
  memory_block *block = host_calloc(&gpu->host, 1, sizeof *block);
  if (block == NULL) {
    return result_no_memory("memory block", sizeof *block);
  }
  block->pool = pool;
  block->size = size;
  if (request == NULL) {
    block->ranges = range_create(&gpu->host, size);
    if (block->ranges == NULL) {
      result = result_no_memory("memory block's ranges", size);
    }
  }
  if (result == RG_OK) {
    result = block_allocate(gpu, block, request);
  }
  if (result != RG_OK) {
    block_release(gpu, block);
    return result;
  }
  block_name(gpu, block, request);
  block_link(gpu, block);
  *out = block;
fail:
  return result;
}

/* ---- Giving back --------------------------------------------------------------------------- */

void block_destroy(gpu *gpu, memory_block *block) {
  memory_pool *pool = block->pool;
  bool is_dedicated = block->ranges == NULL;
  memory_block **list = is_dedicated ? &pool->dedicated : &pool->blocks;
  *(block->previous == NULL ? list : &block->previous->next) = block->next;
  if (block->next != NULL) {
    block->next->previous = block->previous;
  }
  pool->block_count--;
  pool->dedicated_count -= is_dedicated ? 1 : 0;
  pool->size -= block->size;
  gpu->memory.total_size -= block->size;
  *heap_used(gpu, pool) -= block->size;
  if (pool->spare == block) {
    pool->spare = NULL;
  }
  if (!is_dedicated && block->size < pool->next_block_size) {
    pool->next_block_size = block->size;
  }
  block_release(gpu, block);
}

bool block_is_empty(const memory_block *block) {
  range_stats stats;
  range_get_stats(block->ranges, &stats);
  return stats.count == 0;
}

bool blocks_trim(gpu *gpu) {
  bool has_trimmed = false;
  for (uint32_t i = 0; i < RG_MAX_POOLS; i++) {
    memory_block *spare = gpu->memory.pools[i].spare;
    if (spare != NULL) {
      block_destroy(gpu, spare);
      has_trimmed = true;
    }
  }
  return has_trimmed;
}
