/* Everything that talks to Vulkan, as one struct; the engine begins with it. */
#ifndef RG_GPU_GPU_H
#define RG_GPU_GPU_H

#include "base/host_memory.h"
#include "base/log.h"
#include "base/result.h"
#include "batch.h"
#include "bindless.h"
#include "buffer.h"
#include "defragment.h"
#include "descriptor.h"
#include "device.h"
#include "dispatch.h"
#include "format.h"
#include "frame.h"
#include "memory.h"
#include "memory_budget.h"
#include "memory_margin.h"
#include "memory_trace.h"
#include "pipeline.h"
#include "pool.h"
#include "resource.h"
#include "sampler.h"
#include "texture.h"
#include "transient.h"
#include "upload.h"

typedef struct gpu {
  host_memory host;
  logger logger;
  char label[64];
  dispatch vk;
  device device;
  uint32_t margin;    /* bytes of guard behind mapped memory; 0 means none */
  memory_trace trace; /* before all memory, so that its end is in it */
  memory_budget budget;
  memory memory;
  frame frame;
  upload *upload;
  pools pools;
  samplers samplers;
  descriptors descriptors;
  pipelines pipelines;
  buffers buffers;
  textures textures;
  bindless bindless;
  defragmenter defragmenter;
  mutex names;                           /* guards the names of dead resources */
  slots *slots_by_type[RG_TYPE_COUNT];   /* each layer enters its own; NULL until then */
  size_t resource_offset[RG_TYPE_COUNT]; /* bytes from a slot's storage to its `resource` */
  /* Set by the layer above (NULL until then): queues what it holds back, before rg_flush, rg_submit
   * and rg_dispatch submit. */
  rg_result (*before_submit)(struct gpu *gpu);
  /* Set by the layer above (NULL until then), around moves of resources by defragmentation, which
   * it shuts its own binding of resources out of. begin does all that may fail, for ids in
   * ascending order, and marks those that must stay; after it succeeded, end rebinds what refers to
   * them. */
  rg_result (*begin_moves)(struct gpu *gpu, const uint64_t *ids, bool *is_kept, uint32_t count);
  void (*end_moves)(struct gpu *gpu, bool any_moved);
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
