/* The shader stages: one table for their names, file endings and the libraries' own numbers. */
#ifndef RG_SHADER_STAGE_H
#define RG_SHADER_STAGE_H

#include <regolith/regolith.h>

typedef struct stage_info {
  VkShaderStageFlagBits stage;
  const char *name;   /* "fragment" */
  const char *ending; /* "frag" */
  int glslang;        /* glslang_stage_t */
  uint32_t model;     /* SpvExecutionModel */
  uint32_t model_nv;  /* the vendor's own, or the same */
  int order;          /* along the graphics pipeline; 0 outside of it */
} stage_info;

/* The stage of that single bit, or NULL. */
const stage_info *stage_find(VkShaderStageFlagBits stage);
/* By the file's ending: "a/b.frag", "b.frag.glsl"; NULL where it tells nothing. */
const stage_info *stage_of_file(const char *file);
/* The i-th stage from 0, or NULL past the last. */
const stage_info *stage_at(uint32_t index);

#endif
