/* VkBuffers: made as a descriptor says, given memory, and ended. */
#include "export.h"
#include "gpu.h"

static rg_result vk_buffer_create(gpu *gpu, const rg_buffer_desc *desc, VkBuffer *out) {
  VkBufferCreateInfo info = {.sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
                             .pNext = desc->is_exportable ? &export_buffer_info : NULL,
                             .flags = desc->is_protected ? VK_BUFFER_CREATE_PROTECTED_BIT : 0,
                             .size = desc->size,
                             .usage = desc->usage,
                             .sharingMode = VK_SHARING_MODE_EXCLUSIVE};
  VkResult vk_result = gpu->vk.CreateBuffer(gpu->device.handle, &info, NULL, out);
  if (vk_result != VK_SUCCESS) {
    *out = VK_NULL_HANDLE;
    return dispatch_result(vk_result, "vkCreateBuffer",
                           resource_title(RG_TYPE_BUFFER, desc->label, 0).text);
  }
  return RG_OK;
}

typedef struct buffer_needs {
  VkMemoryRequirements memory;
  bool prefers_dedicated, requires_dedicated;
} buffer_needs;

static buffer_needs needs_of(gpu *gpu, VkBuffer buffer) {
  VkMemoryDedicatedRequirements dedicated = {.sType =
                                                 VK_STRUCTURE_TYPE_MEMORY_DEDICATED_REQUIREMENTS};
  VkMemoryRequirements2 requirements = {.sType = VK_STRUCTURE_TYPE_MEMORY_REQUIREMENTS_2,
                                        .pNext = &dedicated};
  VkBufferMemoryRequirementsInfo2 info = {
      .sType = VK_STRUCTURE_TYPE_BUFFER_MEMORY_REQUIREMENTS_INFO_2, .buffer = buffer};
  gpu->vk.GetBufferMemoryRequirements2(gpu->device.handle, &info, &requirements);
  return (buffer_needs){requirements.memoryRequirements, dedicated.prefersDedicatedAllocation,
                        dedicated.requiresDedicatedAllocation};
}

static memory_request request_of(gpu *gpu, const rg_buffer_desc *desc, VkBuffer buffer) {
  buffer_needs needs = needs_of(gpu, buffer);
  return (memory_request){
      .requirements = needs.memory,
      .update = desc->update,
      .prefers_dedicated = needs.prefers_dedicated,
      .requires_dedicated = needs.requires_dedicated,
      .dedicated_buffer = buffer,
      .label = desc->label,
      .priority = desc->priority,
      .needs_address = (desc->usage & VK_BUFFER_USAGE_SHADER_DEVICE_ADDRESS_BIT) != 0,
      .is_exportable = desc->is_exportable,
      .is_protected = desc->is_protected,
      .pool = desc->pool,
  };
}

rg_result buffer_get_request(gpu *gpu, const rg_buffer_desc *desc, memory_request *out) {
  VkBuffer buffer = VK_NULL_HANDLE;
  *out = (memory_request){0};
  rg_result result = vk_buffer_create(gpu, desc, &buffer);
  if (result == RG_OK) {
    *out = request_of(gpu, desc, buffer);
    out->dedicated_buffer = VK_NULL_HANDLE;
    gpu->vk.DestroyBuffer(gpu->device.handle, buffer, NULL);
  }
  return result;
}

static rg_result memory_bind(gpu *gpu, const memory_request *request, VkBuffer buffer,
                             memory_range *range) {
  rg_result result = memory_alloc(gpu, request, range);
  if (result != RG_OK) {
    return result;
  }
  VkResult vk_result =
      gpu->vk.BindBufferMemory(gpu->device.handle, buffer, range->memory, range->offset);
  if (vk_result != VK_SUCCESS) {
    return dispatch_result(vk_result, "vkBindBufferMemory",
                           resource_title(RG_TYPE_BUFFER, request->label, 0).text);
  }
  return RG_OK;
}

/* place: where it goes, a share of which goes to range; NULL for memory of its own. */
static rg_result vk_buffer_back(gpu *gpu, const rg_buffer_desc *desc, memory_request *request,
                                const memory_range *place, VkBuffer buffer, memory_range *range) {
  request->place = place;
  rg_result result = memory_bind(gpu, request, buffer, range);
  if (result != RG_OK) {
    buffer_unmake(gpu, buffer, range);
    return result;
  }
  if (desc->label != NULL) {
    device_name(gpu, VK_OBJECT_TYPE_BUFFER, (uint64_t)buffer, desc->label, NULL);
  }
  return RG_OK;
}

/* RG_NOT_READY, without a message: memory of its own serves it better, or there is no slot. */
static rg_result slot_bind(gpu *gpu, const rg_buffer_desc *desc, VkBuffer buffer, slab_slot *slot) {
  buffer_needs needs = needs_of(gpu, buffer);
  rg_buffer_vk vk;
  slab_plan plan;
  if (needs.prefers_dedicated || needs.requires_dedicated ||
      !slab_plan_make_bound(&gpu->buffers.slabs, desc->update, &needs.memory, &plan) ||
      buffer_slab_alloc(gpu, &plan, slot, &vk) != RG_OK) {
    return RG_NOT_READY;
  }
  const memory_range *range = &slot->run->slab->range;
  VkResult vk_result = VK_NOT_READY;
  if ((needs.memory.memoryTypeBits >> range->type & 1) != 0) {
    vk_result = gpu->vk.BindBufferMemory(gpu->device.handle, buffer, range->memory,
                                         range->offset + slab_offset(*slot));
  }
  if (vk_result == VK_SUCCESS) {
    return RG_OK;
  }
  buffer_slab_free(gpu, *slot);
  return vk_result == VK_NOT_READY
             ? RG_NOT_READY
             : dispatch_result(vk_result, "vkBindBufferMemory",
                               resource_title(RG_TYPE_BUFFER, desc->label, 0).text);
}

rg_result buffer_make_bound(gpu *gpu, const rg_buffer_desc *desc, slab_slot *slot, VkBuffer *out) {
  frame_collect(gpu);
  rg_result result = vk_buffer_create(gpu, desc, out);
  if (result != RG_OK) {
    return result;
  }
  result = slot_bind(gpu, desc, *out, slot);
  if (result != RG_OK) {
    gpu->vk.DestroyBuffer(gpu->device.handle, *out, NULL);
    *out = VK_NULL_HANDLE;
  } else if (desc->label != NULL) {
    device_name(gpu, VK_OBJECT_TYPE_BUFFER, (uint64_t)*out, desc->label, NULL);
  }
  return result;
}

/* Other VkBuffers are bound to a slab's memory, so it is never dedicated to one where the driver
 * leaves a choice; and any of its slots suits them. */
static void request_for_sharing(memory_request *request) {
  request->is_for_sharing = true;
  if (!request->requires_dedicated) {
    request->prefers_dedicated = false;
    request->dedicated_buffer = VK_NULL_HANDLE;
  }
  if (request->requirements.alignment < SLAB_ALIGNMENT_MAX) {
    request->requirements.alignment = SLAB_ALIGNMENT_MAX;
  }
}

static rg_result make_in(gpu *gpu, const rg_buffer_desc *desc, const memory_range *place,
                         bool is_for_sharing, VkBuffer *out, memory_range *range) {
  *range = (memory_range){0};
  frame_collect(gpu);
  rg_result result = vk_buffer_create(gpu, desc, out);
  if (result == RG_OK) {
    memory_request request = request_of(gpu, desc, *out);
    if (is_for_sharing) {
      request_for_sharing(&request);
    }
    result = vk_buffer_back(gpu, desc, &request, place, *out, range);
  }
  *out = result == RG_OK ? *out : VK_NULL_HANDLE;
  return result;
}

rg_result buffer_make_at(gpu *gpu, const rg_buffer_desc *desc, const transient_place *place,
                         VkBuffer *out, memory_range *range) {
  *range = (memory_range){0};
  frame_collect(gpu);
  rg_result result = vk_buffer_create(gpu, desc, out);
  if (result == RG_OK) {
    memory_request request = request_of(gpu, desc, *out);
    memory_range there;
    bool has_place = transient_get_range(place, &request.requirements, &there);
    result = vk_buffer_back(gpu, desc, &request, has_place ? &there : NULL, *out, range);
  }
  *out = result == RG_OK ? *out : VK_NULL_HANDLE;
  return result;
}

rg_result buffer_make_in(gpu *gpu, const rg_buffer_desc *desc, const memory_range *place,
                         VkBuffer *out, memory_range *range) {
  return make_in(gpu, desc, place, false, out, range);
}

rg_result buffer_make(gpu *gpu, const rg_buffer_desc *desc, VkBuffer *out, memory_range *range) {
  return make_in(gpu, desc, NULL, false, out, range);
}

rg_result buffer_make_shared(gpu *gpu, const rg_buffer_desc *desc, const memory_range *place,
                             VkBuffer *out, memory_range *range) {
  return make_in(gpu, desc, place, true, out, range);
}

void buffer_unmake(gpu *gpu, VkBuffer buffer, memory_range *range) {
  gpu->vk.DestroyBuffer(gpu->device.handle, buffer, NULL);
  memory_free(gpu, range);
}
