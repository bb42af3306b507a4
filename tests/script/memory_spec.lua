-- What a script learns of device memory, and what it may do about it.

local regolith = require "regolith"

describe("memory", function()
  local engine

  before_each(function()
    engine = assert(regolith.engine({ label = "memory" }))
  end)

  after_each(function()
    engine:close()
  end)

  it("is told by pool, heap and label", function()
    local buffer <close> = assert(engine.buffers:create({ size = 3 << 20, label = "large" }))
    local stats = engine.memory:stats()
    local pool = stats.pools[1]
    assert.is_true(stats.used >= 3 << 20 and stats.used <= stats.size)
    assert.is_true(pool.padding <= pool.used)
    assert.is_true(pool.fragmentation >= 0 and pool.fragmentation <= 1)
    assert.is_true(stats.heaps[pool.heap].used >= pool.size)
    local totals, heap = engine.memory:totals(), engine.memory:totals(pool.heap)
    assert.are.equal(stats.size, totals.size)
    assert.are.equal(stats.used, totals.used)
    assert.is_true(heap.allocations >= 1 and heap.used <= totals.used)
    local label = engine.memory:label("large")
    assert.are.equal(1, label.count)
    assert.are.equal(buffer:memory().size, label.bytes)
    assert.are.equal(0, engine.memory:label("none").count)
    assert.has_error(function()
      engine.memory:totals(0)
    end)
  end)

  it("is told range by range", function()
    local buffer <close> = assert(engine.buffers:create({ size = 200000, label = "one\n\"two\"" }))
    local place = buffer:memory()
    local found
    for _, block in ipairs(engine.memory:map(true).blocks) do
      local at = 0
      for _, range in ipairs(block.ranges) do
        assert.are.equal(at, range.offset)
        at = at + range.size
        found = found or (range.label == "one\n\"two\"" and range)
      end
      assert.are.equal(block.size, at)
    end
    assert.are.equal(place.offset, found.offset)
    assert.are.equal(place.size, found.size)
    assert.are.equal("buffer", found.kind)
    assert.are.equal(string.format("%x", buffer.id), found.id)
    assert.is_nil(engine.memory:map().blocks[1].ranges)
    assert.is_string(engine.memory:json())
  end)

  it("is drawn", function()
    local svg = assert(engine.memory:svg())
    assert.are.equal("<svg", svg:sub(1, 4))
    assert.are.equal("</svg>\n", svg:sub(-7))
  end)

  it("keeps within a budget", function()
    assert.is_true(engine.memory:set_budget(1, engine.memory:totals(1).size + (8 << 20)))
    local buffer, message, code = engine.buffers:create({ size = 64 << 20, label = "huge" })
    assert.is_nil(buffer)
    assert.are.equal("RG_ERROR_OUT_OF_DEVICE_MEMORY", code)
    assert.truthy(message:find("huge", 1, true))
    assert.is_true(engine.memory:set_budget(1))
    local large <close> = assert(engine.buffers:create({ size = 64 << 20, label = "huge" }))
    assert.are.equal(64 << 20, large.size)
    assert.has_error(function()
      engine.memory:set_budget(99, 1)
    end)
  end)

  it("tells a function when a budget comes near", function()
    local events = {}
    local small <close> = assert(regolith.engine({
      label = "near", upload_size = 1 << 16,
      memory_event = function(event)
        events[#events + 1] = event
      end,
    }))
    local buffer <close> = assert(small.buffers:create({ size = 100000 }))
    assert.are.equal(0, #events)
    small.memory:set_budget(1, 40 << 20)
    local large <close> = assert(small.buffers:create({ size = 37 << 20 }))
    assert.are.equal("near_budget", events[1] and events[1].type)
    assert.are.equal(1, events[1].heap)
    assert.is_true(events[1].used > 36 << 20)
    assert.is_nil((small.buffers:create({ size = 30 << 20 })))
    assert.are.equal("exhausted", events[#events].type)
    assert.is_true(events[#events].wanted >= 30 << 20)
    assert.is_true(buffer.size < large.size)
    assert.has_error(function()
      regolith.engine({ memory_event = "yes" })
    end)
  end)

  it("is recorded and replayed", function()
    local path = os.tmpname()
    assert.is_true(engine.memory:record(path))
    for i = 1, 20 do
      assert(engine.buffers:create({ size = 10000 * i })):destroy()
    end
    assert.has_error(function()
      engine.memory:record(path)
    end)
    engine:wait(engine:flush())
    engine:collect()
    assert.is_true(engine.memory:stop_recording())
    local file <close> = assert(io.open(path, "rb"))
    local stats = assert(engine.memory:replay(file:read("a")))
    os.remove(path)
    assert.are.equal(20, stats.allocations)
    assert.are.equal(20, stats.frees)
    assert.are.equal(0, stats.failures)
    assert.is_true(stats.peak_used >= 200000)
    local none, message, code = engine.memory:replay("regolith-trace 1\nnonsense\n")
    assert.is_nil(none)
    assert.truthy(message:find("line 2", 1, true))
    assert.are.equal("RG_ERROR_FORMAT", code)
    none, message, code = engine.memory:record("/no/such/folder/trace")
    assert.is_nil(none)
    assert.are.equal("RG_ERROR_IO", code)
    assert.truthy(message:find("/no/such/folder", 1, true))
  end)

  it("is checked where it has margins", function()
    local none, _, code = engine.memory:check()
    assert.is_nil(none)
    assert.are.equal("RG_ERROR_UNSUPPORTED", code)
    local guarded <close> = assert(regolith.engine({ label = "guarded", memory_margin = 32 }))
    local buffer <close> = assert(guarded.buffers:create({ size = 100, update = "stream", data = ("y"):rep(100) }))
    assert.is_true(guarded.memory:check())
    assert.are.equal(("y"):rep(100), buffer:read())
    assert.has_error(function()
      regolith.engine({ memory_margin = 20 })
    end)
  end)

  it("is moved together on demand", function()
    local kept = {}
    for i = 1, 24 do
      kept[i] = assert(engine.buffers:create({
        size = 300000, is_movable = true, own_vk_buffer = true, data = string.char(64 + i):rep(300000),
      }))
    end
    for i = 1, 24, 2 do
      kept[i]:destroy()
      kept[i] = nil
    end
    engine:wait(engine:flush())
    local steps, info = 0
    repeat
      info = assert(engine.memory:defragment({ max_bytes = 1 << 20, max_moves = 4 }))
      assert.is_true(info.moves <= 4 and info.bytes_moved <= 1 << 20)
      engine:wait(engine:flush())
      steps = steps + 1
    until info.is_done or steps > 100
    assert.is_true(info.is_done)
    for i, buffer in pairs(kept) do
      assert.are.equal(string.char(64 + i):rep(300000), buffer:read())
      buffer:destroy()
    end
    assert.has_error(function()
      engine.memory:defragment({ max_byte = 1 })
    end)
  end)
end)

describe("resources", function()
  local engine

  before_each(function()
    engine = assert(regolith.engine({ label = "places" }))
  end)

  after_each(function()
    engine:close()
  end)

  it("tell where they lie", function()
    local small <close> = assert(engine.buffers:create({ size = 64 }))
    local own <close> = assert(engine.buffers:create({ size = 64, own_vk_buffer = true }))
    assert.is_true(small:memory().is_shared)
    assert.is_false(own:memory().is_shared)
    assert.is_false(own:memory().is_aliased)
    assert.is_nil(own:memory().pool)
    assert.is_true(own:memory().size >= 64)
    own:destroy()
    assert.has_error(function()
      own:memory()
    end)
  end)

  it("are pinned and let go", function()
    local buffer <close> = assert(engine.buffers:create({ size = 64 }))
    assert.is_true(buffer:pin())
    assert.is_true(buffer:unpin())
    assert.has_error(function()
      buffer:unpin()
    end)
  end)

  it("have a GPU address where the device gives one", function()
    local buffer <close> = assert(engine.buffers:create({ size = 64 }))
    assert.is_nil(buffer.address)
    local addressed = engine.buffers:create({ size = 64, usage = { "shader_device_address" } })
    if addressed then
      assert.is_true(addressed.address == nil or addressed.address ~= 0)
      addressed:destroy()
    end
  end)

  it("have a place in the bindless array where the device has one", function()
    local texture <close> = assert(engine.textures:create({ width = 4, height = 4 }))
    local bindless, _, code = engine.textures:bindless()
    if bindless then
      assert.is_true(texture.index >= 0 and texture.index < bindless.capacity)
    else
      assert.are.equal("RG_ERROR_UNSUPPORTED", code)
      assert.is_nil(texture.index)
    end
  end)
end)
