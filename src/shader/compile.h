/* glslang's C interface, used so that its traps stay shut. */
#ifndef RG_SHADER_COMPILE_H
#define RG_SHADER_COMPILE_H

#include <glslang/Include/glslang_c_interface.h>

#include "globals.h"
#include "messages.h"
#include "stage.h"

/* One GLSL stage on its way to SPIR-V. Zero but for info, name and text. */
typedef struct glsl_stage {
  const stage_info *info;
  const char *name; /* for messages */
  source *text;     /* expanded */
  glslang_shader_t *shader;
  global_list globals;
  uint32_t *words; /* in the arena */
  uint32_t word_count;
} glsl_stage;

/* Parses one stage. What is wrong with it goes to sink->errors and is no failure of the call. */
RG_NODISCARD rg_result compile_stage(glsl_stage *stage, arena *scratch, message_sink *sink);

/* Links the stages, all parsed without errors, and generates their words, without locations and
 * with binding 0 where the text has none. */
RG_NODISCARD rg_result compile_program(glsl_stage *const *stages, uint32_t count, const char *label,
                                       arena *scratch, message_sink *sink);

void compile_finish(glsl_stage *stage); /* a zeroed or half-made stage is allowed */

#endif
