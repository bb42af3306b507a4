/* From GLSL or SPIR-V to checked modules and their reflection: the face of this folder. Knows no
 * device. */
#ifndef RG_SHADER_BUILD_H
#define RG_SHADER_BUILD_H

#include "base/file.h"
#include "base/host_memory.h"
#include "base/log.h"

#define SHADER_MAX_SOURCE (4u << 20) /* bytes of one stage after includes */

/* What to build for, and from where. */
typedef struct shader_context {
  host_memory *memory;
  const logger *logger;
  file_roots *roots;    /* of stage files and includes */
  uint32_t api_version; /* VK_API_VERSION_1_2 or 1_3: chooses the SPIR-V version (1.5, 1.6) */
} shader_context;

typedef struct shader_stage_code {
  VkShaderStageFlagBits stage;
  const char *entry_point;
  const uint32_t *words;
  size_t size; /* bytes */
} shader_stage_code;

/* A built shader; all of it lives in the arena. */
typedef struct shader_code {
  arena arena;
  const char *label; /* the descriptor's, or the first stage's file, or "shader" */
  shader_stage_code stages[RG_MAX_STAGES];
  uint32_t stage_count;
  rg_reflection reflection; /* of all stages together */
} shader_code;

/* glslang's process-wide start, counted. Each engine starts once and stops once. */
RG_NODISCARD rg_result shader_start(void);
void shader_stop(void);

/* Reads, expands includes, compiles, links, assigns names to numbers, validates, reflects. The
 * caller frees *out with shader_code_finish. Errors as rg_shader_create's. Any thread; compiles on
 * a thread of its own with a large stack. */
RG_NODISCARD rg_result shader_build(const shader_context *context, const rg_shader_desc *desc,
                                    shader_code *out);
void shader_code_finish(shader_code *code); /* zeroed code is allowed */

/* The built-in GLSL of shaders/, by its name after "regolith/", or NULL. Static; size without the
 * final zero. */
typedef struct shader_builtin {
  const char *name; /* "pbr.frag" */
  const char *text;
  size_t size;
} shader_builtin;
const shader_builtin *shader_builtin_find(const char *name);

#endif
