/* Boxes of a texture's level: checked against it, and completed. */
#include <inttypes.h>

#include "gpu.h"

static resource_name title_of(const texture *texture) {
  return resource_title(RG_TYPE_TEXTURE, texture->resource.label, texture->resource.id);
}

static rg_result check_level(const texture *texture, const rg_texture_region *region) {
  if (region->mip_level >= texture->vk.mip_levels) {
    return result_set(RG_ERROR_INVALID_ARGUMENT, "%s: mip level %u of %u", title_of(texture).text,
                      region->mip_level, texture->vk.mip_levels);
  }
  if (region->layer_count > texture->vk.layers ||
      region->layer > texture->vk.layers - region->layer_count) {
    return result_set(RG_ERROR_INVALID_ARGUMENT, "%s: layer %u + %u layers exceed its %u",
                      title_of(texture).text, region->layer, region->layer_count,
                      texture->vk.layers);
  }
  return RG_OK;
}

/* One axis: the offset and the extent, which may be 0, in a level of `side` texels. */
static rg_result resolve_side(const texture *texture, const char *axis, uint32_t side,
                              uint32_t block, uint32_t offset, uint32_t *extent) {
  if (offset < side && *extent == 0) {
    *extent = side - offset;
  }
  if (offset >= side || *extent > side - offset) {
    return result_set(RG_ERROR_INVALID_ARGUMENT, "%s: %s %u + %u texels exceed the level's %u",
                      title_of(texture).text, axis, offset, *extent, side);
  }
  bool is_whole = *extent % block == 0 || *extent == side - offset;
  if (offset % block != 0 || !is_whole) {
    return result_set(RG_ERROR_INVALID_ARGUMENT,
                      "%s: %s %u + %u texels cut through blocks of %u texels",
                      title_of(texture).text, axis, offset, *extent, block);
  }
  return RG_OK;
}

static rg_result check_size(const texture *texture, const rg_texture_region *region,
                            uint64_t size) {
  uint64_t expected = region->layer_count * rg_format_size(texture->vk.format, region->width,
                                                           region->height, region->depth);
  if (size != expected) {
    return result_set(RG_ERROR_INVALID_ARGUMENT,
                      "%s: size %" PRIu64
                      ", but %u x %u x %u texels of %s in %u layer%s take "
                      "%" PRIu64 " bytes",
                      title_of(texture).text, size, region->width, region->height, region->depth,
                      rg_format_name(texture->vk.format), region->layer_count,
                      region->layer_count == 1 ? "" : "s", expected);
  }
  return RG_OK;
}

rg_result texture_region_resolve(const texture *texture, const rg_texture_region *region,
                                 uint64_t size, rg_texture_region *out) {
  rg_result result = RG_OK;
  const rg_texture_vk *vk = &texture->vk;
  const format_info *format = format_get(vk->format);
  *out = region == NULL ? (rg_texture_region){0} : *region;
  out->layer_count = out->layer_count == 0 ? 1 : out->layer_count;
  RG_TRY(check_level(texture, out));
  uint32_t level = out->mip_level;
  RG_TRY(resolve_side(texture, "x", texture_level_side(vk->extent.width, level),
                      format->block_width, out->x, &out->width));
  RG_TRY(resolve_side(texture, "y", texture_level_side(vk->extent.height, level),
                      format->block_height, out->y, &out->height));
  RG_TRY(resolve_side(texture, "z", texture_level_side(vk->extent.depth, level), 1, out->z,
                      &out->depth));
  RG_TRY(check_size(texture, out, size));
fail:
  return result;
}
