/* What the tests of sets declare: two textures, a buffer, a shader, and materials of them. */
#ifndef RG_TESTS_SET_SCENE_H
#define RG_TESTS_SET_SCENE_H

#include "gpu_test.h"

#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))
/* A NULL-terminated list of names. */
#define NAMES(...) ((const char *const[]){__VA_ARGS__, NULL})

static const char scene_fragment_source[] =
    "#version 450\n"
    "layout(std140) uniform Material { vec4 tint; float gain; };\n"
    "uniform sampler2D map;\n"
    "layout(std430) readonly buffer Lights { vec4 lights[]; };\n"
    "layout(location = 0) in vec2 uv;\n"
    "layout(location = 0) out vec4 color;\n"
    "void main() { color = texture(map, uv) * tint * gain + lights[0]; }\n";

/* ---- Declarations --------------------------------------------------------------------------- */

static inline void declare_shader(rg_engine *engine) {
  const rg_shader_desc desc = {
      .stages = {{.stage = VK_SHADER_STAGE_VERTEX_BIT, .source = gpu_test_vertex_source},
                 {.stage = VK_SHADER_STAGE_FRAGMENT_BIT, .source = scene_fragment_source}},
      .stage_count = 2,
  };
  assert_ok(rg_declare_shader(engine, "lit", &desc));
}

static inline void declare_texture(rg_engine *engine, const char *name) {
  static const uint32_t texels[4] = {0xFF0000FF, 0xFF00FF00, 0xFFFF0000, 0xFFFFFFFF};
  const rg_texture_desc desc = {
      .width = 2, .height = 2, .data = texels, .data_size = sizeof texels};
  assert_ok(rg_declare_texture(engine, name, &desc));
}

static inline void declare_buffer(rg_engine *engine, const char *name, uint64_t size) {
  assert_ok(rg_declare_buffer(engine, name, &(rg_buffer_desc){.size = size}));
}

static inline void declare_material(rg_engine *engine, const char *name, const char *map,
                                    const char *lights) {
  const rg_parameter parameters[] = {
      {.name = "tint", .count = 4, .value.numbers = {1, 0.5, 0.25, 1}},
      {.name = "map", .kind = RG_VALUE_DECLARED, .count = 1, .value.declared = map},
      {.name = "Lights", .kind = RG_VALUE_DECLARED, .count = 1, .value.declared = lights},
  };
  const rg_material_desc desc = {
      .name = name, .shader_name = "lit", .parameters = parameters, .parameter_count = 3};
  assert_ok(rg_declare_material(engine, &desc));
}

static inline void declare_child(rg_engine *engine, const char *name, const char *parent) {
  const rg_parameter gain = {.name = "gain", .count = 1, .value.numbers = {2}};
  const rg_material_desc desc = {
      .name = name, .parent_name = parent, .parameters = &gain, .parameter_count = 1};
  assert_ok(rg_declare_material(engine, &desc));
}

static inline void declare_all(rg_engine *engine) {
  declare_shader(engine);
  declare_texture(engine, "brick");
  declare_texture(engine, "slate");
  declare_buffer(engine, "lights", 256);
  declare_material(engine, "Metal", "brick", "lights");
  declare_child(engine, "Rusty", "Metal");
  declare_material(engine, "Slate", "slate", "lights");
}

static inline rg_set make_set(rg_engine *engine, const rg_set_desc *desc) {
  rg_set set;
  assert_ok(rg_set_create(engine, desc, &set));
  return set;
}

static inline uint32_t live_count(rg_engine *engine, rg_type type) {
  uint32_t count = 0;
  for (rg_handle handle = {0}; (handle = rg_resource_next(engine, type, handle)).id != 0;) {
    count++;
  }
  return count;
}

/* Of all types but sets, without what the engine itself keeps from one load to the next. */
static inline void assert_nothing_loaded(rg_engine *engine) {
  assert_int_equal(live_count(engine, RG_TYPE_SHADER), 0);
  assert_int_equal(live_count(engine, RG_TYPE_MATERIAL), 0);
  for (rg_handle handle = {0}; (handle = rg_resource_next(engine, RG_TYPE_NONE, handle)).id != 0;) {
    rg_resource_info info;
    assert_ok(rg_resource_get_info(engine, handle.id, &info));
    bool is_ours = strcmp(info.label, "brick") == 0 || strcmp(info.label, "slate") == 0 ||
                   strcmp(info.label, "lights") == 0;
    assert_false(is_ours);
  }
}

static inline rg_set_info info_of(rg_engine *engine, rg_set set) {
  rg_set_info info;
  assert_ok(rg_set_get_info(engine, set, &info));
  return info;
}

static inline rg_handle member(rg_engine *engine, rg_set set, rg_type type, const char *name) {
  rg_handle handle;
  assert_ok(rg_set_get(engine, set, type, name, &handle));
  return handle;
}

#endif
