/* What each heap holds and may hold: counts that anyone may read at any time, limits of the user's
 * and the driver's, and the host's callback when these come near. */
#ifndef RG_GPU_MEMORY_BUDGET_H
#define RG_GPU_MEMORY_BUDGET_H

#include <regolith/regolith.h>
#include <stdatomic.h>

struct gpu;

/* Ranges in use. Threads that use different shards do not slow each other down. */
#define MEMORY_HEAP_SHARDS 4
typedef struct memory_heap_shard {
  _Atomic uint64_t used;        /* bytes; of one shard alone it may have wrapped below 0 */
  _Atomic uint32_t allocations; /* the same */
  unsigned char padding[52];    /* to a cache line's size */
} memory_heap_shard;

typedef struct memory_heap {
  memory_heap_shard shards[MEMORY_HEAP_SHARDS];
  _Atomic uint64_t size;        /* bytes of all VkDeviceMemory */
  _Atomic uint64_t user_budget; /* rg_memory_set_budget's; 0 means none */
  /* As the driver told last (VK_EXT_memory_budget), of the whole process; 0 where it never does. */
  _Atomic uint64_t driver_budget;
  _Atomic uint64_t driver_usage;
  _Atomic uint64_t size_then; /* `size` when the driver was asked */
  _Atomic bool is_near;       /* the use is over the threshold, and the host knows */
} memory_heap;

typedef struct memory_budget {
  memory_heap heaps[VK_MAX_MEMORY_HEAPS];
  _Atomic uint64_t total_size;       /* bytes of all VkDeviceMemory of all heaps */
  _Atomic uint32_t allocation_count; /* of VkDeviceMemory, against maxMemoryAllocationCount */
  _Atomic uint32_t unasked_count;    /* of them, those made since the driver was asked */
  _Atomic bool is_asking;            /* one thread asks the driver; others need not */
  uint64_t limit;                    /* bytes over all heaps; 0 means none */
  float warning;                     /* share of a budget, over 0 to 1 */
  rg_memory_fn *event;
  void *event_user;
} memory_budget;

/* After the device. RG_ERROR_INVALID_ARGUMENT: desc->budget_warning is no share. */
RG_NODISCARD rg_result memory_budget_init(struct gpu *gpu, const rg_engine_desc *desc);
/* All memory must have been given back; what was not is logged. */
void memory_budget_finish(struct gpu *gpu);

/* Reserves `size` bytes of a heap and one allocation, before vkAllocateMemory; to be given back
 * where that fails, or when the memory is freed. Any thread, under any lock.
 * RG_ERROR_OUT_OF_DEVICE_MEMORY: over memory_limit or the heap's budget by rg_memory_set_budget.
 * RG_ERROR_LIMIT: over maxMemoryAllocationCount. The driver's own budget refuses nothing, for it is
 * an estimate: see memory_budget_fits. */
RG_NODISCARD rg_result memory_budget_take(struct gpu *gpu, uint32_t heap, uint64_t size);
void memory_budget_give(struct gpu *gpu, uint32_t heap, uint64_t size);

/* Whether so many bytes more stay within every budget, the driver's too. Where they do not, what is
 * empty or dead should go back first. */
bool memory_budget_fits(struct gpu *gpu, uint32_t heap, uint64_t size);
/* Bytes of the heap that may be used: see rg_heap_stats. Lock-free; the driver's part is what it
 * told last. */
uint64_t memory_budget_get(struct gpu *gpu, uint32_t heap);
/* Bytes of the heap in use: the process's by the driver's last word and what the engine took since,
 * or the engine's own. */
uint64_t memory_budget_used(struct gpu *gpu, uint32_t heap);

/* Calls memory_event where the heap's use has crossed the threshold. After an allocation of
 * `wanted` bytes, with no lock held that a destruction takes. */
void memory_budget_notify(struct gpu *gpu, uint32_t heap, uint64_t wanted);
/* Calls memory_event with RG_MEMORY_EXHAUSTED, once per failing allocation, with no lock held; true
 * where the host freed something, so that it is worth one more try. */
bool memory_budget_exhausted(struct gpu *gpu, uint32_t heap, uint64_t wanted);

/* Asks the driver anew, where it knows. memory_budget_take does so every 64 allocations. */
void memory_budget_refresh(struct gpu *gpu);

/* Count the ranges in use of a heap, for rg_memory_get_totals. shard: any below MEMORY_HEAP_SHARDS.
 */
static inline void memory_budget_add_range(memory_budget *budget, uint32_t heap, uint32_t shard,
                                           uint64_t size) {
  memory_heap_shard *self = &budget->heaps[heap].shards[shard];
  atomic_fetch_add_explicit(&self->used, size, memory_order_relaxed);
  atomic_fetch_add_explicit(&self->allocations, 1, memory_order_relaxed);
}
static inline void memory_budget_remove_range(memory_budget *budget, uint32_t heap, uint32_t shard,
                                              uint64_t size) {
  memory_heap_shard *self = &budget->heaps[heap].shards[shard];
  atomic_fetch_sub_explicit(&self->used, size, memory_order_relaxed);
  atomic_fetch_sub_explicit(&self->allocations, 1, memory_order_relaxed);
}

#endif
