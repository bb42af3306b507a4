-- Loads the glTF files named on the command line, and counts what they brought:
--   regolith run --root FOLDER examples/gltf.lua FILE.glb ...
-- FOLDER is where the files, and what they name in turn, may be read from.

for _, file in ipairs(arg) do
  local set = resources(file) { gltf = { file } }
  assert(set:load())

  local counts = { material = 0, texture = 0, buffer = 0, shader = 0 }
  for _, member in ipairs(set:members()) do
    counts[member.type] = counts[member.type] + 1
  end

  local vertices, indices, bytes = 0, 0, 0
  for _, primitive in ipairs(set:primitives()) do
    vertices = vertices + primitive.vertex_count
    indices = indices + primitive.index_count
    bytes = bytes + primitive.vertices.size + (primitive.indices and primitive.indices.size or 0)
  end

  print(string.format("%s: %d meshes, %d primitives, %d materials, %d textures, %d vertices, %d indices, %d bytes",
    file, set.mesh_count, set.primitive_count, counts.material, counts.texture, vertices, indices, bytes))
end
