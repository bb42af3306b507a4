/* Sub-allocation of a span of integers: offsets into a memory block, a buffer, anything.
 * Knows no memory: all bookkeeping lives outside the span. Not thread-safe; its owner locks. */
#ifndef RG_BASE_RANGE_H
#define RG_BASE_RANGE_H

#include "host_memory.h"

#define RANGE_NONE UINT32_MAX
#define RANGE_MAX_SIZE (UINT64_C(1) << 62)

/* An allocated range: a stable index, valid from range_alloc to range_free. */
typedef uint32_t range_id;

typedef struct range_allocator range_allocator;

typedef enum range_strategy {
  RANGE_BEST_FIT = 0, /* any order; packs tightly and keeps large and small apart */
  RANGE_STACK, /* always behind the last range: freed room returns when all behind it is free */
  RANGE_RING,  /* as a stack, but begins again at offset 0 when the end is reached */
  RANGE_SLOTS, /* any order; each range takes slot_size, at a multiple of it */
} range_strategy;

typedef struct range_desc {
  uint64_t size;           /* of the whole span, from offset 0; 1 to RANGE_MAX_SIZE */
  range_strategy strategy; /* 0 means RANGE_BEST_FIT */
  uint64_t slot_size; /* for RANGE_SLOTS: 1 to UINT32_MAX; what is left at the end is not used */
} range_desc;

/* NULL when out of host memory. */
range_allocator *range_create_with(host_memory *memory, const range_desc *desc);
range_allocator *range_create(host_memory *memory, uint64_t size); /* by RANGE_BEST_FIT */
void range_destroy(range_allocator *ranges);                       /* NULL is allowed */

/* Finds room. size: 1 to RANGE_MAX_SIZE. alignment: a power of two, 1 and up; RANGE_SLOTS serves
 * those that divide slot_size. RG_ERROR_OUT_OF_DEVICE_MEMORY: no hole fits, as far as a bounded
 * search tells (no message is set: callers try elsewhere). RG_ERROR_INVALID_ARGUMENT: size or
 * alignment is none. RG_ERROR_OUT_OF_HOST_MEMORY: for the bookkeeping. Whichever it is, nothing has
 * changed. */
RG_NODISCARD rg_result range_alloc(range_allocator *ranges, uint64_t size, uint64_t alignment,
                                   range_id *id, uint64_t *offset);
/* Never needs memory. RG_ERROR_INVALID_ARGUMENT: no range has that id, and nothing has changed; a
 * caller that keeps its ids to itself need not ask. Ids are used again, so an id freed long ago may
 * be another range's: handles that leave the engine need generations (slots.h). */
rg_result range_free(range_allocator *ranges, range_id id);
/* Whether a range in use has that id; any value may be asked about. */
bool range_is_live(const range_allocator *ranges, range_id id);

uint64_t range_offset(const range_allocator *ranges, range_id id);
uint64_t range_size(const range_allocator *ranges, range_id id); /* as asked for */

typedef struct range_stats {
  uint64_t size;
  uint64_t used;     /* of ranges as asked for */
  uint64_t reserved; /* neither used nor in a hole: empty slots and slack of small ranges' pages */
  uint64_t largest_free; /* that a range could have: of the largest hole, or where more than 64 are
                            about as large, of one that is at most 1/8 smaller; of the hole next in
                            line for stacks and rings; slot_size or 0 for slots */
  uint32_t count;        /* of ranges in use */
  uint32_t free_count;   /* of holes */
  uint64_t host_bytes;   /* of the bookkeeping */
} range_stats;

/* O(1), a few nanoseconds: a size that is certainly found room for at alignment 1, 0 for none. By
 * RANGE_BEST_FIT at most 1/8 less than the largest that is. */
uint64_t range_room(const range_allocator *ranges);

/* O(1). */
void range_get_stats(const range_allocator *ranges, range_stats *out);

/* Checks all invariants by a full walk; false and, where message is given, which one is broken. For
 * tests and debug builds. */
bool range_validate(const range_allocator *ranges, const char **message);

/* Walks the whole span in address order. */
typedef struct range_span {
  uint64_t offset, size;
  range_id id;      /* RANGE_NONE where it is not used */
  bool is_reserved; /* not used, but no hole either: see range_stats */
} range_span;
typedef void range_visit(void *user, const range_span *span);
void range_for_each(const range_allocator *ranges, range_visit *visit, void *user);

#endif
