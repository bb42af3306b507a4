/* Buffers: lives begun and ended, with a share of a slab's VkBuffer, with a VkBuffer of their own
 * in a slab's memory, or with both of their own. */
#include "buffer.h"

#include <string.h>

#include "gpu.h"

/* ---- Slots of slabs ------------------------------------------------------------------------ */

/* Bytes from the slot's start to where the buffer begins. */
static uint64_t slot_lead(const buffer *self, const rg_buffer_vk *vk) {
  return self->is_bound ? 0 : vk->offset - slab_offset(self->slot);
}

static bool is_recording(const gpu *gpu) {
  return atomic_load_explicit(&gpu->trace.is_recording, memory_order_relaxed);
}

/* Guards lie behind the buffer's last byte. */
static void slot_begin(gpu *gpu, const buffer *self, const rg_buffer_vk *vk, uint64_t alignment) {
  if (gpu->margin != 0 || is_recording(gpu)) {
    memory_range piece = slab_piece(self->slot);
    margin_write(gpu, &piece, slot_lead(self, vk) + vk->size);
    memory_trace_alloc(&gpu->trace, &piece, vk->size, alignment, MEMORY_TRACE_SHARED);
  }
}

static void slot_finish(gpu *gpu, buffer *self) {
  if (gpu->margin != 0 || is_recording(gpu)) {
    memory_range piece = slab_piece(self->slot);
    resource_name title = resource_title(RG_TYPE_BUFFER, self->resource.label, self->resource.id);
    (void)margin_check(gpu, &piece, slot_lead(self, &self->vk) + self->vk.size, title.text);
    memory_trace_free(&gpu->trace, &piece);
  }
  if (self->is_bound) {
    gpu->vk.DestroyBuffer(gpu->device.handle, self->vk.buffer, NULL);
  }
  buffer_slab_free(gpu, self->slot);
  self->slot = (slab_slot){0};
}

static rg_result shared_init(gpu *gpu, buffer *self, const slab_plan *plan, const char *label,
                             rg_buffer_vk *vk) {
  rg_result result = buffer_slab_alloc(gpu, plan, &self->slot, vk);
  if (result != RG_OK) {
    self->slot = (slab_slot){0};
    return result_prefix(result, "%s", resource_title(RG_TYPE_BUFFER, label, 0).text);
  }
  slot_begin(gpu, self, vk, plan->unit);
  return RG_OK;
}

/* Whether a VkBuffer of its own may lie in a slot's memory, which is quicker than a range. What is
 * moved, exported or of a pool needs a range; what is mapped keeps one, so that statistics show
 * host memory piece by piece. */
static bool may_bind(const buffer *self, const rg_buffer_desc *desc) {
  return desc->size <= SLAB_SHARED_MAX_SIZE && !self->is_movable && !desc->is_exportable &&
         !desc->is_protected && desc->pool.id == 0 &&
         (desc->update == RG_UPDATE_STATIC || desc->update == RG_UPDATE_DYNAMIC);
}

/* RG_NOT_READY: it needs memory of its own. */
static rg_result bound_init(gpu *gpu, buffer *self, const rg_buffer_desc *desc, rg_buffer_vk *vk) {
  slab_slot slot = {0};
  rg_result result = buffer_make_bound(gpu, desc, &slot, &vk->buffer);
  if (result == RG_OK) {
    self->slot = slot;
    self->is_bound = true;
    slot_begin(gpu, self, vk, 1);
  }
  return result;
}

/* ---- VkBuffers of their own ---------------------------------------------------------------- */

static rg_result own_init(gpu *gpu, buffer *self, const rg_buffer_desc *desc,
                          const transient_place *place, rg_buffer_vk *vk) {
  if (place == NULL && may_bind(self, desc)) {
    rg_result result = bound_init(gpu, self, desc, vk);
    if (result != RG_NOT_READY) {
      return result;
    }
  }
  buffer_own *own = host_alloc(&gpu->host, sizeof *own);
  if (own == NULL) {
    return result_set(RG_ERROR_OUT_OF_HOST_MEMORY, "%s: no host memory for %zu bytes",
                      resource_title(RG_TYPE_BUFFER, desc->label, 0).text, sizeof *own);
  }
  rg_result result = buffer_make_at(gpu, desc, place, &vk->buffer, &own->range);
  if (result != RG_OK) {
    host_free(&gpu->host, own, sizeof *own);
    return result;
  }
  transient_join(&own->transient, place == NULL ? NULL : place->group);
  margin_write(gpu, &own->range, desc->size);
  self->own = own;
  return RG_OK;
}

static void own_finish(gpu *gpu, buffer *self) {
  buffer_own *own = self->own;
  if (gpu->margin != 0) {
    (void)margin_check(
        gpu, &own->range, self->vk.size,
        resource_title(RG_TYPE_BUFFER, self->resource.label, self->resource.id).text);
  }
  buffer_unmake(gpu, self->vk.buffer, &own->range);
  transient_leave(gpu, &own->transient);
  host_free(&gpu->host, own, sizeof *own);
  self->own = NULL;
}

/* ---- Lives --------------------------------------------------------------------------------- */

static void buffer_release_memory(gpu *gpu, buffer *self) {
  if (self->own == NULL) {
    slot_finish(gpu, self);
  } else {
    own_finish(gpu, self);
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
  slots *slots = &gpu->buffers.slots;
  slots_init(slots, &gpu->host, RG_TYPE_BUFFER, sizeof(buffer), buffer_reclaim, gpu);
  slots_set_word_count(slots, sizeof(rg_buffer_vk) / sizeof(uint64_t));
  buffer_slabs_init(gpu);
  gpu->slots_by_type[RG_TYPE_BUFFER] = slots;
  gpu->resource_offset[RG_TYPE_BUFFER] = offsetof(buffer, resource);
}

void buffers_finish(gpu *gpu) {
  if (gpu->slots_by_type[RG_TYPE_BUFFER] == NULL) {
    return;
  }
  resource_finish_all(gpu, RG_TYPE_BUFFER);
  buffer_slabs_finish(gpu);
}

/* An address that was handed out cannot follow a move; nor can a mapping, an export, a share of a
 * group's memory. */
static bool may_move(const rg_buffer_desc *desc, const transient_place *place) {
  return desc->is_movable && place == NULL && !desc->is_exportable && !desc->is_protected &&
         (desc->usage & VK_BUFFER_USAGE_SHADER_DEVICE_ADDRESS_BIT) == 0 &&
         (desc->update == RG_UPDATE_STATIC || desc->update == RG_UPDATE_DYNAMIC);
}

/* Gives a reserved slot its VkBuffer, or its part of one. */
static rg_result buffer_init(gpu *gpu, buffer *self, uint64_t id, const rg_buffer_desc *desc,
                             const transient_place *place) {
  self->slot = (slab_slot){0};
  self->own = NULL;
  self->usage = desc->usage;
  self->stride = desc->stride;
  self->type = (uint8_t)desc->type;
  self->update = (uint8_t)desc->update;
  self->is_movable = may_move(desc, place);
  self->is_exportable = desc->is_exportable;
  self->is_protected = desc->is_protected;
  self->is_bound = false;
  slab_plan plan;
  rg_buffer_vk vk = {.size = desc->size};
  bool is_shared = place == NULL && slab_plan_make(&gpu->buffers.slabs, desc, &plan);
  rg_result result = is_shared ? shared_init(gpu, self, &plan, desc->label, &vk)
                               : own_init(gpu, self, desc, place, &vk);
  uint64_t words[sizeof vk / sizeof(uint64_t)];
  memcpy(words, &vk, sizeof vk);
  slots_init_words(&gpu->buffers.slots, id, words, sizeof vk / sizeof(uint64_t));
  return result;
}

static rg_result buffer_fill(gpu *gpu, const buffer *self, const void *data) {
  if (data == NULL) {
    return RG_OK;
  }
  upload_place place = buffer_place(self, 0);
  return upload_write(gpu, &place, data, self->vk.size, true);
}

/* desc: resolved; place: NULL unless it is transient. */
static rg_result buffer_create(gpu *gpu, const rg_buffer_desc *desc, const transient_place *place,
                               rg_buffer *out) {
  slots *slots = &gpu->buffers.slots;
  uint64_t id = 0;
  void *storage = NULL;
  rg_result result = slots_alloc(slots, &id, &storage);
  if (result != RG_OK) {
    return result;
  }
  buffer *self = storage;
  RG_TRY(resource_begin(gpu, &self->resource, id, desc->label));
  RG_TRY(buffer_init(gpu, self, id, desc, place));
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

rg_result buffer_create_at(gpu *gpu, const rg_buffer_desc *desc, const transient_place *place,
                           rg_buffer *out) {
  *out = (rg_buffer){0};
  return buffer_create(gpu, desc, place, out);
}

rg_result rg_buffer_create(rg_engine *engine, const rg_buffer_desc *desc, rg_buffer *out) {
  RESOURCE_REQUIRE(out);
  *out = (rg_buffer){0};
  RESOURCE_REQUIRE(engine);
  RESOURCE_REQUIRE(desc);
  rg_buffer_desc resolved;
  rg_result result = buffer_resolve_desc(gpu_of(engine), desc, &resolved);
  return result == RG_OK ? buffer_create(gpu_of(engine), &resolved, NULL, out) : result;
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

const memory_range *buffer_memory(const buffer *buffer) {
  return buffer->own == NULL ? &buffer->slot.run->slab->range : &buffer->own->range;
}

upload_bytes buffer_bytes(const buffer *buffer, uint64_t offset) {
  uint64_t memory_offset = buffer->is_bound ? slab_offset(buffer->slot) : buffer->vk.offset;
  return (upload_bytes){.buffer = buffer->vk.buffer,
                        .offset = buffer->vk.offset + offset,
                        .range = buffer_memory(buffer),
                        .range_offset = memory_offset + offset};
}

uint32_t buffer_memory_type(const buffer *buffer) {
  return buffer_memory(buffer)->type;
}

uint64_t buffer_memory_size(const buffer *buffer) {
  return buffer->own == NULL ? buffer->slot.run->slot_size : buffer->own->range.size;
}

#define VK_WORDS (sizeof(rg_buffer_vk) / sizeof(uint64_t))

/* Where the first try did not do: no pointers, a stale handle, or a move at this very moment. */
__attribute__((noinline, cold)) static rg_result get_vk_again(rg_engine *engine, rg_buffer buffer,
                                                              rg_buffer_vk *out) {
  rg_buffer_vk vk;
  RESOURCE_REQUIRE(out);
  *out = (rg_buffer_vk){0};
  RESOURCE_REQUIRE(engine);
  if (!slots_read_words(&gpu_of(engine)->buffers.slots, buffer.id, &vk, VK_WORDS)) {
    return resource_refuse(gpu_of(engine), RG_TYPE_BUFFER, buffer.id);
  }
  *out = vk;
  return RG_OK;
}

rg_result rg_buffer_get_vk(rg_engine *engine, rg_buffer buffer, rg_buffer_vk *out) {
  if (engine == NULL || out == NULL ||
      !slots_try_words(&gpu_of(engine)->buffers.slots, buffer.id, out, VK_WORDS)) {
    return get_vk_again(engine, buffer, out);
  }
  return RG_OK;
}

rg_result rg_buffer_get_address(rg_engine *engine, rg_buffer buffer_handle, VkDeviceAddress *out) {
  RESOURCE_REQUIRE(out);
  *out = 0;
  RESOURCE_REQUIRE(engine);
  gpu *gpu = gpu_of(engine);
  rg_result result = RG_OK;
  const buffer *self = resource_acquire(gpu, RG_TYPE_BUFFER, buffer_handle.id, &result);
  if (self == NULL) {
    return result;
  }
  if ((self->usage & VK_BUFFER_USAGE_SHADER_DEVICE_ADDRESS_BIT) == 0) {
    result =
        result_set(RG_ERROR_UNSUPPORTED, "%s: its usage lacks shader_device_address",
                   resource_title(RG_TYPE_BUFFER, self->resource.label, buffer_handle.id).text);
  } else {
    VkBufferDeviceAddressInfo info = {.sType = VK_STRUCTURE_TYPE_BUFFER_DEVICE_ADDRESS_INFO,
                                      .buffer = self->vk.buffer};
    *out = gpu->vk.GetBufferDeviceAddress(gpu->device.handle, &info) + self->vk.offset;
  }
  resource_release(gpu, buffer_handle.id);
  return result;
}
