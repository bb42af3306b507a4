/* Manifests: declarations and sets as one JSON text. */
#ifndef RG_RESOURCE_MANIFEST_H
#define RG_RESOURCE_MANIFEST_H

#include <regolith/regolith.h>

#define MANIFEST_VERSION 1
#define MANIFEST_VERSION_KEY "regolith"

/* The kinds in the order in which they are written, each under its key. */
typedef struct manifest_kind {
  const char *key;
  rg_type type;
} manifest_kind;

#define MANIFEST_KIND_COUNT 5
extern const manifest_kind manifest_kinds[MANIFEST_KIND_COUNT];

#endif
