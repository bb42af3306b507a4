/* The Vulkan instance that the engine makes, and the validation layer's way to the log. */
#include <string.h>

#include "device_internal.h"

#define VALIDATION_LAYER "VK_LAYER_KHRONOS_validation"

static VKAPI_ATTR VkBool32 VKAPI_CALL message_receive(
    VkDebugUtilsMessageSeverityFlagBitsEXT severity, VkDebugUtilsMessageTypeFlagsEXT types,
    const VkDebugUtilsMessengerCallbackDataEXT *data, void *user) {
  gpu *gpu = user;
  const char *text = data->pMessage == NULL ? "" : data->pMessage;
  if ((types & VK_DEBUG_UTILS_MESSAGE_TYPE_VALIDATION_BIT_EXT) == 0) {
    log_message(&gpu->logger, RG_LOG_INFO, "performance: %s", text);
    return VK_FALSE;
  }
  atomic_fetch_add(&gpu->device.validation_count, 1);
  bool is_error = (severity & VK_DEBUG_UTILS_MESSAGE_SEVERITY_ERROR_BIT_EXT) != 0;
  log_message(&gpu->logger, is_error ? RG_LOG_ERROR : RG_LOG_WARNING, "validation: %s", text);
  return VK_FALSE;
}

static VkDebugUtilsMessengerCreateInfoEXT messenger_info(gpu *gpu) {
  return (VkDebugUtilsMessengerCreateInfoEXT){
      .sType = VK_STRUCTURE_TYPE_DEBUG_UTILS_MESSENGER_CREATE_INFO_EXT,
      .messageSeverity = VK_DEBUG_UTILS_MESSAGE_SEVERITY_WARNING_BIT_EXT |
                         VK_DEBUG_UTILS_MESSAGE_SEVERITY_ERROR_BIT_EXT,
      .messageType = VK_DEBUG_UTILS_MESSAGE_TYPE_VALIDATION_BIT_EXT |
                     VK_DEBUG_UTILS_MESSAGE_TYPE_PERFORMANCE_BIT_EXT,
      .pfnUserCallback = message_receive,
      .pUserData = gpu,
  };
}

static rg_result messenger_create(gpu *gpu) {
  dispatch *vk = &gpu->vk;
  if (vk->CreateDebugUtilsMessengerEXT == NULL || vk->DestroyDebugUtilsMessengerEXT == NULL) {
    return result_set(RG_ERROR_UNSUPPORTED,
                      "validation: the loader has no vkCreateDebugUtilsMessengerEXT");
  }
  VkDebugUtilsMessengerCreateInfoEXT info = messenger_info(gpu);
  VkResult vk_result =
      vk->CreateDebugUtilsMessengerEXT(gpu->device.instance, &info, NULL, &gpu->device.messenger);
  if (vk_result != VK_SUCCESS) {
    gpu->device.messenger = VK_NULL_HANDLE;
  }
  return dispatch_result(vk_result, "vkCreateDebugUtilsMessengerEXT", gpu->label);
}

/* ---- Layers and extensions ----------------------------------------------------------------- */

typedef struct instance_choice {
  uint32_t api_version;
  bool has_debug_utils, has_validation, has_validation_features;
} instance_choice;

/* Vulkan 1.3 knows no more than the engine does; a 1.0 loader refuses versions it does not know. */
static rg_result choose_version(gpu *gpu, instance_choice *choice) {
  uint32_t version = 0;
  VkResult vk_result = gpu->vk.EnumerateInstanceVersion(&version);
  if (vk_result != VK_SUCCESS) {
    return dispatch_result(vk_result, "vkEnumerateInstanceVersion", gpu->label);
  }
  if (version < VK_API_VERSION_1_2) {
    return result_set(RG_ERROR_UNSUPPORTED, "Vulkan loader: version %u.%u is below 1.2",
                      VK_API_VERSION_MAJOR(version), VK_API_VERSION_MINOR(version));
  }
  choice->api_version = version < VK_API_VERSION_1_3 ? VK_API_VERSION_1_2 : VK_API_VERSION_1_3;
  return RG_OK;
}

static rg_result choose_extensions(gpu *gpu, instance_choice *choice) {
  rg_result result = RG_OK;
  vk_list list = {0};
  RG_TRY(list_instance_extensions(gpu, NULL, &list));
  choice->has_debug_utils = list_has_name(&list, VK_EXT_DEBUG_UTILS_EXTENSION_NAME);
  if (choice->has_validation) {
    list_finish(gpu, &list);
    RG_TRY(list_instance_extensions(gpu, VALIDATION_LAYER, &list));
    choice->has_debug_utils |= list_has_name(&list, VK_EXT_DEBUG_UTILS_EXTENSION_NAME);
    choice->has_validation_features =
        list_has_name(&list, VK_EXT_VALIDATION_FEATURES_EXTENSION_NAME);
  }
fail:
  list_finish(gpu, &list);
  return result;
}

static rg_result choose_layers(gpu *gpu, bool validation, instance_choice *choice) {
  if (!validation) {
    return RG_OK;
  }
  vk_list list = {0};
  rg_result result = list_layers(gpu, &list);
  if (result == RG_OK) {
    choice->has_validation = list_has_name(&list, VALIDATION_LAYER);
    list_finish(gpu, &list);
    if (!choice->has_validation) {
      result = result_set(RG_ERROR_UNSUPPORTED, "validation: the layer '%s' is not installed",
                          VALIDATION_LAYER);
    }
  }
  return result;
}

/* ---- The instance -------------------------------------------------------------------------- */

static uint32_t choice_extensions(const instance_choice *choice, const char *names[2]) {
  uint32_t count = 0;
  if (choice->has_debug_utils) {
    names[count++] = VK_EXT_DEBUG_UTILS_EXTENSION_NAME;
  }
  if (choice->has_validation_features) {
    names[count++] = VK_EXT_VALIDATION_FEATURES_EXTENSION_NAME;
  }
  return count;
}

/* chain: what is said while the instance itself is made or destroyed, and how to validate. */
static VkResult instance_call(gpu *gpu, const instance_choice *choice, const void *chain) {
  const char *layers[] = {VALIDATION_LAYER};
  const char *extensions[2];
  VkApplicationInfo application = {
      .sType = VK_STRUCTURE_TYPE_APPLICATION_INFO,
      .pApplicationName = gpu->label,
      .pEngineName = "regolith",
      .engineVersion = VK_MAKE_API_VERSION(0, RG_VERSION_MAJOR, RG_VERSION_MINOR, RG_VERSION_PATCH),
      .apiVersion = choice->api_version,
  };
  VkInstanceCreateInfo info = {
      .sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO,
      .pNext = chain,
      .pApplicationInfo = &application,
      .enabledLayerCount = choice->has_validation ? 1 : 0,
      .ppEnabledLayerNames = layers,
      .ppEnabledExtensionNames = extensions,
  };
  info.enabledExtensionCount = choice_extensions(choice, extensions);
  return gpu->vk.CreateInstance(&info, NULL, &gpu->device.instance);
}

static rg_result instance_create(gpu *gpu, const instance_choice *choice) {
  static const VkValidationFeatureEnableEXT enabled[] = {
      VK_VALIDATION_FEATURE_ENABLE_SYNCHRONIZATION_VALIDATION_EXT};
  VkDebugUtilsMessengerCreateInfoEXT messenger = messenger_info(gpu);
  VkValidationFeaturesEXT features = {
      .sType = VK_STRUCTURE_TYPE_VALIDATION_FEATURES_EXT,
      .pNext = choice->has_debug_utils ? &messenger : NULL,
      .enabledValidationFeatureCount = 1,
      .pEnabledValidationFeatures = enabled,
  };
  const void *chain = choice->has_validation_features ? (const void *)&features : features.pNext;
  VkResult vk_result = instance_call(gpu, choice, choice->has_validation ? chain : NULL);
  if (vk_result != VK_SUCCESS) {
    gpu->device.instance = VK_NULL_HANDLE;
    if (vk_result == VK_ERROR_INCOMPATIBLE_DRIVER) {
      return result_set(RG_ERROR_UNSUPPORTED,
                        "Vulkan loader: it finds no usable driver (VK_ERROR_INCOMPATIBLE_DRIVER); "
                        "Debian's package mesa-vulkan-drivers has one for any machine");
    }
    return dispatch_result(vk_result, "vkCreateInstance", gpu->label);
  }
  gpu->device.owns_instance = true;
  return RG_OK;
}

rg_result instance_init(gpu *gpu, bool validation) {
  rg_result result = RG_OK;
  instance_choice choice = {0};
  RG_TRY(choose_version(gpu, &choice));
  RG_TRY(choose_layers(gpu, validation, &choice));
  RG_TRY(choose_extensions(gpu, &choice));
  RG_TRY(instance_create(gpu, &choice));
  gpu->device.api_version = choice.api_version;
  gpu->device.has_debug_utils = choice.has_debug_utils;
  RG_TRY(dispatch_load_instance(&gpu->vk, gpu->device.instance, choice.has_debug_utils));
  if (validation) {
    RG_TRY(messenger_create(gpu));
  }
  return RG_OK;
fail:
  instance_finish(gpu);
  return result;
}

void instance_finish(gpu *gpu) {
  device *device = &gpu->device;
  if (device->messenger != VK_NULL_HANDLE) {
    gpu->vk.DestroyDebugUtilsMessengerEXT(device->instance, device->messenger, NULL);
    device->messenger = VK_NULL_HANDLE;
  }
  if (device->owns_instance && gpu->vk.DestroyInstance != NULL) {
    gpu->vk.DestroyInstance(device->instance, NULL);
  }
  device->instance = VK_NULL_HANDLE;
  device->owns_instance = false;
}
