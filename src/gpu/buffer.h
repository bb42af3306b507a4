/* Buffers: small ones share VkBuffers, so that making one costs no Vulkan call. */
#ifndef RG_GPU_BUFFER_H
#define RG_GPU_BUFFER_H

#include "memory.h"
#include "resource.h"
#include "upload.h"

#define BUFFER_SHARED_MAX_SIZE (64u << 10)

typedef struct buffer {
  rg_buffer_vk vk; /* read without a lock */
  resource resource;
  rg_buffer_type type;
  rg_update update;
  VkBufferUsageFlags usage; /* the type's included */
  struct buffer_slab *slab; /* NULL where the VkBuffer is its own */
  range_id slab_range;
  memory_range range; /* of its own VkBuffer; in a slab: none */
} buffer;

/* A shared VkBuffer, which small buffers are ranges of. */
typedef struct buffer_slab {
  struct buffer_slab *next, *previous;
  VkBuffer buffer;
  memory_range range;
  range_allocator *ranges;
  uint64_t atom;  /* bytes that no two buffers may share: of incoherent memory; else 1 */
  uint32_t room;  /* which list it stands in */
  uint32_t count; /* of buffers in it */
  rg_update update;
} buffer_slab;

#define BUFFER_SLAB_ROOMS 32

/* The slabs of one update frequency. List `n` holds those whose largest hole is 2^n bytes and more,
 * and less than 2^(n+1); list 0 the full ones too. */
typedef struct buffer_slabs {
  buffer_slab *by_room[BUFFER_SLAB_ROOMS];
  uint32_t rooms;     /* a bit for each list that is not empty */
  uint64_t next_size; /* of the slab to be made next; 0 means the smallest */
  buffer_slab *spare; /* the one without buffers that is kept; or NULL */
} buffer_slabs;

typedef struct buffers {
  slots slots;
  mutex lock; /* guards the slabs and their ranges */
  buffer_slabs slabs[RG_UPDATE_READBACK + 1];
} buffers;

void buffers_init(struct gpu *gpu);
void buffers_finish(struct gpu *gpu);
/* The place of `offset` bytes into the buffer, for upload.h. */
upload_place buffer_place(const buffer *buffer, uint64_t offset);
/* The memory type and the bytes of it that the buffer takes. */
uint32_t buffer_memory_type(const buffer *buffer);
uint64_t buffer_memory_size(const buffer *buffer);

/* ---- buffer_slab.c, for buffer.c ---- */

/* A VkBuffer with memory of its own, dedicated where the driver asks for it. */
RG_NODISCARD rg_result buffer_make(struct gpu *gpu, const rg_buffer_desc *desc, VkBuffer *out,
                                   memory_range *range);
void buffer_unmake(struct gpu *gpu, VkBuffer buffer, memory_range *range);

/* Whether a buffer of that resolved descriptor may live in a slab. */
bool buffer_is_shared(const rg_buffer_desc *desc);
/* Room for such a buffer. No Vulkan call while some slab has room. */
RG_NODISCARD rg_result buffer_slab_alloc(struct gpu *gpu, const rg_buffer_desc *desc,
                                         buffer_slab **slab, range_id *range, uint64_t *offset);
/* Once the GPU has passed. Of the empty slabs of an update frequency the largest is kept. */
void buffer_slab_free(struct gpu *gpu, buffer_slab *slab, range_id range);
void buffer_slabs_finish(struct gpu *gpu, buffer_slabs *slabs);

#endif
