/* What a physical device is, what of it the engine can use, and what the engine promises on it. */
#include <stdio.h>
#include <string.h>

#include "device_internal.h"

/* ---- Features ------------------------------------------------------------------------------ */

static void features_append(void **tail, void *part) {
  VkBaseOutStructure *previous = *tail, *next = part;
  previous->pNext = next;
  next->pNext = NULL;
  *tail = next;
}

void features_link(device_features *features, const device_abilities *abilities) {
  features->core.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2;
  features->vulkan11.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_FEATURES;
  features->vulkan12.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES;
  features->vulkan13.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_3_FEATURES;
  features->dynamic_rendering.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_DYNAMIC_RENDERING_FEATURES;
  features->synchronization2.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SYNCHRONIZATION_2_FEATURES;
  features->memory_priority.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_PRIORITY_FEATURES_EXT;
  features->pageable_memory.sType =
      VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PAGEABLE_DEVICE_LOCAL_MEMORY_FEATURES_EXT;
  void *tail = &features->core;
  features_append(&tail, &features->vulkan11);
  features_append(&tail, &features->vulkan12);
  if (abilities->has_memory_priority_extension) {
    features_append(&tail, &features->memory_priority);
  }
  if (abilities->has_pageable_memory_extension) {
    features_append(&tail, &features->pageable_memory);
  }
  if (abilities->api_version >= VK_API_VERSION_1_3) {
    features_append(&tail, &features->vulkan13);
    return;
  }
  if (abilities->has_dynamic_rendering_extension) {
    features_append(&tail, &features->dynamic_rendering);
  }
  if (abilities->has_synchronization2_extension) {
    features_append(&tail, &features->synchronization2);
  }
}

bool features_have_bindless(const device_features *features) {
  const VkPhysicalDeviceVulkan12Features *found = &features->vulkan12;
  return found->runtimeDescriptorArray && found->descriptorBindingPartiallyBound &&
         found->descriptorBindingSampledImageUpdateAfterBind &&
         found->descriptorBindingUpdateUnusedWhilePending &&
         found->shaderSampledImageArrayNonUniformIndexing;
}

static rg_result abilities_read_extensions(gpu *gpu, VkPhysicalDevice physical,
                                           device_abilities *abilities) {
  vk_list list;
  rg_result result = list_device_extensions(gpu, physical, &list);
  if (result == RG_OK) {
    abilities->has_memory_budget = list_has_name(&list, VK_EXT_MEMORY_BUDGET_EXTENSION_NAME);
    abilities->has_memory_priority_extension =
        list_has_name(&list, VK_EXT_MEMORY_PRIORITY_EXTENSION_NAME);
    /* it needs the other */
    abilities->has_pageable_memory_extension =
        abilities->has_memory_priority_extension &&
        list_has_name(&list, VK_EXT_PAGEABLE_DEVICE_LOCAL_MEMORY_EXTENSION_NAME);
    abilities->has_external_memory = list_has_name(&list, VK_KHR_EXTERNAL_MEMORY_FD_EXTENSION_NAME);
    abilities->has_dynamic_rendering_extension =
        list_has_name(&list, VK_KHR_DYNAMIC_RENDERING_EXTENSION_NAME);
    abilities->has_synchronization2_extension =
        list_has_name(&list, VK_KHR_SYNCHRONIZATION_2_EXTENSION_NAME);
    list_finish(gpu, &list);
  }
  return result;
}

/* ---- Devices ------------------------------------------------------------------------------- */

static rg_result describe_queues(gpu *gpu, VkPhysicalDevice physical, device_abilities *abilities,
                                 rg_device_info *info) {
  uint32_t count = 0;
  gpu->vk.GetPhysicalDeviceQueueFamilyProperties2(physical, &count, NULL);
  VkQueueFamilyProperties2 *families = host_calloc(&gpu->host, count, sizeof *families);
  if (families == NULL) {
    return count == 0 ? RG_OK : result_no_memory("queue families", count * sizeof *families);
  }
  for (uint32_t i = 0; i < count; i++) {
    families[i].sType = VK_STRUCTURE_TYPE_QUEUE_FAMILY_PROPERTIES_2;
  }
  uint32_t capacity = count;
  gpu->vk.GetPhysicalDeviceQueueFamilyProperties2(physical, &count, families);
  const VkQueueFlags work = VK_QUEUE_GRAPHICS_BIT | VK_QUEUE_COMPUTE_BIT;
  for (uint32_t i = count; i-- > 0;) {
    VkQueueFlags flags = families[i].queueFamilyProperties.queueFlags;
    if ((flags & work) == work && i < 64) {
      abilities->queue_family = i;
      abilities->work_families |= UINT64_C(1) << i;
      abilities->protected_families |= (uint64_t)((flags & VK_QUEUE_PROTECTED_BIT) != 0) << i;
    }
    info->has_transfer_queue |= (flags & (work | VK_QUEUE_TRANSFER_BIT)) == VK_QUEUE_TRANSFER_BIT;
  }
  host_free(&gpu->host, families, capacity * sizeof *families);
  return RG_OK;
}

static void describe_memory(gpu *gpu, VkPhysicalDevice physical, rg_device_info *info) {
  VkPhysicalDeviceMemoryProperties2 properties = {
      .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_PROPERTIES_2};
  gpu->vk.GetPhysicalDeviceMemoryProperties2(physical, &properties);
  const VkPhysicalDeviceMemoryProperties *memory = &properties.memoryProperties;
  const VkMemoryPropertyFlags both =
      VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT | VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT;
  for (uint32_t heap = 0; heap < memory->memoryHeapCount; heap++) {
    if ((memory->memoryHeaps[heap].flags & VK_MEMORY_HEAP_DEVICE_LOCAL_BIT) == 0) {
      continue;
    }
    bool is_visible = false;
    for (uint32_t type = 0; type < memory->memoryTypeCount; type++) {
      is_visible |= memory->memoryTypes[type].heapIndex == heap &&
                    (memory->memoryTypes[type].propertyFlags & both) == both;
    }
    info->device_memory += memory->memoryHeaps[heap].size;
    info->host_visible_device_memory += is_visible ? memory->memoryHeaps[heap].size : 0;
  }
}

static void describe_driver(gpu *gpu, VkPhysicalDevice physical, rg_device_info *info) {
  VkPhysicalDeviceDriverProperties driver = {
      .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_DRIVER_PROPERTIES};
  VkPhysicalDeviceProperties2 properties = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2,
                                            .pNext = &driver};
  gpu->vk.GetPhysicalDeviceProperties2(physical, &properties);
  snprintf(info->driver, sizeof info->driver, "%s%s%s", driver.driverName,
           driver.driverInfo[0] == '\0' ? "" : " ", driver.driverInfo);
}

static void describe_features(gpu *gpu, VkPhysicalDevice physical, device_abilities *abilities,
                              rg_device_info *info) {
  device_features *found = &abilities->features;
  features_link(found, abilities);
  gpu->vk.GetPhysicalDeviceFeatures2(physical, &found->core);
  const VkPhysicalDeviceFeatures *core = &found->core.features;
  info->dynamic_rendering =
      found->vulkan13.dynamicRendering || found->dynamic_rendering.dynamicRendering;
  info->synchronization2 =
      found->vulkan13.synchronization2 || found->synchronization2.synchronization2;
  info->descriptor_indexing = found->vulkan12.descriptorIndexing;
  info->memory_budget = abilities->has_memory_budget;
  info->sampler_anisotropy = core->samplerAnisotropy;
  info->texture_compression_bc = core->textureCompressionBC;
  info->texture_compression_etc2 = core->textureCompressionETC2;
  info->texture_compression_astc = core->textureCompressionASTC_LDR;
  info->is_usable = found->vulkan12.timelineSemaphore && abilities->queue_family != UINT32_MAX;
}

rg_result device_describe(gpu *gpu, VkPhysicalDevice physical, device_abilities *abilities,
                          rg_device_info *info) {
  rg_result result = RG_OK;
  VkPhysicalDeviceProperties properties;
  gpu->vk.GetPhysicalDeviceProperties(physical, &properties);
  *info = (rg_device_info){.type = properties.deviceType, .api_version = properties.apiVersion};
  snprintf(info->name, sizeof info->name, "%s", properties.deviceName);
  uint32_t version = properties.apiVersion < gpu->device.api_version ? properties.apiVersion
                                                                     : gpu->device.api_version;
  *abilities = (device_abilities){
      .api_version = version < VK_API_VERSION_1_3 ? version : VK_API_VERSION_1_3,
      .queue_family = UINT32_MAX,
  };
  if (version < VK_API_VERSION_1_2) {
    return RG_OK; /* the queries below came with 1.1 and 1.2 */
  }
  RG_TRY(abilities_read_extensions(gpu, physical, abilities));
  RG_TRY(describe_queues(gpu, physical, abilities, info));
  describe_memory(gpu, physical, info);
  describe_driver(gpu, physical, info);
  describe_features(gpu, physical, abilities, info);
fail:
  return result;
}

/* ---- Limits -------------------------------------------------------------------------------- */

static uint64_t smaller(uint64_t a, uint64_t b) {
  return a < b ? a : b;
}

/* What vendors leave at 0 means no wish. */
static uint64_t at_least_1(uint64_t value) {
  return value == 0 ? 1 : value;
}

static rg_limits limits_from(const device *device) {
  const VkPhysicalDeviceLimits *vk = &device->vk_limits;
  return (rg_limits){
      .max_buffer_size = smaller(device->max_buffer_size, device->max_allocation_size),
      .max_texture_size_2d = vk->maxImageDimension2D,
      .max_texture_size_3d = vk->maxImageDimension3D,
      .max_texture_size_cube = vk->maxImageDimensionCube,
      .max_texture_layers = vk->maxImageArrayLayers,
      .max_color_attachments = (uint32_t)smaller(vk->maxColorAttachments, RG_MAX_COLOR_TARGETS),
      .max_anisotropy = device->has_anisotropy ? vk->maxSamplerAnisotropy : 1.0f,
      .uniform_alignment = at_least_1(vk->minUniformBufferOffsetAlignment),
      .storage_alignment = at_least_1(vk->minStorageBufferOffsetAlignment),
      .max_uniform_range = vk->maxUniformBufferRange,
      .max_storage_range = vk->maxStorageBufferRange,
      .max_file_size = UINT64_C(1) << 30,
      .max_image_pixels = UINT64_C(1) << 28,
      .max_shader_source = UINT64_C(4) << 20,
  };
}

void device_read_limits(gpu *gpu) {
  device *device = &gpu->device;
  VkPhysicalDeviceMaintenance4Properties buffers = {
      .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MAINTENANCE_4_PROPERTIES};
  VkPhysicalDeviceMaintenance3Properties allocations = {
      .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MAINTENANCE_3_PROPERTIES,
      .pNext = device->api_version >= VK_API_VERSION_1_3 ? &buffers : NULL};
  VkPhysicalDeviceProperties2 properties = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2,
                                            .pNext = &device->subgroups};
  device->subgroups = (VkPhysicalDeviceSubgroupProperties){
      .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_PROPERTIES, .pNext = &allocations};
  gpu->vk.GetPhysicalDeviceProperties2(device->physical, &properties);
  device->subgroups.pNext = NULL;
  device->vk_limits = properties.properties.limits;
  device->max_allocation_size =
      allocations.maxMemoryAllocationSize == 0 ? UINT64_MAX : allocations.maxMemoryAllocationSize;
  device->max_buffer_size = buffers.maxBufferSize == 0 ? UINT64_MAX : buffers.maxBufferSize;
  VkPhysicalDeviceMemoryProperties2 memory = {
      .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_PROPERTIES_2};
  gpu->vk.GetPhysicalDeviceMemoryProperties2(device->physical, &memory);
  device->memory_properties = memory.memoryProperties;
  memory_types_init(device);
  device->limits = limits_from(device);
}

/* ---- What the public interface tells ------------------------------------------------------- */

void rg_engine_get_vk(rg_engine *engine, rg_engine_vk *out) {
  const gpu *gpu = gpu_of(engine);
  *out = (rg_engine_vk){
      .instance = gpu->device.instance,
      .physical_device = gpu->device.physical,
      .device = gpu->device.handle,
      .queue = gpu->device.queue,
      .queue_family = gpu->device.queue_family,
      .api_version = gpu->device.api_version,
      .get_instance_proc_addr = gpu->vk.GetInstanceProcAddr,
      .get_device_proc_addr = gpu->vk.GetDeviceProcAddr,
  };
}

void rg_engine_get_device(rg_engine *engine, rg_device_info *out) {
  *out = gpu_of(engine)->device.info;
}

void rg_engine_get_limits(rg_engine *engine, rg_limits *out) {
  *out = gpu_of(engine)->device.limits;
}

uint64_t rg_engine_validation_count(rg_engine *engine) {
  return atomic_load(&gpu_of(engine)->device.validation_count);
}
