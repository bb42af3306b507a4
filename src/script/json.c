/* JSON texts to Lua values and back, through cJSON. */
#include <cjson/cJSON.h>
#include <math.h>
#include <string.h>

#include "script.h"

/* ---- A cJSON tree that the collector frees if a push raises
 * ------------------------------------------- */

static int tree_release(lua_State *L) {
  cJSON **tree = lua_touserdata(L, 1);
  cJSON_Delete(*tree);
  *tree = NULL;
  return 0;
}

static cJSON **hold_tree(lua_State *L) {
  cJSON **tree = lua_newuserdatauv(L, sizeof *tree, 0);
  *tree = NULL;
  if (luaL_newmetatable(L, "regolith.Json")) {
    lua_pushcfunction(L, tree_release);
    lua_setfield(L, -2, "__gc");
  }
  lua_setmetatable(L, -2);
  return tree;
}

/* ---- To Lua
 * ------------------------------------------------------------------------------------------- */

static void push_number(lua_State *L, double number) {
  lua_Integer whole = 0;
  if (floor(number) == number && lua_numbertointeger(number, &whole)) {
    lua_pushinteger(L, whole);
  } else {
    lua_pushnumber(L, number);
  }
}

static void push_item(lua_State *L, const cJSON *item);

/* The children of an array or object. */
static void push_children(lua_State *L, const cJSON *item) {
  lua_newtable(L);
  lua_Integer count = 0;
  for (const cJSON *child = item->child; child; child = child->next) {
    push_item(L, child);
    if (cJSON_IsArray(item)) {
      lua_seti(L, -2, ++count);
    } else {
      lua_setfield(L, -2, child->string);
    }
  }
}

static void push_item(lua_State *L, const cJSON *item) {
  luaL_checkstack(L, 4, "JSON is nested too deeply");
  switch (item->type & 0xff) {
    case cJSON_String: lua_pushstring(L, item->valuestring); return;
    case cJSON_Number: push_number(L, item->valuedouble); return;
    case cJSON_False: lua_pushboolean(L, false); return;
    case cJSON_True: lua_pushboolean(L, true); return;
    case cJSON_Array:
    case cJSON_Object: push_children(L, item); return;
    default: lua_pushnil(L); return;
  }
}

void script_push_json(lua_State *L, const char *text) {
  cJSON **tree = hold_tree(L);
  *tree = cJSON_Parse(text);
  if (!*tree) {
    script_error(L, "not JSON, or out of memory");
    return;
  }
  const cJSON *root = *tree;
  push_item(L, root);
  cJSON_Delete(*tree);
  *tree = NULL;
  lua_remove(L, -2);
}

/* ---- From Lua
 * ----------------------------------------------------------------------------------------- */

#define MAX_DEPTH 64

static cJSON *check_made(lua_State *L, cJSON *item) {
  if (!item) {
    script_error(L, "out of memory for JSON");
  }
  return item;
}

/* Adds the value on the top of the stack to the parent, under the key or, where it is NULL, at the
 * end. */
static void add_value(lua_State *L, cJSON *parent, const char *key, int depth);

static void add_item(lua_State *L, cJSON *parent, const char *key, cJSON *item) {
  check_made(L, item);
  bool added = key ? cJSON_AddItemToObject(parent, key, item) : cJSON_AddItemToArray(parent, item);
  if (!added) {
    cJSON_Delete(item);
    script_error(L, "out of memory for JSON");
  }
}

static void add_table(lua_State *L, cJSON *parent, const char *key, int depth) {
  int table = lua_gettop(L);
  lua_Integer length = script_length(L, table);
  cJSON *item = length > 0 ? cJSON_CreateArray() : cJSON_CreateObject();
  add_item(L, parent, key, item);
  if (length > 0) {
    for (lua_Integer i = 1; i <= length; i++) {
      lua_rawgeti(L, table, i);
      add_value(L, item, NULL, depth + 1);
      lua_pop(L, 1);
    }
    return;
  }
  lua_pushnil(L);
  while (lua_next(L, table)) {
    if (lua_type(L, -2) != LUA_TSTRING) {
      script_error(L, "a JSON object's keys are strings");
    }
    add_value(L, item, lua_tostring(L, -2), depth + 1);
    lua_pop(L, 1);
  }
}

static void add_value(lua_State *L, cJSON *parent, const char *key, int depth) {
  luaL_checkstack(L, 6, "nested too deeply for JSON");
  if (depth > MAX_DEPTH) {
    script_error(L, "nested too deeply for JSON");
  }
  switch (lua_type(L, -1)) {
    case LUA_TSTRING: add_item(L, parent, key, cJSON_CreateString(lua_tostring(L, -1))); return;
    case LUA_TNUMBER: add_item(L, parent, key, cJSON_CreateNumber(lua_tonumber(L, -1))); return;
    case LUA_TBOOLEAN: add_item(L, parent, key, cJSON_CreateBool(lua_toboolean(L, -1))); return;
    case LUA_TTABLE: add_table(L, parent, key, depth); return;
    default: script_error(L, "a %s is no JSON value", luaL_typename(L, -1));
  }
}

static int text_release(lua_State *L) {
  char **text = lua_touserdata(L, 1);
  cJSON_free(*text);
  *text = NULL;
  return 0;
}

void script_to_json(lua_State *L, int index) {
  index = lua_absindex(L, index);
  char **text = lua_newuserdatauv(L, sizeof *text, 0);
  *text = NULL;
  if (luaL_newmetatable(L, "regolith.JsonText")) {
    lua_pushcfunction(L, text_release);
    lua_setfield(L, -2, "__gc");
  }
  lua_setmetatable(L, -2);
  cJSON **tree = hold_tree(L);
  *tree = check_made(L, cJSON_CreateArray());
  lua_pushvalue(L, index);
  add_value(L, *tree, NULL, 0);
  lua_pop(L, 1);
  *text = cJSON_PrintUnformatted((*tree)->child);
  cJSON_Delete(*tree);
  *tree = NULL;
  if (!*text) {
    script_error(L, "out of memory for JSON");
  }
  lua_pushstring(L, *text);
  cJSON_free(*text);
  *text = NULL;
  lua_replace(L, -3);
  lua_pop(L, 1);
}
