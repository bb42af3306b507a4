/* Drawing offscreen with nothing but what handles give: a pipeline, a descriptor set, a view. */
#include <stdlib.h>
#include <string.h>

#include "gpu_test.h"

const char gpu_test_vertex_source[] =
    "#version 450\n"
    "layout(location = 0) out vec2 uv;\n"
    "void main() {\n"
    "  uv = vec2((gl_VertexIndex << 1) & 2, gl_VertexIndex & 2);\n"
    "  gl_Position = vec4(uv * 2.0 - 1.0, 0.0, 1.0);\n"
    "}\n";

#define DRAW_FUNCTIONS(X)   \
  X(CreateCommandPool)      \
  X(DestroyCommandPool)     \
  X(AllocateCommandBuffers) \
  X(BeginCommandBuffer)     \
  X(EndCommandBuffer)       \
  X(CmdPipelineBarrier)     \
  X(CmdBindPipeline)        \
  X(CmdBindDescriptorSets)  \
  X(CmdBindVertexBuffers)   \
  X(CmdSetViewport)         \
  X(CmdSetScissor)          \
  X(CmdDraw)

typedef struct draw_functions {
#define DRAW_MEMBER(name) PFN_vk##name name;
  DRAW_FUNCTIONS(DRAW_MEMBER)
#undef DRAW_MEMBER
  PFN_vkCmdBeginRendering CmdBeginRendering;
  PFN_vkCmdEndRendering CmdEndRendering;
} draw_functions;

static draw_functions load_functions(const rg_engine_vk *vk) {
  draw_functions out = {0};
#define DRAW_LOAD(name) out.name = (PFN_vk##name)vk->get_device_proc_addr(vk->device, "vk" #name);
  DRAW_FUNCTIONS(DRAW_LOAD)
#undef DRAW_LOAD
  const bool is_core = vk->api_version >= VK_API_VERSION_1_3;
  out.CmdBeginRendering = (PFN_vkCmdBeginRendering)vk->get_device_proc_addr(
      vk->device, is_core ? "vkCmdBeginRendering" : "vkCmdBeginRenderingKHR");
  out.CmdEndRendering = (PFN_vkCmdEndRendering)vk->get_device_proc_addr(
      vk->device, is_core ? "vkCmdEndRendering" : "vkCmdEndRenderingKHR");
  return out;
}

static void move_layout(const draw_functions *f, VkCommandBuffer commands, VkImage image,
                        VkImageLayout from, VkImageLayout to) {
  const VkImageMemoryBarrier barrier = {
      .sType = VK_STRUCTURE_TYPE_IMAGE_MEMORY_BARRIER,
      .srcAccessMask = VK_ACCESS_MEMORY_WRITE_BIT,
      .dstAccessMask = VK_ACCESS_MEMORY_READ_BIT | VK_ACCESS_MEMORY_WRITE_BIT,
      .oldLayout = from,
      .newLayout = to,
      .srcQueueFamilyIndex = VK_QUEUE_FAMILY_IGNORED,
      .dstQueueFamilyIndex = VK_QUEUE_FAMILY_IGNORED,
      .image = image,
      .subresourceRange = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 1, 0, 1}};
  f->CmdPipelineBarrier(commands, VK_PIPELINE_STAGE_ALL_COMMANDS_BIT,
                        VK_PIPELINE_STAGE_ALL_COMMANDS_BIT, 0, 0, NULL, 0, NULL, 1, &barrier);
}

static void begin_rendering(const draw_functions *f, VkCommandBuffer commands,
                            const rg_texture_vk *target) {
  const VkRect2D area = {{0, 0}, {target->extent.width, target->extent.height}};
  const VkViewport viewport = {0, 0, (float)area.extent.width, (float)area.extent.height, 0, 1};
  const VkRenderingAttachmentInfo color = {.sType = VK_STRUCTURE_TYPE_RENDERING_ATTACHMENT_INFO,
                                           .imageView = target->view,
                                           .imageLayout = VK_IMAGE_LAYOUT_COLOR_ATTACHMENT_OPTIMAL,
                                           .loadOp = VK_ATTACHMENT_LOAD_OP_CLEAR,
                                           .storeOp = VK_ATTACHMENT_STORE_OP_STORE};
  const VkRenderingInfo rendering = {.sType = VK_STRUCTURE_TYPE_RENDERING_INFO,
                                     .renderArea = area,
                                     .layerCount = 1,
                                     .colorAttachmentCount = 1,
                                     .pColorAttachments = &color};
  f->CmdBeginRendering(commands, &rendering);
  f->CmdSetViewport(commands, 0, 1, &viewport);
  f->CmdSetScissor(commands, 0, 1, &area);
}

typedef struct draw_call {
  VkPipeline pipeline;
  rg_material_vk material;
  rg_texture_vk target;
  rg_buffer_vk vertices;
  uint32_t count;
} draw_call;

static void record(const draw_functions *f, VkCommandBuffer commands, const draw_call *call) {
  const rg_texture_vk *target = &call->target;
  const VkImageLayout drawing = VK_IMAGE_LAYOUT_COLOR_ATTACHMENT_OPTIMAL;
  const VkCommandBufferBeginInfo begin = {.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO,
                                          .flags = VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT};
  assert_int_equal(f->BeginCommandBuffer(commands, &begin), VK_SUCCESS);
  move_layout(f, commands, target->image, target->layout, drawing);
  begin_rendering(f, commands, target);
  f->CmdBindPipeline(commands, VK_PIPELINE_BIND_POINT_GRAPHICS, call->pipeline);
  if (call->material.set != VK_NULL_HANDLE) {
    f->CmdBindDescriptorSets(commands, VK_PIPELINE_BIND_POINT_GRAPHICS,
                             call->material.pipeline_layout, call->material.set_index, 1,
                             &call->material.set, 0, NULL);
  }
  if (call->vertices.buffer != VK_NULL_HANDLE) {
    f->CmdBindVertexBuffers(commands, 0, 1, &call->vertices.buffer, &call->vertices.offset);
  }
  f->CmdDraw(commands, call->count, 1, 0, 0);
  f->CmdEndRendering(commands);
  move_layout(f, commands, target->image, drawing, target->layout);
  assert_int_equal(f->EndCommandBuffer(commands), VK_SUCCESS);
}

static void submit(gpu_test *test, const draw_call *call) {
  const draw_functions f = load_functions(&test->vk);
  const VkCommandPoolCreateInfo pool_info = {.sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
                                             .queueFamilyIndex = test->vk.queue_family};
  VkCommandPool pool = VK_NULL_HANDLE;
  assert_int_equal(f.CreateCommandPool(test->vk.device, &pool_info, NULL, &pool), VK_SUCCESS);
  const VkCommandBufferAllocateInfo info = {.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
                                            .commandPool = pool,
                                            .level = VK_COMMAND_BUFFER_LEVEL_PRIMARY,
                                            .commandBufferCount = 1};
  VkCommandBuffer commands = VK_NULL_HANDLE;
  assert_int_equal(f.AllocateCommandBuffers(test->vk.device, &info, &commands), VK_SUCCESS);
  record(&f, commands, call);
  rg_ticket ticket = {0};
  assert_ok(rg_submit(test->engine, &commands, 1, &ticket));
  assert_ok(rg_ticket_wait(test->engine, ticket, UINT64_MAX));
  f.DestroyCommandPool(test->vk.device, pool, NULL);
}

void gpu_test_needs_drawing(const gpu_test *test) {
  if (!test->device.dynamic_rendering) {
    print_message("no dynamic rendering on %s\n", test->device.name);
    skip();
  }
}

void gpu_test_draw(gpu_test *test, rg_material material, const rg_pipeline_target *target,
                   rg_texture texture, rg_buffer vertices, uint32_t count) {
  draw_call call = {.count = count};
  assert_ok(rg_material_get_pipeline(test->engine, material, target, &call.pipeline));
  assert_ok(rg_material_get_vk(test->engine, material, &call.material));
  assert_ok(rg_texture_get_vk(test->engine, texture, &call.target));
  if (vertices.id != 0) {
    assert_ok(rg_buffer_get_vk(test->engine, vertices, &call.vertices));
  }
  submit(test, &call);
}

rg_texture gpu_test_target(gpu_test *test) {
  const rg_texture_desc desc = {
      .width = 4,
      .height = 4,
      .usage = VK_IMAGE_USAGE_SAMPLED_BIT | VK_IMAGE_USAGE_COLOR_ATTACHMENT_BIT,
      .label = "target"};
  rg_texture texture;
  assert_ok(rg_texture_create(test->engine, &desc, &texture));
  return texture;
}

uint32_t gpu_test_color(gpu_test *test, rg_material material, rg_texture texture) {
  const rg_pipeline_target target = {.color_formats = {VK_FORMAT_R8G8B8A8_UNORM}, .color_count = 1};
  uint32_t pixels[16];
  gpu_test_draw(test, material, &target, texture, (rg_buffer){0}, 3);
  assert_ok(rg_texture_read(test->engine, texture, NULL, pixels, sizeof pixels));
  return pixels[10];
}

rg_shader gpu_test_shader(gpu_test *test, const char *label, const char *fragment) {
  const rg_shader_desc desc = {
      .stages = {{.stage = VK_SHADER_STAGE_VERTEX_BIT, .source = gpu_test_vertex_source},
                 {.stage = VK_SHADER_STAGE_FRAGMENT_BIT, .source = fragment}},
      .stage_count = 2,
      .label = label};
  rg_shader shader;
  assert_ok(rg_shader_create(test->engine, &desc, &shader));
  return shader;
}

rg_shader gpu_test_compute(gpu_test *test, const char *label, const char *source) {
  const rg_shader_desc desc = {.stages = {{.stage = VK_SHADER_STAGE_COMPUTE_BIT, .source = source}},
                               .stage_count = 1,
                               .label = label};
  rg_shader shader;
  assert_ok(rg_shader_create(test->engine, &desc, &shader));
  return shader;
}
