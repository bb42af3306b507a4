/* Materials: what they refuse, what they warn of, and updates from several threads. */
#include <math.h>
#include <string.h>

#include "gpu_material.h"

/* ---- Refusals ------------------------------------------------------------------------------- */

typedef struct refusal {
  rg_parameter parameter;
  rg_result result;
  const char *message;
} refusal;

static void refuse_all(gpu_test *test, rg_material metal, const refusal *refusals, uint32_t count) {
  for (uint32_t i = 0; i < count; i++) {
    /* With a good one before it, to see that none is set. */
    const rg_parameter both[] = {gpu_number("roughness", 0.5), refusals[i].parameter};
    assert_error(rg_material_update(test->engine, metal, both, 2), refusals[i].result,
                 refusals[i].message);
    assert_true(gpu_read_number(test, metal, "roughness", NULL) == 0);
  }
}

static void wrong_numbers_are_refused_and_change_nothing(void **state) {
  gpu_test *test = *state;
  rg_shader shader = gpu_test_shader(test, "pbr", gpu_color_source);
  rg_material metal = gpu_material(test, "Metal", shader, (rg_material){0}, NULL, 0);
  const rg_result argument = RG_ERROR_INVALID_ARGUMENT;
  const rg_result type = RG_ERROR_WRONG_TYPE;
  const refusal refusals[] = {
      {gpu_number("roughnes", 1), RG_ERROR_NOT_FOUND,
       "material 'Metal': parameter 'roughnes' is not in shader 'pbr' (did you mean 'roughness'?)"},
      {{.name = "albedo", .count = 2},
       argument,
       "material 'Metal': albedo takes 3 components, 2 given"},
      {{.name = "turn", .count = 16}, argument, "turn takes 9 components, 16 given"},
      {{.name = "weights", .count = 20}, argument, "20 components need data"},
      {gpu_number("metallic", (double)NAN), argument, "metallic: component 0 is nan"},
      {gpu_number("metallic", (double)INFINITY), argument, "infinite"},
      {gpu_vec3("albedo", 0, 1e39, 0), argument, "component 1 is 1e+39, float holds"},
      {gpu_number("layer", 1.5), argument, "layer: component 0 is 1.5, int holds whole numbers"},
      {gpu_number("layer", 3e9), argument, "int holds -2.14748365e+09 to"},
      {gpu_number("mask", -1), argument, "uint holds 0 to"},
      {gpu_number("is_bright", 2), argument, "bool holds 0 to 1"},
      {{.name = "metallic", .kind = RG_VALUE_FLOATS, .count = 1, .value.floats = {NAN}},
       argument,
       "nan"},
      {{.name = "layer", .kind = RG_VALUE_FLOATS, .count = 1},
       type,
       "layer is a int, floats given"},
      {{.name = "metallic", .kind = RG_VALUE_INTS, .count = 1}, type, "ints given"},
      {{.name = "mask", .kind = RG_VALUE_INTS, .count = 1}, type, "mask is a uint, ints given"},
      {{.name = "layer", .kind = RG_VALUE_BOOLS, .count = 1}, type, "bools given"},
      {{.name = "metallic", .kind = RG_VALUE_TEXTURE, .count = 1}, type, "texture given"},
      {{.name = "metallic", .kind = RG_VALUE_DECLARED, .count = 1}, type, "declarations only"},
      {{.name = "metallic", .kind = (rg_value_kind)99, .count = 1}, type, "nothing known"},
      {{.name = NULL, .count = 1}, argument, "without a name"},
  };
  refuse_all(test, metal, refusals, sizeof refusals / sizeof refusals[0]);
  assert_error(rg_material_update(test->engine, metal, NULL, 1), argument, "no pointer");
  gpu_material_destroy(test, metal, shader, (rg_texture){0});
}

static const char binding_source[] =
    "#version 450\n"
    "layout(set = 0, binding = 0) uniform Material { float roughness; };\n"
    "layout(set = 0, binding = 1) uniform sampler2D albedo_map;\n"
    "layout(set = 0, binding = 2) uniform samplerCube sky;\n"
    "layout(set = 0, binding = 3) uniform Extra { vec4 extra[4]; };\n"
    "layout(set = 0, binding = 4) readonly buffer Items { vec4 items[4]; };\n"
    "layout(set = 0, binding = 5) uniform usampler2D ids;\n"
    "layout(location = 0) in vec2 uv;\n"
    "layout(location = 0) out vec4 color;\n"
    "void main() {\n"
    "  color = texture(albedo_map, uv) * roughness + texture(sky, vec3(uv, 1.0)) + extra[1] +\n"
    "          items[2] + vec4(texture(ids, uv));\n"
    "}\n";

static rg_buffer buffer(gpu_test *test, rg_buffer_type type, uint64_t size) {
  const rg_buffer_desc desc = {.size = size, .type = type, .label = "data"};
  rg_buffer out;
  assert_ok(rg_buffer_create(test->engine, &desc, &out));
  return out;
}

static rg_parameter buffer_of(const char *name, rg_buffer value) {
  return (rg_parameter){.name = name, .kind = RG_VALUE_BUFFER, .count = 1, .value.buffer = value};
}

static void wrong_textures_and_buffers_are_refused(void **state) {
  gpu_test *test = *state;
  rg_shader shader = gpu_test_shader(test, "bound", binding_source);
  rg_material metal = gpu_material(test, "Metal", shader, (rg_material){0}, NULL, 0);
  rg_texture flat = gpu_pixel(test, 0xFFFFFFFF);
  rg_texture gone = gpu_pixel(test, 0xFFFFFFFF);
  rg_buffer small = buffer(test, RG_BUFFER_UNIFORM, 32);
  rg_buffer vertices = buffer(test, RG_BUFFER_VERTEX, 64);
  rg_buffer large = buffer(test, RG_BUFFER_UNIFORM, test->limits.max_uniform_range + 16);
  assert_ok(rg_texture_destroy(test->engine, gone));
  const rg_texture not_texture = {small.id};
  const refusal refusals[] = {
      {gpu_texture("sky", flat), RG_ERROR_WRONG_TYPE,
       "material 'Metal': sky is a cube texture, 'pixel' is 2D"},
      {gpu_texture("ids", flat), RG_ERROR_WRONG_TYPE, "ids yields integers"},
      {gpu_texture("albedo_map", gone), RG_ERROR_STALE_HANDLE, "material 'Metal': albedo_map"},
      {gpu_texture("albedo_map", not_texture), RG_ERROR_WRONG_TYPE, "buffer 'data'"},
      {gpu_texture("albedo_map", (rg_texture){0}), RG_ERROR_STALE_HANDLE, "null texture handle"},
      {gpu_texture("Extra", flat), RG_ERROR_WRONG_TYPE, "Extra is a buffer, texture given"},
      {gpu_number("albedo_map", 1), RG_ERROR_WRONG_TYPE, "albedo_map is a texture, numbers given"},
      {buffer_of("albedo_map", small), RG_ERROR_WRONG_TYPE, "buffer given"},
      {buffer_of("Extra", small), RG_ERROR_INVALID_ARGUMENT,
       "Extra takes at least 64 bytes, buffer 'data' has 32"},
      {buffer_of("Extra", large), RG_ERROR_LIMIT, "the device binds"},
      {buffer_of("Items", vertices), RG_ERROR_WRONG_TYPE,
       "Items is a storage buffer, 'data' lacks"},
      {{.name = "albedo_map", .kind = RG_VALUE_TEXTURE, .count = 2, .data = &flat},
       RG_ERROR_INVALID_ARGUMENT,
       "albedo_map takes 1 texture, 2 given"},
  };
  refuse_all(test, metal, refusals, sizeof refusals / sizeof refusals[0]);
  assert_ok(rg_buffer_destroy(test->engine, small));
  assert_ok(rg_buffer_destroy(test->engine, vertices));
  assert_ok(rg_buffer_destroy(test->engine, large));
  assert_ok(rg_texture_destroy(test->engine, flat));
  assert_false(rg_is_live(test->engine, small.id)); /* refused updates own nothing */
  assert_false(rg_is_live(test->engine, flat.id));
  gpu_material_destroy(test, metal, shader, (rg_texture){0});
}

static void a_missing_buffer_is_named(void **state) {
  gpu_test *test = *state;
  rg_shader shader = gpu_test_shader(test, "bound", binding_source);
  rg_material metal = gpu_material(test, "Metal", shader, (rg_material){0}, NULL, 0);
  rg_material_vk vk;
  assert_error(rg_material_get_vk(test->engine, metal, &vk), RG_ERROR_INVALID_ARGUMENT,
               "material 'Metal': buffer parameter 'Extra' has no value");
  assert_true(vk.set == VK_NULL_HANDLE);
  rg_buffer uniform = buffer(test, RG_BUFFER_UNIFORM, 64);
  rg_buffer storage = buffer(test, RG_BUFFER_STORAGE, 64);
  const rg_texture_desc ids_desc = {.width = 1,
                                    .height = 1,
                                    .format = VK_FORMAT_R32_UINT,
                                    .sampler = {.mag_filter = RG_FILTER_NEAREST,
                                                .min_filter = RG_FILTER_NEAREST,
                                                .mip_filter = RG_FILTER_NEAREST}};
  rg_texture ids;
  assert_ok(rg_texture_create(test->engine, &ids_desc, &ids));
  const rg_parameter parameters[] = {buffer_of("Extra", uniform), buffer_of("Items", storage),
                                     gpu_texture("ids", ids)};
  assert_ok(rg_material_update(test->engine, metal, parameters, 3));
  assert_ok(rg_material_get_vk(test->engine, metal, &vk));
  assert_true(vk.set != VK_NULL_HANDLE);
  assert_ok(rg_buffer_destroy(test->engine, uniform));
  assert_ok(rg_buffer_destroy(test->engine, storage));
  assert_ok(rg_texture_destroy(test->engine, ids));
  gpu_material_destroy(test, metal, shader, (rg_texture){0});
}

static void wrong_descriptors_are_refused(void **state) {
  gpu_test *test = *state;
  rg_shader shader = gpu_test_shader(test, "color", gpu_color_source);
  rg_texture flat = gpu_pixel(test, 0);
  rg_material out;
  const rg_parameter unknown = gpu_number("nothing_like_it", 1);
  const struct {
    rg_material_desc desc;
    rg_result result;
    const char *message;
  } cases[] = {
      {{.shader = shader}, RG_ERROR_INVALID_ARGUMENT, "a name is required"},
      {{.name = "", .shader = shader}, RG_ERROR_INVALID_ARGUMENT, "a name is required"},
      {{.name = "Metal"}, RG_ERROR_INVALID_ARGUMENT, "a shader or a parent is required"},
      {{.name = "Metal", .shader_name = "pbr"}, RG_ERROR_INVALID_ARGUMENT, "for declarations"},
      {{.name = "Metal", .shader = {flat.id}}, RG_ERROR_WRONG_TYPE, "texture 'pixel'"},
      {{.name = "Metal", .parent = {shader.id}}, RG_ERROR_WRONG_TYPE, "shader 'color'"},
      {{.name = "Metal", .shader = shader, .parameters = &unknown, .parameter_count = 1},
       RG_ERROR_NOT_FOUND,
       "'nothing_like_it' is not in shader 'color'"},
  };
  for (uint32_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    out.id = 1;
    assert_error(rg_material_create(test->engine, &cases[i].desc, &out), cases[i].result,
                 cases[i].message);
    assert_int_equal(out.id, 0);
  }
  assert_int_equal(rg_resource_next(test->engine, RG_TYPE_MATERIAL, (rg_handle){0}).id, 0);
  assert_ok(rg_texture_destroy(test->engine, flat));
  assert_ok(rg_shader_destroy(test->engine, shader));
  assert_false(rg_is_live(test->engine, shader.id));
}

static void parameters_that_no_stage_reads_are_warned_of_once(void **state) {
  gpu_test *test = *state;
  rg_shader shader = gpu_test_shader(test, "color", gpu_color_source);
  rg_material metal = gpu_material(test, "Metal", shader, (rg_material){0}, NULL, 0);
  const rg_parameter unused = {.name = "unused", .count = 4};
  assert_ok(rg_material_update(test->engine, metal, &unused, 1));
  assert_ok(rg_material_update(test->engine, metal, &unused, 1));
  assert_int_equal(gpu_log_count(&test->log, "material 'Metal': unused is set, but no stage"), 1);
  gpu_material_destroy(test, metal, shader, (rg_texture){0});
}

static void a_destroyed_material_is_named_in_errors(void **state) {
  gpu_test *test = *state;
  rg_shader shader = gpu_test_shader(test, "color", gpu_color_source);
  rg_material metal = gpu_material(test, "Metal", shader, (rg_material){0}, NULL, 0);
  rg_origin_set("scene.lua:12");
  assert_ok(rg_material_destroy(test->engine, metal));
  rg_origin_set(NULL);
  rg_material_vk vk;
  assert_error(rg_material_get_vk(test->engine, metal, &vk), RG_ERROR_STALE_HANDLE,
               "material 'Metal' is destroyed (at scene.lua:12)");
  assert_error(rg_material_destroy(test->engine, metal), RG_ERROR_STALE_HANDLE, "Metal");
  assert_ok(rg_shader_destroy(test->engine, shader));
}

/* ---- Threads -------------------------------------------------------------------------------- */

typedef struct updater {
  gpu_test *test;
  rg_material material;
  uint32_t seed;
  bool has_failed;
} updater;

static void *update_often(void *user) {
  updater *self = user;
  for (uint32_t i = 0; i < 500 && !self->has_failed; i++) {
    const double value = (self->seed * 1000 + i) / 65536.0;
    const rg_parameter both[] = {gpu_number("roughness", value), gpu_number("metallic", value)};
    self->has_failed = rg_material_update(self->test->engine, self->material, both, 2) != RG_OK ||
                       (i % 100 == 0 && rg_flush(self->test->engine, NULL) != RG_OK);
  }
  return NULL;
}

static void updates_from_several_threads_are_whole(void **state) {
  gpu_test *test = *state;
  rg_shader shader = gpu_test_shader(test, "color", gpu_color_source);
  rg_material metal = gpu_material(test, "Metal", shader, (rg_material){0}, NULL, 0);
  updater updaters[4];
  pthread_t threads[4];
  for (uint32_t i = 0; i < 4; i++) {
    updaters[i] = (updater){test, metal, i, false};
    assert_int_equal(pthread_create(&threads[i], NULL, update_often, &updaters[i]), 0);
  }
  for (uint32_t i = 0; i < 4; i++) {
    assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_false(updaters[i].has_failed);
  }
  assert_true(gpu_read_number(test, metal, "roughness", NULL) ==
              gpu_read_number(test, metal, "metallic", NULL));
  gpu_material_destroy(test, metal, shader, (rg_texture){0});
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, gpu_test_setup, gpu_test_teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(wrong_numbers_are_refused_and_change_nothing),
      TEST(wrong_textures_and_buffers_are_refused),
      TEST(a_missing_buffer_is_named),
      TEST(wrong_descriptors_are_refused),
      TEST(parameters_that_no_stage_reads_are_warned_of_once),
      TEST(a_destroyed_material_is_named_in_errors),
      TEST(updates_from_several_threads_are_whole),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
