/* Compute materials: what they read, what they write, and what a dispatch refuses. */
#include <string.h>

#include "gpu_test.h"

static const char scale_source[] =
    "#version 450\n"
    "layout(local_size_x = 64) in;\n"
    "layout(set = 0, binding = 0) uniform Material { uint factor; uint addend; };\n"
    "layout(set = 0, binding = 1) readonly buffer Source { uint source[]; };\n"
    "layout(set = 0, binding = 2) buffer Target { uint target[]; };\n"
    "void main() {\n"
    "  uint i = gl_GlobalInvocationID.x;\n"
    "  target[i] = source[i] * factor + addend;\n"
    "}\n";

#define COUNT 256u

typedef struct scaler {
  rg_shader shader;
  rg_buffer source, target;
  rg_material material;
} scaler;

static rg_parameter number(const char *name, double value) {
  return (rg_parameter){.name = name, .count = 1, .value.numbers = {value}};
}

static rg_parameter buffer(const char *name, rg_buffer value) {
  return (rg_parameter){.name = name, .kind = RG_VALUE_BUFFER, .count = 1, .value.buffer = value};
}

static scaler scaler_make(gpu_test *test) {
  scaler self = {.shader = gpu_test_compute(test, "scale", scale_source)};
  const rg_buffer_desc desc = {.size = COUNT * 4, .type = RG_BUFFER_STORAGE, .label = "numbers"};
  assert_ok(rg_buffer_create(test->engine, &desc, &self.source));
  assert_ok(rg_buffer_create(test->engine, &desc, &self.target));
  const rg_parameter parameters[] = {buffer("Source", self.source), buffer("Target", self.target),
                                     number("factor", 3), number("addend", 5)};
  const rg_material_desc material = {
      .name = "scale", .shader = self.shader, .parameters = parameters, .parameter_count = 4};
  assert_ok(rg_material_create(test->engine, &material, &self.material));
  return self;
}

static void scaler_destroy(gpu_test *test, const scaler *self) {
  assert_ok(rg_material_destroy(test->engine, self->material));
  assert_ok(rg_shader_destroy(test->engine, self->shader));
  assert_ok(rg_buffer_destroy(test->engine, self->source));
  assert_ok(rg_buffer_destroy(test->engine, self->target));
}

static void fill(gpu_test *test, rg_buffer buffer, uint32_t first) {
  uint32_t numbers[COUNT];
  for (uint32_t i = 0; i < COUNT; i++) {
    numbers[i] = first + i;
  }
  assert_ok(rg_buffer_update(test->engine, buffer, 0, numbers, sizeof numbers));
}

static void assert_target(gpu_test *test, rg_buffer buffer, uint32_t first, uint32_t step) {
  uint32_t numbers[COUNT];
  assert_ok(rg_buffer_read(test->engine, buffer, 0, numbers, sizeof numbers));
  for (uint32_t i = 0; i < COUNT; i++) {
    assert_int_equal(numbers[i], first + i * step);
  }
}

static void compute_reads_what_updates_wrote(void **state) {
  gpu_test *test = *state;
  const scaler self = scaler_make(test);
  rg_ticket ticket;
  fill(test, self.source, 100);
  assert_ok(rg_dispatch(test->engine, self.material, COUNT / 64, 1, 1, &ticket));
  assert_ok(rg_ticket_wait(test->engine, ticket, UINT64_MAX));
  assert_target(test, self.target, 305, 3);
  const rg_parameter factor = number("factor", 10);
  assert_ok(rg_material_update(test->engine, self.material, &factor, 1));
  fill(test, self.source, 7);
  assert_ok(rg_dispatch(test->engine, self.material, COUNT / 64, 1, 1, NULL));
  assert_target(test, self.target, 75, 10);
  scaler_destroy(test, &self);
}

static void dispatches_see_each_others_writes(void **state) {
  gpu_test *test = *state;
  const scaler self = scaler_make(test);
  const rg_parameter in_place[] = {buffer("Source", self.target), number("factor", 2),
                                   number("addend", 0)};
  assert_ok(rg_material_update(test->engine, self.material, in_place, 3));
  fill(test, self.target, 1);
  for (uint32_t i = 0; i < 8; i++) {
    assert_ok(rg_dispatch(test->engine, self.material, COUNT / 64, 1, 1, NULL));
  }
  assert_target(test, self.target, 256, 256);
  scaler_destroy(test, &self);
}

static void a_replaced_buffer_lives_until_its_dispatch_is_done(void **state) {
  gpu_test *test = *state;
  const scaler self = scaler_make(test);
  fill(test, self.source, 0);
  for (uint32_t i = 0; i < 16; i++) {
    const rg_buffer_desc desc = {.size = COUNT * 4, .own_vk_buffer = i % 2 == 0};
    rg_buffer other;
    assert_ok(rg_buffer_create(test->engine, &desc, &other));
    const rg_parameter target = buffer("Target", other);
    assert_ok(rg_material_update(test->engine, self.material, &target, 1));
    assert_ok(rg_dispatch(test->engine, self.material, COUNT / 64, 1, 1, NULL));
    assert_ok(rg_buffer_destroy(test->engine, other));
  }
  const rg_parameter target = buffer("Target", self.target);
  assert_ok(rg_material_update(test->engine, self.material, &target, 1));
  assert_ok(rg_dispatch(test->engine, self.material, COUNT / 64, 1, 1, NULL));
  assert_target(test, self.target, 5, 3);
  scaler_destroy(test, &self);
}

static void a_storage_image_is_written(void **state) {
  gpu_test *test = *state;
  rg_shader shader = gpu_test_compute(
      test, "paint",
      "#version 450\n"
      "layout(local_size_x = 4, local_size_y = 4) in;\n"
      "layout(set = 0, binding = 0) uniform Material { vec4 color; };\n"
      "layout(set = 0, binding = 1, rgba8) writeonly uniform image2D canvas;\n"
      "void main() { imageStore(canvas, ivec2(gl_GlobalInvocationID.xy), color); }\n");
  const rg_texture_desc desc = {
      .width = 4, .height = 4, .usage = VK_IMAGE_USAGE_STORAGE_BIT, .label = "canvas"};
  const rg_texture_desc plain_desc = {.width = 4, .height = 4, .label = "plain"};
  rg_texture canvas;
  rg_texture plain;
  assert_ok(rg_texture_create(test->engine, &desc, &canvas));
  assert_ok(rg_texture_create(test->engine, &plain_desc, &plain));
  rg_parameter parameters[] = {
      {.name = "color", .count = 4, .value.numbers = {0, 1, 0, 1}},
      {.name = "canvas", .kind = RG_VALUE_TEXTURE, .count = 1, .value.texture = plain}};
  const rg_material_desc material_desc = {
      .name = "paint", .shader = shader, .parameters = parameters, .parameter_count = 2};
  rg_material material;
  assert_error(rg_material_create(test->engine, &material_desc, &material), RG_ERROR_WRONG_TYPE,
               "canvas is a storage image, texture 'plain' lacks usage storage");
  parameters[1].value.texture = canvas;
  assert_ok(rg_material_create(test->engine, &material_desc, &material));
  assert_ok(rg_dispatch(test->engine, material, 1, 1, 1, NULL));
  uint32_t pixels[16];
  assert_ok(rg_texture_read(test->engine, canvas, NULL, pixels, sizeof pixels));
  for (uint32_t i = 0; i < 16; i++) {
    assert_int_equal(pixels[i], 0xFF00FF00);
  }
  assert_ok(rg_material_destroy(test->engine, material));
  assert_ok(rg_shader_destroy(test->engine, shader));
  assert_ok(rg_texture_destroy(test->engine, canvas));
  assert_ok(rg_texture_destroy(test->engine, plain));
}

static void wrong_workgroup_counts_are_refused(void **state) {
  gpu_test *test = *state;
  const scaler self = scaler_make(test);
  rg_ticket ticket = {1};
  assert_error(rg_dispatch(test->engine, self.material, 0, 1, 1, &ticket),
               RG_ERROR_INVALID_ARGUMENT, "material 'scale': a dispatch of 0 workgroups in x");
  assert_int_equal(ticket.id, 0);
  assert_error(rg_dispatch(test->engine, self.material, 1, 1, 0, NULL), RG_ERROR_INVALID_ARGUMENT,
               "0 workgroups in z");
  assert_error(rg_dispatch(test->engine, self.material, 1, UINT32_MAX, 1, NULL),
               RG_ERROR_INVALID_ARGUMENT, "4294967295 workgroups in y exceed the device's");
  scaler_destroy(test, &self);
}

static void a_dispatch_without_its_buffers_is_refused(void **state) {
  gpu_test *test = *state;
  rg_shader shader = gpu_test_compute(test, "scale", scale_source);
  const rg_material_desc desc = {.name = "empty", .shader = shader};
  rg_material material;
  assert_ok(rg_material_create(test->engine, &desc, &material));
  assert_error(rg_dispatch(test->engine, material, 1, 1, 1, NULL), RG_ERROR_INVALID_ARGUMENT,
               "material 'empty': buffer parameter 'Source' has no value");
  assert_ok(rg_material_destroy(test->engine, material));
  assert_ok(rg_shader_destroy(test->engine, shader));
}

static void a_material_without_compute_is_refused(void **state) {
  gpu_test *test = *state;
  rg_shader shader = gpu_test_shader(test, "flat",
                                     "#version 450\n"
                                     "layout(location = 0) in vec2 uv;\n"
                                     "layout(location = 0) out vec4 color;\n"
                                     "void main() { color = vec4(uv, 0.0, 1.0); }\n");
  const rg_material_desc desc = {.name = "flat", .shader = shader};
  rg_material material;
  assert_ok(rg_material_create(test->engine, &desc, &material));
  rg_material_vk vk;
  assert_ok(rg_material_get_vk(test->engine, material, &vk));
  assert_true(vk.set == VK_NULL_HANDLE); /* nothing to bind */
  assert_error(rg_dispatch(test->engine, material, 1, 1, 1, NULL), RG_ERROR_INVALID_ARGUMENT,
               "shader 'flat' has no compute stage");
  assert_ok(rg_material_destroy(test->engine, material));
  assert_ok(rg_shader_destroy(test->engine, shader));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, gpu_test_setup, gpu_test_teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(compute_reads_what_updates_wrote),
      TEST(dispatches_see_each_others_writes),
      TEST(a_replaced_buffer_lives_until_its_dispatch_is_done),
      TEST(a_storage_image_is_written),
      TEST(wrong_workgroup_counts_are_refused),
      TEST(a_dispatch_without_its_buffers_is_refused),
      TEST(a_material_without_compute_is_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
