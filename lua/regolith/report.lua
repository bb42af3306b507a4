-- An engine's report as text for people.

local report = {}

local order = { shader = 1, texture = 2, buffer = 3, material = 4, pool = 5, set = 6 }

---Bytes as "512 B", "1.5 KiB", "2.0 MiB".
function report.bytes(count)
  if count < 1024 then
    return string.format("%d B", count)
  end
  local units = { "KiB", "MiB", "GiB", "TiB" }
  local value, unit = count / 1024, 1
  while value >= 1024 and unit < #units do
    value, unit = value / 1024, unit + 1
  end
  return string.format("%.1f %s", value, units[unit])
end

local function plural(count, noun)
  return string.format("%d %s%s", count, noun, count == 1 and "" or "s")
end

---Names come from files of others: nothing in them may steer the terminal.
---@param name string
---@return string
function report.printable(name)
  return (name:gsub("%c", function(character)
    return string.format("\\%d", character:byte())
  end))
end

local function describe_texture(resource)
  local extent = resource.extent
  local size = string.format("%d×%d", extent.width, extent.height)
  if extent.depth > 1 then
    size = size .. "×" .. extent.depth
  end
  local text = size .. " " .. resource.format
  if resource.texture_type ~= "2d" then
    text = text .. " " .. resource.texture_type
  end
  if resource.layers > 1 then
    text = text .. ", " .. plural(resource.layers, "layer")
  end
  if resource.mip_levels > 1 then
    text = text .. ", " .. plural(resource.mip_levels, "level")
  end
  return text
end

local describe = {
  texture = describe_texture,
  buffer = function(resource)
    return resource.buffer_type .. ", " .. resource.update
  end,
  shader = function(resource)
    return table.concat(resource.stages, " + ")
  end,
  material = function(resource)
    return "shader " .. report.printable(resource.shader_label or "?")
  end,
  set = function(resource)
    return plural(resource.references, "reference")
  end,
  pool = function(resource)
    return string.format("%s in %s", plural(resource.ranges or 0, "range"), plural(resource.blocks or 0, "block"))
  end,
}

-- { "device_local", "host_visible" } → "device-local, host-visible"
local function property_list(names)
  return (table.concat(names, ", "):gsub("_", "-"))
end

local function memory_type(resource)
  if resource.memory_type < 0 then
    return ""
  end
  return string.format("%d (%s)", resource.memory_type, property_list(resource.memory_properties))
end

-- How many characters a UTF-8 string takes on a terminal.
local function width(text)
  return utf8.len(text) or #text
end

local function pad(text, columns)
  return text .. string.rep(" ", columns - width(text))
end

---Rows of equal length, as lines whose columns line up.
---@param rows string[][]
---@return string[]
function report.table_lines(rows)
  local widths = {}
  for _, row in ipairs(rows) do
    for column, text in ipairs(row) do
      widths[column] = math.max(widths[column] or 0, width(text))
    end
  end
  local lines = {}
  for _, row in ipairs(rows) do
    local cells = {}
    for column, text in ipairs(row) do
      cells[column] = pad(text, widths[column])
    end
    lines[#lines + 1] = (table.concat(cells, "  "):gsub("%s+$", ""))
  end
  return lines
end

local function resource_rows(resources)
  table.sort(resources, function(a, b)
    if a.type ~= b.type then
      return (order[a.type] or 9) < (order[b.type] or 9)
    end
    if a.label ~= b.label then
      return a.label < b.label
    end
    return a.id < b.id
  end)
  local rows = { { "TYPE", "NAME", "WHAT", "SIZE", "MEMORY TYPE" } }
  for _, resource in ipairs(resources) do
    if resource.type ~= "set" then
      rows[#rows + 1] = {
        resource.type,
        resource.label ~= "" and report.printable(resource.label) or string.format("(unnamed %s)", resource.id),
        describe[resource.type](resource),
        resource.size > 0 and report.bytes(resource.size) or "-",
        memory_type(resource),
      }
    end
  end
  return rows
end

local function set_rows(sets)
  local rows = { { "SET", "MEMBERS", "MESHES", "PRIMITIVES", "SIZE", "LOADED IN" } }
  for _, set in ipairs(sets) do
    rows[#rows + 1] = {
      report.printable(set.name), tostring(set.member_count), tostring(set.mesh_count), tostring(set.primitive_count),
      report.bytes(set.device_bytes),
      set.references > 0 and string.format("%.1f ms", set.load_ms) or "(unloaded)",
    }
  end
  return rows
end

local function pool_rows(pools)
  local rows = { { "POOL", "MEMORY TYPE", "BLOCKS", "RANGES", "USED", "OF", "LARGEST HOLE" } }
  for index, pool in ipairs(pools) do
    rows[#rows + 1] = {
      tostring(index),
      string.format("%d (%s)%s", pool.memory_type, property_list(pool.properties),
        pool.is_optimal and " images" or ""),
      tostring(pool.blocks), tostring(pool.ranges), report.bytes(pool.used), report.bytes(pool.size),
      report.bytes(pool.largest_free),
    }
  end
  return rows
end

local function append(lines, more)
  lines[#lines + 1] = ""
  table.move(more, 1, #more, #lines + 1, lines)
end

---The report (of engine:report()) as lines of text.
---@param data table
---@return string[]
function report.lines(data)
  local lines = { string.format("device: %s, Vulkan %s", data.device.name, data.device.api_version) }
  append(lines, report.table_lines(resource_rows(data.resources)))
  if #data.sets > 0 then
    append(lines, report.table_lines(set_rows(data.sets)))
  end
  append(lines, report.table_lines(pool_rows(data.pools)))
  return lines
end

---One line of totals: "12 resources, 3.4 MiB in 5.0 MiB of blocks".
function report.totals(data)
  local count = 0
  for _, resource in ipairs(data.resources) do
    count = count + (resource.type == "set" and 0 or 1)
  end
  return string.format("%s, %s used of %s in %s", plural(count, "resource"),
    report.bytes(data.totals.used), report.bytes(data.totals.size), plural(data.totals.blocks, "block"))
end

return report
