/* Manifests to declarations and sets: the whole text is read and checked before anything is
 * declared. */
#include "manifest.h"

#include <inttypes.h>
#include <string.h>

#include "base/json.h"
#include "resources.h"
#include "schema.h"
#include "schema_json.h"

typedef struct manifest_reader {
  resources *layer;
  const char *origin; /* of the declarations */
  arena arena;        /* of descriptors on their way */
  set_list declared;  /* declarations, held by the reader */
  set_list set_descs; /* rg_set_desc *, in the arena */
  set_list made;      /* ids in rg_set *, in the arena: sets that were made */
} manifest_reader;

static rg_result no_memory(void) {
  return result_set(RG_ERROR_OUT_OF_HOST_MEMORY, "manifest: no host memory to read it");
}

/* ---- Shaders ------------------------------------------------------------------------------- */

static rg_result read_stages(manifest_reader *reader, const json_place *place, const cJSON *json,
                             rg_shader_desc *desc) {
  rg_result result = json_expect(place, json, cJSON_IsArray(json), "an array of stages");
  const cJSON *item = NULL;
  if (result != RG_OK) {
    return result;
  }
  cJSON_ArrayForEach(item, json) {
    json_place at = {.parent = place, .index = desc->stage_count};
    if (desc->stage_count == RG_MAX_STAGES) {
      return json_refuse(&at, RG_ERROR_FORMAT, "a shader has at most %d stages", RG_MAX_STAGES);
    }
    result = schema_json_read(&reader->arena, &at, rg_schema_find("stage"), NULL, item,
                              &desc->stages[desc->stage_count]);
    if (result != RG_OK) {
      return result;
    }
    desc->stage_count++;
  }
  return RG_OK;
}

static rg_result read_defines(manifest_reader *reader, const json_place *place, const cJSON *json,
                              rg_shader_desc *desc) {
  rg_result result = json_expect(place, json, cJSON_IsObject(json), "an object of strings");
  const cJSON *item = NULL;
  if (result != RG_OK) {
    return result;
  }
  rg_define *defines =
      arena_alloc(&reader->arena, (size_t)cJSON_GetArraySize(json) * sizeof *defines);
  if (defines == NULL) {
    return no_memory();
  }
  cJSON_ArrayForEach(item, json) {
    json_place at = {.parent = place, .key = item->string};
    result = json_expect(&at, item, cJSON_IsString(item), "a string");
    if (result != RG_OK) {
      return result;
    }
    defines[desc->define_count++] = (rg_define){item->string, item->valuestring};
  }
  desc->defines = defines;
  return RG_OK;
}

/* {NAME: number or boolean}. */
static rg_result read_keywords(manifest_reader *reader, const json_place *place, const cJSON *json,
                               rg_shader_desc *desc) {
  rg_result result = json_expect(place, json, cJSON_IsObject(json), "an object of numbers");
  const cJSON *item = NULL;
  if (result != RG_OK) {
    return result;
  }
  rg_constant_value *keywords =
      arena_alloc(&reader->arena, ((size_t)cJSON_GetArraySize(json) + 1) * sizeof *keywords);
  if (keywords == NULL) {
    return no_memory();
  }
  cJSON_ArrayForEach(item, json) {
    json_place at = {.parent = place, .key = item->string};
    bool is_wanted = cJSON_IsNumber(item) || cJSON_IsBool(item);
    result = json_expect(&at, item, is_wanted, "a number or a boolean");
    if (result != RG_OK) {
      return result;
    }
    double value = cJSON_IsBool(item) ? cJSON_IsTrue(item) : item->valuedouble;
    keywords[desc->keyword_count++] = (rg_constant_value){item->string, value};
  }
  desc->keywords = keywords;
  return RG_OK;
}

static rg_result read_shader(manifest_reader *reader, const json_place *place, const cJSON *json,
                             rg_shader_desc *desc) {
  static const char *const by_hand[] = {"stages", "defines", "keywords", NULL};
  rg_result result = RG_OK;
  RG_TRY(schema_json_read(&reader->arena, place, rg_schema_find("shader"), by_hand, json, desc));
  const cJSON *stages = cJSON_GetObjectItemCaseSensitive(json, "stages");
  const cJSON *defines = cJSON_GetObjectItemCaseSensitive(json, "defines");
  if (stages != NULL) {
    json_place at = {.parent = place, .key = "stages"};
    RG_TRY(read_stages(reader, &at, stages, desc));
  }
  if (defines != NULL) {
    json_place at = {.parent = place, .key = "defines"};
    RG_TRY(read_defines(reader, &at, defines, desc));
  }
  const cJSON *keywords = cJSON_GetObjectItemCaseSensitive(json, "keywords");
  if (keywords != NULL) {
    json_place at = {.parent = place, .key = "keywords"};
    RG_TRY(read_keywords(reader, &at, keywords, desc));
  }
  return RG_OK;
fail:
  return result;
}

/* ---- Materials ----------------------------------------------------------------------------- */

/* {"texture": NAME} or {"buffer": NAME}. */
static rg_result read_reference(const json_place *place, const cJSON *json,
                                rg_parameter *parameter) {
  static const char *const keys[] = {"texture", "buffer", NULL};
  const cJSON *item = json->child;
  if (item == NULL || item->next != NULL) {
    return json_refuse(place, RG_ERROR_FORMAT, "one key, texture or buffer, is wanted");
  }
  if (strcmp(item->string, keys[0]) != 0 && strcmp(item->string, keys[1]) != 0) {
    return json_refuse_key(place, NULL, keys, item->string);
  }
  json_place at = {.parent = place, .key = item->string};
  rg_result result = json_expect(&at, item, cJSON_IsString(item), "a string");
  if (result == RG_OK) {
    parameter->kind = RG_VALUE_DECLARED;
    parameter->count = 1;
    parameter->value.declared = item->valuestring;
  }
  return result;
}

/* One component; the first one decides the kind of all. */
static rg_result read_component(const json_place *place, const cJSON *json, rg_value_kind kind,
                                void *components, uint32_t index) {
  bool is_bool = kind == RG_VALUE_BOOLS;
  bool is_wanted = is_bool ? cJSON_IsBool(json) : cJSON_IsNumber(json);
  rg_result result = json_expect(place, json, is_wanted, is_bool ? "a boolean" : "a number");
  if (result == RG_OK && is_bool) {
    ((uint32_t *)components)[index] = cJSON_IsTrue(json) ? 1 : 0;
  } else if (result == RG_OK) {
    ((double *)components)[index] = json->valuedouble;
  }
  return result;
}

static rg_result read_array(manifest_reader *reader, const json_place *place, const cJSON *json,
                            rg_parameter *parameter) {
  const cJSON *item = NULL;
  if (json->child == NULL) {
    return json_refuse(place, RG_ERROR_FORMAT, "the array is empty");
  }
  size_t count = (size_t)cJSON_GetArraySize(json);
  void *components = arena_alloc(&reader->arena, count * sizeof(double));
  if (components == NULL) {
    return no_memory();
  }
  parameter->kind = cJSON_IsBool(json->child) ? RG_VALUE_BOOLS : RG_VALUE_NUMBERS;
  parameter->data = components;
  cJSON_ArrayForEach(item, json) {
    json_place at = {.parent = place, .index = parameter->count};
    rg_result result = read_component(&at, item, parameter->kind, components, parameter->count);
    if (result != RG_OK) {
      return result;
    }
    parameter->count++;
  }
  return RG_OK;
}

static rg_result read_parameter(manifest_reader *reader, const json_place *place, const cJSON *json,
                                rg_parameter *parameter) {
  if (cJSON_IsObject(json)) {
    return read_reference(place, json, parameter);
  }
  if (cJSON_IsArray(json)) {
    return read_array(reader, place, json, parameter);
  }
  bool is_scalar = cJSON_IsNumber(json) || cJSON_IsBool(json);
  rg_result result = json_expect(place, json, is_scalar,
                                 "a number, a boolean, an array of them, or "
                                 "{\"texture\": NAME} or {\"buffer\": NAME}");
  if (result == RG_OK) {
    parameter->kind = cJSON_IsBool(json) ? RG_VALUE_BOOLS : RG_VALUE_NUMBERS;
    parameter->count = 1;
    result = read_component(place, json, parameter->kind, &parameter->value, 0);
  }
  return result;
}

static rg_result read_parameters(manifest_reader *reader, const json_place *place,
                                 const cJSON *json, rg_material_desc *desc) {
  rg_result result = json_expect(place, json, cJSON_IsObject(json), "an object");
  const cJSON *item = NULL;
  if (result != RG_OK) {
    return result;
  }
  rg_parameter *parameters =
      arena_alloc(&reader->arena, (size_t)cJSON_GetArraySize(json) * sizeof *parameters);
  if (parameters == NULL) {
    return no_memory();
  }
  desc->parameters = parameters;
  cJSON_ArrayForEach(item, json) {
    json_place at = {.parent = place, .key = item->string};
    rg_parameter *parameter = &parameters[desc->parameter_count++];
    parameter->name = item->string;
    result = read_parameter(reader, &at, item, parameter);
    if (result != RG_OK) {
      return result;
    }
  }
  return RG_OK;
}

static rg_result read_material(manifest_reader *reader, const json_place *place, const cJSON *json,
                               rg_material_desc *desc) {
  static const char *const by_hand[] = {"parameters", "state", NULL};
  rg_result result = RG_OK;
  RG_TRY(schema_json_read(&reader->arena, place, rg_schema_find("material"), by_hand, json, desc));
  const cJSON *parameters = cJSON_GetObjectItemCaseSensitive(json, "parameters");
  const cJSON *state = cJSON_GetObjectItemCaseSensitive(json, "state");
  if (parameters != NULL) {
    json_place at = {.parent = place, .key = "parameters"};
    RG_TRY(read_parameters(reader, &at, parameters, desc));
  }
  if (state != NULL) {
    json_place at = {.parent = place, .key = "state"};
    rg_state *copy = arena_alloc(&reader->arena, sizeof *copy);
    if (copy == NULL) {
      return no_memory();
    }
    desc->state = copy;
    RG_TRY(schema_json_read(&reader->arena, &at, rg_schema_find("state"), NULL, state, copy));
  }
  return RG_OK;
fail:
  return result;
}

/* ---- Entries ------------------------------------------------------------------------------- */

typedef union any_desc {
  rg_buffer_desc buffer;
  rg_texture_desc texture;
  rg_shader_desc shader;
  rg_material_desc material;
} any_desc;

/* What checks find in a file's values is the file's fault. */
static rg_result as_format(const json_place *place, rg_result result) {
  bool is_fault = result == RG_ERROR_INVALID_ARGUMENT || result == RG_ERROR_WRONG_TYPE;
  return is_fault ? json_prefix(place, RG_ERROR_FORMAT) : result;
}

/* desc: zeroed. */
static rg_result read_desc(manifest_reader *reader, const json_place *place, rg_type type,
                           const cJSON *json, any_desc *desc) {
  if (type == RG_TYPE_SHADER) {
    return read_shader(reader, place, json, &desc->shader);
  }
  if (type == RG_TYPE_MATERIAL) {
    desc->material.name = json->string;
    return read_material(reader, place, json, &desc->material);
  }
  return schema_json_read(&reader->arena, place, rg_schema_find(rg_type_name(type)), NULL, json,
                          desc);
}

static rg_result read_declaration(manifest_reader *reader, const json_place *place, rg_type type,
                                  const cJSON *json) {
  rg_result result = RG_OK;
  any_desc desc;
  declaration *declared = NULL;
  memset(&desc, 0, sizeof desc);
  RG_TRY(read_desc(reader, place, type, json, &desc));
  result = declaration_create(reader->layer, type, json->string, &desc, reader->origin, &declared);
  if (result != RG_OK) {
    return as_format(place, result);
  }
  result = set_list_push(&reader->layer->gpu.host, &reader->declared, declared);
  if (result != RG_OK) {
    library_release(reader->layer, declared);
  }
fail:
  return result;
}

static rg_result read_set(manifest_reader *reader, const json_place *place, const cJSON *json) {
  rg_result result = RG_OK;
  const rg_schema *schema = rg_schema_find("set");
  rg_set_desc *desc = arena_alloc(&reader->arena, sizeof *desc);
  if (desc == NULL) {
    return no_memory();
  }
  RG_TRY(schema_json_read(&reader->arena, place, schema, NULL, json, desc));
  desc->name = json->string;
  result = schema_check(schema, desc, resource_title(RG_TYPE_SET, desc->name, 0).text);
  if (result != RG_OK) {
    return as_format(place, result);
  }
  return set_list_push(&reader->layer->gpu.host, &reader->set_descs, desc);
fail:
  return result;
}

static rg_result read_kind(manifest_reader *reader, const json_place *place, rg_type type,
                           const cJSON *json) {
  rg_result result = json_expect(place, json, cJSON_IsObject(json), "an object");
  const cJSON *item = NULL;
  if (result != RG_OK) {
    return result;
  }
  cJSON_ArrayForEach(item, json) {
    json_place at = {.parent = place, .key = item->string};
    result = type == RG_TYPE_SET ? read_set(reader, &at, item)
                                 : read_declaration(reader, &at, type, item);
    if (result != RG_OK) {
      return result;
    }
  }
  return RG_OK;
}

static rg_result check_version(const json_place *root, const cJSON *json) {
  const cJSON *version = cJSON_GetObjectItemCaseSensitive(json, MANIFEST_VERSION_KEY);
  json_place at = {.parent = root, .key = MANIFEST_VERSION_KEY};
  if (version == NULL) {
    return json_refuse(root, RG_ERROR_FORMAT, "\"%s\": %d is required", MANIFEST_VERSION_KEY,
                       MANIFEST_VERSION);
  }
  rg_result result = json_expect(&at, version, cJSON_IsNumber(version), "a number");
  if (result == RG_OK && version->valuedouble != MANIFEST_VERSION) {
    result = json_refuse(&at, RG_ERROR_UNSUPPORTED, "version %g is not %d, which this engine reads",
                         version->valuedouble, MANIFEST_VERSION);
  }
  return result;
}

static const manifest_kind *kind_find(const char *key) {
  for (int i = 0; i < MANIFEST_KIND_COUNT; i++) {
    if (strcmp(manifest_kinds[i].key, key) == 0) {
      return &manifest_kinds[i];
    }
  }
  return NULL;
}

static rg_result refuse_top_key(const json_place *root, const char *key) {
  const char *keys[MANIFEST_KIND_COUNT + 2] = {MANIFEST_VERSION_KEY};
  for (int i = 0; i < MANIFEST_KIND_COUNT; i++) {
    keys[i + 1] = manifest_kinds[i].key;
  }
  return json_refuse_key(root, NULL, keys, key);
}

static rg_result read_all(manifest_reader *reader, const json_place *root, const cJSON *json) {
  rg_result result = RG_OK;
  const cJSON *item = NULL;
  RG_TRY(json_expect(root, json, cJSON_IsObject(json), "an object"));
  RG_TRY(check_version(root, json));
  cJSON_ArrayForEach(item, json) {
    const manifest_kind *kind = kind_find(item->string);
    if (kind != NULL) {
      json_place at = {.parent = root, .key = item->string};
      RG_TRY(read_kind(reader, &at, kind->type, item));
    } else if (strcmp(item->string, MANIFEST_VERSION_KEY) != 0) {
      return refuse_top_key(root, item->string);
    }
  }
  return RG_OK;
fail:
  return result;
}

/* ---- All or nothing ------------------------------------------------------------------------ */

static rg_result make_sets(manifest_reader *reader, const json_place *root) {
  for (uint32_t i = 0; i < reader->set_descs.count; i++) {
    rg_set *made = arena_alloc(&reader->arena, sizeof *made);
    rg_result result = made == NULL ? no_memory() : RG_OK;
    if (result == RG_OK) {
      result = set_list_push(&reader->layer->gpu.host, &reader->made, made);
    }
    if (result == RG_OK) {
      result = set_create(reader->layer, reader->set_descs.items[i], true, made);
    }
    if (result != RG_OK) {
      return result == RG_ERROR_INVALID_ARGUMENT ? json_prefix(root, result) : result;
    }
  }
  return RG_OK;
}

static void unmake_sets(manifest_reader *reader) {
  for (uint32_t i = 0; i < reader->made.count; i++) {
    const rg_set *made = reader->made.items[i];
    if (made->id != 0 && rg_set_destroy(engine_of(reader->layer), *made) != RG_OK) {
      continue; /* somebody who found it was first */
    }
  }
}

static rg_result enter_all(manifest_reader *reader, const json_place *root) {
  rg_result result = make_sets(reader, root);
  if (result == RG_OK) {
    result = library_enter(reader->layer, (declaration **)(void *)reader->declared.items,
                           reader->declared.count);
  }
  if (result == RG_OK) {
    reader->declared.count = 0; /* the library's now */
  } else {
    unmake_sets(reader);
  }
  return result;
}

static void reader_finish(manifest_reader *reader) {
  host_memory *memory = &reader->layer->gpu.host;
  for (uint32_t i = 0; i < reader->declared.count; i++) {
    library_release(reader->layer, reader->declared.items[i]);
  }
  set_list_finish(memory, &reader->declared);
  set_list_finish(memory, &reader->set_descs);
  set_list_finish(memory, &reader->made);
  arena_finish(&reader->arena);
}

rg_result rg_manifest_read(rg_engine *engine, const char *name, const char *text, size_t length) {
  RESOURCE_REQUIRE(engine);
  RESOURCE_REQUIRE(text);
  cJSON *json = NULL;
  json_place root = {.key = name == NULL || name[0] == '\0' ? "manifest" : name};
  manifest_reader reader = {.layer = resources_of(engine), .origin = origin_get()};
  if (reader.origin[0] == '\0') {
    reader.origin = root.key;
  }
  arena_init(&reader.arena, &reader.layer->gpu.host);
  rg_result result = json_parse(root.key, text, length, &json);
  if (result == RG_OK) {
    result = read_all(&reader, &root, json);
  }
  if (result == RG_OK) {
    result = enter_all(&reader, &root);
  }
  reader_finish(&reader);
  cJSON_Delete(json);
  return result;
}
