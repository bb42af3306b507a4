/* What the strict JSON reader takes, refuses, and says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/json.h"
#include "base/result.h"

static void expect_error(const char *text, size_t length, const char *message) {
  cJSON *root = (cJSON *)&root;
  rg_result result = json_parse("t.json", text, length, &root);
  if (result != RG_ERROR_FORMAT) {
    fail_msg("%s: %s", text != NULL ? text : "(null)", rg_result_name(result));
  }
  assert_null(root);
  assert_string_equal(rg_error(), message);
}

static void expect_refused(const char *text, const char *message) {
  expect_error(text, strlen(text), message);
}

static cJSON *expect_tree(const char *text) {
  cJSON *root = NULL;
  if (json_parse("t.json", text, strlen(text), &root) != RG_OK) {
    fail_msg("%s", rg_error());
  }
  assert_non_null(root);
  return root;
}

static void expect_accepted(const char *text) {
  cJSON_Delete(expect_tree(text));
}

static void whole_document_becomes_a_tree(void **state) {
  (void)state;
  cJSON *root = expect_tree(
      "\t{\"name\": \"gr\xC3\xBC\\u00e4\\ud83d\\ude00\\n\",\r\n \"list\": [1, -2.5e3, true, false, "
      "null, []], \"nested\": {\"empty\": {}}} \n");
  assert_string_equal(cJSON_GetObjectItemCaseSensitive(root, "name")->valuestring,
                      "gr\xC3\xBC\xC3\xA4\xF0\x9F\x98\x80\n");
  const cJSON *list = cJSON_GetObjectItemCaseSensitive(root, "list");
  assert_int_equal(cJSON_GetArraySize(list), 6);
  assert_true(cJSON_GetArrayItem(list, 1)->valuedouble == -2500);
  assert_true(cJSON_IsNull(cJSON_GetArrayItem(list, 4)));
  cJSON_Delete(root);
}

static void any_value_may_stand_alone(void **state) {
  (void)state;
  const char *const texts[] = {"0",    "-0",   "1.5e+10",  "1E-2", "\"\"",
                               "true", "null", " false\n", "{}",   "[ ]"};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    expect_accepted(texts[i]);
  }
}

static void text_need_not_end_with_a_zero_byte(void **state) {
  (void)state;
  const char *source = "[1, 23]";
  char *exact = malloc(7);
  assert_non_null(exact);
  memcpy(exact, source, 7);
  cJSON *root = NULL;
  assert_int_equal(json_parse("t.json", exact, 7, &root), RG_OK);
  cJSON_Delete(root);
  for (size_t length = 0; length < 7; length++) {
    char *cut = malloc(length + (length == 0));
    assert_non_null(cut);
    memcpy(cut, source, length);
    assert_int_equal(json_parse("t.json", cut, length, &root), RG_ERROR_FORMAT);
    free(cut);
  }
  free(exact);
}

static void syntax_errors_tell_line_and_column(void **state) {
  (void)state;
  expect_refused("", "t.json:1:1: expected a value, but the text ends");
  expect_refused("{\n  \"a\": 1,\n  b: 2\n}",
                 "t.json:3:3: expected a key in quotes, but found 'b'");
  expect_refused("[1,\n2\n3]", "t.json:3:1: expected ',' or ']', but found '3'");
  expect_refused("{\"a\" 1}", "t.json:1:6: expected ':' after a key, but found '1'");
  expect_refused("{\"a\": 1", "t.json:1:8: expected ',' or '}', but the text ends");
  expect_refused("{\"a\":}", "t.json:1:6: expected a value, but found '}'");
  expect_refused("[\"\xC3\xA4\xC3\xB6\", x]", "t.json:1:8: expected a value, but found 'x'");
  expect_refused("[1] \x01", "t.json:1:5: expected the end of the text, but found byte 0x01");
  expect_error(NULL, 0, "t.json:1:1: expected a value, but the text ends");
}

static void lenient_forms_are_refused(void **state) {
  (void)state;
  expect_refused("[1,]", "t.json:1:4: expected a value, but found ']'");
  expect_refused("{\"a\":1,}", "t.json:1:8: expected a key in quotes, but found '}'");
  expect_refused("{} {}", "t.json:1:4: expected the end of the text, but found '{'");
  expect_refused("[1] x", "t.json:1:5: expected the end of the text, but found 'x'");
  expect_refused("// c\n1", "t.json:1:1: expected a value, but found '/'");
  expect_refused("['a']", "t.json:1:2: expected a value, but found '''");
  expect_refused("True", "t.json:1:1: expected a value, but found 'T'");
  expect_refused("nul", "t.json:1:1: expected a value, but found 'n'");
  expect_refused("[NaN]", "t.json:1:2: expected a value, but found 'N'");
  expect_refused("Infinity", "t.json:1:1: expected a value, but found 'I'");
}

static void malformed_numbers_are_refused(void **state) {
  (void)state;
  expect_refused("01", "t.json:1:1: number with a leading zero");
  expect_refused("[-007]", "t.json:1:2: number with a leading zero");
  expect_refused("1.", "t.json:1:3: expected a digit, but the text ends");
  expect_refused(".5", "t.json:1:1: expected a value, but found '.'");
  expect_refused("+1", "t.json:1:1: expected a value, but found '+'");
  expect_refused("-", "t.json:1:2: expected a digit, but the text ends");
  expect_refused("1e", "t.json:1:3: expected a digit, but the text ends");
  expect_refused("[1e+]", "t.json:1:5: expected a digit, but found ']'");
  expect_refused("0x10", "t.json:1:2: expected the end of the text, but found 'x'");
  char digits[66];
  memset(digits, '1', 65);
  digits[64] = '\0';
  expect_refused(digits, "t.json:1:1: number of more than 63 characters");
  digits[63] = '\0';
  expect_accepted(digits);
}

static void numbers_beyond_a_double_are_refused_with_their_path(void **state) {
  (void)state;
  expect_refused("1e400", "t.json: number beyond the range of a double");
  expect_refused("{\"nodes\": [{}, {\"scale\": [1, 2, -1e999]}]}",
                 "t.json: nodes[1].scale[2]: number beyond the range of a double");
  expect_accepted("[1.7976931348623157e308, 1e-999]");
}

static void duplicate_keys_are_refused_with_their_path(void **state) {
  (void)state;
  expect_refused("{\"a\": 1, \"b\": 2, \"a\": 3}", "t.json: duplicate key 'a'");
  expect_refused("[0, {\"x\": {\"k\": 1, \"k\": 1}}]", "t.json: [1].x: duplicate key 'k'");
  expect_refused("{\"a\": 1, \"\\u0061\": 2}", "t.json: duplicate key 'a'");
  expect_refused("{\"\": 1, \"\": 2}", "t.json: duplicate key ''");
  expect_accepted("{\"a\": 1, \"A\": 2, \"b\": {\"a\": 3}}");
}

/* "{"k0": 0, "k1": 1, …}", with the last key replaced. */
static char *wide_object(int count, const char *last) {
  char *text = malloc((size_t)count * 24 + 64);
  assert_non_null(text);
  size_t length = (size_t)sprintf(text, "{");
  for (int i = 0; i < count - 1; i++) {
    length += (size_t)sprintf(text + length, "\"k%d\": %d, ", i, i);
  }
  sprintf(text + length, "\"%s\": 0}", last);
  return text;
}

static void duplicate_keys_are_found_in_wide_objects(void **state) {
  (void)state;
  const int counts[] = {15, 16, 17, 18, 1000, 50000};
  for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
    char *text = wide_object(counts[i], "k7");
    expect_refused(text, "t.json: duplicate key 'k7'");
    free(text);
    text = wide_object(counts[i], "other");
    expect_accepted(text);
    free(text);
  }
}

static void strings_that_would_be_cut_are_refused(void **state) {
  (void)state;
  expect_refused("[\"a\\u0000b\"]", "t.json:1:4: \\u0000 would cut the string");
  expect_refused("{\"a\\u0000\": 1}", "t.json:1:4: \\u0000 would cut the string");
  expect_error("[\"a\0b\"]", 7, "t.json:1:4: control character in a string, which must be escaped");
  expect_error("[1]\0", 4, "t.json:1:4: expected the end of the text, but found byte 0x00");
  expect_accepted("\"\\\\u0000\"");
}

static void malformed_strings_are_refused(void **state) {
  (void)state;
  expect_refused("[\"abc]", "t.json:1:2: string without an end");
  expect_refused("\"a\\", "t.json:1:3: the text ends inside an escape");
  expect_refused("\"\\x41\"", "t.json:1:2: unknown escape in a string");
  expect_refused("\"\\u12G4\"", "t.json:1:2: \\u needs four hexadecimal digits");
  expect_refused("\"\\u12", "t.json:1:2: \\u needs four hexadecimal digits");
  expect_refused("\"a\tb\"", "t.json:1:3: control character in a string, which must be escaped");
  expect_refused("\"\\ud800\"", "t.json:1:2: first half of a surrogate pair without the second");
  expect_refused("\"\\ud800\\u0041\"",
                 "t.json:1:2: first half of a surrogate pair without the second");
  expect_refused("\"\\udc00\"", "t.json:1:2: second half of a surrogate pair without the first");
}

static void invalid_utf8_is_refused(void **state) {
  (void)state;
  const char *const bad[] = {"\x80",
                             "\xC3",
                             "\xC0\x80",
                             "\xC1\xBF",
                             "\xE0\x80\x80",
                             "\xED\xA0\x80",
                             "\xF0\x80\x80\x80",
                             "\xF4\x90\x80\x80",
                             "\xF5\x80\x80\x80",
                             "\xFF",
                             "\xE2\x82"};
  const char *const good[] = {"\x7F",         "\xC2\x80",         "\xDF\xBF",
                              "\xE0\xA0\x80", "\xED\x9F\xBF",     "\xEF\xBF\xBF",
                              "\xEE\x80\x80", "\xF0\x90\x80\x80", "\xF4\x8F\xBF\xBF"};
  char text[16];
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    snprintf(text, sizeof text, "\"%s\"", bad[i]);
    expect_refused(text, "t.json:1:2: string is not valid UTF-8");
  }
  for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
    snprintf(text, sizeof text, "\"%s\"", good[i]);
    expect_accepted(text);
  }
}

static void byte_order_mark_is_refused(void **state) {
  (void)state;
  expect_refused("\xEF\xBB\xBF{}",
                 "t.json:1:1: begins with a byte order mark, which JSON does not have");
}

static void nesting_is_bounded(void **state) {
  (void)state;
  static char text[100002];
  for (size_t depth = JSON_MAX_DEPTH; depth <= JSON_MAX_DEPTH + 1; depth++) {
    memset(text, '[', depth);
    memset(text + depth, ']', depth);
    text[2 * depth] = '\0';
    if (depth == JSON_MAX_DEPTH) {
      expect_accepted(text);
    } else {
      expect_refused(text, "t.json:1:129: nested more than 128 deep");
    }
  }
  memset(text, '[', 100000);
  text[100000] = '\0';
  expect_refused(text, "t.json:1:129: nested more than 128 deep");
  for (size_t i = 0; i < 100000; i += 5) {
    memcpy(text + i, "{\"a\":", 5);
  }
  expect_refused(text, "t.json:1:641: nested more than 128 deep");
}

static void siblings_do_not_count_as_nesting(void **state) {
  (void)state;
  char text[1024] = "[{}";
  for (int i = 0; i < 200; i++) {
    strcat(text, i % 2 == 0 ? ",[]" : ",{}");
  }
  strcat(text, "]");
  expect_accepted(text);
}

static size_t allocations, fail_at;

static void *failing_malloc(size_t size) {
  return ++allocations == fail_at ? NULL : malloc(size);
}

static void parser_out_of_memory_is_told_apart_from_bad_text(void **state) {
  (void)state;
  cJSON_Hooks hooks = {.malloc_fn = failing_malloc, .free_fn = free};
  const char *text = "{\"a\": [1, \"two\", {\"b\": null}], \"c\": \"three\"}";
  cJSON_InitHooks(&hooks);
  rg_result result = RG_ERROR_LIMIT;
  for (fail_at = 1; result != RG_OK; fail_at++) {
    cJSON *root = NULL;
    allocations = 0;
    result = json_parse("t.json", text, strlen(text), &root);
    assert_true(result == RG_OK || result == RG_ERROR_OUT_OF_HOST_MEMORY);
    assert_int_equal(root != NULL, result == RG_OK);
    assert_true(result == RG_OK || strstr(rg_error(), "t.json") != NULL);
    cJSON_Delete(root);
  }
  assert_true(fail_at > 5);
  cJSON_InitHooks(NULL);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(whole_document_becomes_a_tree),
      cmocka_unit_test(any_value_may_stand_alone),
      cmocka_unit_test(text_need_not_end_with_a_zero_byte),
      cmocka_unit_test(syntax_errors_tell_line_and_column),
      cmocka_unit_test(lenient_forms_are_refused),
      cmocka_unit_test(malformed_numbers_are_refused),
      cmocka_unit_test(numbers_beyond_a_double_are_refused_with_their_path),
      cmocka_unit_test(duplicate_keys_are_refused_with_their_path),
      cmocka_unit_test(duplicate_keys_are_found_in_wide_objects),
      cmocka_unit_test(strings_that_would_be_cut_are_refused),
      cmocka_unit_test(malformed_strings_are_refused),
      cmocka_unit_test(invalid_utf8_is_refused),
      cmocka_unit_test(byte_order_mark_is_refused),
      cmocka_unit_test(nesting_is_bounded),
      cmocka_unit_test(siblings_do_not_count_as_nesting),
      cmocka_unit_test(parser_out_of_memory_is_told_apart_from_bad_text),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
