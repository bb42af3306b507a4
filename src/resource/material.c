/* The life of materials: created whole or not at all, found by name, and let go with all that they
 * own. */
#include "material.h"

#include <string.h>

#include "resources.h"

/* ---- Death --------------------------------------------------------------------------------- */

static void material_free_arrays(resources *resources, material *material) {
  host_memory *memory = &resources->gpu.host;
  const size_t cells = material->cell_count;
  host_free(memory, material->handles, cells * sizeof *material->handles);
  host_free(memory, material->overridden, (cells + 63) / 64 * sizeof *material->overridden);
  material->handles = material->overridden = NULL;
}

/* Everything that the GPU may have been using, and the slot. */
static void material_die(gpu *gpu, frame_zombie *zombie) {
  material *self = RESOURCE_OF_ZOMBIE(material, zombie);
  resources *all = (resources *)(void *)gpu;
  if (self->set != NULL) {
    descriptor_set_free(gpu, &self->set->zombie);
    self->set = NULL;
  }
  pages_free(all, self);
  material_free_arrays(all, self);
  slots_recycle(&all->materials.slots, self->resource.id);
}

/* Lets go what the material owns; that may kill its parent, which then joins the dying. */
static void material_disown_all(resources *resources, material *material) {
  gpu *gpu = &resources->gpu;
  for (uint32_t cell = 0; cell < material->cell_count; cell++) {
    if (material->handles[cell] != 0 && cell_is_set(material->overridden, cell)) {
      resource_disown(gpu, material->handles[cell]);
    }
  }
  const uint64_t parent = material->parent != NULL ? material->parent->resource.id : 0;
  resource_disown(gpu, material->shader->resource.id);
  frame_retire(gpu, &material->resource.zombie, material_die);
  if (parent != 0) {
    resource_disown(gpu, parent);
  }
}

/* One at a time, so that a long chain of parents needs no deep stack. */
static void materials_bury(resources *resources) {
  materials *materials = &resources->materials;
  mutex_lock(&materials->lock);
  if (!materials->is_burying) {
    materials->is_burying = true;
    while (materials->dying != NULL) {
      material *next = materials->dying;
      materials->dying = next->next_dying;
      mutex_unlock(&materials->lock);
      material_disown_all(resources, next);
      mutex_lock(&materials->lock);
    }
    materials->is_burying = false;
  }
  mutex_unlock(&materials->lock);
}

static void material_reclaim(void *owner, uint64_t id, void *storage) {
  resources *all = (resources *)owner;
  materials *materials = &all->materials;
  material *self = storage;
  const char *name = material_name(self);
  mutex_lock(&materials->lock);
  /* Another may have taken the name since this one died. */
  if ((uint64_t)(uintptr_t)hash_map_get(&materials->by_name, name, strlen(name)) == id) {
    hash_map_remove(&materials->by_name, name, strlen(name));
  }
  material_unlink(self);
  self->next_dying = materials->dying;
  materials->dying = self;
  mutex_unlock(&materials->lock);
  materials_bury(all);
}

/* ---- All materials -------------------------------------------------------------------------- */

void materials_init(resources *resources) {
  gpu *gpu = &resources->gpu;
  materials *materials = &resources->materials;
  slots_init(&materials->slots, &gpu->host, RG_TYPE_MATERIAL, sizeof(material), material_reclaim,
             resources);
  mutex_init(&materials->lock);
  mutex_init(&materials->page_lock);
  hash_map_init(&materials->by_name, &gpu->host);
  gpu->slots_by_type[RG_TYPE_MATERIAL] = &materials->slots;
  gpu->resource_offset[RG_TYPE_MATERIAL] = offsetof(material, resource);
}

/* Kills a tree from its leaves up, since a parent must outlive its children. */
static void material_kill_tree(slots *slots, uint64_t root) {
  material *node = slots_peek(slots, root);
  while (node != NULL) {
    while (node->first_child != NULL) {
      node = node->first_child;
    }
    const uint64_t id = node->resource.id;
    const uint64_t parent = node->parent != NULL ? node->parent->resource.id : 0;
    slots_retire(slots, id);
    node = id != root ? slots_peek(slots, parent) : NULL;
  }
}

void materials_finish(resources *resources) {
  materials *materials = &resources->materials;
  uint64_t id = 0;
  while ((id = slots_next(&materials->slots, id)) != 0) {
    material_kill_tree(&materials->slots, id);
  }
  pages_disown(resources);
  resource_finish_all(&resources->gpu, RG_TYPE_MATERIAL);
  pages_finish(resources);
  hash_map_finish(&materials->by_name);
  mutex_finish(&materials->page_lock);
  mutex_finish(&materials->lock);
}

/* ---- Birth ---------------------------------------------------------------------------------- */

static rg_result check_desc(const rg_material_desc *desc) {
  if (desc == NULL || desc->name == NULL || desc->name[0] == '\0') {
    return result_set(RG_ERROR_INVALID_ARGUMENT, "material: a name is required");
  }
  if (desc->shader.id != 0 || desc->parent.id != 0) {
    return RG_OK;
  }
  if (desc->shader_name != NULL || desc->parent_name != NULL) {
    return result_set(RG_ERROR_INVALID_ARGUMENT,
                      "material '%s': shader_name and parent_name are for declarations; give a "
                      "shader or a parent",
                      desc->name);
  }
  return result_set(RG_ERROR_INVALID_ARGUMENT, "material '%s': a shader or a parent is required",
                    desc->name);
}

/* Owns parent and shader; either stays NULL on failure. */
static rg_result material_own_base(resources *resources, const rg_material_desc *desc,
                                   material *material) {
  gpu *gpu = &resources->gpu;
  rg_result result = RG_OK;
  uint64_t shader_id = desc->shader.id;
  if (desc->parent.id != 0) {
    result = resource_own(gpu, RG_TYPE_MATERIAL, desc->parent.id);
    if (result != RG_OK) {
      return result_prefix(result, "material '%s': parent", desc->name);
    }
    material->parent = slots_peek(&resources->materials.slots, desc->parent.id);
    shader_id = shader_id != 0 ? shader_id : material->parent->shader->resource.id;
  }
  result = resource_own(gpu, RG_TYPE_SHADER, shader_id);
  if (result != RG_OK) {
    return result_prefix(result, "material '%s': shader", desc->name);
  }
  material->shader = slots_peek(&resources->shaders.slots, shader_id);
  if (material->parent != NULL && material->parent->shader != material->shader) {
    return result_set(RG_ERROR_INVALID_ARGUMENT,
                      "material '%s': shader '%s' is not that of its parent '%s', '%s'", desc->name,
                      material->shader->code.label, material_name(material->parent),
                      material->parent->shader->code.label);
  }
  return RG_OK;
}

static rg_result material_alloc_arrays(resources *resources, material *material) {
  const shader *shader = material->shader;
  host_memory *memory = &resources->gpu.host;
  material->cell_count = shader->cell_count;
  if (shader->cell_count == 0) {
    return RG_OK;
  }
  material->handles = host_calloc(memory, shader->cell_count, sizeof *material->handles);
  material->overridden =
      host_calloc(memory, (shader->cell_count + 63) / 64, sizeof *material->overridden);
  return material->handles != NULL && material->overridden != NULL
             ? RG_OK
             : result_no_memory("a material's cells", shader->cell_count);
}

static rg_result check_bindings(const char *name, const shader *shader) {
  rg_result result = RG_OK;
  for (uint32_t i = shader->member_count; i < shader->parameter_count && result == RG_OK; i++) {
    result = binding_check(name, shader->parameters[i].info.binding);
  }
  return result;
}

/* Under the lock: everything that others can see or that needs the parent's present values. */
static rg_result material_enter(resources *resources, const char *name, uint64_t id,
                                material *material, material_changes *changes) {
  rg_result result = RG_OK;
  materials *materials = &resources->materials;
  const size_t length = strlen(name);
  const uint64_t taken = (uint64_t)(uintptr_t)hash_map_get(&materials->by_name, name, length);
  if (taken != 0 && slots_peek(&materials->slots, taken) != NULL) {
    return result_set(RG_ERROR_INVALID_ARGUMENT, "material '%s': the name is taken", name);
  }
  if (material->shader->block != NULL) {
    RG_TRY(pages_alloc(resources, material->shader, material));
  }
  material_inherit(material);
  RG_TRY(material_apply(resources, material, changes));
  RG_TRY(hash_map_set(&materials->by_name, name, length, (void *)(uintptr_t)id));
  material_link(material);
  slots_publish(&materials->slots, id);
  return RG_OK;
fail:
  return result;
}

/* Undoes a birth; nobody else has seen the material. */
static void material_abort(resources *resources, uint64_t id, material *material) {
  gpu *gpu = &resources->gpu;
  if (material->set != NULL) {
    descriptor_set_free(gpu, &material->set->zombie);
  }
  pages_free(resources, material);
  material_free_arrays(resources, material);
  if (material->shader != NULL) {
    resource_disown(gpu, material->shader->resource.id);
  }
  if (material->parent != NULL) {
    resource_disown(gpu, material->parent->resource.id);
  }
  slots_cancel(&resources->materials.slots, id);
}

/* Fills a reserved slot. */
static rg_result material_init(resources *resources, const rg_material_desc *desc, uint64_t id,
                               material *material) {
  rg_result result = RG_OK;
  material_changes changes;
  RG_TRY(resource_begin(&resources->gpu, &material->resource, id, desc->name));
  RG_TRY(material_own_base(resources, desc, material));
  RG_TRY(check_bindings(desc->name, material->shader));
  RG_TRY(material_alloc_arrays(resources, material));
  if (desc->state != NULL) {
    material->state = *desc->state;
  } else if (material->parent != NULL) {
    material->state = material->parent->state;
  }
  RG_TRY(changes_init(resources, desc->name, material->shader, desc->parameters,
                      desc->parameter_count, &changes));
  mutex_lock(&resources->materials.lock);
  result = material_enter(resources, desc->name, id, material, &changes);
  mutex_unlock(&resources->materials.lock);
  changes_finish(resources, &changes);
fail:
  return result;
}

rg_result rg_material_create(rg_engine *engine, const rg_material_desc *desc, rg_material *out) {
  RESOURCE_REQUIRE(out);
  out->id = 0;
  RESOURCE_REQUIRE(engine);
  resources *all = resources_of(engine);
  slots *slots = &all->materials.slots;
  uint64_t id = 0;
  void *storage = NULL;
  rg_result result = check_desc(desc);
  if (result != RG_OK) {
    return result;
  }
  result = slots_alloc(slots, &id, &storage);
  if (result != RG_OK) {
    return result;
  }
  memset((unsigned char *)storage + sizeof(resource), 0, sizeof(material) - sizeof(resource));
  result = material_init(all, desc, id, storage);
  if (result != RG_OK) {
    material_abort(all, id, storage);
    return result;
  }
  out->id = id;
  return RG_OK;
}

rg_result rg_material_destroy(rg_engine *engine, rg_material material) {
  RESOURCE_REQUIRE(engine);
  return resource_destroy(gpu_of(engine), RG_TYPE_MATERIAL, material.id);
}

rg_result rg_material_find(rg_engine *engine, const char *name, rg_material *out) {
  RESOURCE_REQUIRE(out);
  out->id = 0;
  RESOURCE_REQUIRE(engine);
  RESOURCE_REQUIRE(name);
  resources *all = resources_of(engine);
  materials *materials = &all->materials;
  mutex_lock(&materials->lock);
  const uint64_t id = (uint64_t)(uintptr_t)hash_map_get(&materials->by_name, name, strlen(name));
  mutex_unlock(&materials->lock);
  if (id == 0 || slots_peek(&materials->slots, id) == NULL) {
    return result_set(RG_ERROR_NOT_FOUND, "material '%s': there is none of that name", name);
  }
  out->id = id;
  return RG_OK;
}
