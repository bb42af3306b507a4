/* How a failed call ends in Lua: mistakes raise, circumstances return nil, message, code. */
#include "script.h"

static bool is_mistake(rg_result result) {
  return result == RG_ERROR_INVALID_ARGUMENT || result == RG_ERROR_STALE_HANDLE ||
         result == RG_ERROR_WRONG_TYPE;
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
  luaL_where(L, 1);
  return fail(L, result, is_mistake(result));
}

int script_fail_name(lua_State *L, rg_result result) {
  luaL_where(L, 1);
  return fail(L, result, is_mistake(result) || result == RG_ERROR_NOT_FOUND);
}

int script_fail_at(lua_State *L, rg_result result, const char *where) {
  lua_pushfstring(L, "%s: ", where);
  return fail(L, result, is_mistake(result) || result == RG_ERROR_NOT_FOUND);
}

void script_set_origin(lua_State *L) {
  lua_Debug place;
  if (lua_getstack(L, 1, &place) && lua_getinfo(L, "Sl", &place) && place.currentline > 0) {
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
