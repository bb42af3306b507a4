-- Shaders through their manager: compiling, reflection, stage info, and errors with file and line.

local regolith = require "regolith"

local fragment = [[
#version 460
layout(set = 0, binding = 0) uniform Material { vec4 tint; float gain; };
layout(set = 0, binding = 1) uniform sampler2D albedo_map;
layout(location = 0) out vec4 colour;
void main() { colour = tint * gain * texture(albedo_map, vec2(0.5)); }
]]

local compute = [[
#version 460
layout(local_size_x = 8, local_size_y = 4) in;
layout(set = 0, binding = 0) buffer Values { uint values[]; };
void main() { values[gl_GlobalInvocationID.x] *= 2; }
]]

describe("shaders", function()
  local engine

  before_each(function()
    engine = assert(regolith.engine({ label = "shaders" }))
  end)

  after_each(function()
    engine:close()
  end)

  it("compile from source and reflect", function()
    local shader <close> = assert(engine.shaders:create({ stage = "fragment", source = fragment, label = "tint" }))
    assert.are.same({ "fragment" }, shader.stages)
    local reflection = shader:reflection()
    assert.are.equal(2, #reflection.bindings)
    local block = reflection.bindings[1].block
    assert.are.equal("Material", block.name)
    assert.are.equal("vec4", block.members[1].type)
    assert.are.equal(16, block.members[2].offset)
    assert.are.equal("combined_image_sampler", reflection.bindings[2].type)
    assert.are.same({ 0, 0, 0 }, reflection.workgroup_size)
    assert.are.equal(1, #reflection.fragment_outputs)
    assert.are.equal(0, reflection.fragment_outputs[1].location)
    assert.are.equal("r32g32b32a32_sfloat", reflection.fragment_outputs[1].format)
    local names = {}
    for _, parameter in ipairs(shader:parameters()) do
      names[#names + 1] = parameter.name .. " " .. parameter.type
    end
    assert.are.same({ "tint vec4", "gain float", "albedo_map combined_image_sampler" }, names)
  end)

  it("know their workgroup size and runtime arrays", function()
    local shader <close> = assert(engine.shaders:create({ stage = "compute", source = compute }))
    local reflection = shader:reflection()
    assert.are.same({ 8, 4, 1 }, reflection.workgroup_size)
    assert.are.equal("storage_buffer", reflection.bindings[1].type)
    assert.are.equal(0, reflection.bindings[1].block.members[1].array_count)
  end)

  it("give stage info, and SPIR-V that makes a shader again", function()
    local shader <close> = assert(engine.shaders:create({ stage = "fragment", source = fragment }))
    local info = assert(shader:stage_info("fragment"))
    assert.are.equal("main", info.entry_point)
    assert.are_not.equal(0, info.module)
    local none, _, code = shader:stage_info("vertex")
    assert.is_nil(none)
    assert.are.equal("RG_ERROR_NOT_FOUND", code)
    local spirv = assert(shader:spirv("fragment"))
    assert.are.equal(0x07230203, (string.unpack("<I4", spirv)))
    local again <close> = assert(engine.shaders:create({ stage = "fragment", spirv = spirv }))
    assert.are.same({ "fragment" }, again.stages)
  end)

  it("report compile errors with label and line", function()
    local source = "#version 460\nlayout(location = 0) out vec4 colour;\nvoid main() { colour = vec4(colr); }\n"
    local shader, message, code = engine.shaders:create({ stage = "fragment", source = source, label = "broken" })
    assert.is_nil(shader)
    assert.are.equal("RG_ERROR_COMPILE", code)
    assert.matches("shaders_spec.lua:%d+: ", message)
    assert.matches("broken[^\n]*:3: ", message)
    assert.matches("colr", message)
  end)

  it("refuse a fragment input that no vertex output feeds", function()
    local shader, message, code = engine.shaders:create({
      vertex = { source = "#version 460\nvoid main() { gl_Position = vec4(0); }" },
      fragment = {
        source = "#version 460\nlayout(location = 0) in vec3 normal;\nlayout(location = 0) out vec4 c;\n"
          .. "void main() { c = vec4(normal, 1); }",
      },
    })
    assert.is_nil(shader)
    assert.are.equal("RG_ERROR_COMPILE", code)
    assert.matches("normal", message)
  end)

  it("refuse broken SPIR-V", function()
    for _, spirv in ipairs({ "\3\2\35\7", "abcdefgh", ("\0"):rep(64) }) do
      local shader, _, code = engine.shaders:create({ stage = "fragment", spirv = spirv })
      assert.is_nil(shader)
      assert.are.equal("RG_ERROR_COMPILE", code)
    end
  end)

  it("take defines and keywords", function()
    local source = [[
#version 460
layout(constant_id = 3) const float SCALE = 1.0;
layout(location = 0) out vec4 colour;
void main() { colour = vec4(VALUE * SCALE); }
]]
    local shader <close> = assert(engine.shaders:create({
      fragment = { source = source }, defines = { VALUE = 0.5 }, keywords = { SCALE = 2 },
    }))
    assert.are.equal("SCALE", shader:reflection().constants[1].name)
    local none, message = engine.shaders:create({ fragment = { source = source }, defines = { VALUE = 1 },
      keywords = { SCALES = 2 } })
    assert.is_nil(none)
    assert.matches("SCALE", message)
  end)

  it("refuse mistakes", function()
    assert.error_matches(function()
      engine.shaders:create({ fragmnt = "a.frag" })
    end, "unknown key 'fragmnt' %(did you mean 'fragment'%?%)")
    assert.error_matches(function()
      engine.shaders:create({ stage = "fragmnet", source = "" })
    end, "fragment")
  end)
end)
