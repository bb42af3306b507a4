/* The acts of shaders and materials: GLSL with includes and keywords, SPIR-V, pipelines, and a
 * dispatch whose result is read back. */
#include <string.h>

#include "scenario.h"

static const char vertex_source[] =
    "#version 450\n"
    "layout(location = 0) in vec3 position;\n"
    "layout(location = 0) out vec2 uv;\n"
    "void main() { uv = position.xy; gl_Position = vec4(position, 1.0); }\n";

static const char fragment_source[] =
    "#version 450\n"
    "#include \"shade.glsl\"\n"
    "layout(constant_id = 3) const bool DIM = false;\n"
    "layout(std140) uniform Material { vec4 tint; float gain; };\n"
    "uniform sampler2D map;\n"
    "layout(location = 0) in vec2 uv;\n"
    "layout(location = 0) out vec4 color;\n"
    "void main() { color = shade(texture(map, uv) * tint, DIM ? gain * SCALE : gain); }\n";

static const char compute_source[] =
    "#version 450\n"
    "layout(local_size_x = 4) in;\n"
    "layout(std140) uniform Material { uint factor; };\n"
    "layout(std430) buffer Values { uint values[]; };\n"
    "void main() { values[gl_GlobalInvocationID.x] *= factor; }\n";

static rg_result create_paint(scenario *self, rg_shader *out) {
  const rg_define define = {"SCALE", "0.5"};
  const rg_constant_value keyword = {"DIM", 1};
  const rg_shader_desc desc = {
      .stages = {{.stage = VK_SHADER_STAGE_VERTEX_BIT, .source = vertex_source},
                 {.stage = VK_SHADER_STAGE_FRAGMENT_BIT, .source = fragment_source}},
      .stage_count = 2,
      .defines = &define,
      .define_count = 1,
      .keywords = &keyword,
      .keyword_count = 1,
      .label = "paint"};
  rg_result result = rg_shader_create(self->engine, &desc, out);
  return scenario_own(self, result, out->id);
}

static rg_result create_scale(scenario *self, rg_shader *out) {
  const rg_shader_desc desc = {
      .stages = {{.stage = VK_SHADER_STAGE_COMPUTE_BIT, .source = compute_source}},
      .stage_count = 1,
      .label = "scale"};
  rg_result result = rg_shader_create(self->engine, &desc, out);
  return scenario_own(self, result, out->id);
}

/* ---- Shaders -------------------------------------------------------------------------------- */

/* The compute shader again, from its SPIR-V. */
static rg_result create_from_spirv(scenario *self, rg_shader scale) {
  rg_result result = RG_OK;
  const void *spirv = NULL;
  uint64_t size = 0;
  rg_shader copy;
  TRY(rg_shader_get_spirv(self->engine, scale, VK_SHADER_STAGE_COMPUTE_BIT, &spirv, &size));
  const rg_shader_desc desc = {
      .stages = {{.stage = VK_SHADER_STAGE_COMPUTE_BIT, .spirv = spirv, .spirv_size = size}},
      .stage_count = 1};
  result = rg_shader_create(self->engine, &desc, &copy);
  TRY(scenario_own(self, result, copy.id));
fail:
  return result;
}

static rg_result ask_shader(scenario *self, rg_shader paint) {
  rg_result result = RG_OK;
  rg_shader_layout layout;
  VkPipelineShaderStageCreateInfo stage;
  const rg_reflection *reflection = NULL;
  rg_parameter_info parameters[4];
  uint32_t count = 4;
  TRY(rg_shader_get_layout(self->engine, paint, &layout));
  TRY(rg_shader_get_stage_info(self->engine, paint, VK_SHADER_STAGE_FRAGMENT_BIT, &stage));
  TRY(rg_shader_get_reflection(self->engine, paint, &reflection));
  TRY(rg_shader_get_parameters(self->engine, paint, parameters, &count));
  CLAIM(layout.set_count == 1 && reflection->binding_count == 2 && count == 3);
  CLAIM(stage.pSpecializationInfo != NULL);
  CLAIM(reflection->vertex_input_count == 1);
fail:
  return result;
}

rg_result act_shaders(scenario *self) {
  rg_result result = RG_OK;
  rg_shader paint, scale;
  TRY(create_paint(self, &paint));
  TRY(create_scale(self, &scale));
  TRY(create_from_spirv(self, scale));
  TRY(ask_shader(self, paint));
fail:
  return result;
}

/* ---- Materials ------------------------------------------------------------------------------ */

static rg_result create_map(scenario *self, rg_texture *out) {
  static const uint32_t texel = 0xFFFFFFFF;
  const rg_texture_desc desc = {.width = 1, .height = 1, .data = &texel, .data_size = 4};
  rg_result result = rg_texture_create(self->engine, &desc, out);
  return scenario_own(self, result, out->id);
}

/* "Metal", and "Rusty", which inherits from it. */
static rg_result create_metals(scenario *self, rg_material *metal, rg_material *rusty) {
  rg_result result = RG_OK;
  rg_shader paint;
  rg_texture map;
  TRY(create_paint(self, &paint));
  TRY(create_map(self, &map));
  const rg_parameter parameters[] = {
      {.name = "tint", .count = 4, .value.numbers = {1, 0.5, 0.25, 1}},
      {.name = "map", .kind = RG_VALUE_TEXTURE, .count = 1, .value.texture = map}};
  const rg_material_desc parent = {
      .name = "Metal", .shader = paint, .parameters = parameters, .parameter_count = 2};
  result = rg_material_create(self->engine, &parent, metal);
  TRY(scenario_own(self, result, metal->id));
  const rg_parameter gain = {.name = "gain", .count = 1, .value.numbers = {2}};
  const rg_material_desc child = {
      .name = "Rusty", .parent = *metal, .parameters = &gain, .parameter_count = 1};
  result = rg_material_create(self->engine, &child, rusty);
  TRY(scenario_own(self, result, rusty->id));
fail:
  return result;
}

static rg_result update_metals(scenario *self, rg_material metal, rg_material rusty) {
  rg_result result = RG_OK;
  rg_texture map;
  rg_material found, origin;
  rg_parameter value;
  rg_material_vk before, after;
  TRY(create_map(self, &map));
  TRY(rg_material_get_vk(self->engine, rusty, &before));
  const rg_parameter parameters[] = {
      {.name = "tint", .count = 4, .value.numbers = {0, 0, 1, 1}},
      {.name = "map", .kind = RG_VALUE_TEXTURE, .count = 1, .value.texture = map}};
  TRY(rg_material_update(self->engine, metal, parameters, 2));
  TRY(rg_material_get(self->engine, rusty, "tint", NULL, 0, &value, &origin));
  CLAIM(value.count == 4 && value.value.floats[2] == 1 && origin.id == metal.id);
  TRY(rg_material_get_vk(self->engine, rusty, &after));
  TRY(rg_material_find(self->engine, "Rusty", &found));
  CLAIM(found.id == rusty.id && after.set != VK_NULL_HANDLE && after.set != before.set);
fail:
  return result;
}

static rg_result get_pipelines(scenario *self, rg_material metal) {
  rg_result result = RG_OK;
  const rg_vertex_attribute position = {.name = "position", .format = VK_FORMAT_R32G32B32_SFLOAT};
  const rg_pipeline_target plain = {.color_formats = {VK_FORMAT_R8G8B8A8_UNORM}, .color_count = 1};
  rg_pipeline_target deep = plain;
  deep.depth_format = VK_FORMAT_D32_SFLOAT;
  deep.attributes = &position;
  deep.attribute_count = 1;
  VkPipeline pipelines[3];
  TRY(rg_material_get_pipeline(self->engine, metal, &plain, &pipelines[0]));
  TRY(rg_material_get_pipeline(self->engine, metal, &deep, &pipelines[1]));
  TRY(rg_material_get_pipeline(self->engine, metal, &plain, &pipelines[2]));
  CLAIM(pipelines[0] == pipelines[2] && pipelines[0] != pipelines[1]);
fail:
  return result;
}

static rg_result dispatch_scale(scenario *self) {
  rg_result result = RG_OK;
  uint32_t values[4] = {1, 2, 3, 4};
  rg_buffer buffer;
  rg_shader scale;
  rg_material material;
  const rg_buffer_desc desc = {.size = sizeof values, .data = values, .label = "values"};
  result = rg_buffer_create(self->engine, &desc, &buffer);
  TRY(scenario_own(self, result, buffer.id));
  TRY(create_scale(self, &scale));
  const rg_parameter parameters[] = {
      {.name = "factor", .count = 1, .value.numbers = {5}},
      {.name = "Values", .kind = RG_VALUE_BUFFER, .count = 1, .value.buffer = buffer}};
  const rg_material_desc material_desc = {
      .name = "Scale", .shader = scale, .parameters = parameters, .parameter_count = 2};
  result = rg_material_create(self->engine, &material_desc, &material);
  TRY(scenario_own(self, result, material.id));
  TRY(rg_dispatch(self->engine, material, 1, 1, 1, NULL));
  TRY(rg_buffer_read(self->engine, buffer, 0, values, sizeof values));
  CLAIM(values[0] == 5 && values[3] == 20);
fail:
  return result;
}

rg_result act_materials(scenario *self) {
  rg_result result = RG_OK;
  rg_material metal, rusty;
  TRY(create_metals(self, &metal, &rusty));
  TRY(update_metals(self, metal, rusty));
  TRY(get_pipelines(self, metal));
  TRY(dispatch_scale(self));
fail:
  return result;
}
