/* The hash map, against a table searched by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/hash_map.h"
#include "base/result.h"
#include "test_memory.h"

typedef struct fixture {
  test_memory counted;
  rg_allocator allocator;
  host_memory memory;
  hash_map map;
} fixture;

static void fixture_init(fixture *self) {
  *self = (fixture){0};
  self->allocator = test_memory_allocator(&self->counted);
  host_memory_init(&self->memory, &self->allocator);
  hash_map_init(&self->map, &self->memory);
}

static void fixture_finish(fixture *self) {
  hash_map_finish(&self->map);
  assert_int_equal(self->counted.live, 0);
  assert_int_equal(atomic_load(&self->memory.live_bytes), 0);
}

static void empty_map_holds_nothing(void **state) {
  (void)state;
  fixture f;
  fixture_init(&f);
  uint32_t cursor = 0;
  assert_null(hash_map_get(&f.map, "a", 1));
  assert_null(hash_map_remove(&f.map, "a", 1));
  assert_null(hash_map_next(&f.map, &cursor));
  assert_int_equal(f.counted.calls, 0);
  fixture_finish(&f);
}

static void set_value_is_found_replaced_and_removed(void **state) {
  (void)state;
  fixture f;
  fixture_init(&f);
  int one, two;
  char key[] = "key";
  assert_int_equal(hash_map_set(&f.map, key, 3, &one), RG_OK);
  key[0] = 'x';
  assert_ptr_equal(hash_map_get(&f.map, "key", 3), &one);
  assert_null(hash_map_get(&f.map, "ke", 2));
  assert_null(hash_map_get(&f.map, "kez", 3));
  assert_int_equal(hash_map_set(&f.map, "key", 3, &two), RG_OK);
  assert_int_equal(f.map.count, 1);
  assert_ptr_equal(hash_map_remove(&f.map, "key", 3), &two);
  assert_null(hash_map_get(&f.map, "key", 3));
  assert_null(hash_map_remove(&f.map, "key", 3));
  assert_int_equal(f.map.count, 0);
  fixture_finish(&f);
}

static void empty_key_and_zero_bytes_are_keys(void **state) {
  (void)state;
  fixture f;
  fixture_init(&f);
  int a, b, c;
  assert_int_equal(hash_map_set(&f.map, NULL, 0, &a), RG_OK);
  assert_int_equal(hash_map_set(&f.map, "\0", 1, &b), RG_OK);
  assert_int_equal(hash_map_set(&f.map, "\0\0", 2, &c), RG_OK);
  assert_ptr_equal(hash_map_get(&f.map, "", 0), &a);
  assert_ptr_equal(hash_map_get(&f.map, "\0", 1), &b);
  assert_ptr_equal(hash_map_get(&f.map, "\0\0", 2), &c);
  assert_ptr_equal(hash_map_remove(&f.map, NULL, 0), &a);
  assert_int_equal(f.map.count, 2);
  fixture_finish(&f);
}

static void stored_string_keys_end_with_a_zero_byte(void **state) {
  (void)state;
  fixture f;
  fixture_init(&f);
  int one;
  uint32_t cursor = 0;
  assert_int_equal(hash_map_set(&f.map, "abcdef", 3, &one), RG_OK);
  assert_string_equal(hash_map_next(&f.map, &cursor)->key, "abc");
  assert_null(hash_map_next(&f.map, &cursor));
  fixture_finish(&f);
}

#define MODEL_KEYS 700
#define MODEL_STEPS 300000

/* xorshift64: the same steps on every run. */
static uint32_t random_next(uint64_t *seed) {
  *seed ^= *seed << 13;
  *seed ^= *seed >> 7;
  *seed ^= *seed << 17;
  return (uint32_t)(*seed >> 32);
}

static void model_compare(const fixture *f, void *const *model) {
  uint32_t cursor = 0, seen = 0, expected = 0;
  for (uint32_t k = 0; k < MODEL_KEYS; k++) {
    expected += model[k] != NULL;
  }
  for (const hash_map_entry *e; (e = hash_map_next(&f->map, &cursor)) != NULL; seen++) {
    uint32_t key;
    memcpy(&key, e->key, sizeof key);
    assert_ptr_equal(e->value, model[key]);
  }
  assert_int_equal(seen, expected);
  assert_int_equal(f->map.count, expected);
}

static void random_steps_agree_with_a_plain_table(void **state) {
  (void)state;
  fixture f;
  fixture_init(&f);
  static void *model[MODEL_KEYS];
  static char values[MODEL_STEPS];
  uint64_t seed = 88172645463325252u;
  for (uint32_t i = 0; i < MODEL_STEPS; i++) {
    /* phases of filling and emptying, so that runs grow, join and shrink */
    uint32_t removes_of_8 = i / 5000 % 2 == 0 ? 2 : 6;
    uint32_t key = random_next(&seed) % MODEL_KEYS;
    if (random_next(&seed) % 8 < removes_of_8) {
      assert_ptr_equal(hash_map_remove(&f.map, &key, sizeof key), model[key]);
      model[key] = NULL;
    } else {
      assert_int_equal(hash_map_set(&f.map, &key, sizeof key, &values[i]), RG_OK);
      model[key] = &values[i];
    }
    key = random_next(&seed) % MODEL_KEYS;
    assert_ptr_equal(hash_map_get(&f.map, &key, sizeof key), model[key]);
    if (i % 5000 == 4999) {
      model_compare(&f, model);
    }
  }
  fixture_finish(&f);
}

static void out_of_memory_leaves_the_map_as_before(void **state) {
  (void)state;
  for (uint64_t n = 1; n < 60; n++) {
    fixture f;
    fixture_init(&f);
    f.counted.fail_at = n;
    int values[50];
    uint32_t failures = 0;
    for (uint32_t i = 0; i < 50; i++) {
      rg_result result = hash_map_set(&f.map, &i, sizeof i, &values[i]);
      if (result != RG_OK) {
        assert_int_equal(result, RG_ERROR_OUT_OF_HOST_MEMORY);
        assert_non_null(strstr(rg_error(), "hash map"));
        assert_null(hash_map_get(&f.map, &i, sizeof i));
        assert_int_equal(f.map.count, i);
        assert_int_equal(hash_map_set(&f.map, &i, sizeof i, &values[i]), RG_OK);
        failures++;
      }
    }
    for (uint32_t i = 0; i < 50; i++) {
      assert_ptr_equal(hash_map_get(&f.map, &i, sizeof i), &values[i]);
    }
    assert_int_equal(failures, f.counted.calls >= n);
    fixture_finish(&f);
  }
}

static void hash_is_xxh3(void **state) {
  (void)state;
  assert_true(hash_bytes("", 0) == 0x2D06800538D394C2u); /* from xxHash's specification */
  assert_true(hash_bytes("a", 1) != hash_bytes("b", 1));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(empty_map_holds_nothing),
      cmocka_unit_test(set_value_is_found_replaced_and_removed),
      cmocka_unit_test(empty_key_and_zero_bytes_are_keys),
      cmocka_unit_test(stored_string_keys_end_with_a_zero_byte),
      cmocka_unit_test(random_steps_agree_with_a_plain_table),
      cmocka_unit_test(out_of_memory_leaves_the_map_as_before),
      cmocka_unit_test(hash_is_xxh3),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
