/* PNG to RGBA through libspng, which takes limits and an allocator. */
#include <spng.h>
#include <string.h>

#include "base/result.h"
#include "image_internal.h"

/* Ancillary chunks hold nothing that becomes texels, but are read. */
#define PNG_MAX_CHUNK ((size_t)8 << 20)
#define PNG_MAX_CHUNKS ((size_t)32 << 20)

/* No deflate stream grows by more than this. */
#define PNG_MAX_EXPANSION 1032u

static rg_result png_result(const image_source *source, int error) {
  if (error == SPNG_EMEM) {
    return result_no_memory("a PNG image", 0);
  }
  return image_fail(source, RG_ERROR_FORMAT, "broken PNG: %s", spng_strerror(error));
}

/* The header, read ahead of libspng, so that messages tell the sizes that it refuses. */
static rg_result header_check(const image_source *source, uint32_t *width, uint32_t *height) {
  if (source->size < 33 || memcmp(source->bytes + 8, "\0\0\0\rIHDR", 8) != 0) {
    return image_fail(source, RG_ERROR_FORMAT, "broken PNG: it does not begin with a header");
  }
  *width = image_u32be(source->bytes + 16);
  *height = image_u32be(source->bytes + 20);
  return image_check_extent(source, *width, *height);
}

static rg_result length_check(const image_source *source, const struct spng_ihdr *header) {
  static const uint8_t channels[7] = {1, 0, 3, 1, 2, 0, 4};
  const uint64_t row_bits =
      (uint64_t)header->width * header->bit_depth * channels[header->color_type];
  const uint64_t size = (row_bits + 7) / 8 * header->height;
  if (size / PNG_MAX_EXPANSION > source->size) {
    return image_fail(source, RG_ERROR_FORMAT, "broken PNG: %zu bytes cannot hold %u × %u texels",
                      source->size, header->width, header->height);
  }
  return RG_OK;
}

static rg_result texels_read(const image_source *source, spng_ctx *context, bool is_wide,
                             image *out) {
  const size_t size = (size_t)out->width * out->height * (is_wide ? 8 : 4);
  unsigned char *texels = scoped_malloc(size);
  if (texels == NULL) {
    return result_no_memory("a PNG image", size);
  }
  int error = spng_decode_image(context, texels, size, is_wide ? SPNG_FMT_RGBA16 : SPNG_FMT_RGBA8,
                                SPNG_DECODE_TRNS);
  if (error == 0) {
    error = spng_decode_chunks(context); /* the last checksum, too, is read with what follows */
  }
  if (error != 0) {
    scoped_free(texels);
    return png_result(source, error);
  }
  out->texels = texels;
  out->size = size;
  return RG_OK;
}

static rg_result png_read(const image_source *source, spng_ctx *context, image *out) {
  struct spng_ihdr header;
  const int error = spng_get_ihdr(context, &header);
  if (error != 0) {
    return png_result(source, error);
  }
  const rg_result result = length_check(source, &header);
  if (result != RG_OK) {
    return result;
  }
  const bool is_wide = header.bit_depth == 16;
  const VkFormat narrow = source->is_linear ? VK_FORMAT_R8G8B8A8_UNORM : VK_FORMAT_R8G8B8A8_SRGB;
  out->format = is_wide ? VK_FORMAT_R16G16B16A16_UNORM : narrow;
  return texels_read(source, context, is_wide, out);
}

rg_result image_png_decode(const image_source *source, image *out) {
  rg_result result = header_check(source, &out->width, &out->height);
  if (result != RG_OK) {
    return result;
  }
  struct spng_alloc allocator = {.malloc_fn = scoped_malloc,
                                 .realloc_fn = scoped_realloc,
                                 .calloc_fn = scoped_calloc,
                                 .free_fn = scoped_free};
  spng_ctx *context = spng_ctx_new2(&allocator, 0);
  if (context == NULL) {
    return result_no_memory("the PNG reader", 0);
  }
  int error = spng_set_image_limits(context, source->max_side, source->max_side);
  if (error == 0) {
    error = spng_set_chunk_limits(context, PNG_MAX_CHUNK, PNG_MAX_CHUNKS);
  }
  if (error == 0) {
    error = spng_set_crc_action(context, SPNG_CRC_ERROR, SPNG_CRC_ERROR);
  }
  if (error == 0) {
    error = spng_set_png_buffer(context, source->bytes, source->size);
  }
  result = error == 0 ? png_read(source, context, out) : png_result(source, error);
  spng_ctx_free(context);
  return result;
}
