/* What a texture may be: descriptors and regions against themselves, the engine's limits and the
 * device. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "export.h"
#include "gpu.h"

#define VIEW_USAGE                                                                                 \
  (VK_IMAGE_USAGE_SAMPLED_BIT | VK_IMAGE_USAGE_STORAGE_BIT | VK_IMAGE_USAGE_COLOR_ATTACHMENT_BIT | \
   VK_IMAGE_USAGE_DEPTH_STENCIL_ATTACHMENT_BIT | VK_IMAGE_USAGE_INPUT_ATTACHMENT_BIT)
#define TRANSFER_USAGE (VK_IMAGE_USAGE_TRANSFER_SRC_BIT | VK_IMAGE_USAGE_TRANSFER_DST_BIT)

static resource_name title_of(const rg_texture_desc *desc) {
  return resource_title(RG_TYPE_TEXTURE, desc->label, 0);
}

static bool is_cube(rg_texture_type type) {
  return type == RG_TEXTURE_CUBE || type == RG_TEXTURE_CUBE_ARRAY;
}

/* ---- Defaults ------------------------------------------------------------------------------ */

static uint32_t chain_length(const rg_texture_desc *desc) {
  uint32_t side = desc->width > desc->height ? desc->width : desc->height;
  side = desc->depth > side ? desc->depth : side;
  uint32_t levels = 1;
  while (side >>= 1) {
    levels++;
  }
  return levels;
}

static void defaults_fill(rg_texture_desc *desc) {
  desc->type = desc->type == RG_TEXTURE_DEFAULT ? RG_TEXTURE_2D : desc->type;
  desc->format = desc->format == VK_FORMAT_UNDEFINED ? VK_FORMAT_R8G8B8A8_UNORM : desc->format;
  desc->depth = desc->depth == 0 ? 1 : desc->depth;
  if (desc->layers == 0) {
    desc->layers = is_cube(desc->type) ? 6 : 1;
  }
  if (desc->mip_levels == 0) {
    desc->mip_levels = desc->generate_mips ? chain_length(desc) : 1;
  }
  if (desc->usage == 0) {
    desc->usage = VK_IMAGE_USAGE_SAMPLED_BIT;
  }
  if ((desc->usage & VK_IMAGE_USAGE_TRANSIENT_ATTACHMENT_BIT) == 0) {
    desc->usage |= TRANSFER_USAGE;
  }
  if (desc->data != NULL && desc->data_levels == 0) {
    desc->data_levels = 1;
  }
}

/* ---- The descriptor against itself and the engine's limits --------------------------------- */

static rg_result check_values(const rg_texture_desc *desc, const format_info *format) {
  if ((uint32_t)desc->type > RG_TEXTURE_CUBE_ARRAY) {
    return result_set(RG_ERROR_INVALID_ARGUMENT, "%s: type %d is none of rg_texture_type",
                      title_of(desc).text, (int)desc->type);
  }
  if (format == NULL) {
    return result_set(RG_ERROR_INVALID_ARGUMENT, "%s: format %d is not one that the engine knows",
                      title_of(desc).text, (int)desc->format);
  }
  const VkImageUsageFlags known =
      VIEW_USAGE | TRANSFER_USAGE | VK_IMAGE_USAGE_TRANSIENT_ATTACHMENT_BIT;
  VkImageUsageFlags unknown = desc->usage & ~known;
  if (unknown != 0) {
    return result_set(RG_ERROR_UNSUPPORTED, "%s: usage 0x%" PRIx32 " is not for textures",
                      title_of(desc).text, unknown);
  }
  return RG_OK;
}

static rg_result check_side(const rg_texture_desc *desc, const char *name, uint32_t side,
                            uint32_t limit) {
  if (side == 0) {
    return result_set(RG_ERROR_INVALID_ARGUMENT, "%s: %s is 0", title_of(desc).text, name);
  }
  if (side > limit) {
    return result_set(RG_ERROR_LIMIT, "%s: %s %u exceeds the device's %u", title_of(desc).text,
                      name, side, limit);
  }
  return RG_OK;
}

static uint32_t side_limit(const rg_limits *limits, rg_texture_type type) {
  return type == RG_TEXTURE_3D ? limits->max_texture_size_3d
         : is_cube(type)       ? limits->max_texture_size_cube
                               : limits->max_texture_size_2d;
}

static rg_result check_extent(const gpu *gpu, const rg_texture_desc *desc) {
  rg_result result = RG_OK;
  uint32_t limit = side_limit(&gpu->device.limits, desc->type);
  RG_TRY(check_side(desc, "width", desc->width, limit));
  RG_TRY(check_side(desc, "height", desc->height, limit));
  RG_TRY(check_side(desc, "depth", desc->depth, desc->type == RG_TEXTURE_3D ? limit : UINT32_MAX));
  RG_TRY(check_side(desc, "layers", desc->layers, gpu->device.limits.max_texture_layers));
fail:
  return result;
}

static rg_result check_shape(const rg_texture_desc *desc) {
  if (desc->depth > 1 && desc->type != RG_TEXTURE_3D) {
    return result_set(RG_ERROR_INVALID_ARGUMENT, "%s: depth %u, but only 3D textures have depth",
                      title_of(desc).text, desc->depth);
  }
  if (desc->layers > 1 && (desc->type == RG_TEXTURE_2D || desc->type == RG_TEXTURE_3D)) {
    return result_set(RG_ERROR_INVALID_ARGUMENT, "%s: %u layers, but a %s texture has 1",
                      title_of(desc).text, desc->layers,
                      desc->type == RG_TEXTURE_3D ? "3D" : "2D (not array)");
  }
  if (is_cube(desc->type) && desc->width != desc->height) {
    return result_set(RG_ERROR_INVALID_ARGUMENT, "%s: a cube's sides are equal, not %u and %u",
                      title_of(desc).text, desc->width, desc->height);
  }
  if (is_cube(desc->type) && desc->layers % 6 != 0) {
    return result_set(RG_ERROR_INVALID_ARGUMENT, "%s: %u layers, but cubes have 6 each",
                      title_of(desc).text, desc->layers);
  }
  if (desc->type == RG_TEXTURE_CUBE && desc->layers != 6) {
    return result_set(RG_ERROR_INVALID_ARGUMENT, "%s: %u layers, but a cube (not array) has 6",
                      title_of(desc).text, desc->layers);
  }
  return RG_OK;
}

static rg_result check_levels(const rg_texture_desc *desc) {
  if (desc->mip_levels > chain_length(desc)) {
    return result_set(RG_ERROR_LIMIT, "%s: %u mip levels exceed the %u of %u x %u x %u texels",
                      title_of(desc).text, desc->mip_levels, chain_length(desc), desc->width,
                      desc->height, desc->depth);
  }
  if (desc->data_levels > desc->mip_levels) {
    return result_set(RG_ERROR_INVALID_ARGUMENT, "%s: data of %u levels for a texture of %u",
                      title_of(desc).text, desc->data_levels, desc->mip_levels);
  }
  return RG_OK;
}

/* Bytes of the first `levels` levels; within the limits on sides no product overflows. */
static uint64_t levels_size(const rg_texture_desc *desc, uint32_t levels) {
  uint64_t size = 0;
  for (uint32_t i = 0; i < levels; i++) {
    size += desc->layers * rg_format_size(desc->format, texture_level_side(desc->width, i),
                                          texture_level_side(desc->height, i),
                                          texture_level_side(desc->depth, i));
  }
  return size;
}

static rg_result check_data(const rg_texture_desc *desc) {
  if (desc->data == NULL) {
    if (desc->data_size != 0 || desc->data_levels != 0) {
      return result_set(RG_ERROR_INVALID_ARGUMENT,
                        "%s: data is NULL, but its size %" PRIu64 " and levels %u are not 0",
                        title_of(desc).text, desc->data_size, desc->data_levels);
    }
    if (desc->generate_mips) {
      return result_set(RG_ERROR_INVALID_ARGUMENT, "%s: there is no data to generate mips from",
                        title_of(desc).text);
    }
    return RG_OK;
  }
  uint64_t expected = levels_size(desc, desc->data_levels);
  if (desc->data_size != expected) {
    return result_set(RG_ERROR_INVALID_ARGUMENT,
                      "%s: data_size %" PRIu64
                      ", but %u level%s of %u x %u x %u texels of %s in "
                      "%u layer%s take %" PRIu64 " bytes",
                      title_of(desc).text, desc->data_size, desc->data_levels,
                      desc->data_levels == 1 ? "" : "s", desc->width, desc->height, desc->depth,
                      rg_format_name(desc->format), desc->layers, desc->layers == 1 ? "" : "s",
                      expected);
  }
  return RG_OK;
}

/* ---- The device ---------------------------------------------------------------------------- */

/* "sampled, transfer_src": the bits of a usage. */
typedef struct usage_text {
  char text[128];
} usage_text;

static usage_text usage_names(VkImageUsageFlags usage) {
  static const struct {
    VkImageUsageFlags bit;
    const char *name;
  } names[] = {{VK_IMAGE_USAGE_SAMPLED_BIT, "sampled"},
               {VK_IMAGE_USAGE_STORAGE_BIT, "storage"},
               {VK_IMAGE_USAGE_COLOR_ATTACHMENT_BIT, "color_attachment"},
               {VK_IMAGE_USAGE_DEPTH_STENCIL_ATTACHMENT_BIT, "depth_stencil_attachment"},
               {VK_IMAGE_USAGE_INPUT_ATTACHMENT_BIT, "input_attachment"},
               {VK_IMAGE_USAGE_TRANSIENT_ATTACHMENT_BIT, "transient_attachment"},
               {VK_IMAGE_USAGE_TRANSFER_SRC_BIT, "transfer_src"},
               {VK_IMAGE_USAGE_TRANSFER_DST_BIT, "transfer_dst"}};
  usage_text out = {""};
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    if (usage & names[i].bit) {
      size_t length = strlen(out.text);
      snprintf(out.text + length, sizeof out.text - length, "%s%s", length == 0 ? "" : ", ",
               names[i].name);
    }
  }
  return out;
}

static rg_result refuse_format(const texture_plan *plan) {
  return result_set(RG_ERROR_UNSUPPORTED, "%s: the device lacks format %s for %s",
                    title_of(&plan->desc).text, plan->format->name,
                    usage_names(plan->desc.usage).text);
}

/* Compressed formats of a feature that is not enabled must not be used, whatever the driver says
 * of them. */
static bool is_family_enabled(const gpu *gpu, VkFormat format) {
  const rg_device_info *info = &gpu->device.info;
  if (format >= VK_FORMAT_BC1_RGB_UNORM_BLOCK && format <= VK_FORMAT_BC7_SRGB_BLOCK) {
    return info->texture_compression_bc;
  }
  if (format >= VK_FORMAT_ETC2_R8G8B8_UNORM_BLOCK && format <= VK_FORMAT_EAC_R11G11_SNORM_BLOCK) {
    return info->texture_compression_etc2;
  }
  if (format >= VK_FORMAT_ASTC_4x4_UNORM_BLOCK && format <= VK_FORMAT_ASTC_12x12_SRGB_BLOCK) {
    return info->texture_compression_astc;
  }
  return true;
}

static rg_result check_image(const texture_plan *plan, const VkImageFormatProperties *limits) {
  const VkImageCreateInfo *image = &plan->image;
  if (image->extent.width > limits->maxExtent.width ||
      image->extent.height > limits->maxExtent.height ||
      image->extent.depth > limits->maxExtent.depth) {
    return result_set(RG_ERROR_LIMIT, "%s: %u x %u x %u exceed the device's %u x %u x %u of %s",
                      title_of(&plan->desc).text, image->extent.width, image->extent.height,
                      image->extent.depth, limits->maxExtent.width, limits->maxExtent.height,
                      limits->maxExtent.depth, plan->format->name);
  }
  if (image->arrayLayers > limits->maxArrayLayers || image->mipLevels > limits->maxMipLevels) {
    return result_set(RG_ERROR_LIMIT,
                      "%s: %u layers and %u mip levels exceed the device's %u and %u of %s",
                      title_of(&plan->desc).text, image->arrayLayers, image->mipLevels,
                      limits->maxArrayLayers, limits->maxMipLevels, plan->format->name);
  }
  uint64_t size = levels_size(&plan->desc, plan->desc.mip_levels);
  if (size > limits->maxResourceSize) {
    return result_set(RG_ERROR_LIMIT, "%s: %" PRIu64 " bytes exceed the device's %" PRIu64,
                      title_of(&plan->desc).text, size, limits->maxResourceSize);
  }
  return RG_OK;
}

static rg_result check_device(gpu *gpu, const texture_plan *plan) {
  if (!is_family_enabled(gpu, plan->desc.format)) {
    return refuse_format(plan);
  }
  if (plan->desc.type == RG_TEXTURE_CUBE_ARRAY && !gpu->device.has_cube_array) {
    return result_set(RG_ERROR_UNSUPPORTED, "%s: the device lacks cube arrays",
                      title_of(&plan->desc).text);
  }
  VkPhysicalDeviceImageFormatInfo2 info = {
      .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_IMAGE_FORMAT_INFO_2,
      .format = plan->image.format,
      .type = plan->image.imageType,
      .tiling = plan->image.tiling,
      .usage = plan->image.usage,
      .flags = plan->image.flags};
  VkImageFormatProperties2 properties = {.sType = VK_STRUCTURE_TYPE_IMAGE_FORMAT_PROPERTIES_2};
  if (plan->desc.is_exportable) {
    rg_result result = export_check_image(gpu, title_of(&plan->desc).text, &info);
    if (result != RG_OK) {
      return result;
    }
  }
  VkResult vk_result =
      gpu->vk.GetPhysicalDeviceImageFormatProperties2(gpu->device.physical, &info, &properties);
  if (vk_result == VK_ERROR_FORMAT_NOT_SUPPORTED) {
    return refuse_format(plan);
  }
  if (vk_result != VK_SUCCESS) {
    return dispatch_result(vk_result, "vkGetPhysicalDeviceImageFormatProperties2",
                           title_of(&plan->desc).text);
  }
  return check_image(plan, &properties.imageFormatProperties);
}

/* Blits filter what the format's features say they can; linear samplers, too. A filter that was not
 * asked for falls back to the nearest texel. */
static rg_result check_filters(gpu *gpu, texture_plan *plan) {
  VkFormatProperties2 properties = {.sType = VK_STRUCTURE_TYPE_FORMAT_PROPERTIES_2};
  gpu->vk.GetPhysicalDeviceFormatProperties2(gpu->device.physical, plan->desc.format, &properties);
  VkFormatFeatureFlags have = properties.formatProperties.optimalTilingFeatures;
  VkFormatFeatureFlags blit = VK_FORMAT_FEATURE_BLIT_SRC_BIT | VK_FORMAT_FEATURE_BLIT_DST_BIT |
                              VK_FORMAT_FEATURE_SAMPLED_IMAGE_FILTER_LINEAR_BIT;
  bool is_plain = plan->format->aspects == VK_IMAGE_ASPECT_COLOR_BIT &&
                  plan->format->block_width == 1 && !plan->format->is_integer;
  if (plan->desc.generate_mips && (!is_plain || (have & blit) != blit)) {
    return result_set(RG_ERROR_UNSUPPORTED, "%s: mips of format %s cannot be generated",
                      title_of(&plan->desc).text, plan->format->name);
  }
  if (have & VK_FORMAT_FEATURE_SAMPLED_IMAGE_FILTER_LINEAR_BIT ||
      !(plan->desc.usage & VK_IMAGE_USAGE_SAMPLED_BIT)) {
    return RG_OK;
  }
  rg_filter *filters[] = {&plan->desc.sampler.mag_filter, &plan->desc.sampler.min_filter,
                          &plan->desc.sampler.mip_filter};
  for (size_t i = 0; i < sizeof filters / sizeof filters[0]; i++) {
    if (*filters[i] == RG_FILTER_LINEAR) {
      return result_set(RG_ERROR_UNSUPPORTED, "%s: format %s cannot be filtered, only read nearest",
                        title_of(&plan->desc).text, plan->format->name);
    }
    *filters[i] = *filters[i] == RG_FILTER_DEFAULT ? RG_FILTER_NEAREST : *filters[i];
  }
  return RG_OK;
}

/* ---- The plan ------------------------------------------------------------------------------ */

static const VkImageViewType view_types[] = {
    [RG_TEXTURE_2D] = VK_IMAGE_VIEW_TYPE_2D,
    [RG_TEXTURE_3D] = VK_IMAGE_VIEW_TYPE_3D,
    [RG_TEXTURE_CUBE] = VK_IMAGE_VIEW_TYPE_CUBE,
    [RG_TEXTURE_2D_ARRAY] = VK_IMAGE_VIEW_TYPE_2D_ARRAY,
    [RG_TEXTURE_CUBE_ARRAY] = VK_IMAGE_VIEW_TYPE_CUBE_ARRAY,
};

/* Storage images must be in the general layout, and can be sampled in it. */
static VkImageLayout layout_for(VkImageUsageFlags usage) {
  if (usage & VK_IMAGE_USAGE_STORAGE_BIT) {
    return VK_IMAGE_LAYOUT_GENERAL;
  }
  if (usage & (VK_IMAGE_USAGE_SAMPLED_BIT | VK_IMAGE_USAGE_INPUT_ATTACHMENT_BIT)) {
    return VK_IMAGE_LAYOUT_SHADER_READ_ONLY_OPTIMAL;
  }
  if (usage & VK_IMAGE_USAGE_COLOR_ATTACHMENT_BIT) {
    return VK_IMAGE_LAYOUT_COLOR_ATTACHMENT_OPTIMAL;
  }
  if (usage & VK_IMAGE_USAGE_DEPTH_STENCIL_ATTACHMENT_BIT) {
    return VK_IMAGE_LAYOUT_DEPTH_STENCIL_ATTACHMENT_OPTIMAL;
  }
  return VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL;
}

/* A view that shaders read may show one aspect only; as an attachment it still means both. */
static VkImageAspectFlags aspects_for(const rg_texture_desc *desc, VkImageAspectFlags aspects) {
  VkImageUsageFlags read =
      VK_IMAGE_USAGE_SAMPLED_BIT | VK_IMAGE_USAGE_STORAGE_BIT | VK_IMAGE_USAGE_INPUT_ATTACHMENT_BIT;
  if ((desc->usage & VIEW_USAGE) == 0) {
    return 0;
  }
  bool has_both = (aspects & VK_IMAGE_ASPECT_DEPTH_BIT) && (aspects & VK_IMAGE_ASPECT_STENCIL_BIT);
  return has_both && (desc->usage & read) ? VK_IMAGE_ASPECT_DEPTH_BIT : aspects;
}

static void plan_fill(texture_plan *plan) {
  const rg_texture_desc *desc = &plan->desc;
  VkImageCreateInfo image = {
      .sType = VK_STRUCTURE_TYPE_IMAGE_CREATE_INFO,
      .pNext = desc->is_exportable ? &export_image_info : NULL,
      .flags = (is_cube(desc->type) ? VK_IMAGE_CREATE_CUBE_COMPATIBLE_BIT : 0) |
               (desc->is_protected ? VK_IMAGE_CREATE_PROTECTED_BIT : 0),
      .imageType = desc->type == RG_TEXTURE_3D ? VK_IMAGE_TYPE_3D : VK_IMAGE_TYPE_2D,
      .format = desc->format,
      .extent = {desc->width, desc->height, desc->depth},
      .mipLevels = desc->mip_levels,
      .arrayLayers = desc->layers,
      .samples = VK_SAMPLE_COUNT_1_BIT,
      .tiling = VK_IMAGE_TILING_OPTIMAL,
      .usage = desc->usage,
      .sharingMode = VK_SHARING_MODE_EXCLUSIVE,
      .initialLayout = VK_IMAGE_LAYOUT_UNDEFINED};
  plan->image = image;
  plan->view_type = view_types[desc->type];
  plan->view_aspects = aspects_for(desc, plan->format->aspects);
  plan->layout = layout_for(desc->usage);
}

rg_result texture_plan_make(gpu *gpu, const rg_texture_desc *desc, texture_plan *out) {
  rg_result result = RG_OK;
  texture_plan plan = {.desc = *desc};
  defaults_fill(&plan.desc);
  plan.format = format_get(plan.desc.format);
  RG_TRY(check_values(&plan.desc, plan.format));
  RG_TRY(check_extent(gpu, &plan.desc));
  RG_TRY(check_shape(&plan.desc));
  RG_TRY(check_levels(&plan.desc));
  RG_TRY(check_data(&plan.desc));
  RG_TRY(texture_check_memory(gpu, &plan.desc));
  plan.desc.is_exportable |= pool_is_exportable(gpu, plan.desc.pool);
  plan_fill(&plan);
  RG_TRY(check_device(gpu, &plan));
  RG_TRY(check_filters(gpu, &plan));
  *out = plan;
fail:
  return result;
}
