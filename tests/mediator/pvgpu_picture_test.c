/* SPDX-License-Identifier: BSD-2-Clause */
// build: tests/mediator/pvgpu_pen.c tests/mediator/raster.c tests/mediator/pvgpu_peer.c
// build: tests/mediator/client.c tests/mediator/processes.c tests/mediator/fixture.c
// build: host/common/fd_message.c
// needs: build/host/baregpu-mediator build/tests/shaders/raster.vert.spv
// needs: build/tests/shaders/raster.frag.spv build/tests/shaders/instance.vert.spv
// needs: build/tests/shaders/raster_flat.vert.spv build/tests/shaders/raster_flat.frag.spv
/* Pictures that a guest's draws make, pixel by pixel beside those of the reference. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "harness.h"
#include "tests/mediator/fixture.h"
#include "tests/mediator/pvgpu_pen.h"

static struct peer peer;
static struct raster raster;
static uint32_t random_state;

static const float grey[4] = {0.25f, 0.25f, 0.25f, 0.5f};

static int setup(void **state)
{
    fixture_setup(state);
    fixture_start("gpu", "pvgpu", "draw = on\n");
    peer = peer_open(PEER_NEW, path, 1);
    raster_reset(&raster);
    random_state = 1;
    return 0;
}

static int teardown(void **state)
{
    peer_close(&peer);
    return fixture_teardown(state);
}

/* ---- Things to draw ---- */

static uint32_t next_random(uint32_t below)
{
    random_state = random_state * 1664525u + 1013904223u;
    return (random_state >> 8) % below;
}

/* Within the picture, and as far outside of it, at any place between pixels. */
static int32_t random_place(int32_t outside)
{
    return (int32_t)next_random((RASTER_SIDE + 2 * (uint32_t)outside) * RASTER_ONE) -
           outside * RASTER_ONE;
}

static void random_colour(float colour[4])
{
    for (int i = 0; i < 4; i++) {
        colour[i] = (float)next_random(256) / 255;
    }
}

/* One colour and one depth: what is interpolated is not asked here. */
static void random_triangle(struct raster_vertex vertices[3], int32_t outside)
{
    float colour[4], z = (float)next_random(256) / 256;

    random_colour(colour);
    for (int i = 0; i < 3; i++) {
        vertices[i] =
            (struct raster_vertex){random_place(outside), random_place(outside), .z = z, .w = 1};
        memcpy(vertices[i].colour, colour, sizeof(colour));
    }
}

/* By both. */
static void draw(const struct raster_vertex *vertices, uint32_t count)
{
    for (uint32_t i = 0; i + 2 < count; i += 3) {
        raster_triangle(&raster, vertices + i);
    }
    pen_draw_vertices(vertices, count);
}

static void draw_random_over(uint32_t triangles, int32_t outside)
{
    struct raster_vertex vertices[3 * 128];

    assert_true(triangles <= 128);
    for (uint32_t i = 0; i < triangles; i++) {
        random_triangle(vertices + (size_t)3 * i, outside);
    }
    draw(vertices, 3 * triangles);
}

static void draw_random(uint32_t triangles)
{
    draw_random_over(triangles, 0);
}

static void clear(const float colour[4])
{
    raster_clear(&raster, colour);
    pen_clear(colour);
}

static void open_pen(bool with_depth)
{
    pen_open(&peer, with_depth);
    clear(grey);
}

/* A rectangle in pixels. */
static void draw_rectangle(int32_t left, int32_t top, int32_t right, int32_t bottom, float z,
                           const float colour[4])
{
    struct raster_vertex corners[4] = {{left, top, .z = z, .w = 1},
                                       {right, top, .z = z, .w = 1},
                                       {left, bottom, .z = z, .w = 1},
                                       {right, bottom, .z = z, .w = 1}};
    static const int order[6] = {0, 1, 2, 2, 1, 3};
    struct raster_vertex vertices[6];

    for (int i = 0; i < 4; i++) {
        corners[i].x *= RASTER_ONE;
        corners[i].y *= RASTER_ONE;
        memcpy(corners[i].colour, colour, sizeof(corners[i].colour));
    }
    for (int i = 0; i < 6; i++) {
        vertices[i] = corners[order[i]];
    }
    draw(vertices, 6);
}

/* ---- Coverage ---- */

static void test_triangles(void **state)
{
    (void)state;
    open_pen(false);
    raster.rasterizer.cull_mode = BG_PVGPU_CULL_NONE;
    pen_set_rasterizer(&raster);
    draw_random(128);
    pen_expect(&raster, 0);
}

/* Where a driver clips them first, new corners are rounded: a pixel here and there. */
static void test_triangles_that_leave(void **state)
{
    (void)state;
    open_pen(false);
    raster.rasterizer.cull_mode = BG_PVGPU_CULL_NONE;
    pen_set_rasterizer(&raster);
    draw_random_over(64, 48);
    assert_in_range(raster_count_others(&raster, pen_read(PEN_TARGET, sizeof(raster.pixels)), 0), 0,
                    RASTER_PIXELS / 100);
}

/* A fan whose triangles meet at every angle: no pixel twice, none left out. */
static void test_edges_that_meet(void **state)
{
    static const int32_t rim[][2] = {{4, 4},   {32, 2}, {61, 5}, {62, 32}, {60, 62},
                                     {32, 60}, {3, 61}, {2, 32}, {4, 4}};
    struct raster_vertex vertices[24];

    (void)state;
    open_pen(false);
    raster.blend = (struct bg_pvgpu_blend_target){
        .enable = 1,
        .src = BG_PVGPU_BLEND_ONE,
        .dest = BG_PVGPU_BLEND_ONE,
        .op = BG_PVGPU_BLEND_OP_ADD,
        .src_alpha = BG_PVGPU_BLEND_ONE,
        .dest_alpha = BG_PVGPU_BLEND_ONE,
        .op_alpha = BG_PVGPU_BLEND_OP_ADD,
        .write_mask = BG_PVGPU_COLOR_WRITE_ALL,
    };
    pen_set_blend(&raster);
    for (uint32_t i = 0; i < 24; i++) {
        const int32_t *place = i % 3 == 0 ? (const int32_t[2]){31, 33} : rim[i / 3 + i % 3 - 1];

        vertices[i] = (struct raster_vertex){place[0] * RASTER_ONE + (i % 3 ? 128 : 77),
                                             place[1] * RASTER_ONE + (i % 3 ? 128 : 11), .w = 1,
                                             .colour = {51.0f / 255, 0, 0, 0}};
    }
    draw(vertices, 24);
    pen_expect(&raster, 0);
}

static void test_winding(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 6; i++) {
        if (i == 0) {
            open_pen(false);
        }
        raster.rasterizer.cull_mode = BG_PVGPU_CULL_NONE + i % 3;
        raster.rasterizer.front_ccw = i / 3;
        pen_set_rasterizer(&raster);
        draw_random(20);
        pen_expect(&raster, 0);
    }
}

static void test_scissor(void **state)
{
    static const struct bg_pvgpu_rectangle rectangles[] = {
        {3, 5, 40, 33}, {0, 0, 64, 64}, {63, 63, 64, 64}, {10, 10, 10, 20}, {-5, -5, 9, 400}};

    (void)state;
    open_pen(false);
    raster.rasterizer.scissor = 1;
    raster.rasterizer.cull_mode = BG_PVGPU_CULL_NONE;
    for (uint32_t i = 0; i < sizeof(rectangles) / sizeof(rectangles[0]); i++) {
        raster.scissor = rectangles[i];
        pen_set_rasterizer(&raster);
        draw_random(20);
        pen_expect(&raster, 0);
    }
}

/* Of a quarter of the target; what is outside is cut off with it. */
static void test_viewport(void **state)
{
    const float white[4] = {1, 1, 1, 1};
    const struct raster_vertex whole[6] = {
        {0, 0, .w = 1, .colour = {1, 1, 1, 1}},
        {64 * RASTER_ONE, 0, .w = 1, .colour = {1, 1, 1, 1}},
        {0, 64 * RASTER_ONE, .w = 1, .colour = {1, 1, 1, 1}},
        {0, 64 * RASTER_ONE, .w = 1, .colour = {1, 1, 1, 1}},
        {64 * RASTER_ONE, 0, .w = 1, .colour = {1, 1, 1, 1}},
        {64 * RASTER_ONE, 64 * RASTER_ONE, .w = 1, .colour = {1, 1, 1, 1}}};

    (void)state;
    open_pen(false);
    PEN_RUN(struct bg_pvgpu_set_viewport, BG_PVGPU_CMD_SET_VIEWPORT, .count = 1,
            .viewports = {{16, 8, 32, 16, 0, 1}});
    pen_draw_vertices(whole, 6);
    for (uint32_t y = 8; y < 24; y++) {
        for (uint32_t x = 16; x < 48; x++) {
            for (int i = 0; i < 4; i++) {
                raster.pixels[y * RASTER_SIDE + x][i] = raster_to_byte(white[i]);
            }
        }
    }
    pen_expect(&raster, 0);
}

/* ---- Points, lines ---- */

/* Each vertex a point of one colour. */
static void test_points(void **state)
{
    struct raster_vertex points[120];

    (void)state;
    open_pen(false);
    for (uint32_t i = 0; i < 120; i += 3) {
        random_triangle(points + i, 8);
    }
    for (uint32_t i = 0; i < 120; i++) {
        raster_point(&raster, &points[i]);
    }
    pen_set_topology(BG_PVGPU_TOPOLOGY_POINT_LIST);
    pen_draw_vertices(points, 120);
    pen_expect(&raster, 0);
}

static void test_lines(void **state)
{
    (void)state;
    open_pen(false);
    pen_set_topology(BG_PVGPU_TOPOLOGY_LINE_LIST);
    for (int i = 0; i < 48; i++) {
        struct raster_vertex line[3];

        random_triangle(line, 0);
        random_colour(line[1].colour);
        clear(grey);
        raster_line(&raster, &line[0], &line[1]);
        pen_draw_vertices(line, 2);
        pen_expect(&raster, 4); /* its colours to four steps */
    }
}

/* Where the device can (lavapipe does), part of a pixel is part of its alpha. */
static void test_antialiased_lines(void **state)
{
    const struct raster_vertex line[2] = {
        {4 * RASTER_ONE, 9 * RASTER_ONE, .w = 1, .colour = {1, 0, 0, 1}},
        {60 * RASTER_ONE, 31 * RASTER_ONE, .w = 1, .colour = {1, 0, 0, 1}}};
    const float black[4] = {0, 0, 0, 0};
    const uint8_t *pixels;
    unsigned between = 0;

    (void)state;
    open_pen(false);
    raster.rasterizer.antialiased_line = 1;
    pen_set_rasterizer(&raster);
    raster.blend = (struct bg_pvgpu_blend_target){
        .enable = 1,
        .src = BG_PVGPU_BLEND_SRC_ALPHA,
        .dest = BG_PVGPU_BLEND_INV_SRC_ALPHA,
        .op = BG_PVGPU_BLEND_OP_ADD,
        .src_alpha = BG_PVGPU_BLEND_ONE,
        .dest_alpha = BG_PVGPU_BLEND_ZERO,
        .op_alpha = BG_PVGPU_BLEND_OP_ADD,
        .write_mask = BG_PVGPU_COLOR_WRITE_ALL,
    };
    pen_set_blend(&raster);
    clear(black);
    pen_set_topology(BG_PVGPU_TOPOLOGY_LINE_LIST);
    pen_draw_vertices(line, 2);
    pixels = pen_read(PEN_TARGET, sizeof(raster.pixels));
    for (uint32_t i = 0; i < RASTER_PIXELS; i++) {
        between += pixels[i * 4] > 8 && pixels[i * 4] < 247;
    }
    assert_in_range(between, 56, 170); /* in each column one to three */
}

static void test_wireframe(void **state)
{
    (void)state;
    open_pen(false);
    raster.rasterizer.fill_mode = BG_PVGPU_FILL_WIREFRAME;
    pen_set_rasterizer(&raster);
    for (int i = 0; i < 16; i++) {
        clear(grey);
        draw_random(1);
        pen_expect(&raster, 0);
    }
}

/* A colour for each vertex, of which the first counts: of lists, of strips. */
static void test_first_vertex(void **state)
{
    struct raster_vertex vertices[12];

    (void)state;
    open_pen(false);
    raster.flat = true;
    raster.rasterizer.cull_mode = BG_PVGPU_CULL_NONE;
    pen_set_rasterizer(&raster);
    pen_set_shader(BG_PVGPU_STAGE_VERTEX, "raster_flat.vert");
    pen_set_shader(BG_PVGPU_STAGE_PIXEL, "raster_flat.frag");
    for (uint32_t i = 0; i < 12; i++) {
        vertices[i] = (struct raster_vertex){random_place(0), random_place(0), .w = 1};
        random_colour(vertices[i].colour);
    }
    draw(vertices, 12);
    pen_expect(&raster, 0);
    pen_set_topology(BG_PVGPU_TOPOLOGY_TRIANGLE_STRIP);
    raster_strip(&raster, vertices, 12);
    pen_draw_vertices(vertices, 12);
    pen_expect(&raster, 0);
}

/* ---- Depth and stencil ---- */

static void test_depth(void **state)
{
    (void)state;
    open_pen(true);
    raster.rasterizer.cull_mode = BG_PVGPU_CULL_NONE;
    pen_set_rasterizer(&raster);
    raster.depth_stencil.depth_enable = 1;
    pen_clear_depth(1, 0);
    draw_random(64); /* the default state: LESS, written */
    pen_expect(&raster, 0);
    for (uint32_t func = BG_PVGPU_COMPARISON_NEVER; func <= BG_PVGPU_COMPARISON_ALWAYS; func++) {
        raster.depth_stencil.depth_func = func;
        raster.depth_stencil.depth_write_mask = func % 2;
        pen_set_depth_stencil(&raster);
        draw_random(16);
        pen_expect(&raster, 0);
    }
}

/* Two planes that go through each other. */
static void test_slopes(void **state)
{
    struct raster_vertex vertices[6] = {
        {0, 0, .z = 0, .w = 1, .colour = {1, 0, 0, 1}},
        {64 * RASTER_ONE, 0, .z = 1, .w = 1, .colour = {1, 0, 0, 1}},
        {0, 64 * RASTER_ONE, .z = 0, .w = 1, .colour = {1, 0, 0, 1}},
        {0, 0, .z = 0.905f, .w = 1, .colour = {0, 1, 0, 1}},
        {64 * RASTER_ONE, 0, .z = 0.105f, .w = 1, .colour = {0, 1, 0, 1}},
        {0, 64 * RASTER_ONE, .z = 0.905f, .w = 1, .colour = {0, 1, 0, 1}}};

    (void)state;
    open_pen(true);
    raster.depth_stencil.depth_enable = 1;
    pen_clear_depth(1, 0);
    draw(vertices, 6);
    pen_expect(&raster, 0);
}

/* Over everything, the depth rising to the right and downwards by so much a pixel. */
static void draw_plane(float right, float down, const float colour[4])
{
    struct raster_vertex plane[3] = {{0, 0, .z = 0.5f, .w = 1},
                                     {128 * RASTER_ONE, 0, .z = 0.5f + 128 * right, .w = 1},
                                     {0, 128 * RASTER_ONE, .z = 0.5f + 128 * down, .w = 1}};

    for (int i = 0; i < 3; i++) {
        memcpy(plane[i].colour, colour, sizeof(plane[i].colour));
    }
    draw(plane, 3);
}

struct bias {
    int32_t units;
    float clamp, slope;
};

static void set_bias(struct bias bias)
{
    raster.rasterizer.depth_bias = bias.units;
    raster.rasterizer.depth_bias_clamp = bias.clamp;
    raster.rasterizer.slope_scaled_depth_bias = bias.slope;
    pen_set_rasterizer(&raster);
}

/* In both, to the farthest. */
static void clear_depth(void)
{
    pen_clear_depth(1, 0);
    for (uint32_t i = 0; i < RASTER_PIXELS; i++) {
        raster.depth[i] = 1;
    }
}

/* Two planes that go through each other, the second moved by a bias. */
static unsigned draw_biased(struct bias bias)
{
    static const float red[4] = {1, 0, 0, 1}, green[4] = {0, 1, 0, 1};

    clear_depth();
    set_bias((struct bias){0});
    draw_plane(0.0009f, -0.0003f, red);
    set_bias(bias);
    draw_plane(-0.0004f, 0.0005f, green);
    return raster_count_others(&raster, pen_read(PEN_TARGET, sizeof(raster.pixels)), 0);
}

/* A unit of the constant bias is a step of the format's or, as Vulkan allows, two; the same for
 * all. Where the planes meet a pixel may be the other's. */
static void test_depth_bias(void **state)
{
    static const struct bias cases[] = {
        {0, 0, 0},          {-70000, 0, 0},       {70000, 0, 0},       {0, 0, -10},
        {0, 0, 10},         {-700000, -0.01f, 0}, {0, 0.01f, 50},      {-70000, 0, -5},
        {-70000, 0.01f, 0}, {70000, 0.01f, 20},   {70000, -0.001f, 0},
    };
    unsigned others[2] = {0};

    (void)state;
    open_pen(true);
    raster.depth_stencil.depth_enable = 1;
    for (int steps = 0; steps < 2; steps++) {
        raster.depth_unit = (float)(steps + 1) / 0xFFFFFF;
        for (uint32_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
            others[steps] += draw_biased(cases[i]);
        }
    }
    assert_true(others[0] < 16 || others[1] < 16);
}

/* From before the near plane to behind the far one. */
static void test_depth_clip(void **state)
{
    const struct raster_vertex plane[3] = {
        {0, 0, .z = -0.5f, .w = 1, .colour = {1, 0, 0, 1}},
        {64 * RASTER_ONE, 0, .z = 1.5f, .w = 1, .colour = {1, 0, 0, 1}},
        {0, 64 * RASTER_ONE, .z = -0.5f, .w = 1, .colour = {1, 0, 0, 1}}};
    const float green[4] = {0, 1, 0, 1};

    (void)state;
    open_pen(true);
    raster.depth_stencil.depth_enable = 1;
    raster.depth_stencil.depth_func = BG_PVGPU_COMPARISON_LESS_EQUAL;
    pen_set_depth_stencil(&raster);
    for (uint32_t clips = 0; clips < 2; clips++) {
        clear(grey);
        clear_depth();
        raster.rasterizer.depth_clip = clips;
        pen_set_rasterizer(&raster);
        draw(plane, 3);
        pen_expect(&raster, 0);
        draw_rectangle(0, 0, 64, 32, 0, green); /* what was clamped is 0, and 1 */
        pen_expect(&raster, 0);
        draw_rectangle(0, 32, 64, 64, 1, green);
        pen_expect(&raster, 0);
    }
}

static void test_stencil(void **state)
{
    const float white[4] = {1, 1, 1, 1}, black[4] = {0, 0, 0, 1};

    (void)state;
    open_pen(true);
    pen_clear_depth(1, 0x3C);
    memset(raster.stencil, 0x3C, sizeof(raster.stencil));
    raster.rasterizer.cull_mode = BG_PVGPU_CULL_NONE;
    pen_set_rasterizer(&raster);
    raster.depth_stencil.depth_enable = raster.depth_stencil.stencil_enable = 1;
    for (uint32_t op = BG_PVGPU_STENCIL_OP_KEEP; op <= BG_PVGPU_STENCIL_OP_DECR; op++) {
        raster.depth_stencil.front =
            (struct bg_pvgpu_stencil_face){.fail_op = BG_PVGPU_STENCIL_OP_INCR,
                                           .depth_fail_op = BG_PVGPU_STENCIL_OP_INVERT,
                                           .pass_op = op,
                                           .func = BG_PVGPU_COMPARISON_GREATER_EQUAL};
        raster.depth_stencil.back =
            (struct bg_pvgpu_stencil_face){.fail_op = op,
                                           .depth_fail_op = BG_PVGPU_STENCIL_OP_DECR_SAT,
                                           .pass_op = BG_PVGPU_STENCIL_OP_REPLACE,
                                           .func = BG_PVGPU_COMPARISON_NOT_EQUAL};
        raster.depth_stencil.read_mask = op % 2 ? 0xFF : 0x7F;
        raster.depth_stencil.write_mask = op % 3 ? 0xFF : 0x0F;
        raster.stencil_ref = (uint8_t)(0x30 + 5 * op);
        pen_set_depth_stencil(&raster);
        draw_random(16);
        pen_expect(&raster, 0);
    }
    /* What is in it now, a bit at a time. */
    raster.depth_stencil.depth_enable = 0;
    raster.depth_stencil.front.func = raster.depth_stencil.back.func = BG_PVGPU_COMPARISON_EQUAL;
    raster.depth_stencil.write_mask = 0;
    raster.stencil_ref = 0xFF;
    for (uint32_t bit = 1; bit < 0x100; bit <<= 1) {
        clear(black);
        raster.depth_stencil.read_mask = bit;
        pen_set_depth_stencil(&raster);
        draw_rectangle(0, 0, 64, 64, 0, white);
        pen_expect(&raster, 0);
    }
}

/* ---- Blending ---- */

static void test_factors(void **state)
{
    static const uint32_t colours[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 14, 15};
    static const uint32_t alphas[] = {1, 2, 5, 6, 7, 8, 11, 14, 15};

    (void)state;
    open_pen(false);
    raster.rasterizer.cull_mode = BG_PVGPU_CULL_NONE;
    pen_set_rasterizer(&raster);
    raster.blend.enable = 1;
    for (uint32_t i = 0; i < 39; i++) {
        raster.blend.src = colours[i % 13];
        raster.blend.dest = colours[(i / 3 + 5 * i) % 13];
        raster.blend.op = BG_PVGPU_BLEND_OP_ADD + i % 5;
        raster.blend.src_alpha = alphas[i % 9];
        raster.blend.dest_alpha = alphas[(2 * i + 1) % 9];
        raster.blend.op_alpha = BG_PVGPU_BLEND_OP_ADD + (i / 5) % 5;
        random_colour(raster.blend_factor);
        pen_set_blend(&raster);
        clear(grey);
        for (int j = 0; j < 4; j++) { /* over what is there: one rounding, so one step */
            float colour[4];

            random_colour(colour);
            draw_rectangle(16 * j, 0, 16 * j + 16, 64, 0, colour);
        }
        pen_expect(&raster, 1);
    }
}

static void test_write_mask(void **state)
{
    (void)state;
    open_pen(false);
    for (uint32_t mask = 0; mask <= BG_PVGPU_COLOR_WRITE_ALL; mask++) {
        raster.blend.write_mask = mask;
        pen_set_blend(&raster);
        draw_random(4);
        pen_expect(&raster, 0);
    }
}

/* ---- What is interpolated ---- */

static void test_colours_in_between(void **state)
{
    const struct raster_vertex vertices[6] = {
        {2 * RASTER_ONE, 3 * RASTER_ONE, .w = 1, .colour = {1, 0, 0, 1}},
        {60 * RASTER_ONE, 8 * RASTER_ONE, .w = 1, .colour = {0, 1, 0, 0.5f}},
        {30 * RASTER_ONE, 40 * RASTER_ONE, .w = 1, .colour = {0, 0, 1, 0}},
        {40 * RASTER_ONE, 30 * RASTER_ONE, .w = 1, .colour = {1, 1, 0, 1}},
        {62 * RASTER_ONE, 60 * RASTER_ONE, .w = 4, .colour = {0, 1, 1, 0.5f}},
        {10 * RASTER_ONE, 62 * RASTER_ONE, .w = 2, .colour = {1, 0, 1, 0}}};

    (void)state;
    open_pen(false);
    draw(vertices, 6);
    pen_expect(&raster, 1);
}

/* ---- Indices, instances ---- */

#define GRID 9u /* vertices in a row */

/* A grid of vertices with a colour each; both sides of triangles of it are seen. */
static void set_grid(struct raster_vertex vertices[GRID * GRID])
{
    struct pen_vertex made[GRID * GRID];

    raster.rasterizer.cull_mode = BG_PVGPU_CULL_NONE;
    pen_set_rasterizer(&raster);
    for (uint32_t i = 0; i < GRID * GRID; i++) {
        vertices[i] = (struct raster_vertex){(int32_t)(i % GRID * 8 * RASTER_ONE),
                                             (int32_t)(i / GRID * 8 * RASTER_ONE), .w = 1};
        random_colour(vertices[i].colour);
        made[i] = pen_vertex_of(&vertices[i]);
    }
    pen_set_vertices(0, made, sizeof(made), sizeof(made[0]));
}

static void draw_indexed(uint32_t count, uint32_t start, int32_t base)
{
    PEN_RUN(struct bg_pvgpu_draw_indexed, BG_PVGPU_CMD_DRAW_INDEXED, .index_count = count,
            .start_index = start, .base_vertex = base);
}

static void test_indices(void **state)
{
    struct raster_vertex grid[GRID * GRID];
    uint16_t small[90];
    uint32_t large[90];

    (void)state;
    open_pen(false);
    set_grid(grid);
    for (int i = 0; i < 90; i++) {
        small[i] = (uint16_t)next_random(GRID * GRID - 2);
        large[i] = next_random(GRID * GRID - 2);
    }
    pen_set_indices(BG_PVGPU_FORMAT_R16_UINT, small, sizeof(small));
    draw_indexed(60, 30, 2);
    for (int i = 30; i < 90; i += 3) {
        raster_triangle(&raster,
                        (const struct raster_vertex[3]){grid[small[i] + 2], grid[small[i + 1] + 2],
                                                        grid[small[i + 2] + 2]});
    }
    pen_expect(&raster, 1);
    pen_set_indices(BG_PVGPU_FORMAT_R32_UINT, large, sizeof(large));
    draw_indexed(90, 0, 0);
    for (int i = 0; i < 90; i += 3) {
        raster_triangle(&raster, (const struct raster_vertex[3]){grid[large[i]], grid[large[i + 1]],
                                                                 grid[large[i + 2]]});
    }
    pen_expect(&raster, 1);
}

/* Two strips in one draw. */
static void test_restart(void **state)
{
    static const uint16_t indices[] = {0, 9, 1, 10, 2, 11, 0xFFFF, 40, 49, 41, 50, 42, 51, 43};
    struct raster_vertex grid[GRID * GRID], strip[8];

    (void)state;
    open_pen(false);
    set_grid(grid);
    pen_set_topology(BG_PVGPU_TOPOLOGY_TRIANGLE_STRIP);
    pen_set_indices(BG_PVGPU_FORMAT_R16_UINT, indices, sizeof(indices));
    draw_indexed(14, 0, 0);
    for (uint32_t i = 0; i < 6; i++) {
        strip[i] = grid[indices[i]];
    }
    raster_strip(&raster, strip, 6);
    for (uint32_t i = 0; i < 7; i++) {
        strip[i] = grid[indices[7 + i]];
    }
    raster_strip(&raster, strip, 7);
    pen_expect(&raster, 1);
}

/* Vertices and indices outside their buffers read as zero; nothing else happens. */
static void test_outside_of_buffers(void **state)
{
    static const uint16_t far[3] = {0xFFF0, 0x8000, 0x7FFF};
    struct raster_vertex grid[GRID * GRID];

    (void)state;
    open_pen(false);
    set_grid(grid);
    pen_draw(3000000, 81);
    pen_set_indices(BG_PVGPU_FORMAT_R16_UINT, far, sizeof(far));
    draw_indexed(3, 0, 0);
    draw_indexed(300000, 0, 0x7FFFFFF0);
    draw_indexed(3, 0x7FFFFFFF, -5);
    pen_read(PEN_TARGET, sizeof(raster.pixels));
}

#define INSTANCES 16u

/* Slot 1 has places; slot 2 has a colour for two instances each. */
static void set_instances(const float places[INSTANCES][2], const float colours[INSTANCES][4])
{
    uint32_t id = pen_new_id();

    PEN_RUN(struct bg_pvgpu_create_input_layout, BG_PVGPU_CMD_CREATE_INPUT_LAYOUT, .layout_id = id,
            .count = 3,
            .elements = {{.format = BG_PVGPU_FORMAT_R32G32B32A32_FLOAT},
                         {.format = BG_PVGPU_FORMAT_R32G32_FLOAT,
                          .slot = 1,
                          .input_class = BG_PVGPU_PER_INSTANCE_DATA,
                          .step_rate = 1},
                         {.format = BG_PVGPU_FORMAT_R32G32B32A32_FLOAT,
                          .slot = 2,
                          .input_class = BG_PVGPU_PER_INSTANCE_DATA,
                          .step_rate = 2}});
    PEN_RUN(struct bg_pvgpu_set_object, BG_PVGPU_CMD_SET_INPUT_LAYOUT, .id = id);
    pen_set_vertices(1, places, INSTANCES * sizeof(places[0]), sizeof(places[0]));
    pen_set_vertices(2, colours, INSTANCES * sizeof(colours[0]), sizeof(colours[0]));
    pen_set_shader(BG_PVGPU_STAGE_VERTEX, "instance.vert");
}

static void test_instances(void **state)
{
    static const uint16_t indices[] = {0, 1, 2};
    struct raster_vertex triangle[3] = {{0, 0, .w = 1},
                                        {7 * RASTER_ONE, 2 * RASTER_ONE, .w = 1},
                                        {3 * RASTER_ONE, 7 * RASTER_ONE, .w = 1}};
    struct pen_vertex made[3];
    float places[INSTANCES][2], colours[INSTANCES][4];

    (void)state;
    open_pen(false);
    for (int i = 0; i < 3; i++) {
        made[i] = pen_vertex_of(&triangle[i]);
    }
    pen_set_vertices(0, made, sizeof(made), sizeof(made[0]));
    for (uint32_t i = 0; i < INSTANCES; i++) {
        places[i][0] = (float)(i % 4) * 0.5f;
        places[i][1] = (float)(i / 4) * -0.5f;
        random_colour(colours[i]);
    }
    set_instances(places, colours);
    PEN_RUN(struct bg_pvgpu_draw_instanced, BG_PVGPU_CMD_DRAW_INSTANCED, .vertex_count = 3,
            .instance_count = 6);
    pen_set_indices(BG_PVGPU_FORMAT_R16_UINT, indices, sizeof(indices));
    PEN_RUN(struct bg_pvgpu_draw_indexed_instanced, BG_PVGPU_CMD_DRAW_INDEXED_INSTANCED,
            .index_count = 3, .instance_count = 8, .start_instance = 7);
    for (uint32_t i = 0; i < 14; i++) {
        /* Steps are counted from the first instance, elements from start_instance on. */
        uint32_t first = i < 6 ? 0 : 7, instance = i < 6 ? i : i - 6;
        struct raster_vertex moved[3];

        for (int j = 0; j < 3; j++) {
            moved[j] = triangle[j];
            moved[j].x += (int32_t)((first + instance) % 4) * 16 * RASTER_ONE;
            moved[j].y += (int32_t)((first + instance) / 4) * 16 * RASTER_ONE;
            memcpy(moved[j].colour, colours[first + instance / 2], sizeof(moved[j].colour));
        }
        raster_triangle(&raster, moved);
    }
    pen_expect(&raster, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(test_triangles),
        TEST(test_triangles_that_leave),
        TEST(test_edges_that_meet),
        TEST(test_winding),
        TEST(test_scissor),
        TEST(test_viewport),
        TEST(test_points),
        TEST(test_lines),
        TEST(test_antialiased_lines),
        TEST(test_wireframe),
        TEST(test_first_vertex),
        TEST(test_depth),
        TEST(test_slopes),
        TEST(test_depth_bias),
        TEST(test_depth_clip),
        TEST(test_stencil),
        TEST(test_factors),
        TEST(test_write_mask),
        TEST(test_colours_in_between),
        TEST(test_indices),
        TEST(test_restart),
        TEST(test_outside_of_buffers),
        TEST(test_instances),
#undef TEST
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
