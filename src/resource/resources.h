/* Everything that is made of GPU objects and files together, as one struct over the gpu. */
#ifndef RG_RESOURCE_RESOURCES_H
#define RG_RESOURCE_RESOURCES_H

#include "gpu/gpu.h"
#include "library.h"
#include "material.h"
#include "set.h"
#include "shader.h"

typedef struct resources {
  gpu gpu; /* first, so that gpu_of works */
  file_roots roots;
  shaders shaders;
  materials materials;
  library library;
  sets sets;
  bool has_layers; /* the members between gpu and here are initialised */
} resources;

/* gpu_init first, then the rest in the order of the members; a half-made one is safe to finish. */
RG_NODISCARD rg_result resources_init(resources *resources, const rg_engine_desc *desc);
void resources_finish(resources *resources);

/* An rg_engine begins with its resources. */
static inline resources *resources_of(rg_engine *engine) {
  return (resources *)(void *)engine;
}

/* For the public functions that the layer itself calls. */
static inline rg_engine *engine_of(resources *resources) {
  return (rg_engine *)(void *)resources;
}

#endif
