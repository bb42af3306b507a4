/* A picture of device memory: a row a block, grouped by pool. What would be narrower than a pixel
 * is drawn together, so that the file stays small. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "gpu.h"
#include "memory_map.h"

#define WIDTH 1060 /* of the largest block, in pixels */
#define NOTE_WIDTH 150
#define MARGIN 20
#define ROW_HEIGHT 22
#define ROW_GAP 4
#define GROUP_GAP 30
#define HEADER_HEIGHT 92
#define PIECE_WIDTH_MIN 1.0 /* of a piece that is drawn by itself */
#define MAX_PIECES 4000     /* in the whole picture: about 220 bytes each */
#define LABEL_MAX_SIZE 100  /* bytes; what is longer is cut */
#define MAX_ROWS 400        /* blocks that are drawn; the rest is counted */

/* Okabe and Ito's colours, which the colour-blind can tell apart. */
static const char *const colours[MAP_KINDS] = {
    [MAP_FREE] = "#f4f1ea",     [MAP_RESERVED] = "#ddd6c8", [MAP_OTHER] = "#8c8c8c",
    [MAP_BUFFER] = "#0072b2",   [MAP_TEXTURE] = "#e69f00",  [MAP_SHARED] = "#56b4e9",
    [MAP_TRANSIENT] = "#cc79a7"};

static const char *const legends[MAP_KINDS] = {
    [MAP_FREE] = "free",
    [MAP_RESERVED] = "room for small ones",
    [MAP_OTHER] = "the engine's own, or awaiting the GPU",
    [MAP_BUFFER] = "buffer",
    [MAP_TEXTURE] = "texture",
    [MAP_SHARED] = "small buffers",
    [MAP_TRANSIENT] = "transient"};

typedef struct picture {
  text out;
  const memory_map *map;
  gpu *gpu;
  uint64_t largest; /* bytes of the largest block */
  double scale;     /* pixels a byte, in the present row */
  double y;
  uint32_t piece_count;
  double piece_width_min;
} picture;

/* ---- Text ---------------------------------------------------------------------------------- */

/* In XML's content and attributes: what it reserves, and what it forbids, is replaced. */
static void write_escaped(text *out, const char *string) {
  const unsigned char *at = (const unsigned char *)string;
  const unsigned char *zero = memchr(string, 0, LABEL_MAX_SIZE);
  const unsigned char *end = zero == NULL ? at + LABEL_MAX_SIZE : zero;
  while (at < end) {
    size_t length = text_utf8_length(at, end);
    bool is_forbidden = length == 0 || (length == 1 && (*at < 0x20 || *at == 0x7F)) ||
                        (length == 3 && at[0] == 0xEF && at[1] == 0xBF && at[2] >= 0xBE);
    if (is_forbidden) {
      text_append(out, "\xEF\xBF\xBD");
    } else if (*at == '<' || *at == '&' || *at == '>' || *at == '"') {
      text_printf(out, "&#%u;", *at);
    } else {
      text_append_bytes(out, (const char *)at, length);
    }
    at += length == 0 ? 1 : length;
  }
}

/* "1.5 MiB", "12 bytes" */
typedef struct size_text {
  char text[32];
} size_text;

static size_text size_name(uint64_t size) {
  static const char *const units[] = {"bytes", "KiB", "MiB", "GiB", "TiB"};
  size_text name;
  double value = (double)size;
  uint32_t unit = 0;
  while (value >= 1024 && unit < 4) {
    value /= 1024;
    unit++;
  }
  bool is_whole = value == (double)(uint64_t)value;
  snprintf(name.text, sizeof name.text, is_whole || unit == 0 ? "%.0f %s" : "%.1f %s", value,
           units[unit]);
  return name;
}

/* ---- Pieces -------------------------------------------------------------------------------- */

/* Neighbours of a kind that are drawn as one rectangle. */
typedef struct piece {
  uint64_t begin, end; /* bytes of the block */
  uint64_t used;       /* bytes of it in use */
  uint64_t bytes_by_kind[MAP_KINDS];
  uint32_t count;    /* of ranges and small buffers in it */
  const char *label; /* of the only one in it, or NULL */
} piece;

static map_kind piece_kind(const piece *self) {
  map_kind kind = MAP_FREE;
  for (uint32_t i = 0; i < MAP_KINDS; i++) {
    kind = self->bytes_by_kind[i] > self->bytes_by_kind[kind] ? (map_kind)i : kind;
  }
  return kind;
}

static void draw_piece(picture *self, const piece *piece) {
  double x = MARGIN + (double)piece->begin * self->scale;
  double width = (double)(piece->end - piece->begin) * self->scale;
  map_kind kind = piece_kind(piece);
  text *out = &self->out;
  text_printf(out, "<rect x=\"%.2f\" y=\"%.0f\" width=\"%.2f\" height=\"%d\" class=\"%s\"><title>",
              x, self->y, width, ROW_HEIGHT, map_kind_names[kind]);
  if (piece->label != NULL && piece->label[0] != '\0') {
    write_escaped(out, piece->label);
    text_append(out, "\n");
  }
  text_append(out, legends[kind]);
  if (piece->count > 1) {
    text_printf(out, ": %" PRIu32 " pieces, %s of", piece->count, size_name(piece->used).text);
  }
  text_printf(out, "\n%s at %" PRIu64 "</title></rect>\n",
              size_name(piece->end - piece->begin).text, piece->begin);
  self->piece_count++;
}

static void draw_name(picture *self, const piece *piece) {
  double width = (double)(piece->end - piece->begin) * self->scale;
  if (piece->label == NULL || piece->label[0] == '\0' || piece->count != 1 ||
      width < 8.0 + 6.2 * (double)strlen(piece->label)) {
    return;
  }
  text_printf(&self->out, "<text x=\"%.2f\" y=\"%.0f\" class=\"name %s\">",
              MARGIN + (double)piece->begin * self->scale + 4, self->y + 15,
              piece_kind(piece) == MAP_BUFFER ? "light" : "dark");
  write_escaped(&self->out, piece->label);
  text_append(&self->out, "</text>\n");
}

/* What is nearly all of it gives the whole its name. */
static void piece_join(piece *self, const piece *next) {
  uint64_t first = self->end - self->begin, second = next->end - next->begin;
  self->label = first / 8 > second ? self->label : second / 8 > first ? next->label : NULL;
  self->end = next->end;
  self->used += next->used;
  self->count += next->count;
  for (uint32_t i = 0; i < MAP_KINDS; i++) {
    self->bytes_by_kind[i] += next->bytes_by_kind[i];
  }
}

/* The pieces of a row, the last of which waits for neighbours to join it. */
typedef struct row {
  picture *picture;
  piece waiting; /* of no bytes at the beginning */
} row;

static void row_end(row *self) {
  if (self->waiting.end > self->waiting.begin) {
    draw_piece(self->picture, &self->waiting);
    draw_name(self->picture, &self->waiting);
  }
}

static void row_add(row *self, uint64_t begin, uint64_t end, map_kind kind, const char *label) {
  bool is_used = kind != MAP_FREE && kind != MAP_RESERVED;
  piece next = {.begin = begin,
                .end = end,
                .used = is_used ? end - begin : 0,
                .count = is_used ? 1 : 0,
                .label = label};
  next.bytes_by_kind[kind] = end - begin;
  double scale = self->picture->scale, least = self->picture->piece_width_min;
  double waiting_width = (double)(self->waiting.end - self->waiting.begin) * scale;
  double next_width = (double)(end - begin) * scale;
  if (waiting_width > 0 && (waiting_width < least || next_width < least / 4)) {
    piece_join(&self->waiting, &next);
  } else {
    row_end(self);
    self->waiting = next;
  }
}

/* A shared VkBuffer: its small buffers, and the room between them. */
static void row_add_shared(row *self, const memory_map *map, const map_span *span) {
  uint64_t at = span->offset, end = span->offset + span->size;
  for (uint32_t i = 0; i < span->count; i++) {
    const map_resource *resource = &map->resources[span->first + i];
    if (resource->id == 0 || resource->offset < at || resource->offset + resource->size > end) {
      continue;
    }
    if (resource->offset > at) {
      row_add(self, at, resource->offset, MAP_RESERVED, NULL);
    }
    at = resource->offset + resource->size;
    row_add(self, resource->offset, at, resource->kind, map_label(map, resource->label));
  }
  if (at < end) {
    row_add(self, at, end, MAP_RESERVED, NULL);
  }
}

static void draw_spans(picture *self, const map_block *block) {
  const memory_map *map = self->map;
  row row = {.picture = self};
  for (uint32_t i = 0; i < block->span_count; i++) {
    const map_span *span = &map->spans[block->first_span + i];
    if (span->kind == MAP_SHARED) {
      row_add_shared(&row, map, span);
    } else {
      bool has_name = span->count == 1;
      row_add(&row, span->offset, span->offset + span->size, span->kind,
              has_name ? map_label(map, map->resources[span->first].label) : NULL);
    }
  }
  row_end(&row);
}

/* ---- Rows ---------------------------------------------------------------------------------- */

/* By the root of its size, so that small blocks can be read beside large ones. */
static double block_width(uint64_t largest, uint64_t size) {
  return WIDTH * sqrt((double)size / (double)largest);
}

static void draw_block(picture *self, const map_block *block) {
  double width = block_width(self->largest, block->size);
  self->scale = width / (double)block->size;
  text_printf(&self->out,
              "<rect x=\"%d\" y=\"%.0f\" width=\"%.2f\" height=\"%d\" class=\"block\"><title>block "
              "%" PRIu64 ": %s",
              MARGIN, self->y, width, ROW_HEIGHT, block->serial, size_name(block->size).text);
  text_printf(&self->out, ", %s used</title></rect>\n", size_name(block->used).text);
  draw_spans(self, block);
  text_printf(&self->out,
              "<rect x=\"%d\" y=\"%.0f\" width=\"%.2f\" height=\"%d\" class=\"frame\"/>\n", MARGIN,
              self->y, width, ROW_HEIGHT);
  text_printf(&self->out, "<text x=\"%.0f\" y=\"%.0f\" class=\"note\">%s, %.0f %% used</text>\n",
              MARGIN + width + 8, self->y + 15, size_name(block->size).text,
              100.0 * (double)block->used / (double)block->size);
  self->y += ROW_HEIGHT + ROW_GAP;
}

static bool is_same_pool(const map_block *a, const map_block *b) {
  return a->pool.id == b->pool.id && a->type == b->type && a->is_optimal == b->is_optimal;
}

static void draw_pool_title(picture *self, uint32_t first) {
  const memory_map *map = self->map;
  const map_block *block = &map->blocks[first];
  uint64_t size = 0, used = 0;
  uint32_t count = 0;
  for (uint32_t i = first; i < map->block_count && is_same_pool(block, &map->blocks[i]); i++) {
    size += map->blocks[i].size;
    used += map->blocks[i].used;
    count++;
  }
  self->y += GROUP_GAP;
  text_printf(&self->out, "<text x=\"%d\" y=\"%.0f\" class=\"pool\">", MARGIN, self->y - 8);
  if (block->pool.id != 0) {
    text_append(&self->out, "pool '");
    write_escaped(&self->out, map_label(map, block->label));
    text_append(&self->out, "', ");
  }
  text_printf(&self->out, "memory type %u of heap %u%s: %u block%s, %s, %.1f %% used</text>\n",
              block->type, block->heap, block->is_optimal ? ", images" : "", count,
              count == 1 ? "" : "s", size_name(size).text,
              size == 0 ? 0.0 : 100.0 * (double)used / (double)size);
}

static void draw_blocks(picture *self) {
  const memory_map *map = self->map;
  for (uint32_t i = 0; i < map->block_count && i < MAX_ROWS; i++) {
    if (i == 0 || !is_same_pool(&map->blocks[i - 1], &map->blocks[i])) {
      draw_pool_title(self, i);
    }
    draw_block(self, &map->blocks[i]);
  }
  if (map->block_count > MAX_ROWS) {
    self->y += GROUP_GAP;
    text_printf(&self->out, "<text x=\"%d\" y=\"%.0f\" class=\"pool\">and %u more blocks</text>\n",
                MARGIN, self->y - 8, map->block_count - MAX_ROWS);
  }
  if (map->block_count == 0) {
    self->y += GROUP_GAP;
    text_printf(&self->out,
                "<text x=\"%d\" y=\"%.0f\" class=\"pool\">no device memory is in use</text>\n",
                MARGIN, self->y - 8);
  }
}

/* ---- Frame --------------------------------------------------------------------------------- */

static void draw_legend(picture *self) {
  static const map_kind order[MAP_KINDS] = {MAP_TEXTURE, MAP_BUFFER,   MAP_SHARED, MAP_TRANSIENT,
                                            MAP_OTHER,   MAP_RESERVED, MAP_FREE};
  double x = MARGIN;
  for (uint32_t i = 0; i < MAP_KINDS; i++) {
    map_kind place = order[i];
    text_printf(&self->out,
                "<rect x=\"%.0f\" y=\"62\" width=\"14\" height=\"14\" class=\"%s\" "
                "stroke=\"#555\" stroke-width=\"0.5\"/><text x=\"%.0f\" y=\"73\">%s</text>\n",
                x, map_kind_names[place], x + 20, legends[place]);
    x += 44 + 6.4 * (double)strlen(legends[place]);
  }
}

/* The whole height is known at the end only: the drawing is put between head and foot. */
static void write_head(picture *self, text *out) {
  uint64_t size = 0, used = 0;
  for (uint32_t i = 0; i < self->map->block_count; i++) {
    size += self->map->blocks[i].size;
    used += self->map->blocks[i].used;
  }
  text_printf(out,
              "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%.0f\" "
              "font-family=\"system-ui,sans-serif\" font-size=\"12\" fill=\"#222\">\n<style>",
              WIDTH + NOTE_WIDTH + 2 * MARGIN, self->y + MARGIN);
  for (uint32_t i = 0; i < MAP_KINDS; i++) {
    text_printf(out, ".%s{fill:%s}", map_kind_names[i], colours[i]);
  }
  text_append(
      out,
      ".block{fill:#fff}.frame{fill:none;stroke:#555}.pool{font-weight:600}"
      "rect+rect{stroke:#fff;stroke-width:0.4}.frame{stroke:#555!important;"
      "stroke-width:1!important;pointer-events:none}"
      ".note{fill:#555}.name{font-size:11px;pointer-events:none}.light{fill:#fff}.dark{fill:#111}"
      "</style>\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n");
  text_printf(out, "<text x=\"%d\" y=\"28\" font-size=\"18\" font-weight=\"600\">Device memory of ",
              MARGIN);
  write_escaped(out, self->gpu->label);
  text_printf(out, "</text>\n<text x=\"%d\" y=\"48\" fill=\"#555\">", MARGIN);
  write_escaped(out, self->gpu->device.info.name);
  text_printf(out, ": %s in %u block%s", size_name(size).text, self->map->block_count,
              self->map->block_count == 1 ? "" : "s");
  text_printf(out, ", %s used</text>\n", size_name(used).text);
}

static char *draw_all(picture *self, host_memory *memory) {
  text whole;
  text_init(&whole, memory);
  draw_legend(self);
  draw_blocks(self);
  write_head(self, &whole);
  text_append(&whole, self->out.data == NULL ? "" : self->out.data);
  text_append(&whole, "</svg>\n");
  char *string = whole.is_failed || self->out.is_failed ? NULL : text_take(&whole);
  text_finish(&whole);
  return string;
}

/* So wide that no more than MAX_PIECES can be drawn, even if the blocks were all of that. */
static double width_min(const memory_map *map, uint64_t largest) {
  double all = 0;
  for (uint32_t i = 0; i < map->block_count && i < MAX_ROWS; i++) {
    all += block_width(largest, map->blocks[i].size);
  }
  double width = 2 * all / MAX_PIECES;
  return width > PIECE_WIDTH_MIN ? width : PIECE_WIDTH_MIN;
}

rg_result rg_memory_svg(rg_engine *engine, char **out) {
  RESOURCE_REQUIRE(out);
  *out = NULL;
  RESOURCE_REQUIRE(engine);
  gpu *gpu = gpu_of(engine);
  memory_map map;
  rg_result result = memory_map_init(&map, gpu, true);
  uint64_t largest = 1;
  for (uint32_t i = 0; result == RG_OK && i < map.block_count; i++) {
    largest = map.blocks[i].size > largest ? map.blocks[i].size : largest;
  }
  picture picture = {.map = &map, .gpu = gpu, .largest = largest, .y = HEADER_HEIGHT};
  picture.piece_width_min = width_min(&map, largest);
  text_init(&picture.out, &gpu->host);
  if (result == RG_OK) {
    *out = draw_all(&picture, &gpu->host);
    result = *out == NULL ? result_no_memory("a picture of device memory", 0) : RG_OK;
  }
  text_finish(&picture.out);
  memory_map_finish(&map);
  return result;
}
