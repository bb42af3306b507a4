/* The timeline: submissions, waits, and the tickets that stand for its values. */
#include "frame.h"

#include <inttypes.h>

#include "frame_internal.h"

#define TICKET_VALUE_BITS 48
#define TICKET_VALUE_MASK ((UINT64_C(1) << TICKET_VALUE_BITS) - 1)

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
  epochs_init(&frame->epochs, &gpu->host);
  frame->ticket_salt = salt_next();
  VkSemaphoreTypeCreateInfo type = {
      .sType = VK_STRUCTURE_TYPE_SEMAPHORE_TYPE_CREATE_INFO,
      .semaphoreType = VK_SEMAPHORE_TYPE_TIMELINE,
  };
  VkSemaphoreCreateInfo info = {.sType = VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO, .pNext = &type};
  VkResult vk_result = gpu->vk.CreateSemaphore(gpu->device.handle, &info, NULL, &frame->timeline);
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
  epochs_finish(&frame->epochs);
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

rg_result frame_lost(const gpu *gpu) {
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
    if (vk_result == VK_SUCCESS && value <= atomic_load(&frame->submitting)) {
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

VkResult frame_semaphore_wait(gpu *gpu, VkSemaphore semaphore, uint64_t value,
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
    return frame_lost(gpu);
  }
  VkResult vk_result = frame_semaphore_wait(gpu, frame->timeline, value, timeout_ns);
  if (vk_result == VK_TIMEOUT) {
    return RG_NOT_READY;
  }
  if (vk_result == VK_SUCCESS) {
    completed_raise(frame, value);
  }
  return frame_result(gpu, vk_result, "vkWaitSemaphores");
}

/* ---- Submission ---------------------------------------------------------------------------- */

void frame_queue_lock(gpu *gpu) {
  mutex_lock(&gpu->frame.queue_lock);
  if (gpu->device.queue_lock != NULL) {
    gpu->device.queue_lock(gpu->device.queue_user);
  }
}

void frame_queue_unlock(gpu *gpu) {
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
    RG_TRY(frame_lost(gpu));
  }
  if (own != NULL) {
    RG_TRY(
        dispatch_result(gpu->vk.EndCommandBuffer(own->buffer), "vkEndCommandBuffer", gpu->label));
  }
  frame_queue_lock(gpu);
  uint64_t next = atomic_load(&frame->submitted) + 1;
  atomic_store(&frame->submitting, next); /* the GPU may pass it before the call returns */
  VkResult vk_result = queue_submit(gpu, own, commands, count, next);
  if (vk_result == VK_SUCCESS) {
    atomic_store(&frame->submitted, next);
    frame_commands_submitted(gpu, own, next);
    *value = next;
  }
  frame_queue_unlock(gpu);
  RG_TRY(frame_result(gpu, vk_result, "vkQueueSubmit"));
  return RG_OK;
fail:
  frame_commands_cancel(gpu, own);
  return result;
}

/* ---- What the public interface tells ------------------------------------------------------- */

rg_ticket frame_ticket(const gpu *gpu, uint64_t value) {
  return (rg_ticket){value == 0 ? 0 : gpu->frame.ticket_salt << TICKET_VALUE_BITS | value};
}

rg_result rg_ticket_wait(rg_engine *engine, rg_ticket ticket, uint64_t timeout_ns) {
  RESOURCE_REQUIRE(engine);
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
