/* Sets by name: their creation, their end, and when they load and unload. */
#include "set.h"

#include <stddef.h>
#include <string.h>

#include "library.h"
#include "resources.h"
#include "schema.h"

static void set_reclaim(void *owner, uint64_t id, void *storage) {
  resources *layer = owner;
  arena_finish(&((set *)storage)->arena);
  slots_recycle(&layer->sets.slots, id);
}

void sets_init(resources *layer) {
  sets *sets = &layer->sets;
  host_memory *memory = &layer->gpu.host;
  slots_init(&sets->slots, memory, RG_TYPE_SET, sizeof(set), set_reclaim, layer);
  mutex_init(&sets->loading);
  mutex_init(&sets->lock);
  hash_map_init(&sets->by_name, memory);
  hash_map_init(&sets->imports, memory);
  for (int type = 0; type < RG_TYPE_COUNT; type++) {
    hash_map_init(&sets->entries[type], memory);
  }
  layer->gpu.resource_offset[RG_TYPE_SET] = offsetof(set, resource);
  layer->gpu.slots_by_type[RG_TYPE_SET] = &sets->slots;
}

/* Whatever its references say. */
static void set_force_unload(resources *layer, set *self) {
  set_contents *contents = self->contents;
  self->contents = NULL;
  self->references = 0;
  contents_destroy(layer, contents);
}

void sets_finish(resources *layer) {
  sets *sets = &layer->sets;
  for (uint64_t id = slots_next(&sets->slots, 0); id != 0; id = slots_next(&sets->slots, id)) {
    set_force_unload(layer, slots_peek(&sets->slots, id));
  }
  resource_finish_all(&layer->gpu, RG_TYPE_SET);
  for (int type = 0; type < RG_TYPE_COUNT; type++) {
    hash_map_finish(&sets->entries[type]);
  }
  hash_map_finish(&sets->imports);
  hash_map_finish(&sets->by_name);
  mutex_finish(&sets->lock);
  mutex_finish(&sets->loading);
}

/* ---- Names --------------------------------------------------------------------------------- */

rg_result set_refuse(resources *layer, const char *name) {
  const hash_map *map = &layer->sets.by_name;
  const char **names = names_list(&layer->gpu.host, map);
  const char *nearest = names == NULL ? NULL : rg_nearest_name(name, names, map->count);
  rg_result result = nearest == NULL
                         ? result_set(RG_ERROR_NOT_FOUND, "set '%s' does not exist", name)
                         : result_set(RG_ERROR_NOT_FOUND,
                                      "set '%s' does not exist; did you mean '%s'?", name, nearest);
  names_free(&layer->gpu.host, names, map->count);
  return result;
}

set *set_find(resources *layer, const char *name) {
  mutex_lock(&layer->sets.lock);
  set *found = hash_map_get(&layer->sets.by_name, name, strlen(name));
  mutex_unlock(&layer->sets.lock);
  return found;
}

rg_result rg_set_find(rg_engine *engine, const char *name, rg_set *out) {
  RESOURCE_REQUIRE(out);
  *out = (rg_set){0};
  RESOURCE_REQUIRE(engine);
  RESOURCE_REQUIRE(name);
  resources *layer = resources_of(engine);
  mutex_lock(&layer->sets.lock);
  const set *found = hash_map_get(&layer->sets.by_name, name, strlen(name));
  rg_result result = found == NULL ? set_refuse(layer, name) : RG_OK;
  if (found != NULL) {
    out->id = found->resource.id;
  }
  mutex_unlock(&layer->sets.lock);
  return result;
}

/* ---- Creation ------------------------------------------------------------------------------ */

static rg_result set_copy_desc(resources *layer, set *self, const rg_set_desc *desc) {
  arena_init(&self->arena, &layer->gpu.host);
  self->desc = *desc;
  self->references = 0;
  self->requirers = 0;
  self->contents = NULL;
  self->load_ms = 0;
  return schema_copy(&self->arena, rg_schema_find("set"), &self->desc);
}

/* Fills a reserved slot and enters its name. */
static rg_result set_init(resources *layer, set *self, uint64_t id, const rg_set_desc *desc) {
  rg_result result = RG_OK;
  RG_TRY(set_copy_desc(layer, self, desc));
  RG_TRY(resource_begin(&layer->gpu, &self->resource, id, desc->name));
  RG_TRY(hash_map_set(&layer->sets.by_name, desc->name, strlen(desc->name), self));
  return RG_OK;
fail:
  arena_finish(&self->arena);
  return result;
}

/* Under `lock`. */
static rg_result set_publish(resources *layer, const rg_set_desc *desc, bool is_released,
                             rg_set *out) {
  rg_result result = RG_OK;
  sets *sets = &layer->sets;
  uint64_t id = 0;
  void *storage = NULL;
  if (hash_map_get(&sets->by_name, desc->name, strlen(desc->name)) != NULL) {
    return result_set(RG_ERROR_INVALID_ARGUMENT, "set '%s' exists already", desc->name);
  }
  RG_TRY(slots_alloc(&sets->slots, &id, &storage));
  set *self = storage;
  result = set_init(layer, self, id, desc);
  if (result != RG_OK) {
    slots_cancel(&sets->slots, id);
    return result;
  }
  atomic_store(&self->resource.is_released, is_released);
  slots_publish(&sets->slots, id);
  out->id = id;
fail:
  return result;
}

rg_result set_create(resources *layer, const rg_set_desc *desc, bool is_released, rg_set *out) {
  rg_result result =
      schema_check(rg_schema_find("set"), desc, resource_title(RG_TYPE_SET, desc->name, 0).text);
  if (result == RG_OK) {
    mutex_lock(&layer->sets.lock);
    result = set_publish(layer, desc, is_released, out);
    mutex_unlock(&layer->sets.lock);
  }
  return result;
}

rg_result rg_set_create(rg_engine *engine, const rg_set_desc *desc, rg_set *out) {
  RESOURCE_REQUIRE(out);
  *out = (rg_set){0};
  RESOURCE_REQUIRE(engine);
  RESOURCE_REQUIRE(desc);
  return set_create(resources_of(engine), desc, false, out);
}

/* ---- The end ------------------------------------------------------------------------------- */

/* The name of a loaded set that names this one. Under `loading`. */
static const char *requirer_name(const sets *sets, const set *self) {
  for (uint64_t id = slots_next(&sets->slots, 0); id != 0; id = slots_next(&sets->slots, id)) {
    const set *other = slots_peek(&sets->slots, id);
    const set_contents *contents = other == NULL ? NULL : other->contents;
    for (uint32_t i = 0; contents != NULL && i < contents->required.count; i++) {
      if (contents->required.items[i] == self) {
        return other->desc.name;
      }
    }
  }
  return "";
}

/* Under `loading`. */
static rg_result set_destroy(resources *layer, set *self) {
  sets *sets = &layer->sets;
  if (self->requirers > 0) {
    return result_set(RG_ERROR_INVALID_ARGUMENT, "set '%s': the loaded set '%s' requires it",
                      self->desc.name, requirer_name(sets, self));
  }
  mutex_lock(&sets->lock);
  hash_map_remove(&sets->by_name, self->desc.name, strlen(self->desc.name));
  set_contents *contents = self->contents;
  self->contents = NULL;
  self->references = 0;
  mutex_unlock(&sets->lock);
  contents_destroy(layer, contents);
  atomic_store(&self->resource.is_released, false);
  return resource_destroy(&layer->gpu, RG_TYPE_SET, self->resource.id);
}

rg_result rg_set_destroy(rg_engine *engine, rg_set set_handle) {
  RESOURCE_REQUIRE(engine);
  resources *layer = resources_of(engine);
  rg_result result = RG_OK;
  mutex_lock(&layer->sets.loading);
  set *self = resource_acquire(&layer->gpu, RG_TYPE_SET, set_handle.id, &result);
  if (self != NULL) {
    result = set_destroy(layer, self);
    resource_release(&layer->gpu, set_handle.id);
  }
  mutex_unlock(&layer->sets.loading);
  return result;
}

static rg_result set_unload(resources *layer, set *self) {
  if (self->references == 0) {
    return result_set(RG_ERROR_INVALID_ARGUMENT, "set '%s' is not loaded", self->desc.name);
  }
  if (self->references == self->requirers) {
    return result_set(RG_ERROR_INVALID_ARGUMENT,
                      "set '%s' is loaded only because the set '%s' requires it", self->desc.name,
                      requirer_name(&layer->sets, self));
  }
  set_let_go(layer, self);
  return RG_OK;
}

rg_result rg_set_unload(rg_engine *engine, rg_set set_handle) {
  RESOURCE_REQUIRE(engine);
  resources *layer = resources_of(engine);
  rg_result result = RG_OK;
  mutex_lock(&layer->sets.loading);
  set *self = resource_acquire(&layer->gpu, RG_TYPE_SET, set_handle.id, &result);
  if (self != NULL) {
    result = set_unload(layer, self);
    resource_release(&layer->gpu, set_handle.id);
  }
  mutex_unlock(&layer->sets.loading);
  return result;
}
