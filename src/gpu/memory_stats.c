/* What device memory is in use: by pool, by heap, by resource and by label; and whether its guard
 * bytes are whole. */
#include <inttypes.h>
#include <string.h>

#include "gpu.h"
#include "memory_map.h"

/* ---- Pools and heaps ----------------------------------------------------------------------- */

/* The engine's own that ever had a block; those of the caller's count in the sums alone. */
static void visit_pool(void *user, const rg_pool_stats *pool) {
  rg_memory_stats *out = user;
  out->size += pool->size;
  out->used += pool->used;
  if (pool->pool.id == 0 && out->pool_count < RG_MAX_POOLS) {
    out->pools[out->pool_count++] = *pool;
  }
}

static void heaps_get_stats(gpu *gpu, rg_memory_stats *out) {
  const VkPhysicalDeviceMemoryProperties *memory = &gpu->device.memory_properties;
  memory_budget_refresh(gpu);
  out->heap_count = memory->memoryHeapCount;
  for (uint32_t i = 0; i < out->heap_count; i++) {
    out->heaps[i] = (rg_heap_stats){
        .size = memory->memoryHeaps[i].size,
        .used = atomic_load_explicit(&gpu->budget.heaps[i].size, memory_order_relaxed),
        .budget = memory_budget_get(gpu, i),
        .is_device_local = (memory->memoryHeaps[i].flags & VK_MEMORY_HEAP_DEVICE_LOCAL_BIT) != 0,
    };
  }
}

void rg_memory_get_stats(rg_engine *engine, rg_memory_stats *out) {
  gpu *gpu = gpu_of(engine);
  memset(out, 0, sizeof *out);
  out->host_bytes = atomic_load(&gpu->host.live_bytes);
  memory_for_each_pool(gpu, visit_pool, out);
  heaps_get_stats(gpu, out);
}

void rg_memory_trim(rg_engine *engine) {
  memory_trim(gpu_of(engine));
}

/* ---- Resources and labels ------------------------------------------------------------------ */

static void describe_place(const resource_place *place, rg_resource_memory *out) {
  const memory_range *range = &place->range;
  *out = (rg_resource_memory){
      .memory = range->memory,
      .offset = range->offset,
      .size = range->size,
      .alignment = range->alignment,
      .memory_type = range->type,
      .pool = memory_range_pool(range),
      .is_dedicated =
          !place->is_in_slab && !place->is_transient && memory_range_is_dedicated(range),
      .is_shared = place->is_shared,
      .is_aliased = place->is_transient,
  };
}

rg_result rg_resource_get_memory(rg_engine *engine, uint64_t id, rg_resource_memory *out) {
  RESOURCE_REQUIRE(out);
  *out = (rg_resource_memory){0};
  RESOURCE_REQUIRE(engine);
  gpu *gpu = gpu_of(engine);
  rg_result result = RG_OK;
  const rg_type type = rg_type_of(id);
  const void *storage = resource_acquire(gpu, type, id, &result);
  if (storage == NULL) {
    return result;
  }
  resource_place place;
  if (resource_find_place(gpu, type, storage, &place)) {
    describe_place(&place, out);
  }
  resource_release(gpu, id);
  return RG_OK;
}

static void count_labelled(gpu *gpu, rg_type type, const char *label, rg_label_stats *out) {
  slots *slots = gpu->slots_by_type[type];
  for (uint64_t id = slots == NULL ? 0 : slots_next(slots, 0); id != 0;
       id = slots_next(slots, id)) {
    unsigned char *storage = slots_acquire(slots, id);
    if (storage == NULL) {
      continue;
    }
    const resource *self = (resource *)(void *)(storage + gpu->resource_offset[type]);
    resource_place place;
    if (strcmp(resource_label(self), label) == 0) {
      out->count++;
      out->bytes += resource_find_place(gpu, type, storage, &place) ? place.range.size : 0;
    }
    slots_release(slots, id);
  }
}

void rg_memory_get_label_stats(rg_engine *engine, const char *label, rg_label_stats *out) {
  *out = (rg_label_stats){0};
  for (uint32_t type = RG_TYPE_BUFFER; type < RG_TYPE_COUNT; type++) {
    count_labelled(gpu_of(engine), (rg_type)type, label == NULL ? "" : label, out);
  }
}

/* ---- Margins ------------------------------------------------------------------------------- */

#define MAX_NAMED 32 /* broken places that are told with their resource */

typedef struct margin_report {
  gpu *gpu;
  uint32_t count; /* of broken ones */
  char first[512];
  struct {
    uint64_t memory, begin, end;
  } named[MAX_NAMED]; /* not to be told again by the block's walk */
} margin_report;

static void report_broken(margin_report *self, const memory_range *range) {
  if (self->count == 0) {
    strncpy(self->first, rg_error(), sizeof self->first - 1);
  }
  if (self->count < MAX_NAMED) {
    self->named[self->count].memory = (uint64_t)range->memory;
    self->named[self->count].begin = range->offset;
    self->named[self->count].end = range->offset + range->size;
  }
  self->count++;
}

static uint64_t used_bytes(rg_type type, const void *storage, const memory_range *range) {
  return type == RG_TYPE_BUFFER ? ((const buffer *)storage)->vk.size : range->size - range->padding;
}

static void check_live(margin_report *self, rg_type type) {
  gpu *gpu = self->gpu;
  slots *slots = gpu->slots_by_type[type];
  for (uint64_t id = slots_next(slots, 0); id != 0; id = slots_next(slots, id)) {
    unsigned char *storage = slots_acquire(slots, id);
    if (storage == NULL) {
      continue;
    }
    const resource *named = (resource *)(void *)(storage + gpu->resource_offset[type]);
    resource_place place;
    if (resource_find_place(gpu, type, storage, &place) &&
        !margin_check(gpu, &place.range, used_bytes(type, storage, &place.range),
                      resource_title(type, named->label, id).text)) {
      report_broken(self, &place.range);
    }
    slots_release(slots, id);
  }
}

static bool is_named(const margin_report *self, uint64_t memory, uint64_t begin, uint64_t end) {
  for (uint32_t i = 0; i < self->count && i < MAX_NAMED; i++) {
    if (self->named[i].memory == memory && self->named[i].begin < end &&
        self->named[i].end > begin) {
      return true;
    }
  }
  return false;
}

typedef struct block_check {
  margin_report *report;
  const memory_block_info *block;
} block_check;

/* Of a range that may be nobody's, only where its guard ends is known. Incoherent memory is left
 * out: its atoms' ends are not known either. */
static void check_span(void *user, const range_span *span) {
  const block_check *self = user;
  const memory_block_info *block = self->block;
  uint64_t margin = self->report->gpu->margin;
  uint64_t end = span->offset + span->size;
  if (span->id == RANGE_NONE || span->size < margin ||
      margin_size(self->report->gpu, block->type) != margin ||
      is_named(self->report, (uint64_t)block->memory, span->offset, end)) {
    return;
  }
  memory_range range = {.memory = block->memory,
                        .offset = span->offset,
                        .size = span->size,
                        .mapped = (unsigned char *)(uintptr_t)block->mapped + span->offset,
                        .type = block->type};
  if (!margin_check(self->report->gpu, &range, span->size - margin, NULL)) {
    report_broken(self->report, &range);
  }
}

static void check_block(void *user, const memory_block_info *block) {
  block_check check = {user, block};
  if (block->mapped != NULL && block->ranges != NULL) {
    range_for_each(block->ranges, check_span, &check);
  }
}

rg_result rg_memory_check(rg_engine *engine) {
  RESOURCE_REQUIRE(engine);
  gpu *gpu = gpu_of(engine);
  if (gpu->margin == 0) {
    return result_set(RG_ERROR_UNSUPPORTED, "engine '%s' has no memory_margin to check",
                      gpu->label);
  }
  margin_report report = {.gpu = gpu};
  check_live(&report, RG_TYPE_BUFFER);
  check_live(&report, RG_TYPE_TEXTURE);
  memory_for_each_block(gpu, check_block, &report);
  if (report.count == 0) {
    return RG_OK;
  }
  return report.count == 1 ? result_set(RG_ERROR_FORMAT, "%s", report.first)
                           : result_set(RG_ERROR_FORMAT, "%s; and %" PRIu32 " more (see the log)",
                                        report.first, report.count - 1);
}
