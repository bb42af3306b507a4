/* Formats messages for the host's log callback, or writes them to standard error. */
#include "log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define LOG_CAPACITY 4096

static const char *const level_names[] = {"warning", "error", "warning", "info", "debug"};

static void write_to_stderr(void *user, rg_log_level level, const char *message) {
  (void)user;
  fprintf(stderr, "regolith: %s: %s\n", level_names[level], message);
}

void logger_init(logger *self, rg_log_fn *write, void *user, rg_log_level level) {
  self->write = write == NULL ? write_to_stderr : write;
  self->user = user;
  self->level = level == RG_LOG_DEFAULT ? RG_LOG_WARNING : level;
}

void log_message(const logger *self, rg_log_level level, const char *format, ...) {
  if (level > self->level) {
    return;
  }
  char message[LOG_CAPACITY];
  va_list arguments;
  va_start(arguments, format);
  int written = vsnprintf(message, sizeof message, format, arguments);
  va_end(arguments);
  if (written < 0) {
    snprintf(message, sizeof message, "%s", format);
  }
  size_t length = strlen(message);
  while (length > 0 && message[length - 1] == '\n') {
    message[--length] = '\0';
  }
  self->write(self->user, level, message);
}
