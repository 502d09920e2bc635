/* SPDX-License-Identifier: BSD-2-Clause */
/* The formats of protocol/pvgpu_command.h: what a texel is, how a colour becomes one. Pure. */
#ifndef MEDIATOR_PVGPU_FORMAT_H
#define MEDIATOR_PVGPU_FORMAT_H

#include <stdbool.h>
#include <stdint.h>

#include "protocol/pvgpu_draw.h"

enum pvgpu_channel {
    PVGPU_CHANNEL_UNORM,
    PVGPU_CHANNEL_SNORM,
    PVGPU_CHANNEL_UINT,
    PVGPU_CHANNEL_SINT,
    PVGPU_CHANNEL_FLOAT,
    PVGPU_CHANNEL_DEPTH, /* D32, or D24 with S8 above it */
};

struct pvgpu_format_info {
    uint32_t number; /* DXGI's */
    uint8_t size;    /* bytes of a texel; of a block, where there is one */
    uint8_t channels;
    uint8_t bits;       /* of a channel */
    uint8_t alpha_bits; /* of the fourth, where it has others */
    uint8_t block;      /* texels on the side of a block; 1: not compressed */
    enum pvgpu_channel kind;
    bool colour, depth, stencil; /* what it can be a target of */
    bool aspect;                 /* what a shader reads of depth with stencil: of views only */
    bool draws;                  /* only a renderer that draws has it */
    bool bgr;                    /* blue lies lowest */
    bool srgb;
    bool no_alpha; /* the fourth channel means nothing */
};

/* NULL: not one that we have. */
const struct pvgpu_format_info *pvgpu_format_find(uint32_t number);
/* That of a resource with these uses: a typeless one is of a format that has a type. */
const struct pvgpu_format_info *pvgpu_format_of_resource(uint32_t number, uint32_t bind_flags);

/* How many blocks so many texels take. */
static inline uint32_t pvgpu_format_blocks(const struct pvgpu_format_info *format, uint32_t texels)
{
    return (texels + format->block - 1) / format->block;
}

#define PVGPU_TEXEL_MAX 16u

/* r, g, b, a into one texel of a colour format that does not need drawing. */
void pvgpu_format_pack(const struct pvgpu_format_info *format, const float colour[4],
                       uint8_t texel[PVGPU_TEXEL_MAX]);

/* depth and stencil into a texel of a depth format, of which `texel` is the old one: what the
 * flags (PVGPU_CLEAR_*) do not name stays. */
void pvgpu_format_pack_depth(const struct pvgpu_format_info *format, uint32_t flags, float depth,
                             uint8_t stencil, uint8_t texel[4]);

/* What a screen shows of it: BG_PVGPU_FORMAT_B8G8R8A8_UNORM, _B8G8R8X8_UNORM, _R8G8B8A8_UNORM, or 0
 * when it cannot be shown. */
uint32_t pvgpu_format_shown_as(const struct pvgpu_format_info *format);

/* Texels of the format to what it is shown as; only for formats that are converted (float). */
bool pvgpu_format_is_converted(const struct pvgpu_format_info *format);
void pvgpu_format_convert(const struct pvgpu_format_info *format, const uint8_t *from, uint8_t *to,
                          uint32_t count);

#endif
