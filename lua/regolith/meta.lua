---@meta regolith
-- What `require "regolith"` gives: the managers of the C core as userdata. For editors and for the check of the documentation.
--
-- Mistakes (wrong type, unknown key, closed object, destroyed resource) raise. Circumstances (no memory, a missing or
-- broken file, a compile error, a lost device, a device's limit) return nil, message, code; code is the name of the C result
-- ("RG_ERROR_NOT_FOUND" for a missing file). Both messages begin with the script's file and line. Offsets and sizes are bytes from 0; indexes count from 1.

---@class regolith
---@field version string          "0.1.0"
---@field KiB integer
---@field MiB integer
---@field GiB integer
local regolith = {}

---A new engine. It is closed by engine:close(), by <close>, or when it is collected.
---@param desc? { label?: string, device?: string, validation?: boolean, memory_limit?: integer, block_size?: integer, budget_warning?: number, memory_margin?: integer, upload_size?: integer, roots?: string[], log_level?: "error"|"warning"|"info"|"debug", log?: fun(level: string, message: string), memory_event?: fun(event: { type: "near_budget"|"exhausted", heap: integer, used: integer, budget: integer, wanted: integer }) } memory_event: called when the call that led to it is over
---@return regolith.Engine?, string? message, string? code
function regolith.engine(desc) end

---The Vulkan devices there are, with rg_device_info's fields.
---@return table[]?, string? message, string? code
function regolith.devices() end

---A colour: rgb "#f2eee0" (sRGB bytes, made linear) or rgb(r, g, b) (linear numbers).
---@return number[] three
function regolith.rgb(...) end

---As rgb, with alpha: rgba "#f2eee080" or rgba(r, g, b, a).
---@return number[] four
function regolith.rgba(...) end

---The fields of a descriptor as data: "buffer", "texture", "sampler", "stage", "state", "material", "set", "engine", "pool".
---@return { name: string, kind: string, required: boolean, minimum?: number, maximum?: number, names?: string[], summary: string }[]
function regolith.schema(name) end

---The nearest of some names, or nil.
---@param name string
---@param names string[]
---@return string?
function regolith.nearest(name, names) end

---The type that a handle's bits claim: "buffer", "texture", "shader", "material", "set", "pool", "none".
---@param id integer
---@return string
function regolith.type_of(id) end

---@class regolith.Engine
---@field buffers regolith.Buffers
---@field textures regolith.Textures
---@field shaders regolith.Shaders
---@field materials regolith.Materials
---@field sets regolith.Sets
---@field pools regolith.Pools
---@field memory regolith.Memory
---@field label string
---@field device table             rg_device_info's fields
---@field limits table             rg_limits' fields
---@field validation_count integer validation messages so far
local Engine = {}

---Submits all queued writes. Returns a ticket for engine:wait.
---@return integer?, string?, string?
function Engine:flush() end

---Waits for a ticket; false at the time-out (seconds; nil: none).
---@return boolean?, string?, string?
function Engine:wait(ticket, seconds) end

---Runs a compute material once. Returns a ticket.
---@return integer?, string?, string?
function Engine:dispatch(material, x, y, z) end

---Everything there is, as rg_report_json's object in Lua tables.
---@return table?, string?, string?
function Engine:report() end

---The same as JSON text.
---@return string?, string?, string?
function Engine:report_json() end

---Declares a thing by name (see regolith.declare for the language over it). kind: "buffer", "texture", "shader", "material".
---desc: as the managers' create takes it; materials name their shader, parent (`from`), textures and buffers by strings:
---{ shader = "pbr", from = "Metal", state = { cull = "back" }, parameters = { albedo_map = { texture = "a.png" } } }.
---where: "file:line" of the declaration, for reports; nil: the calling line.
---@return true?, string?, string?
function Engine:declare(kind, name, desc, where) end

---The manifest of one set's closure, or of everything declared.
---@param set? regolith.Set
---@return string?, string?, string?
function Engine:manifest(set) end

---Declares all that a manifest holds. name: for messages.
---@return true?, string?, string?
function Engine:read_manifest(name, text) end

---Textures and buffers of a frame that share memory where their steps do not overlap; uses count as the caller likes.
---A list of the resources in the same order, and what they take.
---@param descs { texture?: table, buffer?: table, first_use: integer, last_use: integer }[]
---@return (regolith.Texture|regolith.Buffer)[]?, { size: integer, unshared_size: integer, peak_size: integer }|string?, string?
function Engine:transients(descs) end

---Frees what destroyed resources held, as far as the GPU has passed.
function Engine:collect() end

---Ends the engine: leaks are reported to the log. All its objects are closed then.
function Engine:close() end

---@class regolith.Buffers
local Buffers = {}

---@param desc { size?: integer, type?: string, usage?: string[], update?: string, stride?: integer, own_vk_buffer?: boolean, pool?: regolith.Pool, priority?: number, is_movable?: boolean, is_exportable?: boolean, is_protected?: boolean, data?: string, label?: string } size may be left out with data
---@return regolith.Buffer?, string?, string?
function Buffers:create(desc) end

---@return regolith.Buffer?, string?, string?
function Buffers:create_staging(size, label) end

---Queues writes, all or none: { { buffer, offset, data }, … }.
---@return true?, string?, string?
function Buffers:update(writes) end

---@return true?, string?, string?
function Buffers:copy(source, source_offset, target, target_offset, size) end

---The live buffers: a list. Those of sets are borrowed: collecting them destroys nothing.
---@return regolith.Buffer[]
function Buffers:all() end

---@class regolith.Buffer
---@field id integer
---@field size integer
---@field type string
---@field update string
---@field address integer? on the GPU, of buffers of usage "shader_device_address" where the device has these
---@field label string
local Buffer = {}

---Queues a write. @return true?, string?, string?
function Buffer:write(offset, data) end

---Waits for all before it. Defaults: from 0, to the end.
---@return string?, string?, string?
function Buffer:read(offset, size) end

---@return { buffer: integer, offset: integer, size: integer }
function Buffer:vk() end

---Lets go of the resource; also done by <close> and by the collector for what the script created.
function Buffer:destroy() end

---rg_resource_info's fields.
---@return table
function Buffer:info() end

---Where its bytes lie; nil for shaders, materials, sets and pools. All resources have this method.
---@return { memory: integer, offset: integer, size: integer, alignment: integer, memory_type: integer, pool: regolith.Pool?, is_dedicated: boolean, is_shared: boolean, is_aliased: boolean }?
function Buffer:memory() end

---Keeps its Vulkan objects, and keeps them in place, until unpin. All resources have these methods.
---@return true?, string?, string?
function Buffer:pin() end

---@return true?, string?, string?
function Buffer:unpin() end

---@class regolith.Textures
local Textures = {}

---rg_texture_desc's fields; data is a string.
---@return regolith.Texture?, string?, string?
function Textures:create(desc) end

---@return regolith.Texture[]
function Textures:all() end

---The descriptor array of all textures whose index was asked for.
---@return { set: integer, set_layout: integer, capacity: integer }?, string?, string?
function Textures:bindless() end

---@class regolith.Texture
---@field id integer
---@field width integer
---@field height integer
---@field depth integer
---@field layers integer
---@field mip_levels integer
---@field format string
---@field type string
---@field index integer? in the bindless array, from 0 as shaders count; nil where it can have none
---@field label string
local Texture = {}

---Queues a write of packed texels; region: rg_texture_region's fields, mip_level and layer from 1.
---@return true?, string?, string?
function Texture:write(data, region) end

---@return string?, string?, string?
function Texture:read(region) end

---@return { view: integer, sampler: integer, image: integer, layout: integer }
function Texture:vk() end
function Texture:destroy() end
function Texture:info() end
function Texture:memory() end
function Texture:pin() end
function Texture:unpin() end

---@class regolith.Shaders
local Shaders = {}

---One stage: { stage = "fragment", source = glsl, entry_point = "main" } (or file, or spirv); or several:
---{ vertex = "mesh.vert", fragment = { source = glsl }, defines = { N = 4 }, keywords = { NORMAL_MAP = true }, label = "pbr" }.
---@return regolith.Shader?, string?, string?
function Shaders:create(desc) end

---@return regolith.Shader[]
function Shaders:all() end

---@class regolith.Shader
---@field id integer
---@field label string
---@field stages string[]
local Shader = {}

---rg_reflection as tables: bindings, push_constants, vertex_inputs, fragment_outputs, constants, workgroup_size, stages.
---@return table
function Shader:reflection() end

---The names and types of its materials' parameters.
---@return { name: string, type: string, count: integer }[]
function Shader:parameters() end

---@return { stage: string, entry_point: string, module: integer }?, string?, string?
function Shader:stage_info(stage) end

---@return string?, string?, string?
function Shader:spirv(stage) end
function Shader:destroy() end
function Shader:info() end

---@class regolith.Materials
local Materials = {}

---@param desc { name: string, shader?: regolith.Shader, parent?: regolith.Material, parameters?: table<string, any>, state?: table }
---@return regolith.Material?, string?, string?
function Materials:create(desc) end

---Values: numbers, booleans, lists of numbers or booleans, buffers and textures. All or none.
---@param material regolith.Material|string
---@return true?, string?, string?
function Materials:update(material, parameters) end

---@return regolith.Material?
function Materials:find(name) end

---@return regolith.Material[]
function Materials:all() end

---@class regolith.Material
---@field id integer
---@field name string
---@field shader regolith.Shader
local Material = {}

---@return true?, string?, string?
function Material:update(parameters) end

---A parameter's present value, and the name of the material up the parents that sets it (nil: a default).
---@return number|boolean|table|regolith.Texture|regolith.Buffer, string?
function Material:get(name) end

---@return { set: integer, set_index: integer, set_layout: integer, pipeline_layout: integer }?, string?, string?
function Material:vk() end
function Material:destroy() end
function Material:info() end

---@class regolith.Sets
local Sets = {}

---@param desc { name: string, requires?: string[], materials?: string[], textures?: string[], shaders?: string[], buffers?: string[], gltf?: string[], budget?: integer }
---@return regolith.Set?, string?, string?
function Sets:create(desc, where) end

---@return regolith.Set?
function Sets:find(name) end

---@return regolith.Set[]
function Sets:all() end

---@class regolith.Set
---@field id integer
---@field name string
---@field references integer
---@field member_count integer
---@field mesh_count integer
---@field primitive_count integer
---@field device_bytes integer
---@field load_ms number
local Set = {}

---@return true?, string?, string?
function Set:load() end
function Set:unload() end

---@return { type: string, name: string, resource: any }[]
function Set:members() end

---What its glTF files draw: rg_primitive_info's fields: vertices and indices are buffers, attributes a list.
---@return table[]
function Set:primitives() end

---A loaded member. @return regolith.Buffer|regolith.Texture|regolith.Shader|regolith.Material|nil
function Set:get(type, name) end
function Set:destroy() end

---@class regolith.Pools
local Pools = {}

---A memory pool of the script's own, for the `pool` of buffers and textures: rg_pool_desc's fields.
---@param desc { update?: string, required?: string[], is_for_textures?: boolean, strategy?: "best_fit"|"stack"|"ring"|"slots", slot_size?: integer, block_size?: integer, min_blocks?: integer, max_blocks?: integer, max_size?: integer, priority?: number, is_exportable?: boolean, label?: string }
---@return regolith.Pool?, string?, string?
function Pools:create(desc) end

---@return regolith.Pool[]
function Pools:all() end

---@class regolith.Pool
---@field id integer
---@field label string
local Pool = {}

---rg_pool_stats' fields; heap counts from 1.
---@return table
function Pool:stats() end
function Pool:destroy() end
function Pool:info() end
function Pool:memory() end
function Pool:pin() end
function Pool:unpin() end

---@class regolith.Memory
local Memory = {}

---rg_memory_stats' fields: pools, heaps, size, used, host_bytes. A pool's heap is its place in heaps.
---@return table
function Memory:stats() end

---A heap's totals, or those of all: cheap enough for every frame.
---@param heap? integer from 1
---@return { size: integer, used: integer, budget: integer, allocations: integer }
function Memory:totals(heap) end

---What the live resources of a label take; nil: of none.
---@return { count: integer, bytes: integer }
function Memory:label(label) end

---Heaps, pools, blocks, totals by kind and label, and with is_detailed every range of every block, as JSON text.
---@return string?, string?, string?
function Memory:json(is_detailed) end

---The same as Lua tables.
---@return table?, string?, string?
function Memory:map(is_detailed) end

---A picture of all blocks, as the text of an SVG file.
---@return string?, string?, string?
function Memory:svg() end

---Records every allocation to a file, which is there when stop_recording has returned. Not for scripts in a sandbox.
---@return true?, string?, string?
function Memory:record(file) end

---@return true?, string?, string?
function Memory:stop_recording() end

---Repeats a recorded trace's allocations through the engine's pools: rg_replay_stats' fields.
---@param text string a trace file's contents
---@return { allocations: integer, frees: integer, failures: integer, peak_used: integer, peak_size: integer, peak_blocks: integer, threads: integer, seconds: number }?, string?, string?
function Memory:replay(text) end

---Whether the guard bytes of an engine with memory_margin are whole.
---@return true?, string?, string?
function Memory:check() end

---Limits a heap (from 1) to so many bytes; nil or 0: no more.
---@return true?, string?, string?
function Memory:set_budget(heap, bytes) end

---One step of moving movable resources together.
---@param desc? { max_bytes?: integer, max_moves?: integer }
---@return { bytes_moved: integer, moves: integer, blocks_freed: integer, is_done: boolean }?, string?, string?
function Memory:defragment(desc) end

---Gives empty blocks back to the driver.
function Memory:trim() end

return regolith
