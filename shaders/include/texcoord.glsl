// KHR_texture_transform: scale, then rotation about the origin, then offset.
#pragma once

// offset_scale: offset in xy, scale in zw. rotation: radians.
vec2 texcoord_transform(vec2 texcoord, vec4 offset_scale, float rotation) {
  float c = cos(rotation);
  float s = sin(rotation);
  return offset_scale.xy + mat2(c, s, -s, c) * (offset_scale.zw * texcoord);
}
