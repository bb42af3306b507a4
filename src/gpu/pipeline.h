/* Pipelines, made once for each distinct combination of shader, state and target. */
#ifndef RG_GPU_PIPELINE_H
#define RG_GPU_PIPELINE_H

#include "base/hash_map.h"
#include "base/thread.h"

#include <regolith/regolith.h>

struct gpu;

typedef struct pipelines {
  mutex lock;
  hash_map by_key;    /* pipeline_key → pipeline_record */
  hash_map by_shader; /* shader id → its first record */
} pipelines;

/* Everything that makes a pipeline what it is. */
typedef struct pipeline_request {
  uint64_t shader_id; /* part of the key, so that a shader's pipelines can be retired with it */
  const VkPipelineShaderStageCreateInfo *stages;
  uint32_t stage_count;
  const rg_reflection *reflection;
  VkPipelineLayout layout;
  rg_state state;
  const rg_pipeline_target *target; /* NULL for compute */
  const char *label;
} pipeline_request;

void pipelines_init(struct gpu *gpu);
void pipelines_finish(struct gpu *gpu);
/* RG_ERROR_INVALID_ARGUMENT: no target for a graphics shader, a value out of its range.
 * RG_ERROR_NOT_FOUND: a vertex input without attribute. RG_ERROR_WRONG_TYPE: an integer attribute
 * for a float input, and so on. RG_ERROR_LIMIT; RG_ERROR_UNSUPPORTED: dynamic rendering, wireframe
 * or a format that the device lacks. Pipelines draw without a stencil attachment. */
RG_NODISCARD rg_result pipeline_get(struct gpu *gpu, const pipeline_request *request,
                                    VkPipeline *out);
/* Retires all pipelines of a shader that dies. Needs no memory. */
void pipelines_retire(struct gpu *gpu, uint64_t shader_id);

#endif
