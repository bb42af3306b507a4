/* The handle table: slots of one resource type behind unique 64-bit handles.
 *
 * A slot's tag equals the whole live handle, so one acquire load checks type, generation and
 * liveness. Pages double in size and never move, so readers need no lock. Freed slots are reused
 * first in, first out; one whose generation would repeat is retired. Generations start at a number
 * drawn per table, so that another engine's handle does not match. A slot is one cache line and
 * keeps a copy of its storage's first words, so that reading these costs a single miss.
 *
 * Life of a slot: slots_alloc reserves it and gives its storage (not yet visible), slots_publish
 * makes the handle live, slots_retire makes it dead to all look-ups, and `reclaim` runs once, when
 * the last holder (slots_acquire) has released it: at once when there is none. The owner then calls
 * slots_recycle, from `reclaim` or later (when the GPU is done with it), and only after that may
 * the slot be reused. */
#ifndef RG_BASE_SLOTS_H
#define RG_BASE_SLOTS_H

#include <assert.h>

#include "host_memory.h"
#include "thread.h"

#define SLOTS_PAGE_COUNT 18 /* page k holds SLOTS_FIRST_PAGE << k slots */
#define SLOTS_FIRST_PAGE 64u
#define SLOTS_MAX_COUNT ((1u << 24) - SLOTS_FIRST_PAGE) /* what all pages hold */

typedef struct slots {
  host_memory *memory;
  rg_type type;
  uint32_t stride; /* bytes from storage to storage */
  void (*reclaim)(void *owner, uint64_t id, void *storage);
  void *owner;
  /* One more than there are: a forged handle's index may reach it, and it stays NULL. */
  _Atomic(unsigned char *) pages[SLOTS_PAGE_COUNT + 1];
  void *blocks[SLOTS_PAGE_COUNT]; /* as allocated; pages are these rounded up to a cache line */
  mutex lock;                     /* guards the free list, growth and the slots' bookkeeping */
  _Atomic uint32_t count;         /* slots ever made */
  uint32_t first_free, last_free; /* FIFO list through the slots; SLOTS_MAX_COUNT ends it */
  uint32_t generation;            /* the first one of every slot */
  _Atomic uint32_t live_count;
} slots;

/* storage_size: bytes of a resource, at least the words that are read from it; aligned as by
 * malloc. reclaim: called from whichever thread drops the last hold, under no lock of the table; it
 * or what it sets going calls slots_recycle. */
void slots_init(slots *self, host_memory *memory, rg_type type, uint32_t storage_size,
                void (*reclaim)(void *owner, uint64_t id, void *storage), void *owner);
/* Frees the pages; live slots' storage is not reclaimed: iterate and retire first. */
void slots_finish(slots *self);

/* Reserves a slot. Its storage is zero in a slot's first life and in later ones as the last left
 * it. RG_ERROR_OUT_OF_HOST_MEMORY, or RG_ERROR_LIMIT at SLOTS_MAX_COUNT. */
RG_NODISCARD rg_result slots_alloc(slots *self, uint64_t *id, void **storage);
/* Makes a reserved slot's handle live, held once by the table itself. */
void slots_publish(slots *self, uint64_t id);
/* Gives a reserved slot back that was never published; calls neither reclaim nor needs
 * slots_recycle. */
void slots_cancel(slots *self, uint64_t id);

/* The storage if the id is live, else NULL; valid while the caller knows that nobody retires it.
 * One acquire load. For copying out racily, see slots_read_words. */
static inline void *slots_peek(const slots *self, uint64_t id);
/* As slots_peek, but keeps the slot from being reclaimed until slots_release. Either may be the
 * last to leave a dead handle, and then runs `reclaim`: even an acquire that returns NULL. */
void *slots_acquire(slots *self, uint64_t id);
void slots_release(slots *self, uint64_t id);

/* Copies the first `words` 64-bit words of the storage to out, if the id is live: the copy is whole
 * and the id's own even against a racing retire and reuse. Up to SLOT_WORDS of them are fast. They
 * must only be written by slots_write_words. False leaves out undefined. */
static inline bool slots_read_words(const slots *self, uint64_t id, uint64_t *out, uint32_t words);
/* Writes the storage's first words while the slot is reserved or its writer is the only one. A
 * concurrent reader of a live slot sees the old words, or the new, never a mixture. */
void slots_write_words(slots *self, uint64_t id, const uint64_t *words, uint32_t count);

/* Makes the handle dead and drops the table's hold. False: it was not live (someone else was
 * first). */
bool slots_retire(slots *self, uint64_t id);
/* Makes a reclaimed slot free to be reused. Once for each call of reclaim, with its id. */
void slots_recycle(slots *self, uint64_t id);

/* The next live id after `last` (0: the first), or 0. */
uint64_t slots_next(const slots *self, uint64_t last);
uint32_t slots_live_count(const slots *self);
/* The storage of a slot by its id's index whatever its tag says, or NULL where no such slot was
 * ever made: for messages about dead handles. It stays as it is until the slot is used again. Call
 * under the owner's own lock. */
void *slots_storage_of_index(const slots *self, uint64_t id);

/* ---- Inline look-ups ------------------------------------------------------------------------
 *
 * They are the engine's most frequent calls. All that may race is atomic: a reader's word loads are
 * acquire and a writer's word stores release, so whoever sees a new word also sees, in the loads
 * after it, that the sequence moved. No fences: thread sanitizers do not know them. */

#define SLOT_SIZE 64 /* bytes, a cache line */
#define SLOT_WORDS 5

/* A page is an array of these, and after it one of their storages. */
typedef struct slot {
  _Atomic uint64_t tag;      /* the live handle; 0 while there is none */
  _Atomic uint32_t holds;    /* the table's and acquirers'; see slots.c */
  _Atomic uint32_t sequence; /* odd while words are being written */
  uint32_t next_free;
  uint32_t generation;                /* of the slot's present or next handle */
  _Atomic uint64_t words[SLOT_WORDS]; /* as the storage's first */
} slot;
static_assert(sizeof(slot) == SLOT_SIZE, "a slot fills a cache line");

static inline uint32_t slots_index_of(uint64_t id) {
  return (uint32_t)id & 0xFFFFFFu;
}

/* The place of the highest bit set; number is not 0. */
static inline uint32_t slots_top_bit(uint32_t number) {
#if defined(__x86_64__)
  /* bsr keeps its target where there is no bit, so it waits for what the target held before. That
   * may be a word of the look-up before this one, still on its way from memory: clear it first. */
  uint32_t bit = 0;
  __asm__("bsrl %1, %0" : "+r"(bit) : "rm"(number) : "cc");
  return bit;
#else
  return 31u - (uint32_t)__builtin_clz(number);
#endif
}

/* Where an index lives: page k begins at index (SLOTS_FIRST_PAGE << k) - SLOTS_FIRST_PAGE. */
typedef struct slots_place {
  unsigned char *page; /* NULL where there is none */
  uint32_t page_count; /* slots that it holds */
  uint32_t offset;     /* of the slot in it */
} slots_place;

static inline slots_place slots_place_of(const slots *self, uint64_t id) {
  uint32_t number = slots_index_of(id) + SLOTS_FIRST_PAGE;
  uint32_t bit = slots_top_bit(number); /* 6 for the first page */
  uint32_t count = 1u << bit;
  return (slots_place){atomic_load_explicit(&self->pages[bit - 6], memory_order_acquire), count,
                       number - count};
}

/* The slot of an id's index, or NULL. */
static inline slot *slots_at(const slots *self, uint64_t id) {
  slots_place place = slots_place_of(self, id);
  return place.page == NULL ? NULL : (slot *)place.page + place.offset;
}

/* The storage of a slot that there is. */
static inline void *slots_storage_at(const slots *self, uint64_t id) {
  slots_place place = slots_place_of(self, id);
  return place.page + (size_t)place.page_count * SLOT_SIZE + (size_t)place.offset * self->stride;
}

/* Whether the slot's handle lives and is the id. */
static inline bool slot_has(const slot *self, uint64_t id) {
  return id != 0 && atomic_load_explicit(&self->tag, memory_order_acquire) == id;
}

/* The slot whose handle is the id, or NULL. */
static inline slot *slots_find(const slots *self, uint64_t id) {
  slot *found = slots_at(self, id);
  return found != NULL && slot_has(found, id) ? found : NULL;
}

static inline void *slots_peek(const slots *self, uint64_t id) {
  return slots_find(self, id) == NULL ? NULL : slots_storage_at(self, id);
}

typedef enum slots_outcome { SLOTS_DEAD, SLOTS_WHOLE, SLOTS_TORN } slots_outcome;

/* Torn: a writer was between its words. The sequence is read before the tag, so that no words of a
 * later handle pass: whoever wrote them moved the sequence on after the tag had gone. */
static inline slots_outcome slots_try_words(const slots *self, uint64_t id, uint64_t *out,
                                            uint32_t words) {
  slot *found = slots_at(self, id);
  if (found == NULL) {
    return SLOTS_DEAD;
  }
  uint32_t sequence = atomic_load_explicit(&found->sequence, memory_order_acquire);
  if (!slot_has(found, id)) {
    return SLOTS_DEAD;
  }
  const _Atomic uint64_t *source = found->words;
  if (words > SLOT_WORDS) {
    source = (const _Atomic uint64_t *)slots_storage_at(self, id);
  }
  for (uint32_t i = 0; i < words; i++) {
    out[i] = atomic_load_explicit(&source[i], memory_order_acquire);
  }
  uint32_t after = atomic_load_explicit(&found->sequence, memory_order_relaxed);
  return (sequence & 1) == 0 && after == sequence ? SLOTS_WHOLE : SLOTS_TORN;
}

/* Tries until the words are not torn. */
bool slots_read_words_again(const slots *self, uint64_t id, uint64_t *out, uint32_t words);

static inline bool slots_read_words(const slots *self, uint64_t id, uint64_t *out, uint32_t words) {
  slots_outcome outcome = slots_try_words(self, id, out, words);
  return outcome == SLOTS_TORN ? slots_read_words_again(self, id, out, words)
                               : outcome == SLOTS_WHOLE;
}

#endif
