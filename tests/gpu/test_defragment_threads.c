/* Defragmentation beside threads that write, read, look up, make and destroy: nothing is lost. */
#include <stdatomic.h>

#include "defragment_heap.h"

#define THREADS 3
#define MIN_STEPS 60

typedef struct worker {
  heap *heap; /* of its own */
  _Atomic bool *is_over;
  pthread_t thread;
  _Atomic uint32_t rounds;
} worker;

static void look_up(heap *self, const heap_thing *thing) {
  rg_buffer_vk buffer;
  rg_texture_vk texture;
  rg_resource_memory memory;
  if (heap_is_buffer(thing->kind)) {
    assert_ok(rg_buffer_get_vk(self->test->engine, (rg_buffer){thing->id}, &buffer));
    assert_true(buffer.buffer != VK_NULL_HANDLE && buffer.size == thing->size);
  } else {
    assert_ok(rg_texture_get_vk(self->test->engine, (rg_texture){thing->id}, &texture));
    assert_true(texture.image != VK_NULL_HANDLE && texture.view != VK_NULL_HANDLE);
  }
  assert_ok(rg_resource_get_memory(self->test->engine, thing->id, &memory));
  assert_true(memory.memory != VK_NULL_HANDLE);
}

/* Each thing is checked against what this thread wrote last. */
static void *work(void *user) {
  worker *self = user;
  heap *heap = self->heap;
  while (!atomic_load(self->is_over)) {
    heap_thing *thing = &heap->things[heap_random(heap, heap->count)];
    switch (heap_random(heap, 5)) {
      case 0: heap_check_thing(heap, thing); break;
      case 1: look_up(heap, thing); break;
      case 2:
        heap_destroy(heap, (uint32_t)(thing - heap->things));
        heap_make(heap, (heap_kind)heap_random(heap, HEAP_PLAIN + 1));
        break;
      default: heap_rewrite(heap, thing); break;
    }
    self->rounds++;
  }
  heap_check(heap);
  return NULL;
}

static bool all_have_worked(worker *workers) {
  bool all = true;
  for (uint32_t i = 0; i < THREADS; i++) {
    all = all && atomic_load(&workers[i].rounds) > 0;
  }
  return all;
}

static void threads_go_on_while_their_resources_move(void **state) {
  gpu_test *test = *state;
  worker workers[THREADS];
  _Atomic bool is_over = false;
  rg_engine_destroy(test->engine);
  rg_engine_desc engine = gpu_test_desc(&test->log);
  engine.block_size = HEAP_BLOCK_SIZE;
  engine.upload_size = HEAP_BLOCK_SIZE;
  assert_ok(rg_engine_create(&engine, &test->engine));
  for (uint32_t i = 0; i < THREADS; i++) {
    heap *heap = calloc(1, sizeof *heap);
    heap->test = test;
    heap->random = 100 + i;
    workers[i].heap = heap;
    workers[i].is_over = &is_over;
    atomic_init(&workers[i].rounds, 0);
    heap_scatter(heap, HEAP_SMALL_BUFFER, HEAP_PLAIN, UINT64_C(12) << 20);
  }
  for (uint32_t i = 0; i < THREADS; i++) {
    assert_int_equal(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
  }
  uint32_t moves = 0;
  const rg_defragment_desc desc = {.max_bytes = 256u << 10};
  for (uint32_t step = 0;
       step < MIN_STEPS || (moves < 40 && step < 20 * MIN_STEPS) || !all_have_worked(workers);
       step++) {
    rg_defragment_info info;
    assert_ok(rg_defragment(test->engine, &desc, &info));
    moves += info.moves;
    assert_ok(rg_flush(test->engine, NULL));
  }
  atomic_store(&is_over, true);
  for (uint32_t i = 0; i < THREADS; i++) {
    pthread_join(workers[i].thread, NULL);
    heap_clear(workers[i].heap);
    free(workers[i].heap);
  }
  assert_true(moves > 0);
}

/* ---- Writes that meet moves ----------------------------------------------------------------- */

#define WRITERS 2
#define OWNED 48
#define PIECE 16384
#define FILLERS 96
#define ROUNDS 60

typedef struct writer {
  gpu_test *test;
  rg_pool pool;
  _Atomic bool *is_over, *is_stirred;
  _Atomic uint32_t *remade; /* by all writers */
  pthread_t thread;
  rg_buffer owned[OWNED];
  uint32_t values[OWNED];
  uint64_t random;
} writer;

static rg_buffer make_piece(gpu_test *test, rg_pool pool) {
  rg_buffer out;
  const rg_buffer_desc desc = {
      .size = PIECE, .own_vk_buffer = true, .pool = pool, .is_movable = true};
  assert_ok(rg_buffer_create(test->engine, &desc, &out));
  return out;
}

static uint32_t writer_random(writer *self, uint32_t below) {
  self->random = self->random * 6364136223846793005u + 1442695040888963407u;
  return (uint32_t)(self->random >> 33) % below;
}

static void write_value(writer *self, uint32_t index) {
  self->values[index]++;
  assert_ok(rg_buffer_update(self->test->engine, self->owned[index], PIECE / 2,
                             &self->values[index], sizeof *self->values));
}

static void check_value(const writer *self, uint32_t index) {
  uint32_t value = 0;
  assert_ok(
      rg_buffer_read(self->test->engine, self->owned[index], PIECE / 2, &value, sizeof value));
  assert_int_equal(value, self->values[index]);
}

/* Many writes, now and then a check, and now and then a buffer made anew, which lies elsewhere. */
static void *write_on(void *user) {
  writer *self = user;
  while (!atomic_load(self->is_over)) {
    const uint32_t index = writer_random(self, OWNED);
    const uint32_t chance = writer_random(self, 100);
    if (chance < 20 && atomic_load(self->is_stirred)) {
      assert_ok(rg_buffer_destroy(self->test->engine, self->owned[index]));
      self->owned[index] = make_piece(self->test, self->pool);
      atomic_fetch_add(self->remade, 1);
    } else if (chance < 25) {
      write_value(self, index);
      check_value(self, index);
    }
    write_value(self, index);
  }
  for (uint32_t i = 0; i < OWNED; i++) {
    write_value(self, i);
    check_value(self, i);
    assert_ok(rg_buffer_destroy(self->test->engine, self->owned[i]));
  }
  return NULL;
}

static void wait_for_gpu(gpu_test *test) {
  rg_ticket ticket;
  assert_ok(rg_flush(test->engine, &ticket));
  assert_ok(rg_ticket_wait(test->engine, ticket, UINT64_MAX));
}

/* Buffers that come and go between the writers' own keep these on the move. */
static uint32_t stir(gpu_test *test, rg_pool pool, _Atomic bool *is_stirred,
                     const _Atomic uint32_t *remade) {
  rg_buffer fillers[FILLERS];
  rg_defragment_info info = {0};
  uint32_t moves = 0;
  atomic_store(is_stirred, true);
  for (uint32_t i = 0; i < FILLERS; i++) {
    fillers[i] = make_piece(test, pool);
    const uint32_t before = atomic_load(remade);
    for (uint32_t j = 0; j < 1000 && atomic_load(remade) == before; j++) {
      wait_for_gpu(test);
    }
  }
  atomic_store(is_stirred, false);
  for (uint32_t i = 0; i < FILLERS; i++) {
    assert_ok(rg_buffer_destroy(test->engine, fillers[i]));
  }
  const rg_defragment_desc desc = {.max_moves = 8};
  for (uint32_t i = 0; i < 20 && !info.is_done; i++) {
    wait_for_gpu(test);
    assert_ok(rg_defragment(test->engine, &desc, &info));
    moves += info.moves;
  }
  return moves;
}

static void no_write_is_lost_to_a_move(void **state) {
  gpu_test *test = *state;
  static writer writers[WRITERS];
  _Atomic bool is_over = false, is_stirred = false;
  _Atomic uint32_t remade = 0;
  rg_engine_destroy(test->engine);
  rg_engine_desc engine = gpu_test_desc(&test->log);
  engine.validation = false; /* which keeps threads apart that could meet */
  assert_ok(rg_engine_create(&engine, &test->engine));
  rg_pool pool;
  const rg_pool_desc desc = {.block_size = 16 * PIECE};
  assert_ok(rg_pool_create(test->engine, &desc, &pool));
  for (uint32_t i = 0; i < WRITERS; i++) {
    writers[i] = (writer){.test = test,
                          .pool = pool,
                          .is_over = &is_over,
                          .is_stirred = &is_stirred,
                          .remade = &remade,
                          .random = i};
    for (uint32_t j = 0; j < OWNED; j++) {
      writers[i].owned[j] = make_piece(test, pool);
    }
  }
  for (uint32_t i = 0; i < WRITERS; i++) {
    assert_int_equal(pthread_create(&writers[i].thread, NULL, write_on, &writers[i]), 0);
  }
  uint32_t moves = 0;
  for (uint32_t i = 0; i < ROUNDS; i++) {
    moves += stir(test, pool, &is_stirred, &remade);
  }
  atomic_store(&is_over, true);
  for (uint32_t i = 0; i < WRITERS; i++) {
    pthread_join(writers[i].thread, NULL);
  }
  print_message("%u moves beside the writers\n", moves);
  assert_true(moves > 0);
  assert_ok(rg_pool_destroy(test->engine, pool));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(threads_go_on_while_their_resources_move, gpu_test_setup,
                                      gpu_test_teardown),
      cmocka_unit_test_setup_teardown(no_write_is_lost_to_a_move, gpu_test_setup,
                                      gpu_test_teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
