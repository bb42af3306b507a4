/* A strict reader's two halves around cJSON: the text is checked against the grammar before it is
 * parsed, and what the grammar does not forbid (duplicate keys, numbers beyond a double) is looked
 * for in the tree. */
#include "json.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "hash_map.h"
#include "result.h"
#include "text.h"

#define NUMBER_MAX_LENGTH 63 /* of cJSON's own buffer */
#define FEW_MEMBERS 16       /* compared each with each; more are hashed */

/* ---- The text -------------------------------------------------------------------------------- */

typedef struct json_text {
  const char *name;
  const unsigned char *begin, *at, *end;
  uint32_t depth;
} json_text;

/* Counts lines, and in the last one characters, up to the place where the text stands. */
static rg_result error_at(const json_text *text, const char *message) {
  uint32_t line = 1, column = 1;
  for (const unsigned char *c = text->begin; c < text->at; c++) {
    if (*c == '\n') {
      line++;
      column = 1;
    } else if ((*c & 0xC0) != 0x80) {
      column++;
    }
  }
  return result_set(RG_ERROR_FORMAT, "%s:%u:%u: %s", text->name, line, column, message);
}

/* "expected X, but found Y". */
static rg_result error_expected(const json_text *text, const char *what) {
  char message[160];
  if (text->at == text->end) {
    snprintf(message, sizeof message, "expected %s, but the text ends", what);
  } else if (*text->at > ' ' && *text->at < 0x7F) {
    snprintf(message, sizeof message, "expected %s, but found '%c'", what, *text->at);
  } else {
    snprintf(message, sizeof message, "expected %s, but found byte 0x%02X", what, *text->at);
  }
  return error_at(text, message);
}

static int peek(const json_text *text) {
  return text->at < text->end ? *text->at : -1;
}

static bool is_digit(int c) {
  return c >= '0' && c <= '9';
}

static bool is_one_of(int c, const char *set) {
  return c > 0 && strchr(set, c) != NULL;
}

static void skip_space(json_text *text) {
  while (is_one_of(peek(text), " \t\n\r")) {
    text->at++;
  }
}

/* The four digits after "\u", or -1. */
static int hex_read(const json_text *text) {
  int value = 0;
  if (text->end - text->at < 6) {
    return -1;
  }
  for (size_t i = 2; i < 6; i++) {
    int c = text->at[i] | 0x20;
    int digit = is_digit(text->at[i]) ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
    if (digit < 0) {
      return -1;
    }
    value = value * 16 + digit;
  }
  return value;
}

/* "\uXXXX", and for characters beyond 16 bits the pair that it begins. */
static rg_result check_unicode_escape(json_text *text) {
  int unit = hex_read(text);
  if (unit < 0) {
    return error_at(text, "\\u needs four hexadecimal digits");
  }
  if (unit == 0) {
    return error_at(text, "\\u0000 would cut the string");
  }
  if (unit >= 0xDC00 && unit <= 0xDFFF) {
    return error_at(text, "second half of a surrogate pair without the first");
  }
  const json_text here = *text;
  text->at += 6;
  if (unit >= 0xD800 && unit <= 0xDBFF) {
    bool is_escape = text->end - text->at >= 2 && text->at[0] == '\\' && text->at[1] == 'u';
    int second = is_escape ? hex_read(text) : -1;
    if (second < 0xDC00 || second > 0xDFFF) {
      return error_at(&here, "first half of a surrogate pair without the second");
    }
    text->at += 6;
  }
  return RG_OK;
}

static rg_result check_escape(json_text *text) {
  if (text->end - text->at < 2) {
    return error_at(text, "the text ends inside an escape");
  }
  if (text->at[1] == 'u') {
    return check_unicode_escape(text);
  }
  if (!is_one_of(text->at[1], "\"\\/bfnrt")) {
    return error_at(text, "unknown escape in a string");
  }
  text->at += 2;
  return RG_OK;
}

static rg_result check_string(json_text *text) {
  const json_text opening = *text;
  text->at++;
  while (text->at < text->end && *text->at != '"') {
    if (*text->at == '\\') {
      rg_result result = check_escape(text);
      if (result != RG_OK) {
        return result;
      }
      continue;
    }
    if (*text->at < 0x20) {
      return error_at(text, "control character in a string, which must be escaped");
    }
    size_t length = text_utf8_length(text->at, text->end);
    if (length == 0) {
      return error_at(text, "string is not valid UTF-8");
    }
    text->at += length;
  }
  if (text->at == text->end) {
    return error_at(&opening, "string without an end");
  }
  text->at++;
  return RG_OK;
}

static void skip_digits(json_text *text) {
  while (is_digit(peek(text))) {
    text->at++;
  }
}

static rg_result check_digits(json_text *text) {
  if (!is_digit(peek(text))) {
    return error_expected(text, "a digit");
  }
  skip_digits(text);
  return RG_OK;
}

static rg_result check_number(json_text *text) {
  rg_result result = RG_OK;
  const json_text start = *text;
  text->at += peek(text) == '-';
  bool is_zero = peek(text) == '0';
  RG_TRY(check_digits(text));
  if (is_zero && text->at - start.at > 1 + (*start.at == '-')) {
    return error_at(&start, "number with a leading zero");
  }
  if (peek(text) == '.') {
    text->at++;
    RG_TRY(check_digits(text));
  }
  if (peek(text) == 'e' || peek(text) == 'E') {
    text->at++;
    text->at += peek(text) == '+' || peek(text) == '-';
    RG_TRY(check_digits(text));
  }
  if (text->at - start.at > NUMBER_MAX_LENGTH) {
    return error_at(&start, "number of more than " RG_STRINGIFY(NUMBER_MAX_LENGTH) " characters");
  }
  return RG_OK;
fail:
  return result;
}

static rg_result check_word(json_text *text, const char *word) {
  size_t length = strlen(word);
  if ((size_t)(text->end - text->at) < length || memcmp(text->at, word, length) != 0) {
    return error_expected(text, "a value");
  }
  text->at += length;
  return RG_OK;
}

static rg_result check_value(json_text *text);

static rg_result check_key(json_text *text) {
  rg_result result = RG_OK;
  if (peek(text) != '"') {
    return error_expected(text, "a key in quotes");
  }
  RG_TRY(check_string(text));
  skip_space(text);
  if (peek(text) != ':') {
    return error_expected(text, "':' after a key");
  }
  text->at++;
  return RG_OK;
fail:
  return result;
}

/* An object or an array. */
static rg_result check_list(json_text *text, bool is_object) {
  rg_result result = RG_OK;
  char close = is_object ? '}' : ']';
  if (++text->depth > JSON_MAX_DEPTH) {
    return error_at(text, "nested more than " RG_STRINGIFY(JSON_MAX_DEPTH) " deep");
  }
  text->at++;
  skip_space(text);
  bool is_done = peek(text) == close;
  while (!is_done) {
    skip_space(text);
    if (is_object) {
      RG_TRY(check_key(text));
    }
    RG_TRY(check_value(text));
    skip_space(text);
    is_done = peek(text) == close;
    if (!is_done && peek(text) != ',') {
      return error_expected(text, is_object ? "',' or '}'" : "',' or ']'");
    }
    text->at += !is_done;
  }
  text->at++;
  text->depth--;
  return RG_OK;
fail:
  return result;
}

static rg_result check_value(json_text *text) {
  skip_space(text);
  switch (peek(text)) {
    case '{': return check_list(text, true);
    case '[': return check_list(text, false);
    case '"': return check_string(text);
    case 't': return check_word(text, "true");
    case 'f': return check_word(text, "false");
    case 'n': return check_word(text, "null");
    default: break;
  }
  if (peek(text) == '-' || is_digit(peek(text))) {
    return check_number(text);
  }
  return error_expected(text, "a value");
}

static rg_result check_text(json_text *text) {
  rg_result result = RG_OK;
  if (text->end - text->begin >= 3 && memcmp(text->begin, "\xEF\xBB\xBF", 3) == 0) {
    return error_at(text, "begins with a byte order mark, which JSON does not have");
  }
  RG_TRY(check_value(text));
  skip_space(text);
  return text->at == text->end ? RG_OK : error_expected(text, "the end of the text");
fail:
  return result;
}

/* ---- The tree -------------------------------------------------------------------------------- */

/* The way from the root down to the item being looked at. */
typedef struct json_path {
  const char *name;
  host_memory *memory;
  const cJSON *items[JSON_MAX_DEPTH + 1];
  uint32_t depth;
} json_path;

/* Writes "nodes[3].scale" and returns its length, cut at size. */
static void path_print(const json_path *path, char *out, size_t size) {
  size_t length = 0;
  out[0] = '\0';
  for (uint32_t i = 1; i <= path->depth && length < size; i++) {
    const cJSON *parent = path->items[i - 1], *item = path->items[i];
    int written = 0;
    if (cJSON_IsObject(parent)) {
      written = snprintf(out + length, size - length, "%s%s", i == 1 ? "" : ".", item->string);
    } else {
      uint32_t index = 0;
      for (const cJSON *c = parent->child; c != item; c = c->next) {
        index++;
      }
      written = snprintf(out + length, size - length, "[%u]", index);
    }
    length += written < 0 ? 0 : (size_t)written;
  }
}

static rg_result error_duplicate(const json_path *path, const char *key) {
  char where[512];
  path_print(path, where, sizeof where);
  return result_set(RG_ERROR_FORMAT, "%s: %s%sduplicate key '%s'", path->name, where,
                    where[0] == '\0' ? "" : ": ", key);
}

static rg_result check_few_keys(const json_path *path, const cJSON *object) {
  for (const cJSON *a = object->child; a != NULL; a = a->next) {
    for (const cJSON *b = object->child; b != a; b = b->next) {
      if (strcmp(a->string, b->string) == 0) {
        return error_duplicate(path, a->string);
      }
    }
  }
  return RG_OK;
}

static rg_result check_many_keys(const json_path *path, const cJSON *object) {
  rg_result result = RG_OK;
  hash_map seen;
  hash_map_init(&seen, path->memory);
  for (cJSON *item = object->child; item != NULL; item = item->next) {
    size_t length = strlen(item->string);
    if (hash_map_get(&seen, item->string, length) != NULL) {
      result = error_duplicate(path, item->string);
      goto fail;
    }
    RG_TRY(hash_map_set(&seen, item->string, length, item));
  }
fail:
  hash_map_finish(&seen);
  return result;
}

static rg_result check_keys(const json_path *path, const cJSON *object) {
  uint32_t count = 0;
  for (const cJSON *item = object->child; item != NULL && count <= FEW_MEMBERS; item = item->next) {
    count++;
  }
  return count <= FEW_MEMBERS ? check_few_keys(path, object) : check_many_keys(path, object);
}

static rg_result check_finite(const json_path *path, const cJSON *number) {
  char where[512];
  if (isfinite(number->valuedouble)) {
    return RG_OK;
  }
  path_print(path, where, sizeof where);
  return result_set(RG_ERROR_FORMAT, "%s: %s%snumber beyond the range of a double", path->name,
                    where, where[0] == '\0' ? "" : ": ");
}

/* Visits each item once; the text's check has bounded the depth. */
static rg_result check_tree(json_path *path) {
  rg_result result = RG_OK;
  const cJSON *item = path->items[path->depth];
  if (cJSON_IsNumber(item)) {
    return check_finite(path, item);
  }
  if (cJSON_IsObject(item)) {
    RG_TRY(check_keys(path, item));
  }
  for (const cJSON *child = item->child; child != NULL; child = child->next) {
    path->items[++path->depth] = child;
    RG_TRY(check_tree(path));
    path->depth--;
  }
  return RG_OK;
fail:
  return result;
}

rg_result json_parse(const char *name, const char *text, size_t length, cJSON **out) {
  rg_result result = RG_OK;
  host_memory memory; /* malloc's, as the tree's own */
  const unsigned char *bytes = (const unsigned char *)(text == NULL ? "" : text);
  json_text source = {.name = name, .begin = bytes, .at = bytes, .end = bytes + length};
  *out = NULL;
  RG_TRY(check_text(&source));
  cJSON *root = cJSON_ParseWithLengthOpts(text, length, NULL, false);
  if (root == NULL) { /* the grammar holds, so memory was short */
    return result_no_memory(name, length);
  }
  host_memory_init(&memory, NULL);
  json_path path = {.name = name, .memory = &memory, .items = {root}};
  result = check_tree(&path);
  if (result != RG_OK) {
    cJSON_Delete(root);
    return result;
  }
  *out = root;
  return RG_OK;
fail:
  return result;
}
