/* Whether a texture or a buffer fits a shader's binding, and what a binding can do without. */
#include "resources.h"

bool binding_is_buffer(const rg_binding *binding) {
  return binding->type == VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER ||
         binding->type == VK_DESCRIPTOR_TYPE_STORAGE_BUFFER;
}

static bool binding_is_sampled(const rg_binding *binding) {
  return binding->type == VK_DESCRIPTOR_TYPE_COMBINED_IMAGE_SAMPLER ||
         binding->type == VK_DESCRIPTOR_TYPE_SAMPLED_IMAGE;
}

static bool view_type_is_filled(VkImageViewType type) {
  return type == VK_IMAGE_VIEW_TYPE_2D || type == VK_IMAGE_VIEW_TYPE_3D ||
         type == VK_IMAGE_VIEW_TYPE_CUBE || type == VK_IMAGE_VIEW_TYPE_2D_ARRAY ||
         type == VK_IMAGE_VIEW_TYPE_CUBE_ARRAY;
}

static bool scalar_is_float(rg_scalar scalar) {
  return scalar == RG_SCALAR_FLOAT || scalar == RG_SCALAR_HALF || scalar == RG_SCALAR_NONE;
}

bool binding_has_default(const rg_binding *binding) {
  /* The default textures are normalised colours: no integers, no depth, no storage. */
  return binding->type == VK_DESCRIPTOR_TYPE_SAMPLER ||
         (binding_is_sampled(binding) && scalar_is_float(binding->scalar) && !binding->is_shadow);
}

rg_result binding_check(const char *material, const rg_binding *binding) {
  if (binding_is_buffer(binding) || binding->type == VK_DESCRIPTOR_TYPE_SAMPLER) {
    return RG_OK;
  }
  const bool is_image =
      binding_is_sampled(binding) || binding->type == VK_DESCRIPTOR_TYPE_STORAGE_IMAGE;
  if (is_image && !binding->is_multisampled && view_type_is_filled(binding->view_type)) {
    return RG_OK;
  }
  return result_set(RG_ERROR_UNSUPPORTED,
                    "material '%s': the shader's '%s' (set %u, binding %u) is of a kind that "
                    "materials cannot hold",
                    material, binding->name, binding->set, binding->binding);
}

static const char *view_type_name(VkImageViewType type) {
  static const char *const names[] = {"1D",       "2D",       "3D",        "cube",
                                      "1D array", "2D array", "cube array"};
  return (unsigned)type < sizeof names / sizeof names[0] ? names[type] : "unknown";
}

static VkImageViewType texture_view_type(const texture *texture) {
  switch (texture->type) {
    case RG_TEXTURE_3D: return VK_IMAGE_VIEW_TYPE_3D;
    case RG_TEXTURE_CUBE: return VK_IMAGE_VIEW_TYPE_CUBE;
    case RG_TEXTURE_2D_ARRAY: return VK_IMAGE_VIEW_TYPE_2D_ARRAY;
    case RG_TEXTURE_CUBE_ARRAY: return VK_IMAGE_VIEW_TYPE_CUBE_ARRAY;
    case RG_TEXTURE_DEFAULT:
    case RG_TEXTURE_2D: break;
  }
  return VK_IMAGE_VIEW_TYPE_2D;
}

/* Depth, integers and colours are told apart: Vulkan leaves reading one as the other undefined. */
static rg_result check_texture_format(const char *material, const char *name,
                                      const rg_binding *binding, const texture *texture) {
  const char *label = resource_label(&texture->resource);
  const format_info *format = format_get(texture->vk.format);
  const char *format_name = format != NULL ? format->name : "unknown";
  const bool is_integer = format != NULL && format->is_integer;
  if (is_integer == scalar_is_float(binding->scalar)) {
    return result_set(RG_ERROR_WRONG_TYPE, "material '%s': %s yields %s, texture '%s' is of %s",
                      material, name, is_integer ? "floats" : "integers", label, format_name);
  }
  if (binding->is_shadow && (texture->aspects & VK_IMAGE_ASPECT_DEPTH_BIT) == 0) {
    return result_set(RG_ERROR_WRONG_TYPE,
                      "material '%s': %s compares depths, texture '%s' is of %s", material, name,
                      label, format_name);
  }
  return RG_OK;
}

static rg_result check_texture(const char *material, const char *name, const rg_binding *binding,
                               const texture *texture) {
  const char *label = resource_label(&texture->resource);
  if (binding->type == VK_DESCRIPTOR_TYPE_SAMPLER) {
    return RG_OK; /* only its sampler counts */
  }
  const VkImageViewType given = texture_view_type(texture);
  if (given != binding->view_type) {
    return result_set(RG_ERROR_WRONG_TYPE, "material '%s': %s is a %s texture, '%s' is %s",
                      material, name, view_type_name(binding->view_type), label,
                      view_type_name(given));
  }
  if (binding->type == VK_DESCRIPTOR_TYPE_STORAGE_IMAGE &&
      (texture->usage & VK_IMAGE_USAGE_STORAGE_BIT) == 0) {
    return result_set(RG_ERROR_WRONG_TYPE,
                      "material '%s': %s is a storage image, texture '%s' lacks usage storage",
                      material, name, label);
  }
  return check_texture_format(material, name, binding, texture);
}

static rg_result check_buffer_size(const gpu *gpu, const char *material, const char *name,
                                   const rg_binding *binding, const buffer *buffer) {
  const bool is_uniform = binding->type == VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER;
  const rg_limits *limits = &gpu->device.limits;
  const uint64_t maximum = is_uniform ? limits->max_uniform_range : limits->max_storage_range;
  const uint64_t minimum = binding->block != NULL ? binding->block->size : 0;
  const char *label = resource_label(&buffer->resource);
  if (buffer->vk.size < minimum) {
    return result_set(RG_ERROR_INVALID_ARGUMENT,
                      "material '%s': %s takes at least %llu bytes, buffer '%s' has %llu", material,
                      name, (unsigned long long)minimum, label,
                      (unsigned long long)buffer->vk.size);
  }
  if (buffer->vk.size > maximum) {
    return result_set(
        RG_ERROR_LIMIT, "material '%s': %s: buffer '%s' has %llu bytes, the device binds %llu",
        material, name, label, (unsigned long long)buffer->vk.size, (unsigned long long)maximum);
  }
  return RG_OK;
}

static rg_result check_buffer(const gpu *gpu, const char *material, const char *name,
                              const rg_binding *binding, const buffer *buffer) {
  const bool is_uniform = binding->type == VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER;
  const VkBufferUsageFlags usage =
      is_uniform ? VK_BUFFER_USAGE_UNIFORM_BUFFER_BIT : VK_BUFFER_USAGE_STORAGE_BUFFER_BIT;
  if ((buffer->usage & usage) == 0) {
    return result_set(RG_ERROR_WRONG_TYPE,
                      "material '%s': %s is a %s buffer, '%s' lacks that usage", material, name,
                      is_uniform ? "uniform" : "storage", resource_label(&buffer->resource));
  }
  return check_buffer_size(gpu, material, name, binding, buffer);
}

rg_result binding_own(resources *resources, const char *material, const char *name,
                      const rg_binding *binding, uint64_t id) {
  gpu *gpu = &resources->gpu;
  const bool is_buffer = binding_is_buffer(binding);
  const rg_type type = is_buffer ? RG_TYPE_BUFFER : RG_TYPE_TEXTURE;
  rg_result result = resource_own(gpu, type, id);
  if (result != RG_OK) {
    return result_prefix(result, "material '%s': %s", material, name);
  }
  const void *storage = slots_peek(gpu->slots_by_type[type], id);
  result = is_buffer ? check_buffer(gpu, material, name, binding, storage)
                     : check_texture(material, name, binding, storage);
  if (result != RG_OK) {
    resource_disown(gpu, id);
  }
  return result;
}
