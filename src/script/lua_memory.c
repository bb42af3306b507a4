/* regolith.Memory: what the device's memory holds. */
#include "script.h"

#define MANAGER "regolith.Memory"

static void set_integer(lua_State *L, const char *key, uint64_t value) {
  lua_pushinteger(L, value > INT64_MAX ? INT64_MAX : (lua_Integer)value);
  lua_setfield(L, -2, key);
}

static void push_pool(lua_State *L, const rg_pool_stats *pool) {
  lua_newtable(L);
  set_integer(L, "memory_type", pool->memory_type);
  set_integer(L, "heap", pool->heap);
  script_push_memory_properties(L, pool->properties);
  lua_setfield(L, -2, "properties");
  lua_pushboolean(L, pool->is_optimal);
  lua_setfield(L, -2, "is_optimal");
  set_integer(L, "blocks", pool->blocks);
  set_integer(L, "dedicated", pool->dedicated);
  set_integer(L, "ranges", pool->ranges);
  set_integer(L, "size", pool->size);
  set_integer(L, "used", pool->used);
  set_integer(L, "largest_free", pool->largest_free);
}

static int memory_stats(lua_State *L) {
  script_engine *engine = script_check_manager(L, MANAGER);
  rg_memory_stats *stats = lua_newuserdatauv(L, sizeof *stats, 0);
  rg_memory_get_stats(engine->engine, stats);
  lua_newtable(L);
  lua_createtable(L, (int)stats->pool_count, 0);
  for (uint32_t i = 0; i < stats->pool_count; i++) {
    push_pool(L, &stats->pools[i]);
    lua_seti(L, -2, (lua_Integer)i + 1);
  }
  lua_setfield(L, -2, "pools");
  lua_createtable(L, (int)stats->heap_count, 0);
  for (uint32_t i = 0; i < stats->heap_count; i++) {
    lua_newtable(L);
    set_integer(L, "size", stats->heaps[i].size);
    set_integer(L, "used", stats->heaps[i].used);
    set_integer(L, "budget", stats->heaps[i].budget);
    lua_pushboolean(L, stats->heaps[i].is_device_local);
    lua_setfield(L, -2, "is_device_local");
    lua_seti(L, -2, (lua_Integer)i + 1);
  }
  lua_setfield(L, -2, "heaps");
  set_integer(L, "size", stats->size);
  set_integer(L, "used", stats->used);
  set_integer(L, "host_bytes", stats->host_bytes);
  return 1;
}

static int memory_trim(lua_State *L) {
  script_engine *engine = script_check_manager(L, MANAGER);
  rg_memory_trim(engine->engine);
  return 0;
}

void script_open_memory(lua_State *L) {
  static const luaL_Reg manager[] = {{"stats", memory_stats}, {"trim", memory_trim}, {NULL, NULL}};
  script_define_manager(L, MANAGER, manager);
}
