/* Buffers: data in, data back, copies, mappings, and everything that is refused. */
#include <stdlib.h>
#include <string.h>

#include "gpu_test.h"

static rg_buffer make(gpu_test *test, rg_buffer_desc desc) {
  rg_buffer buffer;
  assert_ok(rg_buffer_create(test->engine, &desc, &buffer));
  return buffer;
}

static void destroy(gpu_test *test, rg_buffer buffer) {
  assert_ok(rg_buffer_destroy(test->engine, buffer));
}

static void *pattern(size_t size, uint32_t seed) {
  unsigned char *bytes = malloc(size);
  assert_non_null(bytes);
  for (size_t i = 0; i < size; i++) {
    bytes[i] = (unsigned char)((i * 31 + seed * 17) ^ (i >> 8));
  }
  return bytes;
}

static void assert_holds(gpu_test *test, rg_buffer buffer, uint64_t offset, const void *expected,
                         size_t size) {
  void *read = malloc(size);
  assert_non_null(read);
  assert_ok(rg_buffer_read(test->engine, buffer, offset, read, size));
  assert_memory_equal(read, expected, size);
  free(read);
}

/* ---- Data ----------------------------------------------------------------------------------- */

static void every_type_and_update_keeps_its_initial_data(void **state) {
  gpu_test *test = *state;
  static const uint64_t sizes[] = {1, 4, 255, 4096, 65537, 3u << 20};
  for (uint32_t type = RG_BUFFER_VERTEX; type <= RG_BUFFER_STAGING; type++) {
    for (uint32_t update = RG_UPDATE_STATIC; update <= RG_UPDATE_READBACK; update++) {
      const bool is_mapped = update >= RG_UPDATE_STREAM;
      for (uint32_t i = 0; i < 6 && (is_mapped || type != RG_BUFFER_STAGING); i++) {
        void *data = pattern(sizes[i], type * 7 + update);
        rg_buffer buffer = make(test, (rg_buffer_desc){.size = sizes[i],
                                                       .type = (rg_buffer_type)type,
                                                       .update = (rg_update)update,
                                                       .data = data});
        assert_holds(test, buffer, 0, data, sizes[i]);
        destroy(test, buffer);
        free(data);
      }
    }
  }
}

static void small_buffers_share_and_large_ones_do_not(void **state) {
  gpu_test *test = *state;
  rg_buffer first = make(test, (rg_buffer_desc){.size = 100, .type = RG_BUFFER_UNIFORM});
  rg_buffer second = make(test, (rg_buffer_desc){.size = 100, .type = RG_BUFFER_UNIFORM});
  rg_buffer own =
      make(test, (rg_buffer_desc){.size = 100, .type = RG_BUFFER_UNIFORM, .own_vk_buffer = true});
  rg_buffer_vk vk[3];
  assert_ok(rg_buffer_get_vk(test->engine, first, &vk[0]));
  assert_ok(rg_buffer_get_vk(test->engine, second, &vk[1]));
  assert_ok(rg_buffer_get_vk(test->engine, own, &vk[2]));
  assert_true(vk[0].buffer == vk[1].buffer);
  assert_true(vk[0].offset != vk[1].offset);
  assert_true(vk[2].buffer != vk[0].buffer);
  assert_int_equal(vk[2].offset, 0);
  for (uint32_t i = 0; i < 3; i++) {
    assert_int_equal(vk[i].size, 100);
    assert_int_equal(vk[i].offset % test->limits.uniform_alignment, 0);
  }
  destroy(test, first);
  destroy(test, second);
  destroy(test, own);
}

static void updates_take_effect_in_order(void **state) {
  gpu_test *test = *state;
  rg_buffer buffer = make(test, (rg_buffer_desc){.size = 4096});
  unsigned char expected[4096];
  memset(expected, 1, sizeof expected);
  assert_ok(rg_buffer_update(test->engine, buffer, 0, expected, sizeof expected));
  for (uint32_t i = 0; i < 200; i++) {
    unsigned char bytes[300];
    const uint64_t offset = (i * 97) % 3700;
    const size_t size = 1 + i % 300;
    memset(bytes, (int)i, sizeof bytes);
    memcpy(expected + offset, bytes, size);
    assert_ok(rg_buffer_update(test->engine, buffer, offset, bytes, size));
    if (i % 64 == 63) {
      assert_ok(rg_flush(test->engine, NULL));
    }
  }
  assert_holds(test, buffer, 0, expected, sizeof expected);
  destroy(test, buffer);
}

static void a_batch_writes_to_many_buffers(void **state) {
  gpu_test *test = *state;
  enum { COUNT = 50 };
  rg_buffer buffers[COUNT];
  rg_buffer_write writes[2 * COUNT];
  uint32_t numbers[COUNT];
  for (uint32_t i = 0; i < COUNT; i++) {
    numbers[i] = i * 0x01010101u;
    buffers[i] = make(test, (rg_buffer_desc){.size = 8 + i * 4, .type = RG_BUFFER_VERTEX});
    writes[i] = (rg_buffer_write){buffers[i], 0, &numbers[i], 4};
    writes[COUNT + i] = (rg_buffer_write){buffers[i], 4 + i * 4, &numbers[i], 4};
  }
  assert_ok(rg_buffers_update(test->engine, writes, 2 * COUNT));
  assert_ok(rg_buffers_update(test->engine, NULL, 0));
  for (uint32_t i = 0; i < COUNT; i++) {
    assert_holds(test, buffers[i], 0, &numbers[i], 4);
    assert_holds(test, buffers[i], 4 + i * 4, &numbers[i], 4);
    destroy(test, buffers[i]);
  }
}

static void an_invalid_write_makes_none_of_its_batch(void **state) {
  gpu_test *test = *state;
  const uint32_t one = 1;
  const uint32_t zero = 0;
  rg_buffer buffer = make(test, (rg_buffer_desc){.size = 4, .data = &zero, .label = "scene"});
  const rg_buffer_write writes[] = {{buffer, 0, &one, 4}, {buffer, 2, &one, 4}};
  assert_error(rg_buffers_update(test->engine, writes, 2), RG_ERROR_INVALID_ARGUMENT,
               "buffer 'scene'");
  assert_holds(test, buffer, 0, &zero, 4);
  destroy(test, buffer);
}

/* More than the ring holds at once. */
static void uploads_larger_than_the_ring_stream_through_it(void **state) {
  gpu_test *test = *state;
  gpu_log log;
  gpu_log_init(&log);
  rg_engine_desc desc = gpu_test_desc(&log);
  desc.upload_size = 64 << 10;
  rg_engine *engine = NULL;
  assert_ok(rg_engine_create(&desc, &engine));
  gpu_test small = {.engine = engine};
  const size_t size = 5 << 20;
  void *data = pattern(size, 3);
  rg_buffer buffer = make(&small, (rg_buffer_desc){.size = size, .data = data});
  assert_holds(&small, buffer, 0, data, size);
  destroy(&small, buffer);
  free(data);
  rg_engine_destroy(engine);
  assert_int_equal(log.validation_count, 0);
  (void)test;
}

static void copies_follow_the_writes_before_them(void **state) {
  gpu_test *test = *state;
  unsigned char *data = pattern(1024, 1);
  rg_buffer source = make(test, (rg_buffer_desc){.size = 1024});
  rg_buffer target = make(test, (rg_buffer_desc){.size = 2048, .own_vk_buffer = true});
  assert_ok(rg_buffer_update(test->engine, source, 0, data, 1024));
  assert_ok(rg_buffer_copy(test->engine, source, 24, target, 1000, 1000));
  assert_ok(rg_buffer_copy(test->engine, target, 1000, target, 0, 1000));
  memset(data, 9, 24);
  assert_ok(rg_buffer_update(test->engine, source, 24, data, 24)); /* after the copy */
  data = realloc(data, 1024);
  assert_non_null(data);
  unsigned char *expected = pattern(1024, 1);
  assert_holds(test, target, 0, expected + 24, 1000);
  assert_holds(test, target, 1000, expected + 24, 1000);
  assert_holds(test, source, 24, data, 24);
  free(data);
  free(expected);
  destroy(test, source);
  destroy(test, target);
}

static void a_staging_buffer_is_mapped(void **state) {
  gpu_test *test = *state;
  rg_buffer staging;
  void *mapped = NULL;
  assert_ok(rg_buffer_create_staging(test->engine, 256, "staging", &staging, &mapped));
  assert_non_null(mapped);
  memset(mapped, 42, 256);
  rg_buffer target = make(test, (rg_buffer_desc){.size = 256});
  assert_ok(rg_buffer_copy(test->engine, staging, 0, target, 0, 256));
  assert_holds(test, target, 0, mapped, 256);
  void *again = NULL;
  assert_ok(rg_buffer_map(test->engine, staging, &again));
  assert_ptr_equal(again, mapped);
  assert_error(rg_buffer_map(test->engine, target, &again), RG_ERROR_UNSUPPORTED, "mapped");
  assert_null(again);
  destroy(test, staging);
  destroy(test, target);
}

static void a_readback_buffer_shows_what_the_gpu_wrote(void **state) {
  gpu_test *test = *state;
  unsigned char *data = pattern(512, 5);
  rg_buffer source = make(test, (rg_buffer_desc){.size = 512, .data = data});
  rg_buffer readback = make(test, (rg_buffer_desc){.size = 512, .update = RG_UPDATE_READBACK});
  void *mapped = NULL;
  rg_ticket ticket;
  assert_ok(rg_buffer_map(test->engine, readback, &mapped));
  assert_ok(rg_buffer_copy(test->engine, source, 0, readback, 0, 512));
  assert_ok(rg_flush(test->engine, &ticket));
  assert_ok(rg_ticket_wait(test->engine, ticket, UINT64_MAX));
  assert_memory_equal(mapped, data, 512);
  free(data);
  destroy(test, source);
  destroy(test, readback);
}

/* Without the wait for the GPU, memory given back too early would be reused under the copies. */
static void destroyed_buffers_live_until_the_gpu_is_done(void **state) {
  gpu_test *test = *state;
  rg_buffer target = make(test, (rg_buffer_desc){.size = 64 << 10, .own_vk_buffer = true});
  for (uint32_t i = 0; i < 64; i++) {
    void *data = pattern(1024, i);
    rg_buffer source = make(test, (rg_buffer_desc){.size = 1024, .data = data});
    assert_ok(rg_buffer_copy(test->engine, source, 0, target, i * 1024, 1024));
    destroy(test, source);
    free(data);
  }
  for (uint32_t i = 0; i < 64; i++) {
    void *data = pattern(1024, i);
    assert_holds(test, target, i * 1024, data, 1024);
    free(data);
  }
  destroy(test, target);
}

static void memory_is_given_back_and_counted(void **state) {
  gpu_test *test = *state;
  rg_memory_stats before;
  rg_memory_stats during;
  rg_memory_stats after;
  rg_memory_get_stats(test->engine, &before);
  rg_buffer buffer = make(test, (rg_buffer_desc){.size = 8 << 20});
  rg_memory_get_stats(test->engine, &during);
  assert_true(during.used >= before.used + (8 << 20));
  destroy(test, buffer);
  assert_ok(rg_collect(test->engine));
  rg_memory_get_stats(test->engine, &after);
  assert_int_equal(after.used, before.used);
}

static void a_limit_on_memory_is_kept(void **state) {
  (void)state;
  gpu_log log;
  gpu_log_init(&log);
  rg_engine_desc desc = gpu_test_desc(&log);
  desc.memory_limit = 96 << 20;
  desc.upload_size = 1 << 20;
  rg_engine *engine = NULL;
  assert_ok(rg_engine_create(&desc, &engine));
  const rg_buffer_desc huge = {.size = 128 << 20, .label = "huge"};
  const rg_buffer_desc fits = {.size = 32 << 20, .label = "fits"};
  rg_buffer buffer;
  assert_error(rg_buffer_create(engine, &huge, &buffer), RG_ERROR_OUT_OF_DEVICE_MEMORY, "huge");
  assert_int_equal(buffer.id, 0);
  assert_ok(rg_buffer_create(engine, &fits, &buffer)); /* as usable as before */
  assert_ok(rg_buffer_destroy(engine, buffer));
  rg_engine_destroy(engine);
  assert_int_equal(log.validation_count, 0);
}

/* ---- Refusals ------------------------------------------------------------------------------- */

static void wrong_descriptors_are_refused(void **state) {
  gpu_test *test = *state;
  const struct {
    rg_buffer_desc desc;
    rg_result result;
    const char *message;
  } cases[] = {
      {{.size = 0, .label = "empty"}, RG_ERROR_INVALID_ARGUMENT, "buffer 'empty': size is 0"},
      {{.size = test->limits.max_buffer_size + 1, .label = "vast"},
       RG_ERROR_LIMIT,
       "buffer 'vast': size"},
      {{.size = UINT64_MAX}, RG_ERROR_LIMIT, "18446744073709551615"},
      {{.size = 4, .type = (rg_buffer_type)77}, RG_ERROR_INVALID_ARGUMENT, "77"},
      {{.size = 4, .update = (rg_update)-1}, RG_ERROR_INVALID_ARGUMENT, "-1"},
      {{.size = 4, .type = RG_BUFFER_STAGING, .update = RG_UPDATE_STATIC},
       RG_ERROR_INVALID_ARGUMENT,
       "staging"},
      {{.size = 4, .usage = 0x40000000}, RG_ERROR_UNSUPPORTED, "0x40000000"},
  };
  for (uint32_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    rg_buffer buffer = {1};
    assert_error(rg_buffer_create(test->engine, &cases[i].desc, &buffer), cases[i].result,
                 cases[i].message);
    assert_int_equal(buffer.id, 0);
  }
  assert_int_equal(rg_resource_next(test->engine, RG_TYPE_NONE, (rg_handle){0}).id, 0);
}

static void spans_outside_a_buffer_are_refused(void **state) {
  gpu_test *test = *state;
  unsigned char bytes[128] = {0};
  rg_buffer buffer = make(test, (rg_buffer_desc){.size = 64, .label = "scene"});
  const rg_result bad = RG_ERROR_INVALID_ARGUMENT;
  assert_error(rg_buffer_update(test->engine, buffer, 0, bytes, 65), bad, "exceed its 64");
  assert_error(rg_buffer_update(test->engine, buffer, UINT64_MAX, bytes, 2), bad, "exceed its 64");
  assert_error(rg_buffer_update(test->engine, buffer, 0, bytes, 0), bad, "size is 0");
  assert_error(rg_buffer_update(test->engine, buffer, 0, NULL, 4), bad, "NULL");
  assert_error(rg_buffer_read(test->engine, buffer, 60, bytes, 8), bad, "buffer 'scene'");
  assert_error(rg_buffer_copy(test->engine, buffer, 0, buffer, 8, 16), bad, "overlap");
  assert_error(rg_buffer_copy(test->engine, buffer, 0, buffer, 60, 16), bad, "target");
  destroy(test, buffer);
}

static void stale_and_wrong_handles_are_refused(void **state) {
  gpu_test *test = *state;
  const rg_texture_desc desc = {.width = 1, .height = 1, .label = "brick"};
  rg_texture texture;
  rg_buffer_vk vk;
  assert_ok(rg_texture_create(test->engine, &desc, &texture));
  assert_error(rg_buffer_get_vk(test->engine, (rg_buffer){texture.id}, &vk), RG_ERROR_WRONG_TYPE,
               "texture 'brick' given where a buffer is wanted");
  assert_ok(rg_texture_destroy(test->engine, texture));
  rg_buffer buffer = make(test, (rg_buffer_desc){.size = 64, .label = "scene"});
  rg_origin_set("main.c:9");
  destroy(test, buffer);
  rg_origin_set("");
  assert_error(rg_buffer_get_vk(test->engine, buffer, &vk), RG_ERROR_STALE_HANDLE,
               "buffer 'scene' is destroyed (at main.c:9)");
  assert_error(rg_buffer_destroy(test->engine, buffer), RG_ERROR_STALE_HANDLE, "scene");
  assert_error(rg_buffer_destroy(test->engine, (rg_buffer){0}), RG_ERROR_STALE_HANDLE, "null");
  assert_error(rg_buffer_destroy(test->engine, (rg_buffer){0x1234567812345678}),
               RG_ERROR_STALE_HANDLE, "0x1234567812345678");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, gpu_test_setup, gpu_test_teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(every_type_and_update_keeps_its_initial_data),
      TEST(small_buffers_share_and_large_ones_do_not),
      TEST(updates_take_effect_in_order),
      TEST(a_batch_writes_to_many_buffers),
      TEST(an_invalid_write_makes_none_of_its_batch),
      TEST(uploads_larger_than_the_ring_stream_through_it),
      TEST(copies_follow_the_writes_before_them),
      TEST(a_staging_buffer_is_mapped),
      TEST(a_readback_buffer_shows_what_the_gpu_wrote),
      TEST(destroyed_buffers_live_until_the_gpu_is_done),
      TEST(memory_is_given_back_and_counted),
      cmocka_unit_test(a_limit_on_memory_is_kept),
      TEST(wrong_descriptors_are_refused),
      TEST(spans_outside_a_buffer_are_refused),
      TEST(stale_and_wrong_handles_are_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
