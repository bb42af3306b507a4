/* What device memory is in use, by pool and by heap. */
#include "memory_internal.h"

static void pool_stats(const gpu *gpu, const memory_pool *pool, rg_pool_stats *out) {
  const VkMemoryType *type = &gpu->device.memory_properties.memoryTypes[pool->type];
  *out = (rg_pool_stats){
      .memory_type = pool->type,
      .heap = type->heapIndex,
      .properties = type->propertyFlags,
      .is_optimal = pool->is_optimal,
      .blocks = pool->block_count,
      .dedicated = pool->dedicated_count,
      .ranges = pool->range_count,
      .size = pool->size,
      .used = pool->used,
  };
  for (const memory_block *block = pool->blocks; block != NULL; block = block->next) {
    range_stats stats;
    range_get_stats(block->ranges, &stats);
    out->largest_free =
        stats.largest_free > out->largest_free ? stats.largest_free : out->largest_free;
  }
}

/* The driver's budget counts other processes too; it is asked for each time. */
static void heap_stats(gpu *gpu, rg_memory_stats *out) {
  VkPhysicalDeviceMemoryBudgetPropertiesEXT budget = {
      .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_BUDGET_PROPERTIES_EXT};
  VkPhysicalDeviceMemoryProperties2 properties = {
      .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_PROPERTIES_2, .pNext = &budget};
  if (gpu->device.has_memory_budget) {
    gpu->vk.GetPhysicalDeviceMemoryProperties2(gpu->device.physical, &properties);
  }
  const VkPhysicalDeviceMemoryProperties *memory = &gpu->device.memory_properties;
  uint64_t limit = gpu->memory.limit;
  out->heap_count = memory->memoryHeapCount;
  for (uint32_t i = 0; i < out->heap_count; i++) {
    rg_heap_stats *heap = &out->heaps[i];
    heap->size = memory->memoryHeaps[i].size;
    heap->used = gpu->memory.heap_used[i];
    heap->budget = budget.heapBudget[i] != 0 ? budget.heapBudget[i] : heap->size;
    heap->budget = limit != 0 && limit < heap->budget ? limit : heap->budget;
    heap->is_device_local = (memory->memoryHeaps[i].flags & VK_MEMORY_HEAP_DEVICE_LOCAL_BIT) != 0;
  }
}

void memory_get_stats(gpu *gpu, rg_memory_stats *out) {
  *out = (rg_memory_stats){.host_bytes = atomic_load(&gpu->host.live_bytes)};
  mutex_lock(&gpu->memory.lock);
  for (uint32_t i = 0; i < RG_MAX_POOLS; i++) {
    const memory_pool *pool = &gpu->memory.pools[i];
    if (pool->made_count != 0) {
      pool_stats(gpu, pool, &out->pools[out->pool_count++]);
    }
    out->used += pool->used;
  }
  out->size = gpu->memory.total_size;
  heap_stats(gpu, out);
  mutex_unlock(&gpu->memory.lock);
}

void rg_memory_get_stats(rg_engine *engine, rg_memory_stats *out) {
  memory_get_stats(gpu_of(engine), out);
}

void rg_memory_trim(rg_engine *engine) {
  memory_trim(gpu_of(engine));
}
