/* From a checked key to Vulkan's create infos. */
#include "pipeline_internal.h"

/* ---- Fixed state --------------------------------------------------------------------------- */

static const VkPrimitiveTopology topologies[] = {
    [RG_TOPOLOGY_TRIANGLES] = VK_PRIMITIVE_TOPOLOGY_TRIANGLE_LIST,
    [RG_TOPOLOGY_TRIANGLE_STRIP] = VK_PRIMITIVE_TOPOLOGY_TRIANGLE_STRIP,
    [RG_TOPOLOGY_TRIANGLE_FAN] = VK_PRIMITIVE_TOPOLOGY_TRIANGLE_FAN,
    [RG_TOPOLOGY_LINES] = VK_PRIMITIVE_TOPOLOGY_LINE_LIST,
    [RG_TOPOLOGY_LINE_STRIP] = VK_PRIMITIVE_TOPOLOGY_LINE_STRIP,
    [RG_TOPOLOGY_POINTS] = VK_PRIMITIVE_TOPOLOGY_POINT_LIST,
    [RG_TOPOLOGY_PATCHES] = VK_PRIMITIVE_TOPOLOGY_PATCH_LIST,
};

static const VkCullModeFlags cull_modes[] = {
    [RG_CULL_NONE] = VK_CULL_MODE_NONE,
    [RG_CULL_BACK] = VK_CULL_MODE_BACK_BIT,
    [RG_CULL_FRONT] = VK_CULL_MODE_FRONT_BIT,
};

typedef struct blend_factors {
  VkBlendFactor source, target, source_alpha, target_alpha;
} blend_factors;

static const blend_factors blends[] = {
    [RG_BLEND_OPAQUE] = {VK_BLEND_FACTOR_ONE, VK_BLEND_FACTOR_ZERO, VK_BLEND_FACTOR_ONE,
                         VK_BLEND_FACTOR_ZERO},
    [RG_BLEND_ALPHA] = {VK_BLEND_FACTOR_SRC_ALPHA, VK_BLEND_FACTOR_ONE_MINUS_SRC_ALPHA,
                        VK_BLEND_FACTOR_ONE, VK_BLEND_FACTOR_ONE_MINUS_SRC_ALPHA},
    [RG_BLEND_PREMULTIPLIED] = {VK_BLEND_FACTOR_ONE, VK_BLEND_FACTOR_ONE_MINUS_SRC_ALPHA,
                                VK_BLEND_FACTOR_ONE, VK_BLEND_FACTOR_ONE_MINUS_SRC_ALPHA},
    [RG_BLEND_ADD] = {VK_BLEND_FACTOR_ONE, VK_BLEND_FACTOR_ONE, VK_BLEND_FACTOR_ONE,
                      VK_BLEND_FACTOR_ONE},
    [RG_BLEND_MULTIPLY] = {VK_BLEND_FACTOR_DST_COLOR, VK_BLEND_FACTOR_ZERO,
                           VK_BLEND_FACTOR_DST_ALPHA, VK_BLEND_FACTOR_ZERO},
};

/* The states that point nowhere, in one place. */
typedef struct fixed_state {
  VkVertexInputBindingDescription binding;
  VkPipelineVertexInputStateCreateInfo vertices;
  VkPipelineInputAssemblyStateCreateInfo assembly;
  VkPipelineTessellationStateCreateInfo tessellation;
  VkPipelineViewportStateCreateInfo viewport;
  VkPipelineRasterizationStateCreateInfo raster;
  VkPipelineMultisampleStateCreateInfo multisample;
  VkPipelineDepthStencilStateCreateInfo depth;
  VkPipelineColorBlendAttachmentState attachments[RG_MAX_COLOR_TARGETS];
  VkPipelineColorBlendStateCreateInfo blend;
} fixed_state;

static void vertices_fill(const pipeline_key *key, fixed_state *state) {
  state->binding = (VkVertexInputBindingDescription){.stride = key->vertex_stride,
                                                     .inputRate = VK_VERTEX_INPUT_RATE_VERTEX};
  state->vertices = (VkPipelineVertexInputStateCreateInfo){
      .sType = VK_STRUCTURE_TYPE_PIPELINE_VERTEX_INPUT_STATE_CREATE_INFO,
      .vertexBindingDescriptionCount = key->attribute_count > 0,
      .pVertexBindingDescriptions = &state->binding,
      .vertexAttributeDescriptionCount = key->attribute_count,
      .pVertexAttributeDescriptions = key->attributes};
  state->assembly = (VkPipelineInputAssemblyStateCreateInfo){
      .sType = VK_STRUCTURE_TYPE_PIPELINE_INPUT_ASSEMBLY_STATE_CREATE_INFO,
      .topology = topologies[key->topology]};
  state->tessellation = (VkPipelineTessellationStateCreateInfo){
      .sType = VK_STRUCTURE_TYPE_PIPELINE_TESSELLATION_STATE_CREATE_INFO, .patchControlPoints = 3};
}

static void raster_fill(const pipeline_key *key, fixed_state *state) {
  state->viewport = (VkPipelineViewportStateCreateInfo){
      .sType = VK_STRUCTURE_TYPE_PIPELINE_VIEWPORT_STATE_CREATE_INFO,
      .viewportCount = 1,
      .scissorCount = 1};
  state->raster = (VkPipelineRasterizationStateCreateInfo){
      .sType = VK_STRUCTURE_TYPE_PIPELINE_RASTERIZATION_STATE_CREATE_INFO,
      .polygonMode = key->is_wireframe ? VK_POLYGON_MODE_LINE : VK_POLYGON_MODE_FILL,
      .cullMode = cull_modes[key->cull],
      .frontFace = VK_FRONT_FACE_COUNTER_CLOCKWISE,
      .lineWidth = 1};
  state->multisample = (VkPipelineMultisampleStateCreateInfo){
      .sType = VK_STRUCTURE_TYPE_PIPELINE_MULTISAMPLE_STATE_CREATE_INFO,
      .rasterizationSamples = (VkSampleCountFlagBits)key->samples};
}

static void output_fill(const pipeline_key *key, fixed_state *state) {
  bool has_depth = key->depth_format != VK_FORMAT_UNDEFINED;
  state->depth = (VkPipelineDepthStencilStateCreateInfo){
      .sType = VK_STRUCTURE_TYPE_PIPELINE_DEPTH_STENCIL_STATE_CREATE_INFO,
      .depthTestEnable = has_depth,
      .depthWriteEnable = key->writes_depth,
      .depthCompareOp = sampler_compare_op((rg_compare)key->depth_test)};
  const blend_factors *factors = &blends[key->blend];
  for (uint32_t i = 0; i < key->color_count; i++) {
    state->attachments[i] = (VkPipelineColorBlendAttachmentState){
        .blendEnable = key->blend != RG_BLEND_OPAQUE,
        .srcColorBlendFactor = factors->source,
        .dstColorBlendFactor = factors->target,
        .colorBlendOp = VK_BLEND_OP_ADD,
        .srcAlphaBlendFactor = factors->source_alpha,
        .dstAlphaBlendFactor = factors->target_alpha,
        .alphaBlendOp = VK_BLEND_OP_ADD,
        .colorWriteMask = VK_COLOR_COMPONENT_R_BIT | VK_COLOR_COMPONENT_G_BIT |
                          VK_COLOR_COMPONENT_B_BIT | VK_COLOR_COMPONENT_A_BIT};
  }
  state->blend = (VkPipelineColorBlendStateCreateInfo){
      .sType = VK_STRUCTURE_TYPE_PIPELINE_COLOR_BLEND_STATE_CREATE_INFO,
      .attachmentCount = key->color_count,
      .pAttachments = state->attachments};
}

/* ---- Pipelines ----------------------------------------------------------------------------- */

static VkResult make_graphics(gpu *gpu, const pipeline_request *request, const pipeline_key *key,
                              VkPipeline *out) {
  static const VkDynamicState dynamic_states[] = {VK_DYNAMIC_STATE_VIEWPORT,
                                                  VK_DYNAMIC_STATE_SCISSOR};
  fixed_state state = {0};
  vertices_fill(key, &state);
  raster_fill(key, &state);
  output_fill(key, &state);
  VkPipelineDynamicStateCreateInfo dynamic = {
      .sType = VK_STRUCTURE_TYPE_PIPELINE_DYNAMIC_STATE_CREATE_INFO,
      .dynamicStateCount = 2,
      .pDynamicStates = dynamic_states};
  VkPipelineRenderingCreateInfo rendering = {
      .sType = VK_STRUCTURE_TYPE_PIPELINE_RENDERING_CREATE_INFO,
      .colorAttachmentCount = key->color_count,
      .pColorAttachmentFormats = key->color_formats,
      .depthAttachmentFormat = key->depth_format};
  VkGraphicsPipelineCreateInfo info = {
      .sType = VK_STRUCTURE_TYPE_GRAPHICS_PIPELINE_CREATE_INFO,
      .pNext = &rendering,
      .stageCount = request->stage_count,
      .pStages = request->stages,
      .pVertexInputState = &state.vertices,
      .pInputAssemblyState = &state.assembly,
      .pTessellationState = key->topology == RG_TOPOLOGY_PATCHES ? &state.tessellation : NULL,
      .pViewportState = &state.viewport,
      .pRasterizationState = &state.raster,
      .pMultisampleState = &state.multisample,
      .pDepthStencilState = &state.depth,
      .pColorBlendState = &state.blend,
      .pDynamicState = &dynamic,
      .layout = request->layout};
  return gpu->vk.CreateGraphicsPipelines(gpu->device.handle, VK_NULL_HANDLE, 1, &info, NULL, out);
}

static VkResult make_compute(gpu *gpu, const pipeline_request *request, VkPipeline *out) {
  VkComputePipelineCreateInfo info = {.sType = VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO,
                                      .layout = request->layout};
  for (uint32_t i = 0; i < request->stage_count; i++) {
    if (request->stages[i].stage == VK_SHADER_STAGE_COMPUTE_BIT) {
      info.stage = request->stages[i];
    }
  }
  return gpu->vk.CreateComputePipelines(gpu->device.handle, VK_NULL_HANDLE, 1, &info, NULL, out);
}

rg_result pipeline_make(gpu *gpu, const pipeline_request *request, const pipeline_key *key,
                        VkPipeline *out) {
  *out = VK_NULL_HANDLE;
  VkPipeline made = VK_NULL_HANDLE;
  VkResult vk_result =
      key->is_compute ? make_compute(gpu, request, &made) : make_graphics(gpu, request, key, &made);
  if (vk_result == VK_SUCCESS) {
    device_name(gpu, VK_OBJECT_TYPE_PIPELINE, (uint64_t)made, request->label, "pipeline");
    *out = made;
  }
  return dispatch_result(vk_result,
                         key->is_compute ? "vkCreateComputePipelines" : "vkCreateGraphicsPipelines",
                         pipeline_title(request).text);
}
