/* Set layouts and pipeline layouts, each made once for its content. */
#include "descriptor.h"

#include <string.h>

#include "gpu.h"

/* ---- Set layouts --------------------------------------------------------------------------- */

static rg_result set_layout_make(gpu *gpu, const descriptor_slot *slots, uint32_t count,
                                 const char *label, VkDescriptorSetLayout *out) {
  VkDescriptorSetLayoutBinding *bindings = host_calloc(&gpu->host, count, sizeof *bindings);
  if (bindings == NULL && count > 0) {
    return result_no_memory("descriptor set layout", count * sizeof *bindings);
  }
  for (uint32_t i = 0; i < count; i++) {
    bindings[i] = (VkDescriptorSetLayoutBinding){.binding = slots[i].binding,
                                                 .descriptorType = slots[i].type,
                                                 .descriptorCount = slots[i].count,
                                                 .stageFlags = slots[i].stages};
  }
  VkDescriptorSetLayoutCreateInfo info = {
      .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO,
      .bindingCount = count,
      .pBindings = bindings};
  VkResult vk_result = gpu->vk.CreateDescriptorSetLayout(gpu->device.handle, &info, NULL, out);
  host_free(&gpu->host, bindings, count * sizeof *bindings);
  if (vk_result == VK_SUCCESS) {
    device_name(gpu, VK_OBJECT_TYPE_DESCRIPTOR_SET_LAYOUT, (uint64_t)*out, label, "set layout");
  }
  return dispatch_result(vk_result, "vkCreateDescriptorSetLayout",
                         resource_title(RG_TYPE_SHADER, label, 0).text);
}

/* Under the lock. */
static rg_result set_layout_get(gpu *gpu, const descriptor_slot *slots, uint32_t count,
                                const char *label, VkDescriptorSetLayout *out) {
  hash_map *known = &gpu->descriptors.set_layouts;
  *out = hash_map_get(known, slots, count * sizeof *slots);
  if (*out != VK_NULL_HANDLE) {
    return RG_OK;
  }
  VkDescriptorSetLayout made = VK_NULL_HANDLE;
  rg_result result = set_layout_make(gpu, slots, count, label, &made);
  if (result != RG_OK) {
    return result;
  }
  result = hash_map_set(known, slots, count * sizeof *slots, made);
  if (result != RG_OK) {
    gpu->vk.DestroyDescriptorSetLayout(gpu->device.handle, made, NULL);
    return result;
  }
  *out = made;
  return RG_OK;
}

/* ---- Pipeline layouts ---------------------------------------------------------------------- */

/* Zeroed before it is filled, so that equal keys have equal bytes. */
typedef struct pipeline_layout_key {
  VkDescriptorSetLayout sets[RG_MAX_SETS];
  VkPushConstantRange push;
  uint32_t set_count;
} pipeline_layout_key;

static rg_result pipeline_layout_make(gpu *gpu, const pipeline_layout_key *key, const char *label,
                                      VkPipelineLayout *out) {
  VkPipelineLayoutCreateInfo info = {.sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO,
                                     .setLayoutCount = key->set_count,
                                     .pSetLayouts = key->sets,
                                     .pushConstantRangeCount = key->push.size > 0,
                                     .pPushConstantRanges = &key->push};
  VkResult vk_result = gpu->vk.CreatePipelineLayout(gpu->device.handle, &info, NULL, out);
  if (vk_result == VK_SUCCESS) {
    device_name(gpu, VK_OBJECT_TYPE_PIPELINE_LAYOUT, (uint64_t)*out, label, "pipeline layout");
  }
  return dispatch_result(vk_result, "vkCreatePipelineLayout",
                         resource_title(RG_TYPE_SHADER, label, 0).text);
}

/* Under the lock. */
static rg_result pipeline_layout_get(gpu *gpu, const pipeline_layout_key *key, const char *label,
                                     VkPipelineLayout *out) {
  hash_map *known = &gpu->descriptors.pipeline_layouts;
  *out = hash_map_get(known, key, sizeof *key);
  if (*out != VK_NULL_HANDLE) {
    return RG_OK;
  }
  VkPipelineLayout made = VK_NULL_HANDLE;
  rg_result result = pipeline_layout_make(gpu, key, label, &made);
  if (result != RG_OK) {
    return result;
  }
  result = hash_map_set(known, key, sizeof *key, made);
  if (result != RG_OK) {
    gpu->vk.DestroyPipelineLayout(gpu->device.handle, made, NULL);
    return result;
  }
  *out = made;
  return RG_OK;
}

/* ---- Layouts of a reflection --------------------------------------------------------------- */

/* Under the lock. slots: room for all bindings. */
static rg_result layout_get(gpu *gpu, const rg_reflection *reflection, descriptor_slot *slots,
                            const char *label, rg_shader_layout *out) {
  rg_result result = RG_OK;
  pipeline_layout_key key;
  memset(&key, 0, sizeof key);
  key.set_count = descriptor_set_count(reflection);
  for (uint32_t i = 0; i < key.set_count; i++) {
    uint32_t count = descriptor_slots(reflection, i, slots);
    RG_TRY(set_layout_get(gpu, slots, count, label, &key.sets[i]));
    out->set_layouts[i] = key.sets[i];
  }
  if (reflection->push_constants != NULL) {
    key.push.stageFlags = reflection->push_constant_stages;
    key.push.size = (reflection->push_constants->size + 3) / 4 * 4;
  }
  out->set_count = key.set_count;
  RG_TRY(pipeline_layout_get(gpu, &key, label, &out->pipeline_layout));
fail:
  return result;
}

rg_result descriptor_get_layout(gpu *gpu, const rg_reflection *reflection, const char *label,
                                rg_shader_layout *out) {
  *out = (rg_shader_layout){0};
  rg_result result = descriptor_check(gpu, reflection, label);
  if (result != RG_OK) {
    return result;
  }
  uint32_t count = reflection->binding_count + 1; /* never of no bytes */
  descriptor_slot *slots = host_calloc(&gpu->host, count, sizeof *slots);
  if (slots == NULL) {
    return result_no_memory("descriptor set layout", count * sizeof *slots);
  }
  rg_shader_layout layout = {0};
  mutex_lock(&gpu->descriptors.lock);
  result = layout_get(gpu, reflection, slots, label, &layout);
  mutex_unlock(&gpu->descriptors.lock);
  host_free(&gpu->host, slots, count * sizeof *slots);
  if (result == RG_OK) {
    *out = layout;
  }
  return result;
}

/* ---- Begin and end ------------------------------------------------------------------------- */

void descriptors_init(gpu *gpu) {
  descriptors *self = &gpu->descriptors;
  *self = (descriptors){0};
  mutex_init(&self->lock);
  hash_map_init(&self->set_layouts, &gpu->host);
  hash_map_init(&self->pipeline_layouts, &gpu->host);
}

void descriptors_finish(gpu *gpu) {
  descriptors *self = &gpu->descriptors;
  if (self->set_layouts.memory == NULL) {
    return;
  }
  descriptor_pools_finish(gpu);
  const hash_map_entry *entry = NULL;
  for (uint32_t i = 0; (entry = hash_map_next(&self->pipeline_layouts, &i)) != NULL;) {
    gpu->vk.DestroyPipelineLayout(gpu->device.handle, entry->value, NULL);
  }
  for (uint32_t i = 0; (entry = hash_map_next(&self->set_layouts, &i)) != NULL;) {
    gpu->vk.DestroyDescriptorSetLayout(gpu->device.handle, entry->value, NULL);
  }
  hash_map_finish(&self->pipeline_layouts);
  hash_map_finish(&self->set_layouts);
  mutex_finish(&self->lock);
}
