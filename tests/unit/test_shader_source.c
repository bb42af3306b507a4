/* Include expansion: what is found where, what is read once, and how lines keep their names. */
#define _GNU_SOURCE
#include "test_shaders.h"

#define MAIN "out vec4 colour;\nvoid main() { colour = vec4(value()); }\n"

static void includes_are_found_beside_the_includer_then_under_the_roots(void **state) {
  shaders_fixture *f = *state;
  shaders_folder(f, "lib");
  shaders_put(f, "lib/deep.glsl", "float deep() { return 2.0; }\n");
  shaders_put(f, "lib/a.glsl",
              "#include \"deep.glsl\"\n#include \"b.glsl\"\n"
              "float value() { return deep() + b(); }\n");
  shaders_put(f, "b.glsl", "float b() { return 1.0; }\n");
  shaders_put(f, "main.frag", "#include \"lib/a.glsl\"\n" MAIN);
  assert_built(shaders_build_file(f, "main.frag"));
  shaders_put(f, "angle.frag", "#include <lib/../lib/./a.glsl>\n" MAIN);
  assert_built(shaders_build_file(f, "angle.frag"));
}

static void text_from_memory_includes_from_the_roots(void **state) {
  shaders_fixture *f = *state;
  shaders_put(f, "value.glsl", "float value() { return 1.0; }\n");
  assert_built(
      shaders_build_text(f, VK_SHADER_STAGE_FRAGMENT_BIT, "#include \"value.glsl\"\n" MAIN));
}

static void built_in_includes_need_no_file(void **state) {
  shaders_fixture *f = *state;
  const char *text =
      "#include <regolith/pbr.glsl>\n#include \"regolith/include/pbr.glsl\"\n"
      "float value() { return PI; }\n" MAIN;
  assert_built(shaders_build_text(f, VK_SHADER_STAGE_FRAGMENT_BIT, text));
}

static void a_missing_include_fails_where_it_is_active(void **state) {
  shaders_fixture *f = *state;
  shaders_put(f, "main.frag", "// one\n#include \"nowhere.glsl\"\nvoid main() {}\n");
  assert_failure(shaders_build_file(f, "main.frag"), RG_ERROR_COMPILE,
                 "main.frag:2: error: cannot include 'nowhere.glsl'");
}

static void a_missing_include_does_no_harm_where_it_is_inactive(void **state) {
  shaders_fixture *f = *state;
  assert_built(shaders_build_text(f, VK_SHADER_STAGE_FRAGMENT_BIT,
                                  "#ifdef NEVER\n#include \"nowhere.glsl\"\n#include\n#endif\n"
                                  "void main() {}\n"));
}

static void includes_in_comments_are_no_includes(void **state) {
  shaders_fixture *f = *state;
  assert_built(shaders_build_text(f, VK_SHADER_STAGE_FRAGMENT_BIT,
                                  "// \\\n#include \"nowhere.glsl\"\n"
                                  "/*\n#include \"nowhere.glsl\"\n*/ void main() {}\n"));
}

static void a_file_that_includes_itself_is_refused(void **state) {
  shaders_fixture *f = *state;
  shaders_put(f, "a.glsl", "#include \"b.glsl\"\n");
  shaders_put(f, "b.glsl", "\n#include \"a.glsl\"\n");
  shaders_put(f, "main.frag", "#include \"a.glsl\"\nvoid main() {}\n");
  assert_failure(shaders_build_file(f, "main.frag"), RG_ERROR_COMPILE,
                 "b.glsl:2: error: 'a.glsl' includes itself");
}

static void guards_end_circles(void **state) {
  shaders_fixture *f = *state;
  shaders_put(f, "a.glsl",
              "// a\n#ifndef A_GLSL\n#define A_GLSL\n#include \"b.glsl\"\n"
              "float value() { return b(); }\n#endif\n");
  shaders_put(f, "b.glsl",
              "#ifndef B_GLSL\n#define B_GLSL\n#include \"a.glsl\"\n"
              "float b() { return 1.0; }\n#endif\n");
  shaders_put(f, "main.frag", "#include \"a.glsl\"\n#include \"b.glsl\"\n" MAIN);
  assert_built(shaders_build_file(f, "main.frag"));
}

static void pragma_once_holds_for_active_includes_only(void **state) {
  shaders_fixture *f = *state;
  shaders_put(f, "a.glsl", "#pragma once\n#include \"b.glsl\"\nfloat value() { return b(); }\n");
  shaders_put(f, "b.glsl", "#pragma once\n#include \"a.glsl\"\nfloat b() { return 1.0; }\n");
  shaders_put(f, "main.frag",
              "#if 0\n#include \"a.glsl\"\n#endif\n"
              "#include \"a.glsl\"\n#include \"b.glsl\"\n#include \"a.glsl\"\n" MAIN);
  assert_built(shaders_build_file(f, "main.frag"));
}

static void includes_nest_64_deep_and_no_deeper(void **state) {
  shaders_fixture *f = *state;
  char name[64], text[128];
  shaders_fixture *g = f;
  /* one file that includes the next of 65, by number; each number is a file */
  assert_int_equal(g->file_count, 0);
  for (int i = 1; i <= 65; i++) {
    g->file_count = 0; /* removed by hand below: more than the fixture remembers */
    snprintf(name, sizeof name, "n%d.glsl", i);
    snprintf(text, sizeof text, i < 65 ? "#include \"n%d.glsl\"\n" : "// %d\n", i + 1);
    shaders_put(g, name, text);
  }
  g->file_count = 0;
  shaders_put(g, "ok.frag", "#include \"n2.glsl\"\nvoid main() {}\n");
  shaders_put(g, "deep.frag", "#include \"n1.glsl\"\nvoid main() {}\n");
  assert_built(shaders_build_file(f, "ok.frag"));
  assert_failure(shaders_build_file(f, "deep.frag"), RG_ERROR_COMPILE,
                 "n64.glsl:1: error: includes nest deeper than 64");
  for (int i = 1; i <= 65; i++) {
    snprintf(text, sizeof text, "%s/n%d.glsl", f->folder, i);
    remove(text);
  }
}

static void sources_over_the_limit_are_refused(void **state) {
  shaders_fixture *f = *state;
  size_t size = SHADER_MAX_SOURCE / 4;
  char *text = malloc(size + 1);
  assert_non_null(text);
  memset(text, '\n', size);
  text[size] = '\0';
  shaders_put(f, "big.glsl", text);
  free(text);
  shaders_put(f, "three.frag",
              "#include \"big.glsl\"\n#include \"big.glsl\"\n#include \"big.glsl\"\n"
              "void main() {}\n");
  assert_built(shaders_build_file(f, "three.frag"));
  shaders_put(f, "four.frag",
              "#include \"big.glsl\"\n#include \"big.glsl\"\n#include \"big.glsl\"\n"
              "#include \"big.glsl\"\nvoid main() {}\n");
  assert_failure(shaders_build_file(f, "four.frag"), RG_ERROR_LIMIT, "four.frag: over 4194304");
}

static void includes_cannot_leave_the_roots(void **state) {
  shaders_fixture *f = *state;
  shaders_put(f, "up.frag", "#include \"../../etc/passwd\"\nvoid main() {}\n");
  assert_failure(shaders_build_file(f, "up.frag"), RG_ERROR_COMPILE, "up.frag:1: error: cannot");
  shaders_put(f, "abs.frag", "#include </etc/passwd>\nvoid main() {}\n");
  assert_failure(shaders_build_file(f, "abs.frag"), RG_ERROR_COMPILE, "abs.frag:1: error: cannot");
}

static void lines_keep_their_numbers_after_skipped_includes(void **state) {
  shaders_fixture *f = *state;
  shaders_put(f, "long.glsl", "// 1\n// 2\n// 3\n// 4\n");
  shaders_put(f, "main.frag",
              "#if 0\n#include \"long.glsl\"\n#elif 1\nvoid a() { unknown_4; }\n#else\n"
              "#include \"long.glsl\"\n#endif\nvoid b() { unknown_8; }\n"
              "#include \"long.glsl\"\nvoid main() { unknown_10; }\n");
  rg_result result = shaders_build_file(f, "main.frag");
  assert_failure(result, RG_ERROR_COMPILE, "main.frag:4: error: 'unknown_4'");
  assert_failure(result, RG_ERROR_COMPILE, "main.frag:8: error: 'unknown_8'");
  assert_failure(result, RG_ERROR_COMPILE, "main.frag:10: error: 'unknown_10'");
}

static void joined_lines_and_any_line_end_count_as_in_the_file(void **state) {
  shaders_fixture *f = *state;
  const char *text =
      "#define TWO 1 + \\\r\n 1\r\nint a = TWO;\rint b = unknown_5;\nvoid main() {}\n";
  assert_failure(shaders_build_text(f, VK_SHADER_STAGE_FRAGMENT_BIT, text), RG_ERROR_COMPILE,
                 "shader.frag:4: error: 'unknown_5'");
}

static void line_directives_name_the_source_they_were_made_from(void **state) {
  shaders_fixture *f = *state;
  const char *text =
      "#line 100 \"made.from\"\nvoid a() { unknown_a; }\n#line 7\n"
      "void b() { unknown_b; }\n"
      "void main() {}\n";
  rg_result result = shaders_build_text(f, VK_SHADER_STAGE_FRAGMENT_BIT, text);
  assert_failure(result, RG_ERROR_COMPILE, "made.from:100: error: 'unknown_a'");
  assert_failure(result, RG_ERROR_COMPILE, "made.from:7: error: 'unknown_b'");
}

static void version_450_and_460_are_accepted_and_no_other(void **state) {
  shaders_fixture *f = *state;
  assert_built(shaders_build_compute(f, "void main() {}\n"));
  assert_built(shaders_build_compute(f, "// first\n#version 450\nvoid main() {}\n"));
  assert_built(shaders_build_compute(f, "#version 460 core // yes\nvoid main() {}\n"));
  assert_failure(shaders_build_compute(f, "\n#version 310 es\nvoid main() {}\n"), RG_ERROR_COMPILE,
                 "shader.comp:2: error: #version");
  assert_failure(shaders_build_compute(f, "#version 450 compatibility\nvoid main() {}\n"),
                 RG_ERROR_COMPILE, "shader.comp:1: error: #version");
}

static void defines_reach_every_stage(void **state) {
  shaders_fixture *f = *state;
  rg_define defines[] = {{"COUNT", "3"}, {"FLAG", NULL}};
  rg_shader_desc desc = {
      .stages = {{.stage = VK_SHADER_STAGE_COMPUTE_BIT,
                  .source = "#if FLAG != 1 || COUNT != 3\n#error no\n#endif\nvoid main() {}\n"}},
      .stage_count = 1,
      .defines = defines,
      .define_count = 2};
  assert_built(shaders_build(f, &desc));
  defines[0].value = "4";
  assert_failure(shaders_build(f, &desc), RG_ERROR_COMPILE, "shader.comp:2: error: '#error': no");
}

static void defines_that_could_break_out_are_refused(void **state) {
  shaders_fixture *f = *state;
  const rg_define bad[] = {{"1X", NULL},    {"A B", NULL}, {"", NULL},      {NULL, NULL},
                           {"F(x)", "x"},   {"GL_X", "1"}, {"A", "1\nint"}, {"A", "/* "},
                           {"A", "1 // x"}, {"A", "1 \\"}, {"a__b", "1"},   {"A", "\xFF"}};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    rg_shader_desc desc = {
        .stages = {{.stage = VK_SHADER_STAGE_COMPUTE_BIT, .source = "void main() {}"}},
        .stage_count = 1,
        .defines = &bad[i],
        .define_count = 1};
    assert_int_not_equal(shaders_build(f, &desc), RG_OK);
    assert_non_null(strstr(rg_error(), bad[i].name == NULL ? "''" : bad[i].name));
  }
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, shaders_setup, shaders_teardown)
  const struct CMUnitTest tests[] = {
      TEST(includes_are_found_beside_the_includer_then_under_the_roots),
      TEST(text_from_memory_includes_from_the_roots),
      TEST(built_in_includes_need_no_file),
      TEST(a_missing_include_fails_where_it_is_active),
      TEST(a_missing_include_does_no_harm_where_it_is_inactive),
      TEST(includes_in_comments_are_no_includes),
      TEST(a_file_that_includes_itself_is_refused),
      TEST(guards_end_circles),
      TEST(pragma_once_holds_for_active_includes_only),
      TEST(includes_nest_64_deep_and_no_deeper),
      TEST(sources_over_the_limit_are_refused),
      TEST(includes_cannot_leave_the_roots),
      TEST(lines_keep_their_numbers_after_skipped_includes),
      TEST(joined_lines_and_any_line_end_count_as_in_the_file),
      TEST(line_directives_name_the_source_they_were_made_from),
      TEST(version_450_and_460_are_accepted_and_no_other),
      TEST(defines_reach_every_stage),
      TEST(defines_that_could_break_out_are_refused),
  };
  return cmocka_run_group_tests_name("shader_source", tests, NULL, NULL);
}
