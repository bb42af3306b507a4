/* Everything that talks to Vulkan, as one struct; the engine begins with it. */
#ifndef RG_GPU_GPU_H
#define RG_GPU_GPU_H

#include "base/host_memory.h"
#include "base/log.h"
#include "base/result.h"
#include "buffer.h"
#include "descriptor.h"
#include "device.h"
#include "dispatch.h"
#include "format.h"
#include "frame.h"
#include "memory.h"
#include "pipeline.h"
#include "resource.h"
#include "sampler.h"
#include "texture.h"
#include "upload.h"

typedef struct gpu {
  host_memory host;
  logger logger;
  char label[64];
  dispatch vk;
  device device;
  memory memory;
  frame frame;
  upload *upload;
  samplers samplers;
  descriptors descriptors;
  pipelines pipelines;
  buffers buffers;
  textures textures;
  mutex names;                           /* guards the names of dead resources */
  slots *slots_by_type[RG_TYPE_COUNT];   /* each layer enters its own; NULL until then */
  size_t resource_offset[RG_TYPE_COUNT]; /* bytes from a slot's storage to its `resource` */
  /* Set by the layer above (NULL until then): queues what it holds back, before rg_flush, rg_submit
   * and rg_dispatch submit. */
  rg_result (*before_submit)(struct gpu *gpu);
  uint32_t part_count; /* of gpu.c's parts, how many were begun */
} gpu;

/* Created in the order of the members, destroyed in reverse. *gpu is zero before. A gpu whose init
 * failed has been finished; to finish it again, or a zero one, does nothing. */
RG_NODISCARD rg_result gpu_init(gpu *gpu, const rg_engine_desc *desc);
void gpu_finish(gpu *gpu);

/* An rg_engine begins with its gpu. */
static inline gpu *gpu_of(rg_engine *engine) {
  return (gpu *)(void *)engine;
}

#endif
