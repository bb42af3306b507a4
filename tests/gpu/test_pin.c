/* Pins: counted, refused by name, reported when they are left over; and names of the dead. */
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "gpu_test.h"

static rg_buffer make_buffer(gpu_test *test) {
  rg_buffer buffer;
  const rg_buffer_desc desc = {.size = 1024, .label = "pinned"};
  assert_ok(rg_buffer_create(test->engine, &desc, &buffer));
  return buffer;
}

static void unpinning_before_the_end_of_the_handle_frees_nothing(void **state) {
  gpu_test *test = *state;
  rg_buffer buffer = make_buffer(test);
  for (int i = 0; i < 3; i++) {
    assert_ok(rg_pin(test->engine, buffer.id));
    assert_ok(rg_unpin(test->engine, buffer.id));
  }
  assert_true(rg_is_live(test->engine, buffer.id));
  assert_ok(rg_buffer_destroy(test->engine, buffer));
}

static void wrong_pins_are_refused_by_name(void **state) {
  gpu_test *test = *state;
  rg_buffer buffer = make_buffer(test), old = make_buffer(test);
  char forged[64];
  assert_ok(rg_buffer_destroy(test->engine, old));
  const uint64_t older = buffer.id ^ UINT64_C(1) << 40;
  snprintf(forged, sizeof forged, "buffer 0x%" PRIx64 " is not pinned", older);
  assert_error(rg_unpin(test->engine, buffer.id), RG_ERROR_INVALID_ARGUMENT,
               "buffer 'pinned' is not pinned");
  assert_ok(rg_pin(test->engine, buffer.id));
  assert_error(rg_unpin(test->engine, older), RG_ERROR_INVALID_ARGUMENT, forged);
  assert_error(rg_unpin(test->engine, old.id), RG_ERROR_INVALID_ARGUMENT, "is not pinned");
  assert_error(rg_unpin(test->engine, buffer.id | 0xFFFFFF), RG_ERROR_INVALID_ARGUMENT,
               "buffer 0x");
  assert_error(rg_unpin(test->engine, 0), RG_ERROR_INVALID_ARGUMENT, "of no type");
  assert_error(rg_unpin(test->engine, UINT64_MAX), RG_ERROR_INVALID_ARGUMENT, "of no type");
  assert_error(rg_unpin(NULL, buffer.id), RG_ERROR_INVALID_ARGUMENT, "engine is NULL");
  assert_error(rg_pin(test->engine, 0), RG_ERROR_STALE_HANDLE, "of no type");
  assert_error(rg_pin(test->engine, old.id), RG_ERROR_STALE_HANDLE, "is destroyed");
  assert_error(rg_pin(test->engine, older), RG_ERROR_STALE_HANDLE, "is stale");
  assert_error(rg_pin(NULL, buffer.id), RG_ERROR_INVALID_ARGUMENT, "engine is NULL");
  assert_ok(rg_unpin(test->engine, buffer.id));
  assert_ok(rg_buffer_destroy(test->engine, buffer));
}

static void resources_of_every_type_can_be_pinned(void **state) {
  gpu_test *test = *state;
  static const char source[] =
      "#version 450\n"
      "layout(set = 0, binding = 0) uniform Material { float value; };\n"
      "layout(set = 0, binding = 1) buffer Out { float result; };\n"
      "void main() { result = value; }\n";
  rg_shader shader = gpu_test_compute(test, "pinned", source);
  rg_material material;
  rg_set set;
  const rg_material_desc desc = {.name = "pinned", .shader = shader};
  assert_ok(rg_material_create(test->engine, &desc, &material));
  assert_ok(rg_set_create(test->engine, &(rg_set_desc){.name = "pinned"}, &set));
  rg_pool pool;
  assert_ok(rg_pool_create(test->engine, &(rg_pool_desc){.label = "pinned"}, &pool));
  const uint64_t ids[] = {shader.id, material.id, set.id, pool.id};
  for (int i = 0; i < 4; i++) {
    assert_ok(rg_pin(test->engine, ids[i]));
  }
  assert_ok(rg_pool_destroy(test->engine, pool));
  assert_ok(rg_set_destroy(test->engine, set));
  assert_ok(rg_material_destroy(test->engine, material));
  assert_ok(rg_shader_destroy(test->engine, shader));
  for (int i = 3; i >= 0; i--) {
    assert_ok(rg_unpin(test->engine, ids[i]));
    assert_false(rg_is_live(test->engine, ids[i]));
    assert_error(rg_unpin(test->engine, ids[i]), RG_ERROR_INVALID_ARGUMENT, "not pinned");
  }
}

static void pins_left_over_at_the_end_are_reported_and_let_go(void **state) {
  (void)state;
  gpu_log log;
  rg_engine *engine = NULL;
  rg_buffer dead, live;
  gpu_log_init(&log);
  rg_engine_desc desc = gpu_test_desc(&log);
  assert_ok(rg_engine_create(&desc, &engine));
  assert_ok(rg_buffer_create(engine, &(rg_buffer_desc){.size = 1u << 20, .label = "dead"}, &dead));
  assert_ok(rg_buffer_create(engine, &(rg_buffer_desc){.size = 256, .label = "live"}, &live));
  assert_ok(rg_pin(engine, dead.id));
  assert_ok(rg_pin(engine, live.id));
  assert_ok(rg_pin(engine, live.id));
  assert_ok(rg_buffer_destroy(engine, dead));
  rg_engine_destroy(engine);
  assert_int_equal(gpu_log_count(&log, "buffer 'dead' is still pinned (1 time)"), 1);
  assert_int_equal(gpu_log_count(&log, "buffer 'live' is still pinned (2 times)"), 1);
  assert_int_equal(gpu_log_count(&log, "buffer 'live' (256 bytes) was never destroyed"), 1);
  assert_false(gpu_log_has(&log, "leaks"));
  assert_int_equal(log.validation_count, 0);
}

static void the_dead_tell_where_they_died_and_were_made(void **state) {
  gpu_test *test = *state;
  rg_origin_set("made.lua:3");
  rg_buffer buffer = make_buffer(test);
  rg_origin_set("died.lua:9");
  assert_ok(rg_buffer_destroy(test->engine, buffer));
  rg_origin_set(NULL);
  assert_error(rg_buffer_destroy(test->engine, buffer), RG_ERROR_STALE_HANDLE,
               "buffer 'pinned' is destroyed (at died.lua:9), it was made at made.lua:3");
}

typedef struct pin_race {
  gpu_test *test;
  _Atomic uint64_t buffer;
  _Atomic uint32_t pinned;
  _Atomic bool is_over;
} pin_race;

/* ---- Pins and names under threads -------------------------------------------------------------
 */

#define RACE_TURNS 3000

static void *pinner_run(void *user) {
  pin_race *run = user;
  while (!atomic_load(&run->is_over)) {
    uint64_t id = atomic_load(&run->buffer);
    rg_resource_info info;
    if (rg_pin(run->test->engine, id) == RG_OK) {
      assert_ok(rg_unpin(run->test->engine, id));
      atomic_fetch_add(&run->pinned, 1);
    } else { /* the message reads the names of the dead */
      assert_int_equal(rg_unpin(run->test->engine, id), RG_ERROR_INVALID_ARGUMENT);
    }
    if (rg_resource_get_info(run->test->engine, id, &info) == RG_OK) {
      assert_string_equal(info.label, "pinned");
    }
  }
  return NULL;
}

static void pins_and_names_are_safe_against_destruction(void **state) {
  static pin_race run;
  gpu_test *test = *state;
  pthread_t pinner;
  memset(&run, 0, sizeof run);
  run.test = test;
  run.buffer = make_buffer(test).id;
  assert_int_equal(pthread_create(&pinner, NULL, pinner_run, &run), 0);
  for (int turn = 0; turn < RACE_TURNS || atomic_load(&run.pinned) == 0; turn++) {
    rg_origin_set(turn % 2 == 0 ? "here" : NULL);
    rg_buffer next = make_buffer(test);
    next.id = atomic_exchange(&run.buffer, next.id);
    assert_ok(rg_buffer_destroy(test->engine, next));
  }
  rg_origin_set(NULL);
  atomic_store(&run.is_over, true);
  assert_int_equal(pthread_join(pinner, NULL), 0);
  assert_ok(rg_buffer_destroy(test->engine, (rg_buffer){run.buffer}));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, gpu_test_setup, gpu_test_teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(unpinning_before_the_end_of_the_handle_frees_nothing),
      TEST(wrong_pins_are_refused_by_name),
      TEST(resources_of_every_type_can_be_pinned),
      cmocka_unit_test(pins_left_over_at_the_end_are_reported_and_let_go),
      TEST(the_dead_tell_where_they_died_and_were_made),
      TEST(pins_and_names_are_safe_against_destruction),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
