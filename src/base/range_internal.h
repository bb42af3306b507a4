/* What the files of the range allocator share: nodes for the spans between neighbouring borders,
 * and bins that find a hole by its size. */
#ifndef RG_BASE_RANGE_INTERNAL_H
#define RG_BASE_RANGE_INTERNAL_H

#include "range.h"

/* Bins an octave, as a power of two: holes of one bin differ in size by less than 1/256. */
#define BIN_BITS 8
#define BIN_TOP_WORDS 4 /* of 64 words of 64 bins: enough for sizes up to 2^62 */
#define BIN_NONE UINT32_MAX

/* A span, used or free, that reaches from its offset to the next node's. Node 0 stands at the end
 * of the whole span, closes the list in address order, and is never free. */
typedef struct range_node {
  uint64_t offset;
  uint32_t prev, next;         /* neighbours by address */
  uint32_t bin_prev, bin_next; /* neighbours in its bin; 0 ends. bin_prev also tells the kind: */
} range_node;

#define NODE_USED UINT32_MAX         /* in bin_prev: an allocated range */
#define NODE_SPARE (UINT32_MAX - 1)  /* in bin_prev: not in use; `next` links to another */
#define NODE_MAX (UINT32_C(1) << 31) /* indices stay below it */

struct range_allocator {
  host_memory *memory;
  uint64_t size, used;
  uint32_t count, free_count;

  range_node *nodes; /* grows; indices are stable */
  uint32_t node_capacity;
  uint32_t node_end;    /* nodes from here on were never in use */
  uint32_t spare_first; /* a list through `next`; 0 ends */
  uint32_t spare_count;

  uint32_t bin_count; /* a multiple of 64 */
  uint32_t *bins;     /* the first hole of each; 0 where empty */
  uint64_t *bin_words;
  uint64_t bin_top[BIN_TOP_WORDS];
};

static inline uint64_t node_size(const range_allocator *ranges, uint32_t node) {
  const range_node *nodes = ranges->nodes;
  return nodes[nodes[node].next].offset - nodes[node].offset;
}

static inline bool node_is_free(const range_node *node) {
  return node->bin_prev < NODE_SPARE;
}

/* What must be skipped to reach a multiple of `alignment`. */
static inline uint64_t align_gap(uint64_t offset, uint64_t alignment) {
  return (0 - offset) & (alignment - 1);
}

/* The index of the bin for holes of that size; larger holes have larger indices. */
static inline uint32_t bin_of(uint64_t size) {
  if (size < (UINT64_C(1) << BIN_BITS)) {
    return (uint32_t)size;
  }
  const uint32_t octave = 63u - (uint32_t)__builtin_clzll(size) - BIN_BITS;
  return ((octave + 1) << BIN_BITS) +
         (uint32_t)((size >> octave) & ((UINT64_C(1) << BIN_BITS) - 1));
}

/* ---- range_bins.c ---- */

RG_NODISCARD rg_result bins_init(range_allocator *ranges);
void bins_finish(range_allocator *ranges);
void bins_insert(range_allocator *ranges, uint32_t node);
void bins_remove(range_allocator *ranges, uint32_t node);
/* The first bin from `bin` on that holds something, or BIN_NONE. */
uint32_t bins_next(const range_allocator *ranges, uint32_t bin);
/* The hole that fits a range best, as far as a bounded search finds it, or 0. */
uint32_t bins_find(const range_allocator *ranges, uint64_t size, uint64_t alignment);
uint64_t bins_largest(const range_allocator *ranges);

/* ---- range_nodes.c ---- */

RG_NODISCARD rg_result nodes_init(range_allocator *ranges);
void nodes_finish(range_allocator *ranges);
/* Makes sure that `count` more nodes can be had without memory. */
RG_NODISCARD rg_result nodes_reserve(range_allocator *ranges, uint32_t count);
/* Takes the part of a hole that begins at `offset` and returns its node; what is left of the hole
 * on either side goes back to the bins. Needs two reserved nodes. */
uint32_t nodes_take(range_allocator *ranges, uint32_t hole, uint64_t offset, uint64_t size);
/* Frees a node and joins it with the holes around it. */
void nodes_give(range_allocator *ranges, uint32_t node);

#endif
