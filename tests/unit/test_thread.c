/* Threads' numbers: none has another's while it runs, and the ended hand theirs on. */
#define _POSIX_C_SOURCE 200809L
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/thread.h"

#define COUNT (THREAD_INDEX_COUNT + 5)

typedef struct crowd {
  pthread_barrier_t all_have_one;
  uint32_t numbers[COUNT];
  uint32_t again[COUNT];
} crowd;

typedef struct member {
  crowd *crowd;
  uint32_t place;
  thread native;
} member;

static void *member_run(void *user) {
  member *self = user;
  self->crowd->numbers[self->place] = thread_index();
  pthread_barrier_wait(&self->crowd->all_have_one);
  self->crowd->again[self->place] = thread_index();
  pthread_barrier_wait(&self->crowd->all_have_one);
  return NULL;
}

static void crowd_run(crowd *crowd, uint32_t count) {
  static member members[COUNT];
  assert_int_equal(pthread_barrier_init(&crowd->all_have_one, NULL, count), 0);
  for (uint32_t i = 0; i < count; i++) {
    members[i] = (member){.crowd = crowd, .place = i};
    assert_int_equal(thread_start(&members[i].native, 0, member_run, &members[i]), RG_OK);
  }
  for (uint32_t i = 0; i < count; i++) {
    thread_join(&members[i].native);
  }
  pthread_barrier_destroy(&crowd->all_have_one);
}

static void threads_that_run_at_once_have_different_numbers(void **state) {
  (void)state;
  static crowd crowd;
  uint32_t owners[THREAD_INDEX_COUNT + 1] = {0};
  owners[thread_index()]++;
  crowd_run(&crowd, COUNT);
  for (uint32_t i = 0; i < COUNT; i++) {
    assert_true(crowd.numbers[i] <= THREAD_INDEX_COUNT);
    assert_int_equal(crowd.again[i], crowd.numbers[i]);
    owners[crowd.numbers[i]]++;
  }
  for (uint32_t i = 0; i < THREAD_INDEX_COUNT; i++) {
    assert_int_equal(owners[i], 1);
  }
  assert_int_equal(owners[THREAD_INDEX_COUNT], COUNT + 1 - THREAD_INDEX_COUNT);
}

static void ended_threads_hand_their_numbers_on(void **state) {
  (void)state;
  static crowd crowd;
  uint32_t own = thread_index();
  for (int turn = 0; turn < 3; turn++) {
    crowd_run(&crowd, 3);
    for (uint32_t i = 0; i < 3; i++) {
      assert_true(crowd.numbers[i] < 4 && crowd.numbers[i] != own);
    }
  }
  assert_int_equal(thread_index(), own);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(threads_that_run_at_once_have_different_numbers),
      cmocka_unit_test(ended_threads_hand_their_numbers_on),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
