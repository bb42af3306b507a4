/* The acts of sets: declarations, a set that requires another, its queries, its manifest written
 * and read, and the report; and a set from a glTF file. */
#include <string.h>

#include "scenario.h"

#define NAMES(...) ((const char *const[]){__VA_ARGS__, NULL})

static rg_result declare(scenario *self) {
  rg_result result = RG_OK;
  rg_engine *engine = self->engine;
  const rg_shader_desc shader = {.stages = {{.file = "plain.vert"}, {.file = "plain.frag"}},
                                 .stage_count = 2};
  const rg_texture_desc texture = {.file = "small.png"};
  const rg_buffer_desc buffer = {.size = 64, .type = RG_BUFFER_UNIFORM};
  const rg_parameter parameters[] = {
      {.name = "tint", .count = 4, .value.numbers = {1, 0.5, 0.25, 1}},
      {.name = "map", .kind = RG_VALUE_DECLARED, .count = 1, .value.declared = "brick"}};
  const rg_material_desc wall = {
      .name = "Wall", .shader_name = "plain", .parameters = parameters, .parameter_count = 2};
  const rg_material_desc ruin = {
      .name = "Ruin", .parent_name = "Wall", .parameters = parameters, .parameter_count = 1};
  TRY(rg_declare_shader(engine, "plain", &shader));
  TRY(rg_declare_texture(engine, "brick", &texture));
  TRY(rg_declare_buffer(engine, "camera", &buffer));
  TRY(rg_declare_material(engine, &wall));
  TRY(rg_declare_material(engine, &ruin));
fail:
  return result;
}

static rg_result create_sets(scenario *self, rg_set *level) {
  rg_result result = RG_OK;
  rg_set common;
  const rg_set_desc common_desc = {
      .name = "Common", .shaders = NAMES("plain"), .buffers = NAMES("camera")};
  const rg_set_desc level_desc = {.name = "Level",
                                  .requires_sets = NAMES("Common"),
                                  .materials = NAMES("Ruin"),
                                  .budget = 1 << 20};
  result = rg_set_create(self->engine, &common_desc, &common);
  TRY(scenario_own(self, result, common.id));
  result = rg_set_create(self->engine, &level_desc, level);
  TRY(scenario_own(self, result, level->id));
fail:
  return result;
}

static rg_result ask_set(scenario *self, rg_set level) {
  rg_result result = RG_OK;
  rg_set_info info;
  rg_member_info member;
  rg_handle ruin;
  TRY(rg_set_get_info(self->engine, level, &info));
  TRY(rg_set_get_member(self->engine, level, info.member_count - 1, &member));
  TRY(rg_set_get(self->engine, level, RG_TYPE_MATERIAL, "Ruin", &ruin));
  CLAIM(info.references == 1 && info.member_count == 3);
  CLAIM(rg_is_live(self->engine, member.handle.id) && rg_is_live(self->engine, ruin.id));
fail:
  return result;
}

static rg_result own_set(scenario *self, const char *name) {
  rg_set set;
  const rg_result result = rg_set_find(self->engine, name, &set);
  return scenario_own(self, result, set.id);
}

static rg_result report(scenario *self) {
  char *text = NULL;
  const rg_result result = rg_report_json(self->engine, &text);
  CLAIM(result != RG_OK || strstr(text, "Ruin") != NULL);
  rg_string_free(self->engine, text);
  return result;
}

/* The sets go, and come back from their manifest. */
static rg_result pass_through_manifest(scenario *self, rg_set *level) {
  rg_result result = RG_OK;
  char *text = NULL;
  TRY(rg_manifest_write(self->engine, *level, &text));
  CLAIM(strstr(text, "small.png") != NULL);
  TRY(scenario_finish(self));
  TRY(rg_manifest_read(self->engine, "level.json", text, strlen(text)));
  TRY(own_set(self, "Common"));
  TRY(own_set(self, "Level"));
  TRY(rg_set_find(self->engine, "Level", level));
fail:
  rg_string_free(self->engine, text);
  return result;
}

rg_result act_set(scenario *self) {
  rg_result result = RG_OK;
  rg_set level;
  TRY(declare(self));
  TRY(create_sets(self, &level));
  TRY(rg_set_load(self->engine, level));
  TRY(ask_set(self, level));
  TRY(report(self));
  TRY(rg_flush(self->engine, NULL));
  TRY(rg_set_unload(self->engine, level));
  TRY(pass_through_manifest(self, &level));
  TRY(rg_set_load(self->engine, level));
fail:
  return result;
}

/* ---- glTF ------------------------------------------------------------------------------------ */

static rg_result ask_mesh(scenario *self, rg_set crates) {
  rg_result result = RG_OK;
  rg_set_info info;
  rg_primitive_info mesh;
  uint32_t position[3] = {0};
  TRY(rg_set_get_info(self->engine, crates, &info));
  TRY(rg_set_get_primitive(self->engine, crates, 0, &mesh));
  CLAIM(info.mesh_count == 1 && info.primitive_count == 1 && mesh.vertex_count > 0 &&
        mesh.attribute_count > 0);
  CLAIM(rg_is_live(self->engine, mesh.material.id));
  TRY(rg_buffer_read(self->engine, mesh.vertices, 0, position, sizeof position));
  CLAIM(position[0] != 0);
fail:
  return result;
}

rg_result act_gltf(scenario *self) {
  rg_result result = RG_OK;
  rg_set crates;
  const rg_set_desc desc = {.name = "Crates", .gltf = NAMES("models/crate.glb")};
  result = rg_set_create(self->engine, &desc, &crates);
  TRY(scenario_own(self, result, crates.id));
  TRY(rg_set_load(self->engine, crates));
  TRY(ask_mesh(self, crates));
  TRY(rg_set_unload(self->engine, crates));
fail:
  return result;
}
