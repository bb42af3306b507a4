/* The choice of a memory type: by how often the CPU writes, what lives there, and whether the
 * device's memory is its own or the host's.
 *
 * A type that may serve at all has what is required; the best has what is preferred and little of
 * what is avoided. In order of weight:
 *   own memory, static     device-local and nothing else; then the window; then the host's
 *   own memory, dynamic    device-local and host-visible where all of it is (resizable bar), for it
 * is written in place; else as static, written through the staging ring own memory, stream     the
 * host's, uncached: written in order, read once over the bus own memory, readback   the host's,
 * cached: reading uncached memory is a thousand times slower shared memory          the same, but
 * that buffers are host-visible whatever their frequency, for that spares the staging ring Lazily
 * allocated and protected types are for those who ask only. */
#include "memory_internal.h"

#define DEVICE_LOCAL VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT
#define HOST_VISIBLE VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT
#define HOST_COHERENT VK_MEMORY_PROPERTY_HOST_COHERENT_BIT
#define HOST_CACHED VK_MEMORY_PROPERTY_HOST_CACHED_BIT
#define LAZY VK_MEMORY_PROPERTY_LAZILY_ALLOCATED_BIT
#define PROTECTED VK_MEMORY_PROPERTY_PROTECTED_BIT

/* Types with other properties need features that the engine never enables. */
#define KNOWN (DEVICE_LOCAL | HOST_VISIBLE | HOST_COHERENT | HOST_CACHED | LAZY | PROTECTED)

typedef struct type_rule {
  VkMemoryPropertyFlags required, preferred, avoided;
} type_rule;

/* Stream and readback buffers are mapped for the caller, who is promised coherent memory. */
static const type_rule own_rules[] = {
    [RG_UPDATE_DEFAULT] = {0, DEVICE_LOCAL, HOST_VISIBLE},
    [RG_UPDATE_STATIC] = {0, DEVICE_LOCAL, HOST_VISIBLE},
    [RG_UPDATE_DYNAMIC] = {0, DEVICE_LOCAL | HOST_VISIBLE | HOST_COHERENT, HOST_CACHED},
    [RG_UPDATE_STREAM] = {HOST_VISIBLE | HOST_COHERENT, 0, HOST_CACHED | DEVICE_LOCAL},
    [RG_UPDATE_READBACK] = {HOST_VISIBLE | HOST_COHERENT, HOST_CACHED, DEVICE_LOCAL},
};

#define ALL_VISIBLE (DEVICE_LOCAL | HOST_VISIBLE | HOST_COHERENT)
static const type_rule shared_rules[] = {
    [RG_UPDATE_DEFAULT] = {0, ALL_VISIBLE, HOST_CACHED},
    [RG_UPDATE_STATIC] = {0, ALL_VISIBLE, HOST_CACHED},
    [RG_UPDATE_DYNAMIC] = {0, ALL_VISIBLE, HOST_CACHED},
    [RG_UPDATE_STREAM] = {HOST_VISIBLE | HOST_COHERENT, DEVICE_LOCAL, HOST_CACHED},
    [RG_UPDATE_READBACK] = {HOST_VISIBLE | HOST_COHERENT, DEVICE_LOCAL | HOST_CACHED, 0},
};

VkMemoryPropertyFlags memory_type_flags(const device *device, uint32_t type) {
  return device->memory_properties.memoryTypes[type].propertyFlags;
}

bool memory_type_needs_flush(const device *device, uint32_t type) {
  return (memory_type_flags(device, type) & (HOST_VISIBLE | HOST_COHERENT)) == HOST_VISIBLE;
}

static uint64_t type_heap_size(const device *device, uint32_t type) {
  const VkPhysicalDeviceMemoryProperties *memory = &device->memory_properties;
  return memory->memoryHeaps[memory->memoryTypes[type].heapIndex].size;
}

/* ---- What the device is -------------------------------------------------------------------- */

static bool has_shared_memory(const device *device) {
  return device->info.type == VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU ||
         device->info.type == VK_PHYSICAL_DEVICE_TYPE_CPU;
}

static uint64_t largest_device_heap(const device *device) {
  const VkPhysicalDeviceMemoryProperties *memory = &device->memory_properties;
  uint64_t largest = 0;
  for (uint32_t i = 0; i < memory->memoryHeapCount; i++) {
    if (memory->memoryHeaps[i].flags & VK_MEMORY_HEAP_DEVICE_LOCAL_BIT) {
      largest = memory_larger(largest, memory->memoryHeaps[i].size);
    }
  }
  return largest;
}

/* A window through which the host sees a little of the device's memory (256 MiB on many cards) is
 * left to drivers, and to pools that ask for it by name. */
static bool is_small_window(const device *device, uint32_t type, uint64_t largest) {
  const VkMemoryPropertyFlags both = DEVICE_LOCAL | HOST_VISIBLE;
  return (memory_type_flags(device, type) & both) == both &&
         type_heap_size(device, type) < largest / 2;
}

/* ---- The order ----------------------------------------------------------------------------- */

static type_rule use_rule(const device *device, memory_use use, rg_update update) {
  if (use == MEMORY_USE_PROTECTED) {
    return (type_rule){PROTECTED, DEVICE_LOCAL, HOST_VISIBLE};
  }
  bool is_direct = has_shared_memory(device) && use == MEMORY_USE_BUFFER;
  type_rule rule = is_direct ? shared_rules[update] : own_rules[update];
  rule.preferred |= use == MEMORY_USE_LAZY ? LAZY : 0;
  return rule;
}

static uint32_t count_bits(VkMemoryPropertyFlags flags) {
  uint32_t count = 0;
  for (; flags != 0; flags &= flags - 1) {
    count++;
  }
  return count;
}

/* What is missing weighs most, device-local memory above all else; then what is avoided. */
static uint32_t type_cost(const type_rule *rule, VkMemoryPropertyFlags flags, bool is_window) {
  VkMemoryPropertyFlags missing = rule->preferred & ~flags;
  VkMemoryPropertyFlags unwanted = rule->avoided & flags;
  uint32_t cost = 16 * count_bits(missing) + ((missing & DEVICE_LOCAL) != 0 ? 64 : 0) +
                  2 * count_bits(unwanted) + ((unwanted & DEVICE_LOCAL) != 0 ? 1 : 0);
  return cost + (is_window ? 48 : 0);
}

/* Ties go to the lower index: drivers list the faster type first. */
static void ranking_insert(memory_ranking *ranking, uint32_t costs[VK_MAX_MEMORY_TYPES],
                           uint32_t type, uint32_t cost) {
  uint32_t place = ranking->count++;
  for (; place > 0 && costs[place - 1] > cost; place--) {
    costs[place] = costs[place - 1];
    ranking->types[place] = ranking->types[place - 1];
  }
  costs[place] = cost;
  ranking->types[place] = (uint8_t)type;
}

static memory_ranking ranking_make(const device *device, memory_use use, rg_update update,
                                   VkMemoryPropertyFlags required) {
  type_rule rule = use_rule(device, use, update);
  rule.required |= required;
  VkMemoryPropertyFlags forbidden =
      ~(VkMemoryPropertyFlags)KNOWN | ((LAZY | PROTECTED) & ~(rule.required | rule.preferred));
  uint64_t largest = has_shared_memory(device) ? 0 : largest_device_heap(device);
  uint32_t costs[VK_MAX_MEMORY_TYPES];
  memory_ranking ranking = {0};
  for (uint32_t type = 0; type < device->memory_properties.memoryTypeCount; type++) {
    VkMemoryPropertyFlags flags = memory_type_flags(device, type);
    if ((flags & forbidden) == 0 && (flags & rule.required) == rule.required) {
      bool is_window = (required & HOST_VISIBLE) == 0 && is_small_window(device, type, largest);
      ranking_insert(&ranking, costs, type, type_cost(&rule, flags, is_window));
    }
  }
  return ranking;
}

void memory_types_init(device *device) {
  for (uint32_t use = 0; use < MEMORY_USE_COUNT; use++) {
    for (uint32_t update = 0; update <= RG_UPDATE_READBACK; update++) {
      device->memory_rankings[use][update] =
          ranking_make(device, (memory_use)use, (rg_update)update, 0);
    }
  }
}

static memory_use request_use(const memory_request *request) {
  return request->is_protected   ? MEMORY_USE_PROTECTED
         : request->prefers_lazy ? MEMORY_USE_LAZY
         : request->is_optimal   ? MEMORY_USE_IMAGE
                                 : MEMORY_USE_BUFFER;
}

uint32_t memory_type_order(const device *device, const memory_request *request,
                           VkMemoryPropertyFlags required, uint32_t order[VK_MAX_MEMORY_TYPES]) {
  memory_use use = request_use(request);
  memory_ranking made;
  const memory_ranking *all = &device->memory_rankings[use][request->update];
  if (required != 0) {
    made = ranking_make(device, use, request->update, required);
    all = &made;
  }
  uint32_t count = 0;
  for (uint32_t i = 0; i < all->count; i++) {
    if (request->requirements.memoryTypeBits >> all->types[i] & 1) {
      order[count++] = all->types[i];
    }
  }
  return count;
}

uint32_t memory_type_first(const gpu *gpu, const memory_request *request) {
  uint32_t order[VK_MAX_MEMORY_TYPES];
  return memory_type_order(&gpu->device, request, 0, order) > 0 ? order[0] : UINT32_MAX;
}
