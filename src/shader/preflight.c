/* glslang recurses without a limit over expressions and #if conditions, so their depth is bounded
 * here to what the compiling thread's stack surely holds; what nests by grammar (brackets, else
 * if, unary operators) its parser bounds itself. */
#include "preflight.h"

#include <stdio.h>
#include <string.h>

#include "base/result.h"

rg_result preflight_fail(const source *from, const scan_place *place, uint32_t line,
                         const char *message, uint32_t limit) {
  const char *name = place->file < from->file_count ? from->files[place->file].name : "shader";
  char limit_text[48] = "";
  text excerpt;
  text_init(&excerpt, from->context->memory);
  source_excerpt(from, place->file, line + place->shift, &excerpt);
  if (limit > 0) {
    snprintf(limit_text, sizeof limit_text, " (the limit is %u)", limit);
  }
  rg_result result = result_set(
      RG_ERROR_COMPILE, "%s:%u: error: %s%s%s%s", name, line + place->shift, message, limit_text,
      excerpt.length > 0 ? "\n" : "", excerpt.length > 0 ? excerpt.data : "");
  text_finish(&excerpt);
  return result;
}

/* glslang reads past the end of its token list for any STDGL but "invariant(all". */
static bool pragma_is_safe(scanner scan) {
  token word = scan_next(&scan), name = scan_next(&scan);
  if (!token_is(&word, "pragma") || !token_is(&name, "STDGL")) {
    return true;
  }
  token invariant = scan_next(&scan), open = scan_next(&scan), all = scan_next(&scan);
  return token_is(&invariant, "invariant") && token_is(&open, "(") && token_is(&all, "all");
}

rg_result preflight_source(const source *from) {
  scanner scan;
  scan_place place = {0};
  token item;
  scan_begin(&scan, from->expanded.data, from->expanded.length);
  while ((item = scan_next(&scan)).kind != TOKEN_END) {
    if (item.kind == TOKEN_HASH) {
      scan_place_update(&place, &scan);
      if (!pragma_is_safe(scan)) {
        return preflight_fail(from, &place, item.line,
                              "#pragma STDGL: only invariant(all) is known", 0);
      }
    }
  }
  return preflight_macros(from);
}

/* ---- Expressions --------------------------------------------------------------------------- */

/* An open bracket and what stands in it so far. */
typedef struct bracket {
  uint32_t operators;
  bool is_list; /* its commas separate arguments or elements, which lie side by side */
} bracket;

typedef struct depth_check {
  bracket brackets[PREFLIGHT_MAX_NESTING];
  uint32_t nesting;
  uint32_t operators; /* of all open brackets */
  uint32_t cases;
  token previous;
} depth_check;

static void operators_reset(depth_check *self) {
  bracket *top = &self->brackets[self->nesting];
  self->operators -= top->operators;
  top->operators = 0;
}

/* Arguments and elements stand in lists; elsewhere a comma is an operator or parts declarators. */
static bool bracket_is_list(const depth_check *self, char mark) {
  const token *before = &self->previous;
  if (mark == '(') {
    return before->kind == TOKEN_WORD || token_is_mark(before, ']');
  }
  bool is_element =
      token_is_mark(before, '=') || token_is_mark(before, ',') || token_is_mark(before, '(');
  bool is_inherited = token_is_mark(before, '{') && self->brackets[self->nesting].is_list;
  return mark == '{' && (is_element || is_inherited);
}

static const char *bracket_open(depth_check *self, char mark) {
  if (self->nesting + 1 == PREFLIGHT_MAX_NESTING) {
    return "brackets nest too deep";
  }
  bool is_list = bracket_is_list(self, mark);
  self->brackets[self->nesting].operators++;
  self->operators++;
  self->brackets[++self->nesting] = (bracket){.is_list = is_list};
  return NULL;
}

static void bracket_close(depth_check *self) {
  operators_reset(self);
  self->nesting -= self->nesting > 0;
  if (token_is_mark(&self->previous, ';') || token_is_mark(&self->previous, '}')) {
    operators_reset(self);
  }
}

/* NULL, or what is wrong. *limit: the limit that is broken. */
static const char *depth_add(depth_check *self, const token *item, uint32_t *limit) {
  const char *message = NULL;
  bracket *top = &self->brackets[self->nesting];
  *limit = PREFLIGHT_MAX_NESTING;
  if (item->kind == TOKEN_WORD && token_is(item, "case") && ++self->cases > PREFLIGHT_MAX_CASES) {
    *limit = PREFLIGHT_MAX_CASES;
    return "too many switch cases";
  }
  if (item->kind != TOKEN_MARK) {
    return NULL;
  }
  char mark = *item->start;
  if (mark == '(' || mark == '[' || mark == '{') {
    message = bracket_open(self, mark);
  } else if (mark == ')' || mark == ']' || mark == '}') {
    bracket_close(self);
  } else if (mark == ';' || (mark == ',' && top->is_list)) {
    operators_reset(self);
  } else {
    top->operators++;
    self->operators++;
  }
  if (message == NULL && self->operators > PREFLIGHT_MAX_OPERATORS) {
    *limit = PREFLIGHT_MAX_OPERATORS;
    message = "too many operators in one expression";
  }
  return message;
}

/* glslang's preprocessor writes "<bad token>" for what it does not know. */
static bool is_bad_token(scanner scan, const token *item) {
  if (!token_is_mark(item, '<')) {
    return false;
  }
  token bad = scan_next(&scan), word = scan_next(&scan), end = scan_next(&scan);
  return token_is(&bad, "bad") && token_is(&word, "token") && token_is(&end, ">");
}

rg_result preflight_statements(const source *from, const char *preprocessed) {
  scanner scan;
  scan_place place = {0};
  depth_check check = {0};
  scan_begin(&scan, preprocessed, strlen(preprocessed));
  token item;
  while ((item = scan_next(&scan)).kind != TOKEN_END) {
    if (item.kind == TOKEN_HASH) {
      scan_place_update(&place, &scan);
      (void)scan_directive_end(&scan);
      continue;
    }
    uint32_t limit = 0;
    const char *message = is_bad_token(scan, &item) ? "a character that GLSL does not know"
                                                    : depth_add(&check, &item, &limit);
    if (message != NULL) {
      return preflight_fail(from, &place, item.line, message, limit);
    }
    check.previous = item;
  }
  return RG_OK;
}
