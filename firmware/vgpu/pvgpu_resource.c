/* SPDX-License-Identifier: BSD-2-Clause */
/* Resources: creating, filling, reading, copying. */
#include "firmware/vgpu/pvgpu_internal.h"
#include "protocol/pvgpu_draw.h"

/* ---- Formats and layout ---- */

struct format {
    uint32_t size, side; /* bytes of a block, texels on its side; size 0: unknown */
    bool is_depth;
};

static struct format format_entry(uint32_t format)
{
    switch (format) {
#define TEXEL_CASE(name, number, size, colour, depth)                                              \
    case number:                                                                                   \
        return (struct format){(size), 1, (depth) != 0};
#define BLOCK_CASE(name, number, size, side, colour, depth)                                        \
    case number:                                                                                   \
        return (struct format){(size), (side), (depth) != 0};
        BG_PVGPU_FORMATS(TEXEL_CASE)
        BG_PVGPU_DRAW_FORMATS(BLOCK_CASE)
#undef TEXEL_CASE
#undef BLOCK_CASE
    default:
        return (struct format){0, 1, false};
    }
}

uint32_t bg_pvgpu_format_size(uint32_t format)
{
    return format_entry(format).size;
}

static uint32_t side_at(uint32_t side, uint32_t level)
{
    side = side == 0 ? 1 : side;
    return side >> level == 0 ? 1 : side >> level;
}

static uint64_t blocks_at(uint32_t side, uint32_t level, uint32_t block)
{
    return ((uint64_t)side_at(side, level) + block - 1) / block;
}

/* Of other textures the depth is the number of layers. */
static bool has_layers(const struct bg_pvgpu_resource_options *options)
{
    return options->type != BG_PVGPU_RESOURCE_TEXTURE_3D;
}

/* Down to 1 x 1 x 1. */
static uint32_t level_count(const struct bg_pvgpu_resource_options *options)
{
    uint32_t largest = options->width | 1, count = 0;

    if (options->mip_levels != 0) {
        return options->mip_levels;
    }
    largest = options->height > largest ? options->height : largest;
    if (!has_layers(options) && options->depth > largest) {
        largest = options->depth;
    }
    for (; largest != 0; largest >>= 1) {
        count++;
    }
    return count;
}

static bool sum_size(const struct bg_pvgpu_resource_options *options, uint32_t level, uint64_t *sum)
{
    const struct format format = format_entry(options->format);
    uint64_t size = format.size, total;

    if (__builtin_mul_overflow(size, blocks_at(options->width, level, format.side), &size) ||
        __builtin_mul_overflow(size, blocks_at(options->height, level, format.side), &size) ||
        __builtin_mul_overflow(size, has_layers(options) ? 1 : side_at(options->depth, level),
                               &size) ||
        __builtin_add_overflow(size, *sum, &total)) {
        return false;
    }
    *sum = total;
    return true;
}

uint64_t bg_pvgpu_level_size(const struct bg_pvgpu_resource_options *options, uint32_t level)
{
    uint32_t count = level_count(options);
    uint64_t sum = 0;

    if (options->type == BG_PVGPU_RESOURCE_BUFFER) {
        return level == 0 || level == BG_PVGPU_ALL_LEVELS ? options->width : 0;
    }
    if (count > BG_PVGPU_MIP_LEVELS_MAX) {
        return 0;
    }
    if (level != BG_PVGPU_ALL_LEVELS) {
        return level < count && sum_size(options, level, &sum) ? sum : 0;
    }
    for (uint32_t i = 0; i < count; i++) {
        if (!sum_size(options, i, &sum)) {
            return 0;
        }
    }
    return has_layers(options) && __builtin_mul_overflow(sum, side_at(options->depth, 0), &sum)
               ? 0
               : sum;
}

/* ---- Life ---- */

int bg_pvgpu_resource_create(struct bg_pvgpu *gpu, const struct bg_pvgpu_resource_options *options,
                             uint32_t *id)
{
    const uint32_t words[] = {
        options->type,
        options->format,
        options->width,
        options->height,
        options->depth,
        options->mip_levels,
        options->sample_count != 0 ? options->sample_count : 1,
        0,
        options->bind_flags,
        options->misc_flags,
        options->heap_offset,
        options->data_size,
    };

    return pvgpu_create(gpu, BG_PVGPU_CMD_CREATE_RESOURCE, &gpu->last_resource, words, 12, NULL, 0,
                        id);
}

int bg_pvgpu_buffer_create(struct bg_pvgpu *gpu, uint32_t size, uint32_t *id)
{
    const struct bg_pvgpu_resource_options options = {
        .type = BG_PVGPU_RESOURCE_BUFFER,
        .width = size,
        .height = 1,
        .depth = 1,
        .mip_levels = 1,
    };

    return bg_pvgpu_resource_create(gpu, &options, id);
}

int bg_pvgpu_texture_create(struct bg_pvgpu *gpu, uint32_t format, uint32_t width, uint32_t height,
                            uint32_t *id)
{
    bool is_depth = format_entry(format).is_depth;
    const struct bg_pvgpu_resource_options options = {
        .type = BG_PVGPU_RESOURCE_TEXTURE_2D,
        .format = format,
        .width = width,
        .height = height,
        .depth = 1,
        .mip_levels = 1,
        .bind_flags = is_depth ? BG_PVGPU_BIND_DEPTH_STENCIL
                               : BG_PVGPU_BIND_RENDER_TARGET | BG_PVGPU_BIND_SHADER_RESOURCE,
    };

    return bg_pvgpu_resource_create(gpu, &options, id);
}

int bg_pvgpu_resource_destroy(struct bg_pvgpu *gpu, uint32_t id)
{
    return pvgpu_command(gpu, BG_PVGPU_CMD_DESTROY_RESOURCE, id, NULL, 0, NULL, 0);
}

int bg_pvgpu_resource_open(struct bg_pvgpu *gpu, uint32_t source, uint32_t *id)
{
    return pvgpu_create(gpu, BG_PVGPU_CMD_OPEN_RESOURCE, &gpu->last_resource, &source, 1, NULL, 0,
                        id);
}

/* ---- Content ---- */

int bg_pvgpu_resource_map(struct bg_pvgpu *gpu, uint32_t id, uint32_t subresource, uint32_t type,
                          uint32_t heap_offset)
{
    return PVGPU_COMMAND(gpu, BG_PVGPU_CMD_MAP_RESOURCE, id, id, subresource, type, 0, heap_offset);
}

int bg_pvgpu_resource_unmap(struct bg_pvgpu *gpu, uint32_t id, uint32_t subresource,
                            uint32_t heap_offset, uint32_t data_size)
{
    return PVGPU_COMMAND(gpu, BG_PVGPU_CMD_UNMAP_RESOURCE, id, id, subresource, heap_offset,
                         data_size);
}

static int transfer(struct bg_pvgpu *gpu, uint32_t type, uint32_t id, uint32_t subresource,
                    const struct bg_pvgpu_box *box, const struct bg_pvgpu_layout *layout)
{
    static const struct bg_pvgpu_box all = {0};

    box = box == NULL ? &all : box;
    return PVGPU_COMMAND(gpu, type, id, id, subresource, layout->heap_offset, layout->size, box->x,
                         box->y, box->z, box->width, box->height, box->depth, layout->row_pitch,
                         layout->depth_pitch);
}

int bg_pvgpu_resource_update(struct bg_pvgpu *gpu, uint32_t id, uint32_t subresource,
                             const struct bg_pvgpu_box *box, const struct bg_pvgpu_layout *layout)
{
    return transfer(gpu, BG_PVGPU_CMD_UPDATE_RESOURCE, id, subresource, box, layout);
}

int bg_pvgpu_resource_read(struct bg_pvgpu *gpu, uint32_t id, uint32_t subresource,
                           const struct bg_pvgpu_box *box, const struct bg_pvgpu_layout *layout)
{
    return bg_pvgpu_has(gpu, BG_PVGPU_FEATURE_REGIONS)
               ? transfer(gpu, BG_PVGPU_CMD_READ_RESOURCE, id, subresource, box, layout)
               : pvgpu_refuse(gpu);
}

int bg_pvgpu_resource_copy(struct bg_pvgpu *gpu, uint32_t dst, uint32_t src)
{
    return PVGPU_COMMAND(gpu, BG_PVGPU_CMD_COPY_RESOURCE, dst, dst, src);
}

int bg_pvgpu_resource_copy_region(struct bg_pvgpu *gpu, const struct bg_pvgpu_place *dst,
                                  const struct bg_pvgpu_place *src, uint32_t width, uint32_t height,
                                  uint32_t depth)
{
    if (!bg_pvgpu_has(gpu, BG_PVGPU_FEATURE_REGIONS)) {
        return pvgpu_refuse(gpu);
    }
    return PVGPU_COMMAND(gpu, BG_PVGPU_CMD_COPY_REGION, dst->id, dst->id, src->id, dst->subresource,
                         src->subresource, dst->x, dst->y, dst->z, src->x, src->y, src->z, width,
                         height, depth);
}
