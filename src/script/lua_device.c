/* What a device is and what the engine promises on it, as tables. */
#include "script.h"

static void set_bool(lua_State *L, const char *key, bool value) {
  lua_pushboolean(L, value);
  lua_setfield(L, -2, key);
}

static void set_integer(lua_State *L, const char *key, uint64_t value) {
  lua_pushinteger(L, value > INT64_MAX ? INT64_MAX : (lua_Integer)value);
  lua_setfield(L, -2, key);
}

static const char *device_type_name(VkPhysicalDeviceType type) {
  switch (type) {
    case VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU: return "integrated GPU";
    case VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU: return "discrete GPU";
    case VK_PHYSICAL_DEVICE_TYPE_VIRTUAL_GPU: return "virtual GPU";
    case VK_PHYSICAL_DEVICE_TYPE_CPU: return "CPU";
    default: return "other";
  }
}

void script_push_device(lua_State *L, const rg_device_info *info) {
  lua_newtable(L);
  lua_pushstring(L, info->name);
  lua_setfield(L, -2, "name");
  lua_pushstring(L, info->driver);
  lua_setfield(L, -2, "driver");
  lua_pushstring(L, device_type_name(info->type));
  lua_setfield(L, -2, "type");
  lua_pushfstring(L, "%d.%d.%d", (int)VK_API_VERSION_MAJOR(info->api_version),
                  (int)VK_API_VERSION_MINOR(info->api_version),
                  (int)VK_API_VERSION_PATCH(info->api_version));
  lua_setfield(L, -2, "api_version");
  set_bool(L, "is_usable", info->is_usable);
  set_bool(L, "dynamic_rendering", info->dynamic_rendering);
  set_bool(L, "synchronization2", info->synchronization2);
  set_bool(L, "descriptor_indexing", info->descriptor_indexing);
  set_bool(L, "memory_budget", info->memory_budget);
  set_bool(L, "sampler_anisotropy", info->sampler_anisotropy);
  set_bool(L, "texture_compression_bc", info->texture_compression_bc);
  set_bool(L, "texture_compression_etc2", info->texture_compression_etc2);
  set_bool(L, "texture_compression_astc", info->texture_compression_astc);
  set_bool(L, "has_transfer_queue", info->has_transfer_queue);
  set_integer(L, "device_memory", info->device_memory);
  set_integer(L, "host_visible_device_memory", info->host_visible_device_memory);
}

void script_push_limits(lua_State *L, const rg_limits *limits) {
  lua_newtable(L);
  set_integer(L, "max_buffer_size", limits->max_buffer_size);
  set_integer(L, "max_texture_size_2d", limits->max_texture_size_2d);
  set_integer(L, "max_texture_size_3d", limits->max_texture_size_3d);
  set_integer(L, "max_texture_size_cube", limits->max_texture_size_cube);
  set_integer(L, "max_texture_layers", limits->max_texture_layers);
  set_integer(L, "max_color_attachments", limits->max_color_attachments);
  lua_pushnumber(L, (lua_Number)limits->max_anisotropy);
  lua_setfield(L, -2, "max_anisotropy");
  set_integer(L, "uniform_alignment", limits->uniform_alignment);
  set_integer(L, "storage_alignment", limits->storage_alignment);
  set_integer(L, "max_uniform_range", limits->max_uniform_range);
  set_integer(L, "max_storage_range", limits->max_storage_range);
  set_integer(L, "max_file_size", limits->max_file_size);
  set_integer(L, "max_image_pixels", limits->max_image_pixels);
  set_integer(L, "max_shader_source", limits->max_shader_source);
}

/* regolith.devices() */
int script_devices(lua_State *L) {
  uint32_t count = 0;
  rg_result result = rg_devices(NULL, NULL, &count);
  if (result != RG_OK) {
    return script_fail(L, result);
  }
  rg_device_info *infos = lua_newuserdatauv(L, (count + 1) * sizeof *infos, 0);
  uint32_t room = count;
  result = rg_devices(NULL, infos, &count);
  if (result != RG_OK) {
    return script_fail(L, result);
  }
  lua_newtable(L);
  for (uint32_t i = 0; i < count && i < room; i++) {
    script_push_device(L, &infos[i]);
    lua_seti(L, -2, (lua_Integer)i + 1);
  }
  return 1;
}
