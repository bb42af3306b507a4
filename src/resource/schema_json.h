/* Descriptors from and to JSON, field by field of their tables.
 *
 * A descriptor's `name` is its key in JSON, so that field is neither read nor written here. Fields
 * of bytes and of handles have no JSON: reading refuses them, and so does writing where they are
 * set. */
#ifndef RG_RESOURCE_SCHEMA_JSON_H
#define RG_RESOURCE_SCHEMA_JSON_H

#include <cjson/cJSON.h>

#include "base/host_memory.h"
#include "base/result.h"

/* Where a value stands: a chain on the stack from the text's name down. */
typedef struct json_place {
  const struct json_place *parent; /* NULL at the root, whose key is the text's name */
  const char *key;                 /* NULL for an element of an array */
  uint32_t index;
} json_place;

/* Sets the message "level1.json: materials.Metal.parameters.albedo[1]: …". */
rg_result json_refuse(const json_place *place, rg_result result, const char *format, ...)
    RG_PRINTF(3, 4);
/* The same before the present message. */
rg_result json_prefix(const json_place *place, rg_result result);
/* RG_ERROR_FORMAT for a key that nobody knows, with the nearest of the schema's fields (may be
 * NULL) and of `by_hand` (NULL-terminated; may be NULL). */
rg_result json_refuse_key(const json_place *place, const rg_schema *schema,
                          const char *const *by_hand, const char *key);
/* RG_ERROR_FORMAT unless the value is an object, and so on; wanted: "an object". */
RG_NODISCARD rg_result json_expect(const json_place *place, const cJSON *json, bool is_wanted,
                                   const char *wanted);

/* Fills a zeroed descriptor from an object. Strings point into the JSON, lists of them into the
 * arena. by_hand: the keys that the caller reads itself, NULL-terminated; may be NULL.
 * RG_ERROR_FORMAT names the place: not an object, an unknown key, a wrong type, a missing field, a
 * value out of its limits. */
RG_NODISCARD rg_result schema_json_read(arena *into, const json_place *place,
                                        const rg_schema *schema, const char *const *by_hand,
                                        const cJSON *json, void *desc);

/* Adds the fields that are not zero to an object, in the table's order. where: "texture 'brick'".
 * RG_ERROR_UNSUPPORTED: bytes, handles. */
RG_NODISCARD rg_result schema_json_write(const char *where, const rg_schema *schema,
                                         const void *desc, cJSON *object);

/* The double whose shortest text reads back as the float: 0.1f gives 0.1. */
double schema_json_float(float value);

/* Adds an item to an object (key) or an array (key NULL), and takes it over even on failure. item:
 * NULL counts as out of memory. */
RG_NODISCARD rg_result json_add(cJSON *parent, const char *key, cJSON *item);

#endif
