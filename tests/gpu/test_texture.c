/* Textures: every shape and format with its data back, mips, files, and everything refused. */
#include <stdlib.h>
#include <string.h>

#include "gpu_test.h"

static rg_texture make(gpu_test *test, rg_texture_desc desc) {
  rg_texture texture;
  assert_ok(rg_texture_create(test->engine, &desc, &texture));
  return texture;
}

static void destroy(gpu_test *test, rg_texture texture) {
  assert_ok(rg_texture_destroy(test->engine, texture));
}

static unsigned char *pattern(size_t size, uint32_t seed) {
  unsigned char *bytes = malloc(size);
  assert_non_null(bytes);
  for (size_t i = 0; i < size; i++) {
    bytes[i] = (unsigned char)((i * 13 + seed * 29) ^ (i >> 7));
  }
  return bytes;
}

static void assert_holds(gpu_test *test, rg_texture texture, const rg_texture_region *region,
                         const void *expected, size_t size) {
  void *read = calloc(1, size);
  assert_non_null(read);
  assert_ok(rg_texture_read(test->engine, texture, region, read, size));
  assert_memory_equal(read, expected, size);
  free(read);
}

/* ---- Formats -------------------------------------------------------------------------------- */

static const char *const color_formats[] = {
    "r8_unorm",       "r8g8_unorm",        "r8g8b8a8_unorm",      "r8g8b8a8_srgb",
    "b8g8r8a8_unorm", "r16_sfloat",        "r16g16_sfloat",       "r16g16b16a16_sfloat",
    "r32_sfloat",     "r32g32_sfloat",     "r32g32b32a32_sfloat", "r8_uint",
    "r32_uint",       "r32g32b32a32_sint", "r16g16b16a16_unorm",  "a2b10g10r10_unorm_pack32",
    "d32_sfloat",     "d16_unorm"};
static const char *const block_formats[] = {
    "bc1_rgb_unorm_block", "bc1_rgba_srgb_block", "bc2_unorm_block",
    "bc3_srgb_block",      "bc4_unorm_block",     "bc5_unorm_block",
    "bc6h_ufloat_block",   "bc7_unorm_block",     "bc7_srgb_block"};

static const rg_sampler_desc nearest = {.mag_filter = RG_FILTER_NEAREST,
                                        .min_filter = RG_FILTER_NEAREST,
                                        .mip_filter = RG_FILTER_NEAREST};

/* A texture of one format goes in and comes back, where the device has it. */
static bool format_round_trip(gpu_test *test, const char *name) {
  const VkFormat format = rg_format_find(name);
  assert_int_not_equal(format, VK_FORMAT_UNDEFINED);
  assert_string_equal(rg_format_name(format), name);
  const uint64_t size = rg_format_size(format, 20, 12, 1);
  unsigned char *data = pattern(size, (uint32_t)format);
  for (size_t i = 0; strncmp(name, "d32", 3) == 0 && i < size / 4; i++) {
    const float depth = (float)i / 1000; /* depths outside 0 to 1 may be changed */
    memcpy(data + 4 * i, &depth, sizeof depth);
  }
  const rg_texture_desc desc = {.width = 20,
                                .height = 12,
                                .format = format,
                                .sampler = nearest,
                                .data = data,
                                .data_size = size,
                                .label = name};
  rg_texture texture;
  const rg_result result = rg_texture_create(test->engine, &desc, &texture);
  if (result != RG_OK) {
    assert_int_equal(result, RG_ERROR_UNSUPPORTED);
    assert_non_null(strstr(rg_error(), name));
  } else {
    assert_holds(test, texture, NULL, data, size);
    destroy(test, texture);
  }
  free(data);
  return result == RG_OK;
}

static void uncompressed_formats_keep_their_data(void **state) {
  gpu_test *test = *state;
  uint32_t count = 0;
  for (uint32_t i = 0; i < sizeof color_formats / sizeof color_formats[0]; i++) {
    count += format_round_trip(test, color_formats[i]) ? 1 : 0;
  }
  assert_true(count >= 14); /* the specification demands most of these */
}

static void block_compressed_formats_keep_their_data(void **state) {
  gpu_test *test = *state;
  if (!test->device.texture_compression_bc) {
    print_message("no BC formats on %s\n", test->device.name);
    assert_false(format_round_trip(test, "bc1_rgb_unorm_block"));
    skip();
  }
  for (uint32_t i = 0; i < sizeof block_formats / sizeof block_formats[0]; i++) {
    assert_true(format_round_trip(test, block_formats[i]));
  }
}

static void formats_know_their_sizes(void **state) {
  (void)state;
  assert_int_equal(rg_format_size(VK_FORMAT_R8G8B8A8_UNORM, 3, 5, 2), 120);
  assert_int_equal(rg_format_size(VK_FORMAT_BC1_RGB_UNORM_BLOCK, 5, 4, 1), 16);
  assert_int_equal(rg_format_size(VK_FORMAT_BC7_UNORM_BLOCK, 1, 1, 1), 16);
  assert_int_equal(rg_format_size(VK_FORMAT_UNDEFINED, 1, 1, 1), 0);
  assert_int_equal(rg_format_find("no_such_format"), VK_FORMAT_UNDEFINED);
  assert_null(rg_format_name(VK_FORMAT_UNDEFINED));
}

/* ---- Shapes --------------------------------------------------------------------------------- */

static void arrays_cubes_and_volumes_keep_every_layer(void **state) {
  gpu_test *test = *state;
  static const struct {
    rg_texture_type type;
    uint32_t width, height, depth, layers, all;
  } shapes[] = {{RG_TEXTURE_2D, 7, 5, 1, 1, 1},
                {RG_TEXTURE_2D_ARRAY, 8, 4, 1, 5, 5},
                {RG_TEXTURE_CUBE, 8, 8, 1, 0, 6},
                {RG_TEXTURE_3D, 6, 5, 4, 1, 4}};
  for (uint32_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
    const size_t slice = (size_t)shapes[i].width * shapes[i].height * 4;
    unsigned char *data = pattern(slice * shapes[i].all, i);
    rg_texture texture = make(test, (rg_texture_desc){.type = shapes[i].type,
                                                      .width = shapes[i].width,
                                                      .height = shapes[i].height,
                                                      .depth = shapes[i].depth,
                                                      .layers = shapes[i].layers,
                                                      .data = data,
                                                      .data_size = slice * shapes[i].all});
    rg_texture_vk vk;
    assert_ok(rg_texture_get_vk(test->engine, texture, &vk));
    assert_true(vk.view != VK_NULL_HANDLE && vk.sampler != VK_NULL_HANDLE);
    assert_int_equal(vk.layers * vk.extent.depth, shapes[i].all);
    for (uint32_t j = 0; j < shapes[i].all; j++) {
      const bool is_volume = shapes[i].type == RG_TEXTURE_3D;
      const rg_texture_region region = {
          .layer = is_volume ? 0 : j, .z = is_volume ? j : 0, .depth = 1};
      assert_holds(test, texture, &region, data + j * slice, slice);
    }
    destroy(test, texture);
    free(data);
  }
}

static void every_given_level_is_kept(void **state) {
  gpu_test *test = *state;
  const size_t size = (16 * 16 + 8 * 8 + 4 * 4) * 4;
  unsigned char *data = pattern(size, 1);
  rg_texture texture = make(test, (rg_texture_desc){.width = 16,
                                                    .height = 16,
                                                    .mip_levels = 3,
                                                    .data = data,
                                                    .data_size = size,
                                                    .data_levels = 3});
  assert_holds(test, texture, &(rg_texture_region){.mip_level = 0}, data, 1024);
  assert_holds(test, texture, &(rg_texture_region){.mip_level = 1}, data + 1024, 256);
  assert_holds(test, texture, &(rg_texture_region){.mip_level = 2}, data + 1280, 64);
  destroy(test, texture);
  free(data);
}

static void mips_are_averages_of_the_level_before(void **state) {
  gpu_test *test = *state;
  uint32_t pixels[64];
  for (uint32_t i = 0; i < 64; i++) {
    pixels[i] = i % 8 < 4 ? 0xFF0000FF : 0xFF00FF00; /* left red, right green */
  }
  rg_texture texture = make(test, (rg_texture_desc){.width = 8,
                                                    .height = 8,
                                                    .generate_mips = true,
                                                    .data = pixels,
                                                    .data_size = sizeof pixels});
  rg_texture_vk vk;
  assert_ok(rg_texture_get_vk(test->engine, texture, &vk));
  assert_int_equal(vk.mip_levels, 4);
  const uint32_t halves[] = {0xFF0000FF, 0xFF00FF00, 0xFF0000FF, 0xFF00FF00};
  assert_holds(test, texture, &(rg_texture_region){.mip_level = 2}, halves, sizeof halves);
  uint32_t last = 0;
  assert_ok(rg_texture_read(test->engine, texture, &(rg_texture_region){.mip_level = 3}, &last, 4));
  const uint32_t red = last & 255;
  const uint32_t green = last >> 8 & 255;
  assert_true(red >= 127 && red <= 128 && green >= 127 && green <= 128);
  assert_int_equal(last >> 16, 0xFF00);
  destroy(test, texture);
}

static void regions_are_written_where_they_lie(void **state) {
  gpu_test *test = *state;
  uint32_t expected[64] = {0};
  uint32_t patch[6];
  rg_texture texture = make(
      test,
      (rg_texture_desc){.width = 8, .height = 8, .data = expected, .data_size = sizeof expected});
  for (uint32_t i = 0; i < 6; i++) {
    patch[i] = 0x11111111u * (i + 1);
    expected[(5 + i / 3) * 8 + 2 + i % 3] = patch[i];
  }
  const rg_texture_region region = {.x = 2, .y = 5, .width = 3, .height = 2};
  assert_ok(rg_texture_update(test->engine, texture, &region, patch, sizeof patch));
  assert_holds(test, texture, NULL, expected, sizeof expected);
  assert_holds(test, texture, &region, patch, sizeof patch);
  destroy(test, texture);
}

static void a_blank_texture_rests_in_its_layout(void **state) {
  gpu_test *test = *state;
  rg_texture sampled = make(test, (rg_texture_desc){.width = 4, .height = 4});
  rg_texture storage =
      make(test, (rg_texture_desc){.width = 4, .height = 4, .usage = VK_IMAGE_USAGE_STORAGE_BIT});
  rg_texture_vk vk;
  assert_ok(rg_texture_get_vk(test->engine, sampled, &vk));
  assert_int_equal(vk.layout, VK_IMAGE_LAYOUT_SHADER_READ_ONLY_OPTIMAL);
  assert_ok(rg_texture_get_vk(test->engine, storage, &vk));
  assert_int_equal(vk.layout, VK_IMAGE_LAYOUT_GENERAL);
  assert_ok(rg_flush(test->engine, NULL));
  destroy(test, sampled);
  destroy(test, storage);
}

static void equal_samplers_are_one(void **state) {
  gpu_test *test = *state;
  VkSampler samplers[3];
  const rg_sampler_desc none = {0};
  const rg_sampler_desc spelled = {.mag_filter = RG_FILTER_LINEAR, .wrap_u = RG_WRAP_REPEAT};
  assert_ok(rg_sampler_get_vk(test->engine, &none, &samplers[0]));
  assert_ok(rg_sampler_get_vk(test->engine, &spelled, &samplers[1]));
  assert_ok(rg_sampler_get_vk(test->engine, &nearest, &samplers[2]));
  assert_true(samplers[0] == samplers[1]);
  assert_true(samplers[0] != samplers[2]);
  const rg_sampler_desc wrong = {.mag_filter = (rg_filter)9};
  assert_error(rg_sampler_get_vk(test->engine, &wrong, &samplers[0]), RG_ERROR_INVALID_ARGUMENT,
               "9");
}

/* ---- Files ---------------------------------------------------------------------------------- */

/* An uncompressed TGA of 2 × 1 texels: red, then blue. */
static const unsigned char tga[] = {0, 0, 2, 0, 0,  0,  0, 0, 0,   0,   0, 0,
                                    2, 0, 1, 0, 24, 32, 0, 0, 255, 255, 0, 0};

static void an_image_file_becomes_a_texture(void **state) {
  (void)state;
  gpu_folder folder;
  gpu_folder_make(&folder);
  gpu_folder_write(&folder, "two.tga", tga, sizeof tga);
  gpu_folder_write(&folder, "broken.png", "\x89PNG\r\n\x1a\nrubbish", 15);
  gpu_log log;
  gpu_log_init(&log);
  const char *const roots[] = {folder.path};
  rg_engine_desc engine_desc = gpu_test_desc(&log);
  engine_desc.roots = roots;
  engine_desc.root_count = 1;
  gpu_test files = {.engine = NULL};
  assert_ok(rg_engine_create(&engine_desc, &files.engine));
  rg_texture texture = make(&files, (rg_texture_desc){.file = "two.tga"});
  rg_texture_vk vk;
  assert_ok(rg_texture_get_vk(files.engine, texture, &vk));
  assert_int_equal(vk.format, VK_FORMAT_R8G8B8A8_SRGB);
  assert_int_equal(vk.extent.width, 2);
  const uint32_t expected[] = {0xFF0000FF, 0xFFFF0000};
  assert_holds(&files, texture, NULL, expected, sizeof expected);
  rg_resource_info info;
  assert_ok(rg_resource_get_info(files.engine, texture.id, &info));
  assert_string_equal(info.label, "two.tga");
  destroy(&files, texture);
  const struct {
    rg_texture_desc desc;
    rg_result result;
    const char *message;
  } cases[] = {
      {{.file = "none.png"}, RG_ERROR_NOT_FOUND, "none.png"},
      {{.file = "broken.png"}, RG_ERROR_FORMAT, "broken.png"},
      {{.file = "../two.tga"}, RG_ERROR_IO, ".."},
      {{.file = "two.tga", .width = 2}, RG_ERROR_INVALID_ARGUMENT, "width and height"},
      {{.file = "two.tga", .data = tga}, RG_ERROR_INVALID_ARGUMENT, "data comes from the file"},
      {{.file = "two.tga", .type = RG_TEXTURE_CUBE}, RG_ERROR_INVALID_ARGUMENT, "2D"},
      {{.file = "two.tga", .format = VK_FORMAT_R8_UNORM},
       RG_ERROR_INVALID_ARGUMENT,
       "texture 'two.tga': the file holds r8g8b8a8_srgb, not r8_unorm"},
  };
  for (uint32_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    assert_error(rg_texture_create(files.engine, &cases[i].desc, &texture), cases[i].result,
                 cases[i].message);
    assert_int_equal(texture.id, 0);
  }
  rg_engine_destroy(files.engine);
  gpu_folder_remove(&folder);
  assert_int_equal(log.validation_count, 0);
  assert_false(gpu_log_has(&log, "leaks") || gpu_log_has(&log, "never destroyed"));
}

/* ---- Refusals ------------------------------------------------------------------------------- */

static void wrong_descriptors_are_refused(void **state) {
  gpu_test *test = *state;
  static const uint32_t data[16] = {0};
  const rg_result bad = RG_ERROR_INVALID_ARGUMENT;
  const struct {
    rg_texture_desc desc;
    rg_result result;
    const char *message;
  } cases[] = {
      {{.height = 4, .label = "brick"}, bad, "texture 'brick': width is 0"},
      {{.width = 4}, bad, "height is 0"},
      {{.width = test->limits.max_texture_size_2d + 1, .height = 1, .label = "brick"},
       RG_ERROR_LIMIT,
       "texture 'brick': width"},
      {{.width = UINT32_MAX, .height = UINT32_MAX}, RG_ERROR_LIMIT, "4294967295"},
      {{.type = RG_TEXTURE_2D_ARRAY,
        .width = 1,
        .height = 1,
        .layers = test->limits.max_texture_layers + 1},
       RG_ERROR_LIMIT,
       "layers"},
      {{.type = RG_TEXTURE_3D,
        .width = 1,
        .height = 1,
        .depth = test->limits.max_texture_size_3d + 1},
       RG_ERROR_LIMIT,
       "depth"},
      {{.type = RG_TEXTURE_CUBE, .width = 4, .height = 8}, bad, "equal"},
      {{.type = RG_TEXTURE_CUBE, .width = 4, .height = 4, .layers = 5}, bad, "5 layers"},
      {{.width = 4, .height = 4, .depth = 2}, bad, "depth 2"},
      {{.width = 4, .height = 4, .layers = 2}, bad, "2 layers"},
      {{.width = 4, .height = 4, .mip_levels = 9}, RG_ERROR_LIMIT, "9 mip levels"},
      {{.type = (rg_texture_type)42, .width = 4, .height = 4}, bad, "42"},
      {{.format = (VkFormat)999999, .width = 4, .height = 4}, bad, "999999"},
      {{.width = 4, .height = 4, .data = data, .data_size = 63}, bad, "63"},
      {{.width = 4, .height = 4, .data_size = 64}, bad, "NULL"},
      {{.width = 4, .height = 4, .data = data, .data_size = 64, .data_levels = 2}, bad, "2 levels"},
      {{.width = 4, .height = 4, .generate_mips = true}, bad, "no data to generate"},
      {{.width = 4, .height = 4, .usage = 0x40000000}, RG_ERROR_UNSUPPORTED, "0x40000000"},
  };
  for (uint32_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    rg_texture texture = {1};
    assert_error(rg_texture_create(test->engine, &cases[i].desc, &texture), cases[i].result,
                 cases[i].message);
    assert_int_equal(texture.id, 0);
  }
  assert_int_equal(rg_resource_next(test->engine, RG_TYPE_NONE, (rg_handle){0}).id, 0);
}

static void regions_outside_a_texture_are_refused(void **state) {
  gpu_test *test = *state;
  unsigned char bytes[256] = {0};
  rg_texture texture = make(test, (rg_texture_desc){.width = 8, .height = 8, .label = "brick"});
  static const rg_texture_region regions[] = {{.mip_level = 1},
                                              {.layer = 1},
                                              {.layer_count = 2},
                                              {.x = 9},
                                              {.x = 4, .width = 5},
                                              {.width = UINT32_MAX},
                                              {.z = 1},
                                              {.depth = 2},
                                              {.y = 7, .height = 2},
                                              {.layer = UINT32_MAX, .layer_count = 2}};
  for (uint32_t i = 0; i < sizeof regions / sizeof regions[0]; i++) {
    assert_error(rg_texture_update(test->engine, texture, &regions[i], bytes, sizeof bytes),
                 RG_ERROR_INVALID_ARGUMENT, "texture 'brick'");
    assert_error(rg_texture_read(test->engine, texture, &regions[i], bytes, sizeof bytes),
                 RG_ERROR_INVALID_ARGUMENT, "texture 'brick'");
  }
  assert_error(rg_texture_update(test->engine, texture, NULL, bytes, 255),
               RG_ERROR_INVALID_ARGUMENT, "255");
  assert_error(rg_texture_update(test->engine, texture, NULL, NULL, 256), RG_ERROR_INVALID_ARGUMENT,
               "NULL");
  destroy(test, texture);
}

static void stale_and_wrong_handles_are_refused(void **state) {
  gpu_test *test = *state;
  const rg_buffer_desc desc = {.size = 4, .label = "scene"};
  rg_buffer buffer;
  rg_texture_vk vk;
  assert_ok(rg_buffer_create(test->engine, &desc, &buffer));
  assert_error(rg_texture_get_vk(test->engine, (rg_texture){buffer.id}, &vk), RG_ERROR_WRONG_TYPE,
               "buffer 'scene' given where a texture is wanted");
  assert_ok(rg_buffer_destroy(test->engine, buffer));
  rg_texture texture = make(test, (rg_texture_desc){.width = 1, .height = 1, .label = "brick"});
  destroy(test, texture);
  assert_error(rg_texture_get_vk(test->engine, texture, &vk), RG_ERROR_STALE_HANDLE,
               "texture 'brick' is destroyed");
  assert_true(vk.view == VK_NULL_HANDLE);
  assert_error(rg_texture_destroy(test->engine, texture), RG_ERROR_STALE_HANDLE, "brick");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, gpu_test_setup, gpu_test_teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(uncompressed_formats_keep_their_data),
      TEST(block_compressed_formats_keep_their_data),
      cmocka_unit_test(formats_know_their_sizes),
      TEST(arrays_cubes_and_volumes_keep_every_layer),
      TEST(every_given_level_is_kept),
      TEST(mips_are_averages_of_the_level_before),
      TEST(regions_are_written_where_they_lie),
      TEST(a_blank_texture_rests_in_its_layout),
      TEST(equal_samplers_are_one),
      cmocka_unit_test(an_image_file_becomes_a_texture),
      TEST(wrong_descriptors_are_refused),
      TEST(regions_outside_a_texture_are_refused),
      TEST(stale_and_wrong_handles_are_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
