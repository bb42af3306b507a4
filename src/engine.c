/* The engine's birth and death: its memory, the subsystems in order, and what was left behind. */
#include "engine.h"

#include <stdio.h>

#include "base/result.h"
#include "shader/build.h"

/* How log lines name a resource's size: nothing for what takes no device memory. */
static void log_leak(const gpu *gpu, const rg_resource_info *info) {
  const bool has_origin = info->origin[0] != '\0';
  char size[40] = "";
  if (info->size != 0) {
    snprintf(size, sizeof size, " (%llu bytes)", (unsigned long long)info->size);
  }
  log_message(&gpu->logger, RG_LOG_WARNING, "%s: %s%s%s%s was never destroyed", gpu->label,
              resource_title(info->type, info->label, info->handle.id).text, size,
              has_origin ? " made at " : "", has_origin ? info->origin : "");
}

static void report_leaks(rg_engine *engine) {
  rg_handle handle = {0};
  while ((handle = rg_resource_next(engine, RG_TYPE_NONE, handle)).id != 0) {
    rg_resource_info info;
    if (rg_resource_get_info(engine, handle.id, &info) == RG_OK && !info.is_released) {
      log_leak(gpu_of(engine), &info);
    }
  }
}

static void report_host_leak(const gpu *gpu) {
#ifdef NDEBUG
  (void)gpu;
#else
  const uint64_t count = atomic_load(&gpu->host.live_count);
  if (count != 0) {
    log_message(&gpu->logger, RG_LOG_ERROR,
                "the engine leaks %llu host allocations, %llu bytes in all",
                (unsigned long long)count, (unsigned long long)atomic_load(&gpu->host.live_bytes));
  }
#endif
}

/* Finishes a half-made engine, too. memory: of the engine itself, which its own cannot count. */
static void engine_free(rg_engine *engine, host_memory *memory) {
  resources_finish(&engine->resources);
  if (engine->has_shader_compiler) {
    shader_stop();
  }
  report_host_leak(gpu_of(engine));
  host_free(memory, engine, sizeof *engine);
}

rg_result rg_engine_create(const rg_engine_desc *desc, rg_engine **out) {
  static const rg_engine_desc defaults = {0};
  RESOURCE_REQUIRE(out);
  *out = NULL;
  desc = desc != NULL ? desc : &defaults;
  rg_result result = RG_OK;
  host_memory memory;
  host_memory_init(&memory, &desc->allocator);
  rg_engine *engine = host_calloc(&memory, 1, sizeof *engine);
  if (engine == NULL) {
    return result_no_memory("the engine", sizeof *engine);
  }
  RG_TRY(resources_init(&engine->resources, desc));
  RG_TRY(shader_start());
  engine->has_shader_compiler = true;
  *out = engine;
  return RG_OK;
fail:
  engine_free(engine, &memory);
  return result;
}

void rg_engine_destroy(rg_engine *engine) {
  if (engine != NULL) {
    host_memory memory;
    host_memory_init(&memory, &gpu_of(engine)->host.allocator);
    report_leaks(engine);
    engine_free(engine, &memory);
  }
}
