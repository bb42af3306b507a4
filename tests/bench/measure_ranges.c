/* range_churn and range_tiny: one free and one allocation among many live ranges, against a
 * balanced tree's best fit and against bumping. range_two_threads: arenas of two threads against
 * one. range_ramp_game: how full a span gets under churn before the first allocation fails. */
#define _POSIX_C_SOURCE 200809L

#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/range_arenas.h"
#include "bench.h"
#include "obvious_ranges.h"

#define KIB (UINT64_C(1) << 10)
#define MIB (UINT64_C(1) << 20)
#define GIB (UINT64_C(1) << 30)

/* ---- What is asked for --------------------------------------------------------------------- */

typedef struct range_request {
  uint64_t size, alignment;
  uint32_t victim; /* the live range that goes first */
} range_request;

static uint64_t evenly_over_octaves(uint64_t *random, double least, double most) {
  double unit = (double)(bench_random(random) >> 11) * 0x1p-53;
  return (uint64_t)(least * exp2(log2(most / least) * unit));
}

static range_request request_make(uint64_t *random, uint64_t alignment, double least, double most) {
  uint64_t size = evenly_over_octaves(random, least, most);
  return (range_request){.size = (size + alignment - 1) & ~(alignment - 1), .alignment = alignment};
}

/* 80 % 256 B to 16 KiB, 15 % 64 KiB to 4 MiB, 5 % 4 to 64 MiB. */
static range_request game_request(uint64_t *random) {
  static const uint64_t small[] = {16, 64, 256}, middling[] = {4 * KIB, 64 * KIB};
  uint64_t kind = bench_random(random) % 100, which = bench_random(random) % 6;
  if (kind < 80) {
    return request_make(random, small[which % 3], 256, 16.0 * KIB);
  }
  return kind < 95 ? request_make(random, middling[which % 2], 64.0 * KIB, 4.0 * MIB)
                   : request_make(random, 64 * KIB, 4.0 * MIB, 63.9 * MIB);
}

static range_request tiny_request(uint64_t *random) {
  static const uint64_t sizes[] = {16, 64, 240}, alignments[] = {16, 64, 256};
  uint64_t which = bench_random(random) % 9;
  return (range_request){.size = sizes[which % 3], .alignment = alignments[which / 3]};
}

static range_request *requests_make(range_request (*make)(uint64_t *), uint32_t count,
                                    uint32_t live, uint64_t seed) {
  range_request *requests = bench_alloc(count * sizeof *requests);
  for (uint32_t i = 0; i < count; i++) {
    requests[i] = make(&seed);
    requests[i].victim = (uint32_t)(bench_random(&seed) % live);
  }
  return requests;
}

/* ---- Churn --------------------------------------------------------------------------------- */

#define PAIRS 300000

typedef struct churn {
  uint32_t live;
  host_memory memory;
  range_allocator *ranges;
  obvious_tree *tree;
  obvious_bump *bump;
  range_request *requests; /* the first `live` to begin with, then the pairs */
  uint64_t *ours, *theirs; /* what is live */
} churn;

static void churn_begin(bench *bench, uint32_t live, uint64_t span,
                        range_request (*make)(uint64_t *)) {
  churn *state = bench_alloc(sizeof *state);
  *state = (churn){.live = live};
  host_memory_init(&state->memory, NULL);
  state->ranges = range_create(&state->memory, span);
  bench_check(state->ranges ? RG_OK : RG_ERROR_OUT_OF_HOST_MEMORY, "range_create");
  state->requests = requests_make(make, live + PAIRS, live, 2024);
  state->ours = bench_alloc(live * sizeof *state->ours);
  state->theirs = bench_alloc(live * sizeof *state->theirs);
  bench->state = state;
  bench->count = PAIRS;
}

static uint64_t ours_alloc(churn *state, const range_request *request) {
  range_id id = RANGE_NONE;
  uint64_t offset;
  bench_check(range_alloc(state->ranges, request->size, request->alignment, &id, &offset),
              "range_alloc");
  return id;
}

static uint64_t tree_alloc(churn *state, const range_request *request) {
  uint64_t id = obvious_tree_alloc(state->tree, request->size, request->alignment);
  bench_check(id == OBVIOUS_NONE ? RG_ERROR_OUT_OF_DEVICE_MEMORY : RG_OK, "tree");
  return id;
}

static uint64_t bump_alloc(churn *state, const range_request *request) {
  uint64_t id = obvious_bump_alloc(state->bump, request->size, request->alignment);
  bench_check(id == OBVIOUS_NONE ? RG_ERROR_OUT_OF_DEVICE_MEMORY : RG_OK, "bump");
  return id;
}

static bool game_setup(bench *bench) {
  churn_begin(bench, 50000, 96 * GIB, game_request);
  churn *state = bench->state;
  state->tree = obvious_tree_create(96 * GIB);
  for (uint32_t i = 0; i < state->live; i++) {
    state->ours[i] = ours_alloc(state, &state->requests[i]);
    state->theirs[i] = tree_alloc(state, &state->requests[i]);
  }
  return true;
}

static bool tiny_setup(bench *bench) {
  churn_begin(bench, 30000, 64 * MIB, tiny_request);
  churn *state = bench->state;
  state->bump = obvious_bump_create(64 * MIB, 64 * KIB);
  for (uint32_t i = 0; i < state->live; i++) {
    state->ours[i] = ours_alloc(state, &state->requests[i]);
    state->theirs[i] = bump_alloc(state, &state->requests[i]);
  }
  return true;
}

static void churn_teardown(bench *bench) {
  churn *state = bench->state;
  range_destroy(state->ranges);
  if (state->tree) {
    obvious_tree_destroy(state->tree);
  } else {
    obvious_bump_destroy(state->bump);
  }
  free(state->requests);
  free(state->ours);
  free(state->theirs);
  free(state);
}

/* Seconds of this thread: one that waits for a processor does not churn. */
static double cpu_now(void) {
  struct timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static double churn_ours(bench *bench) {
  churn *state = bench->state;
  const range_request *requests = state->requests + state->live;
  double start = cpu_now();
  for (uint32_t i = 0; i < PAIRS; i++) {
    uint64_t *slot = &state->ours[requests[i].victim];
    range_free(state->ranges, (range_id)*slot);
    *slot = ours_alloc(state, &requests[i]);
  }
  return cpu_now() - start;
}

static double churn_tree(bench *bench) {
  churn *state = bench->state;
  const range_request *requests = state->requests + state->live;
  double start = cpu_now();
  for (uint32_t i = 0; i < PAIRS; i++) {
    uint64_t *slot = &state->theirs[requests[i].victim];
    obvious_tree_free(state->tree, *slot);
    *slot = tree_alloc(state, &requests[i]);
  }
  return cpu_now() - start;
}

static double churn_bump(bench *bench) {
  churn *state = bench->state;
  const range_request *requests = state->requests + state->live;
  double start = cpu_now();
  for (uint32_t i = 0; i < PAIRS; i++) {
    uint64_t *slot = &state->theirs[requests[i].victim];
    obvious_bump_free(state->bump, *slot);
    *slot = bump_alloc(state, &requests[i]);
  }
  return cpu_now() - start;
}

/* ---- Two threads --------------------------------------------------------------------------- */

#define THREAD_LIVE 2000

typedef struct arenas {
  host_memory memory;
  range_arenas *ranges; /* fresh for each run */
  range_request *requests[2];
  pthread_barrier_t barrier;
} arenas;

typedef struct arenas_worker {
  arenas *state;
  const range_request *requests;
  range_arenas_id live[THREAD_LIVE];
  double seconds;
} arenas_worker;

static bool arenas_setup(bench *bench) {
  arenas *state = bench_alloc(sizeof *state);
  memset(state, 0, sizeof *state);
  host_memory_init(&state->memory, NULL);
  for (uint32_t i = 0; i < 2; i++) {
    state->requests[i] = requests_make(game_request, THREAD_LIVE + PAIRS, THREAD_LIVE, 4000 + i);
  }
  bench->state = state;
  bench->count = PAIRS;
  return true;
}

static void arenas_teardown(bench *bench) {
  arenas *state = bench->state;
  free(state->requests[0]);
  free(state->requests[1]);
  free(state);
}

static void arenas_pairs(arenas_worker *self, uint32_t count) {
  range_arenas *ranges = self->state->ranges;
  const range_request *requests = self->requests + THREAD_LIVE;
  for (uint32_t i = 0; i < count; i++) {
    range_arenas_id *slot = &self->live[requests[i].victim];
    uint64_t offset;
    range_arenas_free(ranges, *slot);
    bench_check(range_arenas_alloc(ranges, requests[i].size, requests[i].alignment, slot, &offset),
                "range_arenas_alloc");
  }
}

/* Each has replaced its first ranges some times when time begins to count, and so has found its
 * arena. */
static void *arenas_thread(void *user) {
  arenas_worker *self = user;
  for (uint32_t i = 0; i < THREAD_LIVE; i++) {
    uint64_t offset;
    bench_check(range_arenas_alloc(self->state->ranges, self->requests[i].size,
                                   self->requests[i].alignment, &self->live[i], &offset),
                "range_arenas_alloc");
  }
  pthread_barrier_wait(&self->state->barrier);
  arenas_pairs(self, 10 * THREAD_LIVE);
  pthread_barrier_wait(&self->state->barrier);
  double start = bench_now();
  arenas_pairs(self, PAIRS);
  self->seconds = bench_now() - start;
  return NULL;
}

/* Seconds of the slower one. */
static double arenas_run(bench *bench, uint32_t thread_count) {
  arenas *state = bench->state;
  arenas_worker *workers = bench_alloc(2 * sizeof *workers);
  pthread_t threads[2];
  state->ranges = range_arenas_create(&state->memory, &(range_arenas_desc){.size = 16 * GIB});
  bench_check(state->ranges ? RG_OK : RG_ERROR_OUT_OF_HOST_MEMORY, "range_arenas_create");
  pthread_barrier_init(&state->barrier, NULL, thread_count);
  for (uint32_t i = 0; i < thread_count; i++) {
    workers[i] = (arenas_worker){.state = state, .requests = state->requests[i]};
    bool is_started = pthread_create(&threads[i], NULL, arenas_thread, &workers[i]) == 0;
    bench_check(is_started ? RG_OK : RG_ERROR_OUT_OF_HOST_MEMORY, "thread");
  }
  double slowest = 0;
  for (uint32_t i = 0; i < thread_count; i++) {
    pthread_join(threads[i], NULL);
    slowest = workers[i].seconds > slowest ? workers[i].seconds : slowest;
  }
  pthread_barrier_destroy(&state->barrier);
  range_arenas_destroy(state->ranges);
  free(workers);
  return slowest;
}

static double arenas_two(bench *bench) {
  return arenas_run(bench, 2);
}

static double arenas_one(bench *bench) {
  return arenas_run(bench, 1);
}

/* ---- How full a span gets ------------------------------------------------------------------ */

#define RAMP_SPAN (4 * GIB)
#define RAMP_LIVE_MAX 65536
#define RAMP_BEGIN 2  /* the load begins at one part of so many of the span */
#define RAMP_STEP 400 /* and rises by one part of so many when as many as live were replaced */

typedef struct ramp {
  host_memory memory;
  range_allocator *ranges;
  range_id live[RAMP_LIVE_MAX];
  uint32_t count;
  uint64_t bytes, random;
} ramp;

static bool ramp_setup(bench *bench) {
  ramp *state = bench_alloc(sizeof *state);
  memset(state, 0, sizeof *state);
  host_memory_init(&state->memory, NULL);
  state->random = 31;
  bench->state = state;
  return true;
}

static void ramp_teardown(bench *bench) {
  free(bench->state);
}

static void ramp_pop(ramp *self) {
  uint32_t index = (uint32_t)(bench_random(&self->random) % self->count);
  self->bytes -= range_size(self->ranges, self->live[index]);
  range_free(self->ranges, self->live[index]);
  self->live[index] = self->live[--self->count];
}

/* False at the first failure. */
static bool ramp_push(ramp *self, const range_request *request) {
  uint64_t offset;
  if (self->count == RAMP_LIVE_MAX || range_alloc(self->ranges, request->size, request->alignment,
                                                  &self->live[self->count], &offset) != RG_OK) {
    return false;
  }
  self->count++;
  self->bytes += request->size;
  return true;
}

static void ramp_churn(ramp *self) {
  uint64_t target = RAMP_SPAN / RAMP_BEGIN;
  uint32_t replaced = 0;
  bool is_full = false;
  for (;;) {
    range_request request = game_request(&self->random);
    is_full = is_full || self->bytes + request.size > target;
    while (is_full && self->count > 0 && self->bytes + request.size > target) {
      ramp_pop(self);
    }
    if (!ramp_push(self, &request)) {
      return;
    }
    if (is_full && ++replaced >= self->count) {
      target += RAMP_SPAN / RAMP_STEP;
      replaced = 0;
    }
  }
}

/* Bytes of the span for each that was held at the first failure; the seeds follow each other. */
static double ramp_ours(bench *bench) {
  ramp *state = bench->state;
  state->ranges = range_create(&state->memory, RAMP_SPAN);
  bench_check(state->ranges ? RG_OK : RG_ERROR_OUT_OF_HOST_MEMORY, "range_create");
  state->count = 0;
  state->bytes = 0;
  ramp_churn(state);
  range_destroy(state->ranges);
  return (double)RAMP_SPAN / (double)state->bytes;
}

static double ramp_baseline(bench *bench) {
  (void)bench;
  return 1;
}

const bench_measure bench_range_measures[] = {
    {.name = "range_churn",
     .unit = "ns",
     .goal = 0.10,
     .setup = game_setup,
     .ours = churn_ours,
     .baseline = churn_tree,
     .teardown = churn_teardown},
    {.name = "range_tiny",
     .unit = "ns",
     .goal = 3,
     .setup = tiny_setup,
     .ours = churn_ours,
     .baseline = churn_bump,
     .teardown = churn_teardown},
    {.name = "range_two_threads",
     .unit = "ns",
     .goal = 1 / 0.9,
     .setup = arenas_setup,
     .ours = arenas_two,
     .baseline = arenas_one,
     .teardown = arenas_teardown},
    {.name = "range_ramp_game",
     .unit = "heap",
     .goal = 1 / 0.82,
     .setup = ramp_setup,
     .ours = ramp_ours,
     .baseline = ramp_baseline,
     .teardown = ramp_teardown},
    {0},
};
