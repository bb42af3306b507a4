/* Counted allocation over the host's callback, arenas on top of it, and hooks for libraries that
 * pass no user pointer. */
#include "host_memory.h"

#include <stdalign.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *default_resize(void *user, void *old, size_t old_size, size_t new_size) {
  (void)user;
  (void)old_size;
  if (new_size == 0) {
    free(old);
    return NULL;
  }
  return realloc(old, new_size);
}

void host_memory_init(host_memory *memory, const rg_allocator *allocator) {
  bool is_given = allocator != NULL && allocator->resize != NULL;
  memory->allocator = is_given ? *allocator : (rg_allocator){.resize = default_resize};
  atomic_init(&memory->live_bytes, 0);
  atomic_init(&memory->live_count, 0);
}

/* Wraps round where new_size is the smaller, as unsigned arithmetic may. */
static void count_change(host_memory *memory, size_t old_size, size_t new_size, int blocks) {
  atomic_fetch_add_explicit(&memory->live_bytes, (uint64_t)new_size - (uint64_t)old_size,
                            memory_order_relaxed);
  atomic_fetch_add_explicit(&memory->live_count, (uint64_t)(int64_t)blocks, memory_order_relaxed);
}

void *host_alloc(host_memory *memory, size_t size) {
  return host_resize(memory, NULL, 0, size);
}

void *host_calloc(host_memory *memory, size_t count, size_t size) {
  if (size != 0 && count > SIZE_MAX / size) {
    return NULL;
  }
  size_t whole = count * size;
  if (memory->allocator.resize != default_resize || whole == 0 || whole > PTRDIFF_MAX) {
    void *block = host_alloc(memory, whole);
    return block == NULL ? NULL : memset(block, 0, whole);
  }
  /* calloc need not touch pages that come zeroed from the system */
  void *block = calloc(1, whole);
  if (block != NULL) {
    count_change(memory, 0, whole, 1);
  }
  return block;
}

void *host_resize(host_memory *memory, void *old, size_t old_size, size_t new_size) {
  if (new_size == 0) {
    host_free(memory, old, old_size);
    return NULL;
  }
  if (new_size > PTRDIFF_MAX) {
    return NULL;
  }
  rg_allocator *allocator = &memory->allocator;
  void *block = allocator->resize(allocator->user, old, old == NULL ? 0 : old_size, new_size);
  if (block != NULL) {
    count_change(memory, old == NULL ? 0 : old_size, new_size, old == NULL ? 1 : 0);
  }
  return block;
}

void host_free(host_memory *memory, void *block, size_t size) {
  if (block != NULL) {
    count_change(memory, size, 0, -1);
    memory->allocator.resize(memory->allocator.user, block, size, 0);
  }
}

char *host_strdup(host_memory *memory, const char *string) {
  if (string == NULL) {
    return NULL;
  }
  size_t size = strlen(string) + 1;
  char *copy = host_alloc(memory, size);
  if (copy != NULL) {
    memcpy(copy, string, size);
  }
  return copy;
}

void host_strfree(host_memory *memory, char *string) {
  if (string != NULL) {
    host_free(memory, string, strlen(string) + 1);
  }
}

/* ---- Arenas -------------------------------------------------------------------------------- */

/* The fault sweeps build with the smallest, so that each piece of an arena is an allocation. */
#ifndef ARENA_CHUNK_MAX
#define ARENA_CHUNK_MIN ((size_t)1024)
#define ARENA_CHUNK_MAX ((size_t)64 * 1024)
#endif

typedef struct arena_chunk {
  struct arena_chunk *next;
  size_t capacity; /* of bytes */
  size_t used;
  alignas(max_align_t) unsigned char bytes[];
} arena_chunk;

void arena_init(arena *self, host_memory *memory) {
  self->memory = memory;
  self->chunk = NULL;
}

void arena_finish(arena *self) {
  while (self->chunk != NULL) {
    arena_chunk *chunk = self->chunk;
    self->chunk = chunk->next;
    host_free(self->memory, chunk, sizeof *chunk + chunk->capacity);
  }
}

static arena_chunk *chunk_create(host_memory *memory, size_t capacity) {
  if (capacity > SIZE_MAX - sizeof(arena_chunk)) {
    return NULL;
  }
  arena_chunk *chunk = host_alloc(memory, sizeof *chunk + capacity);
  if (chunk != NULL) {
    *chunk = (arena_chunk){.capacity = capacity};
  }
  return chunk;
}

/* A chunk with room for size. A large one goes behind the present chunk, whose rest stays in use.
 */
static arena_chunk *arena_grow(arena *self, size_t size) {
  size_t next = self->chunk == NULL ? ARENA_CHUNK_MIN : 2 * self->chunk->capacity;
  next = next > ARENA_CHUNK_MAX ? ARENA_CHUNK_MAX : next;
  bool is_large = size > next / 2;
  arena_chunk *chunk = chunk_create(self->memory, is_large ? size : next);
  if (chunk == NULL) {
    return NULL;
  }
  if (is_large && self->chunk != NULL) {
    chunk->next = self->chunk->next;
    self->chunk->next = chunk;
  } else {
    chunk->next = self->chunk;
    self->chunk = chunk;
  }
  return chunk;
}

void *arena_alloc(arena *self, size_t size) {
  size_t unit = alignof(max_align_t);
  if (size > PTRDIFF_MAX - unit) {
    return NULL;
  }
  size_t rounded = size == 0 ? unit : (size + unit - 1) / unit * unit;
  arena_chunk *chunk = self->chunk;
  if (chunk == NULL || chunk->capacity - chunk->used < rounded) {
    chunk = arena_grow(self, rounded);
    if (chunk == NULL) {
      return NULL;
    }
  }
  void *block = chunk->bytes + chunk->used;
  chunk->used += rounded;
  return memset(block, 0, rounded);
}

void *arena_copy(arena *self, const void *data, size_t size) {
  void *copy = arena_alloc(self, size);
  if (copy != NULL && size > 0) {
    memcpy(copy, data, size);
  }
  return copy;
}

char *arena_strdup(arena *self, const char *string) {
  return string == NULL ? NULL : arena_copy(self, string, strlen(string) + 1);
}

char *arena_printf(arena *self, const char *format, ...) {
  va_list arguments, again;
  va_start(arguments, format);
  va_copy(again, arguments);
  int length = vsnprintf(NULL, 0, format, arguments);
  char *string = length < 0 ? NULL : arena_alloc(self, (size_t)length + 1);
  if (string != NULL) {
    vsnprintf(string, (size_t)length + 1, format, again);
  }
  va_end(again);
  va_end(arguments);
  return string;
}

/* ---- Hooks without a user pointer ---------------------------------------------------------- */

/* Stands before each block, so that a block can be freed in any scope and on any thread. */
typedef struct scoped_header {
  alignas(max_align_t) host_memory *memory; /* NULL: malloc's */
  size_t size;                              /* header included */
} scoped_header;

static _Thread_local host_memory *scoped_memory;
static _Thread_local bool scope_has_failed;

host_memory_scope host_memory_scope_begin(host_memory *memory) {
  host_memory_scope scope = {.previous = scoped_memory, .previous_has_failed = scope_has_failed};
  scoped_memory = memory;
  scope_has_failed = false;
  return scope;
}

bool host_memory_scope_end(host_memory_scope scope) {
  bool has_failed = scope_has_failed;
  scoped_memory = scope.previous;
  scope_has_failed = scope.previous_has_failed;
  return !has_failed;
}

void *scoped_malloc(size_t size) {
  if (size > PTRDIFF_MAX - sizeof(scoped_header)) {
    return NULL;
  }
  host_memory *memory = scoped_memory;
  size_t whole = sizeof(scoped_header) + size;
  scoped_header *header = memory == NULL ? malloc(whole) : host_alloc(memory, whole);
  if (header == NULL) {
    scope_has_failed = true;
    return NULL;
  }
  header->memory = memory;
  header->size = whole;
  return header + 1;
}

void *scoped_calloc(size_t count, size_t size) {
  if (size != 0 && count > SIZE_MAX / size) {
    return NULL;
  }
  void *block = scoped_malloc(count * size);
  return block == NULL ? NULL : memset(block, 0, count * size);
}

void *scoped_realloc(void *old, size_t new_size) {
  if (old == NULL) {
    return scoped_malloc(new_size);
  }
  if (new_size > PTRDIFF_MAX - sizeof(scoped_header)) {
    return NULL;
  }
  scoped_header *header = (scoped_header *)old - 1;
  size_t whole = sizeof *header + new_size;
  header = header->memory == NULL ? realloc(header, whole)
                                  : host_resize(header->memory, header, header->size, whole);
  if (header == NULL) {
    scope_has_failed = true;
    return NULL;
  }
  header->size = whole;
  return header + 1;
}

void scoped_free(void *block) {
  if (block == NULL) {
    return;
  }
  scoped_header *header = (scoped_header *)block - 1;
  if (header->memory == NULL) {
    free(header);
  } else {
    host_free(header->memory, header, header->size);
  }
}
