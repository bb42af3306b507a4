-- The sample asset script: shaders, materials with textures, and resource sets, one from a glTF file.
-- Run it:  regolith run assets/scene.lua

shader "metal" {
  vertex = "shaders/metal.vert",
  fragment = "shaders/metal.frag",
  keywords = { NORMAL_MAP = true },
}

texture "plates" { file = "textures/plates.png", generate_mips = true }
texture "plates_normal" {
  file = "textures/plates_normal.png",
  is_linear = true,
  generate_mips = true,
  sampler = { max_anisotropy = 8 },
}

material "Metal" {
  shader = "metal",
  albedo = rgb "#f2eee0",
  metallic = 1,
  roughness = 0.25,
  albedo_map = texture "plates",
  normal_map = texture "plates_normal",
}

material "RustyMetal" : from "Metal" {
  albedo = rgb(0.55, 0.30, 0.16),
  roughness = 0.85,
}

resources "Common" {
  shaders = { "metal" },
  buffers = { camera = buffer "uniform" { size = 256, update = "stream" } },
}

resources "Level1" {
  requires = { "Common" },
  materials = { "Metal", "RustyMetal" },
  buffers = { instances = buffer "storage" { stride = 64, count = 20000 } },
  gltf = { "models/crate.glb" },
  budget = 64 * MiB,
}
