/* An engine on a fake device: its begin and end, and the resources that tests make on it. */
#include "fake_test.h"

void fake_test_begin(fake_test *test, const fake_device_desc *fake, const rg_engine_desc *more) {
  gpu_log_init(&test->log);
  const rg_engine_desc base = fake_device_begin(fake, &test->log);
  rg_engine_desc desc = more == NULL ? base : *more;
  desc.label = base.label;
  desc.log = base.log;
  desc.log_user = base.log_user;
  desc.validation = base.validation;
  desc.get_instance_proc_addr = base.get_instance_proc_addr;
  assert_ok(rg_engine_create(&desc, &test->engine));
}

void fake_test_end(fake_test *test) {
  rg_engine_destroy(test->engine);
  test->engine = NULL;
  const bool is_clean = test->log.validation_count == 0 && !gpu_log_has(&test->log, "leaks") &&
                        !gpu_log_has(&test->log, "never ");
  if (!is_clean) {
    print_error("the log at the end:\n%s", test->log.text);
  }
  pthread_mutex_destroy(&test->log.lock);
  fake_device_end();
  assert_true(is_clean);
}

rg_buffer fake_test_buffer(fake_test *test, rg_update update, uint64_t size) {
  rg_buffer buffer = {0};
  const rg_buffer_desc desc = {.size = size, .update = update, .own_vk_buffer = true};
  assert_ok(rg_buffer_create(test->engine, &desc, &buffer));
  return buffer;
}

rg_texture fake_test_texture(fake_test *test, uint32_t side) {
  rg_texture texture = {0};
  const rg_texture_desc desc = {.width = side, .height = side};
  assert_ok(rg_texture_create(test->engine, &desc, &texture));
  return texture;
}

int32_t fake_test_type(fake_test *test, uint64_t id) {
  rg_resource_info info;
  assert_ok(rg_resource_get_info(test->engine, id, &info));
  return info.memory_type;
}
