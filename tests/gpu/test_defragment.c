/* Defragmentation: scattered heaps come together in bounded steps, and every byte stays. */
#include "defragment_heap.h"

#define STEP_BYTES (256u << 10)

static rg_pool make_pool(gpu_test *test, bool is_for_textures) {
  rg_pool pool;
  const rg_pool_desc desc = {.is_for_textures = is_for_textures,
                             .block_size = HEAP_BLOCK_SIZE,
                             .label = is_for_textures ? "textures" : "buffers"};
  assert_ok(rg_pool_create(test->engine, &desc, &pool));
  return pool;
}

static heap *heap_begin(gpu_test *test, bool has_pools) {
  heap *self = calloc(1, sizeof *self);
  self->test = test;
  self->random = 42;
  if (has_pools) {
    self->textures = make_pool(test, true);
    self->buffers = make_pool(test, false);
  }
  return self;
}

static void heap_end(heap *self) {
  heap_clear(self);
  if (self->textures.id != 0) {
    assert_ok(rg_pool_destroy(self->test->engine, self->textures));
    assert_ok(rg_pool_destroy(self->test->engine, self->buffers));
  }
  free(self);
}

static void pass_gpu(gpu_test *test) {
  rg_ticket ticket;
  assert_ok(rg_flush(test->engine, &ticket));
  assert_ok(rg_ticket_wait(test->engine, ticket, UINT64_MAX));
  assert_ok(rg_collect(test->engine));
}

/* Steps until it is done; each keeps its bounds. */
static rg_defragment_info defragment(gpu_test *test, uint64_t max_bytes, uint32_t max_moves) {
  const rg_defragment_desc desc = {.max_bytes = max_bytes, .max_moves = max_moves};
  rg_defragment_info info = {0}, all = {0};
  for (uint32_t step = 0; !info.is_done; step++) {
    assert_true(step < 20000);
    assert_ok(rg_defragment(test->engine, &desc, &info));
    assert_true(max_bytes == 0 || info.bytes_moved <= max_bytes || info.moves == 1);
    assert_true(max_moves == 0 || info.moves <= max_moves);
    all.bytes_moved += info.bytes_moved;
    all.moves += info.moves;
    all.blocks_freed += info.blocks_freed;
    pass_gpu(test);
  }
  assert_ok(rg_defragment(test->engine, &desc, &info));
  all.blocks_freed += info.blocks_freed;
  assert_true(info.is_done && info.moves == 0);
  rg_memory_trim(test->engine);
  return all;
}

static void print_pool(const char *name, const rg_pool_stats *stats) {
  print_message("%s: %u blocks (%u dedicated), %.2f MiB of %.2f used\n", name, stats->blocks,
                stats->dedicated, (double)stats->used / (1 << 20), (double)stats->size / (1 << 20));
}

/* At most 1.05 times the blocks that the bytes need. */
static void check_blocks(const rg_pool_stats *stats) {
  const uint64_t needed = (stats->used + HEAP_BLOCK_SIZE - 1) / HEAP_BLOCK_SIZE;
  assert_true(stats->size / HEAP_BLOCK_SIZE * 100 <= needed * 105);
}

static void check_pool(gpu_test *test, rg_pool pool, const char *name, uint32_t blocks_before) {
  rg_pool_stats stats;
  assert_ok(rg_pool_get_stats(test->engine, pool, &stats));
  print_pool(name, &stats);
  check_blocks(&stats);
  assert_true(stats.blocks < blocks_before);
}

static void scattered_pools_come_down_to_the_blocks_that_they_need(void **state) {
  gpu_test *test = *state;
  heap *heap = heap_begin(test, true);
  rg_pool_stats textures, buffers;
  heap_scatter(heap, HEAP_OWN_BUFFER, HEAP_BLOCKS, UINT64_C(128) << 20);
  assert_ok(rg_pool_get_stats(test->engine, heap->textures, &textures));
  assert_ok(rg_pool_get_stats(test->engine, heap->buffers, &buffers));
  print_pool("textures before", &textures);
  print_pool("buffers before", &buffers);
  const rg_defragment_info all = defragment(test, STEP_BYTES, 0);
  print_message("%u moves, %.2f MiB, %u blocks freed\n", all.moves,
                (double)all.bytes_moved / (1 << 20), all.blocks_freed);
  check_pool(test, heap->textures, "textures after", textures.blocks);
  check_pool(test, heap->buffers, "buffers after", buffers.blocks);
  assert_true(all.blocks_freed > 0);
  heap_check(heap);
  heap_end(heap);
}

/* An engine whose own pools have small blocks. */
static void small_blocks(gpu_test *test, uint64_t block_size) {
  rg_engine_destroy(test->engine);
  rg_engine_desc desc = gpu_test_desc(&test->log);
  desc.block_size = block_size;
  desc.upload_size = HEAP_BLOCK_SIZE;
  assert_ok(rg_engine_create(&desc, &test->engine));
  rg_engine_get_vk(test->engine, &test->vk);
}

static void the_engines_own_pools_come_down_too(void **state) {
  gpu_test *test = *state;
  small_blocks(test, HEAP_BLOCK_SIZE);
  rg_memory_stats before, after;
  heap *heap = heap_begin(test, false);
  heap_scatter(heap, HEAP_SMALL_BUFFER, HEAP_BLOCKS, UINT64_C(48) << 20);
  rg_memory_trim(test->engine);
  rg_memory_get_stats(test->engine, &before);
  const rg_defragment_info all = defragment(test, 0, 0);
  rg_memory_get_stats(test->engine, &after);
  for (uint32_t i = 0; i < before.pool_count; i++) {
    print_pool("before", &before.pools[i]);
    print_pool("after", &after.pools[i]);
    check_blocks(&after.pools[i]);
  }
  assert_true(after.size < before.size);
  print_message("%u moves, %.2f MiB, %u blocks freed\n", all.moves,
                (double)all.bytes_moved / (1 << 20), all.blocks_freed);
  heap_check(heap);
  heap_end(heap);
}

/* Thousands of buffers in shared VkBuffers, and what lies between them. */
static void shared_buffers_gather_and_their_slabs_go(void **state) {
  gpu_test *test = *state;
  small_blocks(test, 16 * HEAP_BLOCK_SIZE);
  rg_memory_stats before, after;
  heap *heap = heap_begin(test, false);
  heap_scatter(heap, HEAP_SMALL_BUFFER, HEAP_DYNAMIC_BUFFER, UINT64_C(40) << 20);
  rg_memory_trim(test->engine);
  rg_memory_get_stats(test->engine, &before);
  const rg_defragment_info all = defragment(test, STEP_BYTES, 0);
  rg_memory_get_stats(test->engine, &after);
  print_pool("before", &before.pools[0]);
  print_pool("after", &after.pools[0]);
  assert_true(after.size * 10 < before.size * 6);
  assert_true(all.blocks_freed > 0);
  print_message("%u things; %u moves, %.2f MiB, %u blocks freed\n", heap->count, all.moves,
                (double)all.bytes_moved / (1 << 20), all.blocks_freed);
  heap_check(heap);
  heap_end(heap);
}

/* Pieces of 3/10 to 4/10 of a block fit into no hole but of their like: new blocks take them, fewer
 * than are emptied. */
static void large_pieces_gather_by_way_of_new_blocks(void **state) {
  gpu_test *test = *state;
  enum { BUFFERS = 60 };
  rg_buffer buffers[BUFFERS];
  rg_pool pool = make_pool(test, false);
  rg_pool_stats before, after;
  for (uint32_t i = 0; i < BUFFERS; i++) {
    const uint32_t first = i;
    const rg_buffer_desc desc = {.size = i % 3 == 0   ? HEAP_BLOCK_SIZE * 4 / 10
                                         : i % 3 == 1 ? HEAP_BLOCK_SIZE * 28 / 100
                                                      : HEAP_BLOCK_SIZE * 31 / 100,
                                 .pool = pool,
                                 .is_movable = true};
    assert_ok(rg_buffer_create(test->engine, &desc, &buffers[i]));
    assert_ok(rg_buffer_update(test->engine, buffers[i], 0, &first, sizeof first));
  }
  for (uint32_t i = 0; i < BUFFERS; i++) {
    if (i % 3 == i / 3 % 3) {
      assert_ok(rg_buffer_destroy(test->engine, buffers[i]));
      buffers[i].id = 0;
    }
  }
  pass_gpu(test);
  assert_ok(rg_pool_get_stats(test->engine, pool, &before));
  const rg_defragment_info all = defragment(test, 0, 0);
  assert_ok(rg_pool_get_stats(test->engine, pool, &after));
  print_pool("before", &before);
  print_pool("after", &after);
  check_blocks(&after);
  assert_true(all.moves > 0 && after.blocks < before.blocks);
  for (uint32_t i = 0; i < BUFFERS; i++) {
    uint32_t first = 0;
    if (buffers[i].id != 0) {
      assert_ok(rg_buffer_read(test->engine, buffers[i], 0, &first, sizeof first));
      assert_int_equal(first, i);
      assert_ok(rg_buffer_destroy(test->engine, buffers[i]));
    }
  }
  assert_ok(rg_pool_destroy(test->engine, pool));
}

/* The pool grows from a block that is empty again by then, and smaller than any of the pieces. */
static void an_empty_block_that_is_too_small_is_not_counted_on(void **state) {
  gpu_test *test = *state;
  enum { PIECES = 160 };
  rg_buffer pieces[PIECES], small;
  rg_pool pool;
  rg_pool_stats stats;
  uint64_t random = 17;
  small_blocks(test, UINT64_C(16) << 20);
  assert_ok(rg_pool_create(test->engine, &(rg_pool_desc){.label = "growing"}, &pool));
  const rg_buffer_desc small_desc = {.size = 65536, .pool = pool};
  assert_ok(rg_buffer_create(test->engine, &small_desc, &small));
  for (uint32_t i = 0; i < PIECES; i++) {
    random = random * 6364136223846793005u + 1442695040888963407u;
    const rg_buffer_desc desc = {
        .size = (5u << 18) + (random >> 33) % (3u << 18), .pool = pool, .is_movable = true};
    assert_ok(rg_buffer_create(test->engine, &desc, &pieces[i]));
  }
  assert_ok(rg_buffer_destroy(test->engine, small));
  for (uint32_t i = 0; i < PIECES; i += 2) {
    assert_ok(rg_buffer_destroy(test->engine, pieces[i]));
  }
  pass_gpu(test);
  (void)defragment(test, 0, 0);
  assert_ok(rg_pool_get_stats(test->engine, pool, &stats));
  print_pool("large pieces", &stats);
  assert_true(stats.size * 100 <= stats.used * 105);
  for (uint32_t i = 1; i < PIECES; i += 2) {
    assert_ok(rg_buffer_destroy(test->engine, pieces[i]));
  }
  assert_ok(rg_pool_destroy(test->engine, pool));
}

static void a_step_makes_no_more_moves_than_it_may(void **state) {
  gpu_test *test = *state;
  heap *heap = heap_begin(test, true);
  heap_scatter(heap, HEAP_OWN_BUFFER, HEAP_BLOCKS, UINT64_C(8) << 20);
  const rg_defragment_info all = defragment(test, 0, 1);
  assert_true(all.moves > 10);
  heap_check(heap);
  heap_end(heap);
}

typedef struct objects {
  uint64_t buffer, offset;
} objects;

static objects objects_of(gpu_test *test, const heap_thing *thing) {
  rg_buffer_vk buffer;
  rg_texture_vk texture;
  if (heap_is_buffer(thing->kind)) {
    assert_ok(rg_buffer_get_vk(test->engine, (rg_buffer){thing->id}, &buffer));
    return (objects){(uint64_t)buffer.buffer, buffer.offset};
  }
  assert_ok(rg_texture_get_vk(test->engine, (rg_texture){thing->id}, &texture));
  return (objects){(uint64_t)texture.image, (uint64_t)texture.view};
}

/* What was not made movable, what is pinned, and what is mapped. */
static void only_what_may_be_moved_is_moved(void **state) {
  gpu_test *test = *state;
  heap *heap = heap_begin(test, true);
  objects *before = calloc(HEAP_MAX_THINGS, sizeof *before);
  bool *stays = calloc(HEAP_MAX_THINGS, sizeof *stays);
  void *mapped, *mapped_after;
  rg_buffer stream;
  const rg_buffer_desc desc = {.size = 1000, .update = RG_UPDATE_STREAM, .is_movable = true};
  assert_ok(rg_buffer_create(test->engine, &desc, &stream));
  assert_ok(rg_buffer_map(test->engine, stream, &mapped));
  uint64_t pinned[64];
  uint32_t pin_count = 0, moved = 0;
  heap_scatter(heap, HEAP_SMALL_BUFFER, HEAP_BLOCKS, UINT64_C(16) << 20);
  heap->is_pinned_down = true;
  const uint32_t movable = heap->count;
  for (uint32_t i = 0; i < 20; i++) {
    heap_make(heap, (heap_kind)(i % HEAP_KIND_COUNT));
  }
  for (uint32_t i = 0; i < heap->count; i++) {
    before[i] = objects_of(test, &heap->things[i]);
    stays[i] = i >= movable || (i % 50 == 0 && pin_count < 64);
    if (i < movable && stays[i]) {
      pinned[pin_count] = heap->things[i].id;
      assert_ok(rg_pin(test->engine, pinned[pin_count++]));
    }
  }
  defragment(test, 0, 0);
  for (uint32_t i = 0; i < heap->count; i++) {
    const objects after = objects_of(test, &heap->things[i]);
    const bool is_same = memcmp(&after, &before[i], sizeof after) == 0;
    assert_true(is_same || !stays[i]);
    moved += is_same ? 0 : 1;
  }
  print_message("%u of %u moved, %u pinned\n", moved, heap->count, pin_count);
  assert_true(moved > 10 && pin_count > 3);
  assert_ok(rg_buffer_map(test->engine, stream, &mapped_after));
  assert_ptr_equal(mapped, mapped_after);
  for (uint32_t i = 0; i < pin_count; i++) {
    assert_ok(rg_unpin(test->engine, pinned[i]));
  }
  heap_check(heap);
  assert_ok(rg_buffer_destroy(test->engine, stream));
  free(before);
  free(stays);
  heap_end(heap);
}

/* The queue decides, not the call: writes before and after a step meet the right place. */
static void writes_around_a_step_keep_their_order(void **state) {
  gpu_test *test = *state;
  heap *heap = heap_begin(test, true);
  heap_scatter(heap, HEAP_SMALL_BUFFER, HEAP_PLAIN, UINT64_C(8) << 20);
  rg_defragment_info info = {0};
  const rg_defragment_desc desc = {.max_bytes = STEP_BYTES};
  for (uint32_t step = 0; !info.is_done && step < 2000; step++) {
    for (uint32_t i = step % 3; i < heap->count; i += 3) {
      heap_rewrite(heap, &heap->things[i]);
    }
    assert_ok(rg_defragment(test->engine, &desc, &info));
    for (uint32_t i = step % 2; i < heap->count; i += 2) {
      heap_rewrite(heap, &heap->things[i]);
    }
    if (step % 3 == 2) {
      pass_gpu(test);
    }
  }
  assert_true(info.is_done);
  heap_check(heap);
  heap_end(heap);
}

static void resources_come_and_go_between_steps(void **state) {
  gpu_test *test = *state;
  heap *heap = heap_begin(test, true);
  heap_scatter(heap, HEAP_SMALL_BUFFER, HEAP_BLOCKS, UINT64_C(12) << 20);
  const rg_defragment_desc desc = {.max_bytes = STEP_BYTES};
  for (uint32_t step = 0; step < 60; step++) {
    rg_defragment_info info;
    assert_ok(rg_defragment(test->engine, &desc, &info));
    for (uint32_t i = 0; i < 5 && heap->count > 20; i++) {
      heap_destroy(heap, (uint32_t)heap_random(heap, heap->count));
    }
    for (uint32_t i = 0; i < 4; i++) {
      heap_make(heap, (heap_kind)heap_random(heap, HEAP_KIND_COUNT));
    }
  }
  heap_check(heap);
  heap_end(heap);
}

/* A host whose frames never end, and one that never flushes. */
static void it_ends_even_where_the_gpu_is_never_seen_to_pass(void **state) {
  gpu_test *test = *state;
  heap *heap = heap_begin(test, true);
  heap_scatter(heap, HEAP_OWN_BUFFER, HEAP_BLOCKS, UINT64_C(8) << 20);
  rg_batch batch;
  assert_ok(rg_batch_begin(test->engine, &batch));
  rg_defragment_info info = {0};
  uint32_t steps = 0;
  while (!info.is_done) {
    assert_ok(rg_defragment(test->engine, NULL, &info));
    assert_true(steps++ < 10000);
  }
  rg_batch_end(test->engine, batch);
  heap_check(heap);
  heap_end(heap);
}

static void what_is_wrong_is_refused(void **state) {
  gpu_test *test = *state;
  rg_defragment_info info = {.moves = 7};
  assert_error(rg_defragment(NULL, NULL, &info), RG_ERROR_INVALID_ARGUMENT, "engine");
  assert_int_equal(info.moves, 0);
  assert_ok(rg_defragment(test->engine, NULL, NULL));
  assert_ok(rg_defragment(test->engine, NULL, &info));
  assert_true(info.is_done && info.moves == 0 && info.bytes_moved == 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, gpu_test_setup, gpu_test_teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(scattered_pools_come_down_to_the_blocks_that_they_need),
      TEST(the_engines_own_pools_come_down_too),
      TEST(shared_buffers_gather_and_their_slabs_go),
      TEST(large_pieces_gather_by_way_of_new_blocks),
      TEST(an_empty_block_that_is_too_small_is_not_counted_on),
      TEST(a_step_makes_no_more_moves_than_it_may),
      TEST(only_what_may_be_moved_is_moved),
      TEST(writes_around_a_step_keep_their_order),
      TEST(resources_come_and_go_between_steps),
      TEST(it_ends_even_where_the_gpu_is_never_seen_to_pass),
      TEST(what_is_wrong_is_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
