/* regolith.Textures and regolith.Texture. */
#include <string.h>

#include "script.h"

#define MANAGER "regolith.Textures"

static int textures_create(lua_State *L) {
  script_engine *engine = script_check_manager(L, MANAGER);
  luaL_checkany(L, 2);
  rg_texture_desc desc = {0};
  script_read_desc(L, 2, rg_schema_find("texture"), script_what(L, 2, "texture"), &desc, NULL);
  script_box_new(L, 1, RG_TYPE_TEXTURE);
  script_set_origin(L);
  rg_texture texture = {0};
  rg_result result = rg_texture_create(engine->engine, &desc, &texture);
  script_log_deliver(L, engine);
  if (result != RG_OK) {
    return script_fail(L, result);
  }
  script_box_fill(L, texture.id);
  return 1;
}

static int textures_all(lua_State *L) {
  script_check_manager(L, MANAGER);
  return script_push_all(L, 1, RG_TYPE_TEXTURE);
}

/* ---- Regions
 * ---------------------------------------------------------------------------------------- */

/* Levels and layers count from 1 in Lua. nil means all of the first level. */
static void read_region(lua_State *L, int index, rg_texture_region *out) {
  static const char *const keys[] = {"mip_level", "layer", "layer_count", "x",    "y",
                                     "z",         "width", "height",      "depth"};
  *out = (rg_texture_region){0};
  if (lua_isnoneornil(L, index)) {
    return;
  }
  luaL_checktype(L, index, LUA_TTABLE);
  lua_pushnil(L);
  while (lua_next(L, index)) {
    bool is_known = false;
    const char *key = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "?";
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
      is_known = is_known || strcmp(key, keys[i]) == 0;
    }
    if (!is_known) {
      script_unknown_key(L, "region", key, keys, sizeof keys / sizeof keys[0]);
    }
    lua_pop(L, 1);
  }
  out->mip_level = (uint32_t)script_get_uint(L, index, "region", "mip_level", 1, UINT32_MAX, 1) - 1;
  out->layer = (uint32_t)script_get_uint(L, index, "region", "layer", 1, UINT32_MAX, 1) - 1;
  uint32_t *places[] = {&out->layer_count, &out->x,      &out->y,    &out->z,
                        &out->width,       &out->height, &out->depth};
  for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
    *places[i] = (uint32_t)script_get_uint(L, index, "region", keys[i + 2], 0, UINT32_MAX, 0);
  }
}

static uint32_t level_extent(uint32_t extent, uint32_t level) {
  uint32_t result = level < 32 ? extent >> level : 0;
  return result > 0 ? result : 1;
}

/* How many bytes the region packs to; the engine checks the region itself. */
static uint64_t region_size(const rg_texture_vk *vk, const rg_texture_region *region) {
  uint32_t width = level_extent(vk->extent.width, region->mip_level);
  uint32_t height = level_extent(vk->extent.height, region->mip_level);
  uint32_t depth = level_extent(vk->extent.depth, region->mip_level);
  uint64_t size = rg_format_size(
      vk->format, region->width ? region->width : width - (region->x < width ? region->x : 0),
      region->height ? region->height : height - (region->y < height ? region->y : 0),
      region->depth ? region->depth : depth - (region->z < depth ? region->z : 0));
  return size * (region->layer_count ? region->layer_count : 1);
}

static int texture_write(lua_State *L) {
  script_box *box = script_check_box(L, 1, RG_TYPE_TEXTURE);
  size_t length = 0;
  const char *data = luaL_checklstring(L, 2, &length);
  rg_texture_region region;
  read_region(L, 3, &region);
  rg_result result =
      rg_texture_update(box->engine->engine, (rg_texture){box->id}, &region, data, length);
  script_log_deliver(L, box->engine);
  if (result != RG_OK) {
    return script_fail(L, result);
  }
  lua_pushboolean(L, true);
  return 1;
}

#define MAX_READ ((uint64_t)1 << 32) /* bytes; more than a Lua string should be */

static int texture_read(lua_State *L) {
  script_box *box = script_check_box(L, 1, RG_TYPE_TEXTURE);
  rg_texture_region region;
  read_region(L, 2, &region);
  rg_texture_vk vk;
  rg_result result = rg_texture_get_vk(box->engine->engine, (rg_texture){box->id}, &vk);
  if (result != RG_OK) {
    return script_fail(L, result);
  }
  uint64_t size = region_size(&vk, &region);
  luaL_argcheck(L, size > 0 && size <= MAX_READ, 2, "the region is empty or over 4 GiB");
  luaL_Buffer bytes;
  char *place = luaL_buffinitsize(L, &bytes, size);
  result = rg_texture_read(box->engine->engine, (rg_texture){box->id}, &region, place, size);
  if (result != RG_OK) {
    return script_fail(L, result);
  }
  luaL_pushresultsize(&bytes, size);
  script_log_deliver(L, box->engine);
  return 1;
}

static int texture_vk(lua_State *L) {
  script_box *box = script_check_box(L, 1, RG_TYPE_TEXTURE);
  rg_texture_vk vk;
  rg_result result = rg_texture_get_vk(box->engine->engine, (rg_texture){box->id}, &vk);
  if (result != RG_OK) {
    return script_fail(L, result);
  }
  lua_createtable(L, 0, 4);
  lua_pushinteger(L, (lua_Integer)(uintptr_t)vk.view);
  lua_setfield(L, -2, "view");
  lua_pushinteger(L, (lua_Integer)(uintptr_t)vk.sampler);
  lua_setfield(L, -2, "sampler");
  lua_pushinteger(L, (lua_Integer)(uintptr_t)vk.image);
  lua_setfield(L, -2, "image");
  lua_pushinteger(L, (lua_Integer)vk.layout);
  lua_setfield(L, -2, "layout");
  return 1;
}

/* nil where the device has no such array, or it is full, or the texture cannot be in it. */
static bool push_index(lua_State *L, const script_box *box) {
  uint32_t index = 0;
  rg_result result = rg_texture_get_index(box->engine->engine, (rg_texture){box->id}, &index);
  if (result == RG_OK) {
    lua_pushinteger(L, index); /* as shaders count: from 0 */
  } else if (result == RG_ERROR_UNSUPPORTED || result == RG_ERROR_LIMIT ||
             result == RG_ERROR_INVALID_ARGUMENT) {
    lua_pushnil(L);
  } else {
    script_fail(L, result);
  }
  return true;
}

static int textures_bindless(lua_State *L) {
  script_engine *engine = script_check_manager(L, MANAGER);
  rg_bindless_vk vk;
  rg_result result = rg_bindless_get_vk(engine->engine, &vk);
  if (result != RG_OK) {
    return script_fail(L, result);
  }
  lua_createtable(L, 0, 3);
  lua_pushinteger(L, (lua_Integer)(uintptr_t)vk.set);
  lua_setfield(L, -2, "set");
  lua_pushinteger(L, (lua_Integer)(uintptr_t)vk.set_layout);
  lua_setfield(L, -2, "set_layout");
  lua_pushinteger(L, vk.capacity);
  lua_setfield(L, -2, "capacity");
  return 1;
}

static bool texture_get(lua_State *L, script_box *box, const char *key) {
  if (strcmp(key, "type") == 0) {
    rg_resource_info info;
    rg_result result = rg_resource_get_info(box->engine->engine, box->id, &info);
    if (result != RG_OK) {
      script_fail(L, result);
    }
    lua_pushstring(L, script_enum_name("texture", "type", info.texture_type));
    return true;
  }
  if (strcmp(key, "index") == 0) {
    return push_index(L, box);
  }
  rg_texture_vk vk;
  rg_result result = rg_texture_get_vk(box->engine->engine, (rg_texture){box->id}, &vk);
  if (result != RG_OK) {
    script_fail(L, result);
  }
  if (strcmp(key, "format") == 0) {
    lua_pushstring(L, rg_format_name(vk.format));
    return true;
  }
  const struct {
    const char *name;
    uint32_t value;
  } fields[] = {
      {"width", vk.extent.width}, {"height", vk.extent.height},  {"depth", vk.extent.depth},
      {"layers", vk.layers},      {"mip_levels", vk.mip_levels},
  };
  for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
    if (strcmp(key, fields[i].name) == 0) {
      lua_pushinteger(L, fields[i].value);
      return true;
    }
  }
  return false;
}

void script_open_textures(lua_State *L) {
  static const luaL_Reg manager[] = {
      {"create", textures_create},
      {"all", textures_all},
      {"bindless", textures_bindless},
      {NULL, NULL},
  };
  static const luaL_Reg methods[] = {
      {"write", texture_write},
      {"read", texture_read},
      {"vk", texture_vk},
      {NULL, NULL},
  };
  script_define_manager(L, MANAGER, manager);
  script_define_class(L, RG_TYPE_TEXTURE, methods, texture_get);
}
