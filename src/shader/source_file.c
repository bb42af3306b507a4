/* Reading one GLSL text: from the roots, the built-in library or memory, checked and made plain. */
#include <stdio.h>
#include <string.h>

#include "base/result.h"
#include "list.h"
#include "scan.h"
#include "source.h"

/* Bytes of the UTF-8 sequence at `at`, or 0 where it is none (RFC 3629). */
static size_t utf8_length(const unsigned char *at, const unsigned char *end) {
  if (*at < 0x80) {
    return 1;
  }
  size_t length = *at >= 0xF0 ? 4 : *at >= 0xE0 ? 3 : 2;
  if (*at < 0xC2 || *at > 0xF4 || (size_t)(end - at) < length) {
    return 0;
  }
  for (size_t i = 1; i < length; i++) {
    if ((at[i] & 0xC0) != 0x80) {
      return 0;
    }
  }
  bool is_overlong = (*at == 0xE0 && at[1] < 0xA0) || (*at == 0xF0 && at[1] < 0x90);
  bool is_surrogate = *at == 0xED && at[1] > 0x9F;
  bool is_beyond = *at == 0xF4 && at[1] > 0x8F;
  return is_overlong || is_surrogate || is_beyond ? 0 : length;
}

static rg_result bytes_check(const char *name, const char *bytes, size_t size) {
  const unsigned char *at = (const unsigned char *)bytes, *end = at + size;
  uint32_t line = 1;
  if (size >= 3 && memcmp(bytes, "\xEF\xBB\xBF", 3) == 0) {
    return result_set(RG_ERROR_COMPILE,
                      "%s:1: error: begins with a byte order mark: save it as UTF-8 without one",
                      name);
  }
  while (at < end) {
    size_t length = utf8_length(at, end);
    if (*at == 0 || length == 0) {
      return result_set(RG_ERROR_COMPILE, "%s:%u: error: byte 0x%02X is %s", name, line, *at,
                        *at == 0 ? "no text" : "not UTF-8");
    }
    line += *at == '\n' || (*at == '\r' && (at + 1 == end || at[1] != '\n'));
    at += length;
  }
  return RG_OK;
}

/* Bytes of the line end at `at`: LF, CR LF or CR; 0 where there is none. */
static size_t line_end_length(const char *at, const char *end) {
  if (at == end || (*at != '\n' && *at != '\r')) {
    return 0;
  }
  return *at == '\r' && end - at >= 2 && at[1] == '\n' ? 2 : 1;
}

rg_result source_clean(arena *scratch, const char *name, const char *bytes, size_t size,
                       const char **out, size_t *out_size) {
  rg_result result = bytes_check(name, bytes, size);
  if (result != RG_OK) {
    return result;
  }
  char *cleaned = arena_alloc(scratch, size + 1);
  if (cleaned == NULL) {
    return result_no_memory(name, size + 1);
  }
  const char *at = bytes, *end = bytes + size;
  size_t length = 0, joined = 0;
  while (at < end) {
    size_t line_end = line_end_length(at, end);
    size_t continued = *at == '\\' ? line_end_length(at + 1, end) : 0;
    if (line_end > 0) {
      memset(cleaned + length, '\n', joined + 1);
      length += joined + 1;
      joined = 0;
      at += line_end;
    } else if (continued > 0) {
      joined++;
      at += 1 + continued;
    } else {
      cleaned[length++] = *at++;
    }
  }
  memset(cleaned + length, '\n', joined);
  *out = cleaned;
  *out_size = length + joined;
  return RG_OK;
}

rg_result source_push(source *self, const source_file *file, uint32_t *out) {
  source_file *files =
      list_grow(self->scratch, self->files, sizeof *files, self->file_count, &self->file_capacity);
  if (files == NULL) {
    return RG_ERROR_OUT_OF_HOST_MEMORY;
  }
  self->files = files;
  *out = self->file_count++;
  files[*out] = *file;
  return RG_OK;
}

/* Where the text's first two directives are #ifndef X and #define X, with no token before: X. */
static const char *guard_find(arena *scratch, const source_file *file) {
  scanner scan;
  scan_begin(&scan, file->text, file->size);
  token hash = scan_next(&scan), word = scan_next(&scan), name = scan_next(&scan);
  if (hash.kind != TOKEN_HASH || !token_is(&word, "ifndef") || name.kind != TOKEN_WORD) {
    return NULL;
  }
  (void)scan_directive_end(&scan);
  hash = scan_next(&scan);
  word = scan_next(&scan);
  token again = scan_next(&scan);
  bool is_guard = hash.kind == TOKEN_HASH && token_is(&word, "define") &&
                  again.length == name.length && memcmp(again.start, name.start, name.length) == 0;
  return is_guard ? arena_printf(scratch, "%.*s", (int)name.length, name.start) : NULL;
}

/* Finds what the expansion needs to know beforehand. */
static void file_inspect(arena *scratch, source_file *file) {
  scanner scan;
  scan_begin(&scan, file->text, file->size);
  token item;
  while ((item = scan_next(&scan)).kind != TOKEN_END) {
    if (item.kind == TOKEN_HASH) {
      token word = scan_next(&scan);
      token next = token_is(&word, "pragma") ? scan_next(&scan) : (token){.kind = TOKEN_END};
      file->has_include = file->has_include || token_is(&word, "include");
      file->has_once = file->has_once || (next.kind == TOKEN_WORD && token_is(&next, "once"));
    }
  }
  file->guard = guard_find(scratch, file);
}

rg_result source_add(source *self, const char *name, const char *path, const char *bytes,
                     size_t size, uint32_t *out) {
  source_file file = {.name = arena_strdup(self->scratch, name),
                      .path = arena_strdup(self->scratch, path)};
  if (file.name == NULL || (path != NULL && file.path == NULL)) {
    return result_no_memory("shader", strlen(name));
  }
  rg_result result = source_clean(self->scratch, name, bytes, size, &file.text, &file.size);
  if (result != RG_OK) {
    return result;
  }
  file_inspect(self->scratch, &file);
  return source_push(self, &file, out);
}

#define BUILTIN_FOLDER "regolith/"
#define BUILTIN_INCLUDES BUILTIN_FOLDER "include/"

/* The built-in text of that path; *path is its full one: "regolith/pbr.glsl" is short for
 * "regolith/include/pbr.glsl". NULL where there is none. */
static const shader_builtin *builtin_open(arena *scratch, const char **path) {
  size_t folder = strlen(BUILTIN_FOLDER);
  if (strncmp(*path, BUILTIN_FOLDER, folder) != 0) {
    return NULL;
  }
  const shader_builtin *builtin = shader_builtin_find(*path + folder);
  if (builtin == NULL) {
    const char *full = arena_printf(scratch, "%s%s", BUILTIN_INCLUDES, *path + folder);
    builtin = full == NULL ? NULL : shader_builtin_find(full + folder);
    *path = builtin == NULL ? *path : full;
  }
  return builtin;
}

rg_result source_open(source *self, const char *path, uint32_t *out) {
  const shader_builtin *builtin = builtin_open(self->scratch, &path);
  for (uint32_t i = 0; i < self->file_count; i++) {
    const source_file *file = &self->files[i];
    if (!file->is_view && file->path != NULL && strcmp(file->path, path) == 0) {
      *out = i;
      return RG_OK;
    }
  }
  if (builtin != NULL) {
    return source_add(self, path, path, builtin->text, builtin->size, out);
  }
  file_data data = {0};
  rg_result result = file_read(self->context->roots, path, SHADER_MAX_SOURCE, &data);
  if (result == RG_OK) {
    result = source_add(self, path, path, (const char *)data.bytes, data.size, out);
    file_data_finish(&data);
  }
  return result;
}
