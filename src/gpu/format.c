/* The table of formats: every one of Vulkan 1.0, indexed by its number. */
#include "format.h"

#include <string.h>

#define PLAIN 0u
#define SRGB 1u
#define UINT 2u
#define SINT 4u
#define DEPTH VK_IMAGE_ASPECT_DEPTH_BIT
#define STENCIL VK_IMAGE_ASPECT_STENCIL_BIT

#define FORMAT(id, text, bytes, width, height, component, aspect, kind) \
  [VK_FORMAT_##id] = {.format = VK_FORMAT_##id,                         \
                      .name = (text),                                   \
                      .block_bytes = (bytes),                           \
                      .block_width = (width),                           \
                      .block_height = (height),                         \
                      .component_bytes = (component),                   \
                      .aspects = (aspect),                              \
                      .is_srgb = ((kind)&SRGB) != 0,                    \
                      .is_integer = ((kind) & (UINT | SINT)) != 0,      \
                      .is_signed = ((kind)&SINT) != 0}
#define TEXEL_FORMAT(id, text, bytes, component, kind) \
  FORMAT(id, text, bytes, 1, 1, component, VK_IMAGE_ASPECT_COLOR_BIT, kind)
#define DEPTH_FORMAT(id, text, bytes, aspects) FORMAT(id, text, bytes, 1, 1, bytes, aspects, PLAIN)
#define BLOCK_FORMAT(id, text, bytes, width, height, kind) \
  FORMAT(id, text, bytes, width, height, 0, VK_IMAGE_ASPECT_COLOR_BIT, kind)

static const format_info formats[] = {
    TEXEL_FORMAT(R4G4_UNORM_PACK8, "r4g4_unorm_pack8", 1, 1, PLAIN),
    TEXEL_FORMAT(R4G4B4A4_UNORM_PACK16, "r4g4b4a4_unorm_pack16", 2, 2, PLAIN),
    TEXEL_FORMAT(B4G4R4A4_UNORM_PACK16, "b4g4r4a4_unorm_pack16", 2, 2, PLAIN),
    TEXEL_FORMAT(R5G6B5_UNORM_PACK16, "r5g6b5_unorm_pack16", 2, 2, PLAIN),
    TEXEL_FORMAT(B5G6R5_UNORM_PACK16, "b5g6r5_unorm_pack16", 2, 2, PLAIN),
    TEXEL_FORMAT(R5G5B5A1_UNORM_PACK16, "r5g5b5a1_unorm_pack16", 2, 2, PLAIN),
    TEXEL_FORMAT(B5G5R5A1_UNORM_PACK16, "b5g5r5a1_unorm_pack16", 2, 2, PLAIN),
    TEXEL_FORMAT(A1R5G5B5_UNORM_PACK16, "a1r5g5b5_unorm_pack16", 2, 2, PLAIN),
    TEXEL_FORMAT(R8_UNORM, "r8_unorm", 1, 1, PLAIN),
    TEXEL_FORMAT(R8_SNORM, "r8_snorm", 1, 1, PLAIN),
    TEXEL_FORMAT(R8_USCALED, "r8_uscaled", 1, 1, PLAIN),
    TEXEL_FORMAT(R8_SSCALED, "r8_sscaled", 1, 1, PLAIN),
    TEXEL_FORMAT(R8_UINT, "r8_uint", 1, 1, UINT),
    TEXEL_FORMAT(R8_SINT, "r8_sint", 1, 1, SINT),
    TEXEL_FORMAT(R8_SRGB, "r8_srgb", 1, 1, SRGB),
    TEXEL_FORMAT(R8G8_UNORM, "r8g8_unorm", 2, 1, PLAIN),
    TEXEL_FORMAT(R8G8_SNORM, "r8g8_snorm", 2, 1, PLAIN),
    TEXEL_FORMAT(R8G8_USCALED, "r8g8_uscaled", 2, 1, PLAIN),
    TEXEL_FORMAT(R8G8_SSCALED, "r8g8_sscaled", 2, 1, PLAIN),
    TEXEL_FORMAT(R8G8_UINT, "r8g8_uint", 2, 1, UINT),
    TEXEL_FORMAT(R8G8_SINT, "r8g8_sint", 2, 1, SINT),
    TEXEL_FORMAT(R8G8_SRGB, "r8g8_srgb", 2, 1, SRGB),
    TEXEL_FORMAT(R8G8B8_UNORM, "r8g8b8_unorm", 3, 1, PLAIN),
    TEXEL_FORMAT(R8G8B8_SNORM, "r8g8b8_snorm", 3, 1, PLAIN),
    TEXEL_FORMAT(R8G8B8_USCALED, "r8g8b8_uscaled", 3, 1, PLAIN),
    TEXEL_FORMAT(R8G8B8_SSCALED, "r8g8b8_sscaled", 3, 1, PLAIN),
    TEXEL_FORMAT(R8G8B8_UINT, "r8g8b8_uint", 3, 1, UINT),
    TEXEL_FORMAT(R8G8B8_SINT, "r8g8b8_sint", 3, 1, SINT),
    TEXEL_FORMAT(R8G8B8_SRGB, "r8g8b8_srgb", 3, 1, SRGB),
    TEXEL_FORMAT(B8G8R8_UNORM, "b8g8r8_unorm", 3, 1, PLAIN),
    TEXEL_FORMAT(B8G8R8_SNORM, "b8g8r8_snorm", 3, 1, PLAIN),
    TEXEL_FORMAT(B8G8R8_USCALED, "b8g8r8_uscaled", 3, 1, PLAIN),
    TEXEL_FORMAT(B8G8R8_SSCALED, "b8g8r8_sscaled", 3, 1, PLAIN),
    TEXEL_FORMAT(B8G8R8_UINT, "b8g8r8_uint", 3, 1, UINT),
    TEXEL_FORMAT(B8G8R8_SINT, "b8g8r8_sint", 3, 1, SINT),
    TEXEL_FORMAT(B8G8R8_SRGB, "b8g8r8_srgb", 3, 1, SRGB),
    TEXEL_FORMAT(R8G8B8A8_UNORM, "r8g8b8a8_unorm", 4, 1, PLAIN),
    TEXEL_FORMAT(R8G8B8A8_SNORM, "r8g8b8a8_snorm", 4, 1, PLAIN),
    TEXEL_FORMAT(R8G8B8A8_USCALED, "r8g8b8a8_uscaled", 4, 1, PLAIN),
    TEXEL_FORMAT(R8G8B8A8_SSCALED, "r8g8b8a8_sscaled", 4, 1, PLAIN),
    TEXEL_FORMAT(R8G8B8A8_UINT, "r8g8b8a8_uint", 4, 1, UINT),
    TEXEL_FORMAT(R8G8B8A8_SINT, "r8g8b8a8_sint", 4, 1, SINT),
    TEXEL_FORMAT(R8G8B8A8_SRGB, "r8g8b8a8_srgb", 4, 1, SRGB),
    TEXEL_FORMAT(B8G8R8A8_UNORM, "b8g8r8a8_unorm", 4, 1, PLAIN),
    TEXEL_FORMAT(B8G8R8A8_SNORM, "b8g8r8a8_snorm", 4, 1, PLAIN),
    TEXEL_FORMAT(B8G8R8A8_USCALED, "b8g8r8a8_uscaled", 4, 1, PLAIN),
    TEXEL_FORMAT(B8G8R8A8_SSCALED, "b8g8r8a8_sscaled", 4, 1, PLAIN),
    TEXEL_FORMAT(B8G8R8A8_UINT, "b8g8r8a8_uint", 4, 1, UINT),
    TEXEL_FORMAT(B8G8R8A8_SINT, "b8g8r8a8_sint", 4, 1, SINT),
    TEXEL_FORMAT(B8G8R8A8_SRGB, "b8g8r8a8_srgb", 4, 1, SRGB),
    TEXEL_FORMAT(A8B8G8R8_UNORM_PACK32, "a8b8g8r8_unorm_pack32", 4, 4, PLAIN),
    TEXEL_FORMAT(A8B8G8R8_SNORM_PACK32, "a8b8g8r8_snorm_pack32", 4, 4, PLAIN),
    TEXEL_FORMAT(A8B8G8R8_USCALED_PACK32, "a8b8g8r8_uscaled_pack32", 4, 4, PLAIN),
    TEXEL_FORMAT(A8B8G8R8_SSCALED_PACK32, "a8b8g8r8_sscaled_pack32", 4, 4, PLAIN),
    TEXEL_FORMAT(A8B8G8R8_UINT_PACK32, "a8b8g8r8_uint_pack32", 4, 4, UINT),
    TEXEL_FORMAT(A8B8G8R8_SINT_PACK32, "a8b8g8r8_sint_pack32", 4, 4, SINT),
    TEXEL_FORMAT(A8B8G8R8_SRGB_PACK32, "a8b8g8r8_srgb_pack32", 4, 4, SRGB),
    TEXEL_FORMAT(A2R10G10B10_UNORM_PACK32, "a2r10g10b10_unorm_pack32", 4, 4, PLAIN),
    TEXEL_FORMAT(A2R10G10B10_SNORM_PACK32, "a2r10g10b10_snorm_pack32", 4, 4, PLAIN),
    TEXEL_FORMAT(A2R10G10B10_USCALED_PACK32, "a2r10g10b10_uscaled_pack32", 4, 4, PLAIN),
    TEXEL_FORMAT(A2R10G10B10_SSCALED_PACK32, "a2r10g10b10_sscaled_pack32", 4, 4, PLAIN),
    TEXEL_FORMAT(A2R10G10B10_UINT_PACK32, "a2r10g10b10_uint_pack32", 4, 4, UINT),
    TEXEL_FORMAT(A2R10G10B10_SINT_PACK32, "a2r10g10b10_sint_pack32", 4, 4, SINT),
    TEXEL_FORMAT(A2B10G10R10_UNORM_PACK32, "a2b10g10r10_unorm_pack32", 4, 4, PLAIN),
    TEXEL_FORMAT(A2B10G10R10_SNORM_PACK32, "a2b10g10r10_snorm_pack32", 4, 4, PLAIN),
    TEXEL_FORMAT(A2B10G10R10_USCALED_PACK32, "a2b10g10r10_uscaled_pack32", 4, 4, PLAIN),
    TEXEL_FORMAT(A2B10G10R10_SSCALED_PACK32, "a2b10g10r10_sscaled_pack32", 4, 4, PLAIN),
    TEXEL_FORMAT(A2B10G10R10_UINT_PACK32, "a2b10g10r10_uint_pack32", 4, 4, UINT),
    TEXEL_FORMAT(A2B10G10R10_SINT_PACK32, "a2b10g10r10_sint_pack32", 4, 4, SINT),
    TEXEL_FORMAT(R16_UNORM, "r16_unorm", 2, 2, PLAIN),
    TEXEL_FORMAT(R16_SNORM, "r16_snorm", 2, 2, PLAIN),
    TEXEL_FORMAT(R16_USCALED, "r16_uscaled", 2, 2, PLAIN),
    TEXEL_FORMAT(R16_SSCALED, "r16_sscaled", 2, 2, PLAIN),
    TEXEL_FORMAT(R16_UINT, "r16_uint", 2, 2, UINT),
    TEXEL_FORMAT(R16_SINT, "r16_sint", 2, 2, SINT),
    TEXEL_FORMAT(R16_SFLOAT, "r16_sfloat", 2, 2, PLAIN),
    TEXEL_FORMAT(R16G16_UNORM, "r16g16_unorm", 4, 2, PLAIN),
    TEXEL_FORMAT(R16G16_SNORM, "r16g16_snorm", 4, 2, PLAIN),
    TEXEL_FORMAT(R16G16_USCALED, "r16g16_uscaled", 4, 2, PLAIN),
    TEXEL_FORMAT(R16G16_SSCALED, "r16g16_sscaled", 4, 2, PLAIN),
    TEXEL_FORMAT(R16G16_UINT, "r16g16_uint", 4, 2, UINT),
    TEXEL_FORMAT(R16G16_SINT, "r16g16_sint", 4, 2, SINT),
    TEXEL_FORMAT(R16G16_SFLOAT, "r16g16_sfloat", 4, 2, PLAIN),
    TEXEL_FORMAT(R16G16B16_UNORM, "r16g16b16_unorm", 6, 2, PLAIN),
    TEXEL_FORMAT(R16G16B16_SNORM, "r16g16b16_snorm", 6, 2, PLAIN),
    TEXEL_FORMAT(R16G16B16_USCALED, "r16g16b16_uscaled", 6, 2, PLAIN),
    TEXEL_FORMAT(R16G16B16_SSCALED, "r16g16b16_sscaled", 6, 2, PLAIN),
    TEXEL_FORMAT(R16G16B16_UINT, "r16g16b16_uint", 6, 2, UINT),
    TEXEL_FORMAT(R16G16B16_SINT, "r16g16b16_sint", 6, 2, SINT),
    TEXEL_FORMAT(R16G16B16_SFLOAT, "r16g16b16_sfloat", 6, 2, PLAIN),
    TEXEL_FORMAT(R16G16B16A16_UNORM, "r16g16b16a16_unorm", 8, 2, PLAIN),
    TEXEL_FORMAT(R16G16B16A16_SNORM, "r16g16b16a16_snorm", 8, 2, PLAIN),
    TEXEL_FORMAT(R16G16B16A16_USCALED, "r16g16b16a16_uscaled", 8, 2, PLAIN),
    TEXEL_FORMAT(R16G16B16A16_SSCALED, "r16g16b16a16_sscaled", 8, 2, PLAIN),
    TEXEL_FORMAT(R16G16B16A16_UINT, "r16g16b16a16_uint", 8, 2, UINT),
    TEXEL_FORMAT(R16G16B16A16_SINT, "r16g16b16a16_sint", 8, 2, SINT),
    TEXEL_FORMAT(R16G16B16A16_SFLOAT, "r16g16b16a16_sfloat", 8, 2, PLAIN),
    TEXEL_FORMAT(R32_UINT, "r32_uint", 4, 4, UINT),
    TEXEL_FORMAT(R32_SINT, "r32_sint", 4, 4, SINT),
    TEXEL_FORMAT(R32_SFLOAT, "r32_sfloat", 4, 4, PLAIN),
    TEXEL_FORMAT(R32G32_UINT, "r32g32_uint", 8, 4, UINT),
    TEXEL_FORMAT(R32G32_SINT, "r32g32_sint", 8, 4, SINT),
    TEXEL_FORMAT(R32G32_SFLOAT, "r32g32_sfloat", 8, 4, PLAIN),
    TEXEL_FORMAT(R32G32B32_UINT, "r32g32b32_uint", 12, 4, UINT),
    TEXEL_FORMAT(R32G32B32_SINT, "r32g32b32_sint", 12, 4, SINT),
    TEXEL_FORMAT(R32G32B32_SFLOAT, "r32g32b32_sfloat", 12, 4, PLAIN),
    TEXEL_FORMAT(R32G32B32A32_UINT, "r32g32b32a32_uint", 16, 4, UINT),
    TEXEL_FORMAT(R32G32B32A32_SINT, "r32g32b32a32_sint", 16, 4, SINT),
    TEXEL_FORMAT(R32G32B32A32_SFLOAT, "r32g32b32a32_sfloat", 16, 4, PLAIN),
    TEXEL_FORMAT(R64_UINT, "r64_uint", 8, 8, UINT),
    TEXEL_FORMAT(R64_SINT, "r64_sint", 8, 8, SINT),
    TEXEL_FORMAT(R64_SFLOAT, "r64_sfloat", 8, 8, PLAIN),
    TEXEL_FORMAT(R64G64_UINT, "r64g64_uint", 16, 8, UINT),
    TEXEL_FORMAT(R64G64_SINT, "r64g64_sint", 16, 8, SINT),
    TEXEL_FORMAT(R64G64_SFLOAT, "r64g64_sfloat", 16, 8, PLAIN),
    TEXEL_FORMAT(R64G64B64_UINT, "r64g64b64_uint", 24, 8, UINT),
    TEXEL_FORMAT(R64G64B64_SINT, "r64g64b64_sint", 24, 8, SINT),
    TEXEL_FORMAT(R64G64B64_SFLOAT, "r64g64b64_sfloat", 24, 8, PLAIN),
    TEXEL_FORMAT(R64G64B64A64_UINT, "r64g64b64a64_uint", 32, 8, UINT),
    TEXEL_FORMAT(R64G64B64A64_SINT, "r64g64b64a64_sint", 32, 8, SINT),
    TEXEL_FORMAT(R64G64B64A64_SFLOAT, "r64g64b64a64_sfloat", 32, 8, PLAIN),
    TEXEL_FORMAT(B10G11R11_UFLOAT_PACK32, "b10g11r11_ufloat_pack32", 4, 4, PLAIN),
    TEXEL_FORMAT(E5B9G9R9_UFLOAT_PACK32, "e5b9g9r9_ufloat_pack32", 4, 4, PLAIN),
    DEPTH_FORMAT(D16_UNORM, "d16_unorm", 2, DEPTH),
    DEPTH_FORMAT(X8_D24_UNORM_PACK32, "x8_d24_unorm_pack32", 4, DEPTH),
    DEPTH_FORMAT(D32_SFLOAT, "d32_sfloat", 4, DEPTH),
    DEPTH_FORMAT(S8_UINT, "s8_uint", 1, STENCIL),
    DEPTH_FORMAT(D16_UNORM_S8_UINT, "d16_unorm_s8_uint", 2, DEPTH | STENCIL),
    DEPTH_FORMAT(D24_UNORM_S8_UINT, "d24_unorm_s8_uint", 4, DEPTH | STENCIL),
    DEPTH_FORMAT(D32_SFLOAT_S8_UINT, "d32_sfloat_s8_uint", 4, DEPTH | STENCIL),
    BLOCK_FORMAT(BC1_RGB_UNORM_BLOCK, "bc1_rgb_unorm_block", 8, 4, 4, PLAIN),
    BLOCK_FORMAT(BC1_RGB_SRGB_BLOCK, "bc1_rgb_srgb_block", 8, 4, 4, SRGB),
    BLOCK_FORMAT(BC1_RGBA_UNORM_BLOCK, "bc1_rgba_unorm_block", 8, 4, 4, PLAIN),
    BLOCK_FORMAT(BC1_RGBA_SRGB_BLOCK, "bc1_rgba_srgb_block", 8, 4, 4, SRGB),
    BLOCK_FORMAT(BC2_UNORM_BLOCK, "bc2_unorm_block", 16, 4, 4, PLAIN),
    BLOCK_FORMAT(BC2_SRGB_BLOCK, "bc2_srgb_block", 16, 4, 4, SRGB),
    BLOCK_FORMAT(BC3_UNORM_BLOCK, "bc3_unorm_block", 16, 4, 4, PLAIN),
    BLOCK_FORMAT(BC3_SRGB_BLOCK, "bc3_srgb_block", 16, 4, 4, SRGB),
    BLOCK_FORMAT(BC4_UNORM_BLOCK, "bc4_unorm_block", 8, 4, 4, PLAIN),
    BLOCK_FORMAT(BC4_SNORM_BLOCK, "bc4_snorm_block", 8, 4, 4, PLAIN),
    BLOCK_FORMAT(BC5_UNORM_BLOCK, "bc5_unorm_block", 16, 4, 4, PLAIN),
    BLOCK_FORMAT(BC5_SNORM_BLOCK, "bc5_snorm_block", 16, 4, 4, PLAIN),
    BLOCK_FORMAT(BC6H_UFLOAT_BLOCK, "bc6h_ufloat_block", 16, 4, 4, PLAIN),
    BLOCK_FORMAT(BC6H_SFLOAT_BLOCK, "bc6h_sfloat_block", 16, 4, 4, PLAIN),
    BLOCK_FORMAT(BC7_UNORM_BLOCK, "bc7_unorm_block", 16, 4, 4, PLAIN),
    BLOCK_FORMAT(BC7_SRGB_BLOCK, "bc7_srgb_block", 16, 4, 4, SRGB),
    BLOCK_FORMAT(ETC2_R8G8B8_UNORM_BLOCK, "etc2_r8g8b8_unorm_block", 8, 4, 4, PLAIN),
    BLOCK_FORMAT(ETC2_R8G8B8_SRGB_BLOCK, "etc2_r8g8b8_srgb_block", 8, 4, 4, SRGB),
    BLOCK_FORMAT(ETC2_R8G8B8A1_UNORM_BLOCK, "etc2_r8g8b8a1_unorm_block", 8, 4, 4, PLAIN),
    BLOCK_FORMAT(ETC2_R8G8B8A1_SRGB_BLOCK, "etc2_r8g8b8a1_srgb_block", 8, 4, 4, SRGB),
    BLOCK_FORMAT(ETC2_R8G8B8A8_UNORM_BLOCK, "etc2_r8g8b8a8_unorm_block", 16, 4, 4, PLAIN),
    BLOCK_FORMAT(ETC2_R8G8B8A8_SRGB_BLOCK, "etc2_r8g8b8a8_srgb_block", 16, 4, 4, SRGB),
    BLOCK_FORMAT(EAC_R11_UNORM_BLOCK, "eac_r11_unorm_block", 8, 4, 4, PLAIN),
    BLOCK_FORMAT(EAC_R11_SNORM_BLOCK, "eac_r11_snorm_block", 8, 4, 4, PLAIN),
    BLOCK_FORMAT(EAC_R11G11_UNORM_BLOCK, "eac_r11g11_unorm_block", 16, 4, 4, PLAIN),
    BLOCK_FORMAT(EAC_R11G11_SNORM_BLOCK, "eac_r11g11_snorm_block", 16, 4, 4, PLAIN),
    BLOCK_FORMAT(ASTC_4x4_UNORM_BLOCK, "astc_4x4_unorm_block", 16, 4, 4, PLAIN),
    BLOCK_FORMAT(ASTC_4x4_SRGB_BLOCK, "astc_4x4_srgb_block", 16, 4, 4, SRGB),
    BLOCK_FORMAT(ASTC_5x4_UNORM_BLOCK, "astc_5x4_unorm_block", 16, 5, 4, PLAIN),
    BLOCK_FORMAT(ASTC_5x4_SRGB_BLOCK, "astc_5x4_srgb_block", 16, 5, 4, SRGB),
    BLOCK_FORMAT(ASTC_5x5_UNORM_BLOCK, "astc_5x5_unorm_block", 16, 5, 5, PLAIN),
    BLOCK_FORMAT(ASTC_5x5_SRGB_BLOCK, "astc_5x5_srgb_block", 16, 5, 5, SRGB),
    BLOCK_FORMAT(ASTC_6x5_UNORM_BLOCK, "astc_6x5_unorm_block", 16, 6, 5, PLAIN),
    BLOCK_FORMAT(ASTC_6x5_SRGB_BLOCK, "astc_6x5_srgb_block", 16, 6, 5, SRGB),
    BLOCK_FORMAT(ASTC_6x6_UNORM_BLOCK, "astc_6x6_unorm_block", 16, 6, 6, PLAIN),
    BLOCK_FORMAT(ASTC_6x6_SRGB_BLOCK, "astc_6x6_srgb_block", 16, 6, 6, SRGB),
    BLOCK_FORMAT(ASTC_8x5_UNORM_BLOCK, "astc_8x5_unorm_block", 16, 8, 5, PLAIN),
    BLOCK_FORMAT(ASTC_8x5_SRGB_BLOCK, "astc_8x5_srgb_block", 16, 8, 5, SRGB),
    BLOCK_FORMAT(ASTC_8x6_UNORM_BLOCK, "astc_8x6_unorm_block", 16, 8, 6, PLAIN),
    BLOCK_FORMAT(ASTC_8x6_SRGB_BLOCK, "astc_8x6_srgb_block", 16, 8, 6, SRGB),
    BLOCK_FORMAT(ASTC_8x8_UNORM_BLOCK, "astc_8x8_unorm_block", 16, 8, 8, PLAIN),
    BLOCK_FORMAT(ASTC_8x8_SRGB_BLOCK, "astc_8x8_srgb_block", 16, 8, 8, SRGB),
    BLOCK_FORMAT(ASTC_10x5_UNORM_BLOCK, "astc_10x5_unorm_block", 16, 10, 5, PLAIN),
    BLOCK_FORMAT(ASTC_10x5_SRGB_BLOCK, "astc_10x5_srgb_block", 16, 10, 5, SRGB),
    BLOCK_FORMAT(ASTC_10x6_UNORM_BLOCK, "astc_10x6_unorm_block", 16, 10, 6, PLAIN),
    BLOCK_FORMAT(ASTC_10x6_SRGB_BLOCK, "astc_10x6_srgb_block", 16, 10, 6, SRGB),
    BLOCK_FORMAT(ASTC_10x8_UNORM_BLOCK, "astc_10x8_unorm_block", 16, 10, 8, PLAIN),
    BLOCK_FORMAT(ASTC_10x8_SRGB_BLOCK, "astc_10x8_srgb_block", 16, 10, 8, SRGB),
    BLOCK_FORMAT(ASTC_10x10_UNORM_BLOCK, "astc_10x10_unorm_block", 16, 10, 10, PLAIN),
    BLOCK_FORMAT(ASTC_10x10_SRGB_BLOCK, "astc_10x10_srgb_block", 16, 10, 10, SRGB),
    BLOCK_FORMAT(ASTC_12x10_UNORM_BLOCK, "astc_12x10_unorm_block", 16, 12, 10, PLAIN),
    BLOCK_FORMAT(ASTC_12x10_SRGB_BLOCK, "astc_12x10_srgb_block", 16, 12, 10, SRGB),
    BLOCK_FORMAT(ASTC_12x12_UNORM_BLOCK, "astc_12x12_unorm_block", 16, 12, 12, PLAIN),
    BLOCK_FORMAT(ASTC_12x12_SRGB_BLOCK, "astc_12x12_srgb_block", 16, 12, 12, SRGB),
};

#define FORMAT_COUNT (sizeof formats / sizeof formats[0])

const format_info *format_get(VkFormat format) {
  uint32_t index = (uint32_t)format;
  return index < FORMAT_COUNT && formats[index].name != NULL ? &formats[index] : NULL;
}

bool format_same_class(const format_info *a, const format_info *b) {
  return a->is_integer == b->is_integer && (!a->is_integer || a->is_signed == b->is_signed);
}

const char *rg_format_name(VkFormat format) {
  const format_info *info = format_get(format);
  return info == NULL ? NULL : info->name;
}

VkFormat rg_format_find(const char *name) {
  for (size_t i = 0; name != NULL && i < FORMAT_COUNT; i++) {
    if (formats[i].name != NULL && strcmp(formats[i].name, name) == 0) {
      return formats[i].format;
    }
  }
  return VK_FORMAT_UNDEFINED;
}

static uint64_t multiply_saturated(uint64_t a, uint64_t b) {
  return b != 0 && a > UINT64_MAX / b ? UINT64_MAX : a * b;
}

uint64_t rg_format_size(VkFormat format, uint32_t width, uint32_t height, uint32_t depth) {
  const format_info *info = format_get(format);
  if (info == NULL) {
    return 0;
  }
  uint64_t columns = ((uint64_t)width + info->block_width - 1) / info->block_width;
  uint64_t rows = ((uint64_t)height + info->block_height - 1) / info->block_height;
  return multiply_saturated(multiply_saturated(columns, rows), (uint64_t)depth * info->block_bytes);
}
