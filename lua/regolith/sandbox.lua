-- The environment of scripts that are not trusted: no bytecode, no native modules, no files but through the engine, no
-- way to end or change the host.

local sandbox = {}

local safe_globals = {
  "assert", "error", "getmetatable", "ipairs", "next", "pairs", "pcall", "print", "rawequal",
  "rawget", "rawlen", "rawset", "select", "tonumber", "tostring", "type", "warn", "xpcall", "_VERSION",
}
local safe_libraries = { "coroutine", "math", "string", "table", "utf8" }
local safe_os = { "clock", "date", "difftime", "time" }

local function copy(source, names)
  local result = {}
  if names then
    for _, name in ipairs(names) do
      result[name] = source[name]
    end
  else
    for name, value in pairs(source) do
      result[name] = value
    end
  end
  return result
end

-- Finalizers could run at any time, in anyone's state; a script has no use for them.
local function safe_setmetatable(object, metatable)
  if type(metatable) == "table" and rawget(metatable, "__gc") ~= nil then
    error("__gc is not for scripts that are not trusted", 2)
  end
  return setmetatable(object, metatable)
end

-- Lua's own puts a place before a message that has one.
local function safe_assert(value, ...)
  if value then
    return value, ...
  end
  local message = ...
  if message == nil then
    message = "assertion failed!"
  end
  local has_place = type(message) == "string" and message:match("^[^\n:]+:%d+: ") ~= nil
  error(message, has_place and 0 or 2)
end

-- A misspelt name would be nil, and the key it is given to would vanish.
local function refuse_undefined(environment, name)
  local names = {}
  for known in next, environment do
    names[#names + 1] = known
  end
  local nearest = type(name) == "string" and require("regolith").nearest(name, names)
  error(string.format("'%s' is not defined%s", tostring(name),
    nearest and string.format(" (did you mean '%s'?)", nearest) or ""), 2)
end

-- Text only: bytecode can corrupt memory.
local function safe_load(environment)
  return function(chunk, name, _, env)
    return load(chunk, name, "t", env or environment)
  end
end

-- `require` finds the modules given, and files of the script's folder through read_module.
local function safe_require(environment, modules, read_module)
  local loaded = modules
  return function(name)
    if type(name) ~= "string" then
      error("require: a module's name is wanted, " .. type(name) .. " given", 2)
    end
    if loaded[name] == nil then
      local text, where = read_module(name)
      if not text then
        error(string.format("module '%s' not found: %s", name, where), 2)
      end
      local chunk, message = load(text, "@" .. where, "t", environment)
      if not chunk then
        error(message, 0)
      end
      local value = chunk(name, where)
      loaded[name] = value == nil and true or value
    end
    return loaded[name]
  end
end

-- The module as scripts may have it: a copy, whose engines read files under the run's own roots alone.
local function safe_module(module, roots)
  local result = copy(module)
  function result.engine(desc)
    if type(desc) == "table" and rawget(desc, "roots") ~= nil then
      local place = debug.getinfo(2, "Sl")
      error(string.format("%s:%d: engine: roots are the command line's to give: --root FOLDER",
        place and place.short_src or "?", place and place.currentline or 0), 0)
    end
    local own = {}
    for key, value in next, type(desc) == "table" and desc or {} do
      own[key] = value
    end
    own.roots = roots
    return module.engine(desc ~= nil and type(desc) ~= "table" and desc or own)
  end
  return result
end

---A new environment with `words` in it. roots: the folders that engines may read. read_module(name) gives a module's
---text and its file's name, or nil and why not.
---@param words table<string, any>
---@param roots string[]
---@param read_module fun(name: string): string?, string
---@return table
function sandbox.environment(words, roots, read_module)
  local module = safe_module(require "regolith", roots)
  local modules = { regolith = module, ["regolith.declare"] = copy(require "regolith.declare") }
  local environment = copy(_G, safe_globals)
  for _, name in ipairs(safe_libraries) do
    environment[name] = copy(_G[name])
  end
  environment.string.dump = nil
  environment.os = copy(os, safe_os)
  environment.setmetatable = safe_setmetatable
  environment.load = safe_load(environment)
  environment.require = safe_require(environment, modules, read_module)
  environment._G = environment
  environment.assert = safe_assert
  for name, value in pairs(words) do
    environment[name] = value
  end
  environment.regolith = module
  return setmetatable(environment, { __index = refuse_undefined, __metatable = false })
end

---Locks what all scripts share: the methods of strings.
function sandbox.lock_strings()
  local metatable = getmetatable("")
  metatable.__index = copy(string)
  metatable.__index.dump = nil
  metatable.__metatable = false
end

return sandbox
