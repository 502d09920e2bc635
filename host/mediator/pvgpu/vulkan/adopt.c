/* SPDX-License-Identifier: BSD-2-Clause */
/* What comes from the memory renderer: through memory of the host, a piece at a time. */
#include <stdlib.h>

#include "host/mediator/pvgpu/vulkan/resource.h"
#include "host/mediator/pvgpu/vulkan/transfer.h"

#define PIECE (UINT64_C(1) << 20) /* no row of a texture is larger */

_Static_assert((uint64_t)BG_PVGPU_TEXTURE_SIDE_MAX *PVGPU_TEXEL_MAX <= PIECE, "a whole row");

static uint32_t at_most(uint64_t value, uint32_t most)
{
    return value < most ? (uint32_t)value : most;
}

/* Texels that lie one behind the other, through `bytes`. */
static struct pvgpu_outcome fetch(struct vulkan_renderer *renderer, const struct pvgpu_place *piece,
                                  uint8_t *bytes)
{
    const struct pvgpu_resource *resource = piece->resource;
    const struct pvgpu_level *level = &resource->level[piece->level];
    const struct pvgpu_box *box = &piece->box;
    uint64_t row_size = (uint64_t)box->width * resource->format->size;
    gpu_address from = resource->address + level->offset + box->z * level->slice_pitch +
                       box->y * level->row_pitch + (uint64_t)box->x * resource->format->size;
    struct pvgpu_outcome outcome = pvgpu_fail_compute(
        gpu_copy_from(renderer->session->gpu, bytes, from, row_size * box->height, false));

    if (outcome.code == BG_PVGPU_OK) {
        outcome = vulkan_write_bytes(renderer, piece, bytes, row_size, row_size * box->height);
    }
    if (outcome.code == BG_PVGPU_OK) {
        vulkan_wait(renderer, vulkan_submit(renderer)); /* the next one finds room */
        gpu_give_way(renderer->session->gpu);
    }
    return renderer->lost ? pvgpu_fail(BG_PVGPU_ERROR_DEVICE_LOST) : outcome;
}

/* Whole rows, or parts of the one that a buffer is. */
static struct pvgpu_outcome fetch_slice(struct vulkan_renderer *renderer, struct pvgpu_place *piece,
                                        uint8_t *bytes)
{
    const struct pvgpu_level *level = &piece->resource->level[piece->level];
    uint64_t rows = level->row_pitch < PIECE ? PIECE / level->row_pitch : 1;
    uint64_t texels = PIECE / piece->resource->format->size;
    struct pvgpu_box *box = &piece->box;
    struct pvgpu_outcome outcome = pvgpu_ok();

    for (box->y = 0; box->y < level->height; box->y += box->height) {
        box->height = at_most(rows, level->height - box->y);
        for (box->x = 0; box->x < level->width; box->x += box->width) {
            box->width = at_most(texels, level->width - box->x);
            outcome = fetch(renderer, piece, bytes);
            if (outcome.code != BG_PVGPU_OK) {
                return outcome;
            }
        }
    }
    return outcome;
}

static struct pvgpu_outcome fetch_all(struct vulkan_renderer *renderer,
                                      struct pvgpu_resource *resource, uint8_t *bytes)
{
    struct pvgpu_place piece = {.resource = resource, .box.depth = 1};
    struct pvgpu_outcome outcome = pvgpu_ok();

    for (; piece.level < resource->levels; piece.level++) {
        uint32_t depth = resource->level[piece.level].depth;

        for (piece.box.z = 0; piece.box.z < depth; piece.box.z++) {
            outcome = fetch_slice(renderer, &piece, bytes);
            if (outcome.code != BG_PVGPU_OK) {
                return outcome;
            }
        }
    }
    return outcome;
}

struct pvgpu_outcome vulkan_adopt(struct pvgpu_context *context, struct pvgpu_resource *resource)
{
    struct pvgpu_outcome outcome = vulkan_create(context, resource);
    uint8_t *bytes;

    if (outcome.code != BG_PVGPU_OK) {
        return outcome;
    }
    bytes = malloc(PIECE);
    outcome = bytes != NULL ? fetch_all(vulkan_of(context), resource, bytes)
                            : pvgpu_fail(BG_PVGPU_ERROR_OUT_OF_MEMORY);
    free(bytes);
    if (outcome.code != BG_PVGPU_OK) {
        vulkan_destroy(context, resource);
    }
    return outcome;
}
