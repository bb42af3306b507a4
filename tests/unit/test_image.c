/* Image files: what is read of the PNG suite, JPEG, HDR, TGA and BMP, and what is refused. The
 * texels' hashes come from other decoders. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "asset/image.h"
#include "test_data.h"
#include "test_images.h"
#include "test_memory.h"

/* ---- Helpers ---- */

static host_memory memory;

static int memory_begin(void **state) {
  (void)state;
  host_memory_init(&memory, NULL);
  return 0;
}

static int memory_end(void **state) {
  (void)state;
  return atomic_load(&memory.live_bytes) == 0 ? 0 : -1;
}

static image decoded(const void *bytes, size_t size) {
  image result;
  const rg_result code = image_decode(&memory, "x", bytes, size, false, 0, &result);
  if (code != RG_OK) {
    fail_msg("%s", rg_error());
  }
  return result;
}

static void assert_refused(const void *bytes, size_t size, rg_result expected, const char *words) {
  image result;
  assert_int_equal(image_decode(&memory, "it", bytes, size, false, 0, &result), expected);
  assert_null(result.texels);
  assert_non_null(strstr(rg_error(), "image 'it': "));
  if (strstr(rg_error(), words) == NULL) {
    fail_msg("'%s' lacks '%s'", rg_error(), words);
  }
}

static void assert_texel(const image *from, uint32_t x, uint32_t y, const uint8_t expected[4],
                         int tolerance) {
  const unsigned char *texel = from->texels + 4 * ((size_t)y * from->width + x);
  for (int i = 0; i < 4; i++) {
    assert_in_range(texel[i] + 256, expected[i] + 256 - tolerance, expected[i] + 256 + tolerance);
  }
}

/* Reads a file of the test data; skips the test where there is none. */
static file_data data_read(const char *name) {
  file_roots roots;
  file_data data;
  if (!test_data_open(&roots, &memory)) {
    skip();
  }
  const rg_result code = file_read(&roots, name, TEST_DATA_MAX_SIZE, &data);
  file_roots_finish(&roots);
  if (code != RG_OK) {
    fail_msg("%s", rg_error());
  }
  return data;
}

/* ---- PNG ---- */

#define NARROW VK_FORMAT_R8G8B8A8_SRGB
#define WIDE VK_FORMAT_R16G16B16A16_UNORM

static const struct {
  const char *file;
  VkFormat format;
  uint32_t hash; /* of all texels, little-endian */
} suite[] = {
    {"basn0g01.png", NARROW, 0x5fb33cfd},   {"basn0g02.png", NARROW, 0x5bbe95c5},
    {"basn0g04.png", NARROW, 0x3468b9c5},   {"basn0g08.png", NARROW, 0x262ef46d},
    {"basn0g16.png", WIDE, 0x07ef02d1},     {"basn2c08.png", NARROW, 0x1fc92bc5},
    {"basn2c16.png", WIDE, 0xbeb65fcd},     {"basn3p01.png", NARROW, 0x28a3e1c5},
    {"basn3p02.png", NARROW, 0x803be5c5},   {"basn3p04.png", NARROW, 0xf3fc60e5},
    {"basn3p08.png", NARROW, 0x30ef4f45},   {"basn4a08.png", NARROW, 0x23c8536d},
    {"basn4a16.png", WIDE, 0x24624115},     {"basn6a08.png", NARROW, 0xb472197d},
    {"basn6a16.png", WIDE, 0x75c52efd},     {"ftbbn0g01.png", NARROW, 0xaf3df381},
    {"ftbbn0g02.png", NARROW, 0x68128e46},  {"ftbbn0g04.png", NARROW, 0x8a0117a4},
    {"ftbbn2c16.png", WIDE, 0x1d4f4c73},    {"ftbbn3p08.png", NARROW, 0x82bf9a57},
    {"ftbgn2c16.png", WIDE, 0x1d4f4c73},    {"ftbgn3p08.png", NARROW, 0x82bf9a57},
    {"ftbrn2c08.png", NARROW, 0xaa9bfe44},  {"ftbwn0g16.png", WIDE, 0x0218ebf4},
    {"ftbwn3p08.png", NARROW, 0x82bf9a57},  {"ftbyn3p08.png", NARROW, 0x82bf9a57},
    {"ftp0n0g08.png", NARROW, 0xd405ad2e},  {"ftp0n2c08.png", NARROW, 0x5a66ca09},
    {"ftp0n3p08.png", NARROW, 0x06e81adf},  {"ftp1n3p08.png", NARROW, 0x82bf9a57},
    {"ibasn0g01.png", NARROW, 0x5fb33cfd},  {"ibasn0g02.png", NARROW, 0x5bbe95c5},
    {"ibasn0g04.png", NARROW, 0x3468b9c5},  {"ibasn0g08.png", NARROW, 0x262ef46d},
    {"ibasn0g16.png", WIDE, 0x07ef02d1},    {"ibasn2c08.png", NARROW, 0x1fc92bc5},
    {"ibasn2c16.png", WIDE, 0xbeb65fcd},    {"ibasn3p01.png", NARROW, 0x28a3e1c5},
    {"ibasn3p02.png", NARROW, 0x803be5c5},  {"ibasn3p04.png", NARROW, 0xf3fc60e5},
    {"ibasn3p08.png", NARROW, 0x30ef4f45},  {"ibasn4a08.png", NARROW, 0x23c8536d},
    {"ibasn4a16.png", WIDE, 0x24624115},    {"ibasn6a08.png", NARROW, 0xb472197d},
    {"ibasn6a16.png", WIDE, 0x75c52efd},    {"iftbbn0g01.png", NARROW, 0xaf3df381},
    {"iftbbn0g02.png", NARROW, 0x68128e46}, {"iftbbn0g04.png", NARROW, 0x8a0117a4},
    {"iftbbn2c16.png", WIDE, 0x1d4f4c73},   {"iftbbn3p08.png", NARROW, 0x82bf9a57},
    {"iftbgn2c16.png", WIDE, 0x1d4f4c73},   {"iftbgn3p08.png", NARROW, 0x82bf9a57},
    {"iftbrn2c08.png", NARROW, 0xaa9bfe44}, {"iftbwn0g16.png", WIDE, 0x0218ebf4},
    {"iftbwn3p08.png", NARROW, 0x82bf9a57}, {"iftbyn3p08.png", NARROW, 0x82bf9a57},
    {"iftp0n0g08.png", NARROW, 0xd405ad2e}, {"iftp0n2c08.png", NARROW, 0x5a66ca09},
    {"iftp0n3p08.png", NARROW, 0x06e81adf}, {"iftp1n3p08.png", NARROW, 0x82bf9a57},
};

static void every_png_of_the_suite_gives_its_known_texels(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof suite / sizeof suite[0]; i++) {
    char name[64];
    snprintf(name, sizeof name, "png/%s", suite[i].file);
    file_data data = data_read(name);
    image result = decoded(data.bytes, data.size);
    assert_int_equal(result.width, 32);
    assert_int_equal(result.height, 32);
    assert_int_equal(result.format, suite[i].format);
    assert_int_equal(result.size, 32 * 32 * (suite[i].format == WIDE ? 8 : 4));
    if (test_hash(result.texels, result.size) != suite[i].hash) {
      fail_msg("%s has other texels", name);
    }
    image_finish(&result);
    file_data_finish(&data);
  }
}

static void palette_and_grey_become_rgba(void **state) {
  (void)state;
  file_data data = data_read("png/basn3p02.png");
  image result = decoded(data.bytes, data.size);
  assert_texel(&result, 0, 0, (uint8_t[4]){0, 0, 255, 255}, 0);
  assert_texel(&result, 5, 9, (uint8_t[4]){0, 255, 0, 255}, 0);
  image_finish(&result);
  file_data_finish(&data);
  data = data_read("png/basn4a08.png");
  result = decoded(data.bytes, data.size);
  assert_texel(&result, 9, 9, (uint8_t[4]){180, 180, 180, 74}, 0);
  image_finish(&result);
  file_data_finish(&data);
}

static void sixteen_bits_are_kept_in_host_order(void **state) {
  (void)state;
  file_data data = data_read("png/basn6a16.png");
  image result = decoded(data.bytes, data.size);
  const uint16_t *texel = (const uint16_t *)(const void *)result.texels + 4 * (17 * 32 + 3);
  assert_int_equal(texel[0], 65535);
  assert_int_equal(texel[1], 28835);
  assert_int_equal(texel[2], 0);
  assert_int_equal(texel[3], 12685);
  image_finish(&result);
  file_data_finish(&data);
}

static const char *const bad_pngs[] = {
    "bad_iCCP",
    "badadler",
    "badcrc",
    "empty_ancillary_chunks",
    "huge_IDAT",
    "huge_bKGD_chunk",
    "huge_cHRM_chunk",
    "huge_eXIf_chunk",
    "huge_gAMA_chunk",
    "huge_hIST_chunk",
    "huge_iCCP_chunk",
    "huge_iTXt_chunk",
    "huge_juNK_unsafe_to_copy",
    "huge_juNk_safe_to_copy",
    "huge_pCAL_chunk",
    "huge_pHYs_chunk",
    "huge_sCAL_chunk",
    "huge_sPLT_chunk",
    "huge_sRGB_chunk",
    "huge_sTER_chunk",
    "huge_tEXt_chunk",
    "huge_tIME_chunk",
    "huge_zTXt_chunk",
};

static void every_bad_png_is_refused_by_name(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof bad_pngs / sizeof bad_pngs[0]; i++) {
    char name[64];
    snprintf(name, sizeof name, "bad/png/%s.png", bad_pngs[i]);
    file_data data = data_read(name);
    image result;
    assert_int_equal(image_decode(&memory, name, data.bytes, data.size, false, 0, &result),
                     RG_ERROR_FORMAT);
    assert_non_null(strstr(rg_error(), name));
    assert_non_null(strstr(rg_error(), "broken PNG: "));
    file_data_finish(&data);
  }
}

/* A PNG that ends after its header. */
static size_t png_header(unsigned char *out, uint32_t width, uint32_t height) {
  static const unsigned char start[33] = "\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\0\0\0\0\0\x08\x06";
  memcpy(out, start, sizeof start);
  for (int i = 0; i < 4; i++) {
    out[16 + i] = (unsigned char)(width >> (24 - 8 * i));
    out[20 + i] = (unsigned char)(height >> (24 - 8 * i));
  }
  return sizeof start;
}

static void sizes_over_the_limits_are_refused_before_decoding(void **state) {
  (void)state;
  unsigned char bytes[33];
  const size_t size = png_header(bytes, 70000, 1);
  assert_refused(bytes, size, RG_ERROR_LIMIT, "width 70000 exceeds the limit of 65536 texels");
  png_header(bytes, 1, 0x7FFFFFFF);
  assert_refused(bytes, size, RG_ERROR_LIMIT, "height 2147483647 exceeds");
  png_header(bytes, 16385, 16384);
  assert_refused(bytes, size, RG_ERROR_LIMIT, "16385 × 16384 texels exceed the limit of 268435456");
  png_header(bytes, 0, 5);
  assert_refused(bytes, size, RG_ERROR_FORMAT, "0 × 5 texels: a side is 0");
  image result;
  png_header(bytes, 300, 200);
  assert_int_equal(image_decode(&memory, "x", bytes, size, false, 256, &result), RG_ERROR_LIMIT);
  assert_string_equal(rg_error(), "image 'x': width 300 exceeds the limit of 256 texels");
}

static void empty_and_foreign_bytes_are_refused(void **state) {
  (void)state;
  assert_refused("", 0, RG_ERROR_FORMAT, "0 bytes are no PNG, JPEG, HDR, TGA or BMP file");
  assert_refused("hello, world, this is a text", 28, RG_ERROR_FORMAT, "28 bytes are no PNG");
  assert_refused("\x89PNG\r\n\x1a\n", 8, RG_ERROR_FORMAT, "does not begin with a header");
}

/* ---- JPEG ---- */

static void assert_four_squares(const image *result) {
  assert_int_equal(result->width, 16);
  assert_int_equal(result->height, 16);
  assert_texel(result, 0, 0, (uint8_t[4]){225, 197, 88, 255}, 3);
  assert_texel(result, 15, 0, (uint8_t[4]){30, 199, 96, 255}, 3);
  assert_texel(result, 0, 15, (uint8_t[4]){219, 42, 84, 255}, 3);
  assert_texel(result, 15, 15, (uint8_t[4]){23, 43, 93, 255}, 3);
}

static void baseline_and_progressive_jpegs_give_their_colours(void **state) {
  (void)state;
  image result = decoded(baseline_jpeg, sizeof baseline_jpeg);
  assert_four_squares(&result);
  image_finish(&result);
  result = decoded(progressive_jpeg, sizeof progressive_jpeg);
  assert_four_squares(&result);
  image_finish(&result);
}

static void jpeg_of_a_model_gives_its_colours(void **state) {
  (void)state;
  file_data data = data_read("gltf/ClearCoatTest/PlasticWrap_normals.jpg");
  image result = decoded(data.bytes, data.size);
  assert_int_equal(result.width, 1024);
  assert_int_equal(result.height, 1024);
  assert_texel(&result, 0, 0, (uint8_t[4]){40, 128, 217, 255}, 3);
  assert_texel(&result, 512, 512, (uint8_t[4]){59, 132, 234, 255}, 3);
  assert_texel(&result, 100, 900, (uint8_t[4]){96, 123, 252, 255}, 3);
  image_finish(&result);
  file_data_finish(&data);
}

static void colours_are_srgb_unless_they_are_data(void **state) {
  (void)state;
  image result;
  for (int is_linear = 0; is_linear < 2; is_linear++) {
    assert_int_equal(
        image_decode(&memory, "x", baseline_jpeg, sizeof baseline_jpeg, is_linear == 1, 0, &result),
        RG_OK);
    assert_int_equal(result.format,
                     is_linear == 1 ? VK_FORMAT_R8G8B8A8_UNORM : VK_FORMAT_R8G8B8A8_SRGB);
    image_finish(&result);
  }
}

static size_t find_marker(const unsigned char *bytes, size_t size, unsigned char marker) {
  size_t at = 0;
  while (at + 1 < size && (bytes[at] != 0xFF || bytes[at + 1] != marker)) {
    at++;
  }
  return at;
}

static void jpeg_that_claims_more_than_it_can_hold_is_refused(void **state) {
  (void)state;
  unsigned char bytes[sizeof baseline_jpeg];
  memcpy(bytes, baseline_jpeg, sizeof bytes);
  unsigned char *side = bytes + find_marker(bytes, sizeof bytes, 0xC0) + 5;
  memcpy(side, "\x20\0\x20\0", 4);
  assert_refused(bytes, sizeof bytes, RG_ERROR_FORMAT, "cannot hold 8192 × 8192 texels");
  memcpy(side, "\xFF\xFF\xFF\xFF", 4);
  assert_refused(bytes, sizeof bytes, RG_ERROR_LIMIT, "65535 × 65535 texels exceed");
  memcpy(side, "\0\0\0\x10", 4);
  assert_refused(bytes, sizeof bytes, RG_ERROR_FORMAT, "a side is 0");
}

static void jpeg_with_too_many_huffman_codes_is_refused(void **state) {
  (void)state;
  unsigned char bytes[4 + 19 + 288] = {0xFF, 0xD8, 0xFF, 0xC4, 1, 0x33, 0};
  memset(bytes + 7, 18, 16);
  assert_refused(bytes, sizeof bytes, RG_ERROR_FORMAT, "Huffman table at byte 4");
}

static void jpeg_of_endless_scans_is_refused(void **state) {
  (void)state;
  unsigned char bytes[4096];
  const size_t scan = find_marker(baseline_jpeg, sizeof baseline_jpeg, 0xDA);
  memcpy(bytes, baseline_jpeg, scan);
  size_t size = scan;
  for (int i = 0; i < 101; i++) {
    memcpy(bytes + size, baseline_jpeg + scan, 14);
    size += 14;
  }
  assert_refused(bytes, size, RG_ERROR_FORMAT, "scan 101 at byte");
}

static void arithmetic_jpeg_is_unsupported(void **state) {
  (void)state;
  unsigned char bytes[sizeof baseline_jpeg];
  memcpy(bytes, baseline_jpeg, sizeof bytes);
  bytes[find_marker(bytes, sizeof bytes, 0xC0) + 1] = 0xC9;
  assert_refused(bytes, sizeof bytes, RG_ERROR_UNSUPPORTED, "JPEG of kind C9");
}

/* ---- HDR ---- */

static void hdr_file_gives_its_known_floats(void **state) {
  (void)state;
  file_data data = data_read("textures/dresden_square_1k.hdr");
  image result = decoded(data.bytes, data.size);
  assert_int_equal(result.width, 1024);
  assert_int_equal(result.height, 512);
  assert_int_equal(result.format, VK_FORMAT_R32G32B32A32_SFLOAT);
  assert_int_equal(result.size, 1024 * 512 * 16);
  assert_memory_equal(result.texels, ((float[4]){1.53125f, 1.75f, 2.6875f, 1.0f}), 16);
  assert_int_equal(test_hash(result.texels, result.size), 0x5939ba1c);
  image_finish(&result);
  file_data_finish(&data);
}

static void run_length_coded_hdr_gives_floats(void **state) {
  (void)state;
  image result = decoded(small_hdr, sizeof small_hdr - 1);
  const float *texels = (const float *)(const void *)result.texels;
  assert_memory_equal(texels, ((float[4]){1.0f, 0.5f, 0.25f, 1.0f}), 16);
  assert_memory_equal(texels + 4 * 15, ((float[4]){0.125f, 0.5f, 0.25f, 1.0f}), 16);
  image_finish(&result);
}

static void hdr_with_empty_runs_is_refused_in_time(void **state) {
  (void)state;
  static const char empty_run[] = HDR_HEADER "-Y 2 +X 8\n\x02\x02\0\x08\0\0\0\0\0\0\0\0\0\0\0\0";
  assert_refused(empty_run, sizeof empty_run - 1, RG_ERROR_FORMAT, "row 0 of 2");
  char inner[sizeof small_hdr + 1] = "";
  const size_t start = sizeof HDR_HEADER - 1 + 10 + 4;
  memcpy(inner, small_hdr, start);
  memcpy(inner + start + 1, small_hdr + start, sizeof small_hdr - 1 - start);
  assert_refused(inner, sizeof small_hdr, RG_ERROR_FORMAT, "row 0 of 2");
  static const char flat[] = HDR_HEADER "-Y 2 +X 2\n1234";
  assert_refused(flat, sizeof flat - 1, RG_ERROR_FORMAT, "cut short");
  static const char negative[] = HDR_HEADER "-Y -2 +X 8\n1234";
  assert_refused(negative, sizeof negative - 1, RG_ERROR_FORMAT, "no header");
  static const char wide[] = HDR_HEADER "-Y 2 +X 99999999\n1234";
  assert_refused(wide, sizeof wide - 1, RG_ERROR_LIMIT, "width 99999999 exceeds");
}

/* ---- TGA ---- */

static void tga_rows_come_from_the_top(void **state) {
  (void)state;
  unsigned char bytes[18 + 12];
  for (int descriptor = 0; descriptor <= 0x20; descriptor += 0x20) {
    const size_t at = tga_begin(bytes, 2, 24, descriptor);
    memcpy(bytes + at, "\1\2\3\4\5\6\7\x08\x09\x0A\x0B\x0C", 12);
    image result = decoded(bytes, sizeof bytes);
    assert_texel(&result, 0, descriptor == 0 ? 1 : 0, (uint8_t[4]){3, 2, 1, 255}, 0);
    assert_texel(&result, 1, descriptor == 0 ? 0 : 1, (uint8_t[4]){12, 11, 10, 255}, 0);
    image_finish(&result);
  }
}

static void tga_runs_and_colour_maps_are_expanded(void **state) {
  (void)state;
  unsigned char bytes[64];
  size_t at = tga_begin(bytes, 10, 32, 0x20);
  memcpy(bytes + at, "\x82\1\2\3\4\0\5\6\7\x08", 10);
  image result = decoded(bytes, at + 10);
  assert_texel(&result, 0, 1, (uint8_t[4]){3, 2, 1, 4}, 0);
  assert_texel(&result, 1, 1, (uint8_t[4]){7, 6, 5, 8}, 0);
  image_finish(&result);
  at = tga_begin(bytes, 1, 8, 0x20);
  bytes[5] = 2; /* entries */
  bytes[7] = 24;
  memcpy(bytes + at, "\1\2\3\4\5\6\1\0\0\1", 10);
  result = decoded(bytes, at + 10);
  assert_texel(&result, 0, 0, (uint8_t[4]){6, 5, 4, 255}, 0);
  assert_texel(&result, 1, 0, (uint8_t[4]){3, 2, 1, 255}, 0);
  image_finish(&result);
}

static void broken_and_mirrored_tgas_are_refused(void **state) {
  (void)state;
  unsigned char bytes[64] = {0};
  size_t at = tga_begin(bytes, 2, 24, 0);
  assert_refused(bytes, at + 11, RG_ERROR_FORMAT, "cut short, 29 bytes of at least 30");
  at = tga_begin(bytes, 10, 24, 0);
  memcpy(bytes + at, "\x81\1\2\3\x81\1\2", 7);
  assert_refused(bytes, at + 7, RG_ERROR_FORMAT, "broken TGA: cut short");
  at = tga_begin(bytes, 2, 24, 0x10);
  assert_refused(bytes, at + 12, RG_ERROR_UNSUPPORTED, "from right to left");
}

/* ---- BMP ---- */

static void bmp_rows_come_from_the_top(void **state) {
  (void)state;
  unsigned char bytes[54 + 16];
  const size_t at = bmp_begin(bytes, 24, 0);
  memcpy(bytes + at, "\1\2\3\4\5\6\0\0\7\x08\x09\x0A\x0B\x0C\0\0", 16);
  image result = decoded(bytes, sizeof bytes);
  assert_texel(&result, 0, 1, (uint8_t[4]){3, 2, 1, 255}, 0);
  assert_texel(&result, 1, 0, (uint8_t[4]){12, 11, 10, 255}, 0);
  image_finish(&result);
  memset(bytes + 22, 0xFF, 4);
  bytes[22] = 0xFE; /* height -2: from the top */
  result = decoded(bytes, sizeof bytes);
  assert_texel(&result, 0, 0, (uint8_t[4]){3, 2, 1, 255}, 0);
  image_finish(&result);
}

static void bmp_with_colours_beyond_its_map_is_refused(void **state) {
  (void)state;
  unsigned char bytes[54 + 8 + 8];
  const size_t at = bmp_begin(bytes, 8, 2);
  memcpy(bytes + 54, "\1\2\3\0\4\5\6\0", 8);
  memcpy(bytes + at, "\1\0\0\0\0\1\0\0", 8);
  image result = decoded(bytes, sizeof bytes);
  assert_texel(&result, 0, 1, (uint8_t[4]){6, 5, 4, 255}, 0);
  image_finish(&result);
  bytes[at + 5] = 2;
  assert_refused(bytes, sizeof bytes, RG_ERROR_FORMAT, "colour 2 of 2, row 1, column 1");
  assert_refused(bytes, sizeof bytes - 1, RG_ERROR_FORMAT, "broken BMP: cut short");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, memory_begin, memory_end)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(every_png_of_the_suite_gives_its_known_texels),
      TEST(palette_and_grey_become_rgba),
      TEST(sixteen_bits_are_kept_in_host_order),
      TEST(every_bad_png_is_refused_by_name),
      TEST(sizes_over_the_limits_are_refused_before_decoding),
      TEST(empty_and_foreign_bytes_are_refused),
      TEST(baseline_and_progressive_jpegs_give_their_colours),
      TEST(jpeg_of_a_model_gives_its_colours),
      TEST(colours_are_srgb_unless_they_are_data),
      TEST(jpeg_that_claims_more_than_it_can_hold_is_refused),
      TEST(jpeg_with_too_many_huffman_codes_is_refused),
      TEST(jpeg_of_endless_scans_is_refused),
      TEST(arithmetic_jpeg_is_unsupported),
      TEST(hdr_file_gives_its_known_floats),
      TEST(run_length_coded_hdr_gives_floats),
      TEST(hdr_with_empty_runs_is_refused_in_time),
      TEST(tga_rows_come_from_the_top),
      TEST(tga_runs_and_colour_maps_are_expanded),
      TEST(broken_and_mirrored_tgas_are_refused),
      TEST(bmp_rows_come_from_the_top),
      TEST(bmp_with_colours_beyond_its_map_is_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
