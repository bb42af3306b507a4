/* Walks a JPEG file's markers before stb_image does: its size, its Huffman tables, how many scans
 * it makes the reader do, and that it ends. */
#include "base/result.h"
#include "image_internal.h"

/* A progressive file of any sense has some ten. Each costs a pass over the whole image. */
#define JPEG_MAX_SCANS 100u

/* Blocks of 8 × 8 take a bit each at the very least, and chroma may be coded 16 times coarser. */
#define JPEG_MAX_TEXELS_PER_BYTE 1024u

typedef struct jpeg_walk {
  const image_source *source;
  size_t at; /* of the next byte */
  uint32_t scans;
  bool has_frame;
  VkExtent2D extent;
} jpeg_walk;

static rg_result frame_check(jpeg_walk *walk, const unsigned char *segment, size_t length) {
  if (walk->has_frame || length < 6) {
    return image_fail(walk->source, RG_ERROR_FORMAT, "broken JPEG: frame header at byte %zu",
                      walk->at);
  }
  walk->has_frame = true;
  walk->extent.height = image_u16be(segment + 1);
  walk->extent.width = image_u16be(segment + 3);
  const rg_result result =
      image_check_extent(walk->source, walk->extent.width, walk->extent.height);
  if (result != RG_OK) {
    return result;
  }
  const uint64_t texels = (uint64_t)walk->extent.width * walk->extent.height;
  if (texels / JPEG_MAX_TEXELS_PER_BYTE > walk->source->size) {
    return image_fail(walk->source, RG_ERROR_FORMAT,
                      "broken JPEG: %zu bytes cannot hold %u × %u texels", walk->source->size,
                      walk->extent.width, walk->extent.height);
  }
  return RG_OK;
}

/* More than 256 codes in a table would be written past stb_image's arrays. */
static rg_result huffman_check(const jpeg_walk *walk, const unsigned char *segment, size_t length) {
  size_t at = 0;
  while (at < length) {
    uint32_t codes = 0;
    for (size_t i = 1; i <= 16 && at + i < length; i++) {
      codes += segment[at + i];
    }
    if (length - at < 17 || codes > 256 || length - at - 17 < codes) {
      return image_fail(walk->source, RG_ERROR_FORMAT, "broken JPEG: Huffman table at byte %zu",
                        walk->at);
    }
    at += 17 + codes;
  }
  return RG_OK;
}

static rg_result segment_check(jpeg_walk *walk, uint32_t marker, const unsigned char *segment,
                               size_t length) {
  switch (marker) {
    case 0xC0:
    case 0xC1:
    case 0xC2: return frame_check(walk, segment, length);
    case 0xC4: return huffman_check(walk, segment, length);
    case 0xDA:
      if (!walk->has_frame || ++walk->scans > JPEG_MAX_SCANS) {
        return image_fail(walk->source, RG_ERROR_FORMAT,
                          "broken JPEG: scan %u at byte %zu (of at most %u, after a frame header)",
                          walk->scans, walk->at, JPEG_MAX_SCANS);
      }
      return RG_OK;
    case 0xCC: break;
    default:
      if (marker < 0xC3 || marker > 0xCF) {
        return RG_OK;
      }
  }
  return image_fail(walk->source, RG_ERROR_UNSUPPORTED,
                    "JPEG of kind %02X: only baseline and progressive Huffman coding are read",
                    marker);
}

/* The code of the next marker at or after walk->at, which is left behind it; 0 at the end. Skips
 * entropy-coded data, in which FF 00 is a byte of data and D0 to D7 are restarts. */
static uint32_t marker_next(jpeg_walk *walk) {
  const image_source *source = walk->source;
  for (; walk->at + 1 < source->size; walk->at++) {
    const uint32_t code = source->bytes[walk->at + 1];
    const bool is_marker = source->bytes[walk->at] == 0xFF && code >= 0xC0 && code < 0xFF;
    if (is_marker && (code < 0xD0 || code > 0xD7)) {
      walk->at += 2;
      return code;
    }
  }
  return 0;
}

/* Reads the segment behind a marker. */
static rg_result segment_next(jpeg_walk *walk, uint32_t marker) {
  const image_source *source = walk->source;
  const size_t left = source->size - walk->at;
  const size_t length = left < 2 ? 0 : image_u16be(source->bytes + walk->at);
  if (length < 2 || length > left) {
    return image_fail(source, RG_ERROR_FORMAT,
                      "broken JPEG: segment of %zu bytes at byte %zu of %zu", length, walk->at,
                      source->size);
  }
  const rg_result result = segment_check(walk, marker, source->bytes + walk->at + 2, length - 2);
  walk->at += length;
  return result;
}

rg_result image_jpeg_check(const image_source *source, VkExtent2D *extent) {
  jpeg_walk walk = {.source = source, .at = 2};
  uint32_t marker = marker_next(&walk);
  while (marker != 0 && marker != 0xD9) {
    const rg_result result = segment_next(&walk, marker);
    if (result != RG_OK) {
      return result;
    }
    marker = marker_next(&walk);
  }
  if (marker == 0 || walk.scans == 0) {
    return image_fail(source, RG_ERROR_FORMAT, "broken JPEG: %s after %zu bytes",
                      marker == 0 ? "cut short" : "no scan", source->size);
  }
  *extent = walk.extent;
  return RG_OK;
}
