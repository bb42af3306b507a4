/* SPIR-V words with an index over them: names, types, variables and decorations, to be read and
 * amended. Only for modules from glslang or past the validator: nothing here is checked again
 * beyond the bounds of the words. Instruction numbers: the SPIR-V specification, section 3. */
#ifndef RG_SHADER_MODULE_H
#define RG_SHADER_MODULE_H

#include "base/host_memory.h"
#include "stage.h"

#define MODULE_NONE UINT32_MAX
#define MODULE_MAX_BOUND 4194304u /* ids: SPIRV-Tools' own limit */

/* A variable of the entry point's interface. */
typedef struct module_variable {
  uint32_t id;
  uint32_t type;    /* what its pointer points to */
  uint32_t storage; /* SpvStorageClass */
  bool is_used;     /* some function reads or writes it */
} module_variable;

typedef struct module {
  arena *scratch;
  const stage_info *stage;
  const char *name; /* the stage's, for messages: "metal.frag" */
  uint32_t *words;
  uint32_t *definition; /* by id: the index of the instruction that defines it, or 0 */
  uint32_t *variable;   /* by id: its index in variables, or MODULE_NONE */
  uint32_t *note;       /* by id: its first name or decoration in notes, or MODULE_NONE */
  struct module_note *notes;
  module_variable *variables;
  uint32_t *added; /* decorations to put at types_start */
  uint32_t count;  /* of words */
  uint32_t bound;  /* ids are below */
  uint32_t entry;  /* the entry point's function */
  uint32_t note_count, note_capacity;
  uint32_t variable_count, variable_capacity;
  uint32_t added_count, added_capacity;
  uint32_t types_start; /* where decorations end */
  bool is_glsl;         /* its numbers may be assigned; SPIR-V from outside stays as it is */
} module;

/* Indexes the words, which stay the caller's and are amended in place. entry_point: its interface
 * decides which variables count. RG_ERROR_COMPILE: the words are no module, or lack the entry
 * point; the message lists those there are. */
RG_NODISCARD rg_result module_init(module *self, arena *scratch, const char *entry_point);

/* The name that OpName gives, or "". */
const char *module_name_of(const module *self, uint32_t id);
/* A decoration's operand: MODULE_NONE where it is missing, 0 for one without an operand. */
uint32_t module_decoration(const module *self, uint32_t id, uint32_t decoration);
uint32_t module_member_decoration(const module *self, uint32_t id, uint32_t member,
                                  uint32_t decoration);

/* The opcode and operands of the instruction that defines an id; operand 0 is the first word after
 * the opcode. 0 past its end. */
uint32_t module_opcode(const module *self, uint32_t id);
uint32_t module_operand(const module *self, uint32_t id, uint32_t operand);
uint32_t module_operand_count(const module *self, uint32_t id);
/* The value of an integer constant, 1 where it is none. */
uint32_t module_constant(const module *self, uint32_t id);

/* Changes a decoration's operand, or adds the decoration. */
RG_NODISCARD rg_result module_decorate(module *self, uint32_t id, uint32_t decoration,
                                       uint32_t operand);

/* The words with what was added, in that arena. */
RG_NODISCARD rg_result module_finish(const module *self, arena *target, const uint32_t **words,
                                     size_t *size);

#endif
