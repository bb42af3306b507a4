/* A range allocator for several threads over one span: each thread has an arena of its own, a plain
 * allocator behind an uncontended lock, and whole chunks of the span move between arenas as they
 * need room. */
#ifndef RG_BASE_RANGE_ARENAS_H
#define RG_BASE_RANGE_ARENAS_H

#include "range.h"

#define RANGE_ARENAS_MAX 16

typedef struct range_arenas range_arenas;

/* An allocated range: stable, valid from range_arenas_alloc to range_arenas_free. Never 0. */
typedef uint64_t range_arenas_id;

#define RANGE_ARENAS_NONE UINT64_MAX

typedef struct range_arenas_desc {
  uint64_t size;        /* of the whole span, from offset 0; 1 to RANGE_MAX_SIZE */
  uint32_t arena_count; /* at most; 0 means 8, and at most RANGE_ARENAS_MAX; an arena costs nothing
                           until threads contend: one thread alone packs as range_create's does */
} range_arenas_desc;

/* NULL with a message when out of host memory. memory must be safe from any thread. */
range_arenas *range_arenas_create(host_memory *memory, const range_arenas_desc *desc);
void range_arenas_destroy(range_arenas *self); /* NULL is allowed; no other thread uses it */

/* All functions below are safe from any thread, and any thread may free what another allocated. */

/* As range_alloc. A thread whose arena is full takes free chunks from others, then room in them, so
 * RG_ERROR_OUT_OF_DEVICE_MEMORY (without a message) means that no arena has it. */
RG_NODISCARD rg_result range_arenas_alloc(range_arenas *self, uint64_t size, uint64_t alignment,
                                          range_arenas_id *id, uint64_t *offset);
/* As range_free. */
rg_result range_arenas_free(range_arenas *self, range_arenas_id id);

uint64_t range_arenas_offset(range_arenas *self, range_arenas_id id);
uint64_t range_arenas_size(range_arenas *self, range_arenas_id id); /* as asked for */

/* Of all arenas; locks each in turn, so that what other threads do meanwhile may show in part. */
void range_arenas_get_stats(range_arenas *self, range_stats *out);

/* As range_validate and range_for_each, with every arena locked: visit must not call back. */
bool range_arenas_validate(range_arenas *self, const char **message);
typedef struct range_arenas_span {
  uint64_t offset, size;
  range_arenas_id id; /* RANGE_ARENAS_NONE where it is not used */
  bool is_reserved;   /* as range_span's */
} range_arenas_span;
typedef void range_arenas_visit(void *user, const range_arenas_span *span);
void range_arenas_for_each(range_arenas *self, range_arenas_visit *visit, void *user);

#endif
