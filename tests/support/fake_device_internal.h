/* What the parts of the fake device share: its state, and the driver's functions behind it. */
#ifndef RG_TESTS_FAKE_DEVICE_INTERNAL_H
#define RG_TESTS_FAKE_DEVICE_INTERNAL_H

#include "fake_device.h"

/* X(function): those that the fake stands before. */
#define FAKE_PHYSICAL_CALLS(X)               \
  X(EnumerateInstanceLayerProperties)        \
  X(EnumerateDeviceExtensionProperties)      \
  X(GetPhysicalDeviceProperties)             \
  X(GetPhysicalDeviceProperties2)            \
  X(GetPhysicalDeviceFeatures2)              \
  X(GetPhysicalDeviceMemoryProperties2)      \
  X(GetPhysicalDeviceQueueFamilyProperties2) \
  X(GetPhysicalDeviceImageFormatProperties2) \
  X(CreateDevice)                            \
  X(GetDeviceProcAddr)                       \
  X(GetDeviceQueue2)

#define FAKE_MEMORY_CALLS(X)      \
  X(AllocateMemory)               \
  X(FreeMemory)                   \
  X(MapMemory)                    \
  X(UnmapMemory)                  \
  X(FlushMappedMemoryRanges)      \
  X(InvalidateMappedMemoryRanges) \
  X(CreateBuffer)                 \
  X(DestroyBuffer)                \
  X(CreateImage)                  \
  X(DestroyImage)                 \
  X(GetBufferMemoryRequirements2) \
  X(GetImageMemoryRequirements2)  \
  X(BindBufferMemory)             \
  X(BindImageMemory)              \
  X(CmdPipelineBarrier)

/* On the mock driver only. */
#define FAKE_TIMELINE_CALLS(X) \
  X(CreateSemaphore)           \
  X(DestroySemaphore)          \
  X(QueueSubmit)               \
  X(WaitSemaphores)            \
  X(GetSemaphoreCounterValue)

#define FAKE_CALLS(X)    \
  FAKE_PHYSICAL_CALLS(X) \
  FAKE_MEMORY_CALLS(X)   \
  FAKE_TIMELINE_CALLS(X)

typedef struct fake_device {
  fake_device_desc desc;
  pthread_mutex_t lock; /* guards what follows, and the lists of the other parts */
  PFN_vkGetInstanceProcAddr driver;
#define FAKE_MEMBER(name) PFN_vk##name name;
  FAKE_CALLS(FAKE_MEMBER)
#undef FAKE_MEMBER
  bool is_known; /* `memory` and `driver_type` are filled */
  VkPhysicalDeviceMemoryProperties memory;
  uint32_t driver_type; /* that all types of the fake are, but for FAKE_DRIVERS_OWN */
  bool driver_has_budget, driver_has_priority;
  uint64_t atom, granularity;
  uint32_t max_allocation_count;
  uint64_t heap_used[VK_MAX_MEMORY_HEAPS], heap_peak[VK_MAX_MEMORY_HEAPS];
  uint64_t heap_budget[VK_MAX_MEMORY_HEAPS], other_usage[VK_MAX_MEMORY_HEAPS];
  uint32_t budget_count, failures_left, faults;
} fake_device;

extern fake_device fake;

#define FAKE_DECLARE(name) extern const PFN_vk##name fake_##name;
FAKE_CALLS(FAKE_DECLARE)
#undef FAKE_DECLARE

/* Counts what the engine must not do, and prints it. */
void fake_fault(const char *format, ...) RG_PRINTF(1, 2);
/* The struct of that kind in a chain, or NULL. */
void *fake_chain_find(const void *chain, VkStructureType type);
VkMemoryPropertyFlags fake_type_flags(uint32_t type);
/* Of the layout, which is not the driver's own. */
VkPhysicalDeviceType fake_device_type(void);

void fake_memory_begin(void);
/* What is left over is a fault. */
void fake_memory_end(void);
void fake_timeline_begin(void);
void fake_objects_begin(void);
void fake_objects_end(void);

/* Bytes of a live allocation, 0 of another; with the lock held. */
uint64_t fake_memory_size(VkDeviceMemory memory);

/* Makes room for one more in a list; fails the test where there is no memory. */
void *fake_list_grow(void *items, uint32_t count, uint32_t *room, size_t item_size);
/* lists: has NAME_items, NAME_count and NAME_room. */
#define FAKE_LIST_ADD(lists, name, ...)                                                        \
  do {                                                                                         \
    (lists).name##_items = fake_list_grow((lists).name##_items, (lists).name##_count,          \
                                          &(lists).name##_room, sizeof *(lists).name##_items); \
    (lists).name##_items[(lists).name##_count++] = __VA_ARGS__;                                \
  } while (0)

#endif
