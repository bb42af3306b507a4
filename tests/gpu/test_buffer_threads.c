/* Buffers from several threads: made, filled, read, destroyed by others, all at once. */
#define _POSIX_C_SOURCE 200809L

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "gpu_test.h"

#define THREADS 4
#define ROUNDS 100
#define COUNT 150

typedef struct shared {
  gpu_test *test;
  pthread_barrier_t barrier;
  rg_buffer buffers[THREADS][COUNT];
  _Atomic uint32_t faults;
} shared;

typedef struct worker {
  shared *shared;
  uint32_t number;
} worker;

/* Assertions belong on the test's own thread. */
static void expect(shared *self, bool is_true) {
  if (!is_true) {
    atomic_fetch_add(&self->faults, 1);
  }
}

static uint64_t size_of(uint32_t thread, uint32_t i) {
  return 4 + (i * 131 + thread * 17) % 5000;
}

static void make_all(const worker *self, uint32_t round) {
  shared *shared = self->shared;
  for (uint32_t i = 0; i < COUNT; i++) {
    const rg_buffer_desc desc = {.size = size_of(self->number, i),
                                 .type = (rg_buffer_type)(1 + (i + round) % 5),
                                 .own_vk_buffer = i % 50 == 7};
    rg_result result =
        rg_buffer_create(shared->test->engine, &desc, &shared->buffers[self->number][i]);
    expect(shared, result == RG_OK);
  }
}

/* Another thread's. */
static void destroy_all(const worker *self) {
  shared *shared = self->shared;
  const uint32_t other = (self->number + 1) % THREADS;
  for (uint32_t i = 0; i < COUNT; i++) {
    rg_buffer_vk vk;
    const rg_buffer buffer = shared->buffers[other][i];
    expect(shared, rg_buffer_get_vk(shared->test->engine, buffer, &vk) == RG_OK);
    expect(shared, vk.size == size_of(other, i));
    expect(shared, rg_buffer_destroy(shared->test->engine, buffer) == RG_OK);
    expect(shared, rg_buffer_destroy(shared->test->engine, buffer) == RG_ERROR_STALE_HANDLE);
  }
}

static int compare_places(const void *a, const void *b) {
  const rg_buffer_vk *x = a, *y = b;
  if (x->buffer != y->buffer) {
    return (uintptr_t)x->buffer < (uintptr_t)y->buffer ? -1 : 1;
  }
  return (x->offset > y->offset) - (x->offset < y->offset);
}

static void check_apart(shared *self) {
  static rg_buffer_vk places[THREADS * COUNT];
  for (uint32_t i = 0; i < THREADS * COUNT; i++) {
    const rg_buffer buffer = self->buffers[i / COUNT][i % COUNT];
    expect(self, rg_buffer_get_vk(self->test->engine, buffer, &places[i]) == RG_OK);
  }
  qsort(places, THREADS * COUNT, sizeof *places, compare_places);
  for (uint32_t i = 1; i < THREADS * COUNT; i++) {
    expect(self, places[i].buffer != places[i - 1].buffer ||
                     places[i].offset >= places[i - 1].offset + places[i - 1].size);
  }
}

static void *run(void *user) {
  const worker *self = user;
  for (uint32_t round = 0; round < ROUNDS; round++) {
    make_all(self, round);
    pthread_barrier_wait(&self->shared->barrier);
    if (self->number == 0) {
      check_apart(self->shared);
    }
    pthread_barrier_wait(&self->shared->barrier);
    destroy_all(self);
    if (self->number == round % THREADS) {
      rg_memory_trim(self->shared->test->engine); /* while others destroy */
    }
    pthread_barrier_wait(&self->shared->barrier);
  }
  return NULL;
}

static void threads_make_and_destroy_each_others_buffers(void **state) {
  shared *shared = calloc(1, sizeof *shared);
  assert_non_null(shared);
  shared->test = *state;
  assert_int_equal(pthread_barrier_init(&shared->barrier, NULL, THREADS), 0);
  pthread_t threads[THREADS];
  worker workers[THREADS];
  for (uint32_t i = 0; i < THREADS; i++) {
    workers[i] = (worker){shared, i};
    assert_int_equal(pthread_create(&threads[i], NULL, run, &workers[i]), 0);
  }
  for (uint32_t i = 0; i < THREADS; i++) {
    assert_int_equal(pthread_join(threads[i], NULL), 0);
  }
  assert_int_equal(atomic_load(&shared->faults), 0);
  assert_int_equal(rg_resource_next(shared->test->engine, RG_TYPE_BUFFER, (rg_handle){0}).id, 0);
  pthread_barrier_destroy(&shared->barrier);
  free(shared);
}

/* ---- What they leave behind ------------------------------------------------------------------ */

#define MANY_THREADS 12

typedef struct crowd {
  gpu_test *test;
  pthread_barrier_t barrier;
  _Atomic uint32_t faults;
} crowd;

/* 16 MiB a thread, in slabs of its own as far as slabs are any thread's. */
static void *make_and_destroy(void *user) {
  enum { OWN = 4000 };
  crowd *self = user;
  rg_buffer *buffers = calloc(OWN, sizeof *buffers);
  for (uint32_t i = 0; i < OWN; i++) {
    const rg_buffer_desc desc = {.size = 4096};
    atomic_fetch_add(&self->faults, rg_buffer_create(self->test->engine, &desc, &buffers[i]) != 0);
  }
  pthread_barrier_wait(&self->barrier);
  for (uint32_t i = 0; i < OWN; i++) {
    atomic_fetch_add(&self->faults, rg_buffer_destroy(self->test->engine, buffers[i]) != 0);
  }
  free(buffers);
  return NULL;
}

/* Two slabs of 16 MiB at most: an empty one, and one that a thread may go on in. */
static void what_many_threads_leave_behind_goes_back(void **state) {
  static crowd self;
  self = (crowd){.test = *state};
  rg_memory_stats before, after;
  pthread_t threads[MANY_THREADS];
  rg_memory_trim(self.test->engine);
  rg_memory_get_stats(self.test->engine, &before);
  assert_int_equal(pthread_barrier_init(&self.barrier, NULL, MANY_THREADS), 0);
  for (uint32_t i = 0; i < MANY_THREADS; i++) {
    assert_int_equal(pthread_create(&threads[i], NULL, make_and_destroy, &self), 0);
  }
  for (uint32_t i = 0; i < MANY_THREADS; i++) {
    assert_int_equal(pthread_join(threads[i], NULL), 0);
  }
  pthread_barrier_destroy(&self.barrier);
  assert_int_equal(atomic_load(&self.faults), 0);
  assert_ok(rg_collect(self.test->engine));
  rg_memory_get_stats(self.test->engine, &after);
  print_message(
      "%.1f MiB used and %.1f in blocks, of %.1f\n", (double)(after.used - before.used) / (1 << 20),
      (double)(after.size - before.size) / (1 << 20), MANY_THREADS * 4000 * 4096.0 / (1 << 20));
  assert_true(after.used - before.used <= UINT64_C(32) << 20);
  assert_true(after.size - before.size <= UINT64_C(96) << 20);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, gpu_test_setup, gpu_test_teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(threads_make_and_destroy_each_others_buffers),
      TEST(what_many_threads_leave_behind_goes_back),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
