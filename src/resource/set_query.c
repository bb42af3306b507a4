/* What loaded sets hold, for their callers. Nothing here waits for a load. */
#include <inttypes.h>
#include <string.h>

#include "resources.h"

/* The set, held and with `lock` taken; or NULL with the result set. */
static set *query_begin(resources *layer, rg_set handle, rg_result *result) {
  set *self = resource_acquire(&layer->gpu, RG_TYPE_SET, handle.id, result);
  if (self != NULL) {
    mutex_lock(&layer->sets.lock);
  }
  return self;
}

static void query_end(resources *layer, rg_set handle) {
  mutex_unlock(&layer->sets.lock);
  resource_release(&layer->gpu, handle.id);
}

static rg_result check_loaded(const set *self) {
  if (self->contents != NULL) {
    return RG_OK;
  }
  return result_set(RG_ERROR_NOT_FOUND, "set '%s' is not loaded", self->desc.name);
}

static rg_result refuse_index(const set *self, const char *what, uint32_t index, uint32_t count) {
  return result_set(RG_ERROR_NOT_FOUND, "set '%s': %s %" PRIu32 " of %" PRIu32 " does not exist",
                    self->desc.name, what, index, count);
}

rg_result rg_set_get_info(rg_engine *engine, rg_set handle, rg_set_info *out) {
  RESOURCE_REQUIRE(out);
  *out = (rg_set_info){0};
  RESOURCE_REQUIRE(engine);
  rg_result result = RG_OK;
  resources *layer = resources_of(engine);
  const set *self = query_begin(layer, handle, &result);
  if (self == NULL) {
    return result;
  }
  const set_contents *contents = self->contents;
  *out = (rg_set_info){
      .name = self->desc.name,
      .references = self->references,
      .member_count = contents == NULL ? 0 : contents->members.count,
      .mesh_count = contents == NULL ? 0 : contents->mesh_count,
      .primitive_count = contents == NULL ? 0 : contents->primitive_count,
      .device_bytes = contents == NULL ? 0 : contents->device_bytes,
      .budget = self->desc.budget,
      .load_ms = self->load_ms,
  };
  query_end(layer, handle);
  return RG_OK;
}

static rg_result get_member(const set *self, uint32_t index, rg_member_info *out) {
  rg_result result = check_loaded(self);
  if (result != RG_OK) {
    return result;
  }
  const set_list *members = &self->contents->members;
  if (index >= members->count) {
    return refuse_index(self, "member", index, members->count);
  }
  const set_entry *entry = members->items[index];
  *out = (rg_member_info){{entry->id}, entry->type, entry->name};
  return RG_OK;
}

rg_result rg_set_get_member(rg_engine *engine, rg_set handle, uint32_t index, rg_member_info *out) {
  RESOURCE_REQUIRE(out);
  *out = (rg_member_info){0};
  RESOURCE_REQUIRE(engine);
  rg_result result = RG_OK;
  resources *layer = resources_of(engine);
  const set *self = query_begin(layer, handle, &result);
  if (self != NULL) {
    result = get_member(self, index, out);
    query_end(layer, handle);
  }
  return result;
}

static rg_result get_primitive(const set *self, uint32_t index, rg_primitive_info *out) {
  rg_result result = check_loaded(self);
  if (result != RG_OK) {
    return result;
  }
  const set_list *imports = &self->contents->imports;
  uint32_t first = 0;
  for (uint32_t i = 0; i < imports->count; i++) {
    const set_import *import = imports->items[i];
    if (index - first < import->primitive_count) {
      *out = import->primitives[index - first];
      return RG_OK;
    }
    first += import->primitive_count;
  }
  return refuse_index(self, "primitive", index, self->contents->primitive_count);
}

rg_result rg_set_get_primitive(rg_engine *engine, rg_set handle, uint32_t index,
                               rg_primitive_info *out) {
  RESOURCE_REQUIRE(out);
  *out = (rg_primitive_info){0};
  RESOURCE_REQUIRE(engine);
  rg_result result = RG_OK;
  resources *layer = resources_of(engine);
  const set *self = query_begin(layer, handle, &result);
  if (self != NULL) {
    result = get_primitive(self, index, out);
    query_end(layer, handle);
  }
  return result;
}

/* The name nearest to a missing one, among the set's own members of the type. */
static rg_result refuse_name(resources *layer, const set *self, rg_type type, const char *name) {
  const hash_map *map = &self->contents->by_name[type];
  const char **names = names_list(&layer->gpu.host, map);
  const char *nearest = names == NULL ? NULL : rg_nearest_name(name, names, map->count);
  rg_result result =
      nearest == NULL
          ? result_set(RG_ERROR_NOT_FOUND, "set '%s' has no %s '%s'", self->desc.name,
                       rg_type_name(type), name)
          : result_set(RG_ERROR_NOT_FOUND, "set '%s' has no %s '%s'; did you mean '%s'?",
                       self->desc.name, rg_type_name(type), name, nearest);
  names_free(&layer->gpu.host, names, map->count);
  return result;
}

static rg_result get_by_name(resources *layer, const set *self, rg_type type, const char *name,
                             rg_handle *out) {
  rg_result result = check_loaded(self);
  if (result != RG_OK) {
    return result;
  }
  const set_entry *entry = contents_find(self->contents, type, name);
  if (entry == NULL) {
    return refuse_name(layer, self, type, name);
  }
  out->id = entry->id;
  return RG_OK;
}

rg_result rg_set_get(rg_engine *engine, rg_set handle, rg_type type, const char *name,
                     rg_handle *out) {
  RESOURCE_REQUIRE(out);
  *out = (rg_handle){0};
  RESOURCE_REQUIRE(engine);
  RESOURCE_REQUIRE(name);
  if ((uint32_t)type >= RG_TYPE_COUNT) {
    return result_set(RG_ERROR_INVALID_ARGUMENT, "type %d is no rg_type", (int)type);
  }
  rg_result result = RG_OK;
  resources *layer = resources_of(engine);
  const set *self = query_begin(layer, handle, &result);
  if (self != NULL) {
    result = get_by_name(layer, self, type, name, out);
    query_end(layer, handle);
  }
  return result;
}
