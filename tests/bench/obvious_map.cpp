// The obvious first design of a handle table, for handle_lookup's baseline: the standard library's
// own hash map from 64-bit ids to resources, a strong hash (the identity that std::hash is would be
// none), a read-write lock around it. Resources stand in the map's nodes, which saves it the miss
// of a pointer to them; an open-addressed map of nothing but {id, VkBuffer, offset, size} would be
// faster, but nobody's first, and it would move resources whenever it grows.
#include "obvious_map.h"

#include <mutex>
#include <new>
#include <shared_mutex>
#include <unordered_map>

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace {

struct hash {
  size_t operator()(uint64_t id) const {
    return XXH3_64bits(&id, sizeof id);
  }
};

struct resource {
  rg_buffer_vk vk;
  unsigned char rest[136]; // as much as the engine's own buffer has beside: label, owners, memory
};

} // namespace

struct obvious_map {
  std::shared_mutex lock;
  std::unordered_map<uint64_t, resource, hash> resources;
};

obvious_map *obvious_map_create(void) {
  return new (std::nothrow) obvious_map;
}

void obvious_map_destroy(obvious_map *map) {
  delete map;
}

void obvious_map_add(obvious_map *map, uint64_t id, const rg_buffer_vk *vk) {
  std::unique_lock<std::shared_mutex> held(map->lock);
  map->resources[id].vk = *vk;
}

bool obvious_map_get(obvious_map *map, uint64_t id, rg_buffer_vk *out) {
  std::shared_lock<std::shared_mutex> held(map->lock);
  auto found = map->resources.find(id);
  if (found == map->resources.end()) {
    return false;
  }
  *out = found->second.vk;
  return true;
}
