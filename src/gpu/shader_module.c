/* Makes and destroys shader modules. */
#include "shader_module.h"

#include "gpu.h"

rg_result shader_module_create(gpu *gpu, const uint32_t *words, size_t size, const char *label,
                               const char *suffix, VkShaderModule *out) {
  const VkShaderModuleCreateInfo info = {
      .sType = VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO, .codeSize = size, .pCode = words};
  VkShaderModule module = VK_NULL_HANDLE;
  VkResult vk_result = gpu->vk.CreateShaderModule(gpu->device.handle, &info, NULL, &module);
  *out = vk_result == VK_SUCCESS ? module : VK_NULL_HANDLE;
  if (vk_result == VK_SUCCESS) {
    device_name(gpu, VK_OBJECT_TYPE_SHADER_MODULE, (uint64_t)module, label, suffix);
  }
  return dispatch_result(vk_result, "vkCreateShaderModule", label);
}

void shader_module_destroy(gpu *gpu, VkShaderModule module) {
  if (module != VK_NULL_HANDLE) {
    gpu->vk.DestroyShaderModule(gpu->device.handle, module, NULL);
  }
}
