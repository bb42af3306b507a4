/* glslang writes "ERROR: FILE:LINE: 'token' : text", FILE being the number that #line gave. */
#include "messages.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/result.h"
#include "globals.h"
#include "syntax.h"

#define MAX_LENGTH 16384 /* of all messages: more than rg_error() holds */

/* One message, taken apart. */
typedef struct message {
  bool is_error;
  uint32_t file, line;
  const char *token; /* what glslang quotes; may be "" */
  const char *text;
} message;

/* Cuts white space off the end, and returns the start without it. */
static char *trim(char *string) {
  size_t length = strlen(string);
  while (length > 0 && isspace((unsigned char)string[length - 1])) {
    string[--length] = '\0';
  }
  return string + strspn(string, " \t");
}

/* Takes a log's line apart, in place; false where it is none of the messages to show. */
static bool message_parse(char *line, message *out) {
  *out = (message){.token = "", .text = ""};
  out->is_error = strncmp(line, "ERROR: ", 7) == 0;
  if (!out->is_error && strncmp(line, "WARNING: ", 9) != 0) {
    return false;
  }
  char *at = line + (out->is_error ? 7 : 9), *end;
  out->file = (uint32_t)strtoul(at, &end, 10);
  if (end == at || *end != ':') {
    return false;
  }
  out->line = (uint32_t)strtoul(end + 1, &end, 10);
  char *rest = *end == ':' ? trim(end + 1) : end;
  char *quote = rest[0] == '\'' ? strstr(rest + 1, "' :") : NULL;
  if (quote != NULL) {
    *quote = '\0';
    out->token = rest + 1;
    rest = trim(quote + 3);
  }
  out->text = rest;
  return strcmp(rest, "compilation terminated") != 0;
}

/* ---- What the text says, said better ------------------------------------------------------- */

/* An #error of ours stands for a message of source.c. */
static bool failure_print(text *out, const source *from, const message *self) {
  size_t prefix = strlen(SOURCE_FAILURE_PREFIX);
  if (strcmp(self->token, "#error") != 0 ||
      strncmp(self->text, SOURCE_FAILURE_PREFIX, prefix) != 0) {
    return false;
  }
  unsigned long index = strtoul(self->text + prefix, NULL, 10);
  text_append(out, index < from->failure_count ? from->failures[index] : "cannot include");
  return true;
}

static rg_result hint_print(text *out, const source *from, const message *self,
                            const char *preprocessed) {
  bool is_unknown = strcmp(self->text, "undeclared identifier") == 0 ||
                    strcmp(self->text, "no matching overloaded function found") == 0;
  if (!is_unknown) {
    return RG_OK;
  }
  uint32_t count;
  const char *const *names = globals_names(from->scratch, preprocessed, &count);
  if (names == NULL) {
    return result_no_memory("shader's names", strlen(preprocessed == NULL ? "" : preprocessed));
  }
  for (uint32_t i = 0; i < count; i++) {
    if (strcmp(names[i], self->token) == 0) {
      return RG_OK; /* it is declared, but not here or not so */
    }
  }
  const char *nearest = rg_nearest_name(self->token, names, count);
  if (nearest != NULL) {
    text_printf(out, "; did you mean '%s'?", nearest);
  }
  return RG_OK;
}

static rg_result text_print(text *out, const source *from, const message *self,
                            const char *preprocessed) {
  if (failure_print(out, from, self) || syntax_print(out, self->text)) {
    return RG_OK;
  }
  if (self->token[0] != '\0') {
    text_printf(out, "'%s': ", self->token);
  }
  text_append(out, self->text);
  return hint_print(out, from, self, preprocessed);
}

/* ---- The whole message --------------------------------------------------------------------- */

static rg_result message_print(text *out, const source *from, const message *self,
                               const char *preprocessed) {
  const char *name = self->file < from->file_count ? from->files[self->file].name : "shader";
  uint32_t line = self->line;
  rg_result result = RG_OK;
  const char *kind = self->is_error ? "error" : "warning";
  if (syntax_semicolon_missing(from, self->file, self->text, &line)) {
    text_printf(out, "%s:%u: %s: syntax error: ';' is missing at the end of this line\n", name,
                line, kind);
  } else {
    text_printf(out, "%s:%u: %s: ", name, line, kind);
    result = text_print(out, from, self, preprocessed);
    text_append(out, "\n");
  }
  source_excerpt(from, self->file, line, out);
  return result;
}

/* Appends a message that is not there yet. */
static void message_keep(text *out, const text *printed) {
  bool is_known =
      out->data != NULL && printed->data != NULL && strstr(out->data, printed->data) != NULL;
  if (!is_known && out->length < MAX_LENGTH) {
    text_append_bytes(out, printed->data == NULL ? "" : printed->data, printed->length);
  }
}

/* The log's next line as a string of its own in the arena; NULL at the end or without memory. */
static char *line_next(arena *scratch, const char **log) {
  if (**log == '\0') {
    return NULL;
  }
  size_t length = strcspn(*log, "\n");
  char *line = arena_printf(scratch, "%.*s", (int)length, *log);
  *log += length + ((*log)[length] == '\n');
  return line;
}

/* After an unknown name, what does not convert on its line is glslang's guess at the name's type.
 */
static bool is_consequence(const message *self, const message *before) {
  bool is_unknown = strcmp(before->text, "undeclared identifier") == 0 ||
                    strcmp(before->text, "no matching overloaded function found") == 0;
  bool is_about_types = strstr(self->text, "cannot convert") != NULL ||
                        strstr(self->text, "wrong operand type") != NULL;
  return is_unknown && is_about_types && self->file == before->file && self->line == before->line;
}

rg_result messages_first(const source *from, const char *log, message_place *out) {
  *out = (message_place){0};
  while (*log != '\0' && !out->is_known) {
    char *line = line_next(from->scratch, &log);
    message self;
    if (line == NULL) {
      return result_no_memory("shader's messages", strlen(log));
    }
    if (message_parse(line, &self) && self.is_error) {
      bool is_syntax = self.token[0] == '\0' && strncmp(self.text, "syntax error", 12) == 0;
      *out = (message_place){self.file, self.line, true, is_syntax};
    }
  }
  return RG_OK;
}

rg_result messages_add(message_sink *sink, const source *from, const char *log,
                       const char *preprocessed) {
  rg_result result = RG_OK;
  message before = {.text = ""};
  while (*log != '\0' && result == RG_OK) {
    char *line = line_next(from->scratch, &log);
    message self;
    if (line == NULL) {
      return result_no_memory("shader's messages", strlen(log));
    }
    if (!message_parse(line, &self) || is_consequence(&self, &before)) {
      continue;
    }
    before = self;
    text printed;
    text_init(&printed, from->context->memory);
    result = message_print(&printed, from, &self, preprocessed);
    if (printed.is_failed) {
      result = result_no_memory("shader's messages", printed.length);
    }
    message_keep(self.is_error ? &sink->errors : &sink->warnings, &printed);
    text_finish(&printed);
  }
  return result;
}

/* Prints a line of the linker, which calls the stages linked so far an unknown one. */
static void link_line_print(text *out, const char *line, size_t length) {
  static const char unknown[] = "unknown stage";
  const char *end = line + length;
  for (const char *at = line; at < end;) {
    size_t rest = (size_t)(end - at), size = sizeof unknown - 1;
    if (rest >= size && memcmp(at, unknown, size) == 0) {
      text_append(out, "other");
      at += size;
    } else {
      text_append_bytes(out, at++, 1);
    }
  }
  text_append(out, "\n");
}

void messages_add_link(message_sink *sink, const char *label, const char *log) {
  text *out = &sink->errors;
  while (*log != '\0') {
    size_t length = strcspn(log, "\n"), skip = 0;
    if (strncmp(log, "ERROR: ", 7) == 0) {
      skip = 7;
      out = &sink->errors;
      text_printf(out, "%s: error: ", label);
    } else if (strncmp(log, "WARNING: ", 9) == 0) {
      skip = 9;
      out = &sink->warnings;
      text_printf(out, "%s: warning: ", label);
    }
    if (length > 0) {
      link_line_print(out, log + skip, length - skip);
    }
    log += length + (log[length] == '\n');
  }
}
