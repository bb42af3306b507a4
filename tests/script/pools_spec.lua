-- Memory pools of a script's own, and transient resources that share memory.

local regolith = require "regolith"

describe("pools", function()
  local engine

  before_each(function()
    engine = assert(regolith.engine({ label = "pools" }))
  end)

  after_each(function()
    engine:close()
  end)

  it("hold what is made in them", function()
    local pool <close> = assert(engine.pools:create({ label = "streaming", block_size = 1 << 20, max_blocks = 2 }))
    assert.are.equal("pool 'streaming'", tostring(pool))
    assert.are.equal("pool", regolith.type_of(pool.id))
    assert.are.equal("streaming", pool.label)
    assert.are.equal(0, pool:stats().ranges)
    local buffer <close> = assert(engine.buffers:create({ size = 100000, pool = pool, data = ("x"):rep(100000) }))
    local stats = pool:stats()
    assert.are.equal(1, stats.blocks)
    assert.are.equal(1, stats.ranges)
    assert.are.equal(1 << 20, stats.size)
    assert.is_true(stats.used >= 100000)
    assert.is_true(stats.largest_free <= stats.size - stats.used)
    assert.is_true(stats.fragmentation < 0.001)
    assert.are.equal(pool, buffer:memory().pool)
    assert.are.equal(("x"):rep(100000), buffer:read())
    assert.are.equal(1 << 20, pool:info().size)
    assert.are.equal("pool", pool:info().type)
    assert.is_nil(pool:memory())
  end)

  it("refuse what exceeds their limits", function()
    local pool <close> = assert(engine.pools:create({ label = "tiny", block_size = 1 << 16, max_blocks = 1 }))
    local buffer <close> = assert(engine.buffers:create({ size = 60000, pool = pool }))
    local second, message, code = engine.buffers:create({ size = 60000, pool = pool })
    assert.is_nil(second)
    assert.are.equal("RG_ERROR_OUT_OF_DEVICE_MEMORY", code)
    assert.truthy(message:find("tiny", 1, true))
    assert.truthy(message:find("pools_spec.lua:", 1, true))
    assert.are.equal(1, pool:stats().ranges)
    assert.is_true(buffer.size == 60000)
  end)

  it("are for textures where they say so", function()
    local pool <close> = assert(engine.pools:create({ is_for_textures = true, block_size = 1 << 20 }))
    local texture <close> = assert(engine.textures:create({ width = 64, height = 64, pool = pool }))
    assert.are.equal(pool, texture:memory().pool)
    assert.has_error(function()
      engine.buffers:create({ size = 100000, pool = pool })
    end)
  end)

  it("are listed, and live on until what is in them is gone", function()
    local pool = assert(engine.pools:create({ label = "listed", block_size = 1 << 16 }))
    assert.are.equal(1, #engine.pools:all())
    assert.are.equal(pool, engine.pools:all()[1])
    local buffer <close> = assert(engine.buffers:create({ size = 16, pool = pool, data = "0123456789abcdef" }))
    pool:destroy()
    assert.are.equal("0123456789abcdef", buffer:read())
    assert.has_error(function()
      engine.buffers:create({ size = 16, pool = pool })
    end)
  end)

  it("name every mistake", function()
    local mistakes = {
      { { blocksize = 1 << 20 }, "block_size" },
      { { strategy = "stak" }, "stack" },
      { { required = { "host_visble" } }, "host_visible" },
      { { strategy = "slots" }, "slot_size" },
      { { block_size = 100 }, "block_size" },
      { { min_blocks = 2 }, "block_size" },
      { { priority = 2 }, "priority" },
      { { label = "bad", update = 1 }, "pool 'bad'" },
    }
    for _, mistake in ipairs(mistakes) do
      local ran, message = pcall(engine.pools.create, engine.pools, mistake[1])
      assert.is_false(ran)
      assert.truthy(tostring(message):find(mistake[2], 1, true), tostring(message))
    end
    local ran, message = pcall(engine.buffers.create, engine.buffers, { size = 16, pool = "main" })
    assert.is_false(ran)
    assert.truthy(message:find("a pool wanted, string given", 1, true), message)
    local buffer <close> = assert(engine.buffers:create({ size = 16 }))
    ran, message = pcall(engine.buffers.create, engine.buffers, { size = 16, pool = buffer })
    assert.is_false(ran)
    assert.truthy(message:find("a pool wanted", 1, true), message)
  end)

  it("of another engine are refused", function()
    local other <close> = assert(regolith.engine({ label = "other" }))
    local pool = assert(other.pools:create({ block_size = 1 << 16 }))
    assert.has_error(function()
      engine.buffers:create({ size = 16, pool = pool })
    end)
    pool:destroy()
    other:close()
    local ran, message = pcall(engine.buffers.create, engine.buffers, { size = 16, pool = pool })
    assert.is_false(ran)
    assert.truthy(message:find("its engine is closed", 1, true), message)
  end)
end)

describe("transients", function()
  local engine

  before_each(function()
    engine = assert(regolith.engine({ label = "transients" }))
  end)

  after_each(function()
    engine:close()
  end)

  it("share memory where their steps do not overlap", function()
    local texture = { width = 128, height = 128, label = "step" }
    local made, info = engine:transients({
      { texture = texture, first_use = 0, last_use = 1 },
      { texture = texture, first_use = 2, last_use = 3 },
      { buffer = { size = 4096 }, first_use = 1, last_use = 2 },
    })
    assert(made, info)
    assert.are.equal(3, #made)
    assert.are.equal("texture 'step'", tostring(made[1]))
    assert.are.equal("buffer", regolith.type_of(made[3].id))
    assert.is_true(info.size < info.unshared_size)
    assert.is_true(info.peak_size <= info.size)
    assert.is_true(made[1]:memory().is_aliased)
    assert.are.equal(made[1]:memory().offset, made[2]:memory().offset)
    for _, resource in ipairs(made) do
      resource:destroy()
    end
  end)

  it("name every mistake", function()
    local mistakes = {
      { { { first_use = 1 } }, "entry 1" },
      { { { texture = {}, buffer = { size = 1 } } }, "entry 1" },
      { { { buffer = { size = 16 }, last_us = 1 } }, "last_use" },
      { { { buffer = { size = 16 }, first_use = 2, last_use = 1 } }, "last_use" },
      { { { buffer = { sise = 16 } } }, "entry 1: buffer" },
      { { 7 }, "a table is wanted" },
      { {}, "1 to 65,536" },
    }
    for _, mistake in ipairs(mistakes) do
      local ran, message = pcall(engine.transients, engine, mistake[1])
      assert.is_false(ran)
      assert.truthy(tostring(message):find(mistake[2], 1, true), tostring(message))
    end
    assert.are.equal(0, #engine.buffers:all())
  end)
end)
