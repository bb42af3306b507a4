/* From a vertex's attributes to what a shader reads of them. */
#include <inttypes.h>
#include <string.h>

#include "base/text.h"
#include "pipeline_internal.h"

/* ---- Names --------------------------------------------------------------------------------- */

static int lower(char letter) {
  return letter >= 'A' && letter <= 'Z' ? letter - 'A' + 'a' : letter;
}

static bool names_match(const char *a, const char *b) {
  while (*a != '\0' && lower(*a) == lower(*b)) {
    a++;
    b++;
  }
  return *a == '\0' && *b == '\0';
}

static const char *prefix_skip(const char *name) {
  static const char *const prefixes[] = {"in_", "a_", "v_"};
  for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++) {
    size_t length = strlen(prefixes[i]);
    size_t same = 0;
    while (same < length && lower(name[same]) == prefixes[i][same]) {
      same++;
    }
    if (same == length && name[length] != '\0') {
      return name + length;
    }
  }
  return name;
}

/* The whole name first: a vertex may have "position" and "v_position". */
static const rg_vertex_attribute *attribute_find(const rg_pipeline_target *target,
                                                 const char *name) {
  for (uint32_t i = 0; i < target->attribute_count; i++) {
    if (names_match(target->attributes[i].name, name)) {
      return &target->attributes[i];
    }
  }
  for (uint32_t i = 0; i < target->attribute_count; i++) {
    if (names_match(prefix_skip(target->attributes[i].name), prefix_skip(name))) {
      return &target->attributes[i];
    }
  }
  return NULL;
}

/* Names the attributes there are, as far as memory for the text can be had. */
static rg_result refuse_missing(const gpu *gpu, const pipeline_request *request,
                                const rg_vertex_input *input) {
  host_memory *memory = (host_memory *)&gpu->host;
  text names;
  text_init(&names, memory);
  for (uint32_t i = 0; i < request->target->attribute_count; i++) {
    text_printf(&names, "%s%s", i == 0 ? "" : ", ", request->target->attributes[i].name);
  }
  rg_result result =
      result_set(RG_ERROR_NOT_FOUND, "%s: vertex input '%s' is none of the attributes: %s",
                 pipeline_title(request).text, input->name,
                 names.is_failed || names.data == NULL ? "(none)" : names.data);
  text_finish(&names);
  return result;
}

/* ---- Attributes ---------------------------------------------------------------------------- */

static rg_result check_attribute(const gpu *gpu, const pipeline_request *request,
                                 const rg_vertex_attribute *attribute) {
  const char *title = attribute->name;
  if (title == NULL) {
    return result_set(RG_ERROR_INVALID_ARGUMENT, "%s: a vertex attribute's name is NULL",
                      pipeline_title(request).text);
  }
  const format_info *format = format_get(attribute->format);
  if (format == NULL || format->component_bytes == 0 ||
      format->aspects != VK_IMAGE_ASPECT_COLOR_BIT) {
    return result_set(RG_ERROR_INVALID_ARGUMENT,
                      "%s: format %d of attribute '%s' is not of vertices",
                      pipeline_title(request).text, (int)attribute->format, title);
  }
  uint32_t limit = gpu->device.vk_limits.maxVertexInputAttributeOffset;
  if (attribute->offset > limit) {
    return result_set(RG_ERROR_LIMIT, "%s: offset %u of attribute '%s' exceeds the device's %u",
                      pipeline_title(request).text, attribute->offset, title, limit);
  }
  if (attribute->offset % format->component_bytes != 0) {
    return result_set(RG_ERROR_INVALID_ARGUMENT,
                      "%s: offset %u of attribute '%s' is not a multiple of %u, as %s needs",
                      pipeline_title(request).text, attribute->offset, title,
                      format->component_bytes, format->name);
  }
  return RG_OK;
}

static rg_result check_stride(const gpu *gpu, const pipeline_request *request, uint64_t stride) {
  uint32_t limit = gpu->device.vk_limits.maxVertexInputBindingStride;
  if (stride > limit) {
    return result_set(RG_ERROR_LIMIT, "%s: vertex_stride %" PRIu64 " exceeds the device's %u",
                      pipeline_title(request).text, stride, limit);
  }
  return RG_OK;
}

/* The vertex's bytes, given or to the end of the last attribute, fit for each attribute. */
static rg_result resolve_stride(const gpu *gpu, const pipeline_request *request, uint32_t *out) {
  const rg_pipeline_target *target = request->target;
  uint64_t end = 0; /* devices may take offsets up to the last of 32 bits */
  uint32_t unit = 1;
  for (uint32_t i = 0; i < target->attribute_count; i++) {
    const format_info *format = format_get(target->attributes[i].format);
    uint64_t last = (uint64_t)target->attributes[i].offset + format->block_bytes;
    end = last > end ? last : end;
    unit = format->component_bytes > unit ? format->component_bytes : unit;
  }
  uint64_t stride = target->vertex_stride == 0 ? end : target->vertex_stride;
  rg_result result = check_stride(gpu, request, stride);
  if (result == RG_OK && (stride < end || stride % unit != 0)) {
    result = result_set(RG_ERROR_INVALID_ARGUMENT,
                        "%s: vertex_stride %" PRIu64 ", but attributes end at %" PRIu64
                        " and need a multiple of %u",
                        pipeline_title(request).text, stride, end, unit);
  }
  *out = (uint32_t)stride;
  return result;
}

static rg_result check_kinds(const pipeline_request *request, const rg_vertex_input *input,
                             const rg_vertex_attribute *attribute) {
  const format_info *wanted = format_get(input->format);
  const format_info *given = format_get(attribute->format);
  if (wanted == NULL || format_same_class(wanted, given)) {
    return RG_OK;
  }
  return result_set(
      RG_ERROR_WRONG_TYPE, "%s: attribute '%s' of %s given where '%s' of %s is wanted",
      pipeline_title(request).text, attribute->name, given->name, input->name, wanted->name);
}

/* ---- Inputs -------------------------------------------------------------------------------- */

static rg_result match_inputs(const gpu *gpu, const pipeline_request *request, pipeline_key *key) {
  rg_result result = RG_OK;
  const rg_pipeline_target *target = request->target;
  for (uint32_t i = 0; i < target->attribute_count; i++) {
    RG_TRY(check_attribute(gpu, request, &target->attributes[i]));
  }
  RG_TRY(resolve_stride(gpu, request, &key->vertex_stride));
  for (uint32_t i = 0; i < key->attribute_count; i++) {
    const rg_vertex_input *input = &request->reflection->vertex_inputs[i];
    const rg_vertex_attribute *attribute = attribute_find(target, input->name);
    if (attribute == NULL) {
      return refuse_missing(gpu, request, input);
    }
    RG_TRY(check_kinds(request, input, attribute));
    key->attributes[i] = (VkVertexInputAttributeDescription){
        .location = input->location, .format = attribute->format, .offset = attribute->offset};
  }
fail:
  return result;
}

/* One after the other, in the order of locations. */
static rg_result pack_inputs(const gpu *gpu, const pipeline_request *request, pipeline_key *key) {
  uint32_t offset = 0;
  for (uint32_t i = 0; i < key->attribute_count; i++) {
    const rg_vertex_input *input = &request->reflection->vertex_inputs[i];
    const format_info *format = format_get(input->format);
    if (format == NULL) {
      return result_set(RG_ERROR_UNSUPPORTED, "%s: vertex input '%s' is of format %d",
                        pipeline_title(request).text, input->name, (int)input->format);
    }
    key->attributes[i] = (VkVertexInputAttributeDescription){
        .location = input->location, .format = input->format, .offset = offset};
    offset += format->block_bytes;
  }
  key->vertex_stride = request->target->vertex_stride;
  if (key->vertex_stride == 0) {
    key->vertex_stride = offset;
  }
  if (key->vertex_stride < offset || key->vertex_stride % 4 != 0) {
    return result_set(RG_ERROR_INVALID_ARGUMENT,
                      "%s: vertex_stride %u, but packed inputs end at %u and need a multiple of 4",
                      pipeline_title(request).text, key->vertex_stride, offset);
  }
  return check_stride(gpu, request, key->vertex_stride);
}

rg_result pipeline_resolve_vertices(const gpu *gpu, const pipeline_request *request,
                                    pipeline_key *key) {
  const rg_pipeline_target *target = request->target;
  uint32_t count = request->reflection->vertex_input_count;
  uint32_t limit = gpu->device.vk_limits.maxVertexInputAttributes;
  limit = limit > RG_MAX_VERTEX_ATTRIBUTES ? RG_MAX_VERTEX_ATTRIBUTES : limit;
  if (count > limit) {
    return result_set(RG_ERROR_LIMIT, "%s: %u vertex inputs exceed the %u that there may be",
                      pipeline_title(request).text, count, limit);
  }
  if (target->attribute_count > RG_MAX_VERTEX_ATTRIBUTES) {
    return result_set(RG_ERROR_LIMIT, "%s: %u vertex attributes exceed %d",
                      pipeline_title(request).text, target->attribute_count,
                      RG_MAX_VERTEX_ATTRIBUTES);
  }
  if (target->attributes == NULL && target->attribute_count > 0) {
    return result_set(RG_ERROR_INVALID_ARGUMENT, "%s: attributes is NULL, but their count is %u",
                      pipeline_title(request).text, target->attribute_count);
  }
  key->attribute_count = count;
  if (count == 0) {
    return check_stride(gpu, request, target->vertex_stride);
  }
  return target->attributes == NULL ? pack_inputs(gpu, request, key)
                                    : match_inputs(gpu, request, key);
}
