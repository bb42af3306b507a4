/* Include expansion: glslang's C interface has no callback for it, and its own includer reads the
 * disk as it likes.
 *
 * All conditions are left to glslang, so an include is put in whether its place is active or not:
 * #pragma once becomes a guard, and whatever fails becomes an #error at its place. #line numbers
 * the files by their index, and is repeated after every conditional, since a skipped branch takes
 * its #line with it. */
#include "source.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/result.h"
#include "list.h"
#include "scan.h"

/* One text on its way into the output. */
typedef struct expansion {
  source *whole;
  scanner scan;
  uint32_t file;       /* whose text it is */
  uint32_t shown;      /* what #line names: the file, or a view of it */
  const char *copied;  /* the text before is in the output */
  uint32_t depth;      /* of includes */
  uint32_t conditions; /* open ones in this text */
  bool is_sure;        /* the text itself stands under no condition */
} expansion;

void source_init(source *self, const shader_context *context, arena *scratch) {
  memset(self, 0, sizeof *self);
  self->context = context;
  self->scratch = scratch;
  text_init(&self->expanded, context->memory);
}

void source_finish(source *self) {
  text_finish(&self->expanded);
}

static rg_result size_check(const source *self) {
  if (self->expanded.is_failed) {
    return result_no_memory(self->files[0].name, self->expanded.length);
  }
  if (self->expanded.length > SHADER_MAX_SOURCE) {
    return result_set(RG_ERROR_LIMIT, "%s: over %u bytes after includes", self->files[0].name,
                      SHADER_MAX_SOURCE);
  }
  return RG_OK;
}

static void copy_to(expansion *self, const char *end) {
  text_append_bytes(&self->whole->expanded, self->copied, (size_t)(end - self->copied));
  self->copied = end;
}

/* Tells glslang where the text's line `line` comes from. */
static void emit_line(expansion *self, uint32_t line) {
  const source_file *file = &self->whole->files[self->shown];
  text_printf(&self->whole->expanded, "\n#line %u %u\n", line + file->shift, self->shown);
}

/* Goes on behind the present directive, leaving it out. */
static void directive_drop(expansion *self) {
  token end = scan_directive_end(&self->scan);
  self->copied = end.start + end.length;
  emit_line(self, end.line + 1);
}

/* Goes on behind the present directive, keeping it. */
static void directive_keep(expansion *self, bool is_conditional) {
  token end = scan_directive_end(&self->scan);
  if (is_conditional && self->whole->files[self->file].has_include) {
    copy_to(self, end.start);
    self->copied = end.start + end.length;
    emit_line(self, end.line + 1);
  }
}

/* An #error that stands for a message, active only where its place is. */
static rg_result emit_failure(expansion *self, const char *guard, const char *message) {
  source *whole = self->whole;
  const char **failures = list_grow(whole->scratch, whole->failures, sizeof *failures,
                                    whole->failure_count, &whole->failure_capacity);
  char *copy = arena_strdup(whole->scratch, message);
  if (failures == NULL || copy == NULL) {
    return result_no_memory("shader", strlen(message));
  }
  whole->failures = failures;
  failures[whole->failure_count] = copy;
  if (guard != NULL) {
    text_printf(&whole->expanded, "\n#ifndef %s", guard);
    emit_line(self, self->scan.line);
  }
  text_printf(&whole->expanded, "#error %s%u\n", SOURCE_FAILURE_PREFIX, whole->failure_count++);
  if (guard != NULL) {
    text_append(&whole->expanded, "#endif\n");
  }
  return RG_OK;
}

static bool path_pop(char *path, size_t *length) {
  size_t start = *length;
  while (start > 0 && path[start - 1] != '/') {
    start--;
  }
  bool is_up = *length - start == 2 && memcmp(path + start, "..", 2) == 0;
  if (*length == start || is_up) {
    return false;
  }
  *length = start > 0 ? start - 1 : 0;
  return true;
}

/* Takes "." and "NAME/.." out of a path, in place, so that one file has one name. */
static void path_simplify(char *path) {
  size_t length = 0;
  bool is_absolute = path[0] == '/';
  const char *at = path;
  while (*at != '\0') {
    size_t part = strcspn(at, "/");
    bool is_up = part == 2 && memcmp(at, "..", 2) == 0;
    bool is_empty = part == 0 || (part == 1 && *at == '.');
    if (!is_empty && !(is_up && path_pop(path, &length))) {
      if (length > 0 || is_absolute) {
        path[length++] = '/';
      }
      memmove(path + length, at, part);
      length += part;
    }
    at += part;
    at += *at == '/';
  }
  path[length] = '\0';
}

/* Opens what an include names: beside the includer where it is quoted, then under the roots. */
static rg_result include_open(expansion *self, const char *name, bool is_quoted, uint32_t *out) {
  source *whole = self->whole;
  const char *includer = whole->files[self->file].path;
  const char *slash = includer == NULL ? NULL : strrchr(includer, '/');
  rg_result result = RG_ERROR_NOT_FOUND;
  bool is_builtin = strncmp(name, "regolith/", 9) == 0;
  if (is_quoted && slash != NULL && name[0] != '/' && !is_builtin) {
    char *path =
        arena_printf(whole->scratch, "%.*s%s", (int)(slash + 1 - includer), includer, name);
    if (path == NULL) {
      return result_no_memory(name, strlen(name));
    }
    path_simplify(path);
    result = source_open(whole, path, out);
  }
  if (result == RG_ERROR_NOT_FOUND) {
    char *path = arena_strdup(whole->scratch, name);
    if (path == NULL) {
      return result_no_memory(name, strlen(name));
    }
    path_simplify(path);
    result = source_open(whole, path, out);
  }
  return result;
}

/* The name in "quotes" or <brackets>, in the arena; NULL where there is none. */
static rg_result include_name(expansion *self, bool *is_quoted, const char **out) {
  scanner before = self->scan;
  token item = scan_next(&self->scan);
  const char *start = item.start + 1;
  size_t length = 0;
  *is_quoted = item.kind == TOKEN_STRING;
  *out = NULL;
  if (*is_quoted && item.length > 2 && item.start[item.length - 1] == '"') {
    length = item.length - 2;
  } else if (token_is_mark(&item, '<')) {
    length = strcspn(start, ">\n");
    length = start[length] == '>' ? length : 0;
    self->scan.at = start + length + 1;
  }
  if (length == 0) {
    self->scan = before;
    return RG_OK;
  }
  *out = arena_printf(self->whole->scratch, "%.*s", (int)length, start);
  return *out == NULL ? result_no_memory("the name of an include", length) : RG_OK;
}

static rg_result expand_file(source *whole, uint32_t file, uint32_t depth, bool is_sure);

static rg_result include_expand(expansion *self, uint32_t file) {
  source *whole = self->whole;
  bool is_sure = self->is_sure && self->conditions == 0;
  const source_file *target = &whole->files[file];
  char message[256];
  if (target->has_once && (target->is_open || target->is_surely_included)) {
    return RG_OK;
  }
  if (target->is_open) {
    snprintf(message, sizeof message, "'%.200s' includes itself", target->name);
    return emit_failure(self, target->guard, message);
  }
  if (self->depth + 1 > SOURCE_MAX_DEPTH) {
    snprintf(message, sizeof message, "includes nest deeper than %d", SOURCE_MAX_DEPTH);
    return emit_failure(self, NULL, message);
  }
  return expand_file(whole, file, self->depth + 1, is_sure);
}

static rg_result include_handle(expansion *self) {
  bool is_quoted = false;
  const char *name = NULL;
  uint32_t file = 0;
  rg_result result = include_name(self, &is_quoted, &name);
  if (result != RG_OK) {
    return result;
  }
  if (name == NULL) {
    return emit_failure(self, NULL, "#include needs a \"quoted\" or <bracketed> file name");
  }
  result = include_open(self, name, is_quoted, &file);
  if (result == RG_OK) {
    return include_expand(self, file);
  }
  if (result == RG_ERROR_OUT_OF_HOST_MEMORY) {
    return result;
  }
  (void)result_prefix(result, "cannot include '%s'", name);
  return emit_failure(self, NULL, rg_error());
}

static rg_result version_check(expansion *self, uint32_t line) {
  scanner before = self->scan;
  token version = scan_next(&self->scan);
  token profile = scan_next(&self->scan);
  bool is_known = token_is(&version, "450") || token_is(&version, "460");
  bool is_core =
      profile.kind == TOKEN_NEWLINE || profile.kind == TOKEN_END || token_is(&profile, "core");
  if (is_known && is_core) {
    self->scan = before;
    return RG_OK;
  }
  return result_set(RG_ERROR_COMPILE, "%s:%u: error: #version must be 450 or 460, core",
                    self->whole->files[self->shown].name, line);
}

/* A #line of the text itself: from the next line on, messages name what it says. */
static rg_result line_handle(expansion *self, uint32_t line, bool *is_handled) {
  scanner before = self->scan;
  token number = scan_next(&self->scan);
  token name = scan_next(&self->scan);
  bool is_named = name.kind == TOKEN_STRING && name.length > 2;
  *is_handled = number.kind == TOKEN_NUMBER && number.length < 10 && number.start[0] != '0';
  self->scan = before;
  if (!*is_handled) {
    return RG_OK;
  }
  source *whole = self->whole;
  source_file view = whole->files[self->file];
  view.is_view = true;
  view.name = whole->files[self->shown].name;
  view.shift = (uint32_t)strtoul(number.start, NULL, 10) - (line + 1);
  if (is_named) {
    view.name = arena_printf(whole->scratch, "%.*s", (int)name.length - 2, name.start + 1);
    if (view.name == NULL) {
      return result_no_memory("shader", name.length);
    }
  }
  return source_push(whole, &view, &self->shown);
}

/* Whether a #pragma is "once", which file_inspect has seen to. */
static bool pragma_is_once(scanner scan) {
  token name = scan_next(&scan);
  return name.kind == TOKEN_WORD && token_is(&name, "once");
}

/* Does what a directive asks for here. *is_dropped: glslang shall not see it. */
static rg_result directive_obey(expansion *self, token hash, token word, bool *is_dropped) {
  if (token_is(&word, "include")) {
    copy_to(self, hash.start);
    emit_line(self, hash.line);
    *is_dropped = true;
    return include_handle(self);
  }
  if (token_is(&word, "version")) {
    copy_to(self, hash.start);
    *is_dropped = true;
    return version_check(self, hash.line);
  }
  if (token_is(&word, "line")) {
    copy_to(self, hash.start);
    return line_handle(self, hash.line, is_dropped);
  }
  *is_dropped = token_is(&word, "pragma") && pragma_is_once(self->scan);
  if (*is_dropped) {
    copy_to(self, hash.start);
  }
  return RG_OK;
}

/* Counts open conditions; true for what ends a branch. */
static bool conditions_follow(expansion *self, const token *word) {
  bool is_if = token_is(word, "if") || token_is(word, "ifdef") || token_is(word, "ifndef");
  bool is_endif = token_is(word, "endif");
  self->conditions += is_if;
  self->conditions -= is_endif && self->conditions > 0;
  return is_endif || token_is(word, "else") || token_is(word, "elif");
}

static rg_result directive_handle(expansion *self, token hash) {
  token word = scan_next(&self->scan);
  if (word.kind == TOKEN_NEWLINE || word.kind == TOKEN_END) {
    return RG_OK; /* a lone '#' */
  }
  bool is_dropped = false;
  rg_result result = directive_obey(self, hash, word, &is_dropped);
  if (result != RG_OK) {
    return result;
  }
  bool is_branch_end = conditions_follow(self, &word);
  if (is_dropped) {
    directive_drop(self);
  } else {
    directive_keep(self, is_branch_end);
  }
  return size_check(self->whole);
}

static rg_result expand_text(expansion *self) {
  const source_file *file = &self->whole->files[self->file];
  const char *end = file->text + file->size;
  scan_begin(&self->scan, file->text, file->size);
  self->copied = file->text;
  emit_line(self, 1);
  token item;
  while ((item = scan_next(&self->scan)).kind != TOKEN_END) {
    if (item.kind == TOKEN_HASH) {
      rg_result result = directive_handle(self, item);
      if (result != RG_OK) {
        return result;
      }
    }
  }
  copy_to(self, end);
  text_append(&self->whole->expanded, "\n");
  return size_check(self->whole);
}

static rg_result expand_file(source *whole, uint32_t file, uint32_t depth, bool is_sure) {
  bool has_once = whole->files[file].has_once;
  if (has_once) {
    text_printf(&whole->expanded, "\n#ifndef rg_once_%u\n#define rg_once_%u\n", file, file);
  }
  whole->files[file].is_open = true;
  expansion self = {.whole = whole, .file = file, .shown = file, .depth = depth};
  self.is_sure = is_sure;
  rg_result result = expand_text(&self);
  whole->files[file].is_open = false;
  whole->files[file].is_surely_included = whole->files[file].is_surely_included || is_sure;
  if (has_once) {
    text_append(&whole->expanded, "#endif\n");
  }
  return result;
}

static bool is_identifier(const char *name) {
  scanner scan;
  scan_begin(&scan, name, strlen(name));
  token item = scan_next(&scan);
  return item.kind == TOKEN_WORD && item.length == strlen(name);
}

static rg_result emit_define(source *self, const rg_define *define) {
  const char *value = define->value == NULL ? "1" : define->value;
  const char *clean;
  size_t size;
  if (define->name == NULL || !is_identifier(define->name)) {
    return result_set(RG_ERROR_INVALID_ARGUMENT, "define '%s': not an identifier",
                      define->name == NULL ? "" : define->name);
  }
  if (strncmp(define->name, "GL_", 3) == 0 || strstr(define->name, "__") != NULL ||
      strcmp(define->name, "defined") == 0) {
    return result_set(RG_ERROR_INVALID_ARGUMENT, "define '%s': the name is reserved by GLSL",
                      define->name);
  }
  if (strpbrk(value, "\n\r\\") != NULL || strstr(value, "//") != NULL ||
      strstr(value, "/*") != NULL) {
    return result_set(RG_ERROR_INVALID_ARGUMENT,
                      "define '%s': the value '%s' has a line end, a backslash or a comment",
                      define->name, value);
  }
  rg_result result = source_clean(self->scratch, define->name, value, strlen(value), &clean, &size);
  if (result == RG_OK) {
    text_printf(&self->expanded, "#define %s %s\n", define->name, clean);
  }
  return result;
}

rg_result source_expand(source *self, const source_origin *origin, const rg_define *defines,
                        uint32_t define_count) {
  rg_result result = RG_OK;
  uint32_t file = 0;
  if (origin->path != NULL) {
    RG_TRY(source_open(self, origin->path, &file));
  } else {
    size_t size = strlen(origin->text);
    if (size > SHADER_MAX_SOURCE) {
      return result_set(RG_ERROR_LIMIT, "%s: %zu bytes exceed the limit of %u", origin->name, size,
                        SHADER_MAX_SOURCE);
    }
    RG_TRY(source_add(self, origin->name, NULL, origin->text, size, &file));
  }
  /* One version for all: each further one would make glslang build its symbol tables anew. */
  text_append(&self->expanded, "#version 460 core\n");
  for (uint32_t i = 0; i < define_count; i++) {
    RG_TRY(emit_define(self, &defines[i]));
  }
  RG_TRY(expand_file(self, file, 0, true));
fail:
  return result;
}

/* The text of a line as #line numbers it, or false. */
static bool source_line(const source *self, uint32_t file, uint32_t line, const char **start,
                        size_t *length) {
  if (file >= self->file_count) {
    return false;
  }
  uint32_t own = line - self->files[file].shift;
  const char *at = self->files[file].text, *end = at + self->files[file].size;
  for (uint32_t i = 1; i < own && at != NULL && own != 0; i++) {
    at = memchr(at, '\n', (size_t)(end - at));
    at = at == NULL ? NULL : at + 1;
  }
  if (at == NULL || own == 0 || at >= end) {
    return false;
  }
  const char *line_end = memchr(at, '\n', (size_t)(end - at));
  *start = at;
  *length = (size_t)((line_end == NULL ? end : line_end) - at);
  return true;
}

#define MAX_EXCERPT 120

/* The length, cut to what an excerpt shows, not within a UTF-8 sequence. */
static size_t excerpt_length(const char *start, size_t length) {
  if (length <= MAX_EXCERPT) {
    return length;
  }
  length = MAX_EXCERPT;
  while (length > 0 && ((unsigned char)start[length] & 0xC0) == 0x80) {
    length--;
  }
  return length;
}

void source_excerpt(const source *self, uint32_t file, uint32_t line, text *out) {
  const char *start;
  size_t length;
  if (!source_line(self, file, line, &start, &length)) {
    return;
  }
  while (length > 0 && (*start == ' ' || *start == '\t')) {
    start++;
    length--;
  }
  if (length > 0) {
    text_append(out, "    ");
    text_append_bytes(out, start, excerpt_length(start, length));
    text_append(out, "\n");
  }
}
