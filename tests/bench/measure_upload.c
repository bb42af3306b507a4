/* upload_256m: 256 MiB into one buffer, against the best of one memcpy into mapped memory and one
 * raw copy from a mapped buffer. `first` writes a new buffer each time, `again` the same one. */
#include <stdlib.h>
#include <string.h>

#include "bench.h"

#define SIZE ((uint64_t)256 << 20)

typedef struct upload_state {
  unsigned char *data;
  rg_buffer buffer;
  bench_buffer source, target;
  bench_commands commands;
} upload_state;

static bool upload_setup(bench *bench) {
  upload_state *state = bench_alloc(sizeof *state);
  memset(state, 0, sizeof *state);
  state->data = bench_alloc(SIZE);
  state->source = bench_buffer_create(bench, SIZE, VK_BUFFER_USAGE_TRANSFER_SRC_BIT,
                                      VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT);
  memset(state->source.mapped, 1, SIZE);
  state->target = bench_buffer_create(bench, SIZE, VK_BUFFER_USAGE_TRANSFER_DST_BIT,
                                      VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT);
  state->commands = bench_commands_create(bench);
  bench_check(rg_buffer_create(bench->engine, &(rg_buffer_desc){.size = SIZE, .data = state->data},
                               &state->buffer),
              "rg_buffer_create");
  bench->state = state;
  return true;
}

static void upload_teardown(bench *bench) {
  upload_state *state = bench->state;
  bench_check(rg_buffer_destroy(bench->engine, state->buffer), "rg_buffer_destroy");
  bench_commands_destroy(bench, &state->commands);
  bench_buffer_destroy(bench, &state->source);
  bench_buffer_destroy(bench, &state->target);
  free(state->data);
  free(state);
}

static void wait_all(bench *bench) {
  rg_ticket ticket;
  bench_check(rg_flush(bench->engine, &ticket), "rg_flush");
  bench_check(rg_ticket_wait(bench->engine, ticket, UINT64_MAX), "rg_ticket_wait");
}

static double first_ours(bench *bench) {
  upload_state *state = bench->state;
  rg_buffer buffer;
  double start = bench_now();
  bench_check(rg_buffer_create(bench->engine, &(rg_buffer_desc){.size = SIZE, .data = state->data},
                               &buffer),
              "rg_buffer_create");
  wait_all(bench);
  double seconds = bench_now() - start;
  bench_check(rg_buffer_destroy(bench->engine, buffer), "rg_buffer_destroy");
  wait_all(bench);
  rg_memory_trim(bench->engine);
  return seconds;
}

static double again_ours(bench *bench) {
  upload_state *state = bench->state;
  double start = bench_now();
  bench_check(rg_buffer_update(bench->engine, state->buffer, 0, state->data, SIZE),
              "rg_buffer_update");
  wait_all(bench);
  return bench_now() - start;
}

static double raw_copy(bench *bench, VkBuffer target) {
  upload_state *state = bench->state;
  double start = bench_now();
  bench_commands_begin(&state->commands);
  VkBufferCopy region = {.size = SIZE};
  vkCmdCopyBuffer(state->commands.buffer, state->source.buffer, target, 1, &region);
  bench_commands_run(bench, &state->commands);
  return bench_now() - start;
}

static double again_baseline(bench *bench) {
  upload_state *state = bench->state;
  double start = bench_now();
  memcpy(state->source.mapped, state->data, SIZE);
  double copied = bench_now() - start;
  double raw = raw_copy(bench, state->target.buffer);
  return copied < raw ? copied : raw;
}

/* New memory each time: the first touch of its pages counts for both. */
static double first_baseline(bench *bench) {
  upload_state *state = bench->state;
  double start = bench_now();
  bench_buffer fresh = bench_buffer_create(bench, SIZE, VK_BUFFER_USAGE_TRANSFER_SRC_BIT,
                                           VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT);
  memcpy(fresh.mapped, state->data, SIZE);
  double copied = bench_now() - start;
  bench_buffer_destroy(bench, &fresh);
  start = bench_now();
  bench_buffer target = bench_buffer_create(bench, SIZE, VK_BUFFER_USAGE_TRANSFER_DST_BIT,
                                            VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT);
  double created = bench_now() - start;
  double raw = created + raw_copy(bench, target.buffer);
  bench_buffer_destroy(bench, &target);
  return copied < raw ? copied : raw;
}

const bench_measure bench_upload_measures[] = {
    {.name = "upload_256m_first",
     .unit = "ms",
     .goal = 1.10,
     .setup = upload_setup,
     .ours = first_ours,
     .baseline = first_baseline,
     .teardown = upload_teardown},
    {.name = "upload_256m_again",
     .unit = "ms",
     .goal = 1.10,
     .setup = upload_setup,
     .ours = again_ours,
     .baseline = again_baseline,
     .teardown = upload_teardown},
    {0},
};
