/* Fills the table of Vulkan functions and turns Vulkan's results into ours. */
#include "dispatch.h"

#include <dlfcn.h>
#include <string.h>

#include "base/result.h"

#define LOADER_NAME "libvulkan.so.1"

/* ISO C has no cast from data to function pointers; POSIX promises that they are alike. */
static PFN_vkGetInstanceProcAddr loader_entry(void *library) {
  PFN_vkGetInstanceProcAddr entry = NULL;
  void *symbol = dlsym(library, "vkGetInstanceProcAddr");
  _Static_assert(sizeof symbol == sizeof entry, "function pointers differ from data pointers");
  memcpy(&entry, &symbol, sizeof entry);
  return entry;
}

static rg_result dispatch_open_loader(dispatch *vk) {
  vk->library = dlopen(LOADER_NAME, RTLD_NOW | RTLD_LOCAL);
  if (vk->library == NULL) {
    return result_set(RG_ERROR_UNSUPPORTED, "Vulkan loader '%s': %s", LOADER_NAME, dlerror());
  }
  vk->GetInstanceProcAddr = loader_entry(vk->library);
  if (vk->GetInstanceProcAddr == NULL) {
    return result_set(RG_ERROR_UNSUPPORTED, "Vulkan loader '%s': it has no vkGetInstanceProcAddr",
                      LOADER_NAME);
  }
  return RG_OK;
}

/* Goes on after a missing function, so that the destroying ones are there to clean up with. */
static rg_result dispatch_missing(const char *missing) {
  return missing == NULL
             ? RG_OK
             : result_set(RG_ERROR_UNSUPPORTED,
                          "Vulkan function '%s': the driver or loader lacks it", missing);
}

#define DISPATCH_LOAD_REQUIRED(name)                 \
  vk->name = (PFN_vk##name)DISPATCH_GET("vk" #name); \
  missing = vk->name == NULL && missing == NULL ? "vk" #name : missing;

rg_result dispatch_init(dispatch *vk, PFN_vkGetInstanceProcAddr entry) {
  rg_result result = RG_OK;
  const char *missing = NULL;
  *vk = (dispatch){.GetInstanceProcAddr = entry};
  if (entry == NULL) {
    RG_TRY(dispatch_open_loader(vk));
  }
#define DISPATCH_GET(name) vk->GetInstanceProcAddr(NULL, name)
  DISPATCH_GLOBAL_FUNCTIONS(DISPATCH_LOAD_REQUIRED)
#undef DISPATCH_GET
  RG_TRY(dispatch_missing(missing));
  return RG_OK;
fail:
  dispatch_finish(vk);
  return result;
}

void dispatch_finish(dispatch *vk) {
  if (vk->library != NULL) {
    dlclose(vk->library);
  }
  *vk = (dispatch){0};
}

rg_result dispatch_load_instance(dispatch *vk, VkInstance instance, bool has_debug_utils) {
  const char *missing = NULL;
#define DISPATCH_GET(name) vk->GetInstanceProcAddr(instance, name)
#define DISPATCH_LOAD_OPTIONAL(name) \
  vk->name = has_debug_utils ? (PFN_vk##name)DISPATCH_GET("vk" #name) : NULL;
  DISPATCH_INSTANCE_FUNCTIONS(DISPATCH_LOAD_REQUIRED)
  DISPATCH_OPTIONAL_FUNCTIONS(DISPATCH_LOAD_OPTIONAL)
#undef DISPATCH_LOAD_OPTIONAL
#undef DISPATCH_GET
  return dispatch_missing(missing);
}

rg_result dispatch_load_device(dispatch *vk, VkDevice device, bool has_external_memory) {
  const char *missing = NULL;
#define DISPATCH_GET(name) vk->GetDeviceProcAddr(device, name)
  DISPATCH_DEVICE_FUNCTIONS(DISPATCH_LOAD_REQUIRED)
  if (has_external_memory) {
    DISPATCH_EXTERNAL_FUNCTIONS(DISPATCH_LOAD_REQUIRED)
  }
#undef DISPATCH_GET
  return dispatch_missing(missing);
}

/* ---- Results ------------------------------------------------------------------------------- */

typedef struct vk_result_entry {
  VkResult vk_result;
  rg_result result;
  const char *name;
} vk_result_entry;

#define ENTRY(vk_result, result) \
  { vk_result, result, #vk_result }
static const vk_result_entry vk_results[] = {
    ENTRY(VK_NOT_READY, RG_ERROR_UNSUPPORTED),
    ENTRY(VK_TIMEOUT, RG_ERROR_UNSUPPORTED),
    ENTRY(VK_EVENT_SET, RG_ERROR_UNSUPPORTED),
    ENTRY(VK_EVENT_RESET, RG_ERROR_UNSUPPORTED),
    ENTRY(VK_INCOMPLETE, RG_ERROR_UNSUPPORTED),
    ENTRY(VK_ERROR_OUT_OF_HOST_MEMORY, RG_ERROR_OUT_OF_HOST_MEMORY),
    ENTRY(VK_ERROR_OUT_OF_DEVICE_MEMORY, RG_ERROR_OUT_OF_DEVICE_MEMORY),
    ENTRY(VK_ERROR_INITIALIZATION_FAILED, RG_ERROR_UNSUPPORTED),
    ENTRY(VK_ERROR_DEVICE_LOST, RG_ERROR_DEVICE_LOST),
    ENTRY(VK_ERROR_MEMORY_MAP_FAILED, RG_ERROR_OUT_OF_DEVICE_MEMORY),
    ENTRY(VK_ERROR_LAYER_NOT_PRESENT, RG_ERROR_UNSUPPORTED),
    ENTRY(VK_ERROR_EXTENSION_NOT_PRESENT, RG_ERROR_UNSUPPORTED),
    ENTRY(VK_ERROR_FEATURE_NOT_PRESENT, RG_ERROR_UNSUPPORTED),
    ENTRY(VK_ERROR_INCOMPATIBLE_DRIVER, RG_ERROR_UNSUPPORTED),
    ENTRY(VK_ERROR_TOO_MANY_OBJECTS, RG_ERROR_LIMIT),
    ENTRY(VK_ERROR_FORMAT_NOT_SUPPORTED, RG_ERROR_UNSUPPORTED),
    ENTRY(VK_ERROR_FRAGMENTED_POOL, RG_ERROR_OUT_OF_DEVICE_MEMORY),
    ENTRY(VK_ERROR_UNKNOWN, RG_ERROR_UNSUPPORTED),
    ENTRY(VK_ERROR_OUT_OF_POOL_MEMORY, RG_ERROR_OUT_OF_DEVICE_MEMORY),
    ENTRY(VK_ERROR_INVALID_EXTERNAL_HANDLE, RG_ERROR_UNSUPPORTED),
    ENTRY(VK_ERROR_FRAGMENTATION, RG_ERROR_OUT_OF_DEVICE_MEMORY),
    ENTRY(VK_ERROR_INVALID_OPAQUE_CAPTURE_ADDRESS, RG_ERROR_UNSUPPORTED),
    ENTRY(VK_PIPELINE_COMPILE_REQUIRED, RG_ERROR_UNSUPPORTED),
    ENTRY(VK_ERROR_INVALID_SHADER_NV, RG_ERROR_COMPILE),
    ENTRY(VK_ERROR_NOT_PERMITTED_KHR, RG_ERROR_UNSUPPORTED),
};
#undef ENTRY

rg_result dispatch_result(VkResult vk_result, const char *call, const char *what) {
  if (vk_result == VK_SUCCESS) {
    return RG_OK;
  }
  for (size_t i = 0; i < sizeof vk_results / sizeof vk_results[0]; i++) {
    if (vk_results[i].vk_result == vk_result) {
      return result_set(vk_results[i].result, "%s (%s): %s", call, what, vk_results[i].name);
    }
  }
  return result_set(RG_ERROR_UNSUPPORTED, "%s (%s): VkResult %d", call, what, (int)vk_result);
}
