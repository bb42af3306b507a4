/* Where to put a range. Small and middling ones go into a hole that they nearly fill, unless it
 * borders a large range: they would pin the room that comes back with it. Failing that they go to
 * the lowest region with room, so that the upper ones drain. Large ones take the hole that they fit
 * best, at its upper end. Where room is scarce, middling ones must not cut the last large holes
 * either. All searches are bounded, and end with a class of which every hole fits. */
#include "range_internal.h"

/* How many holes a search looks at. */
#define NEAR_STEPS 8
#define NEAR_STEPS_SCARCE 64
#define LOW_STEPS 8
#define BEST_STEPS 48

#define NEAR_PART 16        /* a hole is nearly filled if less than this part would remain */
#define SCARCE_PART 8       /* room is scarce with less than this part of the span free */
#define MIDDLING_PART 16384 /* ranges are middling from this part of the span on */

static bool is_scarce(const range_allocator *ranges) {
  return ranges->free_bytes < ranges->owned / SCARCE_PART;
}

static bool hole_fits(const range_allocator *ranges, uint32_t node, const range_request *want) {
  const uint64_t room = node_size(ranges, node);
  return room >= want->size &&
         room - want->size >= align_gap(ranges->nodes[node].offset, want->alignment);
}

/* The size of a hole that fits and borders no large range, else UINT64_MAX. All is computed, for a
 * processor could not foresee any one of these branches. */
static uint64_t near_room(const range_node *nodes, const range_node *hole,
                          const range_request *want) {
  const range_node *next = &nodes[hole->next];
  const uint64_t room = next->offset - hole->offset;
  const bool fits = room >= want->size + align_gap(hole->offset, want->alignment);
  const bool is_inner =
      (next->list_prev != NODE_LARGE) & (nodes[hole->prev].list_prev != NODE_LARGE);
  return (fits & is_inner) ? room : UINT64_MAX;
}

/* Among the first holes of a class, lowest regions first, the one to be filled best. */
static uint32_t find_near_in(const range_allocator *ranges, uint32_t index,
                             const range_request *want, uint32_t *steps) {
  const range_node *nodes = ranges->nodes;
  uint64_t best_room = want->size + want->size / NEAR_PART + 1;
  uint32_t best = 0;
  for (uint64_t regions = ranges->class_regions[index]; regions != 0; regions &= regions - 1) {
    uint32_t node = *hole_list(ranges, index, __builtin_ctzll(regions));
    for (; node != 0; node = nodes[node].list_next) {
      if (*steps == 0 || best_room == want->size) {
        return best;
      }
      (*steps)--;
      const uint64_t room = near_room(nodes, &nodes[node], want);
      best = room < best_room ? node : best;
      best_room = room < best_room ? room : best_room;
    }
  }
  return best;
}

static uint32_t find_near(const range_allocator *ranges, const range_request *want) {
  uint32_t steps = is_scarce(ranges) ? NEAR_STEPS_SCARCE : NEAR_STEPS;
  const uint32_t index = class_floor(want->size);
  uint32_t node = find_near_in(ranges, index, want, &steps);
  if (node == 0 && steps > 0 && index + 1 < ranges->list_classes) {
    node = find_near_in(ranges, index + 1, want, &steps);
  }
  return node;
}

/* The regions with a hole of that class or a larger one. */
static uint64_t regions_from(const range_allocator *ranges, uint32_t index) {
  uint64_t regions = 0;
  for (uint32_t i = index; i < (index | 7u) + 1; i++) {
    regions |= ranges->class_regions[i];
  }
  const uint32_t octave = index / 8u;
  uint64_t octaves = ranges->octaves & ~((UINT64_C(2) << octave) - 1);
  for (; octaves != 0; octaves &= octaves - 1) {
    regions |= ranges->octave_regions[__builtin_ctzll(octaves)];
  }
  return regions;
}

/* The least class from `index` on with a hole in that region, which must exist. */
static uint32_t class_in_region(const range_allocator *ranges, uint32_t index, uint32_t region) {
  for (uint32_t i = index; i < (index | 7u) + 1; i++) {
    if ((ranges->class_regions[i] >> region & 1u) != 0) {
      return i;
    }
  }
  uint32_t octave = index / 8u + 1;
  while ((ranges->octave_regions[octave] >> region & 1u) == 0) {
    octave++;
  }
  index = octave * 8u;
  while ((ranges->class_regions[index] >> region & 1u) == 0) {
    index++;
  }
  return index;
}

static uint32_t first_in_region(const range_allocator *ranges, uint32_t index, uint32_t region) {
  return *hole_list(ranges, class_in_region(ranges, index, region), region);
}

/* A hole in the lowest region that has one of a class of which each is large enough. Where the
 * first does not fit for its alignment, holes that certainly do come before higher regions. */
static uint32_t find_low(const range_allocator *ranges, const range_request *want) {
  const uint32_t index = class_ceil(want->size);
  uint64_t regions = index < ranges->list_classes ? regions_from(ranges, index) : 0;
  if (regions == 0) {
    return 0;
  }
  uint32_t region = (uint32_t)__builtin_ctzll(regions);
  uint32_t node = first_in_region(ranges, index, region);
  if (hole_fits(ranges, node, want)) {
    return node;
  }
  const uint32_t certain = class_ceil(want->size + (want->alignment - 1));
  const uint64_t sure = certain < ranges->list_classes ? regions_from(ranges, certain) : 0;
  for (uint32_t steps = LOW_STEPS; regions != 0 && steps > 0; steps--) {
    region = (uint32_t)__builtin_ctzll(regions);
    node = first_in_region(ranges, (sure >> region & 1u) != 0 ? certain : index, region);
    if (hole_fits(ranges, node, want)) {
      return node;
    }
    regions &= regions - 1;
  }
  return sure == 0 ? 0 : first_in_region(ranges, certain, (uint32_t)__builtin_ctzll(sure));
}

/* The least class from `index` on with a hole, or CLASS_COUNT. */
static uint32_t next_class(const range_allocator *ranges, uint32_t index) {
  for (; index < CLASS_COUNT; index++) {
    if (ranges->class_regions[index] != 0) {
      return index;
    }
    if ((index & 7u) == 7u) {
      const uint64_t octaves = ranges->octaves >> (index / 8u) >> 1;
      if (octaves == 0) {
        return CLASS_COUNT;
      }
      index = (index / 8u + 1u + (uint32_t)__builtin_ctzll(octaves)) * 8u - 1u;
    }
  }
  return CLASS_COUNT;
}

/* The hole of least size that fits, the highest of equals. */
static uint32_t find_best(const range_allocator *ranges, const range_request *want) {
  uint32_t steps = BEST_STEPS;
  uint32_t index = next_class(ranges, class_floor(want->size));
  uint32_t best = 0;
  uint64_t best_size = UINT64_MAX;
  for (; index < ranges->list_classes && best == 0 && steps > 0;
       index = next_class(ranges, index + 1)) {
    for (uint64_t regions = ranges->class_regions[index]; regions != 0; regions &= regions - 1) {
      uint32_t node = *hole_list(ranges, index, __builtin_ctzll(regions));
      for (; node != 0 && steps > 0; node = ranges->nodes[node].list_next, steps--) {
        if (node_size(ranges, node) <= best_size && hole_fits(ranges, node, want)) {
          best = node;
          best_size = node_size(ranges, node);
        }
      }
    }
  }
  return best;
}

static uint64_t place_low(const range_allocator *ranges, uint32_t node, const range_request *want) {
  const uint64_t start = ranges->nodes[node].offset;
  return start + align_gap(start, want->alignment);
}

static uint64_t place_high(const range_allocator *ranges, uint32_t node,
                           const range_request *want) {
  const uint64_t end = ranges->nodes[ranges->nodes[node].next].offset;
  return (end - want->size) & ~(want->alignment - 1);
}

static uint32_t find_for_small(const range_allocator *ranges, const range_request *want) {
  uint32_t node = find_near(ranges, want);
  if (node == 0 && is_scarce(ranges) && want->size >= ranges->size / MIDDLING_PART) {
    node = find_best(ranges, want);
  }
  if (node == 0) {
    node = find_low(ranges, want);
  }
  return node != 0 ? node : find_best(ranges, want);
}

uint32_t place_range(const range_allocator *ranges, uint64_t size, uint64_t alignment,
                     uint64_t *offset) {
  if (size > ranges->size) {
    return 0;
  }
  /* Beyond the span, any alignment means offset 0. */
  const uint64_t beyond = UINT64_C(1) << (64 - __builtin_clzll(ranges->size));
  const range_request want = {size, alignment < beyond ? alignment : beyond};
  const bool is_large = size >= ranges->large_size;
  uint32_t node = is_large ? find_best(ranges, &want) : find_for_small(ranges, &want);
  if (node != 0) {
    *offset = is_large ? place_high(ranges, node, &want) : place_low(ranges, node, &want);
    return node;
  }
  node = is_large ? find_low(ranges, &want) : 0;
  if (node != 0) {
    *offset = place_low(ranges, node, &want);
  }
  return node;
}
