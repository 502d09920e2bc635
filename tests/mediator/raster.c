/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/mediator/raster.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void raster_reset(struct raster *raster)
{
    const struct bg_pvgpu_stencil_face keep = {
        .fail_op = BG_PVGPU_STENCIL_OP_KEEP,
        .depth_fail_op = BG_PVGPU_STENCIL_OP_KEEP,
        .pass_op = BG_PVGPU_STENCIL_OP_KEEP,
        .func = BG_PVGPU_COMPARISON_ALWAYS,
    };

    *raster = (struct raster){
        .rasterizer = {.fill_mode = BG_PVGPU_FILL_SOLID,
                       .cull_mode = BG_PVGPU_CULL_BACK,
                       .depth_clip = 1},
        .depth_stencil = {.depth_write_mask = 1,
                          .depth_func = BG_PVGPU_COMPARISON_LESS,
                          .read_mask = 0xFF,
                          .write_mask = 0xFF,
                          .front = keep,
                          .back = keep},
        .blend = {.write_mask = BG_PVGPU_COLOR_WRITE_ALL},
        .blend_factor = {1, 1, 1, 1},
        .depth_unit = 1.0f / 0xFFFFFF,
    };
    for (uint32_t i = 0; i < RASTER_PIXELS; i++) {
        raster->depth[i] = 1;
    }
}

uint8_t raster_to_byte(float value)
{
    float clamped = value > 0 ? value < 1 ? value : 1 : 0; /* NaN: 0 */

    return (uint8_t)lrintf(clamped * 255);
}

void raster_clear(struct raster *raster, const float colour[4])
{
    for (uint32_t i = 0; i < RASTER_PIXELS; i++) {
        for (int j = 0; j < 4; j++) {
            raster->pixels[i][j] = raster_to_byte(colour[j]);
        }
    }
}

/* ---- Comparisons, stencil ---- */

static bool compare(uint32_t func, double a, double b)
{
    switch (func) {
    case BG_PVGPU_COMPARISON_NEVER:
        return false;
    case BG_PVGPU_COMPARISON_LESS:
        return a < b;
    case BG_PVGPU_COMPARISON_EQUAL:
        return a == b;
    case BG_PVGPU_COMPARISON_LESS_EQUAL:
        return a <= b;
    case BG_PVGPU_COMPARISON_GREATER:
        return a > b;
    case BG_PVGPU_COMPARISON_NOT_EQUAL:
        return a != b;
    case BG_PVGPU_COMPARISON_GREATER_EQUAL:
        return a >= b;
    default:
        return true;
    }
}

static uint8_t change_stencil(uint32_t op, uint8_t value, uint8_t reference)
{
    switch (op) {
    case BG_PVGPU_STENCIL_OP_ZERO:
        return 0;
    case BG_PVGPU_STENCIL_OP_REPLACE:
        return reference;
    case BG_PVGPU_STENCIL_OP_INCR_SAT:
        return value < 255 ? value + 1 : 255;
    case BG_PVGPU_STENCIL_OP_DECR_SAT:
        return value > 0 ? value - 1 : 0;
    case BG_PVGPU_STENCIL_OP_INVERT:
        return (uint8_t)~value;
    case BG_PVGPU_STENCIL_OP_INCR:
        return (uint8_t)(value + 1);
    case BG_PVGPU_STENCIL_OP_DECR:
        return (uint8_t)(value - 1);
    default:
        return value;
    }
}

/* Both tests, and what they write; whether the pixel is drawn. */
static bool test_pixel(struct raster *raster, const struct raster_fragment *fragment)
{
    const struct bg_pvgpu_create_depth_stencil_state *state = &raster->depth_stencil;
    const struct bg_pvgpu_stencil_face *face = fragment->is_front ? &state->front : &state->back;
    uint8_t *stencil = &raster->stencil[fragment->pixel];
    float *depth = &raster->depth[fragment->pixel];
    bool depth_passes = !state->depth_enable || compare(state->depth_func, fragment->z, *depth);
    bool stencil_passes =
        !state->stencil_enable ||
        compare(face->func, raster->stencil_ref & state->read_mask, *stencil & state->read_mask);

    if (state->stencil_enable) {
        uint32_t op = !stencil_passes ? face->fail_op
                      : depth_passes  ? face->pass_op
                                      : face->depth_fail_op;
        uint8_t changed = change_stencil(op, *stencil, raster->stencil_ref);

        *stencil = (uint8_t)((*stencil & ~state->write_mask) | (changed & state->write_mask));
    }
    if (stencil_passes && depth_passes && state->depth_enable && state->depth_write_mask) {
        *depth = fragment->z;
    }
    return stencil_passes && depth_passes;
}

/* ---- Blending ---- */

static float get_factor(const struct raster *raster, uint32_t factor, const float source[4],
                        const float target[4], int channel)
{
    switch (factor) {
    case BG_PVGPU_BLEND_ZERO:
        return 0;
    case BG_PVGPU_BLEND_SRC_COLOR:
        return source[channel];
    case BG_PVGPU_BLEND_INV_SRC_COLOR:
        return 1 - source[channel];
    case BG_PVGPU_BLEND_SRC_ALPHA:
        return source[3];
    case BG_PVGPU_BLEND_INV_SRC_ALPHA:
        return 1 - source[3];
    case BG_PVGPU_BLEND_DEST_ALPHA:
        return target[3];
    case BG_PVGPU_BLEND_INV_DEST_ALPHA:
        return 1 - target[3];
    case BG_PVGPU_BLEND_DEST_COLOR:
        return target[channel];
    case BG_PVGPU_BLEND_INV_DEST_COLOR:
        return 1 - target[channel];
    case BG_PVGPU_BLEND_SRC_ALPHA_SAT:
        return channel == 3 ? 1 : fminf(source[3], 1 - target[3]);
    case BG_PVGPU_BLEND_BLEND_FACTOR:
        return raster->blend_factor[channel];
    case BG_PVGPU_BLEND_INV_BLEND_FACTOR:
        return 1 - raster->blend_factor[channel];
    default:
        return 1;
    }
}

static float combine(uint32_t op, float source, float target, float scaled_source,
                     float scaled_target)
{
    switch (op) {
    case BG_PVGPU_BLEND_OP_SUBTRACT:
        return scaled_source - scaled_target;
    case BG_PVGPU_BLEND_OP_REV_SUBTRACT:
        return scaled_target - scaled_source;
    case BG_PVGPU_BLEND_OP_MIN:
        return fminf(source, target);
    case BG_PVGPU_BLEND_OP_MAX:
        return fmaxf(source, target);
    default:
        return scaled_source + scaled_target;
    }
}

static float blend_channel(const struct raster *raster, const float source[4],
                           const float target[4], int channel)
{
    const struct bg_pvgpu_blend_target *blend = &raster->blend;
    bool alpha = channel == 3;
    float src = get_factor(raster, alpha ? blend->src_alpha : blend->src, source, target, channel);
    float dest =
        get_factor(raster, alpha ? blend->dest_alpha : blend->dest, source, target, channel);

    return combine(alpha ? blend->op_alpha : blend->op, source[channel], target[channel],
                   source[channel] * src, target[channel] * dest);
}

static void write_pixel(struct raster *raster, uint8_t pixel[4], const float colour[4])
{
    float source[4], target[4];

    for (int i = 0; i < 4; i++) {
        source[i] = fminf(fmaxf(colour[i], 0), 1); /* as a UNORM target has it */
        target[i] = (float)pixel[i] / 255;
    }
    for (int i = 0; i < 4; i++) {
        if (raster->blend.write_mask & 1u << i) {
            pixel[i] = raster_to_byte(
                raster->blend.enable ? blend_channel(raster, source, target, i) : source[i]);
        }
    }
}

/* ---- Triangles ---- */

struct edge {
    int64_t dx, dy; /* along it, the inside to its right */
    int64_t x, y;   /* where it begins */
};

/* Twice the area of the edge and this point: positive inside. */
static int64_t side_of(const struct edge *edge, int64_t x, int64_t y)
{
    return edge->dx * (y - edge->y) - edge->dy * (x - edge->x);
}

/* Y runs downwards: a top edge runs to the right, a left one upwards. */
static bool is_top_left(const struct edge *edge)
{
    return edge->dy < 0 || (edge->dy == 0 && edge->dx > 0);
}

static bool covers(const struct edge edges[3], int64_t x, int64_t y)
{
    for (int i = 0; i < 3; i++) {
        int64_t side = side_of(&edges[i], x, y);

        if (side < 0 || (side == 0 && !is_top_left(&edges[i]))) {
            return false;
        }
    }
    return true;
}

static bool is_culled(const struct raster *raster, bool is_front)
{
    return (raster->rasterizer.cull_mode == BG_PVGPU_CULL_BACK && !is_front) ||
           (raster->rasterizer.cull_mode == BG_PVGPU_CULL_FRONT && is_front);
}

static bool is_cut(const struct raster *raster, int32_t x, int32_t y)
{
    const struct bg_pvgpu_rectangle *scissor = &raster->scissor;

    return raster->rasterizer.scissor &&
           (x < scissor->left || x >= scissor->right || y < scissor->top || y >= scissor->bottom);
}

static float interpolate(const float values[3], const double weights[3])
{
    return (float)(values[0] * weights[0] + values[1] * weights[1] + values[2] * weights[2]);
}

/* Depth is linear on the screen, everything else in space. */
static struct raster_fragment make_fragment(const struct raster_vertex *const vertices[3],
                                            const double weights[3])
{
#define VALUES(member)                                                                             \
    (const float[3])                                                                               \
    {                                                                                              \
        vertices[0]->member, vertices[1]->member, vertices[2]->member                              \
    }
    struct raster_fragment fragment = {.z = interpolate(VALUES(z), weights)};
    double by_w[3], sum = 0;

    for (int i = 0; i < 3; i++) {
        by_w[i] = weights[i] / vertices[i]->w;
        sum += by_w[i];
    }
    for (int i = 0; i < 3; i++) {
        by_w[i] /= sum;
    }
    for (int i = 0; i < 4; i++) {
        fragment.colour[i] = interpolate(VALUES(colour[i]), by_w);
    }
    for (int i = 0; i < 2; i++) {
        fragment.place[i] = interpolate(VALUES(place[i]), by_w);
    }
    return fragment;
#undef VALUES
}

/* Outside of the viewport's depth it is clipped, or clamped. */
static bool clip_depth(const struct raster *raster, struct raster_fragment *fragment)
{
    float depth = fminf(fmaxf(fragment->z, 0), 1);
    bool inside = depth == fragment->z;

    fragment->z = depth;
    return inside || !raster->rasterizer.depth_clip;
}

static void draw_fragment(struct raster *raster, struct raster_fragment *fragment, float bias)
{
    if (!clip_depth(raster, fragment)) {
        return;
    }
    fragment->z = fminf(fmaxf(fragment->z + bias, 0), 1);
    if (!test_pixel(raster, fragment)) {
        return;
    }
    if (raster->shade != NULL) {
        raster->shade(raster->owner, fragment);
    }
    write_pixel(raster, raster->pixels[fragment->pixel], fragment->colour);
}

/* By the steepest way of the plane; the clamp goes the bias's way. */
static float bias_of(const struct raster *raster, const struct raster_vertex *const vertices[3],
                     int64_t area)
{
    const struct bg_pvgpu_create_rasterizer_state *state = &raster->rasterizer;
    double x = 0, y = 0, bias, clamp = state->depth_bias_clamp;

    for (int i = 0; i < 3; i++) {
        const struct raster_vertex *next = vertices[(i + 1) % 3], *last = vertices[(i + 2) % 3];

        x += vertices[i]->z * (double)(next->y - last->y) * RASTER_ONE / (double)area;
        y += vertices[i]->z * (double)(last->x - next->x) * RASTER_ONE / (double)area;
    }
    bias = state->depth_bias * (double)raster->depth_unit +
           state->slope_scaled_depth_bias * fmax(fabs(x), fabs(y));
    if (clamp != 0) {
        bias = clamp > 0 ? fmin(bias, clamp) : fmax(bias, clamp);
    }
    return (float)bias;
}

static int64_t centre_of(int64_t pixel)
{
    return pixel * RASTER_ONE + RASTER_ONE / 2;
}

/* Clockwise ones; all pixels are asked. */
static void fill(struct raster *raster, const struct raster_vertex *const vertices[3],
                 const float flat_colour[4], bool is_front)
{
    struct edge edges[3];
    int64_t area;

    for (int i = 0; i < 3; i++) {
        const struct raster_vertex *from = vertices[(i + 1) % 3], *to = vertices[(i + 2) % 3];

        edges[i] = (struct edge){to->x - from->x, to->y - from->y, from->x, from->y};
    }
    area = side_of(&edges[0], vertices[0]->x, vertices[0]->y);
    float bias = bias_of(raster, vertices, area);
    for (uint32_t i = 0; i < RASTER_PIXELS; i++) {
        uint32_t column = i % RASTER_SIDE, row = i / RASTER_SIDE;
        int64_t x = centre_of(column), y = centre_of(row);
        double weights[3];

        if (!covers(edges, x, y) || is_cut(raster, (int32_t)column, (int32_t)row)) {
            continue;
        }
        for (int j = 0; j < 3; j++) {
            weights[j] = (double)side_of(&edges[j], x, y) / (double)area;
        }
        struct raster_fragment fragment = make_fragment(vertices, weights);
        fragment.pixel = i;
        fragment.is_front = is_front;
        if (raster->flat) {
            memcpy(fragment.colour, flat_colour, sizeof(fragment.colour));
        }
        draw_fragment(raster, &fragment, bias);
    }
}

/* ---- Lines, points ---- */

static bool is_outside(int64_t column, int64_t row)
{
    return column < 0 || row < 0 || column >= RASTER_SIDE || row >= RASTER_SIDE;
}

static int64_t pixel_of(int64_t place)
{
    return place >> 8;
}

_Static_assert(RASTER_ONE == 1 << 8, "pixel_of");

/* Whether the place is in the diamond around its pixel's centre. */
static bool is_in_diamond(int64_t x, int64_t y)
{
    return llabs(x - centre_of(pixel_of(x))) + llabs(y - centre_of(pixel_of(y))) < RASTER_ONE / 2;
}

/* A pixel of a line, `part` of the way from its one end to the other. */
static void draw_part(struct raster *raster, const struct raster_vertex *from,
                      const struct raster_vertex *to, int64_t column, int64_t row, double part)
{
    const struct raster_vertex *ends[3] = {from, to, to};
    const double weights[3] = {1 - part, part, 0};
    struct raster_fragment fragment = make_fragment(ends, weights);

    if (is_outside(column, row) || is_cut(raster, (int32_t)column, (int32_t)row)) {
        return;
    }
    fragment.pixel = (uint32_t)row * RASTER_SIDE + (uint32_t)column;
    fragment.is_front = true;
    if (raster->flat) {
        memcpy(fragment.colour, from->colour, sizeof(fragment.colour));
    }
    draw_fragment(raster, &fragment, 0);
}

void raster_line(struct raster *raster, const struct raster_vertex *from,
                 const struct raster_vertex *to)
{
    bool steep = abs(to->y - from->y) > abs(to->x - from->x);
    int64_t start = steep ? from->y : from->x, end = steep ? to->y : to->x;
    int64_t side = steep ? from->x : from->y, length = end - start;
    int64_t rise = (steep ? to->x : to->y) - side, step = length < 0 ? -1 : 1;

    for (int64_t pixel = pixel_of(start); length != 0 && (pixel_of(end) - pixel) * step >= 0;
         pixel += step) {
        int64_t centre = centre_of(pixel);
        bool begins = pixel == pixel_of(start) && is_in_diamond(from->x, from->y);
        bool stays = pixel == pixel_of(end) && is_in_diamond(to->x, to->y);
        bool passes = (centre - start) * step >= 0 && (end - centre) * step > 0;
        double part = fmin(fmax((double)(centre - start) / (double)length, 0), 1);
        int64_t across = pixel_of((int64_t)floor((double)side + part * (double)rise));

        if ((begins || passes) && !stays) {
            draw_part(raster, from, to, steep ? across : pixel, steep ? pixel : across, part);
        }
    }
}

/* A square of a pixel's size around it covers one centre. */
void raster_point(struct raster *raster, const struct raster_vertex *vertex)
{
    draw_part(raster, vertex, vertex, pixel_of(vertex->x - 1), pixel_of(vertex->y - 1), 0);
}

static void draw_sides(struct raster *raster, const struct raster_vertex vertices[3])
{
    for (int i = 0; i < 3; i++) {
        raster_line(raster, &vertices[i], &vertices[(i + 1) % 3]);
    }
}

void raster_triangle(struct raster *raster, const struct raster_vertex vertices[3])
{
    const struct edge first = {vertices[1].x - vertices[0].x, vertices[1].y - vertices[0].y,
                               vertices[0].x, vertices[0].y};
    int64_t area = side_of(&first, vertices[2].x, vertices[2].y);
    bool is_clockwise = area > 0;
    bool is_front = is_clockwise == !raster->rasterizer.front_ccw;
    const struct raster_vertex *ordered[3] = {&vertices[0], &vertices[is_clockwise ? 1 : 2],
                                              &vertices[is_clockwise ? 2 : 1]};

    if (area == 0 || is_culled(raster, is_front)) {
        return;
    }
    if (raster->rasterizer.fill_mode == BG_PVGPU_FILL_WIREFRAME) {
        draw_sides(raster, vertices);
    } else {
        fill(raster, ordered, vertices[0].colour, is_front);
    }
}

void raster_strip(struct raster *raster, const struct raster_vertex *vertices, uint32_t count)
{
    for (uint32_t i = 0; i + 2 < count; i++) {
        const struct raster_vertex triangle[3] = {vertices[i], vertices[i + 1 + i % 2],
                                                  vertices[i + 2 - i % 2]};

        raster_triangle(raster, triangle);
    }
}

/* ---- Pictures ---- */

unsigned raster_count_others(const struct raster *raster, const uint8_t *pixels, unsigned steps)
{
    unsigned wrong = 0;

    for (uint32_t i = 0; i < RASTER_PIXELS; i++) {
        const uint8_t *want = raster->pixels[i], *have = pixels + 4 * (size_t)i;
        bool differs = false;

        for (int j = 0; j < 4; j++) {
            differs = differs || (unsigned)abs(want[j] - have[j]) > steps;
        }
        if (differs && wrong++ == 0) {
            printf("# pixel %u, %u: %u %u %u %u, not %u %u %u %u\n", i % RASTER_SIDE,
                   i / RASTER_SIDE, have[0], have[1], have[2], have[3], want[0], want[1], want[2],
                   want[3]);
        }
    }
    return wrong;
}
