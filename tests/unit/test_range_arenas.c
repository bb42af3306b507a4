/* Arenas of ranges: threads that share a span, chunks that move between arenas, and what comes of
 * bad ids and failing host memory. */
#include <threads.h>

#include "base/range_arenas_internal.h"
#include "range_model.h"
#include "test_memory.h"

/* ---- Several threads ---- */

#define THREADS 4
#define THREAD_RANGES 300
#define THREAD_OPERATIONS 20000
#define GRANULE KIB(4)
#define SPAN MIB(64)

typedef struct shared_span {
  range_arenas *arenas;
  _Atomic uint32_t owners[SPAN / GRANULE];      /* 1 where a range is */
  _Atomic range_arenas_id mailbox[THREADS * 8]; /* ranges for any thread to free; 0 for none */
  _Atomic uint32_t faults;
} shared_span;

static void span_mark(shared_span *span, uint64_t offset, uint64_t size, uint32_t to) {
  for (uint64_t i = offset / GRANULE; i < (offset + size) / GRANULE; i++) {
    if (atomic_exchange(&span->owners[i], to) == to) {
      atomic_fetch_add(&span->faults, 1);
    }
  }
}

static void span_free(shared_span *span, range_arenas_id id) {
  if (id != 0) {
    span_mark(span, range_arenas_offset(span->arenas, id), range_arenas_size(span->arenas, id), 0);
    if (range_arenas_free(span->arenas, id) != RG_OK) {
      atomic_fetch_add(&span->faults, 1);
    }
  }
}

static range_arenas_id span_alloc(shared_span *span, uint64_t random) {
  const uint64_t granules = random % 64 == 0 ? 1 + random / 64 % 1024 : 1 + random / 64 % 16;
  range_arenas_id id = 0;
  uint64_t offset = 0;
  const rg_result result = range_arenas_alloc(span->arenas, granules * GRANULE,
                                              GRANULE << random / 65536 % 4, &id, &offset);
  if (result == RG_OK) {
    span_mark(span, offset, granules * GRANULE, 1);
    return id;
  }
  if (result != RG_ERROR_OUT_OF_DEVICE_MEMORY) {
    atomic_fetch_add(&span->faults, 1);
  }
  return 0;
}

static _Atomic uint64_t thread_seed = 1;

static void *churn_thread(void *user) {
  shared_span *span = user;
  range_arenas_id ids[THREAD_RANGES] = {0};
  uint64_t random = atomic_fetch_add(&thread_seed, 1) * UINT64_C(0x9E3779B97F4A7C15);
  for (uint32_t i = 0; i < THREAD_OPERATIONS; i++) {
    random ^= random << 13;
    random ^= random >> 7;
    random ^= random << 17;
    range_arenas_id *id = &ids[random % THREAD_RANGES];
    if (random / 1024 % 4 == 0) { /* another thread will free it, and this one another's */
      *id = atomic_exchange(&span->mailbox[random / 4096 % (THREADS * 8)], *id);
    }
    span_free(span, *id);
    *id = span_alloc(span, random >> 20);
  }
  for (uint32_t i = 0; i < THREAD_RANGES; i++) {
    span_free(span, ids[i]);
  }
  return NULL;
}

static void assert_whole_span_can_be_taken(range_arenas *arenas, uint64_t size) {
  range_arenas_id id = 0;
  uint64_t offset = 1;
  range_stats stats;
  range_arenas_get_stats(arenas, &stats);
  assert_int_equal(stats.used, 0);
  assert_int_equal(stats.count, 0);
  assert_int_equal(range_arenas_alloc(arenas, size, 1, &id, &offset), RG_OK);
  assert_int_equal(offset, 0);
  assert_int_equal(range_arenas_free(arenas, id), RG_OK);
}

static void threads_share_a_span_and_free_each_others_ranges(void **state) {
  (void)state;
  host_memory memory;
  host_memory_init(&memory, NULL);
  shared_span *span = calloc(1, sizeof(*span));
  assert_non_null(span);
  span->arenas = range_arenas_create(&memory, &(range_arenas_desc){.size = SPAN});
  assert_non_null(span->arenas);
  thread threads[THREADS] = {0};
  for (uint32_t i = 0; i < THREADS; i++) {
    assert_int_equal(thread_start(&threads[i], 0, churn_thread, span), RG_OK);
  }
  const char *fault = "";
  for (uint32_t i = 0; i < 20; i++) {
    if (!range_arenas_validate(span->arenas, &fault)) {
      fail_msg("%s", fault);
    }
  }
  for (uint32_t i = 0; i < THREADS; i++) {
    thread_join(&threads[i]);
  }
  for (uint32_t i = 0; i < THREADS * 8; i++) {
    span_free(span, span->mailbox[i]);
  }
  assert_int_equal(span->faults, 0);
  assert_true(range_arenas_validate(span->arenas, NULL));
  assert_whole_span_can_be_taken(span->arenas, SPAN);
  range_arenas_destroy(span->arenas);
  assert_int_equal(memory.live_bytes, 0);
  free(span);
}

/* ---- Chunks: one thread takes the part of several ---- */

static void go_to(range_arenas *arenas, uint32_t index) {
  arenas->homes[thread_index()].arena = index;
}

static range_arenas *spread(host_memory *memory, uint64_t size, uint32_t count) {
  range_arenas *arenas =
      range_arenas_create(memory, &(range_arenas_desc){.size = size, .arena_count = count});
  assert_non_null(arenas);
  for (uint32_t i = 1; i < count; i++) {
    assert_int_equal(arena_make(arenas, &arenas->arenas[i], false), RG_OK);
  }
  return arenas;
}

static range_arenas_id take_at(range_arenas *arenas, uint32_t index, uint64_t size) {
  range_arenas_id id = 0;
  uint64_t offset = 0;
  go_to(arenas, index);
  assert_int_equal(range_arenas_alloc(arenas, size, 1, &id, &offset), RG_OK);
  return id;
}

typedef struct holder {
  mutex *lock;
  _Atomic bool is_holding, may_go;
} holder;

static void *hold(void *user) {
  holder *self = user;
  mutex_lock(self->lock);
  self->is_holding = true;
  while (!self->may_go) {
    thrd_yield();
  }
  mutex_unlock(self->lock);
  return NULL;
}

/* Where its arena is held and it has waited for others before, a thread goes to the one with the
 * fewest threads. */
static void a_thread_that_meets_others_moves_to_the_quietest_arena(void **state) {
  (void)state;
  host_memory memory;
  host_memory_init(&memory, NULL);
  range_arenas *arenas = spread(&memory, SPAN, 3);
  range_arenas_id ids[3], id = 0;
  uint64_t offset = 0;
  for (uint32_t i = 3; i-- > 0;) {
    ids[i] = take_at(arenas, i, GRANULE);
  }
  const uint32_t self = thread_index();
  for (uint32_t i = 1; i <= 2; i++) { /* others: one in the same arena, one in the next */
    thread_home *other = &arenas->homes[(self + i) % THREAD_INDEX_COUNT];
    other->is_used = true;
    other->arena = i - 1;
  }
  arenas->homes[self].meetings = 100;
  holder held = {.lock = &arenas->arenas[0].lock};
  thread holding = {0};
  assert_int_equal(thread_start(&holding, 0, hold, &held), RG_OK);
  while (!held.is_holding) {
    thrd_yield();
  }
  assert_int_equal(range_arenas_alloc(arenas, GRANULE, 1, &id, &offset), RG_OK);
  held.may_go = true;
  thread_join(&holding);
  assert_int_equal(id >> 32, 2);
  assert_int_equal(arenas->homes[self].meetings, 0);
  assert_int_equal(range_arenas_free(arenas, id), RG_OK);
  for (uint32_t i = 0; i < 3; i++) {
    assert_int_equal(range_arenas_free(arenas, ids[i]), RG_OK);
  }
  range_arenas_destroy(arenas);
}

static void an_arena_without_room_takes_chunks_from_another(void **state) {
  (void)state;
  host_memory memory;
  host_memory_init(&memory, NULL);
  range_arenas *arenas = spread(&memory, SPAN, 2);
  const range_arenas_id a = take_at(arenas, 0, MIB(1)), b = take_at(arenas, 1, KIB(512));
  assert_int_equal(a >> 32, 0);
  assert_int_equal(b >> 32, 1);
  assert_true(arenas->arenas[1].ranges->owned >= MIB(16));
  assert_int_equal(arenas->arenas[0].ranges->owned + arenas->arenas[1].ranges->owned, SPAN);
  assert_true(range_arenas_validate(arenas, NULL));
  assert_int_equal(range_arenas_free(arenas, a), RG_OK);
  assert_int_equal(range_arenas_free(arenas, b), RG_OK);
  assert_whole_span_can_be_taken(arenas, SPAN);
  assert_true(range_arenas_validate(arenas, NULL));
  range_arenas_destroy(arenas);
  assert_int_equal(memory.live_bytes, 0);
}

/* A page that waits for small ranges to come holds no chunk back. */
static void an_empty_page_does_not_keep_a_chunk_from_moving(void **state) {
  (void)state;
  host_memory memory;
  host_memory_init(&memory, NULL);
  range_arenas *arenas = spread(&memory, SPAN, 2);
  const range_arenas_id first = take_at(arenas, 1, MIB(1)), tiny = take_at(arenas, 1, 16);
  assert_int_equal(range_arenas_offset(arenas, first), 0);
  assert_int_equal(range_arenas_offset(arenas, tiny), MIB(1));
  assert_int_equal(range_arenas_free(arenas, tiny), RG_OK);
  const range_arenas_id rest = take_at(arenas, 0, SPAN - MIB(1));
  assert_int_equal(range_arenas_offset(arenas, rest), MIB(1));
  assert_int_equal(range_arenas_free(arenas, first), RG_OK);
  assert_int_equal(range_arenas_free(arenas, rest), RG_OK);
  range_arenas_destroy(arenas);
}

/* Every chunk has something in it, so that none can move: still all room is found. */
static void room_in_chunks_that_cannot_move_is_used_by_all(void **state) {
  (void)state;
  host_memory memory;
  host_memory_init(&memory, NULL);
  range_arenas *arenas = spread(&memory, SPAN, 4);
  range_arenas_id ids[SPAN / MIB(1) * 2 + 1];
  uint32_t count = 0;
  uint64_t offset = 0;
  for (uint32_t i = 0; i < SPAN / MIB(1); i++) {
    ids[count++] = take_at(arenas, i % 4, KIB(768));
  }
  go_to(arenas, 3);
  while (range_arenas_alloc(arenas, KIB(256), 1, &ids[count], &offset) == RG_OK) {
    count++;
  }
  assert_int_equal(count, SPAN / MIB(1) * 2);
  while (count > 0) {
    assert_int_equal(range_arenas_free(arenas, ids[--count]), RG_OK);
  }
  assert_whole_span_can_be_taken(arenas, SPAN);
  range_arenas_destroy(arenas);
}

typedef struct walk_sums {
  uint64_t at, used, reserved;
  uint32_t count;
  range_arenas_id last;
} walk_sums;

static void add_span(void *user, const range_arenas_span *span) {
  walk_sums *sums = user;
  assert_int_equal(span->offset, sums->at);
  assert_true(span->size > 0);
  sums->at += span->size;
  sums->count += span->id != RANGE_ARENAS_NONE;
  sums->used += span->id != RANGE_ARENAS_NONE ? span->size : 0;
  sums->reserved += span->is_reserved ? span->size : 0;
  sums->last = span->id != RANGE_ARENAS_NONE ? span->id : sums->last;
}

static void assert_walk_agrees(range_arenas *arenas) {
  walk_sums sums = {0};
  range_stats stats;
  range_arenas_for_each(arenas, add_span, &sums);
  range_arenas_get_stats(arenas, &stats);
  assert_int_equal(sums.at, stats.size);
  assert_int_equal(sums.used, stats.used);
  assert_int_equal(sums.reserved, stats.reserved);
  assert_int_equal(sums.count, stats.count);
  assert_true(sums.last == 0 || range_arenas_size(arenas, sums.last) > 0);
}

/* Returns how many ranges were refused for want of host memory. */
static uint32_t churn_in_turn(range_arenas *arenas, uint32_t operations, uint64_t largest) {
  model m = {.random = 4242, .granule = 256};
  range_arenas_id ids[500] = {0};
  uint32_t refused = 0;
  for (uint32_t i = 0; i < operations; i++) {
    range_arenas_id *id = &ids[random_below(&m, 500)];
    go_to(arenas, (uint32_t)random_below(&m, arenas->arena_count));
    if (*id != 0) {
      assert_int_equal(range_arenas_free(arenas, *id), RG_OK);
    }
    uint64_t offset = 0;
    const rg_result result = range_arenas_alloc(arenas, random_size(&m, largest),
                                                256u << random_below(&m, 9), id, &offset);
    refused += result == RG_ERROR_OUT_OF_HOST_MEMORY;
    *id = result == RG_OK ? *id : 0;
    if (i % 997 == 0) {
      assert_true(range_arenas_validate(arenas, NULL));
      assert_walk_agrees(arenas);
    }
  }
  for (uint32_t i = 0; i < 500; i++) {
    if (ids[i] != 0) {
      assert_int_equal(range_arenas_free(arenas, ids[i]), RG_OK);
    }
  }
  return refused;
}

static void spans_are_walked_in_address_order_across_arenas(void **state) {
  (void)state;
  static const uint64_t sizes[] = {KIB(300), MIB(64), MIB(100) + 12345, GIB(16)};
  for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
    host_memory memory;
    host_memory_init(&memory, NULL);
    range_arenas *arenas = spread(&memory, sizes[i], 5);
    assert_int_equal(churn_in_turn(arenas, 20000, sizes[i] / 64), 0);
    assert_walk_agrees(arenas);
    assert_whole_span_can_be_taken(arenas, sizes[i]);
    assert_walk_agrees(arenas);
    range_arenas_destroy(arenas);
    assert_int_equal(memory.live_bytes, 0);
  }
}

/* ---- Bad input and failing host memory ---- */

static void bad_input_is_refused_and_changes_nothing(void **state) {
  (void)state;
  host_memory memory;
  host_memory_init(&memory, NULL);
  range_arenas *arenas = spread(&memory, SPAN, 2);
  range_arenas_id id = take_at(arenas, 1, KIB(8)), none = 5;
  uint64_t offset = 0;
  assert_int_equal(range_arenas_alloc(arenas, 0, 1, &none, &offset), RG_ERROR_INVALID_ARGUMENT);
  assert_int_equal(range_arenas_alloc(arenas, 1, 3, &none, &offset), RG_ERROR_INVALID_ARGUMENT);
  assert_int_equal(range_arenas_alloc(arenas, SPAN + 1, 1, &none, &offset),
                   RG_ERROR_OUT_OF_DEVICE_MEMORY);
  const range_arenas_id forged[] = {0, id ^ UINT64_C(1) << 32, id ^ 64, id + (UINT64_C(9) << 32),
                                    RANGE_ARENAS_NONE};
  for (size_t i = 0; i < sizeof(forged) / sizeof(forged[0]); i++) {
    assert_int_equal(range_arenas_free(arenas, forged[i]), RG_ERROR_INVALID_ARGUMENT);
  }
  assert_int_equal(range_arenas_size(arenas, id), KIB(8));
  assert_int_equal(range_arenas_free(arenas, id), RG_OK);
  assert_int_equal(range_arenas_free(arenas, id), RG_ERROR_INVALID_ARGUMENT);
  assert_true(range_arenas_validate(arenas, NULL));
  assert_whole_span_can_be_taken(arenas, SPAN);
  range_arenas_destroy(arenas);
}

static void every_failing_host_allocation_leaves_the_arenas_whole(void **state) {
  (void)state;
  bool was_reached = true;
  for (uint64_t fail_at = 1; was_reached; fail_at++) {
    test_memory failing = {.fail_at = fail_at};
    const rg_allocator allocator = test_memory_allocator(&failing);
    host_memory memory;
    host_memory_init(&memory, &allocator);
    range_arenas *arenas =
        range_arenas_create(&memory, &(range_arenas_desc){.size = SPAN, .arena_count = 3});
    for (uint32_t i = 1; arenas != NULL && i < 3; i++) {
      if (arena_make(arenas, &arenas->arenas[i], false) != RG_OK) {
        assert_null(arenas->arenas[i].ranges);
        assert_int_equal(arena_make(arenas, &arenas->arenas[i], false), RG_OK);
      }
    }
    if (arenas != NULL) {
      churn_in_turn(arenas, 3000, MIB(1));
      assert_whole_span_can_be_taken(arenas, SPAN);
      assert_true(range_arenas_validate(arenas, NULL));
    }
    was_reached = failing.calls >= fail_at;
    range_arenas_destroy(arenas);
    assert_int_equal(failing.live, 0);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(threads_share_a_span_and_free_each_others_ranges),
      cmocka_unit_test(a_thread_that_meets_others_moves_to_the_quietest_arena),
      cmocka_unit_test(an_arena_without_room_takes_chunks_from_another),
      cmocka_unit_test(an_empty_page_does_not_keep_a_chunk_from_moving),
      cmocka_unit_test(room_in_chunks_that_cannot_move_is_used_by_all),
      cmocka_unit_test(spans_are_walked_in_address_order_across_arenas),
      cmocka_unit_test(bad_input_is_refused_and_changes_nothing),
      cmocka_unit_test(every_failing_host_allocation_leaves_the_arenas_whole),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
