/* The range allocator's interface: best fit over the holes of a span. */
#include "range.h"

#include <assert.h>

#include "range_internal.h"
#include "result.h"

range_allocator *range_create(host_memory *memory, uint64_t size) {
  assert(size >= 1 && size <= RANGE_MAX_SIZE);
  range_allocator *ranges = host_calloc(memory, 1, sizeof(*ranges));
  if (ranges == NULL) {
    result_no_memory("ranges", sizeof(*ranges));
    return NULL;
  }
  ranges->memory = memory;
  ranges->size = size;
  if (bins_init(ranges) != RG_OK || nodes_init(ranges) != RG_OK) {
    range_destroy(ranges);
    return NULL;
  }
  bins_insert(ranges, 1);
  return ranges;
}

void range_destroy(range_allocator *ranges) {
  if (ranges == NULL) {
    return;
  }
  nodes_finish(ranges);
  bins_finish(ranges);
  host_free(ranges->memory, ranges, sizeof(*ranges));
}

rg_result range_alloc(range_allocator *ranges, uint64_t size, uint64_t alignment, range_id *id,
                      uint64_t *offset) {
  assert(size >= 1 && alignment >= 1 && (alignment & (alignment - 1)) == 0);
  if (size > ranges->size) {
    return RG_ERROR_OUT_OF_DEVICE_MEMORY;
  }
  const uint32_t hole = bins_find(ranges, size, alignment);
  if (hole == 0) {
    return RG_ERROR_OUT_OF_DEVICE_MEMORY;
  }
  const rg_result result = nodes_reserve(ranges, 2);
  if (result != RG_OK) {
    return result;
  }
  const uint64_t start = ranges->nodes[hole].offset;
  *offset = start + align_gap(start, alignment);
  *id = nodes_take(ranges, hole, *offset, size);
  ranges->used += size;
  ranges->count++;
  return RG_OK;
}

void range_free(range_allocator *ranges, range_id id) {
  assert(id < ranges->node_end && ranges->nodes[id].bin_prev == NODE_USED);
  ranges->used -= node_size(ranges, id);
  ranges->count--;
  nodes_give(ranges, id);
}

uint64_t range_offset(const range_allocator *ranges, range_id id) {
  return ranges->nodes[id].offset;
}

uint64_t range_size(const range_allocator *ranges, range_id id) {
  return node_size(ranges, id);
}

void range_get_stats(const range_allocator *ranges, range_stats *out) {
  *out = (range_stats){
      .size = ranges->size,
      .used = ranges->used,
      .largest_free = bins_largest(ranges),
      .count = ranges->count,
      .free_count = ranges->free_count,
      .host_bytes = sizeof(*ranges) + ranges->node_capacity * sizeof(range_node) +
                    ranges->bin_count / 64u * sizeof(uint64_t) +
                    ranges->bin_count * sizeof(uint32_t),
  };
}
