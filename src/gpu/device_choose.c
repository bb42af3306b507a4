/* The list of physical devices, and the choice of one by name, index or kind. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "device_internal.h"

/* Lower is better. */
static int type_rank(VkPhysicalDeviceType type) {
  static const VkPhysicalDeviceType order[] = {
      VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU, VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU,
      VK_PHYSICAL_DEVICE_TYPE_VIRTUAL_GPU, VK_PHYSICAL_DEVICE_TYPE_CPU};
  int rank = 0;
  while (rank < 4 && order[rank] != type) {
    rank++;
  }
  return rank;
}

static bool contains_any_case(const char *text, const char *part) {
  for (; *text != '\0'; text++) {
    size_t i = 0;
    while (part[i] != '\0' && tolower((unsigned char)text[i]) == tolower((unsigned char)part[i])) {
      i++;
    }
    if (part[i] == '\0') {
      return true;
    }
  }
  return part[0] == '\0';
}

/* The index that a name of digits only stands for, or UINT32_MAX. */
static uint32_t name_index(const char *name) {
  size_t length = strspn(name, "0123456789");
  if (length == 0 || length > 9 || name[length] != '\0') {
    return UINT32_MAX;
  }
  return (uint32_t)strtoul(name, NULL, 10);
}

static bool is_asked_for(const char *name, uint32_t index, const rg_device_info *info) {
  if (name == NULL) {
    return true;
  }
  uint32_t wanted = name_index(name);
  return wanted == UINT32_MAX ? contains_any_case(info->name, name) : wanted == index;
}

/* The devices there are, for messages. */
static void devices_append(gpu *gpu, const vk_list *list, text *out) {
  const VkPhysicalDevice *devices = list->items;
  for (uint32_t i = 0; i < list->count; i++) {
    device_abilities abilities;
    rg_device_info info;
    if (device_describe(gpu, devices[i], &abilities, &info) == RG_OK) {
      text_printf(out, "%s%u: '%s'%s", i == 0 ? "" : ", ", i, info.name,
                  info.is_usable ? "" : " (not usable)");
    }
  }
}

static rg_result choice_refuse(gpu *gpu, const char *name, const vk_list *list, bool is_found) {
  text text;
  text_init(&text, &gpu->host);
  devices_append(gpu, list, &text);
  const char *devices = text.data == NULL ? "none" : text.data;
  rg_result result;
  if (name == NULL || is_found) {
    result = result_set(RG_ERROR_UNSUPPORTED,
                        "device '%s': it lacks Vulkan 1.2, timeline semaphores, or a queue with "
                        "graphics and compute; devices: %s",
                        name == NULL ? "best" : name, devices);
  } else {
    result = result_set(RG_ERROR_NOT_FOUND,
                        "device '%s': no device of that name or index; devices: %s", name, devices);
  }
  text_finish(&text);
  return result;
}

rg_result device_choose(gpu *gpu, const char *name, VkPhysicalDevice *out) {
  rg_result result = RG_OK;
  vk_list list = {0};
  RG_TRY(list_physical_devices(gpu, &list));
  const VkPhysicalDevice *devices = list.items;
  bool is_found = false;
  int best = INT32_MAX;
  *out = VK_NULL_HANDLE;
  for (uint32_t i = 0; i < list.count; i++) {
    device_abilities abilities;
    rg_device_info info;
    RG_TRY(device_describe(gpu, devices[i], &abilities, &info));
    bool is_wanted = is_asked_for(name, i, &info);
    is_found |= is_wanted;
    if (is_wanted && info.is_usable && type_rank(info.type) < best) {
      best = type_rank(info.type);
      *out = devices[i];
    }
  }
  if (*out == VK_NULL_HANDLE) {
    result = choice_refuse(gpu, name, &list, is_found);
  }
fail:
  list_finish(gpu, &list);
  return result;
}

static rg_result devices_describe(gpu *gpu, rg_device_info *out, uint32_t *count) {
  vk_list list;
  rg_result result = list_physical_devices(gpu, &list);
  const VkPhysicalDevice *devices = list.items;
  for (uint32_t i = 0; result == RG_OK && out != NULL && i < list.count && i < *count; i++) {
    device_abilities abilities;
    result = device_describe(gpu, devices[i], &abilities, &out[i]);
  }
  *count = result == RG_OK ? list.count : 0;
  list_finish(gpu, &list);
  return result;
}

rg_result rg_devices(const rg_engine_desc *desc, rg_device_info *out, uint32_t *count) {
  if (count == NULL) {
    return result_set(RG_ERROR_INVALID_ARGUMENT, "devices: count is NULL");
  }
  static const rg_engine_desc defaults = {0};
  desc = desc == NULL ? &defaults : desc;
  gpu gpu = {.label = "regolith"};
  host_memory_init(&gpu.host, &desc->allocator);
  logger_init(&gpu.logger, desc->log, desc->log_user, desc->log_level);
  rg_result result = dispatch_init(&gpu.vk, desc->get_instance_proc_addr);
  if (result == RG_OK) {
    result = instance_init(&gpu, false);
  }
  if (result == RG_OK) {
    result = devices_describe(&gpu, out, count);
  } else {
    *count = 0;
  }
  instance_finish(&gpu);
  dispatch_finish(&gpu.vk);
  return result;
}
