/* A heap that a random workload leaves half empty: buffers and textures of many kinds, with
 * contents that can be told again from a seed. For the tests of defragmentation. */
#ifndef RG_TESTS_DEFRAGMENT_HEAP_H
#define RG_TESTS_DEFRAGMENT_HEAP_H

#include <stdlib.h>
#include <string.h>

#include "gpu_test.h"

#define HEAP_BLOCK_SIZE (1u << 20)
#define HEAP_MAX_THINGS 65536

typedef enum heap_kind {
  HEAP_SMALL_BUFFER, /* in a shared VkBuffer */
  HEAP_DYNAMIC_BUFFER,
  HEAP_OWN_BUFFER,
  HEAP_PLAIN,
  HEAP_MIPS,
  HEAP_ARRAY,
  HEAP_CUBE,
  HEAP_VOLUME,
  HEAP_DEPTH,
  HEAP_BLOCKS, /* a compressed format, or else one byte a texel */
  HEAP_KIND_COUNT,
} heap_kind;

typedef struct heap_thing {
  heap_kind kind;
  uint64_t id;
  uint64_t seed;
  uint64_t size; /* of its contents, packed */
  rg_texture_desc desc;
} heap_thing;

typedef struct heap {
  gpu_test *test;
  rg_pool textures, buffers; /* null: the engine's */
  uint64_t random;
  heap_thing things[HEAP_MAX_THINGS];
  uint32_t count;
  bool is_pinned_down; /* what is made next may not be moved */
} heap;

static inline uint64_t heap_random(heap *self, uint64_t below) {
  self->random = self->random * 6364136223846793005u + 1442695040888963407u;
  return (self->random >> 33) % below;
}

static inline void heap_contents(const heap_thing *thing, unsigned char *out) {
  uint64_t state = thing->seed;
  for (uint64_t i = 0; i < thing->size; i++) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    out[i] = (unsigned char)(state >> 56);
  }
  if (thing->kind == HEAP_DEPTH) {
    for (uint64_t i = 0; i < thing->size; i += sizeof(float)) {
      const float depth = (float)out[i] / 255;
      memcpy(out + i, &depth, sizeof depth);
    }
  }
}

static inline uint32_t heap_side(uint32_t side, uint32_t level) {
  return side >> level > 0 ? side >> level : 1;
}

static inline uint64_t heap_level_size(const rg_texture_desc *desc, uint32_t level) {
  return desc->layers * rg_format_size(desc->format, heap_side(desc->width, level),
                                       heap_side(desc->height, level),
                                       heap_side(desc->depth, level));
}

static inline bool heap_is_buffer(heap_kind kind) {
  return kind <= HEAP_OWN_BUFFER;
}

static const rg_sampler_desc heap_nearest = {.mag_filter = RG_FILTER_NEAREST,
                                             .min_filter = RG_FILTER_NEAREST,
                                             .mip_filter = RG_FILTER_NEAREST};

static inline rg_texture_desc heap_texture_desc(heap *self, heap_kind kind) {
  rg_texture_desc desc = {.width = 16u << heap_random(self, 4),
                          .height = 8 + (uint32_t)heap_random(self, 150),
                          .depth = 1,
                          .layers = 1,
                          .mip_levels = 1,
                          .format = VK_FORMAT_R8G8B8A8_UNORM,
                          .pool = self->textures,
                          .is_movable = !self->is_pinned_down};
  switch (kind) {
    case HEAP_MIPS:
      desc.width = desc.height = 16u << heap_random(self, 4);
      desc.mip_levels = 5;
      break;
    case HEAP_ARRAY:
      desc.type = RG_TEXTURE_2D_ARRAY;
      desc.layers = 3;
      desc.height =
          desc.height > 128 ? 128 : desc.height; /* drivers round up, and a block holds it */
      desc.mip_levels = 2;
      desc.format = VK_FORMAT_R16G16B16A16_UINT;
      desc.sampler = heap_nearest;
      break;
    case HEAP_CUBE:
      desc.type = RG_TEXTURE_CUBE;
      desc.height = desc.width = 16u << heap_random(self, 3);
      desc.layers = 6;
      desc.mip_levels = 3;
      break;
    case HEAP_VOLUME:
      desc.type = RG_TEXTURE_3D;
      desc.width = desc.height = 16;
      desc.depth = 5 + (uint32_t)heap_random(self, 20);
      desc.mip_levels = 3;
      break;
    case HEAP_DEPTH:
      desc.format = VK_FORMAT_D32_SFLOAT;
      desc.usage = VK_IMAGE_USAGE_DEPTH_STENCIL_ATTACHMENT_BIT | VK_IMAGE_USAGE_SAMPLED_BIT;
      desc.sampler = heap_nearest;
      break;
    case HEAP_BLOCKS:
      desc.width = 12 + (uint32_t)heap_random(self, 200);
      desc.mip_levels = 3;
      desc.format = self->test->device.texture_compression_bc ? VK_FORMAT_BC1_RGBA_UNORM_BLOCK
                                                              : VK_FORMAT_R8_UNORM;
      break;
    default: break;
  }
  return desc;
}

static inline uint64_t heap_buffer_size(heap *self, heap_kind kind) {
  return kind == HEAP_OWN_BUFFER
             ? 1000 + heap_random(self, 300000)
             : 16 + heap_random(self, UINT64_C(1) << (5 + heap_random(self, 10)));
}

static inline void heap_make_buffer(heap *self, heap_thing *thing, const void *data) {
  rg_buffer buffer = {0};
  const rg_buffer_desc desc = {
      .size = thing->size,
      .type = thing->size % 2 == 0 ? RG_BUFFER_STORAGE : RG_BUFFER_VERTEX,
      .update = thing->kind == HEAP_DYNAMIC_BUFFER ? RG_UPDATE_DYNAMIC : RG_UPDATE_STATIC,
      .own_vk_buffer = thing->kind == HEAP_OWN_BUFFER,
      .pool = thing->kind == HEAP_OWN_BUFFER ? self->buffers : (rg_pool){0},
      .is_movable = !self->is_pinned_down,
      .data = data};
  assert_ok(rg_buffer_create(self->test->engine, &desc, &buffer));
  thing->id = buffer.id;
}

static inline heap_thing *heap_make(heap *self, heap_kind kind) {
  assert_true(self->count < HEAP_MAX_THINGS);
  heap_thing *thing = &self->things[self->count++];
  *thing = (heap_thing){.kind = kind, .seed = heap_random(self, UINT32_MAX)};
  if (heap_is_buffer(kind)) {
    thing->size = heap_buffer_size(self, kind);
  } else {
    thing->desc = heap_texture_desc(self, kind);
    for (uint32_t level = 0; level < thing->desc.mip_levels; level++) {
      thing->size += heap_level_size(&thing->desc, level);
    }
  }
  unsigned char *data = malloc(thing->size);
  heap_contents(thing, data);
  if (heap_is_buffer(kind)) {
    heap_make_buffer(self, thing, data);
  } else {
    rg_texture texture = {0};
    rg_texture_desc desc = thing->desc;
    desc.data = data;
    desc.data_size = thing->size;
    desc.data_levels = desc.mip_levels;
    assert_ok(rg_texture_create(self->test->engine, &desc, &texture));
    thing->id = texture.id;
  }
  free(data);
  return thing;
}

static inline void heap_destroy(heap *self, uint32_t index) {
  const heap_thing *thing = &self->things[index];
  if (heap_is_buffer(thing->kind)) {
    assert_ok(rg_buffer_destroy(self->test->engine, (rg_buffer){thing->id}));
  } else {
    assert_ok(rg_texture_destroy(self->test->engine, (rg_texture){thing->id}));
  }
  self->things[index] = self->things[--self->count];
}

static inline void heap_clear(heap *self) {
  while (self->count > 0) {
    heap_destroy(self, self->count - 1);
  }
}

/* Everything as it should be, read level by level. */
static inline void heap_check_thing(heap *self, const heap_thing *thing) {
  rg_engine *engine = self->test->engine;
  unsigned char *wanted = malloc(thing->size), *found = calloc(1, thing->size);
  heap_contents(thing, wanted);
  if (heap_is_buffer(thing->kind)) {
    assert_ok(rg_buffer_read(engine, (rg_buffer){thing->id}, 0, found, thing->size));
  } else {
    uint64_t offset = 0;
    for (uint32_t level = 0; level < thing->desc.mip_levels; level++) {
      const rg_texture_region region = {.mip_level = level, .layer_count = thing->desc.layers};
      const uint64_t size = heap_level_size(&thing->desc, level);
      assert_ok(rg_texture_read(engine, (rg_texture){thing->id}, &region, found + offset, size));
      offset += size;
    }
  }
  for (uint64_t i = 0; i < thing->size; i++) {
    if (wanted[i] != found[i]) {
      print_error("kind %d, byte %lu of %lu: %u, not %u\n", (int)thing->kind, (unsigned long)i,
                  (unsigned long)thing->size, found[i], wanted[i]);
      fail();
    }
  }
  free(wanted);
  free(found);
}

static inline void heap_check(heap *self) {
  for (uint32_t i = 0; i < self->count; i++) {
    heap_check_thing(self, &self->things[i]);
  }
}

/* Other contents, of buffers and of textures of one level. */
static inline void heap_rewrite(heap *self, heap_thing *thing) {
  rg_engine *engine = self->test->engine;
  unsigned char *data = malloc(thing->size);
  thing->seed++;
  heap_contents(thing, data);
  if (heap_is_buffer(thing->kind)) {
    assert_ok(rg_buffer_update(engine, (rg_buffer){thing->id}, 0, data, thing->size));
  } else {
    assert_ok(rg_texture_update(engine, (rg_texture){thing->id}, NULL, data, thing->size));
  }
  free(data);
}

/* Makes `bytes` of contents of random kinds from first to last, and destroys every second piece or
 * so. */
static inline void heap_scatter(heap *self, heap_kind first, heap_kind last, uint64_t bytes) {
  uint64_t made = 0;
  while (made < bytes) {
    made += heap_make(self, first + (heap_kind)heap_random(self, last - first + 1u))->size;
  }
  uint64_t destroyed = 0;
  while (destroyed < made / 2) {
    const uint32_t index = (uint32_t)heap_random(self, self->count);
    destroyed += self->things[index].size;
    heap_destroy(self, index);
  }
  rg_ticket ticket;
  assert_ok(rg_flush(self->test->engine, &ticket));
  assert_ok(rg_ticket_wait(self->test->engine, ticket, UINT64_MAX));
  assert_ok(rg_collect(self->test->engine));
}

#endif
