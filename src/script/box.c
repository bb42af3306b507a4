/* Resources in Lua: a box around a handle, one class for each type, look-ups that find the same box
 * again. */
#include <string.h>

#include "script.h"

static const char *const class_names[RG_TYPE_COUNT] = {
    [RG_TYPE_BUFFER] = "regolith.Buffer", [RG_TYPE_TEXTURE] = "regolith.Texture",
    [RG_TYPE_SHADER] = "regolith.Shader", [RG_TYPE_MATERIAL] = "regolith.Material",
    [RG_TYPE_SET] = "regolith.Set",       [RG_TYPE_POOL] = "regolith.Pool",
};

/* ---- Making boxes
 * ----------------------------------------------------------------------------------- */

script_box *script_box_new(lua_State *L, int engine_index, rg_type type) {
  engine_index = lua_absindex(L, engine_index);
  script_engine *engine = lua_touserdata(L, engine_index);
  script_box *box = lua_newuserdatauv(L, sizeof *box, 1);
  *box = (script_box){.engine = engine};
  lua_pushvalue(L, engine_index);
  lua_setiuservalue(L, -2, 1);
  luaL_setmetatable(L, class_names[type]);
  return box;
}

/* The engine's first user value: a table from ids to boxes that does not keep them. */
static void remember(lua_State *L, uint64_t id) {
  lua_getiuservalue(L, -1, 1);
  lua_getiuservalue(L, -1, 1);
  lua_pushvalue(L, -3);
  lua_rawseti(L, -2, (lua_Integer)id);
  lua_pop(L, 2);
}

/* The collector can't see device memory: what is created counts as if Lua had allocated it. */
static void charge_collector(lua_State *L, uint64_t bytes) {
  uint64_t kibibytes = bytes / 1024;
  if (kibibytes > 0 && lua_gc(L, LUA_GCISRUNNING)) {
    lua_gc(L, LUA_GCSTEP, kibibytes > INT32_MAX ? INT32_MAX : (int)kibibytes);
  }
}

void script_box_adopt(lua_State *L, uint64_t id) {
  script_box *box = lua_touserdata(L, -1);
  box->id = id;
  box->is_owned = true;
}

void script_box_fill(lua_State *L, uint64_t id) {
  script_box *box = lua_touserdata(L, -1);
  script_box_adopt(L, id);
  remember(L, id);
  rg_resource_info info;
  if (rg_resource_get_info(box->engine->engine, id, &info) == RG_OK) {
    charge_collector(L, info.size);
  }
}

void script_box_push(lua_State *L, int engine_index, uint64_t id) {
  if (id == 0) {
    lua_pushnil(L);
    return;
  }
  engine_index = lua_absindex(L, engine_index);
  lua_getiuservalue(L, engine_index, 1);
  lua_rawgeti(L, -1, (lua_Integer)id);
  if (lua_type(L, -1) == LUA_TUSERDATA) {
    lua_remove(L, -2);
    return;
  }
  lua_pop(L, 2);
  script_box *box = script_box_new(L, engine_index, rg_type_of(id));
  box->id = id;
  remember(L, id);
}

int script_push_all(lua_State *L, int engine_index, rg_type type) {
  engine_index = lua_absindex(L, engine_index);
  script_engine *engine = lua_touserdata(L, engine_index);
  lua_newtable(L);
  rg_handle handle = {0};
  lua_Integer count = 0;
  while ((handle = rg_resource_next(engine->engine, type, handle)).id != 0) {
    script_box_push(L, engine_index, handle.id);
    lua_seti(L, -2, ++count);
  }
  return 1;
}

/* ---- Taking boxes
 * ------------------------------------------------------------------------------------ */

script_box *script_test_box(lua_State *L, int index, rg_type *type) {
  for (uint32_t i = 1; i < RG_TYPE_COUNT; i++) {
    script_box *box = luaL_testudata(L, index, class_names[i]);
    if (box) {
      *type = (rg_type)i;
      return box->id != 0 && box->engine->engine ? box : NULL;
    }
  }
  return NULL;
}

script_box *script_check_box(lua_State *L, int index, rg_type type) {
  script_box *box = luaL_testudata(L, index, class_names[type]);
  if (!box) {
    luaL_tolstring(L, index, NULL);
    script_error(L, "a %s is wanted, %s given", rg_type_name(type), lua_tostring(L, -1));
    return NULL;
  }
  if (!box->engine->engine) {
    script_error(L, "%s: its engine is closed", rg_type_name(type));
  }
  return box;
}

static script_box *check_any_box(lua_State *L, int index) {
  rg_type type = RG_TYPE_NONE;
  script_test_box(L, index, &type);
  if (type == RG_TYPE_NONE) {
    luaL_tolstring(L, index, NULL);
    script_error(L, "a resource is wanted, %s given", lua_tostring(L, -1));
  }
  return script_check_box(L, index, type);
}

/* ---- What all classes have
 * ---------------------------------------------------------------------------- */

static rg_result destroy(script_box *box) {
  rg_engine *engine = box->engine->engine;
  switch (rg_type_of(box->id)) {
    case RG_TYPE_BUFFER: return rg_buffer_destroy(engine, (rg_buffer){box->id});
    case RG_TYPE_TEXTURE: return rg_texture_destroy(engine, (rg_texture){box->id});
    case RG_TYPE_SHADER: return rg_shader_destroy(engine, (rg_shader){box->id});
    case RG_TYPE_MATERIAL: return rg_material_destroy(engine, (rg_material){box->id});
    case RG_TYPE_SET: return rg_set_destroy(engine, (rg_set){box->id});
    case RG_TYPE_POOL: return rg_pool_destroy(engine, (rg_pool){box->id});
    case RG_TYPE_NONE: break;
  }
  return RG_OK;
}

int script_box_destroy(lua_State *L) {
  script_box *box = check_any_box(L, 1);
  script_set_origin(L);
  rg_result result = destroy(box);
  if (result != RG_OK) {
    return script_fail(L, result);
  }
  box->is_owned = false;
  script_log_deliver(L, box->engine);
  return 0;
}

/* By the collector and by <close>: never raises. */
static int box_release(lua_State *L) {
  rg_type type = RG_TYPE_NONE;
  script_box *box = script_test_box(L, 1, &type);
  if (box && box->is_owned) {
    rg_origin_set("the collector");
    rg_result ignored = destroy(box);
    (void)ignored;
    box->is_owned = false;
  }
  return 0;
}

static int box_to_string(lua_State *L) {
  rg_type type = RG_TYPE_NONE;
  script_box *box = script_test_box(L, 1, &type);
  rg_resource_info info;
  if (!box || rg_resource_get_info(box->engine->engine, box->id, &info) != RG_OK) {
    lua_pushfstring(L, "%s (destroyed)", rg_type_name(type));
    return 1;
  }
  if (info.label[0]) {
    lua_pushfstring(L, "%s '%s'", rg_type_name(type), info.label);
  } else {
    char id[32];
    lua_Unsigned value = box->id;
    int digit = (int)sizeof id - 1;
    id[digit] = 0;
    do {
      id[--digit] = "0123456789abcdef"[value & 15];
      value >>= 4;
    } while (value);
    lua_pushfstring(L, "%s %s", rg_type_name(type), id + digit);
  }
  return 1;
}

static int box_equal(lua_State *L) {
  rg_type type_a = RG_TYPE_NONE, type_b = RG_TYPE_NONE;
  script_box *a = script_test_box(L, 1, &type_a), *b = script_test_box(L, 2, &type_b);
  lua_pushboolean(L, a && b && a->id == b->id && a->engine == b->engine);
  return 1;
}

static void set_string(lua_State *L, const char *key, const char *value) {
  lua_pushstring(L, value);
  lua_setfield(L, -2, key);
}

static void set_integer(lua_State *L, const char *key, uint64_t value) {
  lua_pushinteger(L, (lua_Integer)value);
  lua_setfield(L, -2, key);
}

static void push_texture_info(lua_State *L, const rg_resource_info *info) {
  set_string(L, "texture_type", script_enum_name("texture", "type", info->texture_type));
  const char *format = rg_format_name(info->format);
  set_string(L, "format", format ? format : "?");
  set_integer(L, "layers", info->layers);
  set_integer(L, "mip_levels", info->mip_levels);
  lua_newtable(L);
  set_integer(L, "width", info->extent.width);
  set_integer(L, "height", info->extent.height);
  set_integer(L, "depth", info->extent.depth);
  lua_setfield(L, -2, "extent");
}

int script_box_info(lua_State *L) {
  script_box *box = check_any_box(L, 1);
  rg_resource_info info;
  rg_result result = rg_resource_get_info(box->engine->engine, box->id, &info);
  if (result != RG_OK) {
    return script_fail(L, result);
  }
  lua_newtable(L);
  set_integer(L, "id", info.handle.id);
  set_string(L, "type", rg_type_name(info.type));
  set_string(L, "label", info.label);
  set_string(L, "origin", info.origin);
  set_integer(L, "size", info.size);
  set_integer(L, "owners", info.owners);
  lua_pushinteger(L, info.memory_type);
  lua_setfield(L, -2, "memory_type");
  script_push_memory_properties(L, info.memory_properties);
  lua_setfield(L, -2, "memory_properties");
  lua_pushboolean(L, info.is_released);
  lua_setfield(L, -2, "is_released");
  if (info.type == RG_TYPE_BUFFER) {
    set_string(L, "buffer_type", script_enum_name("buffer", "type", info.buffer_type));
    set_string(L, "update", script_enum_name("buffer", "update", info.update));
  } else if (info.type == RG_TYPE_TEXTURE) {
    push_texture_info(L, &info);
  } else if (info.type == RG_TYPE_SHADER || info.type == RG_TYPE_MATERIAL) {
    script_push_stages(L, info.stages);
    lua_setfield(L, -2, "stages");
  }
  return 1;
}

/* { memory, offset, size, alignment, memory_type, is_dedicated, is_shared, is_aliased, pool }, or
 * nil for what has no device memory. */
int script_box_memory(lua_State *L) {
  script_box *box = check_any_box(L, 1);
  rg_resource_memory memory;
  rg_result result = rg_resource_get_memory(box->engine->engine, box->id, &memory);
  if (result != RG_OK) {
    return script_fail(L, result);
  }
  if (memory.memory == VK_NULL_HANDLE) {
    lua_pushnil(L);
    return 1;
  }
  lua_createtable(L, 0, 9);
  set_integer(L, "memory", (uint64_t)memory.memory);
  set_integer(L, "offset", memory.offset);
  set_integer(L, "size", memory.size);
  set_integer(L, "alignment", memory.alignment);
  set_integer(L, "memory_type", memory.memory_type);
  lua_pushboolean(L, memory.is_dedicated);
  lua_setfield(L, -2, "is_dedicated");
  lua_pushboolean(L, memory.is_shared);
  lua_setfield(L, -2, "is_shared");
  lua_pushboolean(L, memory.is_aliased);
  lua_setfield(L, -2, "is_aliased");
  lua_getiuservalue(L, 1, 1);
  script_box_push(L, -1, memory.pool.id);
  lua_setfield(L, -3, "pool");
  lua_pop(L, 1);
  return 1;
}

int script_box_pin(lua_State *L) {
  script_box *box = check_any_box(L, 1);
  rg_result result = rg_pin(box->engine->engine, box->id);
  if (result != RG_OK) {
    return script_fail(L, result);
  }
  lua_pushboolean(L, true);
  return 1;
}

int script_box_unpin(lua_State *L) {
  script_box *box = check_any_box(L, 1);
  rg_result result = rg_unpin(box->engine->engine, box->id);
  if (result != RG_OK) {
    return script_fail(L, result);
  }
  lua_pushboolean(L, true);
  return 1;
}

/* ---- Classes
 * ------------------------------------------------------------------------------------------ */

typedef bool box_getter(lua_State *L, script_box *box, const char *key);

/* Fields that every resource has. */
static bool push_common_field(lua_State *L, script_box *box, const char *key) {
  if (strcmp(key, "id") == 0) {
    lua_pushinteger(L, (lua_Integer)box->id);
    return true;
  }
  if (strcmp(key, "label") == 0) {
    rg_resource_info info;
    rg_result result = rg_resource_get_info(box->engine->engine, box->id, &info);
    if (result != RG_OK) {
      script_fail(L, result);
    }
    lua_pushstring(L, info.label);
    return true;
  }
  return false;
}

/* Methods (upvalue 1) first, then fields by the class's getter (upvalue 2). */
static int box_index(lua_State *L) {
  lua_pushvalue(L, 2);
  if (lua_rawget(L, lua_upvalueindex(1)) != LUA_TNIL) {
    return 1;
  }
  rg_type type = RG_TYPE_NONE;
  script_test_box(L, 1, &type);
  script_box *box = script_check_box(L, 1, type);
  const char *key = luaL_checkstring(L, 2);
  box_getter *get = NULL;
  memcpy(&get, lua_touserdata(L, lua_upvalueindex(2)), sizeof get);
  if (push_common_field(L, box, key) || (get && get(L, box, key))) {
    return 1;
  }
  return script_error(L, "%s: no field or method '%s'", rg_type_name(type), key);
}

void script_define_class(lua_State *L, rg_type type, const luaL_Reg *methods, box_getter *get) {
  luaL_newmetatable(L, class_names[type]);
  lua_newtable(L);
  luaL_setfuncs(L, methods, 0);
  static const luaL_Reg common[] = {
      {"destroy", script_box_destroy}, {"info", script_box_info},   {"memory", script_box_memory},
      {"pin", script_box_pin},         {"unpin", script_box_unpin}, {NULL, NULL},
  };
  luaL_setfuncs(L, common, 0);
  memcpy(lua_newuserdatauv(L, sizeof get, 0), &get, sizeof get);
  lua_pushcclosure(L, box_index, 2);
  lua_setfield(L, -2, "__index");
  static const luaL_Reg metamethods[] = {
      {"__gc", box_release},
      {"__close", box_release},
      {"__tostring", box_to_string},
      {"__eq", box_equal},
      {NULL, NULL},
  };
  luaL_setfuncs(L, metamethods, 0);
  lua_pushboolean(L, false);
  lua_setfield(L, -2, "__metatable");
  lua_pop(L, 1);
}

void script_define_manager(lua_State *L, const char *name, const luaL_Reg *methods) {
  luaL_newmetatable(L, name);
  lua_newtable(L);
  luaL_setfuncs(L, methods, 0);
  lua_setfield(L, -2, "__index");
  lua_pushboolean(L, false);
  lua_setfield(L, -2, "__metatable");
  lua_pop(L, 1);
}
