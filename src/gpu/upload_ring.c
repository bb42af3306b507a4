/* The staging ring: bounded, mapped for good, free again as submissions pass. */
#include "upload_internal.h"

#define RING_SIZE_MIN (UINT64_C(64) << 10)

/* A batch takes a quarter, so that the GPU copies one while the next is being filled. */
#define RING_PIECES 4

static rg_result ring_make(gpu *gpu, upload_ring *ring) {
  rg_buffer_desc desc = {.size = ring->wanted_size,
                         .usage = VK_BUFFER_USAGE_TRANSFER_SRC_BIT,
                         .update = RG_UPDATE_STREAM,
                         .label = "upload ring"};
  rg_result result = buffer_make(gpu, &desc, &ring->buffer, &ring->range);
  while (memory_is_exhausted(result) && desc.size / 2 >= RING_SIZE_MIN) {
    desc.size /= 2;
    result = buffer_make(gpu, &desc, &ring->buffer, &ring->range);
  }
  ring->size = result == RG_OK ? desc.size : 0;
  return result;
}

rg_result ring_ensure(gpu *gpu) {
  upload *upload = gpu->upload;
  if (atomic_load(&upload->ring.is_made)) {
    return RG_OK;
  }
  rg_result result = RG_OK;
  mutex_lock(&upload->making);
  if (!atomic_load(&upload->ring.is_made)) {
    result = ring_make(gpu, &upload->ring);
    atomic_store(&upload->ring.is_made, result == RG_OK);
  }
  mutex_unlock(&upload->making);
  return result;
}

uint64_t ring_piece_size(const upload_ring *ring) {
  return ring->size / RING_PIECES;
}

/* Where the next size bytes would begin, as a position; they do not wrap round. */
static uint64_t ring_next(const upload_ring *ring, uint64_t size, uint64_t alignment) {
  uint64_t offset = ring->head % ring->size;
  uint64_t round = ring->head - offset;
  offset = (offset + alignment - 1) / alignment * alignment;
  return offset + size > ring->size ? round + ring->size : round + offset;
}

static bool ring_try(upload_ring *ring, uint64_t size, uint64_t alignment, uint64_t *offset) {
  if (ring->head == ring->tail) {
    ring->head = ring->tail = ring->marked = 0;
  }
  uint64_t position = ring_next(ring, size, alignment);
  if (position + size - ring->tail > ring->size) {
    return false;
  }
  ring->head = position + size;
  *offset = position % ring->size;
  return true;
}

static void ring_collect(upload_ring *ring, uint64_t completed) {
  uint32_t passed = 0;
  while (passed < ring->mark_count && ring->marks[passed].value <= completed) {
    ring->tail = ring->marks[passed++].position;
  }
  ring->mark_count -= passed;
  for (uint32_t i = 0; passed > 0 && i < ring->mark_count; i++) {
    ring->marks[i] = ring->marks[i + passed];
  }
}

rg_result ring_reserve(gpu *gpu, uint64_t size, uint64_t alignment, uint64_t *offset) {
  rg_result result = RG_OK;
  upload_ring *ring = &gpu->upload->ring;
  if (ring->head - ring->marked + size > ring_piece_size(ring)) {
    RG_TRY(upload_flush(gpu));
  }
  while (!ring_try(ring, size, alignment, offset)) {
    uint64_t oldest = ring->mark_count > 0 ? ring->marks[0].value : 0;
    if (oldest > frame_completed(gpu)) {
      RG_TRY(frame_wait(gpu, oldest, UINT64_MAX));
    }
    ring_collect(ring, frame_completed(gpu));
  }
fail:
  return result;
}

/* Where the marks run out, the last one stands for this submission too. */
void ring_mark(upload_ring *ring, uint64_t value) {
  if (ring->head == ring->marked) {
    return;
  }
  uint32_t last = ring->mark_count < UPLOAD_MAX_MARKS ? ring->mark_count++ : UPLOAD_MAX_MARKS - 1;
  ring->marks[last] = (upload_mark){.value = value, .position = ring->head};
  ring->marked = ring->head;
}

void ring_rewind(upload_ring *ring) {
  ring->head = ring->marked;
}
