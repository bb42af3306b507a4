/* Values down the tree of materials: a parent's change reaches every descendant that has not its
 * own value. All materials of a tree have one shader, so cells mean the same in all. */
#include <string.h>

#include "resources.h"

static bool is_own(const material *material, uint32_t cell) {
  return cell_is_set(material->overridden, cell);
}

/* The first of these siblings that takes its parent's value. */
static material *first_heir(material *sibling, uint32_t cell) {
  while (sibling != NULL && is_own(sibling, cell)) {
    sibling = sibling->next_sibling;
  }
  return sibling;
}

material *heirs_next(material *root, material *last, uint32_t cell) {
  if (last == NULL) {
    return root;
  }
  material *next = first_heir(last->first_child, cell);
  while (next == NULL && last != root) {
    next = first_heir(last->next_sibling, cell);
    last = last->parent;
  }
  return next;
}

void material_link(material *material) {
  if (material->parent != NULL) {
    material->next_sibling = material->parent->first_child;
    material->parent->first_child = material;
  }
}

void material_unlink(material *material) {
  if (material->parent == NULL) {
    return;
  }
  struct material **link = &material->parent->first_child;
  while (*link != NULL && *link != material) {
    link = &(*link)->next_sibling;
  }
  if (*link == material) {
    *link = material->next_sibling;
  }
  material->next_sibling = NULL;
}

void material_inherit(material *material) {
  const struct material *parent = material->parent;
  const shader *shader = material->shader;
  if (parent == NULL) {
    return;
  }
  if (shader->cell_count > 0) {
    memcpy(material->handles, parent->handles, shader->cell_count * sizeof *material->handles);
  }
  if (shader->block != NULL) {
    memcpy(material->values, parent->values, shader->block->block->size);
  }
}

/* ---- Applying changes ---- */

static bool change_is_binding(const material_change *change) {
  return change->parameter->info.member == NULL;
}

rg_result material_make_set(resources *resources, material *heir) {
  const shader *shader = heir->shader;
  if (heir->pending_set != NULL) {
    return RG_OK;
  }
  return descriptor_set_create(&resources->gpu, shader->layout.set_layouts[shader->material_set],
                               &shader->code.reflection, shader->material_set, material_name(heir),
                               &heir->pending_set);
}

typedef void heir_visit(resources *resources, set_writer *writer, material *heir);

/* Visits everyone who gets a new set, some perhaps more than once. */
static void for_heirs(resources *resources, material *material, const material_changes *changes,
                      set_writer *writer, heir_visit *visit) {
  for (uint32_t i = 0; i < changes->count; i++) {
    const material_change *change = &changes->items[i];
    for (uint32_t j = 0; change_is_binding(change) && j < change->cell_count; j++) {
      const uint32_t cell = change->first_cell + j;
      for (struct material *heir = material; heir != NULL;
           heir = heirs_next(material, heir, cell)) {
        visit(resources, writer, heir);
      }
    }
  }
}

void material_take_set(resources *resources, set_writer *writer, material *heir) {
  if (heir->pending_set == NULL) {
    return;
  }
  set_writer_write(resources, writer, heir);
  if (heir->set != NULL) {
    frame_retire(&resources->gpu, &heir->set->zombie, descriptor_set_free);
  }
  heir->set = heir->pending_set;
  heir->pending_set = NULL;
}

void material_drop_set(resources *resources, material *heir) {
  if (heir->pending_set != NULL) {
    descriptor_set_free(&resources->gpu, &heir->pending_set->zombie);
    heir->pending_set = NULL;
  }
}

static void heir_drop_set(resources *resources, set_writer *writer, material *heir) {
  (void)writer;
  material_drop_set(resources, heir);
}

/* Whatever can fail: sets for everyone whose textures or buffers change. */
static rg_result prepare_sets(resources *resources, material *material,
                              const material_changes *changes) {
  rg_result result = material_make_set(resources, material);
  for (uint32_t i = 0; i < changes->count; i++) {
    const material_change *change = &changes->items[i];
    for (uint32_t j = 0; change_is_binding(change) && j < change->cell_count; j++) {
      const uint32_t cell = change->first_cell + j;
      for (struct material *heir = material; heir != NULL && result == RG_OK;
           heir = heirs_next(material, heir, cell)) {
        result = material_make_set(resources, heir);
      }
    }
  }
  return result;
}

/* Leaves in `changes` what is to be let go: what the material itself held before. An inherited
 * value belongs to whom it came from. */
static void swap_handle(material *material, uint32_t cell, uint64_t *id) {
  const uint64_t given = *id;
  *id = is_own(material, cell) ? material->handles[cell] : 0;
  cell_set(material->overridden, cell);
  for (struct material *heir = material; heir != NULL; heir = heirs_next(material, heir, cell)) {
    heir->handles[cell] = given;
  }
}

static void commit_values(material *material, const material_change *change) {
  cell_set(material->overridden, change->first_cell);
  for (struct material *heir = material; heir != NULL;
       heir = heirs_next(material, heir, change->first_cell)) {
    member_write(change->parameter, change->data, heir->values);
    pages_mark(heir, heir->shader->block);
  }
}

static void commit(material *material, material_changes *changes) {
  for (uint32_t i = 0; i < changes->count; i++) {
    material_change *change = &changes->items[i];
    if (!change_is_binding(change)) {
      commit_values(material, change);
      continue;
    }
    uint64_t *ids = change->data;
    for (uint32_t j = 0; j < change->cell_count; j++) {
      swap_handle(material, change->first_cell + j, &ids[j]);
    }
  }
}

rg_result material_apply(resources *resources, material *material, material_changes *changes) {
  rg_result result = RG_OK;
  set_writer writer = {0};
  const bool is_new = material->set == NULL && material->shader->material_set != SHADER_NO_SET;
  const bool needs_sets = is_new || changes->owned_count > 0;
  if (needs_sets) {
    RG_TRY(set_writer_init(resources, material->shader, &writer));
    RG_TRY(prepare_sets(resources, material, changes));
  }
  commit(material, changes);
  if (needs_sets) {
    material_take_set(resources, &writer, material);
    for_heirs(resources, material, changes, &writer, material_take_set);
  }
  set_writer_finish(&writer);
  return RG_OK;
fail:
  material_drop_set(resources, material);
  for_heirs(resources, material, changes, NULL, heir_drop_set);
  set_writer_finish(&writer);
  return result;
}
