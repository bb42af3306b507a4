/* The range allocator's interface: what the strategies share, and which one serves a request. */
#include "range.h"

#include <assert.h>

#include "range_internal.h"
#include "result.h"

/* From here on ranges count as large: see range_place.c. */
#define LARGE_SIZE (UINT64_C(7) << 20)

static rg_result ranges_init(range_allocator *ranges, const range_desc *desc) {
  rg_result result = RG_OK;
  ranges->size = desc->size;
  ranges->strategy = desc->strategy;
  ranges->large_size = desc->size / 64u < LARGE_SIZE ? desc->size / 64u + 1 : LARGE_SIZE;
  if (desc->strategy == RANGE_BEST_FIT) {
    slab_init(ranges);
  } else if (desc->strategy == RANGE_SLOTS) {
    ranges->slot_size = desc->slot_size;
    ranges->large_size = UINT64_MAX; /* else they would be cut from the upper ends of holes */
  }
  RG_TRY(holes_init(ranges));
  RG_TRY(nodes_init(ranges));
  holes_insert(ranges, 1);
fail:
  return result;
}

range_allocator *range_create_with(host_memory *memory, const range_desc *desc) {
  assert(desc->size >= 1 && desc->size <= RANGE_MAX_SIZE);
  assert(desc->strategy != RANGE_SLOTS || (desc->slot_size >= 1 && desc->slot_size <= UINT32_MAX));
  range_allocator *ranges = host_calloc(memory, 1, sizeof(*ranges));
  if (ranges == NULL) {
    result_message_no_memory("ranges", sizeof(*ranges));
    return NULL;
  }
  ranges->memory = memory;
  if (ranges_init(ranges, desc) != RG_OK) {
    range_destroy(ranges);
    return NULL;
  }
  return ranges;
}

range_allocator *range_create(host_memory *memory, uint64_t size) {
  return range_create_with(memory, &(range_desc){.size = size});
}

void range_destroy(range_allocator *ranges) {
  if (ranges == NULL) {
    return;
  }
  slab_finish(ranges);
  nodes_finish(ranges);
  holes_finish(ranges);
  host_free(ranges->memory, ranges, sizeof(*ranges));
}

/* Where the hole right behind `node` takes a range, if it is one and fits. */
static uint32_t place_behind(const range_allocator *ranges, uint32_t node, uint64_t size,
                             uint64_t alignment, uint64_t *offset) {
  const uint32_t hole = ranges->nodes[node].next;
  if (!node_is_free(&ranges->nodes[hole])) {
    return 0;
  }
  const uint64_t start = ranges->nodes[hole].offset, room = node_size(ranges, hole);
  const uint64_t gap = align_gap(start, alignment);
  *offset = start + gap;
  return room >= size && room - size >= gap ? hole : 0;
}

/* The range that a stack or ring allocates behind: 0 for the span's start. */
static uint32_t before_hole(const range_allocator *ranges, uint32_t node) {
  const uint32_t prev = ranges->nodes[node].prev;
  return prev != 0 && node_is_free(&ranges->nodes[prev]) ? ranges->nodes[prev].prev : prev;
}

static uint32_t place(const range_allocator *ranges, uint64_t size, uint64_t alignment,
                      uint64_t *offset) {
  uint32_t hole = 0;
  switch (ranges->strategy) {
    case RANGE_BEST_FIT: return place_range(ranges, size, alignment, offset);
    case RANGE_SLOTS:
      if (ranges->slot_size % alignment != 0) {
        return 0;
      }
      return place_range(ranges, ranges->slot_size, 1, offset);
    case RANGE_STACK: return place_behind(ranges, before_hole(ranges, 0), size, alignment, offset);
    case RANGE_RING:
      hole = place_behind(ranges, ranges->last, size, alignment, offset);
      return hole != 0 ? hole : place_behind(ranges, 0, size, alignment, offset);
  }
  return 0;
}

rg_result block_alloc(range_allocator *ranges, uint64_t size, uint64_t alignment, range_id *id,
                      uint64_t *offset) {
  const rg_result result = nodes_reserve(ranges);
  if (result != RG_OK) {
    return result;
  }
  uint32_t hole = place(ranges, size, alignment, offset);
  if (hole == 0 && slab_trim(ranges)) {
    hole = place(ranges, size, alignment, offset);
  }
  if (hole == 0) {
    return RG_ERROR_OUT_OF_DEVICE_MEMORY;
  }
  const uint64_t slack = ranges->strategy == RANGE_SLOTS ? ranges->slot_size - size : 0;
  *id = nodes_take(ranges, hole, *offset, size + slack);
  ranges->nodes[*id].list_next = (uint32_t)slack;
  ranges->used += size;
  ranges->count++;
  ranges->last = *id;
  return RG_OK;
}

rg_result range_alloc(range_allocator *ranges, uint64_t size, uint64_t alignment, range_id *id,
                      uint64_t *offset) {
  assert(size >= 1 && alignment >= 1 && (alignment & (alignment - 1)) == 0);
  if (size <= ranges->small_size && alignment <= ranges->small_size) {
    return slab_alloc(ranges, size, alignment, id, offset);
  }
  if (ranges->strategy == RANGE_SLOTS && size > ranges->slot_size) {
    return RG_ERROR_OUT_OF_DEVICE_MEMORY;
  }
  return block_alloc(ranges, size, alignment, id, offset);
}

void range_free(range_allocator *ranges, range_id id) {
  if ((id & SLOT_ID) != 0) {
    slab_free(ranges, id);
    return;
  }
  assert(id != 0 && id < ranges->node_end && node_is_range(&ranges->nodes[id]));
  ranges->used -= range_size(ranges, id);
  ranges->count--;
  if (ranges->last == id) {
    ranges->last = before_hole(ranges, id);
  }
  nodes_give(ranges, id);
  if (ranges->count == 0) {
    slab_trim(ranges);
  }
}

uint64_t range_offset(const range_allocator *ranges, range_id id) {
  return (id & SLOT_ID) != 0 ? slab_offset(ranges, id) : ranges->nodes[id].offset;
}

uint64_t range_size(const range_allocator *ranges, range_id id) {
  return (id & SLOT_ID) != 0 ? slab_size(ranges, id)
                             : node_size(ranges, id) - ranges->nodes[id].list_next;
}

void range_get_stats(const range_allocator *ranges, range_stats *out) {
  *out = (range_stats){
      .size = ranges->size,
      .used = ranges->used,
      .reserved = ranges->size - ranges->free_bytes - ranges->used,
      .largest_free = holes_largest(ranges),
      .count = ranges->count,
      .free_count = ranges->free_count,
      .host_bytes = sizeof(*ranges) + ranges->node_capacity * sizeof(range_node) +
                    ranges->list_classes * sizeof(*ranges->lists) + slab_host_bytes(ranges),
  };
}
