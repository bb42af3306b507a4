/* Pools of the caller's own: what they refuse, where resources in them lie, their strategies and
 * limits, and that their memory lives as long as the last resource in them. */
#include "fake_device.h"

#include <string.h>

#define KIB UINT64_C(1024)
#define MIB (UINT64_C(1) << 20)

static rg_pool pool_make(rg_engine *engine, rg_pool_desc desc) {
  rg_pool pool;
  assert_ok(rg_pool_create(engine, &desc, &pool));
  return pool;
}

static rg_pool_stats stats_of(rg_engine *engine, rg_pool pool) {
  rg_pool_stats stats;
  assert_ok(rg_pool_get_stats(engine, pool, &stats));
  return stats;
}

static rg_buffer_desc buffer_desc(rg_pool pool, uint64_t size, const char *label) {
  return (rg_buffer_desc){.size = size, .pool = pool, .label = label};
}

static rg_buffer buffer_make(rg_engine *engine, rg_pool pool, uint64_t size) {
  const rg_buffer_desc desc = buffer_desc(pool, size, "in a pool");
  rg_buffer buffer;
  assert_ok(rg_buffer_create(engine, &desc, &buffer));
  return buffer;
}

static rg_resource_memory memory_of(rg_engine *engine, uint64_t id) {
  rg_resource_memory memory;
  assert_ok(rg_resource_get_memory(engine, id, &memory));
  return memory;
}

static void destroy_buffers(rg_engine *engine, const rg_buffer *buffers, uint32_t count) {
  for (uint32_t i = 0; i < count; i++) {
    assert_ok(rg_buffer_destroy(engine, buffers[i]));
  }
}

/* ---- Descriptors ---------------------------------------------------------------------------- */

static void assert_refused(gpu_test *test, rg_pool_desc desc, const char *fragment) {
  rg_pool pool = {1};
  desc.label = "odd";
  assert_error(rg_pool_create(test->engine, &desc, &pool), RG_ERROR_INVALID_ARGUMENT, "pool 'odd'");
  assert_non_null(strstr(rg_error(), fragment));
  assert_int_equal(pool.id, 0);
}

static void values_that_no_pool_can_have_are_refused_by_name(void **state) {
  gpu_test *test = *state;
  assert_refused(test, (rg_pool_desc){.update = (rg_update)9}, "update 9");
  assert_refused(test, (rg_pool_desc){.strategy = (rg_pool_strategy)5}, "strategy 5");
  assert_refused(test, (rg_pool_desc){.priority = 1.5f}, "priority 1.5 is not from 0 to 1");
  assert_refused(test, (rg_pool_desc){.priority = -0.5f}, "priority -0.5");
  assert_refused(test, (rg_pool_desc){.priority = __builtin_nanf("")}, "priority");
  assert_refused(test, (rg_pool_desc){.strategy = RG_POOL_SLOTS}, "slot_size 0");
  assert_refused(test, (rg_pool_desc){.strategy = RG_POOL_SLOTS, .slot_size = UINT64_C(1) << 32},
                 "slot_size 4294967296 is not from 1 to 4294967295");
  assert_refused(test, (rg_pool_desc){.slot_size = 64}, "slot_size is for the strategy slots");
  assert_refused(
      test,
      (rg_pool_desc){.strategy = RG_POOL_SLOTS, .slot_size = 128 * KIB, .block_size = 64 * KIB},
      "slot_size 131072 exceeds its block_size of 65536");
  assert_refused(test, (rg_pool_desc){.block_size = 64 * KIB - 1}, "block_size 65535");
  assert_refused(test, (rg_pool_desc){.block_size = UINT64_MAX}, "block_size");
  assert_refused(test, (rg_pool_desc){.min_blocks = 1}, "min_blocks needs block_size");
  assert_refused(test, (rg_pool_desc){.block_size = MIB, .min_blocks = 3, .max_blocks = 2},
                 "min_blocks 3 exceeds its max_blocks of 2");
  assert_refused(test, (rg_pool_desc){.block_size = MIB, .min_blocks = 3, .max_size = 2 * MIB},
                 "3 blocks of 1048576 bytes exceed its max_size of 2097152");
  assert_refused(test, (rg_pool_desc){.block_size = MIB, .max_size = MIB - 1},
                 "1 blocks of 1048576 bytes exceed its max_size of 1048575");
}

/* Software drivers allocate without end, so these would take all of the machine's memory. */
static void more_min_blocks_than_there_can_be_are_refused_at_once(void **state) {
  gpu_test *test = *state;
  rg_pool pool = {1};
  const rg_pool_desc desc = {.block_size = 64 * KIB, .min_blocks = 4000000000u, .label = "all"};
  assert_error(rg_pool_create(test->engine, &desc, &pool), RG_ERROR_OUT_OF_DEVICE_MEMORY,
               "pool 'all': 4000000000 blocks of 65536 bytes exceed its heap's budget of");
  assert_int_equal(pool.id, 0);
  assert_ok(rg_memory_set_budget(test->engine, 0, 8 * MIB));
  const rg_pool_desc over = {.block_size = MIB, .min_blocks = 9, .label = "all"};
  assert_error(rg_pool_create(test->engine, &over, &pool), RG_ERROR_OUT_OF_DEVICE_MEMORY,
               "9 blocks of 1048576 bytes exceed its heap's budget of 8388608");
  assert_ok(rg_memory_set_budget(test->engine, 0, 0));
}

static void missing_arguments_are_refused(void **state) {
  gpu_test *test = *state;
  rg_pool pool;
  rg_pool_stats stats;
  assert_error(rg_pool_create(NULL, &(rg_pool_desc){0}, &pool), RG_ERROR_INVALID_ARGUMENT,
               "engine is NULL");
  assert_error(rg_pool_create(test->engine, NULL, &pool), RG_ERROR_INVALID_ARGUMENT,
               "desc is NULL");
  assert_error(rg_pool_create(test->engine, &(rg_pool_desc){0}, NULL), RG_ERROR_INVALID_ARGUMENT,
               "out is NULL");
  assert_error(rg_pool_get_stats(test->engine, (rg_pool){0}, &stats), RG_ERROR_STALE_HANDLE,
               "null pool handle");
}

static void a_memory_type_that_there_is_not_is_unsupported(void **state) {
  gpu_test *test = *state;
  rg_pool pool;
  const rg_pool_desc desc = {.required = VK_MEMORY_PROPERTY_RDMA_CAPABLE_BIT_NV, .label = "rdma"};
  assert_error(rg_pool_create(test->engine, &desc, &pool), RG_ERROR_UNSUPPORTED,
               "pool 'rdma': no memory type fits its update and required 0x100");
}

/* ---- Lives ---------------------------------------------------------------------------------- */

static void a_pool_has_the_label_and_the_life_of_a_resource(void **state) {
  gpu_test *test = *state;
  rg_pool pool = pool_make(test->engine, (rg_pool_desc){.label = "streaming"});
  assert_int_equal(rg_type_of(pool.id), RG_TYPE_POOL);
  assert_true(rg_is_live(test->engine, pool.id));
  assert_int_equal(rg_resource_next(test->engine, RG_TYPE_POOL, (rg_handle){0}).id, pool.id);
  assert_error(rg_buffer_destroy(test->engine, (rg_buffer){pool.id}), RG_ERROR_WRONG_TYPE,
               "pool 'streaming' given where a buffer is wanted");
  rg_origin_set("scene.lua:7");
  assert_ok(rg_pool_destroy(test->engine, pool));
  rg_origin_set(NULL);
  assert_error(rg_pool_destroy(test->engine, pool), RG_ERROR_STALE_HANDLE,
               "pool 'streaming' is destroyed (at scene.lua:7)");
  assert_false(rg_is_live(test->engine, pool.id));
}

static void what_is_made_in_a_pool_lies_in_its_blocks(void **state) {
  gpu_test *test = *state;
  rg_pool pool = pool_make(test->engine, (rg_pool_desc){.block_size = MIB, .label = "mine"});
  rg_buffer inside = buffer_make(test->engine, pool, 1000);
  rg_buffer outside = buffer_make(test->engine, (rg_pool){0}, 1000);
  const rg_resource_memory in = memory_of(test->engine, inside.id);
  const rg_resource_memory out = memory_of(test->engine, outside.id);
  assert_int_equal(in.pool.id, pool.id);
  assert_false(in.is_shared || in.is_dedicated || in.is_aliased);
  assert_int_equal(out.pool.id, 0);
  assert_true(in.memory != out.memory);
  const rg_pool_stats stats = stats_of(test->engine, pool);
  assert_int_equal(stats.pool.id, pool.id);
  assert_int_equal(stats.blocks, 1);
  assert_int_equal(stats.ranges, 1);
  assert_int_equal(stats.size, MIB);
  assert_int_equal(stats.used, in.size);
  assert_int_equal(stats.memory_type, in.memory_type);
  assert_true(stats.largest_free <= MIB - in.size && stats.largest_free > MIB / 2);
  destroy_buffers(test->engine, (rg_buffer[]){inside, outside}, 2);
  assert_ok(rg_pool_destroy(test->engine, pool));
}

static void a_pools_memory_lives_as_long_as_what_is_in_it(void **state) {
  gpu_test *test = *state;
  rg_pool pool = pool_make(test->engine, (rg_pool_desc){.block_size = MIB, .label = "kept"});
  const uint8_t data[64] = {1, 2, 3};
  rg_buffer_desc desc = buffer_desc(pool, sizeof data, "survivor");
  desc.data = data;
  rg_buffer buffer;
  assert_ok(rg_buffer_create(test->engine, &desc, &buffer));
  assert_ok(rg_pool_destroy(test->engine, pool));
  assert_error(rg_pool_destroy(test->engine, pool), RG_ERROR_STALE_HANDLE, "pool 'kept'");
  rg_buffer other;
  assert_error(rg_buffer_create(test->engine, &desc, &other), RG_ERROR_STALE_HANDLE, "pool 'kept'");
  uint8_t back[64] = {0};
  assert_ok(rg_buffer_read(test->engine, buffer, 0, back, sizeof back));
  assert_memory_equal(back, data, sizeof data);
  assert_int_equal(stats_of(test->engine, pool).ranges, 1);
  assert_ok(rg_buffer_destroy(test->engine, buffer));
  assert_ok(rg_collect(test->engine));
  assert_false(rg_is_live(test->engine, pool.id));
}

static void a_pool_that_is_left_behind_is_reported_and_freed(void **state) {
  gpu_test *test = *state;
  rg_pool pool = pool_make(test->engine, (rg_pool_desc){.label = "forgotten"});
  (void)buffer_make(test->engine, pool, 100);
  rg_engine_destroy(test->engine);
  assert_true(gpu_log_has(&test->log, "pool 'forgotten'"));
  assert_false(gpu_log_has(&test->log, "never freed"));
  test->engine = NULL;
}

static void another_engines_pool_and_forged_handles_are_refused(void **state) {
  gpu_test *test = *state;
  rg_engine *other = NULL;
  const rg_engine_desc desc = gpu_test_desc(&test->log);
  assert_ok(rg_engine_create(&desc, &other));
  rg_pool foreign = pool_make(other, (rg_pool_desc){.label = "foreign"});
  rg_buffer buffer;
  const uint64_t ids[] = {foreign.id, UINT64_MAX, UINT64_C(6) << 56 | 1, 7};
  for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
    const rg_buffer_desc wrong = buffer_desc((rg_pool){ids[i]}, 100, "lost");
    assert_error(rg_buffer_create(test->engine, &wrong, &buffer), RG_ERROR_STALE_HANDLE, "stale");
    assert_int_equal(buffer.id, 0);
    assert_error(rg_pool_destroy(test->engine, (rg_pool){ids[i]}), RG_ERROR_STALE_HANDLE, "stale");
  }
  rg_buffer plain = buffer_make(test->engine, (rg_pool){0}, 100);
  const rg_buffer_desc wrong = buffer_desc((rg_pool){plain.id}, 100, "lost");
  assert_error(rg_buffer_create(test->engine, &wrong, &buffer), RG_ERROR_WRONG_TYPE,
               "given where a pool is wanted");
  assert_ok(rg_buffer_destroy(test->engine, plain));
  assert_ok(rg_pool_destroy(other, foreign));
  rg_engine_destroy(other);
}

/* ---- Kinds ---------------------------------------------------------------------------------- */

static void textures_and_buffers_keep_to_their_pools(void **state) {
  gpu_test *test = *state;
  rg_pool buffers = pool_make(test->engine, (rg_pool_desc){.label = "for buffers"});
  rg_pool textures =
      pool_make(test->engine, (rg_pool_desc){.is_for_textures = true, .label = "for textures"});
  rg_buffer buffer;
  const rg_buffer_desc wrong = buffer_desc(textures, 100, "stray");
  assert_error(rg_buffer_create(test->engine, &wrong, &buffer), RG_ERROR_INVALID_ARGUMENT,
               "pool 'for textures' is for textures, not for buffers");
  rg_texture texture;
  rg_texture_desc desc = {.width = 64, .height = 64, .pool = buffers, .label = "stray"};
  assert_error(rg_texture_create(test->engine, &desc, &texture), RG_ERROR_INVALID_ARGUMENT,
               "pool 'for buffers' is for buffers, not for textures");
  desc.pool = textures;
  assert_ok(rg_texture_create(test->engine, &desc, &texture));
  assert_int_equal(memory_of(test->engine, texture.id).pool.id, textures.id);
  assert_ok(rg_texture_destroy(test->engine, texture));
  assert_ok(rg_pool_destroy(test->engine, buffers));
  assert_ok(rg_pool_destroy(test->engine, textures));
}

static void a_pool_for_the_host_gives_mapped_memory(void **state) {
  gpu_test *test = *state;
  rg_pool pool = pool_make(test->engine, (rg_pool_desc){.update = RG_UPDATE_STREAM});
  assert_true((stats_of(test->engine, pool).properties & VK_MEMORY_PROPERTY_HOST_COHERENT_BIT) !=
              0);
  rg_buffer_desc desc = buffer_desc(pool, 256, "mapped");
  desc.update = RG_UPDATE_STREAM;
  rg_buffer buffer;
  void *mapped = NULL;
  assert_ok(rg_buffer_create(test->engine, &desc, &buffer));
  assert_ok(rg_buffer_map(test->engine, buffer, &mapped));
  memset(mapped, 7, 256);
  uint8_t back[256];
  assert_ok(rg_buffer_read(test->engine, buffer, 0, back, sizeof back));
  assert_int_equal(back[255], 7);
  assert_ok(rg_buffer_destroy(test->engine, buffer));
  assert_ok(rg_pool_destroy(test->engine, pool));
}

/* ---- Limits --------------------------------------------------------------------------------- */

static void a_pool_over_its_limits_names_itself_the_value_and_the_limit(void **state) {
  gpu_test *test = *state;
  rg_pool pool = pool_make(
      test->engine, (rg_pool_desc){.block_size = 64 * KIB, .max_blocks = 1, .label = "streaming"});
  rg_buffer buffer;
  rg_buffer_desc desc = buffer_desc(pool, 80 * KIB, "large");
  assert_error(rg_buffer_create(test->engine, &desc, &buffer), RG_ERROR_LIMIT,
               "pool 'streaming': 81920 bytes exceed its block_size of 65536");
  rg_buffer first = buffer_make(test->engine, pool, 48 * KIB);
  const rg_pool_stats before = stats_of(test->engine, pool);
  desc.size = 32 * KIB;
  assert_error(rg_buffer_create(test->engine, &desc, &buffer), RG_ERROR_OUT_OF_DEVICE_MEMORY,
               "pool 'streaming': 32768 bytes find no room, and its max_blocks of 1 are made");
  const rg_pool_stats after = stats_of(test->engine, pool);
  assert_memory_equal(&before, &after, sizeof before);
  assert_ok(rg_buffer_destroy(test->engine, first));
  rg_buffer second = buffer_make(test->engine, pool, 32 * KIB);
  assert_ok(rg_buffer_destroy(test->engine, second));
  assert_ok(rg_pool_destroy(test->engine, pool));
}

static void a_growing_pool_keeps_to_its_max_size(void **state) {
  gpu_test *test = *state;
  rg_pool pool =
      pool_make(test->engine, (rg_pool_desc){.max_size = 3 * MIB + 512 * KIB, .label = "small"});
  rg_buffer buffers[8];
  uint32_t count = 0;
  rg_buffer_desc desc = buffer_desc(pool, 512 * KIB, "piece");
  while (count < 8 && rg_buffer_create(test->engine, &desc, &buffers[count]) == RG_OK) {
    count++;
  }
  assert_int_equal(count, 7);
  assert_error(rg_buffer_create(test->engine, &desc, &buffers[7]), RG_ERROR_OUT_OF_DEVICE_MEMORY,
               "pool 'small': a block of 524288 bytes more exceeds its max_size of 3670016");
  assert_int_equal(stats_of(test->engine, pool).size, 3 * MIB + 512 * KIB);
  desc.size = 4 * MIB;
  assert_error(rg_buffer_create(test->engine, &desc, &buffers[7]), RG_ERROR_LIMIT,
               "pool 'small': 4194304 bytes exceed its max_size of 3670016");
  destroy_buffers(test->engine, buffers, count);
  assert_ok(rg_pool_destroy(test->engine, pool));
}

static void min_blocks_are_made_at_once_and_kept(void **state) {
  gpu_test *test = *state;
  rg_pool pool = pool_make(
      test->engine, (rg_pool_desc){.block_size = 128 * KIB, .min_blocks = 3, .label = "ready"});
  assert_int_equal(stats_of(test->engine, pool).blocks, 3);
  rg_buffer buffers[5];
  for (uint32_t i = 0; i < 5; i++) {
    buffers[i] = buffer_make(test->engine, pool, 100 * KIB);
  }
  assert_int_equal(stats_of(test->engine, pool).blocks, 5);
  destroy_buffers(test->engine, buffers, 5);
  assert_ok(rg_collect(test->engine));
  rg_memory_trim(test->engine);
  assert_int_equal(stats_of(test->engine, pool).blocks, 3);
  assert_int_equal(stats_of(test->engine, pool).used, 0);
  assert_ok(rg_pool_destroy(test->engine, pool));
}

/* ---- Strategies ----------------------------------------------------------------------------- */

static void slots_are_of_one_size_and_hold_no_more(void **state) {
  gpu_test *test = *state;
  rg_pool pool = pool_make(test->engine, (rg_pool_desc){.strategy = RG_POOL_SLOTS,
                                                        .slot_size = 4096,
                                                        .block_size = 64 * KIB,
                                                        .max_blocks = 1,
                                                        .label = "particles"});
  rg_buffer buffers[16];
  for (uint32_t i = 0; i < 16; i++) {
    buffers[i] = buffer_make(test->engine, pool, 100 + i);
    assert_int_equal(memory_of(test->engine, buffers[i].id).offset % 4096, 0);
  }
  rg_buffer more;
  rg_buffer_desc desc = buffer_desc(pool, 100, "more");
  assert_error(rg_buffer_create(test->engine, &desc, &more), RG_ERROR_OUT_OF_DEVICE_MEMORY,
               "pool 'particles'");
  assert_ok(rg_buffer_destroy(test->engine, buffers[5]));
  buffers[5] = buffer_make(test->engine, pool, 4096);
  desc.size = 4097;
  assert_error(rg_buffer_create(test->engine, &desc, &more), RG_ERROR_LIMIT,
               "bytes exceed its slot_size of 4096");
  destroy_buffers(test->engine, buffers, 16);
  assert_ok(rg_pool_destroy(test->engine, pool));
}

static void slots_that_resources_cannot_be_aligned_in_are_refused(void **state) {
  gpu_test *test = *state;
  rg_pool pool = pool_make(
      test->engine, (rg_pool_desc){.strategy = RG_POOL_SLOTS, .slot_size = 999, .label = "odd"});
  const rg_buffer_desc desc = buffer_desc(pool, 100, "even");
  rg_buffer buffer;
  assert_error(rg_buffer_create(test->engine, &desc, &buffer), RG_ERROR_INVALID_ARGUMENT,
               "pool 'odd': its slot_size of 999 is no multiple of the");
  assert_int_equal(stats_of(test->engine, pool).blocks, 0);
  assert_ok(rg_pool_destroy(test->engine, pool));
}

static void a_stack_gives_room_back_from_its_end_only(void **state) {
  gpu_test *test = *state;
  rg_pool pool = pool_make(
      test->engine,
      (rg_pool_desc){
          .strategy = RG_POOL_STACK, .block_size = 64 * KIB, .max_blocks = 1, .label = "frame"});
  rg_buffer buffers[4];
  uint64_t end = 0;
  for (uint32_t i = 0; i < 4; i++) {
    buffers[i] = buffer_make(test->engine, pool, 16 * KIB);
    const rg_resource_memory memory = memory_of(test->engine, buffers[i].id);
    assert_int_equal(memory.offset, end);
    end += memory.size;
  }
  rg_buffer more;
  const rg_buffer_desc desc = buffer_desc(pool, 16 * KIB, "more");
  assert_ok(rg_buffer_destroy(test->engine, buffers[1]));
  assert_error(rg_buffer_create(test->engine, &desc, &more), RG_ERROR_OUT_OF_DEVICE_MEMORY,
               "pool 'frame'");
  assert_ok(rg_buffer_destroy(test->engine, buffers[3]));
  assert_ok(rg_buffer_create(test->engine, &desc, &more));
  assert_int_equal(memory_of(test->engine, more.id).offset, 48 * KIB);
  destroy_buffers(test->engine, (rg_buffer[]){buffers[0], buffers[2], more}, 3);
  assert_ok(rg_pool_destroy(test->engine, pool));
}

static void a_ring_begins_again_where_the_oldest_are_gone(void **state) {
  gpu_test *test = *state;
  rg_pool pool = pool_make(
      test->engine,
      (rg_pool_desc){
          .strategy = RG_POOL_RING, .block_size = 64 * KIB, .max_blocks = 1, .label = "ring"});
  rg_buffer buffers[4];
  for (uint32_t i = 0; i < 4; i++) {
    buffers[i] = buffer_make(test->engine, pool, 16 * KIB);
  }
  for (uint32_t i = 0; i < 40; i++) {
    assert_ok(rg_buffer_destroy(test->engine, buffers[i % 4]));
    buffers[i % 4] = buffer_make(test->engine, pool, 16 * KIB);
    assert_int_equal(memory_of(test->engine, buffers[i % 4].id).offset, i % 4 * 16 * KIB);
  }
  destroy_buffers(test->engine, buffers, 4);
  assert_ok(rg_pool_destroy(test->engine, pool));
}

static void blocks_of_a_growing_pool_double_and_go_back(void **state) {
  gpu_test *test = *state;
  rg_pool pool = pool_make(test->engine, (rg_pool_desc){.label = "growing"});
  rg_buffer buffers[15];
  for (uint32_t i = 0; i < 15; i++) {
    buffers[i] = buffer_make(test->engine, pool, MIB);
  }
  rg_pool_stats stats = stats_of(test->engine, pool);
  assert_int_equal(stats.size, 15 * MIB); /* 1 + 2 + 4 + 8 */
  assert_int_equal(stats.blocks, 4);
  destroy_buffers(test->engine, buffers, 15);
  assert_ok(rg_collect(test->engine));
  stats = stats_of(test->engine, pool);
  assert_int_equal(stats.blocks, 1);
  assert_int_equal(stats.size, 8 * MIB);
  rg_memory_trim(test->engine);
  assert_int_equal(stats_of(test->engine, pool).blocks, 0);
  assert_ok(rg_pool_destroy(test->engine, pool));
}

/* ---- What the driver is told ---------------------------------------------------------------- */

static void a_pools_priority_reaches_the_driver(void **state) {
  (void)state;
  gpu_log log;
  gpu_log_init(&log);
  const fake_device_desc fake = {.layout = FAKE_DISCRETE, .has_priority = true};
  rg_engine_desc desc = fake_device_begin(&fake, &log);
  rg_engine *engine = NULL;
  assert_ok(rg_engine_create(&desc, &engine));
  rg_pool urgent = pool_make(engine, (rg_pool_desc){.priority = 0.75f, .label = "urgent"});
  rg_buffer buffer = buffer_make(engine, urgent, KIB);
  assert_true(fake_allocation_last().priority == 0.75f);
  assert_false(fake_allocation_last().is_exported);
  assert_ok(rg_buffer_destroy(engine, buffer));
  assert_ok(rg_pool_destroy(engine, urgent));
  rg_engine_destroy(engine);
  fake_device_end();
  assert_int_equal(log.validation_count, 0);
}

static void exportable_pools_need_a_device_that_exports(void **state) {
  (void)state;
  gpu_log log;
  gpu_log_init(&log);
  const fake_device_desc fake = {.layout = FAKE_DISCRETE, .has_no_external = true};
  rg_engine_desc desc = fake_device_begin(&fake, &log);
  rg_engine *engine = NULL;
  rg_pool pool;
  assert_ok(rg_engine_create(&desc, &engine));
  assert_error(
      rg_pool_create(engine, &(rg_pool_desc){.is_exportable = true, .label = "out"}, &pool),
      RG_ERROR_UNSUPPORTED, "pool 'out': the device cannot export memory");
  rg_engine_destroy(engine);
  fake_device_end();
}

/* Where the driver beneath exports: elsewhere the test above is all there is. */
static void an_exportable_pools_blocks_are_made_for_export(void **state) {
  (void)state;
  gpu_log log;
  gpu_log_init(&log);
  const fake_device_desc fake = {.layout = FAKE_DISCRETE};
  rg_engine_desc desc = fake_device_begin(&fake, &log);
  rg_engine *engine = NULL;
  rg_pool pool;
  assert_ok(rg_engine_create(&desc, &engine));
  rg_result result = rg_pool_create(
      engine, &(rg_pool_desc){.is_exportable = true, .block_size = MIB, .label = "out"}, &pool);
  if (result == RG_OK) {
    rg_buffer first = buffer_make(engine, pool, KIB);
    assert_true(fake_allocation_last().is_exported);
    assert_int_equal(fake_allocation_last().size, MIB);
    rg_buffer_desc refused = buffer_desc((rg_pool){0}, KIB, "second");
    refused.is_exportable = true;
    rg_pool inner = pool_make(engine, (rg_pool_desc){.label = "inner"});
    refused.pool = inner;
    rg_buffer second;
    assert_error(rg_buffer_create(engine, &refused, &second), RG_ERROR_INVALID_ARGUMENT,
                 "pool 'inner' is not exportable");
    assert_ok(rg_buffer_destroy(engine, first));
    assert_ok(rg_pool_destroy(engine, inner));
    assert_ok(rg_pool_destroy(engine, pool));
  } else {
    assert_int_equal(result, RG_ERROR_UNSUPPORTED);
  }
  rg_engine_destroy(engine);
  fake_device_end();
  assert_int_equal(log.validation_count, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, gpu_test_setup, gpu_test_teardown)
#define TEST_LEAKY(name) \
  cmocka_unit_test_setup_teardown(name, gpu_test_setup, gpu_test_teardown_leaky)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(values_that_no_pool_can_have_are_refused_by_name),
      TEST(more_min_blocks_than_there_can_be_are_refused_at_once),
      TEST(missing_arguments_are_refused),
      TEST(a_memory_type_that_there_is_not_is_unsupported),
      TEST(a_pool_has_the_label_and_the_life_of_a_resource),
      TEST(what_is_made_in_a_pool_lies_in_its_blocks),
      TEST(a_pools_memory_lives_as_long_as_what_is_in_it),
      TEST_LEAKY(a_pool_that_is_left_behind_is_reported_and_freed),
      TEST(another_engines_pool_and_forged_handles_are_refused),
      TEST(textures_and_buffers_keep_to_their_pools),
      TEST(a_pool_for_the_host_gives_mapped_memory),
      TEST(a_pool_over_its_limits_names_itself_the_value_and_the_limit),
      TEST(a_growing_pool_keeps_to_its_max_size),
      TEST(min_blocks_are_made_at_once_and_kept),
      TEST(slots_are_of_one_size_and_hold_no_more),
      TEST(slots_that_resources_cannot_be_aligned_in_are_refused),
      TEST(a_stack_gives_room_back_from_its_end_only),
      TEST(a_ring_begins_again_where_the_oldest_are_gone),
      TEST(blocks_of_a_growing_pool_double_and_go_back),
      cmocka_unit_test(a_pools_priority_reaches_the_driver),
      cmocka_unit_test(exportable_pools_need_a_device_that_exports),
      cmocka_unit_test(an_exportable_pools_blocks_are_made_for_export),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
