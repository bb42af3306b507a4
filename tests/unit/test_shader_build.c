/* The build as a whole: descriptors, built-in shaders, threads, and memory that runs out. */
#define _GNU_SOURCE
#include <pthread.h>

#include "test_shaders.h"

static void the_built_in_shader_builds_for_every_version(void **state) {
  shaders_fixture *f = *state;
  rg_shader_desc desc = {.stages = {{.file = "regolith/pbr.vert"}, {.file = "regolith/pbr.frag"}},
                         .stage_count = 2};
  for (int i = 0; i < 2; i++) {
    f->context.api_version = i == 0 ? VK_API_VERSION_1_2 : VK_API_VERSION_1_3;
    assert_built(shaders_build(f, &desc));
    assert_string_equal(f->code.label, "regolith/pbr.vert");
    assert_int_equal(f->code.reflection.push_constants->size, 128);
    assert_int_equal(f->code.reflection.vertex_input_count, 4);
    assert_int_equal(f->code.reflection.binding_count, 6);
    const rg_block *material = shaders_binding(f, "Material")->block;
    static const struct {
      const char *name, *type;
      uint32_t offset;
    } expected[] = {{"albedo", "vec3", 0},
                    {"opacity", "float", 12},
                    {"emissive", "vec3", 16},
                    {"metallic", "float", 28},
                    {"roughness", "float", 32},
                    {"normal_scale", "float", 36},
                    {"occlusion_strength", "float", 40},
                    {"alpha_cutoff", "float", 44},
                    {"texcoord_transform_offset_scale", "vec4", 48},
                    {"texcoord_rotation", "float", 64}};
    for (size_t m = 0; m < sizeof expected / sizeof expected[0]; m++) {
      const rg_member *member =
          shaders_member(material->members, material->member_count, expected[m].name);
      assert_string_equal(member->type_name, expected[m].type);
      assert_int_equal(member->offset, expected[m].offset);
      assert_true(member->is_active);
    }
  }
}

static void every_built_in_include_compiles_alone(void **state) {
  shaders_fixture *f = *state;
  static const char *const names[] = {"pbr.glsl", "colour.glsl", "texcoord.glsl"};
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    char text[128];
    snprintf(text, sizeof text, "#include <regolith/%s>\nvoid main() {}\n", names[i]);
    assert_built(shaders_build_compute(f, text));
  }
  assert_null(shader_builtin_find("nothing.glsl"));
  assert_non_null(shader_builtin_find("pbr.frag"));
  assert_failure(shaders_build_file(f, "regolith/nothing.frag"), RG_ERROR_NOT_FOUND,
                 "regolith/nothing.frag");
}

static void impossible_descriptors_are_refused(void **state) {
  shaders_fixture *f = *state;
  const char *text = "void main() {}";
  const VkShaderStageFlagBits compute = VK_SHADER_STAGE_COMPUTE_BIT;
  const rg_shader_desc bad[] = {
      {.stage_count = 0},
      {.stage_count = RG_MAX_STAGES + 1},
      {.stages = {{.stage = compute}}, .stage_count = 1},
      {.stages = {{.stage = compute, .source = text, .file = "a.comp"}}, .stage_count = 1},
      {.stages = {{.source = text}}, .stage_count = 1},
      {.stages = {{.file = "a.glsl"}}, .stage_count = 1},
      {.stages = {{.file = "plain"}}, .stage_count = 1},
      {.stages = {{.stage = VK_SHADER_STAGE_ALL_GRAPHICS, .source = text}}, .stage_count = 1},
      {.stages = {{.stage = compute, .source = text}, {.stage = compute, .source = text}},
       .stage_count = 2},
      {.stages = {{.stage = compute, .source = text},
                  {.stage = VK_SHADER_STAGE_VERTEX_BIT, .source = text}},
       .stage_count = 2},
  };
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    assert_failure(shaders_build(f, &bad[i]), RG_ERROR_INVALID_ARGUMENT, "shader '");
    assert_null(f->code.arena.chunk);
  }
}

static void a_missing_stage_file_is_not_found(void **state) {
  shaders_fixture *f = *state;
  assert_failure(shaders_build_file(f, "nowhere.frag"), RG_ERROR_NOT_FOUND, "nowhere.frag");
}

static void stages_keep_the_order_of_the_descriptor(void **state) {
  shaders_fixture *f = *state;
  rg_shader_desc desc = {
      .stages = {{.stage = VK_SHADER_STAGE_FRAGMENT_BIT, .source = "void main() {}"},
                 {.stage = VK_SHADER_STAGE_VERTEX_BIT, .source = "void main() {}"}},
      .stage_count = 2,
      .label = "both"};
  assert_built(shaders_build(f, &desc));
  assert_string_equal(f->code.label, "both");
  assert_int_equal(f->code.stages[0].stage, VK_SHADER_STAGE_FRAGMENT_BIT);
  assert_int_equal(f->code.stages[1].stage, VK_SHADER_STAGE_VERTEX_BIT);
  assert_string_equal(f->code.stages[1].entry_point, "main");
  assert_int_equal(f->code.stages[1].words[0], 0x07230203);
}

static void the_same_source_gives_the_same_words(void **state) {
  shaders_fixture *f = *state;
  const char *text =
      "uniform sampler2D b, a; in vec2 uv; out vec4 c;\n"
      "void main() { c = texture(a, uv) + texture(b, uv); }\n";
  assert_built(shaders_build_text(f, VK_SHADER_STAGE_FRAGMENT_BIT, text));
  size_t size = f->code.stages[0].size;
  void *words = malloc(size);
  assert_non_null(words);
  memcpy(words, f->code.stages[0].words, size);
  assert_built(shaders_build_text(f, VK_SHADER_STAGE_FRAGMENT_BIT, text));
  assert_int_equal(f->code.stages[0].size, size);
  assert_memory_equal(f->code.stages[0].words, words, size);
  free(words);
}

static void mesh_and_ray_stages_build(void **state) {
  shaders_fixture *f = *state;
  rg_shader_desc mesh = {
      .stages = {{.stage = VK_SHADER_STAGE_MESH_BIT_EXT,
                  .source = "#extension GL_EXT_mesh_shader : require\n"
                            "layout(local_size_x = 3) in;\n"
                            "layout(triangles, max_vertices = 3, max_primitives = 1) out;\n"
                            "out vec3 tint[];\n"
                            "void main() { SetMeshOutputsEXT(3, 1); tint[0] = vec3(1); }\n"},
                 {.stage = VK_SHADER_STAGE_FRAGMENT_BIT,
                  .source = "in vec3 tint; out vec4 c; void main() { c = vec4(tint, 1); }\n"}},
      .stage_count = 2};
  assert_built(shaders_build(f, &mesh));
  assert_int_equal(f->code.reflection.workgroup_size[0], 3);
  assert_built(shaders_build_text(
      f, VK_SHADER_STAGE_RAYGEN_BIT_KHR,
      "#extension GL_EXT_ray_tracing : require\n"
      "layout(location = 0) rayPayloadEXT vec4 payload; uniform accelerationStructureEXT world;\n"
      "layout(rgba8) uniform image2D target; void main() {\n"
      "traceRayEXT(world, 0, 0xFF, 0, 0, 0, vec3(0), 0, vec3(0, 0, 1), 9, 0);\n"
      "imageStore(target, ivec2(0), payload); }\n"));
  assert_int_equal(shaders_binding(f, "world")->type,
                   VK_DESCRIPTOR_TYPE_ACCELERATION_STRUCTURE_KHR);
}

static void starts_are_counted(void **state) {
  shaders_fixture *f = *state;
  assert_int_equal(shader_start(), RG_OK);
  shader_stop();
  assert_built(shaders_build_compute(f, "void main() {}"));
}

static void memory_that_runs_out_anywhere_leaves_nothing_behind(void **state) {
  shaders_fixture *f = *state;
  shaders_put(f, "value.glsl", "#pragma once\nfloat value() { return 1.0; }\n");
  rg_define define = {.name = "SIX"};
  rg_shader_desc desc = {
      .stages = {{.stage = VK_SHADER_STAGE_VERTEX_BIT,
                  .source = "#define TWICE(x) x x\nin vec3 position; out vec2 uv;\n"
                            "layout(push_constant) uniform P { mat4 m; };\n"
                            "void main() { uv = position.xy; gl_Position = m[0]; }\n"},
                 {.stage = VK_SHADER_STAGE_FRAGMENT_BIT,
                  .source =
                      "#include \"value.glsl\"\n#include \"regolith/pbr.glsl\"\n"
                      "in vec2 uv; out vec4 c; uniform sampler2D map; uniform M { bool b; };\n"
                      "layout(constant_id = 1) const int N = 3;\n"
                      "void main() { c = texture(map, uv) * (b ? value() : float(N)); }\n"}},
      .stage_count = 2,
      .defines = &define,
      .define_count = 1};
  rg_shader_desc broken = desc;
  broken.stages[1].source = "#include \"nowhere.glsl\"\nvoid main() { unknown; }\n";
  const rg_shader_desc *descs[] = {&desc, &broken};
  for (int d = 0; d < 2; d++) {
    uint64_t live = 0, calls = 1;
    rg_result result = RG_ERROR_OUT_OF_HOST_MEMORY;
    shader_code_finish(&f->code);
    live = f->counted.live;
    for (uint64_t i = 1; i <= calls; i++) {
      f->counted.calls = 0;
      f->counted.fail_at = 0;
      if (i == 1) {
        result = shader_build(&f->context, descs[d], &f->code);
        shader_code_finish(&f->code);
        assert_int_equal(result, d == 0 ? RG_OK : RG_ERROR_COMPILE);
        calls = f->counted.calls;
        f->counted.calls = 0;
      }
      f->counted.fail_at = i;
      f->counted.fails_on = i % 2 == 0;
      result = shader_build(&f->context, descs[d], &f->code);
      assert_failure(result, RG_ERROR_OUT_OF_HOST_MEMORY, "memory");
      assert_null(f->code.arena.chunk);
      assert_int_equal(f->counted.live, live);
    }
    f->counted.fail_at = 0;
    assert_true(calls > 10);
  }
}

/* ---- Threads ------------------------------------------------------------------------------- */

typedef struct worker {
  shader_context context;
  int index;
  int failures;
} worker;

static void *worker_run(void *user) {
  worker *self = user;
  for (int i = 0; i < 20; i++) {
    char good[256], bad[64];
    snprintf(good, sizeof good,
             "in vec2 uv%d; out vec4 c; uniform sampler2D map; void main() { c = texture(map, uv%d)"
             " * %d.0; }\n",
             i, i, self->index);
    snprintf(bad, sizeof bad, "void main() { unknown_%d_%d; }\n", self->index, i);
    rg_shader_desc desc = {.stages = {{.stage = VK_SHADER_STAGE_FRAGMENT_BIT, .source = good}},
                           .stage_count = 1};
    shader_code code;
    self->failures += shader_build(&self->context, &desc, &code) != RG_OK;
    shader_code_finish(&code);
    desc.stages[0].source = bad;
    self->failures += shader_build(&self->context, &desc, &code) != RG_ERROR_COMPILE;
    snprintf(bad, sizeof bad, "'unknown_%d_%d'", self->index, i);
    self->failures += strstr(rg_error(), bad) == NULL;
    shader_code_finish(&code);
  }
  return NULL;
}

static void threads_compile_at_once_with_messages_of_their_own(void **state) {
  shaders_fixture *f = *state;
  host_memory memory;
  host_memory_init(&memory, NULL);
  worker workers[3];
  pthread_t threads[3];
  for (int i = 0; i < 3; i++) {
    workers[i] = (worker){.context = f->context, .index = i};
    workers[i].context.memory = &memory;
    assert_int_equal(pthread_create(&threads[i], NULL, worker_run, &workers[i]), 0);
  }
  for (int i = 0; i < 3; i++) {
    assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(workers[i].failures, 0);
  }
  assert_int_equal(memory.live_count, 0);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, shaders_setup, shaders_teardown)
  const struct CMUnitTest tests[] = {
      TEST(the_built_in_shader_builds_for_every_version),
      TEST(every_built_in_include_compiles_alone),
      TEST(impossible_descriptors_are_refused),
      TEST(a_missing_stage_file_is_not_found),
      TEST(stages_keep_the_order_of_the_descriptor),
      TEST(the_same_source_gives_the_same_words),
      TEST(mesh_and_ray_stages_build),
      TEST(starts_are_counted),
      TEST(memory_that_runs_out_anywhere_leaves_nothing_behind),
      TEST(threads_compile_at_once_with_messages_of_their_own),
  };
  return cmocka_run_group_tests_name("shader_build", tests, NULL, NULL);
}
