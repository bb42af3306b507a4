std = "lua54"
max_line_length = 120
-- Annotations for editors: functions without bodies.
files["lua/regolith/meta.lua"] = { ignore = { "211", "212", "241", "631" } }
-- Tests see busted's words; asset scripts see the declaration language.
files["tests/script"] = { std = "lua54+busted" }
local words = {
  "shader", "material", "texture", "buffer", "gltf", "resources", "rgb", "rgba", "KiB", "MiB", "GiB",
  "engine", "regolith",
}
files["assets"] = { read_globals = words }
files["examples"] = { read_globals = words }
files["tests/data"] = { read_globals = words }
