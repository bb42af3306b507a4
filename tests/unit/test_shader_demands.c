/* What modules ask of a device: capabilities, workgroups, shared memory, with keywords and without.
 */
#define _GNU_SOURCE
#include <spirv_cross/spirv.h>

#include "shader/demands.h"
#include "test_shaders.h"

/* Of the last build's first stage; `count` 32-bit keywords for the constants from id 0 on. */
static rg_result demands(shaders_fixture *f, const uint32_t *keywords, uint32_t count,
                         shader_demands *out) {
  VkSpecializationMapEntry entries[4];
  for (uint32_t i = 0; i < count; i++) {
    entries[i] = (VkSpecializationMapEntry){.constantID = i, .offset = i * 4, .size = 4};
  }
  const VkSpecializationInfo info = {
      .mapEntryCount = count, .pMapEntries = entries, .dataSize = count * 4, .pData = keywords};
  arena scratch;
  arena_init(&scratch, &f->memory);
  rg_result result =
      shader_demands_read("x", &f->code.stages[0], count == 0 ? NULL : &info, &scratch, out);
  out->capabilities = NULL; /* they die with the arena */
  arena_finish(&scratch);
  return result;
}

static uint64_t shared_bytes(shaders_fixture *f, const char *declarations, const char *use,
                             const uint32_t *keywords, uint32_t count) {
  char text[2048];
  shader_demands found;
  snprintf(text, sizeof text,
           "layout(local_size_x = 1) in;\n%s\nbuffer O { float o; };\n"
           "void main() { %s; o = 1; }\n",
           declarations, use);
  assert_built(shaders_build_compute(f, text));
  assert_built(demands(f, keywords, count, &found));
  assert_true(found.has_workgroup);
  return found.shared_bytes;
}

static void shared_variables_are_laid_out_as_in_std430(void **state) {
  shaders_fixture *f = *state;
  assert_int_equal(shared_bytes(f, "", "", NULL, 0), 0);
  assert_int_equal(shared_bytes(f, "shared float s[100];", "s[1] = 1", NULL, 0), 400);
  assert_int_equal(shared_bytes(f, "shared bool s[3];", "s[1] = true", NULL, 0), 12);
  assert_int_equal(shared_bytes(f, "shared vec3 s[2];", "s[1] = vec3(1)", NULL, 0), 32);
  assert_int_equal(shared_bytes(f, "shared mat3x2 s;", "s[1] = vec2(1)", NULL, 0), 24);
  assert_int_equal(shared_bytes(f, "struct T { float a; vec4 b; float c; }; shared T s[2];",
                                "s[1].a = 1", NULL, 0),
                   96);
  assert_int_equal(shared_bytes(f, "shared float a; shared vec2 b;", "a = 1; b = vec2(a)", NULL, 0),
                   16);
  assert_int_equal(shared_bytes(f, "shared float s[60000][60000];", "s[1][1] = 1", NULL, 0),
                   UINT64_C(14400000000));
}

static void shared_sizes_follow_the_keywords(void **state) {
  shaders_fixture *f = *state;
  const char *declarations =
      "layout(constant_id = 0) const int N = 3;\n"
      "layout(constant_id = 1) const bool IS_LARGE = false;\n"
      "const int COUNT = IS_LARGE ? (N << 4) | 1 : N * 2 - 1 + N % 2;\n"
      "shared float s[COUNT];";
  assert_int_equal(shared_bytes(f, declarations, "s[0] = 1", NULL, 0), 24);
  assert_int_equal(shared_bytes(f, declarations, "s[0] = 1", (uint32_t[]){10}, 1), 76);
  assert_int_equal(shared_bytes(f, declarations, "s[0] = 1", (uint32_t[]){10, 1}, 2), 644);
}

static void signed_terms_are_signed(void **state) {
  shaders_fixture *f = *state;
  const char *declarations =
      "layout(constant_id = 0) const int N = 3;\n"
      "const int COUNT = -(N / 2) + (N >> 1) * 3 + (N < 0 ? 20 : 0);\n"
      "shared float s[COUNT];";
  assert_int_equal(shared_bytes(f, declarations, "s[0] = 1", NULL, 0), 8);
  assert_int_equal(shared_bytes(f, declarations, "s[0] = 1", (uint32_t[]){(uint32_t)-7}, 1), 44);
}

static void sizes_may_come_of_the_workgroups(void **state) {
  shaders_fixture *f = *state;
  const char *text =
      "layout(local_size_x_id = 0, local_size_y = 3) in;\n"
      "shared float s[gl_WorkGroupSize.x * gl_WorkGroupSize.y];\n"
      "buffer O { float o; };\n"
      "void main() { s[gl_LocalInvocationIndex] = 1; o = s[0]; }\n";
  const uint32_t keyword = 8;
  shader_demands found;
  for (int i = 0; i < 2; i++) {
    f->context.api_version = i == 0 ? VK_API_VERSION_1_2 : VK_API_VERSION_1_3;
    assert_built(shaders_build_compute(f, text));
    assert_built(demands(f, NULL, 0, &found));
    assert_int_equal(found.workgroup_size[0], 1);
    assert_int_equal(found.shared_bytes, 12);
    assert_built(demands(f, &keyword, 1, &found));
    assert_int_equal(found.workgroup_size[0], 8);
    assert_int_equal(found.workgroup_size[1], 3);
    assert_int_equal(found.workgroup_size[2], 1);
    assert_int_equal(found.shared_bytes, 96);
  }
}

static void terms_that_double_their_work_are_given_up(void **state) {
  shaders_fixture *f = *state;
  char text[4096] =
      "layout(local_size_x = 1) in; buffer O { float o; };\n"
      "layout(constant_id = 0) const int C0 = 1;\n";
  for (int i = 1; i <= 14; i++) {
    size_t length = strlen(text);
    snprintf(text + length, sizeof text - length, "const int C%d = C%d ^ C%d;\n", i, i - 1, i - 1);
  }
  strcat(text, "shared float s[C14 + 1];\nvoid main() { s[0] = 1; o = s[0]; }\n");
  assert_failure(shaders_build_compute(f, text), RG_ERROR_COMPILE,
                 "shader.comp: an array's length takes over 16384 steps to tell");
}

static void arrays_that_keywords_empty_are_refused(void **state) {
  shaders_fixture *f = *state;
  const uint32_t keyword = 0;
  shader_demands found;
  assert_built(shaders_build_compute(f,
                                     "layout(local_size_x = 1) in; buffer O { float o; };\n"
                                     "layout(constant_id = 0) const int N = 2;\n"
                                     "void main() { float a[N]; a[0] = o; o = a[0]; }\n"));
  assert_built(demands(f, NULL, 0, &found));
  assert_failure(demands(f, &keyword, 1, &found), RG_ERROR_INVALID_ARGUMENT,
                 "shader 'x': its keywords make an array of 0 elements");
}

static void capabilities_are_listed(void **state) {
  shaders_fixture *f = *state;
  arena scratch;
  shader_demands found;
  arena_init(&scratch, &f->memory);
  assert_built(shaders_build_text(f, VK_SHADER_STAGE_FRAGMENT_BIT,
                                  "uniform sampler1D t; in vec2 uv; out vec4 c;\n"
                                  "void main() { c = texture(t, float(textureSize(t, 0))) +\n"
                                  "dFdxFine(uv.x); }\n"));
  assert_built(shader_demands_read("x", &f->code.stages[0], NULL, &scratch, &found));
  static const uint32_t expected[] = {SpvCapabilityShader, SpvCapabilitySampled1D,
                                      SpvCapabilityImageQuery, SpvCapabilityDerivativeControl};
  assert_int_equal(found.capability_count, 4);
  for (uint32_t i = 0; i < 4; i++) {
    bool is_found = false;
    for (uint32_t j = 0; j < 4; j++) {
      is_found |= found.capabilities[j] == expected[i];
    }
    assert_true(is_found);
  }
  assert_false(found.has_workgroup || found.has_size_ids);
  arena_finish(&scratch);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, shaders_setup, shaders_teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(shared_variables_are_laid_out_as_in_std430),
      TEST(shared_sizes_follow_the_keywords),
      TEST(signed_terms_are_signed),
      TEST(sizes_may_come_of_the_workgroups),
      TEST(terms_that_double_their_work_are_given_up),
      TEST(arrays_that_keywords_empty_are_refused),
      TEST(capabilities_are_listed),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
