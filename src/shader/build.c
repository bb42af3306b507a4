/* The whole way of a shader, on a thread with a stack that glslang's recursion fits into. */
#include "build.h"

#include <string.h>

#include "base/result.h"
#include "base/text.h"
#include "base/thread.h"
#include "compile.h"
#include "constant.h"
#include "link.h"
#include "reflect.h"
#include "validate.h"

#define STACK_SIZE ((size_t)64 << 20)
#define MESSAGE_CAPACITY 8192 /* what rg_error() holds */

rg_result shader_start(void) {
  return glslang_initialize_process()
             ? RG_OK
             : result_set(RG_ERROR_OUT_OF_HOST_MEMORY, "glslang does not start");
}

void shader_stop(void) {
  glslang_finalize_process();
}

/* One stage between the descriptor and the code. */
typedef struct stage_work {
  const rg_stage_desc *desc;
  const stage_info *info;
  const char *name; /* for messages */
  const char *entry_point;
  bool is_glsl;
  source text;
  glsl_stage glsl;
  uint32_t *words;
  uint32_t word_count;
} stage_work;

/* A build, on the caller's stack while the thread runs. */
typedef struct build_work {
  const shader_context *context;
  const rg_shader_desc *desc;
  shader_code *code;
  arena scratch;
  message_sink sink;
  stage_work stages[RG_MAX_STAGES];
  rg_result result;
  char message[MESSAGE_CAPACITY];
} build_work;

/* ---- The descriptor ------------------------------------------------------------------------ */

static bool has_ending(const char *file, const char *ending) {
  size_t length = strlen(file), ending_length = strlen(ending);
  return length >= ending_length && strcmp(file + length - ending_length, ending) == 0;
}

static rg_result stage_check(const char *label, uint32_t index, const rg_stage_desc *desc) {
  int given = (desc->file != NULL) + (desc->source != NULL) + (desc->spirv != NULL);
  if (given != 1) {
    return result_set(RG_ERROR_INVALID_ARGUMENT,
                      "shader '%s': stage %u has %d of file, source and spirv; it needs one", label,
                      index, given);
  }
  if (desc->stage != 0 && stage_find(desc->stage) == NULL) {
    return result_set(RG_ERROR_INVALID_ARGUMENT, "shader '%s': stage %u is 0x%X, which is no stage",
                      label, index, desc->stage);
  }
  if (desc->stage == 0 && (desc->file == NULL || stage_of_file(desc->file) == NULL)) {
    return result_set(RG_ERROR_INVALID_ARGUMENT,
                      "shader '%s': stage %u names no stage, nor does %s%s%s", label, index,
                      desc->file == NULL ? "a file" : "its file's ending '",
                      desc->file == NULL ? "" : desc->file, desc->file == NULL ? "" : "'");
  }
  return RG_OK;
}

static rg_result stage_begin(build_work *work, uint32_t index) {
  const rg_stage_desc *desc = &work->desc->stages[index];
  stage_work *self = &work->stages[index];
  rg_result result = stage_check(work->code->label, index, desc);
  if (result != RG_OK) {
    return result;
  }
  self->desc = desc;
  self->info = desc->stage == 0 ? stage_of_file(desc->file) : stage_find(desc->stage);
  self->is_glsl = desc->source != NULL || (desc->file != NULL && !has_ending(desc->file, ".spv"));
  self->entry_point = desc->entry_point == NULL ? "main" : desc->entry_point;
  self->name = desc->file != NULL
                   ? desc->file
                   : arena_printf(&work->scratch, "%s.%s", work->code->label, self->info->ending);
  if (self->name == NULL) {
    return result_no_memory(work->code->label, strlen(work->code->label));
  }
  source_init(&self->text, work->context, &work->scratch);
  self->glsl = (glsl_stage){.info = self->info, .name = self->name, .text = &self->text};
  for (uint32_t i = 0; i < index; i++) {
    if (work->stages[i].info == self->info) {
      return result_set(RG_ERROR_INVALID_ARGUMENT, "shader '%s': two %s stages", work->code->label,
                        self->info->name);
    }
  }
  return RG_OK;
}

/* 0 for compute, 1 for the graphics stages, 2 for rays. */
static int stage_family(const stage_info *info) {
  return info->stage == VK_SHADER_STAGE_COMPUTE_BIT ? 0 : info->order > 0 ? 1 : 2;
}

static rg_result families_check(const build_work *work) {
  const stage_info *first = work->stages[0].info;
  for (uint32_t i = 1; i < work->desc->stage_count; i++) {
    const stage_info *other = work->stages[i].info;
    if (stage_family(other) != stage_family(first) || stage_family(other) == 0) {
      return result_set(RG_ERROR_INVALID_ARGUMENT,
                        "shader '%s': a %s and a %s stage cannot be one shader", work->code->label,
                        first->name, other->name);
    }
  }
  return RG_OK;
}

static rg_result desc_check(build_work *work) {
  const rg_shader_desc *desc = work->desc;
  const char *file = desc->stage_count > 0 ? desc->stages[0].file : NULL;
  const char *label = desc->label != NULL ? desc->label : file != NULL ? file : "shader";
  work->code->label = arena_strdup(&work->code->arena, label);
  if (work->code->label == NULL) {
    return result_no_memory(label, strlen(label));
  }
  if (desc->stage_count == 0 || desc->stage_count > RG_MAX_STAGES) {
    return result_set(RG_ERROR_INVALID_ARGUMENT, "shader '%s': %u stages; 1 to %d are possible",
                      label, desc->stage_count, RG_MAX_STAGES);
  }
  for (uint32_t i = 0; i < desc->stage_count; i++) {
    rg_result result = stage_begin(work, i);
    if (result != RG_OK) {
      return result;
    }
  }
  return families_check(work);
}

/* ---- To words ------------------------------------------------------------------------------ */

/* RG_ERROR_COMPILE goes to the sink, so that the other stages' errors are seen too. */
static rg_result sink_error(build_work *work, rg_result result) {
  if (result != RG_ERROR_COMPILE) {
    return result;
  }
  text_printf(&work->sink.errors, "%s\n", rg_error());
  return RG_OK;
}

static rg_result glsl_read(build_work *work, stage_work *stage) {
  if (strcmp(stage->entry_point, "main") != 0) {
    return result_set(RG_ERROR_COMPILE, "%s: error: no entry point '%s'; GLSL has only 'main'",
                      stage->name, stage->entry_point);
  }
  source_origin origin = {.name = stage->name, .path = stage->desc->file};
  origin.text = stage->desc->source;
  rg_result result =
      source_expand(&stage->text, &origin, work->desc->defines, work->desc->define_count);
  return result == RG_OK ? compile_stage(&stage->glsl, &work->scratch, &work->sink) : result;
}

static rg_result spirv_take(build_work *work, stage_work *stage, const void *bytes, size_t size) {
  if (size > UINT32_MAX) {
    return result_set(RG_ERROR_LIMIT, "%s: %zu bytes exceed the limit of %u", stage->name, size,
                      UINT32_MAX);
  }
  /* copied first: the caller's bytes need not be aligned */
  stage->words = arena_copy(&work->scratch, bytes, size);
  stage->word_count = (uint32_t)(size / sizeof *stage->words);
  if (stage->words == NULL) {
    return result_no_memory(stage->name, size);
  }
  return validate_spirv(stage->name, work->context->api_version, stage->words, size);
}

static rg_result spirv_read(build_work *work, stage_work *stage) {
  if (stage->desc->spirv != NULL) {
    return spirv_take(work, stage, stage->desc->spirv, stage->desc->spirv_size);
  }
  file_data data = {0};
  rg_result result = file_read(work->context->roots, stage->desc->file, SHADER_MAX_SOURCE, &data);
  if (result == RG_OK) {
    result = spirv_take(work, stage, data.bytes, data.size);
    file_data_finish(&data);
  }
  return result;
}

static rg_result stages_read(build_work *work) {
  for (uint32_t i = 0; i < work->desc->stage_count; i++) {
    stage_work *stage = &work->stages[i];
    rg_result result = stage->is_glsl ? glsl_read(work, stage) : spirv_read(work, stage);
    result = sink_error(work, result);
    if (result != RG_OK) {
      return result;
    }
  }
  return RG_OK;
}

/* Fails with all errors found so far, if there are any. */
static rg_result errors_check(const build_work *work) {
  if (work->sink.errors.is_failed || work->sink.warnings.is_failed) {
    return result_no_memory(work->code->label, work->sink.errors.length);
  }
  if (work->sink.errors.length > 0) {
    return result_set(RG_ERROR_COMPILE, "%s", work->sink.errors.data);
  }
  return RG_OK;
}

static rg_result program_make(build_work *work) {
  glsl_stage *stages[RG_MAX_STAGES];
  uint32_t count = 0;
  for (uint32_t i = 0; i < work->desc->stage_count; i++) {
    if (work->stages[i].is_glsl) {
      stages[count++] = &work->stages[i].glsl;
    }
  }
  rg_result result =
      count == 0 ? RG_OK
                 : compile_program(stages, count, work->code->label, &work->scratch, &work->sink);
  for (uint32_t i = 0; i < work->desc->stage_count; i++) {
    if (work->stages[i].is_glsl) {
      work->stages[i].words = work->stages[i].glsl.words;
      work->stages[i].word_count = work->stages[i].glsl.word_count;
    }
  }
  return result;
}

/* ---- To code ------------------------------------------------------------------------------- */

static rg_result modules_open(build_work *work, module *modules) {
  for (uint32_t i = 0; i < work->desc->stage_count; i++) {
    stage_work *stage = &work->stages[i];
    modules[i] = (module){.stage = stage->info,
                          .name = stage->name,
                          .is_glsl = stage->is_glsl,
                          .words = stage->words,
                          .count = stage->word_count};
    rg_result result = module_init(&modules[i], &work->scratch, stage->entry_point);
    if (result != RG_OK) {
      return result;
    }
  }
  return RG_OK;
}

static rg_result modules_link(build_work *work, module *modules, const global_list *globals) {
  link_stages stages = {.label = work->code->label,
                        .modules = modules,
                        .globals = globals,
                        .count = work->desc->stage_count,
                        .scratch = &work->scratch,
                        .errors = &work->sink.errors};
  rg_result result = link_varyings(&stages);
  result = result == RG_OK ? link_bindings(&stages) : result;
  return result == RG_OK ? errors_check(work) : result;
}

/* Validates glslang's words too: it takes nonsense like a flat sampler for good, and writes
 * instructions past their 16-bit length, without a word of warning. A fifth of the build's time.
 */
static rg_result code_take(build_work *work, const module *modules) {
  shader_code *code = work->code;
  for (uint32_t i = 0; i < work->desc->stage_count; i++) {
    shader_stage_code *stage = &code->stages[code->stage_count++];
    stage->stage = work->stages[i].info->stage;
    stage->entry_point = arena_strdup(&code->arena, work->stages[i].entry_point);
    if (stage->entry_point == NULL) {
      return result_no_memory(code->label, strlen(work->stages[i].entry_point));
    }
    rg_result result = module_finish(&modules[i], &code->arena, &stage->words, &stage->size);
    if (result == RG_OK) {
      result = validate_spirv(work->stages[i].name, work->context->api_version, stage->words,
                              stage->size);
    }
    if (result != RG_OK) {
      return result;
    }
  }
  return RG_OK;
}

static rg_result lengths_check(const build_work *work, const module *modules) {
  for (uint32_t i = 0; i < work->desc->stage_count; i++) {
    if (!constant_lengths_are_told(&modules[i])) {
      return result_set(RG_ERROR_COMPILE, "%s: an array's length takes over %u steps to tell",
                        work->stages[i].name, CONSTANT_MAX_STEPS);
    }
  }
  return RG_OK;
}

static rg_result code_make(build_work *work) {
  rg_result result = RG_OK;
  module modules[RG_MAX_STAGES];
  global_list globals[RG_MAX_STAGES];
  const char *names[RG_MAX_STAGES];
  for (uint32_t i = 0; i < work->desc->stage_count; i++) {
    globals[i] = work->stages[i].glsl.globals;
    names[i] = work->stages[i].name;
  }
  RG_TRY(modules_open(work, modules));
  RG_TRY(lengths_check(work, modules));
  RG_TRY(modules_link(work, modules, globals));
  RG_TRY(code_take(work, modules));
  RG_TRY(reflect_shader(work->code, names, globals, &work->scratch, &work->sink.errors));
  RG_TRY(errors_check(work));
fail:
  return result;
}

/* ---- The build ----------------------------------------------------------------------------- */

static rg_result build(build_work *work) {
  rg_result result = RG_OK;
  RG_TRY(desc_check(work));
  RG_TRY(stages_read(work));
  RG_TRY(errors_check(work));
  RG_TRY(program_make(work));
  RG_TRY(errors_check(work));
  RG_TRY(code_make(work));
fail:
  return result;
}

static void build_finish(build_work *work) {
  for (uint32_t i = 0; i < RG_MAX_STAGES; i++) {
    compile_finish(&work->stages[i].glsl);
    if (work->stages[i].desc != NULL) {
      source_finish(&work->stages[i].text);
    }
  }
  text_finish(&work->sink.errors);
  text_finish(&work->sink.warnings);
  arena_finish(&work->scratch);
}

static void *build_run(void *user) {
  build_work *work = user;
  work->result = build(work);
  if (work->result != RG_OK) {
    strncpy(work->message, rg_error(), sizeof work->message - 1);
  } else if (work->sink.warnings.length > 0) {
    log_message(work->context->logger, RG_LOG_WARNING, "%s", work->sink.warnings.data);
  }
  build_finish(work);
  return NULL;
}

rg_result shader_build(const shader_context *context, const rg_shader_desc *desc,
                       shader_code *out) {
  memset(out, 0, sizeof *out);
  build_work *work = host_calloc(context->memory, 1, sizeof *work);
  if (work == NULL) {
    return result_no_memory("shader", sizeof *work);
  }
  work->context = context;
  work->desc = desc;
  work->code = out;
  arena_init(&out->arena, context->memory);
  arena_init(&work->scratch, context->memory);
  text_init(&work->sink.errors, context->memory);
  text_init(&work->sink.warnings, context->memory);
  thread runner = {0};
  rg_result result = thread_start(&runner, STACK_SIZE, build_run, work);
  if (result == RG_OK) {
    thread_join(&runner);
    result = work->result;
    if (result != RG_OK) {
      (void)result_set(result, "%s", work->message);
    }
  }
  host_free(context->memory, work, sizeof *work);
  if (result != RG_OK) {
    shader_code_finish(out);
  }
  return result;
}

void shader_code_finish(shader_code *code) {
  arena_finish(&code->arena);
  memset(code, 0, sizeof *code);
}
