/* The batch: operations in order, cut into runs where one depends on another, and the textures that
 * they touch. */
#include <string.h>

#include "upload_internal.h"

/* How far back dependencies are looked for; beyond, one is assumed. */
#define SCAN_MAX 256

/* Bounds the memory that a batch of tiny writes takes. */
#define BATCH_MAX_OPS 65536u

/* The one that is written, and the one that it is copied from. */
#define BATCH_PREPARED_TEXTURES 2

/* ---- Room ---------------------------------------------------------------------------------- */

/* Makes room for `needed` items; at least doubles. */
static rg_result array_reserve(gpu *gpu, void **items, uint32_t *capacity, size_t item_size,
                               uint32_t needed) {
  if (needed <= *capacity) {
    return RG_OK;
  }
  uint32_t next = 2 * *capacity > needed ? 2 * *capacity : needed;
  void *grown = host_resize(&gpu->host, *items, *capacity * item_size, next * item_size);
  if (grown == NULL) {
    return result_no_memory("upload batch", next * item_size);
  }
  *items = grown;
  *capacity = next;
  return RG_OK;
}

/* Every array of the batch with its capacity, for reserving and freeing. */
#define BATCH_ARRAY(batch, items, capacity) \
  (void **)(void *)&(batch)->items, &(batch)->capacity, sizeof *(batch)->items

static uint32_t *table_find(const upload_batch *batch, VkImage image) {
  uint64_t hash = (uint64_t)image * UINT64_C(0x9E3779B97F4A7C15);
  uint32_t mask = batch->table_capacity - 1;
  uint32_t place = (uint32_t)(hash >> 32) & mask;
  while (batch->table[place] != 0 && batch->textures[batch->table[place] - 1].image != image) {
    place = (place + 1) & mask;
  }
  return &batch->table[place];
}

/* Kept at least half empty; capacity is a power of two. */
static rg_result table_reserve(gpu *gpu, upload_batch *batch) {
  uint32_t needed = 2 * (batch->texture_count + BATCH_PREPARED_TEXTURES);
  if (needed <= batch->table_capacity) {
    return RG_OK;
  }
  uint32_t capacity = batch->table_capacity == 0 ? 64 : 2 * batch->table_capacity;
  uint32_t *table = host_calloc(&gpu->host, capacity, sizeof *table);
  if (table == NULL) {
    return result_no_memory("upload batch", capacity * sizeof *table);
  }
  host_free(&gpu->host, batch->table, batch->table_capacity * sizeof *table);
  batch->table = table;
  batch->table_capacity = capacity;
  for (uint32_t i = 0; i < batch->texture_count; i++) {
    *table_find(batch, batch->textures[i].image) = i + 1;
  }
  return RG_OK;
}

rg_result batch_prepare(gpu *gpu) {
  rg_result result = RG_OK;
  upload_batch *batch = &gpu->upload->batch;
  if (batch->op_count >= BATCH_MAX_OPS || batch->texture_count >= BATCH_MAX_OPS) {
    RG_TRY(upload_flush(gpu));
  }
  uint32_t ops = batch->op_count + 1;
  uint32_t textures = batch->texture_count + BATCH_PREPARED_TEXTURES;
  RG_TRY(array_reserve(gpu, BATCH_ARRAY(batch, ops, op_capacity), ops));
  RG_TRY(array_reserve(gpu, BATCH_ARRAY(batch, runs, run_capacity), batch->run_count + 1));
  RG_TRY(array_reserve(gpu, BATCH_ARRAY(batch, spans, span_capacity), 2 * ops));
  RG_TRY(array_reserve(gpu, BATCH_ARRAY(batch, textures, texture_capacity), textures));
  RG_TRY(array_reserve(gpu, BATCH_ARRAY(batch, barriers, barrier_capacity), 3 * textures));
  RG_TRY(table_reserve(gpu, batch));
fail:
  return result;
}

void batch_finish(gpu *gpu) {
  upload_batch *batch = &gpu->upload->batch;
  host_memory *host = &gpu->host;
  host_free(host, batch->ops, batch->op_capacity * sizeof *batch->ops);
  host_free(host, batch->runs, batch->run_capacity * sizeof *batch->runs);
  host_free(host, batch->spans, batch->span_capacity * sizeof *batch->spans);
  host_free(host, batch->textures, batch->texture_capacity * sizeof *batch->textures);
  host_free(host, batch->barriers, batch->barrier_capacity * sizeof *batch->barriers);
  host_free(host, batch->table, batch->table_capacity * sizeof *batch->table);
  *batch = (upload_batch){0};
}

bool batch_is_empty(const upload_batch *batch) {
  return batch->op_count == 0 && batch->texture_count == 0;
}

void batch_clear(upload_batch *batch) {
  if (batch->texture_count > 0) {
    memset(batch->table, 0, batch->table_capacity * sizeof *batch->table);
  }
  batch->op_count = batch->run_count = batch->texture_count = 0;
  batch->run_writes = batch->run_copies = 0;
}

/* ---- Dependencies -------------------------------------------------------------------------- */

static bool spans_overlap(uint64_t a, uint64_t a_size, uint64_t b, uint64_t b_size) {
  return a < b + b_size && b < a + a_size;
}

/* Whether `op`, or what it reads where `counts_source`, overlaps the bytes. */
static bool op_touches(const upload_op *op, bool counts_source, VkBuffer buffer, uint64_t offset,
                       uint64_t size) {
  const upload_buffer_op *place = &op->buffer;
  bool is_target = (op->kind == UPLOAD_WRITE || op->kind == UPLOAD_COPY) &&
                   place->target == buffer &&
                   spans_overlap(place->target_offset, place->size, offset, size);
  bool is_source = counts_source && op->kind == UPLOAD_COPY && place->source == buffer &&
                   spans_overlap(place->source_offset, place->size, offset, size);
  return is_target || is_source;
}

bool batch_touches(const upload_batch *batch, VkBuffer buffer, uint64_t offset, uint64_t size) {
  for (uint32_t i = 0; i < batch->op_count && i < SCAN_MAX; i++) {
    if (op_touches(&batch->ops[i], true, buffer, offset, size)) {
      return true;
    }
  }
  return batch->op_count > SCAN_MAX;
}

static uint32_t run_first(const upload_batch *batch) {
  return batch->runs[batch->run_count - 1];
}

/* Writes among themselves are sorted out later; a copy must see what was before it, and be seen by
 * what comes after. */
static bool buffer_op_depends(const upload_batch *batch, upload_kind kind,
                              const upload_buffer_op *op) {
  uint32_t relevant = batch->run_copies + (kind == UPLOAD_COPY ? batch->run_writes : 0);
  uint32_t first = run_first(batch);
  if (relevant == 0) {
    return false;
  }
  if (batch->op_count - first > SCAN_MAX) {
    return true;
  }
  for (uint32_t i = first; i < batch->op_count; i++) {
    const upload_op *other = &batch->ops[i];
    if (kind == UPLOAD_WRITE && other->kind == UPLOAD_WRITE) {
      continue;
    }
    if (op_touches(other, true, op->target, op->target_offset, op->size) ||
        (kind == UPLOAD_COPY &&
         op_touches(other, false, op->source, op->source_offset, op->size))) {
      return true;
    }
  }
  return false;
}

static bool regions_overlap(const rg_texture_region *a, const rg_texture_region *b) {
  return a->mip_level == b->mip_level &&
         spans_overlap(a->layer, a->layer_count, b->layer, b->layer_count) &&
         spans_overlap(a->x, a->width, b->x, b->width) &&
         spans_overlap(a->y, a->height, b->y, b->height) &&
         spans_overlap(a->z, a->depth, b->z, b->depth);
}

/* region: NULL for mips and moves, which come after a run's writes anyway. */
static bool texture_op_depends(const upload_batch *batch, uint32_t texture,
                               const rg_texture_region *region) {
  uint32_t first = run_first(batch), scanned = 0;
  for (uint32_t i = batch->textures[texture].last_op; i != UPLOAD_NO_OP && i >= first;
       i = batch->ops[i].previous) {
    const upload_op *other = &batch->ops[i];
    if (other->kind != UPLOAD_TEXTURE || ++scanned > SCAN_MAX ||
        (region != NULL && regions_overlap(&other->image.region, region))) {
      return true;
    }
  }
  return false;
}

/* ---- Adding -------------------------------------------------------------------------------- */

static void batch_begin(gpu *gpu, upload_batch *batch) {
  if (batch_is_empty(batch)) {
    frame_queue_begin(gpu);
  }
  if (batch->run_count == 0) {
    batch->runs[batch->run_count++] = 0;
  }
}

static void run_begin(upload_batch *batch) {
  batch->runs[batch->run_count++] = batch->op_count;
  batch->run_writes = batch->run_copies = 0;
}

static void batch_push(upload_batch *batch, const upload_op *op) {
  batch->ops[batch->op_count++] = *op;
}

void batch_add_buffer_op(gpu *gpu, upload_kind kind, const upload_buffer_op *op) {
  upload_batch *batch = &gpu->upload->batch;
  batch_begin(gpu, batch);
  if (buffer_op_depends(batch, kind, op)) {
    run_begin(batch);
  }
  batch->run_writes += kind == UPLOAD_WRITE ? 1 : 0;
  batch->run_copies += kind == UPLOAD_COPY ? 1 : 0;
  batch_push(batch, &(upload_op){.kind = kind, .previous = UPLOAD_NO_OP, .buffer = *op});
}

uint32_t batch_add_texture(gpu *gpu, const texture *texture, bool is_new) {
  return batch_add_image(gpu, texture, texture->vk.image, is_new);
}

uint32_t batch_add_image(gpu *gpu, const texture *texture, VkImage image, bool is_new) {
  upload_batch *batch = &gpu->upload->batch;
  batch_begin(gpu, batch);
  uint32_t *place = table_find(batch, image);
  if (*place == 0) {
    batch->textures[batch->texture_count++] = (upload_texture){
        .image = image,
        .layout = texture->vk.layout,
        .aspects = texture->aspects,
        .extent = texture->vk.extent,
        .levels = texture->vk.mip_levels,
        .layers = texture->vk.layers,
        .is_new = is_new,
        .last_op = UPLOAD_NO_OP,
    };
    *place = batch->texture_count;
  }
  return *place - 1;
}

static void texture_op_add(upload_batch *batch, uint32_t texture, upload_op op,
                           const rg_texture_region *region) {
  if (texture_op_depends(batch, texture, region)) {
    run_begin(batch);
  }
  op.texture = texture;
  op.previous = batch->textures[texture].last_op;
  batch->textures[texture].last_op = batch->op_count;
  batch_push(batch, &op);
}

void batch_add_texture_op(gpu *gpu, uint32_t texture, const upload_texture_op *op) {
  texture_op_add(&gpu->upload->batch, texture, (upload_op){.kind = UPLOAD_TEXTURE, .image = *op},
                 &op->region);
}

void batch_add_mips_op(gpu *gpu, uint32_t texture, const upload_mips_op *op) {
  texture_op_add(&gpu->upload->batch, texture, (upload_op){.kind = UPLOAD_MIPS, .mips = *op}, NULL);
}

/* What the source was written with must be there before. */
void batch_add_move_op(gpu *gpu, uint32_t texture, const upload_move_op *op) {
  upload_batch *batch = &gpu->upload->batch;
  uint32_t last = batch->textures[op->source].last_op;
  if (last != UPLOAD_NO_OP && last >= run_first(batch)) {
    run_begin(batch);
  }
  texture_op_add(batch, texture, (upload_op){.kind = UPLOAD_MOVE, .move = *op}, NULL);
}
