/* Who uses what is moved: materials, recorded commands, frames of a host, batches, pins. */
#include <stdlib.h>
#include <string.h>

#include "gpu_material.h"

#define BLOCK_SIZE (1u << 20)
#define COUNT 256

/* Two blocks each of textures and of buffers: one with a hole, one with what fits into it. */
typedef struct scene {
  gpu_test *test;
  rg_pool textures, buffers;
  rg_texture filler, map;
  rg_buffer stay, source, result;
  rg_shader shader;
  rg_material material;
} scene;

static const char sum_source[] =
    "#version 450\n"
    "layout(local_size_x = 64) in;\n"
    "layout(set = 0, binding = 0) readonly buffer Source { uint source[]; };\n"
    "layout(set = 0, binding = 1) buffer Result { uint result[]; };\n"
    "layout(set = 0, binding = 2) uniform sampler2D map;\n"
    "void main() {\n"
    "  uint i = gl_GlobalInvocationID.x;\n"
    "  float texel = texelFetch(map, ivec2(i % 16, i / 16), 0).r;\n"
    "  result[i] = source[i] + uint(texel * 255.0 + 0.5);\n"
    "}\n";

static rg_buffer make_buffer(const scene *self, uint64_t size, bool is_movable, const void *data) {
  rg_buffer out;
  const rg_buffer_desc desc = {
      .size = size, .pool = self->buffers, .is_movable = is_movable, .data = data};
  assert_ok(rg_buffer_create(self->test->engine, &desc, &out));
  return out;
}

static rg_texture make_texture(const scene *self, uint32_t width, uint32_t height, bool is_movable,
                               const void *data) {
  rg_texture out;
  const rg_texture_desc desc = {.width = width,
                                .height = height,
                                .pool = self->textures,
                                .is_movable = is_movable,
                                .sampler.mag_filter = RG_FILTER_NEAREST,
                                .data = data,
                                .data_size = data == NULL ? 0 : (uint64_t)width * height * 4};
  assert_ok(rg_texture_create(self->test->engine, &desc, &out));
  return out;
}

static rg_pool make_pool(gpu_test *test, bool is_for_textures) {
  rg_pool pool;
  const rg_pool_desc desc = {.is_for_textures = is_for_textures, .block_size = BLOCK_SIZE};
  assert_ok(rg_pool_create(test->engine, &desc, &pool));
  return pool;
}

static void scene_make_material(scene *self) {
  const rg_parameter parameters[] = {
      {.name = "Source", .kind = RG_VALUE_BUFFER, .count = 1, .value.buffer = self->source},
      {.name = "Result", .kind = RG_VALUE_BUFFER, .count = 1, .value.buffer = self->result},
      gpu_texture("map", self->map)};
  self->shader = gpu_test_compute(self->test, "sum", sum_source);
  self->material = gpu_material(self->test, "sum", self->shader, (rg_material){0}, parameters, 3);
}

static uint32_t texel_of(uint32_t index) {
  return 0xFF000000u | (index * 7 % 251);
}

#define MAX_PLUGS 1024

/* What fills a first block of either pool until a second one is needed. */
typedef struct wedges {
  rg_texture texture, texture_plugs[MAX_PLUGS];
  rg_buffer buffer, buffer_plugs[MAX_PLUGS];
  uint32_t texture_count, buffer_count;
} wedges;

static uint32_t blocks_of(const scene *self, rg_pool pool) {
  rg_pool_stats stats;
  assert_ok(rg_pool_get_stats(self->test->engine, pool, &stats));
  return stats.blocks;
}

static void wedges_fill(const scene *self, wedges *wedges) {
  while (blocks_of(self, self->textures) < 2 && wedges->texture_count < MAX_PLUGS) {
    wedges->texture_plugs[wedges->texture_count++] = make_texture(self, 16, 16, false, NULL);
  }
  while (blocks_of(self, self->buffers) < 2 && wedges->buffer_count < MAX_PLUGS) {
    wedges->buffer_plugs[wedges->buffer_count++] = make_buffer(self, 1024, false, NULL);
  }
}

static void wedges_destroy(const scene *self, const wedges *wedges) {
  assert_ok(rg_texture_destroy(self->test->engine, wedges->texture));
  assert_ok(rg_buffer_destroy(self->test->engine, wedges->buffer));
  for (uint32_t i = 0; i < wedges->texture_count; i++) {
    assert_ok(rg_texture_destroy(self->test->engine, wedges->texture_plugs[i]));
  }
  for (uint32_t i = 0; i < wedges->buffer_count; i++) {
    assert_ok(rg_buffer_destroy(self->test->engine, wedges->buffer_plugs[i]));
  }
}

static scene scene_begin(gpu_test *test) {
  scene self = {.test = test, .textures = make_pool(test, true), .buffers = make_pool(test, false)};
  uint32_t texels[COUNT], words[COUNT];
  for (uint32_t i = 0; i < COUNT; i++) {
    texels[i] = texel_of(i);
    words[i] = 1000 * i;
  }
  self.filler = make_texture(&self, 300, 400, false, NULL);
  self.stay = make_buffer(&self, 600000, false, NULL);
  wedges wedges = {.texture = make_texture(&self, 300, 400, false, NULL),
                   .buffer = make_buffer(&self, 440000, false, NULL)};
  wedges_fill(&self, &wedges);
  self.map = make_texture(&self, 16, 16, true, texels);
  self.source = make_buffer(&self, sizeof words, true, words);
  self.result = make_buffer(&self, 100000, true, NULL);
  wedges_destroy(&self, &wedges);
  scene_make_material(&self);
  return self;
}

static void scene_end(scene *self) {
  rg_engine *engine = self->test->engine;
  assert_ok(rg_material_destroy(engine, self->material));
  assert_ok(rg_shader_destroy(engine, self->shader));
  assert_ok(rg_texture_destroy(engine, self->filler));
  assert_ok(rg_texture_destroy(engine, self->map));
  assert_ok(rg_buffer_destroy(engine, self->stay));
  assert_ok(rg_buffer_destroy(engine, self->source));
  assert_ok(rg_buffer_destroy(engine, self->result));
  assert_ok(rg_pool_destroy(engine, self->textures));
  assert_ok(rg_pool_destroy(engine, self->buffers));
}

static void wait_for_gpu(gpu_test *test) {
  rg_ticket ticket;
  assert_ok(rg_flush(test->engine, &ticket));
  assert_ok(rg_ticket_wait(test->engine, ticket, UINT64_MAX));
  assert_ok(rg_collect(test->engine));
}

/* Steps, none of them submitted, until all three have moved; how many did. */
static uint32_t defragment(const scene *self) {
  wait_for_gpu(self->test);
  rg_defragment_info info = {0};
  uint32_t moves = 0;
  for (uint32_t i = 0; i < 100 && moves < 3 && !info.is_done; i++) {
    assert_ok(rg_defragment(self->test->engine, NULL, &info));
    moves += info.moves;
  }
  return moves;
}

static void check_result(const scene *self, uint32_t added) {
  uint32_t read[COUNT];
  assert_ok(rg_dispatch(self->test->engine, self->material, COUNT / 64, 1, 1, NULL));
  assert_ok(rg_buffer_read(self->test->engine, self->result, 0, read, sizeof read));
  for (uint32_t i = 0; i < COUNT; i++) {
    assert_int_equal(read[i], 1000 * i + added + (texel_of(i) & 255));
  }
}

static rg_buffer_vk buffer_vk(const scene *self, rg_buffer buffer) {
  rg_buffer_vk vk;
  assert_ok(rg_buffer_get_vk(self->test->engine, buffer, &vk));
  return vk;
}

static rg_texture_vk texture_vk(const scene *self, rg_texture texture) {
  rg_texture_vk vk;
  assert_ok(rg_texture_get_vk(self->test->engine, texture, &vk));
  return vk;
}

static VkDescriptorSet set_of(const scene *self, rg_material material) {
  rg_material_vk vk;
  assert_ok(rg_material_get_vk(self->test->engine, material, &vk));
  return vk.set;
}

/* ---- Materials ------------------------------------------------------------------------------ */

static void a_material_sees_its_resources_where_they_are_now(void **state) {
  gpu_test *test = *state;
  scene scene = scene_begin(test);
  uint32_t words[COUNT];
  check_result(&scene, 0);
  const VkDescriptorSet set = set_of(&scene, scene.material);
  const rg_buffer_vk source = buffer_vk(&scene, scene.source);
  const rg_texture_vk map = texture_vk(&scene, scene.map);
  assert_int_equal(defragment(&scene), 3);
  assert_true(set_of(&scene, scene.material) != set);
  assert_true(buffer_vk(&scene, scene.source).buffer != source.buffer);
  assert_true(texture_vk(&scene, scene.map).image != map.image);
  assert_true(texture_vk(&scene, scene.map).view != map.view);
  assert_true(texture_vk(&scene, scene.map).sampler == map.sampler);
  check_result(&scene, 0);
  for (uint32_t i = 0; i < COUNT; i++) {
    words[i] = 1000 * i + 5;
  }
  assert_ok(rg_buffer_update(test->engine, scene.source, 0, words, sizeof words));
  check_result(&scene, 5);
  scene_end(&scene);
}

/* Nothing is submitted between the moves and the writes. */
static void what_is_written_after_a_step_stays(void **state) {
  gpu_test *test = *state;
  scene scene = scene_begin(test);
  uint32_t texels[COUNT], words[COUNT], read[COUNT];
  for (uint32_t i = 0; i < COUNT; i++) {
    texels[i] = 77 * i;
    words[i] = 99 * i;
  }
  assert_int_equal(defragment(&scene), 3);
  assert_ok(rg_texture_update(test->engine, scene.map, NULL, texels, sizeof texels));
  assert_ok(rg_buffer_update(test->engine, scene.source, 0, words, sizeof words));
  assert_ok(rg_texture_read(test->engine, scene.map, NULL, read, sizeof read));
  assert_memory_equal(read, texels, sizeof read);
  assert_ok(rg_buffer_read(test->engine, scene.source, 0, read, sizeof read));
  assert_memory_equal(read, words, sizeof read);
  scene_end(&scene);
}

static void heirs_of_a_material_see_it_too(void **state) {
  gpu_test *test = *state;
  scene scene = scene_begin(test);
  const rg_material parent = scene.material;
  scene.material = gpu_material(test, "heir", (rg_shader){0}, parent, NULL, 0);
  check_result(&scene, 0);
  const VkDescriptorSet set = set_of(&scene, scene.material);
  assert_int_equal(defragment(&scene), 3);
  assert_true(set_of(&scene, scene.material) != set);
  check_result(&scene, 0);
  assert_ok(rg_material_destroy(test->engine, parent));
  scene_end(&scene);
}

static void what_a_pinned_material_names_stays(void **state) {
  gpu_test *test = *state;
  scene scene = scene_begin(test);
  assert_ok(rg_pin(test->engine, scene.material.id));
  const VkDescriptorSet set = set_of(&scene, scene.material);
  const rg_texture_vk map = texture_vk(&scene, scene.map);
  assert_int_equal(defragment(&scene), 0);
  assert_true(set_of(&scene, scene.material) == set);
  assert_true(texture_vk(&scene, scene.map).image == map.image);
  assert_ok(rg_unpin(test->engine, scene.material.id));
  check_result(&scene, 0);
  scene_end(&scene);
}

static void bindless_indices_stay(void **state) {
  gpu_test *test = *state;
  scene scene = scene_begin(test);
  uint32_t index, after;
  rg_bindless_vk set, set_after;
  if (rg_bindless_get_vk(test->engine, &set) == RG_OK) {
    assert_ok(rg_texture_get_index(test->engine, scene.map, &index));
    assert_ok(rg_bindless_get_vk(test->engine, &set));
    assert_int_equal(defragment(&scene), 3);
    assert_ok(rg_texture_get_index(test->engine, scene.map, &after));
    assert_ok(rg_bindless_get_vk(test->engine, &set_after));
    assert_int_equal(after, index);
    assert_true(set_after.set != set.set && set_after.set_layout == set.set_layout);
  }
  scene_end(&scene);
}

/* ---- Work under way ------------------------------------------------------------------------- */

#define LOAD(name) \
  PFN_vk##name name = (PFN_vk##name)vk->get_device_proc_addr(vk->device, "vk" #name)

typedef struct recording {
  VkCommandPool pool;
  VkCommandBuffer commands;
} recording;

/* Commands that copy a VkBuffer's first bytes to another. */
static recording record_copy(gpu_test *test, VkBuffer source, VkBuffer target) {
  const rg_engine_vk *vk = &test->vk;
  recording self;
  LOAD(CreateCommandPool);
  LOAD(AllocateCommandBuffers);
  LOAD(BeginCommandBuffer);
  LOAD(CmdCopyBuffer);
  LOAD(EndCommandBuffer);
  const VkCommandPoolCreateInfo pool = {.sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
                                        .queueFamilyIndex = vk->queue_family};
  assert_int_equal(CreateCommandPool(vk->device, &pool, NULL, &self.pool), VK_SUCCESS);
  const VkCommandBufferAllocateInfo info = {.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
                                            .commandPool = self.pool,
                                            .commandBufferCount = 1};
  assert_int_equal(AllocateCommandBuffers(vk->device, &info, &self.commands), VK_SUCCESS);
  const VkCommandBufferBeginInfo begin = {.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO};
  assert_int_equal(BeginCommandBuffer(self.commands, &begin), VK_SUCCESS);
  const VkBufferCopy region = {.size = COUNT * sizeof(uint32_t)};
  CmdCopyBuffer(self.commands, source, target, 1, &region);
  assert_int_equal(EndCommandBuffer(self.commands), VK_SUCCESS);
  return self;
}

static void recording_end(gpu_test *test, recording *self) {
  const rg_engine_vk *vk = &test->vk;
  LOAD(DestroyCommandPool);
  DestroyCommandPool(vk->device, self->pool, NULL);
}

static rg_buffer make_readback(gpu_test *test) {
  rg_buffer out;
  const rg_buffer_desc desc = {
      .size = COUNT * sizeof(uint32_t), .update = RG_UPDATE_READBACK, .own_vk_buffer = true};
  assert_ok(rg_buffer_create(test->engine, &desc, &out));
  return out;
}

static void check_readback(gpu_test *test, rg_buffer readback) {
  uint32_t read[COUNT];
  assert_ok(rg_buffer_read(test->engine, readback, 0, read, sizeof read));
  for (uint32_t i = 0; i < COUNT; i++) {
    assert_int_equal(read[i], 1000 * i);
  }
}

static void commands_recorded_before_read_the_old_place(void **state) {
  gpu_test *test = *state;
  scene scene = scene_begin(test);
  rg_buffer readback = make_readback(test);
  rg_ticket ticket;
  recording copy =
      record_copy(test, buffer_vk(&scene, scene.source).buffer, buffer_vk(&scene, readback).buffer);
  assert_int_equal(defragment(&scene), 3);
  assert_ok(rg_submit(test->engine, &copy.commands, 1, &ticket));
  assert_ok(rg_ticket_wait(test->engine, ticket, UINT64_MAX));
  check_readback(test, readback);
  recording_end(test, &copy);
  assert_ok(rg_buffer_destroy(test->engine, readback));
  scene_end(&scene);
}

static void an_open_batch_keeps_the_old_place(void **state) {
  gpu_test *test = *state;
  scene scene = scene_begin(test);
  rg_buffer readback = make_readback(test);
  rg_batch batch;
  rg_ticket ticket;
  assert_ok(rg_batch_begin(test->engine, &batch));
  const rg_buffer_vk old = buffer_vk(&scene, scene.source);
  assert_int_equal(defragment(&scene), 3);
  wait_for_gpu(test);
  recording copy = record_copy(test, old.buffer, buffer_vk(&scene, readback).buffer);
  assert_ok(rg_submit(test->engine, &copy.commands, 1, &ticket));
  assert_ok(rg_ticket_wait(test->engine, ticket, UINT64_MAX));
  check_readback(test, readback);
  rg_batch_end(test->engine, batch);
  recording_end(test, &copy);
  assert_ok(rg_buffer_destroy(test->engine, readback));
  scene_end(&scene);
}

static VkSemaphore make_timeline(gpu_test *test) {
  const rg_engine_vk *vk = &test->vk;
  LOAD(CreateSemaphore);
  VkSemaphore out;
  const VkSemaphoreTypeCreateInfo type = {.sType = VK_STRUCTURE_TYPE_SEMAPHORE_TYPE_CREATE_INFO,
                                          .semaphoreType = VK_SEMAPHORE_TYPE_TIMELINE};
  const VkSemaphoreCreateInfo info = {.sType = VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO,
                                      .pNext = &type};
  assert_int_equal(CreateSemaphore(vk->device, &info, NULL, &out), VK_SUCCESS);
  return out;
}

static void signal_timeline(gpu_test *test, VkSemaphore timeline, uint64_t value) {
  const rg_engine_vk *vk = &test->vk;
  LOAD(SignalSemaphore);
  const VkSemaphoreSignalInfo info = {
      .sType = VK_STRUCTURE_TYPE_SEMAPHORE_SIGNAL_INFO, .semaphore = timeline, .value = value};
  assert_int_equal(SignalSemaphore(vk->device, &info), VK_SUCCESS);
}

static uint32_t step_frees(const scene *self) {
  rg_defragment_info info;
  assert_ok(rg_collect(self->test->engine));
  assert_ok(rg_defragment(self->test->engine, NULL, &info));
  return info.blocks_freed;
}

static void the_hosts_frame_keeps_the_old_place(void **state) {
  gpu_test *test = *state;
  scene scene = scene_begin(test);
  VkSemaphore timeline = make_timeline(test);
  assert_ok(rg_frame_end(test->engine, timeline, 1));
  assert_int_equal(defragment(&scene), 3);
  wait_for_gpu(test);
  assert_int_equal(step_frees(&scene), 0);
  assert_ok(rg_frame_end(test->engine, timeline, 2));
  assert_int_equal(step_frees(&scene), 0);
  signal_timeline(test, timeline, 1);
  assert_int_equal(step_frees(&scene), 0);
  signal_timeline(test, timeline, 2);
  assert_int_equal(step_frees(&scene), 2);
  check_result(&scene, 0);
  scene_end(&scene);
  assert_ok(rg_frame_end(test->engine, timeline, 3));
  signal_timeline(test, timeline, 3);
  wait_for_gpu(test);
  const rg_engine_vk *vk = &test->vk;
  LOAD(DestroySemaphore);
  assert_ok(rg_collect(test->engine));
  DestroySemaphore(vk->device, timeline, NULL);
}

/* ---- Slabs ---------------------------------------------------------------------------------- */

static uint64_t memory_of(gpu_test *test, rg_buffer buffer) {
  rg_resource_memory memory;
  assert_ok(rg_resource_get_memory(test->engine, buffer.id, &memory));
  return (uint64_t)memory.memory;
}

/* A slab with buffers lies alone in its block, between others that are gone; another block has
 * room. */
static void a_slab_moves_to_another_block(void **state) {
  gpu_test *test = *state;
  enum { SMALL = 200, LARGE = 12 };
  rg_engine_destroy(test->engine);
  rg_engine_desc desc = gpu_test_desc(&test->log);
  desc.block_size = UINT64_C(8) << 20;
  desc.upload_size = UINT64_C(1) << 20;
  assert_ok(rg_engine_create(&desc, &test->engine));
  rg_buffer small[SMALL], large[LARGE];
  const rg_buffer_desc large_desc = {.size = 2000000, .is_movable = true};
  for (uint32_t i = 0; i < LARGE; i++) {
    assert_ok(rg_buffer_create(test->engine, &large_desc, &large[i]));
    for (uint32_t j = 0; i == LARGE / 2 && j < SMALL; j++) {
      const uint32_t words[2] = {j, ~j};
      const rg_buffer_desc small_desc = {.size = 8, .is_movable = true, .data = words};
      assert_ok(rg_buffer_create(test->engine, &small_desc, &small[j]));
    }
  }
  const uint64_t home = memory_of(test, small[0]);
  for (uint32_t i = 0; i < LARGE; i++) {
    if (memory_of(test, large[i]) == home || i % 4 == 0) {
      assert_ok(rg_buffer_destroy(test->engine, large[i]));
      large[i].id = 0;
    }
  }
  wait_for_gpu(test);
  rg_defragment_info info = {0};
  for (uint32_t i = 0; i < 10000 && !info.is_done; i++) {
    assert_ok(rg_defragment(test->engine, NULL, &info));
    wait_for_gpu(test);
  }
  for (uint32_t i = 0; i < SMALL; i++) {
    uint32_t words[2];
    assert_true(memory_of(test, small[i]) != home);
    assert_ok(rg_buffer_read(test->engine, small[i], 0, words, sizeof words));
    assert_true(words[0] == i && words[1] == ~i);
    assert_ok(rg_buffer_destroy(test->engine, small[i]));
  }
  for (uint32_t i = 0; i < LARGE; i++) {
    if (large[i].id != 0) {
      assert_ok(rg_buffer_destroy(test->engine, large[i]));
    }
  }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, gpu_test_setup, gpu_test_teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(a_material_sees_its_resources_where_they_are_now),
      TEST(what_is_written_after_a_step_stays),
      TEST(heirs_of_a_material_see_it_too),
      TEST(what_a_pinned_material_names_stays),
      TEST(bindless_indices_stay),
      TEST(commands_recorded_before_read_the_old_place),
      TEST(an_open_batch_keeps_the_old_place),
      TEST(the_hosts_frame_keeps_the_old_place),
      TEST(a_slab_moves_to_another_block),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
