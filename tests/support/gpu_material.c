/* Materials that several tests make, and short ways to write their parameters. */
#include "gpu_material.h"

/* Every kind of member whose place a layout rule decides. */
const char gpu_color_source[] =
    "#version 450\n"
    "struct Light { vec3 color; float power; };\n"
    "layout(set = 0, binding = 0) uniform Material {\n"
    "  float roughness;\n"
    "  vec3 albedo;\n"
    "  float metallic;\n"
    "  bool is_bright;\n"
    "  int layer;\n"
    "  uint mask;\n"
    "  mat3 turn;\n"
    "  layout(row_major) mat2x3 skew;\n"
    "  float weights[20];\n"
    "  Light light;\n"
    "  Light lights[2];\n"
    "  vec4 unused;\n"
    "};\n"
    "layout(location = 0) in vec2 uv;\n"
    "layout(location = 0) out vec4 color;\n"
    "void main() {\n"
    "  float all = roughness + metallic + (is_bright ? 1.0 : 0.0) + float(layer) + float(mask) +\n"
    "              turn[1][2] + skew[1][2] + weights[3] + light.power + light.color.g +\n"
    "              lights[1].power + lights[0].color.b;\n"
    "  color = vec4(albedo, all / 255.0);\n"
    "}\n";

const char gpu_map_source[] =
    "#version 450\n"
    "layout(set = 0, binding = 0) uniform Material { vec4 tint; };\n"
    "layout(set = 0, binding = 1) uniform sampler2D albedo_map;\n"
    "layout(set = 0, binding = 2) uniform sampler2D normal_map;\n"
    "layout(set = 0, binding = 3) uniform sampler2D maps[3];\n"
    "layout(location = 0) in vec2 uv;\n"
    "layout(location = 0) out vec4 color;\n"
    "void main() {\n"
    "  vec4 other = texture(maps[0], uv) * texture(maps[1], uv) * texture(maps[2], uv);\n"
    "  color = tint * texture(albedo_map, uv) * other;\n"
    "  color.a = texture(normal_map, uv).r;\n"
    "}\n";

rg_parameter gpu_number(const char *name, double value) {
  return (rg_parameter){.name = name, .count = 1, .value.numbers = {value}};
}

rg_parameter gpu_vec3(const char *name, double x, double y, double z) {
  return (rg_parameter){.name = name, .count = 3, .value.numbers = {x, y, z}};
}

rg_parameter gpu_texture(const char *name, rg_texture value) {
  return (rg_parameter){.name = name, .kind = RG_VALUE_TEXTURE, .count = 1, .value.texture = value};
}

rg_material gpu_material(gpu_test *test, const char *name, rg_shader shader, rg_material parent,
                         const rg_parameter *parameters, uint32_t count) {
  const rg_material_desc desc = {.name = name,
                                 .shader = shader,
                                 .parent = parent,
                                 .parameters = parameters,
                                 .parameter_count = count};
  rg_material out;
  assert_ok(rg_material_create(test->engine, &desc, &out));
  return out;
}

rg_texture gpu_pixel(gpu_test *test, uint32_t color) {
  const rg_texture_desc desc = {
      .width = 1, .height = 1, .data = &color, .data_size = 4, .label = "pixel"};
  rg_texture out;
  assert_ok(rg_texture_create(test->engine, &desc, &out));
  return out;
}

void gpu_material_destroy(gpu_test *test, rg_material material, rg_shader shader,
                          rg_texture target) {
  assert_ok(rg_material_destroy(test->engine, material));
  assert_ok(rg_shader_destroy(test->engine, shader));
  if (target.id != 0) {
    assert_ok(rg_texture_destroy(test->engine, target));
  }
}

double gpu_read_number(gpu_test *test, rg_material from, const char *name, rg_material *origin) {
  rg_parameter read;
  assert_ok(rg_material_get(test->engine, from, name, NULL, 0, &read, origin));
  assert_int_equal(read.kind, RG_VALUE_FLOATS);
  assert_string_equal(read.name, name);
  return (double)read.value.floats[0];
}
