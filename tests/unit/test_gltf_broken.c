/* glTF files that are wrong somewhere, changed at random or read without memory: each is refused
 * with the path and the limit, and nothing leaks. */
#define _GNU_SOURCE /* mkdtemp */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "test_data.h"
#include "test_memory.h"
#include "test_models.h"

/* ---- One fault each ---- */

typedef struct fault {
  const char *json; /* members beside the asset */
  rg_result result;
  const char *words;
} fault;

#define BUFFER "'buffers':[{'uri':'b.bin','byteLength':64}],"
#define VIEW BUFFER "'bufferViews':[{'buffer':0,'byteLength':64}],"
#define FLOATS "'componentType':5126,'type':'VEC3'"
/* Two vertices and, as accessor 1, indices of bytes; b.bin is all 255 from byte 32 on, else 0. */
#define POINTS                                                                            \
  VIEW "'accessors':[{'bufferView':0,'count':2," FLOATS                                   \
       "},"                                                                               \
       "{'bufferView':0,'byteOffset':32,'count':2,'componentType':5121,'type':'SCALAR'}," \
       "{'bufferView':0,'count':3," FLOATS "}],"

static const fault faults[] = {
    {"'nodes':3", RG_ERROR_FORMAT, "x.gltf: nodes: expected an array, found a number"},
    {"'nodes':[3]", RG_ERROR_FORMAT, "nodes[0]: expected an object, found a number"},
    {"'nodes':[{'children':[1]}]", RG_ERROR_FORMAT, "nodes[0].children[0]: 1 of 1 nodes"},
    {"'nodes':[{'children':[0]}]", RG_ERROR_FORMAT, "node 0 is its own ancestor"},
    {"'nodes':[{'children':[2]},{'children':[2]},{}]", RG_ERROR_FORMAT, "has the parent 0 already"},
    {"'nodes':[{'mesh':0}]", RG_ERROR_FORMAT, "nodes[0].mesh: 0 of 0 meshes"},
    {"'nodes':[{'mesh':-1}]", RG_ERROR_FORMAT, "nodes[0].mesh: -1 is no whole number"},
    {"'nodes':[{'mesh':0.5}]", RG_ERROR_FORMAT, "nodes[0].mesh: 0.5 is no whole number"},
    {"'nodes':[{'matrix':[1,2]}]", RG_ERROR_FORMAT, "nodes[0].matrix: 2 numbers of 16"},
    {"'scenes':[{'nodes':[0]}]", RG_ERROR_FORMAT, "scenes[0].nodes[0]: 0 of 0 nodes"},
    {"'scene':0", RG_ERROR_FORMAT, "scene: 0 of 0 scenes"},
    {"'skins':[{}]", RG_ERROR_FORMAT, "skins[0].joints: is missing"},
    {"'animations':[{'samplers':[{'input':4,'output':4}]}]", RG_ERROR_FORMAT,
     "animations[0].samplers[0].input: 4 of 0 accessors"},
    {"'extensionsRequired':['KHR_draco_mesh_compression']", RG_ERROR_UNSUPPORTED,
     "extensionsRequired[0]: KHR_draco_mesh_compression is not supported"},
    {"'buffers':[{'uri':'b.bin'}]", RG_ERROR_FORMAT, "buffers[0].byteLength: is missing"},
    {"'buffers':[{'uri':'b.bin','byteLength':65}]", RG_ERROR_FORMAT, "65, of data of 64 bytes"},
    {"'buffers':[{'uri':'none.bin','byteLength':4}]", RG_ERROR_NOT_FOUND, "buffers[0].uri"},
    {"'buffers':[{'uri':'../b.bin','byteLength':4}]", RG_ERROR_IO, "buffers[0].uri"},
    {"'buffers':[{'uri':'/b.bin','byteLength':4}]", RG_ERROR_UNSUPPORTED, "'/b.bin' is neither"},
    {"'buffers':[{'uri':'%2Fb.bin','byteLength':4}]", RG_ERROR_FORMAT, "names no relative file"},
    {"'buffers':[{'uri':'http://a/b','byteLength':4}]", RG_ERROR_UNSUPPORTED, "'http://a/b'"},
    {"'buffers':[{'uri':'b%0Gbin','byteLength':4}]", RG_ERROR_FORMAT, "'b%0Gbin' names no"},
    {"'buffers':[{'uri':'b%00bin','byteLength':4}]", RG_ERROR_FORMAT, "'b%00bin' names no"},
    {"'buffers':[{'uri':'data:,abc','byteLength':3}]", RG_ERROR_UNSUPPORTED, "not base64"},
    {"'buffers':[{'uri':'data:;base64,AAA','byteLength':1}]", RG_ERROR_FORMAT, "base64 of 3"},
    {"'buffers':[{'uri':'data:;base64,A===','byteLength':1}]", RG_ERROR_FORMAT, "at digit 0"},
    {"'buffers':[{'uri':'data:;base64,AAAAAAB=','byteLength':1}]", RG_ERROR_FORMAT, "at digit 4"},
    {"'buffers':[{'uri':'data:;base64,AA=A','byteLength':1}]", RG_ERROR_FORMAT, "at digit 0"},
    {"'buffers':[{'uri':'data:;base64,AA-A','byteLength':1}]", RG_ERROR_FORMAT, "at digit 0"},
    {BUFFER "'bufferViews':[{'buffer':1,'byteLength':4}]", RG_ERROR_FORMAT, "1 of 1 buffers"},
    {BUFFER "'bufferViews':[{'buffer':0,'byteOffset':61,'byteLength':4}]", RG_ERROR_FORMAT,
     "bufferViews[0].byteLength: 4 bytes at offset 61, of a buffer of 64"},
    {BUFFER "'bufferViews':[{'buffer':0,'byteOffset':9007199254740991,"
            "'byteLength':9007199254740991}]",
     RG_ERROR_FORMAT, "at offset 9007199254740991"},
    {BUFFER "'bufferViews':[{'buffer':0,'byteLength':8,'byteStride':6}]", RG_ERROR_FORMAT,
     "byteStride: 6 is no multiple of 4"},
    {VIEW "'accessors':[{'bufferView':0,'count':6," FLOATS "}]", RG_ERROR_FORMAT,
     "accessors[0].count: 6 elements end at byte 72 of 64"},
    {VIEW "'accessors':[{'bufferView':0,'count':4294967294," FLOATS "}]", RG_ERROR_FORMAT,
     "accessors[0].count: 4294967294 elements end at byte 51539607528 of 64"},
    {VIEW "'accessors':[{'bufferView':0,'byteOffset':2,'count':1," FLOATS "}]", RG_ERROR_FORMAT,
     "align to 4"},
    {"'accessors':[{'count':0," FLOATS "}]", RG_ERROR_FORMAT, "accessors[0].count: is 0"},
    {"'accessors':[{'count':1,'type':'VEC5','componentType':5126}]", RG_ERROR_FORMAT,
     "accessors[0].type: 'VEC5' is none of"},
    {"'accessors':[{'count':1,'type':'VEC3','componentType':5124}]", RG_ERROR_FORMAT,
     "accessors[0].componentType: 5124 is none of"},
    {VIEW "'accessors':[{'count':1," FLOATS ",'sparse':{'count':2,'indices':{},'values':{}}}]",
     RG_ERROR_FORMAT, "accessors[0].sparse.count: 2 exceeds 1"},
    {VIEW "'accessors':[{'count':9," FLOATS ",'sparse':{'count':2,'indices':{'bufferView':0,"
          "'componentType':5121},'values':{'bufferView':0}}}]",
     RG_ERROR_FORMAT, "accessors[0].sparse.indices: index 1 is 0: they must rise"},
    {"'accessors':[{'count':400000000," FLOATS "}],'meshes':[{'primitives':[{'attributes':"
     "{'POSITION':0}}]}]",
     RG_ERROR_LIMIT, "1200000000 numbers, after 0 of other accessors, exceed"},
    {"'accessors':[{'count':80000000," FLOATS "}],'meshes':[{'primitives':[{'attributes':"
     "{'POSITION':0,'NORMAL':0}}]}]",
     RG_ERROR_LIMIT, "240000000 numbers, after 240000000 of other accessors, exceed"},
    {"'meshes':[{}]", RG_ERROR_FORMAT, "meshes[0].primitives: is missing"},
    {"'meshes':[{'primitives':[{}]}]", RG_ERROR_FORMAT, "primitives[0].attributes: is missing"},
    {"'meshes':[{'primitives':[7]}]", RG_ERROR_FORMAT, "primitives[0]: expected an object"},
    {POINTS "'meshes':[{'primitives':[{'attributes':{'POSITION':0},'mode':7}]}]", RG_ERROR_FORMAT,
     "meshes[0].primitives[0].mode: 7 exceeds 6"},
    {POINTS "'meshes':[{'primitives':[{'attributes':{'POSITION':9}}]}]", RG_ERROR_FORMAT,
     "attributes.POSITION: 9 of 3 accessors"},
    {POINTS "'meshes':[{'primitives':[{'attributes':{'POSITION':1}}]}]", RG_ERROR_FORMAT,
     "attributes.POSITION: 1 × 1 numbers of component type 5121 in accessors[1]"},
    {POINTS "'meshes':[{'primitives':[{'attributes':{'POSITION':0,'NORMAL':2}}]}]", RG_ERROR_FORMAT,
     "attributes.NORMAL: 3 elements for 2 vertices"},
    {POINTS "'meshes':[{'primitives':[{'attributes':{'POSITION':0},'indices':0}]}]",
     RG_ERROR_FORMAT, "primitives[0].indices: accessors[0] is no SCALAR of unsigned integers"},
    {POINTS "'meshes':[{'primitives':[{'attributes':{'POSITION':0},'indices':1}]}]",
     RG_ERROR_FORMAT, "index 0 is 255 (primitive restart), of 2 vertices"},
    {VIEW "'accessors':[{'count':300," FLOATS
          "},{'bufferView':0,'byteOffset':32,'count':1,'componentType':5121,'type':'SCALAR'}],"
          "'meshes':[{'primitives':[{'attributes':{'POSITION':0},'indices':1}]}]",
     RG_ERROR_FORMAT, "index 0 is 255 (primitive restart), of 300 vertices"},
    {POINTS "'meshes':[{'primitives':[{'attributes':{'POSITION':2}}]}]", RG_ERROR_FORMAT,
     "accessors[2]: element 2, component 2 is -nan"},
    {POINTS "'meshes':[{'primitives':[{'attributes':{'POSITION':0},'targets':[{'POSITION':7}]}]}]",
     RG_ERROR_FORMAT, "targets[0].POSITION: 7 of 3 accessors"},
    {POINTS "'meshes':[{'primitives':[{'attributes':{'POSITION':0},'material':0}]}]",
     RG_ERROR_FORMAT, "primitives[0].material: 0 of 0 materials"},
    {"'images':[{}]", RG_ERROR_FORMAT, "images[0]: has neither of uri and bufferView"},
    {"'textures':[{'source':0}]", RG_ERROR_FORMAT, "textures[0].source: 0 of 0 images"},
    {"'samplers':[{'wrapS':1}],'textures':[{'sampler':0}]", RG_ERROR_FORMAT,
     "samplers[0].wrapS: 1"},
    {"'materials':[{'pbrMetallicRoughness':{'baseColorTexture':{'index':0}}}]", RG_ERROR_FORMAT,
     "materials[0].pbrMetallicRoughness.baseColorTexture.index: 0 of 0 textures"},
    {"'materials':[{'pbrMetallicRoughness':{'metallicFactor':1e39}}]", RG_ERROR_FORMAT,
     "metallicFactor: 1e+39 is not a finite float"},
    {"'materials':[{'alphaMode':'CUT'}]", RG_ERROR_FORMAT, "alphaMode: 'CUT' is none of"},
    {"'materials':[{'name':5}]", RG_ERROR_FORMAT, "materials[0].name: expected a string"},
    {"'materials':[{'emissiveFactor':[3e38,0,0],'extensions':{'KHR_materials_emissive_strength':"
     "{'emissiveStrength':10}}}]",
     RG_ERROR_FORMAT, "emissiveStrength: 10 times emissiveFactor is not finite"},
};

static void each_fault_is_refused_with_path_and_limit(void **state) {
  (void)state;
  unsigned char bytes[64] = {0};
  memset(bytes + 32, 255, 32);
  const uint64_t live = atomic_load(&here.memory.live_bytes);
  for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
    char text[1024];
    gltf_file file;
    snprintf(text, sizeof text, "{'asset':{'version':'2.0'},%s}", faults[i].json);
    const rg_result result = model_load(text, bytes, sizeof bytes, &file);
    if (result != faults[i].result || strstr(rg_error(), faults[i].words) == NULL) {
      fail_msg("%s gives %s: '%s'", faults[i].json, rg_result_name(result), rg_error());
    }
    assert_memory_equal(rg_error(), "x.gltf: ", 8);
    assert_null(file.primitives);
    assert_int_equal(atomic_load(&here.memory.live_bytes), live);
  }
}

static void what_is_no_gltf_2_is_refused(void **state) {
  (void)state;
  static const fault wrong[] = {
      {"", RG_ERROR_FORMAT, "x.gltf"},
      {"[]", RG_ERROR_FORMAT, "x.gltf: is no JSON object"},
      {"{}", RG_ERROR_FORMAT, "x.gltf: asset: is missing"},
      {"{'asset':{}}", RG_ERROR_FORMAT, "x.gltf: asset.version: is missing"},
      {"{'asset':{'version':'1.0'}}", RG_ERROR_UNSUPPORTED, "asset.version: '1.0': only 2.0"},
      {"{'asset':{'version':'2.1','minVersion':'2.1'}}", RG_ERROR_UNSUPPORTED, "minVersion: '2.1'"},
      {"{'asset':{'version':2}}", RG_ERROR_FORMAT, "asset.version: expected a string"},
      {"glTF", RG_ERROR_FORMAT, "4 bytes are less than a .glb header's 12"},
  };
  for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
    gltf_file file;
    assert_int_equal(model_load(wrong[i].json, "", 0, &file), wrong[i].result);
    if (strstr(rg_error(), wrong[i].words) == NULL) {
      fail_msg("'%s' lacks '%s'", rg_error(), wrong[i].words);
    }
  }
}

static void many_uses_of_one_image_are_held_to_the_limit(void **state) {
  (void)state;
  char text[4096] =
      "{'asset':{'version':'2.0'},'buffers':[{'uri':'b.bin','byteLength':100000}],"
      "'bufferViews':[{'buffer':0,'byteLength':100000}],'images':[{'bufferView':0}";
  for (int i = 0; i < 20; i++) {
    strcat(text, ",{'bufferView':0}");
  }
  strcat(text, "]}");
  unsigned char *bytes = calloc(1, 100000);
  assert_non_null(bytes);
  gltf_file file;
  assert_int_equal(model_load(text, bytes, 100000, &file), RG_ERROR_LIMIT);
  assert_string_equal(rg_error(),
                      "x.gltf: images[9]: 100000 bytes, after 1000000 of other buffers and images, "
                      "exceed the limit of 1048576");
  free(bytes);
}

/* ---- Real files, changed ---- */

typedef struct sample {
  const char *folder, *file, *buffer; /* buffer: NULL for containers */
} sample;

static const sample samples[] = {
    {"gltf/BoxTextured/", "BoxTextured.gltf", "BoxTextured0.bin"},
    {"gltf/TextureTransform/", "TextureTransformTest.gltf", "TextureTransformTest.bin"},
    {"gltf/ClearCoatTest/", "ClearCoatTest.gltf", "ClearCoatTest.bin"},
    {"gltf/", "greenman.glb", NULL},
    {"bad/gltf/", "BoxWithInfinites.glb", NULL},
    {"bad/gltf/", "RecursiveNodes.gltf", NULL},
    {"bad/gltf/IndexOutOfRange/", "IndexOutOfRange.gltf", "IndexOutOfRange.bin"},
};

/* Reads a file of the sample's folder; false, having said so, where there is no data. */
static bool sample_read(const sample *from, const char *file, file_data *out) {
  file_roots roots;
  char name[128];
  snprintf(name, sizeof name, "%s%s", from->folder, file);
  if (!test_data_open(&roots, &here.memory)) {
    return false;
  }
  const rg_result result = file_read(&roots, name, TEST_DATA_MAX_SIZE, out);
  file_roots_finish(&roots);
  assert_int_equal(result, RG_OK);
  return true;
}

static void load_any(const unsigned char *bytes, size_t size) {
  gltf_file file;
  model_write("x.gltf", bytes, size);
  const rg_result result = gltf_load(&here.memory, &here.roots, "x.gltf", 4u << 20, &file);
  if (result != RG_OK) {
    assert_memory_equal(rg_error(), "x.gltf", 6);
    assert_null(file.primitives);
  }
  for (uint32_t i = 0; i < file.primitive_count; i++) {
    test_hash(file.primitives[i].vertices,
              (size_t)file.primitives[i].vertex_count * file.primitives[i].vertex_stride);
  }
  gltf_finish(&file);
}

static void mutate_often(const sample *from, int rounds) {
  file_data data, buffer = {0};
  if (!sample_read(from, from->file, &data)) {
    skip();
  }
  if (from->buffer != NULL) {
    assert_true(sample_read(from, from->buffer, &buffer));
    model_write(from->buffer, buffer.bytes, buffer.size);
  }
  uint32_t random = 7;
  for (int i = 0; i < rounds; i++) {
    unsigned char *copy = malloc(data.size);
    assert_non_null(copy);
    memcpy(copy, data.bytes, data.size);
    load_any(copy, test_mutate(copy, data.size, &random));
    free(copy);
  }
  if (from->buffer != NULL) {
    model_remove(from->buffer);
  }
  file_data_finish(&buffer);
  file_data_finish(&data);
}

static void changed_bytes_give_a_model_or_a_message(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++) {
    mutate_often(&samples[i], 300);
  }
}

/* Digits, where numbers are, make files that are wrong in their meaning only. */
static void changed_numbers_give_a_model_or_a_message(void **state) {
  (void)state;
  file_data data, buffer;
  const sample *from = &samples[0];
  if (!sample_read(from, from->file, &data)) {
    skip();
  }
  assert_true(sample_read(from, from->buffer, &buffer));
  model_write(from->buffer, buffer.bytes, buffer.size);
  uint32_t random = 3;
  for (size_t i = 0; i < data.size; i++) {
    const unsigned char old = data.bytes[i];
    if (old >= '0' && old <= '9') {
      data.bytes[i] = (unsigned char)('0' + test_random(&random) % 10);
      load_any(data.bytes, data.size);
      data.bytes[i] = old;
    }
  }
  model_remove(from->buffer);
  file_data_finish(&buffer);
  file_data_finish(&data);
}

static void fail_each_allocation(const sample *from) {
  const char *folder = test_data_folder();
  char name[128];
  snprintf(name, sizeof name, "%s%s", from->folder, from->file);
  rg_result result = RG_ERROR_OUT_OF_HOST_MEMORY;
  for (uint64_t i = 1; result != RG_OK; i++) {
    test_memory counted = {0};
    const rg_allocator allocator = test_memory_allocator(&counted);
    host_memory failing;
    host_memory_init(&failing, &allocator);
    file_roots roots;
    assert_int_equal(file_roots_init(&roots, &failing, &folder, 1), RG_OK);
    const uint64_t live = counted.live;
    counted.fail_at = counted.calls + i;
    gltf_file file;
    result = gltf_load(&failing, &roots, name, TEST_DATA_MAX_SIZE, &file);
    assert_true(result == RG_OK || result == RG_ERROR_OUT_OF_HOST_MEMORY);
    assert_true(result != RG_OK || counted.calls < counted.fail_at);
    gltf_finish(&file);
    assert_int_equal(counted.live, live);
    counted.fail_at = 0;
    file_roots_finish(&roots);
    assert_int_equal(counted.live, 0);
  }
}

static void every_failing_allocation_is_reported_and_leaks_nothing(void **state) {
  (void)state;
  file_data data;
  if (!sample_read(&samples[0], samples[0].file, &data)) {
    skip();
  }
  file_data_finish(&data);
  for (size_t i = 0; i < 4; i++) {
    fail_each_allocation(&samples[i]);
  }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, models_begin, models_end)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(each_fault_is_refused_with_path_and_limit),
      TEST(what_is_no_gltf_2_is_refused),
      TEST(many_uses_of_one_image_are_held_to_the_limit),
      TEST(changed_bytes_give_a_model_or_a_message),
      TEST(changed_numbers_give_a_model_or_a_message),
      TEST(every_failing_allocation_is_reported_and_leaks_nothing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
