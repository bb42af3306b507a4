/* Textures: images with memory, views and contents, from a checked plan to their end. */
#include "texture.h"

#include <string.h>

#include "gpu.h"

/* ---- Vulkan objects ------------------------------------------------------------------------ */

static void texture_unmake(gpu *gpu, const rg_texture_vk *vk, memory_range *range) {
  gpu->vk.DestroyImageView(gpu->device.handle, vk->view, NULL);
  gpu->vk.DestroyImage(gpu->device.handle, vk->image, NULL);
  memory_free(gpu, range);
}

static memory_request image_request(gpu *gpu, const texture_plan *plan, VkImage image) {
  VkMemoryDedicatedRequirements dedicated = {.sType =
                                                 VK_STRUCTURE_TYPE_MEMORY_DEDICATED_REQUIREMENTS};
  VkMemoryRequirements2 requirements = {.sType = VK_STRUCTURE_TYPE_MEMORY_REQUIREMENTS_2,
                                        .pNext = &dedicated};
  VkImageMemoryRequirementsInfo2 info = {
      .sType = VK_STRUCTURE_TYPE_IMAGE_MEMORY_REQUIREMENTS_INFO_2, .image = image};
  gpu->vk.GetImageMemoryRequirements2(gpu->device.handle, &info, &requirements);
  return (memory_request){
      .requirements = requirements.memoryRequirements,
      .update = RG_UPDATE_STATIC,
      .is_optimal = true,
      .prefers_dedicated = dedicated.prefersDedicatedAllocation,
      .requires_dedicated = dedicated.requiresDedicatedAllocation,
      .dedicated_image = image,
      .label = plan->desc.label,
      .priority = plan->desc.priority,
      .is_exportable = plan->desc.is_exportable,
      .is_protected = plan->desc.is_protected,
      .prefers_lazy = (plan->desc.usage & VK_IMAGE_USAGE_TRANSIENT_ATTACHMENT_BIT) != 0,
      .pool = plan->desc.pool};
}

static rg_result image_bind(gpu *gpu, const texture_plan *plan, const transient_place *place,
                            VkImage image, memory_range *range) {
  memory_request request = image_request(gpu, plan, image);
  memory_range there;
  if (transient_get_range(place, &request.requirements, &there)) {
    request.place = &there;
  }
  rg_result result = memory_alloc(gpu, &request, range);
  if (result != RG_OK) {
    return result;
  }
  VkResult vk_result =
      gpu->vk.BindImageMemory(gpu->device.handle, image, range->memory, range->offset);
  return dispatch_result(vk_result, "vkBindImageMemory",
                         resource_title(RG_TYPE_TEXTURE, plan->desc.label, 0).text);
}

static rg_result image_create(gpu *gpu, const texture_plan *plan, VkImage *out) {
  VkResult vk_result = gpu->vk.CreateImage(gpu->device.handle, &plan->image, NULL, out);
  if (vk_result != VK_SUCCESS) {
    *out = VK_NULL_HANDLE; /* which a failed call leaves undefined */
  }
  return dispatch_result(vk_result, "vkCreateImage",
                         resource_title(RG_TYPE_TEXTURE, plan->desc.label, 0).text);
}

rg_result texture_get_request(gpu *gpu, const texture_plan *plan, memory_request *out) {
  VkImage image = VK_NULL_HANDLE;
  rg_result result = image_create(gpu, plan, &image);
  if (result == RG_OK) {
    *out = image_request(gpu, plan, image);
    out->dedicated_image = VK_NULL_HANDLE;
    gpu->vk.DestroyImage(gpu->device.handle, image, NULL);
  }
  return result;
}

static rg_result view_create(gpu *gpu, const texture_plan *plan, VkImage image, VkImageView *out) {
  if (plan->view_aspects == 0) {
    return RG_OK;
  }
  VkImageViewCreateInfo info = {.sType = VK_STRUCTURE_TYPE_IMAGE_VIEW_CREATE_INFO,
                                .image = image,
                                .viewType = plan->view_type,
                                .format = plan->desc.format,
                                .subresourceRange = {.aspectMask = plan->view_aspects,
                                                     .levelCount = plan->desc.mip_levels,
                                                     .layerCount = plan->desc.layers}};
  VkResult vk_result = gpu->vk.CreateImageView(gpu->device.handle, &info, NULL, out);
  if (vk_result == VK_SUCCESS) {
    device_name(gpu, VK_OBJECT_TYPE_IMAGE_VIEW, (uint64_t)*out, plan->desc.label, "view");
  } else {
    *out = VK_NULL_HANDLE; /* which a failed call leaves undefined */
  }
  return dispatch_result(vk_result, "vkCreateImageView",
                         resource_title(RG_TYPE_TEXTURE, plan->desc.label, 0).text);
}

/* place: NULL for memory of its own. */
static rg_result texture_make(gpu *gpu, const texture_plan *plan, const transient_place *place,
                              rg_texture_vk *vk, memory_range *range) {
  rg_result result = RG_OK;
  frame_collect(gpu);
  RG_TRY(sampler_get(gpu, &plan->desc.sampler, &vk->sampler));
  RG_TRY(image_create(gpu, plan, &vk->image));
  device_name(gpu, VK_OBJECT_TYPE_IMAGE, (uint64_t)vk->image, plan->desc.label, NULL);
  RG_TRY(image_bind(gpu, plan, place, vk->image, range));
  RG_TRY(view_create(gpu, plan, vk->image, &vk->view));
  return RG_OK;
fail:
  texture_unmake(gpu, vk, range);
  return result;
}

/* The facts that an image and its view are made from. */
static rg_texture_desc desc_of(const texture *texture) {
  return (rg_texture_desc){.type = texture->type,
                           .width = texture->vk.extent.width,
                           .height = texture->vk.extent.height,
                           .depth = texture->vk.extent.depth,
                           .layers = texture->vk.layers,
                           .mip_levels = texture->vk.mip_levels,
                           .format = texture->vk.format,
                           .usage = texture->usage,
                           .label = texture->resource.label};
}

rg_result texture_remake(gpu *gpu, const texture *texture, const memory_range *range,
                         rg_texture_vk *out) {
  const rg_texture_desc desc = desc_of(texture);
  texture_plan plan;
  rg_result result = RG_OK;
  *out = (rg_texture_vk){0};
  RG_TRY(texture_plan_make(gpu, &desc, &plan));
  RG_TRY(image_create(gpu, &plan, &out->image));
  device_name(gpu, VK_OBJECT_TYPE_IMAGE, (uint64_t)out->image, desc.label, NULL);
  RG_TRY(dispatch_result(
      gpu->vk.BindImageMemory(gpu->device.handle, out->image, range->memory, range->offset),
      "vkBindImageMemory", resource_title(RG_TYPE_TEXTURE, desc.label, 0).text));
  RG_TRY(view_create(gpu, &plan, out->image, &out->view));
  return RG_OK;
fail:
  texture_unmake(gpu, out, &(memory_range){0});
  *out = (rg_texture_vk){0};
  return result;
}

/* ---- Lives --------------------------------------------------------------------------------- */

static void zombie_finish(gpu *gpu, frame_zombie *zombie) {
  texture *self = RESOURCE_OF_ZOMBIE(texture, zombie);
  bindless_release(gpu, self);
  texture_unmake(gpu, &self->vk, &self->range);
  transient_leave(gpu, &self->transient);
  slots_recycle(&gpu->textures.slots, self->resource.id);
}

/* Of one that was never published. */
static void zombie_cancel(gpu *gpu, frame_zombie *zombie) {
  texture *self = RESOURCE_OF_ZOMBIE(texture, zombie);
  texture_unmake(gpu, &self->vk, &self->range);
  slots_cancel(&gpu->textures.slots, self->resource.id);
}

static void texture_reclaim(void *owner, uint64_t id, void *storage) {
  (void)id;
  frame_retire(owner, &((texture *)storage)->resource.zombie, zombie_finish);
}

void textures_init(gpu *gpu) {
  gpu->textures = (textures){0};
  mutex_init(&gpu->textures.lock);
  slots_init(&gpu->textures.slots, &gpu->host, RG_TYPE_TEXTURE, sizeof(texture), texture_reclaim,
             gpu);
  slots_set_word_count(&gpu->textures.slots, sizeof(rg_texture_vk) / sizeof(uint64_t));
  gpu->slots_by_type[RG_TYPE_TEXTURE] = &gpu->textures.slots;
  gpu->resource_offset[RG_TYPE_TEXTURE] = offsetof(texture, resource);
}

void textures_finish(gpu *gpu) {
  if (gpu->slots_by_type[RG_TYPE_TEXTURE] != NULL) {
    resource_finish_all(gpu, RG_TYPE_TEXTURE);
    mutex_finish(&gpu->textures.lock);
  }
}

/* Gives a reserved slot its image. */
static rg_result texture_init(gpu *gpu, texture *self, uint64_t id, const texture_plan *plan,
                              const transient_place *place) {
  rg_texture_vk vk;
  memset(&vk, 0, sizeof vk);
  memory_range range = {0};
  rg_result result = texture_make(gpu, plan, place, &vk, &range);
  if (result != RG_OK) {
    return result;
  }
  vk.layout = plan->layout;
  vk.format = plan->desc.format;
  vk.extent = plan->image.extent;
  vk.mip_levels = plan->desc.mip_levels;
  vk.layers = plan->desc.layers;
  self->type = plan->desc.type;
  self->aspects = plan->format->aspects;
  self->usage = plan->desc.usage;
  self->is_movable = plan->desc.is_movable && !plan->desc.is_exportable;
  self->is_exportable = plan->desc.is_exportable;
  self->is_protected = plan->desc.is_protected;
  self->range = range;
  transient_join(&self->transient, place == NULL ? NULL : place->group);
  atomic_store_explicit(&self->index, 0, memory_order_relaxed);
  uint64_t words[sizeof vk / sizeof(uint64_t)];
  memcpy(words, &vk, sizeof vk);
  slots_init_words(&gpu->textures.slots, id, words, sizeof vk / sizeof(uint64_t));
  return RG_OK;
}

/* Queues the way to the resting layout, and what the levels hold. The engine's submissions must not
 * touch protected memory: that way is then the host's. */
static rg_result texture_fill(gpu *gpu, texture *self, const texture_plan *plan) {
  const rg_texture_desc *desc = &plan->desc;
  if (desc->is_protected) {
    return RG_OK;
  }
  const unsigned char *data = desc->data;
  rg_result result = upload_init_texture(gpu, self);
  for (uint32_t i = 0; i < desc->data_levels && result == RG_OK; i++) {
    rg_texture_region region = {.mip_level = i,
                                .layer_count = desc->layers,
                                .width = texture_level_side(desc->width, i),
                                .height = texture_level_side(desc->height, i),
                                .depth = texture_level_side(desc->depth, i)};
    result = upload_write_texture(gpu, self, &region, data);
    data += desc->layers * rg_format_size(desc->format, region.width, region.height, region.depth);
  }
  if (result == RG_OK && desc->generate_mips && desc->data_levels < desc->mip_levels) {
    result = upload_generate_mips(gpu, self, desc->data_levels);
  }
  return result;
}

/* place: NULL for an ordinary texture. is_released: it is the engine's own from the first. */
static rg_result plan_create(gpu *gpu, const texture_plan *plan, const transient_place *place,
                             bool is_released, rg_texture *out) {
  slots *slots = &gpu->textures.slots;
  uint64_t id = 0;
  void *storage = NULL;
  rg_result result = slots_alloc(slots, &id, &storage);
  if (result != RG_OK) {
    return result;
  }
  texture *self = storage;
  RG_TRY(resource_begin(gpu, &self->resource, id, plan->desc.label));
  atomic_store_explicit(&self->resource.is_released, is_released, memory_order_relaxed);
  RG_TRY(texture_init(gpu, self, id, plan, place));
  result = place == NULL ? texture_fill(gpu, self, plan) : RG_OK;
  if (result != RG_OK) {
    /* the batch may name it already */
    frame_retire(gpu, &self->resource.zombie, zombie_cancel);
    return result;
  }
  slots_publish(slots, id);
  if (is_released) {
    (void)slots_share(slots, id); /* for rg_texture_destroy to see that it is released */
  }
  out->id = id;
  return RG_OK;
fail:
  slots_cancel(slots, id);
  return result;
}

rg_result texture_create(gpu *gpu, const rg_texture_desc *desc, rg_texture *out) {
  texture_plan plan;
  *out = (rg_texture){0};
  rg_result result = texture_plan_make(gpu, desc, &plan);
  return result == RG_OK ? plan_create(gpu, &plan, NULL, false, out) : result;
}

rg_result texture_create_at(gpu *gpu, const texture_plan *plan, const transient_place *place,
                            rg_texture *out) {
  *out = (rg_texture){0};
  return plan_create(gpu, plan, place, false, out);
}

rg_result rg_texture_destroy(rg_engine *engine, rg_texture texture) {
  RESOURCE_REQUIRE(engine);
  return resource_destroy(gpu_of(engine), RG_TYPE_TEXTURE, texture.id);
}

/* ---- Defaults ------------------------------------------------------------------------------ */

static const rg_texture_type types_by_view[] = {
    [VK_IMAGE_VIEW_TYPE_2D] = RG_TEXTURE_2D,
    [VK_IMAGE_VIEW_TYPE_3D] = RG_TEXTURE_3D,
    [VK_IMAGE_VIEW_TYPE_CUBE] = RG_TEXTURE_CUBE,
    [VK_IMAGE_VIEW_TYPE_2D_ARRAY] = RG_TEXTURE_2D_ARRAY,
    [VK_IMAGE_VIEW_TYPE_CUBE_ARRAY] = RG_TEXTURE_CUBE_ARRAY,
};

static rg_result default_create(gpu *gpu, texture_default which, rg_texture_type type,
                                rg_texture *out) {
  static const unsigned char texels[2][4] = {{255, 255, 255, 255}, {128, 128, 255, 255}};
  static const char *const labels[2] = {"white", "flat normal"};
  unsigned char data[6][4];
  for (size_t i = 0; i < 6; i++) {
    memcpy(data[i], texels[which], sizeof data[i]);
  }
  bool is_cube = type == RG_TEXTURE_CUBE || type == RG_TEXTURE_CUBE_ARRAY;
  rg_texture_desc desc = {.type = type,
                          .width = 1,
                          .height = 1,
                          .data = data,
                          .data_size = is_cube ? sizeof data : sizeof data[0],
                          .label = labels[which]};
  texture_plan plan;
  rg_result result = texture_plan_make(gpu, &desc, &plan);
  return result == RG_OK ? plan_create(gpu, &plan, NULL, true, out) : result;
}

rg_result texture_get_default(gpu *gpu, texture_default which, VkImageViewType view_type,
                              rg_texture *out) {
  textures *textures = &gpu->textures;
  *out = (rg_texture){0};
  if ((uint32_t)view_type > VK_IMAGE_VIEW_TYPE_CUBE_ARRAY ||
      types_by_view[view_type] == RG_TEXTURE_DEFAULT) {
    return result_set(RG_ERROR_UNSUPPORTED, "default texture: view type %d is not 2D, 3D or cube",
                      (int)view_type);
  }
  rg_result result = RG_OK;
  mutex_lock(&textures->lock);
  rg_texture *known = &textures->defaults[which][view_type];
  if (known->id == 0) {
    result = default_create(gpu, which, types_by_view[view_type], known);
  }
  *out = *known;
  mutex_unlock(&textures->lock);
  return result;
}

/* ---- Use ----------------------------------------------------------------------------------- */

#define VK_WORDS (sizeof(rg_texture_vk) / sizeof(uint64_t))

/* Where the first try did not do: no pointers, a stale handle, or a move at this very moment. */
__attribute__((noinline, cold)) static rg_result get_vk_again(rg_engine *engine, rg_texture texture,
                                                              rg_texture_vk *out) {
  rg_texture_vk vk;
  RESOURCE_REQUIRE(out);
  *out = (rg_texture_vk){0};
  RESOURCE_REQUIRE(engine);
  if (!slots_read_words(&gpu_of(engine)->textures.slots, texture.id, &vk, VK_WORDS)) {
    return resource_refuse(gpu_of(engine), RG_TYPE_TEXTURE, texture.id);
  }
  *out = vk;
  return RG_OK;
}

rg_result rg_texture_get_vk(rg_engine *engine, rg_texture texture, rg_texture_vk *out) {
  if (engine == NULL || out == NULL ||
      !slots_try_words(&gpu_of(engine)->textures.slots, texture.id, out, VK_WORDS)) {
    return get_vk_again(engine, texture, out);
  }
  return RG_OK;
}

/* The texture, held, with the region completed; else NULL with the result and message set. */
static texture *region_acquire(gpu *gpu, uint64_t id, const rg_texture_region *region,
                               uint64_t size, rg_texture_region *resolved, rg_result *result) {
  texture *self = resource_acquire(gpu, RG_TYPE_TEXTURE, id, result);
  if (self == NULL) {
    return NULL;
  }
  *result = texture_check_access(self);
  if (*result == RG_OK) {
    *result = texture_region_resolve(self, region, size, resolved);
  }
  if (*result == RG_OK) {
    *result = transient_check_begun(&self->transient, RG_TYPE_TEXTURE, self->resource.label, id);
  }
  if (*result != RG_OK) {
    resource_release(gpu, id);
    return NULL;
  }
  return self;
}

rg_result rg_texture_update(rg_engine *engine, rg_texture texture_handle,
                            const rg_texture_region *region, const void *data, uint64_t size) {
  RESOURCE_REQUIRE(engine);
  RESOURCE_REQUIRE(data);
  gpu *gpu = gpu_of(engine);
  rg_texture_region resolved;
  rg_result result = RG_OK;
  texture *self = region_acquire(gpu, texture_handle.id, region, size, &resolved, &result);
  if (self == NULL) {
    return result;
  }
  result = upload_write_texture(gpu, self, &resolved, data);
  resource_release(gpu, texture_handle.id);
  return result;
}

rg_result rg_texture_read(rg_engine *engine, rg_texture texture_handle,
                          const rg_texture_region *region, void *data, uint64_t size) {
  RESOURCE_REQUIRE(engine);
  RESOURCE_REQUIRE(data);
  gpu *gpu = gpu_of(engine);
  rg_texture_region resolved;
  rg_result result = RG_OK;
  texture *self = region_acquire(gpu, texture_handle.id, region, size, &resolved, &result);
  if (self == NULL) {
    return result;
  }
  result = upload_read_texture(gpu, self, &resolved, data, size);
  resource_release(gpu, texture_handle.id);
  return result;
}
