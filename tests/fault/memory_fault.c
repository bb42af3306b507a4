/* An allocator whose n-th request fails, and which believes nothing that it is told. */
#include "memory_fault.h"

#include <stdalign.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RUBBISH 0xA5

typedef struct fault_block {
  alignas(max_align_t) size_t size;
} fault_block;

static void check_size(const fault_block *block, size_t old_size) {
  if (block->size != old_size) {
    fprintf(stderr, "a block of %zu bytes comes back as one of %zu\n", block->size, old_size);
    abort();
  }
}

static void give_back(memory_fault *self, fault_block *block) {
  self->live_bytes -= block->size;
  self->live_blocks--;
  memset(block, RUBBISH, sizeof *block + block->size);
  free(block);
}

/* Lua's table of strings doubles from 128 pointers on; where it may not, strings just collide more.
 */
static bool is_string_table(size_t old_size, size_t new_size) {
  return old_size >= 128 * sizeof(void *) && new_size == 2 * old_size;
}

static bool is_refused(memory_fault *self, size_t old_size, size_t new_size) {
  self->requests++;
  if (self->at == 0 || self->requests < self->at || self->requests - self->at >= self->width) {
    return false;
  }
  self->refused++;
  if (self->refused == 1) {
    self->caller = caller_find();
    self->was_string_table = is_string_table(old_size, new_size);
  }
  return true;
}

static fault_block *take(memory_fault *self, size_t size) {
  fault_block *block = malloc(sizeof *block + size);
  if (block == NULL) {
    abort();
  }
  block->size = size;
  memset(block + 1, RUBBISH, size);
  self->live_bytes += size;
  self->live_blocks++;
  return block;
}

void *memory_fault_resize(void *user, void *old, size_t old_size, size_t new_size) {
  memory_fault *self = user;
  fault_block *before = old == NULL ? NULL : (fault_block *)old - 1;
  if (before != NULL) {
    check_size(before, old_size);
  } else {
    old_size = 0; /* Lua tells the kind of object there */
  }
  if (new_size > old_size && is_refused(self, old_size, new_size)) {
    return NULL;
  }
  fault_block *after = new_size == 0 ? NULL : take(self, new_size);
  if (before != NULL) {
    if (after != NULL) {
      memcpy(after + 1, old, old_size < new_size ? old_size : new_size);
    }
    give_back(self, before);
  }
  return after == NULL ? NULL : after + 1;
}
