/* What memory a texture may ask for, and what the engine may then do with it. */
#include "gpu.h"

#define ATTACHMENT_USAGE                                                               \
  (VK_IMAGE_USAGE_COLOR_ATTACHMENT_BIT | VK_IMAGE_USAGE_DEPTH_STENCIL_ATTACHMENT_BIT | \
   VK_IMAGE_USAGE_INPUT_ATTACHMENT_BIT)

static resource_name title_of(const rg_texture_desc *desc) {
  return resource_title(RG_TYPE_TEXTURE, desc->label, 0);
}

/* Lazily allocated memory lives within a render pass: nothing else can fill or read it. */
static rg_result check_transient(const rg_texture_desc *desc) {
  const VkImageUsageFlags transient = VK_IMAGE_USAGE_TRANSIENT_ATTACHMENT_BIT;
  if ((desc->usage & transient) == 0) {
    return RG_OK;
  }
  if ((desc->usage & ~transient & ~(VkImageUsageFlags)ATTACHMENT_USAGE) != 0 ||
      desc->usage == transient) {
    return result_set(RG_ERROR_INVALID_ARGUMENT,
                      "%s: usage transient_attachment goes with color_attachment, "
                      "depth_stencil_attachment and input_attachment, one at least and no other",
                      title_of(desc).text);
  }
  if (desc->data != NULL || desc->is_movable) {
    return result_set(RG_ERROR_INVALID_ARGUMENT, "%s: a transient attachment has no data%s",
                      title_of(desc).text,
                      desc->is_movable ? ", so it cannot be movable" : " to begin with");
  }
  return RG_OK;
}

static rg_result check_protected(const gpu *gpu, const rg_texture_desc *desc) {
  if (!desc->is_protected) {
    return RG_OK;
  }
  if (!gpu->device.has_protected_memory) {
    return result_set(RG_ERROR_UNSUPPORTED,
                      "%s: is_protected, but protected memory is not enabled on the device",
                      title_of(desc).text);
  }
  if (desc->data != NULL || desc->is_movable || desc->is_exportable) {
    return result_set(RG_ERROR_INVALID_ARGUMENT,
                      "%s: protected memory is neither copied nor exported, so it has no data and "
                      "is neither movable nor exportable",
                      title_of(desc).text);
  }
  return RG_OK;
}

rg_result texture_check_memory(const gpu *gpu, const rg_texture_desc *desc) {
  rg_result result = RG_OK;
  if (!(desc->priority >= 0.0f && desc->priority <= 1.0f)) { /* NaN, too */
    return result_set(RG_ERROR_INVALID_ARGUMENT, "%s: priority %g is not from 0 to 1",
                      title_of(desc).text, (double)desc->priority);
  }
  RG_TRY(check_transient(desc));
  RG_TRY(check_protected(gpu, desc));
fail:
  return result;
}

rg_result texture_check_access(const texture *texture) {
  const char *reason = texture->is_protected ? "protected memory"
                       : (texture->usage & VK_IMAGE_USAGE_TRANSIENT_ATTACHMENT_BIT)
                           ? "a transient attachment"
                           : NULL;
  if (reason == NULL) {
    return RG_OK;
  }
  return result_set(
      RG_ERROR_UNSUPPORTED, "%s: %s cannot be read or updated",
      resource_title(RG_TYPE_TEXTURE, resource_label(&texture->resource), texture->resource.id)
          .text,
      reason);
}
