-- The Lua example: the managers without the declaration language. Run it:  regolith run examples/compute.lua

local shader = assert(engine.shaders:create {
  stage = "compute",
  label = "scale",
  source = [[
    #version 460
    layout(local_size_x = 4) in;
    layout(set = 0, binding = 0) uniform Material { float factor; };
    layout(set = 0, binding = 1) buffer Values { float values[]; };
    void main() { values[gl_GlobalInvocationID.x] *= factor; }
  ]],
})

local values = assert(engine.buffers:create {
  type = "storage", data = string.pack("<ffff", 1, 2, 3, 4), label = "values",
})

local scale = assert(engine.materials:create {
  name = "scale", shader = shader, parameters = { factor = 2.5, Values = values },
})

assert(engine:dispatch(scale, 1))
print(string.unpack("<ffff", values:read()))

scale:update { factor = 10 }
assert(engine:dispatch(scale, 1))
print(string.unpack("<ffff", values:read()))
