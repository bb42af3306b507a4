/* Descriptor sets out of pools that are counted here, so that the driver is asked only for what a
 * pool can hold. */
#include <string.h>

#include "gpu.h"

#define POOL_SETS_MIN 64u
#define POOL_SETS_MAX 4096u

struct descriptor_pool {
  descriptor_pool *next;
  VkDescriptorPool handle;
  uint32_t free_sets, sets;
  descriptor_counts free;
};

/* ---- Counting ------------------------------------------------------------------------------ */

/* What one set takes; aliased bindings are counted twice, which wastes a little and harms none. */
static descriptor_counts counts_of(const rg_reflection *reflection, uint32_t set_index) {
  descriptor_counts counts = {{0}};
  for (uint32_t i = 0; i < reflection->binding_count; i++) {
    const rg_binding *binding = &reflection->bindings[i];
    if (binding->set == set_index && (uint32_t)binding->type < DESCRIPTOR_TYPE_COUNT) {
      counts.of[binding->type] += binding->count;
    }
  }
  return counts;
}

static bool pool_has_room(const descriptor_pool *pool, const descriptor_counts *counts) {
  for (uint32_t i = 0; i < DESCRIPTOR_TYPE_COUNT; i++) {
    if (counts->of[i] > pool->free.of[i]) {
      return false;
    }
  }
  return pool->free_sets > 0;
}

static void pool_take(descriptor_pool *pool, const descriptor_counts *counts) {
  pool->free_sets--;
  for (uint32_t i = 0; i < DESCRIPTOR_TYPE_COUNT; i++) {
    pool->free.of[i] -= counts->of[i];
  }
}

static void pool_give(descriptor_pool *pool, const descriptor_counts *counts) {
  pool->free_sets++;
  for (uint32_t i = 0; i < DESCRIPTOR_TYPE_COUNT; i++) {
    pool->free.of[i] += counts->of[i];
  }
}

/* ---- Pools --------------------------------------------------------------------------------- */

static uint32_t multiply_capped(uint32_t a, uint32_t b) {
  uint64_t product = (uint64_t)a * b;
  return product > UINT32_MAX / 2 ? UINT32_MAX / 2 : (uint32_t)product;
}

/* A pool that holds `sets` sets like the one wanted. */
static rg_result pool_make(gpu *gpu, descriptor_pool *pool, const descriptor_counts *counts,
                           uint32_t sets) {
  VkDescriptorPoolSize sizes[DESCRIPTOR_TYPE_COUNT];
  uint32_t size_count = 0;
  for (uint32_t i = 0; i < DESCRIPTOR_TYPE_COUNT; i++) {
    pool->free.of[i] = multiply_capped(counts->of[i], sets);
    if (counts->of[i] > 0) {
      sizes[size_count++] = (VkDescriptorPoolSize){(VkDescriptorType)i, pool->free.of[i]};
    }
  }
  pool->sets = sets;
  pool->free_sets = sets;
  VkDescriptorPoolCreateInfo info = {.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO,
                                     .flags = VK_DESCRIPTOR_POOL_CREATE_FREE_DESCRIPTOR_SET_BIT,
                                     .maxSets = sets,
                                     .poolSizeCount = size_count,
                                     .pPoolSizes = sizes};
  VkResult vk_result = gpu->vk.CreateDescriptorPool(gpu->device.handle, &info, NULL, &pool->handle);
  if (vk_result == VK_SUCCESS) {
    device_name(gpu, VK_OBJECT_TYPE_DESCRIPTOR_POOL, (uint64_t)pool->handle, "descriptor pool",
                NULL);
  }
  return dispatch_result(vk_result, "vkCreateDescriptorPool", "descriptor pool");
}

/* NULL with *result and the message set. */
static descriptor_pool *pool_add(gpu *gpu, const descriptor_counts *counts, rg_result *result) {
  descriptors *self = &gpu->descriptors;
  uint32_t sets = self->next_pool_sets == 0 ? POOL_SETS_MIN : self->next_pool_sets;
  descriptor_pool *pool = host_calloc(&gpu->host, 1, sizeof *pool);
  if (pool == NULL) {
    *result = result_no_memory("descriptor pool", sizeof *pool);
    return NULL;
  }
  *result = pool_make(gpu, pool, counts, sets);
  if (*result != RG_OK) {
    host_free(&gpu->host, pool, sizeof *pool);
    return NULL;
  }
  pool->next = self->pools;
  self->pools = pool;
  self->next_pool_sets = 2 * sets > POOL_SETS_MAX ? POOL_SETS_MAX : 2 * sets;
  return pool;
}

static void pool_destroy(gpu *gpu, descriptor_pool *pool) {
  gpu->vk.DestroyDescriptorPool(gpu->device.handle, pool->handle, NULL);
  host_free(&gpu->host, pool, sizeof *pool);
}

void descriptor_pools_finish(gpu *gpu) {
  descriptors *self = &gpu->descriptors;
  while (self->pools != NULL) {
    descriptor_pool *pool = self->pools;
    self->pools = pool->next;
    pool_destroy(gpu, pool);
  }
}

/* ---- Sets ---------------------------------------------------------------------------------- */

static VkResult pool_allocate(gpu *gpu, descriptor_pool *pool, VkDescriptorSetLayout layout,
                              descriptor_set *set) {
  VkDescriptorSetAllocateInfo info = {.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO,
                                      .descriptorPool = pool->handle,
                                      .descriptorSetCount = 1,
                                      .pSetLayouts = &layout};
  VkResult vk_result = gpu->vk.AllocateDescriptorSets(gpu->device.handle, &info, &set->handle);
  if (vk_result == VK_SUCCESS) {
    set->pool = pool;
    pool_take(pool, &set->counts);
  }
  return vk_result;
}

static bool is_passed_over(VkResult vk_result) {
  return vk_result == VK_ERROR_OUT_OF_POOL_MEMORY || vk_result == VK_ERROR_FRAGMENTED_POOL;
}

/* Under the lock: from a pool with room that is not too fragmented, or from a new one. */
static rg_result set_allocate(gpu *gpu, VkDescriptorSetLayout layout, const char *label,
                              descriptor_set *set) {
  VkResult vk_result = VK_ERROR_OUT_OF_POOL_MEMORY;
  for (descriptor_pool *pool = gpu->descriptors.pools; pool != NULL && is_passed_over(vk_result);
       pool = pool->next) {
    if (pool_has_room(pool, &set->counts)) {
      vk_result = pool_allocate(gpu, pool, layout, set);
    }
  }
  if (is_passed_over(vk_result)) {
    rg_result result = RG_OK;
    descriptor_pool *pool = pool_add(gpu, &set->counts, &result);
    if (pool == NULL) {
      return result;
    }
    vk_result = pool_allocate(gpu, pool, layout, set);
  }
  return dispatch_result(vk_result, "vkAllocateDescriptorSets",
                         label == NULL ? "descriptor set" : label);
}

rg_result descriptor_set_create(gpu *gpu, VkDescriptorSetLayout layout,
                                const rg_reflection *reflection, uint32_t set_index,
                                const char *label, descriptor_set **out) {
  *out = NULL;
  descriptor_set *set = host_calloc(&gpu->host, 1, sizeof *set);
  if (set == NULL) {
    return result_no_memory("descriptor set", sizeof *set);
  }
  set->counts = counts_of(reflection, set_index);
  mutex_lock(&gpu->descriptors.lock);
  rg_result result = set_allocate(gpu, layout, label, set);
  mutex_unlock(&gpu->descriptors.lock);
  if (result != RG_OK) {
    host_free(&gpu->host, set, sizeof *set);
    return result;
  }
  device_name(gpu, VK_OBJECT_TYPE_DESCRIPTOR_SET, (uint64_t)set->handle, label, "set");
  *out = set;
  return RG_OK;
}

static void pool_unlink(descriptors *self, const descriptor_pool *pool) {
  descriptor_pool **link = &self->pools;
  while (*link != pool) {
    link = &(*link)->next;
  }
  *link = pool->next;
}

/* Of two pools without sets the larger stays; the other is unlinked and returned. */
static descriptor_pool *pool_settle(descriptors *self, descriptor_pool *pool) {
  if (pool->free_sets < pool->sets) {
    return NULL;
  }
  descriptor_pool *spare = self->pools;
  while (spare != NULL && (spare == pool || spare->free_sets < spare->sets)) {
    spare = spare->next;
  }
  if (spare == NULL) {
    return NULL;
  }
  descriptor_pool *surplus = spare->sets < pool->sets ? spare : pool;
  pool_unlink(self, surplus);
  return surplus;
}

void descriptor_set_free(gpu *gpu, frame_zombie *zombie) {
  descriptors *self = &gpu->descriptors;
  descriptor_set *set = (descriptor_set *)(void *)zombie;
  mutex_lock(&self->lock);
  VkResult vk_result =
      gpu->vk.FreeDescriptorSets(gpu->device.handle, set->pool->handle, 1, &set->handle);
  descriptor_pool *surplus = NULL;
  if (vk_result == VK_SUCCESS) {
    pool_give(set->pool, &set->counts);
    surplus = pool_settle(self, set->pool);
  }
  mutex_unlock(&self->lock);
  if (surplus != NULL) {
    pool_destroy(gpu, surplus);
  }
  host_free(&gpu->host, set, sizeof *set);
}

void descriptor_set_write(gpu *gpu, const VkWriteDescriptorSet *writes, uint32_t count) {
  gpu->vk.UpdateDescriptorSets(gpu->device.handle, count, writes, 0, NULL);
}
