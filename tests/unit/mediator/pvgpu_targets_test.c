/* SPDX-License-Identifier: BSD-2-Clause */
// build: $(PVGPU_SRC)
// libs: -ldl
/* pvgpu's views, targets and clears on the CPU device, each format's texels, resizing. */
#include <math.h>

#include "tests/unit/mediator/pvgpu_fixture.h"

/* ---- Views, targets, clears ---- */

static struct bg_pvgpu_create_view view_of(uint32_t type, uint32_t id, uint32_t resource)
{
    return COMMAND(struct bg_pvgpu_create_view, type, id, .resource_id = resource);
}

static void make_view(uint32_t type, uint32_t id, uint32_t resource)
{
    struct bg_pvgpu_create_view view = view_of(type, id, resource);

    EXPECT(BG_PVGPU_OK, &view);
}

/* As programs of others send them: their bind flags, ids in the payload, 44 bytes for a render
 * target. */
static void test_views_of_others(void **state)
{
    const uint32_t target[] = {
        BG_PVGPU_CMD_CREATE_RENDER_TARGET_VIEW, 44, 0, 0, 7, 1, 28, 4, 0, 0, 1};
    const uint32_t depth[] = {
        BG_PVGPU_CMD_CREATE_DEPTH_STENCIL_VIEW, 48, 0, 0, 8, 2, 40, 3, 1, 0, 0, UINT32_MAX};

    (void)state;
    make_texture(1, BG_PVGPU_FORMAT_R8G8B8A8_UNORM, 4, 4, 0x10);
    make_texture(2, BG_PVGPU_FORMAT_D32_FLOAT, 4, 4, 0x20);
    EXPECT(BG_PVGPU_OK, target);
    EXPECT(BG_PVGPU_OK, depth);
    assert_non_null(pvgpu_ids_find(&context.views, 7));
    assert_non_null(pvgpu_ids_find(&context.views, 8));
}

/* {id, three zero} behind the header, which has another id or none. */
static void destroy_of_others(enum bg_pvgpu_error code, uint32_t type, uint32_t id)
{
    const uint32_t gone[] = {type, 32, id + 1, 0, id, 0, 0, 0};

    EXPECT(code, gone);
}

static void test_destroy_of_others(void **state)
{
    const uint32_t header_counts[] = {
        BG_PVGPU_CMD_DESTROY_RENDER_TARGET_VIEW, 32, 9, 0, 0, 0, 0, 0};

    (void)state;
    test_views_of_others(state);
    make_view(BG_PVGPU_CMD_CREATE_RENDER_TARGET_VIEW, 9, 1);
    destroy_of_others(BG_PVGPU_ERROR_RESOURCE_NOT_FOUND, BG_PVGPU_CMD_DESTROY_RENDER_TARGET_VIEW,
                      8); /* a depth-stencil's */
    destroy_of_others(BG_PVGPU_OK, BG_PVGPU_CMD_DESTROY_RENDER_TARGET_VIEW, 7);
    destroy_of_others(BG_PVGPU_OK, BG_PVGPU_CMD_DESTROY_DEPTH_STENCIL_VIEW, 8);
    destroy_of_others(BG_PVGPU_ERROR_RESOURCE_NOT_FOUND, BG_PVGPU_CMD_DESTROY_RENDER_TARGET_VIEW,
                      7);
    EXPECT(BG_PVGPU_OK, header_counts);
    assert_int_equal(context.views.count, 0);
}

/* What shaders read: levels and slices of a texture, elements of a buffer. */
static void test_shader_resource_views(void **state)
{
    uint32_t view[] = {
        BG_PVGPU_CMD_CREATE_SHADER_RESOURCE_VIEW, 48, 0, 0, 5, 1, 28, 4, 1, UINT32_MAX, 0, 0};
    uint32_t elements[] = {BG_PVGPU_CMD_CREATE_SHADER_RESOURCE_VIEW,
                           48,
                           0,
                           0,
                           6,
                           2,
                           BG_PVGPU_FORMAT_R32_FLOAT,
                           1,
                           3,
                           13,
                           0,
                           0};
    struct bg_pvgpu_create_resource create = texture(1, BG_PVGPU_FORMAT_R8G8B8A8_UNORM, 8, 4);
    struct bg_pvgpu_set_render_target set =
        COMMAND(struct bg_pvgpu_set_render_target, BG_PVGPU_CMD_SET_RENDER_TARGET, 0, .count = 1,
                .rtv = {5});
    const struct pvgpu_view *made;

    (void)state;
    create.mip_levels = 0;
    create.bind_flags = BG_PVGPU_BIND_SHADER_RESOURCE;
    EXPECT(BG_PVGPU_OK, &create);
    create = texture(2, 0, 64, 1);
    create.type = BG_PVGPU_RESOURCE_BUFFER;
    create.bind_flags = BG_PVGPU_BIND_SHADER_RESOURCE;
    EXPECT(BG_PVGPU_OK, &create);
    EXPECT(BG_PVGPU_OK, view);
    made = pvgpu_ids_find(&context.views, 5);
    assert_int_equal(made->mip_level, 1);
    assert_int_equal(made->mip_levels, 3); /* of 8 x 4: the second to the fourth */
    assert_int_equal(made->slice_count, 1);
    EXPECT(BG_PVGPU_OK, elements); /* the last 13 of 16 */
    assert_int_equal(((struct pvgpu_view *)pvgpu_ids_find(&context.views, 6))->mip_levels, 13);
    EXPECT(BG_PVGPU_ERROR_RESOURCE_NOT_FOUND, &set); /* nothing to draw into */
    view[4] = elements[4] = 7;
    view[9] = 4;
    EXPECT(BG_PVGPU_ERROR_INVALID_PARAMETER, view);
    view[8] = 4;
    EXPECT(BG_PVGPU_ERROR_INVALID_PARAMETER, view);
    elements[8] = 4;
    EXPECT(BG_PVGPU_ERROR_INVALID_PARAMETER, elements);
    elements[6] = 12345;
    EXPECT(BG_PVGPU_ERROR_UNSUPPORTED_FORMAT, elements);
    view[6] = BG_PVGPU_FORMAT_R8_UNORM;
    EXPECT(BG_PVGPU_ERROR_UNSUPPORTED_FORMAT, view);
    view[1] = 44;
    EXPECT(BG_PVGPU_ERROR_INVALID_COMMAND, view);
    make_texture(3, BG_PVGPU_FORMAT_R8G8B8A8_UNORM, 4, 4, BG_PVGPU_BIND_RENDER_TARGET);
    view[1] = 48;
    view[5] = 3; /* which shaders do not read */
    EXPECT(BG_PVGPU_ERROR_INVALID_PARAMETER, view);
    destroy_of_others(BG_PVGPU_ERROR_RESOURCE_NOT_FOUND, BG_PVGPU_CMD_DESTROY_RENDER_TARGET_VIEW,
                      5);
    destroy_of_others(BG_PVGPU_OK, BG_PVGPU_CMD_DESTROY_SHADER_RESOURCE_VIEW, 5);
    destroy_of_others(BG_PVGPU_OK, BG_PVGPU_CMD_DESTROY_SHADER_RESOURCE_VIEW, 6);
}

static void test_views(void **state)
{
    struct bg_pvgpu_create_view view = view_of(BG_PVGPU_CMD_CREATE_RENDER_TARGET_VIEW, 1, 1);
    struct bg_pvgpu_command gone = {BG_PVGPU_CMD_DESTROY_DEPTH_STENCIL_VIEW, sizeof(gone), 1, 0};

    (void)state;
    EXPECT(BG_PVGPU_ERROR_RESOURCE_NOT_FOUND, &view);
    make_texture(1, BG_PVGPU_FORMAT_R8G8B8A8_UNORM, 4, 4, BG_PVGPU_BIND_RENDER_TARGET);
    make_texture(2, BG_PVGPU_FORMAT_D32_FLOAT, 4, 4, BG_PVGPU_BIND_DEPTH_STENCIL);
    make_buffer(3, 64);
    EXPECT(BG_PVGPU_OK, &view);
    EXPECT(BG_PVGPU_ERROR_INVALID_PARAMETER, &view); /* the id is there */
#define REFUSED(error, command, resource, change)                                                  \
    do {                                                                                           \
        view = view_of(command, 2, resource);                                                      \
        change;                                                                                    \
        EXPECT(error, &view);                                                                      \
    } while (0)
    REFUSED(BG_PVGPU_ERROR_INVALID_PARAMETER, BG_PVGPU_CMD_CREATE_RENDER_TARGET_VIEW, 2, );
    REFUSED(BG_PVGPU_ERROR_INVALID_PARAMETER, BG_PVGPU_CMD_CREATE_DEPTH_STENCIL_VIEW, 1, );
    REFUSED(BG_PVGPU_ERROR_INVALID_PARAMETER, BG_PVGPU_CMD_CREATE_RENDER_TARGET_VIEW, 3, );
    REFUSED(BG_PVGPU_ERROR_INVALID_PARAMETER, BG_PVGPU_CMD_CREATE_RENDER_TARGET_VIEW, 1,
            view.mip_level = 1);
    REFUSED(BG_PVGPU_ERROR_INVALID_PARAMETER, BG_PVGPU_CMD_CREATE_RENDER_TARGET_VIEW, 1,
            view.first_slice = 1);
    REFUSED(BG_PVGPU_ERROR_INVALID_PARAMETER, BG_PVGPU_CMD_CREATE_RENDER_TARGET_VIEW, 1,
            view.slice_count = 2);
    REFUSED(BG_PVGPU_ERROR_INVALID_PARAMETER, BG_PVGPU_CMD_CREATE_RENDER_TARGET_VIEW, 1,
            view.header.resource_id = 0);
    REFUSED(BG_PVGPU_ERROR_UNSUPPORTED_FORMAT, BG_PVGPU_CMD_CREATE_RENDER_TARGET_VIEW, 1,
            view.format = BG_PVGPU_FORMAT_R8_UNORM);
    REFUSED(BG_PVGPU_ERROR_UNSUPPORTED_FORMAT, BG_PVGPU_CMD_CREATE_DEPTH_STENCIL_VIEW, 2,
            view.format = BG_PVGPU_FORMAT_D24_UNORM_S8_UINT);
#undef REFUSED
    EXPECT(BG_PVGPU_ERROR_RESOURCE_NOT_FOUND, &gone); /* it is a render target's */
    gone.type = BG_PVGPU_CMD_DESTROY_RENDER_TARGET_VIEW;
    /* The memory stays as long as a view does. */
    destroy(1);
    assert_true(context.session->memory_used > 64 + 64);
    EXPECT(BG_PVGPU_OK, &gone);
    expect_charged(64 + 64);
    EXPECT(BG_PVGPU_ERROR_RESOURCE_NOT_FOUND, &gone);
}

static void test_set_render_target(void **state)
{
    struct bg_pvgpu_set_render_target set =
        COMMAND(struct bg_pvgpu_set_render_target, BG_PVGPU_CMD_SET_RENDER_TARGET, 0, .count = 2,
                .dsv = 3, .rtv = {1, 2});
    struct bg_pvgpu_command gone = {BG_PVGPU_CMD_DESTROY_RENDER_TARGET_VIEW, sizeof(gone), 2, 0};

    (void)state;
    make_texture(1, BG_PVGPU_FORMAT_R8G8B8A8_UNORM, 4, 4, BG_PVGPU_BIND_RENDER_TARGET);
    make_texture(2, BG_PVGPU_FORMAT_D32_FLOAT, 4, 4, BG_PVGPU_BIND_DEPTH_STENCIL);
    make_texture(4, BG_PVGPU_FORMAT_D32_FLOAT, 8, 4, BG_PVGPU_BIND_DEPTH_STENCIL);
    make_view(BG_PVGPU_CMD_CREATE_RENDER_TARGET_VIEW, 1, 1);
    EXPECT(BG_PVGPU_ERROR_RESOURCE_NOT_FOUND, &set);
    make_view(BG_PVGPU_CMD_CREATE_RENDER_TARGET_VIEW, 2, 1);
    EXPECT(BG_PVGPU_ERROR_RESOURCE_NOT_FOUND, &set);
    make_view(BG_PVGPU_CMD_CREATE_DEPTH_STENCIL_VIEW, 3, 2);
    make_view(BG_PVGPU_CMD_CREATE_DEPTH_STENCIL_VIEW, 4, 4);
    EXPECT(BG_PVGPU_OK, &set);
    assert_non_null(context.targets[1]);
    assert_null(context.targets[2]);
    EXPECT(BG_PVGPU_OK, &gone);
    assert_null(context.targets[1]);
    assert_non_null(context.targets[0]);
    set = COMMAND(struct bg_pvgpu_set_render_target, BG_PVGPU_CMD_SET_RENDER_TARGET, 0, .count = 1,
                  .dsv = 4, .rtv = {1});
    EXPECT(BG_PVGPU_ERROR_INVALID_PARAMETER, &set); /* of another size */
    set.dsv = 1;
    EXPECT(BG_PVGPU_ERROR_RESOURCE_NOT_FOUND, &set);
    set.count = 9;
    EXPECT(BG_PVGPU_ERROR_INVALID_PARAMETER, &set);
    set = COMMAND(struct bg_pvgpu_set_render_target, BG_PVGPU_CMD_SET_RENDER_TARGET, 0, .count = 0);
    EXPECT(BG_PVGPU_OK, &set);
    assert_null(context.targets[0]);
    assert_null(context.depth_target);
}

static void test_viewports_and_scissors(void **state)
{
    struct bg_pvgpu_set_viewport viewport =
        COMMAND(struct bg_pvgpu_set_viewport, BG_PVGPU_CMD_SET_VIEWPORT, 0, .count = 2,
                .viewports = {{0, 0, 640, 480, 0, 1}, {-5, 3, 1, 1, 0.5f, 0.5f}});
    struct bg_pvgpu_set_scissor scissor =
        COMMAND(struct bg_pvgpu_set_scissor, BG_PVGPU_CMD_SET_SCISSOR, 0, .count = 1,
                .rectangles = {{-1, 0, 10, 10}});

    (void)state;
    EXPECT(BG_PVGPU_OK, &viewport);
    assert_int_equal(context.viewport_count, 2);
    assert_true(context.viewports[1].x == -5);
    viewport.header.size = 20 + 2 * 24;
    EXPECT(BG_PVGPU_OK, &viewport);
    viewport.header.size--;
    EXPECT(BG_PVGPU_ERROR_INVALID_COMMAND, &viewport);
    viewport.header.size = sizeof(viewport);
    viewport.count = 17;
    EXPECT(BG_PVGPU_ERROR_INVALID_PARAMETER, &viewport);
    viewport.count = UINT32_MAX;
    EXPECT(BG_PVGPU_ERROR_INVALID_PARAMETER, &viewport);
    viewport.count = 1;
    viewport.viewports[0].width = -1;
    EXPECT(BG_PVGPU_ERROR_INVALID_PARAMETER, &viewport);
    viewport.viewports[0].width = NAN;
    EXPECT(BG_PVGPU_ERROR_INVALID_PARAMETER, &viewport);
    viewport.viewports[0].width = 1;
    viewport.viewports[0].max_depth = 1.5f;
    EXPECT(BG_PVGPU_ERROR_INVALID_PARAMETER, &viewport);
    EXPECT(BG_PVGPU_OK, &scissor);
    assert_int_equal(context.scissors[0].left, -1);
    scissor.rectangles[0].left = 11;
    EXPECT(BG_PVGPU_ERROR_INVALID_PARAMETER, &scissor);
    scissor.count = 17;
    EXPECT(BG_PVGPU_ERROR_INVALID_PARAMETER, &scissor);
    scissor.count = 16;
    scissor.header.size = 24;
    EXPECT(BG_PVGPU_ERROR_INVALID_COMMAND, &scissor);
}

static void clear(uint32_t view, float r, float g, float b, float a)
{
    struct bg_pvgpu_clear_render_target command =
        COMMAND(struct bg_pvgpu_clear_render_target, BG_PVGPU_CMD_CLEAR_RENDER_TARGET, 0,
                .rtv = view, .colour = {r, g, b, a});

    EXPECT(BG_PVGPU_OK, &command);
}

/* Clears a texture of 3x3, looks at every texel of it. */
static void expect_cleared(uint32_t format, float r, float g, float b, float a, const void *texel,
                           uint32_t size)
{
    struct bg_pvgpu_command gone = {BG_PVGPU_CMD_DESTROY_RENDER_TARGET_VIEW, sizeof(gone), 9, 0};
    const uint8_t *texels;

    make_texture(9, format, 3, 3, BG_PVGPU_BIND_RENDER_TARGET);
    make_view(BG_PVGPU_CMD_CREATE_RENDER_TARGET_VIEW, 9, 9);
    clear(9, r, g, b, a);
    texels = read_level(9, 0, 9 * size);
    for (int i = 0; i < 9; i++) {
        assert_memory_equal(texels + (uint32_t)i * size, texel, size);
    }
    EXPECT(BG_PVGPU_OK, &gone);
    destroy(9);
}

#define CLEARED(format, r, g, b, a, type, ...)                                                     \
    do {                                                                                           \
        const type texel[] = {__VA_ARGS__};                                                        \
        expect_cleared(BG_PVGPU_FORMAT_##format, r, g, b, a, texel, sizeof(texel));                \
    } while (0)

static void test_clear_colours(void **state)
{
    (void)state;
    CLEARED(R8G8B8A8_UNORM, 1, 0.5f, 0, 0.25f, uint8_t, 255, 128, 0, 64);
    CLEARED(B8G8R8A8_UNORM, 1, 0.5f, 0, 0.25f, uint8_t, 0, 128, 255, 64);
    CLEARED(B8G8R8X8_UNORM, 1, 0, 0, 1, uint8_t, 0, 0, 255, 255);
    CLEARED(R8G8B8A8_UNORM, 7, -3, NAN, INFINITY, uint8_t, 255, 0, 0, 255);
    CLEARED(R8G8B8A8_UNORM_SRGB, 1, 0.5f, 0, 0.5f, uint8_t, 255, 188, 0, 128);
    CLEARED(B8G8R8A8_UNORM_SRGB, 0.5f, 0, 1, 1, uint8_t, 255, 0, 188, 255);
    CLEARED(R8G8B8A8_UINT, 200.9f, 300, -1, NAN, uint8_t, 200, 255, 0, 0);
    CLEARED(R8G8B8A8_SINT, -200, 127.9f, -1.5f, NAN, int8_t, -128, 127, -1, 0);
    CLEARED(R16G16B16A16_UNORM, 1, 0.5f, 0, 1, uint16_t, 65535, 32768, 0, 65535);
    CLEARED(R16G16B16A16_UINT, 65536, 1, 0, 65535, uint16_t, 65535, 1, 0, 65535);
    CLEARED(R16G16B16A16_SINT, -32769, 32768, -1, 5, int16_t, -32768, 32767, -1, 5);
    CLEARED(R16G16B16A16_FLOAT, 1, -2, 0.5f, 4, uint16_t, 0x3C00, 0xC000, 0x3800, 0x4400);
#ifndef PVGPU_TEST_VULKAN /* where drivers round as they like */
    CLEARED(R16_FLOAT, 65536, 0, 0, 0, uint16_t, 0x7C00);
    /* Denormals, rounding to even, the largest and the next above it. */
    CLEARED(R16G16_FLOAT, 5.9604645e-8f, 1 + 1 / 2048.f, 0, 0, uint16_t, 0x0001, 0x3C00);
    CLEARED(R16G16_FLOAT, 1 + 3 / 2048.f, 65519, 0, 0, uint16_t, 0x3C02, 0x7BFF);
    CLEARED(R16G16_FLOAT, 65520, 2.9e-8f, 0, 0, uint16_t, 0x7C00, 0x0000);
    CLEARED(R16G16_FLOAT, 6.1e-5f, -0.0f, 0, 0, uint16_t, 0x03FF, 0x8000);
    CLEARED(R16_FLOAT, NAN, 0, 0, 0, uint16_t, 0x7E00);
#endif
    CLEARED(R16_UINT, 1234, 0, 0, 0, uint16_t, 1234);
    CLEARED(R16_SINT, -1234, 0, 0, 0, int16_t, -1234);
    CLEARED(R16G16_UINT, 1, 2, 0, 0, uint16_t, 1, 2);
    CLEARED(R16G16_SINT, -1, 2, 0, 0, int16_t, -1, 2);
    CLEARED(R32G32B32A32_FLOAT, 1.5f, -2.5f, 1e30f, 0, float, 1.5f, -2.5f, 1e30f, 0);
    CLEARED(R32G32B32A32_UINT, 5e9f, 7, 0, -1, uint32_t, UINT32_MAX, 7, 0, 0);
    CLEARED(R32G32B32A32_SINT, -3e9f, 3e9f, -7, 7, int32_t, INT32_MIN, INT32_MAX, -7, 7);
    CLEARED(R32G32_FLOAT, 1, 2, 0, 0, float, 1, 2);
    CLEARED(R32G32_UINT, 1, 2, 0, 0, uint32_t, 1, 2);
    CLEARED(R32G32_SINT, -1, 2, 0, 0, int32_t, -1, 2);
    CLEARED(R32_FLOAT, 0.1f, 0, 0, 0, float, 0.1f);
    CLEARED(R32_UINT, 16777216, 0, 0, 0, uint32_t, 16777216);
    CLEARED(R32_SINT, -16777216, 0, 0, 0, int32_t, -16777216);
    CLEARED(R8G8_UNORM, 1, 0.2f, 0, 0, uint8_t, 255, 51);
    CLEARED(R8_UNORM, 0.2f, 0, 0, 0, uint8_t, 51);
    CLEARED(R8_UINT, 77, 0, 0, 0, uint8_t, 77);
    CLEARED(R8_SINT, -77, 0, 0, 0, int8_t, -77);
}

/* Only the view's level and slices. */
static void test_clear_part_of_a_volume(void **state)
{
    struct bg_pvgpu_create_resource create = texture(1, BG_PVGPU_FORMAT_R8_UNORM, 4, 4);
    struct bg_pvgpu_create_view view = view_of(BG_PVGPU_CMD_CREATE_RENDER_TARGET_VIEW, 1, 1);

    (void)state;
    create.type = BG_PVGPU_RESOURCE_TEXTURE_3D;
    create.depth = 4;
    create.mip_levels = 2;
    create.bind_flags = BG_PVGPU_BIND_RENDER_TARGET;
    EXPECT(BG_PVGPU_OK, &create);
    view.first_slice = 1;
    view.slice_count = 2;
    EXPECT(BG_PVGPU_OK, &view);
    clear(1, 1, 0, 0, 0);
    const uint8_t *texels = read_level(1, 0, 64);
    for (int i = 0; i < 64; i++) {
        assert_int_equal(texels[i], i >= 16 && i < 48 ? 255 : 0);
    }
    assert_int_equal(read_level(1, 1, 8)[0], 0);
    view = view_of(BG_PVGPU_CMD_CREATE_RENDER_TARGET_VIEW, 2, 1);
    view.mip_level = 1;
    EXPECT(BG_PVGPU_OK, &view);
    clear(2, 0.2f, 0, 0, 0);
    texels = read_level(1, 1, 8);
    for (int i = 0; i < 8; i++) {
        assert_int_equal(texels[i], 51);
    }
    assert_int_equal(read_level(1, 0, 64)[63], 0);
}

static void expect_depth(uint32_t resource, uint32_t flags, float depth, uint32_t stencil,
                         uint32_t texel)
{
    struct bg_pvgpu_clear_depth_stencil command =
        COMMAND(struct bg_pvgpu_clear_depth_stencil, BG_PVGPU_CMD_CLEAR_DEPTH_STENCIL, 0,
                .dsv = resource, .clear_flags = flags, .depth = depth, .stencil = stencil);
    const uint8_t *texels;

    EXPECT(BG_PVGPU_OK, &command);
    texels = read_level(resource, 0, 40 * 40 * 4);
    for (int i = 0; i < 40 * 40; i++) {
        assert_memory_equal(texels + i * 4, &texel, 4);
    }
}

static void test_clear_depth(void **state)
{
    struct bg_pvgpu_clear_depth_stencil command =
        COMMAND(struct bg_pvgpu_clear_depth_stencil, BG_PVGPU_CMD_CLEAR_DEPTH_STENCIL, 0, .dsv = 1,
                .clear_flags = 4);

    (void)state;
    make_texture(1, BG_PVGPU_FORMAT_D24_UNORM_S8_UINT, 40, 40, BG_PVGPU_BIND_DEPTH_STENCIL);
    make_view(BG_PVGPU_CMD_CREATE_DEPTH_STENCIL_VIEW, 1, 1);
    make_texture(2, BG_PVGPU_FORMAT_D32_FLOAT, 40, 40, BG_PVGPU_BIND_DEPTH_STENCIL);
    make_view(BG_PVGPU_CMD_CREATE_DEPTH_STENCIL_VIEW, 2, 2);
    expect_depth(1, BG_PVGPU_CLEAR_DEPTH | BG_PVGPU_CLEAR_STENCIL, 1, 0x42, 0x42FFFFFF);
    expect_depth(1, BG_PVGPU_CLEAR_DEPTH, 0.5f, 9, 0x42800000);
    expect_depth(1, BG_PVGPU_CLEAR_STENCIL, 0, 0x107, 0x07800000);
    expect_depth(1, 0, 0, 0, 0x07800000);
    expect_depth(1, BG_PVGPU_CLEAR_DEPTH, NAN, 0, 0x07000000);
    expect_depth(2, BG_PVGPU_CLEAR_DEPTH, 0.5f, 1, 0x3F000000);
    expect_depth(2, BG_PVGPU_CLEAR_STENCIL, 0, 1, 0x3F000000);
    expect_depth(2, BG_PVGPU_CLEAR_DEPTH, 2, 1, 0x3F800000);
    EXPECT(BG_PVGPU_ERROR_INVALID_PARAMETER, &command);
    command.dsv = 3;
    EXPECT(BG_PVGPU_ERROR_RESOURCE_NOT_FOUND, &command);
}

/* ---- Resize ---- */

static void test_resize_buffers(void **state)
{
    struct bg_pvgpu_resize_buffers resize =
        COMMAND(struct bg_pvgpu_resize_buffers, BG_PVGPU_CMD_RESIZE_BUFFERS, 0, .width = 80);

    (void)state;
    EXPECT(BG_PVGPU_OK, &resize);
    assert_int_equal(control.display_width, 80);
    assert_int_equal(control.display_height, 32);
    resize.swapchain = 1;
    resize.format = BG_PVGPU_FORMAT_R16G16B16A16_FLOAT;
    EXPECT(BG_PVGPU_ERROR_RESOURCE_NOT_FOUND, &resize);
    make_texture(1, BG_PVGPU_FORMAT_R8G8B8A8_UNORM, 4, 4, BG_PVGPU_BIND_RENDER_TARGET);
    fill_texture(1, 0);
    EXPECT(BG_PVGPU_OK, &resize);
    assert_int_equal(control.display_format, BG_PVGPU_FORMAT_R16G16B16A16_FLOAT);
    assert_int_equal(pvgpu_resource_find(&context, 1)->size, 80 * 32 * 8);
    expect_charged(80 * 32 * 8);
    assert_int_equal(read_level(1, 0, 80 * 32 * 8)[0], 0);
    make_view(BG_PVGPU_CMD_CREATE_RENDER_TARGET_VIEW, 1, 1);
    EXPECT(BG_PVGPU_ERROR_INVALID_PARAMETER, &resize); /* a view is there */
    make_texture(2, BG_PVGPU_FORMAT_D32_FLOAT, 4, 4, BG_PVGPU_BIND_DEPTH_STENCIL);
    resize.swapchain = 2;
    EXPECT(BG_PVGPU_ERROR_INVALID_PARAMETER, &resize); /* it would be one with a colour format */
    resize.swapchain = 0;
    resize.format = BG_PVGPU_FORMAT_D32_FLOAT;
    EXPECT(BG_PVGPU_ERROR_UNSUPPORTED_FORMAT, &resize);
    resize.format = 0;
    resize.width = BG_PVGPU_TEXTURE_SIDE_MAX + 1;
    EXPECT(BG_PVGPU_ERROR_INVALID_PARAMETER, &resize);
    resize.width = 0;
    resize.buffer_count = 5;
    EXPECT(BG_PVGPU_ERROR_INVALID_PARAMETER, &resize);
    resize.buffer_count = 0;
    resize.flags = 1;
    EXPECT(BG_PVGPU_ERROR_INVALID_PARAMETER, &resize);
    control.display_width = 0; /* the guest wrote there */
    resize.flags = 0;
    EXPECT(BG_PVGPU_ERROR_INVALID_PARAMETER, &resize);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(test_views),
        TEST(test_views_of_others),
        TEST(test_destroy_of_others),
        TEST(test_shader_resource_views),
        TEST(test_set_render_target),
        TEST(test_viewports_and_scissors),
        TEST(test_clear_colours),
        TEST(test_clear_part_of_a_volume),
        TEST(test_clear_depth),
        TEST(test_resize_buffers),
#undef TEST
    };

    if (!open_renderer()) {
        return 0;
    }
    cmocka_set_message_output(CM_OUTPUT_TAP);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    close_renderer();
    return failed;
}
