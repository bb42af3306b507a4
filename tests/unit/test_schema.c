/* The tables of descriptors' fields: that they describe the C structs, and that JSON made from them
 * comes back whole. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "resource/schema.h"
#include "resource/schema_json.h"

static const char *const names[] = {"engine", "buffer", "texture",  "sampler", "shader",
                                    "stage",  "state",  "material", "set",     "pool"};
#define SCHEMA_COUNT (sizeof names / sizeof names[0])

/* ---- Tables -------------------------------------------------------------------------------- */

static uint32_t kind_size(const rg_field *field) {
  switch (field->kind) {
    case RG_FIELD_BOOL: return sizeof(bool);
    case RG_FIELD_UINT32:
    case RG_FIELD_FLOAT:
    case RG_FIELD_ENUM:
    case RG_FIELD_FLAGS:
    case RG_FIELD_FORMAT: return 4;
    case RG_FIELD_HANDLE:
    case RG_FIELD_UINT64: return 8;
    case RG_FIELD_STRING:
    case RG_FIELD_STRINGS:
    case RG_FIELD_BYTES: return sizeof(void *);
    case RG_FIELD_STRUCT: return (uint32_t)field->schema->size;
  }
  return 0;
}

static void every_descriptor_has_a_schema_of_its_name(void **state) {
  (void)state;
  for (size_t i = 0; i < SCHEMA_COUNT; i++) {
    const rg_schema *schema = rg_schema_find(names[i]);
    assert_non_null(schema);
    assert_string_equal(schema->name, names[i]);
    assert_true(schema->field_count > 0);
  }
  assert_null(rg_schema_find("bufer"));
  assert_null(rg_schema_find(NULL));
  assert_int_equal(rg_schema_find("buffer")->size, sizeof(rg_buffer_desc));
  assert_int_equal(rg_schema_find("texture")->size, sizeof(rg_texture_desc));
  assert_int_equal(rg_schema_find("set")->size, sizeof(rg_set_desc));
}

static void fields_lie_inside_their_descriptor_and_apart(void **state) {
  (void)state;
  for (size_t i = 0; i < SCHEMA_COUNT; i++) {
    const rg_schema *schema = rg_schema_find(names[i]);
    unsigned char *used = calloc(1, schema->size);
    for (uint32_t j = 0; j < schema->field_count; j++) {
      const rg_field *field = &schema->fields[j];
      assert_true(field->offset + kind_size(field) <= schema->size);
      for (size_t k = 0; k < kind_size(field); k++) {
        assert_int_equal(used[field->offset + k]++, 0);
      }
      if (field->kind == RG_FIELD_BYTES) {
        assert_true(field->size_offset + sizeof(uint64_t) <= schema->size);
      }
    }
    free(used);
  }
}

static void fields_have_distinct_names_and_summaries(void **state) {
  (void)state;
  for (size_t i = 0; i < SCHEMA_COUNT; i++) {
    const rg_schema *schema = rg_schema_find(names[i]);
    for (uint32_t j = 0; j < schema->field_count; j++) {
      const rg_field *field = &schema->fields[j];
      assert_ptr_equal(rg_schema_field(schema, field->name), field);
      assert_true(strlen(field->summary) > 10);
      assert_null(strchr(field->summary, '\n'));
    }
    assert_null(rg_schema_field(schema, "no_such_field"));
  }
}

static void named_values_are_distinct_and_none_is_the_default(void **state) {
  (void)state;
  for (size_t i = 0; i < SCHEMA_COUNT; i++) {
    const rg_schema *schema = rg_schema_find(names[i]);
    for (uint32_t j = 0; j < schema->field_count; j++) {
      const rg_field *field = &schema->fields[j];
      bool is_named = field->kind == RG_FIELD_ENUM || field->kind == RG_FIELD_FLAGS;
      assert_int_equal(field->names != NULL, is_named);
      assert_int_equal(field->schema != NULL, field->kind == RG_FIELD_STRUCT);
      assert_int_equal(field->handle_type != RG_TYPE_NONE, field->kind == RG_FIELD_HANDLE);
      for (const rg_name_value *name = field->names; is_named && name->name != NULL; name++) {
        assert_int_not_equal(name->value, 0);
        assert_ptr_equal(schema_value_find(field->names, name->name), name);
        assert_ptr_equal(schema_value_name(field->names, name->value), name->name);
      }
    }
  }
}

/* ---- JSON ---------------------------------------------------------------------------------- */

static const char *const some_strings[] = {"one", "two", NULL};

/* Gives every field with a JSON form a value that is not its default. */
static void fill(const rg_schema *schema, void *desc) {
  static const bool yes = true;
  static const float number = 0.1f;
  for (uint32_t i = 0; i < schema->field_count; i++) {
    const rg_field *field = &schema->fields[i];
    char *target = (char *)desc + field->offset;
    uint32_t small = 3 + i, flags = 0;
    uint64_t large = 5000000000u + i;
    switch (field->kind) {
      case RG_FIELD_BOOL: memcpy(target, &yes, sizeof yes); break;
      case RG_FIELD_UINT32: memcpy(target, &small, sizeof small); break;
      case RG_FIELD_UINT64:
        large = field->maximum > 0 && field->maximum < 5e9 ? 1048576u : large;
        memcpy(target, &large, sizeof large);
        break;
      case RG_FIELD_FLOAT: memcpy(target, &number, sizeof number); break;
      case RG_FIELD_STRING: schema_set_pointer(target, 0, "a \"string\"\n"); break;
      case RG_FIELD_STRINGS: schema_set_pointer(target, 0, some_strings); break;
      case RG_FIELD_ENUM: memcpy(target, &field->names[1].value, 4); break;
      case RG_FIELD_FLAGS:
        flags = field->names[0].value | field->names[2].value;
        memcpy(target, &flags, sizeof flags);
        break;
      case RG_FIELD_FORMAT: memcpy(target, &(VkFormat){VK_FORMAT_R8G8B8A8_SRGB}, 4); break;
      case RG_FIELD_STRUCT: fill(field->schema, target); break;
      case RG_FIELD_HANDLE:
      case RG_FIELD_BYTES: break;
    }
  }
}

static void assert_same_strings(const char *const *a, const char *const *b) {
  for (; *a != NULL && *b != NULL; a++, b++) {
    assert_string_equal(*a, *b);
  }
  assert_ptr_equal(*a, *b);
}

static void assert_same(const rg_schema *schema, const void *a, const void *b) {
  for (uint32_t i = 0; i < schema->field_count; i++) {
    const rg_field *field = &schema->fields[i];
    const char *left = (const char *)a + field->offset, *right = (const char *)b + field->offset;
    if (strcmp(field->name, "name") == 0) {
      assert_null(schema_get_pointer(b, field->offset));
    } else if (field->kind == RG_FIELD_STRUCT) {
      assert_same(field->schema, left, right);
    } else if (field->kind == RG_FIELD_STRING) {
      assert_string_equal(schema_get_pointer(left, 0), schema_get_pointer(right, 0));
    } else if (field->kind == RG_FIELD_STRINGS) {
      assert_same_strings(schema_get_pointer(left, 0), schema_get_pointer(right, 0));
    } else {
      assert_memory_equal(left, right, kind_size(field));
    }
  }
}

static rg_result read_text(arena *into, const char *schema, const char *text, void *desc,
                           cJSON **json) {
  json_place root = {.key = "test.json"};
  json_place place = {.parent = &root, .key = "thing"};
  *json = cJSON_Parse(text);
  assert_non_null(*json);
  return schema_json_read(into, &place, rg_schema_find(schema), NULL, *json, desc);
}

static char *write_text(const rg_schema *schema, const void *desc) {
  cJSON *object = cJSON_CreateObject();
  assert_int_equal(schema_json_write("thing", schema, desc, object), RG_OK);
  char *text = cJSON_Print(object);
  cJSON_Delete(object);
  return text;
}

static void every_field_survives_json_and_gives_the_same_text_again(void **state) {
  (void)state;
  host_memory memory;
  host_memory_init(&memory, NULL);
  for (size_t i = 0; i < SCHEMA_COUNT; i++) {
    const rg_schema *schema = rg_schema_find(names[i]);
    arena into;
    arena_init(&into, &memory);
    void *desc = calloc(1, schema->size), *back = calloc(1, schema->size);
    fill(schema, desc);
    char *text = write_text(schema, desc);
    cJSON *json = NULL;
    assert_int_equal(read_text(&into, names[i], text, back, &json), RG_OK);
    assert_same(schema, desc, back);
    char *again = write_text(schema, back);
    assert_string_equal(text, again);
    cJSON_free(text);
    cJSON_free(again);
    cJSON_Delete(json);
    free(desc);
    free(back);
    arena_finish(&into);
  }
  assert_int_equal(memory.live_count, 0);
}

static void fields_of_default_value_are_not_written(void **state) {
  (void)state;
  rg_texture_desc texture = {0};
  char *text = write_text(rg_schema_find("texture"), &texture);
  assert_string_equal(text, "{\n}");
  cJSON_free(text);
}

static void floats_are_written_with_the_fewest_digits_that_read_back(void **state) {
  (void)state;
  char text[64];
  snprintf(text, sizeof text, "%.15g", schema_json_float(0.1f));
  assert_string_equal(text, "0.1");
  static const float values[] = {1.0f / 3, 16777217.0f, 3.4028235e38f, 1e-40f, -0.7f, 0.0f};
  for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
    assert_true((float)schema_json_float(values[i]) == values[i]);
  }
}

static void bytes_are_refused_by_json(void **state) {
  (void)state;
  rg_buffer_desc buffer = {.size = 4, .data = "abc"};
  cJSON *object = cJSON_CreateObject();
  assert_int_equal(schema_json_write("buffer 'b'", rg_schema_find("buffer"), &buffer, object),
                   RG_ERROR_UNSUPPORTED);
  assert_non_null(strstr(rg_error(), "buffer 'b': data"));
  cJSON_Delete(object);
}

/* The text is refused with that message. */
static void assert_refused(const char *schema, const char *text, const char *message) {
  host_memory memory;
  arena into;
  host_memory_init(&memory, NULL);
  arena_init(&into, &memory);
  void *desc = calloc(1, rg_schema_find(schema)->size);
  cJSON *json = NULL;
  rg_result result = read_text(&into, schema, text, desc, &json);
  if (result != RG_ERROR_FORMAT || strcmp(rg_error(), message) != 0) {
    fail_msg("%s\n gave %s: %s\n instead of %s", text, rg_result_name(result), rg_error(), message);
  }
  cJSON_Delete(json);
  free(desc);
  arena_finish(&into);
}

static void handles_are_refused_by_json(void **state) {
  (void)state;
  rg_texture_desc texture = {.pool = {42}};
  cJSON *object = cJSON_CreateObject();
  assert_int_equal(schema_json_write("texture 't'", rg_schema_find("texture"), &texture, object),
                   RG_ERROR_UNSUPPORTED);
  assert_non_null(strstr(rg_error(), "texture 't': pool is a pool of this engine"));
  cJSON_Delete(object);
}

static void unknown_keys_are_refused_with_the_nearest(void **state) {
  (void)state;
  assert_refused("buffer", "{\"size\": 1, \"lable\": \"x\"}",
                 "test.json: thing: unknown key 'lable'; did you mean 'label'?");
  assert_refused("buffer", "{\"size\": 1, \"zzzzzzz\": 1}",
                 "test.json: thing: unknown key 'zzzzzzz'");
  assert_refused("texture", "{\"sampler\": {\"wrap_x\": \"repeat\"}}",
                 "test.json: thing.sampler: unknown key 'wrap_x'; did you mean 'wrap_u'?");
  assert_refused("material", "{\"name\": \"x\"}", "test.json: thing: unknown key 'name'");
}

static void wrong_values_are_refused_with_their_path(void **state) {
  (void)state;
  assert_refused("buffer", "[]", "test.json: thing: an object is wanted, not an array");
  assert_refused("buffer", "{}", "test.json: thing: size is required");
  assert_refused("buffer", "{\"size\": \"4\"}",
                 "test.json: thing.size: a number is wanted, not a string");
  assert_refused("buffer", "{\"size\": 0}",
                 "test.json: thing.size: 0 is not in 1 to 9007199254740992");
  assert_refused("buffer", "{\"size\": 1.5}", "test.json: thing.size: 1.5 is not a whole number");
  assert_refused("buffer", "{\"size\": 1, \"type\": \"vertx\"}",
                 "test.json: thing.type: 'vertx' is none of vertex, index, uniform, storage, "
                 "indirect, staging");
  assert_refused("buffer", "{\"size\": 1, \"own_vk_buffer\": 1}",
                 "test.json: thing.own_vk_buffer: a boolean is wanted, not a number");
  assert_refused("buffer", "{\"size\": 1, \"data\": \"x\"}",
                 "test.json: thing.data: bytes cannot be given in JSON");
  assert_refused("texture", "{\"pool\": 7}",
                 "test.json: thing.pool: a pool cannot be given in JSON");
  assert_refused("pool", "{\"priority\": 2}", "test.json: thing.priority: 2 is not in 0 to 1");
  assert_refused("texture", "{\"width\": -1}",
                 "test.json: thing.width: -1 is not in 0 to 4294967295");
  assert_refused("texture", "{\"usage\": [\"sampled\", 1]}",
                 "test.json: thing.usage[1]: a string is wanted, not a number");
  assert_refused("texture", "{\"format\": \"r8g8\"}",
                 "test.json: thing.format: 'r8g8' is no format that is known");
  assert_refused("sampler", "{\"lod_bias\": 17}",
                 "test.json: thing.lod_bias: 17 is not in -16 to 16");
  assert_refused("set", "{\"gltf\": \"a.glb\"}",
                 "test.json: thing.gltf: an array of strings is wanted, not a string");
  assert_refused("set", "{\"textures\": [\"a\", null]}",
                 "test.json: thing.textures[1]: a string is wanted, not null");
}

/* ---- Checks and copies --------------------------------------------------------------------- */

static void assert_unchecked(const char *schema, const void *desc, const char *message) {
  assert_int_equal(schema_check(rg_schema_find(schema), desc, "thing 'x'"),
                   RG_ERROR_INVALID_ARGUMENT);
  assert_string_equal(rg_error(), message);
}

static void checks_name_field_value_and_limit(void **state) {
  (void)state;
  assert_unchecked("buffer", &(rg_buffer_desc){0}, "thing 'x': size is 0; it is required");
  assert_unchecked("buffer", &(rg_buffer_desc){.size = 1, .type = (rg_buffer_type)9},
                   "thing 'x': type 9 is none of vertex, index, uniform, storage, indirect, "
                   "staging");
  assert_unchecked("buffer", &(rg_buffer_desc){.size = 1, .usage = 1u << 30},
                   "thing 'x': usage has the bits 0x40000000, none of transfer_src, transfer_dst, "
                   "uniform_texel, storage_texel, uniform, storage, index, vertex, indirect, "
                   "shader_device_address");
  assert_unchecked("texture", &(rg_texture_desc){.sampler.min_lod = NAN},
                   "thing 'x': sampler.min_lod nan is not finite");
  assert_unchecked("texture", &(rg_texture_desc){.sampler.lod_bias = -17},
                   "thing 'x': sampler.lod_bias -17 is not in -16 to 16");
  assert_unchecked("texture", &(rg_texture_desc){.format = (VkFormat)12345},
                   "thing 'x': format 12345 is no format that is known");
  assert_unchecked("set", &(rg_set_desc){0}, "thing 'x': name is required");
  assert_unchecked("set", &(rg_set_desc){.name = ""}, "thing 'x': name is empty");
  const char *const gap[] = {"a", "", NULL};
  assert_unchecked("set", &(rg_set_desc){.name = "s", .materials = gap},
                   "thing 'x': materials[1] is empty");
  assert_int_equal(schema_check(rg_schema_find("texture"), &(rg_texture_desc){0}, "x"), RG_OK);
}

static void copies_share_nothing_with_the_original(void **state) {
  (void)state;
  host_memory memory;
  arena into;
  host_memory_init(&memory, NULL);
  arena_init(&into, &memory);
  char label[] = "label";
  unsigned char data[] = {1, 2, 3};
  rg_buffer_desc buffer = {.size = sizeof data, .data = data, .label = label};
  assert_int_equal(schema_copy(&into, rg_schema_find("buffer"), &buffer), RG_OK);
  memset(label, 'x', 5);
  memset(data, 0, sizeof data);
  assert_string_equal(buffer.label, "label");
  assert_memory_equal(buffer.data, "\1\2\3", 3);
  char first[] = "first";
  const char *list[] = {first, NULL};
  rg_set_desc set = {.name = "s", .gltf = list};
  assert_int_equal(schema_copy(&into, rg_schema_find("set"), &set), RG_OK);
  first[0] = 'x';
  list[0] = NULL;
  assert_string_equal(set.gltf[0], "first");
  assert_null(set.gltf[1]);
  assert_null(set.materials);
  arena_finish(&into);
  assert_int_equal(memory.live_count, 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_descriptor_has_a_schema_of_its_name),
      cmocka_unit_test(fields_lie_inside_their_descriptor_and_apart),
      cmocka_unit_test(fields_have_distinct_names_and_summaries),
      cmocka_unit_test(named_values_are_distinct_and_none_is_the_default),
      cmocka_unit_test(every_field_survives_json_and_gives_the_same_text_again),
      cmocka_unit_test(fields_of_default_value_are_not_written),
      cmocka_unit_test(floats_are_written_with_the_fewest_digits_that_read_back),
      cmocka_unit_test(bytes_are_refused_by_json),
      cmocka_unit_test(handles_are_refused_by_json),
      cmocka_unit_test(unknown_keys_are_refused_with_the_nearest),
      cmocka_unit_test(wrong_values_are_refused_with_their_path),
      cmocka_unit_test(checks_name_field_value_and_limit),
      cmocka_unit_test(copies_share_nothing_with_the_original),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
