/* The acts of buffers and textures: every type and update frequency, every shape, written, copied
 * and read back. */
#include <string.h>
#include <unistd.h>

#include "scenario.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* ---- Buffers -------------------------------------------------------------------------------- */

#define LARGE_SIZE 98304 /* over what is carved from shared VkBuffers */

static const uint32_t words[4] = {1, 2, 3, 4};

static const rg_buffer_desc buffer_descs[] = {
    {.type = RG_BUFFER_VERTEX, .size = sizeof words, .data = words, .label = "vertices"},
    {.type = RG_BUFFER_INDEX, .size = sizeof words, .data = words, .label = "indices"},
    {.type = RG_BUFFER_UNIFORM, .size = 64, .update = RG_UPDATE_DYNAMIC},
    {.type = RG_BUFFER_STORAGE, .size = 64, .label = "storage"},
    {.type = RG_BUFFER_STORAGE, .size = 64, .own_vk_buffer = true, .label = "own"},
    {.type = RG_BUFFER_INDIRECT, .size = 64, .update = RG_UPDATE_STREAM},
    {.type = RG_BUFFER_STORAGE, .size = 64, .update = RG_UPDATE_READBACK, .label = "readback"},
    {.type = RG_BUFFER_STORAGE, .size = LARGE_SIZE, .label = "large"},
};
enum { DYNAMIC = 2, STORAGE = 3, OWN = 4, READBACK = 6, LARGE = 7 };

static rg_result create_buffers(scenario *self, rg_buffer *buffers) {
  rg_result result = RG_OK;
  for (uint32_t i = 0; i < COUNT(buffer_descs); i++) {
    result = rg_buffer_create(self->engine, &buffer_descs[i], &buffers[i]);
    TRY(scenario_own(self, result, buffers[i].id));
  }
fail:
  return result;
}

static rg_result write_buffers(scenario *self, const rg_buffer *buffers) {
  rg_result result = RG_OK;
  const uint32_t patch = 7;
  const rg_buffer_write writes[] = {
      {buffers[STORAGE], 0, words, sizeof words},
      {buffers[STORAGE], 4, &patch, sizeof patch},
      {buffers[DYNAMIC], 16, words, sizeof words},
      {buffers[LARGE], LARGE_SIZE - sizeof words, words, sizeof words},
  };
  TRY(rg_buffers_update(self->engine, writes, COUNT(writes)));
  TRY(rg_buffer_copy(self->engine, buffers[STORAGE], 0, buffers[OWN], 32, sizeof words));
  TRY(rg_buffer_update(self->engine, buffers[OWN], 0, words, sizeof words));
fail:
  return result;
}

static rg_result read_buffers(scenario *self, const rg_buffer *buffers) {
  rg_result result = RG_OK;
  uint32_t read[4] = {0};
  TRY(rg_buffer_read(self->engine, buffers[OWN], 32, read, sizeof read));
  CLAIM(read[0] == 1 && read[1] == 7 && read[2] == 3 && read[3] == 4);
  TRY(rg_buffer_read(self->engine, buffers[LARGE], LARGE_SIZE - sizeof read, read, sizeof read));
  CLAIM(memcmp(read, words, sizeof words) == 0);
  TRY(rg_buffer_read(self->engine, buffers[0], 0, read, sizeof read));
  CLAIM(memcmp(read, words, sizeof words) == 0);
fail:
  return result;
}

static rg_result stage_buffers(scenario *self, const rg_buffer *buffers) {
  rg_result result = RG_OK;
  rg_buffer staging;
  void *mapped = NULL;
  rg_ticket ticket;
  result = rg_buffer_create_staging(self->engine, sizeof words, "staging", &staging, &mapped);
  TRY(scenario_own(self, result, staging.id));
  memcpy(mapped, words, sizeof words);
  TRY(rg_buffer_copy(self->engine, staging, 0, buffers[READBACK], 0, sizeof words));
  TRY(rg_flush(self->engine, &ticket));
  TRY(rg_ticket_wait(self->engine, ticket, UINT64_MAX));
  TRY(rg_buffer_map(self->engine, buffers[READBACK], &mapped));
  CLAIM(memcmp(mapped, words, sizeof words) == 0);
  TRY(rg_buffer_update(self->engine, buffers[STORAGE], 0, words, sizeof words));
  TRY(rg_collect(self->engine));
fail:
  return result;
}

static rg_result export_buffer(scenario *self) {
  rg_buffer buffer = {0};
  int fd = -1;
  const rg_buffer_desc desc = {.size = 64, .is_exportable = true, .label = "exported"};
  rg_result result = rg_buffer_create(self->engine, &desc, &buffer);
  TRY(scenario_own(self, result, buffer.id));
  TRY(rg_resource_export(self->engine, buffer.id, &fd));
  CLAIM(close(fd) == 0);
fail:
  return result;
}

rg_result act_buffers(scenario *self) {
  rg_result result = RG_OK;
  rg_buffer buffers[COUNT(buffer_descs)];
  rg_resource_info info;
  TRY(create_buffers(self, buffers));
  TRY(write_buffers(self, buffers));
  TRY(read_buffers(self, buffers));
  TRY(stage_buffers(self, buffers));
  TRY(export_buffer(self));
  TRY(rg_resource_get_info(self->engine, buffers[LARGE].id, &info));
  CLAIM(info.size >= LARGE_SIZE && strcmp(info.label, "large") == 0);
fail:
  return result;
}

/* ---- Textures ------------------------------------------------------------------------------- */

static const uint32_t texels[24] = {0xFF0000FF, 0xFF00FF00, 0xFFFF0000, 0xFFFFFFFF, 1, 2, 3, 4};

static const rg_texture_desc texture_descs[] = {
    {.width = 4,
     .height = 4,
     .generate_mips = true,
     .data = texels,
     .data_size = 64,
     .sampler = {.max_anisotropy = 4},
     .label = "mips"},
    {.file = "small.png", .sampler = {.wrap_u = RG_WRAP_CLAMP_TO_EDGE}},
    {.file = "small.tga", .is_linear = true},
    {.type = RG_TEXTURE_3D, .width = 2, .height = 2, .depth = 2, .data = texels, .data_size = 32},
    {.type = RG_TEXTURE_CUBE, .width = 2, .height = 2, .data = texels, .data_size = 96},
    {.type = RG_TEXTURE_2D_ARRAY,
     .width = 2,
     .height = 2,
     .layers = 2,
     .data = texels,
     .data_size = 32,
     .label = "array"},
    {.width = 4,
     .height = 4,
     .format = VK_FORMAT_BC1_RGBA_UNORM_BLOCK,
     .data = texels,
     .data_size = 8},
    {.width = 4,
     .height = 4,
     .format = VK_FORMAT_D32_SFLOAT,
     .usage = VK_IMAGE_USAGE_DEPTH_STENCIL_ATTACHMENT_BIT},
};
enum { MIPS = 0, ARRAY = 5 };

static rg_result use_textures(scenario *self, const rg_texture *textures) {
  rg_result result = RG_OK;
  uint32_t read[4] = {0};
  rg_texture_vk vk;
  VkSampler sampler;
  const rg_texture_region layer = {.layer = 1}, level = {.mip_level = 1};
  TRY(rg_texture_update(self->engine, textures[ARRAY], &layer, texels, 16));
  TRY(rg_texture_read(self->engine, textures[ARRAY], &layer, read, sizeof read));
  CLAIM(memcmp(read, texels, sizeof read) == 0);
  TRY(rg_texture_update(self->engine, textures[MIPS], &level, texels, 16));
  TRY(rg_texture_get_vk(self->engine, textures[MIPS], &vk));
  TRY(rg_sampler_get_vk(self->engine, &texture_descs[MIPS].sampler, &sampler));
  CLAIM(vk.sampler == sampler && vk.mip_levels == 3);
  TRY(rg_flush(self->engine, NULL));
fail:
  return result;
}

rg_result act_textures(scenario *self) {
  rg_result result = RG_OK;
  rg_texture textures[COUNT(texture_descs)];
  for (uint32_t i = 0; i < COUNT(texture_descs); i++) {
    result = rg_texture_create(self->engine, &texture_descs[i], &textures[i]);
    TRY(scenario_own(self, result, textures[i].id));
  }
  TRY(use_textures(self, textures));
fail:
  return result;
}
