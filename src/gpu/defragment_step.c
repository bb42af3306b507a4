/* What one step does with the pass's pieces: each gets a place in a fuller block or a new one, and
 * all are moved together. */
#include "defragment_internal.h"

/* New blocks that are taken while emptied ones still wait for the GPU, at most. */
#define MAX_UNPAID_BLOCKS 4u

/* ---- Bounds -------------------------------------------------------------------------------- */

static void step_add(defragment_step *step, defragment_move *move) {
  if (step->last == NULL) {
    step->first = move;
  } else {
    step->last->next = move;
  }
  step->last = move;
  step->moves_left--;
  step->bytes_left -= move->size < step->bytes_left ? move->size : step->bytes_left;
}

/* A piece larger than what a step may move goes alone. */
static bool step_has_room(const defragment_step *step, uint64_t size) {
  return step->moves_left > 0 && step->visits_left > 0 &&
         (size <= step->bytes_left || (step->first == NULL && step->done.count == 0));
}

/* ---- Pieces -------------------------------------------------------------------------------- */

/* What no longer lies where the survey saw it is left alone. */
static defragment_move *piece_to_move(gpu *gpu, const defragment_piece *piece, bin_kind kind,
                                      uint64_t serial, rg_result *result) {
  defragment_home home;
  defragment_move *move = move_create(gpu, piece->id, result);
  if (move != NULL && (!resource_home(gpu, piece->id, move->resource, &home) || home.kind != kind ||
                       home.serial != serial)) {
    moves_drop(gpu, move);
    move = NULL;
  }
  if (move != NULL) {
    move->size = home.size;
  }
  return move;
}

static rg_result fresh_add(defragment_step *step, const void *group, uint64_t serial, uint64_t size,
                           defragment_bin **target) {
  defragment_pass *pass = step->pass;
  defragment_bin *bin = bins_get(step->gpu, &pass->bins[BIN_BLOCK], serial);
  if (bin == NULL) {
    return result_no_memory("defragmentation", sizeof *bin);
  }
  pass->fresh_left -= size < pass->fresh_left ? size : pass->fresh_left;
  pass->taken += size;
  pass->unpaid += size;
  bin->group = group;
  bin->size = bin->fits = size;
  bin->used = 0;
  bin->role = BIN_FRESH;
  *target = bin;
  return RG_OK;
}

/* A new block for what fits nowhere else, as far as the round may take one; *target stays NULL
 * where it may not. */
static rg_result fresh_take(defragment_step *step, const memory_shape *like, const void *group,
                            defragment_bin **target) {
  gpu *gpu = step->gpu;
  defragment_pass *pass = step->pass;
  const bool is_waiting = atomic_load(&gpu->defragmenter.pending) > 0;
  uint64_t serial, size;
  if (pass->stage != PASS_BLOCKS || pass->fresh_left < like->size) {
    return RG_OK;
  }
  pass->unpaid = is_waiting ? pass->unpaid : 0;
  step->must_wait = pass->unpaid / MAX_UNPAID_BLOCKS >= pass->fresh_left;
  if (step->must_wait) {
    return RG_OK;
  }
  rg_result result = memory_block_reserve(gpu, like, pass->fresh_left, &serial, &size);
  if (memory_is_exhausted(result)) {
    log_message(&gpu->logger, RG_LOG_DEBUG, "defragmentation: no new block: %s", rg_error());
    step->must_wait = is_waiting;
    pass->fresh_left = is_waiting ? pass->fresh_left : 0;
    return RG_OK;
  }
  return result == RG_OK ? fresh_add(step, group, serial, size, target) : result;
}

/* What making a place in a bin needs to know. */
typedef rg_result place_in_bin(defragment_step *step, void *user, uint64_t serial, bool *is_made);

/* Tries the group's bins, the fullest first, then a new one. *found: the serial of the one that
 * took it, or 0. */
static rg_result bins_try(defragment_step *step, const memory_shape *like, const void *group,
                          uint64_t size, place_in_bin *place, void *user, uint64_t *found) {
  rg_result result = RG_OK;
  defragment_bin *target;
  *found = 0;
  while (*found == 0 && result == RG_OK) {
    target = plan_target(step->pass, group, size);
    if (target == NULL && like != NULL) {
      result = fresh_take(step, like, group, &target);
    }
    if (target == NULL || result != RG_OK) {
      return result;
    }
    bool is_made = false;
    result = place(step, user, target->serial, &is_made);
    if (is_made) {
      *found = target->serial;
    } else {
      bin_refuse(target, pass_kind(step->pass), size);
    }
  }
  return result;
}

static rg_result move_place(defragment_step *step, void *user, uint64_t serial, bool *is_made) {
  return place_make(step->gpu, user, pass_kind(step->pass), serial, is_made);
}

/* The books: the piece, dropped from the one bin, is in the other. */
static void piece_book(defragment_pass *pass, bin_kind kind, uint32_t piece, uint64_t from,
                       uint64_t to) {
  const uint64_t size = pass->pieces[piece].size;
  defragment_bin *source = bins_find(&pass->bins[kind], from);
  defragment_bin *target = bins_find(&pass->bins[kind], to);
  source->used -= size;
  target->used += size;
  bin_add(pass, target, piece);
}

/* victim: moves when a new block is taken, so it is found again by its serial. */
static rg_result piece_move(defragment_step *step, const defragment_bin *victim, uint32_t piece) {
  gpu *gpu = step->gpu;
  defragment_pass *pass = step->pass;
  const bin_kind kind = pass_kind(pass);
  const uint64_t from = victim->serial;
  uint64_t to = 0;
  rg_result result = RG_OK;
  defragment_move *move = piece_to_move(gpu, &pass->pieces[piece], kind, from, &result);
  if (move == NULL) {
    return result;
  }
  const memory_range *range = resource_range(move->id, move->resource);
  const memory_shape like = range == NULL ? (memory_shape){0} : memory_shape_of(range);
  result = bins_try(step, range == NULL ? NULL : &like, victim->group, move->size, move_place, move,
                    &to);
  if (to == 0) {
    moves_drop(gpu, move);
    return result;
  }
  gpu->defragmenter.has_slabs_moved |= kind == BIN_SLAB;
  piece_book(pass, kind, piece, from, to);
  step_add(step, move);
  return RG_OK;
}

/* ---- Whole slabs --------------------------------------------------------------------------- */

/* The slab itself may go at any time: nothing holds it. */
typedef struct slab_find {
  uint64_t serial;
  memory_shape shape;
} slab_find;

static void slab_find_visit(void *user, const buffer_slab *slab, uint64_t used) {
  slab_find *find = user;
  (void)used;
  if (slab->serial == find->serial) {
    find->shape = memory_shape_of(&slab->range);
  }
}

/* A slab like the old one in a block; its buffers follow one by one. */
static rg_result slab_place(defragment_step *step, void *user, uint64_t serial, bool *is_made) {
  const slab_find *find = user;
  memory_range range;
  rg_result result = memory_alloc_in_block(step->gpu, &find->shape, serial, &range);
  if (result == RG_OK) {
    result = buffer_slab_make_in(step->gpu, find->serial, &range, &step->pass->slab_target);
    memory_free(step->gpu, &range);
  }
  *is_made = result == RG_OK;
  return memory_is_exhausted(result) ? RG_OK : result;
}

static rg_result slab_begin(defragment_step *step, const defragment_bin *victim, uint32_t piece) {
  gpu *gpu = step->gpu;
  defragment_pass *pass = step->pass;
  const uint64_t from = victim->serial;
  uint64_t to = 0;
  slab_find find = {.serial = pass->pieces[piece].id};
  slab_for_each(gpu, slab_find_visit, &find);
  if (find.shape.serial != from) {
    return RG_OK;
  }
  rg_result result =
      bins_try(step, &find.shape, victim->group, pass->pieces[piece].size, slab_place, &find, &to);
  if (to != 0) {
    pass->slab = find.serial;
    gpu->defragmenter.has_slabs_moved = true;
    piece_book(pass, BIN_BLOCK, piece, from, to);
  }
  return result;
}

/* The next buffer of the slab that is on its way. */
static rg_result slab_go_on(defragment_step *step) {
  gpu *gpu = step->gpu;
  defragment_pass *pass = step->pass;
  rg_result result = RG_OK;
  defragment_bin *slab = bins_find(&pass->bins[BIN_SLAB], pass->slab);
  const uint32_t piece = bin_largest(slab);
  if (piece == DEFRAGMENT_NONE) {
    pass->slab = 0;
    return RG_OK;
  }
  bin_drop(pass, slab, piece);
  defragment_move *move = piece_to_move(gpu, &pass->pieces[piece], BIN_SLAB, slab->serial, &result);
  if (move == NULL) {
    return result;
  }
  bool is_made = false;
  result = place_make(gpu, move, BIN_SLAB, pass->slab_target, &is_made);
  if (is_made) {
    step_add(step, move);
  } else {
    moves_drop(gpu, move);
    pass->slab = 0;
  }
  return result;
}

/* ---- Rounds -------------------------------------------------------------------------------- */

rg_result step_run_moves(defragment_step *step) {
  defragment_move *first = step->first;
  step->first = step->last = NULL;
  return moves_run(step->gpu, first, &step->done);
}

static rg_result emptied_add(gpu *gpu, uint64_t serial, bool is_slab) {
  defragmenter *self = &gpu->defragmenter;
  for (uint32_t i = 0; i < self->emptied_count; i++) {
    if (self->emptied[i].serial == serial && self->emptied[i].is_slab == is_slab) {
      return RG_OK;
    }
  }
  if (self->emptied_count == self->emptied_capacity &&
      !defragment_grow(gpu, (void **)(void *)&self->emptied, &self->emptied_capacity,
                       sizeof *self->emptied)) {
    return result_no_memory("defragmentation", sizeof *self->emptied);
  }
  self->emptied[self->emptied_count++] = (defragment_emptied){serial, is_slab};
  return RG_OK;
}

/* Notes what the round has emptied, to tell when it is free. The block of a slab may be free with
 * it. */
static rg_result emptied_note(gpu *gpu, const defragment_pass *pass) {
  rg_result result = RG_OK;
  const bin_kind kind = pass_kind(pass);
  for (uint32_t i = 0; i < pass->bins[kind].count && result == RG_OK; i++) {
    defragment_bin *bin = &pass->bins[kind].items[i];
    if (bin->role == BIN_EMPTIED) {
      const bool is_slab = kind == BIN_SLAB && bin->home == 0;
      bin->role = BIN_UNUSED;
      result = emptied_add(gpu, kind == BIN_BLOCK || is_slab ? bin->serial : bin->home, is_slab);
    }
  }
  return result;
}

static rg_result step_piece(defragment_step *step, defragment_bin *victim) {
  defragment_pass *pass = step->pass;
  const uint32_t piece = bin_largest(victim);
  const uint64_t serial = victim->serial;
  step->visits_left--;
  bin_drop(pass, victim, piece);
  rg_result result = pass->pieces[piece].is_slab ? slab_begin(step, victim, piece)
                                                 : piece_move(step, victim, piece);
  if (step->must_wait) {
    bin_add(pass, bins_find(&pass->bins[BIN_BLOCK], serial), piece);
  }
  return result;
}

/* The stage's next piece, or its end: *has_ended. */
static rg_result step_advance(defragment_step *step, bool *has_ended) {
  rg_result result = RG_OK;
  defragment_pass *pass = step->pass;
  step->pieces++;
  if (pass->slab != 0) {
    step->visits_left--;
    return slab_go_on(step);
  }
  defragment_bin *victim = plan_victim(pass);
  if (victim != NULL) {
    const uint64_t size = pass->pieces[bin_largest(victim)].size;
    const bool is_slab = pass->pieces[bin_largest(victim)].is_slab;
    if (!is_slab && !step_has_room(step, size)) {
      step->bytes_left = 0;
      return RG_OK;
    }
    return step_piece(step, victim);
  }
  RG_TRY(emptied_note(step->gpu, pass));
  RG_TRY(step_run_moves(step));
  *has_ended = !plan_round(pass);
fail:
  return result;
}

rg_result step_stage(defragment_step *step) {
  rg_result result = RG_OK;
  defragment_pass *pass = step->pass;
  bool has_ended = false;
  while (step_goes_on(step) && !has_ended) {
    RG_TRY(step_advance(step, &has_ended));
  }
  if (has_ended) {
    pass->stage++;
    if (pass->stage == PASS_BLOCKS) {
      RG_TRY(pass_add_slabs(step->gpu, pass));
    }
  }
fail:
  return result;
}
