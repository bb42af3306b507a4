/* Descriptor sets of materials: everything that can fail is had before, so that writing one cannot.
 *
 * A set is written once, before anybody sees it; a change of textures or buffers makes another. */
#include <string.h>

#include "resources.h"

static const char default_role[] = "normal";

/* Whether the name contains "normal" in any case. */
static bool name_is_normal(const char *name) {
  for (; *name != '\0'; name++) {
    size_t i = 0;
    while (default_role[i] != '\0' && (name[i] | 0x20) == default_role[i]) {
      i++;
    }
    if (default_role[i] == '\0') {
      return true;
    }
  }
  return false;
}

static VkDescriptorImageInfo image_info(const rg_binding *binding, const rg_texture_vk *vk) {
  VkDescriptorImageInfo info = {0};
  if (binding->type != VK_DESCRIPTOR_TYPE_SAMPLER) {
    info.imageView = vk->view;
    info.imageLayout = vk->layout;
  }
  if (binding->type == VK_DESCRIPTOR_TYPE_SAMPLER ||
      binding->type == VK_DESCRIPTOR_TYPE_COMBINED_IMAGE_SAMPLER) {
    info.sampler = vk->sampler;
  }
  return info;
}

static rg_result default_info(gpu *gpu, const rg_binding *binding, VkDescriptorImageInfo *out) {
  rg_result result = RG_OK;
  if (binding->type == VK_DESCRIPTOR_TYPE_SAMPLER) {
    const rg_sampler_desc desc = {0};
    return sampler_get(gpu, &desc, &out->sampler);
  }
  rg_texture white = {0};
  RG_TRY(texture_get_default(gpu,
                             name_is_normal(binding->name) ? TEXTURE_FLAT_NORMAL : TEXTURE_WHITE,
                             binding->view_type, &white));
  const texture *texture = slots_peek(&gpu->textures.slots, white.id);
  *out = image_info(binding, &texture->vk);
  return RG_OK;
fail:
  return result;
}

static rg_result writer_alloc(set_writer *writer) {
  const shader *shader = writer->shader;
  const uint32_t cells = shader->cell_count;
  const uint32_t parameters = shader->parameter_count;
  const size_t images_at = (parameters + 1) * sizeof(VkWriteDescriptorSet);
  const size_t buffers_at = images_at + (cells + parameters) * sizeof(VkDescriptorImageInfo);
  writer->block_size = buffers_at + cells * sizeof(VkDescriptorBufferInfo);
  unsigned char *block = host_calloc(writer->memory, 1, writer->block_size);
  if (block == NULL) {
    return result_no_memory("descriptor writes", writer->block_size);
  }
  writer->block = block;
  writer->writes = (VkWriteDescriptorSet *)(void *)block;
  writer->images = (VkDescriptorImageInfo *)(void *)(block + images_at);
  writer->defaults = writer->images + cells;
  writer->buffers = (VkDescriptorBufferInfo *)(void *)(block + buffers_at);
  return RG_OK;
}

rg_result set_writer_init(resources *resources, const shader *shader, set_writer *writer) {
  rg_result result = RG_OK;
  memset(writer, 0, sizeof *writer);
  writer->memory = &resources->gpu.host;
  writer->shader = shader;
  RG_TRY(writer_alloc(writer));
  for (uint32_t i = shader->member_count; i < shader->parameter_count; i++) {
    const rg_binding *binding = shader->parameters[i].info.binding;
    if (binding_has_default(binding)) {
      RG_TRY(default_info(&resources->gpu, binding, &writer->defaults[i]));
    }
  }
  return RG_OK;
fail:
  set_writer_finish(writer);
  return result;
}

void set_writer_finish(set_writer *writer) {
  if (writer->block != NULL) {
    host_free(writer->memory, writer->block, writer->block_size);
    writer->block = NULL;
  }
}

static VkWriteDescriptorSet write_of(const set_writer *writer, const material *material,
                                     const rg_binding *binding, uint32_t first_cell) {
  const bool is_buffer = binding_is_buffer(binding);
  return (VkWriteDescriptorSet){
      .sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET,
      .dstSet = material->pending_set->handle,
      .dstBinding = binding->binding,
      .descriptorCount = binding->count,
      .descriptorType = binding->type,
      .pImageInfo = is_buffer ? NULL : &writer->images[first_cell],
      .pBufferInfo = is_buffer ? &writer->buffers[first_cell] : NULL,
  };
}

static VkDescriptorBufferInfo buffer_info(const rg_buffer_vk *vk) {
  return (VkDescriptorBufferInfo){.buffer = vk->buffer, .offset = vk->offset, .range = vk->size};
}

/* False where a cell has neither value nor default. The values are owned, so they are alive. */
static bool writer_fill(const gpu *gpu, set_writer *writer, const material *material,
                        uint32_t index) {
  const shader_parameter *parameter = &writer->shader->parameters[index];
  const rg_binding *binding = parameter->info.binding;
  const bool is_buffer = binding_is_buffer(binding);
  for (uint32_t i = 0; i < parameter->cell_count; i++) {
    const uint32_t cell = parameter->first_cell + i;
    const uint64_t id = material->handles[cell];
    if (id == 0 && !binding_has_default(binding)) {
      return false;
    }
    if (is_buffer) {
      const buffer *buffer = slots_peek(&gpu->buffers.slots, id);
      writer->buffers[cell] = buffer_info(&buffer->vk);
    } else if (id == 0) {
      writer->images[cell] = writer->defaults[index];
    } else {
      const texture *texture = slots_peek(&gpu->textures.slots, id);
      writer->images[cell] = image_info(binding, &texture->vk);
    }
  }
  return true;
}

static VkWriteDescriptorSet write_block(resources *resources, set_writer *writer,
                                        const material *material) {
  const rg_binding *binding = writer->shader->block;
  const buffer *page = slots_peek(&resources->gpu.buffers.slots, material->page->buffer.id);
  writer->page = (VkDescriptorBufferInfo){
      .buffer = page->vk.buffer,
      .offset = page->vk.offset + (uint64_t)(material->values - material->page->shadow),
      .range = binding->block->size};
  VkWriteDescriptorSet write = write_of(writer, material, binding, 0);
  write.pImageInfo = NULL;
  write.pBufferInfo = &writer->page;
  return write;
}

void set_writer_write(resources *resources, set_writer *writer, material *material) {
  gpu *gpu = &resources->gpu;
  const shader *shader = writer->shader;
  uint32_t count = 0;
  material->missing = NULL;
  if (shader->block != NULL) {
    writer->writes[count++] = write_block(resources, writer, material);
  }
  for (uint32_t i = shader->member_count; i < shader->parameter_count; i++) {
    const shader_parameter *parameter = &shader->parameters[i];
    if (writer_fill(gpu, writer, material, i)) {
      writer->writes[count++] =
          write_of(writer, material, parameter->info.binding, parameter->first_cell);
    } else if (material->missing == NULL) {
      material->missing = parameter;
    }
  }
  descriptor_set_write(gpu, writer->writes, count);
}
