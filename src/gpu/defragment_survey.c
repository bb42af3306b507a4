/* The survey of a pass: which resources may be moved, and in which blocks and slabs they lie. */
#include "defragment_internal.h"

/* ---- Blocks and slabs ---------------------------------------------------------------------- */

typedef struct bins_visitor {
  gpu *gpu;
  defragment_pass *pass;
  bool is_short; /* of host memory */
} bins_visitor;

static void block_visit(void *user, const memory_block_info *block) {
  bins_visitor *visitor = user;
  if (block->ranges == NULL || visitor->is_short) {
    return;
  }
  defragment_bin *bin = bins_get(visitor->gpu, &visitor->pass->bins[BIN_BLOCK], block->serial);
  if (bin == NULL) {
    visitor->is_short = true;
    return;
  }
  range_stats stats;
  range_get_stats(block->ranges, &stats);
  bin->group = block->group;
  bin->size = block->size;
  bin->used = block->used;
  bin->fits = stats.largest_free + stats.largest_free / 8; /* see range_stats */
  bin->role = stats.count == 0 ? BIN_UNUSED : BIN_KEPT;
  bin->is_fixed = block->strategy > RG_POOL_BEST_FIT;
}

static void slab_visit(void *user, const buffer_slab *slab, uint64_t used) {
  bins_visitor *visitor = user;
  if (visitor->is_short) {
    return;
  }
  defragment_bin *bin = bins_get(visitor->gpu, &visitor->pass->bins[BIN_SLAB], slab->serial);
  if (bin == NULL) {
    visitor->is_short = true;
    return;
  }
  bin->group = &visitor->gpu->buffers.slabs.lists[slab->update];
  bin->size = slab->range.size;
  bin->used = used;
  bin->fits = bin->size - used;
  bin->role = used == 0 ? BIN_UNUSED : BIN_KEPT;
  bin->home = memory_shape_of(&slab->range).serial;
}

/* Also brings those that are known up to date. */
static rg_result bins_survey(gpu *gpu, defragment_pass *pass) {
  bins_visitor visitor = {.gpu = gpu, .pass = pass};
  memory_for_each_block(gpu, block_visit, &visitor);
  slab_for_each(gpu, slab_visit, &visitor);
  return visitor.is_short ? result_no_memory("defragmentation", sizeof(defragment_bin)) : RG_OK;
}

rg_result pass_add_slabs(gpu *gpu, defragment_pass *pass) {
  rg_result result = RG_OK;
  const defragment_bins *slabs = &pass->bins[BIN_SLAB];
  for (uint32_t i = 0; i < slabs->count && result == RG_OK; i++) {
    const defragment_bin *slab = &slabs->items[i];
    defragment_bin *home = bins_find(&pass->bins[BIN_BLOCK], slab->home);
    if (home != NULL && slab->piece_bytes == slab->used && slab->used > 0) {
      const defragment_piece piece = {.id = slab->serial, .size = slab->size, .is_slab = true};
      result = piece_create(gpu, pass, home, &piece);
    }
  }
  return result;
}

/* ---- Signatures ---------------------------------------------------------------------------- */

/* A sum, so that the order does not matter; what is empty counts for nothing. */
static void signature_add(uint64_t *signature, bin_kind kind, uint64_t serial, uint64_t used) {
  uint64_t hash = (2 * serial + (uint64_t)kind + 1) * UINT64_C(0x9E3779B97F4A7C15);
  hash = (hash ^ hash >> 29 ^ used) * UINT64_C(0xBF58476D1CE4E5B9);
  *signature += used == 0 ? 0 : hash ^ hash >> 32;
}

static void signature_visit_block(void *user, const memory_block_info *block) {
  if (block->ranges != NULL) {
    signature_add(user, BIN_BLOCK, block->serial, block->used);
  }
}

static void signature_visit_slab(void *user, const buffer_slab *slab, uint64_t used) {
  signature_add(user, BIN_SLAB, slab->serial, used);
}

uint64_t blocks_signature(gpu *gpu) {
  uint64_t signature = 0;
  memory_for_each_block(gpu, signature_visit_block, &signature);
  slab_for_each(gpu, signature_visit_slab, &signature);
  return signature | 1;
}

uint64_t pass_signature(const defragment_pass *pass) {
  uint64_t signature = 0;
  for (uint32_t i = 0; i < BIN_KINDS; i++) {
    const defragment_bins *bins = &pass->bins[i];
    for (uint32_t j = 0; j < bins->count; j++) {
      signature_add(&signature, (bin_kind)i, bins->items[j].serial, bins->items[j].used);
    }
  }
  return signature | 1;
}

/* ---- Resources ----------------------------------------------------------------------------- */

static rg_result resource_survey(gpu *gpu, defragment_pass *pass, rg_type type, uint64_t id) {
  rg_result result = RG_OK;
  defragment_home home;
  void *resource = slots_acquire(gpu->slots_by_type[type], id);
  if (resource == NULL) {
    return RG_OK;
  }
  if (resource_home(gpu, id, resource, &home)) {
    defragment_bin *bin = bins_find(&pass->bins[home.kind], home.serial);
    const defragment_piece piece = {.id = id, .size = home.size};
    result = bin == NULL ? RG_OK : piece_create(gpu, pass, bin, &piece);
  }
  slots_release(gpu->slots_by_type[type], id);
  return result;
}

/* True when all of the type have been seen. */
static rg_result type_survey(gpu *gpu, defragment_pass *pass, rg_type type, uint32_t *visits,
                             bool *is_seen) {
  rg_result result = RG_OK;
  while (*visits > 0 && result == RG_OK) {
    uint64_t id = slots_next(gpu->slots_by_type[type], pass->cursor);
    if (id == 0) {
      *is_seen = true;
      return RG_OK;
    }
    pass->cursor = id;
    --*visits;
    result = resource_survey(gpu, pass, type, id);
  }
  return result;
}

rg_result pass_survey(gpu *gpu, defragment_pass *pass, uint32_t *visits) {
  rg_result result = RG_OK;
  while (pass->stage<PASS_SLABS && * visits> 0) {
    bool is_seen = false;
    rg_type type = pass->stage == PASS_SURVEY_TEXTURES ? RG_TYPE_TEXTURE : RG_TYPE_BUFFER;
    RG_TRY(type_survey(gpu, pass, type, visits, &is_seen));
    if (is_seen) {
      pass->stage++;
      pass->cursor = 0;
    }
  }
  if (pass->stage == PASS_SLABS) {
    RG_TRY(bins_survey(gpu, pass));
  }
fail:
  return result;
}

/* ---- Passes -------------------------------------------------------------------------------- */

rg_result pass_create(gpu *gpu, defragment_pass **out) {
  defragment_pass *pass = host_calloc(&gpu->host, 1, sizeof *pass);
  if (pass == NULL) {
    return result_no_memory("defragmentation", sizeof *pass);
  }
  rg_result result = bins_survey(gpu, pass);
  if (result != RG_OK) {
    pass_destroy(gpu, pass);
    return result;
  }
  *out = pass;
  return RG_OK;
}

void pass_destroy(gpu *gpu, defragment_pass *pass) {
  if (pass == NULL) {
    return;
  }
  host_memory *host = &gpu->host;
  for (uint32_t i = 0; i < BIN_KINDS; i++) {
    defragment_bins *bins = &pass->bins[i];
    host_free(host, bins->items, bins->capacity * sizeof *bins->items);
  }
  host_free(host, pass->pieces, pass->piece_capacity * sizeof *pass->pieces);
  host_free(host, pass, sizeof *pass);
}
