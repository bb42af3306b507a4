/* The tokenizer: comments, strings, words, numbers and single characters. */
#include "scan.h"

#include <string.h>

void scan_begin(scanner *scan, const char *text, size_t size) {
  *scan = (scanner){.at = text, .end = text + size, .line = 1, .is_line_start = true};
}

static bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

static bool is_word_start(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_word(char c) {
  return is_word_start(c) || is_digit(c);
}

static bool has_next(const scanner *scan, char second) {
  return scan->end - scan->at >= 2 && scan->at[1] == second;
}

static void skip_block_comment(scanner *scan) {
  scan->at += 2;
  while (scan->at < scan->end && !(scan->at[0] == '*' && has_next(scan, '/'))) {
    scan->line += scan->at[0] == '\n';
    scan->at++;
  }
  scan->at += scan->end - scan->at >= 2 ? 2 : scan->end - scan->at;
}

static void skip_line_comment(scanner *scan) {
  while (scan->at < scan->end && *scan->at != '\n') {
    scan->at++;
  }
}

/* True at a newline that ends a directive, which is a token; other white space is skipped. */
static bool skip_blank(scanner *scan) {
  while (scan->at < scan->end) {
    char c = *scan->at;
    if (c == '\n') {
      if (scan->is_directive) {
        return true;
      }
      scan->line++;
      scan->is_line_start = true;
      scan->at++;
    } else if (c == ' ' || c == '\t' || c == '\v' || c == '\f' || c == '\r') {
      scan->at++;
    } else if (c == '/' && has_next(scan, '/')) {
      skip_line_comment(scan);
    } else if (c == '/' && has_next(scan, '*')) {
      skip_block_comment(scan);
    } else {
      break;
    }
  }
  return false;
}

static token scan_newline(scanner *scan) {
  token item = {.kind = TOKEN_NEWLINE, .start = scan->at, .length = 1, .line = scan->line};
  scan->at++;
  scan->line++;
  scan->is_directive = false;
  scan->is_line_start = true;
  return item;
}

static const char *string_end(const scanner *scan) {
  const char *at = scan->at + 1;
  while (at < scan->end && *at != '"' && *at != '\n') {
    at += at[0] == '\\' && at + 1 < scan->end && at[1] != '\n' ? 2 : 1;
  }
  return at < scan->end && *at == '"' ? at + 1 : at;
}

/* A preprocessing number: digits, letters, dots, and signs after an exponent. */
static const char *number_end(const scanner *scan) {
  const char *at = scan->at + 1;
  while (at < scan->end && (is_word(*at) || *at == '.' ||
                            ((*at == '+' || *at == '-') && (at[-1] == 'e' || at[-1] == 'E')))) {
    at++;
  }
  return at;
}

static const char *word_end(const scanner *scan) {
  const char *at = scan->at + 1;
  while (at < scan->end && is_word(*at)) {
    at++;
  }
  return at;
}

token scan_next(scanner *scan) {
  if (skip_blank(scan)) {
    return scan_newline(scan);
  }
  token item = {.start = scan->at, .line = scan->line, .is_first = scan->is_line_start};
  if (scan->at == scan->end) {
    return item;
  }
  char c = *scan->at;
  const char *end = scan->at + 1;
  if (is_word_start(c)) {
    item.kind = TOKEN_WORD;
    end = word_end(scan);
  } else if (is_digit(c) || (c == '.' && scan->end - scan->at >= 2 && is_digit(scan->at[1]))) {
    item.kind = TOKEN_NUMBER;
    end = number_end(scan);
  } else if (c == '"') {
    item.kind = TOKEN_STRING;
    end = string_end(scan);
  } else if (c == '#' && scan->is_line_start) {
    item.kind = TOKEN_HASH;
    scan->is_directive = true;
  } else {
    item.kind = TOKEN_MARK;
  }
  item.length = (size_t)(end - item.start);
  scan->at = end;
  scan->is_line_start = false;
  return item;
}

token scan_directive_end(scanner *scan) {
  token item;
  do {
    item = scan_next(scan);
  } while (item.kind != TOKEN_NEWLINE && item.kind != TOKEN_END);
  return item;
}

static uint32_t token_number(const token *item) {
  uint32_t value = 0;
  for (size_t i = 0; i < item->length && is_digit(item->start[i]); i++) {
    value = value * 10 + (uint32_t)(item->start[i] - '0');
  }
  return value;
}

void scan_place_update(scan_place *place, const scanner *scan) {
  scanner ahead = *scan;
  token word = scan_next(&ahead);
  if (word.kind != TOKEN_WORD || !token_is(&word, "line")) {
    return;
  }
  token line = scan_next(&ahead), file = scan_next(&ahead);
  if (line.kind == TOKEN_NUMBER) {
    place->shift = token_number(&line) - (line.line + 1);
  }
  if (file.kind == TOKEN_NUMBER) {
    place->file = token_number(&file);
  }
}

bool token_is(const token *item, const char *text) {
  size_t length = strlen(text);
  return item->length == length && memcmp(item->start, text, length) == 0;
}

bool token_is_mark(const token *item, char mark) {
  return item->kind == TOKEN_MARK && *item->start == mark;
}
