/* The handle table's writing side: reservation, publication, retirement and reuse.
 *
 * Holds: the table's own while the handle is live, and one for each acquirer. Acquirers add theirs
 * before they look at the tag, so a stale one may touch a slot that is free or belongs to another
 * handle; it takes its hold back and nothing has happened. Retirement exchanges the table's hold
 * for SLOT_DEAD. Whoever brings the holds to SLOT_DEAD alone and swaps that for 0 reclaims: there
 * is one such swap for each retirement, though not always by the thread that expected it. */
#include "slots.h"

#include <assert.h>
#include <sched.h>
#include <stdalign.h>
#include <string.h>

#include "hash_map.h"
#include "result.h"

#define SLOT_DEAD (1u << 31)

rg_type rg_type_of(uint64_t id) {
  uint64_t type = id >> 56;
  return type < RG_TYPE_COUNT ? (rg_type)type : RG_TYPE_NONE;
}

const char *rg_type_name(rg_type type) {
  static const char *const names[RG_TYPE_COUNT] = {"none",   "buffer",   "texture",
                                                   "shader", "material", "set"};
  return (unsigned)type < RG_TYPE_COUNT ? names[type] : names[RG_TYPE_NONE];
}

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
  self->stride = (storage_size + unit - 1) / unit * unit;
  self->reclaim = reclaim;
  self->owner = owner;
  mutex_init(&self->lock);
  self->first_free = SLOTS_MAX_COUNT;
  self->last_free = SLOTS_MAX_COUNT;
  self->generation = generation_draw(self);
}

static size_t page_size(const slots *self, uint32_t page) {
  return ((size_t)SLOTS_FIRST_PAGE << page) * (SLOT_SIZE + self->stride) + SLOT_SIZE;
}

void slots_finish(slots *self) {
  for (uint32_t i = 0; i < SLOTS_PAGE_COUNT; i++) {
    host_free(self->memory, self->blocks[i], page_size(self, i));
    self->blocks[i] = NULL;
    atomic_store_explicit(&self->pages[i], NULL, memory_order_relaxed);
  }
  mutex_finish(&self->lock);
}

/* ---- Reservation --------------------------------------------------------------------------- */

static uint64_t id_make(const slots *self, uint32_t index, uint32_t generation) {
  return (uint64_t)self->type << 56 | (uint64_t)generation << 24 | index;
}

static rg_result page_add(slots *self) {
  uint32_t page = 0;
  while (self->blocks[page] != NULL) {
    page++;
  }
  size_t size = page_size(self, page);
  void *block = host_calloc(self->memory, 1, size);
  if (block == NULL) {
    return result_set(RG_ERROR_OUT_OF_HOST_MEMORY,
                      "%s: no host memory for %zu bytes of handle table", rg_type_name(self->type),
                      size);
  }
  self->blocks[page] = block;
  uintptr_t aligned = ((uintptr_t)block + SLOT_SIZE - 1) / SLOT_SIZE * SLOT_SIZE;
  atomic_store_explicit(&self->pages[page], (unsigned char *)aligned, memory_order_release);
  return RG_OK;
}

/* A slot that was never used. */
static rg_result slot_make(slots *self, uint32_t *index) {
  uint32_t count = atomic_load_explicit(&self->count, memory_order_relaxed);
  if (count == SLOTS_MAX_COUNT) {
    return result_set(RG_ERROR_LIMIT, "%s: %u handles are the most there can be",
                      rg_type_name(self->type), SLOTS_MAX_COUNT);
  }
  if (slots_at(self, count) == NULL) {
    rg_result result = page_add(self);
    if (result != RG_OK) {
      return result;
    }
  }
  slots_at(self, count)->generation = self->generation;
  atomic_store_explicit(&self->count, count + 1, memory_order_release);
  *index = count;
  return RG_OK;
}

static rg_result slot_take(slots *self, uint32_t *index) {
  if (self->first_free == SLOTS_MAX_COUNT) {
    return slot_make(self, index);
  }
  *index = self->first_free;
  self->first_free = slots_at(self, *index)->next_free;
  if (self->first_free == SLOTS_MAX_COUNT) {
    self->last_free = SLOTS_MAX_COUNT;
  }
  return RG_OK;
}

rg_result slots_alloc(slots *self, uint64_t *id, void **storage) {
  uint32_t index = 0;
  *id = 0;
  *storage = NULL;
  mutex_lock(&self->lock);
  rg_result result = slot_take(self, &index);
  mutex_unlock(&self->lock);
  if (result != RG_OK) {
    return result;
  }
  *id = id_make(self, index, slots_at(self, index)->generation);
  *storage = slots_storage_at(self, index);
  return RG_OK;
}

void slots_publish(slots *self, uint64_t id) {
  slot *reserved = slots_at(self, id);
  atomic_fetch_add_explicit(&reserved->holds, 1, memory_order_relaxed);
  atomic_fetch_add_explicit(&self->live_count, 1, memory_order_relaxed);
  atomic_store_explicit(&reserved->tag, id, memory_order_release);
}

/* ---- Retirement and reuse ------------------------------------------------------------------ */

void slots_recycle(slots *self, uint64_t id) {
  slot *freed = slots_at(self, id);
  uint32_t index = slots_index_of(id);
  mutex_lock(&self->lock);
  freed->generation++;
  if (freed->generation != self->generation) {
    freed->next_free = SLOTS_MAX_COUNT;
    if (self->last_free == SLOTS_MAX_COUNT) {
      self->first_free = index;
    } else {
      slots_at(self, self->last_free)->next_free = index;
    }
    self->last_free = index;
  }
  mutex_unlock(&self->lock);
}

void slots_cancel(slots *self, uint64_t id) {
  slots_recycle(self, id);
}

/* Runs after every change of holds that may have left SLOT_DEAD alone. Reclaims under the slot's
 * own id, which need not be the one that the caller retired or released. */
static void slot_settle(slots *self, slot *left, uint32_t index, uint32_t holds) {
  if (holds != SLOT_DEAD) {
    return;
  }
  uint32_t expected = SLOT_DEAD;
  if (!atomic_compare_exchange_strong_explicit(&left->holds, &expected, 0, memory_order_acq_rel,
                                               memory_order_relaxed)) {
    return;
  }
  self->reclaim(self->owner, id_make(self, index, left->generation), slots_storage_at(self, index));
}

bool slots_retire(slots *self, uint64_t id) {
  slot *found = slots_find(self, id);
  uint64_t expected = id;
  if (found == NULL || !atomic_compare_exchange_strong_explicit(
                           &found->tag, &expected, 0, memory_order_acq_rel, memory_order_relaxed)) {
    return false;
  }
  atomic_fetch_sub_explicit(&self->live_count, 1, memory_order_relaxed);
  uint32_t change = SLOT_DEAD - 1;
  uint32_t before = atomic_fetch_add_explicit(&found->holds, change, memory_order_acq_rel);
  slot_settle(self, found, slots_index_of(id), before + change);
  return true;
}

void slots_release(slots *self, uint64_t id) {
  slot *held = slots_at(self, id);
  uint32_t before = atomic_fetch_sub_explicit(&held->holds, 1, memory_order_acq_rel);
  assert((before & ~SLOT_DEAD) != 0);
  slot_settle(self, held, slots_index_of(id), before - 1);
}

void *slots_acquire(slots *self, uint64_t id) {
  slot *found = slots_find(self, id);
  if (found == NULL) {
    return NULL;
  }
  /* In the order of holds' changes this one comes before the retirement's, which then leaves the
   * reclaiming to us, or after it, and then the tag below is no longer the id. */
  atomic_fetch_add_explicit(&found->holds, 1, memory_order_acq_rel);
  if (atomic_load_explicit(&found->tag, memory_order_acquire) != id) {
    slots_release(self, id);
    return NULL;
  }
  return slots_storage_at(self, id);
}

/* ---- Words, and walks ---------------------------------------------------------------------- */

void slots_write_words(slots *self, uint64_t id, const uint64_t *words, uint32_t count) {
  slot *target = slots_at(self, id);
  _Atomic uint64_t *storage = slots_storage_at(self, id);
  uint32_t sequence = atomic_load_explicit(&target->sequence, memory_order_relaxed);
  atomic_store_explicit(&target->sequence, sequence + 1, memory_order_relaxed);
  for (uint32_t i = 0; i < count; i++) {
    atomic_store_explicit(&storage[i], words[i], memory_order_release);
    if (i < SLOT_WORDS) {
      atomic_store_explicit(&target->words[i], words[i], memory_order_release);
    }
  }
  atomic_store_explicit(&target->sequence, sequence + 2, memory_order_release);
}

bool slots_read_words_again(const slots *self, uint64_t id, uint64_t *out, uint32_t words) {
  slots_outcome outcome = SLOTS_TORN;
  while (outcome == SLOTS_TORN) {
    sched_yield(); /* the writer may be waiting for this very processor */
    outcome = slots_try_words(self, id, out, words);
  }
  return outcome == SLOTS_WHOLE;
}

uint64_t slots_next(const slots *self, uint64_t last) {
  uint32_t count = atomic_load_explicit(&self->count, memory_order_acquire);
  for (uint32_t i = last == 0 ? 0 : slots_index_of(last) + 1; i < count; i++) {
    uint64_t tag = atomic_load_explicit(&slots_at(self, i)->tag, memory_order_acquire);
    if (tag != 0) {
      return tag;
    }
  }
  return 0;
}

uint32_t slots_live_count(const slots *self) {
  return atomic_load_explicit(&self->live_count, memory_order_relaxed);
}

void *slots_storage_of_index(const slots *self, uint64_t id) {
  uint32_t count = atomic_load_explicit(&self->count, memory_order_acquire);
  return slots_index_of(id) < count ? slots_storage_at(self, id) : NULL;
}
