/* Random allocations and frees through the engine's pools and the caller's, against a simple model:
 * every live buffer's bytes are its own, and the totals are their sum. REGOLITH_MODEL_OPERATIONS
 * sets how many operations there are in all; without validation, which would be most of the work.
 */
#include "gpu_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OPERATIONS 120000
#define LIVE_MAX 1500
#define TESTS 2 /* that the operations are divided among */
#define THREADS 4
#define STAMP_STEP 256 /* bytes from one pattern to the next */

#define POOLS 6
#define UNLIMITED 2 /* the first ones */

/* Smaller buffers outside pools lie in parts of shared ones. */
#define OWN_SIZE_MIN UINT64_C(65537)

/* ---- The model ------------------------------------------------------------------------------ */

typedef struct piece {
  rg_buffer buffer;
  uint8_t *mapped;
  uint64_t size, taken; /* bytes; as asked for, and as rg_resource_get_memory tells */
  uint64_t pattern;
} piece;

typedef struct model {
  rg_engine *engine;
  const rg_pool *pools; /* null among them: the engine's own */
  const uint64_t *size_limits;
  uint32_t pool_count;
  uint64_t random;
  uint64_t operations;
  uint32_t live_count;
  uint64_t refusals;
  const char *fault;
  piece pieces[LIVE_MAX];
} model;

static uint64_t draw(model *self, uint64_t end) {
  self->random ^= self->random << 13;
  self->random ^= self->random >> 7;
  self->random ^= self->random << 17;
  return self->random % end;
}

/* Mostly small, seldom large; odd sizes. */
static uint64_t draw_size(model *self, uint64_t limit) {
  const uint64_t bits = draw(self, 100) < 97 ? 4 + draw(self, 11) : 15 + draw(self, 5);
  const uint64_t size = 1 + (UINT64_C(1) << bits) + draw(self, UINT64_C(1) << bits);
  return size > limit ? 1 + size % limit : size;
}

/* Every STAMP_STEP bytes, and the last: whatever overlaps it overwrites one. */
static void stamp(const piece *self) {
  for (uint64_t i = 0; i + sizeof self->pattern <= self->size; i += STAMP_STEP) {
    memcpy(self->mapped + i, &self->pattern, sizeof self->pattern);
  }
  self->mapped[self->size - 1] = (uint8_t)(self->pattern + self->size);
}

static bool is_whole(const piece *self) {
  if (self->mapped[self->size - 1] != (uint8_t)(self->pattern + self->size)) {
    return false;
  }
  for (uint64_t i = 0; i + sizeof self->pattern <= self->size - 1; i += STAMP_STEP) {
    if (memcmp(self->mapped + i, &self->pattern, sizeof self->pattern) != 0) {
      return false;
    }
  }
  return true;
}

static void expect(model *self, bool holds, const char *claim) {
  if (!holds && self->fault == NULL) {
    self->fault = claim;
    fprintf(stderr, "%s: %s\n", claim, rg_error());
  }
}

/* A refusal for want of room is right only in a pool that has a limit. */
static void model_alloc(model *self) {
  const uint32_t pool = (uint32_t)draw(self, self->pool_count);
  const uint64_t least = self->pools[pool].id == 0 ? OWN_SIZE_MIN : 0;
  const uint64_t size = least + draw_size(self, self->size_limits[pool]);
  const rg_buffer_desc desc = {.size = size,
                               .update = RG_UPDATE_STREAM,
                               .own_vk_buffer = true,
                               .pool = self->pools[pool],
                               .label = "model"};
  piece *made = &self->pieces[self->live_count];
  const rg_result result = rg_buffer_create(self->engine, &desc, &made->buffer);
  if (result == RG_ERROR_OUT_OF_DEVICE_MEMORY && pool >= UNLIMITED) {
    self->refusals++;
    return;
  }
  void *mapped = NULL;
  rg_resource_memory memory = {0};
  expect(self, result == RG_OK, "a buffer is made");
  expect(self, rg_buffer_map(self->engine, made->buffer, &mapped) == RG_OK, "it is mapped");
  expect(self, rg_resource_get_memory(self->engine, made->buffer.id, &memory) == RG_OK,
         "its memory is known");
  if (self->fault != NULL) {
    return;
  }
  expect(self, memory.size >= size && memory.offset % memory.alignment == 0, "it is aligned");
  expect(self, memory.pool.id == desc.pool.id, "it is in its pool");
  *made = (piece){made->buffer, mapped, size, memory.size, self->random};
  stamp(made);
  self->live_count++;
}

static void model_free(model *self, uint32_t index) {
  const piece gone = self->pieces[index];
  expect(self, is_whole(&gone), "nobody else wrote into a live buffer");
  expect(self, rg_buffer_destroy(self->engine, gone.buffer) == RG_OK, "a buffer is destroyed");
  self->pieces[index] = self->pieces[--self->live_count];
}

/* The live count sways between a few and LIVE_MAX, so that blocks come and go. */
static void *model_run(void *user) {
  model *self = user;
  uint64_t goal = LIVE_MAX / 2;
  for (uint64_t i = 0; i < self->operations && self->fault == NULL; i++) {
    if (draw(self, 2000) == 0) {
      goal = 1 + draw(self, LIVE_MAX - 1);
    }
    const uint64_t way = self->live_count < goal ? 70 : 30;
    if (self->live_count == 0 || (draw(self, 100) < way && self->live_count < LIVE_MAX)) {
      model_alloc(self);
    } else {
      model_free(self, (uint32_t)draw(self, self->live_count));
    }
  }
  return NULL;
}

/* ---- The engine ----------------------------------------------------------------------------- */

typedef struct model_engine {
  gpu_log log;
  rg_engine *engine;
  rg_pool pools[POOLS]; /* the first is null */
  rg_memory_totals before;
} model_engine;

static const uint64_t size_limits[POOLS] = {200000, UINT64_C(1) << 20, 200000, 3000, 60000, 60000};

static void engine_begin(model_engine *self) {
  static const rg_pool_desc descs[POOLS] = {
      {0},
      {.update = RG_UPDATE_STREAM, .label = "unlimited"},
      {.update = RG_UPDATE_STREAM, .max_size = UINT64_C(16) << 20, .label = "growing"},
      {.update = RG_UPDATE_STREAM,
       .strategy = RG_POOL_SLOTS,
       .slot_size = 4096,
       .block_size = UINT64_C(256) << 10,
       .min_blocks = 1,
       .max_blocks = 8,
       .label = "slots"},
      {.update = RG_UPDATE_STREAM,
       .strategy = RG_POOL_STACK,
       .block_size = UINT64_C(1) << 20,
       .max_blocks = 4,
       .label = "stack"},
      {.update = RG_UPDATE_STREAM,
       .strategy = RG_POOL_RING,
       .block_size = UINT64_C(1) << 20,
       .max_blocks = 4,
       .label = "ring"},
  };
  gpu_log_init(&self->log);
  rg_engine_desc desc = gpu_test_desc(&self->log);
  desc.validation = false;
  desc.block_size = UINT64_C(4) << 20;
  assert_ok(rg_engine_create(&desc, &self->engine));
  self->pools[0] = (rg_pool){0};
  for (uint32_t i = 1; i < POOLS; i++) {
    assert_ok(rg_pool_create(self->engine, &descs[i], &self->pools[i]));
  }
  rg_memory_get_totals(self->engine, VK_MAX_MEMORY_HEAPS, &self->before);
}

static void engine_end(model_engine *self) {
  rg_memory_totals after;
  rg_memory_get_totals(self->engine, VK_MAX_MEMORY_HEAPS, &after);
  assert_int_equal(after.used, self->before.used);
  assert_int_equal(after.allocations, self->before.allocations);
  for (uint32_t i = 1; i < POOLS; i++) {
    rg_pool_stats stats;
    assert_ok(rg_pool_get_stats(self->engine, self->pools[i], &stats));
    assert_int_equal(stats.used, 0);
    assert_int_equal(stats.ranges, 0);
    assert_int_equal(stats.padding, 0);
    assert_true(stats.blocks <= 1);
    assert_ok(rg_pool_destroy(self->engine, self->pools[i]));
  }
  rg_engine_destroy(self->engine);
  assert_false(gpu_log_has(&self->log, "never"));
  assert_false(gpu_log_has(&self->log, "leaks"));
}

static uint64_t operation_count(void) {
  const char *text = getenv("REGOLITH_MODEL_OPERATIONS");
  const uint64_t count = text == NULL ? 0 : strtoull(text, NULL, 10);
  return count == 0 ? OPERATIONS : count;
}

/* Runs one model a thread, and checks the totals with all that then lives. */
static void run_models(uint32_t count) {
  static model models[THREADS];
  static model_engine engine;
  pthread_t threads[THREADS];
  engine_begin(&engine);
  for (uint32_t i = 0; i < count; i++) {
    models[i] = (model){.engine = engine.engine,
                        .pools = engine.pools,
                        .size_limits = size_limits,
                        .pool_count = POOLS,
                        .random = 88172645463325252u + i * 2654435761u,
                        .operations = operation_count() / TESTS / count};
    assert_int_equal(pthread_create(&threads[i], NULL, model_run, &models[i]), 0);
  }
  uint64_t taken = 0, live_count = 0, refusals = 0;
  for (uint32_t i = 0; i < count; i++) {
    assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_null(models[i].fault);
    for (uint32_t k = 0; k < models[i].live_count; k++) {
      taken += models[i].pieces[k].taken;
    }
    live_count += models[i].live_count;
    refusals += models[i].refusals;
  }
  rg_memory_totals totals;
  rg_memory_get_totals(engine.engine, VK_MAX_MEMORY_HEAPS, &totals);
  assert_int_equal(totals.used - engine.before.used, taken);
  assert_int_equal(totals.allocations - engine.before.allocations, live_count);
  assert_true(refusals < operation_count() / TESTS / 2);
  for (uint32_t i = 0; i < count; i++) {
    while (models[i].live_count > 0) {
      model_free(&models[i], models[i].live_count - 1);
    }
    assert_null(models[i].fault);
  }
  engine_end(&engine);
}

static void random_operations_keep_every_buffers_bytes_and_the_totals(void **state) {
  (void)state;
  run_models(1);
}

static void so_do_those_of_several_threads(void **state) {
  (void)state;
  run_models(THREADS);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(random_operations_keep_every_buffers_bytes_and_the_totals),
      cmocka_unit_test(so_do_those_of_several_threads),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
