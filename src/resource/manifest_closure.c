/* Which declarations and sets a manifest holds: all of them, or what one set needs. */
#include <string.h>

#include "manifest.h"
#include "schema.h"

/* ---- Everything ------------------------------------------------------------------------------ */

/* Copies a set's descriptor unless it is there already. */
static rg_result want_set_desc(manifest_writer *writer, const rg_set_desc *desc) {
  rg_result result = RG_OK;
  hash_map *map = &writer->wanted[RG_TYPE_SET];
  if (hash_map_get(map, desc->name, strlen(desc->name)) != NULL) {
    return RG_OK;
  }
  wanted_set *copy = arena_alloc(&writer->arena, sizeof *copy);
  if (copy == NULL) {
    return result_no_memory("manifest", sizeof *copy);
  }
  copy->desc = *desc;
  RG_TRY(schema_copy(&writer->arena, rg_schema_find("set"), &copy->desc));
  RG_TRY(hash_map_set(map, copy->desc.name, strlen(copy->desc.name), copy));
  *(writer->last_set == NULL ? &writer->first_set : &writer->last_set->next) = copy;
  writer->last_set = copy;
  return RG_OK;
fail:
  return result;
}

rg_result manifest_want_all(manifest_writer *writer) {
  rg_result result = RG_OK;
  resources *layer = writer->layer;
  for (int i = 0; result == RG_OK && i < MANIFEST_KIND_COUNT; i++) {
    rg_type type = manifest_kinds[i].type;
    result = library_acquire_all(layer, type, &writer->wanted[type]);
  }
  uint32_t cursor = 0;
  const hash_map_entry *entry = NULL;
  mutex_lock(&layer->sets.lock);
  while (result == RG_OK && (entry = hash_map_next(&layer->sets.by_name, &cursor)) != NULL) {
    result = want_set_desc(writer, &((const set *)entry->value)->desc);
  }
  mutex_unlock(&layer->sets.lock);
  return result;
}

/* ---- A set's closure ------------------------------------------------------------------------- */

/* Holds a declaration once. *out: NULL where it is held already, or where there is none, which
 * *is_declared tells apart. */
static rg_result hold(manifest_writer *writer, rg_type type, const char *name, declaration **out,
                      bool *is_declared) {
  hash_map *map = &writer->wanted[type];
  bool is_held = hash_map_get(map, name, strlen(name)) != NULL;
  *out = is_held ? NULL : library_acquire(writer->layer, type, name);
  *is_declared = is_held || *out != NULL;
  rg_result result = *out == NULL ? RG_OK : hash_map_set(map, name, strlen(name), *out);
  if (result != RG_OK) {
    library_release(writer->layer, *out);
  }
  return result;
}

static rg_result want_material_needs(manifest_writer *writer, const rg_material_desc *desc);

/* A declaration and what it needs. is_declared: whether there is one; NULL: there must be. */
static rg_result want(manifest_writer *writer, rg_type type, const char *name, bool *is_declared) {
  declaration *declared = NULL;
  bool is_found = false;
  rg_result result = hold(writer, type, name, &declared, &is_found);
  if (result != RG_OK) {
    return result;
  }
  if (is_declared != NULL) {
    *is_declared = is_found;
  } else if (!is_found) {
    return library_refuse(writer->layer, type, name);
  }
  bool has_needs = declared != NULL && type == RG_TYPE_MATERIAL;
  return has_needs ? want_material_needs(writer, &declared->desc.material) : RG_OK;
}

/* A parameter's texture or buffer; a name that is not declared may be a file's. */
static rg_result want_reference(manifest_writer *writer, const char *name) {
  bool is_texture = false, is_buffer = false;
  rg_result result = want(writer, RG_TYPE_BUFFER, name, &is_buffer);
  if (result == RG_OK) {
    result = want(writer, RG_TYPE_TEXTURE, name, &is_texture);
  }
  bool is_known = is_texture || is_buffer || strchr(name, '.') != NULL;
  return result != RG_OK || is_known ? result
                                     : library_refuse(writer->layer, RG_TYPE_TEXTURE, name);
}

static rg_result want_shader(manifest_writer *writer, const char *name) {
  bool is_builtin = strcmp(name, LIBRARY_PBR_SHADER) == 0;
  return is_builtin ? RG_OK : want(writer, RG_TYPE_SHADER, name, NULL);
}

static rg_result want_parameters(manifest_writer *writer, const rg_material_desc *desc) {
  rg_result result = RG_OK;
  for (uint32_t i = 0; result == RG_OK && i < desc->parameter_count; i++) {
    if (desc->parameters[i].kind == RG_VALUE_DECLARED) {
      result = want_reference(writer, desc->parameters[i].value.declared);
    }
  }
  return result;
}

/* Up the parents without recursion; one that is held already ends it. */
static rg_result want_material_needs(manifest_writer *writer, const rg_material_desc *desc) {
  rg_result result = RG_OK;
  while (desc != NULL) {
    const char *parent = desc->parent_name;
    declaration *declared = NULL;
    bool is_declared = true;
    if (desc->shader_name != NULL) {
      RG_TRY(want_shader(writer, desc->shader_name));
    }
    RG_TRY(want_parameters(writer, desc));
    if (parent != NULL) {
      RG_TRY(hold(writer, RG_TYPE_MATERIAL, parent, &declared, &is_declared));
    }
    if (!is_declared) {
      return library_refuse(writer->layer, RG_TYPE_MATERIAL, parent);
    }
    desc = declared == NULL ? NULL : &declared->desc.material;
  }
  return RG_OK;
fail:
  return result;
}

static rg_result want_set_name(manifest_writer *writer, const char *name) {
  sets *sets = &writer->layer->sets;
  mutex_lock(&sets->lock);
  const set *found = hash_map_get(&sets->by_name, name, strlen(name));
  rg_result result =
      found == NULL ? set_refuse(writer->layer, name) : want_set_desc(writer, &found->desc);
  mutex_unlock(&sets->lock);
  return result;
}

static rg_result want_members(manifest_writer *writer, const rg_set_desc *desc) {
  rg_result result = RG_OK;
  const char *const *name = NULL;
  for (name = desc->requires_sets; name != NULL && *name != NULL; name++) {
    RG_TRY(want_set_name(writer, *name));
  }
  for (name = desc->shaders; name != NULL && *name != NULL; name++) {
    RG_TRY(want_shader(writer, *name));
  }
  for (name = desc->textures; name != NULL && *name != NULL; name++) {
    bool is_declared = false;
    RG_TRY(want(writer, RG_TYPE_TEXTURE, *name, strchr(*name, '.') == NULL ? NULL : &is_declared));
  }
  for (name = desc->buffers; name != NULL && *name != NULL; name++) {
    RG_TRY(want(writer, RG_TYPE_BUFFER, *name, NULL));
  }
  for (name = desc->materials; name != NULL && *name != NULL; name++) {
    RG_TRY(want(writer, RG_TYPE_MATERIAL, *name, NULL));
  }
  return RG_OK;
fail:
  return result_prefix(result, "set '%s'", desc->name);
}

/* Sets found on the way join the end of the list. */
rg_result manifest_want_closure(manifest_writer *writer, rg_set handle) {
  rg_result result = RG_OK;
  set *self = resource_acquire(&writer->layer->gpu, RG_TYPE_SET, handle.id, &result);
  if (self == NULL) {
    return result;
  }
  result = want_set_desc(writer, &self->desc);
  resource_release(&writer->layer->gpu, handle.id);
  for (wanted_set *wanted = writer->first_set; result == RG_OK && wanted != NULL;
       wanted = wanted->next) {
    result = want_members(writer, &wanted->desc);
  }
  return result;
}
