/* What an engine does with the features of a device that its host brings: only what the host says
 * is enabled. */
#include <unistd.h>

#include "fake_test.h"

static fake_test owner; /* its device is the hosts' */

static rg_host_device host_of(const rg_engine_vk *vk) {
  return (rg_host_device){.instance = vk->instance,
                          .physical_device = vk->physical_device,
                          .device = vk->device,
                          .queue = vk->queue,
                          .queue_family = vk->queue_family,
                          .api_version = vk->api_version};
}

/* A guest on the owner's device; host: NULL for one that enables nothing. */
static rg_engine *guest_create(gpu_log *log, const rg_host_device *host) {
  rg_engine *engine = NULL;
  rg_engine_desc desc = gpu_test_desc(log);
  gpu_log_init(log);
  desc.host_device = host;
  desc.get_instance_proc_addr = fake_get_instance_proc_addr;
  assert_ok(rg_engine_create(&desc, &engine));
  return engine;
}

static void guest_destroy(rg_engine *engine, gpu_log *log) {
  rg_engine_destroy(engine);
  assert_int_equal(log->validation_count, 0);
}

static const rg_buffer_desc addressed = {.size = 4096,
                                         .usage = VK_BUFFER_USAGE_SHADER_DEVICE_ADDRESS_BIT};
static const rg_buffer_desc exported = {.size = 4096, .is_exportable = true};
static const rg_buffer_desc guarded = {.size = 4096, .is_protected = true};
static const rg_texture_desc urgent = {.width = 1024, .height = 1024, .priority = 1.0f};

static void begin(void) {
  const fake_device_desc fake = {
      .layout = FAKE_DISCRETE, .has_protected = true, .has_priority = true, .has_budget = true};
  fake_test_begin(&owner, &fake, NULL);
}

static void nothing_is_used_that_the_host_has_not_enabled(void **state) {
  (void)state;
  gpu_log log;
  rg_engine_vk vk;
  begin();
  rg_engine_get_vk(owner.engine, &vk);
  const rg_host_device host = host_of(&vk);
  rg_engine *guest = guest_create(&log, &host);
  rg_buffer buffer = {0};
  rg_bindless_vk bindless;
  assert_error(rg_buffer_create(guest, &addressed, &buffer), RG_ERROR_UNSUPPORTED, "");
  assert_error(rg_buffer_create(guest, &exported, &buffer), RG_ERROR_UNSUPPORTED,
               "VK_KHR_external_memory_fd is not enabled");
  assert_error(rg_buffer_create(guest, &guarded, &buffer), RG_ERROR_UNSUPPORTED, "protected");
  assert_error(rg_bindless_get_vk(guest, &bindless), RG_ERROR_UNSUPPORTED, "");
  rg_texture texture = {0};
  assert_ok(rg_texture_create(guest, &urgent, &texture));
  assert_true(fake_allocation_last().priority == -1.0f);
  assert_false(fake_allocation_last().has_address);
  assert_ok(rg_texture_destroy(guest, texture));
  const uint32_t asked = fake_budget_count();
  assert_ok(rg_collect(guest));
  assert_int_equal(fake_budget_count(), asked);
  guest_destroy(guest, &log);
  fake_test_end(&owner);
}

static void what_the_host_has_enabled_is_used(void **state) {
  (void)state;
  gpu_log log;
  rg_engine_vk vk;
  begin();
  rg_engine_get_vk(owner.engine, &vk);
  rg_host_device host = host_of(&vk);
  host.has_memory_budget = host.has_memory_priority = host.has_protected_memory = true;
  host.has_device_address = host.has_external_memory = true;
  rg_engine *guest = guest_create(&log, &host);
  rg_buffer buffer = {0};
  VkDeviceAddress address = 0;
  assert_ok(rg_buffer_create(guest, &addressed, &buffer));
  assert_ok(rg_buffer_get_address(guest, buffer, &address));
  assert_int_not_equal(address, 0);
  assert_ok(rg_buffer_destroy(guest, buffer));
  int fd = -1;
  assert_ok(rg_buffer_create(guest, &exported, &buffer));
  assert_ok(rg_resource_export(guest, buffer.id, &fd));
  assert_int_equal(close(fd), 0);
  assert_ok(rg_buffer_destroy(guest, buffer));
  assert_ok(rg_buffer_create(guest, &guarded, &buffer));
  assert_ok(rg_buffer_destroy(guest, buffer));
  rg_texture texture = {0};
  assert_ok(rg_texture_create(guest, &urgent, &texture));
  assert_true(fake_allocation_last().priority == 1.0f);
  assert_ok(rg_texture_destroy(guest, texture));
  const uint32_t asked = fake_budget_count();
  assert_ok(rg_collect(guest));
  assert_int_equal(fake_budget_count(), asked + 1);
  guest_destroy(guest, &log);
  fake_test_end(&owner);
}

/* Where the device can: a host that only claims it is not believed. */
static void bindless_textures_need_a_device_that_has_them(void **state) {
  (void)state;
  gpu_log log;
  rg_engine_vk vk;
  rg_bindless_vk own, guests;
  begin();
  rg_engine_get_vk(owner.engine, &vk);
  rg_host_device host = host_of(&vk);
  host.has_bindless = true;
  rg_engine *guest = guest_create(&log, &host);
  assert_int_equal(rg_bindless_get_vk(guest, &guests), rg_bindless_get_vk(owner.engine, &own));
  guest_destroy(guest, &log);
  fake_test_end(&owner);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(nothing_is_used_that_the_host_has_not_enabled),
      cmocka_unit_test(what_the_host_has_enabled_is_used),
      cmocka_unit_test(bindless_textures_need_a_device_that_has_them),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
