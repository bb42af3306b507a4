/* The n-th of Lua's allocations fails, for every n: alone, which a full collection makes good;
 * together with the second try after that; and with all after it. The script ends with Lua's error,
 * nothing leaks, and engine and script work on. */
#include <stdio.h>
#include <stdlib.h>

#include "gpu_test.h"
#include "sweep.h"

/* A request that fails is made again after a full collection. */
#define ALONE 1
#define WITH_SECOND_TRY 2

static bool run_one(sweep_tally *tally, uint64_t at, uint64_t width) {
  const sweep_fault fault = {.lua = {.at = at, .width = width}};
  const sweep_outcome outcome = sweep_run(act_script, &fault);
  char where[64];
  snprintf(where, sizeof where, "Lua's allocation %llu, %s", (unsigned long long)at,
           width == ALONE             ? "alone"
           : width == WITH_SECOND_TRY ? "twice"
                                      : "and all later ones");
  sweep_judge(tally, &outcome, RG_ERROR_OUT_OF_HOST_MEMORY,
              width == ALONE || outcome.was_string_table, where);
  return outcome.was_reached;
}

static void script_survives(uint64_t width) {
  sweep_tally tally = {.act = "script"};
  run_one(&tally, 0, width);
  assert_int_equal(tally.failures, 0);
  uint64_t at = 1;
  while (run_one(&tally, at, width)) {
    at++;
  }
  print_message("script: %llu allocations, %u runs, %u survived, %u wrong\n",
                (unsigned long long)at - 1, tally.runs, tally.survivals, tally.failures);
  assert_int_equal(tally.failures, 0);
}

static void collection_anywhere_harms_no_script(void **state) {
  (void)state;
  script_survives(ALONE);
}

static void script_survives_every_failing_lua_allocation(void **state) {
  (void)state;
  script_survives(WITH_SECOND_TRY);
}

static void lasting_lack_of_lua_memory_harms_no_script(void **state) {
  (void)state;
  script_survives(UINT64_MAX);
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(collection_anywhere_harms_no_script),
                                     cmocka_unit_test(script_survives_every_failing_lua_allocation),
                                     cmocka_unit_test(lasting_lack_of_lua_memory_harms_no_script)};
  return sweep_main(tests, argc, argv);
}
