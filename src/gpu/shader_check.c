/* What shaders need of the device: capabilities against its features, workgroups against its
 * limits. */
#include <inttypes.h>
#include <spirv_cross/spirv.h>

#include "gpu.h"
#include "shader_module.h"

const char *shader_stage_name(VkShaderStageFlags stage) {
  static const struct {
    VkShaderStageFlags stage;
    const char *name;
  } names[] = {{VK_SHADER_STAGE_VERTEX_BIT, "vertex"},
               {VK_SHADER_STAGE_TESSELLATION_CONTROL_BIT, "tessellation control"},
               {VK_SHADER_STAGE_TESSELLATION_EVALUATION_BIT, "tessellation evaluation"},
               {VK_SHADER_STAGE_GEOMETRY_BIT, "geometry"},
               {VK_SHADER_STAGE_FRAGMENT_BIT, "fragment"},
               {VK_SHADER_STAGE_COMPUTE_BIT, "compute"}};
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    if (names[i].stage == stage) {
      return names[i].name;
    }
  }
  return "one";
}

static resource_name title_of(const char *label) {
  return resource_title(RG_TYPE_SHADER, label, 0);
}

/* ---- Capabilities -------------------------------------------------------------------------- */

/* What enables a capability; several rules for one are alternatives. The list is the Vulkan
 * specification's appendix on SPIR-V, as far as Vulkan 1.3 without extensions goes. */
typedef struct capability_rule {
  uint32_t capability; /* SpvCapability */
  const char *name;
  const char *feature; /* NULL where every device has it */
  size_t offset;       /* the feature's, in device_features */
} capability_rule;

#define EVERYWHERE(capability) \
  { SpvCapability##capability, #capability, NULL, 0 }
#define RULE(capability, part, feature) \
  { SpvCapability##capability, #capability, #feature, offsetof(device_features, part.feature) }
#define CORE(capability, feature) RULE(capability, core.features, feature)

static const capability_rule rules[] = {
    EVERYWHERE(Matrix),
    EVERYWHERE(Shader),
    EVERYWHERE(InputAttachment),
    EVERYWHERE(Sampled1D),
    EVERYWHERE(Image1D),
    EVERYWHERE(SampledBuffer),
    EVERYWHERE(ImageBuffer),
    EVERYWHERE(ImageQuery),
    EVERYWHERE(DerivativeControl),
    EVERYWHERE(DeviceGroup),
    EVERYWHERE(ShaderNonUniform),
    CORE(Geometry, geometryShader),
    CORE(Tessellation, tessellationShader),
    CORE(GeometryPointSize, shaderTessellationAndGeometryPointSize),
    CORE(TessellationPointSize, shaderTessellationAndGeometryPointSize),
    CORE(Float64, shaderFloat64),
    CORE(Int64, shaderInt64),
    CORE(Int16, shaderInt16),
    CORE(ImageGatherExtended, shaderImageGatherExtended),
    CORE(StorageImageMultisample, shaderStorageImageMultisample),
    CORE(ImageMSArray, shaderStorageImageMultisample),
    CORE(UniformBufferArrayDynamicIndexing, shaderUniformBufferArrayDynamicIndexing),
    CORE(SampledImageArrayDynamicIndexing, shaderSampledImageArrayDynamicIndexing),
    CORE(StorageBufferArrayDynamicIndexing, shaderStorageBufferArrayDynamicIndexing),
    CORE(StorageImageArrayDynamicIndexing, shaderStorageImageArrayDynamicIndexing),
    CORE(ClipDistance, shaderClipDistance),
    CORE(CullDistance, shaderCullDistance),
    CORE(ImageCubeArray, imageCubeArray),
    CORE(SampledCubeArray, imageCubeArray),
    CORE(SampleRateShading, sampleRateShading),
    CORE(InterpolationFunction, sampleRateShading),
    CORE(SparseResidency, shaderResourceResidency),
    CORE(MinLod, shaderResourceMinLod),
    CORE(StorageImageExtendedFormats, shaderStorageImageExtendedFormats),
    CORE(StorageImageReadWithoutFormat, shaderStorageImageReadWithoutFormat),
    CORE(StorageImageWriteWithoutFormat, shaderStorageImageWriteWithoutFormat),
    CORE(MultiViewport, multiViewport),
    RULE(DrawParameters, vulkan11, shaderDrawParameters),
    RULE(MultiView, vulkan11, multiview),
    RULE(StorageBuffer16BitAccess, vulkan11, storageBuffer16BitAccess),
    RULE(UniformAndStorageBuffer16BitAccess, vulkan11, uniformAndStorageBuffer16BitAccess),
    RULE(StoragePushConstant16, vulkan11, storagePushConstant16),
    RULE(StorageInputOutput16, vulkan11, storageInputOutput16),
    RULE(VariablePointersStorageBuffer, vulkan11, variablePointersStorageBuffer),
    RULE(VariablePointers, vulkan11, variablePointers),
    RULE(Float16, vulkan12, shaderFloat16),
    RULE(Int8, vulkan12, shaderInt8),
    RULE(Int64Atomics, vulkan12, shaderBufferInt64Atomics),
    RULE(Int64Atomics, vulkan12, shaderSharedInt64Atomics),
    RULE(StorageBuffer8BitAccess, vulkan12, storageBuffer8BitAccess),
    RULE(UniformAndStorageBuffer8BitAccess, vulkan12, uniformAndStorageBuffer8BitAccess),
    RULE(StoragePushConstant8, vulkan12, storagePushConstant8),
    RULE(ShaderLayer, vulkan12, shaderOutputLayer),
    RULE(ShaderViewportIndex, vulkan12, shaderOutputViewportIndex),
    RULE(RuntimeDescriptorArray, vulkan12, runtimeDescriptorArray),
    RULE(InputAttachmentArrayDynamicIndexing, vulkan12, shaderInputAttachmentArrayDynamicIndexing),
    RULE(UniformTexelBufferArrayDynamicIndexing, vulkan12,
         shaderUniformTexelBufferArrayDynamicIndexing),
    RULE(StorageTexelBufferArrayDynamicIndexing, vulkan12,
         shaderStorageTexelBufferArrayDynamicIndexing),
    RULE(UniformBufferArrayNonUniformIndexing, vulkan12,
         shaderUniformBufferArrayNonUniformIndexing),
    RULE(SampledImageArrayNonUniformIndexing, vulkan12, shaderSampledImageArrayNonUniformIndexing),
    RULE(StorageBufferArrayNonUniformIndexing, vulkan12,
         shaderStorageBufferArrayNonUniformIndexing),
    RULE(StorageImageArrayNonUniformIndexing, vulkan12, shaderStorageImageArrayNonUniformIndexing),
    RULE(InputAttachmentArrayNonUniformIndexing, vulkan12,
         shaderInputAttachmentArrayNonUniformIndexing),
    RULE(UniformTexelBufferArrayNonUniformIndexing, vulkan12,
         shaderUniformTexelBufferArrayNonUniformIndexing),
    RULE(StorageTexelBufferArrayNonUniformIndexing, vulkan12,
         shaderStorageTexelBufferArrayNonUniformIndexing),
    RULE(VulkanMemoryModel, vulkan12, vulkanMemoryModel),
    RULE(VulkanMemoryModelDeviceScope, vulkan12, vulkanMemoryModelDeviceScope),
    RULE(PhysicalStorageBufferAddresses, vulkan12, bufferDeviceAddress),
    RULE(DemoteToHelperInvocation, vulkan13, shaderDemoteToHelperInvocation),
    RULE(DotProduct, vulkan13, shaderIntegerDotProduct),
    RULE(DotProductInputAll, vulkan13, shaderIntegerDotProduct),
    RULE(DotProductInput4x8Bit, vulkan13, shaderIntegerDotProduct),
    RULE(DotProductInput4x8BitPacked, vulkan13, shaderIntegerDotProduct),
};

/* Subgroup capabilities come by operations and stages instead. */
static const struct {
  uint32_t capability;
  VkSubgroupFeatureFlags operation;
  const char *name;
} subgroup_rules[] = {
    {SpvCapabilityGroupNonUniform, VK_SUBGROUP_FEATURE_BASIC_BIT, "basic"},
    {SpvCapabilityGroupNonUniformVote, VK_SUBGROUP_FEATURE_VOTE_BIT, "vote"},
    {SpvCapabilityGroupNonUniformArithmetic, VK_SUBGROUP_FEATURE_ARITHMETIC_BIT, "arithmetic"},
    {SpvCapabilityGroupNonUniformBallot, VK_SUBGROUP_FEATURE_BALLOT_BIT, "ballot"},
    {SpvCapabilityGroupNonUniformShuffle, VK_SUBGROUP_FEATURE_SHUFFLE_BIT, "shuffle"},
    {SpvCapabilityGroupNonUniformShuffleRelative, VK_SUBGROUP_FEATURE_SHUFFLE_RELATIVE_BIT,
     "relative shuffle"},
    {SpvCapabilityGroupNonUniformClustered, VK_SUBGROUP_FEATURE_CLUSTERED_BIT, "clustered"},
    {SpvCapabilityGroupNonUniformQuad, VK_SUBGROUP_FEATURE_QUAD_BIT, "quad"},
};

static bool has_feature(const gpu *gpu, const capability_rule *rule) {
  const char *features = (const char *)&gpu->device.features;
  return rule->feature == NULL || *(const VkBool32 *)(const void *)(features + rule->offset);
}

static bool has_subgroups(const gpu *gpu, VkShaderStageFlagBits stage,
                          VkSubgroupFeatureFlags operation) {
  const VkPhysicalDeviceSubgroupProperties *subgroups = &gpu->device.subgroups;
  bool is_everywhere =
      operation != VK_SUBGROUP_FEATURE_QUAD_BIT || subgroups->quadOperationsInAllStages ||
      stage == VK_SHADER_STAGE_FRAGMENT_BIT || stage == VK_SHADER_STAGE_COMPUTE_BIT;
  return is_everywhere && (subgroups->supportedStages & stage) &&
         (subgroups->supportedOperations & operation);
}

static rg_result check_subgroups(const gpu *gpu, const char *label, VkShaderStageFlagBits stage,
                                 uint32_t capability) {
  for (size_t i = 0; i < sizeof subgroup_rules / sizeof subgroup_rules[0]; i++) {
    if (subgroup_rules[i].capability != capability) {
      continue;
    }
    if (has_subgroups(gpu, stage, subgroup_rules[i].operation)) {
      return RG_OK;
    }
    return result_set(RG_ERROR_UNSUPPORTED,
                      "%s: %s stage: the device lacks %s operations of subgroups there",
                      title_of(label).text, shader_stage_name(stage), subgroup_rules[i].name);
  }
  return result_set(RG_ERROR_UNSUPPORTED,
                    "%s: %s stage: SPIR-V capability %" PRIu32
                    " needs an extension that is not "
                    "enabled",
                    title_of(label).text, shader_stage_name(stage), capability);
}

static rg_result check_capability(const gpu *gpu, const char *label, VkShaderStageFlagBits stage,
                                  uint32_t capability) {
  const capability_rule *missing = NULL;
  for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
    if (rules[i].capability == capability && has_feature(gpu, &rules[i])) {
      return RG_OK;
    }
    missing = rules[i].capability == capability ? &rules[i] : missing;
  }
  if (missing == NULL) {
    return check_subgroups(gpu, label, stage, capability);
  }
  return result_set(RG_ERROR_UNSUPPORTED,
                    "%s: %s stage: SPIR-V capability %s needs the feature %s, which is not enabled",
                    title_of(label).text, shader_stage_name(stage), missing->name,
                    missing->feature);
}

rg_result shader_check_capabilities(const gpu *gpu, const char *label, VkShaderStageFlagBits stage,
                                    const uint32_t *capabilities, uint32_t count) {
  rg_result result = RG_OK;
  for (uint32_t i = 0; i < count && result == RG_OK; i++) {
    result = check_capability(gpu, label, stage, capabilities[i]);
  }
  return result;
}

/* ---- Workgroups ---------------------------------------------------------------------------- */

static rg_result check_axis(const gpu *gpu, const char *label, uint32_t axis, uint32_t size) {
  uint32_t limit = gpu->device.vk_limits.maxComputeWorkGroupSize[axis];
  if (size == 0) {
    return result_set(RG_ERROR_INVALID_ARGUMENT, "%s: local_size_%c is 0", title_of(label).text,
                      (int)('x' + axis));
  }
  if (size > limit) {
    return result_set(RG_ERROR_LIMIT, "%s: local_size_%c %" PRIu32 " exceeds the device's %" PRIu32,
                      title_of(label).text, (int)('x' + axis), size, limit);
  }
  return RG_OK;
}

rg_result shader_check_workgroup(const gpu *gpu, const char *label, const uint32_t size[3],
                                 uint64_t shared_bytes) {
  const VkPhysicalDeviceLimits *limits = &gpu->device.vk_limits;
  uint64_t invocations = 1;
  for (uint32_t axis = 0; axis < 3; axis++) {
    rg_result result = check_axis(gpu, label, axis, size[axis]);
    if (result != RG_OK) {
      return result;
    }
    invocations *= size[axis]; /* below 2^32 after each axis, or refused here */
    if (invocations > limits->maxComputeWorkGroupInvocations) {
      return result_set(RG_ERROR_LIMIT,
                        "%s: workgroups of %" PRIu32 " x %" PRIu32 " x %" PRIu32
                        " exceed the device's %" PRIu32 " invocations",
                        title_of(label).text, size[0], size[1], size[2],
                        limits->maxComputeWorkGroupInvocations);
    }
  }
  if (shared_bytes > limits->maxComputeSharedMemorySize) {
    return result_set(RG_ERROR_LIMIT,
                      "%s: shared variables of %" PRIu64 " bytes exceed the device's %" PRIu32,
                      title_of(label).text, shared_bytes, limits->maxComputeSharedMemorySize);
  }
  return RG_OK;
}

rg_result shader_check_size_ids(const gpu *gpu, const char *label) {
  if (gpu->device.features.vulkan13.maintenance4) {
    return RG_OK;
  }
  return result_set(RG_ERROR_UNSUPPORTED,
                    "%s: its workgroup size by ids needs the feature maintenance4, which is not "
                    "enabled",
                    title_of(label).text);
}
