/* One dispatch of a compute pipeline as a submission of its own. */
#ifndef RG_GPU_COMPUTE_H
#define RG_GPU_COMPUTE_H

#include <regolith/regolith.h>

struct gpu;

typedef struct compute_request {
  VkPipeline pipeline;
  VkPipelineLayout layout;
  VkDescriptorSet set; /* VK_NULL_HANDLE for none */
  uint32_t set_index;
  uint32_t counts[3]; /* workgroups; within the device's limits */
} compute_request;

/* Runs after all that was submitted before, and its writes are visible to all later work and to
 * the host. *value: its place on the timeline. */
RG_NODISCARD rg_result compute_submit(struct gpu *gpu, const compute_request *request,
                                      uint64_t *value);

#endif
