/* Creates the layers of the resource folder in order over the gpu, and destroys them in reverse. */
#include "resources.h"

static rg_result flush_before_submit(gpu *gpu) {
  return materials_flush((resources *)(void *)gpu);
}

static rg_result begin_moves(gpu *gpu, const uint64_t *ids, bool *is_kept, uint32_t count) {
  return materials_begin_moves((resources *)(void *)gpu, ids, is_kept, count);
}

static void end_moves(gpu *gpu, bool any_moved) {
  materials_end_moves((resources *)(void *)gpu, any_moved);
}

rg_result resources_init(resources *resources, const rg_engine_desc *desc) {
  rg_result result = RG_OK;
  RG_TRY(gpu_init(&resources->gpu, desc));
  shaders_init(resources);
  materials_init(resources);
  library_init(resources);
  sets_init(resources);
  resources->has_layers = true;
  resources->gpu.before_submit = flush_before_submit;
  resources->gpu.begin_moves = begin_moves;
  resources->gpu.end_moves = end_moves;
  RG_TRY(file_roots_init(&resources->roots, &resources->gpu.host, desc->roots, desc->root_count));
  return RG_OK;
fail:
  return result;
}

void resources_finish(resources *resources) {
  resources->gpu.before_submit = NULL;
  resources->gpu.begin_moves = NULL;
  resources->gpu.end_moves = NULL;
  if (resources->has_layers) {
    file_roots_finish(&resources->roots);
    sets_finish(resources);
    library_finish(resources);
    materials_finish(resources);
    shaders_finish(resources);
  }
  gpu_finish(&resources->gpu);
}
