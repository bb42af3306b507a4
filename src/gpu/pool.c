/* Pools of the caller's own: checked descriptors, the memory type that suits them, and their lives,
 * which last until the last resource in them is gone. */
#include "pool.h"

#include <inttypes.h>

#include "gpu.h"
#include "memory_internal.h"

#define BLOCK_SIZE_LEAST (UINT64_C(64) << 10)
#define SLOT_SIZE_MOST UINT32_MAX

/* ---- Lives --------------------------------------------------------------------------------- */

static void caller_pools_add(gpu *gpu, memory_pool *added) {
  mutex_lock(&gpu->memory.lock);
  added->next = gpu->memory.caller_pools;
  gpu->memory.caller_pools = added;
  mutex_unlock(&gpu->memory.lock);
}

static void caller_pools_remove(gpu *gpu, memory_pool *removed) {
  mutex_lock(&gpu->memory.lock);
  memory_pool **place = &gpu->memory.caller_pools;
  while (*place != NULL && *place != removed) {
    place = &(*place)->next;
  }
  if (*place != NULL) {
    *place = removed->next;
  }
  mutex_unlock(&gpu->memory.lock);
}

/* All its ranges were given back when the GPU had passed; nothing of it is in use. */
static void pool_reclaim(void *owner, uint64_t id, void *storage) {
  gpu *gpu = owner;
  pool *self = storage;
  caller_pools_remove(gpu, self->memory);
  memory_pool_destroy(gpu, self->memory);
  self->memory = NULL;
  slots_recycle(&gpu->pools.slots, id);
}

void pools_init(gpu *gpu) {
  slots_init(&gpu->pools.slots, &gpu->host, RG_TYPE_POOL, sizeof(pool), pool_reclaim, gpu);
  gpu->slots_by_type[RG_TYPE_POOL] = &gpu->pools.slots;
  gpu->resource_offset[RG_TYPE_POOL] = offsetof(pool, resource);
}

void pools_finish(gpu *gpu) {
  resource_finish_all(gpu, RG_TYPE_POOL);
}

rg_result pool_own(gpu *gpu, rg_pool handle, memory_pool **out) {
  rg_result result = resource_own(gpu, RG_TYPE_POOL, handle.id);
  if (result != RG_OK) {
    return result;
  }
  pool *self = slots_peek(&gpu->pools.slots, handle.id); /* which it now owns */
  if (atomic_load(&self->resource.is_released)) {
    result =
        result_set(RG_ERROR_STALE_HANDLE, "%s is destroyed: only the resources in it keep it",
                   resource_title(RG_TYPE_POOL, resource_label(&self->resource), handle.id).text);
    resource_disown(gpu, handle.id);
    return result;
  }
  *out = self->memory;
  return RG_OK;
}

bool pool_is_exportable(gpu *gpu, rg_pool handle) {
  void *storage = handle.id == 0 ? NULL : slots_acquire(&gpu->pools.slots, handle.id);
  if (storage == NULL) {
    return false;
  }
  bool is_exportable = ((pool *)storage)->desc.is_exportable;
  resource_release(gpu, handle.id);
  return is_exportable;
}

/* ---- Checks -------------------------------------------------------------------------------- */

static rg_result refuse(const char *title, const char *text) {
  return result_set(RG_ERROR_INVALID_ARGUMENT, "%s: %s", title, text);
}

static rg_result refuse_size(const char *title, const char *name, uint64_t value, uint64_t least,
                             uint64_t most) {
  return result_set(RG_ERROR_INVALID_ARGUMENT,
                    "%s: %s %" PRIu64 " is not from %" PRIu64 " to %" PRIu64, title, name, value,
                    least, most);
}

static rg_result check_values(const rg_pool_desc *desc, const char *title) {
  if ((uint32_t)desc->update > RG_UPDATE_READBACK) {
    return refuse_size(title, "update", (uint32_t)desc->update, 0, RG_UPDATE_READBACK);
  }
  if ((uint32_t)desc->strategy > RG_POOL_SLOTS) {
    return refuse_size(title, "strategy", (uint32_t)desc->strategy, 0, RG_POOL_SLOTS);
  }
  if (!(desc->priority >= 0.0f && desc->priority <= 1.0f)) { /* NaN, too */
    return result_set(RG_ERROR_INVALID_ARGUMENT, "%s: priority %g is not from 0 to 1", title,
                      (double)desc->priority);
  }
  return RG_OK;
}

static rg_result check_slots(const rg_pool_desc *desc, const char *title) {
  bool has_slots = desc->strategy == RG_POOL_SLOTS;
  if (has_slots && (desc->slot_size == 0 || desc->slot_size > SLOT_SIZE_MOST)) {
    return refuse_size(title, "slot_size", desc->slot_size, 1, SLOT_SIZE_MOST);
  }
  if (!has_slots && desc->slot_size != 0) {
    return refuse(title, "slot_size is for the strategy slots only");
  }
  if (has_slots && desc->block_size != 0 && desc->slot_size > desc->block_size) {
    return result_set(RG_ERROR_INVALID_ARGUMENT,
                      "%s: slot_size %" PRIu64 " exceeds its block_size of %" PRIu64, title,
                      desc->slot_size, desc->block_size);
  }
  return RG_OK;
}

static rg_result check_limits(const gpu *gpu, const rg_pool_desc *desc, const char *title) {
  uint64_t largest = gpu->device.max_allocation_size;
  if (desc->block_size != 0 &&
      (desc->block_size < BLOCK_SIZE_LEAST || desc->block_size > largest)) {
    return refuse_size(title, "block_size", desc->block_size, BLOCK_SIZE_LEAST, largest);
  }
  if (desc->min_blocks != 0 && desc->block_size == 0) {
    return refuse(title, "min_blocks needs block_size");
  }
  if (desc->max_blocks != 0 && desc->min_blocks > desc->max_blocks) {
    return result_set(RG_ERROR_INVALID_ARGUMENT, "%s: min_blocks %u exceeds its max_blocks of %u",
                      title, desc->min_blocks, desc->max_blocks);
  }
  if (desc->max_size != 0 && desc->block_size != 0) {
    uint64_t blocks = desc->max_size / desc->block_size;
    if (blocks == 0 || blocks < desc->min_blocks) {
      return result_set(RG_ERROR_INVALID_ARGUMENT,
                        "%s: %u blocks of %" PRIu64 " bytes exceed its max_size of %" PRIu64, title,
                        desc->min_blocks == 0 ? 1 : desc->min_blocks, desc->block_size,
                        desc->max_size);
    }
  }
  return RG_OK;
}

/* Before the first of them is made: some drivers give more than there is. */
static rg_result check_min_blocks(gpu *gpu, const rg_pool_desc *desc, uint32_t type,
                                  const char *title) {
  const VkPhysicalDeviceMemoryProperties *memory = &gpu->device.memory_properties;
  const uint64_t heap = memory_budget_get(gpu, memory->memoryTypes[type].heapIndex);
  if (desc->min_blocks != 0 && desc->block_size > heap / desc->min_blocks) {
    return result_set(RG_ERROR_OUT_OF_DEVICE_MEMORY,
                      "%s: %u blocks of %" PRIu64 " bytes exceed its heap's budget of %" PRIu64,
                      title, desc->min_blocks, desc->block_size, heap);
  }
  const uint32_t count = gpu->device.vk_limits.maxMemoryAllocationCount;
  if (desc->min_blocks > count) {
    return result_set(RG_ERROR_LIMIT, "%s: %u blocks exceed the device's %u allocations", title,
                      desc->min_blocks, count);
  }
  return RG_OK;
}

static rg_result desc_check(const gpu *gpu, const rg_pool_desc *desc) {
  const resource_name title = resource_title(RG_TYPE_POOL, desc->label, 0);
  rg_result result = RG_OK;
  RG_TRY(check_values(desc, title.text));
  RG_TRY(check_slots(desc, title.text));
  RG_TRY(check_limits(gpu, desc, title.text));
  if (desc->is_exportable && !gpu->device.has_external_memory) {
    return result_set(RG_ERROR_UNSUPPORTED, "%s: the device cannot export memory", title.text);
  }
fail:
  return result;
}

/* ---- The memory type ----------------------------------------------------------------------- */

/* What resources of its kind can usually live in, asked of one that is never bound. */
static rg_result probe_buffer(gpu *gpu, const rg_pool_desc *desc, uint32_t *type_bits) {
  VkExternalMemoryBufferCreateInfo external = {
      .sType = VK_STRUCTURE_TYPE_EXTERNAL_MEMORY_BUFFER_CREATE_INFO,
      .handleTypes = VK_EXTERNAL_MEMORY_HANDLE_TYPE_OPAQUE_FD_BIT};
  VkBufferCreateInfo info = {
      .sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
      .pNext = desc->is_exportable ? &external : NULL,
      .size = BLOCK_SIZE_LEAST,
      .usage = VK_BUFFER_USAGE_TRANSFER_SRC_BIT | VK_BUFFER_USAGE_TRANSFER_DST_BIT |
               VK_BUFFER_USAGE_STORAGE_BUFFER_BIT,
  };
  VkBuffer buffer = VK_NULL_HANDLE;
  VkResult vk_result = gpu->vk.CreateBuffer(gpu->device.handle, &info, NULL, &buffer);
  if (vk_result != VK_SUCCESS) {
    return dispatch_result(vk_result, "vkCreateBuffer",
                           resource_title(RG_TYPE_POOL, desc->label, 0).text);
  }
  VkMemoryRequirements2 requirements = {.sType = VK_STRUCTURE_TYPE_MEMORY_REQUIREMENTS_2};
  VkBufferMemoryRequirementsInfo2 query = {
      .sType = VK_STRUCTURE_TYPE_BUFFER_MEMORY_REQUIREMENTS_INFO_2, .buffer = buffer};
  gpu->vk.GetBufferMemoryRequirements2(gpu->device.handle, &query, &requirements);
  gpu->vk.DestroyBuffer(gpu->device.handle, buffer, NULL);
  *type_bits = requirements.memoryRequirements.memoryTypeBits;
  return RG_OK;
}

static rg_result probe_image(gpu *gpu, const rg_pool_desc *desc, uint32_t *type_bits) {
  VkExternalMemoryImageCreateInfo external = {
      .sType = VK_STRUCTURE_TYPE_EXTERNAL_MEMORY_IMAGE_CREATE_INFO,
      .handleTypes = VK_EXTERNAL_MEMORY_HANDLE_TYPE_OPAQUE_FD_BIT};
  VkImageCreateInfo info = {
      .sType = VK_STRUCTURE_TYPE_IMAGE_CREATE_INFO,
      .pNext = desc->is_exportable ? &external : NULL,
      .imageType = VK_IMAGE_TYPE_2D,
      .format = VK_FORMAT_R8G8B8A8_UNORM,
      .extent = {64, 64, 1},
      .mipLevels = 1,
      .arrayLayers = 1,
      .samples = VK_SAMPLE_COUNT_1_BIT,
      .tiling = VK_IMAGE_TILING_OPTIMAL,
      .usage = VK_IMAGE_USAGE_SAMPLED_BIT | VK_IMAGE_USAGE_TRANSFER_SRC_BIT |
               VK_IMAGE_USAGE_TRANSFER_DST_BIT,
  };
  VkImage image = VK_NULL_HANDLE;
  VkResult vk_result = gpu->vk.CreateImage(gpu->device.handle, &info, NULL, &image);
  if (vk_result != VK_SUCCESS) {
    return dispatch_result(vk_result, "vkCreateImage",
                           resource_title(RG_TYPE_POOL, desc->label, 0).text);
  }
  VkMemoryRequirements2 requirements = {.sType = VK_STRUCTURE_TYPE_MEMORY_REQUIREMENTS_2};
  VkImageMemoryRequirementsInfo2 query = {
      .sType = VK_STRUCTURE_TYPE_IMAGE_MEMORY_REQUIREMENTS_INFO_2, .image = image};
  gpu->vk.GetImageMemoryRequirements2(gpu->device.handle, &query, &requirements);
  gpu->vk.DestroyImage(gpu->device.handle, image, NULL);
  *type_bits = requirements.memoryRequirements.memoryTypeBits;
  return RG_OK;
}

/* Properties that need a resource made for them are not found by an ordinary one. */
#define SPECIAL_PROPERTIES \
  (VK_MEMORY_PROPERTY_LAZILY_ALLOCATED_BIT | VK_MEMORY_PROPERTY_PROTECTED_BIT)

static rg_result type_choose(gpu *gpu, const rg_pool_desc *desc, uint32_t *type) {
  memory_request request = {
      .update = desc->update == RG_UPDATE_DEFAULT ? RG_UPDATE_STATIC : desc->update,
      .is_optimal = desc->is_for_textures,
      .is_protected = (desc->required & VK_MEMORY_PROPERTY_PROTECTED_BIT) != 0,
      .requirements.memoryTypeBits = UINT32_MAX,
  };
  uint32_t order[VK_MAX_MEMORY_TYPES];
  rg_result result = RG_OK;
  if ((desc->required & SPECIAL_PROPERTIES) == 0) {
    result = desc->is_for_textures ? probe_image(gpu, desc, &request.requirements.memoryTypeBits)
                                   : probe_buffer(gpu, desc, &request.requirements.memoryTypeBits);
  }
  if (result != RG_OK) {
    return result;
  }
  if (memory_type_order(&gpu->device, &request, desc->required, order) == 0) {
    return result_set(RG_ERROR_UNSUPPORTED, "%s: no memory type fits its update and required 0x%x",
                      resource_title(RG_TYPE_POOL, desc->label, 0).text, desc->required);
  }
  *type = order[0];
  return RG_OK;
}

/* ---- The public interface ------------------------------------------------------------------ */

static rg_result pool_init(gpu *gpu, pool *self, uint64_t id, const rg_pool_desc *desc) {
  uint32_t type = 0;
  rg_result result = RG_OK;
  RG_TRY(resource_begin(gpu, &self->resource, id, desc->label));
  RG_TRY(type_choose(gpu, desc, &type));
  RG_TRY(check_min_blocks(gpu, desc, type, resource_title(RG_TYPE_POOL, desc->label, 0).text));
  self->desc = *desc;
  self->desc.label = NULL;
  self->memory =
      memory_pool_create(gpu, type, desc, (rg_pool){id}, resource_label(&self->resource), &result);
fail:
  return result;
}

rg_result rg_pool_create(rg_engine *engine, const rg_pool_desc *desc, rg_pool *out) {
  RESOURCE_REQUIRE(out);
  *out = (rg_pool){0};
  RESOURCE_REQUIRE(engine);
  RESOURCE_REQUIRE(desc);
  gpu *gpu = gpu_of(engine);
  uint64_t id = 0;
  void *storage = NULL;
  rg_result result = RG_OK;
  RG_TRY(desc_check(gpu, desc));
  RG_TRY(slots_alloc(&gpu->pools.slots, &id, &storage));
  pool *self = storage;
  result = pool_init(gpu, self, id, desc);
  if (result != RG_OK) {
    slots_cancel(&gpu->pools.slots, id);
    return result;
  }
  caller_pools_add(gpu, self->memory);
  slots_publish(&gpu->pools.slots, id);
  out->id = id;
fail:
  return result;
}

rg_result rg_pool_destroy(rg_engine *engine, rg_pool pool) {
  RESOURCE_REQUIRE(engine);
  return resource_destroy(gpu_of(engine), RG_TYPE_POOL, pool.id);
}

rg_result rg_pool_get_stats(rg_engine *engine, rg_pool handle, rg_pool_stats *out) {
  RESOURCE_REQUIRE(out);
  *out = (rg_pool_stats){0};
  RESOURCE_REQUIRE(engine);
  gpu *gpu = gpu_of(engine);
  rg_result result = RG_OK;
  pool *self = resource_acquire(gpu, RG_TYPE_POOL, handle.id, &result);
  if (self != NULL) {
    memory_pool_get_stats(gpu, self->memory, out);
    resource_release(gpu, handle.id);
  }
  return result;
}
