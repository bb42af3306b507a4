/* Parameters as callers give them, checked and converted before anything changes, and values as
 * callers get them back. */
#include <float.h>
#include <string.h>

#include "material_scalars.h"
#include "resources.h"

static const char *kind_name(rg_value_kind kind) {
  static const char *const names[] = {"numbers", "floats",  "ints",   "uints",
                                      "bools",   "texture", "buffer", "declared name"};
  return (unsigned)kind < sizeof names / sizeof names[0] ? names[kind] : "nothing known";
}

/* The parameter's type for messages: "vec3", "float[4]", "texture". */
static const char *parameter_type(const shader_parameter *parameter) {
  if (parameter->info.member != NULL) {
    return parameter->info.member->type_name;
  }
  return binding_is_buffer(parameter->info.binding) ? "buffer" : "texture";
}

static rg_result check_kind(const char *material, const rg_parameter *value,
                            const shader_parameter *parameter) {
  const rg_member *member = parameter->info.member;
  bool fits = false;
  if (member != NULL) {
    fits = value->kind == RG_VALUE_NUMBERS || value->kind == scalar_kind(member->scalar);
  } else {
    fits = value->kind ==
           (binding_is_buffer(parameter->info.binding) ? RG_VALUE_BUFFER : RG_VALUE_TEXTURE);
  }
  if (value->kind == RG_VALUE_DECLARED) {
    return result_set(RG_ERROR_WRONG_TYPE,
                      "material '%s': %s: a declared name is for declarations only", material,
                      value->name);
  }
  return fits ? RG_OK
              : result_set(RG_ERROR_WRONG_TYPE, "material '%s': %s is a %s, %s given", material,
                           value->name, parameter_type(parameter), kind_name(value->kind));
}

static rg_result check_count(const char *material, const rg_parameter *value,
                             const material_change *change) {
  const rg_member *member = change->parameter->info.member;
  const uint64_t wanted = member != NULL ? member_components(member) : change->cell_count;
  const char *noun = member != NULL                                       ? "component"
                     : binding_is_buffer(change->parameter->info.binding) ? "buffer"
                                                                          : "texture";
  if (value->count != wanted) {
    return result_set(RG_ERROR_INVALID_ARGUMENT, "material '%s': %s takes %llu %s%s, %u given",
                      material, value->name, (unsigned long long)wanted, noun,
                      wanted == 1 ? "" : "s", value->count);
  }
  const uint32_t inside = member != NULL ? 16 : 1;
  if (value->count > inside && value->data == NULL) {
    return result_set(RG_ERROR_INVALID_ARGUMENT,
                      "material '%s': %s: %u %ss need data, the value holds %u", material,
                      value->name, value->count, noun, inside);
  }
  return RG_OK;
}

/* Finds the parameter and checks kind and count; bytes: what the change's data takes. */
static rg_result change_begin(const char *material, const shader *shader, const rg_parameter *value,
                              material_change *change, uint64_t *bytes) {
  rg_result result = RG_OK;
  if (value->name == NULL) {
    return result_set(RG_ERROR_INVALID_ARGUMENT, "material '%s': a parameter without a name",
                      material);
  }
  RG_TRY(shader_find_parameter(shader, material, value->name, &change->parameter,
                               &change->first_cell, &change->cell_count));
  RG_TRY(check_kind(material, value, change->parameter));
  RG_TRY(check_count(material, value, change));
  const rg_member *member = change->parameter->info.member;
  *bytes = member != NULL ? member_components(member) * scalar_size(member->scalar)
                          : change->cell_count * sizeof(uint64_t);
  return RG_OK;
fail:
  return result;
}

static double value_component(const rg_parameter *value, uint64_t index) {
  const void *data = value->data != NULL ? value->data : (const void *)&value->value;
  switch (value->kind) {
    case RG_VALUE_NUMBERS: return ((const double *)data)[index];
    case RG_VALUE_FLOATS: return ((const float *)data)[index];
    case RG_VALUE_INTS: return ((const int32_t *)data)[index];
    case RG_VALUE_UINTS:
    case RG_VALUE_BOOLS: return ((const uint32_t *)data)[index];
    case RG_VALUE_TEXTURE:
    case RG_VALUE_BUFFER:
    case RG_VALUE_DECLARED: break;
  }
  return 0;
}

static rg_result change_numbers(const char *material, const rg_parameter *value,
                                const material_change *change) {
  const rg_member *member = change->parameter->info.member;
  const uint64_t count = member_components(member);
  unsigned char *packed = change->data;
  for (uint64_t i = 0; i < count; i++) {
    const double number = value_component(value, i);
    rg_result result =
        scalar_check(member->scalar, number, RG_TYPE_MATERIAL, material, value->name, i);
    if (result != RG_OK) {
      return result;
    }
    scalar_store(member->scalar, number, packed + i * scalar_size(member->scalar));
  }
  return RG_OK;
}

/* rg_texture and rg_buffer are an id each. */
static rg_result change_handles(resources *resources, const char *material,
                                const rg_parameter *value, const material_change *change,
                                material_changes *changes) {
  const void *data = value->data != NULL ? value->data : (const void *)&value->value;
  uint64_t *ids = change->data;
  memcpy(ids, data, change->cell_count * sizeof *ids);
  for (uint32_t i = 0; i < change->cell_count; i++) {
    rg_result result =
        binding_own(resources, material, value->name, change->parameter->info.binding, ids[i]);
    if (result != RG_OK) {
      return result;
    }
    changes->owned_count++;
  }
  return RG_OK;
}

/* A shader may declare more than it uses; setting that must not fail. */
static void warn_unused(resources *resources, const char *material, const shader *shader,
                        shader_parameter *parameter) {
  const rg_member *member = parameter->info.member;
  if (member != NULL && !member->is_active &&
      !atomic_exchange_explicit(&parameter->is_warned, true, memory_order_relaxed)) {
    log_message(&resources->gpu.logger, RG_LOG_WARNING,
                "material '%s': %s is set, but no stage of shader '%s' reads it", material,
                parameter->info.name, shader->code.label);
  }
}

/* Makes room for the items, and behind them their data. */
static rg_result changes_reserve(material_changes *changes, uint32_t count, uint64_t bytes) {
  const uint64_t size = count * (uint64_t)sizeof(material_change) + bytes;
  changes->count = count;
  if (size > sizeof changes->small) {
    changes->block_size = (size_t)size;
    changes->block = host_alloc(changes->memory, changes->block_size);
    if (changes->block == NULL) {
      return result_no_memory("material parameters", size);
    }
  }
  changes->items = changes->block != NULL ? (material_change *)(void *)changes->block
                                          : (material_change *)(void *)changes->small;
  return RG_OK;
}

static uint64_t round_up_8(uint64_t size) {
  return (size + 7) & ~UINT64_C(7);
}

/* Everything but the data: how much of that there is decides where all of it lies. */
static rg_result changes_measure(const char *material, const shader *shader,
                                 const rg_parameter *parameters, uint32_t count, uint64_t *total) {
  *total = 0;
  for (uint32_t i = 0; i < count; i++) {
    material_change change = {0};
    uint64_t bytes = 0;
    rg_result result = change_begin(material, shader, &parameters[i], &change, &bytes);
    if (result != RG_OK) {
      return result;
    }
    *total += round_up_8(bytes);
  }
  return RG_OK;
}

static rg_result changes_convert(resources *resources, const char *name, const shader *shader,
                                 const rg_parameter *parameters, material_changes *changes) {
  unsigned char *data = (unsigned char *)(changes->items + changes->count);
  for (uint32_t i = 0; i < changes->count; i++) {
    material_change *change = &changes->items[i];
    uint64_t bytes = 0;
    rg_result result = change_begin(name, shader, &parameters[i], change, &bytes);
    if (result != RG_OK) {
      changes->count = i;
      return result;
    }
    change->data = data;
    data += round_up_8(bytes);
    result = change->parameter->info.member != NULL
                 ? change_numbers(name, &parameters[i], change)
                 : change_handles(resources, name, &parameters[i], change, changes);
    if (result != RG_OK) {
      changes->count = i + 1;
      return result;
    }
    warn_unused(resources, name, shader, change->parameter);
  }
  return RG_OK;
}

rg_result changes_init(resources *resources, const char *name, const shader *shader,
                       const rg_parameter *parameters, uint32_t count, material_changes *changes) {
  rg_result result = RG_OK;
  uint64_t bytes = 0;
  changes->memory = &resources->gpu.host;
  changes->items = NULL;
  changes->block = NULL;
  changes->count = changes->owned_count = 0;
  if (count > 0 && parameters == NULL) {
    return result_set(RG_ERROR_INVALID_ARGUMENT, "material '%s': %u parameters, but no pointer",
                      name, count);
  }
  RG_TRY(changes_measure(name, shader, parameters, count, &bytes));
  RG_TRY(changes_reserve(changes, count, bytes));
  RG_TRY(changes_convert(resources, name, shader, parameters, changes));
  return RG_OK;
fail:
  changes_finish(resources, changes);
  return result;
}

void changes_finish(resources *resources, material_changes *changes) {
  for (uint32_t i = 0; i < changes->count && changes->owned_count > 0; i++) {
    const material_change *change = &changes->items[i];
    if (change->parameter->info.member != NULL) {
      continue;
    }
    const uint64_t *ids = change->data;
    for (uint32_t j = 0; j < change->cell_count && changes->owned_count > 0; j++) {
      changes->owned_count--;
      if (ids[j] != 0) {
        resource_disown(&resources->gpu, ids[j]);
      }
    }
  }
  if (changes->block != NULL) {
    host_free(changes->memory, changes->block, changes->block_size);
    changes->block = NULL;
  }
}

void member_write(const shader_parameter *parameter, const void *packed, unsigned char *block) {
  const rg_member *member = parameter->info.member;
  const uint32_t size = scalar_size(member->scalar);
  const uint64_t count = member_components(member);
  for (uint64_t i = 0; i < count; i++) {
    memcpy(block + parameter->offset + member_component_offset(member, i),
           (const unsigned char *)packed + i * size, size);
  }
}

/* Every kind that members are read as has components of 32 bits. */
static rg_result component_read(const char *material, const char *name, rg_scalar scalar,
                                const void *place, void *out) {
  const double number = scalar_load(scalar, place);
  switch (scalar_kind(scalar)) {
    case RG_VALUE_FLOATS:
      if (number < -FLT_MAX || number > FLT_MAX) {
        break;
      }
      scalar_store(RG_SCALAR_FLOAT, number, out);
      return RG_OK;
    case RG_VALUE_INTS:
      if (number < INT32_MIN || number > INT32_MAX) {
        break;
      }
      scalar_store(RG_SCALAR_INT, number, out);
      return RG_OK;
    case RG_VALUE_UINTS:
    case RG_VALUE_BOOLS:
      if (number > UINT32_MAX) {
        break;
      }
      scalar_store(RG_SCALAR_UINT, number, out);
      return RG_OK;
    case RG_VALUE_NUMBERS:
    case RG_VALUE_TEXTURE:
    case RG_VALUE_BUFFER:
    case RG_VALUE_DECLARED: break;
  }
  return result_set(RG_ERROR_LIMIT, "material '%s': %s: %.17g does not fit into 32 bits", material,
                    name, number);
}

rg_result member_read(const char *material, const shader_parameter *parameter,
                      const unsigned char *block, void *data, uint32_t capacity,
                      rg_parameter *out) {
  const rg_member *member = parameter->info.member;
  const uint64_t count = member_components(member);
  unsigned char *target = (unsigned char *)&out->value;
  out->kind = scalar_kind(member->scalar);
  out->count = (uint32_t)count;
  if (count > 16) {
    if (data == NULL) {
      return RG_OK;
    }
    if (capacity < count) {
      return result_set(RG_ERROR_INVALID_ARGUMENT,
                        "material '%s': %s has %llu components, there is room for %u", material,
                        parameter->info.name, (unsigned long long)count, capacity);
    }
    target = data;
    out->data = data;
  }
  for (uint64_t i = 0; i < count; i++) {
    rg_result result = component_read(
        material, parameter->info.name, member->scalar,
        block + parameter->offset + member_component_offset(member, i), target + 4 * i);
    if (result != RG_OK) {
      return result;
    }
  }
  return RG_OK;
}
