/* The range allocator as a whole: filled to the last byte, walked, and asked what fits. */
#include "range_model.h"

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

static void assert_walk_agrees(const range_allocator *ranges, bool is_best_fit) {
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
  assert_true(!is_best_fit || stats.largest_free >= sums.largest_free - sums.largest_free / 8);
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
        assert_walk_agrees(m.ranges, m.desc.strategy == RANGE_BEST_FIT);
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
      cmocka_unit_test(a_span_can_be_filled_byte_by_byte),
      cmocka_unit_test(statistics_agree_with_the_walk),
      cmocka_unit_test(largest_free_tells_what_fits),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
