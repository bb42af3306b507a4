/* What resources do not need of a glTF file, checked so that a file that loads is sound as a whole:
 * nodes form trees, and scenes, skins and animations name what exists. */
#include "base/result.h"
#include "gltf_internal.h"

typedef rg_result value_check(const gltf_value *value);

static rg_result each(const gltf_value *array, value_check *check) {
  rg_result result = RG_OK;
  uint32_t i = 0;
  const cJSON *json;
  cJSON_ArrayForEach(json, array->json) {
    const gltf_value child = gltf_child(array, json, i++);
    RG_TRY(gltf_check_object(&child));
    RG_TRY(check(&child));
  }
fail:
  return result;
}

static rg_result all_items_check(gltf_reader *reader, gltf_kind kind, value_check *check) {
  rg_result result = RG_OK;
  for (uint32_t i = 0; i < reader->tables[kind].count && result == RG_OK; i++) {
    const gltf_value item = gltf_item(reader, kind, i);
    result = check(&item);
  }
  return result;
}

static rg_result node_check(const gltf_value *node) {
  uint32_t index;
  float numbers[16];
  rg_result result = RG_OK;
  RG_TRY(gltf_check_indices(node, "children", GLTF_NODES));
  RG_TRY(gltf_get_index(node, "mesh", GLTF_MESHES, &index));
  RG_TRY(gltf_get_index(node, "skin", GLTF_SKINS, &index));
  RG_TRY(gltf_get_index(node, "camera", GLTF_CAMERAS, &index));
  RG_TRY(gltf_get_floats(node, "matrix", numbers, 16));
  RG_TRY(gltf_get_floats(node, "translation", numbers, 3));
  RG_TRY(gltf_get_floats(node, "rotation", numbers, 4));
  RG_TRY(gltf_get_floats(node, "scale", numbers, 3));
fail:
  return result;
}

static rg_result scene_check(const gltf_value *scene) {
  return gltf_check_indices(scene, "nodes", GLTF_NODES);
}

static rg_result skin_check(const gltf_value *skin) {
  uint32_t index;
  rg_result result = RG_OK;
  RG_TRY(gltf_require(skin, "joints"));
  RG_TRY(gltf_check_indices(skin, "joints", GLTF_NODES));
  RG_TRY(gltf_get_index(skin, "inverseBindMatrices", GLTF_ACCESSORS, &index));
  RG_TRY(gltf_get_index(skin, "skeleton", GLTF_NODES, &index));
fail:
  return result;
}

static rg_result animation_sampler_check(const gltf_value *sampler) {
  uint32_t index;
  rg_result result = RG_OK;
  RG_TRY(gltf_require(sampler, "input"));
  RG_TRY(gltf_require(sampler, "output"));
  RG_TRY(gltf_get_index(sampler, "input", GLTF_ACCESSORS, &index));
  RG_TRY(gltf_get_index(sampler, "output", GLTF_ACCESSORS, &index));
fail:
  return result;
}

static rg_result channel_check(const gltf_value *channel) {
  gltf_value target;
  uint32_t index;
  uint64_t sampler;
  rg_result result = RG_OK;
  RG_TRY(gltf_get_object(channel, "target", &target));
  RG_TRY(gltf_get_index(&target, "node", GLTF_NODES, &index));
  RG_TRY(gltf_get_uint(channel, "sampler", UINT32_MAX, &sampler));
fail:
  return result;
}

static rg_result animation_check(const gltf_value *animation) {
  gltf_value samplers, channels;
  rg_result result = RG_OK;
  RG_TRY(gltf_get_array(animation, "samplers", &samplers));
  RG_TRY(gltf_get_array(animation, "channels", &channels));
  RG_TRY(each(&samplers, animation_sampler_check));
  RG_TRY(each(&channels, channel_check));
fail:
  return result;
}

/* Sets the parent of each child; a node has one at the most (section 3.5.3). */
static rg_result parents_set(gltf_reader *reader, uint32_t node, uint32_t *parents) {
  const gltf_value object = gltf_item(reader, GLTF_NODES, node);
  const cJSON *children = cJSON_GetObjectItemCaseSensitive(object.json, "children");
  const cJSON *child;
  cJSON_ArrayForEach(child, children) {
    const uint32_t index = (uint32_t)child->valuedouble;
    if (parents[index] != GLTF_NONE) {
      return gltf_fail(&object, RG_ERROR_FORMAT, "children", "node %u has the parent %u already",
                       index, parents[index]);
    }
    parents[index] = node;
  }
  return RG_OK;
}

/* Walks up from each node and marks the way; a way that meets its own mark is a cycle. */
static rg_result cycles_check(gltf_reader *reader, const uint32_t *parents, uint32_t *marks) {
  const uint32_t count = reader->tables[GLTF_NODES].count;
  for (uint32_t start = 0; start < count; start++) {
    uint32_t node = start;
    while (node != GLTF_NONE && marks[node] == 0) {
      marks[node] = start + 1;
      node = parents[node];
    }
    if (node != GLTF_NONE && marks[node] == start + 1) {
      const gltf_value object = gltf_item(reader, GLTF_NODES, node);
      return gltf_fail(&object, RG_ERROR_FORMAT, "children", "node %u is its own ancestor", node);
    }
  }
  return RG_OK;
}

static rg_result trees_check(gltf_reader *reader) {
  const uint32_t count = reader->tables[GLTF_NODES].count;
  uint32_t *parents = arena_alloc(&reader->scratch, count * sizeof *parents);
  uint32_t *marks = arena_alloc(&reader->scratch, count * sizeof *marks);
  if (count > 0 && (parents == NULL || marks == NULL)) {
    return result_no_memory("glTF nodes", 2 * sizeof *parents * count);
  }
  for (uint32_t i = 0; i < count; i++) {
    parents[i] = GLTF_NONE;
  }
  rg_result result = RG_OK;
  for (uint32_t i = 0; i < count && result == RG_OK; i++) {
    result = parents_set(reader, i, parents);
  }
  return result == RG_OK ? cycles_check(reader, parents, marks) : result;
}

rg_result gltf_scenes_check(gltf_reader *reader) {
  const gltf_value root = gltf_root(reader);
  gltf_value animations;
  uint32_t index;
  rg_result result = RG_OK;
  RG_TRY(all_items_check(reader, GLTF_NODES, node_check));
  RG_TRY(trees_check(reader));
  RG_TRY(all_items_check(reader, GLTF_SCENES, scene_check));
  RG_TRY(gltf_get_index(&root, "scene", GLTF_SCENES, &index));
  RG_TRY(all_items_check(reader, GLTF_SKINS, skin_check));
  RG_TRY(gltf_get_array(&root, "animations", &animations));
  RG_TRY(each(&animations, animation_check));
fail:
  return result;
}
