/* Where things with lifetimes lie in one range of memory, so that those which never live at once
 * share bytes: plain integers, no GPU. */
#ifndef RG_GPU_TRANSIENT_PLAN_H
#define RG_GPU_TRANSIENT_PLAN_H

#include "base/host_memory.h"
#include "base/result.h"

typedef struct transient_item {
  uint64_t size;      /* bytes, not 0 */
  uint64_t alignment; /* bytes, a power of two */
  uint64_t offset;    /* out: bytes from the range's start */
  uint32_t first_use; /* steps, both included */
  uint32_t last_use;
} transient_item;

typedef struct transient_layout {
  uint64_t size;      /* bytes of the range */
  uint64_t alignment; /* bytes, that the range's start needs */
  uint64_t sum;       /* bytes of all items */
  uint64_t peak;      /* bytes of the step at which most live: no plan takes less */
} transient_layout;

/* Places all items; the same items always get the same places. Up to some thousands of them, many
 * orders are tried and the best is kept, in a time that is bounded; beyond, one pass over the steps
 * must do, in n log n and as many holes as lie open at once.
 * RG_ERROR_LIMIT: the sizes with their alignments do not add up within 62 bits.
 * RG_ERROR_OUT_OF_HOST_MEMORY. */
RG_NODISCARD rg_result transient_plan(host_memory *host, transient_item *items, uint32_t count,
                                      transient_layout *out);
/* The bytes of the step at which most live. Fails as transient_plan does. */
RG_NODISCARD rg_result transient_peak(host_memory *host, transient_item *items, uint32_t count,
                                      uint64_t *out);

#endif
