/* Reads values of a glTF file's JSON by key, so that each error names its path. */
#include <float.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/result.h"
#include "gltf_internal.h"

static const char *const kind_keys[GLTF_KIND_COUNT] = {
    [GLTF_BUFFERS] = "buffers",     [GLTF_BUFFER_VIEWS] = "bufferViews",
    [GLTF_ACCESSORS] = "accessors", [GLTF_IMAGES] = "images",
    [GLTF_SAMPLERS] = "samplers",   [GLTF_TEXTURES] = "textures",
    [GLTF_MATERIALS] = "materials", [GLTF_MESHES] = "meshes",
    [GLTF_NODES] = "nodes",         [GLTF_SCENES] = "scenes",
    [GLTF_SKINS] = "skins",         [GLTF_CAMERAS] = "cameras",
};

rg_result gltf_fail(const gltf_value *value, rg_result result, const char *key, const char *format,
                    ...) {
  char detail[512];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(detail, sizeof detail, format, arguments);
  va_end(arguments);
  const bool has_both = value->path[0] != '\0' && key != NULL && key[0] != '[';
  return result_set(result, "%s: %s%s%s: %s", value->reader->name, value->path, has_both ? "." : "",
                    key != NULL ? key : "", detail);
}

gltf_value gltf_root(gltf_reader *reader) {
  return (gltf_value){.reader = reader, .json = reader->root};
}

gltf_value gltf_item(gltf_reader *reader, gltf_kind kind, uint32_t index) {
  gltf_value value = {.reader = reader, .json = reader->tables[kind].items[index]};
  snprintf(value.path, sizeof value.path, "%s[%u]", kind_keys[kind], index);
  return value;
}

gltf_value gltf_child(const gltf_value *array, const cJSON *json, uint32_t index) {
  gltf_value value = {.reader = array->reader, .json = json};
  snprintf(value.path, sizeof value.path, "%.*s[%u]", GLTF_PATH_SIZE - 13, array->path, index);
  return value;
}

static const char *type_name(const cJSON *json) {
  if (cJSON_IsObject(json)) {
    return "an object";
  }
  if (cJSON_IsArray(json)) {
    return "an array";
  }
  if (cJSON_IsString(json)) {
    return "a string";
  }
  if (cJSON_IsNumber(json)) {
    return "a number";
  }
  return cJSON_IsNull(json) ? "null" : "a boolean";
}

static const cJSON *member(const gltf_value *object, const char *key) {
  return cJSON_GetObjectItemCaseSensitive(object->json, key);
}

static rg_result wrong_type(const gltf_value *object, const char *key, const char *expected,
                            const cJSON *found) {
  return gltf_fail(object, RG_ERROR_FORMAT, key, "expected %s, found %s", expected,
                   type_name(found));
}

static void value_set(const gltf_value *object, const char *key, const cJSON *json,
                      gltf_value *out) {
  gltf_value value = {.reader = object->reader, .json = json};
  snprintf(value.path, sizeof value.path, "%.80s%s%.45s", object->path,
           object->path[0] != '\0' ? "." : "", key);
  *out = value;
}

rg_result gltf_get_object(const gltf_value *object, const char *key, gltf_value *out) {
  const cJSON *json = member(object, key);
  value_set(object, key, json, out);
  return json == NULL || cJSON_IsObject(json) ? RG_OK : wrong_type(object, key, "an object", json);
}

rg_result gltf_get_array(const gltf_value *object, const char *key, gltf_value *out) {
  const cJSON *json = member(object, key);
  value_set(object, key, json, out);
  return json == NULL || cJSON_IsArray(json) ? RG_OK : wrong_type(object, key, "an array", json);
}

rg_result gltf_get_string(const gltf_value *object, const char *key, const char **out) {
  const cJSON *json = member(object, key);
  if (json == NULL) {
    return RG_OK;
  }
  if (!cJSON_IsString(json)) {
    return wrong_type(object, key, "a string", json);
  }
  *out = json->valuestring;
  return RG_OK;
}

rg_result gltf_get_bool(const gltf_value *object, const char *key, bool *out) {
  const cJSON *json = member(object, key);
  if (json == NULL) {
    return RG_OK;
  }
  if (!cJSON_IsBool(json)) {
    return wrong_type(object, key, "a boolean", json);
  }
  *out = cJSON_IsTrue(json);
  return RG_OK;
}

static rg_result uint_read(const gltf_value *object, const char *key, const cJSON *json,
                           uint64_t *out) {
  if (!cJSON_IsNumber(json)) {
    return wrong_type(object, key, "a number", json);
  }
  const double number = json->valuedouble;
  if (!(number >= 0.0 && number <= 9007199254740991.0) || number != floor(number)) {
    return gltf_fail(object, RG_ERROR_FORMAT, key, "%g is no whole number from 0 up", number);
  }
  *out = (uint64_t)number;
  return RG_OK;
}

rg_result gltf_get_uint(const gltf_value *object, const char *key, uint64_t max, uint64_t *out) {
  const cJSON *json = member(object, key);
  if (json == NULL) {
    return RG_OK;
  }
  uint64_t number = 0;
  const rg_result result = uint_read(object, key, json, &number);
  if (result == RG_OK && number > max) {
    return gltf_fail(object, RG_ERROR_FORMAT, key, "%llu exceeds %llu", (unsigned long long)number,
                     (unsigned long long)max);
  }
  *out = result == RG_OK ? number : *out;
  return result;
}

static rg_result index_read(const gltf_value *object, const char *key, const cJSON *json,
                            gltf_kind kind, uint32_t *out) {
  uint64_t number = 0;
  const rg_result result = uint_read(object, key, json, &number);
  if (result != RG_OK) {
    return result;
  }
  const uint32_t count = object->reader->tables[kind].count;
  if (number >= count) {
    return gltf_fail(object, RG_ERROR_FORMAT, key, "%llu of %u %s", (unsigned long long)number,
                     count, kind_keys[kind]);
  }
  *out = (uint32_t)number;
  return RG_OK;
}

rg_result gltf_get_index(const gltf_value *object, const char *key, gltf_kind kind, uint32_t *out) {
  const cJSON *json = member(object, key);
  return json == NULL ? RG_OK : index_read(object, key, json, kind, out);
}

rg_result gltf_check_indices(const gltf_value *object, const char *key, gltf_kind kind) {
  gltf_value array;
  const rg_result result = gltf_get_array(object, key, &array);
  if (result != RG_OK || array.json == NULL) {
    return result;
  }
  uint32_t i = 0, index;
  const cJSON *json;
  cJSON_ArrayForEach(json, array.json) {
    const gltf_value child = gltf_child(&array, json, i++);
    const rg_result checked = index_read(&child, NULL, json, kind, &index);
    if (checked != RG_OK) {
      return checked;
    }
  }
  return RG_OK;
}

static rg_result float_read(const gltf_value *object, const char *key, const cJSON *json,
                            float *out) {
  if (!cJSON_IsNumber(json)) {
    return wrong_type(object, key, "a number", json);
  }
  if (!(fabs(json->valuedouble) <= (double)FLT_MAX)) {
    return gltf_fail(object, RG_ERROR_FORMAT, key, "%g is not a finite float", json->valuedouble);
  }
  *out = (float)json->valuedouble;
  return RG_OK;
}

rg_result gltf_get_floats(const gltf_value *object, const char *key, float *out, uint32_t count) {
  const cJSON *json = member(object, key);
  if (json == NULL) {
    return RG_OK;
  }
  if (count == 1) {
    return float_read(object, key, json, out);
  }
  const int found = cJSON_IsArray(json) ? cJSON_GetArraySize(json) : 0;
  if (found != (int)count) {
    return cJSON_IsArray(json)
               ? gltf_fail(object, RG_ERROR_FORMAT, key, "%d numbers of %u", found, count)
               : wrong_type(object, key, "an array", json);
  }
  const cJSON *item;
  cJSON_ArrayForEach(item, json) {
    const rg_result result = float_read(object, key, item, out++);
    if (result != RG_OK) {
      return result;
    }
  }
  return RG_OK;
}

rg_result gltf_get_extension(const gltf_value *object, const char *name, gltf_value *out) {
  gltf_value extensions;
  const rg_result result = gltf_get_object(object, "extensions", &extensions);
  return result == RG_OK ? gltf_get_object(&extensions, name, out) : result;
}

rg_result gltf_require(const gltf_value *object, const char *key) {
  return member(object, key) != NULL ? RG_OK
                                     : gltf_fail(object, RG_ERROR_FORMAT, key, "is missing");
}

rg_result gltf_check_object(const gltf_value *value) {
  return cJSON_IsObject(value->json) ? RG_OK : wrong_type(value, NULL, "an object", value->json);
}

static rg_result table_init(gltf_reader *reader, gltf_kind kind) {
  const gltf_value root = gltf_root(reader);
  gltf_value array;
  const rg_result result = gltf_get_array(&root, kind_keys[kind], &array);
  if (result != RG_OK || array.json == NULL || array.json->child == NULL) {
    return result;
  }
  const uint32_t count = (uint32_t)cJSON_GetArraySize(array.json);
  gltf_table *table = &reader->tables[kind];
  table->items = arena_alloc(&reader->scratch, count * sizeof(cJSON *));
  if (table->items == NULL) {
    return result_no_memory("glTF tables", count * sizeof(cJSON *));
  }
  const cJSON *json;
  cJSON_ArrayForEach(json, array.json) {
    const gltf_value child = gltf_child(&array, json, table->count);
    const rg_result checked = gltf_check_object(&child);
    if (checked != RG_OK) {
      return checked;
    }
    table->items[table->count++] = json;
  }
  return RG_OK;
}

rg_result gltf_tables_init(gltf_reader *reader) {
  rg_result result = RG_OK;
  for (int kind = 0; kind < GLTF_KIND_COUNT && result == RG_OK; kind++) {
    result = table_init(reader, (gltf_kind)kind);
  }
  return result;
}

/* Counts a use of a name by a kind; the count, or NULL when out of memory. */
static uint32_t *name_use(gltf_reader *reader, gltf_kind kind, const char *name) {
  char *key = arena_printf(&reader->scratch, "%d %s", (int)kind, name);
  uint32_t *uses = key != NULL ? hash_map_get(&reader->names, key, strlen(key)) : NULL;
  if (key != NULL && uses == NULL) {
    uses = arena_alloc(&reader->scratch, sizeof *uses);
    if (uses != NULL && hash_map_set(&reader->names, key, strlen(key), uses) != RG_OK) {
      uses = NULL;
    }
  }
  if (uses != NULL) {
    ++*uses;
  }
  return uses;
}

/* The name itself, or with the first free of "#2", "#3"…; NULL when out of memory. */
static const char *name_make_unique(gltf_reader *reader, gltf_kind kind, const char *name) {
  uint32_t *uses = name_use(reader, kind, name);
  const uint32_t *others = uses;
  const char *unique = name;
  while (others != NULL && *others > 1) {
    unique = arena_printf(&reader->file->arena, "%s#%u", name, *uses);
    others = unique != NULL ? name_use(reader, kind, unique) : NULL;
    *uses += others != NULL && *others > 1;
  }
  return others != NULL ? unique : NULL;
}

rg_result gltf_name(gltf_reader *reader, gltf_kind kind, uint32_t index, const char *fallback,
                    const char **out) {
  const gltf_value item = gltf_item(reader, kind, index);
  const char *given = NULL;
  const rg_result result = gltf_get_string(&item, "name", &given);
  if (result != RG_OK) {
    return result;
  }
  arena *memory = &reader->file->arena;
  char *name = given != NULL && given[0] != '\0' ? arena_strdup(memory, given)
                                                 : arena_printf(memory, "%s%u", fallback, index);
  *out = name != NULL ? name_make_unique(reader, kind, name) : NULL;
  return *out != NULL ? RG_OK : result_no_memory("glTF names", 0);
}
