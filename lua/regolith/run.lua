-- `regolith run`: a script's declarations become live resources, and a report.

local declare = require "regolith.declare"
local host = require "regolith.host"
local regolith = require "regolith"
local report = require "regolith.report"
local sandbox = require "regolith.sandbox"

local run = {}

-- "assets/scene.lua" → "assets"; "scene.lua" → "."
local function folder_of(path)
  return path:match("^(.*)/[^/]*$") or "."
end

local function read_file(path)
  local file, message = io.open(path, "rb")
  if not file then
    return nil, message
  end
  local text
  text, message = file:read("a")
  file:close()
  if not text then
    return nil, path .. ": " .. message
  end
  -- As lua does: a byte-order mark and a first line for the shell are not the script's.
  return (text:gsub("^\xEF\xBB\xBF", ""):gsub("^#[^\n]*", "", 1))
end

-- Modules lie beside the script, not where a symbolic link leads to: "a.b" is a/b.lua.
local function module_reader(folder)
  local real_folder = host.real_path(folder)
  return function(name)
    if not name:match("^[%w_][%w_%.%-]*$") or name:find("..", 1, true) then
      return nil, "not a module's name"
    end
    local path = folder .. "/" .. name:gsub("%.", "/") .. ".lua"
    local real, trouble = host.real_path(path)
    if not real then
      return nil, trouble
    end
    if not real_folder or real:sub(1, #real_folder + 1) ~= real_folder .. "/" then
      return nil, path .. ": leads out of the script's folder"
    end
    local text, message = read_file(real)
    return text, text and path or message
  end
end

-- The folders that files may come from: the script's own first.
local function roots_of(options, folder)
  local roots = { folder }
  table.move(options.roots, 1, #options.roots, 2, roots)
  return roots
end

---An engine as the command line's options ask for.
---@param options table
---@param label string
---@param folder string the first root
function run.engine(options, label, folder)
  return regolith.engine({
    label = label,
    device = options.device,
    validation = options.validate,
    memory_margin = options.validate and 64 or nil,
    roots = roots_of(options, folder),
    log = function(_, message)
      io.stderr:write(message, "\n")
    end,
  })
end

---The environment that scripts and the prompt see.
---@param engine regolith.Engine
---@param options table
---@param folder string
---@return table environment, table state of the declarations
function run.environment(engine, options, folder)
  local words, state = declare.new(engine)
  words.engine = engine
  words.regolith = regolith
  words.arg = options.arguments
  if options.json then
    -- Standard output is the report's alone.
    words.print = function(...)
      local parts = table.pack(...)
      for index = 1, parts.n do
        parts[index] = tostring(parts[index])
      end
      io.stderr:write(table.concat(parts, "\t"), "\n")
    end
  end
  if options.trust then
    package.path = folder .. "/?.lua;" .. package.path
    return setmetatable(words, { __index = _G }), state
  end
  sandbox.lock_strings()
  debug.getregistry()["regolith.sandboxed"] = true -- engines write no files for the script
  return sandbox.environment(words, roots_of(options, folder), module_reader(folder)), state
end

local function names(set)
  local list = {}
  for name in pairs(set) do
    list[#list + 1] = name
  end
  table.sort(list)
  return list
end

-- What the script declared but put into no set of its own is loaded as the set "(script)".
local function loose_set(engine, state)
  local loose = state.loose
  if #state.sets > 0 or not (next(loose.shaders) or next(loose.textures) or next(loose.materials)) then
    return nil
  end
  return engine.sets:create({
    name = "(script)",
    shaders = names(loose.shaders),
    textures = names(loose.textures),
    materials = names(loose.materials),
  })
end

-- Words that were never given their table declared nothing: a slip.
local function check_finished(state)
  local lines = {}
  for entry in pairs(state.unfinished) do
    lines[#lines + 1] = string.format("%s: %s \"%s\" was not given its table: %s \"%s\" { … }", entry.where,
      entry.kind, entry.name, entry.kind, entry.name)
  end
  table.sort(lines)
  return #lines == 0, table.concat(lines, "\n")
end

-- What is declared, but is in no set that is loaded, costs nothing and shows nowhere: say so.
local function note_unloaded(state, sets)
  local kinds = { shaders = "shader", textures = "texture", materials = "material" }
  local lines = {}
  for kind, type_name in pairs(kinds) do
    for name in pairs(state.loose[kind]) do
      local is_loaded = false
      for _, set in ipairs(sets) do
        local ran, found = pcall(set.get, set, type_name, name)
        is_loaded = is_loaded or (ran and found ~= nil)
      end
      if not is_loaded then
        lines[#lines + 1] = string.format("regolith: note: %s: %s '%s' is in no loaded set",
          state.declared[type_name .. " " .. name] or "?", type_name, name)
      end
    end
  end
  for recipe in pairs(state.recipes) do
    lines[#lines + 1] = string.format("regolith: note: %s: this buffer is in no set's `buffers`", recipe.where)
  end
  table.sort(lines)
  for _, line in ipairs(lines) do
    io.stderr:write(line, "\n")
  end
end

-- Loads every set that the script declared and has not loaded itself.
local function load_sets(engine, state)
  local sets = { table.unpack(state.sets) }
  sets[#sets + 1] = loose_set(engine, state)
  for _, set in ipairs(sets) do
    local is_alive, references = pcall(function()
      return set.references
    end)
    if is_alive and references == 0 then
      local loaded, message = set:load()
      if not loaded then
        return nil, message
      end
    end
  end
  note_unloaded(state, sets)
  return true
end

-- What was raised as text with its place.
local function traced(message)
  if type(message) == "string" then
    return message
  end
  local raiser = debug.getinfo(2, "Sl")
  local level = 2
  while raiser and raiser.currentline < 0 do
    level = level + 1
    raiser = debug.getinfo(level, "Sl")
  end
  local where = raiser and raiser.short_src .. ":" .. raiser.currentline .. ": " or ""
  return where .. "error object: " .. tostring(message)
end

-- Runs the script and loads its sets. Returns the milliseconds of each, or nil and a message.
local function execute(engine, options, path, text)
  local environment, state = run.environment(engine, options, folder_of(path))
  local chunk, message = load(text, "@" .. path, options.trust and "bt" or "t", environment)
  if not chunk then
    return nil, message
  end
  local start = host.clock()
  local ran
  ran, message = xpcall(chunk, traced, table.unpack(options.arguments))
  -- What the script's locals held is reported before it is collected.
  collectgarbage("stop")
  if not ran then
    return nil, message
  end
  local scripted = host.clock()
  if tostring(engine) == "engine (closed)" then
    return nil, path .. ": the script closed its engine; there is nothing to report"
  end
  local loaded
  loaded, message = check_finished(state)
  if not loaded then
    return nil, message
  end
  loaded, message = load_sets(engine, state)
  if not loaded then
    return nil, message
  end
  loaded, message = engine:wait(engine:flush())
  if loaded == nil then
    return nil, message
  end
  return { script = (scripted - start) * 1000, load = (host.clock() - scripted) * 1000 }
end

local function print_report(engine, path, times)
  local data, message = engine:report()
  if not data then
    return nil, message
  end
  print(path)
  for _, line in ipairs(report.lines(data)) do
    print(line)
  end
  print()
  print(string.format("%s; engine %.1f ms, script %.1f ms, loading %.1f ms", report.totals(data),
    times.engine, times.script, times.load))
  return true
end

-- What the script dropped by ending is no leak: it is collected before the engine looks.
function run.release(engine)
  collectgarbage("restart")
  collectgarbage()
  collectgarbage()
  engine:close()
end

local function show_report(engine, options, path, times)
  if not options.json then
    return print_report(engine, path, times)
  end
  local json, message = engine:report_json()
  if not json then
    return nil, message
  end
  return io.write(json, "\n")
end

---Runs the file. Returns the exit code.
---@param options table
---@param path string
---@param show? function (engine, options, path, times): prints what there is; nil and a message where it cannot
---@return integer
function run.main(options, path, show)
  local function failed(message)
    io.stderr:write("regolith: ", tostring(message), "\n")
    return 1
  end

  local text, message = read_file(path)
  if not text then
    return failed(message)
  end
  local start = host.clock()
  local engine
  engine, message = run.engine(options, path, folder_of(path))
  if not engine then
    return failed(message)
  end
  if options.record then
    local recording
    recording, message = engine.memory:record(options.record)
    if not recording then
      engine:close()
      return failed(message)
    end
  end
  local started = host.clock()
  local times
  times, message = execute(engine, options, path, text)
  if not times then
    failed(message)
    run.release(engine)
    return 1
  end
  times.engine = (started - start) * 1000

  local done
  done, message = (show or show_report)(engine, options, path, times)
  if done and options.validate then
    done, message = engine.memory:check()
  end
  if done and options.record then
    done, message = engine.memory:stop_recording()
  end
  local complaints = engine.validation_count
  run.release(engine)
  if not done then
    return failed(message)
  end
  if complaints > 0 then
    return failed(string.format("%d validation messages", complaints))
  end
  return 0
end

return run
