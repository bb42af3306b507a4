/* Walks over a whole span in address order: for reports, and to check every invariant. */
#include "range_internal.h"

void range_for_each(const range_allocator *ranges, range_visit *visit, void *user) {
  const range_node *nodes = ranges->nodes;
  for (uint32_t node = nodes[0].next; node != 0; node = nodes[node].next) {
    const range_span span = {
        .offset = nodes[node].offset,
        .size = node_size(ranges, node),
        .id = node_is_free(&nodes[node]) ? RANGE_NONE : node,
    };
    visit(user, &span);
  }
}

static const char *check_nodes(const range_allocator *ranges) {
  const range_node *nodes = ranges->nodes;
  uint64_t used = 0, at = 0;
  uint32_t count = 0, free_count = 0, prev = 0;
  for (uint32_t node = nodes[0].next; node != 0; node = nodes[node].next) {
    if (node >= ranges->node_end || nodes[node].prev != prev) {
      return "neighbours by address disagree";
    }
    if (nodes[node].offset != at || nodes[nodes[node].next].offset <= at) {
      return "spans are not in order without gaps";
    }
    const bool is_free = node_is_free(&nodes[node]);
    if (is_free && prev != 0 && node_is_free(&nodes[prev])) {
      return "two holes touch";
    }
    if (!is_free && nodes[node].bin_prev != NODE_USED) {
      return "a spare node is in use";
    }
    used += is_free ? 0 : node_size(ranges, node);
    count += !is_free;
    free_count += is_free;
    at = nodes[nodes[node].next].offset;
    prev = node;
  }
  if (at != ranges->size || nodes[0].prev != prev) {
    return "spans do not reach the end";
  }
  if (used != ranges->used || count != ranges->count || free_count != ranges->free_count) {
    return "totals disagree with the spans";
  }
  const uint32_t live = count + free_count + 1;
  return live + ranges->spare_count == ranges->node_end ? NULL : "nodes are lost";
}

static const char *check_bin(const range_allocator *ranges, uint32_t bin, uint32_t *holes) {
  const range_node *nodes = ranges->nodes;
  const bool marked = (ranges->bin_words[bin / 64u] >> (bin % 64u) & 1u) != 0;
  if (marked != (ranges->bins[bin] != 0)) {
    return "a bin's bit is wrong";
  }
  uint32_t prev = 0;
  for (uint32_t node = ranges->bins[bin]; node != 0; node = nodes[node].bin_next) {
    if (node >= ranges->node_end || nodes[node].bin_prev != prev) {
      return "neighbours in a bin disagree";
    }
    if (bin_of(node_size(ranges, node)) != bin) {
      return "a hole is in the wrong bin";
    }
    (*holes)++;
    prev = node;
  }
  return NULL;
}

static const char *check_bins(const range_allocator *ranges) {
  uint32_t holes = 0;
  for (uint32_t bin = 0; bin < ranges->bin_count; bin++) {
    const char *fault = check_bin(ranges, bin, &holes);
    if (fault != NULL) {
      return fault;
    }
  }
  for (uint32_t word = 0; word < ranges->bin_count / 64u; word++) {
    const bool marked = (ranges->bin_top[word / 64u] >> (word % 64u) & 1u) != 0;
    if (marked != (ranges->bin_words[word] != 0)) {
      return "a word's bit is wrong";
    }
  }
  return holes == ranges->free_count ? NULL : "a hole is in no bin";
}

bool range_validate(const range_allocator *ranges, const char **message) {
  const char *fault = check_nodes(ranges);
  if (fault == NULL) {
    fault = check_bins(ranges);
  }
  if (fault != NULL && message != NULL) {
    *message = fault;
  }
  return fault == NULL;
}
