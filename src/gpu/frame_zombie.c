/* What dies late: objects wait for the timeline, for the host's frames and for open batches, before
 * they are finished. */
#include <inttypes.h>

#include "frame_internal.h"

/* A host that never signals what it announced must not hang the engine's end. */
#define HOST_PATIENCE_NS (UINT64_C(5) * 1000000000u)

/* ---- Zombies ------------------------------------------------------------------------------- */

static void zombie_append(frame_zombie **first, frame_zombie **last, frame_zombie *zombie) {
  zombie->next = NULL;
  if (*last == NULL) {
    *first = zombie;
  } else {
    (*last)->next = zombie;
  }
  *last = zombie;
}

/* From now on it waits for what is under way. */
static void zombie_wait(frame *frame, frame_zombie *zombie) {
  zombie->value = atomic_load(&frame->submitted);
  zombie->host_frame = atomic_load(&frame->host_frame);
  if (atomic_load(&frame->has_queued)) {
    zombie->next = frame->queued_zombies;
    frame->queued_zombies = zombie;
  } else {
    zombie_append(&frame->first_zombie, &frame->last_zombie, zombie);
  }
}

/* Whether nothing can use what was retired just now. Batches are asked first, for they submit
 * before they end, and the queue before the submissions, for what leaves it has been submitted
 * before. */
static bool frame_is_clear(const frame *frame) {
  if (!epoch_is_clear(&frame->epochs) || atomic_load(&frame->has_queued) ||
      atomic_load(&frame->host_frame) != 0) {
    return false;
  }
  uint64_t submitted = atomic_load(&frame->submitted);
  return atomic_load(&frame->completed) >= submitted;
}

/* What cannot be in use dies at once, so that loops which submit nothing pile nothing up. */
void frame_retire(gpu *gpu, frame_zombie *zombie, void (*finish)(struct gpu *, frame_zombie *)) {
  frame *frame = &gpu->frame;
  if (frame_is_clear(frame)) {
    finish(gpu, zombie);
    return;
  }
  mutex_lock(&frame->lock);
  zombie->finish = finish;
  atomic_fetch_add(&frame->zombie_count, 1);
  if (epoch_is_clear(&frame->epochs)) {
    zombie_wait(frame, zombie);
  } else {
    zombie->epoch = epoch_die(&frame->epochs);
    zombie_append(&frame->first_batched, &frame->last_batched, zombie);
  }
  mutex_unlock(&frame->lock);
}

void frame_queue_begin(gpu *gpu) {
  mutex_lock(&gpu->frame.lock);
  atomic_store(&gpu->frame.has_queued, true);
  mutex_unlock(&gpu->frame.lock);
}

void frame_queue_end(gpu *gpu, uint64_t value) {
  frame *frame = &gpu->frame;
  mutex_lock(&frame->lock);
  atomic_store(&frame->has_queued, false);
  while (frame->queued_zombies != NULL) {
    frame_zombie *zombie = frame->queued_zombies;
    frame->queued_zombies = zombie->next;
    zombie->value = zombie->value > value ? zombie->value : value;
    zombie_append(&frame->first_zombie, &frame->last_zombie, zombie);
  }
  mutex_unlock(&frame->lock);
}

bool frame_has_zombies(gpu *gpu) {
  return atomic_load(&gpu->frame.zombie_count) > 0;
}

bool frame_waits_for_queue(gpu *gpu) {
  mutex_lock(&gpu->frame.lock);
  bool waits = gpu->frame.queued_zombies != NULL;
  mutex_unlock(&gpu->frame.lock);
  return waits;
}

/* Host points pass in order. */
static void host_points_collect(gpu *gpu) {
  frame *frame = &gpu->frame;
  uint32_t passed = 0;
  while (passed < frame->host_point_count) {
    const frame_host_point *point = &frame->host_points[passed];
    uint64_t value = 0;
    VkResult vk_result =
        gpu->vk.GetSemaphoreCounterValue(gpu->device.handle, point->semaphore, &value);
    if (vk_result != VK_SUCCESS || value < point->value) {
      break;
    }
    frame->host_completed = point->host_frame;
    passed++;
  }
  frame->host_point_count -= passed;
  for (uint32_t i = 0; passed > 0 && i < frame->host_point_count; i++) {
    frame->host_points[i] = frame->host_points[i + passed];
  }
}

/* What batches may have used until they ended is perhaps still in use by what was submitted from
 * them: only now does the waiting for that begin. */
static void batches_collect(frame *frame, uint64_t passed) {
  while (frame->first_batched != NULL && frame->first_batched->epoch < passed) {
    frame_zombie *zombie = frame->first_batched;
    frame->first_batched = zombie->next;
    frame->last_batched = zombie->next == NULL ? NULL : frame->last_batched;
    zombie_wait(frame, zombie);
  }
}

static bool zombie_has_passed(const frame *frame, const frame_zombie *zombie, uint64_t completed) {
  return zombie->value <= completed && zombie->host_frame <= frame->host_completed;
}

/* Takes the zombies at the head that have passed, as a list. */
static frame_zombie *zombies_take(frame *frame, uint64_t completed) {
  frame_zombie *first = frame->first_zombie, *last = NULL;
  for (frame_zombie *zombie = first; zombie != NULL && zombie_has_passed(frame, zombie, completed);
       zombie = zombie->next) {
    last = zombie;
    atomic_fetch_sub(&frame->zombie_count, 1);
  }
  if (last == NULL) {
    return NULL;
  }
  frame->first_zombie = last->next;
  if (last->next == NULL) {
    frame->last_zombie = NULL;
  }
  last->next = NULL;
  return first;
}

static void zombies_finish(gpu *gpu, frame_zombie *zombie) {
  while (zombie != NULL) {
    frame_zombie *next = zombie->next; /* finish may free the zombie's storage */
    zombie->finish(gpu, zombie);
    zombie = next;
  }
}

void frame_collect(gpu *gpu) {
  frame *frame = &gpu->frame;
  if (!frame_has_zombies(gpu)) {
    return;
  }
  uint64_t completed = frame_completed(gpu);
  mutex_lock(&frame->lock);
  host_points_collect(gpu);
  batches_collect(frame, epoch_passed(&frame->epochs));
  frame_zombie *zombies = zombies_take(frame, completed);
  mutex_unlock(&frame->lock);
  zombies_finish(gpu, zombies);
}

/* ---- The end ------------------------------------------------------------------------------- */

static void wait_for_device(gpu *gpu) {
  frame_queue_lock(gpu);
  VkResult vk_result = gpu->vk.DeviceWaitIdle(gpu->device.handle);
  frame_queue_unlock(gpu);
  if (vk_result != VK_SUCCESS) {
    log_message(&gpu->logger, RG_LOG_INFO, "engine '%s': its device cannot be waited for: %d",
                gpu->label, (int)vk_result);
  }
}

static void wait_for_host(gpu *gpu) {
  frame *frame = &gpu->frame;
  for (uint32_t i = 0; i < frame->host_point_count; i++) {
    const frame_host_point *point = &frame->host_points[i];
    VkResult vk_result =
        frame_semaphore_wait(gpu, point->semaphore, point->value, HOST_PATIENCE_NS);
    if (vk_result != VK_SUCCESS) {
      log_message(&gpu->logger, RG_LOG_WARNING,
                  "engine '%s': the host's frame %" PRIu64 " did not reach value %" PRIu64,
                  gpu->label, point->host_frame, point->value);
      return;
    }
  }
}

/* Whoever has one open is wrong: no other call may be running. Nobody is waited for. */
static void batches_abandon(gpu *gpu) {
  uint32_t count = epochs_abandon(&gpu->frame.epochs);
  if (count > 0) {
    log_message(&gpu->logger, RG_LOG_WARNING,
                "engine '%s': %u batch%s never ended: what was looked up in %s is destroyed",
                gpu->label, count, count == 1 ? " was" : "es were", count == 1 ? "it" : "them");
  }
  batches_collect(&gpu->frame, UINT64_MAX);
}

/* Waiting for the timeline alone spares the host's other queues, where that works. */
void frame_drain(gpu *gpu) {
  frame *frame = &gpu->frame;
  if (frame->timeline == VK_NULL_HANDLE) {
    return;
  }
  batches_abandon(gpu);
  upload_discard(gpu);
  uint64_t submitted = atomic_load(&frame->submitted);
  if (frame_wait(gpu, submitted, UINT64_MAX) != RG_OK) {
    wait_for_device(gpu);
  }
  wait_for_host(gpu);
  frame->host_point_count = 0;
  while (frame->first_zombie != NULL) {
    frame_zombie *zombies = frame->first_zombie;
    frame->first_zombie = frame->last_zombie = NULL;
    atomic_store(&frame->zombie_count, 0);
    zombies_finish(gpu, zombies);
  }
}

/* ---- What the public interface tells ------------------------------------------------------- */

/* The newest point of the same semaphore may stand for this one too: zombies of its frame just wait
 * a little longer. */
static rg_result host_point_add(frame *frame, const frame_host_point *point) {
  if (frame->host_point_count < FRAME_MAX_HOST_POINTS) {
    frame->host_points[frame->host_point_count++] = *point;
    return RG_OK;
  }
  frame_host_point *newest = &frame->host_points[FRAME_MAX_HOST_POINTS - 1];
  if (newest->semaphore != point->semaphore) {
    return result_set(RG_ERROR_LIMIT, "rg_frame_end: over %u frames of several semaphores pending",
                      FRAME_MAX_HOST_POINTS);
  }
  *newest = *point;
  return RG_OK;
}

rg_result rg_frame_end(rg_engine *engine, VkSemaphore semaphore, uint64_t value) {
  RESOURCE_REQUIRE(engine);
  RESOURCE_REQUIRE(semaphore);
  gpu *gpu = gpu_of(engine);
  frame *frame = &gpu->frame;
  mutex_lock(&frame->lock);
  if (frame->host_point_count == FRAME_MAX_HOST_POINTS) {
    host_points_collect(gpu);
  }
  frame_host_point point = {
      .semaphore = semaphore, .value = value, .host_frame = atomic_load(&frame->host_frame)};
  rg_result result = host_point_add(frame, &point);
  if (result == RG_OK) {
    atomic_store(&frame->host_frame, point.host_frame + 1);
  }
  mutex_unlock(&frame->lock);
  frame_collect(gpu);
  return result;
}

rg_result rg_collect(rg_engine *engine) {
  RESOURCE_REQUIRE(engine);
  gpu *gpu = gpu_of(engine);
  frame_collect(gpu);
  memory_budget_refresh(gpu);
  return atomic_load(&gpu->frame.is_lost) ? frame_lost(gpu) : RG_OK;
}
