/* Everything invalid stops here: neither SPIRV-Cross nor a driver is safe with it. */
#include "validate.h"

#include <spirv-tools/libspirv.h>
#include <string.h>

#include "base/result.h"

#define SPIRV_MAGIC 0x07230203u
#define SPIRV_MAGIC_SWAPPED 0x03022307u

static rg_result header_check(const char *name, const uint32_t *words, size_t size) {
  if (size % sizeof *words != 0) {
    return result_set(RG_ERROR_COMPILE, "%s: error: not SPIR-V: %zu bytes are no multiple of 4",
                      name, size);
  }
  if (size < 5 * sizeof *words) {
    return result_set(RG_ERROR_COMPILE, "%s: error: not SPIR-V: %zu bytes, the header alone has 20",
                      name, size);
  }
  if (words[0] != SPIRV_MAGIC) {
    return result_set(RG_ERROR_COMPILE, "%s: error: not SPIR-V: begins with 0x%08X%s", name,
                      words[0], words[0] == SPIRV_MAGIC_SWAPPED ? " (bytes swapped)" : "");
  }
  return RG_OK;
}

rg_result validate_spirv(const char *name, uint32_t api_version, const uint32_t *words,
                         size_t size) {
  rg_result result = header_check(name, words, size);
  if (result != RG_OK) {
    return result;
  }
  bool is_1_2 = api_version < VK_API_VERSION_1_3;
  spv_context context = spvContextCreate(is_1_2 ? SPV_ENV_VULKAN_1_2 : SPV_ENV_VULKAN_1_3);
  spv_validator_options options = spvValidatorOptionsCreate();
  if (context == NULL || options == NULL) {
    result = result_no_memory("SPIR-V validator", size);
  } else {
    /* whether the device allows it, the device says */
    spvValidatorOptionsSetScalarBlockLayout(options, true);
    spvValidatorOptionsSetWorkgroupScalarBlockLayout(options, true);
    spv_const_binary_t binary = {.code = words, .wordCount = size / sizeof *words};
    spv_diagnostic diagnostic = NULL;
    if (spvValidateWithOptions(context, options, &binary, &diagnostic) != SPV_SUCCESS) {
      result = result_set(RG_ERROR_COMPILE, "%s: error: invalid SPIR-V: %s", name,
                          diagnostic == NULL ? "unknown" : diagnostic->error);
    }
    spvDiagnosticDestroy(diagnostic);
  }
  spvValidatorOptionsDestroy(options);
  spvContextDestroy(context);
  return result;
}
