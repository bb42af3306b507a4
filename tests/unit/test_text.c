/* Growing strings. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"
#include "test_memory.h"

static void appended_pieces_come_out_in_order(void **state) {
  (void)state;
  test_memory counted = {0};
  rg_allocator allocator = test_memory_allocator(&counted);
  host_memory memory;
  host_memory_init(&memory, &allocator);
  text built;
  text_init(&built, &memory);
  text_append(&built, "one");
  text_append_bytes(&built, ", two and more", 5);
  text_printf(&built, ", %s %d", "three", 3);
  assert_string_equal(built.data, "one, two, three 3");
  assert_int_equal(built.length, strlen(built.data));
  char *taken = text_take(&built);
  assert_string_equal(taken, "one, two, three 3");
  assert_int_equal(atomic_load(&memory.live_bytes), strlen(taken) + 1);
  assert_null(built.data);
  text_append(&built, "again");
  assert_string_equal(built.data, "again");
  text_finish(&built);
  host_strfree(&memory, taken);
  assert_int_equal(counted.live, 0);
}

static void empty_text_is_taken_as_an_empty_string(void **state) {
  (void)state;
  host_memory memory;
  host_memory_init(&memory, NULL);
  text built = {.memory = &memory};
  char *taken = text_take(&built);
  assert_string_equal(taken, "");
  host_strfree(&memory, taken);
  text_append_bytes(&built, NULL, 0);
  text_append(&built, "");
  text_finish(&built);
  text_finish(&built);
  assert_int_equal(atomic_load(&memory.live_count), 0);
}

static void long_text_grows_by_doubling(void **state) {
  (void)state;
  test_memory counted = {0};
  rg_allocator allocator = test_memory_allocator(&counted);
  host_memory memory;
  host_memory_init(&memory, &allocator);
  text built;
  text_init(&built, &memory);
  for (int i = 0; i < 100000; i++) {
    text_printf(&built, "%d", i % 10);
  }
  assert_int_equal(built.length, 100000);
  assert_true(counted.calls < 20);
  for (size_t i = 0; i < built.length; i++) {
    assert_int_equal(built.data[i], '0' + (int)(i % 10));
  }
  text_finish(&built);
  assert_int_equal(counted.live, 0);
}

static void piece_longer_than_the_text_so_far_fits(void **state) {
  (void)state;
  host_memory memory;
  host_memory_init(&memory, NULL);
  text built;
  text_init(&built, &memory);
  for (size_t length = 1; length < 3000; length *= 7) {
    text_printf(&built, "%*d", (int)length, 1);
    assert_true(built.capacity > built.length);
    assert_int_equal(strlen(built.data), built.length);
  }
  text_finish(&built);
  assert_int_equal(atomic_load(&memory.live_bytes), 0);
}

static void failure_is_remembered_until_the_text_is_taken(void **state) {
  (void)state;
  for (uint64_t n = 1; n <= 3; n++) {
    test_memory counted = {.fail_at = n};
    rg_allocator allocator = test_memory_allocator(&counted);
    host_memory memory;
    host_memory_init(&memory, &allocator);
    text built;
    text_init(&built, &memory);
    for (int i = 0; i < 20; i++) {
      text_append(&built, "ten bytes.");
    }
    assert_true(built.is_failed);
    assert_null(text_take(&built));
    assert_false(built.is_failed);
    assert_int_equal(counted.live, 0);
    text_append(&built, "works again");
    assert_string_equal(built.data, "works again");
    text_finish(&built);
    assert_int_equal(counted.live, 0);
  }
}

static void lengths_that_overflow_fail(void **state) {
  (void)state;
  host_memory memory;
  host_memory_init(&memory, NULL);
  text built;
  text_init(&built, &memory);
  text_append(&built, "a");
  text_append_bytes(&built, "", SIZE_MAX - 1);
  assert_true(built.is_failed);
  text_finish(&built);
  assert_int_equal(atomic_load(&memory.live_count), 0);
}

static void json_strings_hold_any_bytes(void **state) {
  (void)state;
  static const char *const cases[][2] = {
      {"", "\"\""},
      {"plain", "\"plain\""},
      {"a\"b\\c\n\x7F", "\"a\\u0022b\\u005cc\\u000a\\u007f\""},
      {"twelve bytes\x1F", "\"twelve bytes\\u001f\""},
      {"\"1234567", "\"\\u00221234567\""},
      {"1234567\\12345678", "\"1234567\\u005c12345678\""},
      {"1234\xC3\xA9 ~~~~~~~~ 8", "\"1234\xC3\xA9 ~~~~~~~~ 8\""},
      {"\xE2\x82\xAC!", "\"\xE2\x82\xAC!\""},
      {"\xFF\xC3(\xED\xA0\x80",
       "\"\xEF\xBF\xBD\xEF\xBF\xBD(\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\""},
  };
  host_memory memory;
  host_memory_init(&memory, NULL);
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    text built;
    text_init(&built, &memory);
    text_append_json(&built, cases[i][0]);
    assert_string_equal(built.data, cases[i][1]);
    text_finish(&built);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(appended_pieces_come_out_in_order),
      cmocka_unit_test(empty_text_is_taken_as_an_empty_string),
      cmocka_unit_test(long_text_grows_by_doubling),
      cmocka_unit_test(piece_longer_than_the_text_so_far_fits),
      cmocka_unit_test(failure_is_remembered_until_the_text_is_taken),
      cmocka_unit_test(lengths_that_overflow_fail),
      cmocka_unit_test(json_strings_hold_any_bytes),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
