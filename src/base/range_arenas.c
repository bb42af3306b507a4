/* Arenas: which thread uses which, and where a request goes when that one is full. */
#include "range_arenas.h"

#include <assert.h>

#include "range_arenas_internal.h"
#include "result.h"

#define ARENAS_DEFAULT 8

/* A thread moves to another arena after meeting other threads so often: a split of the span costs
 * some room and is not worth a rare meeting. */
#define PATIENCE 4

#define SPINS 64

/* Room is scarce no longer once more than this part of the first arena's is free. */
#define PLENTY_PART 2

static void cpu_relax(void) {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#endif
}

typedef struct arena_request {
  uint64_t size, alignment;
} arena_request;

/* ---- Making and destroying ----------------------------------------------------------------- */

range_arenas *range_arenas_create(host_memory *memory, const range_arenas_desc *desc) {
  assert(desc->size >= 1 && desc->size <= RANGE_MAX_SIZE);
  assert(desc->arena_count <= RANGE_ARENAS_MAX);
  range_arenas *self = host_calloc(memory, 1, sizeof(*self));
  if (self == NULL) {
    result_message_no_memory("arenas of ranges", sizeof(*self));
    return NULL;
  }
  self->memory = memory;
  self->size = desc->size;
  self->arena_count = desc->arena_count == 0 ? ARENAS_DEFAULT : desc->arena_count;
  chunks_init(self);
  mutex_init(&self->exchange);
  for (uint32_t i = 0; i < self->arena_count; i++) {
    mutex_init(&self->arenas[i].lock);
  }
  if (arena_make(self, &self->arenas[0], true) != RG_OK) {
    range_arenas_destroy(self);
    return NULL;
  }
  self->large_size = self->arenas[0].ranges->large_size;
  return self;
}

void range_arenas_destroy(range_arenas *self) {
  if (self == NULL) {
    return;
  }
  for (uint32_t i = 0; i < self->arena_count; i++) {
    range_destroy(self->arenas[i].ranges);
    mutex_finish(&self->arenas[i].lock);
  }
  mutex_finish(&self->exchange);
  host_free(self->memory, self, sizeof(*self));
}

/* ---- Threads and their arenas -------------------------------------------------------------- */

static thread_home *home_find(range_arenas *self) {
  thread_home *home = &self->homes[thread_index()];
  if (!atomic_load_explicit(&home->is_used, memory_order_relaxed)) {
    atomic_store_explicit(&home->is_used, true, memory_order_relaxed);
  }
  return home;
}

/* The arena with the fewest threads, their own if that would be no relief. */
static uint32_t quietest(range_arenas *self, uint32_t own) {
  uint32_t threads[RANGE_ARENAS_MAX] = {0};
  for (uint32_t i = 0; i < HOME_COUNT; i++) {
    if (atomic_load_explicit(&self->homes[i].is_used, memory_order_relaxed)) {
      threads[atomic_load_explicit(&self->homes[i].arena, memory_order_relaxed)]++;
    }
  }
  uint32_t best = own;
  for (uint32_t i = 0; i < self->arena_count; i++) {
    const uint32_t least = best == own ? threads[own] - 1 : threads[best];
    best = i != own && threads[i] < least ? i : best;
  }
  return best;
}

/* One thread at a time, lest two that meet move to the same arena. Without memory for a new one the
 * thread stays. */
static void home_move(range_arenas *self, thread_home *home) {
  mutex_lock(&self->exchange);
  const uint32_t next = quietest(self, atomic_load_explicit(&home->arena, memory_order_relaxed));
  range_arena *chosen = &self->arenas[next];
  mutex_lock(&chosen->lock);
  if (chosen->ranges != NULL || arena_make(self, chosen, false) == RG_OK) {
    atomic_store_explicit(&home->arena, next, memory_order_relaxed);
  }
  mutex_unlock(&chosen->lock);
  atomic_store_explicit(&home->meetings, 0, memory_order_relaxed);
  mutex_unlock(&self->exchange);
}

/* Whoever holds an arena lets go within a microsecond, unless it sleeps: then so does this thread.
 */
static void lock_patiently(range_arena *chosen) {
  for (uint32_t i = 0; i < SPINS; i++) {
    if (mutex_try_lock(&chosen->lock)) {
      return;
    }
    cpu_relax();
  }
  mutex_lock(&chosen->lock);
}

/* Locks the thread's arena and returns its index. */
static uint32_t home_lock(range_arenas *self, thread_home *home) {
  uint32_t index = atomic_load_explicit(&home->arena, memory_order_relaxed);
  if (mutex_try_lock(&self->arenas[index].lock)) {
    return index;
  }
  if (atomic_fetch_add_explicit(&home->meetings, 1, memory_order_relaxed) >= PATIENCE) {
    home_move(self, home);
    index = atomic_load_explicit(&home->arena, memory_order_relaxed);
  }
  lock_patiently(&self->arenas[index]);
  return index;
}

/* Locks the arena for a request and returns its index. Where room is scarce, large ranges of all
 * threads go to the first arena, for they find none in parts of the span. */
static uint32_t place_lock(range_arenas *self, thread_home *home, uint64_t size) {
  if (size < self->large_size || !atomic_load_explicit(&self->is_scarce, memory_order_relaxed)) {
    return home_lock(self, home);
  }
  lock_patiently(&self->arenas[0]);
  const range_allocator *ranges = self->arenas[0].ranges;
  if (ranges->free_bytes > ranges->owned / PLENTY_PART) {
    atomic_store_explicit(&self->is_scarce, false, memory_order_relaxed);
  }
  return 0;
}

/* ---- Allocating ---------------------------------------------------------------------------- */

/* In one arena, which is locked. */
static rg_result alloc_in(range_arena *chosen, uint32_t index, const arena_request *want,
                          range_arenas_id *id, uint64_t *offset) {
  range_id own = RANGE_NONE;
  const rg_result result = range_alloc(chosen->ranges, want->size, want->alignment, &own, offset);
  if (result == RG_OK) {
    *id = arena_id(index, own);
  }
  return result;
}

static rg_result try_in(range_arenas *self, uint32_t index, const arena_request *want,
                        range_arenas_id *id, uint64_t *offset) {
  range_arena *chosen = &self->arenas[index];
  mutex_lock(&chosen->lock);
  const rg_result result = chosen->ranges == NULL ? RG_ERROR_OUT_OF_DEVICE_MEMORY
                                                  : alloc_in(chosen, index, want, id, offset);
  mutex_unlock(&chosen->lock);
  return result;
}

/* First the thread's arena grows; where it cannot, the thread goes to one that has room. Having
 * tried all, each has let go of its empty pages, so that no chunk is held back by one. */
static RG_NOINLINE rg_result alloc_slowly(range_arenas *self, thread_home *home, uint32_t index,
                                          const arena_request *want, range_arenas_id *id,
                                          uint64_t *offset) {
  rg_result result = RG_ERROR_OUT_OF_DEVICE_MEMORY;
  mutex_lock(&self->exchange);
  const bool has_grown = chunks_fetch(self, index);
  if (has_grown) {
    result = try_in(self, index, want, id, offset);
  }
  for (uint32_t i = 0; i < self->arena_count && result == RG_ERROR_OUT_OF_DEVICE_MEMORY; i++) {
    result = try_in(self, i, want, id, offset);
    if (result == RG_OK && !has_grown && want->size < self->large_size) {
      atomic_store_explicit(&home->arena, i, memory_order_relaxed);
    }
  }
  if (result == RG_ERROR_OUT_OF_DEVICE_MEMORY && chunks_gather(self, index)) {
    result = try_in(self, index, want, id, offset);
  }
  mutex_unlock(&self->exchange);
  return result;
}

rg_result range_arenas_alloc(range_arenas *self, uint64_t size, uint64_t alignment,
                             range_arenas_id *id, uint64_t *offset) {
  const arena_request want = {size, alignment};
  thread_home *home = home_find(self);
  const uint32_t index = place_lock(self, home, size);
  range_arena *chosen = &self->arenas[index];
  const rg_result result = alloc_in(chosen, index, &want, id, offset);
  mutex_unlock(&chosen->lock);
  return result == RG_ERROR_OUT_OF_DEVICE_MEMORY
             ? alloc_slowly(self, home, index, &want, id, offset)
             : result;
}

/* The arena of a range, locked; NULL where the id names none. */
static range_arena *arena_of(range_arenas *self, range_arenas_id id) {
  if (id >> 32 >= self->arena_count) {
    return NULL;
  }
  range_arena *chosen = &self->arenas[id >> 32];
  lock_patiently(chosen);
  if (chosen->ranges != NULL) {
    return chosen;
  }
  mutex_unlock(&chosen->lock);
  return NULL;
}

rg_result range_arenas_free(range_arenas *self, range_arenas_id id) {
  range_arena *chosen = arena_of(self, id);
  if (chosen == NULL) {
    return result_set(RG_ERROR_INVALID_ARGUMENT, "range: id %llu names no range in use",
                      (unsigned long long)id);
  }
  const rg_result result = range_free(chosen->ranges, (range_id)id);
  mutex_unlock(&chosen->lock);
  return result;
}

uint64_t range_arenas_offset(range_arenas *self, range_arenas_id id) {
  range_arena *chosen = arena_of(self, id);
  assert(chosen != NULL);
  const uint64_t offset = range_offset(chosen->ranges, (range_id)id);
  mutex_unlock(&chosen->lock);
  return offset;
}

uint64_t range_arenas_size(range_arenas *self, range_arenas_id id) {
  range_arena *chosen = arena_of(self, id);
  assert(chosen != NULL);
  const uint64_t size = range_size(chosen->ranges, (range_id)id);
  mutex_unlock(&chosen->lock);
  return size;
}
