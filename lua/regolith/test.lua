-- `regolith test`: runs Lua tests in busted's vocabulary: describe, it, before_each and the rest.

local assertions = require "regolith.assertions"
local host = require "regolith.host"

local test = {}

local function new_block(name, parent)
  return {
    name = name, parent = parent, entries = {},
    setup = {}, teardown = {}, before_each = {}, after_each = {},
  }
end

-- The words that test files see, over a `current` block that describe moves.
local function vocabulary(state)
  local words = {}

  function words.describe(name, body)
    local block = new_block(name, state.current)
    table.insert(state.current.entries, { block = block })
    state.current = block
    local ran, message = xpcall(body, state.traced)
    state.current = block.parent
    if not ran then
      table.insert(block.entries, { name = "(declaration)", body = function()
        error(message, 0)
      end })
    end
  end

  function words.it(name, body)
    table.insert(state.current.entries, { name = name, body = body })
  end

  function words.pending(name)
    table.insert(state.current.entries, { name = name, is_pending = true })
  end

  for _, hook in ipairs({ "setup", "teardown", "before_each", "after_each" }) do
    words[hook] = function(body)
      table.insert(state.current[hook], body)
    end
  end
  words.lazy_setup, words.strict_setup = words.setup, words.setup
  words.lazy_teardown, words.strict_teardown = words.teardown, words.teardown
  words.context, words.insulate, words.expose = words.describe, words.describe, words.describe
  words.spec, words.test = words.it, words.it

  function words.finally(body)
    table.insert(state.finalizers, body)
  end

  words.assert = assertions.new()
  return words
end

local function full_name(block, name)
  local names = { name }
  while block and block.name do
    table.insert(names, 1, block.name)
    block = block.parent
  end
  return table.concat(names, " ")
end

-- A pending() call inside a test ends it by this error.
local pending_mark = {}

local function run_hooks(state, hooks)
  for _, hook in ipairs(hooks) do
    local ran, message = xpcall(hook, state.traced)
    if not ran then
      return false, message
    end
  end
  return true
end

local function each_hooks(block, name)
  local hooks = {}
  while block do
    local own = block[name]
    if name == "before_each" then
      for index = #own, 1, -1 do
        table.insert(hooks, 1, own[index])
      end
    else
      table.move(own, 1, #own, #hooks + 1, hooks)
    end
    block = block.parent
  end
  return hooks
end

local function run_body(state, entry)
  if entry.is_pending or not entry.body then
    return "pending"
  end
  local ran, message = xpcall(entry.body, state.traced)
  if ran then
    return "passed"
  end
  if type(message) == "table" and message.mark == pending_mark then
    return "pending", message.reason
  end
  return "failed", message
end

local function run_entry(state, block, entry)
  state.finalizers = {}
  local outcome, message
  local ready, complaint = run_hooks(state, each_hooks(block, "before_each"))
  if ready then
    outcome, message = run_body(state, entry)
  else
    outcome, message = "failed", complaint
  end
  for _, hooks in ipairs({ state.finalizers, each_hooks(block, "after_each") }) do
    local ended, trouble = run_hooks(state, hooks)
    if not ended and outcome ~= "failed" then
      outcome, message = "failed", trouble
    end
  end
  return outcome, message
end

local function record(state, file, block, name, outcome, message, seconds)
  state.counts[outcome] = state.counts[outcome] + 1
  table.insert(state.results, {
    file = file, name = full_name(block, name), outcome = outcome, message = message, seconds = seconds,
  })
  if state.is_quiet then
    return
  end
  if outcome == "failed" then
    print(string.format("FAILED  %s: %s\n        %s", file, full_name(block, name),
      (tostring(message):gsub("\n", "\n        "))))
  elseif outcome == "pending" then
    print(string.format("pending %s: %s%s", file, full_name(block, name),
      message and " (" .. message .. ")" or ""))
  end
end

local function run_block(state, file, block)
  local ready, message = run_hooks(state, block.setup)
  if not ready then
    record(state, file, block, "(setup)", "failed", message, 0)
  else
    for _, entry in ipairs(block.entries) do
      if entry.block then
        run_block(state, file, entry.block)
      else
        local start = host.clock()
        local outcome
        outcome, message = run_entry(state, block, entry)
        record(state, file, block, entry.name, outcome, message, host.clock() - start)
      end
    end
  end
  local ended
  ended, message = run_hooks(state, block.teardown)
  if not ended then
    record(state, file, block, "(teardown)", "failed", message, 0)
  end
end

local function run_file(state, path)
  local root = new_block(nil, nil)
  state.current = root
  local words = vocabulary(state)
  local outer_pending = words.pending
  function words.pending(name, body)
    if state.is_running then
      error({ mark = pending_mark, reason = name }, 0)
    end
    outer_pending(name, body)
  end
  words.os = setmetatable({
    exit = function()
      error("os.exit ends no test run", 2)
    end,
  }, { __index = os })
  local environment = setmetatable(words, { __index = _G })
  local chunk, message = loadfile(path, "t", environment)
  local loaded = chunk ~= nil
  if chunk then
    loaded, message = xpcall(chunk, state.traced)
  end
  if not loaded then
    record(state, path, root, "(file)", "failed", message, 0)
    return
  end
  state.is_running = true
  run_block(state, path, root)
  state.is_running = false
end

-- A file is itself; a folder is its *_spec.lua files, those below it too.
local function find_files(path, files)
  local entries, message = host.list(path)
  if not entries then
    local file = io.open(path, "rb")
    if not file then
      return nil, message
    end
    file:close()
    files[#files + 1] = path
    return true
  end
  table.sort(entries, function(a, b)
    return a.name < b.name
  end)
  for _, entry in ipairs(entries) do
    local inner = path .. "/" .. entry.name
    if entry.is_folder then
      local found
      found, message = find_files(inner, files)
      if not found then
        return nil, message
      end
    elseif entry.name:match("_spec%.lua$") then
      files[#files + 1] = inner
    end
  end
  return true
end

local function new_state(options)
  return {
    counts = { passed = 0, failed = 0, pending = 0 },
    results = {},
    finalizers = {},
    is_quiet = options.json,
    traced = function(message)
      if type(message) == "table" then
        return message
      end
      return tostring(message)
    end,
  }
end

local function print_results(state, options)
  local counts = state.counts
  if options.json then
    print(host.to_json({
      passed = counts.passed, failed = counts.failed, pending = counts.pending, tests = state.results,
    }))
    return
  end
  print(string.format("%d passed, %d failed%s", counts.passed, counts.failed,
    counts.pending > 0 and string.format(", %d skipped", counts.pending) or ""))
end

---Runs all tests under the paths. Returns the exit code.
---@param options table
---@param paths string[]
---@return integer
function test.main(options, paths)
  local files = {}
  for _, path in ipairs(paths) do
    local found, message = find_files(path, files)
    if not found then
      io.stderr:write("regolith: ", message, "\n")
      return 1
    end
  end
  -- Engines that tests make without saying otherwise take the command line's device and validation.
  host.set_engine_defaults({ device = options.device, validation = options.validate })
  local state = new_state(options)
  for _, path in ipairs(files) do
    run_file(state, path)
  end
  print_results(state, options)
  local complaints = host.validation_count()
  if complaints > 0 then
    io.stderr:write(string.format("regolith: %d validation messages\n", complaints))
    return 1
  end
  if state.counts.passed + state.counts.failed == 0 then
    io.stderr:write("regolith: no tests found\n")
    return 1
  end
  return state.counts.failed == 0 and 0 or 1
end

return test
