/* The handle table as it grows to all the handles that there can be: no step is a large one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/result.h"
#include "base/slots.h"

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
#define IS_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer) || __has_feature(address_sanitizer)
#define IS_SANITIZED 1
#endif
#endif

#ifdef IS_SANITIZED
#define COUNT (SLOTS_MAX_COUNT / 16)
#define COUNT_IS_ALL false
#else
#define COUNT SLOTS_MAX_COUNT
#define COUNT_IS_ALL true
#endif

#define LARGEST_STEP ((size_t)5 << 20) /* bytes that one slots_alloc may ask for */

typedef struct meter {
  size_t largest;
  size_t live;
} meter;

static void *meter_resize(void *user, void *old, size_t old_size, size_t new_size) {
  meter *self = user;
  self->largest = new_size > self->largest ? new_size : self->largest;
  self->live += new_size - old_size;
  if (new_size == 0) {
    free(old);
    return NULL;
  }
  return realloc(old, new_size);
}

static void recycle_at_once(void *owner, uint64_t id, void *storage) {
  (void)storage;
  slots_recycle(owner, id);
}

static uint64_t make(slots *table) {
  uint64_t id = 0;
  void *storage = NULL;
  assert_int_equal(slots_alloc(table, &id, &storage), RG_OK);
  slots_publish(table, id);
  return id;
}

/* With the words of a buffer, and a storage as small as they allow. */
static void every_step_of_growth_is_small(void **state) {
  (void)state;
  enum { STEPS = 400000 };
  meter meter = {0};
  host_memory memory;
  rg_allocator allocator = {.resize = meter_resize, .user = &meter};
  slots table;
  host_memory_init(&memory, &allocator);
  slots_init(&table, &memory, RG_TYPE_BUFFER, 24, recycle_at_once, &table);
  slots_set_word_count(&table, 3);
  assert_int_equal(meter.live, 0);
  size_t before = 0;
  for (uint32_t i = 0; i < STEPS; i++) {
    (void)make(&table);
    assert_true(meter.live - before <= LARGEST_STEP);
    before = meter.live;
  }
  assert_true(meter.largest <= LARGEST_STEP);
  slots_finish(&table);
  assert_int_equal(meter.live, 0);
}

/* Below a gigabyte of memory. The times are shown, not judged: other programs share the machine. */
static void table_grows_to_all_handles_that_there_can_be(void **state) {
  (void)state;
  host_memory memory;
  slots table;
  host_memory_init(&memory, NULL);
  slots_init(&table, &memory, RG_TYPE_BUFFER, 8, recycle_at_once, &table);
  uint64_t worst = 0, start = time_now_ns(), before = start, last = 0;
  for (uint32_t i = 0; i < COUNT; i++) {
    last = make(&table);
    uint64_t now = time_now_ns();
    worst = now - before > worst ? now - before : worst;
    before = now;
  }
  print_message("%u handles: %.1f ns each, the slowest %.3f ms, %.0f MiB\n", COUNT,
                (double)(before - start) / COUNT, (double)worst / 1e6,
                (double)atomic_load(&memory.live_bytes) / (1 << 20));
  assert_int_equal(slots_index_of(last), COUNT - 1);
  assert_int_equal(slots_live_count(&table), COUNT);
  uint64_t none = 0;
  void *storage = NULL;
  if (COUNT_IS_ALL) {
    assert_int_equal(slots_alloc(&table, &none, &storage), RG_ERROR_LIMIT);
    assert_true(slots_retire(&table, last));
    assert_int_equal(slots_index_of(make(&table)), COUNT - 1);
  }
  slots_finish(&table);
  assert_int_equal(atomic_load(&memory.live_count), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_step_of_growth_is_small),
      cmocka_unit_test(table_grows_to_all_handles_that_there_can_be),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
