-- `regolith memory`: a script run as by `regolith run`, and where its device memory went.

local report = require "regolith.report"
local run = require "regolith.run"

local memory = {}

local MAX_LABELS = 20

local kinds = {
  { "texture", "textures" },
  { "buffer", "buffers" },
  { "shared", "small buffers" },
  { "transient", "transients" },
  { "other", "the engine's own" },
  { "reserved", "room for small ones" },
  { "free", "free" },
}

local function kind_rows(map)
  local rows = { { "KIND", "COUNT", "SIZE" } }
  for _, kind in ipairs(kinds) do
    local total = map.kinds[kind[1]]
    if total.bytes > 0 then
      rows[#rows + 1] = { kind[2], tostring(total.count), report.bytes(total.bytes) }
    end
  end
  return rows
end

local function label_rows(map)
  table.sort(map.labels, function(a, b)
    if a.bytes ~= b.bytes then
      return a.bytes > b.bytes
    end
    return a.label < b.label
  end)
  local rows = { { "LABEL", "COUNT", "SIZE" } }
  for index, total in ipairs(map.labels) do
    if index > MAX_LABELS then
      rows[#rows + 1] = { string.format("(and %d more)", #map.labels - MAX_LABELS), "", "" }
      break
    end
    rows[#rows + 1] = {
      total.label ~= "" and report.printable(total.label) or "(unnamed)",
      tostring(total.count), report.bytes(total.bytes),
    }
  end
  return rows
end

local function pool_rows(map)
  local rows = { { "POOL", "MEMORY TYPE", "BLOCKS", "RANGES", "USED", "OF", "PADDING", "LARGEST HOLE", "FRAGMENTED" } }
  for index, pool in ipairs(map.pools) do
    rows[#rows + 1] = {
      pool.label and report.printable(pool.label) or tostring(index),
      string.format("%d%s", pool.memory_type, pool.is_optimal and " images" or ""),
      tostring(pool.blocks), tostring(pool.ranges), report.bytes(pool.used), report.bytes(pool.size),
      report.bytes(pool.padding), report.bytes(pool.largest_free),
      string.format("%.0f %%", 100 * pool.fragmentation),
    }
  end
  return rows
end

local function heap_rows(map)
  local rows = { { "HEAP", "USED", "BUDGET", "SIZE" } }
  for index, heap in ipairs(map.heaps) do
    rows[#rows + 1] = {
      string.format("%d%s", index, heap.is_device_local and " (device-local)" or ""),
      report.bytes(heap.used), report.bytes(heap.budget), report.bytes(heap.size),
    }
  end
  return rows
end

local function print_map(map, path)
  print(path)
  for _, rows in ipairs({ label_rows(map), kind_rows(map), pool_rows(map), heap_rows(map) }) do
    print()
    for _, line in ipairs(report.table_lines(rows)) do
      print(line)
    end
  end
  return true
end

local function write_file(path, text)
  local file, message = io.open(path, "wb")
  if not file then
    return nil, message
  end
  local written
  written, message = file:write(text)
  local closed, trouble = file:close()
  if not written or not closed then
    return nil, path .. ": " .. (message or trouble)
  end
  return true
end

local function show(engine, options, path)
  engine:collect() -- what the script destroyed
  if options.svg then
    local svg, message = engine.memory:svg()
    if not svg then
      return nil, message
    end
    local written
    written, message = write_file(options.svg, svg)
    if not written then
      return nil, message
    end
  end
  if options.json then
    local json, message = engine.memory:json(true)
    if not json then
      return nil, message
    end
    return io.write(json)
  end
  local map, message = engine.memory:map()
  if not map then
    return nil, message
  end
  return print_map(map, path)
end

---Runs the file. Returns the exit code.
---@param options table
---@param path string
---@return integer
function memory.main(options, path)
  return run.main(options, path, show)
end

return memory
