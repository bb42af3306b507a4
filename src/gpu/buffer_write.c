/* Bytes in and out of buffers: writes and copies sent on their way, reads, mappings. */
#include <inttypes.h>

#include "gpu.h"

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

/* Whether the engine may write, read and copy it now. */
static rg_result reach_check(const buffer *self) {
  if (self->is_protected) {
    return result_set(RG_ERROR_UNSUPPORTED,
                      "%s: protected memory is out of reach of the CPU and of the engine's copies",
                      resource_title(RG_TYPE_BUFFER, self->resource.label, self->resource.id).text);
  }
  return self->own == NULL ? RG_OK
                           : transient_check_begun(&self->own->transient, RG_TYPE_BUFFER,
                                                   self->resource.label, self->resource.id);
}

/* The buffer, held, if the span lies in it; else NULL with the result and message set. */
static buffer *span_acquire(gpu *gpu, uint64_t id, uint64_t offset, uint64_t size,
                            rg_result *result) {
  buffer *self = resource_acquire(gpu, RG_TYPE_BUFFER, id, result);
  if (self == NULL) {
    return NULL;
  }
  *result = span_check(self, offset, size);
  if (*result == RG_OK) {
    *result = reach_check(self);
  }
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
  const memory_range *range = buffer_memory(self);
  bool is_mapped = self->update == RG_UPDATE_STREAM || self->update == RG_UPDATE_READBACK;
  if (is_mapped && range->mapped != NULL) {
    *out = (unsigned char *)range->mapped + buffer_bytes(self, 0).range_offset;
  } else {
    result =
        result_set(RG_ERROR_UNSUPPORTED, "%s: only staging, stream and readback buffers are mapped",
                   resource_title(RG_TYPE_BUFFER, self->resource.label, buffer_handle.id).text);
  }
  resource_release(gpu, buffer_handle.id);
  return result;
}
