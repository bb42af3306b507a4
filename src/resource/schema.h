/* What a descriptor's table makes possible without a line for each field: checks and deep copies.
 */
#ifndef RG_RESOURCE_SCHEMA_H
#define RG_RESOURCE_SCHEMA_H

#include "base/host_memory.h"
#include "base/result.h"

/* Everything that needs no device: required fields, enums, flags, formats, limits, finite numbers.
 * where: "texture 'brick'", the message's object. RG_ERROR_INVALID_ARGUMENT names the field. */
RG_NODISCARD rg_result schema_check(const rg_schema *schema, const void *desc, const char *where);

/* Replaces what the fields of *desc point to by copies in the arena. RG_ERROR_OUT_OF_HOST_MEMORY:
 * *desc is then of no use. */
RG_NODISCARD rg_result schema_copy(arena *into, const rg_schema *schema, void *desc);

/* The fields of descriptors as their kinds' C types. */
uint32_t schema_get_uint32(const void *desc, uint32_t offset);
uint64_t schema_get_uint64(const void *desc, uint32_t offset);
float schema_get_float(const void *desc, uint32_t offset);
const void *schema_get_pointer(const void *desc, uint32_t offset);
void schema_set_pointer(void *desc, uint32_t offset, const void *pointer);

/* The name of a value in a field's list, or NULL. */
const char *schema_value_name(const rg_name_value *names, uint32_t value);
/* The entry of that name, or NULL. */
const rg_name_value *schema_value_find(const rg_name_value *names, const char *name);

/* Room for the longest list of names in messages. */
typedef struct schema_names {
  char text[400];
} schema_names;
/* "vertex, index, uniform" */
schema_names schema_list_names(const rg_name_value *names);

#endif
