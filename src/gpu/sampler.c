/* Samplers: a descriptor's defaults filled in, its values checked, equal ones shared. */
#include "sampler.h"

#include <float.h>
#include <inttypes.h>
#include <math.h>

#include "gpu.h"

/* ---- Descriptors --------------------------------------------------------------------------- */

static rg_result check_enum(const char *name, uint32_t value, uint32_t last) {
  return value <= last
             ? RG_OK
             : result_set(RG_ERROR_INVALID_ARGUMENT,
                          "sampler: %s %" PRIu32 " is not a value of its enum", name, value);
}

static rg_result check_enums(const rg_sampler_desc *desc) {
  rg_result result = RG_OK;
  RG_TRY(check_enum("mag_filter", (uint32_t)desc->mag_filter, RG_FILTER_NEAREST));
  RG_TRY(check_enum("min_filter", (uint32_t)desc->min_filter, RG_FILTER_NEAREST));
  RG_TRY(check_enum("mip_filter", (uint32_t)desc->mip_filter, RG_FILTER_NEAREST));
  RG_TRY(check_enum("wrap_u", (uint32_t)desc->wrap_u, RG_WRAP_CLAMP_TO_BORDER));
  RG_TRY(check_enum("wrap_v", (uint32_t)desc->wrap_v, RG_WRAP_CLAMP_TO_BORDER));
  RG_TRY(check_enum("wrap_w", (uint32_t)desc->wrap_w, RG_WRAP_CLAMP_TO_BORDER));
  RG_TRY(check_enum("compare", (uint32_t)desc->compare, RG_COMPARE_ALWAYS));
fail:
  return result;
}

static rg_result check_number(const char *name, float value, float least, float most) {
  return value >= least && value <= most
             ? RG_OK
             : result_set(RG_ERROR_INVALID_ARGUMENT, "sampler: %s %g is not within %g to %g", name,
                          (double)value, (double)least, (double)most);
}

static rg_result check_numbers(const gpu *gpu, const rg_sampler_desc *desc) {
  rg_result result = RG_OK;
  if (desc->max_anisotropy != 0) {
    RG_TRY(check_number("max_anisotropy", desc->max_anisotropy, 1, HUGE_VALF));
  }
  RG_TRY(check_number("lod_bias", desc->lod_bias, -16, 16));
  RG_TRY(check_number("min_lod", desc->min_lod, 0, FLT_MAX));
  if (desc->max_lod != 0) {
    RG_TRY(check_number("max_lod", desc->max_lod, desc->min_lod, FLT_MAX));
  }
  float limit = gpu->device.vk_limits.maxSamplerLodBias;
  if (fabsf(desc->lod_bias) > limit) {
    result = result_set(RG_ERROR_LIMIT, "sampler: lod_bias %g exceeds the device's %g",
                        (double)desc->lod_bias, (double)limit);
  }
fail:
  return result;
}

/* Equal samplers come out as equal bytes: there is no padding, and minus zero becomes zero. */
static rg_sampler_desc desc_resolve(const gpu *gpu, const rg_sampler_desc *desc) {
  rg_sampler_desc out = *desc;
  rg_filter *filters[] = {&out.mag_filter, &out.min_filter, &out.mip_filter};
  rg_wrap *wraps[] = {&out.wrap_u, &out.wrap_v, &out.wrap_w};
  for (size_t i = 0; i < 3; i++) {
    *filters[i] = *filters[i] == RG_FILTER_DEFAULT ? RG_FILTER_LINEAR : *filters[i];
    *wraps[i] = *wraps[i] == RG_WRAP_DEFAULT ? RG_WRAP_REPEAT : *wraps[i];
  }
  float limit = gpu->device.limits.max_anisotropy;
  out.max_anisotropy = out.max_anisotropy > limit ? limit : out.max_anisotropy;
  out.max_anisotropy = out.max_anisotropy < 1 ? 1 : out.max_anisotropy;
  out.max_lod = out.max_lod == 0 ? VK_LOD_CLAMP_NONE : out.max_lod;
  out.lod_bias += 0.0f;
  out.min_lod += 0.0f;
  return out;
}

/* ---- VkSamplers ---------------------------------------------------------------------------- */

static VkFilter vk_filter(rg_filter filter) {
  return filter == RG_FILTER_NEAREST ? VK_FILTER_NEAREST : VK_FILTER_LINEAR;
}

static VkSamplerAddressMode vk_wrap(rg_wrap wrap) {
  static const VkSamplerAddressMode modes[] = {
      [RG_WRAP_DEFAULT] = VK_SAMPLER_ADDRESS_MODE_REPEAT,
      [RG_WRAP_REPEAT] = VK_SAMPLER_ADDRESS_MODE_REPEAT,
      [RG_WRAP_MIRRORED_REPEAT] = VK_SAMPLER_ADDRESS_MODE_MIRRORED_REPEAT,
      [RG_WRAP_CLAMP_TO_EDGE] = VK_SAMPLER_ADDRESS_MODE_CLAMP_TO_EDGE,
      [RG_WRAP_CLAMP_TO_BORDER] = VK_SAMPLER_ADDRESS_MODE_CLAMP_TO_BORDER};
  return modes[wrap];
}

VkCompareOp sampler_compare_op(rg_compare compare) {
  static const VkCompareOp operations[] = {
      [RG_COMPARE_DEFAULT] = VK_COMPARE_OP_LESS_OR_EQUAL,
      [RG_COMPARE_NEVER] = VK_COMPARE_OP_NEVER,
      [RG_COMPARE_LESS] = VK_COMPARE_OP_LESS,
      [RG_COMPARE_EQUAL] = VK_COMPARE_OP_EQUAL,
      [RG_COMPARE_LESS_OR_EQUAL] = VK_COMPARE_OP_LESS_OR_EQUAL,
      [RG_COMPARE_GREATER] = VK_COMPARE_OP_GREATER,
      [RG_COMPARE_NOT_EQUAL] = VK_COMPARE_OP_NOT_EQUAL,
      [RG_COMPARE_GREATER_OR_EQUAL] = VK_COMPARE_OP_GREATER_OR_EQUAL,
      [RG_COMPARE_ALWAYS] = VK_COMPARE_OP_ALWAYS};
  return operations[compare];
}

static rg_result sampler_make(gpu *gpu, const rg_sampler_desc *desc, VkSampler *out) {
  VkSamplerCreateInfo info = {.sType = VK_STRUCTURE_TYPE_SAMPLER_CREATE_INFO,
                              .magFilter = vk_filter(desc->mag_filter),
                              .minFilter = vk_filter(desc->min_filter),
                              .mipmapMode = desc->mip_filter == RG_FILTER_NEAREST
                                                ? VK_SAMPLER_MIPMAP_MODE_NEAREST
                                                : VK_SAMPLER_MIPMAP_MODE_LINEAR,
                              .addressModeU = vk_wrap(desc->wrap_u),
                              .addressModeV = vk_wrap(desc->wrap_v),
                              .addressModeW = vk_wrap(desc->wrap_w),
                              .mipLodBias = desc->lod_bias,
                              .anisotropyEnable = desc->max_anisotropy > 1,
                              .maxAnisotropy = desc->max_anisotropy,
                              .compareEnable = desc->compare != RG_COMPARE_DEFAULT,
                              .compareOp = sampler_compare_op(desc->compare),
                              .minLod = desc->min_lod,
                              .maxLod = desc->max_lod,
                              .borderColor = VK_BORDER_COLOR_FLOAT_TRANSPARENT_BLACK};
  VkResult vk_result = gpu->vk.CreateSampler(gpu->device.handle, &info, NULL, out);
  if (vk_result == VK_SUCCESS) {
    device_name(gpu, VK_OBJECT_TYPE_SAMPLER, (uint64_t)*out, "sampler", NULL);
  }
  return dispatch_result(vk_result, "vkCreateSampler", "sampler");
}

/* Under the lock. */
static rg_result sampler_add(gpu *gpu, const rg_sampler_desc *desc, VkSampler *out) {
  hash_map *by_desc = &gpu->samplers.by_desc;
  uint32_t limit = gpu->device.vk_limits.maxSamplerAllocationCount;
  if (by_desc->count >= limit) {
    return result_set(RG_ERROR_LIMIT, "sampler: there are as many as the device's %" PRIu32, limit);
  }
  VkSampler made = VK_NULL_HANDLE;
  rg_result result = sampler_make(gpu, desc, &made);
  if (result != RG_OK) {
    return result;
  }
  result = hash_map_set(by_desc, desc, sizeof *desc, made);
  if (result != RG_OK) {
    gpu->vk.DestroySampler(gpu->device.handle, made, NULL);
    return result;
  }
  *out = made;
  return RG_OK;
}

rg_result sampler_get(gpu *gpu, const rg_sampler_desc *desc, VkSampler *out) {
  samplers *samplers = &gpu->samplers;
  *out = VK_NULL_HANDLE;
  rg_result result = check_enums(desc);
  result = result == RG_OK ? check_numbers(gpu, desc) : result;
  if (result != RG_OK) {
    return result;
  }
  rg_sampler_desc resolved = desc_resolve(gpu, desc);
  mutex_lock(&samplers->lock);
  *out = hash_map_get(&samplers->by_desc, &resolved, sizeof resolved);
  if (*out == VK_NULL_HANDLE) {
    result = sampler_add(gpu, &resolved, out);
  }
  mutex_unlock(&samplers->lock);
  return result;
}

rg_result rg_sampler_get_vk(rg_engine *engine, const rg_sampler_desc *desc, VkSampler *out) {
  RESOURCE_REQUIRE(out);
  *out = VK_NULL_HANDLE;
  RESOURCE_REQUIRE(engine);
  RESOURCE_REQUIRE(desc);
  return sampler_get(gpu_of(engine), desc, out);
}

/* ---- Begin and end ------------------------------------------------------------------------- */

void samplers_init(gpu *gpu) {
  mutex_init(&gpu->samplers.lock);
  hash_map_init(&gpu->samplers.by_desc, &gpu->host);
}

void samplers_finish(gpu *gpu) {
  samplers *samplers = &gpu->samplers;
  if (samplers->by_desc.memory == NULL) {
    return;
  }
  uint32_t cursor = 0;
  for (const hash_map_entry *entry = hash_map_next(&samplers->by_desc, &cursor); entry != NULL;
       entry = hash_map_next(&samplers->by_desc, &cursor)) {
    gpu->vk.DestroySampler(gpu->device.handle, entry->value, NULL);
  }
  hash_map_finish(&samplers->by_desc);
  mutex_finish(&samplers->lock);
}
