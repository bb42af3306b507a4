/* regolith.Pools and regolith.Pool: memory pools of the script's own. */
#include "script.h"

#define MANAGER "regolith.Pools"

static int pools_create(lua_State *L) {
  script_engine *engine = script_check_manager(L, MANAGER);
  luaL_checkany(L, 2);
  rg_pool_desc desc = {0};
  script_read_desc(L, 2, rg_schema_find("pool"), script_what(L, 2, "pool"), &desc, NULL);
  script_box_new(L, 1, RG_TYPE_POOL);
  script_set_origin(L);
  rg_pool pool = {0};
  rg_result result = rg_pool_create(engine->engine, &desc, &pool);
  script_log_deliver(L, engine);
  if (result != RG_OK) {
    return script_fail(L, result);
  }
  script_box_fill(L, pool.id);
  return 1;
}

static int pools_all(lua_State *L) {
  script_check_manager(L, MANAGER);
  return script_push_all(L, 1, RG_TYPE_POOL);
}

static int pool_stats(lua_State *L) {
  script_box *box = script_check_box(L, 1, RG_TYPE_POOL);
  rg_pool_stats stats;
  rg_result result = rg_pool_get_stats(box->engine->engine, (rg_pool){box->id}, &stats);
  if (result != RG_OK) {
    return script_fail(L, result);
  }
  script_push_pool_stats(L, &stats);
  return 1;
}

void script_open_pools(lua_State *L) {
  static const luaL_Reg manager[] = {{"create", pools_create}, {"all", pools_all}, {NULL, NULL}};
  static const luaL_Reg methods[] = {{"stats", pool_stats}, {NULL, NULL}};
  script_define_manager(L, MANAGER, manager);
  script_define_class(L, RG_TYPE_POOL, methods, NULL);
}
