/* glTF files as members of sets: buffers, the textures that materials use, materials of the
 * built-in shader, and the list of primitives. A file that is loaded already is shared. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "asset/gltf.h"
#include "asset/image.h"
#include "library.h"
#include "resources.h"

/* One file on its way in. */
typedef struct gltf_importer {
  set_loader *loader;
  host_memory *memory;
  const char *name; /* the file's */
  gltf_file file;
  set_import *import;
  set_entry *shader;    /* NULL without materials */
  hash_map textures;    /* texture_key → entry */
  uint64_t *materials;  /* ids by index */
  uint32_t name_number; /* sets names apart that are equal in the file */
} gltf_importer;

static rg_result no_memory(void) {
  return result_set(RG_ERROR_OUT_OF_HOST_MEMORY, "no host memory for its import");
}

/* Enters a new resource into the set and the import. needs: may be NULL. */
static rg_result adopt(gltf_importer *importer, rg_type type, const char *name, uint64_t id,
                       set_list *needs, set_entry **out) {
  rg_result result = loader_adopt(importer->loader, type, name, id, needs, out);
  return result == RG_OK ? set_list_push(importer->memory, &importer->import->members, *out)
                         : result;
}

/* ---- Buffers and primitives ------------------------------------------------------------------ */

/* "robot.glb#Body/0 vertices". Nothing is made of no bytes. */
static rg_result import_buffer(gltf_importer *importer, const char *primitive, const char *what,
                               const rg_buffer_desc *given, rg_buffer *out) {
  rg_result result = RG_OK;
  set_entry *entry = NULL;
  rg_buffer_desc desc = *given;
  if (desc.size == 0) {
    return RG_OK;
  }
  desc.label = arena_printf(&importer->import->arena, "%s#%s %s", importer->name, primitive, what);
  if (desc.label == NULL) {
    return no_memory();
  }
  rg_buffer made = {0};
  RG_TRY(rg_buffer_create(engine_of(importer->loader->layer), &desc, &made));
  RG_TRY(adopt(importer, RG_TYPE_BUFFER, desc.label, made.id, NULL, &entry));
  *out = made;
fail:
  return result;
}

static rg_result import_buffers(gltf_importer *importer, const gltf_primitive *primitive,
                                rg_primitive_info *mesh) {
  rg_result result = RG_OK;
  uint64_t index_size = primitive->index_type == VK_INDEX_TYPE_UINT32 ? 4 : 2;
  rg_buffer_desc vertices = {
      .size = (uint64_t)primitive->vertex_count * primitive->vertex_stride,
      .type = RG_BUFFER_VERTEX,
      .data = primitive->vertices,
  };
  rg_buffer_desc indices = {
      .size = primitive->indices == NULL ? 0 : primitive->index_count * index_size,
      .type = RG_BUFFER_INDEX,
      .data = primitive->indices,
  };
  RG_TRY(import_buffer(importer, primitive->name, "vertices", &vertices, &mesh->vertices));
  RG_TRY(import_buffer(importer, primitive->name, "indices", &indices, &mesh->indices));
fail:
  return result;
}

static rg_result import_primitive(gltf_importer *importer, const gltf_primitive *primitive,
                                  rg_primitive_info *mesh) {
  arena *arena = &importer->import->arena;
  bool has_material = primitive->material < importer->file.material_count;
  *mesh = (rg_primitive_info){
      .name = arena_printf(arena, "%s#%s", importer->name, primitive->name),
      .index_type = primitive->index_type,
      .vertex_count = primitive->vertex_count,
      .index_count = primitive->index_count,
      .vertex_stride = primitive->vertex_stride,
      .attribute_count = primitive->attribute_count,
      .topology = primitive->topology,
      .material = {has_material ? importer->materials[primitive->material] : 0},
  };
  bool has_names = mesh->name != NULL;
  for (uint32_t i = 0; has_names && i < primitive->attribute_count; i++) {
    mesh->attributes[i] = primitive->attributes[i];
    mesh->attributes[i].name = arena_strdup(arena, primitive->attributes[i].name);
    has_names = mesh->attributes[i].name != NULL;
  }
  return has_names ? import_buffers(importer, primitive, mesh) : no_memory();
}

static rg_result import_primitives(gltf_importer *importer) {
  rg_result result = RG_OK;
  uint32_t count = importer->file.primitive_count;
  rg_primitive_info *primitives = arena_alloc(&importer->import->arena, count * sizeof *primitives);
  if (primitives == NULL) {
    return no_memory();
  }
  importer->import->primitives = primitives;
  importer->import->primitive_count = count;
  importer->import->mesh_count = importer->file.mesh_count;
  for (uint32_t i = 0; result == RG_OK && i < count; i++) {
    result = import_primitive(importer, &importer->file.primitives[i], &primitives[i]);
  }
  return result;
}

/* ---- Textures ------------------------------------------------------------------------------ */

/* What makes a texture of the file a texture of the engine. All members have four bytes. */
typedef struct texture_key {
  uint32_t image;
  uint32_t is_linear;
  rg_sampler_desc sampler;
} texture_key;

/* "robot.glb#wood"; the second texture of that name gets a number. */
static const char *texture_name(gltf_importer *importer, const char *image) {
  arena *arena = &importer->import->arena;
  const hash_map *entries = &importer->loader->layer->sets.entries[RG_TYPE_TEXTURE];
  const char *name = arena_printf(arena, "%s#%s", importer->name, image);
  while (name != NULL && hash_map_get(entries, name, strlen(name)) != NULL) {
    importer->name_number++;
    name = arena_printf(arena, "%s#%s (%" PRIu32 ")", importer->name, image,
                        importer->name_number + 1);
  }
  return name;
}

static rg_result create_from_bytes(gltf_importer *importer, const gltf_image *source,
                                   const rg_texture_desc *given, rg_texture *out) {
  gpu *gpu = &importer->loader->layer->gpu;
  rg_result result = RG_OK;
  image decoded = {0};
  rg_texture_desc desc = *given;
  RG_TRY(image_decode(importer->memory, given->label, source->bytes, source->size, given->is_linear,
                      gpu->device.limits.max_texture_size_2d, &decoded));
  desc.is_linear = false;
  desc.width = decoded.width;
  desc.height = decoded.height;
  desc.format = decoded.format;
  desc.data = decoded.texels;
  desc.data_size = decoded.size;
  result = rg_texture_create(engine_of(importer->loader->layer), &desc, out);
fail:
  image_finish(&decoded);
  return result;
}

static rg_result make_texture(gltf_importer *importer, const texture_key *key, set_entry **out) {
  const gltf_image *source = &importer->file.images[key->image];
  rg_texture made = {0};
  rg_texture_desc desc = {
      .file = source->file,
      .is_linear = key->is_linear != 0,
      .generate_mips = true,
      .sampler = key->sampler,
      .label = texture_name(importer, source->name),
  };
  if (desc.label == NULL) {
    return no_memory();
  }
  rg_result result = source->file == NULL
                         ? create_from_bytes(importer, source, &desc, &made)
                         : rg_texture_create(engine_of(importer->loader->layer), &desc, &made);
  return result == RG_OK ? adopt(importer, RG_TYPE_TEXTURE, desc.label, made.id, NULL, out)
                         : result;
}

/* *out is NULL where the material uses none. */
static rg_result import_texture(gltf_importer *importer, const gltf_texture_use *use,
                                bool is_linear, set_entry **out) {
  rg_result result = RG_OK;
  *out = NULL;
  if (use->texture >= importer->file.texture_count) {
    return RG_OK;
  }
  const gltf_texture *texture = &importer->file.textures[use->texture];
  if (texture->image >= importer->file.image_count) {
    return RG_OK;
  }
  texture_key key = {texture->image, is_linear, texture->sampler};
  *out = hash_map_get(&importer->textures, &key, sizeof key);
  if (*out == NULL) {
    RG_TRY(make_texture(importer, &key, out));
    RG_TRY(hash_map_set(&importer->textures, &key, sizeof key, *out));
  }
fail:
  return result;
}

/* ---- Materials ----------------------------------------------------------------------------- */

#define MAX_PARAMETERS 32

/* One material on its way in. */
typedef struct material_builder {
  gltf_importer *importer;
  rg_parameter parameters[MAX_PARAMETERS];
  uint32_t count;
  set_list needs;
} material_builder;

static void add_floats(material_builder *builder, const char *name, const float *values,
                       uint32_t count) {
  rg_parameter *parameter = &builder->parameters[builder->count++];
  *parameter = (rg_parameter){.name = name, .kind = RG_VALUE_FLOATS, .count = count};
  memcpy(parameter->value.floats, values, count * sizeof *values);
}

static void add_float(material_builder *builder, const char *name, float value) {
  add_floats(builder, name, &value, 1);
}

static rg_result add_texture(material_builder *builder, const char *name,
                             const gltf_texture_use *use, bool is_linear) {
  rg_result result = RG_OK;
  set_entry *entry = NULL;
  RG_TRY(import_texture(builder->importer, use, is_linear, &entry));
  if (entry == NULL) {
    return RG_OK;
  }
  RG_TRY(set_list_push(builder->importer->memory, &builder->needs, entry));
  builder->parameters[builder->count++] = (rg_parameter){
      .name = name, .kind = RG_VALUE_TEXTURE, .count = 1, .value.texture = {entry->id}};
fail:
  return result;
}

static void add_factors(material_builder *builder, const gltf_material *material) {
  add_floats(builder, "albedo", material->base_color, 3);
  add_float(builder, "opacity", material->base_color[3]);
  add_floats(builder, "emissive", material->emissive, 3);
  add_float(builder, "metallic", material->metallic);
  add_float(builder, "roughness", material->roughness);
  add_float(builder, "normal_scale", material->normal_scale);
  add_float(builder, "occlusion_strength", material->occlusion_strength);
  add_float(builder, "alpha_cutoff", material->alpha_cutoff);
}

/* The shader has one transform for all maps and knows TEXCOORD_0 alone: the transform of the first
 * map that there is. */
static void add_transform(material_builder *builder, const gltf_material *material) {
  const gltf_texture_use *const uses[] = {
      &material->base_color_texture, &material->metallic_roughness_texture,
      &material->normal_texture, &material->occlusion_texture, &material->emissive_texture};
  float offset_scale[] = {0, 0, 1, 1};
  float rotation = 0;
  for (size_t i = 0; i < sizeof uses / sizeof uses[0]; i++) {
    if (uses[i]->texture != GLTF_NONE) {
      memcpy(offset_scale, uses[i]->offset, sizeof uses[i]->offset);
      memcpy(offset_scale + 2, uses[i]->scale, sizeof uses[i]->scale);
      rotation = uses[i]->rotation;
      break;
    }
  }
  add_floats(builder, "texcoord_transform_offset_scale", offset_scale, 4);
  add_float(builder, "texcoord_rotation", rotation);
}

static rg_result add_textures(material_builder *builder, const gltf_material *material) {
  rg_result result = RG_OK;
  RG_TRY(add_texture(builder, "albedo_map", &material->base_color_texture, false));
  RG_TRY(
      add_texture(builder, "metallic_roughness_map", &material->metallic_roughness_texture, true));
  RG_TRY(add_texture(builder, "normal_map", &material->normal_texture, true));
  RG_TRY(add_texture(builder, "occlusion_map", &material->occlusion_texture, true));
  RG_TRY(add_texture(builder, "emissive_map", &material->emissive_texture, false));
fail:
  return result;
}

/* The finished descriptor to a member; *id is its handle. */
static rg_result build_material(material_builder *builder, const gltf_material *material,
                                uint64_t *id) {
  rg_result result = RG_OK;
  gltf_importer *importer = builder->importer;
  rg_material made = {0};
  set_entry *entry = NULL;
  rg_state state = {
      .cull = material->is_double_sided ? RG_CULL_NONE : RG_CULL_BACK,
      .blend = material->is_blended ? RG_BLEND_ALPHA : RG_BLEND_OPAQUE,
  };
  rg_material_desc desc = {
      .name = arena_printf(&importer->import->arena, "%s#%s", importer->name, material->name),
      .shader = {importer->shader->id},
      .parameters = builder->parameters,
      .parameter_count = builder->count,
      .state = &state,
  };
  if (desc.name == NULL) {
    return no_memory();
  }
  RG_TRY(set_list_push(importer->memory, &builder->needs, importer->shader));
  RG_TRY(rg_material_create(engine_of(importer->loader->layer), &desc, &made));
  RG_TRY(adopt(importer, RG_TYPE_MATERIAL, desc.name, made.id, &builder->needs, &entry));
  *id = made.id;
fail:
  return result;
}

static rg_result import_material(gltf_importer *importer, const gltf_material *material,
                                 uint64_t *id) {
  material_builder builder = {.importer = importer};
  add_factors(&builder, material);
  add_transform(&builder, material);
  rg_result result = add_textures(&builder, material);
  if (result == RG_OK) {
    result = build_material(&builder, material, id);
  }
  set_list_finish(importer->memory, &builder.needs);
  return result;
}

static rg_result import_materials(gltf_importer *importer) {
  rg_result result = RG_OK;
  uint32_t count = importer->file.material_count;
  if (count == 0) {
    return RG_OK;
  }
  RG_TRY(loader_get(importer->loader, RG_TYPE_SHADER, LIBRARY_PBR_SHADER, &importer->shader));
  importer->materials = host_calloc(importer->memory, count, sizeof *importer->materials);
  if (importer->materials == NULL) {
    return no_memory();
  }
  for (uint32_t i = 0; i < count; i++) {
    RG_TRY(import_material(importer, &importer->file.materials[i], &importer->materials[i]));
  }
fail:
  return result;
}

/* ---- Textures of extensions ----------------------------------------------------------------- */

static bool is_imported(const gltf_importer *importer, const gltf_texture *texture) {
  for (uint32_t is_linear = 0; is_linear < 2; is_linear++) {
    texture_key key = {texture->image, is_linear, texture->sampler};
    if (hash_map_get(&importer->textures, &key, sizeof key) != NULL) {
      return true;
    }
  }
  return false;
}

/* What no material took is there for extensions that the built-in shader lacks (clear coat, sheen),
 * whose maps are mostly data: it is loaded as linear, for shaders of the caller's own. */
static rg_result import_rest(gltf_importer *importer) {
  rg_result result = RG_OK;
  for (uint32_t i = 0; i < importer->file.texture_count; i++) {
    const gltf_texture *texture = &importer->file.textures[i];
    if (texture->image < importer->file.image_count && !is_imported(importer, texture)) {
      const gltf_texture_use use = {.texture = i};
      set_entry *entry = NULL;
      RG_TRY(import_texture(importer, &use, true, &entry));
    }
  }
fail:
  return result;
}

/* ---- Files --------------------------------------------------------------------------------- */

static rg_result import_create(set_loader *loader, const char *file, set_import **out) {
  host_memory *memory = &loader->layer->gpu.host;
  set_import *import = host_calloc(memory, 1, sizeof *import);
  if (import == NULL) {
    return no_memory();
  }
  arena_init(&import->arena, memory);
  import->name = arena_strdup(&import->arena, file);
  if (import->name == NULL) {
    import_free(loader->layer, import);
    return no_memory();
  }
  *out = import;
  return RG_OK;
}

static rg_result importer_run(gltf_importer *importer) {
  rg_result result = RG_OK;
  resources *layer = importer->loader->layer;
  RG_TRY(gltf_load(importer->memory, &layer->roots, importer->name,
                   layer->gpu.device.limits.max_file_size, &importer->file));
  RG_TRY(import_materials(importer));
  RG_TRY(import_primitives(importer));
  RG_TRY(import_rest(importer));
fail:
  return result;
}

static void importer_finish(gltf_importer *importer) {
  host_free(importer->memory, importer->materials,
            importer->file.material_count * sizeof *importer->materials);
  hash_map_finish(&importer->textures);
  gltf_finish(&importer->file);
}

static rg_result import_new(set_loader *loader, const char *file) {
  hash_map *imports = &loader->layer->sets.imports;
  gltf_importer importer = {.loader = loader, .memory = &loader->layer->gpu.host, .name = file};
  rg_result result = import_create(loader, file, &importer.import);
  if (result != RG_OK) {
    return result;
  }
  hash_map_init(&importer.textures, importer.memory);
  result = importer_run(&importer);
  importer_finish(&importer);
  if (result == RG_OK) {
    result = hash_map_set(imports, file, strlen(file), importer.import);
  }
  if (result == RG_OK) {
    result = contents_import(loader->layer, loader->contents, importer.import);
    if (result != RG_OK) {
      hash_map_remove(imports, file, strlen(file));
    }
  }
  if (result != RG_OK) {
    import_free(loader->layer, importer.import);
  }
  return result;
}

/* Of a file that another set has loaded. */
static rg_result import_share(set_loader *loader, set_import *import) {
  rg_result result = RG_OK;
  for (uint32_t i = 0; i < import->members.count; i++) {
    RG_TRY(loader_hold(loader, import->members.items[i]));
  }
  RG_TRY(contents_import(loader->layer, loader->contents, import));
fail:
  return result;
}

static bool is_held(const set_contents *contents, const set_import *import) {
  for (uint32_t i = 0; i < contents->imports.count; i++) {
    if (contents->imports.items[i] == import) {
      return true;
    }
  }
  return false;
}

rg_result loader_import(set_loader *loader, const char *file) {
  set_import *import = hash_map_get(&loader->layer->sets.imports, file, strlen(file));
  if (import != NULL && is_held(loader->contents, import)) {
    return RG_OK;
  }
  origin_scope scope = origin_scope_begin(loader->set->resource.origin);
  rg_result result = import == NULL ? import_new(loader, file) : import_share(loader, import);
  origin_scope_end(&scope);
  if (result == RG_OK || strncmp(rg_error(), file, strlen(file)) == 0) {
    return result;
  }
  return result_prefix(result, "%s", file);
}
