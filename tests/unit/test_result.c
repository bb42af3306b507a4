/* Results, messages, origins and the log: what each thread says about its own failures. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/log.h"
#include "base/result.h"
#include "base/thread.h"

static void every_result_has_its_own_name(void **state) {
  (void)state;
  assert_string_equal(rg_result_name(RG_OK), "RG_OK");
  assert_string_equal(rg_result_name(RG_NOT_READY), "RG_NOT_READY");
  for (int a = RG_ERROR_LIMIT; a < RG_OK; a++) {
    assert_memory_equal(rg_result_name((rg_result)a), "RG_ERROR_", 9);
    assert_string_not_equal(rg_result_name((rg_result)a), "RG_ERROR_UNKNOWN");
    for (int b = RG_ERROR_LIMIT; b < a; b++) {
      assert_string_not_equal(rg_result_name((rg_result)a), rg_result_name((rg_result)b));
    }
  }
  assert_string_equal(rg_result_name((rg_result)-1000), "RG_ERROR_UNKNOWN");
  assert_string_equal(rg_result_name((rg_result)2), "RG_ERROR_UNKNOWN");
}

static void message_is_kept_until_the_next_failure(void **state) {
  (void)state;
  assert_int_equal(result_set(RG_ERROR_IO, "file '%s': %d", "a", 7), RG_ERROR_IO);
  assert_string_equal(rg_error(), "file 'a': 7");
  assert_int_equal(result_set(RG_ERROR_LIMIT, "other"), RG_ERROR_LIMIT);
  assert_string_equal(rg_error(), "other");
}

static void message_may_quote_the_one_before(void **state) {
  (void)state;
  (void)result_set(RG_ERROR_IO, "first");
  (void)result_set(RG_ERROR_IO, "second, after %s", rg_error());
  assert_string_equal(rg_error(), "second, after first");
}

static void prefix_goes_before_the_message(void **state) {
  (void)state;
  (void)result_set(RG_ERROR_FORMAT, "size 0");
  assert_int_equal(result_prefix(RG_ERROR_IO, "buffer '%s'", "a"), RG_ERROR_IO);
  assert_string_equal(rg_error(), "buffer 'a': size 0");
}

static void final_newlines_are_dropped(void **state) {
  (void)state;
  (void)result_set(RG_ERROR_COMPILE, "a\nb\n\n");
  assert_string_equal(rg_error(), "a\nb");
}

static void overlong_message_is_cut_between_characters(void **state) {
  (void)state;
  static char text[20000];
  for (size_t i = 0; i + 2 < sizeof text; i += 2) {
    memcpy(text + i, "\xC3\xA4", 2);
  }
  (void)result_set(RG_ERROR_IO, "%s", text);
  assert_int_equal(strlen(rg_error()), 8190);
  assert_int_equal((unsigned char)rg_error()[8189], 0xA4);
  (void)result_set(RG_ERROR_IO, "x%s", text);
  assert_int_equal(strlen(rg_error()), 8191);
  (void)result_prefix(RG_ERROR_IO, "%s", text);
  assert_true(strlen(rg_error()) < 8192);
}

static void no_memory_names_what_and_how_much(void **state) {
  (void)state;
  assert_int_equal(result_no_memory("pixels", 1ull << 40), RG_ERROR_OUT_OF_HOST_MEMORY);
  assert_non_null(strstr(rg_error(), "pixels"));
  assert_non_null(strstr(rg_error(), "1099511627776"));
}

static void origin_is_copied_and_cut_at_127_bytes(void **state) {
  (void)state;
  char origin[300];
  assert_string_equal(origin_get(), "");
  memset(origin, 'a', sizeof origin - 1);
  origin[sizeof origin - 1] = '\0';
  rg_origin_set(origin);
  assert_int_equal(strlen(origin_get()), 127);
  memcpy(origin + 126, "\xC3\xA4", 2);
  rg_origin_set(origin);
  assert_int_equal(strlen(origin_get()), 126);
  rg_origin_set("scene.lua:3");
  assert_string_equal(origin_get(), "scene.lua:3");
  rg_origin_set(NULL);
  assert_string_equal(origin_get(), "");
}

static void *fail_elsewhere(void *user) {
  *(bool *)user = rg_error()[0] == '\0' && origin_get()[0] == '\0';
  (void)result_set(RG_ERROR_IO, "elsewhere");
  rg_origin_set("elsewhere");
  return NULL;
}

static void each_thread_has_its_own_message_and_origin(void **state) {
  (void)state;
  bool began_empty = false;
  thread other;
  (void)result_set(RG_ERROR_LIMIT, "here");
  rg_origin_set("here");
  assert_int_equal(thread_start(&other, 1, fail_elsewhere, &began_empty), RG_OK);
  thread_join(&other);
  thread_join(&other);
  assert_true(began_empty);
  assert_string_equal(rg_error(), "here");
  assert_string_equal(origin_get(), "here");
  rg_origin_set(NULL);
}

static void thread_with_an_impossible_stack_is_refused(void **state) {
  (void)state;
  thread none;
  assert_int_equal(thread_start(&none, SIZE_MAX / 2, fail_elsewhere, NULL),
                   RG_ERROR_OUT_OF_HOST_MEMORY);
  assert_non_null(strstr(rg_error(), "stack"));
  assert_int_equal(thread_start(&none, SIZE_MAX, fail_elsewhere, NULL),
                   RG_ERROR_OUT_OF_HOST_MEMORY);
  thread_join(&none);
}

typedef struct turn {
  mutex lock;
  condition changed;
  int value;
} turn;

static void *answer(void *user) {
  turn *shared = user;
  mutex_lock(&shared->lock);
  while (shared->value != 1) {
    condition_wait(&shared->changed, &shared->lock);
  }
  shared->value = 2;
  condition_broadcast(&shared->changed);
  mutex_unlock(&shared->lock);
  return NULL;
}

static void threads_take_turns_by_condition(void **state) {
  (void)state;
  turn shared = {.value = 0};
  thread other;
  mutex_init(&shared.lock);
  condition_init(&shared.changed);
  assert_int_equal(thread_start(&other, 0, answer, &shared), RG_OK);
  mutex_lock(&shared.lock);
  shared.value = 1;
  condition_signal(&shared.changed);
  while (shared.value != 2) {
    condition_wait(&shared.changed, &shared.lock);
  }
  mutex_unlock(&shared.lock);
  thread_join(&other);
  condition_finish(&shared.changed);
  mutex_finish(&shared.lock);
}

static void time_does_not_run_backwards(void **state) {
  (void)state;
  uint64_t before = time_now_ns();
  uint64_t after = time_now_ns();
  assert_true(before > 0);
  assert_true(after >= before);
}

typedef struct record {
  int count;
  rg_log_level level;
  char message[5000];
} record;

static void keep(void *user, rg_log_level level, const char *message) {
  record *last = user;
  last->count++;
  last->level = level;
  strncpy(last->message, message, sizeof last->message - 1);
}

static void messages_above_the_level_are_not_made(void **state) {
  (void)state;
  record last = {0};
  logger log;
  logger_init(&log, keep, &last, RG_LOG_DEFAULT);
  log_message(&log, RG_LOG_INFO, "quiet");
  assert_int_equal(last.count, 0);
  log_message(&log, RG_LOG_WARNING, "loud %d\n", 1);
  assert_int_equal(last.count, 1);
  assert_int_equal(last.level, RG_LOG_WARNING);
  assert_string_equal(last.message, "loud 1");
  logger_init(&log, keep, &last, RG_LOG_DEBUG);
  log_message(&log, RG_LOG_DEBUG, "fine");
  assert_string_equal(last.message, "fine");
}

static void overlong_log_message_is_cut(void **state) {
  (void)state;
  static char text[10000];
  record last = {0};
  logger log;
  memset(text, 'a', sizeof text - 1);
  logger_init(&log, keep, &last, RG_LOG_ERROR);
  log_message(&log, RG_LOG_ERROR, "%s", text);
  assert_int_equal(strlen(last.message), 4095);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_result_has_its_own_name),
      cmocka_unit_test(message_is_kept_until_the_next_failure),
      cmocka_unit_test(message_may_quote_the_one_before),
      cmocka_unit_test(prefix_goes_before_the_message),
      cmocka_unit_test(final_newlines_are_dropped),
      cmocka_unit_test(overlong_message_is_cut_between_characters),
      cmocka_unit_test(no_memory_names_what_and_how_much),
      cmocka_unit_test(origin_is_copied_and_cut_at_127_bytes),
      cmocka_unit_test(each_thread_has_its_own_message_and_origin),
      cmocka_unit_test(thread_with_an_impossible_stack_is_refused),
      cmocka_unit_test(threads_take_turns_by_condition),
      cmocka_unit_test(time_does_not_run_backwards),
      cmocka_unit_test(messages_above_the_level_are_not_made),
      cmocka_unit_test(overlong_log_message_is_cut),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
