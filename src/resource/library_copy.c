/* Deep copies of descriptors into a declaration's arena: what the tables list by their table, the
 * arrays behind counts here. Parameters and defines are kept sorted by name, so that all that is
 * written from them is deterministic. */
#include <stdlib.h>
#include <string.h>

#include "gpu/resource.h"
#include "library.h"
#include "schema.h"

static rg_result no_memory(const declaration *declared) {
  return result_set(RG_ERROR_OUT_OF_HOST_MEMORY, "%s: no host memory for its declaration",
                    resource_title(declared->type, declared->name, 0).text);
}

/* ---- Shaders ------------------------------------------------------------------------------- */

static int compare_defines(const void *a, const void *b) {
  return strcmp(((const rg_define *)a)->name, ((const rg_define *)b)->name);
}

static rg_result check_defines_differ(const declaration *declared, const rg_define *defines,
                                      uint32_t count) {
  for (uint32_t i = 1; i < count; i++) {
    if (strcmp(defines[i - 1].name, defines[i].name) == 0) {
      return result_set(RG_ERROR_INVALID_ARGUMENT, "%s: define '%s' is given twice",
                        resource_title(declared->type, declared->name, 0).text, defines[i].name);
    }
  }
  return RG_OK;
}

static rg_result copy_defines(declaration *declared) {
  rg_shader_desc *desc = &declared->desc.shader;
  if (desc->define_count == 0) {
    desc->defines = NULL;
    return RG_OK;
  }
  rg_define *defines =
      arena_copy(&declared->arena, desc->defines, desc->define_count * sizeof *defines);
  if (defines == NULL) {
    return no_memory(declared);
  }
  for (uint32_t i = 0; i < desc->define_count; i++) {
    const char *value = defines[i].value == NULL ? "1" : defines[i].value;
    defines[i].name = arena_strdup(&declared->arena, defines[i].name);
    defines[i].value = arena_strdup(&declared->arena, value);
    if (defines[i].name == NULL || defines[i].value == NULL) {
      return no_memory(declared);
    }
  }
  qsort(defines, desc->define_count, sizeof *defines, compare_defines);
  desc->defines = defines;
  return check_defines_differ(declared, defines, desc->define_count);
}

static int compare_keywords(const void *a, const void *b) {
  return strcmp(((const rg_constant_value *)a)->name, ((const rg_constant_value *)b)->name);
}

static rg_result copy_keywords(declaration *declared) {
  rg_shader_desc *desc = &declared->desc.shader;
  if (desc->keyword_count == 0) {
    desc->keywords = NULL;
    return RG_OK;
  }
  rg_constant_value *keywords =
      arena_copy(&declared->arena, desc->keywords, desc->keyword_count * sizeof *keywords);
  if (keywords == NULL) {
    return no_memory(declared);
  }
  for (uint32_t i = 0; i < desc->keyword_count; i++) {
    keywords[i].name = arena_strdup(&declared->arena, keywords[i].name);
    if (keywords[i].name == NULL) {
      return no_memory(declared);
    }
  }
  qsort(keywords, desc->keyword_count, sizeof *keywords, compare_keywords);
  desc->keywords = keywords;
  for (uint32_t i = 1; i < desc->keyword_count; i++) {
    if (strcmp(keywords[i - 1].name, keywords[i].name) == 0) {
      return result_set(RG_ERROR_INVALID_ARGUMENT, "shader '%s': keyword '%s' is given twice",
                        declared->name, keywords[i].name);
    }
  }
  return RG_OK;
}

static rg_result copy_shader(declaration *declared) {
  rg_result result = RG_OK;
  rg_shader_desc *desc = &declared->desc.shader;
  for (uint32_t i = 0; i < desc->stage_count; i++) {
    RG_TRY(schema_copy(&declared->arena, rg_schema_find("stage"), &desc->stages[i]));
  }
  memset(&desc->stages[desc->stage_count], 0,
         (RG_MAX_STAGES - desc->stage_count) * sizeof desc->stages[0]);
  RG_TRY(copy_defines(declared));
  RG_TRY(copy_keywords(declared));
  return RG_OK;
fail:
  return result;
}

/* ---- Materials ----------------------------------------------------------------------------- */

static int compare_parameters(const void *a, const void *b) {
  return strcmp(((const rg_parameter *)a)->name, ((const rg_parameter *)b)->name);
}

static bool has_components(rg_value_kind kind) {
  return kind != RG_VALUE_TEXTURE && kind != RG_VALUE_BUFFER && kind != RG_VALUE_DECLARED;
}

static bool copy_parameter(arena *into, rg_parameter *parameter) {
  parameter->name = arena_strdup(into, parameter->name);
  if (parameter->kind == RG_VALUE_DECLARED) {
    parameter->value.declared = arena_strdup(into, parameter->value.declared);
    return parameter->name != NULL && parameter->value.declared != NULL;
  }
  if (!has_components(parameter->kind)) {
    parameter->data = NULL;
  } else if (parameter->data != NULL) {
    size_t size = parameter->kind == RG_VALUE_NUMBERS ? sizeof(double) : sizeof(float);
    parameter->data = arena_copy(into, parameter->data, parameter->count * size);
    return parameter->name != NULL && parameter->data != NULL;
  }
  return parameter->name != NULL;
}

static rg_result check_parameters_differ(const rg_material_desc *desc) {
  for (uint32_t i = 1; i < desc->parameter_count; i++) {
    if (strcmp(desc->parameters[i - 1].name, desc->parameters[i].name) == 0) {
      return result_set(RG_ERROR_INVALID_ARGUMENT, "material '%s': parameter '%s' is given twice",
                        desc->name, desc->parameters[i].name);
    }
  }
  return RG_OK;
}

static rg_result copy_parameters(declaration *declared) {
  rg_material_desc *desc = &declared->desc.material;
  if (desc->parameter_count == 0) {
    desc->parameters = NULL;
    return RG_OK;
  }
  rg_parameter *parameters =
      arena_copy(&declared->arena, desc->parameters, desc->parameter_count * sizeof *parameters);
  if (parameters == NULL) {
    return no_memory(declared);
  }
  for (uint32_t i = 0; i < desc->parameter_count; i++) {
    if (!copy_parameter(&declared->arena, &parameters[i])) {
      return no_memory(declared);
    }
  }
  qsort(parameters, desc->parameter_count, sizeof *parameters, compare_parameters);
  desc->parameters = parameters;
  return check_parameters_differ(desc);
}

static rg_result copy_material(declaration *declared) {
  rg_material_desc *desc = &declared->desc.material;
  if (desc->state != NULL) {
    desc->state = arena_copy(&declared->arena, desc->state, sizeof *desc->state);
    if (desc->state == NULL) {
      return no_memory(declared);
    }
  }
  return copy_parameters(declared);
}

/* ---- All ----------------------------------------------------------------------------------- */

rg_result declaration_copy(declaration *declared, const void *desc) {
  rg_result result = RG_OK;
  const rg_schema *schema = rg_schema_find(rg_type_name(declared->type));
  memcpy(&declared->desc, desc, schema->size);
  RG_TRY(schema_copy(&declared->arena, schema, &declared->desc));
  if (declared->type == RG_TYPE_SHADER) {
    RG_TRY(copy_shader(declared));
  } else if (declared->type == RG_TYPE_MATERIAL) {
    RG_TRY(copy_material(declared));
  }
  return RG_OK;
fail:
  return result;
}
