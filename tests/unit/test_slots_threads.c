/* The handle table under threads that read while others write, destroy and make anew. */
#define _POSIX_C_SOURCE 200809L
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/slots.h"

/* xorshift64: the same steps on every run. */
static uint32_t random_next(uint64_t *seed) {
  *seed ^= *seed << 13;
  *seed ^= *seed >> 7;
  *seed ^= *seed << 17;
  return (uint32_t)(*seed >> 32);
}

/* ---- Everything at once ---------------------------------------------------------------------- */

#define SHARED_COUNT 24
#define WRITER_COUNT 2
#define READER_COUNT 3
#define RACE_NS 1000000000u
#define WORDS SLOT_WORDS

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
        race_read_words(run, id, dice % 16 < 8 ? 3 : WORDS);
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
  slots_set_word_count(&run.table, WORDS);
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
  assert_true(atomic_load(&run.retired) > SHARED_COUNT);
  assert_true(atomic_load(&run.retired) == atomic_load(&run.reclaimed));
  assert_true(atomic_load(&run.reads) > 0 && atomic_load(&run.acquires) > 0);
  assert_int_equal(slots_live_count(&run.table), SHARED_COUNT);
  assert_true(atomic_load(&run.table.claimed) < 1000);
  slots_finish(&run.table);
  assert_int_equal(atomic_load(&memory.live_count), 0);
}

/* ---- One handle, written all the time ------------------------------------------------------- */

#define MANY_WORDS SLOT_WORDS
#define TEAR_NS 400000000u

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
      uint32_t count = n % 2 == 0 ? MANY_WORDS : 3;
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
  slots_set_word_count(&run.table, WORDS);
  tear_write(&run, 0);
  run.end_ns = time_now_ns() + TEAR_NS;
  assert_int_equal(thread_start(&reader, 0, tear_reader, &run), RG_OK);
  for (uint64_t value = 1; time_now_ns() < run.end_ns; value++) {
    tear_write(&run, value);
    if (value % 64 == 0) {
      sched_yield(); /* some handles live long enough to be read */
    }
  }
  thread_join(&reader);
  assert_true(atomic_load(&run.wrong) == 0);
  assert_true(atomic_load(&run.reads) > 0);
  assert_true(slots_index_of(atomic_load(&run.id)) == 0); /* always the same slot */
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

/* ---- One handle, held and destroyed all the time --------------------------------------------- */

static void *race_holder(void *user) {
  race *run = user;
  while (time_now_ns() < run->end_ns) {
    for (int i = 0; i < 100; i++) {
      race_hold(run, atomic_load_explicit(&run->shared[0], memory_order_relaxed), false);
    }
  }
  return NULL;
}

static void each_death_is_reclaimed_once(void **state) {
  (void)state;
  static race run;
  host_memory memory;
  thread holder;
  host_memory_init(&memory, NULL);
  memset(&run, 0, sizeof run);
  slots_init(&run.table, &memory, RG_TYPE_BUFFER, sizeof(race_storage), race_reclaim, &run);
  slots_set_word_count(&run.table, WORDS);
  run.end_ns = time_now_ns() + TEAR_NS;
  assert_int_equal(thread_start(&holder, 0, race_holder, &run), RG_OK);
  uint64_t retired = 0;
  for (; time_now_ns() < run.end_ns; retired++) {
    uint64_t id = race_make(&run, retired);
    atomic_store_explicit(&run.shared[0], id, memory_order_relaxed);
    assert_true(slots_retire(&run.table, id));
  }
  thread_join(&holder);
  assert_true(atomic_load(&run.wrong) == 0);
  assert_true(atomic_load(&run.reclaimed) == retired);
  assert_true(atomic_load(&run.table.claimed) < 500);
  slots_finish(&run.table);
}

/* ---- Two that destroy ------------------------------------------------------------------------ */

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
  slots_set_word_count(&both.run.table, WORDS);
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
      cmocka_unit_test(readers_survive_destruction_and_reuse),
      cmocka_unit_test(words_read_while_being_written_are_whole),
      cmocka_unit_test(words_of_a_handle_never_belong_to_the_next),
      cmocka_unit_test(each_death_is_reclaimed_once),
      cmocka_unit_test(handle_dies_once_though_two_threads_destroy_it),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
