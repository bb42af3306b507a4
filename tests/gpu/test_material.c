/* Materials: what their parameters draw, what they inherit, and what is read back. */
#include <stdio.h>
#include <string.h>

#include "gpu_material.h"

/* ---- What reaches the GPU ------------------------------------------------------------------- */

static void a_material_draws_its_colour_and_an_update_the_new_one(void **state) {
  gpu_test *test = *state;
  gpu_test_needs_drawing(test);
  rg_shader shader = gpu_test_shader(test, "color", gpu_color_source);
  const rg_parameter red = gpu_vec3("albedo", 1, 0, 0);
  rg_material metal = gpu_material(test, "Metal", shader, (rg_material){0}, &red, 1);
  rg_texture target = gpu_test_target(test);
  assert_int_equal(gpu_test_color(test, metal, target), 0x000000FF);
  const rg_parameter blue = gpu_vec3("albedo", 0, 0.2, 1);
  assert_ok(rg_material_update(test->engine, metal, &blue, 1));
  assert_int_equal(gpu_test_color(test, metal, target), 0x00FF3300);
  gpu_material_destroy(test, metal, shader, target);
}

/* Each value goes to a place of its own: the sum of all proves the offsets and strides. */
static void members_of_every_layout_reach_their_places(void **state) {
  gpu_test *test = *state;
  gpu_test_needs_drawing(test);
  rg_shader shader = gpu_test_shader(test, "color", gpu_color_source);
  rg_material metal = gpu_material(test, "Metal", shader, (rg_material){0}, NULL, 0);
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
      gpu_number("light.power", 32),
      gpu_vec3("light.color", 0, 3, 0),
      gpu_number("lights[1].power", 64),
      gpu_vec3("lights[0].color", 0, 0, 5),
      gpu_number("roughness", 6),
      gpu_number("metallic", 7),
  };
  const uint32_t count = sizeof parameters / sizeof parameters[0];
  assert_ok(rg_material_update(test->engine, metal, parameters, count));
  const uint32_t sum = 1 + 2 + 4 + 1 + 8 + 16 + 32 + 3 + 64 + 5 + 6 + 7;
  assert_int_equal(gpu_test_color(test, metal, target) >> 24, sum);
  gpu_material_destroy(test, metal, shader, target);
}

static void textures_not_given_are_white_or_flat(void **state) {
  gpu_test *test = *state;
  gpu_test_needs_drawing(test);
  rg_shader shader = gpu_test_shader(test, "map", gpu_map_source);
  const rg_parameter tint = {.name = "tint", .count = 4, .value.numbers = {1, 0, 1, 1}};
  rg_material metal = gpu_material(test, "Metal", shader, (rg_material){0}, &tint, 1);
  rg_texture target = gpu_test_target(test);
  /* Alpha is the normal's x, which is half in a flat one. */
  assert_int_equal(gpu_test_color(test, metal, target), 0x80FF00FF);
  gpu_material_destroy(test, metal, shader, target);
}

static void textures_are_drawn_and_replaced(void **state) {
  gpu_test *test = *state;
  gpu_test_needs_drawing(test);
  rg_shader shader = gpu_test_shader(test, "map", gpu_map_source);
  rg_texture green = gpu_pixel(test, 0xFF00FF00);
  rg_texture blue = gpu_pixel(test, 0xFFFF0000);
  const rg_parameter parameters[] = {{.name = "tint", .count = 4, .value.numbers = {1, 1, 1, 1}},
                                     gpu_texture("albedo_map", green)};
  rg_material metal = gpu_material(test, "Metal", shader, (rg_material){0}, parameters, 2);
  rg_texture target = gpu_test_target(test);
  assert_int_equal(gpu_test_color(test, metal, target), 0x8000FF00);
  const rg_parameter other = gpu_texture("albedo_map", blue);
  assert_ok(rg_material_update(test->engine, metal, &other, 1));
  assert_int_equal(gpu_test_color(test, metal, target), 0x80FF0000);
  assert_ok(rg_texture_destroy(test->engine, green));
  assert_ok(rg_texture_destroy(test->engine, blue));
  assert_true(rg_is_live(test->engine, blue.id)); /* the material keeps it */
  assert_false(rg_is_live(test->engine, green.id));
  assert_int_equal(gpu_test_color(test, metal, target), 0x80FF0000);
  gpu_material_destroy(test, metal, shader, target);
  assert_false(rg_is_live(test->engine, blue.id));
}

static void arrays_of_textures_are_set_whole_or_by_element(void **state) {
  gpu_test *test = *state;
  gpu_test_needs_drawing(test);
  rg_shader shader = gpu_test_shader(test, "map", gpu_map_source);
  rg_texture yellow = gpu_pixel(test, 0xFF00FFFF);
  rg_texture cyan = gpu_pixel(test, 0xFFFFFF00);
  const rg_parameter parameters[] = {{.name = "tint", .count = 4, .value.numbers = {1, 1, 1, 1}},
                                     gpu_texture("maps[1]", yellow)};
  rg_material metal = gpu_material(test, "Metal", shader, (rg_material){0}, parameters, 2);
  rg_texture target = gpu_test_target(test);
  assert_int_equal(gpu_test_color(test, metal, target), 0x8000FFFF);
  const rg_texture all[] = {yellow, cyan, yellow};
  const rg_parameter whole = {.name = "maps", .kind = RG_VALUE_TEXTURE, .count = 3, .data = all};
  assert_ok(rg_material_update(test->engine, metal, &whole, 1));
  assert_int_equal(gpu_test_color(test, metal, target), 0x8000FF00);
  rg_parameter read;
  assert_ok(rg_material_get(test->engine, metal, "maps[1]", NULL, 0, &read, NULL));
  assert_int_equal(read.value.texture.id, cyan.id);
  const rg_parameter beyond = gpu_texture("maps[3]", cyan);
  assert_error(rg_material_update(test->engine, metal, &beyond, 1), RG_ERROR_LIMIT,
               "material 'Metal': maps[3] is beyond the array's 3 elements");
  assert_ok(rg_texture_destroy(test->engine, yellow));
  assert_ok(rg_texture_destroy(test->engine, cyan));
  gpu_material_destroy(test, metal, shader, target);
}

static void many_materials_share_pages_and_keep_their_values(void **state) {
  gpu_test *test = *state;
  gpu_test_needs_drawing(test);
  enum { COUNT = 1500 }; /* more than one page of 256 KiB at the usual alignments */
  static rg_material materials[COUNT];
  rg_shader shader = gpu_test_shader(test, "color", gpu_color_source);
  rg_texture target = gpu_test_target(test);
  for (uint32_t i = 0; i < COUNT; i++) {
    char name[16];
    snprintf(name, sizeof name, "m%u", i);
    const rg_parameter color = gpu_vec3("albedo", (i & 255) / 255.0, (i >> 8) / 255.0, 0);
    materials[i] = gpu_material(test, name, shader, (rg_material){0}, &color, 1);
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
  rg_shader shader = gpu_test_shader(test, "color", gpu_color_source);
  const rg_state raster = {.cull = RG_CULL_BACK, .blend = RG_BLEND_ADD};
  const rg_material_desc desc = {.name = "Culled", .shader = shader, .state = &raster};
  rg_material culled;
  assert_ok(rg_material_create(test->engine, &desc, &culled));
  rg_material plain = gpu_material(test, "Plain", shader, (rg_material){0}, NULL, 0);
  rg_material same = gpu_material(test, "Same", shader, (rg_material){0}, NULL, 0);
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
  gpu_material_destroy(test, same, shader, (rg_texture){0});
}

/* ---- Inheritance ---------------------------------------------------------------------------- */

static void values_flow_down_until_a_material_has_its_own(void **state) {
  gpu_test *test = *state;
  const rg_shader none = {0};
  rg_shader shader = gpu_test_shader(test, "color", gpu_color_source);
  const rg_parameter rough = gpu_number("roughness", 0.25);
  const rg_parameter shiny = gpu_number("roughness", 0.75);
  rg_material top = gpu_material(test, "top", shader, (rg_material){0}, &rough, 1);
  rg_material middle = gpu_material(test, "middle", none, top, NULL, 0);
  rg_material own = gpu_material(test, "own", none, middle, &shiny, 1);
  rg_material bottom = gpu_material(test, "bottom", none, own, NULL, 0);
  rg_material origin;
  assert_true(gpu_read_number(test, middle, "roughness", &origin) == 0.25);
  assert_int_equal(origin.id, top.id);
  assert_true(gpu_read_number(test, bottom, "roughness", &origin) == 0.75);
  assert_int_equal(origin.id, own.id);
  assert_true(gpu_read_number(test, bottom, "metallic", &origin) == 0);
  assert_int_equal(origin.id, 0);
  const rg_parameter changed = gpu_number("roughness", 0.5);
  assert_ok(rg_material_update(test->engine, top, &changed, 1));
  assert_true(gpu_read_number(test, middle, "roughness", NULL) == 0.5);
  assert_true(gpu_read_number(test, own, "roughness", NULL) == 0.75);
  assert_true(gpu_read_number(test, bottom, "roughness", NULL) == 0.75);
  const rg_material order[] = {bottom, own, middle, top};
  for (uint32_t i = 0; i < 4; i++) {
    assert_ok(rg_material_destroy(test->engine, order[i]));
  }
  assert_ok(rg_shader_destroy(test->engine, shader));
}

static void a_parents_texture_is_drawn_by_its_heirs(void **state) {
  gpu_test *test = *state;
  gpu_test_needs_drawing(test);
  rg_shader shader = gpu_test_shader(test, "map", gpu_map_source);
  rg_texture green = gpu_pixel(test, 0xFF00FF00);
  const rg_parameter tint = {.name = "tint", .count = 4, .value.numbers = {1, 1, 1, 1}};
  rg_material parent = gpu_material(test, "parent", shader, (rg_material){0}, &tint, 1);
  rg_material child = gpu_material(test, "child", (rg_shader){0}, parent, NULL, 0);
  rg_material grandchild = gpu_material(test, "grandchild", (rg_shader){0}, child, NULL, 0);
  rg_texture target = gpu_test_target(test);
  assert_int_equal(gpu_test_color(test, grandchild, target), 0x80FFFFFF);
  const rg_parameter map = gpu_texture("albedo_map", green);
  assert_ok(rg_material_update(test->engine, parent, &map, 1));
  assert_ok(rg_texture_destroy(test->engine, green));
  assert_int_equal(gpu_test_color(test, grandchild, target), 0x8000FF00);
  assert_int_equal(gpu_test_color(test, parent, target), 0x8000FF00);
  assert_ok(rg_material_destroy(test->engine, grandchild));
  assert_ok(rg_material_destroy(test->engine, child));
  gpu_material_destroy(test, parent, shader, target);
  assert_false(rg_is_live(test->engine, green.id));
}

static void a_parent_lives_on_while_others_inherit_from_it(void **state) {
  gpu_test *test = *state;
  rg_shader shader = gpu_test_shader(test, "color", gpu_color_source);
  rg_material parent = gpu_material(test, "parent", shader, (rg_material){0}, NULL, 0);
  rg_material child = gpu_material(test, "child", (rg_shader){0}, parent, NULL, 0);
  assert_ok(rg_material_destroy(test->engine, parent));
  assert_true(rg_is_live(test->engine, parent.id));
  assert_error(rg_material_destroy(test->engine, parent), RG_ERROR_STALE_HANDLE, "parent");
  assert_ok(rg_material_destroy(test->engine, child));
  assert_false(rg_is_live(test->engine, parent.id));
  assert_ok(rg_shader_destroy(test->engine, shader));
}

static void a_chain_of_a_thousand_parents_works_and_dies(void **state) {
  gpu_test *test = *state;
  enum { DEPTH = 1000 };
  static rg_material chain[DEPTH];
  rg_shader shader = gpu_test_shader(test, "color", gpu_color_source);
  rg_shader given = shader;
  rg_material parent = {0};
  for (uint32_t i = 0; i < DEPTH; i++) {
    char name[16];
    snprintf(name, sizeof name, "c%u", i);
    chain[i] = parent = gpu_material(test, name, given, parent, NULL, 0);
    given.id = 0;
  }
  const rg_parameter rough = gpu_number("roughness", 0.5);
  assert_ok(rg_material_update(test->engine, chain[0], &rough, 1));
  assert_true(gpu_read_number(test, chain[DEPTH - 1], "roughness", NULL) == 0.5);
  for (uint32_t i = DEPTH; i-- > 0;) {
    assert_ok(rg_material_destroy(test->engine, chain[i]));
  }
  assert_ok(rg_shader_destroy(test->engine, shader));
}

static void a_parent_with_another_shader_is_refused(void **state) {
  gpu_test *test = *state;
  rg_shader shader = gpu_test_shader(test, "color", gpu_color_source);
  rg_shader other = gpu_test_shader(test, "map", gpu_map_source);
  rg_material parent = gpu_material(test, "parent", shader, (rg_material){0}, NULL, 0);
  const rg_material_desc desc = {.name = "child", .shader = other, .parent = parent};
  rg_material child;
  assert_error(rg_material_create(test->engine, &desc, &child), RG_ERROR_INVALID_ARGUMENT,
               "material 'child': shader 'map' is not that of its parent 'parent'");
  assert_ok(rg_shader_destroy(test->engine, other));
  assert_false(rg_is_live(test->engine, other.id)); /* the failed create let it go */
  gpu_material_destroy(test, parent, shader, (rg_texture){0});
}

/* ---- Values back ---------------------------------------------------------------------------- */

static void values_are_read_back_as_they_were_given(void **state) {
  gpu_test *test = *state;
  rg_shader shader = gpu_test_shader(test, "color", gpu_color_source);
  double weights[20];
  for (uint32_t i = 0; i < 20; i++) {
    weights[i] = i + 0.5;
  }
  rg_parameter skew = {.name = "skew", .count = 6, .value.numbers = {1, 2, 3, 4, 5, 6}};
  const rg_parameter parameters[] = {skew,
                                     {.name = "weights", .count = 20, .data = weights},
                                     gpu_number("layer", -7),
                                     gpu_number("mask", 4294967295.0),
                                     gpu_number("is_bright", 1)};
  rg_material metal = gpu_material(test, "Metal", shader, (rg_material){0}, parameters, 5);
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
  gpu_material_destroy(test, metal, shader, (rg_texture){0});
}

static void a_material_is_found_by_name(void **state) {
  gpu_test *test = *state;
  rg_shader shader = gpu_test_shader(test, "color", gpu_color_source);
  rg_material metal = gpu_material(test, "Metal", shader, (rg_material){0}, NULL, 0);
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
  metal =
      gpu_material(test, "Metal", shader, (rg_material){0}, NULL, 0); /* the name is free again */
  gpu_material_destroy(test, metal, shader, (rg_texture){0});
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
      TEST(a_parent_lives_on_while_others_inherit_from_it),
      TEST(a_chain_of_a_thousand_parents_works_and_dies),
      TEST(a_parent_with_another_shader_is_refused),
      TEST(values_are_read_back_as_they_were_given),
      TEST(a_material_is_found_by_name),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
