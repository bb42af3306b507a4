/* The timeline: submissions, waits, and what dies when the GPU has passed. */
#include "frame.h"

#include <inttypes.h>

#include "frame_internal.h"

#define TICKET_VALUE_BITS 48
#define TICKET_VALUE_MASK ((UINT64_C(1) << TICKET_VALUE_BITS) - 1)

/* A host that never signals what it announced must not hang the engine's end. */
#define HOST_PATIENCE_NS (UINT64_C(5) * 1000000000u)

/* ---- Begin and end ------------------------------------------------------------------------- */

/* Differs for the first 65,535 engines of a process: the factor has no divisor in common with the
 * modulus. Engines share no other state. */
static uint64_t salt_next(void) {
  static _Atomic uint32_t engine_count;
  return atomic_fetch_add(&engine_count, 1) % 65535u * 40507u % 65535u + 1;
}

rg_result frame_init(gpu *gpu) {
  frame *frame = &gpu->frame;
  mutex_init(&frame->queue_lock);
  mutex_init(&frame->lock);
  frame->ticket_salt = salt_next();
  VkSemaphoreTypeCreateInfo type = {
      .sType = VK_STRUCTURE_TYPE_SEMAPHORE_TYPE_CREATE_INFO,
      .semaphoreType = VK_SEMAPHORE_TYPE_TIMELINE,
  };
  VkSemaphoreCreateInfo info = {.sType = VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO, .pNext = &type};
  VkResult vk_result =
      gpu->vk.CreateSemaphore(gpu->device.handle, &info, NULL, &frame->timeline);
  if (vk_result != VK_SUCCESS) {
    frame->timeline = VK_NULL_HANDLE;
    return dispatch_result(vk_result, "vkCreateSemaphore", gpu->label);
  }
  device_name(gpu, VK_OBJECT_TYPE_SEMAPHORE, (uint64_t)frame->timeline, gpu->label, "timeline");
  return RG_OK;
}

void frame_finish(gpu *gpu) {
  frame *frame = &gpu->frame;
  frame_drain(gpu);
  frame_commands_finish(gpu);
  if (frame->timeline != VK_NULL_HANDLE) {
    gpu->vk.DestroySemaphore(gpu->device.handle, frame->timeline, NULL);
    frame->timeline = VK_NULL_HANDLE;
  }
  mutex_finish(&frame->lock);
  mutex_finish(&frame->queue_lock);
}

/* ---- Where the GPU is ---------------------------------------------------------------------- */

static rg_result frame_result(gpu *gpu, VkResult vk_result, const char *call) {
  if (vk_result == VK_ERROR_DEVICE_LOST) {
    atomic_store(&gpu->frame.is_lost, true);
  }
  return dispatch_result(vk_result, call, gpu->label);
}

static rg_result lost_result(const gpu *gpu) {
  return result_set(RG_ERROR_DEVICE_LOST, "engine '%s': its device was lost", gpu->label);
}

static void completed_raise(frame *frame, uint64_t value) {
  uint64_t known = atomic_load(&frame->completed);
  while (known < value && !atomic_compare_exchange_weak(&frame->completed, &known, value)) {
  }
}

/* Some drivers answer a lost device's counter with its highest value. */
uint64_t frame_completed(gpu *gpu) {
  frame *frame = &gpu->frame;
  uint64_t submitted = atomic_load(&frame->submitted);
  if (atomic_load(&frame->completed) < submitted) {
    uint64_t value = 0;
    VkResult vk_result =
        gpu->vk.GetSemaphoreCounterValue(gpu->device.handle, frame->timeline, &value);
    if (vk_result == VK_SUCCESS && value <= atomic_load(&frame->submitted)) {
      completed_raise(frame, value);
    } else if (vk_result == VK_SUCCESS || vk_result == VK_ERROR_DEVICE_LOST) {
      atomic_store(&frame->is_lost, true);
    }
  }
  return atomic_load(&frame->completed);
}

/* The host's own submissions are unseen: with a host's device, or its frames, there is always one.
 */
bool frame_is_idle(gpu *gpu) {
  frame *frame = &gpu->frame;
  return gpu->device.owns_device && atomic_load(&frame->host_frame) == 0 &&
         frame_completed(gpu) >= atomic_load(&frame->submitted);
}

static VkResult semaphore_wait(gpu *gpu, VkSemaphore semaphore, uint64_t value,
                               uint64_t timeout_ns) {
  VkSemaphoreWaitInfo info = {
      .sType = VK_STRUCTURE_TYPE_SEMAPHORE_WAIT_INFO,
      .semaphoreCount = 1,
      .pSemaphores = &semaphore,
      .pValues = &value,
  };
  return gpu->vk.WaitSemaphores(gpu->device.handle, &info, timeout_ns);
}

rg_result frame_wait(gpu *gpu, uint64_t value, uint64_t timeout_ns) {
  frame *frame = &gpu->frame;
  if (value <= atomic_load(&frame->completed)) {
    return RG_OK;
  }
  if (atomic_load(&frame->is_lost)) {
    return lost_result(gpu);
  }
  VkResult vk_result = semaphore_wait(gpu, frame->timeline, value, timeout_ns);
  if (vk_result == VK_TIMEOUT) {
    return RG_NOT_READY;
  }
  if (vk_result == VK_SUCCESS) {
    completed_raise(frame, value);
  }
  return frame_result(gpu, vk_result, "vkWaitSemaphores");
}

/* ---- Submission ---------------------------------------------------------------------------- */

static void queue_lock(gpu *gpu) {
  mutex_lock(&gpu->frame.queue_lock);
  if (gpu->device.queue_lock != NULL) {
    gpu->device.queue_lock(gpu->device.queue_user);
  }
}

static void queue_unlock(gpu *gpu) {
  if (gpu->device.queue_unlock != NULL) {
    gpu->device.queue_unlock(gpu->device.queue_user);
  }
  mutex_unlock(&gpu->frame.queue_lock);
}

/* The engine's commands and the caller's as two batches of one call; the last one signals, which
 * covers all before it in the queue. */
static VkResult queue_submit(gpu *gpu, const frame_commands *own, const VkCommandBuffer *commands,
                             uint32_t count, uint64_t value) {
  VkTimelineSemaphoreSubmitInfo timeline = {
      .sType = VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO,
      .signalSemaphoreValueCount = 1,
      .pSignalSemaphoreValues = &value,
  };
  VkSubmitInfo submits[2];
  uint32_t submit_count = 0;
  if (own != NULL) {
    submits[submit_count++] = (VkSubmitInfo){.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
                                             .commandBufferCount = 1,
                                             .pCommandBuffers = &own->buffer};
  }
  if (count > 0 || own == NULL) {
    submits[submit_count++] = (VkSubmitInfo){.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
                                             .commandBufferCount = count,
                                             .pCommandBuffers = commands};
  }
  submits[submit_count - 1].pNext = &timeline;
  submits[submit_count - 1].signalSemaphoreCount = 1;
  submits[submit_count - 1].pSignalSemaphores = &gpu->frame.timeline;
  return gpu->vk.QueueSubmit(gpu->device.queue, submit_count, submits, VK_NULL_HANDLE);
}

rg_result frame_submit(gpu *gpu, frame_commands *own, const VkCommandBuffer *commands,
                       uint32_t count, uint64_t *value) {
  rg_result result = RG_OK;
  frame *frame = &gpu->frame;
  if (atomic_load(&frame->is_lost)) {
    RG_TRY(lost_result(gpu));
  }
  if (own != NULL) {
    RG_TRY(dispatch_result(gpu->vk.EndCommandBuffer(own->buffer), "vkEndCommandBuffer",
                           gpu->label));
  }
  queue_lock(gpu);
  uint64_t next = atomic_load(&frame->submitted) + 1;
  VkResult vk_result = queue_submit(gpu, own, commands, count, next);
  if (vk_result == VK_SUCCESS) {
    atomic_store(&frame->submitted, next);
    frame_commands_submitted(gpu, own, next);
    *value = next;
  }
  queue_unlock(gpu);
  RG_TRY(frame_result(gpu, vk_result, "vkQueueSubmit"));
  return RG_OK;
fail:
  frame_commands_cancel(gpu, own);
  return result;
}

/* ---- Zombies ------------------------------------------------------------------------------- */

static void zombie_append(frame *frame, frame_zombie *zombie) {
  zombie->next = NULL;
  if (frame->last_zombie == NULL) {
    frame->first_zombie = zombie;
  } else {
    frame->last_zombie->next = zombie;
  }
  frame->last_zombie = zombie;
}

/* What cannot be in use dies at once, so that loops which submit nothing pile nothing up. */
void frame_retire(gpu *gpu, frame_zombie *zombie, void (*finish)(struct gpu *, frame_zombie *)) {
  frame *frame = &gpu->frame;
  mutex_lock(&frame->lock);
  zombie->finish = finish;
  zombie->value = atomic_load(&frame->submitted);
  zombie->host_frame = atomic_load(&frame->host_frame);
  bool has_passed = !frame->has_queued && zombie->host_frame == 0 &&
                    zombie->value <= atomic_load(&frame->completed);
  if (frame->has_queued) {
    zombie->next = frame->queued_zombies;
    frame->queued_zombies = zombie;
  } else if (!has_passed) {
    zombie_append(frame, zombie);
  }
  mutex_unlock(&frame->lock);
  if (has_passed) {
    finish(gpu, zombie);
  }
}

void frame_queue_begin(gpu *gpu) {
  mutex_lock(&gpu->frame.lock);
  gpu->frame.has_queued = true;
  mutex_unlock(&gpu->frame.lock);
}

void frame_queue_end(gpu *gpu, uint64_t value) {
  frame *frame = &gpu->frame;
  mutex_lock(&frame->lock);
  frame->has_queued = false;
  while (frame->queued_zombies != NULL) {
    frame_zombie *zombie = frame->queued_zombies;
    frame->queued_zombies = zombie->next;
    zombie->value = zombie->value > value ? zombie->value : value;
    zombie_append(frame, zombie);
  }
  mutex_unlock(&frame->lock);
}

bool frame_has_zombies(gpu *gpu) {
  mutex_lock(&gpu->frame.lock);
  bool has_zombies = gpu->frame.first_zombie != NULL || gpu->frame.queued_zombies != NULL;
  mutex_unlock(&gpu->frame.lock);
  return has_zombies;
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

static bool zombie_has_passed(const frame *frame, const frame_zombie *zombie, uint64_t completed) {
  return zombie->value <= completed && zombie->host_frame <= frame->host_completed;
}

/* Takes the zombies at the head that have passed, as a list. */
static frame_zombie *zombies_take(frame *frame, uint64_t completed) {
  frame_zombie *first = frame->first_zombie, *last = NULL;
  for (frame_zombie *zombie = first;
       zombie != NULL && zombie_has_passed(frame, zombie, completed);
       zombie = zombie->next) {
    last = zombie;
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
  frame_zombie *zombies = zombies_take(frame, completed);
  mutex_unlock(&frame->lock);
  zombies_finish(gpu, zombies);
}

/* ---- The end ------------------------------------------------------------------------------- */

static void wait_for_device(gpu *gpu) {
  queue_lock(gpu);
  VkResult vk_result = gpu->vk.DeviceWaitIdle(gpu->device.handle);
  queue_unlock(gpu);
  if (vk_result != VK_SUCCESS) {
    log_message(&gpu->logger, RG_LOG_INFO, "engine '%s': its device cannot be waited for: %d",
                gpu->label, (int)vk_result);
  }
}

static void wait_for_host(gpu *gpu) {
  frame *frame = &gpu->frame;
  for (uint32_t i = 0; i < frame->host_point_count; i++) {
    const frame_host_point *point = &frame->host_points[i];
    VkResult vk_result = semaphore_wait(gpu, point->semaphore, point->value, HOST_PATIENCE_NS);
    if (vk_result != VK_SUCCESS) {
      log_message(&gpu->logger, RG_LOG_WARNING,
                  "engine '%s': the host's frame %" PRIu64 " did not reach value %" PRIu64,
                  gpu->label, point->host_frame, point->value);
      return;
    }
  }
}

/* Waiting for the timeline alone spares the host's other queues, where that works. */
void frame_drain(gpu *gpu) {
  frame *frame = &gpu->frame;
  if (frame->timeline == VK_NULL_HANDLE) {
    return;
  }
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
    zombies_finish(gpu, zombies);
  }
}

/* ---- What the public interface tells ------------------------------------------------------- */

rg_ticket frame_ticket(const gpu *gpu, uint64_t value) {
  return (rg_ticket){value == 0 ? 0 : gpu->frame.ticket_salt << TICKET_VALUE_BITS | value};
}

rg_result rg_ticket_wait(rg_engine *engine, rg_ticket ticket, uint64_t timeout_ns) {
  gpu *gpu = gpu_of(engine);
  if (ticket.id == 0) {
    return RG_OK;
  }
  if (ticket.id >> TICKET_VALUE_BITS != gpu->frame.ticket_salt) {
    return result_set(RG_ERROR_INVALID_ARGUMENT, "ticket 0x%" PRIx64 ": it is another engine's",
                      ticket.id);
  }
  uint64_t value = ticket.id & TICKET_VALUE_MASK;
  uint64_t submitted = atomic_load(&gpu->frame.submitted);
  if (value > submitted) {
    return result_set(RG_ERROR_INVALID_ARGUMENT,
                      "ticket 0x%" PRIx64 ": its number %" PRIu64
                      " is of the future, the last submission's is %" PRIu64,
                      ticket.id, value, submitted);
  }
  return frame_wait(gpu, value, timeout_ns);
}

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
  gpu *gpu = gpu_of(engine);
  frame *frame = &gpu->frame;
  if (semaphore == VK_NULL_HANDLE) {
    return result_set(RG_ERROR_INVALID_ARGUMENT, "rg_frame_end: the semaphore is null");
  }
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
  gpu *gpu = gpu_of(engine);
  frame_collect(gpu);
  return atomic_load(&gpu->frame.is_lost) ? lost_result(gpu) : RG_OK;
}
