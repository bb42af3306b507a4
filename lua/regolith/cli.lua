-- The command line: `regolith run | test | devices`, options, help and exit codes.

local host = require "regolith.host"
local regolith = require "regolith"

local cli = {}

local help = [[
usage: regolith                                an interactive prompt
       regolith run [OPTIONS] FILE.lua [ARGS]  run an asset script and report what it made
       regolith memory [OPTIONS] FILE.lua [ARGS]
                                               run it, and report where its device memory goes
       regolith replay [OPTIONS] TRACE         repeat a recorded trace of allocations
       regolith test [OPTIONS] PATH...         run Lua tests: files, or folders of *_spec.lua
       regolith devices [--json]               list Vulkan devices and what can be used of them

options:
  --device NAME   a Vulkan device by part of its name, or by number
  --validate      run under the Vulkan validation layer, with guard bytes behind memory; any message fails
  --root FOLDER   a further folder that files may come from (may be repeated)
  --json          the report, the results or the list as JSON on standard output
  --svg FILE      memory: a picture of all memory blocks and what lies in them, for a browser
  --record FILE   memory: a trace of all allocations, for replay
  --trust         no sandbox: the script may use all of Lua, its files and modules
  --version       print the version
  --help          print this

options stand before FILE; what follows it are the script's own arguments. run and the prompt keep scripts in a
sandbox; tests may use all of Lua.

exit codes: 0 done, 1 the script or a test failed, 2 wrong usage
]]

local function usage(format, ...)
  io.stderr:write("regolith: ", string.format(format, ...), "\n", "try 'regolith --help'\n")
  return 2
end

local commands = { run = true, memory = true, replay = true, test = true, devices = true }

local takes_value = {
  ["--device"] = "device", ["--root"] = "roots", ["--svg"] = "svg", ["--record"] = "record",
}
local flags = {
  ["--validate"] = "validate", ["--json"] = "json", ["--trust"] = "trust", ["--version"] = "version",
  ["--help"] = "help", ["-h"] = "help",
}

local function option_names()
  local names = {}
  for name in pairs(takes_value) do
    names[#names + 1] = name
  end
  for name in pairs(flags) do
    names[#names + 1] = name
  end
  table.sort(names)
  return names
end

-- Reads options up to the first word that is none. Returns the index after them, or nil and a complaint.
local function read_options(arguments, index, options)
  while arguments[index] and arguments[index]:sub(1, 1) == "-" and arguments[index] ~= "-" do
    local word = arguments[index]
    if word == "--" then
      return index + 1
    end
    local name, value = word:match("^(%-%-[%w%-]+)=(.*)$")
    name = name or word
    if options.given then
      options.given[name] = true
    end
    if flags[name] and not value then
      options[flags[name]] = true
    elseif takes_value[name] then
      if not value then
        index = index + 1
        value = arguments[index]
      end
      if not value or value == "" then
        return nil, string.format("%s needs a value", name)
      end
      if name == "--root" then
        options.roots[#options.roots + 1] = value
      else
        options[takes_value[name]] = value
      end
    else
      local nearest = regolith.nearest(name, option_names())
      return nil, string.format("unknown option '%s'%s", word,
        nearest and string.format(" (did you mean '%s'?)", nearest) or "")
    end
    index = index + 1
  end
  return index
end

local function parse(arguments)
  local options = { roots = {}, arguments = {} }
  local index, complaint = read_options(arguments, 1, options)
  if not index then
    return nil, complaint
  end
  local command = arguments[index]
  if not command then
    return options
  end
  if not commands[command] then
    local nearest = regolith.nearest(command, { "devices", "memory", "replay", "run", "test" })
    return nil, string.format("unknown command '%s'%s", command,
      nearest and string.format(" (did you mean '%s'?)", nearest) or "")
  end
  options.command = command
  options.given = {}
  index, complaint = read_options(arguments, index + 1, options)
  if not index then
    return nil, complaint
  end
  table.move(arguments, index, #arguments, 1, options.arguments)
  return options
end

-- Pictures and traces are of memory's, and no other command's.
local function complain_of_memory_options(options)
  local name = options.svg and "--svg" or options.record and "--record"
  return name and options.command ~= "memory"
    and usage("%s: %s belongs to 'regolith memory'", options.command or "prompt", name)
end

local function script_command(options)
  local path = table.remove(options.arguments, 1)
  if not path then
    return usage("%s: a script is wanted: regolith %s FILE.lua", options.command, options.command)
  end
  options.arguments[0] = path
  return require("regolith." .. options.command).main(options, path)
end

local function replay_command(options)
  if #options.arguments ~= 1 then
    return usage("replay: one trace is wanted: regolith replay TRACE")
  end
  return require("regolith.replay").main(options, options.arguments[1])
end

local function test_command(options)
  if #options.arguments == 0 then
    return usage("test: a folder or file is wanted: regolith test DIR")
  end
  return require("regolith.test").main(options, options.arguments)
end

local function devices_command(options)
  if #options.arguments > 0 then
    return usage("devices: takes no arguments, '%s' given", options.arguments[1])
  end
  for name in pairs(options.given) do
    if name ~= "--json" and name ~= "--help" then
      return usage("devices: takes no option but --json, '%s' given", name)
    end
  end
  return require("regolith.devices").main(options)
end

---Runs a command line. Returns the exit code.
---@param arguments string[]
---@return integer
function cli.main(arguments)
  local options, complaint = parse(arguments)
  if not options then
    return usage("%s", complaint)
  end
  if options.help then
    io.write(help)
    return 0
  end
  if options.version then
    print("regolith " .. regolith.version)
    return 0
  end
  local wrong = complain_of_memory_options(options)
  if wrong then
    return wrong
  elseif options.command == "run" or options.command == "memory" then
    return script_command(options)
  elseif options.command == "replay" then
    return replay_command(options)
  elseif options.command == "test" then
    return test_command(options)
  elseif options.command == "devices" then
    return devices_command(options)
  end
  if not host.is_terminal("stdin") then
    return usage("no command, and standard input is no terminal for a prompt")
  end
  return require("regolith.prompt").main(options)
end

return cli
