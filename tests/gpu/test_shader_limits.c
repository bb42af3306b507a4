/* Shaders and pipelines over the device's limits or beyond its features: refused with the number,
 * before the driver sees them; those within pass in silence. */
#include <stdio.h>
#include <string.h>

#include "gpu_material.h"

static VkPhysicalDeviceLimits vk_limits(const gpu_test *test) {
  PFN_vkGetPhysicalDeviceProperties get =
      (PFN_vkGetPhysicalDeviceProperties)test->vk.get_instance_proc_addr(
          test->vk.instance, "vkGetPhysicalDeviceProperties");
  VkPhysicalDeviceProperties properties;
  get(test->vk.physical_device, &properties);
  return properties.limits;
}

/* ---- Compute -------------------------------------------------------------------------------- */

/* A shader and its pipeline. */
static rg_result compute(gpu_test *test, const char *source, const rg_constant_value *keyword) {
  const rg_shader_desc desc = {.stages = {{.stage = VK_SHADER_STAGE_COMPUTE_BIT, .source = source}},
                               .stage_count = 1,
                               .keywords = keyword,
                               .keyword_count = keyword != NULL,
                               .label = "limits"};
  rg_shader shader;
  rg_result result = rg_shader_create(test->engine, &desc, &shader);
  if (result != RG_OK) {
    assert_int_equal(shader.id, 0);
    return result;
  }
  rg_material material = gpu_material(test, "Limits", shader, (rg_material){0}, NULL, 0);
  VkPipeline pipeline;
  assert_ok(rg_material_get_pipeline(test->engine, material, NULL, &pipeline));
  gpu_material_destroy(test, material, shader, (rg_texture){0});
  return RG_OK;
}

static void shared_memory_over_the_devices_is_refused(void **state) {
  gpu_test *test = *state;
  const uint32_t limit = vk_limits(test).maxComputeSharedMemorySize;
  const char *format =
      "layout(local_size_x = 1) in; shared uint s[%u]; buffer B { uint y; };\n"
      "void main() { s[gl_LocalInvocationIndex] = y; y = s[0]; }\n";
  char source[512];
  char message[128];
  snprintf(source, sizeof source, format, limit / 4);
  assert_ok(compute(test, source, NULL));
  snprintf(source, sizeof source, format, limit / 4 + 1);
  snprintf(message, sizeof message,
           "shader 'limits': shared variables of %u bytes exceed the device's %u", limit + 4,
           limit);
  assert_error(compute(test, source, NULL), RG_ERROR_LIMIT, message);
}

static void keywords_count_for_shared_memory(void **state) {
  gpu_test *test = *state;
  const uint32_t limit = vk_limits(test).maxComputeSharedMemorySize;
  const char *source =
      "layout(local_size_x = 1) in; layout(constant_id = 0) const uint N = 1;\n"
      "shared uint s[N]; buffer B { uint y; };\n"
      "void main() { s[gl_LocalInvocationIndex] = y; y = s[0]; }\n";
  rg_constant_value count = {"N", limit / 4};
  assert_ok(compute(test, source, &count));
  count.value++;
  assert_error(compute(test, source, &count), RG_ERROR_LIMIT, "shared variables of");
  count.value = 0;
  assert_error(compute(test, source, &count), RG_ERROR_INVALID_ARGUMENT, "array of 0 elements");
}

static void workgroups_of_too_many_invocations_are_refused(void **state) {
  gpu_test *test = *state;
  const uint32_t limit = vk_limits(test).maxComputeWorkGroupInvocations;
  const char *format =
      "layout(local_size_x = %u, local_size_y = %u) in;\n"
      "buffer B { uint y; }; void main() { y = 1; }\n";
  char source[512];
  char message[128];
  snprintf(source, sizeof source, format, limit / 4, 4);
  assert_ok(compute(test, source, NULL));
  snprintf(source, sizeof source, format, limit / 4, 5);
  snprintf(message, sizeof message,
           "shader 'limits': workgroups of %u x 5 x 1 exceed the device's %u invocations",
           limit / 4, limit);
  assert_error(compute(test, source, NULL), RG_ERROR_LIMIT, message);
}

static void keywords_count_for_each_axis_of_workgroups(void **state) {
  gpu_test *test = *state;
  const VkPhysicalDeviceLimits limits = vk_limits(test);
  for (int axis = 0; axis < 3; axis++) {
    const uint32_t limit = limits.maxComputeWorkGroupSize[axis];
    char source[512];
    char message[128];
    snprintf(source, sizeof source,
             "layout(local_size_%c_id = 0) in; layout(constant_id = 0) const uint N = 1;\n"
             "buffer B { uint y; }; void main() { y = N; }\n",
             'x' + axis);
    rg_constant_value size = {"N", limit};
    assert_ok(compute(test, source, &size));
    size.value++;
    snprintf(message, sizeof message, "shader 'limits': local_size_%c %u exceeds the device's %u",
             'x' + axis, limit + 1, limit);
    assert_error(compute(test, source, &size), RG_ERROR_LIMIT, message);
    size.value = 0;
    assert_error(compute(test, source, &size), RG_ERROR_INVALID_ARGUMENT, " is 0");
  }
}

static void push_constants_over_the_devices_are_refused(void **state) {
  gpu_test *test = *state;
  const uint32_t limit = vk_limits(test).maxPushConstantsSize;
  const char *format =
      "layout(local_size_x = 1) in; buffer B { float y; };\n"
      "layout(push_constant) uniform P { float p[%u]; };\n"
      "void main() { y = p[0]; }\n";
  char source[512];
  snprintf(source, sizeof source, format, limit / 4);
  assert_ok(compute(test, source, NULL));
  snprintf(source, sizeof source, format, limit / 4 + 1);
  assert_error(compute(test, source, NULL), RG_ERROR_LIMIT, "push constants of");
}

/* ---- Capabilities --------------------------------------------------------------------------- */

static void capabilities_that_are_not_enabled_are_refused(void **state) {
  gpu_test *test = *state;
  assert_error(
      compute(test,
              "#extension GL_ARB_sparse_texture2 : require\n"
              "layout(local_size_x = 1) in; uniform sampler2D s; buffer B { vec4 x; };\n"
              "void main() { sparseTextureLodARB(s, vec2(0), 0, x); }\n",
              NULL),
      RG_ERROR_UNSUPPORTED,
      "shader 'limits': compute stage: SPIR-V capability SparseResidency needs the feature "
      "shaderResourceResidency, which is not enabled");
  assert_error(compute(test,
                       "#extension GL_EXT_shader_realtime_clock : require\n"
                       "layout(local_size_x = 1) in; buffer B { uvec2 y; };\n"
                       "void main() { y = clockRealtime2x32EXT(); }\n",
                       NULL),
               RG_ERROR_UNSUPPORTED, "capability 5055 needs an extension");
}

static void what_every_device_has_is_let_through(void **state) {
  gpu_test *test = *state;
  rg_shader shader = gpu_test_compute(
      test, "plain",
      "layout(local_size_x = 1) in; uniform sampler1D a; uniform samplerBuffer b;\n"
      "layout(r32f) uniform image1D c; layout(r32f) uniform imageBuffer d;\n"
      "buffer B { mat4 y; };\n"
      "void main() { y = transpose(y) + texelFetch(a, 0, 0).x + textureSize(a, 0) +\n"
      "texelFetch(b, 0).x + imageLoad(c, 0).x + imageLoad(d, 0).x; }\n");
  assert_ok(rg_shader_destroy(test->engine, shader));
}

/* Features that devices may lack: refused by name there, and silent under validation elsewhere. */
static void optional_capabilities_work_or_are_refused_by_name(void **state) {
  gpu_test *test = *state;
  static const char *const sources[] = {
      "#extension GL_ARB_gpu_shader_int64 : require\n"
      "layout(local_size_x = 1) in; buffer B { uint64_t y; double d; };\n"
      "void main() { y = 3ul; d = 2.0lf; }\n",
      "#extension GL_EXT_shader_8bit_storage : require\n"
      "#extension GL_EXT_shader_explicit_arithmetic_types_int8 : require\n"
      "layout(local_size_x = 1) in; buffer B { uint8_t y; }; void main() { y = uint8_t(3); }\n",
      "#extension GL_EXT_shader_16bit_storage : require\n"
      "layout(local_size_x = 1) in; buffer B { float16_t y; }; void main() { y = float16_t(3); }\n",
      "#extension GL_KHR_shader_subgroup_arithmetic : require\n"
      "layout(local_size_x = 32) in; buffer B { float y; }; void main() { y = subgroupAdd(y); }\n",
      "#extension GL_KHR_shader_subgroup_clustered : require\n"
      "layout(local_size_x = 32) in; buffer B { float y; };\n"
      "void main() { y = subgroupClusteredAdd(y, 4); }\n",
      "#extension GL_EXT_shader_image_load_formatted : require\n"
      "layout(local_size_x = 1) in; uniform image2D i; buffer B { float y; };\n"
      "void main() { y = imageLoad(i, ivec2(0)).x; }\n",
      "#extension GL_EXT_nonuniform_qualifier : require\n"
      "layout(local_size_x = 1) in; uniform sampler2D t[4]; buffer B { float y; };\n"
      "void main() { y = textureLod(t[nonuniformEXT(int(y))], vec2(0), 0).x; }\n",
      "layout(local_size_x = 1) in; uniform samplerCubeArray t; buffer B { float y; };\n"
      "void main() { y = textureLod(t, vec4(0), 0).x; }\n"};
  for (size_t i = 0; i < sizeof sources / sizeof sources[0]; i++) {
    if (compute(test, sources[i], NULL) != RG_OK) {
      assert_non_null(strstr(rg_error(), "shader 'limits': compute stage: "));
    }
  }
}

/* ---- Pipelines ------------------------------------------------------------------------------ */

static const VkFormat rgba8 = VK_FORMAT_R8G8B8A8_UNORM;

static rg_material draw_material(gpu_test *test, const char *inputs, const char *fragment,
                                 rg_shader *shader) {
  char vertex[512];
  snprintf(vertex, sizeof vertex, "%svoid main() { gl_Position = vec4(%s, 0, 0, 1); }\n", inputs,
           inputs[0] == '\0' ? "1" : "position.x");
  const rg_shader_desc desc = {
      .stages = {{.stage = VK_SHADER_STAGE_VERTEX_BIT, .source = vertex},
                 {.stage = VK_SHADER_STAGE_FRAGMENT_BIT, .source = fragment}},
      .stage_count = 2,
      .label = "drawn"};
  assert_ok(rg_shader_create(test->engine, &desc, shader));
  return gpu_material(test, "Drawn", *shader, (rg_material){0}, NULL, 0);
}

static void vertices_over_the_devices_limits_are_refused(void **state) {
  gpu_test *test = *state;
  gpu_test_needs_drawing(test);
  const uint32_t stride = vk_limits(test).maxVertexInputBindingStride;
  const uint32_t offset = vk_limits(test).maxVertexInputAttributeOffset;
  rg_vertex_attribute attributes[RG_MAX_VERTEX_ATTRIBUTES + 1] = {
      {"position", VK_FORMAT_R32G32B32_SFLOAT, 0}};
  rg_pipeline_target target = {.color_formats = {rgba8}, .color_count = 1};
  static const char *const inputs[] = {"", "layout(location = 0) in vec3 position;\n"};
  VkPipeline pipeline;
  for (int i = 0; i < 2; i++) {
    rg_shader shader;
    rg_material material =
        draw_material(test, inputs[i],
                      "layout(location = 0) out vec4 c; void main() { c = vec4(1); }\n", &shader);
    target.vertex_stride = stride;
    assert_ok(rg_material_get_pipeline(test->engine, material, &target, &pipeline));
    for (int j = 0; j < 2 && stride < UINT32_MAX - 4; j++) {
      target.vertex_stride = stride + 4;
      target.attributes = j == 0 ? NULL : attributes;
      target.attribute_count = (uint32_t)j;
      assert_error(rg_material_get_pipeline(test->engine, material, &target, &pipeline),
                   RG_ERROR_LIMIT, "shader 'drawn': vertex_stride");
      assert_true(pipeline == VK_NULL_HANDLE);
    }
    target.vertex_stride = 0;
    target.attributes = attributes;
    target.attribute_count = RG_MAX_VERTEX_ATTRIBUTES + 1;
    assert_error(rg_material_get_pipeline(test->engine, material, &target, &pipeline),
                 RG_ERROR_LIMIT, "vertex attributes exceed");
    target.attribute_count = 1;
    attributes[0].offset = 0xFFFFFFFC; /* over the offset's limit, or the stride's behind it */
    if (i == 1) {
      assert_error(rg_material_get_pipeline(test->engine, material, &target, &pipeline),
                   RG_ERROR_LIMIT, offset < 0xFFFFFFFC ? "attribute 'position'" : "vertex_stride");
    }
    attributes[0].offset = 0;
    target.attributes = NULL;
    target.attribute_count = 0;
    gpu_material_destroy(test, material, shader, (rg_texture){0});
  }
}

static void samples_that_the_device_lacks_are_refused(void **state) {
  gpu_test *test = *state;
  gpu_test_needs_drawing(test);
  rg_shader shader;
  rg_material material = draw_material(
      test, "", "layout(location = 0) out vec4 c; void main() { c = vec4(1); }\n", &shader);
  rg_pipeline_target target = {.color_formats = {rgba8}, .color_count = 1};
  const VkSampleCountFlags counts = vk_limits(test).framebufferColorSampleCounts;
  VkPipeline pipeline;
  for (target.samples = 1; target.samples <= 64; target.samples *= 2) {
    if (counts & target.samples) {
      assert_ok(rg_material_get_pipeline(test->engine, material, &target, &pipeline));
    } else {
      assert_error(rg_material_get_pipeline(test->engine, material, &target, &pipeline),
                   RG_ERROR_UNSUPPORTED,
                   "shader 'drawn': the device cannot draw to r8g8b8a8_unorm");
    }
  }
  target.samples = 3;
  assert_error(rg_material_get_pipeline(test->engine, material, &target, &pipeline),
               RG_ERROR_INVALID_ARGUMENT, "samples 3");
  gpu_material_destroy(test, material, shader, (rg_texture){0});
}

static void outputs_of_another_class_than_their_target_are_refused(void **state) {
  gpu_test *test = *state;
  gpu_test_needs_drawing(test);
  static const VkFormat formats[] = {VK_FORMAT_R8G8B8A8_UNORM, VK_FORMAT_R8G8B8A8_SINT,
                                     VK_FORMAT_R8G8B8A8_UINT};
  static const char *const names[] = {"r8g8b8a8_unorm", "r8g8b8a8_sint", "r8g8b8a8_uint"};
  static const char *const types[] = {"vec4", "ivec4", "uvec4"};
  for (int type = 0; type < 3; type++) {
    char fragment[256];
    snprintf(fragment, sizeof fragment,
             "layout(location = 0) out %s c[2]; void main() { c[0] = c[1] = %s(1); }\n",
             types[type], types[type]);
    rg_shader shader;
    rg_material material = draw_material(test, "", fragment, &shader);
    for (int format = 0; format < 3; format++) {
      rg_pipeline_target target = {.color_formats = {formats[type], formats[format]},
                                   .color_count = 2};
      VkPipeline pipeline;
      char message[128];
      snprintf(message, sizeof message, "target 1 is of %s", names[format]);
      if (format == type) {
        assert_ok(rg_material_get_pipeline(test->engine, material, &target, &pipeline));
        target.color_count = 1; /* the second output then goes nowhere */
        assert_ok(rg_material_get_pipeline(test->engine, material, &target, &pipeline));
      } else {
        assert_error(rg_material_get_pipeline(test->engine, material, &target, &pipeline),
                     RG_ERROR_WRONG_TYPE, message);
        assert_non_null(strstr(rg_error(), "shader 'drawn': output 'c[1]' of r32g32b32a32_"));
      }
    }
    gpu_material_destroy(test, material, shader, (rg_texture){0});
  }
}

/* gl_PointSize in a geometry stage is a capability of its own. */
static void geometry_stages_work_or_are_refused_by_name(void **state) {
  gpu_test *test = *state;
  const rg_shader_desc desc = {
      .stages = {{.stage = VK_SHADER_STAGE_VERTEX_BIT,
                  .source = "void main() { gl_Position = vec4(0); gl_PointSize = 1; }\n"},
                 {.stage = VK_SHADER_STAGE_GEOMETRY_BIT,
                  .source = "layout(triangles) in; layout(points, max_vertices = 1) out;\n"
                            "void main() { gl_Position = gl_in[0].gl_Position;\n"
                            "gl_PointSize = 1; EmitVertex(); }\n"},
                 {.stage = VK_SHADER_STAGE_FRAGMENT_BIT,
                  .source = "layout(location = 0) out vec4 c; void main() { c = vec4(1); }\n"}},
      .stage_count = 3,
      .label = "points"};
  rg_shader shader;
  if (rg_shader_create(test->engine, &desc, &shader) != RG_OK) {
    assert_non_null(strstr(rg_error(), "shader 'points': geometry stage: SPIR-V capability"));
    return;
  }
  assert_ok(rg_shader_destroy(test->engine, shader));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, gpu_test_setup, gpu_test_teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(shared_memory_over_the_devices_is_refused),
      TEST(keywords_count_for_shared_memory),
      TEST(workgroups_of_too_many_invocations_are_refused),
      TEST(keywords_count_for_each_axis_of_workgroups),
      TEST(push_constants_over_the_devices_are_refused),
      TEST(capabilities_that_are_not_enabled_are_refused),
      TEST(what_every_device_has_is_let_through),
      TEST(optional_capabilities_work_or_are_refused_by_name),
      TEST(vertices_over_the_devices_limits_are_refused),
      TEST(samples_that_the_device_lacks_are_refused),
      TEST(outputs_of_another_class_than_their_target_are_refused),
      TEST(geometry_stages_work_or_are_refused_by_name),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
