-- Resource sets and the declaration language: closures, sharing, all or nothing, manifests.

local regolith = require "regolith"
local declare = require "regolith.declare"

local vertex = "#version 460\nvoid main() { gl_Position = vec4(0); }"
local fragment = [[
#version 460
layout(set = 0, binding = 0) uniform Material { vec3 albedo; float roughness; };
layout(set = 0, binding = 1) uniform sampler2D albedo_map;
layout(location = 0) out vec4 colour;
void main() { colour = vec4(albedo * roughness, 1) * texture(albedo_map, vec2(0)); }
]]

-- The repository's assets, wherever the tests are run from.
local assets = debug.getinfo(1, "S").source:match("^@(.*)/[^/]*$") .. "/../../assets"

-- The engine's own defaults (white, flat normal) are textures too.
local function count_textures(engine, label)
  local count = 0
  for _, texture in ipairs(engine.textures:all()) do
    count = count + (texture.label == label and 1 or 0)
  end
  return count
end

describe("resource sets", function()
  local engine, words, state

  before_each(function()
    engine = assert(regolith.engine({ label = "sets", roots = { assets } }))
    words, state = declare.new(engine)
    words.shader "paint" { vertex = { source = vertex }, fragment = { source = fragment } }
    words.texture "plates" { file = "textures/plates.png" }
    words.material "Metal" {
      shader = "paint", albedo = words.rgb "#ff8000", roughness = 0.5, albedo_map = words.texture "plates",
    }
    words.material "Rusty":from "Metal" { roughness = 0.9 }
  end)

  after_each(function()
    words, state = nil, nil
    collectgarbage()
    collectgarbage()
    engine:close()
  end)

  it("load the closure of what they name", function()
    local set = words.resources "Level" {
      materials = { "Rusty" },
      buffers = { instances = words.buffer "storage" { stride = 64, count = 100 } },
    }
    assert.are.equal(0, set.references)
    assert.is_true(set:load())
    local found = {}
    for _, member in ipairs(set:members()) do
      found[member.type .. " " .. member.name] = true
    end
    assert.are.same({
      ["shader paint"] = true, ["texture plates"] = true, ["material Metal"] = true, ["material Rusty"] = true,
      ["buffer Level/instances"] = true,
    }, found)
    assert.are.equal(6400, set:get("buffer", "Level/instances").size)
    assert.are.near(0.9, set:get("material", "Rusty"):get("roughness"), 1e-6)
    assert.are.equal(1, set:get("material", "Rusty"):get("albedo")[1])
    assert.is_true(set:unload())
    assert.are.equal(0, #engine.materials:all())
    assert.are.equal(0, #engine.shaders:all())
  end)

  it("share what several need, and keep it while any does", function()
    local a = words.resources "A" { materials = { "Metal" } }
    local b = words.resources "B" { requires = { "A" }, materials = { "Rusty" } }
    assert.is_true(a:load())
    assert.is_true(b:load())
    assert.are.equal(2, #engine.materials:all())
    assert.are.equal(1, count_textures(engine, "plates"))
    assert.is_true(a:unload())
    assert.are.equal(2, #engine.materials:all())
    assert.is_true(b:unload())
    assert.are.equal(0, #engine.materials:all())
  end)

  it("load all or nothing", function()
    words.material "Broken" { shader = "paint", albedo_map = words.texture "textures/none.png" }
    local set = words.resources "Level" { materials = { "Metal", "Broken" } }
    local loaded, message, code = set:load()
    assert.is_nil(loaded)
    assert.are.equal("RG_ERROR_NOT_FOUND", code)
    assert.matches("Level", message)
    assert.matches("Broken", message)
    assert.matches("textures/none.png", message)
    assert.matches("sets_spec.lua:%d+", message)
    assert.are.equal(0, set.references)
    assert.are.equal(0, #engine.materials:all())
    assert.are.equal(0, count_textures(engine, "plates"))
  end)

  it("keep to their budget", function()
    local set = words.resources "Level" { materials = { "Metal" }, budget = 1024 }
    local loaded, message, code = set:load()
    assert.is_nil(loaded)
    assert.are.equal("RG_ERROR_LIMIT", code)
    assert.matches("1024", message)
    assert.are.equal(0, count_textures(engine, "plates"))
  end)

  it("import glTF files", function()
    local set = words.resources "Level" { words.gltf "models/crate.glb" }
    assert.is_true(set:load())
    assert.are.equal(1, set.mesh_count)
    local primitives = set:primitives()
    assert.are.equal(1, #primitives)
    assert.are.equal(24, primitives[1].vertex_count)
    assert.are.equal(36, primitives[1].index_count)
    assert.are.equal("position", primitives[1].attributes[1].name)
    assert.are.equal(24 * primitives[1].vertex_stride, primitives[1].vertices.size)
    assert.are.near(0.8, primitives[1].material:get("roughness"), 1e-6)
    assert.are.equal(64, primitives[1].material:get("albedo_map").width)
  end)

  it("write and read manifests", function()
    words.resources "Level" { materials = { "Rusty" } }
    words, state = declare.new(engine)
    words.shader "paint" {
      vertex = "shaders/metal.vert", fragment = "shaders/metal.frag", keywords = { NORMAL_MAP = true },
      defines = { UNUSED = 2 },
    }
    local text = assert(engine:manifest())
    assert.matches('"regolith"', text)
    assert.matches('"NORMAL_MAP"', text)
    local other <close> = assert(regolith.engine({ roots = { assets } }))
    assert.is_true(other:read_manifest("level.json", text))
    assert.are.equal(text, other:manifest())
    assert.is_true(other.sets:find("Level"):load())
    local _, message = other:read_manifest("bad.json", '{"regolith": 1, "matrials": {}}')
    assert.matches("bad.json.*matrials.*materials", message)
  end)

  it("notice words without their table, and names given twice", function()
    words.material "Forgotten"
    local entry = next(state.unfinished)
    assert.are.equal("Forgotten", entry.name)
    assert.matches("sets_spec.lua:%d+", entry.where)
    assert.error_matches(function()
      words.material "Metal" { shader = "paint" }
    end, "material 'Metal' is declared already, at .*sets_spec.lua:%d+")
    assert.error_matches(function()
      words.material("Metal", { shader = "paint" })
    end, "the name stands alone")
    assert.error_matches(function()
      words.material "Child" { from = "Metal" }
    end, 'material "Child" : from')
  end)

  it("refuse mistakes at their line", function()
    local mistakes = {
      { function() words.resources "Level" { matrials = { "Metal" } } end, "matrials.*materials" },
      { function() words.shader "x" { fragmnt = "a.frag" } end, "fragmnt.*fragment" },
      { function() words.material "x" { shader = 1 } end, "shader" },
      { function() words.texture "x" { fil = "a.png" } end, "fil.*file" },
      { function() words.resources "Level" { budget = "x" } end, "budget" },
    }
    for _, mistake in ipairs(mistakes) do
      local _, message = pcall(mistake[1])
      assert.matches("sets_spec.lua:%d+: .*" .. mistake[2], message)
    end
    local set = words.resources "Level" { materials = { "Mettal" } }
    local loaded, message = set:load()
    assert.is_nil(loaded)
    assert.matches("Mettal.*Metal", message)
  end)
end)
