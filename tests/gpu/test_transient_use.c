/* Transient resources that take turns in the same memory, and the engine's own reads and writes. */
#include "transient_scene.h"

/* ---- Alternating ---------------------------------------------------------------------------- */

#define CHAIN 6

/* Each in the memory of the one before the last. */
static void chain_create(gpu_test *test, rg_handle handles[CHAIN]) {
  const rg_texture_desc texture = {.width = 64, .height = 64, .usage = TARGET, .label = "link"};
  rg_transient_desc descs[CHAIN];
  for (uint32_t i = 0; i < CHAIN; i++) {
    descs[i] = (rg_transient_desc){.texture = &texture, .first_use = i, .last_use = i + 1};
  }
  assert_ok(rg_transients_create(test->engine, descs, CHAIN, handles, NULL));
  for (uint32_t i = 2; i < CHAIN; i++) {
    assert_true(shares_bytes(test, handles[i], handles[i - 2]));
    assert_false(shares_bytes(test, handles[i], handles[i - 1]));
  }
}

static void textures_alternate_in_the_same_memory_without_a_hazard(void **state) {
  gpu_test *test = *state;
  rg_handle handles[CHAIN];
  gpu_commands commands;
  chain_create(test, handles);
  for (uint32_t frame = 0; frame < 3; frame++) {
    gpu_commands_begin(&commands, test);
    for (uint32_t i = 0; i < CHAIN; i++) {
      const rg_texture_vk vk = texture_vk(test, handles[i]);
      assert_ok(rg_cmd_begin_transients(test->engine, commands.buffer, &handles[i], 1));
      if (i % 2 == 0 || !test->device.dynamic_rendering) {
        gpu_cmd_clear(&commands, &vk, gpu_scope_shader, (VkClearColorValue){{1, 0, 0, 1}});
      } else {
        gpu_cmd_render(&commands, &vk, gpu_scope_shader, (VkClearColorValue){{0, 1, 0, 1}});
      }
    }
    gpu_commands_run(&commands);
  }
  destroy_all(test, handles, CHAIN);
}

/* Fills them all in turn, in one command buffer; the layer follows a buffer's bytes into whatever
 * else lies there. */
static void fill_buffers(gpu_test *test, const rg_handle *handles, uint32_t count, bool begins) {
  gpu_commands commands;
  gpu_commands_begin(&commands, test);
  for (uint32_t i = 0; i < 3 * count; i++) {
    rg_buffer_vk vk;
    assert_ok(rg_buffer_get_vk(test->engine, (rg_buffer){handles[i % count].id}, &vk));
    if (begins) {
      assert_ok(rg_cmd_begin_transients(test->engine, commands.buffer, &handles[i % count], 1));
    }
    commands.CmdFillBuffer(commands.buffer, vk.buffer, vk.offset, vk.size, i);
  }
  gpu_commands_run(&commands);
}

static void buffers_create(gpu_test *test, rg_handle handles[2]) {
  const rg_buffer_desc buffer = {.size = 65536, .label = "list"};
  const rg_transient_desc descs[] = {{.buffer = &buffer, .first_use = 0, .last_use = 0},
                                     {.buffer = &buffer, .first_use = 1, .last_use = 1}};
  assert_ok(rg_transients_create(test->engine, descs, 2, handles, NULL));
  assert_true(shares_bytes(test, handles[0], handles[1]));
}

static void buffers_alternate_in_the_same_memory_without_a_hazard(void **state) {
  gpu_test *test = *state;
  rg_handle handles[2];
  buffers_create(test, handles);
  fill_buffers(test, handles, 2, true);
  destroy_all(test, handles, 2);
}

/* A test whose validation messages are wanted. */
static void noisy_begin(gpu_test *test) {
  memset(test, 0, sizeof *test);
  gpu_log_init(&test->log);
  const rg_engine_desc desc = gpu_test_desc(&test->log);
  assert_ok(rg_engine_create(&desc, &test->engine));
  rg_engine_get_vk(test->engine, &test->vk);
}

static void noisy_end(gpu_test *test) {
  rg_engine_destroy(test->engine);
  pthread_mutex_destroy(&test->log.lock);
}

static void a_texture_that_never_began_is_reported_by_the_layer(void **state) {
  (void)state;
  gpu_test test;
  rg_handle handles[CHAIN];
  gpu_commands commands;
  noisy_begin(&test);
  chain_create(&test, handles);
  gpu_commands_begin(&commands, &test);
  const rg_texture_vk vk = texture_vk(&test, handles[0]);
  gpu_cmd_clear(&commands, &vk, gpu_scope_shader, (VkClearColorValue){{1, 0, 0, 1}});
  gpu_commands_run(&commands);
  assert_true(gpu_log_has(&test.log, "VK_IMAGE_LAYOUT_UNDEFINED"));
  destroy_all(&test, handles, CHAIN);
  noisy_end(&test);
}

static void a_buffer_over_another_that_never_began_is_reported_by_the_layer(void **state) {
  (void)state;
  gpu_test test;
  rg_handle handles[2];
  noisy_begin(&test);
  buffers_create(&test, handles);
  fill_buffers(&test, handles, 2, false);
  assert_true(gpu_log_has(&test.log, "SYNC-HAZARD-WRITE-AFTER-WRITE") ||
              gpu_log_has(&test.log, "WRITE_AFTER_WRITE"));
  destroy_all(&test, handles, 2);
  noisy_end(&test);
}

/* ---- Reading and writing by the engine ------------------------------------------------------ */

static void the_engine_reads_and_writes_them_once_they_have_begun(void **state) {
  gpu_test *test = *state;
  const rg_texture_desc texture = {.width = 4, .height = 4, .label = "noise"};
  const rg_buffer_desc buffer = {.size = 64, .label = "lights"};
  const rg_transient_desc descs[] = {{.texture = &texture}, {.buffer = &buffer}};
  rg_handle handles[2];
  uint32_t texels[16], read[16];
  assert_ok(rg_transients_create(test->engine, descs, 2, handles, NULL));
  const rg_texture noise = {handles[0].id};
  const rg_buffer lights = {handles[1].id};
  for (uint32_t i = 0; i < 16; i++) {
    texels[i] = 0x01020304u * i;
  }
  const char *message = "rg_cmd_begin_transients was never recorded";
  const rg_result refused = RG_ERROR_INVALID_ARGUMENT;
  assert_error(rg_texture_update(test->engine, noise, NULL, texels, 64), refused,
               "texture 'noise' is transient");
  assert_error(rg_texture_read(test->engine, noise, NULL, read, 64), refused, message);
  assert_error(rg_buffer_update(test->engine, lights, 0, texels, 64), refused,
               "buffer 'lights' is transient");
  assert_error(rg_buffer_read(test->engine, lights, 0, read, 64), refused, message);
  assert_error(rg_buffer_copy(test->engine, lights, 0, lights, 32, 32), refused, message);
  gpu_commands commands;
  gpu_commands_begin(&commands, test);
  assert_ok(rg_cmd_begin_transients(test->engine, commands.buffer, handles, 2));
  gpu_commands_run(&commands);
  assert_ok(rg_texture_update(test->engine, noise, NULL, texels, 64));
  assert_ok(rg_texture_read(test->engine, noise, NULL, read, 64));
  assert_memory_equal(read, texels, 64);
  assert_ok(rg_buffer_update(test->engine, lights, 0, texels, 64));
  assert_ok(rg_buffer_read(test->engine, lights, 0, read, 64));
  assert_memory_equal(read, texels, 64);
  destroy_all(test, handles, 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, gpu_test_setup, gpu_test_teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(textures_alternate_in_the_same_memory_without_a_hazard),
      TEST(buffers_alternate_in_the_same_memory_without_a_hazard),
      cmocka_unit_test(a_texture_that_never_began_is_reported_by_the_layer),
      cmocka_unit_test(a_buffer_over_another_that_never_began_is_reported_by_the_layer),
      TEST(the_engine_reads_and_writes_them_once_they_have_begun),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
