-- Textures through their manager: shapes, formats, data, levels, files, and every mistake by name.

local regolith = require "regolith"

local red = "\255\0\0\255"
local blue = "\0\0\255\255"

-- The repository's assets, wherever the tests are run from.
local assets = debug.getinfo(1, "S").source:match("^@(.*)/[^/]*$") .. "/../../assets"

describe("textures", function()
  local engine

  before_each(function()
    engine = assert(regolith.engine({ label = "textures", roots = { assets } }))
  end)

  after_each(function()
    engine:close()
  end)

  it("keep their texels and say what they are", function()
    local texture <close> = assert(engine.textures:create({
      width = 2, height = 1, format = "r8g8b8a8_unorm", data = red .. blue, label = "two",
    }))
    assert.are.equal(2, texture.width)
    assert.are.equal(1, texture.height)
    assert.are.equal(1, texture.mip_levels)
    assert.are.equal("2d", texture.type)
    assert.are.equal("r8g8b8a8_unorm", texture.format)
    assert.are.equal(red .. blue, texture:read())
  end)

  it("come in every shape", function()
    local shapes = {
      { type = "2d", width = 4, height = 4 },
      { type = "3d", width = 4, height = 4, depth = 4 },
      { type = "cube", width = 4, height = 4 },
      { type = "2d_array", width = 4, height = 4, layers = 3 },
    }
    for _, shape in ipairs(shapes) do
      local texture <close> = assert(engine.textures:create(shape))
      assert.are.equal(shape.type, texture.type)
      assert.are.equal(shape.type == "cube" and 6 or shape.layers or 1, texture.layers)
    end
  end)

  it("fill their levels by filtering", function()
    local texture <close> = assert(engine.textures:create({
      width = 4, height = 4, data = red:rep(16), generate_mips = true,
    }))
    assert.are.equal(3, texture.mip_levels)
    assert.are.equal(red:rep(4), texture:read({ mip_level = 2 }))
    assert.are.equal(red, texture:read({ mip_level = 3 }))
  end)

  it("take writes to regions, layers and levels", function()
    local texture <close> = assert(engine.textures:create({
      type = "2d_array", width = 2, height = 2, layers = 2, data = red:rep(8),
    }))
    assert.is_true(texture:write(blue, { layer = 2, x = 1, y = 1, width = 1, height = 1 }))
    assert.are.equal(red:rep(4), texture:read({ layer = 1 }))
    assert.are.equal(red:rep(3) .. blue, texture:read({ layer = 2 }))
  end)

  it("give their view and sampler; equal samplers are shared", function()
    local a <close> = assert(engine.textures:create({ width = 1, height = 1, sampler = { wrap_u = "clamp_to_edge" } }))
    local b <close> = assert(engine.textures:create({ width = 2, height = 2, sampler = { wrap_u = "clamp_to_edge" } }))
    local c <close> = assert(engine.textures:create({ width = 2, height = 2 }))
    assert.are.equal(a:vk().sampler, b:vk().sampler)
    assert.are_not.equal(a:vk().sampler, c:vk().sampler)
    assert.are_not.equal(a:vk().view, b:vk().view)
  end)

  it("come from files", function()
    local texture <close> = assert(engine.textures:create({ file = "textures/plates.png", generate_mips = true }))
    assert.are.equal(256, texture.width)
    assert.are.equal(9, texture.mip_levels)
    assert.are.equal("r8g8b8a8_srgb", texture.format)
    assert.are.equal(256 * 256 * 4, #texture:read())
  end)

  it("say what is wrong with a file", function()
    local texture, message, code = engine.textures:create({ file = "textures/plate.png" })
    assert.is_nil(texture)
    assert.are.equal("RG_ERROR_NOT_FOUND", code)
    assert.matches("textures_spec.lua:%d+: .*textures/plate.png", message)
    texture, message, code = engine.textures:create({ file = "shaders/metal.frag" })
    assert.is_nil(texture)
    assert.are.equal("RG_ERROR_FORMAT", code)
    assert.matches("metal.frag", message)
    texture, message = engine.textures:create({ file = "../../../../../../etc/passwd" })
    assert.is_nil(texture)
    assert.matches("etc/passwd", message)
  end)

  it("refuse mistakes, naming object, value and limit", function()
    assert.error_matches(function()
      engine.textures:create({ width = 4, height = 4, formt = "r8_unorm" })
    end, "unknown key 'formt' %(did you mean 'format'%?%)")
    assert.error_matches(function()
      engine.textures:create({ width = 4, height = 4, format = "r8_unrom" })
    end, "unknown format 'r8_unrom'")
    assert.error_matches(function()
      engine.textures:create({ width = 2, height = 2, data = red, label = "short" })
    end, "short.*4.*16")
    assert.error_matches(function()
      engine.textures:create({ width = 4, height = 2, type = "cube", label = "oblong" })
    end, "oblong")
    assert.error_matches(function()
      engine.textures:create({ width = 0, height = 2, label = "empty" })
    end, "empty")
    local texture, message, code = engine.textures:create({ width = 1 << 20, height = 1, label = "wide" })
    assert.is_nil(texture)
    assert.matches("wide.*1048576", message)
    assert.are.equal("RG_ERROR_LIMIT", code)
  end)
end)
