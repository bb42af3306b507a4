/* What look-ups may rely on: batches for a while, pins for as long as wanted. */
#ifndef RG_GPU_BATCH_H
#define RG_GPU_BATCH_H

#include "base/result.h"

struct gpu;

/* As rg_batch_begin and rg_batch_end, for the engine's own look-ups. */
RG_NODISCARD rg_result batch_open(struct gpu *gpu, rg_batch *out);
void batch_close(struct gpu *gpu, rg_batch batch);

#endif
