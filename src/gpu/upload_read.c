/* Bytes on their way back: from mapped memory once the GPU has passed, or through a cached staging
 * buffer. */
#include <string.h>

#include "upload_internal.h"

#define READER_SIZE_MIN (UINT64_C(64) << 10)
#define READER_SIZE_MAX (UINT64_C(16) << 20)

/* ---- The reader ---------------------------------------------------------------------------- */

static uint64_t reader_size_for(uint64_t size) {
  uint64_t wanted = READER_SIZE_MIN;
  while (wanted < size && wanted < READER_SIZE_MAX) {
    wanted *= 2;
  }
  return wanted;
}

static rg_result reader_make(gpu *gpu, upload_reader *reader, const rg_buffer_desc *desc) {
  VkBuffer buffer;
  memory_range range;
  rg_result result = buffer_make(gpu, desc, &buffer, &range);
  if (result == RG_OK) {
    buffer_unmake(gpu, reader->buffer, &reader->range);
    reader->buffer = buffer;
    reader->range = range;
    reader->size = desc->size;
  }
  return result;
}

/* A read whose wait failed may still be running. Where memory is short, what it has serves. */
rg_result reader_ensure(gpu *gpu, uint64_t size) {
  rg_result result = RG_OK;
  upload_reader *reader = &gpu->upload->reader;
  rg_buffer_desc desc = {.size = reader_size_for(size),
                         .usage = VK_BUFFER_USAGE_TRANSFER_DST_BIT,
                         .update = RG_UPDATE_READBACK,
                         .label = "readback"};
  RG_TRY(frame_wait(gpu, reader->value, UINT64_MAX));
  while (reader->size < desc.size) {
    result = reader_make(gpu, reader, &desc);
    if (memory_is_exhausted(result) && desc.size > READER_SIZE_MIN) {
      desc.size /= 2;
    } else if (result != RG_OK) {
      goto fail;
    }
  }
  return RG_OK;
fail:
  return result;
}

rg_result upload_end_visible(gpu *gpu, frame_commands *commands, uint64_t *value) {
  VkMemoryBarrier barrier = {
      .sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER,
      .srcAccessMask = VK_ACCESS_MEMORY_WRITE_BIT,
      .dstAccessMask = VK_ACCESS_HOST_READ_BIT,
  };
  gpu->vk.CmdPipelineBarrier(commands->buffer, VK_PIPELINE_STAGE_ALL_COMMANDS_BIT,
                             VK_PIPELINE_STAGE_HOST_BIT, 0, 1, &barrier, 0, NULL, 0, NULL);
  rg_result result = upload_end(gpu, commands, NULL, 0, value);
  if (result == RG_OK) {
    gpu->upload->host_visible = *value;
  }
  return result;
}

rg_result reader_finish(gpu *gpu, frame_commands *commands) {
  upload *upload = gpu->upload;
  uint64_t value = 0;
  rg_result result = upload_end_visible(gpu, commands, &value);
  mutex_unlock(&upload->lock);
  if (result == RG_OK) {
    upload->reader.value = value;
    result = frame_wait(gpu, value, UINT64_MAX);
  }
  return result;
}

/* ---- Mapped memory ------------------------------------------------------------------------- */

/* Reading memory that is not cached is slower than copying it to memory that is. */
static bool is_readable(const gpu *gpu, const memory_range *range) {
  const VkMemoryType *type = &gpu->device.memory_properties.memoryTypes[range->type];
  return range->mapped != NULL && (type->propertyFlags & VK_MEMORY_PROPERTY_HOST_CACHED_BIT) != 0;
}

/* Submits the batch, and a barrier for what else runs; not where the last read did and nothing has
 * run since. */
static rg_result submit_visible(gpu *gpu, uint64_t *value) {
  upload *upload = gpu->upload;
  *value = atomic_load(&gpu->frame.submitted);
  bool is_visible =
      batch_is_empty(&upload->batch) && frame_is_idle(gpu) && upload->host_visible == *value;
  if (is_visible) {
    return RG_OK;
  }
  frame_commands *commands;
  rg_result result = upload_begin(gpu, &commands);
  return result == RG_OK ? upload_end_visible(gpu, commands, value) : result;
}

/* Of a buffer that stays where it is. */
static rg_result read_mapped(gpu *gpu, const upload_bytes *source, void *data, uint64_t size) {
  uint64_t value;
  mutex_lock(&gpu->upload->lock);
  rg_result result = submit_visible(gpu, &value);
  mutex_unlock(&gpu->upload->lock);
  if (result != RG_OK) {
    return result;
  }
  RG_TRY(frame_wait(gpu, value, UINT64_MAX));
  RG_TRY(memory_invalidate(gpu, source->range, source->range_offset, size));
  memcpy(data, (const unsigned char *)source->range->mapped + source->range_offset, size);
fail:
  return result;
}

/* ---- Memory of the device ------------------------------------------------------------------ */

static void record_read(gpu *gpu, VkCommandBuffer commands, VkBuffer source, uint64_t offset,
                        uint64_t size) {
  VkMemoryBarrier barrier = {
      .sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER,
      .srcAccessMask = VK_ACCESS_MEMORY_WRITE_BIT,
      .dstAccessMask = VK_ACCESS_TRANSFER_READ_BIT | VK_ACCESS_TRANSFER_WRITE_BIT,
  };
  gpu->vk.CmdPipelineBarrier(commands, VK_PIPELINE_STAGE_ALL_COMMANDS_BIT,
                             VK_PIPELINE_STAGE_TRANSFER_BIT, 0, 1, &barrier, 0, NULL, 0, NULL);
  VkBufferCopy region = {.srcOffset = offset, .size = size};
  gpu->vk.CmdCopyBuffer(commands, source, gpu->upload->reader.buffer, 1, &region);
}

static rg_result read_piece(gpu *gpu, const upload_place *source, uint64_t done, void *data,
                            uint64_t size) {
  upload *upload = gpu->upload;
  frame_commands *commands;
  mutex_lock(&upload->lock);
  rg_result result = upload_begin(gpu, &commands);
  if (result != RG_OK) {
    mutex_unlock(&upload->lock);
    return result;
  }
  const upload_bytes bytes = buffer_bytes(source->buffer, source->offset + done);
  record_read(gpu, commands->buffer, bytes.buffer, bytes.offset, size);
  result = reader_finish(gpu, commands);
  if (result == RG_OK) {
    memcpy(data, upload->reader.range.mapped, size);
  }
  return result;
}

static rg_result read_in_pieces(gpu *gpu, const upload_place *source, void *data, uint64_t size) {
  upload_reader *reader = &gpu->upload->reader;
  mutex_lock(&reader->lock);
  rg_result result = reader_ensure(gpu, size);
  for (uint64_t done = 0; done < size && result == RG_OK;) {
    uint64_t piece = size - done < reader->size ? size - done : reader->size;
    result = read_piece(gpu, source, done, (unsigned char *)data + done, piece);
    done += piece;
  }
  mutex_unlock(&reader->lock);
  return result;
}

/* A movable buffer's memory may go while its bytes are being copied by the host. */
static bool read_directly(gpu *gpu, const upload_place *source, void *data, uint64_t size,
                          rg_result *result) {
  if (source->buffer->is_movable) {
    return false;
  }
  const upload_bytes bytes = buffer_bytes(source->buffer, source->offset);
  if (!is_readable(gpu, bytes.range)) {
    return false;
  }
  *result = read_mapped(gpu, &bytes, data, size);
  return true;
}

rg_result upload_read(gpu *gpu, const upload_place *source, void *data, uint64_t size) {
  rg_result result = RG_OK;
  if (!read_directly(gpu, source, data, size, &result)) {
    result = read_in_pieces(gpu, source, data, size);
  }
  frame_collect(gpu);
  return result;
}
