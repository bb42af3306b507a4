/* What the files of the range allocator share: nodes for the spans between neighbouring borders,
 * the index that finds a hole by size and place, and pages that pack small ranges together. */
#ifndef RG_BASE_RANGE_INTERNAL_H
#define RG_BASE_RANGE_INTERNAL_H

#include "range.h"

/* ---- Size classes: eight an octave, exact below 16 ---- */

#define CLASS_COUNT 496

/* The class whose least size is at most `size`. */
static inline uint32_t class_floor(uint64_t size) {
  if (size < 8) {
    return (uint32_t)size;
  }
  const uint32_t octave = 63u - (uint32_t)__builtin_clzll(size);
  return ((octave - 2) << 3) + (uint32_t)((size >> (octave - 3)) & 7u);
}

/* The class whose least size is at least `size`, which is 1 or more. */
static inline uint32_t class_ceil(uint64_t size) {
  return class_floor(size - 1) + 1;
}

/* The least size of a class. */
static inline uint64_t class_size(uint32_t index) {
  return index < 8 ? index : (uint64_t)(8u + (index & 7u)) << ((index >> 3) - 1);
}

#define RG_NOINLINE __attribute__((noinline)) /* keeps rare work out of frequent functions */

/* ---- What the allocator is made of ---- */

typedef struct range_request {
  uint64_t size, alignment;
} range_request;

/* A span, used or free, that reaches from its offset to the next node's. Node 0 stands at the end
 * of the whole span, closes the list in address order, and is never free. */
typedef struct range_node {
  uint64_t offset;
  uint32_t prev, next;           /* neighbours by address */
  uint32_t list_prev, list_next; /* a hole's neighbours in its list; 0 ends. list_prev also tells
                                    the other kinds, and list_next then means: */
} range_node;

#define NODE_USED UINT32_MAX /* an allocated range; the bytes it has beyond those asked for */
#define NODE_LARGE (UINT32_MAX - 1)   /* the same, of large_size or more */
#define NODE_PAGE (UINT32_MAX - 2)    /* a page of small ranges; its index */
#define NODE_SPARE (UINT32_MAX - 3)   /* not in use; `next` links to another */
#define NODE_FOREIGN (UINT32_MAX - 4) /* a part of the span that another arena has */
#define NODE_MAX (UINT32_C(1) << 31)  /* indices stay below it */

/* Up to 64 slots of one size. */
typedef struct range_page {
  uint64_t offset;
  uint64_t used_slots;  /* a bit for each; 0 in spare pages */
  uint32_t slot_size;   /* 0 marks a spare page; `next` links to another */
  uint32_t first_slack; /* where its slots' slacks are */
  uint32_t prev, next;  /* in its class's list of pages; 0 ends */
  uint32_t node;
  uint8_t slot_count, free_count;
  uint8_t class_index;
  bool is_listed; /* a full page is not, nor one that was until enough slots are free again */
} range_page;

#define SLOT_BITS 6
#define SLOT_ID (UINT32_C(1) << 31) /* set in ids of small ranges: then page and slot follow */
#define PAGE_MAX ((UINT32_C(1) << (31 - SLOT_BITS)) - 1)
#define SMALL_LIMIT (UINT32_C(16) << 10) /* the largest range ever kept in a page */
#define SMALL_CLASS_COUNT 97             /* class_floor(SMALL_LIMIT) and all below */
#define SLACK_ORDERS 7                   /* runs of slacks by powers of two, 2 to 64 */

/* Small spans have fewer regions, so that their lists stay small. */
#define REGION_BITS_MAX 6
#define REGION_BITS_MIN 3
#define REGION_SHIFT_MIN 20
#define OCTAVE_COUNT (CLASS_COUNT / 8)

struct range_allocator {
  host_memory *memory;
  uint64_t size;
  uint64_t owned;      /* bytes of the span that are no other arena's: all of it for most */
  uint64_t used;       /* bytes of ranges, as asked for */
  uint64_t free_bytes; /* of holes */
  uint32_t count, free_count;
  range_strategy strategy;
  uint64_t slot_size;        /* for RANGE_SLOTS */
  uint32_t last;             /* for RANGE_RING: the node after which to look first */
  uint32_t until_validation; /* operations; debug builds count them */

  /* range_nodes.c: grows; indices are stable */
  range_node *nodes;
  uint32_t node_capacity;
  uint32_t node_end;    /* nodes from here on were never in use */
  uint32_t spare_first; /* a list through `next`; 0 ends */
  uint32_t spare_count;

  /* range_holes.c: lists of holes by class and region of the span */
  uint32_t *lists; /* the first hole of each, 0 for none: see hole_list */
  uint32_t list_classes;
  uint32_t region_bits, region_shift;
  uint64_t large_size;                   /* ranges from here on are placed as large ones */
  uint64_t octaves;                      /* a bit for each octave with a hole */
  uint64_t octave_regions[OCTAVE_COUNT]; /* bits for the regions with a hole of that octave */
  uint64_t *class_regions;               /* by class, whole octaves */

  /* range_slab.c */
  range_page *pages;
  uint32_t page_capacity, page_end, page_spare;
  uint64_t page_size;                      /* the most bytes of a page */
  uint32_t small_size;                     /* ranges up to this go into pages; 0 turns pages off */
  uint32_t class_pages[SMALL_CLASS_COUNT]; /* the first page with room; 0 for none */
  uint64_t class_words[(SMALL_CLASS_COUNT + 63) / 64];
  uint16_t *slacks; /* by slot in use: slot size less the size asked for */
  uint32_t slack_capacity, slack_end;
  uint32_t slack_spare[SLACK_ORDERS]; /* freed runs + 1, linked through their own first slacks */
};

static inline uint64_t node_size(const range_allocator *ranges, uint32_t node) {
  const range_node *nodes = ranges->nodes;
  return nodes[nodes[node].next].offset - nodes[node].offset;
}

static inline bool node_is_free(const range_node *node) {
  return node->list_prev < NODE_FOREIGN;
}

static inline bool node_is_range(const range_node *node) {
  return node->list_prev >= NODE_LARGE;
}

/* What must be skipped to reach a multiple of `alignment`. */
static inline uint64_t align_gap(uint64_t offset, uint64_t alignment) {
  return (0 - offset) & (alignment - 1);
}

/* ---- range_holes.c ---- */

RG_NODISCARD rg_result holes_init(range_allocator *ranges);
void holes_finish(range_allocator *ranges);
uint64_t holes_host_bytes(const range_allocator *ranges);
void holes_insert(range_allocator *ranges, uint32_t node);
void holes_remove(range_allocator *ranges, uint32_t node);
uint64_t holes_largest(const range_allocator *ranges);
/* The least size of the largest hole's class, 0 for none. */
uint64_t holes_largest_class(const range_allocator *ranges);
/* The head of a list. */
static inline uint32_t *hole_list(const range_allocator *ranges, uint32_t index, uint32_t region) {
  return &ranges->lists[(index << ranges->region_bits) + region];
}

static inline uint32_t hole_region(const range_allocator *ranges, uint64_t offset) {
  return (uint32_t)(offset >> ranges->region_shift);
}

/* ---- range_place.c ---- */

/* The hole to take a range from and the offset to put it at, or 0 where no hole fits as far as a
 * bounded search finds. */
uint32_t place_range(const range_allocator *ranges, uint64_t size, uint64_t alignment,
                     uint64_t *offset);

/* ---- range_nodes.c ---- */

RG_NODISCARD rg_result nodes_init(range_allocator *ranges);
void nodes_finish(range_allocator *ranges);
/* Makes sure that a hole can be split in three without memory. */
RG_NODISCARD rg_result nodes_reserve(range_allocator *ranges);
/* Takes the part of a hole that begins at `offset` and returns its node, marked as used
 * without slack; what is left of the hole on either side stays free. Needs nodes_reserve before. */
uint32_t nodes_take(range_allocator *ranges, uint32_t hole, uint64_t offset, uint64_t size);
/* Frees a node and joins it with the holes around it. */
void nodes_give(range_allocator *ranges, uint32_t node);

/* ---- range_slab.c ---- */

void slab_init(range_allocator *ranges);
void slab_finish(range_allocator *ranges);
/* As range_alloc and range_free, for ranges of up to small_size. Where no page can be had, the
 * range gets a node of its own. */
RG_NODISCARD rg_result slab_alloc(range_allocator *ranges, uint64_t size, uint64_t alignment,
                                  range_id *id, uint64_t *offset);
rg_result slab_free(range_allocator *ranges, range_id id);
bool slab_is_live(const range_allocator *ranges, range_id id);
uint64_t slab_offset(const range_allocator *ranges, range_id id);
uint64_t slab_size(const range_allocator *ranges, range_id id);
/* Frees the empty pages that are kept for the next range. True if there were any. */
bool slab_trim(range_allocator *ranges);
uint64_t slab_host_bytes(const range_allocator *ranges);

/* ---- range_walk.c ---- */

/* Reports from that node on, up to a foreign one or the end; returns where it stopped. */
uint32_t walk_nodes(const range_allocator *ranges, uint32_t node, range_visit *visit, void *user);

/* ---- range.c ---- */

/* RG_ERROR_INVALID_ARGUMENT with a message. */
RG_NODISCARD rg_result refuse_id(range_id id);
/* As range_alloc, with a node of its own. */
RG_NODISCARD rg_result block_alloc(range_allocator *ranges, uint64_t size, uint64_t alignment,
                                   range_id *id, uint64_t *offset);

/* How many slots of a page may be free before it is listed again. */
static inline uint32_t page_patience(const range_page *page) {
  return page->slot_count / 5u;
}

static inline uint64_t page_all_slots(const range_page *page) {
  return ~UINT64_C(0) >> (64u - page->slot_count);
}

#endif
