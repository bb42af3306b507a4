/* What the glTF reader makes of each part of the format, shown on files of a few lines. */
#define _GNU_SOURCE /* mkdtemp */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "test_models.h"

static gltf_file loaded(const char *text, const void *bytes, size_t size) {
  gltf_file file;
  if (model_load(text, bytes, size, &file) != RG_OK) {
    fail_msg("%s", rg_error());
  }
  return file;
}

static void assert_floats(const void *at, const float *expected, size_t count) {
  assert_non_null(at);
  const float *found = at;
  for (size_t i = 0; i < count; i++) {
    if (fabsf(found[i] - expected[i]) > 1e-6f) {
      fail_msg("number %zu is %g, not %g", i, (double)found[i], (double)expected[i]);
    }
  }
}
#define ASSERT_FLOATS(at, count, ...) assert_floats(at, (const float[]){__VA_ARGS__}, count)

/* ---- Accessors ---- */

static void integers_become_floats_and_colours_opaque(void **state) {
  (void)state;
  static const struct {
    int16_t position[4];
    uint8_t texcoord[4];
    uint16_t color[4];
    uint8_t joints[4], weights[4];
    int8_t normal[4];
  } vertex = {{-2, 0, 300, 0}, {255, 51, 0, 0}, {65535, 0, 13107, 9},
              {1, 2, 3, 255},  {51, 204, 0, 0}, {-128, 127, 0, 0}};
  gltf_file file = loaded(
      "{'asset':{'version':'2.0'},'buffers':[{'uri':'b.bin','byteLength':32}],"
      "'bufferViews':[{'buffer':0,'byteLength':32,'byteStride':32}],'accessors':["
      "{'bufferView':0,'componentType':5122,'count':1,'type':'VEC3'},"
      "{'bufferView':0,'byteOffset':8,'componentType':5121,'normalized':true,'count':1,'type':'"
      "VEC2'},"
      "{'bufferView':0,'byteOffset':12,'componentType':5123,'normalized':true,'count':1,'type':'"
      "VEC3'},"
      "{'bufferView':0,'byteOffset':20,'componentType':5121,'count':1,'type':'VEC4'},"
      "{'bufferView':0,'byteOffset':24,'componentType':5121,'normalized':true,'count':1,'type':'"
      "VEC4'},"
      "{'bufferView':0,'byteOffset':28,'componentType':5120,'normalized':true,'count':1,'type':'"
      "VEC3'}],"
      "'meshes':[{'primitives':[{'mode':0,'attributes':{'POSITION':0,'TEXCOORD_0':1,'COLOR_0':2,"
      "'JOINTS_0':3,'WEIGHTS_0':4,'NORMAL':5}}]}]}",
      &vertex, sizeof vertex);
  const gltf_primitive *point = &file.primitives[0];
  assert_int_equal(point->topology, RG_TOPOLOGY_POINTS);
  assert_int_equal(point->vertex_stride, 12 + 12 + 8 + 16 + 8 + 16);
  ASSERT_FLOATS(model_vertex(point, "position", 0), 3, -2.0f, 0.0f, 300.0f);
  ASSERT_FLOATS(model_vertex(point, "normal", 0), 3, -1.0f, 1.0f, 0.0f);
  ASSERT_FLOATS(model_vertex(point, "texcoord_0", 0), 2, 1.0f, 0.2f);
  ASSERT_FLOATS(model_vertex(point, "color_0", 0), 4, 1.0f, 0.0f, 0.2f, 1.0f);
  ASSERT_FLOATS(model_vertex(point, "weights_0", 0), 4, 0.2f, 0.8f, 0.0f, 0.0f);
  assert_memory_equal(model_vertex(point, "joints_0", 0), ((uint16_t[4]){1, 2, 3, 255}), 8);
  gltf_finish(&file);
}

static void sparse_elements_replace_zeros_and_others(void **state) {
  (void)state;
  static const struct {
    uint16_t indices[2];
    float values[6], base[9];
  } bytes = {{0, 2}, {1, 2, 3, 4, 5, 6}, {7, 7, 7, 8, 8, 8, 9, 9, 9}};
  static const char sparse[] =
      "'componentType':5126,'count':3,'type':'VEC3','sparse':{'count':2,"
      "'indices':{'bufferView':0,'componentType':5123},'values':{'bufferView':0,'byteOffset':4}}";
  char text[1024];
  snprintf(text, sizeof text,
           "{'asset':{'version':'2.0'},'buffers':[{'uri':'b.bin','byteLength':64}],'bufferViews':"
           "[{'buffer':0,'byteLength':28},{'buffer':0,'byteOffset':28,'byteLength':36}],"
           "'accessors':[{%s},{'bufferView':1,%s}],'meshes':[{'primitives':["
           "{'mode':0,'attributes':{'POSITION':0}},{'mode':0,'attributes':{'POSITION':1}}]}]}",
           sparse, sparse);
  gltf_file file = loaded(text, &bytes, sizeof bytes);
  ASSERT_FLOATS(file.primitives[0].vertices, 9, 1, 2, 3, 0, 0, 0, 4, 5, 6);
  ASSERT_FLOATS(file.primitives[1].vertices, 9, 1, 2, 3, 8, 8, 8, 4, 5, 6);
  gltf_finish(&file);
}

/* ---- Primitives ---- */

/* A square in the xy plane with counter-clockwise corners; texture coordinates with v downwards,
 * and the same mirrored; indices of two triangles. */
static const struct {
  float positions[12], texcoords[8], mirrored[8];
  uint8_t indices[8];
} square = {{0, 0, 0, 1, 0, 0, 1, 1, 0, 0, 1, 0},
            {0, 1, 1, 1, 1, 0, 0, 0},
            {1, 1, 0, 1, 0, 0, 1, 0},
            {0, 1, 2, 0, 2, 3, 0, 0}};

#define SQUARE_START                                                                            \
  "{'asset':{'version':'2.0'},'buffers':[{'uri':'b.bin','byteLength':120}],'bufferViews':["     \
  "{'buffer':0,'byteLength':48},{'buffer':0,'byteOffset':48,'byteLength':32},"                  \
  "{'buffer':0,'byteOffset':80,'byteLength':32},{'buffer':0,'byteOffset':112,'byteLength':8}]," \
  "'accessors':[{'bufferView':0,'componentType':5126,'count':4,'type':'VEC3'},"                 \
  "{'bufferView':1,'componentType':5126,'count':4,'type':'VEC2'},"                              \
  "{'bufferView':2,'componentType':5126,'count':4,'type':'VEC2'},"                              \
  "{'bufferView':3,'componentType':5121,'count':6,'type':'SCALAR'}],"

static gltf_file square_loaded(const char *rest) {
  char text[4096];
  snprintf(text, sizeof text, "%s%s", SQUARE_START, rest);
  return loaded(text, &square, sizeof square);
}

static void byte_indices_become_sixteen_bits(void **state) {
  (void)state;
  gltf_file file =
      square_loaded("'meshes':[{'primitives':[{'indices':3,'attributes':{'POSITION':0}}]}]}");
  assert_int_equal(file.primitives[0].index_type, VK_INDEX_TYPE_UINT16);
  assert_int_equal(file.primitives[0].index_count, 6);
  assert_memory_equal(file.primitives[0].indices, ((uint16_t[6]){0, 1, 2, 0, 2, 3}), 12);
  gltf_finish(&file);
}

static void line_loops_become_closed_strips(void **state) {
  (void)state;
  gltf_file file = square_loaded(
      "'meshes':[{'primitives':[{'mode':2,'attributes':{'POSITION':0}},"
      "{'mode':2,'indices':3,'attributes':{'POSITION':0}}]}]}");
  assert_int_equal(file.primitives[0].topology, RG_TOPOLOGY_LINE_STRIP);
  assert_int_equal(file.primitives[0].index_count, 5);
  assert_memory_equal(file.primitives[0].indices, ((uint16_t[5]){0, 1, 2, 3, 0}), 10);
  assert_int_equal(file.primitives[1].index_count, 7);
  assert_memory_equal(file.primitives[1].indices, ((uint16_t[7]){0, 1, 2, 0, 2, 3, 0}), 14);
  gltf_finish(&file);
}

static void every_mode_has_its_topology(void **state) {
  (void)state;
  static const rg_topology expected[] = {
      RG_TOPOLOGY_POINTS,       RG_TOPOLOGY_LINES,     RG_TOPOLOGY_LINE_STRIP,
      RG_TOPOLOGY_LINE_STRIP,   RG_TOPOLOGY_TRIANGLES, RG_TOPOLOGY_TRIANGLE_STRIP,
      RG_TOPOLOGY_TRIANGLE_FAN,
  };
  for (int mode = 0; mode <= 6; mode++) {
    char rest[128];
    snprintf(rest, sizeof rest,
             "'meshes':[{'primitives':[{'mode':%d,'attributes':{'POSITION':0}}]}]}", mode);
    gltf_file file = square_loaded(rest);
    assert_int_equal(file.primitives[0].topology, expected[mode]);
    assert_int_equal(model_vertex(&file.primitives[0], "normal", 0) != NULL, mode >= 4);
    gltf_finish(&file);
  }
}

static void missing_normals_point_out_of_lists_strips_and_fans(void **state) {
  (void)state;
  gltf_file file = square_loaded(
      "'meshes':[{'primitives':[{'indices':3,'attributes':{'POSITION':0}},"
      "{'mode':5,'attributes':{'POSITION':0}},{'mode':6,'attributes':{'POSITION':0}}]}]}");
  for (uint32_t v = 0; v < 4; v++) {
    ASSERT_FLOATS(model_vertex(&file.primitives[0], "normal", v), 3, 0, 0, 1);
    ASSERT_FLOATS(model_vertex(&file.primitives[2], "normal", v), 3, 0, 0, 1);
  }
  /* As a strip, the second triangle of this order faces the other way. */
  ASSERT_FLOATS(model_vertex(&file.primitives[1], "normal", 0), 3, 0, 0, 1);
  ASSERT_FLOATS(model_vertex(&file.primitives[1], "normal", 3), 3, 0, 0, -1);
  gltf_finish(&file);
}

static void tangents_follow_u_and_tell_mirrored_from_plain(void **state) {
  (void)state;
  gltf_file file = square_loaded(
      "'images':[{'uri':'n.png'}],'textures':[{'source':0}],"
      "'materials':[{'normalTexture':{'index':0}}],'meshes':[{'primitives':["
      "{'indices':3,'material':0,'attributes':{'POSITION':0,'TEXCOORD_0':1}},"
      "{'indices':3,'material':0,'attributes':{'POSITION':0,'TEXCOORD_0':2}},"
      "{'indices':3,'attributes':{'POSITION':0,'TEXCOORD_0':2}}]}]}");
  for (uint32_t v = 0; v < 4; v++) {
    ASSERT_FLOATS(model_vertex(&file.primitives[0], "tangent", v), 4, 1, 0, 0, 1);
    ASSERT_FLOATS(model_vertex(&file.primitives[1], "tangent", v), 4, -1, 0, 0, -1);
  }
  assert_null(model_vertex(&file.primitives[2], "tangent", 0));
  gltf_finish(&file);
}

static void degenerate_triangles_give_finite_normals_and_tangents(void **state) {
  (void)state;
  gltf_file file = loaded(
      "{'asset':{'version':'2.0'},'accessors':[{'componentType':5126,'count':4,'type':'VEC3'},"
      "{'componentType':5126,'count':4,'type':'VEC2'}],'images':[{'uri':'n.png'}],"
      "'textures':[{'source':0}],'materials':[{'normalTexture':{'index':0}}],'meshes':[{"
      "'primitives':[{'material':0,'attributes':{'POSITION':0,'TEXCOORD_0':1}}]}]}",
      "", 0);
  ASSERT_FLOATS(model_vertex(&file.primitives[0], "normal", 3), 3, 0, 0, 1);
  ASSERT_FLOATS(model_vertex(&file.primitives[0], "tangent", 3), 4, 1, 0, 0, 1);
  gltf_finish(&file);
}

static void further_sets_come_last(void **state) {
  (void)state;
  gltf_file file = square_loaded(
      "'meshes':[{'primitives':[{'attributes':{'TEXCOORD_2':1,'TEXCOORD_1':1,'TEXCOORD_0':1,"
      "'POSITION':0,'COLOR_1':0,'COLOR_0':0,'_OWN':0}}]}]}");
  static const char *const order[] = {"position", "normal",     "texcoord_0", "texcoord_1",
                                      "color_0",  "texcoord_2", "color_1"};
  assert_int_equal(file.primitives[0].attribute_count, 7);
  for (uint32_t i = 0; i < 7; i++) {
    assert_string_equal(file.primitives[0].attributes[i].name, order[i]);
  }
  gltf_finish(&file);
}

static void primitive_without_positions_is_left_out(void **state) {
  (void)state;
  gltf_file file = square_loaded(
      "'meshes':[{'name':'m','primitives':[{'attributes':{'TEXCOORD_0':1}},"
      "{'attributes':{'POSITION':0}}]}]}");
  assert_int_equal(file.primitive_count, 1);
  assert_string_equal(file.primitives[0].name, "m/1");
  gltf_finish(&file);
}

static void names_are_derived_and_made_unique(void **state) {
  (void)state;
  gltf_file file = loaded(
      "{'asset':{'version':'2.0'},'materials':[{'name':'a'},{},{'name':''},{'name':'a'},"
      "{'name':'a#2'},{'name':'material1'},{'name':'a'}]}",
      "", 0);
  static const char *const expected[] = {"a",     "material1",   "material2", "a#2",
                                         "a#2#2", "material1#2", "a#3"};
  for (uint32_t i = 0; i < 7; i++) {
    assert_string_equal(file.materials[i].name, expected[i]);
  }
  gltf_finish(&file);
}

/* ---- Materials and samplers ---- */

static void material_fields_and_their_defaults_are_read(void **state) {
  (void)state;
  gltf_file file = loaded(
      "{'asset':{'version':'2.0'},'extensionsRequired':['KHR_materials_pbrSpecularGlossiness',"
      "'KHR_texture_transform','KHR_mesh_quantization','KHR_lights_punctual'],"
      "'images':[{'uri':'n.png'}],'textures':[{'source':0},{}],'materials':[{},"
      "{'alphaMode':'MASK','doubleSided':true,'occlusionTexture':{'index':1,'strength':0.5,"
      "'texCoord':1},'normalTexture':{'index':0,'scale':2,'extensions':{'KHR_texture_transform':"
      "{'texCoord':3}}},'emissiveFactor':[1,0.5,0],'extensions':{"
      "'KHR_materials_emissive_strength':{'emissiveStrength':4}}},"
      "{'alphaMode':'BLEND','extensions':{'KHR_materials_pbrSpecularGlossiness':{"
      "'diffuseFactor':[0.1,0.2,0.3,0.4],'glossinessFactor':0.75,'diffuseTexture':{'index':1}}}}]}",
      "", 0);
  const gltf_material *plain = &file.materials[0], *masked = &file.materials[1];
  const gltf_material *glossy = &file.materials[2];
  ASSERT_FLOATS(plain->base_color, 4, 1, 1, 1, 1);
  assert_true(plain->metallic == 1.0f && plain->roughness == 1.0f && plain->alpha_cutoff == 0.0f);
  assert_true(masked->alpha_cutoff == 0.5f && masked->is_double_sided && !masked->is_blended);
  assert_true(masked->occlusion_strength == 0.5f && masked->normal_scale == 2.0f);
  assert_int_equal(masked->occlusion_texture.texcoord, 1);
  assert_int_equal(masked->normal_texture.texcoord, 3);
  ASSERT_FLOATS(masked->emissive, 3, 4, 2, 0);
  ASSERT_FLOATS(glossy->base_color, 4, 0.1f, 0.2f, 0.3f, 0.4f);
  assert_true(glossy->metallic == 0.0f && glossy->roughness == 0.25f && glossy->is_blended);
  assert_int_equal(glossy->base_color_texture.texture, 1);
  assert_int_equal(file.textures[1].image, GLTF_NONE);
  gltf_finish(&file);
}

static void samplers_become_descriptors(void **state) {
  (void)state;
  gltf_file file = loaded(
      "{'asset':{'version':'2.0'},'samplers':[{},{'magFilter':9728,'minFilter':9986,"
      "'wrapS':33648,'wrapT':33071},{'minFilter':9729}],"
      "'textures':[{'sampler':0},{'sampler':1},{'sampler':2},{}]}",
      "", 0);
  const rg_sampler_desc *usual = &file.textures[0].sampler, *own = &file.textures[1].sampler;
  assert_int_equal(usual->mag_filter, RG_FILTER_LINEAR);
  assert_int_equal(usual->mip_filter, RG_FILTER_LINEAR);
  assert_int_equal(usual->wrap_u, RG_WRAP_REPEAT);
  assert_true(usual->max_lod == 0.0f);
  assert_int_equal(own->mag_filter, RG_FILTER_NEAREST);
  assert_int_equal(own->min_filter, RG_FILTER_NEAREST);
  assert_int_equal(own->mip_filter, RG_FILTER_LINEAR);
  assert_int_equal(own->wrap_u, RG_WRAP_MIRRORED_REPEAT);
  assert_int_equal(own->wrap_v, RG_WRAP_CLAMP_TO_EDGE);
  assert_true(file.textures[2].sampler.max_lod == 0.25f);
  assert_memory_equal(usual, &file.textures[3].sampler, sizeof *usual);
  gltf_finish(&file);
}

/* ---- Where bytes come from ---- */

static void data_uris_and_escaped_names_are_read(void **state) {
  (void)state;
  gltf_file file = loaded(
      "{'asset':{'version':'2.0'},'buffers':[{'byteLength':12,'uri':'data:;base64,"
      "AACAPwAAAEAAAEBA'},{'byteLength':12,'uri':'%62%2Ebin'}],'bufferViews':["
      "{'buffer':0,'byteLength':12},{'buffer':1,'byteLength':12}],'accessors':["
      "{'bufferView':0,'componentType':5126,'count':1,'type':'VEC3'},"
      "{'bufferView':1,'componentType':5126,'count':1,'type':'VEC3'}],"
      "'images':[{'uri':'data:image/png;base64,AQI='},{'bufferView':1},{'uri':'a%20b.png'}],"
      "'meshes':[{'primitives':[{'mode':0,'attributes':{'POSITION':0}},"
      "{'mode':0,'attributes':{'POSITION':1}}]}]}",
      ((float[3]){4, 5, 6}), 12);
  ASSERT_FLOATS(file.primitives[0].vertices, 3, 1, 2, 3);
  ASSERT_FLOATS(file.primitives[1].vertices, 3, 4, 5, 6);
  assert_int_equal(file.images[0].size, 2);
  assert_memory_equal(file.images[0].bytes, "\1\2", 2);
  ASSERT_FLOATS(file.images[1].bytes, 3, 4, 5, 6);
  assert_string_equal(file.images[2].file, "a b.png");
  gltf_finish(&file);
}

/* Appends a chunk to a container of *at bytes, 12 at first, and completes its header. */
static void glb_chunk(unsigned char *out, size_t *at, const char *type, const void *bytes,
                      size_t size) {
  const uint32_t length = (uint32_t)size;
  memcpy(out + *at, &length, 4);
  memcpy(out + *at + 4, type, 4);
  memcpy(out + *at + 8, bytes, size);
  *at += 8 + size;
  const uint32_t total = (uint32_t)*at;
  memcpy(out, "glTF\2\0\0\0", 8);
  memcpy(out + 8, &total, 4);
}

#define GLB_TEXT "{\"asset\":{\"version\":\"2.0\"},\"buffers\":[{\"byteLength\":3}]}"

static rg_result glb_load(const unsigned char *bytes, size_t size) {
  gltf_file file;
  model_write("x.glb", bytes, size);
  const rg_result result = gltf_load(&here.memory, &here.roots, "x.glb", 1u << 20, &file);
  gltf_finish(&file);
  return result;
}

static void container_is_read_by_its_chunks(void **state) {
  (void)state;
  unsigned char bytes[256];
  size_t at = 12;
  glb_chunk(bytes, &at, "JSON", GLB_TEXT, sizeof GLB_TEXT - 1);
  assert_int_equal(glb_load(bytes, at), RG_ERROR_FORMAT);
  assert_non_null(strstr(rg_error(), "buffers[0].uri: is missing, and there is no binary chunk"));
  const size_t first = at;
  glb_chunk(bytes, &at, "BIN\0", "\1\2\3\0", 4);
  assert_int_equal(glb_load(bytes, at), RG_OK);
  glb_chunk(bytes, &at, "MORE", "", 0);
  assert_int_equal(glb_load(bytes, at), RG_OK);
  assert_int_equal(glb_load(bytes, at - 1), RG_ERROR_FORMAT);
  assert_non_null(strstr(rg_error(), "in the header of a file of"));
  at = first;
  glb_chunk(bytes, &at, "JSON", "{}  ", 4);
  assert_int_equal(glb_load(bytes, at), RG_ERROR_FORMAT);
  assert_non_null(strstr(rg_error(), "chunk 1 of type 4E4F534A: JSON comes first and once"));
  at = 12;
  glb_chunk(bytes, &at, "BIN\0", "\1\2\3\0", 4);
  assert_int_equal(glb_load(bytes, at), RG_ERROR_FORMAT);
  at = 12;
  glb_chunk(bytes, &at, "JSON", "{}   ", 5);
  assert_int_equal(glb_load(bytes, at), RG_ERROR_FORMAT);
  assert_non_null(strstr(rg_error(), "in steps of 4"));
  bytes[4] = 1;
  assert_int_equal(glb_load(bytes, at), RG_ERROR_UNSUPPORTED);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, models_begin, models_end)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(integers_become_floats_and_colours_opaque),
      TEST(sparse_elements_replace_zeros_and_others),
      TEST(byte_indices_become_sixteen_bits),
      TEST(line_loops_become_closed_strips),
      TEST(every_mode_has_its_topology),
      TEST(missing_normals_point_out_of_lists_strips_and_fans),
      TEST(tangents_follow_u_and_tell_mirrored_from_plain),
      TEST(degenerate_triangles_give_finite_normals_and_tangents),
      TEST(further_sets_come_last),
      TEST(primitive_without_positions_is_left_out),
      TEST(names_are_derived_and_made_unique),
      TEST(material_fields_and_their_defaults_are_read),
      TEST(samplers_become_descriptors),
      TEST(data_uris_and_escaped_names_are_read),
      TEST(container_is_read_by_its_chunks),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
