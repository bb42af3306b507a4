/* Shaders behind handles: built by the shader folder, made into modules and layouts here. */
#include "shader.h"

#include "gpu/shader_module.h"
#include "resources.h"
#include "shader/demands.h"

#include <string.h>

static void shader_release_objects(gpu *gpu, shader *shader) {
  for (uint32_t i = 0; i < RG_MAX_STAGES; i++) {
    shader_module_destroy(gpu, shader->modules[i]);
    shader->modules[i] = VK_NULL_HANDLE;
  }
  shader_code_finish(&shader->code);
}

static void shader_die(gpu *gpu, frame_zombie *zombie) {
  shader *self = RESOURCE_OF_ZOMBIE(shader, zombie);
  resources *all = (resources *)(void *)gpu;
  shader_release_objects(gpu, self);
  slots_recycle(&all->shaders.slots, self->resource.id);
}

static void shader_reclaim(void *owner, uint64_t id, void *storage) {
  gpu *gpu = owner;
  shader *self = storage;
  pipelines_retire(gpu, id);
  frame_retire(gpu, &self->resource.zombie, shader_die);
}

void shaders_init(resources *resources) {
  gpu *gpu = &resources->gpu;
  slots_init(&resources->shaders.slots, &gpu->host, RG_TYPE_SHADER, sizeof(shader), shader_reclaim,
             gpu);
  gpu->slots_by_type[RG_TYPE_SHADER] = &resources->shaders.slots;
  gpu->resource_offset[RG_TYPE_SHADER] = offsetof(shader, resource);
}

void shaders_finish(resources *resources) {
  resource_finish_all(&resources->gpu, RG_TYPE_SHADER);
}

static rg_result stage_check_device(gpu *gpu, const shader *shader, uint32_t index,
                                    arena *scratch) {
  const char *label = shader->code.label;
  const shader_stage_code *stage = &shader->code.stages[index];
  shader_demands demands;
  rg_result result = RG_OK;
  RG_TRY(shader_demands_read(label, stage, shader->keywords, scratch, &demands));
  RG_TRY(shader_check_capabilities(gpu, label, stage->stage, demands.capabilities,
                                   demands.capability_count));
  if (demands.has_workgroup) {
    RG_TRY(shader_check_workgroup(gpu, label, demands.workgroup_size, demands.shared_bytes));
  }
  if (demands.has_size_ids) {
    RG_TRY(shader_check_size_ids(gpu, label));
  }
fail:
  return result;
}

/* Drivers crash on what the device lacks: nothing of it reaches them. */
static rg_result shader_check_device(gpu *gpu, const shader *shader) {
  arena scratch;
  arena_init(&scratch, &gpu->host);
  rg_result result = RG_OK;
  for (uint32_t i = 0; i < shader->code.stage_count && result == RG_OK; i++) {
    result = stage_check_device(gpu, shader, i, &scratch);
  }
  arena_finish(&scratch);
  return result;
}

static rg_result shader_make_modules(gpu *gpu, shader *shader) {
  rg_result result = RG_OK;
  for (uint32_t i = 0; i < shader->code.stage_count && result == RG_OK; i++) {
    const shader_stage_code *stage = &shader->code.stages[i];
    result = shader_module_create(gpu, stage->words, stage->size, shader->code.label,
                                  stage->entry_point, &shader->modules[i]);
  }
  return result;
}

/* Moves the built code into a slot and makes what it needs. On failure the slot is given back. */
static rg_result shader_place(resources *resources, shader_code *code, const rg_shader_desc *desc,
                              uint64_t *id) {
  gpu *gpu = &resources->gpu;
  slots *slots = &resources->shaders.slots;
  void *storage = NULL;
  rg_result result = slots_alloc(slots, id, &storage);
  if (result != RG_OK) {
    shader_code_finish(code);
    return result;
  }
  shader *self = storage;
  memset((unsigned char *)storage + sizeof(resource), 0, sizeof(shader) - sizeof(resource));
  self->code = *code;
  RG_TRY(resource_begin(gpu, &self->resource, *id,
                        desc->label != NULL ? desc->label : desc->stages[0].file));
  RG_TRY(shader_set_keywords(self, desc));
  RG_TRY(shader_check_device(gpu, self));
  RG_TRY(shader_make_modules(gpu, self));
  RG_TRY(descriptor_get_layout(gpu, &self->code.reflection, self->code.label, &self->layout));
  RG_TRY(shader_list_parameters(self));
  slots_publish(slots, *id);
  return RG_OK;
fail:
  shader_release_objects(gpu, self);
  slots_cancel(slots, *id);
  return result;
}

rg_result rg_shader_create(rg_engine *engine, const rg_shader_desc *desc, rg_shader *out) {
  RESOURCE_REQUIRE(out);
  out->id = 0;
  RESOURCE_REQUIRE(engine);
  RESOURCE_REQUIRE(desc);
  resources *all = resources_of(engine);
  const shader_context context = {.memory = &all->gpu.host,
                                  .logger = &all->gpu.logger,
                                  .roots = &all->roots,
                                  .api_version = all->gpu.device.api_version};
  shader_code code = {0};
  rg_result result = shader_build(&context, desc, &code);
  if (result != RG_OK) {
    return result;
  }
  uint64_t id = 0;
  result = shader_place(all, &code, desc, &id);
  out->id = result == RG_OK ? id : 0;
  return result;
}

rg_result rg_shader_destroy(rg_engine *engine, rg_shader shader) {
  RESOURCE_REQUIRE(engine);
  return resource_destroy(gpu_of(engine), RG_TYPE_SHADER, shader.id);
}

static const shader *shader_acquire(rg_engine *engine, rg_shader shader, rg_result *result) {
  if (engine == NULL) {
    *result = result_set(RG_ERROR_INVALID_ARGUMENT, "shader: engine is NULL");
    return NULL;
  }
  return resource_acquire(gpu_of(engine), RG_TYPE_SHADER, shader.id, result);
}

/* The stage's index, or a message. */
static rg_result shader_find_stage(const shader *shader, VkShaderStageFlagBits stage,
                                   uint32_t *index) {
  for (uint32_t i = 0; i < shader->code.stage_count; i++) {
    if (shader->code.stages[i].stage == stage) {
      *index = i;
      return RG_OK;
    }
  }
  return result_set(RG_ERROR_NOT_FOUND, "shader '%s': no stage 0x%x, it has 0x%x",
                    shader->code.label, (unsigned)stage, (unsigned)shader->code.reflection.stages);
}

static VkPipelineShaderStageCreateInfo shader_stage_info(const shader *shader, uint32_t index) {
  return (VkPipelineShaderStageCreateInfo){
      .sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
      .stage = shader->code.stages[index].stage,
      .module = shader->modules[index],
      .pName = shader->code.stages[index].entry_point,
      .pSpecializationInfo = shader->keywords};
}

uint32_t shader_stage_infos(const shader *shader,
                            VkPipelineShaderStageCreateInfo out[RG_MAX_STAGES]) {
  for (uint32_t i = 0; i < shader->code.stage_count; i++) {
    out[i] = shader_stage_info(shader, i);
  }
  return shader->code.stage_count;
}

rg_result rg_shader_get_stage_info(rg_engine *engine, rg_shader shader, VkShaderStageFlagBits stage,
                                   VkPipelineShaderStageCreateInfo *out) {
  RESOURCE_REQUIRE(out);
  rg_result result = RG_OK;
  memset(out, 0, sizeof *out);
  const struct shader *self = shader_acquire(engine, shader, &result);
  if (self == NULL) {
    return result;
  }
  uint32_t index = 0;
  result = shader_find_stage(self, stage, &index);
  if (result == RG_OK) {
    *out = shader_stage_info(self, index);
  }
  resource_release(gpu_of(engine), shader.id);
  return result;
}

rg_result rg_shader_get_spirv(rg_engine *engine, rg_shader shader, VkShaderStageFlagBits stage,
                              const void **spirv, uint64_t *size) {
  RESOURCE_REQUIRE(spirv);
  RESOURCE_REQUIRE(size);
  rg_result result = RG_OK;
  *spirv = NULL;
  *size = 0;
  const struct shader *self = shader_acquire(engine, shader, &result);
  if (self == NULL) {
    return result;
  }
  uint32_t index = 0;
  result = shader_find_stage(self, stage, &index);
  if (result == RG_OK) {
    *spirv = self->code.stages[index].words;
    *size = self->code.stages[index].size;
  }
  resource_release(gpu_of(engine), shader.id);
  return result;
}

rg_result rg_shader_get_reflection(rg_engine *engine, rg_shader shader, const rg_reflection **out) {
  RESOURCE_REQUIRE(out);
  rg_result result = RG_OK;
  *out = NULL;
  const struct shader *self = shader_acquire(engine, shader, &result);
  if (self != NULL) {
    *out = &self->code.reflection;
    resource_release(gpu_of(engine), shader.id);
  }
  return result;
}

rg_result rg_shader_get_layout(rg_engine *engine, rg_shader shader, rg_shader_layout *out) {
  RESOURCE_REQUIRE(out);
  rg_result result = RG_OK;
  memset(out, 0, sizeof *out);
  const struct shader *self = shader_acquire(engine, shader, &result);
  if (self != NULL) {
    *out = self->layout;
    resource_release(gpu_of(engine), shader.id);
  }
  return result;
}

rg_result rg_shader_get_parameters(rg_engine *engine, rg_shader shader, rg_parameter_info *out,
                                   uint32_t *count) {
  RESOURCE_REQUIRE(count);
  rg_result result = RG_OK;
  const uint32_t room = out != NULL ? *count : 0;
  *count = 0;
  const struct shader *self = shader_acquire(engine, shader, &result);
  if (self == NULL) {
    return result;
  }
  for (uint32_t i = 0; i < self->parameter_count && i < room; i++) {
    out[i] = self->parameters[i].info;
  }
  *count = self->parameter_count;
  resource_release(gpu_of(engine), shader.id);
  return RG_OK;
}
