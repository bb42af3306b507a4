-- What scripts drop is collected in time: neither the device's memory nor the host's grows by it.

local regolith = require "regolith"

local source = [[
#version 460
layout(set = 0, binding = 0, std140) uniform Material { vec3 albedo; float roughness; };
layout(location = 0) out vec4 colour;
void main() { colour = vec4(albedo, roughness); }
]]

describe("memory that is dropped", function()
  local engine

  before_each(function()
    engine = assert(regolith.engine({ label = "probes" }))
  end)

  after_each(function()
    engine:close()
  end)

  -- The collector is not told when: it must find out by what the textures weigh.
  it("comes back while 400 textures of 4 MiB are made and dropped one by one", function()
    local peak = 0
    for _ = 1, 400 do
      assert(engine.textures:create({ width = 1024, height = 1024 }))
      peak = math.max(peak, engine.memory:totals().size)
    end
    assert.is_true(peak <= 96 << 20)
    collectgarbage()
  end)

  it("comes back while 50,000 materials are made and dropped", function()
    local shader <close> = assert(engine.shaders:create({ stage = "fragment", source = source, label = "paint" }))
    local function drop(count)
      for i = 1, count do
        assert(engine.materials:create({ name = "Dropped" .. i, shader = shader, parameters = { roughness = 0.5 } }))
      end
      collectgarbage()
      collectgarbage()
      engine:collect()
      return engine.memory:stats()
    end
    local before = drop(10000)
    local after = drop(40000)
    assert.are.equal(before.size, after.size)
    assert.are.equal(before.used, after.used)
    assert.is_true(after.host_bytes <= before.host_bytes + (1 << 20))
  end)

  it("comes back while buffers are written and dropped", function()
    local data = ("x"):rep(65536)
    local function drop(count)
      for _ = 1, count do
        assert(engine.buffers:create({ size = 1 << 20, update = "static" })):write(0, data)
      end
      collectgarbage()
      collectgarbage()
      assert(engine:flush())
      engine:collect()
      return engine.memory:totals().size
    end
    local before = drop(200)
    assert.is_true(drop(400) <= before)
  end)
end)
