/* Materials from declarations: names become handles of what a set has loaded. */
#include <assert.h>
#include <string.h>

#include "library.h"
#include "resources.h"

/* One material on its way in. */
typedef struct material_maker {
  set_loader *loader;
  rg_material_desc desc;    /* the declaration's, names replaced by handles one by one */
  rg_parameter *parameters; /* a copy; desc's */
  set_list needs;
} material_maker;

static rg_result need(material_maker *maker, rg_type type, const char *name, uint64_t *id) {
  rg_result result = RG_OK;
  set_entry *entry = NULL;
  RG_TRY(loader_get(maker->loader, type, name, &entry));
  RG_TRY(set_list_push(&maker->loader->layer->gpu.host, &maker->needs, entry));
  *id = entry->id;
  return RG_OK;
fail:
  return result;
}

/* The shader that the material has or inherits; null where its handles are no good. */
static rg_shader shader_of(const material_maker *maker) {
  rg_resource_info info = {.shader = maker->desc.shader};
  rg_engine *engine = engine_of(maker->loader->layer);
  if (info.shader.id == 0 && rg_resource_get_info(engine, maker->desc.parent.id, &info) != RG_OK) {
    info.shader.id = 0;
  }
  return info.shader;
}

/* Whether the shader wants a buffer for the parameter; false where it has no such parameter, which
 * creation will say. */
static bool wants_buffer(const material_maker *maker, const char *name) {
  gpu *gpu = &maker->loader->layer->gpu;
  rg_result result = RG_OK;
  uint64_t id = shader_of(maker).id;
  const shader *shader = resource_acquire(gpu, RG_TYPE_SHADER, id, &result);
  bool is_buffer = false;
  for (uint32_t i = 0; shader != NULL && i < shader->parameter_count; i++) {
    const rg_parameter_info *info = &shader->parameters[i].info;
    if (strcmp(info->name, name) == 0 && info->member == NULL) {
      is_buffer = binding_is_buffer(info->binding);
    }
  }
  if (shader != NULL) {
    resource_release(gpu, id);
  }
  return is_buffer;
}

/* A declared name becomes a texture or a buffer: whichever there is; both: what the shader wants;
 * neither: a texture, which may be a file. */
static rg_result resolve(material_maker *maker, rg_parameter *parameter) {
  const char *name = parameter->value.declared;
  bool is_buffer = loader_knows(maker->loader, RG_TYPE_BUFFER, name);
  if (is_buffer && loader_knows(maker->loader, RG_TYPE_TEXTURE, name)) {
    is_buffer = wants_buffer(maker, parameter->name);
  }
  parameter->kind = is_buffer ? RG_VALUE_BUFFER : RG_VALUE_TEXTURE;
  uint64_t id = 0;
  rg_result result = need(maker, is_buffer ? RG_TYPE_BUFFER : RG_TYPE_TEXTURE, name, &id);
  parameter->value.texture.id = id; /* a buffer's handle lies in the same place */
  return result;
}

static rg_result resolve_all(material_maker *maker) {
  rg_result result = RG_OK;
  rg_material_desc *desc = &maker->desc;
  if (desc->shader_name != NULL) {
    RG_TRY(need(maker, RG_TYPE_SHADER, desc->shader_name, &desc->shader.id));
  }
  if (desc->parent_name != NULL) {
    RG_TRY(need(maker, RG_TYPE_MATERIAL, desc->parent_name, &desc->parent.id));
  }
  desc->shader_name = NULL;
  desc->parent_name = NULL;
  assert(maker->parameters != NULL || desc->parameter_count == 0);
  for (uint32_t i = 0; i < desc->parameter_count; i++) {
    if (maker->parameters[i].kind == RG_VALUE_DECLARED) {
      RG_TRY(resolve(maker, &maker->parameters[i]));
    }
  }
  return RG_OK;
fail:
  return result;
}

static rg_result maker_run(material_maker *maker, set_entry **out) {
  rg_result result = RG_OK;
  rg_material made = {0};
  const char *name = maker->desc.name;
  RG_TRY(resolve_all(maker));
  RG_TRY(rg_material_create(engine_of(maker->loader->layer), &maker->desc, &made));
  return loader_adopt(maker->loader, RG_TYPE_MATERIAL, name, made.id, &maker->needs, out);
fail:
  return result;
}

static rg_result make_linked(set_loader *loader, const rg_material_desc *desc, set_entry **out) {
  host_memory *memory = &loader->layer->gpu.host;
  size_t size = desc->parameter_count * sizeof *desc->parameters;
  material_maker maker = {.loader = loader, .desc = *desc};
  if (size > 0) {
    maker.parameters = host_alloc(memory, size);
    if (maker.parameters == NULL) {
      return result_no_memory("material", size);
    }
    memcpy(maker.parameters, desc->parameters, size);
    maker.desc.parameters = maker.parameters;
  }
  rg_result result = maker_run(&maker, out);
  set_list_finish(memory, &maker.needs);
  host_free(memory, maker.parameters, size);
  return result;
}

rg_result loader_make_material(set_loader *loader, const declaration *declared, set_entry **out) {
  const load_chain *chain = loader->materials;
  rg_result result = chain_check(chain, "parent materials", declared->name);
  if (result != RG_OK) {
    return result;
  }
  load_chain link = {chain, declared->name, chain == NULL ? 1 : chain->depth + 1};
  loader->materials = &link;
  result = make_linked(loader, &declared->desc.material, out);
  loader->materials = chain;
  return result;
}
