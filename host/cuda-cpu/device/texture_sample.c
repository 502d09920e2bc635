/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sampling. Coordinates are computed in double precision. Weights have 8 bits behind the point, 1
 * included; a texel of weight 0 does not count. Sums are in double precision, rounded once. A
 * coordinate that is no number is 0. Cubes are sampled face by face.
 */
#include <math.h>
#include <string.h>

#include "host/cuda-cpu/device/half.h"
#include "host/cuda-cpu/device/texture.h"

#define TAPS_MAX 16 /* of eight texels in each of two levels */
#define OUTSIDE (-1)

/* The texels that lanes read, one after the other. */
struct taps {
    unsigned count[WARP_LANES];
    uint64_t addresses[TAPS_MAX][WARP_LANES];
    double weights[TAPS_MAX][WARP_LANES];
    uint32_t inside[TAPS_MAX]; /* the lanes whose texel is in memory */
};

/* The lanes' texels, where each has one. */
struct places {
    uint64_t addresses[WARP_LANES];
    uint32_t inside; /* the lanes whose texel is in memory */
};

/* One lane's point. */
struct point {
    double coordinates[3];
    uint32_t layer;
    unsigned dimensions; /* that are sampled */
};

struct sampling {
    struct texture_request *request;
    const struct texture_form *form;
    const struct texture *texture;
    struct taps *taps;
};

/* Indices along one dimension, OUTSIDE among them, and their weights. */
struct axis {
    int64_t indices[2];
    double weights[2];
    unsigned count;
};

/* ---- Numbers ---- */

static float float_of(uint32_t bits)
{
    float number;

    memcpy(&number, &bits, sizeof(number));
    return number;
}

static double limited(double number, double least, double most)
{
    return number < least ? least : number > most ? most : number;
}

/* Quicker than the C library's, which is called. */
static double floor_of(double number)
{
    double whole;

    if (!(fabs(number) < 0x1p52)) {
        return number;
    }
    whole = (double)(int64_t)number;
    return whole - (whole > number);
}

static double weight_of(double fraction)
{
    return floor(fraction * 256 + 0.5) / 256;
}

static double half_number(uint16_t bits)
{
    unsigned exponent = bits >> 10 & 0x1F, fraction = bits & 0x3FF;
    double number = exponent == 0    ? ldexp(fraction, -24)
                    : exponent == 31 ? (fraction ? NAN : INFINITY)
                                     : ldexp(fraction | 0x400, (int)exponent - 25);

    return bits & 0x8000 ? -number : number;
}

/* ---- Texels ---- */

static uint32_t texel_size(const struct texture *texture)
{
    return texture_channel_size(texture->format) * texture->channels;
}

static bool is_float(const struct texture *texture)
{
    return texture->format == TEXTURE_F16 || texture->format == TEXTURE_F32 ||
           (!texture->reads_integers && texture_channel_size(texture->format) < 4);
}

/* Of a size that the compiler knows: else it would call the C library. */
static uint32_t bits_of(const unsigned char *bytes, unsigned size)
{
    uint32_t word;
    uint16_t half;

    switch (size) {
    case 1:
        return *bytes;
    case 2:
        memcpy(&half, bytes, sizeof(half));
        return half;
    default:
        memcpy(&word, bytes, sizeof(word));
        return word;
    }
}

static double integer_number(enum texture_format format, const unsigned char *bytes)
{
    uint32_t bits = bits_of(bytes, texture_channel_size(format));
    unsigned unused = 32 - 8 * texture_channel_size(format);

    return texture_is_signed(format) ? (double)((int32_t)(bits << unused) >> unused) : (double)bits;
}

static double linear_of_srgb(double number)
{
    return number <= 0.04045 ? number / 12.92 : pow((number + 0.055) / 1.055, 2.4);
}

/* 0 to 1, or -1 to 1, of which the least integer is also one. */
static double normalised(const struct texture *texture, double number, unsigned channel)
{
    unsigned bits = 8 * texture_channel_size(texture->format);
    bool has_sign = texture_is_signed(texture->format);

    number /= (double)((1u << (bits - has_sign)) - 1);
    if (texture->is_srgb && texture->format == TEXTURE_U8 && channel < 3) {
        return (double)(float)linear_of_srgb(number);
    }
    return number < -1 ? -1 : number;
}

static double channel_number(const struct texture *texture, const unsigned char *bytes,
                             unsigned channel)
{
    uint32_t word;
    uint16_t half;
    double number;

    switch (texture->format) {
    case TEXTURE_F32:
        memcpy(&word, bytes, sizeof(word));
        return (double)float_of(word);
    case TEXTURE_F16:
        memcpy(&half, bytes, sizeof(half));
        return half_number(half);
    default:
        number = integer_number(texture->format, bytes);
        return is_float(texture) ? normalised(texture, number, channel) : number;
    }
}

/* What a texel outside has: nothing, or the border's colour. */
static double outside_number(const struct sampling *sampling, unsigned channel)
{
    return sampling->form->has_integer_coordinates ? 0 : (double)sampling->texture->border[channel];
}

/* ---- Where texels are ---- */

static int64_t index_of(enum texture_address mode, int64_t index, int64_t size)
{
    if (index >= 0 && index < size) {
        return index;
    }
    switch (mode) {
    case TEXTURE_WRAP:
        return (index % size + size) % size;
    case TEXTURE_MIRROR:
        index = (index % (2 * size) + 2 * size) % (2 * size);
        return index < size ? index : 2 * size - 1 - index;
    case TEXTURE_CLAMP:
        return index < 0 ? 0 : size - 1;
    default:
        return OUTSIDE;
    }
}

/* Programming Guide, Texture Fetching: the coordinate in texels. */
static double in_texels(enum texture_address mode, double coordinate, uint32_t size,
                        bool is_normalised)
{
    double fraction = coordinate - floor_of(coordinate);

    if (is_normalised && mode == TEXTURE_WRAP) {
        coordinate = fraction;
    } else if (is_normalised && mode == TEXTURE_MIRROR) {
        coordinate = fmod(floor(coordinate), 2) != 0 ? 1 - fraction : fraction;
    }
    coordinate *= is_normalised ? size : 1;
    return isnan(coordinate) ? 0 : limited(coordinate, -0x1p32, 0x1p32);
}

static enum texture_address address_mode(const struct texture *texture, unsigned dimension,
                                         bool is_normalised)
{
    enum texture_address mode = texture->address[dimension];

    return is_normalised || mode == TEXTURE_BORDER ? mode : TEXTURE_CLAMP;
}

static struct axis integer_axis(int64_t coordinate, uint32_t size)
{
    return (struct axis){{index_of(TEXTURE_BORDER, coordinate, size)}, {1}, 1};
}

static struct axis float_axis(const struct texture *texture, bool is_cube, unsigned dimension,
                              double coordinate, uint32_t size, int32_t offset, bool is_linear)
{
    bool is_normalised = is_cube || texture->has_normalised_coordinates;
    enum texture_address mode =
        is_cube ? TEXTURE_CLAMP : address_mode(texture, dimension, is_normalised);
    struct axis axis = {.count = is_linear ? 2 : 1};
    double at, first;

    at = in_texels(mode, coordinate, size, is_normalised) - (is_linear ? 0.5 : 0);
    first = floor_of(at);
    for (unsigned i = 0; i < axis.count; i++) {
        axis.indices[i] = index_of(mode, (int64_t)first + i + offset, size);
    }
    axis.weights[1] = is_linear ? weight_of(at - first) : 0;
    axis.weights[0] = 1 - axis.weights[1];
    return axis;
}

static bool is_cube(const struct texture_form *form)
{
    return form->geometry == TEXTURE_CUBE || form->geometry == TEXTURE_ACUBE;
}

static bool is_filtered(const struct sampling *sampling)
{
    return sampling->form->operation == TEXTURE_GATHER ||
           (sampling->texture->is_linear && is_float(sampling->texture));
}

static struct axis axis_of(const struct sampling *sampling, const struct texture_level *level,
                           const struct point *point, unsigned dimension, uint32_t lane)
{
    const uint32_t sizes[] = {level->width, level->height, level->depth};
    int32_t offset = sampling->request->offsets[dimension][lane];
    double coordinate = point->coordinates[dimension];

    if (dimension >= point->dimensions) {
        return (struct axis){{0}, {1}, 1};
    }
    if (sampling->form->has_integer_coordinates) {
        return integer_axis((int64_t)coordinate + offset, sizes[dimension]);
    }
    return float_axis(sampling->texture, is_cube(sampling->form), dimension, coordinate,
                      sizes[dimension], offset, is_filtered(sampling));
}

static void add_tap(const struct sampling *sampling, const struct texture_level *level,
                    uint32_t lane, const int64_t indices[3], uint32_t layer, double weight)
{
    struct taps *taps = sampling->taps;
    unsigned tap = taps->count[lane]++;
    uint64_t size = texel_size(sampling->texture);

    taps->weights[tap][lane] = weight;
    if (indices[0] != OUTSIDE && indices[1] != OUTSIDE && indices[2] != OUTSIDE) {
        taps->inside[tap] |= 1u << lane;
        taps->addresses[tap][lane] = level->address + (uint64_t)indices[0] * size +
                                     (uint64_t)indices[1] * level->pitch +
                                     ((uint64_t)indices[2] + layer) * level->slice;
    }
}

static void add_level(const struct sampling *sampling, uint32_t number, uint32_t lane,
                      const struct point *point, double weight)
{
    const struct texture_level *level = &sampling->texture->levels[number];
    struct axis x = axis_of(sampling, level, point, 0, lane);
    struct axis y = axis_of(sampling, level, point, 1, lane);
    struct axis z = axis_of(sampling, level, point, 2, lane);

    for (unsigned k = 0; k < z.count; k++) {
        for (unsigned j = 0; j < y.count; j++) {
            for (unsigned i = 0; i < x.count; i++) {
                const int64_t indices[] = {x.indices[i], y.indices[j], z.indices[k]};
                double part = weight * x.weights[i] * y.weights[j] * z.weights[k];

                if (part != 0) {
                    add_tap(sampling, level, lane, indices, point->layer, part);
                }
            }
        }
    }
}

/* Counter-clockwise from the lower left one. */
static void add_footprint(const struct sampling *sampling, uint32_t number, uint32_t lane,
                          const struct point *point)
{
    static const unsigned char order[4][2] = {{0, 1}, {1, 1}, {1, 0}, {0, 0}};
    const struct texture_level *level = &sampling->texture->levels[number];
    struct axis x = axis_of(sampling, level, point, 0, lane);
    struct axis y = axis_of(sampling, level, point, 1, lane);

    for (unsigned i = 0; i < 4; i++) {
        const int64_t indices[] = {x.indices[order[i][0]], y.indices[order[i][1]], 0};

        add_tap(sampling, level, lane, indices, point->layer, 1);
    }
}

/* ---- Points ---- */

/* The face that a direction meets, and where. Programming Guide, Cubemap Textures; of equal ones
 * the last axis. */
static void project(struct point *point)
{
    double x = point->coordinates[0], y = point->coordinates[1], z = point->coordinates[2];
    double major, s, t;
    uint32_t face;

    if (fabs(z) >= fabs(x) && fabs(z) >= fabs(y)) {
        face = z < 0 ? 5 : 4;
        major = fabs(z);
        s = z < 0 ? -x : x;
        t = -y;
    } else if (fabs(y) >= fabs(x)) {
        face = y < 0 ? 3 : 2;
        major = fabs(y);
        s = x;
        t = y < 0 ? -z : z;
    } else {
        face = x < 0 ? 1 : 0;
        major = fabs(x);
        s = x < 0 ? z : -z;
        t = -y;
    }
    point->layer = point->layer * 6 + face;
    point->coordinates[0] = (s / major + 1) / 2;
    point->coordinates[1] = (t / major + 1) / 2;
    point->dimensions = 2;
}

static uint32_t limited_layer(const struct sampling *sampling, uint32_t layer, uint32_t each)
{
    uint32_t count = sampling->texture->levels[0].depth / each;

    return layer < count ? layer : count ? count - 1 : 0;
}

static unsigned dimensions_of(const struct texture_form *form)
{
    static const unsigned char dimensions[] = {
        [TEXTURE_1D] = 1,  [TEXTURE_2D] = 2,   [TEXTURE_3D] = 3,    [TEXTURE_A1D] = 1,
        [TEXTURE_A2D] = 2, [TEXTURE_CUBE] = 3, [TEXTURE_ACUBE] = 3,
    };

    return dimensions[form->geometry];
}

static bool is_of_layers(const struct texture_form *form)
{
    return form->geometry == TEXTURE_A1D || form->geometry == TEXTURE_A2D ||
           form->geometry == TEXTURE_ACUBE;
}

/* 0 for what is no number. */
static double number_of(uint32_t bits)
{
    double number = (double)float_of(bits);

    return isnan(number) ? 0 : number;
}

static struct point point_of(const struct sampling *sampling, uint32_t lane)
{
    const struct texture_form *form = sampling->form;
    bool is_array = is_of_layers(form);
    struct point point = {.dimensions = dimensions_of(form)};

    for (unsigned i = 0; i < point.dimensions; i++) {
        uint32_t bits = sampling->request->coordinates[i + is_array][lane];

        point.coordinates[i] =
            form->has_integer_coordinates ? (double)(int32_t)bits : number_of(bits);
    }
    if (is_array) {
        point.layer =
            limited_layer(sampling, sampling->request->coordinates[0][lane], is_cube(form) ? 6 : 1);
    }
    if (is_cube(form)) {
        project(&point);
    }
    return point;
}

/* ---- Levels ---- */

static double length_of(const struct sampling *sampling, unsigned which, unsigned dimensions,
                        uint32_t lane)
{
    const struct texture_level *level = &sampling->texture->levels[0];
    const double sizes[] = {level->width, level->height, level->depth};
    double sum = 0;

    for (unsigned i = 0; i < dimensions; i++) {
        double along = (double)sampling->request->gradients[which][i][lane] *
                       (sampling->texture->has_normalised_coordinates ? sizes[i] : 1);

        sum += along * along;
    }
    return sqrt(sum);
}

static double level_of(const struct sampling *sampling, unsigned dimensions, uint32_t lane)
{
    const struct texture *texture = sampling->texture;
    uint32_t bits = sampling->request->level[lane];
    double level = 0;

    if (sampling->form->lod == TEXTURE_LOD_GRADIENTS) {
        level = log2(fmax(length_of(sampling, 0, dimensions, lane),
                          length_of(sampling, 1, dimensions, lane)));
    } else if (sampling->form->lod == TEXTURE_LOD_LEVEL) {
        level = sampling->form->has_integer_coordinates ? (double)(int32_t)bits
                                                        : (double)float_of(bits);
    }
    level = limited(level + (double)texture->level_bias, (double)texture->level_min,
                    (double)texture->level_max);
    return isnan(level) ? 0 : limited(level, 0, texture->level_count - 1);
}

static void add_point(const struct sampling *sampling, uint32_t lane)
{
    struct point point = point_of(sampling, lane);
    double level = level_of(sampling, point.dimensions, lane);
    double weight = weight_of(level - floor(level));

    if (sampling->form->operation == TEXTURE_GATHER) {
        add_footprint(sampling, 0, lane, &point);
    } else if (!sampling->texture->is_linear_in_levels || !is_float(sampling->texture)) {
        add_level(sampling, (uint32_t)floor(level + 0.5), lane, &point, 1);
    } else {
        add_level(sampling, (uint32_t)level, lane, &point, 1 - weight);
        if (weight > 0) {
            add_level(sampling, (uint32_t)level + 1, lane, &point, weight);
        }
    }
}

/* ---- Results ---- */

static uint32_t result_bits(const struct sampling *sampling, double number)
{
    float single = (float)number;
    uint32_t bits;

    if (!is_float(sampling->texture)) {
        return (uint32_t)(int64_t)number & (sampling->form->is_half ? UINT16_MAX : UINT32_MAX);
    }
    if (sampling->form->is_half) {
        return half_encode_f16(number);
    }
    memcpy(&bits, &single, sizeof(bits));
    return bits;
}

/* Sums of weighted channels; of GATHER one channel of each. A channel that is not there is 0, the
 * fourth one 1. */
struct sums {
    double numbers[4][WARP_LANES];
};

static void add_texel(const struct sampling *sampling, struct sums *sums, unsigned tap,
                      uint32_t lane, const unsigned char *texel)
{
    const struct texture *texture = sampling->texture;
    double weight = sampling->taps->weights[tap][lane];
    bool is_inside = sampling->taps->inside[tap] >> lane & 1;

    for (unsigned channel = 0; channel < texture->channels; channel++) {
        double number =
            is_inside
                ? channel_number(texture, texel + channel * texture_channel_size(texture->format),
                                 channel)
                : outside_number(sampling, channel);

        if (sampling->form->operation != TEXTURE_GATHER) {
            number *= weight;
            sums->numbers[channel][lane] =
                tap == 0 ? number : sums->numbers[channel][lane] + number;
        } else if (channel == sampling->form->component) {
            sums->numbers[tap][lane] = number;
        }
    }
}

static void start_sums(const struct sampling *sampling, struct sums *sums)
{
    bool is_gather = sampling->form->operation == TEXTURE_GATHER;

    for (unsigned channel = 0; channel < 4; channel++) {
        double number = (is_gather ? sampling->form->component : channel) == 3;

        for (unsigned lane = 0; lane < WARP_LANES; lane++) {
            sums->numbers[channel][lane] = number;
        }
    }
}

static uint32_t lanes_with(const struct taps *taps, unsigned tap, uint32_t mask)
{
    uint32_t lanes = 0;

    for (unsigned lane = 0; lane < WARP_LANES; lane++) {
        lanes |= taps->count[lane] > tap ? 1u << lane : 0;
    }
    return lanes & mask;
}

static void read_texels(struct warp *warp, const struct sampling *sampling, struct sums *sums,
                        uint32_t mask, uint32_t site)
{
    uint32_t size = texel_size(sampling->texture);
    unsigned char texels[WARP_LANES * 16];
    uint32_t lanes;

    for (unsigned tap = 0; tap < TAPS_MAX && (lanes = lanes_with(sampling->taps, tap, mask)) != 0;
         tap++) {
        warp->gather(warp, texels, sampling->taps->addresses[tap],
                     sampling->taps->inside[tap] & lanes, size, site);
        for (; lanes; lanes &= lanes - 1) {
            uint32_t lane = (uint32_t)__builtin_ctz(lanes);

            add_texel(sampling, sums, tap, lane, texels + lane * size);
        }
    }
}

/* ---- One texel for each lane ---- */

/* Neither filtered nor of levels that lanes choose, as most are. */
static bool is_of_points(const struct sampling *sampling)
{
    const struct texture *texture = sampling->texture;

    return !is_filtered(sampling) && !is_cube(sampling->form) &&
           (texture->level_count == 1 ||
            (sampling->form->lod == TEXTURE_LOD_NONE && !texture->is_linear_in_levels));
}

/* Adds how far from the image's start the lanes' texels are along one dimension. */
static void add_steps(const struct sampling *sampling, unsigned dimension,
                      const uint32_t *coordinates, uint32_t size, uint64_t step,
                      struct places *places)
{
    const int32_t *offsets = sampling->request->offsets[dimension];
    bool is_integer = sampling->form->has_integer_coordinates;
    bool is_normalised = sampling->texture->has_normalised_coordinates;
    enum texture_address mode =
        is_integer ? TEXTURE_BORDER : address_mode(sampling->texture, dimension, is_normalised);

    for (uint32_t left = places->inside; left; left &= left - 1) {
        uint32_t lane = (uint32_t)__builtin_ctz(left);
        int64_t index = is_integer ? (int32_t)coordinates[lane]
                                   : (int64_t)floor_of(in_texels(mode, number_of(coordinates[lane]),
                                                                 size, is_normalised));

        index = index_of(mode, index + offsets[lane], size);
        places->addresses[lane] += (uint64_t)index * step;
        places->inside &= ~((uint32_t)(index == OUTSIDE) << lane);
    }
}

static void find_texels(const struct sampling *sampling, uint32_t mask, struct places *places)
{
    uint32_t first = (uint32_t)__builtin_ctz(mask);
    unsigned dimensions = dimensions_of(sampling->form);
    unsigned is_array = is_of_layers(sampling->form);
    const struct texture *texture = sampling->texture;
    const struct texture_level *level =
        &texture->levels[(uint32_t)floor(level_of(sampling, dimensions, first) + 0.5)];
    const uint32_t sizes[] = {level->width, level->height, level->depth};
    const uint64_t steps[] = {texel_size(texture), level->pitch, level->slice};
    const uint32_t(*coordinates)[WARP_LANES] = sampling->request->coordinates;

    places->inside = mask;
    for (uint32_t lane = 0; lane < WARP_LANES; lane++) {
        places->addresses[lane] =
            level->address +
            (is_array ? limited_layer(sampling, coordinates[0][lane], 1) * level->slice : 0);
    }
    for (unsigned i = 0; i < dimensions; i++) {
        add_steps(sampling, i, coordinates[i + is_array], sizes[i], steps[i], places);
    }
}

static uint32_t channel_bits(const struct sampling *sampling, const unsigned char *bytes,
                             unsigned channel)
{
    return result_bits(sampling, channel_number(sampling->texture, bytes, channel));
}

/* Of bytes that are read as 0 to 1: quotients are rounded once, in double precision or not. */
static uint32_t byte_bits(unsigned char byte)
{
    float number = (float)byte / 255;
    uint32_t bits;

    memcpy(&bits, &number, sizeof(bits));
    return bits;
}

static bool is_of_bytes(const struct sampling *sampling)
{
    const struct texture *texture = sampling->texture;

    return texture->format == TEXTURE_U8 && !texture->reads_integers && !texture->is_srgb &&
           !sampling->form->is_half;
}

static void put_channel(const struct sampling *sampling, unsigned channel, uint32_t mask,
                        const struct places *places, const unsigned char *texels)
{
    uint32_t *results = sampling->request->results[channel], lane;
    uint32_t size = texel_size(sampling->texture);
    uint32_t outside = result_bits(sampling, outside_number(sampling, channel));
    bool is_of_byte = is_of_bytes(sampling);

    texels += channel * texture_channel_size(sampling->texture->format);
    for (; mask; mask &= mask - 1) {
        lane = (uint32_t)__builtin_ctz(mask);
        if (!(places->inside >> lane & 1)) {
            results[lane] = outside;
        } else if (is_of_byte) {
            results[lane] = byte_bits(texels[lane * size]);
        } else {
            results[lane] = channel_bits(sampling, texels + lane * size, channel);
        }
    }
}

static void put_missing(const struct sampling *sampling, unsigned channel, uint32_t mask)
{
    uint32_t bits = result_bits(sampling, channel == 3);

    for (; mask; mask &= mask - 1) {
        sampling->request->results[channel][__builtin_ctz(mask)] = bits;
    }
}

static void sample_points(struct warp *warp, const struct sampling *sampling, uint32_t mask,
                          uint32_t site)
{
    unsigned char texels[WARP_LANES * 16];
    struct places places;

    find_texels(sampling, mask, &places);
    warp->gather(warp, texels, places.addresses, places.inside, texel_size(sampling->texture),
                 site);
    for (unsigned channel = 0; channel < 4; channel++) {
        if (channel < sampling->texture->channels) {
            put_channel(sampling, channel, mask, &places, texels);
        } else {
            put_missing(sampling, channel, mask);
        }
    }
}

/* ---- All ---- */

static void sample_taps(struct warp *warp, const struct sampling *of, uint32_t mask, uint32_t site)
{
    struct texture_request *request = of->request;
    struct taps taps;
    struct sums sums;
    const struct sampling sampling = {request, of->form, of->texture, &taps};

    memset(taps.count, 0, sizeof(taps.count));
    memset(taps.inside, 0, sizeof(taps.inside));
    for (uint32_t left = mask; left; left &= left - 1) {
        add_point(&sampling, (uint32_t)__builtin_ctz(left));
    }
    start_sums(&sampling, &sums);
    read_texels(warp, &sampling, &sums, mask, site);
    for (; mask; mask &= mask - 1) {
        uint32_t lane = (uint32_t)__builtin_ctz(mask);

        for (unsigned channel = 0; channel < 4; channel++) {
            request->results[channel][lane] = result_bits(&sampling, sums.numbers[channel][lane]);
        }
    }
}

void sample_texture(struct warp *warp, struct texture_request *request,
                    const struct texture_form *form, const struct texture *texture, uint32_t mask,
                    uint32_t site)
{
    const struct sampling sampling = {request, form, texture, NULL};

    if (is_of_points(&sampling)) {
        sample_points(warp, &sampling, mask, site);
    } else {
        sample_taps(warp, &sampling, mask, site);
    }
}
