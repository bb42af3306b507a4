/* Values of a module's integer constants once its keywords are given: sizes may depend on them. */
#ifndef RG_SHADER_CONSTANT_H
#define RG_SHADER_CONSTANT_H

#include "module.h"

#define CONSTANT_MAX_STEPS 16384u /* shared terms make the work grow as powers of two */
#define CONSTANT_MAX_DEPTH 256u

typedef struct constant_reader {
  const module *from;
  const VkSpecializationInfo *keywords; /* may be NULL */
  uint32_t step_count, depth;           /* over all reads */
} constant_reader;

/* The bits of an integer or boolean constant, or of a component of a vector of them; bits above
 * the type's are 0. False: it is no such constant, divides by 0, or takes too many steps. */
bool constant_read(constant_reader *self, uint32_t id, uint32_t component, uint64_t *out);

/* Whether the lengths of all arrays can be told within those steps. SPIRV-Cross walks their terms
 * without a bound, so a module that fails this must not reach it. */
bool constant_lengths_are_told(const module *module);

#endif
