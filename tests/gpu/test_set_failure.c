/* Sets that cannot be loaded: all or nothing, and messages that tell which member of which set
 * failed. */
#include "set_scene.h"

/* ---- All or nothing ------------------------------------------------------------------------- */

/* The load fails with that message and leaves nothing. */
static void assert_load_fails(gpu_test *test, const rg_set_desc *desc, rg_result expected,
                              const char *message) {
  rg_set set = make_set(test->engine, desc);
  assert_error(rg_set_load(test->engine, set), expected, message);
  assert_int_equal(info_of(test->engine, set).references, 0);
  assert_int_equal(info_of(test->engine, set).member_count, 0);
  assert_nothing_loaded(test->engine);
  assert_ok(rg_set_destroy(test->engine, set));
}

static void a_failing_member_is_named_and_all_is_undone(void **state) {
  gpu_test *test = *state;
  rg_engine *engine = test->engine;
  declare_all(engine);
  declare_material(engine, "NoFile", "metal/albedo.png", "lights");
  declare_material(engine, "Typo", "brik", "lights");
  declare_child(engine, "Orphan", "Metl");
  const rg_parameter wrong = {.name = "tnt", .count = 1};
  assert_ok(rg_declare_material(
      engine,
      &(rg_material_desc){
          .name = "Wrong", .shader_name = "lit", .parameters = &wrong, .parameter_count = 1}));
  const rg_shader_desc broken = {
      .stages = {{.stage = VK_SHADER_STAGE_COMPUTE_BIT, .source = "#version 450\nnonsense"}},
      .stage_count = 1};
  assert_ok(rg_declare_shader(engine, "broken", &broken));
  rg_set good = make_set(engine, &(rg_set_desc){.name = "Good", .textures = NAMES("slate")});
  const rg_set_desc no_file = {
      .name = "S", .requires_sets = NAMES("Good"), .materials = NAMES("Rusty", "NoFile")};
  assert_load_fails(test, &no_file, RG_ERROR_NOT_FOUND,
                    "set 'S': material 'NoFile': texture 'metal/albedo.png': ");
  assert_int_equal(info_of(engine, good).references, 0);
  assert_load_fails(test, &(rg_set_desc){.name = "S", .materials = NAMES("Metal", "Typo")},
                    RG_ERROR_NOT_FOUND,
                    "set 'S': material 'Typo': texture 'brik' is not declared; did you mean "
                    "'brick'?");
  assert_load_fails(test, &(rg_set_desc){.name = "S", .materials = NAMES("Orphan")},
                    RG_ERROR_NOT_FOUND,
                    "set 'S': material 'Orphan': material 'Metl' is not declared; did you mean "
                    "'Metal'?");
  assert_load_fails(test, &(rg_set_desc){.name = "S", .materials = NAMES("Wrong")},
                    RG_ERROR_NOT_FOUND, "set 'S': material 'Wrong'");
  assert_load_fails(
      test, &(rg_set_desc){.name = "S", .textures = NAMES("brick"), .shaders = NAMES("broken")},
      RG_ERROR_COMPILE, "set 'S': shader 'broken'");
  assert_load_fails(test, &(rg_set_desc){.name = "S", .requires_sets = NAMES("God")},
                    RG_ERROR_NOT_FOUND, "set 'S': set 'God' does not exist; did you mean 'Good'?");
  assert_load_fails(test, &(rg_set_desc){.name = "S", .gltf = NAMES("robot.glb")},
                    RG_ERROR_NOT_FOUND, "set 'S': robot.glb");
  assert_ok(rg_set_destroy(engine, good));
}

static void what_a_failed_load_shared_is_as_before(void **state) {
  gpu_test *test = *state;
  rg_engine *engine = test->engine;
  declare_all(engine);
  declare_material(engine, "NoFile", "none.png", "lights");
  rg_set good = make_set(engine, &(rg_set_desc){.name = "Good", .materials = NAMES("Metal")});
  rg_set bad = make_set(engine, &(rg_set_desc){.name = "Bad",
                                               .requires_sets = NAMES("Good"),
                                               .materials = NAMES("Rusty", "NoFile")});
  rg_set alone = make_set(engine, &(rg_set_desc){.name = "Alone", .materials = NAMES("Rusty")});
  assert_ok(rg_set_load(engine, good));
  assert_ok(rg_set_load(engine, alone));
  uint64_t brick = member(engine, good, RG_TYPE_TEXTURE, "brick").id;
  rg_resource_info before, after;
  assert_ok(rg_resource_get_info(engine, brick, &before));
  assert_error(rg_set_load(engine, bad), RG_ERROR_NOT_FOUND, "none.png");
  assert_ok(rg_resource_get_info(engine, brick, &after));
  assert_int_equal(before.owners, after.owners);
  assert_int_equal(info_of(engine, good).references, 1);
  assert_int_equal(live_count(engine, RG_TYPE_MATERIAL), 2);
  assert_ok(rg_set_destroy(engine, bad));
  assert_ok(rg_set_destroy(engine, good));
  assert_ok(rg_set_destroy(engine, alone));
  assert_nothing_loaded(engine);
}

static void parents_that_form_a_cycle_are_refused_by_name(void **state) {
  gpu_test *test = *state;
  declare_child(test->engine, "A", "B");
  declare_child(test->engine, "B", "C");
  declare_child(test->engine, "C", "A");
  assert_load_fails(test, &(rg_set_desc){.name = "S", .materials = NAMES("A")},
                    RG_ERROR_INVALID_ARGUMENT, "A → B → C → A");
}

static void a_budget_is_kept_to_the_byte(void **state) {
  gpu_test *test = *state;
  rg_engine *engine = test->engine;
  declare_buffer(engine, "lights", 1024);
  declare_buffer(engine, "more", 256);
  assert_load_fails(
      test, &(rg_set_desc){.name = "S", .buffers = NAMES("lights", "more"), .budget = 1279},
      RG_ERROR_LIMIT,
      "set 'S': buffer 'more': with it the set takes 1280 bytes, over its budget of 1279");
  rg_set set = make_set(
      engine, &(rg_set_desc){.name = "S", .buffers = NAMES("lights", "more"), .budget = 1280});
  assert_ok(rg_set_load(engine, set));
  assert_int_equal(info_of(engine, set).device_bytes, 1280);
  assert_int_equal(info_of(engine, set).budget, 1280);
  assert_ok(rg_set_destroy(engine, set));
}

static void a_material_of_that_name_outside_sets_is_in_the_way(void **state) {
  gpu_test *test = *state;
  rg_engine *engine = test->engine;
  declare_all(engine);
  rg_shader shader = gpu_test_shader(
      test, "plain", "#version 450\nlayout(location = 0) out vec4 c; void main() { c = vec4(1); }");
  rg_material own;
  assert_ok(
      rg_material_create(engine, &(rg_material_desc){.name = "Metal", .shader = shader}, &own));
  rg_set set = make_set(engine, &(rg_set_desc){.name = "S", .materials = NAMES("Rusty")});
  assert_error(rg_set_load(engine, set), RG_ERROR_INVALID_ARGUMENT,
               "set 'S': material 'Rusty': material 'Metal': the name is taken");
  assert_ok(rg_material_destroy(engine, own));
  assert_ok(rg_shader_destroy(engine, shader));
  assert_ok(rg_set_load(engine, set));
  assert_ok(rg_set_destroy(engine, set));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, gpu_test_setup, gpu_test_teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(a_failing_member_is_named_and_all_is_undone),
      TEST(what_a_failed_load_shared_is_as_before),
      TEST(parents_that_form_a_cycle_are_refused_by_name),
      TEST(a_budget_is_kept_to_the_byte),
      TEST(a_material_of_that_name_outside_sets_is_in_the_way),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
