/* Look-up in the built-in GLSL. */
#include "builtin.h"

#include <string.h>

const shader_builtin *shader_builtin_find(const char *name) {
  for (size_t i = 0; i < shader_builtin_count; i++) {
    if (strcmp(shader_builtins[i].name, name) == 0) {
      return &shader_builtins[i];
    }
  }
  return NULL;
}
