/* buffer_create, buffer_destroy: 10,000 small buffers, against a VkBuffer and a VkDeviceMemory
 * each. */
#include <stdlib.h>
#include <string.h>

#include "bench.h"

#define COUNT 10000
#define SIZE 4096

typedef struct small_buffers {
  rg_buffer ours[COUNT];
  bench_buffer raw[COUNT];
  bench_buffer mapped; /* COUNT * SIZE bytes */
  unsigned char *data;
  double create, destroy; /* seconds of the last round */
} small_buffers;

static bool buffers_setup(bench *bench) {
  small_buffers *state = bench_alloc(sizeof *state);
  memset(state, 0, sizeof *state);
  state->data = bench_alloc(SIZE);
  state->mapped =
      bench_buffer_create(bench, (uint64_t)COUNT * SIZE, VK_BUFFER_USAGE_STORAGE_BUFFER_BIT,
                          VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT);
  memset(state->mapped.mapped, 1, (size_t)COUNT * SIZE);
  bench->state = state;
  bench->count = COUNT;
  return true;
}

static void buffers_teardown(bench *bench) {
  small_buffers *state = bench->state;
  bench_buffer_destroy(bench, &state->mapped);
  free(state->data);
  free(state);
}

/* One round: create all, destroy all, give their memory back. */
static void round_ours(bench *bench, const void *data) {
  small_buffers *state = bench->state;
  double start = bench_now();
  for (int i = 0; i < COUNT; i++) {
    rg_buffer_desc desc = {.size = SIZE, .type = RG_BUFFER_STORAGE, .data = data};
    bench_check(rg_buffer_create(bench->engine, &desc, &state->ours[i]), "rg_buffer_create");
  }
  if (data) {
    rg_ticket ticket;
    bench_check(rg_flush(bench->engine, &ticket), "rg_flush");
    bench_check(rg_ticket_wait(bench->engine, ticket, UINT64_MAX), "rg_ticket_wait");
  }
  double middle = bench_now();
  for (int i = 0; i < COUNT; i++) {
    bench_check(rg_buffer_destroy(bench->engine, state->ours[i]), "rg_buffer_destroy");
  }
  bench_check(rg_collect(bench->engine), "rg_collect");
  state->destroy = bench_now() - middle;
  state->create = middle - start;
}

static void round_raw(bench *bench) {
  small_buffers *state = bench->state;
  double start = bench_now();
  for (int i = 0; i < COUNT; i++) {
    state->raw[i] = bench_buffer_create(bench, SIZE, VK_BUFFER_USAGE_STORAGE_BUFFER_BIT,
                                        VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT);
  }
  double middle = bench_now();
  for (int i = 0; i < COUNT; i++) {
    bench_buffer_destroy(bench, &state->raw[i]);
  }
  state->destroy = bench_now() - middle;
  state->create = middle - start;
}

static double create_ours(bench *bench) {
  round_ours(bench, NULL);
  return ((small_buffers *)bench->state)->create;
}

static double create_baseline(bench *bench) {
  round_raw(bench);
  return ((small_buffers *)bench->state)->create;
}

static double destroy_ours(bench *bench) {
  round_ours(bench, NULL);
  return ((small_buffers *)bench->state)->destroy;
}

static double destroy_baseline(bench *bench) {
  round_raw(bench);
  return ((small_buffers *)bench->state)->destroy;
}

static double create_data_ours(bench *bench) {
  small_buffers *state = bench->state;
  round_ours(bench, state->data);
  return state->create;
}

static double create_data_baseline(bench *bench) {
  small_buffers *state = bench->state;
  double start = bench_now();
  for (int i = 0; i < COUNT; i++) {
    memcpy((char *)state->mapped.mapped + (size_t)i * SIZE, state->data, SIZE);
  }
  return bench_now() - start;
}

#define BUFFERS(name_, goal_, ours_, baseline_)                                        \
  {                                                                                    \
    .name = name_, .unit = "ns", .goal = goal_, .setup = buffers_setup, .ours = ours_, \
    .baseline = baseline_, .teardown = buffers_teardown                                \
  }

const bench_measure bench_buffer_measures[] = {
    BUFFERS("buffer_create_small", 0.05, create_ours, create_baseline),
    BUFFERS("buffer_destroy_small", 0.05, destroy_ours, destroy_baseline),
    BUFFERS("buffer_create_data", 2.0, create_data_ours, create_data_baseline),
    {0},
};
