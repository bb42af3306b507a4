/* Reads a glTF 2.0 file in the order in which its parts depend on each other. */
#include "gltf.h"

#include <stdlib.h>
#include <string.h>

#include "base/result.h"
#include "gltf_internal.h"

/* Extensions that may be required: what they add is read, or resources do not need it. A name that
 * ends in '_' stands for all that begin so. */
static const char *const supported_extensions[] = {
    "KHR_texture_transform",
    "KHR_mesh_quantization",
    "KHR_lights_punctual",
    "KHR_materials_",
};

static bool is_supported(const char *extension) {
  for (size_t i = 0; i < sizeof supported_extensions / sizeof supported_extensions[0]; i++) {
    const char *known = supported_extensions[i];
    const size_t length = strlen(known);
    const bool is_prefix = known[length - 1] == '_';
    if (is_prefix ? strncmp(extension, known, length) == 0 : strcmp(extension, known) == 0) {
      return true;
    }
  }
  return false;
}

static rg_result extensions_check(gltf_reader *reader) {
  const gltf_value root = gltf_root(reader);
  gltf_value required;
  rg_result result = gltf_get_array(&root, "extensionsRequired", &required);
  uint32_t i = 0;
  const cJSON *json;
  cJSON_ArrayForEach(json, required.json) {
    const gltf_value child = gltf_child(&required, json, i++);
    if (!cJSON_IsString(json)) {
      return gltf_fail(&child, RG_ERROR_FORMAT, NULL, "expected a string");
    }
    if (!is_supported(json->valuestring)) {
      return gltf_fail(&child, RG_ERROR_UNSUPPORTED, NULL, "%.100s is not supported",
                       json->valuestring);
    }
  }
  return result;
}

/* "2.0" and later minor versions, as long as they do not demand more than 2.0. */
static rg_result version_check(const gltf_value *asset) {
  const char *version = "", *minimum = "2.0";
  rg_result result = RG_OK;
  RG_TRY(gltf_require(asset, "version"));
  RG_TRY(gltf_get_string(asset, "version", &version));
  RG_TRY(gltf_get_string(asset, "minVersion", &minimum));
  if (strncmp(version, "2.", 2) != 0) {
    return gltf_fail(asset, RG_ERROR_UNSUPPORTED, "version", "'%.20s': only 2.0 is read", version);
  }
  if (strcmp(minimum, "2.0") != 0) {
    return gltf_fail(asset, RG_ERROR_UNSUPPORTED, "minVersion", "'%.20s': only 2.0 is read",
                     minimum);
  }
fail:
  return result;
}

static rg_result asset_check(gltf_reader *reader) {
  const gltf_value root = gltf_root(reader);
  gltf_value asset;
  rg_result result = RG_OK;
  if (!cJSON_IsObject(reader->root)) {
    return result_set(RG_ERROR_FORMAT, "%s: is no JSON object", reader->name);
  }
  RG_TRY(gltf_require(&root, "asset"));
  RG_TRY(gltf_get_object(&root, "asset", &asset));
  RG_TRY(version_check(&asset));
  RG_TRY(extensions_check(reader));
fail:
  return result;
}

/* Meshes check the accessors that they use again; this finds faults in all others. */
static rg_result accessors_check(gltf_reader *reader) {
  gltf_accessor accessor;
  gltf_view view;
  rg_result result = RG_OK;
  for (uint32_t i = 0; i < reader->tables[GLTF_BUFFER_VIEWS].count; i++) {
    RG_TRY(gltf_view_read(reader, i, &view));
  }
  for (uint32_t i = 0; i < reader->tables[GLTF_ACCESSORS].count; i++) {
    RG_TRY(gltf_accessor_read(reader, i, &accessor));
  }
fail:
  return result;
}

static rg_result parts_read(gltf_reader *reader) {
  const char *text = NULL;
  size_t length = 0;
  rg_result result = RG_OK;
  RG_TRY(file_read(reader->roots, reader->name, reader->max_file_size, &reader->data));
  RG_TRY(gltf_container_read(reader, &text, &length));
  RG_TRY(json_parse(reader->name, text, length, &reader->root));
  RG_TRY(asset_check(reader));
  RG_TRY(gltf_tables_init(reader));
  RG_TRY(gltf_scenes_check(reader));
  RG_TRY(gltf_buffers_read(reader));
  RG_TRY(accessors_check(reader));
  RG_TRY(gltf_textures_read(reader));
  RG_TRY(gltf_materials_read(reader));
  RG_TRY(gltf_meshes_read(reader));
fail:
  return result;
}

rg_result gltf_load(host_memory *memory, file_roots *roots, const char *name,
                    uint64_t max_file_size, gltf_file *out) {
  *out = (gltf_file){0};
  gltf_reader reader = {
      .memory = memory, .roots = roots, .name = name, .max_file_size = max_file_size, .file = out};
  arena_init(&out->arena, memory);
  arena_init(&reader.scratch, memory);
  hash_map_init(&reader.names, memory);
  const rg_result result = parts_read(&reader);
  gltf_buffers_finish(&reader);
  file_data_finish(&reader.data);
  cJSON_Delete(reader.root);
  hash_map_finish(&reader.names);
  arena_finish(&reader.scratch);
  if (result != RG_OK) {
    gltf_finish(out);
  }
  return result;
}

void gltf_finish(gltf_file *file) {
  arena_finish(&file->arena);
  *file = (gltf_file){0};
}
