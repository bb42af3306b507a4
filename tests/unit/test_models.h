/* For tests of glTF: a folder of small files that are written for one test and removed after it. */
#ifndef RG_TEST_MODELS_H
#define RG_TEST_MODELS_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "asset/gltf.h"

typedef struct models {
  host_memory memory;
  file_roots roots;
  char folder[64];
} models;

static models here;

static void model_write(const char *name, const void *bytes, size_t size) {
  char path[256];
  snprintf(path, sizeof path, "%s/%s", here.folder, name);
  FILE *file = fopen(path, "wb");
  assert_non_null(file);
  assert_int_equal(fwrite(bytes, 1, size, file), size);
  assert_int_equal(fclose(file), 0);
}

static void model_remove(const char *name) {
  char path[256];
  snprintf(path, sizeof path, "%s/%s", here.folder, name);
  (void)remove(path);
}

/* The text with double quotes for its single ones, as "x.gltf"; bytes as "b.bin". */
static rg_result model_load(const char *text, const void *bytes, size_t size, gltf_file *out) {
  const size_t length = strlen(text);
  char *json = malloc(length + 1);
  assert_non_null(json);
  for (size_t i = 0; i <= length; i++) {
    json[i] = text[i];
    if (text[i] == '\'') {
      json[i] = '"';
    }
  }
  model_write("x.gltf", json, length);
  model_write("b.bin", bytes, size);
  free(json);
  return gltf_load(&here.memory, &here.roots, "x.gltf", 1u << 20, out);
}

static int models_begin(void **state) {
  (void)state;
  const char *folder = here.folder;
  snprintf(here.folder, sizeof here.folder, "/tmp/regolith-test-XXXXXX");
  host_memory_init(&here.memory, NULL);
  return mkdtemp(here.folder) != NULL &&
                 file_roots_init(&here.roots, &here.memory, &folder, 1) == RG_OK
             ? 0
             : -1;
}

static int models_end(void **state) {
  (void)state;
  file_roots_finish(&here.roots);
  model_remove("x.gltf");
  model_remove("x.glb");
  model_remove("b.bin");
  const bool is_clean = atomic_load(&here.memory.live_bytes) == 0;
  return rmdir(here.folder) == 0 && is_clean ? 0 : -1;
}

/* One attribute of one vertex. */
static inline const void *model_vertex(const gltf_primitive *primitive, const char *attribute,
                                       uint32_t vertex) {
  for (uint32_t i = 0; i < primitive->attribute_count; i++) {
    if (strcmp(primitive->attributes[i].name, attribute) == 0) {
      return primitive->vertices + (size_t)vertex * primitive->vertex_stride +
             primitive->attributes[i].offset;
    }
  }
  return NULL;
}

#endif
