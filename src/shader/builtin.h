/* The table of built-in GLSL that scripts/embed.cmake generates from shaders/. */
#ifndef RG_SHADER_BUILTIN_H
#define RG_SHADER_BUILTIN_H

#include "build.h"

extern const shader_builtin shader_builtins[];
extern const size_t shader_builtin_count;

#endif
