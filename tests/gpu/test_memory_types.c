/* Which memory a resource gets on devices of every kind, and how memory that is not coherent, not
 * lasting or not for everyone is treated. The devices are fakes before the driver at hand, and
 * Debian's mock driver. */
#include <string.h>

#include "fake_test.h"

#define MIB (UINT64_C(1) << 20)

static fake_test test;

/* ---- The choice ----------------------------------------------------------------------------- */

typedef struct expected_types {
  int32_t static_buffer, dynamic_buffer, stream_buffer, readback_buffer, texture;
} expected_types;

static int32_t buffer_type(rg_update update) {
  const rg_buffer buffer = fake_test_buffer(&test, update, 4096);
  const int32_t type = fake_test_type(&test, buffer.id);
  assert_ok(rg_buffer_destroy(test.engine, buffer));
  return type;
}

static void check_types(const expected_types *expected) {
  const rg_texture texture = fake_test_texture(&test, 16);
  assert_int_equal(fake_test_type(&test, texture.id), expected->texture);
  assert_ok(rg_texture_destroy(test.engine, texture));
  assert_int_equal(buffer_type(RG_UPDATE_STATIC), expected->static_buffer);
  assert_int_equal(buffer_type(RG_UPDATE_DYNAMIC), expected->dynamic_buffer);
  assert_int_equal(buffer_type(RG_UPDATE_STREAM), expected->stream_buffer);
  assert_int_equal(buffer_type(RG_UPDATE_READBACK), expected->readback_buffer);
}

static void check_layout(fake_layout layout, const expected_types *expected) {
  fake_test_begin(
      &test, &(fake_device_desc){.layout = layout, .has_lazy = true, .has_protected = true}, NULL);
  check_types(expected);
  fake_test_end(&test);
}

static void a_discrete_device_keeps_what_the_cpu_writes_now_and_then_in_its_own_memory(
    void **state) {
  (void)state;
  check_layout(FAKE_DISCRETE, &(expected_types){0, 0, 1, 2, 0});
}

static void a_small_window_into_device_memory_is_left_alone(void **state) {
  (void)state;
  check_layout(FAKE_SMALL_BAR, &(expected_types){0, 0, 1, 3, 0});
}

static void dynamic_buffers_are_written_in_place_through_a_resizable_bar(void **state) {
  (void)state;
  check_layout(FAKE_RESIZABLE_BAR, &(expected_types){0, 2, 1, 3, 0});
}

static void buffers_of_an_integrated_device_are_host_visible(void **state) {
  (void)state;
  check_layout(FAKE_INTEGRATED, &(expected_types){1, 1, 1, 2, 0});
}

static void mapped_buffers_are_coherent_and_dynamic_ones_need_not_be(void **state) {
  (void)state;
  check_layout(FAKE_INCOHERENT, &(expected_types){0, 2, 1, 3, 0});
}

static void the_mock_driver_s_heaps_are_used_by_the_same_rules(void **state) {
  (void)state;
  fake_needs_mock();
  fake_test_begin(&test, &(fake_device_desc){.is_mock = true}, NULL);
  check_types(&(expected_types){5, 2, 0, 2, 5});
  rg_engine *engine = test.engine;
  rg_texture target = {0};
  const rg_texture_desc desc = {.width = 64,
                                .height = 64,
                                .usage = VK_IMAGE_USAGE_COLOR_ATTACHMENT_BIT,
                                .is_protected = true};
  assert_ok(rg_texture_create(engine, &desc, &target));
  assert_int_equal(fake_test_type(&test, target.id), 4);
  assert_ok(rg_texture_destroy(engine, target));
  fake_test_end(&test);
}

/* ---- Fallback ------------------------------------------------------------------------------- */

static void a_full_heap_is_followed_by_the_window_and_then_by_the_host_s(void **state) {
  (void)state;
  const fake_device_desc fake = {.layout = FAKE_SMALL_BAR,
                                 .heap_sizes = {32 * MIB, 256 * MIB, 8 * MIB}};
  fake_test_begin(&test, &fake, NULL);
  rg_buffer buffers[12];
  uint32_t counts[4] = {0};
  int32_t rank = 0;
  static const int32_t ranks[] = {0, 2, 1, 3};
  for (uint32_t i = 0; i < 12; i++) {
    buffers[i] = fake_test_buffer(&test, RG_UPDATE_STATIC, 4 * MIB);
    const int32_t type = fake_test_type(&test, buffers[i].id);
    assert_in_range(type, 0, 3);
    assert_true(ranks[type] >= rank);
    rank = ranks[type];
    counts[type]++;
  }
  assert_in_range(counts[0], 6, 8);
  assert_in_range(counts[2], 1, 2);
  assert_in_range(counts[1], 2, 5);
  for (uint32_t i = 0; i < 12; i++) {
    assert_ok(rg_buffer_destroy(test.engine, buffers[i]));
  }
  fake_test_end(&test);
}

static void what_fits_no_heap_is_refused_and_nothing_is_left_behind(void **state) {
  (void)state;
  const fake_device_desc fake = {.layout = FAKE_DISCRETE, .heap_sizes = {16 * MIB, 16 * MIB}};
  fake_test_begin(&test, &fake, &(rg_engine_desc){.upload_size = 1 * MIB});
  rg_buffer buffer = {1};
  const rg_buffer_desc desc = {.size = 32 * MIB, .label = "huge"};
  assert_error(rg_buffer_create(test.engine, &desc, &buffer), RG_ERROR_OUT_OF_DEVICE_MEMORY,
               "huge");
  assert_int_equal(buffer.id, 0);
  assert_int_equal(fake_heap_used(0), 0);
  fake_test_end(&test);
}

/* ---- Lazily allocated and protected memory -------------------------------------------------- */

static rg_texture_desc attachment_desc(void) {
  return (rg_texture_desc){
      .width = 64,
      .height = 64,
      .usage = VK_IMAGE_USAGE_COLOR_ATTACHMENT_BIT | VK_IMAGE_USAGE_TRANSIENT_ATTACHMENT_BIT,
      .label = "depth"};
}

static int32_t attachment_type(bool has_lazy) {
  rg_texture texture = {0};
  fake_test_begin(&test, &(fake_device_desc){.layout = FAKE_DISCRETE, .has_lazy = has_lazy}, NULL);
  const rg_texture_desc desc = attachment_desc();
  assert_ok(rg_texture_create(test.engine, &desc, &texture));
  const int32_t type = fake_test_type(&test, texture.id);
  unsigned char texels[64 * 64 * 4] = {0};
  assert_error(rg_texture_update(test.engine, texture, NULL, texels, sizeof texels),
               RG_ERROR_UNSUPPORTED, "texture 'depth': a transient attachment cannot be read");
  assert_error(rg_texture_read(test.engine, texture, NULL, texels, sizeof texels),
               RG_ERROR_UNSUPPORTED, "transient attachment");
  assert_ok(rg_texture_destroy(test.engine, texture));
  fake_test_end(&test);
  return type;
}

static void transient_attachments_are_lazily_allocated_where_the_device_can(void **state) {
  (void)state;
  assert_int_equal(attachment_type(true), 3);
  assert_int_equal(attachment_type(false), 0);
}

static void a_transient_attachment_is_nothing_else(void **state) {
  (void)state;
  fake_test_begin(&test, &(fake_device_desc){0}, NULL);
  rg_texture texture = {0};
  rg_texture_desc desc = attachment_desc();
  desc.usage |= VK_IMAGE_USAGE_SAMPLED_BIT;
  assert_error(rg_texture_create(test.engine, &desc, &texture), RG_ERROR_INVALID_ARGUMENT,
               "transient_attachment goes with");
  desc.usage = VK_IMAGE_USAGE_TRANSIENT_ATTACHMENT_BIT;
  assert_error(rg_texture_create(test.engine, &desc, &texture), RG_ERROR_INVALID_ARGUMENT,
               "transient_attachment goes with");
  desc = attachment_desc();
  desc.is_movable = true;
  assert_error(rg_texture_create(test.engine, &desc, &texture), RG_ERROR_INVALID_ARGUMENT,
               "cannot be movable");
  static const unsigned char texels[64 * 64 * 4];
  desc = attachment_desc();
  desc.data = texels;
  desc.data_size = sizeof texels;
  assert_error(rg_texture_create(test.engine, &desc, &texture), RG_ERROR_INVALID_ARGUMENT,
               "has no data");
  fake_test_end(&test);
}

static void protected_resources_live_in_protected_memory_alone(void **state) {
  (void)state;
  const fake_device_desc fake = {.layout = FAKE_DISCRETE, .has_protected = true};
  fake_test_begin(&test, &fake, NULL);
  rg_texture texture = {0};
  rg_texture_desc desc = {.width = 64, .height = 64, .is_protected = true, .label = "film"};
  assert_ok(rg_texture_create(test.engine, &desc, &texture));
  assert_int_equal(fake_test_type(&test, texture.id), 3);
  unsigned char texels[64 * 64 * 4] = {0};
  assert_error(rg_texture_read(test.engine, texture, NULL, texels, sizeof texels),
               RG_ERROR_UNSUPPORTED, "texture 'film': protected memory cannot be read");
  assert_ok(rg_flush(test.engine, NULL)); /* touches it not */
  assert_ok(rg_texture_destroy(test.engine, texture));
  desc.data = texels;
  desc.data_size = sizeof texels;
  assert_error(rg_texture_create(test.engine, &desc, &texture), RG_ERROR_INVALID_ARGUMENT,
               "protected memory is neither copied nor exported");
  rg_buffer buffer = {0};
  const rg_buffer_desc buffer_desc = {.size = 4096, .is_protected = true};
  assert_ok(rg_buffer_create(test.engine, &buffer_desc, &buffer));
  assert_int_equal(fake_test_type(&test, buffer.id), 3);
  assert_ok(rg_buffer_destroy(test.engine, buffer));
  fake_test_end(&test);
}

static void protected_memory_is_refused_where_there_is_none(void **state) {
  (void)state;
  fake_test_begin(&test, &(fake_device_desc){.layout = FAKE_DISCRETE}, NULL);
  rg_texture texture = {0};
  const rg_texture_desc desc = {.width = 64, .height = 64, .is_protected = true};
  assert_error(rg_texture_create(test.engine, &desc, &texture), RG_ERROR_UNSUPPORTED,
               "protected memory is not enabled");
  rg_buffer buffer = {0};
  const rg_buffer_desc buffer_desc = {.size = 4096, .is_protected = true};
  assert_error(rg_buffer_create(test.engine, &buffer_desc, &buffer), RG_ERROR_UNSUPPORTED,
               "protected");
  fake_test_end(&test);
}

/* ---- Priority and addresses ----------------------------------------------------------------- */

static void a_priority_reaches_the_driver_with_memory_of_its_own(void **state) {
  (void)state;
  fake_test_begin(&test, &(fake_device_desc){.layout = FAKE_DISCRETE, .has_priority = true}, NULL);
  rg_texture texture = {0};
  rg_texture_desc desc = {.width = 1024, .height = 1024, .priority = 0.875f};
  assert_ok(rg_texture_create(test.engine, &desc, &texture));
  assert_true(fake_allocation_last().priority == 0.875f);
  assert_true(fake_allocation_last().is_dedicated);
  assert_ok(rg_texture_destroy(test.engine, texture));
  const rg_buffer buffer = fake_test_buffer(&test, RG_UPDATE_STATIC, 100000);
  assert_true(fake_allocation_last().priority == -1.0f); /* which means 0.5 */
  assert_ok(rg_buffer_destroy(test.engine, buffer));
  desc.priority = 1.5f;
  assert_error(rg_texture_create(test.engine, &desc, &texture), RG_ERROR_INVALID_ARGUMENT,
               "priority 1.5 is not from 0 to 1");
  fake_test_end(&test);
}

static void without_the_extension_no_priority_is_given(void **state) {
  (void)state;
  fake_test_begin(&test, &(fake_device_desc){.layout = FAKE_DISCRETE}, NULL);
  const rg_buffer buffer = fake_test_buffer(&test, RG_UPDATE_STATIC, 100000);
  assert_true(fake_allocation_last().priority == -1.0f);
  assert_ok(rg_buffer_destroy(test.engine, buffer));
  fake_test_end(&test);
}

static void a_buffer_has_an_address_where_its_usage_asks_for_one(void **state) {
  (void)state;
  fake_test_begin(&test, &(fake_device_desc){.layout = FAKE_DISCRETE}, NULL);
  VkDeviceAddress address = 0;
  rg_buffer plain = fake_test_buffer(&test, RG_UPDATE_STATIC, 4096), addressed = {0};
  const rg_buffer_desc desc = {.size = 4096, .usage = VK_BUFFER_USAGE_SHADER_DEVICE_ADDRESS_BIT};
  assert_ok(rg_buffer_create(test.engine, &desc, &addressed));
  assert_ok(rg_buffer_get_address(test.engine, addressed, &address));
  assert_int_not_equal(address, 0);
  assert_error(rg_buffer_get_address(test.engine, plain, &address), RG_ERROR_UNSUPPORTED, "usage");
  assert_int_equal(address, 0);
  assert_ok(rg_buffer_destroy(test.engine, addressed));
  assert_ok(rg_buffer_destroy(test.engine, plain));
  fake_test_end(&test);
}

static void without_the_feature_there_are_no_addresses(void **state) {
  (void)state;
  fake_test_begin(&test, &(fake_device_desc){.has_no_address = true}, NULL);
  rg_buffer buffer = {0};
  const rg_buffer_desc desc = {.size = 4096, .usage = VK_BUFFER_USAGE_SHADER_DEVICE_ADDRESS_BIT};
  assert_error(rg_buffer_create(test.engine, &desc, &buffer), RG_ERROR_UNSUPPORTED, "");
  buffer = fake_test_buffer(&test, RG_UPDATE_STATIC, 4096);
  assert_false(fake_allocation_last().has_address);
  assert_ok(rg_buffer_destroy(test.engine, buffer));
  fake_test_end(&test);
}

/* ---- Coherence and neighbours --------------------------------------------------------------- */

/* Buffers of odd sizes, shared and not, so that atoms hold parts of several. */
static void incoherent_memory_is_flushed_and_invalidated_by_whole_atoms(void **state) {
  (void)state;
  enum { COUNT = 24, SIZE = 1000 };
  fake_test_begin(&test, &(fake_device_desc){.layout = FAKE_INCOHERENT, .atom = 256}, NULL);
  rg_buffer buffers[COUNT];
  unsigned char bytes[SIZE], found[SIZE];
  for (uint32_t i = 0; i < COUNT; i++) {
    memset(bytes, (int)i, sizeof bytes);
    const rg_buffer_desc desc = {
        .size = SIZE, .update = RG_UPDATE_DYNAMIC, .own_vk_buffer = i % 2 == 0, .data = bytes};
    assert_ok(rg_buffer_create(test.engine, &desc, &buffers[i]));
    assert_int_equal(fake_test_type(&test, buffers[i].id), 2);
  }
  for (uint32_t i = 0; i < COUNT; i++) {
    memset(bytes, 0x80 + (int)i, sizeof bytes);
    assert_ok(rg_buffer_update(test.engine, buffers[i], 100, bytes, 300));
  }
  assert_ok(rg_flush(test.engine, NULL));
  for (uint32_t i = 0; i < COUNT; i++) {
    assert_ok(rg_buffer_read(test.engine, buffers[i], 0, found, SIZE));
    memset(bytes, (int)i, sizeof bytes);
    memset(bytes + 100, 0x80 + (int)i, 300);
    assert_memory_equal(found, bytes, SIZE);
    assert_ok(rg_buffer_destroy(test.engine, buffers[i]));
  }
  assert_true(fake_flush_count() > 0);
  fake_test_end(&test);
}

static void what_the_gpu_writes_to_incoherent_memory_is_invalidated_before_it_is_read(
    void **state) {
  (void)state;
  enum { SIZE = 700 };
  fake_test_begin(&test, &(fake_device_desc){.layout = FAKE_INCOHERENT, .atom = 256}, NULL);
  unsigned char bytes[SIZE], found[SIZE];
  memset(bytes, 0x3C, sizeof bytes);
  const rg_buffer from = fake_test_buffer(&test, RG_UPDATE_STATIC, SIZE);
  const rg_buffer to = fake_test_buffer(&test, RG_UPDATE_DYNAMIC, SIZE);
  assert_int_equal(fake_test_type(&test, to.id), 2);
  assert_ok(rg_buffer_update(test.engine, from, 0, bytes, SIZE));
  assert_ok(rg_buffer_copy(test.engine, from, 0, to, 0, SIZE));
  assert_ok(rg_buffer_read(test.engine, to, 0, found, SIZE));
  assert_memory_equal(found, bytes, SIZE);
  assert_ok(rg_buffer_destroy(test.engine, from));
  assert_ok(rg_buffer_destroy(test.engine, to));
  fake_test_end(&test);
}

static void check_neighbours(uint64_t granularity) {
  enum { COUNT = 32 };
  const fake_device_desc fake = {.layout = FAKE_DISCRETE, .granularity = granularity};
  fake_test_begin(&test, &fake, NULL);
  rg_buffer buffers[COUNT];
  rg_texture textures[COUNT];
  for (uint32_t i = 0; i < COUNT; i++) {
    buffers[i] = fake_test_buffer(&test, RG_UPDATE_STATIC, 100 + 64 * i);
    textures[i] = fake_test_texture(&test, 1 + i % 16);
  }
  for (uint32_t i = 0; i < COUNT; i++) {
    assert_ok(rg_buffer_destroy(test.engine, buffers[i]));
    buffers[i] = fake_test_buffer(&test, RG_UPDATE_STATIC, 100 + 32 * i);
  }
  for (uint32_t i = 0; i < COUNT; i++) {
    assert_ok(rg_buffer_destroy(test.engine, buffers[i]));
    assert_ok(rg_texture_destroy(test.engine, textures[i]));
  }
  fake_test_end(&test);
}

static uint64_t load_one(uint32_t random) {
  static const rg_update updates[] = {RG_UPDATE_STATIC, RG_UPDATE_DYNAMIC, RG_UPDATE_STREAM,
                                      RG_UPDATE_READBACK};
  if (random % 3 == 0) {
    return fake_test_texture(&test, 1 + random / 3 % 300).id;
  }
  return fake_test_buffer(&test, updates[random / 3 % 4], 1 + random / 12 % 300000).id;
}

static void unload_one(uint64_t id) {
  if (rg_type_of(id) == RG_TYPE_TEXTURE) {
    assert_ok(rg_texture_destroy(test.engine, (rg_texture){id}));
  } else {
    assert_ok(rg_buffer_destroy(test.engine, (rg_buffer){id}));
  }
}

/* Buffers and textures of all kinds come and go; the fake watches. */
static void check_load(const fake_device_desc *fake, uint64_t block_size) {
  enum { LIVE = 64, STEPS = 1500 };
  fake_test_begin(&test, fake, &(rg_engine_desc){.block_size = block_size, .upload_size = MIB});
  uint64_t ids[LIVE] = {0};
  uint32_t random = 12345;
  for (uint32_t i = 0; i < STEPS; i++) {
    random = random * 1664525 + 1013904223;
    uint64_t *id = &ids[random >> 8 & (LIVE - 1)];
    if (*id != 0) {
      unload_one(*id);
    }
    *id = load_one(random >> 4);
  }
  for (uint32_t i = 0; i < LIVE; i++) {
    if (ids[i] != 0) {
      unload_one(ids[i]);
    }
  }
  assert_ok(rg_flush(test.engine, NULL));
  fake_test_end(&test);
}

static void a_random_load_keeps_to_every_rule_of_the_device(void **state) {
  (void)state;
  check_load(&(fake_device_desc){.layout = FAKE_SMALL_BAR,
                                 .granularity = 4096,
                                 .max_allocation_count = 24,
                                 .has_lazy = true,
                                 .has_protected = true,
                                 .has_budget = true},
             MIB);
  check_load(&(fake_device_desc){.layout = FAKE_INCOHERENT, .granularity = 64, .atom = 256}, MIB);
}

static void the_mock_driver_s_heaps_carry_a_random_load(void **state) {
  (void)state;
  fake_needs_mock();
  check_load(&(fake_device_desc){.is_mock = true, .max_allocation_count = 24}, 0);
}

static void buffers_and_images_share_no_granule(void **state) {
  (void)state;
  check_neighbours(4096);
  check_neighbours(1024);
  check_neighbours(64);
  check_neighbours(1);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_discrete_device_keeps_what_the_cpu_writes_now_and_then_in_its_own_memory),
      cmocka_unit_test(a_small_window_into_device_memory_is_left_alone),
      cmocka_unit_test(dynamic_buffers_are_written_in_place_through_a_resizable_bar),
      cmocka_unit_test(buffers_of_an_integrated_device_are_host_visible),
      cmocka_unit_test(mapped_buffers_are_coherent_and_dynamic_ones_need_not_be),
      cmocka_unit_test(the_mock_driver_s_heaps_are_used_by_the_same_rules),
      cmocka_unit_test(a_full_heap_is_followed_by_the_window_and_then_by_the_host_s),
      cmocka_unit_test(what_fits_no_heap_is_refused_and_nothing_is_left_behind),
      cmocka_unit_test(transient_attachments_are_lazily_allocated_where_the_device_can),
      cmocka_unit_test(a_transient_attachment_is_nothing_else),
      cmocka_unit_test(protected_resources_live_in_protected_memory_alone),
      cmocka_unit_test(protected_memory_is_refused_where_there_is_none),
      cmocka_unit_test(a_priority_reaches_the_driver_with_memory_of_its_own),
      cmocka_unit_test(without_the_extension_no_priority_is_given),
      cmocka_unit_test(a_buffer_has_an_address_where_its_usage_asks_for_one),
      cmocka_unit_test(without_the_feature_there_are_no_addresses),
      cmocka_unit_test(incoherent_memory_is_flushed_and_invalidated_by_whole_atoms),
      cmocka_unit_test(what_the_gpu_writes_to_incoherent_memory_is_invalidated_before_it_is_read),
      cmocka_unit_test(buffers_and_images_share_no_granule),
      cmocka_unit_test(a_random_load_keeps_to_every_rule_of_the_device),
      cmocka_unit_test(the_mock_driver_s_heaps_carry_a_random_load),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
