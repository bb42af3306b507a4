/* Loading a set: required sets first, then what it names with all that this needs, everything or
 * nothing. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "library.h"
#include "resources.h"

origin_scope origin_scope_begin(const char *origin) {
  origin_scope scope;
  snprintf(scope.previous, sizeof scope.previous, "%s", origin_get());
  rg_origin_set(origin);
  return scope;
}

void origin_scope_end(const origin_scope *scope) {
  rg_origin_set(scope->previous);
}

/* ---- Cycles -------------------------------------------------------------------------------- */

/* Appends "A → B → " from the link of that name down to the last one. */
static size_t chain_append(const load_chain *chain, const char *name, char *text, size_t capacity) {
  size_t length = 0;
  if (strcmp(chain->name, name) != 0) {
    length = chain_append(chain->parent, name, text, capacity);
  }
  int written = snprintf(text + length, capacity - length, "%s → ", chain->name);
  return written < 0 || length + (size_t)written >= capacity ? length : length + (size_t)written;
}

rg_result chain_check(const load_chain *chain, const char *what, const char *name) {
  if (chain != NULL && chain->depth >= SET_MAX_DEPTH) {
    return result_set(RG_ERROR_LIMIT, "%s are nested deeper than %d", what, SET_MAX_DEPTH);
  }
  for (const load_chain *link = chain; link != NULL; link = link->parent) {
    if (strcmp(link->name, name) == 0) {
      char path[1024] = "";
      size_t length = chain_append(chain, name, path, sizeof path);
      path[length] = '\0';
      return result_set(RG_ERROR_INVALID_ARGUMENT, "%s form a cycle: %s%s", what, path, name);
    }
  }
  return RG_OK;
}

/* ---- Members ------------------------------------------------------------------------------- */

/* Lets the message begin with the member's name, unless it does already. */
static rg_result fail_member(rg_result result, rg_type type, const char *name) {
  resource_name title = resource_title(type, name, 0);
  if (strncmp(rg_error(), title.text, strlen(title.text)) == 0) {
    return result;
  }
  return result_prefix(result, "%s", title.text);
}

static rg_result check_budget(const set_loader *loader) {
  uint64_t budget = loader->set->desc.budget;
  if (budget == 0 || loader->contents->device_bytes <= budget) {
    return RG_OK;
  }
  return result_set(RG_ERROR_LIMIT,
                    "with it the set takes %" PRIu64 " bytes, over its budget of %" PRIu64,
                    loader->contents->device_bytes, budget);
}

rg_result loader_adopt(set_loader *loader, rg_type type, const char *name, uint64_t id,
                       set_list *needs, set_entry **out) {
  rg_result result = contents_adopt(loader->layer, loader->contents, type, name, id, needs, out);
  return result == RG_OK ? check_budget(loader) : result;
}

rg_result loader_hold(set_loader *loader, set_entry *entry) {
  rg_result result = contents_hold(loader->layer, loader->contents, entry);
  return result == RG_OK ? check_budget(loader) : result;
}

bool loader_knows(const set_loader *loader, rg_type type, const char *name) {
  resources *layer = loader->layer;
  if (hash_map_get(&layer->sets.entries[type], name, strlen(name)) != NULL) {
    return true;
  }
  declaration *declared = library_acquire(layer, type, name);
  library_release(layer, declared);
  return declared != NULL;
}

/* ---- Members from declarations ------------------------------------------------------------- */

static rg_result make_buffer(set_loader *loader, const declaration *declared, set_entry **out) {
  rg_buffer_desc desc = declared->desc.buffer;
  rg_buffer made = {0};
  desc.label = desc.label == NULL ? declared->name : desc.label;
  rg_result result = rg_buffer_create(engine_of(loader->layer), &desc, &made);
  return result != RG_OK ? result
                         : loader_adopt(loader, RG_TYPE_BUFFER, declared->name, made.id, NULL, out);
}

static rg_result make_texture(set_loader *loader, const char *name, const rg_texture_desc *given,
                              set_entry **out) {
  rg_texture_desc desc = *given;
  rg_texture made = {0};
  desc.label = desc.label == NULL ? name : desc.label;
  rg_result result = rg_texture_create(engine_of(loader->layer), &desc, &made);
  return result != RG_OK ? result : loader_adopt(loader, RG_TYPE_TEXTURE, name, made.id, NULL, out);
}

static rg_result make_shader(set_loader *loader, const char *name, const rg_shader_desc *given,
                             set_entry **out) {
  rg_shader_desc desc = *given;
  rg_shader made = {0};
  desc.label = desc.label == NULL ? name : desc.label;
  rg_result result = rg_shader_create(engine_of(loader->layer), &desc, &made);
  return result != RG_OK ? result : loader_adopt(loader, RG_TYPE_SHADER, name, made.id, NULL, out);
}

static rg_result make_declared(set_loader *loader, const declaration *declared, set_entry **out) {
  switch (declared->type) {
    case RG_TYPE_BUFFER: return make_buffer(loader, declared, out);
    case RG_TYPE_TEXTURE: return make_texture(loader, declared->name, &declared->desc.texture, out);
    case RG_TYPE_SHADER: return make_shader(loader, declared->name, &declared->desc.shader, out);
    case RG_TYPE_MATERIAL: return loader_make_material(loader, declared, out);
    case RG_TYPE_NONE:
    case RG_TYPE_SET:
    case RG_TYPE_POOL: break;
  }
  return result_set(RG_ERROR_INVALID_ARGUMENT, "a %s cannot be declared",
                    rg_type_name(declared->type));
}

/* ---- Members without declarations ---------------------------------------------------------- */

static bool contains(const char *string, const char *part) {
  size_t length = strlen(part);
  for (; *string != '\0'; string++) {
    size_t i = 0;
    while (i < length && (string[i] | 0x20) == part[i]) {
      i++;
    }
    if (i == length) {
      return true;
    }
  }
  return false;
}

/* An image file that nobody declared is data, not colours, where its name (folders apart) tells of
 * normals, roughness, metalness, occlusion or height and of no colour. */
static bool file_is_linear(const char *file) {
  static const char *const data[] = {"normal", "rough", "metal", "occlusion", "height"};
  static const char *const colours[] = {"albedo", "color", "colour", "diffuse", "emissive"};
  const char *slash = strrchr(file, '/');
  const char *name = slash == NULL ? file : slash + 1;
  bool is_data = false, is_colour = false;
  for (size_t i = 0; i < sizeof data / sizeof data[0]; i++) {
    is_data = is_data || contains(name, data[i]);
    is_colour = is_colour || contains(name, colours[i]);
  }
  return is_data && !is_colour;
}

/* What a name stands for that is not declared: the built-in shader, or an image file. */
static rg_result make_undeclared(set_loader *loader, rg_type type, const char *name,
                                 set_entry **out) {
  if (type == RG_TYPE_SHADER && strcmp(name, LIBRARY_PBR_SHADER) == 0) {
    rg_shader_desc desc = {
        .stages = {{.file = LIBRARY_PBR_SHADER ".vert"}, {.file = LIBRARY_PBR_SHADER ".frag"}},
        .stage_count = 2};
    return make_shader(loader, name, &desc, out);
  }
  if (type == RG_TYPE_TEXTURE && strchr(name, '.') != NULL) {
    rg_texture_desc desc = {.file = name, .is_linear = file_is_linear(name)};
    return make_texture(loader, name, &desc, out);
  }
  return library_refuse(loader->layer, type, name);
}

static rg_result make(set_loader *loader, rg_type type, const char *name, set_entry **out) {
  declaration *declared = library_acquire(loader->layer, type, name);
  if (declared == NULL) {
    rg_result result = make_undeclared(loader, type, name, out);
    return result == RG_OK ? RG_OK : fail_member(result, type, name);
  }
  origin_scope scope = origin_scope_begin(declared->origin);
  rg_result result = make_declared(loader, declared, out);
  origin_scope_end(&scope);
  if (result != RG_OK) {
    result = fail_member(result, type, name);
  }
  if (result != RG_OK && declared->origin[0] != '\0') {
    result = result_prefix(result, "%s", declared->origin);
  }
  library_release(loader->layer, declared);
  return result;
}

rg_result loader_get(set_loader *loader, rg_type type, const char *name, set_entry **out) {
  rg_result result = RG_OK;
  resources *layer = loader->layer;
  *out = contents_find(loader->contents, type, name);
  if (*out != NULL) {
    return RG_OK;
  }
  *out = hash_map_get(&layer->sets.entries[type], name, strlen(name));
  if (*out == NULL) {
    return make(loader, type, name, out);
  }
  result = loader_hold(loader, *out);
  return result == RG_OK ? RG_OK : fail_member(result, type, name);
}

/* ---- Sets ---------------------------------------------------------------------------------- */

static rg_result load_set(resources *layer, set *self, const load_chain *chain);

static rg_result load_required(set_loader *loader, const load_chain *chain) {
  resources *layer = loader->layer;
  const char *const *names = loader->set->desc.requires_sets;
  for (; names != NULL && *names != NULL; names++) {
    set *required = set_find(layer, *names);
    if (required == NULL) {
      mutex_lock(&layer->sets.lock);
      rg_result result = set_refuse(layer, *names);
      mutex_unlock(&layer->sets.lock);
      return result;
    }
    rg_result result = load_set(layer, required, chain);
    if (result != RG_OK) {
      return result;
    }
    required->requirers++;
    result = contents_require(layer, loader->contents, required);
    if (result != RG_OK) {
      return result;
    }
  }
  return RG_OK;
}

static rg_result load_members(set_loader *loader, rg_type type, const char *const *names) {
  rg_result result = RG_OK;
  set_entry *entry = NULL;
  for (; result == RG_OK && names != NULL && *names != NULL; names++) {
    result = loader_get(loader, type, *names, &entry);
  }
  return result;
}

static rg_result load_contents(set_loader *loader, const load_chain *chain) {
  rg_result result = RG_OK;
  const rg_set_desc *desc = &loader->set->desc;
  RG_TRY(load_required(loader, chain));
  RG_TRY(load_members(loader, RG_TYPE_SHADER, desc->shaders));
  RG_TRY(load_members(loader, RG_TYPE_TEXTURE, desc->textures));
  RG_TRY(load_members(loader, RG_TYPE_BUFFER, desc->buffers));
  RG_TRY(load_members(loader, RG_TYPE_MATERIAL, desc->materials));
  for (const char *const *file = desc->gltf; file != NULL && *file != NULL; file++) {
    result = loader_import(loader, *file);
    if (result != RG_OK) {
      const char *origin = loader->set->resource.origin;
      return origin != NULL ? result_prefix(result, "%s", origin) : result;
    }
  }
  return RG_OK;
fail:
  return result;
}

/* Of an unloaded set. */
static rg_result load_new(resources *layer, set *self, const load_chain *chain) {
  uint64_t begin = time_now_ns();
  set_contents *contents = contents_create(layer);
  if (contents == NULL) {
    return result_no_memory("set", sizeof *contents);
  }
  set_loader loader = {.layer = layer, .set = self, .contents = contents};
  rg_result result = load_contents(&loader, chain);
  if (result != RG_OK) {
    contents_destroy(layer, contents);
    return result;
  }
  mutex_lock(&layer->sets.lock);
  self->contents = contents;
  self->references = 1;
  self->load_ms = (double)(time_now_ns() - begin) / 1e6;
  mutex_unlock(&layer->sets.lock);
  return RG_OK;
}

static rg_result load_set(resources *layer, set *self, const load_chain *chain) {
  if (self->references > 0) {
    mutex_lock(&layer->sets.lock);
    self->references++;
    mutex_unlock(&layer->sets.lock);
    return RG_OK;
  }
  rg_result result = chain_check(chain, "required sets", self->desc.name);
  if (result == RG_OK) {
    load_chain link = {chain, self->desc.name, chain == NULL ? 1 : chain->depth + 1};
    result = load_new(layer, self, &link);
  }
  return result == RG_OK ? RG_OK : result_prefix(result, "set '%s'", self->desc.name);
}

rg_result rg_set_load(rg_engine *engine, rg_set set_handle) {
  RESOURCE_REQUIRE(engine);
  resources *layer = resources_of(engine);
  rg_result result = RG_OK;
  mutex_lock(&layer->sets.loading);
  set *self = resource_acquire(&layer->gpu, RG_TYPE_SET, set_handle.id, &result);
  if (self != NULL) {
    result = load_set(layer, self, NULL);
    resource_release(&layer->gpu, set_handle.id);
  }
  mutex_unlock(&layer->sets.loading);
  return result;
}
