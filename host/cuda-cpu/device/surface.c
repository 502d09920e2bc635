/* SPDX-License-Identifier: BSD-2-Clause */
/* Loads, stores and reductions of surfaces. */
#include <string.h>

#include "host/cuda-cpu/device/half.h"
#include "host/cuda-cpu/device/texture.h"

/* Where a lane's access is, in bytes and rows and slices. */
struct spot {
    int64_t x, y, z;
};

static unsigned texel_size(const struct texture *surface)
{
    return texture_channel_size(surface->format) * surface->channels;
}

/* Bytes of all elements of an access. */
static unsigned access_size(const struct texture_form *form, const struct texture *surface)
{
    return form->is_formatted && form->operation != SURFACE_REDUCE
               ? texel_size(surface)
               : (unsigned)(form->size * form->elements);
}

static struct spot spot_of(const struct surface_request *request, const struct texture_form *form,
                           const struct texture *surface, uint32_t lane)
{
    bool is_array = form->geometry == TEXTURE_A1D || form->geometry == TEXTURE_A2D;
    bool has_y = form->geometry != TEXTURE_1D && form->geometry != TEXTURE_A1D;
    int32_t layer = (int32_t)request->coordinates[0][lane];
    struct spot spot = {.x = (int32_t)request->coordinates[is_array][lane]};

    if (form->is_formatted) {
        spot.x *= texel_size(surface);
    }
    if (has_y) {
        spot.y = (int32_t)request->coordinates[is_array + 1][lane];
    }
    spot.z = is_array                       ? layer
             : form->geometry == TEXTURE_3D ? (int32_t)request->coordinates[2][lane]
                                            : 0;
    return spot;
}

static int64_t limited(int64_t number, int64_t most)
{
    return number < 0 ? 0 : number > most ? most : number;
}

/* False: it is outside, and stays there. */
static bool find_address(const struct texture_form *form, const struct texture *surface,
                         struct spot spot, uint64_t *address)
{
    const struct texture_level *level = &surface->levels[0];
    int64_t size = access_size(form, surface);
    struct spot most = {
        .x = (int64_t)level->width * texel_size(surface) - size,
        .y = (int64_t)level->height - 1,
        .z = (int64_t)level->depth - 1,
    };

    if (form->outside == TEXTURE_OUTSIDE_CLAMP) {
        spot = (struct spot){limited(spot.x, most.x), limited(spot.y, most.y),
                             limited(spot.z, most.z)};
    }
    if (spot.x < 0 || spot.y < 0 || spot.z < 0 || spot.x > most.x || spot.y > most.y ||
        spot.z > most.z) {
        return false;
    }
    *address = level->address + (uint64_t)spot.x + (uint64_t)spot.y * level->pitch +
               (uint64_t)spot.z * level->slice;
    return true;
}

/* ---- Values ---- */

static void clear_lanes(struct surface_request *request, const struct texture_form *form,
                        uint32_t mask)
{
    for (unsigned i = 0; i < form->elements; i++) {
        for (uint32_t lanes = mask; lanes; lanes &= lanes - 1) {
            memset(request->values[i] + (size_t)__builtin_ctz(lanes) * form->size, 0, form->size);
        }
    }
}

static void move_elements(struct warp *warp, struct surface_request *request,
                          const struct texture_form *form, uint64_t addresses[WARP_LANES],
                          uint32_t mask, uint32_t site)
{
    for (unsigned i = 0; i < form->elements; i++) {
        if (form->operation == SURFACE_LOAD) {
            warp->gather(warp, request->values[i], addresses, mask, form->size, site);
        } else {
            warp->scatter(warp, request->values[i], addresses, mask, form->size | WARP_ACCESS_WRITE,
                          site);
        }
        for (unsigned lane = 0; lane < WARP_LANES; lane++) {
            addresses[lane] += form->size;
        }
    }
}

static uint32_t limited_bits(enum texture_format format, uint32_t bits)
{
    unsigned width = 8 * texture_channel_size(format);
    int64_t most =
        texture_is_signed(format) ? (INT64_C(1) << (width - 1)) - 1 : (INT64_C(1) << width) - 1;
    int64_t least = texture_is_signed(format) ? -most - 1 : 0;
    int64_t number = texture_is_signed(format) ? (int64_t)(int32_t)bits : (int64_t)bits;

    return (uint32_t)(number < least ? least : number > most ? most : number);
}

/* A value of 32 bits, as the format has it: f32, or an integer that is limited to its range. */
static uint32_t channel_bits(enum texture_format format, uint32_t bits)
{
    float number;

    switch (format) {
    case TEXTURE_F32:
        return bits;
    case TEXTURE_F16:
        memcpy(&number, &bits, sizeof(number));
        return half_encode_f16((double)number);
    default:
        return limited_bits(format, bits);
    }
}

/* Channels that no value is given for are zero. */
static void store_texels(struct warp *warp, const struct surface_request *request,
                         const struct texture_form *form, const struct texture *surface,
                         const uint64_t *addresses, uint32_t mask, uint32_t site)
{
    unsigned char texels[WARP_LANES * 16] = {0};
    unsigned size = texel_size(surface), each = texture_channel_size(surface->format);

    for (uint32_t lane = 0; lane < WARP_LANES; lane++) {
        for (unsigned i = 0; i < form->elements && i < surface->channels; i++) {
            uint32_t bits;

            memcpy(&bits, request->values[i] + lane * sizeof(bits), sizeof(bits));
            bits = channel_bits(surface->format, bits);
            memcpy(texels + lane * size + i * each, &bits, each);
        }
    }
    warp->scatter(warp, texels, addresses, mask, size | WARP_ACCESS_WRITE, site);
}

/* Formatted: of the sign that the format has. */
static void reduce(struct warp *warp, const struct surface_request *request,
                   const struct texture_form *form, const struct texture *surface,
                   const uint64_t *addresses, uint32_t mask, uint32_t site)
{
    unsigned char old[WARP_LANES * sizeof(uint64_t)];
    uint32_t operation = (uint32_t)form->atomic;

    if (form->is_formatted) {
        bool has_sign = texture_is_signed(surface->format);
        enum warp_type type =
            form->size == 8 ? (has_sign ? WARP_S64 : WARP_U64) : (has_sign ? WARP_S32 : WARP_U32);

        operation |= (uint32_t)type << WARP_ATOMIC_TYPE_SHIFT;
    }
    warp->atomic(warp, old, addresses, request->values[0], request->values[0], mask, operation,
                 site);
}

void access_surface(struct warp *warp, struct surface_request *request,
                    const struct texture_form *form, const struct texture *surface, uint32_t mask,
                    uint32_t site)
{
    uint64_t addresses[WARP_LANES];
    uint32_t inside = 0;

    for (uint32_t left = mask; left; left &= left - 1) {
        uint32_t lane = (uint32_t)__builtin_ctz(left);
        struct spot spot = spot_of(request, form, surface, lane);

        inside |= find_address(form, surface, spot, &addresses[lane]) ? 1u << lane : 0;
    }
    if (inside != mask && form->outside == TEXTURE_OUTSIDE_TRAP) {
        texture_refuse(warp, "outside of the surface", mask & ~inside, site);
    }
    if (form->operation == SURFACE_LOAD) {
        clear_lanes(request, form, mask & ~inside);
    }
    if (form->operation == SURFACE_REDUCE) {
        reduce(warp, request, form, surface, addresses, inside, site);
    } else if (form->is_formatted) {
        store_texels(warp, request, form, surface, addresses, inside, site);
    } else {
        move_elements(warp, request, form, addresses, inside, site);
    }
}
