/* `require "regolith"`: the module's table, and the Lua parts inside the binary. */
#include <math.h>
#include <string.h>

#include "script.h"

/* ---- Functions of the module
 * ---------------------------------------------------------------------------- */

/* An sRGB byte as a linear number. */
static double linear_of(int byte) {
  double value = byte / 255.0;
  return value <= 0.04045 ? value / 12.92 : pow((value + 0.055) / 1.055, 2.4);
}

static int hex_digit(char c) {
  if (c >= '0' && c <= '9') {
    return c - '0';
  }
  c |= 0x20;
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* "#f2eee0" with `count` bytes to linear numbers; alpha, the fourth, is linear already. */
static int push_hex_colour(lua_State *L, const char *text, int count) {
  bool is_right = text[0] == '#' && strlen(text) == 1 + 2 * (size_t)count;
  for (int i = 0; is_right && i < 2 * count; i++) {
    is_right = hex_digit(text[1 + i]) >= 0;
  }
  if (!is_right) {
    return script_error(L, "colour '%s': '#' and %d hexadecimal digits are wanted", text,
                        2 * count);
  }
  lua_createtable(L, count, 0);
  for (int i = 0; i < count; i++) {
    int byte = hex_digit(text[1 + 2 * i]) * 16 + hex_digit(text[2 + 2 * i]);
    lua_pushnumber(L, i < 3 ? linear_of(byte) : byte / 255.0);
    lua_seti(L, -2, i + 1);
  }
  return 1;
}

static int push_colour(lua_State *L, int count) {
  if (lua_type(L, 1) == LUA_TSTRING) {
    return push_hex_colour(L, lua_tostring(L, 1), count);
  }
  luaL_argcheck(L, lua_gettop(L) == count, lua_gettop(L) + 1,
                count == 3 ? "rgb takes 3 numbers" : "rgba takes 4 numbers");
  lua_createtable(L, count, 0);
  for (int i = 1; i <= count; i++) {
    double value = luaL_checknumber(L, i);
    luaL_argcheck(L, isfinite(value), i, "a finite number is wanted");
    lua_pushnumber(L, value);
    lua_seti(L, -2, i);
  }
  return 1;
}

static int module_rgb(lua_State *L) {
  return push_colour(L, 3);
}

static int module_rgba(lua_State *L) {
  return push_colour(L, 4);
}

static int module_type_of(lua_State *L) {
  lua_pushstring(L, rg_type_name(rg_type_of((uint64_t)luaL_checkinteger(L, 1))));
  return 1;
}

static int module_nearest(lua_State *L) {
  const char *name = luaL_checkstring(L, 1);
  luaL_checktype(L, 2, LUA_TTABLE);
  lua_Integer count = script_length(L, 2);
  luaL_argcheck(L, count <= 100000, 2, "at most 100,000 names");
  const char **names = lua_newuserdatauv(L, ((size_t)count + 1) * sizeof *names, 0);
  for (lua_Integer i = 1; i <= count; i++) {
    luaL_argcheck(L, lua_rawgeti(L, 2, i) == LUA_TSTRING, 2, "a list of strings is wanted");
    names[i - 1] = lua_tostring(L, -1); /* kept by the table */
    lua_pop(L, 1);
  }
  lua_pushstring(L, rg_nearest_name(name, names, (uint32_t)count));
  return 1;
}

static const char *kind_name(rg_field_kind kind) {
  static const char *const names[] = {"boolean", "integer", "integer", "number",
                                      "string",  "strings", "name",    "names",
                                      "format",  "bytes",   "table",   "resource"};
  return names[kind];
}

static void push_field_info(lua_State *L, const rg_field *field) {
  lua_newtable(L);
  lua_pushstring(L, field->name);
  lua_setfield(L, -2, "name");
  lua_pushstring(L, kind_name(field->kind));
  lua_setfield(L, -2, "kind");
  lua_pushboolean(L, field->is_required);
  lua_setfield(L, -2, "required");
  if (field->minimum < field->maximum) {
    lua_pushnumber(L, field->minimum);
    lua_setfield(L, -2, "minimum");
    lua_pushnumber(L, field->maximum);
    lua_setfield(L, -2, "maximum");
  }
  if (field->names) {
    lua_newtable(L);
    lua_Integer count = 0;
    for (const rg_name_value *name = field->names; name->name; name++) {
      lua_pushstring(L, name->name);
      lua_seti(L, -2, ++count);
    }
    lua_setfield(L, -2, "names");
  }
  lua_pushstring(L, field->summary);
  lua_setfield(L, -2, "summary");
}

static int module_schema(lua_State *L) {
  const char *name = luaL_checkstring(L, 1);
  const rg_schema *schema = rg_schema_find(name);
  if (!schema) {
    return script_error(L, "schema: no descriptor '%s'", name);
  }
  lua_createtable(L, (int)schema->field_count, 0);
  for (uint32_t i = 0; i < schema->field_count; i++) {
    push_field_info(L, &schema->fields[i]);
    lua_seti(L, -2, (lua_Integer)i + 1);
  }
  return 1;
}

/* ---- The Lua parts
 * -------------------------------------------------------------------------------------- */

/* A searcher for package.searchers: "regolith.declare" is regolith/declare.lua in the binary. */
static int search_embedded(lua_State *L) {
  const char *name = luaL_checkstring(L, 1);
  luaL_gsub(L, name, ".", "/");
  lua_pushliteral(L, ".lua");
  lua_concat(L, 2);
  const char *file_name = lua_tostring(L, -1);
  for (size_t i = 0; i < script_file_count; i++) {
    const script_file *file = &script_files[i];
    if (strcmp(file->name, file_name) == 0) {
      lua_pushfstring(L, "=%s", file_name);
      if (luaL_loadbufferx(L, file->text, file->size, lua_tostring(L, -1), "t") != LUA_OK) {
        return lua_error(L);
      }
      lua_pushstring(L, file_name);
      return 2;
    }
  }
  lua_pushfstring(L, "no file '%s' inside regolith", file_name);
  return 1;
}

/* Enters the searcher once a state, before the ones that look at files. */
static void add_searcher(lua_State *L) {
  if (lua_getfield(L, LUA_REGISTRYINDEX, "regolith.searcher") != LUA_TNIL) {
    lua_pop(L, 1);
    return;
  }
  lua_pop(L, 1);
  int height = lua_gettop(L);
  if (lua_getglobal(L, "package") != LUA_TTABLE ||
      script_getfield(L, -1, "searchers") != LUA_TTABLE) {
    lua_pop(L, lua_gettop(L) - height);
    return;
  }
  lua_Integer count = script_length(L, -1);
  for (lua_Integer i = count; i >= 2; i--) {
    lua_rawgeti(L, -1, i);
    lua_seti(L, -2, i + 1);
  }
  lua_pushcfunction(L, search_embedded);
  lua_seti(L, -2, 2);
  lua_pop(L, 2);
  lua_pushboolean(L, true);
  lua_setfield(L, LUA_REGISTRYINDEX, "regolith.searcher");
}

int luaopen_regolith(lua_State *L) {
  static const luaL_Reg functions[] = {
      {"engine", script_new_engine}, {"devices", script_devices},
      {"rgb", module_rgb},           {"rgba", module_rgba},
      {"schema", module_schema},     {"nearest", module_nearest},
      {"type_of", module_type_of},   {NULL, NULL},
  };
  luaL_checkversion(L);
  add_searcher(L);
  script_open_engine(L);
  script_open_buffers(L);
  script_open_textures(L);
  script_open_shaders(L);
  script_open_materials(L);
  script_open_sets(L);
  script_open_pools(L);
  script_open_memory(L);
  luaL_newlib(L, functions);
  lua_pushfstring(L, "%d.%d.%d", RG_VERSION_MAJOR, RG_VERSION_MINOR, RG_VERSION_PATCH);
  lua_setfield(L, -2, "version");
  lua_pushinteger(L, 1024);
  lua_setfield(L, -2, "KiB");
  lua_pushinteger(L, (lua_Integer)1 << 20);
  lua_setfield(L, -2, "MiB");
  lua_pushinteger(L, (lua_Integer)1 << 30);
  lua_setfield(L, -2, "GiB");
  return 1;
}
