/* Slabs: VkBuffers that small buffers share.
 *
 * A slab is cut into runs, a run into up to 64 slots of one size class; the size is at most 1/16
 * over what was asked for. A slot is taken and given back under a spinlock of the thread's own
 * shard: no Vulkan call, no allocation, no mutex. A run whose slots are all free goes back to its
 * slab (each shard keeps the last one, where its slab holds more), a slab without runs to the
 * device memory (of each update frequency the largest is kept). A small buffer that asks for a
 * VkBuffer of its own has it bound to a slot's memory, which the slab's VkBuffer then leaves alone.
 */
#ifndef RG_GPU_BUFFER_SLAB_H
#define RG_GPU_BUFFER_SLAB_H

#include "base/spinlock.h"
#include "memory.h"

struct gpu;

#define SLAB_SHARED_MAX_SIZE (64u << 10) /* bytes of a buffer, and of a slot */
#define SLAB_ALIGNMENT_MAX 256u          /* what any device may ask for */
#define SLAB_CLASS_COUNT 144             /* see slab_class_of in buffer_run.c */
#define SLAB_SHARD_COUNT 16              /* threads that do not meet; the others share these */
#define SLAB_ROOMS 32
#define SLAB_UPDATE_COUNT (RG_UPDATE_READBACK + 1)

typedef struct buffer_slab buffer_slab;

/* Slots of one size in a row, in one slab. */
typedef struct slab_run {
  uint64_t free; /* a bit for each free slot; under its shard's lock, as are the next three */
  struct slab_run *next, *previous; /* in the shard's list, while some slot is free */
  bool is_open;                     /* the shard knows it: slots may be taken */
  uint8_t shard;                    /* this and what follows never changes */
  uint8_t slot_count;               /* 1 to 64 */
  uint16_t size_class;
  uint32_t slot_size; /* bytes */
  uint32_t offset;    /* bytes into the slab */
  range_id range;     /* in the slab's */
  buffer_slab *slab;
  struct slab_run *next_in_slab, *previous_in_slab; /* but these: under the slabs' lock */
} slab_run;

static inline uint64_t slab_run_mask(const slab_run *run) {
  return UINT64_MAX >> (64 - run->slot_count);
}

/* Slots begin where the class's sizes can: at multiples of their lowest bit. */
static inline uint64_t slab_run_alignment(uint32_t slot_size) {
  uint32_t lowest = slot_size & (~slot_size + 1);
  return lowest > SLAB_ALIGNMENT_MAX ? SLAB_ALIGNMENT_MAX : lowest;
}

/* A shared VkBuffer. */
struct buffer_slab {
  buffer_slab *next, *previous; /* in its list by room */
  VkBuffer buffer;
  memory_range range;
  uint64_t size;           /* bytes of the VkBuffer */
  range_allocator *ranges; /* its runs */
  slab_run *runs;
  uint64_t serial;             /* never used twice in an engine */
  uint32_t room;               /* which list it stands in */
  _Atomic uint32_t run_count;  /* in it; changes under the lock */
  _Atomic uint32_t idle_count; /* of these, runs that shards keep though no slot is in use */
  uint64_t used;               /* bytes of slots in use, as slab_for_each last counted */
  uint8_t update;              /* rg_update */
};

/* The slabs of one update frequency. List `n` holds those whose largest hole is 2^n bytes and more,
 * and less than 2^(n+1); list 0 the full ones too. */
typedef struct slab_list {
  buffer_slab *by_room[SLAB_ROOMS];
  uint32_t rooms;              /* a bit for each list that is not empty */
  uint64_t next_size;          /* of the slab to be made next; 0 means the smallest */
  buffer_slab *spare;          /* the one without runs that is kept; or NULL */
  _Atomic(buffer_slab *) kept; /* the one whose runs may all be idle; or NULL */
} slab_list;

/* A thread's runs with free slots, by update frequency and size class. */
typedef struct slab_shard {
  spinlock lock;
  slab_run *idle; /* the one run without used slots that is kept; or NULL */
  struct slab_class {
    slab_run *first;
    uint32_t slot_count; /* of all runs of the class, in the shard */
  } classes[SLAB_UPDATE_COUNT][SLAB_CLASS_COUNT];
} slab_shard;

typedef struct buffer_slabs {
  mutex lock; /* guards slabs and their ranges; a shard's lock may be taken under it */
  slab_list lists[SLAB_UPDATE_COUNT];
  uint64_t serial;            /* of the slab made last */
  VkBufferUsageFlags usage;   /* of every slab */
  uint32_t uniform_alignment; /* bytes; these two are never less than the next */
  uint32_t storage_alignment;
  uint32_t alignment_min; /* no two buffers share an atom of incoherent memory */
  uint32_t margin;        /* bytes of guard behind each buffer; 0: none */
  _Atomic(slab_shard *) shards[SLAB_SHARD_COUNT]; /* made by the first thread that needs it */
} buffer_slabs;

/* A place in a slab. Zero is none. */
typedef struct slab_slot {
  slab_run *run;
  uint32_t index;
} slab_slot;

/* What a descriptor asks of a slab. */
typedef struct slab_plan {
  uint32_t unit; /* the offset is a multiple of it */
  uint32_t slot_size;
  uint16_t size_class;
  uint8_t update;
} slab_plan;

void buffer_slabs_init(struct gpu *gpu);
/* Every slot must have been freed. */
void buffer_slabs_finish(struct gpu *gpu);

/* Whether a buffer of that resolved descriptor may live in a slab, and how. */
bool slab_plan_make(const buffer_slabs *slabs, const rg_buffer_desc *desc, slab_plan *out);
/* The same for a VkBuffer of its own, which is bound to a slot's memory. */
bool slab_plan_make_bound(const buffer_slabs *slabs, rg_update update,
                          const VkMemoryRequirements *requirements, slab_plan *out);
/* Room for such a buffer; vk gets where it begins. No Vulkan call while some slab has room. */
RG_NODISCARD rg_result buffer_slab_alloc(struct gpu *gpu, const slab_plan *plan, slab_slot *slot,
                                         rg_buffer_vk *vk);
/* Once the GPU has passed. */
void buffer_slab_free(struct gpu *gpu, slab_slot slot);
/* The slot as a piece of its slab's memory, from its first byte to its last: for guards and traces.
 */
memory_range slab_piece(slab_slot slot);
/* Bytes into the slab where the slot begins. */
static inline uint64_t slab_offset(slab_slot slot) {
  return slot.run->offset + (uint64_t)slot.index * slot.run->slot_size;
}
/* Gives kept runs and slabs that hold nothing back to the device memory. True if there were any. */
bool buffer_slabs_trim(struct gpu *gpu);

/* ---- buffer_slab_move.c: for defragmentation ---- */

/* Counts each slab's `used` and visits it, under the slabs' lock: the visitor must not call back.
 */
void slab_for_each(struct gpu *gpu,
                   void (*visit)(void *user, const buffer_slab *slab, uint64_t used), void *user);
/* Room for the same buffer in a slab that is fuller than its own, the fullest first, never a new
 * one: by `used` as slab_for_each last counted it, and by these moves since. desc: size, usage,
 * update and stride of the buffer. *vk as rg_buffer_get_vk would tell it.
 * RG_ERROR_OUT_OF_DEVICE_MEMORY, without a message, where there is none. */
RG_NODISCARD rg_result buffer_slab_alloc_denser(struct gpu *gpu, const rg_buffer_desc *desc,
                                                slab_slot slot, slab_slot *out, rg_buffer_vk *vk);
/* The same in the slab of that serial number only, however full it is. */
RG_NODISCARD rg_result buffer_slab_alloc_in(struct gpu *gpu, const rg_buffer_desc *desc,
                                            uint64_t serial, slab_slot *out, rg_buffer_vk *vk);
/* A new slab, of the size and update frequency of the one of that serial number, in a range of
 * device memory, which it takes over (*place is then zero). It is kept, though empty, until it was
 * used or trimmed. RG_ERROR_OUT_OF_DEVICE_MEMORY, without a message: that slab is gone, or too
 * large for the range. */
RG_NODISCARD rg_result buffer_slab_make_in(struct gpu *gpu, uint64_t like_serial,
                                           memory_range *place, uint64_t *serial);

/* ---- Between the parts of slabs ---- */

/* A slab in no list yet; place: device memory that it takes over, or NULL. NULL with *result and
 * the message set. Not under the lock. */
buffer_slab *slab_create(struct gpu *gpu, rg_update update, uint64_t size, memory_range *place,
                         rg_result *result);
/* Under the lock: it gets its serial number and its list. */
void slab_join(buffer_slabs *slabs, buffer_slab *slab);
/* A new run for the plan, of up to `wanted` slots, all free, for that shard but in no list of it
 * yet; its slab may be new. */
RG_NODISCARD rg_result slab_run_create(struct gpu *gpu, const slab_plan *plan, uint32_t wanted,
                                       uint32_t shard, slab_run **out);
/* The same in that slab, under the slabs' lock. RG_ERROR_OUT_OF_DEVICE_MEMORY, without a message,
 * where it has no room. */
RG_NODISCARD rg_result slab_run_create_in(struct gpu *gpu, buffer_slab *slab, const slab_plan *plan,
                                          uint32_t wanted, uint32_t shard, slab_run **out);
/* Of a run that its shard does not know any more. */
void slab_run_destroy(struct gpu *gpu, slab_run *run);
/* Takes the kept runs of the slab of that serial number from their shards, if it holds nothing else
 * and another such slab is kept. */
void slab_retire_idle(struct gpu *gpu, uint8_t update, uint64_t serial);
/* Gives slabs without runs back. True if there were any. */
bool slab_empty_destroy(struct gpu *gpu);
/* Under the shard's lock and the slabs': takes the run from its shard, if it is the one that is
 * kept there. */
bool slab_run_take_idle(slab_shard *shard, slab_run *run);
/* A slot of that run; false where it has none free, or is about to go. */
bool slab_run_take(slab_shard *shard, slab_run *run, slab_slot *out);
/* A slot of a new run in that slab, under the slabs' lock. */
RG_NODISCARD rg_result slab_run_add(struct gpu *gpu, buffer_slab *slab, const slab_plan *plan,
                                    slab_slot *out);
/* Where a buffer of that plan begins in its slot. */
void slab_tell(const slab_plan *plan, slab_slot slot, rg_buffer_vk *vk);

#endif
