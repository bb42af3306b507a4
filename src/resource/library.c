/* The table of declarations, and the rg_declare_ functions that fill it. */
#include "library.h"

#include <stdlib.h>
#include <string.h>

#include "resources.h"

void library_init(resources *layer) {
  mutex_init(&layer->library.lock);
  for (int type = 0; type < RG_TYPE_COUNT; type++) {
    hash_map_init(&layer->library.by_name[type], &layer->gpu.host);
  }
}

static void declaration_free(resources *layer, declaration *declared) {
  arena_finish(&declared->arena);
  host_free(&layer->gpu.host, declared, sizeof *declared);
}

void library_finish(resources *layer) {
  for (int type = 0; type < RG_TYPE_COUNT; type++) {
    hash_map *map = &layer->library.by_name[type];
    uint32_t cursor = 0;
    const hash_map_entry *entry = NULL;
    while ((entry = hash_map_next(map, &cursor)) != NULL) {
      declaration_free(layer, entry->value);
    }
    hash_map_finish(map);
  }
  mutex_finish(&layer->library.lock);
}

/* ---- One declaration ----------------------------------------------------------------------- */

rg_result declaration_create(resources *layer, rg_type type, const char *name, const void *desc,
                             const char *origin, declaration **out) {
  rg_result result = RG_OK;
  *out = NULL;
  RG_TRY(declaration_check(type, name, desc));
  declaration *made = host_calloc(&layer->gpu.host, 1, sizeof *made);
  if (made == NULL) {
    return result_no_memory("declaration", sizeof *made);
  }
  arena_init(&made->arena, &layer->gpu.host);
  made->type = type;
  made->references = 1;
  made->name = arena_strdup(&made->arena, name);
  made->origin = arena_strdup(&made->arena, origin == NULL ? origin_get() : origin);
  result = made->name == NULL || made->origin == NULL ? result_no_memory("declaration's name", 0)
                                                      : declaration_copy(made, desc);
  if (result != RG_OK) {
    declaration_free(layer, made);
    return result;
  }
  *out = made;
  return RG_OK;
fail:
  return result;
}

void library_release(resources *layer, declaration *declared) {
  if (declared == NULL) {
    return;
  }
  mutex_lock(&layer->library.lock);
  bool is_last = --declared->references == 0;
  mutex_unlock(&layer->library.lock);
  if (is_last) {
    declaration_free(layer, declared);
  }
}

/* ---- The table ----------------------------------------------------------------------------- */

/* Puts back what stood in place of the first `count` declarations; previous[i] may be NULL. */
static void enter_undo(library *library, declaration **declarations, declaration **previous,
                       uint32_t count) {
  while (count-- > 0) {
    hash_map *map = &library->by_name[declarations[count]->type];
    const char *name = declarations[count]->name;
    /* Replacing needs no memory, so it cannot fail. */
    if (previous[count] == NULL ||
        hash_map_set(map, name, strlen(name), previous[count]) != RG_OK) {
      hash_map_remove(map, name, strlen(name));
    }
  }
}

static rg_result enter_all(library *library, declaration **declarations, declaration **previous,
                           uint32_t count) {
  for (uint32_t i = 0; i < count; i++) {
    hash_map *map = &library->by_name[declarations[i]->type];
    const char *name = declarations[i]->name;
    previous[i] = hash_map_get(map, name, strlen(name));
    rg_result result = hash_map_set(map, name, strlen(name), declarations[i]);
    if (result != RG_OK) {
      enter_undo(library, declarations, previous, i);
      return result;
    }
  }
  return RG_OK;
}

rg_result library_enter(resources *layer, declaration **declarations, uint32_t count) {
  if (count == 0) {
    return RG_OK;
  }
  size_t size = count * sizeof(declaration *);
  declaration **previous = host_alloc(&layer->gpu.host, size);
  if (previous == NULL) {
    return result_no_memory("declarations", size);
  }
  mutex_lock(&layer->library.lock);
  rg_result result = enter_all(&layer->library, declarations, previous, count);
  mutex_unlock(&layer->library.lock);
  for (uint32_t i = 0; result == RG_OK && i < count; i++) {
    library_release(layer, previous[i]);
  }
  host_free(&layer->gpu.host, previous, size);
  return result;
}

declaration *library_acquire(resources *layer, rg_type type, const char *name) {
  mutex_lock(&layer->library.lock);
  declaration *found = hash_map_get(&layer->library.by_name[type], name, strlen(name));
  if (found != NULL) {
    found->references++;
  }
  mutex_unlock(&layer->library.lock);
  return found;
}

rg_result library_acquire_all(resources *layer, rg_type type, hash_map *out) {
  rg_result result = RG_OK;
  uint32_t cursor = 0;
  const hash_map_entry *entry = NULL;
  mutex_lock(&layer->library.lock);
  while (result == RG_OK &&
         (entry = hash_map_next(&layer->library.by_name[type], &cursor)) != NULL) {
    result = hash_map_set(out, entry->key, entry->key_size, entry->value);
    if (result == RG_OK) {
      ((declaration *)entry->value)->references++;
    }
  }
  mutex_unlock(&layer->library.lock);
  return result;
}

static int compare_names(const void *a, const void *b) {
  return strcmp(*(const char *const *)a, *(const char *const *)b);
}

const char **names_list(host_memory *memory, const hash_map *map) {
  const char **names = map->count == 0 ? NULL : host_alloc(memory, map->count * sizeof *names);
  uint32_t cursor = 0;
  for (uint32_t i = 0; names != NULL && i < map->count; i++) {
    names[i] = hash_map_next(map, &cursor)->key;
  }
  if (names != NULL) {
    qsort(names, map->count, sizeof *names, compare_names);
  }
  return names;
}

void names_free(host_memory *memory, const char **names, uint32_t count) {
  host_free(memory, names, count * sizeof *names);
}

rg_result library_refuse(resources *layer, rg_type type, const char *name) {
  host_memory *memory = &layer->gpu.host;
  mutex_lock(&layer->library.lock);
  const hash_map *map = &layer->library.by_name[type];
  uint32_t count = map->count;
  const char **names = names_list(memory, map);
  const char *nearest = names == NULL ? NULL : rg_nearest_name(name, names, count);
  rg_result result =
      nearest == NULL
          ? result_set(RG_ERROR_NOT_FOUND, "%s '%s' is not declared", rg_type_name(type), name)
          : result_set(RG_ERROR_NOT_FOUND, "%s '%s' is not declared; did you mean '%s'?",
                       rg_type_name(type), name, nearest);
  mutex_unlock(&layer->library.lock);
  names_free(memory, names, count);
  return result;
}

/* ---- Public -------------------------------------------------------------------------------- */

static rg_result declare(resources *layer, rg_type type, const char *name, const void *desc) {
  declaration *made = NULL;
  rg_result result = declaration_create(layer, type, name, desc, NULL, &made);
  if (result == RG_OK) {
    result = library_enter(layer, &made, 1);
  }
  if (result != RG_OK) {
    library_release(layer, made);
  }
  return result;
}

rg_result rg_declare_buffer(rg_engine *engine, const char *name, const rg_buffer_desc *desc) {
  RESOURCE_REQUIRE(engine);
  RESOURCE_REQUIRE(desc);
  return declare(resources_of(engine), RG_TYPE_BUFFER, name, desc);
}

rg_result rg_declare_texture(rg_engine *engine, const char *name, const rg_texture_desc *desc) {
  RESOURCE_REQUIRE(engine);
  RESOURCE_REQUIRE(desc);
  return declare(resources_of(engine), RG_TYPE_TEXTURE, name, desc);
}

rg_result rg_declare_shader(rg_engine *engine, const char *name, const rg_shader_desc *desc) {
  RESOURCE_REQUIRE(engine);
  RESOURCE_REQUIRE(desc);
  return declare(resources_of(engine), RG_TYPE_SHADER, name, desc);
}

rg_result rg_declare_material(rg_engine *engine, const rg_material_desc *desc) {
  RESOURCE_REQUIRE(engine);
  RESOURCE_REQUIRE(desc);
  return declare(resources_of(engine), RG_TYPE_MATERIAL, desc->name, desc);
}
