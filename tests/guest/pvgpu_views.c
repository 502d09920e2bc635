/* SPDX-License-Identifier: BSD-2-Clause */
/* run=test-pvgpu: views, clears, the pipeline's state. */
#include "tests/guest/pvgpu.h"

#include <math.h>
#include <string.h>

/* ---- What a clear makes of a colour ---- */

struct clear_case {
    uint32_t format;
    float rgba[4];
    uint8_t texel[16];
};

static const struct clear_case clear_cases[] = {
    {BG_PVGPU_FORMAT_R8G8B8A8_UNORM, {0.2f, 0.4f, 0.6f, 1}, {51, 102, 153, 255}},
    {BG_PVGPU_FORMAT_B8G8R8A8_UNORM, {0.2f, 0.4f, 0.6f, 1}, {153, 102, 51, 255}},
    {BG_PVGPU_FORMAT_R8G8B8A8_UNORM, {-1, 2, 0, 0.001f}, {0, 255, 0, 0}},
    {BG_PVGPU_FORMAT_R8G8B8A8_UNORM_SRGB, {1, 0, 0.2140411f, 0.2f}, {255, 0, 127, 51}},
    {BG_PVGPU_FORMAT_R8G8B8A8_UINT, {1.9f, 300, -5, 255}, {1, 255, 0, 255}},
    {BG_PVGPU_FORMAT_R8G8B8A8_SINT, {-1.9f, 300, -200, 5}, {0xFF, 127, 0x80, 5}},
    {BG_PVGPU_FORMAT_R8_UNORM, {1, 0, 0, 0}, {255}},
    {BG_PVGPU_FORMAT_R8G8_UNORM, {0.2f, 1, 0, 0}, {51, 255}},
    {BG_PVGPU_FORMAT_R16_FLOAT, {1, 0, 0, 0}, {0x00, 0x3C}},
    {BG_PVGPU_FORMAT_R16G16B16A16_FLOAT,
     {0.5f, -2, 65504, 0},
     {0x00, 0x38, 0x00, 0xC0, 0xFF, 0x7B, 0, 0}},
    {BG_PVGPU_FORMAT_R16G16B16A16_UNORM, {0, 1, 0.2f, 0}, {0, 0, 0xFF, 0xFF, 0x33, 0x33, 0, 0}},
    {BG_PVGPU_FORMAT_R16_UINT, {513, 0, 0, 0}, {1, 2}},
    {BG_PVGPU_FORMAT_R16G16_SINT, {-2, 40000, 0, 0}, {0xFE, 0xFF, 0xFF, 0x7F}},
    {BG_PVGPU_FORMAT_R32_FLOAT, {1, 0, 0, 0}, {0, 0, 0x80, 0x3F}},
    {BG_PVGPU_FORMAT_R32_UINT, {65536, 0, 0, 0}, {0, 0, 1, 0}},
    {BG_PVGPU_FORMAT_R32_SINT, {-1, 0, 0, 0}, {0xFF, 0xFF, 0xFF, 0xFF}},
    {BG_PVGPU_FORMAT_R32G32_FLOAT, {0.5f, -1, 0, 0}, {0, 0, 0, 0x3F, 0, 0, 0x80, 0xBF}},
    {BG_PVGPU_FORMAT_R32G32B32A32_UINT,
     {1, 2, 3, 4},
     {1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4, 0, 0, 0}},
};

static bool is_filled(const uint8_t *texels, size_t count, const uint8_t *texel, uint32_t size)
{
    for (size_t i = 0; i < count; i++) {
        if (memcmp(texels + i * size, texel, size) != 0) {
            tap_diag("texel %u begins %02x %02x %02x %02x, not %02x %02x %02x %02x", (unsigned)i,
                     texels[i * size], texels[i * size + 1], texels[i * size + 2],
                     texels[i * size + 3], texel[0], texel[1], texel[2], texel[3]);
            return false;
        }
    }
    return true;
}

static bool clears_to(const struct clear_case *test)
{
    const uint32_t size = bg_pvgpu_format_size(test->format);
    struct bg_pvgpu_view_options options = {0};
    uint32_t id, view;

    return bg_pvgpu_texture_create(&gpu, test->format, 21, 9, &id) == 0 &&
           (options.resource_id = id) != 0 &&
           bg_pvgpu_render_target_view_create(&gpu, &options, &view) == 0 &&
           bg_pvgpu_clear_render_target(&gpu, view, test->rgba) == 0 &&
           read_back(id, 0, 21 * 9 * size) &&
           is_filled(scratch2.bytes, 21 * 9, test->texel, size) &&
           bg_pvgpu_render_target_view_destroy(&gpu, view) == 0 &&
           bg_pvgpu_resource_destroy(&gpu, id) == 0;
}

static void test_clears(void)
{
    for (size_t i = 0; i < sizeof(clear_cases) / sizeof(clear_cases[0]); i++) {
        bool is_good = clears_to(&clear_cases[i]);

        tap_ok(bg_pvgpu_finish(&gpu, pvgpu_host_deadline()) == 0 && is_good, "a clear of format %u",
               (unsigned)clear_cases[i].format);
    }
}

/* ---- Parts: a level, slices ---- */

static void test_slices(void)
{
    enum { W = 16, H = 8, D = 12 };
    static const float ones[4] = {1, 1, 1, 1};
    const struct bg_pvgpu_resource_options options = {.type = BG_PVGPU_RESOURCE_TEXTURE_3D,
                                                      .format = BG_PVGPU_FORMAT_R8_UNORM,
                                                      .width = W,
                                                      .height = H,
                                                      .depth = D,
                                                      .mip_levels = 2,
                                                      .bind_flags = BG_PVGPU_BIND_RENDER_TARGET};
    struct bg_pvgpu_view_options view = {.mip_level = 1, .first_slice = 2, .slice_count = 3};
    const uint32_t slice = W / 2 * H / 2;
    uint8_t *texels = scratch2.bytes;
    uint32_t id, target, rest;

    expect_ok(bg_pvgpu_resource_create(&gpu, &options, &id), "texture 3D with two levels");
    view.resource_id = id;
    expect_ok(bg_pvgpu_render_target_view_create(&gpu, &view, &target), "three slices of level 1");
    expect_ok(bg_pvgpu_clear_render_target(&gpu, target, ones), "are cleared");
    tap_ok(read_back(id, 1, slice * D / 2) && is_all(texels, 2 * slice, 0) &&
               is_all(texels + 2 * slice, 3 * slice, 255) && is_all(texels + 5 * slice, slice, 0),
           "these and no others");
    tap_ok(read_back(id, 0, W * H * D) && is_all(texels, W * H * D, 0), "and not level 0");
    view = (struct bg_pvgpu_view_options){.resource_id = id, .first_slice = 10};
    expect_ok(bg_pvgpu_render_target_view_create(&gpu, &view, &rest), "all slices from the tenth");
    expect_ok(bg_pvgpu_clear_render_target(&gpu, rest, ones), "are cleared");
    tap_ok(read_back(id, 0, W * H * D) && is_all(texels, W * H * 10, 0) &&
               is_all(texels + W * H * 10, W * H * 2, 255),
           "these and no others");
    expect_ok(bg_pvgpu_resource_destroy(&gpu, id), "the resource may go before its views");
    expect_ok(bg_pvgpu_clear_render_target(&gpu, rest, ones), "which stay");
    expect_ok(bg_pvgpu_render_target_view_destroy(&gpu, target), "destroy");
    expect_ok(bg_pvgpu_render_target_view_destroy(&gpu, rest), "destroy");
}

/* ---- Depth and stencil ---- */

static void test_depth(void)
{
    static const float quarter = 0.25f, one = 1, too_much = 7;
    struct bg_pvgpu_view_options view = {0};
    uint32_t id, depth, texel;
    float d32;

    expect_ok(bg_pvgpu_texture_create(&gpu, BG_PVGPU_FORMAT_D32_FLOAT, 8, 8, &id), "D32");
    view.resource_id = id;
    expect_ok(bg_pvgpu_depth_stencil_view_create(&gpu, &view, &depth), "its view");
    expect_ok(bg_pvgpu_clear_depth_stencil(&gpu, depth, BG_PVGPU_CLEAR_DEPTH, &quarter, 0),
              "clear");
    read_back(id, 0, 256);
    memcpy(&d32, (uint8_t *)scratch2.bytes + 252, 4);
    tap_ok(d32 == quarter, "a quarter");
    expect_ok(bg_pvgpu_clear_depth_stencil(&gpu, depth, BG_PVGPU_CLEAR_DEPTH, &too_much, 0),
              "too much");
    read_back(id, 0, 256);
    memcpy(&d32, scratch2.bytes, 4);
    tap_ok(d32 == one, "is one");
    expect_ok(bg_pvgpu_depth_stencil_view_destroy(&gpu, depth), "destroy");
    expect_ok(bg_pvgpu_resource_destroy(&gpu, id), "destroy");

    expect_ok(bg_pvgpu_texture_create(&gpu, BG_PVGPU_FORMAT_D24_UNORM_S8_UINT, 8, 8, &id), "D24S8");
    view.resource_id = id;
    expect_ok(bg_pvgpu_depth_stencil_view_create(&gpu, &view, &depth), "its view");
    expect_ok(bg_pvgpu_clear_depth_stencil(
                  &gpu, depth, BG_PVGPU_CLEAR_DEPTH | BG_PVGPU_CLEAR_STENCIL, &one, 0x5A),
              "clear both");
    read_back(id, 0, 256);
    memcpy(&texel, scratch2.bytes, 4);
    tap_equal(texel, 0x5AFFFFFF, "depth and stencil");
    expect_ok(bg_pvgpu_clear_depth_stencil(&gpu, depth, BG_PVGPU_CLEAR_STENCIL, &quarter, 0x133),
              "clear the stencil");
    read_back(id, 0, 256);
    memcpy(&texel, (uint8_t *)scratch2.bytes + 128, 4);
    tap_equal(texel, 0x33FFFFFF, "its low 8 bits, and no depth");
    expect_failure(bg_pvgpu_clear_depth_stencil(&gpu, depth, 4, &quarter, 0),
                   BG_PVGPU_ERROR_INVALID_PARAMETER, BG_PVGPU_CMD_CLEAR_DEPTH_STENCIL,
                   "another flag");
    expect_ok(bg_pvgpu_depth_stencil_view_destroy(&gpu, depth), "destroy");
    expect_ok(bg_pvgpu_resource_destroy(&gpu, id), "destroy");
}

/* ---- Bad views ---- */

static void test_bad_views(void)
{
    static const float floats[4] = {0};
    struct bg_pvgpu_view_options view = {0};
    uint32_t buffer, colour, id;

    expect_ok(bg_pvgpu_buffer_create(&gpu, 64, &buffer), "a buffer");
    expect_ok(bg_pvgpu_texture_create(&gpu, BG_PVGPU_FORMAT_R8G8B8A8_UNORM, 4, 4, &colour),
              "a texture");
    view.resource_id = 99999;
    expect_failure(bg_pvgpu_render_target_view_create(&gpu, &view, &id),
                   BG_PVGPU_ERROR_RESOURCE_NOT_FOUND, BG_PVGPU_CMD_CREATE_RENDER_TARGET_VIEW,
                   "a view of nothing");
    view.resource_id = buffer;
    expect_failure(bg_pvgpu_render_target_view_create(&gpu, &view, &id),
                   BG_PVGPU_ERROR_INVALID_PARAMETER, BG_PVGPU_CMD_CREATE_RENDER_TARGET_VIEW,
                   "a view of a buffer");
    view.resource_id = colour;
    expect_failure(bg_pvgpu_depth_stencil_view_create(&gpu, &view, &id),
                   BG_PVGPU_ERROR_INVALID_PARAMETER, BG_PVGPU_CMD_CREATE_DEPTH_STENCIL_VIEW,
                   "a depth view of colours");
    view.mip_level = 1;
    expect_failure(bg_pvgpu_render_target_view_create(&gpu, &view, &id),
                   BG_PVGPU_ERROR_INVALID_PARAMETER, BG_PVGPU_CMD_CREATE_RENDER_TARGET_VIEW,
                   "a level that is not there");
    expect_failure(bg_pvgpu_clear_render_target(&gpu, id, floats),
                   BG_PVGPU_ERROR_RESOURCE_NOT_FOUND, BG_PVGPU_CMD_CLEAR_RENDER_TARGET,
                   "clear a view that was not made");
    expect_failure(bg_pvgpu_render_target_view_destroy(&gpu, id), BG_PVGPU_ERROR_RESOURCE_NOT_FOUND,
                   BG_PVGPU_CMD_DESTROY_RENDER_TARGET_VIEW, "destroy it");
    expect_ok(bg_pvgpu_resource_destroy(&gpu, buffer), "destroy");
    expect_ok(bg_pvgpu_resource_destroy(&gpu, colour), "destroy");
}

/* ---- State ---- */

static void test_state(void)
{
    const struct bg_pvgpu_viewport viewports[] = {{0, 0, 8, 8, 0, 1}, {1, 2, 3, 4, 0.25f, 0.75f}};
    const struct bg_pvgpu_viewport bad = {0, 0, -1, 8, 0, 1}, nan = {0, 0, NAN, 8, 0, 1};
    const struct bg_pvgpu_viewport deep = {0, 0, 1, 1, 0.5f, 1.5f};
    const struct bg_pvgpu_rectangle scissors[] = {{0, 0, 8, 8}, {-5, -5, 100, 100}};
    const struct bg_pvgpu_rectangle turned = {8, 0, 0, 8};
    struct bg_pvgpu_view_options view = {0};
    uint32_t ids[2], views[2], missing = 77777;

    for (int i = 0; i < 2; i++) {
        expect_ok(
            bg_pvgpu_texture_create(&gpu, BG_PVGPU_FORMAT_R8G8B8A8_UNORM, i ? 16 : 8, 8, &ids[i]),
            "a texture");
        view.resource_id = ids[i];
        expect_ok(bg_pvgpu_render_target_view_create(&gpu, &view, &views[i]), "its view");
    }
    expect_ok(bg_pvgpu_set_render_target(&gpu, 1, views, 0), "set a render target");
    expect_failure(bg_pvgpu_set_render_target(&gpu, 2, views, 0), BG_PVGPU_ERROR_INVALID_PARAMETER,
                   BG_PVGPU_CMD_SET_RENDER_TARGET, "two of different sizes");
    expect_failure(bg_pvgpu_set_render_target(&gpu, 1, &missing, 0),
                   BG_PVGPU_ERROR_RESOURCE_NOT_FOUND, BG_PVGPU_CMD_SET_RENDER_TARGET,
                   "one that does not exist");
    expect_ok(bg_pvgpu_set_render_target(&gpu, 0, NULL, 0), "none");
    expect_ok(bg_pvgpu_set_viewport(&gpu, 2, viewports), "two viewports");
    expect_ok(bg_pvgpu_set_viewport(&gpu, 0, viewports), "no viewport");
    expect_failure(bg_pvgpu_set_viewport(&gpu, 1, &bad), BG_PVGPU_ERROR_INVALID_PARAMETER,
                   BG_PVGPU_CMD_SET_VIEWPORT, "a negative side");
    expect_failure(bg_pvgpu_set_viewport(&gpu, 1, &nan), BG_PVGPU_ERROR_INVALID_PARAMETER,
                   BG_PVGPU_CMD_SET_VIEWPORT, "a side that is no number");
    expect_failure(bg_pvgpu_set_viewport(&gpu, 1, &deep), BG_PVGPU_ERROR_INVALID_PARAMETER,
                   BG_PVGPU_CMD_SET_VIEWPORT, "too deep");
    expect_ok(bg_pvgpu_set_scissor(&gpu, 2, scissors), "two scissors");
    expect_failure(bg_pvgpu_set_scissor(&gpu, 1, &turned), BG_PVGPU_ERROR_INVALID_PARAMETER,
                   BG_PVGPU_CMD_SET_SCISSOR, "a scissor inside out");
    for (int i = 0; i < 2; i++) {
        expect_ok(bg_pvgpu_render_target_view_destroy(&gpu, views[i]), "destroy");
        expect_ok(bg_pvgpu_resource_destroy(&gpu, ids[i]), "destroy");
    }
}

void test_pvgpu_views(void)
{
    test_clears();
    test_slices();
    test_depth();
    test_bad_views();
    test_state();
}
