/* regolith.Engine: the engine as userdata, its managers as fields. */
#include <math.h>
#include <string.h>

#include "script.h"

/* ---- Creation
 * --------------------------------------------------------------------------------------- */

/* "device" and "validation" as the command line set them, for engines that say nothing. */
static void apply_defaults(lua_State *L, rg_engine_desc *desc, bool has_validation) {
  if (lua_getfield(L, LUA_REGISTRYINDEX, "regolith.defaults") != LUA_TTABLE) {
    return;
  }
  if (!has_validation) {
    script_getfield(L, -1, "validation");
    desc->validation = lua_toboolean(L, -1);
    lua_pop(L, 1);
  }
  if (!desc->device) {
    script_getfield(L, -1, "device");
    desc->device = lua_tostring(L, -1); /* the value stays on the stack, which keeps it */
  }
}

static void set_log(lua_State *L, int index, script_engine *engine, rg_engine_desc *desc) {
  int type = script_getfield(L, index, "log");
  if (type == LUA_TNIL) {
    lua_pop(L, 1);
    return;
  }
  if (type != LUA_TFUNCTION) {
    script_error(L, "engine: log: a function is wanted, %s given", luaL_typename(L, -1));
  }
  script_log *log = lua_newuserdatauv(L, sizeof *log, 0);
  memset(log, 0, sizeof *log);
  atomic_flag_clear(&log->lock);
  lua_setiuservalue(L, -3, 2);
  log->function = luaL_ref(L, LUA_REGISTRYINDEX);
  engine->log = log;
  desc->log = script_log_write;
  desc->log_user = log;
}

/* As set_log: the table's function, if there is one, hears of memory events. */
static void set_memory_event(lua_State *L, int index, script_engine *engine, rg_engine_desc *desc) {
  int type = script_getfield(L, index, "memory_event");
  if (type == LUA_TNIL) {
    lua_pop(L, 1);
    return;
  }
  if (type != LUA_TFUNCTION) {
    script_error(L, "engine: memory_event: a function is wanted, %s given", luaL_typename(L, -1));
  }
  script_events *events = lua_newuserdatauv(L, sizeof *events, 0);
  memset(events, 0, sizeof *events);
  atomic_flag_clear(&events->lock);
  lua_setiuservalue(L, -3, 4);
  events->function = luaL_ref(L, LUA_REGISTRYINDEX);
  engine->events = events;
  desc->memory_event = script_event_write;
  desc->memory_event_user = events;
}

/* The managers are made once, so that engine.buffers costs a look-up. */
static void add_managers(lua_State *L) {
  static const char *const managers[][2] = {
      {"buffers", "regolith.Buffers"}, {"textures", "regolith.Textures"},
      {"shaders", "regolith.Shaders"}, {"materials", "regolith.Materials"},
      {"sets", "regolith.Sets"},       {"memory", "regolith.Memory"},
      {"pools", "regolith.Pools"},
  };
  lua_newtable(L);
  for (size_t i = 0; i < sizeof managers / sizeof managers[0]; i++) {
    lua_newuserdatauv(L, 1, 1);
    lua_pushvalue(L, -3);
    lua_setiuservalue(L, -2, 1);
    luaL_setmetatable(L, managers[i][1]);
    lua_setfield(L, -2, managers[i][0]);
  }
  lua_setiuservalue(L, -2, 3);
}

/* User values: 1 the boxes by id (weak), 2 the log, 3 the managers, 4 the memory events. */
static script_engine *push_engine(lua_State *L) {
  script_engine *engine = lua_newuserdatauv(L, sizeof *engine, 4);
  *engine = (script_engine){0};
  luaL_setmetatable(L, SCRIPT_ENGINE);
  lua_newtable(L);
  lua_createtable(L, 0, 1);
  lua_pushliteral(L, "v");
  lua_setfield(L, -2, "__mode");
  lua_setmetatable(L, -2);
  lua_setiuservalue(L, -2, 1);
  add_managers(L);
  return engine;
}

/* regolith.engine(desc) */
int script_new_engine(lua_State *L) {
  static const char *const extra[] = {"log", "roots", "memory_event", NULL};
  lua_settop(L, 1);
  if (lua_isnil(L, 1)) {
    lua_newtable(L);
    lua_replace(L, 1);
  }
  script_engine *engine = push_engine(L);
  rg_engine_desc desc = {0};
  script_read_desc(L, 1, rg_schema_find("engine"), "engine", &desc, extra);
  lua_pushvalue(L, 2);
  set_log(L, 1, engine, &desc);
  set_memory_event(L, 1, engine, &desc);
  lua_settop(L, 3);

  const char *roots[64];
  if (script_getfield(L, 1, "roots") != LUA_TNIL) {
    luaL_argcheck(L, lua_istable(L, -1), 1, "roots: a list of folders is wanted");
    lua_Integer count = script_length(L, -1);
    luaL_argcheck(L, count >= 1 && count <= 64, 1, "roots: 1 to 64 folders are wanted");
    int list = lua_gettop(L);
    luaL_checkstack(L, (int)count + 8, "roots");
    for (lua_Integer i = 1; i <= count; i++) {
      luaL_argcheck(L, lua_rawgeti(L, list, i) == LUA_TSTRING, 1, "roots: folders are strings");
      roots[i - 1] = lua_tostring(L, -1);
    }
    desc.roots = roots;
    desc.root_count = (uint32_t)count;
  }
  script_getfield(L, 1, "validation");
  bool has_validation = !lua_isnil(L, -1);
  apply_defaults(L, &desc, has_validation);

  rg_result result = rg_engine_create(&desc, &engine->engine);
  script_log_deliver(L, engine);
  if (result != RG_OK) {
    return script_fail(L, result);
  }
  engine->is_owned = true;
  lua_pushvalue(L, 2);
  return 1;
}

void rg_lua_push_engine(lua_State *L, rg_engine *host_engine) {
  script_engine *engine = push_engine(L);
  engine->engine = host_engine;
}

rg_engine *rg_lua_to_engine(lua_State *L, int index) {
  script_engine *engine = luaL_testudata(L, index, SCRIPT_ENGINE);
  return engine ? engine->engine : NULL;
}

/* ---- Checks
 * ----------------------------------------------------------------------------------------- */

script_engine *script_check_engine(lua_State *L, int index) {
  script_engine *engine = luaL_checkudata(L, index, SCRIPT_ENGINE);
  if (!engine->engine) {
    script_error(L, "engine: it is closed");
  }
  return engine;
}

script_engine *script_check_manager(lua_State *L, const char *class_name) {
  luaL_checkudata(L, 1, class_name);
  lua_getiuservalue(L, 1, 1);
  lua_replace(L, 1);
  return script_check_engine(L, 1);
}

/* ---- Methods
 * ---------------------------------------------------------------------------------------- */

static int push_ticket(lua_State *L, script_engine *engine, rg_result result, rg_ticket ticket) {
  script_log_deliver(L, engine);
  if (result != RG_OK) {
    return script_fail(L, result);
  }
  lua_pushinteger(L, (lua_Integer)ticket.id);
  return 1;
}

static int engine_flush(lua_State *L) {
  script_engine *engine = script_check_engine(L, 1);
  rg_ticket ticket = {0};
  rg_result result = rg_flush(engine->engine, &ticket);
  return push_ticket(L, engine, result, ticket);
}

static int engine_dispatch(lua_State *L) {
  script_engine *engine = script_check_engine(L, 1);
  script_box *material = script_check_box(L, 2, RG_TYPE_MATERIAL);
  uint32_t counts[3];
  for (int i = 0; i < 3; i++) {
    lua_Integer count = luaL_optinteger(L, 3 + i, 1);
    luaL_argcheck(L, count >= 1 && count <= UINT32_MAX, 3 + i, "a workgroup count is 1 or more");
    counts[i] = (uint32_t)count;
  }
  rg_ticket ticket = {0};
  rg_result result = rg_dispatch(engine->engine, (rg_material){material->id}, counts[0], counts[1],
                                 counts[2], &ticket);
  return push_ticket(L, engine, result, ticket);
}

static int engine_wait(lua_State *L) {
  script_engine *engine = script_check_engine(L, 1);
  rg_ticket ticket = {(uint64_t)luaL_checkinteger(L, 2)};
  uint64_t timeout = UINT64_MAX;
  if (!lua_isnoneornil(L, 3)) {
    double seconds = luaL_checknumber(L, 3);
    luaL_argcheck(L, seconds >= 0 && isfinite(seconds), 3, "a time-out is 0 seconds or more");
    timeout = seconds > 1e9 ? UINT64_MAX : (uint64_t)(seconds * 1e9);
  }
  rg_result result = rg_ticket_wait(engine->engine, ticket, timeout);
  script_log_deliver(L, engine);
  if (result < 0) {
    return script_fail(L, result);
  }
  lua_pushboolean(L, result == RG_OK);
  return 1;
}

static int engine_collect(lua_State *L) {
  script_engine *engine = script_check_engine(L, 1);
  rg_result result = rg_collect(engine->engine);
  script_log_deliver(L, engine);
  return result == RG_OK ? 0 : script_fail(L, result);
}

static int held_string_release(lua_State *L) {
  script_string *held = lua_touserdata(L, 1);
  if (held->string && held->engine->engine) {
    rg_string_free(held->engine->engine, held->string);
  }
  held->string = NULL;
  return 0;
}

script_string *script_hold_string(lua_State *L, int engine_index) {
  engine_index = lua_absindex(L, engine_index);
  script_string *held = lua_newuserdatauv(L, sizeof *held, 1);
  *held = (script_string){.engine = lua_touserdata(L, engine_index)};
  lua_pushvalue(L, engine_index);
  lua_setiuservalue(L, -2, 1);
  if (luaL_newmetatable(L, "regolith.HeldString")) {
    lua_pushcfunction(L, held_string_release);
    lua_setfield(L, -2, "__gc");
  }
  lua_setmetatable(L, -2);
  return held;
}

int script_push_string(lua_State *L, script_string *held, rg_result result) {
  if (result != RG_OK) {
    return script_fail(L, result);
  }
  lua_pushstring(L, held->string);
  rg_string_free(held->engine->engine, held->string);
  held->string = NULL;
  return 1;
}

static int engine_report_json(lua_State *L) {
  script_engine *engine = script_check_engine(L, 1);
  script_string *held = script_hold_string(L, 1);
  rg_result result = rg_report_json(engine->engine, &held->string);
  return script_push_string(L, held, result);
}

static int engine_report(lua_State *L) {
  int count = engine_report_json(L);
  if (count != 1) {
    return count;
  }
  script_push_json(L, lua_tostring(L, -1));
  return 1;
}

static int engine_manifest(lua_State *L) {
  script_engine *engine = script_check_engine(L, 1);
  rg_set set = {0};
  if (!lua_isnoneornil(L, 2)) {
    set.id = script_check_box(L, 2, RG_TYPE_SET)->id;
  }
  script_string *held = script_hold_string(L, 1);
  rg_result result = rg_manifest_write(engine->engine, set, &held->string);
  return script_push_string(L, held, result);
}

static int engine_read_manifest(lua_State *L) {
  script_engine *engine = script_check_engine(L, 1);
  const char *name = luaL_checkstring(L, 2);
  size_t length = 0;
  const char *text = luaL_checklstring(L, 3, &length);
  script_set_origin(L);
  rg_result result = rg_manifest_read(engine->engine, name, text, length);
  script_log_deliver(L, engine);
  if (result != RG_OK) {
    return script_fail(L, result);
  }
  lua_pushboolean(L, true);
  return 1;
}

/* Counts the messages of engines that are gone, for the command line's verdict. */
static void add_validation_count(lua_State *L, rg_engine *engine) {
  lua_getfield(L, LUA_REGISTRYINDEX, "regolith.validation_count");
  lua_Integer count = lua_tointeger(L, -1);
  lua_pop(L, 1);
  lua_pushinteger(L, count + (lua_Integer)rg_engine_validation_count(engine));
  lua_setfield(L, LUA_REGISTRYINDEX, "regolith.validation_count");
}

static int engine_close(lua_State *L) {
  script_engine *engine = luaL_checkudata(L, 1, SCRIPT_ENGINE);
  if (!engine->engine) {
    return 0;
  }
  rg_engine *closing = engine->engine;
  if (engine->is_owned) {
    add_validation_count(L, closing);
  }
  engine->engine = NULL;
  if (engine->is_owned) {
    rg_engine_destroy(closing);
  }
  script_log_deliver(L, engine);
  if (engine->log) {
    luaL_unref(L, LUA_REGISTRYINDEX, engine->log->function);
    engine->log = NULL;
  }
  if (engine->events) {
    luaL_unref(L, LUA_REGISTRYINDEX, engine->events->function);
    engine->events = NULL;
  }
  return 0;
}

/* ---- Fields
 * ------------------------------------------------------------------------------------------- */

static bool push_field(lua_State *L, script_engine *engine, const char *key) {
  if (strcmp(key, "device") == 0) {
    rg_device_info info;
    rg_engine_get_device(engine->engine, &info);
    script_push_device(L, &info);
  } else if (strcmp(key, "limits") == 0) {
    rg_limits limits;
    rg_engine_get_limits(engine->engine, &limits);
    script_push_limits(L, &limits);
  } else if (strcmp(key, "validation_count") == 0) {
    lua_pushinteger(L, (lua_Integer)rg_engine_validation_count(engine->engine));
  } else {
    return false;
  }
  return true;
}

/* Methods (upvalue 1), then managers, then fields. */
static int engine_index(lua_State *L) {
  lua_pushvalue(L, 2);
  if (lua_rawget(L, lua_upvalueindex(1)) != LUA_TNIL) {
    return 1;
  }
  script_engine *engine = script_check_engine(L, 1);
  const char *key = luaL_checkstring(L, 2);
  lua_getiuservalue(L, 1, 3);
  if (script_getfield(L, -1, key) != LUA_TNIL || push_field(L, engine, key)) {
    return 1;
  }
  return script_error(L, "engine: no field or method '%s'", key);
}

static int engine_to_string(lua_State *L) {
  script_engine *engine = luaL_checkudata(L, 1, SCRIPT_ENGINE);
  if (!engine->engine) {
    lua_pushliteral(L, "engine (closed)");
    return 1;
  }
  rg_device_info info;
  rg_engine_get_device(engine->engine, &info);
  lua_pushfstring(L, "engine on %s", info.name);
  return 1;
}

void script_open_engine(lua_State *L) {
  static const luaL_Reg methods[] = {
      {"flush", engine_flush},
      {"wait", engine_wait},
      {"dispatch", engine_dispatch},
      {"collect", engine_collect},
      {"transients", script_transients},
      {"report", engine_report},
      {"report_json", engine_report_json},
      {"declare", script_declare},
      {"manifest", engine_manifest},
      {"read_manifest", engine_read_manifest},
      {"close", engine_close},
      {NULL, NULL},
  };
  static const luaL_Reg metamethods[] = {
      {"__gc", engine_close},
      {"__close", engine_close},
      {"__tostring", engine_to_string},
      {NULL, NULL},
  };
  luaL_newmetatable(L, SCRIPT_ENGINE);
  lua_newtable(L);
  luaL_setfuncs(L, methods, 0);
  lua_pushcclosure(L, engine_index, 1);
  lua_setfield(L, -2, "__index");
  luaL_setfuncs(L, metamethods, 0);
  lua_pushboolean(L, false);
  lua_setfield(L, -2, "__metatable");
  lua_pop(L, 1);
}
