/* What the parts of the upload share: the ring, the batch, and the buffer for reading back. Private
 * to upload*.c.
 *
 * Locks, outermost first: making, reader.lock, lock. Memory is never allocated with `lock` held,
 * since that may have to submit. */
#ifndef RG_GPU_UPLOAD_INTERNAL_H
#define RG_GPU_UPLOAD_INTERNAL_H

#include "gpu.h"
#include "upload_sort.h"

/* ---- The ring ------------------------------------------------------------------------------ */

#define UPLOAD_MAX_MARKS 64

/* The ring's space up to `position` is free once submission `value` has passed. */
typedef struct upload_mark {
  uint64_t value, position;
} upload_mark;

/* A staging buffer used round and round. Positions count on; modulo size they are offsets. */
typedef struct upload_ring {
  uint64_t wanted_size;
  _Atomic bool is_made;
  VkBuffer buffer;
  memory_range range;
  uint64_t size;
  uint64_t head, tail; /* of what is in use */
  uint64_t marked;     /* the head at the last submission; what lies above is the batch's */
  upload_mark marks[UPLOAD_MAX_MARKS]; /* oldest first */
  uint32_t mark_count;
} upload_ring;

/* Makes the ring when it is first needed, smaller where memory is short. Without `lock` held. */
RG_NODISCARD rg_result ring_ensure(gpu *gpu);
/* The functions below are called with `lock` held. */

/* Room for size bytes, at most ring_piece_size, at a multiple of alignment; submits the batch and
 * waits for older ones where it must. */
RG_NODISCARD rg_result ring_reserve(gpu *gpu, uint64_t size, uint64_t alignment, uint64_t *offset);
uint64_t ring_piece_size(const upload_ring *ring);
/* What the batch has staged goes with submission `value`. */
void ring_mark(upload_ring *ring, uint64_t value);
/* What the batch has staged is free again. */
void ring_rewind(upload_ring *ring);

/* ---- The batch ----------------------------------------------------------------------------- */

typedef enum upload_kind {
  UPLOAD_WRITE,   /* from the ring to a buffer */
  UPLOAD_COPY,    /* from buffer to buffer */
  UPLOAD_TEXTURE, /* from the ring to a box of a texture's level */
  UPLOAD_MIPS,    /* from level to level */
  UPLOAD_MOVE,    /* all of a texture to another image */
} upload_kind;

#define UPLOAD_NO_OP UINT32_MAX

typedef struct upload_buffer_op {
  VkBuffer source, target;
  uint64_t source_offset, target_offset, size;
} upload_buffer_op;

typedef struct upload_texture_op {
  uint64_t source_offset; /* in the ring */
  rg_texture_region region;
} upload_texture_op;

typedef struct upload_mips_op {
  uint32_t first; /* the first level to be filled */
  VkFilter filter;
} upload_mips_op;

typedef struct upload_move_op {
  uint32_t source; /* index into the batch's textures: the image to copy from */
} upload_move_op;

typedef struct upload_op {
  upload_kind kind;
  uint32_t texture;  /* index into the batch's textures */
  uint32_t previous; /* the same texture's operation before this one, or UPLOAD_NO_OP */
  union {
    upload_buffer_op buffer;
    upload_texture_op image;
    upload_mips_op mips;
    upload_move_op move;
  };
} upload_op;

/* A texture that the batch touches: by its Vulkan objects, which outlive the batch. */
typedef struct upload_texture {
  VkImage image;
  VkImageLayout layout; /* to rest in */
  VkImageAspectFlags aspects;
  VkExtent3D extent;
  uint32_t levels, layers;
  bool is_new;                         /* comes from the undefined layout */
  uint32_t last_op;                    /* or UPLOAD_NO_OP */
  uint32_t first_source, source_count; /* while recording: levels that are sources of blits, or
                                          of moves */
} upload_texture;

typedef struct upload_batch {
  upload_op *ops;
  uint32_t op_count, op_capacity;
  uint32_t *runs; /* the first operation of each; one run at least where there are operations */
  uint32_t run_count, run_capacity;
  uint32_t run_writes, run_copies; /* of the last run */
  upload_texture *textures;
  uint32_t texture_count, texture_capacity;
  uint32_t *table; /* of open addressing: a texture's index + 1, by image */
  uint32_t table_capacity;
  /* Scratch for recording, reserved with the rest so that recording cannot fail. */
  upload_span *spans; /* two for each operation */
  uint32_t span_capacity;
  VkImageMemoryBarrier *barriers; /* three for each texture */
  uint32_t barrier_capacity;
} upload_batch;

bool batch_is_empty(const upload_batch *batch);
void batch_finish(gpu *gpu);
void batch_clear(upload_batch *batch);
/* Room for one more operation and two more textures, so that adding them cannot fail; a batch that
 * has grown long is submitted first. */
RG_NODISCARD rg_result batch_prepare(gpu *gpu);
void batch_add_buffer_op(gpu *gpu, upload_kind kind, const upload_buffer_op *op);
/* The index of the texture, added if need be. */
uint32_t batch_add_texture(gpu *gpu, const texture *texture, bool is_new);
/* As batch_add_texture for another image of the texture's facts. */
uint32_t batch_add_image(gpu *gpu, const texture *texture, VkImage image, bool is_new);
void batch_add_texture_op(gpu *gpu, uint32_t texture, const upload_texture_op *op);
void batch_add_mips_op(gpu *gpu, uint32_t texture, const upload_mips_op *op);
/* All of op's source to the texture; nothing writes to the source afterwards. */
void batch_add_move_op(gpu *gpu, uint32_t texture, const upload_move_op *op);
/* Whether some operation reads or writes these bytes; true where finding out would take long. */
bool batch_touches(const upload_batch *batch, VkBuffer buffer, uint64_t offset, uint64_t size);

/* Copies go to the depth aspect where there is one. */
VkBufferImageCopy upload_image_copy(VkImageAspectFlags aspects, const rg_texture_region *region,
                                    uint64_t buffer_offset);
/* Records the whole batch, which stays as it is. */
void batch_record(gpu *gpu, VkCommandBuffer commands);

/* ---- All of it ----------------------------------------------------------------------------- */

#define UPLOAD_MAX_REGIONS 1024 /* of one vkCmdCopyBuffer */

/* A buffer that reads go through, one at a time. */
typedef struct upload_reader {
  mutex lock;
  VkBuffer buffer;
  memory_range range;
  uint64_t size;
  uint64_t value; /* the last submission that wrote to it */
} upload_reader;

struct upload {
  mutex making; /* of the ring */
  upload_reader reader;
  mutex lock; /* guards what follows */
  upload_ring ring;
  upload_batch batch;
  uint64_t host_visible; /* the last submission that ends by making all visible to the host */
  VkBufferCopy regions[UPLOAD_MAX_REGIONS]; /* scratch */
};

/* Commands that begin with the batch; `lock` is held until upload_end. */
RG_NODISCARD rg_result upload_begin(gpu *gpu, frame_commands **out);
/* Submits them and, in the same submission, the caller's. The batch is empty then; it stays where
 * this fails. */
RG_NODISCARD rg_result upload_end(gpu *gpu, frame_commands *own, const VkCommandBuffer *commands,
                                  uint32_t count, uint64_t *value);
/* Submits the batch if there is one. */
RG_NODISCARD rg_result upload_flush(gpu *gpu);

/* The reader's buffer, of size bytes or fewer, with no submission writing to it. With reader.lock
 * held, without `lock`. */
RG_NODISCARD rg_result reader_ensure(gpu *gpu, uint64_t size);
/* Ends a read's commands with all visible to the host, and submits. With `lock` held. */
RG_NODISCARD rg_result upload_end_visible(gpu *gpu, frame_commands *commands, uint64_t *value);
/* The same for commands that write to the reader; then gives `lock` back and waits. */
RG_NODISCARD rg_result reader_finish(gpu *gpu, frame_commands *commands);

#endif
