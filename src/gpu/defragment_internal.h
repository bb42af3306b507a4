/* What the parts of defragmentation share: pieces in bins, the pass over them, and moves. Private
 * to defragment*.c. */
#ifndef RG_GPU_DEFRAGMENT_INTERNAL_H
#define RG_GPU_DEFRAGMENT_INTERNAL_H

#include "gpu.h"

#define DEFRAGMENT_NONE UINT32_MAX

/* ---- Bins and pieces ----------------------------------------------------------------------- */

typedef enum bin_kind {
  BIN_BLOCK, /* a memory block; its pieces are textures, buffers with a VkBuffer each, and slabs */
  BIN_SLAB,  /* a slab; its pieces are buffers that share its VkBuffer */
} bin_kind;
#define BIN_KINDS 2

typedef enum bin_role {
  BIN_KEPT,    /* takes pieces in */
  BIN_VICTIM,  /* to be emptied in this round */
  BIN_EMPTIED, /* its last piece has left */
  BIN_STUCK,   /* could not be emptied; takes pieces in */
  BIN_FRESH,   /* was empty and takes pieces in; never a victim of the same pass */
  BIN_UNUSED,  /* empty, and not in use */
} bin_role;

#define BIN_CLASSES 64 /* a piece of 2^n bytes and more, and less than 2^(n+1), is of class n */

typedef struct defragment_bin {
  uint64_t serial;
  const void *group; /* pieces stay within it: a pool, or one update frequency's slabs */
  uint64_t size, used;
  uint64_t fits;               /* bytes: no larger piece is worth a try */
  uint64_t refused[4];         /* of a slab: a bit for each size that had no room, see bin_refuse */
  uint64_t piece_bytes;        /* of the pieces known; where this is `used`, all of it can move */
  uint64_t home;               /* of a slab: the serial of the block that it lies in */
  uint64_t classes;            /* a bit for each list below that is not empty */
  uint32_t first[BIN_CLASSES]; /* pieces, by class; or DEFRAGMENT_NONE */
  uint32_t piece_count;
  bin_role role;
  uint32_t failures; /* rounds by holes that have failed in its group */
  bool is_fixed;     /* its pool has another strategy than best fit: neither emptied nor filled */
} defragment_bin;

/* By serial. */
typedef struct defragment_bins {
  defragment_bin *items;
  uint32_t count, capacity;
} defragment_bins;

typedef struct defragment_piece {
  uint64_t id;   /* the handle; of a slab, its serial */
  uint64_t size; /* bytes that it takes in its bin */
  uint32_t next; /* in its list, or DEFRAGMENT_NONE */
  bool is_slab;
} defragment_piece;

/* ---- Passes -------------------------------------------------------------------------------- */

typedef enum pass_stage {
  PASS_SURVEY_TEXTURES,
  PASS_SURVEY_BUFFERS,
  PASS_SLABS,  /* rounds over slabs; these make no new ones */
  PASS_BLOCKS, /* rounds over blocks */
  PASS_END,
} pass_stage;

typedef struct defragment_pass {
  pass_stage stage;
  uint64_t cursor; /* the last id surveyed */
  defragment_bins bins[BIN_KINDS];
  defragment_piece *pieces;
  uint32_t piece_count, piece_capacity;
  uint64_t emptied, taken; /* bytes of bins that this pass has emptied, and of new blocks */
  uint64_t fresh_left;     /* bytes of new blocks that the round may still take */
  uint64_t unpaid;         /* bytes of blocks taken while emptied ones wait for the GPU */
  bool is_by_holes;        /* the round takes none */
  uint64_t slab;           /* the serial of one that is on its way to another block; or 0 */
  uint64_t slab_target;    /* the serial of its successor there */
} defragment_pass;

static inline bin_kind pass_kind(const defragment_pass *pass) {
  return pass->stage == PASS_SLABS ? BIN_SLAB : BIN_BLOCK;
}

/* ---- defragment_survey.c ---- */

RG_NODISCARD rg_result pass_create(gpu *gpu, defragment_pass **out);
void pass_destroy(gpu *gpu, defragment_pass *pass); /* NULL is allowed */
/* Goes on with the survey; *visits is what may still be looked at in this step. */
RG_NODISCARD rg_result pass_survey(gpu *gpu, defragment_pass *pass, uint32_t *visits);
/* Slabs whose buffers may all be moved become pieces of their blocks: after the rounds over slabs.
 */
RG_NODISCARD rg_result pass_add_slabs(gpu *gpu, defragment_pass *pass);
/* What the blocks and slabs come to, so that a change shows; never 0. */
uint64_t blocks_signature(gpu *gpu);
/* The same as the pass leaves them once the GPU has passed, if nobody else does anything. */
uint64_t pass_signature(const defragment_pass *pass);

/* ---- defragment_bin.c ---- */

/* Makes room for more items, at least twice as many; false when out of host memory. */
bool defragment_grow(gpu *gpu, void **items, uint32_t *capacity, size_t item_size);

/* The bin of that serial, or NULL. */
defragment_bin *bins_find(const defragment_bins *bins, uint64_t serial);
/* The same, made where there is none; NULL when out of host memory. Moves the others. */
defragment_bin *bins_get(gpu *gpu, defragment_bins *bins, uint64_t serial);
/* A new piece in the bin. */
RG_NODISCARD rg_result piece_create(gpu *gpu, defragment_pass *pass, defragment_bin *bin,
                                    const defragment_piece *piece);
/* One of the largest pieces of the bin (none is twice as large), or DEFRAGMENT_NONE. */
uint32_t bin_largest(const defragment_bin *bin);
void bin_add(defragment_pass *pass, defragment_bin *bin, uint32_t index);
/* Notes that no piece of that size fits, for bin_may_fit. In a block then no larger one does; slabs
 * keep room of each size apart. */
void bin_refuse(defragment_bin *bin, bin_kind kind, uint64_t size);
bool bin_may_fit(const defragment_bin *bin, bin_kind kind, uint64_t size);
/* Takes a piece that bin_largest gave out of its list; what the bin uses stays as it is. */
void bin_drop(defragment_pass *pass, defragment_bin *bin, uint32_t index);

/* ---- defragment_plan.c: what to empty, and where to put it; no Vulkan ---- */

/* Begins a round in the pass's stage: makes victims of the bins that are the least work to empty,
 * such that fewer bytes of bins are left. False: nothing helps. */
bool plan_round(defragment_pass *pass);
/* The emptiest victim of the round that still has pieces, or NULL: then the round has ended, and
 * its victims are emptied or stuck. */
defragment_bin *plan_victim(defragment_pass *pass);
/* The fullest bin of the group where a piece of that size may fit, or NULL. */
defragment_bin *plan_target(const defragment_pass *pass, const void *group, uint64_t size);

/* ---- defragment_place.c: the ends of a move ---- */

/* Vulkan objects and memory of one resource: before the swap the new ones, after it the old ones.
 * Either way what goes in the end. */
typedef struct defragment_place {
  VkImage image;
  VkImageView view;
  VkBuffer buffer;
  uint64_t offset; /* into a shared VkBuffer */
  memory_range range;
  slab_slot slot; /* zero: the VkBuffer is its own */
} defragment_place;

typedef struct defragment_move {
  frame_zombie zombie;
  struct defragment_move *next;
  uint64_t id;
  void *resource; /* a buffer or a texture, held until the moves have run */
  uint64_t size;  /* bytes that it takes */
  bool is_moved;
  defragment_place place;
} defragment_move;

/* Where a held resource lies, in a slab or in a block. */
typedef struct defragment_home {
  bin_kind kind;
  uint64_t serial;
  uint64_t size; /* bytes that it takes there */
} defragment_home;
/* False where it may not be moved. */
bool resource_home(gpu *gpu, uint64_t id, const void *resource, defragment_home *home);

/* The memory of its own, or NULL for a buffer that shares a VkBuffer. */
const memory_range *resource_range(uint64_t id, const void *resource);
/* Makes the place in the block or slab of that serial; *is_made false with RG_OK: it has no room.
 */
RG_NODISCARD rg_result place_make(gpu *gpu, defragment_move *move, bin_kind kind, uint64_t serial,
                                  bool *is_made);
/* Queues the copy and makes the resource's place the new one, unless it is pinned; under the
 * upload's lock, after upload_prepare_move. */
void place_swap(gpu *gpu, defragment_move *move);
void place_free(gpu *gpu, defragment_move *move);

/* ---- defragment_move.c ---- */

/* A move of a live resource that may be moved, held, without a place yet. NULL where it is none
 * (any more), or with *result and the message set when out of host memory. */
defragment_move *move_create(gpu *gpu, uint64_t id, rg_result *result);
/* Frees moves that were never run, with their new places. */
void moves_drop(gpu *gpu, defragment_move *first);

typedef struct defragment_result {
  uint64_t bytes;
  uint32_t count;
} defragment_result;

/* Moves all that is not pinned, or the first ones and then fails; the new places of those that stay
 * are freed. Takes the list over. */
RG_NODISCARD rg_result moves_run(gpu *gpu, defragment_move *first, defragment_result *out);

/* ---- defragment_step.c ---- */

/* A step under way: what it may still do, and what it has done. */
typedef struct defragment_step {
  gpu *gpu;
  defragment_pass *pass;
  uint64_t bytes_left;
  uint32_t moves_left, visits_left;
  defragment_move *first, *last; /* to be made at the step's end */
  uint64_t end_ns; /* on the clock: no further piece is begun then; but one a step is */
  uint32_t pieces; /* tried so far */
  bool must_wait;  /* for the GPU, before new blocks may be taken */
  defragment_result done;
  uint32_t freed; /* blocks */
} defragment_step;

static inline bool step_goes_on(const defragment_step *step) {
  return step->bytes_left > 0 && step->moves_left > 0 && step->visits_left > 0 &&
         !step->must_wait && (step->pieces == 0 || time_now_ns() < step->end_ns);
}

/* Goes on with a stage of rounds, and to the next one where it ends. */
RG_NODISCARD rg_result step_stage(defragment_step *step);
/* Makes the moves that the step has found places for. */
RG_NODISCARD rg_result step_run_moves(defragment_step *step);

#endif
