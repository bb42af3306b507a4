/* Batches and pins: what was looked up stays usable though its handle dies, and is freed after. */
#include <stdatomic.h>
#include <string.h>

#include "gpu_test.h"

/* ---- Commands of the test's own -------------------------------------------------------------- */

#define CALL(test, name) \
  ((PFN_vk##name)(test)->vk.get_device_proc_addr((test)->vk.device, "vk" #name))

typedef struct recorder {
  VkCommandPool pool;
  VkCommandBuffer commands;
} recorder;

static recorder record_begin(gpu_test *test) {
  recorder self = {0};
  const VkCommandPoolCreateInfo pool = {.sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
                                        .queueFamilyIndex = test->vk.queue_family};
  assert_int_equal(CALL(test, CreateCommandPool)(test->vk.device, &pool, NULL, &self.pool), 0);
  const VkCommandBufferAllocateInfo info = {.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
                                            .commandPool = self.pool,
                                            .commandBufferCount = 1};
  assert_int_equal(CALL(test, AllocateCommandBuffers)(test->vk.device, &info, &self.commands), 0);
  const VkCommandBufferBeginInfo begin = {.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO};
  assert_int_equal(CALL(test, BeginCommandBuffer)(self.commands, &begin), 0);
  return self;
}

static rg_ticket record_submit(gpu_test *test, const recorder *self) {
  rg_ticket ticket = {0};
  assert_int_equal(CALL(test, EndCommandBuffer)(self->commands), 0);
  assert_ok(rg_submit(test->engine, &self->commands, 1, &ticket));
  return ticket;
}

/* Waits for it first. */
static void record_free(gpu_test *test, const recorder *self, rg_ticket ticket) {
  assert_ok(rg_ticket_wait(test->engine, ticket, UINT64_MAX));
  CALL(test, DestroyCommandPool)(test->vk.device, self->pool, NULL);
}

static void record_fill(gpu_test *test, const recorder *self, const rg_buffer_vk *vk) {
  CALL(test, CmdFillBuffer)(self->commands, vk->buffer, vk->offset, vk->size, 7);
}

static void move_layout(gpu_test *test, const recorder *self, const rg_texture_vk *vk,
                        VkImageLayout from, VkImageLayout to) {
  const VkImageMemoryBarrier barrier = {
      .sType = VK_STRUCTURE_TYPE_IMAGE_MEMORY_BARRIER,
      .srcAccessMask = VK_ACCESS_MEMORY_WRITE_BIT,
      .dstAccessMask = VK_ACCESS_MEMORY_READ_BIT | VK_ACCESS_MEMORY_WRITE_BIT,
      .oldLayout = from,
      .newLayout = to,
      .srcQueueFamilyIndex = VK_QUEUE_FAMILY_IGNORED,
      .dstQueueFamilyIndex = VK_QUEUE_FAMILY_IGNORED,
      .image = vk->image,
      .subresourceRange = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 1, 0, 1}};
  CALL(test, CmdPipelineBarrier)
  (self->commands, VK_PIPELINE_STAGE_ALL_COMMANDS_BIT, VK_PIPELINE_STAGE_ALL_COMMANDS_BIT, 0, 0,
   NULL, 0, NULL, 1, &barrier);
}

static void record_clear(gpu_test *test, const recorder *self, const rg_texture_vk *vk) {
  const VkClearColorValue color = {.float32 = {1, 0, 0, 1}};
  const VkImageSubresourceRange range = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 1, 0, 1};
  move_layout(test, self, vk, vk->layout, VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL);
  CALL(test, CmdClearColorImage)
  (self->commands, vk->image, VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL, &color, 1, &range);
  move_layout(test, self, vk, VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL, vk->layout);
}

/* Everything written before is done: the same objects may be written again. */
static void record_barrier(gpu_test *test, const recorder *self) {
  const VkMemoryBarrier barrier = {
      .sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER,
      .srcAccessMask = VK_ACCESS_MEMORY_WRITE_BIT,
      .dstAccessMask = VK_ACCESS_MEMORY_READ_BIT | VK_ACCESS_MEMORY_WRITE_BIT};
  CALL(test, CmdPipelineBarrier)
  (self->commands, VK_PIPELINE_STAGE_ALL_COMMANDS_BIT, VK_PIPELINE_STAGE_ALL_COMMANDS_BIT, 0, 1,
   &barrier, 0, NULL, 0, NULL);
}

/* ---- Resources ------------------------------------------------------------------------------- */

static rg_buffer make_buffer(gpu_test *test, bool is_shared) {
  rg_buffer buffer;
  const rg_buffer_desc desc = {
      .size = 1024, .own_vk_buffer = !is_shared, .is_movable = true, .label = "batched"};
  assert_ok(rg_buffer_create(test->engine, &desc, &buffer));
  return buffer;
}

static rg_texture make_texture(gpu_test *test) {
  rg_texture texture;
  const rg_texture_desc desc = {.width = 16, .height = 16, .label = "batched"};
  assert_ok(rg_texture_create(test->engine, &desc, &texture));
  return texture;
}

static rg_batch begin(gpu_test *test) {
  rg_batch batch;
  assert_ok(rg_batch_begin(test->engine, &batch));
  assert_true(batch.id != 0);
  return batch;
}

/* Bytes of device memory in use. */
static uint64_t used(gpu_test *test) {
  rg_memory_stats stats;
  assert_ok(rg_collect(test->engine));
  rg_memory_get_stats(test->engine, &stats);
  return stats.used;
}

/* ---- Batches --------------------------------------------------------------------------------- */

static void what_is_destroyed_in_a_batch_can_be_used_until_its_end(void **state) {
  gpu_test *test = *state;
  rg_buffer buffer = make_buffer(test, false);
  rg_texture texture = make_texture(test);
  assert_ok(rg_flush(test->engine, NULL));
  rg_buffer_vk buffer_vk;
  rg_texture_vk texture_vk;
  rg_batch batch = begin(test);
  assert_ok(rg_buffer_get_vk(test->engine, buffer, &buffer_vk));
  assert_ok(rg_texture_get_vk(test->engine, texture, &texture_vk));
  const uint64_t before = used(test);
  assert_ok(rg_buffer_destroy(test->engine, buffer));
  assert_ok(rg_texture_destroy(test->engine, texture));
  assert_error(rg_buffer_get_vk(test->engine, buffer, &(rg_buffer_vk){0}), RG_ERROR_STALE_HANDLE,
               "'batched'");
  assert_true(used(test) == before);
  recorder recorder = record_begin(test);
  record_fill(test, &recorder, &buffer_vk);
  record_clear(test, &recorder, &texture_vk);
  rg_ticket ticket = record_submit(test, &recorder);
  rg_batch_end(test->engine, batch);
  record_free(test, &recorder, ticket);
  assert_true(used(test) < before);
}

/* The submission may run for long after the end: a thread that is slow to collect shows nothing, so
 * the memory is taken anew at once and written, for validation to see. */
static void what_a_batch_submitted_is_waited_for_after_its_end(void **state) {
  gpu_test *test = *state;
  for (int i = 0; i < 20; i++) {
    rg_buffer buffer = make_buffer(test, false);
    rg_buffer_vk vk;
    rg_batch batch = begin(test);
    assert_ok(rg_buffer_get_vk(test->engine, buffer, &vk));
    assert_ok(rg_buffer_destroy(test->engine, buffer));
    recorder recorder = record_begin(test);
    for (int j = 0; j < 200; j++) {
      record_fill(test, &recorder, &vk);
      record_barrier(test, &recorder);
    }
    rg_ticket ticket = record_submit(test, &recorder);
    rg_batch_end(test->engine, batch);
    assert_ok(rg_collect(test->engine));
    record_free(test, &recorder, ticket);
  }
}

static void *end_on_a_thread(void *user) {
  void **both = user;
  rg_batch_end(((gpu_test *)both[0])->engine, *(rg_batch *)both[1]);
  return NULL;
}

static void batches_nest_and_end_on_any_thread(void **state) {
  gpu_test *test = *state;
  rg_buffer buffer = make_buffer(test, false);
  const uint64_t before = used(test);
  rg_batch batches[50];
  for (int i = 0; i < 50; i++) {
    batches[i] = begin(test);
  }
  assert_ok(rg_buffer_destroy(test->engine, buffer));
  for (int i = 0; i < 50; i++) {
    void *both[] = {test, &batches[i]};
    pthread_t thread;
    assert_true(used(test) == before);
    assert_int_equal(pthread_create(&thread, NULL, end_on_a_thread, both), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
  }
  assert_true(used(test) < before);
}

static void later_batches_hold_nothing_back_that_died_before(void **state) {
  gpu_test *test = *state;
  rg_buffer buffer = make_buffer(test, false);
  const uint64_t before = used(test);
  rg_batch first = begin(test);
  assert_ok(rg_buffer_destroy(test->engine, buffer));
  rg_batch second = begin(test);
  assert_true(used(test) == before);
  rg_batch_end(test->engine, first);
  assert_true(used(test) < before);
  rg_batch_end(test->engine, second);
}

static void outside_of_batches_the_dead_are_freed_at_once(void **state) {
  gpu_test *test = *state;
  rg_memory_stats stats;
  rg_buffer buffer = make_buffer(test, false);
  const uint64_t before = used(test);
  rg_batch_end(test->engine, begin(test));
  assert_ok(rg_buffer_destroy(test->engine, buffer));
  rg_memory_get_stats(test->engine, &stats);
  assert_true(stats.used < before);
}

static void end_of_the_last_batch_frees_what_waited_for_it(void **state) {
  gpu_test *test = *state;
  rg_memory_stats stats;
  rg_buffer buffer = make_buffer(test, false);
  const uint64_t before = used(test);
  rg_batch batch = begin(test);
  assert_ok(rg_buffer_destroy(test->engine, buffer));
  rg_batch_end(test->engine, batch);
  rg_memory_get_stats(test->engine, &stats);
  assert_true(stats.used < before);
}

static void batch_that_is_ended_twice_is_logged(void **state) {
  gpu_test *test = *state;
  rg_batch batch = begin(test);
  rg_batch_end(test->engine, batch);
  rg_batch_end(test->engine, batch);
  assert_int_equal(gpu_log_count(&test->log, "is not open"), 1);
  rg_batch_end(test->engine, (rg_batch){0});
  rg_batch_end(test->engine, (rg_batch){UINT64_MAX});
  assert_int_equal(gpu_log_count(&test->log, "is not open"), 3);
  assert_error(rg_batch_begin(NULL, &batch), RG_ERROR_INVALID_ARGUMENT, "engine is NULL");
  assert_error(rg_batch_begin(test->engine, NULL), RG_ERROR_INVALID_ARGUMENT, "out is NULL");
}

static void another_engines_batch_is_logged_and_ends_nothing(void **state) {
  gpu_test *test = *state;
  gpu_log log;
  rg_engine *other = NULL;
  gpu_log_init(&log);
  rg_engine_desc desc = gpu_test_desc(&log);
  assert_ok(rg_engine_create(&desc, &other));
  rg_batch ours = begin(test), theirs;
  assert_ok(rg_batch_begin(other, &theirs));
  rg_batch_end(test->engine, theirs);
  rg_batch_end(other, ours);
  assert_int_equal(gpu_log_count(&test->log, "is not open"), 1);
  assert_int_equal(gpu_log_count(&log, "is not open"), 1);
  rg_batch_end(test->engine, ours);
  rg_batch_end(other, theirs);
  assert_int_equal(gpu_log_count(&test->log, "is not open"), 1);
  assert_int_equal(gpu_log_count(&log, "is not open"), 1);
  rg_engine_destroy(other);
  assert_int_equal(log.validation_count, 0);
  pthread_mutex_destroy(&log.lock);
}

static void engine_ends_though_batches_are_open(void **state) {
  (void)state;
  gpu_log log;
  rg_engine *engine = NULL;
  rg_batch batch;
  rg_buffer buffer;
  gpu_log_init(&log);
  rg_engine_desc desc = gpu_test_desc(&log);
  assert_ok(rg_engine_create(&desc, &engine));
  assert_ok(rg_buffer_create(engine, &(rg_buffer_desc){.size = 1u << 20}, &buffer));
  assert_ok(rg_batch_begin(engine, &batch));
  assert_ok(rg_batch_begin(engine, &batch));
  assert_ok(rg_buffer_destroy(engine, buffer));
  rg_engine_destroy(engine);
  assert_int_equal(gpu_log_count(&log, "2 batches were never ended"), 1);
  assert_false(gpu_log_has(&log, "leaks"));
  assert_int_equal(log.validation_count, 0);
}

/* ---- Pins ------------------------------------------------------------------------------------ */

static void pinned_resource_outlives_its_handle(void **state) {
  gpu_test *test = *state;
  rg_buffer buffer = make_buffer(test, false);
  rg_texture texture = make_texture(test);
  rg_buffer_vk buffer_vk;
  rg_texture_vk texture_vk;
  assert_ok(rg_flush(test->engine, NULL));
  assert_ok(rg_pin(test->engine, buffer.id));
  assert_ok(rg_pin(test->engine, buffer.id));
  assert_ok(rg_pin(test->engine, texture.id));
  assert_ok(rg_buffer_get_vk(test->engine, buffer, &buffer_vk));
  assert_ok(rg_texture_get_vk(test->engine, texture, &texture_vk));
  const uint64_t before = used(test);
  assert_ok(rg_buffer_destroy(test->engine, buffer));
  assert_ok(rg_texture_destroy(test->engine, texture));
  assert_false(rg_is_live(test->engine, buffer.id));
  assert_error(rg_pin(test->engine, buffer.id), RG_ERROR_STALE_HANDLE, "'batched' is destroyed");
  assert_ok(rg_unpin(test->engine, buffer.id));
  assert_true(used(test) == before);
  recorder recorder = record_begin(test);
  record_fill(test, &recorder, &buffer_vk);
  record_clear(test, &recorder, &texture_vk);
  rg_ticket ticket = record_submit(test, &recorder);
  assert_ok(rg_unpin(test->engine, buffer.id));
  assert_ok(rg_unpin(test->engine, texture.id));
  record_free(test, &recorder, ticket);
  assert_true(used(test) < before);
  assert_error(rg_unpin(test->engine, buffer.id), RG_ERROR_INVALID_ARGUMENT, "is not pinned");
}

/* ---- Destruction on another thread ------------------------------------------------------------
 */

#define SHARED_COUNT 8
#define TURNS 60

typedef struct shared {
  gpu_test *test;
  _Atomic uint64_t buffers[SHARED_COUNT];
  _Atomic uint64_t textures[SHARED_COUNT];
  _Atomic bool is_over;
  _Atomic uint32_t destroyed;
} shared;

static void *destroyer_run(void *user) {
  shared *run = user;
  for (uint32_t i = 0; !atomic_load(&run->is_over); i = (i + 1) % SHARED_COUNT) {
    rg_buffer buffer = make_buffer(run->test, i % 2 == 0);
    buffer.id = atomic_exchange(&run->buffers[i], buffer.id);
    assert_ok(rg_buffer_destroy(run->test->engine, buffer));
    rg_texture texture = make_texture(run->test);
    texture.id = atomic_exchange(&run->textures[i], texture.id);
    assert_ok(rg_texture_destroy(run->test->engine, texture));
    atomic_fetch_add(&run->destroyed, 1);
  }
  return NULL;
}

/* Records whatever is found; returns how much that was. */
static uint32_t record_shared(shared *run, const recorder *recorder) {
  uint32_t found = 0;
  for (uint32_t i = 0; i < SHARED_COUNT; i++) {
    rg_buffer_vk buffer;
    rg_texture_vk texture;
    rg_buffer buffer_handle = {atomic_load(&run->buffers[i])};
    rg_texture texture_handle = {atomic_load(&run->textures[i])};
    if (rg_buffer_get_vk(run->test->engine, buffer_handle, &buffer) == RG_OK) {
      record_fill(run->test, recorder, &buffer);
      found++;
    }
    if (rg_texture_get_vk(run->test->engine, texture_handle, &texture) == RG_OK) {
      record_clear(run->test, recorder, &texture);
      found++;
    }
    record_barrier(run->test, recorder);
  }
  return found;
}

static void another_thread_may_destroy_what_a_batch_records(void **state) {
  static shared run;
  gpu_test *test = *state;
  pthread_t destroyer;
  uint32_t found = 0;
  memset(&run, 0, sizeof run);
  run.test = test;
  for (uint32_t i = 0; i < SHARED_COUNT; i++) {
    run.buffers[i] = make_buffer(test, i % 2 == 0).id;
    run.textures[i] = make_texture(test).id;
  }
  assert_int_equal(pthread_create(&destroyer, NULL, destroyer_run, &run), 0);
  for (int turn = 0; turn < TURNS || atomic_load(&run.destroyed) < SHARED_COUNT; turn++) {
    rg_batch batch = begin(test);
    recorder recorder = record_begin(test);
    record_barrier(test, &recorder);
    found += record_shared(&run, &recorder);
    rg_ticket ticket = record_submit(test, &recorder);
    rg_batch_end(test->engine, batch);
    record_free(test, &recorder, ticket);
  }
  atomic_store(&run.is_over, true);
  assert_int_equal(pthread_join(destroyer, NULL), 0);
  assert_true(found > 0);
  for (uint32_t i = 0; i < SHARED_COUNT; i++) {
    assert_ok(rg_buffer_destroy(test->engine, (rg_buffer){run.buffers[i]}));
    assert_ok(rg_texture_destroy(test->engine, (rg_texture){run.textures[i]}));
  }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, gpu_test_setup, gpu_test_teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(what_is_destroyed_in_a_batch_can_be_used_until_its_end),
      TEST(what_a_batch_submitted_is_waited_for_after_its_end),
      TEST(batches_nest_and_end_on_any_thread),
      TEST(later_batches_hold_nothing_back_that_died_before),
      TEST(outside_of_batches_the_dead_are_freed_at_once),
      TEST(end_of_the_last_batch_frees_what_waited_for_it),
      TEST(batch_that_is_ended_twice_is_logged),
      TEST(another_engines_batch_is_logged_and_ends_nothing),
      cmocka_unit_test(engine_ends_though_batches_are_open),
      TEST(pinned_resource_outlives_its_handle),
      TEST(another_thread_may_destroy_what_a_batch_records),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
