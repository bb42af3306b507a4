/* The list of used and free spans in address order: splitting holes, and joining them again. Nodes
 * live in one array and link by index, so that they stay small. */
#include "range_internal.h"
#include "result.h"

#define FIRST_NODES 16

rg_result nodes_init(range_allocator *ranges) {
  ranges->nodes = host_alloc(ranges->memory, FIRST_NODES * sizeof(range_node));
  if (ranges->nodes == NULL) {
    return result_no_memory("nodes of ranges", FIRST_NODES * sizeof(range_node));
  }
  ranges->node_capacity = FIRST_NODES;
  ranges->node_end = 2;
  ranges->nodes[0] = (range_node){.offset = ranges->size, .prev = 1, .next = 1};
  ranges->nodes[0].list_prev = NODE_USED;
  ranges->nodes[1] = (range_node){0};
  return RG_OK;
}

void nodes_finish(range_allocator *ranges) {
  host_free(ranges->memory, ranges->nodes, ranges->node_capacity * sizeof(range_node));
}

rg_result nodes_reserve(range_allocator *ranges) {
  if (ranges->spare_count + (ranges->node_capacity - ranges->node_end) >= 2) {
    return RG_OK;
  }
  const uint64_t capacity = (uint64_t)ranges->node_capacity + ranges->node_capacity / 4u + 2;
  const size_t size = (size_t)capacity * sizeof(range_node);
  range_node *nodes = NULL;
  if (capacity <= NODE_MAX) {
    nodes = host_resize(ranges->memory, ranges->nodes, ranges->node_capacity * sizeof(range_node),
                        size);
  }
  if (nodes == NULL) {
    return result_no_memory("nodes of ranges", size);
  }
  ranges->nodes = nodes;
  ranges->node_capacity = (uint32_t)capacity;
  return RG_OK;
}

static uint32_t node_new(range_allocator *ranges) {
  const uint32_t spare = ranges->spare_first;
  if (spare == 0) {
    return ranges->node_end++;
  }
  ranges->spare_first = ranges->nodes[spare].next;
  ranges->spare_count--;
  return spare;
}

static void node_drop(range_allocator *ranges, uint32_t node) {
  range_node *nodes = ranges->nodes;
  nodes[nodes[node].prev].next = nodes[node].next;
  nodes[nodes[node].next].prev = nodes[node].prev;
  nodes[node].list_prev = NODE_SPARE;
  nodes[node].next = ranges->spare_first;
  ranges->spare_first = node;
  ranges->spare_count++;
}

/* Puts a new hole that begins at `offset` behind `node`, which ends there from now on. */
static uint32_t node_cut(range_allocator *ranges, uint32_t node, uint64_t offset) {
  const uint32_t rest = node_new(ranges);
  range_node *nodes = ranges->nodes;
  const uint32_t next = nodes[node].next;
  nodes[rest].offset = offset;
  nodes[rest].prev = node;
  nodes[rest].next = next;
  nodes[node].next = rest;
  nodes[next].prev = rest;
  return rest;
}

uint32_t nodes_take(range_allocator *ranges, uint32_t hole, uint64_t offset, uint64_t size) {
  holes_remove(ranges, hole);
  uint32_t node = hole;
  if (offset > ranges->nodes[hole].offset) {
    node = node_cut(ranges, hole, offset);
    holes_insert(ranges, hole);
  }
  if (node_size(ranges, node) > size) {
    holes_insert(ranges, node_cut(ranges, node, offset + size));
  }
  ranges->nodes[node].list_prev = size >= ranges->large_size ? NODE_LARGE : NODE_USED;
  ranges->nodes[node].list_next = 0;
  return node;
}

void nodes_give(range_allocator *ranges, uint32_t node) {
  range_node *nodes = ranges->nodes;
  const uint32_t prev = nodes[node].prev, next = nodes[node].next;
  if (node_is_free(&nodes[next])) {
    holes_remove(ranges, next);
    node_drop(ranges, next);
  }
  if (node_is_free(&nodes[prev])) {
    holes_remove(ranges, prev);
    node_drop(ranges, node);
    node = prev;
  }
  holes_insert(ranges, node);
}
