/* Which functions of the program are on the stack, by name: what a fault that nobody noticed hit.
 */
#ifndef RG_TESTS_CALLER_H
#define RG_TESTS_CALLER_H

#include <stddef.h>

#define CALLER_MAX_FRAMES 24

typedef struct caller {
  void *frames[CALLER_MAX_FRAMES];
  int count;
} caller;

/* Of this call. */
caller caller_find(void);
/* The names of the program's own functions, innermost first, with " < " between; cut at size. */
void caller_names(const caller *self, char *out, size_t size);

#endif
