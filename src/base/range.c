/* The range allocator's interface: what the strategies share, and which one serves a request. */
#include "range.h"

#include <assert.h>

#include "range_internal.h"
#include "result.h"

/* From here on ranges count as large: see range_place.c. */
#define LARGE_SIZE (UINT64_C(7) << 20)

/* Debug builds validate after as many operations, and more where there is more to look at. */
#define VALIDATION_PAUSE 16384

static rg_result ranges_init(range_allocator *ranges, const range_desc *desc) {
  rg_result result = RG_OK;
  ranges->size = desc->size;
  ranges->owned = desc->size;
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

static bool is_power_of_two(uint64_t value) {
  return value != 0 && (value & (value - 1)) == 0;
}

static RG_NOINLINE rg_result refuse(uint64_t size, uint64_t alignment) {
  if (!is_power_of_two(alignment)) {
    return result_set(RG_ERROR_INVALID_ARGUMENT, "range: alignment %llu is not a power of two",
                      (unsigned long long)alignment);
  }
  return result_set(RG_ERROR_INVALID_ARGUMENT, "range: size %llu is not within 1 to %llu",
                    (unsigned long long)size, (unsigned long long)RANGE_MAX_SIZE);
}

RG_NOINLINE rg_result refuse_id(range_id id) {
  return result_set(RG_ERROR_INVALID_ARGUMENT, "range: id %u names no range in use", id);
}

/* In debug builds, so seldom that the time an operation takes stays within a constant factor. */
static void validate_now_and_then(range_allocator *ranges) {
#ifndef NDEBUG
  if (ranges->until_validation-- == 0) {
    assert(range_validate(ranges, NULL));
    ranges->until_validation = VALIDATION_PAUSE + ranges->node_end + 64 * ranges->page_end;
  }
#else
  (void)ranges;
#endif
}

rg_result range_alloc(range_allocator *ranges, uint64_t size, uint64_t alignment, range_id *id,
                      uint64_t *offset) {
  validate_now_and_then(ranges);
  const bool is_small = size - 1 < ranges->small_size && alignment - 1 < ranges->small_size;
  if (is_small && (alignment & (alignment - 1)) == 0) {
    return slab_alloc(ranges, size, alignment, id, offset);
  }
  if (size - 1 >= RANGE_MAX_SIZE || !is_power_of_two(alignment)) {
    return refuse(size, alignment);
  }
  if (ranges->strategy == RANGE_SLOTS && size > ranges->slot_size) {
    return RG_ERROR_OUT_OF_DEVICE_MEMORY;
  }
  return block_alloc(ranges, size, alignment, id, offset);
}

bool range_is_live(const range_allocator *ranges, range_id id) {
  return (id & SLOT_ID) != 0
             ? slab_is_live(ranges, id)
             : id != 0 && id < ranges->node_end && node_is_range(&ranges->nodes[id]);
}

rg_result range_free(range_allocator *ranges, range_id id) {
  validate_now_and_then(ranges);
  if ((id & SLOT_ID) != 0) {
    return slab_free(ranges, id);
  }
  if (!range_is_live(ranges, id)) {
    return refuse_id(id);
  }
  ranges->used -= range_size(ranges, id);
  ranges->count--;
  if (ranges->last == id) {
    ranges->last = before_hole(ranges, id);
  }
  nodes_give(ranges, id);
  if (ranges->count == 0) {
    slab_trim(ranges);
  }
  return RG_OK;
}

uint64_t range_offset(const range_allocator *ranges, range_id id) {
  return (id & SLOT_ID) != 0 ? slab_offset(ranges, id) : ranges->nodes[id].offset;
}

uint64_t range_size(const range_allocator *ranges, range_id id) {
  return (id & SLOT_ID) != 0 ? slab_size(ranges, id)
                             : node_size(ranges, id) - ranges->nodes[id].list_next;
}

/* Of the hole right behind a node, 0 where there is none. */
static uint64_t room_behind(const range_allocator *ranges, uint32_t node) {
  const uint32_t hole = ranges->nodes[node].next;
  return node_is_free(&ranges->nodes[hole]) ? node_size(ranges, hole) : 0;
}

uint64_t range_room(const range_allocator *ranges) {
  uint64_t first = 0, next = 0;
  switch (ranges->strategy) {
    case RANGE_BEST_FIT: return holes_largest_class(ranges);
    case RANGE_STACK: return room_behind(ranges, before_hole(ranges, 0));
    case RANGE_RING:
      first = room_behind(ranges, 0);
      next = room_behind(ranges, ranges->last);
      return first > next ? first : next;
    case RANGE_SLOTS:
      return ranges->count < ranges->size / ranges->slot_size ? ranges->slot_size : 0;
  }
  return 0;
}

void range_get_stats(const range_allocator *ranges, range_stats *out) {
  *out = (range_stats){
      .size = ranges->size,
      .used = ranges->used,
      .reserved = ranges->owned - ranges->free_bytes - ranges->used,
      .largest_free =
          ranges->strategy == RANGE_BEST_FIT ? holes_largest(ranges) : range_room(ranges),
      .count = ranges->count,
      .free_count = ranges->free_count,
      .host_bytes = sizeof(*ranges) + ranges->node_capacity * sizeof(range_node) +
                    holes_host_bytes(ranges) + slab_host_bytes(ranges),
  };
}
