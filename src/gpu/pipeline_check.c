/* Requests for pipelines: defaults, values, and what the device can draw to. */
#include <inttypes.h>
#include <string.h>

#include "pipeline_internal.h"

resource_name pipeline_title(const pipeline_request *request) {
  resource_name name = resource_title(RG_TYPE_SHADER, request->label, 0);
  return name;
}

bool pipeline_has_stage(const pipeline_request *request, VkShaderStageFlagBits stage) {
  for (uint32_t i = 0; i < request->stage_count; i++) {
    if (request->stages[i].stage == stage) {
      return true;
    }
  }
  return false;
}

/* ---- State --------------------------------------------------------------------------------- */

/* Fills a default in; refuses what is not of the enum. */
static rg_result resolve_enum(const pipeline_request *request, const char *name, uint32_t value,
                              uint32_t last, uint32_t normal, uint32_t *out) {
  if (value > last) {
    return result_set(RG_ERROR_INVALID_ARGUMENT, "%s: %s %u is not a value of its enum",
                      pipeline_title(request).text, name, value);
  }
  *out = value == 0 ? normal : value;
  return RG_OK;
}

static rg_result resolve_state(const pipeline_request *request, pipeline_key *key) {
  const rg_state *state = &request->state;
  rg_result result = RG_OK;
  RG_TRY(resolve_enum(request, "cull", (uint32_t)state->cull, RG_CULL_FRONT, RG_CULL_NONE,
                      &key->cull));
  RG_TRY(resolve_enum(request, "blend", (uint32_t)state->blend, RG_BLEND_MULTIPLY, RG_BLEND_OPAQUE,
                      &key->blend));
  RG_TRY(resolve_enum(request, "topology", (uint32_t)state->topology, RG_TOPOLOGY_PATCHES,
                      RG_TOPOLOGY_TRIANGLES, &key->topology));
  RG_TRY(resolve_enum(request, "depth_test", (uint32_t)state->depth_test, RG_COMPARE_ALWAYS,
                      RG_COMPARE_LESS_OR_EQUAL, &key->depth_test));
  key->writes_depth = !state->no_depth_write;
  key->is_wireframe = state->is_wireframe;
  if (request->target->depth_format == VK_FORMAT_UNDEFINED) {
    key->depth_test = 0;
    key->writes_depth = 0;
  }
fail:
  return result;
}

static rg_result check_stages(const pipeline_request *request, const pipeline_key *key) {
  bool has_patches = key->topology == RG_TOPOLOGY_PATCHES;
  bool has_tessellation = pipeline_has_stage(request, VK_SHADER_STAGE_TESSELLATION_CONTROL_BIT) &&
                          pipeline_has_stage(request, VK_SHADER_STAGE_TESSELLATION_EVALUATION_BIT);
  if (!pipeline_has_stage(request, VK_SHADER_STAGE_VERTEX_BIT)) {
    return result_set(RG_ERROR_INVALID_ARGUMENT, "%s: it has no vertex stage and none of compute",
                      pipeline_title(request).text);
  }
  if (has_patches != has_tessellation) {
    return result_set(RG_ERROR_INVALID_ARGUMENT,
                      "%s: patches go with both tessellation stages, and only with them",
                      pipeline_title(request).text);
  }
  return RG_OK;
}

/* ---- Target -------------------------------------------------------------------------------- */

static rg_result check_format(const pipeline_request *request, VkFormat format,
                              VkImageAspectFlags aspect, const char *what) {
  const format_info *info = format_get(format);
  if (info == NULL || (info->aspects & aspect) == 0) {
    return result_set(RG_ERROR_INVALID_ARGUMENT, "%s: %s (%d) is not a format for that",
                      pipeline_title(request).text, what, (int)format);
  }
  return RG_OK;
}

/* A target without an output, and an output without a target, are allowed. */
static rg_result check_outputs(const pipeline_request *request) {
  const rg_pipeline_target *target = request->target;
  for (uint32_t i = 0; i < request->reflection->fragment_output_count; i++) {
    const rg_fragment_output *output = &request->reflection->fragment_outputs[i];
    const format_info *given = format_get(output->format);
    const format_info *wanted = output->location < target->color_count
                                    ? format_get(target->color_formats[output->location])
                                    : NULL;
    if (given != NULL && wanted != NULL && !format_same_class(given, wanted)) {
      return result_set(RG_ERROR_WRONG_TYPE, "%s: output '%s' of %s given where target %u is of %s",
                        pipeline_title(request).text, output->name, given->name, output->location,
                        wanted->name);
    }
  }
  return RG_OK;
}

static rg_result resolve_formats(const gpu *gpu, const pipeline_request *request,
                                 pipeline_key *key) {
  const rg_pipeline_target *target = request->target;
  uint32_t limit = gpu->device.limits.max_color_attachments;
  limit = limit > RG_MAX_COLOR_TARGETS ? RG_MAX_COLOR_TARGETS : limit;
  if (target->color_count > limit) {
    return result_set(RG_ERROR_LIMIT, "%s: color_count %u exceeds %u", pipeline_title(request).text,
                      target->color_count, limit);
  }
  if (target->color_count == 0 && target->depth_format == VK_FORMAT_UNDEFINED) {
    return result_set(RG_ERROR_INVALID_ARGUMENT, "%s: the target has neither colours nor depth",
                      pipeline_title(request).text);
  }
  rg_result result = RG_OK;
  for (uint32_t i = 0; i < target->color_count; i++) {
    RG_TRY(check_format(request, target->color_formats[i], VK_IMAGE_ASPECT_COLOR_BIT,
                        "a colour format"));
    key->color_formats[i] = target->color_formats[i];
  }
  if (target->depth_format != VK_FORMAT_UNDEFINED) {
    RG_TRY(check_format(request, target->depth_format, VK_IMAGE_ASPECT_DEPTH_BIT, "depth_format"));
  }
  key->color_count = target->color_count;
  key->depth_format = target->depth_format;
fail:
  return result;
}

static rg_result resolve_samples(const pipeline_request *request, pipeline_key *key) {
  uint32_t samples = request->target->samples == 0 ? 1 : request->target->samples;
  if (samples > 64 || (samples & (samples - 1)) != 0) {
    return result_set(RG_ERROR_INVALID_ARGUMENT, "%s: samples %u is not 1, 2, 4, 8, 16, 32 or 64",
                      pipeline_title(request).text, samples);
  }
  key->samples = samples;
  return RG_OK;
}

rg_result pipeline_resolve(const gpu *gpu, const pipeline_request *request, pipeline_key *key) {
  memset(key, 0, sizeof *key);
  key->shader_id = request->shader_id;
  key->is_compute = pipeline_has_stage(request, VK_SHADER_STAGE_COMPUTE_BIT);
  if (key->is_compute) {
    return RG_OK;
  }
  if (request->target == NULL) {
    return result_set(RG_ERROR_INVALID_ARGUMENT, "%s: target is NULL, but it is not compute",
                      pipeline_title(request).text);
  }
  rg_result result = RG_OK;
  RG_TRY(resolve_state(request, key));
  RG_TRY(check_stages(request, key));
  RG_TRY(resolve_formats(gpu, request, key));
  RG_TRY(check_outputs(request));
  RG_TRY(resolve_samples(request, key));
  RG_TRY(pipeline_resolve_vertices(gpu, request, key));
fail:
  return result;
}

/* ---- The device ---------------------------------------------------------------------------- */

static VkFormatProperties format_properties(gpu *gpu, VkFormat format) {
  VkFormatProperties2 properties = {.sType = VK_STRUCTURE_TYPE_FORMAT_PROPERTIES_2};
  gpu->vk.GetPhysicalDeviceFormatProperties2(gpu->device.physical, format, &properties);
  return properties.formatProperties;
}

static rg_result check_samples(gpu *gpu, const pipeline_request *request, VkFormat format,
                               VkImageUsageFlags usage, uint32_t samples) {
  VkPhysicalDeviceImageFormatInfo2 info = {
      .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_IMAGE_FORMAT_INFO_2,
      .format = format,
      .type = VK_IMAGE_TYPE_2D,
      .tiling = VK_IMAGE_TILING_OPTIMAL,
      .usage = usage};
  VkImageFormatProperties2 properties = {.sType = VK_STRUCTURE_TYPE_IMAGE_FORMAT_PROPERTIES_2};
  VkResult vk_result =
      gpu->vk.GetPhysicalDeviceImageFormatProperties2(gpu->device.physical, &info, &properties);
  if (vk_result != VK_SUCCESS && vk_result != VK_ERROR_FORMAT_NOT_SUPPORTED) {
    return dispatch_result(vk_result, "vkGetPhysicalDeviceImageFormatProperties2",
                           pipeline_title(request).text);
  }
  if (vk_result != VK_SUCCESS || (properties.imageFormatProperties.sampleCounts & samples) == 0) {
    return result_set(RG_ERROR_UNSUPPORTED, "%s: the device cannot draw to %s with %u sample%s",
                      pipeline_title(request).text, rg_format_name(format), samples,
                      samples == 1 ? "" : "s");
  }
  return RG_OK;
}

static rg_result check_color(gpu *gpu, const pipeline_request *request, const pipeline_key *key,
                             VkFormat format) {
  rg_result result =
      check_samples(gpu, request, format, VK_IMAGE_USAGE_COLOR_ATTACHMENT_BIT, key->samples);
  if (result == RG_OK && key->blend != RG_BLEND_OPAQUE &&
      !(format_properties(gpu, format).optimalTilingFeatures &
        VK_FORMAT_FEATURE_COLOR_ATTACHMENT_BLEND_BIT)) {
    result = result_set(RG_ERROR_UNSUPPORTED, "%s: the device cannot blend into %s",
                        pipeline_title(request).text, rg_format_name(format));
  }
  return result;
}

static rg_result check_attributes(gpu *gpu, const pipeline_request *request,
                                  const pipeline_key *key) {
  for (uint32_t i = 0; i < key->attribute_count; i++) {
    VkFormat format = key->attributes[i].format;
    if (!(format_properties(gpu, format).bufferFeatures & VK_FORMAT_FEATURE_VERTEX_BUFFER_BIT)) {
      return result_set(RG_ERROR_UNSUPPORTED, "%s: the device cannot read vertices of %s",
                        pipeline_title(request).text, rg_format_name(format));
    }
  }
  return RG_OK;
}

rg_result pipeline_check_device(gpu *gpu, const pipeline_request *request,
                                const pipeline_key *key) {
  if (key->is_compute) {
    return RG_OK;
  }
  if (!gpu->device.has_dynamic_rendering) {
    return result_set(RG_ERROR_UNSUPPORTED, "%s: the device lacks dynamic rendering",
                      pipeline_title(request).text);
  }
  if (key->is_wireframe && !gpu->device.has_wireframe) {
    return result_set(RG_ERROR_UNSUPPORTED, "%s: the device cannot draw wireframes",
                      pipeline_title(request).text);
  }
  rg_result result = RG_OK;
  for (uint32_t i = 0; i < key->color_count; i++) {
    RG_TRY(check_color(gpu, request, key, key->color_formats[i]));
  }
  if (key->depth_format != VK_FORMAT_UNDEFINED) {
    RG_TRY(check_samples(gpu, request, key->depth_format,
                         VK_IMAGE_USAGE_DEPTH_STENCIL_ATTACHMENT_BIT, key->samples));
  }
  RG_TRY(check_attributes(gpu, request, key));
fail:
  return result;
}
