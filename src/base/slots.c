/* The handle table's lives: publication, holds, retirement, words and walks.
 *
 * Holds: one for each acquirer. Acquirers add theirs before they look at the state, so a stale one
 * may touch a slot that is free or belongs to another handle; it takes its hold back and nothing
 * has happened. Retirement first changes the state and then looks at the holds: where there are
 * none, whoever comes later finds the handle dead, and it reclaims itself. Otherwise it adds
 * SLOT_DEAD, and whoever brings the holds to SLOT_DEAD alone and swaps that for 0 reclaims: there
 * is one such swap for each of these retirements, though not always by the thread that expected it.
 */
#include "slots.h"

#include <assert.h>
#include <sched.h>

#define SLOT_DEAD (1u << 31)

rg_type rg_type_of(uint64_t id) {
  uint64_t type = id >> 56;
  return type < RG_TYPE_COUNT ? (rg_type)type : RG_TYPE_NONE;
}

const char *rg_type_name(rg_type type) {
  static const char *const names[RG_TYPE_COUNT] = {"none",     "buffer", "texture", "shader",
                                                   "material", "set",    "pool"};
  return (unsigned)type < RG_TYPE_COUNT ? names[type] : names[RG_TYPE_NONE];
}

void slots_publish(slots *self, uint64_t id) {
  slot_line *line = slots_line(self, id);
  uint64_t state = atomic_load_explicit(&line->state, memory_order_relaxed);
  atomic_store_explicit(&line->state, state | SLOT_LIVE, memory_order_release);
}

/* ---- Retirement ---------------------------------------------------------------------------- */

/* The id of the slot's present life, which need not be the one that the caller retired or released.
 */
static void slot_reclaim(slots *self, uint32_t index) {
  const slot_line *line = slots_line(self, index);
  uint64_t state = atomic_load_explicit(&line->state, memory_order_relaxed);
  self->reclaim(self->owner, (state & ~SLOT_INDEX_MASK) | index, slots_record(self, index) + 1);
}

/* Runs after every change of holds that may have left SLOT_DEAD alone. */
static void slot_settle(slots *self, uint32_t index, uint32_t holds) {
  uint32_t expected = SLOT_DEAD;
  if (holds == SLOT_DEAD &&
      atomic_compare_exchange_strong_explicit(&slots_record(self, index)->holds, &expected, 0,
                                              memory_order_acq_rel, memory_order_relaxed)) {
    slot_reclaim(self, index);
  }
}

/* Takes the life from a state that shows none of these flags. */
static bool state_kill(slot_line *line, uint64_t id, uint64_t refused) {
  uint64_t state = atomic_load_explicit(&line->state, memory_order_relaxed);
  do {
    if (!slot_is_live(state, id) || (state & refused) != 0) {
      return false;
    }
  } while (!atomic_compare_exchange_weak_explicit(&line->state, &state, state & ~SLOT_LIVE,
                                                  memory_order_seq_cst, memory_order_relaxed));
  return true;
}

static bool retire(slots *self, uint64_t id, uint64_t refused) {
  slot_line *line = slots_line(self, id);
  if (line == NULL || !state_kill(line, id, refused)) {
    return false;
  }
  slot_record *record = slots_record(self, id);
  if (atomic_load(&record->holds) == 0) {
    slot_reclaim(self, slots_index_of(id));
    return true;
  }
  uint32_t before = atomic_fetch_add_explicit(&record->holds, SLOT_DEAD, memory_order_acq_rel);
  slot_settle(self, slots_index_of(id), before + SLOT_DEAD);
  return true;
}

bool slots_retire(slots *self, uint64_t id) {
  return retire(self, id, 0);
}

bool slots_retire_sole(slots *self, uint64_t id) {
  return retire(self, id, SLOT_SHARED);
}

bool slots_share(slots *self, uint64_t id) {
  slot_line *line = slots_line(self, id);
  if (line == NULL) {
    return false;
  }
  uint64_t state = atomic_load_explicit(&line->state, memory_order_acquire);
  while (slot_is_live(state, id)) {
    if ((state & SLOT_SHARED) != 0 ||
        atomic_compare_exchange_weak_explicit(&line->state, &state, state | SLOT_SHARED,
                                              memory_order_acq_rel, memory_order_acquire)) {
      return true;
    }
  }
  return false;
}

/* ---- Holds --------------------------------------------------------------------------------- */

void slots_release(slots *self, uint64_t id) {
  slot_record *record = slots_record(self, id);
  uint32_t before = atomic_fetch_sub_explicit(&record->holds, 1, memory_order_acq_rel);
  assert((before & ~SLOT_DEAD) != 0);
  slot_settle(self, slots_index_of(id), before - 1);
}

void *slots_acquire(slots *self, uint64_t id) {
  const slot_line *line = slots_line(self, id);
  if (line == NULL || !slot_is_live(atomic_load_explicit(&line->state, memory_order_acquire), id)) {
    return NULL;
  }
  /* In the one order of this and of retirement's two steps, either this comes before its look at
   * the holds, or its change of the state before the look below. */
  slot_record *record = slots_record(self, id);
  atomic_fetch_add(&record->holds, 1);
  if (!slot_is_live(atomic_load(&line->state), id)) {
    slots_release(self, id);
    return NULL;
  }
  return record + 1;
}

/* ---- Words --------------------------------------------------------------------------------- */

/* Readers wait from here on. False: there are none, for the handle is not live. */
static bool writing_begin(slot_line *line) {
  uint64_t state = atomic_load_explicit(&line->state, memory_order_relaxed);
  while ((state & SLOT_LIVE) != 0) {
    if (atomic_compare_exchange_weak(&line->state, &state, state | SLOT_WRITING)) {
      return true;
    }
  }
  return false;
}

/* The handle may have died meanwhile, or become shared. */
static void writing_end(slot_line *line) {
  const uint64_t mask = SLOT_INDEX_MASK & ~(SLOT_SEQUENCE - 1);
  uint64_t state = atomic_load_explicit(&line->state, memory_order_relaxed), next;
  do {
    next = (state & ~mask & ~SLOT_WRITING) | ((state + SLOT_SEQUENCE) & mask);
  } while (!atomic_compare_exchange_weak_explicit(&line->state, &state, next, memory_order_release,
                                                  memory_order_relaxed));
}

void slots_write_words(slots *self, uint64_t id, const uint64_t *words, uint32_t count) {
  slot_line *line = slots_line(self, id);
  _Atomic uint64_t *storage = (_Atomic uint64_t *)(void *)(slots_record(self, id) + 1);
  bool has_readers = writing_begin(line);
  for (uint32_t i = 0; i < count; i++) {
    atomic_store_explicit(&line->words[i], words[i], memory_order_release);
    if (atomic_load_explicit(&storage[i], memory_order_relaxed) != words[i]) {
      atomic_store_explicit(&storage[i], words[i], memory_order_release);
    }
  }
  if (has_readers) {
    writing_end(line);
  }
}

bool slots_read_words(const slots *self, uint64_t id, void *out, uint32_t words) {
  const slot_line *line = slots_line(self, id);
  while (line != NULL && !slot_copy_words(line, id, out, words)) {
    uint64_t state = atomic_load(&line->state);
    if (!slot_is_live(state, id)) {
      return false;
    }
    if ((state & SLOT_WRITING) != 0) {
      sched_yield(); /* the writer may be waiting for this very processor */
    }
  }
  return line != NULL;
}

/* ---- Walks --------------------------------------------------------------------------------- */

uint64_t slots_next(const slots *self, uint64_t last) {
  uint32_t count = atomic_load_explicit(&self->claimed, memory_order_acquire);
  for (uint32_t i = last == 0 ? 0 : slots_index_of(last) + 1; i < count; i++) {
    uint64_t state = atomic_load(&slots_line(self, i)->state);
    if ((state & SLOT_LIVE) != 0) {
      return (state & ~SLOT_INDEX_MASK) | i;
    }
  }
  return 0;
}

uint32_t slots_live_count(const slots *self) {
  uint32_t count = 0;
  for (uint64_t id = slots_next(self, 0); id != 0; id = slots_next(self, id)) {
    count++;
  }
  return count;
}

void *slots_storage_of_index(const slots *self, uint64_t id) {
  uint32_t count = atomic_load_explicit(&self->claimed, memory_order_acquire);
  return slots_index_of(id) < count ? slots_record(self, id) + 1 : NULL;
}
