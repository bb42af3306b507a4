/* Declarations and manifests: what is refused before there is a device to try it on, and that a
 * manifest comes back as it was written. */
#include "gpu_test.h"

#include <math.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

static const rg_stage_desc fragment_stage = {.stage = VK_SHADER_STAGE_FRAGMENT_BIT,
                                             .source = "void main() {}"};

static void declare_shader(rg_engine *engine, const char *name) {
  const rg_define defines[] = {{"SIZE", "4"}, {"FAST", NULL}};
  const rg_shader_desc desc = {
      .stages = {{.file = "mesh.vert"}, fragment_stage},
      .stage_count = 2,
      .defines = defines,
      .define_count = COUNT(defines),
  };
  assert_ok(rg_declare_shader(engine, name, &desc));
}

static void declare_texture(rg_engine *engine, const char *name) {
  const rg_texture_desc desc = {
      .width = 16,
      .height = 8,
      .generate_mips = true,
      .format = VK_FORMAT_R8G8B8A8_SRGB,
      .usage = VK_IMAGE_USAGE_SAMPLED_BIT | VK_IMAGE_USAGE_STORAGE_BIT,
      .sampler = {.wrap_u = RG_WRAP_CLAMP_TO_EDGE, .max_anisotropy = 8, .lod_bias = -0.1f},
  };
  assert_ok(rg_declare_texture(engine, name, &desc));
}

static void declare_buffer(rg_engine *engine, const char *name) {
  const rg_buffer_desc desc = {.size = 5000000000u,
                               .type = RG_BUFFER_INDEX,
                               .usage = VK_BUFFER_USAGE_STORAGE_BUFFER_BIT,
                               .update = RG_UPDATE_DYNAMIC};
  assert_ok(rg_declare_buffer(engine, name, &desc));
}

/* One parameter of each kind, and more numbers than a parameter holds itself. */
static void declare_materials(rg_engine *engine) {
  double many[20];
  for (size_t i = 0; i < COUNT(many); i++) {
    many[i] = (double)i / 3;
  }
  const rg_parameter parameters[] = {
      {.name = "roughness", .count = 1, .value.numbers = {0.1}},
      {.name = "albedo", .kind = RG_VALUE_FLOATS, .count = 3, .value.floats = {0.1f, 1, 1e-20f}},
      {.name = "steps", .kind = RG_VALUE_INTS, .count = 2, .value.ints = {-5, INT32_MIN}},
      {.name = "mask", .kind = RG_VALUE_UINTS, .count = 1, .value.uints = {UINT32_MAX}},
      {.name = "is_wet", .kind = RG_VALUE_BOOLS, .count = 1, .value.uints = {1}},
      {.name = "flags", .kind = RG_VALUE_BOOLS, .count = 2, .value.uints = {1, 0}},
      {.name = "map", .kind = RG_VALUE_DECLARED, .count = 1, .value.declared = "brick"},
      {.name = "lights", .kind = RG_VALUE_DECLARED, .count = 1, .value.declared = "lights"},
      {.name = "file", .kind = RG_VALUE_DECLARED, .count = 1, .value.declared = "a/b.png"},
      {.name = "weights", .count = COUNT(many), .data = many},
  };
  const rg_state state = {.cull = RG_CULL_BACK, .blend = RG_BLEND_ADD, .no_depth_write = true};
  const rg_material_desc base = {.name = "Base",
                                 .shader_name = "pbr",
                                 .parameters = parameters,
                                 .parameter_count = COUNT(parameters),
                                 .state = &state};
  const rg_material_desc rusty = {.name = "Rusty", .parent_name = "Base"};
  const rg_material_desc stock = {.name = "Stock", .shader_name = "regolith/pbr"};
  assert_ok(rg_declare_material(engine, &base));
  assert_ok(rg_declare_material(engine, &rusty));
  assert_ok(rg_declare_material(engine, &stock));
}

static rg_set make_set(rg_engine *engine, const rg_set_desc *desc) {
  rg_set set;
  assert_ok(rg_set_create(engine, desc, &set));
  return set;
}

static const char *const rusty_names[] = {"Rusty", NULL};
static const char *const stock_names[] = {"Stock", NULL};
static const char *const gltf_names[] = {"robot.glb", NULL};
static const char *const common_names[] = {"Common", NULL};

static void declare_all(rg_engine *engine) {
  declare_shader(engine, "pbr");
  declare_texture(engine, "brick");
  declare_texture(engine, "zebra");
  declare_texture(engine, "\xc3\xa4pfel \"quoted\"");
  declare_buffer(engine, "lights");
  declare_materials(engine);
}

/* Not inlined: gcc 12 would take the text for a pointer to the local variable that held it. */
__attribute__((noinline)) static char *write_manifest(rg_engine *engine, rg_set set) {
  char *text = NULL;
  assert_ok(rg_manifest_write(engine, set, &text));
  return text;
}

static void assert_empty(rg_engine *engine) {
  char *text = write_manifest(engine, (rg_set){0});
  assert_string_equal(text, "{\n\t\"regolith\":\t1\n}");
  rg_string_free(engine, text);
}

/* ---- Writing and reading back --------------------------------------------------------------- */

static void a_manifest_read_by_another_engine_is_written_identically(void **state) {
  gpu_test *test = *state;
  declare_all(test->engine);
  rg_set common = make_set(
      test->engine,
      &(rg_set_desc){.name = "Common", .materials = stock_names, .budget = (uint64_t)1 << 40});
  rg_set level = make_set(test->engine, &(rg_set_desc){.name = "Level1",
                                                       .requires_sets = common_names,
                                                       .materials = rusty_names,
                                                       .gltf = gltf_names});
  char *first = write_manifest(test->engine, (rg_set){0});
  void *other_state = NULL;
  gpu_test_setup(&other_state);
  rg_engine *other = ((gpu_test *)other_state)->engine;
  assert_ok(rg_manifest_read(other, "first.json", first, strlen(first)));
  char *second = write_manifest(other, (rg_set){0});
  assert_string_equal(first, second);
  rg_set found;
  assert_ok(rg_set_find(other, "Level1", &found));
  char *closure = write_manifest(other, found);
  char *closure_here = write_manifest(test->engine, level);
  assert_string_equal(closure, closure_here);
  rg_string_free(other, closure);
  rg_string_free(test->engine, closure_here);
  rg_string_free(other, second);
  rg_string_free(test->engine, first);
  assert_int_equal(gpu_test_teardown(&other_state), 0);
  assert_ok(rg_set_destroy(test->engine, level));
  assert_ok(rg_set_destroy(test->engine, common));
}

static void declaring_in_another_order_gives_the_same_text(void **state) {
  gpu_test *test = *state;
  declare_all(test->engine);
  char *first = write_manifest(test->engine, (rg_set){0});
  void *other_state = NULL;
  gpu_test_setup(&other_state);
  rg_engine *other = ((gpu_test *)other_state)->engine;
  declare_materials(other);
  declare_buffer(other, "lights");
  declare_texture(other, "zebra");
  declare_texture(other, "\xc3\xa4pfel \"quoted\"");
  declare_texture(other, "brick");
  declare_shader(other, "pbr");
  char *second = write_manifest(other, (rg_set){0});
  assert_string_equal(first, second);
  rg_string_free(other, second);
  rg_string_free(test->engine, first);
  assert_int_equal(gpu_test_teardown(&other_state), 0);
}

/* Where the part stands in the text from `start` on. */
static size_t place_of(const char *text, size_t start, const char *part) {
  const char *found = strstr(text + start, part);
  assert_non_null(found);
  return (size_t)(found - text);
}

static void names_and_parameters_are_written_in_order(void **state) {
  gpu_test *test = *state;
  static const char *const names[] = {"\"h\"", "\"g\"", "\"f\"", "\"e\"",
                                      "\"d\"", "\"c\"", "\"b\"", "\"a\""};
  rg_parameter parameters[COUNT(names)];
  char bare[COUNT(names)][2];
  for (size_t i = 0; i < COUNT(names); i++) {
    memcpy(bare[i], (const char[]){names[i][1], '\0'}, 2);
    declare_buffer(test->engine, bare[i]);
    parameters[i] = (rg_parameter){.name = bare[i], .count = 1};
  }
  const rg_material_desc desc = {.name = "M",
                                 .shader_name = "s",
                                 .parameters = parameters,
                                 .parameter_count = COUNT(parameters)};
  assert_ok(rg_declare_material(test->engine, &desc));
  char *text = write_manifest(test->engine, (rg_set){0});
  const size_t parameters_at = place_of(text, 0, "\"parameters\"");
  for (size_t i = 1; i < COUNT(names); i++) {
    assert_true(place_of(text, 0, names[i]) < place_of(text, 0, names[i - 1]));
    assert_true(place_of(text, parameters_at, names[i]) <
                place_of(text, parameters_at, names[i - 1]));
  }
  rg_string_free(test->engine, text);
}

static void a_sets_manifest_holds_its_closure_and_no_more(void **state) {
  gpu_test *test = *state;
  declare_all(test->engine);
  rg_set set = make_set(test->engine, &(rg_set_desc){.name = "S", .materials = rusty_names});
  char *text = write_manifest(test->engine, set);
  static const char *const wanted[] = {"\"pbr\"",           "\"brick\"",   "\"lights\"", "\"Base\"",
                                       "\"Rusty\"",         "\"a/b.png\"", "\"SIZE\"",   "\"from\"",
                                       "\"clamp_to_edge\"", "5000000000",  "-2147483648"};
  for (size_t i = 0; i < COUNT(wanted); i++) {
    if (strstr(text, wanted[i]) == NULL) {
      fail_msg("%s is not in\n%s", wanted[i], text);
    }
  }
  assert_null(strstr(text, "zebra"));
  assert_null(strstr(text, "Stock"));
  assert_null(strstr(text, "0.10000000149"));
  rg_string_free(test->engine, text);
  assert_ok(rg_set_destroy(test->engine, set));
}

static void what_json_cannot_hold_is_refused_by_name(void **state) {
  gpu_test *test = *state;
  char *text = NULL;
  const rg_buffer_desc data = {.size = 3, .data = "abc"};
  assert_ok(rg_declare_buffer(test->engine, "bytes", &data));
  assert_error(rg_manifest_write(test->engine, (rg_set){0}, &text), RG_ERROR_UNSUPPORTED,
               "buffer 'bytes': data");
  assert_null(text);
  rg_set set = make_set(test->engine, &(rg_set_desc){.name = "S", .materials = rusty_names});
  assert_error(rg_manifest_write(test->engine, set, &text), RG_ERROR_NOT_FOUND,
               "set 'S': material 'Rusty' is not declared");
  assert_ok(rg_set_destroy(test->engine, set));
  assert_error(rg_manifest_write(test->engine, set, &text), RG_ERROR_STALE_HANDLE, "set 'S'");
}

/* ---- Reading what is wrong ------------------------------------------------------------------ */

typedef struct wrong_text {
  const char *text;
  const char *message;
} wrong_text;

static void wrong_manifests_are_refused_with_their_path_and_declare_nothing(void **state) {
  gpu_test *test = *state;
  static const wrong_text wrong[] = {
      {"[]", "level1.json: an object is wanted, not an array"},
      {"{}", "level1.json: \"regolith\": 1 is required"},
      {"{\"regolith\": 1, \"textures\": []}", "level1.json: textures: an object is wanted"},
      {"{\"regolith\": 1, \"texture\": {}}",
       "level1.json: unknown key 'texture'; did you mean 'textures'?"},
      {"{\"regolith\": 1, \"textures\": {\"a\": {\"width\": 4, \"hieght\": 4}}}",
       "level1.json: textures.a: unknown key 'hieght'; did you mean 'height'?"},
      {"{\"regolith\": 1, \"textures\": {\"a.png\": {\"width\": 4}}}",
       "level1.json: textures[\"a.png\"]: texture 'a.png': height is 0"},
      {"{\"regolith\": 1, \"buffers\": {\"good\": {\"size\": 4}, \"b\": {\"size\": -1}}}",
       "level1.json: buffers.b.size: -1 is not in 1 to"},
      {"{\"regolith\": 1, \"buffers\": {\"good\": {\"size\": 4}}, \"materials\": {\"Metal\": "
       "{\"shader\": \"pbr\", \"parameters\": {\"albedo\": [1, \"x\"]}}}}",
       "level1.json: materials.Metal.parameters.albedo[1]: a number is wanted, not a string"},
      {"{\"regolith\": 1, \"materials\": {\"M\": {\"shader\": \"p\", \"parameters\": {\"a\": "
       "[]}}}}",
       "level1.json: materials.M.parameters.a: the array is empty"},
      {"{\"regolith\": 1, \"materials\": {\"M\": {\"shader\": \"p\", \"parameters\": "
       "{\"a\": {\"textur\": \"x\"}}}}}",
       "level1.json: materials.M.parameters.a: unknown key 'textur'; did you mean 'texture'?"},
      {"{\"regolith\": 1, \"materials\": {\"M\": {\"shader\": \"p\", \"parameters\": "
       "{\"a\": \"x\"}}}}",
       "level1.json: materials.M.parameters.a: a number, a boolean, an array of them, or "},
      {"{\"regolith\": 1, \"materials\": {\"M\": {\"parameters\": {}}}}",
       "level1.json: materials.M: material 'M': needs a shader"},
      {"{\"regolith\": 1, \"materials\": {\"M\": {\"shader\": \"p\", \"state\": "
       "{\"cull\": \"bakc\"}}}}",
       "level1.json: materials.M.state.cull: 'bakc' is none of none, back, front"},
      {"{\"regolith\": 1, \"shaders\": {\"s\": {\"stages\": [{\"file\": \"a.vert\"}, "
       "{\"source\": \"x\"}]}}}",
       "level1.json: shaders.s: shader 's': stages[1]: stage is required"},
      {"{\"regolith\": 1, \"shaders\": {\"s\": {}}}", "shader 's': 0 stages are not 1 to 8"},
      {"{\"regolith\": 1, \"shaders\": {\"regolith/x\": {\"stages\": [{\"file\": \"a.vert\"}]}}}",
       "are built in"},
      {"{\"regolith\": 1, \"sets\": {\"S\": {\"gltf\": [1]}}}",
       "level1.json: sets.S.gltf[0]: a string is wanted"},
      {"{\"regolith\": 1, \"sets\": {\"\": {}}}", "name is empty"},
      {"{\"regolith\": 1, \"buffers\": {\"b\": {\"size\": 1}, \"b\": {\"size\": 2}}}", "b"},
      {"{\"regolith\": 1,", "level1.json"},
  };
  for (size_t i = 0; i < COUNT(wrong); i++) {
    assert_error(
        rg_manifest_read(test->engine, "level1.json", wrong[i].text, strlen(wrong[i].text)),
        RG_ERROR_FORMAT, wrong[i].message);
    assert_empty(test->engine);
  }
  static const char newer[] = "{\"regolith\": 2}";
  assert_error(rg_manifest_read(test->engine, NULL, newer, strlen(newer)), RG_ERROR_UNSUPPORTED,
               "manifest: regolith: version 2 is not 1");
}

static void a_manifest_with_a_set_that_exists_changes_nothing(void **state) {
  gpu_test *test = *state;
  static const char text[] =
      "{\"regolith\": 1, \"buffers\": {\"b\": {\"size\": 4}},"
      " \"sets\": {\"A\": {}, \"Common\": {}, \"Z\": {}}}";
  rg_set set = make_set(test->engine, &(rg_set_desc){.name = "Common"});
  rg_set found;
  assert_error(rg_manifest_read(test->engine, "m.json", text, strlen(text)),
               RG_ERROR_INVALID_ARGUMENT, "m.json: set 'Common' exists already");
  assert_error(rg_set_find(test->engine, "A", &found), RG_ERROR_NOT_FOUND,
               "set 'A' does not exist");
  assert_ok(rg_set_destroy(test->engine, set));
  assert_empty(test->engine);
  assert_ok(rg_manifest_read(test->engine, "m.json", text, strlen(text)));
  assert_ok(rg_set_find(test->engine, "A", &found));
  assert_ok(rg_set_destroy(test->engine, found));
}

/* ---- Declarations --------------------------------------------------------------------------- */

static void declarations_refuse_what_needs_no_device_to_be_wrong(void **state) {
  gpu_test *test = *state;
  rg_engine *engine = test->engine;
  const rg_result invalid = RG_ERROR_INVALID_ARGUMENT;
  assert_error(rg_declare_buffer(engine, NULL, &(rg_buffer_desc){.size = 1}), invalid, "name");
  assert_error(rg_declare_buffer(engine, "", &(rg_buffer_desc){.size = 1}), invalid, "name");
  assert_error(rg_declare_buffer(engine, "b", NULL), invalid, "desc is NULL");
  assert_error(rg_declare_buffer(engine, "b", &(rg_buffer_desc){0}), invalid, "buffer 'b': size");
  assert_error(rg_declare_texture(engine, "t", &(rg_texture_desc){.width = 1}), invalid,
               "texture 't': height is 0; it is required without file");
  assert_error(rg_declare_texture(engine, "t", &(rg_texture_desc){.file = "a.png", .width = 1}),
               invalid, "texture 't': width, height and data come from the file");
  const rg_shader_desc twice = {.stages = {fragment_stage, fragment_stage}, .stage_count = 2};
  assert_error(rg_declare_shader(engine, "s", &twice), invalid,
               "shader 's': stages[0] and stages[1] are both fragment");
  const rg_define same[] = {{"A", "1"}, {"B", "1"}, {"A", "2"}};
  const rg_shader_desc defines = {
      .stages = {fragment_stage}, .stage_count = 1, .defines = same, .define_count = 3};
  assert_error(rg_declare_shader(engine, "s", &defines), invalid, "define 'A' is given twice");
  assert_empty(engine);
}

static void assert_parameter_refused(rg_engine *engine, const rg_parameter *parameter,
                                     const char *message) {
  const rg_material_desc desc = {
      .name = "M", .shader_name = "s", .parameters = parameter, .parameter_count = 1};
  assert_error(rg_declare_material(engine, &desc), RG_ERROR_INVALID_ARGUMENT, message);
}

static void declared_parameters_are_checked(void **state) {
  gpu_test *test = *state;
  rg_engine *engine = test->engine;
  assert_parameter_refused(engine, &(rg_parameter){.count = 1}, "a parameter has no name");
  assert_parameter_refused(engine, &(rg_parameter){.name = "a"}, "a count of 0");
  assert_parameter_refused(engine,
                           &(rg_parameter){.name = "a", .count = 2, .value.numbers = {1, NAN}},
                           "material 'M': parameter 'a': component 1 of 2 is not finite");
  assert_parameter_refused(
      engine,
      &(rg_parameter){.name = "a", .kind = RG_VALUE_FLOATS, .count = 1, .value.floats = {INFINITY}},
      "component 0 of 1 is not finite");
  assert_parameter_refused(engine, &(rg_parameter){.name = "a", .count = 17},
                           "17 components need data; value holds 16");
  assert_parameter_refused(
      engine, &(rg_parameter){.name = "a", .kind = RG_VALUE_BOOLS, .count = 1, .value.uints = {2}},
      "is neither 0 nor 1");
  assert_parameter_refused(
      engine, &(rg_parameter){.name = "a", .kind = RG_VALUE_DECLARED, .count = 1}, "names nothing");
  assert_parameter_refused(engine,
                           &(rg_parameter){.name = "a", .kind = (rg_value_kind)99, .count = 1},
                           "kind 99 is no rg_value_kind");
  const rg_parameter same[] = {{.name = "a", .count = 1}, {.name = "a", .count = 1}};
  const rg_material_desc twice = {
      .name = "M", .shader_name = "s", .parameters = same, .parameter_count = 2};
  assert_error(rg_declare_material(engine, &twice), RG_ERROR_INVALID_ARGUMENT,
               "parameter 'a' is given twice");
  assert_error(rg_declare_material(engine, &(rg_material_desc){.name = "M"}),
               RG_ERROR_INVALID_ARGUMENT, "needs a shader, or a material to inherit from");
  assert_empty(engine);
}

static void declarations_are_copies_and_the_last_one_counts(void **state) {
  gpu_test *test = *state;
  char label[] = "first";
  rg_buffer_desc desc = {.size = 4, .label = label};
  assert_ok(rg_declare_buffer(test->engine, "b", &desc));
  memcpy(label, "wrong", 5);
  char *text = write_manifest(test->engine, (rg_set){0});
  assert_non_null(strstr(text, "\"first\""));
  rg_string_free(test->engine, text);
  desc = (rg_buffer_desc){.size = 77};
  assert_ok(rg_declare_buffer(test->engine, "b", &desc));
  text = write_manifest(test->engine, (rg_set){0});
  assert_null(strstr(text, "first"));
  assert_non_null(strstr(text, "77"));
  rg_string_free(test->engine, text);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, gpu_test_setup, gpu_test_teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(a_manifest_read_by_another_engine_is_written_identically),
      TEST(declaring_in_another_order_gives_the_same_text),
      TEST(names_and_parameters_are_written_in_order),
      TEST(a_sets_manifest_holds_its_closure_and_no_more),
      TEST(what_json_cannot_hold_is_refused_by_name),
      TEST(wrong_manifests_are_refused_with_their_path_and_declare_nothing),
      TEST(a_manifest_with_a_set_that_exists_changes_nothing),
      TEST(declarations_refuse_what_needs_no_device_to_be_wrong),
      TEST(declared_parameters_are_checked),
      TEST(declarations_are_copies_and_the_last_one_counts),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
