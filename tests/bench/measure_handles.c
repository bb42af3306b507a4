/* handle_lookup: rg_buffer_get_vk at random among many live buffers, against the obvious first
 * design (obvious_map.cpp). Both look the same ids up in the same random order, through a call of
 * the same form, and copy the same struct out. Within a batch (rg_batch_begin) look-ups are the
 * same function; handle_lookup_batched shows that opening one for every 1,000 costs nothing. */
#define _POSIX_C_SOURCE 200809L

#include <pthread.h>
#include <stdlib.h>

#include "bench.h"
#include "obvious_map.h"

#define LOOKUPS 2000000u
#define BATCH 1000u

typedef struct handles {
  rg_buffer *buffers; /* in random order */
  uint64_t count;
  obvious_map *map;
} handles;

static void shuffle(handles *handles) {
  uint64_t seed = 42;
  for (uint64_t i = handles->count - 1; i > 0; i--) {
    uint64_t j = bench_random(&seed) % (i + 1);
    rg_buffer swap = handles->buffers[i];
    handles->buffers[i] = handles->buffers[j];
    handles->buffers[j] = swap;
  }
}

static void make_buffers(bench *bench, handles *handles) {
  for (uint64_t i = 0; i < handles->count; i++) {
    rg_buffer_desc desc = {.size = 64, .type = RG_BUFFER_VERTEX};
    rg_buffer_vk vk;
    bench_check(rg_buffer_create(bench->engine, &desc, &handles->buffers[i]), "buffer");
    bench_check(rg_buffer_get_vk(bench->engine, handles->buffers[i], &vk), "rg_buffer_get_vk");
    obvious_map_add(handles->map, handles->buffers[i].id, &vk);
  }
  shuffle(handles);
}

static bool handles_setup(bench *bench) {
  handles *state = bench_alloc(sizeof *state);
  uint64_t count = bench->measure->parameter;
  *state = (handles){
      .buffers = bench_alloc(count * sizeof(rg_buffer)),
      .count = count,
      .map = obvious_map_create(),
  };
  bench_check(state->map == NULL ? RG_ERROR_OUT_OF_HOST_MEMORY : RG_OK, "map");
  make_buffers(bench, state);
  bench->state = state;
  bench->count = LOOKUPS;
  return true;
}

static void handles_teardown(bench *bench) {
  handles *state = bench->state;
  for (uint64_t i = 0; i < state->count; i++) {
    bench_check(rg_buffer_destroy(bench->engine, state->buffers[i]), "rg_buffer_destroy");
  }
  obvious_map_destroy(state->map);
  free(state->buffers);
  free(state);
}

/* What is found is summed, so that no look-up can be left out. */
static volatile uint64_t sink;

static double lookup_ours(bench *bench) {
  handles *state = bench->state;
  uint64_t sum = 0, at = 0;
  double start = bench_now();
  for (uint32_t i = 0; i < LOOKUPS; i++) {
    rg_buffer_vk vk;
    if (rg_buffer_get_vk(bench->engine, state->buffers[at], &vk) == RG_OK) {
      sum += vk.offset;
    }
    at = at + 1 == state->count ? 0 : at + 1;
  }
  double seconds = bench_now() - start;
  sink = sum;
  return seconds;
}

static double lookup_batched(bench *bench) {
  handles *state = bench->state;
  uint64_t sum = 0, at = 0;
  double start = bench_now();
  for (uint32_t i = 0; i < LOOKUPS / BATCH; i++) {
    rg_batch batch;
    bench_check(rg_batch_begin(bench->engine, &batch), "rg_batch_begin");
    for (uint32_t j = 0; j < BATCH; j++) {
      rg_buffer_vk vk;
      if (rg_buffer_get_vk(bench->engine, state->buffers[at], &vk) == RG_OK) {
        sum += vk.offset;
      }
      at = at + 1 == state->count ? 0 : at + 1;
    }
    rg_batch_end(bench->engine, batch);
  }
  double seconds = bench_now() - start;
  sink = sum;
  return seconds;
}

static double lookup_baseline(bench *bench) {
  handles *state = bench->state;
  uint64_t sum = 0, at = 0;
  double start = bench_now();
  for (uint32_t i = 0; i < LOOKUPS; i++) {
    rg_buffer_vk vk;
    if (obvious_map_get(state->map, state->buffers[at].id, &vk)) {
      sum += vk.offset;
    }
    at = at + 1 == state->count ? 0 : at + 1;
  }
  double seconds = bench_now() - start;
  sink = sum;
  return seconds;
}

typedef struct lookup_worker {
  pthread_t thread;
  bench *bench;
  pthread_barrier_t *start;
  double seconds;
} lookup_worker;

/* A thread may begin on a processor whose caches know nothing of the table: the first round is not
 * measured, as for the one thread that has done it before. */
static void *lookup_thread(void *user) {
  lookup_worker *self = user;
  (void)lookup_ours(self->bench);
  pthread_barrier_wait(self->start);
  self->seconds = lookup_ours(self->bench);
  return NULL;
}

/* Seconds of the slower of two threads that each do all the look-ups at the same time. */
static double lookup_two_threads(bench *bench) {
  lookup_worker workers[2];
  pthread_barrier_t start;
  double slowest = 0;
  pthread_barrier_init(&start, NULL, 2);
  for (int i = 0; i < 2; i++) {
    workers[i] = (lookup_worker){.bench = bench, .start = &start};
    if (pthread_create(&workers[i].thread, NULL, lookup_thread, &workers[i]) != 0) {
      bench_check(RG_ERROR_OUT_OF_HOST_MEMORY, "thread");
    }
  }
  for (int i = 0; i < 2; i++) {
    pthread_join(workers[i].thread, NULL);
    slowest = workers[i].seconds > slowest ? workers[i].seconds : slowest;
  }
  pthread_barrier_destroy(&start);
  return slowest;
}

#define LOOKUP(name_, count_, goal_, ours_, baseline_)                                       \
  {                                                                                          \
    .name = name_, .unit = "ns", .goal = goal_, .parameter = count_, .setup = handles_setup, \
    .ours = ours_, .baseline = baseline_, .teardown = handles_teardown                       \
  }

const bench_measure bench_handle_measures[] = {
    LOOKUP("handle_lookup_1e3", 1000, 0.10, lookup_ours, lookup_baseline),
    LOOKUP("handle_lookup_1e5", 100000, 0.12, lookup_ours, lookup_baseline),
    LOOKUP("handle_lookup_1e6", 1000000, 0.12, lookup_ours, lookup_baseline),
    LOOKUP("handle_lookup_batched", 1000, 1.1, lookup_batched, lookup_ours),
    LOOKUP("handle_lookup_2_threads", 100000, 1.1, lookup_two_threads, lookup_ours),
    {0},
};
