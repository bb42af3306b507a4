/* Doubling arrays over an arena: what they leave behind goes with it. */
#include "list.h"

#include <string.h>

#include "base/result.h"

void *list_grow(arena *scratch, void *items, size_t item_size, uint32_t count, uint32_t *capacity) {
  if (count < *capacity) {
    return items;
  }
  uint32_t larger = *capacity == 0 ? 8 : *capacity * 2;
  void *grown = arena_alloc(scratch, larger * item_size);
  if (grown == NULL) {
    (void)result_no_memory("shader", larger * item_size);
    return NULL;
  }
  if (count > 0) {
    memcpy(grown, items, count * item_size);
  }
  *capacity = larger;
  return grown;
}
