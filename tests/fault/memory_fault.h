/* An allocator whose n-th request fails: the engine's rg_allocator and Lua's lua_Alloc alike. */
#ifndef RG_TESTS_MEMORY_FAULT_H
#define RG_TESTS_MEMORY_FAULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "caller.h"

/* Zero with `at` and `width` set as wished is ready for use. One thread at a time. */
typedef struct memory_fault {
  uint64_t at;       /* the first request that fails, counted from 1; 0: none */
  uint64_t width;    /* how many requests in a row fail; UINT64_MAX: all from there on */
  uint64_t requests; /* so far, that asked for more than they had */
  uint64_t refused;
  caller caller;         /* of the first that was refused */
  bool was_string_table; /* it asked for what Lua can do without */
  uint64_t live_bytes;
  uint64_t live_blocks;
} memory_fault;

/* user: a memory_fault. Blocks move whenever they grow, are filled with rubbish before use and
 * after it, and end the program where they come back with another size than they were given. */
void *memory_fault_resize(void *user, void *old, size_t old_size, size_t new_size);

#endif
