/* The one instantiation of stb_image: JPEG, HDR, TGA and BMP, after this project's own checks. */
#include <limits.h>
#include <string.h>

#include "base/result.h"
#include "image_internal.h"

/* Zeroed, because the JPEG reader reads tables that a broken file never defined. */
#define STBI_MALLOC(size) scoped_calloc(1, size)
#define STBI_REALLOC(block, size) scoped_realloc(block, size)
#define STBI_FREE(block) scoped_free(block)
/* A file must not be able to end the process; what these state is checked before. */
#define STBI_ASSERT(condition) ((void)0)
#define STBI_MAX_DIMENSIONS IMAGE_MAX_SIDE
#define STBI_NO_STDIO
#define STBI_ONLY_JPEG
#define STBI_ONLY_HDR
#define STBI_ONLY_TGA
#define STBI_ONLY_BMP
#define STB_IMAGE_STATIC
#define STB_IMAGE_IMPLEMENTATION
/* gcc judges what a file leaves undefined at its end, past the pop. */
#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wshadow"
#pragma GCC diagnostic ignored "-Wunused-parameter"
#pragma GCC diagnostic ignored "-Wunused-but-set-variable"
#pragma GCC diagnostic ignored "-Wsign-compare"
#pragma GCC diagnostic ignored "-Wcast-qual"
#include <stb_image.h>
#pragma GCC diagnostic pop

static rg_result stb_result(const image_source *source, const char *kind) {
  const char *reason = stbi_failure_reason();
  if (strcmp(reason, "outofmem") == 0) {
    return result_no_memory("an image", 0);
  }
  return image_fail(source, RG_ERROR_FORMAT, "broken %s: %s", kind, reason);
}

static rg_result extent_fail(const image_source *source, const char *kind, VkExtent2D extent,
                             int width, int height) {
  return image_fail(source, RG_ERROR_FORMAT, "broken %s: %d × %d texels, or %u × %u", kind, width,
                    height, extent.width, extent.height);
}

/* stb_image counts bytes in int; and where it reads an extent at all, it must be ours, but for the
 * sign of a BMP's height. */
static rg_result info_check(const image_source *source, const char *kind, VkExtent2D extent,
                            size_t texel_size) {
  const uint64_t size = (uint64_t)extent.width * extent.height * texel_size;
  if (source->size > INT_MAX || size > INT_MAX) {
    return image_fail(source, RG_ERROR_LIMIT, "%zu bytes of %s, %llu decoded, exceed %d",
                      source->size, kind, (unsigned long long)size, INT_MAX);
  }
  int width = 0, height = 0, channels = 0;
  if (!stbi_info_from_memory(source->bytes, (int)source->size, &width, &height, &channels)) {
    return RG_OK; /* to decode tells more of why */
  }
  const bool is_height =
      (uint32_t)height == extent.height || 0u - (uint32_t)height == extent.height;
  if ((uint32_t)width != extent.width || !is_height) {
    return extent_fail(source, kind, extent, width, height);
  }
  return RG_OK;
}

static rg_result stb_decode(const image_source *source, const char *kind, VkExtent2D extent,
                            bool is_float, image *out) {
  const size_t texel_size = is_float ? 16 : 4;
  const rg_result result = info_check(source, kind, extent, texel_size);
  if (result != RG_OK) {
    return result;
  }
  const int size = (int)source->size;
  stbi__err("unreadable", "unreadable"); /* some failures leave the reason as it was */
  int width = 0, height = 0, channels = 0;
  void *texels =
      is_float ? (void *)stbi_loadf_from_memory(source->bytes, size, &width, &height, &channels, 4)
               : (void *)stbi_load_from_memory(source->bytes, size, &width, &height, &channels, 4);
  if (texels == NULL) {
    return stb_result(source, kind);
  }
  if ((uint32_t)width != extent.width || (uint32_t)height != extent.height) {
    scoped_free(texels);
    return extent_fail(source, kind, extent, width, height);
  }
  const VkFormat narrow = source->is_linear ? VK_FORMAT_R8G8B8A8_UNORM : VK_FORMAT_R8G8B8A8_SRGB;
  out->format = is_float ? VK_FORMAT_R32G32B32A32_SFLOAT : narrow;
  out->width = extent.width;
  out->height = extent.height;
  out->texels = texels;
  out->size = (size_t)extent.width * extent.height * texel_size;
  return RG_OK;
}

rg_result image_jpeg_decode(const image_source *source, image *out) {
  VkExtent2D extent;
  const rg_result result = image_jpeg_check(source, &extent);
  return result == RG_OK ? stb_decode(source, "JPEG", extent, false, out) : result;
}

rg_result image_hdr_decode(const image_source *source, image *out) {
  VkExtent2D extent;
  const rg_result result = image_hdr_check(source, &extent);
  return result == RG_OK ? stb_decode(source, "HDR", extent, true, out) : result;
}

rg_result image_tga_decode(const image_source *source, image *out) {
  VkExtent2D extent;
  const rg_result result = image_tga_check(source, &extent);
  return result == RG_OK ? stb_decode(source, "TGA", extent, false, out) : result;
}

rg_result image_bmp_decode(const image_source *source, image *out) {
  VkExtent2D extent;
  const rg_result result = image_bmp_check(source, &extent);
  return result == RG_OK ? stb_decode(source, "BMP", extent, false, out) : result;
}
