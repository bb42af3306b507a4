/* glTF 2.0 files (.gltf with its buffers, .glb) to plain meshes, materials and images. */
#ifndef RG_ASSET_GLTF_H
#define RG_ASSET_GLTF_H

#include "base/file.h"
#include "base/host_memory.h"

#define GLTF_NONE UINT32_MAX

/* An image: a file beside the glTF file, or bytes inside it. */
typedef struct gltf_image {
  const char *name;  /* the file's own, or "image0" */
  const char *file;  /* under the roots; NULL where bytes hold it */
  const void *bytes; /* encoded PNG or JPEG */
  size_t size;
} gltf_image;

/* An image with a sampler. */
typedef struct gltf_texture {
  const char *name;
  uint32_t image; /* index; GLTF_NONE where the file gives none */
  rg_sampler_desc sampler;
} gltf_texture;

typedef struct gltf_texture_use {
  uint32_t texture;                    /* index; GLTF_NONE where unused */
  uint32_t texcoord;                   /* which TEXCOORD_n */
  float offset[2], scale[2], rotation; /* KHR_texture_transform; identity by default */
} gltf_texture_use;

typedef struct gltf_material {
  const char *name; /* unique in the file */
  float base_color[4], emissive[3];
  float metallic, roughness, normal_scale, occlusion_strength,
      alpha_cutoff; /* alpha_cutoff: 0 unless masked */
  bool is_blended, is_double_sided;
  gltf_texture_use base_color_texture, metallic_roughness_texture, normal_texture,
      occlusion_texture, emissive_texture;
} gltf_material;

/* One primitive: interleaved vertices, and 16- or 32-bit indices. Attributes stand in the order
 * position, normal, tangent, texcoord_0, texcoord_1, color_0, joints_0, weights_0, then further
 * sets; all are floats but joints (16-bit integers), colours always have four. Triangles without
 * normals get smooth ones, and where their material has a normal map, tangents. */
typedef struct gltf_primitive {
  const char *name; /* "MESH/0", unique in the file */
  unsigned char *vertices;
  uint32_t vertex_count, vertex_stride; /* never 0: primitives without positions are left out */
  rg_vertex_attribute attributes[RG_MAX_VERTEX_ATTRIBUTES];
  uint32_t attribute_count;
  void *indices; /* NULL where it has none */
  uint32_t index_count;
  VkIndexType index_type;
  rg_topology topology; /* a line loop has become a strip */
  uint32_t material;    /* index; GLTF_NONE where the file gives none */
} gltf_primitive;

typedef struct gltf_file {
  arena arena;
  gltf_image *images;
  gltf_texture *textures;
  gltf_material *materials;
  gltf_primitive *primitives;
  uint32_t image_count, texture_count, material_count, primitive_count;
  uint32_t mesh_count;
} gltf_file;

/* Reads and checks a file and its buffers (relative files and data URIs). All indices, offsets,
 * counts and accessor ranges are checked, index values against vertex counts, numbers for being
 * finite. Sparse accessors and normalised integers are expanded; positions, normals, tangents and
 * texture coordinates come as floats. max_file_size bounds each file, and all buffers and images
 * together. RG_ERROR_FORMAT names the JSON path and the limit
 * ("robot.glb: accessors[3].bufferView: 9 of 7 bufferViews"); RG_ERROR_UNSUPPORTED: a required
 * extension we lack; RG_ERROR_LIMIT: sizes over the limits; RG_ERROR_IO, RG_ERROR_NOT_FOUND: a
 * buffer file. The caller frees *out with gltf_finish. */
RG_NODISCARD rg_result gltf_load(host_memory *memory, file_roots *roots, const char *name,
                                 uint64_t max_file_size, gltf_file *out);
void gltf_finish(gltf_file *file); /* a zeroed one is allowed */

#endif
