/* The choice of a memory type: what each update frequency requires, prefers and avoids. */
#include "memory_internal.h"

#define DEVICE_LOCAL VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT
#define HOST_VISIBLE VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT
#define HOST_COHERENT VK_MEMORY_PROPERTY_HOST_COHERENT_BIT
#define HOST_CACHED VK_MEMORY_PROPERTY_HOST_CACHED_BIT

/* Types with these need a feature, or a resource, made for them. */
#define FORBIDDEN                                                               \
  (VK_MEMORY_PROPERTY_LAZILY_ALLOCATED_BIT | VK_MEMORY_PROPERTY_PROTECTED_BIT | \
   VK_MEMORY_PROPERTY_DEVICE_COHERENT_BIT_AMD | VK_MEMORY_PROPERTY_DEVICE_UNCACHED_BIT_AMD)

/* A small window of host-visible device memory (256 MiB on many cards) is left to drivers and to
 * those who ask for it by name. */
#define WINDOW_SIZE_MIN (UINT64_C(1) << 30)

typedef struct type_rule {
  VkMemoryPropertyFlags required, preferred, avoided;
} type_rule;

/* Stream and readback buffers are mapped for the caller, who is promised coherent memory. */
static const type_rule rules[] = {
    [RG_UPDATE_DEFAULT] = {0, DEVICE_LOCAL, HOST_VISIBLE},
    [RG_UPDATE_STATIC] = {0, DEVICE_LOCAL, HOST_VISIBLE},
    [RG_UPDATE_DYNAMIC] = {0, DEVICE_LOCAL | HOST_VISIBLE | HOST_COHERENT, HOST_CACHED},
    [RG_UPDATE_STREAM] = {HOST_VISIBLE | HOST_COHERENT, 0, HOST_CACHED | DEVICE_LOCAL},
    [RG_UPDATE_READBACK] = {HOST_VISIBLE | HOST_COHERENT, HOST_CACHED, DEVICE_LOCAL},
};

VkMemoryPropertyFlags memory_type_flags(const device *device, uint32_t type) {
  return device->memory_properties.memoryTypes[type].propertyFlags;
}

bool memory_type_needs_flush(const device *device, uint32_t type) {
  return (memory_type_flags(device, type) & (HOST_VISIBLE | HOST_COHERENT)) == HOST_VISIBLE;
}

static bool has_shared_memory(const device *device) {
  return device->info.type == VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU ||
         device->info.type == VK_PHYSICAL_DEVICE_TYPE_CPU;
}

static bool is_small_window(const device *device, uint32_t type) {
  const VkPhysicalDeviceMemoryProperties *memory = &device->memory_properties;
  uint64_t heap_size = memory->memoryHeaps[memory->memoryTypes[type].heapIndex].size;
  const VkMemoryPropertyFlags both = DEVICE_LOCAL | HOST_VISIBLE;
  return (memory_type_flags(device, type) & both) == both && heap_size < WINDOW_SIZE_MIN &&
         !has_shared_memory(device);
}

static uint32_t count_bits(VkMemoryPropertyFlags flags) {
  uint32_t count = 0;
  for (; flags != 0; flags &= flags - 1) {
    count++;
  }
  return count;
}

/* What is missing weighs most, device-local memory above all else; then what is avoided. */
static uint32_t type_cost(const device *device, uint32_t type, rg_update update) {
  const type_rule *rule = &rules[update];
  VkMemoryPropertyFlags flags = memory_type_flags(device, type);
  VkMemoryPropertyFlags missing = rule->preferred & ~flags;
  VkMemoryPropertyFlags unwanted = rule->avoided & flags;
  uint32_t cost = 16 * count_bits(missing) + ((missing & DEVICE_LOCAL) != 0 ? 64 : 0) +
                  2 * count_bits(unwanted) + ((unwanted & DEVICE_LOCAL) != 0 ? 1 : 0);
  return cost + (is_small_window(device, type) ? 48 : 0);
}

/* Ties go to the lower index: drivers list the faster type first. */
uint32_t memory_type_order(const device *device, uint32_t allowed, rg_update update,
                           uint32_t order[VK_MAX_MEMORY_TYPES]) {
  uint32_t costs[VK_MAX_MEMORY_TYPES];
  uint32_t count = 0;
  for (uint32_t type = 0; type < device->memory_properties.memoryTypeCount; type++) {
    VkMemoryPropertyFlags flags = memory_type_flags(device, type);
    VkMemoryPropertyFlags required = rules[update].required;
    bool is_allowed = (allowed >> type & 1) != 0 && (flags & FORBIDDEN) == 0;
    if (!is_allowed || (flags & required) != required) {
      continue;
    }
    uint32_t cost = type_cost(device, type, update);
    uint32_t place = count++;
    for (; place > 0 && costs[place - 1] > cost; place--) {
      costs[place] = costs[place - 1];
      order[place] = order[place - 1];
    }
    costs[place] = cost;
    order[place] = type;
  }
  return count;
}
