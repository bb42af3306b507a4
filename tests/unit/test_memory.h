/* An allocator for tests: it checks the sizes it is given, counts, fills, and fails on demand. */
#ifndef RG_TEST_MEMORY_H
#define RG_TEST_MEMORY_H

#include <regolith/regolith.h>
#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Single-threaded. Zero with `fail_at` set as wished is ready for use. */
typedef struct test_memory {
  uint64_t live;    /* blocks */
  uint64_t calls;   /* that ask for more memory than before */
  uint64_t fail_at; /* which of these calls fails, from 1; 0: none */
  bool fails_on;    /* all later ones fail too */
} test_memory;

typedef struct test_block {
  alignas(max_align_t) size_t size;
} test_block;

static inline void *test_memory_resize(void *user, void *old, size_t old_size, size_t new_size) {
  test_memory *self = user;
  test_block *block = old == NULL ? NULL : (test_block *)old - 1;
  if (old_size != (block == NULL ? 0 : block->size)) {
    fprintf(stderr, "block of %zu bytes given back as one of %zu\n",
            block == NULL ? 0 : block->size, old_size);
    abort();
  }
  if (new_size == 0) {
    self->live -= block != NULL;
    free(block);
    return NULL;
  }
  if (new_size > old_size) {
    self->calls++;
    if (self->fail_at != 0 &&
        (self->calls == self->fail_at || (self->fails_on && self->calls > self->fail_at))) {
      return NULL;
    }
  }
  self->live += block == NULL;
  block = realloc(block, sizeof *block + new_size);
  if (block == NULL) {
    abort();
  }
  block->size = new_size;
  if (new_size > old_size) {
    memset((char *)(block + 1) + old_size, 0xA5, new_size - old_size);
  }
  return block + 1;
}

static inline rg_allocator test_memory_allocator(test_memory *self) {
  return (rg_allocator){.resize = test_memory_resize, .user = self};
}

#endif
