/* regolith.Buffers and regolith.Buffer. */
#include <string.h>

#include "script.h"

#define MANAGER "regolith.Buffers"

static uint64_t check_size(lua_State *L, int index, const char *name) {
  lua_Integer value = luaL_checkinteger(L, index);
  if (value < 0) {
    script_error(L, "buffer: %s: %I is negative", name, value);
  }
  return (uint64_t)value;
}

/* The new box is on the top of the stack. */
static int finish_create(lua_State *L, script_engine *engine, rg_result result, rg_buffer buffer) {
  script_log_deliver(L, engine);
  if (result != RG_OK) {
    return script_fail(L, result);
  }
  script_box_fill(L, buffer.id);
  return 1;
}

/* Where the table at 2 gives both, the data must be as long as the size says. */
static void check_data_size(lua_State *L, const char *what) {
  if (script_getfield(L, 2, "data") == LUA_TSTRING &&
      script_getfield(L, 2, "size") == LUA_TNUMBER &&
      (lua_Integer)lua_rawlen(L, -2) != lua_tointeger(L, -1)) {
    script_error(L, "%s: data: %I bytes given, size is %I", what, (lua_Integer)lua_rawlen(L, -2),
                 lua_tointeger(L, -1));
  }
}

static int buffers_create(lua_State *L) {
  script_engine *engine = script_check_manager(L, MANAGER);
  luaL_checkany(L, 2);
  rg_buffer_desc desc = {0};
  if (lua_istable(L, 2) && script_getfield(L, 2, "size") == LUA_TNIL &&
      script_getfield(L, 2, "data") == LUA_TSTRING) {
    /* The data's length is the size: a copy of the table says so, the caller's stays as it is. */
    lua_Integer size = (lua_Integer)lua_rawlen(L, -1);
    lua_newtable(L);
    lua_pushnil(L);
    while (lua_next(L, 2)) {
      lua_pushvalue(L, -2);
      lua_insert(L, -2);
      lua_settable(L, -4);
    }
    lua_pushinteger(L, size);
    lua_setfield(L, -2, "size");
    lua_replace(L, 2);
  }
  const char *what = script_what(L, 2, "buffer");
  script_read_desc(L, 2, rg_schema_find("buffer"), what, &desc, NULL);
  check_data_size(L, what);
  script_box_new(L, 1, RG_TYPE_BUFFER);
  script_set_origin(L);
  rg_buffer buffer = {0};
  rg_result result = rg_buffer_create(engine->engine, &desc, &buffer);
  return finish_create(L, engine, result, buffer);
}

static int buffers_create_staging(lua_State *L) {
  script_engine *engine = script_check_manager(L, MANAGER);
  uint64_t size = check_size(L, 2, "size");
  const char *label = luaL_optstring(L, 3, NULL);
  script_box_new(L, 1, RG_TYPE_BUFFER);
  script_set_origin(L);
  rg_buffer buffer = {0};
  void *mapped = NULL;
  rg_result result = rg_buffer_create_staging(engine->engine, size, label, &buffer, &mapped);
  return finish_create(L, engine, result, buffer);
}

/* A list has the keys 1 to count and no others. */
static void check_list(lua_State *L, int list, lua_Integer count, const char *what) {
  lua_pushnil(L);
  while (lua_next(L, list)) {
    lua_pop(L, 1);
    if (!lua_isinteger(L, -1) || lua_tointeger(L, -1) < 1 || lua_tointeger(L, -1) > count) {
      luaL_tolstring(L, -1, NULL);
      script_error(L, "update: %s: unknown key '%s', a list without holes is wanted", what,
                   lua_tostring(L, -1));
    }
  }
}

/* One { buffer, offset, data } of a list of writes, on the top of the stack. */
static void read_write(lua_State *L, lua_Integer index, rg_buffer_write *out) {
  if (!lua_istable(L, -1)) {
    script_error(L, "update: entry %I: { buffer, offset, data } is wanted, %s given", index,
                 luaL_typename(L, -1));
  }
  int entry = lua_gettop(L);
  check_list(L, entry, 3, "a write");
  lua_rawgeti(L, entry, 1);
  out->buffer.id = script_check_box(L, -1, RG_TYPE_BUFFER)->id;
  lua_rawgeti(L, entry, 2);
  int is_whole = 0;
  lua_Integer offset = lua_tointegerx(L, -1, &is_whole);
  if (!is_whole || offset < 0) {
    script_error(L, "update: entry %I: the offset is a whole number, 0 or more", index);
  }
  out->offset = (uint64_t)offset;
  if (lua_rawgeti(L, entry, 3) != LUA_TSTRING) {
    script_error(L, "update: entry %I: the data is a string, %s given", index,
                 luaL_typename(L, -1));
  }
  size_t length = 0;
  out->data = lua_tolstring(L, -1, &length); /* the entry keeps it */
  out->size = length;
  lua_settop(L, entry);
}

static int buffers_update(lua_State *L) {
  script_engine *engine = script_check_manager(L, MANAGER);
  luaL_checktype(L, 2, LUA_TTABLE);
  lua_Integer count = script_length(L, 2);
  luaL_argcheck(L, count <= UINT32_MAX, 2, "too many writes");
  check_list(L, 2, count, "the writes");
  rg_buffer_write *writes = lua_newuserdatauv(L, ((size_t)count + 1) * sizeof *writes, 0);
  for (lua_Integer i = 1; i <= count; i++) {
    lua_rawgeti(L, 2, i);
    read_write(L, i, &writes[i - 1]);
    lua_pop(L, 1);
  }
  rg_result result = rg_buffers_update(engine->engine, writes, (uint32_t)count);
  script_log_deliver(L, engine);
  if (result != RG_OK) {
    return script_fail(L, result);
  }
  lua_pushboolean(L, true);
  return 1;
}

static int buffers_copy(lua_State *L) {
  script_engine *engine = script_check_manager(L, MANAGER);
  rg_buffer source = {script_check_box(L, 2, RG_TYPE_BUFFER)->id};
  uint64_t source_offset = check_size(L, 3, "source offset");
  rg_buffer target = {script_check_box(L, 4, RG_TYPE_BUFFER)->id};
  uint64_t target_offset = check_size(L, 5, "target offset");
  uint64_t size = check_size(L, 6, "size");
  rg_result result =
      rg_buffer_copy(engine->engine, source, source_offset, target, target_offset, size);
  script_log_deliver(L, engine);
  if (result != RG_OK) {
    return script_fail(L, result);
  }
  lua_pushboolean(L, true);
  return 1;
}

static int buffers_all(lua_State *L) {
  script_check_manager(L, MANAGER);
  return script_push_all(L, 1, RG_TYPE_BUFFER);
}

/* ---- One buffer
 * ------------------------------------------------------------------------------------- */

static int buffer_write(lua_State *L) {
  script_box *box = script_check_box(L, 1, RG_TYPE_BUFFER);
  uint64_t offset = check_size(L, 2, "offset");
  size_t length = 0;
  const char *data = luaL_checklstring(L, 3, &length);
  rg_result result =
      rg_buffer_update(box->engine->engine, (rg_buffer){box->id}, offset, data, length);
  script_log_deliver(L, box->engine);
  if (result != RG_OK) {
    return script_fail(L, result);
  }
  lua_pushboolean(L, true);
  return 1;
}

static int buffer_read(lua_State *L) {
  script_box *box = script_check_box(L, 1, RG_TYPE_BUFFER);
  rg_buffer_vk vk;
  rg_result result = rg_buffer_get_vk(box->engine->engine, (rg_buffer){box->id}, &vk);
  if (result != RG_OK) {
    return script_fail(L, result);
  }
  uint64_t offset = lua_isnoneornil(L, 2) ? 0 : check_size(L, 2, "offset");
  uint64_t rest = offset < vk.size ? vk.size - offset : 0;
  uint64_t size = lua_isnoneornil(L, 3) ? rest : check_size(L, 3, "size");
  if (offset > vk.size || size > rest || size == 0) {
    return script_error(L, "%s: a read of %I bytes at %I is not within its %I bytes",
                        luaL_tolstring(L, 1, NULL), (lua_Integer)size, (lua_Integer)offset,
                        (lua_Integer)vk.size);
  }
  luaL_Buffer bytes;
  char *place = luaL_buffinitsize(L, &bytes, size);
  result = rg_buffer_read(box->engine->engine, (rg_buffer){box->id}, offset, place, size);
  if (result != RG_OK) {
    return script_fail(L, result);
  }
  luaL_pushresultsize(&bytes, size);
  script_log_deliver(L, box->engine);
  return 1;
}

static int buffer_vk(lua_State *L) {
  script_box *box = script_check_box(L, 1, RG_TYPE_BUFFER);
  rg_buffer_vk vk;
  rg_result result = rg_buffer_get_vk(box->engine->engine, (rg_buffer){box->id}, &vk);
  if (result != RG_OK) {
    return script_fail(L, result);
  }
  lua_createtable(L, 0, 3);
  lua_pushinteger(L, (lua_Integer)(uintptr_t)vk.buffer);
  lua_setfield(L, -2, "buffer");
  lua_pushinteger(L, (lua_Integer)vk.offset);
  lua_setfield(L, -2, "offset");
  lua_pushinteger(L, (lua_Integer)vk.size);
  lua_setfield(L, -2, "size");
  return 1;
}

/* What a buffer or device need not have is nil. */
static bool push_or_nil(lua_State *L, rg_result result, uint64_t value) {
  if (result == RG_OK) {
    lua_pushinteger(L, (lua_Integer)value);
  } else if (result == RG_ERROR_UNSUPPORTED) {
    lua_pushnil(L);
  } else {
    script_fail(L, result);
  }
  return true;
}

static bool buffer_get(lua_State *L, script_box *box, const char *key) {
  if (strcmp(key, "size") == 0) {
    rg_buffer_vk vk;
    rg_result result = rg_buffer_get_vk(box->engine->engine, (rg_buffer){box->id}, &vk);
    if (result != RG_OK) {
      script_fail(L, result);
    }
    lua_pushinteger(L, (lua_Integer)vk.size);
    return true;
  }
  if (strcmp(key, "address") == 0) {
    VkDeviceAddress address = 0;
    rg_result result = rg_buffer_get_address(box->engine->engine, (rg_buffer){box->id}, &address);
    return push_or_nil(L, result, address);
  }
  bool is_type = strcmp(key, "type") == 0;
  if (!is_type && strcmp(key, "update") != 0) {
    return false;
  }
  rg_resource_info info;
  rg_result result = rg_resource_get_info(box->engine->engine, box->id, &info);
  if (result != RG_OK) {
    script_fail(L, result);
  }
  lua_pushstring(L, script_enum_name("buffer", key,
                                     is_type ? (uint32_t)info.buffer_type : (uint32_t)info.update));
  return true;
}

void script_open_buffers(lua_State *L) {
  static const luaL_Reg manager[] = {
      {"create", buffers_create}, {"create_staging", buffers_create_staging},
      {"update", buffers_update}, {"copy", buffers_copy},
      {"all", buffers_all},       {NULL, NULL},
  };
  static const luaL_Reg methods[] = {
      {"write", buffer_write},
      {"read", buffer_read},
      {"vk", buffer_vk},
      {NULL, NULL},
  };
  script_define_manager(L, MANAGER, manager);
  script_define_class(L, RG_TYPE_BUFFER, methods, buffer_get);
}
