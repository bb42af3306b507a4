/* Declarations and sets to a manifest: kinds in a fixed order, names sorted, fields in their
 * tables' order, so that equal declarations give equal text. */
#include <string.h>

#include "base/json.h"
#include "manifest.h"
#include "schema_json.h"

const manifest_kind manifest_kinds[MANIFEST_KIND_COUNT] = {{"shaders", RG_TYPE_SHADER},
                                                           {"textures", RG_TYPE_TEXTURE},
                                                           {"buffers", RG_TYPE_BUFFER},
                                                           {"materials", RG_TYPE_MATERIAL},
                                                           {"sets", RG_TYPE_SET}};

static rg_result no_memory(void) {
  return result_set(RG_ERROR_OUT_OF_HOST_MEMORY, "manifest: no host memory for it");
}

/* ---- Shaders ------------------------------------------------------------------------------- */

static rg_result write_stage(const char *where, const rg_stage_desc *stage, cJSON *stages) {
  cJSON *object = cJSON_CreateObject();
  if (object == NULL) {
    return no_memory();
  }
  rg_result result = schema_json_write(where, rg_schema_find("stage"), stage, object);
  if (result != RG_OK) {
    cJSON_Delete(object);
    return result;
  }
  return json_add(stages, NULL, object);
}

/* An empty object or array under a key of the parent, which owns it; NULL when out of memory. */
static cJSON *add_child(cJSON *parent, const char *key, cJSON *child) {
  return json_add(parent, key, child) == RG_OK ? child : NULL;
}

static rg_result write_defines(const rg_shader_desc *desc, cJSON *object) {
  rg_result result = RG_OK;
  if (desc->define_count == 0) {
    return RG_OK;
  }
  cJSON *defines = add_child(object, "defines", cJSON_CreateObject());
  if (defines == NULL) {
    return RG_ERROR_OUT_OF_HOST_MEMORY;
  }
  for (uint32_t i = 0; result == RG_OK && i < desc->define_count; i++) {
    result = json_add(defines, desc->defines[i].name, cJSON_CreateString(desc->defines[i].value));
  }
  return result;
}

static rg_result write_keywords(const rg_shader_desc *desc, cJSON *object) {
  rg_result result = RG_OK;
  if (desc->keyword_count == 0) {
    return RG_OK;
  }
  cJSON *keywords = add_child(object, "keywords", cJSON_CreateObject());
  if (keywords == NULL) {
    return RG_ERROR_OUT_OF_HOST_MEMORY;
  }
  for (uint32_t i = 0; result == RG_OK && i < desc->keyword_count; i++) {
    result =
        json_add(keywords, desc->keywords[i].name, cJSON_CreateNumber(desc->keywords[i].value));
  }
  return result;
}

static rg_result write_shader(const char *where, const rg_shader_desc *desc, cJSON *object) {
  rg_result result = RG_OK;
  cJSON *stages = add_child(object, "stages", cJSON_CreateArray());
  if (stages == NULL) {
    return RG_ERROR_OUT_OF_HOST_MEMORY;
  }
  for (uint32_t i = 0; i < desc->stage_count; i++) {
    RG_TRY(write_stage(where, &desc->stages[i], stages));
  }
  RG_TRY(write_defines(desc, object));
  RG_TRY(write_keywords(desc, object));
  return schema_json_write(where, rg_schema_find("shader"), desc, object);
fail:
  return result;
}

/* ---- Materials ----------------------------------------------------------------------------- */

static cJSON *component_json(const rg_parameter *parameter, uint32_t index) {
  const void *components = parameter_components(parameter);
  switch (parameter->kind) {
    case RG_VALUE_NUMBERS: return cJSON_CreateNumber(((const double *)components)[index]);
    case RG_VALUE_FLOATS:
      return cJSON_CreateNumber(schema_json_float(((const float *)components)[index]));
    case RG_VALUE_INTS: return cJSON_CreateNumber(((const int32_t *)components)[index]);
    case RG_VALUE_UINTS: return cJSON_CreateNumber(((const uint32_t *)components)[index]);
    case RG_VALUE_BOOLS: return cJSON_CreateBool(((const uint32_t *)components)[index] != 0);
    case RG_VALUE_TEXTURE:
    case RG_VALUE_BUFFER:
    case RG_VALUE_DECLARED: break;
  }
  return NULL;
}

static rg_result write_components(const rg_parameter *parameter, cJSON *object) {
  rg_result result = RG_OK;
  if (parameter->count == 1) {
    return json_add(object, parameter->name, component_json(parameter, 0));
  }
  cJSON *array = add_child(object, parameter->name, cJSON_CreateArray());
  if (array == NULL) {
    return RG_ERROR_OUT_OF_HOST_MEMORY;
  }
  for (uint32_t i = 0; result == RG_OK && i < parameter->count; i++) {
    result = json_add(array, NULL, component_json(parameter, i));
  }
  return result;
}

/* {"texture": NAME}, or {"buffer": NAME} for what is declared as a buffer only. */
static rg_result write_reference(const manifest_writer *writer, const rg_parameter *parameter,
                                 cJSON *object) {
  const char *name = parameter->value.declared;
  size_t length = strlen(name);
  bool is_buffer = hash_map_get(&writer->wanted[RG_TYPE_BUFFER], name, length) != NULL &&
                   hash_map_get(&writer->wanted[RG_TYPE_TEXTURE], name, length) == NULL;
  cJSON *child = add_child(object, parameter->name, cJSON_CreateObject());
  if (child == NULL) {
    return RG_ERROR_OUT_OF_HOST_MEMORY;
  }
  return json_add(child, is_buffer ? "buffer" : "texture", cJSON_CreateString(name));
}

static rg_result refuse_handle(const char *where, const char *what) {
  return result_set(RG_ERROR_UNSUPPORTED, "%s: %s is a live handle, which JSON cannot hold", where,
                    what);
}

static rg_result write_parameter(const manifest_writer *writer, const char *where,
                                 const rg_parameter *parameter, cJSON *object) {
  if (parameter->kind == RG_VALUE_TEXTURE || parameter->kind == RG_VALUE_BUFFER) {
    return refuse_handle(where, parameter->name);
  }
  return parameter->kind == RG_VALUE_DECLARED ? write_reference(writer, parameter, object)
                                              : write_components(parameter, object);
}

static rg_result write_material(const manifest_writer *writer, const char *where,
                                const rg_material_desc *desc, cJSON *object) {
  rg_result result = RG_OK;
  if (desc->shader.id != 0 || desc->parent.id != 0) {
    return refuse_handle(where, desc->shader.id != 0 ? "its shader" : "its parent");
  }
  RG_TRY(schema_json_write(where, rg_schema_find("material"), desc, object));
  if (desc->parameter_count > 0) {
    cJSON *parameters = add_child(object, "parameters", cJSON_CreateObject());
    if (parameters == NULL) {
      return RG_ERROR_OUT_OF_HOST_MEMORY;
    }
    for (uint32_t i = 0; i < desc->parameter_count; i++) {
      RG_TRY(write_parameter(writer, where, &desc->parameters[i], parameters));
    }
  }
  if (desc->state != NULL) {
    cJSON *state = add_child(object, "state", cJSON_CreateObject());
    if (state == NULL) {
      return RG_ERROR_OUT_OF_HOST_MEMORY;
    }
    RG_TRY(schema_json_write(where, rg_schema_find("state"), desc->state, state));
  }
  return RG_OK;
fail:
  return result;
}

/* ---- All ----------------------------------------------------------------------------------- */

static rg_result write_entry(const manifest_writer *writer, rg_type type, const char *name,
                             cJSON *object) {
  const void *wanted = hash_map_get(&writer->wanted[type], name, strlen(name));
  const declaration *declared = wanted;
  resource_name where = resource_title(type, name, 0);
  switch (type) {
    case RG_TYPE_SHADER: return write_shader(where.text, &declared->desc.shader, object);
    case RG_TYPE_MATERIAL:
      return write_material(writer, where.text, &declared->desc.material, object);
    case RG_TYPE_TEXTURE:
    case RG_TYPE_BUFFER:
      return schema_json_write(where.text, rg_schema_find(rg_type_name(type)), &declared->desc,
                               object);
    case RG_TYPE_SET:
      return schema_json_write(where.text, rg_schema_find("set"),
                               &((const wanted_set *)wanted)->desc, object);
    case RG_TYPE_NONE:
    case RG_TYPE_POOL: break;
  }
  return RG_OK;
}

static rg_result write_kind(const manifest_writer *writer, const manifest_kind *kind, cJSON *root) {
  rg_result result = RG_OK;
  host_memory *memory = &writer->layer->gpu.host;
  const hash_map *map = &writer->wanted[kind->type];
  if (map->count == 0) {
    return RG_OK;
  }
  const char **names = names_list(memory, map);
  cJSON *entries = names == NULL ? NULL : add_child(root, kind->key, cJSON_CreateObject());
  result = entries == NULL ? no_memory() : RG_OK;
  for (uint32_t i = 0; result == RG_OK && i < map->count; i++) {
    cJSON *object = add_child(entries, names[i], cJSON_CreateObject());
    result = object == NULL ? RG_ERROR_OUT_OF_HOST_MEMORY
                            : write_entry(writer, kind->type, names[i], object);
  }
  names_free(memory, names, map->count);
  return result;
}

/* The text, once more read strictly: names that are not UTF-8 would not come back. */
static rg_result print(const manifest_writer *writer, const cJSON *root, char **out) {
  cJSON *parsed = NULL;
  char *text = cJSON_Print(root);
  if (text == NULL) {
    return no_memory();
  }
  rg_result result = json_parse("manifest", text, strlen(text), &parsed);
  cJSON_Delete(parsed);
  if (result == RG_OK) {
    *out = host_strdup(&writer->layer->gpu.host, text);
    result = *out == NULL ? no_memory() : RG_OK;
  }
  cJSON_free(text);
  return result;
}

static rg_result write_all(const manifest_writer *writer, char **out) {
  rg_result result = RG_OK;
  cJSON *root = cJSON_CreateObject();
  if (root == NULL) {
    return no_memory();
  }
  RG_TRY(json_add(root, MANIFEST_VERSION_KEY, cJSON_CreateNumber(MANIFEST_VERSION)));
  for (int i = 0; i < MANIFEST_KIND_COUNT; i++) {
    RG_TRY(write_kind(writer, &manifest_kinds[i], root));
  }
  result = print(writer, root, out);
fail:
  cJSON_Delete(root);
  return result;
}

static void writer_finish(manifest_writer *writer) {
  for (int type = 0; type < RG_TYPE_COUNT; type++) {
    uint32_t cursor = 0;
    const hash_map_entry *entry = NULL;
    while (type != RG_TYPE_SET && (entry = hash_map_next(&writer->wanted[type], &cursor)) != NULL) {
      library_release(writer->layer, entry->value);
    }
    hash_map_finish(&writer->wanted[type]);
  }
  arena_finish(&writer->arena);
}

rg_result rg_manifest_write(rg_engine *engine, rg_set set_handle, char **out) {
  RESOURCE_REQUIRE(out);
  *out = NULL;
  RESOURCE_REQUIRE(engine);
  manifest_writer writer = {.layer = resources_of(engine)};
  arena_init(&writer.arena, &writer.layer->gpu.host);
  for (int type = 0; type < RG_TYPE_COUNT; type++) {
    hash_map_init(&writer.wanted[type], &writer.layer->gpu.host);
  }
  rg_result result =
      set_handle.id == 0 ? manifest_want_all(&writer) : manifest_want_closure(&writer, set_handle);
  if (result == RG_OK) {
    result = write_all(&writer, out);
  }
  writer_finish(&writer);
  return result;
}
