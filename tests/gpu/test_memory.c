/* The engine's own pools: how their blocks grow and go back, what gets memory of its own, what is
 * kept apart, and how little is left of a failure. */
#include "fake_device.h"

#include <string.h>

#define KIB UINT64_C(1024)
#define MIB (UINT64_C(1) << 20)

/* An engine on a fake device. */
typedef struct fake_test {
  gpu_log log;
  rg_engine *engine;
} fake_test;

static void fake_test_begin_with(fake_test *test, const fake_device_desc *fake,
                                 const rg_engine_desc *wanted) {
  gpu_log_init(&test->log);
  rg_engine_desc desc = fake_device_begin(fake, &test->log);
  if (wanted != NULL) {
    desc.block_size = wanted->block_size;
    desc.memory_limit = wanted->memory_limit;
    desc.memory_event = wanted->memory_event;
    desc.memory_event_user = wanted->memory_event_user;
  }
  desc.upload_size = 64 * KIB;
  assert_ok(rg_engine_create(&desc, &test->engine));
}

static void fake_test_begin(fake_test *test, const fake_device_desc *fake) {
  fake_test_begin_with(test, fake, NULL);
}

static void fake_test_end(fake_test *test) {
  rg_engine_destroy(test->engine);
  fake_device_end();
  assert_int_equal(test->log.validation_count, 0);
  assert_false(gpu_log_has(&test->log, "leaks"));
  assert_false(gpu_log_has(&test->log, "never"));
}

static rg_buffer_desc own_desc(uint64_t size) {
  return (rg_buffer_desc){
      .size = size, .own_vk_buffer = true, .is_movable = true, .label = "piece"};
}

static rg_buffer buffer_make(rg_engine *engine, uint64_t size) {
  const rg_buffer_desc desc = own_desc(size);
  rg_buffer buffer;
  assert_ok(rg_buffer_create(engine, &desc, &buffer));
  return buffer;
}

static void buffers_destroy(rg_engine *engine, const rg_buffer *buffers, uint32_t count) {
  for (uint32_t i = 0; i < count; i++) {
    assert_ok(rg_buffer_destroy(engine, buffers[i]));
  }
}

static rg_resource_memory memory_of(rg_engine *engine, uint64_t id) {
  rg_resource_memory memory;
  assert_ok(rg_resource_get_memory(engine, id, &memory));
  return memory;
}

static rg_memory_totals totals_of(rg_engine *engine, uint32_t heap) {
  rg_memory_totals totals;
  rg_memory_get_totals(engine, heap, &totals);
  return totals;
}

/* The pool that a resource lies in. */
static rg_pool_stats pool_of(rg_engine *engine, uint64_t id) {
  const rg_resource_memory memory = memory_of(engine, id);
  rg_memory_stats stats;
  rg_memory_get_stats(engine, &stats);
  bool is_texture = rg_type_of(id) == RG_TYPE_TEXTURE;
  const rg_pool_stats *found = NULL;
  for (uint32_t i = 0; i < stats.pool_count; i++) {
    if (stats.pools[i].memory_type == memory.memory_type &&
        (found == NULL || stats.pools[i].is_optimal == is_texture)) {
      found = &stats.pools[i];
    }
  }
  assert_non_null(found);
  return *found;
}

/* ---- Blocks --------------------------------------------------------------------------------- */

static void blocks_grow_from_small_to_an_eighth_of_their_heap(void **state) {
  (void)state;
  fake_test test;
  const fake_device_desc fake = {.layout = FAKE_DISCRETE, .heap_sizes = {64 * MIB}};
  fake_test_begin(&test, &fake);
  const uint32_t before = fake_allocation_count();
  rg_buffer buffers[40];
  for (uint32_t i = 0; i < 40; i++) {
    buffers[i] = buffer_make(test.engine, MIB);
  }
  const uint64_t sizes[] = {1, 2, 4, 8, 8, 8, 8, 8};
  for (uint32_t i = before; i < fake_allocation_count(); i++) {
    assert_true(i - before < sizeof sizes / sizeof sizes[0]);
    assert_int_equal(fake_allocation_get(i).size, sizes[i - before] * MIB);
  }
  buffers_destroy(test.engine, buffers, 40);
  assert_ok(rg_collect(test.engine));
  assert_int_equal(pool_of(test.engine, buffer_make(test.engine, KIB).id).blocks, 1);
  buffers[0] = (rg_buffer){rg_resource_next(test.engine, RG_TYPE_BUFFER, (rg_handle){0}).id};
  buffers_destroy(test.engine, buffers, 1);
  fake_test_end(&test);
}

static void block_size_caps_them_further(void **state) {
  (void)state;
  fake_test test;
  const fake_device_desc fake = {.layout = FAKE_DISCRETE, .heap_sizes = {64 * MIB}};
  fake_test_begin_with(&test, &fake, &(rg_engine_desc){.block_size = 2 * MIB});
  rg_buffer buffers[9];
  for (uint32_t i = 0; i < 9; i++) {
    buffers[i] = buffer_make(test.engine, MIB);
    assert_true(fake_allocation_last().size <= 2 * MIB);
  }
  buffers_destroy(test.engine, buffers, 9);
  fake_test_end(&test);
}

static void empty_blocks_go_back_and_one_is_kept(void **state) {
  (void)state;
  fake_test test;
  const fake_device_desc fake = {.layout = FAKE_DISCRETE};
  fake_test_begin(&test, &fake);
  const uint32_t live = fake_allocation_live();
  rg_buffer buffers[20];
  for (uint32_t i = 0; i < 20; i++) {
    buffers[i] = buffer_make(test.engine, MIB);
  }
  assert_true(fake_allocation_live() >= live + 4);
  buffers_destroy(test.engine, buffers, 20);
  assert_ok(rg_collect(test.engine));
  assert_int_equal(fake_allocation_live(), live + 1);
  rg_memory_trim(test.engine);
  assert_int_equal(fake_allocation_live(), live);
  fake_test_end(&test);
}

static void at_the_edge_of_a_block_nothing_is_allocated_anew(void **state) {
  (void)state;
  fake_test test;
  const fake_device_desc fake = {.layout = FAKE_DISCRETE};
  fake_test_begin_with(&test, &fake, &(rg_engine_desc){.block_size = 4 * MIB});
  rg_buffer kept[8], edge[2];
  for (uint32_t i = 0; i < 7; i++) { /* 1 + 2 + 4 MiB are full */
    kept[i] = buffer_make(test.engine, MIB);
  }
  edge[0] = buffer_make(test.engine, MIB);
  const uint32_t count = fake_allocation_count();
  for (uint32_t i = 0; i < 100; i++) {
    assert_ok(rg_buffer_destroy(test.engine, edge[0]));
    assert_ok(rg_collect(test.engine));
    edge[0] = buffer_make(test.engine, MIB);
    edge[1] = buffer_make(test.engine, 64 * KIB);
    assert_ok(rg_buffer_destroy(test.engine, edge[1]));
  }
  assert_int_equal(fake_allocation_count(), count);
  buffers_destroy(test.engine, kept, 7);
  buffers_destroy(test.engine, edge, 1);
  fake_test_end(&test);
}

static void what_the_driver_refuses_is_asked_for_in_halves(void **state) {
  (void)state;
  fake_test test;
  const fake_device_desc fake = {.layout = FAKE_DISCRETE};
  fake_test_begin(&test, &fake);
  rg_buffer buffers[9];
  for (uint32_t i = 0; i < 7; i++) {
    buffers[i] = buffer_make(test.engine, MIB);
  }
  fake_fail_allocations(2);
  buffers[7] = buffer_make(test.engine, 512 * KIB); /* 8 and 4 MiB are refused */
  assert_int_equal(fake_allocation_last().size, 2 * MIB);
  buffers[8] = buffer_make(test.engine, MIB);
  assert_int_equal(fake_allocation_last().size, 2 * MIB);
  buffers_destroy(test.engine, buffers, 9);
  fake_test_end(&test);
}

static void a_full_heap_is_used_to_its_last_block(void **state) {
  (void)state;
  fake_test test;
  const fake_device_desc fake = {.layout = FAKE_DISCRETE, .heap_sizes = {32 * MIB, 64 * MIB}};
  fake_test_begin(&test, &fake);
  rg_buffer buffers[128];
  uint32_t count = 0;
  do {
    buffers[count] = buffer_make(test.engine, MIB);
  } while (memory_of(test.engine, buffers[count++].id).memory_type == 0);
  assert_int_equal(count, 33); /* the last lies in the host's memory, as the next type allows */
  assert_int_equal(fake_heap_used(0), 32 * MIB);
  buffers_destroy(test.engine, buffers, count);
  fake_test_end(&test);
}

/* ---- Exhaustion ----------------------------------------------------------------------------- */

static void a_failed_allocation_leaves_all_as_it_was(void **state) {
  (void)state;
  fake_test test;
  const fake_device_desc fake = {.layout = FAKE_DISCRETE, .heap_sizes = {8 * MIB, 8 * MIB}};
  fake_test_begin(&test, &fake);
  rg_buffer first = buffer_make(test.engine, MIB);
  const rg_memory_totals before = totals_of(test.engine, VK_MAX_MEMORY_HEAPS);
  const rg_buffer_desc desc = own_desc(9 * MIB);
  rg_buffer buffer = {1};
  assert_error(rg_buffer_create(test.engine, &desc, &buffer), RG_ERROR_OUT_OF_DEVICE_MEMORY,
               "memory of 'piece'");
  assert_int_equal(buffer.id, 0);
  const rg_memory_totals after = totals_of(test.engine, VK_MAX_MEMORY_HEAPS);
  assert_memory_equal(&before, &after, sizeof before);
  rg_buffer second = buffer_make(test.engine, MIB);
  buffers_destroy(test.engine, (rg_buffer[]){first, second}, 2);
  fake_test_end(&test);
}

static void dead_resources_make_room_before_an_allocation_fails(void **state) {
  (void)state;
  fake_test test;
  const fake_device_desc fake = {.layout = FAKE_DISCRETE, .heap_sizes = {8 * MIB, 4 * MIB}};
  fake_test_begin(&test, &fake);
  rg_buffer buffers[6];
  for (uint32_t round = 0; round < 20; round++) {
    for (uint32_t i = 0; i < 6; i++) {
      buffers[i] = buffer_make(test.engine, MIB);
      assert_int_equal(memory_of(test.engine, buffers[i].id).memory_type, 0);
    }
    for (uint32_t i = 0; i < 100; i++) {
      assert_ok(rg_buffer_copy(test.engine, buffers[i % 5], 0, buffers[i % 5 + 1], 0, MIB));
    }
    if (round % 2 == 0) { /* else the copies that name the dead are not even submitted */
      assert_ok(rg_flush(test.engine, NULL));
    }
    buffers_destroy(test.engine, buffers, 6);
  }
  fake_test_end(&test);
}

typedef struct freeing {
  rg_engine *engine;
  rg_buffer buffer;
  uint32_t calls;
  rg_memory_event event;
} freeing;

static bool free_one(void *user, const rg_memory_event *event) {
  freeing *self = user;
  if (event->type != RG_MEMORY_EXHAUSTED) {
    return false;
  }
  self->calls++;
  self->event = *event;
  bool has_one = self->buffer.id != 0;
  if (has_one) {
    assert_ok(rg_buffer_destroy(self->engine, self->buffer));
    self->buffer.id = 0;
  }
  return has_one;
}

static void the_host_may_free_something_when_memory_is_exhausted(void **state) {
  (void)state;
  fake_test test;
  freeing freeing = {0};
  const fake_device_desc fake = {.layout = FAKE_DISCRETE, .heap_sizes = {8 * MIB, 2 * MIB}};
  fake_test_begin_with(&test, &fake,
                       &(rg_engine_desc){.memory_event = free_one, .memory_event_user = &freeing});
  freeing.engine = test.engine;
  freeing.buffer = buffer_make(test.engine, 5 * MIB);
  rg_buffer other = buffer_make(test.engine, 6 * MIB);
  assert_int_equal(freeing.calls, 1);
  assert_int_equal(freeing.event.heap, 0);
  assert_true(freeing.event.wanted >= 6 * MIB);
  assert_int_equal(freeing.buffer.id, 0);
  const rg_buffer_desc desc = own_desc(6 * MIB);
  rg_buffer none;
  assert_error(rg_buffer_create(test.engine, &desc, &none), RG_ERROR_OUT_OF_DEVICE_MEMORY, "");
  assert_int_equal(freeing.calls, 2);
  buffers_destroy(test.engine, &other, 1);
  fake_test_end(&test);
}

/* ---- Memory of its own ---------------------------------------------------------------------- */

static void the_large_get_memory_of_their_own(void **state) {
  (void)state;
  fake_test test;
  const fake_device_desc fake = {.layout = FAKE_DISCRETE, .heap_sizes = {64 * MIB}};
  fake_test_begin(&test, &fake);
  rg_buffer large = buffer_make(test.engine, 5 * MIB); /* over half of a block of 8 MiB */
  rg_buffer middle = buffer_make(test.engine, 3 * MIB);
  assert_true(memory_of(test.engine, large.id).is_dedicated);
  assert_false(memory_of(test.engine, middle.id).is_dedicated);
  assert_int_equal(pool_of(test.engine, large.id).dedicated, 1);
  buffers_destroy(test.engine, (rg_buffer[]){large, middle}, 2);
  fake_test_end(&test);
}

static void the_devices_count_of_allocations_is_kept(void **state) {
  (void)state;
  fake_test test;
  const fake_device_desc fake = {
      .layout = FAKE_DISCRETE, .heap_sizes = {1024 * MIB, 256 * MIB}, .max_allocation_count = 32};
  fake_test_begin_with(&test, &fake, &(rg_engine_desc){.block_size = 4 * MIB});
  rg_buffer buffers[256];
  uint32_t count = 0;
  const rg_buffer_desc desc = own_desc(3 * MIB); /* one to a block */
  while (count < 256 && rg_buffer_create(test.engine, &desc, &buffers[count]) == RG_OK) {
    count++;
  }
  assert_true(count >= 24 && count < 32);
  assert_true(strstr(rg_error(), "allocations exceed the device's 32") != NULL);
  assert_true(fake_allocation_live() <= 30); /* two are kept for what must have its own */
  const rg_buffer_desc needs = {.size = 64 * KIB, .is_exportable = true, .label = "export"};
  rg_buffer exported = {0};
  rg_result result = rg_buffer_create(test.engine, &needs, &exported);
  if (result != RG_ERROR_UNSUPPORTED) {
    assert_ok(result);
    assert_true(fake_allocation_last().is_exported);
    buffers[count++] = exported;
  }
  buffers_destroy(test.engine, buffers, count);
  fake_test_end(&test);
}

static void the_more_allocations_there_are_the_fewer_are_dedicated(void **state) {
  (void)state;
  fake_test test;
  const fake_device_desc fake = {.layout = FAKE_DISCRETE,
                                 .heap_sizes = {1024 * MIB},
                                 .has_priority = true,
                                 .max_allocation_count = 64};
  fake_test_begin(&test, &fake);
  rg_buffer buffers[150];
  rg_buffer_desc desc = own_desc(2 * MIB);
  desc.priority = 0.9f; /* worth memory of its own */
  uint32_t dedicated = 0;
  for (uint32_t i = 0; i < 150; i++) {
    assert_ok(rg_buffer_create(test.engine, &desc, &buffers[i]));
    dedicated += memory_of(test.engine, buffers[i].id).is_dedicated;
  }
  assert_true(dedicated > 4 && dedicated < 32);
  assert_true(fake_allocation_live() < 48);
  buffers_destroy(test.engine, buffers, 150);
  fake_test_end(&test);
}

/* ---- What is kept apart --------------------------------------------------------------------- */

static rg_texture texture_make(rg_engine *engine, uint32_t side) {
  const rg_texture_desc desc = {.width = side, .height = side, .label = "texture"};
  rg_texture texture;
  assert_ok(rg_texture_create(engine, &desc, &texture));
  return texture;
}

static void tilings_live_apart_where_granularity_is_large(void **state) {
  (void)state;
  fake_test test;
  const fake_device_desc fake = {.layout = FAKE_DISCRETE, .granularity = 4096};
  fake_test_begin(&test, &fake);
  rg_buffer buffer = buffer_make(test.engine, KIB);
  rg_texture texture = texture_make(test.engine, 16);
  assert_true(memory_of(test.engine, buffer.id).memory !=
              memory_of(test.engine, texture.id).memory);
  assert_true(pool_of(test.engine, texture.id).is_optimal);
  assert_false(pool_of(test.engine, buffer.id).is_optimal);
  assert_ok(rg_texture_destroy(test.engine, texture));
  assert_ok(rg_buffer_destroy(test.engine, buffer));
  fake_test_end(&test);
}

static void tilings_share_blocks_where_granularity_is_small(void **state) {
  (void)state;
  fake_test test;
  const fake_device_desc fake = {.layout = FAKE_DISCRETE, .granularity = 64};
  fake_test_begin(&test, &fake);
  rg_buffer buffers[8];
  rg_texture textures[8];
  for (uint32_t i = 0; i < 8; i++) {
    buffers[i] = buffer_make(test.engine, 100 + 7 * i);
    textures[i] = texture_make(test.engine, 3 + i);
    const rg_resource_memory buffer = memory_of(test.engine, buffers[i].id);
    const rg_resource_memory texture = memory_of(test.engine, textures[i].id);
    assert_true(buffer.memory == texture.memory);
    assert_int_equal(buffer.offset % 64, 0);
    assert_int_equal(buffer.size % 64, 0);
    assert_int_equal(texture.size % 64, 0);
  }
  for (uint32_t i = 0; i < 8; i++) {
    assert_ok(rg_texture_destroy(test.engine, textures[i]));
  }
  buffers_destroy(test.engine, buffers, 8);
  fake_test_end(&test);
}

static void incoherent_neighbours_share_no_atom(void **state) {
  (void)state;
  fake_test test;
  const fake_device_desc fake = {
      .layout = FAKE_INCOHERENT, .atom = 256, .heap_sizes = {64 * MIB, 64 * MIB}};
  fake_test_begin(&test, &fake);
  rg_buffer buffers[16];
  uint8_t data[16][333];
  rg_buffer_desc desc = own_desc(sizeof data[0]);
  desc.update = RG_UPDATE_DYNAMIC;
  for (uint32_t i = 0; i < 16; i++) {
    memset(data[i], (int)(i + 1), sizeof data[i]);
    desc.data = data[i];
    assert_ok(rg_buffer_create(test.engine, &desc, &buffers[i]));
    const rg_resource_memory memory = memory_of(test.engine, buffers[i].id);
    assert_int_equal(memory.offset % 256, 0);
    assert_int_equal(memory.size % 256, 0);
  }
  for (uint32_t i = 0; i < 16; i++) {
    uint8_t back[sizeof data[0]];
    assert_ok(rg_buffer_read(test.engine, buffers[i], 0, back, sizeof back));
    assert_memory_equal(back, data[i], sizeof back);
  }
  for (uint32_t i = 0; i < fake_flush_count(); i++) {
    const fake_flush flush = fake_flush_get(i);
    assert_int_equal(flush.offset % 256, 0);
    assert_true(flush.size == VK_WHOLE_SIZE || flush.size % 256 == 0);
  }
  buffers_destroy(test.engine, buffers, 16);
  fake_test_end(&test);
}

/* ---- Bad input ------------------------------------------------------------------------------ */

static void sizes_that_nothing_can_hold_are_refused(void **state) {
  gpu_test *test = *state;
  const rg_memory_totals before = totals_of(test->engine, VK_MAX_MEMORY_HEAPS);
  const uint64_t sizes[] = {0, test->limits.max_buffer_size + 1, UINT64_MAX, UINT64_C(1) << 63};
  for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
    const rg_buffer_desc desc = own_desc(sizes[i]);
    rg_buffer buffer = {1};
    const rg_result result = rg_buffer_create(test->engine, &desc, &buffer);
    assert_true(result == RG_ERROR_INVALID_ARGUMENT || result == RG_ERROR_LIMIT);
    assert_non_null(strstr(rg_error(), "piece"));
    assert_int_equal(buffer.id, 0);
  }
  const rg_memory_totals after = totals_of(test->engine, VK_MAX_MEMORY_HEAPS);
  assert_memory_equal(&before, &after, sizeof before);
}

static void what_is_destroyed_twice_is_freed_once(void **state) {
  gpu_test *test = *state;
  rg_buffer buffer = buffer_make(test->engine, KIB);
  rg_buffer other = buffer_make(test->engine, KIB);
  assert_ok(rg_buffer_destroy(test->engine, buffer));
  const rg_memory_totals before = totals_of(test->engine, VK_MAX_MEMORY_HEAPS);
  for (uint32_t i = 0; i < 3; i++) {
    assert_error(rg_buffer_destroy(test->engine, buffer), RG_ERROR_STALE_HANDLE,
                 "buffer 'piece' is destroyed");
  }
  const rg_memory_totals after = totals_of(test->engine, VK_MAX_MEMORY_HEAPS);
  assert_memory_equal(&before, &after, sizeof before);
  assert_ok(rg_buffer_destroy(test->engine, other));
}

static void totals_are_what_lives(void **state) {
  gpu_test *test = *state;
  const rg_memory_totals before = totals_of(test->engine, VK_MAX_MEMORY_HEAPS);
  rg_buffer buffers[50];
  uint64_t used = 0;
  for (uint32_t i = 0; i < 50; i++) {
    buffers[i] = buffer_make(test->engine, 100 * (i + 1));
    used += memory_of(test->engine, buffers[i].id).size;
  }
  const rg_memory_totals full = totals_of(test->engine, VK_MAX_MEMORY_HEAPS);
  assert_int_equal(full.used - before.used, used);
  assert_int_equal(full.allocations - before.allocations, 50);
  assert_true(full.size >= full.used);
  buffers_destroy(test->engine, buffers, 50);
  const rg_memory_totals after = totals_of(test->engine, VK_MAX_MEMORY_HEAPS);
  assert_int_equal(after.used, before.used);
  assert_int_equal(after.allocations, before.allocations);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, gpu_test_setup, gpu_test_teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(blocks_grow_from_small_to_an_eighth_of_their_heap),
      cmocka_unit_test(block_size_caps_them_further),
      cmocka_unit_test(empty_blocks_go_back_and_one_is_kept),
      cmocka_unit_test(at_the_edge_of_a_block_nothing_is_allocated_anew),
      cmocka_unit_test(what_the_driver_refuses_is_asked_for_in_halves),
      cmocka_unit_test(a_full_heap_is_used_to_its_last_block),
      cmocka_unit_test(a_failed_allocation_leaves_all_as_it_was),
      cmocka_unit_test(dead_resources_make_room_before_an_allocation_fails),
      cmocka_unit_test(the_host_may_free_something_when_memory_is_exhausted),
      cmocka_unit_test(the_large_get_memory_of_their_own),
      cmocka_unit_test(the_devices_count_of_allocations_is_kept),
      cmocka_unit_test(the_more_allocations_there_are_the_fewer_are_dedicated),
      cmocka_unit_test(tilings_live_apart_where_granularity_is_large),
      cmocka_unit_test(tilings_share_blocks_where_granularity_is_small),
      cmocka_unit_test(incoherent_neighbours_share_no_atom),
      TEST(sizes_that_nothing_can_hold_are_refused),
      TEST(what_is_destroyed_twice_is_freed_once),
      TEST(totals_are_what_lives),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
