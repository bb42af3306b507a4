/* Gathers blocks, ranges and resources once, and brings them together by one sort. */
#include "memory_map.h"

#include <stdlib.h>
#include <string.h>

#include "batch.h"
#include "gpu.h"

const char *const map_kind_names[MAP_KINDS] = {"free",    "reserved", "other",    "buffer",
                                               "texture", "shared",   "transient"};

/* ---- Growing arrays ------------------------------------------------------------------------ */

/* Room for `count` items more; NULL with is_failed set where there is none, else the first. */
static void *grow(memory_map *self, void *items, uint32_t *capacity, uint32_t used, uint32_t count,
                  size_t item_size) {
  if (self->is_failed || count > UINT32_MAX / 2 - used) {
    self->is_failed = true;
    return items;
  }
  if (used + count > *capacity) {
    uint32_t wanted = *capacity == 0 ? 256 : 2 * *capacity;
    wanted = wanted < used + count ? used + count : wanted;
    void *grown = host_resize(self->memory, items, *capacity * item_size, wanted * item_size);
    self->is_failed = grown == NULL;
    items = grown == NULL ? items : grown;
    *capacity = grown == NULL ? *capacity : wanted;
  }
  return items;
}

/* Label 0 is the empty one. Many resources in a row often have the same. */
static uint32_t label_add(memory_map *self, const char *label) {
  if (label == NULL || label[0] == '\0' || self->is_failed) {
    return 0;
  }
  if (strcmp(self->labels + self->last_label, label) == 0) {
    return self->last_label;
  }
  uint32_t size = (uint32_t)strlen(label) + 1, at = self->label_bytes;
  self->labels = grow(self, self->labels, &self->label_capacity, at, size, 1);
  if (self->is_failed) {
    return 0;
  }
  memcpy(self->labels + at, label, size);
  self->label_bytes += size;
  self->last_label = at;
  return at;
}

/* ---- Blocks and spans ---------------------------------------------------------------------- */

typedef struct map_builder {
  memory_map *map;
  gpu *gpu;
  bool is_detailed;
} map_builder;

static void span_add(memory_map *map, uint64_t offset, uint64_t size, map_kind kind) {
  map->spans = grow(map, map->spans, &map->span_capacity, map->span_count, 1, sizeof *map->spans);
  if (!map->is_failed) {
    map->spans[map->span_count++] = (map_span){.offset = offset, .size = size, .kind = kind};
  }
}

static void visit_span(void *user, const range_span *span) {
  map_kind kind = span->is_reserved ? MAP_RESERVED : span->id == RANGE_NONE ? MAP_FREE : MAP_OTHER;
  span_add(user, span->offset, span->size, kind);
}

static void visit_block(void *user, const memory_block_info *info) {
  const map_builder *builder = user;
  memory_map *map = builder->map;
  map->blocks =
      grow(map, map->blocks, &map->block_capacity, map->block_count, 1, sizeof *map->blocks);
  if (map->is_failed) {
    return;
  }
  map_block block = {
      .pool = info->pool,
      .memory = (uint64_t)info->memory,
      .serial = info->serial,
      .size = info->size,
      .used = info->used,
      .type = info->type,
      .heap = builder->gpu->device.memory_properties.memoryTypes[info->type].heapIndex,
      .label = label_add(map, info->label[0] != '\0' ? info->label : info->pool_label),
      .is_optimal = info->is_optimal,
      .is_dedicated = info->ranges == NULL,
      .is_mapped = info->mapped != NULL,
      .first_span = map->span_count,
  };
  if (builder->is_detailed && info->ranges != NULL) {
    range_for_each(info->ranges, visit_span, map);
  } else if (builder->is_detailed) {
    span_add(map, 0, info->size, MAP_OTHER);
  }
  block.span_count = map->span_count - block.first_span;
  map->blocks[map->block_count++] = block;
}

/* ---- Resources ----------------------------------------------------------------------------- */

/* A slot, from the buffer's first byte on: its stride may begin it later. */
static memory_range slot_range(const buffer *self) {
  memory_range range = slab_piece(self->slot);
  uint64_t lead = self->is_bound ? 0 : self->vk.offset - slab_offset(self->slot);
  range.offset += lead;
  range.size -= lead;
  range.mapped = range.mapped == NULL ? NULL : (char *)range.mapped + lead;
  return range;
}

static void buffer_find_place(const buffer *self, resource_place *out) {
  out->is_in_slab = self->own == NULL;
  out->is_shared = out->is_in_slab && !self->is_bound;
  out->is_transient = self->own != NULL && self->own->transient.group != NULL;
  out->range = self->own == NULL ? slot_range(self) : self->own->range;
}

static bool is_movable(rg_type type, const void *storage) {
  return type == RG_TYPE_BUFFER ? ((const buffer *)storage)->is_movable
                                : ((const texture *)storage)->is_movable;
}

/* Of what may move, under the upload's lock. */
static bool find_place(rg_type type, const void *storage, resource_place *out) {
  *out = (resource_place){0};
  if (type == RG_TYPE_BUFFER) {
    buffer_find_place(storage, out);
  } else {
    const texture *self = storage;
    out->range = self->range;
    out->is_transient = self->transient.group != NULL;
  }
  return out->range.memory != VK_NULL_HANDLE;
}

bool resource_find_place(gpu *gpu, rg_type type, const void *storage, resource_place *out) {
  *out = (resource_place){0};
  if (type != RG_TYPE_BUFFER && type != RG_TYPE_TEXTURE) {
    return false;
  }
  if (!is_movable(type, storage)) {
    return find_place(type, storage, out);
  }
  upload_lock(gpu);
  bool is_found = find_place(type, storage, out);
  upload_unlock(gpu);
  return is_found;
}

typedef struct block_key {
  uint64_t memory;
  uint32_t block;
} block_key;

static int compare_keys(const void *a, const void *b) {
  uint64_t left = ((const block_key *)a)->memory, right = ((const block_key *)b)->memory;
  return (left > right) - (left < right);
}

/* The block of a VkDeviceMemory, or UINT32_MAX: one that was made after the blocks were seen. */
static uint32_t block_find(const block_key *keys, uint32_t count, uint64_t memory) {
  block_key wanted = {.memory = memory};
  const block_key *found =
      count == 0 ? NULL : bsearch(&wanted, keys, count, sizeof *keys, compare_keys);
  return found == NULL ? UINT32_MAX : found->block;
}

static void resource_add(memory_map *map, const map_resource *resource) {
  map->resources = grow(map, map->resources, &map->resource_capacity, map->resource_count, 1,
                        sizeof *map->resources);
  if (!map->is_failed && resource->block != UINT32_MAX) {
    map->resources[map->resource_count++] = *resource;
  }
}

typedef struct slab_visitor {
  memory_map *map;
  const block_key *keys;
} slab_visitor;

static void visit_slab(void *user, const buffer_slab *slab, uint64_t used) {
  const slab_visitor *visitor = user;
  (void)used;
  map_resource resource = {
      .offset = slab->range.offset,
      .size = slab->range.size,
      .block = block_find(visitor->keys, visitor->map->block_count, (uint64_t)slab->range.memory),
      .kind = MAP_SHARED,
  };
  resource_add(visitor->map, &resource);
}

static map_kind kind_of(rg_type type, const resource_place *place) {
  if (place->is_transient || place->is_shared) {
    return place->is_transient ? MAP_TRANSIENT : MAP_SHARED;
  }
  return type == RG_TYPE_BUFFER ? MAP_BUFFER : MAP_TEXTURE;
}

/* Resources whose places are found under one lock. */
#define GROUP_COUNT 64
typedef struct resource_group {
  void *storages[GROUP_COUNT];
  map_resource resources[GROUP_COUNT];
  uint64_t memories[GROUP_COUNT]; /* 0 for none */
  uint32_t count;
} resource_group;

/* The next ones after `last`; returns the last of them, or 0 at the end. */
static uint64_t group_fill(resource_group *self, const slots *slots, uint64_t last) {
  self->count = 0;
  while (self->count < GROUP_COUNT && (last = slots_next(slots, last)) != 0) {
    void *storage = slots_peek(slots, last);
    if (storage != NULL) {
      self->storages[self->count] = storage;
      self->resources[self->count++].id = last;
    }
  }
  return last;
}

static void group_find_places(resource_group *self, gpu *gpu, rg_type type) {
  resource_place place;
  upload_lock(gpu);
  for (uint32_t i = 0; i < self->count; i++) {
    map_resource *resource = &self->resources[i];
    bool is_found = find_place(type, self->storages[i], &place);
    self->memories[i] = is_found ? (uint64_t)place.range.memory : 0;
    resource->offset = place.range.offset;
    resource->size = place.range.size;
    resource->is_in_slab = place.is_in_slab;
    resource->kind = kind_of(type, &place);
  }
  upload_unlock(gpu);
}

/* Within a batch: what it finds stays as it is, dead or not. */
static void add_live(memory_map *map, gpu *gpu, const block_key *keys, rg_type type) {
  const slots *slots = gpu->slots_by_type[type];
  resource_group group;
  uint64_t last_memory = 0, last = 0;
  uint32_t last_block = UINT32_MAX;
  do {
    last = group_fill(&group, slots, last);
    group_find_places(&group, gpu, type);
    for (uint32_t i = 0; i < group.count; i++) {
      if (group.memories[i] != last_memory) {
        last_memory = group.memories[i];
        last_block = block_find(keys, map->block_count, last_memory);
      }
      group.resources[i].block = last_block;
      group.resources[i].label = label_add(map, resource_in(gpu, type, group.storages[i])->label);
      resource_add(map, &group.resources[i]);
    }
  } while (last != 0);
}

static void add_resources(memory_map *map, gpu *gpu) {
  block_key *keys = host_alloc(map->memory, map->block_count * sizeof *keys);
  if (keys == NULL) {
    map->is_failed = map->block_count != 0;
    return;
  }
  for (uint32_t i = 0; i < map->block_count; i++) {
    keys[i] = (block_key){map->blocks[i].memory, i};
  }
  qsort(keys, map->block_count, sizeof *keys, compare_keys);
  slab_visitor visitor = {map, keys};
  slab_for_each(gpu, visit_slab, &visitor); /* first: the sort keeps them before their parts */
  rg_batch batch;
  if (batch_open(gpu, &batch) == RG_OK) {
    add_live(map, gpu, keys, RG_TYPE_BUFFER);
    add_live(map, gpu, keys, RG_TYPE_TEXTURE);
    batch_close(gpu, batch);
  } else {
    map->is_failed = true;
  }
  host_free(map->memory, keys, map->block_count * sizeof *keys);
}

/* ---- Sorting ------------------------------------------------------------------------------- */

#define DIGIT_BITS 11
#define DIGITS 6
#define DIGIT_VALUES (1u << DIGIT_BITS)

typedef struct sort_key {
  uint64_t key;
  uint32_t index;
} sort_key;

typedef struct sort_room {
  uint32_t counts[DIGITS][DIGIT_VALUES];
  sort_key keys[];
} sort_room;

static uint32_t digit_of(uint64_t key, uint32_t digit) {
  return (uint32_t)(key >> (digit * DIGIT_BITS)) % DIGIT_VALUES;
}

/* One pass by a digit; false where all keys have the same, so that there is nothing to do. */
static bool sort_pass(uint32_t *counts, uint32_t digit, const sort_key *from, sort_key *to,
                      uint32_t count) {
  if (counts[digit_of(from[0].key, digit)] == count) {
    return false;
  }
  uint32_t sum = 0;
  for (uint32_t i = 0; i < DIGIT_VALUES; i++) {
    uint32_t here = counts[i];
    counts[i] = sum;
    sum += here;
  }
  for (uint32_t i = 0; i < count; i++) {
    to[counts[digit_of(from[i].key, digit)]++] = from[i];
  }
  return true;
}

/* By block and offset, and as they came where these are equal; the sorted keys. */
static const sort_key *keys_sort(sort_room *room, const memory_map *map) {
  uint32_t count = map->resource_count;
  sort_key *from = room->keys, *to = room->keys + count;
  for (uint32_t i = 0; i < count; i++) {
    /* offsets of resources are multiples of 4, in blocks of less than 4 TiB */
    uint64_t key = (uint64_t)map->resources[i].block << 40 | map->resources[i].offset >> 2;
    from[i] = (sort_key){key, i};
    for (uint32_t digit = 0; digit < DIGITS; digit++) {
      room->counts[digit][digit_of(key, digit)]++;
    }
  }
  for (uint32_t digit = 0; digit < DIGITS; digit++) {
    if (sort_pass(room->counts[digit], digit, from, to, count)) {
      sort_key *swapped = from;
      from = to;
      to = swapped;
    }
  }
  return from;
}

static void resources_sort(memory_map *map) {
  uint32_t count = map->resource_count;
  if (map->is_failed || count == 0) {
    return;
  }
  size_t room_size = sizeof(sort_room) + 2 * (size_t)count * sizeof(sort_key);
  sort_room *room = host_calloc(map->memory, 1, room_size);
  map_resource *sorted = host_alloc(map->memory, count * sizeof *sorted);
  map->is_failed = room == NULL || sorted == NULL;
  if (!map->is_failed) {
    const sort_key *keys = keys_sort(room, map);
    for (uint32_t i = 0; i < count; i++) {
      sorted[i] = map->resources[keys[i].index];
    }
    host_free(map->memory, map->resources, map->resource_capacity * sizeof *sorted);
    map->resources = sorted;
    map->resource_capacity = count;
    sorted = NULL;
  }
  host_free(map->memory, sorted, count * sizeof *sorted);
  host_free(map->memory, room, room_size);
}

/* ---- Bringing them together ---------------------------------------------------------------- */

/* Gives each span the resources that begin in it. */
static void block_join(memory_map *map, uint32_t block, uint32_t *next) {
  const map_block *self = &map->blocks[block];
  for (uint32_t i = 0; i < self->span_count; i++) {
    map_span *span = &map->spans[self->first_span + i];
    span->first = *next;
    while (*next < map->resource_count && map->resources[*next].block == block &&
           map->resources[*next].offset < span->offset + span->size) {
      ++*next;
    }
    span->count = *next - span->first;
    if (span->count > 0 && span->kind == MAP_OTHER) {
      span->kind = map->resources[span->first].kind;
    }
  }
  while (*next < map->resource_count && map->resources[*next].block == block) {
    ++*next;
  }
}

rg_result memory_map_init(memory_map *self, gpu *gpu, bool is_detailed) {
  *self = (memory_map){.memory = &gpu->host};
  map_builder builder = {self, gpu, is_detailed};
  self->labels = grow(self, NULL, &self->label_capacity, 0, 1, 1);
  if (!self->is_failed) {
    self->labels[self->label_bytes++] = '\0';
  }
  memory_for_each_block(gpu, visit_block, &builder);
  if (is_detailed && !self->is_failed) {
    add_resources(self, gpu);
    resources_sort(self);
  }
  uint32_t next = 0;
  for (uint32_t i = 0; i < self->block_count && !self->is_failed; i++) {
    block_join(self, i, &next);
  }
  return self->is_failed ? result_no_memory("a map of device memory", 0) : RG_OK;
}

void memory_map_finish(memory_map *self) {
  if (self->memory != NULL) {
    host_free(self->memory, self->blocks, self->block_capacity * sizeof *self->blocks);
    host_free(self->memory, self->spans, self->span_capacity * sizeof *self->spans);
    host_free(self->memory, self->resources, self->resource_capacity * sizeof *self->resources);
    host_free(self->memory, self->labels, self->label_capacity);
  }
  *self = (memory_map){.memory = self->memory};
}
