/* Textures from image files: the file gives size, format and data, the descriptor all the rest. */
#include <stdio.h>

#include "asset/image.h"
#include "resources.h"

static rg_result refuse(const rg_texture_desc *desc, const char *why) {
  const char *label = desc->label != NULL ? desc->label : desc->file;
  return result_set(RG_ERROR_INVALID_ARGUMENT, "texture '%s': %s", label, why);
}

static rg_result check_file_desc(const rg_texture_desc *desc) {
  if (desc->width != 0 || desc->height != 0) {
    return refuse(desc, "width and height come from the file, and must be 0");
  }
  if (desc->data != NULL || desc->data_size != 0 || desc->data_levels != 0) {
    return refuse(desc, "data comes from the file, and must not be given");
  }
  if (desc->type > RG_TEXTURE_2D || desc->depth > 1 || desc->layers > 1) {
    return refuse(desc, "an image file makes a 2D texture of one layer");
  }
  return RG_OK;
}

/* sRGB or not is a way to read the same bytes. */
static VkFormat format_family(VkFormat format) {
  return format == VK_FORMAT_R8G8B8A8_SRGB ? VK_FORMAT_R8G8B8A8_UNORM : format;
}

static rg_result check_format(const rg_texture_desc *desc, VkFormat given) {
  if (desc->format == VK_FORMAT_UNDEFINED || format_family(desc->format) == format_family(given)) {
    return RG_OK;
  }
  const char *wanted = rg_format_name(desc->format);
  char why[128];
  snprintf(why, sizeof why, "the file holds %s, not %s", rg_format_name(given),
           wanted != NULL ? wanted : "an unknown format");
  return refuse(desc, why);
}

static rg_result create_from_image(resources *resources, const rg_texture_desc *desc,
                                   const image *image, rg_texture *out) {
  rg_result result = check_format(desc, image->format);
  if (result != RG_OK) {
    return result;
  }
  rg_texture_desc whole = *desc;
  whole.file = NULL;
  whole.width = image->width;
  whole.height = image->height;
  whole.format = desc->format != VK_FORMAT_UNDEFINED ? desc->format : image->format;
  whole.data = image->texels;
  whole.data_size = image->size;
  whole.data_levels = 1;
  whole.label = desc->label != NULL ? desc->label : desc->file;
  return texture_create(&resources->gpu, &whole, out);
}

static rg_result create_from_file(resources *resources, const rg_texture_desc *desc,
                                  rg_texture *out) {
  gpu *gpu = &resources->gpu;
  rg_result result = check_file_desc(desc);
  if (result != RG_OK) {
    return result;
  }
  file_data file = {0};
  image image = {0};
  RG_TRY(file_read(&resources->roots, desc->file, gpu->device.limits.max_file_size, &file));
  RG_TRY(image_decode(&gpu->host, desc->file, file.bytes, file.size, desc->is_linear,
                      gpu->device.limits.max_texture_size_2d, &image));
  file_data_finish(&file);
  RG_TRY(create_from_image(resources, desc, &image, out));
fail:
  image_finish(&image);
  file_data_finish(&file);
  return result;
}

rg_result rg_texture_create(rg_engine *engine, const rg_texture_desc *desc, rg_texture *out) {
  RESOURCE_REQUIRE(out);
  out->id = 0;
  RESOURCE_REQUIRE(engine);
  RESOURCE_REQUIRE(desc);
  return desc->file != NULL ? create_from_file(resources_of(engine), desc, out)
                            : texture_create(gpu_of(engine), desc, out);
}
