/* Baselines for the range measures, without finesse but without waste: see obvious_ranges.h. */
#include "obvious_ranges.h"

#include <stdlib.h>
#include <string.h>

#include "bench.h"

/* ---- Best fit by a treap of holes, in order of size and then of offset --------------------- */

typedef struct tree_span {
  uint64_t offset, size;
  uint32_t before, behind; /* neighbours by address; 0: none */
  uint32_t left, right;    /* holes in the tree */
  uint32_t priority;
  bool is_free;
} tree_span;

struct obvious_tree {
  tree_span *spans; /* 0 is none */
  uint32_t capacity, end, spare, root;
  uint64_t random;
};

static uint32_t span_new(obvious_tree *tree) {
  if (tree->spare != 0) {
    uint32_t span = tree->spare;
    tree->spare = tree->spans[span].behind;
    return span;
  }
  if (tree->end == tree->capacity) {
    tree->capacity *= 2;
    tree->spans = realloc(tree->spans, tree->capacity * sizeof *tree->spans);
    bench_check(tree->spans ? RG_OK : RG_ERROR_OUT_OF_HOST_MEMORY, "spans");
  }
  return tree->end++;
}

static bool comes_before(const tree_span *a, const tree_span *b) {
  return a->size != b->size ? a->size < b->size : a->offset < b->offset;
}

/* Parts a subtree into the holes before `at` and the others. */
static void tree_split(obvious_tree *tree, uint32_t root, uint32_t at, uint32_t *low,
                       uint32_t *high) {
  tree_span *spans = tree->spans;
  while (root != 0) {
    if (comes_before(&spans[root], &spans[at])) {
      *low = root;
      low = &spans[root].right;
      root = spans[root].right;
    } else {
      *high = root;
      high = &spans[root].left;
      root = spans[root].left;
    }
  }
  *low = *high = 0;
}

static void tree_insert(obvious_tree *tree, uint32_t span) {
  tree_span *spans = tree->spans;
  spans[span].is_free = true;
  spans[span].priority = (uint32_t)(bench_random(&tree->random) >> 32);
  uint32_t *link = &tree->root;
  while (*link != 0 && spans[*link].priority >= spans[span].priority) {
    link = comes_before(&spans[span], &spans[*link]) ? &spans[*link].left : &spans[*link].right;
  }
  tree_split(tree, *link, span, &spans[span].left, &spans[span].right);
  *link = span;
}

static void tree_remove(obvious_tree *tree, uint32_t span) {
  tree_span *spans = tree->spans;
  uint32_t *link = &tree->root;
  while (*link != span) {
    link = comes_before(&spans[span], &spans[*link]) ? &spans[*link].left : &spans[*link].right;
  }
  uint32_t low = spans[span].left, high = spans[span].right;
  while (low != 0 && high != 0) {
    if (spans[low].priority > spans[high].priority) {
      *link = low;
      link = &spans[low].right;
      low = spans[low].right;
    } else {
      *link = high;
      link = &spans[high].left;
      high = spans[high].left;
    }
  }
  *link = low != 0 ? low : high;
  spans[span].is_free = false;
}

static bool span_fits(const tree_span *span, uint64_t size, uint64_t alignment) {
  uint64_t start = (span->offset + alignment - 1) & ~(alignment - 1);
  return start - span->offset <= span->size && span->size - (start - span->offset) >= size;
}

/* The first hole in the tree's order that fits. */
static uint32_t tree_find(const obvious_tree *tree, uint32_t root, uint64_t size,
                          uint64_t alignment) {
  const tree_span *spans = tree->spans;
  while (root != 0 && spans[root].size < size) {
    root = spans[root].right;
  }
  if (root == 0) {
    return 0;
  }
  uint32_t found = tree_find(tree, spans[root].left, size, alignment);
  if (found != 0 || span_fits(&spans[root], size, alignment)) {
    return found != 0 ? found : root;
  }
  return tree_find(tree, spans[root].right, size, alignment);
}

obvious_tree *obvious_tree_create(uint64_t size) {
  obvious_tree *tree = bench_alloc(sizeof *tree);
  *tree = (obvious_tree){.capacity = 1024, .end = 2, .random = 7};
  tree->spans = bench_alloc(tree->capacity * sizeof *tree->spans);
  tree->spans[1] = (tree_span){.size = size};
  tree_insert(tree, 1);
  return tree;
}

void obvious_tree_destroy(obvious_tree *tree) {
  free(tree->spans);
  free(tree);
}

/* Cuts a span in two; the second part is a hole. */
static void span_cut(obvious_tree *tree, uint32_t span, uint64_t size) {
  uint32_t rest = span_new(tree);
  tree_span *spans = tree->spans;
  spans[rest] = (tree_span){
      .offset = spans[span].offset + size,
      .size = spans[span].size - size,
      .before = span,
      .behind = spans[span].behind,
  };
  if (spans[span].behind != 0) {
    spans[spans[span].behind].before = rest;
  }
  spans[span].behind = rest;
  spans[span].size = size;
  tree_insert(tree, rest);
}

uint64_t obvious_tree_alloc(obvious_tree *tree, uint64_t size, uint64_t alignment) {
  uint32_t span = tree_find(tree, tree->root, size, alignment);
  if (span == 0) {
    return OBVIOUS_NONE;
  }
  tree_remove(tree, span);
  uint64_t gap = (0 - tree->spans[span].offset) & (alignment - 1);
  if (gap != 0) {
    span_cut(tree, span, gap);
    uint32_t hole = span;
    span = tree->spans[span].behind;
    tree_remove(tree, span);
    tree_insert(tree, hole);
  }
  if (tree->spans[span].size > size) {
    span_cut(tree, span, size);
  }
  return span;
}

/* Joins a span with the one behind it. */
static void span_join(obvious_tree *tree, uint32_t span) {
  tree_span *spans = tree->spans;
  uint32_t gone = spans[span].behind;
  spans[span].size += spans[gone].size;
  spans[span].behind = spans[gone].behind;
  if (spans[gone].behind != 0) {
    spans[spans[gone].behind].before = span;
  }
  spans[gone].behind = tree->spare;
  tree->spare = gone;
}

void obvious_tree_free(obvious_tree *tree, uint64_t id) {
  uint32_t span = (uint32_t)id;
  uint32_t behind = tree->spans[span].behind, before = tree->spans[span].before;
  if (behind != 0 && tree->spans[behind].is_free) {
    tree_remove(tree, behind);
    span_join(tree, span);
  }
  if (before != 0 && tree->spans[before].is_free) {
    tree_remove(tree, before);
    span_join(tree, before);
    span = before;
  }
  tree_insert(tree, span);
}

/* ---- Bump with counts ---------------------------------------------------------------------- */

struct obvious_bump {
  uint32_t *counts; /* of live ranges, by block */
  uint32_t *empty;  /* a stack of empty blocks */
  uint32_t empty_count, current;
  uint64_t next, end; /* room in the current block */
  uint32_t shift;
};

obvious_bump *obvious_bump_create(uint64_t size, uint64_t block_size) {
  uint32_t count = (uint32_t)(size / block_size);
  obvious_bump *bump = bench_alloc(sizeof *bump);
  *bump = (obvious_bump){
      .counts = bench_alloc(count * sizeof *bump->counts),
      .empty = bench_alloc(count * sizeof *bump->empty),
      .current = UINT32_MAX,
      .shift = (uint32_t)__builtin_ctzll(block_size),
  };
  memset(bump->counts, 0, count * sizeof *bump->counts);
  for (uint32_t i = count; i > 0; i--) {
    bump->empty[bump->empty_count++] = i - 1;
  }
  return bump;
}

void obvious_bump_destroy(obvious_bump *bump) {
  free(bump->counts);
  free(bump->empty);
  free(bump);
}

/* A block that was left behind empty comes back here, for nobody frees from it any more. */
static bool bump_next_block(obvious_bump *bump) {
  if (bump->current != UINT32_MAX && bump->counts[bump->current] == 0) {
    bump->empty[bump->empty_count++] = bump->current;
  }
  bump->current = UINT32_MAX;
  bump->next = bump->end = 0;
  if (bump->empty_count == 0) {
    return false;
  }
  bump->current = bump->empty[--bump->empty_count];
  bump->next = (uint64_t)bump->current << bump->shift;
  bump->end = bump->next + (UINT64_C(1) << bump->shift);
  return true;
}

uint64_t obvious_bump_alloc(obvious_bump *bump, uint64_t size, uint64_t alignment) {
  uint64_t offset = (bump->next + alignment - 1) & ~(alignment - 1);
  if (offset + size > bump->end) {
    if (!bump_next_block(bump)) {
      return OBVIOUS_NONE;
    }
    offset = bump->next;
  }
  bump->next = offset + size;
  bump->counts[bump->current]++;
  return offset;
}

void obvious_bump_free(obvious_bump *bump, uint64_t offset) {
  uint32_t block = (uint32_t)(offset >> bump->shift);
  if (--bump->counts[block] == 0 && block != bump->current) {
    bump->empty[bump->empty_count++] = block;
  }
}
