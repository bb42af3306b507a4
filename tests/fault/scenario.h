/* What the sweeps run again and again: one scenario in ten acts, which together create each type
 * of resource, run a script and load a set from glTF. Each act does what it does at least twice as
 * well on an engine that has failed before. */
#ifndef RG_TESTS_SCENARIO_H
#define RG_TESTS_SCENARIO_H

#include <regolith/regolith.h>

#include "memory_fault.h"

#define SCENARIO_MAX_OWNED 32

/* An act under way on an engine. */
typedef struct scenario {
  rg_engine *engine;
  memory_fault *lua;                   /* the script's allocator */
  rg_handle owned[SCENARIO_MAX_OWNED]; /* to destroy, in the order of creation */
  uint32_t owned_count;
  const char *wrong; /* what an act found to be wrong though every call succeeded; else NULL */
  char message[512]; /* of the failure: the script's, or rg_error's */
  bool has_ended;    /* the script has: only its state is still to be closed */
  bool has_no_code; /* Lua code of Regolith raised the engine's message, but no rg_result with it */
} scenario;

/* Runs until the first call that fails, and returns its result. */
typedef rg_result scenario_act(scenario *self);
scenario_act act_buffers;
scenario_act act_textures;
scenario_act act_transients;
scenario_act act_shaders;
scenario_act act_materials;
scenario_act act_set;
scenario_act act_gltf;
scenario_act act_script;
scenario_act act_defragment;
scenario_act act_memory;

/* Destroys what the act made, the newest first, until a call fails. To be called again then. */
rg_result scenario_finish(scenario *self);

/* Notes a new resource for scenario_finish; passes the result on. */
rg_result scenario_own(scenario *self, rg_result result, uint64_t id);
/* The act destroys it itself: before the call that does. */
void scenario_disown(scenario *self, uint64_t id);
/* RG_OK; the claim's text becomes the scenario's `wrong` where it does not hold. */
rg_result scenario_claim(scenario *self, bool holds, const char *claim);

/* Leaves by `fail:` with `result`, unless the call succeeds; tests have no RG_TRY of their own. */
#define TRY(call)          \
  do {                     \
    result = (call);       \
    if (result != RG_OK) { \
      goto fail;           \
    }                      \
  } while (0)
#define CLAIM(claim) scenario_claim(self, claim, #claim)

#endif
