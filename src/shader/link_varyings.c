/* Locations by name, and the check that every input is fed. */
#include <spirv_cross/spirv.h>
#include <stdlib.h>
#include <string.h>

#include "base/result.h"
#include "link.h"
#include "resource.h"

/* One input or output of a stage. */
typedef struct varying {
  const char *name; /* the variable's, or the block's */
  uint32_t id;
  uint32_t type;     /* without the array over vertices */
  uint32_t location; /* MODULE_NONE until it has one */
  uint32_t order;    /* of its declaration */
  uint32_t slots;    /* locations it takes */
  bool is_auto;      /* neither it nor its members have a location in the text */
  bool is_patch;
  bool is_used;
} varying;

typedef struct varying_list {
  module *owner;
  varying *items;
  uint32_t count;
} varying_list;

/* Which components of which locations are taken: bits 0 to 3. */
typedef struct location_map {
  uint8_t components[LINK_MAX_LOCATION];
} location_map;

/* ---- Types --------------------------------------------------------------------------------- */

/* Locations that a type takes; a 64-bit vector of more than two takes two. */
static uint32_t type_slots(const module *from, uint32_t type) {
  uint64_t slots = 0;
  uint32_t inner = module_operand(from, type, 1), count = module_operand(from, type, 2);
  switch (module_opcode(from, type)) {
    case SpvOpTypeVector: return module_operand(from, inner, 1) == 64 && count > 2 ? 2 : 1;
    case SpvOpTypeMatrix: slots = (uint64_t)count * type_slots(from, inner); break;
    case SpvOpTypeArray:
      slots = (uint64_t)module_constant(from, count) * type_slots(from, inner);
      break;
    case SpvOpTypeStruct:
      for (uint32_t i = 1; i < module_operand_count(from, type); i++) {
        slots += type_slots(from, module_operand(from, type, i));
      }
      break;
    default: return 1;
  }
  return slots <= LINK_MAX_LOCATION ? (uint32_t)slots : LINK_MAX_LOCATION + 1;
}

/* Whether two types, of two modules, are the same. */
static bool type_equals(const module *a, uint32_t type_a, const module *b, uint32_t type_b) {
  uint32_t opcode = module_opcode(a, type_a), count = module_operand_count(a, type_a);
  if (opcode != module_opcode(b, type_b) || count != module_operand_count(b, type_b)) {
    return false;
  }
  uint32_t inner_a = module_operand(a, type_a, 1), inner_b = module_operand(b, type_b, 1);
  uint32_t last_a = module_operand(a, type_a, 2), last_b = module_operand(b, type_b, 2);
  switch (opcode) {
    case SpvOpTypeVector:
    case SpvOpTypeMatrix: return last_a == last_b && type_equals(a, inner_a, b, inner_b);
    case SpvOpTypeArray:
      return module_constant(a, last_a) == module_constant(b, last_b) &&
             type_equals(a, inner_a, b, inner_b);
    case SpvOpTypeStruct:
      for (uint32_t i = 1; i < count; i++) {
        if (!type_equals(a, module_operand(a, type_a, i), b, module_operand(b, type_b, i))) {
          return false;
        }
      }
      return true;
    default: return module_scalar(a, type_a) == module_scalar(b, type_b);
  }
}

/* Bits of the components that a scalar or vector takes in its first location. */
static uint8_t type_components(const module *from, uint32_t type, uint32_t first) {
  bool is_vector = module_opcode(from, type) == SpvOpTypeVector;
  uint32_t scalar = is_vector ? module_operand(from, type, 1) : type;
  uint32_t count = is_vector ? module_operand(from, type, 2) : 1;
  count *= module_operand(from, scalar, 1) == 64 ? 2 : 1;
  return (uint8_t)(((1u << (count > 4 ? 4 : count)) - 1) << (first & 3) & 0xF);
}

/* ---- Gathering ----------------------------------------------------------------------------- */

/* Where every vertex has its own, the type is an array over them. */
static bool is_per_vertex(const stage_info *stage, uint32_t storage, bool is_patch) {
  bool is_input = storage == SpvStorageClassInput;
  switch ((int)stage->stage) {
    case VK_SHADER_STAGE_TESSELLATION_CONTROL_BIT: return !is_patch;
    case VK_SHADER_STAGE_TESSELLATION_EVALUATION_BIT: return is_input && !is_patch;
    case VK_SHADER_STAGE_GEOMETRY_BIT: return is_input;
    case VK_SHADER_STAGE_MESH_BIT_EXT: return !is_input;
    default: return false;
  }
}

static bool is_built_in(const module *from, uint32_t id, uint32_t type) {
  while (module_opcode(from, type) == SpvOpTypeArray) {
    type = module_operand(from, type, 1);
  }
  return module_decoration(from, id, SpvDecorationBuiltIn) != MODULE_NONE ||
         module_member_decoration(from, type, 0, SpvDecorationBuiltIn) != MODULE_NONE;
}

static bool has_member_locations(const module *from, uint32_t type) {
  return module_opcode(from, type) == SpvOpTypeStruct &&
         module_member_decoration(from, type, 0, SpvDecorationLocation) != MODULE_NONE;
}

static uint32_t declaration_order(const global_list *globals, const char *name) {
  const global_decl *decl = globals_get(globals, name);
  return decl == NULL ? globals->count : (uint32_t)(decl - globals->items);
}

static varying varying_of(const module *from, const module_variable *variable,
                          const global_list *globals) {
  varying self = {.id = variable->id, .type = variable->type, .is_used = variable->is_used};
  self.is_patch = module_decoration(from, self.id, SpvDecorationPatch) != MODULE_NONE;
  bool is_array = module_opcode(from, self.type) == SpvOpTypeArray;
  bool is_fragment_vertex =
      module_decoration(from, self.id, SpvDecorationPerVertexKHR) != MODULE_NONE;
  if (is_array &&
      (is_fragment_vertex || is_per_vertex(from->stage, variable->storage, self.is_patch))) {
    self.type = module_operand(from, self.type, 1);
  }
  uint32_t block = self.type;
  while (module_opcode(from, block) == SpvOpTypeArray) {
    block = module_operand(from, block, 1);
  }
  bool is_block = module_decoration(from, block, SpvDecorationBlock) != MODULE_NONE;
  self.name = module_name_of(from, is_block ? block : self.id);
  self.location = module_decoration(from, self.id, SpvDecorationLocation);
  self.is_auto =
      from->is_glsl && self.location == MODULE_NONE && !has_member_locations(from, block);
  self.slots = type_slots(from, self.type);
  self.order = declaration_order(globals, self.name);
  return self;
}

static rg_result varyings_gather(const link_stages *stages, uint32_t stage, uint32_t storage,
                                 varying_list *out) {
  module *from = &stages->modules[stage];
  *out = (varying_list){.owner = from};
  out->items = arena_alloc(stages->scratch, from->variable_count * sizeof *out->items);
  if (out->items == NULL) {
    return result_no_memory("shader's varyings", from->variable_count * sizeof *out->items);
  }
  for (uint32_t i = 0; i < from->variable_count; i++) {
    const module_variable *variable = &from->variables[i];
    if (variable->storage == storage && !is_built_in(from, variable->id, variable->type)) {
      out->items[out->count++] = varying_of(from, variable, &stages->globals[stage]);
    }
  }
  return RG_OK;
}

/* ---- Locations ----------------------------------------------------------------------------- */

/* Takes `slots` locations; false where they are over the limit. */
static bool locations_take(location_map *map, uint32_t location, uint32_t slots,
                           uint8_t components) {
  if (location >= LINK_MAX_LOCATION || slots > LINK_MAX_LOCATION - location) {
    return false;
  }
  for (uint32_t i = 0; i < slots; i++) {
    map->components[location + i] |= components;
  }
  return true;
}

static bool type_take(location_map *map, const module *from, uint32_t type, uint32_t location,
                      uint32_t component) {
  uint32_t slots = type_slots(from, type), inner = type;
  uint32_t opcode = module_opcode(from, inner);
  while (opcode == SpvOpTypeArray || opcode == SpvOpTypeMatrix) {
    inner = module_operand(from, inner, 1);
    opcode = module_opcode(from, inner);
  }
  bool is_whole = opcode == SpvOpTypeStruct || type_slots(from, inner) > 1;
  return locations_take(map, location, slots,
                        is_whole ? 0xF : type_components(from, inner, component));
}

/* Takes what a varying with a location, its own or its members', takes. */
static bool varying_take(location_map *map, const module *from, const varying *self) {
  if (self->location != MODULE_NONE) {
    uint32_t component = module_decoration(from, self->id, SpvDecorationComponent);
    return type_take(map, from, self->type, self->location,
                     component == MODULE_NONE ? 0 : component);
  }
  uint32_t block = self->type;
  while (module_opcode(from, block) == SpvOpTypeArray) {
    block = module_operand(from, block, 1);
  }
  bool is_taken = true;
  for (uint32_t i = 0; is_taken && i + 1 < module_operand_count(from, block); i++) {
    uint32_t location = module_member_decoration(from, block, i, SpvDecorationLocation);
    uint32_t component = module_member_decoration(from, block, i, SpvDecorationComponent);
    if (location != MODULE_NONE) {
      is_taken = type_take(map, from, module_operand(from, block, i + 1), location,
                           component == MODULE_NONE ? 0 : component);
    }
  }
  return is_taken;
}

static void list_take(const link_stages *stages, const varying_list *list, location_map *map) {
  for (uint32_t i = 0; i < list->count; i++) {
    if (!list->items[i].is_auto && !varying_take(map, list->owner, &list->items[i])) {
      text_printf(stages->errors, "%s: error: '%s' is at location %u; the limit is %d\n",
                  list->owner->name, list->items[i].name, list->items[i].location,
                  LINK_MAX_LOCATION - 1);
    }
  }
}

/* The lowest location with `slots` free ones, or MODULE_NONE. */
static uint32_t location_find(const location_map *map, uint32_t slots) {
  uint32_t run = 0;
  for (uint32_t i = 0; i < LINK_MAX_LOCATION; i++) {
    run = map->components[i] == 0 ? run + 1 : 0;
    if (run == slots) {
      return i + 1 - slots;
    }
  }
  return MODULE_NONE;
}

static rg_result location_set(varying_list *list, varying *self, uint32_t location) {
  self->location = location;
  return module_decorate(list->owner, self->id, SpvDecorationLocation, location);
}

/* Gives an automatic varying the lowest free locations. */
static rg_result location_assign(const link_stages *stages, varying_list *list, varying *self,
                                 uint32_t slots, location_map *map) {
  uint32_t location = location_find(map, slots);
  if (location == MODULE_NONE) {
    text_printf(stages->errors, "%s: error: '%s' finds no free location; the limit is %d\n",
                list->owner->name, self->name, LINK_MAX_LOCATION - 1);
    return RG_OK;
  }
  (void)locations_take(map, location, slots, 0xF);
  return location_set(list, self, location);
}

/* ---- The outer faces: vertex inputs, fragment outputs -------------------------------------- */

static int varying_compare_order(const void *left, const void *right) {
  const varying *a = left, *b = right;
  int order = (a->order > b->order) - (a->order < b->order);
  return order != 0 ? order : strcmp(a->name, b->name);
}

static int varying_compare_name(const void *left, const void *right) {
  const varying *a = left, *b = right;
  int order = strcmp(a->name, b->name);
  return order != 0 ? order : (a->id > b->id) - (a->id < b->id);
}

static rg_result face_assign(const link_stages *stages, uint32_t stage, uint32_t storage) {
  varying_list list;
  location_map map = {0};
  rg_result result = varyings_gather(stages, stage, storage, &list);
  if (result != RG_OK) {
    return result;
  }
  list_take(stages, &list, &map);
  qsort(list.items, list.count, sizeof *list.items, varying_compare_order);
  for (uint32_t i = 0; i < list.count && result == RG_OK; i++) {
    if (list.items[i].is_auto) {
      result = location_assign(stages, &list, &list.items[i], list.items[i].slots, &map);
    }
  }
  return result;
}

/* ---- Between two stages -------------------------------------------------------------------- */

static varying *varying_find(const varying_list *list, const char *name) {
  varying key = {.name = name};
  uint32_t low = 0, high = list->count;
  while (low < high) {
    uint32_t middle = low + (high - low) / 2;
    if (strcmp(list->items[middle].name, key.name) < 0) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low < list->count && strcmp(list->items[low].name, name) == 0 ? &list->items[low] : NULL;
}

/* Gives the varyings of `list` their locations, together with their namesakes in `other`. */
static rg_result side_assign(const link_stages *stages, varying_list *list, varying_list *other,
                             location_map *map) {
  rg_result result = RG_OK;
  for (uint32_t i = 0; i < list->count && result == RG_OK; i++) {
    varying *self = &list->items[i];
    varying *partner = self->name[0] == '\0' ? NULL : varying_find(other, self->name);
    if (!self->is_auto || self->location != MODULE_NONE) {
      continue;
    }
    if (partner != NULL && partner->location != MODULE_NONE) {
      result = location_set(list, self, partner->location);
      continue;
    }
    bool is_shared = partner != NULL && partner->is_auto;
    uint32_t slots = is_shared && partner->slots > self->slots ? partner->slots : self->slots;
    result = location_assign(stages, list, self, slots, map);
    if (result == RG_OK && is_shared && self->location != MODULE_NONE) {
      result = location_set(other, partner, self->location);
    }
  }
  return result;
}

/* The output whose name is nearest to an input's, or NULL. */
static const char *output_nearest(const link_stages *stages, const varying_list *outputs,
                                  const char *name) {
  const char **names = arena_alloc(stages->scratch, outputs->count * sizeof *names);
  for (uint32_t i = 0; names != NULL && i < outputs->count; i++) {
    names[i] = outputs->items[i].name;
  }
  return names == NULL ? NULL : rg_nearest_name(name, names, outputs->count);
}

static void error_unfed(const link_stages *stages, const varying_list *outputs,
                        const varying_list *inputs, const varying *input) {
  text *errors = stages->errors;
  text_printf(errors, "%s: error: no output of %s feeds the %s input '%s' (location %u); ",
              inputs->owner->name, outputs->owner->name, inputs->owner->stage->name, input->name,
              input->location);
  const char *nearest = output_nearest(stages, outputs, input->name);
  if (nearest != NULL && strcmp(nearest, input->name) != 0) {
    text_printf(errors, "did you mean '%s'?\n", nearest);
    return;
  }
  text_append(errors, outputs->count == 0 ? "it has none" : "its outputs: ");
  for (uint32_t i = 0; i < outputs->count; i++) {
    text_printf(errors, "%s'%s' (location %u)", i == 0 ? "" : ", ", outputs->items[i].name,
                outputs->items[i].location);
  }
  text_append(errors, "\n");
}

/* Whether all locations and components of an input are written. */
static bool is_fed(const location_map *written, const module *from, const varying *input) {
  location_map *read = &(location_map){0};
  (void)varying_take(read, from, input);
  for (uint32_t i = 0; i < LINK_MAX_LOCATION; i++) {
    if ((read->components[i] & ~written->components[i]) != 0) {
      return false;
    }
  }
  return true;
}

/* An output at the input's very place must have the input's type. */
static void types_check(const link_stages *stages, const varying_list *outputs,
                        const varying_list *inputs, const varying *input) {
  uint32_t component = module_decoration(inputs->owner, input->id, SpvDecorationComponent);
  for (uint32_t i = 0; input->location != MODULE_NONE && i < outputs->count; i++) {
    const varying *output = &outputs->items[i];
    bool is_there =
        output->location == input->location &&
        module_decoration(outputs->owner, output->id, SpvDecorationComponent) == component;
    if (is_there && (output->is_patch != input->is_patch ||
                     !type_equals(outputs->owner, output->type, inputs->owner, input->type))) {
      text_printf(stages->errors,
                  "%s: error: the %s input '%s' (location %u) is of another type than the output "
                  "'%s' of %s\n",
                  inputs->owner->name, inputs->owner->stage->name, input->name, input->location,
                  output->name, outputs->owner->name);
    }
  }
}

static void interface_check(const link_stages *stages, const varying_list *outputs,
                            const varying_list *inputs) {
  location_map written = {0};
  for (uint32_t i = 0; i < outputs->count; i++) {
    (void)varying_take(&written, outputs->owner, &outputs->items[i]);
  }
  for (uint32_t i = 0; i < inputs->count; i++) {
    const varying *input = &inputs->items[i];
    if (!input->is_used) {
      continue;
    }
    if (is_fed(&written, inputs->owner, input)) {
      types_check(stages, outputs, inputs, input);
    } else {
      error_unfed(stages, outputs, inputs, input);
    }
  }
}

static rg_result interface_link(const link_stages *stages, uint32_t producer, uint32_t consumer) {
  rg_result result = RG_OK;
  varying_list outputs, inputs;
  location_map map = {0};
  RG_TRY(varyings_gather(stages, producer, SpvStorageClassOutput, &outputs));
  RG_TRY(varyings_gather(stages, consumer, SpvStorageClassInput, &inputs));
  qsort(outputs.items, outputs.count, sizeof *outputs.items, varying_compare_name);
  qsort(inputs.items, inputs.count, sizeof *inputs.items, varying_compare_name);
  list_take(stages, &outputs, &map);
  list_take(stages, &inputs, &map);
  RG_TRY(side_assign(stages, &outputs, &inputs, &map));
  RG_TRY(side_assign(stages, &inputs, &outputs, &map));
  interface_check(stages, &outputs, &inputs);
fail:
  return result;
}

/* The graphics stages in the pipeline's order. */
static uint32_t pipeline_order(const link_stages *stages, uint32_t *order) {
  uint32_t count = 0;
  for (int step = 1; step <= RG_MAX_STAGES; step++) {
    for (uint32_t i = 0; i < stages->count; i++) {
      if (stages->modules[i].stage->order == step) {
        order[count++] = i;
      }
    }
  }
  return count;
}

rg_result link_varyings(const link_stages *stages) {
  uint32_t order[RG_MAX_STAGES];
  uint32_t count = pipeline_order(stages, order);
  if (count == 0) {
    return RG_OK;
  }
  rg_result result = face_assign(stages, order[0], SpvStorageClassInput);
  for (uint32_t i = 1; i < count && result == RG_OK; i++) {
    bool is_from_task = stages->modules[order[i - 1]].stage->stage == VK_SHADER_STAGE_TASK_BIT_EXT;
    if (!is_from_task) {
      result = interface_link(stages, order[i - 1], order[i]);
    }
  }
  return result == RG_OK ? face_assign(stages, order[count - 1], SpvStorageClassOutput) : result;
}
