/* The handle table under long random use: against a plain model, and under threads that read while
 * others destroy and make anew. */
#define _POSIX_C_SOURCE 200809L
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/slots.h"

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
#define IS_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer) || __has_feature(address_sanitizer)
#define IS_SANITIZED 1
#endif
#endif

#ifdef IS_SANITIZED
#define MODEL_STEPS 200000
#else
#define MODEL_STEPS 2000000
#endif

/* xorshift64: the same steps on every run. */
static uint32_t random_next(uint64_t *seed) {
  *seed ^= *seed << 13;
  *seed ^= *seed >> 7;
  *seed ^= *seed << 17;
  return (uint32_t)(*seed >> 32);
}

/* ---- Against a model ------------------------------------------------------------------------- */

#define MODEL_COUNT 3000
#define MODEL_WAITING 50 /* slots that are reclaimed and not yet recycled, at most */

typedef enum model_state { MODEL_NONE, MODEL_RESERVED, MODEL_LIVE, MODEL_DEAD } model_state;

typedef struct model_item {
  uint64_t id;
  model_state state;
  uint32_t holds;
} model_item;

typedef struct model {
  slots table;
  model_item items[MODEL_COUNT];
  uint64_t waiting[MODEL_WAITING];
  uint32_t waiting_count;
  uint32_t live;
  uint64_t expected_reclaims, reclaims, reclaimed;
} model;

static void model_reclaim(void *owner, uint64_t id, void *storage) {
  model *self = owner;
  uint64_t word = *(uint64_t *)storage;
  assert_true(word == (id ^ 0x5555));
  self->reclaims++;
  self->reclaimed = id;
  if (self->waiting_count < MODEL_WAITING) {
    self->waiting[self->waiting_count++] = id;
  } else {
    slots_recycle(&self->table, id);
  }
}

static void model_recycle(model *self) {
  for (uint32_t i = 0; i < self->waiting_count; i++) {
    slots_recycle(&self->table, self->waiting[i]);
  }
  self->waiting_count = 0;
}

static void model_check(model *self, const model_item *item) {
  uint64_t word = 0;
  bool is_live = item->state == MODEL_LIVE;
  if (item->state == MODEL_NONE) {
    return;
  }
  assert_int_equal(slots_peek(&self->table, item->id) != NULL, is_live);
  assert_int_equal(slots_read_words(&self->table, item->id, &word, 1), is_live);
  assert_true(!is_live || word == (item->id ^ 0x5555));
}

static void model_make(model *self, model_item *item, bool is_published) {
  void *storage = NULL;
  uint64_t former = item->id;
  assert_int_equal(slots_alloc(&self->table, &item->id, &storage), RG_OK);
  assert_null(slots_peek(&self->table, former));
  for (uint32_t i = 0; i < self->waiting_count; i++) {
    assert_int_not_equal(slots_index_of(self->waiting[i]), slots_index_of(item->id));
  }
  uint64_t word = item->id ^ 0x5555;
  slots_write_words(&self->table, item->id, &word, 1);
  item->state = MODEL_RESERVED;
  item->holds = 0;
  if (is_published) {
    slots_publish(&self->table, item->id);
    item->state = MODEL_LIVE;
    self->live++;
  }
}

static void model_retire(model *self, model_item *item) {
  bool was_live = item->state == MODEL_LIVE;
  assert_int_equal(slots_retire(&self->table, item->id), was_live);
  if (was_live) {
    item->state = MODEL_DEAD;
    self->live--;
    self->expected_reclaims += item->holds == 0;
    assert_true(item->holds > 0 || self->reclaimed == item->id);
  }
}

static void model_acquire(model *self, model_item *item) {
  void *storage = slots_acquire(&self->table, item->id);
  assert_int_equal(storage != NULL, item->state == MODEL_LIVE);
  item->holds += storage != NULL;
}

static void model_release(model *self, model_item *item) {
  if (item->holds > 0) {
    slots_release(&self->table, item->id);
    item->holds--;
    if (item->holds == 0 && item->state == MODEL_DEAD) {
      self->expected_reclaims++;
      assert_true(self->reclaimed == item->id);
    }
  }
}

static void model_settle_reservation(model *self, model_item *item, bool is_published) {
  if (is_published) {
    slots_publish(&self->table, item->id);
    item->state = MODEL_LIVE;
    self->live++;
  } else {
    slots_cancel(&self->table, item->id);
    item->state = MODEL_DEAD;
  }
}

static void model_step(model *self, uint64_t *seed) {
  model_item *item = &self->items[random_next(seed) % MODEL_COUNT];
  uint32_t dice = random_next(seed) % 16;
  bool is_vacant = item->state == MODEL_NONE || (item->state == MODEL_DEAD && item->holds == 0);
  if (item->state == MODEL_RESERVED) {
    model_settle_reservation(self, item, dice < 12);
  } else if (is_vacant && dice < 10) {
    model_make(self, item, dice < 8);
  } else if (item->state != MODEL_NONE && dice < 4) {
    model_retire(self, item);
  } else if (item->state != MODEL_NONE && dice < 9) {
    model_acquire(self, item);
  } else {
    model_release(self, item);
  }
  if (random_next(seed) % 200 == 0) {
    model_recycle(self);
  }
  model_check(self, item);
  model_check(self, &self->items[random_next(seed) % MODEL_COUNT]);
  assert_true(self->reclaims == self->expected_reclaims);
}

static void random_steps_agree_with_a_model(void **state) {
  (void)state;
  static model run;
  host_memory memory;
  host_memory_init(&memory, NULL);
  memset(&run, 0, sizeof run);
  slots_init(&run.table, &memory, RG_TYPE_MATERIAL, 24, model_reclaim, &run);
  uint64_t seed = 88172645463325252u;
  for (uint32_t i = 0; i < MODEL_STEPS; i++) {
    model_step(&run, &seed);
  }
  uint32_t walked = 0;
  for (uint64_t id = 0; (id = slots_next(&run.table, id)) != 0;) {
    walked++;
  }
  assert_int_equal(walked, run.live);
  assert_int_equal(slots_live_count(&run.table), run.live);
  assert_true(atomic_load(&run.table.count) <= MODEL_COUNT + MODEL_WAITING);
  slots_finish(&run.table);
  assert_int_equal(atomic_load(&memory.live_count), 0);
}

/* ---- Under threads --------------------------------------------------------------------------- */

#define SHARED_COUNT 24
#define WRITER_COUNT 2
#define READER_COUNT 3
#define RACE_NS 1000000000u
#define WORDS (SLOT_WORDS + 3) /* some are in the slot, some are not */

typedef struct race_storage {
  uint64_t words[WORDS]; /* the id, then a value, plus 1, plus 2, … */
  uint64_t owner_id;     /* plain: written before publication, cleared at reclaim */
} race_storage;

typedef struct race {
  slots table;
  _Atomic uint64_t shared[SHARED_COUNT];
  _Atomic uint64_t retired, reclaimed, wrong, reads, acquires;
  uint64_t end_ns;
} race;

typedef struct race_thread {
  race *run;
  uint32_t number;
  thread native;
} race_thread;

static void race_reclaim(void *owner, uint64_t id, void *storage) {
  race *run = owner;
  race_storage *item = storage;
  atomic_fetch_add(&run->wrong, item->owner_id != id);
  item->owner_id = 0;
  atomic_fetch_add(&run->reclaimed, 1);
  slots_recycle(&run->table, id);
}

static void race_write(race *run, uint64_t id, uint64_t value) {
  uint64_t words[WORDS] = {id};
  for (uint32_t i = 1; i < WORDS; i++) {
    words[i] = value + i;
  }
  slots_write_words(&run->table, id, words, WORDS);
}

static uint64_t race_make(race *run, uint64_t value) {
  uint64_t id = 0;
  void *storage = NULL;
  if (slots_alloc(&run->table, &id, &storage) != RG_OK) {
    atomic_fetch_add(&run->wrong, 1);
    return 0;
  }
  ((race_storage *)storage)->owner_id = id;
  race_write(run, id, value);
  slots_publish(&run->table, id);
  return id;
}

/* Each writer destroys and makes anew, or rewrites, the handles that are its own. */
static void *race_writer(void *user) {
  const race_thread *self = user;
  race *run = self->run;
  uint64_t seed = 7919 * (self->number + 1);
  while (time_now_ns() < run->end_ns) {
    uint32_t i = random_next(&seed) % (SHARED_COUNT / WRITER_COUNT) * WRITER_COUNT + self->number;
    uint64_t id = atomic_load_explicit(&run->shared[i], memory_order_relaxed);
    if (random_next(&seed) % 4 == 0) {
      race_write(run, id, random_next(&seed));
      continue;
    }
    atomic_fetch_add(&run->wrong, !slots_retire(&run->table, id));
    atomic_fetch_add(&run->retired, 1);
    atomic_store_explicit(&run->shared[i], race_make(run, random_next(&seed)),
                          memory_order_relaxed);
  }
  return NULL;
}

static void race_read_words(race *run, uint64_t id, uint32_t count) {
  uint64_t words[WORDS];
  if (slots_read_words(&run->table, id, words, count)) {
    bool is_whole = words[0] == id;
    for (uint32_t i = 2; i < count; i++) {
      is_whole = is_whole && words[i] == words[i - 1] + 1;
    }
    atomic_fetch_add(&run->wrong, !is_whole);
    atomic_fetch_add_explicit(&run->reads, 1, memory_order_relaxed);
  }
}

static void race_hold(race *run, uint64_t id, bool is_long) {
  race_storage *item = slots_acquire(&run->table, id);
  if (item != NULL) {
    atomic_fetch_add(&run->wrong, item->owner_id != id);
    if (is_long) {
      sched_yield();
    }
    atomic_fetch_add(&run->wrong, item->owner_id != id);
    atomic_fetch_add_explicit(&run->acquires, 1, memory_order_relaxed);
    slots_release(&run->table, id);
  }
}

/* Half of its look-ups are of handles it saw a while ago. */
static void *race_reader(void *user) {
  const race_thread *self = user;
  race *run = self->run;
  uint64_t seed = 104729 * (self->number + 1);
  uint64_t seen[16] = {0};
  while (time_now_ns() < run->end_ns) {
    for (int i = 0; i < 64; i++) {
      uint32_t dice = random_next(&seed);
      uint64_t *old = &seen[dice / 8 % 16];
      uint64_t id =
          atomic_load_explicit(&run->shared[dice / 128 % SHARED_COUNT], memory_order_relaxed);
      if (dice % 2 == 0) {
        uint64_t fresh = id;
        id = *old;
        *old = fresh;
      }
      if (dice % 8 < 4) {
        race_read_words(run, id, dice % 16 < 8 ? SLOT_WORDS : WORDS);
      } else {
        race_hold(run, id, dice % 1024 < 8);
      }
      (void)slots_peek(&run->table, id);
    }
  }
  return NULL;
}

static void readers_survive_destruction_and_reuse(void **state) {
  (void)state;
  static race run;
  race_thread threads[WRITER_COUNT + READER_COUNT];
  host_memory memory;
  host_memory_init(&memory, NULL);
  memset(&run, 0, sizeof run);
  slots_init(&run.table, &memory, RG_TYPE_BUFFER, sizeof(race_storage), race_reclaim, &run);
  for (uint32_t i = 0; i < SHARED_COUNT; i++) {
    atomic_store(&run.shared[i], race_make(&run, i));
  }
  run.end_ns = time_now_ns() + RACE_NS;
  for (uint32_t i = 0; i < WRITER_COUNT + READER_COUNT; i++) {
    threads[i] = (race_thread){.run = &run, .number = i};
    assert_int_equal(thread_start(&threads[i].native, 0,
                                  i < WRITER_COUNT ? race_writer : race_reader, &threads[i]),
                     RG_OK);
  }
  for (uint32_t i = 0; i < WRITER_COUNT + READER_COUNT; i++) {
    thread_join(&threads[i].native);
  }
  assert_true(atomic_load(&run.wrong) == 0);
  assert_true(atomic_load(&run.retired) > 100);
  assert_true(atomic_load(&run.retired) == atomic_load(&run.reclaimed));
  assert_true(atomic_load(&run.reads) > 100 && atomic_load(&run.acquires) > 100);
  assert_int_equal(slots_live_count(&run.table), SHARED_COUNT);
  assert_true(atomic_load(&run.table.count) < 200);
  slots_finish(&run.table);
  assert_int_equal(atomic_load(&memory.live_count), 0);
}

#define MANY_WORDS 64
#define TEAR_NS 300000000u

typedef struct tear {
  slots table;
  _Atomic uint64_t id;
  _Atomic uint64_t wrong, reads;
  bool is_reborn; /* each write is of a new handle in the same slot */
  uint64_t end_ns;
} tear;

static void tear_reclaim(void *owner, uint64_t id, void *storage) {
  (void)storage;
  slots_recycle(&((tear *)owner)->table, id);
}

/* All words alike, in one life; in others the handle itself. */
static void tear_write(tear *run, uint64_t value) {
  uint64_t words[MANY_WORDS], id = atomic_load(&run->id);
  void *storage = NULL;
  if (run->is_reborn || id == 0) {
    atomic_fetch_add(&run->wrong, id != 0 && !slots_retire(&run->table, id));
    atomic_fetch_add(&run->wrong, slots_alloc(&run->table, &id, &storage) != RG_OK);
  }
  for (uint32_t i = 0; i < MANY_WORDS; i++) {
    words[i] = run->is_reborn ? id : value;
  }
  slots_write_words(&run->table, id, words, MANY_WORDS);
  if (storage != NULL) {
    slots_publish(&run->table, id);
    atomic_store(&run->id, id);
  }
}

static void *tear_reader(void *user) {
  tear *run = user;
  uint64_t words[MANY_WORDS];
  while (time_now_ns() < run->end_ns) {
    for (uint32_t n = 0; n < 100; n++) {
      uint64_t id = atomic_load_explicit(&run->id, memory_order_relaxed);
      uint32_t count = n % 2 == 0 ? MANY_WORDS : SLOT_WORDS;
      if (slots_read_words(&run->table, id, words, count)) {
        bool is_whole = !run->is_reborn || words[0] == id;
        for (uint32_t i = 1; i < count; i++) {
          is_whole = is_whole && words[i] == words[0];
        }
        atomic_fetch_add(&run->wrong, !is_whole);
        atomic_fetch_add_explicit(&run->reads, 1, memory_order_relaxed);
      }
    }
  }
  return NULL;
}

static void tear_run(bool is_reborn) {
  static tear run;
  host_memory memory;
  thread reader;
  host_memory_init(&memory, NULL);
  memset(&run, 0, sizeof run);
  run.is_reborn = is_reborn;
  slots_init(&run.table, &memory, RG_TYPE_BUFFER, MANY_WORDS * 8, tear_reclaim, &run);
  tear_write(&run, 0);
  run.end_ns = time_now_ns() + TEAR_NS;
  assert_int_equal(thread_start(&reader, 0, tear_reader, &run), RG_OK);
  for (uint64_t value = 1; time_now_ns() < run.end_ns; value++) {
    tear_write(&run, value);
  }
  thread_join(&reader);
  assert_true(atomic_load(&run.wrong) == 0);
  assert_true(atomic_load(&run.reads) > 100);
  assert_int_equal(atomic_load(&run.table.count), 1);
  slots_finish(&run.table);
}

static void words_read_while_being_written_are_whole(void **state) {
  (void)state;
  tear_run(false);
}

static void words_of_a_handle_never_belong_to_the_next(void **state) {
  (void)state;
  tear_run(true);
}

#define CONTESTED 20000

typedef struct contest {
  race run;
  uint64_t ids[CONTESTED];
  _Atomic uint32_t next;
} contest;

static void *contest_retire(void *user) {
  contest *self = user;
  uint32_t i;
  /* both threads go for each handle */
  while ((i = atomic_fetch_add(&self->next, 1) / 2) < CONTESTED) {
    if (slots_retire(&self->run.table, self->ids[i])) {
      atomic_fetch_add(&self->run.retired, 1);
    }
  }
  return NULL;
}

static void handle_dies_once_though_two_threads_destroy_it(void **state) {
  (void)state;
  static contest both;
  host_memory memory;
  thread threads[2];
  host_memory_init(&memory, NULL);
  memset(&both, 0, sizeof both);
  slots_init(&both.run.table, &memory, RG_TYPE_BUFFER, sizeof(race_storage), race_reclaim,
             &both.run);
  for (uint32_t i = 0; i < CONTESTED; i++) {
    both.ids[i] = race_make(&both.run, i);
  }
  for (int i = 0; i < 2; i++) {
    assert_int_equal(thread_start(&threads[i], 0, contest_retire, &both), RG_OK);
  }
  for (int i = 0; i < 2; i++) {
    thread_join(&threads[i]);
  }
  assert_true(atomic_load(&both.run.retired) == CONTESTED);
  assert_true(atomic_load(&both.run.reclaimed) == CONTESTED);
  assert_true(atomic_load(&both.run.wrong) == 0);
  assert_int_equal(slots_live_count(&both.run.table), 0);
  slots_finish(&both.run.table);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(random_steps_agree_with_a_model),
      cmocka_unit_test(readers_survive_destruction_and_reuse),
      cmocka_unit_test(words_read_while_being_written_are_whole),
      cmocka_unit_test(words_of_a_handle_never_belong_to_the_next),
      cmocka_unit_test(handle_dies_once_though_two_threads_destroy_it),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
