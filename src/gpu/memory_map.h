/* All device memory at one moment: blocks, what lies in them, and whose it is. For JSON and
 * pictures. */
#ifndef RG_GPU_MEMORY_MAP_H
#define RG_GPU_MEMORY_MAP_H

#include "memory.h"

struct gpu;

typedef enum map_kind {
  MAP_FREE,
  MAP_RESERVED, /* too small or ill placed for now: see range_stats */
  MAP_OTHER,    /* the engine's own, or of a dead resource that waits for the GPU */
  MAP_BUFFER,   /* one with a VkBuffer of its own */
  MAP_TEXTURE,
  MAP_SHARED,    /* a VkBuffer that small buffers share, or one of these */
  MAP_TRANSIENT, /* the memory of transient resources, or one of these */
} map_kind;
#define MAP_KINDS 7
extern const char *const map_kind_names[MAP_KINDS]; /* "free", "reserved", … */

typedef struct map_block {
  rg_pool pool; /* null: one of the engine's own */
  uint64_t memory, serial;
  uint64_t size, used; /* bytes */
  uint32_t type, heap;
  uint32_t label; /* as of map_resource: of what it is dedicated to, or of its pool */
  bool is_optimal, is_dedicated, is_mapped;
  uint32_t first_span, span_count;
} map_block;

/* A piece of a block, in order of address. */
typedef struct map_span {
  uint64_t offset, size;
  uint32_t first, count; /* of the resources in it */
  map_kind kind;
} map_span;

typedef struct map_resource {
  uint64_t id;           /* 0: a shared VkBuffer itself, which stands before what lies in it */
  uint64_t offset, size; /* bytes of its block */
  uint32_t block;
  uint32_t label;  /* map_label */
  bool is_in_slab; /* among small buffers */
  map_kind kind;
} map_resource;

typedef struct memory_map {
  host_memory *memory;
  map_block *blocks;
  map_span *spans;
  map_resource *resources; /* by block and offset */
  char *labels;
  uint32_t block_count, span_count, resource_count, label_bytes;
  uint32_t block_capacity, span_capacity, resource_capacity, label_capacity;
  uint32_t last_label; /* the one that was added last */
  bool is_failed;      /* for want of host memory */
} memory_map;

/* is_detailed: with spans and resources. Pools are seen one by one, so what others do meanwhile may
 * be seen in one and not in the other. The caller calls memory_map_finish, after a failure too. */
RG_NODISCARD rg_result memory_map_init(memory_map *self, struct gpu *gpu, bool is_detailed);
void memory_map_finish(memory_map *self);

static inline const char *map_label(const memory_map *self, uint32_t label) {
  return self->labels + label;
}

/* Where a resource's bytes lie; shaders, materials and sets have none (false). storage: held. */
typedef struct resource_place {
  memory_range range;
  bool is_shared;  /* a part of a shared VkBuffer */
  bool is_in_slab; /* the same, or a VkBuffer of its own bound to such a part */
  bool is_transient;
} resource_place;
bool resource_find_place(struct gpu *gpu, rg_type type, const void *storage, resource_place *out);

#endif
