/* Transient resources on a device: who shares memory with whom, what a frame's contents are after
 * it, what is refused, and what goes when. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "gpu_commands.h"
#include "gpu_material.h"

#define COUNT(array) (uint32_t)(sizeof(array) / sizeof *(array))
#define SAMPLED VK_IMAGE_USAGE_SAMPLED_BIT
#define STORAGE VK_IMAGE_USAGE_STORAGE_BIT
#define TARGET (VK_IMAGE_USAGE_SAMPLED_BIT | VK_IMAGE_USAGE_COLOR_ATTACHMENT_BIT)
#define DEPTH (VK_IMAGE_USAGE_SAMPLED_BIT | VK_IMAGE_USAGE_DEPTH_STENCIL_ATTACHMENT_BIT)

static rg_result destroy(gpu_test *test, rg_handle handle) {
  return rg_type_of(handle.id) == RG_TYPE_TEXTURE
             ? rg_texture_destroy(test->engine, (rg_texture){handle.id})
             : rg_buffer_destroy(test->engine, (rg_buffer){handle.id});
}

static void destroy_all(gpu_test *test, const rg_handle *handles, uint32_t count) {
  for (uint32_t i = 0; i < count; i++) {
    assert_ok(destroy(test, handles[i]));
  }
}

static uint64_t memory_used(gpu_test *test) {
  rg_memory_stats stats;
  assert_ok(rg_collect(test->engine));
  rg_memory_get_stats(test->engine, &stats);
  return stats.used;
}

static rg_resource_memory place_of(gpu_test *test, rg_handle handle) {
  rg_resource_memory out;
  assert_ok(rg_resource_get_memory(test->engine, handle.id, &out));
  return out;
}

static bool shares_bytes(gpu_test *test, rg_handle a, rg_handle b) {
  const rg_resource_memory first = place_of(test, a), second = place_of(test, b);
  return first.memory == second.memory && first.offset < second.offset + second.size &&
         second.offset < first.offset + first.size;
}

static rg_texture_vk texture_vk(gpu_test *test, rg_handle handle) {
  rg_texture_vk out;
  assert_ok(rg_texture_get_vk(test->engine, (rg_texture){handle.id}, &out));
  return out;
}

/* ---- Places --------------------------------------------------------------------------------- */

static void those_of_different_steps_share_their_memory(void **state) {
  gpu_test *test = *state;
  const uint64_t before = memory_used(test);
  const rg_texture_desc texture = {.width = 256, .height = 256, .usage = TARGET, .label = "pass"};
  const rg_buffer_desc buffer = {.size = 4096, .label = "lights"};
  const rg_transient_desc descs[] = {
      {.texture = &texture, .first_use = 0, .last_use = 0},
      {.texture = &texture, .first_use = 1, .last_use = 1},
      {.texture = &texture, .first_use = 2, .last_use = 7},
      {.buffer = &buffer, .first_use = 1, .last_use = 2},
  };
  rg_handle handles[COUNT(descs)];
  rg_transient_info info;
  assert_ok(rg_transients_create(test->engine, descs, COUNT(descs), handles, &info));
  assert_true(info.size >= info.peak_size && info.size < info.unshared_size / 2);
  assert_true(memory_used(test) - before < info.unshared_size / 2);
  assert_true(shares_bytes(test, handles[0], handles[1]));
  assert_true(shares_bytes(test, handles[1], handles[2]));
  assert_false(shares_bytes(test, handles[2], handles[3]));
  for (uint32_t i = 0; i < COUNT(descs); i++) {
    rg_resource_info facts;
    assert_true(place_of(test, handles[i]).is_aliased);
    assert_ok(rg_resource_get_info(test->engine, handles[i].id, &facts));
    assert_string_equal(facts.label, i < 3 ? "pass" : "lights");
    assert_true(facts.size >= (i < 3 ? 256u * 256 * 4 : 4096));
  }
  destroy_all(test, handles, COUNT(descs));
  assert_int_equal(memory_used(test), before);
}

static uint32_t random_below(uint64_t *seed, uint32_t count) {
  *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
  return (uint32_t)(*seed >> 33) % count;
}

#define MANY 200

/* What a random frame declares; its descriptors point into itself. */
typedef struct many {
  rg_texture_desc textures[MANY];
  rg_buffer_desc buffers[MANY];
  rg_transient_desc descs[MANY];
  rg_handle handles[MANY];
} many;

static many *many_draw(uint64_t seed) {
  many *out = calloc(1, sizeof *out);
  assert_non_null(out);
  for (uint32_t i = 0; i < MANY; i++) {
    const uint32_t first = random_below(&seed, 40);
    out->textures[i] = (rg_texture_desc){.width = 1 + random_below(&seed, 300),
                                         .height = 1 + random_below(&seed, 300),
                                         .usage = random_below(&seed, 2) == 0 ? TARGET : STORAGE};
    out->buffers[i] = (rg_buffer_desc){.size = 1 + random_below(&seed, 100000)};
    out->descs[i] =
        (rg_transient_desc){.first_use = first, .last_use = first + random_below(&seed, 8)};
    if (random_below(&seed, 3) == 0) {
      out->descs[i].buffer = &out->buffers[i];
    } else {
      out->descs[i].texture = &out->textures[i];
    }
  }
  return out;
}

static bool lives_with(const rg_transient_desc *a, const rg_transient_desc *b) {
  return a->first_use <= b->last_use && b->first_use <= a->last_use;
}

static void those_that_live_at_once_share_no_byte(void **state) {
  gpu_test *test = *state;
  for (uint32_t round = 0; round < 3; round++) {
    many *all = many_draw(round);
    rg_transient_info info;
    assert_ok(rg_transients_create(test->engine, all->descs, MANY, all->handles, &info));
    assert_true(info.size <= info.peak_size + info.peak_size / 5);
    for (uint32_t i = 0; i < MANY; i++) {
      for (uint32_t j = 0; j < i; j++) {
        assert_false(lives_with(&all->descs[i], &all->descs[j]) &&
                     shares_bytes(test, all->handles[i], all->handles[j]));
      }
    }
    destroy_all(test, all->handles, MANY);
    free(all);
  }
}

/* Linear and optimal neighbours that live at once lie in different granules. */
static void buffers_and_textures_keep_the_granularity(void **state) {
  gpu_test *test = *state;
  VkPhysicalDeviceProperties properties;
  PFN_vkGetPhysicalDeviceProperties get =
      (PFN_vkGetPhysicalDeviceProperties)test->vk.get_instance_proc_addr(
          test->vk.instance, "vkGetPhysicalDeviceProperties");
  get(test->vk.physical_device, &properties);
  const uint64_t granule = properties.limits.bufferImageGranularity;
  many *all = many_draw(9);
  assert_ok(rg_transients_create(test->engine, all->descs, MANY, all->handles, NULL));
  for (uint32_t i = 0; i < MANY; i++) {
    const rg_resource_memory a = place_of(test, all->handles[i]);
    for (uint32_t j = 0; j < MANY; j++) {
      const rg_resource_memory b = place_of(test, all->handles[j]);
      if (all->descs[i].buffer == NULL || all->descs[j].buffer != NULL || a.memory != b.memory ||
          !lives_with(&all->descs[i], &all->descs[j])) {
        continue;
      }
      assert_true((a.offset + a.size - 1) / granule < b.offset / granule ||
                  (b.offset + b.size - 1) / granule < a.offset / granule);
    }
  }
  destroy_all(test, all->handles, MANY);
  free(all);
}

static void nothing_is_no_error(void **state) {
  gpu_test *test = *state;
  rg_transient_info info = {1, 2, 3};
  assert_ok(rg_transients_create(test->engine, NULL, 0, NULL, &info));
  assert_true(info.size == 0 && info.unshared_size == 0 && info.peak_size == 0);
}

static double seconds_now(void) {
  struct timespec now;
  timespec_get(&now, TIME_UTC);
  return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static void two_thousand_are_planned_in_no_time(void **state) {
  gpu_test *test = *state;
  enum { ALL = 2000 };
  rg_transient_desc *descs = calloc(ALL, sizeof *descs);
  rg_handle *handles = calloc(ALL, sizeof *handles);
  assert_true(descs != NULL && handles != NULL);
  const rg_texture_desc sizes[] = {{.width = 64, .height = 64},
                                   {.width = 32, .height = 48},
                                   {.width = 128, .height = 16},
                                   {.width = 16, .height = 16, .usage = STORAGE}};
  uint64_t seed = 4;
  for (uint32_t i = 0; i < ALL; i++) {
    const uint32_t first = random_below(&seed, 500);
    descs[i] = (rg_transient_desc){.texture = &sizes[random_below(&seed, COUNT(sizes))],
                                   .first_use = first,
                                   .last_use = first + random_below(&seed, 12)};
  }
  rg_transient_info info;
  const double begin = seconds_now();
  assert_ok(rg_transients_create(test->engine, descs, ALL, handles, &info));
  print_message("2,000 textures: %.0f ms, %.3f of the peak, %.1f %% of the unshared size\n",
                (seconds_now() - begin) * 1e3, (double)info.size / (double)info.peak_size,
                100.0 * (double)info.size / (double)info.unshared_size);
  assert_true(info.size <= info.peak_size + info.peak_size / 10);
  destroy_all(test, handles, ALL);
  free(descs);
  free(handles);
}

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

/* ---- Alternating ---------------------------------------------------------------------------- */

#define CHAIN 6

/* Each in the memory of the one before the last. */
static void chain_create(gpu_test *test, rg_handle handles[CHAIN]) {
  const rg_texture_desc texture = {.width = 64, .height = 64, .usage = TARGET, .label = "link"};
  rg_transient_desc descs[CHAIN];
  for (uint32_t i = 0; i < CHAIN; i++) {
    descs[i] = (rg_transient_desc){.texture = &texture, .first_use = i, .last_use = i + 1};
  }
  assert_ok(rg_transients_create(test->engine, descs, CHAIN, handles, NULL));
  for (uint32_t i = 2; i < CHAIN; i++) {
    assert_true(shares_bytes(test, handles[i], handles[i - 2]));
    assert_false(shares_bytes(test, handles[i], handles[i - 1]));
  }
}

static void textures_alternate_in_the_same_memory_without_a_hazard(void **state) {
  gpu_test *test = *state;
  rg_handle handles[CHAIN];
  gpu_commands commands;
  chain_create(test, handles);
  for (uint32_t frame = 0; frame < 3; frame++) {
    gpu_commands_begin(&commands, test);
    for (uint32_t i = 0; i < CHAIN; i++) {
      const rg_texture_vk vk = texture_vk(test, handles[i]);
      assert_ok(rg_cmd_begin_transients(test->engine, commands.buffer, &handles[i], 1));
      if (i % 2 == 0 || !test->device.dynamic_rendering) {
        gpu_cmd_clear(&commands, &vk, gpu_scope_shader, (VkClearColorValue){{1, 0, 0, 1}});
      } else {
        gpu_cmd_render(&commands, &vk, gpu_scope_shader, (VkClearColorValue){{0, 1, 0, 1}});
      }
    }
    gpu_commands_run(&commands);
  }
  destroy_all(test, handles, CHAIN);
}

/* Fills them all in turn, in one command buffer; the layer follows a buffer's bytes into whatever
 * else lies there. */
static void fill_buffers(gpu_test *test, const rg_handle *handles, uint32_t count, bool begins) {
  gpu_commands commands;
  gpu_commands_begin(&commands, test);
  for (uint32_t i = 0; i < 3 * count; i++) {
    rg_buffer_vk vk;
    assert_ok(rg_buffer_get_vk(test->engine, (rg_buffer){handles[i % count].id}, &vk));
    if (begins) {
      assert_ok(rg_cmd_begin_transients(test->engine, commands.buffer, &handles[i % count], 1));
    }
    commands.CmdFillBuffer(commands.buffer, vk.buffer, vk.offset, vk.size, i);
  }
  gpu_commands_run(&commands);
}

static void buffers_create(gpu_test *test, rg_handle handles[2]) {
  const rg_buffer_desc buffer = {.size = 65536, .label = "list"};
  const rg_transient_desc descs[] = {{.buffer = &buffer, .first_use = 0, .last_use = 0},
                                     {.buffer = &buffer, .first_use = 1, .last_use = 1}};
  assert_ok(rg_transients_create(test->engine, descs, 2, handles, NULL));
  assert_true(shares_bytes(test, handles[0], handles[1]));
}

static void buffers_alternate_in_the_same_memory_without_a_hazard(void **state) {
  gpu_test *test = *state;
  rg_handle handles[2];
  buffers_create(test, handles);
  fill_buffers(test, handles, 2, true);
  destroy_all(test, handles, 2);
}

/* A test whose validation messages are wanted. */
static void noisy_begin(gpu_test *test) {
  memset(test, 0, sizeof *test);
  gpu_log_init(&test->log);
  const rg_engine_desc desc = gpu_test_desc(&test->log);
  assert_ok(rg_engine_create(&desc, &test->engine));
  rg_engine_get_vk(test->engine, &test->vk);
}

static void noisy_end(gpu_test *test) {
  rg_engine_destroy(test->engine);
  pthread_mutex_destroy(&test->log.lock);
}

static void a_texture_that_never_began_is_reported_by_the_layer(void **state) {
  (void)state;
  gpu_test test;
  rg_handle handles[CHAIN];
  gpu_commands commands;
  noisy_begin(&test);
  chain_create(&test, handles);
  gpu_commands_begin(&commands, &test);
  const rg_texture_vk vk = texture_vk(&test, handles[0]);
  gpu_cmd_clear(&commands, &vk, gpu_scope_shader, (VkClearColorValue){{1, 0, 0, 1}});
  gpu_commands_run(&commands);
  assert_true(gpu_log_has(&test.log, "VK_IMAGE_LAYOUT_UNDEFINED"));
  destroy_all(&test, handles, CHAIN);
  noisy_end(&test);
}

static void a_buffer_over_another_that_never_began_is_reported_by_the_layer(void **state) {
  (void)state;
  gpu_test test;
  rg_handle handles[2];
  noisy_begin(&test);
  buffers_create(&test, handles);
  fill_buffers(&test, handles, 2, false);
  assert_true(gpu_log_has(&test.log, "SYNC-HAZARD-WRITE-AFTER-WRITE") ||
              gpu_log_has(&test.log, "WRITE_AFTER_WRITE"));
  destroy_all(&test, handles, 2);
  noisy_end(&test);
}

/* ---- Reading and writing by the engine ------------------------------------------------------ */

static void the_engine_reads_and_writes_them_once_they_have_begun(void **state) {
  gpu_test *test = *state;
  const rg_texture_desc texture = {.width = 4, .height = 4, .label = "noise"};
  const rg_buffer_desc buffer = {.size = 64, .label = "lights"};
  const rg_transient_desc descs[] = {{.texture = &texture}, {.buffer = &buffer}};
  rg_handle handles[2];
  uint32_t texels[16], read[16];
  assert_ok(rg_transients_create(test->engine, descs, 2, handles, NULL));
  const rg_texture noise = {handles[0].id};
  const rg_buffer lights = {handles[1].id};
  for (uint32_t i = 0; i < 16; i++) {
    texels[i] = 0x01020304u * i;
  }
  const char *message = "rg_cmd_begin_transients was never recorded";
  const rg_result refused = RG_ERROR_INVALID_ARGUMENT;
  assert_error(rg_texture_update(test->engine, noise, NULL, texels, 64), refused,
               "texture 'noise' is transient");
  assert_error(rg_texture_read(test->engine, noise, NULL, read, 64), refused, message);
  assert_error(rg_buffer_update(test->engine, lights, 0, texels, 64), refused,
               "buffer 'lights' is transient");
  assert_error(rg_buffer_read(test->engine, lights, 0, read, 64), refused, message);
  assert_error(rg_buffer_copy(test->engine, lights, 0, lights, 32, 32), refused, message);
  gpu_commands commands;
  gpu_commands_begin(&commands, test);
  assert_ok(rg_cmd_begin_transients(test->engine, commands.buffer, handles, 2));
  gpu_commands_run(&commands);
  assert_ok(rg_texture_update(test->engine, noise, NULL, texels, 64));
  assert_ok(rg_texture_read(test->engine, noise, NULL, read, 64));
  assert_memory_equal(read, texels, 64);
  assert_ok(rg_buffer_update(test->engine, lights, 0, texels, 64));
  assert_ok(rg_buffer_read(test->engine, lights, 0, read, 64));
  assert_memory_equal(read, texels, 64);
  destroy_all(test, handles, 2);
}

/* ---- Refusals ------------------------------------------------------------------------------- */

static void wrong_descriptions_are_refused_and_nothing_is_made(void **state) {
  gpu_test *test = *state;
  static const uint32_t data[16] = {0};
  const rg_texture_desc good = {.width = 4, .height = 4, .label = "good"};
  const rg_texture_desc textures[] = {
      {.file = "a.png", .label = "brick"},
      {.width = 4, .height = 4, .data = data, .data_size = 64, .label = "brick"},
      {.width = 4, .height = 4, .is_movable = true, .label = "brick"},
      {.width = 4, .height = 4, .is_exportable = true, .label = "brick"},
      {.width = 4, .height = 4, .generate_mips = true, .label = "brick"},
      {.width = 4, .height = 4, .pool = {1}, .label = "brick"},
      {.width = 0, .height = 4, .label = "brick"}};
  const rg_buffer_desc buffers[] = {{.size = 64, .data = data, .label = "list"},
                                    {.size = 64, .update = RG_UPDATE_STREAM, .label = "list"},
                                    {.size = 64, .type = RG_BUFFER_STAGING, .label = "list"},
                                    {.size = 64, .is_movable = true, .label = "list"},
                                    {.size = 64, .is_exportable = true, .label = "list"},
                                    {.size = 64, .pool = {1}, .label = "list"},
                                    {.size = 0, .label = "list"}};
  const struct {
    rg_transient_desc desc;
    const char *message;
  } cases[] = {
      {{.texture = NULL}, "transient 2 of 3: neither of texture and buffer"},
      {{.texture = &good, .buffer = &buffers[0]}, "transient 2 of 3: each of texture and buffer"},
      {{.texture = &good, .first_use = 5, .last_use = 4},
       "transient 2 of 3: texture 'good': last_use 4 is before first_use 5"},
      {{.texture = &textures[0]},
       "transient 2 of 3: texture 'brick': a transient texture has no "
       "file"},
      {{.texture = &textures[1]}, "no data"},
      {{.texture = &textures[2]}, "is_movable"},
      {{.texture = &textures[3]}, "is_exportable"},
      {{.texture = &textures[4]}, "mips"},
      {{.texture = &textures[5]}, "pool"},
      {{.texture = &textures[6]}, "transient 2 of 3: texture 'brick': width is 0"},
      {{.buffer = &buffers[0]}, "transient 2 of 3: buffer 'list': a transient buffer has no data"},
      {{.buffer = &buffers[1]}, "static"},
      {{.buffer = &buffers[2]}, "static"},
      {{.buffer = &buffers[3]}, "is_movable"},
      {{.buffer = &buffers[4]}, "is_exportable"},
      {{.buffer = &buffers[5]}, "pool"},
      {{.buffer = &buffers[6]}, "transient 2 of 3: buffer 'list': size is 0"},
  };
  for (uint32_t i = 0; i < COUNT(cases); i++) {
    const rg_transient_desc descs[] = {{.texture = &good}, cases[i].desc, {.texture = &good}};
    rg_handle handles[3] = {{1}, {2}, {3}};
    rg_transient_info info = {1, 2, 3};
    assert_error(rg_transients_create(test->engine, descs, 3, handles, &info),
                 RG_ERROR_INVALID_ARGUMENT, cases[i].message);
    assert_true(handles[0].id == 0 && handles[1].id == 0 && handles[2].id == 0);
    assert_true(info.size == 0 && info.unshared_size == 0 && info.peak_size == 0);
  }
  assert_int_equal(rg_resource_next(test->engine, RG_TYPE_NONE, (rg_handle){0}).id, 0);
  assert_int_equal(memory_used(test), 0);
}

static void null_pointers_and_counts_over_the_limit_are_refused(void **state) {
  gpu_test *test = *state;
  const rg_texture_desc texture = {.width = 4, .height = 4};
  const rg_transient_desc desc = {.texture = &texture};
  rg_handle handle = {7};
  const rg_result bad = RG_ERROR_INVALID_ARGUMENT;
  assert_error(rg_transients_create(NULL, &desc, 1, &handle, NULL), bad, "engine");
  assert_error(rg_transients_create(test->engine, &desc, 1, NULL, NULL), bad, "out");
  assert_error(rg_transients_create(test->engine, NULL, 1, &handle, NULL), bad, "descs");
  assert_int_equal(handle.id, 0);
  assert_error(rg_transients_create(test->engine, &desc, 65537, &handle, NULL), RG_ERROR_LIMIT,
               "65537 transients exceed the engine's 65536");
}

static void wrong_beginnings_are_refused(void **state) {
  gpu_test *test = *state;
  const rg_texture_desc texture = {.width = 4, .height = 4, .label = "brick"};
  const rg_buffer_desc buffer = {.size = 64, .label = "list"};
  const rg_transient_desc desc = {.texture = &texture};
  rg_handle ids[2];
  rg_texture plain;
  rg_buffer shared;
  gpu_commands commands;
  assert_ok(rg_transients_create(test->engine, &desc, 1, ids, NULL));
  assert_ok(rg_texture_create(test->engine, &texture, &plain));
  assert_ok(rg_buffer_create(test->engine, &buffer, &shared));
  gpu_commands_begin(&commands, test);
  const VkCommandBuffer into = commands.buffer;
  const rg_result bad = RG_ERROR_INVALID_ARGUMENT;
  assert_error(rg_cmd_begin_transients(NULL, into, ids, 1), bad, "engine");
  assert_error(rg_cmd_begin_transients(test->engine, NULL, ids, 1), bad, "commands");
  assert_error(rg_cmd_begin_transients(test->engine, into, NULL, 1), bad, "ids");
  assert_ok(rg_cmd_begin_transients(test->engine, into, NULL, 0));
  ids[1] = ids[0];
  assert_error(rg_cmd_begin_transients(test->engine, into, ids, 2), bad,
               "transients 1 and 2 of 2 are the same");
  ids[1].id = plain.id;
  assert_error(rg_cmd_begin_transients(test->engine, into, ids, 2), bad,
               "transient 2 of 2: texture 'brick' is not transient");
  ids[1].id = shared.id;
  assert_error(rg_cmd_begin_transients(test->engine, into, ids, 2), bad,
               "transient 2 of 2: buffer 'list' is not transient");
  ids[1].id = 0;
  assert_error(rg_cmd_begin_transients(test->engine, into, ids, 2), RG_ERROR_STALE_HANDLE,
               "transient 2 of 2");
  assert_ok(rg_texture_destroy(test->engine, (rg_texture){ids[0].id}));
  assert_error(rg_cmd_begin_transients(test->engine, into, ids, 1), RG_ERROR_STALE_HANDLE,
               "'brick' is destroyed");
  gpu_commands_run(&commands);
  assert_ok(rg_texture_destroy(test->engine, plain));
  assert_ok(rg_buffer_destroy(test->engine, shared));
}

static void without_memory_none_is_made(void **state) {
  (void)state;
  gpu_log log;
  gpu_log_init(&log);
  rg_engine_desc desc = gpu_test_desc(&log);
  desc.memory_limit = UINT64_C(4) << 20;
  gpu_test small = {.engine = NULL};
  assert_ok(rg_engine_create(&desc, &small.engine));
  const rg_texture_desc texture = {.width = 1024, .height = 1024, .label = "large"};
  rg_transient_desc descs[] = {{.texture = &texture}, {.texture = &texture}};
  rg_handle handles[2] = {{1}, {2}};
  assert_error(rg_transients_create(small.engine, descs, 2, handles, NULL),
               RG_ERROR_OUT_OF_DEVICE_MEMORY, "'transients'");
  assert_true(handles[0].id == 0 && handles[1].id == 0);
  assert_int_equal(rg_resource_next(small.engine, RG_TYPE_NONE, (rg_handle){0}).id, 0);
  assert_int_equal(memory_used(&small), 0);
  descs[1].first_use = descs[1].last_use = 1; /* sharing, they fit */
  assert_ok(rg_transients_create(small.engine, descs, 2, handles, NULL));
  destroy_all(&small, handles, 2);
  rg_engine_destroy(small.engine);
  assert_int_equal(log.validation_count, 0);
  assert_false(gpu_log_has(&log, "leaks") || gpu_log_has(&log, "never"));
  pthread_mutex_destroy(&log.lock);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, gpu_test_setup, gpu_test_teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(those_of_different_steps_share_their_memory),
      TEST(those_that_live_at_once_share_no_byte),
      TEST(buffers_and_textures_keep_the_granularity),
      TEST(nothing_is_no_error),
      TEST(two_thousand_are_planned_in_no_time),
      TEST(a_frame_keeps_every_content_while_it_lives),
      TEST(what_is_destroyed_in_flight_stays_until_the_gpu_has_passed),
      TEST(textures_alternate_in_the_same_memory_without_a_hazard),
      TEST(buffers_alternate_in_the_same_memory_without_a_hazard),
      cmocka_unit_test(a_texture_that_never_began_is_reported_by_the_layer),
      cmocka_unit_test(a_buffer_over_another_that_never_began_is_reported_by_the_layer),
      TEST(the_engine_reads_and_writes_them_once_they_have_begun),
      TEST(wrong_descriptions_are_refused_and_nothing_is_made),
      TEST(null_pointers_and_counts_over_the_limit_are_refused),
      TEST(wrong_beginnings_are_refused),
      cmocka_unit_test(without_memory_none_is_made),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
