// SPDX-License-Identifier: BSD-2-Clause
// build: host/mediator/pvgpu_commands.c host/mediator/pvgpu_resource.c host/mediator/pvgpu_copy.c
// build: host/mediator/pvgpu_state.c host/mediator/pvgpu_compute.c host/mediator/pvgpu_display.c
// build: host/mediator/pvgpu_format.c host/mediator/operation.c host/mediator/session.c
// build: host/mediator/backend_cpu.c
/* pvgpu's commands on the CPU backend: results texel by texel, and everything that is refused. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "host/mediator/pvgpu_commands.h"

#define HEAP_SIZE 65536u /* exactly what is allocated: a byte beyond is ASan's */
#define MEMORY_LIMIT (UINT64_C(1) << 20)

static struct pvgpu_context context;
static struct pvgpu_display display;
static struct pvgpu_control control;
static uint8_t *heap;

static int setup(void **state)
{
    (void)state;
    memset(&context, 0, sizeof(context));
    memset(&control, 0, sizeof(control));
    control.display_width = 64;
    control.display_height = 32;
    control.display_format = PVGPU_FORMAT_B8G8R8A8_UNORM;
    heap = malloc(HEAP_SIZE);
    for (uint32_t i = 0; i < HEAP_SIZE; i++) {
        heap[i] = (uint8_t)(i * 31 + i / 251);
    }
    context.session = session_create(backend_cpu_open(), MEMORY_LIMIT);
    context.heap = (struct operation_heap){heap, HEAP_SIZE, (uintptr_t)heap};
    pvgpu_display_init(&display, NULL, NULL);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    pvgpu_context_reset(&context);
    assert_int_equal(context.session->memory_used, 0); /* nothing is lost */
    session_destroy(context.session);
    free(heap);
    return 0;
}

#define COMMAND(structure, command_type, id, ...)                                                  \
    (structure)                                                                                    \
    {                                                                                              \
        .header = {.type = (command_type), .size = sizeof(structure), .resource_id = (id)},        \
        __VA_ARGS__                                                                                \
    }

static enum pvgpu_error run(const void *command)
{
    return pvgpu_command_run(&context, &display, &control, command, 1).code;
}

#define EXPECT(code, command) assert_int_equal(run(command), (code))

/* ---- Creating ---- */

static struct pvgpu_create_resource texture(uint32_t id, uint32_t format, uint32_t width,
                                            uint32_t height)
{
    return COMMAND(struct pvgpu_create_resource, PVGPU_CMD_CREATE_RESOURCE, id,
                   .type = PVGPU_RESOURCE_TEXTURE_2D, .format = format, .width = width,
                   .height = height, .mip_levels = 1);
}

static void make_texture(uint32_t id, uint32_t format, uint32_t width, uint32_t height,
                         uint32_t bind)
{
    struct pvgpu_create_resource create = texture(id, format, width, height);

    create.bind_flags = bind;
    EXPECT(PVGPU_OK, &create);
}

static void make_buffer(uint32_t id, uint32_t size)
{
    struct pvgpu_create_resource create = texture(id, 0, size, 1);

    create.type = PVGPU_RESOURCE_BUFFER;
    EXPECT(PVGPU_OK, &create);
}

static void destroy(uint32_t id)
{
    struct pvgpu_command header = {PVGPU_CMD_DESTROY_RESOURCE, sizeof(header), id, 0};

    EXPECT(PVGPU_OK, &header);
}

static struct pvgpu_update_resource transfer(uint32_t type, uint32_t id, uint32_t heap_offset)
{
    return COMMAND(struct pvgpu_update_resource, type, id, .heap_offset = heap_offset);
}

/* The texture's level as it is, at the heap's end, packed. */
static const uint8_t *read_level(uint32_t id, uint32_t level, uint32_t size)
{
    struct pvgpu_update_resource read =
        transfer(PVGPU_CMD_READ_RESOURCE, id, HEAP_SIZE - size);

    read.subresource = level;
    memset(heap + HEAP_SIZE - size, 0xAA, size);
    EXPECT(PVGPU_OK, &read);
    return heap + HEAP_SIZE - size;
}

static void test_create_what_is_refused(void **state)
{
    struct pvgpu_create_resource create = texture(1, PVGPU_FORMAT_R8G8B8A8_UNORM, 4, 4);

    (void)state;
    EXPECT(PVGPU_OK, &create);
    EXPECT(PVGPU_ERROR_INVALID_PARAMETER, &create); /* the id is there */
#define REFUSED(error, change)                                                                     \
    do {                                                                                           \
        create = texture(2, PVGPU_FORMAT_R8G8B8A8_UNORM, 4, 4);                                    \
        change;                                                                                    \
        EXPECT(error, &create);                                                                    \
    } while (0)
    REFUSED(PVGPU_ERROR_INVALID_PARAMETER, create.header.resource_id = 0);
    REFUSED(PVGPU_ERROR_INVALID_PARAMETER, create.type = 0);
    REFUSED(PVGPU_ERROR_INVALID_PARAMETER, create.type = 5);
    REFUSED(PVGPU_ERROR_INVALID_PARAMETER, create.width = 0);
    REFUSED(PVGPU_ERROR_INVALID_PARAMETER, create.width = PVGPU_TEXTURE_SIDE_MAX + 1);
    REFUSED(PVGPU_ERROR_INVALID_PARAMETER, create.height = UINT32_MAX);
    REFUSED(PVGPU_ERROR_INVALID_PARAMETER, create.depth = 2);
    REFUSED(PVGPU_ERROR_INVALID_PARAMETER, create.type = PVGPU_RESOURCE_TEXTURE_1D);
    REFUSED(PVGPU_ERROR_INVALID_PARAMETER, create.type = PVGPU_RESOURCE_BUFFER);
    REFUSED(PVGPU_ERROR_INVALID_PARAMETER, create.mip_levels = 4);
    REFUSED(PVGPU_ERROR_INVALID_PARAMETER, create.sample_count = 4);
    REFUSED(PVGPU_ERROR_INVALID_PARAMETER, create.sample_quality = 1);
    REFUSED(PVGPU_ERROR_INVALID_PARAMETER, create.bind_flags = 0x100);
    REFUSED(PVGPU_ERROR_INVALID_PARAMETER, create.misc_flags = 1);
    REFUSED(PVGPU_ERROR_INVALID_PARAMETER, create.data_size = 63);
    REFUSED(PVGPU_ERROR_INVALID_PARAMETER, create.data_size = 64;
            create.heap_offset = HEAP_SIZE - 63);
    REFUSED(PVGPU_ERROR_INVALID_PARAMETER, create.data_size = 64; create.heap_offset = UINT32_MAX);
    REFUSED(PVGPU_ERROR_UNSUPPORTED_FORMAT, create.format = 0);
    REFUSED(PVGPU_ERROR_UNSUPPORTED_FORMAT, create.format = 71); /* block-compressed */
    REFUSED(PVGPU_ERROR_UNSUPPORTED_FORMAT, create.bind_flags = PVGPU_BIND_DEPTH_STENCIL);
    REFUSED(PVGPU_ERROR_UNSUPPORTED_FORMAT, create.format = PVGPU_FORMAT_D32_FLOAT;
            create.bind_flags = PVGPU_BIND_RENDER_TARGET);
    REFUSED(PVGPU_ERROR_OUT_OF_MEMORY, create.width = create.height = 1024);
    REFUSED(PVGPU_ERROR_INVALID_COMMAND, create.header.size = sizeof(create) - 1);
#undef REFUSED
    assert_null(pvgpu_resource_find(&context, 2));
    assert_int_equal(context.session->memory_used, 64);
}

static void test_create_every_format(void **state)
{
    (void)state;
#define ONE(name, number, bytes, is_colour, is_depth)                                              \
    make_texture(number, number, 3, 5, (is_colour) ? PVGPU_BIND_RENDER_TARGET                      \
                                                   : PVGPU_BIND_DEPTH_STENCIL);                    \
    assert_int_equal(pvgpu_resource_find(&context, number)->size, 15 * (bytes));                   \
    assert_int_equal(pvgpu_format_find(number)->colour, is_colour);                                \
    assert_int_equal(pvgpu_format_find(number)->depth, is_depth);
    PVGPU_FORMATS(ONE)
#undef ONE
}

static void test_create_zeroed_or_filled(void **state)
{
    struct pvgpu_create_resource create = texture(2, PVGPU_FORMAT_R8G8B8A8_UNORM, 4, 4);
    static const uint8_t zeros[85];

    (void)state;
    make_texture(1, PVGPU_FORMAT_R8G8B8A8_UNORM, 4, 4, 0);
    assert_memory_equal(read_level(1, 0, 64), zeros, 64);
    create.mip_levels = 0; /* 4x4, 2x2, 1x1 */
    create.heap_offset = 100;
    create.data_size = 84;
    EXPECT(PVGPU_OK, &create);
    assert_memory_equal(read_level(2, 0, 64), heap + 100, 64);
    assert_memory_equal(read_level(2, 1, 16), heap + 164, 16);
    assert_memory_equal(read_level(2, 2, 4), heap + 180, 4);
    create.header.resource_id = 3;
    create.data_size = 64; /* level 0 alone */
    EXPECT(PVGPU_OK, &create);
    assert_memory_equal(read_level(3, 0, 64), heap + 100, 64);
    assert_memory_equal(read_level(3, 1, 16), zeros, 16);
}

static void test_many_ids(void **state)
{
    uint32_t ids[PVGPU_RESOURCES_MAX];
    struct pvgpu_create_resource create = texture(0, PVGPU_FORMAT_R8_UNORM, 1, 1);

    (void)state;
    for (uint32_t i = 0; i < PVGPU_RESOURCES_MAX; i++) {
        ids[i] = i * 2654435761u + 1; /* anything, and many in the same place of the table */
        make_buffer(ids[i], 16);
    }
    create.header.resource_id = 12345;
    EXPECT(PVGPU_ERROR_OUT_OF_MEMORY, &create);
    for (uint32_t i = 0; i < PVGPU_RESOURCES_MAX; i += 2) {
        destroy(ids[i]);
    }
    for (uint32_t i = 0; i < PVGPU_RESOURCES_MAX; i++) {
        assert_int_equal(pvgpu_resource_find(&context, ids[i]) != NULL, i % 2);
    }
    for (uint32_t i = 0; i < PVGPU_RESOURCES_MAX; i += 2) {
        make_buffer(ids[i], 8);
        assert_int_equal(pvgpu_resource_find(&context, ids[i])->size, 8);
    }
}

static void test_open_shares(void **state)
{
    struct pvgpu_create_resource create = texture(1, PVGPU_FORMAT_R8_UNORM, 16, 1);
    struct pvgpu_open_resource open =
        COMMAND(struct pvgpu_open_resource, PVGPU_CMD_OPEN_RESOURCE, 2, .source = 1);
    struct pvgpu_update_resource update = transfer(PVGPU_CMD_UPDATE_RESOURCE, 2, 0);

    (void)state;
    EXPECT(PVGPU_ERROR_RESOURCE_NOT_FOUND, &open);
    EXPECT(PVGPU_OK, &create);
    EXPECT(PVGPU_ERROR_INVALID_PARAMETER, &open); /* not made to be shared */
    destroy(1);
    create.misc_flags = PVGPU_MISC_SHARED;
    EXPECT(PVGPU_OK, &create);
    EXPECT(PVGPU_OK, &open);
    EXPECT(PVGPU_ERROR_INVALID_PARAMETER, &open); /* the id is there */
    EXPECT(PVGPU_OK, &update);
    assert_memory_equal(read_level(1, 0, 16), heap, 16);
    destroy(1);
    assert_memory_equal(read_level(2, 0, 16), heap, 16);
    destroy(2);
    assert_int_equal(context.session->memory_used, 0);
}

/* ---- Map ---- */

static struct pvgpu_map_resource map_of(uint32_t type, uint32_t offset)
{
    return COMMAND(struct pvgpu_map_resource, PVGPU_CMD_MAP_RESOURCE, 1, .map_type = type,
                   .heap_offset = offset);
}

static void test_map(void **state)
{
    struct pvgpu_create_resource create = texture(1, PVGPU_FORMAT_R32_UINT, 4, 4);
    struct pvgpu_map_resource map = map_of(PVGPU_MAP_READ, 4096);
    struct pvgpu_unmap_resource unmap =
        COMMAND(struct pvgpu_unmap_resource, PVGPU_CMD_UNMAP_RESOURCE, 1, .resource_id = 1);
    uint8_t before[64];

    (void)state;
    EXPECT(PVGPU_ERROR_RESOURCE_NOT_FOUND, &map);
    create.data_size = 64;
    EXPECT(PVGPU_OK, &create);
    EXPECT(PVGPU_ERROR_INVALID_PARAMETER, &unmap); /* not mapped */
    EXPECT(PVGPU_OK, &map);
    assert_memory_equal(heap + 4096, heap, 64);
    EXPECT(PVGPU_ERROR_INVALID_PARAMETER, &map); /* mapped */
    memset(heap + 4096, 0x11, 64);
    EXPECT(PVGPU_OK, &unmap); /* for reading: nothing goes back */
    assert_memory_equal(read_level(1, 0, 64), heap, 64);
    /* WRITE keeps what is not written. */
    memcpy(before, heap, 64);
    map.map_type = PVGPU_MAP_WRITE;
    EXPECT(PVGPU_OK, &map);
    memset(heap + 4096 + 16, 0x22, 16);
    EXPECT(PVGPU_OK, &unmap);
    memset(before + 16, 0x22, 16);
    assert_memory_equal(read_level(1, 0, 64), before, 64);
    /* DISCARD does not touch the heap; a part goes back, from another place. */
    map.map_type = PVGPU_MAP_WRITE_DISCARD;
    memset(heap + 4096, 0x33, 64);
    EXPECT(PVGPU_OK, &map);
    assert_int_equal(heap[4096 + 63], 0x33);
    unmap.heap_offset = 4096 + 8;
    unmap.data_size = 8;
    EXPECT(PVGPU_OK, &unmap);
    memset(before, 0x33, 8);
    assert_memory_equal(read_level(1, 0, 64), before, 64);
}

static void test_map_what_is_refused(void **state)
{
    struct pvgpu_map_resource map = map_of(0, 0);
    struct pvgpu_unmap_resource unmap =
        COMMAND(struct pvgpu_unmap_resource, PVGPU_CMD_UNMAP_RESOURCE, 1, .data_size = 65);

    (void)state;
    make_texture(1, PVGPU_FORMAT_R32_UINT, 4, 4, 0);
    EXPECT(PVGPU_ERROR_INVALID_PARAMETER, &map);
    map.map_type = 6;
    EXPECT(PVGPU_ERROR_INVALID_PARAMETER, &map);
    map = map_of(PVGPU_MAP_READ, 0);
    map.map_flags = 1;
    EXPECT(PVGPU_ERROR_INVALID_PARAMETER, &map);
    map = map_of(PVGPU_MAP_READ, HEAP_SIZE - 63);
    EXPECT(PVGPU_ERROR_INVALID_PARAMETER, &map);
    map = map_of(PVGPU_MAP_READ, UINT32_MAX);
    EXPECT(PVGPU_ERROR_INVALID_PARAMETER, &map);
    map = map_of(PVGPU_MAP_READ, HEAP_SIZE - 64);
    map.subresource = 1;
    EXPECT(PVGPU_ERROR_INVALID_PARAMETER, &map);
    map.subresource = 0;
    EXPECT(PVGPU_OK, &map);
    EXPECT(PVGPU_ERROR_INVALID_PARAMETER, &unmap);
    unmap.data_size = 64;
    unmap.heap_offset = HEAP_SIZE - 63;
    EXPECT(PVGPU_ERROR_INVALID_PARAMETER, &unmap);
    unmap.resource_id = 9;
    EXPECT(PVGPU_ERROR_RESOURCE_NOT_FOUND, &unmap);
}

/* ---- Update, read ---- */

static void test_update_a_box(void **state)
{
    enum { WIDTH = 8, HEIGHT = 6 };
    struct pvgpu_update_resource update = transfer(PVGPU_CMD_UPDATE_RESOURCE, 1, 1000);

    (void)state;
    make_texture(1, PVGPU_FORMAT_R16_UINT, WIDTH, HEIGHT, 0);
    update.x = 2;
    update.y = 1;
    update.width = 3;
    update.height = 4;
    update.row_pitch = 10;
    EXPECT(PVGPU_OK, &update);
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
    update.header.type = PVGPU_CMD_READ_RESOURCE;
    update.heap_offset = 2000;
    update.row_pitch = 8;
    memset(heap + 2000, 0x77, 40);
    EXPECT(PVGPU_OK, &update);
    for (uint32_t y = 0; y < 4; y++) {
        assert_memory_equal(heap + 2000 + y * 8, heap + 1000 + y * 10, 6);
        assert_int_equal(heap[2000 + y * 8 + 6], 0x77);
    }
}

static void test_update_volume(void **state)
{
    struct pvgpu_create_resource create = texture(1, PVGPU_FORMAT_R8_UNORM, 4, 4);
    struct pvgpu_update_resource update = transfer(PVGPU_CMD_UPDATE_RESOURCE, 1, 0);

    (void)state;
    create.type = PVGPU_RESOURCE_TEXTURE_3D;
    create.depth = 4;
    create.mip_levels = 0;
    EXPECT(PVGPU_OK, &create);
    update.z = 1;
    update.depth = 2;
    update.width = update.height = 2;
    update.x = update.y = 1;
    update.row_pitch = 3;
    update.depth_pitch = 17;
    EXPECT(PVGPU_OK, &update);
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
    update = transfer(PVGPU_CMD_UPDATE_RESOURCE, 1, 300);
    update.subresource = 1; /* 2x2x2 */
    EXPECT(PVGPU_OK, &update);
    assert_memory_equal(read_level(1, 1, 8), heap + 300, 8);
    assert_memory_equal(read_level(1, 2, 1), "", 1);
}

static void test_update_buffers(void **state)
{
    struct pvgpu_update_resource update = transfer(PVGPU_CMD_UPDATE_RESOURCE, 1, 50);

    (void)state;
    make_buffer(1, 1000);
    update.data_size = 100; /* width 0: that much */
    update.x = 7;
    EXPECT(PVGPU_OK, &update);
    assert_memory_equal(read_level(1, 0, 1000) + 7, heap + 50, 100);
    assert_int_equal(read_level(1, 0, 1000)[107], 0);
    update = transfer(PVGPU_CMD_UPDATE_RESOURCE, 1, 0); /* all */
    EXPECT(PVGPU_OK, &update);
    assert_memory_equal(read_level(1, 0, 1000), heap, 1000);
    update.x = 900;
    update.width = 101;
    EXPECT(PVGPU_ERROR_INVALID_PARAMETER, &update);
    update.width = 100;
    update.data_size = 99;
    EXPECT(PVGPU_ERROR_INVALID_PARAMETER, &update);
}

static void test_update_what_is_refused(void **state)
{
    struct pvgpu_update_resource update;

    (void)state;
    make_texture(1, PVGPU_FORMAT_R8G8B8A8_UNORM, 8, 8, 0);
#define REFUSED(error, change)                                                                     \
    do {                                                                                           \
        update = transfer(PVGPU_CMD_UPDATE_RESOURCE, 1, 0);                                        \
        change;                                                                                    \
        EXPECT(error, &update);                                                                    \
        update.header.type = PVGPU_CMD_READ_RESOURCE;                                              \
        EXPECT(error, &update);                                                                    \
    } while (0)
    REFUSED(PVGPU_OK, update.width = 8);
    REFUSED(PVGPU_ERROR_RESOURCE_NOT_FOUND, update.resource_id = 2);
    REFUSED(PVGPU_ERROR_INVALID_PARAMETER, update.subresource = 1);
    REFUSED(PVGPU_ERROR_INVALID_PARAMETER, update.x = 8);
    REFUSED(PVGPU_ERROR_INVALID_PARAMETER, update.width = 9);
    REFUSED(PVGPU_ERROR_INVALID_PARAMETER, update.x = UINT32_MAX; update.width = 2);
    REFUSED(PVGPU_ERROR_INVALID_PARAMETER, update.y = 1; update.height = 8);
    REFUSED(PVGPU_ERROR_INVALID_PARAMETER, update.z = 1);
    REFUSED(PVGPU_ERROR_INVALID_PARAMETER, update.depth = 2);
    REFUSED(PVGPU_ERROR_INVALID_PARAMETER, update.heap_offset = HEAP_SIZE - 255);
    REFUSED(PVGPU_OK, update.heap_offset = HEAP_SIZE - 256);
    REFUSED(PVGPU_ERROR_INVALID_PARAMETER, update.heap_offset = UINT32_MAX);
    REFUSED(PVGPU_ERROR_INVALID_PARAMETER, update.row_pitch = 31);
    REFUSED(PVGPU_ERROR_INVALID_PARAMETER, update.row_pitch = UINT32_MAX);
    REFUSED(PVGPU_ERROR_INVALID_PARAMETER, update.data_size = 255);
    REFUSED(PVGPU_ERROR_INVALID_PARAMETER, update.data_size = HEAP_SIZE + 1);
    REFUSED(PVGPU_OK, update.data_size = HEAP_SIZE);
    REFUSED(PVGPU_ERROR_INVALID_COMMAND, update.header.size = 60);
#undef REFUSED
}

/* ---- Copies ---- */

static void fill_texture(uint32_t id, uint32_t heap_offset)
{
    struct pvgpu_update_resource update = transfer(PVGPU_CMD_UPDATE_RESOURCE, id, heap_offset);

    EXPECT(PVGPU_OK, &update);
}

static void test_copy_resource(void **state)
{
    struct pvgpu_create_resource create = texture(1, PVGPU_FORMAT_R8G8B8A8_UNORM, 4, 4);
    struct pvgpu_copy_resource copy =
        COMMAND(struct pvgpu_copy_resource, PVGPU_CMD_COPY_RESOURCE, 0, .dst = 2, .src = 1);

    (void)state;
    create.mip_levels = 3;
    create.data_size = 84;
    EXPECT(PVGPU_OK, &create);
    EXPECT(PVGPU_ERROR_RESOURCE_NOT_FOUND, &copy);
    create.header.resource_id = 2;
    create.format = PVGPU_FORMAT_R32_FLOAT; /* another format, the same texel size */
    create.data_size = 0;
    EXPECT(PVGPU_OK, &create);
    EXPECT(PVGPU_OK, &copy);
    assert_memory_equal(read_level(2, 0, 64), heap, 64);
    assert_memory_equal(read_level(2, 2, 4), heap + 80, 4);
    copy.dst = 1; /* onto itself: nothing changes */
    EXPECT(PVGPU_OK, &copy);
    make_texture(3, PVGPU_FORMAT_R8G8B8A8_UNORM, 4, 4, 0); /* another number of levels */
    copy.dst = 3;
    EXPECT(PVGPU_ERROR_INVALID_PARAMETER, &copy);
    make_texture(4, PVGPU_FORMAT_R8G8B8A8_UNORM, 8, 2, 0);
    copy = COMMAND(struct pvgpu_copy_resource, PVGPU_CMD_COPY_RESOURCE, 4, .src = 3);
    EXPECT(PVGPU_ERROR_INVALID_PARAMETER, &copy);
    copy.src = 99;
    EXPECT(PVGPU_ERROR_RESOURCE_NOT_FOUND, &copy);
}

static struct pvgpu_copy_region region(uint32_t dst, uint32_t src)
{
    return COMMAND(struct pvgpu_copy_region, PVGPU_CMD_COPY_REGION, 0, .dst = dst, .src = src);
}

static void test_copy_region(void **state)
{
    struct pvgpu_copy_region copy = region(2, 1);

    (void)state;
    make_texture(1, PVGPU_FORMAT_R8_UNORM, 8, 8, 0);
    make_texture(2, PVGPU_FORMAT_R8_UINT, 6, 6, 0);
    fill_texture(1, 0);
    copy.src_x = 3;
    copy.src_y = 2;
    copy.dst_x = 1;
    copy.dst_y = 4;
    copy.width = 5;
    copy.height = 2;
    EXPECT(PVGPU_OK, &copy);
    const uint8_t *texels = read_level(2, 0, 36);
    for (uint32_t y = 0; y < 6; y++) {
        for (uint32_t x = 0; x < 6; x++) {
            bool inside = x >= 1 && y >= 4;

            assert_int_equal(texels[y * 6 + x],
                             inside ? heap[(y - 4 + 2) * 8 + x - 1 + 3] : 0);
        }
    }
    copy.dst_x = 2; /* one too many */
    EXPECT(PVGPU_ERROR_INVALID_PARAMETER, &copy);
    copy = region(2, 1); /* all of 8x8 into 6x6 */
    EXPECT(PVGPU_ERROR_INVALID_PARAMETER, &copy);
    copy = region(1, 1);
    copy.src_subresource = 1;
    EXPECT(PVGPU_ERROR_INVALID_PARAMETER, &copy);
    copy = region(1, 3);
    EXPECT(PVGPU_ERROR_RESOURCE_NOT_FOUND, &copy);
    make_texture(3, PVGPU_FORMAT_R16_UINT, 8, 8, 0);
    EXPECT(PVGPU_ERROR_INVALID_PARAMETER, &copy); /* texels of another size */
}

/* Every direction of an overlap, as by memmove. */
static void test_copy_region_overlapping(void **state)
{
    (void)state;
    make_texture(1, PVGPU_FORMAT_R8_UNORM, 16, 16, 0);
    for (uint32_t dy = 0; dy < 3; dy++) {
        for (uint32_t dx = 0; dx < 3; dx++) {
            struct pvgpu_copy_region copy = region(1, 1);
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
            EXPECT(PVGPU_OK, &copy);
            assert_memory_equal(read_level(1, 0, 256), expected, 256);
        }
    }
}

/* ---- Views, targets, clears ---- */

static struct pvgpu_create_view view_of(uint32_t type, uint32_t id, uint32_t resource)
{
    return COMMAND(struct pvgpu_create_view, type, id, .resource_id = resource);
}

static void make_view(uint32_t type, uint32_t id, uint32_t resource)
{
    struct pvgpu_create_view view = view_of(type, id, resource);

    EXPECT(PVGPU_OK, &view);
}

static void test_views(void **state)
{
    struct pvgpu_create_view view = view_of(PVGPU_CMD_CREATE_RENDER_TARGET_VIEW, 1, 1);
    struct pvgpu_command gone = {PVGPU_CMD_DESTROY_DEPTH_STENCIL_VIEW, sizeof(gone), 1, 0};

    (void)state;
    EXPECT(PVGPU_ERROR_RESOURCE_NOT_FOUND, &view);
    make_texture(1, PVGPU_FORMAT_R8G8B8A8_UNORM, 4, 4, PVGPU_BIND_RENDER_TARGET);
    make_texture(2, PVGPU_FORMAT_D32_FLOAT, 4, 4, PVGPU_BIND_DEPTH_STENCIL);
    make_buffer(3, 64);
    EXPECT(PVGPU_OK, &view);
    EXPECT(PVGPU_ERROR_INVALID_PARAMETER, &view); /* the id is there */
#define REFUSED(error, command, resource, change)                                                  \
    do {                                                                                           \
        view = view_of(command, 2, resource);                                                      \
        change;                                                                                    \
        EXPECT(error, &view);                                                                      \
    } while (0)
    REFUSED(PVGPU_ERROR_INVALID_PARAMETER, PVGPU_CMD_CREATE_RENDER_TARGET_VIEW, 2, );
    REFUSED(PVGPU_ERROR_INVALID_PARAMETER, PVGPU_CMD_CREATE_DEPTH_STENCIL_VIEW, 1, );
    REFUSED(PVGPU_ERROR_INVALID_PARAMETER, PVGPU_CMD_CREATE_RENDER_TARGET_VIEW, 3, );
    REFUSED(PVGPU_ERROR_INVALID_PARAMETER, PVGPU_CMD_CREATE_RENDER_TARGET_VIEW, 1,
            view.mip_level = 1);
    REFUSED(PVGPU_ERROR_INVALID_PARAMETER, PVGPU_CMD_CREATE_RENDER_TARGET_VIEW, 1,
            view.first_slice = 1);
    REFUSED(PVGPU_ERROR_INVALID_PARAMETER, PVGPU_CMD_CREATE_RENDER_TARGET_VIEW, 1,
            view.slice_count = 2);
    REFUSED(PVGPU_ERROR_INVALID_PARAMETER, PVGPU_CMD_CREATE_RENDER_TARGET_VIEW, 1,
            view.header.resource_id = 0);
    REFUSED(PVGPU_ERROR_UNSUPPORTED_FORMAT, PVGPU_CMD_CREATE_RENDER_TARGET_VIEW, 1,
            view.format = PVGPU_FORMAT_R8_UNORM);
    REFUSED(PVGPU_ERROR_UNSUPPORTED_FORMAT, PVGPU_CMD_CREATE_DEPTH_STENCIL_VIEW, 2,
            view.format = PVGPU_FORMAT_D24_UNORM_S8_UINT);
#undef REFUSED
    EXPECT(PVGPU_ERROR_RESOURCE_NOT_FOUND, &gone); /* it is a render target's */
    gone.type = PVGPU_CMD_DESTROY_RENDER_TARGET_VIEW;
    /* The memory stays as long as a view does. */
    destroy(1);
    assert_true(context.session->memory_used > 64 + 64);
    EXPECT(PVGPU_OK, &gone);
    assert_int_equal(context.session->memory_used, 64 + 64);
    EXPECT(PVGPU_ERROR_RESOURCE_NOT_FOUND, &gone);
}

static void test_set_render_target(void **state)
{
    struct pvgpu_set_render_target set =
        COMMAND(struct pvgpu_set_render_target, PVGPU_CMD_SET_RENDER_TARGET, 0, .count = 2,
                .dsv = 3, .rtv = {1, 2});
    struct pvgpu_command gone = {PVGPU_CMD_DESTROY_RENDER_TARGET_VIEW, sizeof(gone), 2, 0};

    (void)state;
    make_texture(1, PVGPU_FORMAT_R8G8B8A8_UNORM, 4, 4, PVGPU_BIND_RENDER_TARGET);
    make_texture(2, PVGPU_FORMAT_D32_FLOAT, 4, 4, PVGPU_BIND_DEPTH_STENCIL);
    make_texture(4, PVGPU_FORMAT_D32_FLOAT, 8, 4, PVGPU_BIND_DEPTH_STENCIL);
    make_view(PVGPU_CMD_CREATE_RENDER_TARGET_VIEW, 1, 1);
    EXPECT(PVGPU_ERROR_RESOURCE_NOT_FOUND, &set);
    make_view(PVGPU_CMD_CREATE_RENDER_TARGET_VIEW, 2, 1);
    EXPECT(PVGPU_ERROR_RESOURCE_NOT_FOUND, &set);
    make_view(PVGPU_CMD_CREATE_DEPTH_STENCIL_VIEW, 3, 2);
    make_view(PVGPU_CMD_CREATE_DEPTH_STENCIL_VIEW, 4, 4);
    EXPECT(PVGPU_OK, &set);
    assert_non_null(context.targets[1]);
    assert_null(context.targets[2]);
    EXPECT(PVGPU_OK, &gone);
    assert_null(context.targets[1]);
    assert_non_null(context.targets[0]);
    set = COMMAND(struct pvgpu_set_render_target, PVGPU_CMD_SET_RENDER_TARGET, 0, .count = 1,
                  .dsv = 4, .rtv = {1});
    EXPECT(PVGPU_ERROR_INVALID_PARAMETER, &set); /* of another size */
    set.dsv = 1;
    EXPECT(PVGPU_ERROR_RESOURCE_NOT_FOUND, &set);
    set.count = 9;
    EXPECT(PVGPU_ERROR_INVALID_PARAMETER, &set);
    set = COMMAND(struct pvgpu_set_render_target, PVGPU_CMD_SET_RENDER_TARGET, 0, .count = 0);
    EXPECT(PVGPU_OK, &set);
    assert_null(context.targets[0]);
    assert_null(context.depth_target);
}

static void test_viewports_and_scissors(void **state)
{
    struct pvgpu_set_viewport viewport =
        COMMAND(struct pvgpu_set_viewport, PVGPU_CMD_SET_VIEWPORT, 0, .count = 2,
                .viewports = {{0, 0, 640, 480, 0, 1}, {-5, 3, 1, 1, 0.5f, 0.5f}});
    struct pvgpu_set_scissor scissor =
        COMMAND(struct pvgpu_set_scissor, PVGPU_CMD_SET_SCISSOR, 0, .count = 1,
                .rectangles = {{-1, 0, 10, 10}});

    (void)state;
    EXPECT(PVGPU_OK, &viewport);
    assert_int_equal(context.viewport_count, 2);
    assert_true(context.viewports[1].x == -5);
    viewport.header.size = 20 + 2 * 24;
    EXPECT(PVGPU_OK, &viewport);
    viewport.header.size--;
    EXPECT(PVGPU_ERROR_INVALID_COMMAND, &viewport);
    viewport.header.size = sizeof(viewport);
    viewport.count = 17;
    EXPECT(PVGPU_ERROR_INVALID_PARAMETER, &viewport);
    viewport.count = UINT32_MAX;
    EXPECT(PVGPU_ERROR_INVALID_PARAMETER, &viewport);
    viewport.count = 1;
    viewport.viewports[0].width = -1;
    EXPECT(PVGPU_ERROR_INVALID_PARAMETER, &viewport);
    viewport.viewports[0].width = NAN;
    EXPECT(PVGPU_ERROR_INVALID_PARAMETER, &viewport);
    viewport.viewports[0].width = 1;
    viewport.viewports[0].max_depth = 1.5f;
    EXPECT(PVGPU_ERROR_INVALID_PARAMETER, &viewport);
    EXPECT(PVGPU_OK, &scissor);
    assert_int_equal(context.scissors[0].left, -1);
    scissor.rectangles[0].left = 11;
    EXPECT(PVGPU_ERROR_INVALID_PARAMETER, &scissor);
    scissor.count = 17;
    EXPECT(PVGPU_ERROR_INVALID_PARAMETER, &scissor);
    scissor.count = 16;
    scissor.header.size = 24;
    EXPECT(PVGPU_ERROR_INVALID_COMMAND, &scissor);
}

static void clear(uint32_t view, float r, float g, float b, float a)
{
    struct pvgpu_clear_render_target command =
        COMMAND(struct pvgpu_clear_render_target, PVGPU_CMD_CLEAR_RENDER_TARGET, 0, .rtv = view,
                .colour = {r, g, b, a});

    EXPECT(PVGPU_OK, &command);
}

/* Clears a texture of 3x3, looks at every texel of it. */
static void expect_cleared(uint32_t format, float r, float g, float b, float a,
                           const void *texel, uint32_t size)
{
    struct pvgpu_command gone = {PVGPU_CMD_DESTROY_RENDER_TARGET_VIEW, sizeof(gone), 9, 0};
    const uint8_t *texels;

    make_texture(9, format, 3, 3, PVGPU_BIND_RENDER_TARGET);
    make_view(PVGPU_CMD_CREATE_RENDER_TARGET_VIEW, 9, 9);
    clear(9, r, g, b, a);
    texels = read_level(9, 0, 9 * size);
    for (int i = 0; i < 9; i++) {
        assert_memory_equal(texels + (uint32_t)i * size, texel, size);
    }
    EXPECT(PVGPU_OK, &gone);
    destroy(9);
}

#define CLEARED(format, r, g, b, a, type, ...)                                                     \
    do {                                                                                           \
        const type texel[] = {__VA_ARGS__};                                                        \
        expect_cleared(PVGPU_FORMAT_##format, r, g, b, a, texel, sizeof(texel));                   \
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
    CLEARED(R16G16B16A16_FLOAT, 1, -2, 0.5f, 65536, uint16_t, 0x3C00, 0xC000, 0x3800, 0x7C00);
    /* Denormals, rounding to even, the largest and the next above it. */
    CLEARED(R16G16_FLOAT, 5.9604645e-8f, 1 + 1 / 2048.f, 0, 0, uint16_t, 0x0001, 0x3C00);
    CLEARED(R16G16_FLOAT, 1 + 3 / 2048.f, 65519, 0, 0, uint16_t, 0x3C02, 0x7BFF);
    CLEARED(R16G16_FLOAT, 65520, 2.9e-8f, 0, 0, uint16_t, 0x7C00, 0x0000);
    CLEARED(R16G16_FLOAT, 6.1e-5f, -0.0f, 0, 0, uint16_t, 0x03FF, 0x8000);
    CLEARED(R16_FLOAT, NAN, 0, 0, 0, uint16_t, 0x7E00);
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
    struct pvgpu_create_resource create = texture(1, PVGPU_FORMAT_R8_UNORM, 4, 4);
    struct pvgpu_create_view view = view_of(PVGPU_CMD_CREATE_RENDER_TARGET_VIEW, 1, 1);

    (void)state;
    create.type = PVGPU_RESOURCE_TEXTURE_3D;
    create.depth = 4;
    create.mip_levels = 2;
    create.bind_flags = PVGPU_BIND_RENDER_TARGET;
    EXPECT(PVGPU_OK, &create);
    view.first_slice = 1;
    view.slice_count = 2;
    EXPECT(PVGPU_OK, &view);
    clear(1, 1, 0, 0, 0);
    const uint8_t *texels = read_level(1, 0, 64);
    for (int i = 0; i < 64; i++) {
        assert_int_equal(texels[i], i >= 16 && i < 48 ? 255 : 0);
    }
    assert_int_equal(read_level(1, 1, 8)[0], 0);
    view = view_of(PVGPU_CMD_CREATE_RENDER_TARGET_VIEW, 2, 1);
    view.mip_level = 1;
    EXPECT(PVGPU_OK, &view);
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
    struct pvgpu_clear_depth_stencil command =
        COMMAND(struct pvgpu_clear_depth_stencil, PVGPU_CMD_CLEAR_DEPTH_STENCIL, 0,
                .dsv = resource, .clear_flags = flags, .depth = depth, .stencil = stencil);
    const uint8_t *texels;

    EXPECT(PVGPU_OK, &command);
    texels = read_level(resource, 0, 40 * 40 * 4);
    for (int i = 0; i < 40 * 40; i++) {
        assert_memory_equal(texels + i * 4, &texel, 4);
    }
}

static void test_clear_depth(void **state)
{
    struct pvgpu_clear_depth_stencil command =
        COMMAND(struct pvgpu_clear_depth_stencil, PVGPU_CMD_CLEAR_DEPTH_STENCIL, 0, .dsv = 1,
                .clear_flags = 4);

    (void)state;
    make_texture(1, PVGPU_FORMAT_D24_UNORM_S8_UINT, 40, 40, PVGPU_BIND_DEPTH_STENCIL);
    make_view(PVGPU_CMD_CREATE_DEPTH_STENCIL_VIEW, 1, 1);
    make_texture(2, PVGPU_FORMAT_D32_FLOAT, 40, 40, PVGPU_BIND_DEPTH_STENCIL);
    make_view(PVGPU_CMD_CREATE_DEPTH_STENCIL_VIEW, 2, 2);
    expect_depth(1, PVGPU_CLEAR_DEPTH | PVGPU_CLEAR_STENCIL, 1, 0x42, 0x42FFFFFF);
    expect_depth(1, PVGPU_CLEAR_DEPTH, 0.5f, 9, 0x42800000);
    expect_depth(1, PVGPU_CLEAR_STENCIL, 0, 0x107, 0x07800000);
    expect_depth(1, 0, 0, 0, 0x07800000);
    expect_depth(1, PVGPU_CLEAR_DEPTH, NAN, 0, 0x07000000);
    expect_depth(2, PVGPU_CLEAR_DEPTH, 0.5f, 1, 0x3F000000);
    expect_depth(2, PVGPU_CLEAR_STENCIL, 0, 1, 0x3F000000);
    expect_depth(2, PVGPU_CLEAR_DEPTH, 2, 1, 0x3F800000);
    EXPECT(PVGPU_ERROR_INVALID_PARAMETER, &command);
    command.dsv = 3;
    EXPECT(PVGPU_ERROR_RESOURCE_NOT_FOUND, &command);
}

/* ---- Resize ---- */

static void test_resize_buffers(void **state)
{
    struct pvgpu_resize_buffers resize =
        COMMAND(struct pvgpu_resize_buffers, PVGPU_CMD_RESIZE_BUFFERS, 0, .width = 80);

    (void)state;
    EXPECT(PVGPU_OK, &resize);
    assert_int_equal(control.display_width, 80);
    assert_int_equal(control.display_height, 32);
    resize.swapchain = 1;
    resize.format = PVGPU_FORMAT_R16G16B16A16_FLOAT;
    EXPECT(PVGPU_ERROR_RESOURCE_NOT_FOUND, &resize);
    make_texture(1, PVGPU_FORMAT_R8G8B8A8_UNORM, 4, 4, PVGPU_BIND_RENDER_TARGET);
    fill_texture(1, 0);
    EXPECT(PVGPU_OK, &resize);
    assert_int_equal(control.display_format, PVGPU_FORMAT_R16G16B16A16_FLOAT);
    assert_int_equal(pvgpu_resource_find(&context, 1)->size, 80 * 32 * 8);
    assert_int_equal(context.session->memory_used, 80 * 32 * 8);
    assert_int_equal(read_level(1, 0, 80 * 32 * 8)[0], 0);
    make_view(PVGPU_CMD_CREATE_RENDER_TARGET_VIEW, 1, 1);
    EXPECT(PVGPU_ERROR_INVALID_PARAMETER, &resize); /* a view is there */
    resize.swapchain = 0;
    resize.format = PVGPU_FORMAT_D32_FLOAT;
    EXPECT(PVGPU_ERROR_UNSUPPORTED_FORMAT, &resize);
    resize.format = 0;
    resize.width = PVGPU_TEXTURE_SIDE_MAX + 1;
    EXPECT(PVGPU_ERROR_INVALID_PARAMETER, &resize);
    resize.width = 0;
    resize.buffer_count = 5;
    EXPECT(PVGPU_ERROR_INVALID_PARAMETER, &resize);
    resize.buffer_count = 0;
    resize.flags = 1;
    EXPECT(PVGPU_ERROR_INVALID_PARAMETER, &resize);
    control.display_width = 0; /* the guest wrote there */
    resize.flags = 0;
    EXPECT(PVGPU_ERROR_INVALID_PARAMETER, &resize);
}

/* ---- What there is not ---- */

static void test_other_commands_are_refused(void **state)
{
    static const uint32_t types[] = {0,      0x0008, 0x0010, 0x0019, 0x0024, 0x0027, 0x0030, 0x0104,
                                     0x010E, 0x0201, 0x0205, 0x0306, 0x1007, 0x1012, 0x2000, 0x2004,
                                     0xFFFFFFFF};
    uint8_t bytes[PVGPU_COMMAND_SIZE_MAX] = {0};
    struct pvgpu_command *header = (void *)bytes;

    (void)state;
    for (unsigned i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        *header = (struct pvgpu_command){.type = types[i], .size = sizeof(bytes)};
        assert_int_equal(pvgpu_command_classify(header), PVGPU_KIND_UNKNOWN);
        EXPECT(PVGPU_ERROR_INVALID_COMMAND, bytes);
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
        TEST(test_map),
        TEST(test_map_what_is_refused),
        TEST(test_update_a_box),
        TEST(test_update_volume),
        TEST(test_update_buffers),
        TEST(test_update_what_is_refused),
        TEST(test_copy_resource),
        TEST(test_copy_region),
        TEST(test_copy_region_overlapping),
        TEST(test_views),
        TEST(test_set_render_target),
        TEST(test_viewports_and_scissors),
        TEST(test_clear_colours),
        TEST(test_clear_part_of_a_volume),
        TEST(test_clear_depth),
        TEST(test_resize_buffers),
        TEST(test_other_commands_are_refused),
#undef TEST
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
