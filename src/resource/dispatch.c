/* Running a compute material once. */
#include "gpu/compute.h"
#include "resources.h"

static rg_result check_counts(const gpu *gpu, const material *material, const uint32_t counts[3]) {
  const uint32_t *limits = gpu->device.vk_limits.maxComputeWorkGroupCount;
  for (uint32_t i = 0; i < 3; i++) {
    const char axis = (char)('x' + i);
    if (counts[i] == 0) {
      return result_set(RG_ERROR_INVALID_ARGUMENT,
                        "material '%s': a dispatch of 0 workgroups in %c", material_name(material),
                        axis);
    }
    if (counts[i] > limits[i]) {
      return result_set(RG_ERROR_INVALID_ARGUMENT,
                        "material '%s': %u workgroups in %c exceed the device's %u",
                        material_name(material), counts[i], axis, limits[i]);
    }
  }
  return RG_OK;
}

static rg_result check_compute(const material *material) {
  const rg_reflection *reflection = &material->shader->code.reflection;
  if ((reflection->stages & VK_SHADER_STAGE_COMPUTE_BIT) == 0) {
    return result_set(RG_ERROR_INVALID_ARGUMENT,
                      "material '%s': shader '%s' has no compute stage to dispatch",
                      material_name(material), material->shader->code.label);
  }
  for (uint32_t i = 0; i < reflection->binding_count; i++) {
    const rg_binding *binding = &reflection->bindings[i];
    if (binding->set != material->shader->material_set) {
      return result_set(RG_ERROR_INVALID_ARGUMENT,
                        "material '%s': '%s' is in set %u, but a dispatch binds only set %u",
                        material_name(material), binding->name, binding->set,
                        material->shader->material_set);
    }
  }
  return RG_OK;
}

/* The lock is held from taking the set until it is submitted: an update meanwhile would retire it
 * as if nobody were about to use it. */
static rg_result dispatch_submit(resources *resources, const material *material,
                                 VkPipeline pipeline, const uint32_t counts[3], uint64_t *value) {
  const shader *shader = material->shader;
  rg_result result = RG_OK;
  mutex_lock(&resources->materials.lock);
  RG_TRY(material_check_complete(material));
  const compute_request request = {
      .pipeline = pipeline,
      .layout = shader->layout.pipeline_layout,
      .set = material->set != NULL ? material->set->handle : VK_NULL_HANDLE,
      .set_index = shader->material_set,
      .counts = {counts[0], counts[1], counts[2]}};
  RG_TRY(compute_submit(&resources->gpu, &request, value));
fail:
  mutex_unlock(&resources->materials.lock);
  return result;
}

static rg_result dispatch_run(resources *resources, const material *material,
                              const uint32_t counts[3], uint64_t *value) {
  gpu *gpu = &resources->gpu;
  rg_result result = RG_OK;
  VkPipeline pipeline = VK_NULL_HANDLE;
  RG_TRY(check_compute(material));
  RG_TRY(check_counts(gpu, material, counts));
  mutex_lock(&resources->materials.lock);
  result = material_check_complete(material);
  mutex_unlock(&resources->materials.lock);
  RG_TRY(result);
  RG_TRY(material_pipeline(resources, material, NULL, &pipeline));
  RG_TRY(materials_flush(resources));
  RG_TRY(upload_submit(gpu, NULL, 0, NULL));
  RG_TRY(dispatch_submit(resources, material, pipeline, counts, value));
fail:
  return result;
}

rg_result rg_dispatch(rg_engine *engine, rg_material material, uint32_t x, uint32_t y, uint32_t z,
                      rg_ticket *ticket) {
  if (ticket != NULL) {
    ticket->id = 0;
  }
  RESOURCE_REQUIRE(engine);
  resources *all = resources_of(engine);
  const uint32_t counts[3] = {x, y, z};
  uint64_t value = 0;
  rg_result result = RG_OK;
  const struct material *self = resource_acquire(&all->gpu, RG_TYPE_MATERIAL, material.id, &result);
  if (self == NULL) {
    return result;
  }
  result = dispatch_run(all, self, counts, &value);
  resource_release(&all->gpu, material.id);
  if (result == RG_OK && ticket != NULL) {
    *ticket = frame_ticket(&all->gpu, value);
  }
  return result;
}
