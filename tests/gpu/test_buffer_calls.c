/* Small buffers cost no Vulkan call: every function of the engine's table is replaced by one that
 * ends the program. The only test here that sees a private header, for there the table is. */
#include <stdio.h>
#include <stdlib.h>

#include "gpu/gpu.h"
#include "gpu_test.h"

#define COUNT 2000

static VKAPI_ATTR void VKAPI_CALL no_call(void) {
  fprintf(stderr, "a Vulkan function was called\n");
  abort();
}

static void forbid_calls(dispatch *vk) {
#define FORBID(name) vk->name = (PFN_vk##name)(PFN_vkVoidFunction)no_call;
  DISPATCH_GLOBAL_FUNCTIONS(FORBID)
  DISPATCH_INSTANCE_FUNCTIONS(FORBID)
  DISPATCH_DEVICE_FUNCTIONS(FORBID)
  DISPATCH_OPTIONAL_FUNCTIONS(FORBID)
  DISPATCH_EXTERNAL_FUNCTIONS(FORBID)
#undef FORBID
}

typedef struct mix {
  rg_buffer buffers[COUNT];
} mix;

static rg_buffer_desc desc_of(uint32_t i) {
  return (rg_buffer_desc){.size = 1 + i * UINT64_C(7919) % 9000,
                          .type = (rg_buffer_type)(1 + i % 5),
                          .update = (rg_update)(1 + i / 5 % 4),
                          .stride = i % 3 == 0 ? 1 : 0,
                          .label = i % 7 == 0 ? "labelled" : NULL};
}

static void mix_make(gpu_test *test, mix *self) {
  for (uint32_t i = 0; i < COUNT; i++) {
    const rg_buffer_desc desc = desc_of(i);
    assert_ok(rg_buffer_create(test->engine, &desc, &self->buffers[i]));
  }
}

static void mix_destroy(gpu_test *test, mix *self) {
  for (uint32_t i = 0; i < COUNT; i++) {
    assert_ok(rg_buffer_destroy(test->engine, self->buffers[i]));
  }
}

/* The slabs of as many buffers stay, held by a first mix; a second comes and goes. */
static void small_buffers_cost_no_vulkan_call_in_steady_state(void **state) {
  gpu_test *test = *state;
  mix *kept = calloc(1, sizeof *kept), *mixed = calloc(1, sizeof *mixed);
  mix_make(test, kept);
  mix_make(test, mixed);
  mix_destroy(test, mixed);
  dispatch *vk = &gpu_of(test->engine)->vk;
  const dispatch real = *vk;
  forbid_calls(vk);
  for (uint32_t round = 0; round < 5; round++) {
    for (uint32_t i = 0; i < COUNT; i++) {
      const rg_buffer_desc desc = desc_of(i);
      rg_buffer buffer;
      assert_ok(rg_buffer_create(test->engine, &desc, &buffer));
      assert_ok(rg_buffer_destroy(test->engine, buffer));
    }
  }
  *vk = real;
  mix_destroy(test, kept);
  free(kept);
  free(mixed);
}

/* All of one size at once, too, while what they need is there. */
static void waves_of_one_size_cost_no_vulkan_call(void **state) {
  gpu_test *test = *state;
  rg_buffer buffers[200];
  const rg_buffer_desc desc = {.size = 4096};
  dispatch *vk = &gpu_of(test->engine)->vk;
  const dispatch real = *vk;
  for (uint32_t round = 0; round < 20; round++) {
    for (uint32_t i = 0; i < 200; i++) {
      assert_ok(rg_buffer_create(test->engine, &desc, &buffers[i]));
    }
    forbid_calls(vk); /* from here to the end */
    for (uint32_t i = 0; i < 200; i++) {
      assert_ok(rg_buffer_destroy(test->engine, buffers[i]));
    }
  }
  *vk = real;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, gpu_test_setup, gpu_test_teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(small_buffers_cost_no_vulkan_call_in_steady_state),
      TEST(waves_of_one_size_cost_no_vulkan_call),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
