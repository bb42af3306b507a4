/* VkBuffers and the slabs that small buffers share, kept in lists by their largest hole, so that
 * one with room is found at once. */
#include <assert.h>

#include "gpu.h"

#define SLAB_SIZE_MIN (UINT64_C(1) << 20)
#define SLAB_SIZE_MAX (UINT64_C(16) << 20)
#define SLAB_USAGE                                                           \
  (VK_BUFFER_USAGE_TRANSFER_SRC_BIT | VK_BUFFER_USAGE_TRANSFER_DST_BIT |     \
   VK_BUFFER_USAGE_VERTEX_BUFFER_BIT | VK_BUFFER_USAGE_INDEX_BUFFER_BIT |    \
   VK_BUFFER_USAGE_UNIFORM_BUFFER_BIT | VK_BUFFER_USAGE_STORAGE_BUFFER_BIT | \
   VK_BUFFER_USAGE_INDIRECT_BUFFER_BIT)

/* ---- VkBuffers ----------------------------------------------------------------------------- */

static rg_result memory_bind(gpu *gpu, const rg_buffer_desc *desc, VkBuffer buffer,
                             memory_range *range) {
  VkMemoryDedicatedRequirements dedicated = {.sType =
                                                 VK_STRUCTURE_TYPE_MEMORY_DEDICATED_REQUIREMENTS};
  VkMemoryRequirements2 requirements = {.sType = VK_STRUCTURE_TYPE_MEMORY_REQUIREMENTS_2,
                                        .pNext = &dedicated};
  VkBufferMemoryRequirementsInfo2 info = {
      .sType = VK_STRUCTURE_TYPE_BUFFER_MEMORY_REQUIREMENTS_INFO_2, .buffer = buffer};
  gpu->vk.GetBufferMemoryRequirements2(gpu->device.handle, &info, &requirements);
  memory_request request = {.requirements = requirements.memoryRequirements,
                            .update = desc->update,
                            .prefers_dedicated = dedicated.prefersDedicatedAllocation,
                            .requires_dedicated = dedicated.requiresDedicatedAllocation,
                            .dedicated_buffer = buffer,
                            .label = desc->label};
  rg_result result = memory_alloc(gpu, &request, range);
  if (result != RG_OK) {
    return result;
  }
  VkResult vk_result =
      gpu->vk.BindBufferMemory(gpu->device.handle, buffer, range->memory, range->offset);
  return dispatch_result(vk_result, "vkBindBufferMemory",
                         resource_title(RG_TYPE_BUFFER, desc->label, 0).text);
}

rg_result buffer_make(gpu *gpu, const rg_buffer_desc *desc, VkBuffer *out, memory_range *range) {
  *out = VK_NULL_HANDLE;
  *range = (memory_range){0};
  frame_collect(gpu);
  VkBufferCreateInfo info = {.sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
                             .size = desc->size,
                             .usage = desc->usage,
                             .sharingMode = VK_SHARING_MODE_EXCLUSIVE};
  VkBuffer buffer = VK_NULL_HANDLE;
  VkResult vk_result = gpu->vk.CreateBuffer(gpu->device.handle, &info, NULL, &buffer);
  if (vk_result != VK_SUCCESS) {
    return dispatch_result(vk_result, "vkCreateBuffer",
                           resource_title(RG_TYPE_BUFFER, desc->label, 0).text);
  }
  rg_result result = memory_bind(gpu, desc, buffer, range);
  if (result != RG_OK) {
    buffer_unmake(gpu, buffer, range);
    return result;
  }
  device_name(gpu, VK_OBJECT_TYPE_BUFFER, (uint64_t)buffer, desc->label, NULL);
  *out = buffer;
  return RG_OK;
}

void buffer_unmake(gpu *gpu, VkBuffer buffer, memory_range *range) {
  gpu->vk.DestroyBuffer(gpu->device.handle, buffer, NULL);
  memory_free(gpu, range);
}

/* ---- Slabs --------------------------------------------------------------------------------- */

static uint64_t larger(uint64_t a, uint64_t b) {
  return a > b ? a : b;
}

/* Bytes from one possible start of a range to the next, by all that the range is used as. */
static uint64_t usage_alignment(const gpu *gpu, VkBufferUsageFlags usage) {
  const VkPhysicalDeviceLimits *limits = &gpu->device.vk_limits;
  uint64_t alignment = 4; /* indices, indirect commands and copies */
  if (usage & VK_BUFFER_USAGE_VERTEX_BUFFER_BIT) {
    alignment = larger(alignment, 16);
  }
  if (usage & VK_BUFFER_USAGE_UNIFORM_BUFFER_BIT) {
    alignment = larger(alignment, limits->minUniformBufferOffsetAlignment);
  }
  if (usage & VK_BUFFER_USAGE_STORAGE_BUFFER_BIT) {
    alignment = larger(alignment, limits->minStorageBufferOffsetAlignment);
  }
  return alignment;
}

bool buffer_is_shared(const rg_buffer_desc *desc) {
  return desc->size <= BUFFER_SHARED_MAX_SIZE && !desc->own_vk_buffer &&
         desc->type != RG_BUFFER_STAGING && (desc->usage & ~(VkBufferUsageFlags)SLAB_USAGE) == 0;
}

static uint32_t log2_floor(uint64_t value) {
  uint32_t log = 0;
  for (uint32_t shift = 32; shift > 0; shift /= 2) {
    if (value >> shift != 0) {
      value >>= shift;
      log += shift;
    }
  }
  return log;
}

static void slab_unlink(buffer_slabs *slabs, buffer_slab *slab) {
  if (slab->previous != NULL) {
    slab->previous->next = slab->next;
  } else {
    slabs->by_room[slab->room] = slab->next;
    if (slab->next == NULL) {
      slabs->rooms &= ~(1u << slab->room);
    }
  }
  if (slab->next != NULL) {
    slab->next->previous = slab->previous;
  }
}

static void slab_link(buffer_slabs *slabs, buffer_slab *slab) {
  range_stats stats;
  range_get_stats(slab->ranges, &stats);
  slab->room = log2_floor(stats.largest_free);
  slab->previous = NULL;
  slab->next = slabs->by_room[slab->room];
  if (slab->next != NULL) {
    slab->next->previous = slab;
  }
  slabs->by_room[slab->room] = slab;
  slabs->rooms |= 1u << slab->room;
}

/* Moves the slab to the list that its largest hole now asks for. */
static void slab_relink(buffer_slabs *slabs, buffer_slab *slab) {
  range_stats stats;
  range_get_stats(slab->ranges, &stats);
  if (log2_floor(stats.largest_free) != slab->room) {
    slab_unlink(slabs, slab);
    slab_link(slabs, slab);
  }
}

/* Incoherent memory is flushed by whole atoms: a neighbour's bytes must not be among them. */
static uint64_t memory_atom(const gpu *gpu, uint32_t type) {
  VkMemoryPropertyFlags flags = gpu->device.memory_properties.memoryTypes[type].propertyFlags;
  bool is_incoherent = (flags & VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT) != 0 &&
                       (flags & VK_MEMORY_PROPERTY_HOST_COHERENT_BIT) == 0;
  return is_incoherent ? gpu->device.vk_limits.nonCoherentAtomSize : 1;
}

static void slab_destroy(gpu *gpu, buffer_slab *slab) {
  range_destroy(slab->ranges);
  buffer_unmake(gpu, slab->buffer, &slab->range);
  host_free(&gpu->host, slab, sizeof *slab);
}

/* NULL with *result and the message set. */
static buffer_slab *slab_create(gpu *gpu, rg_update update, uint64_t size, rg_result *result) {
  buffer_slab *slab = host_calloc(&gpu->host, 1, sizeof *slab);
  range_allocator *ranges = range_create(&gpu->host, size);
  if (slab == NULL || ranges == NULL) {
    *result = result_no_memory("buffer slab", sizeof *slab);
  } else {
    rg_buffer_desc desc = {
        .size = size, .usage = SLAB_USAGE, .update = update, .label = "buffer slab"};
    *result = buffer_make(gpu, &desc, &slab->buffer, &slab->range);
    if (*result == RG_OK) {
      slab->ranges = ranges;
      slab->update = update;
      slab->atom = memory_atom(gpu, slab->range.type);
      return slab;
    }
  }
  range_destroy(ranges);
  host_free(&gpu->host, slab, sizeof *slab);
  return NULL;
}

/* Where memory is short a smaller slab will do. Called without the lock: it may finish the dead. */
static buffer_slab *slab_create_some(gpu *gpu, rg_update update, uint64_t size, rg_result *result) {
  buffer_slab *slab = slab_create(gpu, update, size, result);
  while (*result == RG_ERROR_OUT_OF_DEVICE_MEMORY && size / 2 > BUFFER_SHARED_MAX_SIZE) {
    size /= 2;
    slab = slab_create(gpu, update, size, result);
  }
  return slab;
}

/* ---- Ranges of slabs; under the lock ------------------------------------------------------- */

static rg_result slab_carve(const gpu *gpu, buffer_slabs *slabs, buffer_slab *slab,
                            const rg_buffer_desc *desc, range_id *range, uint64_t *offset) {
  uint64_t size = (desc->size + slab->atom - 1) / slab->atom * slab->atom;
  uint64_t alignment = larger(usage_alignment(gpu, desc->usage), slab->atom);
  rg_result result = range_alloc(slab->ranges, size, alignment, range, offset);
  if (result == RG_OK) {
    slabs->spare = slabs->spare == slab ? NULL : slabs->spare;
    slab->count++;
    slab_relink(slabs, slab);
  }
  return result;
}

/* RG_ERROR_OUT_OF_DEVICE_MEMORY, without a message, where no slab has room. */
static rg_result slabs_carve(const gpu *gpu, buffer_slabs *slabs, const rg_buffer_desc *desc,
                             buffer_slab **slab, range_id *range, uint64_t *offset) {
  uint64_t atom = gpu->device.vk_limits.nonCoherentAtomSize;
  uint64_t room = desc->size + atom + larger(usage_alignment(gpu, desc->usage), atom);
  uint32_t sure = log2_floor(room) + 1; /* whatever is in the lists from here on has that room */
  for (uint32_t rooms = slabs->rooms & ~((1u << sure) - 1); rooms != 0; rooms &= rooms - 1) {
    *slab = slabs->by_room[log2_floor(rooms & (~rooms + 1))];
    rg_result result = slab_carve(gpu, slabs, *slab, desc, range, offset);
    if (result != RG_ERROR_OUT_OF_DEVICE_MEMORY) {
      return result;
    }
  }
  return RG_ERROR_OUT_OF_DEVICE_MEMORY;
}

/* A new slab joins the others, and serves the caller first. */
static rg_result slab_add(gpu *gpu, buffer_slabs *slabs, buffer_slab *slab,
                          const rg_buffer_desc *desc, range_id *range, uint64_t *offset) {
  slab_link(slabs, slab);
  uint64_t next = 2 * slabs->next_size;
  slabs->next_size = next > SLAB_SIZE_MAX ? SLAB_SIZE_MAX : larger(next, 2 * SLAB_SIZE_MIN);
  return slab_carve(gpu, slabs, slab, desc, range, offset);
}

static rg_result carve_message(rg_result result, const rg_buffer_desc *desc) {
  return result == RG_OK ? RG_OK
                         : result_set(result, "%s: no memory to share a VkBuffer",
                                      resource_title(RG_TYPE_BUFFER, desc->label, 0).text);
}

rg_result buffer_slab_alloc(gpu *gpu, const rg_buffer_desc *desc, buffer_slab **slab,
                            range_id *range, uint64_t *offset) {
  buffers *buffers = &gpu->buffers;
  buffer_slabs *slabs = &buffers->slabs[desc->update];
  mutex_lock(&buffers->lock);
  rg_result result = slabs_carve(gpu, slabs, desc, slab, range, offset);
  uint64_t size = larger(slabs->next_size, SLAB_SIZE_MIN);
  mutex_unlock(&buffers->lock);
  if (result != RG_ERROR_OUT_OF_DEVICE_MEMORY) {
    return carve_message(result, desc);
  }
  *slab = slab_create_some(gpu, desc->update, size, &result);
  if (*slab == NULL) {
    return result_prefix(result, "%s", resource_title(RG_TYPE_BUFFER, desc->label, 0).text);
  }
  mutex_lock(&buffers->lock);
  result = slab_add(gpu, slabs, *slab, desc, range, offset);
  mutex_unlock(&buffers->lock);
  return carve_message(result, desc);
}

/* Of two slabs without buffers the larger stays; the other is unlinked and returned. */
static buffer_slab *slab_settle(buffer_slabs *slabs, buffer_slab *slab) {
  if (slab->count > 0 || slabs->spare == slab) {
    return NULL;
  }
  buffer_slab *surplus = slabs->spare;
  if (surplus == NULL || surplus->range.size < slab->range.size) {
    slabs->spare = slab;
  } else {
    surplus = slab;
  }
  if (surplus != NULL) {
    slab_unlink(slabs, surplus);
  }
  return surplus;
}

void buffer_slab_free(gpu *gpu, buffer_slab *slab, range_id range) {
  buffers *buffers = &gpu->buffers;
  buffer_slabs *slabs = &buffers->slabs[slab->update];
  mutex_lock(&buffers->lock);
  assert(slab->count > 0);
  range_free(slab->ranges, range);
  slab->count--;
  slab_relink(slabs, slab);
  buffer_slab *surplus = slab_settle(slabs, slab);
  mutex_unlock(&buffers->lock);
  if (surplus != NULL) {
    slab_destroy(gpu, surplus);
  }
}

void buffer_slabs_finish(gpu *gpu, buffer_slabs *slabs) {
  for (uint32_t i = 0; i < BUFFER_SLAB_ROOMS; i++) {
    while (slabs->by_room[i] != NULL) {
      buffer_slab *slab = slabs->by_room[i];
      slab_unlink(slabs, slab);
      slab_destroy(gpu, slab);
    }
  }
}
