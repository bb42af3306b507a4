/* Small buffers in shared VkBuffers: where they lie, what lets them share, what comes back. */
#include <stdlib.h>
#include <string.h>

#include "fake_test.h"

#define KIB UINT64_C(1024)
#define MIB (KIB * 1024)

static rg_buffer make(rg_engine *engine, rg_buffer_desc desc) {
  rg_buffer buffer;
  assert_ok(rg_buffer_create(engine, &desc, &buffer));
  return buffer;
}

static rg_buffer_vk place_of(rg_engine *engine, rg_buffer buffer) {
  rg_buffer_vk vk;
  assert_ok(rg_buffer_get_vk(engine, buffer, &vk));
  return vk;
}

static uint64_t memory_size(rg_engine *engine) {
  rg_memory_stats stats;
  rg_memory_get_stats(engine, &stats);
  return stats.size;
}

static int compare_offsets(const void *a, const void *b) {
  const rg_buffer_vk *x = a, *y = b;
  if (x->buffer != y->buffer) {
    return (uintptr_t)x->buffer < (uintptr_t)y->buffer ? -1 : 1;
  }
  return (x->offset > y->offset) - (x->offset < y->offset);
}

/* Sorts them. */
static void assert_apart(rg_buffer_vk *places, size_t count) {
  qsort(places, count, sizeof *places, compare_offsets);
  for (size_t i = 1; i < count; i++) {
    assert_true(places[i].buffer != places[i - 1].buffer ||
                places[i].offset >= places[i - 1].offset + places[i - 1].size);
  }
}

/* ---- Where they lie ------------------------------------------------------------------------- */

static uint64_t alignment_of(const gpu_test *test, rg_buffer_type type) {
  switch (type) {
    case RG_BUFFER_VERTEX: return 16;
    case RG_BUFFER_UNIFORM: return test->limits.uniform_alignment;
    case RG_BUFFER_DEFAULT:
    case RG_BUFFER_STORAGE: return test->limits.storage_alignment;
    case RG_BUFFER_INDEX:
    case RG_BUFFER_INDIRECT:
    case RG_BUFFER_STAGING: break;
  }
  return 4;
}

static void offsets_are_aligned_for_the_type(void **state) {
  gpu_test *test = *state;
  for (uint32_t type = RG_BUFFER_VERTEX; type <= RG_BUFFER_INDIRECT; type++) {
    rg_buffer buffers[40];
    const uint64_t alignment = alignment_of(test, (rg_buffer_type)type);
    for (uint32_t i = 0; i < 40; i++) {
      buffers[i] =
          make(test->engine, (rg_buffer_desc){.size = 1 + i * 7, .type = (rg_buffer_type)type});
      assert_int_equal(place_of(test->engine, buffers[i]).offset % alignment, 0);
    }
    for (uint32_t i = 0; i < 40; i++) {
      assert_ok(rg_buffer_destroy(test->engine, buffers[i]));
    }
  }
}

static void all_uses_of_a_buffer_count_for_its_alignment(void **state) {
  gpu_test *test = *state;
  rg_buffer buffers[20];
  for (uint32_t i = 0; i < 20; i++) {
    const rg_buffer_desc desc = {
        .size = 20 + i,
        .type = RG_BUFFER_INDEX,
        .usage = VK_BUFFER_USAGE_UNIFORM_BUFFER_BIT | VK_BUFFER_USAGE_STORAGE_BUFFER_BIT};
    buffers[i] = make(test->engine, desc);
    const uint64_t offset = place_of(test->engine, buffers[i]).offset;
    assert_int_equal(offset % test->limits.uniform_alignment, 0);
    assert_int_equal(offset % test->limits.storage_alignment, 0);
  }
  for (uint32_t i = 0; i < 20; i++) {
    assert_ok(rg_buffer_destroy(test->engine, buffers[i]));
  }
}

/* So that firstVertex, firstIndex or an array's index can be offset / stride. */
static void offsets_are_multiples_of_the_stride(void **state) {
  gpu_test *test = *state;
  static const uint32_t strides[] = {1, 2, 3, 12, 20, 32, 36, 44, 60, 100, 513, 4095};
  for (uint32_t i = 0; i < sizeof strides / sizeof strides[0]; i++) {
    for (uint32_t type = RG_BUFFER_VERTEX; type <= RG_BUFFER_INDIRECT; type++) {
      rg_buffer buffers[10];
      for (uint32_t k = 0; k < 10; k++) {
        const rg_buffer_desc desc = {
            .size = strides[i] * (k + 1), .stride = strides[i], .type = (rg_buffer_type)type};
        buffers[k] = make(test->engine, desc);
        const uint64_t offset = place_of(test->engine, buffers[k]).offset;
        assert_int_equal(offset % strides[i], 0);
        assert_int_equal(offset % alignment_of(test, (rg_buffer_type)type), 0);
      }
      for (uint32_t k = 0; k < 10; k++) {
        assert_ok(rg_buffer_destroy(test->engine, buffers[k]));
      }
    }
  }
}

static void no_two_buffers_overlap(void **state) {
  gpu_test *test = *state;
  enum { COUNT = 3000 };
  rg_buffer *buffers = calloc(COUNT, sizeof *buffers);
  rg_buffer_vk *places = calloc(COUNT, sizeof *places);
  uint32_t random = 12345;
  for (uint32_t round = 0; round < 4; round++) {
    for (uint32_t i = 0; i < COUNT; i++) {
      random = random * 1664525u + 1013904223u;
      if (buffers[i].id == 0) {
        const rg_buffer_desc desc = {.size = 1 + (random >> 8) % (UINT32_C(1) << (random >> 28)),
                                     .stride = (random >> 5) % 2,
                                     .type = (rg_buffer_type)(1 + (random >> 4) % 5)};
        buffers[i] = make(test->engine, desc);
      }
      places[i] = place_of(test->engine, buffers[i]);
    }
    assert_apart(places, COUNT);
    for (uint32_t i = 0; i < COUNT; i++) {
      random = random * 1664525u + 1013904223u;
      if (round == 3 || random >> 31 != 0) {
        assert_ok(rg_buffer_destroy(test->engine, buffers[i]));
        buffers[i].id = 0;
      }
    }
  }
  free(buffers);
  free(places);
}

/* ---- What shares ---------------------------------------------------------------------------- */

static bool is_alone(gpu_test *test, rg_buffer_desc desc, rg_buffer_vk shared) {
  rg_buffer buffer = make(test->engine, desc);
  const rg_buffer_vk vk = place_of(test->engine, buffer);
  assert_ok(rg_buffer_destroy(test->engine, buffer));
  return vk.buffer != shared.buffer && vk.offset == 0;
}

static void sharing_is_visible_and_can_be_refused(void **state) {
  gpu_test *test = *state;
  rg_buffer first = make(test->engine, (rg_buffer_desc){.size = 64});
  const rg_buffer_vk shared = place_of(test->engine, first);
  rg_buffer index = make(test->engine, (rg_buffer_desc){.size = 64, .type = RG_BUFFER_INDEX});
  assert_true(place_of(test->engine, index).buffer == shared.buffer);
  assert_true(is_alone(test, (rg_buffer_desc){.size = 64, .own_vk_buffer = true}, shared));
  assert_true(is_alone(test, (rg_buffer_desc){.size = 64 * KIB + 1}, shared));
  assert_true(is_alone(test, (rg_buffer_desc){.size = 64, .type = RG_BUFFER_STAGING}, shared));
  assert_true(is_alone(
      test, (rg_buffer_desc){.size = 64, .usage = VK_BUFFER_USAGE_UNIFORM_TEXEL_BUFFER_BIT},
      shared));
  assert_true(is_alone(
      test, (rg_buffer_desc){.size = 60001, .stride = 30001, .type = RG_BUFFER_VERTEX}, shared));
  assert_ok(rg_buffer_destroy(test->engine, first));
  assert_ok(rg_buffer_destroy(test->engine, index));
}

static void a_buffer_of_a_pool_has_a_vkbuffer_of_its_own(void **state) {
  gpu_test *test = *state;
  rg_pool pool;
  assert_ok(rg_pool_create(test->engine, &(rg_pool_desc){.label = "mine"}, &pool));
  rg_buffer first = make(test->engine, (rg_buffer_desc){.size = 64, .pool = pool});
  rg_buffer second = make(test->engine, (rg_buffer_desc){.size = 64, .pool = pool});
  const rg_buffer_vk vk = place_of(test->engine, first);
  assert_int_equal(vk.offset, 0);
  assert_true(vk.buffer != place_of(test->engine, second).buffer);
  assert_ok(rg_buffer_destroy(test->engine, first));
  assert_ok(rg_buffer_destroy(test->engine, second));
  assert_ok(rg_pool_destroy(test->engine, pool));
  rg_buffer late = {1};
  const rg_buffer_desc desc = {.size = 64, .pool = pool, .label = "late"};
  assert_error(rg_buffer_create(test->engine, &desc, &late), RG_ERROR_STALE_HANDLE, "pool 'mine'");
  assert_int_equal(late.id, 0);
}

static void update_frequencies_do_not_share(void **state) {
  gpu_test *test = *state;
  rg_buffer buffers[RG_UPDATE_READBACK + 1];
  for (uint32_t i = RG_UPDATE_STATIC; i <= RG_UPDATE_READBACK; i++) {
    buffers[i] = make(test->engine, (rg_buffer_desc){.size = 64, .update = (rg_update)i});
    for (uint32_t k = RG_UPDATE_STATIC; k < i; k++) {
      assert_true(place_of(test->engine, buffers[i]).buffer !=
                  place_of(test->engine, buffers[k]).buffer);
    }
  }
  for (uint32_t i = RG_UPDATE_STATIC; i <= RG_UPDATE_READBACK; i++) {
    assert_ok(rg_buffer_destroy(test->engine, buffers[i]));
  }
}

static int compare_memory(const void *a, const void *b) {
  const rg_resource_memory *x = a, *y = b;
  if (x->memory != y->memory) {
    return (uintptr_t)x->memory < (uintptr_t)y->memory ? -1 : 1;
  }
  return (x->offset > y->offset) - (x->offset < y->offset);
}

/* Where sharing is refused, the memory of slabs is still used: each piece once. */
static void shared_and_unshared_buffers_keep_their_bytes(void **state) {
  gpu_test *test = *state;
  enum { COUNT = 300 };
  static rg_buffer buffers[COUNT];
  static rg_resource_memory places[COUNT];
  static unsigned char bytes[COUNT * 20], read[COUNT * 20];
  for (uint32_t i = 0; i < COUNT; i++) {
    memset(bytes, (int)(i % 251) + 1, sizeof bytes);
    const rg_buffer_desc desc = {.size = 1 + i * 20 / 2,
                                 .update = i % 3 == 0 ? RG_UPDATE_DYNAMIC : RG_UPDATE_STATIC,
                                 .own_vk_buffer = i % 2 == 0,
                                 .data = bytes};
    buffers[i] = make(test->engine, desc);
    assert_ok(rg_resource_get_memory(test->engine, buffers[i].id, &places[i]));
    assert_true(places[i].size >= desc.size);
    assert_int_equal(places[i].is_shared, i % 2 != 0);
  }
  for (uint32_t i = 0; i < COUNT; i++) {
    const size_t size = 1 + i * 20 / 2;
    memset(bytes, (int)(i % 251) + 1, sizeof bytes);
    assert_ok(rg_buffer_read(test->engine, buffers[i], 0, read, size));
    assert_memory_equal(read, bytes, size);
    assert_ok(rg_buffer_destroy(test->engine, buffers[i]));
  }
  qsort(places, COUNT, sizeof *places, compare_memory);
  for (uint32_t i = 1; i < COUNT; i++) {
    assert_true(places[i].memory != places[i - 1].memory ||
                places[i].offset >= places[i - 1].offset + places[i - 1].size);
  }
}

/* ---- What comes back ------------------------------------------------------------------------ */

/* Any 200 of 100,000: the others' memory is used again before any more is taken. */
static void few_survivors_leave_their_slabs_to_others(void **state) {
  gpu_test *test = *state;
  enum { COUNT = 100000, KEPT = 200 };
  rg_buffer *buffers = calloc(COUNT, sizeof *buffers);
  for (uint32_t i = 0; i < COUNT; i++) {
    buffers[i] = make(test->engine, (rg_buffer_desc){.size = KIB});
  }
  const uint64_t size = memory_size(test->engine);
  for (uint32_t i = 0; i < COUNT; i++) {
    if (i % (COUNT / KEPT) != 0) {
      assert_ok(rg_buffer_destroy(test->engine, buffers[i]));
    }
  }
  /* a class of its own */
  for (uint32_t i = 0; i < COUNT; i++) {
    if (i % (COUNT / KEPT) != 0) {
      buffers[i] = make(test->engine, (rg_buffer_desc){.size = 512});
    }
  }
  assert_true(memory_size(test->engine) <= size);
  for (uint32_t i = 0; i < COUNT; i++) {
    assert_ok(rg_buffer_destroy(test->engine, buffers[i]));
  }
  free(buffers);
}

/* Besides one slab of each update frequency, which is kept until it is trimmed. */
static void empty_slabs_go_back(void **state) {
  gpu_test *test = *state;
  enum { COUNT = 20000 };
  rg_buffer *buffers = calloc(COUNT, sizeof *buffers);
  rg_memory_trim(test->engine);
  const uint64_t before = memory_size(test->engine);
  for (uint32_t i = 0; i < COUNT; i++) {
    buffers[i] = make(test->engine, (rg_buffer_desc){.size = 1 + i % 9000});
  }
  assert_true(memory_size(test->engine) >= before + COUNT * UINT64_C(4000));
  for (uint32_t i = 0; i < COUNT; i++) {
    assert_ok(rg_buffer_destroy(test->engine, buffers[i * UINT64_C(7919) % COUNT]));
  }
  assert_ok(rg_collect(test->engine));
  rg_memory_trim(test->engine);
  assert_int_equal(memory_size(test->engine), before);
  free(buffers);
}

/* A handful of sizes, one of each, must not take a slab of room each. */
static void rare_sizes_take_little(void **state) {
  gpu_test *test = *state;
  enum { COUNT = 140 };
  rg_buffer buffers[COUNT];
  uint64_t bytes = 0;
  rg_memory_trim(test->engine);
  const uint64_t before = memory_size(test->engine);
  for (uint32_t i = 0; i < COUNT; i++) {
    const uint64_t size = 16 + i * (uint64_t)i;
    bytes += size;
    buffers[i] = make(test->engine, (rg_buffer_desc){.size = size});
  }
  assert_true(memory_size(test->engine) - before <= 8 * bytes);
  for (uint32_t i = 0; i < COUNT; i++) {
    assert_ok(rg_buffer_destroy(test->engine, buffers[i]));
  }
}

static void a_slot_is_at_most_a_sixteenth_larger(void **state) {
  gpu_test *test = *state;
  for (uint64_t size = 1; size <= 64 * KIB; size += 1 + size / 9) {
    rg_buffer buffer = make(test->engine, (rg_buffer_desc){.size = size});
    rg_resource_info info;
    assert_ok(rg_resource_get_info(test->engine, buffer.id, &info));
    const uint64_t aligned = (size + test->limits.storage_alignment - 1) /
                             test->limits.storage_alignment * test->limits.storage_alignment;
    assert_true(info.size >= size);
    assert_true(info.size <=
                (aligned + aligned / 16 > aligned + 15 ? aligned + aligned / 16 : aligned + 15));
    assert_ok(rg_buffer_destroy(test->engine, buffer));
  }
}

/* ---- Other devices -------------------------------------------------------------------------- */

/* Whole atoms are flushed: neighbours in incoherent memory would overwrite each other. */
static void no_two_buffers_share_an_atom_of_incoherent_memory(void **state) {
  (void)state;
  fake_test test;
  fake_test_begin(&test, &(fake_device_desc){.layout = FAKE_INCOHERENT, .atom = 256}, NULL);
  rg_buffer buffers[50];
  unsigned char bytes[50];
  for (uint32_t i = 0; i < 50; i++) {
    bytes[i] = (unsigned char)(i + 1);
    const rg_buffer_desc desc = {
        .size = 1, .type = RG_BUFFER_INDEX, .update = RG_UPDATE_DYNAMIC, .data = &bytes[i]};
    buffers[i] = make(test.engine, desc);
    assert_int_equal(place_of(test.engine, buffers[i]).offset % 256, 0);
  }
  for (uint32_t i = 0; i < 50; i++) {
    unsigned char byte = 0;
    assert_ok(rg_buffer_read(test.engine, buffers[i], 0, &byte, 1));
    assert_int_equal(byte, bytes[i]);
    assert_ok(rg_buffer_destroy(test.engine, buffers[i]));
  }
  fake_test_end(&test);
}

/* Slabs are made smaller until one fits. */
static void slabs_shrink_where_memory_is_short(void **state) {
  (void)state;
  fake_test test;
  fake_test_begin(&test, &(fake_device_desc){0},
                  &(rg_engine_desc){.memory_limit = 12 * MIB, .upload_size = 64 * KIB});
  rg_buffer buffers[4000];
  uint32_t count = 0;
  const rg_buffer_desc desc = {.size = 4 * KIB, .label = "small"};
  while (count < 4000 && rg_buffer_create(test.engine, &desc, &buffers[count]) == RG_OK) {
    count++;
  }
  assert_true(count < 4000);
  assert_non_null(strstr(rg_error(), "buffer 'small'"));
  assert_true(count * 4 * KIB >= 10 * MIB);
  for (uint32_t i = 0; i < count; i++) {
    assert_ok(rg_buffer_destroy(test.engine, buffers[i]));
  }
  assert_ok(rg_buffer_create(test.engine, &desc, &buffers[0])); /* as usable as before */
  assert_ok(rg_buffer_destroy(test.engine, buffers[0]));
  fake_test_end(&test);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, gpu_test_setup, gpu_test_teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(offsets_are_aligned_for_the_type),
      TEST(all_uses_of_a_buffer_count_for_its_alignment),
      TEST(offsets_are_multiples_of_the_stride),
      TEST(no_two_buffers_overlap),
      TEST(sharing_is_visible_and_can_be_refused),
      TEST(a_buffer_of_a_pool_has_a_vkbuffer_of_its_own),
      TEST(update_frequencies_do_not_share),
      TEST(shared_and_unshared_buffers_keep_their_bytes),
      TEST(few_survivors_leave_their_slabs_to_others),
      TEST(empty_slabs_go_back),
      TEST(rare_sizes_take_little),
      TEST(a_slot_is_at_most_a_sixteenth_larger),
      cmocka_unit_test(no_two_buffers_share_an_atom_of_incoherent_memory),
      cmocka_unit_test(slabs_shrink_where_memory_is_short),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
