/* What can be said against a declaration before there is a device to try it on. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "gpu/resource.h"
#include "library.h"
#include "schema.h"

static rg_result refuse(const char *where, const char *message) {
  return result_set(RG_ERROR_INVALID_ARGUMENT, "%s: %s", where, message);
}

static bool is_empty(const char *string) {
  return string == NULL || string[0] == '\0';
}

/* ---- Textures ------------------------------------------------------------------------------ */

static rg_result check_texture(const char *where, const rg_texture_desc *desc) {
  if (desc->file != NULL && desc->file[0] == '\0') {
    return refuse(where, "file is empty");
  }
  if (desc->file != NULL && (desc->width != 0 || desc->height != 0 || desc->data != NULL)) {
    return refuse(where, "width, height and data come from the file and must not be given with it");
  }
  if (desc->file == NULL && (desc->width == 0 || desc->height == 0)) {
    return refuse(where, desc->width == 0 ? "width is 0; it is required without file"
                                          : "height is 0; it is required without file");
  }
  if ((desc->data == NULL) != (desc->data_size == 0)) {
    return refuse(where, desc->data == NULL ? "data_size is given without data"
                                            : "data_size is 0, but data is given");
  }
  return RG_OK;
}

/* ---- Shaders ------------------------------------------------------------------------------- */

static rg_result check_stage(const char *where, uint32_t index, const rg_stage_desc *stage) {
  char place[220];
  snprintf(place, sizeof place, "%s: stages[%" PRIu32 "]", where, index);
  rg_result result = schema_check(rg_schema_find("stage"), stage, place);
  if (result != RG_OK) {
    return result;
  }
  int sources = (stage->file != NULL) + (stage->source != NULL) + (stage->spirv != NULL);
  if (sources != 1) {
    return refuse(place, sources == 0 ? "needs one of file, source and spirv"
                                      : "has more than one of file, source and spirv");
  }
  if (stage->file == NULL && stage->stage == 0) {
    return refuse(place, "stage is required with source or spirv");
  }
  if (stage->spirv != NULL && (stage->spirv_size == 0 || stage->spirv_size % 4 != 0)) {
    return result_set(RG_ERROR_INVALID_ARGUMENT,
                      "%s: spirv_size %" PRIu64 " is no multiple of 4 above 0", place,
                      stage->spirv_size);
  }
  return RG_OK;
}

static rg_result check_stage_is_new(const char *where, const rg_shader_desc *desc, uint32_t index) {
  const rg_field *field = rg_schema_field(rg_schema_find("stage"), "stage");
  VkShaderStageFlagBits stage = desc->stages[index].stage;
  for (uint32_t i = 0; stage != 0 && i < index; i++) {
    if (desc->stages[i].stage == stage) {
      return result_set(RG_ERROR_INVALID_ARGUMENT,
                        "%s: stages[%" PRIu32 "] and stages[%" PRIu32 "] are both %s", where, i,
                        index, schema_value_name(field->names, (uint32_t)stage));
    }
  }
  return RG_OK;
}

static rg_result check_shader(const char *where, const rg_shader_desc *desc) {
  rg_result result = RG_OK;
  if (desc->stage_count == 0 || desc->stage_count > RG_MAX_STAGES) {
    return result_set(RG_ERROR_INVALID_ARGUMENT, "%s: %" PRIu32 " stages are not 1 to %d", where,
                      desc->stage_count, RG_MAX_STAGES);
  }
  for (uint32_t i = 0; i < desc->stage_count; i++) {
    RG_TRY(check_stage(where, i, &desc->stages[i]));
    RG_TRY(check_stage_is_new(where, desc, i));
  }
  for (uint32_t i = 0; i < desc->define_count; i++) {
    if (desc->defines == NULL || is_empty(desc->defines[i].name)) {
      return refuse(where, "a define has no name");
    }
  }
  for (uint32_t i = 0; i < desc->keyword_count; i++) {
    if (desc->keywords == NULL || is_empty(desc->keywords[i].name)) {
      return refuse(where, "a keyword has no name");
    }
    if (!isfinite(desc->keywords[i].value)) {
      return refuse(where, "a keyword is not a finite number");
    }
  }
  return RG_OK;
fail:
  return result;
}

/* ---- Materials ----------------------------------------------------------------------------- */

const void *parameter_components(const rg_parameter *parameter) {
  return parameter->data != NULL ? parameter->data : &parameter->value;
}

/* The name of what is wrong with a component, or NULL. */
static const char *component_fault(const rg_parameter *parameter, uint32_t index) {
  const void *components = parameter_components(parameter);
  if (parameter->kind == RG_VALUE_NUMBERS) {
    return isfinite(((const double *)components)[index]) ? NULL : "is not finite";
  }
  if (parameter->kind == RG_VALUE_FLOATS) {
    return isfinite(((const float *)components)[index]) ? NULL : "is not finite";
  }
  if (parameter->kind == RG_VALUE_BOOLS) {
    return ((const uint32_t *)components)[index] <= 1 ? NULL : "is neither 0 nor 1";
  }
  return NULL;
}

static rg_result check_components(const char *where, const rg_parameter *parameter) {
  if (parameter->count == 0) {
    return refuse(where, "has a count of 0");
  }
  uint32_t inside = parameter->kind == RG_VALUE_NUMBERS
                        ? sizeof parameter->value.numbers / sizeof parameter->value.numbers[0]
                        : sizeof parameter->value.floats / sizeof parameter->value.floats[0];
  if (parameter->data == NULL && parameter->count > inside) {
    return result_set(RG_ERROR_INVALID_ARGUMENT,
                      "%s: %" PRIu32 " components need data; value holds %" PRIu32, where,
                      parameter->count, inside);
  }
  for (uint32_t i = 0; i < parameter->count; i++) {
    const char *fault = component_fault(parameter, i);
    if (fault != NULL) {
      return result_set(RG_ERROR_INVALID_ARGUMENT, "%s: component %" PRIu32 " of %" PRIu32 " %s",
                        where, i, parameter->count, fault);
    }
  }
  return RG_OK;
}

static rg_result check_reference(const char *where, const rg_parameter *parameter) {
  if (parameter->count != 1) {
    return result_set(RG_ERROR_INVALID_ARGUMENT,
                      "%s: count %" PRIu32 " is not 1, as textures and buffers have", where,
                      parameter->count);
  }
  if (parameter->kind == RG_VALUE_DECLARED) {
    return is_empty(parameter->value.declared) ? refuse(where, "names nothing") : RG_OK;
  }
  rg_type wanted = parameter->kind == RG_VALUE_TEXTURE ? RG_TYPE_TEXTURE : RG_TYPE_BUFFER;
  rg_type given = rg_type_of(parameter->value.texture.id);
  if (given != wanted) {
    return result_set(RG_ERROR_WRONG_TYPE, "%s: a %s handle is given where a %s is wanted", where,
                      rg_type_name(given), rg_type_name(wanted));
  }
  return RG_OK;
}

static rg_result check_parameter(const char *material, const rg_parameter *parameter) {
  if (is_empty(parameter->name)) {
    return refuse(material, "a parameter has no name");
  }
  char where[320];
  snprintf(where, sizeof where, "%s: parameter '%.128s'", material, parameter->name);
  switch (parameter->kind) {
    case RG_VALUE_NUMBERS:
    case RG_VALUE_FLOATS:
    case RG_VALUE_INTS:
    case RG_VALUE_UINTS:
    case RG_VALUE_BOOLS: return check_components(where, parameter);
    case RG_VALUE_TEXTURE:
    case RG_VALUE_BUFFER:
    case RG_VALUE_DECLARED: return check_reference(where, parameter);
  }
  return result_set(RG_ERROR_INVALID_ARGUMENT, "%s: kind %d is no rg_value_kind", where,
                    (int)parameter->kind);
}

static rg_result check_material(const char *where, const rg_material_desc *desc) {
  rg_result result = RG_OK;
  if (desc->shader.id != 0 && desc->shader_name != NULL) {
    return refuse(where, "has both a shader's handle and its name");
  }
  if (desc->parent.id != 0 && desc->parent_name != NULL) {
    return refuse(where, "has both a parent's handle and its name");
  }
  bool has_shader = desc->shader.id != 0 || !is_empty(desc->shader_name);
  bool has_parent = desc->parent.id != 0 || !is_empty(desc->parent_name);
  if (!has_shader && !has_parent) {
    return refuse(where, "needs a shader, or a material to inherit from");
  }
  if (desc->parameter_count > 0 && desc->parameters == NULL) {
    return refuse(where, "parameters is NULL, but parameter_count is not 0");
  }
  if (desc->state != NULL) {
    RG_TRY(schema_check(rg_schema_find("state"), desc->state, where));
  }
  for (uint32_t i = 0; i < desc->parameter_count; i++) {
    RG_TRY(check_parameter(where, &desc->parameters[i]));
  }
  return RG_OK;
fail:
  return result;
}

/* ---- All ----------------------------------------------------------------------------------- */

rg_result declaration_check(rg_type type, const char *name, const void *desc) {
  rg_result result = RG_OK;
  if (is_empty(name)) {
    return refuse(rg_type_name(type), "a declaration needs a name");
  }
  resource_name where = resource_title(type, name, 0);
  if (type == RG_TYPE_SHADER && strncmp(name, LIBRARY_RESERVED, strlen(LIBRARY_RESERVED)) == 0) {
    return refuse(where.text, "names that begin with \"" LIBRARY_RESERVED "\" are built in");
  }
  RG_TRY(schema_check(rg_schema_find(rg_type_name(type)), desc, where.text));
  if (type == RG_TYPE_TEXTURE) {
    RG_TRY(check_texture(where.text, desc));
  } else if (type == RG_TYPE_SHADER) {
    RG_TRY(check_shader(where.text, desc));
  } else if (type == RG_TYPE_MATERIAL) {
    RG_TRY(check_material(where.text, desc));
  }
  return RG_OK;
fail:
  return result;
}
