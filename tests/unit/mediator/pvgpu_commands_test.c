/* SPDX-License-Identifier: BSD-2-Clause */
// build: $(PVGPU_SRC)
// libs: -ldl
/* pvgpu's resources on the CPU device: results byte by byte, and everything that is refused. */
#include "tests/unit/mediator/pvgpu_fixture.h"

static void test_create_what_is_refused(void **state)
{
    struct bg_pvgpu_create_resource create = texture(1, BG_PVGPU_FORMAT_R8G8B8A8_UNORM, 4, 4);

    (void)state;
    EXPECT(BG_PVGPU_OK, &create);
    EXPECT(BG_PVGPU_ERROR_INVALID_PARAMETER, &create); /* the id is there */
#define REFUSED(error, change)                                                                     \
    do {                                                                                           \
        create = texture(2, BG_PVGPU_FORMAT_R8G8B8A8_UNORM, 4, 4);                                 \
        change;                                                                                    \
        EXPECT(error, &create);                                                                    \
    } while (0)
    REFUSED(BG_PVGPU_ERROR_INVALID_PARAMETER, create.header.resource_id = 0);
    REFUSED(BG_PVGPU_ERROR_INVALID_PARAMETER, create.type = 0);
    REFUSED(BG_PVGPU_ERROR_INVALID_PARAMETER, create.type = 5);
    REFUSED(BG_PVGPU_ERROR_INVALID_PARAMETER, create.width = 0);
    REFUSED(BG_PVGPU_ERROR_INVALID_PARAMETER, create.width = BG_PVGPU_TEXTURE_SIDE_MAX + 1);
    REFUSED(BG_PVGPU_ERROR_INVALID_PARAMETER, create.height = UINT32_MAX);
    REFUSED(BG_PVGPU_ERROR_INVALID_PARAMETER, create.depth = 2049);
    REFUSED(BG_PVGPU_ERROR_INVALID_PARAMETER, create.type = BG_PVGPU_RESOURCE_TEXTURE_1D);
    REFUSED(BG_PVGPU_ERROR_INVALID_PARAMETER, create.type = BG_PVGPU_RESOURCE_BUFFER);
    REFUSED(BG_PVGPU_ERROR_INVALID_PARAMETER, create.mip_levels = 4);
    REFUSED(BG_PVGPU_ERROR_INVALID_PARAMETER, create.sample_count = 3);
    REFUSED(BG_PVGPU_ERROR_INVALID_PARAMETER, create.sample_quality = 1);
    REFUSED(BG_PVGPU_ERROR_INVALID_PARAMETER, create.bind_flags = 0x80);
    REFUSED(BG_PVGPU_ERROR_INVALID_PARAMETER, create.misc_flags = 8);
    REFUSED(BG_PVGPU_ERROR_INVALID_PARAMETER, create.data_size = 63);
    REFUSED(BG_PVGPU_ERROR_INVALID_PARAMETER, create.data_size = 64;
            create.heap_offset = HEAP_SIZE - 63);
    REFUSED(BG_PVGPU_ERROR_INVALID_PARAMETER, create.data_size = 64;
            create.heap_offset = UINT32_MAX);
    REFUSED(BG_PVGPU_ERROR_UNSUPPORTED_FORMAT, create.format = 0);
    REFUSED(BG_PVGPU_ERROR_UNSUPPORTED_FORMAT, create.format = 66); /* R1_UNORM */
    REFUSED(BG_PVGPU_ERROR_UNSUPPORTED_FORMAT, create.format = 46); /* of views only */
    if (!DRAWS) {                                                   /* layers, samples, blocks */
        REFUSED(BG_PVGPU_ERROR_INVALID_PARAMETER, create.depth = 2);
        REFUSED(BG_PVGPU_ERROR_INVALID_PARAMETER, create.sample_count = 4);
        REFUSED(BG_PVGPU_ERROR_UNSUPPORTED_FORMAT, create.format = 71);
    }
    REFUSED(BG_PVGPU_ERROR_UNSUPPORTED_FORMAT, create.bind_flags = BG_PVGPU_BIND_DEPTH_STENCIL);
    REFUSED(BG_PVGPU_ERROR_UNSUPPORTED_FORMAT, create.format = BG_PVGPU_FORMAT_D32_FLOAT;
            create.bind_flags = BG_PVGPU_BIND_RENDER_TARGET);
    REFUSED(BG_PVGPU_ERROR_OUT_OF_MEMORY, create.width = create.height = 1024);
    REFUSED(BG_PVGPU_ERROR_INVALID_COMMAND, create.header.size = sizeof(create) - 1);
#undef REFUSED
    assert_null(pvgpu_resource_find(&context, 2));
    expect_charged(64);
}

static void test_create_every_format(void **state)
{
    (void)state;
#define ONE(name, number, bytes, is_colour, is_depth)                                              \
    make_texture(number, number, 3, 5,                                                             \
                 (is_colour) ? BG_PVGPU_BIND_RENDER_TARGET : BG_PVGPU_BIND_DEPTH_STENCIL);         \
    assert_int_equal(pvgpu_resource_find(&context, number)->size, 15 * (bytes));                   \
    assert_int_equal(pvgpu_format_find(number)->colour, is_colour);                                \
    assert_int_equal(pvgpu_format_find(number)->depth, is_depth);
    BG_PVGPU_FORMATS(ONE)
#undef ONE
}

static void test_create_zeroed_or_filled(void **state)
{
    struct bg_pvgpu_create_resource create = texture(2, BG_PVGPU_FORMAT_R8G8B8A8_UNORM, 4, 4);
    static const uint8_t zeros[85];

    (void)state;
    make_texture(1, BG_PVGPU_FORMAT_R8G8B8A8_UNORM, 4, 4, 0);
    assert_memory_equal(read_level(1, 0, 64), zeros, 64);
    create.mip_levels = 0; /* 4x4, 2x2, 1x1 */
    create.heap_offset = 100;
    create.data_size = 84;
    EXPECT(BG_PVGPU_OK, &create);
    assert_memory_equal(read_level(2, 0, 64), heap + 100, 64);
    assert_memory_equal(read_level(2, 1, 16), heap + 164, 16);
    assert_memory_equal(read_level(2, 2, 4), heap + 180, 4);
    create.header.resource_id = 3;
    create.data_size = 64; /* level 0 alone */
    EXPECT(BG_PVGPU_OK, &create);
    assert_memory_equal(read_level(3, 0, 64), heap + 100, 64);
    assert_memory_equal(read_level(3, 1, 16), zeros, 16);
}

static void test_many_ids(void **state)
{
    uint32_t ids[BG_PVGPU_RESOURCES_MAX];
    struct bg_pvgpu_create_resource create = texture(0, BG_PVGPU_FORMAT_R8_UNORM, 1, 1);

    (void)state;
    for (uint32_t i = 0; i < BG_PVGPU_RESOURCES_MAX; i++) {
        ids[i] = i * 2654435761u + 1; /* anything, and many in the same place of the table */
        make_buffer(ids[i], 16);
    }
    create.header.resource_id = 12345;
    EXPECT(BG_PVGPU_ERROR_OUT_OF_MEMORY, &create);
    for (uint32_t i = 0; i < BG_PVGPU_RESOURCES_MAX; i += 2) {
        destroy(ids[i]);
    }
    for (uint32_t i = 0; i < BG_PVGPU_RESOURCES_MAX; i++) {
        assert_int_equal(pvgpu_resource_find(&context, ids[i]) != NULL, i % 2);
    }
    for (uint32_t i = 0; i < BG_PVGPU_RESOURCES_MAX; i += 2) {
        make_buffer(ids[i], 8);
        assert_int_equal(pvgpu_resource_find(&context, ids[i])->size, 8);
    }
}

static void test_open_shares(void **state)
{
    struct bg_pvgpu_create_resource create = texture(1, BG_PVGPU_FORMAT_R8_UNORM, 16, 1);
    struct bg_pvgpu_open_resource open =
        COMMAND(struct bg_pvgpu_open_resource, BG_PVGPU_CMD_OPEN_RESOURCE, 2, .source = 1);
    struct bg_pvgpu_update_resource update = transfer(BG_PVGPU_CMD_UPDATE_RESOURCE, 2, 0);

    (void)state;
    EXPECT(BG_PVGPU_ERROR_RESOURCE_NOT_FOUND, &open);
    EXPECT(BG_PVGPU_OK, &create);
    EXPECT(BG_PVGPU_ERROR_INVALID_PARAMETER, &open); /* not made to be shared */
    destroy(1);
    create.misc_flags = BG_PVGPU_MISC_SHARED;
    EXPECT(BG_PVGPU_OK, &create);
    EXPECT(BG_PVGPU_OK, &open);
    EXPECT(BG_PVGPU_ERROR_INVALID_PARAMETER, &open); /* the id is there */
    EXPECT(BG_PVGPU_OK, &update);
    assert_memory_equal(read_level(1, 0, 16), heap, 16);
    destroy(1);
    assert_memory_equal(read_level(2, 0, 16), heap, 16);
    destroy(2);
    assert_int_equal(context.session->memory_used, 0);
}

/* ---- Map ---- */

static struct bg_pvgpu_map_resource map_of(uint32_t type, uint32_t offset)
{
    return COMMAND(struct bg_pvgpu_map_resource, BG_PVGPU_CMD_MAP_RESOURCE, 1, .map_type = type,
                   .heap_offset = offset);
}

static void test_map(void **state)
{
    struct bg_pvgpu_create_resource create = texture(1, BG_PVGPU_FORMAT_R32_UINT, 4, 4);
    struct bg_pvgpu_map_resource map = map_of(BG_PVGPU_MAP_READ, 4096);
    struct bg_pvgpu_unmap_resource unmap =
        COMMAND(struct bg_pvgpu_unmap_resource, BG_PVGPU_CMD_UNMAP_RESOURCE, 1, .resource_id = 1);
    uint8_t before[64];

    (void)state;
    EXPECT(BG_PVGPU_ERROR_RESOURCE_NOT_FOUND, &map);
    create.data_size = 64;
    EXPECT(BG_PVGPU_OK, &create);
    EXPECT(BG_PVGPU_ERROR_INVALID_PARAMETER, &unmap); /* not mapped */
    EXPECT(BG_PVGPU_OK, &map);
    assert_memory_equal(heap + 4096, heap, 64);
    EXPECT(BG_PVGPU_ERROR_INVALID_PARAMETER, &map); /* mapped */
    memset(heap + 4096, 0x11, 64);
    EXPECT(BG_PVGPU_OK, &unmap); /* for reading: nothing goes back */
    assert_memory_equal(read_level(1, 0, 64), heap, 64);
    /* WRITE keeps what is not written. */
    memcpy(before, heap, 64);
    map.map_type = BG_PVGPU_MAP_WRITE;
    EXPECT(BG_PVGPU_OK, &map);
    memset(heap + 4096 + 16, 0x22, 16);
    EXPECT(BG_PVGPU_OK, &unmap);
    memset(before + 16, 0x22, 16);
    assert_memory_equal(read_level(1, 0, 64), before, 64);
    /* DISCARD does not touch the heap; a part goes back, from another place. */
    map.map_type = BG_PVGPU_MAP_WRITE_DISCARD;
    memset(heap + 4096, 0x33, 64);
    EXPECT(BG_PVGPU_OK, &map);
    assert_int_equal(heap[4096 + 63], 0x33);
    unmap.heap_offset = 4096 + 8;
    unmap.data_size = 8;
    EXPECT(BG_PVGPU_OK, &unmap);
    memset(before, 0x33, 8);
    assert_memory_equal(read_level(1, 0, 64), before, 64);
}

static void test_map_what_is_refused(void **state)
{
    struct bg_pvgpu_map_resource map = map_of(0, 0);
    struct bg_pvgpu_unmap_resource unmap =
        COMMAND(struct bg_pvgpu_unmap_resource, BG_PVGPU_CMD_UNMAP_RESOURCE, 1, .data_size = 65);

    (void)state;
    make_texture(1, BG_PVGPU_FORMAT_R32_UINT, 4, 4, 0);
    EXPECT(BG_PVGPU_ERROR_INVALID_PARAMETER, &map);
    map.map_type = 6;
    EXPECT(BG_PVGPU_ERROR_INVALID_PARAMETER, &map);
    map = map_of(BG_PVGPU_MAP_READ, 0);
    map.map_flags = 1;
    EXPECT(BG_PVGPU_ERROR_INVALID_PARAMETER, &map);
    map = map_of(BG_PVGPU_MAP_READ, HEAP_SIZE - 63);
    EXPECT(BG_PVGPU_ERROR_INVALID_PARAMETER, &map);
    map = map_of(BG_PVGPU_MAP_READ, UINT32_MAX);
    EXPECT(BG_PVGPU_ERROR_INVALID_PARAMETER, &map);
    map = map_of(BG_PVGPU_MAP_READ, HEAP_SIZE - 64);
    map.subresource = 1;
    EXPECT(BG_PVGPU_ERROR_INVALID_PARAMETER, &map);
    map.subresource = 0;
    EXPECT(BG_PVGPU_OK, &map);
    EXPECT(BG_PVGPU_ERROR_INVALID_PARAMETER, &unmap);
    unmap.data_size = 64;
    unmap.heap_offset = HEAP_SIZE - 63;
    EXPECT(BG_PVGPU_ERROR_INVALID_PARAMETER, &unmap);
    unmap.resource_id = 9;
    EXPECT(BG_PVGPU_ERROR_RESOURCE_NOT_FOUND, &unmap);
}

/* ---- Update, read ---- */

static void test_update_a_box(void **state)
{
    enum { WIDTH = 8, HEIGHT = 6 };
    struct bg_pvgpu_update_resource update = transfer(BG_PVGPU_CMD_UPDATE_RESOURCE, 1, 1000);

    (void)state;
    make_texture(1, BG_PVGPU_FORMAT_R16_UINT, WIDTH, HEIGHT, 0);
    update.x = 2;
    update.y = 1;
    update.width = 3;
    update.height = 4;
    update.row_pitch = 10;
    EXPECT(BG_PVGPU_OK, &update);
    const uint8_t *texels = read_level(1, 0, WIDTH * HEIGHT * 2);
    for (uint32_t y = 0; y < HEIGHT; y++) {
        for (uint32_t x = 0; x < WIDTH; x++) {
            bool inside = x >= 2 && x < 5 && y >= 1 && y < 5;
            const uint8_t *texel = texels + (y * WIDTH + x) * 2;

            if (inside) {
                assert_memory_equal(texel, heap + 1000 + (y - 1) * 10 + (x - 2) * 2, 2);
            } else {
                assert_int_equal(texel[0] | texel[1], 0);
            }
        }
    }
    /* And out again, with gaps between the rows that stay as they are. */
    update.header.type = BG_PVGPU_CMD_READ_RESOURCE;
    update.heap_offset = 2000;
    update.row_pitch = 8;
    memset(heap + 2000, 0x77, 40);
    EXPECT(BG_PVGPU_OK, &update);
    for (uint32_t y = 0; y < 4; y++) {
        assert_memory_equal(heap + 2000 + y * 8, heap + 1000 + y * 10, 6);
        assert_int_equal(heap[2000 + y * 8 + 6], 0x77);
    }
}

static void test_update_volume(void **state)
{
    struct bg_pvgpu_create_resource create = texture(1, BG_PVGPU_FORMAT_R8_UNORM, 4, 4);
    struct bg_pvgpu_update_resource update = transfer(BG_PVGPU_CMD_UPDATE_RESOURCE, 1, 0);

    (void)state;
    create.type = BG_PVGPU_RESOURCE_TEXTURE_3D;
    create.depth = 4;
    create.mip_levels = 0;
    EXPECT(BG_PVGPU_OK, &create);
    update.z = 1;
    update.depth = 2;
    update.width = update.height = 2;
    update.x = update.y = 1;
    update.row_pitch = 3;
    update.depth_pitch = 17;
    EXPECT(BG_PVGPU_OK, &update);
    const uint8_t *texels = read_level(1, 0, 64);
    for (uint32_t z = 0; z < 4; z++) {
        for (uint32_t y = 0; y < 4; y++) {
            for (uint32_t x = 0; x < 4; x++) {
                bool inside = x >= 1 && x < 3 && y >= 1 && y < 3 && z >= 1 && z < 3;

                assert_int_equal(texels[(z * 4 + y) * 4 + x],
                                 inside ? heap[(z - 1) * 17 + (y - 1) * 3 + x - 1] : 0);
            }
        }
    }
    update = transfer(BG_PVGPU_CMD_UPDATE_RESOURCE, 1, 300);
    update.subresource = 1; /* 2x2x2 */
    EXPECT(BG_PVGPU_OK, &update);
    assert_memory_equal(read_level(1, 1, 8), heap + 300, 8);
    assert_memory_equal(read_level(1, 2, 1), "", 1);
}

static void test_update_buffers(void **state)
{
    struct bg_pvgpu_update_resource update = transfer(BG_PVGPU_CMD_UPDATE_RESOURCE, 1, 50);

    (void)state;
    make_buffer(1, 1000);
    update.data_size = 100; /* width 0: that much */
    update.x = 7;
    EXPECT(BG_PVGPU_OK, &update);
    assert_memory_equal(read_level(1, 0, 1000) + 7, heap + 50, 100);
    assert_int_equal(read_level(1, 0, 1000)[107], 0);
    update = transfer(BG_PVGPU_CMD_UPDATE_RESOURCE, 1, 0); /* all */
    EXPECT(BG_PVGPU_OK, &update);
    assert_memory_equal(read_level(1, 0, 1000), heap, 1000);
    update.x = 900;
    update.width = 101;
    EXPECT(BG_PVGPU_ERROR_INVALID_PARAMETER, &update);
    update.width = 100;
    update.data_size = 99;
    EXPECT(BG_PVGPU_ERROR_INVALID_PARAMETER, &update);
}

static void test_update_what_is_refused(void **state)
{
    struct bg_pvgpu_update_resource update;

    (void)state;
    make_texture(1, BG_PVGPU_FORMAT_R8G8B8A8_UNORM, 8, 8, 0);
#define REFUSED(error, change)                                                                     \
    do {                                                                                           \
        update = transfer(BG_PVGPU_CMD_UPDATE_RESOURCE, 1, 0);                                     \
        change;                                                                                    \
        EXPECT(error, &update);                                                                    \
        update.header.type = BG_PVGPU_CMD_READ_RESOURCE;                                           \
        EXPECT(error, &update);                                                                    \
    } while (0)
    REFUSED(BG_PVGPU_OK, update.width = 8);
    REFUSED(BG_PVGPU_ERROR_RESOURCE_NOT_FOUND, update.resource_id = 2);
    REFUSED(BG_PVGPU_ERROR_INVALID_PARAMETER, update.subresource = 1);
    REFUSED(BG_PVGPU_ERROR_INVALID_PARAMETER, update.x = 8);
    REFUSED(BG_PVGPU_ERROR_INVALID_PARAMETER, update.width = 9);
    REFUSED(BG_PVGPU_ERROR_INVALID_PARAMETER, update.x = UINT32_MAX; update.width = 2);
    REFUSED(BG_PVGPU_ERROR_INVALID_PARAMETER, update.y = 1; update.height = 8);
    REFUSED(BG_PVGPU_ERROR_INVALID_PARAMETER, update.z = 1);
    REFUSED(BG_PVGPU_ERROR_INVALID_PARAMETER, update.depth = 2);
    REFUSED(BG_PVGPU_ERROR_INVALID_PARAMETER, update.heap_offset = HEAP_SIZE - 255);
    REFUSED(BG_PVGPU_OK, update.heap_offset = HEAP_SIZE - 256);
    REFUSED(BG_PVGPU_ERROR_INVALID_PARAMETER, update.heap_offset = UINT32_MAX);
    REFUSED(BG_PVGPU_ERROR_INVALID_PARAMETER, update.row_pitch = 31);
    REFUSED(BG_PVGPU_ERROR_INVALID_PARAMETER, update.row_pitch = UINT32_MAX);
    REFUSED(BG_PVGPU_ERROR_INVALID_PARAMETER, update.data_size = 255);
    REFUSED(BG_PVGPU_ERROR_INVALID_PARAMETER, update.data_size = HEAP_SIZE + 1);
    REFUSED(BG_PVGPU_OK, update.data_size = HEAP_SIZE);
    REFUSED(BG_PVGPU_ERROR_INVALID_COMMAND, update.header.size = 60);
#undef REFUSED
}

/* ---- Copies ---- */

static void test_copy_resource(void **state)
{
    struct bg_pvgpu_create_resource create = texture(1, BG_PVGPU_FORMAT_R8G8B8A8_UNORM, 4, 4);
    struct bg_pvgpu_copy_resource copy =
        COMMAND(struct bg_pvgpu_copy_resource, BG_PVGPU_CMD_COPY_RESOURCE, 0, .dst = 2, .src = 1);

    (void)state;
    create.mip_levels = 3;
    create.data_size = 84;
    EXPECT(BG_PVGPU_OK, &create);
    EXPECT(BG_PVGPU_ERROR_RESOURCE_NOT_FOUND, &copy);
    create.header.resource_id = 2;
    create.format = BG_PVGPU_FORMAT_R32_FLOAT; /* another format, the same texel size */
    create.data_size = 0;
    EXPECT(BG_PVGPU_OK, &create);
    EXPECT(BG_PVGPU_OK, &copy);
    assert_memory_equal(read_level(2, 0, 64), heap, 64);
    assert_memory_equal(read_level(2, 2, 4), heap + 80, 4);
    copy.dst = 1; /* onto itself: nothing changes */
    EXPECT(BG_PVGPU_OK, &copy);
    make_texture(3, BG_PVGPU_FORMAT_R8G8B8A8_UNORM, 4, 4, 0); /* another number of levels */
    copy.dst = 3;
    EXPECT(BG_PVGPU_ERROR_INVALID_PARAMETER, &copy);
    make_texture(4, BG_PVGPU_FORMAT_R8G8B8A8_UNORM, 8, 2, 0);
    copy = COMMAND(struct bg_pvgpu_copy_resource, BG_PVGPU_CMD_COPY_RESOURCE, 4, .src = 3);
    EXPECT(BG_PVGPU_ERROR_INVALID_PARAMETER, &copy);
    copy.src = 99;
    EXPECT(BG_PVGPU_ERROR_RESOURCE_NOT_FOUND, &copy);
}

static struct bg_pvgpu_copy_region region(uint32_t dst, uint32_t src)
{
    return COMMAND(struct bg_pvgpu_copy_region, BG_PVGPU_CMD_COPY_REGION, 0, .dst = dst,
                   .src = src);
}

static void test_copy_region(void **state)
{
    struct bg_pvgpu_copy_region copy = region(2, 1);

    (void)state;
    make_texture(1, BG_PVGPU_FORMAT_R8_UNORM, 8, 8, 0);
    make_texture(2, BG_PVGPU_FORMAT_R8_UINT, 6, 6, 0);
    fill_texture(1, 0);
    copy.src_x = 3;
    copy.src_y = 2;
    copy.dst_x = 1;
    copy.dst_y = 4;
    copy.width = 5;
    copy.height = 2;
    EXPECT(BG_PVGPU_OK, &copy);
    const uint8_t *texels = read_level(2, 0, 36);
    for (uint32_t y = 0; y < 6; y++) {
        for (uint32_t x = 0; x < 6; x++) {
            bool inside = x >= 1 && y >= 4;

            assert_int_equal(texels[y * 6 + x], inside ? heap[(y - 4 + 2) * 8 + x - 1 + 3] : 0);
        }
    }
    copy.dst_x = 2; /* one too many */
    EXPECT(BG_PVGPU_ERROR_INVALID_PARAMETER, &copy);
    copy = region(2, 1); /* all of 8x8 into 6x6 */
    EXPECT(BG_PVGPU_ERROR_INVALID_PARAMETER, &copy);
    copy = region(1, 1);
    copy.src_subresource = 1;
    EXPECT(BG_PVGPU_ERROR_INVALID_PARAMETER, &copy);
    copy = region(1, 3);
    EXPECT(BG_PVGPU_ERROR_RESOURCE_NOT_FOUND, &copy);
    make_texture(3, BG_PVGPU_FORMAT_R16_UINT, 8, 8, 0);
    EXPECT(BG_PVGPU_ERROR_INVALID_PARAMETER, &copy); /* texels of another size */
}

/* Every direction of an overlap, as by memmove. */
static void test_copy_region_overlapping(void **state)
{
    (void)state;
    make_texture(1, BG_PVGPU_FORMAT_R8_UNORM, 16, 16, 0);
    for (uint32_t dy = 0; dy < 3; dy++) {
        for (uint32_t dx = 0; dx < 3; dx++) {
            struct bg_pvgpu_copy_region copy = region(1, 1);
            uint8_t expected[256];

            fill_texture(1, 0);
            memcpy(expected, heap, 256);
            copy.src_x = copy.src_y = 1;
            copy.dst_x = dx;
            copy.dst_y = dy;
            copy.width = copy.height = 12;
            for (uint32_t y = 0; y < 12; y++) {
                memcpy(expected + (y + dy) * 16 + dx, heap + (y + 1) * 16 + 1, 12);
            }
            EXPECT(BG_PVGPU_OK, &copy);
            assert_memory_equal(read_level(1, 0, 256), expected, 256);
        }
    }
}

/* As programs of others send it: 44 bytes, of which only the first word behind the header counts.
 */
static void test_open_of_others(void **state)
{
    struct bg_pvgpu_create_resource create = texture(1, BG_PVGPU_FORMAT_R8_UNORM, 4, 4);
    uint32_t open[] = {BG_PVGPU_CMD_OPEN_RESOURCE, 44, 2, 0, 1, 9, 9, 9, 9, 9, 9};
    uint32_t ours[] = {BG_PVGPU_CMD_OPEN_RESOURCE, 32, 3, 0, 1, 0, 0, 0};

    (void)state;
    create.misc_flags = BG_PVGPU_MISC_SHARED;
    EXPECT(BG_PVGPU_OK, &create);
    EXPECT(BG_PVGPU_OK, open);
    EXPECT(BG_PVGPU_OK, ours);
    assert_ptr_equal(pvgpu_resource_find(&context, 2), pvgpu_resource_find(&context, 1));
    assert_ptr_equal(pvgpu_resource_find(&context, 3), pvgpu_resource_find(&context, 1));
    open[1] = 28;
    EXPECT(BG_PVGPU_ERROR_INVALID_COMMAND, open);
}

/* ---- What there is not ---- */

static void test_other_commands_are_refused(void **state)
{
    static const uint32_t types[] = {0, 0x0008, 0x000F, 0x001A, 0x0028, 0x0032, 0x0100, 0x0208,
                                     0x0306, 0x1007, 0x1012, 0x2000, 0x2005, 0xFFFFFFFF,
                                     /* Those that draw. */
                                     0x0010, 0x0019, 0x0026, 0x0027, 0x0030, 0x0104, 0x010E, 0x0201,
                                     0x0205, 0x2004};
    uint32_t count = sizeof(types) / sizeof(types[0]) - (DRAWS ? 10 : 0);
    uint8_t bytes[BG_PVGPU_COMMAND_SIZE_MAX] = {0};
    struct bg_pvgpu_command *header = (void *)bytes;

    (void)state;
    for (uint32_t i = 0; i < count; i++) {
        *header = (struct bg_pvgpu_command){.type = types[i], .size = sizeof(bytes)};
        assert_int_equal(pvgpu_command_classify(&context, bytes), PVGPU_KIND_UNKNOWN);
        EXPECT(BG_PVGPU_ERROR_INVALID_COMMAND, bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(test_create_what_is_refused),
        TEST(test_create_every_format),
        TEST(test_create_zeroed_or_filled),
        TEST(test_many_ids),
        TEST(test_open_shares),
        TEST(test_open_of_others),
        TEST(test_map),
        TEST(test_map_what_is_refused),
        TEST(test_update_a_box),
        TEST(test_update_volume),
        TEST(test_update_buffers),
        TEST(test_update_what_is_refused),
        TEST(test_copy_resource),
        TEST(test_copy_region),
        TEST(test_copy_region_overlapping),
        TEST(test_other_commands_are_refused),
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
