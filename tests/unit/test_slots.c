/* The handle table: life and death of handles, reuse, holders, and readers racing both. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/result.h"
#include "base/slots.h"
#include "test_memory.h"

typedef struct fixture {
  test_memory counted;
  rg_allocator allocator;
  host_memory memory;
  slots table;
  uint32_t reclaims;
  uint64_t reclaimed; /* the last one's id */
  bool recycles_later;
} fixture;

static void note_reclaim(void *owner, uint64_t id, void *storage) {
  fixture *self = owner;
  assert_non_null(storage);
  self->reclaims++;
  self->reclaimed = id;
  if (!self->recycles_later) {
    slots_recycle(&self->table, id);
  }
}

static void fixture_init(fixture *self) {
  memset(self, 0, sizeof *self);
  self->allocator = test_memory_allocator(&self->counted);
  host_memory_init(&self->memory, &self->allocator);
  slots_init(&self->table, &self->memory, RG_TYPE_BUFFER, 40, note_reclaim, self);
  slots_set_word_count(&self->table, 3);
}

static void fixture_finish(fixture *self) {
  slots_finish(&self->table);
  assert_int_equal(self->counted.live, 0);
  assert_int_equal(atomic_load(&self->memory.live_bytes), 0);
}

static uint64_t make(slots *table) {
  uint64_t id = 0;
  void *storage = NULL;
  assert_int_equal(slots_alloc(table, &id, &storage), RG_OK);
  slots_publish(table, id);
  return id;
}

static uint32_t generation_of(uint64_t id) {
  return (uint32_t)(id >> 24);
}

static void ids_tell_their_type(void **state) {
  (void)state;
  fixture f;
  fixture_init(&f);
  uint64_t id = make(&f.table);
  assert_int_equal(rg_type_of(id), RG_TYPE_BUFFER);
  assert_int_equal(rg_type_of(0), RG_TYPE_NONE);
  assert_int_equal(rg_type_of(UINT64_MAX), RG_TYPE_NONE);
  assert_int_equal(rg_type_of(7ull << 56), RG_TYPE_NONE);
  assert_int_equal(rg_type_of(6ull << 56), RG_TYPE_POOL);
  assert_string_equal(rg_type_name(RG_TYPE_BUFFER), "buffer");
  assert_string_equal(rg_type_name(RG_TYPE_SET), "set");
  assert_string_equal(rg_type_name(RG_TYPE_POOL), "pool");
  assert_string_equal(rg_type_name(RG_TYPE_NONE), "none");
  assert_string_equal(rg_type_name((rg_type)77), "none");
  fixture_finish(&f);
}

static void handle_lives_from_publication_to_retirement(void **state) {
  (void)state;
  fixture f;
  fixture_init(&f);
  uint64_t id = 0;
  void *storage = NULL;
  assert_int_equal(slots_alloc(&f.table, &id, &storage), RG_OK);
  assert_int_not_equal(id, 0);
  assert_null(slots_peek(&f.table, id));
  assert_null(slots_acquire(&f.table, id));
  assert_false(slots_retire(&f.table, id));
  assert_int_equal(slots_live_count(&f.table), 0);
  slots_publish(&f.table, id);
  assert_ptr_equal(slots_peek(&f.table, id), storage);
  assert_int_equal(slots_live_count(&f.table), 1);
  assert_true(slots_retire(&f.table, id));
  assert_null(slots_peek(&f.table, id));
  assert_null(slots_acquire(&f.table, id));
  assert_false(slots_retire(&f.table, id));
  assert_int_equal(slots_live_count(&f.table), 0);
  assert_int_equal(f.reclaims, 1);
  assert_true(f.reclaimed == id);
  fixture_finish(&f);
}

static void forged_handles_are_refused(void **state) {
  (void)state;
  fixture f;
  fixture_init(&f);
  uint64_t words[2];
  assert_null(slots_peek(&f.table, 0));
  uint64_t id = make(&f.table);
  const uint64_t forged[] = {0,
                             id + 1,
                             id ^ 1ull << 56,
                             id ^ 1ull << 24,
                             id ^ 1ull << 55,
                             id | 0xFFFFFF,
                             0xFFFFFF,
                             UINT64_MAX,
                             id | SLOTS_RECORD_PAGE,
                             id | SLOTS_PAGE,
                             id | (SLOTS_MAX_COUNT - 1)};
  for (size_t i = 0; i < sizeof forged / sizeof *forged; i++) {
    assert_null(slots_peek(&f.table, forged[i]));
    assert_null(slots_acquire(&f.table, forged[i]));
    assert_false(slots_read_words(&f.table, forged[i], words, 2));
    assert_false(slots_retire(&f.table, forged[i]));
  }
  assert_non_null(slots_peek(&f.table, id));
  fixture_finish(&f);
}

static void null_handle_is_not_live_where_the_first_slot_is_dead(void **state) {
  (void)state;
  fixture f;
  uint64_t word = 0;
  fixture_init(&f);
  assert_true(slots_retire(&f.table, make(&f.table)));
  assert_null(slots_peek(&f.table, 0));
  assert_null(slots_acquire(&f.table, 0));
  assert_false(slots_read_words(&f.table, 0, &word, 1));
  assert_false(slots_retire(&f.table, 0));
  fixture_finish(&f);
}

static void reused_slot_has_a_new_handle_and_its_old_storage(void **state) {
  (void)state;
  fixture f;
  fixture_init(&f);
  uint64_t old = make(&f.table);
  char *before = slots_peek(&f.table, old);
  for (int i = 0; i < 40; i++) {
    assert_int_equal(before[i], 0);
  }
  memset(before, 'x', 40);
  assert_true(slots_retire(&f.table, old));
  assert_ptr_equal(slots_storage_of_index(&f.table, old), before);
  uint64_t fresh = make(&f.table);
  char *after = slots_peek(&f.table, fresh);
  assert_ptr_equal(after, before);
  assert_int_equal(slots_index_of(fresh), slots_index_of(old));
  assert_int_equal(generation_of(fresh), generation_of(old) + 1);
  assert_null(slots_peek(&f.table, old));
  assert_false(slots_retire(&f.table, old));
  for (int i = 0; i < 40; i++) {
    assert_int_equal(after[i], 'x');
  }
  fixture_finish(&f);
}

static void reclaimed_slot_is_not_reused_before_it_is_recycled(void **state) {
  (void)state;
  fixture f;
  fixture_init(&f);
  f.recycles_later = true;
  uint64_t id = make(&f.table);
  assert_true(slots_retire(&f.table, id));
  assert_int_equal(f.reclaims, 1);
  assert_int_not_equal(slots_index_of(make(&f.table)), slots_index_of(id));
  slots_recycle(&f.table, id);
  assert_int_equal(slots_index_of(make(&f.table)), slots_index_of(id));
  fixture_finish(&f);
}

static void slots_are_reused_first_in_first_out(void **state) {
  (void)state;
  fixture f;
  fixture_init(&f);
  uint64_t ids[5];
  for (int i = 0; i < 5; i++) {
    ids[i] = make(&f.table);
  }
  const int order[] = {3, 0, 4, 1};
  for (int i = 0; i < 4; i++) {
    assert_true(slots_retire(&f.table, ids[order[i]]));
  }
  for (int i = 0; i < 4; i++) {
    assert_int_equal(slots_index_of(make(&f.table)), slots_index_of(ids[order[i]]));
  }
  assert_int_equal(slots_index_of(make(&f.table)), 5);
  fixture_finish(&f);
}

/* Makes a free slot as old as if it had lived that long. */
static void age_to(slots *table, uint64_t id, uint32_t generation) {
  uint64_t former = (uint64_t)RG_TYPE_BUFFER << 56 | (uint64_t)(generation - 1) << 24;
  void *storage = NULL;
  assert_int_equal(slots_alloc(table, &id, &storage), RG_OK);
  slots_recycle(table, former | slots_index_of(id));
}

static void slot_whose_generation_would_repeat_is_retired(void **state) {
  (void)state;
  fixture f;
  fixture_init(&f);
  uint64_t first = make(&f.table);
  assert_int_equal(generation_of(first), f.table.generation);
  assert_true(slots_retire(&f.table, first));
  age_to(&f.table, first, f.table.generation - 2);
  uint64_t second = make(&f.table);
  assert_true(slots_retire(&f.table, second));
  uint64_t last = make(&f.table);
  assert_int_equal(slots_index_of(last), slots_index_of(first));
  assert_true(slots_retire(&f.table, last));
  assert_int_not_equal(slots_index_of(make(&f.table)), slots_index_of(first));
  fixture_finish(&f);
}

static void generations_pass_through_zero(void **state) {
  (void)state;
  fixture f;
  fixture_init(&f);
  f.table.generation = UINT32_MAX;
  uint64_t id = make(&f.table);
  assert_int_equal(generation_of(id), UINT32_MAX);
  assert_true(slots_retire(&f.table, id));
  id = make(&f.table);
  assert_int_equal(generation_of(id), 0);
  assert_int_equal(rg_type_of(id), RG_TYPE_BUFFER);
  assert_non_null(slots_peek(&f.table, id));
  fixture_finish(&f);
}

static void another_tables_handles_do_not_match(void **state) {
  (void)state;
  fixture a, b;
  fixture_init(&a);
  fixture_init(&b);
  for (int i = 0; i < 100; i++) {
    uint64_t id = make(&a.table);
    (void)make(&b.table);
    assert_null(slots_peek(&b.table, id));
  }
  fixture_finish(&a);
  fixture_finish(&b);
}

static void tables_made_at_the_same_place_differ(void **state) {
  (void)state;
  fixture f;
  fixture_init(&f);
  uint64_t id = make(&f.table);
  fixture_finish(&f);
  fixture_init(&f);
  (void)make(&f.table);
  assert_null(slots_peek(&f.table, id));
  fixture_finish(&f);
}

static void cancelled_reservation_is_not_reclaimed(void **state) {
  (void)state;
  fixture f;
  fixture_init(&f);
  uint64_t id = 0;
  void *storage = NULL;
  assert_int_equal(slots_alloc(&f.table, &id, &storage), RG_OK);
  slots_cancel(&f.table, id);
  assert_int_equal(f.reclaims, 0);
  uint64_t next = make(&f.table);
  assert_int_equal(slots_index_of(next), slots_index_of(id));
  assert_true(next != id);
  fixture_finish(&f);
}

static void reclaim_waits_for_the_last_holder(void **state) {
  (void)state;
  fixture f;
  fixture_init(&f);
  uint64_t id = make(&f.table);
  void *storage = slots_acquire(&f.table, id);
  assert_ptr_equal(storage, slots_peek(&f.table, id));
  assert_ptr_equal(slots_acquire(&f.table, id), storage);
  assert_true(slots_retire(&f.table, id));
  assert_null(slots_peek(&f.table, id));
  assert_int_equal(f.reclaims, 0);
  assert_int_not_equal(slots_index_of(make(&f.table)), slots_index_of(id));
  slots_release(&f.table, id);
  assert_int_equal(f.reclaims, 0);
  slots_release(&f.table, id);
  assert_int_equal(f.reclaims, 1);
  assert_true(f.reclaimed == id);
  assert_int_equal(slots_index_of(make(&f.table)), slots_index_of(id));
  fixture_finish(&f);
}

static void release_before_retirement_does_not_reclaim(void **state) {
  (void)state;
  fixture f;
  fixture_init(&f);
  uint64_t id = make(&f.table);
  assert_non_null(slots_acquire(&f.table, id));
  slots_release(&f.table, id);
  assert_int_equal(f.reclaims, 0);
  assert_non_null(slots_peek(&f.table, id));
  assert_true(slots_retire(&f.table, id));
  assert_int_equal(f.reclaims, 1);
  fixture_finish(&f);
}

static void words_are_read_as_written_while_the_handle_lives(void **state) {
  (void)state;
  fixture f;
  fixture_init(&f);
  const uint64_t first[] = {1, 2, 3}, second[] = {4, 5, 6};
  uint64_t words[3] = {0}, id = 0;
  void *storage = NULL;
  assert_int_equal(slots_alloc(&f.table, &id, &storage), RG_OK);
  slots_write_words(&f.table, id, first, 3);
  assert_false(slots_read_words(&f.table, id, words, 3));
  slots_publish(&f.table, id);
  assert_true(slots_read_words(&f.table, id, words, 3));
  assert_memory_equal(words, first, sizeof first);
  assert_memory_equal(storage, first, sizeof first);
  slots_write_words(&f.table, id, second, 3);
  assert_true(slots_read_words(&f.table, id, words, 3));
  assert_memory_equal(words, second, sizeof second);
  assert_true(slots_retire(&f.table, id));
  assert_false(slots_read_words(&f.table, id, words, 3));
  fixture_finish(&f);
}

static void as_many_words_as_a_line_holds_can_be_read(void **state) {
  (void)state;
  fixture f;
  fixture_init(&f);
  for (uint32_t count = 1; count <= SLOT_WORDS; count++) {
    slots table;
    slots_init(&table, &f.memory, RG_TYPE_TEXTURE, count * 8 + 1, note_reclaim, &f);
    slots_set_word_count(&table, count);
    uint64_t ids[300], words[SLOT_WORDS];
    for (uint64_t i = 0; i < 300; i++) {
      void *storage = NULL;
      for (uint64_t j = 0; j < count; j++) {
        words[j] = i * 100 + j;
      }
      assert_int_equal(slots_alloc(&table, &ids[i], &storage), RG_OK);
      slots_init_words(&table, ids[i], words, count);
      slots_publish(&table, ids[i]);
      assert_memory_equal(slots_peek(&table, ids[i]), words, count * sizeof *words);
    }
    for (uint64_t i = 0; i < 300; i++) {
      assert_true(slots_read_words(&table, ids[i], words, count));
      for (uint64_t j = 0; j < count; j++) {
        assert_true(words[j] == i * 100 + j);
      }
    }
    slots_finish(&table);
  }
  fixture_finish(&f);
}

static void words_of_a_handle_that_dies_while_it_is_held_can_be_written(void **state) {
  (void)state;
  fixture f;
  fixture_init(&f);
  uint64_t id = make(&f.table), words[3] = {7, 8, 9};
  assert_non_null(slots_acquire(&f.table, id));
  assert_true(slots_retire(&f.table, id));
  slots_write_words(&f.table, id, words, 3);
  assert_false(slots_read_words(&f.table, id, words, 3));
  slots_release(&f.table, id);
  assert_int_equal(f.reclaims, 1);
  fixture_finish(&f);
}

static void rewriting_never_reaches_the_generation(void **state) {
  (void)state;
  fixture f;
  fixture_init(&f);
  uint64_t id = make(&f.table), word = 0;
  for (uint64_t i = 0; i < (UINT64_C(1) << 21) + 3; i++) {
    slots_write_words(&f.table, id, &i, 1);
  }
  assert_true(slots_read_words(&f.table, id, &word, 1));
  assert_true(word == (UINT64_C(1) << 21) + 2);
  assert_true(slots_next(&f.table, 0) == id);
  fixture_finish(&f);
}

static void shared_handle_is_not_retired_as_sole(void **state) {
  (void)state;
  fixture f;
  fixture_init(&f);
  uint64_t sole = make(&f.table), shared = make(&f.table);
  assert_true(slots_share(&f.table, shared));
  assert_true(slots_share(&f.table, shared));
  assert_false(slots_retire_sole(&f.table, shared));
  assert_non_null(slots_peek(&f.table, shared));
  assert_true(slots_retire_sole(&f.table, sole));
  assert_false(slots_retire_sole(&f.table, sole));
  assert_false(slots_share(&f.table, sole));
  assert_true(slots_retire(&f.table, shared));
  assert_int_equal(f.reclaims, 2);
  uint64_t next = make(&f.table);
  assert_int_equal(slots_index_of(next), slots_index_of(sole));
  next = make(&f.table);
  assert_int_equal(slots_index_of(next), slots_index_of(shared));
  assert_true(slots_retire_sole(&f.table, next)); /* the next life is its own */
  fixture_finish(&f);
}

static void walk_visits_each_live_handle_once(void **state) {
  (void)state;
  fixture f;
  fixture_init(&f);
  assert_true(slots_next(&f.table, 0) == 0);
  uint64_t ids[200];
  for (int i = 0; i < 200; i++) {
    ids[i] = make(&f.table);
  }
  for (int i = 0; i < 200; i += 3) {
    assert_true(slots_retire(&f.table, ids[i]));
  }
  uint64_t id = 0;
  for (int i = 0; i < 200; i++) {
    if (i % 3 != 0) {
      id = slots_next(&f.table, id);
      assert_true(id == ids[i]);
    }
  }
  assert_true(slots_next(&f.table, id) == 0);
  fixture_finish(&f);
}

static void walk_retires_all_while_it_goes(void **state) {
  (void)state;
  fixture f;
  fixture_init(&f);
  for (int i = 0; i < 150; i++) {
    (void)make(&f.table);
  }
  for (uint64_t id = 0; (id = slots_next(&f.table, id)) != 0;) {
    assert_true(slots_retire(&f.table, id));
  }
  assert_int_equal(slots_live_count(&f.table), 0);
  assert_int_equal(f.reclaims, 150);
  fixture_finish(&f);
}

static void storage_of_slots_never_made_is_null(void **state) {
  (void)state;
  fixture f;
  fixture_init(&f);
  assert_null(slots_storage_of_index(&f.table, 0));
  uint64_t id = make(&f.table);
  assert_non_null(slots_storage_of_index(&f.table, id));
  assert_null(slots_storage_of_index(&f.table, id + SLOTS_RECORD_PAGE));
  assert_null(slots_storage_of_index(&f.table, UINT64_MAX));
  fixture_finish(&f);
}

static void table_grows_without_moving_storage(void **state) {
  (void)state;
  enum { COUNT = 70000 };
  fixture f;
  fixture_init(&f);
  static uint64_t ids[COUNT];
  static uint64_t *places[COUNT];
  for (uint32_t i = 0; i < COUNT; i++) {
    ids[i] = make(&f.table);
    places[i] = slots_peek(&f.table, ids[i]);
    assert_int_equal((uintptr_t)places[i] % alignof(max_align_t), 0);
    assert_true(*places[i] == 0);
    *places[i] = ids[i];
  }
  for (uint32_t i = 0; i < COUNT; i++) {
    assert_ptr_equal(slots_peek(&f.table, ids[i]), places[i]);
    assert_true(*places[i] == ids[i]);
  }
  assert_int_equal(slots_live_count(&f.table), COUNT);
  fixture_finish(&f);
}

static void full_table_is_a_limit(void **state) {
  (void)state;
  fixture f;
  fixture_init(&f);
  uint64_t id = make(&f.table), none = 1;
  uint32_t claimed = atomic_load(&f.table.claimed), capacity = atomic_load(&f.table.capacity);
  void *storage = &f;
  while (slots_index_of(make(&f.table)) + 1 < claimed) {
  }
  atomic_store(&f.table.claimed, SLOTS_MAX_COUNT);
  atomic_store(&f.table.capacity, SLOTS_MAX_COUNT);
  assert_int_equal(slots_alloc(&f.table, &none, &storage), RG_ERROR_LIMIT);
  assert_true(none == 0);
  assert_null(storage);
  assert_string_equal(rg_error(), "buffer: 16777216 handles are the most there can be");
  assert_true(slots_retire(&f.table, id));
  assert_int_equal(slots_alloc(&f.table, &id, &storage), RG_OK);
  atomic_store(&f.table.claimed, claimed);
  atomic_store(&f.table.capacity, capacity);
  fixture_finish(&f);
}

/* Each page that the table needs at its first growth and at the next is refused once. */
static void growth_out_of_memory_leaves_the_table_as_before(void **state) {
  (void)state;
  enum { COUNT = SLOTS_RECORD_PAGE };
  for (uint64_t fail_at = 1; fail_at <= 8; fail_at++) {
    fixture f;
    fixture_init(&f);
    uint64_t ids[COUNT + 1];
    uint32_t made = 0, failures = 0;
    void *storage = &f;
    f.counted.fail_at = fail_at;
    while (made <= COUNT) {
      if (slots_alloc(&f.table, &ids[made], &storage) == RG_OK) {
        slots_publish(&f.table, ids[made++]);
        continue;
      }
      assert_true(ids[made] == 0);
      assert_null(storage);
      assert_non_null(strstr(rg_error(), "handle table"));
      assert_int_equal(slots_live_count(&f.table), made);
      failures++;
    }
    assert_int_equal(failures, 1);
    for (uint32_t i = 0; i <= COUNT; i++) {
      assert_non_null(slots_peek(&f.table, ids[i]));
    }
    fixture_finish(&f);
  }
}

static void *retire_on_a_thread(void *user) {
  void **both = user;
  assert_true(slots_retire(both[0], *(uint64_t *)both[1]));
  return NULL;
}

/* It has no magazine of its own, and needs none. */
static void thread_that_only_destroys_takes_no_memory(void **state) {
  (void)state;
  enum { COUNT = 3 * SLOTS_MAGAZINE };
  fixture f;
  fixture_init(&f);
  uint64_t ids[COUNT];
  for (int i = 0; i < COUNT; i++) {
    ids[i] = make(&f.table);
  }
  uint64_t calls = f.counted.calls;
  for (int i = 0; i < COUNT; i++) {
    void *both[] = {&f.table, &ids[i]};
    thread destroyer;
    assert_int_equal(thread_start(&destroyer, 0, retire_on_a_thread, both), RG_OK);
    thread_join(&destroyer);
  }
  assert_true(f.counted.calls == calls);
  assert_int_equal(slots_live_count(&f.table), 0);
  assert_int_equal(slots_index_of(make(&f.table)), slots_index_of(ids[0]));
  fixture_finish(&f);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(ids_tell_their_type),
      cmocka_unit_test(handle_lives_from_publication_to_retirement),
      cmocka_unit_test(forged_handles_are_refused),
      cmocka_unit_test(null_handle_is_not_live_where_the_first_slot_is_dead),
      cmocka_unit_test(reused_slot_has_a_new_handle_and_its_old_storage),
      cmocka_unit_test(reclaimed_slot_is_not_reused_before_it_is_recycled),
      cmocka_unit_test(slots_are_reused_first_in_first_out),
      cmocka_unit_test(slot_whose_generation_would_repeat_is_retired),
      cmocka_unit_test(generations_pass_through_zero),
      cmocka_unit_test(another_tables_handles_do_not_match),
      cmocka_unit_test(tables_made_at_the_same_place_differ),
      cmocka_unit_test(cancelled_reservation_is_not_reclaimed),
      cmocka_unit_test(reclaim_waits_for_the_last_holder),
      cmocka_unit_test(release_before_retirement_does_not_reclaim),
      cmocka_unit_test(words_are_read_as_written_while_the_handle_lives),
      cmocka_unit_test(as_many_words_as_a_line_holds_can_be_read),
      cmocka_unit_test(words_of_a_handle_that_dies_while_it_is_held_can_be_written),
      cmocka_unit_test(rewriting_never_reaches_the_generation),
      cmocka_unit_test(shared_handle_is_not_retired_as_sole),
      cmocka_unit_test(walk_visits_each_live_handle_once),
      cmocka_unit_test(walk_retires_all_while_it_goes),
      cmocka_unit_test(storage_of_slots_never_made_is_null),
      cmocka_unit_test(table_grows_without_moving_storage),
      cmocka_unit_test(full_table_is_a_limit),
      cmocka_unit_test(growth_out_of_memory_leaves_the_table_as_before),
      cmocka_unit_test(thread_that_only_destroys_takes_no_memory),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
