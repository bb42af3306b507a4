/* Exporting memory: what the device can export, and the file descriptors themselves. */
#include "export.h"

#include "gpu.h"

#define HANDLE_TYPE VK_EXTERNAL_MEMORY_HANDLE_TYPE_OPAQUE_FD_BIT

const VkExternalMemoryImageCreateInfo export_image_info = {
    .sType = VK_STRUCTURE_TYPE_EXTERNAL_MEMORY_IMAGE_CREATE_INFO, .handleTypes = HANDLE_TYPE};
const VkExternalMemoryBufferCreateInfo export_buffer_info = {
    .sType = VK_STRUCTURE_TYPE_EXTERNAL_MEMORY_BUFFER_CREATE_INFO, .handleTypes = HANDLE_TYPE};

/* ---- What can be exported ------------------------------------------------------------------ */

rg_result export_check(const gpu *gpu, const char *title) {
  return gpu->device.has_external_memory
             ? RG_OK
             : result_set(RG_ERROR_UNSUPPORTED,
                          "%s: is_exportable, but VK_KHR_external_memory_fd is not enabled on the "
                          "device",
                          title);
}

static rg_result refuse(const char *title) {
  return result_set(RG_ERROR_UNSUPPORTED,
                    "%s: is_exportable, but the device exports no such memory as a file descriptor",
                    title);
}

static bool is_exportable(const VkExternalMemoryProperties *properties) {
  return (properties->externalMemoryFeatures & VK_EXTERNAL_MEMORY_FEATURE_EXPORTABLE_BIT) != 0;
}

rg_result export_check_image(gpu *gpu, const char *title,
                             const VkPhysicalDeviceImageFormatInfo2 *info) {
  rg_result result = export_check(gpu, title);
  if (result != RG_OK) {
    return result;
  }
  VkPhysicalDeviceExternalImageFormatInfo external = {
      .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_EXTERNAL_IMAGE_FORMAT_INFO,
      .handleType = HANDLE_TYPE};
  VkPhysicalDeviceImageFormatInfo2 asked = *info;
  asked.pNext = &external;
  VkExternalImageFormatProperties found = {.sType =
                                               VK_STRUCTURE_TYPE_EXTERNAL_IMAGE_FORMAT_PROPERTIES};
  VkImageFormatProperties2 properties = {.sType = VK_STRUCTURE_TYPE_IMAGE_FORMAT_PROPERTIES_2,
                                         .pNext = &found};
  VkResult vk_result =
      gpu->vk.GetPhysicalDeviceImageFormatProperties2(gpu->device.physical, &asked, &properties);
  if (vk_result == VK_ERROR_FORMAT_NOT_SUPPORTED ||
      (vk_result == VK_SUCCESS && !is_exportable(&found.externalMemoryProperties))) {
    return refuse(title);
  }
  return dispatch_result(vk_result, "vkGetPhysicalDeviceImageFormatProperties2", title);
}

rg_result export_check_buffer(gpu *gpu, const char *title, VkBufferUsageFlags usage,
                              VkBufferCreateFlags flags) {
  rg_result result = export_check(gpu, title);
  if (result != RG_OK) {
    return result;
  }
  VkPhysicalDeviceExternalBufferInfo info = {
      .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_EXTERNAL_BUFFER_INFO,
      .flags = flags,
      .usage = usage,
      .handleType = HANDLE_TYPE};
  VkExternalBufferProperties properties = {.sType = VK_STRUCTURE_TYPE_EXTERNAL_BUFFER_PROPERTIES};
  gpu->vk.GetPhysicalDeviceExternalBufferProperties(gpu->device.physical, &info, &properties);
  return is_exportable(&properties.externalMemoryProperties) ? RG_OK : refuse(title);
}

/* ---- Exporting ----------------------------------------------------------------------------- */

static rg_result memory_export(gpu *gpu, const char *title, VkDeviceMemory memory, int *fd) {
  VkMemoryGetFdInfoKHR info = {.sType = VK_STRUCTURE_TYPE_MEMORY_GET_FD_INFO_KHR,
                               .memory = memory,
                               .handleType = HANDLE_TYPE};
  VkResult vk_result = gpu->vk.GetMemoryFdKHR(gpu->device.handle, &info, fd);
  if (vk_result != VK_SUCCESS) {
    *fd = -1; /* which a failed call leaves undefined */
  }
  return dispatch_result(vk_result, "vkGetMemoryFdKHR", title);
}

/* The memory of a held resource; null where it was not made for exporting. */
static VkDeviceMemory exportable_memory(rg_type type, const void *storage) {
  const texture *texture = storage;
  const buffer *buffer = storage;
  if (type == RG_TYPE_TEXTURE) {
    return texture->is_exportable ? texture->range.memory : VK_NULL_HANDLE;
  }
  return buffer->is_exportable ? buffer_memory(buffer)->memory : VK_NULL_HANDLE;
}

rg_result rg_resource_export(rg_engine *engine, uint64_t id, int *fd) {
  RESOURCE_REQUIRE(fd);
  *fd = -1;
  RESOURCE_REQUIRE(engine);
  gpu *gpu = gpu_of(engine);
  rg_result result = RG_OK;
  rg_type type = rg_type_of(id) == RG_TYPE_TEXTURE ? RG_TYPE_TEXTURE : RG_TYPE_BUFFER;
  void *storage = resource_acquire(gpu, type, id, &result);
  if (storage == NULL) {
    return result;
  }
  const resource *resource = (const void *)((const char *)storage + gpu->resource_offset[type]);
  resource_name title = resource_title(type, resource_label(resource), id);
  VkDeviceMemory memory = exportable_memory(type, storage);
  result =
      memory != VK_NULL_HANDLE
          ? memory_export(gpu, title.text, memory, fd)
          : result_set(RG_ERROR_UNSUPPORTED, "%s: it was not created as exportable", title.text);
  resource_release(gpu, id);
  return result;
}
