/* Files written whole or not at all. */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/result.h"
#include "base/thread.h"
#include "test_folder.h"

static int count_entries(const char *path) {
  int count = -2; /* . and .. */
  DIR *folder = opendir(path);
  assert_non_null(folder);
  while (readdir(folder) != NULL) {
    count++;
  }
  closedir(folder);
  return count;
}

static void written_file_replaces_the_old_one_whole(void **state) {
  (void)state;
  fixture f;
  fixture_init(&f);
  static char large[300000];
  memset(large, 'l', sizeof large - 1);
  assert_int_equal(file_write(&f.memory, path_of(&f, "one/new"), "new", 3), RG_OK);
  expect_text(&f, "new", "new", 0);
  assert_int_equal(file_write(&f.memory, path_of(&f, "one/a"), large, sizeof large - 1), RG_OK);
  expect_text(&f, "a", large, 0);
  assert_int_equal(file_write(&f.memory, path_of(&f, "one/a"), NULL, 0), RG_OK);
  expect_text(&f, "a", "", 0);
  assert_int_equal(count_entries(f.one), 3);
  fixture_finish(&f);
}

static void file_of_the_longest_name_can_be_written(void **state) {
  (void)state;
  fixture f;
  fixture_init(&f);
  char name[256], path[400];
  memset(name, 'n', 255);
  name[255] = '\0';
  snprintf(path, sizeof path, "%s/%s", f.one, name);
  assert_int_equal(file_write(&f.memory, path, "x", 1), RG_OK);
  expect_text(&f, name, "x", 0);
  fixture_finish(&f);
}

static void failed_write_leaves_the_old_file_and_nothing_else(void **state) {
  (void)state;
  fixture f;
  fixture_init(&f);
  assert_int_equal(file_write(&f.memory, path_of(&f, "missing/x"), "x", 1), RG_ERROR_IO);
  assert_non_null(strstr(rg_error(), "missing/x"));
  assert_int_equal(file_write(&f.memory, path_of(&f, "one/sub"), "x", 1), RG_ERROR_IO);
  assert_int_equal(count_entries(f.one), 2);
  /* a full disk, as far as this process is concerned */
  static char large[100000];
  struct rlimit before, small;
  assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
  small = (struct rlimit){.rlim_cur = 4096, .rlim_max = before.rlim_max};
  void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
  assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
  rg_result result = file_write(&f.memory, path_of(&f, "one/a"), large, sizeof large);
  assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
  signal(SIGXFSZ, handler);
  assert_int_equal(result, RG_ERROR_IO);
  expect_text(&f, "a", "one a", 0);
  assert_int_equal(count_entries(f.one), 2);
  fixture_finish(&f);
}

static uint32_t mode_of(const char *path) {
  struct stat found;
  assert_int_equal(lstat(path, &found), 0);
  return found.st_mode;
}

static void a_file_keeps_its_mode_and_a_link_its_file(void **state) {
  (void)state;
  fixture f;
  fixture_init(&f);
  assert_int_equal(chmod(path_of(&f, "one/a"), 0600), 0);
  assert_int_equal(symlink("a", path_of(&f, "one/link")), 0);
  assert_int_equal(file_write(&f.memory, path_of(&f, "one/link"), "through", 7), RG_OK);
  assert_true(S_ISLNK(mode_of(path_of(&f, "one/link"))));
  assert_int_equal(mode_of(path_of(&f, "one/a")), S_IFREG | 0600);
  expect_text(&f, "a", "through", 0);
  assert_int_equal(symlink("nothing", path_of(&f, "one/lost")), 0);
  assert_int_equal(file_write(&f.memory, path_of(&f, "one/lost"), "x", 1), RG_ERROR_IO);
  assert_true(S_ISLNK(mode_of(path_of(&f, "one/lost"))));
  assert_int_equal(unlink(path_of(&f, "one/lost")), 0);
  assert_int_equal(unlink(path_of(&f, "one/link")), 0);
  fixture_finish(&f);
}

static void a_pipe_is_written_and_stays_a_pipe(void **state) {
  (void)state;
  fixture f;
  fixture_init(&f);
  char read_back[8] = "";
  assert_int_equal(mkfifo(path_of(&f, "one/pipe"), 0600), 0);
  const int reader = open(path_of(&f, "one/pipe"), O_RDONLY | O_NONBLOCK);
  assert_true(reader >= 0);
  assert_int_equal(file_write(&f.memory, path_of(&f, "one/pipe"), "piped", 5), RG_OK);
  assert_int_equal(read(reader, read_back, sizeof read_back), 5);
  assert_string_equal(read_back, "piped");
  assert_true(S_ISFIFO(mode_of(path_of(&f, "one/pipe"))));
  file_writer writer;
  assert_int_equal(file_writer_begin(&writer, &f.memory, path_of(&f, "one/pipe")), RG_OK);
  file_writer_abort(&writer);
  assert_true(S_ISFIFO(mode_of(path_of(&f, "one/pipe"))));
  close(reader);
  assert_int_equal(unlink(path_of(&f, "one/pipe")), 0);
  fixture_finish(&f);
}

static void a_folder_is_refused_before_anything_is_written(void **state) {
  (void)state;
  fixture f;
  fixture_init(&f);
  file_writer writer;
  assert_int_equal(file_writer_begin(&writer, &f.memory, path_of(&f, "one/sub")), RG_ERROR_IO);
  assert_non_null(strstr(rg_error(), "one/sub': cannot be written: Is a directory"));
  fixture_finish(&f);
}

typedef struct torn_reader {
  const file_roots *roots;
  _Atomic bool is_done;
  _Atomic uint32_t torn, whole;
} torn_reader;

static void *read_often(void *user) {
  torn_reader *self = user;
  while (!atomic_load(&self->is_done)) {
    file_data data;
    if (file_read(self->roots, "a", MANY, &data) == RG_OK) {
      bool is_whole = data.size == 5 || data.size == 50000;
      for (size_t i = 1; i < data.size && data.size == 50000; i++) {
        is_whole = is_whole && data.bytes[i] == data.bytes[0];
      }
      atomic_fetch_add(is_whole ? &self->whole : &self->torn, 1);
      file_data_finish(&data);
    } else {
      atomic_fetch_add(&self->torn, 1);
    }
  }
  return NULL;
}

static void reader_never_sees_half_a_file(void **state) {
  (void)state;
  fixture f;
  fixture_init(&f);
  static char contents[50000];
  host_memory memory; /* the reader's thread counts in its own */
  host_memory_init(&memory, NULL);
  const char *const paths[] = {f.one};
  file_roots roots;
  assert_int_equal(file_roots_init(&roots, &memory, paths, 1), RG_OK);
  torn_reader reader = {.roots = &roots};
  thread native;
  assert_int_equal(thread_start(&native, 0, read_often, &reader), RG_OK);
  for (int i = 0; i < 100 || atomic_load(&reader.whole) == 0; i++) {
    memset(contents, 'a' + i % 26, sizeof contents);
    assert_int_equal(file_write(&f.memory, path_of(&f, "one/a"), contents, sizeof contents), RG_OK);
  }
  atomic_store(&reader.is_done, true);
  thread_join(&native);
  assert_int_equal(atomic_load(&reader.torn), 0);
  file_roots_finish(&roots);
  fixture_finish(&f);
}

static void a_file_written_piece_by_piece_is_there_at_the_end(void **state) {
  (void)state;
  fixture f;
  fixture_init(&f);
  file_writer writer;
  assert_int_equal(file_writer_begin(&writer, &f.memory, path_of(&f, "one/pieces")), RG_OK);
  for (int i = 0; i < 3; i++) {
    assert_int_equal(file_writer_write(&writer, "piece ", 6), RG_OK);
  }
  assert_int_equal(access(path_of(&f, "one/pieces"), F_OK), -1);
  assert_int_equal(file_writer_commit(&writer), RG_OK);
  expect_text(&f, "pieces", "piece piece piece ", 0);
  file_writer_abort(&writer); /* has ended */
  assert_int_equal(file_writer_begin(&writer, &f.memory, path_of(&f, "one/a")), RG_OK);
  assert_int_equal(file_writer_write(&writer, "lost", 4), RG_OK);
  file_writer_abort(&writer);
  expect_text(&f, "a", "one a", 0);
  assert_int_equal(count_entries(f.one), 3);
  assert_int_equal(file_writer_begin(&writer, &f.memory, path_of(&f, "none/a")), RG_ERROR_IO);
  file_writer_abort(&writer);
  fixture_finish(&f);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(written_file_replaces_the_old_one_whole),
      cmocka_unit_test(file_of_the_longest_name_can_be_written),
      cmocka_unit_test(failed_write_leaves_the_old_file_and_nothing_else),
      cmocka_unit_test(a_file_keeps_its_mode_and_a_link_its_file),
      cmocka_unit_test(a_pipe_is_written_and_stays_a_pipe),
      cmocka_unit_test(a_folder_is_refused_before_anything_is_written),
      cmocka_unit_test(reader_never_sees_half_a_file),
      cmocka_unit_test(a_file_written_piece_by_piece_is_there_at_the_end),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
