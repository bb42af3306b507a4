/* Buffers' bytes on their way: written directly or through the ring, copied, read back; and the
 * submission of all that is queued. */
#include "upload.h"

#include <string.h>

#include "upload_internal.h"

#define RING_SIZE_DEFAULT (UINT64_C(64) << 20)

/* Staged bytes begin at multiples of this, so that neighbours' copies can be merged. */
#define WRITE_ALIGNMENT 4

rg_result upload_init(gpu *gpu, uint64_t ring_size) {
  upload *upload = host_calloc(&gpu->host, 1, sizeof *upload);
  if (upload == NULL) {
    return result_no_memory("upload", sizeof *upload);
  }
  mutex_init(&upload->making);
  mutex_init(&upload->reader.lock);
  mutex_init(&upload->lock);
  upload->ring.wanted_size = ring_size == 0 ? RING_SIZE_DEFAULT : ring_size;
  gpu->upload = upload;
  return RG_OK;
}

/* Its buffers may still be read by the last submissions; frame_drain has waited for those. */
void upload_finish(gpu *gpu) {
  upload *upload = gpu->upload;
  if (upload == NULL) {
    return;
  }
  frame_drain(gpu);
  batch_finish(gpu);
  buffer_unmake(gpu, upload->ring.buffer, &upload->ring.range);
  buffer_unmake(gpu, upload->reader.buffer, &upload->reader.range);
  mutex_finish(&upload->lock);
  mutex_finish(&upload->reader.lock);
  mutex_finish(&upload->making);
  host_free(&gpu->host, upload, sizeof *upload);
  gpu->upload = NULL;
}

void upload_discard(gpu *gpu) {
  upload *upload = gpu->upload;
  if (upload == NULL) {
    return;
  }
  mutex_lock(&upload->lock);
  if (!batch_is_empty(&upload->batch)) {
    batch_clear(&upload->batch);
    ring_rewind(&upload->ring);
    frame_queue_end(gpu, atomic_load(&gpu->frame.submitted));
  }
  mutex_unlock(&upload->lock);
}

/* ---- Submission ---------------------------------------------------------------------------- */

rg_result upload_begin(gpu *gpu, frame_commands **out) {
  rg_result result = frame_commands_begin(gpu, out);
  if (result == RG_OK && !batch_is_empty(&gpu->upload->batch)) {
    batch_record(gpu, (*out)->buffer);
  }
  return result;
}

rg_result upload_end(gpu *gpu, frame_commands *own, const VkCommandBuffer *commands, uint32_t count,
                     uint64_t *value) {
  upload *upload = gpu->upload;
  rg_result result = frame_submit(gpu, own, commands, count, value);
  if (result == RG_OK && !batch_is_empty(&upload->batch)) {
    ring_mark(&upload->ring, *value);
    batch_clear(&upload->batch);
    frame_queue_end(gpu, *value);
  }
  return result;
}

rg_result upload_flush(gpu *gpu) {
  if (batch_is_empty(&gpu->upload->batch)) {
    return RG_OK;
  }
  frame_commands *own = NULL;
  uint64_t value;
  rg_result result = upload_begin(gpu, &own);
  return result == RG_OK ? upload_end(gpu, own, NULL, 0, &value) : result;
}

static rg_result submit_locked(gpu *gpu, const VkCommandBuffer *commands, uint32_t count,
                               uint64_t *value) {
  frame_commands *own = NULL;
  bool has_batch = !batch_is_empty(&gpu->upload->batch);
  if (!has_batch && count == 0) {
    *value = atomic_load(&gpu->frame.submitted);
    return RG_OK;
  }
  rg_result result = has_batch ? upload_begin(gpu, &own) : RG_OK;
  return result == RG_OK ? upload_end(gpu, own, commands, count, value) : result;
}

rg_result upload_submit(gpu *gpu, const VkCommandBuffer *commands, uint32_t count,
                        uint64_t *value) {
  uint64_t place = 0;
  mutex_lock(&gpu->upload->lock);
  rg_result result = submit_locked(gpu, commands, count, &place);
  mutex_unlock(&gpu->upload->lock);
  if (value != NULL) {
    *value = place;
  }
  frame_collect(gpu);
  return result;
}

/* ---- Writes -------------------------------------------------------------------------------- */

static rg_result write_mapped(gpu *gpu, const upload_bytes *target, const void *data,
                              uint64_t size) {
  memcpy((unsigned char *)target->range->mapped + target->range_offset, data, size);
  return memory_flush(gpu, target->range, target->range_offset, size);
}

static rg_result write_staged(gpu *gpu, const upload_bytes *target, uint64_t done, const void *data,
                              uint64_t size) {
  rg_result result = RG_OK;
  upload_ring *ring = &gpu->upload->ring;
  upload_buffer_op op = {.source = ring->buffer,
                         .target = target->buffer,
                         .target_offset = target->offset + done,
                         .size = size};
  RG_TRY(batch_prepare(gpu));
  RG_TRY(ring_reserve(gpu, size, WRITE_ALIGNMENT, &op.source_offset));
  memcpy((unsigned char *)ring->range.mapped + op.source_offset, data, size);
  batch_add_buffer_op(gpu, UPLOAD_WRITE, &op);
fail:
  return result;
}

static rg_result write_in_pieces(gpu *gpu, const upload_place *target, const void *data,
                                 uint64_t size) {
  rg_result result = ring_ensure(gpu);
  if (result != RG_OK) {
    return result;
  }
  upload *upload = gpu->upload;
  mutex_lock(&upload->lock);
  const upload_bytes bytes = buffer_bytes(target->buffer, target->offset);
  uint64_t piece_size = ring_piece_size(&upload->ring);
  for (uint64_t done = 0; done < size && result == RG_OK;) {
    uint64_t piece = size - done < piece_size ? size - done : piece_size;
    result = write_staged(gpu, &bytes, done, (const unsigned char *)data + done, piece);
    done += piece;
  }
  mutex_unlock(&upload->lock);
  return result;
}

/* Of a movable buffer only its place tells. */
static bool may_be_mapped(const buffer *buffer) {
  return buffer->is_movable || buffer_bytes(buffer, 0).range->mapped != NULL;
}

/* Nobody else knows the buffer yet, so that it stays where it is. */
static rg_result write_fresh(gpu *gpu, const upload_place *target, const void *data, uint64_t size,
                             bool *is_done) {
  const upload_bytes bytes = buffer_bytes(target->buffer, target->offset);
  *is_done = bytes.range->mapped != NULL;
  return *is_done ? write_mapped(gpu, &bytes, data, size) : RG_OK;
}

static rg_result write_idle(gpu *gpu, const upload_place *target, const void *data, uint64_t size,
                            bool *is_done) {
  rg_result result = RG_OK;
  upload *upload = gpu->upload;
  if (!frame_is_idle(gpu)) {
    return RG_OK;
  }
  mutex_lock(&upload->lock);
  const upload_bytes bytes = buffer_bytes(target->buffer, target->offset);
  *is_done = bytes.range->mapped != NULL && frame_is_idle(gpu) &&
             !batch_touches(&upload->batch, bytes.buffer, bytes.offset, size);
  if (*is_done) {
    result = write_mapped(gpu, &bytes, data, size);
  }
  mutex_unlock(&upload->lock);
  return result;
}

rg_result upload_write(gpu *gpu, const upload_place *target, const void *data, uint64_t size,
                       bool is_fresh) {
  if (may_be_mapped(target->buffer)) {
    bool is_done = false;
    rg_result result = is_fresh ? write_fresh(gpu, target, data, size, &is_done)
                                : write_idle(gpu, target, data, size, &is_done);
    if (is_done) {
      return result;
    }
  }
  return write_in_pieces(gpu, target, data, size);
}

/* ---- Copies -------------------------------------------------------------------------------- */

static void copy_add(gpu *gpu, const upload_bytes *source, const upload_bytes *target,
                     uint64_t size) {
  const upload_buffer_op op = {.source = source->buffer,
                               .target = target->buffer,
                               .source_offset = source->offset,
                               .target_offset = target->offset,
                               .size = size};
  batch_add_buffer_op(gpu, UPLOAD_COPY, &op);
}

rg_result upload_copy(gpu *gpu, const upload_place *source, const upload_place *target,
                      uint64_t size) {
  upload *upload = gpu->upload;
  mutex_lock(&upload->lock);
  rg_result result = batch_prepare(gpu);
  if (result == RG_OK) {
    const upload_bytes from = buffer_bytes(source->buffer, source->offset);
    const upload_bytes to = buffer_bytes(target->buffer, target->offset);
    copy_add(gpu, &from, &to, size);
  }
  mutex_unlock(&upload->lock);
  return result;
}

/* ---- Moves --------------------------------------------------------------------------------- */

void upload_lock(gpu *gpu) {
  mutex_lock(&gpu->upload->lock);
}

void upload_unlock(gpu *gpu) {
  mutex_unlock(&gpu->upload->lock);
}

rg_result upload_prepare_move(gpu *gpu) {
  return batch_prepare(gpu);
}

void upload_move_bytes(gpu *gpu, const upload_bytes *source, const upload_bytes *target,
                       uint64_t size) {
  copy_add(gpu, source, target, size);
}

void upload_move_texture(gpu *gpu, const texture *texture, VkImage target) {
  upload_move_op op = {.source = batch_add_texture(gpu, texture, false)};
  batch_add_move_op(gpu, batch_add_image(gpu, texture, target, true), &op);
}

/* ---- What the public interface tells ------------------------------------------------------- */

static rg_result submit_public(gpu *gpu, const VkCommandBuffer *commands, uint32_t count,
                               rg_ticket *ticket) {
  rg_result result = RG_OK;
  uint64_t value = 0;
  if (ticket != NULL) {
    *ticket = (rg_ticket){0};
  }
  if (gpu->before_submit != NULL) {
    RG_TRY(gpu->before_submit(gpu));
  }
  RG_TRY(upload_submit(gpu, commands, count, &value));
  memory_budget_refresh(gpu);
  if (ticket != NULL) {
    *ticket = frame_ticket(gpu, value);
  }
fail:
  return result;
}

rg_result rg_flush(rg_engine *engine, rg_ticket *ticket) {
  RESOURCE_REQUIRE(engine);
  return submit_public(gpu_of(engine), NULL, 0, ticket);
}

rg_result rg_submit(rg_engine *engine, const VkCommandBuffer *commands, uint32_t count,
                    rg_ticket *ticket) {
  RESOURCE_REQUIRE(engine);
  if (count > 0) {
    RESOURCE_REQUIRE(commands);
  }
  return submit_public(gpu_of(engine), commands, count, ticket);
}
