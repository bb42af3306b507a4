/* Lives, owners and names of resources, and the messages for handles that no longer stand for one.
 */
#include "resource.h"

#include <inttypes.h>
#include <stdio.h>

#include "gpu.h"

resource_name resource_title(rg_type type, const char *label, uint64_t id) {
  resource_name name;
  if (label != NULL && label[0] != '\0') {
    snprintf(name.text, sizeof name.text, "%s '%s'", rg_type_name(type), label);
  } else if (id != 0) {
    snprintf(name.text, sizeof name.text, "%s 0x%" PRIx64, rg_type_name(type), id);
  } else {
    snprintf(name.text, sizeof name.text, "%s", rg_type_name(type));
  }
  return name;
}

const char *resource_label(const resource *resource) {
  return resource->label == NULL ? "" : resource->label;
}

resource *resource_in(const gpu *gpu, rg_type type, void *storage) {
  return (resource *)(void *)((char *)storage + gpu->resource_offset[type]);
}

/* ---- Names --------------------------------------------------------------------------------- */

static bool is_text(const char *text) {
  return text != NULL && text[0] != '\0';
}

/* False when out of host memory. An empty string is no name. */
static bool name_copy(gpu *gpu, const char *name, char **out) {
  *out = NULL;
  if (!is_text(name)) {
    return true;
  }
  *out = host_strdup(&gpu->host, name);
  return *out != NULL;
}

/* Takes the names that are given; the old ones are freed. */
static void names_replace(gpu *gpu, resource *resource, uint64_t id, char *label, char *origin) {
  mutex_lock(&gpu->names);
  char *old[] = {resource->label, resource->origin, resource->destroyed_at};
  atomic_store_explicit(&resource->id, id, memory_order_release);
  resource->label = label;
  resource->origin = origin;
  resource->destroyed_at = NULL;
  mutex_unlock(&gpu->names);
  for (size_t i = 0; i < sizeof old / sizeof old[0]; i++) {
    host_strfree(&gpu->host, old[i]);
  }
}

static bool has_names(const resource *resource) {
  return resource->label != NULL || resource->origin != NULL || resource->destroyed_at != NULL;
}

static void life_begin(resource *resource, uint64_t id) {
  atomic_store_explicit(&resource->pins, resource_no_pins(id), memory_order_relaxed);
  atomic_store_explicit(&resource->references, 1, memory_order_relaxed);
  atomic_store_explicit(&resource->is_released, false, memory_order_relaxed);
}

rg_result resource_begin(gpu *gpu, resource *resource, uint64_t id, const char *label) {
  char *label_copy = NULL;
  char *origin_copy = NULL;
  const char *origin = origin_get();
  if (!is_text(label) && !is_text(origin) && !has_names(resource)) {
    atomic_store_explicit(&resource->id, id, memory_order_release);
    life_begin(resource, id);
    return RG_OK;
  }
  if (!name_copy(gpu, label, &label_copy) || !name_copy(gpu, origin, &origin_copy)) {
    host_strfree(&gpu->host, label_copy);
    return result_set(RG_ERROR_OUT_OF_HOST_MEMORY, "%s: no host memory for its names",
                      resource_title(rg_type_of(id), label, 0).text);
  }
  names_replace(gpu, resource, id, label_copy, origin_copy);
  life_begin(resource, id);
  return RG_OK;
}

void resource_finish(gpu *gpu, resource *resource) {
  if (has_names(resource)) {
    names_replace(gpu, resource, 0, NULL, NULL);
  }
}

/* The first place counts. Without memory for it, it stays unknown: dying must not fail. */
static void destroyed_at_set(gpu *gpu, resource *resource) {
  char *origin = NULL;
  if (!name_copy(gpu, origin_get(), &origin) || origin == NULL) {
    return;
  }
  mutex_lock(&gpu->names);
  if (resource->destroyed_at == NULL) {
    resource->destroyed_at = origin;
    origin = NULL;
  }
  mutex_unlock(&gpu->names);
  host_strfree(&gpu->host, origin);
}

/* ---- Look-ups and their errors ------------------------------------------------------------- */

typedef struct place_text {
  char text[320];
} place_text;

/* " (at scene.lua:12), it was made at scene.lua:3", as far as it is known. */
static place_text places_of(const resource *resource) {
  const char *destroyed_at = resource->destroyed_at, *origin = resource->origin;
  place_text places;
  snprintf(places.text, sizeof places.text, "%s%s%s%s%s", destroyed_at != NULL ? " (at " : "",
           destroyed_at != NULL ? destroyed_at : "", destroyed_at != NULL ? ")" : "",
           origin != NULL ? ", it was made at " : "", origin != NULL ? origin : "");
  return places;
}

/* Of a live resource of another type. */
static rg_result refuse_type(gpu *gpu, rg_type wanted, uint64_t id, void *storage) {
  rg_type type = rg_type_of(id);
  const resource *found = resource_in(gpu, type, storage);
  return result_set(RG_ERROR_WRONG_TYPE, "%s given where a %s is wanted",
                    resource_title(type, found->label, id).text, rg_type_name(wanted));
}

/* Of a slot whose present or last life had this id; false where it was another's. */
static bool refuse_dead(gpu *gpu, rg_type type, uint64_t id) {
  void *storage = slots_storage_of_index(gpu->slots_by_type[type], id);
  if (storage == NULL) {
    return false;
  }
  mutex_lock(&gpu->names);
  const resource *dead = resource_in(gpu, type, storage);
  bool is_same = dead->id == id;
  if (is_same) {
    (void)result_set(RG_ERROR_STALE_HANDLE, "%s is destroyed%s",
                     resource_title(type, dead->label, id).text, places_of(dead).text);
  }
  mutex_unlock(&gpu->names);
  return is_same;
}

rg_result resource_refuse(gpu *gpu, rg_type wanted, uint64_t id) {
  if (id == 0) {
    return result_set(RG_ERROR_STALE_HANDLE, "null %s handle", rg_type_name(wanted));
  }
  rg_type type = rg_type_of(id);
  slots *slots = gpu->slots_by_type[type];
  if (slots != NULL) {
    void *storage = type == wanted ? NULL : slots_acquire(slots, id);
    if (storage != NULL) {
      rg_result result = refuse_type(gpu, wanted, id, storage);
      slots_release(slots, id);
      return result;
    }
    if (refuse_dead(gpu, type, id)) {
      return RG_ERROR_STALE_HANDLE;
    }
  }
  return result_set(RG_ERROR_STALE_HANDLE, "%s handle 0x%" PRIx64 " is stale, or of another engine",
                    rg_type_name(type == RG_TYPE_NONE ? wanted : type), id);
}

void *resource_acquire(gpu *gpu, rg_type type, uint64_t id, rg_result *result) {
  slots *slots = gpu->slots_by_type[type];
  void *storage = slots == NULL ? NULL : slots_acquire(slots, id);
  *result = storage == NULL ? resource_refuse(gpu, type, id) : RG_OK;
  return storage;
}

void resource_release(gpu *gpu, uint64_t id) {
  slots_release(gpu->slots_by_type[rg_type_of(id)], id);
}

bool rg_is_live(rg_engine *engine, uint64_t id) {
  if (engine == NULL) {
    return false;
  }
  const slots *slots = gpu_of(engine)->slots_by_type[rg_type_of(id)];
  return slots != NULL && slots_peek(slots, id) != NULL;
}

rg_handle rg_resource_next(rg_engine *engine, rg_type type, rg_handle last) {
  uint32_t wanted = (uint32_t)type;
  if (engine == NULL || wanted >= RG_TYPE_COUNT) {
    return (rg_handle){0};
  }
  uint32_t first = last.id != 0 ? (uint32_t)rg_type_of(last.id) : wanted;
  if (last.id != 0 && (first == RG_TYPE_NONE || (wanted != RG_TYPE_NONE && first != wanted))) {
    return (rg_handle){0};
  }
  uint32_t end = wanted == RG_TYPE_NONE ? RG_TYPE_COUNT : wanted + 1;
  for (uint32_t i = first; i < end; i++) {
    const slots *slots = gpu_of(engine)->slots_by_type[i];
    bool is_continued = last.id != 0 && i == first;
    uint64_t id = slots == NULL ? 0 : slots_next(slots, is_continued ? last.id : 0);
    if (id != 0) {
      return (rg_handle){id};
    }
  }
  return (rg_handle){0};
}

/* ---- Owners -------------------------------------------------------------------------------- */

/* Lets one reference go; the last kills. */
static void reference_drop(gpu *gpu, resource *resource, rg_type type, uint64_t id) {
  if (atomic_fetch_sub_explicit(&resource->references, 1, memory_order_acq_rel) == 1) {
    slots_retire(gpu->slots_by_type[type], id);
  }
}

static rg_result refuse_released(gpu *gpu, const resource *kept, rg_type type, uint64_t id) {
  mutex_lock(&gpu->names);
  rg_result result =
      result_set(RG_ERROR_STALE_HANDLE,
                 "%s is already destroyed%s: only a material, a set or the engine keeps it",
                 resource_title(type, kept->label, id).text, places_of(kept).text);
  mutex_unlock(&gpu->names);
  return result;
}

/* The creator's reference goes; is_noted: with the place. The slot is marked as shared first, so
 * that nobody else ends its life in one step meanwhile. */
static rg_result creator_let_go(gpu *gpu, rg_type type, uint64_t id, bool is_noted) {
  rg_result result = RG_OK;
  void *storage = resource_acquire(gpu, type, id, &result);
  if (storage == NULL) {
    return result;
  }
  resource *resource = resource_in(gpu, type, storage);
  if (!slots_share(gpu->slots_by_type[type], id)) {
    result = resource_refuse(gpu, type, id);
  } else if (atomic_exchange_explicit(&resource->is_released, true, memory_order_acq_rel)) {
    result = refuse_released(gpu, resource, type, id);
  } else {
    if (is_noted) {
      destroyed_at_set(gpu, resource);
    }
    reference_drop(gpu, resource, type, id);
  }
  resource_release(gpu, id);
  return result;
}

/* Where nobody but the creator ever owned it and there is no place to note, one step does it all.
 */
rg_result resource_destroy(gpu *gpu, rg_type type, uint64_t id) {
  slots *slots = gpu->slots_by_type[type];
  if (slots != NULL && !is_text(origin_get()) && slots_retire_sole(slots, id)) {
    return RG_OK;
  }
  return creator_let_go(gpu, type, id, true);
}

rg_result resource_hand_over(gpu *gpu, rg_type type, uint64_t id) {
  return creator_let_go(gpu, type, id, false);
}

rg_result resource_own(gpu *gpu, rg_type type, uint64_t id) {
  rg_result result = RG_OK;
  void *storage = resource_acquire(gpu, type, id, &result);
  if (storage == NULL) {
    return result;
  }
  resource *resource = resource_in(gpu, type, storage);
  uint32_t references = 0;
  if (slots_share(gpu->slots_by_type[type], id)) {
    references = atomic_load_explicit(&resource->references, memory_order_relaxed);
  }
  while (references != 0 &&
         !atomic_compare_exchange_weak_explicit(&resource->references, &references, references + 1,
                                                memory_order_acq_rel, memory_order_relaxed)) {
  }
  if (references == 0) {
    result = resource_refuse(gpu, type, id);
  }
  resource_release(gpu, id);
  return result;
}

void resource_disown(gpu *gpu, uint64_t id) {
  rg_type type = rg_type_of(id);
  slots *slots = gpu->slots_by_type[type];
  void *storage = slots == NULL ? NULL : slots_acquire(slots, id);
  if (storage != NULL) {
    resource *resource = resource_in(gpu, type, storage);
    if (atomic_load_explicit(&resource->references, memory_order_relaxed) == 1) {
      destroyed_at_set(gpu, resource);
    }
    reference_drop(gpu, resource, type, id);
    slots_release(slots, id);
  }
}

/* ---- The end ------------------------------------------------------------------------------- */

/* Pins would keep the slots from being reclaimed. */
static void drop_pins(gpu *gpu, rg_type type, slots *slots) {
  void *storage = slots_storage_of_index(slots, 0);
  for (uint64_t i = 0; storage != NULL; storage = slots_storage_of_index(slots, ++i)) {
    resource *resource = resource_in(gpu, type, storage);
    uint64_t id = atomic_load(&resource->id);
    uint32_t count = resource_drop_pins(resource);
    if (count > 0) {
      log_message(&gpu->logger, RG_LOG_WARNING, "%s: %s is still pinned (%u time%s)", gpu->label,
                  resource_title(type, resource->label, id).text, count, count == 1 ? "" : "s");
      slots_release(slots, id);
    }
  }
}

void resource_finish_all(gpu *gpu, rg_type type) {
  slots *slots = gpu->slots_by_type[type];
  if (slots == NULL) {
    return;
  }
  drop_pins(gpu, type, slots);
  for (uint64_t id = slots_next(slots, 0); id != 0; id = slots_next(slots, id)) {
    slots_retire(slots, id);
  }
  frame_drain(gpu);
  void *storage = slots_storage_of_index(slots, 0);
  for (uint64_t i = 0; storage != NULL; storage = slots_storage_of_index(slots, ++i)) {
    resource_finish(gpu, resource_in(gpu, type, storage));
  }
  slots_finish(slots);
  gpu->slots_by_type[type] = NULL;
}
