// The vertex stage of the built-in metallic-roughness shader.
#version 460

layout(location = 0) in vec3 position;
layout(location = 1) in vec3 normal;
layout(location = 2) in vec2 texcoord_0;
layout(location = 3) in vec4 tangent; // its direction, and the bitangent's sign

layout(push_constant) uniform Transform {
  mat4 view_projection;
  mat4 model;
};

layout(location = 0) out vec3 world_normal;
layout(location = 1) out vec4 world_tangent;
layout(location = 2) out vec2 texcoord;
layout(location = 3) out vec3 to_eye;

// From a point towards the eye, which projects to w = 0; for a parallel projection the eye is a
// direction.
vec3 direction_to_eye(vec3 point) {
  vec4 eye = inverse(view_projection) * vec4(0.0, 0.0, 1.0, 0.0);
  return abs(eye.w) > 1e-6 ? eye.xyz / eye.w - point : -eye.xyz;
}

void main() {
  vec4 world = model * vec4(position, 1.0);
  mat3 linear = mat3(model);
  world_normal = transpose(inverse(linear)) * normal;
  world_tangent = vec4(linear * tangent.xyz, tangent.w);
  texcoord = texcoord_0;
  to_eye = direction_to_eye(world.xyz);
  gl_Position = view_projection * world;
}
