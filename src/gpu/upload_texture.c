/* Texels on their way, in boxes that fit the ring or the reader: layers, slices, rows, or parts of
 * rows. */
#include <string.h>

#include "upload_internal.h"

/* ---- Pieces -------------------------------------------------------------------------------- */

/* A cut of a region into boxes of a bounded packed size, and the way through them. Along x and y it
 * counts blocks; each position is relative to the region. */
typedef struct texture_pieces {
  const format_info *format;
  rg_texture_region region;
  uint32_t columns, rows; /* blocks of the region */
  uint64_t row_bytes, slice_bytes, layer_bytes;
  uint32_t step_columns, step_rows, step_slices, step_layers;
  uint32_t column, row, slice, layer; /* of the present piece */
} texture_pieces;

typedef struct texture_piece {
  rg_texture_region region;
  uint32_t columns, rows;
  uint64_t size; /* bytes, packed */
} texture_piece;

static uint32_t smaller(uint32_t a, uint32_t b) {
  return a < b ? a : b;
}

/* How many of `count` things of `bytes` each fit; at least one. */
static uint32_t fitting(uint64_t max_bytes, uint64_t bytes, uint32_t count) {
  uint64_t fits = max_bytes / bytes;
  return fits == 0 ? 1 : fits < count ? (uint32_t)fits : count;
}

static texture_pieces pieces_begin(VkFormat vk_format, const rg_texture_region *region,
                                   uint64_t max_bytes) {
  const format_info *format = format_get(vk_format);
  texture_pieces pieces = {
      .format = format,
      .region = *region,
      .columns = (region->width + format->block_width - 1) / format->block_width,
      .rows = (region->height + format->block_height - 1) / format->block_height,
  };
  pieces.row_bytes = (uint64_t)pieces.columns * format->block_bytes;
  pieces.slice_bytes = pieces.row_bytes * pieces.rows;
  pieces.layer_bytes = pieces.slice_bytes * region->depth;
  pieces.step_layers = fitting(max_bytes, pieces.layer_bytes, region->layer_count);
  pieces.step_slices = fitting(max_bytes, pieces.slice_bytes, region->depth);
  pieces.step_rows = fitting(max_bytes, pieces.row_bytes, pieces.rows);
  pieces.step_columns = fitting(max_bytes, format->block_bytes, pieces.columns);
  return pieces;
}

/* The piece at the present place; false past the end. */
static bool pieces_get(const texture_pieces *pieces, texture_piece *piece) {
  const rg_texture_region *whole = &pieces->region;
  const format_info *format = pieces->format;
  if (pieces->layer >= whole->layer_count) {
    return false;
  }
  piece->columns = smaller(pieces->step_columns, pieces->columns - pieces->column);
  piece->rows = smaller(pieces->step_rows, pieces->rows - pieces->row);
  uint32_t x = pieces->column * format->block_width, y = pieces->row * format->block_height;
  piece->region = (rg_texture_region){
      .mip_level = whole->mip_level,
      .layer = whole->layer + pieces->layer,
      .layer_count = smaller(pieces->step_layers, whole->layer_count - pieces->layer),
      .x = whole->x + x,
      .y = whole->y + y,
      .z = whole->z + pieces->slice,
      .width = smaller(piece->columns * format->block_width, whole->width - x),
      .height = smaller(piece->rows * format->block_height, whole->height - y),
      .depth = smaller(pieces->step_slices, whole->depth - pieces->slice),
  };
  piece->size = (uint64_t)piece->columns * format->block_bytes * piece->rows * piece->region.depth *
                piece->region.layer_count;
  return true;
}

static bool step_past(uint32_t *place, uint32_t step, uint32_t count) {
  *place += step;
  if (*place < count) {
    return false;
  }
  *place = 0;
  return true;
}

static void pieces_advance(texture_pieces *pieces) {
  if (step_past(&pieces->column, pieces->step_columns, pieces->columns) &&
      step_past(&pieces->row, pieces->step_rows, pieces->rows) &&
      step_past(&pieces->slice, pieces->step_slices, pieces->region.depth)) {
    pieces->layer += pieces->step_layers;
  }
}

/* Where the row of a piece begins in the region's packed texels. */
static uint64_t row_offset(const texture_pieces *pieces, uint32_t layer, uint32_t slice,
                           uint32_t row) {
  return (pieces->layer + layer) * pieces->layer_bytes +
         (pieces->slice + slice) * pieces->slice_bytes + (pieces->row + row) * pieces->row_bytes +
         (uint64_t)pieces->column * pieces->format->block_bytes;
}

static void bytes_move(unsigned char *staging, unsigned char *texels, uint64_t size,
                       bool to_staging) {
  memcpy(to_staging ? staging : texels, to_staging ? texels : staging, size);
}

/* Between the packed piece and its place among the region's packed texels. */
static void piece_move(const texture_pieces *pieces, const texture_piece *piece, void *staging,
                       void *texels, bool to_staging) {
  unsigned char *packed = staging, *all = texels;
  uint64_t bytes = (uint64_t)piece->columns * pieces->format->block_bytes;
  if (piece->columns == pieces->columns &&
      (piece->rows == pieces->rows || piece->region.depth * piece->region.layer_count == 1)) {
    bytes_move(packed, all + row_offset(pieces, 0, 0, 0), piece->size, to_staging);
    return;
  }
  for (uint32_t layer = 0; layer < piece->region.layer_count; layer++) {
    for (uint32_t slice = 0; slice < piece->region.depth; slice++) {
      for (uint32_t row = 0; row < piece->rows; row++, packed += bytes) {
        bytes_move(packed, all + row_offset(pieces, layer, slice, row), bytes, to_staging);
      }
    }
  }
}

/* ---- Writes -------------------------------------------------------------------------------- */

/* A multiple of the block and of 16: of 4, that depth formats want, and of what devices like. */
static uint64_t texel_alignment(const format_info *format) {
  uint64_t alignment = 16;
  while (alignment % format->block_bytes != 0) {
    alignment += 16;
  }
  return alignment;
}

static rg_result piece_write(gpu *gpu, const texture *texture, const texture_pieces *pieces,
                             const texture_piece *piece, void *texels) {
  rg_result result = RG_OK;
  upload_ring *ring = &gpu->upload->ring;
  upload_texture_op op = {.region = piece->region};
  RG_TRY(batch_prepare(gpu));
  RG_TRY(ring_reserve(gpu, piece->size, texel_alignment(pieces->format), &op.source_offset));
  piece_move(pieces, piece, (unsigned char *)ring->range.mapped + op.source_offset, texels, true);
  batch_add_texture_op(gpu, batch_add_texture(gpu, texture, false), &op);
fail:
  return result;
}

rg_result upload_write_texture(gpu *gpu, texture *texture, const rg_texture_region *region,
                               const void *data) {
  rg_result result = ring_ensure(gpu);
  if (result != RG_OK) {
    return result;
  }
  upload *upload = gpu->upload;
  mutex_lock(&upload->lock);
  texture_pieces pieces = pieces_begin(texture->vk.format, region, ring_piece_size(&upload->ring));
  texture_piece piece;
  for (; result == RG_OK && pieces_get(&pieces, &piece); pieces_advance(&pieces)) {
    result = piece_write(gpu, texture, &pieces, &piece, (void *)(uintptr_t)data);
  }
  mutex_unlock(&upload->lock);
  return result;
}

rg_result upload_init_texture(gpu *gpu, texture *texture) {
  upload *upload = gpu->upload;
  mutex_lock(&upload->lock);
  rg_result result = batch_prepare(gpu);
  if (result == RG_OK) {
    batch_add_texture(gpu, texture, true);
  }
  mutex_unlock(&upload->lock);
  return result;
}

/* ---- Mips ---------------------------------------------------------------------------------- */

static VkFilter blit_filter(gpu *gpu, VkFormat format) {
  VkFormatProperties2 properties = {.sType = VK_STRUCTURE_TYPE_FORMAT_PROPERTIES_2};
  gpu->vk.GetPhysicalDeviceFormatProperties2(gpu->device.physical, format, &properties);
  bool is_linear = (properties.formatProperties.optimalTilingFeatures &
                    VK_FORMAT_FEATURE_SAMPLED_IMAGE_FILTER_LINEAR_BIT) != 0 &&
                   (format_get(format)->aspects & VK_IMAGE_ASPECT_COLOR_BIT) != 0;
  return is_linear ? VK_FILTER_LINEAR : VK_FILTER_NEAREST;
}

rg_result upload_generate_mips(gpu *gpu, texture *texture, uint32_t first) {
  upload *upload = gpu->upload;
  if (first == 0 || first >= texture->vk.mip_levels) {
    return RG_OK;
  }
  upload_mips_op op = {.first = first, .filter = blit_filter(gpu, texture->vk.format)};
  mutex_lock(&upload->lock);
  rg_result result = batch_prepare(gpu);
  if (result == RG_OK) {
    batch_add_mips_op(gpu, batch_add_texture(gpu, texture, false), &op);
  }
  mutex_unlock(&upload->lock);
  return result;
}

/* ---- Reads --------------------------------------------------------------------------------- */

static void record_transition(gpu *gpu, VkCommandBuffer commands, const texture *texture,
                              const rg_texture_region *region, bool is_before) {
  const VkPipelineStageFlags all = VK_PIPELINE_STAGE_ALL_COMMANDS_BIT,
                             transfer = VK_PIPELINE_STAGE_TRANSFER_BIT;
  const VkImageLayout source = VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL;
  VkImageMemoryBarrier barrier = {
      .sType = VK_STRUCTURE_TYPE_IMAGE_MEMORY_BARRIER,
      .srcAccessMask = is_before ? VK_ACCESS_MEMORY_WRITE_BIT : 0,
      .dstAccessMask = is_before ? VK_ACCESS_TRANSFER_READ_BIT
                                 : VK_ACCESS_MEMORY_READ_BIT | VK_ACCESS_MEMORY_WRITE_BIT,
      .oldLayout = is_before ? texture->vk.layout : source,
      .newLayout = is_before ? source : texture->vk.layout,
      .srcQueueFamilyIndex = VK_QUEUE_FAMILY_IGNORED,
      .dstQueueFamilyIndex = VK_QUEUE_FAMILY_IGNORED,
      .image = texture->vk.image,
      .subresourceRange = {.aspectMask = texture->aspects,
                           .baseMipLevel = region->mip_level,
                           .levelCount = 1,
                           .baseArrayLayer = region->layer,
                           .layerCount = region->layer_count},
  };
  gpu->vk.CmdPipelineBarrier(commands, is_before ? all : transfer, is_before ? transfer : all, 0, 0,
                             NULL, 0, NULL, 1, &barrier);
}

static rg_result piece_read(gpu *gpu, const texture *texture, const texture_pieces *pieces,
                            const texture_piece *piece, void *texels) {
  upload *upload = gpu->upload;
  frame_commands *commands;
  mutex_lock(&upload->lock);
  rg_result result = upload_begin(gpu, &commands);
  if (result != RG_OK) {
    mutex_unlock(&upload->lock);
    return result;
  }
  VkBufferImageCopy copy = upload_image_copy(texture->aspects, &piece->region, 0);
  record_transition(gpu, commands->buffer, texture, &piece->region, true);
  gpu->vk.CmdCopyImageToBuffer(commands->buffer, texture->vk.image,
                               VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL, upload->reader.buffer, 1,
                               &copy);
  record_transition(gpu, commands->buffer, texture, &piece->region, false);
  result = reader_finish(gpu, commands);
  if (result == RG_OK) {
    piece_move(pieces, piece, upload->reader.range.mapped, texels, false);
  }
  return result;
}

rg_result upload_read_texture(gpu *gpu, texture *texture, const rg_texture_region *region,
                              void *data, uint64_t size) {
  upload_reader *reader = &gpu->upload->reader;
  mutex_lock(&reader->lock);
  rg_result result = reader_ensure(gpu, size);
  if (result == RG_OK) {
    texture_pieces pieces = pieces_begin(texture->vk.format, region, reader->size);
    texture_piece piece;
    for (; result == RG_OK && pieces_get(&pieces, &piece); pieces_advance(&pieces)) {
      result = piece_read(gpu, texture, &pieces, &piece, data);
    }
  }
  mutex_unlock(&reader->lock);
  frame_collect(gpu);
  return result;
}
