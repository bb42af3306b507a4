/* Walks over a whole span in address order, into the pages of small ranges too. */
#include "range_internal.h"

typedef struct walk {
  range_visit *visit;
  void *user;
} range_walk;

static void report(const range_walk *walk, uint64_t offset, uint64_t end, range_id id,
                   bool is_reserved) {
  if (end > offset) {
    const range_span span = {offset, end - offset, id, is_reserved};
    walk->visit(walk->user, &span);
  }
}

static void walk_page(const range_allocator *ranges, const range_walk *walk, uint32_t index) {
  const range_page *page = &ranges->pages[index];
  uint64_t at = page->offset;
  for (uint32_t slot = 0; slot < page->slot_count; slot++) {
    if ((page->used_slots >> slot & 1u) != 0) {
      const range_id id = SLOT_ID | index << SLOT_BITS | slot;
      const uint64_t start = slab_offset(ranges, id);
      report(walk, at, start, RANGE_NONE, true);
      at = start + slab_size(ranges, id);
      report(walk, start, at, id, false);
    }
  }
  report(walk, at, page->offset + node_size(ranges, page->node), RANGE_NONE, true);
}

uint32_t walk_nodes(const range_allocator *ranges, uint32_t node, range_visit *visit, void *user) {
  const range_walk walk = {visit, user};
  const range_node *nodes = ranges->nodes;
  for (; node != 0 && nodes[node].list_prev != NODE_FOREIGN; node = nodes[node].next) {
    const uint64_t offset = nodes[node].offset, end = nodes[nodes[node].next].offset;
    if (node_is_free(&nodes[node])) {
      report(&walk, offset, end, RANGE_NONE, false);
    } else if (nodes[node].list_prev == NODE_PAGE) {
      walk_page(ranges, &walk, nodes[node].list_next);
    } else {
      report(&walk, offset, end - nodes[node].list_next, node, false);
      report(&walk, end - nodes[node].list_next, end, RANGE_NONE, true);
    }
  }
  return node;
}

void range_for_each(const range_allocator *ranges, range_visit *visit, void *user) {
  walk_nodes(ranges, ranges->nodes[0].next, visit, user);
}
