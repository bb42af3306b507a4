/* Parsing, linking and generating with glslang 12.
 *
 * What one must know of it:
 * - The options for automatic locations and bindings let them be missing; the mapping itself
 *   (glslang_program_map_io) goes by order of declaration and is not called. Locations are then
 *   missing in the SPIR-V, and bindings are 0.
 * - Generating a second stage appends to the words of the first, which stay as they are while the
 *   optimizer is off: each stage's module is what its call has added.
 * - SPIR-V 1.6 states specialised workgroup sizes by LocalSizeId, which wants a device feature
 *   (maintenance4), so such stages are SPIR-V 1.5.
 * - The first error ends the parse. By option errors cascade, but then it crashes now and then. */
#include "compile.h"

#include <glslang/Public/resource_limits_c.h>
#include <string.h>

#include "base/result.h"
#include "list.h"
#include "preflight.h"
#include "recover.h"

#define MAX_PARSES 16 /* of a stage with errors */

static const int message_flags = GLSLANG_MSG_SPV_RULES_BIT | GLSLANG_MSG_VULKAN_RULES_BIT;

static glslang_input_t input_of(const glsl_stage *stage, bool is_1_3) {
  return (glslang_input_t){
      .language = GLSLANG_SOURCE_GLSL,
      .stage = (glslang_stage_t)stage->info->glslang,
      .client = GLSLANG_CLIENT_VULKAN,
      .client_version = is_1_3 ? GLSLANG_TARGET_VULKAN_1_3 : GLSLANG_TARGET_VULKAN_1_2,
      .target_language = GLSLANG_TARGET_SPV,
      .target_language_version = is_1_3 ? GLSLANG_TARGET_SPV_1_6 : GLSLANG_TARGET_SPV_1_5,
      .code = stage->text->expanded.data,
      .default_version = 460,
      .default_profile = GLSLANG_CORE_PROFILE,
      .messages = (glslang_messages_t)message_flags,
      .resource = glslang_default_resource(),
  };
}

/* Takes over the log. A shader that is not good never goes without an error: linking it crashes. */
static rg_result log_take(const glsl_stage *stage, const char *preprocessed, bool is_good,
                          message_sink *sink) {
  rg_result result =
      messages_add(sink, stage->text, glslang_shader_get_info_log(stage->shader), preprocessed);
  if (!is_good && sink->errors.length == 0) {
    text_printf(&sink->errors, "%s: error: glslang refuses it without a reason\n", stage->name);
  }
  return result;
}

/* Creates the shader and preprocesses it. *is_good: whether it has no errors. */
static rg_result stage_preprocess(glsl_stage *stage, const glslang_input_t *input,
                                  message_sink *sink, bool *is_good) {
  compile_finish(stage);
  stage->shader = glslang_shader_create(input);
  if (stage->shader == NULL) {
    return result_set(RG_ERROR_COMPILE, "%s: glslang refuses the stage", stage->name);
  }
  glslang_shader_set_options(stage->shader,
                             GLSLANG_SHADER_AUTO_MAP_BINDINGS | GLSLANG_SHADER_AUTO_MAP_LOCATIONS);
  *is_good = glslang_shader_preprocess(stage->shader, input) != 0;
  return *is_good ? RG_OK : log_take(stage, NULL, false, sink);
}

/* Preprocesses, at the SPIR-V version that suits the text, and checks what the parser will meet.
 * *is_good: it may be parsed. */
static rg_result stage_prepare(glsl_stage *stage, glslang_input_t *input, arena *scratch,
                               message_sink *sink, bool *is_good) {
  rg_result result = RG_OK;
  bool is_1_3 = stage->text->context->api_version >= VK_API_VERSION_1_3;
  *input = input_of(stage, is_1_3);
  RG_TRY(stage_preprocess(stage, input, sink, is_good));
  if (*is_good) {
    RG_TRY(globals_find(scratch, glslang_shader_get_preprocessed_code(stage->shader),
                        &stage->globals));
  }
  if (*is_good && is_1_3 && stage->globals.has_size_id) {
    *input = input_of(stage, false);
    RG_TRY(stage_preprocess(stage, input, sink, is_good));
  }
  if (*is_good) {
    result = preflight_statements(stage->text, glslang_shader_get_preprocessed_code(stage->shader));
    *is_good = result == RG_OK;
  }
fail:
  return result;
}

/* After a failed parse: finds further errors by parsing on with the wrong parts blanked. An error
 * that comes back to its place is not told again; one of syntax may be of the blanking's making,
 * and ends the search. */
static rg_result stage_search(glsl_stage *stage, const glslang_input_t *input, message_sink *sink) {
  rg_result result = RG_OK;
  message_place last = {0}, place;
  for (int i = 1; i < MAX_PARSES; i++) {
    bool is_good = false;
    RG_TRY(messages_first(stage->text, glslang_shader_get_info_log(stage->shader), &place));
    bool is_again = last.is_known && place.file == last.file && place.line == last.line;
    if (!place.is_known || (place.is_syntax && i > 1)) {
      break;
    }
    if (i > 1 && !is_again) {
      RG_TRY(log_take(stage, glslang_shader_get_preprocessed_code(stage->shader), false, sink));
    }
    if (!recover_blank(stage->text, place.file, place.line, is_again || place.is_syntax)) {
      break;
    }
    last = place;
    RG_TRY(stage_preprocess(stage, input, sink, &is_good));
    if (!is_good || glslang_shader_parse(stage->shader, input)) {
      break;
    }
  }
fail:
  return result;
}

rg_result compile_stage(glsl_stage *stage, arena *scratch, message_sink *sink) {
  bool is_good = false;
  glslang_input_t input;
  rg_result result = preflight_source(stage->text);
  if (result == RG_OK) {
    result = stage_prepare(stage, &input, scratch, sink, &is_good);
  }
  if (result == RG_ERROR_COMPILE) {
    text_printf(&sink->errors, "%s\n", rg_error());
    return RG_OK;
  }
  if (result != RG_OK || !is_good) {
    return result;
  }
  is_good = glslang_shader_parse(stage->shader, &input) != 0;
  result = log_take(stage, glslang_shader_get_preprocessed_code(stage->shader), is_good, sink);
  return result == RG_OK && !is_good ? stage_search(stage, &input, sink) : result;
}

/* Generates one stage behind the words of those before; *end: words so far. */
static rg_result stage_generate(glsl_stage *stage, glslang_program_t *program, arena *scratch,
                                message_sink *sink, size_t *end) {
  glslang_spv_options_t options = {.disable_optimizer = true};
  size_t start = *end;
  glslang_program_SPIRV_generate_with_options(program, (glslang_stage_t)stage->info->glslang,
                                              &options);
  *end = glslang_program_SPIRV_get_size(program);
  const char *log = glslang_program_SPIRV_get_messages(program);
  if (log != NULL && log[0] != '\0') {
    text_printf(&sink->warnings, "%s: %s\n", stage->name, log);
  }
  if (*end <= start) {
    text_printf(&sink->errors, "%s: error: no SPIR-V can be generated\n", stage->name);
    return RG_OK;
  }
  stage->word_count = (uint32_t)(*end - start);
  stage->words = arena_copy(scratch, glslang_program_SPIRV_get_ptr(program) + start,
                            stage->word_count * sizeof *stage->words);
  return stage->words == NULL ? result_no_memory(stage->name, stage->word_count * sizeof(uint32_t))
                              : RG_OK;
}

rg_result compile_program(glsl_stage *const *stages, uint32_t count, const char *label,
                          arena *scratch, message_sink *sink) {
  rg_result result = RG_OK;
  glslang_program_t *program = glslang_program_create();
  if (program == NULL) {
    return result_no_memory(label, sizeof(void *));
  }
  for (uint32_t i = 0; i < count; i++) {
    glslang_program_add_shader(program, stages[i]->shader);
  }
  bool is_good = glslang_program_link(program, message_flags) != 0;
  size_t errors = sink->errors.length, end = 0;
  messages_add_link(sink, label, glslang_program_get_info_log(program));
  if (!is_good && sink->errors.length == errors) {
    text_printf(&sink->errors, "%s: error: the stages do not link\n", label);
  }
  for (uint32_t i = 0; is_good && i < count && result == RG_OK; i++) {
    result = stage_generate(stages[i], program, scratch, sink, &end);
  }
  glslang_program_delete(program);
  return result;
}

void compile_finish(glsl_stage *stage) {
  if (stage->shader != NULL) {
    glslang_shader_delete(stage->shader);
    stage->shader = NULL;
  }
}
