/* What the acts share: the resources that they made, and how those go. */
#include "scenario.h"

#include <stdlib.h>

rg_result scenario_own(scenario *self, rg_result result, uint64_t id) {
  if (self->owned_count == SCENARIO_MAX_OWNED) {
    abort();
  }
  if (result == RG_OK) {
    self->owned[self->owned_count++] = (rg_handle){id};
  } else if (id != 0) {
    self->wrong = "a failed call returned a handle";
  }
  return result;
}

void scenario_disown(scenario *self, uint64_t id) {
  uint32_t kept = 0;
  for (uint32_t i = 0; i < self->owned_count; i++) {
    if (self->owned[i].id != id) {
      self->owned[kept++] = self->owned[i];
    }
  }
  self->owned_count = kept;
}

rg_result scenario_claim(scenario *self, bool holds, const char *claim) {
  if (!holds && self->wrong == NULL) {
    self->wrong = claim;
  }
  return RG_OK;
}

static rg_result destroy(rg_engine *engine, uint64_t id) {
  switch (rg_type_of(id)) {
    case RG_TYPE_BUFFER: return rg_buffer_destroy(engine, (rg_buffer){id});
    case RG_TYPE_TEXTURE: return rg_texture_destroy(engine, (rg_texture){id});
    case RG_TYPE_SHADER: return rg_shader_destroy(engine, (rg_shader){id});
    case RG_TYPE_MATERIAL: return rg_material_destroy(engine, (rg_material){id});
    case RG_TYPE_SET: return rg_set_destroy(engine, (rg_set){id});
    case RG_TYPE_POOL: return rg_pool_destroy(engine, (rg_pool){id});
    case RG_TYPE_NONE: break;
  }
  abort();
}

rg_result scenario_finish(scenario *self) {
  while (self->owned_count > 0) {
    rg_result result = destroy(self->engine, self->owned[self->owned_count - 1].id);
    if (result != RG_OK) {
      return result;
    }
    self->owned_count--;
  }
  return RG_OK;
}
