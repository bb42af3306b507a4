/* This thread's error text and origin: the only state outside an engine, since a failed
 * rg_engine_create has none to keep it in. */
#define _GNU_SOURCE
#include "result.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define ERROR_CAPACITY 8192
#define ORIGIN_CAPACITY 128

static _Thread_local char error_text[ERROR_CAPACITY];
static _Thread_local char origin_text[ORIGIN_CAPACITY];

const char *rg_result_name(rg_result result) {
  switch (result) {
    case RG_OK: return "RG_OK";
    case RG_NOT_READY: return "RG_NOT_READY";
    case RG_ERROR_INVALID_ARGUMENT: return "RG_ERROR_INVALID_ARGUMENT";
    case RG_ERROR_STALE_HANDLE: return "RG_ERROR_STALE_HANDLE";
    case RG_ERROR_WRONG_TYPE: return "RG_ERROR_WRONG_TYPE";
    case RG_ERROR_NOT_FOUND: return "RG_ERROR_NOT_FOUND";
    case RG_ERROR_OUT_OF_HOST_MEMORY: return "RG_ERROR_OUT_OF_HOST_MEMORY";
    case RG_ERROR_OUT_OF_DEVICE_MEMORY: return "RG_ERROR_OUT_OF_DEVICE_MEMORY";
    case RG_ERROR_DEVICE_LOST: return "RG_ERROR_DEVICE_LOST";
    case RG_ERROR_COMPILE: return "RG_ERROR_COMPILE";
    case RG_ERROR_IO: return "RG_ERROR_IO";
    case RG_ERROR_FORMAT: return "RG_ERROR_FORMAT";
    case RG_ERROR_UNSUPPORTED: return "RG_ERROR_UNSUPPORTED";
    case RG_ERROR_LIMIT: return "RG_ERROR_LIMIT";
  }
  return "RG_ERROR_UNKNOWN";
}

const char *rg_error(void) {
  return error_text;
}

/* The length without a UTF-8 sequence that the cut left incomplete at the end. */
static size_t utf8_trim(const char *string, size_t length) {
  size_t start = length;
  while (start > 0 && length - start < 3 && ((unsigned char)string[start - 1] & 0xC0) == 0x80) {
    start--;
  }
  if (start == 0 || (unsigned char)string[start - 1] < 0xC0) {
    return length;
  }
  unsigned char lead = (unsigned char)string[start - 1];
  size_t needed = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  return length - (start - 1) < needed ? start - 1 : length;
}

/* Formats into a whole message; `written` is vsnprintf's result. */
static void error_publish(char *message, const char *format, int written) {
  if (written < 0) {
    snprintf(message, ERROR_CAPACITY, "%s", format);
  }
  size_t length = strlen(message);
  if (written >= ERROR_CAPACITY) {
    length = utf8_trim(message, length);
  }
  while (length > 0 && message[length - 1] == '\n') {
    length--;
  }
  memcpy(error_text, message, length);
  error_text[length] = '\0';
}

void result_message(const char *format, ...) {
  char message[ERROR_CAPACITY]; /* aside: an argument may be rg_error() */
  va_list arguments;
  va_start(arguments, format);
  int written = vsnprintf(message, sizeof message, format, arguments);
  va_end(arguments);
  error_publish(message, format, written);
}

void result_message_prefix(const char *format, ...) {
  char prefix[1024];
  va_list arguments;
  va_start(arguments, format);
  int written = vsnprintf(prefix, sizeof prefix, format, arguments);
  va_end(arguments);
  if (written >= (int)sizeof prefix) {
    prefix[utf8_trim(prefix, strlen(prefix))] = '\0';
  }
  result_message("%s: %s", written < 0 ? format : prefix, error_text);
}

void result_message_no_memory(const char *what, uint64_t size) {
  result_message("%s: no host memory for %" PRIu64 " bytes", what, size);
}

void rg_origin_set(const char *origin) {
  size_t length = origin == NULL ? 0 : strnlen(origin, ORIGIN_CAPACITY);
  if (length == ORIGIN_CAPACITY) {
    length = utf8_trim(origin, ORIGIN_CAPACITY - 1);
  }
  memmove(origin_text, length == 0 ? "" : origin, length);
  origin_text[length] = '\0';
}

const char *origin_get(void) {
  return origin_text;
}
