/* The two ends of a move: a new place is made, and what the resource leaves behind is freed. */
#include <string.h>

#include "defragment_internal.h"

/* ---- Where a resource lies ----------------------------------------------------------------- */

static bool range_home(const memory_range *range, defragment_home *home) {
  home->kind = BIN_BLOCK;
  home->serial = memory_shape_of(range).serial;
  home->size = range->size;
  return home->serial != 0;
}

/* Addresses that were handed out cannot be told of a move. */
static bool buffer_home(const buffer *self, defragment_home *home) {
  if ((self->usage & VK_BUFFER_USAGE_SHADER_DEVICE_ADDRESS_BIT) != 0) {
    return false;
  }
  if (self->own != NULL) {
    return range_home(&self->own->range, home);
  }
  *home = (defragment_home){
      .kind = BIN_SLAB, .serial = self->slot.run->slab->serial, .size = self->slot.run->slot_size};
  return true;
}

bool resource_home(gpu *gpu, uint64_t id, const void *resource, defragment_home *home) {
  const texture *texture = resource;
  const buffer *buffer = resource;
  const bool is_texture = rg_type_of(id) == RG_TYPE_TEXTURE;
  const VkImageUsageFlags copied =
      VK_IMAGE_USAGE_TRANSFER_SRC_BIT | VK_IMAGE_USAGE_TRANSFER_DST_BIT;
  if (!(is_texture ? texture->is_movable && (texture->usage & copied) == copied
                   : buffer->is_movable) ||
      resource_is_pinned(gpu, id)) {
    return false;
  }
  return is_texture ? range_home(&texture->range, home) : buffer_home(buffer, home);
}

/* ---- New places ---------------------------------------------------------------------------- */

static rg_result texture_place(gpu *gpu, const texture *self, defragment_place *place) {
  rg_texture_vk vk;
  rg_result result = texture_remake(gpu, self, &place->range, &vk);
  place->image = vk.image;
  place->view = vk.view;
  return result;
}

static rg_result own_buffer_place(gpu *gpu, const buffer *self, defragment_place *place) {
  const resource_name title =
      resource_title(RG_TYPE_BUFFER, self->resource.label, self->resource.id);
  VkBufferCreateInfo info = {.sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
                             .size = self->vk.size,
                             .usage = self->usage,
                             .sharingMode = VK_SHARING_MODE_EXCLUSIVE};
  VkResult vk_result = gpu->vk.CreateBuffer(gpu->device.handle, &info, NULL, &place->buffer);
  if (vk_result != VK_SUCCESS) {
    place->buffer = VK_NULL_HANDLE; /* which a failed call leaves undefined */
    return dispatch_result(vk_result, "vkCreateBuffer", title.text);
  }
  device_name(gpu, VK_OBJECT_TYPE_BUFFER, (uint64_t)place->buffer, self->resource.label, NULL);
  margin_write(gpu, &place->range, self->vk.size);
  vk_result = gpu->vk.BindBufferMemory(gpu->device.handle, place->buffer, place->range.memory,
                                       place->range.offset);
  return dispatch_result(vk_result, "vkBindBufferMemory", title.text);
}

static rg_result shared_place(gpu *gpu, const buffer *self, uint64_t serial,
                              defragment_place *place) {
  rg_buffer_vk vk = {0};
  const rg_buffer_desc desc = {.size = self->vk.size,
                               .type = (rg_buffer_type)self->type,
                               .usage = self->usage,
                               .update = (rg_update)self->update,
                               .stride = self->stride};
  rg_result result = buffer_slab_alloc_in(gpu, &desc, serial, &place->slot, &vk);
  place->buffer = vk.buffer;
  place->offset = vk.offset;
  if (result == RG_OK) {
    memory_range piece = slab_piece(place->slot);
    margin_write(gpu, &piece, vk.offset - slab_offset(place->slot) + self->vk.size);
    memory_trace_alloc(&gpu->trace, &piece, self->vk.size, 1, MEMORY_TRACE_SHARED);
  }
  return result;
}

static rg_result own_place(gpu *gpu, const defragment_move *move, defragment_place *place) {
  return rg_type_of(move->id) == RG_TYPE_TEXTURE ? texture_place(gpu, move->resource, place)
                                                 : own_buffer_place(gpu, move->resource, place);
}

const memory_range *resource_range(uint64_t id, const void *resource) {
  const texture *texture = resource;
  const buffer *buffer = resource;
  return rg_type_of(id) == RG_TYPE_TEXTURE ? &texture->range
         : buffer->own != NULL             ? &buffer->own->range
                                           : NULL;
}

rg_result place_make(gpu *gpu, defragment_move *move, bin_kind kind, uint64_t serial,
                     bool *is_made) {
  defragment_place *place = &move->place;
  rg_result result = RG_OK;
  if (kind == BIN_SLAB) {
    result = shared_place(gpu, move->resource, serial, place);
  } else {
    const memory_shape like = memory_shape_of(resource_range(move->id, move->resource));
    result = memory_alloc_in_block(gpu, &like, serial, &place->range);
  }
  *is_made = result == RG_OK;
  if (memory_is_exhausted(result)) {
    result = RG_OK;
  } else if (*is_made && kind == BIN_BLOCK) {
    result = own_place(gpu, move, place);
  }
  if (result != RG_OK || !*is_made) {
    *is_made = false;
    place_free(gpu, move);
  }
  return result;
}

/* A slab's VkBuffer is its own. */
void place_free(gpu *gpu, defragment_move *move) {
  defragment_place *place = &move->place;
  if (place->slot.run != NULL) {
    memory_range piece = slab_piece(place->slot);
    memory_trace_free(&gpu->trace, &piece);
    buffer_slab_free(gpu, place->slot);
  } else {
    gpu->vk.DestroyImageView(gpu->device.handle, place->view, NULL);
    gpu->vk.DestroyImage(gpu->device.handle, place->image, NULL);
    gpu->vk.DestroyBuffer(gpu->device.handle, place->buffer, NULL);
    memory_free(gpu, &place->range);
  }
  memset(place, 0, sizeof *place);
}

/* ---- The swap ------------------------------------------------------------------------------ */

/* Facts that do not change are not written: others may be reading them. */
static void range_swap(memory_range *a, memory_range *b) {
  const memory_range old = *a;
  a->memory = b->memory;
  a->offset = b->offset;
  a->mapped = b->mapped;
  a->block = b->block;
  a->id = b->id;
  *b = old;
}

static void texture_swap(gpu *gpu, texture *self, uint64_t id, defragment_place *place) {
  upload_move_texture(gpu, self, place->image);
  rg_texture_vk vk = self->vk;
  uint64_t words[sizeof vk / sizeof(uint64_t)];
  vk.image = place->image;
  vk.view = place->view;
  place->image = self->vk.image;
  place->view = self->vk.view;
  memcpy(words, &vk, sizeof vk);
  slots_write_words(&gpu->textures.slots, id, words, sizeof vk / sizeof(uint64_t));
  range_swap(&self->range, &place->range);
}

static void buffer_swap(gpu *gpu, buffer *self, uint64_t id, defragment_place *place) {
  const upload_bytes source = buffer_bytes(self, 0);
  const upload_bytes target = {.buffer = place->buffer, .offset = place->offset};
  upload_move_bytes(gpu, &source, &target, self->vk.size);
  const rg_buffer_vk vk = {.buffer = place->buffer, .offset = place->offset, .size = self->vk.size};
  uint64_t words[sizeof vk / sizeof(uint64_t)];
  place->buffer = self->vk.buffer;
  place->offset = self->vk.offset;
  memcpy(words, &vk, sizeof vk);
  slots_write_words(&gpu->buffers.slots, id, words, sizeof vk / sizeof(uint64_t));
  if (self->own != NULL) {
    range_swap(&self->own->range, &place->range);
  } else {
    const slab_slot old = self->slot;
    self->slot = place->slot;
    place->slot = old;
  }
}

void place_swap(gpu *gpu, defragment_move *move) {
  if (!resource_move_begin(gpu, move->id)) {
    return;
  }
  if (rg_type_of(move->id) == RG_TYPE_TEXTURE) {
    texture_swap(gpu, move->resource, move->id, &move->place);
  } else {
    buffer_swap(gpu, move->resource, move->id, &move->place);
  }
  move->is_moved = true;
  resource_move_end(gpu, move->id);
}
