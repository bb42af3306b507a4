/* Checks HDR, TGA and BMP files before stb_image reads them: extent, variant, and that every row's
 * data lies inside the file. */
#include <string.h>

#include "base/result.h"
#include "image_internal.h"

static rg_result cut_short(const image_source *source, const char *kind, uint64_t needed) {
  return image_fail(source, RG_ERROR_FORMAT, "broken %s: cut short, %zu bytes of at least %llu",
                    kind, source->size, (unsigned long long)needed);
}

/* ---- HDR (Radiance) ---- */

/* The next line of a header, without its end; NULL where there is none. */
static const char *line_next(const image_source *source, size_t *at, size_t *length) {
  const char *line = (const char *)source->bytes + *at;
  const char *end = memchr(line, '\n', source->size - *at);
  if (end == NULL) {
    return NULL;
  }
  *length = (size_t)(end - line);
  *at += *length + 1;
  return line;
}

/* Digits after a prefix; moves the text on. False where there are none, or more than nine. */
static bool side_read(const char **text, const char *end, const char *prefix, uint32_t *side) {
  const size_t length = strlen(prefix);
  if ((size_t)(end - *text) < length || memcmp(*text, prefix, length) != 0) {
    return false;
  }
  *text += length;
  const char *first = *text;
  *side = 0;
  while (*text < end && **text >= '0' && **text <= '9' && *text - first < 9) {
    *side = *side * 10 + (uint32_t)(**text - '0');
    ++*text;
  }
  return *text > first;
}

static bool hdr_extent_read(const char *line, const char *end, VkExtent2D *extent) {
  return side_read(&line, end, "-Y ", &extent->height) &&
         side_read(&line, end, " +X ", &extent->width) && line == end;
}

static rg_result hdr_header(const image_source *source, size_t *at, VkExtent2D *extent) {
  static const char format[] = "FORMAT=32-bit_rle_rgbe";
  bool has_format = false;
  size_t length = 0;
  const char *line;
  while ((line = line_next(source, at, &length)) != NULL && length > 0 && length < 1000) {
    has_format |= length == sizeof format - 1 && memcmp(line, format, length) == 0;
  }
  line = line != NULL && length == 0 && has_format ? line_next(source, at, &length) : NULL;
  if (line == NULL || !hdr_extent_read(line, line + length, extent)) {
    return image_fail(source, RG_ERROR_FORMAT,
                      "broken HDR: no header of format 32-bit_rle_rgbe, rows from the top");
  }
  return image_check_extent(source, extent->width, extent->height);
}

/* One of the four runs of bytes of a row; stb_image never leaves an empty one at the file's end. */
static bool hdr_run_skip(const image_source *source, size_t *at, uint32_t width) {
  uint32_t left = width;
  while (left > 0) {
    if (*at >= source->size) {
      return false;
    }
    const uint32_t code = source->bytes[(*at)++];
    const uint32_t count = code > 128 ? code - 128 : code;
    const size_t bytes = code > 128 ? 1 : count;
    if (count == 0 || count > left || bytes > source->size - *at) {
      return false;
    }
    *at += bytes;
    left -= count;
  }
  return true;
}

static bool hdr_row_skip(const image_source *source, size_t *at, uint32_t width) {
  const unsigned char *row = source->bytes + *at;
  if (source->size - *at < 4 || row[0] != 2 || row[1] != 2 || image_u16be(row + 2) != width) {
    return false;
  }
  *at += 4;
  for (int channel = 0; channel < 4; channel++) {
    if (!hdr_run_skip(source, at, width)) {
      return false;
    }
  }
  return true;
}

rg_result image_hdr_check(const image_source *source, VkExtent2D *extent) {
  size_t at = 0;
  const rg_result result = hdr_header(source, &at, extent);
  if (result != RG_OK) {
    return result;
  }
  const unsigned char *row = source->bytes + at;
  const size_t left = source->size - at;
  const bool is_wide = extent->width >= 8 && extent->width < 32768;
  if (!is_wide || left < 3 || row[0] != 2 || row[1] != 2 || (row[2] & 0x80) != 0) {
    const uint64_t needed = (uint64_t)extent->width * extent->height * 4;
    return needed > left ? cut_short(source, "HDR", needed + at) : RG_OK;
  }
  for (uint32_t y = 0; y < extent->height; y++) {
    if (!hdr_row_skip(source, &at, extent->width)) {
      return image_fail(source, RG_ERROR_FORMAT, "broken HDR: row %u of %u, byte %zu of %zu", y,
                        extent->height, at, source->size);
    }
  }
  return RG_OK;
}

/* ---- TGA ---- */

#define TGA_HEADER_SIZE 18u

bool image_is_tga(const unsigned char *bytes, size_t size) {
  if (size < TGA_HEADER_SIZE) {
    return false;
  }
  const uint32_t kind = bytes[2] & ~8u, map_bits = bytes[7], bits = bytes[16];
  const bool has_map = bytes[1] == 1;
  const bool is_kind = bytes[2] < 16 && (has_map ? kind == 1 : kind == 2 || kind == 3);
  const uint32_t color_bits = has_map ? map_bits : bits;
  const bool is_depth = color_bits == 8 || color_bits == 15 || color_bits == 16 ||
                        color_bits == 24 || color_bits == 32;
  return bytes[1] <= 1 && is_kind && is_depth && (!has_map || bits == 8 || bits == 16);
}

/* Run-length packets until all texels are there. */
static rg_result tga_packets_check(const image_source *source, size_t at, uint64_t texels,
                                   size_t texel_size) {
  while (texels > 0) {
    const size_t left = at < source->size ? source->size - at : 0;
    const uint32_t code = left > 0 ? source->bytes[at] : 0;
    const uint32_t count = (code & 127) + 1;
    const size_t size = (code & 128) != 0 ? texel_size : count * texel_size;
    if (left < 1 + size) {
      return cut_short(source, "TGA", at + 1 + size);
    }
    at += 1 + size;
    texels -= count < texels ? count : texels;
  }
  return RG_OK;
}

rg_result image_tga_check(const image_source *source, VkExtent2D *extent) {
  const unsigned char *header = source->bytes;
  extent->width = image_u16le(header + 12);
  extent->height = image_u16le(header + 14);
  const rg_result result = image_check_extent(source, extent->width, extent->height);
  if (result != RG_OK) {
    return result;
  }
  const bool has_map = header[1] == 1;
  if ((header[17] & 0x10) != 0 || (has_map && image_u16le(header + 3) != 0)) {
    return image_fail(source, RG_ERROR_UNSUPPORTED,
                      "TGA with rows from right to left, or a colour map from index %u",
                      image_u16le(header + 3));
  }
  const size_t map_size = has_map ? image_u16le(header + 5) * ((header[7] + 7u) / 8) : 0;
  const size_t at = TGA_HEADER_SIZE + header[0] + map_size;
  const size_t texel_size = (header[16] + 7u) / 8;
  const uint64_t texels = (uint64_t)extent->width * extent->height;
  if ((header[2] & 8) != 0) {
    return tga_packets_check(source, at, texels, texel_size);
  }
  const uint64_t needed = at + texels * texel_size;
  return needed > source->size ? cut_short(source, "TGA", needed) : RG_OK;
}

/* ---- BMP ---- */

typedef struct bmp_header {
  uint32_t offset;   /* of the texels, in the file */
  uint32_t size;     /* of the header that names the extent */
  uint32_t map_size; /* entries of the colour map */
  uint32_t bits;     /* a texel */
  uint32_t row_size;
} bmp_header;

static rg_result bmp_header_read(const image_source *source, bmp_header *out, VkExtent2D *extent) {
  const unsigned char *bytes = source->bytes;
  if (source->size < 26 || (image_u32le(bytes + 14) != 12 && source->size < 54)) {
    return cut_short(source, "BMP", 54);
  }
  out->offset = image_u32le(bytes + 10);
  out->size = image_u32le(bytes + 14);
  const bool is_old = out->size == 12;
  const uint32_t height = is_old ? image_u16le(bytes + 20) : image_u32le(bytes + 22);
  extent->width = is_old ? image_u16le(bytes + 18) : image_u32le(bytes + 18);
  extent->height = !is_old && height > INT32_MAX ? 0u - height : height;
  out->bits = image_u16le(bytes + (is_old ? 24 : 28));
  return image_check_extent(source, extent->width, extent->height);
}

/* stb_image reads map entries that the file lacks as whatever its stack holds. */
static rg_result bmp_indices_check(const image_source *source, const bmp_header *header,
                                   VkExtent2D extent) {
  for (uint32_t y = 0; y < extent.height; y++) {
    const unsigned char *row = source->bytes + header->offset + (size_t)y * header->row_size;
    for (uint32_t x = 0; x < extent.width; x++) {
      const uint32_t bit = x * header->bits;
      const uint32_t shift = 8 - header->bits - bit % 8;
      const uint32_t index = (uint32_t)row[bit / 8] >> shift & ((1u << header->bits) - 1);
      if (index >= header->map_size) {
        return image_fail(source, RG_ERROR_FORMAT,
                          "broken BMP: colour %u of %u, row %u, column %u in file order", index,
                          header->map_size, y, x);
      }
    }
  }
  return RG_OK;
}

rg_result image_bmp_check(const image_source *source, VkExtent2D *extent) {
  bmp_header header = {0};
  const rg_result result = bmp_header_read(source, &header, extent);
  if (result != RG_OK) {
    return result;
  }
  const uint64_t row_size = ((uint64_t)extent->width * header.bits + 31) / 32 * 4;
  const uint64_t needed = header.offset + row_size * extent->height;
  if (header.bits > 32 || header.offset < 14 + (uint64_t)header.size || needed > source->size) {
    return cut_short(source, "BMP", needed);
  }
  header.row_size = (uint32_t)row_size;
  if (header.bits != 1 && header.bits != 4 && header.bits != 8) {
    return RG_OK;
  }
  header.map_size = (header.offset - 14 - header.size) / (header.size == 12 ? 3 : 4);
  return bmp_indices_check(source, &header, *extent);
}
