/* The placement of transient resources: dynamic storage allocation with all lifetimes known.
 *
 * Finding the least size is NP-hard. What serves well (Pisarchyk and Lee, "Efficient Memory
 * Management for Deep Neural Net Inference", 2020): take the items in some order, large ones first,
 * and put each where it fits among those that live at the same time. Placed in the order of its
 * offsets at the lowest place each, any plan comes out no larger; so a search over orders can reach
 * the best one. */
#include "transient_plan.h"

#include <string.h>

#define NOTHING UINT32_MAX

/* Looks at one item while another is placed, of all orders together, and of the search after them.
 * About a nanosecond each. */
#define ORDER_LOOKS (UINT64_C(64) << 20)
#define SEARCH_LOOKS (UINT64_C(4) << 20)

/* Of the search: changes that do no good in a row. */
#define STUCK_AFTER 200

/* Parts of the peak: a plan that exceeds it by one of so many is good enough. */
#define GOOD_ENOUGH 1024

typedef struct planner {
  host_memory *host;
  transient_item *items;
  uint32_t count;
  uint32_t *order;   /* in which items are placed */
  uint32_t *scratch; /* for sorting, and for the search's next order */
  uint32_t *next;    /* of what is placed, in the order of offsets */
  uint64_t *best;    /* offsets of the best plan so far */
  uint64_t best_size;
  uint64_t goal; /* a size that is good enough */
  uint64_t looks;
  uint32_t first; /* of what is placed */
} planner;

static uint64_t round_up(uint64_t value, uint64_t alignment) {
  return (value + alignment - 1) & ~(alignment - 1);
}

static uint64_t larger(uint64_t a, uint64_t b) {
  return a > b ? a : b;
}

/* ---- Orders -------------------------------------------------------------------------------- */

/* Whether a comes before b; ties keep their order. */
typedef bool item_before(const transient_item *a, const transient_item *b);

static uint64_t duration(const transient_item *item) {
  return (uint64_t)item->last_use - item->first_use + 1;
}

static bool is_larger(const transient_item *a, const transient_item *b) {
  return a->size != b->size ? a->size > b->size : duration(a) > duration(b);
}

static bool has_more_area(const transient_item *a, const transient_item *b) {
  return (double)a->size * (double)duration(a) > (double)b->size * (double)duration(b);
}

static bool lives_longer(const transient_item *a, const transient_item *b) {
  return duration(a) != duration(b) ? duration(a) > duration(b) : a->size > b->size;
}

static bool begins_before(const transient_item *a, const transient_item *b) {
  return a->first_use != b->first_use ? a->first_use < b->first_use : a->size > b->size;
}

static bool ends_after(const transient_item *a, const transient_item *b) {
  return a->last_use != b->last_use ? a->last_use > b->last_use : a->size > b->size;
}

static bool lies_before(const transient_item *a, const transient_item *b) {
  return a->offset < b->offset;
}

static bool ends_before(const transient_item *a, const transient_item *b) {
  return a->last_use < b->last_use;
}

static void merge(const planner *self, item_before *before, uint32_t first, uint32_t middle,
                  uint32_t end) {
  uint32_t left = first, right = middle;
  for (uint32_t i = first; i < end; i++) {
    bool takes_right = left == middle || (right < end && before(&self->items[self->order[right]],
                                                                &self->items[self->order[left]]));
    self->scratch[i] = self->order[takes_right ? right++ : left++];
  }
}

/* A merge sort: the C library's may allocate behind the engine's back. */
static void order_sort(planner *self, item_before *before) {
  for (uint32_t width = 1; width < self->count; width *= 2) {
    for (uint32_t first = 0; first < self->count; first += 2 * width) {
      uint32_t left = self->count - first;
      uint32_t middle = first + (left < width ? left : width);
      uint32_t end = first + (left < 2 * width ? left : 2 * width);
      merge(self, before, first, middle, end);
    }
    memcpy(self->order, self->scratch, self->count * sizeof *self->order);
  }
}

static void order_by(planner *self, item_before *before) {
  for (uint32_t i = 0; i < self->count; i++) {
    self->order[i] = i;
  }
  order_sort(self, before);
}

/* ---- Facts --------------------------------------------------------------------------------- */

/* The most bytes that live at once, each rounded up to `unit`. Begins and ends are met in their
 * order; `next` serves as room for the second. */
static uint64_t peak_find(planner *self, uint64_t unit) {
  uint64_t live = 0, peak = 0;
  order_by(self, ends_before);
  memcpy(self->next, self->order, self->count * sizeof *self->order);
  order_by(self, begins_before);
  for (uint32_t begun = 0, ended = 0; begun < self->count; begun++) {
    const transient_item *item = &self->items[self->order[begun]];
    for (; self->items[self->next[ended]].last_use < item->first_use; ended++) {
      live -= round_up(self->items[self->next[ended]].size, unit);
    }
    live += round_up(item->size, unit);
    peak = larger(peak, live);
  }
  return peak;
}

static rg_result facts_find(planner *self, transient_layout *out) {
  const uint64_t most = UINT64_MAX / 4;
  uint64_t unit = UINT64_C(1) << 62, padded = 0;
  *out = (transient_layout){.alignment = 1};
  for (uint32_t i = 0; i < self->count; i++) {
    const transient_item *item = &self->items[i];
    unit = item->alignment < unit ? item->alignment : unit;
    out->alignment = larger(out->alignment, item->alignment);
    if (item->size > most || item->alignment > most ||
        padded + item->size + item->alignment > most) {
      return result_set(RG_ERROR_LIMIT, "transients: %u sizes do not add up within 62 bits",
                        self->count);
    }
    padded += item->size + item->alignment;
    out->sum += item->size;
  }
  out->peak = peak_find(self, 1);
  self->goal =
      larger(out->peak, peak_find(self, unit) - (unit - 1)); /* the topmost is not padded */
  self->goal += self->goal / GOOD_ENOUGH;
  return RG_OK;
}

/* ---- Placing in an order ------------------------------------------------------------------- */

static bool lives_with(const transient_item *a, const transient_item *b) {
  return a->first_use <= b->last_use && b->first_use <= a->last_use;
}

/* The lowest place that is free while the item lives or, is_tight, the smallest hole; above all
 * others where there is none. What is placed is met in the order of its offsets. */
static uint64_t place_find(planner *self, const transient_item *item, bool is_tight) {
  uint64_t cursor = 0, found = UINT64_MAX, found_room = UINT64_MAX;
  for (uint32_t i = self->first; i != NOTHING; i = self->next[i]) {
    const transient_item *other = &self->items[i];
    self->looks++;
    if (!lives_with(item, other)) {
      continue;
    }
    uint64_t start = round_up(cursor, item->alignment);
    if (other->offset >= start && other->offset - start >= item->size &&
        other->offset - start < found_room) {
      found = start;
      found_room = other->offset - start;
      if (!is_tight) {
        break;
      }
    }
    cursor = larger(cursor, other->offset + other->size);
  }
  return found != UINT64_MAX ? found : round_up(cursor, item->alignment);
}

static void place_insert(planner *self, uint32_t index) {
  uint32_t *link = &self->first;
  while (*link != NOTHING && self->items[*link].offset <= self->items[index].offset) {
    link = &self->next[*link];
    self->looks++;
  }
  self->next[index] = *link;
  *link = index;
}

/* Places all in the present order; returns the size of the whole, or UINT64_MAX as soon as that
 * would be `limit` or more. */
static uint64_t place_all(planner *self, bool is_tight, uint64_t limit) {
  uint64_t size = 0;
  self->first = NOTHING;
  for (uint32_t i = 0; i < self->count; i++) {
    uint32_t index = self->order[i];
    transient_item *item = &self->items[index];
    item->offset = place_find(self, item, is_tight);
    size = larger(size, item->offset + item->size);
    if (size >= limit) {
      return UINT64_MAX;
    }
    place_insert(self, index);
  }
  return size;
}

/* Keeps the plan if it is better than the best. */
static bool plan_keep(planner *self, uint64_t size) {
  if (size >= self->best_size) {
    return false;
  }
  self->best_size = size;
  for (uint32_t i = 0; i < self->count; i++) {
    self->best[i] = self->items[i].offset;
  }
  return true;
}

static void best_restore(planner *self) {
  for (uint32_t i = 0; i < self->count; i++) {
    self->items[i].offset = self->best[i];
  }
}

static void orders_try(planner *self) {
  static item_before *const orders[] = {is_larger, has_more_area, lives_longer, begins_before,
                                        ends_after};
  const size_t order_count = sizeof orders / sizeof orders[0];
  uint64_t looks = (uint64_t)self->count * self->count; /* of one order, at most */
  for (size_t i = 0; i < 2 * order_count; i++) {
    if (self->best_size <= self->goal || self->looks + looks > ORDER_LOOKS) {
      return;
    }
    order_by(self, orders[i / 2]);
    plan_keep(self, place_all(self, i % 2 == 0, self->best_size));
  }
}

/* ---- The search ---------------------------------------------------------------------------- */

/* xorshift, from a fixed seed: the same items get the same places. */
static uint32_t random_below(uint64_t *state, uint32_t count) {
  *state ^= *state << 13;
  *state ^= *state >> 7;
  *state ^= *state << 17;
  return (uint32_t)(*state >> 33) % count;
}

/* The place in the order of an item that reaches the top. */
static uint32_t top_find(const planner *self, uint64_t size) {
  for (uint32_t i = self->count; i-- > 0;) {
    const transient_item *item = &self->items[self->order[i]];
    if (item->offset + item->size == size) {
      return i;
    }
  }
  return 0;
}

static void order_move(planner *self, uint32_t from, uint32_t to) {
  uint32_t moved = self->order[from];
  if (to < from) {
    memmove(&self->order[to + 1], &self->order[to], (from - to) * sizeof *self->order);
  } else {
    memmove(&self->order[from], &self->order[from + 1], (to - from) * sizeof *self->order);
  }
  self->order[to] = moved;
}

/* Mostly what reaches the top is placed earlier; now and then any item anywhere. */
static void order_draw(const planner *self, uint64_t *state, uint64_t size, uint32_t *from,
                       uint32_t *to) {
  *from = random_below(state, 4) == 0 ? random_below(state, self->count) : top_find(self, size);
  *to = random_below(state, *from == 0 ? self->count : *from);
}

/* Away from where the search is stuck; a few items change their place, or many. */
static uint64_t order_shake(planner *self, uint64_t *state) {
  for (uint32_t moves = 1 + random_below(state, self->count); moves > 0; moves--) {
    order_move(self, random_below(state, self->count), random_below(state, self->count));
  }
  return place_all(self, false, UINT64_MAX);
}

/* From the best plan's own order; an order that is no worse becomes the next one to change. */
static void search(planner *self) {
  uint64_t state = UINT64_C(0x9E3779B97F4A7C15), end = self->looks + SEARCH_LOOKS;
  uint32_t failures = 0, from, to;
  best_restore(self);
  order_by(self, lies_before);
  uint64_t present = place_all(self, false, UINT64_MAX);
  plan_keep(self, present);
  while (self->best_size > self->goal && self->looks < end) {
    order_draw(self, &state, present, &from, &to);
    order_move(self, from, to);
    uint64_t size = place_all(self, false, present + 1);
    if (size < present) {
      failures = 0;
    }
    if (size != UINT64_MAX) {
      present = size;
      plan_keep(self, size);
    } else {
      order_move(self, to, from);
    }
    if (++failures > STUCK_AFTER) {
      failures = 0;
      present = order_shake(self, &state);
      plan_keep(self, present);
    }
  }
}

/* ---- One pass over the steps --------------------------------------------------------------- */

/* Free bytes; the last hole has no end. In the order of offsets. */
typedef struct hole {
  uint64_t begin, end;
} hole;

typedef struct holes {
  hole *list; /* room for one more than there are items */
  uint32_t count;
} holes;

static void hole_take(holes *self, uint32_t place, uint64_t begin, uint64_t end) {
  hole whole = self->list[place];
  bool has_before = begin > whole.begin, has_after = end < whole.end;
  uint32_t parts = (uint32_t)has_before + (uint32_t)has_after;
  memmove(&self->list[place + parts], &self->list[place + 1],
          (self->count - place - 1) * sizeof *self->list);
  self->count += parts;
  self->count--;
  if (has_before) {
    self->list[place++] = (hole){whole.begin, begin};
  }
  if (has_after) {
    self->list[place] = (hole){end, whole.end};
  }
}

/* The smallest hole that fits. */
static void holes_alloc(holes *self, transient_item *item) {
  uint32_t found = self->count - 1;
  for (uint32_t i = 0; i < self->count; i++) {
    const hole *hole = &self->list[i];
    uint64_t start = round_up(hole->begin, item->alignment);
    uint64_t best = self->list[found].end - self->list[found].begin;
    if (start < hole->end && hole->end - start >= item->size && hole->end - hole->begin < best) {
      found = i;
    }
  }
  item->offset = round_up(self->list[found].begin, item->alignment);
  hole_take(self, found, item->offset, item->offset + item->size);
}

static void holes_free(holes *self, const transient_item *item) {
  uint64_t begin = item->offset, end = item->offset + item->size;
  uint32_t low = 0, high = self->count; /* the first hole behind the item */
  while (low < high) {
    uint32_t middle = (low + high) / 2;
    low = self->list[middle].begin < begin ? middle + 1 : low;
    high = self->list[middle].begin < begin ? high : middle;
  }
  bool joins_after = low < self->count && self->list[low].begin == end;
  bool joins_before = low > 0 && self->list[low - 1].end == begin;
  if (joins_after && joins_before) {
    self->list[low - 1].end = self->list[low].end;
    memmove(&self->list[low], &self->list[low + 1], (self->count - low - 1) * sizeof *self->list);
    self->count--;
  } else if (joins_after) {
    self->list[low].begin = begin;
  } else if (joins_before) {
    self->list[low - 1].end = end;
  } else {
    memmove(&self->list[low + 1], &self->list[low], (self->count - low) * sizeof *self->list);
    self->list[low] = (hole){begin, end};
    self->count++;
  }
}

/* As an allocator would that is asked step by step, the largest first within a step. */
static rg_result steps_walk(planner *self) {
  const size_t room = ((size_t)self->count + 2) * sizeof(hole);
  holes holes = {.list = host_alloc(self->host, room), .count = 1};
  if (holes.list == NULL) {
    return result_no_memory("transients", room);
  }
  uint64_t size = 0;
  holes.list[0] = (hole){0, UINT64_MAX};
  order_by(self, ends_before);
  memcpy(self->next, self->order, self->count * sizeof *self->order);
  order_by(self, begins_before);
  for (uint32_t begun = 0, ended = 0; begun < self->count; begun++) {
    transient_item *item = &self->items[self->order[begun]];
    for (; self->items[self->next[ended]].last_use < item->first_use; ended++) {
      holes_free(&holes, &self->items[self->next[ended]]);
    }
    holes_alloc(&holes, item);
    size = larger(size, item->offset + item->size);
  }
  plan_keep(self, size);
  host_free(self->host, holes.list, room);
  return RG_OK;
}

/* ---- All of it ----------------------------------------------------------------------------- */

static void planner_finish(planner *self) {
  host_free(self->host, self->order, self->count * sizeof *self->order);
  host_free(self->host, self->scratch, self->count * sizeof *self->scratch);
  host_free(self->host, self->next, self->count * sizeof *self->next);
  host_free(self->host, self->best, self->count * sizeof *self->best);
}

static rg_result planner_init(planner *self) {
  self->order = host_alloc(self->host, self->count * sizeof *self->order);
  self->scratch = host_alloc(self->host, self->count * sizeof *self->scratch);
  self->next = host_alloc(self->host, self->count * sizeof *self->next);
  self->best = host_alloc(self->host, self->count * sizeof *self->best);
  bool is_whole =
      self->order != NULL && self->scratch != NULL && self->next != NULL && self->best != NULL;
  return is_whole ? RG_OK : result_no_memory("transients", self->count * sizeof(uint64_t));
}

rg_result transient_plan(host_memory *host, transient_item *items, uint32_t count,
                         transient_layout *out) {
  rg_result result = RG_OK;
  planner self = {.host = host, .items = items, .count = count, .best_size = UINT64_MAX};
  *out = (transient_layout){.alignment = 1};
  if (count == 0) {
    return RG_OK;
  }
  RG_TRY(planner_init(&self));
  RG_TRY(facts_find(&self, out));
  orders_try(&self);
  if (self.best_size > self.goal) {
    RG_TRY(steps_walk(&self));
  }
  if (self.best_size > self.goal && (uint64_t)count * count <= SEARCH_LOOKS) {
    search(&self);
  }
  best_restore(&self);
  out->size = self.best_size;
fail:
  planner_finish(&self);
  return result;
}

rg_result transient_peak(host_memory *host, transient_item *items, uint32_t count, uint64_t *out) {
  transient_layout layout = {0};
  planner self = {.host = host, .items = items, .count = count};
  rg_result result = count == 0 ? RG_OK : planner_init(&self);
  if (result == RG_OK && count > 0) {
    result = facts_find(&self, &layout);
  }
  planner_finish(&self);
  *out = layout.peak;
  return result;
}
