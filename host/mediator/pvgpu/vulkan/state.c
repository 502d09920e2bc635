/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/mediator/pvgpu/vulkan/state.h"

#include <math.h>
#include <string.h>

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* ---- Blend ---- */

#define ALL_CHANNELS                                                                               \
    (VK_COLOR_COMPONENT_R_BIT | VK_COLOR_COMPONENT_G_BIT | VK_COLOR_COMPONENT_B_BIT |              \
     VK_COLOR_COMPONENT_A_BIT)

const struct state_blend state_default_blend = {
    .targets = {[0 ... BG_PVGPU_RENDER_TARGETS_MAX - 1] = {.colorWriteMask = ALL_CHANNELS}},
};

struct factor {
    bool known, colour, dual;
    VkBlendFactor factor;
};

static const struct factor factors[] = {
    [BG_PVGPU_BLEND_ZERO] = {true, false, false, VK_BLEND_FACTOR_ZERO},
    [BG_PVGPU_BLEND_ONE] = {true, false, false, VK_BLEND_FACTOR_ONE},
    [BG_PVGPU_BLEND_SRC_COLOR] = {true, true, false, VK_BLEND_FACTOR_SRC_COLOR},
    [BG_PVGPU_BLEND_INV_SRC_COLOR] = {true, true, false, VK_BLEND_FACTOR_ONE_MINUS_SRC_COLOR},
    [BG_PVGPU_BLEND_SRC_ALPHA] = {true, false, false, VK_BLEND_FACTOR_SRC_ALPHA},
    [BG_PVGPU_BLEND_INV_SRC_ALPHA] = {true, false, false, VK_BLEND_FACTOR_ONE_MINUS_SRC_ALPHA},
    [BG_PVGPU_BLEND_DEST_ALPHA] = {true, false, false, VK_BLEND_FACTOR_DST_ALPHA},
    [BG_PVGPU_BLEND_INV_DEST_ALPHA] = {true, false, false, VK_BLEND_FACTOR_ONE_MINUS_DST_ALPHA},
    [BG_PVGPU_BLEND_DEST_COLOR] = {true, true, false, VK_BLEND_FACTOR_DST_COLOR},
    [BG_PVGPU_BLEND_INV_DEST_COLOR] = {true, true, false, VK_BLEND_FACTOR_ONE_MINUS_DST_COLOR},
    [BG_PVGPU_BLEND_SRC_ALPHA_SAT] = {true, false, false, VK_BLEND_FACTOR_SRC_ALPHA_SATURATE},
    [BG_PVGPU_BLEND_BLEND_FACTOR] = {true, false, false, VK_BLEND_FACTOR_CONSTANT_COLOR},
    [BG_PVGPU_BLEND_INV_BLEND_FACTOR] = {true, false, false,
                                         VK_BLEND_FACTOR_ONE_MINUS_CONSTANT_COLOR},
    [BG_PVGPU_BLEND_SRC1_COLOR] = {true, true, true, VK_BLEND_FACTOR_SRC1_COLOR},
    [BG_PVGPU_BLEND_INV_SRC1_COLOR] = {true, true, true, VK_BLEND_FACTOR_ONE_MINUS_SRC1_COLOR},
    [BG_PVGPU_BLEND_SRC1_ALPHA] = {true, false, true, VK_BLEND_FACTOR_SRC1_ALPHA},
    [BG_PVGPU_BLEND_INV_SRC1_ALPHA] = {true, false, true, VK_BLEND_FACTOR_ONE_MINUS_SRC1_ALPHA},
};

static bool read_factor(VkBlendFactor *factor, uint32_t number, bool alpha, bool *dual)
{
    if (number >= COUNT_OF(factors) || !factors[number].known ||
        (alpha && factors[number].colour)) {
        return false;
    }
    *factor = factors[number].factor;
    *dual = *dual || factors[number].dual;
    return true;
}

static bool read_blend_op(VkBlendOp *op, uint32_t number)
{
    static const VkBlendOp ops[] = {
        [BG_PVGPU_BLEND_OP_ADD] = VK_BLEND_OP_ADD,
        [BG_PVGPU_BLEND_OP_SUBTRACT] = VK_BLEND_OP_SUBTRACT,
        [BG_PVGPU_BLEND_OP_REV_SUBTRACT] = VK_BLEND_OP_REVERSE_SUBTRACT,
        [BG_PVGPU_BLEND_OP_MIN] = VK_BLEND_OP_MIN,
        [BG_PVGPU_BLEND_OP_MAX] = VK_BLEND_OP_MAX,
    };

    if (number == 0 || number >= COUNT_OF(ops)) {
        return false;
    }
    *op = ops[number];
    return true;
}

/* Vulkan's channels have Direct3D's bits. */
static bool read_blend_target(VkPipelineColorBlendAttachmentState *state,
                              const struct bg_pvgpu_blend_target *target, bool *dual)
{
    memset(state, 0, sizeof(*state));
    state->colorWriteMask = target->write_mask & BG_PVGPU_COLOR_WRITE_ALL;
    if ((target->write_mask & ~BG_PVGPU_COLOR_WRITE_ALL) != 0) {
        return false;
    }
    if (target->enable == 0) {
        return true;
    }
    state->blendEnable = VK_TRUE;
    return read_factor(&state->srcColorBlendFactor, target->src, false, dual) &&
           read_factor(&state->dstColorBlendFactor, target->dest, false, dual) &&
           read_blend_op(&state->colorBlendOp, target->op) &&
           read_factor(&state->srcAlphaBlendFactor, target->src_alpha, true, dual) &&
           read_factor(&state->dstAlphaBlendFactor, target->dest_alpha, true, dual) &&
           read_blend_op(&state->alphaBlendOp, target->op_alpha);
}

enum bg_pvgpu_error state_read_blend(struct state_blend *state,
                                     const struct bg_pvgpu_create_blend_state *create,
                                     const struct state_limits *limits)
{
    memset(state, 0, sizeof(*state));
    state->alpha_to_coverage = create->alpha_to_coverage != 0;
    for (uint32_t i = 0; i < BG_PVGPU_RENDER_TARGETS_MAX; i++) {
        bool dual = false;

        if (!read_blend_target(&state->targets[i],
                               &create->targets[create->independent != 0 ? i : 0], &dual) ||
            (dual && !limits->dual_source)) {
            return BG_PVGPU_ERROR_INVALID_PARAMETER;
        }
        state->dual_source = state->dual_source || dual;
    }
    return BG_PVGPU_OK;
}

/* ---- Rasterizer ---- */

const struct state_rasterizer state_default_rasterizer = {
    .fill = VK_POLYGON_MODE_FILL,
    .cull = VK_CULL_MODE_BACK_BIT,
    .front = VK_FRONT_FACE_CLOCKWISE,
    .depth_clip = true,
};

static bool read_cull(VkCullModeFlags *cull, uint32_t number)
{
    static const VkCullModeFlags modes[] = {
        [BG_PVGPU_CULL_NONE] = VK_CULL_MODE_NONE,
        [BG_PVGPU_CULL_FRONT] = VK_CULL_MODE_FRONT_BIT,
        [BG_PVGPU_CULL_BACK] = VK_CULL_MODE_BACK_BIT,
    };

    if (number == 0 || number >= COUNT_OF(modes)) {
        return false;
    }
    *cull = modes[number];
    return true;
}

enum bg_pvgpu_error state_read_rasterizer(struct state_rasterizer *state,
                                          const struct bg_pvgpu_create_rasterizer_state *create,
                                          const struct state_limits *limits)
{
    bool wireframe = create->fill_mode == BG_PVGPU_FILL_WIREFRAME;

    if ((!wireframe && create->fill_mode != BG_PVGPU_FILL_SOLID) ||
        (wireframe && !limits->wireframe) || !read_cull(&state->cull, create->cull_mode) ||
        !isfinite(create->depth_bias_clamp) || !isfinite(create->slope_scaled_depth_bias)) {
        return BG_PVGPU_ERROR_INVALID_PARAMETER;
    }
    state->fill = wireframe ? VK_POLYGON_MODE_LINE : VK_POLYGON_MODE_FILL;
    state->front =
        create->front_ccw != 0 ? VK_FRONT_FACE_COUNTER_CLOCKWISE : VK_FRONT_FACE_CLOCKWISE;
    state->bias = (float)create->depth_bias;
    state->bias_clamp = create->depth_bias_clamp;
    state->bias_slope = create->slope_scaled_depth_bias;
    state->depth_clip = create->depth_clip != 0;
    state->scissor = create->scissor != 0;
    state->multisample = create->multisample != 0;
    state->smooth_lines = create->antialiased_line != 0;
    return BG_PVGPU_OK;
}

/* ---- Depth and stencil ---- */

#define DEFAULT_FACE                                                                               \
    {                                                                                              \
        .compareOp = VK_COMPARE_OP_ALWAYS,                                                         \
        .compareMask = 0xFF,                                                                       \
        .writeMask = 0xFF,                                                                         \
    }

const struct state_depth_stencil state_default_depth_stencil = {
    .depth_test = true,
    .depth_write = true,
    .depth_compare = VK_COMPARE_OP_LESS,
    .front = DEFAULT_FACE,
    .back = DEFAULT_FACE,
};

/* Both count comparisons in one order, Vulkan from 0. */
static bool read_comparison(VkCompareOp *op, uint32_t number)
{
    *op = (VkCompareOp)(number - BG_PVGPU_COMPARISON_NEVER);
    return number >= BG_PVGPU_COMPARISON_NEVER && number <= BG_PVGPU_COMPARISON_ALWAYS;
}

_Static_assert(VK_COMPARE_OP_ALWAYS == BG_PVGPU_COMPARISON_ALWAYS - BG_PVGPU_COMPARISON_NEVER &&
                   VK_COMPARE_OP_LESS_OR_EQUAL ==
                       BG_PVGPU_COMPARISON_LESS_EQUAL - BG_PVGPU_COMPARISON_NEVER,
               "read_comparison");

/* And stencil operations. */
static bool read_stencil_op(VkStencilOp *op, uint32_t number)
{
    *op = (VkStencilOp)(number - BG_PVGPU_STENCIL_OP_KEEP);
    return number >= BG_PVGPU_STENCIL_OP_KEEP && number <= BG_PVGPU_STENCIL_OP_DECR;
}

_Static_assert(VK_STENCIL_OP_DECREMENT_AND_WRAP ==
                       BG_PVGPU_STENCIL_OP_DECR - BG_PVGPU_STENCIL_OP_KEEP &&
                   VK_STENCIL_OP_INVERT == BG_PVGPU_STENCIL_OP_INVERT - BG_PVGPU_STENCIL_OP_KEEP,
               "read_stencil_op");

static bool read_face(VkStencilOpState *state, const struct bg_pvgpu_stencil_face *face)
{
    return read_stencil_op(&state->failOp, face->fail_op) &&
           read_stencil_op(&state->depthFailOp, face->depth_fail_op) &&
           read_stencil_op(&state->passOp, face->pass_op) &&
           read_comparison(&state->compareOp, face->func);
}

enum bg_pvgpu_error
state_read_depth_stencil(struct state_depth_stencil *state,
                         const struct bg_pvgpu_create_depth_stencil_state *create)
{
    *state = state_default_depth_stencil;
    state->depth_test = create->depth_enable != 0;
    state->depth_write = state->depth_test && create->depth_write_mask != 0;
    state->stencil_test = create->stencil_enable != 0;
    state->front.compareMask = state->back.compareMask = create->read_mask & 0xFF;
    state->front.writeMask = state->back.writeMask = create->write_mask & 0xFF;
    if (create->depth_write_mask > 1 ||
        (state->depth_test && !read_comparison(&state->depth_compare, create->depth_func)) ||
        (state->stencil_test &&
         (!read_face(&state->front, &create->front) || !read_face(&state->back, &create->back)))) {
        return BG_PVGPU_ERROR_INVALID_PARAMETER;
    }
    return BG_PVGPU_OK;
}

/* ---- Samplers ---- */

const struct bg_pvgpu_create_sampler state_default_sampler = {BG_PVGPU_SAMPLER_DEFAULTS};

static bool read_address(VkSamplerAddressMode *mode, uint32_t number,
                         const struct state_limits *limits)
{
    static const VkSamplerAddressMode modes[] = {
        [BG_PVGPU_ADDRESS_WRAP] = VK_SAMPLER_ADDRESS_MODE_REPEAT,
        [BG_PVGPU_ADDRESS_MIRROR] = VK_SAMPLER_ADDRESS_MODE_MIRRORED_REPEAT,
        [BG_PVGPU_ADDRESS_CLAMP] = VK_SAMPLER_ADDRESS_MODE_CLAMP_TO_EDGE,
        [BG_PVGPU_ADDRESS_BORDER] = VK_SAMPLER_ADDRESS_MODE_CLAMP_TO_BORDER,
        [BG_PVGPU_ADDRESS_MIRROR_ONCE] = VK_SAMPLER_ADDRESS_MODE_MIRROR_CLAMP_TO_EDGE,
    };

    if (number == 0 || number >= COUNT_OF(modes) ||
        (number == BG_PVGPU_ADDRESS_MIRROR_ONCE && !limits->mirror_once)) {
        return false;
    }
    *mode = modes[number];
    return true;
}

static VkFilter filter_of(uint32_t filter, uint32_t linear)
{
    return filter & linear ? VK_FILTER_LINEAR : VK_FILTER_NEAREST;
}

static bool read_filter(struct state_sampler *state, const struct bg_pvgpu_create_sampler *create,
                        const struct state_limits *limits)
{
    uint32_t reduction = create->filter & BG_PVGPU_FILTER_REDUCTION_MASK;
    uint32_t filter = create->filter & ~BG_PVGPU_FILTER_REDUCTION_MASK;
    bool anisotropic = filter == BG_PVGPU_FILTER_ANISOTROPIC;
    VkSamplerCreateInfo *info = &state->info;

    if ((!anisotropic && (filter & ~BG_PVGPU_FILTER_LINEAR) != 0) || create->max_anisotropy > 16) {
        return false;
    }
    info->minFilter = filter_of(filter, BG_PVGPU_FILTER_MIN_LINEAR);
    info->magFilter = filter_of(filter, BG_PVGPU_FILTER_MAG_LINEAR);
    info->mipmapMode = filter & BG_PVGPU_FILTER_MIP_LINEAR ? VK_SAMPLER_MIPMAP_MODE_LINEAR
                                                           : VK_SAMPLER_MIPMAP_MODE_NEAREST;
    info->anisotropyEnable = anisotropic && limits->anisotropy > 1 && create->max_anisotropy > 1;
    info->maxAnisotropy = fminf((float)create->max_anisotropy, limits->anisotropy);
    info->compareEnable = reduction == BG_PVGPU_FILTER_COMPARISON;
    state->has_reduction = reduction > BG_PVGPU_FILTER_COMPARISON;
    state->reduction = (VkSamplerReductionModeCreateInfo){
        .sType = VK_STRUCTURE_TYPE_SAMPLER_REDUCTION_MODE_CREATE_INFO,
        .reductionMode = reduction == BG_PVGPU_FILTER_MINIMUM ? VK_SAMPLER_REDUCTION_MODE_MIN
                                                              : VK_SAMPLER_REDUCTION_MODE_MAX,
    };
    return (!state->has_reduction || limits->reduction) &&
           (!info->compareEnable || read_comparison(&info->compareOp, create->comparison));
}

static bool is_colour(const float border[4], float rgb, float alpha)
{
    return border[0] == rgb && border[1] == rgb && border[2] == rgb && border[3] == alpha;
}

/* False: a colour that the device does not have. */
static bool read_border(struct state_sampler *state, const struct bg_pvgpu_create_sampler *create,
                        const struct state_limits *limits)
{
    VkSamplerCreateInfo *info = &state->info;

    info->borderColor = VK_BORDER_COLOR_FLOAT_TRANSPARENT_BLACK;
    if (is_colour(create->border, 0, 1)) {
        info->borderColor = VK_BORDER_COLOR_FLOAT_OPAQUE_BLACK;
    } else if (is_colour(create->border, 1, 1)) {
        info->borderColor = VK_BORDER_COLOR_FLOAT_OPAQUE_WHITE;
    } else if (!is_colour(create->border, 0, 0)) {
        info->borderColor = VK_BORDER_COLOR_FLOAT_CUSTOM_EXT;
        state->has_border = true;
        state->border = (VkSamplerCustomBorderColorCreateInfoEXT){
            .sType = VK_STRUCTURE_TYPE_SAMPLER_CUSTOM_BORDER_COLOR_CREATE_INFO_EXT,
        };
        memcpy(state->border.customBorderColor.float32, create->border, sizeof(create->border));
    }
    return !state->has_border || limits->custom_border;
}

static bool has_border(const VkSamplerCreateInfo *info)
{
    return info->addressModeU == VK_SAMPLER_ADDRESS_MODE_CLAMP_TO_BORDER ||
           info->addressModeV == VK_SAMPLER_ADDRESS_MODE_CLAMP_TO_BORDER ||
           info->addressModeW == VK_SAMPLER_ADDRESS_MODE_CLAMP_TO_BORDER;
}

static float limit_float(float value, float least, float most)
{
    return value < least ? least : (value > most ? most : value);
}

enum bg_pvgpu_error state_read_sampler(struct state_sampler *state,
                                       const struct bg_pvgpu_create_sampler *create,
                                       const struct state_limits *limits)
{
    VkSamplerCreateInfo *info = &state->info;

    memset(state, 0, sizeof(*state));
    info->sType = VK_STRUCTURE_TYPE_SAMPLER_CREATE_INFO;
    if (!read_filter(state, create, limits) ||
        !read_address(&info->addressModeU, create->address_u, limits) ||
        !read_address(&info->addressModeV, create->address_v, limits) ||
        !read_address(&info->addressModeW, create->address_w, limits) ||
        (has_border(info) && !read_border(state, create, limits)) || isnan(create->mip_lod_bias) ||
        isnan(create->min_lod) || isnan(create->max_lod) || create->min_lod > create->max_lod) {
        return BG_PVGPU_ERROR_INVALID_PARAMETER;
    }
    info->mipLodBias = limit_float(create->mip_lod_bias, -limits->lod_bias, limits->lod_bias);
    info->minLod = limit_float(create->min_lod, 0, VK_LOD_CLAMP_NONE);
    info->maxLod = limit_float(create->max_lod, 0, VK_LOD_CLAMP_NONE);
    return BG_PVGPU_OK;
}

/* ---- Input layouts ---- */

/* X(DXGI's name, Vulkan's, class, bytes of a component, of all) */
#define VERTEX_FORMATS(X)                                                                          \
    X(R32G32B32A32_FLOAT, R32G32B32A32_SFLOAT, FLOAT, 4, 16)                                       \
    X(R32G32B32A32_UINT, R32G32B32A32_UINT, UINT, 4, 16)                                           \
    X(R32G32B32A32_SINT, R32G32B32A32_SINT, SINT, 4, 16)                                           \
    X(R32G32B32_FLOAT, R32G32B32_SFLOAT, FLOAT, 4, 12)                                             \
    X(R32G32B32_UINT, R32G32B32_UINT, UINT, 4, 12)                                                 \
    X(R32G32B32_SINT, R32G32B32_SINT, SINT, 4, 12)                                                 \
    X(R16G16B16A16_FLOAT, R16G16B16A16_SFLOAT, FLOAT, 2, 8)                                        \
    X(R16G16B16A16_UNORM, R16G16B16A16_UNORM, FLOAT, 2, 8)                                         \
    X(R16G16B16A16_UINT, R16G16B16A16_UINT, UINT, 2, 8)                                            \
    X(R16G16B16A16_SNORM, R16G16B16A16_SNORM, FLOAT, 2, 8)                                         \
    X(R16G16B16A16_SINT, R16G16B16A16_SINT, SINT, 2, 8)                                            \
    X(R32G32_FLOAT, R32G32_SFLOAT, FLOAT, 4, 8)                                                    \
    X(R32G32_UINT, R32G32_UINT, UINT, 4, 8)                                                        \
    X(R32G32_SINT, R32G32_SINT, SINT, 4, 8)                                                        \
    X(R10G10B10A2_UNORM, A2B10G10R10_UNORM_PACK32, FLOAT, 4, 4)                                    \
    X(R10G10B10A2_UINT, A2B10G10R10_UINT_PACK32, UINT, 4, 4)                                       \
    X(R11G11B10_FLOAT, B10G11R11_UFLOAT_PACK32, FLOAT, 4, 4)                                       \
    X(R8G8B8A8_UNORM, R8G8B8A8_UNORM, FLOAT, 1, 4)                                                 \
    X(R8G8B8A8_UINT, R8G8B8A8_UINT, UINT, 1, 4)                                                    \
    X(R8G8B8A8_SNORM, R8G8B8A8_SNORM, FLOAT, 1, 4)                                                 \
    X(R8G8B8A8_SINT, R8G8B8A8_SINT, SINT, 1, 4)                                                    \
    X(R16G16_FLOAT, R16G16_SFLOAT, FLOAT, 2, 4)                                                    \
    X(R16G16_UNORM, R16G16_UNORM, FLOAT, 2, 4)                                                     \
    X(R16G16_UINT, R16G16_UINT, UINT, 2, 4)                                                        \
    X(R16G16_SNORM, R16G16_SNORM, FLOAT, 2, 4)                                                     \
    X(R16G16_SINT, R16G16_SINT, SINT, 2, 4)                                                        \
    X(R32_FLOAT, R32_SFLOAT, FLOAT, 4, 4)                                                          \
    X(R32_UINT, R32_UINT, UINT, 4, 4)                                                              \
    X(R32_SINT, R32_SINT, SINT, 4, 4)                                                              \
    X(R8G8_UNORM, R8G8_UNORM, FLOAT, 1, 2)                                                         \
    X(R8G8_UINT, R8G8_UINT, UINT, 1, 2)                                                            \
    X(R8G8_SNORM, R8G8_SNORM, FLOAT, 1, 2)                                                         \
    X(R8G8_SINT, R8G8_SINT, SINT, 1, 2)                                                            \
    X(R16_FLOAT, R16_SFLOAT, FLOAT, 2, 2)                                                          \
    X(R16_UNORM, R16_UNORM, FLOAT, 2, 2)                                                           \
    X(R16_UINT, R16_UINT, UINT, 2, 2)                                                              \
    X(R16_SNORM, R16_SNORM, FLOAT, 2, 2)                                                           \
    X(R16_SINT, R16_SINT, SINT, 2, 2)                                                              \
    X(R8_UNORM, R8_UNORM, FLOAT, 1, 1)                                                             \
    X(R8_UINT, R8_UINT, UINT, 1, 1)                                                                \
    X(R8_SNORM, R8_SNORM, FLOAT, 1, 1)                                                             \
    X(R8_SINT, R8_SINT, SINT, 1, 1)                                                                \
    X(B8G8R8A8_UNORM, B8G8R8A8_UNORM, FLOAT, 1, 4)

struct vertex_format {
    VkFormat format; /* VK_FORMAT_UNDEFINED: not one of a vertex */
    enum interface_class class;
    uint8_t component, size;
};

static struct vertex_format find_vertex_format(uint32_t number)
{
    switch (number) {
#define CASE(name, vulkan, kind, component, size)                                                  \
    case BG_PVGPU_FORMAT_##name:                                                                   \
        return (struct vertex_format){VK_FORMAT_##vulkan, INTERFACE_##kind, component, size};
        VERTEX_FORMATS(CASE)
#undef CASE
    default:
        return (struct vertex_format){.format = VK_FORMAT_UNDEFINED};
    }
}

VkFormat state_get_input_format(const struct state_element *element, enum interface_class class)
{
    if (element->class == class) {
        return element->format;
    }
    if (element->class == INTERFACE_FLOAT || class == INTERFACE_FLOAT) {
        return VK_FORMAT_UNDEFINED;
    }
    return class == INTERFACE_SINT ? element->format + 1 : element->format - 1;
}

_Static_assert(VK_FORMAT_R8_SINT == VK_FORMAT_R8_UINT + 1 &&
                   VK_FORMAT_R8G8_SINT == VK_FORMAT_R8G8_UINT + 1 &&
                   VK_FORMAT_R8G8B8A8_SINT == VK_FORMAT_R8G8B8A8_UINT + 1 &&
                   VK_FORMAT_R16_SINT == VK_FORMAT_R16_UINT + 1 &&
                   VK_FORMAT_R16G16_SINT == VK_FORMAT_R16G16_UINT + 1 &&
                   VK_FORMAT_R16G16B16A16_SINT == VK_FORMAT_R16G16B16A16_UINT + 1 &&
                   VK_FORMAT_R32_SINT == VK_FORMAT_R32_UINT + 1 &&
                   VK_FORMAT_R32G32_SINT == VK_FORMAT_R32G32_UINT + 1 &&
                   VK_FORMAT_R32G32B32_SINT == VK_FORMAT_R32G32B32_UINT + 1 &&
                   VK_FORMAT_R32G32B32A32_SINT == VK_FORMAT_R32G32B32A32_UINT + 1,
               "state_get_input_format");

/* All elements of a slot move on alike. */
static bool join_slot(struct state_slot *slot, const struct bg_pvgpu_input_element *element,
                      uint32_t alignment, const struct state_limits *limits)
{
    bool per_instance = element->input_class == BG_PVGPU_PER_INSTANCE_DATA;

    if (element->input_class > BG_PVGPU_PER_INSTANCE_DATA ||
        (!per_instance && element->step_rate != 0) ||
        (per_instance && element->step_rate != 1 && !limits->divisors) ||
        (slot->used &&
         (slot->per_instance != per_instance || slot->step_rate != element->step_rate))) {
        return false;
    }
    slot->used = true;
    slot->per_instance = per_instance;
    slot->step_rate = element->step_rate;
    slot->alignment = alignment > slot->alignment ? alignment : slot->alignment;
    return true;
}

static enum bg_pvgpu_error read_element(struct state_layout *state,
                                        const struct bg_pvgpu_input_element *from, uint32_t *end,
                                        const struct state_limits *limits)
{
    const struct vertex_format format = find_vertex_format(from->format);
    struct state_element *element = &state->elements[state->count];
    uint32_t offset;

    if (format.format == VK_FORMAT_UNDEFINED) {
        return BG_PVGPU_ERROR_UNSUPPORTED_FORMAT;
    }
    if (from->slot >= BG_PVGPU_VERTEX_BUFFERS_MAX ||
        !join_slot(&state->slots[from->slot], from, format.component, limits)) {
        return BG_PVGPU_ERROR_INVALID_PARAMETER;
    }
    offset = from->byte_offset != BG_PVGPU_APPEND_ALIGNED
                 ? from->byte_offset
                 : (end[from->slot] + 3u) / 4u * 4u; /* as Direct3D aligns it */
    if (offset > BG_PVGPU_VERTEX_STRIDE_MAX - format.size || offset % format.component != 0) {
        return BG_PVGPU_ERROR_INVALID_PARAMETER;
    }
    end[from->slot] = offset + format.size;
    *element = (struct state_element){
        .index = from->semantic_index,
        .format = format.format,
        .class = format.class,
        .slot = from->slot,
        .offset = offset,
    };
    state->count++;
    return BG_PVGPU_OK;
}

enum bg_pvgpu_error state_read_layout(struct state_layout *state,
                                      const struct bg_pvgpu_create_input_layout *create,
                                      const struct state_limits *limits)
{
    uint32_t end[BG_PVGPU_VERTEX_BUFFERS_MAX] = {0};
    enum bg_pvgpu_error error = BG_PVGPU_OK;

    memset(state, 0, sizeof(*state));
    if (create->count > BG_PVGPU_INPUT_ELEMENTS_MAX) {
        return BG_PVGPU_ERROR_INVALID_PARAMETER;
    }
    for (uint32_t i = 0; i < create->count && error == BG_PVGPU_OK; i++) {
        error = read_element(state, &create->elements[i], end, limits);
    }
    return error;
}

/* ---- Topologies ---- */

bool state_read_topology(struct state_topology *state, uint32_t topology)
{
    static const struct state_topology topologies[] = {
        [BG_PVGPU_TOPOLOGY_POINT_LIST] = {VK_PRIMITIVE_TOPOLOGY_POINT_LIST,
                                          VK_PRIMITIVE_TOPOLOGY_POINT_LIST, 1, 0, false},
        [BG_PVGPU_TOPOLOGY_LINE_LIST] = {VK_PRIMITIVE_TOPOLOGY_LINE_LIST,
                                         VK_PRIMITIVE_TOPOLOGY_LINE_LIST, 2, 0, false},
        [BG_PVGPU_TOPOLOGY_LINE_STRIP] = {VK_PRIMITIVE_TOPOLOGY_LINE_STRIP,
                                          VK_PRIMITIVE_TOPOLOGY_LINE_LIST, 2, 0, true},
        [BG_PVGPU_TOPOLOGY_TRIANGLE_LIST] = {VK_PRIMITIVE_TOPOLOGY_TRIANGLE_LIST,
                                             VK_PRIMITIVE_TOPOLOGY_TRIANGLE_LIST, 3, 0, false},
        [BG_PVGPU_TOPOLOGY_TRIANGLE_STRIP] = {VK_PRIMITIVE_TOPOLOGY_TRIANGLE_STRIP,
                                              VK_PRIMITIVE_TOPOLOGY_TRIANGLE_LIST, 3, 0, true},
        [BG_PVGPU_TOPOLOGY_LINE_LIST_ADJ] = {VK_PRIMITIVE_TOPOLOGY_LINE_LIST_WITH_ADJACENCY,
                                             VK_PRIMITIVE_TOPOLOGY_LINE_LIST, 4, 0, false},
        [BG_PVGPU_TOPOLOGY_LINE_STRIP_ADJ] = {VK_PRIMITIVE_TOPOLOGY_LINE_STRIP_WITH_ADJACENCY,
                                              VK_PRIMITIVE_TOPOLOGY_LINE_LIST, 4, 0, true},
        [BG_PVGPU_TOPOLOGY_TRIANGLE_LIST_ADJ] = {VK_PRIMITIVE_TOPOLOGY_TRIANGLE_LIST_WITH_ADJACENCY,
                                                 VK_PRIMITIVE_TOPOLOGY_TRIANGLE_LIST, 6, 0, false},
        [BG_PVGPU_TOPOLOGY_TRIANGLE_STRIP_ADJ] =
            {VK_PRIMITIVE_TOPOLOGY_TRIANGLE_STRIP_WITH_ADJACENCY,
             VK_PRIMITIVE_TOPOLOGY_TRIANGLE_LIST, 6, 0, true},
    };

    if (topology >= BG_PVGPU_TOPOLOGY_PATCH_1 && topology <= BG_PVGPU_TOPOLOGY_PATCH_32) {
        *state = (struct state_topology){
            .topology = VK_PRIMITIVE_TOPOLOGY_PATCH_LIST,
            .class = VK_PRIMITIVE_TOPOLOGY_PATCH_LIST,
            .patch_points = topology - BG_PVGPU_TOPOLOGY_PATCH_1 + 1,
        };
        return true;
    }
    if (topology >= COUNT_OF(topologies) || topologies[topology].vertices == 0) {
        return false;
    }
    *state = topologies[topology];
    return true;
}

/* ---- Viewports and scissors ---- */

/* D3D11_VIEWPORT_BOUNDS; Vulkan's least limits are the same. */
#define BOUND_LEAST -32768.0f
#define BOUND_MOST 32767.0f
#define SIDE_MOST 16384.0f

static VkViewport viewport_of(const struct bg_pvgpu_viewport *from)
{
    float width = limit_float(from->width, 0, SIDE_MOST);
    float height = limit_float(from->height, 0, SIDE_MOST);
    float x = limit_float(from->x, BOUND_LEAST, BOUND_MOST - width);
    float y = limit_float(from->y, BOUND_LEAST, BOUND_MOST - height);

    return (VkViewport){x, y + height, width, -height, from->min_depth, from->max_depth};
}

static uint32_t side_of(int32_t from, int32_t to)
{
    from = from > 0 ? from : 0;
    return to > from ? (uint32_t)(to - from) : 0;
}

static VkRect2D scissor_of(const struct bg_pvgpu_rectangle *from)
{
    return (VkRect2D){
        .offset = {from->left > 0 ? from->left : 0, from->top > 0 ? from->top : 0},
        .extent = {side_of(from->left, from->right), side_of(from->top, from->bottom)},
    };
}

void state_set_view_ports(struct state_view_ports *ports, const struct bg_pvgpu_viewport *viewports,
                          uint32_t viewport_count, const struct bg_pvgpu_rectangle *scissors,
                          uint32_t scissor_count)
{
    static const VkRect2D nothing = {{0, 0}, {0, 0}};
    static const VkRect2D all = {{0, 0}, {INT32_MAX, INT32_MAX}};

    ports->count = viewport_count > 0 ? viewport_count : 1;
    ports->viewports[0] = (VkViewport){0, 1, 1, -1, 0, 1};
    ports->scissors[0] = nothing;
    for (uint32_t i = 0; i < viewport_count; i++) {
        ports->viewports[i] = viewport_of(&viewports[i]);
        ports->scissors[i] = scissors == NULL    ? all
                             : i < scissor_count ? scissor_of(&scissors[i])
                                                 : nothing;
        if (ports->viewports[i].width == 0 || ports->viewports[i].height == 0) {
            ports->viewports[i] = (VkViewport){0, 1, 1, -1, 0, 1};
            ports->scissors[i] = nothing;
        }
    }
}
