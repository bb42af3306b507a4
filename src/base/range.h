/* Best-fit sub-allocation of a span of integers: offsets into a memory block, a buffer, anything.
 * Knows no memory: all bookkeeping lives outside the span. Not thread-safe; its owner locks. */
#ifndef RG_BASE_RANGE_H
#define RG_BASE_RANGE_H

#include "host_memory.h"

#define RANGE_NONE UINT32_MAX
#define RANGE_MAX_SIZE (UINT64_C(1) << 62)

/* An allocated range: a stable index, valid from range_alloc to range_free. */
typedef uint32_t range_id;

typedef struct range_allocator range_allocator;

/* size: of the whole span, from offset 0; 1 to 2^62. NULL when out of host memory. */
range_allocator *range_create(host_memory *memory, uint64_t size);
void range_destroy(range_allocator *ranges); /* NULL is allowed */

/* Finds room. alignment: a power of two, 1 and up. RG_ERROR_OUT_OF_DEVICE_MEMORY: no hole is large
 * enough (no message is set: callers try elsewhere). RG_ERROR_OUT_OF_HOST_MEMORY: for the
 * bookkeeping. */
RG_NODISCARD rg_result range_alloc(range_allocator *ranges, uint64_t size, uint64_t alignment,
                                   range_id *id, uint64_t *offset);
void range_free(range_allocator *ranges, range_id id);

uint64_t range_offset(const range_allocator *ranges, range_id id);
uint64_t range_size(const range_allocator *ranges, range_id id); /* as asked for */

typedef struct range_stats {
  uint64_t size;
  uint64_t used;         /* of ranges as asked for */
  uint64_t largest_free; /* of the largest hole */
  uint32_t count;        /* of ranges in use */
  uint32_t free_count;   /* of holes */
  uint64_t host_bytes;   /* of the bookkeeping */
} range_stats;

/* O(1). */
void range_get_stats(const range_allocator *ranges, range_stats *out);

/* Checks all invariants by a full walk; false and, where message is given, which one is broken. For
 * tests and debug builds. */
bool range_validate(const range_allocator *ranges, const char **message);

/* Walks used and free ranges in address order. */
typedef struct range_span {
  uint64_t offset, size;
  range_id id; /* RANGE_NONE where it is free */
} range_span;
typedef void range_visit(void *user, const range_span *span);
void range_for_each(const range_allocator *ranges, range_visit *visit, void *user);

#endif
