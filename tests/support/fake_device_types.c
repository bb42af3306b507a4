/* The heaps and memory types that the fake device reports, and their budgets. */
#include "fake_device_internal.h"

#define D VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT
#define V VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT
#define C VK_MEMORY_PROPERTY_HOST_COHERENT_BIT
#define K VK_MEMORY_PROPERTY_HOST_CACHED_BIT

typedef struct layout_facts {
  VkPhysicalDeviceType device_type;
  uint32_t heap_count; /* 0: device-local, 1: the host's, 2: device-local, small */
  VkMemoryType types[5];
} layout_facts;

static const layout_facts layouts[] = {
    [FAKE_DISCRETE] = {VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU,
                       2,
                       {{D, 0}, {V | C, 1}, {V | C | K, 1}}},
    [FAKE_SMALL_BAR] = {VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU,
                        3,
                        {{D, 0}, {V | C, 1}, {D | V | C, 2}, {V | C | K, 1}}},
    [FAKE_RESIZABLE_BAR] = {VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU,
                            2,
                            {{D, 0}, {V | C, 1}, {D | V | C, 0}, {V | C | K, 1}}},
    [FAKE_INTEGRATED] = {VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU,
                         1,
                         {{D, 0}, {D | V | C, 0}, {D | V | C | K, 0}}},
    [FAKE_INCOHERENT] = {VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU,
                         2,
                         {{D, 0}, {V | C, 1}, {D | V | K, 0}, {V | C | K, 1}}},
};

static void type_add(VkMemoryPropertyFlags flags, uint32_t heap) {
  fake.memory.memoryTypes[fake.memory.memoryTypeCount++] = (VkMemoryType){flags, heap};
}

static void layout_apply(void) {
  const layout_facts *facts = &layouts[fake.desc.layout];
  const uint64_t defaults[3] = {UINT64_C(1) << 30, UINT64_C(1) << 30, UINT64_C(256) << 20};
  fake.memory = (VkPhysicalDeviceMemoryProperties){.memoryHeapCount = facts->heap_count};
  for (uint32_t i = 0; i < facts->heap_count; i++) {
    const uint64_t size = fake.desc.heap_sizes[i];
    fake.memory.memoryHeaps[i].size = size != 0 ? size : defaults[i];
    fake.memory.memoryHeaps[i].flags = i == 1 ? 0 : VK_MEMORY_HEAP_DEVICE_LOCAL_BIT;
  }
  for (uint32_t i = 0; i < 5 && facts->types[i].propertyFlags != 0; i++) {
    type_add(facts->types[i].propertyFlags, facts->types[i].heapIndex);
  }
  if (fake.desc.has_lazy) {
    type_add(D | VK_MEMORY_PROPERTY_LAZILY_ALLOCATED_BIT, 0);
  }
  if (fake.desc.has_protected) {
    type_add(D | VK_MEMORY_PROPERTY_PROTECTED_BIT, 0);
  }
}

/* The driver's first type that the host can use freely serves for all. */
static void memory_learn(VkPhysicalDevice physical) {
  VkPhysicalDeviceMemoryProperties2 driver = {
      .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_PROPERTIES_2};
  fake.GetPhysicalDeviceMemoryProperties2(physical, &driver);
  fake.memory = driver.memoryProperties;
  for (uint32_t i = fake.memory.memoryTypeCount; i-- > 0;) {
    if ((fake.memory.memoryTypes[i].propertyFlags & (V | C)) == (V | C)) {
      fake.driver_type = i;
    }
  }
  if (fake.desc.layout != FAKE_DRIVERS_OWN) {
    layout_apply();
  }
  for (uint32_t i = 0; i < 3 && fake.desc.layout == FAKE_DRIVERS_OWN; i++) {
    if (fake.desc.heap_sizes[i] != 0) {
      fake.memory.memoryHeaps[i].size = fake.desc.heap_sizes[i];
    }
  }
  fake.is_known = true;
}

VkMemoryPropertyFlags fake_type_flags(uint32_t type) {
  return fake.memory.memoryTypes[type].propertyFlags;
}

static void budget_fill(VkPhysicalDeviceMemoryBudgetPropertiesEXT *out) {
  fake.budget_count++;
  for (uint32_t i = 0; i < fake.memory.memoryHeapCount; i++) {
    out->heapBudget[i] =
        fake.heap_budget[i] != 0 ? fake.heap_budget[i] : fake.memory.memoryHeaps[i].size;
    out->heapUsage[i] = fake.heap_used[i] + fake.other_usage[i];
  }
}

static VKAPI_ATTR void VKAPI_CALL get_memory_properties2(VkPhysicalDevice physical,
                                                         VkPhysicalDeviceMemoryProperties2 *out) {
  pthread_mutex_lock(&fake.lock);
  if (!fake.is_known) {
    memory_learn(physical);
  }
  out->memoryProperties = fake.memory;
  void *budget =
      fake_chain_find(out, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_BUDGET_PROPERTIES_EXT);
  if (budget != NULL) {
    budget_fill(budget);
  }
  pthread_mutex_unlock(&fake.lock);
}

VkPhysicalDeviceType fake_device_type(void) {
  return layouts[fake.desc.layout].device_type;
}

const PFN_vkGetPhysicalDeviceMemoryProperties2 fake_GetPhysicalDeviceMemoryProperties2 =
    get_memory_properties2;

uint32_t fake_budget_count(void) {
  return fake.budget_count;
}

void fake_budget_set(uint32_t heap, uint64_t budget, uint64_t usage) {
  pthread_mutex_lock(&fake.lock);
  fake.heap_budget[heap] = budget;
  fake.other_usage[heap] = usage;
  pthread_mutex_unlock(&fake.lock);
}
