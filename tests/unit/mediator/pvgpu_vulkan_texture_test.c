/* SPDX-License-Identifier: BSD-2-Clause */
// build: $(PVGPU_VULKAN_SRC)
// libs: -ldl $(SPIRV_LIBS) -lseccomp
/* What textures have only where there is drawing: layers, cubes, samples, blocks, more formats. */
#define PVGPU_TEST_VULKAN 1
#include "tests/unit/mediator/pvgpu_fixture.h"

static struct bg_pvgpu_create_view view_of(uint32_t type, uint32_t id, uint32_t resource)
{
    return COMMAND(struct bg_pvgpu_create_view, type, id, .resource_id = resource);
}

static void clear(uint32_t view, float r, float g, float b, float a)
{
    struct bg_pvgpu_clear_render_target command =
        COMMAND(struct bg_pvgpu_clear_render_target, BG_PVGPU_CMD_CLEAR_RENDER_TARGET, 0,
                .rtv = view, .colour = {r, g, b, a});

    EXPECT(BG_PVGPU_OK, &command);
}

static const struct pvgpu_view *find_view(uint32_t id)
{
    return pvgpu_ids_find(&context.views, id);
}

/* ---- Layers ---- */

static void test_layers(void **state)
{
    struct bg_pvgpu_create_resource create = texture(1, BG_PVGPU_FORMAT_R8G8B8A8_UNORM, 4, 4);
    struct bg_pvgpu_create_view view = view_of(BG_PVGPU_CMD_CREATE_RENDER_TARGET_VIEW, 1, 1);
    struct bg_pvgpu_copy_region copy =
        COMMAND(struct bg_pvgpu_copy_region, BG_PVGPU_CMD_COPY_REGION, 0, .dst = 1, .src = 1,
                .dst_subresource = 3, .src_subresource = 7);
    static const uint8_t red[16] = {255, 0, 0, 255, 255, 0, 0, 255, 255, 0, 0, 255, 255, 0, 0, 255};

    (void)state;
    create.depth = 3;
    create.mip_levels = 3; /* 64 + 16 + 4 bytes, three times */
    create.data_size = 3 * 84;
    create.bind_flags = BG_PVGPU_BIND_RENDER_TARGET;
    EXPECT(BG_PVGPU_OK, &create);
    for (uint32_t layer = 0; layer < 3; layer++) {
        assert_memory_equal(read_level(1, layer * 3, 64), heap + layer * 84, 64);
        assert_memory_equal(read_level(1, layer * 3 + 1, 16), heap + layer * 84 + 64, 16);
        assert_memory_equal(read_level(1, layer * 3 + 2, 4), heap + layer * 84 + 80, 4);
    }
    view.mip_level = 1;
    view.first_slice = 1;
    view.slice_count = 2;
    EXPECT(BG_PVGPU_OK, &view);
    clear(1, 1, 0, 0, 1);
    assert_memory_equal(read_level(1, 1, 16), heap + 64, 16);
    assert_memory_equal(read_level(1, 4, 16), red, 16);
    assert_memory_equal(read_level(1, 7, 16), red, 16);
    EXPECT(BG_PVGPU_OK, &copy); /* 2 x 2 of the last layer into the second */
    assert_memory_equal(read_level(1, 3, 64), red, 8);
    assert_memory_equal(read_level(1, 3, 64) + 8, heap + 84 + 8, 8);
    copy.src_subresource = 9;
    EXPECT(BG_PVGPU_ERROR_INVALID_PARAMETER, &copy);
    view.view_id = 2;
    view.slice_count = 3;
    EXPECT(BG_PVGPU_ERROR_INVALID_PARAMETER, &view);
}

static void test_maps_of_layers(void **state)
{
    struct bg_pvgpu_create_resource create = texture(1, BG_PVGPU_FORMAT_R32_UINT, 2, 2);
    struct bg_pvgpu_map_resource map =
        COMMAND(struct bg_pvgpu_map_resource, BG_PVGPU_CMD_MAP_RESOURCE, 1, .map_type = 2);
    struct bg_pvgpu_unmap_resource unmap =
        COMMAND(struct bg_pvgpu_unmap_resource, BG_PVGPU_CMD_UNMAP_RESOURCE, 1, .resource_id = 1);

    (void)state;
    create.depth = 4;
    EXPECT(BG_PVGPU_OK, &create);
    for (uint32_t i = 0; i < 4; i++) {
        map.subresource = i;
        map.heap_offset = 4096 + i * 16;
        EXPECT(BG_PVGPU_OK, &map);
        EXPECT(BG_PVGPU_ERROR_INVALID_PARAMETER, &map);
    }
    memcpy(heap + 4096, heap, 64);
    for (uint32_t i = 0; i < 4; i++) {
        unmap.subresource = 3 - i;
        EXPECT(BG_PVGPU_OK, &unmap);
        EXPECT(BG_PVGPU_ERROR_INVALID_PARAMETER, &unmap);
        assert_memory_equal(read_level(1, 3 - i, 16), heap + (3 - i) * 16, 16);
    }
}

static void test_cubes(void **state)
{
    struct bg_pvgpu_create_resource create = texture(1, BG_PVGPU_FORMAT_R8G8B8A8_UNORM, 4, 4);
    struct bg_pvgpu_create_shader_view view =
        COMMAND(struct bg_pvgpu_create_shader_view, BG_PVGPU_CMD_CREATE_SHADER_RESOURCE_VIEW, 1,
                .resource_id = 1);

    (void)state;
    create.misc_flags = BG_PVGPU_MISC_TEXTURE_CUBE;
    create.bind_flags = BG_PVGPU_BIND_SHADER_RESOURCE;
    EXPECT(BG_PVGPU_ERROR_INVALID_PARAMETER, &create); /* one face */
    create.depth = 12;
    create.width = 8;
    EXPECT(BG_PVGPU_ERROR_INVALID_PARAMETER, &create); /* no squares */
    create.width = 4;
    EXPECT(BG_PVGPU_OK, &create);
    EXPECT(BG_PVGPU_OK, &view);
    assert_int_equal(find_view(1)->dimension, BG_PVGPU_VIEW_TEXTURE_CUBE_ARRAY);
    view.view_id = 2;
    view.first_slice = 6;
    EXPECT(BG_PVGPU_OK, &view);
    assert_int_equal(find_view(2)->dimension, BG_PVGPU_VIEW_TEXTURE_CUBE);
    view.view_id = 3;
    view.dimension = BG_PVGPU_VIEW_TEXTURE_2D_ARRAY;
    EXPECT(BG_PVGPU_OK, &view);
    assert_int_equal(find_view(3)->dimension, BG_PVGPU_VIEW_TEXTURE_2D_ARRAY);
    view.view_id = 4;
    view.slice_count = 1;
    view.dimension = 0;
    EXPECT(BG_PVGPU_OK, &view);
    assert_int_equal(find_view(4)->dimension, BG_PVGPU_VIEW_TEXTURE_2D_ARRAY);
}

/* ---- Samples ---- */

static void test_samples(void **state)
{
    struct bg_pvgpu_create_resource create = texture(1, BG_PVGPU_FORMAT_R8G8B8A8_UNORM, 4, 4);
    struct bg_pvgpu_create_view view = view_of(BG_PVGPU_CMD_CREATE_RENDER_TARGET_VIEW, 1, 1);
    struct bg_pvgpu_update_resource update = transfer(BG_PVGPU_CMD_UPDATE_RESOURCE, 1, 0);
    struct bg_pvgpu_copy_resource copy =
        COMMAND(struct bg_pvgpu_copy_resource, BG_PVGPU_CMD_COPY_RESOURCE, 0, .dst = 2, .src = 1);
    static const uint8_t texel[] = {255, 0, 51, 255};

    (void)state;
    create.sample_count = 4;
    create.bind_flags = BG_PVGPU_BIND_RENDER_TARGET;
    create.data_size = 64;
    EXPECT(BG_PVGPU_ERROR_INVALID_PARAMETER, &create);
    create.data_size = 0;
    EXPECT(BG_PVGPU_OK, &create);
    expect_charged(4 * 64);
    EXPECT(BG_PVGPU_OK, &view);
    clear(1, 1, 0, 0.2f, 1);
    EXPECT(BG_PVGPU_ERROR_INVALID_PARAMETER, &update);
    update.header.type = BG_PVGPU_CMD_READ_RESOURCE;
    EXPECT(BG_PVGPU_ERROR_INVALID_PARAMETER, &update);
    make_texture(2, BG_PVGPU_FORMAT_R8G8B8A8_UNORM, 4, 4, 0);
    EXPECT(BG_PVGPU_OK, &copy);
    for (uint32_t i = 0; i < 16; i++) {
        assert_memory_equal(read_level(2, 0, 64) + i * 4, texel, 4);
    }
    copy.dst = 1;
    copy.src = 2;
    EXPECT(BG_PVGPU_ERROR_INVALID_PARAMETER, &copy); /* not the other way */
    make_texture(3, BG_PVGPU_FORMAT_R32_UINT, 4, 4, 0);
    copy.dst = 3;
    copy.src = 1;
    EXPECT(BG_PVGPU_ERROR_INVALID_PARAMETER, &copy); /* nor to another format */
}

/* ---- Formats ---- */

static void test_blocks(void **state)
{
    struct bg_pvgpu_create_resource create = texture(1, BG_PVGPU_FORMAT_BC1_UNORM, 10, 6);
    struct bg_pvgpu_update_resource update = transfer(BG_PVGPU_CMD_UPDATE_RESOURCE, 1, 1000);

    (void)state;
    create.mip_levels = 2; /* 3 x 2 blocks, then 2 x 1 */
    create.data_size = 6 * 8 + 2 * 8;
    EXPECT(BG_PVGPU_OK, &create);
    assert_memory_equal(read_level(1, 0, 48), heap, 48);
    assert_memory_equal(read_level(1, 1, 16), heap + 48, 16);
    update.x = 4;
    update.y = 4;
    update.width = 6; /* up to the side */
    update.height = 2;
    EXPECT(BG_PVGPU_OK, &update);
    assert_memory_equal(read_level(1, 0, 48), heap, 32);
    assert_memory_equal(read_level(1, 0, 48) + 32, heap + 1000, 16);
    update.width = 5; /* a part of a block */
    EXPECT(BG_PVGPU_ERROR_INVALID_PARAMETER, &update);
    update.width = 4;
    update.x = 2;
    EXPECT(BG_PVGPU_ERROR_INVALID_PARAMETER, &update);
    create.header.resource_id = 2;
    create.bind_flags = BG_PVGPU_BIND_RENDER_TARGET;
    EXPECT(BG_PVGPU_ERROR_UNSUPPORTED_FORMAT, &create);
}

/* Texels go in and out as they are, whatever the format. */
static void test_every_format(void **state)
{
    (void)state;
#define ONE(name, number, bytes, side, is_colour, is_depth)                                        \
    if ((bytes) != 12) { /* those of vertices */                                                   \
        uint32_t size = (bytes) * (8 / (side)) * (8 / (side));                                     \
        struct bg_pvgpu_create_resource create = texture(number, number, 8, 8);                    \
                                                                                                   \
        create.bind_flags = BG_PVGPU_BIND_SHADER_RESOURCE;                                         \
        EXPECT(BG_PVGPU_OK, &create);                                                              \
        if (!(is_depth)) {                                                                         \
            fill_texture(number, 64);                                                              \
            assert_memory_equal(read_level(number, 0, size), heap + 64, size);                     \
        }                                                                                          \
        destroy(number);                                                                           \
    }
    BG_PVGPU_DRAW_FORMATS(ONE)
#undef ONE
}

static void test_depth_of_16_bits(void **state)
{
    struct bg_pvgpu_create_depth_view view =
        COMMAND(struct bg_pvgpu_create_depth_view, BG_PVGPU_CMD_CREATE_DEPTH_STENCIL_VIEW, 1,
                .resource_id = 1);
    struct bg_pvgpu_clear_depth_stencil clear_depth =
        COMMAND(struct bg_pvgpu_clear_depth_stencil, BG_PVGPU_CMD_CLEAR_DEPTH_STENCIL, 0, .dsv = 1,
                .clear_flags = BG_PVGPU_CLEAR_DEPTH, .depth = 1);

    (void)state;
    make_texture(1, BG_PVGPU_FORMAT_D16_UNORM, 4, 4, BG_PVGPU_BIND_DEPTH_STENCIL);
    EXPECT(BG_PVGPU_OK, &view);
    EXPECT(BG_PVGPU_OK, &clear_depth);
    for (uint32_t i = 0; i < 32; i++) {
        assert_int_equal(read_level(1, 0, 32)[i], 0xFF);
    }
}

/* What a session's limit allows, the device may not have: a buffer's size in 32 bits, for one. */
static void test_sizes_beyond_the_device(void **state)
{
    struct bg_pvgpu_create_resource create = texture(1, 0, UINT32_MAX, 1);

    (void)state;
    context.session->memory_limit = UINT64_MAX;
    create.type = BG_PVGPU_RESOURCE_BUFFER;
    create.bind_flags = BG_PVGPU_BIND_VERTEX_BUFFER;
    EXPECT(BG_PVGPU_ERROR_OUT_OF_MEMORY, &create);
    create = texture(1, BG_PVGPU_FORMAT_R32G32B32A32_FLOAT, 2048, 2048);
    create.type = BG_PVGPU_RESOURCE_TEXTURE_3D;
    create.depth = 2048; /* 128 GiB */
    EXPECT(BG_PVGPU_ERROR_UNSUPPORTED_FORMAT, &create);
    assert_int_equal(context.session->memory_used, 0);
}

/* ---- Views of buffers ---- */

static void test_views_of_buffers(void **state)
{
    struct bg_pvgpu_create_resource create = texture(1, 0, 1024, 1);
    struct bg_pvgpu_create_view view = view_of(BG_PVGPU_CMD_CREATE_UNORDERED_ACCESS_VIEW, 1, 1);
    struct bg_pvgpu_command gone = {BG_PVGPU_CMD_DESTROY_UNORDERED_ACCESS_VIEW, sizeof(gone), 1, 0};

    (void)state;
    create.type = BG_PVGPU_RESOURCE_BUFFER;
    EXPECT(BG_PVGPU_OK, &create);
    EXPECT(BG_PVGPU_ERROR_INVALID_PARAMETER, &view); /* not made for that */
    destroy(1);
    create.bind_flags = BG_PVGPU_BIND_UNORDERED_ACCESS;
    EXPECT(BG_PVGPU_OK, &create);
    view.first_slice = 64;
    EXPECT(BG_PVGPU_OK, &view); /* words */
    assert_int_equal(find_view(1)->mip_level, 64);
    assert_int_equal(find_view(1)->mip_levels, 192);
    view.view_id = 2;
    view.first_slice = 63;
    EXPECT(BG_PVGPU_ERROR_INVALID_PARAMETER, &view);
    view.format = BG_PVGPU_FORMAT_R32_UINT;
    EXPECT(BG_PVGPU_OK, &view); /* texels */
    view.view_id = 3;
    view.format = BG_PVGPU_FORMAT_BC1_UNORM;
    EXPECT(BG_PVGPU_ERROR_UNSUPPORTED_FORMAT, &view);
    EXPECT(BG_PVGPU_OK, &gone);
    EXPECT(BG_PVGPU_ERROR_RESOURCE_NOT_FOUND, &gone);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(test_layers),
        TEST(test_maps_of_layers),
        TEST(test_cubes),
        TEST(test_samples),
        TEST(test_blocks),
        TEST(test_every_format),
        TEST(test_depth_of_16_bits),
        TEST(test_sizes_beyond_the_device),
        TEST(test_views_of_buffers),
#undef TEST
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    if (!open_renderer()) {
        return 0;
    }
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    close_renderer();
    return failed;
}
