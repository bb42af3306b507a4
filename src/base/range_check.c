/* Checks that the allocator's structures agree with each other: everything that a stray write or a
 * double free would upset. */
#include "range_internal.h"

typedef struct totals {
  uint64_t used, free_bytes, foreign;
  uint32_t count, free_count, page_count, node_count;
} totals;

/* ---- Pages ---- */

static const char *check_page(const range_allocator *ranges, uint32_t node, totals *sum) {
  const uint32_t index = ranges->nodes[node].list_next;
  if (index == 0 || index >= ranges->page_end) {
    return "a node names no page";
  }
  const range_page *page = &ranges->pages[index];
  const uint64_t slots = page_all_slots(page);
  if (page->node != node || page->offset != ranges->nodes[node].offset ||
      (uint64_t)page->slot_size * page->slot_count > node_size(ranges, node)) {
    return "a page and its node disagree";
  }
  if ((page->used_slots & ~slots) != 0 || class_size(page->class_index) != page->slot_size) {
    return "a page's slots are wrong";
  }
  uint32_t free_count = page->slot_count;
  for (uint64_t taken = page->used_slots; taken != 0; taken &= taken - 1) {
    const uint16_t slack = ranges->slacks[page->first_slack + (uint32_t)__builtin_ctzll(taken)];
    if (slack >= page->slot_size) {
      return "a slot's slack is wrong";
    }
    sum->used += page->slot_size - slack;
    sum->count++;
    free_count--;
  }
  sum->page_count++;
  return free_count == page->free_count ? NULL : "a page's count of free slots is wrong";
}

static const char *check_class(const range_allocator *ranges, uint32_t index, uint32_t *listed) {
  const bool is_marked = (ranges->class_words[index / 64u] >> (index % 64u) & 1u) != 0;
  if (is_marked != (ranges->class_pages[index] != 0)) {
    return "a page class's bit is wrong";
  }
  uint32_t prev = 0;
  for (uint32_t at = ranges->class_pages[index]; at != 0; at = ranges->pages[at].next) {
    const range_page *page = &ranges->pages[at];
    if (at >= ranges->page_end || page->prev != prev || page->class_index != index) {
      return "a list of pages is broken";
    }
    if (page->slot_size == 0 || page->free_count == 0 || !page->is_listed) {
      return "a page without room is listed";
    }
    (*listed)++;
    prev = at;
  }
  return NULL;
}

static const char *check_classes(const range_allocator *ranges, uint32_t page_count) {
  uint32_t listed = 0, expected = 0, live = 0;
  for (uint32_t i = 0; i < SMALL_CLASS_COUNT; i++) {
    const char *fault = check_class(ranges, i, &listed);
    if (fault != NULL) {
      return fault;
    }
  }
  for (uint32_t i = 1; i < ranges->page_end; i++) {
    const range_page *page = &ranges->pages[i];
    live += page->slot_size != 0;
    expected += page->slot_size != 0 && page->is_listed;
    if (page->slot_size != 0 && !page->is_listed && page->free_count > page_patience(page)) {
      return "a page with room is not listed";
    }
  }
  if (live != page_count) {
    return "a page has no node";
  }
  return listed == expected ? NULL : "a listed page is in no list";
}

/* ---- Nodes ---- */

static const char *check_node(const range_allocator *ranges, uint32_t node, totals *sum) {
  const range_node *nodes = ranges->nodes;
  sum->node_count++;
  if (node_is_free(&nodes[node])) {
    sum->free_count++;
    sum->free_bytes += node_size(ranges, node);
    return node_is_free(&nodes[nodes[node].next]) ? "two holes touch" : NULL;
  }
  if (nodes[node].list_prev == NODE_PAGE) {
    return check_page(ranges, node, sum);
  }
  if (nodes[node].list_prev == NODE_FOREIGN) {
    sum->foreign += node_size(ranges, node);
    return NULL;
  }
  const uint64_t slack = nodes[node].list_next;
  if (!node_is_range(&nodes[node]) || slack >= node_size(ranges, node)) {
    return "a node is of no kind";
  }
  if ((nodes[node].list_prev == NODE_LARGE) != (node_size(ranges, node) >= ranges->large_size)) {
    return "a large range is not marked, or a small one is";
  }
  sum->used += node_size(ranges, node) - slack;
  sum->count++;
  return NULL;
}

static const char *check_nodes(const range_allocator *ranges, totals *sum) {
  const range_node *nodes = ranges->nodes;
  uint64_t at = 0;
  uint32_t prev = 0;
  for (uint32_t node = nodes[0].next; node != 0; node = nodes[node].next) {
    if (node >= ranges->node_end || nodes[node].prev != prev) {
      return "neighbours by address disagree";
    }
    if (nodes[node].offset != at || nodes[nodes[node].next].offset <= at) {
      return "spans are not in order without gaps";
    }
    const char *fault = check_node(ranges, node, sum);
    if (fault != NULL) {
      return fault;
    }
    at = nodes[nodes[node].next].offset;
    prev = node;
  }
  if (at != ranges->size || nodes[0].prev != prev || nodes[0].list_prev != NODE_USED) {
    return "spans do not reach the end";
  }
  return sum->node_count + 1 + ranges->spare_count == ranges->node_end ? NULL : "nodes are lost";
}

/* ---- The index of holes ---- */

static const char *check_list(const range_allocator *ranges, uint32_t index, uint32_t region,
                              uint32_t *holes) {
  const range_node *nodes = ranges->nodes;
  uint32_t prev = 0;
  for (uint32_t node = *hole_list(ranges, index, region); node != 0; node = nodes[node].list_next) {
    if (node >= ranges->node_end || nodes[node].list_prev != prev) {
      return "a list of holes is broken";
    }
    if (class_floor(node_size(ranges, node)) != index ||
        hole_region(ranges, nodes[node].offset) != region) {
      return "a hole is in the wrong list";
    }
    (*holes)++;
    prev = node;
  }
  return NULL;
}

static const char *check_holes(const range_allocator *ranges) {
  uint64_t octave_regions[OCTAVE_COUNT] = {0};
  uint32_t holes = 0;
  for (uint32_t index = 0; index < ranges->list_classes; index++) {
    uint64_t regions = 0;
    for (uint32_t region = 0; region < 1u << ranges->region_bits; region++) {
      const char *fault = check_list(ranges, index, region, &holes);
      if (fault != NULL) {
        return fault;
      }
      regions |= (uint64_t)(*hole_list(ranges, index, region) != 0) << region;
    }
    if (regions != ranges->class_regions[index]) {
      return "a class's regions are wrong";
    }
    octave_regions[index / 8u] |= regions;
  }
  for (uint32_t i = 0; i < OCTAVE_COUNT; i++) {
    if (octave_regions[i] != ranges->octave_regions[i] ||
        (ranges->octaves >> i & 1u) != (octave_regions[i] != 0)) {
      return "an octave's regions are wrong";
    }
  }
  return holes == ranges->free_count ? NULL : "a hole is in no list";
}

static const char *check_totals(const range_allocator *ranges, const totals *sum) {
  const bool is_right = sum->used == ranges->used && sum->free_bytes == ranges->free_bytes &&
                        sum->count == ranges->count &&
                        sum->foreign == ranges->size - ranges->owned &&
                        sum->free_count == ranges->free_count;
  return is_right ? NULL : "totals disagree with the spans";
}

bool range_validate(const range_allocator *ranges, const char **message) {
  totals sum = {0};
  const char *fault = check_nodes(ranges, &sum);
  if (fault == NULL) {
    fault = check_totals(ranges, &sum);
  }
  if (fault == NULL) {
    fault = check_classes(ranges, sum.page_count);
  }
  if (fault == NULL) {
    fault = check_holes(ranges);
  }
  if (fault != NULL && message != NULL) {
    *message = fault;
  }
  return fault == NULL;
}
