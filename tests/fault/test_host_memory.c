/* The n-th host allocation fails, alone and with all after it, for every n: the engine says so,
 * leaks nothing and works on. */
#include <stdio.h>
#include <string.h>

#include "gpu_test.h"
#include "sweep.h"

/* What may lack memory and go on, and why. */
static const char *const survivals[] = {
    /* where a resource was destroyed is told in messages only, and dying must not fail; an
     * optimised program shows only some of these */
    "destroyed_at_set",
    "creator_let_go",
    "resource_destroy",
    "resource_disown",
};

static bool may_survive(const sweep_outcome *outcome) {
  bool is_known = outcome->was_logged;
  for (size_t i = 0; !is_known && i < sizeof survivals / sizeof survivals[0]; i++) {
    is_known = strstr(outcome->callers, survivals[i]) != NULL;
  }
  return is_known;
}

static bool run_one(sweep_tally *tally, scenario_act *act, uint64_t at, uint64_t width) {
  const sweep_fault fault = {.host = {.at = at, .width = width}};
  const sweep_outcome outcome = sweep_run(act, &fault);
  char where[64];
  snprintf(where, sizeof where, "host allocation %llu%s", (unsigned long long)at,
           width == 1 ? "" : " and all later ones");
  sweep_judge(tally, &outcome, RG_ERROR_OUT_OF_HOST_MEMORY, may_survive(&outcome), where);
  return outcome.was_reached;
}

static void sweep_act(const char *name, scenario_act *act) {
  sweep_tally tally = {.act = name};
  run_one(&tally, act, 0, 1);
  assert_int_equal(tally.failures, 0);
  uint64_t at = 1;
  while (run_one(&tally, act, at, 1)) {
    run_one(&tally, act, at, UINT64_MAX);
    at++;
  }
  print_message("%s: %llu allocations, %u runs, %u survived, %u wrong\n", name,
                (unsigned long long)at - 1, tally.runs, tally.survivals, tally.failures);
  assert_int_equal(tally.failures, 0);
}

#define DEFINE_TEST(name)                                                  \
  static void name##_survive_every_failing_host_allocation(void **state) { \
    (void)state;                                                           \
    sweep_act(#name, act_##name);                                          \
  }
SWEEP_ACTS(DEFINE_TEST)

int main(int argc, char **argv) {
#define TEST(name) cmocka_unit_test(name##_survive_every_failing_host_allocation),
  const struct CMUnitTest tests[] = {SWEEP_ACTS(TEST)};
  return sweep_main(tests, argc, argv);
}
