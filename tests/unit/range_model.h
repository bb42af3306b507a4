/* A simple model of a range allocator: a list of live ranges and a bit for each granule of the
 * span. Every operation is done on both and compared. */
#ifndef RG_TEST_RANGE_MODEL_H
#define RG_TEST_RANGE_MODEL_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/host_memory.h"
#include "base/range.h"

#define KIB(n) ((uint64_t)(n) << 10)
#define MIB(n) ((uint64_t)(n) << 20)
#define GIB(n) ((uint64_t)(n) << 30)

typedef struct live_range {
  range_id id;
  uint64_t offset, size;
} live_range;

typedef struct model {
  host_memory memory;
  range_allocator *ranges;
  range_desc desc;
  uint64_t granule; /* sizes and alignments are whole ones */
  uint64_t *taken;  /* a bit for each granule */
  size_t word_count;
  live_range *live;
  uint32_t count, capacity;
  uint64_t used;
  uint64_t random;
} model;

static inline uint64_t random_below(model *m, uint64_t limit) {
  m->random ^= m->random << 13;
  m->random ^= m->random >> 7;
  m->random ^= m->random << 17;
  return (m->random >> 11) % limit;
}

static inline void model_begin(model *m, const range_desc *desc, uint64_t granule,
                               uint32_t capacity) {
  memset(m, 0, sizeof(*m));
  host_memory_init(&m->memory, NULL);
  m->ranges = range_create_with(&m->memory, desc);
  assert_non_null(m->ranges);
  m->desc = *desc;
  m->granule = granule;
  m->capacity = capacity;
  m->random = 88172645463325252u;
  m->word_count = (size_t)(desc->size / granule / 64u + 1u);
  m->taken = calloc(m->word_count, sizeof(*m->taken));
  m->live = calloc(capacity, sizeof(*m->live));
  assert_non_null(m->taken);
  assert_non_null(m->live);
}

static inline void model_validate(const model *m) {
  const char *fault = "";
  if (!range_validate(m->ranges, &fault)) {
    fail_msg("%s", fault);
  }
  range_stats stats;
  range_get_stats(m->ranges, &stats);
  assert_int_equal(stats.used, m->used);
  assert_int_equal(stats.count, m->count);
}

static inline void model_end(model *m) {
  model_validate(m);
  range_destroy(m->ranges);
  assert_int_equal(m->memory.live_bytes, 0);
  assert_int_equal(m->memory.live_count, 0);
  free(m->taken);
  free(m->live);
}

/* Turns the granules that a range touches; all must have been free, or all taken. */
static inline void model_turn(model *m, const live_range *range, bool to_taken) {
  uint64_t at = range->offset / m->granule;
  const uint64_t end = (range->offset + range->size + m->granule - 1) / m->granule;
  while (at < end) {
    const uint64_t bits = 64u - at % 64u < end - at ? 64u - at % 64u : end - at;
    const uint64_t mask = (~UINT64_C(0) >> (64u - bits)) << at % 64u;
    if ((m->taken[at / 64u] & mask) != (to_taken ? 0 : mask)) {
      fail_msg("the range at %llu is not %s", (unsigned long long)range->offset,
               to_taken ? "free" : "taken");
    }
    m->taken[at / 64u] ^= mask;
    at += bits;
  }
}

/* False where the allocator refuses for lack of room. */
static inline bool model_alloc(model *m, uint64_t size, uint64_t alignment) {
  live_range range = {.size = size};
  const uint64_t room = range_room(m->ranges);
  const rg_result result = range_alloc(m->ranges, size, alignment, &range.id, &range.offset);
  if (result != RG_OK) {
    assert_int_equal(result, RG_ERROR_OUT_OF_DEVICE_MEMORY);
    assert_true(room < size + (alignment - 1) || m->desc.strategy == RANGE_SLOTS);
    return false;
  }
  assert_int_equal(range.offset & (alignment - 1), 0);
  assert_true(range.offset + size <= m->desc.size);
  assert_int_equal(range_offset(m->ranges, range.id), range.offset);
  assert_int_equal(range_size(m->ranges, range.id), size);
  model_turn(m, &range, true);
  m->live[m->count++] = range;
  m->used += size;
  return true;
}

static inline void model_free(model *m, uint32_t index) {
  const live_range range = m->live[index];
  assert_int_equal(range_offset(m->ranges, range.id), range.offset);
  assert_int_equal(range_size(m->ranges, range.id), range.size);
  assert_int_equal(range_free(m->ranges, range.id), RG_OK);
  assert_false(range_is_live(m->ranges, range.id));
  model_turn(m, &range, false);
  m->used -= range.size;
  m->live[index] = m->live[--m->count];
}

/* A size whose logarithm is spread evenly, so that every class comes up. */
static inline uint64_t random_size(model *m, uint64_t largest) {
  uint64_t limit = m->granule;
  while (limit < largest && random_below(m, 6) != 0) {
    limit *= 2;
  }
  limit = limit < largest ? limit : largest;
  return (1 + random_below(m, limit / m->granule)) * m->granule;
}

static inline void assert_is_one_hole(const range_allocator *ranges) {
  range_stats stats;
  range_get_stats(ranges, &stats);
  assert_int_equal(stats.count, 0);
  assert_int_equal(stats.used, 0);
  assert_int_equal(stats.reserved, 0);
  assert_int_equal(stats.free_count, 1);
  assert_true(range_room(ranges) <= stats.largest_free && stats.largest_free <= stats.size);
}

#endif
