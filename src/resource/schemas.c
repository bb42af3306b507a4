/* The fields of every public descriptor as tables: the one place that names them for scripts,
 * manifests, checks and copies. */
#include <float.h>
#include <regolith/regolith.h>
#include <string.h>

#define AT(type, member) .name = #member, .offset = offsetof(type, member)
#define COUNT_OF(array) (uint32_t)(sizeof(array) / sizeof(array)[0])

/* The largest integer up to which every integer is a double of its own. */
#define MAX_EXACT 9007199254740992.0

/* ---- Names of values ----------------------------------------------------------------------- */

static const rg_name_value log_levels[] = {{"error", RG_LOG_ERROR},
                                           {"warning", RG_LOG_WARNING},
                                           {"info", RG_LOG_INFO},
                                           {"debug", RG_LOG_DEBUG},
                                           {NULL, 0}};

static const rg_name_value buffer_types[] = {{"vertex", RG_BUFFER_VERTEX},
                                             {"index", RG_BUFFER_INDEX},
                                             {"uniform", RG_BUFFER_UNIFORM},
                                             {"storage", RG_BUFFER_STORAGE},
                                             {"indirect", RG_BUFFER_INDIRECT},
                                             {"staging", RG_BUFFER_STAGING},
                                             {NULL, 0}};

static const rg_name_value updates[] = {{"static", RG_UPDATE_STATIC},
                                        {"dynamic", RG_UPDATE_DYNAMIC},
                                        {"stream", RG_UPDATE_STREAM},
                                        {"readback", RG_UPDATE_READBACK},
                                        {NULL, 0}};

static const rg_name_value buffer_usages[] = {
    {"transfer_src", VK_BUFFER_USAGE_TRANSFER_SRC_BIT},
    {"transfer_dst", VK_BUFFER_USAGE_TRANSFER_DST_BIT},
    {"uniform_texel", VK_BUFFER_USAGE_UNIFORM_TEXEL_BUFFER_BIT},
    {"storage_texel", VK_BUFFER_USAGE_STORAGE_TEXEL_BUFFER_BIT},
    {"uniform", VK_BUFFER_USAGE_UNIFORM_BUFFER_BIT},
    {"storage", VK_BUFFER_USAGE_STORAGE_BUFFER_BIT},
    {"index", VK_BUFFER_USAGE_INDEX_BUFFER_BIT},
    {"vertex", VK_BUFFER_USAGE_VERTEX_BUFFER_BIT},
    {"indirect", VK_BUFFER_USAGE_INDIRECT_BUFFER_BIT},
    {"shader_device_address", VK_BUFFER_USAGE_SHADER_DEVICE_ADDRESS_BIT},
    {NULL, 0}};

static const rg_name_value memory_properties[] = {
    {"device_local", VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT},
    {"host_visible", VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT},
    {"host_coherent", VK_MEMORY_PROPERTY_HOST_COHERENT_BIT},
    {"host_cached", VK_MEMORY_PROPERTY_HOST_CACHED_BIT},
    {"lazily_allocated", VK_MEMORY_PROPERTY_LAZILY_ALLOCATED_BIT},
    {"protected", VK_MEMORY_PROPERTY_PROTECTED_BIT},
    {NULL, 0}};

static const rg_name_value pool_strategies[] = {{"best_fit", RG_POOL_BEST_FIT},
                                                {"stack", RG_POOL_STACK},
                                                {"ring", RG_POOL_RING},
                                                {"slots", RG_POOL_SLOTS},
                                                {NULL, 0}};

static const rg_name_value texture_types[] = {{"2d", RG_TEXTURE_2D},
                                              {"3d", RG_TEXTURE_3D},
                                              {"cube", RG_TEXTURE_CUBE},
                                              {"2d_array", RG_TEXTURE_2D_ARRAY},
                                              {"cube_array", RG_TEXTURE_CUBE_ARRAY},
                                              {NULL, 0}};

static const rg_name_value texture_usages[] = {
    {"transfer_src", VK_IMAGE_USAGE_TRANSFER_SRC_BIT},
    {"transfer_dst", VK_IMAGE_USAGE_TRANSFER_DST_BIT},
    {"sampled", VK_IMAGE_USAGE_SAMPLED_BIT},
    {"storage", VK_IMAGE_USAGE_STORAGE_BIT},
    {"color_attachment", VK_IMAGE_USAGE_COLOR_ATTACHMENT_BIT},
    {"depth_stencil_attachment", VK_IMAGE_USAGE_DEPTH_STENCIL_ATTACHMENT_BIT},
    {"input_attachment", VK_IMAGE_USAGE_INPUT_ATTACHMENT_BIT},
    {"transient_attachment", VK_IMAGE_USAGE_TRANSIENT_ATTACHMENT_BIT},
    {NULL, 0}};

static const rg_name_value filters[] = {
    {"linear", RG_FILTER_LINEAR}, {"nearest", RG_FILTER_NEAREST}, {NULL, 0}};

static const rg_name_value wraps[] = {{"repeat", RG_WRAP_REPEAT},
                                      {"mirrored_repeat", RG_WRAP_MIRRORED_REPEAT},
                                      {"clamp_to_edge", RG_WRAP_CLAMP_TO_EDGE},
                                      {"clamp_to_border", RG_WRAP_CLAMP_TO_BORDER},
                                      {NULL, 0}};

static const rg_name_value compares[] = {{"never", RG_COMPARE_NEVER},
                                         {"less", RG_COMPARE_LESS},
                                         {"equal", RG_COMPARE_EQUAL},
                                         {"less_or_equal", RG_COMPARE_LESS_OR_EQUAL},
                                         {"greater", RG_COMPARE_GREATER},
                                         {"not_equal", RG_COMPARE_NOT_EQUAL},
                                         {"greater_or_equal", RG_COMPARE_GREATER_OR_EQUAL},
                                         {"always", RG_COMPARE_ALWAYS},
                                         {NULL, 0}};

static const rg_name_value stages[] = {
    {"vertex", VK_SHADER_STAGE_VERTEX_BIT},
    {"tessellation_control", VK_SHADER_STAGE_TESSELLATION_CONTROL_BIT},
    {"tessellation_evaluation", VK_SHADER_STAGE_TESSELLATION_EVALUATION_BIT},
    {"geometry", VK_SHADER_STAGE_GEOMETRY_BIT},
    {"fragment", VK_SHADER_STAGE_FRAGMENT_BIT},
    {"compute", VK_SHADER_STAGE_COMPUTE_BIT},
    {"task", VK_SHADER_STAGE_TASK_BIT_EXT},
    {"mesh", VK_SHADER_STAGE_MESH_BIT_EXT},
    {"raygen", VK_SHADER_STAGE_RAYGEN_BIT_KHR},
    {"any_hit", VK_SHADER_STAGE_ANY_HIT_BIT_KHR},
    {"closest_hit", VK_SHADER_STAGE_CLOSEST_HIT_BIT_KHR},
    {"miss", VK_SHADER_STAGE_MISS_BIT_KHR},
    {"intersection", VK_SHADER_STAGE_INTERSECTION_BIT_KHR},
    {"callable", VK_SHADER_STAGE_CALLABLE_BIT_KHR},
    {NULL, 0}};

static const rg_name_value culls[] = {
    {"none", RG_CULL_NONE}, {"back", RG_CULL_BACK}, {"front", RG_CULL_FRONT}, {NULL, 0}};

static const rg_name_value blends[] = {{"opaque", RG_BLEND_OPAQUE},
                                       {"alpha", RG_BLEND_ALPHA},
                                       {"premultiplied", RG_BLEND_PREMULTIPLIED},
                                       {"add", RG_BLEND_ADD},
                                       {"multiply", RG_BLEND_MULTIPLY},
                                       {NULL, 0}};

static const rg_name_value topologies[] = {
    {"triangles", RG_TOPOLOGY_TRIANGLES},       {"triangle_strip", RG_TOPOLOGY_TRIANGLE_STRIP},
    {"triangle_fan", RG_TOPOLOGY_TRIANGLE_FAN}, {"lines", RG_TOPOLOGY_LINES},
    {"line_strip", RG_TOPOLOGY_LINE_STRIP},     {"points", RG_TOPOLOGY_POINTS},
    {"patches", RG_TOPOLOGY_PATCHES},           {NULL, 0}};

/* ---- Fields -------------------------------------------------------------------------------- */

/* roots: size_offset is that of the uint32_t count that goes with the list. */
static const rg_field engine_fields[] = {
    {AT(rg_engine_desc, label), .kind = RG_FIELD_STRING,
     .summary = "for logs, reports and debuggers; default \"regolith\""},
    {AT(rg_engine_desc, log_level), .kind = RG_FIELD_ENUM, .names = log_levels,
     .summary = "messages above it are not made; default warning"},
    {AT(rg_engine_desc, device), .kind = RG_FIELD_STRING,
     .summary = "part of a device's name, or its index; default the best device"},
    {AT(rg_engine_desc, validation), .kind = RG_FIELD_BOOL,
     .summary = "run under the Vulkan validation layer; default false"},
    {AT(rg_engine_desc, memory_limit), .kind = RG_FIELD_UINT64, .maximum = MAX_EXACT,
     .summary = "bytes of device memory over all heaps; default what the heaps hold"},
    {AT(rg_engine_desc, block_size), .kind = RG_FIELD_UINT64, .maximum = 4294967296.0,
     .summary = "bytes of the largest memory block, 1 MiB to 4 GiB; default 256 MiB"},
    {AT(rg_engine_desc, budget_warning), .kind = RG_FIELD_FLOAT, .maximum = 1,
     .summary = "share of a heap's budget from which memory_event is called; default 0.9"},
    {AT(rg_engine_desc, memory_margin), .kind = RG_FIELD_UINT32, .maximum = 4096,
     .summary = "guard bytes behind host-visible memory, multiples of 16; default none"},
    {AT(rg_engine_desc, upload_size), .kind = RG_FIELD_UINT64, .maximum = 1073741824.0,
     .summary = "bytes of the staging ring, 64 KiB to 1 GiB; default 64 MiB"},
    {AT(rg_engine_desc, roots), .kind = RG_FIELD_STRINGS,
     .size_offset = offsetof(rg_engine_desc, root_count),
     .summary = "folders that relative file names are searched in; default the working directory"},
};

static const rg_field buffer_fields[] = {
    {AT(rg_buffer_desc, size), .kind = RG_FIELD_UINT64, .is_required = true, .minimum = 1,
     .maximum = MAX_EXACT, .summary = "bytes; at least 1"},
    {AT(rg_buffer_desc, type), .kind = RG_FIELD_ENUM, .names = buffer_types,
     .summary = "how the GPU mainly reads it; default storage"},
    {AT(rg_buffer_desc, usage), .kind = RG_FIELD_FLAGS, .names = buffer_usages,
     .summary = "further uses beside the type's; default none"},
    {AT(rg_buffer_desc, update), .kind = RG_FIELD_ENUM, .names = updates,
     .summary = "how often the CPU writes it; default static, stream for staging buffers"},
    {AT(rg_buffer_desc, stride), .kind = RG_FIELD_UINT32,
     .summary = "bytes of an element: offsets in shared VkBuffers are multiples; default none"},
    {AT(rg_buffer_desc, own_vk_buffer), .kind = RG_FIELD_BOOL,
     .summary = "refuse to share a VkBuffer with other small buffers; default false"},
    {AT(rg_buffer_desc, pool), .kind = RG_FIELD_HANDLE, .handle_type = RG_TYPE_POOL,
     .summary = "a pool for buffers; default the engine's pools"},
    {AT(rg_buffer_desc, priority), .kind = RG_FIELD_FLOAT, .maximum = 1,
     .summary = "how late it is paged out, 0 to 1; default 0.5, or the pool's"},
    {AT(rg_buffer_desc, is_movable), .kind = RG_FIELD_BOOL,
     .summary = "defragmentation may move it; default false"},
    {AT(rg_buffer_desc, is_exportable), .kind = RG_FIELD_BOOL,
     .summary = "memory of its own that can be exported; default false"},
    {AT(rg_buffer_desc, is_protected), .kind = RG_FIELD_BOOL,
     .summary = "protected memory, which the CPU cannot reach; default false"},
    {AT(rg_buffer_desc, data), .kind = RG_FIELD_BYTES,
     .size_offset = offsetof(rg_buffer_desc, size),
     .summary = "initial contents, size bytes; default undefined"},
    {AT(rg_buffer_desc, label), .kind = RG_FIELD_STRING,
     .summary = "for reports and debuggers; default none"},
};

static const rg_field sampler_fields[] = {
    {AT(rg_sampler_desc, mag_filter), .kind = RG_FIELD_ENUM, .names = filters,
     .summary = "when texels are larger than pixels; default linear"},
    {AT(rg_sampler_desc, min_filter), .kind = RG_FIELD_ENUM, .names = filters,
     .summary = "when texels are smaller than pixels; default linear"},
    {AT(rg_sampler_desc, mip_filter), .kind = RG_FIELD_ENUM, .names = filters,
     .summary = "between levels; default linear"},
    {AT(rg_sampler_desc, wrap_u), .kind = RG_FIELD_ENUM, .names = wraps,
     .summary = "outside 0 to 1 along u; default repeat"},
    {AT(rg_sampler_desc, wrap_v), .kind = RG_FIELD_ENUM, .names = wraps,
     .summary = "outside 0 to 1 along v; default repeat"},
    {AT(rg_sampler_desc, wrap_w), .kind = RG_FIELD_ENUM, .names = wraps,
     .summary = "outside 0 to 1 along w; default repeat"},
    {AT(rg_sampler_desc, compare), .kind = RG_FIELD_ENUM, .names = compares,
     .summary = "comparison of shadow samplers; default none"},
    {AT(rg_sampler_desc, max_anisotropy), .kind = RG_FIELD_FLOAT, .maximum = FLT_MAX,
     .summary = "1 and up, cut to the device's limit; default 1"},
    {AT(rg_sampler_desc, lod_bias), .kind = RG_FIELD_FLOAT, .minimum = -16, .maximum = 16,
     .summary = "levels added, -16 to 16; default 0"},
    {AT(rg_sampler_desc, min_lod), .kind = RG_FIELD_FLOAT, .maximum = FLT_MAX,
     .summary = "the finest level; default 0"},
    {AT(rg_sampler_desc, max_lod), .kind = RG_FIELD_FLOAT, .maximum = FLT_MAX,
     .summary = "the coarsest level; default no limit"},
};

static const rg_schema sampler_schema = {"sampler", sizeof(rg_sampler_desc), sampler_fields,
                                         COUNT_OF(sampler_fields)};

static const rg_field texture_fields[] = {
    {AT(rg_texture_desc, file), .kind = RG_FIELD_STRING,
     .summary = "PNG, JPEG, HDR, TGA or BMP file under the roots, instead of width, height, data"},
    {AT(rg_texture_desc, is_linear), .kind = RG_FIELD_BOOL,
     .summary = "with file: the colours are data, not sRGB; default false"},
    {AT(rg_texture_desc, type), .kind = RG_FIELD_ENUM, .names = texture_types,
     .summary = "shape; default 2d"},
    {AT(rg_texture_desc, width), .kind = RG_FIELD_UINT32,
     .summary = "texels; required without file"},
    {AT(rg_texture_desc, height), .kind = RG_FIELD_UINT32,
     .summary = "texels; required without file"},
    {AT(rg_texture_desc, depth), .kind = RG_FIELD_UINT32,
     .summary = "texels of a 3D texture; default 1"},
    {AT(rg_texture_desc, layers), .kind = RG_FIELD_UINT32,
     .summary = "array layers, cubes times 6; default 1, or 6 for a cube"},
    {AT(rg_texture_desc, mip_levels), .kind = RG_FIELD_UINT32,
     .summary = "levels; default 1, or the full chain with generate_mips"},
    {AT(rg_texture_desc, generate_mips), .kind = RG_FIELD_BOOL,
     .summary = "fill the levels below the data's by linear filtering; default false"},
    {AT(rg_texture_desc, format), .kind = RG_FIELD_FORMAT,
     .summary = "a format's name; default r8g8b8a8_unorm, or the file's"},
    {AT(rg_texture_desc, usage), .kind = RG_FIELD_FLAGS, .names = texture_usages,
     .summary = "default sampled, transfer_src and transfer_dst; the last two are always added"},
    {AT(rg_texture_desc, pool), .kind = RG_FIELD_HANDLE, .handle_type = RG_TYPE_POOL,
     .summary = "a pool for textures; default the engine's pools"},
    {AT(rg_texture_desc, priority), .kind = RG_FIELD_FLOAT, .maximum = 1,
     .summary = "how late it is paged out, 0 to 1; default 0.5, or the pool's"},
    {AT(rg_texture_desc, is_movable), .kind = RG_FIELD_BOOL,
     .summary = "defragmentation may move it; default false"},
    {AT(rg_texture_desc, is_exportable), .kind = RG_FIELD_BOOL,
     .summary = "memory of its own that can be exported; default false"},
    {AT(rg_texture_desc, is_protected), .kind = RG_FIELD_BOOL,
     .summary = "protected memory, which the CPU cannot reach; default false"},
    {AT(rg_texture_desc, sampler), .kind = RG_FIELD_STRUCT, .schema = &sampler_schema,
     .summary = "how shaders sample it"},
    {AT(rg_texture_desc, data), .kind = RG_FIELD_BYTES,
     .size_offset = offsetof(rg_texture_desc, data_size),
     .summary = "texels level by level, rows packed; default undefined"},
    {AT(rg_texture_desc, data_levels), .kind = RG_FIELD_UINT32,
     .summary = "how many levels data holds; default 1"},
    {AT(rg_texture_desc, label), .kind = RG_FIELD_STRING,
     .summary = "for reports and debuggers; default the file's name"},
};

static const rg_field stage_fields[] = {
    {AT(rg_stage_desc, stage), .kind = RG_FIELD_ENUM, .names = stages,
     .summary = "which stage; default by the file's ending"},
    {AT(rg_stage_desc, file), .kind = RG_FIELD_STRING,
     .summary = "GLSL or SPIR-V file under the roots, or \"regolith/NAME\" built in"},
    {AT(rg_stage_desc, source), .kind = RG_FIELD_STRING, .summary = "GLSL text, instead of file"},
    {AT(rg_stage_desc, spirv), .kind = RG_FIELD_BYTES,
     .size_offset = offsetof(rg_stage_desc, spirv_size),
     .summary = "SPIR-V words, instead of file"},
    {AT(rg_stage_desc, entry_point), .kind = RG_FIELD_STRING,
     .summary = "the function that it begins with; default \"main\""},
};

/* Stages and defines are arrays with a count: their readers treat them by hand. */
static const rg_field shader_fields[] = {
    {AT(rg_shader_desc, label), .kind = RG_FIELD_STRING,
     .summary = "for reports and debuggers; default the first stage's file"},
};

static const rg_field state_fields[] = {
    {AT(rg_state, cull), .kind = RG_FIELD_ENUM, .names = culls,
     .summary = "faces that are not drawn; default none"},
    {AT(rg_state, blend), .kind = RG_FIELD_ENUM, .names = blends,
     .summary = "how colours meet the target's; default opaque"},
    {AT(rg_state, topology), .kind = RG_FIELD_ENUM, .names = topologies,
     .summary = "what vertices form; default triangles"},
    {AT(rg_state, depth_test), .kind = RG_FIELD_ENUM, .names = compares,
     .summary = "where the target has depth; default less_or_equal"},
    {AT(rg_state, no_depth_write), .kind = RG_FIELD_BOOL,
     .summary = "leave the target's depth as it is; default false"},
    {AT(rg_state, is_wireframe), .kind = RG_FIELD_BOOL,
     .summary = "draw edges only; default false"},
};

/* Parameters and state are behind pointers: their readers treat them by hand. */
static const rg_field material_fields[] = {
    {AT(rg_material_desc, name), .kind = RG_FIELD_STRING, .is_required = true,
     .summary = "unique in the engine"},
    {.name = "shader",
     .offset = offsetof(rg_material_desc, shader_name),
     .kind = RG_FIELD_STRING,
     .summary = "a declared shader, or \"regolith/pbr\"; required without from"},
    {.name = "from",
     .offset = offsetof(rg_material_desc, parent_name),
     .kind = RG_FIELD_STRING,
     .summary = "a declared material to inherit from; default none"},
};

static const rg_field set_fields[] = {
    {AT(rg_set_desc, name), .kind = RG_FIELD_STRING, .is_required = true,
     .summary = "unique among sets"},
    {.name = "requires",
     .offset = offsetof(rg_set_desc, requires_sets),
     .kind = RG_FIELD_STRINGS,
     .summary = "sets loaded before and kept while this one is"},
    {AT(rg_set_desc, materials), .kind = RG_FIELD_STRINGS, .summary = "names of materials"},
    {AT(rg_set_desc, textures), .kind = RG_FIELD_STRINGS,
     .summary = "names of textures, or of image files under the roots"},
    {AT(rg_set_desc, shaders), .kind = RG_FIELD_STRINGS, .summary = "names of shaders"},
    {AT(rg_set_desc, buffers), .kind = RG_FIELD_STRINGS, .summary = "names of buffers"},
    {AT(rg_set_desc, gltf), .kind = RG_FIELD_STRINGS,
     .summary = ".gltf or .glb files under the roots"},
    {AT(rg_set_desc, budget), .kind = RG_FIELD_UINT64, .maximum = MAX_EXACT,
     .summary = "bytes of device memory of all it loads; default no limit"},
};

static const rg_field pool_fields[] = {
    {AT(rg_pool_desc, update), .kind = RG_FIELD_ENUM, .names = updates,
     .summary = "chooses the memory type, as for buffers; default static"},
    {AT(rg_pool_desc, required), .kind = RG_FIELD_FLAGS, .names = memory_properties,
     .summary = "properties that the memory type must have; default none"},
    {AT(rg_pool_desc, is_for_textures), .kind = RG_FIELD_BOOL,
     .summary = "textures live in it, not buffers; default false"},
    {AT(rg_pool_desc, strategy), .kind = RG_FIELD_ENUM, .names = pool_strategies,
     .summary = "how room is found; default best_fit"},
    {AT(rg_pool_desc, slot_size), .kind = RG_FIELD_UINT64, .maximum = 4294967295.0,
     .summary = "bytes of each slot, 1 to 4 GiB - 1; required with strategy slots"},
    {AT(rg_pool_desc, block_size), .kind = RG_FIELD_UINT64, .maximum = MAX_EXACT,
     .summary = "bytes of each block, 64 KiB and up; default growing blocks"},
    {AT(rg_pool_desc, min_blocks), .kind = RG_FIELD_UINT32,
     .summary = "blocks made at once and kept; default 0"},
    {AT(rg_pool_desc, max_blocks), .kind = RG_FIELD_UINT32,
     .summary = "blocks at most; default no limit"},
    {AT(rg_pool_desc, max_size), .kind = RG_FIELD_UINT64, .maximum = MAX_EXACT,
     .summary = "bytes of all its blocks; default no limit"},
    {AT(rg_pool_desc, priority), .kind = RG_FIELD_FLOAT, .maximum = 1,
     .summary = "how late its blocks are paged out, 0 to 1; default 0.5"},
    {AT(rg_pool_desc, is_exportable), .kind = RG_FIELD_BOOL,
     .summary = "its memory may be exported; default false"},
    {AT(rg_pool_desc, label), .kind = RG_FIELD_STRING,
     .summary = "for reports and debuggers; default none"},
};

static const rg_schema schemas[] = {
    {"engine", sizeof(rg_engine_desc), engine_fields, COUNT_OF(engine_fields)},
    {"buffer", sizeof(rg_buffer_desc), buffer_fields, COUNT_OF(buffer_fields)},
    {"texture", sizeof(rg_texture_desc), texture_fields, COUNT_OF(texture_fields)},
    {"stage", sizeof(rg_stage_desc), stage_fields, COUNT_OF(stage_fields)},
    {"shader", sizeof(rg_shader_desc), shader_fields, COUNT_OF(shader_fields)},
    {"state", sizeof(rg_state), state_fields, COUNT_OF(state_fields)},
    {"material", sizeof(rg_material_desc), material_fields, COUNT_OF(material_fields)},
    {"set", sizeof(rg_set_desc), set_fields, COUNT_OF(set_fields)},
    {"pool", sizeof(rg_pool_desc), pool_fields, COUNT_OF(pool_fields)},
};

const rg_schema *rg_schema_find(const char *name) {
  if (name == NULL) {
    return NULL;
  }
  for (uint32_t i = 0; i < COUNT_OF(schemas); i++) {
    if (strcmp(schemas[i].name, name) == 0) {
      return &schemas[i];
    }
  }
  return strcmp(sampler_schema.name, name) == 0 ? &sampler_schema : NULL;
}

const rg_field *rg_schema_field(const rg_schema *schema, const char *name) {
  for (uint32_t i = 0; schema != NULL && name != NULL && i < schema->field_count; i++) {
    if (strcmp(schema->fields[i].name, name) == 0) {
      return &schema->fields[i];
    }
  }
  return NULL;
}
