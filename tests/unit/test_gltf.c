/* The glTF files of the test data: what is read of each, against counts and sums taken from the
 * JSON and its buffers by other means. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "asset/gltf.h"
#include "test_data.h"

static host_memory memory;
static file_roots roots;

static int data_begin(void **state) {
  (void)state;
  host_memory_init(&memory, NULL);
  (void)test_data_open(&roots, &memory);
  return 0;
}

static int data_end(void **state) {
  (void)state;
  file_roots_finish(&roots);
  return atomic_load(&memory.live_bytes) == 0 ? 0 : -1;
}

static gltf_file loaded(const char *name) {
  gltf_file file;
  if (roots.count == 0) {
    skip();
  }
  if (gltf_load(&memory, &roots, name, TEST_DATA_MAX_SIZE, &file) != RG_OK) {
    fail_msg("%s", rg_error());
  }
  return file;
}

static const rg_vertex_attribute *attribute_of(const gltf_primitive *primitive, const char *name) {
  for (uint32_t i = 0; i < primitive->attribute_count; i++) {
    if (strcmp(primitive->attributes[i].name, name) == 0) {
      return &primitive->attributes[i];
    }
  }
  return NULL;
}

static const float *floats_of(const gltf_primitive *primitive, const char *name, uint32_t vertex) {
  const rg_vertex_attribute *attribute = attribute_of(primitive, name);
  assert_non_null(attribute);
  return (const float *)(const void *)(primitive->vertices +
                                       (size_t)vertex * primitive->vertex_stride +
                                       attribute->offset);
}

static uint32_t index_of(const gltf_primitive *primitive, uint32_t i) {
  return primitive->index_type == VK_INDEX_TYPE_UINT16 ? ((const uint16_t *)primitive->indices)[i]
                                                       : ((const uint32_t *)primitive->indices)[i];
}

static const struct {
  const char *name;
  uint32_t meshes, primitives, materials, textures, images;
  uint64_t vertices, indices, index_sum;
  double position_sum;
} truths[] = {
    {"gltf/BoxTextured/BoxTextured.gltf", 1, 1, 1, 1, 1, 24, 36, 414, 0.0},
    {"gltf/ClearCoatTest/ClearCoatTest.gltf", 27, 27, 19, 10, 6, 20106, 111348, 62791596, 8322.397},
    {"gltf/TextureTransform/TextureTransformTest.gltf", 9, 9, 9, 5, 5, 36, 54, 72, 0.0},
    {"gltf/2CylinderEngine.glb", 29, 34, 34, 0, 0, 55843, 227190, 495268863, 375303.058},
    {"gltf/greenman.glb", 1, 1, 1, 1, 1, 196, 1068, 100200, 189.962},
    {"gltf/robot.glb", 14, 19, 3, 0, 0, 7218, 9714, 2778734, 16487.902},
};

static void every_file_gives_its_known_counts_and_sums(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof truths / sizeof truths[0]; i++) {
    gltf_file file = loaded(truths[i].name);
    assert_int_equal(file.mesh_count, truths[i].meshes);
    assert_int_equal(file.primitive_count, truths[i].primitives);
    assert_int_equal(file.material_count, truths[i].materials);
    assert_int_equal(file.texture_count, truths[i].textures);
    assert_int_equal(file.image_count, truths[i].images);
    uint64_t vertices = 0, indices = 0, index_sum = 0;
    double position_sum = 0.0;
    for (uint32_t p = 0; p < file.primitive_count; p++) {
      const gltf_primitive *primitive = &file.primitives[p];
      vertices += primitive->vertex_count;
      indices += primitive->index_count;
      for (uint32_t k = 0; k < primitive->index_count; k++) {
        index_sum += index_of(primitive, k);
      }
      for (uint32_t v = 0; v < primitive->vertex_count; v++) {
        const float *position = floats_of(primitive, "position", v);
        position_sum += (double)position[0] + (double)position[1] + (double)position[2];
      }
    }
    assert_int_equal(vertices, truths[i].vertices);
    assert_int_equal(indices, truths[i].indices);
    assert_int_equal(index_sum, truths[i].index_sum);
    assert_true(fabs(position_sum - truths[i].position_sum) < 0.001);
    gltf_finish(&file);
  }
}

static void every_vertex_of_every_file_has_a_unit_normal(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof truths / sizeof truths[0]; i++) {
    gltf_file file = loaded(truths[i].name);
    for (uint32_t p = 0; p < file.primitive_count; p++) {
      for (uint32_t v = 0; v < file.primitives[p].vertex_count; v++) {
        const float *normal = floats_of(&file.primitives[p], "normal", v);
        const float length =
            sqrtf(normal[0] * normal[0] + normal[1] * normal[1] + normal[2] * normal[2]);
        assert_true(length > 0.99f && length < 1.01f);
      }
    }
    gltf_finish(&file);
  }
}

static void box_has_the_layout_and_names_of_its_file(void **state) {
  (void)state;
  gltf_file file = loaded("gltf/BoxTextured/BoxTextured.gltf");
  const gltf_primitive *box = &file.primitives[0];
  assert_string_equal(box->name, "Mesh/0");
  assert_int_equal(box->attribute_count, 3);
  assert_int_equal(box->vertex_stride, 32);
  assert_string_equal(box->attributes[0].name, "position");
  assert_string_equal(box->attributes[1].name, "normal");
  assert_int_equal(box->attributes[1].offset, 12);
  assert_string_equal(box->attributes[2].name, "texcoord_0");
  assert_int_equal(box->attributes[2].format, VK_FORMAT_R32G32_SFLOAT);
  assert_int_equal(box->topology, RG_TOPOLOGY_TRIANGLES);
  assert_int_equal(box->index_type, VK_INDEX_TYPE_UINT16);
  assert_int_equal(box->material, 0);
  assert_memory_equal(floats_of(box, "position", 0), ((float[3]){-0.5f, -0.5f, 0.5f}), 12);
  assert_memory_equal(floats_of(box, "normal", 0), ((float[3]){0.0f, 0.0f, 1.0f}), 12);
  assert_memory_equal(floats_of(box, "texcoord_0", 0), ((float[2]){6.0f, 0.0f}), 8);
  assert_string_equal(file.materials[0].name, "Texture");
  assert_true(file.materials[0].metallic == 0.0f && file.materials[0].roughness == 1.0f);
  assert_int_equal(file.materials[0].base_color_texture.texture, 0);
  assert_int_equal(file.materials[0].normal_texture.texture, GLTF_NONE);
  assert_string_equal(file.images[0].name, "image0");
  assert_string_equal(file.images[0].file, "gltf/BoxTextured/CesiumLogoFlat.png");
  assert_string_equal(file.textures[0].name, "texture0");
  gltf_finish(&file);
}

static void image_inside_a_container_is_whole(void **state) {
  (void)state;
  gltf_file file = loaded("gltf/greenman.glb");
  assert_null(file.images[0].file);
  assert_true(file.images[0].size > 1000);
  assert_memory_equal(file.images[0].bytes, "\x89PNG\r\n\x1a\n", 8);
  const char *end = (const char *)file.images[0].bytes + file.images[0].size - 8;
  assert_memory_equal(end, "IEND\xae\x42\x60\x82", 8);
  gltf_finish(&file);
}

static void joints_and_weights_of_a_skin_are_carried(void **state) {
  (void)state;
  gltf_file file = loaded("gltf/greenman.glb");
  const gltf_primitive *body = &file.primitives[0];
  assert_int_equal(attribute_of(body, "joints_0")->format, VK_FORMAT_R16G16B16A16_UINT);
  assert_int_equal(attribute_of(body, "weights_0")->format, VK_FORMAT_R32G32B32A32_SFLOAT);
  for (uint32_t v = 0; v < body->vertex_count; v++) {
    const float *weights = floats_of(body, "weights_0", v);
    assert_true(fabsf(weights[0] + weights[1] + weights[2] + weights[3] - 1.0f) < 0.01f);
  }
  gltf_finish(&file);
}

static void texture_transforms_are_read(void **state) {
  (void)state;
  gltf_file file = loaded("gltf/TextureTransform/TextureTransformTest.gltf");
  const gltf_texture_use *use = &file.materials[5].base_color_texture;
  assert_string_equal(file.materials[5].name, "All");
  assert_true(use->offset[0] == -0.2f && use->offset[1] == -0.1f);
  assert_true(use->scale[0] == 1.5f && use->scale[1] == 1.5f);
  assert_true(use->rotation == 0.3f);
  use = &file.materials[0].base_color_texture;
  assert_true(use->offset[0] == 0.5f && use->scale[0] == 1.0f && use->rotation == 0.0f);
  gltf_finish(&file);
}

static void normal_maps_get_tangents_across_the_normals(void **state) {
  (void)state;
  gltf_file file = loaded("gltf/ClearCoatTest/ClearCoatTest.gltf");
  uint32_t with_tangents = 0;
  for (uint32_t p = 0; p < file.primitive_count; p++) {
    const gltf_primitive *primitive = &file.primitives[p];
    const bool is_mapped = file.materials[primitive->material].normal_texture.texture != GLTF_NONE;
    assert_int_equal(is_mapped, attribute_of(primitive, "tangent") != NULL);
    with_tangents += is_mapped;
    for (uint32_t v = 0; is_mapped && v < primitive->vertex_count; v++) {
      const float *t = floats_of(primitive, "tangent", v);
      const float *n = floats_of(primitive, "normal", v);
      assert_true(fabsf(t[0] * t[0] + t[1] * t[1] + t[2] * t[2] - 1.0f) < 1e-4f);
      assert_true(fabsf(t[0] * n[0] + t[1] * n[1] + t[2] * n[2]) < 1e-4f);
      assert_true(t[3] == 1.0f || t[3] == -1.0f);
    }
  }
  assert_int_equal(with_tangents, 6);
  gltf_finish(&file);
}

static void equal_names_are_told_apart(void **state) {
  (void)state;
  gltf_file file = loaded("gltf/ClearCoatTest/ClearCoatTest.gltf");
  assert_string_equal(file.primitives[0].name, "ClearCoatSampleMesh/0");
  assert_string_equal(file.primitives[1].name, "ClearCoatSampleMesh#2/0");
  for (uint32_t i = 0; i < file.primitive_count; i++) {
    for (uint32_t k = 0; k < i; k++) {
      assert_string_not_equal(file.primitives[i].name, file.primitives[k].name);
    }
  }
  gltf_finish(&file);
}

static const struct {
  const char *name;
  rg_result result;
  const char *words;
} bad_files[] = {
    {"RecursiveNodes.gltf", RG_ERROR_FORMAT, "nodes[0].children: node 0 is its own ancestor"},
    {"sceneWrongType.gltf", RG_ERROR_FORMAT, "scene: expected a number, found a string"},
    {"BoxWithInfinites.glb", RG_ERROR_FORMAT, "accessors[2]: element 0, component 0 is -inf"},
    {"IndexOutOfRange/IndexOutOfRange.gltf", RG_ERROR_FORMAT,
     "meshes[0].primitives[0].indices: index 0 is 255, of 24 vertices"},
    {"IndexOutOfRange/AllIndicesOutOfRange.gltf", RG_ERROR_FORMAT,
     "meshes[0].primitives[0].indices: index 0 is 65535"},
    {"MissingBin/BoxTextured.gltf", RG_ERROR_NOT_FOUND, "buffers[0].uri"},
};

static void every_bad_file_is_refused_by_name_and_path(void **state) {
  (void)state;
  if (roots.count == 0) {
    skip();
  }
  for (size_t i = 0; i < sizeof bad_files / sizeof bad_files[0]; i++) {
    char name[128];
    snprintf(name, sizeof name, "bad/gltf/%s", bad_files[i].name);
    gltf_file file;
    assert_int_equal(gltf_load(&memory, &roots, name, TEST_DATA_MAX_SIZE, &file),
                     bad_files[i].result);
    assert_null(file.primitives);
    assert_non_null(strstr(rg_error(), name));
    if (strstr(rg_error(), bad_files[i].words) == NULL) {
      fail_msg("'%s' lacks '%s'", rg_error(), bad_files[i].words);
    }
  }
}

static void file_over_the_size_limit_is_refused(void **state) {
  (void)state;
  gltf_file file;
  if (roots.count == 0) {
    skip();
  }
  assert_int_equal(gltf_load(&memory, &roots, "gltf/robot.glb", 1000, &file), RG_ERROR_LIMIT);
  assert_int_equal(
      gltf_load(&memory, &roots, "gltf/ClearCoatTest/ClearCoatTest.gltf", 45000, &file),
      RG_ERROR_LIMIT);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, data_begin, data_end)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(every_file_gives_its_known_counts_and_sums),
      TEST(every_vertex_of_every_file_has_a_unit_normal),
      TEST(box_has_the_layout_and_names_of_its_file),
      TEST(image_inside_a_container_is_whole),
      TEST(joints_and_weights_of_a_skin_are_carried),
      TEST(texture_transforms_are_read),
      TEST(normal_maps_get_tangents_across_the_normals),
      TEST(equal_names_are_told_apart),
      TEST(every_bad_file_is_refused_by_name_and_path),
      TEST(file_over_the_size_limit_is_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
