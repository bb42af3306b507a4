/* Buffers and images on the fake device: which memory they may have, and the distance that
 * neighbours must keep. */
#include <stdlib.h>
#include <string.h>

#include "fake_device_internal.h"

typedef struct binding {
  uint64_t object; /* 0: none any more */
  VkDeviceMemory memory;
  uint64_t offset, size;
  bool is_optimal;
} binding;

/* What a list holds, and how many fit. */
static struct {
  binding *binding_items;
  uint64_t *protected_items; /* handles of protected buffers and images */
  uint32_t binding_count, protected_count;
  uint32_t binding_room, protected_room;
} lists;

void fake_objects_begin(void) {
  memset(&lists, 0, sizeof lists);
}

void fake_objects_end(void) {
  free(lists.binding_items);
  free(lists.protected_items);
  memset(&lists, 0, sizeof lists);
}

static void protected_add(uint64_t object) {
  pthread_mutex_lock(&fake.lock);
  FAKE_LIST_ADD(lists, protected, object);
  pthread_mutex_unlock(&fake.lock);
}

static bool protected_find(uint64_t object) {
  bool is_found = false;
  pthread_mutex_lock(&fake.lock);
  for (uint32_t i = 0; i < lists.protected_count && !is_found; i++) {
    is_found = lists.protected_items[i] == object;
  }
  pthread_mutex_unlock(&fake.lock);
  return is_found;
}

/* Forgets a dead object's binding and protection. */
static void object_forget(uint64_t object) {
  pthread_mutex_lock(&fake.lock);
  for (uint32_t i = 0; i < lists.binding_count && object != 0; i++) {
    if (lists.binding_items[i].object == object) {
      lists.binding_items[i] = lists.binding_items[--lists.binding_count];
    }
  }
  for (uint32_t i = 0; i < lists.protected_count && object != 0; i++) {
    if (lists.protected_items[i] == object) {
      lists.protected_items[i] = lists.protected_items[--lists.protected_count];
    }
  }
  pthread_mutex_unlock(&fake.lock);
}

static bool fakes_protected(void) {
  return fake.desc.has_protected && fake.desc.layout != FAKE_DRIVERS_OWN;
}

static VKAPI_ATTR VkResult VKAPI_CALL create_buffer(VkDevice device, const VkBufferCreateInfo *info,
                                                    const VkAllocationCallbacks *callbacks,
                                                    VkBuffer *out) {
  VkBufferCreateInfo asked = *info;
  const bool is_protected =
      fakes_protected() && (info->flags & VK_BUFFER_CREATE_PROTECTED_BIT) != 0;
  asked.flags &= is_protected ? ~(VkBufferCreateFlags)VK_BUFFER_CREATE_PROTECTED_BIT : UINT32_MAX;
  const VkResult result = fake.CreateBuffer(device, &asked, callbacks, out);
  if (result == VK_SUCCESS && is_protected) {
    protected_add((uint64_t)*out);
  }
  return result;
}

static VKAPI_ATTR VkResult VKAPI_CALL create_image(VkDevice device, const VkImageCreateInfo *info,
                                                   const VkAllocationCallbacks *callbacks,
                                                   VkImage *out) {
  VkImageCreateInfo asked = *info;
  const bool is_protected = fakes_protected() && (info->flags & VK_IMAGE_CREATE_PROTECTED_BIT) != 0;
  asked.flags &= is_protected ? ~(VkImageCreateFlags)VK_IMAGE_CREATE_PROTECTED_BIT : UINT32_MAX;
  const VkResult result = fake.CreateImage(device, &asked, callbacks, out);
  if (result == VK_SUCCESS && is_protected) {
    protected_add((uint64_t)*out);
  }
  return result;
}

static VKAPI_ATTR void VKAPI_CALL destroy_buffer(VkDevice device, VkBuffer buffer,
                                                 const VkAllocationCallbacks *callbacks) {
  object_forget((uint64_t)buffer);
  fake.DestroyBuffer(device, buffer, callbacks);
}

static VKAPI_ATTR void VKAPI_CALL destroy_image(VkDevice device, VkImage image,
                                                const VkAllocationCallbacks *callbacks) {
  object_forget((uint64_t)image);
  fake.DestroyImage(device, image, callbacks);
}

/* Protected objects go to protected types, and nothing else does; all other types serve for all. */
static uint32_t types_for(uint64_t object) {
  const bool is_protected = protected_find(object);
  uint32_t types = 0;
  for (uint32_t i = 0; i < fake.memory.memoryTypeCount; i++) {
    const bool type_is = (fake_type_flags(i) & VK_MEMORY_PROPERTY_PROTECTED_BIT) != 0;
    types |= type_is == is_protected ? 1u << i : 0;
  }
  return types;
}

static VKAPI_ATTR void VKAPI_CALL buffer_requirements(VkDevice device,
                                                      const VkBufferMemoryRequirementsInfo2 *info,
                                                      VkMemoryRequirements2 *out) {
  fake.GetBufferMemoryRequirements2(device, info, out);
  if (fake.desc.layout != FAKE_DRIVERS_OWN) {
    out->memoryRequirements.memoryTypeBits = types_for((uint64_t)info->buffer);
  }
}

static VKAPI_ATTR void VKAPI_CALL image_requirements(VkDevice device,
                                                     const VkImageMemoryRequirementsInfo2 *info,
                                                     VkMemoryRequirements2 *out) {
  fake.GetImageMemoryRequirements2(device, info, out);
  if (fake.desc.layout != FAKE_DRIVERS_OWN) {
    out->memoryRequirements.memoryTypeBits = types_for((uint64_t)info->image);
  }
}

/* A linear and an optimal neighbour must not share a granule; those that overlap do so on purpose.
 */
static bool shares_granule(const binding *a, const binding *b) {
  const binding *first = a->offset < b->offset ? a : b;
  const binding *second = first == a ? b : a;
  const uint64_t end = first->offset + first->size;
  return a->memory == b->memory && a->is_optimal != b->is_optimal && end <= second->offset &&
         (end - 1) / fake.granularity == second->offset / fake.granularity;
}

static void binding_add(const binding *added) {
  pthread_mutex_lock(&fake.lock);
  for (uint32_t i = 0; i < lists.binding_count; i++) {
    if (shares_granule(added, &lists.binding_items[i])) {
      fake_fault("a buffer and an image share a granule of %llu bytes",
                 (unsigned long long)fake.granularity);
    }
  }
  if (added->offset + added->size > fake_memory_size(added->memory)) {
    fake_fault("%llu bytes are bound at %llu, beyond their memory", (unsigned long long)added->size,
               (unsigned long long)added->offset);
  }
  FAKE_LIST_ADD(lists, binding, *added);
  pthread_mutex_unlock(&fake.lock);
}

static VKAPI_ATTR VkResult VKAPI_CALL bind_buffer(VkDevice device, VkBuffer buffer,
                                                  VkDeviceMemory memory, VkDeviceSize offset) {
  VkMemoryRequirements2 requirements = {.sType = VK_STRUCTURE_TYPE_MEMORY_REQUIREMENTS_2};
  VkBufferMemoryRequirementsInfo2 info = {
      .sType = VK_STRUCTURE_TYPE_BUFFER_MEMORY_REQUIREMENTS_INFO_2, .buffer = buffer};
  fake.GetBufferMemoryRequirements2(device, &info, &requirements);
  binding_add(&(binding){.object = (uint64_t)buffer,
                         .memory = memory,
                         .offset = offset,
                         .size = requirements.memoryRequirements.size});
  return fake.BindBufferMemory(device, buffer, memory, offset);
}

static VKAPI_ATTR VkResult VKAPI_CALL bind_image(VkDevice device, VkImage image,
                                                 VkDeviceMemory memory, VkDeviceSize offset) {
  VkMemoryRequirements2 requirements = {.sType = VK_STRUCTURE_TYPE_MEMORY_REQUIREMENTS_2};
  VkImageMemoryRequirementsInfo2 info = {
      .sType = VK_STRUCTURE_TYPE_IMAGE_MEMORY_REQUIREMENTS_INFO_2, .image = image};
  fake.GetImageMemoryRequirements2(device, &info, &requirements);
  binding_add(&(binding){.object = (uint64_t)image,
                         .memory = memory,
                         .offset = offset,
                         .size = requirements.memoryRequirements.size,
                         .is_optimal = true});
  return fake.BindImageMemory(device, image, memory, offset);
}

/* Whatever the engine does to an image begins with a barrier; its submissions are not protected. */
static VKAPI_ATTR void VKAPI_CALL
pipeline_barrier(VkCommandBuffer commands, VkPipelineStageFlags before, VkPipelineStageFlags after,
                 VkDependencyFlags flags, uint32_t memory_count, const VkMemoryBarrier *memory,
                 uint32_t buffer_count, const VkBufferMemoryBarrier *buffers, uint32_t image_count,
                 const VkImageMemoryBarrier *images) {
  for (uint32_t i = 0; i < image_count; i++) {
    if (protected_find((uint64_t)images[i].image)) {
      fake_fault("commands that are not protected touch a protected image");
    }
  }
  fake.CmdPipelineBarrier(commands, before, after, flags, memory_count, memory, buffer_count,
                          buffers, image_count, images);
}

const PFN_vkCreateBuffer fake_CreateBuffer = create_buffer;
const PFN_vkDestroyBuffer fake_DestroyBuffer = destroy_buffer;
const PFN_vkCreateImage fake_CreateImage = create_image;
const PFN_vkDestroyImage fake_DestroyImage = destroy_image;
const PFN_vkGetBufferMemoryRequirements2 fake_GetBufferMemoryRequirements2 = buffer_requirements;
const PFN_vkGetImageMemoryRequirements2 fake_GetImageMemoryRequirements2 = image_requirements;
const PFN_vkBindBufferMemory fake_BindBufferMemory = bind_buffer;
const PFN_vkBindImageMemory fake_BindImageMemory = bind_image;
const PFN_vkCmdPipelineBarrier fake_CmdPipelineBarrier = pipeline_barrier;
