/* Files under roots: what is found and what is refused. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/result.h"
#include "base/thread.h"
#include "test_folder.h"

/* The message must name the file. */
static void expect_error(const fixture *f, const char *name, rg_result expected) {
  file_data data;
  uint64_t live = f->counted.live;
  rg_result result = file_read(&f->roots, name, MANY, &data);
  if (result != expected) {
    fail_msg("'%s': %s: %s", name, rg_result_name(result), rg_error());
  }
  assert_null(data.bytes);
  assert_int_equal(data.size, 0);
  assert_non_null(strstr(rg_error(), name));
  assert_int_equal(f->counted.live, live);
}

static void first_root_that_has_the_file_wins(void **state) {
  (void)state;
  fixture f;
  fixture_init(&f);
  expect_text(&f, "a", "one a", 0);
  expect_text(&f, "b", "two b", 1);
  expect_text(&f, "sub/c", "c", 0);
  expect_text(&f, "./sub//c", "c", 0);
  fixture_finish(&f);
}

static void missing_file_is_not_found_and_the_roots_are_listed(void **state) {
  (void)state;
  fixture f;
  fixture_init(&f);
  expect_error(&f, "missing", RG_ERROR_NOT_FOUND);
  assert_non_null(strstr(rg_error(), f.one));
  assert_non_null(strstr(rg_error(), f.two));
  expect_error(&f, "a/missing", RG_ERROR_NOT_FOUND);
  expect_error(&f, "", RG_ERROR_NOT_FOUND);
  fixture_finish(&f);
}

static void file_data_ends_with_a_zero_byte_and_may_be_empty(void **state) {
  (void)state;
  fixture f;
  fixture_init(&f);
  put(&f, "one/empty", "");
  expect_text(&f, "empty", "", 0);
  file_data none = {0};
  file_data_finish(&none);
  fixture_finish(&f);
}

static void file_over_the_limit_is_refused(void **state) {
  (void)state;
  fixture f;
  file_data data;
  fixture_init(&f);
  assert_int_equal(file_read(&f.roots, "a", 5, &data), RG_OK);
  file_data_finish(&data);
  assert_int_equal(file_read(&f.roots, "a", 4, &data), RG_ERROR_LIMIT);
  assert_string_equal(rg_error(), "file 'a': 5 bytes exceed the limit of 4");
  fixture_finish(&f);
}

static void make_links(const fixture *f) {
  assert_int_equal(symlink("../outside", path_of(f, "one/up")), 0);
  assert_int_equal(symlink("/etc/passwd", path_of(f, "one/absolute")), 0);
  assert_int_equal(symlink("..", path_of(f, "one/parent")), 0);
  assert_int_equal(symlink("round", path_of(f, "one/round")), 0);
  assert_int_equal(symlink("/proc/self/root", path_of(f, "one/magic")), 0);
}

static void names_and_links_out_of_the_root_are_refused(void **state) {
  (void)state;
  fixture f;
  fixture_init(&f);
  make_links(&f);
  const char *const names[] = {"../outside",
                               "sub/../../outside",
                               "..",
                               "../one/../outside",
                               "up",
                               "absolute",
                               "round",
                               "parent/outside",
                               "../missing",
                               "magic/etc/passwd",
                               "sub/../../two/b"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    expect_error(&f, names[i], RG_ERROR_IO);
    assert_null(strstr(rg_error(), "secret"));
  }
  fixture_finish(&f);
}

static void links_and_dots_inside_the_root_are_followed(void **state) {
  (void)state;
  fixture f;
  fixture_init(&f);
  assert_int_equal(symlink("sub/c", path_of(&f, "one/link")), 0);
  assert_int_equal(symlink("sub", path_of(&f, "one/folder")), 0);
  expect_text(&f, "link", "c", 0);
  expect_text(&f, "folder/c", "c", 0);
  expect_text(&f, "sub/../a", "one a", 0);
  fixture_finish(&f);
}

static void absolute_name_is_taken_under_the_root_it_begins_with(void **state) {
  (void)state;
  fixture f;
  fixture_init(&f);
  char name[200];
  snprintf(name, sizeof name, "%s/b", f.two);
  expect_text(&f, name, "two b", 1);
  snprintf(name, sizeof name, "%s//sub/c", f.one);
  expect_text(&f, name, "c", 0);
  snprintf(name, sizeof name, "%s/../outside", f.one);
  expect_error(&f, name, RG_ERROR_IO);
  assert_int_equal(mkdir(path_of(&f, "one/x"), 0755), 0);
  put(&f, "one/x/c", "not asked for");
  snprintf(name, sizeof name, "%sx/c", f.one);
  expect_error(&f, name, RG_ERROR_NOT_FOUND);
  snprintf(name, sizeof name, "%s/outside", f.folder);
  expect_error(&f, name, RG_ERROR_NOT_FOUND);
  expect_error(&f, "/etc/passwd", RG_ERROR_NOT_FOUND);
  fixture_finish(&f);
}

static void what_is_no_regular_file_is_refused_without_waiting(void **state) {
  (void)state;
  fixture f;
  fixture_init(&f);
  assert_int_equal(mkfifo(path_of(&f, "one/pipe"), 0644), 0);
  expect_error(&f, "pipe", RG_ERROR_IO);
  expect_error(&f, "sub", RG_ERROR_IO);
  expect_error(&f, ".", RG_ERROR_IO);
  expect_error(&f, f.one, RG_ERROR_IO);
  fixture_finish(&f);
}

static void overlong_name_is_refused(void **state) {
  (void)state;
  fixture f;
  fixture_init(&f);
  char name[600];
  memset(name, 'n', sizeof name - 1);
  name[sizeof name - 1] = '\0';
  expect_error(&f, name, RG_ERROR_IO);
  fixture_finish(&f);
}

/* Forbids one system call to this process for good. */
static int forbid(uint32_t call, uint32_t code) {
  struct sock_filter steps[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | code),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  struct sock_fprog program = {.len = 4, .filter = steps};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
    return -1;
  }
  return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0);
}

static bool reads_as(const fixture *f, const char *name, rg_result expected) {
  file_data data;
  rg_result result = file_read(&f->roots, name, MANY, &data);
  file_data_finish(&data);
  if (result != expected) {
    fprintf(stderr, "'%s': %s: %s\n", name, rg_result_name(result), rg_error());
  }
  return result == expected;
}

/* Runs in a child: 0 where all is well. */
static int read_by_parts(const fixture *f, uint32_t code) {
  char name[200];
  snprintf(name, sizeof name, "%s/sub/c", f->one);
  if (forbid(SYS_openat2, code) != 0) {
    return 77;
  }
  bool is_right = reads_as(f, "a", RG_OK) && reads_as(f, "sub/c", RG_OK) &&
                  reads_as(f, "./sub//c", RG_OK) && reads_as(f, name, RG_OK) &&
                  reads_as(f, "b", RG_OK) && reads_as(f, "missing", RG_ERROR_NOT_FOUND) &&
                  reads_as(f, "a/c", RG_ERROR_NOT_FOUND) && reads_as(f, "sub/", RG_ERROR_IO) &&
                  reads_as(f, "../outside", RG_ERROR_IO) && reads_as(f, "sub/../a", RG_ERROR_IO) &&
                  reads_as(f, "up", RG_ERROR_IO) && reads_as(f, "parent/outside", RG_ERROR_IO) &&
                  reads_as(f, "absolute", RG_ERROR_IO) && reads_as(f, "", RG_ERROR_NOT_FOUND);
  /* no descriptor stayed open on the way */
  int probe = open("/dev/null", O_RDONLY);
  is_right = is_right && probe == f->roots.items[1].folder + 1;
  return is_right ? 0 : 1;
}

static void kernels_without_openat2_are_served_too(void **state) {
  (void)state;
  const uint32_t codes[] = {ENOSYS, EPERM};
  for (int i = 0; i < 2; i++) {
    fixture f;
    fixture_init(&f);
    make_links(&f);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
      _exit(read_by_parts(&f, codes[i]));
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    fixture_finish(&f);
    if (WEXITSTATUS(status) == 77) {
      skip();
    }
    assert_int_equal(WEXITSTATUS(status), 0);
  }
}

typedef struct resizer {
  const char *path;
  _Atomic bool is_done;
} resizer;

static void *resize_often(void *user) {
  resizer *self = user;
  for (off_t size = 1; !atomic_load(&self->is_done); size = size * 7 % 100003) {
    if (truncate(self->path, size) != 0) {
      break;
    }
  }
  return NULL;
}

static void file_that_changes_size_is_read_right_or_refused(void **state) {
  (void)state;
  fixture f;
  fixture_init(&f);
  resizer other = {.path = path_of(&f, "one/a")};
  thread native;
  assert_int_equal(thread_start(&native, 0, resize_often, &other), RG_OK);
  for (int i = 0; i < 2000; i++) {
    file_data data;
    rg_result result = file_read(&f.roots, "a", MANY, &data);
    assert_true(result == RG_OK || result == RG_ERROR_IO);
    assert_int_equal(data.bytes == NULL, result != RG_OK);
    for (size_t j = 5; j < data.size; j++) {
      assert_int_equal(data.bytes[j], 0);
    }
    file_data_finish(&data);
  }
  atomic_store(&other.is_done, true);
  thread_join(&native);
  fixture_finish(&f);
}

/* The kernel's own files say 0 or a page, and hold something else. */
static void file_that_is_not_as_long_as_it_says_is_refused(void **state) {
  (void)state;
  const char *const cases[][2] = {{"/proc/self", "status"}, {"/sys/devices/system/cpu", "online"}};
  for (int i = 0; i < 2; i++) {
    fixture f;
    fixture_init(&f);
    file_roots_finish(&f.roots);
    if (access(cases[i][0], X_OK) == 0) {
      assert_int_equal(file_roots_init(&f.roots, &f.memory, &cases[i][0], 1), RG_OK);
      expect_error(&f, cases[i][1], RG_ERROR_IO);
      assert_non_null(strstr(rg_error(), i == 0 ? "became longer" : "became shorter"));
    }
    fixture_finish(&f);
  }
}

static void missing_root_is_not_found(void **state) {
  (void)state;
  fixture f;
  file_roots roots;
  fixture_init(&f);
  const char *const missing[] = {f.one, "/nowhere/at/all"};
  const char *const plain[] = {path_of(&f, "one/a")};
  assert_int_equal(file_roots_init(&roots, &f.memory, missing, 2), RG_ERROR_NOT_FOUND);
  assert_non_null(strstr(rg_error(), "/nowhere/at/all"));
  assert_int_equal(roots.count, 0);
  file_roots_finish(&roots);
  assert_int_equal(file_roots_init(&roots, &f.memory, plain, 1), RG_ERROR_NOT_FOUND);
  file_roots zero = {0};
  file_roots_finish(&zero);
  fixture_finish(&f);
}

static void no_roots_mean_the_working_folder(void **state) {
  (void)state;
  fixture f;
  char before[512], name[200];
  fixture_init(&f);
  file_roots_finish(&f.roots);
  assert_non_null(getcwd(before, sizeof before));
  assert_int_equal(chdir(f.one), 0);
  assert_int_equal(file_roots_init(&f.roots, &f.memory, NULL, 0), RG_OK);
  assert_int_equal(chdir(before), 0);
  expect_text(&f, "a", "one a", 0);
  snprintf(name, sizeof name, "%s/sub/c", f.one);
  expect_text(&f, name, "c", 0);
  fixture_finish(&f);
}

static int descriptors_open(void) {
  int probe = open("/dev/null", O_RDONLY | O_CLOEXEC);
  close(probe);
  return probe;
}

static void every_failed_allocation_is_reported_and_leaks_nothing(void **state) {
  (void)state;
  fixture f;
  fixture_init(&f);
  const char *const paths[] = {f.one, f.two};
  int before = descriptors_open();
  bool is_whole = false;
  for (uint64_t n = 1; !is_whole; n++) {
    test_memory counted = {.fail_at = n};
    rg_allocator allocator = test_memory_allocator(&counted);
    host_memory memory;
    host_memory_init(&memory, &allocator);
    file_roots roots = {0};
    file_data data = {0};
    rg_result result = file_roots_init(&roots, &memory, paths, 2);
    result = result == RG_OK ? file_read(&roots, "b", MANY, &data) : result;
    result = result == RG_OK ? file_write(&memory, path_of(&f, "w"), "w", 1) : result;
    is_whole = result == RG_OK;
    assert_int_equal(counted.calls < n, is_whole);
    assert_true(is_whole || result == RG_ERROR_OUT_OF_HOST_MEMORY);
    assert_int_equal(access(path_of(&f, "w"), F_OK) == 0, is_whole);
    file_data_finish(&data);
    file_roots_finish(&roots);
    assert_int_equal(counted.live, 0);
    assert_int_equal(descriptors_open(), before);
  }
  fixture_finish(&f);
}

static void sibling_lies_in_the_same_folder(void **state) {
  (void)state;
  static const char *const cases[][3] = {
      {"a/b.gltf", "c.bin", "a/c.bin"},
      {"b.gltf", "c.bin", "c.bin"},
      {"b.gltf", "/etc/passwd", "etc/passwd"},
      {"a/b.gltf", "//c", "a/c"},
      {"a/b/c.gltf", "../t.png", "a/b/../t.png"},
      {"/r/b.gltf", "c", "/r/c"},
      {"", "c", "c"},
      {"a/", "", "a/"},
  };
  host_memory memory;
  host_memory_init(&memory, NULL);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char *joined = file_sibling(&memory, cases[i][0], cases[i][1]);
    assert_string_equal(joined, cases[i][2]);
    host_strfree(&memory, joined);
  }
  assert_int_equal(atomic_load(&memory.live_bytes), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(first_root_that_has_the_file_wins),
      cmocka_unit_test(missing_file_is_not_found_and_the_roots_are_listed),
      cmocka_unit_test(file_data_ends_with_a_zero_byte_and_may_be_empty),
      cmocka_unit_test(file_over_the_limit_is_refused),
      cmocka_unit_test(names_and_links_out_of_the_root_are_refused),
      cmocka_unit_test(links_and_dots_inside_the_root_are_followed),
      cmocka_unit_test(absolute_name_is_taken_under_the_root_it_begins_with),
      cmocka_unit_test(what_is_no_regular_file_is_refused_without_waiting),
      cmocka_unit_test(overlong_name_is_refused),
      cmocka_unit_test(kernels_without_openat2_are_served_too),
      cmocka_unit_test(file_that_changes_size_is_read_right_or_refused),
      cmocka_unit_test(file_that_is_not_as_long_as_it_says_is_refused),
      cmocka_unit_test(missing_root_is_not_found),
      cmocka_unit_test(no_roots_mean_the_working_folder),
      cmocka_unit_test(every_failed_allocation_is_reported_and_leaks_nothing),
      cmocka_unit_test(sibling_lies_in_the_same_folder),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
