/* Timeline semaphores for the mock driver, which executes nothing and has none: what a submission
 * signals has passed at once. */
#include <string.h>

#include "fake_device_internal.h"

#define MAX_SEMAPHORES 64

static struct {
  VkSemaphore semaphore; /* null: free */
  uint64_t value;
} timelines[MAX_SEMAPHORES];

void fake_timeline_begin(void) {
  memset(timelines, 0, sizeof timelines);
}

/* The place of a semaphore, or of none; with fake.lock held. */
static uint64_t *value_of(VkSemaphore semaphore) {
  for (uint32_t i = 0; i < MAX_SEMAPHORES; i++) {
    if (timelines[i].semaphore == semaphore) {
      return &timelines[i].value;
    }
  }
  fake_fault("a semaphore that is not live");
  return &timelines[0].value;
}

static VKAPI_ATTR VkResult VKAPI_CALL create_semaphore(VkDevice device,
                                                       const VkSemaphoreCreateInfo *info,
                                                       const VkAllocationCallbacks *callbacks,
                                                       VkSemaphore *out) {
  const VkSemaphoreTypeCreateInfo *type =
      fake_chain_find(info->pNext, VK_STRUCTURE_TYPE_SEMAPHORE_TYPE_CREATE_INFO);
  const VkResult result = fake.CreateSemaphore(device, info, callbacks, out);
  if (result == VK_SUCCESS) {
    pthread_mutex_lock(&fake.lock);
    uint64_t *value = value_of(VK_NULL_HANDLE);
    *value = type == NULL ? 0 : type->initialValue;
    for (uint32_t i = 0; i < MAX_SEMAPHORES; i++) {
      if (&timelines[i].value == value) {
        timelines[i].semaphore = *out;
      }
    }
    pthread_mutex_unlock(&fake.lock);
  }
  return result;
}

static VKAPI_ATTR void VKAPI_CALL destroy_semaphore(VkDevice device, VkSemaphore semaphore,
                                                    const VkAllocationCallbacks *callbacks) {
  pthread_mutex_lock(&fake.lock);
  for (uint32_t i = 0; i < MAX_SEMAPHORES && semaphore != VK_NULL_HANDLE; i++) {
    if (timelines[i].semaphore == semaphore) {
      timelines[i].semaphore = VK_NULL_HANDLE;
    }
  }
  pthread_mutex_unlock(&fake.lock);
  fake.DestroySemaphore(device, semaphore, callbacks);
}

static VKAPI_ATTR VkResult VKAPI_CALL queue_submit(VkQueue queue, uint32_t count,
                                                   const VkSubmitInfo *submits, VkFence fence) {
  pthread_mutex_lock(&fake.lock);
  for (uint32_t i = 0; i < count; i++) {
    const VkTimelineSemaphoreSubmitInfo *values =
        fake_chain_find(submits[i].pNext, VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO);
    for (uint32_t s = 0; values != NULL && s < submits[i].signalSemaphoreCount; s++) {
      *value_of(submits[i].pSignalSemaphores[s]) = values->pSignalSemaphoreValues[s];
    }
  }
  pthread_mutex_unlock(&fake.lock);
  return fake.QueueSubmit(queue, count, submits, fence);
}

static VKAPI_ATTR VkResult VKAPI_CALL wait_semaphores(VkDevice device,
                                                      const VkSemaphoreWaitInfo *info,
                                                      uint64_t timeout_ns) {
  (void)device;
  (void)timeout_ns;
  VkResult result = VK_SUCCESS;
  pthread_mutex_lock(&fake.lock);
  for (uint32_t i = 0; i < info->semaphoreCount; i++) {
    result = *value_of(info->pSemaphores[i]) < info->pValues[i] ? VK_TIMEOUT : result;
  }
  pthread_mutex_unlock(&fake.lock);
  return result;
}

static VKAPI_ATTR VkResult VKAPI_CALL counter_value(VkDevice device, VkSemaphore semaphore,
                                                    uint64_t *out) {
  (void)device;
  pthread_mutex_lock(&fake.lock);
  *out = *value_of(semaphore);
  pthread_mutex_unlock(&fake.lock);
  return VK_SUCCESS;
}

const PFN_vkCreateSemaphore fake_CreateSemaphore = create_semaphore;
const PFN_vkDestroySemaphore fake_DestroySemaphore = destroy_semaphore;
const PFN_vkQueueSubmit fake_QueueSubmit = queue_submit;
const PFN_vkWaitSemaphores fake_WaitSemaphores = wait_semaphores;
const PFN_vkGetSemaphoreCounterValue fake_GetSemaphoreCounterValue = counter_value;
