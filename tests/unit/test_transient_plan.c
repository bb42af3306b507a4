/* The placement of transient resources: against every order of small cases, against its own promise
 * on large ones, and on the shape of a real frame. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/thread.h"
#include "gpu/transient_plan.h"
#include "test_memory.h"

#define COUNT(array) (uint32_t)(sizeof(array) / sizeof *(array))

typedef struct fixture {
  test_memory counted;
  rg_allocator allocator;
  host_memory memory;
} fixture;

static void fixture_init(fixture *self) {
  *self = (fixture){0};
  self->allocator = test_memory_allocator(&self->counted);
  host_memory_init(&self->memory, &self->allocator);
}

static void fixture_finish(const fixture *self) {
  assert_int_equal(self->counted.live, 0);
}

static uint32_t random_below(uint64_t *state, uint32_t count) {
  *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
  return (uint32_t)(*state >> 33) % count;
}

/* ---- What must hold of any plan ------------------------------------------------------------- */

static bool lives_with(const transient_item *a, const transient_item *b) {
  return a->first_use <= b->last_use && b->first_use <= a->last_use;
}

static bool shares_bytes(const transient_item *a, const transient_item *b) {
  return a->offset < b->offset + b->size && b->offset < a->offset + a->size;
}

static void assert_holds(const transient_item *items, uint32_t count,
                         const transient_layout *layout) {
  uint64_t end = 0, sum = 0;
  for (uint32_t i = 0; i < count; i++) {
    assert_int_equal(items[i].offset % items[i].alignment, 0);
    assert_int_equal(layout->alignment % items[i].alignment, 0);
    sum += items[i].size;
    end = items[i].offset + items[i].size > end ? items[i].offset + items[i].size : end;
    for (uint32_t j = 0; j < i; j++) {
      assert_false(lives_with(&items[i], &items[j]) && shares_bytes(&items[i], &items[j]));
    }
  }
  assert_int_equal(layout->size, end);
  assert_int_equal(layout->sum, sum);
  assert_true(layout->peak <= layout->size);
}

/* Of all steps, by counting at each. */
static uint64_t peak_of(const transient_item *items, uint32_t count) {
  uint64_t peak = 0;
  for (uint32_t i = 0; i < count; i++) {
    uint64_t live = 0;
    for (uint32_t j = 0; j < count; j++) {
      bool is_live =
          items[j].first_use <= items[i].first_use && items[i].first_use <= items[j].last_use;
      live += is_live ? items[j].size : 0;
    }
    peak = live > peak ? live : peak;
  }
  return peak;
}

static transient_layout plan(fixture *f, transient_item *items, uint32_t count) {
  transient_layout layout;
  assert_int_equal(transient_plan(&f->memory, items, count, &layout), RG_OK);
  assert_holds(items, count, &layout);
  assert_int_equal(layout.peak, peak_of(items, count));
  return layout;
}

/* ---- Small cases ---------------------------------------------------------------------------- */

static void nothing_takes_nothing(void **state) {
  (void)state;
  fixture f;
  fixture_init(&f);
  transient_layout layout = plan(&f, NULL, 0);
  assert_int_equal(layout.size, 0);
  fixture_finish(&f);
}

static void those_that_never_meet_share_a_place(void **state) {
  (void)state;
  fixture f;
  fixture_init(&f);
  transient_item items[] = {
      {.size = 100, .alignment = 16, .first_use = 0, .last_use = 0},
      {.size = 80, .alignment = 16, .first_use = 1, .last_use = 3},
      {.size = 100, .alignment = 16, .first_use = 4, .last_use = UINT32_MAX},
  };
  transient_layout layout = plan(&f, items, COUNT(items));
  assert_int_equal(layout.size, 100);
  assert_int_equal(layout.sum, 280);
  assert_int_equal(items[0].offset, items[2].offset);
  fixture_finish(&f);
}

static void a_step_in_common_keeps_them_apart(void **state) {
  (void)state;
  fixture f;
  fixture_init(&f);
  transient_item items[] = {
      {.size = 100, .alignment = 64, .first_use = 0, .last_use = 1},
      {.size = 80, .alignment = 64, .first_use = 1, .last_use = 1},
      {.size = 60, .alignment = 1, .first_use = 1, .last_use = 2},
  };
  transient_layout layout = plan(&f, items, COUNT(items));
  assert_int_equal(layout.peak, 240);
  assert_true(layout.size <= 268);
  fixture_finish(&f);
}

/* The lowest places in one given order. */
static uint64_t place_in_order(transient_item *items, const uint32_t *order, uint32_t count) {
  uint64_t size = 0;
  for (uint32_t i = 0; i < count; i++) {
    transient_item *item = &items[order[i]];
    item->offset = 0;
    for (uint32_t j = 0; j < i; j++) {
      const transient_item *other = &items[order[j]];
      if (lives_with(item, other) && shares_bytes(item, other)) {
        uint64_t end = other->offset + other->size;
        item->offset = (end + item->alignment - 1) / item->alignment * item->alignment;
        j = UINT32_MAX; /* from the first again */
      }
    }
    size = item->offset + item->size > size ? item->offset + item->size : size;
  }
  return size;
}

/* The least size of all orders: one of them is the best plan's own order of offsets. */
static uint64_t best_of(transient_item *items, uint32_t *order, uint32_t fixed, uint32_t count) {
  if (fixed == count) {
    return place_in_order(items, order, count);
  }
  uint64_t best = UINT64_MAX;
  for (uint32_t i = fixed; i < count; i++) {
    uint32_t first = order[fixed], other = order[i];
    order[fixed] = other;
    order[i] = first;
    uint64_t size = best_of(items, order, fixed + 1, count);
    best = size < best ? size : best;
    order[fixed] = first;
    order[i] = other;
  }
  return best;
}

static void items_draw(uint64_t *seed, transient_item *items, uint32_t count, uint32_t steps,
                       uint32_t most_size, uint32_t most_alignment) {
  for (uint32_t i = 0; i < count; i++) {
    uint32_t first = random_below(seed, steps), length = random_below(seed, steps / 3 + 1);
    items[i] = (transient_item){.size = 1 + random_below(seed, most_size),
                                .alignment = UINT64_C(1) << random_below(seed, most_alignment),
                                .first_use = first,
                                .last_use = first + length};
  }
}

static void small_plans_are_the_best_there_are(void **state) {
  (void)state;
  fixture f;
  fixture_init(&f);
  uint64_t seed = 1;
  transient_item items[7];
  for (uint32_t round = 0; round < 400; round++) {
    uint32_t count = 2 + round % 6, order[] = {0, 1, 2, 3, 4, 5, 6};
    items_draw(&seed, items, count, 8, 60, 1 + round % 5);
    transient_layout layout = plan(&f, items, count);
    assert_int_equal(layout.size, best_of(items, order, 0, count));
  }
  fixture_finish(&f);
}

/* ---- Large cases ---------------------------------------------------------------------------- */

static void random_plans_overlap_nowhere_and_stay_near_the_peak(void **state) {
  (void)state;
  fixture f;
  fixture_init(&f);
  uint64_t seed = 7;
  double worst = 0, total = 0;
  enum { ROUNDS = 40 };
  transient_item items[300];
  for (uint32_t round = 0; round < ROUNDS; round++) {
    uint32_t count = 20 + 7 * round;
    items_draw(&seed, items, count, 10 + 3 * round, 1u << 24, 1);
    transient_layout layout = plan(&f, items, count);
    double ratio = (double)layout.size / (double)layout.peak;
    worst = ratio > worst ? ratio : worst;
    total += ratio / ROUNDS;
  }
  print_message("20 to 293 random items: %.3f of the peak, at worst %.3f\n", total, worst);
  assert_true(worst <= 1.15 && total <= 1.05);
  fixture_finish(&f);
}

static void the_same_items_get_the_same_places(void **state) {
  (void)state;
  fixture f;
  fixture_init(&f);
  uint64_t seed = 3;
  transient_item items[120], again[120];
  items_draw(&seed, items, COUNT(items), 40, 1u << 20, 9);
  memcpy(again, items, sizeof items);
  plan(&f, items, COUNT(items));
  plan(&f, again, COUNT(again));
  assert_memory_equal(items, again, sizeof items);
  fixture_finish(&f);
}

#define MiB(count) ((uint64_t)(count) << 20)

/* Deferred shading at 1080p: what a frame graph declares, in bytes of the usual formats. */
static void a_real_frame_comes_down_to_its_peak(void **state) {
  (void)state;
  fixture f;
  fixture_init(&f);
  static const struct {
    uint64_t size;
    uint32_t first, last;
  } frame[] = {
      {MiB(64), 0, 6},                            /* shadow cascades */
      {MiB(8), 1, 12},                            /* depth */
      {MiB(8), 1, 6},                             /* albedo */
      {MiB(16), 1, 6},                            /* normals */
      {MiB(8), 1, 6},                             /* material */
      {MiB(8), 1, 14},                            /* motion */
      {MiB(3), 2, 5},                             /* hierarchical depth */
      {MiB(2), 3, 4},                             /* occlusion, raw */
      {MiB(2), 4, 6},                             /* occlusion, blurred */
      {MiB(1), 5, 6},                             /* light lists */
      {MiB(16), 6, 14},                           /* lit colour */
      {MiB(4), 7, 13},                            /* bloom, halves */
      {MiB(1), 8, 12},       {MiB(1) / 4, 9, 11}, /* and so on */
      {MiB(1) / 16, 10, 10}, {MiB(16), 12, 15},   /* depth of field */
      {MiB(16), 14, 16},                          /* antialiased */
      {MiB(8), 15, 17},                           /* tone-mapped */
      {MiB(8), 17, 18},                           /* sharpened */
  };
  transient_item items[COUNT(frame)];
  for (uint32_t i = 0; i < COUNT(frame); i++) {
    items[i] = (transient_item){.size = frame[i].size,
                                .alignment = 65536,
                                .first_use = frame[i].first,
                                .last_use = frame[i].last};
  }
  transient_layout layout = plan(&f, items, COUNT(items));
  print_message("a frame's %u images: %llu MiB of %llu\n", COUNT(items),
                (unsigned long long)(layout.size >> 20), (unsigned long long)(layout.sum >> 20));
  assert_int_equal(layout.size, layout.peak);
  fixture_finish(&f);
}

static void time_is_bounded(void **state) {
  (void)state;
  fixture f;
  fixture_init(&f);
  static const uint32_t counts[] = {100, 2000, 8000, 20000};
  transient_item *items = calloc(20000, sizeof *items);
  assert_non_null(items);
  for (uint32_t i = 0; i < COUNT(counts); i++) {
    uint64_t seed = 5;
    transient_layout layout;
    items_draw(&seed, items, counts[i], counts[i] / 2, 1u << 24, 17);
    uint64_t begin = time_now_ns();
    assert_int_equal(transient_plan(&f.memory, items, counts[i], &layout), RG_OK);
    double ms = (double)(time_now_ns() - begin) / 1e6;
    print_message("%u items: %.1f ms, %.3f of the peak\n", counts[i], ms,
                  (double)layout.size / (double)layout.peak);
    assert_true(ms < 30000);
    if (counts[i] <= 2000) {
      assert_holds(items, counts[i], &layout);
    }
  }
  free(items);
  fixture_finish(&f);
}

static void many_that_are_walked_step_by_step_overlap_nowhere(void **state) {
  (void)state;
  fixture f;
  fixture_init(&f);
  enum { MANY = 12000 };
  uint64_t seed = 11;
  transient_layout layout;
  transient_item *items = calloc(MANY, sizeof *items);
  assert_non_null(items);
  items_draw(&seed, items, MANY, 600, 1u << 20, 9);
  assert_int_equal(transient_plan(&f.memory, items, MANY, &layout), RG_OK);
  assert_holds(items, MANY, &layout);
  free(items);
  fixture_finish(&f);
}

/* ---- Failures ------------------------------------------------------------------------------- */

static void sizes_that_do_not_add_up_are_refused(void **state) {
  (void)state;
  fixture f;
  fixture_init(&f);
  transient_layout layout;
  transient_item items[] = {
      {.size = UINT64_MAX, .alignment = 1, .last_use = 1},
      {.size = UINT64_MAX / 5, .alignment = 1, .last_use = 1},
      {.size = UINT64_MAX / 5, .alignment = 1, .last_use = 1},
  };
  assert_int_equal(transient_plan(&f.memory, items, 1, &layout), RG_ERROR_LIMIT);
  assert_int_equal(transient_plan(&f.memory, items + 1, 2, &layout), RG_ERROR_LIMIT);
  assert_int_equal(transient_plan(&f.memory, items + 1, 1, &layout), RG_OK);
  fixture_finish(&f);
}

static void lack_of_host_memory_is_told_and_leaks_nothing(void **state) {
  (void)state;
  rg_result result = RG_ERROR_OUT_OF_HOST_MEMORY;
  uint64_t at = 0;
  while (result != RG_OK) {
    fixture f;
    fixture_init(&f);
    f.counted.fail_at = ++at;
    uint64_t seed = 9;
    transient_layout layout;
    transient_item items[50];
    items_draw(&seed, items, COUNT(items), 20, 1000, 9);
    result = transient_plan(&f.memory, items, COUNT(items), &layout);
    assert_true(result == RG_OK || result == RG_ERROR_OUT_OF_HOST_MEMORY);
    fixture_finish(&f);
  }
  assert_true(at > 4);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(nothing_takes_nothing),
      cmocka_unit_test(those_that_never_meet_share_a_place),
      cmocka_unit_test(a_step_in_common_keeps_them_apart),
      cmocka_unit_test(small_plans_are_the_best_there_are),
      cmocka_unit_test(random_plans_overlap_nowhere_and_stay_near_the_peak),
      cmocka_unit_test(the_same_items_get_the_same_places),
      cmocka_unit_test(a_real_frame_comes_down_to_its_peak),
      cmocka_unit_test(time_is_bounded),
      cmocka_unit_test(many_that_are_walked_step_by_step_overlap_nowhere),
      cmocka_unit_test(sizes_that_do_not_add_up_are_refused),
      cmocka_unit_test(lack_of_host_memory_is_told_and_leaks_nothing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
