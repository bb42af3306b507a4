/* What a built stage asks of the device that is to run it, its keywords applied. Whether a device
 * has that is for others to say. */
#ifndef RG_SHADER_DEMANDS_H
#define RG_SHADER_DEMANDS_H

#include "build.h"

typedef struct shader_demands {
  const uint32_t *capabilities; /* SpvCapability numbers, as the module declares them */
  uint32_t capability_count;
  bool has_workgroup; /* a compute stage; the members below are then set */
  bool has_size_ids;  /* LocalSizeId states the size */
  uint32_t workgroup_size[3];
  uint64_t shared_bytes; /* of all shared variables, laid out as in std430 */
} shader_demands;

/* keywords: may be NULL. Lists live in scratch. RG_ERROR_INVALID_ARGUMENT: the keywords make an
 * array of no elements. RG_ERROR_UNSUPPORTED: a size is too intricate to be told. */
RG_NODISCARD rg_result shader_demands_read(const char *label, const shader_stage_code *code,
                                           const VkSpecializationInfo *keywords, arena *scratch,
                                           shader_demands *out);

#endif
