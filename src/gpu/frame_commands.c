/* Command buffers that come back when their submission has passed. */
#include "frame_internal.h"

static void commands_destroy(gpu *gpu, frame_commands *commands) {
  if (commands->pool != VK_NULL_HANDLE) {
    gpu->vk.DestroyCommandPool(gpu->device.handle, commands->pool, NULL);
  }
  host_free(&gpu->host, commands, sizeof *commands);
}

static rg_result commands_create(gpu *gpu, frame_commands **out) {
  rg_result result = RG_OK;
  frame_commands *commands = host_calloc(&gpu->host, 1, sizeof *commands);
  if (commands == NULL) {
    return result_no_memory("command buffer", sizeof *commands);
  }
  VkCommandPoolCreateInfo pool_info = {
      .sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
      .flags = VK_COMMAND_POOL_CREATE_TRANSIENT_BIT,
      .queueFamilyIndex = gpu->device.queue_family,
  };
  VkResult vk_result =
      gpu->vk.CreateCommandPool(gpu->device.handle, &pool_info, NULL, &commands->pool);
  commands->pool = vk_result == VK_SUCCESS ? commands->pool : VK_NULL_HANDLE;
  RG_TRY(dispatch_result(vk_result, "vkCreateCommandPool", gpu->label));
  device_name(gpu, VK_OBJECT_TYPE_COMMAND_POOL, (uint64_t)commands->pool, gpu->label, "commands");
  VkCommandBufferAllocateInfo info = {
      .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
      .commandPool = commands->pool,
      .level = VK_COMMAND_BUFFER_LEVEL_PRIMARY,
      .commandBufferCount = 1,
  };
  vk_result = gpu->vk.AllocateCommandBuffers(gpu->device.handle, &info, &commands->buffer);
  RG_TRY(dispatch_result(vk_result, "vkAllocateCommandBuffers", gpu->label));
  device_name(gpu, VK_OBJECT_TYPE_COMMAND_BUFFER, (uint64_t)(uintptr_t)commands->buffer, gpu->label,
              "commands");
  *out = commands;
  return RG_OK;
fail:
  commands_destroy(gpu, commands);
  return result;
}

/* Busy ones stand newest first, so from the first that has passed on, all have. */
static void busy_reclaim(gpu *gpu) {
  frame *frame = &gpu->frame;
  uint64_t completed = frame_completed(gpu);
  frame_commands **link = &frame->busy_commands;
  while (*link != NULL && (*link)->value > completed) {
    link = &(*link)->next;
  }
  frame->free_commands = *link;
  *link = NULL;
}

static frame_commands *commands_take(gpu *gpu) {
  frame *frame = &gpu->frame;
  mutex_lock(&frame->lock);
  if (frame->free_commands == NULL) {
    busy_reclaim(gpu);
  }
  frame_commands *commands = frame->free_commands;
  if (commands != NULL) {
    frame->free_commands = commands->next;
    commands->next = NULL;
    commands->value = 0;
  }
  mutex_unlock(&frame->lock);
  return commands;
}

rg_result frame_commands_begin(gpu *gpu, frame_commands **out) {
  rg_result result = RG_OK;
  frame_commands *commands = commands_take(gpu);
  *out = NULL;
  if (commands == NULL) {
    RG_TRY(commands_create(gpu, &commands));
  } else {
    RG_TRY(dispatch_result(gpu->vk.ResetCommandPool(gpu->device.handle, commands->pool, 0),
                           "vkResetCommandPool", gpu->label));
  }
  VkCommandBufferBeginInfo info = {
      .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO,
      .flags = VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT,
  };
  RG_TRY(dispatch_result(gpu->vk.BeginCommandBuffer(commands->buffer, &info),
                         "vkBeginCommandBuffer", gpu->label));
  *out = commands;
  return RG_OK;
fail:
  frame_commands_cancel(gpu, commands);
  return result;
}

void frame_commands_cancel(gpu *gpu, frame_commands *commands) {
  if (commands != NULL) {
    mutex_lock(&gpu->frame.lock);
    commands->next = gpu->frame.free_commands;
    gpu->frame.free_commands = commands;
    mutex_unlock(&gpu->frame.lock);
  }
}

void frame_commands_submitted(gpu *gpu, frame_commands *commands, uint64_t value) {
  if (commands != NULL) {
    mutex_lock(&gpu->frame.lock);
    commands->value = value;
    commands->next = gpu->frame.busy_commands;
    gpu->frame.busy_commands = commands;
    mutex_unlock(&gpu->frame.lock);
  }
}

static void list_destroy(gpu *gpu, frame_commands *commands) {
  while (commands != NULL) {
    frame_commands *next = commands->next;
    commands_destroy(gpu, commands);
    commands = next;
  }
}

void frame_commands_finish(gpu *gpu) {
  list_destroy(gpu, gpu->frame.free_commands);
  list_destroy(gpu, gpu->frame.busy_commands);
  gpu->frame.free_commands = gpu->frame.busy_commands = NULL;
}
