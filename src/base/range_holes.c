/* The index of holes: a list for each size class in each of 64 regions of the span, under bitmaps
 * by class and by octave that find the lowest region, or the least class, with something in it. */
#include "range_internal.h"
#include "result.h"

#define LARGEST_STEPS 64

static uint32_t octave_classes(const range_allocator *ranges) {
  return (ranges->list_classes | 7u) + 1;
}

uint64_t holes_host_bytes(const range_allocator *ranges) {
  return octave_classes(ranges) * sizeof(*ranges->class_regions) +
         ((uint64_t)ranges->list_classes << ranges->region_bits) * sizeof(*ranges->lists);
}

static uint32_t region_bits(uint32_t size_bits) {
  const uint32_t bits = size_bits > REGION_SHIFT_MIN ? size_bits - REGION_SHIFT_MIN : 0;
  return bits < REGION_BITS_MIN ? REGION_BITS_MIN : bits > REGION_BITS_MAX ? REGION_BITS_MAX : bits;
}

rg_result holes_init(range_allocator *ranges) {
  const uint32_t bits = 64u - (uint32_t)__builtin_clzll(ranges->size);
  ranges->region_bits = region_bits(bits);
  ranges->region_shift = bits > ranges->region_bits ? bits - ranges->region_bits : 0;
  ranges->list_classes = class_floor(ranges->size) + 1;
  ranges->class_regions = host_calloc(ranges->memory, 1, holes_host_bytes(ranges));
  if (ranges->class_regions == NULL) {
    return result_no_memory("lists of holes", holes_host_bytes(ranges));
  }
  ranges->lists = (uint32_t *)(void *)(ranges->class_regions + octave_classes(ranges));
  return RG_OK;
}

void holes_finish(range_allocator *ranges) {
  host_free(ranges->memory, ranges->class_regions, holes_host_bytes(ranges));
}

void holes_insert(range_allocator *ranges, uint32_t node) {
  const uint64_t size = node_size(ranges, node);
  const uint32_t index = class_floor(size);
  const uint32_t region = hole_region(ranges, ranges->nodes[node].offset);
  uint32_t *list = hole_list(ranges, index, region);
  ranges->nodes[node].list_prev = 0;
  ranges->nodes[node].list_next = *list;
  if (*list != 0) {
    ranges->nodes[*list].list_prev = node;
  } else {
    const uint64_t bit = UINT64_C(1) << region;
    ranges->class_regions[index] |= bit;
    ranges->octave_regions[index / 8u] |= bit;
    ranges->octaves |= UINT64_C(1) << (index / 8u);
  }
  *list = node;
  ranges->free_count++;
  ranges->free_bytes += size;
}

/* Brings the bitmaps up to date after a list has become empty. */
static void holes_clear(range_allocator *ranges, uint32_t index, uint32_t region) {
  ranges->class_regions[index] &= ~(UINT64_C(1) << region);
  const uint32_t octave = index / 8u;
  uint64_t regions = 0;
  for (uint32_t i = octave * 8u; i < octave * 8u + 8u; i++) {
    regions |= ranges->class_regions[i];
  }
  ranges->octave_regions[octave] = regions;
  if (regions == 0) {
    ranges->octaves &= ~(UINT64_C(1) << octave);
  }
}

void holes_remove(range_allocator *ranges, uint32_t node) {
  range_node *nodes = ranges->nodes;
  const uint32_t prev = nodes[node].list_prev, next = nodes[node].list_next;
  const uint64_t size = node_size(ranges, node);
  if (next != 0) {
    nodes[next].list_prev = prev;
  }
  if (prev != 0) {
    nodes[prev].list_next = next;
  } else {
    const uint32_t index = class_floor(size);
    const uint32_t region = hole_region(ranges, nodes[node].offset);
    *hole_list(ranges, index, region) = next;
    if (next == 0) {
      holes_clear(ranges, index, region);
    }
  }
  ranges->free_count--;
  ranges->free_bytes -= size;
}

static uint32_t largest_class(const range_allocator *ranges) {
  if (ranges->octaves == 0) {
    return 0;
  }
  uint32_t index = (63u - (uint32_t)__builtin_clzll(ranges->octaves)) * 8u + 7u;
  while (ranges->class_regions[index] == 0) {
    index--;
  }
  return index;
}

uint64_t holes_largest_class(const range_allocator *ranges) {
  return class_size(largest_class(ranges));
}

uint64_t holes_largest(const range_allocator *ranges) {
  const uint32_t index = largest_class(ranges);
  uint64_t largest = 0;
  uint32_t steps = LARGEST_STEPS;
  for (uint64_t regions = ranges->class_regions[index]; regions != 0; regions &= regions - 1) {
    uint32_t node = *hole_list(ranges, index, __builtin_ctzll(regions));
    for (; node != 0 && steps > 0; steps--) {
      const uint64_t size = node_size(ranges, node);
      largest = size > largest ? size : largest;
      node = ranges->nodes[node].list_next;
    }
  }
  return largest;
}
