/* engine:transients: textures and buffers of a frame that share memory. */
#include <string.h>

#include "script.h"

static const char *const keys[] = {"texture", "buffer", "first_use", "last_use"};

/* Each entry's descriptors; in one userdata, for Lua's errors jump away. */
typedef struct transient_list {
  rg_transient_desc *descs;
  rg_texture_desc *textures;
  rg_buffer_desc *buffers;
  rg_handle *handles;
} transient_list;

static void *push_array(lua_State *L, size_t count, size_t size) {
  void *array = lua_newuserdatauv(L, count * size + 1, 0);
  memset(array, 0, count * size + 1);
  return array;
}

static void check_keys(lua_State *L, int entry, const char *what) {
  lua_pushnil(L);
  while (lua_next(L, entry)) {
    lua_pop(L, 1);
    const char *key = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "?";
    bool is_known = false;
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
      is_known = is_known || strcmp(key, keys[i]) == 0;
    }
    if (!is_known) {
      script_unknown_key(L, what, key, keys, sizeof keys / sizeof keys[0]);
    }
  }
}

/* A descriptor in the entry's field; what it keeps is put into the keeper table at 3. */
static bool read_part(lua_State *L, int entry, const char *kind, const char *what, void *out) {
  if (script_getfield(L, entry, kind) == LUA_TNIL) {
    lua_pop(L, 1);
    return false;
  }
  int part = lua_gettop(L);
  lua_pushfstring(L, "%s: %s", what, kind);
  script_read_desc(L, part, rg_schema_find(kind), lua_tostring(L, -1), out, NULL);
  lua_seti(L, 3, (lua_Integer)lua_rawlen(L, 3) + 1); /* the keeper of its strings */
  lua_settop(L, part - 1);
  return true;
}

/* The entry on the top of the stack. */
static void read_entry(lua_State *L, lua_Integer index, transient_list *list) {
  int entry = lua_gettop(L);
  const char *what = lua_pushfstring(L, "transients: entry %I", index);
  if (!lua_istable(L, entry)) {
    script_error(L, "%s: a table is wanted, %s given", what, luaL_typename(L, entry));
  }
  check_keys(L, entry, what);
  rg_transient_desc *desc = &list->descs[index - 1];
  if (read_part(L, entry, "texture", what, &list->textures[index - 1])) {
    desc->texture = &list->textures[index - 1];
  }
  if (read_part(L, entry, "buffer", what, &list->buffers[index - 1])) {
    desc->buffer = &list->buffers[index - 1];
  }
  if ((desc->texture != NULL) == (desc->buffer != NULL)) {
    script_error(L, "%s: either a texture or a buffer is wanted", what);
  }
  desc->first_use = (uint32_t)script_get_uint(L, entry, what, "first_use", 0, UINT32_MAX, 0);
  desc->last_use =
      (uint32_t)script_get_uint(L, entry, what, "last_use", 0, UINT32_MAX, desc->first_use);
  lua_settop(L, entry);
}

static void push_info(lua_State *L, const rg_transient_info *info) {
  lua_createtable(L, 0, 3);
  lua_pushinteger(L, (lua_Integer)info->size);
  lua_setfield(L, -2, "size");
  lua_pushinteger(L, (lua_Integer)info->unshared_size);
  lua_setfield(L, -2, "unshared_size");
  lua_pushinteger(L, (lua_Integer)info->peak_size);
  lua_setfield(L, -2, "peak_size");
}

/* A list of boxes, all empty until all are there: from then on nothing can be lost. */
static void push_boxes(lua_State *L, const transient_list *list, lua_Integer count) {
  lua_createtable(L, (int)count, 0);
  for (lua_Integer i = 1; i <= count; i++) {
    bool is_texture = list->descs[i - 1].texture != NULL;
    script_box_new(L, 1, is_texture ? RG_TYPE_TEXTURE : RG_TYPE_BUFFER);
    lua_seti(L, -2, i);
  }
}

int script_transients(lua_State *L) {
  script_engine *engine = script_check_engine(L, 1);
  luaL_checktype(L, 2, LUA_TTABLE);
  lua_settop(L, 2);
  lua_Integer count = script_length(L, 2);
  luaL_argcheck(L, count >= 1 && count <= 65536, 2, "1 to 65,536 transients are wanted");
  lua_newtable(L);
  transient_list list = {.descs = push_array(L, (size_t)count, sizeof *list.descs)};
  list.textures = push_array(L, (size_t)count, sizeof *list.textures);
  list.buffers = push_array(L, (size_t)count, sizeof *list.buffers);
  list.handles = push_array(L, (size_t)count, sizeof *list.handles);
  for (lua_Integer i = 1; i <= count; i++) {
    lua_rawgeti(L, 2, i);
    read_entry(L, i, &list);
    lua_pop(L, 1);
  }
  push_boxes(L, &list, count);
  script_set_origin(L);
  rg_transient_info info = {0};
  rg_result result =
      rg_transients_create(engine->engine, list.descs, (uint32_t)count, list.handles, &info);
  script_log_deliver(L, engine);
  if (result != RG_OK) {
    return script_fail(L, result);
  }
  for (lua_Integer i = 1; i <= count; i++) {
    lua_rawgeti(L, -1, i);
    script_box_adopt(L, list.handles[i - 1].id);
    lua_pop(L, 1);
  }
  for (lua_Integer i = 1; i <= count; i++) {
    lua_rawgeti(L, -1, i);
    script_box_fill(L, list.handles[i - 1].id);
    lua_pop(L, 1);
  }
  push_info(L, &info);
  return 2;
}
