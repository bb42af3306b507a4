/* Chunks of the span and how they move between arenas: whole, and only while nothing is in them. */
#include "range_arenas_internal.h"
#include "result.h"

#define CHUNK_SHIFT_MIN 16

/* Room becomes scarce when the longest run of free chunks is less than this part of all. */
#define SCARCE_RUN 8

void chunks_init(range_arenas *self) {
  const uint32_t bits = self->size == 1 ? 0 : 64u - (uint32_t)__builtin_clzll(self->size - 1);
  self->chunk_shift = bits > CHUNK_SHIFT_MIN + 6 ? bits - 6 : CHUNK_SHIFT_MIN;
  self->chunk_count = (uint32_t)(self->size >> self->chunk_shift);
  self->chunk_count += self->chunk_count == 0;
}

/* Takes a chunk out of the hole that holds it; what is left below stays that hole. */
static rg_result chunk_take(const range_arenas *self, range_arena *from, uint32_t hole,
                            uint32_t chunk) {
  rg_result result = RG_OK;
  RG_TRY(nodes_reserve(from->ranges));
  const uint64_t start = chunk_start(self, chunk), size = chunk_end(self, chunk) - start;
  const uint32_t node = nodes_take(from->ranges, hole, start, size);
  from->ranges->nodes[node].list_prev = NODE_FOREIGN;
  from->ranges->owned -= size;
  from->foreign[chunk] = node;
fail:
  return result;
}

static void chunk_give(const range_arenas *self, range_arena *to, uint32_t chunk) {
  to->ranges->owned += chunk_end(self, chunk) - chunk_start(self, chunk);
  nodes_give(to->ranges, to->foreign[chunk]);
  to->foreign[chunk] = 0;
}

/* Whole chunks within one hole. */
typedef struct chunk_run {
  uint32_t hole, first, end;
} chunk_run;

static chunk_run run_in_hole(const range_arenas *self, const range_arena *from, uint32_t hole) {
  const range_node *nodes = from->ranges->nodes;
  const uint64_t start = nodes[hole].offset, end = nodes[nodes[hole].next].offset;
  const uint64_t first = (start + chunk_start(self, 1) - 1) >> self->chunk_shift;
  const uint64_t last = end == self->size ? self->chunk_count : end >> self->chunk_shift;
  return (chunk_run){hole, (uint32_t)first, (uint32_t)(last > first ? last : first)};
}

/* The longest run. There are not many holes that could hold a chunk. */
static chunk_run run_find(const range_arenas *self, const range_arena *from) {
  const range_allocator *ranges = from->ranges;
  uint32_t index = class_floor(chunk_end(self, 0));
  chunk_run best = {0};
  for (; index < ranges->list_classes; index++) {
    for (uint64_t regions = ranges->class_regions[index]; regions != 0; regions &= regions - 1) {
      uint32_t hole = *hole_list(ranges, index, __builtin_ctzll(regions));
      for (; hole != 0; hole = ranges->nodes[hole].list_next) {
        const chunk_run run = run_in_hole(self, from, hole);
        best = run.end - run.first > best.end - best.first ? run : best;
      }
    }
  }
  return best;
}

static uint32_t run_length(range_arenas *self, range_arena *from) {
  mutex_lock(&from->lock);
  const chunk_run run = from->ranges == NULL ? (chunk_run){0} : run_find(self, from);
  mutex_unlock(&from->lock);
  return run.end - run.first;
}

/* Moves up to `count` chunks from the start of an arena's longest run, fewer where they or host
 * memory have gone. Under the exchange lock. */
static uint32_t chunks_move(range_arenas *self, range_arena *from, range_arena *to,
                            uint32_t count) {
  mutex_lock(&from->lock);
  chunk_run run = run_find(self, from);
  run.end = run.end - run.first > count ? run.first + count : run.end;
  uint32_t first = run.end;
  while (first > run.first && chunk_take(self, from, run.hole, first - 1) == RG_OK) {
    first--;
  }
  mutex_unlock(&from->lock);
  mutex_lock(&to->lock);
  for (uint32_t chunk = first; chunk < run.end; chunk++) {
    chunk_give(self, to, chunk);
  }
  mutex_unlock(&to->lock);
  return run.end - first;
}

rg_result arena_make(const range_arenas *self, range_arena *made, bool owns_all) {
  rg_result result = RG_ERROR_OUT_OF_HOST_MEMORY;
  made->ranges = range_create(self->memory, self->size);
  if (made->ranges == NULL) {
    return result;
  }
  const uint32_t hole = made->ranges->nodes[0].next;
  for (uint32_t chunk = owns_all ? 0 : self->chunk_count; chunk > 0; chunk--) {
    RG_TRY(chunk_take(self, made, hole, chunk - 1));
  }
  return RG_OK;
fail:
  range_destroy(made->ranges);
  made->ranges = NULL;
  return result;
}

bool chunks_fetch(range_arenas *self, uint32_t to) {
  uint32_t longest = 0, from = to;
  for (uint32_t i = 0; i < self->arena_count; i++) {
    const uint32_t length = i == to ? 0 : run_length(self, &self->arenas[i]);
    if (length > longest) {
      longest = length;
      from = i;
    }
  }
  atomic_store_explicit(&self->is_scarce, longest < self->chunk_count / SCARCE_RUN,
                        memory_order_relaxed);
  return from != to &&
         chunks_move(self, &self->arenas[from], &self->arenas[to], (longest + 1) / 2) != 0;
}

bool chunks_gather(range_arenas *self, uint32_t to) {
  bool found = false;
  for (uint32_t i = 0; i < self->arena_count; i++) {
    range_arena *from = &self->arenas[i];
    while (i != to && run_length(self, from) != 0 &&
           chunks_move(self, from, &self->arenas[to], CHUNK_MAX) != 0) {
      found = true;
    }
  }
  return found;
}
