/* The n-th Vulkan call fails with each error that the specification lists for it, once and for
 * good, for every n: the engine says so, leaks nothing and works on. */
#include <stdio.h>
#include <string.h>

#include "gpu_test.h"
#include "sweep.h"

/* What may fail and be forgotten, and why. Elsewhere errors are returned, or at least logged: where
 * the call was an attempt to do early what is done later anyway. A loss may be told by the next
 * call. */
typedef struct survival {
  const char *function;
  VkResult error; /* VK_SUCCESS: any */
} survival;

static const survival survivals[] = {
    /* a name is a help for debugging, no more */
    {"vkSetDebugUtilsObjectNameEXT", VK_SUCCESS},
    /* what exhausted memory refuses is asked for smaller, elsewhere, or on its own */
    {"vkAllocateMemory", VK_ERROR_OUT_OF_DEVICE_MEMORY},
    {"vkMapMemory", VK_ERROR_OUT_OF_DEVICE_MEMORY},
    {"vkMapMemory", VK_ERROR_MEMORY_MAP_FAILED},
    {"vkCreateBuffer", VK_ERROR_OUT_OF_DEVICE_MEMORY},
    {"vkBindBufferMemory", VK_ERROR_OUT_OF_DEVICE_MEMORY},
    /* a pool that is full or in pieces is left for another */
    {"vkAllocateDescriptorSets", VK_ERROR_FRAGMENTED_POOL},
    {"vkAllocateDescriptorSets", VK_ERROR_OUT_OF_POOL_MEMORY},
    /* work that is not known to have ended counts as pending */
    {"vkGetSemaphoreCounterValue", VK_ERROR_OUT_OF_HOST_MEMORY},
    {"vkGetSemaphoreCounterValue", VK_ERROR_OUT_OF_DEVICE_MEMORY},
};

static bool may_survive(const sweep_outcome *outcome) {
  const vulkan_trace *trace = &outcome->vulkan;
  bool is_allowed = outcome->was_logged || outcome->was_told_later;
  for (size_t i = 0; !is_allowed && i < sizeof survivals / sizeof survivals[0]; i++) {
    const survival *allowed = &survivals[i];
    is_allowed = strcmp(allowed->function, trace->function) == 0 &&
                 (allowed->error == VK_SUCCESS || allowed->error == trace->error);
  }
  return is_allowed;
}

/* The header promises these four by name, and RG_ERROR_LIMIT for what there are too many of. */
static rg_result expected_result(VkResult error) {
  static const struct {
    VkResult error;
    rg_result result;
  } expected[] = {
      {VK_ERROR_OUT_OF_HOST_MEMORY, RG_ERROR_OUT_OF_HOST_MEMORY},
      {VK_ERROR_OUT_OF_DEVICE_MEMORY, RG_ERROR_OUT_OF_DEVICE_MEMORY},
      {VK_ERROR_MEMORY_MAP_FAILED, RG_ERROR_OUT_OF_DEVICE_MEMORY},
      {VK_ERROR_FRAGMENTED_POOL, RG_ERROR_OUT_OF_DEVICE_MEMORY},
      {VK_ERROR_OUT_OF_POOL_MEMORY, RG_ERROR_OUT_OF_DEVICE_MEMORY},
      {VK_ERROR_FRAGMENTATION, RG_ERROR_OUT_OF_DEVICE_MEMORY},
      {VK_ERROR_DEVICE_LOST, RG_ERROR_DEVICE_LOST},
      {VK_ERROR_TOO_MANY_OBJECTS, RG_ERROR_LIMIT},
      {VK_ERROR_INVALID_SHADER_NV, RG_ERROR_COMPILE},
  };
  for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
    if (expected[i].error == error) {
      return expected[i].result;
    }
  }
  return RG_ERROR_UNSUPPORTED;
}

static sweep_outcome run_one(sweep_tally *tally, scenario_act *act, const vulkan_fault *fault) {
  const sweep_fault sweep = {.vulkan = *fault};
  const sweep_outcome outcome = sweep_run(act, &sweep);
  const vulkan_trace *trace = &outcome.vulkan;
  char where[128] = "no call fails";
  if (trace->was_reached) {
    snprintf(where, sizeof where, "call %llu (%s) fails with %d%s", (unsigned long long)fault->at,
             trace->function, (int)trace->error, fault->is_lasting ? " for good" : "");
  }
  sweep_judge(tally, &outcome, trace->was_reached ? expected_result(trace->error) : RG_OK,
              trace->was_reached && may_survive(&outcome), where);
  return outcome;
}

/* Each error of one call; false where there are not so many calls. */
static bool sweep_call(sweep_tally *tally, scenario_act *act, uint64_t at) {
  vulkan_fault fault = {.at = at};
  const sweep_outcome first = run_one(tally, act, &fault);
  for (fault.error_index = 1; fault.error_index < first.vulkan.error_count; fault.error_index++) {
    run_one(tally, act, &fault);
  }
  fault.is_lasting = true;
  for (fault.error_index = 0; fault.error_index < first.vulkan.error_count; fault.error_index++) {
    run_one(tally, act, &fault);
  }
  return first.was_reached;
}

static void sweep_act(const char *name, scenario_act *act) {
  sweep_tally tally = {.act = name};
  uint64_t at = 0;
  run_one(&tally, act, &(vulkan_fault){0});
  assert_int_equal(tally.failures, 0);
  while (sweep_call(&tally, act, ++at)) {
  }
  print_message("%s: %llu calls, %u runs, %u survived, %u wrong\n", name,
                (unsigned long long)at - 1, tally.runs, tally.survivals, tally.failures);
  assert_int_equal(tally.failures, 0);
}

#define DEFINE_TEST(name)                                              \
  static void name##_survive_every_failing_vulkan_call(void **state) { \
    (void)state;                                                       \
    sweep_act(#name, act_##name);                                      \
  }
SWEEP_ACTS(DEFINE_TEST)

/* What it would have destroyed lives on: there is nothing left to do it with. */
static bool leaks_when_missing(const char *function) {
  return strcmp(function, "vkDestroyInstance") == 0 || strcmp(function, "vkDestroyDevice") == 0;
}

/* The debug functions are asked for where the loader offers their extension, and are not needed. */
static void engine_names_every_missing_vulkan_function(void **state) {
  (void)state;
  sweep_tally tally = {.act = "engine"};
  for (uint64_t at = 1;; at++) {
    const sweep_fault fault = {.hidden = at};
    const sweep_outcome outcome = sweep_run(act_buffers, &fault);
    if (!outcome.was_reached) {
      break;
    }
    if (leaks_when_missing(outcome.hidden)) {
      continue;
    }
    const size_t length = strlen(outcome.hidden);
    const bool is_optional = strcmp(outcome.hidden + length - 3, "EXT") == 0;
    sweep_judge(&tally, &outcome, RG_ERROR_UNSUPPORTED, is_optional, outcome.hidden);
    assert_true(is_optional || strstr(outcome.message, outcome.hidden) != NULL);
  }
  assert_true(tally.runs > 50);
  assert_int_equal(tally.failures, 0);
}

int main(int argc, char **argv) {
#define TEST(name) cmocka_unit_test(name##_survive_every_failing_vulkan_call),
  const struct CMUnitTest tests[] = {
      SWEEP_ACTS(TEST) cmocka_unit_test(engine_names_every_missing_vulkan_function)};
  return sweep_main(tests, argc, argv);
}
