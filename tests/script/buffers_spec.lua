-- Buffers through their manager: creation, data, updates, copies, readback, and every mistake by name.

local regolith = require "regolith"

describe("buffers", function()
  local engine

  before_each(function()
    engine = assert(regolith.engine({ label = "buffers" }))
  end)

  after_each(function()
    engine:close()
  end)

  it("keep their data and say what they are", function()
    local buffer <close> = assert(engine.buffers:create({
      type = "vertex", data = "0123456789abcdef", label = "digits",
    }))
    assert.are.equal(16, buffer.size)
    assert.are.equal("vertex", buffer.type)
    assert.are.equal("static", buffer.update)
    assert.are.equal("digits", buffer.label)
    assert.are.equal("buffer 'digits'", tostring(buffer))
    assert.are.equal("buffer", regolith.type_of(buffer.id))
    assert.are.equal("0123456789abcdef", buffer:read())
    assert.are.equal("4567", buffer:read(4, 4))
  end)

  it("can be made of every type and update frequency", function()
    for _, kind in ipairs({ "vertex", "index", "uniform", "storage", "indirect", "staging" }) do
      local buffer <close> = assert(engine.buffers:create({ type = kind, size = 256 }))
      assert.are.equal(kind, buffer.type)
    end
    for _, update in ipairs({ "static", "dynamic", "stream", "readback" }) do
      local buffer <close> = assert(engine.buffers:create({ size = 64, update = update, data = ("x"):rep(64) }))
      assert.are.equal(update, buffer.update)
      assert.are.equal(("x"):rep(64), buffer:read())
    end
  end)

  it("take single and batched updates in order", function()
    local a <close> = assert(engine.buffers:create({ size = 8, data = "........" }))
    local b <close> = assert(engine.buffers:create({ size = 8, data = "........" }))
    assert.is_true(engine.buffers:update({ { a, 0, "ab" }, { b, 4, "wxyz" }, { a, 1, "B" } }))
    assert.is_true(a:write(6, "!!"))
    assert.are.equal("aB....!!", a:read())
    assert.are.equal("....wxyz", b:read())
  end)

  it("are copied on the GPU", function()
    local source <close> = assert(engine.buffers:create_staging(8, "source"))
    local target <close> = assert(engine.buffers:create({ size = 8, data = "--------" }))
    assert.is_true(source:write(0, "regolith"))
    assert.is_true(engine.buffers:copy(source, 2, target, 0, 4))
    assert.are.equal("goli----", target:read())
  end)

  it("give their VkBuffer, offset and size", function()
    local buffer <close> = assert(engine.buffers:create({ type = "uniform", size = 100 }))
    local vk = buffer:vk()
    assert.are_not.equal(0, vk.buffer)
    assert.are.equal(0, vk.offset % engine.limits.uniform_alignment)
    assert.are.equal(100, vk.size)
  end)

  it("refuse mistakes, naming the key and the nearest", function()
    local _, message = pcall(function()
      engine.buffers:create({ sise = 4 })
    end)
    assert.matches("buffers_spec.lua:%d+: buffer: .*size", message)
    assert.error_matches(function()
      engine.buffers:create({ size = 4, lable = "x" })
    end, "unknown key 'lable' %(did you mean 'label'%?%)")
    assert.error_matches(function()
      engine.buffers:create({ size = "big" })
    end, "size: a whole number wanted, string given")
    assert.error_matches(function()
      engine.buffers:create({ size = 4, type = "vertx" })
    end, "type: unknown value 'vertx' %(did you mean 'vertex'%?%)")
    assert.error_matches(function()
      engine.buffers:create({ size = 0, label = "none" })
    end, "buffer 'none'.*0")
    assert.error_matches(function()
      engine.buffers:create({ size = -1, label = "less" })
    end, "buffer 'less'.*%-1")
    assert.error_matches(function()
      engine.buffers:create({ size = 3, data = "four" })
    end, "4 bytes given, size is 3")
  end)

  it("refuse a size over the device's limit as a circumstance", function()
    local buffer, message, code = engine.buffers:create({ size = engine.limits.max_buffer_size + 1, label = "huge" })
    assert.is_nil(buffer)
    assert.matches("buffers_spec.lua:%d+: .*huge.*" .. engine.limits.max_buffer_size, message)
    assert.are.equal("RG_ERROR_LIMIT", code)
  end)

  it("refuse writes and reads past their end, and change nothing", function()
    local buffer <close> = assert(engine.buffers:create({ size = 8, data = "12345678", label = "small" }))
    assert.error_matches(function()
      buffer:write(6, "abc")
    end, "small")
    assert.error_matches(function()
      engine.buffers:update({ { buffer, 0, "x" }, { buffer, 8, "y" } })
    end, "small")
    assert.error_matches(function()
      engine.buffers:update({ { buffer, 0, "x", extra = 1 } })
    end, "extra")
    assert.error_matches(function()
      engine.buffers:update({ { buffer, 0, "x" }, [3] = { buffer, 1, "y" } })
    end, "'3'")
    assert.error_matches(function()
      buffer:read(4, 8)
    end, "small")
    assert.are.equal("12345678", buffer:read())
  end)

  it("are dead once destroyed, and say so", function()
    local buffer = assert(engine.buffers:create({ size = 8, label = "gone" }))
    buffer:destroy()
    for _, use in ipairs({ buffer.read, buffer.destroy, buffer.vk, buffer.info }) do
      assert.error_matches(function()
        use(buffer)
      end, "buffer 'gone'.*destroyed.*buffers_spec.lua")
    end
  end)

  it("of another engine are refused", function()
    local other <close> = assert(regolith.engine({ label = "other" }))
    local theirs <close> = assert(other.buffers:create({ size = 8 }))
    assert.error_matches(function()
      engine.buffers:update({ { theirs, 0, "x" } })
    end, "buffer")
  end)

  it("dropped by the script are collected, and their memory is used again", function()
    local size = 4 * regolith.MiB
    local largest = 0
    for _ = 1, 200 do
      assert(engine.buffers:create({ size = size }))
      engine:wait(engine:flush())
      largest = math.max(largest, engine.memory:stats().used)
    end
    assert.is_true(largest < 200 * size / 4)
    collectgarbage()
  end)
end)
