/* Transient resources: their memory planned by lifetimes, allocated in one piece a memory type,
 * held by its members. */
#include "transient.h"

#include "gpu.h"
#include "transient_plan.h"

/* ---- Members ------------------------------------------------------------------------------- */

bool transient_get_range(const transient_place *place, const VkMemoryRequirements *requirements,
                         memory_range *out) {
  if (place == NULL || place->group->range.memory == VK_NULL_HANDLE) {
    return false;
  }
  *out = place->group->range;
  out->offset += place->offset;
  out->size = requirements->size;
  out->alignment = requirements->alignment;
  out->padding = 0;
  out->mapped = out->mapped == NULL ? NULL : (unsigned char *)out->mapped + place->offset;
  out->id = RANGE_NONE;
  out->is_alias = true;
  return true;
}

void transient_join(transient_member *member, transient_group *group) {
  member->group = group;
  atomic_store_explicit(&member->has_begun, false, memory_order_relaxed);
  if (group != NULL) {
    atomic_fetch_add_explicit(&group->members, 1, memory_order_relaxed);
  }
}

static void group_leave(gpu *gpu, transient_group *group) {
  if (atomic_fetch_sub_explicit(&group->members, 1, memory_order_acq_rel) == 1) {
    memory_free(gpu, &group->range);
    host_free(&gpu->host, group, sizeof *group);
  }
}

void transient_leave(gpu *gpu, transient_member *member) {
  transient_group *group = member->group;
  member->group = NULL;
  if (group != NULL) {
    group_leave(gpu, group);
  }
}

rg_result transient_check_begun(const transient_member *member, rg_type type, const char *label,
                                uint64_t id) {
  if (member->group == NULL || atomic_load_explicit(&member->has_begun, memory_order_acquire)) {
    return RG_OK;
  }
  return result_set(RG_ERROR_INVALID_ARGUMENT,
                    "%s is transient, and rg_cmd_begin_transients was never recorded for it",
                    resource_title(type, label, id).text);
}

/* ---- What they need ------------------------------------------------------------------------ */

/* No driver has as many: types by protected and lazily allocated, which are types of their own. */
#define GROUPS_MAX VK_MAX_MEMORY_TYPES
#define NO_GROUP UINT32_MAX /* the driver wants memory for it alone */

typedef struct transient_need {
  memory_request request;
  uint32_t group;
} transient_need;

/* A group in the making. */
typedef struct transient_plan_group {
  memory_request request; /* of all members together */
  uint32_t type;          /* Vulkan's memory type index */
  uint32_t count;
  bool has_images, has_buffers;
  transient_layout layout;
  transient_group *group; /* held while rg_transients_create runs */
} transient_plan_group;

typedef struct transient_work {
  gpu *gpu;
  const rg_transient_desc *descs;
  uint32_t count;
  transient_need *needs;
  transient_item *items;
  uint64_t *offsets; /* of each in its group's range */
  transient_plan_group groups[GROUPS_MAX];
  uint32_t group_count;
} transient_work;

static rg_result need_find(gpu *gpu, const rg_transient_desc *desc, transient_need *out) {
  rg_result result = transient_desc_check(desc);
  if (result != RG_OK) {
    return result;
  }
  if (desc->texture != NULL) {
    texture_plan plan;
    result = texture_plan_make(gpu, desc->texture, &plan);
    return result == RG_OK ? texture_get_request(gpu, &plan, &out->request) : result;
  }
  rg_buffer_desc resolved;
  result = buffer_resolve_desc(gpu, desc->buffer, &resolved);
  return result == RG_OK ? buffer_get_request(gpu, &resolved, &out->request) : result;
}

/* ---- Groups -------------------------------------------------------------------------------- */

static uint64_t round_up(uint64_t value, uint64_t alignment) {
  return (value + alignment - 1) / alignment * alignment;
}

static uint64_t larger(uint64_t a, uint64_t b) {
  return a > b ? a : b;
}

/* Images' rules for all, so that buffers find themselves in the same memory. */
static void group_add(transient_plan_group *group, const transient_need *need, bool is_image) {
  memory_request *all = &group->request;
  all->requirements.memoryTypeBits &= need->request.requirements.memoryTypeBits;
  all->priority = all->priority > need->request.priority ? all->priority : need->request.priority;
  all->needs_address |= need->request.needs_address;
  all->is_protected |= need->request.is_protected;
  all->prefers_lazy |= need->request.prefers_lazy;
  group->has_images |= is_image;
  group->has_buffers |= !is_image;
  group->count++;
}

static uint32_t group_of(transient_work *self, uint32_t type) {
  uint32_t i = 0;
  while (i < self->group_count && self->groups[i].type != type) {
    i++;
  }
  if (i == self->group_count) {
    self->groups[self->group_count++] =
        (transient_plan_group){.type = type,
                               .request = {.requirements = {.memoryTypeBits = UINT32_MAX},
                                           .update = RG_UPDATE_STATIC,
                                           .is_optimal = true,
                                           .label = "transients"}};
  }
  return i;
}

static rg_result need_group(transient_work *self, uint32_t index) {
  transient_need *need = &self->needs[index];
  bool is_image = self->descs[index].texture != NULL;
  if (need->request.requires_dedicated) {
    need->group = NO_GROUP;
    return RG_OK;
  }
  memory_request request = need->request;
  request.is_optimal = true;
  uint32_t type = memory_type_first(self->gpu, &request);
  if (type == UINT32_MAX) {
    return result_set(RG_ERROR_UNSUPPORTED, "no memory type fits of 0x%x",
                      request.requirements.memoryTypeBits);
  }
  need->group = group_of(self, type);
  group_add(&self->groups[need->group], need, is_image);
  return RG_OK;
}

static rg_result needs_find(transient_work *self) {
  for (uint32_t i = 0; i < self->count; i++) {
    rg_result result = need_find(self->gpu, &self->descs[i], &self->needs[i]);
    result = result == RG_OK ? need_group(self, i) : result;
    if (result != RG_OK) {
      return result_prefix(result, "transient %u of %u", i + 1, self->count);
    }
  }
  return RG_OK;
}

/* ---- Places -------------------------------------------------------------------------------- */

/* Host writes to incoherent memory are flushed by whole atoms: these must not be a neighbour's. */
static uint64_t memory_atom(const gpu *gpu, uint32_t types) {
  const VkPhysicalDeviceMemoryProperties *memory = &gpu->device.memory_properties;
  for (uint32_t i = 0; i < memory->memoryTypeCount; i++) {
    VkMemoryPropertyFlags flags = memory->memoryTypes[i].propertyFlags;
    if ((types >> i & 1) != 0 && (flags & VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT) != 0 &&
        (flags & VK_MEMORY_PROPERTY_HOST_COHERENT_BIT) == 0) {
      return larger(gpu->device.vk_limits.nonCoherentAtomSize, 1);
    }
  }
  return 1;
}

static transient_item item_of(const transient_work *self, uint32_t index) {
  const VkMemoryRequirements *requirements = &self->needs[index].request.requirements;
  return (transient_item){.size = larger(requirements->size, 1),
                          .alignment = larger(requirements->alignment, 1),
                          .first_use = self->descs[index].first_use,
                          .last_use = self->descs[index].last_use};
}

/* Where buffers and images mix, images alone in their granules keep both apart. */
static uint64_t item_unit(const transient_work *self, const transient_plan_group *group,
                          uint32_t index) {
  const gpu *gpu = self->gpu;
  if (self->descs[index].texture == NULL) {
    return memory_atom(gpu, group->request.requirements.memoryTypeBits);
  }
  return group->has_buffers ? larger(gpu->device.vk_limits.bufferImageGranularity, 1) : 1;
}

/* The group's items in `items`, in the order of the descriptors. */
static uint32_t items_gather(transient_work *self, uint32_t which) {
  const transient_plan_group *group = &self->groups[which];
  uint32_t count = 0;
  for (uint32_t i = 0; i < self->count; i++) {
    if (self->needs[i].group == which) {
      transient_item item = item_of(self, i);
      uint64_t unit = item_unit(self, group, i);
      item.alignment = larger(item.alignment, unit);
      item.size = item.size > UINT64_MAX - unit ? item.size : round_up(item.size, unit);
      self->items[count++] = item;
    }
  }
  return count;
}

static rg_result group_place(transient_work *self, uint32_t which) {
  transient_plan_group *group = &self->groups[which];
  uint32_t count = items_gather(self, which);
  rg_result result = transient_plan(&self->gpu->host, self->items, count, &group->layout);
  if (result != RG_OK) {
    return result;
  }
  for (uint32_t i = 0, next = 0; i < self->count; i++) {
    if (self->needs[i].group == which) {
      self->offsets[i] = self->items[next++].offset;
    }
  }
  VkMemoryRequirements *all = &group->request.requirements;
  bool is_mixed = group->has_images && group->has_buffers;
  uint64_t granule = is_mixed ? self->gpu->device.vk_limits.bufferImageGranularity : 1;
  all->alignment = larger(group->layout.alignment, granule);
  all->size = round_up(group->layout.size, larger(granule, 1));
  group->request.is_optimal = group->has_images;
  return RG_OK;
}

static transient_group *group_create(gpu *gpu) {
  transient_group *group = host_calloc(&gpu->host, 1, sizeof *group);
  if (group != NULL) {
    atomic_store_explicit(&group->members, 1, memory_order_relaxed);
  }
  return group;
}

static rg_result groups_make(transient_work *self) {
  rg_result result = RG_OK;
  for (uint32_t i = 0; i < self->group_count; i++) {
    transient_plan_group *group = &self->groups[i];
    RG_TRY(group_place(self, i));
    group->group = group_create(self->gpu);
    if (group->group == NULL) {
      return result_no_memory("transients", sizeof *group->group);
    }
    RG_TRY(memory_alloc(self->gpu, &group->request, &group->group->range));
  }
fail:
  return result;
}

/* ---- Resources ----------------------------------------------------------------------------- */

static rg_result resource_create(gpu *gpu, const rg_transient_desc *desc,
                                 const transient_place *place, rg_handle *out) {
  rg_result result = RG_OK;
  if (desc->texture != NULL) {
    texture_plan plan;
    rg_texture texture = {0};
    RG_TRY(texture_plan_make(gpu, desc->texture, &plan));
    RG_TRY(texture_create_at(gpu, &plan, place, &texture));
    out->id = texture.id;
  } else {
    rg_buffer_desc resolved;
    rg_buffer buffer = {0};
    RG_TRY(buffer_resolve_desc(gpu, desc->buffer, &resolved));
    RG_TRY(buffer_create_at(gpu, &resolved, place, &buffer));
    out->id = buffer.id;
  }
fail:
  return result;
}

static rg_result member_create(transient_work *self, uint32_t index, rg_handle *out) {
  const transient_need *need = &self->needs[index];
  bool is_alone = need->group == NO_GROUP;
  transient_place place = {
      .group = is_alone ? group_create(self->gpu) : self->groups[need->group].group,
      .offset = self->offsets[index]};
  if (place.group == NULL) {
    return result_no_memory("transients", sizeof *place.group);
  }
  rg_result result = resource_create(self->gpu, &self->descs[index], &place, out);
  if (is_alone) {
    group_leave(self->gpu, place.group);
  }
  return result;
}

static rg_result members_create(transient_work *self, rg_handle *out) {
  for (uint32_t i = 0; i < self->count; i++) {
    rg_result result = member_create(self, i, &out[i]);
    if (result != RG_OK) {
      result = result_prefix(result, "transient %u of %u", i + 1, self->count);
      while (i-- > 0) {
        resource_disown(self->gpu, out[i].id);
        out[i] = (rg_handle){0};
      }
      return result;
    }
  }
  return RG_OK;
}

/* ---- All of it ----------------------------------------------------------------------------- */

static rg_result work_init(transient_work *self) {
  host_memory *host = &self->gpu->host;
  self->needs = host_calloc(host, self->count, sizeof *self->needs);
  self->items = host_calloc(host, self->count, sizeof *self->items);
  self->offsets = host_calloc(host, self->count, sizeof *self->offsets);
  bool is_whole = self->needs != NULL && self->items != NULL && self->offsets != NULL;
  return is_whole ? RG_OK : result_no_memory("transients", self->count * sizeof *self->needs);
}

/* Members that were made keep their groups. */
static void work_finish(transient_work *self) {
  host_memory *host = &self->gpu->host;
  for (uint32_t i = 0; i < self->group_count; i++) {
    if (self->groups[i].group != NULL) {
      group_leave(self->gpu, self->groups[i].group);
    }
  }
  host_free(host, self->needs, self->count * sizeof *self->needs);
  host_free(host, self->items, self->count * sizeof *self->items);
  host_free(host, self->offsets, self->count * sizeof *self->offsets);
}

static rg_result info_find(transient_work *self, rg_transient_info *out) {
  rg_transient_info info = {0};
  for (uint32_t i = 0; i < self->count; i++) {
    self->items[i] = item_of(self, i);
    uint64_t size = self->needs[i].request.requirements.size;
    info.unshared_size += size;
    info.size += self->needs[i].group == NO_GROUP ? size : 0;
  }
  for (uint32_t i = 0; i < self->group_count; i++) {
    info.size += self->groups[i].layout.size;
  }
  rg_result result = transient_peak(&self->gpu->host, self->items, self->count, &info.peak_size);
  if (result == RG_OK) {
    *out = info;
  }
  return result;
}

static rg_result transients_create(gpu *gpu, const rg_transient_desc *descs, uint32_t count,
                                   rg_handle *out, rg_transient_info *info) {
  rg_result result = RG_OK;
  rg_transient_info found = {0};
  transient_work self = {.gpu = gpu, .descs = descs, .count = count};
  RG_TRY(work_init(&self));
  RG_TRY(needs_find(&self));
  RG_TRY(groups_make(&self));
  RG_TRY(info_find(&self, &found));
  RG_TRY(members_create(&self, out));
  if (info != NULL) {
    *info = found;
  }
fail:
  work_finish(&self);
  return result;
}

rg_result rg_transients_create(rg_engine *engine, const rg_transient_desc *descs, uint32_t count,
                               rg_handle *out, rg_transient_info *info) {
  if (info != NULL) {
    *info = (rg_transient_info){0};
  }
  RESOURCE_REQUIRE(engine);
  if (count == 0) {
    return RG_OK;
  }
  RESOURCE_REQUIRE(out);
  if (count > TRANSIENT_MAX_COUNT) {
    return result_set(RG_ERROR_LIMIT, "%u transients exceed the engine's %u", count,
                      TRANSIENT_MAX_COUNT);
  }
  for (uint32_t i = 0; i < count; i++) {
    out[i] = (rg_handle){0};
  }
  RESOURCE_REQUIRE(descs);
  return transients_create(gpu_of(engine), descs, count, out, info);
}
