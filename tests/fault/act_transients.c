/* The act of what shares memory: transient textures and buffers, and indices in the bindless array
 * where the device has one. */
#include <string.h>

#include "scenario.h"

#define COUNT(array) (uint32_t)(sizeof(array) / sizeof *(array))

static const rg_texture_desc target = {
    .width = 32,
    .height = 32,
    .usage = VK_IMAGE_USAGE_SAMPLED_BIT | VK_IMAGE_USAGE_COLOR_ATTACHMENT_BIT,
    .label = "target"};
static const rg_buffer_desc list = {.size = 4096, .label = "list"};

static const rg_transient_desc descs[] = {
    {.texture = &target, .first_use = 0, .last_use = 1},
    {.texture = &target, .first_use = 2, .last_use = 2},
    {.buffer = &list, .first_use = 1, .last_use = 2},
    {.texture = &target, .first_use = 3, .last_use = 3},
    {.buffer = &list, .first_use = 3, .last_use = 4},
};

static rg_result create_transients(scenario *self, rg_handle *handles) {
  rg_transient_info info;
  rg_result result = rg_transients_create(self->engine, descs, COUNT(descs), handles, &info);
  for (uint32_t i = 0; i < COUNT(descs); i++) {
    (void)scenario_own(self, result, handles[i].id);
  }
  if (result == RG_OK) {
    CLAIM(info.size < info.unshared_size && info.size >= info.peak_size);
  }
  return result;
}

/* Two transients in one place, and an ordinary texture. */
static rg_result index_textures(scenario *self, const rg_handle *handles) {
  rg_result result = RG_OK;
  rg_device_info device;
  rg_bindless_vk array;
  uint32_t indices[3];
  rg_texture plain;
  result = rg_texture_create(self->engine, &target, &plain);
  if (scenario_own(self, result, plain.id) != RG_OK) {
    return result;
  }
  rg_engine_get_device(self->engine, &device);
  if (!device.descriptor_indexing) {
    return RG_OK;
  }
  TRY(rg_texture_get_index(self->engine, (rg_texture){handles[0].id}, &indices[0]));
  TRY(rg_texture_get_index(self->engine, (rg_texture){handles[1].id}, &indices[1]));
  TRY(rg_texture_get_index(self->engine, plain, &indices[2]));
  TRY(rg_bindless_get_vk(self->engine, &array));
  CLAIM(indices[0] != indices[1] && indices[1] != indices[2] && indices[2] < array.capacity);
  TRY(rg_flush(self->engine, NULL));
fail:
  return result;
}

rg_result act_transients(scenario *self) {
  rg_result result = RG_OK;
  rg_handle handles[COUNT(descs)];
  rg_resource_info info;
  memset(handles, 0, sizeof handles);
  TRY(create_transients(self, handles));
  TRY(index_textures(self, handles));
  TRY(rg_resource_get_info(self->engine, handles[3].id, &info));
  CLAIM(info.size >= 4096 && strcmp(info.label, "target") == 0);
fail:
  return result;
}
