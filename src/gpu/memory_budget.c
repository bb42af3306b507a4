/* The counts and budgets of heaps: reserved before memory is made, compared with what driver and
 * user allow, told to the host when they come near. */
#include "memory_budget.h"

#include <inttypes.h>

#include "gpu.h"

#define WARNING_DEFAULT 0.9f
#define ASK_INTERVAL 64 /* allocations between two questions to the driver */

static uint64_t smaller(uint64_t a, uint64_t b) {
  return a < b ? a : b;
}

static uint64_t load(const _Atomic uint64_t *value) {
  return atomic_load_explicit(value, memory_order_relaxed);
}

rg_result memory_budget_init(gpu *gpu, const rg_engine_desc *desc) {
  memory_budget *self = &gpu->budget;
  float warning = desc->budget_warning == 0.0f ? WARNING_DEFAULT : desc->budget_warning;
  if (!(warning > 0.0f && warning <= 1.0f)) { /* NaN, too */
    return result_set(RG_ERROR_INVALID_ARGUMENT, "engine: budget_warning %g is not over 0 to 1",
                      (double)warning);
  }
  self->limit = desc->memory_limit;
  self->warning = warning;
  self->event = desc->memory_event;
  self->event_user = desc->memory_event_user;
  memory_budget_refresh(gpu);
  return RG_OK;
}

void memory_budget_finish(gpu *gpu) {
  const memory_budget *self = &gpu->budget;
  if (load(&self->total_size) != 0) {
    log_message(&gpu->logger, RG_LOG_ERROR,
                "device memory: %" PRIu64 " bytes in %u allocations were never freed",
                load(&self->total_size), atomic_load(&self->allocation_count));
  }
}

/* ---- Reserving ----------------------------------------------------------------------------- */

/* Adds to a count unless it would exceed its limit (0: none); false with *seen as it stood. */
static bool count_add(_Atomic uint64_t *count, uint64_t size, uint64_t limit, uint64_t *seen) {
  *seen = load(count);
  do {
    if (limit != 0 && (*seen >= limit || size > limit - *seen)) {
      return false;
    }
  } while (!atomic_compare_exchange_weak_explicit(count, seen, *seen + size, memory_order_relaxed,
                                                  memory_order_relaxed));
  return true;
}

static rg_result count_take(gpu *gpu) {
  uint32_t limit = gpu->device.vk_limits.maxMemoryAllocationCount;
  _Atomic uint32_t *count = &gpu->budget.allocation_count;
  uint32_t seen = atomic_load(count);
  do {
    if (seen >= limit) {
      return result_set(RG_ERROR_LIMIT, "device memory: %u allocations exceed the device's %u",
                        seen + 1, limit);
    }
  } while (!atomic_compare_exchange_weak(count, &seen, seen + 1));
  return RG_OK;
}

static rg_result total_take(memory_budget *self, uint64_t size) {
  uint64_t seen = 0;
  return count_add(&self->total_size, size, self->limit, &seen)
             ? RG_OK
             : result_set(RG_ERROR_OUT_OF_DEVICE_MEMORY,
                          "%" PRIu64 " bytes more exceed memory_limit: %" PRIu64 " of %" PRIu64
                          " bytes are in use",
                          size, seen, self->limit);
}

static rg_result heap_take(memory_budget *self, uint32_t heap, uint64_t size) {
  uint64_t seen = 0;
  uint64_t budget = load(&self->heaps[heap].user_budget);
  return count_add(&self->heaps[heap].size, size, budget, &seen)
             ? RG_OK
             : result_set(RG_ERROR_OUT_OF_DEVICE_MEMORY,
                          "heap %u: %" PRIu64 " bytes more exceed the budget: %" PRIu64
                          " of %" PRIu64 " bytes are in use",
                          heap, size, seen, budget);
}

static rg_result bytes_take(memory_budget *self, uint32_t heap, uint64_t size) {
  rg_result result = total_take(self, size);
  if (result == RG_OK) {
    result = heap_take(self, heap, size);
    if (result != RG_OK) {
      atomic_fetch_sub(&self->total_size, size);
    }
  }
  return result;
}

rg_result memory_budget_take(gpu *gpu, uint32_t heap, uint64_t size) {
  memory_budget *self = &gpu->budget;
  rg_result result = count_take(gpu);
  if (result != RG_OK) {
    return result;
  }
  result = bytes_take(self, heap, size);
  if (result != RG_OK) {
    atomic_fetch_sub(&self->allocation_count, 1);
  } else if (atomic_fetch_add(&self->unasked_count, 1) + 1 >= ASK_INTERVAL) {
    memory_budget_refresh(gpu);
  }
  return result;
}

/* ---- What may be used ---------------------------------------------------------------------- */

uint64_t memory_budget_get(gpu *gpu, uint32_t heap) {
  const memory_heap *self = &gpu->budget.heaps[heap];
  uint64_t budget = gpu->device.memory_properties.memoryHeaps[heap].size;
  const uint64_t limits[] = {load(&self->driver_budget), load(&self->user_budget),
                             gpu->budget.limit};
  for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
    budget = limits[i] == 0 ? budget : smaller(budget, limits[i]);
  }
  return budget;
}

uint64_t memory_budget_used(gpu *gpu, uint32_t heap) {
  const memory_heap *self = &gpu->budget.heaps[heap];
  uint64_t size = load(&self->size);
  if (load(&self->driver_budget) == 0) {
    return size;
  }
  uint64_t usage = load(&self->driver_usage) + size;
  uint64_t then = load(&self->size_then);
  return usage > then && usage - then > size ? usage - then : size;
}

bool memory_budget_fits(gpu *gpu, uint32_t heap, uint64_t size) {
  uint64_t budget = memory_budget_get(gpu, heap);
  uint64_t used = memory_budget_used(gpu, heap);
  return used < budget && size <= budget - used;
}

void memory_budget_refresh(gpu *gpu) {
  memory_budget *self = &gpu->budget;
  if (!gpu->device.has_memory_budget || atomic_exchange(&self->is_asking, true)) {
    return;
  }
  atomic_store(&self->unasked_count, 0);
  VkPhysicalDeviceMemoryBudgetPropertiesEXT budget = {
      .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_BUDGET_PROPERTIES_EXT};
  VkPhysicalDeviceMemoryProperties2 properties = {
      .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_PROPERTIES_2, .pNext = &budget};
  gpu->vk.GetPhysicalDeviceMemoryProperties2(gpu->device.physical, &properties);
  for (uint32_t i = 0; i < gpu->device.memory_properties.memoryHeapCount; i++) {
    memory_heap *heap = &self->heaps[i];
    atomic_store(&heap->size_then, load(&heap->size));
    atomic_store(&heap->driver_usage, budget.heapUsage[i]);
    atomic_store(&heap->driver_budget, budget.heapBudget[i]);
  }
  atomic_store(&self->is_asking, false);
}

/* ---- The host's callback ------------------------------------------------------------------- */

static bool is_near(gpu *gpu, uint32_t heap) {
  double threshold = (double)gpu->budget.warning * (double)memory_budget_get(gpu, heap);
  return (double)memory_budget_used(gpu, heap) > threshold;
}

/* What has fallen below the threshold may cross it again. */
void memory_budget_give(gpu *gpu, uint32_t heap, uint64_t size) {
  memory_budget *self = &gpu->budget;
  atomic_fetch_sub(&self->heaps[heap].size, size);
  atomic_fetch_sub(&self->total_size, size);
  atomic_fetch_sub(&self->allocation_count, 1);
  if (atomic_load(&self->heaps[heap].is_near) && !is_near(gpu, heap)) {
    atomic_store(&self->heaps[heap].is_near, false);
  }
}

static bool event_call(gpu *gpu, rg_memory_event_type type, uint32_t heap, uint64_t wanted) {
  rg_memory_event event = {.type = type,
                           .heap = heap,
                           .used = memory_budget_used(gpu, heap),
                           .budget = memory_budget_get(gpu, heap),
                           .wanted = wanted};
  return gpu->budget.event(gpu->budget.event_user, &event);
}

void memory_budget_notify(gpu *gpu, uint32_t heap, uint64_t wanted) {
  memory_budget *self = &gpu->budget;
  if (self->event == NULL) {
    return;
  }
  bool is_now = is_near(gpu, heap);
  bool was_near = atomic_exchange(&self->heaps[heap].is_near, is_now);
  if (is_now && !was_near) {
    event_call(gpu, RG_MEMORY_NEAR_BUDGET, heap, wanted);
  }
}

bool memory_budget_exhausted(gpu *gpu, uint32_t heap, uint64_t wanted) {
  return gpu->budget.event != NULL && event_call(gpu, RG_MEMORY_EXHAUSTED, heap, wanted);
}

/* ---- What the public interface tells ------------------------------------------------------- */

static void totals_add(gpu *gpu, uint32_t heap, rg_memory_totals *out) {
  const memory_heap *self = &gpu->budget.heaps[heap];
  for (uint32_t i = 0; i < MEMORY_HEAP_SHARDS; i++) {
    out->used += load(&self->shards[i].used);
    out->allocations += atomic_load_explicit(&self->shards[i].allocations, memory_order_relaxed);
  }
  out->size += load(&self->size);
  out->budget += memory_budget_get(gpu, heap);
}

void rg_memory_get_totals(rg_engine *engine, uint32_t heap, rg_memory_totals *out) {
  gpu *gpu = gpu_of(engine);
  uint32_t count = gpu->device.memory_properties.memoryHeapCount;
  *out = (rg_memory_totals){0};
  if (heap < count) {
    totals_add(gpu, heap, out);
  }
  for (uint32_t i = 0; i < count && heap == VK_MAX_MEMORY_HEAPS; i++) {
    totals_add(gpu, i, out);
  }
  if (heap == VK_MAX_MEMORY_HEAPS && gpu->budget.limit != 0) {
    out->budget = smaller(out->budget, gpu->budget.limit);
  }
}

rg_result rg_memory_set_budget(rg_engine *engine, uint32_t heap, uint64_t budget) {
  RESOURCE_REQUIRE(engine);
  gpu *gpu = gpu_of(engine);
  uint32_t count = gpu->device.memory_properties.memoryHeapCount;
  if (heap >= count) {
    return result_set(RG_ERROR_INVALID_ARGUMENT, "heap %u: the device has %u, from 0 on", heap,
                      count);
  }
  atomic_store(&gpu->budget.heaps[heap].user_budget, budget);
  return RG_OK;
}
