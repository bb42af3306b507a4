/* What a module's variables bind: descriptor types, images and counts, for link and reflection. */
#ifndef RG_SHADER_RESOURCE_H
#define RG_SHADER_RESOURCE_H

#include "module.h"

typedef struct shader_resource {
  const module *module;
  uint32_t id;      /* of the variable */
  uint32_t type;    /* its type's id, without arrays */
  const char *name; /* the variable's, or the block's */
  VkDescriptorType descriptor;
  uint32_t set;
  uint32_t binding;
  uint32_t count; /* array elements; 1 where it is no array, 0 for a runtime array */
  VkImageViewType view_type;
  rg_scalar scalar;
  bool is_block;
  bool is_shadow;
  bool is_multisampled;
  bool is_readonly;
} shader_resource;

typedef struct resource_list {
  shader_resource *items;
  uint32_t count, capacity;
} resource_list;

/* Appends the module's uniforms, buffers, images and samplers. */
RG_NODISCARD rg_result resources_find(arena *scratch, const module *from, resource_list *list);

/* Whether one descriptor can serve both. */
bool resource_is_compatible(const shader_resource *a, const shader_resource *b);
/* Whether both have the same type as far as one name may have it. */
bool resource_is_same(const shader_resource *a, const shader_resource *b);
/* "sampler2D"-like words for messages: "combined image sampler", "uniform buffer". */
const char *resource_type_name(VkDescriptorType type);

/* The scalar of a SPIR-V type of numbers; RG_SCALAR_NONE for others. */
rg_scalar module_scalar(const module *self, uint32_t type);

#endif
