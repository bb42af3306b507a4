/* Epochs: whoever looks things up announces itself in a cell; whoever frees what was unlinked waits
 * for those that were announced then.
 *
 * Cells are claimed without a lock, by any thread and several times by one;
 * there is no state of threads. An epoch is a number that each death raises: a cell holds the one
 * that it was claimed in, a dead object the one that it died in, and the object may be freed once
 * all claimed cells hold later ones. (Keir Fraser, Practical lock-freedom, 2004, section 5.2.3;
 * here without its bound of three epochs, since cells are few.)
 *
 * Order: claiming a cell, what a reader loads first of what it looks up, what a destroyer stores to
 * unlink it, and the destroyer's look at the cells are all sequentially consistent. So either the
 * reader finds it unlinked, or the destroyer sees the reader. */
#ifndef RG_BASE_EPOCH_H
#define RG_BASE_EPOCH_H

#include "host_memory.h"
#include "thread.h"

#define EPOCH_CELLS 32u

/* As long as a cache line: two that are in use are never in the same one. */
typedef struct epoch_cell {
  _Atomic uint64_t epoch;  /* plus 1; 0 while the cell is free */
  _Atomic uint64_t claims; /* four for each claim, plus an epoch_state: tells old from new */
  unsigned char padding[48];
} epoch_cell;

typedef struct epoch_chunk {
  epoch_cell cells[EPOCH_CELLS];
  _Atomic(struct epoch_chunk *) next; /* NULL for the last */
} epoch_chunk;

typedef struct epochs {
  epoch_chunk first;
  host_memory *memory;
  mutex lock; /* around adding a chunk */
  _Atomic uint64_t now;
  _Atomic uint32_t reach; /* cells that were ever claimed are before it */
} epochs;

/* self: zero before. */
void epochs_init(epochs *self, host_memory *memory);
/* Whoever is still in is forgotten. */
void epochs_finish(epochs *self);

/* Enters: *claim is a number, never 0, for epoch_leave. RG_ERROR_OUT_OF_HOST_MEMORY only. */
RG_NODISCARD rg_result epoch_enter(epochs *self, uint64_t *claim);
/* Leaves, on any thread. False: the claim has been left already, or never was one. */
bool epoch_leave(epochs *self, uint64_t claim);

/* Whether nobody is in who could have found what this thread has unlinked. */
bool epoch_is_clear(const epochs *self);
/* The epoch in which something dies that this thread has unlinked. */
uint64_t epoch_die(epochs *self);
/* What died in epochs below this may be freed. */
uint64_t epoch_passed(const epochs *self);
/* Makes all leave who are in, and returns how many they were. Nobody may enter or leave meanwhile.
 */
uint32_t epochs_abandon(epochs *self);

#endif
