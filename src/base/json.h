/* cJSON, made strict: duplicate keys, numbers that are not finite, cut strings and deep nesting are
 * refused. */
#ifndef RG_BASE_JSON_H
#define RG_BASE_JSON_H

#include "host_memory.h"

#include <cjson/cJSON.h>

#define JSON_MAX_DEPTH 128

/* Parses a whole text. name: for messages. The caller frees it with cJSON_Delete. RG_ERROR_FORMAT:
 * the message tells line and column, or the path of the offending value;
 * RG_ERROR_OUT_OF_HOST_MEMORY. */
RG_NODISCARD rg_result json_parse(const char *name, const char *text, size_t length, cJSON **out);

#endif
