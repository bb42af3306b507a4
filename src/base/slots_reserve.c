/* The handle table's room: pages as it grows, and the slots that are free, in the order in which
 * they became so.
 *
 * Free slots lie in crates. Each thread has a magazine of two: one to take slots out of, one to put
 * freed ones into. It alone touches it, so that neither takes a lock. A full crate is changed for
 * an empty one at the table's list, an empty one for its oldest; where there is none the thread
 * takes what it has freed itself, and last slots that were never used. */
#define _DEFAULT_SOURCE /* madvise */
#include <sys/mman.h>

#include "hash_map.h"
#include "result.h"
#include "slots.h"

#define CACHE_LINE 64
#define HUGE_PAGE ((size_t)2 << 20)
#define FRESH_BATCH 32u     /* never used slots that a thread claims at once */
#define PREFETCH_DISTANCE 4 /* slots */

typedef struct slots_crate {
  struct slots_crate *next; /* in the table's lists */
  uint32_t count;
  uint32_t indices[SLOTS_MAGAZINE];
} slots_crate;

typedef struct slots_magazine {
  slots_crate crates[2]; /* at first: they wander through the table */
  slots_crate *out, *in;
  uint32_t out_first;        /* what comes before it in `out` is taken */
  uint32_t fresh, fresh_end; /* claimed slots that were never used */
} slots_magazine;

/* ---- Begin and end ------------------------------------------------------------------------- */

/* The counter tells tables of one moment and place apart. */
static uint32_t generation_draw(const slots *self) {
  static _Atomic uint64_t tables_made;
  uint64_t seed[] = {atomic_fetch_add_explicit(&tables_made, 1, memory_order_relaxed),
                     time_now_ns(), (uint64_t)(uintptr_t)self};
  return (uint32_t)hash_bytes(seed, sizeof seed);
}

void slots_init(slots *self, host_memory *memory, rg_type type, uint32_t storage_size,
                void (*reclaim)(void *owner, uint64_t id, void *storage), void *owner) {
  uint32_t unit = (uint32_t)alignof(max_align_t);
  memset(self, 0, sizeof *self);
  self->memory = memory;
  self->type = type;
  self->stride = (uint32_t)sizeof(slot_record) + (storage_size + unit - 1) / unit * unit;
  self->reclaim = reclaim;
  self->owner = owner;
  mutex_init(&self->lock);
  self->generation = generation_draw(self);
  slots_set_word_count(self, 0);
}

void slots_set_word_count(slots *self, uint32_t count) {
  self->line_shift = slots_line_shift(count);
}

/* ---- Pages --------------------------------------------------------------------------------- */

typedef struct slots_block {
  struct slots_block *next;
  size_t size; /* as allocated */
} slots_block;

void slots_finish(slots *self) {
  while (self->blocks != NULL) {
    slots_block *block = self->blocks;
    self->blocks = block->next;
    host_free(self->memory, block, block->size);
  }
  for (uint32_t i = 0; i < THREAD_INDEX_COUNT; i++) {
    atomic_store_explicit(&self->magazines[i], NULL, memory_order_relaxed);
  }
  atomic_store_explicit(&self->capacity, 0, memory_order_relaxed);
  atomic_store_explicit(&self->claimed, 0, memory_order_relaxed);
  mutex_finish(&self->lock);
}

/* Zeroed bytes that live as long as the table, or NULL. alignment: a power of two. */
static void *bytes_add(slots *self, size_t size, size_t alignment) {
  size_t whole = sizeof(slots_block) + size + alignment;
  slots_block *block = host_calloc(self->memory, 1, whole);
  if (block == NULL) {
    return NULL;
  }
  *block = (slots_block){.next = self->blocks, .size = whole};
  self->blocks = block;
  return (void *)(((uintptr_t)(block + 1) + alignment - 1) / alignment * alignment);
}

/* Tables of many slots are read all over: the system may put their lines on huge pages. It is told
 * when they are in use, for clearing such a page at its first touch would take a millisecond or
 * more of whoever creates then. */
static void lines_advise(slots *self, uint32_t page) {
  unsigned char *lines = self->directory[page];
  if ((uintptr_t)lines % HUGE_PAGE == 0) {
    (void)madvise(lines, HUGE_PAGE, MADV_HUGEPAGE);
  }
}

/* At least the lines of one page; false when out of memory. */
static bool lines_add(slots *self, uint32_t page) {
  size_t size = (size_t)SLOTS_PAGE << self->line_shift;
  uint32_t many = (uint32_t)(HUGE_PAGE / size), count = 1;
  unsigned char *lines = NULL;
  if (page >= many && page % many == 0) {
    lines = bytes_add(self, HUGE_PAGE, HUGE_PAGE);
    count = lines == NULL ? 1 : many;
    if (lines != NULL && page >= 2 * many) {
      lines_advise(self, page - many);
    }
  }
  if (lines == NULL) {
    lines = bytes_add(self, size, CACHE_LINE);
  }
  for (uint32_t i = 0; lines != NULL && i < count; i++) {
    self->directory[page + i] = lines + i * size;
  }
  return lines != NULL;
}

/* As many crates as can be full of the slots of one page of records. */
static bool crates_add(slots *self) {
  uint32_t count = SLOTS_RECORD_PAGE / SLOTS_MAGAZINE;
  slots_crate *crates = bytes_add(self, count * sizeof *crates, CACHE_LINE);
  for (uint32_t i = 0; crates != NULL && i < count; i++) {
    crates[i].next = self->empty;
    self->empty = &crates[i];
  }
  return crates != NULL;
}

static bool records_add(slots *self, uint32_t page) {
  unsigned char ***group = &self->records[page / SLOTS_RECORD_GROUP];
  if (*group == NULL) {
    *group = bytes_add(self, SLOTS_RECORD_GROUP * sizeof **group, CACHE_LINE);
  }
  if (*group == NULL) {
    return false;
  }
  unsigned char **place = &(*group)[page % SLOTS_RECORD_GROUP];
  if (*place == NULL) {
    *place = bytes_add(self, (size_t)SLOTS_RECORD_PAGE * self->stride, CACHE_LINE);
  }
  return *place != NULL && crates_add(self);
}

/* Or NULL. Under the lock. */
static slots_magazine *magazine_make(slots *self) {
  slots_magazine *made = bytes_add(self, sizeof *made, CACHE_LINE);
  if (made != NULL) {
    made->out = &made->crates[0];
    made->in = &made->crates[1];
  }
  return made;
}

/* What was had before a failure serves the next attempt. */
static bool pages_add(slots *self, uint32_t capacity) {
  uint32_t page = capacity / SLOTS_PAGE;
  if (self->directory == NULL) {
    self->directory =
        bytes_add(self, SLOTS_MAX_COUNT / SLOTS_PAGE * sizeof *self->directory, CACHE_LINE);
  }
  if (self->shared == NULL) {
    self->shared = magazine_make(self);
  }
  return self->directory != NULL && self->shared != NULL &&
         (self->directory[page] != NULL || lines_add(self, page)) &&
         records_add(self, capacity / SLOTS_RECORD_PAGE);
}

/* Room for more slots than there were claimed. */
static rg_result grow(slots *self, uint32_t claimed) {
  rg_result result = RG_OK;
  mutex_lock(&self->lock);
  uint32_t capacity = atomic_load_explicit(&self->capacity, memory_order_relaxed);
  if (capacity <= claimed) { /* else someone was faster */
    if (capacity == SLOTS_MAX_COUNT) {
      result = result_set(RG_ERROR_LIMIT, "%s: %u handles are the most there can be",
                          rg_type_name(self->type), SLOTS_MAX_COUNT);
    } else if (!pages_add(self, capacity)) {
      result = result_set(RG_ERROR_OUT_OF_HOST_MEMORY,
                          "%s: no host memory for a handle table of %u and %u more",
                          rg_type_name(self->type), capacity, SLOTS_RECORD_PAGE);
    } else {
      atomic_store_explicit(&self->capacity, capacity + SLOTS_RECORD_PAGE, memory_order_release);
    }
  }
  mutex_unlock(&self->lock);
  return result;
}

/* Up to `wanted` slots that were never used, from *first to *end. */
static rg_result claim(slots *self, uint32_t wanted, uint32_t *first, uint32_t *end) {
  uint32_t claimed = atomic_load_explicit(&self->claimed, memory_order_relaxed);
  for (;;) {
    uint32_t room = atomic_load_explicit(&self->capacity, memory_order_acquire) - claimed;
    uint32_t count = room < wanted ? room : wanted;
    if (count == 0) {
      rg_result result = grow(self, claimed);
      if (result != RG_OK) {
        return result;
      }
    } else if (atomic_compare_exchange_weak_explicit(&self->claimed, &claimed, claimed + count,
                                                     memory_order_acq_rel, memory_order_relaxed)) {
      *first = claimed;
      *end = claimed + count;
      return RG_OK;
    }
  }
}

/* ---- Crates -------------------------------------------------------------------------------- */

static void full_count_add(slots *self, uint32_t change) {
  uint32_t count = atomic_load_explicit(&self->full_count, memory_order_relaxed);
  atomic_store_explicit(&self->full_count, count + change, memory_order_relaxed);
}

/* Adds a full crate to the end of the list; returns an empty one. There is always one: the table
 * makes as many as all its slots fill, and each magazine brings the two that it uses. */
static slots_crate *crate_full(slots *self, slots_crate *crate) {
  crate->next = NULL;
  if (self->last_full == NULL) {
    self->first_full = crate;
  } else {
    self->last_full->next = crate;
  }
  self->last_full = crate;
  full_count_add(self, 1);
  slots_crate *empty = self->empty;
  self->empty = empty->next;
  empty->count = 0;
  return empty;
}

/* Takes an empty crate; returns the one that was full first, or the same where there is none. */
static slots_crate *crate_empty(slots *self, slots_crate *crate) {
  slots_crate *full = self->first_full;
  if (full == NULL) {
    return crate;
  }
  self->first_full = full->next;
  self->last_full = full->next == NULL ? NULL : self->last_full;
  full_count_add(self, UINT32_MAX);
  crate->next = self->empty;
  self->empty = crate;
  return full;
}

/* ---- Magazines ----------------------------------------------------------------------------- */

/* The thread's own; NULL where it has none, and must share. */
static slots_magazine *magazine_own(slots *self, uint32_t thread) {
  return thread == THREAD_INDEX_COUNT
             ? NULL
             : atomic_load_explicit(&self->magazines[thread], memory_order_relaxed);
}

static rg_result magazine_begin(slots *self, uint32_t thread) {
  mutex_lock(&self->lock);
  slots_magazine *own = magazine_make(self);
  mutex_unlock(&self->lock);
  atomic_store_explicit(&self->magazines[thread], own, memory_order_relaxed);
  return own != NULL ? RG_OK : result_no_memory("handle table", sizeof *own);
}

/* Where it has no slots to give out: the longest free ones. is_own: not under the lock. */
static void magazine_fill(slots *self, slots_magazine *magazine, bool is_own) {
  magazine->out->count = 0;
  magazine->out_first = 0;
  if (atomic_load_explicit(&self->full_count, memory_order_relaxed) > 0) {
    if (is_own) {
      mutex_lock(&self->lock);
    }
    magazine->out = crate_empty(self, magazine->out);
    if (is_own) {
      mutex_unlock(&self->lock);
    }
  }
  if (magazine->out->count == 0) {
    slots_crate *freed = magazine->in;
    magazine->in = magazine->out;
    magazine->out = freed;
  }
}

/* Slots were touched last when they were freed, a while ago. */
static void slot_prefetch(const slots *self, uint32_t index) {
  __builtin_prefetch(slots_line(self, index), 1);
  __builtin_prefetch(slots_record(self, index), 1);
}

/* False where no freed slot is at hand. */
static bool magazine_take(slots *self, slots_magazine *magazine, bool is_own, uint32_t *index) {
  if (magazine->out_first == magazine->out->count) {
    magazine_fill(self, magazine, is_own);
  }
  const slots_crate *out = magazine->out;
  if (magazine->out_first == out->count) {
    return false;
  }
  if (magazine->out_first + PREFETCH_DISTANCE < out->count) {
    slot_prefetch(self, out->indices[magazine->out_first + PREFETCH_DISTANCE]);
  }
  *index = out->indices[magazine->out_first++];
  return true;
}

static rg_result fresh_take(slots *self, slots_magazine *own, uint32_t *index) {
  if (own->fresh == own->fresh_end) {
    rg_result result = claim(self, FRESH_BATCH, &own->fresh, &own->fresh_end);
    if (result != RG_OK) {
      return result;
    }
  }
  *index = own->fresh++;
  return RG_OK;
}

/* For threads without a number; there is none to share before the first slot. */
static rg_result shared_take(slots *self, uint32_t *index, bool *is_fresh) {
  uint32_t end;
  mutex_lock(&self->lock);
  *is_fresh = self->shared == NULL || !magazine_take(self, self->shared, false, index);
  mutex_unlock(&self->lock);
  return *is_fresh ? claim(self, 1, index, &end) : RG_OK;
}

/* From here on the thread has a magazine, where it can. */
static rg_result slot_take(slots *self, uint32_t *index, bool *is_fresh) {
  uint32_t thread = thread_index();
  if (thread == THREAD_INDEX_COUNT) {
    return shared_take(self, index, is_fresh);
  }
  slots_magazine *own = magazine_own(self, thread);
  if (__builtin_expect(own == NULL, 0)) {
    rg_result result = magazine_begin(self, thread);
    if (result != RG_OK) {
      return result;
    }
    own = magazine_own(self, thread);
  }
  *is_fresh = !magazine_take(self, own, true, index);
  return *is_fresh ? fresh_take(self, own, index) : RG_OK;
}

static void magazine_put(slots_magazine *magazine, uint32_t index) {
  magazine->in->indices[magazine->in->count++] = index;
}

/* Must not fail, so takes no memory. */
static void slot_give(slots *self, uint32_t index) {
  slots_magazine *own = magazine_own(self, thread_index());
  if (own != NULL && own->in->count < SLOTS_MAGAZINE) {
    magazine_put(own, index);
    return;
  }
  mutex_lock(&self->lock);
  slots_magazine *magazine = own != NULL ? own : self->shared;
  if (magazine->in->count == SLOTS_MAGAZINE) {
    magazine->in = crate_full(self, magazine->in);
  }
  magazine_put(magazine, index);
  mutex_unlock(&self->lock);
}

/* ---- Reservation and reuse ----------------------------------------------------------------- */

static uint64_t state_make(const slots *self, uint32_t generation) {
  return (uint64_t)self->type << 56 | (uint64_t)generation << 24;
}

rg_result slots_alloc(slots *self, uint64_t *id, void **storage) {
  uint32_t index = 0;
  bool is_fresh = false;
  *id = 0;
  *storage = NULL;
  rg_result result = slot_take(self, &index, &is_fresh);
  if (result != RG_OK) {
    return result;
  }
  slot_line *line = slots_line(self, index);
  if (is_fresh) {
    atomic_store_explicit(&line->state, state_make(self, self->generation), memory_order_relaxed);
  }
  *id = (atomic_load_explicit(&line->state, memory_order_relaxed) & ~SLOT_INDEX_MASK) | index;
  *storage = slots_record(self, index) + 1;
  return RG_OK;
}

void slots_recycle(slots *self, uint64_t id) {
  slot_line *line = slots_line(self, id);
  uint32_t generation = (uint32_t)(id >> 24) + 1;
  atomic_store_explicit(&line->state, state_make(self, generation), memory_order_relaxed);
  if (generation != self->generation) {
    slot_give(self, slots_index_of(id));
  }
}

void slots_cancel(slots *self, uint64_t id) {
  slots_recycle(self, id);
}
