/* SPDX-License-Identifier: BSD-2-Clause */
/* run=test-pvgpu: resources of every type. */
#include "tests/guest/pvgpu.h"

#include <stdio.h>
#include <string.h>

/* ---- Buffers ---- */

static void test_buffers(void)
{
    enum { SIZE = 100003 };
    struct bg_pvgpu_resource_options options = {.type = BG_PVGPU_RESOURCE_BUFFER,
                                                .width = SIZE,
                                                .heap_offset = scratch.offset,
                                                .data_size = SIZE};
    const struct bg_pvgpu_box part = {.x = 5000, .width = 777, .height = 1, .depth = 1};
    const struct bg_pvgpu_layout layout = {.heap_offset = scratch.offset + 1, .size = 777};
    uint8_t *expected = scratch.bytes;
    uint32_t id, zero, copy;

    fill_pattern(scratch.bytes, SIZE, 10);
    expect_ok(bg_pvgpu_resource_create(&gpu, &options, &id), "a buffer with content");
    tap_ok(read_back(id, 0, SIZE) && is_pattern(scratch2.bytes, SIZE, 10), "which it has");
    expect_ok(bg_pvgpu_buffer_create(&gpu, SIZE, &zero), "a buffer without");
    tap_ok(read_back(zero, 0, SIZE) && is_all(scratch2.bytes, SIZE, 0), "is zero");

    fill_pattern(scratch.bytes, SIZE, 11);
    expect_ok(bg_pvgpu_resource_update(&gpu, id, 0, &part, &layout), "a part gets new content");
    tap_ok(read_back(id, 0, SIZE) &&
               memcmp((uint8_t *)scratch2.bytes + 5000, expected + 1, 777) == 0,
           "which it has");
    fill_pattern(scratch.bytes, SIZE, 10);
    tap_ok(memcmp(scratch2.bytes, expected, 5000) == 0 &&
               memcmp((uint8_t *)scratch2.bytes + 5777, expected + 5777, SIZE - 5777) == 0,
           "and nothing else");

    expect_ok(bg_pvgpu_resource_copy(&gpu, zero, id), "copy all");
    tap_ok(read_back(zero, 0, SIZE) && memcmp((uint8_t *)scratch2.bytes, expected, 5000) == 0,
           "all is there");
    const struct bg_pvgpu_place to = {.id = zero, .x = 100}, from = {.id = zero, .x = 50};

    expect_ok(bg_pvgpu_resource_copy_region(&gpu, &to, &from, 4000, 1, 1),
              "copy a region over itself");
    memmove(expected + 100, expected + 50, 4000);
    tap_ok(read_back(zero, 0, SIZE) && memcmp(scratch2.bytes, expected, 5000) == 0,
           "as by memmove");
    options.data_size = 100;
    expect_ok(bg_pvgpu_resource_create(&gpu, &options, &copy), "a buffer with some content");
    tap_ok(read_back(copy, 0, SIZE) && memcmp(scratch2.bytes, expected, 100) == 0 &&
               is_all((uint8_t *)scratch2.bytes + 100, SIZE - 100, 0),
           "is zero behind it");
    expect_ok(bg_pvgpu_resource_destroy(&gpu, id), "destroy");
    expect_ok(bg_pvgpu_resource_destroy(&gpu, zero), "destroy");
    expect_ok(bg_pvgpu_resource_destroy(&gpu, copy), "destroy");
}

/* ---- Textures with all their levels ---- */

static void test_levels(const char *name, struct bg_pvgpu_resource_options options)
{
    uint64_t all = bg_pvgpu_level_size(&options, BG_PVGPU_ALL_LEVELS), at = 0;
    const uint8_t *expected = scratch.bytes;
    uint32_t id, levels = 0, other;
    bool is_good = true;

    fill_pattern(scratch.bytes, all, options.format);
    options.heap_offset = scratch.offset;
    options.data_size = (uint32_t)all;
    expect_ok(bg_pvgpu_resource_create(&gpu, &options, &id), name);
    options.data_size = 0;
    expect_ok(bg_pvgpu_resource_create(&gpu, &options, &other), "another one, empty");
    for (;; levels++) {
        uint64_t size = bg_pvgpu_level_size(&options, levels);

        if (size == 0) {
            break;
        }
        is_good = is_good && read_back(other, levels, size) && is_all(scratch2.bytes, size, 0) &&
                  read_back(id, levels, size) && memcmp(scratch2.bytes, expected + at, size) == 0;
        at += size;
    }
    tap_ok(is_good && at == all, "all %u levels are as they were given, or empty",
           (unsigned)levels);
    expect_ok(bg_pvgpu_resource_copy(&gpu, other, id), "copy all levels");
    at = 0;
    for (uint32_t level = 0; level < levels; level++) {
        uint64_t size = bg_pvgpu_level_size(&options, level);

        is_good = is_good && read_back(other, level, size) &&
                  memcmp(scratch2.bytes, expected + at, size) == 0;
        at += size;
    }
    tap_ok(is_good, "the copy is the same");
    expect_failure(
        bg_pvgpu_resource_read(&gpu, id, levels, NULL,
                               &(struct bg_pvgpu_layout){.heap_offset = scratch2.offset}),
        BG_PVGPU_ERROR_INVALID_PARAMETER, BG_PVGPU_CMD_READ_RESOURCE, "a level that is not there");
    expect_ok(bg_pvgpu_resource_destroy(&gpu, id), "destroy");
    expect_ok(bg_pvgpu_resource_destroy(&gpu, other), "destroy");
}

static void test_textures(void)
{
    test_levels("texture 1D, RGBA8, 300",
                (struct bg_pvgpu_resource_options){.type = BG_PVGPU_RESOURCE_TEXTURE_1D,
                                                   .format = BG_PVGPU_FORMAT_R8G8B8A8_UNORM,
                                                   .width = 300,
                                                   .height = 1,
                                                   .depth = 1});
    test_levels("texture 2D, BGRA8, 129 x 65",
                (struct bg_pvgpu_resource_options){.type = BG_PVGPU_RESOURCE_TEXTURE_2D,
                                                   .format = BG_PVGPU_FORMAT_B8G8R8A8_UNORM,
                                                   .width = 129,
                                                   .height = 65,
                                                   .depth = 1});
    test_levels("texture 2D, R32G32B32A32 float, 17 x 100, 3 levels",
                (struct bg_pvgpu_resource_options){.type = BG_PVGPU_RESOURCE_TEXTURE_2D,
                                                   .format = BG_PVGPU_FORMAT_R32G32B32A32_FLOAT,
                                                   .width = 17,
                                                   .height = 100,
                                                   .depth = 1,
                                                   .mip_levels = 3});
    test_levels("texture 3D, R16, 33 x 20 x 9",
                (struct bg_pvgpu_resource_options){.type = BG_PVGPU_RESOURCE_TEXTURE_3D,
                                                   .format = BG_PVGPU_FORMAT_R16_UINT,
                                                   .width = 33,
                                                   .height = 20,
                                                   .depth = 9});
}

static void test_formats(void)
{
    static const uint32_t formats[] = {
#define FORMAT_NUMBER(name, number, size, colour, depth) number,
        BG_PVGPU_FORMATS(FORMAT_NUMBER)
#undef FORMAT_NUMBER
    };
    bool is_good = true;

    for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]) && is_good; i++) {
        const struct bg_pvgpu_layout layout = {.heap_offset = scratch.offset};
        size_t size = 13 * 11 * bg_pvgpu_format_size(formats[i]);
        uint32_t id;

        fill_pattern(scratch.bytes, size, formats[i]);
        is_good = bg_pvgpu_texture_create(&gpu, formats[i], 13, 11, &id) == 0 &&
                  bg_pvgpu_resource_update(&gpu, id, 0, NULL, &layout) == 0 &&
                  read_back(id, 0, size) && is_pattern(scratch2.bytes, size, formats[i]) &&
                  bg_pvgpu_resource_destroy(&gpu, id) == 0;
        if (!is_good) {
            tap_diag("format %u", (unsigned)formats[i]);
        }
    }
    tap_ok(is_good, "all %u formats keep what they are given",
           (unsigned)(sizeof(formats) / sizeof(formats[0])));
}

/* ---- Boxes ---- */

/* A box of a 3D texture, from and to memory with pitches: each texel is looked at. */
static void test_boxes(void)
{
    enum { W = 20, H = 15, D = 6, ROW = 100, SLICE = 900 };
    const struct bg_pvgpu_resource_options options = {.type = BG_PVGPU_RESOURCE_TEXTURE_3D,
                                                      .format = BG_PVGPU_FORMAT_R32_UINT,
                                                      .width = W,
                                                      .height = H,
                                                      .depth = D,
                                                      .mip_levels = 1};
    const struct bg_pvgpu_box box = {3, 4, 1, 11, 7, 4};
    const struct bg_pvgpu_layout layout = {scratch.offset, 3 * SLICE + 6 * ROW + 11 * 4, ROW,
                                           SLICE};
    const struct bg_pvgpu_layout back = {scratch2.offset, 0, ROW, SLICE};
    uint32_t *texels = scratch2.bytes;
    bool is_good;
    uint32_t id;

    fill_pattern(scratch.bytes, 4 * SLICE, 20);
    expect_ok(bg_pvgpu_resource_create(&gpu, &options, &id), "texture 3D, R32, 20 x 15 x 6");
    expect_ok(bg_pvgpu_resource_update(&gpu, id, 0, &box, &layout), "a box with pitches");
    is_good = read_back(id, 0, W * H * D * 4);
    for (uint32_t i = 0; i < W * H * D && is_good; i++) {
        uint32_t x = i % W - box.x, y = i / W % H - box.y, z = i / W / H - box.z, expected = 0;

        if (x < box.width && y < box.height && z < box.depth) {
            memcpy(&expected, (uint8_t *)scratch.bytes + z * SLICE + y * ROW + 4 * x, 4);
        }
        is_good = texels[i] == expected;
    }
    tap_ok(is_good, "each texel is right");
    memset(scratch2.bytes, 0xEE, 4 * SLICE);
    expect_ok(bg_pvgpu_resource_read(&gpu, id, 0, &box, &back), "the box back, with pitches");
    for (uint32_t i = 0; i < 4 * SLICE && is_good; i++) {
        uint32_t z = i / SLICE, y = i % SLICE / ROW, x = i % SLICE % ROW;
        bool is_inside = z < box.depth && y < box.height && x < 4 * box.width;

        is_good =
            ((uint8_t *)scratch2.bytes)[i] == (is_inside ? ((uint8_t *)scratch.bytes)[i] : 0xEE);
    }
    tap_ok(is_good, "each byte is right, and the gaps are untouched");
    expect_ok(bg_pvgpu_resource_destroy(&gpu, id), "destroy");
}

static void test_regions(void)
{
    enum { W = 40, H = 30 };
    const struct bg_pvgpu_place to = {.x = 7, .y = 9}, from = {.x = 2, .y = 3};
    const struct bg_pvgpu_layout layout = {.heap_offset = scratch.offset};
    struct bg_pvgpu_place dst = to, src = from;
    uint32_t expected[H][W], *texels = scratch2.bytes, source, id;
    bool is_good;

    fill_pattern(scratch.bytes, sizeof(expected), 30);
    expect_ok(bg_pvgpu_texture_create(&gpu, BG_PVGPU_FORMAT_R8G8B8A8_UNORM, W, H, &source),
              "a texture");
    expect_ok(bg_pvgpu_texture_create(&gpu, BG_PVGPU_FORMAT_B8G8R8A8_UNORM, W, H, &id),
              "another one");
    expect_ok(bg_pvgpu_resource_update(&gpu, source, 0, NULL, &layout), "all of it");
    dst.id = id;
    src.id = source;
    expect_ok(bg_pvgpu_resource_copy_region(&gpu, &dst, &src, 20, 10, 1), "copy a region");
    memset(expected, 0, sizeof(expected));
    for (int y = 0; y < 10; y++) {
        memcpy(&expected[9 + y][7], (uint32_t *)scratch.bytes + (3 + y) * W + 2, 20 * 4);
    }
    is_good = read_back(id, 0, sizeof(expected));
    tap_ok(is_good && memcmp(texels, expected, sizeof(expected)) == 0, "texel by texel");
    src.id = id;
    src.x = 7;
    src.y = 9;
    dst.x = 10;
    dst.y = 11;
    expect_ok(bg_pvgpu_resource_copy_region(&gpu, &dst, &src, 20, 10, 1), "over itself");
    for (int y = 9; y >= 0; y--) {
        memmove(&expected[11 + y][10], &expected[9 + y][7], 20 * 4);
    }
    is_good = read_back(id, 0, sizeof(expected));
    tap_ok(is_good && memcmp(texels, expected, sizeof(expected)) == 0, "as by memmove");
    dst.x = 30;
    expect_failure(bg_pvgpu_resource_copy_region(&gpu, &dst, &src, 20, 10, 1),
                   BG_PVGPU_ERROR_INVALID_PARAMETER, BG_PVGPU_CMD_COPY_REGION, "beyond the edge");
    expect_ok(bg_pvgpu_resource_destroy(&gpu, id), "destroy");
    expect_ok(bg_pvgpu_resource_destroy(&gpu, source), "destroy");
}

/* ---- Map ---- */

static void test_maps(void)
{
    enum { SIZE = 32 * 16 * 4 };
    uint32_t at = scratch2.offset, id;
    uint8_t *mapped = scratch2.bytes;
    const struct bg_pvgpu_layout layout = {.heap_offset = scratch.offset};

    fill_pattern(scratch.bytes, SIZE, 40);
    expect_ok(bg_pvgpu_texture_create(&gpu, BG_PVGPU_FORMAT_R8G8B8A8_UNORM, 32, 16, &id),
              "a texture");
    expect_ok(bg_pvgpu_resource_update(&gpu, id, 0, NULL, &layout), "with content");
    memset(mapped, 0, SIZE);
    expect_ok(bg_pvgpu_resource_map(&gpu, id, 0, BG_PVGPU_MAP_READ, at), "map to read");
    tap_ok(is_pattern(mapped, SIZE, 40), "it is there");
    expect_failure(bg_pvgpu_resource_map(&gpu, id, 0, BG_PVGPU_MAP_READ, at),
                   BG_PVGPU_ERROR_INVALID_PARAMETER, BG_PVGPU_CMD_MAP_RESOURCE, "map twice");
    memset(mapped, 0x11, SIZE);
    expect_ok(bg_pvgpu_resource_unmap(&gpu, id, 0, 0, 0), "unmap");
    tap_ok(read_back(id, 0, SIZE) && is_pattern(mapped, SIZE, 40), "nothing was written back");

    expect_ok(bg_pvgpu_resource_map(&gpu, id, 0, BG_PVGPU_MAP_READ_WRITE, at), "map to write, too");
    tap_ok(is_pattern(mapped, SIZE, 40), "it is there");
    fill_pattern(mapped, SIZE, 41);
    expect_ok(bg_pvgpu_resource_unmap(&gpu, id, 0, 0, 0), "unmap all");
    tap_ok(read_back(id, 0, SIZE) && is_pattern(mapped, SIZE, 41), "it was written back");

    memset(mapped, 0x22, SIZE);
    expect_ok(bg_pvgpu_resource_map(&gpu, id, 0, BG_PVGPU_MAP_WRITE_DISCARD, at), "map to replace");
    tap_ok(is_all(mapped, SIZE, 0x22), "nothing is copied");
    fill_pattern(mapped, SIZE, 42);
    expect_ok(bg_pvgpu_resource_unmap(&gpu, id, 0, at, 100), "unmap the first 100 bytes");
    tap_ok(read_back(id, 0, SIZE) && is_pattern(mapped, 100, 42), "they were written back");
    fill_pattern(scratch.bytes, SIZE, 41);
    tap_ok(memcmp(mapped + 100, (uint8_t *)scratch.bytes + 100, SIZE - 100) == 0, "no others");

    expect_failure(bg_pvgpu_resource_unmap(&gpu, id, 0, 0, 0), BG_PVGPU_ERROR_INVALID_PARAMETER,
                   BG_PVGPU_CMD_UNMAP_RESOURCE, "unmap what is not mapped");
    expect_failure(bg_pvgpu_resource_map(&gpu, id, 0, 6, at), BG_PVGPU_ERROR_INVALID_PARAMETER,
                   BG_PVGPU_CMD_MAP_RESOURCE, "an unknown kind of map");
    expect_failure(bg_pvgpu_resource_map(&gpu, id, 0, BG_PVGPU_MAP_READ, gpu.heap_size - SIZE + 1),
                   BG_PVGPU_ERROR_INVALID_PARAMETER, BG_PVGPU_CMD_MAP_RESOURCE, "beyond the heap");
    expect_ok(bg_pvgpu_resource_destroy(&gpu, id), "destroy");
}

/* ---- Sharing, life, bad input ---- */

static void test_sharing(void)
{
    struct bg_pvgpu_resource_options options = {
        .type = BG_PVGPU_RESOURCE_BUFFER, .width = 64, .misc_flags = BG_PVGPU_MISC_SHARED};
    const struct bg_pvgpu_layout layout = {.heap_offset = scratch.offset};
    uint32_t id, other, lonely, none;

    fill_pattern(scratch.bytes, 64, 50);
    expect_ok(bg_pvgpu_resource_create(&gpu, &options, &id), "a buffer to share");
    expect_ok(bg_pvgpu_resource_open(&gpu, id, &other), "open it");
    expect_ok(bg_pvgpu_resource_update(&gpu, other, 0, NULL, &layout), "write by the second id");
    tap_ok(read_back(id, 0, 64) && is_pattern(scratch2.bytes, 64, 50), "read by the first");
    expect_ok(bg_pvgpu_resource_destroy(&gpu, id), "destroy the first");
    tap_ok(read_back(other, 0, 64) && is_pattern(scratch2.bytes, 64, 50), "the second stays");
    expect_ok(bg_pvgpu_resource_destroy(&gpu, other), "destroy the second");
    expect_ok(bg_pvgpu_buffer_create(&gpu, 64, &lonely), "a buffer not to share");
    expect_failure(bg_pvgpu_resource_open(&gpu, lonely, &none), BG_PVGPU_ERROR_INVALID_PARAMETER,
                   BG_PVGPU_CMD_OPEN_RESOURCE, "open it");
    expect_failure(bg_pvgpu_resource_open(&gpu, other, &none), BG_PVGPU_ERROR_RESOURCE_NOT_FOUND,
                   BG_PVGPU_CMD_OPEN_RESOURCE, "open what is gone");
    expect_ok(bg_pvgpu_resource_destroy(&gpu, lonely), "destroy");
}

static void test_bad_resources(void)
{
    static const struct {
        const char *what;
        uint32_t code;
        struct bg_pvgpu_resource_options options;
    } bad[] = {
        {"an unknown type",
         BG_PVGPU_ERROR_INVALID_PARAMETER,
         {.type = 5, .format = 28, .width = 1}},
        {"an unknown format",
         BG_PVGPU_ERROR_UNSUPPORTED_FORMAT,
         {.type = 2, .format = 66, .width = 1, .height = 1}},
        {"no width", BG_PVGPU_ERROR_INVALID_PARAMETER, {.type = 2, .format = 28, .height = 1}},
        {"an empty buffer", BG_PVGPU_ERROR_INVALID_PARAMETER, {.type = 4}},
        {"too wide",
         BG_PVGPU_ERROR_INVALID_PARAMETER,
         {.type = 2, .format = 28, .width = BG_PVGPU_TEXTURE_SIDE_MAX + 1, .height = 1}},
        {"too deep",
         BG_PVGPU_ERROR_INVALID_PARAMETER,
         {.type = 3,
          .format = 28,
          .width = 1,
          .height = 1,
          .depth = BG_PVGPU_TEXTURE_3D_SIDE_MAX + 1}},
        {"too many levels",
         BG_PVGPU_ERROR_INVALID_PARAMETER,
         {.type = 2, .format = 28, .width = 4, .height = 4, .mip_levels = 4}},
        {"content from beyond the heap",
         BG_PVGPU_ERROR_INVALID_PARAMETER,
         {.type = 4, .width = 64, .heap_offset = 0xFFFFFFF0, .data_size = 64}},
        {"content of another size",
         BG_PVGPU_ERROR_INVALID_PARAMETER,
         {.type = 2, .format = 28, .width = 4, .height = 4, .mip_levels = 1, .data_size = 63}},
        {"an unknown flag",
         BG_PVGPU_ERROR_INVALID_PARAMETER,
         {.type = 4, .width = 64, .misc_flags = 0x800}},
    };
    uint32_t id;

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        expect_failure(bg_pvgpu_resource_create(&gpu, &bad[i].options, &id), bad[i].code,
                       BG_PVGPU_CMD_CREATE_RESOURCE, bad[i].what);
        expect_failure(bg_pvgpu_resource_destroy(&gpu, id), BG_PVGPU_ERROR_RESOURCE_NOT_FOUND,
                       BG_PVGPU_CMD_DESTROY_RESOURCE, "it was not created");
    }
    expect_ok(bg_pvgpu_buffer_create(&gpu, 64, &id), "a buffer");
    gpu.last_resource = id - 1;
    expect_failure(bg_pvgpu_buffer_create(&gpu, 64, &id), BG_PVGPU_ERROR_INVALID_PARAMETER,
                   BG_PVGPU_CMD_CREATE_RESOURCE, "a second one of its id");
    expect_failure(
        bg_pvgpu_resource_update(&gpu, id, 0, &(struct bg_pvgpu_box){.x = 60, .width = 5},
                                 &(struct bg_pvgpu_layout){.heap_offset = scratch.offset}),
        BG_PVGPU_ERROR_INVALID_PARAMETER, BG_PVGPU_CMD_UPDATE_RESOURCE, "beyond its end");
    expect_failure(bg_pvgpu_resource_update(&gpu, id, 0, NULL,
                                            &(struct bg_pvgpu_layout){.heap_offset = 0xFFFFFFFF}),
                   BG_PVGPU_ERROR_INVALID_PARAMETER, BG_PVGPU_CMD_UPDATE_RESOURCE,
                   "beyond the heap");
    expect_failure(bg_pvgpu_resource_copy(&gpu, id, 12345), BG_PVGPU_ERROR_RESOURCE_NOT_FOUND,
                   BG_PVGPU_CMD_COPY_RESOURCE, "copy what does not exist");
    expect_ok(bg_pvgpu_resource_destroy(&gpu, id), "destroy");
}

void test_pvgpu_resources(void)
{
    test_buffers();
    test_textures();
    test_formats();
    test_boxes();
    test_regions();
    test_maps();
    test_sharing();
    test_bad_resources();
}
