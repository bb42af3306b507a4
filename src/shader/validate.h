/* SPIRV-Tools' validator over a module's words. */
#ifndef RG_SHADER_VALIDATE_H
#define RG_SHADER_VALIDATE_H

#include "base/host_memory.h"

/* RG_ERROR_COMPILE: size is no multiple of 4, the words are no SPIR-V, or break a rule of the
 * Vulkan version. name: for messages. */
RG_NODISCARD rg_result validate_spirv(const char *name, uint32_t api_version, const uint32_t *words,
                                      size_t size);

#endif
