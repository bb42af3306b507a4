/* The C example: a buffer, a shader and a material with parameters; a compute pass, and its results
 * read back. Build it against the installed package, or find it built as
 * build/release/example_compute. */
#include <regolith/regolith.h>
#include <stdio.h>
#include <stdlib.h>

static const char source[] =
    "#version 460\n"
    "layout(local_size_x = 4) in;\n"
    "layout(set = 0, binding = 0) uniform Material { float factor; };\n"
    "layout(set = 0, binding = 1) buffer Values { float values[]; };\n"
    "void main() { values[gl_GlobalInvocationID.x] *= factor; }\n";

static void check(rg_result result, const char *what) {
  if (result != RG_OK) {
    fprintf(stderr, "%s: %s: %s\n", what, rg_result_name(result), rg_error());
    exit(1);
  }
}

int main(void) {
  rg_engine *engine = NULL;
  check(rg_engine_create(&(rg_engine_desc){.label = "example"}, &engine), "engine");

  const float numbers[4] = {1, 2, 3, 4};
  rg_buffer values;
  check(rg_buffer_create(
            engine, &(rg_buffer_desc){.size = sizeof numbers, .data = numbers, .label = "values"},
            &values),
        "buffer");

  rg_shader shader;
  check(rg_shader_create(engine,
                         &(rg_shader_desc){
                             .stages = {{.stage = VK_SHADER_STAGE_COMPUTE_BIT, .source = source}},
                             .stage_count = 1,
                             .label = "scale",
                         },
                         &shader),
        "shader");

  const rg_parameter parameters[] = {
      {.name = "factor", .kind = RG_VALUE_FLOATS, .count = 1, .value.floats = {2.5f}},
      {.name = "Values", .kind = RG_VALUE_BUFFER, .count = 1, .value.buffer = values},
  };
  rg_material material;
  check(rg_material_create(engine,
                           &(rg_material_desc){
                               .name = "scale by 2.5",
                               .shader = shader,
                               .parameters = parameters,
                               .parameter_count = 2,
                           },
                           &material),
        "material");

  check(rg_dispatch(engine, material, 1, 1, 1, NULL), "dispatch");
  float scaled[4];
  check(rg_buffer_read(engine, values, 0, scaled, sizeof scaled), "read");
  printf("%g %g %g %g\n", scaled[0], scaled[1], scaled[2], scaled[3]);

  rg_buffer_vk vk;
  check(rg_buffer_get_vk(engine, values, &vk), "rg_buffer_get_vk");
  printf("%llu bytes at offset %llu of a VkBuffer\n", (unsigned long long)vk.size,
         (unsigned long long)vk.offset);

  check(rg_material_destroy(engine, material), "material");
  check(rg_shader_destroy(engine, shader), "shader");
  check(rg_buffer_destroy(engine, values), "buffer");
  rg_engine_destroy(engine);
  return 0;
}
