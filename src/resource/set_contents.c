/* What loaded sets hold: members shared by name, required sets, imported files. Letting go never
 * fails. */
#include <string.h>

#include "resources.h"

/* ---- Lists --------------------------------------------------------------------------------- */

rg_result set_list_push(host_memory *memory, set_list *list, void *item) {
  if (list->count == list->capacity) {
    uint32_t capacity = list->capacity == 0 ? 8 : 2 * list->capacity;
    void **items =
        host_resize(memory, list->items, list->capacity * sizeof *items, capacity * sizeof *items);
    if (items == NULL) {
      return result_no_memory("set", capacity * sizeof *items);
    }
    list->items = items;
    list->capacity = capacity;
  }
  list->items[list->count++] = item;
  return RG_OK;
}

void set_list_finish(host_memory *memory, set_list *list) {
  host_free(memory, list->items, list->capacity * sizeof *list->items);
  *list = (set_list){0};
}

static bool list_has(const set_list *list, const void *item) {
  for (uint32_t i = 0; i < list->count; i++) {
    if (list->items[i] == item) {
      return true;
    }
  }
  return false;
}

/* ---- Entries ------------------------------------------------------------------------------- */

static void entry_free(host_memory *memory, set_entry *entry) {
  set_list_finish(memory, &entry->needs);
  host_strfree(memory, entry->name);
  host_free(memory, entry, sizeof *entry);
}

static void entry_let_go(resources *layer, set_entry *entry) {
  resource_disown(&layer->gpu, entry->id);
  if (--entry->holders == 0) {
    hash_map_remove(&layer->sets.entries[entry->type], entry->name, strlen(entry->name));
    entry_free(&layer->gpu.host, entry);
  }
}

/* Holds for these contents. On failure nothing is held. */
static rg_result entry_hold(resources *layer, set_contents *contents, set_entry *entry) {
  rg_result result = RG_OK;
  hash_map *map = &contents->by_name[entry->type];
  size_t length = strlen(entry->name);
  RG_TRY(hash_map_set(map, entry->name, length, entry));
  result = resource_own(&layer->gpu, entry->type, entry->id);
  if (result == RG_OK) {
    result = set_list_push(&layer->gpu.host, &contents->members, entry);
    if (result != RG_OK) {
      resource_disown(&layer->gpu, entry->id);
    }
  }
  if (result != RG_OK) {
    hash_map_remove(map, entry->name, length);
    return result;
  }
  entry->holders++;
  contents->device_bytes += entry->size;
  return RG_OK;
fail:
  return result;
}

set_entry *contents_find(const set_contents *contents, rg_type type, const char *name) {
  size_t length = strlen(name);
  set_entry *found = hash_map_get(&contents->by_name[type], name, length);
  for (uint32_t i = 0; found == NULL && i < contents->reachable.count; i++) {
    const set *reachable = contents->reachable.items[i];
    found = hash_map_get(&reachable->contents->by_name[type], name, length);
  }
  return found;
}

rg_result contents_hold(resources *layer, set_contents *contents, set_entry *entry) {
  if (contents_find(contents, entry->type, entry->name) == entry) {
    return RG_OK;
  }
  for (uint32_t i = 0; i < entry->needs.count; i++) {
    rg_result result = contents_hold(layer, contents, entry->needs.items[i]);
    if (result != RG_OK) {
      return result;
    }
  }
  return entry_hold(layer, contents, entry);
}

/* A fresh entry, in the table but not held. */
static rg_result entry_create(resources *layer, rg_type type, const char *name, uint64_t id,
                              set_entry **out) {
  rg_result result = RG_OK;
  host_memory *memory = &layer->gpu.host;
  hash_map *entries = &layer->sets.entries[type];
  rg_resource_info info;
  set_entry *entry = NULL;
  if (hash_map_get(entries, name, strlen(name)) != NULL) {
    return result_set(RG_ERROR_INVALID_ARGUMENT, "another %s of that name is loaded",
                      rg_type_name(type));
  }
  RG_TRY(rg_resource_get_info(engine_of(layer), id, &info));
  entry = host_calloc(memory, 1, sizeof *entry);
  if (entry == NULL) {
    return result_no_memory("set", sizeof *entry);
  }
  entry->type = type;
  entry->id = id;
  entry->size = info.size;
  entry->name = host_strdup(memory, name);
  result = entry->name == NULL ? result_no_memory("set", strlen(name) + 1)
                               : hash_map_set(entries, name, strlen(name), entry);
  if (result != RG_OK) {
    entry_free(memory, entry);
    return result;
  }
  *out = entry;
  return RG_OK;
fail:
  return result;
}

/* The creator's hold goes; owners' holds stay. */
static void creator_let_go(resources *layer, rg_type type, uint64_t id) {
  if (resource_hand_over(&layer->gpu, type, id) != RG_OK) {
    return; /* somebody who found the handle was first */
  }
}

rg_result contents_adopt(resources *layer, set_contents *contents, rg_type type, const char *name,
                         uint64_t id, set_list *needs, set_entry **out) {
  set_entry *entry = NULL;
  rg_result result = entry_create(layer, type, name, id, &entry);
  if (result == RG_OK) {
    result = entry_hold(layer, contents, entry);
    if (result != RG_OK) {
      hash_map_remove(&layer->sets.entries[type], name, strlen(name));
      entry_free(&layer->gpu.host, entry);
    }
  }
  if (result == RG_OK && needs != NULL) {
    entry->needs = *needs;
    *needs = (set_list){0};
  }
  if (needs != NULL) {
    set_list_finish(&layer->gpu.host, needs);
  }
  creator_let_go(layer, type, id);
  *out = result == RG_OK ? entry : NULL;
  return result;
}

/* ---- Imports ------------------------------------------------------------------------------- */

void import_free(resources *layer, set_import *import) {
  if (import != NULL) {
    set_list_finish(&layer->gpu.host, &import->members);
    arena_finish(&import->arena);
    host_free(&layer->gpu.host, import, sizeof *import);
  }
}

rg_result contents_import(resources *layer, set_contents *contents, set_import *import) {
  rg_result result = set_list_push(&layer->gpu.host, &contents->imports, import);
  if (result == RG_OK) {
    import->holders++;
    contents->primitive_count += import->primitive_count;
    contents->mesh_count += import->mesh_count;
  }
  return result;
}

static void import_let_go(resources *layer, set_import *import) {
  if (--import->holders == 0) {
    hash_map_remove(&layer->sets.imports, import->name, strlen(import->name));
    import_free(layer, import);
  }
}

/* ---- Required sets ------------------------------------------------------------------------- */

void set_let_go(resources *layer, set *self) {
  set_contents *contents = NULL;
  mutex_lock(&layer->sets.lock);
  if (self->references > 0 && --self->references == 0) {
    contents = self->contents;
    self->contents = NULL;
  }
  mutex_unlock(&layer->sets.lock);
  contents_destroy(layer, contents);
}

static void required_let_go(resources *layer, set *required) {
  required->requirers--;
  set_let_go(layer, required);
}

static rg_result reach(resources *layer, set_contents *contents, set *required) {
  if (list_has(&contents->reachable, required)) {
    return RG_OK;
  }
  return set_list_push(&layer->gpu.host, &contents->reachable, required);
}

rg_result contents_require(resources *layer, set_contents *contents, set *required) {
  rg_result result = set_list_push(&layer->gpu.host, &contents->required, required);
  if (result != RG_OK) {
    required_let_go(layer, required);
    return result;
  }
  const set_list *further = &required->contents->reachable;
  result = reach(layer, contents, required);
  for (uint32_t i = 0; result == RG_OK && i < further->count; i++) {
    result = reach(layer, contents, further->items[i]);
  }
  return result;
}

/* ---- All ----------------------------------------------------------------------------------- */

set_contents *contents_create(resources *layer) {
  set_contents *contents = host_calloc(&layer->gpu.host, 1, sizeof *contents);
  for (int type = 0; contents != NULL && type < RG_TYPE_COUNT; type++) {
    hash_map_init(&contents->by_name[type], &layer->gpu.host);
  }
  return contents;
}

void contents_destroy(resources *layer, set_contents *contents) {
  if (contents == NULL) {
    return;
  }
  host_memory *memory = &layer->gpu.host;
  for (uint32_t i = contents->imports.count; i-- > 0;) {
    import_let_go(layer, contents->imports.items[i]);
  }
  for (uint32_t i = contents->members.count; i-- > 0;) {
    entry_let_go(layer, contents->members.items[i]);
  }
  for (uint32_t i = contents->required.count; i-- > 0;) {
    required_let_go(layer, contents->required.items[i]);
  }
  for (int type = 0; type < RG_TYPE_COUNT; type++) {
    hash_map_finish(&contents->by_name[type]);
  }
  set_list_finish(memory, &contents->imports);
  set_list_finish(memory, &contents->members);
  set_list_finish(memory, &contents->reachable);
  set_list_finish(memory, &contents->required);
  host_free(memory, contents, sizeof *contents);
}
