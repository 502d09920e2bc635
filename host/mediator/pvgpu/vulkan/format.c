/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/mediator/pvgpu/vulkan/format.h"

#include <math.h>
#include <string.h>

#define DEPTH_24 0xFFFFFFu
#define WIDE_TEXEL 8u /* bytes of D32_FLOAT_S8X24_UINT: a float, stencil, nothing */

static const struct {
    uint32_t number;
    VkFormat format;
} formats[] = {
    {BG_PVGPU_FORMAT_R32G32B32A32_FLOAT, VK_FORMAT_R32G32B32A32_SFLOAT},
    {BG_PVGPU_FORMAT_R32G32B32A32_UINT, VK_FORMAT_R32G32B32A32_UINT},
    {BG_PVGPU_FORMAT_R32G32B32A32_SINT, VK_FORMAT_R32G32B32A32_SINT},
    {BG_PVGPU_FORMAT_R16G16B16A16_FLOAT, VK_FORMAT_R16G16B16A16_SFLOAT},
    {BG_PVGPU_FORMAT_R16G16B16A16_UNORM, VK_FORMAT_R16G16B16A16_UNORM},
    {BG_PVGPU_FORMAT_R16G16B16A16_UINT, VK_FORMAT_R16G16B16A16_UINT},
    {BG_PVGPU_FORMAT_R16G16B16A16_SINT, VK_FORMAT_R16G16B16A16_SINT},
    {BG_PVGPU_FORMAT_R32G32_FLOAT, VK_FORMAT_R32G32_SFLOAT},
    {BG_PVGPU_FORMAT_R32G32_UINT, VK_FORMAT_R32G32_UINT},
    {BG_PVGPU_FORMAT_R32G32_SINT, VK_FORMAT_R32G32_SINT},
    {BG_PVGPU_FORMAT_R8G8B8A8_UNORM, VK_FORMAT_R8G8B8A8_UNORM},
    {BG_PVGPU_FORMAT_R8G8B8A8_UNORM_SRGB, VK_FORMAT_R8G8B8A8_SRGB},
    {BG_PVGPU_FORMAT_R8G8B8A8_UINT, VK_FORMAT_R8G8B8A8_UINT},
    {BG_PVGPU_FORMAT_R8G8B8A8_SINT, VK_FORMAT_R8G8B8A8_SINT},
    {BG_PVGPU_FORMAT_R16G16_FLOAT, VK_FORMAT_R16G16_SFLOAT},
    {BG_PVGPU_FORMAT_R16G16_UINT, VK_FORMAT_R16G16_UINT},
    {BG_PVGPU_FORMAT_R16G16_SINT, VK_FORMAT_R16G16_SINT},
    {BG_PVGPU_FORMAT_D32_FLOAT, VK_FORMAT_D32_SFLOAT},
    {BG_PVGPU_FORMAT_R32_FLOAT, VK_FORMAT_R32_SFLOAT},
    {BG_PVGPU_FORMAT_R32_UINT, VK_FORMAT_R32_UINT},
    {BG_PVGPU_FORMAT_R32_SINT, VK_FORMAT_R32_SINT},
    {BG_PVGPU_FORMAT_D24_UNORM_S8_UINT, VK_FORMAT_D24_UNORM_S8_UINT},
    {BG_PVGPU_FORMAT_R8G8_UNORM, VK_FORMAT_R8G8_UNORM},
    {BG_PVGPU_FORMAT_R16_FLOAT, VK_FORMAT_R16_SFLOAT},
    {BG_PVGPU_FORMAT_R16_UINT, VK_FORMAT_R16_UINT},
    {BG_PVGPU_FORMAT_R16_SINT, VK_FORMAT_R16_SINT},
    {BG_PVGPU_FORMAT_R8_UNORM, VK_FORMAT_R8_UNORM},
    {BG_PVGPU_FORMAT_R8_UINT, VK_FORMAT_R8_UINT},
    {BG_PVGPU_FORMAT_R8_SINT, VK_FORMAT_R8_SINT},
    {BG_PVGPU_FORMAT_B8G8R8A8_UNORM, VK_FORMAT_B8G8R8A8_UNORM},
    {BG_PVGPU_FORMAT_B8G8R8X8_UNORM, VK_FORMAT_B8G8R8A8_UNORM},
    {BG_PVGPU_FORMAT_B8G8R8A8_UNORM_SRGB, VK_FORMAT_B8G8R8A8_SRGB},
    {BG_PVGPU_FORMAT_R32G32B32_FLOAT, VK_FORMAT_R32G32B32_SFLOAT},
    {BG_PVGPU_FORMAT_R32G32B32_UINT, VK_FORMAT_R32G32B32_UINT},
    {BG_PVGPU_FORMAT_R32G32B32_SINT, VK_FORMAT_R32G32B32_SINT},
    {BG_PVGPU_FORMAT_R16G16B16A16_SNORM, VK_FORMAT_R16G16B16A16_SNORM},
    {BG_PVGPU_FORMAT_D32_FLOAT_S8X24_UINT, VK_FORMAT_D32_SFLOAT_S8_UINT},
    {BG_PVGPU_FORMAT_R10G10B10A2_UNORM, VK_FORMAT_A2B10G10R10_UNORM_PACK32},
    {BG_PVGPU_FORMAT_R10G10B10A2_UINT, VK_FORMAT_A2B10G10R10_UINT_PACK32},
    {BG_PVGPU_FORMAT_R11G11B10_FLOAT, VK_FORMAT_B10G11R11_UFLOAT_PACK32},
    {BG_PVGPU_FORMAT_R8G8B8A8_SNORM, VK_FORMAT_R8G8B8A8_SNORM},
    {BG_PVGPU_FORMAT_R16G16_UNORM, VK_FORMAT_R16G16_UNORM},
    {BG_PVGPU_FORMAT_R16G16_SNORM, VK_FORMAT_R16G16_SNORM},
    {BG_PVGPU_FORMAT_R8G8_UINT, VK_FORMAT_R8G8_UINT},
    {BG_PVGPU_FORMAT_R8G8_SNORM, VK_FORMAT_R8G8_SNORM},
    {BG_PVGPU_FORMAT_R8G8_SINT, VK_FORMAT_R8G8_SINT},
    {BG_PVGPU_FORMAT_D16_UNORM, VK_FORMAT_D16_UNORM},
    {BG_PVGPU_FORMAT_R16_UNORM, VK_FORMAT_R16_UNORM},
    {BG_PVGPU_FORMAT_R16_SNORM, VK_FORMAT_R16_SNORM},
    {BG_PVGPU_FORMAT_R8_SNORM, VK_FORMAT_R8_SNORM},
    {BG_PVGPU_FORMAT_R9G9B9E5_SHAREDEXP, VK_FORMAT_E5B9G9R9_UFLOAT_PACK32},
    {BG_PVGPU_FORMAT_B5G6R5_UNORM, VK_FORMAT_R5G6B5_UNORM_PACK16},
    {BG_PVGPU_FORMAT_B5G5R5A1_UNORM, VK_FORMAT_A1R5G5B5_UNORM_PACK16},
    {BG_PVGPU_FORMAT_B8G8R8X8_UNORM_SRGB, VK_FORMAT_B8G8R8A8_SRGB},
    {BG_PVGPU_FORMAT_BC1_UNORM, VK_FORMAT_BC1_RGBA_UNORM_BLOCK},
    {BG_PVGPU_FORMAT_BC1_UNORM_SRGB, VK_FORMAT_BC1_RGBA_SRGB_BLOCK},
    {BG_PVGPU_FORMAT_BC2_UNORM, VK_FORMAT_BC2_UNORM_BLOCK},
    {BG_PVGPU_FORMAT_BC2_UNORM_SRGB, VK_FORMAT_BC2_SRGB_BLOCK},
    {BG_PVGPU_FORMAT_BC3_UNORM, VK_FORMAT_BC3_UNORM_BLOCK},
    {BG_PVGPU_FORMAT_BC3_UNORM_SRGB, VK_FORMAT_BC3_SRGB_BLOCK},
    {BG_PVGPU_FORMAT_BC4_UNORM, VK_FORMAT_BC4_UNORM_BLOCK},
    {BG_PVGPU_FORMAT_BC4_SNORM, VK_FORMAT_BC4_SNORM_BLOCK},
    {BG_PVGPU_FORMAT_BC5_UNORM, VK_FORMAT_BC5_UNORM_BLOCK},
    {BG_PVGPU_FORMAT_BC5_SNORM, VK_FORMAT_BC5_SNORM_BLOCK},
    {BG_PVGPU_FORMAT_BC6H_UF16, VK_FORMAT_BC6H_UFLOAT_BLOCK},
    {BG_PVGPU_FORMAT_BC6H_SF16, VK_FORMAT_BC6H_SFLOAT_BLOCK},
    {BG_PVGPU_FORMAT_BC7_UNORM, VK_FORMAT_BC7_UNORM_BLOCK},
    {BG_PVGPU_FORMAT_BC7_UNORM_SRGB, VK_FORMAT_BC7_SRGB_BLOCK},
};

static bool has_depth(const struct vulkan *vulkan, VkFormat format)
{
    VkFormatProperties properties;

    vulkan->vkGetPhysicalDeviceFormatProperties(vulkan->physical, format, &properties);
    return properties.optimalTilingFeatures & VK_FORMAT_FEATURE_DEPTH_STENCIL_ATTACHMENT_BIT;
}

VkFormat vulkan_format_find(const struct vulkan *vulkan, uint32_t number)
{
    for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
        if (formats[i].number != number) {
            continue;
        }
        if (formats[i].format == VK_FORMAT_D24_UNORM_S8_UINT &&
            !has_depth(vulkan, VK_FORMAT_D24_UNORM_S8_UINT)) {
            return VK_FORMAT_D32_SFLOAT_S8_UINT;
        }
        return formats[i].format;
    }
    return VK_FORMAT_UNDEFINED;
}

VkImageAspectFlags vulkan_format_aspects(const struct pvgpu_format_info *format)
{
    if (!format->depth) {
        return VK_IMAGE_ASPECT_COLOR_BIT;
    }
    return VK_IMAGE_ASPECT_DEPTH_BIT | (format->stencil ? VK_IMAGE_ASPECT_STENCIL_BIT : 0);
}

/* ---- Clears ---- */

/* Truncated and clamped; NaN: 0. */
static int64_t to_integer(float value, int64_t least, int64_t most)
{
    if (isnan(value)) {
        return 0;
    }
    if ((double)value >= (double)most) {
        return most;
    }
    return (double)value <= (double)least ? least : (int64_t)value;
}

VkClearColorValue vulkan_format_colour(const struct pvgpu_format_info *format,
                                       const float colour[4])
{
    VkClearColorValue value;

    for (uint32_t i = 0; i < 4; i++) {
        uint32_t bits = i == 3 && format->alpha_bits != 0 ? format->alpha_bits : format->bits;
        int64_t most = (INT64_C(1) << (bits - (format->kind == PVGPU_CHANNEL_SINT))) - 1;

        switch (format->kind) {
        case PVGPU_CHANNEL_UINT:
            value.uint32[i] = (uint32_t)to_integer(colour[i], 0, most);
            break;
        case PVGPU_CHANNEL_SINT:
            value.int32[i] = (int32_t)to_integer(colour[i], -most - 1, most);
            break;
        case PVGPU_CHANNEL_UNORM:
            value.float32[i] = fminf(fmaxf(colour[i], 0), 1); /* NaN: 0 */
            break;
        case PVGPU_CHANNEL_SNORM:
            value.float32[i] = isnan(colour[i]) ? 0 : fminf(fmaxf(colour[i], -1), 1);
            break;
        default:
            value.float32[i] = colour[i];
        }
    }
    return value;
}

/* ---- Depth with stencil ---- */

static void split(VkFormat format, const uint8_t texel[4], uint32_t *depth, uint8_t *stencil)
{
    memcpy(depth, texel, sizeof(*depth));
    *stencil = (uint8_t)(*depth >> 24);
    *depth &= DEPTH_24;
    if (format == VK_FORMAT_D32_SFLOAT_S8_UINT) {
        float value = (float)((double)*depth / DEPTH_24);

        memcpy(depth, &value, sizeof(value));
    }
}

void vulkan_format_split(VkFormat format, uint32_t size, const uint8_t *texels, uint32_t count,
                         uint32_t *depth, uint8_t *stencil)
{
    for (uint32_t i = 0; i < count; i++, texels += size) {
        if (size == WIDE_TEXEL) {
            memcpy(&depth[i], texels, sizeof(depth[i]));
            stencil[i] = texels[sizeof(depth[i])];
        } else {
            split(format, texels, &depth[i], &stencil[i]);
        }
    }
}

static void join(VkFormat format, uint32_t depth, uint8_t stencil, uint8_t texel[4])
{
    if (format == VK_FORMAT_D32_SFLOAT_S8_UINT) {
        float value;

        memcpy(&value, &depth, sizeof(value));
        depth = (uint32_t)lrint((double)fminf(fmaxf(value, 0), 1) * DEPTH_24);
    }
    depth = (depth & DEPTH_24) | (uint32_t)stencil << 24;
    memcpy(texel, &depth, sizeof(depth));
}

void vulkan_format_join(VkFormat format, uint32_t size, const uint32_t *depth,
                        const uint8_t *stencil, uint32_t count, uint8_t *texels)
{
    for (uint32_t i = 0; i < count; i++, texels += size) {
        if (size == WIDE_TEXEL) {
            const uint32_t texel[2] = {depth[i], stencil[i]};

            memcpy(texels, texel, sizeof(texel));
        } else {
            join(format, depth[i], stencil[i], texels);
        }
    }
}
