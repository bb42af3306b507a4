/* Manifests: declarations and sets as one JSON text. */
#ifndef RG_RESOURCE_MANIFEST_H
#define RG_RESOURCE_MANIFEST_H

#include "resources.h"

#define MANIFEST_VERSION 1
#define MANIFEST_VERSION_KEY "regolith"

/* The kinds in the order in which they are written, each under its key. */
typedef struct manifest_kind {
  const char *key;
  rg_type type;
} manifest_kind;

#define MANIFEST_KIND_COUNT 5
extern const manifest_kind manifest_kinds[MANIFEST_KIND_COUNT];

/* A set's descriptor, copied, in the order in which the closure reaches it. */
typedef struct wanted_set {
  struct wanted_set *next;
  rg_set_desc desc;
} wanted_set;

typedef struct manifest_writer {
  resources *layer;
  arena arena;
  hash_map wanted[RG_TYPE_COUNT]; /* name → held declaration, or wanted_set */
  wanted_set *first_set, *last_set;
} manifest_writer;

/* Fill `wanted`; on failure it holds some, to be released all the same. RG_ERROR_NOT_FOUND: the
 * closure names what is not declared. */
RG_NODISCARD rg_result manifest_want_all(manifest_writer *writer);
RG_NODISCARD rg_result manifest_want_closure(manifest_writer *writer, rg_set handle);

#endif
