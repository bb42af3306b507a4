/* What the files of the arenas share. Every arena is a plain allocator over the whole span in which
 * the chunks of others count as taken; so a chunk is moved by taking it in one arena and freeing it
 * in another, where it joins the holes beside it. */
#ifndef RG_BASE_RANGE_ARENAS_INTERNAL_H
#define RG_BASE_RANGE_ARENAS_INTERNAL_H

#include "range_arenas.h"
#include "range_internal.h"
#include "thread.h"

#define CHUNK_MAX 64 /* in a span */
#define HOME_COUNT (THREAD_INDEX_COUNT + 1)

typedef struct range_arena {
  mutex lock; /* the last to be taken: no other is while one is held, but by lock_all */
  range_allocator *ranges;     /* NULL before its first use */
  uint32_t foreign[CHUNK_MAX]; /* the node of each chunk that another arena has, or 0 */
} range_arena;

/* By thread index: only the thread itself changes it, but for the last, which the threads beyond
 * THREAD_INDEX_COUNT share. */
typedef struct thread_home {
  _Atomic bool is_used;
  _Atomic uint32_t arena;
  _Atomic uint32_t meetings; /* with other threads, since it moved */
} thread_home;

struct range_arenas {
  host_memory *memory;
  uint64_t size;
  uint64_t large_size; /* as its arenas' */
  uint32_t chunk_shift, chunk_count, arena_count;
  /* Held while chunks move, or to see all arenas at once; taken before any arena's lock. */
  mutex exchange;
  _Atomic bool is_scarce; /* no arena has many free chunks in a row */
  thread_home homes[HOME_COUNT];
  range_arena arenas[RANGE_ARENAS_MAX];
};

static inline uint64_t chunk_start(const range_arenas *self, uint32_t chunk) {
  return (uint64_t)chunk << self->chunk_shift;
}

static inline uint64_t chunk_end(const range_arenas *self, uint32_t chunk) {
  return chunk + 1 == self->chunk_count ? self->size : chunk_start(self, chunk + 1);
}

static inline range_arenas_id arena_id(uint32_t index, range_id id) {
  return (uint64_t)index << 32 | id;
}

/* ---- range_arenas_chunks.c ---- */

/* Sets size, number and bounds of chunks from the span's size. */
void chunks_init(range_arenas *self);
/* Makes an arena that has all chunks, or none. Leaves it without ranges on failure. */
RG_NODISCARD rg_result arena_make(const range_arenas *self, range_arena *made, bool owns_all);
/* Under the exchange lock, and no arena's: brings an arena half of the longest run of free chunks
 * that any other has. False where there are none. */
bool chunks_fetch(range_arenas *self, uint32_t to);
/* The same, every free chunk, so that they join. */
bool chunks_gather(range_arenas *self, uint32_t to);

#endif
