/* GLSL text as tokens: enough to find directives, declarations and statements, not to compile. */
#ifndef RG_SHADER_SCAN_H
#define RG_SHADER_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum token_kind {
  TOKEN_END,
  TOKEN_WORD, /* identifiers and keywords */
  TOKEN_NUMBER,
  TOKEN_STRING, /* with its quotes */
  TOKEN_MARK,   /* one character of punctuation */
  TOKEN_HASH,   /* '#' as the first token of a line: a directive begins */
  TOKEN_NEWLINE /* a directive ends */
} token_kind;

typedef struct token {
  token_kind kind;
  const char *start;
  size_t length;
  uint32_t line; /* one-based */
  bool is_first; /* of its line */
} token;

/* Where a scan stands. The text has no continued lines: source.c has joined them. */
typedef struct scanner {
  const char *at;
  const char *end;
  uint32_t line;
  bool is_line_start; /* no token on this line yet */
  bool is_directive;
} scanner;

void scan_begin(scanner *scan, const char *text, size_t size);
/* The next token after white space and comments; TOKEN_END at the end, again and again. */
token scan_next(scanner *scan);
/* Skips to the newline that ends a directive, and returns it (or TOKEN_END). */
token scan_directive_end(scanner *scan);

/* What #line has said: which file, and what to add to the text's own lines, wrapping. */
typedef struct scan_place {
  uint32_t file;
  uint32_t shift;
} scan_place;

/* Reads a "#line LINE FILE" whose '#' has just been scanned; other directives change nothing. The
 * scanner does not move. */
void scan_place_update(scan_place *place, const scanner *scan);

bool token_is(const token *item, const char *text);
/* A mark of that character. */
bool token_is_mark(const token *item, char mark);

#endif
