/* The range allocator under random operations, against a simple model and its own walk. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/host_memory.h"
#include "base/range.h"

#define KIB(n) ((uint64_t)(n) << 10)
#define MIB(n) ((uint64_t)(n) << 20)
#define GIB(n) ((uint64_t)(n) << 30)

/* ---- The model: which live range owns each granule ---- */

typedef struct live_range {
  range_id id;
  uint64_t offset, size;
} live_range;

typedef struct model {
  host_memory memory;
  range_allocator *ranges;
  uint64_t size, granule;
  bool is_best_fit;
  uint32_t *owners; /* by granule: index into live + 1, or 0 */
  live_range *live;
  uint32_t count, capacity;
  uint64_t used;
  uint64_t random;
} model;

static uint64_t random_next(model *m) {
  m->random ^= m->random << 13;
  m->random ^= m->random >> 7;
  m->random ^= m->random << 17;
  return m->random;
}

static uint64_t random_below(model *m, uint64_t limit) {
  return (random_next(m) >> 11) % limit;
}

static void model_begin(model *m, const range_desc *desc, uint64_t granule, uint32_t capacity) {
  memset(m, 0, sizeof(*m));
  host_memory_init(&m->memory, NULL);
  m->ranges = range_create_with(&m->memory, desc);
  assert_non_null(m->ranges);
  m->size = desc->size;
  m->granule = granule;
  m->is_best_fit = desc->strategy == RANGE_BEST_FIT;
  m->capacity = capacity;
  m->random = 88172645463325252u;
  m->owners = calloc((size_t)(desc->size / granule + 1), sizeof(*m->owners));
  m->live = calloc(capacity, sizeof(*m->live));
  assert_non_null(m->owners);
  assert_non_null(m->live);
}

static void model_validate(const model *m) {
  const char *fault = "";
  if (!range_validate(m->ranges, &fault)) {
    fail_msg("%s", fault);
  }
  range_stats stats;
  range_get_stats(m->ranges, &stats);
  assert_int_equal(stats.used, m->used);
  assert_int_equal(stats.count, m->count);
}

static void model_end(model *m) {
  model_validate(m);
  range_destroy(m->ranges);
  assert_int_equal(m->memory.live_bytes, 0);
  assert_int_equal(m->memory.live_count, 0);
  free(m->owners);
  free(m->live);
}

/* Marks the granules that a range touches. Sizes and offsets must be whole granules. */
static void model_mark(model *m, const live_range *range, uint32_t from, uint32_t to) {
  const uint64_t first = range->offset / m->granule;
  const uint64_t end = (range->offset + range->size) / m->granule;
  for (uint64_t i = first; i < end; i++) {
    if (m->owners[i] != from) {
      fail_msg("granule %llu belongs to %u, not %u", (unsigned long long)i, m->owners[i], from);
    }
    m->owners[i] = to;
  }
}

/* A search may give up on holes that only just fit, never on one that fits with an eighth to spare
 * wherever its alignment falls. */
static void assert_refused_for_lack_of_room(const model *m, uint64_t size, uint64_t alignment) {
  range_stats stats;
  range_get_stats(m->ranges, &stats);
  const uint64_t certain = size + alignment;
  assert_true(stats.largest_free < certain + certain / 8u + 1);
}

static bool model_alloc(model *m, uint64_t size, uint64_t alignment) {
  live_range range = {.size = size};
  const rg_result result = range_alloc(m->ranges, size, alignment, &range.id, &range.offset);
  if (result != RG_OK) {
    assert_int_equal(result, RG_ERROR_OUT_OF_DEVICE_MEMORY);
    return false;
  }
  assert_int_equal(range.offset & (alignment - 1), 0);
  assert_true(range.offset + size <= m->size);
  assert_int_equal(range_offset(m->ranges, range.id), range.offset);
  assert_int_equal(range_size(m->ranges, range.id), size);
  model_mark(m, &range, 0, m->count + 1);
  m->live[m->count++] = range;
  m->used += size;
  return true;
}

static void model_free(model *m, uint32_t index) {
  const live_range range = m->live[index];
  assert_int_equal(range_offset(m->ranges, range.id), range.offset);
  assert_int_equal(range_size(m->ranges, range.id), range.size);
  range_free(m->ranges, range.id);
  model_mark(m, &range, index + 1, 0);
  m->used -= range.size;
  m->live[index] = m->live[--m->count];
  if (index < m->count) {
    model_mark(m, &m->live[index], m->count + 1, index + 1);
  }
}

/* A size whose logarithm is spread evenly, so that every class comes up. */
static uint64_t random_size(model *m, uint64_t largest) {
  uint64_t limit = m->granule;
  while (limit < largest && random_below(m, 6) != 0) {
    limit *= 2;
  }
  limit = limit < largest ? limit : largest;
  return (1 + random_below(m, limit / m->granule)) * m->granule;
}

/* Random allocations and frees, drifting between nearly empty and full. */
static void model_churn(model *m, uint32_t operations, uint64_t largest, uint64_t validate_every) {
  for (uint32_t i = 0; i < operations; i++) {
    const uint64_t fill = 1 + (i / 20000u) % 7u;
    const bool wants_more = random_below(m, 8) < fill;
    if ((wants_more || m->count == 0) && m->count < m->capacity) {
      const uint64_t size = random_size(m, largest);
      const uint64_t alignment = m->granule << random_below(m, 9);
      if (!model_alloc(m, size, alignment) && m->is_best_fit) {
        assert_refused_for_lack_of_room(m, size, alignment);
      }
    } else if (m->count > 0) {
      model_free(m, (uint32_t)random_below(m, m->count));
    }
    if (i % validate_every == 0) {
      model_validate(m);
    }
  }
  while (m->count > 0) {
    model_free(m, m->count - 1);
  }
}

static void assert_is_one_hole(const range_allocator *ranges) {
  range_stats stats;
  range_get_stats(ranges, &stats);
  assert_int_equal(stats.count, 0);
  assert_int_equal(stats.used, 0);
  assert_int_equal(stats.reserved, 0);
  assert_int_equal(stats.free_count, 1);
  assert_int_equal(stats.largest_free, stats.size);
}

static void random_operations_agree_with_the_model(void **state) {
  (void)state;
  model m;
  model_begin(&m, &(range_desc){.size = KIB(256)}, 1, 4000);
  model_churn(&m, 500000, KIB(16), 5003);
  assert_is_one_hole(m.ranges);
  model_end(&m);
}

static void random_operations_in_a_span_with_pages_agree_with_the_model(void **state) {
  (void)state;
  model m;
  model_begin(&m, &(range_desc){.size = MIB(256)}, 256, 20000);
  model_churn(&m, 600000, MIB(2), 20011);
  assert_is_one_hole(m.ranges);
  model_end(&m);
}

static void random_operations_on_tiny_ranges_agree_with_the_model(void **state) {
  (void)state;
  model m;
  model_begin(&m, &(range_desc){.size = MIB(64)}, 8, 40000);
  model_churn(&m, 400000, KIB(2), 20011);
  assert_is_one_hole(m.ranges);
  model_end(&m);
}

static void a_large_span_agrees_with_the_model(void **state) {
  (void)state;
  model m;
  model_begin(&m, &(range_desc){.size = (UINT64_C(1) << 40)}, MIB(4), 3000);
  model_churn(&m, 200000, GIB(16), 5003);
  assert_is_one_hole(m.ranges);
  model_end(&m);
}

static void a_ring_agrees_with_the_model(void **state) {
  (void)state;
  model m;
  model_begin(&m, &(range_desc){.size = KIB(64), .strategy = RANGE_RING}, 1, 500);
  model_churn(&m, 100000, KIB(4), 1009);
  assert_is_one_hole(m.ranges);
  model_end(&m);
}

static void a_stack_agrees_with_the_model(void **state) {
  (void)state;
  model m;
  model_begin(&m, &(range_desc){.size = KIB(64), .strategy = RANGE_STACK}, 1, 500);
  model_churn(&m, 100000, KIB(4), 1009);
  assert_is_one_hole(m.ranges);
  model_end(&m);
}

static void a_span_can_be_filled_byte_by_byte(void **state) {
  (void)state;
  static const uint64_t sizes[] = {1, 100, 5000, 70000};
  for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
    model m;
    model_begin(&m, &(range_desc){.size = sizes[i]}, 1, (uint32_t)sizes[i] + 1);
    while (model_alloc(&m, 1, 1)) {
    }
    assert_int_equal(m.used, sizes[i]);
    while (m.count > 0) {
      model_free(&m, (uint32_t)random_below(&m, m.count));
    }
    assert_is_one_hole(m.ranges);
    model_end(&m);
  }
}

/* ---- The walk ---- */

typedef struct walk_sums {
  const range_allocator *ranges;
  uint64_t at, used, reserved, largest_free;
  uint32_t count, free_count;
} walk_sums;

static void add_span(void *user, const range_span *span) {
  walk_sums *sums = user;
  assert_int_equal(span->offset, sums->at);
  assert_true(span->size > 0);
  sums->at += span->size;
  if (span->id != RANGE_NONE) {
    assert_false(span->is_reserved);
    assert_int_equal(span->offset, range_offset(sums->ranges, span->id));
    assert_int_equal(span->size, range_size(sums->ranges, span->id));
    sums->used += span->size;
    sums->count++;
  } else if (span->is_reserved) {
    sums->reserved += span->size;
  } else {
    sums->free_count++;
    sums->largest_free = span->size > sums->largest_free ? span->size : sums->largest_free;
  }
}

static void assert_walk_agrees(const range_allocator *ranges) {
  walk_sums sums = {.ranges = ranges};
  range_stats stats;
  range_for_each(ranges, add_span, &sums);
  range_get_stats(ranges, &stats);
  assert_int_equal(sums.at, stats.size);
  assert_int_equal(sums.used, stats.used);
  assert_int_equal(sums.reserved, stats.reserved);
  assert_int_equal(sums.count, stats.count);
  assert_int_equal(sums.free_count, stats.free_count);
  assert_true(stats.largest_free <= sums.largest_free);
  assert_true(stats.largest_free >= sums.largest_free - sums.largest_free / 8);
}

static void statistics_agree_with_the_walk(void **state) {
  (void)state;
  static const range_desc descs[] = {
      {.size = MIB(256)},
      {.size = KIB(100), .strategy = RANGE_STACK},
      {.size = KIB(100), .strategy = RANGE_RING},
      {.size = MIB(1), .strategy = RANGE_SLOTS, .slot_size = 4096},
  };
  for (size_t i = 0; i < sizeof(descs) / sizeof(descs[0]); i++) {
    model m;
    model_begin(&m, &descs[i], 4, 5000);
    for (uint32_t step = 0; step < 20000; step++) {
      if (random_below(&m, 5) < 3 && m.count < m.capacity) {
        model_alloc(&m, random_size(&m, KIB(4)), 4);
      } else if (m.count > 0) {
        model_free(&m, (uint32_t)random_below(&m, m.count));
      }
      if (step % 1000 == 0) {
        assert_walk_agrees(m.ranges);
      }
    }
    model_end(&m);
  }
}

static void largest_free_tells_what_fits(void **state) {
  (void)state;
  model m;
  model_begin(&m, &(range_desc){.size = GIB(1)}, KIB(4), 4000);
  for (uint32_t step = 0; step < 20000; step++) {
    if (random_below(&m, 5) < 3 && m.count < m.capacity) {
      model_alloc(&m, random_size(&m, MIB(8)), KIB(4));
    } else if (m.count > 0) {
      model_free(&m, (uint32_t)random_below(&m, m.count));
    }
    range_stats stats;
    range_get_stats(m.ranges, &stats);
    if (step % 100 == 0 && stats.largest_free > 0 && m.count < m.capacity) {
      assert_true(model_alloc(&m, stats.largest_free / KIB(4) * KIB(4), 1));
      model_free(&m, m.count - 1);
    }
  }
  model_end(&m);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(random_operations_agree_with_the_model),
      cmocka_unit_test(random_operations_in_a_span_with_pages_agree_with_the_model),
      cmocka_unit_test(random_operations_on_tiny_ranges_agree_with_the_model),
      cmocka_unit_test(a_large_span_agrees_with_the_model),
      cmocka_unit_test(a_ring_agrees_with_the_model),
      cmocka_unit_test(a_stack_agrees_with_the_model),
      cmocka_unit_test(a_span_can_be_filled_byte_by_byte),
      cmocka_unit_test(statistics_agree_with_the_walk),
      cmocka_unit_test(largest_free_tells_what_fits),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
