/* The barrier at a transient resource's first step: behind all who used the same memory before. */
#include "gpu.h"

/* ---- Who may use it next ------------------------------------------------------------------- */

typedef struct usage_access {
  VkFlags usage;
  VkPipelineStageFlags stages;
  VkAccessFlags access;
} usage_access;

#define SHADERS VK_PIPELINE_STAGE_ALL_COMMANDS_BIT /* of whatever extension, too */
#define SHADER_READ_WRITE (VK_ACCESS_SHADER_READ_BIT | VK_ACCESS_SHADER_WRITE_BIT)

static const usage_access image_accesses[] = {
    {VK_IMAGE_USAGE_TRANSFER_SRC_BIT, VK_PIPELINE_STAGE_TRANSFER_BIT, VK_ACCESS_TRANSFER_READ_BIT},
    {VK_IMAGE_USAGE_TRANSFER_DST_BIT, VK_PIPELINE_STAGE_TRANSFER_BIT, VK_ACCESS_TRANSFER_WRITE_BIT},
    {VK_IMAGE_USAGE_SAMPLED_BIT, SHADERS, VK_ACCESS_SHADER_READ_BIT},
    {VK_IMAGE_USAGE_STORAGE_BIT, SHADERS, SHADER_READ_WRITE},
    {VK_IMAGE_USAGE_COLOR_ATTACHMENT_BIT, VK_PIPELINE_STAGE_COLOR_ATTACHMENT_OUTPUT_BIT,
     VK_ACCESS_COLOR_ATTACHMENT_READ_BIT | VK_ACCESS_COLOR_ATTACHMENT_WRITE_BIT},
    {VK_IMAGE_USAGE_DEPTH_STENCIL_ATTACHMENT_BIT,
     VK_PIPELINE_STAGE_EARLY_FRAGMENT_TESTS_BIT | VK_PIPELINE_STAGE_LATE_FRAGMENT_TESTS_BIT,
     VK_ACCESS_DEPTH_STENCIL_ATTACHMENT_READ_BIT | VK_ACCESS_DEPTH_STENCIL_ATTACHMENT_WRITE_BIT},
    {VK_IMAGE_USAGE_INPUT_ATTACHMENT_BIT, VK_PIPELINE_STAGE_FRAGMENT_SHADER_BIT,
     VK_ACCESS_INPUT_ATTACHMENT_READ_BIT},
};

static const usage_access buffer_accesses[] = {
    {VK_BUFFER_USAGE_TRANSFER_SRC_BIT, VK_PIPELINE_STAGE_TRANSFER_BIT, VK_ACCESS_TRANSFER_READ_BIT},
    {VK_BUFFER_USAGE_TRANSFER_DST_BIT, VK_PIPELINE_STAGE_TRANSFER_BIT,
     VK_ACCESS_TRANSFER_WRITE_BIT},
    {VK_BUFFER_USAGE_UNIFORM_BUFFER_BIT, SHADERS, VK_ACCESS_UNIFORM_READ_BIT},
    {VK_BUFFER_USAGE_INDEX_BUFFER_BIT, VK_PIPELINE_STAGE_VERTEX_INPUT_BIT,
     VK_ACCESS_INDEX_READ_BIT},
    {VK_BUFFER_USAGE_VERTEX_BUFFER_BIT, VK_PIPELINE_STAGE_VERTEX_INPUT_BIT,
     VK_ACCESS_VERTEX_ATTRIBUTE_READ_BIT},
    {VK_BUFFER_USAGE_INDIRECT_BUFFER_BIT, VK_PIPELINE_STAGE_DRAW_INDIRECT_BIT,
     VK_ACCESS_INDIRECT_COMMAND_READ_BIT},
    {VK_BUFFER_USAGE_STORAGE_BUFFER_BIT | VK_BUFFER_USAGE_UNIFORM_TEXEL_BUFFER_BIT |
         VK_BUFFER_USAGE_STORAGE_TEXEL_BUFFER_BIT | VK_BUFFER_USAGE_SHADER_DEVICE_ADDRESS_BIT,
     SHADERS, SHADER_READ_WRITE},
};

/* One barrier call in the making. */
typedef struct transient_barrier {
  VkPipelineStageFlags stages;
  VkAccessFlags access;
  VkImageMemoryBarrier *images; /* room for all */
  uint32_t image_count;
} transient_barrier;

/* Adds what a usage leads to, and returns its accesses. */
static VkAccessFlags usage_add(transient_barrier *barrier, VkFlags usage,
                               const usage_access *accesses, size_t count) {
  VkAccessFlags access = 0;
  for (size_t i = 0; i < count; i++) {
    if (usage & accesses[i].usage) {
      barrier->stages |= accesses[i].stages;
      access |= accesses[i].access;
    }
  }
  barrier->access |= access;
  return access;
}

static void texture_add(transient_barrier *barrier, const texture *texture) {
  VkAccessFlags access = usage_add(barrier, texture->usage, image_accesses,
                                   sizeof image_accesses / sizeof image_accesses[0]);
  barrier->images[barrier->image_count++] = (VkImageMemoryBarrier){
      .sType = VK_STRUCTURE_TYPE_IMAGE_MEMORY_BARRIER,
      .srcAccessMask = VK_ACCESS_MEMORY_WRITE_BIT,
      .dstAccessMask = access,
      .oldLayout = VK_IMAGE_LAYOUT_UNDEFINED,
      .newLayout = texture->vk.layout,
      .srcQueueFamilyIndex = VK_QUEUE_FAMILY_IGNORED,
      .dstQueueFamilyIndex = VK_QUEUE_FAMILY_IGNORED,
      .image = texture->vk.image,
      .subresourceRange = {.aspectMask = texture->aspects,
                           .levelCount = texture->vk.mip_levels,
                           .layerCount = texture->vk.layers},
  };
}

/* ---- The members --------------------------------------------------------------------------- */

/* NULL for what cannot be a member of anything. */
static transient_member *member_of(rg_type type, void *storage) {
  if (type == RG_TYPE_TEXTURE) {
    return &((texture *)storage)->transient;
  }
  buffer_own *own = ((buffer *)storage)->own;
  return own == NULL ? NULL : &own->transient;
}

/* The resource, held, if it is transient; else NULL with the result and message set. */
static void *member_acquire(gpu *gpu, uint64_t id, rg_result *result) {
  rg_type type = rg_type_of(id);
  type = type == RG_TYPE_BUFFER ? RG_TYPE_BUFFER : RG_TYPE_TEXTURE;
  void *storage = resource_acquire(gpu, type, id, result);
  if (storage == NULL) {
    return NULL;
  }
  const transient_member *member = member_of(type, storage);
  if (member == NULL || member->group == NULL) {
    const resource *kept =
        type == RG_TYPE_TEXTURE ? &((texture *)storage)->resource : &((buffer *)storage)->resource;
    *result = result_set(RG_ERROR_INVALID_ARGUMENT, "%s is not transient",
                         resource_title(type, kept->label, id).text);
    resource_release(gpu, id);
    return NULL;
  }
  return storage;
}

static rg_result ids_check(const rg_handle *ids, uint32_t count) {
  for (uint32_t i = 0; i < count; i++) {
    for (uint32_t j = 0; j < i; j++) {
      if (ids[i].id == ids[j].id) {
        return result_set(RG_ERROR_INVALID_ARGUMENT, "transients %u and %u of %u are the same",
                          j + 1, i + 1, count);
      }
    }
  }
  return RG_OK;
}

static void members_release(gpu *gpu, const rg_handle *ids, uint32_t count) {
  for (uint32_t i = 0; i < count; i++) {
    resource_release(gpu, ids[i].id);
  }
}

/* Holds all members, or none. */
static rg_result members_acquire(gpu *gpu, const rg_handle *ids, uint32_t count, void **members) {
  for (uint32_t i = 0; i < count; i++) {
    rg_result result = RG_OK;
    members[i] = member_acquire(gpu, ids[i].id, &result);
    if (result != RG_OK) {
      members_release(gpu, ids, i);
      return result_prefix(result, "transient %u of %u", i + 1, count);
    }
  }
  return RG_OK;
}

/* ---- Recording ----------------------------------------------------------------------------- */

static void barrier_record(gpu *gpu, VkCommandBuffer commands, const transient_barrier *barrier) {
  /* An image barrier covers its own image's accesses only: what others wrote to the same bytes
   * takes a barrier on all memory. */
  VkMemoryBarrier memory = {.sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER,
                            .srcAccessMask = VK_ACCESS_MEMORY_WRITE_BIT,
                            .dstAccessMask = barrier->access};
  gpu->vk.CmdPipelineBarrier(commands, VK_PIPELINE_STAGE_ALL_COMMANDS_BIT, barrier->stages, 0, 1,
                             &memory, 0, NULL, barrier->image_count, barrier->images);
}

static void members_begin(gpu *gpu, VkCommandBuffer commands, const rg_handle *ids, uint32_t count,
                          void *const *members, VkImageMemoryBarrier *images) {
  transient_barrier barrier = {.images = images};
  for (uint32_t i = 0; i < count; i++) {
    rg_type type = rg_type_of(ids[i].id);
    if (type == RG_TYPE_TEXTURE) {
      texture_add(&barrier, members[i]);
    } else {
      usage_add(&barrier, ((const buffer *)members[i])->usage, buffer_accesses,
                sizeof buffer_accesses / sizeof buffer_accesses[0]);
    }
    atomic_store(&member_of(type, members[i])->has_begun, true);
  }
  barrier_record(gpu, commands, &barrier);
}

static rg_result transients_begin(gpu *gpu, VkCommandBuffer commands, const rg_handle *ids,
                                  uint32_t count) {
  rg_result result = RG_OK;
  void **members = host_calloc(&gpu->host, count, sizeof *members);
  VkImageMemoryBarrier *images = host_calloc(&gpu->host, count, sizeof *images);
  if (members == NULL || images == NULL) {
    result = result_no_memory("transients' barriers", count * sizeof *images);
  } else {
    result = members_acquire(gpu, ids, count, members);
  }
  if (result == RG_OK) {
    members_begin(gpu, commands, ids, count, members, images);
    members_release(gpu, ids, count);
  }
  host_free(&gpu->host, images, count * sizeof *images);
  host_free(&gpu->host, members, count * sizeof *members);
  return result;
}

rg_result rg_cmd_begin_transients(rg_engine *engine, VkCommandBuffer commands, const rg_handle *ids,
                                  uint32_t count) {
  RESOURCE_REQUIRE(engine);
  RESOURCE_REQUIRE(commands);
  if (count == 0) {
    return RG_OK;
  }
  RESOURCE_REQUIRE(ids);
  if (count > TRANSIENT_MAX_COUNT) {
    return result_set(RG_ERROR_LIMIT, "%u transients exceed the engine's %u", count,
                      TRANSIENT_MAX_COUNT);
  }
  rg_result result = ids_check(ids, count);
  return result == RG_OK ? transients_begin(gpu_of(engine), commands, ids, count) : result;
}
