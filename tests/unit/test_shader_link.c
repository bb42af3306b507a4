/* Numbers by name: locations and bindings alike in all stages, what is written kept, and stages
 * that do not fit refused. */
#define _GNU_SOURCE
#include <spirv_cross/spirv.h>

#include "test_shaders.h"

#define NO_VALUE 0xFFFFFFFFu

/* The decoration's operand of the variable or block of that name in a stage's final words. */
static uint32_t decoration(const shaders_fixture *f, uint32_t stage, const char *name,
                           SpvDecoration wanted, SpvStorageClass storage) {
  const uint32_t *words = f->code.stages[stage].words;
  size_t count = f->code.stages[stage].size / 4;
  for (size_t v = 5; v < count; v += words[v] >> 16) {
    if ((words[v] & 0xFFFF) != SpvOpVariable || words[v + 3] != (uint32_t)storage) {
      continue;
    }
    bool is_named = false;
    uint32_t value = NO_VALUE;
    for (size_t at = 5; at < count; at += words[at] >> 16) {
      uint32_t opcode = words[at] & 0xFFFF;
      if (opcode == SpvOpName && words[at + 1] == words[v + 2]) {
        is_named = strcmp((const char *)&words[at + 2], name) == 0;
      }
      if (opcode == SpvOpDecorate && words[at + 1] == words[v + 2] && words[at + 2] == wanted) {
        value = words[at + 3];
      }
    }
    if (is_named) {
      return value;
    }
  }
  fail_msg("no variable '%s'", name);
  return NO_VALUE;
}

static uint32_t input_location(const shaders_fixture *f, uint32_t stage, const char *name) {
  return decoration(f, stage, name, SpvDecorationLocation, SpvStorageClassInput);
}

static uint32_t output_location(const shaders_fixture *f, uint32_t stage, const char *name) {
  return decoration(f, stage, name, SpvDecorationLocation, SpvStorageClassOutput);
}

static void varyings_meet_by_name_whatever_their_order(void **state) {
  shaders_fixture *f = *state;
  assert_built(
      shaders_build_pair(f,
                         "out vec3 normal; out mat3 frame; out vec2 uv;\n"
                         "void main() { normal = vec3(0); uv = vec2(0); frame = mat3(1); }\n",
                         "in vec2 uv; in vec3 normal; in mat3 frame; out vec4 colour;\n"
                         "void main() { colour = vec4(normal + frame[0], uv.x); }\n"));
  static const char *const names[] = {"frame", "normal", "uv"};
  static const uint32_t locations[] = {0, 3, 4};
  for (int i = 0; i < 3; i++) {
    assert_int_equal(output_location(f, 0, names[i]), locations[i]);
    assert_int_equal(input_location(f, 1, names[i]), locations[i]);
  }
}

static void written_locations_stay_and_bring_their_namesakes(void **state) {
  shaders_fixture *f = *state;
  assert_built(
      shaders_build_pair(f,
                         "out vec3 b; layout(location = 0) out vec2 z; out float a;\n"
                         "void main() { a = 1; b = vec3(0); z = vec2(0); }\n",
                         "layout(location = 5) in vec3 b; in vec2 z; in float a; out vec4 colour;\n"
                         "void main() { colour = vec4(b, z.x + a); }\n"));
  assert_int_equal(output_location(f, 0, "b"), 5);
  assert_int_equal(input_location(f, 1, "b"), 5);
  assert_int_equal(output_location(f, 0, "z"), 0);
  assert_int_equal(input_location(f, 1, "z"), 0);
  assert_int_equal(output_location(f, 0, "a"), 1);
  assert_int_equal(input_location(f, 1, "a"), 1);
}

static void outer_inputs_and_outputs_go_by_declaration(void **state) {
  shaders_fixture *f = *state;
  assert_built(shaders_build_pair(
      f,
      "in vec3 position; in mat4 instance; in vec3 colour;\n"
      "layout(location = 1) in vec2 uv;\n"
      "void main() { gl_Position = instance * vec4(colour + position, uv.x); }\n",
      "out vec4 second, first; layout(location = 0) out vec4 third;\n"
      "void main() { first = second = third = vec4(1); }\n"));
  assert_int_equal(input_location(f, 0, "position"), 0);
  assert_int_equal(input_location(f, 0, "uv"), 1);
  assert_int_equal(input_location(f, 0, "instance"), 2);
  assert_int_equal(input_location(f, 0, "colour"), 6);
  assert_int_equal(output_location(f, 1, "third"), 0);
  assert_int_equal(output_location(f, 1, "second"), 1);
  assert_int_equal(output_location(f, 1, "first"), 2);
}

static void blocks_meet_by_the_name_of_the_block(void **state) {
  shaders_fixture *f = *state;
  assert_built(
      shaders_build_pair(f,
                         "out Surface { vec3 normal; mat2 m; } a; out float z;\n"
                         "void main() { a.normal = vec3(0); a.m = mat2(1); z = 1; }\n",
                         "in Surface { vec3 normal; mat2 m; } b; in float z; out vec4 colour;\n"
                         "void main() { colour = vec4(b.normal, z) + b.m[1].xyxy; }\n"));
  assert_int_equal(output_location(f, 0, "a"), 0);
  assert_int_equal(input_location(f, 1, "b"), 0);
  assert_int_equal(input_location(f, 1, "z"), 3);
}

static void five_graphics_stages_link_in_a_row(void **state) {
  shaders_fixture *f = *state;
  rg_shader_desc desc = {.stage_count = 5};
  desc.stages[4] = (rg_stage_desc){
      .stage = VK_SHADER_STAGE_VERTEX_BIT,
      .source = "in vec3 p; out vec3 v; void main() { v = p; gl_Position = vec4(p, 1); }"};
  desc.stages[0] = (rg_stage_desc){
      .stage = VK_SHADER_STAGE_TESSELLATION_CONTROL_BIT,
      .source =
          "layout(vertices = 3) out; in vec3 v[]; out vec3 c[]; patch out vec4 whole;\n"
          "void main() { c[gl_InvocationID] = v[gl_InvocationID]; whole = vec4(1);\n"
          "gl_TessLevelOuter[0] = 1; }"};
  desc.stages[1] =
      (rg_stage_desc){.stage = VK_SHADER_STAGE_TESSELLATION_EVALUATION_BIT,
                      .source =
                          "layout(triangles) in; in vec3 c[]; patch in vec4 whole; out vec3 e;\n"
                          "void main() { e = c[0] + whole.xyz; gl_Position = vec4(e, 1); }"};
  desc.stages[2] =
      (rg_stage_desc){.stage = VK_SHADER_STAGE_GEOMETRY_BIT,
                      .source =
                          "layout(triangles) in; layout(points, max_vertices = 1) out;\n"
                          "in vec3 e[]; out vec3 g; void main() { g = e[0]; EmitVertex(); }"};
  desc.stages[3] = (rg_stage_desc){.stage = VK_SHADER_STAGE_FRAGMENT_BIT,
                                   .source =
                                       "in vec3 g; out vec4 colour;\n"
                                       "void main() { colour = vec4(g, 1); }"};
  assert_built(shaders_build(f, &desc));
  assert_int_equal(f->code.stages[0].stage, VK_SHADER_STAGE_TESSELLATION_CONTROL_BIT);
  assert_int_equal(output_location(f, 0, "whole"), input_location(f, 1, "whole"));
  assert_int_not_equal(output_location(f, 0, "whole"), output_location(f, 0, "c"));
  desc.stages[3].source = "in vec3 v; out vec4 colour; void main() { colour = vec4(v, 1); }";
  assert_failure(shaders_build(f, &desc), RG_ERROR_COMPILE, "feeds the fragment input 'v'");
}

static void an_input_that_nothing_feeds_is_refused_with_both_names(void **state) {
  shaders_fixture *f = *state;
  const char *vertex = "out vec2 uv; void main() { uv = vec2(0); }\n";
  assert_failure(
      shaders_build_pair(f, vertex, "in vec2 uvs; out vec4 c; void main() { c = uvs.xyxy; }\n"),
      RG_ERROR_COMPILE,
      "shader.frag: error: no output of shader.vert feeds the fragment input 'uvs' "
      "(location 1); did you mean 'uv'?");
  assert_failure(shaders_build_pair(f, vertex,
                                    "layout(location = 3) in float x; out vec4 c;\n"
                                    "void main() { c = vec4(x); }\n"),
                 RG_ERROR_COMPILE, "'x' (location 3)");
  assert_failure(shaders_build_pair(f, "layout(location = 3) out vec2 v; void main() { v.x = 1; }",
                                    "layout(location = 3) in vec4 x; out vec4 c;\n"
                                    "void main() { c = x; }\n"),
                 RG_ERROR_COMPILE, "'x' (location 3)");
}

static void an_unused_input_may_stay_unfed(void **state) {
  shaders_fixture *f = *state;
  assert_built(shaders_build_pair(f, "void main() {}\n",
                                  "in vec2 uv; out vec4 c; void main() { c = vec4(1); }\n"));
}

static void types_must_match_across_stages(void **state) {
  shaders_fixture *f = *state;
  assert_failure(shaders_build_pair(f, "out vec3 uv; void main() { uv = vec3(0); }\n",
                                    "in vec2 uv; out vec4 c; void main() { c = uv.xyxy; }\n"),
                 RG_ERROR_COMPILE, "Types must match");
  assert_failure(
      shaders_build_pair(f, "layout(location = 2) out vec4 a; void main() { a = vec4(0); }\n",
                         "layout(location = 2) in flat ivec4 b; out vec4 c;\n"
                         "void main() { c = vec4(b); }\n"),
      RG_ERROR_COMPILE,
      "the fragment input 'b' (location 2) is of another type than the output 'a' of shader.vert");
}

static void a_location_may_be_shared_by_components(void **state) {
  shaders_fixture *f = *state;
  assert_built(shaders_build_pair(
      f,
      "layout(location = 0) out vec2 a; layout(location = 0, component = 2) out vec2 b;\n"
      "out float d; void main() { a = b = vec2(0); d = 1; }\n",
      "layout(location = 0) in vec2 a; layout(location = 0, component = 2) in vec2 b;\n"
      "in float d; out vec4 c; void main() { c = vec4(a, b) * d; }\n"));
  assert_int_equal(input_location(f, 1, "d"), 1);
}

static void locations_over_the_limit_are_refused(void **state) {
  shaders_fixture *f = *state;
  assert_int_equal(shaders_build_pair(f, "out float a[2000]; void main() { a[1] = 1; }\n",
                                      "in float a[2000]; out vec4 c;\n"
                                      "void main() { c = vec4(a[1]); }\n"),
                   RG_ERROR_COMPILE);
  assert_failure(shaders_build_text(f, VK_SHADER_STAGE_FRAGMENT_BIT,
                                    "layout(location = 2000) out vec4 c;\n"
                                    "void main() { c = vec4(1); }\n"),
                 RG_ERROR_COMPILE, "");
}

static void bindings_go_by_name_over_all_stages(void **state) {
  shaders_fixture *f = *state;
  assert_built(shaders_build_pair(
      f,
      "uniform sampler2D unused; uniform Camera { mat4 view; };\n"
      "void main() { gl_Position = view[0]; }\n",
      "layout(binding = 1) uniform sampler2D fixed_map; uniform sampler2D albedo;\n"
      "uniform Camera { mat4 view; }; out vec4 c;\n"
      "void main() { c = texture(albedo, vec2(0)) + texture(fixed_map, vec2(0)) + view[0]; }\n"));
  assert_int_equal(shaders_binding(f, "Camera")->binding, 0);
  assert_int_equal(shaders_binding(f, "fixed_map")->binding, 1);
  assert_int_equal(shaders_binding(f, "albedo")->binding, 2);
  assert_int_equal(shaders_binding(f, "unused")->binding, 3);
  assert_int_equal(shaders_binding(f, "Camera")->stages,
                   VK_SHADER_STAGE_VERTEX_BIT | VK_SHADER_STAGE_FRAGMENT_BIT);
  for (uint32_t i = 0; i < f->code.reflection.binding_count; i++) {
    assert_int_equal(f->code.reflection.bindings[i].binding, i);
  }
}

static void a_written_binding_0_is_told_from_a_missing_one(void **state) {
  shaders_fixture *f = *state;
  assert_built(shaders_build_compute(
      f,
      "#define ZERO 0\nlayout(set = 0, binding = ZERO) uniform sampler2D zz;\n"
      "uniform sampler2D aa; layout(set = 2) uniform sampler2D bb[3], cc;\n"
      "layout(std430, set = 2, binding = 0) buffer Data { vec4 v[]; } data[2];\n"
      "layout(rgba8) uniform image2D ii;\n"
      "void main() { data[0].v[0] = texture(zz, vec2(0)) + texture(aa, vec2(0))\n"
      " + texture(bb[1], vec2(0)) + texture(cc, vec2(0)) + imageLoad(ii, ivec2(0)); }\n"));
  static const struct {
    const char *name;
    uint32_t set, binding;
  } expected[] = {{"zz", 0, 0},   {"aa", 0, 1}, {"ii", 0, 2},
                  {"Data", 2, 0}, {"bb", 2, 1}, {"cc", 2, 2}};
  for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
    const rg_binding *binding = shaders_binding(f, expected[i].name);
    assert_int_equal(binding->set, expected[i].set);
    assert_int_equal(binding->binding, expected[i].binding);
  }
}

static void a_binding_written_in_one_stage_holds_in_all(void **state) {
  shaders_fixture *f = *state;
  assert_built(
      shaders_build_pair(f,
                         "layout(set = 1, binding = 3) uniform U { vec4 x; } a;\n"
                         "void main() { gl_Position = a.x; }\n",
                         "uniform U { vec4 x; } b; out vec4 c; void main() { c = b.x; }\n"));
  assert_int_equal(f->code.reflection.binding_count, 1);
  assert_int_equal(shaders_binding(f, "U")->set, 1);
  assert_int_equal(shaders_binding(f, "U")->binding, 3);
}

static void clashing_bindings_are_refused_with_both_names(void **state) {
  shaders_fixture *f = *state;
  rg_result result = shaders_build_pair(
      f,
      "layout(binding = 2) uniform sampler2D a; void main() { gl_Position = texture(a, vec2(0)); }",
      "layout(binding = 2) uniform B { vec4 q; }; out vec4 c; void main() { c = q; }");
  assert_failure(result, RG_ERROR_COMPILE, "set 0, binding 2 is the ");
  assert_failure(result, RG_ERROR_COMPILE, "'a'");
  assert_failure(result, RG_ERROR_COMPILE, "'B'");
  assert_failure(
      shaders_build_pair(
          f, "uniform sampler2D both; void main() { gl_Position = texture(both, vec2(0)); }",
          "uniform both { vec4 q; } x; out vec4 c; void main() { c = x.q; }"),
      RG_ERROR_COMPILE, "'both' is a ");
  assert_int_equal(
      shaders_build_pair(f, "uniform U { vec4 x; }; void main() { gl_Position = x; }",
                         "uniform U { vec3 x; }; out vec4 c; void main() { c = x.xyzx; }"),
      RG_ERROR_COMPILE);
}

static void equal_descriptors_may_share_a_binding(void **state) {
  shaders_fixture *f = *state;
  assert_built(shaders_build_compute(
      f,
      "layout(binding = 0) buffer A { uint a[]; }; layout(binding = 0) buffer B { float b[]; };\n"
      "void main() { a[0] = 1; b[1] = 2; }\n"));
  assert_int_equal(f->code.reflection.binding_count, 1);
}

static void sets_over_the_limit_are_refused(void **state) {
  shaders_fixture *f = *state;
  const char *text =
      "layout(set = %d) uniform sampler2D map; out vec4 c;\n"
      "void main() { c = texture(map, vec2(0)); }\n";
  char source[256];
  snprintf(source, sizeof source, text, RG_MAX_SETS - 1);
  assert_built(shaders_build_text(f, VK_SHADER_STAGE_FRAGMENT_BIT, source));
  snprintf(source, sizeof source, text, RG_MAX_SETS);
  assert_failure(shaders_build_text(f, VK_SHADER_STAGE_FRAGMENT_BIT, source), RG_ERROR_COMPILE,
                 "'map' is in set 8");
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, shaders_setup, shaders_teardown)
  const struct CMUnitTest tests[] = {
      TEST(varyings_meet_by_name_whatever_their_order),
      TEST(written_locations_stay_and_bring_their_namesakes),
      TEST(outer_inputs_and_outputs_go_by_declaration),
      TEST(blocks_meet_by_the_name_of_the_block),
      TEST(five_graphics_stages_link_in_a_row),
      TEST(an_input_that_nothing_feeds_is_refused_with_both_names),
      TEST(an_unused_input_may_stay_unfed),
      TEST(types_must_match_across_stages),
      TEST(a_location_may_be_shared_by_components),
      TEST(locations_over_the_limit_are_refused),
      TEST(bindings_go_by_name_over_all_stages),
      TEST(a_written_binding_0_is_told_from_a_missing_one),
      TEST(a_binding_written_in_one_stage_holds_in_all),
      TEST(clashing_bindings_are_refused_with_both_names),
      TEST(equal_descriptors_may_share_a_binding),
      TEST(sets_over_the_limit_are_refused),
  };
  return cmocka_run_group_tests_name("shader_link", tests, NULL, NULL);
}
