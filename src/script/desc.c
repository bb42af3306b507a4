/* Tables to descriptors and back, by the engine's schemas. */
#include <math.h>
#include <string.h>

#include "script.h"

int script_getfield(lua_State *L, int index, const char *key) {
  index = lua_absindex(L, index);
  lua_pushstring(L, key);
  return lua_rawget(L, index);
}

const char *script_what(lua_State *L, int index, const char *kind) {
  static const char *const keys[] = {"label", "name"};
  index = lua_absindex(L, index);
  for (size_t i = 0; lua_istable(L, index) && i < sizeof keys / sizeof keys[0]; i++) {
    if (script_getfield(L, index, keys[i]) == LUA_TSTRING) {
      return lua_pushfstring(L, "%s '%s'", kind, lua_tostring(L, -1));
    }
  }
  return lua_pushstring(L, kind);
}

/* ---- Errors with the nearest name ------------------------------------------------------------ */

int script_unknown_key(lua_State *L, const char *what, const char *key, const char *const *names,
                       uint32_t count) {
  const char *nearest = rg_nearest_name(key, names, count);
  if (nearest) {
    return script_error(L, "%s: unknown key '%s' (did you mean '%s'?)", what, key, nearest);
  }
  luaL_Buffer known;
  luaL_buffinit(L, &known);
  for (uint32_t i = 0; i < count; i++) {
    luaL_addstring(&known, i > 0 ? ", " : "");
    luaL_addstring(&known, names[i]);
  }
  luaL_pushresult(&known);
  return script_error(L, "%s: unknown key '%s'; there are: %s", what, key, lua_tostring(L, -1));
}

static int wrong_type(lua_State *L, const char *what, const char *key, const char *wanted,
                      int index) {
  return script_error(L, "%s: %s: %s wanted, %s given", what, key, wanted, luaL_typename(L, index));
}

#define MAX_NAMES 128

/* Pushes nothing; raises naming the nearest of the names. */
static int unknown_value(lua_State *L, const char *what, const rg_field *field, const char *value) {
  const char *names[MAX_NAMES];
  uint32_t count = 0;
  for (const rg_name_value *name = field->names; name && name->name && count < MAX_NAMES; name++) {
    names[count++] = name->name;
  }
  const char *nearest = rg_nearest_name(value, names, count);
  if (nearest) {
    return script_error(L, "%s: %s: unknown value '%s' (did you mean '%s'?)", what, field->name,
                        value, nearest);
  }
  return script_error(L, "%s: %s: unknown value '%s'", what, field->name, value);
}

/* ---- One field
 * ----------------------------------------------------------------------------------- */

static bool find_value(const rg_field *field, const char *name, uint32_t *out) {
  for (const rg_name_value *entry = field->names; entry && entry->name; entry++) {
    if (strcmp(entry->name, name) == 0) {
      *out = entry->value;
      return true;
    }
  }
  return false;
}

static uint64_t check_integer(lua_State *L, const char *what, const rg_field *field,
                              uint64_t highest) {
  if (lua_type(L, -1) != LUA_TNUMBER) {
    wrong_type(L, what, field->name, "a whole number", -1);
  }
  int is_whole = 0;
  lua_Integer value = lua_tointegerx(L, -1, &is_whole);
  if (!is_whole) {
    script_error(L, "%s: %s: %s is not a whole number", what, field->name, lua_tostring(L, -1));
  }
  if (value < 0 || (uint64_t)value > highest) {
    lua_pushinteger(L, value);
    script_error(L, "%s: %s: %s is not within 0 to %s", what, field->name, lua_tostring(L, -1),
                 highest == UINT32_MAX ? "4294967295" : "9223372036854775807");
  }
  return (uint64_t)value;
}

static uint32_t read_flags(lua_State *L, const char *what, const rg_field *field) {
  if (!lua_istable(L, -1)) {
    wrong_type(L, what, field->name, "a list of names", -1);
  }
  uint32_t flags = 0;
  lua_Integer count = script_length(L, -1);
  for (lua_Integer i = 1; i <= count; i++) {
    uint32_t value = 0;
    if (lua_rawgeti(L, -1, i) != LUA_TSTRING) {
      wrong_type(L, what, field->name, "a list of names", -1);
    }
    if (!find_value(field, lua_tostring(L, -1), &value)) {
      unknown_value(L, what, field, lua_tostring(L, -1));
    }
    flags |= value;
    lua_pop(L, 1);
  }
  return flags;
}

/* A NULL-terminated array of the list's strings, kept by the keeper table, which lies at `keeper`.
 */
static const char *const *read_strings(lua_State *L, const char *what, const rg_field *field,
                                       int keeper) {
  if (!lua_istable(L, -1)) {
    wrong_type(L, what, field->name, "a list of strings", -1);
  }
  int list = lua_absindex(L, -1);
  lua_Integer count = script_length(L, list);
  const char **strings = lua_newuserdatauv(L, ((size_t)count + 1) * sizeof *strings, 0);
  lua_rawsetp(L, keeper, strings);
  for (lua_Integer i = 1; i <= count; i++) {
    if (lua_rawgeti(L, list, i) != LUA_TSTRING) {
      wrong_type(L, what, field->name, "a list of strings", -1);
    }
    strings[i - 1] = lua_tostring(L, -1);
    lua_rawsetp(L, keeper, strings[i - 1]);
  }
  strings[count] = NULL;
  return strings;
}

static void read_bytes(lua_State *L, const char *what, const rg_field *field, int keeper,
                       void *out) {
  if (lua_type(L, -1) != LUA_TSTRING) {
    wrong_type(L, what, field->name, "a string of bytes", -1);
  }
  size_t length = 0;
  const void *bytes = lua_tolstring(L, -1, &length);
  lua_pushvalue(L, -1);
  lua_rawsetp(L, keeper, bytes);
  uint64_t size = length;
  memcpy((char *)out + field->offset, &bytes, sizeof bytes);
  memcpy((char *)out + field->size_offset, &size, sizeof size);
}

static const char *check_string(lua_State *L, const char *what, const rg_field *field, int keeper) {
  if (lua_type(L, -1) != LUA_TSTRING) {
    wrong_type(L, what, field->name, "a string", -1);
  }
  size_t length = 0;
  const char *string = lua_tolstring(L, -1, &length);
  if (strlen(string) != length) {
    script_error(L, "%s: %s: the string holds a zero byte", what, field->name);
  }
  lua_pushvalue(L, -1);
  lua_rawsetp(L, keeper, string);
  return string;
}

/* The id of a resource's box of the field's type. */
static uint64_t check_handle(lua_State *L, const char *what, const rg_field *field) {
  rg_type type = RG_TYPE_NONE;
  const script_box *box = script_test_box(L, -1, &type);
  if (type != field->handle_type) {
    lua_pushfstring(L, "a %s", rg_type_name(field->handle_type));
    wrong_type(L, what, field->name, lua_tostring(L, -1), -2);
  }
  if (!box) {
    script_error(L, "%s: %s: its engine is closed", what, field->name);
    return 0;
  }
  return box->id;
}

static float check_float(lua_State *L, const char *what, const rg_field *field) {
  if (lua_type(L, -1) != LUA_TNUMBER) {
    wrong_type(L, what, field->name, "a number", -1);
  }
  double value = lua_tonumber(L, -1);
  if (!isfinite(value)) {
    script_error(L, "%s: %s: %s is not a finite number", what, field->name, lua_tostring(L, -1));
  }
  return (float)value;
}

static void read_table(lua_State *L, int index, const rg_schema *schema, const char *what,
                       void *out, const char *const *extra, int keeper);

/* Reads the value on the top of the stack; the stack's height may grow. */
static void read_field(lua_State *L, const rg_field *field, const char *what, void *out,
                       int keeper) {
  char *place = (char *)out + field->offset;
  switch (field->kind) {
    case RG_FIELD_BOOL: {
      if (!lua_isboolean(L, -1)) {
        wrong_type(L, what, field->name, "a boolean", -1);
      }
      bool value = lua_toboolean(L, -1);
      memcpy(place, &value, sizeof value);
      return;
    }
    case RG_FIELD_UINT32: {
      uint32_t value = (uint32_t)check_integer(L, what, field, UINT32_MAX);
      memcpy(place, &value, sizeof value);
      return;
    }
    case RG_FIELD_UINT64: {
      uint64_t value = check_integer(L, what, field, INT64_MAX);
      memcpy(place, &value, sizeof value);
      return;
    }
    case RG_FIELD_FLOAT: {
      float value = check_float(L, what, field);
      memcpy(place, &value, sizeof value);
      return;
    }
    case RG_FIELD_STRING: {
      const char *value = check_string(L, what, field, keeper);
      memcpy(place, &value, sizeof value);
      return;
    }
    case RG_FIELD_STRINGS: {
      const char *const *value = read_strings(L, what, field, keeper);
      memcpy(place, &value, sizeof value);
      return;
    }
    case RG_FIELD_ENUM: {
      uint32_t value = 0;
      if (lua_type(L, -1) != LUA_TSTRING) {
        wrong_type(L, what, field->name, "a name", -1);
      }
      if (!find_value(field, lua_tostring(L, -1), &value)) {
        unknown_value(L, what, field, lua_tostring(L, -1));
      }
      memcpy(place, &value, sizeof value);
      return;
    }
    case RG_FIELD_FLAGS: {
      uint32_t value = read_flags(L, what, field);
      memcpy(place, &value, sizeof value);
      return;
    }
    case RG_FIELD_FORMAT: {
      if (lua_type(L, -1) != LUA_TSTRING) {
        wrong_type(L, what, field->name, "a format's name", -1);
      }
      VkFormat value = rg_format_find(lua_tostring(L, -1));
      if (value == VK_FORMAT_UNDEFINED) {
        script_error(L, "%s: %s: unknown format '%s'", what, field->name, lua_tostring(L, -1));
      }
      memcpy(place, &value, sizeof value);
      return;
    }
    case RG_FIELD_BYTES: read_bytes(L, what, field, keeper, out); return;
    case RG_FIELD_HANDLE: {
      uint64_t value = check_handle(L, what, field);
      memcpy(place, &value, sizeof value);
      return;
    }
    case RG_FIELD_STRUCT:
      if (!lua_istable(L, -1)) {
        wrong_type(L, what, field->name, "a table", -1);
      }
      lua_pushfstring(L, "%s: %s", what, field->name);
      read_table(L, lua_absindex(L, -2), field->schema, lua_tostring(L, -1), place, NULL, keeper);
      return;
  }
}

/* ---- A whole table
 * -------------------------------------------------------------------------------- */

static bool is_extra(const char *const *extra, const char *key) {
  for (; extra && *extra; extra++) {
    if (strcmp(*extra, key) == 0) {
      return true;
    }
  }
  return false;
}

static int unknown_field(lua_State *L, const char *what, const char *key, const rg_schema *schema,
                         const char *const *extra) {
  const char *names[MAX_NAMES];
  uint32_t count = 0;
  for (uint32_t i = 0; i < schema->field_count && count < MAX_NAMES; i++) {
    names[count++] = schema->fields[i].name;
  }
  for (; extra && *extra && count < MAX_NAMES; extra++) {
    names[count++] = *extra;
  }
  return script_unknown_key(L, what, key, names, count);
}

static void check_required(lua_State *L, int index, const rg_schema *schema, const char *what) {
  for (uint32_t i = 0; i < schema->field_count; i++) {
    if (schema->fields[i].is_required) {
      if (script_getfield(L, index, schema->fields[i].name) == LUA_TNIL) {
        script_error(L, "%s: %s is missing", what, schema->fields[i].name);
      }
      lua_pop(L, 1);
    }
  }
}

static void read_table(lua_State *L, int index, const rg_schema *schema, const char *what,
                       void *out, const char *const *extra, int keeper) {
  luaL_checkstack(L, 12, what);
  lua_pushnil(L);
  while (lua_next(L, index)) {
    if (lua_type(L, -2) != LUA_TSTRING) {
      luaL_tolstring(L, -2, NULL);
      script_error(L, "%s: unknown key '%s'", what, lua_tostring(L, -1));
    }
    const char *key = lua_tostring(L, -2);
    int height = lua_gettop(L);
    const rg_field *field = rg_schema_field(schema, key);
    if (field && !is_extra(extra, key)) {
      read_field(L, field, what, out, keeper);
    } else if (!is_extra(extra, key)) {
      unknown_field(L, what, key, schema, extra);
    }
    lua_settop(L, height - 1);
  }
  check_required(L, index, schema, what);
}

void script_read_desc(lua_State *L, int index, const rg_schema *schema, const char *what, void *out,
                      const char *const *extra) {
  index = lua_absindex(L, index);
  if (!lua_istable(L, index)) {
    script_error(L, "%s: a table is wanted, %s given", what, luaL_typename(L, index));
  }
  lua_newtable(L);
  read_table(L, index, schema, what, out, extra, lua_absindex(L, -1));
}

uint64_t script_get_uint(lua_State *L, int index, const char *what, const char *key,
                         uint64_t minimum, uint64_t maximum, uint64_t missing) {
  if (script_getfield(L, index, key) == LUA_TNIL) {
    lua_pop(L, 1);
    return missing;
  }
  int is_whole = 0;
  lua_Integer value = lua_tointegerx(L, -1, &is_whole);
  if (lua_type(L, -1) != LUA_TNUMBER || !is_whole) {
    wrong_type(L, what, key, "a whole number", -1);
  }
  if (value < 0 || (uint64_t)value < minimum || (uint64_t)value > maximum) {
    lua_pushinteger(L, (lua_Integer)minimum);
    lua_pushinteger(L, (lua_Integer)maximum);
    script_error(L, "%s: %s: %s is not within %s to %s", what, key, lua_tostring(L, -3),
                 lua_tostring(L, -2), lua_tostring(L, -1));
  }
  lua_pop(L, 1);
  return (uint64_t)value;
}

/* ---- Names of values
 * -------------------------------------------------------------------------------- */

static const rg_name_value *names_of(const char *schema_name, const char *field_name) {
  const rg_schema *schema = rg_schema_find(schema_name);
  const rg_field *field = schema ? rg_schema_field(schema, field_name) : NULL;
  return field ? field->names : NULL;
}

const char *script_enum_name(const char *schema, const char *field, uint32_t value) {
  for (const rg_name_value *name = names_of(schema, field); name && name->name; name++) {
    if (name->value == value) {
      return name->name;
    }
  }
  return "?";
}

VkShaderStageFlagBits script_check_stage(lua_State *L, const char *what, const char *name) {
  const rg_schema *schema = rg_schema_find("stage");
  const rg_field *field = rg_schema_field(schema, "stage");
  uint32_t value = 0;
  if (!find_value(field, name, &value)) {
    unknown_value(L, what, field, name);
  }
  return (VkShaderStageFlagBits)value;
}

void script_push_stages(lua_State *L, VkShaderStageFlags stages) {
  lua_newtable(L);
  lua_Integer count = 0;
  for (const rg_name_value *name = names_of("stage", "stage"); name && name->name; name++) {
    if (stages & name->value) {
      lua_pushstring(L, name->name);
      lua_seti(L, -2, ++count);
    }
  }
}

void script_push_memory_properties(lua_State *L, VkMemoryPropertyFlags properties) {
  lua_newtable(L);
  lua_Integer count = 0;
  for (const rg_name_value *name = names_of("pool", "required"); name && name->name; name++) {
    if (properties & name->value) {
      lua_pushstring(L, name->name);
      lua_seti(L, -2, ++count);
    }
  }
}
