/* Epochs: what dies waits for those that are in, and for nobody else; under threads, too. */
#define _POSIX_C_SOURCE 200809L
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/epoch.h"
#include "base/result.h"
#include "base/slots.h"
#include "test_memory.h"

typedef struct fixture {
  test_memory counted;
  rg_allocator allocator;
  host_memory memory;
  epochs epochs;
} fixture;

static void fixture_init(fixture *self) {
  memset(self, 0, sizeof *self);
  self->allocator = test_memory_allocator(&self->counted);
  host_memory_init(&self->memory, &self->allocator);
  epochs_init(&self->epochs, &self->memory);
}

static void fixture_finish(fixture *self) {
  epochs_finish(&self->epochs);
  assert_int_equal(self->counted.live, 0);
}

static uint64_t enter(epochs *epochs) {
  uint64_t claim = 0;
  assert_int_equal(epoch_enter(epochs, &claim), RG_OK);
  assert_true(claim != 0);
  return claim;
}

static void nobody_is_waited_for_where_nobody_is_in(void **state) {
  (void)state;
  fixture f;
  fixture_init(&f);
  assert_true(epoch_is_clear(&f.epochs));
  assert_true(epoch_die(&f.epochs) < epoch_passed(&f.epochs));
  assert_true(epoch_leave(&f.epochs, enter(&f.epochs)));
  assert_true(epoch_is_clear(&f.epochs));
  assert_true(epoch_die(&f.epochs) < epoch_passed(&f.epochs));
  fixture_finish(&f);
}

static void what_dies_waits_for_those_that_were_in_and_for_no_later_ones(void **state) {
  (void)state;
  fixture f;
  fixture_init(&f);
  uint64_t before = epoch_die(&f.epochs);
  uint64_t first = enter(&f.epochs);
  assert_false(epoch_is_clear(&f.epochs));
  uint64_t during = epoch_die(&f.epochs);
  uint64_t second = enter(&f.epochs);
  assert_true(before < epoch_passed(&f.epochs));
  assert_false(during < epoch_passed(&f.epochs));
  assert_true(epoch_leave(&f.epochs, first));
  assert_true(during < epoch_passed(&f.epochs));
  assert_false(epoch_is_clear(&f.epochs));
  assert_false(epoch_die(&f.epochs) < epoch_passed(&f.epochs));
  assert_true(epoch_leave(&f.epochs, second));
  assert_true(epoch_is_clear(&f.epochs));
  fixture_finish(&f);
}

static void one_thread_enters_as_often_as_it_likes(void **state) {
  (void)state;
  enum { COUNT = 3 * EPOCH_CELLS };
  fixture f;
  fixture_init(&f);
  uint64_t claims[COUNT];
  for (uint32_t i = 0; i < COUNT; i++) {
    claims[i] = enter(&f.epochs);
    for (uint32_t j = 0; j < i; j++) {
      assert_true(claims[j] != claims[i]);
    }
  }
  uint64_t died = epoch_die(&f.epochs);
  for (uint32_t i = 0; i < COUNT; i++) {
    assert_false(died < epoch_passed(&f.epochs));
    assert_true(epoch_leave(&f.epochs, claims[(i * 7) % COUNT]));
  }
  assert_true(died < epoch_passed(&f.epochs));
  uint64_t calls = f.counted.calls;
  for (uint32_t i = 0; i < COUNT; i++) {
    claims[i] = enter(&f.epochs);
  }
  assert_true(f.counted.calls == calls);
  assert_int_equal(epochs_abandon(&f.epochs), COUNT);
  assert_true(epoch_is_clear(&f.epochs));
  assert_int_equal(epochs_abandon(&f.epochs), 0);
  fixture_finish(&f);
}

static void who_has_left_cannot_leave_again(void **state) {
  (void)state;
  fixture f;
  fixture_init(&f);
  uint64_t first = enter(&f.epochs);
  assert_true(epoch_leave(&f.epochs, first));
  assert_false(epoch_leave(&f.epochs, first));
  uint64_t second = enter(&f.epochs);
  const uint64_t forged[] = {0,         first, second + 1, second ^ 1u << 23, second + (1u << 24),
                             UINT64_MAX};
  for (size_t i = 0; i < sizeof forged / sizeof *forged; i++) {
    assert_false(epoch_leave(&f.epochs, forged[i]));
  }
  assert_true(epoch_leave(&f.epochs, second));
  assert_int_equal(epochs_abandon(&f.epochs), 0);
  fixture_finish(&f);
}

/* One thread ends what another has ended before, while that one claims the same cell again. */
typedef struct replay {
  fixture f;
  _Atomic uint64_t left;  /* the last claim that was left; 0 before */
  _Atomic uint64_t wrong; /* claims that were left twice */
  _Atomic bool is_over;
} replay;

static void *replay_run(void *user) {
  replay *self = user;
  while (!atomic_load_explicit(&self->is_over, memory_order_relaxed)) {
    const uint64_t claim = atomic_load_explicit(&self->left, memory_order_relaxed);
    if (claim != 0 && epoch_leave(&self->f.epochs, claim)) {
      atomic_fetch_add(&self->wrong, 1);
    }
  }
  return NULL;
}

static void an_old_claim_cannot_end_a_newer_one(void **state) {
  (void)state;
  static replay self;
  thread thread;
  uint32_t lost = 0;
  memset(&self, 0, sizeof self);
  fixture_init(&self.f);
  assert_int_equal(thread_start(&thread, 0, replay_run, &self), RG_OK);
  for (uint32_t i = 0; i < 300000; i++) {
    const uint64_t claim = enter(&self.f.epochs);
    lost += !epoch_leave(&self.f.epochs, claim);
    atomic_store_explicit(&self.left, claim, memory_order_relaxed);
  }
  atomic_store(&self.is_over, true);
  thread_join(&thread);
  assert_int_equal(lost, 0);
  assert_int_equal(atomic_load(&self.wrong), 0);
  fixture_finish(&self.f);
}

static void entering_without_memory_changes_nothing(void **state) {
  (void)state;
  fixture f;
  fixture_init(&f);
  uint64_t claim = 1;
  for (uint32_t i = 0; i < EPOCH_CELLS; i++) {
    (void)enter(&f.epochs);
  }
  f.counted.fail_at = 1;
  assert_int_equal(epoch_enter(&f.epochs, &claim), RG_ERROR_OUT_OF_HOST_MEMORY);
  assert_true(claim == 0);
  assert_non_null(strstr(rg_error(), "batch"));
  (void)enter(&f.epochs);
  assert_int_equal(epochs_abandon(&f.epochs), EPOCH_CELLS + 1);
  fixture_finish(&f);
}

/* ---- Under threads --------------------------------------------------------------------------- */

#define SHARED_COUNT 16
#define READER_COUNT 3
#define RUN_NS 600000000u

/* What a handle's word points to. Freed in earnest, so that sanitizers see any late use. */
typedef struct object {
  uint64_t id;
  uint64_t died;
  struct object *next;
} object;

typedef struct stress {
  slots table;
  epochs epochs;
  _Atomic uint64_t ids[SHARED_COUNT];
  _Atomic uint64_t wrong, reads, freed;
  uint64_t end_ns;
} stress;

static void stress_reclaim(void *owner, uint64_t id, void *storage) {
  (void)storage;
  slots_recycle(&((stress *)owner)->table, id);
}

static uint64_t object_make(stress *run) {
  uint64_t id = 0, word;
  void *storage = NULL;
  object *made = calloc(1, sizeof *made);
  if (made == NULL || slots_alloc(&run->table, &id, &storage) != RG_OK) {
    abort();
  }
  made->id = id;
  word = (uintptr_t)made;
  slots_init_words(&run->table, id, &word, 1);
  slots_publish(&run->table, id);
  return id;
}

static void *reader_run(void *user) {
  stress *run = user;
  while (time_now_ns() < run->end_ns) {
    uint64_t outer = 0, inner = 0, found[SHARED_COUNT], words[SHARED_COUNT];
    atomic_fetch_add(&run->wrong, epoch_enter(&run->epochs, &outer) != RG_OK);
    for (uint32_t i = 0; i < SHARED_COUNT; i++) {
      found[i] = atomic_load_explicit(&run->ids[i], memory_order_relaxed);
      if (!slots_read_words(&run->table, found[i], &words[i], 1)) {
        words[i] = 0;
      }
    }
    atomic_fetch_add(&run->wrong, epoch_enter(&run->epochs, &inner) != RG_OK);
    atomic_fetch_add(&run->wrong, !epoch_leave(&run->epochs, inner));
    sched_yield();
    for (uint32_t i = 0; i < SHARED_COUNT; i++) {
      const object *seen = (const object *)(uintptr_t)words[i];
      atomic_fetch_add(&run->wrong, seen != NULL && seen->id != found[i]);
      atomic_fetch_add_explicit(&run->reads, seen != NULL, memory_order_relaxed);
    }
    atomic_fetch_add(&run->wrong, !epoch_leave(&run->epochs, outer));
  }
  return NULL;
}

/* Frees the dead of a list whose time has come, oldest last. */
static object *objects_free(stress *run, object *dead, uint64_t passed) {
  object **place = &dead;
  while (*place != NULL) {
    object *one = *place;
    if (one->died < passed) {
      *place = one->next;
      free(one);
      atomic_fetch_add_explicit(&run->freed, 1, memory_order_relaxed);
    } else {
      place = &one->next;
    }
  }
  return dead;
}

/* Returns what still waits. */
static object *destroyer_run(stress *run) {
  object *dead = NULL;
  for (uint32_t turn = 0; time_now_ns() < run->end_ns; turn++) {
    uint32_t i = turn % SHARED_COUNT;
    uint64_t id = atomic_load_explicit(&run->ids[i], memory_order_relaxed), word = 0;
    assert_true(slots_read_words(&run->table, id, &word, 1));
    object *old = (object *)(uintptr_t)word;
    assert_true(slots_retire(&run->table, id));
    if (epoch_is_clear(&run->epochs)) {
      free(old);
    } else {
      old->died = epoch_die(&run->epochs);
      old->next = dead;
      dead = old;
    }
    atomic_store_explicit(&run->ids[i], object_make(run), memory_order_relaxed);
    if (turn % 32 == 0) {
      dead = objects_free(run, dead, epoch_passed(&run->epochs));
    }
  }
  return dead;
}

static void objects_that_were_looked_up_outlive_who_looked(void **state) {
  (void)state;
  static stress run;
  host_memory memory;
  thread readers[READER_COUNT];
  host_memory_init(&memory, NULL);
  memset(&run, 0, sizeof run);
  epochs_init(&run.epochs, &memory);
  slots_init(&run.table, &memory, RG_TYPE_BUFFER, 8, stress_reclaim, &run);
  slots_set_word_count(&run.table, 1);
  for (uint32_t i = 0; i < SHARED_COUNT; i++) {
    atomic_store(&run.ids[i], object_make(&run));
  }
  run.end_ns = time_now_ns() + RUN_NS;
  for (uint32_t i = 0; i < READER_COUNT; i++) {
    assert_int_equal(thread_start(&readers[i], 0, reader_run, &run), RG_OK);
  }
  object *dead = destroyer_run(&run);
  for (uint32_t i = 0; i < READER_COUNT; i++) {
    thread_join(&readers[i]);
  }
  assert_null(objects_free(&run, dead, epoch_passed(&run.epochs)));
  assert_true(atomic_load(&run.wrong) == 0);
  assert_true(atomic_load(&run.reads) > 0);
  assert_true(atomic_load(&run.freed) > 0);
  assert_true(epoch_is_clear(&run.epochs));
  for (uint64_t id = 0; (id = slots_next(&run.table, id)) != 0;) {
    uint64_t word = 0;
    assert_true(slots_read_words(&run.table, id, &word, 1));
    free((object *)(uintptr_t)word);
  }
  slots_finish(&run.table);
  epochs_finish(&run.epochs);
  assert_int_equal(atomic_load(&memory.live_count), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(nobody_is_waited_for_where_nobody_is_in),
      cmocka_unit_test(what_dies_waits_for_those_that_were_in_and_for_no_later_ones),
      cmocka_unit_test(one_thread_enters_as_often_as_it_likes),
      cmocka_unit_test(who_has_left_cannot_leave_again),
      cmocka_unit_test(an_old_claim_cannot_end_a_newer_one),
      cmocka_unit_test(entering_without_memory_changes_nothing),
      cmocka_unit_test(objects_that_were_looked_up_outlive_who_looked),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
