-- `regolith devices`: the Vulkan devices there are, and what Regolith can use of them.

local host = require "regolith.host"
local regolith = require "regolith"
local report = require "regolith.report"

local devices = {}

local features = {
  { "dynamic_rendering", "dynamic rendering" },
  { "synchronization2", "synchronization2" },
  { "descriptor_indexing", "descriptor indexing" },
  { "memory_budget", "memory budget" },
  { "sampler_anisotropy", "anisotropic filtering" },
  { "texture_compression_bc", "BC textures" },
  { "texture_compression_etc2", "ETC2 textures" },
  { "texture_compression_astc", "ASTC textures" },
  { "has_transfer_queue", "transfer queue" },
}

local function print_device(index, device)
  print(string.format("%d: %s", index, device.name))
  print(string.format("   %s, Vulkan %s, %s", device.type, device.api_version, device.driver))
  print(string.format("   memory: %s device-local, %s of it visible to the host",
    report.bytes(device.device_memory), report.bytes(device.host_visible_device_memory)))
  local has, lacks = {}, {}
  for _, feature in ipairs(features) do
    local list = device[feature[1]] and has or lacks
    list[#list + 1] = feature[2]
  end
  print("   has:   " .. (#has > 0 and table.concat(has, ", ") or "-"))
  print("   lacks: " .. (#lacks > 0 and table.concat(lacks, ", ") or "-"))
  if not device.is_usable then
    print("   not usable: Vulkan 1.2 with timeline semaphores and a graphics queue is needed")
  end
end

---Prints the list. Returns the exit code.
---@param options table
---@return integer
function devices.main(options)
  local list, message = regolith.devices()
  if not list then
    io.stderr:write("regolith: ", message, "\n")
    return 1
  end
  if options.json then
    print(host.to_json(list))
    return 0
  end
  if #list == 0 then
    io.stderr:write("regolith: no Vulkan device; on Debian: apt-get install mesa-vulkan-drivers\n")
    return 1
  end
  for index, device in ipairs(list) do
    print_device(index - 1, device)
  end
  return 0
end

return devices
