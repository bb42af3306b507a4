/* handle_lookup: rg_buffer_get_vk at random among many live buffers, against a hash map with a
 * strong hash under a read-write lock, the obvious first design. */
#define _POSIX_C_SOURCE 200809L

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "bench.h"

#define LOOKUPS 1000000u

typedef struct map_entry {
  uint64_t id; /* 0: empty */
  rg_buffer_vk vk;
} map_entry;

typedef struct handles {
  rg_buffer *buffers; /* in random order */
  uint64_t count;
  map_entry *map;
  uint64_t mask;
  pthread_rwlock_t lock;
} handles;

static uint64_t map_place(const handles *handles, uint64_t id) {
  uint64_t place = XXH3_64bits(&id, sizeof id) & handles->mask;
  while (handles->map[place].id != id && handles->map[place].id != 0) {
    place = (place + 1) & handles->mask;
  }
  return place;
}

static void make_buffers(bench *bench, handles *handles) {
  for (uint64_t i = 0; i < handles->count; i++) {
    rg_buffer_desc desc = {.size = 64, .type = RG_BUFFER_VERTEX};
    bench_check(rg_buffer_create(bench->engine, &desc, &handles->buffers[i]), "buffer");
    map_entry *entry = &handles->map[map_place(handles, handles->buffers[i].id)];
    entry->id = handles->buffers[i].id;
    bench_check(rg_buffer_get_vk(bench->engine, handles->buffers[i], &entry->vk),
                "rg_buffer_get_vk");
  }
  uint64_t seed = 42;
  for (uint64_t i = handles->count - 1; i > 0; i--) {
    uint64_t j = bench_random(&seed) % (i + 1);
    rg_buffer swap = handles->buffers[i];
    handles->buffers[i] = handles->buffers[j];
    handles->buffers[j] = swap;
  }
}

static bool handles_setup(bench *bench) {
  handles *state = bench_alloc(sizeof *state);
  uint64_t count = bench->measure->parameter;
  uint64_t capacity = 1;
  while (capacity < 2 * count) {
    capacity *= 2;
  }
  *state = (handles){
      .buffers = bench_alloc(count * sizeof(rg_buffer)),
      .count = count,
      .map = bench_alloc(capacity * sizeof(map_entry)),
      .mask = capacity - 1,
  };
  memset(state->map, 0, capacity * sizeof(map_entry));
  pthread_rwlock_init(&state->lock, NULL);
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
  pthread_rwlock_destroy(&state->lock);
  free(state->buffers);
  free(state->map);
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

static double lookup_baseline(bench *bench) {
  handles *state = bench->state;
  uint64_t sum = 0, at = 0;
  double start = bench_now();
  for (uint32_t i = 0; i < LOOKUPS; i++) {
    pthread_rwlock_rdlock(&state->lock);
    map_entry *entry = &state->map[map_place(state, state->buffers[at].id)];
    rg_buffer_vk vk = entry->vk;
    pthread_rwlock_unlock(&state->lock);
    sum += vk.offset;
    at = at + 1 == state->count ? 0 : at + 1;
  }
  double seconds = bench_now() - start;
  sink = sum;
  return seconds;
}

static void *lookup_thread(void *user) {
  bench *bench = user;
  double *seconds = bench_alloc(sizeof *seconds);
  *seconds = lookup_ours(bench);
  return seconds;
}

/* Seconds of the slower of two threads that each do all the look-ups. */
static double lookup_two_threads(bench *bench) {
  pthread_t threads[2];
  double slowest = 0;
  for (int i = 0; i < 2; i++) {
    if (pthread_create(&threads[i], NULL, lookup_thread, bench) != 0) {
      bench_check(RG_ERROR_OUT_OF_HOST_MEMORY, "thread");
    }
  }
  for (int i = 0; i < 2; i++) {
    void *seconds = NULL;
    pthread_join(threads[i], &seconds);
    slowest = *(double *)seconds > slowest ? *(double *)seconds : slowest;
    free(seconds);
  }
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
    LOOKUP("handle_lookup_2_threads", 100000, 1.1, lookup_two_threads, lookup_ours),
    {0},
};
