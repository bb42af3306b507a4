/* Buffers: small ones share VkBuffers, so that making one costs no Vulkan call; those that will not
 * share still lie in the memory of slabs. */
#ifndef RG_GPU_BUFFER_H
#define RG_GPU_BUFFER_H

#include "buffer_slab.h"
#include "memory.h"
#include "resource.h"
#include "transient.h"
#include "upload.h"

/* What only a buffer with a VkBuffer and memory of its own has. */
typedef struct buffer_own {
  memory_range range;
  transient_member transient; /* zero: it is none */
} buffer_own;

/* What a creation writes comes first: a shared buffer stays within two cache lines. */
typedef struct buffer {
  rg_buffer_vk vk;          /* read without a lock */
  slab_slot slot;           /* of a slab: of its VkBuffer, or of its memory alone; zero: see own */
  buffer_own *own;          /* a VkBuffer and memory of its own; NULL where it has a slot */
  VkBufferUsageFlags usage; /* the type's included */
  uint32_t stride;
  uint8_t type;    /* rg_buffer_type */
  uint8_t update;  /* rg_update */
  bool is_movable; /* vk, slot and own->range then change under the upload's lock, but not size */
  bool is_exportable, is_protected;
  bool is_bound; /* it has a slot's memory, and a VkBuffer of its own */
  resource resource;
} buffer;

typedef struct buffers {
  slots slots;
  buffer_slabs slabs;
} buffers;

void buffers_init(struct gpu *gpu);
void buffers_finish(struct gpu *gpu);

/* The place of `offset` bytes into the buffer, for upload.h. */
static inline upload_place buffer_place(const buffer *buffer, uint64_t offset) {
  return (upload_place){.buffer = buffer, .offset = offset};
}
/* Where those bytes are at present. Of a movable buffer that others know: under the upload's lock.
 */
upload_bytes buffer_bytes(const buffer *buffer, uint64_t offset);
/* The memory that it lies in: its own, or its slab's. */
const memory_range *buffer_memory(const buffer *buffer);
/* The memory type and the bytes of it that the buffer takes. */
uint32_t buffer_memory_type(const buffer *buffer);
uint64_t buffer_memory_size(const buffer *buffer);

/* A buffer at a place in a group's memory, with a VkBuffer of its own and without data; it joins
 * the group. desc: resolved. */
RG_NODISCARD rg_result buffer_create_at(struct gpu *gpu, const rg_buffer_desc *desc,
                                        const transient_place *place, rg_buffer *out);

/* ---- buffer_check.c ---- */

/* Checks a descriptor and fills its defaults in; usage gains the type's. */
RG_NODISCARD rg_result buffer_resolve_desc(struct gpu *gpu, const rg_buffer_desc *given,
                                           rg_buffer_desc *out);

/* ---- buffer_make.c; desc: resolved ---- */

/* A VkBuffer with memory of its own, dedicated where the driver asks for it, or at a place in a
 * group's memory (NULL: none). */
RG_NODISCARD rg_result buffer_make_at(struct gpu *gpu, const rg_buffer_desc *desc,
                                      const transient_place *place, VkBuffer *out,
                                      memory_range *range);
RG_NODISCARD rg_result buffer_make(struct gpu *gpu, const rg_buffer_desc *desc, VkBuffer *out,
                                   memory_range *range);
/* The same at that place; range gets a share of it. NULL: memory of its own. */
RG_NODISCARD rg_result buffer_make_in(struct gpu *gpu, const rg_buffer_desc *desc,
                                      const memory_range *place, VkBuffer *out,
                                      memory_range *range);
/* A VkBuffer in the memory of a slab's slot. RG_NOT_READY, without a message: that does not serve
 * it, or there is none: then it needs memory of its own. */
RG_NODISCARD rg_result buffer_make_bound(struct gpu *gpu, const rg_buffer_desc *desc,
                                         slab_slot *slot, VkBuffer *out);
/* The same as buffer_make_in for a slab: what shares it is traced, and it is not. */
RG_NODISCARD rg_result buffer_make_shared(struct gpu *gpu, const rg_buffer_desc *desc,
                                          const memory_range *place, VkBuffer *out,
                                          memory_range *range);
void buffer_unmake(struct gpu *gpu, VkBuffer buffer, memory_range *range);
/* What memory_alloc would be asked for; makes a VkBuffer for a moment to learn it. */
RG_NODISCARD rg_result buffer_get_request(struct gpu *gpu, const rg_buffer_desc *desc,
                                          memory_request *out);

#endif
