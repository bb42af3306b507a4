/* Budgets of heaps: refusals, warnings, the host's callback, totals, and how often the driver is
 * asked. */
#include <math.h>
#include <stdatomic.h>
#include <string.h>

#include "fake_test.h"

#define MIB (UINT64_C(1) << 20)

static fake_test test;

/* What the callback was told, and what it is to do. */
static struct {
  rg_memory_event last;
  uint32_t near_count, exhausted_count;
  rg_buffer victim; /* destroyed when memory is exhausted; null: nothing can be done */
} host;

static bool host_hears(void *user, const rg_memory_event *event) {
  assert_ptr_equal(user, &host);
  host.last = *event;
  host.near_count += event->type == RG_MEMORY_NEAR_BUDGET;
  host.exhausted_count += event->type == RG_MEMORY_EXHAUSTED;
  rg_memory_totals totals;
  rg_memory_get_totals(test.engine, event->heap, &totals);
  if (event->type != RG_MEMORY_EXHAUSTED || host.victim.id == 0) {
    return false;
  }
  assert_ok(rg_buffer_destroy(test.engine, host.victim));
  host.victim = (rg_buffer){0};
  return true;
}

static rg_engine_desc heard(void) {
  memset(&host, 0, sizeof host);
  return (rg_engine_desc){
      .memory_event = host_hears, .memory_event_user = &host, .upload_size = 1 * MIB};
}

/* A device whose first heap serves all, in blocks of 1 MiB and what is larger by itself. */
static void begin(const fake_device_desc *fake, rg_engine_desc more) {
  more.block_size = 1 * MIB;
  fake_test_begin(&test, fake, &more);
}

static rg_result try_buffer(uint64_t size, rg_buffer *out) {
  const rg_buffer_desc desc = {.size = size, .own_vk_buffer = true, .label = "wanted"};
  return rg_buffer_create(test.engine, &desc, out);
}

static const fake_device_desc integrated = {.layout = FAKE_INTEGRATED, .heap_sizes = {64 * MIB}};

/* ---- Limits --------------------------------------------------------------------------------- */

static void a_heap_s_budget_refuses_what_exceeds_it(void **state) {
  (void)state;
  begin(&integrated, (rg_engine_desc){0});
  rg_buffer first = {0}, second = {0};
  rg_memory_totals totals;
  assert_ok(rg_memory_set_budget(test.engine, 0, 6 * MIB));
  rg_memory_get_totals(test.engine, 0, &totals);
  assert_int_equal(totals.budget, 6 * MIB);
  assert_ok(try_buffer(4 * MIB, &first));
  assert_error(try_buffer(4 * MIB, &second), RG_ERROR_OUT_OF_DEVICE_MEMORY,
               "heap 0: 4194304 bytes more exceed the budget: 4194304 of 6291456 bytes are in use");
  assert_int_equal(fake_heap_used(0), 4 * MIB);
  assert_ok(rg_memory_set_budget(test.engine, 0, 0));
  assert_ok(try_buffer(4 * MIB, &second));
  assert_ok(rg_memory_set_budget(test.engine, 0, 1 * MIB)); /* what is allocated stays */
  assert_ok(rg_buffer_destroy(test.engine, first));
  assert_ok(rg_buffer_destroy(test.engine, second));
  fake_test_end(&test);
}

static void the_engine_s_limit_is_over_all_heaps(void **state) {
  (void)state;
  begin(&(fake_device_desc){.layout = FAKE_DISCRETE},
        (rg_engine_desc){.memory_limit = 6 * MIB, .upload_size = 1 * MIB});
  rg_memory_totals totals;
  rg_memory_get_totals(test.engine, VK_MAX_MEMORY_HEAPS, &totals);
  assert_int_equal(totals.budget, 6 * MIB);
  rg_buffer first = {0}, second = {0};
  assert_ok(try_buffer(4 * MIB, &first));
  assert_error(try_buffer(4 * MIB, &second), RG_ERROR_OUT_OF_DEVICE_MEMORY,
               "4194304 bytes more exceed memory_limit: 4194304 of 6291456 bytes are in use");
  assert_ok(rg_buffer_destroy(test.engine, first));
  fake_test_end(&test);
}

static void a_heap_that_there_is_not_has_no_budget(void **state) {
  (void)state;
  begin(&integrated, (rg_engine_desc){0});
  assert_error(rg_memory_set_budget(test.engine, 1, MIB), RG_ERROR_INVALID_ARGUMENT,
               "heap 1: the device has 1");
  rg_memory_totals totals = {.size = 1};
  rg_memory_get_totals(test.engine, 1, &totals);
  assert_int_equal(totals.size + totals.used + totals.budget + totals.allocations, 0);
  fake_test_end(&test);
}

static void a_budget_warning_is_a_share(void **state) {
  (void)state;
  const float wrong[] = {-0.5f, 1.5f, NAN, INFINITY};
  gpu_log log;
  gpu_log_init(&log);
  rg_engine_desc desc = gpu_test_desc(&log);
  rg_engine *engine = NULL;
  for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
    desc.budget_warning = wrong[i];
    assert_error(rg_engine_create(&desc, &engine), RG_ERROR_INVALID_ARGUMENT, "budget_warning");
    assert_null(engine);
  }
}

/* ---- The host's callback -------------------------------------------------------------------- */

static void the_host_hears_once_that_a_heap_is_nearly_full(void **state) {
  (void)state;
  rg_engine_desc more = heard();
  more.budget_warning = 0.5f;
  begin(&integrated, more);
  assert_ok(rg_memory_set_budget(test.engine, 0, 20 * MIB));
  rg_buffer buffers[4] = {{0}};
  for (uint32_t i = 0; i < 4; i++) {
    assert_ok(try_buffer(4 * MIB, &buffers[i]));
    assert_int_equal(host.near_count, i >= 2 ? 1 : 0); /* from 12 of 20 MiB on */
  }
  assert_int_equal(host.last.heap, 0);
  assert_int_equal(host.last.used, 12 * MIB);
  assert_int_equal(host.last.budget, 20 * MIB);
  assert_int_equal(host.last.wanted, 4 * MIB);
  assert_ok(rg_buffer_destroy(test.engine, buffers[3]));
  assert_ok(try_buffer(4 * MIB, &buffers[3]));
  assert_int_equal(host.near_count, 1); /* it never fell below */
  assert_ok(rg_buffer_destroy(test.engine, buffers[3]));
  assert_ok(rg_buffer_destroy(test.engine, buffers[2]));
  rg_memory_trim(test.engine);
  assert_ok(try_buffer(4 * MIB, &buffers[2]));
  assert_int_equal(host.near_count, 2);
  for (uint32_t i = 0; i < 3; i++) {
    assert_ok(rg_buffer_destroy(test.engine, buffers[i]));
  }
  assert_int_equal(host.exhausted_count, 0);
  fake_test_end(&test);
}

static void what_others_use_counts_where_the_driver_tells(void **state) {
  (void)state;
  fake_device_desc fake = integrated;
  fake.has_budget = true;
  begin(&fake, heard());
  fake_budget_set(0, 32 * MIB, 26 * MIB);
  assert_ok(rg_collect(test.engine));
  rg_memory_totals totals;
  rg_memory_get_totals(test.engine, 0, &totals);
  assert_int_equal(totals.budget, 32 * MIB);
  rg_buffer buffer = {0};
  assert_ok(try_buffer(4 * MIB, &buffer));
  assert_int_equal(host.near_count, 1);
  assert_int_equal(host.last.used, 30 * MIB);
  assert_int_equal(host.last.budget, 32 * MIB);
  assert_ok(rg_buffer_destroy(test.engine, buffer));
  fake_test_end(&test);
}

static void an_estimate_of_the_driver_s_refuses_nothing(void **state) {
  (void)state;
  fake_device_desc fake = integrated;
  fake.has_budget = true;
  begin(&fake, heard());
  fake_budget_set(0, 2 * MIB, 0);
  assert_ok(rg_collect(test.engine));
  rg_buffer buffer = {0};
  assert_ok(try_buffer(4 * MIB, &buffer));
  assert_int_equal(host.near_count, 1);
  assert_ok(rg_buffer_destroy(test.engine, buffer));
  fake_test_end(&test);
}

static void what_the_host_frees_in_need_is_used_at_once(void **state) {
  (void)state;
  begin(&integrated, heard());
  rg_buffer second = {0};
  assert_ok(rg_memory_set_budget(test.engine, 0, 6 * MIB));
  assert_ok(try_buffer(4 * MIB, &host.victim));
  assert_ok(try_buffer(4 * MIB, &second));
  assert_int_equal(host.exhausted_count, 1);
  assert_int_equal(host.victim.id, 0);
  assert_int_equal(fake_heap_used(0), 4 * MIB);
  rg_buffer third = {0};
  assert_error(try_buffer(4 * MIB, &third), RG_ERROR_OUT_OF_DEVICE_MEMORY, "wanted");
  assert_int_equal(host.exhausted_count, 2);
  assert_int_equal(host.last.wanted, 4 * MIB);
  assert_ok(rg_buffer_destroy(test.engine, second));
  fake_test_end(&test);
}

static void what_the_driver_refuses_reaches_the_host_too(void **state) {
  (void)state;
  begin(&integrated, heard());
  fake_fail_allocations(1000);
  rg_buffer buffer = {0};
  assert_error(try_buffer(4 * MIB, &buffer), RG_ERROR_OUT_OF_DEVICE_MEMORY,
               "VK_ERROR_OUT_OF_DEVICE_MEMORY");
  assert_int_equal(host.exhausted_count, 1);
  fake_fail_allocations(0);
  rg_memory_totals totals;
  rg_memory_get_totals(test.engine, 0, &totals);
  assert_int_equal(totals.size, 0);
  assert_ok(try_buffer(4 * MIB, &buffer));
  assert_ok(rg_buffer_destroy(test.engine, buffer));
  fake_test_end(&test);
}

/* ---- Counts --------------------------------------------------------------------------------- */

static void totals_follow_every_allocation(void **state) {
  (void)state;
  begin(&(fake_device_desc){.layout = FAKE_DISCRETE, .heap_sizes = {64 * MIB, 32 * MIB}},
        (rg_engine_desc){.upload_size = 1 * MIB});
  rg_memory_totals own, host_heap, all;
  const rg_buffer buffer = fake_test_buffer(&test, RG_UPDATE_STATIC, 3 * MIB);
  const rg_buffer stream = fake_test_buffer(&test, RG_UPDATE_STREAM, 100000);
  rg_memory_get_totals(test.engine, 0, &own);
  rg_memory_get_totals(test.engine, 1, &host_heap);
  rg_memory_get_totals(test.engine, VK_MAX_MEMORY_HEAPS, &all);
  assert_int_equal(own.size, fake_heap_used(0));
  assert_int_equal(own.used, 3 * MIB);
  assert_int_equal(own.allocations, 1);
  assert_int_equal(own.budget, 64 * MIB);
  assert_int_equal(host_heap.size, fake_heap_used(1));
  assert_in_range(host_heap.used, 100000, 100352);
  assert_int_equal(all.size, own.size + host_heap.size);
  assert_int_equal(all.budget, 96 * MIB);
  assert_ok(rg_buffer_destroy(test.engine, buffer));
  assert_ok(rg_buffer_destroy(test.engine, stream));
  rg_memory_get_totals(test.engine, VK_MAX_MEMORY_HEAPS, &all);
  assert_int_equal(all.used, 0);
  assert_int_equal(all.allocations, 0);
  fake_test_end(&test);
}

static void the_driver_is_asked_seldom(void **state) {
  (void)state;
  enum { COUNT = 200 };
  fake_device_desc fake = {.layout = FAKE_INTEGRATED, .has_budget = true};
  begin(&fake, (rg_engine_desc){0});
  const uint32_t asked = fake_budget_count();
  rg_buffer buffers[COUNT];
  for (uint32_t i = 0; i < COUNT; i++) {
    assert_ok(try_buffer(2 * MIB, &buffers[i]));
  }
  assert_int_equal(fake_budget_count() - asked, COUNT / 64);
  assert_ok(rg_collect(test.engine));
  assert_ok(rg_flush(test.engine, NULL));
  assert_ok(rg_submit(test.engine, NULL, 0, NULL));
  assert_int_equal(fake_budget_count() - asked, COUNT / 64 + 3);
  for (uint32_t i = 0; i < COUNT; i++) {
    assert_ok(rg_buffer_destroy(test.engine, buffers[i]));
  }
  fake_test_end(&test);
}

/* Each of these would have memory of its own; they must share in the end. */
static void a_device_s_number_of_allocations_is_respected(void **state) {
  (void)state;
  enum { COUNT = 40 };
  fake_device_desc fake = {.layout = FAKE_INTEGRATED, .max_allocation_count = 8};
  fake_test_begin(&test, &fake, &(rg_engine_desc){.upload_size = 1 * MIB});
  rg_texture textures[COUNT];
  for (uint32_t i = 0; i < COUNT; i++) {
    const rg_texture_desc desc = {.width = 512, .height = 512, .priority = 0.75f};
    assert_ok(rg_texture_create(test.engine, &desc, &textures[i]));
  }
  assert_in_range(fake_allocation_live(), 1, 8);
  for (uint32_t i = 0; i < COUNT; i++) {
    assert_ok(rg_texture_destroy(test.engine, textures[i]));
  }
  fake_test_end(&test);
}

typedef struct worker {
  pthread_t thread;
  uint32_t seed;
  bool has_gone_wrong; /* cmocka's assertions are for the first thread only */
} worker;

static bool host_counts(void *user, const rg_memory_event *event) {
  (void)event;
  atomic_fetch_add((_Atomic uint32_t *)user, 1);
  return false;
}

/* Makes and destroys buffers of 1 to 4 MiB; that there is no room is no fault. */
static void *worker_run(void *argument) {
  worker *self = argument;
  rg_buffer buffers[4] = {{0}};
  for (uint32_t i = 0; i < 100 && !self->has_gone_wrong; i++) {
    self->seed = self->seed * 1664525 + 1013904223;
    rg_buffer *buffer = &buffers[self->seed >> 16 & 3];
    rg_result result = RG_OK;
    if (buffer->id != 0) {
      result = rg_buffer_destroy(test.engine, *buffer);
    }
    *buffer = (rg_buffer){0};
    if (result == RG_OK) {
      result = try_buffer(((self->seed >> 24 & 3) + 1) * MIB, buffer);
    }
    self->has_gone_wrong = result != RG_OK && result != RG_ERROR_OUT_OF_DEVICE_MEMORY;
  }
  for (uint32_t i = 0; i < 4; i++) {
    if (buffers[i].id != 0 && rg_buffer_destroy(test.engine, buffers[i]) != RG_OK) {
      self->has_gone_wrong = true;
    }
  }
  return NULL;
}

static void budgets_hold_and_totals_are_right_with_many_threads(void **state) {
  (void)state;
  static _Atomic uint32_t heard_count;
  fake_device_desc fake = integrated;
  fake.has_budget = true;
  begin(&fake, (rg_engine_desc){.memory_event = host_counts,
                                .memory_event_user = (void *)&heard_count,
                                .upload_size = 1 * MIB});
  assert_ok(rg_memory_set_budget(test.engine, 0, 16 * MIB));
  worker workers[4] = {{.seed = 1}, {.seed = 2}, {.seed = 3}, {.seed = 4}};
  for (uint32_t i = 0; i < 4; i++) {
    assert_int_equal(pthread_create(&workers[i].thread, NULL, worker_run, &workers[i]), 0);
  }
  for (uint32_t i = 0; i < 4; i++) {
    assert_int_equal(pthread_join(workers[i].thread, NULL), 0);
    assert_false(workers[i].has_gone_wrong);
  }
  assert_true(heard_count > 0);
  assert_true(fake_heap_peak(0) <= 16 * MIB);
  rg_memory_trim(test.engine);
  rg_memory_totals totals;
  rg_memory_get_totals(test.engine, 0, &totals);
  assert_int_equal(totals.used, 0);
  assert_int_equal(totals.allocations, 0);
  assert_int_equal(totals.size, fake_heap_used(0));
  fake_test_end(&test);
}

/* What is exported cannot share. */
static void one_allocation_more_than_the_device_allows_is_refused(void **state) {
  (void)state;
  enum { COUNT = 4 };
  begin(&(fake_device_desc){.layout = FAKE_INTEGRATED, .max_allocation_count = COUNT},
        (rg_engine_desc){0});
  rg_buffer buffers[COUNT + 1] = {{0}};
  const rg_buffer_desc desc = {.size = 4096, .is_exportable = true, .label = "exported"};
  rg_result result = RG_OK;
  uint32_t count = 0;
  while (result == RG_OK && count <= COUNT) {
    result = rg_buffer_create(test.engine, &desc, &buffers[count]);
    count += result == RG_OK;
  }
  if (result != RG_ERROR_UNSUPPORTED) {
    assert_int_equal(count, COUNT);
    assert_int_equal(result, RG_ERROR_LIMIT);
    assert_non_null(strstr(rg_error(), "5 allocations exceed the device's 4"));
  }
  for (uint32_t i = 0; i < count; i++) {
    assert_ok(rg_buffer_destroy(test.engine, buffers[i]));
  }
  fake_test_end(&test);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_heap_s_budget_refuses_what_exceeds_it),
      cmocka_unit_test(the_engine_s_limit_is_over_all_heaps),
      cmocka_unit_test(a_heap_that_there_is_not_has_no_budget),
      cmocka_unit_test(a_budget_warning_is_a_share),
      cmocka_unit_test(the_host_hears_once_that_a_heap_is_nearly_full),
      cmocka_unit_test(what_others_use_counts_where_the_driver_tells),
      cmocka_unit_test(an_estimate_of_the_driver_s_refuses_nothing),
      cmocka_unit_test(what_the_host_frees_in_need_is_used_at_once),
      cmocka_unit_test(what_the_driver_refuses_reaches_the_host_too),
      cmocka_unit_test(totals_follow_every_allocation),
      cmocka_unit_test(the_driver_is_asked_seldom),
      cmocka_unit_test(a_device_s_number_of_allocations_is_respected),
      cmocka_unit_test(budgets_hold_and_totals_are_right_with_many_threads),
      cmocka_unit_test(one_allocation_more_than_the_device_allows_is_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
