/* "Did you mean": which name is near enough, and which is nearest. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <regolith/regolith.h>

#define COUNT(array) (uint32_t)(sizeof(array) / sizeof *(array))

static const char *const parameters[] = {"albedo",     "albedo_map",   "metallic", "roughness",
                                         "base_color", "normal_scale", "usage",    "size",
                                         "mip_levels", "stage_count"};

static void expect_nearest(const char *name, const char *expected) {
  const char *nearest = rg_nearest_name(name, parameters, COUNT(parameters));
  if (expected == NULL) {
    assert_null(nearest);
  } else {
    assert_non_null(nearest);
    assert_string_equal(nearest, expected);
  }
}

static void one_slip_is_near(void **state) {
  (void)state;
  expect_nearest("albdo", "albedo");
  expect_nearest("albeddo", "albedo");
  expect_nearest("albado", "albedo");
  expect_nearest("abledo", "albedo");
  expect_nearest("siez", "size");
  expect_nearest("size", "size");
}

static void case_and_separators_count_little(void **state) {
  (void)state;
  expect_nearest("Albedo", "albedo");
  expect_nearest("ROUGHNESS", "roughness");
  expect_nearest("baseColor", "base_color");
  expect_nearest("mipLevels", "mip_levels");
  expect_nearest("LABEDO", "albedo");
}

static void a_third_of_the_letters_may_differ_and_no_more(void **state) {
  (void)state;
  expect_nearest("roXXhXess", "roughness");
  expect_nearest("rXXXhXess", NULL);
  expect_nearest("sizXX", NULL);
  expect_nearest("bogus", NULL);
  expect_nearest("colour", NULL);
}

static void names_that_share_no_letter_are_not_near(void **state) {
  (void)state;
  static const char *const letters[] = {"x", "y", "z"};
  assert_null(rg_nearest_name("q", letters, COUNT(letters)));
  assert_string_equal(rg_nearest_name("Y", letters, COUNT(letters)), "y");
  assert_string_equal(rg_nearest_name("zz", letters, COUNT(letters)), "z");
}

static void first_of_equals_wins_unless_case_decides(void **state) {
  (void)state;
  static const char *const names[] = {"cat", "bat", "Hat", "hat"};
  assert_ptr_equal(rg_nearest_name("rat", names, COUNT(names)), names[0]);
  assert_ptr_equal(rg_nearest_name("hat", names, COUNT(names)), names[3]);
  assert_ptr_equal(rg_nearest_name("HAT", names, COUNT(names)), names[2]);
}

static void swap_counts_once(void **state) {
  (void)state;
  static const char *const names[] = {"abcd"};
  assert_non_null(rg_nearest_name("bacd", names, 1));
  assert_non_null(rg_nearest_name("acbd", names, 1));
  assert_null(rg_nearest_name("badc", names, 1));
  assert_null(rg_nearest_name("bcad", names, 1));
}

static void no_names_and_odd_names_give_null(void **state) {
  (void)state;
  static char endless[5000];
  memset(endless, 'a', sizeof endless - 1);
  const char *const names[] = {NULL, "", endless};
  assert_null(rg_nearest_name("a", NULL, 0));
  assert_null(rg_nearest_name(NULL, parameters, COUNT(parameters)));
  assert_null(rg_nearest_name("", parameters, COUNT(parameters)));
  assert_null(rg_nearest_name("aa", names, COUNT(names)));
  assert_null(rg_nearest_name(endless, names, COUNT(names)));
  endless[128] = '\0';
  assert_ptr_equal(rg_nearest_name(endless, names, COUNT(names)), endless);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(one_slip_is_near),
      cmocka_unit_test(case_and_separators_count_little),
      cmocka_unit_test(a_third_of_the_letters_may_differ_and_no_more),
      cmocka_unit_test(names_that_share_no_letter_are_not_near),
      cmocka_unit_test(first_of_equals_wins_unless_case_decides),
      cmocka_unit_test(swap_counts_once),
      cmocka_unit_test(no_names_and_odd_names_give_null),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
