/* SPDX-License-Identifier: BSD-2-Clause */
/* run=test-pvgpu-draw: several targets, samples, layers, stencils, and the stages between vertex
 * and pixel. */
#include <string.h>

#include "tests/guest/pvgpu_draw.h"

extern const struct bg_pvgpu_shader_code bg_shader_two_targets_frag, bg_shader_layers_frag,
    bg_shader_squares_geom, bg_shader_patch_tesc, bg_shader_patch_tese;

/* A texture as large as the target, and a view to draw into it. */
static uint32_t create_target(uint32_t format, uint32_t samples, uint32_t *view)
{
    const struct bg_pvgpu_resource_options options = {
        .type = BG_PVGPU_RESOURCE_TEXTURE_2D,
        .format = format,
        .width = SIDE,
        .height = SIDE,
        .mip_levels = 1,
        .bind_flags = BG_PVGPU_BIND_RENDER_TARGET,
        .sample_count = samples,
    };
    struct bg_pvgpu_view_options all = {0};

    expect_ok(bg_pvgpu_resource_create(&gpu, &options, &all.resource_id), "a target");
    expect_ok(bg_pvgpu_render_target_view_create(&gpu, &all, view), "its view");
    return all.resource_id;
}

/* ---- Two targets ---- */

static uint32_t red_left(int x, int y)
{
    (void)y;
    return x < 8 ? RED : 0;
}

static uint32_t blue_left(int x, int y)
{
    (void)y;
    return x < 8 ? BLUE : 0;
}

static void test_two_targets(void)
{
    static const float black[4];
    uint32_t views[2] = {draw_target_view, 0}, pixel = 0;
    uint32_t other = create_target(BG_PVGPU_FORMAT_R8G8B8A8_UNORM, 1, &views[1]);

    draw_load(&bg_shader_two_targets_frag, &pixel, "a pixel shader for two targets");
    draw_start();
    bg_pvgpu_clear_render_target(&gpu, views[1], black);
    bg_pvgpu_set_render_target(&gpu, 2, views, 0);
    bg_pvgpu_set_shader(&gpu, BG_PVGPU_STAGE_PIXEL, pixel);
    draw_rectangle(0, 0, 8, SIDE, 0, RED);
    expect_pixels(red_left, 0, "the first of two targets");
    expect_pixels_of(other, blue_left, 0, "the second one");
    draw_start();
    expect_ok(bg_pvgpu_resource_destroy(&gpu, other), "destroy");
}

/* ---- Samples ---- */

/* The triangle's long side cuts its pixels in two. */
static void expect_smooth(void)
{
    const uint32_t *pixels = scratch2.bytes;
    bool is_good = read_back(draw_target, 0, TARGET_SIZE);

    for (int i = 0; i < SIDE * SIDE && is_good; i++) {
        int sum = i % SIDE + i / SIDE;
        uint32_t red = pixels[i] & 0xFF;

        is_good = sum < SIDE - 1 ? red == 255 : sum > SIDE - 1 ? red == 0 : red > 40 && red < 215;
        if (!is_good) {
            tap_diag("pixel %d, %d is 0x%08x", i % SIDE, i / SIDE, (unsigned)pixels[i]);
        }
    }
    tap_ok(is_good, "resolved, its edge is smooth");
}

static void test_samples(void)
{
    static const struct vertex corner[] = {{{-1, 1, 0}, RED}, {{1, 1, 0}, RED}, {{-1, -1, 0}, RED}};
    static const float black[4];
    uint32_t view = 0;

    if (!bg_pvgpu_has(&gpu, BG_PVGPU_FEATURE_MSAA)) {
        tap_skip("no multisampling", "a target of four samples");
        return;
    }
    uint32_t samples = create_target(BG_PVGPU_FORMAT_R8G8B8A8_UNORM, 4, &view);

    draw_start();
    bg_pvgpu_clear_render_target(&gpu, view, black);
    bg_pvgpu_set_render_target(&gpu, 1, &view, 0);
    draw_use_vertices(corner, 3);
    expect_ok(bg_pvgpu_draw(&gpu, 3, 0), "a triangle of four samples a pixel");
    expect_ok(bg_pvgpu_resource_copy(&gpu, draw_target, samples), "is copied to one of one");
    expect_smooth();
    draw_start();
    expect_ok(bg_pvgpu_resource_destroy(&gpu, samples), "destroy");
}

/* ---- Stencil ---- */

static uint32_t hole(int x, int y)
{
    return x >= 4 && x < 12 && y >= 4 && y < 12 ? 0 : GREEN;
}

static uint32_t stencil_state(uint32_t func, uint32_t pass_op)
{
    struct bg_pvgpu_depth_stencil_options options = bg_pvgpu_depth_stencil_default;
    uint32_t id = 0;

    options.depth_enable = 0;
    options.stencil_enable = 1;
    options.front.func = func;
    options.front.pass_op = pass_op;
    expect_ok(bg_pvgpu_depth_stencil_state_create(&gpu, &options, &id), "a stencil state");
    return id;
}

static void test_stencil(void)
{
    static const float one = 1;
    uint32_t mark = stencil_state(BG_PVGPU_COMPARISON_ALWAYS, BG_PVGPU_STENCIL_OP_REPLACE);
    uint32_t avoid = stencil_state(BG_PVGPU_COMPARISON_NOT_EQUAL, BG_PVGPU_STENCIL_OP_KEEP);
    struct bg_pvgpu_view_options all = {0};
    uint32_t view = 0;

    expect_ok(bg_pvgpu_texture_create(&gpu, BG_PVGPU_FORMAT_D24_UNORM_S8_UINT, SIDE, SIDE,
                                      &all.resource_id),
              "a depth buffer with a stencil");
    expect_ok(bg_pvgpu_depth_stencil_view_create(&gpu, &all, &view), "its view");
    draw_start();
    bg_pvgpu_clear_depth_stencil(&gpu, view, BG_PVGPU_CLEAR_DEPTH | BG_PVGPU_CLEAR_STENCIL, &one,
                                 0);
    bg_pvgpu_set_render_target(&gpu, 0, NULL, view);
    bg_pvgpu_set_depth_stencil_state(&gpu, mark, 7);
    draw_rectangle(4, 4, 12, 12, 0, RED);
    bg_pvgpu_set_render_target(&gpu, 1, &draw_target_view, view);
    bg_pvgpu_set_depth_stencil_state(&gpu, avoid, 7);
    draw_rectangle(0, 0, SIDE, SIDE, 0, GREEN);
    expect_pixels(hole, 0, "what the stencil marks is left out");
    draw_start();
    expect_ok(bg_pvgpu_resource_destroy(&gpu, all.resource_id), "destroy");
}

/* ---- Layers ---- */

static uint32_t green_and_blue(int x, int y)
{
    (void)y;
    return x < 8 ? GREEN : BLUE;
}

/* Layers of side x side texels, each of one colour. */
static uint32_t view_of_layers(uint32_t side, uint32_t misc_flags, const uint32_t *colors,
                               uint32_t count)
{
    const struct bg_pvgpu_resource_options options = {
        .type = BG_PVGPU_RESOURCE_TEXTURE_2D,
        .format = BG_PVGPU_FORMAT_R8G8B8A8_UNORM,
        .width = side,
        .height = side,
        .depth = count,
        .mip_levels = 1,
        .bind_flags = BG_PVGPU_BIND_SHADER_RESOURCE,
        .misc_flags = misc_flags,
        .heap_offset = scratch.offset,
        .data_size = 4 * side * side * count,
    };
    struct bg_pvgpu_shader_view_options all = {0};
    uint32_t view = 0;

    for (uint32_t i = 0; i < side * side * count; i++) {
        ((uint32_t *)scratch.bytes)[i] = colors[i / (side * side)];
    }
    expect_ok(bg_pvgpu_resource_create(&gpu, &options, &all.resource_id), "a texture of layers");
    expect_ok(bg_pvgpu_shader_resource_view_create(&gpu, &all, &view), "its view");
    return view;
}

static void test_layers(void)
{
    static const uint32_t colors[6] = {RED, GREEN, RED, RED, RED, BLUE};
    uint32_t views[2], pixel = 0, sampler = 0;

    draw_load(&bg_shader_layers_frag, &pixel, "a pixel shader with layers");
    views[0] = view_of_layers(4, 0, colors, 2);
    views[1] = view_of_layers(2, BG_PVGPU_MISC_TEXTURE_CUBE, colors, 6);
    expect_ok(bg_pvgpu_sampler_create(&gpu, &bg_pvgpu_sampler_default, &sampler), "a sampler");
    draw_start();
    bg_pvgpu_set_shader(&gpu, BG_PVGPU_STAGE_VERTEX, draw_all_vertex);
    bg_pvgpu_set_shader(&gpu, BG_PVGPU_STAGE_PIXEL, pixel);
    bg_pvgpu_set_input_layout(&gpu, 0);
    bg_pvgpu_set_shader_resources(&gpu, BG_PVGPU_STAGE_PIXEL, 0, 2, views);
    bg_pvgpu_set_samplers(&gpu, BG_PVGPU_STAGE_PIXEL, 0, 1, &sampler);
    bg_pvgpu_draw(&gpu, 3, 0);
    expect_pixels(green_and_blue, 0, "a layer, and a cube's face");
}

/* ---- Stages between vertex and pixel ---- */

static uint32_t two_squares(int x, int y)
{
    return x < 4 && y < 4 ? RED : x >= 8 && x < 12 && y >= 8 && y < 12 ? GREEN : 0;
}

static void test_geometry(void)
{
    static const struct vertex points[] = {{{-1, 1, 0}, RED}, {{0, 0, 0}, GREEN}};
    uint32_t geometry = 0;

    if (!bg_pvgpu_has(&gpu, BG_PVGPU_FEATURE_GEOMETRY)) {
        tap_skip("no geometry shaders", "squares of points");
        return;
    }
    draw_load(&bg_shader_squares_geom, &geometry, "a geometry shader");
    draw_start();
    bg_pvgpu_set_shader(&gpu, BG_PVGPU_STAGE_GEOMETRY, geometry);
    bg_pvgpu_set_topology(&gpu, BG_PVGPU_TOPOLOGY_POINT_LIST);
    draw_use_vertices(points, 2);
    bg_pvgpu_draw(&gpu, 2, 0);
    expect_pixels(two_squares, 0, "makes squares of points");
    bg_pvgpu_set_shader(&gpu, BG_PVGPU_STAGE_GEOMETRY, 0);
}

static uint32_t inner_square(int x, int y)
{
    return x >= 2 && x < 14 && y >= 4 && y < 12 ? BLUE : 0;
}

static void test_tessellation(void)
{
    static const struct vertex patch[] = {
        {{-0.75f, 0.5f, 0}, BLUE}, {{9, 9, 0}, BLUE}, {{9, 9, 0}, BLUE}, {{0.75f, -0.5f, 0}, BLUE}};
    struct bg_pvgpu_rasterizer_options options = bg_pvgpu_rasterizer_default;
    uint32_t hull = 0, domain = 0, both_sides = 0;

    if (!bg_pvgpu_has(&gpu, BG_PVGPU_FEATURE_TESSELLATION)) {
        tap_skip("no tessellation", "a patch");
        return;
    }
    options.cull_mode = BG_PVGPU_CULL_NONE;
    bg_pvgpu_rasterizer_state_create(&gpu, &options, &both_sides);
    draw_load(&bg_shader_patch_tesc, &hull, "a hull shader");
    draw_load(&bg_shader_patch_tese, &domain, "a domain shader");
    draw_start();
    bg_pvgpu_set_rasterizer_state(&gpu, both_sides);
    bg_pvgpu_set_shader(&gpu, BG_PVGPU_STAGE_HULL, hull);
    bg_pvgpu_set_shader(&gpu, BG_PVGPU_STAGE_DOMAIN, domain);
    bg_pvgpu_set_topology(&gpu, BG_PVGPU_TOPOLOGY_PATCH_1 + 3);
    draw_use_vertices(patch, 4);
    bg_pvgpu_draw(&gpu, 4, 0);
    expect_pixels(inner_square, 0, "make a rectangle of a patch");
    bg_pvgpu_set_shader(&gpu, BG_PVGPU_STAGE_HULL, 0);
    bg_pvgpu_set_shader(&gpu, BG_PVGPU_STAGE_DOMAIN, 0);
}

void test_pvgpu_draw_targets(void)
{
    test_two_targets();
    test_samples();
    test_stencil();
    test_layers();
    test_geometry();
    test_tessellation();
}
