/* Samplers, one for each distinct descriptor, living as long as the engine. */
#ifndef RG_GPU_SAMPLER_H
#define RG_GPU_SAMPLER_H

#include "base/hash_map.h"
#include "base/thread.h"

struct gpu;

typedef struct samplers {
  mutex lock;
  hash_map by_desc; /* rg_sampler_desc with its defaults filled in → VkSampler */
} samplers;

void samplers_init(struct gpu *gpu);
void samplers_finish(struct gpu *gpu);
/* RG_ERROR_INVALID_ARGUMENT: a value out of its enum or range, NaN. RG_ERROR_LIMIT: the device has
 * no more samplers, or not that much lod_bias. */
RG_NODISCARD rg_result sampler_get(struct gpu *gpu, const rg_sampler_desc *desc, VkSampler *out);
/* Vulkan's name of a comparison; the default is depth tests'. */
VkCompareOp sampler_compare_op(rg_compare compare);

#endif
