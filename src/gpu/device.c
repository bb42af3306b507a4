/* The logical device: made with every feature that the engine knows a use for, or taken over from
 * the host. */
#include "device.h"

#include <stdio.h>
#include <string.h>

#include "device_internal.h"

/* Shaders come from users, so whatever lets more of them run is on where the device has it. */
#define WANTED_CORE_FEATURES(X)              \
  X(samplerAnisotropy)                       \
  X(fillModeNonSolid)                        \
  X(textureCompressionBC)                    \
  X(textureCompressionETC2)                  \
  X(textureCompressionASTC_LDR)              \
  X(independentBlend)                        \
  X(dualSrcBlend)                            \
  X(depthClamp)                              \
  X(sampleRateShading)                       \
  X(imageCubeArray)                          \
  X(fullDrawIndexUint32)                     \
  X(multiDrawIndirect)                       \
  X(drawIndirectFirstInstance)               \
  X(geometryShader)                          \
  X(tessellationShader)                      \
  X(vertexPipelineStoresAndAtomics)          \
  X(fragmentStoresAndAtomics)                \
  X(shaderImageGatherExtended)               \
  X(shaderStorageImageExtendedFormats)       \
  X(shaderStorageImageReadWithoutFormat)     \
  X(shaderStorageImageWriteWithoutFormat)    \
  X(shaderUniformBufferArrayDynamicIndexing) \
  X(shaderSampledImageArrayDynamicIndexing)  \
  X(shaderStorageBufferArrayDynamicIndexing) \
  X(shaderStorageImageArrayDynamicIndexing)  \
  X(shaderClipDistance)                      \
  X(shaderCullDistance)                      \
  X(shaderInt16)                             \
  X(shaderInt64)                             \
  X(shaderFloat64)                           \
  X(shaderTessellationAndGeometryPointSize)  \
  X(shaderStorageImageMultisample)           \
  X(multiViewport)

#define WANTED_11_FEATURES(X)           \
  X(storageBuffer16BitAccess)           \
  X(uniformAndStorageBuffer16BitAccess) \
  X(shaderDrawParameters)               \
  X(protectedMemory)                    \
  X(storagePushConstant16)              \
  X(storageInputOutput16)               \
  X(variablePointersStorageBuffer)      \
  X(variablePointers)

#define WANTED_12_FEATURES(X)                        \
  X(timelineSemaphore)                               \
  X(bufferDeviceAddress)                             \
  X(descriptorIndexing)                              \
  X(descriptorBindingPartiallyBound)                 \
  X(descriptorBindingSampledImageUpdateAfterBind)    \
  X(descriptorBindingUpdateUnusedWhilePending)       \
  X(runtimeDescriptorArray)                          \
  X(scalarBlockLayout)                               \
  X(uniformBufferStandardLayout)                     \
  X(storageBuffer8BitAccess)                         \
  X(uniformAndStorageBuffer8BitAccess)               \
  X(shaderFloat16)                                   \
  X(shaderInt8)                                      \
  X(storagePushConstant8)                            \
  X(shaderBufferInt64Atomics)                        \
  X(shaderSharedInt64Atomics)                        \
  X(shaderInputAttachmentArrayDynamicIndexing)       \
  X(shaderUniformTexelBufferArrayDynamicIndexing)    \
  X(shaderStorageTexelBufferArrayDynamicIndexing)    \
  X(shaderUniformBufferArrayNonUniformIndexing)      \
  X(shaderSampledImageArrayNonUniformIndexing)       \
  X(shaderStorageBufferArrayNonUniformIndexing)      \
  X(shaderStorageImageArrayNonUniformIndexing)       \
  X(shaderInputAttachmentArrayNonUniformIndexing)    \
  X(shaderUniformTexelBufferArrayNonUniformIndexing) \
  X(shaderStorageTexelBufferArrayNonUniformIndexing) \
  X(shaderSubgroupExtendedTypes)                     \
  X(vulkanMemoryModel)                               \
  X(vulkanMemoryModelDeviceScope)                    \
  X(shaderOutputViewportIndex)                       \
  X(shaderOutputLayer)

#define WANTED_13_FEATURES(X)       \
  X(dynamicRendering)               \
  X(synchronization2)               \
  X(maintenance4)                   \
  X(shaderDemoteToHelperInvocation) \
  X(shaderTerminateInvocation)      \
  X(shaderIntegerDotProduct)

static device_features features_wanted(const device_abilities *abilities) {
  const device_features *found = &abilities->features;
  device_features wanted = {0};
#define WANT(name) wanted.core.features.name = found->core.features.name;
  WANTED_CORE_FEATURES(WANT)
#undef WANT
#define WANT(name) wanted.vulkan11.name = found->vulkan11.name;
  WANTED_11_FEATURES(WANT)
#undef WANT
#define WANT(name) wanted.vulkan12.name = found->vulkan12.name;
  WANTED_12_FEATURES(WANT)
#undef WANT
#define WANT(name) wanted.vulkan13.name = found->vulkan13.name;
  WANTED_13_FEATURES(WANT)
#undef WANT
  wanted.dynamic_rendering.dynamicRendering = found->dynamic_rendering.dynamicRendering;
  wanted.synchronization2.synchronization2 = found->synchronization2.synchronization2;
  wanted.memory_priority.memoryPriority = found->memory_priority.memoryPriority;
  wanted.pageable_memory.pageableDeviceLocalMemory =
      found->pageable_memory.pageableDeviceLocalMemory;
  /* protected resources are of use only where some queue may touch them */
  wanted.vulkan11.protectedMemory &=
      abilities->protected_families >> abilities->queue_family & 1 ? VK_TRUE : VK_FALSE;
  return wanted;
}

/* ---- A device of the engine's own ---------------------------------------------------------- */

#define MAX_EXTENSIONS 6

static uint32_t device_extensions(const device_abilities *abilities,
                                  const char *names[MAX_EXTENSIONS]) {
  bool is_before_13 = abilities->api_version < VK_API_VERSION_1_3;
  uint32_t count = 0;
  if (abilities->has_memory_priority_extension) {
    names[count++] = VK_EXT_MEMORY_PRIORITY_EXTENSION_NAME;
  }
  if (abilities->has_pageable_memory_extension) {
    names[count++] = VK_EXT_PAGEABLE_DEVICE_LOCAL_MEMORY_EXTENSION_NAME;
  }
  if (abilities->has_external_memory) {
    names[count++] = VK_KHR_EXTERNAL_MEMORY_FD_EXTENSION_NAME;
  }
  if (abilities->has_memory_budget) {
    names[count++] = VK_EXT_MEMORY_BUDGET_EXTENSION_NAME;
  }
  if (is_before_13 && abilities->has_dynamic_rendering_extension) {
    names[count++] = VK_KHR_DYNAMIC_RENDERING_EXTENSION_NAME;
  }
  if (is_before_13 && abilities->has_synchronization2_extension) {
    names[count++] = VK_KHR_SYNCHRONIZATION_2_EXTENSION_NAME;
  }
  return count;
}

/* A protected-capable queue takes both kinds of submission. */
static VkDeviceQueueCreateFlags queue_flags(const device_features *features) {
  return features->vulkan11.protectedMemory ? VK_DEVICE_QUEUE_CREATE_PROTECTED_BIT : 0;
}

static rg_result device_create(gpu *gpu, const device_abilities *abilities) {
  device *device = &gpu->device;
  device->features = features_wanted(abilities);
  features_link(&device->features, abilities);
  static const float priority = 1.0f;
  VkDeviceQueueCreateInfo queue = {
      .sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO,
      .flags = queue_flags(&device->features),
      .queueFamilyIndex = abilities->queue_family,
      .queueCount = 1,
      .pQueuePriorities = &priority,
  };
  const char *extensions[MAX_EXTENSIONS];
  VkDeviceCreateInfo info = {
      .sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,
      .pNext = &device->features.core,
      .queueCreateInfoCount = 1,
      .pQueueCreateInfos = &queue,
      .ppEnabledExtensionNames = extensions,
  };
  info.enabledExtensionCount = device_extensions(abilities, extensions);
  VkResult vk_result = gpu->vk.CreateDevice(device->physical, &info, NULL, &device->handle);
  if (vk_result != VK_SUCCESS) {
    device->handle = VK_NULL_HANDLE;
    return dispatch_result(vk_result, "vkCreateDevice", device->info.name);
  }
  device->owns_device = true;
  return RG_OK;
}

static void device_read_features(device *device, const device_abilities *abilities) {
  const device_features *features = &device->features;
  device->has_dynamic_rendering = device->info.dynamic_rendering;
  device->has_anisotropy = device->info.sampler_anisotropy;
  device->has_memory_budget = device->info.memory_budget;
  device->has_wireframe = features->core.features.fillModeNonSolid;
  device->has_cube_array = features->core.features.imageCubeArray;
  device->has_memory_priority = features->memory_priority.memoryPriority;
  device->has_device_address = features->vulkan12.bufferDeviceAddress;
  device->has_external_memory = abilities->has_external_memory;
  device->has_protected_memory = features->vulkan11.protectedMemory;
  device->has_bindless = features_have_bindless(features);
}

static void queue_take(gpu *gpu) {
  device *device = &gpu->device;
  VkDeviceQueueInfo2 info = {.sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_INFO_2,
                             .flags = queue_flags(&device->features),
                             .queueFamilyIndex = device->queue_family};
  gpu->vk.GetDeviceQueue2(device->handle, &info, &device->queue);
}

static rg_result device_make(gpu *gpu, const rg_engine_desc *desc) {
  rg_result result = RG_OK;
  device *device = &gpu->device;
  device_abilities abilities;
  RG_TRY(instance_init(gpu, desc->validation));
  RG_TRY(device_choose(gpu, desc->device, &device->physical));
  RG_TRY(device_describe(gpu, device->physical, &abilities, &device->info));
  RG_TRY(device_create(gpu, &abilities));
  RG_TRY(dispatch_load_device(&gpu->vk, device->handle, abilities.has_external_memory));
  device->api_version = abilities.api_version;
  device->queue_family = abilities.queue_family;
  queue_take(gpu);
  device_read_features(device, &abilities);
fail:
  return result;
}

/* ---- A device of the host's ---------------------------------------------------------------- */

static rg_result host_device_check(const rg_host_device *host) {
  const char *missing = host->instance == NULL          ? "instance"
                        : host->physical_device == NULL ? "physical_device"
                        : host->device == NULL          ? "device"
                        : host->queue == NULL           ? "queue"
                                                        : NULL;
  if (missing != NULL) {
    return result_set(RG_ERROR_INVALID_ARGUMENT, "host_device: %s is null", missing);
  }
  if (host->api_version < VK_API_VERSION_1_2) {
    return result_set(RG_ERROR_UNSUPPORTED, "host_device: api_version %u.%u is below 1.2",
                      VK_API_VERSION_MAJOR(host->api_version),
                      VK_API_VERSION_MINOR(host->api_version));
  }
  if ((host->queue_lock == NULL) != (host->queue_unlock == NULL)) {
    return result_set(RG_ERROR_INVALID_ARGUMENT,
                      "host_device: queue_lock and queue_unlock go together");
  }
  return RG_OK;
}

static rg_result host_device_describe(gpu *gpu, const rg_host_device *host,
                                      device_abilities *abilities) {
  rg_device_info *info = &gpu->device.info;
  rg_result result = device_describe(gpu, host->physical_device, abilities, info);
  if (result != RG_OK) {
    return result;
  }
  if (!info->is_usable) {
    return result_set(RG_ERROR_UNSUPPORTED,
                      "host_device '%s': it lacks Vulkan 1.2, timeline semaphores, or a queue "
                      "with graphics and compute",
                      info->name);
  }
  if (host->queue_family >= 64 || (abilities->work_families >> host->queue_family & 1) == 0) {
    return result_set(RG_ERROR_INVALID_ARGUMENT,
                      "host_device '%s': queue_family %u has not both graphics and compute",
                      info->name, host->queue_family);
  }
  return RG_OK;
}

/* Compressed formats need no feature enabled: each answers for itself. Which features shaders find
 * enabled is the host's knowledge: what the device lacks is all that can be refused here. */
static void host_device_take_features(device *device, const rg_host_device *host,
                                      const device_abilities *abilities) {
  device->features = abilities->features;
  features_link(&device->features, abilities);
  device->info.dynamic_rendering = device->has_dynamic_rendering = host->has_dynamic_rendering;
  device->info.sampler_anisotropy = device->has_anisotropy = host->has_sampler_anisotropy;
  device->info.memory_budget = device->has_memory_budget = host->has_memory_budget;
  device->info.synchronization2 = false;
  device->has_memory_priority = host->has_memory_priority;
  device->has_device_address = host->has_device_address;
  device->has_external_memory = host->has_external_memory;
  device->has_protected_memory = host->has_protected_memory;
  device->has_bindless = host->has_bindless && features_have_bindless(&abilities->features);
}

static rg_result device_take(gpu *gpu, const rg_host_device *host) {
  rg_result result = RG_OK;
  device *device = &gpu->device;
  device_abilities abilities;
  RG_TRY(host_device_check(host));
  device->instance = host->instance;
  device->physical = host->physical_device;
  device->queue = host->queue;
  device->queue_family = host->queue_family;
  device->queue_lock = host->queue_lock;
  device->queue_unlock = host->queue_unlock;
  device->queue_user = host->queue_user;
  device->api_version = host->api_version;
  device->has_debug_utils = host->has_debug_utils;
  RG_TRY(dispatch_load_instance(&gpu->vk, host->instance, host->has_debug_utils));
  RG_TRY(host_device_describe(gpu, host, &abilities));
  device->api_version = abilities.api_version;
  RG_TRY(dispatch_load_device(&gpu->vk, host->device, host->has_external_memory));
  device->handle = host->device;
  host_device_take_features(device, host, &abilities);
fail:
  return result;
}

/* ---- Both ---------------------------------------------------------------------------------- */

rg_result device_init(gpu *gpu, const rg_engine_desc *desc) {
  rg_result result = RG_OK;
  atomic_init(&gpu->device.validation_count, 0);
  if (desc->host_device != NULL) {
    RG_TRY(device_take(gpu, desc->host_device));
  } else {
    RG_TRY(device_make(gpu, desc));
  }
  device_read_limits(gpu);
  device *device = &gpu->device;
  if (device->owns_device) {
    device_name(gpu, VK_OBJECT_TYPE_DEVICE, (uint64_t)(uintptr_t)device->handle, gpu->label,
                "device");
    device_name(gpu, VK_OBJECT_TYPE_QUEUE, (uint64_t)(uintptr_t)device->queue, gpu->label, "queue");
  }
  log_message(&gpu->logger, RG_LOG_INFO, "engine '%s': device '%s', %s", gpu->label,
              device->info.name, device->info.driver);
  return RG_OK;
fail:
  device_finish(gpu);
  return result;
}

void device_finish(gpu *gpu) {
  device *device = &gpu->device;
  if (device->owns_device && gpu->vk.DestroyDevice != NULL) {
    /* users of rg_engine_get_vk may have submitted, too; a lost device answers no better later */
    if (gpu->vk.DeviceWaitIdle != NULL && gpu->vk.DeviceWaitIdle(device->handle) != VK_SUCCESS) {
      log_message(&gpu->logger, RG_LOG_INFO, "engine '%s': its device went bad", gpu->label);
    }
    gpu->vk.DestroyDevice(device->handle, NULL);
  }
  device->handle = VK_NULL_HANDLE;
  device->owns_device = false;
  instance_finish(gpu);
}

void device_name(gpu *gpu, VkObjectType type, uint64_t object, const char *label,
                 const char *suffix) {
  if (!gpu->device.has_debug_utils || gpu->vk.SetDebugUtilsObjectNameEXT == NULL) {
    return;
  }
  char name[256];
  bool has_both = label != NULL && label[0] != '\0' && suffix != NULL && suffix[0] != '\0';
  snprintf(name, sizeof name, "%s%s%s", label == NULL ? "" : label, has_both ? " " : "",
           suffix == NULL ? "" : suffix);
  VkDebugUtilsObjectNameInfoEXT info = {
      .sType = VK_STRUCTURE_TYPE_DEBUG_UTILS_OBJECT_NAME_INFO_EXT,
      .objectType = type,
      .objectHandle = object,
      .pObjectName = name,
  };
  VkResult vk_result = gpu->vk.SetDebugUtilsObjectNameEXT(gpu->device.handle, &info);
  if (vk_result != VK_SUCCESS) {
    log_message(&gpu->logger, RG_LOG_DEBUG, "debug name '%s': VkResult %d", name, (int)vk_result);
  }
}
