/* SPDX-License-Identifier: BSD-2-Clause */
// build: $(PVGPU_VULKAN_SRC)
// libs: $(SPIRV_LIBS) -ldl -lseccomp
// needs: build/tests/shaders/constants.vert.spv build/tests/shaders/flat.frag.spv
// needs: build/tests/shaders/textured.frag.spv build/tests/shaders/two_sources.frag.spv
/* What a draw is done with, pixel by pixel: constants, states, textures. */
#include "tests/unit/mediator/pvgpu_draw_fixture.h"

/* A colour and a depth at a time, 256 bytes apart: as constants.vert has them. */
static void use_constants(void)
{
    static float constants[3][64] = {
        {1, 0, 0, 1, 0.5f},
        {0, 1, 0, 1, 0.25f},
        {0, 0, 1, 0.5f, 0.75f},
    };

    make_target(TARGET, BG_PVGPU_FORMAT_R8G8B8A8_UNORM);
    bind_targets(TARGET, 0, 0);
    make_shader(VERTEX_SHADER, BG_PVGPU_STAGE_VERTEX, "constants.vert");
    make_shader(PIXEL_SHADER, BG_PVGPU_STAGE_PIXEL, "flat.frag");
    set_topology(BG_PVGPU_TOPOLOGY_TRIANGLE_LIST);
    set_viewport(0, 0, SIDE, SIDE);
    make_filled(CONSTANTS, BG_PVGPU_BIND_CONSTANT_BUFFER, constants, sizeof(constants));
}

static void drop_rasterizer(void)
{
    send_id(BG_PVGPU_CMD_DESTROY_RASTERIZER_STATE, STATE);
}

static void draw_with(uint32_t index)
{
    bind_constants(BG_PVGPU_STAGE_VERTEX, 1, CONSTANTS, index * 256);
    draw_now(3, 0);
}

static void test_constants(void **state)
{
    (void)state;
    use_constants();
    set_rasterizer(both_sides());
    draw_with(1);
    expect_pixels(TARGET, everywhere, GREEN);
    draw_with(0);
    draw_with(1);
    draw_with(0);
    expect_pixels(TARGET, everywhere, RED);
    bind_constants(BG_PVGPU_STAGE_VERTEX, 1, 0, 0); /* none: zeroes */
    draw_now(3, 0);
    expect_pixels(TARGET, nowhere, 0);
}

/* ---- States ---- */

static void test_culling(void **state)
{
    struct bg_pvgpu_create_rasterizer_state culls = both_sides();

    (void)state;
    use_constants();
    draw_with(0); /* Direct3D's default: clockwise is the front, the back is not drawn */
    expect_pixels(TARGET, nowhere, RED);
    culls.cull_mode = BG_PVGPU_CULL_FRONT;
    set_rasterizer(culls);
    draw_with(0);
    expect_pixels(TARGET, everywhere, RED);
    drop_rasterizer();
    culls.front_ccw = 1;
    set_rasterizer(culls);
    draw_with(1);
    expect_pixels(TARGET, everywhere, RED);
}

static bool in_scissor(uint32_t x, uint32_t y)
{
    return x >= 3 && x < 9 && y < 5;
}

static void test_scissor(void **state)
{
    struct bg_pvgpu_create_rasterizer_state cuts = both_sides();
    struct bg_pvgpu_set_scissor set = COMMAND(struct bg_pvgpu_set_scissor, BG_PVGPU_CMD_SET_SCISSOR,
                                              0, .count = 1, .rectangles = {{3, -7, 9, 5}});

    (void)state;
    use_constants();
    cuts.scissor = 1;
    set_rasterizer(cuts);
    draw_with(0); /* none is set: nothing is inside */
    expect_pixels(TARGET, nowhere, RED);
    GO(&set);
    draw_with(0);
    expect_pixels(TARGET, in_scissor, RED);
    drop_rasterizer();
    set_rasterizer(both_sides());
    draw_with(1);
    expect_pixels(TARGET, everywhere, GREEN);
}

static void test_depth(void **state)
{
    struct bg_pvgpu_create_depth_stencil_state create = COMMAND(
        struct bg_pvgpu_create_depth_stencil_state, BG_PVGPU_CMD_CREATE_DEPTH_STENCIL_STATE, 0,
        .state_id = STATE + 1, .depth_enable = 1, .depth_func = BG_PVGPU_COMPARISON_GREATER);
    struct bg_pvgpu_set_depth_stencil set =
        COMMAND(struct bg_pvgpu_set_depth_stencil, BG_PVGPU_CMD_SET_DEPTH_STENCIL, 0,
                .state_id = STATE + 1);

    (void)state;
    use_constants();
    set_rasterizer(both_sides());
    make_depth(BG_PVGPU_FORMAT_D32_FLOAT, 1, 0);
    bind_targets(TARGET, 0, DEPTH);
    draw_with(0);
    draw_with(2); /* behind it: Direct3D's default is less, and writes */
    expect_pixels(TARGET, everywhere, RED);
    draw_with(1);
    expect_pixels(TARGET, everywhere, GREEN);
    GO(&create);
    GO(&set);
    draw_with(0); /* greater; without being written */
    draw_with(0);
    expect_pixels(TARGET, everywhere, RED);
    set.state_id = 0;
    GO(&set);
    draw_with(1); /* not less than what it wrote itself */
    expect_pixels(TARGET, everywhere, RED);
}

static void test_stencil(void **state)
{
    static const struct bg_pvgpu_stencil_face equal = {
        BG_PVGPU_STENCIL_OP_KEEP, BG_PVGPU_STENCIL_OP_KEEP, BG_PVGPU_STENCIL_OP_INCR,
        BG_PVGPU_COMPARISON_EQUAL};
    struct bg_pvgpu_create_depth_stencil_state create =
        COMMAND(struct bg_pvgpu_create_depth_stencil_state, BG_PVGPU_CMD_CREATE_DEPTH_STENCIL_STATE,
                0, .state_id = STATE + 1, .stencil_enable = 1, .read_mask = 0xFF,
                .write_mask = 0xFF, .front = equal, .back = equal);
    struct bg_pvgpu_set_depth_stencil set =
        COMMAND(struct bg_pvgpu_set_depth_stencil, BG_PVGPU_CMD_SET_DEPTH_STENCIL, 0,
                .state_id = STATE + 1, .stencil_ref = 0x107);

    (void)state;
    use_constants();
    set_rasterizer(both_sides());
    make_depth(BG_PVGPU_FORMAT_D24_UNORM_S8_UINT, 1, 7);
    bind_targets(TARGET, 0, DEPTH);
    GO(&create);
    GO(&set);
    draw_with(0);
    draw_with(1); /* it is 8 by now */
    expect_pixels(TARGET, everywhere, RED);
    set.stencil_ref = 8;
    GO(&set);
    draw_with(1);
    expect_pixels(TARGET, everywhere, GREEN);
}

static void test_blend(void **state)
{
    struct bg_pvgpu_create_blend_state create = COMMAND(
        struct bg_pvgpu_create_blend_state, BG_PVGPU_CMD_CREATE_BLEND_STATE, 0,
        .state_id = STATE + 1,
        .targets = {{1, BG_PVGPU_BLEND_SRC_ALPHA, BG_PVGPU_BLEND_ONE, BG_PVGPU_BLEND_OP_ADD,
                     BG_PVGPU_BLEND_ZERO, BG_PVGPU_BLEND_BLEND_FACTOR, BG_PVGPU_BLEND_OP_ADD,
                     BG_PVGPU_COLOR_WRITE_ALL & ~BG_PVGPU_COLOR_WRITE_RED}});
    struct bg_pvgpu_set_blend_state set =
        COMMAND(struct bg_pvgpu_set_blend_state, BG_PVGPU_CMD_SET_BLEND_STATE, 0,
                .state_id = STATE + 1, .factor = {0, 0, 0, 0.2f}, .sample_mask = UINT32_MAX);

    (void)state;
    use_constants();
    set_rasterizer(both_sides());
    draw_with(1);
    GO(&create);
    GO(&set);
    draw_with(2); /* half of blue onto green, alpha by the factor */
    expect_pixels(TARGET, everywhere, 0x3380FF00);
    set.sample_mask = 0;
    GO(&set);
    draw_with(1);
    expect_pixels(TARGET, everywhere, 0x3380FF00);
    send_id(BG_PVGPU_CMD_DESTROY_BLEND_STATE, STATE + 1); /* what is bound is Direct3D's default */
    set.state_id = 0;
    set.sample_mask = 1;
    GO(&set);
    draw_with(0);
    expect_pixels(TARGET, everywhere, RED);
}

/* What of the target stays is the second output's, in each channel. */
static void test_two_sources(void **state)
{
    struct bg_pvgpu_create_blend_state create =
        COMMAND(struct bg_pvgpu_create_blend_state, BG_PVGPU_CMD_CREATE_BLEND_STATE, 0,
                .state_id = STATE + 1,
                .targets = {{1, BG_PVGPU_BLEND_ONE, BG_PVGPU_BLEND_SRC1_COLOR,
                             BG_PVGPU_BLEND_OP_ADD, BG_PVGPU_BLEND_ONE, BG_PVGPU_BLEND_ZERO,
                             BG_PVGPU_BLEND_OP_ADD, BG_PVGPU_COLOR_WRITE_ALL}});
    struct bg_pvgpu_set_blend_state set =
        COMMAND(struct bg_pvgpu_set_blend_state, BG_PVGPU_CMD_SET_BLEND_STATE, 0,
                .state_id = STATE + 1, .sample_mask = UINT32_MAX);
    struct bg_pvgpu_draw draw = draw_of_vertices(3, 0);

    (void)state;
    use_constants();
    set_rasterizer(both_sides());
    draw_with(0);
    send_id(BG_PVGPU_CMD_DESTROY_SHADER, PIXEL_SHADER);
    make_shader(PIXEL_SHADER, BG_PVGPU_STAGE_PIXEL, "two_sources.frag");
    GO(&create);
    GO(&set);
    draw_with(1);
    expect_pixels(TARGET, everywhere, 0xFF00FFFF);
    make_target(SECOND_TARGET, BG_PVGPU_FORMAT_R8G8B8A8_UNORM);
    bind_targets(TARGET, SECOND_TARGET, 0);
    REFUSED(BG_PVGPU_ERROR_INVALID_PARAMETER, &draw); /* it is of one target alone */
}

/* ---- What shaders read ---- */

static void make_picture(void)
{
    uint32_t *texels = (uint32_t *)heap;
    struct bg_pvgpu_create_resource create =
        texture(PICTURE, BG_PVGPU_FORMAT_R8G8B8A8_UNORM, SIDE, SIDE);

    context.renderer->ops->finish(&context);
    for (uint32_t i = 0; i < SIDE * SIDE; i++) {
        texels[i] = 0xFF000000 | i * 40503;
    }
    create.bind_flags = BG_PVGPU_BIND_SHADER_RESOURCE;
    create.data_size = SIDE * SIDE * 4;
    GO(&create);
    make_view_of(BG_PVGPU_CMD_CREATE_SHADER_RESOURCE_VIEW, PICTURE);
}

/* A texel by a sampler that takes the nearest, a buffer's words, into two targets of two formats.
 */
static void test_textures(void **state)
{
    static const float constants[] = {SIDE, SIDE, 0, 0, 1, 1, 1, 1};
    struct bg_pvgpu_create_sampler create =
        COMMAND(struct bg_pvgpu_create_sampler, BG_PVGPU_CMD_CREATE_SAMPLER, 0,
                .sampler_id = STATE + 1, .address_u = 3, .address_v = 3, .address_w = 3);
    struct bg_pvgpu_set_sampler set = COMMAND(struct bg_pvgpu_set_sampler, BG_PVGPU_CMD_SET_SAMPLER,
                                              0, .stage = BG_PVGPU_STAGE_PIXEL, .start_slot = 2,
                                              .count = 1, .samplers = {STATE + 1});
    uint32_t words[SIDE];
    const uint32_t *pixels;

    (void)state;
    for (uint32_t i = 0; i < SIDE; i++) {
        words[i] = i * 1000003;
    }
    use_constants();
    send_id(BG_PVGPU_CMD_DESTROY_SHADER, PIXEL_SHADER);
    make_shader(PIXEL_SHADER, BG_PVGPU_STAGE_PIXEL, "textured.frag");
    set_rasterizer(both_sides());
    make_target(SECOND_TARGET, BG_PVGPU_FORMAT_R32_UINT);
    bind_targets(TARGET, SECOND_TARGET, 0);
    make_picture();
    make_filled(WORDS, BG_PVGPU_BIND_SHADER_RESOURCE, words, sizeof(words));
    make_view_of(BG_PVGPU_CMD_CREATE_SHADER_RESOURCE_VIEW, WORDS);
    make_filled(INSTANCES, BG_PVGPU_BIND_CONSTANT_BUFFER, constants, sizeof(constants));
    bind_constants(BG_PVGPU_STAGE_PIXEL, 0, INSTANCES, 0);
    set_views(BG_PVGPU_CMD_SET_SHADER_RESOURCE, BG_PVGPU_STAGE_PIXEL, 3, PICTURE, WORDS);
    GO(&create);
    GO(&set);
    draw_with(0);
    pixels = read_pixels(TARGET);
    for (uint32_t i = 0; i < SIDE * SIDE; i++) {
        assert_int_equal(pixels[i], 0xFF000000 | i * 40503);
    }
    pixels = read_pixels(SECOND_TARGET);
    for (uint32_t i = 0; i < SIDE * SIDE; i++) {
        assert_int_equal(pixels[i], words[i % SIDE]);
    }
    set_views(BG_PVGPU_CMD_SET_SHADER_RESOURCE, BG_PVGPU_STAGE_PIXEL, 3, WORDS, PICTURE);
    draw_with(0); /* neither fits: zeroes */
    expect_pixels(SECOND_TARGET, nowhere, 0);
    assert_int_equal(read_pixels(TARGET)[5] & 0xFFFFFF, 0);
}

/* ---- Many ---- */

/* More than a batch has of draws and of descriptor sets, each behind the one before. */
static void test_many_draws(void **state)
{
    (void)state;
    use_constants();
    set_rasterizer(both_sides());
    make_depth(BG_PVGPU_FORMAT_D32_FLOAT, 1, 0);
    bind_targets(TARGET, 0, DEPTH);
    for (uint32_t i = 0; i < 9000; i++) {
        draw_with(i % 2 == 0 ? 0 : 2);
    }
    draw_with(1);
    draw_with(0);
    expect_pixels(TARGET, everywhere, GREEN);
}

/* ---- What goes ---- */

/* Each is destroyed while it is bound, and while what it was drawn with is under way. */
static void test_destroyed_while_bound(void **state)
{
    struct bg_pvgpu_command view = {BG_PVGPU_CMD_DESTROY_RENDER_TARGET_VIEW, sizeof(view), TARGET,
                                    0};

    (void)state;
    use_constants();
    set_rasterizer(both_sides());
    draw_with(0);
    destroy(CONSTANTS);
    drop_rasterizer();
    draw_now(3, 0); /* culled */
    expect_pixels(TARGET, everywhere, RED);
    GO(&view);
    draw_now(3, 0);
    send_id(BG_PVGPU_CMD_DESTROY_SHADER, PIXEL_SHADER);
    draw_now(3, 0);                /* no colour: depth alone */
    pvgpu_context_reset(&context); /* all of it */
    assert_int_equal(context.renderer->ops->finish(&context).code, BG_PVGPU_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(test_constants),   TEST(test_culling),
        TEST(test_scissor),     TEST(test_depth),
        TEST(test_stencil),     TEST(test_blend),
        TEST(test_two_sources), TEST(test_textures),
        TEST(test_many_draws),  TEST(test_destroyed_while_bound),
#undef TEST
    };

    return run_draw_tests("states", tests, sizeof(tests) / sizeof(tests[0]));
}
