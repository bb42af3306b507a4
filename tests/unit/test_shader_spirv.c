/* SPIR-V from outside: what is valid goes in as it is, nothing else gets past the validator. */
#define _GNU_SOURCE
#include "test_data.h"
#include "test_shaders.h"

#define VERTEX                                                                 \
  "layout(location = 0) in vec3 position; layout(location = 0) out vec2 uv;\n" \
  "layout(binding = 0) uniform Camera { mat4 view; };\n"                       \
  "void main() { uv = position.xy; gl_Position = view * vec4(position, 1); }\n"
#define FRAGMENT                                                        \
  "layout(location = 0) in vec2 uv; layout(location = 0) out vec4 c;\n" \
  "layout(binding = 1) uniform sampler2D map; void main() { c = texture(map, uv); }\n"

/* A copy of the fixture's last build's stage; the caller frees it. */
static unsigned char *words_of(const shaders_fixture *f, uint32_t stage, size_t *size) {
  *size = f->code.stages[stage].size;
  unsigned char *copy = malloc(*size + 4);
  assert_non_null(copy);
  memcpy(copy, f->code.stages[stage].words, *size);
  return copy;
}

static rg_result build_spirv(shaders_fixture *f, VkShaderStageFlagBits stage, const void *words,
                             size_t size, const char *entry_point) {
  rg_shader_desc desc = {
      .stages = {{.stage = stage, .spirv = words, .spirv_size = size, .entry_point = entry_point}},
      .stage_count = 1,
      .label = "outside"};
  return shaders_build(f, &desc);
}

static unsigned char *fragment_words(shaders_fixture *f, size_t *size) {
  assert_built(shaders_build_text(f, VK_SHADER_STAGE_FRAGMENT_BIT, FRAGMENT));
  return words_of(f, 0, size);
}

static void valid_words_pass_unchanged_at_any_alignment(void **state) {
  shaders_fixture *f = *state;
  size_t size;
  unsigned char *words = fragment_words(f, &size);
  memmove(words + 1, words, size);
  assert_built(build_spirv(f, VK_SHADER_STAGE_FRAGMENT_BIT, words + 1, size, NULL));
  assert_int_equal(f->code.stages[0].size, size);
  assert_memory_equal(f->code.stages[0].words, words + 1, size);
  assert_int_equal(shaders_binding(f, "map")->binding, 1);
  free(words);
}

static void files_that_end_in_spv_are_spirv(void **state) {
  shaders_fixture *f = *state;
  size_t size;
  unsigned char *words = fragment_words(f, &size);
  shaders_put_bytes(f, "map.frag.spv", words, size);
  shaders_put_bytes(f, "map.spv", words, size);
  free(words);
  assert_built(shaders_build_file(f, "map.frag.spv"));
  assert_int_equal(f->code.stages[0].stage, VK_SHADER_STAGE_FRAGMENT_BIT);
  assert_failure(shaders_build_file(f, "map.spv"), RG_ERROR_INVALID_ARGUMENT, "map.spv");
}

static void spirv_and_glsl_stages_link(void **state) {
  shaders_fixture *f = *state;
  size_t size;
  assert_built(shaders_build_pair(f, VERTEX, FRAGMENT));
  unsigned char *words = words_of(f, 0, &size);
  rg_shader_desc desc = {
      .stages = {{.stage = VK_SHADER_STAGE_VERTEX_BIT, .spirv = words, .spirv_size = size},
                 {.stage = VK_SHADER_STAGE_FRAGMENT_BIT,
                  .source = "in vec2 uv; out vec4 c; uniform sampler2D map;\n"
                            "uniform Camera { mat4 view; };\n"
                            "void main() { c = texture(map, uv) + view[0]; }\n"}},
      .stage_count = 2};
  assert_built(shaders_build(f, &desc));
  assert_int_equal(shaders_binding(f, "map")->binding, 1);
  assert_int_equal(shaders_binding(f, "Camera")->binding, 0);
  assert_int_equal(shaders_binding(f, "Camera")->stages,
                   VK_SHADER_STAGE_VERTEX_BIT | VK_SHADER_STAGE_FRAGMENT_BIT);
  desc.stages[1].source =
      "layout(location = 1) in vec2 other; out vec4 c;\n"
      "void main() { c = other.xyxy; }\n";
  assert_failure(shaders_build(f, &desc), RG_ERROR_COMPILE,
                 "no output of shader.vert feeds the fragment input 'other'");
  free(words);
}

static void broken_headers_are_refused(void **state) {
  shaders_fixture *f = *state;
  size_t size;
  unsigned char *words = fragment_words(f, &size);
  const VkShaderStageFlagBits stage = VK_SHADER_STAGE_FRAGMENT_BIT;
  assert_failure(build_spirv(f, stage, words, size - 1, NULL), RG_ERROR_COMPILE, "multiple of 4");
  assert_failure(build_spirv(f, stage, words, 0, NULL), RG_ERROR_COMPILE, "0 bytes");
  assert_failure(build_spirv(f, stage, words, 16, NULL), RG_ERROR_COMPILE, "16 bytes");
  assert_failure(build_spirv(f, stage, "GLSL text, not words", 20, NULL), RG_ERROR_COMPILE,
                 "outside.frag: error: not SPIR-V");
  words[0] ^= 1;
  assert_failure(build_spirv(f, stage, words, size, NULL), RG_ERROR_COMPILE, "begins with 0x");
  free(words);
}

static void truncated_words_are_refused(void **state) {
  shaders_fixture *f = *state;
  size_t size;
  unsigned char *words = fragment_words(f, &size);
  for (size_t cut = 4; cut < size; cut += 4) {
    assert_failure(build_spirv(f, VK_SHADER_STAGE_FRAGMENT_BIT, words, size - cut, NULL),
                   RG_ERROR_COMPILE, "outside.frag: error:");
  }
  free(words);
}

static void mutated_words_are_refused_or_harmless(void **state) {
  shaders_fixture *f = *state;
  size_t size;
  uint32_t random = 12345, refused = 0;
  unsigned char *words = fragment_words(f, &size);
  unsigned char *mutant = malloc(size);
  assert_non_null(mutant);
  for (int i = 0; i < 600; i++) {
    memcpy(mutant, words, size);
    size_t mutant_size = test_mutate(mutant, size, &random) / 4 * 4;
    rg_result result = build_spirv(f, VK_SHADER_STAGE_FRAGMENT_BIT, mutant, mutant_size, NULL);
    assert_true(result == RG_OK || result == RG_ERROR_COMPILE);
    refused += result != RG_OK;
  }
  assert_true(refused > 400);
  free(mutant);
  free(words);
}

static void the_entry_point_must_be_there(void **state) {
  shaders_fixture *f = *state;
  size_t size;
  unsigned char *words = fragment_words(f, &size);
  assert_built(build_spirv(f, VK_SHADER_STAGE_FRAGMENT_BIT, words, size, "main"));
  assert_failure(build_spirv(f, VK_SHADER_STAGE_FRAGMENT_BIT, words, size, "other"),
                 RG_ERROR_COMPILE, "no fragment entry point 'other'; there are: 'main'");
  assert_failure(build_spirv(f, VK_SHADER_STAGE_VERTEX_BIT, words, size, NULL), RG_ERROR_COMPILE,
                 "no vertex entry point 'main'; there are: 'main' (of another stage)");
  free(words);
  rg_shader_desc desc = {.stages = {{.stage = VK_SHADER_STAGE_COMPUTE_BIT,
                                     .source = "void main() {}",
                                     .entry_point = "other"}},
                         .stage_count = 1};
  assert_failure(shaders_build(f, &desc), RG_ERROR_COMPILE, "no entry point 'other'");
}

static void a_newer_version_than_the_device_s_is_refused(void **state) {
  shaders_fixture *f = *state;
  size_t size;
  f->context.api_version = VK_API_VERSION_1_3;
  unsigned char *words = fragment_words(f, &size);
  assert_built(build_spirv(f, VK_SHADER_STAGE_FRAGMENT_BIT, words, size, NULL));
  f->context.api_version = VK_API_VERSION_1_2;
  assert_failure(build_spirv(f, VK_SHADER_STAGE_FRAGMENT_BIT, words, size, NULL), RG_ERROR_COMPILE,
                 "SPIR-V");
  free(words);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, shaders_setup, shaders_teardown)
  const struct CMUnitTest tests[] = {
      TEST(valid_words_pass_unchanged_at_any_alignment),
      TEST(files_that_end_in_spv_are_spirv),
      TEST(spirv_and_glsl_stages_link),
      TEST(broken_headers_are_refused),
      TEST(truncated_words_are_refused),
      TEST(mutated_words_are_refused_or_harmless),
      TEST(the_entry_point_must_be_there),
      TEST(a_newer_version_than_the_device_s_is_refused),
  };
  return cmocka_run_group_tests_name("shader_spirv", tests, NULL, NULL);
}
