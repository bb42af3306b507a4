/* Growing strings, whose failure need be checked only once. */
#ifndef RG_BASE_TEXT_H
#define RG_BASE_TEXT_H

#include "host_memory.h"

/* A string being built; zero with `memory` set is empty. An append that runs out of memory marks it
 * failed and later ones do nothing, so that only the end need be checked. */
typedef struct text {
  host_memory *memory;
  char *data; /* zero-terminated, or NULL while empty */
  size_t length;
  size_t capacity;
  bool is_failed;
} text;

void text_init(text *self, host_memory *memory);
void text_finish(text *self); /* leaves it empty and ready for use */
/* Room for so many bytes more, where many are to come; false marks it failed. */
bool text_reserve(text *self, size_t length);
void text_append(text *self, const char *string);
/* bytes: none of them zero. */
void text_append_bytes(text *self, const char *bytes, size_t length);
void text_printf(text *self, const char *format, ...) RG_PRINTF(2, 3);
/* Appends a string of any bytes as UTF-8: what is none becomes U+FFFD. */
void text_append_utf8(text *self, const char *string);
/* Appends a string of any bytes as a JSON string, in its quotes; what is no UTF-8 becomes U+FFFD.
 */
void text_append_json(text *self, const char *string);
/* The length of the well-formed UTF-8 sequence that begins at `at`, which is before `end`; or 0. */
size_t text_utf8_length(const unsigned char *at, const unsigned char *end);
/* Hands the string over to be freed with host_strfree, or NULL if it failed; the text is empty
 * then. */
char *text_take(text *self);

#endif
