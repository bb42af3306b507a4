/* From SPIR-V types to Vulkan's descriptor types. */
#include "resource.h"

#include <spirv_cross/spirv.h>
#include <string.h>

#include "list.h"

rg_scalar module_scalar(const module *self, uint32_t type) {
  uint32_t width = module_operand(self, type, 1);
  bool is_signed = module_operand(self, type, 2) != 0;
  switch (module_opcode(self, type)) {
    case SpvOpTypeBool: return RG_SCALAR_BOOL;
    case SpvOpTypeFloat:
      return width == 64 ? RG_SCALAR_DOUBLE : width == 16 ? RG_SCALAR_HALF : RG_SCALAR_FLOAT;
    case SpvOpTypeInt:
      switch (width) {
        case 8: return is_signed ? RG_SCALAR_INT8 : RG_SCALAR_UINT8;
        case 16: return is_signed ? RG_SCALAR_INT16 : RG_SCALAR_UINT16;
        case 64: return is_signed ? RG_SCALAR_INT64 : RG_SCALAR_UINT64;
        default: return is_signed ? RG_SCALAR_INT : RG_SCALAR_UINT;
      }
    default: return RG_SCALAR_NONE;
  }
}

/* OpTypeImage's operands, the result's id being the first. */
enum { IMAGE_SCALAR = 1, IMAGE_DIM, IMAGE_DEPTH, IMAGE_ARRAYED, IMAGE_SAMPLES, IMAGE_SAMPLED };

static VkImageViewType view_type(uint32_t dim, bool is_arrayed) {
  switch (dim) {
    case SpvDim1D: return is_arrayed ? VK_IMAGE_VIEW_TYPE_1D_ARRAY : VK_IMAGE_VIEW_TYPE_1D;
    case SpvDim3D: return VK_IMAGE_VIEW_TYPE_3D;
    case SpvDimCube: return is_arrayed ? VK_IMAGE_VIEW_TYPE_CUBE_ARRAY : VK_IMAGE_VIEW_TYPE_CUBE;
    case SpvDimBuffer: return VK_IMAGE_VIEW_TYPE_MAX_ENUM;
    default: return is_arrayed ? VK_IMAGE_VIEW_TYPE_2D_ARRAY : VK_IMAGE_VIEW_TYPE_2D;
  }
}

static VkDescriptorType image_descriptor(uint32_t dim, bool is_storage, bool is_combined) {
  if (dim == SpvDimSubpassData) {
    return VK_DESCRIPTOR_TYPE_INPUT_ATTACHMENT;
  }
  if (dim == SpvDimBuffer) {
    return is_storage ? VK_DESCRIPTOR_TYPE_STORAGE_TEXEL_BUFFER
                      : VK_DESCRIPTOR_TYPE_UNIFORM_TEXEL_BUFFER;
  }
  if (is_storage) {
    return VK_DESCRIPTOR_TYPE_STORAGE_IMAGE;
  }
  return is_combined ? VK_DESCRIPTOR_TYPE_COMBINED_IMAGE_SAMPLER : VK_DESCRIPTOR_TYPE_SAMPLED_IMAGE;
}

static void image_read(const module *from, uint32_t image, bool is_combined, shader_resource *out) {
  uint32_t dim = module_operand(from, image, IMAGE_DIM);
  bool is_storage = module_operand(from, image, IMAGE_SAMPLED) == 2;
  out->descriptor = image_descriptor(dim, is_storage, is_combined);
  out->view_type = view_type(dim, module_operand(from, image, IMAGE_ARRAYED) == 1);
  out->scalar = module_scalar(from, module_operand(from, image, IMAGE_SCALAR));
  out->is_shadow = module_operand(from, image, IMAGE_DEPTH) == 1;
  out->is_multisampled = module_operand(from, image, IMAGE_SAMPLES) == 1;
}

static bool members_are_readonly(const module *from, uint32_t type) {
  uint32_t count = module_operand_count(from, type) - 1;
  for (uint32_t i = 0; i < count; i++) {
    if (module_member_decoration(from, type, i, SpvDecorationNonWritable) == MODULE_NONE) {
      return false;
    }
  }
  return count > 0;
}

/* False where the variable is no resource. */
static bool descriptor_read(const module *from, const module_variable *variable,
                            shader_resource *out) {
  bool is_old_storage = module_decoration(from, out->type, SpvDecorationBufferBlock) != MODULE_NONE;
  switch (module_opcode(from, out->type)) {
    case SpvOpTypeStruct:
      out->is_block = true;
      out->descriptor = variable->storage == SpvStorageClassUniform && !is_old_storage
                            ? VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER
                            : VK_DESCRIPTOR_TYPE_STORAGE_BUFFER;
      out->is_readonly = out->is_readonly || members_are_readonly(from, out->type);
      return true;
    case SpvOpTypeSampledImage:
      image_read(from, module_operand(from, out->type, 1), true, out);
      return true;
    case SpvOpTypeImage: image_read(from, out->type, false, out); return true;
    case SpvOpTypeSampler: out->descriptor = VK_DESCRIPTOR_TYPE_SAMPLER; return true;
    case SpvOpTypeAccelerationStructureKHR:
      out->descriptor = VK_DESCRIPTOR_TYPE_ACCELERATION_STRUCTURE_KHR;
      return true;
    default: return false;
  }
}

/* Takes the arrays off a type. *count: their elements. */
static uint32_t type_without_arrays(const module *from, uint32_t type, uint32_t *count) {
  *count = 1;
  for (;;) {
    uint32_t opcode = module_opcode(from, type);
    if (opcode != SpvOpTypeArray && opcode != SpvOpTypeRuntimeArray) {
      return type;
    }
    *count *= opcode == SpvOpTypeArray ? module_constant(from, module_operand(from, type, 2)) : 0;
    type = module_operand(from, type, 1);
  }
}

static const char *resource_name(const shader_resource *resource) {
  const char *variable = module_name_of(resource->module, resource->id);
  const char *type = module_name_of(resource->module, resource->type);
  bool is_type = resource->is_block && type[0] != '\0';
  return is_type ? type : variable;
}

static bool resource_read(const module *from, const module_variable *variable,
                          shader_resource *out) {
  if (variable->storage != SpvStorageClassUniform &&
      variable->storage != SpvStorageClassUniformConstant &&
      variable->storage != SpvStorageClassStorageBuffer) {
    return false;
  }
  *out = (shader_resource){.module = from, .id = variable->id};
  out->view_type = VK_IMAGE_VIEW_TYPE_MAX_ENUM;
  out->type = type_without_arrays(from, variable->type, &out->count);
  out->is_readonly = module_decoration(from, out->id, SpvDecorationNonWritable) != MODULE_NONE;
  if (!descriptor_read(from, variable, out)) {
    return false;
  }
  uint32_t set = module_decoration(from, out->id, SpvDecorationDescriptorSet);
  uint32_t binding = module_decoration(from, out->id, SpvDecorationBinding);
  out->set = set == MODULE_NONE ? 0 : set;
  out->binding = binding == MODULE_NONE ? 0 : binding;
  out->name = resource_name(out);
  return true;
}

rg_result resources_find(arena *scratch, const module *from, resource_list *list) {
  for (uint32_t i = 0; i < from->variable_count; i++) {
    shader_resource resource;
    if (!resource_read(from, &from->variables[i], &resource)) {
      continue;
    }
    shader_resource *items =
        list_grow(scratch, list->items, sizeof *items, list->count, &list->capacity);
    if (items == NULL) {
      return RG_ERROR_OUT_OF_HOST_MEMORY;
    }
    list->items = items;
    items[list->count++] = resource;
  }
  return RG_OK;
}

bool resource_is_compatible(const shader_resource *a, const shader_resource *b) {
  return a->descriptor == b->descriptor;
}

bool resource_is_same(const shader_resource *a, const shader_resource *b) {
  return resource_is_compatible(a, b) && a->count == b->count && a->view_type == b->view_type &&
         a->scalar == b->scalar && a->is_shadow == b->is_shadow &&
         a->is_multisampled == b->is_multisampled;
}

const char *resource_type_name(VkDescriptorType type) {
  switch ((int)type) {
    case VK_DESCRIPTOR_TYPE_SAMPLER: return "sampler";
    case VK_DESCRIPTOR_TYPE_COMBINED_IMAGE_SAMPLER: return "texture with sampler";
    case VK_DESCRIPTOR_TYPE_SAMPLED_IMAGE: return "texture";
    case VK_DESCRIPTOR_TYPE_STORAGE_IMAGE: return "storage image";
    case VK_DESCRIPTOR_TYPE_UNIFORM_TEXEL_BUFFER: return "uniform texel buffer";
    case VK_DESCRIPTOR_TYPE_STORAGE_TEXEL_BUFFER: return "storage texel buffer";
    case VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER: return "uniform buffer";
    case VK_DESCRIPTOR_TYPE_STORAGE_BUFFER: return "storage buffer";
    case VK_DESCRIPTOR_TYPE_INPUT_ATTACHMENT: return "input attachment";
    default: return "acceleration structure";
  }
}
