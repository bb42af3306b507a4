/* Materials: what their parameters draw, what they inherit, and what they refuse. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "gpu_test.h"

/* Every kind of member whose place a layout rule decides. */
static const char color_source[] =
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

static const char map_source[] =
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
    "  color.a = texture(normal_map, uv).b;\n"
    "}\n";

static rg_parameter number(const char *name, double value) {
  return (rg_parameter){.name = name, .count = 1, .value.numbers = {value}};
}

static rg_parameter vec3(const char *name, double x, double y, double z) {
  return (rg_parameter){.name = name, .count = 3, .value.numbers = {x, y, z}};
}

static rg_parameter texture(const char *name, rg_texture value) {
  return (rg_parameter){.name = name, .kind = RG_VALUE_TEXTURE, .count = 1, .value.texture = value};
}

static rg_material material(gpu_test *test, const char *name, rg_shader shader, rg_material parent,
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

static rg_texture pixel(gpu_test *test, uint32_t color) {
  const rg_texture_desc desc = {
      .width = 1, .height = 1, .data = &color, .data_size = 4, .label = "pixel"};
  rg_texture out;
  assert_ok(rg_texture_create(test->engine, &desc, &out));
  return out;
}

static void destroy(gpu_test *test, rg_material material, rg_shader shader, rg_texture target) {
  assert_ok(rg_material_destroy(test->engine, material));
  assert_ok(rg_shader_destroy(test->engine, shader));
  if (target.id != 0) {
    assert_ok(rg_texture_destroy(test->engine, target));
  }
}

/* ---- What reaches the GPU ------------------------------------------------------------------- */

static void a_material_draws_its_colour_and_an_update_the_new_one(void **state) {
  gpu_test *test = *state;
  gpu_test_needs_drawing(test);
  rg_shader shader = gpu_test_shader(test, "color", color_source);
  const rg_parameter red = vec3("albedo", 1, 0, 0);
  rg_material metal = material(test, "Metal", shader, (rg_material){0}, &red, 1);
  rg_texture target = gpu_test_target(test);
  assert_int_equal(gpu_test_color(test, metal, target), 0x000000FF);
  const rg_parameter blue = vec3("albedo", 0, 0.2, 1);
  assert_ok(rg_material_update(test->engine, metal, &blue, 1));
  assert_int_equal(gpu_test_color(test, metal, target), 0x00FF3300);
  destroy(test, metal, shader, target);
}

/* Each value goes to a place of its own: the sum of all proves the offsets and strides. */
static void members_of_every_layout_reach_their_places(void **state) {
  gpu_test *test = *state;
  gpu_test_needs_drawing(test);
  rg_shader shader = gpu_test_shader(test, "color", color_source);
  rg_material metal = material(test, "Metal", shader, (rg_material){0}, NULL, 0);
  rg_texture target = gpu_test_target(test);
  double weights[20] = {0};
  weights[3] = 1;
  rg_parameter turn = {.name = "turn", .kind = RG_VALUE_FLOATS, .count = 9};
  turn.value.floats[3 * 1 + 2] = 2;
  rg_parameter skew = {.name = "skew", .kind = RG_VALUE_FLOATS, .count = 6};
  skew.value.floats[3 * 1 + 2] = 4;
  const rg_parameter parameters[] = {
      turn,
      skew,
      {.name = "weights", .count = 20, .data = weights},
      {.name = "is_bright", .kind = RG_VALUE_BOOLS, .count = 1, .value.uints = {1}},
      {.name = "layer", .kind = RG_VALUE_INTS, .count = 1, .value.ints = {8}},
      {.name = "mask", .kind = RG_VALUE_UINTS, .count = 1, .value.uints = {16}},
      number("light.power", 32),
      vec3("light.color", 0, 3, 0),
      number("lights[1].power", 64),
      vec3("lights[0].color", 0, 0, 5),
      number("roughness", 6),
      number("metallic", 7),
  };
  const uint32_t count = sizeof parameters / sizeof parameters[0];
  assert_ok(rg_material_update(test->engine, metal, parameters, count));
  const uint32_t sum = 1 + 2 + 4 + 1 + 8 + 16 + 32 + 3 + 64 + 5 + 6 + 7;
  assert_int_equal(gpu_test_color(test, metal, target) >> 24, sum);
  destroy(test, metal, shader, target);
}

static void textures_not_given_are_white_or_flat(void **state) {
  gpu_test *test = *state;
  gpu_test_needs_drawing(test);
  rg_shader shader = gpu_test_shader(test, "map", map_source);
  const rg_parameter tint = {.name = "tint", .count = 4, .value.numbers = {1, 0, 1, 1}};
  rg_material metal = material(test, "Metal", shader, (rg_material){0}, &tint, 1);
  rg_texture target = gpu_test_target(test);
  /* Alpha is the normal's z: 1 in a flat one, as in white; its x and y differ. */
  assert_int_equal(gpu_test_color(test, metal, target), 0xFFFF00FF);
  destroy(test, metal, shader, target);
}

static void textures_are_drawn_and_replaced(void **state) {
  gpu_test *test = *state;
  gpu_test_needs_drawing(test);
  rg_shader shader = gpu_test_shader(test, "map", map_source);
  rg_texture green = pixel(test, 0xFF00FF00);
  rg_texture blue = pixel(test, 0xFFFF0000);
  const rg_parameter parameters[] = {{.name = "tint", .count = 4, .value.numbers = {1, 1, 1, 1}},
                                     texture("albedo_map", green)};
  rg_material metal = material(test, "Metal", shader, (rg_material){0}, parameters, 2);
  rg_texture target = gpu_test_target(test);
  assert_int_equal(gpu_test_color(test, metal, target), 0xFF00FF00);
  const rg_parameter other = texture("albedo_map", blue);
  assert_ok(rg_material_update(test->engine, metal, &other, 1));
  assert_int_equal(gpu_test_color(test, metal, target), 0xFFFF0000);
  assert_ok(rg_texture_destroy(test->engine, green));
  assert_ok(rg_texture_destroy(test->engine, blue));
  assert_true(rg_is_live(test->engine, blue.id)); /* the material keeps it */
  assert_false(rg_is_live(test->engine, green.id));
  assert_int_equal(gpu_test_color(test, metal, target), 0xFFFF0000);
  destroy(test, metal, shader, target);
  assert_false(rg_is_live(test->engine, blue.id));
}

static void arrays_of_textures_are_set_whole_or_by_element(void **state) {
  gpu_test *test = *state;
  gpu_test_needs_drawing(test);
  rg_shader shader = gpu_test_shader(test, "map", map_source);
  rg_texture yellow = pixel(test, 0xFF00FFFF);
  rg_texture cyan = pixel(test, 0xFFFFFF00);
  const rg_parameter parameters[] = {{.name = "tint", .count = 4, .value.numbers = {1, 1, 1, 1}},
                                     texture("maps[1]", yellow)};
  rg_material metal = material(test, "Metal", shader, (rg_material){0}, parameters, 2);
  rg_texture target = gpu_test_target(test);
  assert_int_equal(gpu_test_color(test, metal, target), 0xFF00FFFF);
  const rg_texture all[] = {yellow, cyan, yellow};
  const rg_parameter whole = {.name = "maps", .kind = RG_VALUE_TEXTURE, .count = 3, .data = all};
  assert_ok(rg_material_update(test->engine, metal, &whole, 1));
  assert_int_equal(gpu_test_color(test, metal, target), 0xFF00FF00);
  rg_parameter read;
  assert_ok(rg_material_get(test->engine, metal, "maps[1]", NULL, 0, &read, NULL));
  assert_int_equal(read.value.texture.id, cyan.id);
  const rg_parameter beyond = texture("maps[3]", cyan);
  assert_error(rg_material_update(test->engine, metal, &beyond, 1), RG_ERROR_LIMIT,
               "material 'Metal': maps[3] is beyond the array's 3 elements");
  assert_ok(rg_texture_destroy(test->engine, yellow));
  assert_ok(rg_texture_destroy(test->engine, cyan));
  destroy(test, metal, shader, target);
}

static void many_materials_share_pages_and_keep_their_values(void **state) {
  gpu_test *test = *state;
  gpu_test_needs_drawing(test);
  enum { COUNT = 1500 }; /* more than one page of 256 KiB at the usual alignments */
  static rg_material materials[COUNT];
  rg_shader shader = gpu_test_shader(test, "color", color_source);
  rg_texture target = gpu_test_target(test);
  for (uint32_t i = 0; i < COUNT; i++) {
    char name[16];
    snprintf(name, sizeof name, "m%u", i);
    const rg_parameter color = vec3("albedo", (i & 255) / 255.0, (i >> 8) / 255.0, 0);
    materials[i] = material(test, name, shader, (rg_material){0}, &color, 1);
  }
  for (uint32_t i = 0; i < COUNT; i += 499) {
    assert_int_equal(gpu_test_color(test, materials[i], target), (i & 255) | (i >> 8) << 8);
  }
  for (uint32_t i = 0; i < COUNT; i++) {
    assert_ok(rg_material_destroy(test->engine, materials[i]));
  }
  assert_ok(rg_flush(test->engine, NULL));
  assert_ok(rg_shader_destroy(test->engine, shader));
  assert_ok(rg_texture_destroy(test->engine, target));
}

static void one_material_works_in_pipelines_of_several_states(void **state) {
  gpu_test *test = *state;
  gpu_test_needs_drawing(test);
  rg_shader shader = gpu_test_shader(test, "color", color_source);
  const rg_state raster = {.cull = RG_CULL_BACK, .blend = RG_BLEND_ADD};
  const rg_material_desc desc = {.name = "Culled", .shader = shader, .state = &raster};
  rg_material culled;
  assert_ok(rg_material_create(test->engine, &desc, &culled));
  rg_material plain = material(test, "Plain", shader, (rg_material){0}, NULL, 0);
  rg_material same = material(test, "Same", shader, (rg_material){0}, NULL, 0);
  const rg_pipeline_target target = {.color_formats = {VK_FORMAT_R8G8B8A8_UNORM}, .color_count = 1};
  VkPipeline pipelines[3];
  assert_ok(rg_material_get_pipeline(test->engine, culled, &target, &pipelines[0]));
  assert_ok(rg_material_get_pipeline(test->engine, plain, &target, &pipelines[1]));
  assert_ok(rg_material_get_pipeline(test->engine, same, &target, &pipelines[2]));
  assert_true(pipelines[0] != pipelines[1]);
  assert_true(pipelines[1] == pipelines[2]);
  assert_error(rg_material_get_pipeline(test->engine, plain, NULL, &pipelines[0]),
               RG_ERROR_INVALID_ARGUMENT, "'Plain'");
  assert_true(pipelines[0] == VK_NULL_HANDLE);
  assert_ok(rg_material_destroy(test->engine, culled));
  assert_ok(rg_material_destroy(test->engine, plain));
  destroy(test, same, shader, (rg_texture){0});
}

/* ---- Inheritance ---------------------------------------------------------------------------- */

static double read_number(gpu_test *test, rg_material from, const char *name, rg_material *origin) {
  rg_parameter read;
  assert_ok(rg_material_get(test->engine, from, name, NULL, 0, &read, origin));
  assert_int_equal(read.kind, RG_VALUE_FLOATS);
  assert_string_equal(read.name, name);
  return (double)read.value.floats[0];
}

static void values_flow_down_until_a_material_has_its_own(void **state) {
  gpu_test *test = *state;
  const rg_shader none = {0};
  rg_shader shader = gpu_test_shader(test, "color", color_source);
  const rg_parameter rough = number("roughness", 0.25);
  const rg_parameter shiny = number("roughness", 0.75);
  rg_material top = material(test, "top", shader, (rg_material){0}, &rough, 1);
  rg_material middle = material(test, "middle", none, top, NULL, 0);
  rg_material own = material(test, "own", none, middle, &shiny, 1);
  rg_material bottom = material(test, "bottom", none, own, NULL, 0);
  rg_material origin;
  assert_true(read_number(test, middle, "roughness", &origin) == 0.25);
  assert_int_equal(origin.id, top.id);
  assert_true(read_number(test, bottom, "roughness", &origin) == 0.75);
  assert_int_equal(origin.id, own.id);
  assert_true(read_number(test, bottom, "metallic", &origin) == 0);
  assert_int_equal(origin.id, 0);
  const rg_parameter changed = number("roughness", 0.5);
  assert_ok(rg_material_update(test->engine, top, &changed, 1));
  assert_true(read_number(test, middle, "roughness", NULL) == 0.5);
  assert_true(read_number(test, own, "roughness", NULL) == 0.75);
  assert_true(read_number(test, bottom, "roughness", NULL) == 0.75);
  const rg_material order[] = {bottom, own, middle, top};
  for (uint32_t i = 0; i < 4; i++) {
    assert_ok(rg_material_destroy(test->engine, order[i]));
  }
  assert_ok(rg_shader_destroy(test->engine, shader));
}

static void a_parents_texture_is_drawn_by_its_heirs(void **state) {
  gpu_test *test = *state;
  gpu_test_needs_drawing(test);
  rg_shader shader = gpu_test_shader(test, "map", map_source);
  rg_texture green = pixel(test, 0xFF00FF00);
  const rg_parameter tint = {.name = "tint", .count = 4, .value.numbers = {1, 1, 1, 1}};
  rg_material parent = material(test, "parent", shader, (rg_material){0}, &tint, 1);
  rg_material child = material(test, "child", (rg_shader){0}, parent, NULL, 0);
  rg_material grandchild = material(test, "grandchild", (rg_shader){0}, child, NULL, 0);
  rg_texture target = gpu_test_target(test);
  assert_int_equal(gpu_test_color(test, grandchild, target), 0xFFFFFFFF);
  const rg_parameter map = texture("albedo_map", green);
  assert_ok(rg_material_update(test->engine, parent, &map, 1));
  assert_ok(rg_texture_destroy(test->engine, green));
  assert_int_equal(gpu_test_color(test, grandchild, target), 0xFF00FF00);
  assert_int_equal(gpu_test_color(test, parent, target), 0xFF00FF00);
  assert_ok(rg_material_destroy(test->engine, grandchild));
  assert_ok(rg_material_destroy(test->engine, child));
  destroy(test, parent, shader, target);
  assert_false(rg_is_live(test->engine, green.id));
}

static void a_parent_of_others_cannot_be_destroyed(void **state) {
  gpu_test *test = *state;
  rg_shader shader = gpu_test_shader(test, "color", color_source);
  rg_material parent = material(test, "parent", shader, (rg_material){0}, NULL, 0);
  rg_material child = material(test, "child", (rg_shader){0}, parent, NULL, 0);
  assert_error(rg_material_destroy(test->engine, parent), RG_ERROR_INVALID_ARGUMENT,
               "material 'parent': material 'child' inherits from it");
  assert_true(rg_is_live(test->engine, parent.id));
  assert_ok(rg_material_destroy(test->engine, child));
  destroy(test, parent, shader, (rg_texture){0});
}

static void a_chain_of_a_thousand_parents_works_and_dies(void **state) {
  gpu_test *test = *state;
  enum { DEPTH = 1000 };
  static rg_material chain[DEPTH];
  rg_shader shader = gpu_test_shader(test, "color", color_source);
  rg_shader given = shader;
  rg_material parent = {0};
  for (uint32_t i = 0; i < DEPTH; i++) {
    char name[16];
    snprintf(name, sizeof name, "c%u", i);
    chain[i] = parent = material(test, name, given, parent, NULL, 0);
    given.id = 0;
  }
  const rg_parameter rough = number("roughness", 0.5);
  assert_ok(rg_material_update(test->engine, chain[0], &rough, 1));
  assert_true(read_number(test, chain[DEPTH - 1], "roughness", NULL) == 0.5);
  for (uint32_t i = DEPTH; i-- > 0;) {
    assert_ok(rg_material_destroy(test->engine, chain[i]));
  }
  assert_ok(rg_shader_destroy(test->engine, shader));
}

static void a_parent_with_another_shader_is_refused(void **state) {
  gpu_test *test = *state;
  rg_shader shader = gpu_test_shader(test, "color", color_source);
  rg_shader other = gpu_test_shader(test, "map", map_source);
  rg_material parent = material(test, "parent", shader, (rg_material){0}, NULL, 0);
  const rg_material_desc desc = {.name = "child", .shader = other, .parent = parent};
  rg_material child;
  assert_error(rg_material_create(test->engine, &desc, &child), RG_ERROR_INVALID_ARGUMENT,
               "material 'child': shader 'map' is not that of its parent 'parent'");
  assert_ok(rg_shader_destroy(test->engine, other));
  assert_false(rg_is_live(test->engine, other.id)); /* the failed create let it go */
  destroy(test, parent, shader, (rg_texture){0});
}

/* ---- Values back ---------------------------------------------------------------------------- */

static void values_are_read_back_as_they_were_given(void **state) {
  gpu_test *test = *state;
  rg_shader shader = gpu_test_shader(test, "color", color_source);
  double weights[20];
  for (uint32_t i = 0; i < 20; i++) {
    weights[i] = i + 0.5;
  }
  rg_parameter skew = {.name = "skew", .count = 6, .value.numbers = {1, 2, 3, 4, 5, 6}};
  const rg_parameter parameters[] = {skew,
                                     {.name = "weights", .count = 20, .data = weights},
                                     number("layer", -7),
                                     number("mask", 4294967295.0),
                                     number("is_bright", 1)};
  rg_material metal = material(test, "Metal", shader, (rg_material){0}, parameters, 5);
  rg_parameter read;
  assert_ok(rg_material_get(test->engine, metal, "skew", NULL, 0, &read, NULL));
  const float expected[] = {1, 2, 3, 4, 5, 6};
  assert_int_equal(read.count, 6);
  assert_memory_equal(read.value.floats, expected, sizeof expected);
  assert_ok(rg_material_get(test->engine, metal, "layer", NULL, 0, &read, NULL));
  assert_int_equal(read.kind, RG_VALUE_INTS);
  assert_int_equal(read.value.ints[0], -7);
  assert_ok(rg_material_get(test->engine, metal, "mask", NULL, 0, &read, NULL));
  assert_int_equal(read.kind, RG_VALUE_UINTS);
  assert_int_equal(read.value.uints[0], UINT32_MAX);
  assert_ok(rg_material_get(test->engine, metal, "is_bright", NULL, 0, &read, NULL));
  assert_int_equal(read.kind, RG_VALUE_BOOLS);
  float data[20] = {0};
  assert_ok(rg_material_get(test->engine, metal, "weights", data, 20, &read, NULL));
  assert_ptr_equal(read.data, data);
  assert_true(data[0] == 0.5f && data[19] == 19.5f);
  assert_error(rg_material_get(test->engine, metal, "weights", data, 19, &read, NULL),
               RG_ERROR_INVALID_ARGUMENT, "weights has 20 components, there is room for 19");
  assert_ok(rg_material_get(test->engine, metal, "weights", NULL, 0, &read, NULL));
  assert_int_equal(read.count, 20);
  destroy(test, metal, shader, (rg_texture){0});
}

static void a_material_is_found_by_name(void **state) {
  gpu_test *test = *state;
  rg_shader shader = gpu_test_shader(test, "color", color_source);
  rg_material metal = material(test, "Metal", shader, (rg_material){0}, NULL, 0);
  rg_material found;
  assert_ok(rg_material_find(test->engine, "Metal", &found));
  assert_int_equal(found.id, metal.id);
  assert_error(rg_material_find(test->engine, "Wood", &found), RG_ERROR_NOT_FOUND, "Wood");
  assert_int_equal(found.id, 0);
  const rg_material_desc again = {.name = "Metal", .shader = shader};
  assert_error(rg_material_create(test->engine, &again, &found), RG_ERROR_INVALID_ARGUMENT,
               "material 'Metal': the name is taken");
  assert_ok(rg_material_destroy(test->engine, metal));
  assert_error(rg_material_find(test->engine, "Metal", &found), RG_ERROR_NOT_FOUND, "Metal");
  metal = material(test, "Metal", shader, (rg_material){0}, NULL, 0); /* the name is free again */
  destroy(test, metal, shader, (rg_texture){0});
}

/* ---- Refusals ------------------------------------------------------------------------------- */

typedef struct refusal {
  rg_parameter parameter;
  rg_result result;
  const char *message;
} refusal;

static void refuse_all(gpu_test *test, rg_material metal, const refusal *refusals, uint32_t count) {
  for (uint32_t i = 0; i < count; i++) {
    /* With a good one before it, to see that none is set. */
    const rg_parameter both[] = {number("roughness", 0.5), refusals[i].parameter};
    assert_error(rg_material_update(test->engine, metal, both, 2), refusals[i].result,
                 refusals[i].message);
    assert_true(read_number(test, metal, "roughness", NULL) == 0);
  }
}

static void wrong_numbers_are_refused_and_change_nothing(void **state) {
  gpu_test *test = *state;
  rg_shader shader = gpu_test_shader(test, "pbr", color_source);
  rg_material metal = material(test, "Metal", shader, (rg_material){0}, NULL, 0);
  const rg_result argument = RG_ERROR_INVALID_ARGUMENT;
  const rg_result type = RG_ERROR_WRONG_TYPE;
  const refusal refusals[] = {
      {number("roughnes", 1), RG_ERROR_NOT_FOUND,
       "material 'Metal': parameter 'roughnes' is not in shader 'pbr' (did you mean 'roughness'?)"},
      {{.name = "albedo", .count = 2},
       argument,
       "material 'Metal': albedo takes 3 components, 2 given"},
      {{.name = "turn", .count = 16}, argument, "turn takes 9 components, 16 given"},
      {{.name = "weights", .count = 20}, argument, "20 components need data"},
      {number("metallic", (double)NAN), argument, "metallic: component 0 is nan"},
      {number("metallic", (double)INFINITY), argument, "infinite"},
      {vec3("albedo", 0, 1e39, 0), argument, "component 1 is 1e+39, float holds"},
      {number("layer", 1.5), argument, "layer: component 0 is 1.5, int holds whole numbers"},
      {number("layer", 3e9), argument, "int holds -2.14748365e+09 to"},
      {number("mask", -1), argument, "uint holds 0 to"},
      {number("is_bright", 2), argument, "bool holds 0 to 1"},
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
  destroy(test, metal, shader, (rg_texture){0});
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
  rg_material metal = material(test, "Metal", shader, (rg_material){0}, NULL, 0);
  rg_texture flat = pixel(test, 0xFFFFFFFF);
  rg_texture gone = pixel(test, 0xFFFFFFFF);
  rg_buffer small = buffer(test, RG_BUFFER_UNIFORM, 32);
  rg_buffer vertices = buffer(test, RG_BUFFER_VERTEX, 64);
  rg_buffer large = buffer(test, RG_BUFFER_UNIFORM, test->limits.max_uniform_range + 16);
  assert_ok(rg_texture_destroy(test->engine, gone));
  const rg_texture not_texture = {small.id};
  const refusal refusals[] = {
      {texture("sky", flat), RG_ERROR_WRONG_TYPE,
       "material 'Metal': sky is a cube texture, 'pixel' is 2D"},
      {texture("ids", flat), RG_ERROR_WRONG_TYPE, "ids yields integers"},
      {texture("albedo_map", gone), RG_ERROR_STALE_HANDLE, "material 'Metal': albedo_map"},
      {texture("albedo_map", not_texture), RG_ERROR_WRONG_TYPE, "buffer 'data'"},
      {texture("albedo_map", (rg_texture){0}), RG_ERROR_STALE_HANDLE, "null texture handle"},
      {texture("Extra", flat), RG_ERROR_WRONG_TYPE, "Extra is a buffer, texture given"},
      {number("albedo_map", 1), RG_ERROR_WRONG_TYPE, "albedo_map is a texture, numbers given"},
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
  destroy(test, metal, shader, (rg_texture){0});
}

static void a_missing_buffer_is_named(void **state) {
  gpu_test *test = *state;
  rg_shader shader = gpu_test_shader(test, "bound", binding_source);
  rg_material metal = material(test, "Metal", shader, (rg_material){0}, NULL, 0);
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
                                     texture("ids", ids)};
  assert_ok(rg_material_update(test->engine, metal, parameters, 3));
  assert_ok(rg_material_get_vk(test->engine, metal, &vk));
  assert_true(vk.set != VK_NULL_HANDLE);
  assert_ok(rg_buffer_destroy(test->engine, uniform));
  assert_ok(rg_buffer_destroy(test->engine, storage));
  assert_ok(rg_texture_destroy(test->engine, ids));
  destroy(test, metal, shader, (rg_texture){0});
}

static void wrong_descriptors_are_refused(void **state) {
  gpu_test *test = *state;
  rg_shader shader = gpu_test_shader(test, "color", color_source);
  rg_texture flat = pixel(test, 0);
  rg_material out;
  const rg_parameter unknown = number("nothing_like_it", 1);
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
  rg_shader shader = gpu_test_shader(test, "color", color_source);
  rg_material metal = material(test, "Metal", shader, (rg_material){0}, NULL, 0);
  const rg_parameter unused = {.name = "unused", .count = 4};
  assert_ok(rg_material_update(test->engine, metal, &unused, 1));
  assert_ok(rg_material_update(test->engine, metal, &unused, 1));
  assert_int_equal(gpu_log_count(&test->log, "material 'Metal': unused is set, but no stage"), 1);
  destroy(test, metal, shader, (rg_texture){0});
}

static void a_destroyed_material_is_named_in_errors(void **state) {
  gpu_test *test = *state;
  rg_shader shader = gpu_test_shader(test, "color", color_source);
  rg_material metal = material(test, "Metal", shader, (rg_material){0}, NULL, 0);
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
} updater;

static int update_often(void *user) {
  const updater *self = user;
  for (uint32_t i = 0; i < 500; i++) {
    const rg_parameter both[] = {number("roughness", (self->seed * 1000 + i) / 65536.0),
                                 number("metallic", (self->seed * 1000 + i) / 65536.0)};
    if (rg_material_update(self->test->engine, self->material, both, 2) != RG_OK) {
      return 1;
    }
    if (i % 100 == 0 && rg_flush(self->test->engine, NULL) != RG_OK) {
      return 1;
    }
  }
  return 0;
}

static void updates_from_several_threads_are_whole(void **state) {
  gpu_test *test = *state;
  rg_shader shader = gpu_test_shader(test, "color", color_source);
  rg_material metal = material(test, "Metal", shader, (rg_material){0}, NULL, 0);
  updater updaters[4];
  thrd_t threads[4];
  for (uint32_t i = 0; i < 4; i++) {
    updaters[i] = (updater){test, metal, i};
    assert_int_equal(thrd_create(&threads[i], update_often, &updaters[i]), thrd_success);
  }
  for (uint32_t i = 0; i < 4; i++) {
    int failed = 1;
    assert_int_equal(thrd_join(threads[i], &failed), thrd_success);
    assert_int_equal(failed, 0);
  }
  assert_true(read_number(test, metal, "roughness", NULL) ==
              read_number(test, metal, "metallic", NULL));
  destroy(test, metal, shader, (rg_texture){0});
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, gpu_test_setup, gpu_test_teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(a_material_draws_its_colour_and_an_update_the_new_one),
      TEST(members_of_every_layout_reach_their_places),
      TEST(textures_not_given_are_white_or_flat),
      TEST(textures_are_drawn_and_replaced),
      TEST(arrays_of_textures_are_set_whole_or_by_element),
      TEST(many_materials_share_pages_and_keep_their_values),
      TEST(one_material_works_in_pipelines_of_several_states),
      TEST(values_flow_down_until_a_material_has_its_own),
      TEST(a_parents_texture_is_drawn_by_its_heirs),
      TEST(a_parent_of_others_cannot_be_destroyed),
      TEST(a_chain_of_a_thousand_parents_works_and_dies),
      TEST(a_parent_with_another_shader_is_refused),
      TEST(values_are_read_back_as_they_were_given),
      TEST(a_material_is_found_by_name),
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
