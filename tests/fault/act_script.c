/* The act of the script: the declaration language and the managers, in a Lua state of its own. */
#include <lauxlib.h>
#include <lualib.h>
#include <regolith/regolith_lua.h>
#include <stdio.h>
#include <string.h>

#include "scenario.h"

/* Circumstances come back as nil, message, code: `need` raises them with their code. */
static const char script[] =
    "local engine, regolith = ...\n"
    "local function need(value, message, code)\n"
    "  if value == nil then error({ message = message, code = code }) end\n"
    "  return value\n"
    "end\n"
    "local words = require('regolith.declare').new(engine)\n"
    "words.shader 'plain' { vertex = 'plain.vert', fragment = 'plain.frag' }\n"
    "words.texture 'brick' { file = 'small.png' }\n"
    "words.material 'Wall' { shader = 'plain', tint = words.rgba '#ff8000ff',\n"
    "                        map = words.texture 'brick' }\n"
    "words.material 'Ruin' : from 'Wall' { tint = { 1, 1, 1, 1 } }\n"
    "local level <close> = words.resources 'Level' {\n"
    "  materials = { 'Ruin' }, buffers = { camera = words.buffer 'uniform' { size = 64 } },\n"
    "}\n"
    "need(level:load())\n"
    "assert(#level:members() == 5)\n"
    "local ruin = level:get('material', 'Ruin')\n"
    "need(engine.materials:update(ruin, { tint = { 0, 0, 1, 1 } }))\n"
    "local buffer <close> = need(engine.buffers:create { size = 4, data = 'abcd', label = 'b' })\n"
    "need(buffer:write(2, 'xy'))\n"
    "assert(need(buffer:read()) == 'abxy')\n"
    "local texture <close> = need(engine.textures:create { width = 1, height = 1, data = 'rgba' "
    "})\n"
    "need(engine.materials:update('Wall', { map = texture }))\n"
    "assert(texture.width == 1 and need(texture:read()) == 'rgba')\n"
    "local shader <close> = need(engine.shaders:create { stage = 'fragment', source = [[\n"
    "  #version 450\n"
    "  layout(location = 0) out vec4 color;\n"
    "  layout(set = 0, binding = 0) uniform Material { vec4 tint; float weights[2]; };\n"
    "  void main() { color = tint * weights[1]; }]] })\n"
    "assert(#shader:reflection().bindings == 1 and #shader:parameters() == 2)\n"
    "local metal <close> = need(engine.materials:create {\n"
    "  name = 'Metal', shader = shader, parameters = { tint = { 1, 0, 0, 1 } } })\n"
    "assert(metal:get('tint')[1] == 1 and engine.materials:find('Metal') == metal)\n"
    "need(engine:wait(need(engine:flush())))\n"
    "assert(need(engine:manifest(level)):find('small.png', 1, true))\n"
    "assert(#need(engine:report()).resources > 5 and need(engine.memory:stats()).used > 0)\n"
    "need(level:unload())\n";

/* The engine and the script, protected from a lack of memory. */
static int run(lua_State *L) {
  rg_engine *engine = lua_touserdata(L, 1);
  luaL_openlibs(L);
  if (luaL_loadbufferx(L, script, sizeof script - 1, "=script.lua", "t") != LUA_OK) {
    return lua_error(L);
  }
  luaL_requiref(L, "regolith", luaopen_regolith, 0);
  rg_lua_push_engine(L, engine);
  lua_insert(L, -2);
  lua_call(L, 2, 0);
  return 0;
}

static rg_result result_of_name(const char *name) {
  for (int result = 0; name != NULL && result >= RG_ERROR_LIMIT; result--) {
    if (strcmp(name, rg_result_name((rg_result)result)) == 0) {
      return (rg_result)result;
    }
  }
  return RG_OK;
}

/* In a protected call, too. */
static int read_error(lua_State *L) {
  scenario *self = lua_touserdata(L, 1);
  const char *code = NULL;
  if (lua_istable(L, 2)) {
    lua_getfield(L, 2, "code");
    code = lua_tostring(L, -1);
    lua_getfield(L, 2, "message");
  }
  const char *message = lua_tostring(L, -1);
  snprintf(self->message, sizeof self->message, "%s", message == NULL ? "" : message);
  lua_pushinteger(L, result_of_name(code));
  return 1;
}

/* An error without a code is Lua's own lack of memory, or one that Lua code of Regolith raised. */
static rg_result result_of_error(lua_State *L, scenario *self) {
  lua_pushcfunction(L, read_error);
  lua_insert(L, -2);
  lua_pushlightuserdata(L, self);
  lua_insert(L, -2);
  if (lua_pcall(L, 2, 1, 0) != LUA_OK) {
    snprintf(self->message, sizeof self->message, "%s", lua_tostring(L, -1));
    return RG_ERROR_OUT_OF_HOST_MEMORY;
  }
  const rg_result result = (rg_result)lua_tointeger(L, -1);
  if (result != RG_OK) {
    return result;
  }
  if (strstr(self->message, "not enough memory") != NULL) {
    return RG_ERROR_OUT_OF_HOST_MEMORY;
  }
  self->has_no_code = rg_error()[0] != '\0' && strstr(self->message, rg_error()) != NULL;
  return RG_ERROR_INVALID_ARGUMENT;
}

rg_result act_script(scenario *self) {
  lua_State *L = lua_newstate(memory_fault_resize, self->lua);
  if (L == NULL) {
    snprintf(self->message, sizeof self->message, "no state");
    return RG_ERROR_OUT_OF_HOST_MEMORY;
  }
  lua_pushcfunction(L, run);
  lua_pushlightuserdata(L, self->engine);
  int status = lua_pcall(L, 1, 0, 0);
  rg_result result = status == LUA_OK ? RG_OK : result_of_error(L, self);
  self->has_ended = status == LUA_OK && self->lua->refused == 0;
  lua_close(L);
  CLAIM(self->lua->live_bytes == 0);
  return result;
}
