-- The interactive prompt: history, multi-line input, values printed.

local host = require "regolith.host"
local run = require "regolith.run"

local prompt = {}

local function history_file()
  local state = os.getenv("XDG_STATE_HOME")
  local home = os.getenv("HOME")
  if state and state ~= "" then
    return state .. "/regolith_history"
  end
  return home and home ~= "" and home .. "/.regolith_history" or nil
end

-- Lua says "<eof>" at the end of a message where more input could complete the chunk.
local function is_incomplete(message)
  return message:sub(-5) == "<eof>"
end

-- An expression, or else a statement. Returns the chunk, or nil, whether more lines may help, and the message.
local function compile(text, environment)
  -- As an argument, not a tail call, so that what the expression raises has a line.
  local chunk = load("local function values(...) return ... end return values(" .. text .. "\n)", "=prompt", "t",
    environment)
  if chunk then
    return chunk
  end
  local message
  chunk, message = load(text, "=prompt", "t", environment)
  if chunk then
    return chunk
  end
  return nil, is_incomplete(message), message
end

-- Reads lines until they make a chunk, or an error that more lines cannot mend. nil at the end of input; Ctrl-C
-- discards what was typed.
local function read_chunk(environment)
  local text = ""
  while true do
    local line = host.read_line(text == "" and "> " or ">> ")
    if line == nil then
      return text ~= "" and { text = text, message = "unfinished: " .. text } or nil
    elseif line == false then
      print()
      text = ""
    else
      text = text == "" and line or text .. "\n" .. line
      local chunk, wants_more, message = compile(text, environment)
      if chunk or not wants_more then
        return { text = text, chunk = chunk, message = message }
      end
    end
  end
end

local function show(results)
  if results.n == 0 then
    return
  end
  local parts = {}
  for index = 1, results.n do
    parts[index] = tostring(results[index])
  end
  print(table.concat(parts, "\t"))
end

-- What was raised as text, even where its own __tostring raises.
local function text_of(message)
  local ran, text = pcall(tostring, message)
  return ran and text or "an error object"
end

local function evaluate(entry)
  if not entry.chunk then
    io.stderr:write(entry.message, "\n")
    return
  end
  local ran, message = host.interruptible(function()
    show(table.pack(entry.chunk()))
  end)
  if not ran then
    io.stderr:write(text_of(message), "\n")
  end
end

---Reads and runs until the end of input. Returns the exit code.
---@param options table
---@return integer
function prompt.main(options)
  local engine, message = run.engine(options, "prompt", ".")
  if not engine then
    io.stderr:write("regolith: ", message, "\n")
    return 1
  end
  local environment, state = run.environment(engine, options, ".")
  state.may_redeclare = true
  local history = history_file()
  if history then
    host.load_history(history)
  end
  print(string.format("regolith %s on %s; end with Ctrl-D", require("regolith").version,
    engine.device.name))
  while true do
    local entry = read_chunk(environment)
    if not entry then
      break
    end
    if entry.text:match("%S") then
      host.add_history(entry.text)
      if history then
        host.save_history(history)
      end
      evaluate(entry)
    end
  end
  print()
  environment, state = nil, nil -- luacheck: ignore
  run.release(engine)
  return 0
end

return prompt
