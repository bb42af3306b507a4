/* Reads back what bison printed. */
#include "syntax.h"

#include <ctype.h>
#include <string.h>

#include "scan.h"

#define SYNTAX_ERROR "syntax error, "

/* What glslang's grammar calls its tokens. Keywords are called by their own name. */
static const char *const token_names[][2] = {
    {"COMMA", "','"},
    {"SEMICOLON", "';'"},
    {"LEFT_BRACE", "'{'"},
    {"RIGHT_BRACE", "'}'"},
    {"LEFT_PAREN", "'('"},
    {"RIGHT_PAREN", "')'"},
    {"LEFT_BRACKET", "'['"},
    {"RIGHT_BRACKET", "']'"},
    {"EQUAL", "'='"},
    {"COLON", "':'"},
    {"DOT", "'.'"},
    {"DASH", "'-'"},
    {"PLUS", "'+'"},
    {"STAR", "'*'"},
    {"SLASH", "'/'"},
    {"PERCENT", "'%'"},
    {"LEFT_ANGLE", "'<'"},
    {"RIGHT_ANGLE", "'>'"},
    {"QUESTION", "'?'"},
    {"BANG", "'!'"},
    {"TILDE", "'~'"},
    {"VERTICAL_BAR", "'|'"},
    {"CARET", "'^'"},
    {"AMPERSAND", "'&'"},
    {"IDENTIFIER", "name"},
    {"TYPE_NAME", "type name"},
    {"INTCONSTANT", "number"},
    {"UINTCONSTANT", "number"},
    {"FLOATCONSTANT", "number"},
    {"BOOLCONSTANT", "boolean"},
    {"EQ_OP", "'=='"},
    {"NE_OP", "'!='"},
    {"LE_OP", "'<='"},
    {"GE_OP", "'>='"},
    {"AND_OP", "'&&'"},
    {"OR_OP", "'||'"},
    {"INC_OP", "'++'"},
    {"DEC_OP", "'--'"},
    {"LEFT_OP", "'<<'"},
    {"RIGHT_OP", "'>>'"},
    {"ADD_ASSIGN", "'+='"},
    {"SUB_ASSIGN", "'-='"},
    {"MUL_ASSIGN", "'*='"},
    {"DIV_ASSIGN", "'/='"},
};

static size_t name_length(const char *at) {
  size_t length = 0;
  while (isupper((unsigned char)at[length]) || isdigit((unsigned char)at[length]) ||
         at[length] == '_') {
    length++;
  }
  return length;
}

static void token_print(text *out, const char *name, size_t length) {
  for (size_t i = 0; i < sizeof token_names / sizeof token_names[0]; i++) {
    if (strlen(token_names[i][0]) == length && memcmp(token_names[i][0], name, length) == 0) {
      text_append(out, token_names[i][1]);
      return;
    }
  }
  text_append(out, "'");
  for (size_t i = 0; i < length; i++) {
    char c = (char)tolower((unsigned char)name[i]);
    text_append_bytes(out, &c, 1);
  }
  text_append(out, "'");
}

bool syntax_print(text *out, const char *message) {
  if (strncmp(message, SYNTAX_ERROR, strlen(SYNTAX_ERROR)) != 0) {
    return false;
  }
  text_append(out, "syntax error: ");
  for (const char *at = message + strlen(SYNTAX_ERROR); *at != '\0';) {
    size_t length = name_length(at);
    if (length > 1) {
      token_print(out, at, length);
      at += length;
    } else {
      text_append_bytes(out, at++, 1);
    }
  }
  return true;
}

/* ---- The missing semicolon ----------------------------------------------------------------- */

/* Whether the grammar's name is that of a token which may begin the next statement. */
static bool token_has_name(const token *item, const char *name) {
  size_t length = name_length(name);
  if (length == strlen("RIGHT_BRACE") && strncmp(name, "RIGHT_BRACE", length) == 0) {
    return token_is_mark(item, '}');
  }
  if (item->kind != TOKEN_WORD) {
    return false;
  }
  if (length == strlen("IDENTIFIER") && strncmp(name, "IDENTIFIER", length) == 0) {
    return true;
  }
  for (size_t i = 0; i < item->length; i++) {
    if (i >= length || toupper((unsigned char)item->start[i]) != name[i]) {
      return false;
    }
  }
  return item->length == length;
}

/* Whether a ';' may be what lacks after this token. */
static bool may_end_statement(const token *item, bool is_semicolon_expected) {
  if (item->kind == TOKEN_WORD) {
    return !token_is(item, "else") && !token_is(item, "do");
  }
  return item->kind == TOKEN_NUMBER || token_is_mark(item, ')') || token_is_mark(item, ']') ||
         (token_is_mark(item, '}') && is_semicolon_expected);
}

/* Finds the first token of a line, and the one before it; an include between leaves none. */
static void tokens_at_line(const source_file *file, uint32_t line, token *before, token *first) {
  scanner scan;
  scan_begin(&scan, file->text, file->size);
  *before = (token){.kind = TOKEN_END};
  while ((*first = scan_next(&scan)).kind != TOKEN_END && first->line < line) {
    if (first->kind == TOKEN_HASH) {
      token word = scan_next(&scan);
      *before = token_is(&word, "include") ? (token){.kind = TOKEN_END} : *before;
      if (word.kind != TOKEN_NEWLINE) {
        (void)scan_directive_end(&scan);
      }
    } else {
      *before = *first;
    }
  }
}

bool syntax_semicolon_missing(const source *from, uint32_t file, const char *message,
                              uint32_t *line) {
  const char *unexpected = SYNTAX_ERROR "unexpected ";
  if (strncmp(message, unexpected, strlen(unexpected)) != 0 || file >= from->file_count) {
    return false;
  }
  const char *name = message + strlen(unexpected);
  const char *expected = strstr(name, "expecting ");
  bool is_semicolon_expected = expected != NULL && strstr(expected, "SEMICOLON") != NULL;
  if (expected != NULL && !is_semicolon_expected) {
    return false;
  }
  const source_file *where = &from->files[file];
  token before, first;
  tokens_at_line(where, *line - where->shift, &before, &first);
  if (first.kind == TOKEN_END || before.kind == TOKEN_END || !first.is_first ||
      first.line != *line - where->shift || !token_has_name(&first, name) ||
      !may_end_statement(&before, is_semicolon_expected)) {
    return false;
  }
  *line = before.line + where->shift;
  return true;
}
