/* What the files of the glTF reader share: the state of one reading, JSON access that names paths,
 * buffers and accessors. Private to src/asset/gltf*.c. */
#ifndef RG_ASSET_GLTF_INTERNAL_H
#define RG_ASSET_GLTF_INTERNAL_H

#include "base/hash_map.h"
#include "base/json.h"
#include "gltf.h"

#define GLTF_PATH_SIZE 128

/* Numbers that all accessors together may decode to: 1 GiB of floats. A small file can otherwise
 * ask for any amount, by zero-filled accessors or by many uses of one. */
#define GLTF_MAX_NUMBERS ((uint64_t)1 << 28)

/* The arrays at the top of a file. */
typedef enum gltf_kind {
  GLTF_BUFFERS,
  GLTF_BUFFER_VIEWS,
  GLTF_ACCESSORS,
  GLTF_IMAGES,
  GLTF_SAMPLERS,
  GLTF_TEXTURES,
  GLTF_MATERIALS,
  GLTF_MESHES,
  GLTF_NODES,
  GLTF_SCENES,
  GLTF_SKINS,
  GLTF_CAMERAS,
  GLTF_KIND_COUNT,
} gltf_kind;

/* The items of a JSON array, which is a list, by index. */
typedef struct gltf_table {
  const cJSON **items;
  uint32_t count;
} gltf_table;

typedef struct gltf_buffer {
  const unsigned char *bytes;
  size_t size; /* as the JSON says */
} gltf_buffer;

typedef struct gltf_reader {
  host_memory *memory;
  file_roots *roots;
  const char *name;
  uint64_t max_file_size;
  gltf_file *file; /* what is being made */
  arena scratch;   /* lives as long as the reading */
  hash_map names;  /* kind and name to a count of equal ones */
  file_data data;
  cJSON *root;
  gltf_table tables[GLTF_KIND_COUNT];
  const unsigned char *chunk; /* of a .glb, or NULL */
  size_t chunk_size;
  gltf_buffer *buffers;
  file_data *buffer_files;
  uint64_t loaded_size;   /* bytes of buffers and images, held to max_file_size */
  uint64_t decoded_count; /* numbers and sparse indices, held to GLTF_MAX_NUMBERS */
} gltf_reader;

/* ---- gltf_json.c: values by key, with errors "FILE: PATH.KEY: what is wrong" ---- */

/* A JSON value and its path from the file's root, which is cut where it is very long. */
typedef struct gltf_value {
  gltf_reader *reader;
  const cJSON *json; /* NULL where it is absent: then all its members are absent too */
  char path[GLTF_PATH_SIZE];
} gltf_value;

rg_result gltf_fail(const gltf_value *value, rg_result result, const char *key, const char *format,
                    ...) RG_PRINTF(4, 5);

gltf_value gltf_root(gltf_reader *reader);
/* The index-th of a top-level array; the index is in range. */
gltf_value gltf_item(gltf_reader *reader, gltf_kind kind, uint32_t index);
/* The index-th child of an array's value. */
gltf_value gltf_child(const gltf_value *array, const cJSON *json, uint32_t index);

/* All of these: absent is no error and leaves *out as it is; objects and arrays come as a value
 * without JSON then. */
RG_NODISCARD rg_result gltf_get_object(const gltf_value *object, const char *key, gltf_value *out);
RG_NODISCARD rg_result gltf_get_array(const gltf_value *object, const char *key, gltf_value *out);
RG_NODISCARD rg_result gltf_get_string(const gltf_value *object, const char *key, const char **out);
RG_NODISCARD rg_result gltf_get_bool(const gltf_value *object, const char *key, bool *out);
RG_NODISCARD rg_result gltf_get_uint(const gltf_value *object, const char *key, uint64_t max,
                                     uint64_t *out);
RG_NODISCARD rg_result gltf_get_index(const gltf_value *object, const char *key, gltf_kind kind,
                                      uint32_t *out);
RG_NODISCARD rg_result gltf_get_floats(const gltf_value *object, const char *key, float *out,
                                       uint32_t count);
/* Checks an array of indices into a top-level array. */
RG_NODISCARD rg_result gltf_check_indices(const gltf_value *object, const char *key,
                                          gltf_kind kind);
/* As gltf_get_object, for object.extensions.NAME. */
RG_NODISCARD rg_result gltf_get_extension(const gltf_value *object, const char *name,
                                          gltf_value *out);
/* RG_ERROR_FORMAT unless it is an object. */
RG_NODISCARD rg_result gltf_check_object(const gltf_value *value);
/* RG_ERROR_FORMAT unless the object has the key. */
RG_NODISCARD rg_result gltf_require(const gltf_value *object, const char *key);

/* Fills reader->tables from reader->root; all items are objects then. */
RG_NODISCARD rg_result gltf_tables_init(gltf_reader *reader);

/* Gives *out the item's name, or `fallback` and the index ("mesh7"), made unique among its kind by
 * a "#2". It lives as the file does. */
RG_NODISCARD rg_result gltf_name(gltf_reader *reader, gltf_kind kind, uint32_t index,
                                 const char *fallback, const char **out);

/* ---- gltf_buffers.c: bytes from files, chunks and data URIs ---- */

/* Splits a .glb into its JSON text and reader->chunk; for a .gltf the text is the file. */
RG_NODISCARD rg_result gltf_container_read(gltf_reader *reader, const char **text, size_t *length);
RG_NODISCARD rg_result gltf_buffers_read(gltf_reader *reader);
void gltf_buffers_finish(gltf_reader *reader);

/* What a URI stands for: a file (its name under the roots) or bytes; both live as the arena. */
typedef struct gltf_uri {
  const char *file;
  const unsigned char *bytes;
  size_t size;
} gltf_uri;
RG_NODISCARD rg_result gltf_uri_read(const gltf_value *object, const char *uri, arena *memory,
                                     gltf_uri *out);
/* Counts bytes against the file's limit, before they are copied. */
RG_NODISCARD rg_result gltf_size_count(const gltf_value *object, uint64_t size);

typedef struct gltf_view {
  const unsigned char *bytes;
  uint64_t size;
  uint64_t offset; /* into its buffer */
  uint32_t stride; /* 0: none given */
} gltf_view;
/* Reads and checks bufferViews[index]. */
RG_NODISCARD rg_result gltf_view_read(gltf_reader *reader, uint32_t index, gltf_view *out);

/* ---- gltf_accessor.c: typed arrays ---- */

typedef enum gltf_component {
  GLTF_INT8 = 5120,
  GLTF_UINT8 = 5121,
  GLTF_INT16 = 5122,
  GLTF_UINT16 = 5123,
  GLTF_UINT32 = 5125,
  GLTF_FLOAT = 5126,
} gltf_component;

/* A range of elements inside a view; bytes NULL means zeros. */
typedef struct gltf_span {
  const unsigned char *bytes;
  uint32_t count;
  uint32_t stride;
} gltf_span;

typedef struct gltf_accessor {
  gltf_value value;
  gltf_component component;
  uint32_t rows, columns; /* a scalar: 1 × 1, VEC3: 3 × 1, MAT4: 4 × 4 */
  bool is_normalized;
  gltf_span elements;
  gltf_span sparse_indices; /* count 0: not sparse */
  gltf_span sparse_values;
  gltf_component sparse_component; /* of the indices */
} gltf_accessor;

/* Opens and checks accessors[index]: nothing that it describes lies outside its buffers. */
RG_NODISCARD rg_result gltf_accessor_read(gltf_reader *reader, uint32_t index, gltf_accessor *out);

/* Counts the accessor's numbers against GLTF_MAX_NUMBERS, before memory for them is taken. */
RG_NODISCARD rg_result gltf_accessor_count(const gltf_accessor *accessor);

/* Decode elements of one column to every stride-th byte of out. Floats are checked for being
 * finite; normalised integers become -1 to 1. Uints: of unsigned components only. */
RG_NODISCARD rg_result gltf_accessor_floats(const gltf_accessor *accessor, void *out,
                                            size_t stride);
RG_NODISCARD rg_result gltf_accessor_uints(const gltf_accessor *accessor, uint32_t *out);
RG_NODISCARD rg_result gltf_accessor_uint16s(const gltf_accessor *accessor, void *out,
                                             size_t stride);

/* ---- gltf_mesh.c, gltf_material.c, gltf_scene.c ---- */

/* Fill the file's arrays; meshes need the materials. */
RG_NODISCARD rg_result gltf_materials_read(gltf_reader *reader);
RG_NODISCARD rg_result gltf_textures_read(gltf_reader *reader);
RG_NODISCARD rg_result gltf_meshes_read(gltf_reader *reader);
/* Checks what resources do not need: nodes without cycles, scenes, skins, animations. */
RG_NODISCARD rg_result gltf_scenes_check(gltf_reader *reader);

/* The vertex that the i-th corner of a primitive is, with or without indices. */
static inline uint32_t gltf_vertex_at(const gltf_primitive *primitive, uint32_t i) {
  if (primitive->indices == NULL) {
    return i;
  }
  return primitive->index_type == VK_INDEX_TYPE_UINT16 ? ((const uint16_t *)primitive->indices)[i]
                                                       : ((const uint32_t *)primitive->indices)[i];
}

/* ---- gltf_surface.c: normals and tangents that a file leaves out ---- */

/* Write an attribute, of floats at that offset into each vertex, of a primitive of triangles whose
 * indices have been checked. Where geometry gives no direction, any unit vector stands for it. */
RG_NODISCARD rg_result gltf_normals_make(host_memory *memory, gltf_primitive *primitive,
                                         uint32_t position, uint32_t normal);
RG_NODISCARD rg_result gltf_tangents_make(host_memory *memory, gltf_primitive *primitive,
                                          uint32_t position, uint32_t normal, uint32_t texcoord,
                                          uint32_t tangent);
/* Whether its topology makes triangles. */
bool gltf_has_triangles(const gltf_primitive *primitive);

#endif
