/* Bindings, vertex inputs, fragment outputs, constants and workgroup sizes of all stages, merged.
 */
#include "reflect.h"

#include <stdlib.h>
#include <string.h>

#include "base/result.h"
#include "list.h"

/* The lists being gathered; the reflection gets them sorted. */
typedef struct reflection_lists {
  rg_binding *bindings;
  uint32_t binding_count, binding_capacity;
  rg_constant *constants;
  uint32_t constant_count, constant_capacity;
  rg_vertex_input *inputs;
  uint32_t input_count, input_capacity;
  rg_fragment_output *outputs;
  uint32_t output_count, output_capacity;
  rg_block *push_constants;
} reflection_lists;

typedef struct reflection_work {
  shader_code *code;
  reflection_lists lists;
  text *errors;
} reflection_work;

/* ---- Bindings ------------------------------------------------------------------------------ */

static rg_binding *binding_find(reflection_lists *lists, uint32_t set, uint32_t binding) {
  for (uint32_t i = 0; i < lists->binding_count; i++) {
    if (lists->bindings[i].set == set && lists->bindings[i].binding == binding) {
      return &lists->bindings[i];
    }
  }
  return NULL;
}

/* Joins a further declaration of a binding to the first. */
static void binding_merge(reflection_work *work, const reflect_stage *stage, rg_binding *self,
                          const rg_binding *other) {
  self->stages |= other->stages;
  self->is_readonly = self->is_readonly && other->is_readonly;
  self->count = self->count == 0 || other->count == 0 ? 0
                : self->count > other->count          ? self->count
                                                      : other->count;
  bool is_same_name = strcmp(self->name, other->name) == 0;
  if (self->block == NULL || other->block == NULL || !is_same_name) {
    return;
  }
  if (reflect_block_equals(self->block, other->block)) {
    reflect_block_activate((rg_block *)self->block, other->block);
  } else {
    text_printf(work->errors, "%s: error: block '%s' differs from the other stages' declaration\n",
                stage->from->name, self->name);
  }
}

static rg_result binding_read(const reflect_stage *stage, const shader_resource *resource,
                              rg_binding *out) {
  *out = (rg_binding){.name = arena_strdup(stage->target, resource->name),
                      .type = resource->descriptor,
                      .set = resource->set,
                      .binding = resource->binding,
                      .count = resource->count,
                      .stages = stage->from->stage->stage,
                      .view_type = resource->view_type,
                      .scalar = resource->scalar,
                      .is_shadow = resource->is_shadow,
                      .is_multisampled = resource->is_multisampled,
                      .is_readonly = resource->is_readonly};
  rg_block *block = resource->is_block ? arena_alloc(stage->target, sizeof *block) : NULL;
  if (out->name == NULL || (resource->is_block && block == NULL)) {
    return result_no_memory("reflection", sizeof *block);
  }
  out->block = block;
  return block == NULL ? RG_OK : reflect_block(stage, resource->id, resource->type, block);
}

static rg_result bindings_read(reflection_work *work, const reflect_stage *stage, arena *scratch) {
  resource_list resources = {0};
  rg_result result = resources_find(scratch, stage->from, &resources);
  for (uint32_t i = 0; i < resources.count && result == RG_OK; i++) {
    rg_binding binding;
    result = binding_read(stage, &resources.items[i], &binding);
    if (result != RG_OK) {
      break;
    }
    rg_binding *known = binding_find(&work->lists, binding.set, binding.binding);
    if (known != NULL) {
      binding_merge(work, stage, known, &binding);
      continue;
    }
    rg_binding *list = list_grow(stage->target, work->lists.bindings, sizeof *list,
                                 work->lists.binding_count, &work->lists.binding_capacity);
    if (list == NULL) {
      return RG_ERROR_OUT_OF_HOST_MEMORY;
    }
    work->lists.bindings = list;
    list[work->lists.binding_count++] = binding;
  }
  return result;
}

static rg_result push_constants_read(reflection_work *work, const reflect_stage *stage) {
  for (uint32_t i = 0; i < stage->from->variable_count; i++) {
    const module_variable *variable = &stage->from->variables[i];
    if (variable->storage != SpvStorageClassPushConstant) {
      continue;
    }
    rg_block *block = arena_alloc(stage->target, sizeof *block);
    if (block == NULL) {
      return result_no_memory("reflection", sizeof *block);
    }
    rg_result result = reflect_block(stage, variable->id, variable->type, block);
    if (result == RG_OK && work->lists.push_constants != NULL) {
      result = reflect_block_unite(stage->target, work->lists.push_constants, block);
    } else {
      work->lists.push_constants = block;
    }
    if (result != RG_OK) {
      return result;
    }
    work->code->reflection.push_constant_stages |= stage->from->stage->stage;
  }
  return RG_OK;
}

/* ---- Vertex inputs, fragment outputs ------------------------------------------------------- */

/* One place of a variable: reads it, or an element of it, at a location. */
typedef struct located {
  const char *name;
  uint32_t id;       /* the variable's */
  uint32_t location; /* of the next element */
} located;

typedef rg_result located_add(reflection_work *work, const reflect_stage *stage,
                              const located *where, uint32_t type);

static VkFormat located_format(const module *from, uint32_t type) {
  static const VkFormat formats[][4] = {
      {VK_FORMAT_R32_SFLOAT, VK_FORMAT_R32G32_SFLOAT, VK_FORMAT_R32G32B32_SFLOAT,
       VK_FORMAT_R32G32B32A32_SFLOAT},
      {VK_FORMAT_R32_SINT, VK_FORMAT_R32G32_SINT, VK_FORMAT_R32G32B32_SINT,
       VK_FORMAT_R32G32B32A32_SINT},
      {VK_FORMAT_R32_UINT, VK_FORMAT_R32G32_UINT, VK_FORMAT_R32G32B32_UINT,
       VK_FORMAT_R32G32B32A32_UINT},
      {VK_FORMAT_R64_SFLOAT, VK_FORMAT_R64G64_SFLOAT, VK_FORMAT_R64G64B64_SFLOAT,
       VK_FORMAT_R64G64B64A64_SFLOAT},
  };
  bool is_vector = module_opcode(from, type) == SpvOpTypeVector;
  rg_scalar scalar = module_scalar(from, is_vector ? module_operand(from, type, 1) : type);
  uint32_t components = is_vector ? module_operand(from, type, 2) : 1;
  uint32_t row = scalar == RG_SCALAR_DOUBLE                               ? 3
                 : scalar == RG_SCALAR_UINT || scalar == RG_SCALAR_UINT16 ? 2
                 : scalar == RG_SCALAR_INT || scalar == RG_SCALAR_INT16   ? 1
                                                                          : 0;
  return formats[row][(components - 1) & 3];
}

static rg_result input_add(reflection_work *work, const reflect_stage *stage, const located *where,
                           uint32_t type) {
  rg_vertex_input *list = list_grow(stage->target, work->lists.inputs, sizeof *list,
                                    work->lists.input_count, &work->lists.input_capacity);
  if (list == NULL) {
    return RG_ERROR_OUT_OF_HOST_MEMORY;
  }
  work->lists.inputs = list;
  list[work->lists.input_count++] = (rg_vertex_input){.name = where->name,
                                                      .location = where->location,
                                                      .format = located_format(stage->from, type)};
  return RG_OK;
}

static rg_result output_add(reflection_work *work, const reflect_stage *stage, const located *where,
                            uint32_t type) {
  rg_fragment_output *list = list_grow(stage->target, work->lists.outputs, sizeof *list,
                                       work->lists.output_count, &work->lists.output_capacity);
  if (list == NULL) {
    return RG_ERROR_OUT_OF_HOST_MEMORY;
  }
  work->lists.outputs = list;
  uint32_t index = module_decoration(stage->from, where->id, SpvDecorationIndex);
  list[work->lists.output_count++] =
      (rg_fragment_output){.name = where->name,
                           .location = where->location,
                           .index = index == MODULE_NONE ? 0 : index,
                           .format = located_format(stage->from, type)};
  return RG_OK;
}

/* What takes several locations (a matrix, an array) is several: "NAME[0]", "NAME[1]" and on. */
static rg_result located_read(reflection_work *work, const reflect_stage *stage, located *where,
                              uint32_t type, located_add *add) {
  const module *from = stage->from;
  rg_result result = RG_OK;
  uint32_t opcode = module_opcode(from, type), inner = module_operand(from, type, 1);
  if (opcode != SpvOpTypeMatrix && opcode != SpvOpTypeArray) {
    uint32_t scalar = opcode == SpvOpTypeVector ? inner : type;
    bool is_double = module_scalar(from, scalar) == RG_SCALAR_DOUBLE;
    result = add(work, stage, where, type);
    where->location += is_double && module_operand(from, type, 2) > 2 ? 2 : 1;
    return result;
  }
  uint32_t count = module_operand(from, type, 2);
  count = opcode == SpvOpTypeArray ? module_constant(from, count) : count;
  for (uint32_t i = 0; i < count && result == RG_OK; i++) {
    located element = *where;
    element.name = arena_printf(stage->target, "%s[%u]", where->name, i);
    result = element.name == NULL ? result_no_memory("reflection", sizeof(rg_member))
                                  : located_read(work, stage, &element, inner, add);
    where->location = element.location;
  }
  return result;
}

static rg_result locations_read(reflection_work *work, const reflect_stage *stage) {
  rg_result result = RG_OK;
  VkShaderStageFlagBits bit = stage->from->stage->stage;
  bool is_vertex = bit == VK_SHADER_STAGE_VERTEX_BIT;
  if (!is_vertex && bit != VK_SHADER_STAGE_FRAGMENT_BIT) {
    return RG_OK;
  }
  for (uint32_t i = 0; i < stage->from->variable_count && result == RG_OK; i++) {
    const module_variable *variable = &stage->from->variables[i];
    located where = {.id = variable->id};
    where.location = module_decoration(stage->from, variable->id, SpvDecorationLocation);
    if (variable->storage != (is_vertex ? SpvStorageClassInput : SpvStorageClassOutput) ||
        where.location == MODULE_NONE) {
      continue;
    }
    where.name = arena_strdup(stage->target, module_name_of(stage->from, variable->id));
    result = where.name == NULL ? result_no_memory("reflection", sizeof(rg_member))
                                : located_read(work, stage, &where, variable->type,
                                               is_vertex ? input_add : output_add);
  }
  return result;
}

/* ---- Constants and workgroups -------------------------------------------------------------- */

static double constant_value(const module *from, uint32_t id, rg_scalar scalar) {
  uint64_t bits = module_operand(from, id, 2) | (uint64_t)module_operand(from, id, 3) << 32;
  uint32_t low = (uint32_t)bits;
  float single;
  double twice;
  memcpy(&single, &low, sizeof single);
  memcpy(&twice, &bits, sizeof twice);
  switch (scalar) {
    case RG_SCALAR_BOOL: return module_opcode(from, id) == SpvOpSpecConstantTrue;
    case RG_SCALAR_FLOAT: return (double)single;
    case RG_SCALAR_DOUBLE: return twice;
    case RG_SCALAR_INT8:
    case RG_SCALAR_INT16:
    case RG_SCALAR_INT: return (int32_t)low;
    case RG_SCALAR_INT64: return (double)(int64_t)bits;
    case RG_SCALAR_UINT64: return (double)bits;
    default: return low;
  }
}

/* glslang states a specialised workgroup size by unnamed constants of the same id: the named one
 * wins, whichever comes first. */
static rg_result constant_add(reflection_work *work, const reflect_stage *stage, rg_constant made) {
  for (uint32_t i = 0; i < work->lists.constant_count; i++) {
    rg_constant *known = &work->lists.constants[i];
    if (known->id == made.id) {
      *known = known->name[0] == '\0' ? made : *known;
      return RG_OK;
    }
  }
  rg_constant *list = list_grow(stage->target, work->lists.constants, sizeof *list,
                                work->lists.constant_count, &work->lists.constant_capacity);
  if (list == NULL) {
    return RG_ERROR_OUT_OF_HOST_MEMORY;
  }
  work->lists.constants = list;
  list[work->lists.constant_count++] = made;
  return RG_OK;
}

static rg_result constants_read(reflection_work *work, const reflect_stage *stage) {
  const spvc_specialization_constant *constants = NULL;
  size_t count = 0;
  if (spvc_compiler_get_specialization_constants(stage->compiler, &constants, &count) !=
      SPVC_SUCCESS) {
    return result_no_memory("reflection", sizeof(rg_member));
  }
  for (size_t i = 0; i < count; i++) {
    uint32_t id = constants[i].id;
    rg_constant made = {.id = constants[i].constant_id};
    made.scalar = module_scalar(stage->from, module_operand(stage->from, id, 0));
    made.value = constant_value(stage->from, id, made.scalar);
    made.name = arena_strdup(stage->target, module_name_of(stage->from, id));
    rg_result result = made.name == NULL ? result_no_memory("reflection", sizeof(rg_member))
                                         : constant_add(work, stage, made);
    if (result != RG_OK) {
      return result;
    }
  }
  return RG_OK;
}

static bool has_workgroups(VkShaderStageFlagBits stage) {
  return stage == VK_SHADER_STAGE_COMPUTE_BIT || stage == VK_SHADER_STAGE_MESH_BIT_EXT ||
         stage == VK_SHADER_STAGE_TASK_BIT_EXT;
}

static bool has_mode(const reflect_stage *stage, SpvExecutionMode mode) {
  const SpvExecutionMode *modes = NULL;
  size_t count = 0;
  (void)spvc_compiler_get_execution_modes(stage->compiler, &modes, &count);
  for (size_t i = 0; i < count; i++) {
    if (modes[i] == mode) {
      return true;
    }
  }
  return false;
}

static void workgroup_read(reflection_work *work, const reflect_stage *stage) {
  spvc_specialization_constant sizes[3] = {{0}};
  if (!has_workgroups(stage->from->stage->stage)) {
    return;
  }
  bool has_ids = has_mode(stage, SpvExecutionModeLocalSizeId);
  SpvExecutionMode mode = has_ids ? SpvExecutionModeLocalSizeId : SpvExecutionModeLocalSize;
  (void)spvc_compiler_get_work_group_size_specialization_constants(stage->compiler, &sizes[0],
                                                                   &sizes[1], &sizes[2]);
  for (unsigned i = 0; i < 3; i++) {
    uint32_t value = spvc_compiler_get_execution_mode_argument_by_index(stage->compiler, mode, i);
    value = has_ids ? module_constant(stage->from, value) : value;
    value = sizes[i].id != 0 ? module_constant(stage->from, sizes[i].id) : value;
    work->code->reflection.workgroup_size[i] = value;
  }
}

/* ---- One stage, all stages ----------------------------------------------------------------- */

static rg_result stage_read(reflection_work *work, const reflect_stage *stage, arena *scratch) {
  rg_result result = RG_OK;
  RG_TRY(bindings_read(work, stage, scratch));
  RG_TRY(push_constants_read(work, stage));
  RG_TRY(locations_read(work, stage));
  RG_TRY(constants_read(work, stage));
  workgroup_read(work, stage);
fail:
  return result;
}

/* Opens the module in SPIRV-Cross, reads it, and closes all. */
static rg_result module_reflect(reflection_work *work, const module *from,
                                const shader_stage_code *code, const global_list *globals,
                                arena *scratch) {
  reflect_stage stage = {.from = from, .globals = globals, .target = &work->code->arena};
  spvc_context context = NULL;
  spvc_parsed_ir ir = NULL;
  if (spvc_context_create(&context) != SPVC_SUCCESS) {
    return result_no_memory("SPIRV-Cross", code->size);
  }
  rg_result result;
  if (spvc_context_parse_spirv(context, code->words, code->size / 4, &ir) != SPVC_SUCCESS ||
      spvc_context_create_compiler(context, SPVC_BACKEND_NONE, ir, SPVC_CAPTURE_MODE_TAKE_OWNERSHIP,
                                   &stage.compiler) != SPVC_SUCCESS ||
      spvc_compiler_set_entry_point(stage.compiler, code->entry_point,
                                    (SpvExecutionModel)from->stage->model) != SPVC_SUCCESS) {
    result = result_set(RG_ERROR_COMPILE, "%s: error: cannot be reflected: %s", from->name,
                        spvc_context_get_last_error_string(context));
  } else {
    result = stage_read(work, &stage, scratch);
  }
  spvc_context_destroy(context);
  return result;
}

static int binding_compare(const void *left, const void *right) {
  const rg_binding *a = left, *b = right;
  return a->set != b->set ? (a->set > b->set) - (a->set < b->set)
                          : (a->binding > b->binding) - (a->binding < b->binding);
}

static int input_compare(const void *left, const void *right) {
  const rg_vertex_input *a = left, *b = right;
  return (a->location > b->location) - (a->location < b->location);
}

static int output_compare(const void *left, const void *right) {
  const rg_fragment_output *a = left, *b = right;
  return a->location != b->location ? (a->location > b->location) - (a->location < b->location)
                                    : (a->index > b->index) - (a->index < b->index);
}

static int constant_compare(const void *left, const void *right) {
  const rg_constant *a = left, *b = right;
  return (a->id > b->id) - (a->id < b->id);
}

static void sort(void *items, uint32_t count, size_t size,
                 int (*compare)(const void *left, const void *right)) {
  if (count > 0) {
    qsort(items, count, size, compare);
  }
}

static void lists_publish(reflection_work *work) {
  reflection_lists *lists = &work->lists;
  rg_reflection *out = &work->code->reflection;
  sort(lists->bindings, lists->binding_count, sizeof *lists->bindings, binding_compare);
  sort(lists->inputs, lists->input_count, sizeof *lists->inputs, input_compare);
  sort(lists->outputs, lists->output_count, sizeof *lists->outputs, output_compare);
  sort(lists->constants, lists->constant_count, sizeof *lists->constants, constant_compare);
  out->bindings = lists->bindings;
  out->binding_count = lists->binding_count;
  out->vertex_inputs = lists->inputs;
  out->vertex_input_count = lists->input_count;
  out->fragment_outputs = lists->outputs;
  out->fragment_output_count = lists->output_count;
  out->constants = lists->constants;
  out->constant_count = lists->constant_count;
  out->push_constants = lists->push_constants;
}

rg_result reflect_shader(shader_code *code, const char *const *names, const global_list *globals,
                         arena *scratch, text *errors) {
  reflection_work work = {.code = code, .errors = errors};
  for (uint32_t i = 0; i < code->stage_count; i++) {
    const shader_stage_code *stage = &code->stages[i];
    module from = {.stage = stage_find(stage->stage), .name = names[i]};
    from.words = (uint32_t *)stage->words; /* only read */
    from.count = (uint32_t)(stage->size / sizeof *stage->words);
    rg_result result = module_init(&from, scratch, stage->entry_point);
    if (result == RG_OK) {
      result = module_reflect(&work, &from, stage, &globals[i], scratch);
    }
    if (result != RG_OK) {
      return result;
    }
    code->reflection.stages |= stage->stage;
  }
  lists_publish(&work);
  return RG_OK;
}
