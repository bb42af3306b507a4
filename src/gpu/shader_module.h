/* Shader modules: SPIR-V as the driver takes it, once the device is known to have what it needs. */
#ifndef RG_GPU_SHADER_MODULE_H
#define RG_GPU_SHADER_MODULE_H

#include <regolith/regolith.h>

struct gpu;

/* words: validated, size bytes. label and suffix: for the debug name. */
RG_NODISCARD rg_result shader_module_create(struct gpu *gpu, const uint32_t *words, size_t size,
                                            const char *label, const char *suffix,
                                            VkShaderModule *out);
void shader_module_destroy(struct gpu *gpu, VkShaderModule module); /* VK_NULL_HANDLE is allowed */

/* ---- shader_check.c ---- */

/* "vertex"; "one" for stages beyond Vulkan 1.0's. */
const char *shader_stage_name(VkShaderStageFlags stage);
/* SpvCapability numbers that a stage's module declares. RG_ERROR_UNSUPPORTED: one whose feature is
 * not enabled, or that needs an extension. */
RG_NODISCARD rg_result shader_check_capabilities(const struct gpu *gpu, const char *label,
                                                 VkShaderStageFlagBits stage,
                                                 const uint32_t *capabilities, uint32_t count);
/* A compute stage's workgroup, specialised. RG_ERROR_LIMIT: an axis, the product, or the bytes of
 * shared variables. RG_ERROR_INVALID_ARGUMENT: an axis of 0. */
RG_NODISCARD rg_result shader_check_workgroup(const struct gpu *gpu, const char *label,
                                              const uint32_t size[3], uint64_t shared_bytes);
/* Of a workgroup stated by ids (LocalSizeId). RG_ERROR_UNSUPPORTED: without maintenance4. */
RG_NODISCARD rg_result shader_check_size_ids(const struct gpu *gpu, const char *label);

#endif
