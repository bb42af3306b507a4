/* Buffers: descriptors checked, lives begun and ended, writes and copies sent on their way. */
#include "buffer.h"

#include <inttypes.h>
#include <string.h>

#include "gpu.h"

/* ---- Descriptors --------------------------------------------------------------------------- */

#define CORE_USAGE                                                                       \
  (VK_BUFFER_USAGE_TRANSFER_SRC_BIT | VK_BUFFER_USAGE_TRANSFER_DST_BIT |                 \
   VK_BUFFER_USAGE_UNIFORM_TEXEL_BUFFER_BIT | VK_BUFFER_USAGE_STORAGE_TEXEL_BUFFER_BIT | \
   VK_BUFFER_USAGE_UNIFORM_BUFFER_BIT | VK_BUFFER_USAGE_STORAGE_BUFFER_BIT |             \
   VK_BUFFER_USAGE_INDEX_BUFFER_BIT | VK_BUFFER_USAGE_VERTEX_BUFFER_BIT |                \
   VK_BUFFER_USAGE_INDIRECT_BUFFER_BIT)

static const VkBufferUsageFlags type_usage[] = {
    [RG_BUFFER_VERTEX] = VK_BUFFER_USAGE_VERTEX_BUFFER_BIT,
    [RG_BUFFER_INDEX] = VK_BUFFER_USAGE_INDEX_BUFFER_BIT,
    [RG_BUFFER_UNIFORM] = VK_BUFFER_USAGE_UNIFORM_BUFFER_BIT,
    [RG_BUFFER_STORAGE] = VK_BUFFER_USAGE_STORAGE_BUFFER_BIT,
    [RG_BUFFER_INDIRECT] = VK_BUFFER_USAGE_INDIRECT_BUFFER_BIT,
    [RG_BUFFER_STAGING] = 0,
};

static resource_name title_of(const rg_buffer_desc *desc) {
  return resource_title(RG_TYPE_BUFFER, desc->label, 0);
}

static rg_result desc_check_size(const gpu *gpu, const rg_buffer_desc *desc) {
  uint64_t limit = gpu->device.limits.max_buffer_size;
  if (desc->size == 0) {
    return result_set(RG_ERROR_INVALID_ARGUMENT, "%s: size is 0", title_of(desc).text);
  }
  if (desc->size > limit) {
    return result_set(RG_ERROR_LIMIT, "%s: size %" PRIu64 " exceeds the device's %" PRIu64 " bytes",
                      title_of(desc).text, desc->size, limit);
  }
  return RG_OK;
}

static rg_result desc_check_use(const rg_buffer_desc *desc) {
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
  VkBufferUsageFlags unknown = desc->usage & ~(VkBufferUsageFlags)CORE_USAGE;
  if (unknown != 0) {
    return result_set(RG_ERROR_UNSUPPORTED, "%s: usage 0x%" PRIx32 " is not one of Vulkan 1.0",
                      title_of(desc).text, unknown);
  }
  return RG_OK;
}

/* Checks, and fills the defaults in. */
static rg_result desc_resolve(const gpu *gpu, const rg_buffer_desc *desc, rg_buffer_desc *out) {
  rg_result result = desc_check_size(gpu, desc);
  result = result == RG_OK ? desc_check_use(desc) : result;
  if (result != RG_OK) {
    return result;
  }
  *out = *desc;
  if (desc->type == RG_BUFFER_DEFAULT) {
    out->type = RG_BUFFER_STORAGE;
  }
  if (desc->update == RG_UPDATE_DEFAULT) {
    out->update = desc->type == RG_BUFFER_STAGING ? RG_UPDATE_STREAM : RG_UPDATE_STATIC;
  }
  out->usage |=
      type_usage[out->type] | VK_BUFFER_USAGE_TRANSFER_SRC_BIT | VK_BUFFER_USAGE_TRANSFER_DST_BIT;
  return RG_OK;
}

/* ---- Lives --------------------------------------------------------------------------------- */

static void buffer_release_memory(gpu *gpu, buffer *self) {
  if (self->slab != NULL) {
    buffer_slab_free(gpu, self->slab, self->slab_range);
  } else {
    buffer_unmake(gpu, self->vk.buffer, &self->range);
  }
}

static void zombie_finish(gpu *gpu, frame_zombie *zombie) {
  buffer *self = RESOURCE_OF_ZOMBIE(buffer, zombie);
  buffer_release_memory(gpu, self);
  slots_recycle(&gpu->buffers.slots, self->resource.id);
}

/* Of one that was never published. */
static void zombie_cancel(gpu *gpu, frame_zombie *zombie) {
  buffer *self = RESOURCE_OF_ZOMBIE(buffer, zombie);
  buffer_release_memory(gpu, self);
  slots_cancel(&gpu->buffers.slots, self->resource.id);
}

static void buffer_reclaim(void *owner, uint64_t id, void *storage) {
  (void)id;
  frame_retire(owner, &((buffer *)storage)->resource.zombie, zombie_finish);
}

void buffers_init(gpu *gpu) {
  gpu->buffers = (buffers){0};
  mutex_init(&gpu->buffers.lock);
  slots_init(&gpu->buffers.slots, &gpu->host, RG_TYPE_BUFFER, sizeof(buffer), buffer_reclaim, gpu);
  gpu->slots_by_type[RG_TYPE_BUFFER] = &gpu->buffers.slots;
  gpu->resource_offset[RG_TYPE_BUFFER] = offsetof(buffer, resource);
}

void buffers_finish(gpu *gpu) {
  if (gpu->slots_by_type[RG_TYPE_BUFFER] == NULL) {
    return;
  }
  resource_finish_all(gpu, RG_TYPE_BUFFER);
  for (uint32_t i = 0; i <= RG_UPDATE_READBACK; i++) {
    buffer_slabs_finish(gpu, &gpu->buffers.slabs[i]);
  }
  mutex_finish(&gpu->buffers.lock);
}

/* Gives a reserved slot its VkBuffer, or its part of one. */
static rg_result buffer_init(gpu *gpu, buffer *self, uint64_t id, const rg_buffer_desc *desc) {
  rg_buffer_vk vk = {.size = desc->size};
  rg_result result = RG_OK;
  self->type = desc->type;
  self->update = desc->update;
  self->usage = desc->usage;
  self->slab = NULL;
  self->slab_range = RANGE_NONE;
  self->range = (memory_range){0};
  if (buffer_is_shared(desc)) {
    result = buffer_slab_alloc(gpu, desc, &self->slab, &self->slab_range, &vk.offset);
    vk.buffer = result == RG_OK ? self->slab->buffer : VK_NULL_HANDLE;
  } else {
    result = buffer_make(gpu, desc, &vk.buffer, &self->range);
  }
  uint64_t words[sizeof vk / sizeof(uint64_t)];
  memcpy(words, &vk, sizeof vk);
  slots_write_words(&gpu->buffers.slots, id, words, sizeof vk / sizeof(uint64_t));
  return result;
}

static rg_result buffer_fill(gpu *gpu, const buffer *self, const void *data) {
  if (data == NULL) {
    return RG_OK;
  }
  upload_place place = buffer_place(self, 0);
  return upload_write(gpu, &place, data, self->vk.size, true);
}

/* desc: resolved. */
static rg_result buffer_create(gpu *gpu, const rg_buffer_desc *desc, rg_buffer *out) {
  slots *slots = &gpu->buffers.slots;
  uint64_t id = 0;
  void *storage = NULL;
  rg_result result = slots_alloc(slots, &id, &storage);
  if (result != RG_OK) {
    return result;
  }
  buffer *self = storage;
  RG_TRY(resource_begin(gpu, &self->resource, id, desc->label));
  RG_TRY(buffer_init(gpu, self, id, desc));
  result = buffer_fill(gpu, self, desc->data);
  if (result != RG_OK) {
    /* part of the data may be on its way */
    frame_retire(gpu, &self->resource.zombie, zombie_cancel);
    return result;
  }
  slots_publish(slots, id);
  out->id = id;
  return RG_OK;
fail:
  slots_cancel(slots, id);
  return result;
}

rg_result rg_buffer_create(rg_engine *engine, const rg_buffer_desc *desc, rg_buffer *out) {
  RESOURCE_REQUIRE(out);
  *out = (rg_buffer){0};
  RESOURCE_REQUIRE(engine);
  RESOURCE_REQUIRE(desc);
  rg_buffer_desc resolved;
  rg_result result = desc_resolve(gpu_of(engine), desc, &resolved);
  return result == RG_OK ? buffer_create(gpu_of(engine), &resolved, out) : result;
}

rg_result rg_buffer_create_staging(rg_engine *engine, uint64_t size, const char *label,
                                   rg_buffer *out, void **mapped) {
  if (mapped != NULL) {
    *mapped = NULL;
  }
  RESOURCE_REQUIRE(out);
  *out = (rg_buffer){0};
  RESOURCE_REQUIRE(mapped);
  rg_buffer_desc desc = {.size = size, .type = RG_BUFFER_STAGING, .label = label};
  rg_result result = RG_OK;
  RG_TRY(rg_buffer_create(engine, &desc, out));
  RG_TRY(rg_buffer_map(engine, *out, mapped));
  return RG_OK;
fail:
  if (out->id != 0) {
    resource_disown(gpu_of(engine), out->id);
    *out = (rg_buffer){0};
  }
  return result;
}

rg_result rg_buffer_destroy(rg_engine *engine, rg_buffer buffer) {
  RESOURCE_REQUIRE(engine);
  return resource_destroy(gpu_of(engine), RG_TYPE_BUFFER, buffer.id);
}

/* ---- Facts --------------------------------------------------------------------------------- */

static const memory_range *memory_of(const buffer *buffer) {
  return buffer->slab != NULL ? &buffer->slab->range : &buffer->range;
}

upload_place buffer_place(const buffer *buffer, uint64_t offset) {
  return (upload_place){.buffer = buffer->vk.buffer,
                        .offset = buffer->vk.offset + offset,
                        .range = memory_of(buffer),
                        .range_offset = buffer->vk.offset + offset};
}

uint32_t buffer_memory_type(const buffer *buffer) {
  return memory_of(buffer)->type;
}

uint64_t buffer_memory_size(const buffer *buffer) {
  return buffer->slab != NULL ? buffer->vk.size : buffer->range.size;
}

rg_result rg_buffer_get_vk(rg_engine *engine, rg_buffer buffer, rg_buffer_vk *out) {
  RESOURCE_REQUIRE(out);
  *out = (rg_buffer_vk){0};
  RESOURCE_REQUIRE(engine);
  gpu *gpu = gpu_of(engine);
  uint64_t words[sizeof *out / sizeof(uint64_t)];
  if (!slots_read_words(&gpu->buffers.slots, buffer.id, words, sizeof *out / sizeof(uint64_t))) {
    return resource_refuse(gpu, RG_TYPE_BUFFER, buffer.id);
  }
  memcpy(out, words, sizeof *out);
  return RG_OK;
}

rg_result rg_buffer_map(rg_engine *engine, rg_buffer buffer_handle, void **out) {
  RESOURCE_REQUIRE(out);
  *out = NULL;
  RESOURCE_REQUIRE(engine);
  gpu *gpu = gpu_of(engine);
  rg_result result = RG_OK;
  const buffer *self = resource_acquire(gpu, RG_TYPE_BUFFER, buffer_handle.id, &result);
  if (self == NULL) {
    return result;
  }
  const memory_range *range = memory_of(self);
  bool is_mapped = self->update == RG_UPDATE_STREAM || self->update == RG_UPDATE_READBACK;
  if (is_mapped && range->mapped != NULL) {
    *out = (unsigned char *)range->mapped + self->vk.offset;
  } else {
    result =
        result_set(RG_ERROR_UNSUPPORTED, "%s: only staging, stream and readback buffers are mapped",
                   resource_title(RG_TYPE_BUFFER, self->resource.label, buffer_handle.id).text);
  }
  resource_release(gpu, buffer_handle.id);
  return result;
}

/* ---- Writes, copies, reads ----------------------------------------------------------------- */

static rg_result span_check(const buffer *self, uint64_t offset, uint64_t size) {
  const char *label = self->resource.label;
  if (size == 0) {
    return result_set(RG_ERROR_INVALID_ARGUMENT, "%s: size is 0",
                      resource_title(RG_TYPE_BUFFER, label, self->resource.id).text);
  }
  if (size > self->vk.size || offset > self->vk.size - size) {
    return result_set(
        RG_ERROR_INVALID_ARGUMENT, "%s: offset %" PRIu64 " + %" PRIu64 " bytes exceed its %" PRIu64,
        resource_title(RG_TYPE_BUFFER, label, self->resource.id).text, offset, size, self->vk.size);
  }
  return RG_OK;
}

/* The buffer, held, if the span lies in it; else NULL with the result and message set. */
static buffer *span_acquire(gpu *gpu, uint64_t id, uint64_t offset, uint64_t size,
                            rg_result *result) {
  buffer *self = resource_acquire(gpu, RG_TYPE_BUFFER, id, result);
  if (self == NULL) {
    return NULL;
  }
  *result = span_check(self, offset, size);
  if (*result != RG_OK) {
    resource_release(gpu, id);
    return NULL;
  }
  return self;
}

static rg_result write_acquire(gpu *gpu, const rg_buffer_write *write) {
  rg_result result = RG_OK;
  buffer *self = span_acquire(gpu, write->buffer.id, write->offset, write->size, &result);
  if (self != NULL && write->data == NULL) {
    result = result_set(RG_ERROR_INVALID_ARGUMENT, "%s: data of %" PRIu64 " bytes is NULL",
                        resource_title(RG_TYPE_BUFFER, self->resource.label, write->buffer.id).text,
                        write->size);
    resource_release(gpu, write->buffer.id);
  }
  return result;
}

static void writes_release(gpu *gpu, const rg_buffer_write *writes, uint32_t count) {
  for (uint32_t i = 0; i < count; i++) {
    resource_release(gpu, writes[i].buffer.id);
  }
}

/* Holds the buffers of all writes, or of none. */
static rg_result writes_acquire(gpu *gpu, const rg_buffer_write *writes, uint32_t count) {
  for (uint32_t i = 0; i < count; i++) {
    rg_result result = write_acquire(gpu, &writes[i]);
    if (result != RG_OK) {
      writes_release(gpu, writes, i);
      return count == 1 ? result : result_prefix(result, "write %u of %u", i + 1, count);
    }
  }
  return RG_OK;
}

rg_result rg_buffers_update(rg_engine *engine, const rg_buffer_write *writes, uint32_t count) {
  RESOURCE_REQUIRE(engine);
  if (count == 0) {
    return RG_OK;
  }
  RESOURCE_REQUIRE(writes);
  gpu *gpu = gpu_of(engine);
  rg_result result = writes_acquire(gpu, writes, count);
  if (result != RG_OK) {
    return result;
  }
  for (uint32_t i = 0; i < count && result == RG_OK; i++) {
    /* by index: a held slot stays its buffer's even where the handle has died meanwhile */
    const buffer *target = slots_storage_of_index(&gpu->buffers.slots, writes[i].buffer.id);
    upload_place place = buffer_place(target, writes[i].offset);
    result = upload_write(gpu, &place, writes[i].data, writes[i].size, false);
  }
  writes_release(gpu, writes, count);
  return result;
}

rg_result rg_buffer_update(rg_engine *engine, rg_buffer buffer, uint64_t offset, const void *data,
                           uint64_t size) {
  rg_buffer_write write = {.buffer = buffer, .offset = offset, .data = data, .size = size};
  return rg_buffers_update(engine, &write, 1);
}

static rg_result overlap_check(const buffer *self, uint64_t source_offset, uint64_t target_offset,
                               uint64_t size) {
  uint64_t distance =
      source_offset > target_offset ? source_offset - target_offset : target_offset - source_offset;
  if (distance >= size) {
    return RG_OK;
  }
  return result_set(RG_ERROR_INVALID_ARGUMENT,
                    "%s: %" PRIu64 " bytes from offset %" PRIu64 " to %" PRIu64
                    " of the same buffer overlap",
                    resource_title(RG_TYPE_BUFFER, self->resource.label, self->resource.id).text,
                    size, source_offset, target_offset);
}

rg_result rg_buffer_copy(rg_engine *engine, rg_buffer source, uint64_t source_offset,
                         rg_buffer target, uint64_t target_offset, uint64_t size) {
  RESOURCE_REQUIRE(engine);
  gpu *gpu = gpu_of(engine);
  rg_result result = RG_OK;
  const buffer *from = span_acquire(gpu, source.id, source_offset, size, &result);
  if (from == NULL) {
    return result_prefix(result, "source");
  }
  const buffer *to = span_acquire(gpu, target.id, target_offset, size, &result);
  if (to == NULL) {
    resource_release(gpu, source.id);
    return result_prefix(result, "target");
  }
  result = from == to ? overlap_check(from, source_offset, target_offset, size) : RG_OK;
  if (result == RG_OK) {
    upload_place from_place = buffer_place(from, source_offset);
    upload_place to_place = buffer_place(to, target_offset);
    result = upload_copy(gpu, &from_place, &to_place, size);
  }
  resource_release(gpu, target.id);
  resource_release(gpu, source.id);
  return result;
}

rg_result rg_buffer_read(rg_engine *engine, rg_buffer buffer_handle, uint64_t offset, void *data,
                         uint64_t size) {
  RESOURCE_REQUIRE(engine);
  RESOURCE_REQUIRE(data);
  gpu *gpu = gpu_of(engine);
  rg_result result = RG_OK;
  const buffer *self = span_acquire(gpu, buffer_handle.id, offset, size, &result);
  if (self == NULL) {
    return result;
  }
  upload_place place = buffer_place(self, offset);
  result = upload_read(gpu, &place, data, size);
  resource_release(gpu, buffer_handle.id);
  return result;
}
