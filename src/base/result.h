/* How a function fails: an rg_result, and this thread's message for it, set once where the fault is
 * seen. */
#ifndef RG_BASE_RESULT_H
#define RG_BASE_RESULT_H

#include <regolith/regolith.h>

/* Leaves by the function's `fail:` label with `result` set, unless the call succeeds. */
#define RG_TRY(call)       \
  do {                     \
    result = (call);       \
    if (result != RG_OK) { \
      goto fail;           \
    }                      \
  } while (0)

/* Sets this thread's message and is `result`, so that `return result_set(RG_ERROR_IO, …)` reads
 * well; a macro, so that compilers and analyzers see which result it is. Cut at 8 KiB. The
 * message's form: object 'name': value and the limit it breaks. */
#define result_set(result, ...) (result_message(__VA_ARGS__), (result))
void result_message(const char *format, ...) RG_PRINTF(1, 2);

/* Puts `prefix: ` before this thread's present message and is `result`. */
#define result_prefix(result, ...) (result_message_prefix(__VA_ARGS__), (result))
void result_message_prefix(const char *format, ...) RG_PRINTF(1, 2);

/* RG_ERROR_OUT_OF_HOST_MEMORY with a message that names what could not be had. */
#define result_no_memory(what, size) \
  (result_message_no_memory(what, size), RG_ERROR_OUT_OF_HOST_MEMORY)
void result_message_no_memory(const char *what, uint64_t size);

/* This thread's rg_origin_set text; "" for none. */
const char *origin_get(void);

#endif
