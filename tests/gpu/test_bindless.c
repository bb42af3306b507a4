/* Textures by index in one descriptor array: read by a compute shader, moved, destroyed in flight,
 * and refused where the device cannot. */
#include <stdlib.h>
#include <string.h>

#include "gpu_commands.h"
#include "gpu_material.h"

#define COUNT(array) (uint32_t)(sizeof(array) / sizeof *(array))
#define MOST 64 /* indices of one reading */
#define WHITE 0xFFFFFFFFu

static void needs_indexing(const gpu_test *test) {
  if (!test->device.descriptor_indexing) {
    print_message("no descriptor indexing on %s\n", test->device.name);
    skip();
  }
}

static uint32_t index_of(gpu_test *test, rg_texture texture) {
  uint32_t index = UINT32_MAX;
  assert_ok(rg_texture_get_index(test->engine, texture, &index));
  return index;
}

static rg_bindless_vk array_of(gpu_test *test) {
  rg_bindless_vk out;
  assert_ok(rg_bindless_get_vk(test->engine, &out));
  return out;
}

static void destroy(gpu_test *test, rg_texture texture) {
  assert_ok(rg_texture_destroy(test->engine, texture));
}

/* Waits for all there is, so that the dead are gone. */
static void settle(gpu_test *test) {
  rg_ticket ticket;
  assert_ok(rg_flush(test->engine, &ticket));
  assert_ok(rg_ticket_wait(test->engine, ticket, UINT64_MAX));
  assert_ok(rg_collect(test->engine));
}

/* ---- A shader that reads by index ----------------------------------------------------------- */

static const char read_source[] =
    "#version 450\n"
    "#extension GL_EXT_nonuniform_qualifier : require\n"
    "layout(local_size_x = 64) in;\n"
    "layout(set = 0, binding = 0) uniform sampler2D textures[64];\n"
    "layout(set = 1, binding = 0) uniform Material { uint unused; };\n"
    "layout(set = 1, binding = 1) readonly buffer Indices { uint indices[64]; };\n"
    "layout(set = 1, binding = 2) writeonly buffer Colors { uint colors[64]; };\n"
    "void main() {\n"
    "  uint i = gl_LocalInvocationIndex;\n"
    "  uint at = indices[i];\n"
    "  if (at < 64u) {\n"
    "    vec4 color = textureLod(textures[nonuniformEXT(at)], vec2(0.5), 0.0);\n"
    "    colors[i] = packUnorm4x8(color);\n"
    "  }\n"
    "}\n";

typedef struct reader {
  gpu_test *test;
  rg_shader shader;
  rg_material material;
  rg_buffer indices, colors;
  gpu_commands commands;
  VkPipelineLayout layout;
  VkPipeline pipeline;
  rg_bindless_vk array; /* that the commands were recorded with */
} reader;

static void reader_init_material(reader *self, const char *name) {
  rg_engine *engine = self->test->engine;
  const rg_buffer_desc indices = {.size = MOST * 4, .label = "indices"};
  const rg_buffer_desc colors = {.size = MOST * 4, .update = RG_UPDATE_READBACK, .label = "colors"};
  assert_ok(rg_buffer_create(engine, &indices, &self->indices));
  assert_ok(rg_buffer_create(engine, &colors, &self->colors));
  const rg_parameter parameters[] = {
      {.name = "Indices", .kind = RG_VALUE_BUFFER, .count = 1, .value.buffer = self->indices},
      {.name = "Colors", .kind = RG_VALUE_BUFFER, .count = 1, .value.buffer = self->colors}};
  self->shader = gpu_test_compute(self->test, "read", read_source);
  self->material = gpu_material(self->test, name, self->shader, (rg_material){0}, parameters, 2);
}

/* With the array's own layout in place of the one that the shader alone would get. */
static void reader_init_pipeline(reader *self) {
  gpu_test *test = self->test;
  rg_material_vk material;
  assert_ok(rg_material_get_vk(test->engine, self->material, &material));
  const VkDescriptorSetLayout sets[] = {self->array.set_layout, material.set_layout};
  const VkPipelineLayoutCreateInfo layout = {.sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO,
                                             .setLayoutCount = 2,
                                             .pSetLayouts = sets};
  VkComputePipelineCreateInfo info = {.sType = VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO};
  assert_ok(rg_shader_get_stage_info(test->engine, self->shader, VK_SHADER_STAGE_COMPUTE_BIT,
                                     &info.stage));
  assert_int_equal(
      self->commands.CreatePipelineLayout(test->vk.device, &layout, NULL, &self->layout),
      VK_SUCCESS);
  info.layout = self->layout;
  assert_int_equal(self->commands.CreateComputePipelines(test->vk.device, VK_NULL_HANDLE, 1, &info,
                                                         NULL, &self->pipeline),
                   VK_SUCCESS);
}

/* Records the reading of these indices with the array as it is now. name: of its material. */
static void reader_begin(reader *self, gpu_test *test, const char *name, const uint32_t *indices,
                         uint32_t count) {
  uint32_t all[MOST];
  memset(self, 0, sizeof *self);
  self->test = test;
  self->array = array_of(test);
  reader_init_material(self, name);
  gpu_commands_begin(&self->commands, test);
  reader_init_pipeline(self);
  for (uint32_t i = 0; i < MOST; i++) {
    all[i] = i < count ? indices[i] : UINT32_MAX;
  }
  assert_ok(rg_buffer_update(test->engine, self->indices, 0, all, sizeof all));
  rg_material_vk material;
  gpu_commands *commands = &self->commands;
  assert_ok(rg_material_get_vk(test->engine, self->material, &material));
  const VkDescriptorSet sets[] = {self->array.set, material.set};
  commands->CmdBindPipeline(commands->buffer, VK_PIPELINE_BIND_POINT_COMPUTE, self->pipeline);
  commands->CmdBindDescriptorSets(commands->buffer, VK_PIPELINE_BIND_POINT_COMPUTE, self->layout, 0,
                                  2, sets, 0, NULL);
  commands->CmdDispatch(commands->buffer, 1, 1, 1);
  gpu_cmd_end_for_host(commands);
}

/* Waits for the submission, and expects these colours. */
static void reader_end(reader *self, rg_ticket ticket, const uint32_t *colors, uint32_t count) {
  gpu_test *test = self->test;
  void *mapped = NULL;
  assert_ok(rg_ticket_wait(test->engine, ticket, UINT64_MAX));
  assert_ok(rg_buffer_map(test->engine, self->colors, &mapped));
  for (uint32_t i = 0; i < count; i++) {
    if (((const uint32_t *)mapped)[i] != colors[i]) {
      fail_msg("colour %u is %08x, not %08x", i, ((const uint32_t *)mapped)[i], colors[i]);
    }
  }
  self->commands.DestroyPipeline(test->vk.device, self->pipeline, NULL);
  self->commands.DestroyPipelineLayout(test->vk.device, self->layout, NULL);
  gpu_commands_finish(&self->commands);
  assert_ok(rg_material_destroy(test->engine, self->material));
  assert_ok(rg_shader_destroy(test->engine, self->shader));
  assert_ok(rg_buffer_destroy(test->engine, self->indices));
  assert_ok(rg_buffer_destroy(test->engine, self->colors));
}

static void assert_reads(gpu_test *test, const uint32_t *indices, const uint32_t *colors,
                         uint32_t count) {
  reader reader;
  reader_begin(&reader, test, "read", indices, count);
  reader_end(&reader, gpu_commands_submit(&reader.commands), colors, count);
}

static uint32_t color_of(uint32_t number) {
  return 0xFF000000u + number * 0x030501u;
}

/* ---- Reading -------------------------------------------------------------------------------- */

static void a_shader_reads_textures_by_their_index(void **state) {
  gpu_test *test = *state;
  needs_indexing(test);
  rg_texture textures[40];
  uint32_t indices[COUNT(textures)], colors[COUNT(textures)];
  for (uint32_t i = 0; i < COUNT(textures); i++) {
    colors[i] = color_of(i);
    textures[i] = gpu_pixel(test, colors[i]);
    indices[i] = index_of(test, textures[i]);
    for (uint32_t j = 0; j < i; j++) {
      assert_int_not_equal(indices[i], indices[j]);
    }
  }
  assert_reads(test, indices, colors, COUNT(textures));
  for (uint32_t i = 0; i < COUNT(textures); i++) {
    assert_int_equal(index_of(test, textures[i]), indices[i]);
    destroy(test, textures[i]);
  }
}

static void the_array_is_one_and_large(void **state) {
  gpu_test *test = *state;
  needs_indexing(test);
  const rg_bindless_vk first = array_of(test);
  rg_texture pixel = gpu_pixel(test, 1);
  assert_true(index_of(test, pixel) < first.capacity);
  const rg_bindless_vk second = array_of(test);
  assert_true(first.set != VK_NULL_HANDLE && first.set_layout != VK_NULL_HANDLE);
  assert_true(first.set == second.set && first.set_layout == second.set_layout);
  assert_true(first.capacity >= 1024 && first.capacity <= 16384);
  destroy(test, pixel);
}

static void what_joins_after_recording_is_read_too(void **state) {
  gpu_test *test = *state;
  needs_indexing(test);
  rg_texture first = gpu_pixel(test, color_of(1));
  const uint32_t indices[] = {index_of(test, first), index_of(test, first) + 1};
  const uint32_t colors[] = {color_of(1), color_of(2)};
  reader reader;
  reader_begin(&reader, test, "read", indices, 2);
  rg_texture second = gpu_pixel(test, color_of(2));
  assert_int_equal(index_of(test, second), indices[1]);
  reader_end(&reader, gpu_commands_submit(&reader.commands), colors, 2);
  destroy(test, first);
  destroy(test, second);
}

static void a_transient_texture_has_an_index(void **state) {
  gpu_test *test = *state;
  needs_indexing(test);
  const rg_texture_desc texture = {.width = 4, .height = 4, .label = "noise"};
  const rg_transient_desc desc = {.texture = &texture};
  const uint32_t color = 0xFF0000FFu;
  rg_handle noise;
  rg_texture_vk vk;
  gpu_commands commands;
  assert_ok(rg_transients_create(test->engine, &desc, 1, &noise, NULL));
  assert_ok(rg_texture_get_vk(test->engine, (rg_texture){noise.id}, &vk));
  const uint32_t index = index_of(test, (rg_texture){noise.id});
  gpu_commands_begin(&commands, test);
  assert_ok(rg_cmd_begin_transients(test->engine, commands.buffer, &noise, 1));
  gpu_cmd_clear(&commands, &vk, gpu_scope_shader, (VkClearColorValue){{1, 0, 0, 1}});
  gpu_commands_run(&commands);
  assert_reads(test, &index, &color, 1);
  destroy(test, (rg_texture){noise.id});
}

/* ---- Lives ---------------------------------------------------------------------------------- */

static void free_indices_come_back_in_the_order_they_went(void **state) {
  gpu_test *test = *state;
  needs_indexing(test);
  rg_texture textures[5], again[3];
  uint32_t indices[COUNT(textures)];
  for (uint32_t i = 0; i < COUNT(textures); i++) {
    textures[i] = gpu_pixel(test, color_of(i));
    indices[i] = index_of(test, textures[i]);
  }
  settle(test);
  destroy(test, textures[3]);
  settle(test);
  destroy(test, textures[1]);
  settle(test);
  for (uint32_t i = 0; i < COUNT(again); i++) {
    again[i] = gpu_pixel(test, color_of(10 + i));
  }
  assert_int_equal(index_of(test, again[0]), indices[3]);
  assert_int_equal(index_of(test, again[1]), indices[1]);
  assert_int_equal(index_of(test, again[2]), indices[4] + 1);
  const uint32_t read[] = {indices[0], indices[1], indices[2], indices[3], indices[4]};
  const uint32_t colors[] = {color_of(0), color_of(11), color_of(2), color_of(10), color_of(4)};
  assert_reads(test, read, colors, 5);
  for (uint32_t i = 0; i < COUNT(textures); i++) {
    if (i != 1 && i != 3) {
      destroy(test, textures[i]);
    }
  }
  for (uint32_t i = 0; i < COUNT(again); i++) {
    destroy(test, again[i]);
  }
}

static void a_slot_that_is_free_or_left_shows_white(void **state) {
  gpu_test *test = *state;
  needs_indexing(test);
  rg_texture pixel = gpu_pixel(test, color_of(1));
  const uint32_t indices[] = {index_of(test, pixel), index_of(test, pixel) + 7};
  const uint32_t before[] = {color_of(1), WHITE}, after[] = {WHITE, WHITE};
  assert_reads(test, indices, before, 2);
  destroy(test, pixel);
  settle(test);
  assert_reads(test, indices, after, 2);
}

static void what_is_destroyed_in_flight_is_read_to_the_end(void **state) {
  gpu_test *test = *state;
  needs_indexing(test);
  for (uint32_t round = 0; round < 10; round++) {
    rg_texture pixel = gpu_pixel(test, color_of(round)), other = gpu_pixel(test, color_of(99));
    const uint32_t index = index_of(test, pixel), color = color_of(round);
    reader reader;
    reader_begin(&reader, test, "read", &index, 1);
    const rg_ticket ticket = gpu_commands_submit(&reader.commands);
    destroy(test, pixel);
    assert_true(index_of(test, other) < 64);
    destroy(test, other);
    reader_end(&reader, ticket, &color, 1);
  }
}

/* The array goes with what it holds; the white texture may go first. */
static void the_engine_may_end_with_indices_in_use(void **state) {
  gpu_test *test = *state;
  needs_indexing(test);
  for (uint32_t i = 0; i < 3; i++) {
    assert_int_equal(index_of(test, gpu_pixel(test, color_of(i))), i);
  }
}

/* ---- Moves ---------------------------------------------------------------------------------- */

#define SIDE 256
#define MOVED 60

static rg_texture plain(gpu_test *test, uint32_t color) {
  static uint32_t texels[SIDE * SIDE];
  for (uint32_t i = 0; i < COUNT(texels); i++) {
    texels[i] = color;
  }
  const rg_texture_desc desc = {.width = SIDE,
                                .height = SIDE,
                                .is_movable = true,
                                .data = texels,
                                .data_size = sizeof texels,
                                .label = "plain"};
  rg_texture out;
  assert_ok(rg_texture_create(test->engine, &desc, &out));
  return out;
}

/* Where the texture is now, not where it was. */
static void repaint(gpu_test *test, rg_texture texture, uint32_t color) {
  static uint32_t texels[SIDE * SIDE];
  for (uint32_t i = 0; i < COUNT(texels); i++) {
    texels[i] = color;
  }
  assert_ok(rg_texture_update(test->engine, texture, NULL, texels, sizeof texels));
}

static void defragment(gpu_test *test) {
  rg_defragment_info info = {.is_done = false};
  for (uint32_t step = 0; step < 100 && !info.is_done; step++) {
    assert_ok(rg_defragment(test->engine, NULL, &info));
    settle(test);
  }
  assert_true(info.is_done);
}

static void indices_stay_where_textures_move(void **state) {
  gpu_test *test = *state;
  needs_indexing(test);
  rg_texture textures[MOVED];
  uint32_t indices[MOVED], colors[MOVED], kept = 0, moved = 0;
  VkImageView views[MOVED];
  for (uint32_t i = 0; i < MOVED; i++) {
    textures[i] = plain(test, color_of(i));
    assert_true(index_of(test, textures[i]) < 64);
  }
  settle(test);
  for (uint32_t i = 0; i < MOVED; i++) {
    if (i % 6 != 0) {
      destroy(test, textures[i]);
      continue;
    }
    rg_texture_vk vk;
    assert_ok(rg_texture_get_vk(test->engine, textures[i], &vk));
    textures[kept] = textures[i];
    indices[kept] = index_of(test, textures[i]);
    colors[kept] = color_of(i);
    views[kept++] = vk.view;
  }
  settle(test);
  const rg_bindless_vk before = array_of(test);
  reader old;
  reader_begin(&old, test, "old", indices, kept); /* with the set and the views as they are now */
  const rg_ticket ticket = gpu_commands_submit(&old.commands);
  defragment(test);
  reader_end(&old, ticket, colors, kept);
  const rg_bindless_vk after = array_of(test);
  for (uint32_t i = 0; i < kept; i++) {
    rg_texture_vk vk;
    assert_ok(rg_texture_get_vk(test->engine, textures[i], &vk));
    moved += vk.view != views[i];
    assert_int_equal(index_of(test, textures[i]), indices[i]);
  }
  assert_true(moved > 0 && after.set != before.set && after.set_layout == before.set_layout);
  assert_reads(test, indices, colors, kept);
  for (uint32_t i = 0; i < kept; i++) {
    colors[i] = color_of(100 + i);
    repaint(test, textures[i], colors[i]);
  }
  assert_reads(test, indices, colors, kept);
  for (uint32_t i = 0; i < kept; i++) {
    destroy(test, textures[i]);
  }
}

/* ---- Refusals ------------------------------------------------------------------------------- */

static void devices_without_descriptor_indexing_refuse(void **state) {
  gpu_test *test = *state;
  if (test->device.descriptor_indexing) {
    skip();
  }
  rg_bindless_vk vk = {.capacity = 7};
  uint32_t index = 7;
  rg_texture pixel = gpu_pixel(test, 1);
  assert_error(rg_bindless_get_vk(test->engine, &vk), RG_ERROR_UNSUPPORTED, "descriptor indexing");
  assert_error(rg_texture_get_index(test->engine, pixel, &index), RG_ERROR_UNSUPPORTED,
               test->device.name);
  assert_true(vk.capacity == 0 && index == 0);
  destroy(test, pixel);
}

static void a_host_that_did_not_enable_it_is_refused(void **state) {
  gpu_test *test = *state;
  needs_indexing(test);
  const rg_host_device host = {.instance = test->vk.instance,
                               .physical_device = test->vk.physical_device,
                               .device = test->vk.device,
                               .queue = test->vk.queue,
                               .queue_family = test->vk.queue_family,
                               .api_version = test->vk.api_version};
  rg_engine_desc desc = gpu_test_desc(&test->log);
  desc.host_device = &host;
  rg_engine *engine = NULL;
  rg_bindless_vk vk;
  assert_ok(rg_engine_create(&desc, &engine));
  assert_error(rg_bindless_get_vk(engine, &vk), RG_ERROR_UNSUPPORTED, "did not enable");
  rg_engine_destroy(engine);
}

static void textures_of_another_kind_have_no_index(void **state) {
  gpu_test *test = *state;
  needs_indexing(test);
  const struct {
    rg_texture_desc desc;
    const char *message;
  } cases[] = {
      {{.type = RG_TEXTURE_3D, .width = 2, .height = 2, .depth = 2, .label = "fog"},
       "texture 'fog': it is not a 2D texture"},
      {{.type = RG_TEXTURE_CUBE, .width = 2, .height = 2}, "it is not a 2D texture"},
      {{.type = RG_TEXTURE_2D_ARRAY, .width = 2, .height = 2, .layers = 2}, "not a 2D texture"},
      {{.width = 2, .height = 2, .usage = VK_IMAGE_USAGE_STORAGE_BIT, .label = "raw"},
       "texture 'raw': its usage lacks sampled"},
  };
  for (uint32_t i = 0; i < COUNT(cases); i++) {
    rg_texture texture;
    uint32_t index = 7;
    assert_ok(rg_texture_create(test->engine, &cases[i].desc, &texture));
    assert_error(rg_texture_get_index(test->engine, texture, &index), RG_ERROR_INVALID_ARGUMENT,
                 cases[i].message);
    assert_int_equal(index, 0);
    destroy(test, texture);
  }
}

static void wrong_handles_and_null_pointers_are_refused(void **state) {
  gpu_test *test = *state;
  const rg_buffer_desc desc = {.size = 4, .label = "scene"};
  const rg_result bad = RG_ERROR_INVALID_ARGUMENT;
  rg_texture pixel = gpu_pixel(test, 1);
  rg_buffer buffer;
  uint32_t index = 7;
  assert_ok(rg_buffer_create(test->engine, &desc, &buffer));
  assert_error(rg_texture_get_index(test->engine, (rg_texture){buffer.id}, &index),
               RG_ERROR_WRONG_TYPE, "buffer 'scene'");
  assert_ok(rg_buffer_destroy(test->engine, buffer));
  destroy(test, pixel);
  assert_error(rg_texture_get_index(test->engine, pixel, &index), RG_ERROR_STALE_HANDLE,
               "texture 'pixel' is destroyed");
  assert_error(rg_texture_get_index(test->engine, pixel, NULL), bad, "out");
  assert_error(rg_texture_get_index(NULL, pixel, &index), bad, "engine");
  assert_error(rg_bindless_get_vk(test->engine, NULL), bad, "out");
  assert_error(rg_bindless_get_vk(NULL, &(rg_bindless_vk){0}), bad, "engine");
}

/* ---- A device whose array is small ---------------------------------------------------------- */

/* One test at a time: the loader's entry has no user pointer. */
static PFN_vkGetInstanceProcAddr real_entry;
static PFN_vkGetPhysicalDeviceProperties2 real_properties;

static VKAPI_ATTR void VKAPI_CALL small_properties(VkPhysicalDevice device,
                                                   VkPhysicalDeviceProperties2 *out) {
  real_properties(device, out);
  for (VkBaseOutStructure *part = out->pNext; part != NULL; part = part->pNext) {
    if (part->sType == VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_DESCRIPTOR_INDEXING_PROPERTIES) {
      ((VkPhysicalDeviceDescriptorIndexingProperties *)(void *)part)
          ->maxPerStageDescriptorUpdateAfterBindSampledImages = 8;
    }
  }
}

static VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL small_entry(VkInstance instance, const char *name) {
  const PFN_vkVoidFunction found = real_entry(instance, name);
  if (strcmp(name, "vkGetPhysicalDeviceProperties2") == 0) {
    real_properties = (PFN_vkGetPhysicalDeviceProperties2)found;
    return (PFN_vkVoidFunction)small_properties;
  }
  return found;
}

static void a_full_array_says_so_until_a_slot_is_free(void **state) {
  gpu_test *test = *state;
  needs_indexing(test);
  rg_engine_desc desc = gpu_test_desc(&test->log);
  gpu_test small = {.engine = NULL};
  real_entry = test->vk.get_instance_proc_addr;
  desc.get_instance_proc_addr = small_entry;
  assert_ok(rg_engine_create(&desc, &small.engine));
  const uint32_t capacity = array_of(&small).capacity;
  rg_texture textures[9];
  uint32_t index = 0;
  assert_true(capacity > 0 && capacity < COUNT(textures));
  for (uint32_t i = 0; i < capacity; i++) {
    textures[i] = gpu_pixel(&small, color_of(i));
    assert_int_equal(index_of(&small, textures[i]), i);
  }
  textures[capacity] = gpu_pixel(&small, 1);
  assert_error(rg_texture_get_index(small.engine, textures[capacity], &index), RG_ERROR_LIMIT,
               "texture 'pixel': all of the bindless array's 6 slots are taken");
  settle(&small);
  destroy(&small, textures[2]);
  settle(&small);
  assert_int_equal(index_of(&small, textures[capacity]), 2);
  for (uint32_t i = 0; i <= capacity; i++) {
    if (i != 2) {
      destroy(&small, textures[i]);
    }
  }
  rg_engine_destroy(small.engine);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, gpu_test_setup, gpu_test_teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(a_shader_reads_textures_by_their_index),
      TEST(the_array_is_one_and_large),
      TEST(what_joins_after_recording_is_read_too),
      TEST(a_transient_texture_has_an_index),
      TEST(free_indices_come_back_in_the_order_they_went),
      TEST(a_slot_that_is_free_or_left_shows_white),
      TEST(what_is_destroyed_in_flight_is_read_to_the_end),
      cmocka_unit_test_setup_teardown(the_engine_may_end_with_indices_in_use, gpu_test_setup,
                                      gpu_test_teardown_leaky),
      TEST(indices_stay_where_textures_move),
      TEST(devices_without_descriptor_indexing_refuse),
      TEST(a_host_that_did_not_enable_it_is_refused),
      TEST(textures_of_another_kind_have_no_index),
      TEST(wrong_handles_and_null_pointers_are_refused),
      TEST(a_full_array_says_so_until_a_slot_is_free),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
