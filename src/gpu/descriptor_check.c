/* A shader's bindings against the engine's and the device's limits. */
#include <inttypes.h>

#include "gpu.h"
#include "shader_module.h"

/* A limit and the descriptor types that count towards it. */
typedef struct limit_rule {
  const char *name;
  uint32_t types;            /* a bit for each VkDescriptorType */
  size_t per_stage, per_set; /* offsets into VkPhysicalDeviceLimits */
} limit_rule;

#define TYPE(name) (1u << VK_DESCRIPTOR_TYPE_##name)
#define LIMITS(stage, set) \
  offsetof(VkPhysicalDeviceLimits, stage), offsetof(VkPhysicalDeviceLimits, set)

static const limit_rule rules[] = {
    {"samplers", TYPE(SAMPLER) | TYPE(COMBINED_IMAGE_SAMPLER),
     LIMITS(maxPerStageDescriptorSamplers, maxDescriptorSetSamplers)},
    {"sampled images",
     TYPE(COMBINED_IMAGE_SAMPLER) | TYPE(SAMPLED_IMAGE) | TYPE(UNIFORM_TEXEL_BUFFER),
     LIMITS(maxPerStageDescriptorSampledImages, maxDescriptorSetSampledImages)},
    {"storage images", TYPE(STORAGE_IMAGE) | TYPE(STORAGE_TEXEL_BUFFER),
     LIMITS(maxPerStageDescriptorStorageImages, maxDescriptorSetStorageImages)},
    {"uniform buffers", TYPE(UNIFORM_BUFFER) | TYPE(UNIFORM_BUFFER_DYNAMIC),
     LIMITS(maxPerStageDescriptorUniformBuffers, maxDescriptorSetUniformBuffers)},
    {"storage buffers", TYPE(STORAGE_BUFFER) | TYPE(STORAGE_BUFFER_DYNAMIC),
     LIMITS(maxPerStageDescriptorStorageBuffers, maxDescriptorSetStorageBuffers)},
    {"input attachments", TYPE(INPUT_ATTACHMENT),
     LIMITS(maxPerStageDescriptorInputAttachments, maxDescriptorSetInputAttachments)},
};

#define ALL_TYPES ((1u << DESCRIPTOR_TYPE_COUNT) - 1)
#define ANY_STAGE (~(VkShaderStageFlags)0)

static resource_name title_of(const char *label) {
  return resource_title(RG_TYPE_SHADER, label, 0);
}

static uint32_t limit_at(const gpu *gpu, size_t offset) {
  const char *limits = (const char *)&gpu->device.vk_limits;
  return *(const uint32_t *)(const void *)(limits + offset);
}

/* ---- Bindings ------------------------------------------------------------------------------ */

uint32_t descriptor_set_count(const rg_reflection *reflection) {
  uint32_t count = 0;
  for (uint32_t i = 0; i < reflection->binding_count; i++) {
    uint32_t set = reflection->bindings[i].set;
    count = set >= count ? set + 1 : count;
  }
  return count;
}

uint32_t descriptor_slots(const rg_reflection *reflection, uint32_t set_index,
                          descriptor_slot *slots) {
  uint32_t count = 0;
  for (uint32_t i = 0; i < reflection->binding_count; i++) {
    const rg_binding *binding = &reflection->bindings[i];
    if (binding->set != set_index) {
      continue;
    }
    descriptor_slot *last = count == 0 ? NULL : &slots[count - 1];
    if (last != NULL && last->binding == binding->binding) {
      last->stages |= binding->stages;
      last->count = binding->count > last->count ? binding->count : last->count;
    } else {
      slots[count++] =
          (descriptor_slot){binding->binding, binding->type, binding->count, binding->stages};
    }
  }
  return count;
}

static rg_result check_binding(const rg_binding *binding, const char *label) {
  if (binding->set >= RG_MAX_SETS) {
    return result_set(RG_ERROR_LIMIT, "%s: set %u of '%s' is over the engine's last, %u",
                      title_of(label).text, binding->set, binding->name, RG_MAX_SETS - 1);
  }
  if (binding->count == 0) {
    return result_set(RG_ERROR_UNSUPPORTED,
                      "%s: '%s' is an array without a size (set %u, binding %u)",
                      title_of(label).text, binding->name, binding->set, binding->binding);
  }
  if ((uint32_t)binding->type >= DESCRIPTOR_TYPE_COUNT) {
    return result_set(RG_ERROR_UNSUPPORTED, "%s: '%s' is of descriptor type %d, beyond Vulkan 1.0",
                      title_of(label).text, binding->name, (int)binding->type);
  }
  return RG_OK;
}

static rg_result check_alias(const rg_binding *a, const rg_binding *b, const char *label) {
  if (a->set != b->set || a->binding != b->binding || a->type == b->type) {
    return RG_OK;
  }
  return result_set(RG_ERROR_UNSUPPORTED,
                    "%s: '%s' and '%s' are of two types at set %u, binding %u",
                    title_of(label).text, a->name, b->name, a->set, a->binding);
}

static rg_result check_bindings(const rg_reflection *reflection, const char *label) {
  rg_result result = RG_OK;
  for (uint32_t i = 0; i < reflection->binding_count; i++) {
    RG_TRY(check_binding(&reflection->bindings[i], label));
    if (i > 0) {
      RG_TRY(check_alias(&reflection->bindings[i - 1], &reflection->bindings[i], label));
    }
  }
fail:
  return result;
}

/* ---- Limits -------------------------------------------------------------------------------- */

/* Descriptors of some types that some stage of `stages` sees; aliases count once. */
static uint64_t count_descriptors(const rg_reflection *reflection, uint32_t types,
                                  VkShaderStageFlags stages) {
  uint64_t count = 0;
  for (uint32_t i = 0; i < reflection->binding_count; i++) {
    const rg_binding *binding = &reflection->bindings[i];
    bool is_alias =
        i > 0 && binding[-1].set == binding->set && binding[-1].binding == binding->binding;
    if (!is_alias && (types & 1u << binding->type) && (binding->stages & stages)) {
      count += binding->count;
    }
  }
  return count;
}

static rg_result refuse_count(const char *label, VkShaderStageFlags stage, uint64_t count,
                              const char *name, uint32_t limit) {
  return result_set(RG_ERROR_LIMIT, "%s: %s%s%" PRIu64 " %s exceed the device's %" PRIu32,
                    title_of(label).text, stage == ANY_STAGE ? "" : shader_stage_name(stage),
                    stage == ANY_STAGE ? "" : " stage: ", count, name, limit);
}

/* Of one stage, or of all together. */
static rg_result check_counts(const gpu *gpu, const rg_reflection *reflection,
                              VkShaderStageFlags stage, const char *label) {
  for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
    size_t offset = stage == ANY_STAGE ? rules[i].per_set : rules[i].per_stage;
    uint64_t count = count_descriptors(reflection, rules[i].types, stage);
    if (count > limit_at(gpu, offset)) {
      return refuse_count(label, stage, count, rules[i].name, limit_at(gpu, offset));
    }
  }
  uint64_t count = count_descriptors(reflection, ALL_TYPES, stage);
  uint32_t limit = gpu->device.vk_limits.maxPerStageResources;
  if (stage != ANY_STAGE && count > limit) {
    return refuse_count(label, stage, count, "resources", limit);
  }
  return RG_OK;
}

static rg_result check_push_constants(const gpu *gpu, const rg_reflection *reflection,
                                      const char *label) {
  uint32_t limit = gpu->device.vk_limits.maxPushConstantsSize;
  if (reflection->push_constants != NULL && reflection->push_constants->size > limit) {
    return result_set(RG_ERROR_LIMIT,
                      "%s: push constants of %" PRIu32 " bytes exceed the device's %" PRIu32,
                      title_of(label).text, reflection->push_constants->size, limit);
  }
  return RG_OK;
}

rg_result descriptor_check(gpu *gpu, const rg_reflection *reflection, const char *label) {
  rg_result result = RG_OK;
  RG_TRY(check_bindings(reflection, label));
  uint32_t limit = gpu->device.vk_limits.maxBoundDescriptorSets;
  if (descriptor_set_count(reflection) > limit) {
    return result_set(RG_ERROR_LIMIT,
                      "%s: %" PRIu32 " descriptor sets exceed the device's %" PRIu32,
                      title_of(label).text, descriptor_set_count(reflection), limit);
  }
  RG_TRY(check_counts(gpu, reflection, ANY_STAGE, label));
  for (VkShaderStageFlags left = reflection->stages; left != 0; left &= left - 1) {
    RG_TRY(check_counts(gpu, reflection, left & (~left + 1), label));
  }
  RG_TRY(check_push_constants(gpu, reflection, label));
fail:
  return result;
}
