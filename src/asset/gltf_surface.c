/* The normals and tangents that a glTF file leaves out, so that every lit material has them. Works
 * in doubles, in which products of finite floats stay finite. */
#include <math.h>
#include <string.h>

#include "base/result.h"
#include "gltf_internal.h"

typedef struct vec3 {
  double x, y, z;
} vec3;

static vec3 vec3_sub(vec3 a, vec3 b) {
  return (vec3){a.x - b.x, a.y - b.y, a.z - b.z};
}

static vec3 vec3_scale(vec3 a, double factor) {
  return (vec3){a.x * factor, a.y * factor, a.z * factor};
}

static void vec3_add(vec3 *to, vec3 a) {
  *to = (vec3){to->x + a.x, to->y + a.y, to->z + a.z};
}

static double vec3_dot(vec3 a, vec3 b) {
  return a.x * b.x + a.y * b.y + a.z * b.z;
}

static vec3 vec3_cross(vec3 a, vec3 b) {
  return (vec3){a.y * b.z - a.z * b.y, a.z * b.x - a.x * b.z, a.x * b.y - a.y * b.x};
}

/* Of unit length; `fallback` for a vector without direction. */
static vec3 vec3_unit(vec3 a, vec3 fallback) {
  const double length = sqrt(vec3_dot(a, a));
  return length > 0.0 && isfinite(length) ? vec3_scale(a, 1.0 / length) : fallback;
}

static const float *floats_at(const gltf_primitive *primitive, uint32_t vertex, uint32_t offset) {
  return (const float *)(const void *)(primitive->vertices +
                                       (size_t)vertex * primitive->vertex_stride + offset);
}

static vec3 vec3_at(const gltf_primitive *primitive, uint32_t vertex, uint32_t offset) {
  const float *at = floats_at(primitive, vertex, offset);
  return (vec3){(double)at[0], (double)at[1], (double)at[2]};
}

static void floats_write(gltf_primitive *primitive, uint32_t vertex, uint32_t offset,
                         const float *numbers, size_t count) {
  memcpy(primitive->vertices + (size_t)vertex * primitive->vertex_stride + offset, numbers,
         count * sizeof *numbers);
}

bool gltf_has_triangles(const gltf_primitive *primitive) {
  return primitive->topology == RG_TOPOLOGY_TRIANGLES ||
         primitive->topology == RG_TOPOLOGY_TRIANGLE_STRIP ||
         primitive->topology == RG_TOPOLOGY_TRIANGLE_FAN;
}

static uint32_t triangle_count(const gltf_primitive *primitive) {
  const uint32_t corners =
      primitive->indices != NULL ? primitive->index_count : primitive->vertex_count;
  const uint32_t joined = corners < 3 ? 0 : corners - 2;
  return primitive->topology == RG_TOPOLOGY_TRIANGLES ? corners / 3 : joined;
}

/* The corners of one triangle (glTF 2.0, section 3.7.2.1). */
static void triangle_get(const gltf_primitive *primitive, uint32_t triangle, uint32_t vertices[3]) {
  uint32_t corners[3] = {3 * triangle, 3 * triangle + 1, 3 * triangle + 2};
  if (primitive->topology == RG_TOPOLOGY_TRIANGLE_STRIP) {
    corners[0] = triangle;
    corners[1] = triangle + 1 + triangle % 2;
    corners[2] = triangle + 2 - triangle % 2;
  } else if (primitive->topology == RG_TOPOLOGY_TRIANGLE_FAN) {
    corners[0] = triangle + 1;
    corners[1] = triangle + 2;
    corners[2] = 0;
  }
  for (int i = 0; i < 3; i++) {
    vertices[i] = gltf_vertex_at(primitive, corners[i]);
  }
}

rg_result gltf_normals_make(host_memory *memory, gltf_primitive *primitive, uint32_t position,
                            uint32_t normal) {
  const uint32_t count = primitive->vertex_count;
  vec3 *sums = host_calloc(memory, count, sizeof *sums);
  if (sums == NULL) {
    return result_no_memory("normals", count * sizeof *sums);
  }
  for (uint32_t i = 0; i < triangle_count(primitive); i++) {
    uint32_t v[3];
    triangle_get(primitive, i, v);
    const vec3 origin = vec3_at(primitive, v[0], position);
    const vec3 face = vec3_cross(vec3_sub(vec3_at(primitive, v[1], position), origin),
                                 vec3_sub(vec3_at(primitive, v[2], position), origin));
    for (int corner = 0; corner < 3; corner++) {
      vec3_add(&sums[v[corner]], face);
    }
  }
  for (uint32_t i = 0; i < count; i++) {
    const vec3 unit = vec3_unit(sums[i], (vec3){0.0, 0.0, 1.0});
    floats_write(primitive, i, normal, (float[3]){(float)unit.x, (float)unit.y, (float)unit.z}, 3);
  }
  host_free(memory, sums, count * sizeof *sums);
  return RG_OK;
}

/* Where positions go as u and as v grow, summed over the triangles around a vertex. */
typedef struct gradients {
  vec3 u, v;
} gradients;

static void gradients_add(gradients *sums, const gltf_primitive *primitive, uint32_t triangle,
                          uint32_t position, uint32_t texcoord) {
  uint32_t v[3];
  triangle_get(primitive, triangle, v);
  const vec3 origin = vec3_at(primitive, v[0], position);
  const vec3 a = vec3_sub(vec3_at(primitive, v[1], position), origin);
  const vec3 b = vec3_sub(vec3_at(primitive, v[2], position), origin);
  const float *uv0 = floats_at(primitive, v[0], texcoord);
  const float *uv1 = floats_at(primitive, v[1], texcoord);
  const float *uv2 = floats_at(primitive, v[2], texcoord);
  const double au = (double)uv1[0] - (double)uv0[0], av = (double)uv1[1] - (double)uv0[1];
  const double bu = (double)uv2[0] - (double)uv0[0], bv = (double)uv2[1] - (double)uv0[1];
  const double area = au * bv - bu * av;
  if (area == 0.0) {
    return;
  }
  const double side = area < 0.0 ? -1.0 : 1.0;
  for (int corner = 0; corner < 3; corner++) {
    vec3_add(&sums[v[corner]].u, vec3_scale(vec3_sub(vec3_scale(a, bv), vec3_scale(b, av)), side));
    vec3_add(&sums[v[corner]].v, vec3_scale(vec3_sub(vec3_scale(b, au), vec3_scale(a, bu)), side));
  }
}

/* Any direction across a unit vector. */
static vec3 across(vec3 unit) {
  const vec3 axis = fabs(unit.x) < 0.8 ? (vec3){1.0, 0.0, 0.0} : (vec3){0.0, 1.0, 0.0};
  return vec3_unit(vec3_sub(axis, vec3_scale(unit, vec3_dot(axis, unit))), axis);
}

static void tangent_write(gltf_primitive *primitive, uint32_t vertex, const gradients *sum,
                          uint32_t normal, uint32_t tangent) {
  const vec3 up = vec3_unit(vec3_at(primitive, vertex, normal), (vec3){0.0, 0.0, 1.0});
  const vec3 along = vec3_unit(sum->u, (vec3){0.0, 0.0, 0.0});
  const vec3 flat = vec3_sub(along, vec3_scale(up, vec3_dot(up, along)));
  const bool is_degenerate = vec3_dot(flat, flat) < 1e-12;
  const vec3 unit = is_degenerate ? across(up) : vec3_unit(flat, flat);
  /* Normal maps have their y axis upwards, against v. */
  const float side = vec3_dot(vec3_cross(up, unit), sum->v) > 0.0 ? -1.0f : 1.0f;
  floats_write(primitive, vertex, tangent,
               (float[4]){(float)unit.x, (float)unit.y, (float)unit.z, side}, 4);
}

rg_result gltf_tangents_make(host_memory *memory, gltf_primitive *primitive, uint32_t position,
                             uint32_t normal, uint32_t texcoord, uint32_t tangent) {
  const uint32_t count = primitive->vertex_count;
  gradients *sums = host_calloc(memory, count, sizeof *sums);
  if (sums == NULL) {
    return result_no_memory("tangents", count * sizeof *sums);
  }
  for (uint32_t i = 0; i < triangle_count(primitive); i++) {
    gradients_add(sums, primitive, i, position, texcoord);
  }
  for (uint32_t i = 0; i < count; i++) {
    tangent_write(primitive, i, &sums[i], normal, tangent);
  }
  host_free(memory, sums, count * sizeof *sums);
  return RG_OK;
}
