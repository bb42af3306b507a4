/* The two-call enumerations of Vulkan, as lists in the engine's own host memory. */
#include <string.h>

#include "device_internal.h"

typedef VkResult enumerate_fn(gpu *gpu, const void *from, uint32_t *count, void *items);

/* The number of items may grow between the two calls; then it starts again. */
static rg_result list_fill(gpu *gpu, enumerate_fn *enumerate, const char *call, const void *from,
                           vk_list *list) {
  VkResult vk_result = VK_INCOMPLETE;
  while (vk_result == VK_INCOMPLETE) {
    list_finish(gpu, list);
    vk_result = enumerate(gpu, from, &list->count, NULL);
    if (vk_result != VK_SUCCESS || list->count == 0) {
      break;
    }
    list->capacity = list->count;
    list->items = host_calloc(&gpu->host, list->capacity, list->item_size);
    if (list->items == NULL) {
      list->count = 0;
      return result_no_memory(call, list->capacity * list->item_size);
    }
    vk_result = enumerate(gpu, from, &list->count, list->items);
  }
  rg_result result = dispatch_result(vk_result, call, "enumeration");
  if (result != RG_OK) {
    list_finish(gpu, list);
  }
  return result;
}

void list_finish(gpu *gpu, vk_list *list) {
  host_free(&gpu->host, list->items, list->capacity * list->item_size);
  *list = (vk_list){.item_size = list->item_size};
}

/* Extension and layer properties both begin with the name. */
bool list_has_name(const vk_list *list, const char *name) {
  for (uint32_t i = 0; i < list->count; i++) {
    if (strcmp((const char *)list->items + i * list->item_size, name) == 0) {
      return true;
    }
  }
  return false;
}

static VkResult enumerate_layers(gpu *gpu, const void *from, uint32_t *count, void *items) {
  (void)from;
  return gpu->vk.EnumerateInstanceLayerProperties(count, items);
}

rg_result list_layers(gpu *gpu, vk_list *out) {
  *out = (vk_list){.item_size = sizeof(VkLayerProperties)};
  return list_fill(gpu, enumerate_layers, "vkEnumerateInstanceLayerProperties", NULL, out);
}

static VkResult enumerate_instance_extensions(gpu *gpu, const void *from, uint32_t *count,
                                              void *items) {
  return gpu->vk.EnumerateInstanceExtensionProperties(from, count, items);
}

rg_result list_instance_extensions(gpu *gpu, const char *layer, vk_list *out) {
  *out = (vk_list){.item_size = sizeof(VkExtensionProperties)};
  return list_fill(gpu, enumerate_instance_extensions, "vkEnumerateInstanceExtensionProperties",
                   layer, out);
}

static VkResult enumerate_device_extensions(gpu *gpu, const void *from, uint32_t *count,
                                            void *items) {
  const VkPhysicalDevice *physical = from;
  return gpu->vk.EnumerateDeviceExtensionProperties(*physical, NULL, count, items);
}

rg_result list_device_extensions(gpu *gpu, VkPhysicalDevice physical, vk_list *out) {
  *out = (vk_list){.item_size = sizeof(VkExtensionProperties)};
  return list_fill(gpu, enumerate_device_extensions, "vkEnumerateDeviceExtensionProperties",
                   &physical, out);
}

static VkResult enumerate_physical_devices(gpu *gpu, const void *from, uint32_t *count,
                                           void *items) {
  (void)from;
  return gpu->vk.EnumeratePhysicalDevices(gpu->device.instance, count, items);
}

rg_result list_physical_devices(gpu *gpu, vk_list *out) {
  *out = (vk_list){.item_size = sizeof(VkPhysicalDevice)};
  return list_fill(gpu, enumerate_physical_devices, "vkEnumeratePhysicalDevices", NULL, out);
}
