/* Descriptors to JSON objects, field by field of their tables. Equal descriptors give equal text.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "schema.h"
#include "schema_json.h"

rg_result json_add(cJSON *parent, const char *key, cJSON *item) {
  bool is_added = item != NULL && (key == NULL ? cJSON_AddItemToArray(parent, item)
                                               : cJSON_AddItemToObject(parent, key, item));
  if (!is_added) {
    cJSON_Delete(item);
    return result_set(RG_ERROR_OUT_OF_HOST_MEMORY, "JSON: no host memory for '%s'",
                      key == NULL ? "an element" : key);
  }
  return RG_OK;
}

double schema_json_float(float value) {
  char text[32];
  for (int digits = 6; digits < 9; digits++) {
    snprintf(text, sizeof text, "%.*g", digits, (double)value);
    if (strtof(text, NULL) == value) {
      return strtod(text, NULL);
    }
  }
  return (double)value;
}

/* One field on its way from a descriptor into JSON. */
typedef struct field_writer {
  const char *where;
  const rg_field *field;
  const void *desc;
  cJSON *object;
} field_writer;

static rg_result add(const field_writer *writer, cJSON *item) {
  return json_add(writer->object, writer->field->name, item);
}

static rg_result write_bool(const field_writer *writer) {
  bool value;
  memcpy(&value, (const char *)writer->desc + writer->field->offset, sizeof value);
  return value ? add(writer, cJSON_CreateTrue()) : RG_OK;
}

static rg_result write_number(const field_writer *writer, double value) {
  bool is_written = value != 0 || writer->field->is_required;
  return is_written ? add(writer, cJSON_CreateNumber(value)) : RG_OK;
}

static rg_result write_string(const field_writer *writer) {
  const char *string = schema_get_pointer(writer->desc, writer->field->offset);
  return string == NULL ? RG_OK : add(writer, cJSON_CreateString(string));
}

static rg_result write_strings(const field_writer *writer) {
  rg_result result = RG_OK;
  const char *const *strings = schema_get_pointer(writer->desc, writer->field->offset);
  if (strings == NULL || strings[0] == NULL) {
    return RG_OK;
  }
  cJSON *array = cJSON_CreateArray();
  for (size_t i = 0; array != NULL && strings[i] != NULL; i++) {
    RG_TRY(json_add(array, NULL, cJSON_CreateString(strings[i])));
  }
  return add(writer, array);
fail:
  cJSON_Delete(array);
  return result;
}

static rg_result write_enum(const field_writer *writer) {
  uint32_t value = schema_get_uint32(writer->desc, writer->field->offset);
  const char *name = value == 0 ? NULL : schema_value_name(writer->field->names, value);
  return name == NULL ? RG_OK : add(writer, cJSON_CreateString(name));
}

static rg_result write_flags(const field_writer *writer) {
  rg_result result = RG_OK;
  uint32_t flags = schema_get_uint32(writer->desc, writer->field->offset);
  if (flags == 0) {
    return RG_OK;
  }
  cJSON *array = cJSON_CreateArray();
  for (const rg_name_value *name = writer->field->names; array != NULL && name->name != NULL;
       name++) {
    if ((flags & name->value) != 0) {
      RG_TRY(json_add(array, NULL, cJSON_CreateString(name->name)));
    }
  }
  return add(writer, array);
fail:
  cJSON_Delete(array);
  return result;
}

static rg_result write_format(const field_writer *writer) {
  uint32_t format = schema_get_uint32(writer->desc, writer->field->offset);
  const char *name = format == 0 ? NULL : rg_format_name((VkFormat)format);
  return name == NULL ? RG_OK : add(writer, cJSON_CreateString(name));
}

static rg_result write_bytes(const field_writer *writer) {
  if (schema_get_pointer(writer->desc, writer->field->offset) == NULL) {
    return RG_OK;
  }
  return result_set(RG_ERROR_UNSUPPORTED, "%s: %s holds bytes from memory, which JSON cannot hold",
                    writer->where, writer->field->name);
}

/* A handle means nothing outside its engine. */
static rg_result write_handle(const field_writer *writer) {
  if (schema_get_uint64(writer->desc, writer->field->offset) == 0) {
    return RG_OK;
  }
  return result_set(RG_ERROR_UNSUPPORTED, "%s: %s is a %s of this engine, which JSON cannot hold",
                    writer->where, writer->field->name, rg_type_name(writer->field->handle_type));
}

static rg_result write_struct(const field_writer *writer) {
  cJSON *object = cJSON_CreateObject();
  if (object == NULL) {
    return add(writer, NULL);
  }
  rg_result result = schema_json_write(writer->where, writer->field->schema,
                                       (const char *)writer->desc + writer->field->offset, object);
  if (result != RG_OK || object->child == NULL) {
    cJSON_Delete(object);
    return result;
  }
  return add(writer, object);
}

static rg_result write_field(const field_writer *writer) {
  const rg_field *field = writer->field;
  switch (field->kind) {
    case RG_FIELD_BOOL: return write_bool(writer);
    case RG_FIELD_UINT32:
      return write_number(writer, schema_get_uint32(writer->desc, field->offset));
    case RG_FIELD_UINT64:
      return write_number(writer, (double)schema_get_uint64(writer->desc, field->offset));
    case RG_FIELD_FLOAT:
      return write_number(writer, schema_json_float(schema_get_float(writer->desc, field->offset)));
    case RG_FIELD_STRING: return write_string(writer);
    case RG_FIELD_STRINGS: return write_strings(writer);
    case RG_FIELD_ENUM: return write_enum(writer);
    case RG_FIELD_FLAGS: return write_flags(writer);
    case RG_FIELD_FORMAT: return write_format(writer);
    case RG_FIELD_BYTES: return write_bytes(writer);
    case RG_FIELD_HANDLE: return write_handle(writer);
    case RG_FIELD_STRUCT: return write_struct(writer);
  }
  return RG_OK;
}

rg_result schema_json_write(const char *where, const rg_schema *schema, const void *desc,
                            cJSON *object) {
  rg_result result = RG_OK;
  for (uint32_t i = 0; result == RG_OK && i < schema->field_count; i++) {
    field_writer writer = {where, &schema->fields[i], desc, object};
    if (strcmp(writer.field->name, "name") != 0) {
      result = write_field(&writer);
    }
  }
  return result;
}
