/* Arenas: the blocks of a pool under one lock, in lists by the size class of their largest hole, so
 * that a block with room is found at once. */
#include "memory_internal.h"

#define CLASS_LEAST_BITS 8 /* of the size where classes begin */
#define CLASS_NONE MEMORY_CLASSES

/* How many blocks that may have room are asked before one that surely has. */
#define SEARCH_STEPS 16

void memory_arena_init(memory_arena *arena, uint32_t index) {
  mutex_init(&arena->lock);
  arena->index = index;
}

void memory_arena_finish(memory_arena *arena) {
  mutex_finish(&arena->lock);
}

/* ---- Threads ------------------------------------------------------------------------------- */

/* A thread keeps to the arena that it used last; one that comes anew, or finds its arena given to
 * another, takes the first that nobody is in. */
memory_arena *memory_arena_enter(memory_pool *pool) {
  uint32_t self = thread_index() + 1;
  for (uint32_t i = 0; i < MEMORY_ARENAS; i++) {
    if (atomic_load_explicit(&pool->threads[i], memory_order_relaxed) == self) {
      mutex_lock(&pool->arenas[i].lock);
      return &pool->arenas[i];
    }
  }
  for (uint32_t i = 0; i < MEMORY_ARENAS; i++) {
    if (mutex_try_lock(&pool->arenas[i].lock)) {
      atomic_store_explicit(&pool->threads[i], self, memory_order_relaxed);
      return &pool->arenas[i];
    }
  }
  mutex_lock(&pool->arenas[0].lock);
  return &pool->arenas[0];
}

/* ---- Lists by class ------------------------------------------------------------------------ */

/* The class that a hole of so many bytes is in. */
static uint32_t class_of(uint64_t size) {
  if (size >> CLASS_LEAST_BITS == 0) {
    return 0;
  }
  uint32_t bits = 63u - (uint32_t)__builtin_clzll(size);
  uint32_t index = (bits - CLASS_LEAST_BITS) * 4 + (uint32_t)(size >> (bits - 2) & 3);
  return index < MEMORY_CLASSES ? index : MEMORY_CLASSES - 1;
}

/* The least class from `index` on with a block, or CLASS_NONE. */
static uint32_t class_next(const memory_arena *arena, uint32_t index) {
  if (index >= MEMORY_CLASSES) {
    return CLASS_NONE;
  }
  uint32_t word = index / 64;
  uint64_t bits = arena->classes[word] >> (index % 64) << (index % 64);
  while (bits == 0 && ++word < MEMORY_CLASSES / 64) {
    bits = arena->classes[word];
  }
  return bits == 0 ? CLASS_NONE : word * 64 + (uint32_t)__builtin_ctzll(bits);
}

/* The fuller one of a list's first two comes first; so the fullest tends to the front. */
static void block_link(memory_arena *arena, memory_block *block) {
  memory_block **list = &arena->by_class[block->size_class];
  memory_block *head = *list;
  bool is_second = head != NULL && block->used < head->used;
  block->previous = is_second ? head : NULL;
  block->next = is_second ? head->next : head;
  if (block->next != NULL) {
    block->next->previous = block;
  }
  *(is_second ? &head->next : list) = block;
  arena->classes[block->size_class / 64] |= UINT64_C(1) << (block->size_class % 64);
}

static void block_unlink(memory_arena *arena, memory_block *block) {
  memory_block **list = &arena->by_class[block->size_class];
  *(block->previous == NULL ? list : &block->previous->next) = block->next;
  if (block->next != NULL) {
    block->next->previous = block->previous;
  }
  if (*list == NULL) {
    arena->classes[block->size_class / 64] &= ~(UINT64_C(1) << (block->size_class % 64));
  }
}

static void block_relink(memory_arena *arena, memory_block *block) {
  uint64_t room = range_room(block->ranges);
  if (class_of(room) != block->size_class) {
    block_unlink(arena, block);
    block->size_class = class_of(room);
    block_link(arena, block);
  }
  block->room = room;
}

void memory_arena_add(memory_arena *arena, memory_block *block) {
  atomic_store_explicit(&block->arena, arena, memory_order_release);
  block->room = range_room(block->ranges);
  block->size_class = class_of(block->room);
  block_link(arena, block);
  block->is_listed = true;
  arena->block_count++;
  arena->range_count += block->range_count;
}

void memory_arena_remove(memory_arena *arena, memory_block *block) {
  block_unlink(arena, block);
  block->is_listed = false;
  arena->block_count--;
  arena->range_count -= block->range_count;
}

/* From which class on every block has the room, however its hole is aligned. */
static uint32_t class_sure(const memory_need *need) {
  return class_of(need->size + need->alignment) + 1;
}

memory_block *memory_arena_surplus(const memory_arena *arena, const memory_need *need) {
  uint32_t index = arena->block_count < 2 ? CLASS_NONE : class_next(arena, class_sure(need));
  return index == CLASS_NONE ? NULL : arena->by_class[index];
}

/* ---- Ranges -------------------------------------------------------------------------------- */

static void range_fill(memory_block *block, range_id id, uint64_t offset, const memory_need *need,
                       memory_range *out) {
  *out = (memory_range){
      .memory = block->memory,
      .offset = offset,
      .size = need->size,
      .alignment = need->driver_alignment,
      .padding = need->size - need->asked,
      .mapped = block->mapped == NULL ? NULL : block->mapped + offset,
      .block = block,
      .id = id,
      .type = block->pool->type,
  };
}

rg_result memory_arena_alloc_in(memory_arena *arena, memory_block *block, const memory_need *need,
                                memory_range *out) {
  range_id id = RANGE_NONE;
  uint64_t offset = 0;
  rg_result result = range_alloc(block->ranges, need->size, need->alignment, &id, &offset);
  if (result != RG_OK) {
    return result;
  }
  range_fill(block, id, offset, need, out);
  block->used += need->size;
  block->padding += out->padding;
  block->range_count++;
  arena->range_count++;
  block_relink(arena, block);
  return RG_OK;
}

/* In blocks of that class and larger ones, at most so many that have the room by their size. */
static rg_result alloc_from(memory_arena *arena, uint32_t index, uint32_t steps,
                            const memory_need *need, memory_range *out) {
  for (index = class_next(arena, index); index != CLASS_NONE;
       index = class_next(arena, index + 1)) {
    for (memory_block *block = arena->by_class[index]; block != NULL; block = block->next) {
      if (steps-- == 0) {
        return RG_ERROR_OUT_OF_DEVICE_MEMORY;
      }
      rg_result result = memory_arena_alloc_in(arena, block, need, out);
      if (result != RG_ERROR_OUT_OF_DEVICE_MEMORY) {
        return result;
      }
    }
  }
  return RG_ERROR_OUT_OF_DEVICE_MEMORY;
}

/* The class of the size may hold blocks with less room, and alignment may ask for more: where these
 * are too many, one that surely has it is next. */
rg_result memory_arena_alloc(memory_arena *arena, const memory_need *need, memory_range *out) {
  rg_result result = alloc_from(arena, class_of(need->size), SEARCH_STEPS, need, out);
  if (result == RG_ERROR_OUT_OF_DEVICE_MEMORY) {
    result = alloc_from(arena, class_sure(need), 1, need, out);
  }
  return result;
}

void memory_arena_free(memory_arena *arena, const memory_range *range) {
  memory_block *block = range->block;
  range_free(block->ranges, range->id);
  block->used -= range->size;
  block->padding -= range->padding;
  block->range_count--;
  arena->range_count--;
  block_relink(arena, block);
}
