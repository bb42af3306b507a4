/* The act of what is told of device memory: JSON, a picture, a trace recorded and replayed, and a
 * pool of the caller's own. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "scenario.h"

static rg_result create_some(scenario *self) {
  rg_result result = RG_OK;
  rg_pool pool;
  rg_buffer buffer;
  rg_texture texture;
  const rg_pool_desc pool_desc = {.label = "pool", .block_size = 1 << 18, .max_blocks = 1};
  result = rg_pool_create(self->engine, &pool_desc, &pool);
  TRY(scenario_own(self, result, pool.id));
  const rg_buffer_desc pooled = {.size = 1 << 17, .pool = pool, .label = "pooled"};
  result = rg_buffer_create(self->engine, &pooled, &buffer);
  TRY(scenario_own(self, result, buffer.id));
  const rg_buffer_desc small = {.size = 500, .label = "small"};
  result = rg_buffer_create(self->engine, &small, &buffer);
  TRY(scenario_own(self, result, buffer.id));
  const rg_texture_desc texture_desc = {.width = 32, .height = 32, .label = "texture"};
  result = rg_texture_create(self->engine, &texture_desc, &texture);
  TRY(scenario_own(self, result, texture.id));
fail:
  return result;
}

static rg_result tell(scenario *self) {
  rg_result result = RG_OK;
  char *text = NULL;
  TRY(rg_memory_json(self->engine, true, &text));
  CLAIM(strstr(text, "\"label\":\"pooled\"") != NULL && strstr(text, "\"texture\"") != NULL);
  rg_string_free(self->engine, text);
  TRY(rg_memory_json(self->engine, false, &text));
  rg_string_free(self->engine, text);
  TRY(rg_memory_svg(self->engine, &text));
  CLAIM(strstr(text, "pooled") != NULL);
  rg_string_free(self->engine, text);
fail:
  return result;
}

static rg_result record(scenario *self, const char *file) {
  rg_result result = RG_OK;
  TRY(rg_memory_record_begin(self->engine, file));
  result = create_some(self);
  rg_result ended = rg_memory_record_end(self->engine);
  result = result != RG_OK ? result : ended;
fail:
  return result;
}

static rg_result replay(scenario *self) {
  static const char trace[] =
      "regolith-trace 1\n"
      "a 1 300000 256 0 linear 0 1\n"
      "a 2 600 16 0 shared 0 2\n"
      "f 1 0 3\n"
      "a 3 100000 256 0 optimal 1 4\n";
  rg_result result = RG_OK;
  rg_replay_stats stats;
  TRY(rg_memory_replay(self->engine, trace, sizeof trace - 1, &stats));
  CLAIM(stats.allocations == 3 && stats.frees == 1 && stats.failures == 0);
fail:
  return result;
}

rg_result act_memory(scenario *self) {
  rg_result result = RG_OK;
  char folder[] = "/tmp/regolith-act-XXXXXX", file[64];
  if (mkdtemp(folder) == NULL) {
    abort();
  }
  snprintf(file, sizeof file, "%s/trace", folder);
  TRY(record(self, file));
  CLAIM(access(file, R_OK) == 0);
  TRY(tell(self));
  TRY(replay(self));
fail:
  unlink(file);
  if (rmdir(folder) != 0) {
    self->wrong = "a file was left behind";
  }
  return result;
}
