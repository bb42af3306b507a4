/* Finds statements and function bodies by their braces and semicolons, and blanks them token by
 * token, so that directives and line ends stay. */
#include "recover.h"

#include <string.h>

#include "scan.h"

/* A run of the expanded text. */
typedef struct span {
  const char *start, *end;
} span;

typedef struct search {
  uint32_t file, line;
  scan_place place;
  uint32_t depth;   /* of braces */
  span body;        /* of the function that the scan is in, without its braces */
  span statements;  /* those that the line has part in, the last ';' excluded */
  bool is_found;    /* the line has begun, within a body */
  bool is_over;     /* the line's statements are at their end */
  bool has_control; /* they hold more than expressions and declarations */
} search;

static bool is_control(const token *item) {
  static const char *const words[] = {"if",     "else", "for",     "while", "do",
                                      "switch", "case", "default", "return"};
  for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
    if (token_is(item, words[i])) {
      return true;
    }
  }
  return token_is_mark(item, '{') || token_is_mark(item, '}');
}

/* Follows the statement that the scan is in until the line is found, then all that the line has
 * part in, for the error may be in any of them. */
static void search_statement(search *self, const token *item, bool is_here) {
  bool is_end = token_is_mark(item, ';') || token_is_mark(item, '{') || token_is_mark(item, '}');
  if (!self->is_found && is_end) {
    self->statements.start = item->start + 1;
    self->has_control = false;
    return;
  }
  self->is_over = self->is_over || (self->statements.end != NULL && !is_here);
  if (self->is_over) {
    return;
  }
  self->has_control = self->has_control || is_control(item);
  if (self->is_found) {
    self->statements.end = is_end ? item->start : NULL;
  }
}

/* Takes one token; true at the end of the body that holds the line. */
static bool search_add(search *self, const token *item) {
  bool is_here = self->place.file == self->file && item->line + self->place.shift == self->line;
  self->is_found = self->is_found || (is_here && self->depth > 0);
  search_statement(self, item, is_here);
  if (token_is_mark(item, '{') && self->depth++ == 0) {
    self->body.start = item->start + 1;
  }
  if (token_is_mark(item, '}') && self->depth > 0 && --self->depth == 0) {
    self->body.end = item->start;
    return self->is_found;
  }
  return false;
}

static bool search_run(search *self, const source *from) {
  scanner scan;
  scan_begin(&scan, from->expanded.data, from->expanded.length);
  self->statements.start = from->expanded.data;
  for (token item; (item = scan_next(&scan)).kind != TOKEN_END;) {
    if (item.kind == TOKEN_HASH) {
      scan_place_update(&self->place, &scan);
      (void)scan_directive_end(&scan);
    } else if (item.kind != TOKEN_NEWLINE && search_add(self, &item)) {
      return true;
    }
  }
  return false;
}

static void put(source *from, const char *at, char c) {
  from->expanded.data[at - from->expanded.data] = c;
}

static void blank(source *from, span where) {
  scanner scan;
  scan_begin(&scan, where.start, (size_t)(where.end - where.start));
  for (token item; (item = scan_next(&scan)).kind != TOKEN_END;) {
    if (item.kind == TOKEN_HASH) {
      (void)scan_directive_end(&scan);
    } else {
      memset(from->expanded.data + (item.start - from->expanded.data), ' ', item.length);
    }
  }
}

/* In "TYPE NAME = VALUE" the part from the '=' on, so that the name stays declared; else all. */
static span initializer_of(span statement) {
  scanner scan;
  uint32_t words = 0;
  token before = {.kind = TOKEN_END};
  scan_begin(&scan, statement.start, (size_t)(statement.end - statement.start));
  for (token item; (item = scan_next(&scan)).kind != TOKEN_END; before = item) {
    bool is_pair = item.kind == TOKEN_WORD && before.kind == TOKEN_WORD;
    words += is_pair;
    if (token_is_mark(&item, '=') && words > 0) {
      return (span){item.start, statement.end};
    }
    if (token_is_mark(&item, ';') || token_is_mark(&item, '.')) {
      break;
    }
  }
  return statement;
}

/* Without its initializer a constant has to be a variable. */
static void blank_const(source *from, span statements) {
  scanner scan;
  scan_begin(&scan, statements.start, (size_t)(statements.end - statements.start));
  token first = scan_next(&scan);
  if (token_is(&first, "const")) {
    blank(from, (span){first.start, first.start + first.length});
  }
}

bool recover_blank(source *from, uint32_t file, uint32_t line, bool is_whole) {
  search found = {.file = file, .line = line};
  if (!search_run(&found, from)) {
    return false;
  }
  if (!is_whole && !found.has_control) {
    blank(from, initializer_of(found.statements));
    blank_const(from, found.statements);
    return true;
  }
  /* without its body the function is a prototype, and need not return a value */
  blank(from, found.body);
  put(from, found.body.start - 1, ';');
  put(from, found.body.end, ' ');
  return true;
}
