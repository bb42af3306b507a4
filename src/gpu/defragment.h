/* Defragmentation: movable resources gather in fewer blocks, a bounded number of bytes a step.
 *
 * A pass surveys what may be moved and where it lies, some thousands of resources a step. Then come
 * rounds: each picks blocks to be emptied, such that the others' holes and perhaps a few new
 * blocks, fewer than those that go, hold what is in them, and moves it, the largest first. A pass
 * that emptied more than it took is followed by another one, once the GPU has passed its copies.
 *
 * What a pass knows may be out of date at any time: a resource may have died, another may lie in
 * the way. Each move looks again, and what does not fit is left where it is. */
#ifndef RG_GPU_DEFRAGMENT_H
#define RG_GPU_DEFRAGMENT_H

#include "base/thread.h"

#include <regolith/regolith.h>
#include <stdatomic.h>

struct gpu;

/* A block that was emptied and is not free yet; or a slab with memory of its own. */
typedef struct defragment_emptied {
  uint64_t serial;
  bool is_slab;
} defragment_emptied;

typedef struct defragmenter {
  mutex lock;                   /* one step at a time */
  struct defragment_pass *pass; /* NULL between passes */
  uint64_t settled;             /* what all blocks came to when nothing helped any more; or 0 */
  _Atomic uint32_t pending;     /* old places that wait for the GPU */
  uint32_t waits;               /* steps in a row that moved nothing because of those */
  bool has_slabs_moved;         /* since slabs were last trimmed */
  defragment_emptied *emptied;
  uint32_t emptied_count, emptied_capacity;
} defragmenter;

void defragmenter_init(struct gpu *gpu);
void defragmenter_finish(struct gpu *gpu);

#endif
