/* Materials and defragmentation: whoever names a moved texture or buffer gets a new descriptor set.
 */
#include "resources.h"

/* Writes the sets of one shader's materials. */
typedef struct moving_writer {
  struct moving_writer *next;
  set_writer writer;
} moving_writer;

/* ---- Who is concerned ---------------------------------------------------------------------- */

typedef struct moving_ids {
  const uint64_t *ids;
  bool *is_kept;
  uint32_t count;
} moving_ids;

/* The place of an id among those that move, or count. */
static uint32_t ids_find(const moving_ids *moving, uint64_t id) {
  uint32_t begin = 0, end = moving->count;
  while (begin < end) {
    const uint32_t middle = begin + (end - begin) / 2;
    if (moving->ids[middle] < id) {
      begin = middle + 1;
    } else {
      end = middle;
    }
  }
  return begin < moving->count && moving->ids[begin] == id ? begin : moving->count;
}

static bool names_any(const material *material, const moving_ids *moving) {
  for (uint32_t cell = 0; cell < material->cell_count; cell++) {
    const uint64_t id = material->handles[cell];
    if (id != 0 && ids_find(moving, id) < moving->count) {
      return true;
    }
  }
  return false;
}

/* What a pinned material's set names stays where it is. */
static void keep_all(const material *material, const moving_ids *moving) {
  for (uint32_t cell = 0; cell < material->cell_count; cell++) {
    const uint32_t place = ids_find(moving, material->handles[cell]);
    if (place < moving->count) {
      moving->is_kept[place] = true;
    }
  }
}

/* ---- Sets ---------------------------------------------------------------------------------- */

static set_writer *writer_find(const materials *materials, const shader *shader) {
  for (moving_writer *known = materials->writers; known != NULL; known = known->next) {
    if (known->writer.shader == shader) {
      return &known->writer;
    }
  }
  return NULL;
}

static rg_result writer_ensure(resources *resources, const shader *shader) {
  materials *materials = &resources->materials;
  if (writer_find(materials, shader) != NULL) {
    return RG_OK;
  }
  moving_writer *made = host_calloc(&resources->gpu.host, 1, sizeof *made);
  if (made == NULL) {
    return result_no_memory("descriptor writes", sizeof *made);
  }
  rg_result result = set_writer_init(resources, shader, &made->writer);
  if (result != RG_OK) {
    host_free(&resources->gpu.host, made, sizeof *made);
    return result;
  }
  made->next = materials->writers;
  materials->writers = made;
  return RG_OK;
}

static rg_result material_prepare(resources *resources, material *material) {
  rg_result result = RG_OK;
  RG_TRY(writer_ensure(resources, material->shader));
  RG_TRY(material_make_set(resources, material));
  material->next_moving = resources->materials.moving;
  resources->materials.moving = material;
fail:
  return result;
}

/* ---- Begin and end ------------------------------------------------------------------------- */

rg_result materials_begin_moves(resources *resources, const uint64_t *ids, bool *is_kept,
                                uint32_t count) {
  materials *materials = &resources->materials;
  moving_ids moving = {.ids = ids, .count = count};
  moving.is_kept = is_kept;
  rg_result result = RG_OK;
  mutex_lock(&materials->lock);
  for (uint64_t id = slots_next(&materials->slots, 0); id != 0 && result == RG_OK;
       id = slots_next(&materials->slots, id)) {
    /* by index: one that is dying meanwhile stays until it gets the lock */
    material *material = slots_storage_of_index(&materials->slots, id);
    if (!names_any(material, &moving)) {
      continue;
    }
    if (resource_is_pinned(&resources->gpu, id)) {
      keep_all(material, &moving);
    } else {
      result = material_prepare(resources, material);
    }
  }
  if (result != RG_OK) {
    materials_end_moves(resources, false);
  }
  return result;
}

void materials_end_moves(resources *resources, bool any_moved) {
  materials *materials = &resources->materials;
  while (materials->moving != NULL) {
    material *material = materials->moving;
    materials->moving = material->next_moving;
    if (any_moved) {
      material_take_set(resources, writer_find(materials, material->shader), material);
    } else {
      material_drop_set(resources, material);
    }
  }
  while (materials->writers != NULL) {
    moving_writer *known = materials->writers;
    materials->writers = known->next;
    set_writer_finish(&known->writer);
    host_free(&resources->gpu.host, known, sizeof *known);
  }
  mutex_unlock(&materials->lock);
}
