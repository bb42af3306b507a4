/* An engine on a fake device, for the length of a test. */
#ifndef RG_TESTS_FAKE_TEST_H
#define RG_TESTS_FAKE_TEST_H

#include "fake_device.h"

typedef struct fake_test {
  gpu_log log;
  rg_engine *engine;
} fake_test;

/* more: what the engine's descriptor has beside the fake's; NULL: nothing. Its log, validation and
 * entry are the fake's. */
void fake_test_begin(fake_test *test, const fake_device_desc *fake, const rg_engine_desc *more);
/* Destroys the engine; fails the test on validation messages, leaks, and faults of the fake. */
void fake_test_end(fake_test *test);

/* A buffer with a VkBuffer of its own. */
rg_buffer fake_test_buffer(fake_test *test, rg_update update, uint64_t size);
/* A sampled texture of side × side texels of rgba8. */
rg_texture fake_test_texture(fake_test *test, uint32_t side);
/* The memory type of a resource. */
int32_t fake_test_type(fake_test *test, uint64_t id);

#endif
