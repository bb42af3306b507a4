/* Compile errors: every one, at its own file and line, with the line and a hint. */
#define _GNU_SOURCE
#include "test_shaders.h"

static rg_result build(shaders_fixture *f, const char *text) {
  return shaders_build_text(f, VK_SHADER_STAGE_FRAGMENT_BIT, text);
}

static void all_errors_of_all_stages_are_told_at_once(void **state) {
  shaders_fixture *f = *state;
  rg_result result =
      shaders_build_pair(f, "void main() { one; }\n", "void main() {\n  two;\n  three;\n}\n");
  assert_failure(result, RG_ERROR_COMPILE, "shader.vert:1: error: 'one': undeclared");
  assert_failure(result, RG_ERROR_COMPILE, "shader.frag:2: error: 'two': undeclared");
  assert_failure(result, RG_ERROR_COMPILE, "shader.frag:3: error: 'three': undeclared");
}

static void one_error_does_not_hide_the_next(void **state) {
  shaders_fixture *f = *state;
  rg_result result = build(f,
                           "out vec4 c;\n"
                           "float first(float a) {\n"
                           "  const float b = one; a = 1.0;\n"
                           "  b = two +\n"
                           "    three;\n"
                           "  return four;\n"
                           "}\n"
                           "void second() {\n"
                           "  if (five) {\n"
                           "    int x = 1.5;\n"
                           "  }\n"
                           "}\n"
                           "void main() {\n"
                           "  c.foo = 1;\n"
                           "  c = vec3(first(1.0));\n"
                           "}\n");
  static const char *const expected[] = {"frag:3: error: 'one'",  "frag:4: error: 'two'",
                                         "frag:6: error: 'four'", "frag:9: error: 'five'",
                                         "frag:14: error: 'foo'", "frag:15: error: 'assign'"};
  for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
    assert_failure(result, RG_ERROR_COMPILE, expected[i]);
  }
  assert_null(strstr(rg_error(), "return a value"));
}

static void errors_around_conditionals_and_includes_are_found_too(void **state) {
  shaders_fixture *f = *state;
  shaders_put(f, "a.glsl", "void a() {\n#if 1\n  one;\n#else\n }{ \n#endif\n}\n");
  shaders_put(f, "main.frag",
              "#include \"a.glsl\"\nvoid b() { two; }\n#include \"a.glsl\"\n"
              "void main() {\n  for (;;) three; }\n");
  rg_result result = shaders_build_file(f, "main.frag");
  assert_failure(result, RG_ERROR_COMPILE, "a.glsl:3: error: 'one'");
  assert_failure(result, RG_ERROR_COMPILE, "main.frag:2: error: 'two'");
}

static void what_glslang_lets_pass_the_validator_does_not(void **state) {
  shaders_fixture *f = *state;
  assert_failure(build(f,
                       "out vec4 c; flat uniform sampler2D map;\n"
                       "void main() { c = texture(map, vec2(0)); }\n"),
                 RG_ERROR_COMPILE, "shader.frag: error: invalid SPIR-V");
}

static void the_line_itself_is_shown(void **state) {
  shaders_fixture *f = *state;
  assert_failure(build(f, "void main() {\n\t  float x = unknown_name; // here\n}\n"),
                 RG_ERROR_COMPILE, "\n    float x = unknown_name; // here");
}

static void an_error_in_an_include_names_the_include(void **state) {
  shaders_fixture *f = *state;
  shaders_put(f, "bad.glsl", "\nfloat value() { return unknown; }\n");
  shaders_put(f, "main.frag", "#include \"bad.glsl\"\nvoid main() { also_unknown; }\n");
  rg_result result = shaders_build_file(f, "main.frag");
  assert_failure(result, RG_ERROR_COMPILE, "bad.glsl:2: error: 'unknown'");
  assert_failure(result, RG_ERROR_COMPILE, "main.frag:2: error: 'also_unknown'");
}

static void the_label_names_text_from_memory(void **state) {
  shaders_fixture *f = *state;
  rg_shader_desc desc = {.stages = {{.stage = VK_SHADER_STAGE_FRAGMENT_BIT, .source = "x"}},
                         .stage_count = 1,
                         .label = "metal"};
  assert_failure(shaders_build(f, &desc), RG_ERROR_COMPILE, "metal.frag:1: error:");
}

static void an_undeclared_name_comes_with_the_nearest_declared_one(void **state) {
  shaders_fixture *f = *state;
  assert_failure(build(f, "void main() {\n  float roughness = 1.0;\n  roughnes;\n}\n"),
                 RG_ERROR_COMPILE, "did you mean 'roughness'?");
  assert_failure(build(f, "void main() { normalise(vec3(1)); }\n"), RG_ERROR_COMPILE,
                 "did you mean 'normalize'?");
  assert_failure(build(f, "void main() { qqqqqqqqqqqq; }\n"), RG_ERROR_COMPILE, "undeclared");
  assert_null(strstr(rg_error(), "did you mean"));
}

static void a_missing_semicolon_is_blamed_on_its_own_line(void **state) {
  shaders_fixture *f = *state;
  const char *missing = "';' is missing";
  assert_failure(build(f, "void main() {\n  float x = 1.0\n\n  // c\n  float y;\n}\n"),
                 RG_ERROR_COMPILE, "shader.frag:2: error: syntax error: ';' is missing");
  assert_failure(build(f, "void main() {\n  int x;\n  x = 3\n  x = 4;\n}\n"), RG_ERROR_COMPILE,
                 "shader.frag:3: error: syntax error: ';' is missing");
  assert_failure(build(f, "void main() {\n  return\n}\n"), RG_ERROR_COMPILE,
                 "shader.frag:2: error: syntax error: ';' is missing");
  assert_failure(build(f, "struct A {\n  vec3 a;\n}\nvoid main() {}\n"), RG_ERROR_COMPILE,
                 "shader.frag:3: error: syntax error: ';' is missing");
  assert_failure(build(f, "void main() { if (true\n { }\n}\n"), RG_ERROR_COMPILE,
                 "shader.frag:2: error: syntax error: unexpected '{'");
  assert_null(strstr(rg_error(), missing));
  assert_failure(build(f, "void main() { int a = 1 int b; }\n"), RG_ERROR_COMPILE,
                 "shader.frag:1: error: syntax error: unexpected 'int', expecting ',' or ';'");
}

static void the_same_message_is_not_repeated(void **state) {
  shaders_fixture *f = *state;
  assert_failure(build(f, "void main() { vec3 y; y.foo = 3; }\n"), RG_ERROR_COMPILE, "'foo'");
  const char *first = strstr(rg_error(), "unknown swizzle");
  assert_non_null(first);
  assert_null(strstr(first + 1, "unknown swizzle"));
}

static void consequences_of_an_unknown_name_are_left_out(void **state) {
  shaders_fixture *f = *state;
  assert_failure(build(f, "void main() { int a = unknown; }\n"), RG_ERROR_COMPILE, "'unknown'");
  assert_null(strstr(rg_error(), "cannot convert"));
  assert_failure(build(f, "void main() { int a = 1.5; }\n"), RG_ERROR_COMPILE, "cannot convert");
}

static void glslang_keeps_its_counts_to_itself(void **state) {
  shaders_fixture *f = *state;
  assert_int_equal(build(f, "void main() { x; }\n"), RG_ERROR_COMPILE);
  assert_null(strstr(rg_error(), "No code generated"));
  assert_null(strstr(rg_error(), "terminated"));
  assert_int_not_equal(rg_error()[strlen(rg_error()) - 1], '\n');
}

static void a_missing_main_is_told(void **state) {
  shaders_fixture *f = *state;
  assert_failure(build(f, "void foo() {}\n"), RG_ERROR_COMPILE, "entry point");
}

static void warnings_go_to_the_log(void **state) {
  shaders_fixture *f = *state;
  assert_built(build(f, "\n#define a__b 1\nvoid main() {}\n"));
  assert_non_null(strstr(f->logged, "shader.frag:2: warning: "));
  assert_built(build(f, "void main() {}\n"));
  assert_string_equal(f->logged, "");
}

static void long_lines_are_cut_between_characters(void **state) {
  shaders_fixture *f = *state;
  char text[1024] = "void main() { unknown; } // ";
  for (int i = 0; i < 200; i++) {
    strcat(text, "\xC3\xA9");
  }
  assert_int_equal(build(f, text), RG_ERROR_COMPILE);
  const char *excerpt = strstr(rg_error(), "\n    void main");
  assert_non_null(excerpt);
  assert_in_range(strlen(excerpt), 100, 130);
  assert_int_equal((unsigned char)excerpt[strlen(excerpt) - 1], 0xA9);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, shaders_setup, shaders_teardown)
  const struct CMUnitTest tests[] = {
      TEST(all_errors_of_all_stages_are_told_at_once),
      TEST(one_error_does_not_hide_the_next),
      TEST(errors_around_conditionals_and_includes_are_found_too),
      TEST(what_glslang_lets_pass_the_validator_does_not),
      TEST(the_line_itself_is_shown),
      TEST(an_error_in_an_include_names_the_include),
      TEST(the_label_names_text_from_memory),
      TEST(an_undeclared_name_comes_with_the_nearest_declared_one),
      TEST(a_missing_semicolon_is_blamed_on_its_own_line),
      TEST(the_same_message_is_not_repeated),
      TEST(consequences_of_an_unknown_name_are_left_out),
      TEST(glslang_keeps_its_counts_to_itself),
      TEST(a_missing_main_is_told),
      TEST(warnings_go_to_the_log),
      TEST(long_lines_are_cut_between_characters),
  };
  return cmocka_run_group_tests_name("shader_messages", tests, NULL, NULL);
}
