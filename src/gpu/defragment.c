/* Steps of defragmentation: what a step may do, and how passes follow each other. */
#include "defragment.h"

#include "defragment_internal.h"
#include "frame_internal.h"

#define STEP_BYTES_DEFAULT (UINT64_C(16) << 20)

/* Bound a step's work for the CPU, whatever the bytes. */
#define STEP_MAX_MOVES 4096u
#define STEP_MAX_NS (UINT64_C(4) * 1000000u) /* of looking for places */
#define STEP_MAX_VISITS 16384u               /* resources surveyed, and pieces tried */

/* Steps in a row that wait for the GPU; then nothing seems to move any more. */
#define MAX_WAITS 1024u

void defragmenter_init(gpu *gpu) {
  mutex_init(&gpu->defragmenter.lock);
}

void defragmenter_finish(gpu *gpu) {
  defragmenter *self = &gpu->defragmenter;
  pass_destroy(gpu, self->pass);
  host_free(&gpu->host, self->emptied, self->emptied_capacity * sizeof *self->emptied);
  self->pass = NULL;
  mutex_finish(&self->lock);
}

/* ---- Blocks that have become free ---------------------------------------------------------- */

typedef struct emptied_search {
  defragmenter *self;
  uint32_t kept; /* of the first ones in the list */
} emptied_search;

static void emptied_keep(emptied_search *search, uint64_t serial, bool is_slab) {
  defragment_emptied *list = search->self->emptied;
  for (uint32_t i = search->kept; i < search->self->emptied_count; i++) {
    if (list[i].serial == serial && list[i].is_slab == is_slab) {
      list[i] = list[search->kept];
      list[search->kept++] = (defragment_emptied){serial, is_slab};
    }
  }
}

static void block_visit(void *user, const memory_block_info *block) {
  if (block->used > 0) {
    emptied_keep(user, block->serial, false);
  }
}

static void slab_visit(void *user, const buffer_slab *slab, uint64_t used) {
  (void)used;
  emptied_keep(user, slab->serial, true);
}

static uint32_t blocks_freed(gpu *gpu) {
  emptied_search search = {.self = &gpu->defragmenter};
  if (gpu->defragmenter.emptied_count == 0) {
    return 0;
  }
  memory_for_each_block(gpu, block_visit, &search);
  slab_for_each(gpu, slab_visit, &search);
  const uint32_t freed = gpu->defragmenter.emptied_count - search.kept;
  gpu->defragmenter.emptied_count = search.kept;
  return freed;
}

/* ---- Passes -------------------------------------------------------------------------------- */

static rg_result step_pass(defragment_step *step) {
  rg_result result = RG_OK;
  while (step->pass->stage != PASS_END && step_goes_on(step)) {
    if (step->pass->stage < PASS_SLABS) {
      RG_TRY(pass_survey(step->gpu, step->pass, &step->visits_left));
    } else {
      RG_TRY(step_stage(step));
    }
  }
  return step_run_moves(step);
fail:
  moves_drop(step->gpu, step->first);
  return result;
}

/* What was submitted will pass some time; what only waits to be submitted would not. */
static void wait_for_gpu(gpu *gpu) {
  gpu->defragmenter.waits++;
  if (frame_waits_for_queue(gpu)) {
    rg_result result = upload_submit(gpu, NULL, 0, NULL);
    if (result != RG_OK) {
      log_message(&gpu->logger, RG_LOG_DEBUG, "defragmentation: %s", rg_error());
    }
  }
}

/* Until something changes, no other pass would help either. */
static void pass_end(gpu *gpu, bool *is_done) {
  defragmenter *self = &gpu->defragmenter;
  *is_done = self->pass->emptied <= self->pass->taken;
  self->settled = *is_done ? pass_signature(self->pass) : 0;
  pass_destroy(gpu, self->pass);
  self->pass = NULL;
}

/* Goes on with the pass, or begins one. */
static rg_result step_run(defragment_step *step, bool *is_done) {
  gpu *gpu = step->gpu;
  defragmenter *self = &gpu->defragmenter;
  rg_result result = RG_OK;
  if (self->pass == NULL) {
    if (atomic_load(&self->pending) > 0) {
      wait_for_gpu(gpu);
      *is_done = self->waits > MAX_WAITS;
      return RG_OK;
    }
    if (self->has_slabs_moved) {
      buffer_slabs_trim(gpu);
      self->has_slabs_moved = false;
    }
    *is_done = self->settled == blocks_signature(gpu);
    if (*is_done) {
      return RG_OK;
    }
    step->freed += blocks_freed(gpu);
    self->emptied_count = 0;
    RG_TRY(pass_create(gpu, &self->pass));
  }
  step->pass = self->pass;
  result = step_pass(step);
  if (result != RG_OK) {
    pass_destroy(gpu, self->pass);
    self->pass = NULL;
  } else if (self->pass->stage == PASS_END) {
    pass_end(gpu, is_done);
  } else if (step->must_wait) {
    wait_for_gpu(gpu);
    *is_done = self->waits > MAX_WAITS;
  }
fail:
  return result;
}

/* ---- What the public interface tells ------------------------------------------------------- */

static rg_result defragment(gpu *gpu, const rg_defragment_desc *desc, rg_defragment_info *info) {
  const uint64_t bytes =
      desc != NULL && desc->max_bytes != 0 ? desc->max_bytes : STEP_BYTES_DEFAULT;
  const uint32_t moves = desc != NULL && desc->max_moves != 0 ? desc->max_moves : UINT32_MAX;
  defragment_step step = {.gpu = gpu,
                          .bytes_left = bytes,
                          .moves_left = moves < STEP_MAX_MOVES ? moves : STEP_MAX_MOVES,
                          .visits_left = STEP_MAX_VISITS,
                          .end_ns = time_now_ns() + STEP_MAX_NS};
  if (atomic_load(&gpu->frame.is_lost)) {
    return frame_lost(gpu);
  }
  frame_collect(gpu);
  step.freed = blocks_freed(gpu);
  rg_result result = step_run(&step, &info->is_done);
  info->bytes_moved = step.done.bytes;
  info->moves = step.done.count;
  info->blocks_freed = step.freed;
  gpu->defragmenter.waits = info->moves > 0 || info->is_done ? 0 : gpu->defragmenter.waits;
  return result;
}

rg_result rg_defragment(rg_engine *engine, const rg_defragment_desc *desc,
                        rg_defragment_info *info) {
  rg_defragment_info done = {0};
  if (info != NULL) {
    *info = done;
  }
  RESOURCE_REQUIRE(engine);
  gpu *gpu = gpu_of(engine);
  mutex_lock(&gpu->defragmenter.lock);
  rg_result result = defragment(gpu, desc, &done);
  mutex_unlock(&gpu->defragmenter.lock);
  if (result == RG_OK && info != NULL) {
    *info = done;
  }
  return result;
}
