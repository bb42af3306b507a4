/* glTF files as members of sets: what comes of each file matches what is in it. The data lies
 * beside the repository; without it the tests are skipped. */
#include "gpu_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define NAMES(...) ((const char *const[]){__VA_ARGS__, NULL})

/* ---- Engines over the data ------------------------------------------------------------------ */

/* The folder of REGOLITH_DATA, or the one beside the repository; "" where there is none. */
static const char *data_folder(void) {
  static char path[512];
  const char *given = getenv("REGOLITH_DATA");
  struct stat found;
  if (given != NULL) {
    snprintf(path, sizeof path, "%s", given);
  } else {
    snprintf(path, sizeof path, "%s/../shared/data", REGOLITH_SOURCE_DIR);
  }
  return stat(path, &found) == 0 ? path : "";
}

/* As gpu_test_setup, rooted in the data; the engine is NULL without it. */
static int setup(void **state) {
  gpu_test *test = calloc(1, sizeof *test);
  assert_non_null(test);
  gpu_log_init(&test->log);
  *state = test;
  if (data_folder()[0] != '\0') {
    rg_engine_desc desc = gpu_test_desc(&test->log);
    desc.roots = NAMES(data_folder());
    desc.root_count = 1;
    assert_ok(rg_engine_create(&desc, &test->engine));
  }
  return 0;
}

static rg_engine *engine_of(void **state) {
  gpu_test *test = *state;
  if (test->engine == NULL) {
    print_message("skipped: there is no folder ../shared/data, and REGOLITH_DATA names none\n");
    skip();
  }
  return test->engine;
}

static rg_set make_set(rg_engine *engine, const char *name, const char *file) {
  rg_set set;
  assert_ok(rg_set_create(engine, &(rg_set_desc){.name = name, .gltf = NAMES(file)}, &set));
  return set;
}

static rg_set_info info_of(rg_engine *engine, rg_set set) {
  rg_set_info info;
  assert_ok(rg_set_get_info(engine, set, &info));
  return info;
}

static uint32_t member_count(rg_engine *engine, rg_set set, rg_type type) {
  uint32_t count = 0, total = info_of(engine, set).member_count;
  for (uint32_t i = 0; i < total; i++) {
    rg_member_info member;
    assert_ok(rg_set_get_member(engine, set, i, &member));
    assert_true(member.type == RG_TYPE_SHADER ? strcmp(member.name, "regolith/pbr") == 0
                                              : strchr(member.name, '#') != NULL);
    count += member.type == type;
  }
  return count;
}

/* ---- Counts --------------------------------------------------------------------------------- */

typedef struct expected_file {
  const char *file;
  uint32_t meshes, primitives, materials, textures;
  uint32_t vertices, indices; /* of all meshes */
  uint32_t index_size;
} expected_file;

/* Counted in the files' own JSON: meshes, primitives, materials, distinct image, sampler and colour
 * space of the textures, accessors' counts. */
static const expected_file expected_files[] = {
    {"gltf/robot.glb", 14, 19, 3, 0, 7218, 9714, 2},
    {"gltf/greenman.glb", 1, 1, 1, 1, 196, 1068, 2},
    {"gltf/2CylinderEngine.glb", 29, 34, 34, 0, 55843, 227190, 2},
    {"gltf/BoxTextured/BoxTextured.gltf", 1, 1, 1, 1, 24, 36, 2},
    {"gltf/ClearCoatTest/ClearCoatTest.gltf", 27, 27, 19, 6, 20106, 111348, 2},
    {"gltf/TextureTransform/TextureTransformTest.gltf", 9, 9, 9, 5, 36, 54, 4},
};

/* The buffers hold what the mesh says, and its indices name its vertices. */
static void check_mesh(rg_engine *engine, const rg_primitive_info *mesh) {
  rg_buffer_vk vertices, indices;
  uint32_t index_size = mesh->index_type == VK_INDEX_TYPE_UINT32 ? 4 : 2;
  assert_ok(rg_buffer_get_vk(engine, mesh->vertices, &vertices));
  assert_ok(rg_buffer_get_vk(engine, mesh->indices, &indices));
  assert_int_equal(vertices.size, (uint64_t)mesh->vertex_count * mesh->vertex_stride);
  assert_int_equal(indices.size, (uint64_t)mesh->index_count * index_size);
  assert_string_equal(mesh->attributes[0].name, "position");
  assert_int_equal(mesh->attributes[0].format, VK_FORMAT_R32G32B32_SFLOAT);
  unsigned char *read = malloc(indices.size);
  assert_ok(rg_buffer_read(engine, mesh->indices, 0, read, indices.size));
  for (uint32_t i = 0; i < mesh->index_count; i++) {
    uint32_t index = 0;
    memcpy(&index, read + (size_t)i * index_size, index_size);
    assert_true(index < mesh->vertex_count);
  }
  free(read);
}

static void check_file(rg_engine *engine, const expected_file *expected) {
  rg_set set = make_set(engine, "file", expected->file);
  assert_ok(rg_set_load(engine, set));
  rg_set_info info = info_of(engine, set);
  uint32_t vertices = 0, indices = 0;
  for (uint32_t i = 0; i < info.primitive_count; i++) {
    rg_primitive_info mesh;
    assert_ok(rg_set_get_primitive(engine, set, i, &mesh));
    assert_int_equal(strncmp(mesh.name, expected->file, strlen(expected->file)), 0);
    assert_int_equal(mesh.topology, RG_TOPOLOGY_TRIANGLES);
    assert_int_equal(rg_type_of(mesh.material.id), RG_TYPE_MATERIAL);
    assert_int_equal(mesh.index_type == VK_INDEX_TYPE_UINT32 ? 4 : 2, expected->index_size);
    check_mesh(engine, &mesh);
    vertices += mesh.vertex_count;
    indices += mesh.index_count;
  }
  assert_int_equal(info.mesh_count, expected->meshes);
  assert_int_equal(info.primitive_count, expected->primitives);
  assert_int_equal(vertices, expected->vertices);
  assert_int_equal(indices, expected->indices);
  assert_int_equal(member_count(engine, set, RG_TYPE_MATERIAL), expected->materials);
  assert_int_equal(member_count(engine, set, RG_TYPE_TEXTURE), expected->textures);
  assert_int_equal(member_count(engine, set, RG_TYPE_BUFFER), 2 * expected->primitives);
  assert_int_equal(member_count(engine, set, RG_TYPE_SHADER), 1);
  rg_primitive_info none;
  assert_error(rg_set_get_primitive(engine, set, info.primitive_count, &none), RG_ERROR_NOT_FOUND,
               "primitive");
  assert_ok(rg_set_destroy(engine, set));
}

static void every_file_gives_the_counts_that_are_in_it(void **state) {
  rg_engine *engine = engine_of(state);
  for (size_t i = 0; i < COUNT(expected_files); i++) {
    check_file(engine, &expected_files[i]);
  }
}

/* ---- Materials and textures ----------------------------------------------------------------- */

static rg_handle member(rg_engine *engine, rg_set set, rg_type type, const char *name) {
  rg_handle handle;
  assert_ok(rg_set_get(engine, set, type, name, &handle));
  return handle;
}

static rg_parameter value_of(rg_engine *engine, uint64_t material, const char *name) {
  rg_parameter value;
  assert_ok(rg_material_get(engine, (rg_material){material}, name, NULL, 0, &value, NULL));
  return value;
}

static void materials_carry_the_files_factors(void **state) {
  rg_engine *engine = engine_of(state);
  rg_set set = make_set(engine, "S", "gltf/robot.glb");
  assert_ok(rg_set_load(engine, set));
  uint64_t main_id = member(engine, set, RG_TYPE_MATERIAL, "gltf/robot.glb#Main").id;
  rg_parameter albedo = value_of(engine, main_id, "albedo");
  assert_int_equal(albedo.count, 3);
  assert_true(albedo.value.floats[0] > 0 && albedo.value.floats[0] < 1);
  assert_true(value_of(engine, main_id, "opacity").value.floats[0] == 1);
  assert_true(value_of(engine, main_id, "alpha_cutoff").value.floats[0] == 0);
  rg_parameter transform = value_of(engine, main_id, "texcoord_transform_offset_scale");
  static const float identity[] = {0, 0, 1, 1};
  assert_memory_equal(transform.value.floats, identity, sizeof identity);
  assert_ok(rg_set_destroy(engine, set));
}

static void texture_transforms_reach_their_materials(void **state) {
  rg_engine *engine = engine_of(state);
  static const char file[] = "gltf/TextureTransform/TextureTransformTest.gltf";
  rg_set set = make_set(engine, "S", file);
  char name[128];
  assert_ok(rg_set_load(engine, set));
  snprintf(name, sizeof name, "%s#%s", file, "Offset UV");
  uint64_t id = member(engine, set, RG_TYPE_MATERIAL, name).id;
  rg_parameter transform = value_of(engine, id, "texcoord_transform_offset_scale");
  assert_true(transform.value.floats[0] == 0.5f && transform.value.floats[1] == 0.5f);
  snprintf(name, sizeof name, "%s#%s", file, "Rotation");
  id = member(engine, set, RG_TYPE_MATERIAL, name).id;
  assert_true(value_of(engine, id, "texcoord_rotation").value.floats[0] != 0);
  assert_ok(rg_set_destroy(engine, set));
}

static void assert_format(rg_engine *engine, rg_set set, const char *file, const char *image,
                          VkFormat expected) {
  char name[160];
  rg_texture_vk vk;
  snprintf(name, sizeof name, "%s#%s", file, image);
  rg_texture texture = {member(engine, set, RG_TYPE_TEXTURE, name).id};
  assert_ok(rg_texture_get_vk(engine, texture, &vk));
  assert_int_equal(vk.format, expected);
  assert_true(vk.mip_levels > 1);
}

static void colours_are_srgb_data_is_linear_and_both_have_mips(void **state) {
  rg_engine *engine = engine_of(state);
  static const char file[] = "gltf/ClearCoatTest/ClearCoatTest.gltf";
  rg_set set = make_set(engine, "S", file);
  assert_ok(rg_set_load(engine, set));
  assert_format(engine, set, file, "PartialCoating_Alpha", VK_FORMAT_R8G8B8A8_SRGB);
  assert_format(engine, set, file, "RoughnessStripes", VK_FORMAT_R8G8B8A8_UNORM);
  assert_format(engine, set, file, "RibsNormal", VK_FORMAT_R8G8B8A8_UNORM);
  assert_format(engine, set, file, "PlasticWrap_normals", VK_FORMAT_R8G8B8A8_UNORM);
  assert_format(engine, set, file, "ClearCoatLabels", VK_FORMAT_R8G8B8A8_SRGB);
  assert_ok(rg_set_destroy(engine, set));
}

/* ---- Sharing and failing -------------------------------------------------------------------- */

static void a_file_that_two_sets_name_is_loaded_once(void **state) {
  rg_engine *engine = engine_of(state);
  rg_set a = make_set(engine, "A", "gltf/greenman.glb");
  rg_set b = make_set(engine, "B", "gltf/greenman.glb");
  rg_primitive_info first, second;
  assert_ok(rg_set_load(engine, a));
  assert_ok(rg_set_load(engine, b));
  assert_ok(rg_set_get_primitive(engine, a, 0, &first));
  assert_ok(rg_set_get_primitive(engine, b, 0, &second));
  assert_int_equal(first.vertices.id, second.vertices.id);
  assert_int_equal(first.material.id, second.material.id);
  assert_int_equal(info_of(engine, a).member_count, info_of(engine, b).member_count);
  assert_int_equal(info_of(engine, a).device_bytes, info_of(engine, b).device_bytes);
  assert_ok(rg_set_unload(engine, a));
  assert_ok(rg_set_get_primitive(engine, b, 0, &second));
  assert_true(rg_is_live(engine, second.vertices.id));
  assert_true(rg_is_live(engine, second.material.id));
  assert_ok(rg_set_unload(engine, b));
  assert_false(rg_is_live(engine, second.vertices.id));
  assert_false(rg_is_live(engine, second.material.id));
  assert_ok(rg_set_destroy(engine, a));
  assert_ok(rg_set_destroy(engine, b));
}

static void a_file_over_the_budget_leaves_nothing(void **state) {
  rg_engine *engine = engine_of(state);
  rg_set set;
  const rg_set_desc desc = {
      .name = "S", .gltf = NAMES("gltf/greenman.glb", "gltf/robot.glb"), .budget = 100000};
  assert_ok(rg_set_create(engine, &desc, &set));
  assert_error(rg_set_load(engine, set), RG_ERROR_LIMIT, "over its budget of 100000");
  assert_int_equal(rg_resource_next(engine, RG_TYPE_MATERIAL, (rg_handle){0}).id, 0);
  assert_int_equal(rg_resource_next(engine, RG_TYPE_SHADER, (rg_handle){0}).id, 0);
  assert_int_equal(info_of(engine, set).references, 0);
  assert_ok(rg_set_destroy(engine, set));
}

static void broken_files_are_refused_or_read_sanely(void **state) {
  rg_engine *engine = engine_of(state);
  static const char *const files[] = {
      "bad/gltf/BoxWithInfinites.glb",
      "bad/gltf/IndexOutOfRange/AllIndicesOutOfRange.gltf",
      "bad/gltf/IndexOutOfRange/IndexOutOfRange.gltf",
      "bad/gltf/MissingBin/BoxTextured.gltf",
      "bad/gltf/RecursiveNodes.gltf",
      "bad/gltf/sceneWrongType.gltf",
      "bad/png/badcrc.png",
      "gltf/none.glb",
  };
  uint32_t refused = 0;
  for (size_t i = 0; i < COUNT(files); i++) {
    rg_set set = make_set(engine, "S", files[i]);
    rg_result result = rg_set_load(engine, set);
    refused += result != RG_OK;
    if (result != RG_OK) {
      assert_non_null(strstr(rg_error(), "set 'S': "));
      assert_int_equal(info_of(engine, set).member_count, 0);
      assert_int_equal(rg_resource_next(engine, RG_TYPE_MATERIAL, (rg_handle){0}).id, 0);
    }
    assert_ok(rg_set_destroy(engine, set));
  }
  assert_true(refused >= 5);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, gpu_test_teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(every_file_gives_the_counts_that_are_in_it),
      TEST(materials_carry_the_files_factors),
      TEST(texture_transforms_reach_their_materials),
      TEST(colours_are_srgb_data_is_linear_and_both_have_mips),
      TEST(a_file_that_two_sets_name_is_loaded_once),
      TEST(a_file_over_the_budget_leaves_nothing),
      TEST(broken_files_are_refused_or_read_sanely),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
