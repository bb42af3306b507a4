/* What the parts of the frame share. Private to frame*.c. */
#ifndef RG_GPU_FRAME_INTERNAL_H
#define RG_GPU_FRAME_INTERNAL_H

#include "gpu.h"

/* Its submission was number `value`; NULL is allowed. With queue_lock held, so that the busy list
 * is in the order of submissions. */
void frame_commands_submitted(gpu *gpu, frame_commands *commands, uint64_t value);
/* Destroys all command buffers; none may be running. */
void frame_commands_finish(gpu *gpu);

/* RG_ERROR_DEVICE_LOST with its message. */
rg_result frame_lost(const gpu *gpu);
VkResult frame_semaphore_wait(gpu *gpu, VkSemaphore semaphore, uint64_t value, uint64_t timeout_ns);
/* Around every use of the queue: the engine's lock, then the host's. */
void frame_queue_lock(gpu *gpu);
void frame_queue_unlock(gpu *gpu);

#endif
