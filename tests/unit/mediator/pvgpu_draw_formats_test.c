/* SPDX-License-Identifier: BSD-2-Clause */
// build: $(PVGPU_VULKAN_SRC)
// libs: $(SPIRV_LIBS) -ldl -lseccomp
// needs: build/tests/shaders/constants.vert.spv build/tests/shaders/flat.frag.spv
// needs: build/tests/shaders/stencil.frag.spv
/* Resources and views as Direct3D's programs make them: without a type, of depth that is read, of
 * targets without alpha. */
#include "tests/unit/mediator/pvgpu_draw_fixture.h"

enum { DEPTH_VIEW = 40, STENCIL_VIEW };

/* A triangle over everything, of one depth and colour. */
static void use_constants(float depth, const float colour[4])
{
    const float constants[8] = {colour[0], colour[1], colour[2], colour[3], depth};

    make_target(TARGET, BG_PVGPU_FORMAT_R8G8B8A8_UNORM);
    bind_targets(TARGET, 0, 0);
    make_shader(VERTEX_SHADER, BG_PVGPU_STAGE_VERTEX, "constants.vert");
    make_shader(PIXEL_SHADER, BG_PVGPU_STAGE_PIXEL, "flat.frag");
    set_topology(BG_PVGPU_TOPOLOGY_TRIANGLE_LIST);
    set_viewport(0, 0, SIDE, SIDE);
    set_rasterizer(both_sides());
    make_filled(CONSTANTS, BG_PVGPU_BIND_CONSTANT_BUFFER, constants, sizeof(constants));
    bind_constants(BG_PVGPU_STAGE_VERTEX, 1, CONSTANTS, 0);
}

/* ---- Depth that is drawn, then read: shadows ---- */

static enum bg_pvgpu_error view_as(uint32_t type, uint32_t id, uint32_t resource, uint32_t format)
{
    const struct bg_pvgpu_create_shader_view view = COMMAND(
        struct bg_pvgpu_create_shader_view, type, id, .resource_id = resource, .format = format);

    return go(&view);
}

static void draw_depth(uint32_t typeless, uint32_t target_format)
{
    struct bg_pvgpu_create_resource create = texture(DEPTH, typeless, SIDE, SIDE);
    const struct bg_pvgpu_clear_depth_stencil clear = COMMAND(
        struct bg_pvgpu_clear_depth_stencil, BG_PVGPU_CMD_CLEAR_DEPTH_STENCIL, 0, .dsv = DEPTH,
        .clear_flags = BG_PVGPU_CLEAR_DEPTH | BG_PVGPU_CLEAR_STENCIL, .depth = 1, .stencil = 0x33);

    create.bind_flags = BG_PVGPU_BIND_DEPTH_STENCIL | BG_PVGPU_BIND_SHADER_RESOURCE;
    GO(&create);
    assert_int_equal(view_as(BG_PVGPU_CMD_CREATE_DEPTH_STENCIL_VIEW, DEPTH, DEPTH, target_format),
                     BG_PVGPU_OK);
    GO(&clear);
    bind_targets(0, 0, DEPTH);
    draw_now(3, 0);
}

static void expect_read(uint32_t depth_format, uint32_t stencil_format)
{
    const uint32_t *pixels;

    assert_int_equal(
        view_as(BG_PVGPU_CMD_CREATE_SHADER_RESOURCE_VIEW, DEPTH_VIEW, DEPTH, depth_format),
        BG_PVGPU_OK);
    if (stencil_format != 0) {
        assert_int_equal(
            view_as(BG_PVGPU_CMD_CREATE_SHADER_RESOURCE_VIEW, STENCIL_VIEW, DEPTH, stencil_format),
            BG_PVGPU_OK);
    }
    make_shader(PIXEL_SHADER + 20, BG_PVGPU_STAGE_PIXEL, "stencil.frag");
    set_views(BG_PVGPU_CMD_SET_SHADER_RESOURCE, BG_PVGPU_STAGE_PIXEL, 0, DEPTH_VIEW,
              stencil_format != 0 ? STENCIL_VIEW : 0);
    bind_targets(TARGET, 0, 0);
    draw_now(3, 0);
    pixels = read_pixels(TARGET);
    for (uint32_t i = 0; i < SIDE * SIDE; i++) {
        assert_int_equal(pixels[i], 0xFF000000 | (stencil_format != 0 ? 0x3300 : 0) | 102);
    }
}

static const float white[4] = {1, 1, 1, 1};

static void test_depth_of_32_bits(void **state)
{
    (void)state;
    use_constants(0.4f, white);
    draw_depth(BG_PVGPU_FORMAT_R32_TYPELESS, BG_PVGPU_FORMAT_D32_FLOAT);
    expect_read(BG_PVGPU_FORMAT_R32_FLOAT, 0);
}

static void test_depth_of_16_bits(void **state)
{
    (void)state;
    use_constants(0.4f, white);
    draw_depth(BG_PVGPU_FORMAT_R16_TYPELESS, BG_PVGPU_FORMAT_D16_UNORM);
    expect_read(BG_PVGPU_FORMAT_R16_UNORM, 0);
}

static void test_depth_with_stencil(void **state)
{
    (void)state;
    use_constants(0.4f, white);
    draw_depth(BG_PVGPU_FORMAT_R24G8_TYPELESS, BG_PVGPU_FORMAT_D24_UNORM_S8_UINT);
    expect_read(BG_PVGPU_FORMAT_R24_UNORM_X8_TYPELESS, BG_PVGPU_FORMAT_X24_TYPELESS_G8_UINT);
}

static void test_wide_depth_with_stencil(void **state)
{
    const float expected = 0.4f;
    struct bg_pvgpu_update_resource read = transfer(BG_PVGPU_CMD_READ_RESOURCE, DEPTH, 0);
    uint32_t texel[2] = {0, 0x33};

    (void)state;
    use_constants(expected, white);
    draw_depth(BG_PVGPU_FORMAT_R32G8X24_TYPELESS, BG_PVGPU_FORMAT_D32_FLOAT_S8X24_UINT);
    expect_read(BG_PVGPU_FORMAT_R32_FLOAT_X8X24_TYPELESS, BG_PVGPU_FORMAT_X32_TYPELESS_G8X24_UINT);
    GO(&read);
    assert_int_equal(context.renderer->ops->finish(&context).code, BG_PVGPU_OK);
    memcpy(texel, &expected, sizeof(expected));
    assert_memory_equal(heap + 8 * 100, texel, sizeof(texel));
    texel[1] = 0x77;
    memcpy(heap + 8 * 100, texel, sizeof(texel));
    read.header.type = BG_PVGPU_CMD_UPDATE_RESOURCE;
    GO(&read);
    context.renderer->ops->finish(&context);
    memset(heap, 0, 8 * SIDE * SIDE);
    read.header.type = BG_PVGPU_CMD_READ_RESOURCE;
    GO(&read);
    context.renderer->ops->finish(&context);
    assert_memory_equal(heap + 8 * 100, texel, sizeof(texel));
}

/* ---- Colours without a type ---- */

static void test_one_picture_two_types(void **state)
{
    struct bg_pvgpu_create_resource create =
        texture(PICTURE, BG_PVGPU_FORMAT_R8G8B8A8_TYPELESS, SIDE, SIDE);
    const struct bg_pvgpu_clear_render_target clear =
        COMMAND(struct bg_pvgpu_clear_render_target, BG_PVGPU_CMD_CLEAR_RENDER_TARGET, 0,
                .rtv = PICTURE, .colour = {0.5f, 0, 1, 1});

    (void)state;
    create.bind_flags = BG_PVGPU_BIND_RENDER_TARGET | BG_PVGPU_BIND_SHADER_RESOURCE;
    GO(&create);
    assert_int_equal(view_as(BG_PVGPU_CMD_CREATE_RENDER_TARGET_VIEW, PICTURE, PICTURE,
                             BG_PVGPU_FORMAT_R8G8B8A8_UNORM_SRGB),
                     BG_PVGPU_OK);
    assert_int_equal(view_as(BG_PVGPU_CMD_CREATE_RENDER_TARGET_VIEW, PICTURE + 40, PICTURE,
                             BG_PVGPU_FORMAT_R16_UINT),
                     BG_PVGPU_ERROR_UNSUPPORTED_FORMAT); /* another size */
    GO(&clear);
    assert_int_equal(read_pixels(PICTURE)[7], 0xFFFF00BC);
}

/* All that have no type can be made, and are of their size. */
static void test_every_typeless_format(void **state)
{
    (void)state;
#define ONE(name, number, colour, depth)                                                           \
    {                                                                                              \
        struct bg_pvgpu_create_resource create = texture(number, number, 8, 8);                    \
                                                                                                   \
        create.bind_flags = BG_PVGPU_BIND_SHADER_RESOURCE;                                         \
        GO(&create);                                                                               \
        destroy(number);                                                                           \
        create.bind_flags = BG_PVGPU_BIND_DEPTH_STENCIL;                                           \
        assert_int_equal(go(&create), BG_PVGPU_FORMAT_##depth != 0                                 \
                                          ? BG_PVGPU_OK                                            \
                                          : BG_PVGPU_ERROR_UNSUPPORTED_FORMAT);                    \
        if (BG_PVGPU_FORMAT_##depth != 0) {                                                        \
            destroy(number);                                                                       \
        }                                                                                          \
    }
    BG_PVGPU_TYPELESS_FORMATS(ONE)
#undef ONE
}

/* Red, half green, no blue, opaque: where the channels of packed texels lie. */
static void test_packed_colours(void **state)
{
    static const struct {
        uint32_t format, texel;
    } cases[] = {{BG_PVGPU_FORMAT_B5G6R5_UNORM, 31 << 11 | 32 << 5},
                 {BG_PVGPU_FORMAT_B5G5R5A1_UNORM, 1 << 15 | 31 << 10 | 16 << 5},
                 {BG_PVGPU_FORMAT_B8G8R8X8_UNORM_SRGB, 0xFFFFBC00},
                 {BG_PVGPU_FORMAT_R10G10B10A2_UNORM, 3u << 30 | 514 << 10 | 1023}};

    (void)state;
    for (uint32_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const uint32_t id = PICTURE + 50 + i;
        const struct bg_pvgpu_clear_render_target clear =
            COMMAND(struct bg_pvgpu_clear_render_target, BG_PVGPU_CMD_CLEAR_RENDER_TARGET, 0,
                    .rtv = id, .colour = {1, 0.502f, 0, 1});
        uint32_t texel;

        make_target(id, cases[i].format);
        GO(&clear);
        texel = read_pixels(id)[0];
        assert_int_equal(texel & (cases[i].texel > UINT16_MAX ? UINT32_MAX : UINT16_MAX),
                         cases[i].texel);
    }
}

/* ---- Targets without alpha ---- */

/* What lies in the fourth byte does not count: alpha is 1. */
static void test_blending_without_alpha(void **state)
{
    static const struct {
        uint32_t src, dest;
        uint32_t colour; /* of red over green */
    } cases[] = {
        {BG_PVGPU_BLEND_DEST_ALPHA, BG_PVGPU_BLEND_ZERO, 0xFF0000},
        {BG_PVGPU_BLEND_INV_DEST_ALPHA, BG_PVGPU_BLEND_DEST_ALPHA, 0x00FF00},
        {BG_PVGPU_BLEND_SRC_ALPHA_SAT, BG_PVGPU_BLEND_ONE, 0x00FF00},
    };
    static const float red[4] = {1, 0, 0, 1};
    const struct bg_pvgpu_clear_render_target clear =
        COMMAND(struct bg_pvgpu_clear_render_target, BG_PVGPU_CMD_CLEAR_RENDER_TARGET, 0,
                .rtv = SECOND_TARGET, .colour = {0, 1, 0, 0});

    (void)state;
    use_constants(0.5f, red);
    make_target(SECOND_TARGET, BG_PVGPU_FORMAT_B8G8R8X8_UNORM);
    bind_targets(SECOND_TARGET, 0, 0);
    for (uint32_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct bg_pvgpu_create_blend_state create = COMMAND(
            struct bg_pvgpu_create_blend_state, BG_PVGPU_CMD_CREATE_BLEND_STATE, 0,
            .state_id = STATE + 1 + i,
            .targets = {{1, cases[i].src, cases[i].dest, BG_PVGPU_BLEND_OP_ADD, BG_PVGPU_BLEND_ONE,
                         BG_PVGPU_BLEND_ZERO, BG_PVGPU_BLEND_OP_ADD, BG_PVGPU_COLOR_WRITE_ALL}});
        const struct bg_pvgpu_set_blend_state set =
            COMMAND(struct bg_pvgpu_set_blend_state, BG_PVGPU_CMD_SET_BLEND_STATE, 0,
                    .state_id = STATE + 1 + i, .sample_mask = UINT32_MAX);

        GO(&create);
        GO(&set);
        GO(&clear);
        draw_now(3, 0);
        assert_int_equal(read_pixels(SECOND_TARGET)[9] & 0xFFFFFF, cases[i].colour);
    }
}

/* ---- Views of arrays ---- */

/* Direct3D's TEXTURE2D of an array is its first layer, whatever the count says. */
static void test_one_layer_of_many(void **state)
{
    struct bg_pvgpu_create_resource create =
        texture(PICTURE, BG_PVGPU_FORMAT_R8G8B8A8_UNORM, SIDE, SIDE);
    const struct bg_pvgpu_create_view view =
        COMMAND(struct bg_pvgpu_create_view, BG_PVGPU_CMD_CREATE_RENDER_TARGET_VIEW, PICTURE,
                .resource_id = PICTURE, .dimension = BG_PVGPU_VIEW_TEXTURE_2D);
    const struct bg_pvgpu_clear_render_target clear =
        COMMAND(struct bg_pvgpu_clear_render_target, BG_PVGPU_CMD_CLEAR_RENDER_TARGET, 0,
                .rtv = PICTURE, .colour = {1, 0, 0, 1});
    struct bg_pvgpu_update_resource read = transfer(BG_PVGPU_CMD_READ_RESOURCE, PICTURE, 0);

    (void)state;
    create.depth = 3;
    create.bind_flags = BG_PVGPU_BIND_RENDER_TARGET;
    GO(&create);
    GO(&view);
    GO(&clear);
    assert_int_equal(read_pixels(PICTURE)[0], RED);
    read.subresource = 1;
    GO(&read);
    assert_int_equal(context.renderer->ops->finish(&context).code, BG_PVGPU_OK);
    assert_int_equal(*(const uint32_t *)heap, 0);
}

/* ---- Views of buffers ---- */

/* ByteAddressBuffer's is R32_TYPELESS; a StructuredBuffer's elements are structures, whose size
 * nobody says: all of the buffer is shown. */
static void test_words_and_structures(void **state)
{
    struct bg_pvgpu_create_resource create = texture(WORDS, 0, 1024, 1);
    struct bg_pvgpu_create_shader_view view =
        COMMAND(struct bg_pvgpu_create_shader_view, BG_PVGPU_CMD_CREATE_SHADER_RESOURCE_VIEW, WORDS,
                .resource_id = WORDS, .format = BG_PVGPU_FORMAT_R32_TYPELESS, .mip_level = 64,
                .mip_levels = 16);
    const struct pvgpu_view *made;

    (void)state;
    create.type = BG_PVGPU_RESOURCE_BUFFER;
    create.bind_flags = BG_PVGPU_BIND_SHADER_RESOURCE;
    create.misc_flags = BG_PVGPU_MISC_BUFFER_ALLOW_RAW_VIEWS | BG_PVGPU_MISC_BUFFER_STRUCTURED;
    GO(&create);
    GO(&view);
    made = pvgpu_ids_find(&context.views, WORDS);
    assert_int_equal(made->mip_levels * made->format->size, 64);
    view.view_id = WORDS + 40;
    view.format = 0;
    REFUSED(BG_PVGPU_ERROR_INVALID_PARAMETER, &view);
    view.mip_level = 0;
    GO(&view);
    made = pvgpu_ids_find(&context.views, WORDS + 40);
    assert_int_equal(made->mip_levels * made->format->size, 1024);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(test_depth_of_32_bits),      TEST(test_depth_of_16_bits),
        TEST(test_depth_with_stencil),    TEST(test_wide_depth_with_stencil),
        TEST(test_one_picture_two_types), TEST(test_every_typeless_format),
        TEST(test_packed_colours),        TEST(test_blending_without_alpha),
        TEST(test_one_layer_of_many),     TEST(test_words_and_structures),
#undef TEST
    };

    return run_draw_tests("formats", tests, sizeof(tests) / sizeof(tests[0]));
}
