/* Shader modules: SPIR-V as the driver takes it. */
#ifndef RG_GPU_SHADER_MODULE_H
#define RG_GPU_SHADER_MODULE_H

#include <regolith/regolith.h>

struct gpu;

/* words: validated, size bytes. label and suffix: for the debug name. */
RG_NODISCARD rg_result shader_module_create(struct gpu *gpu, const uint32_t *words, size_t size,
                                            const char *label, const char *suffix,
                                            VkShaderModule *out);
void shader_module_destroy(struct gpu *gpu, VkShaderModule module); /* VK_NULL_HANDLE is allowed */

#endif
