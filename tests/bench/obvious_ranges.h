/* The obvious range allocators, as baselines: best fit by a balanced tree of holes, and bumping
 * through blocks that come back when their last range does. */
#ifndef RG_BENCH_OBVIOUS_RANGES_H
#define RG_BENCH_OBVIOUS_RANGES_H

#include <stdbool.h>
#include <stdint.h>

#define OBVIOUS_NONE UINT64_MAX

typedef struct obvious_tree obvious_tree;
obvious_tree *obvious_tree_create(uint64_t size);
void obvious_tree_destroy(obvious_tree *tree);
/* A number for obvious_tree_free, or OBVIOUS_NONE where no hole fits. */
uint64_t obvious_tree_alloc(obvious_tree *tree, uint64_t size, uint64_t alignment);
void obvious_tree_free(obvious_tree *tree, uint64_t id);

typedef struct obvious_bump obvious_bump;
/* block_size: at least the largest range's, a power of two. */
obvious_bump *obvious_bump_create(uint64_t size, uint64_t block_size);
void obvious_bump_destroy(obvious_bump *bump);
/* The offset, or OBVIOUS_NONE where no block is empty. */
uint64_t obvious_bump_alloc(obvious_bump *bump, uint64_t size, uint64_t alignment);
void obvious_bump_free(obvious_bump *bump, uint64_t offset);

#endif
