/* Materials: a shader, values in a CPU shadow, one descriptor set, raster state; inheritance from
 * parents.
 *
 * Locks: `lock` guards the tree, names, values, sets and the list of pages. `page_lock` guards the
 * pages' ranges alone, because materials give theirs back when the GPU has passed, on whichever
 * thread sees that, perhaps under `lock`. No resource is let go under `lock`: a material that dies
 * takes it. */
#ifndef RG_RESOURCE_MATERIAL_H
#define RG_RESOURCE_MATERIAL_H

#include "base/hash_map.h"
#include "shader.h"

/* A shared VkBuffer of blocks, its shadow and its dirty range. */
typedef struct material_page {
  struct material_page *next;
  rg_buffer buffer; /* owned */
  uint64_t size;
  range_allocator *ranges;
  unsigned char *shadow;
  uint64_t dirty_begin, dirty_end; /* bytes; equal where nothing is dirty */
} material_page;

typedef struct material {
  resource resource; /* its label is the material's name */
  const shader *shader;
  struct material *parent; /* NULL for none */
  struct material *first_child, *next_sibling;
  rg_state state;
  uint32_t cell_count;  /* the shader's, which may die first */
  uint64_t *handles;    /* by cell: texture or buffer ids, inherited ones too; 0: default, member */
  uint64_t *overridden; /* a bit for each cell that this material sets itself */
  unsigned char *values; /* the block's bytes in the page's shadow; NULL without a block */
  material_page *page;
  range_id page_range;
  descriptor_set *set;             /* NULL without bindings */
  descriptor_set *pending_set;     /* takes its place when the update under way succeeds */
  const shader_parameter *missing; /* has neither value nor default; NULL where all are there */
  struct material *next_dying;
  struct material *next_moving;
} material;

typedef struct materials {
  slots slots;
  mutex lock, page_lock;
  hash_map by_name; /* name → id as a pointer-sized integer */
  material_page *pages;
  material *dying; /* dead ones whose belongings somebody is letting go */
  bool is_burying;
  material *moving;              /* whose sets are made anew by moves under way */
  struct moving_writer *writers; /* for these */
} materials;

struct resources;
void materials_init(struct resources *resources);
void materials_finish(struct resources *resources);
/* Queues what materials changed since the last flush; rg_flush, rg_submit and rg_dispatch call it
 * first. */
RG_NODISCARD rg_result materials_flush(struct resources *resources);

/* Around moves of textures and buffers, ids in ascending order; `lock` is held from a begin that
 * succeeded to the end. begin makes new sets for all materials that name one of them, and marks
 * those that pinned materials name: they must stay. end writes the sets, unless nothing has moved.
 */
RG_NODISCARD rg_result materials_begin_moves(struct resources *resources, const uint64_t *ids,
                                             bool *is_kept, uint32_t count);
void materials_end_moves(struct resources *resources, bool any_moved);

/* What a material binds and draws with, as long as the caller holds the material and `lock`.
 * RG_ERROR_INVALID_ARGUMENT: a parameter that has no default is missing. */
RG_NODISCARD rg_result material_check_complete(const material *material);
/* The material's pipeline; target is ignored for compute. */
RG_NODISCARD rg_result material_pipeline(struct resources *resources, const material *material,
                                         const rg_pipeline_target *target, VkPipeline *out);

static inline const char *material_name(const material *material) {
  return resource_label(&material->resource);
}

static inline bool cell_is_set(const uint64_t *bits, uint32_t cell) {
  return (bits[cell / 64] >> (cell % 64) & 1) != 0;
}

static inline void cell_set(uint64_t *bits, uint32_t cell) {
  bits[cell / 64] |= UINT64_C(1) << (cell % 64);
}

/* ---- material_values.c: parameters to the block's bytes, and back ---- */

/* One checked parameter: packed scalars, or ids, and the cells that they are for. */
typedef struct material_change {
  shader_parameter *parameter;
  uint32_t first_cell, cell_count;
  void *data; /* packed scalars of a member; uint64_t ids otherwise */
} material_change;

typedef struct material_changes {
  host_memory *memory;
  material_change *items;
  uint32_t count;
  unsigned char *block; /* of data and items, where they do not fit into `small` */
  size_t block_size;
  uint32_t owned_count; /* ids that are owned: the first ones, in order */
  uint64_t small[128];
} material_changes;

/* Checks and converts everything, and owns the textures and buffers named. `changes` needs no
 * initialisation and on failure no finish. */
RG_NODISCARD rg_result changes_init(struct resources *resources, const char *name,
                                    const shader *shader, const rg_parameter *parameters,
                                    uint32_t count, material_changes *changes);
/* Disowns the ids that it holds: the new ones, or the old ones after they were swapped. */
void changes_finish(struct resources *resources, material_changes *changes);

/* Spreads packed scalars over a block by the member's strides. */
void member_write(const shader_parameter *parameter, const void *packed, unsigned char *block);
/* The present value as rg_material_get gives it, but for the name. */
RG_NODISCARD rg_result member_read(const char *material, const shader_parameter *parameter,
                                   const unsigned char *block, void *data, uint32_t capacity,
                                   rg_parameter *out);

/* ---- material_bindings.c: whether a texture or buffer fits a binding ---- */

/* Owns the resource. RG_ERROR_WRONG_TYPE, _STALE_HANDLE, _LIMIT, _INVALID_ARGUMENT. material and
 * name: of the parameter, for messages. */
RG_NODISCARD rg_result binding_own(struct resources *resources, const char *material,
                                   const char *name, const rg_binding *binding, uint64_t id);
bool binding_is_buffer(const rg_binding *binding);
/* Whether it can be left out. */
bool binding_has_default(const rg_binding *binding);
/* RG_ERROR_UNSUPPORTED: a kind of binding that materials cannot fill. material: for the message. */
RG_NODISCARD rg_result binding_check(const char *material, const rg_binding *binding);

/* ---- material_pages.c: room for blocks ---- */

/* Zeroed bytes for a block, dirty. Under `lock`. */
RG_NODISCARD rg_result pages_alloc(struct resources *resources, const shader *shader,
                                   material *material);
/* Any thread. */
void pages_free(struct resources *resources, material *material);
void pages_mark(material *material, const rg_binding *block);
/* Gives the buffers back; pages_finish frees the rest when all materials are gone. */
void pages_disown(struct resources *resources);
void pages_finish(struct resources *resources);

/* ---- material_sets.c: descriptor sets ---- */

/* Room and defaults for writing the sets of a shader's materials, so that writing cannot fail. */
typedef struct set_writer {
  host_memory *memory;
  const shader *shader;
  void *block;
  size_t block_size;
  VkWriteDescriptorSet *writes;
  VkDescriptorImageInfo *images;   /* by cell */
  VkDescriptorBufferInfo *buffers; /* by cell */
  VkDescriptorImageInfo *defaults; /* by parameter */
  VkDescriptorBufferInfo page;
} set_writer;

RG_NODISCARD rg_result set_writer_init(struct resources *resources, const shader *shader,
                                       set_writer *writer);
void set_writer_finish(set_writer *writer); /* a zeroed one is allowed */
/* Writes the material's pending set from its handles and its page; tells what is missing. */
void set_writer_write(struct resources *resources, set_writer *writer, material *material);

/* ---- material_inherit.c: values down the tree. All under `lock`. ---- */

/* The next of the materials that have root's value of a cell, in preorder, root first (`last` NULL)
 * or NULL. */
material *heirs_next(material *root, material *last, uint32_t cell);
/* A pending set, where it has none yet. */
RG_NODISCARD rg_result material_make_set(struct resources *resources, material *material);
/* Writes the pending set, if there is one, and puts it in the place of the old one. */
void material_take_set(struct resources *resources, set_writer *writer, material *heir);
void material_drop_set(struct resources *resources, material *heir);
void material_link(material *material);
void material_unlink(material *material);
/* Copies all of its parent's values, if it has one. */
void material_inherit(material *material);
/* Makes the changes in the material and its heirs, new sets included, or nothing. A new material
 * gets its first set. */
RG_NODISCARD rg_result material_apply(struct resources *resources, material *material,
                                      material_changes *changes);

#endif
