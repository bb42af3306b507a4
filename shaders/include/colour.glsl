// Colour spaces: sRGB's transfer functions (IEC 61966-2-1) and luminance.
#pragma once

vec3 srgb_to_linear(vec3 colour) {
  vec3 low = colour / 12.92;
  vec3 high = pow((colour + 0.055) / 1.055, vec3(2.4));
  return mix(high, low, lessThanEqual(colour, vec3(0.04045)));
}

vec3 linear_to_srgb(vec3 colour) {
  vec3 low = colour * 12.92;
  vec3 high = 1.055 * pow(colour, vec3(1.0 / 2.4)) - 0.055;
  return mix(high, low, lessThanEqual(colour, vec3(0.0031308)));
}

// Of linear colours with BT.709's primaries.
float luminance(vec3 colour) {
  return dot(colour, vec3(0.2126, 0.7152, 0.0722));
}
