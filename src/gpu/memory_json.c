/* Device memory as JSON, written by hand: a tree in between would cost more than the gathering. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "gpu.h"
#include "memory_map.h"

#define RANGE_SIZE_GUESS 72 /* bytes of JSON for one; more grows, less is given back */

/* ---- Pieces of text ------------------------------------------------------------------------ */

/* Some text of a fixed greatest length, put together without a check for each part. */
typedef struct line {
  char text[256];
  size_t length;
} line;

static void line_add(line *self, const char *string) {
  size_t length = strlen(string);
  memcpy(self->text + self->length, string, length);
  self->length += length;
}

static void line_add_uint(line *self, uint64_t value) {
  char digits[20];
  size_t first = sizeof digits;
  do {
    digits[--first] = (char)('0' + value % 10);
    value /= 10;
  } while (value != 0);
  memcpy(self->text + self->length, digits + first, sizeof digits - first);
  self->length += sizeof digits - first;
}

static void line_add_hex(line *self, uint64_t value) {
  uint32_t shift = 60;
  while (shift > 0 && value >> shift == 0) {
    shift -= 4;
  }
  for (; shift < 64; shift -= 4) { /* ends by wrapping round */
    self->text[self->length++] = "0123456789abcdef"[value >> shift & 15];
  }
}

static void line_flush(line *self, text *out) {
  text_append_bytes(out, self->text, self->length);
  self->length = 0;
}

static const char *bool_name(bool value) {
  return value ? "true" : "false";
}

/* ---- Heaps and pools ----------------------------------------------------------------------- */

static void write_heaps(text *out, const rg_memory_stats *stats) {
  text_append(out, ",\n\"heaps\":[");
  for (uint32_t i = 0; i < stats->heap_count; i++) {
    const rg_heap_stats *heap = &stats->heaps[i];
    text_printf(out,
                "%s\n{\"size\":%" PRIu64 ",\"used\":%" PRIu64 ",\"budget\":%" PRIu64
                ",\"is_device_local\":%s}",
                i == 0 ? "" : ",", heap->size, heap->used, heap->budget,
                bool_name(heap->is_device_local));
  }
  text_append(out, "]");
}

static void write_properties(text *out, VkMemoryPropertyFlags properties) {
  static const char *const names[] = {"device_local", "host_visible",     "host_coherent",
                                      "host_cached",  "lazily_allocated", "protected"};
  const char *separator = "";
  text_append(out, "[");
  for (uint32_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    if ((properties >> i & 1) != 0) {
      text_printf(out, "%s\"%s\"", separator, names[i]);
      separator = ",";
    }
  }
  text_append(out, "]");
}

/* Pools are gathered first and written after: their labels may not be asked for meanwhile. */
typedef struct pool_list {
  host_memory *memory;
  rg_pool_stats *items;
  uint32_t count, capacity;
  bool is_failed;
} pool_list;

/* The engine's own pools say nothing while they have no block. */
static void gather_pool(void *user, const rg_pool_stats *pool) {
  pool_list *self = user;
  if (self->is_failed || (pool->pool.id == 0 && pool->blocks == 0)) {
    return;
  }
  if (self->count == self->capacity) {
    uint32_t capacity = 2 * self->capacity + 16;
    rg_pool_stats *items = host_resize(self->memory, self->items, self->capacity * sizeof *items,
                                       capacity * sizeof *items);
    self->is_failed = items == NULL;
    if (items == NULL) {
      return;
    }
    self->items = items;
    self->capacity = capacity;
  }
  self->items[self->count++] = *pool;
}

/* null for the engine's own. */
static void write_pool_name(text *out, gpu *gpu, rg_pool pool) {
  rg_result ignored = RG_OK;
  if (pool.id == 0) {
    text_append(out, "null");
    return;
  }
  text_printf(out, "\"%" PRIx64 "\"", pool.id);
  unsigned char *storage = resource_acquire(gpu, RG_TYPE_POOL, pool.id, &ignored);
  if (storage != NULL) {
    text_append(out, ",\"label\":");
    text_append_json(out, resource_label(resource_in(gpu, RG_TYPE_POOL, storage)));
    resource_release(gpu, pool.id);
  }
}

static void write_pool(text *out, gpu *gpu, const rg_pool_stats *pool) {
  text_append(out, "{\"pool\":");
  write_pool_name(out, gpu, pool->pool);
  text_printf(out, ",\"memory_type\":%u,\"heap\":%u,\"properties\":", pool->memory_type,
              pool->heap);
  write_properties(out, pool->properties);
  text_printf(out,
              ",\"is_optimal\":%s,\"blocks\":%u,\"dedicated\":%u,\"ranges\":%u,\"size\":%" PRIu64
              ",\"used\":%" PRIu64 ",\"padding\":%" PRIu64 ",\"largest_free\":%" PRIu64
              ",\"fragmentation\":%.4f}",
              bool_name(pool->is_optimal), pool->blocks, pool->dedicated, pool->ranges, pool->size,
              pool->used, pool->padding, pool->largest_free, pool->fragmentation);
}

static rg_result write_pools(text *out, gpu *gpu) {
  pool_list list = {.memory = &gpu->host};
  memory_for_each_pool(gpu, gather_pool, &list);
  text_append(out, ",\n\"pools\":[");
  for (uint32_t i = 0; i < list.count; i++) {
    text_append(out, i == 0 ? "\n" : ",\n");
    write_pool(out, gpu, &list.items[i]);
  }
  text_append(out, "]");
  host_free(list.memory, list.items, list.capacity * sizeof *list.items);
  return list.is_failed ? result_no_memory("pools' statistics", 0) : RG_OK;
}

/* ---- Totals by kind and by label ----------------------------------------------------------- */

typedef struct total {
  uint64_t count, bytes;
  uint32_t label;
} total;

/* Of shared VkBuffers what no small buffer takes is room for others; transients overlap, so their
 * bytes are those of the memory that they share. */
static void count_kinds(const memory_map *map, total totals[MAP_KINDS]) {
  for (uint32_t i = 0; i < map->span_count; i++) {
    const map_span *span = &map->spans[i];
    map_kind kind = span->kind == MAP_SHARED ? MAP_RESERVED : span->kind;
    totals[kind].count += span->count == 0;
    totals[kind].bytes += span->size;
  }
  for (uint32_t i = 0; i < map->resource_count; i++) {
    const map_resource *resource = &map->resources[i];
    totals[resource->kind].count += resource->id != 0;
    if (resource->is_in_slab && resource->id != 0) {
      totals[resource->kind].bytes += resource->size;
      totals[MAP_RESERVED].bytes -= resource->size;
    }
  }
}

static void write_kinds(text *out, const memory_map *map) {
  total totals[MAP_KINDS] = {0};
  count_kinds(map, totals);
  text_append(out, ",\n\"kinds\":{");
  for (uint32_t kind = 0; kind < MAP_KINDS; kind++) {
    text_printf(out, "%s\"%s\":{\"count\":%" PRIu64 ",\"bytes\":%" PRIu64 "}", kind == 0 ? "" : ",",
                map_kind_names[kind], totals[kind].count, totals[kind].bytes);
  }
  text_append(out, "}");
}

/* Totals by label in the order of where each is first found, and where to find them: open
 * addressing over their numbers plus one, at most half full. */
typedef struct label_totals {
  total *items;
  uint32_t *places;
  uint32_t count, capacity;
  size_t bytes; /* of the one allocation that items begins */
} label_totals;

static bool labels_init(label_totals *self, const memory_map *map) {
  *self = (label_totals){.capacity = 16};
  while (self->capacity < 2 * (uint64_t)map->resource_count) {
    self->capacity *= 2;
  }
  size_t items = ((size_t)map->resource_count + 1) * sizeof *self->items;
  self->bytes = items + self->capacity * sizeof *self->places;
  self->items = host_calloc(map->memory, 1, self->bytes);
  if (self->items == NULL) {
    return false;
  }
  self->places = (uint32_t *)(void *)((char *)self->items + items);
  return true;
}

static total *labels_find(label_totals *self, const memory_map *map, uint32_t wanted) {
  const char *label = map_label(map, wanted);
  uint32_t at = (uint32_t)hash_bytes(label, strlen(label));
  for (;; at++) {
    uint32_t *place = &self->places[at & (self->capacity - 1)];
    if (*place == 0) {
      *place = ++self->count;
      self->items[*place - 1].label = wanted;
      return &self->items[*place - 1];
    }
    if (strcmp(map_label(map, self->items[*place - 1].label), label) == 0) {
      return &self->items[*place - 1];
    }
  }
}

static void labels_count(label_totals *self, const memory_map *map) {
  total *found = NULL;
  for (uint32_t i = 0; i < map->resource_count; i++) {
    const map_resource *resource = &map->resources[i];
    if (resource->id == 0) {
      continue;
    }
    if (found == NULL || found->label != resource->label) {
      found = labels_find(self, map, resource->label);
    }
    found->count++;
    found->bytes += resource->size;
  }
}

static void labels_print(text *out, const memory_map *map, const label_totals *self) {
  line line = {.length = 0};
  text_append(out, ",\n\"labels\":[");
  for (uint32_t i = 0; i < self->count; i++) {
    text_append(out, i == 0 ? "\n{\"label\":" : ",\n{\"label\":");
    text_append_json(out, map_label(map, self->items[i].label));
    line_add(&line, ",\"count\":");
    line_add_uint(&line, self->items[i].count);
    line_add(&line, ",\"bytes\":");
    line_add_uint(&line, self->items[i].bytes);
    line_add(&line, "}");
    line_flush(&line, out);
  }
  text_append(out, "]");
}

static rg_result write_labels(text *out, const memory_map *map) {
  label_totals labels;
  if (!labels_init(&labels, map)) {
    return result_no_memory("totals by label", labels.bytes);
  }
  labels_count(&labels, map);
  labels_print(out, map, &labels);
  host_free(map->memory, labels.items, labels.bytes);
  return RG_OK;
}

/* ---- Blocks and ranges --------------------------------------------------------------------- */

/* ,"id":"…","label":"…" */
static void write_identity(line *start, text *out, const memory_map *map,
                           const map_resource *resource) {
  line_add(start, ",\"id\":\"");
  line_add_hex(start, resource->id);
  line_add(start, "\"");
  if (resource->label != 0) {
    line_add(start, ",\"label\":");
    line_flush(start, out);
    text_append_json(out, map_label(map, resource->label));
  }
}

static void write_place(line *line, uint64_t offset, uint64_t size, map_kind kind) {
  line_add(line, "{\"offset\":");
  line_add_uint(line, offset);
  line_add(line, ",\"size\":");
  line_add_uint(line, size);
  line_add(line, ",\"kind\":\"");
  line_add(line, map_kind_names[kind]);
  line_add(line, "\"");
}

static bool is_container(const map_span *span) {
  return span->kind == MAP_SHARED || span->kind == MAP_TRANSIENT;
}

/* What lies in a shared VkBuffer, or in the memory of transients. */
static void write_contents(line *line, text *out, const memory_map *map, const map_span *span) {
  const char *separator = "";
  line_add(line, ",\"contents\":[");
  for (uint32_t i = 0; i < span->count; i++) {
    const map_resource *resource = &map->resources[span->first + i];
    if (resource->id == 0) {
      continue;
    }
    line_add(line, separator);
    write_place(line, resource->offset, resource->size, resource->kind);
    write_identity(line, out, map, resource);
    line_add(line, "}");
    line_flush(line, out);
    separator = ",\n  ";
  }
  line_add(line, "]");
}

static void write_span(text *out, const memory_map *map, const map_span *span) {
  line line = {.length = 0};
  write_place(&line, span->offset, span->size, span->kind);
  if (is_container(span)) {
    write_contents(&line, out, map, span);
  } else if (span->count > 0) {
    write_identity(&line, out, map, &map->resources[span->first]);
  }
  line_add(&line, "}");
  line_flush(&line, out);
}

static void write_block(text *out, const memory_map *map, const map_block *block,
                        bool is_detailed) {
  text_printf(out,
              "{\"serial\":%" PRIu64 ",\"memory\":\"%" PRIx64
              "\",\"memory_type\":%u,\"heap\":%u,\"size\":%" PRIu64 ",\"used\":%" PRIu64
              ",\"is_optimal\":%s,\"is_dedicated\":%s,\"is_mapped\":%s,\"label\":",
              block->serial, block->memory, block->type, block->heap, block->size, block->used,
              bool_name(block->is_optimal), bool_name(block->is_dedicated),
              bool_name(block->is_mapped));
  text_append_json(out, map_label(map, block->label));
  if (block->pool.id != 0) {
    text_printf(out, ",\"pool\":\"%" PRIx64 "\"", block->pool.id);
  }
  if (is_detailed) {
    text_append(out, ",\"ranges\":[");
    for (uint32_t i = 0; i < block->span_count; i++) {
      text_append(out, i == 0 ? "\n " : ",\n ");
      write_span(out, map, &map->spans[block->first_span + i]);
    }
    text_append(out, "]");
  }
  text_append(out, "}");
}

static void write_blocks(text *out, const memory_map *map, bool is_detailed) {
  text_append(out, ",\n\"blocks\":[");
  for (uint32_t i = 0; i < map->block_count; i++) {
    text_append(out, i == 0 ? "\n" : ",\n");
    write_block(out, map, &map->blocks[i], is_detailed);
  }
  text_append(out, "]}\n");
}

/* ---- All ----------------------------------------------------------------------------------- */

static rg_result write_all(gpu *gpu, text *out, const memory_map *map, bool is_detailed) {
  rg_memory_stats *stats = host_alloc(&gpu->host, sizeof *stats);
  if (stats == NULL) {
    return result_no_memory("memory statistics", sizeof *stats);
  }
  rg_memory_get_stats((rg_engine *)(void *)gpu, stats);
  text_printf(out, "{\"size\":%" PRIu64 ",\"used\":%" PRIu64 ",\"host_bytes\":%" PRIu64,
              stats->size, stats->used, stats->host_bytes);
  write_heaps(out, stats);
  host_free(&gpu->host, stats, sizeof *stats);
  rg_result result = RG_OK;
  RG_TRY(write_pools(out, gpu));
  write_kinds(out, map);
  RG_TRY(write_labels(out, map));
  write_blocks(out, map, is_detailed);
fail:
  return result;
}

rg_result rg_memory_json(rg_engine *engine, bool is_detailed, char **out) {
  RESOURCE_REQUIRE(out);
  *out = NULL;
  RESOURCE_REQUIRE(engine);
  gpu *gpu = gpu_of(engine);
  memory_map map;
  text written;
  text_init(&written, &gpu->host);
  rg_result result = memory_map_init(&map, gpu, true);
  if (result == RG_OK) {
    text_reserve(&written, 4096 + RANGE_SIZE_GUESS * ((size_t)map.resource_count + map.span_count));
    result = write_all(gpu, &written, &map, is_detailed);
  }
  memory_map_finish(&map);
  *out = result == RG_OK ? text_take(&written) : NULL;
  text_finish(&written);
  return result == RG_OK && *out == NULL ? result_no_memory("JSON of device memory", 0) : result;
}
