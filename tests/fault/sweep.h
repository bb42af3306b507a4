/* One act in an engine of its own in which something fails: what came of it, and what is wrong with
 * the engine afterwards. */
#ifndef RG_TESTS_SWEEP_H
#define RG_TESTS_SWEEP_H

#include "interpose.h"
#include "memory_fault.h"
#include "scenario.h"

/* What fails; zero: nothing. */
typedef struct sweep_fault {
  vulkan_fault vulkan;
  uint64_t hidden;        /* the Vulkan function of that number is missing */
  memory_fault host, lua; /* at and width */
} sweep_fault;

typedef struct sweep_outcome {
  bool was_reached; /* false: the engine lived and died without coming to the fault */
  bool was_at_end;  /* it came in rg_engine_destroy or lua_close, which have no result */
  rg_result result; /* of the creation, the act or its end, whichever failed first */
  bool has_no_code; /* as the scenario's */
  char message[512];
  bool was_logged;     /* the log tells of the Vulkan call, or of host memory that was lacking */
  bool was_told_later; /* the second run said that the device was lost */
  vulkan_trace vulkan;
  const char *hidden;
  char callers[1024]; /* of the host's first allocation that failed, as caller_names gives them */
  bool was_string_table; /* Lua's first request that failed, as memory_fault says */
  /* Whatever the fault, these must not be: the first of them, or "". A leak of handles, ranges,
   * host memory or Vulkan objects, a wrong value, an engine that does not work on, a missing
   * message. */
  char problem[512];
} sweep_outcome;

/* Creates an engine, runs the act, destroys what it made and the engine, with the fault present.
 * Where the fault has come before the engine's end, it goes and the act runs again: it must
 * succeed, or say that the device was lost. */
sweep_outcome sweep_run(scenario_act *act, const sweep_fault *fault);

/* Failures and survivals of one sweep, a line each on standard error. */
typedef struct sweep_tally {
  const char *act;
  unsigned runs;
  unsigned failures;
  unsigned survivals; /* faults after which every call succeeded */
} sweep_tally;

/* Counts the outcome; `expected` is the result wanted, `may_survive` whether RG_OK will do, too.
 * where: the fault in words. */
void sweep_judge(sweep_tally *tally, const sweep_outcome *outcome, rg_result expected,
                 bool may_survive, const char *where);

/* cmocka's group setup and teardown: the acts' files, and an idle engine that keeps the shader
 * compiler's start, which is the process's. A pattern that no test has fails. */
int sweep_setup(void **state);
int sweep_teardown(void **state);
/* Runs cmocka's tests, all or those of the pattern argv[1]. */
#define sweep_main(tests, argc, argv)                     \
  (cmocka_set_test_filter((argc) > 1 ? (argv)[1] : NULL), \
   cmocka_run_group_tests(tests, sweep_setup, sweep_teardown))

/* Every sweep has a test for each act. */
#define SWEEP_ACTS(X) \
  X(buffers)          \
  X(textures) X(shaders) X(materials) X(set) X(gltf) X(script) X(defragment) X(memory) X(transients)

#endif
