/* Many small writes made few copies: sorted by target, overwritten bytes dropped, neighbours
 * merged. */
#include "upload_sort.h"

/* ---- Sorting ------------------------------------------------------------------------------- */

static bool span_is_after(const upload_span *a, const upload_span *b) {
  return a->target != b->target ? (uint64_t)a->target > (uint64_t)b->target : a->begin > b->begin;
}

static void spans_merge(const upload_span *from, uint32_t begin, uint32_t middle, uint32_t end,
                        upload_span *to) {
  uint32_t left = begin, right = middle;
  for (uint32_t i = begin; i < end; i++) {
    bool takes_right = left == middle || (right < end && span_is_after(&from[left], &from[right]));
    to[i] = takes_right ? from[right++] : from[left++];
  }
}

static uint32_t smaller(uint32_t a, uint32_t b) {
  return a < b ? a : b;
}

static bool spans_are_sorted(const upload_span *spans, uint32_t count) {
  for (uint32_t i = 1; i < count; i++) {
    if (span_is_after(&spans[i - 1], &spans[i])) {
      return false;
    }
  }
  return true;
}

/* Merge sort, from short runs to long; returns which of the two arrays holds the result. */
static upload_span *spans_sort(upload_span *spans, uint32_t count, upload_span *scratch) {
  if (spans_are_sorted(spans, count)) {
    return spans;
  }
  upload_span *from = spans, *to = scratch;
  for (uint32_t width = 1; width < count; width *= 2) {
    for (uint32_t begin = 0; begin < count; begin += 2 * width) {
      spans_merge(from, begin, smaller(begin + width, count), smaller(begin + 2 * width, count),
                  to);
    }
    upload_span *swap = from;
    from = to;
    to = swap;
  }
  return from;
}

/* ---- The latest of those that cover a place ------------------------------------------------ */

/* A binary heap with the latest write on top. */
typedef struct span_heap {
  upload_span *spans;
  uint32_t count;
} span_heap;

static void heap_swap(span_heap *heap, uint32_t a, uint32_t b) {
  upload_span swap = heap->spans[a];
  heap->spans[a] = heap->spans[b];
  heap->spans[b] = swap;
}

static void heap_push(span_heap *heap, const upload_span *span) {
  uint32_t place = heap->count++;
  heap->spans[place] = *span;
  for (uint32_t parent = (place - 1) / 2;
       place > 0 && heap->spans[parent].order < heap->spans[place].order;
       place = parent, parent = (place - 1) / 2) {
    heap_swap(heap, place, parent);
  }
}

static void heap_pop(span_heap *heap) {
  heap->spans[0] = heap->spans[--heap->count];
  for (uint32_t place = 0;;) {
    uint32_t latest = place;
    for (uint32_t child = 2 * place + 1; child <= 2 * place + 2 && child < heap->count; child++) {
      latest = heap->spans[child].order > heap->spans[latest].order ? child : latest;
    }
    if (latest == place) {
      return;
    }
    heap_swap(heap, place, latest);
    place = latest;
  }
}

/* ---- Sweeping ------------------------------------------------------------------------------ */

/* From left to right: at each place the latest of the spans that cover it is the one that counts,
 * until it ends or another one begins. */
static void spans_sweep(const upload_span *spans, uint32_t count, upload_span *scratch,
                        span_visit *visit, void *user) {
  span_heap heap = {.spans = scratch};
  VkBuffer target = VK_NULL_HANDLE;
  uint64_t at = 0;
  for (uint32_t next = 0; next < count || heap.count > 0;) {
    if (heap.count == 0) {
      target = spans[next].target;
      at = spans[next].begin;
    }
    while (next < count && spans[next].target == target && spans[next].begin <= at) {
      heap_push(&heap, &spans[next++]);
    }
    const upload_span *top = &heap.spans[0];
    if (top->end <= at) {
      heap_pop(&heap);
      continue;
    }
    bool has_next = next < count && spans[next].target == target && spans[next].begin < top->end;
    upload_span piece = *top;
    piece.source += at - top->begin;
    piece.begin = at;
    piece.end = has_next ? spans[next].begin : top->end;
    at = piece.end;
    visit(user, &piece);
  }
}

void spans_resolve(upload_span *spans, uint32_t count, upload_span *scratch, span_visit *visit,
                   void *user) {
  const upload_span *sorted = spans_sort(spans, count, scratch);
  spans_sweep(sorted, count, sorted == spans ? scratch : spans, visit, user);
}
