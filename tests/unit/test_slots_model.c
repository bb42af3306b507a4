/* The handle table under long random use, against a plain model: by one thread, exactly, and by
 * several that share it. REGOLITH_MODEL_OPERATIONS sets how many operations both do together. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/slots.h"

#define OPERATIONS 600000

/* Of one of the two tests. */
static uint64_t operation_count(void) {
  const char *text = getenv("REGOLITH_MODEL_OPERATIONS");
  uint64_t count = text == NULL ? 0 : strtoull(text, NULL, 10);
  return (count == 0 ? OPERATIONS : count) / 2;
}

/* xorshift64: the same steps on every run. */
static uint32_t random_next(uint64_t *seed) {
  *seed ^= *seed << 13;
  *seed ^= *seed >> 7;
  *seed ^= *seed << 17;
  return (uint32_t)(*seed >> 32);
}

#define WORDS 3

/* The words of a handle that was written `version` times. */
static void words_make(uint64_t id, uint64_t version, uint64_t *words) {
  words[0] = id;
  words[1] = version;
  words[2] = id ^ (version * 0x9E3779B97F4A7C15u);
}

static bool words_are_of(const uint64_t *words, uint64_t id) {
  uint64_t expected[WORDS];
  words_make(id, words[1], expected);
  return memcmp(words, expected, sizeof expected) == 0;
}

/* ---- One thread ------------------------------------------------------------------------------ */

#define ITEM_COUNT 3000
#define WAITING_COUNT 50                        /* slots that are reclaimed, not yet recycled */
#define SLOT_COUNT (ITEM_COUNT + WAITING_COUNT) /* that can be in use at once */

typedef enum item_state { ITEM_NONE, ITEM_RESERVED, ITEM_LIVE, ITEM_DEAD } item_state;

typedef struct model_item {
  uint64_t id;
  uint64_t version; /* of its words */
  item_state state;
  bool is_shared;
  uint32_t holds;
} model_item;

typedef struct model {
  slots table;
  model_item items[ITEM_COUNT];
  uint64_t waiting[WAITING_COUNT];
  uint32_t waiting_count;
  uint32_t live;
  uint64_t expected_reclaims, reclaims, reclaimed;
  uint32_t queue[SLOT_COUNT + 1]; /* free slots, a ring; first in, first out */
  uint32_t queue_first, queue_count;
  uint32_t made; /* slots ever used */
} model;

static void queue_put(model *self, uint64_t id) {
  assert_true(self->queue_count <= SLOT_COUNT);
  self->queue[(self->queue_first + self->queue_count++) % (SLOT_COUNT + 1)] = slots_index_of(id);
}

static uint32_t queue_take(model *self) {
  if (self->queue_count == 0) {
    return self->made++;
  }
  uint32_t index = self->queue[self->queue_first];
  self->queue_first = (self->queue_first + 1) % (SLOT_COUNT + 1);
  self->queue_count--;
  return index;
}

static void model_reclaim(void *owner, uint64_t id, void *storage) {
  model *self = owner;
  assert_true(words_are_of(storage, id));
  self->reclaims++;
  self->reclaimed = id;
  if (self->waiting_count < WAITING_COUNT) {
    self->waiting[self->waiting_count++] = id;
  } else {
    slots_recycle(&self->table, id);
    queue_put(self, id);
  }
}

static void model_recycle(model *self) {
  for (uint32_t i = 0; i < self->waiting_count; i++) {
    slots_recycle(&self->table, self->waiting[i]);
    queue_put(self, self->waiting[i]);
  }
  self->waiting_count = 0;
}

static void model_check(model *self, const model_item *item) {
  uint64_t words[WORDS] = {0};
  bool is_live = item->state == ITEM_LIVE;
  if (item->state == ITEM_NONE) {
    return;
  }
  assert_int_equal(slots_peek(&self->table, item->id) != NULL, is_live);
  assert_int_equal(slots_try_words(&self->table, item->id, words, WORDS), is_live);
  assert_int_equal(slots_read_words(&self->table, item->id, words, WORDS), is_live);
  if (is_live) {
    assert_true(words_are_of(words, item->id));
    assert_true(words[1] == item->version);
    assert_memory_equal(slots_peek(&self->table, item->id), words, sizeof words);
  }
}

static void model_make(model *self, model_item *item, bool is_published) {
  void *storage = NULL;
  uint64_t former = item->id, words[WORDS];
  uint32_t expected = queue_take(self);
  assert_int_equal(slots_alloc(&self->table, &item->id, &storage), RG_OK);
  assert_int_equal(slots_index_of(item->id), expected);
  assert_true(item->id != former);
  assert_null(slots_peek(&self->table, former));
  *item = (model_item){.id = item->id, .state = ITEM_RESERVED};
  words_make(item->id, 0, words);
  slots_init_words(&self->table, item->id, words, WORDS);
  if (is_published) {
    slots_publish(&self->table, item->id);
    item->state = ITEM_LIVE;
    self->live++;
  }
}

static void model_settle_reservation(model *self, model_item *item, bool is_published) {
  if (is_published) {
    slots_publish(&self->table, item->id);
    item->state = ITEM_LIVE;
    self->live++;
  } else {
    slots_cancel(&self->table, item->id);
    queue_put(self, item->id);
    item->state = ITEM_DEAD;
  }
}

static void model_retire(model *self, model_item *item, bool is_sole) {
  bool dies = item->state == ITEM_LIVE && !(is_sole && item->is_shared);
  self->expected_reclaims += dies && item->holds == 0;
  assert_int_equal(
      is_sole ? slots_retire_sole(&self->table, item->id) : slots_retire(&self->table, item->id),
      dies);
  if (dies) {
    item->state = ITEM_DEAD;
    self->live--;
    assert_true(item->holds > 0 || self->reclaimed == item->id);
  }
}

static void model_share(model *self, model_item *item) {
  assert_int_equal(slots_share(&self->table, item->id), item->state == ITEM_LIVE);
  item->is_shared = item->is_shared || item->state == ITEM_LIVE;
}

static void model_acquire(model *self, model_item *item) {
  void *storage = slots_acquire(&self->table, item->id);
  assert_int_equal(storage != NULL, item->state == ITEM_LIVE);
  item->holds += storage != NULL;
}

static void model_release(model *self, model_item *item) {
  if (item->holds > 0) {
    item->holds--;
    bool is_last = item->holds == 0 && item->state == ITEM_DEAD;
    self->expected_reclaims += is_last;
    slots_release(&self->table, item->id);
    assert_true(!is_last || self->reclaimed == item->id);
  }
}

static void model_write(model *self, model_item *item) {
  if (item->state == ITEM_LIVE) {
    uint64_t words[WORDS];
    words_make(item->id, ++item->version, words);
    slots_write_words(&self->table, item->id, words, WORDS);
  }
}

static void model_operate(model *self, model_item *item, uint32_t dice) {
  bool is_vacant = item->state == ITEM_NONE || (item->state == ITEM_DEAD && item->holds == 0);
  if (item->state == ITEM_RESERVED) {
    model_settle_reservation(self, item, dice < 12);
  } else if (is_vacant && dice < 10) {
    model_make(self, item, dice < 8);
  } else if (item->state == ITEM_NONE) {
    assert_null(slots_peek(&self->table, item->id));
  } else if (dice < 4) {
    model_retire(self, item, dice < 2);
  } else if (dice < 8) {
    model_acquire(self, item);
  } else if (dice < 10) {
    model_write(self, item);
  } else if (dice < 11) {
    model_share(self, item);
  } else {
    model_release(self, item);
  }
}

static void model_step(model *self, uint64_t *seed) {
  model_item *item = &self->items[random_next(seed) % ITEM_COUNT];
  model_operate(self, item, random_next(seed) % 16);
  if (random_next(seed) % 200 == 0) {
    model_recycle(self);
  }
  model_check(self, item);
  model_check(self, &self->items[random_next(seed) % ITEM_COUNT]);
  assert_true(self->reclaims == self->expected_reclaims);
}

static void random_operations_agree_with_a_model(void **state) {
  (void)state;
  static model run;
  host_memory memory;
  host_memory_init(&memory, NULL);
  memset(&run, 0, sizeof run);
  slots_init(&run.table, &memory, RG_TYPE_MATERIAL, WORDS * 8, model_reclaim, &run);
  slots_set_word_count(&run.table, WORDS);
  uint64_t seed = 88172645463325252u, count = operation_count();
  for (uint64_t i = 0; i < count; i++) {
    model_step(&run, &seed);
  }
  uint32_t walked = 0;
  for (uint64_t id = 0; (id = slots_next(&run.table, id)) != 0;) {
    walked++;
  }
  assert_int_equal(walked, run.live);
  assert_int_equal(slots_live_count(&run.table), run.live);
  assert_true(run.made <= SLOT_COUNT);
  slots_finish(&run.table);
  assert_int_equal(atomic_load(&memory.live_count), 0);
}

/* ---- Several threads ------------------------------------------------------------------------- */

#define THREAD_COUNT 4
#define OWN_COUNT 300 /* handles that a thread makes and destroys; all may read and hold them */
#define INDEX_COUNT 8192

typedef struct board {
  slots table;
  _Atomic uint64_t ids[THREAD_COUNT][OWN_COUNT];
  _Atomic uint64_t owners[INDEX_COUNT]; /* the id that a slot is reserved for; 0 while it is free */
  _Atomic uint64_t last[INDEX_COUNT];   /* its id before */
  _Atomic uint64_t wrong, retired, reclaimed;
} board;

typedef struct worker {
  board *board;
  uint32_t number;
  uint64_t operations;
  thread native;
} worker;

static void expect(board *board, bool is_right) {
  if (!is_right) {
    atomic_fetch_add(&board->wrong, 1);
  }
}

static void board_free(board *board, uint64_t id) {
  expect(board, atomic_exchange(&board->owners[slots_index_of(id)], 0) == id);
  slots_recycle(&board->table, id);
}

static void board_reclaim(void *owner, uint64_t id, void *storage) {
  board *board = owner;
  expect(board, words_are_of(storage, id));
  atomic_fetch_add(&board->reclaimed, 1);
  board_free(board, id);
}

static void own_make(worker *self, uint32_t item) {
  board *board = self->board;
  void *storage = NULL;
  uint64_t id = 0, words[WORDS];
  if (slots_alloc(&board->table, &id, &storage) != RG_OK || slots_index_of(id) >= INDEX_COUNT) {
    expect(board, false);
    return;
  }
  uint32_t index = slots_index_of(id);
  expect(board, atomic_exchange(&board->owners[index], id) == 0);
  expect(board, atomic_exchange(&board->last[index], id) != id);
  words_make(id, 0, words);
  slots_init_words(&board->table, id, words, WORDS);
  slots_publish(&board->table, id);
  atomic_store_explicit(&board->ids[self->number][item], id, memory_order_release);
}

/* Nobody else destroys or writes it: what this thread knows of it is exact. */
static void own_operate(worker *self, uint32_t item, uint64_t value) {
  board *board = self->board;
  uint64_t words[WORDS];
  uint64_t id = atomic_load_explicit(&board->ids[self->number][item], memory_order_relaxed);
  if (id == 0) {
    own_make(self, item);
  } else if (value % 2 == 0) {
    expect(board, slots_acquire(&board->table, id) != NULL);
    words_make(id, value, words);
    slots_write_words(&board->table, id, words, WORDS);
    expect(board, slots_read_words(&board->table, id, words, WORDS) && words[1] == value);
    slots_release(&board->table, id);
  } else {
    bool is_shared = value % 4 == 1 && slots_share(&board->table, id);
    expect(board, slots_retire_sole(&board->table, id) == !is_shared);
    expect(board, !is_shared || slots_retire(&board->table, id));
    expect(board, slots_peek(&board->table, id) == NULL);
    atomic_fetch_add_explicit(&board->retired, 1, memory_order_relaxed);
    atomic_store_explicit(&board->ids[self->number][item], 0, memory_order_relaxed);
  }
}

static void other_operate(board *board, uint64_t id, bool holds) {
  uint64_t words[WORDS];
  if (slots_try_words(&board->table, id, words, WORDS) ||
      slots_read_words(&board->table, id, words, WORDS)) {
    expect(board, words_are_of(words, id));
  }
  if (holds && slots_acquire(&board->table, id) != NULL) {
    expect(board, atomic_load(&board->owners[slots_index_of(id)]) == id);
    slots_release(&board->table, id);
  }
}

static void *worker_run(void *user) {
  worker *self = user;
  uint64_t seed = UINT64_C(7919) * (self->number + 1), seen[16] = {0};
  for (uint64_t i = 0; i < self->operations; i++) {
    uint32_t dice = random_next(&seed), item = random_next(&seed) % OWN_COUNT;
    if (dice % 3 == 0) {
      own_operate(self, item, dice / 3);
      continue;
    }
    uint32_t other = dice / 3 % THREAD_COUNT;
    uint64_t *old = &seen[dice / 64 % 16];
    other_operate(self->board, *old, dice % 2 == 0);
    *old = atomic_load_explicit(&self->board->ids[other][item], memory_order_acquire);
    other_operate(self->board, *old, dice % 2 == 1);
  }
  return NULL;
}

static void random_operations_of_threads_agree_with_what_each_knows(void **state) {
  (void)state;
  static board shared;
  static worker workers[THREAD_COUNT];
  host_memory memory;
  host_memory_init(&memory, NULL);
  memset(&shared, 0, sizeof shared);
  slots_init(&shared.table, &memory, RG_TYPE_BUFFER, WORDS * 8, board_reclaim, &shared);
  slots_set_word_count(&shared.table, WORDS);
  for (uint32_t i = 0; i < THREAD_COUNT; i++) {
    workers[i] =
        (worker){.board = &shared, .number = i, .operations = operation_count() / THREAD_COUNT};
    assert_int_equal(thread_start(&workers[i].native, 0, worker_run, &workers[i]), RG_OK);
  }
  for (uint32_t i = 0; i < THREAD_COUNT; i++) {
    thread_join(&workers[i].native);
  }
  assert_true(atomic_load(&shared.wrong) == 0);
  assert_true(atomic_load(&shared.retired) > 0);
  assert_true(atomic_load(&shared.retired) == atomic_load(&shared.reclaimed));
  uint32_t live = 0;
  for (uint32_t i = 0; i < THREAD_COUNT * OWN_COUNT; i++) {
    live += atomic_load(&shared.ids[i / OWN_COUNT][i % OWN_COUNT]) != 0;
  }
  assert_int_equal(slots_live_count(&shared.table), live);
  /* what is in use, and what rests with each thread */
  assert_true(atomic_load(&shared.table.claimed) <=
              THREAD_COUNT * (OWN_COUNT + 3 * SLOTS_MAGAZINE + 1));
  slots_finish(&shared.table);
  assert_int_equal(atomic_load(&memory.live_count), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(random_operations_agree_with_a_model),
      cmocka_unit_test(random_operations_of_threads_agree_with_what_each_knows),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
