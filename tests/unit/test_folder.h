/* A folder of files for tests, and roots in it. */
#ifndef RG_TEST_FOLDER_H
#define RG_TEST_FOLDER_H

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/result.h"
#include "test_memory.h"

#define MANY 1000000u

/* A folder of its own with one/ and two/ in it, which are the roots, and a file outside of both. */
typedef struct fixture {
  test_memory counted;
  rg_allocator allocator;
  host_memory memory;
  file_roots roots;
  char folder[64], one[80], two[80];
} fixture;

static inline void put(const fixture *f, const char *name, const char *contents) {
  char path[256];
  snprintf(path, sizeof path, "%s/%s", f->folder, name);
  FILE *file = fopen(path, "wb");
  assert_non_null(file);
  assert_int_equal(fwrite(contents, 1, strlen(contents), file), strlen(contents));
  assert_int_equal(fclose(file), 0);
}

static inline const char *path_of(const fixture *f, const char *name) {
  static char path[512];
  snprintf(path, sizeof path, "%s/%s", f->folder, name);
  return path;
}

static inline void fixture_init(fixture *f) {
  memset(f, 0, sizeof *f);
  f->allocator = test_memory_allocator(&f->counted);
  host_memory_init(&f->memory, &f->allocator);
  strcpy(f->folder, "/tmp/regolith-test-XXXXXX");
  assert_non_null(mkdtemp(f->folder));
  snprintf(f->one, sizeof f->one, "%s/one", f->folder);
  snprintf(f->two, sizeof f->two, "%s/two", f->folder);
  assert_int_equal(mkdir(f->one, 0755), 0);
  assert_int_equal(mkdir(f->two, 0755), 0);
  assert_int_equal(mkdir(path_of(f, "one/sub"), 0755), 0);
  put(f, "outside", "secret");
  put(f, "one/a", "one a");
  put(f, "two/a", "two a");
  put(f, "two/b", "two b");
  put(f, "one/sub/c", "c");
  const char *const paths[] = {f->one, f->two};
  assert_int_equal(file_roots_init(&f->roots, &f->memory, paths, 2), RG_OK);
}

static inline int remove_entry(const char *path, const struct stat *status, int kind,
                               struct FTW *place) {
  (void)status;
  (void)kind;
  (void)place;
  return remove(path);
}

static inline void fixture_finish(fixture *f) {
  file_roots_finish(&f->roots);
  assert_int_equal(nftw(f->folder, remove_entry, 8, FTW_DEPTH | FTW_PHYS), 0);
  assert_int_equal(f->counted.live, 0);
  assert_int_equal(atomic_load(&f->memory.live_bytes), 0);
}

static inline void expect_text(const fixture *f, const char *name, const char *contents,
                               uint32_t root) {
  file_data data;
  rg_result result = file_read(&f->roots, name, MANY, &data);
  if (result != RG_OK) {
    fail_msg("%s", rg_error());
  }
  assert_int_equal(data.size, strlen(contents));
  assert_string_equal((const char *)data.bytes, contents);
  assert_int_equal(data.root, root);
  file_data_finish(&data);
}

#endif
