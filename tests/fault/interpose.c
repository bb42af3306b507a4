/* Wrappers around the driver's functions: those that create fail on demand, and each object is
 * counted. On failure outputs are left as rubbish wherever the specification leaves them undefined.
 */
#include "interpose.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "interpose_calls.h"

/* ---- State ---------------------------------------------------------------------------------- */

#define CALL_NAME(name, ...) CALL_##name,
typedef enum call {
  CREATING_CALLS(CALL_NAME) PLAIN_CALLS(CALL_NAME) SPECIAL_CALLS(CALL_NAME) CALL_COUNT
} call;
#undef CALL_NAME

#define KIND_NAME(name, kind, ...) KIND_##kind,
typedef enum kind {
  CREATING_CALLS(KIND_NAME) KIND_Instance,
  KIND_Device,
  KIND_Pipeline,
  KIND_COUNT
} kind;
#undef KIND_NAME

#define KIND_NAME(name, kind, ...) #kind,
static const char *const kind_names[] = {CREATING_CALLS(KIND_NAME) "Instance", "Device",
                                         "Pipeline"};
#undef KIND_NAME

/* The last of a function's errors is followed by VK_SUCCESS. */
#define MAX_ERRORS 8
#define CREATING_ERRORS(name, kind, info, ...) {"vk" #name, {__VA_ARGS__}},
#define PLAIN_ERRORS(name, parameters, arguments, ...) {"vk" #name, {__VA_ARGS__}},
#define SPECIAL_ERRORS(name, ...) {"vk" #name, {__VA_ARGS__}},
static const struct {
  const char *name;
  VkResult errors[MAX_ERRORS];
} calls[CALL_COUNT] = {CREATING_CALLS(CREATING_ERRORS) PLAIN_CALLS(PLAIN_ERRORS)
                           SPECIAL_CALLS(SPECIAL_ERRORS)};

#define SAFE_NAME(name) "vk" #name,
static const char *const safe_calls[] = {SAFE_CALLS(SAFE_NAME)};

static struct {
  vulkan_fault fault;
  vulkan_trace trace;
  bool is_over; /* interpose_end was called */
  bool is_lost;
  uint64_t hidden; /* number of the function to hide; 0: none */
  uint64_t asked;
  const char *hidden_name;
  int64_t live[KIND_COUNT];
  VkDevice device;
  PFN_vkGetInstanceProcAddr loader;
  PFN_vkVoidFunction real[CALL_COUNT];
  PFN_vkVoidFunction destroy[KIND_COUNT];
  PFN_vkGetDeviceProcAddr get_device_proc_addr;
} state;

#define REAL(name) ((PFN_vk##name)state.real[CALL_##name])

/* ---- Which calls fail ----------------------------------------------------------------------- */

static bool lists_error(call call, VkResult error) {
  for (uint32_t i = 0; calls[call].errors[i] != VK_SUCCESS; i++) {
    if (calls[call].errors[i] == error) {
      return true;
    }
  }
  return false;
}

static uint32_t count_errors(call call) {
  uint32_t count = 0;
  while (calls[call].errors[count] != VK_SUCCESS) {
    count++;
  }
  return count;
}

/* A lost device does no work any more; the driver's, which is not lost, must not either. */
static void lose_device(void) {
  state.is_lost = true;
  if (state.device != VK_NULL_HANDLE) {
    REAL(DeviceWaitIdle)(state.device);
  }
}

static VkResult fail_first(call call) {
  vulkan_trace *trace = &state.trace;
  trace->error_count = count_errors(call);
  if (state.fault.error_index >= trace->error_count) {
    return VK_SUCCESS; /* the trace tells, and the sweep goes on to the next call */
  }
  trace->was_reached = true;
  trace->function = calls[call].name;
  trace->error = calls[call].errors[state.fault.error_index];
  if (trace->error == VK_ERROR_DEVICE_LOST) {
    lose_device();
  }
  return trace->error;
}

/* What the call returns in the driver's place; VK_SUCCESS where the driver is to be asked. */
static VkResult next_result(call call) {
  if (state.is_lost) {
    return lists_error(call, VK_ERROR_DEVICE_LOST) ? VK_ERROR_DEVICE_LOST : VK_SUCCESS;
  }
  if (state.is_over) {
    return VK_SUCCESS;
  }
  vulkan_trace *trace = &state.trace;
  trace->calls++;
  if (trace->calls == state.fault.at) {
    return fail_first(call);
  }
  return trace->was_reached && state.fault.is_lasting && lists_error(call, trace->error)
             ? trace->error
             : VK_SUCCESS;
}

/* ---- Wrappers ------------------------------------------------------------------------------- */

static void count_born(kind kind, VkResult result) {
  state.live[kind] += result == VK_SUCCESS;
}

#define DEFINE_CREATING(name, kind, info_type, ...)                                             \
  static VKAPI_ATTR VkResult VKAPI_CALL wrap_##name(VkDevice device, const Vk##info_type *info, \
                                                    const VkAllocationCallbacks *callbacks,     \
                                                    Vk##kind *out) {                            \
    VkResult result = next_result(CALL_##name);                                                 \
    if (result != VK_SUCCESS) {                                                                 \
      memset(out, 0xA5, sizeof *out);                                                           \
      return result;                                                                            \
    }                                                                                           \
    result = REAL(name)(device, info, callbacks, out);                                          \
    count_born(KIND_##kind, result);                                                            \
    return result;                                                                              \
  }
CREATING_CALLS(DEFINE_CREATING)

#define DEFINE_PLAIN(name, parameters, arguments, ...)           \
  static VKAPI_ATTR VkResult VKAPI_CALL wrap_##name parameters { \
    VkResult result = next_result(CALL_##name);                  \
    return result == VK_SUCCESS ? REAL(name) arguments : result; \
  }
PLAIN_CALLS(DEFINE_PLAIN)

static VKAPI_ATTR VkResult VKAPI_CALL wrap_CreateInstance(const VkInstanceCreateInfo *info,
                                                          const VkAllocationCallbacks *callbacks,
                                                          VkInstance *out) {
  VkResult result = next_result(CALL_CreateInstance);
  if (result == VK_SUCCESS) {
    result = REAL(CreateInstance)(info, callbacks, out);
    count_born(KIND_Instance, result);
  } else {
    memset(out, 0xA5, sizeof *out);
  }
  return result;
}

static VKAPI_ATTR VkResult VKAPI_CALL wrap_CreateDevice(VkPhysicalDevice physical,
                                                        const VkDeviceCreateInfo *info,
                                                        const VkAllocationCallbacks *callbacks,
                                                        VkDevice *out) {
  VkResult result = next_result(CALL_CreateDevice);
  if (result == VK_SUCCESS) {
    result = REAL(CreateDevice)(physical, info, callbacks, out);
    count_born(KIND_Device, result);
    state.device = result == VK_SUCCESS ? *out : VK_NULL_HANDLE;
  } else {
    memset(out, 0xA5, sizeof *out);
  }
  return result;
}

/* The engine's last resort before it frees what the GPU may use: it fails only after the work has
 * ended, since no engine could do better. */
static VKAPI_ATTR VkResult VKAPI_CALL wrap_DeviceWaitIdle(VkDevice device) {
  VkResult result = next_result(CALL_DeviceWaitIdle);
  VkResult real = REAL(DeviceWaitIdle)(device);
  return result != VK_SUCCESS ? result : real;
}

static VKAPI_ATTR VkResult VKAPI_CALL wrap_AllocateDescriptorSets(
    VkDevice device, const VkDescriptorSetAllocateInfo *info, VkDescriptorSet *out) {
  VkResult result = next_result(CALL_AllocateDescriptorSets);
  if (result == VK_SUCCESS) {
    return REAL(AllocateDescriptorSets)(device, info, out);
  }
  for (uint32_t i = 0; i < info->descriptorSetCount; i++) {
    out[i] = VK_NULL_HANDLE;
  }
  return result;
}

static VkResult pipelines_done(VkResult result, uint32_t count, VkPipeline *out, bool is_real) {
  for (uint32_t i = 0; i < count; i++) {
    out[i] = is_real ? out[i] : VK_NULL_HANDLE;
    state.live[KIND_Pipeline] += out[i] != VK_NULL_HANDLE;
  }
  return result;
}

static VKAPI_ATTR VkResult VKAPI_CALL
wrap_CreateGraphicsPipelines(VkDevice device, VkPipelineCache cache, uint32_t count,
                             const VkGraphicsPipelineCreateInfo *infos,
                             const VkAllocationCallbacks *callbacks, VkPipeline *out) {
  VkResult result = next_result(CALL_CreateGraphicsPipelines);
  if (result != VK_SUCCESS) {
    return pipelines_done(result, count, out, false);
  }
  result = REAL(CreateGraphicsPipelines)(device, cache, count, infos, callbacks, out);
  return pipelines_done(result, count, out, true);
}

static VKAPI_ATTR VkResult VKAPI_CALL
wrap_CreateComputePipelines(VkDevice device, VkPipelineCache cache, uint32_t count,
                            const VkComputePipelineCreateInfo *infos,
                            const VkAllocationCallbacks *callbacks, VkPipeline *out) {
  VkResult result = next_result(CALL_CreateComputePipelines);
  if (result != VK_SUCCESS) {
    return pipelines_done(result, count, out, false);
  }
  result = REAL(CreateComputePipelines)(device, cache, count, infos, callbacks, out);
  return pipelines_done(result, count, out, true);
}

/* ---- Deaths --------------------------------------------------------------------------------- */

#define DEFINE_DESTROYING(name, kind, ...)                                                         \
  static VKAPI_ATTR void VKAPI_CALL end_##kind(VkDevice device, Vk##kind object,                   \
                                               const VkAllocationCallbacks *callbacks) {           \
    state.live[KIND_##kind] -= object != VK_NULL_HANDLE;                                           \
    ((void(VKAPI_PTR *)(VkDevice, Vk##kind,                                                        \
                        const VkAllocationCallbacks *))state.destroy[KIND_##kind])(device, object, \
                                                                                   callbacks);     \
  }
CREATING_CALLS(DEFINE_DESTROYING)
DEFINE_DESTROYING(, Pipeline, )

static VKAPI_ATTR void VKAPI_CALL end_Instance(VkInstance instance,
                                               const VkAllocationCallbacks *callbacks) {
  state.live[KIND_Instance] -= instance != VK_NULL_HANDLE;
  ((PFN_vkDestroyInstance)state.destroy[KIND_Instance])(instance, callbacks);
}

static VKAPI_ATTR void VKAPI_CALL end_Device(VkDevice device,
                                             const VkAllocationCallbacks *callbacks) {
  state.live[KIND_Device] -= device != VK_NULL_HANDLE;
  state.device = VK_NULL_HANDLE;
  ((PFN_vkDestroyDevice)state.destroy[KIND_Device])(device, callbacks);
}

/* ---- Which function stands for which --------------------------------------------------------- */

#define WRAPPER(name, ...) (PFN_vkVoidFunction) wrap_##name,
static const PFN_vkVoidFunction wrappers[CALL_COUNT] = {CREATING_CALLS(WRAPPER) PLAIN_CALLS(WRAPPER)
                                                            SPECIAL_CALLS(WRAPPER)};

#define ENDER(name, kind, ...) (PFN_vkVoidFunction) end_##kind,
static const PFN_vkVoidFunction enders[KIND_COUNT] = {
    CREATING_CALLS(ENDER)(PFN_vkVoidFunction) end_Instance, (PFN_vkVoidFunction)end_Device,
    (PFN_vkVoidFunction)end_Pipeline};

static PFN_vkVoidFunction wrap_creator(const char *name, PFN_vkVoidFunction real) {
  for (uint32_t i = 0; i < CALL_COUNT; i++) {
    if (strcmp(name, calls[i].name) == 0) {
      state.real[i] = real;
      return wrappers[i];
    }
  }
  return NULL;
}

static PFN_vkVoidFunction wrap_destroyer(const char *name, PFN_vkVoidFunction real) {
  for (uint32_t i = 0; i < KIND_COUNT; i++) {
    bool is_memory = i == KIND_DeviceMemory && strcmp(name, "vkFreeMemory") == 0;
    bool is_destroy = strncmp(name, "vkDestroy", 9) == 0 && strcmp(name + 9, kind_names[i]) == 0;
    if (is_memory || is_destroy) {
      state.destroy[i] = real;
      return enders[i];
    }
  }
  return NULL;
}

static bool is_safe(const char *name) {
  bool is_safe =
      strncmp(name, "vkCmd", 5) == 0 || strcmp(name, "vkDestroyDebugUtilsMessengerEXT") == 0;
  for (size_t i = 0; !is_safe && i < sizeof safe_calls / sizeof safe_calls[0]; i++) {
    is_safe = strcmp(name, safe_calls[i]) == 0;
  }
  return is_safe;
}

static VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL get_device_proc_addr(VkDevice device,
                                                                     const char *name);

static PFN_vkVoidFunction wrap_any(const char *name, PFN_vkVoidFunction real) {
  if (++state.asked == state.hidden) {
    state.hidden_name = name;
    return NULL;
  }
  if (real == NULL) {
    return NULL;
  }
  if (strcmp(name, "vkGetDeviceProcAddr") == 0) {
    state.get_device_proc_addr = (PFN_vkGetDeviceProcAddr)real;
    return (PFN_vkVoidFunction)get_device_proc_addr;
  }
  PFN_vkVoidFunction wrapper = wrap_creator(name, real);
  wrapper = wrapper != NULL ? wrapper : wrap_destroyer(name, real);
  if (wrapper == NULL && !is_safe(name)) {
    fprintf(stderr, "%s: enter it in interpose_calls.h\n", name);
    abort();
  }
  return wrapper != NULL ? wrapper : real;
}

static VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL get_device_proc_addr(VkDevice device,
                                                                     const char *name) {
  return wrap_any(name, state.get_device_proc_addr(device, name));
}

/* The loader stays open: the program is about to make many engines. */
static void open_loader(void) {
  void *library = dlopen("libvulkan.so.1", RTLD_NOW | RTLD_LOCAL);
  void *symbol = library == NULL ? NULL : dlsym(library, "vkGetInstanceProcAddr");
  if (symbol == NULL) {
    fprintf(stderr, "no Vulkan loader: %s\n", dlerror());
    abort();
  }
  memcpy(&state.loader, &symbol, sizeof symbol);
}

VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL interpose_get_instance_proc_addr(VkInstance instance,
                                                                          const char *name) {
  if (state.loader == NULL) {
    open_loader();
  }
  return wrap_any(name, state.loader(instance, name));
}

/* ---- Runs ------------------------------------------------------------------------------------ */

void interpose_begin(const vulkan_fault *fault) {
  state.fault = *fault;
  state.trace = (vulkan_trace){0};
  state.is_over = state.is_lost = false;
  state.hidden = state.asked = 0;
  state.hidden_name = NULL;
  memset(state.live, 0, sizeof state.live);
}

void interpose_end(void) {
  state.is_over = true;
}

vulkan_trace interpose_trace(void) {
  return state.trace;
}

bool interpose_is_lost(void) {
  return state.is_lost;
}

void interpose_hide(uint64_t number) {
  state.hidden = number;
}

const char *interpose_hidden(void) {
  return state.hidden_name;
}

uint64_t interpose_report_live(void) {
  uint64_t live = 0;
  for (uint32_t i = 0; i < KIND_COUNT; i++) {
    if (state.live[i] != 0) {
      fprintf(stderr, "  Vk%s: %lld live\n", kind_names[i], (long long)state.live[i]);
      live++;
    }
  }
  return live;
}
