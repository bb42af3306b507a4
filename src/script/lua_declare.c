/* engine:declare: a declaration's table to its descriptor. */
#include <string.h>

#include "script.h"

static rg_result declare_plain(lua_State *L, rg_engine *engine, const char *kind, const char *name,
                               const char *what) {
  if (strcmp(kind, "buffer") == 0) {
    rg_buffer_desc desc = {0};
    script_read_desc(L, 4, rg_schema_find("buffer"), what, &desc, NULL);
    return rg_declare_buffer(engine, name, &desc);
  }
  rg_texture_desc desc = {0};
  script_read_desc(L, 4, rg_schema_find("texture"), what, &desc, NULL);
  return rg_declare_texture(engine, name, &desc);
}

static rg_result declare_material(lua_State *L, rg_engine *engine, const char *name,
                                  const char *what) {
  static const char *const keys[] = {"shader", "from", "parameters", "state", NULL};
  rg_material_desc desc = {.name = name};
  rg_state state = {0};
  luaL_checktype(L, 4, LUA_TTABLE);
  lua_pushnil(L);
  while (lua_next(L, 4)) {
    const char *key = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "?";
    if (strcmp(key, "shader") != 0 && strcmp(key, "from") != 0 && strcmp(key, "parameters") != 0 &&
        strcmp(key, "state") != 0) {
      script_unknown_key(L, what, key, keys, 4);
    }
    lua_pop(L, 1);
  }
  static const char *const names[] = {"shader", "from"};
  const char **places[] = {&desc.shader_name, &desc.parent_name};
  for (int i = 0; i < 2; i++) {
    int type = script_getfield(L, 4, names[i]);
    if (type != LUA_TNIL && type != LUA_TSTRING) {
      script_error(L, "%s: %s: a declared name is wanted, %s given", what, names[i],
                   luaL_typename(L, -1));
    }
    *places[i] = lua_tostring(L, -1);
  }
  if (script_getfield(L, 4, "state") != LUA_TNIL) {
    script_read_desc(L, -1, rg_schema_find("state"), what, &state, NULL);
    desc.state = &state;
  }
  if (script_getfield(L, 4, "parameters") != LUA_TNIL) {
    desc.parameters = script_read_parameters(L, -1, what, true, &desc.parameter_count);
  }
  return rg_declare_material(engine, &desc);
}

/* engine:declare(kind, name, desc, where): where is the origin that reports tell, the calling line
 * if nil. */
int script_declare(lua_State *L) {
  script_engine *engine = script_check_engine(L, 1);
  const char *kind = luaL_checkstring(L, 2);
  const char *name = luaL_checkstring(L, 3);
  lua_settop(L, 5);
  if (lua_isnil(L, 5)) {
    script_set_origin(L);
  } else {
    rg_origin_set(luaL_checkstring(L, 5));
  }
  const char *what = lua_pushfstring(L, "%s '%s'", kind, name);
  rg_result result = RG_OK;
  if (strcmp(kind, "buffer") == 0 || strcmp(kind, "texture") == 0) {
    result = declare_plain(L, engine->engine, kind, name, what);
  } else if (strcmp(kind, "shader") == 0) {
    rg_shader_desc desc = {0};
    script_read_shader(L, 4, what, &desc);
    result = rg_declare_shader(engine->engine, name, &desc);
  } else if (strcmp(kind, "material") == 0) {
    result = declare_material(L, engine->engine, name, what);
  } else {
    script_error(L, "declare: unknown kind '%s': buffer, texture, shader or material is wanted",
                 kind);
  }
  script_log_deliver(L, engine);
  if (result != RG_OK) {
    return script_fail_name(L, result);
  }
  lua_pushboolean(L, true);
  return 1;
}
