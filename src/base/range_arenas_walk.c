/* Sees all arenas as one span: statistics, validation, and the walk in address order. */
#include "range_arenas_internal.h"

/* Nobody who holds one arena's lock waits for another. */
static void lock_all(range_arenas *self) {
  mutex_lock(&self->exchange);
  for (uint32_t i = 0; i < self->arena_count; i++) {
    mutex_lock(&self->arenas[i].lock);
  }
}

static void unlock_all(range_arenas *self) {
  for (uint32_t i = 0; i < self->arena_count; i++) {
    mutex_unlock(&self->arenas[i].lock);
  }
  mutex_unlock(&self->exchange);
}

static void stats_add(range_stats *sum, const range_allocator *ranges) {
  range_stats stats;
  range_get_stats(ranges, &stats);
  sum->used += stats.used;
  sum->reserved += stats.reserved;
  sum->largest_free =
      stats.largest_free > sum->largest_free ? stats.largest_free : sum->largest_free;
  sum->count += stats.count;
  sum->free_count += stats.free_count;
  sum->host_bytes += stats.host_bytes;
}

void range_arenas_get_stats(range_arenas *self, range_stats *out) {
  *out = (range_stats){.size = self->size, .host_bytes = sizeof(*self)};
  for (uint32_t i = 0; i < self->arena_count; i++) {
    mutex_lock(&self->arenas[i].lock);
    if (self->arenas[i].ranges != NULL) {
      stats_add(out, self->arenas[i].ranges);
    }
    mutex_unlock(&self->arenas[i].lock);
  }
}

/* RANGE_ARENAS_MAX where it has none. */
static uint32_t chunk_owner(const range_arenas *self, uint32_t chunk) {
  for (uint32_t i = 0; i < self->arena_count; i++) {
    if (self->arenas[i].ranges != NULL && self->arenas[i].foreign[chunk] == 0) {
      return i;
    }
  }
  return RANGE_ARENAS_MAX;
}

static const char *check_owners(const range_arenas *self) {
  uint64_t owned = 0;
  for (uint32_t i = 0; i < self->arena_count; i++) {
    owned += self->arenas[i].ranges == NULL ? 0 : self->arenas[i].ranges->owned;
  }
  for (uint32_t chunk = 0; chunk < self->chunk_count; chunk++) {
    if (chunk_owner(self, chunk) == RANGE_ARENAS_MAX) {
      return "a chunk has no arena";
    }
  }
  return owned == self->size ? NULL : "a chunk has several arenas";
}

bool range_arenas_validate(range_arenas *self, const char **message) {
  lock_all(self);
  const char *fault = check_owners(self);
  for (uint32_t i = 0; i < self->arena_count && fault == NULL; i++) {
    if (self->arenas[i].ranges != NULL) {
      range_validate(self->arenas[i].ranges, &fault);
    }
  }
  unlock_all(self);
  if (fault != NULL && message != NULL) {
    *message = fault;
  }
  return fault == NULL;
}

typedef struct arenas_walk {
  range_arenas_visit *visit;
  void *user;
  uint32_t index;
} arenas_walk;

static void visit_span(void *user, const range_span *span) {
  const arenas_walk *walk = user;
  const range_arenas_span out = {
      .offset = span->offset,
      .size = span->size,
      .id = span->id == RANGE_NONE ? RANGE_ARENAS_NONE : arena_id(walk->index, span->id),
      .is_reserved = span->is_reserved,
  };
  walk->visit(walk->user, &out);
}

/* From each arena's chunks to the next's: what precedes a chunk that changes hands is foreign. */
void range_arenas_for_each(range_arenas *self, range_arenas_visit *visit, void *user) {
  lock_all(self);
  arenas_walk walk = {visit, user, 0};
  uint64_t at = 0;
  while (at < self->size) {
    const uint32_t chunk = (uint32_t)(at >> self->chunk_shift);
    walk.index = chunk_owner(self, chunk);
    const range_arena *owner = &self->arenas[walk.index];
    const range_node *nodes = owner->ranges->nodes;
    const uint32_t before = chunk == 0 ? 0 : owner->foreign[chunk - 1];
    at = nodes[walk_nodes(owner->ranges, nodes[before].next, visit_span, &walk)].offset;
  }
  unlock_all(self);
}
