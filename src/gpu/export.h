/* Memory that other devices, processes and interfaces may open: as a file descriptor
 * (VK_KHR_external_memory_fd, opaque handles). */
#ifndef RG_GPU_EXPORT_H
#define RG_GPU_EXPORT_H

#include <regolith/regolith.h>

struct gpu;

/* For the pNext of an exportable image's, buffer's or memory's creation. */
extern const VkExternalMemoryImageCreateInfo export_image_info;
extern const VkExternalMemoryBufferCreateInfo export_buffer_info;

/* RG_ERROR_UNSUPPORTED where the device cannot export memory at all, or (the second and third) not
 * of such an image or buffer. title: of the resource, for the message. */
RG_NODISCARD rg_result export_check(const struct gpu *gpu, const char *title);
/* info: of the image, without a chain. */
RG_NODISCARD rg_result export_check_image(struct gpu *gpu, const char *title,
                                          const VkPhysicalDeviceImageFormatInfo2 *info);
RG_NODISCARD rg_result export_check_buffer(struct gpu *gpu, const char *title,
                                           VkBufferUsageFlags usage, VkBufferCreateFlags flags);

#endif
