/* A frame of transient resources on a device: what its contents are after it, and what is destroyed
 * in flight. */
#include "transient_scene.h"

/* ---- A frame -------------------------------------------------------------------------------- */

typedef enum node_kind { CLEARED, RENDERED, COMPUTED, DEPTH_CLEARED, FILLED, COPIED } node_kind;

typedef struct node {
  const char *label;
  node_kind kind;
  VkFormat format; /* of four bytes a texel */
  uint32_t width, height;
  uint32_t first_use, last_use;
} node;

#define WIDTH 240
#define HEIGHT 135
#define RGBA VK_FORMAT_R8G8B8A8_UNORM

/* Deferred shading with shadows, occlusion, bloom and a post chain. */
static const node nodes[] = {
    {"shadow near", DEPTH_CLEARED, VK_FORMAT_D32_SFLOAT, 256, 256, 0, 6},
    {"shadow far", DEPTH_CLEARED, VK_FORMAT_D32_SFLOAT, 256, 256, 1, 6},
    {"depth", DEPTH_CLEARED, VK_FORMAT_D32_SFLOAT, WIDTH, HEIGHT, 2, 11},
    {"albedo", RENDERED, RGBA, WIDTH, HEIGHT, 2, 6},
    {"normals", RENDERED, RGBA, WIDTH, HEIGHT, 2, 6},
    {"material", RENDERED, RGBA, WIDTH, HEIGHT, 2, 6},
    {"motion", CLEARED, RGBA, WIDTH, HEIGHT, 2, 13},
    {"hi-z", COMPUTED, RGBA, WIDTH / 2, HEIGHT / 2, 3, 5},
    {"ssao raw", COMPUTED, RGBA, WIDTH / 2, HEIGHT / 2, 4, 5},
    {"ssao", COMPUTED, RGBA, WIDTH / 2, HEIGHT / 2, 5, 6},
    {"light lists", FILLED, 0, 40000, 1, 4, 6},
    {"lit", COMPUTED, RGBA, WIDTH, HEIGHT, 6, 12},
    {"luminance", FILLED, 0, 1024, 1, 7, 8},
    {"bloom 2", RENDERED, RGBA, WIDTH / 2, HEIGHT / 2, 7, 11},
    {"bloom 4", RENDERED, RGBA, WIDTH / 4, HEIGHT / 4, 8, 10},
    {"bloom 8", RENDERED, RGBA, WIDTH / 8, HEIGHT / 8, 9, 9},
    {"focus", CLEARED, RGBA, WIDTH, HEIGHT, 11, 13},
    {"blurred", CLEARED, RGBA, WIDTH, HEIGHT, 12, 14},
    {"antialiased", RENDERED, RGBA, WIDTH, HEIGHT, 13, 15},
    {"tone-mapped", COMPUTED, RGBA, WIDTH, HEIGHT, 15, 16},
    {"final", COPIED, RGBA, WIDTH, HEIGHT, 16, 17},
};
#define NODES COUNT(nodes)
#define STEPS 18
#define FRAMES 3

static const char fill_source[] =
    "#version 450\n"
    "layout(local_size_x = 8, local_size_y = 8) in;\n"
    "layout(set = 0, binding = 0) uniform Material { vec4 color; };\n"
    "layout(set = 0, binding = 1, rgba8) uniform writeonly image2D image;\n"
    "void main() {\n"
    "  ivec2 at = ivec2(gl_GlobalInvocationID.xy);\n"
    "  if (all(lessThan(at, imageSize(image)))) { imageStore(image, at, color); }\n"
    "}\n";

typedef struct frame_graph {
  gpu_test *test;
  rg_texture_desc textures[NODES];
  rg_buffer_desc buffers[NODES];
  rg_handle handles[NODES];
  rg_transient_info info;
  rg_shader fill;
  rg_material fills[FRAMES][NODES]; /* of nodes that are computed */
  rg_buffer readback;
  rg_buffer_vk readback_vk;
  uint64_t offsets[NODES]; /* into a frame's part of the readback buffer */
  uint64_t frame_size;
} frame_graph;

static uint64_t node_size(const node *node) {
  return (uint64_t)node->width * node->height * (node->kind == FILLED ? 1 : 4);
}

static uint8_t node_value(uint32_t frame, uint32_t index) {
  return (uint8_t)(1 + (frame * NODES + index) % 250);
}

static VkClearColorValue node_color(uint32_t frame, uint32_t index) {
  const float value = (float)node_value(frame, index) / 255.0f;
  return (VkClearColorValue){.float32 = {value, value, value, value}};
}

static float node_depth(uint32_t frame, uint32_t index) {
  return (float)node_value(frame, index) / 256.0f;
}

static VkImageUsageFlags node_usage(const node *node) {
  static const VkImageUsageFlags usages[] = {[CLEARED] = SAMPLED,
                                             [RENDERED] = TARGET,
                                             [COMPUTED] = STORAGE | SAMPLED,
                                             [DEPTH_CLEARED] = DEPTH,
                                             [COPIED] = SAMPLED};
  return usages[node->kind];
}

static void graph_declare(frame_graph *self, rg_transient_desc *descs) {
  for (uint32_t i = 0; i < NODES; i++) {
    const node *node = &nodes[i];
    descs[i] = (rg_transient_desc){.first_use = node->first_use, .last_use = node->last_use};
    self->offsets[i] = self->frame_size;
    self->frame_size += (node_size(node) + 15) / 16 * 16;
    if (node->kind == FILLED) {
      self->buffers[i] = (rg_buffer_desc){.size = node_size(node), .label = node->label};
      descs[i].buffer = &self->buffers[i];
    } else {
      self->textures[i] = (rg_texture_desc){.width = node->width,
                                            .height = node->height,
                                            .format = node->format,
                                            .usage = node_usage(node),
                                            .sampler = {.mag_filter = RG_FILTER_NEAREST,
                                                        .min_filter = RG_FILTER_NEAREST,
                                                        .mip_filter = RG_FILTER_NEAREST},
                                            .label = node->label};
      descs[i].texture = &self->textures[i];
    }
  }
}

static void graph_make_fills(frame_graph *self) {
  gpu_test *test = self->test;
  self->fill = gpu_test_compute(test, "fill", fill_source);
  for (uint32_t frame = 0; frame < FRAMES; frame++) {
    for (uint32_t i = 0; i < NODES; i++) {
      if (nodes[i].kind != COMPUTED) {
        continue;
      }
      char name[64];
      snprintf(name, sizeof name, "%s %u", nodes[i].label, frame);
      const double value = (double)node_value(frame, i) / 255.0;
      const rg_parameter parameters[] = {
          {.name = "color", .count = 4, .value.numbers = {value, value, value, value}},
          gpu_texture("image", (rg_texture){self->handles[i].id})};
      self->fills[frame][i] = gpu_material(test, name, self->fill, (rg_material){0}, parameters, 2);
    }
  }
}

static void graph_init(frame_graph *self, gpu_test *test) {
  rg_transient_desc descs[NODES];
  memset(self, 0, sizeof *self);
  self->test = test;
  graph_declare(self, descs);
  assert_ok(rg_transients_create(test->engine, descs, NODES, self->handles, &self->info));
  const rg_buffer_desc readback = {
      .size = FRAMES * self->frame_size, .update = RG_UPDATE_READBACK, .label = "readback"};
  assert_ok(rg_buffer_create(test->engine, &readback, &self->readback));
  assert_ok(rg_buffer_get_vk(test->engine, self->readback, &self->readback_vk));
  graph_make_fills(self);
}

/* In a scrambled order: 5 and the number of nodes have no factor in common. */
static void graph_finish(frame_graph *self) {
  gpu_test *test = self->test;
  for (uint32_t frame = 0; frame < FRAMES; frame++) {
    for (uint32_t i = 0; i < NODES; i++) {
      if (self->fills[frame][i].id != 0) {
        assert_ok(rg_material_destroy(test->engine, self->fills[frame][i]));
      }
    }
  }
  assert_ok(rg_shader_destroy(test->engine, self->fill));
  for (uint32_t i = 0; i < NODES; i++) {
    assert_ok(destroy(test, self->handles[i * 5 % NODES]));
  }
  assert_ok(rg_buffer_destroy(test->engine, self->readback));
}

static void record_fill(frame_graph *self, gpu_commands *commands, uint32_t frame, uint32_t index) {
  rg_engine *engine = self->test->engine;
  rg_material_vk vk;
  VkPipeline pipeline = VK_NULL_HANDLE;
  assert_ok(rg_material_get_pipeline(engine, self->fills[frame][index], NULL, &pipeline));
  assert_ok(rg_material_get_vk(engine, self->fills[frame][index], &vk));
  commands->CmdBindPipeline(commands->buffer, VK_PIPELINE_BIND_POINT_COMPUTE, pipeline);
  commands->CmdBindDescriptorSets(commands->buffer, VK_PIPELINE_BIND_POINT_COMPUTE,
                                  vk.pipeline_layout, vk.set_index, 1, &vk.set, 0, NULL);
  commands->CmdDispatch(commands->buffer, (nodes[index].width + 7) / 8,
                        (nodes[index].height + 7) / 8, 1);
}

/* From the texture of the node before, which lives at that step and has the same extent. */
static void record_copy(frame_graph *self, gpu_commands *commands, uint32_t index) {
  const rg_texture_vk from = texture_vk(self->test, self->handles[index - 1]);
  const rg_texture_vk to = texture_vk(self->test, self->handles[index]);
  const VkImageLayout source = VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL;
  const VkImageLayout target = VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL;
  const VkImageSubresourceLayers layers = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 0, 1};
  const VkImageCopy copy = {
      .srcSubresource = layers, .dstSubresource = layers, .extent = to.extent};
  gpu_cmd_transition(commands, &from, layers.aspectMask, gpu_scope_shader, from.layout,
                     gpu_scope_transfer, source);
  gpu_cmd_transition(commands, &to, layers.aspectMask, gpu_scope_shader, to.layout,
                     gpu_scope_transfer, target);
  commands->CmdCopyImage(commands->buffer, from.image, source, to.image, target, 1, &copy);
  gpu_cmd_transition(commands, &from, layers.aspectMask, gpu_scope_transfer, source,
                     gpu_scope_shader, from.layout);
  gpu_cmd_transition(commands, &to, layers.aspectMask, gpu_scope_transfer, target, gpu_scope_shader,
                     to.layout);
}

static void record_buffer_fill(frame_graph *self, gpu_commands *commands, uint32_t frame,
                               uint32_t index) {
  rg_buffer_vk vk;
  const uint32_t word = node_value(frame, index) * 0x01010101u;
  assert_ok(rg_buffer_get_vk(self->test->engine, (rg_buffer){self->handles[index].id}, &vk));
  commands->CmdFillBuffer(commands->buffer, vk.buffer, vk.offset, vk.size, word);
}

static void record_write(frame_graph *self, gpu_commands *commands, uint32_t frame,
                         uint32_t index) {
  node_kind kind = nodes[index].kind;
  if (kind == RENDERED && !self->test->device.dynamic_rendering) {
    kind = CLEARED;
  }
  if (kind == FILLED) {
    record_buffer_fill(self, commands, frame, index);
    return;
  }
  const rg_texture_vk vk = texture_vk(self->test, self->handles[index]);
  switch (kind) {
    case RENDERED: gpu_cmd_render(commands, &vk, gpu_scope_shader, node_color(frame, index)); break;
    case CLEARED: gpu_cmd_clear(commands, &vk, gpu_scope_shader, node_color(frame, index)); break;
    case DEPTH_CLEARED:
      gpu_cmd_clear_depth(commands, &vk, gpu_scope_shader, node_depth(frame, index));
      break;
    case COMPUTED: record_fill(self, commands, frame, index); break;
    case COPIED: record_copy(self, commands, index); break;
    case FILLED: break;
  }
}

static void record_read(frame_graph *self, gpu_commands *commands, uint32_t frame, uint32_t index) {
  const uint64_t offset = frame * self->frame_size + self->offsets[index];
  if (nodes[index].kind == FILLED) {
    rg_buffer_vk vk;
    const VkMemoryBarrier barrier = {.sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER,
                                     .srcAccessMask = VK_ACCESS_TRANSFER_WRITE_BIT,
                                     .dstAccessMask = VK_ACCESS_TRANSFER_READ_BIT};
    assert_ok(rg_buffer_get_vk(self->test->engine, (rg_buffer){self->handles[index].id}, &vk));
    commands->CmdPipelineBarrier(commands->buffer, VK_PIPELINE_STAGE_TRANSFER_BIT,
                                 VK_PIPELINE_STAGE_TRANSFER_BIT, 0, 1, &barrier, 0, NULL, 0, NULL);
    const VkBufferCopy copy = {vk.offset, self->readback_vk.offset + offset, vk.size};
    commands->CmdCopyBuffer(commands->buffer, vk.buffer, self->readback_vk.buffer, 1, &copy);
    return;
  }
  const rg_texture_vk vk = texture_vk(self->test, self->handles[index]);
  const bool is_depth = nodes[index].kind == DEPTH_CLEARED;
  gpu_cmd_read(commands, &vk, is_depth ? VK_IMAGE_ASPECT_DEPTH_BIT : VK_IMAGE_ASPECT_COLOR_BIT,
               gpu_scope_shader, &self->readback_vk, offset);
}

static void record_frame(frame_graph *self, gpu_commands *commands, uint32_t frame) {
  for (uint32_t step = 0; step < STEPS; step++) {
    rg_handle begun[NODES];
    uint32_t count = 0;
    for (uint32_t i = 0; i < NODES; i++) {
      if (nodes[i].first_use == step) {
        begun[count++] = self->handles[i];
      }
    }
    assert_ok(rg_cmd_begin_transients(self->test->engine, commands->buffer, begun, count));
    for (uint32_t i = 0; i < NODES; i++) {
      if (nodes[i].first_use == step) {
        record_write(self, commands, frame, i);
      }
    }
    for (uint32_t i = 0; i < NODES; i++) {
      if (nodes[i].last_use == step) {
        record_read(self, commands, frame, i);
      }
    }
  }
}

static void assert_frame(frame_graph *self, uint32_t frame) {
  void *mapped = NULL;
  assert_ok(rg_buffer_map(self->test->engine, self->readback, &mapped));
  for (uint32_t i = 0; i < NODES; i++) {
    const unsigned char *bytes =
        (const unsigned char *)mapped + frame * self->frame_size + self->offsets[i];
    const float depth = node_depth(frame, i);
    const uint32_t color =
        node_value(frame, nodes[i].kind == COPIED ? i - 1 : i) * UINT32_C(0x01010101);
    for (uint64_t at = 0; at < node_size(&nodes[i]) / 4; at++) {
      const void *wanted = nodes[i].kind == DEPTH_CLEARED ? (const void *)&depth : &color;
      if (memcmp(bytes + 4 * at, wanted, 4) != 0) {
        fail_msg("frame %u, '%s', texel %u: %08x", frame, nodes[i].label, (unsigned)at,
                 *(const uint32_t *)(const void *)(bytes + 4 * at));
      }
    }
  }
}

static void a_frame_keeps_every_content_while_it_lives(void **state) {
  gpu_test *test = *state;
  frame_graph graph;
  gpu_commands commands;
  graph_init(&graph, test);
  print_message("%u resources: %u KiB of %u, %.1f %% saved, %.3f of the peak\n", NODES,
                (unsigned)(graph.info.size >> 10), (unsigned)(graph.info.unshared_size >> 10),
                100.0 - 100.0 * (double)graph.info.size / (double)graph.info.unshared_size,
                (double)graph.info.size / (double)graph.info.peak_size);
  assert_true(graph.info.size < graph.info.unshared_size * 3 / 4);
  gpu_commands_begin(&commands, test);
  record_frame(&graph, &commands, 0);
  record_frame(&graph, &commands, 1);
  gpu_cmd_end_for_host(&commands);
  gpu_commands_run(&commands);
  gpu_commands_begin(&commands, test);
  record_frame(&graph, &commands, 2);
  gpu_cmd_end_for_host(&commands);
  gpu_commands_run(&commands);
  for (uint32_t frame = 0; frame < FRAMES; frame++) {
    assert_frame(&graph, frame);
  }
  graph_finish(&graph);
}

static void what_is_destroyed_in_flight_stays_until_the_gpu_has_passed(void **state) {
  gpu_test *test = *state;
  frame_graph graph;
  gpu_commands commands;
  graph_init(&graph, test);
  gpu_commands_begin(&commands, test);
  record_frame(&graph, &commands, 0);
  gpu_cmd_end_for_host(&commands);
  const rg_ticket ticket = gpu_commands_submit(&commands);
  graph_finish(&graph);
  assert_ok(rg_ticket_wait(test->engine, ticket, UINT64_MAX));
  gpu_commands_finish(&commands);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, gpu_test_setup, gpu_test_teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(a_frame_keeps_every_content_while_it_lives),
      TEST(what_is_destroyed_in_flight_stays_until_the_gpu_has_passed),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
