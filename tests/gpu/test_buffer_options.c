/* What a buffer's descriptor can ask for beside size and type: refusals, addresses, priority,
 * protection, guards; and handles that are no buffers of this engine. */
#include <math.h>
#include <string.h>

#include "fake_test.h"

static rg_buffer make(rg_engine *engine, rg_buffer_desc desc) {
  rg_buffer buffer;
  assert_ok(rg_buffer_create(engine, &desc, &buffer));
  return buffer;
}

typedef struct bad_case {
  rg_buffer_desc desc;
  rg_result result;
  const char *message;
} bad_case;

/* Nothing is made, and what is there stays. */
static void assert_refused(rg_engine *engine, const bad_case *cases, uint32_t count) {
  rg_memory_stats before, after;
  rg_memory_get_stats(engine, &before);
  for (uint32_t i = 0; i < count; i++) {
    rg_buffer buffer = {1};
    assert_error(rg_buffer_create(engine, &cases[i].desc, &buffer), cases[i].result,
                 cases[i].message);
    assert_int_equal(buffer.id, 0);
  }
  rg_memory_get_stats(engine, &after);
  assert_int_equal(after.used, before.used);
  assert_int_equal(after.host_bytes, before.host_bytes);
}

static void values_that_no_buffer_can_have_are_refused(void **state) {
  gpu_test *test = *state;
  static const uint32_t data = 1;
  rg_buffer other = make(test->engine, (rg_buffer_desc){.size = 1 << 20, .label = "other"});
  const bad_case cases[] = {
      {{.size = 4, .stride = 5, .label = "odd"},
       RG_ERROR_INVALID_ARGUMENT,
       "stride 5 exceeds its 4"},
      {{.size = 4, .priority = 1.5f}, RG_ERROR_INVALID_ARGUMENT, "priority 1.5"},
      {{.size = 4, .priority = -0.5f}, RG_ERROR_INVALID_ARGUMENT, "priority -0.5"},
      {{.size = 4, .priority = NAN}, RG_ERROR_INVALID_ARGUMENT, "priority"},
      {{.size = 4, .pool = {0x0612345678123456}}, RG_ERROR_STALE_HANDLE, "pool"},
      {{.size = 4, .pool = {other.id}}, RG_ERROR_WRONG_TYPE, "buffer 'other'"},
  };
  assert_refused(test->engine, cases, sizeof cases / sizeof cases[0]);
  assert_ok(rg_buffer_update(test->engine, other, 0, &data, 4));
  assert_ok(rg_buffer_destroy(test->engine, other));
}

/* ---- Handles -------------------------------------------------------------------------------- */

static void assert_no_buffer(rg_engine *engine, rg_buffer buffer, rg_result expected) {
  rg_buffer_vk vk;
  VkDeviceAddress address = 1;
  void *mapped = NULL;
  uint32_t data = 0;
  assert_int_equal(rg_buffer_get_vk(engine, buffer, &vk), expected);
  assert_true(vk.buffer == VK_NULL_HANDLE && vk.size == 0);
  assert_int_equal(rg_buffer_get_address(engine, buffer, &address), expected);
  assert_int_equal(address, 0);
  assert_int_equal(rg_buffer_map(engine, buffer, &mapped), expected);
  assert_int_equal(rg_buffer_update(engine, buffer, 0, &data, 4), expected);
  assert_int_equal(rg_buffer_read(engine, buffer, 0, &data, 4), expected);
  assert_int_equal(rg_buffer_copy(engine, buffer, 0, buffer, 8, 4), expected);
  assert_int_equal(rg_buffer_destroy(engine, buffer), expected);
}

static void forged_handles_do_nothing(void **state) {
  gpu_test *test = *state;
  rg_buffer kept = make(test->engine, (rg_buffer_desc){.size = 16});
  for (uint32_t bit = 0; bit < 56; bit++) {
    assert_no_buffer(test->engine, (rg_buffer){kept.id ^ UINT64_C(1) << bit},
                     RG_ERROR_STALE_HANDLE);
  }
  static const uint64_t ids[] = {0, 1, UINT64_MAX, UINT64_C(1) << 56, UINT64_C(0x01FFFFFFFFFFFFFF)};
  for (uint32_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
    assert_no_buffer(test->engine, (rg_buffer){ids[i]}, RG_ERROR_STALE_HANDLE);
  }
  assert_true(rg_is_live(test->engine, kept.id));
  assert_ok(rg_buffer_destroy(test->engine, kept));
  assert_no_buffer(test->engine, kept, RG_ERROR_STALE_HANDLE);
}

static void another_engines_handles_do_nothing(void **state) {
  gpu_test *test = *state;
  gpu_log log;
  gpu_log_init(&log);
  const rg_engine_desc desc = gpu_test_desc(&log);
  rg_engine *other = NULL;
  assert_ok(rg_engine_create(&desc, &other));
  for (uint32_t i = 0; i < 8; i++) {
    rg_buffer here = make(test->engine, (rg_buffer_desc){.size = 16});
    rg_buffer there = make(other, (rg_buffer_desc){.size = 16});
    assert_no_buffer(test->engine, there, RG_ERROR_STALE_HANDLE);
    assert_no_buffer(other, here, RG_ERROR_STALE_HANDLE);
    assert_ok(rg_buffer_destroy(test->engine, here));
    assert_ok(rg_buffer_destroy(other, there));
  }
  rg_engine_destroy(other);
  assert_int_equal(log.validation_count, 0);
}

/* ---- Addresses ------------------------------------------------------------------------------ */

static const VkBufferUsageFlags address_usage = VK_BUFFER_USAGE_SHADER_DEVICE_ADDRESS_BIT;

static void small_and_large_buffers_have_addresses(void **state) {
  gpu_test *test = *state;
  rg_buffer buffers[3];
  VkDeviceAddress addresses[3];
  rg_buffer_vk vk[3];
  static const uint64_t sizes[] = {100, 100, 100000};
  for (uint32_t i = 0; i < 3; i++) {
    buffers[i] = make(test->engine, (rg_buffer_desc){.size = sizes[i], .usage = address_usage});
    assert_ok(rg_buffer_get_address(test->engine, buffers[i], &addresses[i]));
    assert_ok(rg_buffer_get_vk(test->engine, buffers[i], &vk[i]));
    assert_true(addresses[i] != 0);
  }
  assert_true(vk[0].buffer == vk[1].buffer); /* they share, and their addresses tell them apart */
  assert_int_equal(addresses[1] - addresses[0], vk[1].offset - vk[0].offset);
  rg_buffer plain = make(test->engine, (rg_buffer_desc){.size = 4, .label = "plain"});
  VkDeviceAddress address = 1;
  assert_error(rg_buffer_get_address(test->engine, plain, &address), RG_ERROR_UNSUPPORTED,
               "buffer 'plain': its usage lacks shader_device_address");
  assert_int_equal(address, 0);
  assert_ok(rg_buffer_destroy(test->engine, plain));
  for (uint32_t i = 0; i < 3; i++) {
    assert_ok(rg_buffer_destroy(test->engine, buffers[i]));
  }
}

static void addresses_need_the_device_to_have_them(void **state) {
  (void)state;
  fake_test test;
  fake_test_begin(&test, &(fake_device_desc){.has_no_address = true}, NULL);
  const bad_case refused = {{.size = 4, .usage = VK_BUFFER_USAGE_SHADER_DEVICE_ADDRESS_BIT},
                            RG_ERROR_UNSUPPORTED,
                            "bufferDeviceAddress"};
  assert_refused(test.engine, &refused, 1);
  fake_test_end(&test);
}

/* ---- Protected memory, priority ------------------------------------------------------------- */

static void protected_buffers_are_out_of_the_cpus_reach(void **state) {
  (void)state;
  fake_test test;
  fake_test_begin(&test, &(fake_device_desc){.layout = FAKE_DISCRETE, .has_protected = true}, NULL);
  static const uint32_t data = 7;
  const bad_case cases[] = {
      {{.size = 4, .is_protected = true, .data = &data}, RG_ERROR_INVALID_ARGUMENT, "no data"},
      {{.size = 4, .is_protected = true, .update = RG_UPDATE_STREAM},
       RG_ERROR_INVALID_ARGUMENT,
       "static"},
      {{.size = 4, .is_protected = true, .type = RG_BUFFER_STAGING},
       RG_ERROR_INVALID_ARGUMENT,
       "static"},
      {{.size = 4, .is_protected = true, .is_exportable = true},
       RG_ERROR_INVALID_ARGUMENT,
       "exported"},
  };
  assert_refused(test.engine, cases, sizeof cases / sizeof cases[0]);
  rg_buffer secret = make(test.engine, (rg_buffer_desc){.size = 4, .is_protected = true});
  uint32_t read = 0;
  const rg_result bad = RG_ERROR_UNSUPPORTED;
  assert_error(rg_buffer_update(test.engine, secret, 0, &data, 4), bad, "protected memory");
  assert_error(rg_buffer_read(test.engine, secret, 0, &read, 4), bad, "protected memory");
  assert_error(rg_buffer_copy(test.engine, secret, 0, secret, 2, 2), bad, "protected memory");
  assert_ok(rg_buffer_destroy(test.engine, secret));
  fake_test_end(&test);
}

static void protection_needs_the_device_to_have_it(void **state) {
  (void)state;
  fake_test test;
  fake_test_begin(&test, &(fake_device_desc){.layout = FAKE_DISCRETE}, NULL);
  const bad_case refused = {
      {.size = 4, .is_protected = true}, RG_ERROR_UNSUPPORTED, "protected memory"};
  assert_refused(test.engine, &refused, 1);
  fake_test_end(&test);
}

/* ---- Guards --------------------------------------------------------------------------------- */

static void overrun(const char *label, rg_buffer_desc desc, uint64_t at, bool is_told) {
  fake_test test;
  fake_test_begin(&test, &(fake_device_desc){0}, &(rg_engine_desc){.memory_margin = 32});
  desc.label = label;
  desc.update = RG_UPDATE_STREAM;
  rg_buffer buffer = make(test.engine, desc);
  unsigned char *mapped = NULL;
  assert_ok(rg_buffer_map(test.engine, buffer, (void **)&mapped));
  memset(mapped, 0xEE, desc.size);
  assert_ok(rg_memory_check(test.engine));
  mapped[at] ^= 0x55;
  if (is_told) {
    assert_error(rg_memory_check(test.engine), RG_ERROR_FORMAT, label);
  } else {
    assert_ok(rg_memory_check(test.engine));
  }
  gpu_log_clear(&test.log);
  assert_ok(rg_buffer_destroy(test.engine, buffer));
  assert_int_equal(gpu_log_has(&test.log, label), is_told);
  fake_test_end(&test);
}

static void an_overrun_of_a_shared_buffer_is_told(void **state) {
  (void)state;
  overrun("run over", (rg_buffer_desc){.size = 100}, 100, true);
  overrun("run over", (rg_buffer_desc){.size = 100}, 131, true);
  overrun("run over", (rg_buffer_desc){.size = 100}, 99, false);
  overrun("run over", (rg_buffer_desc){.size = 108, .stride = 12}, 108, true);
  overrun("run over", (rg_buffer_desc){.size = 64 << 10}, 64 << 10, true);
}

static void an_overrun_of_a_buffer_of_its_own_is_told(void **state) {
  (void)state;
  overrun("alone", (rg_buffer_desc){.size = 100, .own_vk_buffer = true}, 100, true);
  overrun("alone", (rg_buffer_desc){.size = 100, .own_vk_buffer = true}, 99, false);
  overrun("alone", (rg_buffer_desc){.size = 200000}, 200000, true);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, gpu_test_setup, gpu_test_teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(values_that_no_buffer_can_have_are_refused),
      TEST(forged_handles_do_nothing),
      TEST(another_engines_handles_do_nothing),
      TEST(small_and_large_buffers_have_addresses),
      cmocka_unit_test(addresses_need_the_device_to_have_them),
      cmocka_unit_test(protected_buffers_are_out_of_the_cpus_reach),
      cmocka_unit_test(protection_needs_the_device_to_have_it),
      cmocka_unit_test(an_overrun_of_a_shared_buffer_is_told),
      cmocka_unit_test(an_overrun_of_a_buffer_of_its_own_is_told),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
