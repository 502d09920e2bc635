/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/models/ptx/texture.h"

#include <math.h>
#include <string.h>

#include "tests/models/ptx/float.h"

struct texel {
    double channels[4];
};

/* ---- Texels ---- */

bool model_is_float(const struct texture *texture)
{
    switch (texture->format) {
    case TEXTURE_F16:
    case TEXTURE_F32:
        return true;
    case TEXTURE_U32:
    case TEXTURE_S32:
        return false;
    default:
        return !texture->reads_integers;
    }
}

static double from_srgb(double c)
{
    return c <= 0.04045 ? c / 12.92 : pow((c + 0.055) / 1.055, 2.4);
}

static double channel(const struct texture *texture, const unsigned char *at, bool is_alpha)
{
    bool raw = texture->reads_integers;
    int16_t s16;
    uint16_t u16;
    int32_t s32;
    uint32_t u32;
    double unit;

    switch (texture->format) {
    case TEXTURE_U8:
        unit = at[0] / 255.0;
        return raw ? at[0] : texture->is_srgb && !is_alpha ? (double)(float)from_srgb(unit) : unit;
    case TEXTURE_S8:
        return raw ? (int8_t)at[0] : fmax((int8_t)at[0] / 127.0, -1);
    case TEXTURE_U16:
        memcpy(&u16, at, 2);
        return raw ? u16 : u16 / 65535.0;
    case TEXTURE_S16:
        memcpy(&s16, at, 2);
        return raw ? s16 : fmax(s16 / 32767.0, -1);
    case TEXTURE_U32:
        memcpy(&u32, at, 4);
        return u32;
    case TEXTURE_S32:
        memcpy(&s32, at, 4);
        return s32;
    case TEXTURE_F16:
        memcpy(&u16, at, 2);
        return decode(PTX_W_F16, u16);
    default:
        memcpy(&u32, at, 4);
        return decode(PTX_W_F32, u32);
    }
}

static unsigned channel_bytes(const struct texture *texture)
{
    switch (texture->format) {
    case TEXTURE_U8:
    case TEXTURE_S8:
        return 1;
    case TEXTURE_U16:
    case TEXTURE_S16:
    case TEXTURE_F16:
        return 2;
    default:
        return 4;
    }
}

/* At whole numbers; outside there is the border, or nothing. */
static struct texel texel_at(const struct texture *texture, unsigned level, double x, double y,
                             double z, bool has_border)
{
    const struct texture_level *in = &texture->levels[level];
    struct texel texel = {{0, 0, 0, 1}};

    for (unsigned i = 0; i < texture->channels; i++) {
        if (x < 0 || y < 0 || z < 0 || x >= in->width || y >= in->height || z >= in->depth) {
            texel.channels[i] = has_border ? (double)texture->border[i] : 0;
        } else {
            const unsigned char *at = (const unsigned char *)(uintptr_t)in->address +
                                      (size_t)z * in->slice + (size_t)y * in->pitch +
                                      ((size_t)x * texture->channels + i) * channel_bytes(texture);

            texel.channels[i] = channel(texture, at, i == 3);
        }
    }
    return texel;
}

/* ---- One dimension ---- */

struct coordinate {
    enum texture_address mode;
    double size;
    double at;        /* in texels */
    bool is_filtered; /* between two texels */
};

static double mod(double a, double n)
{
    return a - n * floor(a / n);
}

/* A whole number of texels, by the address mode. */
static double addressed(const struct coordinate *c, double i)
{
    switch (c->mode) {
    case TEXTURE_CLAMP:
        return fmin(fmax(i, 0), c->size - 1);
    case TEXTURE_WRAP:
        return mod(i, c->size);
    case TEXTURE_MIRROR:
        i = mod(i, 2 * c->size);
        return i < c->size ? i : 2 * c->size - 1 - i;
    default:
        return i;
    }
}

static double scaled(const struct texture *texture, enum texture_address mode, bool normalised,
                     double x, double size)
{
    if (!normalised) {
        return x;
    }
    (void)texture;
    if (mode == TEXTURE_WRAP) {
        x = x - floor(x);
    } else if (mode == TEXTURE_MIRROR) {
        x = mod(floor(x), 2) == 0 ? x - floor(x) : 1 - (x - floor(x));
    }
    return x * size;
}

static double fixed_point(double fraction)
{
    return floor(fraction * 256 + 0.5) / 256;
}

/* Weight and place of texel 0 or 1. */
static double place_of(const struct coordinate *c, int which, int offset, double *weight)
{
    double shifted = c->at - 0.5, alpha = fixed_point(shifted - floor(shifted));

    if (!c->is_filtered) {
        *weight = which == 0;
        return addressed(c, floor(c->at) + offset);
    }
    *weight = which ? alpha : 1 - alpha;
    return addressed(c, floor(shifted) + which + offset);
}

/* ---- Points ---- */

struct model_point {
    double x[3];
    unsigned dimensions;
    double layer;
    bool is_cube;
};

static double number_of(const struct texture_fetch *fetch, uint32_t bits)
{
    return fetch->is_integer ? (double)(int32_t)bits : decode(PTX_W_F32, bits);
}

static void find_face(struct model_point *point)
{
    double x = point->x[0], y = point->x[1], z = point->x[2], m, s, t;
    int face;

    if (fabs(z) >= fabs(x) && fabs(z) >= fabs(y)) {
        face = z >= 0 ? 4 : 5;
        m = fabs(z), s = z >= 0 ? x : -x, t = -y;
    } else if (fabs(y) >= fabs(x)) {
        face = y >= 0 ? 2 : 3;
        m = fabs(y), s = x, t = y >= 0 ? z : -z;
    } else {
        face = x >= 0 ? 0 : 1;
        m = fabs(x), s = x >= 0 ? -z : z, t = -y;
    }
    point->layer = point->layer * 6 + face;
    point->x[0] = (s / m + 1) / 2;
    point->x[1] = (t / m + 1) / 2;
    point->dimensions = 2;
    point->is_cube = true;
}

static struct model_point point_of(const struct texture *texture, const struct texture_fetch *fetch)
{
    static const unsigned dimensions[] = {1, 2, 3, 1, 2, 3, 3};
    bool has_layer = fetch->geometry == TEXTURE_A1D || fetch->geometry == TEXTURE_A2D ||
                     fetch->geometry == TEXTURE_ACUBE;
    struct model_point point = {.dimensions = dimensions[fetch->geometry]};
    double layers = texture->levels[0].depth;

    for (unsigned i = 0; i < point.dimensions; i++) {
        point.x[i] = number_of(fetch, fetch->coordinates[i + has_layer]);
        point.x[i] = isnan(point.x[i]) ? 0 : point.x[i];
    }
    if (has_layer) {
        layers = fetch->geometry == TEXTURE_ACUBE ? layers / 6 : layers;
        point.layer = fmin(fetch->coordinates[0], layers - 1);
    }
    if (fetch->geometry == TEXTURE_CUBE || fetch->geometry == TEXTURE_ACUBE) {
        find_face(&point);
    }
    return point;
}

static struct coordinate coordinate_of(const struct texture *texture,
                                       const struct texture_fetch *fetch,
                                       const struct model_point *point, unsigned level, unsigned i)
{
    const struct texture_level *in = &texture->levels[level];
    const double sizes[] = {in->width, in->height, in->depth};
    bool normalised = point->is_cube || texture->has_normalised_coordinates;
    struct coordinate c = {.mode = texture->address[i], .size = sizes[i]};

    c.mode = point->is_cube || (!normalised && c.mode != TEXTURE_BORDER) ? TEXTURE_CLAMP : c.mode;
    c.is_filtered = fetch->gather >= 0 || (texture->is_linear && model_is_float(texture));
    if (fetch->is_integer) {
        return (struct coordinate){TEXTURE_BORDER, sizes[i], point->x[i], false};
    }
    c.at = scaled(texture, c.mode, normalised, point->x[i], sizes[i]);
    c.at = isnan(c.at) ? 0 : fmin(fmax(c.at, -4294967296.0), 4294967296.0);
    return c;
}

static struct texel filtered(const struct texture *texture, const struct texture_fetch *fetch,
                             const struct model_point *point, unsigned level)
{
    struct texel sum = {{0, 0, 0, texture->channels < 4}};
    struct coordinate c[3] = {0};

    for (unsigned i = 0; i < point->dimensions; i++) {
        c[i] = coordinate_of(texture, fetch, point, level, i);
    }
    for (int corner = 0; corner < 8; corner++) {
        double weight = 1, at[3] = {0};
        struct texel texel;

        for (unsigned i = 0; i < 3; i++) {
            double part = !(corner >> i & 1);

            if (i < point->dimensions) {
                at[i] = place_of(&c[i], corner >> i & 1, fetch->offsets[i], &part);
            }
            weight *= part;
        }
        texel = texel_at(texture, level, at[0], at[1], at[2] + point->layer, !fetch->is_integer);
        for (unsigned i = 0; i < texture->channels && weight > 0; i++) {
            sum.channels[i] += weight * texel.channels[i];
        }
    }
    return sum;
}

static void gathered(const struct texture *texture, const struct texture_fetch *fetch,
                     const struct model_point *point, double results[4])
{
    static const int order[4][2] = {{0, 1}, {1, 1}, {1, 0}, {0, 0}};
    struct coordinate x = coordinate_of(texture, fetch, point, 0, 0);
    struct coordinate y = coordinate_of(texture, fetch, point, 0, 1);

    for (int i = 0; i < 4; i++) {
        double weight;
        double at_x = place_of(&x, order[i][0], fetch->offsets[0], &weight);
        double at_y = place_of(&y, order[i][1], fetch->offsets[1], &weight);

        results[i] = texel_at(texture, 0, at_x, at_y, point->layer, true).channels[fetch->gather];
    }
}

/* ---- Levels ---- */

static double length(const struct texture *texture, const float *gradient, unsigned dimensions)
{
    const double sizes[] = {texture->levels[0].width, texture->levels[0].height,
                            texture->levels[0].depth};
    double sum = 0;

    for (unsigned i = 0; i < dimensions; i++) {
        sum += pow((double)gradient[i] * (texture->has_normalised_coordinates ? sizes[i] : 1), 2);
    }
    return sqrt(sum);
}

static double level_of(const struct texture *texture, const struct texture_fetch *fetch,
                       unsigned dimensions)
{
    double level = 0;

    if (fetch->lod == TEXTURE_LOD_LEVEL) {
        level = number_of(fetch, fetch->level);
    } else if (fetch->lod == TEXTURE_LOD_GRADIENTS) {
        level = log2(fmax(length(texture, fetch->gradients[0], dimensions),
                          length(texture, fetch->gradients[1], dimensions)));
    }
    level += (double)texture->level_bias;
    if (isnan(level)) {
        return 0;
    }
    level = fmin(fmax(level, (double)texture->level_min), (double)texture->level_max);
    return fmin(fmax(level, 0), texture->level_count - 1);
}

void model_fetch(const struct texture *texture, const struct texture_fetch *fetch,
                 double results[4])
{
    struct model_point point = point_of(texture, fetch);
    double level = level_of(texture, fetch, point.dimensions);
    double part = fixed_point(level - floor(level));
    struct texel low, high;

    if (fetch->gather >= 0) {
        gathered(texture, fetch, &point, results);
        return;
    }
    if (!texture->is_linear_in_levels || !model_is_float(texture)) {
        low = filtered(texture, fetch, &point, (unsigned)floor(level + 0.5));
        memcpy(results, low.channels, sizeof(low.channels));
        return;
    }
    low = filtered(texture, fetch, &point, (unsigned)level);
    high = part > 0 ? filtered(texture, fetch, &point, (unsigned)level + 1) : low;
    for (unsigned i = 0; i < 4; i++) {
        results[i] = (1 - part) * low.channels[i] + (part > 0 ? part * high.channels[i] : 0);
    }
}
