/* How a failed call ends in Lua: mistakes raise, circumstances return nil, message, code. */
#include <stdarg.h>
#include <string.h>

#include "script.h"

static bool is_mistake(rg_result result) {
  return result == RG_ERROR_INVALID_ARGUMENT || result == RG_ERROR_STALE_HANDLE ||
         result == RG_ERROR_WRONG_TYPE;
}

/* Finds the script's own line: the nearest caller that is no Lua part of Regolith's. */
static bool find_place(lua_State *L, lua_Debug *place) {
  for (int level = 1; lua_getstack(L, level, place); level++) {
    if (lua_getinfo(L, "Sl", place) && place->currentline > 0 &&
        strncmp(place->source, "=regolith/", 10) != 0) {
      return true;
    }
  }
  return false;
}

void script_where(lua_State *L) {
  lua_Debug place;
  if (find_place(L, &place)) {
    lua_pushfstring(L, "%s:%d: ", place.short_src, place.currentline);
  } else {
    lua_pushliteral(L, "");
  }
}

/* The place is on the top of the stack. */
static int fail(lua_State *L, rg_result result, bool raises) {
  lua_pushstring(L, rg_error());
  lua_concat(L, 2);
  if (raises) {
    return lua_error(L);
  }
  lua_pushnil(L);
  lua_insert(L, -2);
  lua_pushstring(L, rg_result_name(result));
  return 3;
}

int script_fail(lua_State *L, rg_result result) {
  script_where(L);
  return fail(L, result, is_mistake(result));
}

int script_fail_name(lua_State *L, rg_result result) {
  script_where(L);
  return fail(L, result, is_mistake(result) || result == RG_ERROR_NOT_FOUND);
}

int script_error(lua_State *L, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  script_where(L);
  lua_pushvfstring(L, format, arguments);
  va_end(arguments);
  lua_concat(L, 2);
  return lua_error(L);
}

void script_set_origin(lua_State *L) {
  lua_Debug place;
  if (find_place(L, &place)) {
    char origin[128];
    lua_pushfstring(L, "%s:%d", place.short_src, place.currentline);
    size_t length = 0;
    const char *text = lua_tolstring(L, -1, &length);
    if (length >= sizeof origin) {
      length = sizeof origin - 1;
    }
    for (size_t i = 0; i < length; i++) {
      origin[i] = text[i];
    }
    origin[length] = 0;
    lua_pop(L, 1);
    rg_origin_set(origin);
    return;
  }
  rg_origin_set(NULL);
}
