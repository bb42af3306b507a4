/* Bindings by name, and the check that no binding serves two masters. */
#include <spirv_cross/spirv.h>
#include <stdlib.h>
#include <string.h>

#include "base/result.h"
#include "link.h"
#include "resource.h"

/* A resource of one stage. */
typedef struct slot {
  shader_resource resource;
  uint32_t stage;
  bool is_fixed; /* its binding is written */
  bool has_set;
} slot;

typedef struct slot_list {
  slot *items;
  uint32_t count;
} slot_list;

/* glslang gives binding 0 to what has none, so the text must tell the two apart. */
static slot slot_of(const link_stages *stages, uint32_t stage, const shader_resource *resource) {
  slot self = {.resource = *resource, .stage = stage, .is_fixed = true, .has_set = true};
  if (stages->modules[stage].is_glsl) {
    const global_decl *decl = globals_get(&stages->globals[stage], resource->name);
    self.is_fixed = decl != NULL ? decl->has_binding : resource->binding != 0;
    self.has_set = decl != NULL ? decl->has_set : resource->set != 0;
  }
  return self;
}

static rg_result slots_gather(const link_stages *stages, slot_list *out) {
  resource_list all = {0};
  uint32_t ends[RG_MAX_STAGES] = {0};
  for (uint32_t i = 0; i < stages->count; i++) {
    rg_result result = resources_find(stages->scratch, &stages->modules[i], &all);
    if (result != RG_OK) {
      return result;
    }
    ends[i] = all.count;
  }
  out->items = arena_alloc(stages->scratch, all.count * sizeof *out->items);
  if (out->items == NULL) {
    return result_no_memory("shader's bindings", all.count * sizeof *out->items);
  }
  uint32_t stage = 0;
  for (uint32_t i = 0; i < all.count; i++) {
    while (i >= ends[stage]) {
      stage++;
    }
    out->items[out->count++] = slot_of(stages, stage, &all.items[i]);
  }
  return RG_OK;
}

static int compare_uint32(uint32_t a, uint32_t b) {
  return (a > b) - (a < b);
}

/* By name, and among equal names the written ones first. */
static int slot_compare_names(const void *left, const void *right) {
  const slot *a = left, *b = right;
  int order = strcmp(a->resource.name, b->resource.name);
  order = order != 0 ? order : b->is_fixed - a->is_fixed;
  order = order != 0 ? order : b->has_set - a->has_set;
  order = order != 0 ? order : compare_uint32(a->stage, b->stage);
  return order != 0 ? order : compare_uint32(a->resource.id, b->resource.id);
}

static uint64_t slot_key(const slot *self) {
  return (uint64_t)self->resource.set << 32 | self->resource.binding;
}

static int slot_compare_keys(const void *left, const void *right) {
  const slot *a = left, *b = right;
  uint64_t key_a = slot_key(a), key_b = slot_key(b);
  return key_a != key_b ? (key_a > key_b) - (key_a < key_b) : slot_compare_names(left, right);
}

static int key_compare(const void *left, const void *right) {
  const uint64_t *a = left, *b = right;
  return (*a > *b) - (*a < *b);
}

static void error_types(const link_stages *stages, const slot *a, const slot *b) {
  text_printf(stages->errors,
              "%s: error: '%s' is a %s here but a %s in %s; one name has one type and count\n",
              stages->modules[b->stage].name, b->resource.name,
              resource_type_name(b->resource.descriptor),
              resource_type_name(a->resource.descriptor), stages->modules[a->stage].name);
}

/* Gives the automatic slots of one name, items[0] to items[count - 1], their numbers. */
static rg_result group_assign(const link_stages *stages, slot *items, uint32_t count,
                              const uint64_t *fixed, uint32_t fixed_count, uint32_t *next) {
  uint32_t set = items[0].has_set ? items[0].resource.set : 0;
  uint32_t binding = items[0].resource.binding;
  if (!items[0].is_fixed && set < RG_MAX_SETS) {
    uint64_t key;
    do {
      binding = next[set]++;
      key = (uint64_t)set << 32 | binding;
    } while (bsearch(&key, fixed, fixed_count, sizeof key, key_compare) != NULL);
  }
  for (uint32_t i = 0; i < count; i++) {
    module *target = &stages->modules[items[i].stage];
    if (!resource_is_same(&items[0].resource, &items[i].resource)) {
      error_types(stages, &items[0], &items[i]);
    }
    if (items[i].is_fixed) {
      continue;
    }
    items[i].resource.set = set;
    items[i].resource.binding = binding;
    rg_result result = module_decorate(target, items[i].resource.id, SpvDecorationBinding, binding);
    if (result == RG_OK) {
      result = module_decorate(target, items[i].resource.id, SpvDecorationDescriptorSet, set);
    }
    if (result != RG_OK) {
      return result;
    }
  }
  return RG_OK;
}

/* The slots of items[0]'s name (and, where both write one, its set). */
static uint32_t group_length(const slot *items, uint32_t count) {
  uint32_t length = 1;
  while (length < count && strcmp(items[length].resource.name, items[0].resource.name) == 0 &&
         items[0].resource.name[0] != '\0' &&
         (!items[length].has_set || items[length].resource.set == items[0].resource.set)) {
    length++;
  }
  return length;
}

static rg_result slots_assign(const link_stages *stages, slot_list *list) {
  uint64_t *fixed = arena_alloc(stages->scratch, list->count * sizeof *fixed);
  uint32_t fixed_count = 0, next[RG_MAX_SETS] = {0};
  if (fixed == NULL) {
    return result_no_memory("shader's bindings", list->count * sizeof *fixed);
  }
  for (uint32_t i = 0; i < list->count; i++) {
    if (list->items[i].is_fixed) {
      fixed[fixed_count++] = slot_key(&list->items[i]);
    }
  }
  qsort(fixed, fixed_count, sizeof *fixed, key_compare);
  qsort(list->items, list->count, sizeof *list->items, slot_compare_names);
  for (uint32_t i = 0, length; i < list->count; i += length) {
    length = group_length(&list->items[i], list->count - i);
    rg_result result = group_assign(stages, &list->items[i], length, fixed, fixed_count, next);
    if (result != RG_OK) {
      return result;
    }
  }
  return RG_OK;
}

static void slots_check(const link_stages *stages, slot_list *list) {
  qsort(list->items, list->count, sizeof *list->items, slot_compare_keys);
  for (uint32_t i = 0; i < list->count; i++) {
    const slot *self = &list->items[i], *before = i == 0 ? NULL : self - 1;
    if (self->resource.set >= RG_MAX_SETS) {
      text_printf(stages->errors, "%s: error: '%s' is in set %u; there are %d, from 0\n",
                  stages->modules[self->stage].name, self->resource.name, self->resource.set,
                  RG_MAX_SETS);
    }
    if (before != NULL && slot_key(before) == slot_key(self) &&
        strcmp(before->resource.name, self->resource.name) != 0 &&
        !resource_is_compatible(&before->resource, &self->resource)) {
      text_printf(stages->errors,
                  "%s: error: set %u, binding %u is the %s '%s' here but the %s '%s' in %s\n",
                  stages->modules[self->stage].name, self->resource.set, self->resource.binding,
                  resource_type_name(self->resource.descriptor), self->resource.name,
                  resource_type_name(before->resource.descriptor), before->resource.name,
                  stages->modules[before->stage].name);
    }
  }
}

rg_result link_bindings(const link_stages *stages) {
  slot_list list = {0};
  rg_result result = slots_gather(stages, &list);
  if (result == RG_OK) {
    result = slots_assign(stages, &list);
  }
  if (result == RG_OK) {
    slots_check(stages, &list);
  }
  return result;
}
