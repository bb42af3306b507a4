/* Resource sets: closures, sharing by reference counts, required sets, and whose the members are.
 */
#include <pthread.h> /* which thread sanitizers see, unlike <threads.h> */

#include "set_scene.h"

/* ---- Loading -------------------------------------------------------------------------------- */

static void a_set_loads_the_closure_of_what_it_names_in_order(void **state) {
  gpu_test *test = *state;
  rg_engine *engine = test->engine;
  static const char *const expected[] = {"lit", "lights", "brick", "Metal", "Rusty"};
  declare_all(engine);
  rg_set set = make_set(engine, &(rg_set_desc){.name = "S", .materials = NAMES("Rusty", "Metal")});
  assert_int_equal(info_of(engine, set).member_count, 0);
  assert_ok(rg_set_load(engine, set));
  rg_set_info info = info_of(engine, set);
  assert_string_equal(info.name, "S");
  assert_int_equal(info.references, 1);
  assert_int_equal(info.member_count, COUNT(expected));
  assert_true(info.load_ms > 0);
  uint64_t bytes = 0;
  for (uint32_t i = 0; i < info.member_count; i++) {
    rg_member_info found;
    rg_resource_info resource;
    assert_ok(rg_set_get_member(engine, set, i, &found));
    assert_string_equal(found.name, expected[i]);
    assert_int_equal(found.type, rg_type_of(found.handle.id));
    assert_int_equal(member(engine, set, found.type, found.name).id, found.handle.id);
    assert_ok(rg_resource_get_info(engine, found.handle.id, &resource));
    assert_string_equal(resource.label, expected[i]);
    assert_true(resource.is_released);
    bytes += resource.size;
  }
  assert_int_equal(info.device_bytes, bytes);
  assert_true(bytes >= 256 + 16);
  rg_member_info none;
  assert_error(rg_set_get_member(engine, set, info.member_count, &none), RG_ERROR_NOT_FOUND,
               "set 'S': member 5 of 5");
  rg_handle missing;
  assert_error(rg_set_get(engine, set, RG_TYPE_TEXTURE, "brik", &missing), RG_ERROR_NOT_FOUND,
               "set 'S' has no texture 'brik'; did you mean 'brick'?");
  assert_ok(rg_set_unload(engine, set));
  assert_nothing_loaded(engine);
  assert_ok(rg_set_destroy(engine, set));
}

static void loaded_materials_hold_what_was_declared(void **state) {
  gpu_test *test = *state;
  rg_engine *engine = test->engine;
  declare_all(engine);
  rg_set set = make_set(engine, &(rg_set_desc){.name = "S", .materials = NAMES("Rusty")});
  assert_ok(rg_set_load(engine, set));
  rg_material rusty = {member(engine, set, RG_TYPE_MATERIAL, "Rusty").id};
  rg_material metal = {member(engine, set, RG_TYPE_MATERIAL, "Metal").id};
  rg_material origin, found;
  rg_parameter value;
  assert_ok(rg_material_find(engine, "Rusty", &found));
  assert_int_equal(found.id, rusty.id);
  assert_ok(rg_material_get(engine, rusty, "tint", NULL, 0, &value, &origin));
  assert_int_equal(origin.id, metal.id);
  assert_true(value.value.floats[1] == 0.5f);
  assert_ok(rg_material_get(engine, rusty, "gain", NULL, 0, &value, &origin));
  assert_int_equal(origin.id, rusty.id);
  assert_true(value.value.floats[0] == 2.0f);
  assert_ok(rg_material_get(engine, rusty, "map", NULL, 0, &value, &origin));
  assert_int_equal(value.value.texture.id, member(engine, set, RG_TYPE_TEXTURE, "brick").id);
  assert_ok(rg_set_unload(engine, set));
  assert_error(rg_material_get(engine, rusty, "gain", NULL, 0, &value, &origin),
               RG_ERROR_STALE_HANDLE, "material 'Rusty'");
  assert_ok(rg_set_destroy(engine, set));
}

static void each_load_counts_and_the_last_unload_frees(void **state) {
  gpu_test *test = *state;
  rg_engine *engine = test->engine;
  declare_all(engine);
  rg_set set = make_set(engine, &(rg_set_desc){.name = "S", .materials = NAMES("Metal")});
  assert_error(rg_set_unload(engine, set), RG_ERROR_INVALID_ARGUMENT, "set 'S' is not loaded");
  assert_ok(rg_set_load(engine, set));
  uint64_t first = member(engine, set, RG_TYPE_MATERIAL, "Metal").id;
  assert_ok(rg_set_load(engine, set));
  assert_int_equal(member(engine, set, RG_TYPE_MATERIAL, "Metal").id, first);
  assert_int_equal(info_of(engine, set).references, 2);
  assert_ok(rg_set_unload(engine, set));
  assert_true(rg_is_live(engine, first));
  assert_ok(rg_set_unload(engine, set));
  assert_false(rg_is_live(engine, first));
  assert_int_equal(info_of(engine, set).references, 0);
  rg_handle missing;
  assert_error(rg_set_get(engine, set, RG_TYPE_MATERIAL, "Metal", &missing), RG_ERROR_NOT_FOUND,
               "set 'S' is not loaded");
  assert_error(rg_set_unload(engine, set), RG_ERROR_INVALID_ARGUMENT, "set 'S' is not loaded");
  assert_ok(rg_set_destroy(engine, set));
}

static void what_two_sets_need_is_made_once_and_stays_for_the_other(void **state) {
  gpu_test *test = *state;
  rg_engine *engine = test->engine;
  declare_all(engine);
  rg_set a = make_set(engine, &(rg_set_desc){.name = "A", .materials = NAMES("Rusty")});
  rg_set b = make_set(engine, &(rg_set_desc){.name = "B", .materials = NAMES("Rusty", "Slate")});
  assert_ok(rg_set_load(engine, a));
  assert_ok(rg_set_load(engine, b));
  assert_int_equal(live_count(engine, RG_TYPE_MATERIAL), 3);
  assert_int_equal(live_count(engine, RG_TYPE_SHADER), 1);
  assert_int_equal(info_of(engine, a).member_count, 5);
  assert_int_equal(info_of(engine, b).member_count, 7);
  uint64_t brick = member(engine, a, RG_TYPE_TEXTURE, "brick").id;
  assert_int_equal(member(engine, b, RG_TYPE_TEXTURE, "brick").id, brick);
  rg_resource_info info;
  assert_ok(rg_resource_get_info(engine, brick, &info));
  assert_true(info.owners >= 2);
  assert_ok(rg_set_unload(engine, a));
  assert_true(rg_is_live(engine, brick));
  assert_int_equal(live_count(engine, RG_TYPE_MATERIAL), 3);
  assert_ok(rg_set_unload(engine, b));
  assert_nothing_loaded(engine);
  assert_ok(rg_set_destroy(engine, a));
  assert_ok(rg_set_destroy(engine, b));
}

static void textures_shaders_and_buffers_can_be_named_alone(void **state) {
  gpu_test *test = *state;
  rg_engine *engine = test->engine;
  declare_all(engine);
  rg_set set = make_set(engine, &(rg_set_desc){.name = "S",
                                               .shaders = NAMES("lit"),
                                               .textures = NAMES("brick", "slate", "brick"),
                                               .buffers = NAMES("lights")});
  assert_ok(rg_set_load(engine, set));
  assert_int_equal(info_of(engine, set).member_count, 4);
  assert_ok(rg_set_destroy(engine, set));
  assert_nothing_loaded(engine);
}

/* ---- Required sets -------------------------------------------------------------------------- */

static void required_sets_are_loaded_before_and_kept(void **state) {
  gpu_test *test = *state;
  rg_engine *engine = test->engine;
  declare_all(engine);
  rg_set level = make_set(engine, &(rg_set_desc){.name = "Level",
                                                 .requires_sets = NAMES("Common"),
                                                 .materials = NAMES("Rusty", "Slate")});
  rg_set common = make_set(engine, &(rg_set_desc){.name = "Common", .materials = NAMES("Metal")});
  assert_ok(rg_set_load(engine, level));
  assert_ok(rg_set_load(engine, level));
  assert_int_equal(info_of(engine, common).references, 1);
  assert_int_equal(info_of(engine, common).member_count, 4);
  /* Rusty, slate and Slate: the rest is Common's */
  assert_int_equal(info_of(engine, level).member_count, 3);
  assert_int_equal(member(engine, level, RG_TYPE_MATERIAL, "Metal").id,
                   member(engine, common, RG_TYPE_MATERIAL, "Metal").id);
  assert_error(rg_set_destroy(engine, common), RG_ERROR_INVALID_ARGUMENT,
               "set 'Common': the loaded set 'Level' requires it");
  assert_error(rg_set_unload(engine, common), RG_ERROR_INVALID_ARGUMENT,
               "loaded only because the set 'Level' requires it");
  assert_ok(rg_set_load(engine, common));
  assert_ok(rg_set_unload(engine, level));
  assert_ok(rg_set_unload(engine, level));
  assert_int_equal(info_of(engine, common).references, 1);
  assert_int_equal(live_count(engine, RG_TYPE_MATERIAL), 1);
  assert_ok(rg_set_unload(engine, common));
  assert_nothing_loaded(engine);
  assert_ok(rg_set_destroy(engine, common));
  assert_error(rg_set_load(engine, level), RG_ERROR_NOT_FOUND,
               "set 'Level': set 'Common' does not exist");
  assert_ok(rg_set_destroy(engine, level));
}

static void sets_that_require_each_other_are_refused_by_name(void **state) {
  gpu_test *test = *state;
  rg_engine *engine = test->engine;
  rg_set a = make_set(engine, &(rg_set_desc){.name = "A", .requires_sets = NAMES("B")});
  rg_set b = make_set(engine, &(rg_set_desc){.name = "B", .requires_sets = NAMES("C")});
  rg_set c = make_set(engine, &(rg_set_desc){.name = "C", .requires_sets = NAMES("B")});
  assert_error(rg_set_load(engine, a), RG_ERROR_INVALID_ARGUMENT, "B → C → B");
  assert_int_equal(info_of(engine, b).references, 0);
  rg_set itself = make_set(engine, &(rg_set_desc){.name = "I", .requires_sets = NAMES("I")});
  assert_error(rg_set_load(engine, itself), RG_ERROR_INVALID_ARGUMENT, "I → I");
  assert_ok(rg_set_destroy(engine, itself));
  assert_ok(rg_set_destroy(engine, a));
  assert_ok(rg_set_destroy(engine, b));
  assert_ok(rg_set_destroy(engine, c));
}

static void a_diamond_of_required_sets_is_loaded_once(void **state) {
  gpu_test *test = *state;
  rg_engine *engine = test->engine;
  declare_all(engine);
  rg_set base = make_set(engine, &(rg_set_desc){.name = "Base", .textures = NAMES("brick")});
  rg_set left = make_set(engine, &(rg_set_desc){.name = "Left", .requires_sets = NAMES("Base")});
  rg_set right = make_set(engine, &(rg_set_desc){.name = "Right", .requires_sets = NAMES("Base")});
  rg_set top = make_set(engine, &(rg_set_desc){.name = "Top",
                                               .requires_sets = NAMES("Left", "Right"),
                                               .textures = NAMES("brick")});
  assert_ok(rg_set_load(engine, top));
  assert_int_equal(info_of(engine, base).references, 2);
  assert_int_equal(info_of(engine, top).member_count, 0);
  assert_int_equal(member(engine, top, RG_TYPE_TEXTURE, "brick").id,
                   member(engine, base, RG_TYPE_TEXTURE, "brick").id);
  assert_ok(rg_set_destroy(engine, top));
  assert_int_equal(info_of(engine, base).references, 0);
  assert_nothing_loaded(engine);
  assert_ok(rg_set_destroy(engine, left));
  assert_ok(rg_set_destroy(engine, right));
  assert_ok(rg_set_destroy(engine, base));
}

/* ---- Declarations and members --------------------------------------------------------------- */

static void declaring_again_leaves_what_is_loaded_as_it_is(void **state) {
  gpu_test *test = *state;
  rg_engine *engine = test->engine;
  declare_buffer(engine, "lights", 256);
  rg_set set = make_set(engine, &(rg_set_desc){.name = "S", .buffers = NAMES("lights")});
  assert_ok(rg_set_load(engine, set));
  declare_buffer(engine, "lights", 512);
  assert_ok(rg_set_load(engine, set));
  assert_int_equal(info_of(engine, set).device_bytes, 256);
  assert_ok(rg_set_unload(engine, set));
  assert_ok(rg_set_unload(engine, set));
  assert_ok(rg_set_load(engine, set));
  assert_int_equal(info_of(engine, set).device_bytes, 512);
  assert_ok(rg_set_destroy(engine, set));
}

static void members_tell_the_origin_of_their_declaration(void **state) {
  gpu_test *test = *state;
  rg_engine *engine = test->engine;
  rg_origin_set("scene.lua:12");
  declare_buffer(engine, "lights", 100);
  rg_origin_set("scene.lua:20");
  rg_set set = make_set(engine, &(rg_set_desc){.name = "S", .buffers = NAMES("lights")});
  assert_ok(rg_set_load(engine, set));
  rg_resource_info info;
  assert_ok(rg_resource_get_info(engine, member(engine, set, RG_TYPE_BUFFER, "lights").id, &info));
  assert_string_equal(info.origin, "scene.lua:12");
  assert_ok(rg_resource_get_info(engine, set.id, &info));
  assert_string_equal(info.origin, "scene.lua:20");
  rg_origin_set(NULL);
  assert_ok(rg_set_destroy(engine, set));
}

static void members_are_the_sets_to_destroy(void **state) {
  gpu_test *test = *state;
  rg_engine *engine = test->engine;
  declare_buffer(engine, "lights", 100);
  rg_set set = make_set(engine, &(rg_set_desc){.name = "S", .buffers = NAMES("lights")});
  assert_ok(rg_set_load(engine, set));
  rg_buffer lights = {member(engine, set, RG_TYPE_BUFFER, "lights").id};
  assert_error(rg_buffer_destroy(engine, lights), RG_ERROR_STALE_HANDLE, "buffer 'lights'");
  assert_true(rg_is_live(engine, lights.id));
  assert_ok(rg_set_destroy(engine, set));
  assert_false(rg_is_live(engine, lights.id));
}

static void a_loaded_set_of_a_manifest_is_no_leak(void **state) {
  gpu_test *test = *state;
  rg_engine *engine = test->engine;
  static const char text[] =
      "{\"regolith\": 1, \"buffers\": {\"b\": {\"size\": 4}},"
      " \"sets\": {\"Kept\": {\"buffers\": [\"b\"]}}}";
  rg_set set;
  assert_ok(rg_manifest_read(engine, "m.json", text, strlen(text)));
  assert_ok(rg_set_find(engine, "Kept", &set));
  assert_ok(rg_set_load(engine, set));
  rg_resource_info info;
  assert_ok(rg_resource_get_info(engine, member(engine, set, RG_TYPE_BUFFER, "b").id, &info));
  assert_string_equal(info.origin, "m.json");
}

/* An uncompressed TGA of one pixel. */
static void write_image(const gpu_folder *folder, const char *name) {
  static const unsigned char tga[] = {0, 0, 2, 0, 0, 0,  0,    0, 0,   0,  0,
                                      0, 1, 0, 1, 0, 24, 0x20, 9, 128, 200};
  gpu_folder_write(folder, name, tga, sizeof tga);
}

static VkFormat format_of(rg_engine *engine, rg_set set, const char *name) {
  rg_texture_vk vk;
  rg_texture texture = {member(engine, set, RG_TYPE_TEXTURE, name).id};
  assert_ok(rg_texture_get_vk(engine, texture, &vk));
  return vk.format;
}

static void image_files_need_no_declaration(void **state) {
  gpu_test *test = *state;
  gpu_folder folder;
  gpu_folder_make(&folder);
  write_image(&folder, "wall.tga");
  write_image(&folder, "wall_Normal.tga");
  write_image(&folder, "metal_albedo.tga");
  rg_engine_desc desc = gpu_test_desc(&test->log);
  desc.roots = NAMES(folder.path);
  desc.root_count = 1;
  rg_engine *engine;
  assert_ok(rg_engine_create(&desc, &engine));
  declare_shader(engine);
  declare_buffer(engine, "lights", 256);
  declare_material(engine, "Wall", "wall.tga", "lights");
  rg_set set =
      make_set(engine, &(rg_set_desc){.name = "S",
                                      .textures = NAMES("wall_Normal.tga", "metal_albedo.tga"),
                                      .materials = NAMES("Wall")});
  assert_ok(rg_set_load(engine, set));
  assert_int_equal(format_of(engine, set, "wall.tga"), VK_FORMAT_R8G8B8A8_SRGB);
  assert_int_equal(format_of(engine, set, "metal_albedo.tga"), VK_FORMAT_R8G8B8A8_SRGB);
  assert_int_equal(format_of(engine, set, "wall_Normal.tga"), VK_FORMAT_R8G8B8A8_UNORM);
  assert_ok(rg_set_destroy(engine, set));
  rg_engine_destroy(engine);
  gpu_folder_remove(&folder);
}

static void a_name_of_both_a_texture_and_a_buffer_is_what_the_shader_wants(void **state) {
  gpu_test *test = *state;
  rg_engine *engine = test->engine;
  declare_shader(engine);
  declare_texture(engine, "both");
  declare_buffer(engine, "both", 64);
  declare_material(engine, "M", "both", "both");
  rg_set set = make_set(engine, &(rg_set_desc){.name = "S", .materials = NAMES("M")});
  assert_ok(rg_set_load(engine, set));
  assert_int_equal(info_of(engine, set).member_count, 4);
  assert_ok(rg_set_destroy(engine, set));
}

/* ---- Sets themselves ------------------------------------------------------------------------ */

static void sets_are_found_by_name_and_their_names_are_theirs(void **state) {
  gpu_test *test = *state;
  rg_engine *engine = test->engine;
  char name[] = "Level1";
  rg_set set = make_set(engine, &(rg_set_desc){.name = name});
  name[0] = 'x';
  rg_set found, other;
  assert_ok(rg_set_find(engine, "Level1", &found));
  assert_int_equal(found.id, set.id);
  assert_error(rg_set_find(engine, "Levle1", &found), RG_ERROR_NOT_FOUND,
               "set 'Levle1' does not exist; did you mean 'Level1'?");
  assert_int_equal(found.id, 0);
  assert_error(rg_set_create(engine, &(rg_set_desc){.name = "Level1"}, &other),
               RG_ERROR_INVALID_ARGUMENT, "set 'Level1' exists already");
  assert_error(rg_set_create(engine, &(rg_set_desc){0}, &other), RG_ERROR_INVALID_ARGUMENT,
               "set: name is required");
  assert_int_equal(other.id, 0);
  assert_ok(rg_set_destroy(engine, set));
  assert_error(rg_set_destroy(engine, set), RG_ERROR_STALE_HANDLE, "set 'Level1'");
  assert_error(rg_set_load(engine, set), RG_ERROR_STALE_HANDLE, "set 'Level1'");
  assert_error(rg_set_find(engine, "Level1", &found), RG_ERROR_NOT_FOUND, "Level1");
  set = make_set(engine, &(rg_set_desc){.name = "Level1"});
  assert_ok(rg_set_destroy(engine, set));
}

typedef struct worker {
  rg_engine *engine;
  rg_set set;
  bool is_failed;
} worker;

/* Leaves `is_failed` true unless all went well. */
static void *load_and_unload(void *user) {
  worker *self = user;
  self->is_failed = true;
  for (int i = 0; i < 20; i++) {
    rg_handle handle;
    rg_set_info info;
    if (rg_set_load(self->engine, self->set) != RG_OK ||
        rg_set_get(self->engine, self->set, RG_TYPE_TEXTURE, "brick", &handle) != RG_OK ||
        !rg_is_live(self->engine, handle.id) ||
        rg_set_get_info(self->engine, self->set, &info) != RG_OK || info.references == 0 ||
        rg_set_unload(self->engine, self->set) != RG_OK) {
      return NULL;
    }
  }
  self->is_failed = false;
  return NULL;
}

static void threads_load_and_unload_what_they_share(void **state) {
  gpu_test *test = *state;
  declare_all(test->engine);
  rg_set a = make_set(test->engine, &(rg_set_desc){.name = "A", .materials = NAMES("Metal")});
  rg_set b = make_set(test->engine, &(rg_set_desc){.name = "B", .textures = NAMES("brick")});
  worker workers[] = {{test->engine, a, false}, {test->engine, b, false}, {test->engine, b, false}};
  pthread_t threads[COUNT(workers)];
  for (size_t i = 0; i < COUNT(workers); i++) {
    assert_int_equal(pthread_create(&threads[i], NULL, load_and_unload, &workers[i]), 0);
  }
  for (size_t i = 0; i < COUNT(workers); i++) {
    assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_false(workers[i].is_failed);
  }
  assert_nothing_loaded(test->engine);
  assert_ok(rg_set_destroy(test->engine, a));
  assert_ok(rg_set_destroy(test->engine, b));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, gpu_test_setup, gpu_test_teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(a_set_loads_the_closure_of_what_it_names_in_order),
      TEST(loaded_materials_hold_what_was_declared),
      TEST(each_load_counts_and_the_last_unload_frees),
      TEST(what_two_sets_need_is_made_once_and_stays_for_the_other),
      TEST(textures_shaders_and_buffers_can_be_named_alone),
      TEST(required_sets_are_loaded_before_and_kept),
      TEST(sets_that_require_each_other_are_refused_by_name),
      TEST(a_diamond_of_required_sets_is_loaded_once),
      TEST(declaring_again_leaves_what_is_loaded_as_it_is),
      TEST(members_tell_the_origin_of_their_declaration),
      TEST(members_are_the_sets_to_destroy),
      TEST(a_loaded_set_of_a_manifest_is_no_leak),
      TEST(image_files_need_no_declaration),
      TEST(a_name_of_both_a_texture_and_a_buffer_is_what_the_shader_wants),
      TEST(sets_are_found_by_name_and_their_names_are_theirs),
      TEST(threads_load_and_unload_what_they_share),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
