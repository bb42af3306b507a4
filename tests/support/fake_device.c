/* What the fake device says of itself, and the way to the driver behind it. */
#include "fake_device_internal.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MOCK_DRIVER "/usr/lib/chromium/libVkICD_mock_icd.so"

fake_device fake;

void fake_fault(const char *format, ...) {
  char text[256];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  print_error("fake device: %s\n", text);
  fake.faults++;
}

void *fake_chain_find(const void *chain, VkStructureType type) {
  const VkBaseInStructure *part = chain;
  while (part != NULL && part->sType != type) {
    part = part->pNext;
  }
  return (void *)(uintptr_t)part;
}

void *fake_list_grow(void *items, uint32_t count, uint32_t *room, size_t item_size) {
  if (count < *room) {
    return items;
  }
  *room = *room == 0 ? 256 : 2 * *room;
  items = realloc(items, *room * item_size);
  assert_non_null(items);
  return items;
}

/* ---- Limits, features, extensions ----------------------------------------------------------- */

static void limits_fake(VkPhysicalDeviceProperties *properties) {
  VkPhysicalDeviceLimits *limits = &properties->limits;
  if (fake.desc.layout != FAKE_DRIVERS_OWN) {
    properties->deviceType = fake_device_type();
  }
  limits->nonCoherentAtomSize = fake.desc.atom != 0 ? fake.desc.atom : limits->nonCoherentAtomSize;
  limits->bufferImageGranularity =
      fake.desc.granularity != 0 ? fake.desc.granularity : limits->bufferImageGranularity;
  limits->maxMemoryAllocationCount = fake.desc.max_allocation_count != 0
                                         ? fake.desc.max_allocation_count
                                         : limits->maxMemoryAllocationCount;
  fake.atom = limits->nonCoherentAtomSize;
  fake.granularity = limits->bufferImageGranularity;
  fake.max_allocation_count = limits->maxMemoryAllocationCount;
}

static VKAPI_ATTR void VKAPI_CALL get_properties(VkPhysicalDevice physical,
                                                 VkPhysicalDeviceProperties *out) {
  fake.GetPhysicalDeviceProperties(physical, out);
  limits_fake(out);
}

static VKAPI_ATTR void VKAPI_CALL get_properties2(VkPhysicalDevice physical,
                                                  VkPhysicalDeviceProperties2 *out) {
  fake.GetPhysicalDeviceProperties2(physical, out);
  limits_fake(&out->properties);
  VkPhysicalDeviceMaintenance3Properties *sizes =
      fake_chain_find(out, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MAINTENANCE_3_PROPERTIES);
  if (sizes != NULL && fake.desc.max_allocation_size != 0) {
    sizes->maxMemoryAllocationSize = fake.desc.max_allocation_size;
  }
}

/* What the driver does not know is taken out of the chain while it is asked. */
typedef struct chain_gap {
  VkBaseOutStructure *before, *part;
} chain_gap;

static chain_gap chain_take(void *chain, VkStructureType type) {
  for (VkBaseOutStructure *part = chain; part != NULL && part->pNext != NULL; part = part->pNext) {
    if (part->pNext->sType == type) {
      chain_gap gap = {part, part->pNext};
      part->pNext = gap.part->pNext;
      return gap;
    }
  }
  return (chain_gap){0};
}

static void chain_give(chain_gap gap) {
  if (gap.part != NULL) {
    gap.before->pNext = gap.part;
  }
}

static bool fakes_priority(void) {
  return fake.desc.has_priority && !fake.driver_has_priority;
}

#define PRIORITY_FEATURES VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_PRIORITY_FEATURES_EXT

static VKAPI_ATTR void VKAPI_CALL get_features2(VkPhysicalDevice physical,
                                                VkPhysicalDeviceFeatures2 *out) {
  chain_gap gap = fakes_priority() ? chain_take(out, PRIORITY_FEATURES) : (chain_gap){0};
  fake.GetPhysicalDeviceFeatures2(physical, out);
  chain_give(gap);
  VkPhysicalDeviceVulkan11Features *vulkan11 =
      fake_chain_find(out, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_FEATURES);
  VkPhysicalDeviceVulkan12Features *vulkan12 =
      fake_chain_find(out, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES);
  VkPhysicalDeviceMemoryPriorityFeaturesEXT *priority = fake_chain_find(out, PRIORITY_FEATURES);
  if (vulkan11 != NULL && fake.desc.layout != FAKE_DRIVERS_OWN) {
    vulkan11->protectedMemory = fake.desc.has_protected;
  }
  if (vulkan12 != NULL) {
    vulkan12->timelineSemaphore |= fake.desc.is_mock;
    vulkan12->bufferDeviceAddress &= !fake.desc.has_no_address;
  }
  if (priority != NULL && fakes_priority()) {
    priority->memoryPriority = VK_TRUE;
  }
}

static VKAPI_ATTR void VKAPI_CALL get_queue_families2(VkPhysicalDevice physical, uint32_t *count,
                                                      VkQueueFamilyProperties2 *out) {
  fake.GetPhysicalDeviceQueueFamilyProperties2(physical, count, out);
  for (uint32_t i = 0; out != NULL && i < *count && fake.desc.layout != FAKE_DRIVERS_OWN; i++) {
    VkQueueFlags *flags = &out[i].queueFamilyProperties.queueFlags;
    *flags &= ~(VkQueueFlags)VK_QUEUE_PROTECTED_BIT;
    *flags |= fake.desc.has_protected ? VK_QUEUE_PROTECTED_BIT : 0;
  }
}

static VKAPI_ATTR VkResult VKAPI_CALL
get_image_format2(VkPhysicalDevice physical, const VkPhysicalDeviceImageFormatInfo2 *info,
                  VkImageFormatProperties2 *out) {
  VkPhysicalDeviceImageFormatInfo2 asked = *info;
  if (fake.desc.has_protected && fake.desc.layout != FAKE_DRIVERS_OWN) {
    asked.flags &= ~(VkImageCreateFlags)VK_IMAGE_CREATE_PROTECTED_BIT;
  }
  return fake.GetPhysicalDeviceImageFormatProperties2(physical, &asked, out);
}

static bool is_hidden(const char *name) {
  return (fake.desc.has_no_budget && strcmp(name, VK_EXT_MEMORY_BUDGET_EXTENSION_NAME) == 0) ||
         (fake.desc.has_no_external && strcmp(name, VK_KHR_EXTERNAL_MEMORY_FD_EXTENSION_NAME) == 0);
}

static bool extension_remove(VkExtensionProperties *list, uint32_t *count, const char *name,
                             bool removes) {
  for (uint32_t i = 0; i < *count; i++) {
    if (strcmp(list[i].extensionName, name) == 0) {
      list[i] = removes ? list[--*count] : list[i];
      return true;
    }
  }
  return false;
}

static void extension_add(VkExtensionProperties *list, uint32_t *count, const char *name) {
  list[*count] = (VkExtensionProperties){.specVersion = 1};
  snprintf(list[(*count)++].extensionName, VK_MAX_EXTENSION_NAME_SIZE, "%s", name);
}

/* The driver's list with the fake's changes, in room for two more; freed by the caller. */
static VkExtensionProperties *extensions_list(VkPhysicalDevice physical, uint32_t *count) {
  *count = 0;
  fake.EnumerateDeviceExtensionProperties(physical, NULL, count, NULL);
  VkExtensionProperties *list = calloc(*count + 2, sizeof *list);
  assert_non_null(list);
  fake.EnumerateDeviceExtensionProperties(physical, NULL, count, list);
  fake.driver_has_budget =
      extension_remove(list, count, VK_EXT_MEMORY_BUDGET_EXTENSION_NAME, false);
  fake.driver_has_priority =
      extension_remove(list, count, VK_EXT_MEMORY_PRIORITY_EXTENSION_NAME, false);
  for (uint32_t i = *count; i-- > 0;) {
    list[i] = is_hidden(list[i].extensionName) ? list[--*count] : list[i];
  }
  if (fake.desc.has_budget && !fake.driver_has_budget) {
    extension_add(list, count, VK_EXT_MEMORY_BUDGET_EXTENSION_NAME);
  }
  if (fakes_priority()) {
    extension_add(list, count, VK_EXT_MEMORY_PRIORITY_EXTENSION_NAME);
  }
  return list;
}

static VKAPI_ATTR VkResult VKAPI_CALL list_extensions(VkPhysicalDevice physical, const char *layer,
                                                      uint32_t *count, VkExtensionProperties *out) {
  if (layer != NULL) {
    return fake.EnumerateDeviceExtensionProperties(physical, layer, count, out);
  }
  uint32_t found = 0;
  VkExtensionProperties *list = extensions_list(physical, &found);
  const uint32_t room = out == NULL || *count > found ? found : *count;
  if (out != NULL) {
    memcpy(out, list, room * sizeof *out);
  }
  free(list);
  *count = room;
  return room < found ? VK_INCOMPLETE : VK_SUCCESS;
}

/* The mock driver is no loader, and knows no layers. */
static VKAPI_ATTR VkResult VKAPI_CALL list_layers(uint32_t *count, VkLayerProperties *out) {
  if (fake.EnumerateInstanceLayerProperties != NULL) {
    return fake.EnumerateInstanceLayerProperties(count, out);
  }
  *count = 0;
  return VK_SUCCESS;
}

/* ---- The device ----------------------------------------------------------------------------- */

#define MAX_NAMES 32

static VKAPI_ATTR VkResult VKAPI_CALL create_device(VkPhysicalDevice physical,
                                                    const VkDeviceCreateInfo *info,
                                                    const VkAllocationCallbacks *callbacks,
                                                    VkDevice *out) {
  const char *names[MAX_NAMES];
  VkDeviceQueueCreateInfo queue = info->pQueueCreateInfos[0];
  VkDeviceCreateInfo asked = *info;
  const bool fakes_protected = fake.desc.has_protected && fake.desc.layout != FAKE_DRIVERS_OWN;
  asked.enabledExtensionCount = 0;
  asked.ppEnabledExtensionNames = names;
  for (uint32_t i = 0; i < info->enabledExtensionCount && i < MAX_NAMES; i++) {
    const char *name = info->ppEnabledExtensionNames[i];
    const bool is_fake =
        (strcmp(name, VK_EXT_MEMORY_BUDGET_EXTENSION_NAME) == 0 && !fake.driver_has_budget) ||
        (strcmp(name, VK_EXT_MEMORY_PRIORITY_EXTENSION_NAME) == 0 && !fake.driver_has_priority);
    if (!is_fake) {
      names[asked.enabledExtensionCount++] = name;
    }
  }
  void *chain = (void *)(uintptr_t)info->pNext;
  VkPhysicalDeviceVulkan11Features *vulkan11 =
      fake_chain_find(chain, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_FEATURES);
  const VkBool32 protected_memory = vulkan11 != NULL && vulkan11->protectedMemory;
  if (fakes_protected) {
    queue.flags &= ~(VkDeviceQueueCreateFlags)VK_DEVICE_QUEUE_CREATE_PROTECTED_BIT;
    asked.pQueueCreateInfos = &queue;
    vulkan11->protectedMemory = VK_FALSE;
  }
  chain_gap gap = fakes_priority() ? chain_take(chain, PRIORITY_FEATURES) : (chain_gap){0};
  const VkResult result = fake.CreateDevice(physical, &asked, callbacks, out);
  chain_give(gap);
  if (vulkan11 != NULL) {
    vulkan11->protectedMemory = protected_memory;
  }
  return result;
}

static VKAPI_ATTR void VKAPI_CALL get_queue2(VkDevice device, const VkDeviceQueueInfo2 *info,
                                             VkQueue *out) {
  VkDeviceQueueInfo2 asked = *info;
  if (fake.desc.has_protected && fake.desc.layout != FAKE_DRIVERS_OWN) {
    asked.flags = 0;
  }
  fake.GetDeviceQueue2(device, &asked, out);
}

static VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL get_device_function(VkDevice device,
                                                                    const char *name);

const PFN_vkEnumerateInstanceLayerProperties fake_EnumerateInstanceLayerProperties = list_layers;
const PFN_vkEnumerateDeviceExtensionProperties fake_EnumerateDeviceExtensionProperties =
    list_extensions;
const PFN_vkGetPhysicalDeviceProperties fake_GetPhysicalDeviceProperties = get_properties;
const PFN_vkGetPhysicalDeviceProperties2 fake_GetPhysicalDeviceProperties2 = get_properties2;
const PFN_vkGetPhysicalDeviceFeatures2 fake_GetPhysicalDeviceFeatures2 = get_features2;
const PFN_vkGetPhysicalDeviceQueueFamilyProperties2 fake_GetPhysicalDeviceQueueFamilyProperties2 =
    get_queue_families2;
const PFN_vkGetPhysicalDeviceImageFormatProperties2 fake_GetPhysicalDeviceImageFormatProperties2 =
    get_image_format2;
const PFN_vkCreateDevice fake_CreateDevice = create_device;
const PFN_vkGetDeviceProcAddr fake_GetDeviceProcAddr = get_device_function;
const PFN_vkGetDeviceQueue2 fake_GetDeviceQueue2 = get_queue2;

/* ---- Which function stands for which --------------------------------------------------------- */

static PFN_vkVoidFunction stand_before(const char *name, PFN_vkVoidFunction found) {
#define STAND(call)                         \
  if (strcmp(name, "vk" #call) == 0) {      \
    fake.call = (PFN_vk##call)found;        \
    return (PFN_vkVoidFunction)fake_##call; \
  }
  FAKE_PHYSICAL_CALLS(STAND)
  FAKE_MEMORY_CALLS(STAND)
  if (fake.desc.is_mock) {
    FAKE_TIMELINE_CALLS(STAND)
  }
#undef STAND
  return found;
}

static VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL get_device_function(VkDevice device,
                                                                    const char *name) {
  return stand_before(name, fake.GetDeviceProcAddr(device, name));
}

VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL fake_get_instance_proc_addr(VkInstance instance,
                                                                     const char *name) {
  return stand_before(name, fake.driver(instance, name));
}

/* ---- Begin and end -------------------------------------------------------------------------- */

bool fake_has_mock(void) {
  return access(MOCK_DRIVER, R_OK) == 0;
}

void fake_needs_mock(void) {
  if (!fake_has_mock()) {
    print_message("skipped: the mock driver is not installed (Debian's package chromium)\n");
    skip();
  }
}

/* out: a function pointer. */
static void symbol_get(void *library, const char *name, void *out) {
  void *symbol = library == NULL ? NULL : dlsym(library, name);
  assert_non_null(symbol);
  memcpy(out, &symbol, sizeof symbol);
}

/* The mock driver without a loader, which would need manifests, and caches them. Drivers allow
 * versions above 1.0 only to those who know their interface's version 5. */
static PFN_vkGetInstanceProcAddr mock_open(void) {
  VkResult (*negotiate)(uint32_t * version) = NULL;
  PFN_vkGetInstanceProcAddr entry = NULL;
  uint32_t version = 5;
  void *library = dlopen(MOCK_DRIVER, RTLD_NOW | RTLD_LOCAL);
  symbol_get(library, "vk_icdNegotiateLoaderICDInterfaceVersion", &negotiate);
  symbol_get(library, "vk_icdGetInstanceProcAddr", &entry);
  assert_int_equal(negotiate(&version), VK_SUCCESS);
  return entry;
}

/* They stay open, as loaders and drivers do in any program that makes several engines. */
static PFN_vkGetInstanceProcAddr driver_open(bool is_mock) {
  PFN_vkGetInstanceProcAddr entry = NULL;
  if (is_mock) {
    return mock_open();
  }
  symbol_get(dlopen("libvulkan.so.1", RTLD_NOW | RTLD_LOCAL), "vkGetInstanceProcAddr", &entry);
  return entry;
}

/* Whether the driver has memory of one type, which then serves for all that a layout lists. */
static bool driver_has_one_type(PFN_vkGetInstanceProcAddr driver) {
  const VkApplicationInfo application = {.sType = VK_STRUCTURE_TYPE_APPLICATION_INFO,
                                         .apiVersion = VK_API_VERSION_1_1};
  const VkInstanceCreateInfo info = {.sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO,
                                     .pApplicationInfo = &application};
  VkInstance instance = VK_NULL_HANDLE;
  PFN_vkCreateInstance create = (PFN_vkCreateInstance)driver(NULL, "vkCreateInstance");
  assert_int_equal(create(&info, NULL, &instance), VK_SUCCESS);
  uint32_t count = 1;
  VkPhysicalDevice physical = VK_NULL_HANDLE;
  VkPhysicalDeviceMemoryProperties memory = {0};
  ((PFN_vkEnumeratePhysicalDevices)driver(instance, "vkEnumeratePhysicalDevices"))(instance, &count,
                                                                                   &physical);
  assert_int_equal(count, 1);
  ((PFN_vkGetPhysicalDeviceMemoryProperties)driver(
      instance, "vkGetPhysicalDeviceMemoryProperties"))(physical, &memory);
  ((PFN_vkDestroyInstance)driver(instance, "vkDestroyInstance"))(instance, NULL);
  return memory.memoryTypeCount == 1;
}

static void needs_one_type(PFN_vkGetInstanceProcAddr driver) {
  static int has_one = -1; /* unknown */
  has_one = has_one < 0 ? driver_has_one_type(driver) : has_one;
  if (has_one == 0) {
    print_message("skipped: other memory cannot be feigned on a driver that has several types\n");
    skip();
  }
}

rg_engine_desc fake_device_begin(const fake_device_desc *desc, gpu_log *log) {
  fake = (fake_device){.desc = *desc, .driver = driver_open(desc->is_mock)};
  if (desc->layout != FAKE_DRIVERS_OWN && !desc->is_mock) {
    needs_one_type(fake.driver);
  }
  assert_int_equal(pthread_mutex_init(&fake.lock, NULL), 0);
  fake_memory_begin();
  fake_objects_begin();
  fake_timeline_begin();
  rg_engine_desc engine = gpu_test_desc(log);
  engine.validation = !desc->is_mock;
  engine.get_instance_proc_addr = fake_get_instance_proc_addr;
  return engine;
}

void fake_device_end(void) {
  fake_memory_end();
  fake_objects_end();
  pthread_mutex_destroy(&fake.lock);
  assert_int_equal(fake.faults, 0);
}

void fake_fail_allocations(uint32_t count) {
  fake.failures_left = count;
}
