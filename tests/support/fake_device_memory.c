/* The memory of the fake device: heaps that end, types that cannot be mapped, and mappings that
 * must be flushed. */
#include <stdlib.h>
#include <string.h>

#include "fake_device_internal.h"

typedef struct record {
  fake_allocation facts;
  VkDeviceMemory memory;
  uint32_t heap;
  unsigned char *mapped; /* the driver's */
  unsigned char *shadow; /* what the engine sees of incoherent memory; NULL otherwise */
} record;

/* What a list holds, and how many fit. */
static struct {
  record *record_items;
  fake_flush *flush_items;
  uint32_t record_count, flush_count;
  uint32_t record_room, flush_room;
} lists;

/* The live allocation of that handle; drivers use handles again. */
static record *record_find(VkDeviceMemory memory) {
  for (uint32_t i = lists.record_count; i-- > 0;) {
    if (lists.record_items[i].memory == memory && !lists.record_items[i].facts.is_freed) {
      return &lists.record_items[i];
    }
  }
  return NULL;
}

uint64_t fake_memory_size(VkDeviceMemory memory) {
  const record *record = record_find(memory);
  return record == NULL ? 0 : record->facts.size;
}

/* ---- Allocations ---------------------------------------------------------------------------- */

/* What the engine chains to an allocation, for the driver without what only the fake knows. */
typedef struct allocate_chain {
  VkMemoryDedicatedAllocateInfo dedicated;
  VkMemoryAllocateFlagsInfo flags;
  VkExportMemoryAllocateInfo export_info;
  VkMemoryPriorityAllocateInfoEXT priority;
  VkMemoryAllocateInfo info;
} allocate_chain;

#define CHAIN_COPY(member)                                  \
  chain->member = *(const __typeof__(chain->member) *)part; \
  chain->member.pNext = chain->info.pNext;                  \
  chain->info.pNext = &chain->member

static void chain_copy(const VkMemoryAllocateInfo *info, allocate_chain *chain,
                       fake_allocation *facts) {
  *chain = (allocate_chain){.info = *info};
  chain->info.pNext = NULL;
  facts->priority = -1.0f;
  for (const VkBaseInStructure *part = info->pNext; part != NULL; part = part->pNext) {
    if (part->sType == VK_STRUCTURE_TYPE_MEMORY_DEDICATED_ALLOCATE_INFO) {
      CHAIN_COPY(dedicated);
      facts->is_dedicated = true;
    } else if (part->sType == VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_FLAGS_INFO) {
      CHAIN_COPY(flags);
      facts->has_address = (chain->flags.flags & VK_MEMORY_ALLOCATE_DEVICE_ADDRESS_BIT) != 0;
    } else if (part->sType == VK_STRUCTURE_TYPE_EXPORT_MEMORY_ALLOCATE_INFO) {
      CHAIN_COPY(export_info);
      facts->is_exported = true;
    } else if (part->sType == VK_STRUCTURE_TYPE_MEMORY_PRIORITY_ALLOCATE_INFO_EXT) {
      facts->priority = ((const VkMemoryPriorityAllocateInfoEXT *)part)->priority;
      if (fake.driver_has_priority) {
        CHAIN_COPY(priority);
      }
    } else {
      fake_fault("vkAllocateMemory: unknown struct %d in its chain", (int)part->sType);
    }
  }
}

/* What the device itself answers; VK_SUCCESS where the driver is to be asked. */
static VkResult allocation_check(const VkMemoryAllocateInfo *info, uint32_t heap) {
  if (fake.failures_left > 0) {
    fake.failures_left--;
    return VK_ERROR_OUT_OF_DEVICE_MEMORY;
  }
  if (fake.desc.max_allocation_size != 0 && info->allocationSize > fake.desc.max_allocation_size) {
    fake_fault("vkAllocateMemory: %llu bytes exceed maxMemoryAllocationSize",
               (unsigned long long)info->allocationSize);
    return VK_ERROR_OUT_OF_DEVICE_MEMORY;
  }
  if (fake_allocation_live() >= fake.max_allocation_count) {
    fake_fault("vkAllocateMemory: more than maxMemoryAllocationCount, %u",
               fake.max_allocation_count);
    return VK_ERROR_TOO_MANY_OBJECTS;
  }
  const uint64_t room = fake.memory.memoryHeaps[heap].size - fake.heap_used[heap];
  return info->allocationSize > room ? VK_ERROR_OUT_OF_DEVICE_MEMORY : VK_SUCCESS;
}

static VkResult allocate_locked(VkDevice device, const VkMemoryAllocateInfo *info,
                                const VkAllocationCallbacks *callbacks, VkDeviceMemory *out) {
  record record = {.facts = {.size = info->allocationSize, .type = info->memoryTypeIndex}};
  if (info->memoryTypeIndex >= fake.memory.memoryTypeCount) {
    fake_fault("vkAllocateMemory: memory type %u of %u", info->memoryTypeIndex,
               fake.memory.memoryTypeCount);
    return VK_ERROR_OUT_OF_DEVICE_MEMORY;
  }
  record.heap = fake.memory.memoryTypes[info->memoryTypeIndex].heapIndex;
  VkResult result = allocation_check(info, record.heap);
  if (result != VK_SUCCESS) {
    return result;
  }
  allocate_chain chain;
  chain_copy(info, &chain, &record.facts);
  if (fake.desc.layout != FAKE_DRIVERS_OWN) {
    chain.info.memoryTypeIndex = fake.driver_type;
  }
  result = fake.AllocateMemory(device, &chain.info, callbacks, out);
  if (result == VK_SUCCESS) {
    record.memory = *out;
    fake.heap_used[record.heap] += info->allocationSize;
    if (fake.heap_used[record.heap] > fake.heap_peak[record.heap]) {
      fake.heap_peak[record.heap] = fake.heap_used[record.heap];
    }
    FAKE_LIST_ADD(lists, record, record);
  }
  return result;
}

static VKAPI_ATTR VkResult VKAPI_CALL allocate_memory(VkDevice device,
                                                      const VkMemoryAllocateInfo *info,
                                                      const VkAllocationCallbacks *callbacks,
                                                      VkDeviceMemory *out) {
  pthread_mutex_lock(&fake.lock);
  const VkResult result = allocate_locked(device, info, callbacks, out);
  pthread_mutex_unlock(&fake.lock);
  return result;
}

static VKAPI_ATTR void VKAPI_CALL free_memory(VkDevice device, VkDeviceMemory memory,
                                              const VkAllocationCallbacks *callbacks) {
  pthread_mutex_lock(&fake.lock);
  record *record = memory == VK_NULL_HANDLE ? NULL : record_find(memory);
  if (record != NULL) {
    record->facts.is_freed = true;
    fake.heap_used[record->heap] -= record->facts.size;
    free(record->shadow);
    record->shadow = NULL;
  } else if (memory != VK_NULL_HANDLE) {
    fake_fault("vkFreeMemory: of memory that is not live");
  }
  fake.FreeMemory(device, memory, callbacks);
  pthread_mutex_unlock(&fake.lock);
}

/* ---- Mapping -------------------------------------------------------------------------------- */

static bool is_incoherent(const record *record) {
  return (fake_type_flags(record->facts.type) & VK_MEMORY_PROPERTY_HOST_COHERENT_BIT) == 0;
}

static VkResult map_locked(VkDevice device, VkDeviceMemory memory, uint64_t offset, uint64_t size,
                           VkMemoryMapFlags flags, void **out) {
  record *record = record_find(memory);
  if (record == NULL || offset != 0 || size != VK_WHOLE_SIZE ||
      (fake_type_flags(record->facts.type) & VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT) == 0) {
    fake_fault("vkMapMemory: of dead, invisible or not of whole memory");
    return VK_ERROR_MEMORY_MAP_FAILED;
  }
  const VkResult result = fake.MapMemory(device, memory, offset, size, flags, out);
  if (result == VK_SUCCESS && is_incoherent(record) && !fake.desc.is_mock) {
    record->mapped = *out;
    record->shadow = malloc(record->facts.size);
    assert_non_null(record->shadow);
    memset(record->shadow, 0xCD, record->facts.size);
    *out = record->shadow;
  }
  return result;
}

static VKAPI_ATTR VkResult VKAPI_CALL map_memory(VkDevice device, VkDeviceMemory memory,
                                                 VkDeviceSize offset, VkDeviceSize size,
                                                 VkMemoryMapFlags flags, void **out) {
  pthread_mutex_lock(&fake.lock);
  const VkResult result = map_locked(device, memory, offset, size, flags, out);
  pthread_mutex_unlock(&fake.lock);
  return result;
}

static VKAPI_ATTR void VKAPI_CALL unmap_memory(VkDevice device, VkDeviceMemory memory) {
  pthread_mutex_lock(&fake.lock);
  record *record = record_find(memory);
  if (record != NULL) {
    free(record->shadow);
    record->shadow = record->mapped = NULL;
  }
  pthread_mutex_unlock(&fake.lock);
  fake.UnmapMemory(device, memory);
}

static void range_sync(const VkMappedMemoryRange *range, bool is_invalidation) {
  const record *record = record_find(range->memory);
  if (record == NULL) {
    fake_fault("a flush of memory that is not live");
    return;
  }
  const uint64_t whole = record->facts.size;
  const uint64_t size = range->size == VK_WHOLE_SIZE ? whole - range->offset : range->size;
  const bool ends_well = size % fake.atom == 0 || range->offset + size == whole;
  if (range->offset % fake.atom != 0 || !ends_well || range->offset + size > whole) {
    fake_fault("a flush of %llu bytes at %llu of %llu is not one of whole atoms of %llu",
               (unsigned long long)size, (unsigned long long)range->offset,
               (unsigned long long)whole, (unsigned long long)fake.atom);
  } else if (record->shadow != NULL) {
    unsigned char *shadow = record->shadow + range->offset;
    unsigned char *mapped = record->mapped + range->offset;
    memcpy(is_invalidation ? shadow : mapped, is_invalidation ? mapped : shadow, size);
  }
  FAKE_LIST_ADD(lists, flush, (fake_flush){range->offset, range->size, whole, is_invalidation});
}

static VkResult ranges_sync(uint32_t count, const VkMappedMemoryRange *ranges,
                            bool is_invalidation) {
  pthread_mutex_lock(&fake.lock);
  for (uint32_t i = 0; i < count; i++) {
    range_sync(&ranges[i], is_invalidation);
  }
  pthread_mutex_unlock(&fake.lock);
  return VK_SUCCESS;
}

/* The driver's own memory is coherent: it has nothing to do. */
static VKAPI_ATTR VkResult VKAPI_CALL flush_ranges(VkDevice device, uint32_t count,
                                                   const VkMappedMemoryRange *ranges) {
  (void)device;
  return ranges_sync(count, ranges, false);
}

static VKAPI_ATTR VkResult VKAPI_CALL invalidate_ranges(VkDevice device, uint32_t count,
                                                        const VkMappedMemoryRange *ranges) {
  (void)device;
  return ranges_sync(count, ranges, true);
}

const PFN_vkAllocateMemory fake_AllocateMemory = allocate_memory;
const PFN_vkFreeMemory fake_FreeMemory = free_memory;
const PFN_vkMapMemory fake_MapMemory = map_memory;
const PFN_vkUnmapMemory fake_UnmapMemory = unmap_memory;
const PFN_vkFlushMappedMemoryRanges fake_FlushMappedMemoryRanges = flush_ranges;
const PFN_vkInvalidateMappedMemoryRanges fake_InvalidateMappedMemoryRanges = invalidate_ranges;

/* ---- Begin, end, and what was asked for ----------------------------------------------------- */

void fake_memory_begin(void) {
  memset(&lists, 0, sizeof lists);
}

void fake_memory_end(void) {
  if (fake_allocation_live() != 0) {
    fake_fault("%u allocations were never freed", fake_allocation_live());
  }
  free(lists.record_items);
  free(lists.flush_items);
  memset(&lists, 0, sizeof lists);
}

uint32_t fake_allocation_count(void) {
  return lists.record_count;
}

fake_allocation fake_allocation_get(uint32_t index) {
  assert_true(index < lists.record_count);
  return lists.record_items[index].facts;
}

fake_allocation fake_allocation_last(void) {
  return fake_allocation_get(lists.record_count - 1);
}

uint32_t fake_allocation_live(void) {
  uint32_t live = 0;
  for (uint32_t i = 0; i < lists.record_count; i++) {
    live += !lists.record_items[i].facts.is_freed;
  }
  return live;
}

uint64_t fake_heap_used(uint32_t heap) {
  return fake.heap_used[heap];
}

uint64_t fake_heap_peak(uint32_t heap) {
  return fake.heap_peak[heap];
}

uint32_t fake_flush_count(void) {
  return lists.flush_count;
}

fake_flush fake_flush_get(uint32_t index) {
  assert_true(index < lists.flush_count);
  return lists.flush_items[index];
}
