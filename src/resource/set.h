/* Resource sets: the closure of what a name needs, loaded all or nothing, shared by reference
 * counts.
 *
 * Locks: `loading` is held through every load, unload and destruction, so these run one after
 * another; only they touch entries, imports and unpublished contents. `lock` is held for moments
 * and guards names, references and which contents a set has, so that questions never wait for a
 * load. Order: loading, then lock, then any other. Nothing is created, let go or logged under
 * `lock`. */
#ifndef RG_RESOURCE_SET_H
#define RG_RESOURCE_SET_H

#include "base/hash_map.h"
#include "gpu/gpu.h"

#define SET_MAX_DEPTH 128 /* sets requiring sets, materials inheriting from materials */

/* A list of pointers. Zero is empty. */
typedef struct set_list {
  void **items;
  uint32_t count, capacity;
} set_list;

/* RG_ERROR_OUT_OF_HOST_MEMORY: the list is as before. */
RG_NODISCARD rg_result set_list_push(host_memory *memory, set_list *list, void *item);
void set_list_finish(host_memory *memory, set_list *list);

/* A loaded resource that one or several sets hold, by type and name. */
typedef struct set_entry {
  rg_type type;
  char *name;
  uint64_t id;
  uint32_t holders; /* loaded sets; each owns the resource */
  uint64_t size;    /* bytes of device memory */
  set_list needs;   /* entries: what a material is made of; whoever holds it holds them too */
} set_entry;

/* A glTF file that one or several sets hold. */
typedef struct set_import {
  arena arena;
  const char *name; /* of the file */
  uint32_t holders;
  set_list members; /* entries, in order of creation */
  rg_primitive_info *primitives;
  uint32_t primitive_count;
  uint32_t mesh_count;
} set_import;

/* What a loaded set holds. */
typedef struct set_contents {
  set_list required;  /* sets: those that it names, each with a reference of ours */
  set_list reachable; /* sets: these and what they require in turn, once each */
  set_list members;   /* entries, in order of creation, without those of reachable sets */
  set_list imports;
  hash_map by_name[RG_TYPE_COUNT]; /* name → entry, of members */
  uint64_t device_bytes;
  uint32_t primitive_count;
  uint32_t mesh_count;
} set_contents;

typedef struct set {
  resource resource; /* its label is the set's name */
  arena arena;       /* of the descriptor's copy */
  rg_set_desc desc;
  uint32_t references;
  uint32_t requirers;     /* loaded sets among the references */
  set_contents *contents; /* NULL while unloaded */
  double load_ms;
} set;

typedef struct sets {
  slots slots;
  mutex loading;
  mutex lock;
  hash_map by_name;                /* name → set */
  hash_map entries[RG_TYPE_COUNT]; /* name → set_entry */
  hash_map imports;                /* file name → set_import */
} sets;

struct resources;
void sets_init(struct resources *layer);
/* Unloads and forgets all sets. */
void sets_finish(struct resources *layer);

/* As rg_set_create; is_released: nobody will destroy it, which is then no leak. */
RG_NODISCARD rg_result set_create(struct resources *layer, const rg_set_desc *desc,
                                  bool is_released, rg_set *out);
/* RG_ERROR_NOT_FOUND: "set 'Comon' does not exist; did you mean 'Common'?" Under `lock`. */
rg_result set_refuse(struct resources *layer, const char *name);
/* The set of that name, or NULL. Takes `lock`. */
set *set_find(struct resources *layer, const char *name);

/* ---- set_contents.c: what loaded sets hold. All under `loading`. ---- */

/* NULL when out of memory. */
set_contents *contents_create(struct resources *layer);
/* Lets everything go, the last first; NULL is allowed. */
void contents_destroy(struct resources *layer, set_contents *contents);
/* Gives one reference back; the last one unloads. */
void set_let_go(struct resources *layer, set *self);
/* A member of these contents, or of those of a reachable set; or NULL. */
set_entry *contents_find(const set_contents *contents, rg_type type, const char *name);
/* Holds an entry and what it needs, unless a reachable set does. */
RG_NODISCARD rg_result contents_hold(struct resources *layer, set_contents *contents,
                                     set_entry *entry);
/* Makes an entry of a new resource and holds it. Takes the creator's hold over, and the needs,
 * even where it fails. needs: may be NULL. */
RG_NODISCARD rg_result contents_adopt(struct resources *layer, set_contents *contents, rg_type type,
                                      const char *name, uint64_t id, set_list *needs,
                                      set_entry **out);
/* Holds a loaded set for one that requires it: a reference and a requirer are already counted. */
RG_NODISCARD rg_result contents_require(struct resources *layer, set_contents *contents,
                                        set *required);
/* Holds an import; its members are held already. */
RG_NODISCARD rg_result contents_import(struct resources *layer, set_contents *contents,
                                       set_import *import);
/* Frees an import that nobody holds; NULL is allowed. */
void import_free(struct resources *layer, set_import *import);

/* ---- set_load.c, set_material.c, gltf_import.c: loading ---- */

/* Names on the way down, for cycles. */
typedef struct load_chain {
  const struct load_chain *parent; /* NULL at the top */
  const char *name;
  uint32_t depth;
} load_chain;

/* RG_ERROR_INVALID_ARGUMENT with "… form a cycle: A → B → A" where the name is in the chain,
 * RG_ERROR_LIMIT beyond SET_MAX_DEPTH. what: "required sets". */
RG_NODISCARD rg_result chain_check(const load_chain *chain, const char *what, const char *name);

/* One set on its way in. */
typedef struct set_loader {
  struct resources *layer;
  set *set;
  set_contents *contents;
  const load_chain *materials; /* those being loaded, the innermost first */
} set_loader;

/* Finds a loaded resource or makes it from its declaration; *out is held. Failures name it. Two
 * things need none: the shader "regolith/pbr", and textures named as an image file under the roots,
 * which are sRGB unless the file's name tells of data (normal, rough, metal, occlusion, height) and
 * of no colour (albedo, color, colour, diffuse, emissive). */
RG_NODISCARD rg_result loader_get(set_loader *loader, rg_type type, const char *name,
                                  set_entry **out);
/* contents_adopt within the set's budget. */
RG_NODISCARD rg_result loader_adopt(set_loader *loader, rg_type type, const char *name, uint64_t id,
                                    set_list *needs, set_entry **out);
/* contents_hold within the set's budget. */
RG_NODISCARD rg_result loader_hold(set_loader *loader, set_entry *entry);
/* Whether loader_get would find it loaded or declared. */
bool loader_knows(const set_loader *loader, rg_type type, const char *name);
struct declaration;
/* Makes a material from its declaration, what it needs first. */
RG_NODISCARD rg_result loader_make_material(set_loader *loader, const struct declaration *declared,
                                            set_entry **out);
/* Loads a glTF file's buffers, textures, materials and primitives, or shares them. */
RG_NODISCARD rg_result loader_import(set_loader *loader, const char *file);

/* The thread's origin, changed for a while. */
typedef struct origin_scope {
  char previous[128];
} origin_scope;
origin_scope origin_scope_begin(const char *origin);
void origin_scope_end(const origin_scope *scope);

#endif
