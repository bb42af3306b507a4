/* Raw Vulkan for baselines, on the engine's own device. */
#include "bench.h"

#include <stdio.h>
#include <stdlib.h>

void bench_check_vk(VkResult result, const char *what) {
  if (result != VK_SUCCESS) {
    fprintf(stderr, "bench: %s: VkResult %d\n", what, result);
    exit(1);
  }
}

uint32_t bench_memory_type(bench *bench, uint32_t allowed, VkMemoryPropertyFlags properties) {
  VkPhysicalDeviceMemoryProperties memory;
  vkGetPhysicalDeviceMemoryProperties(bench->vk.physical_device, &memory);
  for (uint32_t i = 0; i < memory.memoryTypeCount; i++) {
    if ((allowed >> i & 1) && (memory.memoryTypes[i].propertyFlags & properties) == properties) {
      return i;
    }
  }
  fprintf(stderr, "bench: no memory type with properties %x\n", properties);
  exit(1);
}

bench_buffer bench_buffer_create(bench *bench, uint64_t size, VkBufferUsageFlags usage,
                                 VkMemoryPropertyFlags properties) {
  bench_buffer result = {0};
  VkBufferCreateInfo info = {
      .sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
      .size = size,
      .usage = usage,
  };
  bench_check_vk(vkCreateBuffer(bench->vk.device, &info, NULL, &result.buffer), "vkCreateBuffer");
  VkMemoryRequirements needs;
  vkGetBufferMemoryRequirements(bench->vk.device, result.buffer, &needs);
  VkMemoryAllocateInfo allocate = {
      .sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
      .allocationSize = needs.size,
      .memoryTypeIndex = bench_memory_type(bench, needs.memoryTypeBits, properties),
  };
  bench_check_vk(vkAllocateMemory(bench->vk.device, &allocate, NULL, &result.memory),
                 "vkAllocateMemory");
  bench_check_vk(vkBindBufferMemory(bench->vk.device, result.buffer, result.memory, 0),
                 "vkBindBufferMemory");
  if (properties & VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT) {
    bench_check_vk(
        vkMapMemory(bench->vk.device, result.memory, 0, VK_WHOLE_SIZE, 0, &result.mapped),
        "vkMapMemory");
  }
  return result;
}

void bench_buffer_destroy(bench *bench, bench_buffer *buffer) {
  vkDestroyBuffer(bench->vk.device, buffer->buffer, NULL);
  vkFreeMemory(bench->vk.device, buffer->memory, NULL);
  *buffer = (bench_buffer){0};
}

bench_commands bench_commands_create(bench *bench) {
  bench_commands result = {0};
  VkCommandPoolCreateInfo pool = {
      .sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
      .queueFamilyIndex = bench->vk.queue_family,
  };
  bench_check_vk(vkCreateCommandPool(bench->vk.device, &pool, NULL, &result.pool),
                 "vkCreateCommandPool");
  VkCommandBufferAllocateInfo allocate = {
      .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
      .commandPool = result.pool,
      .level = VK_COMMAND_BUFFER_LEVEL_PRIMARY,
      .commandBufferCount = 1,
  };
  bench_check_vk(vkAllocateCommandBuffers(bench->vk.device, &allocate, &result.buffer),
                 "vkAllocateCommandBuffers");
  VkFenceCreateInfo fence = {.sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO};
  bench_check_vk(vkCreateFence(bench->vk.device, &fence, NULL, &result.fence), "vkCreateFence");
  return result;
}

void bench_commands_destroy(bench *bench, bench_commands *commands) {
  vkDestroyFence(bench->vk.device, commands->fence, NULL);
  vkDestroyCommandPool(bench->vk.device, commands->pool, NULL);
}

void bench_commands_begin(bench_commands *commands) {
  VkCommandBufferBeginInfo begin = {
      .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO,
      .flags = VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT,
  };
  bench_check_vk(vkBeginCommandBuffer(commands->buffer, &begin), "vkBeginCommandBuffer");
}

void bench_commands_run(bench *bench, bench_commands *commands) {
  bench_check_vk(vkEndCommandBuffer(commands->buffer), "vkEndCommandBuffer");
  VkSubmitInfo submit = {
      .sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
      .commandBufferCount = 1,
      .pCommandBuffers = &commands->buffer,
  };
  bench_check_vk(vkQueueSubmit(bench->vk.queue, 1, &submit, commands->fence), "vkQueueSubmit");
  bench_check_vk(vkWaitForFences(bench->vk.device, 1, &commands->fence, VK_TRUE, UINT64_MAX),
                 "vkWaitForFences");
  bench_check_vk(vkResetFences(bench->vk.device, 1, &commands->fence), "vkResetFences");
  bench_check_vk(vkResetCommandPool(bench->vk.device, commands->pool, 0), "vkResetCommandPool");
}
