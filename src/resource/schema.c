/* Checks and deep copies of any descriptor, driven by its table. */
#include "schema.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- Values by offset ---------------------------------------------------------------------- */

uint32_t schema_get_uint32(const void *desc, uint32_t offset) {
  uint32_t value;
  memcpy(&value, (const char *)desc + offset, sizeof value);
  return value;
}

uint64_t schema_get_uint64(const void *desc, uint32_t offset) {
  uint64_t value;
  memcpy(&value, (const char *)desc + offset, sizeof value);
  return value;
}

float schema_get_float(const void *desc, uint32_t offset) {
  float value;
  memcpy(&value, (const char *)desc + offset, sizeof value);
  return value;
}

const void *schema_get_pointer(const void *desc, uint32_t offset) {
  const void *value;
  memcpy(&value, (const char *)desc + offset, sizeof value);
  return value;
}

void schema_set_pointer(void *desc, uint32_t offset, const void *pointer) {
  memcpy((char *)desc + offset, &pointer, sizeof pointer);
}

/* ---- Names of values ----------------------------------------------------------------------- */

const char *schema_value_name(const rg_name_value *names, uint32_t value) {
  for (; names->name != NULL; names++) {
    if (names->value == value) {
      return names->name;
    }
  }
  return NULL;
}

const rg_name_value *schema_value_find(const rg_name_value *names, const char *name) {
  for (; names->name != NULL; names++) {
    if (strcmp(names->name, name) == 0) {
      return names;
    }
  }
  return NULL;
}

schema_names schema_list_names(const rg_name_value *names) {
  schema_names list = {""};
  size_t length = 0;
  for (; names->name != NULL && length < sizeof list.text; names++) {
    int written = snprintf(list.text + length, sizeof list.text - length, "%s%s",
                           length == 0 ? "" : ", ", names->name);
    length += written < 0 ? 0 : (size_t)written;
  }
  return list;
}

/* ---- Checks -------------------------------------------------------------------------------- */

/* A field under check, and how messages name it. */
typedef struct checked_field {
  const rg_field *field;
  const void *desc;
  const char *where;
  const char *prefix; /* "sampler.", or "" */
} checked_field;

static rg_result refuse(const checked_field *checked, const char *message) {
  return result_set(RG_ERROR_INVALID_ARGUMENT, "%s: %s%s %s", checked->where, checked->prefix,
                    checked->field->name, message);
}

static rg_result check_number(const checked_field *checked, double value) {
  const rg_field *field = checked->field;
  char message[120];
  if (!isfinite(value)) {
    snprintf(message, sizeof message, "%g is not finite", value);
    return refuse(checked, message);
  }
  if (field->is_required && value == 0) {
    return refuse(checked, "is 0; it is required");
  }
  if (field->minimum != field->maximum && (value < field->minimum || value > field->maximum)) {
    snprintf(message, sizeof message, "%.17g is not in %.17g to %.17g", value, field->minimum,
             field->maximum);
    return refuse(checked, message);
  }
  return RG_OK;
}

static rg_result check_enum(const checked_field *checked) {
  const rg_field *field = checked->field;
  uint32_t value = schema_get_uint32(checked->desc, field->offset);
  bool is_default = value == 0 && !field->is_required;
  if (is_default || schema_value_name(field->names, value) != NULL) {
    return RG_OK;
  }
  return result_set(RG_ERROR_INVALID_ARGUMENT, "%s: %s%s %" PRIu32 " is none of %s", checked->where,
                    checked->prefix, field->name, value, schema_list_names(field->names).text);
}

static rg_result check_flags(const checked_field *checked) {
  const rg_field *field = checked->field;
  uint32_t unknown = schema_get_uint32(checked->desc, field->offset);
  for (const rg_name_value *name = field->names; name->name != NULL; name++) {
    unknown &= ~name->value;
  }
  if (unknown == 0) {
    return RG_OK;
  }
  return result_set(RG_ERROR_INVALID_ARGUMENT, "%s: %s%s has the bits 0x%" PRIx32 ", none of %s",
                    checked->where, checked->prefix, field->name, unknown,
                    schema_list_names(field->names).text);
}

static rg_result check_format(const checked_field *checked) {
  uint32_t format = schema_get_uint32(checked->desc, checked->field->offset);
  if (format == VK_FORMAT_UNDEFINED || rg_format_name((VkFormat)format) != NULL) {
    return RG_OK;
  }
  return result_set(RG_ERROR_INVALID_ARGUMENT, "%s: %s%s %" PRIu32 " is no format that is known",
                    checked->where, checked->prefix, checked->field->name, format);
}

static rg_result check_string(const checked_field *checked) {
  const char *string = schema_get_pointer(checked->desc, checked->field->offset);
  if (checked->field->is_required && string == NULL) {
    return refuse(checked, "is required");
  }
  if (checked->field->is_required && string[0] == '\0') {
    return refuse(checked, "is empty");
  }
  return RG_OK;
}

static rg_result check_strings(const checked_field *checked) {
  const char *const *strings = schema_get_pointer(checked->desc, checked->field->offset);
  for (size_t i = 0; strings != NULL && strings[i] != NULL; i++) {
    if (strings[i][0] == '\0') {
      return result_set(RG_ERROR_INVALID_ARGUMENT, "%s: %s%s[%zu] is empty", checked->where,
                        checked->prefix, checked->field->name, i);
    }
  }
  return RG_OK;
}

static rg_result check_fields(const rg_schema *schema, const void *desc, const char *where,
                              const char *prefix);

static rg_result check_struct(const checked_field *checked) {
  char prefix[64];
  snprintf(prefix, sizeof prefix, "%s%s.", checked->prefix, checked->field->name);
  return check_fields(checked->field->schema, (const char *)checked->desc + checked->field->offset,
                      checked->where, prefix);
}

static rg_result check_field(const checked_field *checked) {
  const rg_field *field = checked->field;
  switch (field->kind) {
    case RG_FIELD_UINT32:
      return check_number(checked, schema_get_uint32(checked->desc, field->offset));
    case RG_FIELD_UINT64:
      return check_number(checked, (double)schema_get_uint64(checked->desc, field->offset));
    case RG_FIELD_FLOAT:
      return check_number(checked, (double)schema_get_float(checked->desc, field->offset));
    case RG_FIELD_ENUM: return check_enum(checked);
    case RG_FIELD_FLAGS: return check_flags(checked);
    case RG_FIELD_FORMAT: return check_format(checked);
    case RG_FIELD_STRING: return check_string(checked);
    case RG_FIELD_STRINGS: return check_strings(checked);
    case RG_FIELD_STRUCT: return check_struct(checked);
    case RG_FIELD_BOOL:
    case RG_FIELD_HANDLE:
    case RG_FIELD_BYTES: break;
  }
  return RG_OK;
}

static rg_result check_fields(const rg_schema *schema, const void *desc, const char *where,
                              const char *prefix) {
  rg_result result = RG_OK;
  for (uint32_t i = 0; result == RG_OK && i < schema->field_count; i++) {
    checked_field checked = {&schema->fields[i], desc, where, prefix};
    result = check_field(&checked);
  }
  return result;
}

rg_result schema_check(const rg_schema *schema, const void *desc, const char *where) {
  return check_fields(schema, desc, where, "");
}

/* ---- Copies -------------------------------------------------------------------------------- */

static const char *const *copy_strings(arena *into, const char *const *strings) {
  size_t count = 0;
  while (strings[count] != NULL) {
    count++;
  }
  const char **copy = arena_alloc(into, (count + 1) * sizeof *copy);
  for (size_t i = 0; copy != NULL && i < count; i++) {
    copy[i] = arena_strdup(into, strings[i]);
    if (copy[i] == NULL) {
      return NULL;
    }
  }
  return copy;
}

/* The copy of what a field points to, or NULL when out of memory. */
static const void *copy_pointer(arena *into, const rg_field *field, const void *desc,
                                const void *pointer) {
  switch (field->kind) {
    case RG_FIELD_STRING: return arena_strdup(into, pointer);
    case RG_FIELD_STRINGS: return copy_strings(into, pointer);
    case RG_FIELD_BYTES: {
      uint64_t size = schema_get_uint64(desc, field->size_offset);
      return size > SIZE_MAX ? NULL : arena_copy(into, pointer, (size_t)size);
    }
    case RG_FIELD_BOOL:
    case RG_FIELD_UINT32:
    case RG_FIELD_UINT64:
    case RG_FIELD_FLOAT:
    case RG_FIELD_ENUM:
    case RG_FIELD_FLAGS:
    case RG_FIELD_FORMAT:
    case RG_FIELD_HANDLE:
    case RG_FIELD_STRUCT: break;
  }
  return pointer;
}

static bool is_pointer(rg_field_kind kind) {
  return kind == RG_FIELD_STRING || kind == RG_FIELD_STRINGS || kind == RG_FIELD_BYTES;
}

rg_result schema_copy(arena *into, const rg_schema *schema, void *desc) {
  rg_result result = RG_OK;
  for (uint32_t i = 0; i < schema->field_count; i++) {
    const rg_field *field = &schema->fields[i];
    if (field->kind == RG_FIELD_STRUCT) {
      RG_TRY(schema_copy(into, field->schema, (char *)desc + field->offset));
    } else if (is_pointer(field->kind)) {
      const void *pointer = schema_get_pointer(desc, field->offset);
      const void *copy = pointer == NULL ? NULL : copy_pointer(into, field, desc, pointer);
      if (pointer != NULL && copy == NULL) {
        return result_set(RG_ERROR_OUT_OF_HOST_MEMORY, "%s: no host memory for a copy of %s",
                          schema->name, field->name);
      }
      schema_set_pointer(desc, field->offset, copy);
    }
  }
  return RG_OK;
fail:
  return result;
}
