/* Image files to texels: PNG by libspng; JPEG, HDR, TGA and BMP by stb_image. Headers are checked
 * before decoding. */
#ifndef RG_ASSET_IMAGE_H
#define RG_ASSET_IMAGE_H

#include "base/host_memory.h"

#define IMAGE_MAX_PIXELS (1u << 28)
#define IMAGE_MAX_SIDE 65536u

typedef struct image {
  host_memory *memory;
  uint32_t width, height;
  VkFormat format;       /* r8g8b8a8_srgb or _unorm, r16g16b16a16_unorm, r32g32b32a32_sfloat */
  unsigned char *texels; /* rows packed, top row first; only image_finish can free it */
  size_t size;
} image;

/* name: for messages. is_linear: 8-bit colours are data, not sRGB; 16-bit PNG and HDR are always
 * linear. max_side: the device's limit; 0 means IMAGE_MAX_SIDE. RG_ERROR_FORMAT: not an image, or
 * broken: says what and where it can. RG_ERROR_UNSUPPORTED: a variant of JPEG, TGA or BMP that is
 * not read. RG_ERROR_LIMIT: width, height or pixels, read from the header, before anything is
 * decoded. Any thread. */
RG_NODISCARD rg_result image_decode(host_memory *memory, const char *name, const void *bytes,
                                    size_t size, bool is_linear, uint32_t max_side, image *out);
void image_finish(image *self); /* a zeroed one is allowed */

#endif
