/* Shaders through the public interface: stages, reflection, parameters, and sources that are wrong.
 */
#include <string.h>

#include "gpu_test.h"

static const char lit_source[] =
    "#version 450\n"
    "struct Light { vec3 color; float power; };\n"
    "layout(set = 1, binding = 0) uniform Frame { mat4 view; };\n"
    "layout(set = 2, binding = 3) uniform Material {\n"
    "  float roughness;\n"
    "  Light light;\n"
    "  Light lights[2];\n"
    "  float weights[4];\n"
    "};\n"
    "layout(set = 2, binding = 5) uniform sampler2D albedo_map;\n"
    "layout(push_constant) uniform Push { vec4 offset; };\n"
    "layout(location = 0) in vec2 uv;\n"
    "layout(location = 0) out vec4 color;\n"
    "void main() {\n"
    "  color = view * texture(albedo_map, uv) * roughness + offset +\n"
    "          vec4(light.color + lights[1].color, weights[2]);\n"
    "}\n";

static void stage_infos_name_module_and_entry_point(void **state) {
  gpu_test *test = *state;
  rg_shader shader = gpu_test_shader(test, "lit", lit_source);
  VkPipelineShaderStageCreateInfo vertex;
  VkPipelineShaderStageCreateInfo fragment;
  assert_ok(rg_shader_get_stage_info(test->engine, shader, VK_SHADER_STAGE_VERTEX_BIT, &vertex));
  assert_ok(
      rg_shader_get_stage_info(test->engine, shader, VK_SHADER_STAGE_FRAGMENT_BIT, &fragment));
  assert_int_equal(vertex.sType, VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO);
  assert_int_equal(vertex.stage, VK_SHADER_STAGE_VERTEX_BIT);
  assert_true(vertex.module != VK_NULL_HANDLE && vertex.module != fragment.module);
  assert_string_equal(fragment.pName, "main");
  VkPipelineShaderStageCreateInfo none;
  assert_error(rg_shader_get_stage_info(test->engine, shader, VK_SHADER_STAGE_COMPUTE_BIT, &none),
               RG_ERROR_NOT_FOUND, "shader 'lit': no stage 0x20");
  assert_true(none.module == VK_NULL_HANDLE);
  assert_ok(rg_shader_destroy(test->engine, shader));
}

static const rg_binding *find_binding(const rg_reflection *reflection, const char *name) {
  for (uint32_t i = 0; i < reflection->binding_count; i++) {
    if (strcmp(reflection->bindings[i].name, name) == 0) {
      return &reflection->bindings[i];
    }
  }
  fail_msg("no binding '%s'", name);
  return NULL;
}

static void reflection_tells_blocks_bindings_and_push_constants(void **state) {
  gpu_test *test = *state;
  rg_shader shader = gpu_test_shader(test, "lit", lit_source);
  const rg_reflection *reflection = NULL;
  assert_ok(rg_shader_get_reflection(test->engine, shader, &reflection));
  assert_int_equal(reflection->stages, VK_SHADER_STAGE_VERTEX_BIT | VK_SHADER_STAGE_FRAGMENT_BIT);
  assert_int_equal(reflection->binding_count, 3);
  const rg_binding *material = find_binding(reflection, "Material");
  assert_int_equal(material->set, 2);
  assert_int_equal(material->binding, 3);
  assert_int_equal(material->block->member_count, 4);
  assert_int_equal(material->block->members[1].offset, 16);
  assert_int_equal(material->block->members[3].array_stride, 16);
  const rg_binding *map = find_binding(reflection, "albedo_map");
  assert_int_equal(map->view_type, VK_IMAGE_VIEW_TYPE_2D);
  assert_int_equal(map->scalar, RG_SCALAR_FLOAT);
  assert_int_equal(map->stages, VK_SHADER_STAGE_FRAGMENT_BIT);
  assert_non_null(reflection->push_constants);
  assert_int_equal(reflection->push_constants->size, 16);
  assert_int_equal(reflection->push_constant_stages, VK_SHADER_STAGE_FRAGMENT_BIT);
  assert_ok(rg_shader_destroy(test->engine, shader));
}

static void the_layout_has_every_set_up_to_the_last(void **state) {
  gpu_test *test = *state;
  rg_shader shader = gpu_test_shader(test, "lit", lit_source);
  rg_shader again = gpu_test_shader(test, "again", lit_source);
  rg_shader_layout layout;
  rg_shader_layout other;
  assert_ok(rg_shader_get_layout(test->engine, shader, &layout));
  assert_ok(rg_shader_get_layout(test->engine, again, &other));
  assert_int_equal(layout.set_count, 3);
  for (uint32_t i = 0; i < 3; i++) {
    assert_true(layout.set_layouts[i] != VK_NULL_HANDLE);
  }
  assert_true(layout.pipeline_layout == other.pipeline_layout); /* equal ones are shared */
  assert_ok(rg_shader_destroy(test->engine, shader));
  assert_ok(rg_shader_destroy(test->engine, again));
}

static void parameters_are_the_members_by_dotted_names_and_the_sets_bindings(void **state) {
  gpu_test *test = *state;
  static const char *const names[] = {"roughness",       "light.color",     "light.power",
                                      "lights[0].color", "lights[0].power", "lights[1].color",
                                      "lights[1].power", "weights",         "albedo_map"};
  rg_shader shader = gpu_test_shader(test, "lit", lit_source);
  rg_parameter_info infos[16];
  uint32_t count = 0;
  assert_ok(rg_shader_get_parameters(test->engine, shader, NULL, &count));
  assert_int_equal(count, 9);
  count = 16;
  assert_ok(rg_shader_get_parameters(test->engine, shader, infos, &count));
  assert_int_equal(count, 9);
  for (uint32_t i = 0; i < 9; i++) {
    assert_string_equal(infos[i].name, names[i]);
    assert_true((infos[i].member == NULL) == (i == 8));
    assert_int_equal(infos[i].binding->set, 2);
  }
  assert_string_equal(infos[8].binding->name, "albedo_map");
  count = 2;
  memset(infos, 0, sizeof infos);
  assert_ok(rg_shader_get_parameters(test->engine, shader, infos, &count));
  assert_int_equal(count, 9);
  assert_non_null(infos[1].name);
  assert_null(infos[2].name);
  assert_ok(rg_shader_destroy(test->engine, shader));
}

static void compute_shaders_tell_their_workgroup_size(void **state) {
  gpu_test *test = *state;
  rg_shader shader = gpu_test_compute(test, "sized",
                                      "#version 450\n"
                                      "layout(local_size_x = 8, local_size_y = 4) in;\n"
                                      "layout(set = 0, binding = 0) buffer Out { uint data[]; };\n"
                                      "void main() { data[gl_LocalInvocationIndex] = 1; }\n");
  const rg_reflection *reflection = NULL;
  assert_ok(rg_shader_get_reflection(test->engine, shader, &reflection));
  const uint32_t expected[] = {8, 4, 1};
  assert_memory_equal(reflection->workgroup_size, expected, sizeof expected);
  assert_ok(rg_shader_destroy(test->engine, shader));
}

static void spirv_comes_out_and_goes_back_in(void **state) {
  gpu_test *test = *state;
  rg_shader shader = gpu_test_shader(test, "lit", lit_source);
  rg_shader_desc desc = {.stage_count = 2, .label = "again"};
  const VkShaderStageFlagBits stages[] = {VK_SHADER_STAGE_VERTEX_BIT, VK_SHADER_STAGE_FRAGMENT_BIT};
  for (uint32_t i = 0; i < 2; i++) {
    desc.stages[i].stage = stages[i];
    assert_ok(rg_shader_get_spirv(test->engine, shader, stages[i], &desc.stages[i].spirv,
                                  &desc.stages[i].spirv_size));
  }
  rg_shader again;
  assert_ok(rg_shader_create(test->engine, &desc, &again));
  uint32_t count = 0;
  assert_ok(rg_shader_get_parameters(test->engine, again, NULL, &count));
  assert_int_equal(count, 9);
  assert_ok(rg_shader_destroy(test->engine, again));
  assert_ok(rg_shader_destroy(test->engine, shader));
}

/* ---- Refusals ------------------------------------------------------------------------------- */

static void refuse(gpu_test *test, const rg_shader_desc *desc, rg_result result,
                   const char *message) {
  rg_shader shader = {1};
  assert_error(rg_shader_create(test->engine, desc, &shader), result, message);
  assert_int_equal(shader.id, 0);
  assert_int_equal(rg_resource_next(test->engine, RG_TYPE_SHADER, (rg_handle){0}).id, 0);
}

static rg_shader_desc one_stage(VkShaderStageFlagBits stage, const char *source) {
  return (rg_shader_desc){
      .stages = {{.stage = stage, .source = source}}, .stage_count = 1, .label = "bad"};
}

static void a_source_that_does_not_compile_tells_its_line(void **state) {
  gpu_test *test = *state;
  const rg_shader_desc desc = one_stage(VK_SHADER_STAGE_FRAGMENT_BIT,
                                        "#version 450\n"
                                        "layout(location = 0) out vec4 color;\n"
                                        "void main() {\n"
                                        "  color = vec4(missing);\n"
                                        "}\n");
  refuse(test, &desc, RG_ERROR_COMPILE, ":4:");
  refuse(test, &desc, RG_ERROR_COMPILE, "missing");
}

static void wrong_descriptors_are_refused(void **state) {
  gpu_test *test = *state;
  static const uint32_t not_spirv[] = {1, 2, 3, 4, 5};
  const char source[] = "#version 450\nvoid main() {}\n";
  rg_shader_desc desc = {0};
  refuse(test, &desc, RG_ERROR_INVALID_ARGUMENT, "");
  desc = one_stage(VK_SHADER_STAGE_FRAGMENT_BIT, NULL);
  refuse(test, &desc, RG_ERROR_INVALID_ARGUMENT, "bad");
  desc = one_stage((VkShaderStageFlagBits)0, source);
  refuse(test, &desc, RG_ERROR_INVALID_ARGUMENT, "bad");
  desc = one_stage(VK_SHADER_STAGE_FRAGMENT_BIT, source);
  desc.stages[0].file = "missing.frag";
  refuse(test, &desc, RG_ERROR_INVALID_ARGUMENT, "bad");
  desc.stages[0].source = NULL;
  refuse(test, &desc, RG_ERROR_NOT_FOUND, "missing.frag");
  desc.stages[0].file = NULL;
  desc.stages[0].spirv = not_spirv;
  desc.stages[0].spirv_size = sizeof not_spirv;
  refuse(test, &desc, RG_ERROR_COMPILE, "bad");
  desc.stages[0].spirv_size = 3;
  refuse(test, &desc, RG_ERROR_COMPILE, "3 bytes are no multiple of 4");
  desc = one_stage(VK_SHADER_STAGE_FRAGMENT_BIT, source);
  desc.stages[1] = desc.stages[0];
  desc.stage_count = 2;
  refuse(test, &desc, RG_ERROR_INVALID_ARGUMENT, "");
}

static void more_sets_than_there_are_places_are_refused(void **state) {
  gpu_test *test = *state;
  const rg_shader_desc desc =
      one_stage(VK_SHADER_STAGE_COMPUTE_BIT,
                "#version 450\n"
                "layout(local_size_x = 1) in;\n"
                "layout(set = 40, binding = 0) buffer Out { uint data[]; };\n"
                "void main() { data[0] = 1; }\n");
  refuse(test, &desc, RG_ERROR_COMPILE, "set 40");
}

static void stale_and_wrong_handles_are_told_apart(void **state) {
  gpu_test *test = *state;
  rg_shader shader = gpu_test_shader(test, "lit", lit_source);
  rg_shader_layout layout;
  const rg_buffer_desc desc = {.size = 16, .label = "scene"};
  rg_buffer buffer;
  assert_ok(rg_buffer_create(test->engine, &desc, &buffer));
  assert_error(rg_shader_get_layout(test->engine, (rg_shader){buffer.id}, &layout),
               RG_ERROR_WRONG_TYPE, "buffer 'scene' given where a shader is wanted");
  assert_ok(rg_buffer_destroy(test->engine, buffer));
  assert_ok(rg_shader_destroy(test->engine, shader));
  assert_error(rg_shader_get_layout(test->engine, shader, &layout), RG_ERROR_STALE_HANDLE,
               "shader 'lit' is destroyed");
  assert_error(rg_shader_destroy(test->engine, shader), RG_ERROR_STALE_HANDLE, "lit");
  assert_error(rg_shader_destroy(test->engine, (rg_shader){0}), RG_ERROR_STALE_HANDLE, "null");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, gpu_test_setup, gpu_test_teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(stage_infos_name_module_and_entry_point),
      TEST(reflection_tells_blocks_bindings_and_push_constants),
      TEST(the_layout_has_every_set_up_to_the_last),
      TEST(parameters_are_the_members_by_dotted_names_and_the_sets_bindings),
      TEST(compute_shaders_tell_their_workgroup_size),
      TEST(spirv_comes_out_and_goes_back_in),
      TEST(a_source_that_does_not_compile_tells_its_line),
      TEST(wrong_descriptors_are_refused),
      TEST(more_sets_than_there_are_places_are_refused),
      TEST(stale_and_wrong_handles_are_told_apart),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
