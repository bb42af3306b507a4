-- Materials through their manager: parameters by name, inheritance, textures, and every mistake by name.

local regolith = require "regolith"

local source = [[
#version 460
layout(set = 0, binding = 0, std140) uniform Material {
  vec3 albedo;
  float roughness;
  ivec2 cells;
  bool is_lit;
  mat4 transform;
  float weights[3];
};
layout(set = 0, binding = 1) uniform sampler2D albedo_map;
layout(location = 0) out vec4 colour;
void main() {
  colour = vec4(albedo * roughness * weights[1], float(cells.x)) * transform * texture(albedo_map, vec2(0));
  if (is_lit) colour += 1.0;
}
]]

describe("materials", function()
  local engine, shader

  before_each(function()
    engine = assert(regolith.engine({ label = "materials" }))
    shader = assert(engine.shaders:create({ stage = "fragment", source = source, label = "paint" }))
  end)

  after_each(function()
    shader:destroy()
    engine:close()
  end)

  it("hold typed parameters", function()
    local metal <close> = assert(engine.materials:create({
      name = "Metal", shader = shader,
      parameters = {
        albedo = { 1, 0.5, 0.25 }, roughness = 0.5, cells = { 3, -4 }, is_lit = true, weights = { 1, 2, 3 },
      },
    }))
    assert.are.same({ 1, 0.5, 0.25 }, metal:get("albedo"))
    assert.are.equal(0.5, metal:get("roughness"))
    assert.are.same({ 3, -4 }, metal:get("cells"))
    assert.are.equal(true, metal:get("is_lit"))
    assert.are.same({ 1, 2, 3 }, metal:get("weights"))
    assert.are.equal(16, #metal:get("transform"))
    assert.are.equal("Metal", metal.name)
    assert.are.equal(shader, metal.shader)
    assert.are_not.equal(0, metal:vk().set)
  end)

  it("are updated by name, all or nothing", function()
    local metal <close> = assert(engine.materials:create({ name = "Metal", shader = shader }))
    assert.is_true(engine.materials:update("Metal", { roughness = 0.25 }))
    assert.is_true(metal:update({ albedo = { 0, 1, 0 } }))
    assert.are.equal(0.25, metal:get("roughness"))
    assert.has_error(function()
      metal:update({ roughness = 1, albedo = { 1, 2 } })
    end)
    assert.are.equal(0.25, metal:get("roughness"))
    assert.are.same({ 0, 1, 0 }, metal:get("albedo"))
  end)

  it("inherit values until they set their own", function()
    local metal <close> = assert(engine.materials:create({
      name = "Metal", shader = shader, parameters = { roughness = 0.5, albedo = { 1, 1, 1 } },
    }))
    local rusty <close> = assert(engine.materials:create({
      name = "Rusty", parent = metal, parameters = { albedo = { 0.5, 0.25, 0 } },
    }))
    assert.are.equal(0.5, rusty:get("roughness"))
    assert.is_true(metal:update({ roughness = 0.75, albedo = { 0, 0, 0 } }))
    local value, from = rusty:get("roughness")
    assert.are.equal(0.75, value)
    assert.are.equal("Metal", from)
    value, from = rusty:get("albedo")
    assert.are.same({ 0.5, 0.25, 0 }, value)
    assert.are.equal("Rusty", from)
  end)

  it("keep their parents, dropped or not", function()
    local parent = assert(engine.materials:create({ name = "P", shader = shader, parameters = { roughness = 1 } }))
    local child = assert(engine.materials:create({ name = "C", parent = parent }))
    parent:destroy()
    assert.are.equal(1, child:get("roughness"))
    parent = nil -- luacheck: ignore
    collectgarbage()
    assert.are.equal(2, #engine.materials:all())
    child:destroy()
    assert.are.equal(0, #engine.materials:all())
    local again <close> = assert(engine.materials:create({ name = "P", shader = shader }))
    assert.are.equal("P", again.name)
  end)

  it("keep the textures that they use", function()
    local texture = assert(engine.textures:create({ width = 1, height = 1, label = "white" }))
    local metal <close> = assert(engine.materials:create({
      name = "Metal", shader = shader, parameters = { albedo_map = texture },
    }))
    texture:destroy()
    assert.are.equal("white", metal:get("albedo_map").label)
  end)

  it("refuse mistakes, naming the parameter and the nearest", function()
    local metal <close> = assert(engine.materials:create({ name = "Metal", shader = shader }))
    local wrong = {
      { { roughnes = 1 }, "roughnes.*roughness" },
      { { albedo = { 1, 2 } }, "albedo.*3.*2" },
      { { roughness = 0 / 0 }, "roughness" },
      { { roughness = 1 / 0 }, "roughness" },
      { { cells = { 1.5, 2 } }, "cells" },
      { { cells = { 1, 2 ^ 40 } }, "cells" },
      { { is_lit = "yes" }, "is_lit" },
      { { albedo = true }, "albedo" },
      { { albedo_map = 1 }, "albedo_map" },
      { { roughness = {} }, "roughness" },
    }
    for _, case in ipairs(wrong) do
      local _, message = pcall(function()
        metal:update(case[1])
      end)
      assert.matches("materials_spec.lua:%d+: .*" .. case[2], message)
    end
    local buffer <close> = assert(engine.buffers:create({ size = 16, label = "bytes" }))
    assert.error_matches(function()
      metal:update({ albedo_map = buffer })
    end, "albedo_map")
    assert.error_matches(function()
      engine.materials:create({ name = "Metal", shader = shader })
    end, "Metal")
    assert.error_matches(function()
      engine.materials:create({ shader = shader })
    end, "name")
    assert.error_matches(function()
      engine.materials:create({ name = "X", shadr = shader })
    end, "shadr.*shader")
  end)

  it("dropped by the script are recycled", function()
    for round = 1, 3 do
      for index = 1, 500 do
        assert(engine.materials:create({ name = round .. "/" .. index, shader = shader }))
      end
      collectgarbage()
      collectgarbage()
      engine:wait(engine:flush())
      engine:collect()
      assert.are.equal(0, #engine.materials:all())
    end
  end)
end)
