/* The engine's state as one JSON object: device, resources, sets, pools, heaps and totals. */
#include <cjson/cJSON.h>
#include <stdio.h>
#include "base/text.h"

#include "resources.h"

/* An object or array that is being filled; what cannot be added for want of memory is noted, and
 * checked at the end. */
typedef struct writer {
  host_memory *memory;
  bool is_failed;
} writer;

static cJSON *add(writer *self, cJSON *parent, const char *name, cJSON *item) {
  const bool is_added = item != NULL && parent != NULL &&
                        (name != NULL ? cJSON_AddItemToObject(parent, name, item)
                                      : cJSON_AddItemToArray(parent, item));
  if (!is_added) {
    cJSON_Delete(item);
    self->is_failed = true;
    return NULL;
  }
  return item;
}

static void add_number(writer *self, cJSON *parent, const char *name, double value) {
  add(self, parent, name, cJSON_CreateNumber(value));
}

static void add_string(writer *self, cJSON *parent, const char *name, const char *value) {
  text utf8;
  text_init(&utf8, self->memory);
  text_append_utf8(&utf8, value); /* labels are bytes of the caller's */
  add(self, parent, name, cJSON_CreateString(utf8.is_failed || utf8.data == NULL ? "" : utf8.data));
  self->is_failed |= utf8.is_failed;
  text_finish(&utf8);
}

static void add_bool(writer *self, cJSON *parent, const char *name, bool value) {
  add(self, parent, name, cJSON_CreateBool(value));
}

/* Names for set bits; the schemas' tables hold descriptors' flags only. */
typedef struct bit_name {
  uint32_t bit;
  const char *name;
} bit_name;

static const bit_name property_names[] = {
    {VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT, "device_local"},
    {VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT, "host_visible"},
    {VK_MEMORY_PROPERTY_HOST_COHERENT_BIT, "host_coherent"},
    {VK_MEMORY_PROPERTY_HOST_CACHED_BIT, "host_cached"},
    {VK_MEMORY_PROPERTY_LAZILY_ALLOCATED_BIT, "lazily_allocated"},
    {VK_MEMORY_PROPERTY_PROTECTED_BIT, "protected"},
    {0, NULL},
};

static const bit_name stage_names[] = {
    {VK_SHADER_STAGE_VERTEX_BIT, "vertex"},
    {VK_SHADER_STAGE_TESSELLATION_CONTROL_BIT, "tessellation_control"},
    {VK_SHADER_STAGE_TESSELLATION_EVALUATION_BIT, "tessellation_evaluation"},
    {VK_SHADER_STAGE_GEOMETRY_BIT, "geometry"},
    {VK_SHADER_STAGE_FRAGMENT_BIT, "fragment"},
    {VK_SHADER_STAGE_COMPUTE_BIT, "compute"},
    {VK_SHADER_STAGE_TASK_BIT_EXT, "task"},
    {VK_SHADER_STAGE_MESH_BIT_EXT, "mesh"},
    {VK_SHADER_STAGE_RAYGEN_BIT_KHR, "raygen"},
    {VK_SHADER_STAGE_ANY_HIT_BIT_KHR, "any_hit"},
    {VK_SHADER_STAGE_CLOSEST_HIT_BIT_KHR, "closest_hit"},
    {VK_SHADER_STAGE_MISS_BIT_KHR, "miss"},
    {VK_SHADER_STAGE_INTERSECTION_BIT_KHR, "intersection"},
    {VK_SHADER_STAGE_CALLABLE_BIT_KHR, "callable"},
    {0, NULL},
};

static void add_bits(writer *self, cJSON *parent, const char *name, uint32_t bits,
                     const bit_name *names) {
  cJSON *array = add(self, parent, name, cJSON_CreateArray());
  for (; names->name != NULL; names++) {
    if ((bits & names->bit) != 0) {
      add_string(self, array, NULL, names->name);
    }
  }
}

/* The name of an enum's value, from its descriptor's schema. */
static void add_enum(writer *self, cJSON *parent, const char *name, const char *schema,
                     const char *field, uint32_t value) {
  const rg_field *found = rg_schema_field(rg_schema_find(schema), field);
  const rg_name_value *names = found != NULL ? found->names : NULL;
  while (names != NULL && names->name != NULL && names->value != value) {
    names++;
  }
  if (names != NULL && names->name != NULL) {
    add_string(self, parent, name, names->name);
  } else {
    add_number(self, parent, name, value);
  }
}

/* ---- Resources ------------------------------------------------------------------------------ */

static void add_buffer(writer *self, cJSON *object, const rg_resource_info *info) {
  add_enum(self, object, "buffer_type", "buffer", "type", (uint32_t)info->buffer_type);
  add_enum(self, object, "update", "buffer", "update", (uint32_t)info->update);
}

static void add_texture(writer *self, cJSON *object, const rg_resource_info *info) {
  const char *format = rg_format_name(info->format);
  cJSON *extent = add(self, object, "extent", cJSON_CreateObject());
  add_string(self, object, "format", format != NULL ? format : "unknown");
  add_number(self, extent, "width", info->extent.width);
  add_number(self, extent, "height", info->extent.height);
  add_number(self, extent, "depth", info->extent.depth);
  add_number(self, object, "layers", info->layers);
  add_number(self, object, "mip_levels", info->mip_levels);
  add_enum(self, object, "texture_type", "texture", "type", (uint32_t)info->texture_type);
}

static void add_pool_use(writer *self, cJSON *object, rg_engine *engine, uint64_t id) {
  rg_pool_stats stats;
  if (rg_pool_get_stats(engine, (rg_pool){id}, &stats) == RG_OK) {
    add_number(self, object, "blocks", stats.blocks);
    add_number(self, object, "ranges", stats.ranges);
    add_number(self, object, "used", (double)stats.used);
  }
}

static void add_resource(writer *self, cJSON *array, rg_engine *engine,
                         const rg_resource_info *info) {
  cJSON *object = add(self, array, NULL, cJSON_CreateObject());
  char id[24];
  snprintf(id, sizeof id, "%llx", (unsigned long long)info->handle.id);
  add_string(self, object, "id", id); /* more bits than a JSON number keeps */
  add_string(self, object, "type", rg_type_name(info->type));
  add_string(self, object, "label", info->label);
  add_string(self, object, "origin", info->origin);
  add_number(self, object, "size", (double)info->size);
  add_number(self, object, "memory_type", info->memory_type);
  add_bits(self, object, "memory_properties", info->memory_properties, property_names);
  add_number(self, object, "owners", info->owners);
  add_bool(self, object, "is_released", info->is_released);
  if (info->type == RG_TYPE_BUFFER) {
    add_buffer(self, object, info);
  } else if (info->type == RG_TYPE_TEXTURE) {
    add_texture(self, object, info);
  } else if (info->type == RG_TYPE_SHADER || info->type == RG_TYPE_MATERIAL) {
    add_bits(self, object, "stages", info->stages, stage_names);
  } else if (info->type == RG_TYPE_POOL) {
    add_pool_use(self, object, engine, info->handle.id);
  }
  rg_resource_info shader;
  if (info->type == RG_TYPE_MATERIAL &&
      rg_resource_get_info(engine, info->shader.id, &shader) == RG_OK) {
    add_string(self, object, "shader_label", shader.label);
  }
}

static void add_resources(writer *self, cJSON *root, rg_engine *engine, uint32_t *counts) {
  cJSON *array = add(self, root, "resources", cJSON_CreateArray());
  rg_handle handle = {0};
  while ((handle = rg_resource_next(engine, RG_TYPE_NONE, handle)).id != 0) {
    rg_resource_info info;
    /* One that has died meanwhile is not there. */
    if (rg_resource_get_info(engine, handle.id, &info) == RG_OK) {
      add_resource(self, array, engine, &info);
      counts[info.type]++;
    }
  }
}

static void add_sets(writer *self, cJSON *root, rg_engine *engine) {
  cJSON *array = add(self, root, "sets", cJSON_CreateArray());
  rg_handle handle = {0};
  while ((handle = rg_resource_next(engine, RG_TYPE_SET, handle)).id != 0) {
    rg_set_info info;
    if (rg_set_get_info(engine, (rg_set){handle.id}, &info) != RG_OK) {
      continue;
    }
    cJSON *object = add(self, array, NULL, cJSON_CreateObject());
    add_string(self, object, "name", info.name);
    add_number(self, object, "references", info.references);
    add_number(self, object, "member_count", info.member_count);
    add_number(self, object, "mesh_count", info.mesh_count);
    add_number(self, object, "primitive_count", info.primitive_count);
    add_number(self, object, "device_bytes", (double)info.device_bytes);
    add_number(self, object, "budget", (double)info.budget);
    add_number(self, object, "load_ms", info.load_ms);
  }
}

/* ---- Device and memory ---------------------------------------------------------------------- */

static void add_version(writer *self, cJSON *parent, const char *name, uint32_t version) {
  char text[48];
  snprintf(text, sizeof text, "%u.%u.%u", VK_API_VERSION_MAJOR(version),
           VK_API_VERSION_MINOR(version), VK_API_VERSION_PATCH(version));
  add_string(self, parent, name, text);
}

static const char *device_type_name(VkPhysicalDeviceType type) {
  static const char *const names[] = {"other", "integrated", "discrete", "virtual", "cpu"};
  return (uint32_t)type < sizeof names / sizeof names[0] ? names[type] : "other";
}

static void add_device(writer *self, cJSON *root, const rg_device_info *info) {
  cJSON *object = add(self, root, "device", cJSON_CreateObject());
  add_string(self, object, "name", info->name);
  add_string(self, object, "driver", info->driver);
  add_string(self, object, "type", device_type_name(info->type));
  add_version(self, object, "api_version", info->api_version);
  add_bool(self, object, "dynamic_rendering", info->dynamic_rendering);
  add_bool(self, object, "synchronization2", info->synchronization2);
  add_bool(self, object, "descriptor_indexing", info->descriptor_indexing);
  add_bool(self, object, "memory_budget", info->memory_budget);
  add_bool(self, object, "sampler_anisotropy", info->sampler_anisotropy);
  add_bool(self, object, "texture_compression_bc", info->texture_compression_bc);
  add_bool(self, object, "texture_compression_etc2", info->texture_compression_etc2);
  add_bool(self, object, "texture_compression_astc", info->texture_compression_astc);
  add_bool(self, object, "has_transfer_queue", info->has_transfer_queue);
  add_number(self, object, "device_memory", (double)info->device_memory);
  add_number(self, object, "host_visible_device_memory", (double)info->host_visible_device_memory);
}

static void add_pool(writer *self, cJSON *array, const rg_pool_stats *pool) {
  cJSON *object = add(self, array, NULL, cJSON_CreateObject());
  add_number(self, object, "memory_type", pool->memory_type);
  add_number(self, object, "heap", pool->heap);
  add_bits(self, object, "properties", pool->properties, property_names);
  add_bool(self, object, "is_optimal", pool->is_optimal);
  add_number(self, object, "blocks", pool->blocks);
  add_number(self, object, "dedicated", pool->dedicated);
  add_number(self, object, "ranges", pool->ranges);
  add_number(self, object, "size", (double)pool->size);
  add_number(self, object, "used", (double)pool->used);
  add_number(self, object, "padding", (double)pool->padding);
  add_number(self, object, "largest_free", (double)pool->largest_free);
  add_number(self, object, "fragmentation", pool->fragmentation);
}

static void add_heap(writer *self, cJSON *array, const rg_heap_stats *heap) {
  cJSON *object = add(self, array, NULL, cJSON_CreateObject());
  add_number(self, object, "size", (double)heap->size);
  add_number(self, object, "used", (double)heap->used);
  add_number(self, object, "budget", (double)heap->budget);
  add_bool(self, object, "is_device_local", heap->is_device_local);
}

static void add_memory(writer *self, cJSON *root, const rg_memory_stats *stats) {
  cJSON *pools = add(self, root, "pools", cJSON_CreateArray());
  for (uint32_t i = 0; i < stats->pool_count; i++) {
    add_pool(self, pools, &stats->pools[i]);
  }
  cJSON *heaps = add(self, root, "heaps", cJSON_CreateArray());
  for (uint32_t i = 0; i < stats->heap_count; i++) {
    add_heap(self, heaps, &stats->heaps[i]);
  }
}

static void add_totals(writer *self, cJSON *root, const rg_memory_stats *stats,
                       const uint32_t *counts) {
  static const char *const names[RG_TYPE_COUNT] = {NULL,        "buffers", "textures", "shaders",
                                                   "materials", "sets",    "pools"};
  cJSON *object = add(self, root, "totals", cJSON_CreateObject());
  uint32_t blocks = 0;
  for (uint32_t i = 0; i < stats->pool_count; i++) {
    blocks += stats->pools[i].blocks;
  }
  for (uint32_t type = RG_TYPE_BUFFER; type < RG_TYPE_COUNT; type++) {
    add_number(self, object, names[type], counts[type]);
  }
  add_number(self, object, "blocks", blocks);
  add_number(self, object, "size", (double)stats->size);
  add_number(self, object, "used", (double)stats->used);
  add_number(self, object, "host_bytes", (double)stats->host_bytes);
}

static void add_engine(writer *self, cJSON *root, rg_engine *engine) {
  cJSON *object = add(self, root, "engine", cJSON_CreateObject());
  char version[48];
  snprintf(version, sizeof version, "%d.%d.%d", RG_VERSION_MAJOR, RG_VERSION_MINOR,
           RG_VERSION_PATCH);
  add_string(self, object, "label", gpu_of(engine)->label);
  add_string(self, object, "version", version);
  add_number(self, object, "validation_count", (double)rg_engine_validation_count(engine));
}

static cJSON *report_build(rg_engine *engine, rg_memory_stats *stats) {
  writer self = {.memory = &gpu_of(engine)->host};
  uint32_t counts[RG_TYPE_COUNT] = {0};
  cJSON *root = cJSON_CreateObject();
  rg_memory_get_stats(engine, stats);
  add_engine(&self, root, engine);
  add_device(&self, root, &gpu_of(engine)->device.info);
  add_resources(&self, root, engine, counts);
  add_sets(&self, root, engine);
  add_memory(&self, root, stats);
  add_totals(&self, root, stats, counts);
  if (self.is_failed) {
    cJSON_Delete(root);
    root = NULL;
  }
  return root;
}

rg_result rg_report_json(rg_engine *engine, char **out) {
  RESOURCE_REQUIRE(out);
  *out = NULL;
  RESOURCE_REQUIRE(engine);
  host_memory *memory = &gpu_of(engine)->host;
  rg_memory_stats *stats = host_calloc(memory, 1, sizeof *stats);
  if (stats == NULL) {
    return result_no_memory("the report", sizeof *stats);
  }
  cJSON *root = report_build(engine, stats);
  host_free(memory, stats, sizeof *stats);
  char *printed = root != NULL ? cJSON_Print(root) : NULL;
  cJSON_Delete(root);
  *out = host_strdup(memory, printed);
  cJSON_free(printed);
  return *out != NULL ? RG_OK : result_no_memory("the report", 0);
}
