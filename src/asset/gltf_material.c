/* Materials of the metallic-roughness model, and the textures, samplers and images they use. */
#include <math.h>
#include <string.h>

#include "base/result.h"
#include "gltf_internal.h"

/* ---- Images ---- */

static rg_result image_view_read(const gltf_value *object, uint32_t view, gltf_image *out) {
  gltf_reader *reader = object->reader;
  gltf_view bytes = {0};
  rg_result result = RG_OK;
  RG_TRY(gltf_view_read(reader, view, &bytes));
  RG_TRY(gltf_size_count(object, bytes.size));
  out->bytes = arena_copy(&reader->file->arena, bytes.bytes, (size_t)bytes.size);
  out->size = (size_t)bytes.size;
  if (out->bytes == NULL) {
    result = result_no_memory("a glTF image", bytes.size);
  }
fail:
  return result;
}

static rg_result image_read(gltf_reader *reader, uint32_t index, gltf_image *out) {
  const gltf_value object = gltf_item(reader, GLTF_IMAGES, index);
  const char *uri = NULL;
  uint32_t view = GLTF_NONE;
  gltf_uri found;
  rg_result result = RG_OK;
  RG_TRY(gltf_name(reader, GLTF_IMAGES, index, "image", &out->name));
  RG_TRY(gltf_get_string(&object, "uri", &uri));
  RG_TRY(gltf_get_index(&object, "bufferView", GLTF_BUFFER_VIEWS, &view));
  if ((uri == NULL) == (view == GLTF_NONE)) {
    return gltf_fail(&object, RG_ERROR_FORMAT, NULL, "has %s of uri and bufferView",
                     uri == NULL ? "neither" : "both");
  }
  if (uri == NULL) {
    return image_view_read(&object, view, out);
  }
  RG_TRY(gltf_uri_read(&object, uri, &reader->file->arena, &found));
  *out =
      (gltf_image){.name = out->name, .file = found.file, .bytes = found.bytes, .size = found.size};
fail:
  return result;
}

/* ---- Textures ---- */

/* OpenGL's numbers, as glTF uses them. */
static rg_result filter_fail(const gltf_value *object, const char *key, uint64_t number) {
  return gltf_fail(object, RG_ERROR_FORMAT, key, "%llu is not one of glTF's numbers for it",
                   (unsigned long long)number);
}

static rg_result mag_filter_read(const gltf_value *object, rg_sampler_desc *out) {
  uint64_t number = 9729;
  const rg_result result = gltf_get_uint(object, "magFilter", UINT32_MAX, &number);
  if (result == RG_OK && number != 9728 && number != 9729) {
    return filter_fail(object, "magFilter", number);
  }
  out->mag_filter = number == 9728 ? RG_FILTER_NEAREST : RG_FILTER_LINEAR;
  return result;
}

static rg_result min_filter_read(const gltf_value *object, rg_sampler_desc *out) {
  uint64_t number = 9987;
  const rg_result result = gltf_get_uint(object, "minFilter", UINT32_MAX, &number);
  const bool is_mipmapped = number >= 9984 && number <= 9987;
  if (result == RG_OK && !is_mipmapped && number != 9728 && number != 9729) {
    return filter_fail(object, "minFilter", number);
  }
  out->min_filter = number % 2 == 0 ? RG_FILTER_NEAREST : RG_FILTER_LINEAR;
  out->mip_filter = number == 9986 || number == 9987 ? RG_FILTER_LINEAR : RG_FILTER_NEAREST;
  /* Vulkan's way to say that only the first level is read, and still choose by minFilter. */
  out->max_lod = is_mipmapped ? 0.0f : 0.25f;
  return result;
}

static rg_result wrap_read(const gltf_value *object, const char *key, rg_wrap *out) {
  uint64_t number = 10497;
  const rg_result result = gltf_get_uint(object, key, UINT32_MAX, &number);
  if (result != RG_OK) {
    return result;
  }
  switch (number) {
    case 10497: *out = RG_WRAP_REPEAT; return RG_OK;
    case 33071: *out = RG_WRAP_CLAMP_TO_EDGE; return RG_OK;
    case 33648: *out = RG_WRAP_MIRRORED_REPEAT; return RG_OK;
    default: return filter_fail(object, key, number);
  }
}

static rg_result sampler_read(const gltf_value *object, rg_sampler_desc *out) {
  rg_result result = RG_OK;
  RG_TRY(mag_filter_read(object, out));
  RG_TRY(min_filter_read(object, out));
  RG_TRY(wrap_read(object, "wrapS", &out->wrap_u));
  RG_TRY(wrap_read(object, "wrapT", &out->wrap_v));
fail:
  return result;
}

static rg_result texture_read(gltf_reader *reader, uint32_t index, gltf_texture *out) {
  const gltf_value object = gltf_item(reader, GLTF_TEXTURES, index);
  uint32_t sampler = GLTF_NONE;
  rg_result result = RG_OK;
  out->image = GLTF_NONE;
  RG_TRY(gltf_name(reader, GLTF_TEXTURES, index, "texture", &out->name));
  RG_TRY(gltf_get_index(&object, "source", GLTF_IMAGES, &out->image));
  RG_TRY(gltf_get_index(&object, "sampler", GLTF_SAMPLERS, &sampler));
  const gltf_value none = {.reader = reader};
  const gltf_value given = sampler != GLTF_NONE ? gltf_item(reader, GLTF_SAMPLERS, sampler) : none;
  RG_TRY(sampler_read(&given, &out->sampler));
fail:
  return result;
}

rg_result gltf_textures_read(gltf_reader *reader) {
  gltf_file *file = reader->file;
  const uint32_t images = reader->tables[GLTF_IMAGES].count;
  const uint32_t textures = reader->tables[GLTF_TEXTURES].count;
  file->images = arena_alloc(&file->arena, images * sizeof *file->images);
  file->textures = arena_alloc(&file->arena, textures * sizeof *file->textures);
  if ((images > 0 && file->images == NULL) || (textures > 0 && file->textures == NULL)) {
    return result_no_memory("glTF textures", textures * sizeof *file->textures);
  }
  rg_result result = RG_OK;
  for (; file->image_count < images; file->image_count++) {
    RG_TRY(image_read(reader, file->image_count, &file->images[file->image_count]));
  }
  for (; file->texture_count < textures; file->texture_count++) {
    RG_TRY(texture_read(reader, file->texture_count, &file->textures[file->texture_count]));
  }
fail:
  return result;
}

/* ---- Materials ---- */

static rg_result transform_read(const gltf_value *object, gltf_texture_use *out) {
  gltf_value transform;
  uint64_t texcoord = out->texcoord;
  rg_result result = RG_OK;
  RG_TRY(gltf_get_extension(object, "KHR_texture_transform", &transform));
  RG_TRY(gltf_get_floats(&transform, "offset", out->offset, 2));
  RG_TRY(gltf_get_floats(&transform, "scale", out->scale, 2));
  RG_TRY(gltf_get_floats(&transform, "rotation", &out->rotation, 1));
  RG_TRY(gltf_get_uint(&transform, "texCoord", INT32_MAX, &texcoord));
  out->texcoord = (uint32_t)texcoord;
fail:
  return result;
}

/* A textureInfo. factor_key and factor: a number that stands beside the texture; may be NULL. */
static rg_result use_read(const gltf_value *object, const char *key, const char *factor_key,
                          float *factor, gltf_texture_use *out) {
  gltf_value use;
  uint64_t texcoord = 0;
  rg_result result = gltf_get_object(object, key, &use);
  if (result != RG_OK || use.json == NULL) {
    return result;
  }
  RG_TRY(gltf_require(&use, "index"));
  RG_TRY(gltf_get_index(&use, "index", GLTF_TEXTURES, &out->texture));
  RG_TRY(gltf_get_uint(&use, "texCoord", INT32_MAX, &texcoord));
  out->texcoord = (uint32_t)texcoord;
  if (factor_key != NULL) {
    RG_TRY(gltf_get_floats(&use, factor_key, factor, 1));
  }
  RG_TRY(transform_read(&use, out));
fail:
  return result;
}

static rg_result metallic_read(const gltf_value *object, gltf_material *out) {
  rg_result result = RG_OK;
  RG_TRY(gltf_get_floats(object, "baseColorFactor", out->base_color, 4));
  RG_TRY(gltf_get_floats(object, "metallicFactor", &out->metallic, 1));
  RG_TRY(gltf_get_floats(object, "roughnessFactor", &out->roughness, 1));
  RG_TRY(use_read(object, "baseColorTexture", NULL, NULL, &out->base_color_texture));
  RG_TRY(
      use_read(object, "metallicRoughnessTexture", NULL, NULL, &out->metallic_roughness_texture));
fail:
  return result;
}

/* Of KHR_materials_pbrSpecularGlossiness what the other model can say. */
static rg_result specular_read(const gltf_value *object, gltf_material *out) {
  float glossiness = 1.0f;
  rg_result result = RG_OK;
  RG_TRY(gltf_get_floats(object, "diffuseFactor", out->base_color, 4));
  RG_TRY(gltf_get_floats(object, "glossinessFactor", &glossiness, 1));
  RG_TRY(use_read(object, "diffuseTexture", NULL, NULL, &out->base_color_texture));
  out->metallic = 0.0f;
  out->roughness = 1.0f - glossiness;
fail:
  return result;
}

static rg_result model_read(const gltf_value *object, gltf_material *out) {
  gltf_value metallic, specular;
  rg_result result = RG_OK;
  RG_TRY(gltf_get_object(object, "pbrMetallicRoughness", &metallic));
  RG_TRY(gltf_get_extension(object, "KHR_materials_pbrSpecularGlossiness", &specular));
  if (metallic.json == NULL && specular.json != NULL) {
    return specular_read(&specular, out);
  }
  return metallic_read(&metallic, out);
fail:
  return result;
}

static rg_result alpha_read(const gltf_value *object, gltf_material *out) {
  const char *mode = "OPAQUE";
  float cutoff = 0.5f;
  rg_result result = RG_OK;
  RG_TRY(gltf_get_string(object, "alphaMode", &mode));
  RG_TRY(gltf_get_floats(object, "alphaCutoff", &cutoff, 1));
  const bool is_masked = strcmp(mode, "MASK") == 0;
  out->is_blended = strcmp(mode, "BLEND") == 0;
  out->alpha_cutoff = is_masked ? cutoff : 0.0f;
  if (!is_masked && !out->is_blended && strcmp(mode, "OPAQUE") != 0) {
    return gltf_fail(object, RG_ERROR_FORMAT, "alphaMode", "'%.20s' is none of OPAQUE, MASK, BLEND",
                     mode);
  }
fail:
  return result;
}

static rg_result emissive_read(const gltf_value *object, gltf_material *out) {
  gltf_value extension;
  float strength = 1.0f;
  rg_result result = RG_OK;
  RG_TRY(gltf_get_floats(object, "emissiveFactor", out->emissive, 3));
  RG_TRY(use_read(object, "emissiveTexture", NULL, NULL, &out->emissive_texture));
  RG_TRY(gltf_get_extension(object, "KHR_materials_emissive_strength", &extension));
  RG_TRY(gltf_get_floats(&extension, "emissiveStrength", &strength, 1));
  for (int i = 0; i < 3; i++) {
    out->emissive[i] *= strength;
    if (!isfinite(out->emissive[i])) {
      return gltf_fail(&extension, RG_ERROR_FORMAT, "emissiveStrength",
                       "%g times emissiveFactor is not finite", (double)strength);
    }
  }
fail:
  return result;
}

static rg_result material_read(gltf_reader *reader, uint32_t index, gltf_material *out) {
  const gltf_value object = gltf_item(reader, GLTF_MATERIALS, index);
  const gltf_texture_use none = {.texture = GLTF_NONE, .scale = {1.0f, 1.0f}};
  *out = (gltf_material){.base_color = {1.0f, 1.0f, 1.0f, 1.0f},
                         .metallic = 1.0f,
                         .roughness = 1.0f,
                         .normal_scale = 1.0f,
                         .occlusion_strength = 1.0f,
                         .base_color_texture = none,
                         .metallic_roughness_texture = none,
                         .normal_texture = none,
                         .occlusion_texture = none,
                         .emissive_texture = none};
  rg_result result = RG_OK;
  RG_TRY(gltf_name(reader, GLTF_MATERIALS, index, "material", &out->name));
  RG_TRY(model_read(&object, out));
  RG_TRY(use_read(&object, "normalTexture", "scale", &out->normal_scale, &out->normal_texture));
  RG_TRY(use_read(&object, "occlusionTexture", "strength", &out->occlusion_strength,
                  &out->occlusion_texture));
  RG_TRY(emissive_read(&object, out));
  RG_TRY(alpha_read(&object, out));
  RG_TRY(gltf_get_bool(&object, "doubleSided", &out->is_double_sided));
fail:
  return result;
}

rg_result gltf_materials_read(gltf_reader *reader) {
  gltf_file *file = reader->file;
  const uint32_t count = reader->tables[GLTF_MATERIALS].count;
  file->materials = arena_alloc(&file->arena, count * sizeof *file->materials);
  if (count > 0 && file->materials == NULL) {
    return result_no_memory("glTF materials", count * sizeof *file->materials);
  }
  rg_result result = RG_OK;
  for (; file->material_count < count && result == RG_OK; file->material_count++) {
    result = material_read(reader, file->material_count, &file->materials[file->material_count]);
  }
  return result;
}
