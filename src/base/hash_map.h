/* A map from byte strings to pointers: open addressing, keys copied. Not thread-safe; its owner
 * locks. */
#ifndef RG_BASE_HASH_MAP_H
#define RG_BASE_HASH_MAP_H

#include "host_memory.h"

typedef struct hash_map_entry {
  uint64_t hash;
  void *key; /* a copy with a zero byte after it; NULL marks an empty place */
  size_t key_size;
  void *value;
} hash_map_entry;

typedef struct hash_map {
  host_memory *memory;
  hash_map_entry *entries;
  uint32_t capacity; /* a power of two, or 0 */
  uint32_t count;
} hash_map;

void hash_map_init(hash_map *map, host_memory *memory);
void hash_map_finish(hash_map *map); /* values are the owner's */
/* The value, or NULL. */
void *hash_map_get(const hash_map *map, const void *key, size_t key_size);
/* Adds or replaces. value: not NULL. RG_ERROR_OUT_OF_HOST_MEMORY: the map is as before. */
RG_NODISCARD rg_result hash_map_set(hash_map *map, const void *key, size_t key_size, void *value);
/* Removes and returns the value, or NULL. */
void *hash_map_remove(hash_map *map, const void *key, size_t key_size);
/* Iterates: *cursor starts at 0; NULL at the end. No changes meanwhile. */
const hash_map_entry *hash_map_next(const hash_map *map, uint32_t *cursor);
/* xxHash's XXH3, 64 bits. */
uint64_t hash_bytes(const void *data, size_t size);

#endif
