/* Engines: their birth, their neighbours, a device of the host's, and what they report at the end.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gpu_test.h"

static void devices_are_listed(void **state) {
  (void)state;
  uint32_t count = 0;
  assert_ok(rg_devices(NULL, NULL, &count));
  assert_true(count > 0);
  rg_device_info infos[16];
  count = count < 16 ? count : 16;
  assert_ok(rg_devices(NULL, infos, &count));
  assert_true(infos[0].name[0] != '\0');
  assert_true(infos[0].api_version >= VK_API_VERSION_1_0);
}

static void an_engine_takes_a_device_by_index_or_part_of_its_name(void **state) {
  gpu_test *test = *state;
  gpu_log log;
  gpu_log_init(&log);
  rg_engine_desc desc = gpu_test_desc(&log);
  rg_engine *engine = NULL;
  desc.device = "0";
  assert_ok(rg_engine_create(&desc, &engine));
  rg_engine_destroy(engine);
  char part[8];
  snprintf(part, sizeof part, "%.6s", test->device.name);
  desc.device = part;
  assert_ok(rg_engine_create(&desc, &engine));
  rg_engine_destroy(engine);
  desc.device = "no such device";
  assert_error(rg_engine_create(&desc, &engine), RG_ERROR_NOT_FOUND, test->device.name);
  assert_null(engine);
  assert_int_equal(log.validation_count, 0);
}

static void wrong_descriptors_are_refused(void **state) {
  (void)state;
  gpu_log log;
  gpu_log_init(&log);
  rg_engine *engine = NULL;
  static const char *const missing[] = {"/nowhere/at/all"};
  rg_engine_desc desc = gpu_test_desc(&log);
  desc.roots = missing;
  desc.root_count = 1;
  assert_error(rg_engine_create(&desc, &engine), RG_ERROR_NOT_FOUND, "/nowhere/at/all");
  assert_null(engine);
  desc = gpu_test_desc(&log);
  desc.root_count = 3;
  assert_error(rg_engine_create(&desc, &engine), RG_ERROR_INVALID_ARGUMENT, "roots");
  desc = gpu_test_desc(&log);
  desc.block_size = 1;
  assert_int_not_equal(rg_engine_create(&desc, &engine), RG_OK);
  desc = gpu_test_desc(&log);
  desc.upload_size = UINT64_C(1) << 40;
  assert_int_not_equal(rg_engine_create(&desc, &engine), RG_OK);
  assert_false(gpu_log_has(&log, "leaks"));
}

/* ---- Neighbours ----------------------------------------------------------------------------- */

static rg_buffer small_buffer(rg_engine *engine, const char *label) {
  const rg_buffer_desc desc = {.size = 256, .label = label};
  rg_buffer buffer;
  assert_ok(rg_buffer_create(engine, &desc, &buffer));
  return buffer;
}

static void engines_live_side_by_side_and_refuse_each_others_handles(void **state) {
  gpu_test *test = *state;
  gpu_log log;
  gpu_log_init(&log);
  rg_engine *others[3];
  rg_engine_desc desc = gpu_test_desc(&log);
  desc.label = "other";
  for (uint32_t i = 0; i < 3; i++) {
    assert_ok(rg_engine_create(&desc, &others[i]));
  }
  rg_buffer mine = small_buffer(test->engine, "mine");
  rg_buffer theirs = small_buffer(others[1], "theirs");
  rg_buffer_vk vk;
  assert_error(rg_buffer_get_vk(others[1], mine, &vk), RG_ERROR_STALE_HANDLE, "another engine");
  assert_error(rg_buffer_destroy(test->engine, theirs), RG_ERROR_STALE_HANDLE, "another engine");
  assert_false(rg_is_live(others[0], theirs.id));
  rg_ticket ticket;
  assert_ok(rg_flush(others[1], &ticket));
  assert_ok(rg_buffer_destroy(test->engine, mine));
  assert_ok(rg_buffer_destroy(others[1], theirs));
  for (uint32_t i = 0; i < 3; i++) {
    rg_engine_destroy(others[i]);
  }
  assert_int_equal(log.validation_count, 0);
}

/* The test's engine stands for a host: the second one runs on its device. */
static void an_engine_runs_on_a_device_of_its_hosts(void **state) {
  gpu_test *test = *state;
  gpu_log log;
  gpu_log_init(&log);
  const rg_host_device host = {.instance = test->vk.instance,
                               .physical_device = test->vk.physical_device,
                               .device = test->vk.device,
                               .queue = test->vk.queue,
                               .queue_family = test->vk.queue_family,
                               .api_version = test->vk.api_version,
                               .has_dynamic_rendering = test->device.dynamic_rendering};
  rg_engine_desc desc = gpu_test_desc(&log);
  desc.host_device = &host;
  rg_engine *engine = NULL;
  assert_ok(rg_engine_create(&desc, &engine));
  rg_engine_vk vk;
  rg_engine_get_vk(engine, &vk);
  assert_ptr_equal(vk.device, test->vk.device);
  const char text[] = "across";
  char back[sizeof text];
  rg_buffer buffer = small_buffer(engine, "guest");
  assert_ok(rg_buffer_update(engine, buffer, 0, text, sizeof text));
  assert_ok(rg_buffer_read(engine, buffer, 0, back, sizeof back));
  assert_string_equal(back, text);
  assert_ok(rg_buffer_destroy(engine, buffer));
  rg_engine_destroy(engine);
  rg_buffer mine = small_buffer(test->engine, "still here"); /* the device lives on */
  assert_ok(rg_buffer_destroy(test->engine, mine));
}

static void a_host_device_without_its_parts_is_refused(void **state) {
  (void)state;
  gpu_log log;
  gpu_log_init(&log);
  const rg_host_device host = {.api_version = VK_API_VERSION_1_2};
  rg_engine_desc desc = gpu_test_desc(&log);
  desc.host_device = &host;
  rg_engine *engine = NULL;
  assert_error(rg_engine_create(&desc, &engine), RG_ERROR_INVALID_ARGUMENT, "");
  assert_null(engine);
}

/* ---- The end -------------------------------------------------------------------------------- */

static void the_end_reports_what_was_not_destroyed_by_name_and_origin(void **state) {
  (void)state;
  gpu_log log;
  gpu_log_init(&log);
  rg_engine *engine = NULL;
  const rg_engine_desc desc = gpu_test_desc(&log);
  assert_ok(rg_engine_create(&desc, &engine));
  rg_origin_set("scene.lua:3");
  (void)small_buffer(engine, "forgotten");
  rg_origin_set("scene.lua:5");
  const rg_texture_desc texture_desc = {.width = 4, .height = 4, .label = "lost"};
  rg_texture texture;
  assert_ok(rg_texture_create(engine, &texture_desc, &texture));
  rg_origin_set(NULL);
  assert_ok(rg_buffer_destroy(engine, small_buffer(engine, "tidy")));
  rg_engine_destroy(engine);
  assert_true(gpu_log_has(&log, "buffer 'forgotten' (256 bytes) made at scene.lua:3 was never"));
  assert_true(gpu_log_has(&log, "texture 'lost' ("));
  assert_true(gpu_log_has(&log, "made at scene.lua:5 was never destroyed"));
  assert_int_equal(gpu_log_count(&log, "never destroyed"), 2);
  assert_false(gpu_log_has(&log, "leaks"));
  assert_int_equal(log.validation_count, 0);
}

static void materials_that_are_left_behind_die_with_all_they_own(void **state) {
  gpu_test *test = *state;
  rg_shader shader = gpu_test_shader(test, "left",
                                     "#version 450\n"
                                     "layout(set = 0, binding = 0) uniform Material { vec4 c; };\n"
                                     "layout(set = 0, binding = 1) uniform sampler2D map;\n"
                                     "layout(location = 0) in vec2 uv;\n"
                                     "layout(location = 0) out vec4 color;\n"
                                     "void main() { color = c + texture(map, uv); }\n");
  rg_material_desc desc = {.name = "parent", .shader = shader};
  rg_material parent;
  rg_material child;
  assert_ok(rg_material_create(test->engine, &desc, &parent));
  desc = (rg_material_desc){.name = "child", .parent = parent};
  assert_ok(rg_material_create(test->engine, &desc, &child));
  assert_ok(rg_shader_destroy(test->engine, shader));
  assert_true(rg_is_live(test->engine, shader.id));
}

typedef struct counted {
  _Atomic uint64_t live, calls;
} counted;

static void *count_resize(void *user, void *old, size_t old_size, size_t new_size) {
  counted *self = user;
  self->calls++;
  self->live += new_size - old_size;
  if (new_size == 0) {
    free(old);
    return NULL;
  }
  return realloc(old, new_size);
}

static void the_hosts_allocator_gets_everything_back(void **state) {
  (void)state;
  gpu_log log;
  gpu_log_init(&log);
  counted counts = {0, 0};
  rg_engine_desc desc = gpu_test_desc(&log);
  desc.allocator = (rg_allocator){count_resize, &counts};
  rg_engine *engine = NULL;
  assert_ok(rg_engine_create(&desc, &engine));
  assert_ok(rg_buffer_destroy(engine, small_buffer(engine, "one")));
  rg_memory_stats stats;
  rg_memory_get_stats(engine, &stats);
  assert_true(stats.host_bytes > 0);
  assert_true(counts.calls > 0 && counts.live > 0);
  rg_engine_destroy(engine);
  assert_int_equal(counts.live, 0);
  assert_false(gpu_log_has(&log, "leaks"));
}

static void destroying_no_engine_is_allowed(void **state) {
  (void)state;
  rg_engine_destroy(NULL);
}

/* ---- Reports -------------------------------------------------------------------------------- */

static void a_resource_tells_what_it_is(void **state) {
  gpu_test *test = *state;
  rg_origin_set("here:1");
  const rg_buffer_desc desc = {
      .size = 1024, .type = RG_BUFFER_VERTEX, .update = RG_UPDATE_STREAM, .label = "vertices"};
  rg_buffer buffer;
  assert_ok(rg_buffer_create(test->engine, &desc, &buffer));
  rg_origin_set(NULL);
  rg_resource_info info;
  assert_ok(rg_resource_get_info(test->engine, buffer.id, &info));
  assert_int_equal(info.handle.id, buffer.id);
  assert_int_equal(info.type, RG_TYPE_BUFFER);
  assert_string_equal(info.label, "vertices");
  assert_string_equal(info.origin, "here:1");
  assert_int_equal(info.size, 1024);
  assert_int_equal(info.buffer_type, RG_BUFFER_VERTEX);
  assert_int_equal(info.update, RG_UPDATE_STREAM);
  assert_true((info.memory_properties & VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT) != 0);
  assert_int_equal(info.owners, 0);
  assert_false(info.is_released);
  assert_ok(rg_buffer_destroy(test->engine, buffer));
  assert_error(rg_resource_get_info(test->engine, buffer.id, &info), RG_ERROR_STALE_HANDLE,
               "vertices");
  assert_error(rg_resource_get_info(test->engine, 7, &info), RG_ERROR_STALE_HANDLE, "no type");
}

static void the_report_is_json_with_every_resource(void **state) {
  gpu_test *test = *state;
  rg_buffer buffer = small_buffer(test->engine, "quoted \"label\"");
  char *report = NULL;
  assert_ok(rg_report_json(test->engine, &report));
  static const char *const parts[] = {
      "\"engine\"", "\"device\"", "\"resources\"",        "\"sets\"",      "\"pools\"",
      "\"heaps\"",  "\"totals\"", "quoted \\\"label\\\"", "\"size\":\t256"};
  for (uint32_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
    if (strstr(report, parts[i]) == NULL) {
      fail_msg("%s is not in %s", parts[i], report);
    }
  }
  rg_string_free(test->engine, report);
  rg_string_free(test->engine, NULL);
  assert_ok(rg_buffer_destroy(test->engine, buffer));
}

static void tickets_of_other_engines_and_of_the_future_are_refused(void **state) {
  gpu_test *test = *state;
  rg_ticket ticket;
  assert_ok(rg_flush(test->engine, &ticket));
  assert_ok(rg_ticket_wait(test->engine, ticket, UINT64_MAX));
  assert_ok(rg_ticket_wait(test->engine, (rg_ticket){0}, 0));
  assert_error(rg_ticket_wait(test->engine, (rg_ticket){ticket.id + 1000}, 0),
               RG_ERROR_INVALID_ARGUMENT, "");
  assert_error(rg_ticket_wait(test->engine, (rg_ticket){ticket.id ^ (UINT64_C(1) << 50)}, 0),
               RG_ERROR_INVALID_ARGUMENT, "");
}

static VkSemaphore timeline_create(const rg_engine_vk *vk) {
  PFN_vkCreateSemaphore create =
      (PFN_vkCreateSemaphore)vk->get_device_proc_addr(vk->device, "vkCreateSemaphore");
  VkSemaphoreTypeCreateInfo type = {.sType = VK_STRUCTURE_TYPE_SEMAPHORE_TYPE_CREATE_INFO,
                                    .semaphoreType = VK_SEMAPHORE_TYPE_TIMELINE};
  VkSemaphoreCreateInfo info = {.sType = VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO, .pNext = &type};
  VkSemaphore semaphore = VK_NULL_HANDLE;
  assert_int_equal(create(vk->device, &info, NULL, &semaphore), VK_SUCCESS);
  return semaphore;
}

static void timeline_signal(const rg_engine_vk *vk, VkSemaphore semaphore, uint64_t value) {
  PFN_vkSignalSemaphore signal =
      (PFN_vkSignalSemaphore)vk->get_device_proc_addr(vk->device, "vkSignalSemaphore");
  VkSemaphoreSignalInfo info = {
      .sType = VK_STRUCTURE_TYPE_SEMAPHORE_SIGNAL_INFO, .semaphore = semaphore, .value = value};
  assert_int_equal(signal(vk->device, &info), VK_SUCCESS);
}

static uint64_t used_bytes(rg_engine *engine) {
  static rg_memory_stats stats;
  rg_memory_get_stats(engine, &stats);
  return stats.used;
}

static void what_a_host_destroys_waits_for_its_own_timeline(void **state) {
  gpu_test *test = *state;
  const rg_buffer_desc desc = {.size = 1 << 20, .own_vk_buffer = true, .label = "in flight"};
  VkSemaphore timeline = timeline_create(&test->vk);
  assert_ok(rg_frame_end(test->engine, timeline, 1));
  timeline_signal(&test->vk, timeline, 1);
  const uint64_t before = used_bytes(test->engine);
  rg_buffer buffer;
  assert_ok(rg_buffer_create(test->engine, &desc, &buffer));
  assert_ok(rg_buffer_destroy(test->engine, buffer));
  assert_ok(rg_frame_end(test->engine, timeline, 2));
  assert_ok(rg_collect(test->engine));
  assert_true(used_bytes(test->engine) >= before + desc.size);
  timeline_signal(&test->vk, timeline, 2);
  assert_ok(rg_collect(test->engine));
  assert_int_equal(used_bytes(test->engine), before);
  assert_error(rg_frame_end(test->engine, VK_NULL_HANDLE, 3), RG_ERROR_INVALID_ARGUMENT,
               "semaphore");
  PFN_vkDestroySemaphore destroy =
      (PFN_vkDestroySemaphore)test->vk.get_device_proc_addr(test->vk.device, "vkDestroySemaphore");
  destroy(test->vk.device, timeline, NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, gpu_test_setup, gpu_test_teardown)
#define LEAKY(name) cmocka_unit_test_setup_teardown(name, gpu_test_setup, gpu_test_teardown_leaky)

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(devices_are_listed),
      TEST(an_engine_takes_a_device_by_index_or_part_of_its_name),
      cmocka_unit_test(wrong_descriptors_are_refused),
      TEST(engines_live_side_by_side_and_refuse_each_others_handles),
      TEST(an_engine_runs_on_a_device_of_its_hosts),
      cmocka_unit_test(a_host_device_without_its_parts_is_refused),
      cmocka_unit_test(the_end_reports_what_was_not_destroyed_by_name_and_origin),
      LEAKY(materials_that_are_left_behind_die_with_all_they_own),
      cmocka_unit_test(the_hosts_allocator_gets_everything_back),
      cmocka_unit_test(destroying_no_engine_is_allowed),
      TEST(a_resource_tells_what_it_is),
      TEST(the_report_is_json_with_every_resource),
      TEST(tickets_of_other_engines_and_of_the_future_are_refused),
      TEST(what_a_host_destroys_waits_for_its_own_timeline),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
