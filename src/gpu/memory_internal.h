/* What the parts of device memory share: pools, arenas of blocks, blocks, and the order of memory
 * types. Private to memory*.c. */
#ifndef RG_GPU_MEMORY_INTERNAL_H
#define RG_GPU_MEMORY_INTERNAL_H

#include "gpu.h"

/* One VkDeviceMemory: cut into ranges, or dedicated to one resource. */
struct memory_block {
  memory_block *next, *previous;           /* in its class's list of its arena */
  memory_block *next_made, *previous_made; /* in its pool's list of all */
  memory_pool *pool;
  _Atomic(struct memory_arena *) arena; /* where it stands, or stood last; NULL: it is dedicated */
  VkDeviceMemory memory;
  uint64_t size, serial;
  uint64_t used;       /* bytes of its ranges, padding included */
  uint64_t room;       /* bytes of its largest hole, or somewhat less */
  uint32_t size_class; /* of room; where it stands in its arena */
  uint32_t range_count;
  bool is_listed;          /* in its arena */
  uint64_t padding;        /* bytes, of used */
  unsigned char *mapped;   /* all of it, while it lives; NULL where it is not host-visible */
  range_allocator *ranges; /* NULL where it is dedicated */
  char label[48];          /* of what it is dedicated to, cut */
};

/* Four classes an octave from 256 bytes on; the first holds all that is smaller. */
#define MEMORY_CLASSES 128

/* Blocks under one lock, found by their largest hole. */
typedef struct memory_arena {
  mutex lock;
  memory_block *by_class[MEMORY_CLASSES]; /* the fuller ones first */
  uint64_t classes[MEMORY_CLASSES / 64];  /* a bit for each list that is not empty */
  uint32_t range_count, block_count;
  uint32_t index;           /* in its pool */
  _Atomic uint32_t clashes; /* how often its threads met others where they found room */
} memory_arena;

/* A thread alone uses the first arena only. Threads that meet there move on to the next, and get
 * blocks of their own once they have met often enough. */
#define MEMORY_ARENAS 4

struct memory_pool {
  uint32_t type; /* Vulkan's memory type index */
  uint32_t heap;
  bool is_optimal; /* for images of optimal tiling, where granularity keeps these apart */
  rg_pool handle;  /* null: the engine's own */
  const char *label;
  rg_pool_desc desc;                       /* of the caller's; zero for the engine's own */
  uint64_t atom;                           /* bytes: ranges begin and end at multiples */
  uint64_t block_size_cap;                 /* bytes of the largest block that is cut into ranges */
  _Atomic uint32_t threads[MEMORY_ARENAS]; /* thread_index + 1 of who used each arena last */
  memory_arena arenas[MEMORY_ARENAS];
  mutex lock;               /* before the arenas' own; held while the pool grows; guards the rest */
  memory_block *blocks;     /* all of them, the newest first */
  memory_block *spare;      /* an empty block that is kept, and in no arena; NULL for none */
  uint64_t next_block_size; /* grows from small to the cap */
  uint32_t block_count, dedicated_count; /* the former includes the latter */
  uint32_t made_count;                   /* blocks ever made */
  uint64_t size;                         /* bytes of all blocks */
  memory_pool *next;                     /* of the caller's */
};

/* What a request comes to in a certain pool. */
typedef struct memory_need {
  uint64_t size;      /* bytes to take, padding included */
  uint64_t alignment; /* a power of two */
  uint64_t asked;     /* bytes that the driver asked for */
  uint64_t driver_alignment;
  bool must_be_dedicated; /* no block of the pool would do */
} memory_need;

static inline uint64_t memory_larger(uint64_t a, uint64_t b) {
  return a > b ? a : b;
}
static inline uint64_t memory_smaller(uint64_t a, uint64_t b) {
  return a < b ? a : b;
}
static inline uint64_t memory_round_up(uint64_t value, uint64_t unit) {
  return (value + unit - 1) / unit * unit;
}

/* ---- memory_type.c ---- */

/* Writes the memory types that may serve, the best first, and returns how many there are. required:
 * properties beside those that the request itself asks for. */
uint32_t memory_type_order(const device *device, const memory_request *request,
                           VkMemoryPropertyFlags required, uint32_t order[VK_MAX_MEMORY_TYPES]);
VkMemoryPropertyFlags memory_type_flags(const device *device, uint32_t type);
/* Whether host writes to it must be flushed, and host reads invalidated. */
bool memory_type_needs_flush(const device *device, uint32_t type);

/* ---- memory.c ---- */

/* Counts and guards a range that was taken, and will be given back by memory_free. */
void memory_range_begin(gpu *gpu, const memory_range *range);

/* ---- memory_block.c ---- */

/* A new block of `size` bytes, in no list yet; request: what it is dedicated to, or NULL to be cut
 * into ranges. RG_ERROR_OUT_OF_DEVICE_MEMORY or RG_ERROR_LIMIT: the driver, a budget or the number
 * of allocations refuses. */
RG_NODISCARD rg_result block_create(gpu *gpu, memory_pool *pool, uint64_t size,
                                    const memory_request *request, memory_block **out);
/* Of one that is in no list. NULL is allowed. Best under no lock. */
void block_destroy(gpu *gpu, memory_block *block);
/* How many allocations may be live when one is made that could do without. */
uint32_t block_count_max(const gpu *gpu);

/* ---- memory_arena.c; with the arena's lock held but for enter ---- */

void memory_arena_init(memory_arena *arena, uint32_t index);
void memory_arena_finish(memory_arena *arena);
/* Locks the one that this thread uses. */
memory_arena *memory_arena_enter(memory_pool *pool);
/* Takes room in one of its blocks. RG_ERROR_OUT_OF_DEVICE_MEMORY, without a message, where none has
 * it, as far as a bounded search tells. */
RG_NODISCARD rg_result memory_arena_alloc(memory_arena *arena, const memory_need *need,
                                          memory_range *out);
/* The same in one block of it. */
RG_NODISCARD rg_result memory_arena_alloc_in(memory_arena *arena, memory_block *block,
                                             const memory_need *need, memory_range *out);
void memory_arena_free(memory_arena *arena, const memory_range *range);
/* With its ranges. Whoever removes one that is in use adds it to another before letting its lock
 * go.
 */
void memory_arena_add(memory_arena *arena, memory_block *block);
void memory_arena_remove(memory_arena *arena, memory_block *block);
/* A block that surely has room, if there are others beside it; else NULL. */
memory_block *memory_arena_surplus(const memory_arena *arena, const memory_need *need);

/* ---- memory_need.c ---- */

/* Refuses what no memory can hold, or not the caller's pool (NULL: the engine's own are meant):
 * RG_ERROR_INVALID_ARGUMENT or RG_ERROR_LIMIT. */
RG_NODISCARD rg_result memory_request_check(gpu *gpu, const memory_pool *pool,
                                            const memory_request *request);
/* Of a request that was not refused. */
memory_need memory_pool_need(const gpu *gpu, const memory_pool *pool,
                             const memory_request *request);
/* Whether it is worth, or asks for, memory of its own. */
bool memory_pool_wants_dedicated(const gpu *gpu, const memory_pool *pool,
                                 const memory_request *request);

/* ---- memory_range.c; under no lock of the pool ---- */

/* Takes room in what the pool has. RG_ERROR_OUT_OF_DEVICE_MEMORY, without a message, where it is
 * full. */
RG_NODISCARD rg_result memory_pool_alloc(memory_pool *pool, const memory_need *need,
                                         memory_range *out);
/* The same, growing where need be. */
RG_NODISCARD rg_result memory_pool_alloc_growing(gpu *gpu, memory_pool *pool,
                                                 const memory_need *need, memory_range *out);
RG_NODISCARD rg_result memory_pool_alloc_dedicated(gpu *gpu, memory_pool *pool,
                                                   const memory_request *request,
                                                   memory_range *out);
void memory_pool_free(gpu *gpu, const memory_range *range);
/* With the pool and all arenas locked, of a block in an arena, or the spare. */
RG_NODISCARD rg_result memory_pool_alloc_in(memory_pool *pool, memory_block *block,
                                            const memory_need *need, memory_range *out);

/* ---- memory_pool.c; with the pool's lock held, but for settle, trim and lock_all ---- */

/* What the pool's own limits leave for a block of *size bytes that may shrink to `least`. */
RG_NODISCARD rg_result memory_pool_limit(const memory_pool *pool, uint64_t least, uint64_t *size);
/* Into and out of its list of all blocks. */
void memory_pool_link(memory_pool *pool, memory_block *block);
void memory_pool_unlink(memory_pool *pool, memory_block *block);
/* An empty block for `least` bytes, in no arena: the spare, or one that the pool grows by. */
RG_NODISCARD rg_result memory_pool_take_empty(gpu *gpu, memory_pool *pool, uint64_t least,
                                              memory_block **out);
/* The spare, or a new block as the pool would grow by, of min_size to max_size bytes; it is the
 * spare then. */
RG_NODISCARD rg_result memory_pool_reserve(gpu *gpu, memory_pool *pool, uint64_t min_size,
                                           uint64_t max_size, memory_block **out);
/* Keeps an empty block that is in no arena, or gives it back. */
void memory_pool_settle(gpu *gpu, memory_block *block);
/* Gives the spare back; true if there was one. */
bool memory_pool_trim(gpu *gpu, memory_pool *pool);
/* Locks the pool and all its arenas, so that all stands still. */
void memory_pool_lock_all(memory_pool *pool);
void memory_pool_unlock_all(memory_pool *pool);

#endif
