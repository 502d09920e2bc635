/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/mediator/pvgpu/format.h"

#include <math.h>
#include <pthread.h>
#include <stddef.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define COLOUR(name, channel_count, channel_bits, channel_kind, ...)                               \
    {.number = BG_PVGPU_FORMAT_##name,                                                             \
     .size = (channel_count) * (channel_bits) / 8,                                                 \
     .channels = (channel_count),                                                                  \
     .bits = (channel_bits),                                                                       \
     .kind = PVGPU_CHANNEL_##channel_kind,                                                         \
     .block = 1,                                                                                   \
     .colour = true,                                                                               \
     __VA_ARGS__}

#define DRAWN(name, texel_size, channel_count, channel_bits, channel_kind, ...)                    \
    {.number = BG_PVGPU_FORMAT_##name,                                                             \
     .size = (texel_size),                                                                         \
     .channels = (channel_count),                                                                  \
     .bits = (channel_bits),                                                                       \
     .kind = PVGPU_CHANNEL_##channel_kind,                                                         \
     .block = 1,                                                                                   \
     .draws = true,                                                                                \
     __VA_ARGS__}
#define BLOCKS(name, block_size, ...)                                                              \
    {.number = BG_PVGPU_FORMAT_##name, .size = (block_size), .block = 4, .draws = true, __VA_ARGS__}

static const struct pvgpu_format_info formats[] = {
    COLOUR(R32G32B32A32_FLOAT, 4, 32, FLOAT, ),
    COLOUR(R32G32B32A32_UINT, 4, 32, UINT, ),
    COLOUR(R32G32B32A32_SINT, 4, 32, SINT, ),
    COLOUR(R16G16B16A16_FLOAT, 4, 16, FLOAT, ),
    COLOUR(R16G16B16A16_UNORM, 4, 16, UNORM, ),
    COLOUR(R16G16B16A16_UINT, 4, 16, UINT, ),
    COLOUR(R16G16B16A16_SINT, 4, 16, SINT, ),
    COLOUR(R32G32_FLOAT, 2, 32, FLOAT, ),
    COLOUR(R32G32_UINT, 2, 32, UINT, ),
    COLOUR(R32G32_SINT, 2, 32, SINT, ),
    COLOUR(R8G8B8A8_UNORM, 4, 8, UNORM, ),
    COLOUR(R8G8B8A8_UNORM_SRGB, 4, 8, UNORM, .srgb = true),
    COLOUR(R8G8B8A8_UINT, 4, 8, UINT, ),
    COLOUR(R8G8B8A8_SINT, 4, 8, SINT, ),
    COLOUR(R16G16_FLOAT, 2, 16, FLOAT, ),
    COLOUR(R16G16_UINT, 2, 16, UINT, ),
    COLOUR(R16G16_SINT, 2, 16, SINT, ),
    {.number = BG_PVGPU_FORMAT_D32_FLOAT,
     .size = 4,
     .channels = 1,
     .bits = 32,
     .kind = PVGPU_CHANNEL_DEPTH,
     .block = 1,
     .depth = true},
    COLOUR(R32_FLOAT, 1, 32, FLOAT, ),
    COLOUR(R32_UINT, 1, 32, UINT, ),
    COLOUR(R32_SINT, 1, 32, SINT, ),
    {.number = BG_PVGPU_FORMAT_D24_UNORM_S8_UINT,
     .size = 4,
     .channels = 2,
     .bits = 24,
     .kind = PVGPU_CHANNEL_DEPTH,
     .block = 1,
     .depth = true,
     .stencil = true},
    COLOUR(R8G8_UNORM, 2, 8, UNORM, ),
    COLOUR(R16_FLOAT, 1, 16, FLOAT, ),
    COLOUR(R16_UINT, 1, 16, UINT, ),
    COLOUR(R16_SINT, 1, 16, SINT, ),
    COLOUR(R8_UNORM, 1, 8, UNORM, ),
    COLOUR(R8_UINT, 1, 8, UINT, ),
    COLOUR(R8_SINT, 1, 8, SINT, ),
    COLOUR(B8G8R8A8_UNORM, 4, 8, UNORM, .bgr = true),
    COLOUR(B8G8R8X8_UNORM, 4, 8, UNORM, .bgr = true, .no_alpha = true),
    COLOUR(B8G8R8A8_UNORM_SRGB, 4, 8, UNORM, .bgr = true, .srgb = true),

    DRAWN(R32G32B32_FLOAT, 12, 3, 32, FLOAT, ),
    DRAWN(R32G32B32_UINT, 12, 3, 32, UINT, ),
    DRAWN(R32G32B32_SINT, 12, 3, 32, SINT, ),
    DRAWN(R16G16B16A16_SNORM, 8, 4, 16, SNORM, .colour = true),
    DRAWN(D32_FLOAT_S8X24_UINT, 8, 2, 32, DEPTH, .depth = true, .stencil = true),
    DRAWN(R10G10B10A2_UNORM, 4, 4, 10, UNORM, .colour = true),
    DRAWN(R10G10B10A2_UINT, 4, 4, 10, UINT, .colour = true, .alpha_bits = 2),
    DRAWN(R11G11B10_FLOAT, 4, 3, 11, FLOAT, .colour = true),
    DRAWN(R8G8B8A8_SNORM, 4, 4, 8, SNORM, .colour = true),
    DRAWN(R16G16_UNORM, 4, 2, 16, UNORM, .colour = true),
    DRAWN(R16G16_SNORM, 4, 2, 16, SNORM, .colour = true),
    DRAWN(R8G8_UINT, 2, 2, 8, UINT, .colour = true),
    DRAWN(R8G8_SNORM, 2, 2, 8, SNORM, .colour = true),
    DRAWN(R8G8_SINT, 2, 2, 8, SINT, .colour = true),
    DRAWN(D16_UNORM, 2, 1, 16, DEPTH, .depth = true),
    DRAWN(R16_UNORM, 2, 1, 16, UNORM, .colour = true),
    DRAWN(R16_SNORM, 2, 1, 16, SNORM, .colour = true),
    DRAWN(R8_SNORM, 1, 1, 8, SNORM, .colour = true),
    DRAWN(R9G9B9E5_SHAREDEXP, 4, 3, 9, FLOAT, ),
    DRAWN(B5G6R5_UNORM, 2, 3, 5, UNORM, .colour = true, .bgr = true),
    DRAWN(B5G5R5A1_UNORM, 2, 4, 5, UNORM, .colour = true, .bgr = true),
    DRAWN(B8G8R8X8_UNORM_SRGB, 4, 4, 8, UNORM, .colour = true, .bgr = true, .srgb = true,
          .no_alpha = true),
    BLOCKS(BC1_UNORM, 8, ),
    BLOCKS(BC1_UNORM_SRGB, 8, .srgb = true),
    BLOCKS(BC2_UNORM, 16, ),
    BLOCKS(BC2_UNORM_SRGB, 16, .srgb = true),
    BLOCKS(BC3_UNORM, 16, ),
    BLOCKS(BC3_UNORM_SRGB, 16, .srgb = true),
    BLOCKS(BC4_UNORM, 8, ),
    BLOCKS(BC4_SNORM, 8, ),
    BLOCKS(BC5_UNORM, 16, ),
    BLOCKS(BC5_SNORM, 16, ),
    BLOCKS(BC6H_UF16, 16, ),
    BLOCKS(BC6H_SF16, 16, ),
    BLOCKS(BC7_UNORM, 16, ),
    BLOCKS(BC7_UNORM_SRGB, 16, .srgb = true),

    DRAWN(R32_FLOAT_X8X24_TYPELESS, 8, 1, 32, FLOAT, .aspect = true),
    DRAWN(X32_TYPELESS_G8X24_UINT, 8, 1, 8, UINT, .aspect = true),
    DRAWN(R24_UNORM_X8_TYPELESS, 4, 1, 24, UNORM, .aspect = true),
    DRAWN(X24_TYPELESS_G8_UINT, 4, 1, 8, UINT, .aspect = true),
};

/* The contract's list and this one say the same. */
#define ONE(...) +1
_Static_assert(COUNT(formats) == 0 BG_PVGPU_FORMATS(ONE) BG_PVGPU_DRAW_FORMATS(ONE)
                                     BG_PVGPU_ASPECT_FORMATS(ONE),
               "a format is missing");
#undef ONE

const struct pvgpu_format_info *pvgpu_format_find(uint32_t number)
{
    for (size_t i = 0; i < COUNT(formats); i++) {
        if (formats[i].number == number) {
            return &formats[i];
        }
    }
    return NULL;
}

static uint32_t give_type(uint32_t number, bool depth)
{
    switch (number) {
#define TYPED(name, number, colour, depth_too)                                                     \
    case number:                                                                                   \
        return depth ? BG_PVGPU_FORMAT_##depth_too : BG_PVGPU_FORMAT_##colour;
        BG_PVGPU_TYPELESS_FORMATS(TYPED)
#undef TYPED
    default:
        return number;
    }
}

const struct pvgpu_format_info *pvgpu_format_of_resource(uint32_t number, uint32_t bind_flags)
{
    const struct pvgpu_format_info *format =
        pvgpu_format_find(give_type(number, bind_flags & BG_PVGPU_BIND_DEPTH_STENCIL));

    return format != NULL && !format->aspect ? format : NULL;
}

static float clamp(float value, float low, float high)
{
    return value > low ? (value < high ? value : high) : low; /* NaN: low */
}

static float encode_srgb(float linear)
{
    return linear <= 0.0031308f ? linear * 12.92f : 1.055f * powf(linear, 1 / 2.4f) - 0.055f;
}

/* Rounded to nearest even, as the hardware does; too large becomes infinite. */
static uint16_t to_half(float value)
{
    uint32_t bits, sign, mantissa;
    int exponent;

    memcpy(&bits, &value, sizeof(bits));
    sign = bits >> 16 & 0x8000;
    exponent = (int)(bits >> 23 & 0xFF) - 127;
    mantissa = bits & 0x7FFFFF;
    if (exponent == 128) { /* infinity, NaN */
        return (uint16_t)(sign | 0x7C00 | (mantissa ? 0x200 : 0));
    }
    if (exponent > 15) {
        return (uint16_t)(sign | 0x7C00);
    }
    if (exponent < -25) {
        return (uint16_t)sign;
    }
    /* With its leading 1, shifted to 10 bits; below 2^-14 further: a denormal. */
    uint32_t whole = mantissa | 0x800000;
    unsigned shift = exponent < -14 ? (unsigned)(13 - 14 - exponent) : 13;
    uint32_t half = whole >> shift;
    uint32_t rest = whole & ((1u << shift) - 1), middle = 1u << (shift - 1);

    half += rest > middle || (rest == middle && (half & 1));
    /* Adding the exponent above the leading 1; a carry of the rounding goes into it rightly. */
    if (exponent >= -14) {
        half += (uint32_t)(exponent + 14) << 10;
    }
    return (uint16_t)(sign | half);
}

static float from_half(uint16_t half)
{
    uint32_t sign = (uint32_t)(half & 0x8000) << 16;
    int exponent = half >> 10 & 0x1F;
    uint32_t mantissa = half & 0x3FF;
    float value;

    if (exponent == 31) {
        value = mantissa ? NAN : INFINITY;
    } else if (exponent) { /* the same number with another bias */
        uint32_t bits = (uint32_t)(exponent + 127 - 15) << 23 | mantissa << 13;

        memcpy(&value, &bits, sizeof(value));
    } else {
        value = (float)mantissa * 0x1p-24f;
    }
    return sign ? -value : value;
}

static uint32_t pack_channel(const struct pvgpu_format_info *format, float value, bool alpha)
{
    uint64_t top = (UINT64_C(1) << format->bits) - 1;
    uint32_t bits;

    switch (format->kind) {
    case PVGPU_CHANNEL_UNORM:
        value = clamp(value, 0, 1);
        if (format->srgb && !alpha) {
            value = encode_srgb(value);
        }
        return (uint32_t)lrintf(value * (float)top);
    case PVGPU_CHANNEL_UINT:
        if (!(value > 0)) {
            return 0;
        }
        return value >= (float)top ? (uint32_t)top : (uint32_t)value;
    case PVGPU_CHANNEL_SINT: {
        double most = (double)(top >> 1);
        double whole = isnan(value) ? 0 : trunc((double)value);

        whole = whole > most ? most : whole < -most - 1 ? -most - 1 : whole;
        return (uint32_t)((uint64_t)(int64_t)whole & top);
    }
    case PVGPU_CHANNEL_FLOAT:
        if (format->bits == 16) {
            return to_half(value);
        }
        memcpy(&bits, &value, sizeof(bits));
        return bits;
    default:
        break;
    }
    return 0;
}

void pvgpu_format_pack(const struct pvgpu_format_info *format, const float colour[4],
                       uint8_t texel[PVGPU_TEXEL_MAX])
{
    static const uint8_t reversed[4] = {2, 1, 0, 3};
    unsigned width = format->bits / 8;

    for (unsigned i = 0; i < format->channels; i++) {
        unsigned channel = format->bgr ? reversed[i] : i;
        uint32_t value = pack_channel(format, colour[channel], channel == 3);

        memcpy(texel + i * width, &value, width); /* little-endian */
    }
}

void pvgpu_format_pack_depth(const struct pvgpu_format_info *format, uint32_t flags, float depth,
                             uint8_t stencil, uint8_t texel[4])
{
    depth = clamp(depth, 0, 1);
    if (flags & BG_PVGPU_CLEAR_DEPTH) {
        if (format->stencil) {
            uint32_t bits = (uint32_t)lrint((double)depth * 0xFFFFFF);

            memcpy(texel, &bits, 3);
        } else {
            memcpy(texel, &depth, 4);
        }
    }
    if (flags & BG_PVGPU_CLEAR_STENCIL && format->stencil) {
        texel[3] = stencil;
    }
}

uint32_t pvgpu_format_shown_as(const struct pvgpu_format_info *format)
{
    if (!format->colour || format->channels != 4) {
        return 0;
    }
    if (format->kind == PVGPU_CHANNEL_FLOAT) {
        return BG_PVGPU_FORMAT_B8G8R8A8_UNORM;
    }
    if (format->kind != PVGPU_CHANNEL_UNORM || format->bits != 8) {
        return 0;
    }
    if (format->no_alpha) {
        return BG_PVGPU_FORMAT_B8G8R8X8_UNORM;
    }
    return format->bgr ? BG_PVGPU_FORMAT_B8G8R8A8_UNORM : BG_PVGPU_FORMAT_R8G8B8A8_UNORM;
}

bool pvgpu_format_is_converted(const struct pvgpu_format_info *format)
{
    return format->kind == PVGPU_CHANNEL_FLOAT;
}

static uint8_t shade_exactly(float linear)
{
    return (uint8_t)lrintf(encode_srgb(clamp(linear, 0, 1)) * 255);
}

/*
 * The same by a table, for most: a power for each channel made a large picture take seconds of the
 * device. Shades grow with what they are of. So where the one at a step's start is that of the
 * next step's start, all between are the same, and the others are computed.
 */
#define STEP_BITS 13 /* of a float's 32, that a step leaves open */
#define ONE_BITS 0x3F800000u
static uint8_t shades[(ONE_BITS >> STEP_BITS) + 1];
static pthread_once_t shades_once = PTHREAD_ONCE_INIT;

static void make_shades(void)
{
    for (uint32_t step = 0; step < COUNT(shades); step++) {
        uint32_t bits = step << STEP_BITS;
        float linear;

        memcpy(&linear, &bits, sizeof(linear));
        shades[step] = shade_exactly(linear);
    }
}

static uint8_t shade(float linear)
{
    uint32_t bits;

    memcpy(&bits, &linear, sizeof(bits));
    /* Negative numbers, those above one, NaN: all have larger bits. */
    if (bits < ONE_BITS && shades[bits >> STEP_BITS] == shades[(bits >> STEP_BITS) + 1]) {
        return shades[bits >> STEP_BITS];
    }
    return shade_exactly(linear);
}

void pvgpu_format_convert(const struct pvgpu_format_info *format, const uint8_t *from, uint8_t *to,
                          uint32_t count)
{
    pthread_once(&shades_once, make_shades);
    for (uint32_t i = 0; i < count; i++, from += format->size, to += 4) {
        float colour[4];

        if (format->bits == 16) {
            uint16_t halves[4];

            memcpy(halves, from, sizeof(halves));
            for (int channel = 0; channel < 4; channel++) {
                colour[channel] = from_half(halves[channel]);
            }
        } else {
            memcpy(colour, from, sizeof(colour));
        }
        to[0] = shade(colour[2]);
        to[1] = shade(colour[1]);
        to[2] = shade(colour[0]);
        to[3] = (uint8_t)lrintf(clamp(colour[3], 0, 1) * 255);
    }
}
