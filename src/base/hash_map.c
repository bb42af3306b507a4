/* Linear probing with removal by shifting back, so that no place is ever merely marked deleted. */
#include "hash_map.h"

#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "result.h"

#define HASH_MAP_CAPACITY_MIN 16
#define HASH_MAP_CAPACITY_MAX (1u << 31)

uint64_t hash_bytes(const void *data, size_t size) {
  return XXH3_64bits(data, size);
}

void hash_map_init(hash_map *map, host_memory *memory) {
  *map = (hash_map){.memory = memory};
}

static void entries_free(host_memory *memory, hash_map_entry *entries, uint32_t capacity) {
  host_free(memory, entries, (size_t)capacity * sizeof *entries);
}

/* One byte more than the key: an empty key is a key too, and strings stay terminated. */
static void key_free(host_memory *memory, hash_map_entry *entry) {
  host_free(memory, entry->key, entry->key_size + 1);
}

void hash_map_finish(hash_map *map) {
  for (uint32_t i = 0; i < map->capacity; i++) {
    key_free(map->memory, &map->entries[i]);
  }
  if (map->capacity > 0) {
    entries_free(map->memory, map->entries, map->capacity);
  }
  hash_map_init(map, map->memory);
}

static bool key_equals(const hash_map_entry *entry, const void *key, size_t key_size) {
  return entry->key_size == key_size && (key_size == 0 || memcmp(entry->key, key, key_size) == 0);
}

/* The key's place, or the empty one where it would go. capacity is not 0 and not all in use. */
static hash_map_entry *place_find(hash_map_entry *entries, uint32_t capacity, uint64_t hash,
                                  const void *key, size_t key_size) {
  for (uint32_t i = (uint32_t)hash;; i++) {
    hash_map_entry *entry = &entries[i & (capacity - 1)];
    if (entry->key == NULL || (entry->hash == hash && key_equals(entry, key, key_size))) {
      return entry;
    }
  }
}

void *hash_map_get(const hash_map *map, const void *key, size_t key_size) {
  if (map->count == 0) {
    return NULL;
  }
  return place_find(map->entries, map->capacity, hash_bytes(key, key_size), key, key_size)->value;
}

static rg_result map_grow(hash_map *map) {
  if (map->capacity == HASH_MAP_CAPACITY_MAX) {
    return result_set(RG_ERROR_OUT_OF_HOST_MEMORY, "hash map: %u entries are the most it can hold",
                      map->count);
  }
  uint32_t capacity = map->capacity == 0 ? HASH_MAP_CAPACITY_MIN : 2 * map->capacity;
  hash_map_entry *entries = host_calloc(map->memory, capacity, sizeof *entries);
  if (entries == NULL) {
    return result_no_memory("hash map", (uint64_t)capacity * sizeof *entries);
  }
  for (uint32_t i = 0; i < map->capacity; i++) {
    const hash_map_entry *entry = &map->entries[i];
    if (entry->key != NULL) {
      *place_find(entries, capacity, entry->hash, entry->key, entry->key_size) = *entry;
    }
  }
  entries_free(map->memory, map->entries, map->capacity);
  map->entries = entries;
  map->capacity = capacity;
  return RG_OK;
}

static rg_result entry_init(host_memory *memory, hash_map_entry *entry, uint64_t hash,
                            const void *key, size_t key_size, void *value) {
  char *copy = key_size == SIZE_MAX ? NULL : host_alloc(memory, key_size + 1);
  if (copy == NULL) {
    return result_no_memory("hash map key", key_size);
  }
  if (key_size > 0) {
    memcpy(copy, key, key_size);
  }
  copy[key_size] = '\0';
  *entry = (hash_map_entry){.hash = hash, .key = copy, .key_size = key_size, .value = value};
  return RG_OK;
}

rg_result hash_map_set(hash_map *map, const void *key, size_t key_size, void *value) {
  rg_result result = RG_OK;
  uint64_t hash = hash_bytes(key, key_size);
  hash_map_entry *place = NULL;
  if (map->capacity > 0) {
    place = place_find(map->entries, map->capacity, hash, key, key_size);
    if (place->key != NULL) {
      place->value = value;
      return RG_OK;
    }
  }
  if (map->count >= map->capacity - map->capacity / 4) {
    RG_TRY(map_grow(map));
    place = place_find(map->entries, map->capacity, hash, key, key_size);
  }
  RG_TRY(entry_init(map->memory, place, hash, key, key_size, value));
  map->count++;
  return RG_OK;
fail:
  return result;
}

/* Moves later entries of the run back over the hole, so that look-ups that passed it still end
 * right. */
static void hole_close(hash_map *map, uint32_t hole) {
  uint32_t mask = map->capacity - 1;
  for (uint32_t i = (hole + 1) & mask; map->entries[i].key != NULL; i = (i + 1) & mask) {
    uint32_t home = (uint32_t)map->entries[i].hash & mask;
    if (((i - home) & mask) >= ((i - hole) & mask)) {
      map->entries[hole] = map->entries[i];
      hole = i;
    }
  }
  map->entries[hole] = (hash_map_entry){0};
}

void *hash_map_remove(hash_map *map, const void *key, size_t key_size) {
  if (map->count == 0) {
    return NULL;
  }
  uint64_t hash = hash_bytes(key, key_size);
  hash_map_entry *entry = place_find(map->entries, map->capacity, hash, key, key_size);
  if (entry->key == NULL) {
    return NULL;
  }
  void *value = entry->value;
  key_free(map->memory, entry);
  map->count--;
  hole_close(map, (uint32_t)(entry - map->entries));
  return value;
}

const hash_map_entry *hash_map_next(const hash_map *map, uint32_t *cursor) {
  while (*cursor < map->capacity) {
    const hash_map_entry *entry = &map->entries[(*cursor)++];
    if (entry->key != NULL) {
      return entry;
    }
  }
  return NULL;
}
