/* Moves made together: whatever may fail comes first; then copies are queued and places swapped
 * under one lock; what is left behind goes when the GPU has passed. */
#include <stdlib.h>

#include "defragment_internal.h"

/* ---- Lives of moves ------------------------------------------------------------------------ */

defragment_move *move_create(gpu *gpu, uint64_t id, rg_result *result) {
  slots *slots = gpu->slots_by_type[rg_type_of(id)];
  *result = RG_OK;
  void *resource = slots_acquire(slots, id);
  if (resource == NULL) {
    return NULL;
  }
  defragment_move *move = host_calloc(&gpu->host, 1, sizeof *move);
  if (move == NULL) {
    slots_release(slots, id);
    *result = result_no_memory("defragmentation", sizeof *move);
    return NULL;
  }
  move->id = id;
  move->resource = resource;
  return move;
}

static void move_release(gpu *gpu, const defragment_move *move) {
  slots_release(gpu->slots_by_type[rg_type_of(move->id)], move->id);
}

static void move_free(gpu *gpu, defragment_move *move) {
  place_free(gpu, move);
  host_free(&gpu->host, move, sizeof *move);
}

void moves_drop(gpu *gpu, defragment_move *first) {
  while (first != NULL) {
    defragment_move *move = first;
    first = move->next;
    move_release(gpu, move);
    move_free(gpu, move);
  }
}

static void zombie_finish(gpu *gpu, frame_zombie *zombie) {
  move_free(gpu, (defragment_move *)(void *)zombie);
  atomic_fetch_sub(&gpu->defragmenter.pending, 1);
}

/* ---- Moving -------------------------------------------------------------------------------- */

/* Moves in the order of their ids: those of buffers come before those of textures. */
typedef struct move_table {
  defragment_move **moves;
  uint64_t *ids;
  bool *is_kept;
  uint32_t count, texture_count;
  size_t size; /* bytes of all three arrays */
} move_table;

static int compare_ids(const void *a, const void *b) {
  const defragment_move *const *first = a, *const *second = b;
  return ((*first)->id > (*second)->id) - ((*first)->id < (*second)->id);
}

static rg_result table_init(gpu *gpu, move_table *table, defragment_move *first) {
  uint32_t count = 0;
  for (const defragment_move *move = first; move != NULL; move = move->next) {
    count++;
  }
  table->size = count * (sizeof *table->moves + sizeof *table->ids + sizeof *table->is_kept);
  table->moves = host_calloc(&gpu->host, 1, table->size);
  if (table->moves == NULL) {
    return result_no_memory("defragmentation", table->size);
  }
  table->ids = (uint64_t *)(void *)(table->moves + count);
  table->is_kept = (bool *)(void *)(table->ids + count);
  for (defragment_move *move = first; move != NULL; move = move->next) {
    table->moves[table->count++] = move;
  }
  qsort(table->moves, count, sizeof *table->moves, compare_ids);
  for (uint32_t i = 0; i < count; i++) {
    table->ids[i] = table->moves[i]->id;
    table->texture_count += rg_type_of(table->ids[i]) == RG_TYPE_TEXTURE ? 1 : 0;
  }
  return RG_OK;
}

static rg_result moves_swap(gpu *gpu, const move_table *table, bool *any_moved) {
  rg_result result = RG_OK;
  upload_lock(gpu);
  for (uint32_t i = 0; i < table->count && result == RG_OK; i++) {
    result = upload_prepare_move(gpu);
    if (result == RG_OK && !table->is_kept[i]) {
      place_swap(gpu, table->moves[i]);
      *any_moved = *any_moved || table->moves[i]->is_moved;
    }
  }
  upload_unlock(gpu);
  return result;
}

/* Between begin_moves and end_moves the layer above holds its lock, so that nobody binds what is
 * about to be retired. */
static rg_result moves_make(gpu *gpu, const move_table *table) {
  rg_result result = RG_OK;
  bool any_moved = false;
  const uint64_t *textures = table->ids + (table->count - table->texture_count);
  if (gpu->begin_moves != NULL) {
    RG_TRY(gpu->begin_moves(gpu, table->ids, table->is_kept, table->count));
  }
  result = bindless_prepare_move(gpu, textures, table->texture_count);
  if (result == RG_OK) {
    result = moves_swap(gpu, table, &any_moved);
    bindless_moved(gpu, textures, table->texture_count, any_moved);
  }
  if (gpu->end_moves != NULL) {
    gpu->end_moves(gpu, any_moved);
  }
fail:
  return result;
}

/* The old place of what has moved waits for the GPU; the new one of what has not goes at once. */
static void moves_settle(gpu *gpu, defragment_move *first, defragment_result *out) {
  while (first != NULL) {
    defragment_move *move = first;
    first = move->next;
    move_release(gpu, move);
    if (move->is_moved) {
      out->bytes += move->size;
      out->count++;
      atomic_fetch_add(&gpu->defragmenter.pending, 1);
      frame_retire(gpu, &move->zombie, zombie_finish);
    } else {
      move_free(gpu, move);
    }
  }
}

rg_result moves_run(gpu *gpu, defragment_move *first, defragment_result *out) {
  move_table table = {0};
  if (first == NULL) {
    return RG_OK;
  }
  rg_result result = table_init(gpu, &table, first);
  if (result == RG_OK) {
    result = moves_make(gpu, &table);
    host_free(&gpu->host, table.moves, table.size);
  }
  moves_settle(gpu, first, out);
  return result;
}
