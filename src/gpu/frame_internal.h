/* What frame.c and frame_commands.c share. Private to them. */
#ifndef RG_GPU_FRAME_INTERNAL_H
#define RG_GPU_FRAME_INTERNAL_H

#include "gpu.h"

/* Its submission was number `value`; NULL is allowed. With queue_lock held, so that the busy list
 * is in the order of submissions. */
void frame_commands_submitted(gpu *gpu, frame_commands *commands, uint64_t value);
/* Destroys all command buffers; none may be running. */
void frame_commands_finish(gpu *gpu);

#endif
