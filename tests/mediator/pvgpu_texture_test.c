/* SPDX-License-Identifier: BSD-2-Clause */
// build: tests/mediator/pvgpu_pen.c tests/mediator/raster.c tests/mediator/pvgpu_peer.c
// build: tests/mediator/client.c tests/mediator/processes.c tests/mediator/fixture.c
// build: host/common/fd_message.c
// libs: -lm
// needs: build/host/baregpu-mediator build/tests/shaders/raster.vert.spv
// needs: build/tests/shaders/raster.frag.spv build/tests/shaders/texture.frag.spv
// needs: build/tests/shaders/cube.frag.spv build/tests/shaders/targets.frag.spv
// needs: build/tests/shaders/numbers.frag.spv build/tests/shaders/squares.comp.spv
// needs: build/tests/shaders/paint.comp.spv
/* What shaders read and write: textures, formats, samplers, targets, buffers. */
#include <math.h>
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

static int setup(void **state)
{
    fixture_setup(state);
    fixture_start("gpu", "pvgpu", "draw = on\n");
    peer = peer_open(PEER_NEW, path, 1);
    return 0;
}

static int teardown(void **state)
{
    peer_close(&peer);
    return fixture_teardown(state);
}

/* ---- Things to draw with ---- */

/* Of these sides, with what the heap has of it. */
static uint32_t make_texture(struct bg_pvgpu_create_resource create, const void *data,
                             uint32_t size)
{
    create.header = (struct bg_pvgpu_command){
        .type = BG_PVGPU_CMD_CREATE_RESOURCE, .size = sizeof(create), .resource_id = pen_new_id()};
    create.type = create.type ? create.type : BG_PVGPU_RESOURCE_TEXTURE_2D;
    create.bind_flags = create.bind_flags ? create.bind_flags : BG_PVGPU_BIND_SHADER_RESOURCE;
    create.data_size = size;
    create.heap_offset = size > 0 ? pen_lend(data, size) : 0;
    pen_run(&create, sizeof(create));
    return create.header.resource_id;
}

static void set_view(uint32_t stage, uint32_t slot, uint32_t texture, uint32_t dimension,
                     uint32_t format)
{
    uint32_t id = pen_new_id();

    PEN_RUN(struct bg_pvgpu_create_shader_view, BG_PVGPU_CMD_CREATE_SHADER_RESOURCE_VIEW,
            .view_id = id, .resource_id = texture, .format = format, .dimension = dimension);
    PEN_RUN(struct bg_pvgpu_set_shader_resource, BG_PVGPU_CMD_SET_SHADER_RESOURCE, .stage = stage,
            .start_slot = slot, .count = 1, .views = {id});
}

static struct bg_pvgpu_create_sampler sampler_of(uint32_t filter, uint32_t address)
{
    return (struct bg_pvgpu_create_sampler){.filter = filter,
                                            .address_u = address,
                                            .address_v = address,
                                            .address_w = address,
                                            .max_lod = 1000};
}

static void set_sampler(struct bg_pvgpu_create_sampler create)
{
    create.header =
        (struct bg_pvgpu_command){.type = BG_PVGPU_CMD_CREATE_SAMPLER, .size = sizeof(create)};
    create.sampler_id = pen_new_id();
    pen_run(&create, sizeof(create));
    PEN_RUN(struct bg_pvgpu_set_sampler, BG_PVGPU_CMD_SET_SAMPLER, .stage = BG_PVGPU_STAGE_PIXEL,
            .count = 1, .samplers = {create.sampler_id});
}

/* A square of the target from (x, y) on, over which the texture's place goes from `from` to `to`.
 */
static void draw_square(int32_t x, int32_t y, int32_t side, const float colour[4], float from,
                        float to)
{
    struct raster_vertex corners[6] = {
        {x, y, .place = {from, from}},      {x + side, y, .place = {to, from}},
        {x, y + side, .place = {from, to}}, {x, y + side, .place = {from, to}},
        {x + side, y, .place = {to, from}}, {x + side, y + side, .place = {to, to}}};

    for (int i = 0; i < 6; i++) {
        corners[i].x *= RASTER_ONE;
        corners[i].y *= RASTER_ONE;
        corners[i].w = 1;
        memcpy(corners[i].colour, colour, sizeof(corners[i].colour));
    }
    pen_draw_vertices(corners, 6);
}

static const float white[4] = {1, 1, 1, 1}, black[4] = {0, 0, 0, 0};

static void draw_all(float from, float to)
{
    draw_square(0, 0, RASTER_SIDE, white, from, to);
}

static void expect_near(const uint8_t *have, const uint8_t *want, unsigned steps, const char *what,
                        unsigned number)
{
    for (int i = 0; i < 4; i++) {
        if ((unsigned)abs(have[i] - want[i]) > steps) {
            harness_fail("%s %u: %u %u %u %u, not %u %u %u %u", what, number, have[0], have[1],
                         have[2], have[3], want[0], want[1], want[2], want[3]);
        }
    }
}

/* ---- Levels ---- */

#define LEVELS 7u

static void level_colour(uint32_t level, uint8_t colour[4])
{
    colour[0] = (uint8_t)(30 * level);
    colour[1] = (uint8_t)(255 - 30 * level);
    colour[2] = (uint8_t)(level * level);
    colour[3] = 255;
}

/* 64 x 64 and all the smaller ones, each of one colour. */
static uint32_t make_levels(void)
{
    static uint8_t texels[5461 + 1][4];
    uint32_t count = 0;

    for (uint32_t level = 0; level < LEVELS; level++) {
        uint32_t side = 64u >> level;

        for (uint32_t i = 0; i < side * side; i++) {
            level_colour(level, texels[count++]);
        }
    }
    return make_texture((struct bg_pvgpu_create_resource){.format = BG_PVGPU_FORMAT_R8G8B8A8_UNORM,
                                                          .width = 64,
                                                          .height = 64,
                                                          .depth = 1,
                                                          .mip_levels = LEVELS},
                        texels, count * 4);
}

/* A square of so many pixels that has all of the texture gets its level of that size. */
static void expect_level(uint32_t side, uint32_t level, uint32_t number)
{
    uint8_t want[4];

    pen_clear(black);
    draw_square(0, 0, (int32_t)side, white, 0, 1);
    level_colour(level, want);
    expect_near(pen_read(PEN_TARGET, RASTER_PIXELS * 4), want, 0, "level", number);
}

static void test_levels(void **state)
{
    struct bg_pvgpu_create_sampler sampler = sampler_of(0, BG_PVGPU_ADDRESS_CLAMP);

    (void)state;
    pen_open(&peer, false);
    pen_set_shader(BG_PVGPU_STAGE_PIXEL, "texture.frag");
    uint32_t texture = make_levels();
    set_view(BG_PVGPU_STAGE_PIXEL, 0, texture, 0, 0);
    set_sampler(sampler);
    for (uint32_t level = 0; level < LEVELS; level++) {
        expect_level(64u >> level, level, level);
    }
    sampler.min_lod = 2;
    sampler.max_lod = 4;
    set_sampler(sampler);
    expect_level(64, 2, 102);
    expect_level(8, 3, 103);
    expect_level(1, 4, 104);
    sampler = sampler_of(0, BG_PVGPU_ADDRESS_CLAMP);
    sampler.mip_lod_bias = 1;
    set_sampler(sampler);
    expect_level(64, 1, 201);
    uint32_t id = pen_new_id();
    PEN_RUN(struct bg_pvgpu_create_shader_view, BG_PVGPU_CMD_CREATE_SHADER_RESOURCE_VIEW,
            .view_id = id, .resource_id = texture, .mip_level = 3, .mip_levels = 2);
    PEN_RUN(struct bg_pvgpu_set_shader_resource, BG_PVGPU_CMD_SET_SHADER_RESOURCE,
            .stage = BG_PVGPU_STAGE_PIXEL, .count = 1, .views = {id});
    set_sampler(sampler_of(0, BG_PVGPU_ADDRESS_CLAMP));
    expect_level(64, 3, 303);
    expect_level(2, 4, 304);
}

/* ---- Samplers ---- */

static int32_t wrap(uint32_t address, int32_t i) /* of 4 texels; -1: the border */
{
    int32_t in = ((i % 4) + 4) % 4;

    switch (address) {
    case BG_PVGPU_ADDRESS_WRAP:
        return in;
    case BG_PVGPU_ADDRESS_MIRROR:
        return ((i % 8) + 8) % 8 < 4 ? in : 3 - in;
    case BG_PVGPU_ADDRESS_CLAMP:
        return i < 0 ? 0 : i > 3 ? 3 : i;
    case BG_PVGPU_ADDRESS_MIRROR_ONCE:
        i = i < 0 ? -1 - i : i;
        return i > 3 ? 3 : i;
    default:
        return i < 0 || i > 3 ? -1 : i;
    }
}

/* Texels -4 to 11, four pixels each. */
static void test_addresses(void **state)
{
    static const float border[4] = {0, 0, 0, 1};
    static const uint8_t border_bytes[4] = {0, 0, 0, 255};
    uint8_t texels[16][4];

    (void)state;
    for (uint32_t i = 0; i < 64; i++) {
        texels[i / 4][i % 4] = (uint8_t)(37 * i + 11);
    }
    pen_open(&peer, false);
    pen_set_shader(BG_PVGPU_STAGE_PIXEL, "texture.frag");
    set_view(
        BG_PVGPU_STAGE_PIXEL, 0,
        make_texture((struct bg_pvgpu_create_resource){.format = BG_PVGPU_FORMAT_R8G8B8A8_UNORM,
                                                       .width = 4,
                                                       .height = 4,
                                                       .depth = 1,
                                                       .mip_levels = 1},
                     texels, sizeof(texels)),
        0, 0);
    for (uint32_t address = BG_PVGPU_ADDRESS_WRAP; address <= BG_PVGPU_ADDRESS_MIRROR_ONCE;
         address++) {
        struct bg_pvgpu_create_sampler sampler = sampler_of(0, address);

        memcpy(sampler.border, border, sizeof(border));
        set_sampler(sampler);
        draw_all(-1, 3);
        const uint8_t *have = pen_read(PEN_TARGET, RASTER_PIXELS * 4);
        for (uint32_t i = 0; i < RASTER_PIXELS; i++) {
            int32_t u = wrap(address, (int32_t)(i % RASTER_SIDE / 4) - 4);
            int32_t v = wrap(address, (int32_t)(i / RASTER_SIDE / 4) - 4);

            expect_near(have + 4 * (size_t)i, u < 0 || v < 0 ? border_bytes : texels[4 * v + u], 0,
                        "address mode", address);
        }
    }
}

/* Between two texels, in a line. */
static void test_linear(void **state)
{
    static const uint8_t texels[2][4] = {{0, 40, 200, 255}, {255, 90, 100, 255}};

    (void)state;
    pen_open(&peer, false);
    pen_set_shader(BG_PVGPU_STAGE_PIXEL, "texture.frag");
    set_view(
        BG_PVGPU_STAGE_PIXEL, 0,
        make_texture((struct bg_pvgpu_create_resource){.format = BG_PVGPU_FORMAT_R8G8B8A8_UNORM,
                                                       .width = 2,
                                                       .height = 1,
                                                       .depth = 1,
                                                       .mip_levels = 1},
                     texels, sizeof(texels)),
        0, 0);
    set_sampler(sampler_of(BG_PVGPU_FILTER_LINEAR, BG_PVGPU_ADDRESS_CLAMP));
    draw_all(0, 1);
    const uint8_t *have = pen_read(PEN_TARGET, RASTER_PIXELS * 4);
    for (uint32_t x = 0; x < RASTER_SIDE; x++) {
        float part = fminf(fmaxf(((float)x + 0.5f) / 32 - 0.5f, 0), 1);
        uint8_t want[4];

        for (int i = 0; i < 4; i++) {
            want[i] =
                (uint8_t)lrintf((float)texels[0][i] * (1 - part) + (float)texels[1][i] * part);
        }
        expect_near(have + 4 * (size_t)x, want, 2, "between texels", x);
    }
}

/* ---- Formats ---- */

struct texel {
    uint32_t format;
    uint32_t size;
    uint8_t bytes[16]; /* BC: a block of one colour */
    float values[4];
};

#define BYTES(...) {__VA_ARGS__}

static const struct texel texels_of_formats[] = {
    {BG_PVGPU_FORMAT_R8_UNORM, 1, BYTES(51), {0.2f, 0, 0, 1}},
    {BG_PVGPU_FORMAT_R8_SNORM, 1, BYTES(0x81), {-1, 0, 0, 1}},
    {BG_PVGPU_FORMAT_R8G8_UNORM, 2, BYTES(255, 102), {1, 0.4f, 0, 1}},
    {BG_PVGPU_FORMAT_R8G8B8A8_UNORM, 4, BYTES(0, 51, 102, 153), {0, 0.2f, 0.4f, 0.6f}},
    {BG_PVGPU_FORMAT_R8G8B8A8_UNORM_SRGB, 4, BYTES(188, 0, 255, 51), {0.5029f, 0, 1, 0.2f}},
    {BG_PVGPU_FORMAT_R8G8B8A8_SNORM, 4, BYTES(127, 0x81, 0, 0x80), {1, -1, 0, -1}},
    {BG_PVGPU_FORMAT_B8G8R8A8_UNORM, 4, BYTES(0, 51, 102, 153), {0.4f, 0.2f, 0, 0.6f}},
    {BG_PVGPU_FORMAT_B8G8R8X8_UNORM, 4, BYTES(0, 51, 102, 153), {0.4f, 0.2f, 0, 1}},
    {BG_PVGPU_FORMAT_R10G10B10A2_UNORM, 4, BYTES(0xFF, 0x03, 0x00, 0x40), {1, 0, 0, 1.0f / 3}},
    {BG_PVGPU_FORMAT_R11G11B10_FLOAT, 4, BYTES(0xC0, 0x03, 0x1C, 0x70), {1, 0.5f, 0.5f, 1}},
    {BG_PVGPU_FORMAT_R16_UNORM, 2, BYTES(0xFF, 0xFF), {1, 0, 0, 1}},
    {BG_PVGPU_FORMAT_R16_FLOAT, 2, BYTES(0x00, 0xC1), {-2.5f, 0, 0, 1}},
    {BG_PVGPU_FORMAT_R16G16_FLOAT, 4, BYTES(0x00, 0x3C, 0x00, 0x38), {1, 0.5f, 0, 1}},
    {BG_PVGPU_FORMAT_R16G16_SNORM, 4, BYTES(0xFF, 0x7F, 0x01, 0x80), {1, -1, 0, 1}},
    {BG_PVGPU_FORMAT_R16G16B16A16_FLOAT,
     8,
     BYTES(0x00, 0x3C, 0x00, 0xBC, 0x00, 0x40, 0x00, 0x00),
     {1, -1, 2, 0}},
    {BG_PVGPU_FORMAT_R16G16B16A16_UNORM, 8, BYTES(0xFF, 0xFF, 0, 0, 0xFF, 0xFF, 0, 0), {1, 0, 1}},
    {BG_PVGPU_FORMAT_R32_FLOAT, 4, BYTES(0, 0, 0x20, 0x41), {10, 0, 0, 1}},
    {BG_PVGPU_FORMAT_R32G32_FLOAT, 8, BYTES(0, 0, 0x20, 0x41, 0, 0, 0x80, 0xBF), {10, -1, 0, 1}},
    {BG_PVGPU_FORMAT_R32G32B32A32_FLOAT,
     16,
     BYTES(0, 0, 0x80, 0x3F, 0, 0, 0, 0x40, 0, 0, 0x40, 0x40, 0, 0, 0x80, 0x40),
     {1, 2, 3, 4}},
    {BG_PVGPU_FORMAT_BC1_UNORM, 8, BYTES(0x1F, 0xF8, 0, 0), {1, 0, 1, 1}},
    {BG_PVGPU_FORMAT_BC3_UNORM,
     16,
     BYTES(0xFF, 0xFF, 0, 0, 0, 0, 0, 0, 0xE0, 0x07, 0, 0),
     {0, 1, 0, 1}},
    {BG_PVGPU_FORMAT_BC4_UNORM, 8, BYTES(102, 102), {0.4f, 0, 0, 1}},
    {BG_PVGPU_FORMAT_BC5_UNORM, 16, BYTES(102, 102, 0, 0, 0, 0, 0, 0, 51, 51), {0.4f, 0.2f, 0, 1}},
};

/* A target in which all of that can be told apart. */
static uint32_t set_float_target(void)
{
    uint32_t id =
        make_texture((struct bg_pvgpu_create_resource){.format = BG_PVGPU_FORMAT_R32G32B32A32_FLOAT,
                                                       .width = RASTER_SIDE,
                                                       .height = RASTER_SIDE,
                                                       .depth = 1,
                                                       .mip_levels = 1,
                                                       .bind_flags = BG_PVGPU_BIND_RENDER_TARGET},
                     NULL, 0);

    PEN_RUN(struct bg_pvgpu_create_view, BG_PVGPU_CMD_CREATE_RENDER_TARGET_VIEW, .view_id = id,
            .resource_id = id);
    PEN_RUN(struct bg_pvgpu_set_render_target, BG_PVGPU_CMD_SET_RENDER_TARGET, .count = 1,
            .rtv = {id});
    return id;
}

static void test_formats(void **state)
{
    (void)state;
    pen_open(&peer, false);
    pen_set_shader(BG_PVGPU_STAGE_PIXEL, "texture.frag");
    set_sampler(sampler_of(0, BG_PVGPU_ADDRESS_CLAMP));
    uint32_t target = set_float_target();
    for (uint32_t i = 0; i < sizeof(texels_of_formats) / sizeof(texels_of_formats[0]); i++) {
        const struct texel *texel = &texels_of_formats[i];
        bool is_block = texel->format >= BG_PVGPU_FORMAT_BC1_UNORM &&
                        texel->format <= BG_PVGPU_FORMAT_BC5_SNORM;
        uint32_t side = is_block ? 4 : 1;
        float have[4];

        set_view(BG_PVGPU_STAGE_PIXEL, 0,
                 make_texture((struct bg_pvgpu_create_resource){.format = texel->format,
                                                                .width = side,
                                                                .height = side,
                                                                .depth = 1,
                                                                .mip_levels = 1},
                              texel->bytes, texel->size),
                 0, 0);
        draw_all(0, 1);
        memcpy(have, pen_read(target, RASTER_PIXELS * 16), sizeof(have));
        for (int j = 0; j < 4; j++) {
            if (fabsf(have[j] - texel->values[j]) > 0.002f) {
                harness_fail("format %u: %g %g %g %g, not %g %g %g %g", texel->format,
                             (double)have[0], (double)have[1], (double)have[2], (double)have[3],
                             (double)texel->values[0], (double)texel->values[1],
                             (double)texel->values[2], (double)texel->values[3]);
            }
        }
    }
}

/* What a draw of 0.2, 0.4, 0.6, 1 leaves. */
static const struct texel texels_of_targets[] = {
    {BG_PVGPU_FORMAT_R8_UNORM, 1, BYTES(51), {0}},
    {BG_PVGPU_FORMAT_R8G8_UNORM, 2, BYTES(51, 102), {0}},
    {BG_PVGPU_FORMAT_R8G8B8A8_UNORM, 4, BYTES(51, 102, 153, 255), {0}},
    {BG_PVGPU_FORMAT_R8G8B8A8_UNORM_SRGB, 4, BYTES(124, 170, 203, 255), {0}},
    {BG_PVGPU_FORMAT_R8G8B8A8_SNORM, 4, BYTES(25, 51, 76, 127), {0}},
    {BG_PVGPU_FORMAT_B8G8R8A8_UNORM, 4, BYTES(153, 102, 51, 255), {0}},
    {BG_PVGPU_FORMAT_R10G10B10A2_UNORM, 4, BYTES(0xCD, 0x64, 0x66, 0xE6), {0}},
    {BG_PVGPU_FORMAT_R16_UNORM, 2, BYTES(0x33, 0x33), {0}},
    {BG_PVGPU_FORMAT_R16_FLOAT, 2, BYTES(0x66, 0x32), {0}},
    {BG_PVGPU_FORMAT_R16G16_UNORM, 4, BYTES(0x33, 0x33, 0x66, 0x66), {0}},
    {BG_PVGPU_FORMAT_R32_FLOAT, 4, BYTES(0xCD, 0xCC, 0x4C, 0x3E), {0}},
};

static void set_target(uint32_t id)
{
    PEN_RUN(struct bg_pvgpu_create_view, BG_PVGPU_CMD_CREATE_RENDER_TARGET_VIEW, .view_id = id,
            .resource_id = id);
    PEN_RUN(struct bg_pvgpu_set_render_target, BG_PVGPU_CMD_SET_RENDER_TARGET, .count = 1,
            .rtv = {id});
}

static uint32_t make_target(uint32_t format)
{
    return make_texture(
        (struct bg_pvgpu_create_resource){.format = format,
                                          .width = RASTER_SIDE,
                                          .height = RASTER_SIDE,
                                          .depth = 1,
                                          .mip_levels = 1,
                                          .bind_flags = BG_PVGPU_BIND_RENDER_TARGET},
        NULL, 0);
}

static void test_target_formats(void **state)
{
    static const float colour[4] = {0.2f, 0.4f, 0.6f, 1};

    (void)state;
    pen_open(&peer, false);
    for (uint32_t i = 0; i < sizeof(texels_of_targets) / sizeof(texels_of_targets[0]); i++) {
        const struct texel *texel = &texels_of_targets[i];
        uint32_t id = make_target(texel->format);

        set_target(id);
        draw_square(0, 0, RASTER_SIDE, colour, 0, 1);
        const uint8_t *have = pen_read(id, RASTER_PIXELS * texel->size);
        for (uint32_t j = 0; j < texel->size; j++) {
            if (abs(have[j] - texel->bytes[j]) > 1) {
                harness_fail("format %u, byte %u: %u, not %u", texel->format, j, have[j],
                             texel->bytes[j]);
            }
        }
    }
}

static void test_numbers(void **state)
{
    static const float colour[4] = {0.001f, -0.002f, 1, 0.1f};
    static const int32_t want[4] = {1, -2, 1000, 100};
    int32_t have[4];

    (void)state;
    pen_open(&peer, false);
    pen_set_shader(BG_PVGPU_STAGE_PIXEL, "numbers.frag");
    uint32_t id = make_target(BG_PVGPU_FORMAT_R32G32B32A32_SINT);
    set_target(id);
    draw_square(0, 0, RASTER_SIDE, colour, 0, 1);
    memcpy(have, pen_read(id, RASTER_PIXELS * 16), sizeof(have));
    for (int i = 0; i < 4; i++) {
        assert_in_range(have[i] - want[i] + 1, 0, 2);
    }
}

/* ---- Layers ---- */

/* Six of a texel, told apart by their red. */
static void test_dimensions(void **state)
{
    static const float ways[3][4] = {{0, 0, 0, 1}, {0.5f, 0, 0, 1}, {1, 0, 0, 1}};
    uint8_t texels[6][4];

    (void)state;
    for (uint32_t i = 0; i < 6; i++) {
        memcpy(texels[i], (const uint8_t[4]){(uint8_t)(40 * i), (uint8_t)i, 7, 255}, 4);
    }
    struct bg_pvgpu_create_resource create = {.format = BG_PVGPU_FORMAT_R8G8B8A8_UNORM,
                                              .width = 1,
                                              .height = 1,
                                              .depth = 6,
                                              .mip_levels = 1};
    pen_open(&peer, false);
    pen_set_shader(BG_PVGPU_STAGE_PIXEL, "cube.frag");
    set_sampler(sampler_of(0, BG_PVGPU_ADDRESS_CLAMP));
    create.misc_flags = BG_PVGPU_MISC_TEXTURE_CUBE;
    set_view(BG_PVGPU_STAGE_PIXEL, 0, make_texture(create, texels, sizeof(texels)),
             BG_PVGPU_VIEW_TEXTURE_CUBE, 0);
    create.misc_flags = 0;
    set_view(BG_PVGPU_STAGE_PIXEL, 1, make_texture(create, texels, sizeof(texels)),
             BG_PVGPU_VIEW_TEXTURE_2D_ARRAY, 0);
    create.type = BG_PVGPU_RESOURCE_TEXTURE_3D;
    set_view(BG_PVGPU_STAGE_PIXEL, 2, make_texture(create, texels, sizeof(texels)),
             BG_PVGPU_VIEW_TEXTURE_3D, 0);
    for (unsigned way = 0; way < 3; way++) {
        draw_square(0, 0, RASTER_SIDE, ways[way], 0, 1);
        const uint8_t *have = pen_read(PEN_TARGET, RASTER_PIXELS * 4);
        for (uint32_t i = 0; i < 6; i++) {
            expect_near(have + 4 * (size_t)(i * 64 / 6 + 5), texels[i], 0, "dimension", way);
        }
    }
}

/* ---- Targets, constants ---- */

static void test_two_targets(void **state)
{
    static const float constants[3][64] = {{1, 1, 0, 1}, {0.2f, 0, 0, 1}, {0, 0.4f, 0, 1}};
    static const uint8_t wants[3][4] = {{255, 255, 0, 255}, {51, 0, 0, 255}, {0, 102, 0, 255}};

    (void)state;
    pen_open(&peer, false);
    pen_set_shader(BG_PVGPU_STAGE_PIXEL, "targets.frag");
    uint32_t second = make_target(BG_PVGPU_FORMAT_R8G8B8A8_UNORM);
    uint32_t buffer = pen_buffer(BG_PVGPU_BIND_CONSTANT_BUFFER, constants, sizeof(constants));
    PEN_RUN(struct bg_pvgpu_create_view, BG_PVGPU_CMD_CREATE_RENDER_TARGET_VIEW, .view_id = second,
            .resource_id = second);
    PEN_RUN(struct bg_pvgpu_set_render_target, BG_PVGPU_CMD_SET_RENDER_TARGET, .count = 2,
            .rtv = {PEN_TARGET, second});
    for (uint32_t i = 0; i < 3; i++) {
        PEN_RUN(struct bg_pvgpu_set_constant_buffer, BG_PVGPU_CMD_SET_CONSTANT_BUFFER,
                .stage = BG_PVGPU_STAGE_PIXEL, .slot = 2, .buffer_id = buffer, .offset = 256 * i,
                .size = 256);
        draw_all(0, 1);
        expect_near(pen_read(second, RASTER_PIXELS * 4), wants[i], 0, "constants", i);
    }
    expect_near(pen_read(PEN_TARGET, RASTER_PIXELS * 4), (const uint8_t[4]){255, 255, 255, 255}, 0,
                "target", 0);
}

/* ---- Dispatches ---- */

static uint32_t make_access(uint32_t slot, uint32_t resource)
{
    uint32_t id = pen_new_id();

    PEN_RUN(struct bg_pvgpu_create_view, BG_PVGPU_CMD_CREATE_UNORDERED_ACCESS_VIEW, .view_id = id,
            .resource_id = resource);
    PEN_RUN(struct bg_pvgpu_set_unordered_access, BG_PVGPU_CMD_SET_UNORDERED_ACCESS,
            .stage = BG_PVGPU_STAGE_COMPUTE, .start_slot = slot, .count = 1, .views = {id});
    return id;
}

static void test_numbers_of_a_dispatch(void **state)
{
    enum { COUNT = 1000 };
    uint32_t numbers[COUNT + 24] = {0}, constants[64] = {COUNT, 5};

    (void)state;
    pen_open(&peer, false);
    for (uint32_t i = 0; i < COUNT; i++) {
        numbers[i] = 65521 * i;
    }
    uint32_t source = pen_buffer(BG_PVGPU_BIND_SHADER_RESOURCE, numbers, sizeof(numbers));
    uint32_t target = pen_buffer(BG_PVGPU_BIND_UNORDERED_ACCESS, numbers, sizeof(numbers));
    pen_set_shader(BG_PVGPU_STAGE_COMPUTE, "squares.comp");
    set_view(BG_PVGPU_STAGE_COMPUTE, 0, source, BG_PVGPU_VIEW_BUFFER, 0);
    make_access(0, target);
    PEN_RUN(struct bg_pvgpu_set_constant_buffer, BG_PVGPU_CMD_SET_CONSTANT_BUFFER,
            .stage = BG_PVGPU_STAGE_COMPUTE,
            .buffer_id = pen_buffer(BG_PVGPU_BIND_CONSTANT_BUFFER, constants, sizeof(constants)));
    PEN_RUN(struct bg_pvgpu_dispatch, BG_PVGPU_CMD_DISPATCH, .groups_x = 16, .groups_y = 1,
            .groups_z = 1);
    const uint32_t *have = (const void *)pen_read(target, sizeof(numbers));
    for (uint32_t i = 0; i < COUNT + 24; i++) {
        assert_int_equal(have[i], i < COUNT ? numbers[i] * numbers[i] + 5 : 0);
    }
}

static void test_picture_of_a_dispatch(void **state)
{
    (void)state;
    pen_open(&peer, false);
    uint32_t id = make_texture(
        (struct bg_pvgpu_create_resource){.format = BG_PVGPU_FORMAT_R8G8B8A8_UNORM,
                                          .width = 64,
                                          .height = 64,
                                          .depth = 1,
                                          .mip_levels = 1,
                                          .bind_flags = BG_PVGPU_BIND_UNORDERED_ACCESS |
                                                        BG_PVGPU_BIND_SHADER_RESOURCE},
        NULL, 0);
    pen_set_shader(BG_PVGPU_STAGE_COMPUTE, "paint.comp");
    make_access(1, id);
    PEN_RUN(struct bg_pvgpu_dispatch, BG_PVGPU_CMD_DISPATCH, .groups_x = 8, .groups_y = 8,
            .groups_z = 1);
    /* And by the next draw. */
    pen_set_shader(BG_PVGPU_STAGE_PIXEL, "texture.frag");
    set_sampler(sampler_of(0, BG_PVGPU_ADDRESS_CLAMP));
    set_view(BG_PVGPU_STAGE_PIXEL, 0, id, 0, 0);
    draw_all(0, 1);
    const uint8_t *have = pen_read(PEN_TARGET, RASTER_PIXELS * 4);
    for (uint32_t i = 0; i < RASTER_PIXELS; i++) {
        uint32_t x = i % RASTER_SIDE, y = i / RASTER_SIDE;

        expect_near(have + 4 * (size_t)i,
                    (const uint8_t[4]){(uint8_t)(x * 4), (uint8_t)(y * 4), (uint8_t)(x ^ y), 255},
                    0, "texel", i);
    }
}

/* ---- Samples ---- */

/* Inside as drawn, outside as cleared, on the edge something in between. */
static void test_samples(void **state)
{
    static const struct raster_vertex half[3] = {
        {0, 0, .w = 1, .colour = {1, 1, 1, 1}},
        {64 * RASTER_ONE, 0, .w = 1, .colour = {1, 1, 1, 1}},
        {0, 64 * RASTER_ONE, .w = 1, .colour = {1, 1, 1, 1}}};
    unsigned between = 0;

    (void)state;
    if (!(peer.features & BG_PVGPU_FEATURE_MSAA)) {
        skip();
    }
    pen_open(&peer, false);
    uint32_t id =
        make_texture((struct bg_pvgpu_create_resource){.format = BG_PVGPU_FORMAT_R8G8B8A8_UNORM,
                                                       .width = RASTER_SIDE,
                                                       .height = RASTER_SIDE,
                                                       .depth = 1,
                                                       .mip_levels = 1,
                                                       .sample_count = 4,
                                                       .bind_flags = BG_PVGPU_BIND_RENDER_TARGET},
                     NULL, 0);
    set_target(id);
    PEN_RUN(struct bg_pvgpu_clear_render_target, BG_PVGPU_CMD_CLEAR_RENDER_TARGET, .rtv = id,
            .colour = {0, 0, 0, 0});
    pen_draw_vertices(half, 3);
    PEN_RUN(struct bg_pvgpu_copy_resource, BG_PVGPU_CMD_COPY_RESOURCE, .dst = PEN_TARGET,
            .src = id);
    const uint8_t *have = pen_read(PEN_TARGET, RASTER_PIXELS * 4);
    for (uint32_t i = 0; i < RASTER_PIXELS; i++) {
        uint32_t sum = i % RASTER_SIDE + i / RASTER_SIDE;

        if (sum < 63) {
            assert_int_equal(have[4 * i], 255);
        } else if (sum > 63) {
            assert_int_equal(have[4 * i], 0);
        } else {
            between += have[4 * i] > 0 && have[4 * i] < 255;
        }
    }
    assert_int_equal(between, 64);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(test_levels),
        TEST(test_addresses),
        TEST(test_linear),
        TEST(test_formats),
        TEST(test_target_formats),
        TEST(test_numbers),
        TEST(test_dimensions),
        TEST(test_two_targets),
        TEST(test_numbers_of_a_dispatch),
        TEST(test_picture_of_a_dispatch),
        TEST(test_samples),
#undef TEST
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
