/* Image files that are cut, changed at random or read without memory: always texels or a message,
 * never a leak. */
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

typedef void sample_visit(const unsigned char *bytes, size_t size);

static void each_data_sample(sample_visit *visit) {
  static const char *const names[] = {"png/basn3p02.png", "png/ibasn6a08.png", "png/ftbwn0g16.png",
                                      "bad/png/empty_ancillary_chunks.png"};
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    file_data data = data_read(names[i]);
    visit(data.bytes, data.size);
    file_data_finish(&data);
  }
}

static void each_own_sample(sample_visit *visit) {
  unsigned char bytes[128];
  visit(baseline_jpeg, sizeof baseline_jpeg);
  visit(progressive_jpeg, sizeof progressive_jpeg);
  visit((const unsigned char *)small_hdr, sizeof small_hdr - 1);
  size_t at = tga_begin(bytes, 10, 32, 0);
  memcpy(bytes + at, "\x82\1\2\3\4\0\5\6\7\x08", 10);
  visit(bytes, at + 10);
  at = tga_begin(bytes, 1, 8, 0x20);
  bytes[5] = 2;
  bytes[7] = 16;
  memcpy(bytes + at, "\1\2\3\4\1\0\0\1", 8);
  visit(bytes, at + 8);
  at = bmp_begin(bytes, 4, 3);
  memcpy(bytes + at, "\x12\0\0\0\x21\0\0\0", 8);
  visit(bytes, at + 8);
  at = bmp_begin(bytes, 16, 0);
  memcpy(bytes + at, "\x12\x34\x56\x78\x9A\xBC\xDE\xF0", 8);
  visit(bytes, at + 8);
}

/* A block of exactly that size, so that reading past its end is seen. */
static unsigned char *copy_of(const unsigned char *bytes, size_t size) {
  unsigned char *copy = malloc(size > 0 ? size : 1);
  assert_non_null(copy);
  memcpy(copy, bytes, size);
  return copy;
}

/* Decodes, and asks for either texels or a message. */
static rg_result decode_any(const unsigned char *bytes, size_t size) {
  image result;
  unsigned char *copy = copy_of(bytes, size);
  const rg_result code = image_decode(&memory, "any", copy, size, false, 4096, &result);
  free(copy);
  if (code == RG_OK) {
    assert_true(result.size >= (size_t)result.width * result.height * 4);
    test_hash(result.texels, result.size);
  } else {
    assert_null(result.texels);
    assert_non_null(strstr(rg_error(), "image 'any': "));
  }
  image_finish(&result);
  return code;
}

/* Only PNG has more to it than texels: its last four bytes check a chunk without contents. */
static void cut_everywhere(const unsigned char *bytes, size_t size) {
  assert_int_equal(decode_any(bytes, size), RG_OK);
  const size_t needed = bytes[0] == 0x89 ? size - 4 : size;
  for (size_t length = 0; length < needed; length++) {
    assert_int_not_equal(decode_any(bytes, length), RG_OK);
  }
}

static void files_cut_at_any_byte_are_refused(void **state) {
  (void)state;
  each_own_sample(cut_everywhere);
  file_data data = data_read("png/ibasn6a08.png");
  cut_everywhere(data.bytes, data.size);
  file_data_finish(&data);
}

static void mutate_often(const unsigned char *bytes, size_t size) {
  uint32_t random = 1;
  for (int i = 0; i < 400; i++) {
    unsigned char *copy = copy_of(bytes, size);
    const size_t length = test_mutate(copy, size, &random);
    (void)decode_any(copy, length);
    free(copy);
  }
}

static void changed_bytes_give_texels_or_a_message(void **state) {
  (void)state;
  each_own_sample(mutate_often);
  each_data_sample(mutate_often);
}

/* A reader may do without some block that it could not have: then the image is whole. */
static void fail_each_allocation(const unsigned char *bytes, size_t size) {
  test_memory counted = {.calls = 1};
  for (uint64_t i = 1; counted.calls >= i; i++) {
    counted = (test_memory){.fail_at = i};
    const rg_allocator allocator = test_memory_allocator(&counted);
    host_memory failing;
    host_memory_init(&failing, &allocator);
    image result;
    const rg_result code = image_decode(&failing, "x", bytes, size, false, 0, &result);
    if (code != RG_OK) {
      assert_int_equal(code, RG_ERROR_OUT_OF_HOST_MEMORY);
      assert_true(counted.calls >= i);
    }
    image_finish(&result);
    assert_int_equal(counted.live, 0);
  }
}

static void every_failing_allocation_is_reported_and_leaks_nothing(void **state) {
  (void)state;
  each_own_sample(fail_each_allocation);
  file_data data = data_read("png/ibasn6a08.png");
  fail_each_allocation(data.bytes, data.size);
  file_data_finish(&data);
}

static void zeroed_image_can_be_finished(void **state) {
  (void)state;
  image none = {0};
  image_finish(&none);
  assert_null(none.texels);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, memory_begin, memory_end)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(files_cut_at_any_byte_are_refused),
      TEST(changed_bytes_give_texels_or_a_message),
      TEST(every_failing_allocation_is_reported_and_leaks_nothing),
      TEST(zeroed_image_can_be_finished),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
