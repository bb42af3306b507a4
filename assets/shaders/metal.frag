#version 460

layout(constant_id = 0) const bool NORMAL_MAP = false;

layout(set = 0, binding = 0, std140) uniform Material {
  vec3 albedo;
  float metallic;
  float roughness;
};
layout(set = 0, binding = 1) uniform sampler2D albedo_map;
layout(set = 0, binding = 2) uniform sampler2D normal_map;

layout(location = 0) in vec3 surface_normal;
layout(location = 1) in vec2 surface_texcoord;

layout(location = 0) out vec4 colour;

void main() {
  vec3 normal = normalize(surface_normal);
  if (NORMAL_MAP) {
    normal = normalize(normal + (texture(normal_map, surface_texcoord).xyz * 2.0 - 1.0) * 0.5);
  }
  vec3 base = albedo * texture(albedo_map, surface_texcoord).rgb;
  float diffuse = max(dot(normal, normalize(vec3(0.3, 0.8, 0.5))), 0.0) * (1.0 - metallic);
  float shine = pow(max(normal.z, 0.0), mix(64.0, 2.0, roughness)) * metallic;
  colour = vec4(base * (diffuse + shine + 0.05), 1.0);
}
