/* Traces of allocations: recording, replaying, and traces that are wrong. And the guard bytes that
 * tell of overruns. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fake_device.h"

static rg_buffer make(rg_engine *engine, rg_buffer_desc desc) {
  rg_buffer buffer;
  assert_ok(rg_buffer_create(engine, &desc, &buffer));
  return buffer;
}

/* ---- Recording ----------------------------------------------------------------------------- */

static char *read_file(const char *path, size_t *length) {
  FILE *file = fopen(path, "rb");
  assert_non_null(file);
  char *text = calloc(1, 1 << 20);
  *length = fread(text, 1, (1 << 20) - 1, file);
  fclose(file);
  return text;
}

static unsigned count_of(const char *text, const char *part) {
  unsigned count = 0;
  for (const char *at = text; (at = strstr(at, part)) != NULL; at++) {
    count++;
  }
  return count;
}

typedef struct trace_file {
  gpu_folder folder;
  char path[128];
} trace_file;

static void trace_file_make(trace_file *self) {
  gpu_folder_make(&self->folder);
  snprintf(self->path, sizeof self->path, "%s/a.trace", self->folder.path);
}

static void a_trace_has_a_line_for_each_allocation_and_free(void **state) {
  gpu_test *test = *state;
  trace_file file;
  trace_file_make(&file);
  rg_buffer before = make(test->engine, (rg_buffer_desc){.size = 100000});
  assert_ok(rg_memory_record_begin(test->engine, file.path));
  assert_int_equal(access(file.path, F_OK), -1); /* it has its name at the end only */
  rg_buffer small = make(test->engine, (rg_buffer_desc){.size = 1234});
  rg_buffer large = make(test->engine, (rg_buffer_desc){.size = 200000});
  rg_texture texture;
  assert_ok(
      rg_texture_create(test->engine, &(rg_texture_desc){.width = 64, .height = 64}, &texture));
  assert_ok(rg_buffer_destroy(test->engine, before));
  assert_ok(rg_buffer_destroy(test->engine, small));
  assert_ok(rg_buffer_destroy(test->engine, large));
  rg_ticket ticket;
  assert_ok(rg_flush(test->engine, &ticket));
  assert_ok(rg_ticket_wait(test->engine, ticket, UINT64_MAX));
  assert_ok(rg_collect(test->engine));
  assert_ok(rg_memory_record_end(test->engine));
  size_t length = 0;
  char *text = read_file(file.path, &length);
  assert_int_equal(strncmp(text, "regolith-trace 1\na 1 ", 21), 0);
  assert_int_equal(count_of(text, "\na "), 3);
  assert_int_equal(count_of(text, "\nf "), 2); /* not of what was there before */
  assert_int_equal(count_of(text, " 1234 "), 1);
  assert_int_equal(count_of(text, " shared "), 1);
  assert_int_equal(count_of(text, " linear "), 1);
  assert_int_equal(count_of(text, " optimal "), 1);
  rg_replay_stats stats;
  assert_ok(rg_memory_replay(test->engine, text, length, &stats));
  assert_int_equal(stats.allocations, 3);
  assert_int_equal(stats.frees, 2);
  assert_int_equal(stats.failures, 0);
  assert_int_equal(stats.threads, 1);
  assert_true(stats.peak_used >= 201234 + 64 * 64 * 4);
  free(text);
  assert_ok(rg_texture_destroy(test->engine, texture));
  gpu_folder_remove(&file.folder);
}

static void recording_begins_and_ends_once(void **state) {
  gpu_test *test = *state;
  trace_file file;
  trace_file_make(&file);
  assert_error(rg_memory_record_end(test->engine), RG_ERROR_INVALID_ARGUMENT, "none is being");
  assert_ok(rg_memory_record_begin(test->engine, file.path));
  assert_error(rg_memory_record_begin(test->engine, "b.trace"), RG_ERROR_INVALID_ARGUMENT,
               file.path);
  assert_ok(rg_memory_record_end(test->engine));
  assert_error(rg_memory_record_end(test->engine), RG_ERROR_INVALID_ARGUMENT, "none is being");
  assert_error(rg_memory_record_begin(test->engine, "/no/such/folder/a.trace"), RG_ERROR_IO,
               "/no/such/folder/a.trace");
  assert_error(rg_memory_record_begin(NULL, "x"), RG_ERROR_INVALID_ARGUMENT, "engine");
  assert_error(rg_memory_record_begin(test->engine, NULL), RG_ERROR_INVALID_ARGUMENT, "file");
  gpu_folder_remove(&file.folder);
}

static void a_trace_that_nobody_ends_is_whole_at_the_engines_end(void **state) {
  (void)state;
  trace_file file;
  trace_file_make(&file);
  gpu_log log;
  gpu_log_init(&log);
  rg_engine_desc desc = gpu_test_desc(&log);
  rg_engine *engine = NULL;
  assert_ok(rg_engine_create(&desc, &engine));
  assert_ok(rg_memory_record_begin(engine, file.path));
  rg_buffer buffer = make(engine, (rg_buffer_desc){.size = 500});
  assert_ok(rg_buffer_destroy(engine, buffer));
  rg_engine_destroy(engine);
  size_t length = 0;
  char *text = read_file(file.path, &length);
  assert_int_equal(count_of(text, "\na "), 1);
  assert_int_equal(count_of(text, "\nf "), 1);
  assert_int_equal(text[length - 1], '\n');
  free(text);
  gpu_folder_remove(&file.folder);
}

#define THREADS 4
#define ROUNDS 400

static void *churn(void *user) {
  rg_engine *engine = user;
  rg_buffer buffers[8] = {0};
  for (uint32_t i = 0; i < ROUNDS; i++) {
    rg_buffer *buffer = &buffers[i % 8];
    if (buffer->id != 0 && rg_buffer_destroy(engine, *buffer) != RG_OK) {
      return "destroy";
    }
    rg_buffer_desc desc = {.size = 64 + 777 * (i % 100)};
    if (rg_buffer_create(engine, &desc, buffer) != RG_OK) {
      return "create";
    }
  }
  for (uint32_t i = 0; i < 8; i++) {
    if (rg_buffer_destroy(engine, buffers[i]) != RG_OK) {
      return "destroy";
    }
  }
  return NULL;
}

/* A place that changes hands between threads is freed in the trace before it is allocated anew. */
static void traces_of_several_threads_can_be_replayed(void **state) {
  gpu_test *test = *state;
  trace_file file;
  trace_file_make(&file);
  assert_ok(rg_memory_record_begin(test->engine, file.path));
  pthread_t threads[THREADS];
  for (uint32_t i = 0; i < THREADS; i++) {
    assert_int_equal(pthread_create(&threads[i], NULL, churn, test->engine), 0);
  }
  for (uint32_t i = 0; i < THREADS; i++) {
    void *complaint = NULL;
    pthread_join(threads[i], &complaint);
    assert_null(complaint);
  }
  assert_ok(rg_memory_record_end(test->engine));
  size_t length = 0;
  char *text = read_file(file.path, &length);
  rg_replay_stats stats;
  assert_ok(rg_memory_replay(test->engine, text, length, &stats));
  assert_int_equal(stats.allocations, THREADS * ROUNDS);
  assert_true(stats.threads >= 1 && stats.threads <= THREADS + 1);
  assert_int_equal(stats.failures, 0);
  free(text);
  gpu_folder_remove(&file.folder);
}

/* ---- Replaying ----------------------------------------------------------------------------- */

static void replays_leave_nothing_behind(void **state) {
  gpu_test *test = *state;
  static const char text[] =
      "regolith-trace 1\n"
      "a 7 1000000 256 0 linear 0 10\n"
      "a 8 2000000 4096 0 optimal 3 20\n"
      "a 9 100 16 31 linear 0 30\n"
      "a 10 5000 16 0 shared 3 40\n"
      "f 7 0 50\n"
      "a 7 3000000 256 0 linear 0 60\n";
  rg_memory_totals before, after;
  rg_memory_get_totals(test->engine, VK_MAX_MEMORY_HEAPS, &before);
  rg_replay_stats stats;
  assert_ok(rg_memory_replay(test->engine, text, sizeof text - 1, &stats));
  assert_int_equal(stats.allocations, 5);
  assert_int_equal(stats.frees, 1);
  assert_int_equal(stats.failures, 0);
  assert_int_equal(stats.threads, 2);
  assert_int_equal(stats.peak_used, 3000000 + 2000000 + 100 + 5000);
  assert_true(stats.peak_size >= stats.peak_used - 5100);
  assert_true(stats.peak_blocks >= 1);
  assert_true(stats.seconds > 0);
  assert_ok(rg_collect(test->engine));
  rg_memory_trim(test->engine);
  rg_memory_get_totals(test->engine, VK_MAX_MEMORY_HEAPS, &after);
  assert_int_equal(after.used, before.used);
  assert_int_equal(after.allocations, before.allocations);
}

static void allocations_that_find_no_memory_are_counted(void **state) {
  gpu_test *test = *state;
  static const char text[] =
      "regolith-trace 1\n"
      "a 1 4611686018427387904 256 0 linear 0 1\n"
      "f 1 0 2\n"
      "a 1 1000 256 0 linear 0 3\n";
  rg_replay_stats stats;
  assert_ok(rg_memory_replay(test->engine, text, sizeof text - 1, &stats));
  assert_int_equal(stats.failures, 1);
  assert_int_equal(stats.allocations, 1);
  assert_int_equal(stats.frees, 0);
}

static void wrong_traces_are_refused_with_their_line(void **state) {
  gpu_test *test = *state;
  static const char *const wrong[][2] = {
      {"", "line 1"},
      {"regolith-trace 2\n", "line 1"},
      {"regolith-trace 1", "line 1"},
      {"regolith-trace 1\nx 1 2 3\n", "line 2"},
      {"regolith-trace 1\n\n", "line 2"},
      {"regolith-trace 1\na 1 16 16 0 linear 0 1\na 1 16 16 0 linear 0 2\n", "line 3"},
      {"regolith-trace 1\nf 1 0 1\n", "line 2"},
      {"regolith-trace 1\na 1 16 16 0 linear 0 1\nf 1 0 2\nf 1 0 3\n", "line 4"},
      {"regolith-trace 1\na 1 0 16 0 linear 0 1\n", "size"},
      {"regolith-trace 1\na 1 16 24 0 linear 0 1\n", "alignment"},
      {"regolith-trace 1\na 1 16 0 0 linear 0 1\n", "alignment"},
      {"regolith-trace 1\na 1 16 16 32 linear 0 1\n", "memory type"},
      {"regolith-trace 1\na 1 16 16 0 square 0 1\n", "line 2"},
      {"regolith-trace 1\na 1 16 16 0 linear 99 1\n", "thread"},
      {"regolith-trace 1\na 1 16 16 0 linear 0 1", "line 2"},
      {"regolith-trace 1\na 1 16 16 0 linear 0 1\r\n", "line 2"},
      {"regolith-trace 1\na -1 16 16 0 linear 0 1\n", "line 2"},
      {"regolith-trace 1\na 99999999999999999999 16 16 0 linear 0 1\n", "line 2"},
  };
  rg_memory_totals before, after;
  rg_memory_get_totals(test->engine, VK_MAX_MEMORY_HEAPS, &before);
  for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
    rg_replay_stats stats = {.allocations = 99};
    assert_error(rg_memory_replay(test->engine, wrong[i][0], strlen(wrong[i][0]), &stats),
                 RG_ERROR_FORMAT, wrong[i][1]);
    assert_int_equal(stats.allocations, 0);
  }
  rg_memory_get_totals(test->engine, VK_MAX_MEMORY_HEAPS, &after);
  assert_int_equal(after.used, before.used);
  rg_replay_stats stats;
  assert_ok(rg_memory_replay(test->engine, "regolith-trace 1\n", 17, &stats));
  assert_error(rg_memory_replay(test->engine, NULL, 0, &stats), RG_ERROR_INVALID_ARGUMENT, "trace");
}

/* A run of the renderer's example with its models, as `regolith memory --record` wrote it. */
static void the_recorded_sample_can_be_replayed(void **state) {
  gpu_test *test = *state;
  size_t length = 0;
  char *text = read_file(REGOLITH_SOURCE_DIR "/tests/support/scenes.trace", &length);
  rg_replay_stats stats;
  assert_ok(rg_memory_replay(test->engine, text, length, &stats));
  assert_true(stats.allocations > 1000);
  assert_int_equal(stats.allocations, stats.frees);
  assert_int_equal(stats.failures, 0);
  free(text);
}

/* Eight of a kind, every other one destroyed, so that the rest moves. */
static void scatter(rg_engine *engine, bool is_own, uint64_t size, rg_buffer *kept) {
  for (uint32_t i = 0; i < 8; i++) {
    rg_buffer_desc desc = {.size = size, .own_vk_buffer = is_own, .is_movable = true};
    rg_buffer buffer = make(engine, desc);
    if (i % 2 == 0) {
      kept[i / 2] = buffer;
    } else {
      assert_ok(rg_buffer_destroy(engine, buffer));
    }
  }
}

static uint32_t defragment_all(rg_engine *engine) {
  uint32_t moves = 0;
  rg_defragment_info info = {0};
  for (uint32_t i = 0; i < 50 && !info.is_done; i++) {
    rg_ticket ticket;
    assert_ok(rg_defragment(engine, NULL, &info));
    assert_ok(rg_flush(engine, &ticket));
    assert_ok(rg_ticket_wait(engine, ticket, UINT64_MAX));
    assert_ok(rg_collect(engine));
    moves += info.moves;
  }
  return moves;
}

#define SCATTERED 4
#define GROUPS 12

/* Returns how many moved; all is destroyed then. */
static uint32_t move_some(rg_engine *engine, bool checks) {
  rg_buffer kept[GROUPS][SCATTERED];
  for (uint32_t i = 0; i < GROUPS; i++) {
    scatter(engine, i % 2 == 0, i % 2 == 0 ? 700000 : 60000, kept[i]);
  }
  assert_ok(rg_collect(engine));
  uint32_t moves = defragment_all(engine);
  if (checks) {
    assert_ok(rg_memory_check(engine));
  }
  for (uint32_t i = 0; i < GROUPS * SCATTERED; i++) {
    assert_ok(rg_buffer_destroy(engine, kept[i / SCATTERED][i % SCATTERED]));
  }
  rg_ticket ticket;
  assert_ok(rg_flush(engine, &ticket));
  assert_ok(rg_ticket_wait(engine, ticket, UINT64_MAX));
  assert_ok(rg_collect(engine));
  return moves;
}

static void moves_are_traced_as_allocations_and_frees(void **state) {
  gpu_test *test = *state;
  trace_file file;
  trace_file_make(&file);
  assert_ok(rg_memory_record_begin(test->engine, file.path));
  uint32_t moves = move_some(test->engine, false);
  assert_ok(rg_memory_record_end(test->engine));
  size_t length = 0;
  char *text = read_file(file.path, &length);
  rg_replay_stats stats;
  assert_ok(rg_memory_replay(test->engine, text, length, &stats));
  assert_true(moves > 0);
  assert_true(stats.allocations >= GROUPS * SCATTERED * 2 + moves);
  assert_true(stats.allocations - stats.frees <= 1); /* the upload's ring stays */
  free(text);
  gpu_folder_remove(&file.folder);
}

/* ---- Margins ------------------------------------------------------------------------------- */

typedef struct guarded {
  gpu_log log;
  rg_engine *engine;
} guarded;

static int guarded_setup(void **state) {
  guarded *self = calloc(1, sizeof *self);
  gpu_log_init(&self->log);
  rg_engine_desc desc = gpu_test_desc(&self->log);
  desc.memory_margin = 64;
  assert_ok(rg_engine_create(&desc, &self->engine));
  *state = self;
  return 0;
}

static int guarded_teardown(void **state) {
  guarded *self = *state;
  rg_engine_destroy(self->engine);
  int result = self->log.validation_count == 0 ? 0 : -1;
  free(self);
  return result;
}

static void sound_programs_pass_the_check(void **state) {
  guarded *self = *state;
  rg_buffer buffers[50];
  for (uint32_t i = 0; i < 50; i++) {
    static const rg_update updates[] = {RG_UPDATE_STATIC, RG_UPDATE_DYNAMIC, RG_UPDATE_STREAM,
                                        RG_UPDATE_READBACK};
    uint64_t size = 1 + i * i * 100;
    void *data = malloc(size);
    memset(data, 0x5A, size);
    buffers[i] =
        make(self->engine, (rg_buffer_desc){.size = size, .update = updates[i % 4], .data = data});
    free(data);
  }
  rg_texture texture;
  assert_ok(
      rg_texture_create(self->engine, &(rg_texture_desc){.width = 77, .height = 33}, &texture));
  assert_ok(rg_flush(self->engine, NULL));
  assert_ok(rg_memory_check(self->engine));
  for (uint32_t i = 0; i < 50; i++) {
    assert_ok(rg_buffer_destroy(self->engine, buffers[i]));
  }
  assert_ok(rg_texture_destroy(self->engine, texture));
  assert_ok(rg_memory_check(self->engine));
  assert_false(gpu_log_has(&self->log, "overwritten"));
}

/* The first byte behind a buffer of that size, once set and once put right. */
static void assert_found(guarded *self, uint64_t size, uint64_t behind, bool is_own) {
  rg_buffer buffer = make(
      self->engine,
      (rg_buffer_desc){
          .size = size, .update = RG_UPDATE_STREAM, .own_vk_buffer = is_own, .label = "overrun"});
  unsigned char *mapped = NULL;
  assert_ok(rg_buffer_map(self->engine, buffer, (void **)&mapped));
  memset(mapped, 0x11, size);
  assert_ok(rg_memory_check(self->engine));
  unsigned char *wrong = mapped + size + behind;
  unsigned char right = *wrong;
  char expected[64];
  snprintf(expected, sizeof expected, "byte %u behind its %llu", (unsigned)behind + 1,
           (unsigned long long)size);
  *wrong ^= 0x80;
  assert_error(rg_memory_check(self->engine), RG_ERROR_FORMAT, "buffer 'overrun'");
  assert_error(rg_memory_check(self->engine), RG_ERROR_FORMAT, expected);
  *wrong = right;
  assert_ok(rg_memory_check(self->engine));
  gpu_log_clear(&self->log);
  *wrong ^= 0x80;
  assert_ok(rg_buffer_destroy(self->engine, buffer));
  assert_ok(rg_flush(self->engine, NULL));
  assert_ok(rg_collect(self->engine));
  assert_true(gpu_log_has(&self->log, "buffer 'overrun'"));
  assert_ok(rg_memory_check(self->engine));
}

static void what_moves_takes_its_guard_along(void **state) {
  guarded *self = *state;
  assert_true(move_some(self->engine, true) > 0);
  assert_false(gpu_log_has(&self->log, "overwritten"));
}

static void overruns_of_mapped_buffers_are_told(void **state) {
  guarded *self = *state;
  assert_found(self, 100, 0, false);
  assert_found(self, 256, 63, false);
  assert_found(self, 1000, 5, true);
  assert_found(self, 300001, 0, true);
  assert_found(self, 300001, 63, true);
}

static void all_overruns_are_counted(void **state) {
  guarded *self = *state;
  rg_buffer buffers[3];
  unsigned char *mapped = NULL;
  for (uint32_t i = 0; i < 3; i++) {
    buffers[i] = make(self->engine, (rg_buffer_desc){.size = 128, .update = RG_UPDATE_STREAM});
    assert_ok(rg_buffer_map(self->engine, buffers[i], (void **)&mapped));
    mapped[128] ^= 1;
  }
  assert_error(rg_memory_check(self->engine), RG_ERROR_FORMAT, "and 2 more");
  assert_int_equal(gpu_log_count(&self->log, "was overwritten"), 3);
  for (uint32_t i = 0; i < 3; i++) {
    assert_ok(rg_buffer_destroy(self->engine, buffers[i]));
  }
}

/* A check that read an atom of the buffer's own anew would lose what is not flushed; a guard that
 * is not flushed would look overwritten. */
static void incoherent_memory_is_checked_without_touching_its_contents(void **state) {
  (void)state;
  static gpu_log log;
  gpu_log_init(&log);
  const fake_device_desc fake = {.layout = FAKE_INCOHERENT, .atom = 256};
  rg_engine_desc desc = fake_device_begin(&fake, &log);
  desc.memory_margin = 16;
  desc.upload_size = 1 << 20;
  rg_engine *engine = NULL;
  assert_ok(rg_engine_create(&desc, &engine));
  rg_buffer buffers[24];
  unsigned char data[5000], read[5000];
  for (uint32_t i = 0; i < 24; i++) {
    memset(data, (int)i + 1, sizeof data);
    buffers[i] = make(engine, (rg_buffer_desc){.size = 1 + 200 * i,
                                               .update = RG_UPDATE_DYNAMIC,
                                               .own_vk_buffer = i % 2 == 1,
                                               .data = data});
    assert_ok(rg_memory_check(engine));
  }
  for (uint32_t i = 0; i < 24; i++) {
    memset(data, (int)i + 1, sizeof data);
    assert_ok(rg_buffer_read(engine, buffers[i], 0, read, 1 + 200 * i));
    assert_memory_equal(read, data, 1 + 200 * i);
    assert_ok(rg_buffer_destroy(engine, buffers[i]));
  }
  assert_ok(rg_memory_check(engine));
  rg_engine_destroy(engine);
  fake_device_end();
  assert_false(gpu_log_has(&log, "overwritten"));
  assert_int_equal(log.validation_count, 0);
}

static void margins_are_refused_where_they_cannot_be(void **state) {
  gpu_test *test = *state;
  assert_error(rg_memory_check(test->engine), RG_ERROR_UNSUPPORTED, "memory_margin");
  static const uint32_t wrong[] = {1, 24, 4112, UINT32_MAX};
  for (size_t i = 0; i < 4; i++) {
    gpu_log log;
    gpu_log_init(&log);
    rg_engine_desc desc = gpu_test_desc(&log);
    desc.memory_margin = wrong[i];
    rg_engine *engine = NULL;
    assert_error(rg_engine_create(&desc, &engine), RG_ERROR_INVALID_ARGUMENT, "memory_margin");
    assert_null(engine);
  }
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, gpu_test_setup, gpu_test_teardown)
#define GUARDED(name) cmocka_unit_test_setup_teardown(name, guarded_setup, guarded_teardown)
  const struct CMUnitTest tests[] = {
      TEST(a_trace_has_a_line_for_each_allocation_and_free),
      TEST(recording_begins_and_ends_once),
      cmocka_unit_test(a_trace_that_nobody_ends_is_whole_at_the_engines_end),
      TEST(traces_of_several_threads_can_be_replayed),
      TEST(moves_are_traced_as_allocations_and_frees),
      TEST(replays_leave_nothing_behind),
      TEST(allocations_that_find_no_memory_are_counted),
      TEST(wrong_traces_are_refused_with_their_line),
      TEST(the_recorded_sample_can_be_replayed),
      GUARDED(sound_programs_pass_the_check),
      GUARDED(what_moves_takes_its_guard_along),
      GUARDED(overruns_of_mapped_buffers_are_told),
      GUARDED(all_overruns_are_counted),
      cmocka_unit_test(incoherent_memory_is_checked_without_touching_its_contents),
      TEST(margins_are_refused_where_they_cannot_be),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
