/* The engine of a test, its log, and assertions on results. */
#define _GNU_SOURCE
#include "gpu_test.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- The log -------------------------------------------------------------------------------- */

void gpu_log_init(gpu_log *log) {
  memset(log, 0, sizeof *log);
  assert_int_equal(pthread_mutex_init(&log->lock, NULL), 0);
}

void gpu_log_clear(gpu_log *log) {
  pthread_mutex_lock(&log->lock);
  log->length = 0;
  log->text[0] = '\0';
  pthread_mutex_unlock(&log->lock);
}

void gpu_log_write(void *user, rg_log_level level, const char *message) {
  gpu_log *log = user;
  pthread_mutex_lock(&log->lock);
  const size_t room = sizeof log->text - log->length;
  const int length = snprintf(log->text + log->length, room, "%d: %s\n", (int)level, message);
  log->length += (size_t)length < room ? (size_t)length : room - 1;
  if (strncmp(message, "validation:", 11) == 0) {
    log->validation_count++;
    print_error("%s\n", message);
  }
  pthread_mutex_unlock(&log->lock);
}

unsigned gpu_log_count(gpu_log *log, const char *text) {
  unsigned count = 0;
  pthread_mutex_lock(&log->lock);
  for (const char *at = strstr(log->text, text); at != NULL; at = strstr(at + 1, text)) {
    count++;
  }
  pthread_mutex_unlock(&log->lock);
  return count;
}

bool gpu_log_has(gpu_log *log, const char *text) {
  return gpu_log_count(log, text) > 0;
}

/* ---- The engine ----------------------------------------------------------------------------- */

rg_engine_desc gpu_test_desc(gpu_log *log) {
  return (rg_engine_desc){
      .label = "test", .log = gpu_log_write, .log_user = log, .validation = true};
}

int gpu_test_setup(void **state) {
  gpu_test *test = calloc(1, sizeof *test);
  assert_non_null(test);
  gpu_log_init(&test->log);
  const rg_engine_desc desc = gpu_test_desc(&test->log);
  assert_ok(rg_engine_create(&desc, &test->engine));
  rg_engine_get_vk(test->engine, &test->vk);
  rg_engine_get_device(test->engine, &test->device);
  rg_engine_get_limits(test->engine, &test->limits);
  *state = test;
  return 0;
}

static int teardown(void **state, bool is_leaky) {
  gpu_test *test = *state;
  rg_engine_destroy(test->engine);
  const bool is_clean = test->log.validation_count == 0 && !gpu_log_has(&test->log, "leaks") &&
                        (is_leaky || !gpu_log_has(&test->log, "never destroyed"));
  if (!is_clean) {
    print_error("the log at the end:\n%s", test->log.text);
  }
  pthread_mutex_destroy(&test->log.lock);
  free(test);
  return is_clean ? 0 : -1;
}

int gpu_test_teardown(void **state) {
  return teardown(state, false);
}

int gpu_test_teardown_leaky(void **state) {
  return teardown(state, true);
}

/* ---- Assertions ----------------------------------------------------------------------------- */

void assert_ok_at(rg_result result, const char *call, const char *file, int line) {
  if (result != RG_OK) {
    print_error("%s: %s: %s\n", call, rg_result_name(result), rg_error());
    _fail(file, line);
  }
}

void assert_error_at(rg_result result, rg_result expected, const char *fragment, const char *call,
                     const char *file, int line) {
  if (result != expected) {
    print_error("%s: %s, not %s: %s\n", call, rg_result_name(result), rg_result_name(expected),
                result != RG_OK ? rg_error() : "");
    _fail(file, line);
  } else if (strstr(rg_error(), fragment) == NULL) {
    print_error("%s: \"%s\" is not in \"%s\"\n", call, fragment, rg_error());
    _fail(file, line);
  }
}

/* ---- Folders -------------------------------------------------------------------------------- */

void gpu_folder_make(gpu_folder *folder) {
  snprintf(folder->path, sizeof folder->path, "/tmp/regolith-test-XXXXXX");
  assert_non_null(mkdtemp(folder->path));
}

void gpu_folder_write(const gpu_folder *folder, const char *name, const void *data, size_t size) {
  char path[512];
  snprintf(path, sizeof path, "%s/%s", folder->path, name);
  FILE *file = fopen(path, "wb");
  assert_non_null(file);
  assert_int_equal(fwrite(data, 1, size, file), size);
  assert_int_equal(fclose(file), 0);
}

void gpu_folder_remove(gpu_folder *folder) {
  DIR *entries = opendir(folder->path);
  assert_non_null(entries);
  for (struct dirent *entry = readdir(entries); entry != NULL; entry = readdir(entries)) {
    if (entry->d_name[0] != '.') {
      unlinkat(dirfd(entries), entry->d_name, 0);
    }
  }
  closedir(entries);
  rmdir(folder->path);
}
