/* What the pipeline files share: the key, which is also the plan of the pipeline. */
#ifndef RG_GPU_PIPELINE_INTERNAL_H
#define RG_GPU_PIPELINE_INTERNAL_H

#include "gpu.h"

/* A request with its defaults filled in and its attributes matched. Zeroed before it is filled, so
 * that equal keys have equal bytes. */
typedef struct pipeline_key {
  uint64_t shader_id;
  uint32_t is_compute;
  uint32_t cull, blend, topology, depth_test, writes_depth, is_wireframe;
  uint32_t samples;
  uint32_t color_count;
  VkFormat color_formats[RG_MAX_COLOR_TARGETS];
  VkFormat depth_format;
  uint32_t attribute_count, vertex_stride;
  VkVertexInputAttributeDescription attributes[RG_MAX_VERTEX_ATTRIBUTES];
} pipeline_key;

/* "pipeline 'metal'" */
resource_name pipeline_title(const pipeline_request *request);
bool pipeline_has_stage(const pipeline_request *request, VkShaderStageFlagBits stage);

/* ---- pipeline_check.c ---- */

/* Fills the key, and refuses what no device could make. */
RG_NODISCARD rg_result pipeline_resolve(const struct gpu *gpu, const pipeline_request *request,
                                        pipeline_key *key);
/* Refuses what this device can't. */
RG_NODISCARD rg_result pipeline_check_device(struct gpu *gpu, const pipeline_request *request,
                                             const pipeline_key *key);

/* ---- pipeline_vertex.c ---- */

/* Matches the shader's vertex inputs with the target's attributes by name, or packs them. */
RG_NODISCARD rg_result pipeline_resolve_vertices(const struct gpu *gpu,
                                                 const pipeline_request *request,
                                                 pipeline_key *key);

/* ---- pipeline_make.c ---- */

RG_NODISCARD rg_result pipeline_make(struct gpu *gpu, const pipeline_request *request,
                                     const pipeline_key *key, VkPipeline *out);

#endif
