/* Pages that pack small ranges of one size class together, so that they neither pin large holes nor
 * cost a node each. A page has up to 64 slots and knows the free ones by a word of bits. */
#include "range_internal.h"
#include "result.h"

#define PAGE_LIMIT (UINT64_C(64) << 10)
#define PAGE_ROUND (UINT64_C(4) << 10)
#define FIRST_PAGES 8
#define FIRST_SLACKS 256

/* Pages are kept small against the span, for each class may leave one half empty. */
void slab_init(range_allocator *ranges) {
  const uint64_t page_size = ranges->size >> 12;
  const uint64_t small_size = ranges->size >> 18;
  ranges->page_size = page_size < PAGE_LIMIT ? page_size : PAGE_LIMIT;
  ranges->small_size = small_size < SMALL_LIMIT ? (uint32_t)small_size : SMALL_LIMIT;
  ranges->page_end = 1;
}

void slab_finish(range_allocator *ranges) {
  host_free(ranges->memory, ranges->pages, ranges->page_capacity * sizeof(range_page));
  host_free(ranges->memory, ranges->slacks, ranges->slack_capacity * sizeof(uint16_t));
}

uint64_t slab_host_bytes(const range_allocator *ranges) {
  return ranges->page_capacity * sizeof(range_page) + ranges->slack_capacity * sizeof(uint16_t);
}

/* ---- Lists of pages with room ---- */

static void page_list(range_allocator *ranges, uint32_t index) {
  range_page *page = &ranges->pages[index];
  uint32_t *first = &ranges->class_pages[page->class_index];
  page->prev = 0;
  page->next = *first;
  if (*first != 0) {
    ranges->pages[*first].prev = index;
  }
  *first = index;
  page->is_listed = true;
  ranges->class_words[page->class_index / 64u] |= UINT64_C(1) << (page->class_index % 64u);
}

static void page_unlist(range_allocator *ranges, uint32_t index) {
  range_page *page = &ranges->pages[index];
  page->is_listed = false;
  if (page->next != 0) {
    ranges->pages[page->next].prev = page->prev;
  }
  if (page->prev != 0) {
    ranges->pages[page->prev].next = page->next;
    return;
  }
  ranges->class_pages[page->class_index] = page->next;
  if (page->next == 0) {
    ranges->class_words[page->class_index / 64u] &= ~(UINT64_C(1) << (page->class_index % 64u));
  }
}

/* ---- Runs of slacks ---- */

static uint32_t slack_order(uint32_t slot_count) {
  return 32u - (uint32_t)__builtin_clz(slot_count - 1);
}

static uint32_t *slack_link(range_allocator *ranges, uint32_t run) {
  return (uint32_t *)(void *)&ranges->slacks[run];
}

static uint32_t slack_take(range_allocator *ranges, uint32_t order) {
  const uint32_t spare = ranges->slack_spare[order];
  if (spare != 0) {
    ranges->slack_spare[order] = *slack_link(ranges, spare - 1);
    return spare - 1;
  }
  const uint32_t run = ranges->slack_end;
  ranges->slack_end += 1u << order;
  return run;
}

static void slack_give(range_allocator *ranges, uint32_t run, uint32_t order) {
  *slack_link(ranges, run) = ranges->slack_spare[order];
  ranges->slack_spare[order] = run + 1;
}

static rg_result slack_reserve(range_allocator *ranges, uint32_t order) {
  const uint32_t run = 1u << order, old = ranges->slack_capacity;
  if (ranges->slack_spare[order] != 0 || old - ranges->slack_end >= run) {
    return RG_OK;
  }
  const uint32_t capacity = old == 0 ? FIRST_SLACKS : (old + old / 4u + run + 1u) & ~1u;
  uint16_t *slacks = host_resize(ranges->memory, ranges->slacks, old * sizeof(uint16_t),
                                 capacity * sizeof(uint16_t));
  if (slacks == NULL) {
    return result_no_memory("slots of ranges", capacity * sizeof(uint16_t));
  }
  ranges->slacks = slacks;
  ranges->slack_capacity = capacity;
  return RG_OK;
}

/* ---- Making and freeing pages ---- */

static rg_result page_reserve(range_allocator *ranges) {
  const uint32_t old = ranges->page_capacity;
  if (ranges->page_spare != 0 || ranges->page_end < old) {
    return RG_OK;
  }
  const uint32_t capacity = old == 0 ? FIRST_PAGES : old + old / 4u + 1u;
  const size_t size = capacity * sizeof(range_page);
  range_page *pages = NULL;
  if (capacity <= PAGE_MAX) {
    pages = host_resize(ranges->memory, ranges->pages, old * sizeof(range_page), size);
  }
  if (pages == NULL) {
    return result_no_memory("pages of ranges", size);
  }
  ranges->pages = pages;
  ranges->page_capacity = capacity;
  return RG_OK;
}

static uint32_t page_new(range_allocator *ranges) {
  const uint32_t spare = ranges->page_spare;
  if (spare == 0) {
    return ranges->page_end++;
  }
  ranges->page_spare = ranges->pages[spare].next;
  return spare;
}

/* Larger pages are rounded so as to leave well-aligned holes. */
static uint64_t page_bytes(uint64_t slots_bytes) {
  return slots_bytes < PAGE_ROUND * 4u ? slots_bytes
                                       : (slots_bytes + PAGE_ROUND - 1) & ~(PAGE_ROUND - 1);
}

static rg_result page_create(range_allocator *ranges, uint32_t class_index) {
  const uint64_t slot_size = class_size(class_index);
  const uint64_t room = ranges->page_size / slot_size;
  const uint32_t slot_count = room < 64 ? (uint32_t)room : 64;
  const uint32_t order = slack_order(slot_count);
  rg_result result = RG_OK;
  RG_TRY(nodes_reserve(ranges));
  RG_TRY(page_reserve(ranges));
  RG_TRY(slack_reserve(ranges, order));
  uint64_t offset = 0;
  const uint64_t size = page_bytes(slot_size * slot_count);
  const uint32_t hole = place_range(ranges, size, slot_size & -slot_size, &offset);
  if (hole == 0) {
    return RG_ERROR_OUT_OF_DEVICE_MEMORY;
  }
  const uint32_t node = nodes_take(ranges, hole, offset, size);
  const uint32_t index = page_new(ranges);
  ranges->nodes[node].list_prev = NODE_PAGE;
  ranges->nodes[node].list_next = index;
  range_page *page = &ranges->pages[index];
  *page = (range_page){.offset = offset, .slot_size = (uint32_t)slot_size, .node = node};
  page->slot_count = (uint8_t)slot_count;
  page->free_count = (uint8_t)slot_count;
  page->class_index = (uint8_t)class_index;
  page->first_slack = slack_take(ranges, order);
  page_list(ranges, index);
fail:
  return result;
}

static void page_destroy(range_allocator *ranges, uint32_t index) {
  range_page *page = &ranges->pages[index];
  if (page->is_listed) {
    page_unlist(ranges, index);
  }
  slack_give(ranges, page->first_slack, slack_order(page->slot_count));
  nodes_give(ranges, page->node);
  page->slot_size = 0;
  page->next = ranges->page_spare;
  ranges->page_spare = index;
}

bool slab_trim(range_allocator *ranges) {
  bool found = false;
  for (uint32_t i = 0; i < SMALL_CLASS_COUNT; i++) {
    const uint32_t index = ranges->class_pages[i];
    if (index != 0 && ranges->pages[index].free_count == ranges->pages[index].slot_count) {
      page_destroy(ranges, index);
      found = true;
    }
  }
  return found;
}

/* ---- Small ranges ---- */

static uint32_t id_page(range_id id) {
  return (id & ~SLOT_ID) >> SLOT_BITS;
}

static uint32_t id_slot(range_id id) {
  return id & ((1u << SLOT_BITS) - 1);
}

static void page_take(range_allocator *ranges, uint32_t index, uint64_t size, range_id *id,
                      uint64_t *offset) {
  range_page *page = &ranges->pages[index];
  const uint32_t slot = (uint32_t)__builtin_ctzll(~page->used_slots);
  page->used_slots |= page->used_slots + 1;
  *offset = page->offset + (uint64_t)slot * page->slot_size;
  *id = SLOT_ID | index << SLOT_BITS | slot;
  ranges->slacks[page->first_slack + slot] = (uint16_t)(page->slot_size - size);
  ranges->used += size;
  ranges->count++;
  if (--page->free_count == 0) {
    page_unlist(ranges, index);
  }
}

/* A page of larger slots that has room, or 0. */
static uint32_t page_of_larger(const range_allocator *ranges, uint32_t index, uint64_t alignment) {
  for (; index < SMALL_CLASS_COUNT; index++) {
    const uint32_t page = ranges->class_pages[index];
    if (page != 0 && (class_size(index) & (alignment - 1)) == 0) {
      return page;
    }
  }
  return 0;
}

/* Makes a page, or does without. */
static RG_NOINLINE rg_result slab_alloc_slowly(range_allocator *ranges, uint32_t index,
                                               const range_request *want, range_id *id,
                                               uint64_t *offset) {
  const rg_result result = page_create(ranges, index);
  if (result == RG_ERROR_OUT_OF_HOST_MEMORY) {
    return result;
  }
  const uint32_t page =
      result == RG_OK ? ranges->class_pages[index] : page_of_larger(ranges, index, want->alignment);
  if (page == 0) {
    return block_alloc(ranges, want->size, want->alignment, id, offset);
  }
  page_take(ranges, page, want->size, id, offset);
  return RG_OK;
}

/* All slots of a class are aligned as far as its size divides by powers of two, and a size that is
 * a multiple of its alignment always has a class whose size is one. */
rg_result slab_alloc(range_allocator *ranges, uint64_t size, uint64_t alignment, range_id *id,
                     uint64_t *offset) {
  const uint32_t index = class_ceil((size + (alignment - 1)) & ~(alignment - 1));
  const uint32_t page = ranges->class_pages[index];
  if (page == 0) {
    return slab_alloc_slowly(ranges, index, &(range_request){size, alignment}, id, offset);
  }
  page_take(ranges, page, size, id, offset);
  return RG_OK;
}

/* The last page of a class stays when it becomes empty: the next range is near. */
static RG_NOINLINE void page_relist(range_allocator *ranges, uint32_t index) {
  const range_page *page = &ranges->pages[index];
  if (!page->is_listed) {
    page_list(ranges, index);
  }
  if (page->free_count == page->slot_count && (page->prev | page->next) != 0) {
    page_destroy(ranges, index);
  }
  if (ranges->count == 0) {
    slab_trim(ranges);
  }
}

/* True for no value but that of a slot in use: pages not in use have no used slots. */
static inline bool slot_is_used(const range_allocator *ranges, uint32_t index, uint32_t slot) {
  return index - 1 < ranges->page_end - 1 && (ranges->pages[index].used_slots >> slot & 1u) != 0;
}

bool slab_is_live(const range_allocator *ranges, range_id id) {
  return slot_is_used(ranges, id_page(id), id_slot(id));
}

/* A page that was full waits to be listed until some slots are free, lest it be for each of them.
 */
rg_result slab_free(range_allocator *ranges, range_id id) {
  const uint32_t index = id_page(id), slot = id_slot(id);
  if (!slot_is_used(ranges, index, slot)) {
    return refuse_id(id);
  }
  range_page *page = &ranges->pages[index];
  ranges->used -= page->slot_size - ranges->slacks[page->first_slack + slot];
  ranges->count--;
  page->used_slots &= ~(UINT64_C(1) << slot);
  page->free_count++;
  const bool is_waiting = !page->is_listed && page->free_count > page_patience(page);
  if (is_waiting || page->free_count == page->slot_count) {
    page_relist(ranges, index);
  }
  return RG_OK;
}

uint64_t slab_offset(const range_allocator *ranges, range_id id) {
  const range_page *page = &ranges->pages[id_page(id)];
  return page->offset + (uint64_t)page->slot_size * id_slot(id);
}

uint64_t slab_size(const range_allocator *ranges, range_id id) {
  const range_page *page = &ranges->pages[id_page(id)];
  return page->slot_size - ranges->slacks[page->first_slack + id_slot(id)];
}
