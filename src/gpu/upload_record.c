/* Recording a batch: barriers before and after, and each run's copies and blits between them. */
#include "upload_internal.h"

#define TRANSFER_READ_WRITE (VK_ACCESS_TRANSFER_READ_BIT | VK_ACCESS_TRANSFER_WRITE_BIT)

/* ---- Barriers ------------------------------------------------------------------------------ */

/* A barrier call under way: all memory, and the image barriers in the batch's scratch. */
typedef struct barrier_call {
  VkPipelineStageFlags from, to;
  VkAccessFlags written, used;
  uint32_t image_count;
} barrier_call;

static void barrier_add(upload_batch *batch, barrier_call *call, const upload_texture *texture,
                        VkImageLayout old_layout, VkImageLayout new_layout, uint32_t first_level,
                        uint32_t level_count) {
  if (level_count == 0) {
    return;
  }
  batch->barriers[call->image_count++] = (VkImageMemoryBarrier){
      .sType = VK_STRUCTURE_TYPE_IMAGE_MEMORY_BARRIER,
      .srcAccessMask = call->written,
      .dstAccessMask = call->used,
      .oldLayout = old_layout,
      .newLayout = new_layout,
      .srcQueueFamilyIndex = VK_QUEUE_FAMILY_IGNORED,
      .dstQueueFamilyIndex = VK_QUEUE_FAMILY_IGNORED,
      .image = texture->image,
      .subresourceRange = {.aspectMask = texture->aspects,
                           .baseMipLevel = first_level,
                           .levelCount = level_count,
                           .layerCount = texture->layers},
  };
}

static void barrier_record(gpu *gpu, VkCommandBuffer commands, const barrier_call *call) {
  VkMemoryBarrier memory = {.sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER,
                            .srcAccessMask = call->written,
                            .dstAccessMask = call->used};
  gpu->vk.CmdPipelineBarrier(commands, call->from, call->to, 0, 1, &memory, 0, NULL,
                             call->image_count, gpu->upload->batch.barriers);
}

static barrier_call between_transfers(void) {
  return (barrier_call){.from = VK_PIPELINE_STAGE_TRANSFER_BIT,
                        .to = VK_PIPELINE_STAGE_TRANSFER_BIT,
                        .written = VK_ACCESS_TRANSFER_WRITE_BIT,
                        .used = TRANSFER_READ_WRITE};
}

static void record_before(gpu *gpu, VkCommandBuffer commands) {
  upload_batch *batch = &gpu->upload->batch;
  barrier_call call = {
      .from = VK_PIPELINE_STAGE_ALL_COMMANDS_BIT | VK_PIPELINE_STAGE_HOST_BIT,
      .to = VK_PIPELINE_STAGE_TRANSFER_BIT,
      .written = VK_ACCESS_MEMORY_WRITE_BIT,
      .used = TRANSFER_READ_WRITE,
  };
  for (uint32_t i = 0; i < batch->texture_count; i++) {
    upload_texture *texture = &batch->textures[i];
    texture->first_source = texture->source_count = 0;
    barrier_add(batch, &call, texture,
                texture->is_new ? VK_IMAGE_LAYOUT_UNDEFINED : texture->layout,
                VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL, 0, texture->levels);
  }
  barrier_record(gpu, commands, &call);
}

/* Levels that the last run blitted from become targets again. */
static void record_between_runs(gpu *gpu, VkCommandBuffer commands) {
  upload_batch *batch = &gpu->upload->batch;
  barrier_call call = between_transfers();
  for (uint32_t i = 0; i < batch->texture_count; i++) {
    upload_texture *texture = &batch->textures[i];
    barrier_add(batch, &call, texture, VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL,
                VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL, texture->first_source, texture->source_count);
    texture->source_count = 0;
  }
  barrier_record(gpu, commands, &call);
}

/* The host is among the readers for the sake of mapped readback buffers. */
static void record_after(gpu *gpu, VkCommandBuffer commands) {
  upload_batch *batch = &gpu->upload->batch;
  barrier_call call = {
      .from = VK_PIPELINE_STAGE_TRANSFER_BIT,
      .to = VK_PIPELINE_STAGE_ALL_COMMANDS_BIT | VK_PIPELINE_STAGE_HOST_BIT,
      .written = VK_ACCESS_TRANSFER_WRITE_BIT,
      .used = VK_ACCESS_MEMORY_READ_BIT | VK_ACCESS_MEMORY_WRITE_BIT | VK_ACCESS_HOST_READ_BIT,
  };
  for (uint32_t i = 0; i < batch->texture_count; i++) {
    const upload_texture *texture = &batch->textures[i];
    uint32_t end = texture->first_source + texture->source_count;
    barrier_add(batch, &call, texture, VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL, texture->layout, 0,
                texture->source_count == 0 ? texture->levels : texture->first_source);
    if (texture->source_count > 0) {
      barrier_add(batch, &call, texture, VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL, texture->layout,
                  texture->first_source, texture->source_count);
      barrier_add(batch, &call, texture, VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL, texture->layout, end,
                  texture->levels - end);
    }
  }
  barrier_record(gpu, commands, &call);
}

/* ---- Buffers ------------------------------------------------------------------------------- */

/* Copies between one pair of buffers, gathered into one command. */
typedef struct copy_recorder {
  gpu *gpu;
  VkCommandBuffer commands;
  VkBuffer source, target;
  uint32_t count; /* of upload->regions */
} copy_recorder;

static void copies_flush(copy_recorder *recorder) {
  if (recorder->count > 0) {
    recorder->gpu->vk.CmdCopyBuffer(recorder->commands, recorder->source, recorder->target,
                                    recorder->count, recorder->gpu->upload->regions);
    recorder->count = 0;
  }
}

static void copies_add(copy_recorder *recorder, const upload_buffer_op *op) {
  VkBufferCopy *regions = recorder->gpu->upload->regions;
  if (recorder->source != op->source || recorder->target != op->target ||
      recorder->count == UPLOAD_MAX_REGIONS) {
    copies_flush(recorder);
    recorder->source = op->source;
    recorder->target = op->target;
  }
  VkBufferCopy *last = &regions[recorder->count - (recorder->count > 0)];
  if (recorder->count > 0 && last->srcOffset + last->size == op->source_offset &&
      last->dstOffset + last->size == op->target_offset) {
    last->size += op->size;
    return;
  }
  regions[recorder->count++] = (VkBufferCopy){
      .srcOffset = op->source_offset, .dstOffset = op->target_offset, .size = op->size};
}

static void span_copy(void *user, const upload_span *span) {
  copy_recorder *recorder = user;
  copies_add(recorder, &(upload_buffer_op){.source = recorder->gpu->upload->ring.buffer,
                                           .target = span->target,
                                           .source_offset = span->source,
                                           .target_offset = span->begin,
                                           .size = span->end - span->begin});
}

static void record_writes(gpu *gpu, VkCommandBuffer commands, uint32_t first, uint32_t end) {
  upload_batch *batch = &gpu->upload->batch;
  uint32_t count = 0;
  for (uint32_t i = first; i < end; i++) {
    const upload_buffer_op *op = &batch->ops[i].buffer;
    if (batch->ops[i].kind == UPLOAD_WRITE) {
      batch->spans[count++] = (upload_span){.target = op->target,
                                            .begin = op->target_offset,
                                            .end = op->target_offset + op->size,
                                            .source = op->source_offset,
                                            .order = i};
    }
  }
  copy_recorder recorder = {.gpu = gpu, .commands = commands};
  spans_resolve(batch->spans, count, batch->spans + count, span_copy, &recorder);
  copies_flush(&recorder);
}

static void record_copies(gpu *gpu, VkCommandBuffer commands, uint32_t first, uint32_t end) {
  const upload_batch *batch = &gpu->upload->batch;
  copy_recorder recorder = {.gpu = gpu, .commands = commands};
  for (uint32_t i = first; i < end; i++) {
    if (batch->ops[i].kind == UPLOAD_COPY) {
      copies_add(&recorder, &batch->ops[i].buffer);
    }
  }
  copies_flush(&recorder);
}

/* ---- Textures ------------------------------------------------------------------------------ */

#define TEXTURE_REGIONS 32 /* of one vkCmdCopyBufferToImage */

VkBufferImageCopy upload_image_copy(VkImageAspectFlags aspects, const rg_texture_region *region,
                                    uint64_t buffer_offset) {
  VkImageAspectFlags depth = aspects & VK_IMAGE_ASPECT_DEPTH_BIT;
  return (VkBufferImageCopy){
      .bufferOffset = buffer_offset,
      .imageSubresource = {.aspectMask = depth != 0 ? depth : aspects,
                           .mipLevel = region->mip_level,
                           .baseArrayLayer = region->layer,
                           .layerCount = region->layer_count},
      .imageOffset = {(int32_t)region->x, (int32_t)region->y, (int32_t)region->z},
      .imageExtent = {region->width, region->height, region->depth},
  };
}

static void texture_copies_flush(gpu *gpu, VkCommandBuffer commands, VkImage image,
                                 const VkBufferImageCopy *regions, uint32_t *count) {
  if (*count > 0) {
    gpu->vk.CmdCopyBufferToImage(commands, gpu->upload->ring.buffer, image,
                                 VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL, *count, regions);
    *count = 0;
  }
}

static void record_textures(gpu *gpu, VkCommandBuffer commands, uint32_t first, uint32_t end) {
  const upload_batch *batch = &gpu->upload->batch;
  VkBufferImageCopy regions[TEXTURE_REGIONS];
  VkImage image = VK_NULL_HANDLE;
  uint32_t count = 0;
  for (uint32_t i = first; i < end; i++) {
    const upload_op *op = &batch->ops[i];
    if (op->kind != UPLOAD_TEXTURE) {
      continue;
    }
    const upload_texture *texture = &batch->textures[op->texture];
    if (texture->image != image || count == TEXTURE_REGIONS) {
      texture_copies_flush(gpu, commands, image, regions, &count);
    }
    image = texture->image;
    regions[count++] =
        upload_image_copy(texture->aspects, &op->image.region, op->image.source_offset);
  }
  texture_copies_flush(gpu, commands, image, regions, &count);
}

/* ---- Mips ---------------------------------------------------------------------------------- */

static VkOffset3D level_corner(const upload_texture *texture, uint32_t level) {
  return (VkOffset3D){(int32_t)texture_level_side(texture->extent.width, level),
                      (int32_t)texture_level_side(texture->extent.height, level),
                      (int32_t)texture_level_side(texture->extent.depth, level)};
}

static void record_blit(gpu *gpu, VkCommandBuffer commands, const upload_texture *texture,
                        uint32_t level, VkFilter filter) {
  VkImageBlit blit = {
      .srcSubresource = {.aspectMask = texture->aspects,
                         .mipLevel = level - 1,
                         .layerCount = texture->layers},
      .dstSubresource = {.aspectMask = texture->aspects,
                         .mipLevel = level,
                         .layerCount = texture->layers},
  };
  blit.srcOffsets[1] = level_corner(texture, level - 1);
  blit.dstOffsets[1] = level_corner(texture, level);
  gpu->vk.CmdBlitImage(commands, texture->image, VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL,
                       texture->image, VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL, 1, &blit, filter);
}

/* Whether the operation fills a level in that step of the run, and which. */
static bool mips_level(const upload_batch *batch, const upload_op *op, uint32_t step,
                       uint32_t *level) {
  *level = op->mips.first + step;
  return op->kind == UPLOAD_MIPS && *level < batch->textures[op->texture].levels;
}

/* One level of every texture of the run; false when there is none left. */
static bool record_mips_step(gpu *gpu, VkCommandBuffer commands, uint32_t first, uint32_t end,
                             uint32_t step) {
  upload_batch *batch = &gpu->upload->batch;
  barrier_call call = between_transfers();
  uint32_t level;
  for (uint32_t i = first; i < end; i++) {
    if (mips_level(batch, &batch->ops[i], step, &level)) {
      upload_texture *texture = &batch->textures[batch->ops[i].texture];
      barrier_add(batch, &call, texture, VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL,
                  VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL, level - 1, 1);
      texture->first_source = texture->source_count == 0 ? level - 1 : texture->first_source;
      texture->source_count++;
    }
  }
  if (call.image_count == 0) {
    return false;
  }
  barrier_record(gpu, commands, &call);
  for (uint32_t i = first; i < end; i++) {
    const upload_op *op = &batch->ops[i];
    if (mips_level(batch, op, step, &level)) {
      record_blit(gpu, commands, &batch->textures[op->texture], level, op->mips.filter);
    }
  }
  return true;
}

/* ---- Moves --------------------------------------------------------------------------------- */

#define MOVE_REGIONS 16 /* of one vkCmdCopyImage: levels */

/* Both images have the same facts. */
static void record_move(gpu *gpu, VkCommandBuffer commands, const upload_texture *source,
                        const upload_texture *target) {
  VkImageCopy regions[MOVE_REGIONS];
  for (uint32_t level = 0; level < source->levels;) {
    uint32_t count = 0;
    for (; level < source->levels && count < MOVE_REGIONS; level++) {
      const VkImageSubresourceLayers layers = {
          .aspectMask = source->aspects, .mipLevel = level, .layerCount = source->layers};
      regions[count++] = (VkImageCopy){
          .srcSubresource = layers,
          .dstSubresource = layers,
          .extent = {texture_level_side(source->extent.width, level),
                     texture_level_side(source->extent.height, level),
                     texture_level_side(source->extent.depth, level)},
      };
    }
    gpu->vk.CmdCopyImage(commands, source->image, VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL,
                         target->image, VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL, count, regions);
  }
}

/* The sources of all moves of a run change their layout at once, and keep it to the run's end. */
static void record_moves(gpu *gpu, VkCommandBuffer commands, uint32_t first, uint32_t end) {
  upload_batch *batch = &gpu->upload->batch;
  barrier_call call = between_transfers();
  for (uint32_t i = first; i < end; i++) {
    if (batch->ops[i].kind == UPLOAD_MOVE) {
      upload_texture *source = &batch->textures[batch->ops[i].move.source];
      barrier_add(batch, &call, source, VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL,
                  VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL, 0, source->levels);
      source->first_source = 0;
      source->source_count = source->levels;
    }
  }
  if (call.image_count == 0) {
    return;
  }
  barrier_record(gpu, commands, &call);
  for (uint32_t i = first; i < end; i++) {
    const upload_op *op = &batch->ops[i];
    if (op->kind == UPLOAD_MOVE) {
      record_move(gpu, commands, &batch->textures[op->move.source], &batch->textures[op->texture]);
    }
  }
}

/* ---- All of it ----------------------------------------------------------------------------- */

void batch_record(gpu *gpu, VkCommandBuffer commands) {
  const upload_batch *batch = &gpu->upload->batch;
  record_before(gpu, commands);
  for (uint32_t run = 0; run < batch->run_count; run++) {
    uint32_t first = batch->runs[run];
    uint32_t end = run + 1 < batch->run_count ? batch->runs[run + 1] : batch->op_count;
    if (run > 0) {
      record_between_runs(gpu, commands);
    }
    record_writes(gpu, commands, first, end);
    record_copies(gpu, commands, first, end);
    record_textures(gpu, commands, first, end);
    for (uint32_t step = 0; record_mips_step(gpu, commands, first, end, step); step++) {
    }
    record_moves(gpu, commands, first, end);
  }
  record_after(gpu, commands);
}
