/* Shaders as resources: built code, its modules and layouts behind a handle. */
#ifndef RG_RESOURCE_SHADER_H
#define RG_RESOURCE_SHADER_H

#include "gpu/gpu.h"
#include "shader/build.h"

#define SHADER_NO_SET UINT32_MAX
#define SHADER_MAX_PARAMETERS 65536u
#define SHADER_MAX_KEYWORDS 1024u

/* One material parameter. Members take one cell; a texture or buffer array one an element. Cells
 * index what a material keeps: its handles, and whether it overrides its parent's. */
typedef struct shader_parameter {
  rg_parameter_info info;
  uint32_t offset; /* bytes into the block, of members */
  uint32_t first_cell;
  uint32_t cell_count;
  _Atomic bool is_warned; /* that no stage reads it, to the log */
} shader_parameter;

typedef struct shader {
  resource resource;
  shader_code code;
  VkShaderModule modules[RG_MAX_STAGES];
  rg_shader_layout layout;
  const VkSpecializationInfo *keywords; /* for all stages, in the code's arena; NULL for none */
  uint32_t material_set;   /* which descriptor set is the materials'; SHADER_NO_SET for none */
  const rg_binding *block; /* the Material block in it, or NULL */
  shader_parameter
      *parameters; /* in the code's arena: the block's members, then the set's other bindings */
  uint32_t parameter_count;
  uint32_t member_count; /* of the parameters: those of the block */
  uint32_t cell_count;
  uint32_t *by_name; /* open addressing: parameter index plus one; 0 marks an empty place */
  uint32_t by_name_mask;
} shader;

typedef struct shaders {
  slots slots;
} shaders;

struct resources;
void shaders_init(struct resources *resources);
void shaders_finish(struct resources *resources);

/* Chooses the material set and lists its parameters into the code's arena. RG_ERROR_LIMIT: more
 * than SHADER_MAX_PARAMETERS. */
RG_NODISCARD rg_result shader_list_parameters(shader *shader);

/* Maps the descriptor's keywords to constant ids and bytes. RG_ERROR_NOT_FOUND names the nearest;
 * RG_ERROR_INVALID_ARGUMENT: a value that the constant's type can't hold, a name given twice. */
RG_NODISCARD rg_result shader_set_keywords(shader *shader, const rg_shader_desc *desc);

/* The parameter of that name; "maps[2]" names one element of an array of textures or buffers.
 * *first and *count: which of its cells. RG_ERROR_NOT_FOUND names the nearest; RG_ERROR_LIMIT: an
 * element beyond the array. where: the material's name. */
RG_NODISCARD rg_result shader_find_parameter(const shader *shader, const char *where,
                                             const char *name, shader_parameter **out,
                                             uint32_t *first, uint32_t *count);

/* The stage infos for pipelines; returns how many. */
uint32_t shader_stage_infos(const shader *shader,
                            VkPipelineShaderStageCreateInfo out[RG_MAX_STAGES]);

#endif
