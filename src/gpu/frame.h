/* Submission and its timeline: tickets, command buffers that come back, and objects that die when
 * the GPU has passed. */
#ifndef RG_GPU_FRAME_H
#define RG_GPU_FRAME_H

#include "base/epoch.h"
#include "base/thread.h"

#include <regolith/regolith.h>
#include <stdatomic.h>

struct gpu;

/* Embedded in whatever dies late, so that destruction needs no memory. */
typedef struct frame_zombie {
  struct frame_zombie *next;
  union {
    uint64_t value; /* of the timeline, to be passed first */
    uint64_t epoch; /* of the batches, to be passed before that, while it waits for them */
  };
  uint64_t host_frame; /* of the host's frames, to be passed first; 0 means none */
  void (*finish)(struct gpu *gpu, struct frame_zombie *zombie);
} frame_zombie;

/* A command buffer of its own pool, reused when its submission has passed. */
typedef struct frame_commands {
  struct frame_commands *next;
  VkCommandPool pool;
  VkCommandBuffer buffer;
  uint64_t value; /* of the submission it went with; 0 while it is not submitted */
} frame_commands;

typedef struct frame_host_point {
  VkSemaphore semaphore;
  uint64_t value;
  uint64_t host_frame;
} frame_host_point;

#define FRAME_MAX_HOST_POINTS 64

typedef struct frame {
  mutex queue_lock; /* around vkQueueSubmit; orders `submitted` */
  VkSemaphore timeline;
  _Atomic uint64_t submitted;  /* the last submission's value */
  _Atomic uint64_t submitting; /* the same, or one more while that is being submitted */
  _Atomic uint64_t completed;  /* what the GPU was last seen to have passed */
  uint64_t ticket_salt;        /* upper 16 bits of this engine's tickets */
  epochs epochs;               /* batches that are open */
  mutex lock;                  /* guards what follows */
  frame_commands *free_commands, *busy_commands;
  frame_zombie *first_zombie, *last_zombie;
  frame_zombie *queued_zombies;               /* that wait for the submission of what is queued */
  frame_zombie *first_batched, *last_batched; /* that wait for open batches, and then for what is
                                                 submitted until these end */
  _Atomic uint32_t zombie_count;              /* of all lists; read without the lock */
  _Atomic bool has_queued; /* upload.c's batch holds commands; read without the lock */
  frame_host_point host_points[FRAME_MAX_HOST_POINTS];
  uint32_t host_point_count;
  _Atomic uint64_t host_frame; /* number of the frame that is being recorded; 0 until rg_frame_end
                                  was first called */
  uint64_t host_completed;
  _Atomic bool is_lost;
} frame;

RG_NODISCARD rg_result frame_init(struct gpu *gpu);
/* frame_drain, then gives everything back. */
void frame_finish(struct gpu *gpu);
/* At the engine's end: drops what is queued, waits for all submissions and, with patience, for the
 * host's points, but for no batch, then finishes every zombie, on a lost device too. */
void frame_drain(struct gpu *gpu);

/* A command buffer in the recording state; give it to frame_submit or frame_commands_cancel. */
RG_NODISCARD rg_result frame_commands_begin(struct gpu *gpu, frame_commands **out);
void frame_commands_cancel(struct gpu *gpu, frame_commands *commands);

/* Ends and submits `own` (may be NULL), then `commands`, in one submission; *value is its place on
 * the timeline. Takes `own` back even where it fails. */
RG_NODISCARD rg_result frame_submit(struct gpu *gpu, frame_commands *own,
                                    const VkCommandBuffer *commands, uint32_t count,
                                    uint64_t *value);
/* value: at most the last submission's. RG_NOT_READY at the time-out. RG_ERROR_DEVICE_LOST. */
RG_NODISCARD rg_result frame_wait(struct gpu *gpu, uint64_t value, uint64_t timeout_ns);
/* Asks the driver how far the GPU is, without waiting. */
uint64_t frame_completed(struct gpu *gpu);
/* Whether all that was submitted has passed and no host submits on its own. */
bool frame_is_idle(struct gpu *gpu);

/* Calls finish once everything queued or submitted up to now, or up to the end of the last batch
 * that is open now, and the host's frame of that moment have passed: before it returns, and without
 * a lock, where nothing is under way, else from frame_collect on any thread; so hold no lock that
 * finish takes. What is retired can no more be looked up, by a sequentially consistent store. Never
 * fails. */
void frame_retire(struct gpu *gpu, frame_zombie *zombie,
                  void (*finish)(struct gpu *gpu, frame_zombie *zombie));
/* Around upload.c's batch: what is retired between the two waits for submission `value`, too. */
void frame_queue_begin(struct gpu *gpu);
void frame_queue_end(struct gpu *gpu, uint64_t value);
/* Finishes the zombies whose time has come. */
void frame_collect(struct gpu *gpu);
bool frame_has_zombies(struct gpu *gpu);
/* Whether some wait for what is queued and not submitted. */
bool frame_waits_for_queue(struct gpu *gpu);

rg_ticket frame_ticket(const struct gpu *gpu, uint64_t value);

#endif
