/* regolith.Shaders and regolith.Shader, and the reading of a shader's table. */
#include <math.h>
#include <string.h>

#include "script.h"

#define MANAGER "regolith.Shaders"

/* ---- A shader's table
 * -------------------------------------------------------------------------------- */

#define MAX_NAMED 64 /* defines, keywords */

/* What a table's lists are read into; kept by one userdata. */
typedef struct shader_lists {
  rg_define defines[MAX_NAMED];
  rg_constant_value keywords[MAX_NAMED];
} shader_lists;

static const char *keep_string(lua_State *L, int keeper, const char *what, const char *key) {
  size_t length = 0;
  const char *string = lua_tolstring(L, -1, &length);
  if (!string || strlen(string) != length) {
    script_error(L, "%s: %s: a string without zero bytes is wanted, %s given", what, key,
                 luaL_typename(L, -1));
  }
  lua_pushvalue(L, -1);
  lua_rawsetp(L, keeper, string);
  return string;
}

/* The value on the top of the stack is a stage: a file's name, or a table. */
static void read_stage(lua_State *L, int keeper, const char *what, const char *stage,
                       rg_stage_desc *out) {
  if (lua_type(L, -1) == LUA_TSTRING) {
    out->file = keep_string(L, keeper, what, stage);
  } else {
    if (!lua_istable(L, -1)) {
      script_error(L, "%s: %s: a file's name or a table is wanted, %s given", what, stage,
                   luaL_typename(L, -1));
    }
    lua_pushfstring(L, "%s: %s", what, stage);
    script_read_desc(L, -2, rg_schema_find("stage"), lua_tostring(L, -1), out, NULL);
    lua_rawsetp(L, keeper, out); /* the reader's keeper, kept by ours */
    lua_pop(L, 1);
  }
  out->stage = script_check_stage(L, what, stage);
}

static void read_defines(lua_State *L, int keeper, const char *what, shader_lists *lists,
                         rg_shader_desc *out) {
  if (!lua_istable(L, -1)) {
    script_error(L, "%s: defines: a table { NAME = value } is wanted, %s given", what,
                 luaL_typename(L, -1));
  }
  int table = lua_gettop(L);
  lua_pushnil(L);
  while (lua_next(L, table)) {
    if (out->define_count == MAX_NAMED || lua_type(L, -2) != LUA_TSTRING) {
      script_error(L, "%s: defines: at most %d, each with a name", what, MAX_NAMED);
    }
    rg_define *define = &lists->defines[out->define_count++];
    define->name = lua_tostring(L, -2); /* kept by the table */
    if (lua_isboolean(L, -1)) {
      define->value = lua_toboolean(L, -1) ? "1" : "0";
    } else if (lua_type(L, -1) == LUA_TSTRING || lua_type(L, -1) == LUA_TNUMBER) {
      lua_pushvalue(L, -1);
      define->value = keep_string(L, keeper, what, "defines");
      lua_pop(L, 1);
    } else {
      script_error(L, "%s: defines: %s: a string, number or boolean is wanted, %s given", what,
                   define->name, luaL_typename(L, -1));
    }
    lua_pop(L, 1);
  }
  out->defines = lists->defines;
}

static void read_keywords(lua_State *L, const char *what, shader_lists *lists,
                          rg_shader_desc *out) {
  if (!lua_istable(L, -1)) {
    script_error(L, "%s: keywords: a table { NAME = value } is wanted, %s given", what,
                 luaL_typename(L, -1));
  }
  int table = lua_gettop(L);
  lua_pushnil(L);
  while (lua_next(L, table)) {
    if (out->keyword_count == MAX_NAMED || lua_type(L, -2) != LUA_TSTRING ||
        !(lua_isboolean(L, -1) || lua_type(L, -1) == LUA_TNUMBER)) {
      script_error(L, "%s: keywords: at most %d, each NAME = boolean or number", what, MAX_NAMED);
    }
    rg_constant_value *keyword = &lists->keywords[out->keyword_count++];
    keyword->name = lua_tostring(L, -2);
    keyword->value = lua_isboolean(L, -1) ? lua_toboolean(L, -1) : lua_tonumber(L, -1);
    if (!isfinite(keyword->value)) {
      script_error(L, "%s: keywords: %s: %s is not a finite number", what, keyword->name,
                   lua_tostring(L, -1));
    }
    lua_pop(L, 1);
  }
  out->keywords = lists->keywords;
}

/* { stage = "fragment", source = … }: one stage, as the stage schema has it, with the shader's own
 * keys beside. */
static void read_single(lua_State *L, int index, int keeper, const char *what,
                        rg_shader_desc *out) {
  static const char *const extra[] = {"defines", "keywords", "label", NULL};
  script_read_desc(L, index, rg_schema_find("stage"), what, &out->stages[0], extra);
  lua_rawsetp(L, keeper, &out->stages[0]);
  out->stage_count = 1;
}

static bool is_single(lua_State *L, int index) {
  static const char *const keys[] = {"stage", "source", "file", "spirv"};
  for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
    int type = script_getfield(L, index, keys[i]);
    lua_pop(L, 1);
    if (type != LUA_TNIL) {
      return true;
    }
  }
  return false;
}

static int unknown_stage(lua_State *L, const char *what, const char *key) {
  const char *names[32] = {"defines", "keywords", "label"};
  uint32_t count = 3;
  const rg_field *field = rg_schema_field(rg_schema_find("stage"), "stage");
  for (const rg_name_value *name = field->names; name && name->name && count < 32; name++) {
    names[count++] = name->name;
  }
  return script_unknown_key(L, what, key, names, count);
}

static bool is_stage_name(const char *key) {
  const rg_field *field = rg_schema_field(rg_schema_find("stage"), "stage");
  for (const rg_name_value *name = field->names; name && name->name; name++) {
    if (strcmp(name->name, key) == 0) {
      return true;
    }
  }
  return false;
}

static void check_stage_keys(lua_State *L, int index, const char *what) {
  lua_pushnil(L);
  while (lua_next(L, index)) {
    const char *key = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "?";
    bool is_own =
        strcmp(key, "defines") == 0 || strcmp(key, "keywords") == 0 || strcmp(key, "label") == 0;
    if (!is_own && !is_stage_name(key)) {
      unknown_stage(L, what, key);
    }
    lua_pop(L, 1);
  }
}

/* { vertex = …, fragment = …, … }: in the order of the pipeline, whatever the table's. */
static void read_stages(lua_State *L, int index, int keeper, const char *what,
                        rg_shader_desc *out) {
  check_stage_keys(L, index, what);
  const rg_field *field = rg_schema_field(rg_schema_find("stage"), "stage");
  for (const rg_name_value *stage = field->names; stage && stage->name; stage++) {
    if (script_getfield(L, index, stage->name) != LUA_TNIL) {
      if (out->stage_count == RG_MAX_STAGES) {
        script_error(L, "%s: more than %d stages", what, RG_MAX_STAGES);
      }
      read_stage(L, keeper, what, stage->name, &out->stages[out->stage_count++]);
    }
    lua_pop(L, 1);
  }
}

/* The keeper table's last user: pushed, and left on the stack. */
void script_read_shader(lua_State *L, int index, const char *what, rg_shader_desc *out) {
  index = lua_absindex(L, index);
  luaL_checktype(L, index, LUA_TTABLE);
  luaL_checkstack(L, 16, what);
  lua_newtable(L);
  int keeper = lua_gettop(L);
  shader_lists *lists = lua_newuserdatauv(L, sizeof *lists, 0);
  lua_rawsetp(L, keeper, lists);
  if (is_single(L, index)) {
    read_single(L, index, keeper, what, out);
  } else {
    read_stages(L, index, keeper, what, out);
  }
  if (script_getfield(L, index, "defines") != LUA_TNIL) {
    read_defines(L, keeper, what, lists, out);
  }
  if (script_getfield(L, index, "keywords") != LUA_TNIL) {
    read_keywords(L, what, lists, out);
  }
  if (script_getfield(L, index, "label") != LUA_TNIL) {
    out->label = keep_string(L, keeper, what, "label");
  }
  lua_settop(L, keeper);
}

/* ---- The manager
 * -------------------------------------------------------------------------------------- */

static int shaders_create(lua_State *L) {
  script_engine *engine = script_check_manager(L, MANAGER);
  rg_shader_desc desc = {0};
  script_read_shader(L, 2, script_what(L, 2, "shader"), &desc);
  script_box_new(L, 1, RG_TYPE_SHADER);
  script_set_origin(L);
  rg_shader shader = {0};
  rg_result result = rg_shader_create(engine->engine, &desc, &shader);
  script_log_deliver(L, engine);
  if (result != RG_OK) {
    return script_fail(L, result);
  }
  script_box_fill(L, shader.id);
  return 1;
}

static int shaders_all(lua_State *L) {
  script_check_manager(L, MANAGER);
  return script_push_all(L, 1, RG_TYPE_SHADER);
}

/* ---- One shader
 * ---------------------------------------------------------------------------------------- */

static const rg_reflection *check_reflection(lua_State *L, script_box *box) {
  const rg_reflection *reflection = NULL;
  rg_result result =
      rg_shader_get_reflection(box->engine->engine, (rg_shader){box->id}, &reflection);
  if (result != RG_OK) {
    script_fail(L, result);
  }
  return reflection;
}

static const char *scalar_name(rg_scalar scalar) {
  static const char *const names[] = {"struct", "float", "int",   "uint",  "bool",
                                      "double", "half",  "int8",  "uint8", "int16",
                                      "uint16", "int64", "uint64"};
  return (size_t)scalar < sizeof names / sizeof names[0] ? names[scalar] : "?";
}

static void set_string(lua_State *L, const char *key, const char *value) {
  lua_pushstring(L, value);
  lua_setfield(L, -2, key);
}

static void set_integer(lua_State *L, const char *key, uint64_t value) {
  lua_pushinteger(L, (lua_Integer)value);
  lua_setfield(L, -2, key);
}

static void set_bool(lua_State *L, const char *key, bool value) {
  lua_pushboolean(L, value);
  lua_setfield(L, -2, key);
}

static void push_members(lua_State *L, const rg_member *members, uint32_t count) {
  luaL_checkstack(L, 6, "members");
  lua_createtable(L, (int)count, 0);
  for (uint32_t i = 0; i < count; i++) {
    const rg_member *member = &members[i];
    lua_newtable(L);
    set_string(L, "name", member->name);
    set_string(L, "type", member->type_name);
    set_string(L, "scalar", scalar_name(member->scalar));
    set_integer(L, "rows", member->rows);
    set_integer(L, "columns", member->columns);
    set_integer(L, "offset", member->offset);
    set_integer(L, "size", member->size);
    set_bool(L, "is_array", member->is_array);
    set_integer(L, "array_count", member->array_count);
    set_integer(L, "array_stride", member->array_stride);
    set_integer(L, "matrix_stride", member->matrix_stride);
    set_bool(L, "is_row_major", member->is_row_major);
    set_bool(L, "is_active", member->is_active);
    if (member->member_count > 0) {
      push_members(L, member->members, member->member_count);
      lua_setfield(L, -2, "members");
    }
    lua_seti(L, -2, (lua_Integer)i + 1);
  }
}

static void push_block(lua_State *L, const rg_block *block) {
  lua_newtable(L);
  set_string(L, "name", block->name);
  set_string(L, "instance_name", block->instance_name);
  set_integer(L, "size", block->size);
  push_members(L, block->members, block->member_count);
  lua_setfield(L, -2, "members");
}

static const char *descriptor_name(VkDescriptorType type) {
  static const char *const names[] = {"sampler",
                                      "combined_image_sampler",
                                      "sampled_image",
                                      "storage_image",
                                      "uniform_texel_buffer",
                                      "storage_texel_buffer",
                                      "uniform_buffer",
                                      "storage_buffer",
                                      "uniform_buffer_dynamic",
                                      "storage_buffer_dynamic",
                                      "input_attachment"};
  return (size_t)type < sizeof names / sizeof names[0] ? names[type] : "other";
}

static const char *view_name(VkImageViewType type) {
  static const char *const names[] = {"1d",       "2d",       "3d",        "cube",
                                      "1d_array", "2d_array", "cube_array"};
  return (size_t)type < sizeof names / sizeof names[0] ? names[type] : NULL;
}

static void push_binding(lua_State *L, const rg_binding *binding) {
  lua_newtable(L);
  set_string(L, "name", binding->name);
  set_string(L, "type", descriptor_name(binding->type));
  set_integer(L, "set", binding->set);
  set_integer(L, "binding", binding->binding);
  set_integer(L, "count", binding->count);
  script_push_stages(L, binding->stages);
  lua_setfield(L, -2, "stages");
  if (view_name(binding->view_type)) {
    set_string(L, "view_type", view_name(binding->view_type));
    set_string(L, "scalar", scalar_name(binding->scalar));
    set_bool(L, "is_shadow", binding->is_shadow);
    set_bool(L, "is_multisampled", binding->is_multisampled);
  }
  set_bool(L, "is_readonly", binding->is_readonly);
  if (binding->block) {
    push_block(L, binding->block);
    lua_setfield(L, -2, "block");
  }
}

static void push_vertex_inputs(lua_State *L, const rg_reflection *reflection) {
  lua_newtable(L);
  for (uint32_t i = 0; i < reflection->vertex_input_count; i++) {
    const rg_vertex_input *input = &reflection->vertex_inputs[i];
    lua_newtable(L);
    set_string(L, "name", input->name);
    set_integer(L, "location", input->location);
    set_string(L, "format", rg_format_name(input->format));
    lua_seti(L, -2, (lua_Integer)i + 1);
  }
}

static void push_fragment_outputs(lua_State *L, const rg_reflection *reflection) {
  lua_newtable(L);
  for (uint32_t i = 0; i < reflection->fragment_output_count; i++) {
    const rg_fragment_output *output = &reflection->fragment_outputs[i];
    lua_newtable(L);
    set_string(L, "name", output->name);
    set_integer(L, "location", output->location);
    set_integer(L, "index", output->index);
    set_string(L, "format", rg_format_name(output->format));
    lua_seti(L, -2, (lua_Integer)i + 1);
  }
}

static void push_constants(lua_State *L, const rg_reflection *reflection) {
  lua_newtable(L);
  for (uint32_t i = 0; i < reflection->constant_count; i++) {
    const rg_constant *constant = &reflection->constants[i];
    lua_newtable(L);
    set_string(L, "name", constant->name);
    set_integer(L, "id", constant->id);
    set_string(L, "scalar", scalar_name(constant->scalar));
    lua_pushnumber(L, constant->value);
    lua_setfield(L, -2, "value");
    lua_seti(L, -2, (lua_Integer)i + 1);
  }
}

static int shader_reflection(lua_State *L) {
  script_box *box = script_check_box(L, 1, RG_TYPE_SHADER);
  const rg_reflection *reflection = check_reflection(L, box);
  lua_newtable(L);
  script_push_stages(L, reflection->stages);
  lua_setfield(L, -2, "stages");
  lua_createtable(L, (int)reflection->binding_count, 0);
  for (uint32_t i = 0; i < reflection->binding_count; i++) {
    push_binding(L, &reflection->bindings[i]);
    lua_seti(L, -2, (lua_Integer)i + 1);
  }
  lua_setfield(L, -2, "bindings");
  if (reflection->push_constants) {
    push_block(L, reflection->push_constants);
    lua_setfield(L, -2, "push_constants");
  }
  push_vertex_inputs(L, reflection);
  lua_setfield(L, -2, "vertex_inputs");
  push_fragment_outputs(L, reflection);
  lua_setfield(L, -2, "fragment_outputs");
  push_constants(L, reflection);
  lua_setfield(L, -2, "constants");
  lua_newtable(L);
  for (int i = 0; i < 3; i++) {
    lua_pushinteger(L, reflection->workgroup_size[i]);
    lua_seti(L, -2, i + 1);
  }
  lua_setfield(L, -2, "workgroup_size");
  return 1;
}

static int shader_parameters(lua_State *L) {
  script_box *box = script_check_box(L, 1, RG_TYPE_SHADER);
  uint32_t count = 0;
  rg_result result =
      rg_shader_get_parameters(box->engine->engine, (rg_shader){box->id}, NULL, &count);
  if (result != RG_OK) {
    return script_fail(L, result);
  }
  rg_parameter_info *infos = lua_newuserdatauv(L, ((size_t)count + 1) * sizeof *infos, 0);
  result = rg_shader_get_parameters(box->engine->engine, (rg_shader){box->id}, infos, &count);
  if (result != RG_OK) {
    return script_fail(L, result);
  }
  lua_createtable(L, (int)count, 0);
  for (uint32_t i = 0; i < count; i++) {
    lua_newtable(L);
    set_string(L, "name", infos[i].name);
    set_string(
        L, "type",
        infos[i].member ? infos[i].member->type_name : descriptor_name(infos[i].binding->type));
    set_integer(L, "count",
                infos[i].member ? infos[i].member->array_count : infos[i].binding->count);
    lua_seti(L, -2, (lua_Integer)i + 1);
  }
  return 1;
}

static int shader_stage_info(lua_State *L) {
  script_box *box = script_check_box(L, 1, RG_TYPE_SHADER);
  const char *stage = luaL_checkstring(L, 2);
  VkPipelineShaderStageCreateInfo info;
  rg_result result = rg_shader_get_stage_info(box->engine->engine, (rg_shader){box->id},
                                              script_check_stage(L, "stage_info", stage), &info);
  if (result != RG_OK) {
    return script_fail(L, result);
  }
  lua_newtable(L);
  set_string(L, "stage", stage);
  set_string(L, "entry_point", info.pName);
  set_integer(L, "module", (uint64_t)(uintptr_t)info.module);
  return 1;
}

static int shader_spirv(lua_State *L) {
  script_box *box = script_check_box(L, 1, RG_TYPE_SHADER);
  const void *spirv = NULL;
  uint64_t size = 0;
  rg_result result =
      rg_shader_get_spirv(box->engine->engine, (rg_shader){box->id},
                          script_check_stage(L, "spirv", luaL_checkstring(L, 2)), &spirv, &size);
  if (result != RG_OK) {
    return script_fail(L, result);
  }
  lua_pushlstring(L, spirv, size);
  return 1;
}

static bool shader_get(lua_State *L, script_box *box, const char *key) {
  if (strcmp(key, "stages") != 0) {
    return false;
  }
  script_push_stages(L, check_reflection(L, box)->stages);
  return true;
}

void script_open_shaders(lua_State *L) {
  static const luaL_Reg manager[] = {
      {"create", shaders_create}, {"all", shaders_all}, {NULL, NULL}};
  static const luaL_Reg methods[] = {
      {"reflection", shader_reflection},
      {"parameters", shader_parameters},
      {"stage_info", shader_stage_info},
      {"spirv", shader_spirv},
      {NULL, NULL},
  };
  script_define_manager(L, MANAGER, manager);
  script_define_class(L, RG_TYPE_SHADER, methods, shader_get);
}
