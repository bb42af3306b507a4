/* What a transient resource may not be, beside what no texture or buffer may. */
#include "gpu.h"

static rg_result refuse(rg_type type, const char *label, const char *what) {
  return result_set(RG_ERROR_INVALID_ARGUMENT, "%s: a transient %s has no %s",
                    resource_title(type, label, 0).text, rg_type_name(type), what);
}

static rg_result texture_check(const rg_texture_desc *desc) {
  bool has_data = desc->data != NULL || desc->data_size != 0 || desc->data_levels != 0;
  const char *what = desc->file != NULL    ? "file"
                     : has_data            ? "data"
                     : desc->generate_mips ? "mips to generate"
                     : desc->pool.id != 0  ? "pool of its own"
                     : desc->is_movable    ? "place to be moved to (is_movable)"
                     : desc->is_exportable ? "memory to export (is_exportable)"
                                           : NULL;
  return what == NULL ? RG_OK : refuse(RG_TYPE_TEXTURE, desc->label, what);
}

static rg_result buffer_check(const rg_buffer_desc *desc) {
  bool is_static = desc->update == RG_UPDATE_DEFAULT || desc->update == RG_UPDATE_STATIC;
  const char *what = desc->data != NULL                              ? "data"
                     : !is_static || desc->type == RG_BUFFER_STAGING ? "update but static"
                     : desc->pool.id != 0                            ? "pool of its own"
                     : desc->is_movable    ? "place to be moved to (is_movable)"
                     : desc->is_exportable ? "memory to export (is_exportable)"
                                           : NULL;
  return what == NULL ? RG_OK : refuse(RG_TYPE_BUFFER, desc->label, what);
}

rg_result transient_desc_check(const rg_transient_desc *desc) {
  if ((desc->texture == NULL) == (desc->buffer == NULL)) {
    return result_set(RG_ERROR_INVALID_ARGUMENT, "%s of texture and buffer is given, not one",
                      desc->texture == NULL ? "neither" : "each");
  }
  bool is_texture = desc->texture != NULL;
  if (desc->last_use < desc->first_use) {
    rg_type type = is_texture ? RG_TYPE_TEXTURE : RG_TYPE_BUFFER;
    const char *label = is_texture ? desc->texture->label : desc->buffer->label;
    return result_set(RG_ERROR_INVALID_ARGUMENT, "%s: last_use %u is before first_use %u",
                      resource_title(type, label, 0).text, desc->last_use, desc->first_use);
  }
  return is_texture ? texture_check(desc->texture) : buffer_check(desc->buffer);
}
