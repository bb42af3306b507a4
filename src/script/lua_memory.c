/* regolith.Memory: what the device's memory holds, where it lies, and what may be done about it. */
#include <string.h>

#include "script.h"

#define MANAGER "regolith.Memory"

static void set_integer(lua_State *L, const char *key, uint64_t value) {
  lua_pushinteger(L, value > INT64_MAX ? INT64_MAX : (lua_Integer)value);
  lua_setfield(L, -2, key);
}

static void set_bool(lua_State *L, const char *key, bool value) {
  lua_pushboolean(L, value);
  lua_setfield(L, -2, key);
}

/* ---- Statistics ------------------------------------------------------------------------------ */

void script_push_pool_stats(lua_State *L, const rg_pool_stats *pool) {
  lua_createtable(L, 0, 13);
  set_integer(L, "memory_type", pool->memory_type);
  set_integer(L, "heap", (uint64_t)pool->heap + 1); /* into the list of heaps */
  script_push_memory_properties(L, pool->properties);
  lua_setfield(L, -2, "properties");
  set_bool(L, "is_optimal", pool->is_optimal);
  set_integer(L, "blocks", pool->blocks);
  set_integer(L, "dedicated", pool->dedicated);
  set_integer(L, "ranges", pool->ranges);
  set_integer(L, "size", pool->size);
  set_integer(L, "used", pool->used);
  set_integer(L, "padding", pool->padding);
  set_integer(L, "largest_free", pool->largest_free);
  lua_pushnumber(L, pool->fragmentation);
  lua_setfield(L, -2, "fragmentation");
}

static void push_heaps(lua_State *L, const rg_memory_stats *stats) {
  lua_createtable(L, (int)stats->heap_count, 0);
  for (uint32_t i = 0; i < stats->heap_count; i++) {
    lua_createtable(L, 0, 4);
    set_integer(L, "size", stats->heaps[i].size);
    set_integer(L, "used", stats->heaps[i].used);
    set_integer(L, "budget", stats->heaps[i].budget);
    set_bool(L, "is_device_local", stats->heaps[i].is_device_local);
    lua_seti(L, -2, (lua_Integer)i + 1);
  }
}

static int memory_stats(lua_State *L) {
  script_engine *engine = script_check_manager(L, MANAGER);
  rg_memory_stats *stats = lua_newuserdatauv(L, sizeof *stats, 0);
  rg_memory_get_stats(engine->engine, stats);
  lua_createtable(L, 0, 5);
  lua_createtable(L, (int)stats->pool_count, 0);
  for (uint32_t i = 0; i < stats->pool_count; i++) {
    script_push_pool_stats(L, &stats->pools[i]);
    lua_seti(L, -2, (lua_Integer)i + 1);
  }
  lua_setfield(L, -2, "pools");
  push_heaps(L, stats);
  lua_setfield(L, -2, "heaps");
  set_integer(L, "size", stats->size);
  set_integer(L, "used", stats->used);
  set_integer(L, "host_bytes", stats->host_bytes);
  return 1;
}

/* A heap's number in Lua, from 1, as Vulkan's index. */
static uint32_t check_heap(lua_State *L, int index) {
  lua_Integer heap = luaL_checkinteger(L, index);
  luaL_argcheck(L, heap >= 1 && heap <= VK_MAX_MEMORY_HEAPS, index, "a heap's number, from 1");
  return (uint32_t)heap - 1;
}

static int memory_totals(lua_State *L) {
  script_engine *engine = script_check_manager(L, MANAGER);
  uint32_t heap = lua_isnoneornil(L, 2) ? VK_MAX_MEMORY_HEAPS : check_heap(L, 2);
  rg_memory_totals totals;
  rg_memory_get_totals(engine->engine, heap, &totals);
  lua_createtable(L, 0, 4);
  set_integer(L, "size", totals.size);
  set_integer(L, "used", totals.used);
  set_integer(L, "budget", totals.budget);
  set_integer(L, "allocations", totals.allocations);
  return 1;
}

static int memory_label(lua_State *L) {
  script_engine *engine = script_check_manager(L, MANAGER);
  const char *label = luaL_optstring(L, 2, NULL);
  rg_label_stats stats;
  rg_memory_get_label_stats(engine->engine, label, &stats);
  lua_createtable(L, 0, 2);
  set_integer(L, "count", stats.count);
  set_integer(L, "bytes", stats.bytes);
  return 1;
}

static int memory_json(lua_State *L) {
  script_engine *engine = script_check_manager(L, MANAGER);
  bool is_detailed = lua_toboolean(L, 2);
  script_string *held = script_hold_string(L, 1);
  rg_result result = rg_memory_json(engine->engine, is_detailed, &held->string);
  return script_push_string(L, held, result);
}

static int memory_map(lua_State *L) {
  int count = memory_json(L);
  if (count != 1) {
    return count;
  }
  script_push_json(L, lua_tostring(L, -1));
  return 1;
}

static int memory_svg(lua_State *L) {
  script_engine *engine = script_check_manager(L, MANAGER);
  script_string *held = script_hold_string(L, 1);
  rg_result result = rg_memory_svg(engine->engine, &held->string);
  return script_push_string(L, held, result);
}

/* ---- Traces ---------------------------------------------------------------------------------- */

static int push_done(lua_State *L, script_engine *engine, rg_result result) {
  script_log_deliver(L, engine);
  if (result != RG_OK) {
    return script_fail(L, result);
  }
  lua_pushboolean(L, true);
  return 1;
}

/* Scripts that are not trusted may write no files, wherever these are. */
static int memory_record(lua_State *L) {
  script_engine *engine = script_check_manager(L, MANAGER);
  const char *file = luaL_checkstring(L, 2);
  if (lua_getfield(L, LUA_REGISTRYINDEX, "regolith.sandboxed") != LUA_TNIL) {
    return script_error(L,
                        "memory: record: a script that is not trusted may not write '%s'; use "
                        "'regolith memory --record FILE', or --trust",
                        file);
  }
  return push_done(L, engine, rg_memory_record_begin(engine->engine, file));
}

static int memory_stop_recording(lua_State *L) {
  script_engine *engine = script_check_manager(L, MANAGER);
  return push_done(L, engine, rg_memory_record_end(engine->engine));
}

static int memory_replay(lua_State *L) {
  script_engine *engine = script_check_manager(L, MANAGER);
  size_t length = 0;
  const char *text = luaL_checklstring(L, 2, &length);
  rg_replay_stats stats;
  rg_result result = rg_memory_replay(engine->engine, text, length, &stats);
  script_log_deliver(L, engine);
  if (result != RG_OK) {
    return script_fail(L, result);
  }
  lua_createtable(L, 0, 8);
  set_integer(L, "allocations", stats.allocations);
  set_integer(L, "frees", stats.frees);
  set_integer(L, "failures", stats.failures);
  set_integer(L, "peak_used", stats.peak_used);
  set_integer(L, "peak_size", stats.peak_size);
  set_integer(L, "peak_blocks", stats.peak_blocks);
  set_integer(L, "threads", stats.threads);
  lua_pushnumber(L, stats.seconds);
  lua_setfield(L, -2, "seconds");
  return 1;
}

/* ---- Acting on it ---------------------------------------------------------------------------- */

static int memory_check(lua_State *L) {
  script_engine *engine = script_check_manager(L, MANAGER);
  return push_done(L, engine, rg_memory_check(engine->engine));
}

static int memory_set_budget(lua_State *L) {
  script_engine *engine = script_check_manager(L, MANAGER);
  uint32_t heap = check_heap(L, 2);
  lua_Integer bytes = luaL_optinteger(L, 3, 0);
  luaL_argcheck(L, bytes >= 0, 3, "a budget is 0 bytes (none) or more");
  return push_done(L, engine, rg_memory_set_budget(engine->engine, heap, (uint64_t)bytes));
}

static void check_defragment_keys(lua_State *L, int index) {
  static const char *const keys[] = {"max_bytes", "max_moves"};
  lua_pushnil(L);
  while (lua_next(L, index)) {
    lua_pop(L, 1);
    const char *key = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "?";
    if (strcmp(key, keys[0]) != 0 && strcmp(key, keys[1]) != 0) {
      script_unknown_key(L, "defragment", key, keys, 2);
    }
  }
}

static int memory_defragment(lua_State *L) {
  script_engine *engine = script_check_manager(L, MANAGER);
  rg_defragment_desc desc = {0};
  if (!lua_isnoneornil(L, 2)) {
    luaL_checktype(L, 2, LUA_TTABLE);
    check_defragment_keys(L, 2);
    desc.max_bytes = script_get_uint(L, 2, "defragment", "max_bytes", 0, INT64_MAX, 0);
    desc.max_moves = (uint32_t)script_get_uint(L, 2, "defragment", "max_moves", 0, UINT32_MAX, 0);
  }
  rg_defragment_info info = {0};
  rg_result result = rg_defragment(engine->engine, &desc, &info);
  script_log_deliver(L, engine);
  if (result != RG_OK) {
    return script_fail(L, result);
  }
  lua_createtable(L, 0, 4);
  set_integer(L, "bytes_moved", info.bytes_moved);
  set_integer(L, "moves", info.moves);
  set_integer(L, "blocks_freed", info.blocks_freed);
  set_bool(L, "is_done", info.is_done);
  return 1;
}

static int memory_trim(lua_State *L) {
  script_engine *engine = script_check_manager(L, MANAGER);
  rg_memory_trim(engine->engine);
  return 0;
}

void script_open_memory(lua_State *L) {
  static const luaL_Reg manager[] = {
      {"stats", memory_stats},
      {"totals", memory_totals},
      {"label", memory_label},
      {"json", memory_json},
      {"map", memory_map},
      {"svg", memory_svg},
      {"record", memory_record},
      {"stop_recording", memory_stop_recording},
      {"replay", memory_replay},
      {"check", memory_check},
      {"set_budget", memory_set_budget},
      {"defragment", memory_defragment},
      {"trim", memory_trim},
      {NULL, NULL},
  };
  script_define_manager(L, MANAGER, manager);
}
