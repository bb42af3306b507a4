/* What the parts of the device share: lists that Vulkan enumerates, the instance, and the facts of
 * a physical device. Private to device*.c. */
#ifndef RG_GPU_DEVICE_INTERNAL_H
#define RG_GPU_DEVICE_INTERNAL_H

#include "gpu.h"

/* What a two-call enumeration returned; zero is empty. */
typedef struct vk_list {
  void *items; /* count of them, of item_size bytes */
  uint32_t count;
  uint32_t capacity;
  size_t item_size;
} vk_list;

RG_NODISCARD rg_result list_layers(gpu *gpu, vk_list *out);
/* layer: NULL for those of the loader and drivers. */
RG_NODISCARD rg_result list_instance_extensions(gpu *gpu, const char *layer, vk_list *out);
RG_NODISCARD rg_result list_device_extensions(gpu *gpu, VkPhysicalDevice physical, vk_list *out);
RG_NODISCARD rg_result list_physical_devices(gpu *gpu, vk_list *out);
void list_finish(gpu *gpu, vk_list *list);
/* Whether a list of VkExtensionProperties or of VkLayerProperties holds the name. */
bool list_has_name(const vk_list *list, const char *name);

/* Makes the instance and, with validation, its messenger, and loads the instance functions. */
RG_NODISCARD rg_result instance_init(gpu *gpu, bool validation);
void instance_finish(gpu *gpu);

/* Which parts of the chain and which extensions a physical device has. */
typedef struct device_abilities {
  uint32_t api_version; /* the lower of instance's and device's, 1.3 at most */
  bool has_dynamic_rendering_extension, has_synchronization2_extension, has_memory_budget;
  bool has_memory_priority_extension, has_pageable_memory_extension, has_external_memory;
  uint32_t queue_family;       /* the first with graphics and compute; UINT32_MAX for none */
  uint64_t work_families;      /* a bit for each family with graphics and compute */
  uint64_t protected_families; /* of them, those with protected queues */
  device_features features;
} device_abilities;

/* Links the parts of the chain that the abilities allow; the rest of `features` stays. */
void features_link(device_features *features, const device_abilities *abilities);
/* Fills abilities and info of any physical device; what it lacks is false. */
RG_NODISCARD rg_result device_describe(gpu *gpu, VkPhysicalDevice physical,
                                       device_abilities *abilities, rg_device_info *info);
/* Whether these features allow an array of textures that is indexed by data, and written while
 * other parts of it are in use. */
bool features_have_bindless(const device_features *features);
/* Fills limits and memory properties of gpu->device from its chosen physical device. */
void device_read_limits(gpu *gpu);

/* Picks the physical device that `name` asks for (see rg_engine_desc.device). */
RG_NODISCARD rg_result device_choose(gpu *gpu, const char *name, VkPhysicalDevice *out);

#endif
