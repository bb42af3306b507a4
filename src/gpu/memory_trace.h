/* The recorder of allocation traces: every range that is handed out and given back, a line each, to
 * a file that takes its name at the end. */
#ifndef RG_GPU_MEMORY_TRACE_H
#define RG_GPU_MEMORY_TRACE_H

#include "base/file.h"
#include "base/hash_map.h"
#include "memory.h"

struct gpu;

#define MEMORY_TRACE_TITLE "regolith-trace 1"

/* How a trace's lines call them: "linear", "optimal", "shared". */
typedef enum memory_trace_kind {
  MEMORY_TRACE_LINEAR,
  MEMORY_TRACE_OPTIMAL, /* images of optimal tiling */
  MEMORY_TRACE_SHARED,  /* a small buffer's part of a shared VkBuffer */
} memory_trace_kind;
#define MEMORY_TRACE_KINDS 3
extern const char *const memory_trace_kind_names[MEMORY_TRACE_KINDS];

typedef struct memory_trace {
  host_memory *memory;
  _Atomic bool is_recording;
  mutex lock; /* guards what follows */
  file_writer writer;
  hash_map ids;     /* from a live range's place to its number, for those seen to begin */
  uint64_t next_id; /* numbers count from 1 in each trace */
  uint64_t begun_at_ns;
  char *lines; /* not yet written; NULL while nothing is recorded */
  size_t length;
  rg_result failure; /* from the first that went wrong on, no more is written */
  char failure_message[256];
} memory_trace;

void memory_trace_init(memory_trace *self, host_memory *memory);
/* A trace that is still being recorded ends. */
void memory_trace_finish(memory_trace *self);

void memory_trace_write_alloc(memory_trace *self, const memory_range *range, uint64_t size,
                              uint64_t alignment, memory_trace_kind kind);
void memory_trace_write_free(memory_trace *self, const memory_range *range);

/* After a range was handed out. size, alignment: as asked for. One relaxed load where nothing is
 * recorded. Not for the memory of shared VkBuffers: the buffers in them are told instead. */
static inline void memory_trace_alloc(memory_trace *self, const memory_range *range, uint64_t size,
                                      uint64_t alignment, memory_trace_kind kind) {
  if (atomic_load_explicit(&self->is_recording, memory_order_relaxed)) {
    memory_trace_write_alloc(self, range, size, alignment, kind);
  }
}

/* Before a range is given back, so that the next owner of its place comes after in the trace. Only
 * memory and offset are read. Ranges that the trace did not see begin are passed over. */
static inline void memory_trace_free(memory_trace *self, const memory_range *range) {
  if (atomic_load_explicit(&self->is_recording, memory_order_relaxed)) {
    memory_trace_write_free(self, range);
  }
}

#endif
