/* pool_ramp_game: how much of a heap a game's mix of buffers fills under churn, through pools,
 * blocks and shared VkBuffers, before the first allocation fails. pool_two_threads: two threads on
 * one pool against one. memory_totals, memory_json_50k: what looking costs, against a fixed time.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "gpu/gpu.h"

#define KIB UINT64_C(1024)
#define MIB (UINT64_C(1) << 20)
#define GIB (UINT64_C(1) << 30)

/* ---- How full a heap gets ------------------------------------------------------------------ */

#define RAMP_HEAP (4 * GIB) /* or what the device has */
#define RAMP_LIVE_MAX 65536
#define RAMP_BEGIN 2 /* the load begins at one part of so many of the heap */
#define RAMP_STEP \
  400 /* and rises by one part of so many each time that all has been replaced once */

typedef struct ramp {
  rg_engine *engine;
  rg_buffer live[RAMP_LIVE_MAX];
  uint64_t sizes[RAMP_LIVE_MAX];
  uint32_t count;
  uint64_t bytes, heap;
  uint64_t random;
} ramp;

/* 80 % 256 B to 16 KiB, 15 % 64 KiB to 4 MiB, 5 % 4 to 64 MiB; each evenly over its octaves. */
static uint64_t game_size(uint64_t *random) {
  uint64_t kind = bench_random(random) % 100;
  uint32_t least = kind < 80 ? 8 : kind < 95 ? 16 : 22;
  uint32_t octaves = kind < 80 ? 6 : kind < 95 ? 6 : 4;
  uint64_t octave = UINT64_C(1) << (least + bench_random(random) % octaves);
  return octave + bench_random(random) % octave;
}

static bool ramp_setup(bench *bench) {
  ramp *state = bench_alloc(sizeof *state);
  memset(state, 0, sizeof *state);
  bench->state = state;
  rg_memory_stats stats;
  rg_memory_get_stats(bench->engine, &stats);
  state->random = 31;
  for (uint32_t i = 0; i < stats.heap_count && state->heap == 0; i++) {
    if (stats.heaps[i].is_device_local) {
      state->heap = stats.heaps[i].size < RAMP_HEAP ? stats.heaps[i].size : RAMP_HEAP;
    }
  }
  return true;
}

static void ramp_teardown(bench *bench) {
  free(bench->state);
}

static void ramp_pop(ramp *self) {
  uint32_t index = (uint32_t)(bench_random(&self->random) % self->count);
  bench_check(rg_buffer_destroy(self->engine, self->live[index]), "rg_buffer_destroy");
  self->bytes -= self->sizes[index];
  self->live[index] = self->live[--self->count];
  self->sizes[index] = self->sizes[self->count];
}

/* False at the first failure. */
static bool ramp_push(ramp *self, uint64_t size) {
  rg_buffer_desc desc = {.size = size};
  if (self->count == RAMP_LIVE_MAX ||
      rg_buffer_create(self->engine, &desc, &self->live[self->count]) != RG_OK) {
    return false;
  }
  self->sizes[self->count++] = size;
  self->bytes += size;
  return true;
}

static void ramp_churn(ramp *self) {
  uint64_t target = self->heap / RAMP_BEGIN;
  uint32_t replaced = 0;
  bool is_full = false;
  for (;;) {
    uint64_t size = game_size(&self->random);
    is_full = is_full || self->bytes + size > target;
    while (is_full && self->count > 0 && self->bytes + size > target) {
      ramp_pop(self);
    }
    if (!ramp_push(self, size)) {
      return;
    }
    if (is_full && ++replaced >= self->count) {
      target += self->heap / RAMP_STEP;
      replaced = 0;
    }
  }
}

/* Bytes of heap for each byte that was held at the first failure; the seeds follow each other. */
static double ramp_ours(bench *bench) {
  ramp *state = bench->state;
  rg_engine_desc desc = {.label = "ramp", .memory_limit = state->heap, .upload_size = 64 * KIB};
  bench_check(rg_engine_create(&desc, &state->engine), "engine");
  ramp_churn(state);
  double share = (double)state->bytes / (double)state->heap;
  while (state->count > 0) {
    ramp_pop(state);
  }
  rg_engine_destroy(state->engine);
  return 1 / share;
}

static double ramp_baseline(bench *bench) {
  (void)bench;
  return 1;
}

/* ---- Two threads on one pool --------------------------------------------------------------- */

#define PAIRS 400000
#define PAIRS_LIVE 4096

typedef struct pairs {
  gpu *gpu;
  memory_request request;
  uint64_t random;
  memory_range live[PAIRS_LIVE];
} pairs;

static bool pairs_setup(bench *bench) {
  pairs *both = bench_alloc(2 * sizeof *both);
  memset(both, 0, 2 * sizeof *both);
  bench->state = both;
  bench->count = PAIRS;
  for (uint32_t i = 0; i < 2; i++) {
    both[i].gpu = gpu_of(bench->engine);
    both[i].random = 7 + i;
    both[i].request = (memory_request){
        .requirements = {.alignment = 256, .memoryTypeBits = UINT32_MAX},
        .update = RG_UPDATE_STATIC,
    };
  }
  return true;
}

static void pairs_teardown(bench *bench) {
  pairs *both = bench->state;
  for (uint32_t i = 0; i < 2 * PAIRS_LIVE; i++) {
    memory_free(both[0].gpu, &both[i / PAIRS_LIVE].live[i % PAIRS_LIVE]);
  }
  free(both);
}

static void *pairs_run(void *user) {
  pairs *self = user;
  for (uint32_t i = 0; i < PAIRS; i++) {
    memory_range *range = &self->live[bench_random(&self->random) % PAIRS_LIVE];
    memory_free(self->gpu, range);
    self->request.requirements.size = 4096 + (bench_random(&self->random) % 60 * KIB);
    bench_check(memory_alloc(self->gpu, &self->request, range), "memory_alloc");
  }
  return NULL;
}

static double pairs_two(bench *bench) {
  pairs *both = bench->state;
  pthread_t threads[2];
  double begin = bench_now();
  for (uint32_t i = 0; i < 2; i++) {
    if (pthread_create(&threads[i], NULL, pairs_run, &both[i]) != 0) {
      bench_check(RG_ERROR_LIMIT, "pthread_create");
    }
  }
  for (uint32_t i = 0; i < 2; i++) {
    pthread_join(threads[i], NULL);
  }
  return bench_now() - begin;
}

static double pairs_one(bench *bench) {
  double begin = bench_now();
  pairs_run(bench->state);
  return bench_now() - begin;
}

/* ---- Looking ------------------------------------------------------------------------------- */

#define TOTALS 1000000
#define TOTALS_SECONDS 1e-7
#define JSON_BUFFERS 50000
#define JSON_SECONDS 8e-3

static bool totals_setup(bench *bench) {
  bench->count = TOTALS;
  return true;
}

static double totals_ours(bench *bench) {
  rg_memory_totals totals;
  uint64_t sum = 0;
  double begin = bench_now();
  for (uint32_t i = 0; i < TOTALS; i++) {
    rg_memory_get_totals(bench->engine, VK_MAX_MEMORY_HEAPS, &totals);
    sum += totals.used;
  }
  double seconds = bench_now() - begin;
  return sum == UINT64_MAX ? 0 : seconds;
}

static double totals_baseline(bench *bench) {
  (void)bench;
  return TOTALS * TOTALS_SECONDS;
}

static bool json_setup(bench *bench) {
  rg_buffer *buffers = bench_alloc(JSON_BUFFERS * sizeof *buffers);
  bench->state = buffers;
  for (uint32_t i = 0; i < JSON_BUFFERS; i++) {
    rg_buffer_desc desc = {.size = 256 + i % 64 * 256, .own_vk_buffer = true, .is_movable = true};
    bench_check(rg_buffer_create(bench->engine, &desc, &buffers[i]), "rg_buffer_create");
  }
  return true;
}

static void json_teardown(bench *bench) {
  rg_buffer *buffers = bench->state;
  for (uint32_t i = 0; i < JSON_BUFFERS; i++) {
    bench_check(rg_buffer_destroy(bench->engine, buffers[i]), "rg_buffer_destroy");
  }
  free(buffers);
}

static double json_ours(bench *bench) {
  char *text = NULL;
  double begin = bench_now();
  bench_check(rg_memory_json(bench->engine, true, &text), "rg_memory_json");
  double seconds = bench_now() - begin;
  rg_string_free(bench->engine, text);
  return seconds;
}

static double json_baseline(bench *bench) {
  (void)bench;
  return JSON_SECONDS;
}

const bench_measure bench_memory_measures[] = {
    {"pool_ramp_game", "heap", 1 / 0.75, 0, ramp_setup, ramp_ours, ramp_baseline, ramp_teardown,
     false},
    {"pool_two_threads", "ns", 2 / 1.8, 0, pairs_setup, pairs_two, pairs_one, pairs_teardown,
     false},
    {"memory_totals", "ns", 1, 0, totals_setup, totals_ours, totals_baseline, NULL, false},
    {"memory_json_50k", "ms", 1, 0, json_setup, json_ours, json_baseline, json_teardown, false},
    {0},
};
