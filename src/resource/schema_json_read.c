/* Descriptors from JSON objects, field by field of their tables. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "schema.h"
#include "schema_json.h"

/* One field on its way from JSON into a descriptor. */
typedef struct field_reader {
  arena *into;
  const json_place *place;
  const rg_field *field;
  const cJSON *json;
  char *target; /* in the descriptor */
} field_reader;

static rg_result expect(const field_reader *reader, bool is_wanted, const char *wanted) {
  return json_expect(reader->place, reader->json, is_wanted, wanted);
}

static rg_result read_bool(const field_reader *reader) {
  rg_result result = expect(reader, cJSON_IsBool(reader->json), "a boolean");
  if (result == RG_OK) {
    bool value = cJSON_IsTrue(reader->json);
    memcpy(reader->target, &value, sizeof value);
  }
  return result;
}

/* A finite number within the field's limits, or within the kind's. */
static rg_result check_number(const field_reader *reader, double highest, bool is_integer) {
  const rg_field *field = reader->field;
  rg_result result = expect(reader, cJSON_IsNumber(reader->json), "a number");
  if (result != RG_OK) {
    return result;
  }
  double value = reader->json->valuedouble;
  bool has_limits = field->minimum != field->maximum;
  double minimum = has_limits ? field->minimum : is_integer ? 0 : -highest;
  double maximum = has_limits && field->maximum < highest ? field->maximum : highest;
  if (is_integer && value != floor(value)) {
    return json_refuse(reader->place, RG_ERROR_FORMAT, "%.17g is not a whole number", value);
  }
  if (!(value >= minimum && value <= maximum)) {
    return json_refuse(reader->place, RG_ERROR_FORMAT, "%.17g is not in %.17g to %.17g", value,
                       minimum, maximum);
  }
  return RG_OK;
}

static rg_result read_uint32(const field_reader *reader) {
  rg_result result = check_number(reader, UINT32_MAX, true);
  if (result == RG_OK) {
    uint32_t value = (uint32_t)reader->json->valuedouble;
    memcpy(reader->target, &value, sizeof value);
  }
  return result;
}

static rg_result read_uint64(const field_reader *reader) {
  rg_result result = check_number(reader, 9007199254740992.0, true);
  if (result == RG_OK) {
    uint64_t value = (uint64_t)reader->json->valuedouble;
    memcpy(reader->target, &value, sizeof value);
  }
  return result;
}

static rg_result read_float(const field_reader *reader) {
  rg_result result = check_number(reader, 3.4028234663852886e38, false);
  if (result == RG_OK) {
    float value = (float)reader->json->valuedouble;
    memcpy(reader->target, &value, sizeof value);
  }
  return result;
}

static rg_result read_string(const field_reader *reader) {
  rg_result result = expect(reader, cJSON_IsString(reader->json), "a string");
  if (result == RG_OK) {
    schema_set_pointer(reader->target, 0, reader->json->valuestring);
  }
  return result;
}

static rg_result read_strings(const field_reader *reader) {
  rg_result result = expect(reader, cJSON_IsArray(reader->json), "an array of strings");
  if (result != RG_OK) {
    return result;
  }
  size_t count = (size_t)cJSON_GetArraySize(reader->json);
  const char **strings = arena_alloc(reader->into, (count + 1) * sizeof *strings);
  if (strings == NULL) {
    return result_no_memory(reader->field->name, (count + 1) * sizeof *strings);
  }
  uint32_t index = 0;
  const cJSON *item = NULL;
  cJSON_ArrayForEach(item, reader->json) {
    json_place place = {.parent = reader->place, .index = index};
    result = json_expect(&place, item, cJSON_IsString(item), "a string");
    if (result != RG_OK) {
      return result;
    }
    strings[index++] = item->valuestring;
  }
  schema_set_pointer(reader->target, 0, strings);
  return RG_OK;
}

/* The value that a string names in the field's list. */
static rg_result read_name(const json_place *place, const rg_field *field, const cJSON *json,
                           uint32_t *out) {
  rg_result result = json_expect(place, json, cJSON_IsString(json), "a string");
  if (result != RG_OK) {
    return result;
  }
  const rg_name_value *found = schema_value_find(field->names, json->valuestring);
  if (found == NULL) {
    return json_refuse(place, RG_ERROR_FORMAT, "'%s' is none of %s", json->valuestring,
                       schema_list_names(field->names).text);
  }
  *out = found->value;
  return RG_OK;
}

static rg_result read_enum(const field_reader *reader) {
  uint32_t value = 0;
  rg_result result = read_name(reader->place, reader->field, reader->json, &value);
  if (result == RG_OK) {
    memcpy(reader->target, &value, sizeof value);
  }
  return result;
}

static rg_result read_flags(const field_reader *reader) {
  rg_result result = expect(reader, cJSON_IsArray(reader->json), "an array of strings");
  uint32_t flags = 0, index = 0;
  const cJSON *item = NULL;
  if (result != RG_OK) {
    return result;
  }
  cJSON_ArrayForEach(item, reader->json) {
    json_place place = {.parent = reader->place, .index = index++};
    uint32_t value = 0;
    result = read_name(&place, reader->field, item, &value);
    if (result != RG_OK) {
      return result;
    }
    flags |= value;
  }
  memcpy(reader->target, &flags, sizeof flags);
  return RG_OK;
}

static rg_result read_format(const field_reader *reader) {
  rg_result result = expect(reader, cJSON_IsString(reader->json), "a string");
  if (result != RG_OK) {
    return result;
  }
  VkFormat format = rg_format_find(reader->json->valuestring);
  if (format == VK_FORMAT_UNDEFINED) {
    return json_refuse(reader->place, RG_ERROR_FORMAT, "'%s' is no format that is known",
                       reader->json->valuestring);
  }
  memcpy(reader->target, &format, sizeof format);
  return RG_OK;
}

static rg_result read_field(const field_reader *reader) {
  switch (reader->field->kind) {
    case RG_FIELD_BOOL: return read_bool(reader);
    case RG_FIELD_UINT32: return read_uint32(reader);
    case RG_FIELD_UINT64: return read_uint64(reader);
    case RG_FIELD_FLOAT: return read_float(reader);
    case RG_FIELD_STRING: return read_string(reader);
    case RG_FIELD_STRINGS: return read_strings(reader);
    case RG_FIELD_ENUM: return read_enum(reader);
    case RG_FIELD_FLAGS: return read_flags(reader);
    case RG_FIELD_FORMAT: return read_format(reader);
    case RG_FIELD_BYTES:
      return json_refuse(reader->place, RG_ERROR_FORMAT, "bytes cannot be given in JSON");
    case RG_FIELD_HANDLE: break;
    case RG_FIELD_STRUCT:
      return schema_json_read(reader->into, reader->place, reader->field->schema, NULL,
                              reader->json, reader->target);
  }
  return json_refuse(reader->place, RG_ERROR_FORMAT, "a %s cannot be given in JSON",
                     rg_type_name(reader->field->handle_type));
}

static bool is_by_hand(const char *const *by_hand, const char *key) {
  for (; by_hand != NULL && *by_hand != NULL; by_hand++) {
    if (strcmp(*by_hand, key) == 0) {
      return true;
    }
  }
  return false;
}

static bool is_name(const char *key) {
  return strcmp(key, "name") == 0;
}

static rg_result check_required(const json_place *place, const rg_schema *schema,
                                const cJSON *json) {
  for (uint32_t i = 0; i < schema->field_count; i++) {
    const rg_field *field = &schema->fields[i];
    if (field->is_required && !is_name(field->name) &&
        cJSON_GetObjectItemCaseSensitive(json, field->name) == NULL) {
      return json_refuse(place, RG_ERROR_FORMAT, "%s is required", field->name);
    }
  }
  return RG_OK;
}

rg_result schema_json_read(arena *into, const json_place *place, const rg_schema *schema,
                           const char *const *by_hand, const cJSON *json, void *desc) {
  rg_result result = RG_OK;
  const cJSON *item = NULL;
  RG_TRY(json_expect(place, json, cJSON_IsObject(json), "an object"));
  RG_TRY(check_required(place, schema, json));
  cJSON_ArrayForEach(item, json) {
    const rg_field *field = is_name(item->string) ? NULL : rg_schema_field(schema, item->string);
    if (field != NULL) {
      json_place at = {.parent = place, .key = item->string};
      field_reader reader = {into, &at, field, item, (char *)desc + field->offset};
      RG_TRY(read_field(&reader));
    } else if (!is_by_hand(by_hand, item->string)) {
      return json_refuse_key(place, schema, by_hand, item->string);
    }
  }
  return RG_OK;
fail:
  return result;
}
