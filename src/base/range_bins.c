/* Finds holes by size: lists of holes of nearly equal size, under a bitmap of three levels that
 * finds the next list with something in it in three steps. */
#include "range_internal.h"
#include "result.h"

/* How many holes a search looks at before it settles for one that is certain to fit. */
#define SEARCH_STEPS 32

rg_result bins_init(range_allocator *ranges) {
  const uint32_t count = (bin_of(ranges->size) + 64u) & ~63u;
  const size_t words_size = count / 64u * sizeof(uint64_t);
  const size_t size = words_size + count * sizeof(uint32_t);
  ranges->bin_words = host_calloc(ranges->memory, 1, size);
  if (ranges->bin_words == NULL) {
    return result_no_memory("bins of ranges", size);
  }
  ranges->bins = (uint32_t *)(void *)(ranges->bin_words + count / 64u);
  ranges->bin_count = count;
  return RG_OK;
}

void bins_finish(range_allocator *ranges) {
  const uint32_t count = ranges->bin_count;
  host_free(ranges->memory, ranges->bin_words,
            count / 64u * sizeof(uint64_t) + count * sizeof(uint32_t));
}

void bins_insert(range_allocator *ranges, uint32_t node) {
  const uint32_t bin = bin_of(node_size(ranges, node));
  const uint32_t first = ranges->bins[bin];
  ranges->nodes[node].bin_prev = 0;
  ranges->nodes[node].bin_next = first;
  ranges->bins[bin] = node;
  if (first != 0) {
    ranges->nodes[first].bin_prev = node;
  } else {
    ranges->bin_words[bin / 64u] |= UINT64_C(1) << (bin % 64u);
    ranges->bin_top[bin / 4096u] |= UINT64_C(1) << (bin / 64u % 64u);
  }
  ranges->free_count++;
}

void bins_remove(range_allocator *ranges, uint32_t node) {
  range_node *nodes = ranges->nodes;
  const uint32_t prev = nodes[node].bin_prev, next = nodes[node].bin_next;
  if (next != 0) {
    nodes[next].bin_prev = prev;
  }
  if (prev != 0) {
    nodes[prev].bin_next = next;
  } else {
    const uint32_t bin = bin_of(node_size(ranges, node));
    ranges->bins[bin] = next;
    if (next == 0) {
      ranges->bin_words[bin / 64u] &= ~(UINT64_C(1) << (bin % 64u));
      if (ranges->bin_words[bin / 64u] == 0) {
        ranges->bin_top[bin / 4096u] &= ~(UINT64_C(1) << (bin / 64u % 64u));
      }
    }
  }
  ranges->free_count--;
}

uint32_t bins_next(const range_allocator *ranges, uint32_t bin) {
  if (bin >= ranges->bin_count) {
    return BIN_NONE;
  }
  uint32_t word = bin / 64u;
  const uint64_t rest = ranges->bin_words[word] >> (bin % 64u);
  if (rest != 0) {
    return bin + (uint32_t)__builtin_ctzll(rest);
  }
  word++;
  for (uint32_t top = word / 64u; top < BIN_TOP_WORDS; top++) {
    uint64_t words = ranges->bin_top[top];
    if (top == word / 64u) {
      words &= ~UINT64_C(0) << (word % 64u);
    }
    if (words != 0) {
      word = top * 64u + (uint32_t)__builtin_ctzll(words);
      return word * 64u + (uint32_t)__builtin_ctzll(ranges->bin_words[word]);
    }
  }
  return BIN_NONE;
}

static bool hole_fits(const range_allocator *ranges, uint32_t node, uint64_t size,
                      uint64_t alignment) {
  const uint64_t gap = align_gap(ranges->nodes[node].offset, alignment);
  const uint64_t room = node_size(ranges, node);
  return room >= size && room - size >= gap;
}

uint32_t bins_find(const range_allocator *ranges, uint64_t size, uint64_t alignment) {
  uint32_t steps = SEARCH_STEPS;
  uint32_t bin = bins_next(ranges, bin_of(size));
  while (bin != BIN_NONE && steps > 0) {
    for (uint32_t node = ranges->bins[bin]; node != 0 && steps > 0; steps--) {
      if (hole_fits(ranges, node, size, alignment)) {
        return node;
      }
      node = ranges->nodes[node].bin_next;
    }
    bin = bins_next(ranges, bin + 1);
  }
  if (bin == BIN_NONE) {
    return 0;
  }
  bin = bins_next(ranges, bin_of(size + (alignment - 1)) + 1);
  return bin == BIN_NONE ? 0 : ranges->bins[bin];
}

uint64_t bins_largest(const range_allocator *ranges) {
  uint64_t largest = 0;
  for (uint32_t top = BIN_TOP_WORDS; top-- > 0;) {
    if (ranges->bin_top[top] != 0) {
      const uint32_t word = top * 64u + 63u - (uint32_t)__builtin_clzll(ranges->bin_top[top]);
      const uint32_t bin = word * 64u + 63u - (uint32_t)__builtin_clzll(ranges->bin_words[word]);
      uint32_t node = ranges->bins[bin];
      for (uint32_t steps = SEARCH_STEPS; node != 0 && steps > 0; steps--) {
        const uint64_t size = node_size(ranges, node);
        largest = size > largest ? size : largest;
        node = ranges->nodes[node].bin_next;
      }
      break;
    }
  }
  return largest;
}
