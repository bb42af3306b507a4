/* Meshes: each primitive's attributes interleaved in a fixed order, and its indices widened and
 * checked, so that the GPU never sees one out of range. */
#include <stdio.h>
#include <string.h>

#include "base/result.h"
#include "gltf_internal.h"

/* An attribute that is read, and what it becomes. Semantics that end in '_' have numbered sets. */
typedef struct attribute_rule {
  const char *semantic, *name;
  uint32_t min_rows, max_rows; /* VEC2: 2 */
  VkFormat format;
  uint32_t size;
  uint32_t first_sets; /* how many sets stand in the first part of the vertex */
} attribute_rule;

static const attribute_rule rules[] = {
    {"POSITION", "position", 3, 3, VK_FORMAT_R32G32B32_SFLOAT, 12, 1},
    {"NORMAL", "normal", 3, 3, VK_FORMAT_R32G32B32_SFLOAT, 12, 1},
    {"TANGENT", "tangent", 4, 4, VK_FORMAT_R32G32B32A32_SFLOAT, 16, 1},
    {"TEXCOORD_", "texcoord_", 2, 2, VK_FORMAT_R32G32_SFLOAT, 8, 2},
    {"COLOR_", "color_", 3, 4, VK_FORMAT_R32G32B32A32_SFLOAT, 16, 1},
    {"JOINTS_", "joints_", 4, 4, VK_FORMAT_R16G16B16A16_UINT, 8, 1},
    {"WEIGHTS_", "weights_", 4, 4, VK_FORMAT_R32G32B32A32_SFLOAT, 16, 1},
};
#define RULE_COUNT (sizeof rules / sizeof rules[0])
#define RULE_POSITION 0
#define RULE_NORMAL 1
#define RULE_TANGENT 2
#define RULE_FIRST_NUMBERED 3

/* One primitive while it is read. */
typedef struct primitive_reader {
  gltf_reader *reader;
  gltf_value object, attributes;
  gltf_primitive *out;
  bool is_loop;
  /* Of out->attributes; accessors of attributes to be made have no elements. */
  gltf_accessor accessors[RG_MAX_VERTEX_ATTRIBUTES];
} primitive_reader;

/* ---- Layout ---- */

static bool is_unsigned_short(const gltf_accessor *accessor) {
  return (accessor->component == GLTF_UINT8 || accessor->component == GLTF_UINT16) &&
         !accessor->is_normalized;
}

static rg_result attribute_check(const primitive_reader *self, const attribute_rule *rule,
                                 const char *semantic, const gltf_accessor *accessor) {
  const bool is_integer = rule->format == VK_FORMAT_R16G16B16A16_UINT;
  const bool is_type =
      is_integer ? is_unsigned_short(accessor) : accessor->component != GLTF_UINT32;
  if (!is_type || accessor->columns != 1 || accessor->rows < rule->min_rows ||
      accessor->rows > rule->max_rows) {
    return gltf_fail(&self->attributes, RG_ERROR_FORMAT, semantic,
                     "%u × %u numbers of component type %d in %s", accessor->columns,
                     accessor->rows, (int)accessor->component, accessor->value.path);
  }
  const uint32_t count =
      self->out->attribute_count > 0 ? self->out->vertex_count : accessor->elements.count;
  if (accessor->elements.count != count) {
    return gltf_fail(&self->attributes, RG_ERROR_FORMAT, semantic, "%u elements for %u vertices",
                     accessor->elements.count, count);
  }
  self->out->vertex_count = count;
  return gltf_accessor_count(accessor);
}

static rg_result attribute_add(primitive_reader *self, const attribute_rule *rule, uint32_t set,
                               const gltf_accessor *accessor) {
  gltf_primitive *out = self->out;
  arena *memory = &self->reader->file->arena;
  const bool is_numbered = rule >= &rules[RULE_FIRST_NUMBERED];
  const char *name = is_numbered ? arena_printf(memory, "%s%u", rule->name, set) : rule->name;
  if (name == NULL) {
    return result_no_memory("a glTF attribute", 0);
  }
  self->accessors[out->attribute_count] = *accessor;
  out->attributes[out->attribute_count++] =
      (rg_vertex_attribute){.name = name, .format = rule->format, .offset = out->vertex_stride};
  out->vertex_stride += rule->size;
  return RG_OK;
}

/* Adds one set of an attribute, where the file has it and there is room. */
static rg_result attribute_read(primitive_reader *self, const attribute_rule *rule, uint32_t set) {
  char semantic[24];
  if (rule >= &rules[RULE_FIRST_NUMBERED]) {
    snprintf(semantic, sizeof semantic, "%s%u", rule->semantic, set);
  } else {
    snprintf(semantic, sizeof semantic, "%s", rule->semantic);
  }
  uint32_t index = GLTF_NONE;
  rg_result result = gltf_get_index(&self->attributes, semantic, GLTF_ACCESSORS, &index);
  if (result != RG_OK || index == GLTF_NONE ||
      self->out->attribute_count == RG_MAX_VERTEX_ATTRIBUTES) {
    return result;
  }
  gltf_accessor accessor;
  RG_TRY(gltf_accessor_read(self->reader, index, &accessor));
  RG_TRY(attribute_check(self, rule, semantic, &accessor));
  RG_TRY(attribute_add(self, rule, set, &accessor));
fail:
  return result;
}

static bool has_attribute(const primitive_reader *self, const char *semantic) {
  return cJSON_GetObjectItemCaseSensitive(self->attributes.json, semantic) != NULL;
}

/* Whether the material has a normal map, and the vertices the coordinates for it. */
static bool needs_tangents(const primitive_reader *self) {
  const uint32_t material = self->out->material;
  if (material == GLTF_NONE || !gltf_has_triangles(self->out)) {
    return false;
  }
  const gltf_texture_use *use = &self->reader->file->materials[material].normal_texture;
  char semantic[24];
  snprintf(semantic, sizeof semantic, "TEXCOORD_%u", use->texcoord);
  return use->texture != GLTF_NONE && use->texcoord < 2 && has_attribute(self, semantic);
}

/* Tangents belong to the file's normals: they are not taken without them. */
static rg_result surface_layout(primitive_reader *self) {
  const gltf_accessor none = {0};
  rg_result result = RG_OK;
  if (has_attribute(self, "NORMAL")) {
    RG_TRY(attribute_read(self, &rules[RULE_NORMAL], 0));
  } else if (gltf_has_triangles(self->out)) {
    RG_TRY(attribute_add(self, &rules[RULE_NORMAL], 0, &none));
  }
  if (has_attribute(self, "NORMAL") && has_attribute(self, "TANGENT")) {
    RG_TRY(attribute_read(self, &rules[RULE_TANGENT], 0));
  } else if (needs_tangents(self)) {
    RG_TRY(attribute_add(self, &rules[RULE_TANGENT], 0, &none));
  }
fail:
  return result;
}

/* First the usual sets in a fixed order, then the others while there is room. */
static rg_result layout_read(primitive_reader *self) {
  rg_result result = RG_OK;
  RG_TRY(attribute_read(self, &rules[RULE_POSITION], 0));
  RG_TRY(surface_layout(self));
  for (size_t i = RULE_FIRST_NUMBERED; i < RULE_COUNT; i++) {
    for (uint32_t set = 0; set < rules[i].first_sets; set++) {
      RG_TRY(attribute_read(self, &rules[i], set));
    }
  }
  for (size_t i = RULE_FIRST_NUMBERED; i < RULE_COUNT; i++) {
    for (uint32_t set = rules[i].first_sets; set < RG_MAX_VERTEX_ATTRIBUTES; set++) {
      RG_TRY(attribute_read(self, &rules[i], set));
    }
  }
fail:
  return result;
}

/* ---- Vertices ---- */

/* Colours of three components are opaque. */
static void alpha_fill(const gltf_primitive *out, const rg_vertex_attribute *attribute) {
  const float one = 1.0f;
  for (uint32_t i = 0; i < out->vertex_count; i++) {
    memcpy(out->vertices + (size_t)i * out->vertex_stride + attribute->offset + 12, &one, 4);
  }
}

static rg_result vertices_read(primitive_reader *self) {
  gltf_primitive *out = self->out;
  const size_t size = (size_t)out->vertex_count * out->vertex_stride;
  out->vertices = arena_alloc(&self->reader->file->arena, size);
  if (out->vertices == NULL) {
    return result_no_memory("glTF vertices", size);
  }
  rg_result result = RG_OK;
  for (uint32_t i = 0; i < out->attribute_count && result == RG_OK; i++) {
    const rg_vertex_attribute *attribute = &out->attributes[i];
    const gltf_accessor *accessor = &self->accessors[i];
    unsigned char *first = out->vertices + attribute->offset;
    if (accessor->rows == 3 && attribute->format == VK_FORMAT_R32G32B32A32_SFLOAT) {
      alpha_fill(out, attribute);
    }
    result = attribute->format == VK_FORMAT_R16G16B16A16_UINT
                 ? gltf_accessor_uint16s(accessor, first, out->vertex_stride)
                 : gltf_accessor_floats(accessor, first, out->vertex_stride);
  }
  return result;
}

/* ---- Indices ---- */

static rg_result indices_alloc(primitive_reader *self, uint32_t count, bool is_wide) {
  gltf_primitive *out = self->out;
  const size_t size = ((size_t)count + self->is_loop) * (is_wide ? 4 : 2);
  out->indices = arena_alloc(&self->reader->file->arena, size);
  out->index_count = count + self->is_loop;
  out->index_type = is_wide ? VK_INDEX_TYPE_UINT32 : VK_INDEX_TYPE_UINT16;
  return out->indices != NULL ? RG_OK : result_no_memory("glTF indices", size);
}

static void index_set(gltf_primitive *out, uint32_t i, uint32_t vertex) {
  if (out->index_type == VK_INDEX_TYPE_UINT16) {
    ((uint16_t *)out->indices)[i] = (uint16_t)vertex;
  } else {
    ((uint32_t *)out->indices)[i] = vertex;
  }
}

static rg_result index_values_check(const primitive_reader *self, uint32_t count,
                                    uint32_t restart) {
  const gltf_primitive *out = self->out;
  for (uint32_t i = 0; i < count; i++) {
    const uint32_t vertex = gltf_vertex_at(out, i);
    if (vertex >= out->vertex_count || vertex == restart) {
      return gltf_fail(&self->object, RG_ERROR_FORMAT, "indices",
                       "index %u is %u%s, of %u vertices", i, vertex,
                       vertex == restart ? " (primitive restart)" : "", out->vertex_count);
    }
  }
  return RG_OK;
}

static rg_result index_accessor_check(const primitive_reader *self, const gltf_accessor *accessor) {
  const bool is_unsigned = is_unsigned_short(accessor) ||
                           (accessor->component == GLTF_UINT32 && !accessor->is_normalized);
  if (!is_unsigned || accessor->rows != 1 || accessor->columns != 1) {
    return gltf_fail(&self->object, RG_ERROR_FORMAT, "indices",
                     "%s is no SCALAR of unsigned integers", accessor->value.path);
  }
  return gltf_accessor_count(accessor);
}

static rg_result indices_decode(primitive_reader *self, uint32_t index) {
  gltf_primitive *out = self->out;
  gltf_accessor accessor;
  rg_result result = RG_OK;
  RG_TRY(gltf_accessor_read(self->reader, index, &accessor));
  RG_TRY(index_accessor_check(self, &accessor));
  const uint32_t count = accessor.elements.count;
  const bool is_wide = accessor.component == GLTF_UINT32;
  RG_TRY(indices_alloc(self, count, is_wide));
  RG_TRY(is_wide ? gltf_accessor_uints(&accessor, out->indices)
                 : gltf_accessor_uint16s(&accessor, out->indices, sizeof(uint16_t)));
  const uint32_t narrow_restart = accessor.component == GLTF_UINT8 ? UINT8_MAX : UINT16_MAX;
  RG_TRY(index_values_check(self, count, is_wide ? UINT32_MAX : narrow_restart));
fail:
  return result;
}

/* A line loop becomes a strip whose last index repeats the first. */
static rg_result loop_close(primitive_reader *self) {
  gltf_primitive *out = self->out;
  if (out->indices == NULL) {
    const uint32_t count = out->vertex_count;
    const rg_result result = indices_alloc(self, count, count >= UINT16_MAX);
    if (result != RG_OK) {
      return result;
    }
    for (uint32_t i = 0; i < count; i++) {
      index_set(out, i, i);
    }
  }
  index_set(out, out->index_count - 1, gltf_vertex_at(out, 0));
  return RG_OK;
}

static rg_result indices_read(primitive_reader *self) {
  uint32_t index = GLTF_NONE;
  rg_result result = gltf_get_index(&self->object, "indices", GLTF_ACCESSORS, &index);
  if (result == RG_OK && index != GLTF_NONE) {
    result = indices_decode(self, index);
  }
  return result == RG_OK && self->is_loop ? loop_close(self) : result;
}

/* ---- Primitives ---- */

/* The offset of the attribute of that name, or GLTF_NONE. */
static uint32_t offset_find(const gltf_primitive *primitive, const char *name, uint32_t *index) {
  for (uint32_t i = 0; i < primitive->attribute_count; i++) {
    if (strcmp(primitive->attributes[i].name, name) == 0) {
      *index = i;
      return primitive->attributes[i].offset;
    }
  }
  return GLTF_NONE;
}

static bool is_made(const primitive_reader *self, uint32_t attribute) {
  return self->accessors[attribute].elements.count == 0;
}

static rg_result surface_make(primitive_reader *self) {
  gltf_primitive *out = self->out;
  host_memory *memory = self->reader->memory;
  uint32_t at = 0;
  const uint32_t position = offset_find(out, "position", &at);
  const uint32_t normal = offset_find(out, "normal", &at);
  rg_result result = RG_OK;
  if (normal != GLTF_NONE && is_made(self, at)) {
    result = gltf_normals_make(memory, out, position, normal);
  }
  const uint32_t tangent = offset_find(out, "tangent", &at);
  if (result != RG_OK || tangent == GLTF_NONE || !is_made(self, at)) {
    return result;
  }
  char name[24];
  const gltf_material *material = &self->reader->file->materials[out->material];
  snprintf(name, sizeof name, "texcoord_%u", material->normal_texture.texcoord);
  const uint32_t texcoord = offset_find(out, name, &at);
  return gltf_tangents_make(memory, out, position, normal, texcoord, tangent);
}

static rg_result mode_read(primitive_reader *self) {
  static const rg_topology topologies[] = {
      RG_TOPOLOGY_POINTS,       RG_TOPOLOGY_LINES,     RG_TOPOLOGY_LINE_STRIP,
      RG_TOPOLOGY_LINE_STRIP,   RG_TOPOLOGY_TRIANGLES, RG_TOPOLOGY_TRIANGLE_STRIP,
      RG_TOPOLOGY_TRIANGLE_FAN,
  };
  uint64_t mode = 4;
  const rg_result result = gltf_get_uint(&self->object, "mode", 6, &mode);
  self->out->topology = topologies[mode];
  self->is_loop = mode == 2;
  return result;
}

/* Checks that each attribute names an accessor, whether it is read or not. */
static rg_result attributes_check(const gltf_value *attributes) {
  uint32_t index;
  const cJSON *json;
  cJSON_ArrayForEach(json, attributes->json) {
    const rg_result result = gltf_get_index(attributes, json->string, GLTF_ACCESSORS, &index);
    if (result != RG_OK) {
      return result;
    }
  }
  return RG_OK;
}

static rg_result targets_check(const gltf_value *primitive) {
  gltf_value targets;
  rg_result result = gltf_get_array(primitive, "targets", &targets);
  if (result != RG_OK || targets.json == NULL) {
    return result;
  }
  uint32_t i = 0;
  const cJSON *json;
  cJSON_ArrayForEach(json, targets.json) {
    const gltf_value target = gltf_child(&targets, json, i++);
    RG_TRY(gltf_check_object(&target));
    RG_TRY(attributes_check(&target));
  }
fail:
  return result;
}

/* Leaves out->vertex_count 0 for a primitive without positions, which is not drawn (section
 * 3.7.2.1). */
static rg_result primitive_read(primitive_reader *self) {
  rg_result result = RG_OK;
  RG_TRY(gltf_check_object(&self->object));
  RG_TRY(gltf_require(&self->object, "attributes"));
  RG_TRY(gltf_get_object(&self->object, "attributes", &self->attributes));
  RG_TRY(attributes_check(&self->attributes));
  RG_TRY(targets_check(&self->object));
  RG_TRY(mode_read(self));
  self->out->material = GLTF_NONE;
  RG_TRY(gltf_get_index(&self->object, "material", GLTF_MATERIALS, &self->out->material));
  if (!has_attribute(self, "POSITION")) {
    return RG_OK;
  }
  RG_TRY(layout_read(self));
  RG_TRY(vertices_read(self));
  RG_TRY(indices_read(self));
  RG_TRY(surface_make(self));
fail:
  return result;
}

/* Adds a primitive to the file; it has room. */
static rg_result primitive_add(const gltf_value *primitives, const cJSON *json, uint32_t index,
                               const char *mesh) {
  gltf_reader *reader = primitives->reader;
  gltf_file *file = reader->file;
  gltf_primitive *out = &file->primitives[file->primitive_count];
  primitive_reader self = {
      .reader = reader, .object = gltf_child(primitives, json, index), .out = out};
  *out = (gltf_primitive){0};
  rg_result result = primitive_read(&self);
  if (result == RG_OK && out->vertex_count > 0) {
    out->name = arena_printf(&file->arena, "%s/%u", mesh, index);
    file->primitive_count++;
    result = out->name != NULL ? RG_OK : result_no_memory("glTF names", strlen(mesh));
  }
  return result;
}

static rg_result mesh_read(gltf_reader *reader, uint32_t index) {
  const gltf_value mesh = gltf_item(reader, GLTF_MESHES, index);
  const char *name = NULL;
  gltf_value primitives;
  rg_result result = RG_OK;
  RG_TRY(gltf_require(&mesh, "primitives"));
  RG_TRY(gltf_get_array(&mesh, "primitives", &primitives));
  RG_TRY(gltf_name(reader, GLTF_MESHES, index, "mesh", &name));
  uint32_t i = 0;
  const cJSON *json;
  cJSON_ArrayForEach(json, primitives.json) {
    RG_TRY(primitive_add(&primitives, json, i++, name));
  }
fail:
  return result;
}

/* Of all meshes; those that are no arrays are refused later. */
static size_t primitives_count(const gltf_table *meshes) {
  size_t count = 0;
  for (uint32_t i = 0; i < meshes->count; i++) {
    count += (size_t)cJSON_GetArraySize(
        cJSON_GetObjectItemCaseSensitive(meshes->items[i], "primitives"));
  }
  return count;
}

rg_result gltf_meshes_read(gltf_reader *reader) {
  const gltf_table *meshes = &reader->tables[GLTF_MESHES];
  gltf_file *file = reader->file;
  const size_t size = primitives_count(meshes) * sizeof *file->primitives;
  if (size > 0) {
    file->primitives = arena_alloc(&file->arena, size);
    if (file->primitives == NULL) {
      return result_no_memory("glTF primitives", size);
    }
  }
  rg_result result = RG_OK;
  for (uint32_t i = 0; i < meshes->count && result == RG_OK; i++) {
    result = mesh_read(reader, i);
  }
  file->mesh_count = meshes->count;
  return result;
}
