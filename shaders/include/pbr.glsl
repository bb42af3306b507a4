// The metallic-roughness model of glTF 2.0 (its appendix B): Lambert under a GGX microfacet lobe.
#pragma once

const float PI = 3.14159265358979;

struct Surface {
  vec3 diffuse;    // what scatters: none for metals
  vec3 specular;   // reflectance at normal incidence
  float roughness; // perceptual, 0.04 to 1
  vec3 normal;     // unit length
};

Surface surface_of(vec3 albedo, float metallic, float roughness, vec3 normal) {
  Surface surface;
  surface.diffuse = albedo * (1.0 - metallic);
  surface.specular = mix(vec3(0.04), albedo, metallic);
  surface.roughness = clamp(roughness, 0.04, 1.0);
  surface.normal = normal;
  return surface;
}

// Trowbridge and Reitz's distribution of microfacet normals.
float distribution_ggx(float n_dot_h, float alpha) {
  float alpha2 = alpha * alpha;
  float f = n_dot_h * n_dot_h * (alpha2 - 1.0) + 1.0;
  return alpha2 / (PI * f * f);
}

// Smith's height-correlated shadowing and masking, over 4 * n_dot_l * n_dot_v.
float visibility_ggx(float n_dot_l, float n_dot_v, float alpha) {
  float alpha2 = alpha * alpha;
  float light = n_dot_v * sqrt(n_dot_l * n_dot_l * (1.0 - alpha2) + alpha2);
  float view = n_dot_l * sqrt(n_dot_v * n_dot_v * (1.0 - alpha2) + alpha2);
  return 0.5 / max(light + view, 1e-5);
}

// Schlick's approximation of Fresnel reflectance.
vec3 fresnel_schlick(vec3 specular, float v_dot_h) {
  return specular + (1.0 - specular) * pow(1.0 - v_dot_h, 5.0);
}

// Light of unit irradiance from to_light, as seen from to_eye; both of unit length.
vec3 shade(Surface surface, vec3 to_light, vec3 to_eye) {
  vec3 halfway = normalize(to_light + to_eye);
  float n_dot_l = clamp(dot(surface.normal, to_light), 0.0, 1.0);
  float n_dot_v = clamp(abs(dot(surface.normal, to_eye)), 1e-4, 1.0);
  float n_dot_h = clamp(dot(surface.normal, halfway), 0.0, 1.0);
  float v_dot_h = clamp(dot(to_eye, halfway), 0.0, 1.0);
  float alpha = surface.roughness * surface.roughness;
  vec3 fresnel = fresnel_schlick(surface.specular, v_dot_h);
  vec3 specular =
      fresnel * distribution_ggx(n_dot_h, alpha) * visibility_ggx(n_dot_l, n_dot_v, alpha);
  return ((1.0 - fresnel) * surface.diffuse / PI + specular) * n_dot_l;
}
