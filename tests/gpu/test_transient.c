/* Transient resources on a device: who shares memory with whom, and what is refused. */
#include "transient_scene.h"

/* ---- Places --------------------------------------------------------------------------------- */

static void those_of_different_steps_share_their_memory(void **state) {
  gpu_test *test = *state;
  const uint64_t before = memory_used(test);
  const rg_texture_desc texture = {.width = 256, .height = 256, .usage = TARGET, .label = "pass"};
  const rg_buffer_desc buffer = {.size = 4096, .label = "lights"};
  const rg_transient_desc descs[] = {
      {.texture = &texture, .first_use = 0, .last_use = 0},
      {.texture = &texture, .first_use = 1, .last_use = 1},
      {.texture = &texture, .first_use = 2, .last_use = 7},
      {.buffer = &buffer, .first_use = 1, .last_use = 2},
  };
  rg_handle handles[COUNT(descs)];
  rg_transient_info info;
  assert_ok(rg_transients_create(test->engine, descs, COUNT(descs), handles, &info));
  assert_true(info.size >= info.peak_size && info.size < info.unshared_size / 2);
  assert_true(memory_used(test) - before < info.unshared_size / 2);
  assert_true(shares_bytes(test, handles[0], handles[1]));
  assert_true(shares_bytes(test, handles[1], handles[2]));
  assert_false(shares_bytes(test, handles[2], handles[3]));
  for (uint32_t i = 0; i < COUNT(descs); i++) {
    rg_resource_info facts;
    assert_true(place_of(test, handles[i]).is_aliased);
    assert_ok(rg_resource_get_info(test->engine, handles[i].id, &facts));
    assert_string_equal(facts.label, i < 3 ? "pass" : "lights");
    assert_true(facts.size >= (i < 3 ? 256u * 256 * 4 : 4096));
  }
  destroy_all(test, handles, COUNT(descs));
  assert_int_equal(memory_used(test), before);
}

static uint32_t random_below(uint64_t *seed, uint32_t count) {
  *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
  return (uint32_t)(*seed >> 33) % count;
}

#define MANY 200

/* What a random frame declares; its descriptors point into itself. */
typedef struct many {
  rg_texture_desc textures[MANY];
  rg_buffer_desc buffers[MANY];
  rg_transient_desc descs[MANY];
  rg_handle handles[MANY];
} many;

static many *many_draw(uint64_t seed) {
  many *out = calloc(1, sizeof *out);
  assert_non_null(out);
  for (uint32_t i = 0; i < MANY; i++) {
    const uint32_t first = random_below(&seed, 40);
    out->textures[i] = (rg_texture_desc){.width = 1 + random_below(&seed, 300),
                                         .height = 1 + random_below(&seed, 300),
                                         .usage = random_below(&seed, 2) == 0 ? TARGET : STORAGE};
    out->buffers[i] = (rg_buffer_desc){.size = 1 + random_below(&seed, 100000)};
    out->descs[i] =
        (rg_transient_desc){.first_use = first, .last_use = first + random_below(&seed, 8)};
    if (random_below(&seed, 3) == 0) {
      out->descs[i].buffer = &out->buffers[i];
    } else {
      out->descs[i].texture = &out->textures[i];
    }
  }
  return out;
}

static bool lives_with(const rg_transient_desc *a, const rg_transient_desc *b) {
  return a->first_use <= b->last_use && b->first_use <= a->last_use;
}

static void those_that_live_at_once_share_no_byte(void **state) {
  gpu_test *test = *state;
  for (uint32_t round = 0; round < 3; round++) {
    many *all = many_draw(round);
    rg_transient_info info;
    assert_ok(rg_transients_create(test->engine, all->descs, MANY, all->handles, &info));
    assert_true(info.size <= info.peak_size + info.peak_size / 5);
    for (uint32_t i = 0; i < MANY; i++) {
      for (uint32_t j = 0; j < i; j++) {
        assert_false(lives_with(&all->descs[i], &all->descs[j]) &&
                     shares_bytes(test, all->handles[i], all->handles[j]));
      }
    }
    destroy_all(test, all->handles, MANY);
    free(all);
  }
}

/* Linear and optimal neighbours that live at once lie in different granules. */
static void buffers_and_textures_keep_the_granularity(void **state) {
  gpu_test *test = *state;
  VkPhysicalDeviceProperties properties;
  PFN_vkGetPhysicalDeviceProperties get =
      (PFN_vkGetPhysicalDeviceProperties)test->vk.get_instance_proc_addr(
          test->vk.instance, "vkGetPhysicalDeviceProperties");
  get(test->vk.physical_device, &properties);
  const uint64_t granule = properties.limits.bufferImageGranularity;
  many *all = many_draw(9);
  assert_ok(rg_transients_create(test->engine, all->descs, MANY, all->handles, NULL));
  for (uint32_t i = 0; i < MANY; i++) {
    const rg_resource_memory a = place_of(test, all->handles[i]);
    for (uint32_t j = 0; j < MANY; j++) {
      const rg_resource_memory b = place_of(test, all->handles[j]);
      if (all->descs[i].buffer == NULL || all->descs[j].buffer != NULL || a.memory != b.memory ||
          !lives_with(&all->descs[i], &all->descs[j])) {
        continue;
      }
      assert_true((a.offset + a.size - 1) / granule < b.offset / granule ||
                  (b.offset + b.size - 1) / granule < a.offset / granule);
    }
  }
  destroy_all(test, all->handles, MANY);
  free(all);
}

static void nothing_is_no_error(void **state) {
  gpu_test *test = *state;
  rg_transient_info info = {1, 2, 3};
  assert_ok(rg_transients_create(test->engine, NULL, 0, NULL, &info));
  assert_true(info.size == 0 && info.unshared_size == 0 && info.peak_size == 0);
}

static double seconds_now(void) {
  struct timespec now;
  timespec_get(&now, TIME_UTC);
  return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static void two_thousand_are_planned_in_no_time(void **state) {
  gpu_test *test = *state;
  enum { ALL = 2000 };
  rg_transient_desc *descs = calloc(ALL, sizeof *descs);
  rg_handle *handles = calloc(ALL, sizeof *handles);
  assert_true(descs != NULL && handles != NULL);
  const rg_texture_desc sizes[] = {{.width = 64, .height = 64},
                                   {.width = 32, .height = 48},
                                   {.width = 128, .height = 16},
                                   {.width = 16, .height = 16, .usage = STORAGE}};
  uint64_t seed = 4;
  for (uint32_t i = 0; i < ALL; i++) {
    const uint32_t first = random_below(&seed, 500);
    descs[i] = (rg_transient_desc){.texture = &sizes[random_below(&seed, COUNT(sizes))],
                                   .first_use = first,
                                   .last_use = first + random_below(&seed, 12)};
  }
  rg_transient_info info;
  const double begin = seconds_now();
  assert_ok(rg_transients_create(test->engine, descs, ALL, handles, &info));
  print_message("2,000 textures: %.0f ms, %.3f of the peak, %.1f %% of the unshared size\n",
                (seconds_now() - begin) * 1e3, (double)info.size / (double)info.peak_size,
                100.0 * (double)info.size / (double)info.unshared_size);
  assert_true(info.size <= info.peak_size + info.peak_size / 10);
  destroy_all(test, handles, ALL);
  free(descs);
  free(handles);
}

/* ---- Refusals ------------------------------------------------------------------------------- */

static void wrong_descriptions_are_refused_and_nothing_is_made(void **state) {
  gpu_test *test = *state;
  static const uint32_t data[16] = {0};
  const rg_texture_desc good = {.width = 4, .height = 4, .label = "good"};
  const rg_texture_desc textures[] = {
      {.file = "a.png", .label = "brick"},
      {.width = 4, .height = 4, .data = data, .data_size = 64, .label = "brick"},
      {.width = 4, .height = 4, .is_movable = true, .label = "brick"},
      {.width = 4, .height = 4, .is_exportable = true, .label = "brick"},
      {.width = 4, .height = 4, .generate_mips = true, .label = "brick"},
      {.width = 4, .height = 4, .pool = {1}, .label = "brick"},
      {.width = 0, .height = 4, .label = "brick"}};
  const rg_buffer_desc buffers[] = {{.size = 64, .data = data, .label = "list"},
                                    {.size = 64, .update = RG_UPDATE_STREAM, .label = "list"},
                                    {.size = 64, .type = RG_BUFFER_STAGING, .label = "list"},
                                    {.size = 64, .is_movable = true, .label = "list"},
                                    {.size = 64, .is_exportable = true, .label = "list"},
                                    {.size = 64, .pool = {1}, .label = "list"},
                                    {.size = 0, .label = "list"}};
  const struct {
    rg_transient_desc desc;
    const char *message;
  } cases[] = {
      {{.texture = NULL}, "transient 2 of 3: neither of texture and buffer"},
      {{.texture = &good, .buffer = &buffers[0]}, "transient 2 of 3: each of texture and buffer"},
      {{.texture = &good, .first_use = 5, .last_use = 4},
       "transient 2 of 3: texture 'good': last_use 4 is before first_use 5"},
      {{.texture = &textures[0]},
       "transient 2 of 3: texture 'brick': a transient texture has no "
       "file"},
      {{.texture = &textures[1]}, "no data"},
      {{.texture = &textures[2]}, "is_movable"},
      {{.texture = &textures[3]}, "is_exportable"},
      {{.texture = &textures[4]}, "mips"},
      {{.texture = &textures[5]}, "pool"},
      {{.texture = &textures[6]}, "transient 2 of 3: texture 'brick': width is 0"},
      {{.buffer = &buffers[0]}, "transient 2 of 3: buffer 'list': a transient buffer has no data"},
      {{.buffer = &buffers[1]}, "static"},
      {{.buffer = &buffers[2]}, "static"},
      {{.buffer = &buffers[3]}, "is_movable"},
      {{.buffer = &buffers[4]}, "is_exportable"},
      {{.buffer = &buffers[5]}, "pool"},
      {{.buffer = &buffers[6]}, "transient 2 of 3: buffer 'list': size is 0"},
  };
  for (uint32_t i = 0; i < COUNT(cases); i++) {
    const rg_transient_desc descs[] = {{.texture = &good}, cases[i].desc, {.texture = &good}};
    rg_handle handles[3] = {{1}, {2}, {3}};
    rg_transient_info info = {1, 2, 3};
    assert_error(rg_transients_create(test->engine, descs, 3, handles, &info),
                 RG_ERROR_INVALID_ARGUMENT, cases[i].message);
    assert_true(handles[0].id == 0 && handles[1].id == 0 && handles[2].id == 0);
    assert_true(info.size == 0 && info.unshared_size == 0 && info.peak_size == 0);
  }
  assert_int_equal(rg_resource_next(test->engine, RG_TYPE_NONE, (rg_handle){0}).id, 0);
  assert_int_equal(memory_used(test), 0);
}

static void null_pointers_and_counts_over_the_limit_are_refused(void **state) {
  gpu_test *test = *state;
  const rg_texture_desc texture = {.width = 4, .height = 4};
  const rg_transient_desc desc = {.texture = &texture};
  rg_handle handle = {7};
  const rg_result bad = RG_ERROR_INVALID_ARGUMENT;
  assert_error(rg_transients_create(NULL, &desc, 1, &handle, NULL), bad, "engine");
  assert_error(rg_transients_create(test->engine, &desc, 1, NULL, NULL), bad, "out");
  assert_error(rg_transients_create(test->engine, NULL, 1, &handle, NULL), bad, "descs");
  assert_int_equal(handle.id, 0);
  assert_error(rg_transients_create(test->engine, &desc, 65537, &handle, NULL), RG_ERROR_LIMIT,
               "65537 transients exceed the engine's 65536");
}

static void wrong_beginnings_are_refused(void **state) {
  gpu_test *test = *state;
  const rg_texture_desc texture = {.width = 4, .height = 4, .label = "brick"};
  const rg_buffer_desc buffer = {.size = 64, .label = "list"};
  const rg_transient_desc desc = {.texture = &texture};
  rg_handle ids[2];
  rg_texture plain;
  rg_buffer shared;
  gpu_commands commands;
  assert_ok(rg_transients_create(test->engine, &desc, 1, ids, NULL));
  assert_ok(rg_texture_create(test->engine, &texture, &plain));
  assert_ok(rg_buffer_create(test->engine, &buffer, &shared));
  gpu_commands_begin(&commands, test);
  const VkCommandBuffer into = commands.buffer;
  const rg_result bad = RG_ERROR_INVALID_ARGUMENT;
  assert_error(rg_cmd_begin_transients(NULL, into, ids, 1), bad, "engine");
  assert_error(rg_cmd_begin_transients(test->engine, NULL, ids, 1), bad, "commands");
  assert_error(rg_cmd_begin_transients(test->engine, into, NULL, 1), bad, "ids");
  assert_ok(rg_cmd_begin_transients(test->engine, into, NULL, 0));
  ids[1] = ids[0];
  assert_error(rg_cmd_begin_transients(test->engine, into, ids, 2), bad,
               "transients 1 and 2 of 2 are the same");
  ids[1].id = plain.id;
  assert_error(rg_cmd_begin_transients(test->engine, into, ids, 2), bad,
               "transient 2 of 2: texture 'brick' is not transient");
  ids[1].id = shared.id;
  assert_error(rg_cmd_begin_transients(test->engine, into, ids, 2), bad,
               "transient 2 of 2: buffer 'list' is not transient");
  ids[1].id = 0;
  assert_error(rg_cmd_begin_transients(test->engine, into, ids, 2), RG_ERROR_STALE_HANDLE,
               "transient 2 of 2");
  assert_ok(rg_texture_destroy(test->engine, (rg_texture){ids[0].id}));
  assert_error(rg_cmd_begin_transients(test->engine, into, ids, 1), RG_ERROR_STALE_HANDLE,
               "'brick' is destroyed");
  gpu_commands_run(&commands);
  assert_ok(rg_texture_destroy(test->engine, plain));
  assert_ok(rg_buffer_destroy(test->engine, shared));
}

static void without_memory_none_is_made(void **state) {
  (void)state;
  gpu_log log;
  gpu_log_init(&log);
  rg_engine_desc desc = gpu_test_desc(&log);
  desc.memory_limit = UINT64_C(4) << 20;
  gpu_test small = {.engine = NULL};
  assert_ok(rg_engine_create(&desc, &small.engine));
  const rg_texture_desc texture = {.width = 1024, .height = 1024, .label = "large"};
  rg_transient_desc descs[] = {{.texture = &texture}, {.texture = &texture}};
  rg_handle handles[2] = {{1}, {2}};
  assert_error(rg_transients_create(small.engine, descs, 2, handles, NULL),
               RG_ERROR_OUT_OF_DEVICE_MEMORY, "'transients'");
  assert_true(handles[0].id == 0 && handles[1].id == 0);
  assert_int_equal(rg_resource_next(small.engine, RG_TYPE_NONE, (rg_handle){0}).id, 0);
  assert_int_equal(memory_used(&small), 0);
  descs[1].first_use = descs[1].last_use = 1; /* sharing, they fit */
  assert_ok(rg_transients_create(small.engine, descs, 2, handles, NULL));
  destroy_all(&small, handles, 2);
  rg_engine_destroy(small.engine);
  assert_int_equal(log.validation_count, 0);
  assert_false(gpu_log_has(&log, "leaks") || gpu_log_has(&log, "never"));
  pthread_mutex_destroy(&log.lock);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, gpu_test_setup, gpu_test_teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(those_of_different_steps_share_their_memory),
      TEST(those_that_live_at_once_share_no_byte),
      TEST(buffers_and_textures_keep_the_granularity),
      TEST(nothing_is_no_error),
      TEST(two_thousand_are_planned_in_no_time),
      TEST(wrong_descriptions_are_refused_and_nothing_is_made),
      TEST(null_pointers_and_counts_over_the_limit_are_refused),
      TEST(wrong_beginnings_are_refused),
      cmocka_unit_test(without_memory_none_is_made),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
