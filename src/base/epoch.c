/* Cells claimed and left; what has passed is the least that any of them holds. */
#include "epoch.h"

#include "result.h"

#define CLAIM_CELL_BITS 24
#define CLAIM_CELL_MASK ((UINT64_C(1) << CLAIM_CELL_BITS) - 1)

/* The low bits of a cell's claims. Only who brought it from one state to the next may touch its
 * epoch, so a claim that has been left cannot end a newer one. */
typedef enum epoch_state {
  CELL_FREE = 0,
  CELL_CLAIMED = 1,
  CELL_LEAVING = 2,
  CELL_STATES = 4, /* a step of claims */
} epoch_state;

void epochs_init(epochs *self, host_memory *memory) {
  self->memory = memory;
  mutex_init(&self->lock);
}

void epochs_finish(epochs *self) {
  epoch_chunk *chunk = atomic_load(&self->first.next);
  while (chunk != NULL) {
    epoch_chunk *next = atomic_load(&chunk->next);
    host_free(self->memory, chunk, sizeof *chunk);
    chunk = next;
  }
  atomic_store(&self->first.next, NULL);
  mutex_finish(&self->lock);
}

/* ---- Cells --------------------------------------------------------------------------------- */

/* NULL where there is none yet. */
static epoch_cell *cell_at(const epochs *self, uint32_t number) {
  const epoch_chunk *chunk = &self->first;
  for (; number >= EPOCH_CELLS && chunk != NULL; number -= EPOCH_CELLS) {
    chunk = atomic_load(&chunk->next);
  }
  return chunk == NULL ? NULL : (epoch_cell *)&chunk->cells[number];
}

/* The cell of that number, with whatever memory it takes; NULL when there is none to be had. */
static epoch_cell *cell_make(epochs *self, uint32_t number) {
  epoch_cell *cell = cell_at(self, number);
  if (cell != NULL) {
    return cell;
  }
  bool is_made = true;
  mutex_lock(&self->lock);
  while (is_made && cell_at(self, number) == NULL) {
    epoch_chunk *last = &self->first;
    while (atomic_load(&last->next) != NULL) {
      last = atomic_load(&last->next);
    }
    epoch_chunk *chunk = host_calloc(self->memory, 1, sizeof *chunk);
    is_made = chunk != NULL;
    atomic_store(&last->next, chunk);
  }
  mutex_unlock(&self->lock);
  return cell_at(self, number);
}

static void reach_raise(epochs *self, uint32_t reach) {
  uint32_t known = atomic_load(&self->reach);
  while (known < reach && !atomic_compare_exchange_weak(&self->reach, &known, reach)) {
  }
}

/* The reach is raised first: whoever looks at the cells must not miss this one. */
static bool cell_claim(epochs *self, epoch_cell *cell, uint32_t number, uint64_t *claim) {
  uint64_t claims = atomic_load_explicit(&cell->claims, memory_order_relaxed);
  if (claims % CELL_STATES != CELL_FREE ||
      !atomic_compare_exchange_strong_explicit(&cell->claims, &claims, claims + CELL_CLAIMED,
                                               memory_order_acquire, memory_order_relaxed)) {
    return false;
  }
  reach_raise(self, number + 1);
  atomic_store(&cell->epoch, atomic_load(&self->now) + 1);
  *claim = (claims + CELL_CLAIMED) << CLAIM_CELL_BITS | number;
  return true;
}

/* A thread's own number first, so that threads do not meet; then whatever is free. */
rg_result epoch_enter(epochs *self, uint64_t *claim) {
  uint32_t own = thread_index() % THREAD_INDEX_COUNT;
  epoch_cell *cell = cell_at(self, own);
  *claim = 0;
  if (cell != NULL && cell_claim(self, cell, own, claim)) {
    return RG_OK;
  }
  for (uint32_t number = 0; number <= CLAIM_CELL_MASK; number++) {
    cell = cell_make(self, number);
    if (cell == NULL) {
      return result_no_memory("batch", sizeof(epoch_chunk));
    }
    if (cell_claim(self, cell, number, claim)) {
      return RG_OK;
    }
  }
  return result_no_memory("batch", CLAIM_CELL_MASK);
}

bool epoch_leave(epochs *self, uint64_t claim) {
  uint32_t number = (uint32_t)(claim & CLAIM_CELL_MASK);
  epoch_cell *cell = number < atomic_load(&self->reach) ? cell_at(self, number) : NULL;
  if (cell == NULL) {
    return false;
  }
  uint64_t claims = atomic_load_explicit(&cell->claims, memory_order_relaxed);
  if (claims % CELL_STATES != CELL_CLAIMED ||
      claim >> CLAIM_CELL_BITS != claims << CLAIM_CELL_BITS >> CLAIM_CELL_BITS ||
      !atomic_compare_exchange_strong_explicit(&cell->claims, &claims,
                                               claims - CELL_CLAIMED + CELL_LEAVING,
                                               memory_order_relaxed, memory_order_relaxed)) {
    return false;
  }
  atomic_store_explicit(&cell->epoch, 0, memory_order_release);
  atomic_store_explicit(&cell->claims, claims - CELL_CLAIMED + CELL_STATES, memory_order_release);
  return true;
}

/* ---- Who is in ----------------------------------------------------------------------------- */

/* The cells that were ever claimed, one after the other; NULL at the end. */
typedef struct cell_walk {
  const epoch_chunk *chunk;
  uint32_t next, reach;
} cell_walk;

static cell_walk walk_begin(const epochs *self) {
  return (cell_walk){.chunk = &self->first, .reach = atomic_load(&self->reach)};
}

static epoch_cell *walk_next(cell_walk *walk) {
  if (walk->next == walk->reach) {
    return NULL;
  }
  if (walk->next > 0 && walk->next % EPOCH_CELLS == 0) {
    walk->chunk = atomic_load(&walk->chunk->next);
  }
  return (epoch_cell *)&walk->chunk->cells[walk->next++ % EPOCH_CELLS];
}

bool epoch_is_clear(const epochs *self) {
  cell_walk walk = walk_begin(self);
  for (epoch_cell *cell = walk_next(&walk); cell != NULL; cell = walk_next(&walk)) {
    if (atomic_load(&cell->epoch) != 0) {
      return false;
    }
  }
  return true;
}

uint64_t epoch_die(epochs *self) {
  return atomic_fetch_add(&self->now, 1);
}

uint64_t epoch_passed(const epochs *self) {
  uint64_t least = UINT64_MAX;
  cell_walk walk = walk_begin(self);
  for (epoch_cell *cell = walk_next(&walk); cell != NULL; cell = walk_next(&walk)) {
    uint64_t epoch = atomic_load(&cell->epoch);
    least = epoch != 0 && epoch - 1 < least ? epoch - 1 : least;
  }
  return least;
}

uint32_t epochs_abandon(epochs *self) {
  uint32_t count = 0;
  cell_walk walk = walk_begin(self);
  for (epoch_cell *cell = walk_next(&walk); cell != NULL; cell = walk_next(&walk)) {
    if (atomic_exchange(&cell->epoch, 0) != 0) {
      const uint64_t claims = atomic_load(&cell->claims);
      atomic_store(&cell->claims, claims - claims % CELL_STATES + CELL_STATES);
      count++;
    }
  }
  return count;
}
