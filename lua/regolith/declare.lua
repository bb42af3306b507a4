-- The declaration language: shader, material, texture, buffer, gltf and resources, over an engine's declarations.
--
--   local language = require("regolith.declare").new(engine)
--   language.material "Metal" { shader = "pbr", roughness = 0.25 }
--
-- Every word checks its keys, so that a misspelt one is an error at its own line, naming the nearest.

local regolith = require "regolith"

local declare = {}

local stages = {
  vertex = true, tessellation_control = true, tessellation_evaluation = true, geometry = true,
  fragment = true, compute = true, task = true, mesh = true, raygen = true, intersection = true,
  any_hit = true, closest_hit = true, miss = true, callable = true,
}

local function fail(where, format, ...)
  error(where .. ": " .. string.format(format, ...), 0)
end

-- The script's file and line: the nearest caller that is none of Regolith's own Lua parts.
local function here()
  local level = 2
  local info = debug.getinfo(level, "Sl")
  while info and (info.currentline < 0 or info.source:sub(1, 10) == "=regolith/") do
    level = level + 1
    info = debug.getinfo(level, "Sl")
  end
  return info and info.short_src .. ":" .. info.currentline or "?"
end

-- Words are statements: what goes wrong with them is raised.
local function declare_in(engine, kind, name, desc, where)
  local done, message = engine:declare(kind, name, desc, where)
  if not done then
    error(message, 0)
  end
end

local function sorted_keys(set)
  local names = {}
  for name in pairs(set) do
    names[#names + 1] = name
  end
  table.sort(names)
  return names
end

local function did_you_mean(name, names)
  local nearest = regolith.nearest(name, names)
  return nearest and string.format(" (did you mean '%s'?)", nearest) or ""
end

local function check_name(where, what, name)
  if type(name) ~= "string" or name == "" then
    fail(where, "%s needs a name, given as a string: %s \"Name\"", what, what)
  end
end

local function check_table(where, what, value)
  if type(value) ~= "table" then
    fail(where, "%s: a table is wanted, %s given", what, type(value))
  end
end

local function check_keys(where, what, given, known)
  for key in pairs(given) do
    if not known[key] then
      local text = tostring(key)
      fail(where, "%s: unknown key '%s'%s", what, text, did_you_mean(text, sorted_keys(known)))
    end
  end
end

-- A list of names, or of references that texture, buffer and gltf returned.
local function names_of(where, what, list, kind)
  if list == nil then
    return nil
  end
  check_table(where, what, list)
  local names = {}
  for key, value in pairs(list) do
    if math.type(key) ~= "integer" or key < 1 or key > #list then
      fail(where, "%s: a list without holes is wanted, key '%s' given", what, tostring(key))
    end
    local name = type(value) == "table" and value[kind] or value
    if type(name) ~= "string" then
      fail(where, "%s[%d]: a name is wanted, %s given", what, key, type(value))
    end
    names[key] = name
  end
  return names
end

-- A word that was said and not yet given its table; run reports those left over.
local function begin(state, kind, name, ...)
  local where = here()
  check_name(where, kind, name)
  if select("#", ...) > 0 then
    fail(where, "%s '%s': the name stands alone, its table follows: %s \"%s\" { … }", kind, name, kind, name)
  end
  local entry = { kind = kind, name = name, where = where }
  state.unfinished[entry] = true
  return entry
end

-- The table has come. A name declared twice in one script is a slip.
local function complete(state, entry, where)
  state.unfinished[entry] = nil
  local key = entry.kind .. " " .. entry.name
  local before = state.declared[key]
  if before and not state.may_redeclare then
    fail(where, "%s '%s' is declared already, at %s", entry.kind, entry.name, before)
  end
end

-- The declaration is right.
local function record(state, entry, where)
  state.declared[entry.kind .. " " .. entry.name] = where
end

local reference = {}
reference.__index = reference

-- texture "rock.png" names a file; texture "rock" { file = "rock.png", … } declares one.
function reference:__call(desc)
  local where = here()
  check_table(where, string.format("texture '%s'", self.texture), desc)
  local entry = { kind = "texture", name = self.texture }
  complete(self.state, entry, where)
  declare_in(self.engine, "texture", self.texture, desc, where)
  record(self.state, entry, where)
  self.state.loose.textures[self.texture] = true
  return self
end

local function language_texture(state)
  return function(name)
    check_name(here(), "texture", name)
    return setmetatable({ texture = name, engine = state.engine, state = state }, reference)
  end
end

-- buffer "storage" { stride = 64, count = 100 }: a recipe that a set's `buffers` names.
local function language_buffer(state)
  return function(kind)
    local where = here()
    if type(kind) ~= "string" then
      fail(where, "buffer needs its type, given as a string: buffer \"storage\" { … }")
    end
    return function(desc)
      where = here()
      check_table(where, string.format("buffer \"%s\"", kind), desc)
      local copy = { type = kind }
      for key, value in pairs(desc) do
        copy[key] = value
      end
      if copy.count ~= nil then
        if math.type(copy.stride) ~= "integer" or math.type(copy.count) ~= "integer"
          or copy.stride < 1 or copy.count < 1 then
          fail(where, "buffer \"%s\": count needs a stride, both whole and at least 1", kind)
        end
        if copy.size ~= nil then
          fail(where, "buffer \"%s\": size is stride times count; give one or the other", kind)
        end
        if copy.count > math.maxinteger // copy.stride then
          fail(where, "buffer \"%s\": stride %d times count %d is too large", kind, copy.stride, copy.count)
        end
        copy.size = copy.stride * copy.count
        copy.count = nil
      end
      local recipe = { buffer_desc = copy, where = where }
      state.recipes[recipe] = true
      return recipe
    end
  end
end

local shader_keys = { defines = true, keywords = true, label = true }
for stage in pairs(stages) do
  shader_keys[stage] = true
end

local function language_shader(state)
  return function(name, ...)
    local entry = begin(state, "shader", name, ...)
    return function(desc)
      local where = here()
      complete(state, entry, where)
      local what = string.format("shader '%s'", name)
      check_table(where, what, desc)
      check_keys(where, what, desc, shader_keys)
      declare_in(state.engine, "shader", name, desc, where)
      record(state, entry, where)
      state.loose.shaders[name] = true
    end
  end
end

-- Splits a material's table: what the material is, and its parameters.
local function material_desc(where, what, given, parent)
  local desc = { from = parent, parameters = {} }
  for key, value in pairs(given) do
    if type(key) ~= "string" then
      fail(where, "%s: parameters have names; '%s' is none", what, tostring(key))
    end
    if key == "shader" or key == "state" then
      desc[key] = value
    elseif type(value) == "table" and value.texture then
      desc.parameters[key] = { texture = value.texture }
    else
      desc.parameters[key] = value
    end
  end
  return desc
end

local function language_material(state)
  return function(name, ...)
    local entry = begin(state, "material", name, ...)
    local pending = {}
    local parent

    function pending:from(parent_name)
      check_name(here(), "from", parent_name)
      parent = parent_name
      return self
    end

    return setmetatable(pending, {
      __call = function(_, given)
        local where = here()
        local what = string.format("material '%s'", name)
        check_table(where, what, given)
        complete(state, entry, where)
        if given.from ~= nil then
          fail(where, "%s: its parent stands before its table: material \"%s\" : from \"NAME\" { … }", what, name)
        end
        declare_in(state.engine, "material", name, material_desc(where, what, given, parent), where)
        record(state, entry, where)
        state.loose.materials[name] = true
      end,
    })
  end
end

local function language_gltf()
  return function(file)
    check_name(here(), "gltf", file)
    return { gltf = file }
  end
end

local set_keys = {
  requires = true, materials = true, textures = true, shaders = true, buffers = true, gltf = true,
  budget = true,
}

-- A set's buffers are its own: they are declared as "Set/name".
local function set_buffers(state, where, what, set_name, given)
  if given == nil then
    return nil
  end
  check_table(where, what .. ".buffers", given)
  local names = {}
  for _, key in ipairs(sorted_keys(given)) do
    local recipe = given[key]
    if type(key) ~= "string" or type(recipe) ~= "table" or not recipe.buffer_desc then
      fail(where, "%s.buffers: name = buffer \"type\" { … } is wanted at '%s'", what, tostring(key))
    end
    local name = set_name .. "/" .. key
    state.recipes[recipe] = nil
    declare_in(state.engine, "buffer", name, recipe.buffer_desc, recipe.where)
    names[#names + 1] = name
  end
  return names
end

-- `gltf "file"` may stand in the set's table itself, or in its gltf list.
local function set_gltf(where, what, given)
  local files = names_of(where, what .. ".gltf", given.gltf, "gltf") or {}
  for index, value in ipairs(given) do
    if type(value) ~= "table" or not value.gltf then
      fail(where, "%s: entry %d is not a glTF file: gltf \"file.glb\" is wanted", what, index)
    end
    files[#files + 1] = value.gltf
  end
  return files
end

local function language_resources(state)
  return function(name, ...)
    local entry = begin(state, "resources", name, ...)
    return function(given)
      local where = here()
      complete(state, entry, where)
      local what = string.format("resources '%s'", name)
      check_table(where, what, given)
      local named = {}
      for key, value in pairs(given) do
        if math.type(key) ~= "integer" then
          named[key] = value
        end
      end
      check_keys(where, what, named, set_keys)
      local set, message = state.engine.sets:create({
        name = name,
        requires = names_of(where, what .. ".requires", given.requires, "set"),
        materials = names_of(where, what .. ".materials", given.materials, "material"),
        textures = names_of(where, what .. ".textures", given.textures, "texture"),
        shaders = names_of(where, what .. ".shaders", given.shaders, "shader"),
        buffers = set_buffers(state, where, what, name, given.buffers),
        gltf = set_gltf(where, what, given),
        budget = given.budget,
      }, where)
      if not set then
        error(message, 0)
      end
      record(state, entry, where)
      state.sets[#state.sets + 1] = set
      return set
    end
  end
end

---The words of the language for one engine, and what was declared with them: the second result has `sets`, in order,
---and `loose`: the names of shaders, textures and materials declared, by kind.
---@param engine regolith.Engine
---@return table words, table state
function declare.new(engine)
  local state = {
    engine = engine,
    sets = {},
    loose = { shaders = {}, textures = {}, materials = {} },
    recipes = {}, -- buffers that no set has taken
    unfinished = {}, -- words that wait for their table
    declared = {}, -- "material Metal" → where
  }
  local words = {
    shader = language_shader(state),
    material = language_material(state),
    texture = language_texture(state),
    buffer = language_buffer(state),
    gltf = language_gltf(),
    resources = language_resources(state),
    rgb = regolith.rgb,
    rgba = regolith.rgba,
    KiB = regolith.KiB,
    MiB = regolith.MiB,
    GiB = regolith.GiB,
  }
  return words, state
end

return declare
