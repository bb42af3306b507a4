/* The handle table: slots of one resource type behind unique 64-bit handles.
 *
 * Each slot has a line, which look-ups read, and a record, which holds the resource. A line is a
 * state and the few words that callers ask for most, in half a cache line or a whole one. The state
 * is the handle with its index, which the place tells already, replaced by flags and a sequence
 * number: one load of it checks type, generation and liveness. Lines lie in pages behind a
 * directory, records in smaller ones behind another; neither ever moves and growth adds one page at
 * a time, so readers need no lock and creators never wait for the table to be copied or cleared.
 *
 * Freed slots are reused first in, first out: exactly so on one thread; among several, up to
 * SLOTS_MAGAZINE slots that a thread has freed, and as many that it has taken in advance, wait with
 * it while the others' pass. A slot whose generation would repeat is retired. Generations start at
 * a number drawn per table, so that another engine's handle does not match.
 *
 * Life of a slot: slots_alloc reserves it and gives its storage (not yet visible), slots_publish
 * makes the handle live, slots_retire makes it dead to all look-ups, and `reclaim` runs once, when
 * the last holder (slots_acquire) has released it: at once when there is none. The owner then calls
 * slots_recycle, from `reclaim` or later (when the GPU is done with it), and only after that may
 * the slot be reused. */
#ifndef RG_BASE_SLOTS_H
#define RG_BASE_SLOTS_H

#include <stdalign.h>
#include <string.h>

#include "host_memory.h"
#include "thread.h"

#define SLOTS_MAX_COUNT (1u << 24)
#define SLOTS_PAGE 4096u        /* lines behind one entry of the directory */
#define SLOTS_RECORD_PAGE 256u  /* records of one page; the table grows by as many slots */
#define SLOTS_RECORD_GROUP 256u /* record pages behind one entry of theirs */
#define SLOTS_MAGAZINE 64u
#define SLOT_WORDS 7 /* at most; a line of 64 bytes */

typedef struct slots {
  /* What look-ups read. */
  unsigned char **directory; /* SLOTS_MAX_COUNT / SLOTS_PAGE pages; NULL before the first slot */
  _Atomic uint32_t capacity; /* slots whose line and record there are */
  uint32_t line_shift;       /* log2 of a line's bytes */
  uint32_t stride;           /* bytes from record to record */
  unsigned char **records[SLOTS_MAX_COUNT / SLOTS_RECORD_PAGE / SLOTS_RECORD_GROUP];
  /* What creators read. */
  host_memory *memory;
  rg_type type;
  uint32_t generation; /* the first one of every slot */
  void (*reclaim)(void *owner, uint64_t id, void *storage);
  void *owner;
  _Atomic(struct slots_magazine *) magazines[THREAD_INDEX_COUNT];
  _Atomic uint32_t claimed;                   /* slots that were ever handed to a thread */
  mutex lock;                                 /* guards growth and what follows */
  struct slots_block *blocks;                 /* every page, to be freed */
  struct slots_magazine *shared;              /* of threads that have none of their own */
  struct slots_crate *first_full, *last_full; /* freed slots, first in, first out */
  struct slots_crate *empty;                  /* as many as may still be needed */
  _Atomic uint32_t full_count;                /* crates; read without the lock as a hint */
} slots;

/* storage_size: bytes of a resource, at least the words that are read from it; aligned as by
 * malloc. reclaim: called from whichever thread drops the last hold, under no lock of the table; it
 * or what it sets going calls slots_recycle. Takes no memory. */
void slots_init(slots *self, host_memory *memory, rg_type type, uint32_t storage_size,
                void (*reclaim)(void *owner, uint64_t id, void *storage), void *owner);
/* How many of the storage's first words slots_read_words can read, up to SLOT_WORDS; 0 until told.
 * Before the first slots_alloc. */
void slots_set_word_count(slots *self, uint32_t count);
/* Frees the pages; live slots' storage is not reclaimed: iterate and retire first. */
void slots_finish(slots *self);

/* Reserves a slot. Its storage is zero in a slot's first life and in later ones as the last left
 * it. In steady state it takes no lock and writes nothing that other threads read.
 * RG_ERROR_OUT_OF_HOST_MEMORY, or RG_ERROR_LIMIT where no slot is left but those that rest with
 * other threads, SLOTS_MAGAZINE times three for each. */
RG_NODISCARD rg_result slots_alloc(slots *self, uint64_t *id, void **storage);
/* Makes a reserved slot's handle live: one store. */
void slots_publish(slots *self, uint64_t id);
/* Gives a reserved slot back that was never published; calls neither reclaim nor needs
 * slots_recycle. */
void slots_cancel(slots *self, uint64_t id);

/* The storage if the id is live, else NULL; valid while the caller knows that nobody retires it.
 * One load. For copying out racily, see slots_read_words. */
static inline void *slots_peek(const slots *self, uint64_t id);
/* As slots_peek, but keeps the slot from being reclaimed until slots_release; 2^31 - 1 holds at
 * most. Either may be the last to leave a dead handle, and then runs `reclaim`: even an acquire
 * that returns NULL. */
void *slots_acquire(slots *self, uint64_t id);
void slots_release(slots *self, uint64_t id);

/* Copies the first `words` 64-bit words to out, if the id is live: the copy is whole and the id's
 * own even against a racing retire and reuse. words: at most slots_set_word_count's. They must only
 * be written by the two functions below. False leaves out undefined. */
bool slots_read_words(const slots *self, uint64_t id, void *out, uint32_t words);
/* The same for the fastest of functions, all words by a constant count. It may fail though the
 * handle lives, while its words are being written: on failure ask slots_read_words, in a function
 * of its own. */
static inline bool slots_try_words(const slots *self, uint64_t id, void *out, uint32_t words);
/* Writes the words of a reserved slot, to the line and to the storage, which begins with them. */
static inline void slots_init_words(slots *self, uint64_t id, const uint64_t *words,
                                    uint32_t count);
/* Writes the words of a slot that is reserved, or live and held; one writer at a time. A concurrent
 * reader of a live slot sees the old words, or the new, never a mixture; in the storage only words
 * that differ are written. Whoever begins a look-up after it sees the new words. */
void slots_write_words(slots *self, uint64_t id, const uint64_t *words, uint32_t count);

/* Makes the handle dead. False: it was not live (someone else was first). */
bool slots_retire(slots *self, uint64_t id);
/* As slots_retire for a handle that slots_share was never called for; false for others, too. One
 * atomic operation where nobody holds the slot. */
bool slots_retire_sole(slots *self, uint64_t id);
/* Makes slots_retire_sole refuse this handle from now on. False: it is not live. */
bool slots_share(slots *self, uint64_t id);
/* Makes a reclaimed slot free to be reused. Once for each call of reclaim, with its id. */
void slots_recycle(slots *self, uint64_t id);

/* The next live id after `last` (0: the first), or 0. */
uint64_t slots_next(const slots *self, uint64_t last);
/* Counts them, by a walk. */
uint32_t slots_live_count(const slots *self);
/* The storage of a slot by its id's index whatever its state says, or NULL where there is no such
 * slot; zero where it was never used. It stays as it is until the slot is used again. Call under
 * the owner's own lock. */
void *slots_storage_of_index(const slots *self, uint64_t id);

/* ---- Inline look-ups ------------------------------------------------------------------------
 *
 * They are the engine's most frequent calls. All that may race is atomic: a reader's word loads are
 * acquire and a writer's word stores release, so whoever sees a new word also sees, in the loads
 * after it, that the state moved. The first load of a state is sequentially consistent, which costs
 * nothing on x86: a thread that has announced itself (epoch.h) before it looks up is seen by a
 * thread that first retires and then asks who is there. No fences: thread sanitizers do not know
 * them. */

/* A state: type 8 and generation 32 bits as in the handle, then a sequence of 21 bits, and flags.
 */
#define SLOT_LIVE UINT64_C(1)
#define SLOT_WRITING UINT64_C(2)  /* the words are between old and new */
#define SLOT_SHARED UINT64_C(4)   /* see slots_share */
#define SLOT_SEQUENCE UINT64_C(8) /* one step of it */
#define SLOT_INDEX_MASK UINT64_C(0xFFFFFF)

typedef struct slot_line {
  _Atomic uint64_t state;
  _Atomic uint64_t words[];
} slot_line;

/* Before each storage; aligned as by malloc. */
typedef struct slot_record {
  alignas(max_align_t) _Atomic uint32_t holds; /* of acquirers; see slots.c */
} slot_record;

static inline uint32_t slots_index_of(uint64_t id) {
  return (uint32_t)id & (uint32_t)SLOT_INDEX_MASK;
}

/* The line of an id's index, or NULL. */
static inline slot_line *slots_line(const slots *self, uint64_t id) {
  uint32_t index = slots_index_of(id);
  if (index >= atomic_load_explicit(&self->capacity, memory_order_acquire)) {
    return NULL;
  }
  unsigned char *page = self->directory[index / SLOTS_PAGE];
  return (slot_line *)(void *)(page + ((size_t)(index % SLOTS_PAGE) << self->line_shift));
}

/* The record of a slot that there is. */
static inline slot_record *slots_record(const slots *self, uint64_t id) {
  uint32_t index = slots_index_of(id), page = index / SLOTS_RECORD_PAGE;
  unsigned char *records = self->records[page / SLOTS_RECORD_GROUP][page % SLOTS_RECORD_GROUP];
  return (slot_record *)(void *)(records + (size_t)(index % SLOTS_RECORD_PAGE) * self->stride);
}

/* Whether a state says that the handle lives, and that its words are whole. */
static inline bool slot_is_whole(uint64_t state, uint64_t id) {
  return (state & (~SLOT_INDEX_MASK | SLOT_LIVE | SLOT_WRITING)) ==
         ((id & ~SLOT_INDEX_MASK) | SLOT_LIVE);
}

/* Whether a state says that the handle lives. */
static inline bool slot_is_live(uint64_t state, uint64_t id) {
  return slot_is_whole(state & ~SLOT_WRITING, id);
}

static inline void *slots_peek(const slots *self, uint64_t id) {
  const slot_line *line = slots_line(self, id);
  return line != NULL && slot_is_live(atomic_load(&line->state), id) ? slots_record(self, id) + 1
                                                                     : NULL;
}

/* log2 of the bytes of a line with that many words. */
static inline uint32_t slots_line_shift(uint32_t words) {
  return words == 0 ? 3 : words == 1 ? 4 : words <= 3 ? 5 : 6;
}

/* The words belong to the state that was read before and after them: a later handle's are written
 * only after the state has changed. They go to `out` one by one: copied whole, they would be read
 * back in other sizes than they were written in, which processors are slow at. */
static inline bool slot_copy_words(const slot_line *line, uint64_t id, void *out, uint32_t words) {
  uint64_t copy[SLOT_WORDS];
  uint64_t state = atomic_load(&line->state);
  for (uint32_t i = 0; i < words; i++) {
    copy[i] = atomic_load_explicit(&line->words[i], memory_order_acquire);
  }
  if (atomic_load_explicit(&line->state, memory_order_relaxed) != state ||
      !slot_is_whole(state, id)) {
    return false;
  }
  for (uint32_t i = 0; i < words; i++) {
    memcpy((unsigned char *)out + i * sizeof copy[i], &copy[i], sizeof copy[i]);
  }
  return true;
}

static inline bool slots_try_words(const slots *self, uint64_t id, void *out, uint32_t words) {
  uint32_t index = slots_index_of(id);
  if (index >= atomic_load_explicit(&self->capacity, memory_order_acquire)) {
    return false;
  }
  const unsigned char *page = self->directory[index / SLOTS_PAGE];
  size_t offset = (size_t)(index % SLOTS_PAGE) << slots_line_shift(words);
  return slot_copy_words((const slot_line *)(const void *)(page + offset), id, out, words);
}

static inline void slots_init_words(slots *self, uint64_t id, const uint64_t *words,
                                    uint32_t count) {
  slot_line *line = slots_line(self, id);
  for (uint32_t i = 0; i < count; i++) {
    atomic_store_explicit(&line->words[i], words[i], memory_order_release);
  }
  memcpy(slots_record(self, id) + 1, words, count * sizeof *words);
}

#endif
