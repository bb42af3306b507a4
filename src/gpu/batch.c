/* Batches hold back whatever dies while they are open; a pin holds one resource's slot, so that it
 * is not reclaimed though its handle may die. */
#include "batch.h"

#include <inttypes.h>
#include <sched.h>

#include "gpu.h"

/* ---- Batches ------------------------------------------------------------------------------- */

/* Another engine's batches differ in bits that tell claims apart. */
static uint64_t batch_salt(const gpu *gpu) {
  return gpu->frame.ticket_salt * UINT64_C(0x9E3779B97F4A7C15);
}

rg_result batch_open(gpu *gpu, rg_batch *out) {
  uint64_t claim = 0;
  rg_result result = epoch_enter(&gpu->frame.epochs, &claim);
  *out = (rg_batch){result == RG_OK ? claim ^ batch_salt(gpu) : 0};
  return result;
}

void batch_close(gpu *gpu, rg_batch batch) {
  if (!epoch_leave(&gpu->frame.epochs, batch.id ^ batch_salt(gpu))) {
    log_message(&gpu->logger, RG_LOG_ERROR, "engine '%s': batch 0x%" PRIx64 " is not open",
                gpu->label, batch.id);
  } else if (frame_has_zombies(gpu)) {
    frame_collect(gpu);
  }
}

rg_result rg_batch_begin(rg_engine *engine, rg_batch *out) {
  RESOURCE_REQUIRE(out);
  *out = (rg_batch){0};
  RESOURCE_REQUIRE(engine);
  return batch_open(gpu_of(engine), out);
}

void rg_batch_end(rg_engine *engine, rg_batch batch) {
  if (engine != NULL) {
    batch_close(gpu_of(engine), batch);
  }
}

/* ---- Pins ---------------------------------------------------------------------------------- */

#define PINS_MOVING (UINT64_C(1) << 31)
#define PINS_COUNT_MASK (PINS_MOVING - 1)
#define PINS_MAX (1u << 30)

/* Whether the pins are of the id's life. */
static bool pins_are_of(uint64_t pins, uint64_t id) {
  return (pins & ~UINT64_C(0xFFFFFFFF)) == resource_no_pins(id);
}

/* The resource in the id's slot, whoever's it is by now; or NULL. */
static resource *resource_of_slot(gpu *gpu, uint64_t id) {
  rg_type type = rg_type_of(id);
  slots *slots = gpu->slots_by_type[type];
  void *storage = slots == NULL ? NULL : slots_storage_of_index(slots, id);
  return storage == NULL ? NULL : resource_in(gpu, type, storage);
}

bool resource_is_pinned(gpu *gpu, uint64_t id) {
  const resource *resource = resource_of_slot(gpu, id);
  uint64_t pins = resource == NULL ? 0 : atomic_load(&resource->pins);
  return pins_are_of(pins, id) && (pins & PINS_COUNT_MASK) != 0;
}

bool resource_move_begin(gpu *gpu, uint64_t id) {
  resource *resource = resource_of_slot(gpu, id);
  uint64_t none = resource_no_pins(id);
  return resource != NULL &&
         atomic_compare_exchange_strong(&resource->pins, &none, none | PINS_MOVING);
}

void resource_move_end(gpu *gpu, uint64_t id) {
  atomic_fetch_and(&resource_of_slot(gpu, id)->pins, ~PINS_MOVING);
}

uint32_t resource_drop_pins(resource *resource) {
  uint64_t pins = atomic_fetch_and(&resource->pins, ~PINS_COUNT_MASK);
  return (uint32_t)(pins & PINS_COUNT_MASK);
}

/* Of a held resource. False where it has as many as there can be; *is_first: it had none. */
static bool pins_add(resource *resource, bool *is_first) {
  uint64_t pins = atomic_load(&resource->pins);
  for (;;) {
    if ((pins & PINS_MOVING) != 0) {
      sched_yield(); /* the mover may be waiting for this very processor */
      pins = atomic_load(&resource->pins);
    } else if ((pins & PINS_COUNT_MASK) == PINS_MAX) {
      return false;
    } else if (atomic_compare_exchange_weak(&resource->pins, &pins, pins + 1)) {
      *is_first = (pins & PINS_COUNT_MASK) == 0;
      return true;
    }
  }
}

rg_result rg_pin(rg_engine *engine, uint64_t id) {
  RESOURCE_REQUIRE(engine);
  gpu *gpu = gpu_of(engine);
  rg_type type = rg_type_of(id);
  rg_result result = RG_OK;
  bool is_first = false;
  if (type == RG_TYPE_NONE) {
    return result_set(RG_ERROR_STALE_HANDLE, "rg_pin: handle 0x%" PRIx64 " is of no type", id);
  }
  void *storage = resource_acquire(gpu, type, id, &result);
  if (storage == NULL) {
    return result;
  }
  resource *resource = resource_in(gpu, type, storage);
  if (!pins_add(resource, &is_first)) {
    result = result_set(RG_ERROR_LIMIT, "%s: %u pins are the most there can be",
                        resource_title(type, resource->label, id).text, PINS_MAX);
  }
  if (!is_first) { /* the first one keeps the hold for all */
    resource_release(gpu, id);
  }
  return result;
}

/* False where the id's life has none; *is_last: it had one. */
static bool pins_drop(resource *resource, uint64_t id, bool *is_last) {
  uint64_t pins = atomic_load(&resource->pins);
  while (pins_are_of(pins, id) && (pins & PINS_COUNT_MASK) != 0) {
    if (atomic_compare_exchange_weak(&resource->pins, &pins, pins - 1)) {
      *is_last = (pins & PINS_COUNT_MASK) == 1;
      return true;
    }
  }
  return false;
}

static rg_result refuse_unpinned(gpu *gpu, uint64_t id, const resource *resource) {
  rg_type type = rg_type_of(id);
  if (type == RG_TYPE_NONE) {
    return result_set(RG_ERROR_INVALID_ARGUMENT, "rg_unpin: handle 0x%" PRIx64 " is of no type",
                      id);
  }
  mutex_lock(&gpu->names);
  const char *label = resource != NULL && resource->id == id ? resource->label : NULL;
  rg_result result = result_set(RG_ERROR_INVALID_ARGUMENT, "%s is not pinned",
                                resource_title(type, label, id).text);
  mutex_unlock(&gpu->names);
  return result;
}

rg_result rg_unpin(rg_engine *engine, uint64_t id) {
  RESOURCE_REQUIRE(engine);
  gpu *gpu = gpu_of(engine);
  resource *resource = resource_of_slot(gpu, id);
  bool is_last = false;
  if (resource == NULL || !pins_drop(resource, id, &is_last)) {
    return refuse_unpinned(gpu, id, resource);
  }
  if (is_last) {
    resource_release(gpu, id);
  }
  return RG_OK;
}
