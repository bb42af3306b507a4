/* startup: an engine made and ended, against a bare instance and device. */
#include "bench.h"

static double startup_ours(bench *bench) {
  (void)bench;
  double start = bench_now();
  rg_engine *engine = NULL;
  bench_check(rg_engine_create(&(rg_engine_desc){.label = "startup"}, &engine), "engine");
  rg_engine_destroy(engine);
  return bench_now() - start;
}

static VkPhysicalDevice same_device(bench *bench, VkInstance instance) {
  VkPhysicalDeviceProperties wanted, found;
  vkGetPhysicalDeviceProperties(bench->vk.physical_device, &wanted);
  VkPhysicalDevice devices[16];
  uint32_t count = 16;
  VkResult result = vkEnumeratePhysicalDevices(instance, &count, devices);
  bench_check_vk(result == VK_INCOMPLETE ? VK_SUCCESS : result, "vkEnumeratePhysicalDevices");
  for (uint32_t i = 0; i < count; i++) {
    vkGetPhysicalDeviceProperties(devices[i], &found);
    if (found.vendorID == wanted.vendorID && found.deviceID == wanted.deviceID) {
      return devices[i];
    }
  }
  return devices[0];
}

static double startup_baseline(bench *bench) {
  double start = bench_now();
  VkApplicationInfo application = {.sType = VK_STRUCTURE_TYPE_APPLICATION_INFO,
                                   .apiVersion = VK_API_VERSION_1_3};
  VkInstanceCreateInfo info = {.sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO,
                               .pApplicationInfo = &application};
  VkInstance instance;
  bench_check_vk(vkCreateInstance(&info, NULL, &instance), "vkCreateInstance");
  VkPhysicalDevice physical = same_device(bench, instance);
  float priority = 1;
  VkDeviceQueueCreateInfo queue = {
      .sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO,
      .queueFamilyIndex = bench->vk.queue_family,
      .queueCount = 1,
      .pQueuePriorities = &priority,
  };
  VkDeviceCreateInfo device_info = {.sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,
                                    .queueCreateInfoCount = 1,
                                    .pQueueCreateInfos = &queue};
  VkDevice device;
  bench_check_vk(vkCreateDevice(physical, &device_info, NULL, &device), "vkCreateDevice");
  vkDestroyDevice(device, NULL);
  vkDestroyInstance(instance, NULL);
  return bench_now() - start;
}

const bench_measure bench_startup_measures[] = {
    {.name = "startup",
     .unit = "ms",
     .goal = 1.15,
     .ours = startup_ours,
     .baseline = startup_baseline},
    {0},
};
