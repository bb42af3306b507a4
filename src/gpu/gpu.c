/* Begins and ends the gpu layer: its parts in order, and back. */
#include "gpu.h"

#include <inttypes.h>
#include <stdio.h>

typedef struct gpu_part {
  rg_result (*init)(gpu *gpu, const rg_engine_desc *desc); /* NULL: nothing to do */
  void (*finish)(gpu *gpu);                                /* accepts a part half made */
} gpu_part;

static rg_result size_check(const char *name, uint64_t size, uint64_t least, uint64_t most) {
  if (size == 0 || (size >= least && size <= most)) {
    return RG_OK;
  }
  return result_set(RG_ERROR_INVALID_ARGUMENT,
                    "engine: %s %" PRIu64 " is not from %" PRIu64 " to %" PRIu64 " bytes", name,
                    size, least, most);
}

static rg_result host_part_init(gpu *gpu, const rg_engine_desc *desc) {
  rg_result result = RG_OK;
  host_memory_init(&gpu->host, &desc->allocator);
  logger_init(&gpu->logger, desc->log, desc->log_user, desc->log_level);
  snprintf(gpu->label, sizeof gpu->label, "%s", desc->label == NULL ? "regolith" : desc->label);
  RG_TRY(size_check("block_size", desc->block_size, UINT64_C(1) << 20, UINT64_C(4) << 30));
  RG_TRY(size_check("upload_size", desc->upload_size, UINT64_C(64) << 10, UINT64_C(1) << 30));
  RG_TRY(margin_init(gpu, desc));
fail:
  return result;
}

static void host_part_finish(gpu *gpu) {
  (void)gpu;
}

static rg_result trace_part_init(gpu *gpu, const rg_engine_desc *desc) {
  (void)desc;
  memory_trace_init(&gpu->trace, &gpu->host);
  return RG_OK;
}

static void trace_part_finish(gpu *gpu) {
  memory_trace_finish(&gpu->trace);
}

static rg_result dispatch_part_init(gpu *gpu, const rg_engine_desc *desc) {
  return dispatch_init(&gpu->vk, desc->get_instance_proc_addr);
}

static void dispatch_part_finish(gpu *gpu) {
  dispatch_finish(&gpu->vk);
}

static rg_result memory_part_init(gpu *gpu, const rg_engine_desc *desc) {
  memory_init(gpu, desc->block_size);
  return RG_OK;
}

static rg_result frame_part_init(gpu *gpu, const rg_engine_desc *desc) {
  (void)desc;
  return frame_init(gpu);
}

static rg_result upload_part_init(gpu *gpu, const rg_engine_desc *desc) {
  return upload_init(gpu, desc->upload_size);
}

static rg_result names_part_init(gpu *gpu, const rg_engine_desc *desc) {
  (void)desc;
  mutex_init(&gpu->names);
  return RG_OK;
}

static void names_part_finish(gpu *gpu) {
  mutex_finish(&gpu->names);
}

#define PART_INIT(name)                                                     \
  static rg_result name##_part_init(gpu *gpu, const rg_engine_desc *desc) { \
    (void)desc;                                                             \
    name##_init(gpu);                                                       \
    return RG_OK;                                                           \
  }
PART_INIT(pools)
PART_INIT(samplers)
PART_INIT(descriptors)
PART_INIT(pipelines)
PART_INIT(bindless)
PART_INIT(defragmenter)
PART_INIT(buffers)
PART_INIT(textures)

static const gpu_part parts[] = {
    {host_part_init, host_part_finish},
    {trace_part_init, trace_part_finish},
    {dispatch_part_init, dispatch_part_finish},
    {device_init, device_finish},
    {memory_budget_init, memory_budget_finish},
    {memory_part_init, memory_finish},
    {frame_part_init, frame_finish},
    {upload_part_init, upload_finish},
    {samplers_part_init, samplers_finish},
    {descriptors_part_init, descriptors_finish},
    {pipelines_part_init, pipelines_finish},
    {names_part_init, names_part_finish},
    {pools_part_init, pools_finish},
    {bindless_part_init, bindless_finish},
    {defragmenter_part_init, defragmenter_finish},
    {buffers_part_init, buffers_finish},
    {textures_part_init, textures_finish},
    {NULL, frame_drain},
};

rg_result gpu_init(gpu *gpu, const rg_engine_desc *desc) {
  rg_result result = RG_OK;
  for (uint32_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
    gpu->part_count = i + 1;
    if (parts[i].init != NULL) {
      RG_TRY(parts[i].init(gpu, desc));
    }
  }
  return RG_OK;
fail:
  gpu_finish(gpu);
  return result;
}

void gpu_finish(gpu *gpu) {
  while (gpu->part_count > 0) {
    parts[--gpu->part_count].finish(gpu);
  }
}

void rg_string_free(rg_engine *engine, char *string) {
  if (engine != NULL) {
    host_strfree(&gpu_of(engine)->host, string);
  }
}
