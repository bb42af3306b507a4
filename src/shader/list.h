/* Arrays that grow inside an arena, for the lists that a build gathers. */
#ifndef RG_SHADER_LIST_H
#define RG_SHADER_LIST_H

#include "base/host_memory.h"

/* Room for one more item: the items themselves, or a larger copy. NULL when out of memory, with
 * this thread's message set. */
void *list_grow(arena *scratch, void *items, size_t item_size, uint32_t count, uint32_t *capacity);

#endif
