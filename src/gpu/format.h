/* What the engine knows of each Vulkan format: name, block, aspects. One table. */
#ifndef RG_GPU_FORMAT_H
#define RG_GPU_FORMAT_H

#include <regolith/regolith.h>

typedef struct format_info {
  const char *name;
  VkFormat format;
  VkImageAspectFlags aspects;
  uint8_t block_bytes; /* of one block; a texel where uncompressed; of one copy of the depth aspect
                          for depth */
  uint8_t block_width, block_height;
  uint8_t component_bytes; /* what vertex offsets must be multiples of; the texel's where packed; 0
                              for compressed formats */
  bool is_srgb, is_integer;
  bool is_signed; /* of integers */
} format_info;

/* NULL for formats that the engine does not know. */
const format_info *format_get(VkFormat format);

/* Whether what reads one as float, int or uint may read the other so. */
bool format_same_class(const format_info *a, const format_info *b);

#endif
