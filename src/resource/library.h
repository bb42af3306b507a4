/* Declarations: deep copies of descriptors by type and name, which sets load and manifests write.
 */
#ifndef RG_RESOURCE_LIBRARY_H
#define RG_RESOURCE_LIBRARY_H

#include "base/hash_map.h"
#include "base/result.h"
#include "base/thread.h"

/* The shader that is always there: its name, and what begins names that nobody may declare. */
#define LIBRARY_PBR_SHADER "regolith/pbr"
#define LIBRARY_RESERVED "regolith/"

struct resources;

/* One declared thing; replaced as a whole, and freed when no loader holds it any more. */
typedef struct declaration {
  arena arena;
  rg_type type;
  const char *name;
  uint32_t references; /* guarded by library.lock */
  const char *origin;  /* "" for none */
  union {
    rg_buffer_desc buffer;
    rg_texture_desc texture;
    rg_shader_desc shader;
    rg_material_desc material;
  } desc;
} declaration;

/* lock: guards the maps and the declarations' references; nothing is called under it that takes
 * another lock or logs. */
typedef struct library {
  mutex lock;
  hash_map by_name[RG_TYPE_COUNT]; /* name → declaration */
} library;

void library_init(struct resources *layer);
void library_finish(struct resources *layer);

/* A checked deep copy of a descriptor, held by the caller and not yet in the library.
 * desc: of the type. origin: NULL means the thread's. */
RG_NODISCARD rg_result declaration_create(struct resources *layer, rg_type type, const char *name,
                                          const void *desc, const char *origin, declaration **out);
/* Enters all of them, taking over the caller's holds, or none. */
RG_NODISCARD rg_result library_enter(struct resources *layer, declaration **declarations,
                                     uint32_t count);

/* Held until library_release; NULL where nothing of that name is declared: sets no message. */
declaration *library_acquire(struct resources *layer, rg_type type, const char *name);
/* All of a type into a map of the caller's, name → declaration, each held. On failure the map holds
 * some. */
RG_NODISCARD rg_result library_acquire_all(struct resources *layer, rg_type type, hash_map *out);
void library_release(struct resources *layer, declaration *declared);

/* RG_ERROR_NOT_FOUND: "texture 'brik' is not declared; did you mean 'brick'?" */
rg_result library_refuse(struct resources *layer, rg_type type, const char *name);

/* ---- library_check.c, library_copy.c ---- */

/* All that can be checked without a device. RG_ERROR_INVALID_ARGUMENT. */
RG_NODISCARD rg_result declaration_check(rg_type type, const char *name, const void *desc);
/* Copies a checked descriptor and all that it points to into declared->desc. */
RG_NODISCARD rg_result declaration_copy(declaration *declared, const void *desc);

/* The components behind a parameter: its data, or its value. */
const void *parameter_components(const rg_parameter *parameter);

/* The map's keys as a list of the caller's, sorted, to be freed with names_free; NULL when out of
 * memory or where there are none. The strings are the map's. */
const char **names_list(host_memory *memory, const hash_map *map);
void names_free(host_memory *memory, const char **names, uint32_t count);

#endif
