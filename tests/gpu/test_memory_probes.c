/* What other engines' memory grows by: the same is done here, and no block is added, no byte kept.
 */
#include "gpu_test.h"

#include <string.h>

#define KIB UINT64_C(1024)
#define MIB (UINT64_C(1) << 20)

/* What the engine holds. */
typedef struct holding {
  uint64_t size;
  uint64_t used;
  uint32_t blocks;
  uint64_t host_bytes;
} holding;

static holding holding_of(rg_engine *engine) {
  rg_memory_stats stats;
  assert_ok(rg_collect(engine));
  rg_memory_get_stats(engine, &stats);
  holding holds = {.size = stats.size, .used = stats.used, .host_bytes = stats.host_bytes};
  for (uint32_t i = 0; i < stats.pool_count; i++) {
    holds.blocks += stats.pools[i].blocks;
  }
  return holds;
}

static void assert_no_growth(rg_engine *engine, holding before) {
  const holding after = holding_of(engine);
  assert_true(after.blocks <= before.blocks);
  assert_true(after.size <= before.size);
  assert_true(after.used <= before.used);
}

static rg_buffer buffer_make(rg_engine *engine, uint64_t size) {
  const rg_buffer_desc desc = {.size = size, .label = "probe"};
  rg_buffer buffer;
  assert_ok(rg_buffer_create(engine, &desc, &buffer));
  return buffer;
}

/* Of 1 MiB. */
static rg_texture texture_make(rg_engine *engine) {
  const rg_texture_desc desc = {.width = 512, .height = 512, .label = "probe"};
  rg_texture texture;
  assert_ok(rg_texture_create(engine, &desc, &texture));
  return texture;
}

static void a_buffer_made_and_destroyed_500_times_takes_one_ones_memory(void **state) {
  gpu_test *test = *state;
  assert_ok(rg_buffer_destroy(test->engine, buffer_make(test->engine, 3 * MIB)));
  const holding before = holding_of(test->engine);
  for (uint32_t i = 0; i < 500; i++) {
    assert_ok(rg_buffer_destroy(test->engine, buffer_make(test->engine, 3 * MIB)));
  }
  assert_no_growth(test->engine, before);
}

/* Each is named by a batch that nobody submits. */
static void textures_made_and_destroyed_without_a_submit_stay_few(void **state) {
  gpu_test *test = *state;
  uint64_t most = 0;
  for (uint32_t i = 0; i < 500; i++) {
    assert_ok(rg_texture_destroy(test->engine, texture_make(test->engine)));
    rg_memory_totals totals;
    rg_memory_get_totals(test->engine, VK_MAX_MEMORY_HEAPS, &totals);
    most = totals.size > most ? totals.size : most;
  }
  assert_true(most <= 48 * MIB);
}

#define TEXTURES 1024
#define TEXTURES_KEPT 4

static void freed_textures_give_their_memory_back_and_fit_again(void **state) {
  gpu_test *test = *state;
  static rg_texture textures[TEXTURES];
  const holding empty = holding_of(test->engine);
  for (uint32_t i = 0; i < TEXTURES; i++) {
    textures[i] = texture_make(test->engine);
  }
  assert_ok(rg_flush(test->engine, NULL));
  const holding full = holding_of(test->engine);
  for (uint32_t i = TEXTURES_KEPT; i < TEXTURES; i++) {
    assert_ok(rg_texture_destroy(test->engine, textures[i]));
  }
  rg_ticket ticket;
  assert_ok(rg_flush(test->engine, &ticket));
  assert_ok(rg_ticket_wait(test->engine, ticket, UINT64_MAX));
  assert_ok(rg_collect(test->engine));
  rg_memory_trim(test->engine);
  assert_true(holding_of(test->engine).size <= empty.size + 300 * MIB);
  for (uint32_t i = TEXTURES_KEPT; i < TEXTURES; i++) {
    textures[i] = texture_make(test->engine);
  }
  assert_no_growth(test->engine, full);
  for (uint32_t i = 0; i < TEXTURES; i++) {
    assert_ok(rg_texture_destroy(test->engine, textures[i]));
  }
}

#define SMALL 200

static void small_buffers_among_large_ones_pin_no_blocks(void **state) {
  gpu_test *test = *state;
  rg_buffer small[SMALL], large[SMALL];
  const holding empty = holding_of(test->engine);
  for (uint32_t i = 0; i < SMALL; i++) {
    small[i] = buffer_make(test->engine, KIB);
    large[i] = buffer_make(test->engine, 4 * MIB);
  }
  for (uint32_t i = 0; i < SMALL; i++) {
    assert_ok(rg_buffer_destroy(test->engine, large[i]));
  }
  rg_memory_trim(test->engine);
  assert_true(holding_of(test->engine).size <= empty.size + 4 * MIB);
  for (uint32_t i = 0; i < SMALL; i++) {
    assert_ok(rg_buffer_destroy(test->engine, small[i]));
  }
}

static void large_buffers_beside_small_ones_take_little_more_than_their_bytes(void **state) {
  gpu_test *test = *state;
  rg_buffer buffers[8];
  const holding empty = holding_of(test->engine);
  for (uint32_t i = 0; i < 8; i += 2) {
    buffers[i] = buffer_make(test->engine, 16 * KIB);
    buffers[i + 1] = buffer_make(test->engine, 264 * MIB);
  }
  assert_true(holding_of(test->engine).size - empty.size <= (1056 + 2) * MIB);
  for (uint32_t i = 0; i < 8; i++) {
    assert_ok(rg_buffer_destroy(test->engine, buffers[i]));
  }
  rg_memory_trim(test->engine);
  assert_true(holding_of(test->engine).size <= empty.size + 2 * MIB);
}

static void a_buffer_over_a_gibibyte_works_or_is_refused_by_its_limit(void **state) {
  gpu_test *test = *state;
  const rg_buffer_desc desc = {.size = 1024 * MIB + 4, .label = "huge"};
  rg_buffer buffer;
  const rg_result result = rg_buffer_create(test->engine, &desc, &buffer);
  if (desc.size > test->limits.max_buffer_size) {
    assert_int_equal(result, RG_ERROR_LIMIT);
    assert_non_null(strstr(rg_error(), "buffer 'huge'"));
    return;
  }
  assert_ok(result);
  const uint32_t last = 0x12345678;
  uint32_t back = 0;
  assert_ok(rg_buffer_update(test->engine, buffer, 1024 * MIB, &last, sizeof last));
  assert_ok(rg_buffer_read(test->engine, buffer, 1024 * MIB, &back, sizeof back));
  assert_int_equal(back, last);
  assert_ok(rg_buffer_destroy(test->engine, buffer));
}

static void size_0_is_an_error_and_takes_nothing(void **state) {
  gpu_test *test = *state;
  const holding before = holding_of(test->engine);
  for (uint32_t i = 0; i < 1000; i++) {
    rg_buffer buffer = {1};
    assert_error(rg_buffer_create(test->engine, &(rg_buffer_desc){.label = "none"}, &buffer),
                 RG_ERROR_INVALID_ARGUMENT, "buffer 'none': size is 0");
    assert_int_equal(buffer.id, 0);
  }
  assert_no_growth(test->engine, before);
  assert_int_equal(holding_of(test->engine).host_bytes, before.host_bytes);
}

static void submits_updates_and_readbacks_take_no_more_memory_each_time(void **state) {
  gpu_test *test = *state;
  rg_buffer buffer = buffer_make(test->engine, 4 * KIB);
  holding before = {0};
  uint8_t data[4096], back[4096];
  for (uint32_t round = 0; round < 4; round++) {
    for (uint32_t i = 0; i < 64; i++) {
      memset(data, (int)i, sizeof data);
      assert_ok(rg_buffer_update(test->engine, buffer, 0, data, sizeof data));
      assert_ok(rg_submit(test->engine, NULL, 0, NULL));
    }
    for (uint32_t i = 0; i < 256; i++) {
      assert_ok(rg_buffer_read(test->engine, buffer, 0, back, sizeof back));
      assert_memory_equal(back, data, sizeof back);
    }
    if (round == 1) {
      before = holding_of(test->engine);
    }
  }
  assert_no_growth(test->engine, before);
  assert_true(holding_of(test->engine).host_bytes <= before.host_bytes);
  assert_ok(rg_buffer_destroy(test->engine, buffer));
}

static void one_large_update_leaves_no_more_than_the_ring(void **state) {
  gpu_test *test = *state;
  static uint8_t data[96 * 1024 * 1024];
  rg_buffer buffer = buffer_make(test->engine, sizeof data);
  assert_ok(rg_buffer_update(test->engine, buffer, 0, data, sizeof data));
  rg_ticket ticket;
  assert_ok(rg_flush(test->engine, &ticket));
  assert_ok(rg_ticket_wait(test->engine, ticket, UINT64_MAX));
  const holding before = holding_of(test->engine);
  for (uint32_t i = 0; i < 3; i++) {
    assert_ok(rg_buffer_update(test->engine, buffer, 0, data, sizeof data));
    assert_ok(rg_flush(test->engine, &ticket));
    assert_ok(rg_ticket_wait(test->engine, ticket, UINT64_MAX));
  }
  assert_no_growth(test->engine, before);
  assert_true(holding_of(test->engine).host_bytes <= before.host_bytes + MIB);
  assert_ok(rg_buffer_destroy(test->engine, buffer));
}

/* ---- Two threads ---------------------------------------------------------------------------- */

#define THREAD_BUFFERS 64

static void *churn(void *user) {
  rg_engine *engine = user;
  rg_buffer buffers[THREAD_BUFFERS] = {{0}};
  uint32_t failures = 0;
  for (uint32_t i = 0; i < 4000; i++) {
    rg_buffer *place = &buffers[i * 7919 % THREAD_BUFFERS];
    if (place->id != 0) {
      failures += rg_buffer_destroy(engine, *place) != RG_OK;
    }
    const rg_buffer_desc desc = {
        .size = 1 + i * 37 % 8192, .own_vk_buffer = i % 2 == 0, .label = "churned"};
    failures += rg_buffer_create(engine, &desc, place) != RG_OK;
  }
  for (uint32_t i = 0; i < THREAD_BUFFERS; i++) {
    failures += rg_buffer_destroy(engine, buffers[i]) != RG_OK;
  }
  return failures == 0 ? NULL : engine;
}

static void threads_that_create_side_by_side_end_and_leave_nothing(void **state) {
  gpu_test *test = *state;
  const holding before = holding_of(test->engine);
  pthread_t threads[4];
  for (uint32_t i = 0; i < 4; i++) {
    assert_int_equal(pthread_create(&threads[i], NULL, churn, test->engine), 0);
  }
  for (uint32_t i = 0; i < 4; i++) {
    void *failed = NULL;
    assert_int_equal(pthread_join(threads[i], &failed), 0);
    assert_null(failed);
  }
  rg_memory_trim(test->engine);
  assert_no_growth(test->engine, before);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, gpu_test_setup, gpu_test_teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(a_buffer_made_and_destroyed_500_times_takes_one_ones_memory),
      TEST(textures_made_and_destroyed_without_a_submit_stay_few),
      TEST(freed_textures_give_their_memory_back_and_fit_again),
      TEST(small_buffers_among_large_ones_pin_no_blocks),
      TEST(large_buffers_beside_small_ones_take_little_more_than_their_bytes),
      TEST(a_buffer_over_a_gibibyte_works_or_is_refused_by_its_limit),
      TEST(size_0_is_an_error_and_takes_nothing),
      TEST(submits_updates_and_readbacks_take_no_more_memory_each_time),
      TEST(one_large_update_leaves_no_more_than_the_ring),
      TEST(threads_that_create_side_by_side_end_and_leave_nothing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
