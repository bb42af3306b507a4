/* regolith.Materials and regolith.Material, and the reading of parameters. */
#include <math.h>
#include <string.h>

#include "script.h"

#define MANAGER "regolith.Materials"

/* ---- Parameters
 * ---------------------------------------------------------------------------------------- */

#define MAX_PARAMETERS 4096
#define MAX_COMPONENTS 65536

/* One number or boolean of a list. */
static double check_component(lua_State *L, const char *what, const char *name, bool booleans) {
  if (booleans ? !lua_isboolean(L, -1) : lua_type(L, -1) != LUA_TNUMBER) {
    script_error(L, "%s: %s: a list of numbers or of booleans is wanted, it holds a %s", what, name,
                 luaL_typename(L, -1));
  }
  return booleans ? lua_toboolean(L, -1) : lua_tonumber(L, -1);
}

/* A list of `count` numbers or booleans at `list`. Long ones go to a userdata that `keeper` keeps.
 */
static void read_list(lua_State *L, int list, lua_Integer count, const char *what, int keeper,
                      rg_parameter *out) {
  if (count < 1 || count > MAX_COMPONENTS) {
    script_error(L, "%s: %s: a list of 1 to %d values is wanted, %I given", what, out->name,
                 MAX_COMPONENTS, count);
  }
  bool booleans = lua_rawgeti(L, list, 1) == LUA_TBOOLEAN;
  lua_pop(L, 1);
  out->kind = booleans ? RG_VALUE_BOOLS : RG_VALUE_NUMBERS;
  out->count = (uint32_t)count;
  void *data = &out->value;
  if (count > 16) {
    data = lua_newuserdatauv(L, (size_t)count * sizeof(double), 0);
    lua_rawsetp(L, keeper, data);
    out->data = data;
  }
  for (lua_Integer i = 1; i <= count; i++) {
    lua_rawgeti(L, list, i);
    double value = check_component(L, what, out->name, booleans);
    if (booleans) {
      ((uint32_t *)data)[i - 1] = value != 0;
    } else {
      ((double *)data)[i - 1] = value;
    }
    lua_pop(L, 1);
  }
}

/* { texture = "name" } and { buffer = "name" }: declared things. */
static bool read_reference(lua_State *L, int table, const char *what, bool references,
                           rg_parameter *out) {
  if (script_getfield(L, table, "texture") == LUA_TNIL) {
    lua_pop(L, 1);
    if (script_getfield(L, table, "buffer") == LUA_TNIL) {
      lua_pop(L, 1);
      return false;
    }
  }
  if (!references) {
    script_error(L, "%s: %s: a texture or buffer is wanted, a declared name given", what,
                 out->name);
  }
  if (lua_type(L, -1) != LUA_TSTRING) {
    script_error(L, "%s: %s: a declared name is wanted, %s given", what, out->name,
                 luaL_typename(L, -1));
  }
  out->kind = RG_VALUE_DECLARED;
  out->count = 1;
  out->value.declared = lua_tostring(L, -1); /* kept by the table */
  lua_pop(L, 1);
  return true;
}

/* The value on the top of the stack. */
static void read_value(lua_State *L, const char *what, bool references, int keeper,
                       rg_parameter *out) {
  out->count = 1;
  rg_type type = RG_TYPE_NONE;
  switch (lua_type(L, -1)) {
    case LUA_TNUMBER:
      out->kind = RG_VALUE_NUMBERS;
      out->value.numbers[0] = lua_tonumber(L, -1);
      return;
    case LUA_TBOOLEAN:
      out->kind = RG_VALUE_BOOLS;
      out->value.uints[0] = (uint32_t)lua_toboolean(L, -1);
      return;
    case LUA_TTABLE: {
      int table = lua_gettop(L);
      if (!read_reference(L, table, what, references, out)) {
        read_list(L, table, script_length(L, table), what, keeper, out);
      }
      return;
    }
    case LUA_TUSERDATA:
      script_test_box(L, -1, &type);
      if (type == RG_TYPE_TEXTURE) {
        out->kind = RG_VALUE_TEXTURE;
        out->value.texture.id = script_check_box(L, -1, type)->id;
        return;
      }
      if (type == RG_TYPE_BUFFER) {
        out->kind = RG_VALUE_BUFFER;
        out->value.buffer.id = script_check_box(L, -1, type)->id;
        return;
      }
      break;
    default: break;
  }
  const char *type_name = luaL_typename(L, -1);
  luaL_tolstring(L, -1, NULL);
  script_error(L, "%s: %s: a number, boolean, list, texture or buffer is wanted, %s '%s' given%s",
               what, out->name, type_name, lua_tostring(L, -1),
               type_name[0] == 's' ? " (colours are rgb \"#rrggbb\", files texture \"NAME\")" : "");
}

rg_parameter *script_read_parameters(lua_State *L, int index, const char *what, bool references,
                                     uint32_t *count) {
  index = lua_absindex(L, index);
  luaL_checkstack(L, 12, what);
  if (!lua_istable(L, index)) {
    script_error(L, "%s: parameters: a table { name = value } is wanted, %s given", what,
                 luaL_typename(L, index));
  }
  uint32_t total = 0;
  lua_pushnil(L);
  while (lua_next(L, index)) {
    if (lua_type(L, -2) != LUA_TSTRING) {
      luaL_tolstring(L, -2, NULL);
      script_error(L, "%s: parameters have names; '%s' is none", what, lua_tostring(L, -1));
    }
    total++;
    lua_pop(L, 1);
  }
  if (total > MAX_PARAMETERS) {
    script_error(L, "%s: %d parameters exceed %d", what, (int)total, MAX_PARAMETERS);
  }
  lua_newtable(L);
  int keeper = lua_gettop(L);
  rg_parameter *parameters = lua_newuserdatauv(L, ((size_t)total + 1) * sizeof *parameters, 0);
  lua_rawsetp(L, keeper, parameters);
  memset(parameters, 0, ((size_t)total + 1) * sizeof *parameters);
  *count = 0;
  lua_pushnil(L);
  while (*count < total && lua_next(L, index)) {
    rg_parameter *parameter = &parameters[(*count)++];
    parameter->name = lua_tostring(L, -2); /* kept by the table */
    read_value(L, what, references, keeper, parameter);
    lua_pop(L, 1);
  }
  return parameters;
}

/* ---- The manager
 * ----------------------------------------------------------------------------------------- */

/* desc[key] as a resource's id, or 0. */
static uint64_t get_resource(lua_State *L, int index, const char *key, rg_type type) {
  uint64_t id = 0;
  if (script_getfield(L, index, key) != LUA_TNIL) {
    id = script_check_box(L, -1, type)->id;
  }
  lua_pop(L, 1);
  return id;
}

static int materials_create(lua_State *L) {
  static const char *const keys[] = {"name", "shader", "parent", "parameters", "state"};
  script_engine *engine = script_check_manager(L, MANAGER);
  luaL_checktype(L, 2, LUA_TTABLE);
  lua_pushnil(L);
  while (lua_next(L, 2)) {
    const char *key = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "?";
    bool is_known = false;
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
      is_known = is_known || strcmp(key, keys[i]) == 0;
    }
    if (!is_known) {
      script_unknown_key(L, "material", key, keys, sizeof keys / sizeof keys[0]);
    }
    lua_pop(L, 1);
  }
  if (script_getfield(L, 2, "name") != LUA_TSTRING) {
    script_error(L, "material: name: a string is wanted, %s given", luaL_typename(L, -1));
  }
  rg_material_desc desc = {.name = lua_tostring(L, -1)};
  rg_state state = {0};
  desc.shader.id = get_resource(L, 2, "shader", RG_TYPE_SHADER);
  desc.parent.id = get_resource(L, 2, "parent", RG_TYPE_MATERIAL);
  const char *what = lua_pushfstring(L, "material '%s'", desc.name);
  if (script_getfield(L, 2, "state") != LUA_TNIL) {
    script_read_desc(L, -1, rg_schema_find("state"), what, &state, NULL);
    desc.state = &state;
  }
  if (script_getfield(L, 2, "parameters") != LUA_TNIL) {
    desc.parameters = script_read_parameters(L, -1, what, false, &desc.parameter_count);
  }
  script_box_new(L, 1, RG_TYPE_MATERIAL);
  script_set_origin(L);
  rg_material material = {0};
  rg_result result = rg_material_create(engine->engine, &desc, &material);
  script_log_deliver(L, engine);
  if (result != RG_OK) {
    return script_fail_name(L, result);
  }
  script_box_fill(L, material.id);
  return 1;
}

static int update(lua_State *L, script_engine *engine, rg_material material, int parameters) {
  uint32_t count = 0;
  rg_resource_info info;
  rg_result found = rg_resource_get_info(engine->engine, material.id, &info);
  if (found != RG_OK) {
    return script_fail(L, found);
  }
  const char *what = lua_pushfstring(L, "material '%s'", info.label);
  rg_parameter *list = script_read_parameters(L, parameters, what, false, &count);
  rg_result result = rg_material_update(engine->engine, material, list, count);
  script_log_deliver(L, engine);
  if (result != RG_OK) {
    return script_fail_name(L, result);
  }
  lua_pushboolean(L, true);
  return 1;
}

static int materials_update(lua_State *L) {
  script_engine *engine = script_check_manager(L, MANAGER);
  rg_material material = {0};
  if (lua_type(L, 2) == LUA_TSTRING) {
    rg_result result = rg_material_find(engine->engine, lua_tostring(L, 2), &material);
    if (result != RG_OK) {
      return script_fail_name(L, result);
    }
  } else {
    material.id = script_check_box(L, 2, RG_TYPE_MATERIAL)->id;
  }
  return update(L, engine, material, 3);
}

static int materials_find(lua_State *L) {
  script_engine *engine = script_check_manager(L, MANAGER);
  rg_material material = {0};
  rg_result result = rg_material_find(engine->engine, luaL_checkstring(L, 2), &material);
  if (result != RG_OK && result != RG_ERROR_NOT_FOUND) {
    return script_fail(L, result);
  }
  script_box_push(L, 1, material.id);
  return 1;
}

static int materials_all(lua_State *L) {
  script_check_manager(L, MANAGER);
  return script_push_all(L, 1, RG_TYPE_MATERIAL);
}

/* ---- One material
 * ------------------------------------------------------------------------------------------ */

static int material_update(lua_State *L) {
  script_box *box = script_check_box(L, 1, RG_TYPE_MATERIAL);
  return update(L, box->engine, (rg_material){box->id}, 2);
}

static void push_component(lua_State *L, const rg_parameter *value, uint32_t index) {
  const void *data = value->data ? value->data : &value->value;
  switch (value->kind) {
    case RG_VALUE_FLOATS: lua_pushnumber(L, (lua_Number)((const float *)data)[index]); return;
    case RG_VALUE_INTS: lua_pushinteger(L, ((const int32_t *)data)[index]); return;
    case RG_VALUE_UINTS: lua_pushinteger(L, ((const uint32_t *)data)[index]); return;
    case RG_VALUE_BOOLS: lua_pushboolean(L, ((const uint32_t *)data)[index] != 0); return;
    case RG_VALUE_NUMBERS: lua_pushnumber(L, ((const double *)data)[index]); return;
    case RG_VALUE_TEXTURE:
    case RG_VALUE_BUFFER:
    case RG_VALUE_DECLARED: break;
  }
  lua_pushnil(L);
}

static void push_value(lua_State *L, int engine_index, const rg_parameter *value) {
  if (value->kind == RG_VALUE_TEXTURE || value->kind == RG_VALUE_BUFFER) {
    script_box_push(
        L, engine_index,
        value->kind == RG_VALUE_TEXTURE ? value->value.texture.id : value->value.buffer.id);
    return;
  }
  if (value->count == 1) {
    push_component(L, value, 0);
    return;
  }
  lua_createtable(L, (int)value->count, 0);
  for (uint32_t i = 0; i < value->count; i++) {
    push_component(L, value, i);
    lua_seti(L, -2, (lua_Integer)i + 1);
  }
}

/* Values over 16 components are few; their room is asked for by a first call. */
static int material_get(lua_State *L) {
  script_box *box = script_check_box(L, 1, RG_TYPE_MATERIAL);
  rg_engine *engine = box->engine->engine;
  const char *name = luaL_checkstring(L, 2);
  rg_parameter value = {0};
  rg_material origin = {0};
  rg_material material = {box->id};
  uint32_t room = 16 * 1024;
  void *data = lua_newuserdatauv(L, room * sizeof(uint32_t), 0);
  rg_result result = rg_material_get(engine, material, name, data, room, &value, &origin);
  if (result != RG_OK) {
    return script_fail_name(L, result);
  }
  lua_getiuservalue(L, 1, 1);
  push_value(L, -1, &value);
  rg_resource_info info;
  if (origin.id != 0 && rg_resource_get_info(engine, origin.id, &info) == RG_OK) {
    lua_pushstring(L, info.label);
    return 2;
  }
  return 1;
}

static int material_vk(lua_State *L) {
  script_box *box = script_check_box(L, 1, RG_TYPE_MATERIAL);
  rg_material_vk vk;
  rg_result result = rg_material_get_vk(box->engine->engine, (rg_material){box->id}, &vk);
  if (result != RG_OK) {
    return script_fail(L, result);
  }
  lua_createtable(L, 0, 4);
  lua_pushinteger(L, (lua_Integer)(uintptr_t)vk.set);
  lua_setfield(L, -2, "set");
  lua_pushinteger(L, vk.set_index);
  lua_setfield(L, -2, "set_index");
  lua_pushinteger(L, (lua_Integer)(uintptr_t)vk.set_layout);
  lua_setfield(L, -2, "set_layout");
  lua_pushinteger(L, (lua_Integer)(uintptr_t)vk.pipeline_layout);
  lua_setfield(L, -2, "pipeline_layout");
  return 1;
}

static bool material_get_field(lua_State *L, script_box *box, const char *key) {
  bool is_name = strcmp(key, "name") == 0;
  if (!is_name && strcmp(key, "shader") != 0) {
    return false;
  }
  rg_resource_info info;
  rg_result result = rg_resource_get_info(box->engine->engine, box->id, &info);
  if (result != RG_OK) {
    script_fail(L, result);
  }
  if (is_name) {
    lua_pushstring(L, info.label);
  } else {
    lua_getiuservalue(L, 1, 1);
    script_box_push(L, -1, info.shader.id);
  }
  return true;
}

void script_open_materials(lua_State *L) {
  static const luaL_Reg manager[] = {
      {"create", materials_create},
      {"update", materials_update},
      {"find", materials_find},
      {"all", materials_all},
      {NULL, NULL},
  };
  static const luaL_Reg methods[] = {
      {"update", material_update},
      {"get", material_get},
      {"vk", material_vk},
      {NULL, NULL},
  };
  script_define_manager(L, MANAGER, manager);
  script_define_class(L, RG_TYPE_MATERIAL, methods, material_get_field);
}
