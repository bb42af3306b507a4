/* For tests that read files: the folder of real data, which may be absent, and small helpers. */
#ifndef RG_TEST_DATA_H
#define RG_TEST_DATA_H

#include <stdio.h>
#include <stdlib.h>

#include "base/file.h"

#define TEST_DATA_MAX_SIZE (64u << 20)

/* The folder of the environment's REGOLITH_DATA, or ../shared/data beside the sources. */
static inline const char *test_data_folder(void) {
  const char *given = getenv("REGOLITH_DATA");
  return given != NULL ? given : REGOLITH_SOURCE_DIR "/../shared/data";
}

/* Opens the folder as *roots, or says that it is absent: the test then skips. */
static inline bool test_data_open(file_roots *roots, host_memory *memory) {
  const char *folder = test_data_folder();
  if (file_roots_init(roots, memory, &folder, 1) != RG_OK) {
    printf("skipped: no test data in %s\n", folder);
    return false;
  }
  return true;
}

/* A fixed sequence of numbers, the same everywhere. */
static inline uint32_t test_random(uint32_t *state) {
  *state = *state * 1664525u + 1013904223u;
  return *state >> 8;
}

/* Changes one to four bytes anywhere; at times cuts the end off. Returns the new size. */
static inline size_t test_mutate(unsigned char *bytes, size_t size, uint32_t *state) {
  const uint32_t changes = 1 + test_random(state) % 4;
  for (uint32_t i = 0; i < changes; i++) {
    bytes[test_random(state) % size] = (unsigned char)test_random(state);
  }
  return test_random(state) % 8 == 0 ? 1 + test_random(state) % size : size;
}

/* FNV-1a, 32 bits. */
static inline uint32_t test_hash(const void *data, size_t size) {
  const unsigned char *bytes = data;
  uint32_t hash = 2166136261u;
  for (size_t i = 0; i < size; i++) {
    hash = (hash ^ bytes[i]) * 16777619u;
  }
  return hash;
}

#endif
