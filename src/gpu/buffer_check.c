/* Buffer descriptors: what is refused, and what their defaults are. */
#include <inttypes.h>

#include "export.h"
#include "gpu.h"

#define CORE_USAGE                                                                       \
  (VK_BUFFER_USAGE_TRANSFER_SRC_BIT | VK_BUFFER_USAGE_TRANSFER_DST_BIT |                 \
   VK_BUFFER_USAGE_UNIFORM_TEXEL_BUFFER_BIT | VK_BUFFER_USAGE_STORAGE_TEXEL_BUFFER_BIT | \
   VK_BUFFER_USAGE_UNIFORM_BUFFER_BIT | VK_BUFFER_USAGE_STORAGE_BUFFER_BIT |             \
   VK_BUFFER_USAGE_INDEX_BUFFER_BIT | VK_BUFFER_USAGE_VERTEX_BUFFER_BIT |                \
   VK_BUFFER_USAGE_INDIRECT_BUFFER_BIT)

static const VkBufferUsageFlags type_usage[] = {
    [RG_BUFFER_DEFAULT] = VK_BUFFER_USAGE_STORAGE_BUFFER_BIT,
    [RG_BUFFER_VERTEX] = VK_BUFFER_USAGE_VERTEX_BUFFER_BIT,
    [RG_BUFFER_INDEX] = VK_BUFFER_USAGE_INDEX_BUFFER_BIT,
    [RG_BUFFER_UNIFORM] = VK_BUFFER_USAGE_UNIFORM_BUFFER_BIT,
    [RG_BUFFER_STORAGE] = VK_BUFFER_USAGE_STORAGE_BUFFER_BIT,
    [RG_BUFFER_INDIRECT] = VK_BUFFER_USAGE_INDIRECT_BUFFER_BIT,
    [RG_BUFFER_STAGING] = 0,
};

static VkBufferUsageFlags usage_of(rg_buffer_type type) {
  return type_usage[type] | VK_BUFFER_USAGE_TRANSFER_SRC_BIT | VK_BUFFER_USAGE_TRANSFER_DST_BIT;
}

static resource_name title_of(const rg_buffer_desc *desc) {
  return resource_title(RG_TYPE_BUFFER, desc->label, 0);
}

static rg_result check_size(const gpu *gpu, const rg_buffer_desc *desc) {
  uint64_t limit = gpu->device.limits.max_buffer_size;
  if (desc->size == 0) {
    return result_set(RG_ERROR_INVALID_ARGUMENT, "%s: size is 0", title_of(desc).text);
  }
  if (desc->size > limit) {
    return result_set(RG_ERROR_LIMIT, "%s: size %" PRIu64 " exceeds the device's %" PRIu64 " bytes",
                      title_of(desc).text, desc->size, limit);
  }
  if (desc->stride > desc->size) {
    return result_set(RG_ERROR_INVALID_ARGUMENT,
                      "%s: stride %" PRIu32 " exceeds its %" PRIu64 " bytes", title_of(desc).text,
                      desc->stride, desc->size);
  }
  return RG_OK;
}

static rg_result check_kind(const rg_buffer_desc *desc) {
  if ((uint32_t)desc->type > RG_BUFFER_STAGING) {
    return result_set(RG_ERROR_INVALID_ARGUMENT, "%s: type %d is none of rg_buffer_type",
                      title_of(desc).text, (int)desc->type);
  }
  if ((uint32_t)desc->update > RG_UPDATE_READBACK) {
    return result_set(RG_ERROR_INVALID_ARGUMENT, "%s: update %d is none of rg_update",
                      title_of(desc).text, (int)desc->update);
  }
  if (desc->type == RG_BUFFER_STAGING &&
      (desc->update == RG_UPDATE_STATIC || desc->update == RG_UPDATE_DYNAMIC)) {
    return result_set(RG_ERROR_INVALID_ARGUMENT,
                      "%s: a staging buffer is mapped: its update is stream or readback",
                      title_of(desc).text);
  }
  if (!(desc->priority >= 0 && desc->priority <= 1)) {
    return result_set(RG_ERROR_INVALID_ARGUMENT, "%s: priority %g is not from 0 to 1",
                      title_of(desc).text, (double)desc->priority);
  }
  return RG_OK;
}

static rg_result check_usage(const gpu *gpu, const rg_buffer_desc *desc) {
  const VkBufferUsageFlags address = VK_BUFFER_USAGE_SHADER_DEVICE_ADDRESS_BIT;
  VkBufferUsageFlags unknown = desc->usage & ~(CORE_USAGE | address);
  if (unknown != 0) {
    return result_set(RG_ERROR_UNSUPPORTED,
                      "%s: usage 0x%" PRIx32
                      " is neither one of Vulkan 1.0 nor shader_device_address",
                      title_of(desc).text, unknown);
  }
  if ((desc->usage & address) != 0 && !gpu->device.has_device_address) {
    return result_set(RG_ERROR_UNSUPPORTED,
                      "%s: usage shader_device_address: the device has no bufferDeviceAddress",
                      title_of(desc).text);
  }
  return RG_OK;
}

static rg_result refuse_protected(const rg_buffer_desc *desc, const char *what) {
  return result_set(RG_ERROR_INVALID_ARGUMENT, "%s: is_protected: the CPU cannot reach it: %s",
                    title_of(desc).text, what);
}

static rg_result check_protected(const gpu *gpu, const rg_buffer_desc *desc) {
  if (!gpu->device.has_protected_memory) {
    return result_set(RG_ERROR_UNSUPPORTED, "%s: is_protected: the device has no protected memory",
                      title_of(desc).text);
  }
  if (desc->data != NULL) {
    return refuse_protected(desc, "it has no data");
  }
  if (desc->type == RG_BUFFER_STAGING || desc->update > RG_UPDATE_STATIC) {
    return refuse_protected(desc, "its update is static");
  }
  return desc->is_exportable ? refuse_protected(desc, "it is not exported") : RG_OK;
}

static rg_result check_apart(gpu *gpu, const rg_buffer_desc *desc) {
  rg_result result = desc->is_protected ? check_protected(gpu, desc) : RG_OK;
  if (result == RG_OK && desc->is_exportable) {
    VkBufferUsageFlags usage = desc->usage | usage_of(desc->type);
    result = export_check_buffer(gpu, title_of(desc).text, usage, 0);
  }
  return result;
}

rg_result buffer_resolve_desc(gpu *gpu, const rg_buffer_desc *given, rg_buffer_desc *out) {
  rg_result result = RG_OK;
  rg_buffer_desc whole = *given;
  const rg_buffer_desc *desc = &whole;
  RG_TRY(check_size(gpu, desc));
  RG_TRY(check_kind(desc));
  if (desc->usage != 0) {
    RG_TRY(check_usage(gpu, desc));
  }
  whole.is_exportable |= pool_is_exportable(gpu, desc->pool);
  if (desc->is_exportable || desc->is_protected) {
    RG_TRY(check_apart(gpu, desc));
  }
  *out = *desc;
  if (desc->type == RG_BUFFER_DEFAULT) {
    out->type = RG_BUFFER_STORAGE;
  }
  if (desc->update == RG_UPDATE_DEFAULT) {
    out->update = desc->type == RG_BUFFER_STAGING ? RG_UPDATE_STREAM : RG_UPDATE_STATIC;
  }
  out->usage |= usage_of(desc->type);
fail:
  return result;
}
