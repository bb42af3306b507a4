/* Lines of a trace, gathered and written out by the thousand under the trace's own lock. */
#include "memory_trace.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "gpu.h"

#define LINES_SIZE (64u << 10) /* bytes gathered before they are written */
#define LINE_MAX_SIZE 192u

const char *const memory_trace_kind_names[MEMORY_TRACE_KINDS] = {"linear", "optimal", "shared"};

void memory_trace_init(memory_trace *self, host_memory *memory) {
  self->memory = memory;
  mutex_init(&self->lock);
}

/* ---- Lines, under the lock ----------------------------------------------------------------- */

/* The message is kept for memory_record_end, which may run on another thread. */
static void fail(memory_trace *self, rg_result result) {
  self->failure = result;
  snprintf(self->failure_message, sizeof self->failure_message, "%s", rg_error());
}

static void write_out(memory_trace *self) {
  if (self->failure == RG_OK && self->length > 0) {
    rg_result result = file_writer_write(&self->writer, self->lines, self->length);
    if (result != RG_OK) {
      fail(self, result);
    }
  }
  self->length = 0;
}

/* Room for one more line. */
static char *line_begin(memory_trace *self) {
  if (LINES_SIZE - self->length < LINE_MAX_SIZE) {
    write_out(self);
  }
  return self->lines + self->length;
}

static void line_end(memory_trace *self, int length) {
  self->length += length > 0 ? (size_t)length : 0;
}

/* ---- Events -------------------------------------------------------------------------------- */

/* What tells live ranges apart. */
typedef struct trace_key {
  uint64_t memory, offset;
} trace_key;

static trace_key key_of(const memory_range *range) {
  return (trace_key){(uint64_t)range->memory, range->offset};
}

void memory_trace_write_alloc(memory_trace *self, const memory_range *range, uint64_t size,
                              uint64_t alignment, memory_trace_kind kind) {
  uint32_t thread = thread_index();
  trace_key key = key_of(range);
  mutex_lock(&self->lock);
  if (self->lines != NULL && self->failure == RG_OK) {
    uint64_t id = self->next_id;
    rg_result result = hash_map_set(&self->ids, &key, sizeof key, (void *)(uintptr_t)id);
    if (result == RG_OK) {
      self->next_id++;
      line_end(self, snprintf(line_begin(self), LINE_MAX_SIZE,
                              "a %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu32 " %s %" PRIu32
                              " %" PRIu64 "\n",
                              id, size, alignment, range->type, memory_trace_kind_names[kind],
                              thread, time_now_ns() - self->begun_at_ns));
    } else {
      fail(self, result);
    }
  }
  mutex_unlock(&self->lock);
}

void memory_trace_write_free(memory_trace *self, const memory_range *range) {
  uint32_t thread = thread_index();
  trace_key key = key_of(range);
  mutex_lock(&self->lock);
  if (self->lines != NULL && self->failure == RG_OK) {
    void *id = hash_map_remove(&self->ids, &key, sizeof key);
    if (id != NULL) {
      line_end(self,
               snprintf(line_begin(self), LINE_MAX_SIZE, "f %" PRIu64 " %" PRIu32 " %" PRIu64 "\n",
                        (uint64_t)(uintptr_t)id, thread, time_now_ns() - self->begun_at_ns));
    }
  }
  mutex_unlock(&self->lock);
}

/* ---- Beginning and ending ------------------------------------------------------------------ */

static rg_result begin(memory_trace *self, const char *file) {
  if (self->lines != NULL) {
    return result_set(RG_ERROR_INVALID_ARGUMENT,
                      "memory trace '%s': '%s' is being recorded already", file, self->writer.path);
  }
  char *lines = host_alloc(self->memory, LINES_SIZE);
  if (lines == NULL) {
    return result_no_memory("memory trace", LINES_SIZE);
  }
  rg_result result = file_writer_begin(&self->writer, self->memory, file);
  if (result != RG_OK) {
    host_free(self->memory, lines, LINES_SIZE);
    return result;
  }
  self->lines = lines;
  self->failure = RG_OK;
  self->next_id = 1;
  self->begun_at_ns = time_now_ns();
  hash_map_init(&self->ids, self->memory);
  self->length = (size_t)snprintf(lines, LINES_SIZE, "%s\n", MEMORY_TRACE_TITLE);
  atomic_store_explicit(&self->is_recording, true, memory_order_release);
  return RG_OK;
}

static rg_result end(memory_trace *self) {
  if (self->lines == NULL) {
    return result_set(RG_ERROR_INVALID_ARGUMENT, "memory trace: none is being recorded");
  }
  atomic_store_explicit(&self->is_recording, false, memory_order_relaxed);
  write_out(self);
  hash_map_finish(&self->ids);
  host_free(self->memory, self->lines, LINES_SIZE);
  self->lines = NULL;
  if (self->failure == RG_OK) {
    return file_writer_commit(&self->writer);
  }
  file_writer_abort(&self->writer);
  return result_set(self->failure, "memory trace: %s", self->failure_message);
}

void memory_trace_finish(memory_trace *self) {
  if (self->lines != NULL) {
    rg_result ignored = end(self);
    (void)ignored;
  }
  mutex_finish(&self->lock);
}

rg_result rg_memory_record_begin(rg_engine *engine, const char *file) {
  RESOURCE_REQUIRE(engine);
  RESOURCE_REQUIRE(file);
  memory_trace *self = &gpu_of(engine)->trace;
  mutex_lock(&self->lock);
  rg_result result = begin(self, file);
  mutex_unlock(&self->lock);
  return result;
}

rg_result rg_memory_record_end(rg_engine *engine) {
  RESOURCE_REQUIRE(engine);
  memory_trace *self = &gpu_of(engine)->trace;
  mutex_lock(&self->lock);
  rg_result result = end(self);
  mutex_unlock(&self->lock);
  return result;
}
