/* Replays a trace of allocations: the same sizes in the same order, through this engine's pools. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "gpu.h"

#define MAX_ALIGNMENT (UINT64_C(1) << 30)

/* ---- Reading lines ------------------------------------------------------------------------- */

typedef struct reader {
  const char *at, *end;
  uint32_t line; /* the present one, from 1 */
} reader;

static rg_result refuse(const reader *self, const char *wanted) {
  return result_set(RG_ERROR_FORMAT, "memory trace, line %" PRIu32 ": %s", self->line, wanted);
}

/* A decimal number and the one byte behind it. */
static bool read_uint(reader *self, char behind, uint64_t *out) {
  const char *begin = self->at;
  uint64_t value = 0;
  while (self->at < self->end && *self->at >= '0' && *self->at <= '9') {
    uint64_t digit = (uint64_t)(*self->at++ - '0');
    if (value > (UINT64_MAX - digit) / 10) {
      return false;
    }
    value = value * 10 + digit;
  }
  *out = value;
  return self->at > begin && self->at < self->end && *self->at++ == behind;
}

/* The text itself. */
static bool read_word(reader *self, const char *word) {
  size_t length = strlen(word);
  if ((size_t)(self->end - self->at) < length || memcmp(self->at, word, length) != 0) {
    return false;
  }
  self->at += length;
  return true;
}

static bool read_kind(reader *self, memory_trace_kind *out) {
  for (uint32_t kind = 0; kind < MEMORY_TRACE_KINDS; kind++) {
    if (read_word(self, memory_trace_kind_names[kind]) && read_word(self, " ")) {
      *out = (memory_trace_kind)kind;
      return true;
    }
  }
  return false;
}

typedef struct event {
  bool is_alloc;
  uint64_t id, size, alignment, type, thread, time_ns;
  memory_trace_kind kind;
} event;

static rg_result check_event(const reader *self, const event *event) {
  if (event->thread > THREAD_INDEX_COUNT) {
    return refuse(self, "the thread is not from 0 to 64");
  }
  if (!event->is_alloc) {
    return RG_OK;
  }
  if (event->size == 0 || event->size > RANGE_MAX_SIZE) {
    return refuse(self, "the size is not from 1 to 2^62 bytes");
  }
  if (event->alignment == 0 || (event->alignment & (event->alignment - 1)) != 0 ||
      event->alignment > MAX_ALIGNMENT) {
    return refuse(self, "the alignment is no power of two up to 2^30");
  }
  return event->type < VK_MAX_MEMORY_TYPES ? RG_OK
                                           : refuse(self, "the memory type is not from 0 to 31");
}

/* Reads the next line. */
static rg_result read_event(reader *self, event *out) {
  bool is_read = false;
  *out = (event){0};
  self->line++;
  if (read_word(self, "a ")) {
    out->is_alloc = true;
    is_read = read_uint(self, ' ', &out->id) && read_uint(self, ' ', &out->size) &&
              read_uint(self, ' ', &out->alignment) && read_uint(self, ' ', &out->type) &&
              read_kind(self, &out->kind) && read_uint(self, ' ', &out->thread) &&
              read_uint(self, '\n', &out->time_ns);
  } else if (read_word(self, "f ")) {
    is_read = read_uint(self, ' ', &out->id) && read_uint(self, ' ', &out->thread) &&
              read_uint(self, '\n', &out->time_ns);
  }
  return is_read ? check_event(self, out)
                 : refuse(self,
                          "neither 'a ID SIZE ALIGNMENT TYPE TILING THREAD NS' nor "
                          "'f ID THREAD NS' with a newline behind it");
}

static rg_result read_title(reader *self) {
  self->line = 1;
  return read_word(self, MEMORY_TRACE_TITLE "\n")
             ? RG_OK
             : refuse(self, "'" MEMORY_TRACE_TITLE "' is wanted");
}

/* ---- Checking, before anything is allocated ------------------------------------------------ */

/* Numbers must begin before they end, and only once at a time. */
static rg_result check_order(const reader *self, hash_map *live, const event *event) {
  if (!event->is_alloc) {
    return hash_map_remove(live, &event->id, sizeof event->id) != NULL
               ? RG_OK
               : refuse(self, "frees a number that is not allocated");
  }
  if (hash_map_get(live, &event->id, sizeof event->id) != NULL) {
    return refuse(self, "allocates a number that is allocated already");
  }
  return hash_map_set(live, &event->id, sizeof event->id, live);
}

static rg_result check_trace(gpu *gpu, const char *text, size_t length, uint64_t *threads) {
  rg_result result = RG_OK;
  reader reader = {.at = text, .end = text + length};
  hash_map live;
  hash_map_init(&live, &gpu->host);
  RG_TRY(read_title(&reader));
  while (reader.at < reader.end) {
    event event;
    RG_TRY(read_event(&reader, &event));
    RG_TRY(check_order(&reader, &live, &event));
    *threads |= UINT64_C(1) << event.thread % THREAD_INDEX_COUNT;
  }
fail:
  hash_map_finish(&live);
  return result;
}

/* ---- Replaying ----------------------------------------------------------------------------- */

/* What stands for one allocation of the trace. */
typedef struct replayed {
  memory_range range;
  rg_buffer buffer; /* of a shared one, instead */
  uint64_t size;
} replayed;

typedef struct replay {
  gpu *gpu;
  hash_map live;
  rg_replay_stats stats;
  uint64_t used;
  uint64_t ns;
  uint64_t base_size; /* bytes of the engine's blocks before */
  uint32_t base_blocks;
} replay;

static rg_engine *engine_of(gpu *gpu) {
  return (rg_engine *)(void *)gpu;
}

static rg_result alloc_range(gpu *gpu, const event *event, replayed *out) {
  uint32_t type_count = gpu->device.memory_properties.memoryTypeCount;
  uint32_t type = event->type < type_count ? (uint32_t)event->type : 0;
  memory_request request = {
      .requirements = {.size = event->size,
                       .alignment = event->alignment,
                       .memoryTypeBits = 1u << type},
      .is_optimal = event->kind == MEMORY_TRACE_OPTIMAL,
      .label = "replay",
  };
  return memory_alloc(gpu, &request, &out->range);
}

static rg_result alloc_shared(gpu *gpu, const event *event, replayed *out) {
  rg_buffer_desc desc = {.size = event->size, .label = "replay"};
  return rg_buffer_create(engine_of(gpu), &desc, &out->buffer);
}

static rg_result release(gpu *gpu, replayed *self) {
  rg_result result = self->buffer.id == 0 ? RG_OK : rg_buffer_destroy(engine_of(gpu), self->buffer);
  memory_free(gpu, &self->range);
  host_free(&gpu->host, self, sizeof *self);
  return result;
}

static void note_peaks(replay *self) {
  rg_memory_totals totals;
  rg_replay_stats *stats = &self->stats;
  rg_memory_get_totals(engine_of(self->gpu), VK_MAX_MEMORY_HEAPS, &totals);
  uint64_t size = totals.size < self->base_size ? 0 : totals.size - self->base_size;
  uint32_t blocks = atomic_load_explicit(&self->gpu->budget.allocation_count, memory_order_relaxed);
  stats->peak_used = self->used > stats->peak_used ? self->used : stats->peak_used;
  stats->peak_size = size > stats->peak_size ? size : stats->peak_size;
  blocks -= blocks < self->base_blocks ? blocks : self->base_blocks;
  stats->peak_blocks = blocks > stats->peak_blocks ? blocks : stats->peak_blocks;
}

/* A failed allocation is counted, and its free passed over; only want of host memory ends it. */
static rg_result replay_alloc(replay *self, const event *event) {
  gpu *gpu = self->gpu;
  replayed *made = host_calloc(&gpu->host, 1, sizeof *made);
  if (made == NULL) {
    return result_no_memory("a replayed allocation", sizeof *made);
  }
  made->size = event->size;
  uint64_t begun_at = time_now_ns();
  rg_result result = event->kind == MEMORY_TRACE_SHARED ? alloc_shared(gpu, event, made)
                                                        : alloc_range(gpu, event, made);
  self->ns += time_now_ns() - begun_at;
  if (result != RG_OK) {
    host_free(&gpu->host, made, sizeof *made);
    self->stats.failures++;
    return result == RG_ERROR_OUT_OF_HOST_MEMORY || result == RG_ERROR_DEVICE_LOST ? result : RG_OK;
  }
  result = hash_map_set(&self->live, &event->id, sizeof event->id, made);
  if (result != RG_OK) {
    rg_result ignored = release(gpu, made);
    (void)ignored;
    return result;
  }
  self->stats.allocations++;
  self->used += event->size;
  note_peaks(self);
  return RG_OK;
}

static rg_result replay_free(replay *self, const event *event) {
  replayed *made = hash_map_remove(&self->live, &event->id, sizeof event->id);
  if (made == NULL) {
    return RG_OK;
  }
  self->used -= made->size;
  self->stats.frees++;
  uint64_t begun_at = time_now_ns();
  rg_result result = release(self->gpu, made);
  self->ns += time_now_ns() - begun_at;
  return result;
}

static rg_result replay_all(replay *self, const char *text, size_t length) {
  rg_result result = RG_OK;
  reader reader = {.at = text, .end = text + length};
  RG_TRY(read_title(&reader));
  while (reader.at < reader.end) {
    event event;
    RG_TRY(read_event(&reader, &event));
    RG_TRY(event.is_alloc ? replay_alloc(self, &event) : replay_free(self, &event));
  }
fail:
  return result;
}

static void release_all(replay *self) {
  uint32_t cursor = 0;
  const hash_map_entry *entry = NULL;
  while ((entry = hash_map_next(&self->live, &cursor)) != NULL) {
    rg_result ignored = release(self->gpu, entry->value);
    (void)ignored;
  }
  hash_map_finish(&self->live);
}

static uint32_t count_bits(uint64_t bits) {
  uint32_t count = 0;
  for (; bits != 0; bits &= bits - 1) {
    count++;
  }
  return count;
}

rg_result rg_memory_replay(rg_engine *engine, const char *trace, size_t length,
                           rg_replay_stats *out) {
  RESOURCE_REQUIRE(out);
  *out = (rg_replay_stats){0};
  RESOURCE_REQUIRE(engine);
  RESOURCE_REQUIRE(trace);
  gpu *gpu = gpu_of(engine);
  uint64_t threads = 0;
  rg_result result = check_trace(gpu, trace, length, &threads);
  if (result != RG_OK) {
    return result;
  }
  rg_memory_totals before;
  rg_memory_get_totals(engine, VK_MAX_MEMORY_HEAPS, &before);
  replay self = {
      .gpu = gpu,
      .base_size = before.size,
      .base_blocks = atomic_load_explicit(&gpu->budget.allocation_count, memory_order_relaxed)};
  self.stats.threads = count_bits(threads);
  hash_map_init(&self.live, &gpu->host);
  result = replay_all(&self, trace, length);
  release_all(&self);
  self.stats.seconds = (double)self.ns / 1e9;
  if (result == RG_OK) {
    *out = self.stats;
  }
  return result;
}
