/* What a preprocessed stage declares, as its text tells: what glslang does not hand on. */
#ifndef RG_SHADER_GLOBALS_H
#define RG_SHADER_GLOBALS_H

#include "base/host_memory.h"

/* An input, output, uniform or buffer at global scope, in the order of their declarations. */
typedef struct global_decl {
  const char *name; /* of the variable, or of the block */
  bool has_binding; /* layout(binding = …) is written */
  bool has_set;
} global_decl;

/* A member of a block or struct that is a boolean, or a vector of them. */
typedef struct global_bool {
  const char *owner; /* the block's or struct's name */
  const char *name;
} global_bool;

typedef struct global_list {
  global_decl *items;
  uint32_t count, capacity;
  global_bool *bools;
  uint32_t bool_count, bool_capacity;
  bool has_size_id; /* a workgroup size is a specialisation constant */
} global_list;

/* text: preprocessed, with a final zero; NULL gives none. All in the arena. */
RG_NODISCARD rg_result globals_find(arena *scratch, const char *text, global_list *out);

/* The declaration of that name, or NULL. */
const global_decl *globals_get(const global_list *list, const char *name);

/* Whether the block's or struct's member is declared as a boolean: SPIR-V has it as an integer. */
bool globals_is_bool(const global_list *list, const char *owner, const char *name);

/* Every name that the text seems to declare, and GLSL's own most used ones, for "did you mean".
 * NULL when out of memory. */
const char *const *globals_names(arena *scratch, const char *text, uint32_t *count);

#endif
