/* Textures by index: slots of one descriptor array, handed out, kept while their texture lives, and
 * never left with a view that is gone. */
#include "bindless.h"

#include <string.h>

#include "gpu.h"

struct bindless_version {
  frame_zombie zombie;
  bindless_version *next;
  VkDescriptorPool pool;
  VkDescriptorSet set;
};

/* ---- Versions; under the lock -------------------------------------------------------------- */

static void version_destroy(gpu *gpu, bindless_version *version) {
  gpu->vk.DestroyDescriptorPool(gpu->device.handle, version->pool, NULL);
  host_free(&gpu->host, version, sizeof *version);
}

static void version_write(gpu *gpu, const bindless_version *version, uint32_t first,
                          uint32_t count) {
  VkWriteDescriptorSet write = {.sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET,
                                .dstSet = version->set,
                                .dstArrayElement = first,
                                .descriptorCount = count,
                                .descriptorType = VK_DESCRIPTOR_TYPE_COMBINED_IMAGE_SAMPLER,
                                .pImageInfo = &gpu->bindless.infos[first]};
  gpu->vk.UpdateDescriptorSets(gpu->device.handle, 1, &write, 0, NULL);
}

static rg_result version_fill(gpu *gpu, bindless_version *version) {
  bindless *self = &gpu->bindless;
  VkDescriptorPoolSize size = {VK_DESCRIPTOR_TYPE_COMBINED_IMAGE_SAMPLER, self->capacity};
  VkDescriptorPoolCreateInfo pool = {.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO,
                                     .flags = VK_DESCRIPTOR_POOL_CREATE_UPDATE_AFTER_BIND_BIT,
                                     .maxSets = 1,
                                     .poolSizeCount = 1,
                                     .pPoolSizes = &size};
  VkResult vk_result =
      gpu->vk.CreateDescriptorPool(gpu->device.handle, &pool, NULL, &version->pool);
  if (vk_result != VK_SUCCESS) {
    version->pool = VK_NULL_HANDLE;
    return dispatch_result(vk_result, "vkCreateDescriptorPool", "bindless textures");
  }
  VkDescriptorSetAllocateInfo set = {.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO,
                                     .descriptorPool = version->pool,
                                     .descriptorSetCount = 1,
                                     .pSetLayouts = &self->layout};
  vk_result = gpu->vk.AllocateDescriptorSets(gpu->device.handle, &set, &version->set);
  if (vk_result != VK_SUCCESS) {
    return dispatch_result(vk_result, "vkAllocateDescriptorSets", "bindless textures");
  }
  device_name(gpu, VK_OBJECT_TYPE_DESCRIPTOR_POOL, (uint64_t)version->pool, "bindless", "pool");
  device_name(gpu, VK_OBJECT_TYPE_DESCRIPTOR_SET, (uint64_t)version->set, "bindless", "set");
  version_write(gpu, version, 0, self->capacity);
  return RG_OK;
}

/* With what the slots hold now. NULL with *result and the message set. */
static bindless_version *version_create(gpu *gpu, rg_result *result) {
  bindless_version *version = host_calloc(&gpu->host, 1, sizeof *version);
  if (version == NULL) {
    *result = result_no_memory("bindless textures", sizeof *version);
    return NULL;
  }
  *result = version_fill(gpu, version);
  if (*result != RG_OK) {
    version_destroy(gpu, version);
    return NULL;
  }
  return version;
}

/* Whatever is pending does not use the slot, so that the old versions may have it in place, too:
 * they never show what is gone, and know what came after them. */
static void slot_write(gpu *gpu, uint32_t slot, const VkDescriptorImageInfo *info) {
  bindless *self = &gpu->bindless;
  self->infos[slot] = *info;
  for (const bindless_version *version = self->versions; version != NULL; version = version->next) {
    version_write(gpu, version, slot, 1);
  }
  if (self->prepared != NULL) {
    version_write(gpu, self->prepared, slot, 1);
  }
}

/* ---- The array; under the lock ------------------------------------------------------------- */

static uint32_t smaller(uint32_t a, uint32_t b) {
  return a < b ? a : b;
}

/* A quarter of what the device can is left to the shader's other sets. */
static uint32_t capacity_find(gpu *gpu) {
  VkPhysicalDeviceDescriptorIndexingProperties indexing = {
      .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_DESCRIPTOR_INDEXING_PROPERTIES};
  VkPhysicalDeviceProperties2 properties = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2,
                                            .pNext = &indexing};
  gpu->vk.GetPhysicalDeviceProperties2(gpu->device.physical, &properties);
  const uint32_t limits[] = {indexing.maxPerStageDescriptorUpdateAfterBindSamplers,
                             indexing.maxPerStageDescriptorUpdateAfterBindSampledImages,
                             indexing.maxPerStageUpdateAfterBindResources,
                             indexing.maxDescriptorSetUpdateAfterBindSamplers,
                             indexing.maxDescriptorSetUpdateAfterBindSampledImages,
                             indexing.maxUpdateAfterBindDescriptorsInAllPools / 4};
  uint32_t capacity = UINT32_MAX;
  for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
    capacity = smaller(capacity, limits[i] - limits[i] / 4);
  }
  return smaller(capacity, BINDLESS_MAX_CAPACITY);
}

static rg_result layout_create(gpu *gpu, VkDescriptorSetLayout *out) {
  VkDescriptorBindingFlags flags = VK_DESCRIPTOR_BINDING_UPDATE_AFTER_BIND_BIT |
                                   VK_DESCRIPTOR_BINDING_UPDATE_UNUSED_WHILE_PENDING_BIT |
                                   VK_DESCRIPTOR_BINDING_PARTIALLY_BOUND_BIT;
  VkDescriptorSetLayoutBindingFlagsCreateInfo binding_flags = {
      .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_BINDING_FLAGS_CREATE_INFO,
      .bindingCount = 1,
      .pBindingFlags = &flags};
  VkDescriptorSetLayoutBinding binding = {
      .descriptorType = VK_DESCRIPTOR_TYPE_COMBINED_IMAGE_SAMPLER,
      .descriptorCount = gpu->bindless.capacity,
      .stageFlags = VK_SHADER_STAGE_ALL};
  VkDescriptorSetLayoutCreateInfo info = {
      .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO,
      .pNext = &binding_flags,
      .flags = VK_DESCRIPTOR_SET_LAYOUT_CREATE_UPDATE_AFTER_BIND_POOL_BIT,
      .bindingCount = 1,
      .pBindings = &binding};
  VkResult vk_result = gpu->vk.CreateDescriptorSetLayout(gpu->device.handle, &info, NULL, out);
  if (vk_result != VK_SUCCESS) {
    *out = VK_NULL_HANDLE;
    return dispatch_result(vk_result, "vkCreateDescriptorSetLayout", "bindless textures");
  }
  device_name(gpu, VK_OBJECT_TYPE_DESCRIPTOR_SET_LAYOUT, (uint64_t)*out, "bindless", "set layout");
  return RG_OK;
}

/* Everything but the lock; of an array half made, too. */
static void array_destroy(gpu *gpu) {
  bindless *self = &gpu->bindless;
  while (self->versions != NULL) {
    bindless_version *version = self->versions;
    self->versions = version->next;
    version_destroy(gpu, version);
  }
  if (self->layout != VK_NULL_HANDLE) {
    gpu->vk.DestroyDescriptorSetLayout(gpu->device.handle, self->layout, NULL);
    self->layout = VK_NULL_HANDLE;
  }
  host_free(&gpu->host, self->infos, self->capacity * sizeof *self->infos);
  host_free(&gpu->host, self->free, self->capacity * sizeof *self->free);
  self->infos = NULL;
  self->free = NULL;
}

/* white, whose handle and view are set, is all there is before. */
static rg_result array_create(gpu *gpu) {
  rg_result result = RG_OK;
  bindless *self = &gpu->bindless;
  self->capacity = capacity_find(gpu);
  self->infos = host_alloc(&gpu->host, self->capacity * sizeof *self->infos);
  self->free = host_alloc(&gpu->host, self->capacity * sizeof *self->free);
  if (self->infos == NULL || self->free == NULL) {
    result = result_no_memory("bindless textures", self->capacity * sizeof *self->infos);
    goto fail;
  }
  for (uint32_t i = 0; i < self->capacity; i++) {
    self->infos[i] = self->white;
  }
  RG_TRY(layout_create(gpu, &self->layout));
  self->versions = version_create(gpu, &result);
  if (self->versions != NULL) {
    return RG_OK;
  }
fail:
  array_destroy(gpu);
  return result;
}

/* ---- The array ----------------------------------------------------------------------------- */

void bindless_init(gpu *gpu) {
  gpu->bindless = (bindless){0};
  mutex_init(&gpu->bindless.lock);
}

/* What was retired has gone with the textures, when all was drained. */
void bindless_finish(gpu *gpu) {
  array_destroy(gpu);
  mutex_finish(&gpu->bindless.lock);
}

static VkDescriptorImageInfo image_info(const rg_texture_vk *vk) {
  return (VkDescriptorImageInfo){
      .sampler = vk->sampler, .imageView = vk->view, .imageLayout = vk->layout};
}

/* As rg_texture_get_vk, of whatever view it has now; false where the handle has died. */
static bool texture_read(gpu *gpu, uint64_t id, VkDescriptorImageInfo *out) {
  rg_texture_vk vk;
  uint64_t words[sizeof vk / sizeof(uint64_t)];
  if (!slots_read_words(&gpu->textures.slots, id, words, sizeof vk / sizeof(uint64_t))) {
    return false;
  }
  memcpy(&vk, words, sizeof vk);
  *out = image_info(&vk);
  return true;
}

/* Makes the array on its first use, and returns with the lock held; without it where this fails.
 * The white texture comes before the lock: making it may finish dead textures. */
static rg_result array_lock(gpu *gpu) {
  bindless *self = &gpu->bindless;
  rg_texture white;
  if (!gpu->device.has_bindless) {
    return result_set(RG_ERROR_UNSUPPORTED,
                      "bindless textures: device '%s' lacks descriptor indexing, or its host did "
                      "not enable it",
                      gpu->device.info.name);
  }
  mutex_lock(&self->lock);
  if (self->layout != VK_NULL_HANDLE) {
    return RG_OK;
  }
  mutex_unlock(&self->lock);
  rg_result result = texture_get_default(gpu, TEXTURE_WHITE, VK_IMAGE_VIEW_TYPE_2D, &white);
  if (result != RG_OK) {
    return result_prefix(result, "bindless textures");
  }
  mutex_lock(&self->lock);
  if (self->layout == VK_NULL_HANDLE) {
    self->white_texture = white;
    result = texture_read(gpu, white.id, &self->white)
                 ? array_create(gpu)
                 : resource_refuse(gpu, RG_TYPE_TEXTURE, white.id);
  }
  if (result != RG_OK) {
    mutex_unlock(&self->lock);
  }
  return result;
}

rg_result rg_bindless_get_vk(rg_engine *engine, rg_bindless_vk *out) {
  RESOURCE_REQUIRE(out);
  *out = (rg_bindless_vk){0};
  RESOURCE_REQUIRE(engine);
  gpu *gpu = gpu_of(engine);
  rg_result result = array_lock(gpu);
  if (result == RG_OK) {
    const bindless *self = &gpu->bindless;
    *out = (rg_bindless_vk){
        .set = self->versions->set, .set_layout = self->layout, .capacity = self->capacity};
    mutex_unlock(&gpu->bindless.lock);
  }
  return result;
}

/* ---- Slots --------------------------------------------------------------------------------- */

static rg_result sampled_check(const texture *texture) {
  if (texture->type == RG_TEXTURE_2D && (texture->usage & VK_IMAGE_USAGE_SAMPLED_BIT) != 0) {
    return RG_OK;
  }
  const char *label = texture->resource.label;
  return result_set(
      RG_ERROR_INVALID_ARGUMENT, "%s: %s, so that it has no bindless index",
      resource_title(RG_TYPE_TEXTURE, label, texture->resource.id).text,
      texture->type != RG_TEXTURE_2D ? "it is not a 2D texture" : "its usage lacks sampled");
}

/* Under the lock: the slot that waits longest, or one that was never used. */
static rg_result slot_take(bindless *self, const texture *texture, uint32_t *out) {
  if (self->free_count > 0) {
    *out = self->free[self->free_first];
    self->free_first = (self->free_first + 1) % self->capacity;
    self->free_count--;
    return RG_OK;
  }
  if (self->used < self->capacity) {
    *out = self->used++;
    return RG_OK;
  }
  return result_set(
      RG_ERROR_LIMIT, "%s: all of the bindless array's %u slots are taken",
      resource_title(RG_TYPE_TEXTURE, texture->resource.label, texture->resource.id).text,
      self->capacity);
}

/* Under the lock, which a move takes after it has changed the view: what is read here is the last
 * view, or the move will see the index. */
static rg_result slot_assign(gpu *gpu, texture *texture, uint64_t id) {
  uint32_t slot;
  VkDescriptorImageInfo info;
  if (atomic_load_explicit(&texture->index, memory_order_relaxed) != 0) {
    return RG_OK;
  }
  if (!texture_read(gpu, id, &info)) {
    return resource_refuse(gpu, RG_TYPE_TEXTURE, id);
  }
  rg_result result = slot_take(&gpu->bindless, texture, &slot);
  if (result == RG_OK) {
    slot_write(gpu, slot, &info);
    atomic_store_explicit(&texture->index, slot + 1, memory_order_release);
  }
  return result;
}

static rg_result index_get(gpu *gpu, texture *texture, uint64_t id, uint32_t *out) {
  rg_result result = RG_OK;
  uint32_t index = atomic_load_explicit(&texture->index, memory_order_acquire);
  if (index == 0) {
    RG_TRY(sampled_check(texture));
    RG_TRY(array_lock(gpu));
    result = slot_assign(gpu, texture, id);
    index = atomic_load_explicit(&texture->index, memory_order_relaxed);
    mutex_unlock(&gpu->bindless.lock);
  }
  if (result == RG_OK) {
    *out = index - 1;
  }
fail:
  return result;
}

rg_result rg_texture_get_index(rg_engine *engine, rg_texture texture_handle, uint32_t *out) {
  RESOURCE_REQUIRE(out);
  *out = 0;
  RESOURCE_REQUIRE(engine);
  gpu *gpu = gpu_of(engine);
  rg_result result = RG_OK;
  texture *self = resource_acquire(gpu, RG_TYPE_TEXTURE, texture_handle.id, &result);
  if (self == NULL) {
    return result;
  }
  result = index_get(gpu, self, texture_handle.id, out);
  resource_release(gpu, texture_handle.id);
  return result;
}

void bindless_release(gpu *gpu, texture *texture) {
  bindless *self = &gpu->bindless;
  uint32_t index = atomic_load_explicit(&texture->index, memory_order_acquire);
  if (index == 0) {
    return;
  }
  mutex_lock(&self->lock);
  if (slots_peek(&gpu->textures.slots, self->white_texture.id) != NULL) {
    slot_write(gpu, index - 1, &self->white);
  } /* else all textures die with the engine */
  self->free[(self->free_first + self->free_count) % self->capacity] = index - 1;
  self->free_count++;
  atomic_store_explicit(&texture->index, 0, memory_order_relaxed);
  mutex_unlock(&self->lock);
}

/* ---- Moves --------------------------------------------------------------------------------- */

/* A texture's slot plus one; 0 for none. */
static uint32_t index_of(const gpu *gpu, uint64_t id) {
  const texture *texture = slots_peek(&gpu->textures.slots, id);
  return texture == NULL ? 0 : atomic_load_explicit(&texture->index, memory_order_acquire);
}

rg_result bindless_prepare_move(gpu *gpu, const uint64_t *ids, uint32_t count) {
  bool has_index = false;
  for (uint32_t i = 0; i < count && !has_index; i++) {
    has_index = index_of(gpu, ids[i]) != 0;
  }
  if (!has_index) {
    return RG_OK;
  }
  rg_result result = RG_OK;
  mutex_lock(&gpu->bindless.lock);
  gpu->bindless.prepared = version_create(gpu, &result);
  mutex_unlock(&gpu->bindless.lock);
  return result;
}

static void version_finish(gpu *gpu, frame_zombie *zombie) {
  bindless *self = &gpu->bindless;
  bindless_version *version = (bindless_version *)(void *)zombie;
  mutex_lock(&self->lock);
  bindless_version **link = &self->versions;
  while (*link != version) {
    link = &(*link)->next;
  }
  *link = version->next;
  mutex_unlock(&self->lock);
  version_destroy(gpu, version);
}

/* Under the lock: the textures' present views, for the present version only. One that got its index
 * after the preparation is used by nothing yet. */
static void views_write(gpu *gpu, const uint64_t *ids, uint32_t count) {
  bindless *self = &gpu->bindless;
  for (uint32_t i = 0; i < count; i++) {
    uint32_t index = index_of(gpu, ids[i]);
    if (index != 0 && texture_read(gpu, ids[i], &self->infos[index - 1])) {
      version_write(gpu, self->versions, index - 1, 1);
    }
  }
}

void bindless_moved(gpu *gpu, const uint64_t *ids, uint32_t count, bool is_moved) {
  bindless *self = &gpu->bindless;
  bindless_version *old = NULL;
  mutex_lock(&self->lock);
  bindless_version *prepared = self->prepared;
  self->prepared = NULL;
  if (is_moved && prepared != NULL) {
    old = self->versions;
    prepared->next = old;
    self->versions = prepared;
  }
  if (is_moved) {
    views_write(gpu, ids, count);
  }
  mutex_unlock(&self->lock);
  if (old != NULL) {
    frame_retire(gpu, &old->zombie, version_finish);
  } else if (prepared != NULL) {
    version_destroy(gpu, prepared);
  }
}
