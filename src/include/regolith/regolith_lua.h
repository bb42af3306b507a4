/* Regolith inside a Lua 5.4 state of the caller's own. */
#ifndef REGOLITH_LUA_H
#define REGOLITH_LUA_H

#include <lua.h>
#include <regolith/regolith.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Opens the module: pushes its table, and lets `require` find "regolith.declare" and the other Lua
 * parts. For luaL_requiref, or by `require "regolith"` through the shared module. */
RG_API int luaopen_regolith(lua_State *L);

/* Pushes a userdata for an engine that the caller made and keeps: closing it in Lua, or collecting
 * it, does not destroy the engine. The caller destroys the engine only after the state is closed.
 */
RG_API void rg_lua_push_engine(lua_State *L, rg_engine *engine);

/* The engine of a userdata at that index, or NULL where it is none or closed. */
RG_API rg_engine *rg_lua_to_engine(lua_State *L, int index);

#ifdef __cplusplus
}
#endif

#endif
