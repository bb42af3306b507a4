/* One stage's GLSL with its includes put in, and the way back from its lines to the files. */
#ifndef RG_SHADER_SOURCE_H
#define RG_SHADER_SOURCE_H

#include "base/text.h"
#include "build.h"

#define SOURCE_MAX_DEPTH 64 /* of includes */

/* What stands in an #error for an include that failed: followed by its index in failures. It only
 * speaks up where the preprocessor finds the place active. */
#define SOURCE_FAILURE_PREFIX "rg_source_failure_"

/* A text that #line numbers name. A #line in the text itself makes one more of the same text. */
typedef struct source_file {
  const char *name; /* for messages */
  const char *path; /* under the roots, or "regolith/NAME"; NULL for text from memory */
  const char *text; /* cleaned (see source_clean), with a final zero */
  size_t size;
  uint32_t shift; /* what #line adds to the text's own line numbers, wrapping */
  bool is_view;   /* made by a #line */
  bool has_once;  /* #pragma once */
  bool has_include;
  bool is_open;            /* being expanded right now */
  bool is_surely_included; /* under no condition */
  const char *guard;       /* the macro that guards the whole text from a second time, or NULL */
} source_file;

typedef struct source {
  const shader_context *context;
  arena *scratch;
  source_file *files; /* the first is the stage's own */
  uint32_t file_count, file_capacity;
  const char **failures;
  uint32_t failure_count, failure_capacity;
  text expanded; /* what glslang reads */
} source;

/* Where a stage's text comes from. */
typedef struct source_origin {
  const char *name; /* for messages */
  const char *path; /* under the roots, or "regolith/NAME"; NULL for text from memory */
  const char *text; /* where path is NULL */
} source_origin;

/* Everything but `expanded` lives in the arena. Finish also after a failure. */
void source_init(source *self, const shader_context *context, arena *scratch);
void source_finish(source *self);

/* Reads and expands. RG_ERROR_NOT_FOUND, RG_ERROR_IO: the stage's own file; RG_ERROR_LIMIT: over
 * SHADER_MAX_SOURCE; RG_ERROR_COMPILE: bytes that are no UTF-8 text, another #version;
 * RG_ERROR_INVALID_ARGUMENT: a define. What is wrong with an include becomes an #error. */
RG_NODISCARD rg_result source_expand(source *self, const source_origin *origin,
                                     const rg_define *defines, uint32_t define_count);

/* Appends a line's text, as #line numbers it, indented and with a line end; nothing where there is
 * no such line or it is blank. */
void source_excerpt(const source *self, uint32_t file, uint32_t line, text *out);

/* ---- For source.c only: source_file.c ------------------------------------------------------ */

/* The file of that path, read, cleaned and looked through once. */
RG_NODISCARD rg_result source_open(source *self, const char *path, uint32_t *out);
/* Adds a text from memory. */
RG_NODISCARD rg_result source_add(source *self, const char *name, const char *path,
                                  const char *bytes, size_t size, uint32_t *out);
/* Adds an entry, a copy of *file. */
RG_NODISCARD rg_result source_push(source *self, const source_file *file, uint32_t *out);

/* Checks that bytes are UTF-8 text without a byte order mark or zero bytes, ends every line with
 * '\n' alone and joins lines continued with '\', adding the lost line ends after the joined line.
 * *out: in the arena, with a final zero; never longer than the bytes. */
RG_NODISCARD rg_result source_clean(arena *scratch, const char *name, const char *bytes,
                                    size_t size, const char **out, size_t *out_size);

#endif
