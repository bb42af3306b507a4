/* Which parameters a shader's materials have: the material set, its block's members by dotted
 * names, its other bindings; and finding one by name. */
#include "resources.h"
#include "shader.h"

#include <stdlib.h>
#include <string.h>

/* A block that the engine can hold for the caller: one, of known size. */
static bool block_is_material(const rg_binding *binding) {
  if (binding->block == NULL || binding->count != 1 || binding->block->size == 0 ||
      strcmp(binding->block->name, "Material") != 0) {
    return false;
  }
  const rg_block *block = binding->block;
  return block->member_count == 0 || block->members[block->member_count - 1].array_count > 0;
}

static void choose_set(shader *shader) {
  const rg_reflection *reflection = &shader->code.reflection;
  shader->material_set = SHADER_NO_SET;
  for (uint32_t i = 0; i < reflection->binding_count; i++) {
    const rg_binding *binding = &reflection->bindings[i];
    if (block_is_material(binding)) {
      shader->material_set = binding->set;
      shader->block = binding;
      return;
    }
    if (binding->set < shader->material_set) {
      shader->material_set = binding->set;
    }
  }
}

/* A walk over the block's members, depth first: first to count, then to fill. */
typedef struct listing {
  shader *shader;
  rg_result result;
  bool is_filling;
} listing;

static void listing_add(listing *list, const char *name, const rg_member *member,
                        const rg_binding *binding, uint32_t offset) {
  shader *self = list->shader;
  const uint32_t cells = member == NULL ? binding->count : 1;
  if (self->parameter_count == SHADER_MAX_PARAMETERS ||
      cells > SHADER_MAX_PARAMETERS - self->cell_count) {
    list->result = result_set(RG_ERROR_LIMIT, "shader '%s': more than %u material parameters",
                              self->code.label, SHADER_MAX_PARAMETERS);
    return;
  }
  if (list->is_filling) {
    shader_parameter *parameter = &self->parameters[self->parameter_count];
    parameter->info = (rg_parameter_info){.name = name, .member = member, .binding = binding};
    parameter->offset = offset;
    parameter->first_cell = self->cell_count;
    parameter->cell_count = cells;
  }
  self->parameter_count++;
  self->cell_count += cells;
}

/* "light.color", "lights[0].color"; NULL with the listing failed. */
static const char *listing_name(listing *list, const char *prefix, const char *name) {
  if (!list->is_filling || prefix[0] == '\0') {
    return name;
  }
  const char *joined = arena_printf(&list->shader->code.arena, "%s.%s", prefix, name);
  if (joined == NULL) {
    list->result = result_no_memory("parameter names", strlen(prefix) + strlen(name) + 2);
  }
  return joined;
}

static void list_members(listing *list, const char *prefix, const rg_member *members,
                         uint32_t count, uint32_t offset);

/* One element of a struct, or of an array of them. */
static void list_struct(listing *list, const char *name, const rg_member *member, uint32_t offset) {
  for (uint32_t i = 0; i < member->array_count && list->result == RG_OK; i++) {
    const char *element = name;
    if (member->is_array && list->is_filling) {
      element = arena_printf(&list->shader->code.arena, "%s[%u]", name, i);
      if (element == NULL) {
        list->result = result_no_memory("parameter names", strlen(name) + 12);
        return;
      }
    }
    list_members(list, element, member->members, member->member_count,
                 offset + i * member->array_stride);
  }
}

static void list_members(listing *list, const char *prefix, const rg_member *members,
                         uint32_t count, uint32_t offset) {
  for (uint32_t i = 0; i < count && list->result == RG_OK; i++) {
    const rg_member *member = &members[i];
    const char *name = listing_name(list, prefix, member->name);
    if (name == NULL) {
      return;
    }
    if (member->scalar == RG_SCALAR_NONE) {
      list_struct(list, name, member, offset + member->offset);
    } else {
      listing_add(list, name, member, list->shader->block, offset + member->offset);
    }
  }
}

static rg_result list_all(shader *shader, bool is_filling) {
  listing list = {.shader = shader, .is_filling = is_filling};
  shader->parameter_count = 0;
  shader->cell_count = 0;
  if (shader->block != NULL) {
    const rg_block *block = shader->block->block;
    list_members(&list, "", block->members, block->member_count, 0);
  }
  shader->member_count = shader->parameter_count;
  const rg_reflection *reflection = &shader->code.reflection;
  for (uint32_t i = 0; i < reflection->binding_count && list.result == RG_OK; i++) {
    const rg_binding *binding = &reflection->bindings[i];
    if (binding->set == shader->material_set && binding != shader->block) {
      listing_add(&list, binding->name, NULL, binding, 0);
    }
  }
  return list.result;
}

static void index_add(shader *shader, uint32_t parameter) {
  const char *name = shader->parameters[parameter].info.name;
  uint32_t place = (uint32_t)hash_bytes(name, strlen(name)) & shader->by_name_mask;
  while (shader->by_name[place] != 0) {
    place = (place + 1) & shader->by_name_mask;
  }
  shader->by_name[place] = parameter + 1;
}

rg_result shader_list_parameters(shader *shader) {
  rg_result result = RG_OK;
  choose_set(shader);
  RG_TRY(list_all(shader, false));
  if (shader->parameter_count == 0) {
    return RG_OK;
  }
  arena *arena = &shader->code.arena;
  uint32_t places = 4;
  while (places < 2 * shader->parameter_count) {
    places *= 2;
  }
  shader->parameters = arena_alloc(arena, shader->parameter_count * sizeof *shader->parameters);
  shader->by_name = arena_alloc(arena, places * sizeof *shader->by_name);
  if (shader->parameters == NULL || shader->by_name == NULL) {
    return result_no_memory("material parameters", shader->parameter_count);
  }
  RG_TRY(list_all(shader, true));
  shader->by_name_mask = places - 1;
  for (uint32_t i = 0; i < shader->parameter_count; i++) {
    index_add(shader, i);
  }
  return RG_OK;
fail:
  return result;
}

static shader_parameter *find_exact(const shader *shader, const char *name, size_t length) {
  if (shader->by_name == NULL) {
    return NULL;
  }
  uint32_t place = (uint32_t)hash_bytes(name, length) & shader->by_name_mask;
  while (shader->by_name[place] != 0) {
    shader_parameter *parameter = &shader->parameters[shader->by_name[place] - 1];
    if (strncmp(parameter->info.name, name, length) == 0 && parameter->info.name[length] == '\0') {
      return parameter;
    }
    place = (place + 1) & shader->by_name_mask;
  }
  return NULL;
}

/* "maps[2]" of an array of textures or buffers: the array, and its element. */
static shader_parameter *find_element(const shader *shader, const char *name, uint64_t *element) {
  const char *bracket = strrchr(name, '[');
  if (bracket == NULL || bracket[1] < '0' || bracket[1] > '9') {
    return NULL;
  }
  uint64_t index = 0;
  const char *digit = bracket + 1;
  for (; *digit >= '0' && *digit <= '9' && index <= UINT32_MAX; digit++) {
    index = 10 * index + (uint64_t)(*digit - '0');
  }
  if (digit[0] != ']' || digit[1] != '\0') {
    return NULL;
  }
  shader_parameter *parameter = find_exact(shader, name, (size_t)(bracket - name));
  *element = index;
  return parameter != NULL && parameter->info.member == NULL ? parameter : NULL;
}

static rg_result refuse_name(const shader *shader, const char *where, const char *name) {
  const char *near = NULL;
  host_memory *memory = shader->code.arena.memory;
  const size_t size = shader->parameter_count * sizeof(char *);
  const char **names = host_alloc(memory, size);
  if (names != NULL) {
    for (uint32_t i = 0; i < shader->parameter_count; i++) {
      names[i] = shader->parameters[i].info.name;
    }
    near = rg_nearest_name(name, names, shader->parameter_count);
  }
  rg_result result =
      near != NULL
          ? result_set(RG_ERROR_NOT_FOUND,
                       "material '%s': parameter '%s' is not in shader '%s' (did you mean '%s'?)",
                       where, name, shader->code.label, near)
          : result_set(RG_ERROR_NOT_FOUND, "material '%s': parameter '%s' is not in shader '%s'",
                       where, name, shader->code.label);
  host_free(memory, names, size);
  return result;
}

rg_result shader_find_parameter(const shader *shader, const char *where, const char *name,
                                shader_parameter **out, uint32_t *first, uint32_t *count) {
  shader_parameter *parameter = find_exact(shader, name, strlen(name));
  if (parameter != NULL) {
    *first = parameter->first_cell;
    *count = parameter->cell_count;
    *out = parameter;
    return RG_OK;
  }
  uint64_t element = 0;
  parameter = find_element(shader, name, &element);
  if (parameter == NULL) {
    return refuse_name(shader, where, name);
  }
  if (element >= parameter->cell_count) {
    return result_set(RG_ERROR_LIMIT, "material '%s': %s is beyond the array's %u elements", where,
                      name, parameter->cell_count);
  }
  *first = parameter->first_cell + (uint32_t)element;
  *count = 1;
  *out = parameter;
  return RG_OK;
}
