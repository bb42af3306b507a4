/* Strings that grow by doubling and remember a failure until the end. */
#include "text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define TEXT_CAPACITY_MIN 64

void text_init(text *self, host_memory *memory) {
  memset(self, 0, sizeof *self);
  self->memory = memory;
}

void text_finish(text *self) {
  if (self->data != NULL) {
    host_free(self->memory, self->data, self->capacity);
  }
  text_init(self, self->memory);
}

/* And for the final zero. */
bool text_reserve(text *self, size_t length) {
  if (self->is_failed || length > PTRDIFF_MAX - self->length - 1) {
    self->is_failed = true;
    return false;
  }
  size_t needed = self->length + length + 1;
  if (needed <= self->capacity) {
    return true;
  }
  size_t capacity = self->capacity < TEXT_CAPACITY_MIN ? TEXT_CAPACITY_MIN : 2 * self->capacity;
  capacity = capacity < needed ? needed : capacity;
  char *data = host_resize(self->memory, self->data, self->capacity, capacity);
  if (data == NULL) {
    self->is_failed = true;
    return false;
  }
  self->data = data;
  self->capacity = capacity;
  return true;
}

void text_append_bytes(text *self, const char *bytes, size_t length) {
  if (text_reserve(self, length)) {
    if (length > 0) {
      memcpy(self->data + self->length, bytes, length);
    }
    self->length += length;
    self->data[self->length] = '\0';
  }
}

void text_append(text *self, const char *string) {
  text_append_bytes(self, string, strlen(string));
}

void text_printf(text *self, const char *format, ...) {
  va_list arguments, again;
  va_start(arguments, format);
  va_copy(again, arguments);
  int length = vsnprintf(NULL, 0, format, arguments);
  if (length < 0) {
    self->is_failed = true;
  } else if (text_reserve(self, (size_t)length)) {
    vsnprintf(self->data + self->length, (size_t)length + 1, format, again);
    self->length += (size_t)length;
  }
  va_end(again);
  va_end(arguments);
}

char *text_take(text *self) {
  char *string = NULL;
  if (text_reserve(self, 0)) {
    self->data[self->length] = '\0';
    /* host_strfree knows only the string's own length */
    string = host_resize(self->memory, self->data, self->capacity, strlen(self->data) + 1);
  }
  if (string != NULL) {
    self->data = NULL;
  }
  text_finish(self);
  return string;
}

/* Unicode 15, table 3-7. */
size_t text_utf8_length(const unsigned char *at, const unsigned char *end) {
  size_t length = at[0] < 0x80 ? 1 : at[0] < 0xC2 ? 0 : at[0] < 0xE0 ? 2 : at[0] < 0xF0 ? 3 : 4;
  if (at[0] > 0xF4 || length == 0 || (size_t)(end - at) < length) {
    return 0;
  }
  for (size_t i = 1; i < length; i++) {
    if ((at[i] & 0xC0) != 0x80) {
      return 0;
    }
  }
  bool is_overlong = (at[0] == 0xE0 && at[1] < 0xA0) || (at[0] == 0xF0 && at[1] < 0x90);
  bool is_surrogate = at[0] == 0xED && at[1] > 0x9F;
  bool is_beyond = at[0] == 0xF4 && at[1] > 0x8F;
  return is_overlong || is_surrogate || is_beyond ? 0 : length;
}

void text_append_utf8(text *self, const char *string) {
  const unsigned char *at = (const unsigned char *)string;
  const unsigned char *end = at + strlen(string);
  while (at < end) {
    size_t length = text_utf8_length(at, end);
    if (length > 0) {
      text_append_bytes(self, (const char *)at, length);
    } else {
      text_append(self, "\xEF\xBF\xBD");
    }
    at += length > 0 ? length : 1;
  }
}

#define EACH_BYTE(value) (UINT64_C(0x0101010101010101) * (value))

/* The top bit of the lowest byte that is zero, and perhaps of others above it. */
static uint64_t zero_bytes(uint64_t word) {
  return (word - EACH_BYTE(1)) & ~word & EACH_BYTE(0x80);
}

/* Whether eight bytes are plain ASCII that JSON need not have escaped. */
static bool is_plain(const unsigned char *at) {
  uint64_t word;
  memcpy(&word, at, sizeof word);
  uint64_t controls = (word - EACH_BYTE(0x20)) & ~word & EACH_BYTE(0x80);
  return ((word & EACH_BYTE(0x80)) | controls | zero_bytes(word ^ EACH_BYTE('"')) |
          zero_bytes(word ^ EACH_BYTE('\\')) | zero_bytes(word ^ EACH_BYTE(0x7F))) == 0;
}

/* The rest of a string up to its end, or to what JSON must have escaped, or is no plain ASCII. */
static size_t plain_length(const unsigned char *at, const unsigned char *end) {
  const unsigned char *begin = at;
  while (end - at >= 8 && is_plain(at)) {
    at += 8;
  }
  while (at < end && *at >= 0x20 && *at < 0x7F && *at != '"' && *at != '\\') {
    at++;
  }
  return (size_t)(at - begin);
}

void text_append_json(text *self, const char *string) {
  const unsigned char *at = (const unsigned char *)string;
  const unsigned char *end = at + strlen(string);
  text_append_bytes(self, "\"", 1);
  while (at < end) {
    bool is_escaped = *at < 0x20 || *at == '"' || *at == '\\' || *at == 0x7F;
    size_t length = *at < 0x80 ? plain_length(at, end) : text_utf8_length(at, end);
    if (is_escaped) {
      text_printf(self, "\\u%04x", *at);
    } else if (length == 0) {
      text_append(self, "\xEF\xBF\xBD");
    } else {
      text_append_bytes(self, (const char *)at, length);
    }
    at += length == 0 ? 1 : length;
  }
  text_append_bytes(self, "\"", 1);
}
