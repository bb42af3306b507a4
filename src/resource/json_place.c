/* Messages that name a place in a JSON text by its path. */
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "schema_json.h"

#define PATH_CAPACITY 512
#define NAMES_CAPACITY 64

typedef struct path_text {
  char text[PATH_CAPACITY];
  size_t length;
} path_text;

static void path_append(path_text *path, const char *format, const char *string) {
  int written =
      snprintf(path->text + path->length, sizeof path->text - path->length, format, string);
  if (written > 0) {
    size_t room = sizeof path->text - 1 - path->length;
    path->length += (size_t)written < room ? (size_t)written : room;
  }
}

static bool is_plain(const char *key) {
  for (const char *c = key; *c != '\0'; c++) {
    if (!isalnum((unsigned char)*c) && *c != '_') {
      return false;
    }
  }
  return key[0] != '\0';
}

/* "level1.json: ", then the keys. Recursion as deep as a manifest's own structure. */
static void path_build(path_text *path, const json_place *place) {
  if (place->parent == NULL) {
    path_append(path, "%s: ", place->key);
    return;
  }
  path_build(path, place->parent);
  if (place->key == NULL) {
    char index[16];
    snprintf(index, sizeof index, "%u", place->index);
    path_append(path, "[%s]", index);
  } else if (!is_plain(place->key)) {
    path_append(path, "[\"%s\"]", place->key);
  } else {
    path_append(path, place->parent->parent == NULL ? "%s" : ".%s", place->key);
  }
}

/* The path with what separates it from the message. */
static path_text path_of(const json_place *place) {
  path_text path = {.length = 0};
  path_build(&path, place);
  if (place->parent != NULL) {
    path_append(&path, ": %s", "");
  }
  return path;
}

rg_result json_refuse(const json_place *place, rg_result result, const char *format, ...) {
  char message[1024];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(message, sizeof message, format, arguments);
  va_end(arguments);
  return result_set(result, "%s%s", path_of(place).text, message);
}

rg_result json_prefix(const json_place *place, rg_result result) {
  path_text path = path_of(place);
  if (path.length >= 2) { /* result_prefix sets ": " itself */
    path.text[path.length - 2] = '\0';
  }
  return result_prefix(result, "%s", path.text);
}

rg_result json_refuse_key(const json_place *place, const rg_schema *schema,
                          const char *const *by_hand, const char *key) {
  const char *names[NAMES_CAPACITY];
  uint32_t count = 0;
  for (uint32_t i = 0; schema != NULL && i < schema->field_count && count < NAMES_CAPACITY; i++) {
    if (strcmp(schema->fields[i].name, "name") != 0) {
      names[count++] = schema->fields[i].name;
    }
  }
  for (; by_hand != NULL && *by_hand != NULL && count < NAMES_CAPACITY; by_hand++) {
    names[count++] = *by_hand;
  }
  const char *nearest = rg_nearest_name(key, names, count);
  if (nearest == NULL) {
    return json_refuse(place, RG_ERROR_FORMAT, "unknown key '%s'", key);
  }
  return json_refuse(place, RG_ERROR_FORMAT, "unknown key '%s'; did you mean '%s'?", key, nearest);
}

rg_result json_expect(const json_place *place, const cJSON *json, bool is_wanted,
                      const char *wanted) {
  if (is_wanted) {
    return RG_OK;
  }
  const char *found = cJSON_IsString(json)   ? "a string"
                      : cJSON_IsNumber(json) ? "a number"
                      : cJSON_IsBool(json)   ? "a boolean"
                      : cJSON_IsArray(json)  ? "an array"
                      : cJSON_IsObject(json) ? "an object"
                                             : "null";
  return json_refuse(place, RG_ERROR_FORMAT, "%s is wanted, not %s", wanted, found);
}
