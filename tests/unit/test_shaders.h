/* For tests of shaders: a context over a folder of its own, and builds from text in one line. */
#ifndef RG_TEST_SHADERS_H
#define RG_TEST_SHADERS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/result.h"
#include "shader/build.h"
#include "test_memory.h"

typedef struct shaders_fixture {
  test_memory counted;
  rg_allocator allocator;
  host_memory memory;
  file_roots roots;
  logger log;
  shader_context context;
  shader_code code; /* of the last build */
  char logged[4096];
  char folder[64];
  char files[32][160];
  int file_count;
} shaders_fixture;

static inline void shaders_log(void *user, rg_log_level level, const char *message) {
  shaders_fixture *f = user;
  (void)level;
  snprintf(f->logged, sizeof f->logged, "%s", message);
}

static inline int shaders_setup(void **state) {
  shaders_fixture *f = calloc(1, sizeof *f);
  assert_non_null(f);
  snprintf(f->folder, sizeof f->folder, "/tmp/regolith-shader-XXXXXX");
  assert_non_null(mkdtemp(f->folder));
  f->allocator = test_memory_allocator(&f->counted);
  host_memory_init(&f->memory, &f->allocator);
  const char *root = f->folder;
  assert_int_equal(file_roots_init(&f->roots, &f->memory, &root, 1), RG_OK);
  logger_init(&f->log, shaders_log, f, RG_LOG_WARNING);
  f->context = (shader_context){.memory = &f->memory,
                                .logger = &f->log,
                                .roots = &f->roots,
                                .api_version = VK_API_VERSION_1_2};
  assert_int_equal(shader_start(), RG_OK);
  *state = f;
  return 0;
}

static inline int shaders_teardown(void **state) {
  shaders_fixture *f = *state;
  shader_code_finish(&f->code);
  file_roots_finish(&f->roots);
  for (int i = f->file_count - 1; i >= 0; i--) {
    remove(f->files[i]);
  }
  rmdir(f->folder);
  shader_stop();
  int leaks = f->counted.live != 0;
  free(f);
  return leaks;
}

static inline void shaders_put_bytes(shaders_fixture *f, const char *name, const void *bytes,
                                     size_t size) {
  char *path = f->files[f->file_count++];
  snprintf(path, sizeof f->files[0], "%s/%s", f->folder, name);
  FILE *file = fopen(path, "wb");
  assert_non_null(file);
  assert_int_equal(fwrite(bytes, 1, size, file), size);
  assert_int_equal(fclose(file), 0);
}

static inline void shaders_put(shaders_fixture *f, const char *name, const char *contents) {
  shaders_put_bytes(f, name, contents, strlen(contents));
}

static inline void shaders_folder(shaders_fixture *f, const char *name) {
  char *path = f->files[f->file_count++];
  snprintf(path, sizeof f->files[0], "%s/%s", f->folder, name);
  assert_int_equal(mkdir(path, 0700), 0);
}

static inline rg_result shaders_build(shaders_fixture *f, const rg_shader_desc *desc) {
  shader_code_finish(&f->code);
  f->logged[0] = '\0';
  return shader_build(&f->context, desc, &f->code);
}

static inline rg_result shaders_build_file(shaders_fixture *f, const char *file) {
  rg_shader_desc desc = {.stages = {{.file = file}}, .stage_count = 1};
  return shaders_build(f, &desc);
}

static inline rg_result shaders_build_text(shaders_fixture *f, VkShaderStageFlagBits stage,
                                           const char *source) {
  rg_shader_desc desc = {.stages = {{.stage = stage, .source = source}}, .stage_count = 1};
  return shaders_build(f, &desc);
}

static inline rg_result shaders_build_compute(shaders_fixture *f, const char *source) {
  return shaders_build_text(f, VK_SHADER_STAGE_COMPUTE_BIT, source);
}

static inline rg_result shaders_build_pair(shaders_fixture *f, const char *vertex,
                                           const char *fragment) {
  rg_shader_desc desc = {.stages = {{.stage = VK_SHADER_STAGE_VERTEX_BIT, .source = vertex},
                                    {.stage = VK_SHADER_STAGE_FRAGMENT_BIT, .source = fragment}},
                         .stage_count = 2};
  return shaders_build(f, &desc);
}

/* The build failed so, and says so. */
#define assert_failure(call, expected, part)                 \
  do {                                                       \
    assert_int_equal(call, expected);                        \
    if (strstr(rg_error(), part) == NULL) {                  \
      fail_msg("'%s' is no part of '%s'", part, rg_error()); \
    }                                                        \
  } while (0)

#define assert_built(call)                \
  do {                                    \
    if ((call) != RG_OK) {                \
      fail_msg("failed: %s", rg_error()); \
    }                                     \
  } while (0)

static inline const rg_binding *shaders_binding(const shaders_fixture *f, const char *name) {
  for (uint32_t i = 0; i < f->code.reflection.binding_count; i++) {
    if (strcmp(f->code.reflection.bindings[i].name, name) == 0) {
      return &f->code.reflection.bindings[i];
    }
  }
  fail_msg("no binding '%s'", name);
  return NULL;
}

static inline const rg_member *shaders_member(const rg_member *members, uint32_t count,
                                              const char *name) {
  for (uint32_t i = 0; i < count; i++) {
    if (strcmp(members[i].name, name) == 0) {
      return &members[i];
    }
  }
  fail_msg("no member '%s'", name);
  return NULL;
}

#endif
