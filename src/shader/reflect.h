/* What a shader's modules declare, merged over its stages, in the terms of the public header. */
#ifndef RG_SHADER_REFLECT_H
#define RG_SHADER_REFLECT_H

#include <spirv_cross/spirv_cross_c.h>

#include "base/text.h"
#include "build.h"
#include "globals.h"
#include "module.h"
#include "resource.h"

/* Fills code->reflection from its stages' final words, in code's arena. globals[i]: of stage i, for
 * what SPIR-V does not tell. Contradictions between stages go to errors. RG_ERROR_COMPILE: SPIRV-
 * Cross refuses a module. */
RG_NODISCARD rg_result reflect_shader(shader_code *code, const char *const *names,
                                      const global_list *globals, arena *scratch, text *errors);

/* ---- Blocks: reflect_block.c --------------------------------------------------------------- */

/* One stage's module, open in SPIRV-Cross. */
typedef struct reflect_stage {
  const module *from;
  const global_list *globals;
  spvc_compiler compiler;
  arena *target;
} reflect_stage;

/* The block of a variable: members, offsets, activity. */
RG_NODISCARD rg_result reflect_block(const reflect_stage *stage, uint32_t variable, uint32_t type,
                                     rg_block *out);

/* Whether two blocks lay out alike, names included. */
bool reflect_block_equals(const rg_block *a, const rg_block *b);
/* Marks in `block` as active what is active in its equal. */
void reflect_block_activate(rg_block *block, const rg_block *equal);
/* Adds the members of `other` that `block` lacks, in order of offset: push constants are declared
 * by each stage as far as it needs them. */
RG_NODISCARD rg_result reflect_block_unite(arena *target, rg_block *block, const rg_block *other);

#endif
