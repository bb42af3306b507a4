/* One pass over a module's instructions, then look-ups. */
#include "module.h"

#include <spirv_cross/spirv.h>
#include <string.h>

#include "base/result.h"
#include "base/text.h"
#include "list.h"

#define HEADER_WORDS 5

/* An OpName, OpMemberName, OpDecorate or OpMemberDecorate of an id. */
typedef struct module_note {
  uint32_t at;   /* the instruction's index */
  uint32_t next; /* in notes, or MODULE_NONE */
} module_note;

static uint32_t opcode_at(const module *self, uint32_t at) {
  return self->words[at] & 0xFFFF;
}

static uint32_t length_at(const module *self, uint32_t at) {
  return self->words[at] >> 16;
}

static rg_result note_add(module *self, uint32_t at) {
  uint32_t id = length_at(self, at) < 3 ? MODULE_NONE : self->words[at + 1];
  if (id >= self->bound) {
    return RG_OK;
  }
  module_note *notes =
      list_grow(self->scratch, self->notes, sizeof *notes, self->note_count, &self->note_capacity);
  if (notes == NULL) {
    return RG_ERROR_OUT_OF_HOST_MEMORY;
  }
  self->notes = notes;
  notes[self->note_count] = (module_note){.at = at, .next = self->note[id]};
  self->note[id] = self->note_count++;
  return RG_OK;
}

static rg_result variable_add(module *self, uint32_t at) {
  uint32_t pointer = self->words[at + 1], id = self->words[at + 2];
  module_variable *variables = list_grow(self->scratch, self->variables, sizeof *variables,
                                         self->variable_count, &self->variable_capacity);
  if (variables == NULL) {
    return RG_ERROR_OUT_OF_HOST_MEMORY;
  }
  self->variables = variables;
  self->variable[id] = self->variable_count;
  variables[self->variable_count++] = (module_variable){
      .id = id, .type = module_operand(self, pointer, 2), .storage = self->words[at + 3]};
  return RG_OK;
}

static bool is_type(uint32_t opcode) {
  return (opcode >= SpvOpTypeVoid && opcode <= SpvOpTypeForwardPointer) ||
         opcode == SpvOpTypeAccelerationStructureKHR || opcode == SpvOpTypeRayQueryKHR;
}

static bool is_constant(uint32_t opcode) {
  return opcode >= SpvOpConstantTrue && opcode <= SpvOpSpecConstantOp;
}

/* Notes what an instruction before the functions tells. */
static rg_result declaration_add(module *self, uint32_t at) {
  uint32_t opcode = opcode_at(self, at), length = length_at(self, at);
  bool is_declaration = is_type(opcode) || is_constant(opcode) || opcode == SpvOpVariable;
  if (opcode == SpvOpName || opcode == SpvOpMemberName || opcode == SpvOpDecorate ||
      opcode == SpvOpMemberDecorate) {
    return note_add(self, at);
  }
  if (!is_declaration || length < (is_type(opcode) ? 2u : 3u)) {
    return RG_OK;
  }
  if (self->types_start == 0) {
    self->types_start = at;
  }
  uint32_t id = self->words[at + (is_type(opcode) ? 1 : 2)];
  if (id < self->bound && opcode != SpvOpTypeForwardPointer) {
    self->definition[id] = at;
    if (opcode == SpvOpVariable && length >= 4) {
      return variable_add(self, at);
    }
  }
  return RG_OK;
}

static void use_mark(module *self, uint32_t id) {
  if (id < self->bound && self->variable[id] != MODULE_NONE) {
    self->variables[self->variable[id]].is_used = true;
  }
}

/* Marks the variables that an instruction of a function names, by the operands that may. */
static void uses_mark(module *self, uint32_t at) {
  uint32_t first = 0, end = length_at(self, at);
  switch (opcode_at(self, at)) {
    case SpvOpStore:
    case SpvOpCopyMemory: first = 1; break;
    case SpvOpLoad:
    case SpvOpAccessChain:
    case SpvOpInBoundsAccessChain:
    case SpvOpPtrAccessChain:
    case SpvOpArrayLength:
    case SpvOpCopyObject:
    case SpvOpImageTexelPointer:
      first = 3;
      end = end < 4 ? end : 4;
      break;
    case SpvOpFunctionCall: first = 4; break;
    case SpvOpExtInst: first = 5; break;
    default: return;
  }
  for (uint32_t i = first; i < end; i++) {
    use_mark(self, self->words[at + i]);
  }
}

/* glslang writes instructions of more than 65,535 words without a word of warning. */
static rg_result word_broken(const module *self, uint32_t at) {
  return result_set(
      RG_ERROR_COMPILE, "%s: error: %s: word %u begins no instruction", self->name,
      self->is_glsl ? "too large for SPIR-V (an array of over 65,532 elements?)" : "not SPIR-V",
      at);
}

static rg_result words_index(module *self) {
  bool is_function = false;
  uint32_t at = HEADER_WORDS;
  while (at < self->count) {
    uint32_t length = length_at(self, at);
    if (length == 0 || length > self->count - at) {
      return word_broken(self, at);
    }
    is_function = is_function || opcode_at(self, at) == SpvOpFunction;
    if (is_function) {
      uses_mark(self, at);
    } else {
      rg_result result = declaration_add(self, at);
      if (result != RG_OK) {
        return result;
      }
    }
    at += length;
  }
  self->types_start = self->types_start == 0 ? self->count : self->types_start;
  return RG_OK;
}

/* ---- Entry points -------------------------------------------------------------------------- */

/* The string at a word, or "" where it does not end within the instruction. */
static const char *string_at(const module *self, uint32_t at, uint32_t end) {
  const char *string = (const char *)&self->words[at];
  size_t room = at < end ? (size_t)(end - at) * 4 : 0;
  return room > 0 && memchr(string, 0, room) != NULL ? string : "";
}

static bool is_entry_of_stage(const module *self, uint32_t at) {
  uint32_t model = self->words[at + 1];
  return model == self->stage->model || model == self->stage->model_nv;
}

static rg_result entry_missing(const module *self, const char *entry_point) {
  text list;
  text_init(&list, self->scratch->memory);
  for (uint32_t at = HEADER_WORDS; at < self->count; at += length_at(self, at)) {
    if (opcode_at(self, at) == SpvOpEntryPoint) {
      const char *name = string_at(self, at + 3, at + length_at(self, at));
      text_printf(&list, "%s'%s'%s", list.length == 0 ? "" : ", ", name,
                  is_entry_of_stage(self, at) ? "" : " (of another stage)");
    }
  }
  rg_result result =
      result_set(RG_ERROR_COMPILE, "%s: error: no %s entry point '%s'; there are: %s", self->name,
                 self->stage->name, entry_point, list.length == 0 ? "none" : list.data);
  text_finish(&list);
  return result;
}

/* Leaves only the variables that the entry point lists: from SPIR-V 1.4 on these are all it uses,
 * before that its inputs and outputs. */
static void variables_filter(module *self, uint32_t entry) {
  uint32_t end = entry + length_at(self, entry);
  uint32_t at = entry + 3 + (uint32_t)strlen(string_at(self, entry + 3, end)) / 4 + 1;
  bool lists_all = self->words[1] >= 0x00010400;
  memset(self->variable, 0xFF, self->bound * sizeof *self->variable);
  for (; at < end; at++) {
    if (self->words[at] < self->bound) {
      self->variable[self->words[at]] = 0;
    }
  }
  uint32_t kept = 0;
  for (uint32_t i = 0; i < self->variable_count; i++) {
    module_variable variable = self->variables[i];
    bool is_io =
        variable.storage == SpvStorageClassInput || variable.storage == SpvStorageClassOutput;
    if ((!lists_all && !is_io) || self->variable[variable.id] == 0) {
      self->variables[kept++] = variable;
    }
  }
  self->variable_count = kept;
}

static rg_result entry_select(module *self, const char *entry_point) {
  for (uint32_t at = HEADER_WORDS; at < self->count; at += length_at(self, at)) {
    if (opcode_at(self, at) == SpvOpEntryPoint && length_at(self, at) >= 4 &&
        is_entry_of_stage(self, at) &&
        strcmp(string_at(self, at + 3, at + length_at(self, at)), entry_point) == 0) {
      variables_filter(self, at);
      self->entry = self->words[at + 2];
      return RG_OK;
    }
  }
  return entry_missing(self, entry_point);
}

rg_result module_init(module *self, arena *scratch, const char *entry_point) {
  self->scratch = scratch;
  if (self->count < HEADER_WORDS || self->words[0] != SpvMagicNumber ||
      self->words[3] > MODULE_MAX_BOUND) {
    return result_set(RG_ERROR_COMPILE, "%s: error: not SPIR-V: bad header", self->name);
  }
  self->bound = self->words[3];
  self->definition = arena_alloc(scratch, self->bound * sizeof *self->definition);
  self->variable = arena_alloc(scratch, self->bound * sizeof *self->variable);
  self->note = arena_alloc(scratch, self->bound * sizeof *self->note);
  if (self->definition == NULL || self->variable == NULL || self->note == NULL) {
    return result_no_memory(self->name, sizeof(uint32_t) * 3 * self->bound);
  }
  memset(self->variable, 0xFF, self->bound * sizeof *self->variable);
  memset(self->note, 0xFF, self->bound * sizeof *self->note);
  rg_result result = words_index(self);
  return result == RG_OK ? entry_select(self, entry_point) : result;
}

/* ---- Look-ups ------------------------------------------------------------------------------ */

static uint32_t note_first(const module *self, uint32_t id) {
  return id < self->bound ? self->note[id] : MODULE_NONE;
}

const char *module_name_of(const module *self, uint32_t id) {
  for (uint32_t i = note_first(self, id); i != MODULE_NONE; i = self->notes[i].next) {
    uint32_t at = self->notes[i].at;
    if (opcode_at(self, at) == SpvOpName) {
      return string_at(self, at + 2, at + length_at(self, at));
    }
  }
  return "";
}

/* The index of the decorating instruction, or 0. */
static uint32_t decoration_find(const module *self, uint32_t id, uint32_t opcode, uint32_t member,
                                uint32_t decoration) {
  uint32_t skip = opcode == SpvOpMemberDecorate ? 1 : 0;
  for (uint32_t i = note_first(self, id); i != MODULE_NONE; i = self->notes[i].next) {
    uint32_t at = self->notes[i].at;
    if (opcode_at(self, at) == opcode && length_at(self, at) >= 3 + skip &&
        (skip == 0 || self->words[at + 2] == member) && self->words[at + 2 + skip] == decoration) {
      return at;
    }
  }
  return 0;
}

uint32_t module_decoration(const module *self, uint32_t id, uint32_t decoration) {
  uint32_t at = decoration_find(self, id, SpvOpDecorate, 0, decoration);
  return at == 0 ? MODULE_NONE : length_at(self, at) > 3 ? self->words[at + 3] : 0;
}

uint32_t module_member_decoration(const module *self, uint32_t id, uint32_t member,
                                  uint32_t decoration) {
  uint32_t at = decoration_find(self, id, SpvOpMemberDecorate, member, decoration);
  return at == 0 ? MODULE_NONE : length_at(self, at) > 4 ? self->words[at + 4] : 0;
}

uint32_t module_opcode(const module *self, uint32_t id) {
  return id < self->bound && self->definition[id] != 0 ? opcode_at(self, self->definition[id]) : 0;
}

uint32_t module_operand_count(const module *self, uint32_t id) {
  return id < self->bound && self->definition[id] != 0 ? length_at(self, self->definition[id]) - 1
                                                       : 0;
}

uint32_t module_operand(const module *self, uint32_t id, uint32_t operand) {
  return operand < module_operand_count(self, id) ? self->words[self->definition[id] + 1 + operand]
                                                  : 0;
}

uint32_t module_constant(const module *self, uint32_t id) {
  uint32_t opcode = module_opcode(self, id);
  bool is_number = opcode == SpvOpConstant || opcode == SpvOpSpecConstant;
  return is_number ? module_operand(self, id, 2) : 1;
}

/* ---- Amending ------------------------------------------------------------------------------ */

static rg_result word_add(module *self, uint32_t word) {
  uint32_t *added = list_grow(self->scratch, self->added, sizeof *added, self->added_count,
                              &self->added_capacity);
  if (added == NULL) {
    return RG_ERROR_OUT_OF_HOST_MEMORY;
  }
  self->added = added;
  added[self->added_count++] = word;
  return RG_OK;
}

rg_result module_decorate(module *self, uint32_t id, uint32_t decoration, uint32_t operand) {
  rg_result result = RG_OK;
  uint32_t at = decoration_find(self, id, SpvOpDecorate, 0, decoration);
  if (at != 0 && length_at(self, at) > 3) {
    self->words[at + 3] = operand;
    return RG_OK;
  }
  RG_TRY(word_add(self, 4u << 16 | SpvOpDecorate));
  RG_TRY(word_add(self, id));
  RG_TRY(word_add(self, decoration));
  RG_TRY(word_add(self, operand));
fail:
  return result;
}

rg_result module_finish(const module *self, arena *target, const uint32_t **words, size_t *size) {
  size_t count = (size_t)self->count + self->added_count;
  uint32_t *copy = arena_alloc(target, count * sizeof *copy);
  if (copy == NULL) {
    return result_no_memory(self->name, count * sizeof *copy);
  }
  uint32_t *at = copy;
  memcpy(at, self->words, self->types_start * sizeof *at);
  at += self->types_start;
  if (self->added_count > 0) {
    memcpy(at, self->added, self->added_count * sizeof *at);
    at += self->added_count;
  }
  memcpy(at, self->words + self->types_start, (self->count - self->types_start) * sizeof *at);
  *words = copy;
  *size = count * sizeof *copy;
  return RG_OK;
}
