/* The one seam through which the engine takes and returns host memory. */
#ifndef RG_BASE_HOST_MEMORY_H
#define RG_BASE_HOST_MEMORY_H

#include <regolith/regolith.h>
#include <stdatomic.h>

typedef struct host_memory {
  rg_allocator allocator;
  _Atomic uint64_t live_bytes; /* asked for and not yet freed */
  _Atomic uint64_t live_count;
} host_memory;

/* A zero allocator means malloc's family. Needs no finish. */
void host_memory_init(host_memory *memory, const rg_allocator *allocator);

/* All return NULL when out of memory, and are safe from any thread. Size 0 gives NULL, which is no
 * error. */
void *host_alloc(host_memory *memory, size_t size);
void *host_calloc(host_memory *memory, size_t count, size_t size); /* zeroed; NULL on overflow */
/* Keeps the contents; on failure the old block stays as it was. new_size 0 frees. */
void *host_resize(host_memory *memory, void *old, size_t old_size, size_t new_size);
/* size: as allocated. NULL is allowed. */
void host_free(host_memory *memory, void *block, size_t size);
char *host_strdup(host_memory *memory, const char *string); /* NULL in, NULL out */
/* Of host_strdup, and not shortened since. NULL is allowed. */
void host_strfree(host_memory *memory, char *string);

/* An arena: many small allocations freed together. Zero is an empty arena, good for arena_finish
 * alone. */
typedef struct arena {
  host_memory *memory;
  struct arena_chunk *chunk;
} arena;

void arena_init(arena *self, host_memory *memory);
void arena_finish(arena *self); /* leaves it empty and ready for use */
/* Zeroed, aligned as by malloc; size 0 gives a pointer too. NULL when out of memory. */
void *arena_alloc(arena *self, size_t size);
void *arena_copy(arena *self, const void *data, size_t size);
char *arena_strdup(arena *self, const char *string); /* NULL in, NULL out */
/* NULL when out of memory. */
char *arena_printf(arena *self, const char *format, ...) RG_PRINTF(2, 3);

/* For libraries whose allocation hooks carry no user pointer: between begin and end, this thread's
 * scoped_malloc and scoped_calloc use that memory; outside they use malloc. Scopes nest; end
 * restores. A block may be resized and freed in any scope and on any thread: it knows its memory,
 * which must live as long. */
typedef struct host_memory_scope {
  host_memory *previous;
  bool previous_has_failed;
} host_memory_scope;

host_memory_scope host_memory_scope_begin(host_memory *memory);
/* False where memory was refused since the beginning: libraries may call that something else. */
bool host_memory_scope_end(host_memory_scope scope);
void *scoped_malloc(size_t size);
void *scoped_calloc(size_t count, size_t size);
void *scoped_realloc(void *old, size_t new_size);
void scoped_free(void *block);

#endif
