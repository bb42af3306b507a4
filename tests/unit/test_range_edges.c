/* The range allocator at its edges: extreme sizes and alignments, its strategies, and every failure
 * of host memory. */
#include "range_model.h"

/* ---- Edges ---- */

typedef struct fixture {
  host_memory memory;
  range_allocator *ranges;
} fixture;

static void fixture_begin(fixture *f, uint64_t size) {
  host_memory_init(&f->memory, NULL);
  f->ranges = range_create(&f->memory, size);
  assert_non_null(f->ranges);
}

static void fixture_end(fixture *f) {
  assert_true(range_validate(f->ranges, NULL));
  range_destroy(f->ranges);
  assert_int_equal(f->memory.live_bytes, 0);
}

static void the_whole_span_can_be_taken_and_nothing_more(void **state) {
  (void)state;
  static const uint64_t sizes[] = {1,
                                   2,
                                   7,
                                   63,
                                   64,
                                   65,
                                   1000,
                                   4096,
                                   MIB(1) + 1,
                                   GIB(4),
                                   (UINT64_C(1) << 40) + 12345,
                                   RANGE_MAX_SIZE};
  for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
    fixture f;
    fixture_begin(&f, sizes[i]);
    range_id id = 0, other = 0;
    uint64_t offset = 1;
    assert_int_equal(
        range_alloc(f.ranges, sizes[i] + 1, 1, &id, &offset),
        sizes[i] == RANGE_MAX_SIZE ? RG_ERROR_INVALID_ARGUMENT : RG_ERROR_OUT_OF_DEVICE_MEMORY);
    assert_int_equal(range_alloc(f.ranges, sizes[i], 1, &id, &offset), RG_OK);
    assert_int_equal(offset, 0);
    assert_int_equal(range_size(f.ranges, id), sizes[i]);
    assert_int_equal(range_alloc(f.ranges, 1, 1, &other, &offset), RG_ERROR_OUT_OF_DEVICE_MEMORY);
    range_free(f.ranges, id);
    assert_is_one_hole(f.ranges);
    fixture_end(&f);
  }
}

static void an_alignment_larger_than_the_size_is_kept(void **state) {
  (void)state;
  fixture f;
  fixture_begin(&f, GIB(1));
  for (uint32_t shift = 0; shift <= 29; shift++) {
    range_id id = 0, odd = 0;
    uint64_t offset = 0, other = 0;
    const uint64_t alignment = UINT64_C(1) << shift;
    assert_int_equal(range_alloc(f.ranges, 3, 1, &odd, &other), RG_OK);
    assert_int_equal(range_alloc(f.ranges, 5, alignment, &id, &offset), RG_OK);
    assert_int_equal(offset & (alignment - 1), 0);
    range_free(f.ranges, odd);
    range_free(f.ranges, id);
  }
  assert_is_one_hole(f.ranges);
  fixture_end(&f);
}

static void an_alignment_beyond_the_span_fits_only_at_its_start(void **state) {
  (void)state;
  fixture f;
  fixture_begin(&f, 1000);
  range_id id = 0, other = 0;
  uint64_t offset = 1;
  assert_int_equal(range_alloc(f.ranges, 10, 1024, &id, &offset), RG_OK);
  assert_int_equal(offset, 0);
  assert_int_equal(range_alloc(f.ranges, 10, 1024, &other, &offset), RG_ERROR_OUT_OF_DEVICE_MEMORY);
  assert_int_equal(range_alloc(f.ranges, 10, UINT64_C(1) << 63, &other, &offset),
                   RG_ERROR_OUT_OF_DEVICE_MEMORY);
  range_free(f.ranges, id);
  assert_int_equal(range_alloc(f.ranges, 10, UINT64_C(1) << 63, &other, &offset), RG_OK);
  assert_int_equal(offset, 0);
  range_free(f.ranges, other);
  fixture_end(&f);
}

static void freed_room_is_used_again(void **state) {
  (void)state;
  fixture f;
  fixture_begin(&f, MIB(1));
  range_id ids[16];
  uint64_t offset = 0;
  for (uint32_t i = 0; i < 16; i++) {
    assert_int_equal(range_alloc(f.ranges, KIB(64), KIB(64), &ids[i], &offset), RG_OK);
  }
  const uint64_t expected = range_offset(f.ranges, ids[7]);
  range_free(f.ranges, ids[7]);
  assert_int_equal(range_alloc(f.ranges, KIB(64), KIB(64), &ids[7], &offset), RG_OK);
  assert_int_equal(offset, expected);
  for (uint32_t i = 0; i < 16; i++) {
    range_free(f.ranges, ids[i]);
  }
  fixture_end(&f);
}

/* Small ranges must not leave empty pages in the way of a range that needs the room. */
static void kept_pages_give_way_to_a_large_range(void **state) {
  (void)state;
  fixture f;
  fixture_begin(&f, MIB(256));
  range_id small[3], large = 0, keep = 0;
  uint64_t offset = 0;
  assert_int_equal(range_alloc(f.ranges, KIB(64), KIB(64), &keep, &offset), RG_OK);
  assert_int_equal(offset, 0);
  for (uint32_t i = 0; i < 3; i++) {
    assert_int_equal(range_alloc(f.ranges, 100u << i, 4, &small[i], &offset), RG_OK);
  }
  for (uint32_t i = 0; i < 3; i++) {
    range_free(f.ranges, small[i]);
  }
  assert_int_equal(range_alloc(f.ranges, MIB(256) - KIB(64), 1, &large, &offset), RG_OK);
  range_free(f.ranges, large);
  range_free(f.ranges, keep);
  assert_is_one_hole(f.ranges);
  fixture_end(&f);
}

static void repeated_churn_needs_no_more_host_memory(void **state) {
  (void)state;
  fixture f;
  fixture_begin(&f, MIB(256));
  range_id ids[3000];
  uint64_t first = 0;
  for (uint32_t round = 0; round < 20; round++) {
    for (uint32_t i = 0; i < 3000; i++) {
      uint64_t offset = 0;
      assert_int_equal(range_alloc(f.ranges, 1 + i % 2000, 4, &ids[i], &offset), RG_OK);
    }
    range_stats stats;
    range_get_stats(f.ranges, &stats);
    first = round == 0 ? stats.host_bytes : first;
    assert_int_equal(stats.host_bytes, first);
    for (uint32_t i = 0; i < 3000; i++) {
      range_free(f.ranges, ids[i]);
    }
    assert_is_one_hole(f.ranges);
  }
  fixture_end(&f);
}

/* ---- Stack, ring, slots ---- */

static void strategy_begin(fixture *f, const range_desc *desc) {
  host_memory_init(&f->memory, NULL);
  f->ranges = range_create_with(&f->memory, desc);
  assert_non_null(f->ranges);
}

static range_id take(const fixture *f, uint64_t size, uint64_t expected_offset) {
  range_id id = RANGE_NONE;
  uint64_t offset = 0;
  assert_int_equal(range_alloc(f->ranges, size, 1, &id, &offset), RG_OK);
  assert_int_equal(offset, expected_offset);
  return id;
}

static void refuse(const fixture *f, uint64_t size, uint64_t alignment) {
  range_id id = RANGE_NONE;
  uint64_t offset = 0;
  assert_int_equal(range_alloc(f->ranges, size, alignment, &id, &offset),
                   RG_ERROR_OUT_OF_DEVICE_MEMORY);
}

static void a_stack_gives_room_back_from_its_top_only(void **state) {
  (void)state;
  fixture f;
  strategy_begin(&f, &(range_desc){.size = 100, .strategy = RANGE_STACK});
  const range_id a = take(&f, 40, 0), b = take(&f, 40, 40), c = take(&f, 20, 80);
  range_free(f.ranges, b);
  refuse(&f, 1, 1);
  assert_int_equal(range_room(f.ranges), 0);
  range_free(f.ranges, c);
  assert_int_equal(range_room(f.ranges), 60);
  const range_id d = take(&f, 60, 40);
  range_free(f.ranges, a);
  refuse(&f, 1, 1);
  range_free(f.ranges, d);
  assert_is_one_hole(f.ranges);
  fixture_end(&f);
}

static void a_ring_goes_round(void **state) {
  (void)state;
  fixture f;
  strategy_begin(&f, &(range_desc){.size = 100, .strategy = RANGE_RING});
  range_id oldest = take(&f, 40, 0);
  const range_id second = take(&f, 40, 40);
  refuse(&f, 30, 1);
  assert_int_equal(range_room(f.ranges), 20);
  range_free(f.ranges, oldest);
  assert_int_equal(range_room(f.ranges), 40);
  oldest = take(&f, 30, 0);
  const range_id next = take(&f, 10, 30);
  refuse(&f, 1, 1);
  range_free(f.ranges, second);
  const range_id last = take(&f, 60, 40);
  range_free(f.ranges, last);
  range_free(f.ranges, next);
  range_free(f.ranges, oldest);
  assert_is_one_hole(f.ranges);
  fixture_end(&f);
}

static void a_ring_goes_on_behind_the_range_before_when_its_last_is_freed(void **state) {
  (void)state;
  fixture f;
  strategy_begin(&f, &(range_desc){.size = 100, .strategy = RANGE_RING});
  const range_id a = take(&f, 30, 0), b = take(&f, 30, 30), c = take(&f, 30, 60);
  range_free(f.ranges, a);
  range_free(f.ranges, c);
  const range_id d = take(&f, 10, 60);
  range_free(f.ranges, b);
  range_free(f.ranges, d);
  assert_is_one_hole(f.ranges);
  fixture_end(&f);
}

static void largest_free_is_exact_among_a_few_holes_of_about_one_size(void **state) {
  (void)state;
  static const uint64_t sizes[] = {1000, 1010, 1001, 1020, 990};
  fixture f;
  strategy_begin(&f, &(range_desc){.size = MIB(1)});
  range_id ids[5], walls[6];
  uint64_t at = 0;
  for (uint32_t i = 0; i < 5; at += sizes[i] + 16, i++) {
    ids[i] = take(&f, sizes[i], at);
    walls[i] = take(&f, 16, at + sizes[i]);
  }
  walls[5] = take(&f, MIB(1) - at, at);
  uint64_t largest = 0;
  for (uint32_t i = 0; i < 5; i++) {
    range_free(f.ranges, ids[i]);
    largest = sizes[i] > largest ? sizes[i] : largest;
    range_stats stats;
    range_get_stats(f.ranges, &stats);
    assert_int_equal(stats.largest_free, largest);
  }
  for (uint32_t i = 0; i < 6; i++) {
    range_free(f.ranges, walls[i]);
  }
  fixture_end(&f);
}

static void slots_hold_one_range_each(void **state) {
  (void)state;
  fixture f;
  strategy_begin(&f, &(range_desc){.size = 1000, .strategy = RANGE_SLOTS, .slot_size = 96});
  range_id ids[10];
  uint64_t offset = 0;
  refuse(&f, 97, 1);
  refuse(&f, 1, 64);
  for (uint32_t i = 0; i < 10; i++) {
    assert_int_equal(range_alloc(f.ranges, 1 + i * 9, 32, &ids[i], &offset), RG_OK);
    assert_int_equal(offset % 96, 0);
    assert_int_equal(range_size(f.ranges, ids[i]), 1 + i * 9);
  }
  refuse(&f, 1, 1);
  assert_int_equal(range_room(f.ranges), 0);
  const uint64_t expected = range_offset(f.ranges, ids[4]);
  range_free(f.ranges, ids[4]);
  assert_int_equal(range_room(f.ranges), 96);
  ids[4] = take(&f, 96, expected);
  for (uint32_t i = 0; i < 10; i++) {
    range_free(f.ranges, ids[i]);
  }
  assert_is_one_hole(f.ranges);
  fixture_end(&f);
}

/* ---- Bad input ---- */

static void assert_is_refused(const fixture *f, uint64_t size, uint64_t alignment,
                              const char *message) {
  range_id id = 7;
  uint64_t offset = 9;
  assert_int_equal(range_alloc(f->ranges, size, alignment, &id, &offset),
                   RG_ERROR_INVALID_ARGUMENT);
  assert_string_equal(rg_error(), message);
  assert_int_equal(id, 7);
  assert_int_equal(offset, 9);
}

static void sizes_and_alignments_that_are_none_are_refused(void **state) {
  (void)state;
  static const range_strategy strategies[] = {RANGE_BEST_FIT, RANGE_STACK, RANGE_RING, RANGE_SLOTS};
  for (size_t i = 0; i < sizeof(strategies) / sizeof(strategies[0]); i++) {
    fixture f;
    strategy_begin(&f, &(range_desc){MIB(256), strategies[i], 4096});
    assert_is_refused(&f, 0, 1, "range: size 0 is not within 1 to 4611686018427387904");
    assert_is_refused(&f, UINT64_MAX, 16,
                      "range: size 18446744073709551615 is not within 1 to 4611686018427387904");
    assert_is_refused(&f, 16, 0, "range: alignment 0 is not a power of two");
    assert_is_refused(&f, 16, 48, "range: alignment 48 is not a power of two");
    assert_is_refused(&f, MIB(1), 65537, "range: alignment 65537 is not a power of two");
    assert_is_one_hole(f.ranges);
    fixture_end(&f);
  }
}

static void assert_free_is_refused(const fixture *f, range_id id) {
  range_stats before, after;
  range_get_stats(f->ranges, &before);
  assert_false(range_is_live(f->ranges, id));
  assert_int_equal(range_free(f->ranges, id), RG_ERROR_INVALID_ARGUMENT);
  assert_non_null(strstr(rg_error(), "names no range in use"));
  range_get_stats(f->ranges, &after);
  assert_memory_equal(&before, &after, sizeof(before));
  assert_true(range_validate(f->ranges, NULL));
}

static void freeing_twice_or_what_was_never_allocated_changes_nothing(void **state) {
  (void)state;
  fixture f;
  fixture_begin(&f, MIB(256));
  assert_free_is_refused(&f, UINT32_C(1) << 31);
  assert_free_is_refused(&f, 1); /* the hole */
  static const uint64_t sizes[] = {16, 16, MIB(1), MIB(9)};
  range_id ids[4];
  uint64_t offset = 0;
  for (size_t i = 0; i < 4; i++) {
    assert_int_equal(range_alloc(f.ranges, sizes[i], 1, &ids[i], &offset), RG_OK);
    assert_true(range_is_live(f.ranges, ids[i]));
  }
  for (uint32_t bit = 0; bit < 32; bit++) {
    for (uint32_t low = 0; low < 64; low++) {
      const range_id forged = UINT32_C(1) << bit ^ low;
      if (forged != ids[0] && forged != ids[1] && forged != ids[2] && forged != ids[3]) {
        assert_free_is_refused(&f, forged);
      }
    }
  }
  assert_free_is_refused(&f, RANGE_NONE);
  assert_free_is_refused(&f, 0);
  for (size_t i = 0; i < 4; i++) {
    assert_int_equal(range_free(f.ranges, ids[i]), RG_OK);
    assert_free_is_refused(&f, ids[i]);
  }
  assert_is_one_hole(f.ranges);
  fixture_end(&f);
}

/* ---- Failing host memory ---- */

typedef struct failing {
  uint64_t calls, fail_at; /* the call that fails, from 1; 0 for none */
} failing_memory;

static void *failing_resize(void *user, void *old, size_t old_size, size_t new_size) {
  failing_memory *failing = user;
  (void)old_size;
  if (new_size == 0) {
    free(old);
    return NULL;
  }
  failing->calls++;
  return failing->calls == failing->fail_at ? NULL : realloc(old, new_size);
}

typedef struct scenario_state {
  range_stats stats;
  uint64_t checksum;
} scenario_state;

static void add_checksum(void *user, const range_span *span) {
  uint64_t *sum = user;
  *sum = (*sum ^ span->offset ^ span->size << 20 ^ (uint64_t)span->id << 40) * 0x9E3779B97F4A7C15u;
}

static scenario_state scenario_look(const range_allocator *ranges) {
  scenario_state now = {.checksum = 1};
  range_get_stats(ranges, &now.stats);
  now.stats.host_bytes = 0; /* reserves may have grown */
  range_for_each(ranges, add_checksum, &now.checksum);
  return now;
}

/* Allocates and frees with one host allocation failing. True if that one was reached. */
static bool scenario_run(uint64_t fail_at, uint32_t *refused) {
  failing_memory failing = {.fail_at = fail_at};
  host_memory memory;
  host_memory_init(&memory, &(rg_allocator){.resize = failing_resize, .user = &failing});
  range_allocator *ranges = range_create(&memory, GIB(1));
  if (ranges == NULL) {
    assert_int_equal(memory.live_bytes, 0);
    return true;
  }
  range_id ids[600];
  uint32_t count = 0;
  for (uint32_t i = 0; i < 600; i++) {
    const uint64_t size = UINT64_C(16) << (i * 7 % 18), alignment = UINT64_C(4) << (i % 8);
    const scenario_state before = scenario_look(ranges);
    uint64_t offset = 0;
    const rg_result result = range_alloc(ranges, size, alignment, &ids[count], &offset);
    if (result == RG_OK) {
      count++;
    } else {
      assert_int_equal(result, RG_ERROR_OUT_OF_HOST_MEMORY);
      const scenario_state after = scenario_look(ranges);
      assert_memory_equal(&before, &after, sizeof(before));
      (*refused)++;
    }
    if (i % 5 == 4) {
      range_free(ranges, ids[count / 2]);
      count--;
      ids[(count + 1) / 2] = ids[count];
    }
    assert_true(range_validate(ranges, NULL));
  }
  const uint64_t calls = failing.calls;
  while (count > 0) {
    range_free(ranges, ids[--count]);
  }
  assert_int_equal(failing.calls, calls);
  assert_is_one_hole(ranges);
  range_destroy(ranges);
  assert_int_equal(memory.live_bytes, 0);
  return calls >= fail_at;
}

static void every_failing_host_allocation_leaves_the_state_unchanged(void **state) {
  (void)state;
  uint64_t fail_at = 1;
  uint32_t refused = 0;
  while (scenario_run(fail_at, &refused)) {
    fail_at++;
  }
  assert_true(fail_at > 10);
  assert_int_equal(refused, fail_at - 1 - 3); /* all but those of range_create */
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_whole_span_can_be_taken_and_nothing_more),
      cmocka_unit_test(an_alignment_larger_than_the_size_is_kept),
      cmocka_unit_test(an_alignment_beyond_the_span_fits_only_at_its_start),
      cmocka_unit_test(freed_room_is_used_again),
      cmocka_unit_test(kept_pages_give_way_to_a_large_range),
      cmocka_unit_test(repeated_churn_needs_no_more_host_memory),
      cmocka_unit_test(a_stack_gives_room_back_from_its_top_only),
      cmocka_unit_test(a_ring_goes_round),
      cmocka_unit_test(a_ring_goes_on_behind_the_range_before_when_its_last_is_freed),
      cmocka_unit_test(largest_free_is_exact_among_a_few_holes_of_about_one_size),
      cmocka_unit_test(slots_hold_one_range_each),
      cmocka_unit_test(sizes_and_alignments_that_are_none_are_refused),
      cmocka_unit_test(freeing_twice_or_what_was_never_allocated_changes_nothing),
      cmocka_unit_test(every_failing_host_allocation_leaves_the_state_unchanged),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
