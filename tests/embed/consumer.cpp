// A C++ program with a VkDevice of its own, which Regolith uses and leaves alive.
#include <regolith/regolith.h>

#include <vulkan/vulkan.h>
#include <cstdio>
#include <cstring>
#include <mutex>
#include <vector>

namespace {

// Everything that the host owns.
struct Host {
  VkInstance instance = VK_NULL_HANDLE;
  VkPhysicalDevice physical = VK_NULL_HANDLE;
  VkDevice device = VK_NULL_HANDLE;
  VkQueue queue = VK_NULL_HANDLE;
  uint32_t family = 0;
  std::mutex lock;

  bool create();
  bool createDevice();
  ~Host();
};

bool Host::create() {
  VkApplicationInfo application{VK_STRUCTURE_TYPE_APPLICATION_INFO};
  application.apiVersion = VK_API_VERSION_1_2;
  VkInstanceCreateInfo info{VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO};
  info.pApplicationInfo = &application;
  if (vkCreateInstance(&info, nullptr, &instance) != VK_SUCCESS) {
    return false;
  }
  uint32_t count = 1;
  VkResult result = vkEnumeratePhysicalDevices(instance, &count, &physical);
  return (result == VK_SUCCESS || result == VK_INCOMPLETE) && count == 1 && createDevice();
}

bool Host::createDevice() {
  uint32_t count = 0;
  vkGetPhysicalDeviceQueueFamilyProperties(physical, &count, nullptr);
  std::vector<VkQueueFamilyProperties> families(count);
  vkGetPhysicalDeviceQueueFamilyProperties(physical, &count, families.data());
  while (family < count && !(families[family].queueFlags & VK_QUEUE_GRAPHICS_BIT)) {
    family++;
  }
  if (family == count) {
    return false;
  }
  float priority = 1;
  VkDeviceQueueCreateInfo queueInfo{VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO};
  queueInfo.queueFamilyIndex = family;
  queueInfo.queueCount = 1;
  queueInfo.pQueuePriorities = &priority;
  VkPhysicalDeviceVulkan12Features features{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES};
  features.timelineSemaphore = VK_TRUE;
  VkDeviceCreateInfo info{VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO};
  info.pNext = &features;
  info.queueCreateInfoCount = 1;
  info.pQueueCreateInfos = &queueInfo;
  if (vkCreateDevice(physical, &info, nullptr, &device) != VK_SUCCESS) {
    return false;
  }
  vkGetDeviceQueue(device, family, 0, &queue);
  return true;
}

Host::~Host() {
  if (device) {
    vkDestroyDevice(device, nullptr);
  }
  if (instance) {
    vkDestroyInstance(instance, nullptr);
  }
}

int fail(const char *what, rg_result result) {
  std::fprintf(stderr, "consumer: %s: %s: %s\n", what, rg_result_name(result), rg_error());
  return 1;
}

int useEngine(rg_engine *engine) {
  const uint32_t texels[4] = {0xff0000ff, 0xff00ff00, 0xffff0000, 0xffffffff};
  rg_texture_desc desc{};
  desc.width = 2;
  desc.height = 2;
  desc.data = texels;
  desc.data_size = sizeof texels;
  desc.label = "texels";
  rg_texture texture{};
  rg_result result = rg_texture_create(engine, &desc, &texture);
  if (result != RG_OK) {
    return fail("rg_texture_create", result);
  }
  rg_texture_vk vk{};
  result = rg_texture_get_vk(engine, texture, &vk);
  if (result != RG_OK || !vk.view || !vk.sampler) {
    return fail("rg_texture_get_vk", result);
  }
  uint32_t back[4] = {};
  result = rg_texture_read(engine, texture, nullptr, back, sizeof back);
  if (result != RG_OK || std::memcmp(texels, back, sizeof texels) != 0) {
    return fail("rg_texture_read", result);
  }
  result = rg_texture_destroy(engine, texture);
  return result == RG_OK ? 0 : fail("rg_texture_destroy", result);
}

} // namespace

int main() {
  Host host;
  if (!host.create()) {
    std::fprintf(stderr, "consumer: no Vulkan device of its own\n");
    return 1;
  }
  rg_host_device device{};
  device.instance = host.instance;
  device.physical_device = host.physical;
  device.device = host.device;
  device.queue = host.queue;
  device.queue_family = host.family;
  device.api_version = VK_API_VERSION_1_2;
  device.queue_lock = [](void *user) { static_cast<std::mutex *>(user)->lock(); };
  device.queue_unlock = [](void *user) { static_cast<std::mutex *>(user)->unlock(); };
  device.queue_user = &host.lock;
  rg_engine_desc desc{};
  desc.label = "consumer";
  desc.host_device = &device;
  rg_engine *engine = nullptr;
  rg_result result = rg_engine_create(&desc, &engine);
  if (result != RG_OK) {
    return fail("rg_engine_create", result);
  }
  int code = useEngine(engine);
  rg_engine_destroy(engine);
  // The device is still the host's, and alive.
  if (code == 0 && vkDeviceWaitIdle(host.device) == VK_SUCCESS) {
    std::puts("host device alive");
  }
  return code;
}
