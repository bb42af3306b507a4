/* Millions of random operations on ranges, by every strategy, against a simple model.
 * REGOLITH_MODEL_OPERATIONS says how many in all, 200,000 if it is not set. */
#include "base/range_arenas.h"
#include "range_model.h"

#define OPERATIONS_DEFAULT 200000
#define TEST_COUNT 8

static uint32_t operations(void) {
  const char *wanted = getenv("REGOLITH_MODEL_OPERATIONS");
  const unsigned long count = wanted == NULL ? OPERATIONS_DEFAULT : strtoul(wanted, NULL, 10);
  return (uint32_t)(count / TEST_COUNT) + 1;
}

/* The model drifts between nearly empty and full, several times. */
static bool wants_more(model *m, uint32_t operation, uint32_t count) {
  const uint64_t fill = 1 + (uint64_t)operation * 21u / count % 7u;
  return m->count == 0 || (m->count < m->capacity && random_below(m, 8) < fill);
}

static void churn(model *m, uint64_t largest, uint64_t validate_every) {
  const uint32_t count = operations();
  for (uint32_t i = 0; i < count; i++) {
    if (wants_more(m, i, count)) {
      const uint64_t size = random_size(m, largest);
      model_alloc(m, size, m->granule << random_below(m, 9));
    } else {
      model_free(m, (uint32_t)random_below(m, m->count));
    }
    if (i % validate_every == 0) {
      model_validate(m);
    }
  }
  while (m->count > 0) {
    model_free(m, m->count - 1);
  }
  assert_is_one_hole(m->ranges);
}

static void ranges_of_single_bytes_agree_with_the_model(void **state) {
  (void)state;
  model m;
  model_begin(&m, &(range_desc){.size = KIB(256)}, 1, 4000);
  churn(&m, KIB(16), 5003);
  model_end(&m);
}

static void ranges_in_a_span_with_pages_agree_with_the_model(void **state) {
  (void)state;
  model m;
  model_begin(&m, &(range_desc){.size = MIB(256)}, 256, 20000);
  churn(&m, MIB(2), 20011);
  model_end(&m);
}

static void tiny_ranges_agree_with_the_model(void **state) {
  (void)state;
  model m;
  model_begin(&m, &(range_desc){.size = MIB(64)}, 8, 40000);
  churn(&m, KIB(2), 20011);
  model_end(&m);
}

static void ranges_in_a_large_span_agree_with_the_model(void **state) {
  (void)state;
  model m;
  model_begin(&m, &(range_desc){.size = UINT64_C(1) << 40}, MIB(4), 3000);
  churn(&m, GIB(16), 5003);
  model_end(&m);
}

static void a_ring_agrees_with_the_model(void **state) {
  (void)state;
  model m;
  model_begin(&m, &(range_desc){.size = KIB(64), .strategy = RANGE_RING}, 1, 500);
  churn(&m, KIB(4), 5003);
  model_end(&m);
}

/* Behind the highest live range, and refused only where that does not fit. */
static void assert_stacked(model *m, uint64_t size, uint64_t alignment) {
  uint64_t top = 0;
  for (uint32_t i = 0; i < m->count; i++) {
    const uint64_t end = m->live[i].offset + m->live[i].size;
    top = end > top ? end : top;
  }
  const uint64_t offset = (top + alignment - 1) & ~(alignment - 1);
  const bool fits = offset + size <= m->desc.size;
  assert_int_equal(model_alloc(m, size, alignment), fits);
  assert_true(!fits || m->live[m->count - 1].offset == offset);
}

static void a_stack_agrees_with_the_model(void **state) {
  (void)state;
  model m;
  model_begin(&m, &(range_desc){.size = KIB(64), .strategy = RANGE_STACK}, 1, 60);
  const uint32_t count = operations();
  for (uint32_t i = 0; i < count; i++) {
    if (wants_more(&m, i, count)) {
      const uint64_t size = random_size(&m, KIB(4));
      assert_stacked(&m, size, UINT64_C(1) << random_below(&m, 9));
    } else {
      const bool from_top = random_below(&m, 4) != 0; /* else room comes back too seldom */
      model_free(&m, from_top ? m.count - 1 : (uint32_t)random_below(&m, m.count));
    }
    if (i % 5003 == 0) {
      model_validate(&m);
    }
  }
  while (m.count > 0) {
    model_free(&m, m.count - 1);
  }
  assert_is_one_hole(m.ranges);
  model_end(&m);
}

static void slots_agree_with_the_model(void **state) {
  (void)state;
  model m;
  model_begin(&m, &(range_desc){.size = MIB(1) + 100, .strategy = RANGE_SLOTS, .slot_size = 768}, 1,
              2000);
  const uint64_t slot_count = m.desc.size / 768;
  const uint32_t count = operations();
  for (uint32_t i = 0; i < count; i++) {
    if (wants_more(&m, i, count)) {
      const uint64_t size = 1 + random_below(&m, 800), alignment = UINT64_C(1)
                                                                   << random_below(&m, 10);
      const bool fits = size <= 768 && alignment <= 256 && m.count < slot_count;
      assert_int_equal(model_alloc(&m, size, alignment), fits);
      assert_true(!fits || m.live[m.count - 1].offset % 768 == 0);
    } else {
      model_free(&m, (uint32_t)random_below(&m, m.count));
    }
    if (i % 5003 == 0) {
      model_validate(&m);
    }
  }
  while (m.count > 0) {
    model_free(&m, m.count - 1);
  }
  assert_is_one_hole(m.ranges);
  model_end(&m);
}

/* ---- Arenas ---- */

/* One thread meets nobody: it gets what the plain allocator gives, place by place. */
static void arenas_of_one_thread_agree_with_plain_ranges(void **state) {
  (void)state;
  model m;
  model_begin(&m, &(range_desc){.size = MIB(256)}, 256, 20000);
  range_arenas *arenas = range_arenas_create(&m.memory, &(range_arenas_desc){.size = MIB(256)});
  range_arenas_id *ids = calloc(m.capacity, sizeof(*ids));
  assert_non_null(arenas);
  assert_non_null(ids);
  const uint32_t count = operations();
  for (uint32_t i = 0; i < count; i++) {
    if (wants_more(&m, i, count)) {
      const uint64_t size = random_size(&m, MIB(2)), alignment = 256u << random_below(&m, 9);
      uint64_t offset = 0;
      const bool fits = model_alloc(&m, size, alignment);
      const uint32_t last = m.count - fits;
      assert_int_equal(range_arenas_alloc(arenas, size, alignment, &ids[last], &offset),
                       fits ? RG_OK : RG_ERROR_OUT_OF_DEVICE_MEMORY);
      assert_true(!fits || offset == m.live[last].offset);
    } else {
      const uint32_t index = (uint32_t)random_below(&m, m.count);
      assert_int_equal(range_arenas_offset(arenas, ids[index]), m.live[index].offset);
      assert_int_equal(range_arenas_size(arenas, ids[index]), m.live[index].size);
      assert_int_equal(range_arenas_free(arenas, ids[index]), RG_OK);
      model_free(&m, index);
      ids[index] = ids[m.count];
    }
  }
  assert_true(range_arenas_validate(arenas, NULL));
  range_arenas_destroy(arenas);
  free(ids);
  model_end(&m);
}

int main(void) {
  const struct CMUnitTest tests[TEST_COUNT] = {
      cmocka_unit_test(ranges_of_single_bytes_agree_with_the_model),
      cmocka_unit_test(ranges_in_a_span_with_pages_agree_with_the_model),
      cmocka_unit_test(tiny_ranges_agree_with_the_model),
      cmocka_unit_test(ranges_in_a_large_span_agree_with_the_model),
      cmocka_unit_test(a_ring_agrees_with_the_model),
      cmocka_unit_test(a_stack_agrees_with_the_model),
      cmocka_unit_test(slots_agree_with_the_model),
      cmocka_unit_test(arenas_of_one_thread_agree_with_plain_ranges),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
