/* The Vulkan instance and device, made by the engine or brought by its host. */
#ifndef RG_GPU_DEVICE_H
#define RG_GPU_DEVICE_H

#include "dispatch.h"

#include <stdatomic.h>

struct gpu;

/* The features of a device that the engine knows, as one chain from `core` on. */
typedef struct device_features {
  VkPhysicalDeviceFeatures2 core;
  VkPhysicalDeviceVulkan11Features vulkan11;
  VkPhysicalDeviceVulkan12Features vulkan12;
  VkPhysicalDeviceVulkan13Features vulkan13;                  /* from 1.3 on */
  VkPhysicalDeviceDynamicRenderingFeatures dynamic_rendering; /* before 1.3, by extension */
  VkPhysicalDeviceSynchronization2Features synchronization2;  /* the same */
  VkPhysicalDeviceMemoryPriorityFeaturesEXT memory_priority;  /* by extension */
  VkPhysicalDevicePageableDeviceLocalMemoryFeaturesEXT pageable_memory; /* the same */
} device_features;

/* What memory is asked for; with the update frequency it decides the order of memory types. */
typedef enum memory_use {
  MEMORY_USE_BUFFER,
  MEMORY_USE_IMAGE,
  MEMORY_USE_LAZY,      /* of transient attachments */
  MEMORY_USE_PROTECTED, /* of either */
} memory_use;
#define MEMORY_USE_COUNT 4

/* Memory types, the best first. */
typedef struct memory_ranking {
  uint8_t count;
  uint8_t types[VK_MAX_MEMORY_TYPES];
} memory_ranking;

typedef struct device {
  VkInstance instance;
  VkPhysicalDevice physical;
  VkDevice handle;
  VkQueue queue;
  uint32_t queue_family;
  uint32_t api_version; /* the lower of instance's and device's */
  bool owns_instance, owns_device;
  bool has_debug_utils, has_dynamic_rendering, has_anisotropy, has_memory_budget, has_wireframe,
      has_cube_array;
  bool has_memory_priority;  /* VkMemoryPriorityAllocateInfoEXT may be used */
  bool has_device_address;   /* bufferDeviceAddress is enabled */
  bool has_external_memory;  /* VK_KHR_external_memory_fd is enabled */
  bool has_protected_memory; /* protectedMemory is enabled */
  bool has_bindless;         /* what an array of textures that may change while in use needs */
  VkDebugUtilsMessengerEXT messenger;
  _Atomic uint64_t validation_count;
  void (*queue_lock)(void *user); /* the host's; may be NULL */
  void (*queue_unlock)(void *user);
  void *queue_user;
  /* What shaders may count on: the features enabled; of a host's device, those it could have. */
  device_features features;
  VkPhysicalDeviceSubgroupProperties subgroups;
  VkPhysicalDeviceLimits vk_limits;
  uint64_t max_allocation_size; /* bytes of one VkDeviceMemory */
  uint64_t max_buffer_size;     /* bytes of one VkBuffer */
  VkPhysicalDeviceMemoryProperties memory_properties;
  memory_ranking memory_rankings[MEMORY_USE_COUNT][RG_UPDATE_READBACK + 1]; /* see memory_type.c */
  rg_device_info info;
  rg_limits limits;
} device;

/* Fills gpu->device and gpu->vk. A half-made device is safe to finish. */
RG_NODISCARD rg_result device_init(struct gpu *gpu, const rg_engine_desc *desc);
void device_finish(struct gpu *gpu);

/* Fills memory_rankings from what the device is; for device_info.c. */
void memory_types_init(device *device);

/* Names a Vulkan object for debuggers and validation: "label" or "label suffix". Does nothing
 * without debug utils. */
void device_name(struct gpu *gpu, VkObjectType type, uint64_t object, const char *label,
                 const char *suffix);

#endif
