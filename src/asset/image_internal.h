/* What the files of the image reader share. Private to src/asset/image*.c. */
#ifndef RG_ASSET_IMAGE_INTERNAL_H
#define RG_ASSET_IMAGE_INTERNAL_H

#include "image.h"

/* The encoded file, and what the caller asked for. */
typedef struct image_source {
  const char *name;
  const unsigned char *bytes;
  size_t size;
  bool is_linear;
  uint32_t max_side;
} image_source;

/* Result with the message "image 'NAME': …". */
rg_result image_fail(const image_source *source, rg_result result, const char *format, ...)
    RG_PRINTF(3, 4);

/* RG_ERROR_FORMAT for a side of 0, RG_ERROR_LIMIT for sides and pixels over the limits. */
RG_NODISCARD rg_result image_check_extent(const image_source *source, uint64_t width,
                                          uint64_t height);

/* What each reader gives. Their memory is of the scope that image_decode opens. */
RG_NODISCARD rg_result image_png_decode(const image_source *source, image *out);
RG_NODISCARD rg_result image_jpeg_decode(const image_source *source, image *out);
RG_NODISCARD rg_result image_hdr_decode(const image_source *source, image *out);
RG_NODISCARD rg_result image_tga_decode(const image_source *source, image *out);
RG_NODISCARD rg_result image_bmp_decode(const image_source *source, image *out);

/* stb_image's readers trust headers and data further than one should: these check the extent
 * against the limits, and that the data is all there, before stb_image sees a byte. */
RG_NODISCARD rg_result image_jpeg_check(const image_source *source, VkExtent2D *extent);
RG_NODISCARD rg_result image_hdr_check(const image_source *source, VkExtent2D *extent);
RG_NODISCARD rg_result image_tga_check(const image_source *source, VkExtent2D *extent);
RG_NODISCARD rg_result image_bmp_check(const image_source *source, VkExtent2D *extent);

/* Whether the header is one of a TGA file, which has no magic number. */
bool image_is_tga(const unsigned char *bytes, size_t size);

/* Unsigned numbers at an address, in the file's byte order. */
static inline uint32_t image_u16be(const unsigned char *at) {
  return (uint32_t)at[0] << 8 | at[1];
}
static inline uint32_t image_u16le(const unsigned char *at) {
  return (uint32_t)at[1] << 8 | at[0];
}
static inline uint32_t image_u32be(const unsigned char *at) {
  return image_u16be(at) << 16 | image_u16be(at + 2);
}
static inline uint32_t image_u32le(const unsigned char *at) {
  return image_u16le(at + 2) << 16 | image_u16le(at);
}

#endif
