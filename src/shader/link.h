/* Names to numbers: where a stage's text leaves out locations and bindings, they are given by
 * name, alike in all stages, and the interfaces between stages are checked.
 *
 * Between stages an input takes the location of the output of its name; what is new to both takes
 * the lowest free one, in order of name. Vertex inputs and fragment outputs are numbered in order
 * of their declarations. Resources take the lowest free binding of their set (set 0 unless
 * written) in order of name. What is written stays. */
#ifndef RG_SHADER_LINK_H
#define RG_SHADER_LINK_H

#include "base/text.h"
#include "globals.h"
#include "module.h"

#define LINK_MAX_LOCATION 1024

/* The stages of one shader; globals[i] belongs to modules[i], empty for SPIR-V from outside. */
typedef struct link_stages {
  const char *label;
  module *modules;
  const global_list *globals;
  uint32_t count;
  arena *scratch;
  text *errors; /* what is wrong with the shader, a line each */
} link_stages;

/* Both decorate the modules. They fail only when out of memory; errors are in stages->errors. */
RG_NODISCARD rg_result link_varyings(const link_stages *stages);
RG_NODISCARD rg_result link_bindings(const link_stages *stages);

#endif
