/* Every byte on its way between host and device memory: a bounded ring, batches, one submission a
 * flush.
 *
 * Writes and copies collect in a batch. A flush orders it: writes sorted by target, overwritten
 * bytes dropped, neighbours merged, one copy command a target, one barrier call before and one
 * after, one submission. A command that depends on an earlier one of the batch starts a new run
 * behind a barrier. */
#ifndef RG_GPU_UPLOAD_H
#define RG_GPU_UPLOAD_H

#include "memory.h"

struct buffer;
struct gpu;
struct texture;
typedef struct upload upload; /* its insides are upload.c's */

RG_NODISCARD rg_result upload_init(struct gpu *gpu, uint64_t ring_size);
/* Drops the batch; nothing of it may be running. */
void upload_finish(struct gpu *gpu);
/* Drops what is queued and not submitted, at the engine's end. */
void upload_discard(struct gpu *gpu);

/* A place in a buffer that the caller holds. Where its bytes are is looked up under the upload's
 * lock, at the very moment that something is queued: rg_defragment may move them before. */
typedef struct upload_place {
  const struct buffer *buffer;
  uint64_t offset; /* bytes into it */
} upload_place;

/* Where a buffer's bytes are: a place in a VkBuffer, and its host memory where it is mapped. */
typedef struct upload_bytes {
  VkBuffer buffer;
  uint64_t offset;           /* bytes into buffer */
  const memory_range *range; /* the buffer's memory */
  uint64_t range_offset;     /* bytes from the range's start to the place */
} upload_bytes;

/* Guards where movable buffers and textures are, and what is queued. Take no other lock but those
 * of device memory and frames while you hold it, and allocate no memory. */
void upload_lock(struct gpu *gpu);
void upload_unlock(struct gpu *gpu);

/* All of these may submit, where the ring is full. A submission that fails leaves the batch queued
 * for the next one, unless the device is lost; of the call that failed nothing is queued, but for
 * data over a quarter of the ring, which goes piece by piece. */

/* Into a buffer that the GPU may be using: written directly where it is mapped, the GPU is idle and
 * nothing of the batch touches it; through the ring otherwise. is_fresh: the GPU has never seen the
 * place, so mapped memory is always written directly. */
RG_NODISCARD rg_result upload_write(struct gpu *gpu, const upload_place *target, const void *data,
                                    uint64_t size, bool is_fresh);
RG_NODISCARD rg_result upload_copy(struct gpu *gpu, const upload_place *source,
                                   const upload_place *target, uint64_t size);
/* Waits for all before it. */
RG_NODISCARD rg_result upload_read(struct gpu *gpu, const upload_place *source, void *data,
                                   uint64_t size);

/* region: checked and without zero extents. The texture rests in its layout before and after. */
RG_NODISCARD rg_result upload_write_texture(struct gpu *gpu, struct texture *texture,
                                            const rg_texture_region *region, const void *data);
/* Fills the levels from `first` down from the one before, for all layers, in the batch's order. */
RG_NODISCARD rg_result upload_generate_mips(struct gpu *gpu, struct texture *texture,
                                            uint32_t first);
/* Brings a new texture's levels from undefined to its layout, in the batch's order. */
RG_NODISCARD rg_result upload_init_texture(struct gpu *gpu, struct texture *texture);
/* Moves, with the lock held by the caller: copies all of a buffer's bytes, or all levels, layers
 * and aspects of a texture, from the old place to the new one, in order with all that is queued.
 * What is queued after must name the new place. upload_prepare_move makes room first, so that these
 * cannot fail; it may submit the batch, not wait. */
RG_NODISCARD rg_result upload_prepare_move(struct gpu *gpu);
void upload_move_bytes(struct gpu *gpu, const upload_bytes *source, const upload_bytes *target,
                       uint64_t size);
/* target: an image of the texture's facts, in the undefined layout. */
void upload_move_texture(struct gpu *gpu, const struct texture *texture, VkImage target);
RG_NODISCARD rg_result upload_read_texture(struct gpu *gpu, struct texture *texture,
                                           const rg_texture_region *region, void *data,
                                           uint64_t size);

/* Submits the batch, if there is any, followed by the caller's commands, then collects. *value (may
 * be NULL): the timeline's place that passes with them, or the last submission's where there was
 * nothing to do. */
RG_NODISCARD rg_result upload_submit(struct gpu *gpu, const VkCommandBuffer *commands,
                                     uint32_t count, uint64_t *value);

#endif
