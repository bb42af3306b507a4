/* What would crash or stall glslang is refused before it gets there; what only looks so is not. */
#define _GNU_SOURCE
#include "test_shaders.h"

/* head, then part `count` times, then tail; the caller frees it. */
static char *repeat(const char *head, const char *part, size_t count, const char *tail) {
  size_t length = strlen(part);
  char *text = malloc(strlen(head) + count * length + strlen(tail) + 1);
  assert_non_null(text);
  char *at = stpcpy(text, head);
  for (size_t i = 0; i < count; i++) {
    at = stpcpy(at, part);
  }
  strcpy(at, tail);
  return text;
}

static void refuse(shaders_fixture *f, char *text, const char *part) {
  rg_result result = shaders_build_compute(f, text);
  free(text);
  assert_failure(result, RG_ERROR_COMPILE, part);
}

static void accept(shaders_fixture *f, char *text) {
  rg_result result = shaders_build_compute(f, text);
  free(text);
  assert_built(result);
}

static void bytes_that_are_no_text_are_refused(void **state) {
  shaders_fixture *f = *state;
  shaders_put(f, "bom.comp", "\xEF\xBB\xBFvoid main() {}\n");
  assert_failure(shaders_build_file(f, "bom.comp"), RG_ERROR_COMPILE,
                 "bom.comp:1: error: begins with a byte order mark");
  shaders_put_bytes(f, "zero.comp", "void main() {}\n// \0\n", 20);
  assert_failure(shaders_build_file(f, "zero.comp"), RG_ERROR_COMPILE, "zero.comp:2: error: byte");
  static const char *const bad[] = {"\xFF",         "\xC0\x80", "\xE0\x80\x80",
                                    "\xED\xA0\x80", "\xC3",     "\xF5\x80\x80\x80",
                                    "\x80",         "\xE2\x82", "\xF0\x80\x80\x80"};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    refuse(f, repeat("void main() {}\n// ", bad[i], 1, "\n"), "shader.comp:2: error: byte 0x");
  }
  accept(f, repeat("void main() {} // ", "\xC3\xA9\xE2\x82\xAC\xF0\x9F\x8C\x8D", 3, "\n"));
}

static void deep_expressions_are_refused_and_long_ones_not(void **state) {
  shaders_fixture *f = *state;
  const char *head = "void main() { int a = 1; a = a";
  accept(f, repeat(head, "+a", 10000, "; }"));
  refuse(f, repeat(head, "+a", 200000, "; }"), "shader.comp:1: error: too many operators");
  refuse(f, repeat(head, ",a", 200000, "; }"), "too many operators");
  refuse(f, repeat("void main() { vec4 a; a", ".xyzw", 200000, "; }"), "too many operators");
  refuse(f, repeat("void main() { int a = ", "(", 100000, "1; }"), "brackets nest too deep");
  refuse(f, repeat("void main() {", "{", 100000, "}"), "brackets nest too deep");
  accept(f, repeat("const int t[] = {-1", ",-1", 40000, "}; void main() {}"));
  accept(f, repeat("const int t[] = int[](-1", ",-1", 40000, "); void main() {}"));
  accept(f, repeat("void main() { int a = 1;", "a = -a;", 40000, "}"));
}

/* Each term is twice the one before: walked without a bound, the fortieth takes for ever. */
static void array_lengths_of_doubling_terms_are_refused(void **state) {
  shaders_fixture *f = *state;
  char source[4096] = "layout(constant_id = 0) const int C0 = 1;\n";
  size_t at = strlen(source);
  for (int i = 1; i <= 40; i++) {
    at += (size_t)snprintf(source + at, sizeof source - at, "const int C%d = C%d ^ C%d;\n", i,
                           i - 1, i - 1);
  }
  snprintf(source + at, sizeof source - at,
           "shared float s[C40 + 1];\nvoid main() { s[gl_LocalInvocationIndex] = 1.0; }\n");
  refuse(f, strdup(source), "an array's length takes over");
}

static void arrays_that_spirv_cannot_hold_are_refused(void **state) {
  shaders_fixture *f = *state;
  refuse(f, repeat("const int t[] = {1", ",1", 70000, "}; void main() { int a = t[3]; }"),
         "too large for SPIR-V");
}

static void deep_conditions_are_refused(void **state) {
  shaders_fixture *f = *state;
  refuse(f, repeat("\n#if ", "(", 1000000, "1\n#endif\nvoid main() {}\n"),
         "shader.comp:2: error: too many tokens in a condition");
  refuse(f, repeat("#if 0\n#elif ", "!", 1000000, "1\n#endif\nvoid main() {}\n"),
         "too many tokens in a condition");
  accept(f, repeat("#if 1", " || 1", 500, "\n#endif\nvoid main() {}\n"));
}

static void too_many_cases_are_refused(void **state) {
  shaders_fixture *f = *state;
  refuse(f, repeat("void main() { switch (1) {", "case 1: ", 100000, "break; } }"),
         "too many switch cases");
}

/* "#define A1 A0 A0", "#define A2 A1 A1" and so on. */
static char *doubling(int levels, bool is_backwards) {
  char *text = repeat("", " ", (size_t)levels * 32 + 200, "");
  char *at = text;
  at += sprintf(at, "#define A0 a+\n");
  for (int i = 1; i <= levels; i++) {
    int level = is_backwards ? levels + 1 - i : i;
    at += sprintf(at, "#define A%d A%d A%d\n", level, level - 1, level - 1);
  }
  sprintf(at, "void main() { int a = 1; a = A%d a; }\n", levels);
  return text;
}

static void macros_that_multiply_are_refused(void **state) {
  shaders_fixture *f = *state;
  accept(f, doubling(10, false));
  refuse(f, doubling(40, false), "macros expand to too many tokens");
  refuse(f, doubling(40, true), "macros expand to too many tokens");
  refuse(f, repeat("#define D(x) x x\nvoid main() { int a = ", "D(", 40, "a+))))"),
         "macros expand to too many tokens");
  refuse(f, repeat("#define D(x) x x\n#define E D\nvoid main() { int a = ", "E(", 40, "a+))))"),
         "macros expand to too many tokens");
  char *calls = repeat("#define D(x) x x\n#define N(f) ", "f(", 40, "1");
  char *called = repeat(calls, ")", 40, "\nvoid main() { int a = N(D) 1; }\n");
  free(calls);
  refuse(f, called, "macros expand to too many tokens");
}

static void ordinary_macros_are_accepted(void **state) {
  shaders_fixture *f = *state;
  char *open = repeat(
      "#define ADD(a, b) ((a) + (b))\n#define SQUARE(x) ((x) * (x))\n"
      "#define LIST(X) X(1) X(2) X(3)\n#define TERM(n) + n\n#define self self\n"
      "void main() { int a = SQUARE(SQUARE(2)) LIST(TERM); a = ",
      "ADD(", 100, "a");
  char *text = repeat(open, ", 1)", 100, "; }\n");
  free(open);
  accept(f, text);
}

static void macros_that_chain_deeply_are_refused(void **state) {
  shaders_fixture *f = *state;
  char *text = repeat("", " ", 2000 * 32, "");
  char *at = text + sprintf(text, "#define M0 1\n");
  for (int i = 1; i < 2000; i++) {
    at += sprintf(at, "#define M%d M%d\n", i, i - 1);
  }
  sprintf(at, "void main() { int a = M1999; }\n");
  refuse(f, text, "macros use each other too deeply");
}

static void pragma_stdgl_is_refused_where_it_would_crash(void **state) {
  shaders_fixture *f = *state;
  refuse(f, strdup("\n#pragma STDGL\nvoid main() {}\n"), "shader.comp:2: error: #pragma STDGL");
  refuse(f, strdup("# /**/ pragma ST\\\nDGL invariant\nvoid main() {}\n"), "#pragma STDGL");
  accept(f, strdup("#pragma STDGL invariant(all)\n#pragma other\nvoid main() {}\n"));
}

static void unknown_characters_are_named_as_such(void **state) {
  shaders_fixture *f = *state;
  refuse(f, strdup("void main() {\n  int a = 1 $ 2;\n}\n"),
         "shader.comp:2: error: a character that GLSL does not know");
}

static void unfinished_texts_are_refused(void **state) {
  shaders_fixture *f = *state;
  static const char *const texts[] = {"",           "/*",
                                      "#",          "#define",
                                      "#define X(", "#define X(a\n X(",
                                      "#include",   "#include \"",
                                      "#include <", "#if",
                                      "#if 1",      "#line",
                                      "#version",   "\"",
                                      "\\",         "void main(",
                                      "#pragma",    "#else",
                                      "#extension", "void main() {",
                                      "#ifdef X\n", "\r",
                                      "#line 1 \"", "#define X(a,"};
  for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
    assert_int_equal(shaders_build_compute(f, texts[i]), RG_ERROR_COMPILE);
    assert_true(strlen(rg_error()) > 0);
  }
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, shaders_setup, shaders_teardown)
  const struct CMUnitTest tests[] = {
      TEST(bytes_that_are_no_text_are_refused),
      TEST(deep_expressions_are_refused_and_long_ones_not),
      TEST(array_lengths_of_doubling_terms_are_refused),
      TEST(arrays_that_spirv_cannot_hold_are_refused),
      TEST(deep_conditions_are_refused),
      TEST(too_many_cases_are_refused),
      TEST(macros_that_multiply_are_refused),
      TEST(ordinary_macros_are_accepted),
      TEST(macros_that_chain_deeply_are_refused),
      TEST(pragma_stdgl_is_refused_where_it_would_crash),
      TEST(unknown_characters_are_named_as_such),
      TEST(unfinished_texts_are_refused),
  };
  return cmocka_run_group_tests_name("shader_hostile", tests, NULL, NULL);
}
