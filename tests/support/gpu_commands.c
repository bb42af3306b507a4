/* Command buffers of a test's own, and the few commands that several tests record. */
#include "gpu_commands.h"

#include <string.h>

const gpu_scope gpu_scope_transfer = {VK_PIPELINE_STAGE_TRANSFER_BIT,
                                      VK_ACCESS_TRANSFER_READ_BIT | VK_ACCESS_TRANSFER_WRITE_BIT};
const gpu_scope gpu_scope_shader = {
    VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT | VK_PIPELINE_STAGE_FRAGMENT_SHADER_BIT,
    VK_ACCESS_SHADER_READ_BIT | VK_ACCESS_SHADER_WRITE_BIT};
const gpu_scope gpu_scope_color = {
    VK_PIPELINE_STAGE_COLOR_ATTACHMENT_OUTPUT_BIT,
    VK_ACCESS_COLOR_ATTACHMENT_READ_BIT | VK_ACCESS_COLOR_ATTACHMENT_WRITE_BIT};

static void load_functions(gpu_commands *self, const rg_engine_vk *vk) {
#define LOAD(name) self->name = (PFN_vk##name)vk->get_device_proc_addr(vk->device, "vk" #name);
  GPU_COMMANDS_FUNCTIONS(LOAD)
#undef LOAD
  const bool is_core = vk->api_version >= VK_API_VERSION_1_3;
  self->CmdBeginRendering = (PFN_vkCmdBeginRendering)vk->get_device_proc_addr(
      vk->device, is_core ? "vkCmdBeginRendering" : "vkCmdBeginRenderingKHR");
  self->CmdEndRendering = (PFN_vkCmdEndRendering)vk->get_device_proc_addr(
      vk->device, is_core ? "vkCmdEndRendering" : "vkCmdEndRenderingKHR");
}

void gpu_commands_begin(gpu_commands *self, gpu_test *test) {
  memset(self, 0, sizeof *self);
  self->test = test;
  load_functions(self, &test->vk);
  const VkCommandPoolCreateInfo pool = {.sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
                                        .queueFamilyIndex = test->vk.queue_family};
  assert_int_equal(self->CreateCommandPool(test->vk.device, &pool, NULL, &self->pool), VK_SUCCESS);
  const VkCommandBufferAllocateInfo info = {.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
                                            .commandPool = self->pool,
                                            .level = VK_COMMAND_BUFFER_LEVEL_PRIMARY,
                                            .commandBufferCount = 1};
  assert_int_equal(self->AllocateCommandBuffers(test->vk.device, &info, &self->buffer), VK_SUCCESS);
  const VkCommandBufferBeginInfo begin = {.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO,
                                          .flags = VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT};
  assert_int_equal(self->BeginCommandBuffer(self->buffer, &begin), VK_SUCCESS);
}

rg_ticket gpu_commands_submit(gpu_commands *self) {
  rg_ticket ticket = {0};
  assert_int_equal(self->EndCommandBuffer(self->buffer), VK_SUCCESS);
  assert_ok(rg_submit(self->test->engine, &self->buffer, 1, &ticket));
  return ticket;
}

void gpu_commands_finish(gpu_commands *self) {
  self->DestroyCommandPool(self->test->vk.device, self->pool, NULL);
}

void gpu_commands_run(gpu_commands *self) {
  const rg_ticket ticket = gpu_commands_submit(self);
  assert_ok(rg_ticket_wait(self->test->engine, ticket, UINT64_MAX));
  gpu_commands_finish(self);
}

/* ---- Commands ------------------------------------------------------------------------------- */

void gpu_cmd_transition(gpu_commands *self, const rg_texture_vk *texture,
                        VkImageAspectFlags aspects, gpu_scope from, VkImageLayout old_layout,
                        gpu_scope to, VkImageLayout new_layout) {
  const VkImageMemoryBarrier barrier = {
      .sType = VK_STRUCTURE_TYPE_IMAGE_MEMORY_BARRIER,
      .srcAccessMask = from.access,
      .dstAccessMask = to.access,
      .oldLayout = old_layout,
      .newLayout = new_layout,
      .srcQueueFamilyIndex = VK_QUEUE_FAMILY_IGNORED,
      .dstQueueFamilyIndex = VK_QUEUE_FAMILY_IGNORED,
      .image = texture->image,
      .subresourceRange = {aspects, 0, texture->mip_levels, 0, texture->layers}};
  self->CmdPipelineBarrier(self->buffer, from.stages, to.stages, 0, 0, NULL, 0, NULL, 1, &barrier);
}

void gpu_cmd_clear(gpu_commands *self, const rg_texture_vk *texture, gpu_scope from,
                   VkClearColorValue color) {
  const VkImageLayout target = VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL;
  const VkImageAspectFlags aspects = VK_IMAGE_ASPECT_COLOR_BIT;
  const VkImageSubresourceRange level = {aspects, 0, 1, 0, texture->layers};
  gpu_cmd_transition(self, texture, aspects, from, texture->layout, gpu_scope_transfer, target);
  self->CmdClearColorImage(self->buffer, texture->image, target, &color, 1, &level);
  gpu_cmd_transition(self, texture, aspects, gpu_scope_transfer, target, gpu_scope_shader,
                     texture->layout);
}

void gpu_cmd_clear_depth(gpu_commands *self, const rg_texture_vk *texture, gpu_scope from,
                         float depth) {
  const VkImageLayout target = VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL;
  const VkImageAspectFlags aspects = VK_IMAGE_ASPECT_DEPTH_BIT;
  const VkImageSubresourceRange level = {aspects, 0, 1, 0, texture->layers};
  const VkClearDepthStencilValue value = {.depth = depth};
  gpu_cmd_transition(self, texture, aspects, from, texture->layout, gpu_scope_transfer, target);
  self->CmdClearDepthStencilImage(self->buffer, texture->image, target, &value, 1, &level);
  gpu_cmd_transition(self, texture, aspects, gpu_scope_transfer, target, gpu_scope_shader,
                     texture->layout);
}

void gpu_cmd_render(gpu_commands *self, const rg_texture_vk *texture, gpu_scope from,
                    VkClearColorValue color) {
  const VkImageLayout target = VK_IMAGE_LAYOUT_COLOR_ATTACHMENT_OPTIMAL;
  const VkImageAspectFlags aspects = VK_IMAGE_ASPECT_COLOR_BIT;
  const VkRenderingAttachmentInfo attachment = {
      .sType = VK_STRUCTURE_TYPE_RENDERING_ATTACHMENT_INFO,
      .imageView = texture->view,
      .imageLayout = target,
      .loadOp = VK_ATTACHMENT_LOAD_OP_CLEAR,
      .storeOp = VK_ATTACHMENT_STORE_OP_STORE,
      .clearValue = {.color = color}};
  const VkRenderingInfo rendering = {
      .sType = VK_STRUCTURE_TYPE_RENDERING_INFO,
      .renderArea = {{0, 0}, {texture->extent.width, texture->extent.height}},
      .layerCount = 1,
      .colorAttachmentCount = 1,
      .pColorAttachments = &attachment};
  gpu_cmd_transition(self, texture, aspects, from, texture->layout, gpu_scope_color, target);
  self->CmdBeginRendering(self->buffer, &rendering);
  self->CmdEndRendering(self->buffer);
  gpu_cmd_transition(self, texture, aspects, gpu_scope_color, target, gpu_scope_shader,
                     texture->layout);
}

void gpu_cmd_read(gpu_commands *self, const rg_texture_vk *texture, VkImageAspectFlags aspects,
                  gpu_scope from, const rg_buffer_vk *buffer, uint64_t offset) {
  const VkImageLayout source = VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL;
  const VkBufferImageCopy copy = {.bufferOffset = buffer->offset + offset,
                                  .imageSubresource = {aspects, 0, 0, texture->layers},
                                  .imageExtent = texture->extent};
  gpu_cmd_transition(self, texture, aspects, from, texture->layout, gpu_scope_transfer, source);
  self->CmdCopyImageToBuffer(self->buffer, texture->image, source, buffer->buffer, 1, &copy);
  gpu_cmd_transition(self, texture, aspects, gpu_scope_transfer, source, gpu_scope_shader,
                     texture->layout);
}

void gpu_cmd_end_for_host(gpu_commands *self) {
  const VkMemoryBarrier barrier = {.sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER,
                                   .srcAccessMask = VK_ACCESS_MEMORY_WRITE_BIT,
                                   .dstAccessMask = VK_ACCESS_HOST_READ_BIT};
  self->CmdPipelineBarrier(self->buffer, VK_PIPELINE_STAGE_ALL_COMMANDS_BIT,
                           VK_PIPELINE_STAGE_HOST_BIT, 0, 1, &barrier, 0, NULL, 0, NULL);
}
