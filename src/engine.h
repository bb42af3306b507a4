/* The one struct with every subsystem. */
#ifndef RG_ENGINE_H
#define RG_ENGINE_H

#include "resource/resources.h"

struct rg_engine {
  resources resources;      /* first, so that resources_of and gpu_of work */
  bool has_shader_compiler; /* shader_start succeeded */
};

#endif
