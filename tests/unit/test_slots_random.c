/* The handle table under long random use, against a plain model. */
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

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(random_steps_agree_with_a_model),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
