-- What scripts that are not trusted cannot do: the environment that `regolith run` gives them.

local regolith = require "regolith"
local sandbox = require "regolith.sandbox"

local function run(text, words)
  local environment = sandbox.environment(words or {}, { "." }, function(name)
    return nil, "no module '" .. name .. "' here"
  end)
  return pcall(assert(load(text, "=script", "t", environment)))
end

describe("the sandbox", function()
  it("has no way to the system", function()
    for _, name in ipairs({ "io", "debug", "package", "dofile", "loadfile", "collectgarbage", "os.exit", "os.execute",
      "os.getenv", "os.remove", "string.dump" }) do
      local ran, value = run("return " .. name)
      assert.is_nil(ran and value or nil)
      assert.is_true(ran or value:find("is not defined") ~= nil)
    end
    for _, name in ipairs({ "regolith.test", "regolith.host", "regolith.run", "io", "os", "lfs" }) do
      local ran, message = run(string.format("return require(%q)", name))
      assert.is_false(ran)
      assert.matches(name:gsub("%.", "%%."), message)
    end
  end)

  it("loads no bytecode and sets no finalizers", function()
    local ran, chunk, message = run("return load('\\27Lua')")
    assert.is_true(ran)
    assert.is_nil(chunk)
    assert.matches("attempt to load a binary chunk", message)
    assert.is_false((run("setmetatable({}, { __gc = print })")))
  end)

  it("keeps what scripts share from being changed", function()
    assert.is_true((run("string.format = nil; table.insert = nil; require('regolith').rgb = nil")))
    assert.are.equal("1", string.format("%d", 1))
    assert.is_function(table.insert)
    assert.is_function(regolith.rgb)
  end)

  it("lets scripts make engines that read under the run's roots alone", function()
    local ran, message = run("return require('regolith').engine({ roots = { '/' } })")
    assert.is_false(ran)
    assert.matches("roots", message)
    ran = run([[
      local engine <close> = assert(regolith.engine({ label = "inner" }))
      local texture, why = engine.textures:create({ file = "../../../../etc/hostname" })
      assert(not texture and why)
    ]])
    assert.is_true(ran)
  end)

  it("is not fooled by metamethods of tables that the binding reads", function()
    local engine <close> = assert(regolith.engine({ label = "lengths" }))
    local liar = "setmetatable({}, { __len = function() return %s end, __index = function(_, i) return 'x' .. i end })"
    for _, length in ipairs({ "-1", "1 << 61", "math.maxinteger" }) do
      local list = liar:format(length)
      run("regolith.nearest('abc', " .. list .. ")")
      run("engine.buffers:update(" .. list .. ")", { engine = engine })
      run("engine.sets:create({ name = 'x', materials = " .. list .. " })", { engine = engine })
      run("engine.textures:create({ width = 1, height = 1, usage = " .. list .. " })", { engine = engine })
    end
    collectgarbage()
    local buffer <close> = assert(engine.buffers:create({ data = "still" }))
    assert.are.equal("still", buffer:read())
  end)
end)
