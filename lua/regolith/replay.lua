-- `regolith replay`: a recorded trace of allocations, once more, on this device.

local host = require "regolith.host"
local regolith = require "regolith"
local report = require "regolith.report"

local replay = {}

local function read_file(path)
  local file, message = io.open(path, "rb")
  if not file then
    return nil, message
  end
  local text
  text, message = file:read("a")
  file:close()
  return text, message and path .. ": " .. message
end

local function print_stats(stats, path)
  local events = stats.allocations + stats.frees
  print(path)
  print(string.format("  %d allocations, %d frees, %d failed; recorded on %d thread%s", stats.allocations, stats.frees,
    stats.failures, stats.threads, stats.threads == 1 and "" or "s"))
  print(string.format("  at most %s used, in %s of %d block%s", report.bytes(stats.peak_used),
    report.bytes(stats.peak_size), stats.peak_blocks, stats.peak_blocks == 1 and "" or "s"))
  print(string.format("  %.3f ms, %.0f ns each", stats.seconds * 1000,
    events > 0 and stats.seconds * 1e9 / events or 0))
end

---Replays the file. Returns the exit code: 1 where an allocation failed, too.
---@param options table
---@param path string
---@return integer
function replay.main(options, path)
  local function failed(message)
    io.stderr:write("regolith: ", tostring(message), "\n")
    return 1
  end
  local text, message = read_file(path)
  if not text then
    return failed(message)
  end
  local engine
  engine, message = regolith.engine({ label = "replay", device = options.device, validation = options.validate })
  if not engine then
    return failed(message)
  end
  local stats
  stats, message = engine.memory:replay(text)
  local complaints = engine.validation_count
  engine:close()
  if not stats then
    return failed(path .. ": " .. message)
  end
  if options.json then
    print(host.to_json(stats))
  else
    print_stats(stats, path)
  end
  if complaints > 0 then
    return failed(string.format("%d validation messages", complaints))
  end
  return stats.failures > 0 and failed(string.format("%d allocations failed", stats.failures)) or 0
end

return replay
