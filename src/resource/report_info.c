/* What is known of one resource, of whatever type. */
#include <stdio.h>
#include <string.h>

#include "gpu/memory_map.h"
#include "gpu/pool.h"
#include "resources.h"

static void info_of_memory(gpu *gpu, rg_type type, const void *storage, rg_resource_info *out) {
  resource_place place;
  if (resource_find_place(gpu, type, storage, &place)) {
    out->size = place.range.size;
    out->memory_type = (int32_t)place.range.type;
    out->memory_properties =
        gpu->device.memory_properties.memoryTypes[place.range.type].propertyFlags;
  }
}

static void info_of_buffer(gpu *gpu, const void *storage, rg_resource_info *out) {
  const buffer *self = storage;
  out->buffer_type = self->type;
  out->update = self->update;
  info_of_memory(gpu, RG_TYPE_BUFFER, storage, out);
}

static void info_of_texture(gpu *gpu, const void *storage, rg_resource_info *out) {
  const texture *self = storage;
  out->format = self->vk.format;
  out->extent = self->vk.extent;
  out->layers = self->vk.layers;
  out->mip_levels = self->vk.mip_levels;
  out->texture_type = self->type;
  info_of_memory(gpu, RG_TYPE_TEXTURE, storage, out);
}

static void info_of_shader(gpu *gpu, const void *storage, rg_resource_info *out) {
  const shader *self = storage;
  (void)gpu;
  out->stages = self->code.reflection.stages;
}

/* Its block lies in a page that is a buffer of its own. */
static void info_of_material(gpu *gpu, const void *storage, rg_resource_info *out) {
  const material *self = storage;
  (void)gpu;
  out->size = self->shader->block != NULL ? self->shader->block->block->size : 0;
  out->stages = self->shader->code.reflection.stages;
  out->shader.id = self->shader->resource.id;
}

static void info_of_set(gpu *gpu, const void *storage, rg_resource_info *out) {
  (void)gpu;
  (void)storage;
  (void)out;
}

static void info_of_pool(gpu *gpu, const void *storage, rg_resource_info *out) {
  rg_pool_stats stats;
  memory_pool_get_stats(gpu, ((const pool *)storage)->memory, &stats);
  out->size = stats.size;
  out->memory_type = (int32_t)stats.memory_type;
  out->memory_properties = stats.properties;
}

typedef void info_fill(gpu *gpu, const void *storage, rg_resource_info *out);

static info_fill *const fills[RG_TYPE_COUNT] = {
    [RG_TYPE_BUFFER] = info_of_buffer, [RG_TYPE_TEXTURE] = info_of_texture,
    [RG_TYPE_SHADER] = info_of_shader, [RG_TYPE_MATERIAL] = info_of_material,
    [RG_TYPE_SET] = info_of_set,       [RG_TYPE_POOL] = info_of_pool,
};

static void info_of_resource(gpu *gpu, resource *resource, rg_resource_info *out) {
  const bool is_released = atomic_load(&resource->is_released);
  const uint32_t references = atomic_load(&resource->references);
  mutex_lock(&gpu->names);
  snprintf(out->label, sizeof out->label, "%s", resource_label(resource));
  snprintf(out->origin, sizeof out->origin, "%s", resource->origin != NULL ? resource->origin : "");
  mutex_unlock(&gpu->names);
  out->is_released = is_released;
  out->owners = is_released || references == 0 ? references : references - 1;
}

rg_result rg_resource_get_info(rg_engine *engine, uint64_t id, rg_resource_info *out) {
  RESOURCE_REQUIRE(out);
  memset(out, 0, sizeof *out);
  RESOURCE_REQUIRE(engine);
  gpu *gpu = gpu_of(engine);
  const rg_type type = rg_type_of(id);
  if (type == RG_TYPE_NONE) {
    return result_set(RG_ERROR_STALE_HANDLE, "handle 0x%llx is of no type", (unsigned long long)id);
  }
  rg_result result = RG_OK;
  unsigned char *storage = resource_acquire(gpu, type, id, &result);
  if (storage == NULL) {
    return result;
  }
  out->handle.id = id;
  out->type = type;
  out->memory_type = -1;
  info_of_resource(gpu, (resource *)(void *)(storage + gpu->resource_offset[type]), out);
  fills[type](gpu, storage, out);
  resource_release(gpu, id);
  return RG_OK;
}
