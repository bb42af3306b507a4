// The fragment stage of the built-in metallic-roughness shader: one directional light and a
// constant ambient. The result is linear.
#version 460
#include "include/pbr.glsl"
#include "include/texcoord.glsl"

layout(location = 0) in vec3 world_normal;
layout(location = 1) in vec4 world_tangent;
layout(location = 2) in vec2 texcoord;
layout(location = 3) in vec3 to_eye;

layout(set = 0, binding = 0, std140) uniform Material {
  vec3 albedo;
  float opacity;
  vec3 emissive;
  float metallic;
  float roughness;
  float normal_scale;
  float occlusion_strength;
  float alpha_cutoff; // fragments of less opacity are discarded
  vec4 texcoord_transform_offset_scale;
  float texcoord_rotation; // radians
};

layout(set = 0, binding = 1) uniform sampler2D albedo_map;
layout(set = 0, binding = 2) uniform sampler2D metallic_roughness_map; // roughness g, metallic b
layout(set = 0, binding = 3) uniform sampler2D normal_map;
layout(set = 0, binding = 4) uniform sampler2D occlusion_map; // r
layout(set = 0, binding = 5) uniform sampler2D emissive_map;

layout(location = 0) out vec4 colour;

const vec3 TO_LIGHT = vec3(0.371391, 0.742781, 0.557086);
const vec3 LIGHT = vec3(3.0);
const vec3 AMBIENT = vec3(0.25);

// The normal map's normal in the world; where the mesh has no tangents, the mesh's own.
vec3 normal_at(vec2 uv) {
  vec3 normal = normalize(gl_FrontFacing ? world_normal : -world_normal);
  vec3 mapped = texture(normal_map, uv).xyz * 2.0 - 1.0;
  vec3 tangent = world_tangent.xyz - normal * dot(normal, world_tangent.xyz);
  if (dot(tangent, tangent) < 1e-8) {
    return normal;
  }
  tangent = normalize(tangent);
  vec3 bitangent = cross(normal, tangent) * world_tangent.w;
  return normalize(mat3(tangent, bitangent, normal) * (mapped * vec3(vec2(normal_scale), 1.0)));
}

void main() {
  vec2 uv =
      texcoord_transform(texcoord, texcoord_transform_offset_scale, texcoord_rotation);
  vec4 base = texture(albedo_map, uv) * vec4(albedo, opacity);
  vec4 metallic_roughness = texture(metallic_roughness_map, uv);
  vec3 normal = normal_at(uv);
  if (base.a < alpha_cutoff) {
    discard;
  }
  Surface surface = surface_of(base.rgb, metallic * metallic_roughness.b,
                               roughness * metallic_roughness.g, normal);
  float occlusion = mix(1.0, texture(occlusion_map, uv).r, occlusion_strength);
  vec3 ambient = AMBIENT * (surface.diffuse + surface.specular) * occlusion;
  vec3 lit = shade(surface, TO_LIGHT, normalize(to_eye)) * LIGHT;
  vec3 glow = emissive * texture(emissive_map, uv).rgb;
  colour = vec4(lit + ambient + glow, base.a);
}
