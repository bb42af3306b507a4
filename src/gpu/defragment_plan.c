/* The plan of a pass: which bins to empty, and which to fill. Arithmetic only. */
#include "defragment_internal.h"

/* What alignment may cost, as a share of the bytes to be moved: 1 of so many. */
#define ALIGNMENT_SHARE 64

/* Rounds by holes that may fail in a group. What one leaves takes in what the next has too much. */
#define MAX_FAILURES 4u

/* ---- Rounds -------------------------------------------------------------------------------- */

static bool is_candidate(const defragment_bin *bin, const void *group) {
  return bin->group == group && bin->role == BIN_KEPT && !bin->is_fixed && bin->used > 0 &&
         bin->piece_bytes == bin->used;
}

static bool takes_pieces(const defragment_bin *bin) {
  return !bin->is_fixed &&
         (bin->role == BIN_KEPT || bin->role == BIN_STUCK || bin->role == BIN_FRESH);
}

/* Whether a holds a smaller share of its bytes than b. */
static bool is_emptier(const defragment_bin *a, const defragment_bin *b) {
  return (double)a->used * (double)b->size < (double)b->used * (double)a->size;
}

static defragment_bin *emptiest_candidate(const defragment_bins *bins, const void *group) {
  defragment_bin *emptiest = NULL;
  for (uint32_t i = 0; i < bins->count; i++) {
    defragment_bin *bin = &bins->items[i];
    if (is_candidate(bin, group) && (emptiest == NULL || is_emptier(bin, emptiest))) {
      emptiest = bin;
    }
  }
  return emptiest;
}

typedef struct group_room {
  uint64_t fresh; /* bytes in one piece, of bins that were empty at first */
  uint64_t holes; /* bytes of all bins that take pieces */
  uint64_t size;  /* of the largest bin */
} group_room;

static group_room room_of(const defragment_bins *bins, const void *group) {
  group_room room = {0};
  for (uint32_t i = 0; i < bins->count; i++) {
    const defragment_bin *bin = &bins->items[i];
    if (bin->group == group && takes_pieces(bin)) {
      room.fresh += bin->role == BIN_FRESH ? bin->fits : 0;
      room.holes += bin->size - bin->used;
      room.size = bin->size > room.size ? bin->size : room.size;
    }
  }
  return room;
}

static void victims_release(const defragment_bins *bins, const void *group) {
  for (uint32_t i = 0; i < bins->count; i++) {
    if (bins->items[i].group == group && bins->items[i].role == BIN_VICTIM) {
      bins->items[i].role = BIN_KEPT;
    }
  }
}

/* The fewest bins, the emptiest first, that fit into new ones of fewer bytes: how large the pieces
 * are hardly matters then. */
static bool round_by_fresh(defragment_pass *pass, const defragment_bins *bins, const void *group) {
  const group_room room = room_of(bins, group);
  uint64_t used = 0, size = 0;
  defragment_bin *victim;
  while ((victim = emptiest_candidate(bins, group)) != NULL) {
    victim->role = BIN_VICTIM;
    used += victim->used + victim->used / ALIGNMENT_SHARE;
    size += victim->size;
    uint64_t missing = used > room.fresh ? used - room.fresh : 0;
    uint64_t fresh = room.size == 0 ? 0 : (missing + room.size - 1) / room.size * room.size;
    if (fresh < size) {
      pass->fresh_left = fresh;
      pass->is_by_holes = false;
      return true;
    }
  }
  victims_release(bins, group);
  return false;
}

/* The bin alone that is the least work to empty, where the others' holes come to somewhat more. */
static bool round_by_holes(defragment_pass *pass, const defragment_bins *bins, const void *group) {
  const uint64_t all_holes = room_of(bins, group).holes;
  defragment_bin *victim = NULL;
  for (uint32_t i = 0; i < bins->count; i++) {
    defragment_bin *bin = &bins->items[i];
    if (!is_candidate(bin, group) || bin->failures == MAX_FAILURES) {
      continue;
    }
    const uint64_t holes = all_holes - (bin->size - bin->used);
    if (bin->used <= holes - holes / 8 && (victim == NULL || bin->used < victim->used)) {
      victim = bin;
    }
  }
  if (victim == NULL) {
    return false;
  }
  victim->role = BIN_VICTIM;
  pass->fresh_left = 0;
  pass->is_by_holes = true;
  return true;
}

static bool group_is_first(const defragment_bins *bins, uint32_t index) {
  for (uint32_t i = 0; i < index; i++) {
    if (bins->items[i].group == bins->items[index].group) {
      return false;
    }
  }
  return true;
}

bool plan_round(defragment_pass *pass) {
  const defragment_bins *bins = &pass->bins[pass_kind(pass)];
  for (uint32_t i = 0; i < bins->count; i++) {
    const void *group = bins->items[i].group;
    if (group_is_first(bins, i) &&
        ((pass->stage == PASS_BLOCKS && round_by_fresh(pass, bins, group)) ||
         round_by_holes(pass, bins, group))) {
      return true;
    }
  }
  return false;
}

/* ---- Steps of a round ---------------------------------------------------------------------- */

static void victim_settle(defragment_pass *pass, defragment_bin *bin) {
  const defragment_bins *bins = &pass->bins[pass_kind(pass)];
  if (bin->used == 0) {
    bin->role = BIN_EMPTIED;
    pass->emptied += bin->size;
    return;
  }
  bin->role = BIN_STUCK;
  for (uint32_t i = 0; i < bins->count && pass->is_by_holes; i++) {
    bins->items[i].failures += bins->items[i].group == bin->group ? 1 : 0;
  }
}

defragment_bin *plan_victim(defragment_pass *pass) {
  const defragment_bins *bins = &pass->bins[pass_kind(pass)];
  defragment_bin *emptiest = NULL;
  for (uint32_t i = 0; i < bins->count; i++) {
    defragment_bin *bin = &bins->items[i];
    if (bin->role == BIN_VICTIM && bin->piece_count == 0) {
      victim_settle(pass, bin);
    }
    if (bin->role == BIN_VICTIM && (emptiest == NULL || is_emptier(bin, emptiest))) {
      emptiest = bin;
    }
  }
  return emptiest;
}

defragment_bin *plan_target(const defragment_pass *pass, const void *group, uint64_t size) {
  const bin_kind kind = pass_kind(pass);
  const defragment_bins *bins = &pass->bins[kind];
  defragment_bin *fullest = NULL;
  for (uint32_t i = 0; i < bins->count; i++) {
    defragment_bin *bin = &bins->items[i];
    if (bin->group == group && takes_pieces(bin) && bin_may_fit(bin, kind, size) &&
        (fullest == NULL || is_emptier(fullest, bin))) {
      fullest = bin;
    }
  }
  return fullest;
}
