/* Blocks of device memory: made within the limits of driver and user, mapped for as long as they
 * live. */
#include <inttypes.h>
#include <stdio.h>

#include "memory_internal.h"

#define PRIORITY_DEFAULT 0.5f

/* Of the device's count of allocations, one part of so many is left to what must have its own. */
#define COUNT_MARGIN 16

uint32_t block_count_max(const gpu *gpu) {
  uint32_t max = gpu->device.vk_limits.maxMemoryAllocationCount;
  return max - max / COUNT_MARGIN;
}

/* ---- Making -------------------------------------------------------------------------------- */

static rg_result limits_check(gpu *gpu, const memory_pool *pool, uint64_t size,
                              const memory_request *request) {
  if (size > gpu->device.max_allocation_size) {
    return result_set(RG_ERROR_LIMIT,
                      "memory type %u: %" PRIu64 " bytes exceed the device's %" PRIu64
                      " of one allocation",
                      pool->type, size, gpu->device.max_allocation_size);
  }
  uint32_t count = atomic_load(&gpu->budget.allocation_count);
  bool is_needed = request != NULL && (request->requires_dedicated || request->is_exportable);
  if (!is_needed && count >= block_count_max(gpu)) {
    return result_set(RG_ERROR_LIMIT,
                      "memory type %u: %u allocations exceed the device's %u, of which %u are kept "
                      "for resources that need their own",
                      pool->type, count + 1, gpu->device.vk_limits.maxMemoryAllocationCount,
                      gpu->device.vk_limits.maxMemoryAllocationCount - block_count_max(gpu));
  }
  return RG_OK;
}

/* What vkAllocateMemory is told beside size and type. */
typedef struct allocate_chain {
  VkMemoryAllocateInfo info;
  VkMemoryDedicatedAllocateInfo dedicated;
  VkMemoryAllocateFlagsInfo flags;
  VkMemoryPriorityAllocateInfoEXT priority;
  VkExportMemoryAllocateInfo export;
} allocate_chain;

static void chain_add(allocate_chain *chain, void *link) {
  VkBaseInStructure *structure = link;
  structure->pNext = chain->info.pNext;
  chain->info.pNext = structure;
}

static void chain_add_dedicated(allocate_chain *chain, const memory_request *request) {
  if (request == NULL ||
      (request->dedicated_image == VK_NULL_HANDLE && request->dedicated_buffer == VK_NULL_HANDLE)) {
    return;
  }
  chain->dedicated = (VkMemoryDedicatedAllocateInfo){
      .sType = VK_STRUCTURE_TYPE_MEMORY_DEDICATED_ALLOCATE_INFO,
      .image = request->dedicated_image,
      .buffer = request->dedicated_buffer,
  };
  chain_add(chain, &chain->dedicated);
}

/* Blocks that are cut into ranges serve buffers with addresses, too. */
static void chain_add_address(allocate_chain *chain, const gpu *gpu, const memory_pool *pool,
                              const memory_request *request) {
  VkMemoryPropertyFlags properties = memory_type_flags(&gpu->device, pool->type);
  bool is_wanted = request != NULL ? request->needs_address
                                   : (properties & VK_MEMORY_PROPERTY_LAZILY_ALLOCATED_BIT) == 0;
  if (gpu->device.has_device_address && is_wanted) {
    chain->flags = (VkMemoryAllocateFlagsInfo){
        .sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_FLAGS_INFO,
        .flags = VK_MEMORY_ALLOCATE_DEVICE_ADDRESS_BIT,
    };
    chain_add(chain, &chain->flags);
  }
}

static void chain_add_priority(allocate_chain *chain, const gpu *gpu, const memory_pool *pool,
                               const memory_request *request) {
  float priority =
      request != NULL && request->priority != 0.0f ? request->priority : pool->desc.priority;
  if (gpu->device.has_memory_priority && priority != 0.0f && priority != PRIORITY_DEFAULT) {
    chain->priority = (VkMemoryPriorityAllocateInfoEXT){
        .sType = VK_STRUCTURE_TYPE_MEMORY_PRIORITY_ALLOCATE_INFO_EXT, .priority = priority};
    chain_add(chain, &chain->priority);
  }
}

static void chain_add_export(allocate_chain *chain, const memory_pool *pool,
                             const memory_request *request) {
  if (pool->desc.is_exportable || (request != NULL && request->is_exportable)) {
    chain->export = (VkExportMemoryAllocateInfo){
        .sType = VK_STRUCTURE_TYPE_EXPORT_MEMORY_ALLOCATE_INFO,
        .handleTypes = VK_EXTERNAL_MEMORY_HANDLE_TYPE_OPAQUE_FD_BIT,
    };
    chain_add(chain, &chain->export);
  }
}

static rg_result block_map(gpu *gpu, memory_block *block, const char *what) {
  VkMemoryPropertyFlags properties = memory_type_flags(&gpu->device, block->pool->type);
  if ((properties & VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT) == 0) {
    return RG_OK;
  }
  void *mapped = NULL;
  VkResult vk_result =
      gpu->vk.MapMemory(gpu->device.handle, block->memory, 0, VK_WHOLE_SIZE, 0, &mapped);
  block->mapped = vk_result == VK_SUCCESS ? mapped : NULL;
  return dispatch_result(vk_result, "vkMapMemory", what);
}

static rg_result block_allocate(gpu *gpu, memory_block *block, const memory_request *request) {
  const memory_pool *pool = block->pool;
  allocate_chain chain = {.info = {.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
                                   .allocationSize = block->size,
                                   .memoryTypeIndex = pool->type}};
  chain_add_dedicated(&chain, request);
  chain_add_address(&chain, gpu, pool, request);
  chain_add_priority(&chain, gpu, pool, request);
  chain_add_export(&chain, pool, request);
  char what[64];
  snprintf(what, sizeof what, "%" PRIu64 " bytes of type %u", block->size, pool->type);
  rg_result result = memory_budget_take(gpu, pool->heap, block->size);
  if (result != RG_OK) {
    return result;
  }
  VkResult vk_result =
      gpu->vk.AllocateMemory(gpu->device.handle, &chain.info, NULL, &block->memory);
  if (vk_result != VK_SUCCESS) {
    block->memory = VK_NULL_HANDLE;
    memory_budget_give(gpu, pool->heap, block->size);
    return dispatch_result(vk_result, "vkAllocateMemory", what);
  }
  return block_map(gpu, block, what);
}

static void block_name(gpu *gpu, const memory_block *block) {
  char name[64];
  const char *label = block->label[0] != '\0' ? block->label : block->pool->label;
  snprintf(name, sizeof name, "block %" PRIu64 " of type %u", block->serial, block->pool->type);
  device_name(gpu, VK_OBJECT_TYPE_DEVICE_MEMORY, (uint64_t)block->memory,
              label == NULL ? gpu->label : label, name);
}

static rg_result block_init(gpu *gpu, memory_block *block, const memory_request *request) {
  const rg_pool_desc *desc = &block->pool->desc;
  if (request == NULL) {
    static const range_strategy strategies[] = {
        [RG_POOL_DEFAULT] = RANGE_BEST_FIT, [RG_POOL_BEST_FIT] = RANGE_BEST_FIT,
        [RG_POOL_STACK] = RANGE_STACK,      [RG_POOL_RING] = RANGE_RING,
        [RG_POOL_SLOTS] = RANGE_SLOTS,
    };
    range_desc ranges = {
        .size = block->size, .strategy = strategies[desc->strategy], .slot_size = desc->slot_size};
    block->ranges = range_create_with(&gpu->host, &ranges);
    if (block->ranges == NULL) {
      return result_no_memory("memory block's ranges", block->size);
    }
  } else if (request->label != NULL) {
    snprintf(block->label, sizeof block->label, "%s", request->label);
  }
  return block_allocate(gpu, block, request);
}

rg_result block_create(gpu *gpu, memory_pool *pool, uint64_t size, const memory_request *request,
                       memory_block **out) {
  rg_result result = RG_OK;
  memory_block *block = NULL;
  RG_TRY(limits_check(gpu, pool, size, request));
  block = host_calloc(&gpu->host, 1, sizeof *block);
  if (block == NULL) {
    return result_no_memory("memory block", sizeof *block);
  }
  block->pool = pool;
  block->size = size;
  block->serial = atomic_fetch_add(&gpu->memory.last_serial, 1) + 1;
  RG_TRY(block_init(gpu, block, request));
  block_name(gpu, block);
  *out = block;
  return RG_OK;
fail:
  block_destroy(gpu, block);
  return result;
}

/* ---- Giving back --------------------------------------------------------------------------- */

void block_destroy(gpu *gpu, memory_block *block) {
  if (block == NULL) {
    return;
  }
  range_destroy(block->ranges);
  if (block->memory != VK_NULL_HANDLE) {
    if (block->mapped != NULL) {
      gpu->vk.UnmapMemory(gpu->device.handle, block->memory);
    }
    gpu->vk.FreeMemory(gpu->device.handle, block->memory, NULL);
    memory_budget_give(gpu, block->pool->heap, block->size);
  }
  host_free(&gpu->host, block, sizeof *block);
}
