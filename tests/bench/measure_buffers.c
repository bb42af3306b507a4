/* buffer_create, buffer_destroy: 10,000 small buffers, against a VkBuffer and a VkDeviceMemory each
 * where VkBuffers are shared, and against a VkBuffer bound at the next place where they are not.
 *
 * The raw loop has two costs. In a process that starts, every allocation of a software driver is a
 * fault of fresh pages, and of a hardware driver a call of the kernel; in one that has grown by the
 * same amount before, malloc hands out what was freed. So each is measured twice: as the first
 * 10,000 buffers of a process, which is what a program pays as it loads (no suffix), and again in
 * rounds that create and destroy them (_again). Ours pays for its slabs and handle tables in both.
 */
#define _POSIX_C_SOURCE 200809L

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

#define COUNT 10000
#define SIZE 4096
#define SIZE_TINY 64
#define OVERHEAD_NS 60 /* that ours may have over a VkBuffer bound at the next place */

typedef struct raw_buffer {
  VkBuffer buffer;
  VkDeviceMemory memory; /* null where it lies in the block */
} raw_buffer;

typedef struct small_buffers {
  rg_buffer *ours;
  raw_buffer raw[COUNT];
  VkDeviceMemory block; /* that raw buffers are bound in, one behind the other */
  VkMemoryRequirements needs;
  uint32_t memory_type;
  bench_buffer mapped; /* COUNT * SIZE bytes */
  unsigned char *data;
  double create, destroy; /* seconds of the last round */
} small_buffers;

static VkBuffer raw_create(bench *bench) {
  VkBuffer buffer = VK_NULL_HANDLE;
  VkBufferCreateInfo info = {.sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
                             .size = SIZE,
                             .usage = VK_BUFFER_USAGE_STORAGE_BUFFER_BIT |
                                      VK_BUFFER_USAGE_TRANSFER_SRC_BIT |
                                      VK_BUFFER_USAGE_TRANSFER_DST_BIT};
  bench_check_vk(vkCreateBuffer(bench->vk.device, &info, NULL, &buffer), "vkCreateBuffer");
  return buffer;
}

static bool buffers_setup(bench *bench) {
  small_buffers *state = bench_alloc(sizeof *state);
  memset(state, 0, sizeof *state);
  uint64_t count = bench->measure->parameter == 0 ? COUNT : bench->measure->parameter;
  state->ours = bench_alloc(count * sizeof *state->ours);
  VkBuffer probe = raw_create(bench);
  vkGetBufferMemoryRequirements(bench->vk.device, probe, &state->needs);
  vkDestroyBuffer(bench->vk.device, probe, NULL);
  state->memory_type =
      bench_memory_type(bench, state->needs.memoryTypeBits, VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT);
  bench->state = state;
  bench->count = count;
  return true;
}

static bool data_setup(bench *bench) {
  buffers_setup(bench);
  small_buffers *state = bench->state;
  state->data = bench_alloc(SIZE);
  state->mapped =
      bench_buffer_create(bench, (uint64_t)COUNT * SIZE, VK_BUFFER_USAGE_STORAGE_BUFFER_BIT,
                          VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT);
  memset(state->mapped.mapped, 1, (size_t)COUNT * SIZE);
  return true;
}

static void buffers_teardown(bench *bench) {
  small_buffers *state = bench->state;
  if (state->mapped.buffer) {
    bench_buffer_destroy(bench, &state->mapped);
  }
  vkFreeMemory(bench->vk.device, state->block, NULL);
  free(state->data);
  free(state->ours);
  free(state);
}

/* ---- Ours ---------------------------------------------------------------------------------- */

static double create_all(bench *bench, rg_buffer *buffers, uint64_t count,
                         const rg_buffer_desc *desc) {
  double start = bench_now();
  for (uint64_t i = 0; i < count; i++) {
    bench_check(rg_buffer_create(bench->engine, desc, &buffers[i]), "rg_buffer_create");
  }
  return bench_now() - start;
}

static double destroy_all(bench *bench, const rg_buffer *buffers, uint64_t count) {
  double start = bench_now();
  for (uint64_t i = 0; i < count; i++) {
    bench_check(rg_buffer_destroy(bench->engine, buffers[i]), "rg_buffer_destroy");
  }
  bench_check(rg_collect(bench->engine), "rg_collect");
  return bench_now() - start;
}

/* One round: create all, destroy all, give their memory back. */
static void round_ours(bench *bench, const rg_buffer_desc *desc) {
  small_buffers *state = bench->state;
  state->create = create_all(bench, state->ours, COUNT, desc);
  state->destroy = destroy_all(bench, state->ours, COUNT);
}

static double create_ours(bench *bench) {
  round_ours(bench, &(rg_buffer_desc){.size = SIZE});
  return ((small_buffers *)bench->state)->create;
}

static double destroy_ours(bench *bench) {
  round_ours(bench, &(rg_buffer_desc){.size = SIZE});
  return ((small_buffers *)bench->state)->destroy;
}

static double create_own_ours(bench *bench) {
  round_ours(bench, &(rg_buffer_desc){.size = SIZE, .own_vk_buffer = true});
  return ((small_buffers *)bench->state)->create;
}

static double destroy_own_ours(bench *bench) {
  round_ours(bench, &(rg_buffer_desc){.size = SIZE, .own_vk_buffer = true});
  return ((small_buffers *)bench->state)->destroy;
}

/* ---- Raw Vulkan: what can be asked once is asked once -------------------------------------- */

static VkDeviceMemory raw_allocate(bench *bench, uint64_t size) {
  const small_buffers *state = bench->state;
  VkDeviceMemory memory = VK_NULL_HANDLE;
  VkMemoryAllocateInfo info = {.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
                               .allocationSize = size,
                               .memoryTypeIndex = state->memory_type};
  bench_check_vk(vkAllocateMemory(bench->vk.device, &info, NULL, &memory), "vkAllocateMemory");
  return memory;
}

static void round_raw(bench *bench) {
  small_buffers *state = bench->state;
  double start = bench_now();
  for (int i = 0; i < COUNT; i++) {
    raw_buffer *raw = &state->raw[i];
    raw->buffer = raw_create(bench);
    raw->memory = raw_allocate(bench, state->needs.size);
    bench_check_vk(vkBindBufferMemory(bench->vk.device, raw->buffer, raw->memory, 0),
                   "vkBindBufferMemory");
  }
  double middle = bench_now();
  for (int i = 0; i < COUNT; i++) {
    vkDestroyBuffer(bench->vk.device, state->raw[i].buffer, NULL);
    vkFreeMemory(bench->vk.device, state->raw[i].memory, NULL);
  }
  state->destroy = bench_now() - middle;
  state->create = middle - start;
}

/* A VkBuffer each in one block of memory, made before, and the overhead that ours may have. */
static void round_bump(bench *bench) {
  small_buffers *state = bench->state;
  uint64_t step = (state->needs.size + state->needs.alignment - 1) / state->needs.alignment *
                  state->needs.alignment;
  if (!state->block) {
    state->block = raw_allocate(bench, COUNT * step);
  }
  double start = bench_now();
  for (uint64_t i = 0; i < COUNT; i++) {
    state->raw[i].buffer = raw_create(bench);
    bench_check_vk(
        vkBindBufferMemory(bench->vk.device, state->raw[i].buffer, state->block, i * step),
        "vkBindBufferMemory");
  }
  double middle = bench_now();
  for (uint64_t i = 0; i < COUNT; i++) {
    vkDestroyBuffer(bench->vk.device, state->raw[i].buffer, NULL);
  }
  state->destroy = bench_now() - middle + COUNT * OVERHEAD_NS / 1e9;
  state->create = middle - start + COUNT * OVERHEAD_NS / 1e9;
}

static double create_raw(bench *bench) {
  round_raw(bench);
  return ((small_buffers *)bench->state)->create;
}

static double destroy_raw(bench *bench) {
  round_raw(bench);
  return ((small_buffers *)bench->state)->destroy;
}

static double create_bump(bench *bench) {
  round_bump(bench);
  return ((small_buffers *)bench->state)->create;
}

static double destroy_bump(bench *bench) {
  round_bump(bench);
  return ((small_buffers *)bench->state)->destroy;
}

/* ---- With data ----------------------------------------------------------------------------- */

static double create_data_ours(bench *bench) {
  small_buffers *state = bench->state;
  double start = bench_now();
  create_all(bench, state->ours, COUNT, &(rg_buffer_desc){.size = SIZE, .data = state->data});
  rg_ticket ticket;
  bench_check(rg_flush(bench->engine, &ticket), "rg_flush");
  bench_check(rg_ticket_wait(bench->engine, ticket, UINT64_MAX), "rg_ticket_wait");
  double seconds = bench_now() - start;
  destroy_all(bench, state->ours, COUNT);
  return seconds;
}

static double create_data_baseline(bench *bench) {
  small_buffers *state = bench->state;
  double start = bench_now();
  for (int i = 0; i < COUNT; i++) {
    memcpy((char *)state->mapped.mapped + (size_t)i * SIZE, state->data, SIZE);
  }
  return bench_now() - start;
}

/* ---- A million ----------------------------------------------------------------------------- */

/* The baseline is the same with 1,000 buffers, in a process of its own, too; times 1,000. */
#define FEW 1000

static const rg_buffer_desc tiny = {.size = SIZE_TINY, .type = RG_BUFFER_VERTEX};

static void round_tiny(bench *bench, uint64_t count) {
  small_buffers *state = bench->state;
  state->create =
      create_all(bench, state->ours, count, &tiny) * (double)bench->count / (double)count;
  state->destroy = destroy_all(bench, state->ours, count) * (double)bench->count / (double)count;
}

static double create_million(bench *bench) {
  round_tiny(bench, bench->count);
  return ((small_buffers *)bench->state)->create;
}

static double destroy_million(bench *bench) {
  round_tiny(bench, bench->count);
  return ((small_buffers *)bench->state)->destroy;
}

static double create_few(bench *bench) {
  round_tiny(bench, FEW);
  return ((small_buffers *)bench->state)->create;
}

static double destroy_few(bench *bench) {
  round_tiny(bench, FEW);
  return ((small_buffers *)bench->state)->destroy;
}

/* ---- Two threads --------------------------------------------------------------------------- */

#define ROUNDS 20

typedef struct worker {
  bench *bench;
  rg_buffer buffers[FEW];
  double seconds;
} worker;

static void *work(void *user) {
  worker *self = user;
  double start = bench_now();
  for (int i = 0; i < ROUNDS; i++) {
    create_all(self->bench, self->buffers, FEW, &(rg_buffer_desc){.size = SIZE});
    destroy_all(self->bench, self->buffers, FEW);
  }
  self->seconds = bench_now() - start;
  return NULL;
}

static double one_thread(bench *bench) {
  worker worker = {.bench = bench};
  work(&worker);
  return worker.seconds;
}

/* Seconds of the slower of two threads that each do all of it. */
static double two_threads(bench *bench) {
  worker workers[2] = {{.bench = bench}, {.bench = bench}};
  pthread_t threads[2];
  for (int i = 0; i < 2; i++) {
    if (pthread_create(&threads[i], NULL, work, &workers[i]) != 0) {
      bench_check(RG_ERROR_OUT_OF_HOST_MEMORY, "thread");
    }
  }
  for (int i = 0; i < 2; i++) {
    pthread_join(threads[i], NULL);
  }
  return workers[0].seconds > workers[1].seconds ? workers[0].seconds : workers[1].seconds;
}

static bool threads_setup(bench *bench) {
  buffers_setup(bench);
  bench->count = FEW * ROUNDS;
  return true;
}

#define MEASURE(name_, goal_, ours_, baseline_, ...)                                  \
  {                                                                                   \
    .name = name_, .unit = "ns", .goal = goal_, .ours = ours_, .baseline = baseline_, \
    .teardown = buffers_teardown, __VA_ARGS__                                         \
  }
#define FIRST .setup = buffers_setup, .is_first = true
#define AGAIN .setup = buffers_setup
#define MILLION .setup = buffers_setup, .parameter = 1000000, .is_first = true

const bench_measure bench_buffer_measures[] = {
    MEASURE("buffer_create_small", 0.05, create_ours, create_raw, FIRST),
    MEASURE("buffer_destroy_small", 0.05, destroy_ours, destroy_raw, FIRST),
    MEASURE("buffer_create_small_again", 0.05, create_ours, create_raw, AGAIN),
    MEASURE("buffer_destroy_small_again", 0.05, destroy_ours, destroy_raw, AGAIN),
    MEASURE("buffer_create_own", 1, create_own_ours, create_bump, AGAIN),
    MEASURE("buffer_destroy_own", 1, destroy_own_ours, destroy_bump, AGAIN),
    MEASURE("buffer_create_data", 2.0, create_data_ours, create_data_baseline, .setup = data_setup),
    MEASURE("buffer_create_1m", 2.0, create_million, create_few, MILLION),
    MEASURE("buffer_destroy_1m", 2.0, destroy_million, destroy_few, MILLION),
    MEASURE("buffer_create_2_threads", 1.11, two_threads, one_thread, .setup = threads_setup),
    {0},
};
