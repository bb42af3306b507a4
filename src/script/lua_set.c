/* regolith.Sets and regolith.Set. */
#include <string.h>

#include "script.h"

#define MANAGER "regolith.Sets"

/* sets:create(desc, where): where is the origin that reports tell, the calling line if nil. */
static int sets_create(lua_State *L) {
  script_engine *engine = script_check_manager(L, MANAGER);
  const char *where = luaL_optstring(L, 3, NULL);
  rg_set_desc desc = {0};
  script_read_desc(L, 2, rg_schema_find("set"), script_what(L, 2, "set"), &desc, NULL);
  script_box_new(L, 1, RG_TYPE_SET);
  if (where) {
    rg_origin_set(where);
  } else {
    script_set_origin(L);
  }
  rg_set set = {0};
  rg_result result = rg_set_create(engine->engine, &desc, &set);
  script_log_deliver(L, engine);
  if (result != RG_OK) {
    return script_fail(L, result);
  }
  script_box_fill(L, set.id);
  return 1;
}

static int sets_find(lua_State *L) {
  script_engine *engine = script_check_manager(L, MANAGER);
  rg_set set = {0};
  rg_result result = rg_set_find(engine->engine, luaL_checkstring(L, 2), &set);
  if (result != RG_OK && result != RG_ERROR_NOT_FOUND) {
    return script_fail(L, result);
  }
  script_box_push(L, 1, set.id);
  return 1;
}

static int sets_all(lua_State *L) {
  script_check_manager(L, MANAGER);
  return script_push_all(L, 1, RG_TYPE_SET);
}

/* ---- One set
 * ------------------------------------------------------------------------------------------ */

static int set_load(lua_State *L) {
  script_box *box = script_check_box(L, 1, RG_TYPE_SET);
  script_set_origin(L);
  rg_result result = rg_set_load(box->engine->engine, (rg_set){box->id});
  script_log_deliver(L, box->engine);
  if (result != RG_OK) {
    /* What a set names is circumstance, whatever its code: a file may be missing, a name not
     * declared. */
    script_where(L);
    lua_pushstring(L, rg_error());
    lua_concat(L, 2);
    lua_pushnil(L);
    lua_insert(L, -2);
    lua_pushstring(L, rg_result_name(result));
    return 3;
  }
  lua_pushboolean(L, true);
  return 1;
}

static int set_unload(lua_State *L) {
  script_box *box = script_check_box(L, 1, RG_TYPE_SET);
  script_set_origin(L);
  rg_result result = rg_set_unload(box->engine->engine, (rg_set){box->id});
  script_log_deliver(L, box->engine);
  if (result != RG_OK) {
    return script_fail(L, result);
  }
  lua_pushboolean(L, true);
  return 1;
}

static rg_set_info check_info(lua_State *L, script_box *box) {
  rg_set_info info = {0};
  rg_result result = rg_set_get_info(box->engine->engine, (rg_set){box->id}, &info);
  if (result != RG_OK) {
    script_fail(L, result);
  }
  return info;
}

static int set_members(lua_State *L) {
  script_box *box = script_check_box(L, 1, RG_TYPE_SET);
  rg_set_info info = check_info(L, box);
  lua_getiuservalue(L, 1, 1);
  int engine_index = lua_gettop(L);
  lua_createtable(L, (int)info.member_count, 0);
  for (uint32_t i = 0; i < info.member_count; i++) {
    rg_member_info member;
    rg_result result = rg_set_get_member(box->engine->engine, (rg_set){box->id}, i, &member);
    if (result != RG_OK) {
      return script_fail(L, result);
    }
    lua_createtable(L, 0, 3);
    lua_pushstring(L, rg_type_name(member.type));
    lua_setfield(L, -2, "type");
    lua_pushstring(L, member.name);
    lua_setfield(L, -2, "name");
    script_box_push(L, engine_index, member.handle.id);
    lua_setfield(L, -2, "resource");
    lua_seti(L, -2, (lua_Integer)i + 1);
  }
  return 1;
}

static void set_integer(lua_State *L, const char *key, uint64_t value) {
  lua_pushinteger(L, (lua_Integer)value);
  lua_setfield(L, -2, key);
}

static void push_attributes(lua_State *L, const rg_primitive_info *primitive) {
  lua_createtable(L, (int)primitive->attribute_count, 0);
  for (uint32_t i = 0; i < primitive->attribute_count; i++) {
    lua_createtable(L, 0, 3);
    lua_pushstring(L, primitive->attributes[i].name);
    lua_setfield(L, -2, "name");
    lua_pushstring(L, rg_format_name(primitive->attributes[i].format));
    lua_setfield(L, -2, "format");
    set_integer(L, "offset", primitive->attributes[i].offset);
    lua_seti(L, -2, (lua_Integer)i + 1);
  }
}

static void push_primitive(lua_State *L, int engine_index, const rg_primitive_info *primitive) {
  lua_newtable(L);
  lua_pushstring(L, primitive->name);
  lua_setfield(L, -2, "name");
  script_box_push(L, engine_index, primitive->vertices.id);
  lua_setfield(L, -2, "vertices");
  script_box_push(L, engine_index, primitive->indices.id);
  lua_setfield(L, -2, "indices");
  script_box_push(L, engine_index, primitive->material.id);
  lua_setfield(L, -2, "material");
  set_integer(L, "vertex_count", primitive->vertex_count);
  set_integer(L, "index_count", primitive->index_count);
  set_integer(L, "vertex_stride", primitive->vertex_stride);
  lua_pushstring(L, primitive->index_type == VK_INDEX_TYPE_UINT32 ? "uint32" : "uint16");
  lua_setfield(L, -2, "index_type");
  lua_pushstring(L, script_enum_name("state", "topology", primitive->topology));
  lua_setfield(L, -2, "topology");
  push_attributes(L, primitive);
  lua_setfield(L, -2, "attributes");
}

static int set_primitives(lua_State *L) {
  script_box *box = script_check_box(L, 1, RG_TYPE_SET);
  rg_set_info info = check_info(L, box);
  lua_getiuservalue(L, 1, 1);
  int engine_index = lua_gettop(L);
  lua_createtable(L, (int)info.primitive_count, 0);
  for (uint32_t i = 0; i < info.primitive_count; i++) {
    rg_primitive_info primitive;
    rg_result result = rg_set_get_primitive(box->engine->engine, (rg_set){box->id}, i, &primitive);
    if (result != RG_OK) {
      return script_fail(L, result);
    }
    push_primitive(L, engine_index, &primitive);
    lua_seti(L, -2, (lua_Integer)i + 1);
  }
  return 1;
}

static int set_get(lua_State *L) {
  script_box *box = script_check_box(L, 1, RG_TYPE_SET);
  const char *type_name = luaL_checkstring(L, 2);
  const char *name = luaL_checkstring(L, 3);
  rg_type type = RG_TYPE_NONE;
  for (uint32_t i = 1; i < RG_TYPE_COUNT; i++) {
    if (strcmp(rg_type_name((rg_type)i), type_name) == 0) {
      type = (rg_type)i;
    }
  }
  luaL_argcheck(L, type != RG_TYPE_NONE, 2, "a type is buffer, texture, shader, material or set");
  rg_handle handle = {0};
  rg_result result = rg_set_get(box->engine->engine, (rg_set){box->id}, type, name, &handle);
  if (result != RG_OK && result != RG_ERROR_NOT_FOUND) {
    return script_fail(L, result);
  }
  lua_getiuservalue(L, 1, 1);
  script_box_push(L, -1, handle.id);
  return 1;
}

static bool set_get_field(lua_State *L, script_box *box, const char *key) {
  rg_set_info info = check_info(L, box);
  if (strcmp(key, "name") == 0) {
    lua_pushstring(L, info.name);
  } else if (strcmp(key, "references") == 0) {
    lua_pushinteger(L, info.references);
  } else if (strcmp(key, "member_count") == 0) {
    lua_pushinteger(L, info.member_count);
  } else if (strcmp(key, "mesh_count") == 0) {
    lua_pushinteger(L, info.mesh_count);
  } else if (strcmp(key, "primitive_count") == 0) {
    lua_pushinteger(L, info.primitive_count);
  } else if (strcmp(key, "device_bytes") == 0) {
    lua_pushinteger(L, (lua_Integer)info.device_bytes);
  } else if (strcmp(key, "budget") == 0) {
    lua_pushinteger(L, (lua_Integer)info.budget);
  } else if (strcmp(key, "load_ms") == 0) {
    lua_pushnumber(L, info.load_ms);
  } else {
    return false;
  }
  return true;
}

void script_open_sets(lua_State *L) {
  static const luaL_Reg manager[] = {
      {"create", sets_create}, {"find", sets_find}, {"all", sets_all}, {NULL, NULL}};
  static const luaL_Reg methods[] = {
      {"load", set_load},       {"unload", set_unload},
      {"members", set_members}, {"primitives", set_primitives},
      {"get", set_get},         {NULL, NULL},
  };
  script_define_manager(L, MANAGER, manager);
  script_define_class(L, RG_TYPE_SET, methods, set_get_field);
}
