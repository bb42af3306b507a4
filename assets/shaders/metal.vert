#version 460

layout(push_constant) uniform Camera {
  mat4 view_projection;
};

layout(location = 0) in vec3 position;
layout(location = 1) in vec3 normal;
layout(location = 2) in vec2 texcoord_0;

layout(location = 0) out vec3 surface_normal;
layout(location = 1) out vec2 surface_texcoord;

void main() {
  gl_Position = view_projection * vec4(position, 1.0);
  surface_normal = normal;
  surface_texcoord = texcoord_0;
}
