/* Runs an act with a fault, then without it on the same engine, and looks for what is left behind.
 */
#include "sweep.h"

#include <stdio.h>
#include <string.h>

#include "gpu_test.h"

/* Shared by all runs of a program: files for the acts, and an engine that does nothing. */
static gpu_folder folder;
static rg_engine *idle_engine;
static unsigned run_count;

/* ---- Files ---------------------------------------------------------------------------------- */

/* 4 × 4 texels of RGB. */
static const unsigned char png[] = {
    0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0x00, 0x00, 0x00, 0x0d, 0x49, 0x48,
    0x44, 0x52, 0x00, 0x00, 0x00, 0x04, 0x00, 0x00, 0x00, 0x04, 0x08, 0x02, 0x00, 0x00,
    0x00, 0x26, 0x93, 0x09, 0x29, 0x00, 0x00, 0x00, 0x29, 0x49, 0x44, 0x41, 0x54, 0x78,
    0xda, 0x0d, 0xc7, 0x31, 0x01, 0x00, 0x00, 0x0c, 0xc2, 0x30, 0xe4, 0x54, 0x0e, 0x12,
    0x2b, 0x11, 0x09, 0x5b, 0xbe, 0x24, 0xa1, 0xc1, 0xb0, 0x90, 0x94, 0x16, 0xcb, 0xfa,
    0x91, 0x8a, 0x32, 0x3f, 0xa3, 0xc3, 0xb1, 0x71, 0x68, 0x43, 0x11, 0x81, 0xd4, 0xb7,
    0x8b, 0x5f, 0x00, 0x00, 0x00, 0x00, 0x49, 0x45, 0x4e, 0x44, 0xae, 0x42, 0x60, 0x82};

/* 2 × 2 texels of 32 bits. */
static const unsigned char tga[18 + 16] = {
    [2] = 2, [12] = 2, [14] = 2, [16] = 32, [17] = 0x28, [18] = 255, [25] = 128, [33] = 255};

static const char shade_glsl[] = "vec4 shade(vec4 color, float gain) { return color * gain; }\n";
static const char plain_vert[] = "#version 450\nvoid main() { gl_Position = vec4(0.0); }\n";
static const char plain_frag[] =
    "#version 450\n"
    "#include \"shade.glsl\"\n"
    "layout(std140) uniform Material { vec4 tint; };\n"
    "uniform sampler2D map;\n"
    "layout(location = 0) out vec4 color;\n"
    "void main() { color = shade(texture(map, vec2(0.0)) * tint, 2.0); }\n";

int sweep_setup(void **state) {
  (void)state;
  gpu_folder_make(&folder);
  gpu_folder_write(&folder, "small.png", png, sizeof png);
  gpu_folder_write(&folder, "small.tga", tga, sizeof tga);
  gpu_folder_write(&folder, "shade.glsl", shade_glsl, sizeof shade_glsl - 1);
  gpu_folder_write(&folder, "plain.vert", plain_vert, sizeof plain_vert - 1);
  gpu_folder_write(&folder, "plain.frag", plain_frag, sizeof plain_frag - 1);
  assert_ok(rg_engine_create(&(rg_engine_desc){.label = "idle"}, &idle_engine));
  return 0;
}

int sweep_teardown(void **state) {
  (void)state;
  rg_engine_destroy(idle_engine);
  gpu_folder_remove(&folder);
  return run_count == 0 ? -1 : 0;
}

/* ---- A run ---------------------------------------------------------------------------------- */

typedef struct sweep {
  scenario_act *act;
  scenario scenario;
  memory_fault host, lua;
  sweep_outcome outcome;
} sweep;

static void note(sweep_outcome *outcome, const char *what, const char *detail) {
  if (outcome->problem[0] == '\0') {
    snprintf(outcome->problem, sizeof outcome->problem, "%s: %s", what, detail);
  }
}

/* Errors are faults of the engine's own; so is a warning of what was never destroyed. */
static void read_log(void *user, rg_log_level level, const char *message) {
  sweep *self = user;
  sweep_outcome *outcome = &self->outcome;
  if (level == RG_LOG_ERROR || strstr(message, "never destroyed") != NULL) {
    note(outcome, "the log", message);
  }
  const vulkan_trace trace = interpose_trace();
  if ((trace.was_reached && strstr(message, trace.function) != NULL) ||
      (self->host.refused != 0 && strstr(message, "no host memory") != NULL)) {
    outcome->was_logged = true;
  }
}

static bool was_reached(const sweep *self) {
  return interpose_trace().was_reached || interpose_hidden() != NULL || self->host.refused != 0 ||
         self->lua.refused != 0;
}

static void take_fault_away(sweep *self) {
  interpose_end();
  self->host.at = self->lua.at = 0;
}

static rg_result create_engine(sweep *self) {
  const char *const roots[] = {REGOLITH_SOURCE_DIR "/assets", folder.path};
  const rg_engine_desc desc = {
      .label = "fault",
      .allocator = {.resize = memory_fault_resize, .user = &self->host},
      .log = read_log,
      .log_user = self,
      .log_level = RG_LOG_DEBUG,
      .get_instance_proc_addr = interpose_get_instance_proc_addr,
      .block_size = 1 << 20,
      .upload_size = 64 << 10,
      .roots = roots,
      .root_count = 2,
  };
  const rg_result result = rg_engine_create(&desc, &self->scenario.engine);
  if ((result == RG_OK) != (self->scenario.engine != NULL)) {
    note(&self->outcome, "rg_engine_create", "result and engine disagree");
  }
  return result;
}

/* A message that no run makes, so that a missing one shows. */
static void forget_message(void) {
  rg_engine *none = NULL;
  const rg_engine_desc desc = {.block_size = 1};
  assert_int_equal(rg_engine_create(&desc, &none), RG_ERROR_INVALID_ARGUMENT);
}

static void note_result(sweep *self, rg_result result, const char *forgotten) {
  sweep_outcome *outcome = &self->outcome;
  const char *message = self->scenario.message[0] != '\0' ? self->scenario.message : rg_error();
  outcome->result = result;
  outcome->has_no_code = self->scenario.has_no_code;
  snprintf(outcome->message, sizeof outcome->message, "%s", result == RG_OK ? "" : message);
  if (result != RG_OK && (message[0] == '\0' || strcmp(message, forgotten) == 0)) {
    note(outcome, "no message for", rg_result_name(result));
  }
}

static rg_result run_act(sweep *self) {
  rg_origin_set(RG_HERE);
  rg_result result = self->act(&self->scenario);
  return result != RG_OK ? result : scenario_finish(&self->scenario);
}

static void run_first(sweep *self) {
  char forgotten[256];
  forget_message();
  snprintf(forgotten, sizeof forgotten, "%s", rg_error());
  rg_result result = create_engine(self);
  if (result == RG_OK) {
    result = run_act(self);
  }
  note_result(self, result, forgotten);
}

/* The fault has gone: what the act left behind goes, and the act succeeds. */
static void run_again(sweep *self) {
  take_fault_away(self);
  rg_result result = scenario_finish(&self->scenario);
  self->scenario.message[0] = '\0';
  if (result == RG_OK) {
    result = run_act(self);
  }
  self->outcome.was_told_later = interpose_is_lost() && result == RG_ERROR_DEVICE_LOST;
  if (result != RG_OK && !self->outcome.was_told_later) {
    note(&self->outcome, "the engine does not work on",
         self->scenario.message[0] != '\0' ? self->scenario.message : rg_error());
  }
  if (interpose_is_lost()) {
    /* a lost device's resources can be destroyed all the same */
    result = scenario_finish(&self->scenario);
    if (result != RG_OK) {
      note(&self->outcome, "a lost device keeps", rg_error());
    }
  }
}

static void look_for_leaks(sweep *self) {
  char text[64];
  if (self->host.live_blocks != 0) {
    snprintf(text, sizeof text, "%llu blocks of %llu bytes",
             (unsigned long long)self->host.live_blocks, (unsigned long long)self->host.live_bytes);
    note(&self->outcome, "leaked host memory", text);
  }
  if (self->lua.live_blocks != 0) {
    note(&self->outcome, "leaked", "Lua's memory");
  }
  if (interpose_report_live() != 0) {
    note(&self->outcome, "leaked", "Vulkan objects");
  }
  if (self->scenario.wrong != NULL) {
    note(&self->outcome, "does not hold", self->scenario.wrong);
  }
}

sweep_outcome sweep_run(scenario_act *act, const sweep_fault *fault) {
  sweep self = {.act = act, .host = fault->host, .lua = fault->lua};
  sweep_outcome *outcome = &self.outcome;
  run_count++;
  self.scenario.lua = &self.lua;
  interpose_begin(&fault->vulkan);
  interpose_hide(fault->hidden);
  run_first(&self);
  outcome->was_at_end = !was_reached(&self) || (self.lua.refused != 0 && self.scenario.has_ended);
  if (self.scenario.engine != NULL && was_reached(&self)) {
    run_again(&self);
  }
  rg_engine_destroy(self.scenario.engine);
  outcome->was_reached = was_reached(&self);
  outcome->was_string_table = self.lua.was_string_table;
  outcome->vulkan = interpose_trace();
  outcome->hidden = interpose_hidden();
  if (self.host.refused != 0) {
    caller_names(&self.host.caller, outcome->callers, sizeof outcome->callers);
  }
  take_fault_away(&self);
  look_for_leaks(&self);
  return self.outcome;
}

/* ---- Verdicts ------------------------------------------------------------------------------- */

static void complain(sweep_tally *tally, const char *where, const char *what, const char *detail) {
  tally->failures++;
  if (tally->failures <= 20) {
    print_error("%s, %s: %s: %s\n", tally->act, where, what, detail);
  }
}

void sweep_judge(sweep_tally *tally, const sweep_outcome *outcome, rg_result expected,
                 bool may_survive, const char *where) {
  tally->runs++;
  const bool is_survival = outcome->was_reached && !outcome->was_at_end && outcome->result == RG_OK;
  tally->survivals += is_survival;
  if (outcome->problem[0] != '\0') {
    complain(tally, where, outcome->problem, outcome->message);
  } else if (is_survival && !may_survive) {
    complain(tally, where, "nobody noticed", outcome->callers);
  } else if (outcome->result == RG_OK) {
    return;
  } else if (!outcome->was_reached || (outcome->result != expected && !outcome->has_no_code)) {
    complain(tally, where, rg_result_name(outcome->result), outcome->message);
  }
}
