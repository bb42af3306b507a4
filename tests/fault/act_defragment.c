/* The act of defragmentation: scattered textures and buffers, one of each named by a material, move
 * together and keep their contents. */
#include <string.h>

#include "scenario.h"

#define BLOCK_SIZE (64u << 10)
#define COUNT 6 /* two in a block */

static const char compute_source[] =
    "#version 450\n"
    "layout(local_size_x = 4) in;\n"
    "layout(std430) buffer Values { uint values[]; };\n"
    "uniform sampler2D map;\n"
    "void main() { values[gl_GlobalInvocationID.x] += uint(texelFetch(map, ivec2(0), 0).r); }\n";

static const uint32_t words[4] = {1, 2, 3, 4};
static uint32_t texels[100 * 70];

typedef struct scattered {
  rg_pool textures, buffers;
  rg_texture texture[COUNT];
  rg_buffer buffer[COUNT];
} scattered;

static rg_result create_pools(scenario *self, scattered *out) {
  rg_result result = RG_OK;
  rg_pool_desc desc = {.block_size = BLOCK_SIZE, .label = "scattered"};
  result = rg_pool_create(self->engine, &desc, &out->buffers);
  TRY(scenario_own(self, result, out->buffers.id));
  desc.is_for_textures = true;
  result = rg_pool_create(self->engine, &desc, &out->textures);
  TRY(scenario_own(self, result, out->textures.id));
fail:
  return result;
}

/* Those that go at once come last, and are not owned then. */
static rg_result create_resources(scenario *self, scattered *out) {
  rg_result result = RG_OK;
  const rg_buffer_desc buffer = {.size = 28000, .pool = out->buffers, .is_movable = true};
  const rg_texture_desc texture = {.width = 100,
                                   .height = 70,
                                   .pool = out->textures,
                                   .is_movable = true,
                                   .data = texels,
                                   .data_size = sizeof texels};
  texels[0] = 0xFF;
  for (uint32_t i = 0; i < COUNT; i++) {
    result = rg_buffer_create(self->engine, &buffer, &out->buffer[i]);
    TRY(scenario_own(self, result, out->buffer[i].id));
    result = rg_texture_create(self->engine, &texture, &out->texture[i]);
    TRY(scenario_own(self, result, out->texture[i].id));
  }
fail:
  return result;
}

/* Every second one goes: from the list of what is owned, too. */
static rg_result scatter(scenario *self, const scattered *resources) {
  rg_result result = RG_OK;
  for (uint32_t i = 0; i < COUNT; i += 2) {
    scenario_disown(self, resources->buffer[i].id);
    TRY(rg_buffer_destroy(self->engine, resources->buffer[i]));
    scenario_disown(self, resources->texture[i].id);
    TRY(rg_texture_destroy(self->engine, resources->texture[i]));
  }
fail:
  return result;
}

static rg_result create_material(scenario *self, const scattered *resources) {
  rg_result result = RG_OK;
  rg_shader shader;
  rg_material material;
  const rg_shader_desc shader_desc = {
      .stages = {{.stage = VK_SHADER_STAGE_COMPUTE_BIT, .source = compute_source}},
      .stage_count = 1,
      .label = "sum"};
  const rg_parameter parameters[] = {
      {.name = "Values", .kind = RG_VALUE_BUFFER, .count = 1, .value.buffer = resources->buffer[5]},
      {.name = "map",
       .kind = RG_VALUE_TEXTURE,
       .count = 1,
       .value.texture = resources->texture[5]}};
  result = rg_shader_create(self->engine, &shader_desc, &shader);
  TRY(scenario_own(self, result, shader.id));
  const rg_material_desc desc = {
      .name = "sum", .shader = shader, .parameters = parameters, .parameter_count = 2};
  result = rg_material_create(self->engine, &desc, &material);
  TRY(scenario_own(self, result, material.id));
fail:
  return result;
}

static rg_result check_contents(scenario *self, const scattered *resources) {
  rg_result result = RG_OK;
  const rg_texture_region pixel = {.width = 1, .height = 1};
  for (uint32_t i = 1; i < COUNT; i += 2) {
    uint32_t read[4] = {0};
    TRY(rg_buffer_read(self->engine, resources->buffer[i], 16, read, sizeof read));
    CLAIM(memcmp(read, words, sizeof read) == 0);
    TRY(rg_texture_read(self->engine, resources->texture[i], &pixel, read, sizeof *read));
    CLAIM(read[0] == 0xFF);
  }
fail:
  return result;
}

static rg_result wait_for_gpu(scenario *self) {
  rg_result result = RG_OK;
  rg_ticket ticket;
  TRY(rg_flush(self->engine, &ticket));
  TRY(rg_ticket_wait(self->engine, ticket, UINT64_MAX));
fail:
  return result;
}

static rg_result step(scenario *self, rg_defragment_info *info, uint32_t *moves) {
  rg_result result = RG_OK;
  TRY(rg_defragment(self->engine, NULL, info));
  *moves += info->moves;
  TRY(wait_for_gpu(self));
fail:
  return result;
}

rg_result act_defragment(scenario *self) {
  rg_result result = RG_OK;
  scattered resources;
  rg_defragment_info info = {0};
  uint32_t moves = 0;
  TRY(create_pools(self, &resources));
  TRY(create_resources(self, &resources));
  for (uint32_t i = 1; i < COUNT; i += 2) {
    TRY(rg_buffer_update(self->engine, resources.buffer[i], 16, words, sizeof words));
  }
  TRY(scatter(self, &resources));
  TRY(create_material(self, &resources));
  TRY(wait_for_gpu(self));
  for (uint32_t i = 0; i < 100 && !info.is_done; i++) {
    TRY(step(self, &info, &moves));
  }
  CLAIM(info.is_done && moves >= 2);
  TRY(check_contents(self, &resources));
fail:
  return result;
}
