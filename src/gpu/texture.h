/* Textures: an image, a view of all of it, a shared sampler, and the layout it rests in. */
#ifndef RG_GPU_TEXTURE_H
#define RG_GPU_TEXTURE_H

#include "bindless.h"
#include "format.h"
#include "memory.h"
#include "resource.h"
#include "transient.h"

typedef struct texture {
  rg_texture_vk vk; /* read without a lock; view is null where the usage allows transfers only */
  resource resource;
  rg_texture_type type;
  VkImageAspectFlags aspects; /* of the format, all of them; copies go to depth, or else stencil */
  VkImageUsageFlags usage;
  bool is_movable, is_exportable, is_protected;
  memory_range range;
  transient_member transient;
  bindless_slot index; /* in the bindless array */
} texture;

typedef struct textures {
  slots slots;
  mutex lock;                                                /* guards defaults */
  rg_texture defaults[2][VK_IMAGE_VIEW_TYPE_CUBE_ARRAY + 1]; /* null until first asked for */
} textures;

void textures_init(struct gpu *gpu);
void textures_finish(struct gpu *gpu);

/* As rg_texture_create for a descriptor without file: the resource layer reads files. */
RG_NODISCARD rg_result texture_create(struct gpu *gpu, const rg_texture_desc *desc,
                                      rg_texture *out);

typedef enum texture_default { TEXTURE_WHITE, TEXTURE_FLAT_NORMAL } texture_default;
/* A 1 × 1 texture of the view type (2D, 3D, cube, arrays) that the engine owns and reports as
 * released. RG_ERROR_UNSUPPORTED: a 1D view. */
RG_NODISCARD rg_result texture_get_default(struct gpu *gpu, texture_default which,
                                           VkImageViewType view_type, rg_texture *out);

/* ---- texture_check.c, for texture.c ---- */

/* What a checked descriptor comes to. */
typedef struct texture_plan {
  rg_texture_desc desc; /* defaults filled in */
  const format_info *format;
  VkImageCreateInfo image;
  VkImageViewType view_type;
  VkImageAspectFlags view_aspects; /* 0 where the usage allows no view */
  VkImageLayout layout;            /* to rest in */
} texture_plan;

/* Everything that rg_texture_create refuses is refused here, but for the sampler. */
RG_NODISCARD rg_result texture_plan_make(struct gpu *gpu, const rg_texture_desc *desc,
                                         texture_plan *out);

/* ---- texture_memory.c, for texture.c and texture_check.c ---- */

/* Whether memory of that kind goes with the rest of the descriptor (defaults filled in) and the
 * device. */
RG_NODISCARD rg_result texture_check_memory(const struct gpu *gpu, const rg_texture_desc *desc);
/* RG_ERROR_UNSUPPORTED: its memory is protected or lazily allocated, so that the engine cannot copy
 * from or to it. */
RG_NODISCARD rg_result texture_check_access(const texture *texture);

/* ---- texture.c, for transient.c ---- */

/* What memory such a texture will ask for: an image is made to learn it, and destroyed. */
RG_NODISCARD rg_result texture_get_request(struct gpu *gpu, const texture_plan *plan,
                                           memory_request *out);
/* A texture at a place. Nothing brings it into its resting layout. */
RG_NODISCARD rg_result texture_create_at(struct gpu *gpu, const texture_plan *plan,
                                         const transient_place *place, rg_texture *out);

/* ---- texture.c, for defragmentation ---- */

/* A second image of the texture's facts, bound to that range, with its view; nothing else of *out
 * is set. On failure there is neither; the range stays the caller's. */
RG_NODISCARD rg_result texture_remake(struct gpu *gpu, const texture *texture,
                                      const memory_range *range, rg_texture_vk *out);

/* ---- texture_region.c, for texture.c ---- */

/* Checks a region and its packed size against the texture, and fills its zero extents in. */
RG_NODISCARD rg_result texture_region_resolve(const texture *texture,
                                              const rg_texture_region *region, uint64_t size,
                                              rg_texture_region *out);

/* The texels of a side at a level. */
static inline uint32_t texture_level_side(uint32_t side, uint32_t level) {
  return side >> level > 0 ? side >> level : 1;
}

#endif
