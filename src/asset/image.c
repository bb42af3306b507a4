/* Chooses an image's reader by its first bytes and holds all of them to the same limits. */
#include "image.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/result.h"
#include "image_internal.h"

rg_result image_fail(const image_source *source, rg_result result, const char *format, ...) {
  char detail[512];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(detail, sizeof detail, format, arguments);
  va_end(arguments);
  return result_set(result, "image '%s': %s", source->name, detail);
}

rg_result image_check_extent(const image_source *source, uint64_t width, uint64_t height) {
  if (width == 0 || height == 0) {
    return image_fail(source, RG_ERROR_FORMAT, "%llu × %llu texels: a side is 0",
                      (unsigned long long)width, (unsigned long long)height);
  }
  const uint64_t side = width > height ? width : height;
  if (side > source->max_side) {
    return image_fail(source, RG_ERROR_LIMIT, "%s %llu exceeds the limit of %u texels",
                      side == width ? "width" : "height", (unsigned long long)side,
                      source->max_side);
  }
  if (width * height > IMAGE_MAX_PIXELS) {
    return image_fail(source, RG_ERROR_LIMIT, "%llu × %llu texels exceed the limit of %u texels",
                      (unsigned long long)width, (unsigned long long)height, IMAGE_MAX_PIXELS);
  }
  return RG_OK;
}

typedef rg_result image_reader(const image_source *source, image *out);

typedef struct image_magic {
  const char *bytes;
  size_t size;
  image_reader *reader;
} image_magic;

static const image_magic magics[] = {
    {"\x89PNG\r\n\x1a\n", 8, image_png_decode},
    {"\xff\xd8\xff", 3, image_jpeg_decode},
    {"#?RADIANCE\n", 11, image_hdr_decode},
    {"#?RGBE\n", 7, image_hdr_decode},
    {"BM", 2, image_bmp_decode},
};

static image_reader *reader_find(const image_source *source) {
  for (size_t i = 0; i < sizeof magics / sizeof magics[0]; i++) {
    if (source->size >= magics[i].size &&
        memcmp(source->bytes, magics[i].bytes, magics[i].size) == 0) {
      return magics[i].reader;
    }
  }
  return image_is_tga(source->bytes, source->size) ? image_tga_decode : NULL;
}

rg_result image_decode(host_memory *memory, const char *name, const void *bytes, size_t size,
                       bool is_linear, uint32_t max_side, image *out) {
  *out = (image){0};
  const bool is_limited = max_side > 0 && max_side < IMAGE_MAX_SIDE;
  const image_source source = {.name = name,
                               .bytes = bytes,
                               .size = size,
                               .is_linear = is_linear,
                               .max_side = is_limited ? max_side : IMAGE_MAX_SIDE};
  image_reader *reader = reader_find(&source);
  if (reader == NULL) {
    return image_fail(&source, RG_ERROR_FORMAT, "%zu bytes are no PNG, JPEG, HDR, TGA or BMP file",
                      size);
  }
  const host_memory_scope scope = host_memory_scope_begin(memory);
  image decoded = {.memory = memory};
  rg_result result = reader(&source, &decoded);
  if (!host_memory_scope_end(scope)) {
    image_finish(&decoded);
    result =
        result_set(RG_ERROR_OUT_OF_HOST_MEMORY, "image '%s': no host memory to decode it", name);
  }
  if (result == RG_OK) {
    *out = decoded;
  }
  return result;
}

void image_finish(image *self) {
  if (self->texels != NULL) {
    const host_memory_scope scope = host_memory_scope_begin(self->memory);
    scoped_free(self->texels);
    (void)host_memory_scope_end(scope);
  }
  *self = (image){0};
}
