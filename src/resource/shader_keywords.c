/* Keywords: values of specialisation constants by their GLSL names, kept for stage infos and
 * pipelines. */
#include <string.h>

#include "base/result.h"
#include "material_scalars.h"
#include "shader.h"

static rg_result keyword_refuse(const shader *self, const char *name) {
  const rg_reflection *reflection = &self->code.reflection;
  const char *names[64];
  uint32_t count = 0;
  for (uint32_t i = 0; i < reflection->constant_count && count < 64; i++) {
    names[count++] = reflection->constants[i].name;
  }
  const char *nearest = rg_nearest_name(name, names, count);
  if (nearest != NULL) {
    return result_set(RG_ERROR_NOT_FOUND,
                      "shader '%s': no specialisation constant '%s' (did you mean '%s'?)",
                      self->code.label, name, nearest);
  }
  return result_set(RG_ERROR_NOT_FOUND, "shader '%s': no specialisation constant '%s'",
                    self->code.label, name);
}

static const rg_constant *keyword_constant(const shader *self, const char *name) {
  const rg_reflection *reflection = &self->code.reflection;
  for (uint32_t i = 0; i < reflection->constant_count; i++) {
    if (strcmp(reflection->constants[i].name, name) == 0) {
      return &reflection->constants[i];
    }
  }
  return NULL;
}

/* Where the keyword's value goes; each has 8 bytes. */
static rg_result keyword_enter(shader *self, const rg_constant_value *keyword,
                               VkSpecializationMapEntry *entry, uint64_t *data) {
  const char *name = keyword->name;
  if (name == NULL || *name == '\0') {
    return result_set(RG_ERROR_INVALID_ARGUMENT, "shader '%s': a keyword has no name",
                      self->code.label);
  }
  const rg_constant *constant = keyword_constant(self, name);
  if (constant == NULL) {
    return keyword_refuse(self, name);
  }
  rg_result result =
      scalar_check(constant->scalar, keyword->value, RG_TYPE_SHADER, self->code.label, name, 0);
  if (result != RG_OK) {
    return result;
  }
  *entry = (VkSpecializationMapEntry){
      .constantID = constant->id, .offset = entry->offset, .size = scalar_size(constant->scalar)};
  scalar_store(constant->scalar, keyword->value, data);
  return RG_OK;
}

static rg_result check_unique(const shader *self, const rg_shader_desc *desc) {
  for (uint32_t i = 1; i < desc->keyword_count; i++) {
    for (uint32_t j = 0; j < i; j++) {
      if (strcmp(desc->keywords[i].name, desc->keywords[j].name) == 0) {
        return result_set(RG_ERROR_INVALID_ARGUMENT, "shader '%s': keyword '%s' is given twice",
                          self->code.label, desc->keywords[i].name);
      }
    }
  }
  return RG_OK;
}

rg_result shader_set_keywords(shader *self, const rg_shader_desc *desc) {
  const uint32_t count = desc->keyword_count;
  if (count == 0) {
    return RG_OK;
  }
  if (desc->keywords == NULL) {
    return result_set(RG_ERROR_INVALID_ARGUMENT, "shader '%s': keywords is NULL, keyword_count %u",
                      self->code.label, count);
  }
  if (count > SHADER_MAX_KEYWORDS) {
    return result_set(RG_ERROR_LIMIT, "shader '%s': %u keywords exceed %u", self->code.label, count,
                      SHADER_MAX_KEYWORDS);
  }
  VkSpecializationInfo *info = arena_alloc(&self->code.arena, sizeof *info);
  VkSpecializationMapEntry *entries = arena_alloc(&self->code.arena, count * sizeof *entries);
  uint64_t *data = arena_alloc(&self->code.arena, count * sizeof *data);
  if (info == NULL || entries == NULL || data == NULL) {
    return result_no_memory("keywords", count * sizeof *entries);
  }
  for (uint32_t i = 0; i < count; i++) {
    entries[i].offset = (uint32_t)(i * sizeof *data);
    rg_result result = keyword_enter(self, &desc->keywords[i], &entries[i], &data[i]);
    if (result != RG_OK) {
      return result;
    }
  }
  rg_result result = check_unique(self, desc);
  *info = (VkSpecializationInfo){.mapEntryCount = count,
                                 .pMapEntries = entries,
                                 .dataSize = count * sizeof *data,
                                 .pData = data};
  self->keywords = info;
  return result;
}
