-- Engines: several at once, reports, leaks by name and line, what happens after closing.

local regolith = require "regolith"

describe("engines", function()
  it("stand side by side", function()
    local a <close> = assert(regolith.engine({ label = "a" }))
    local b <close> = assert(regolith.engine({ label = "b" }))
    local buffer <close> = assert(a.buffers:create({ size = 4, data = "aaaa" }))
    assert.are.equal(1, #a.buffers:all())
    assert.are.equal(0, #b.buffers:all())
    assert.are.equal("aaaa", buffer:read())
  end)

  it("report what was not destroyed, by name and line", function()
    local messages = {}
    local engine = assert(regolith.engine({
      log_level = "warning",
      log = function(level, message)
        messages[#messages + 1] = level .. ": " .. message
      end,
    }))
    local kept = assert(engine.buffers:create({ size = 64, label = "forgotten" }))
    engine:close()
    local text = table.concat(messages, "\n")
    assert.matches("forgotten", text)
    assert.matches("engine_spec.lua:%d+", text)
    assert.error_matches(function()
      kept:read()
    end, "closed")
    assert.error_matches(function()
      engine:flush()
    end, "closed")
    assert.error_matches(function()
      return engine.buffers
    end, "closed")
  end)

  it("tell all there is", function()
    local engine <close> = assert(regolith.engine({ label = "told" }))
    local buffer <close> = assert(engine.buffers:create({ size = 256, label = "one" }))
    local report = assert(engine:report())
    assert.are.equal(engine.device.name, report.device.name)
    local found
    for _, resource in ipairs(report.resources) do
      if resource.label == "one" then
        found = resource
      end
    end
    assert.are.equal("buffer", found.type)
    assert.are.equal(256, found.size)
    assert.matches("engine_spec.lua:%d+", found.origin)
    assert.is_true(engine.memory:stats().used >= buffer.size)
    assert.is_true(engine.limits.max_texture_size_2d >= 4096)
  end)

  it("refuse unknown keys and devices", function()
    assert.error_matches(function()
      regolith.engine({ lable = "x" })
    end, "unknown key 'lable' %(did you mean 'label'%?%)")
    local engine, message, code = regolith.engine({ device = "no such device" })
    assert.is_nil(engine)
    assert.are.equal("RG_ERROR_NOT_FOUND", code)
    assert.matches("no such device", message)
  end)

  it("know the colours", function()
    assert.are.same({ 1, 0, 1 }, regolith.rgb "#ff00ff")
    assert.are.same({ 0.5, 0.25, 0 }, regolith.rgb(0.5, 0.25, 0))
    assert.are.near(0.2158605, regolith.rgb("#808080")[1], 1e-6)
    assert.are.near(128 / 255, regolith.rgba("#00000080")[4], 1e-6)
    assert.error_matches(function()
      regolith.rgb "#ff00f"
    end, "#ff00f")
  end)

  it("specialise shaders by keywords", function()
    local engine <close> = assert(regolith.engine({ label = "keywords" }))
    local source = [[
#version 460
layout(local_size_x = 1) in;
layout(constant_id = 5) const int FACTOR = 1;
layout(constant_id = 6) const bool NEGATE = false;
layout(set = 0, binding = 0) buffer Values { int values[]; };
void main() { values[0] = NEGATE ? -FACTOR : FACTOR; }
]]
    local values <close> = assert(engine.buffers:create({ data = string.pack("<i4", 0) }))
    local expected = { [false] = 1, [true] = -12 }
    for negate, value in pairs(expected) do
      local shader <close> = assert(engine.shaders:create({
        compute = { source = source },
        keywords = negate and { FACTOR = 12, NEGATE = true } or nil,
      }))
      local material <close> = assert(engine.materials:create({
        name = "material", shader = shader, parameters = { Values = values },
      }))
      assert(engine:dispatch(material, 1))
      assert.are.equal(value, (string.unpack("<i4", values:read())))
    end
    assert.error_matches(function()
      engine.shaders:create({ compute = { source = source }, keywords = { FACTOR = 1.5 } })
    end, "FACTOR.*1.5")
  end)

  it("run compute materials", function()
    local engine <close> = assert(regolith.engine({ label = "compute" }))
    local shader <close> = assert(engine.shaders:create({
      stage = "compute",
      source = [[
#version 460
layout(local_size_x = 4) in;
layout(set = 0, binding = 0) uniform Material { uint factor; };
layout(set = 0, binding = 1) buffer Values { uint values[]; };
void main() { values[gl_GlobalInvocationID.x] *= factor; }
]],
    }))
    local values <close> = assert(engine.buffers:create({
      type = "storage", data = string.pack("<I4I4I4I4", 1, 2, 3, 4),
    }))
    local triple <close> = assert(engine.materials:create({
      name = "triple", shader = shader, parameters = { factor = 3, Values = values },
    }))
    local ticket = assert(engine:dispatch(triple, 1))
    assert.is_true(engine:wait(ticket))
    assert.are.same({ 3, 6, 9, 12, 17 }, { string.unpack("<I4I4I4I4", values:read()) })
    assert.is_true(values:write(4, string.pack("<I4", 100)))
    assert.is_true(triple:update({ factor = 2 }))
    assert(engine:dispatch(triple, 1))
    assert.are.same({ 6, 200, 18, 24, 17 }, { string.unpack("<I4I4I4I4", values:read()) })
  end)
end)
