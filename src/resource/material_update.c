/* Reading and changing materials, and what a renderer binds of them. */
#include <string.h>

#include "resources.h"

static material *material_acquire(rg_engine *engine, rg_material material, rg_result *result) {
  return resource_acquire(gpu_of(engine), RG_TYPE_MATERIAL, material.id, result);
}

rg_result rg_material_update(rg_engine *engine, rg_material material,
                             const rg_parameter *parameters, uint32_t count) {
  RESOURCE_REQUIRE(engine);
  resources *all = resources_of(engine);
  rg_result result = RG_OK;
  material_changes changes;
  struct material *self = material_acquire(engine, material, &result);
  if (self == NULL) {
    return result;
  }
  RG_TRY(changes_init(all, material_name(self), self->shader, parameters, count, &changes));
  mutex_lock(&all->materials.lock);
  result = material_apply(all, self, &changes);
  mutex_unlock(&all->materials.lock);
  changes_finish(all, &changes);
fail:
  resource_release(&all->gpu, material.id);
  return result;
}

/* The material up the parents that sets the cell; null for a default. */
static rg_material value_origin(const material *material, uint32_t cell) {
  while (material != NULL && !cell_is_set(material->overridden, cell)) {
    material = material->parent;
  }
  return (rg_material){material != NULL ? material->resource.id : 0};
}

/* An array's first element stands for it: elements are asked for by "maps[1]". */
static void handle_read(const material *material, const shader_parameter *parameter, uint32_t cell,
                        uint32_t count, rg_parameter *out) {
  out->count = count;
  if (binding_is_buffer(parameter->info.binding)) {
    out->kind = RG_VALUE_BUFFER;
    out->value.buffer.id = material->handles[cell];
  } else {
    out->kind = RG_VALUE_TEXTURE;
    out->value.texture.id = material->handles[cell];
  }
}

static rg_result material_read(const material *material, const char *name, void *data,
                               uint32_t capacity, rg_parameter *out, rg_material *origin) {
  shader_parameter *parameter = NULL;
  uint32_t cell = 0;
  uint32_t count = 0;
  rg_result result = shader_find_parameter(material->shader, material_name(material), name,
                                           &parameter, &cell, &count);
  if (result != RG_OK) {
    return result;
  }
  *origin = value_origin(material, cell);
  out->name = parameter->info.name;
  if (parameter->info.member == NULL) {
    handle_read(material, parameter, cell, count, out);
    return RG_OK;
  }
  return member_read(material_name(material), parameter, material->values, data, capacity, out);
}

rg_result rg_material_get(rg_engine *engine, rg_material material, const char *name, void *data,
                          uint32_t capacity, rg_parameter *out, rg_material *origin) {
  RESOURCE_REQUIRE(out);
  memset(out, 0, sizeof *out);
  rg_material found = {0};
  if (origin != NULL) {
    *origin = found;
  }
  RESOURCE_REQUIRE(engine);
  RESOURCE_REQUIRE(name);
  resources *all = resources_of(engine);
  rg_result result = RG_OK;
  const struct material *self = material_acquire(engine, material, &result);
  if (self == NULL) {
    return result;
  }
  mutex_lock(&all->materials.lock);
  result = material_read(self, name, data, capacity, out, &found);
  mutex_unlock(&all->materials.lock);
  resource_release(&all->gpu, material.id);
  if (result != RG_OK) {
    memset(out, 0, sizeof *out);
  } else if (origin != NULL) {
    *origin = found;
  }
  return result;
}

rg_result material_check_complete(const material *material) {
  const shader_parameter *missing = material->missing;
  if (missing == NULL) {
    return RG_OK;
  }
  return result_set(RG_ERROR_INVALID_ARGUMENT,
                    "material '%s': %s parameter '%s' has no value, and there is no default",
                    material_name(material),
                    binding_is_buffer(missing->info.binding) ? "buffer" : "texture",
                    missing->info.name);
}

static void material_fill_vk(const material *material, rg_material_vk *out) {
  const shader *shader = material->shader;
  out->pipeline_layout = shader->layout.pipeline_layout;
  out->shader.id = shader->resource.id;
  if (shader->material_set != SHADER_NO_SET) {
    out->set = material->set->handle;
    out->set_index = shader->material_set;
    out->set_layout = shader->layout.set_layouts[shader->material_set];
  }
}

rg_result rg_material_get_vk(rg_engine *engine, rg_material material, rg_material_vk *out) {
  RESOURCE_REQUIRE(out);
  memset(out, 0, sizeof *out);
  RESOURCE_REQUIRE(engine);
  resources *all = resources_of(engine);
  rg_result result = RG_OK;
  const struct material *self = material_acquire(engine, material, &result);
  if (self == NULL) {
    return result;
  }
  mutex_lock(&all->materials.lock);
  result = material_check_complete(self);
  if (result == RG_OK) {
    material_fill_vk(self, out);
  }
  mutex_unlock(&all->materials.lock);
  resource_release(&all->gpu, material.id);
  return result;
}

rg_result material_pipeline(resources *resources, const material *material,
                            const rg_pipeline_target *target, VkPipeline *out) {
  const shader *shader = material->shader;
  const bool is_compute = (shader->code.reflection.stages & VK_SHADER_STAGE_COMPUTE_BIT) != 0;
  VkPipelineShaderStageCreateInfo stages[RG_MAX_STAGES];
  const uint32_t stage_count = shader_stage_infos(shader, stages);
  if (!is_compute && target == NULL) {
    return result_set(RG_ERROR_INVALID_ARGUMENT, "material '%s': a pipeline target is required",
                      material_name(material));
  }
  const pipeline_request request = {.shader_id = shader->resource.id,
                                    .stages = stages,
                                    .stage_count = stage_count,
                                    .reflection = &shader->code.reflection,
                                    .layout = shader->layout.pipeline_layout,
                                    .state = material->state,
                                    .target = is_compute ? NULL : target,
                                    .label = shader->code.label};
  return pipeline_get(&resources->gpu, &request, out);
}

rg_result rg_material_get_pipeline(rg_engine *engine, rg_material material,
                                   const rg_pipeline_target *target, VkPipeline *out) {
  RESOURCE_REQUIRE(out);
  *out = VK_NULL_HANDLE;
  RESOURCE_REQUIRE(engine);
  rg_result result = RG_OK;
  const struct material *self = material_acquire(engine, material, &result);
  if (self == NULL) {
    return result;
  }
  /* Shader and state never change, so no lock is held while the driver compiles. */
  result = material_pipeline(resources_of(engine), self, target, out);
  resource_release(gpu_of(engine), material.id);
  return result;
}
