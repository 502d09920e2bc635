/* SPDX-License-Identifier: BSD-2-Clause */
// build: $(PVGPU_VULKAN_SRC)
// libs: $(SPIRV_LIBS) -ldl -lseccomp
// needs: build/tests/shaders/flat.vert.spv build/tests/shaders/flat.frag.spv
/* A session that may draw begins in memory, and moves with all that it has. */
#include <sys/mman.h>
#include <unistd.h>

#include "tests/unit/mediator/pvgpu_draw_fixture.h"

static void expect_moved(bool moved)
{
    assert_ptr_equal(context.renderer, moved ? context.drawing : &pvgpu_memory_renderer);
}

/* A command that needs drawing, and does nothing else. */
static void draw_nothing(enum bg_pvgpu_error expected)
{
    struct bg_pvgpu_set_object set =
        COMMAND(struct bg_pvgpu_set_object, BG_PVGPU_CMD_SET_RASTERIZER_STATE, 0, .id = 0);

    assert_int_equal(pvgpu_command_classify(&context, &set),
                     context.renderer == context.drawing ? PVGPU_KIND_STATE : PVGPU_KIND_WORK);
    EXPECT(expected, &set);
}

/* ---- When ---- */

/* What a guest does that computes and shows pictures. */
static void test_stays_in_memory(void **state)
{
    struct bg_pvgpu_create_view view =
        COMMAND(struct bg_pvgpu_create_view, BG_PVGPU_CMD_CREATE_RENDER_TARGET_VIEW, 1,
                .resource_id = 1, .format = BG_PVGPU_FORMAT_R8G8B8A8_UNORM_SRGB);
    struct bg_pvgpu_command compute = {0x1001, sizeof(compute), 0, 0};

    (void)state;
    make_texture(1, BG_PVGPU_FORMAT_R8G8B8A8_UNORM, 4, 4,
                 BG_PVGPU_BIND_RENDER_TARGET | BG_PVGPU_BIND_SHADER_RESOURCE);
    make_texture(2, BG_PVGPU_FORMAT_D24_UNORM_S8_UINT, 4, 4, BG_PVGPU_BIND_DEPTH_STENCIL);
    make_buffer(3, 64);
    EXPECT(BG_PVGPU_OK, &view);
    bind_targets(1, 0, 0);
    set_viewport(0, 0, 4, 4);
    fill_texture(1, 0);
    read_level(1, 0, 64);
    run(&compute);
    expect_moved(false);
    expect_charged(64 + 64 + 64);
}

static void expect_create_moves(struct bg_pvgpu_create_resource create)
{
    struct bg_pvgpu_command header = {BG_PVGPU_CMD_DESTROY_RESOURCE, sizeof(header), 1, 0};

    expect_moved(false);
    assert_int_equal(pvgpu_command_classify(&context, &create), PVGPU_KIND_WORK);
    EXPECT(BG_PVGPU_OK, &create);
    expect_moved(true);
    EXPECT(BG_PVGPU_OK, &header);
    pvgpu_context_reset(&context);
}

static void test_resources_that_only_draws_have(void **state)
{
    const struct bg_pvgpu_create_resource plain = texture(1, BG_PVGPU_FORMAT_R8G8B8A8_UNORM, 4, 4);
    struct bg_pvgpu_create_resource create = plain;

    (void)state;
    create.depth = 2;
    expect_create_moves(create);
    create = plain;
    create.sample_count = 4;
    expect_create_moves(create);
    create = plain;
    create.depth = 6;
    create.misc_flags = BG_PVGPU_MISC_TEXTURE_CUBE;
    expect_create_moves(create);
    create = plain;
    create.format = BG_PVGPU_FORMAT_BC1_UNORM;
    expect_create_moves(create);
    create = plain;
    create.bind_flags = BG_PVGPU_BIND_UNORDERED_ACCESS;
    expect_create_moves(create);
    create = texture(1, 0, 64, 1);
    create.type = BG_PVGPU_RESOURCE_BUFFER;
    create.bind_flags = BG_PVGPU_BIND_VERTEX_BUFFER;
    expect_create_moves(create);
}

static void test_views_that_only_draws_have(void **state)
{
    struct bg_pvgpu_create_shader_view read =
        COMMAND(struct bg_pvgpu_create_shader_view, BG_PVGPU_CMD_CREATE_SHADER_RESOURCE_VIEW, 1,
                .resource_id = 1);
    struct bg_pvgpu_create_view write =
        COMMAND(struct bg_pvgpu_create_view, BG_PVGPU_CMD_CREATE_RENDER_TARGET_VIEW, 1,
                .resource_id = 1, .format = BG_PVGPU_FORMAT_R8G8B8A8_SNORM);

    (void)state;
    make_texture(1, BG_PVGPU_FORMAT_R8G8B8A8_UNORM, 4, 4, BG_PVGPU_BIND_SHADER_RESOURCE);
    assert_int_equal(pvgpu_command_classify(&context, &read), PVGPU_KIND_WORK);
    EXPECT(BG_PVGPU_OK, &read);
    expect_moved(true);
    pvgpu_context_reset(&context);
    make_texture(1, BG_PVGPU_FORMAT_R8G8B8A8_UNORM, 4, 4, BG_PVGPU_BIND_RENDER_TARGET);
    assert_int_equal(pvgpu_command_classify(&context, &write), PVGPU_KIND_WORK);
    EXPECT(BG_PVGPU_OK, &write);
    expect_moved(true);
}

/* What Vulkan does not have is refused before anything needs it. */
static void test_what_could_not_move(void **state)
{
    struct bg_pvgpu_create_resource create =
        texture(1, BG_PVGPU_FORMAT_R32G32B32A32_FLOAT, 2048, 2048);

    (void)state;
    context.session->memory_limit = UINT64_MAX;
    create.type = BG_PVGPU_RESOURCE_TEXTURE_3D;
    create.depth = 2048; /* 128 GiB */
    EXPECT(BG_PVGPU_ERROR_UNSUPPORTED_FORMAT, &create);
    expect_moved(false);
}

/* ---- What ---- */

static void make_filled_texture(uint32_t id, uint32_t type, uint32_t format, uint32_t depth,
                                uint32_t levels)
{
    struct bg_pvgpu_create_resource create = texture(id, format, 8, 8);

    create.type = type;
    create.depth = depth;
    create.mip_levels = levels;
    EXPECT(BG_PVGPU_OK, &create);
    for (uint32_t i = 0; i < levels; i++) {
        struct bg_pvgpu_update_resource update =
            transfer(BG_PVGPU_CMD_UPDATE_RESOURCE, id, id * 4096 + i * 1024);

        update.subresource = i;
        EXPECT(BG_PVGPU_OK, &update);
    }
}

/* Each level, and a stencil beside its depth. */
static void expect_contents(uint32_t id, uint32_t level, uint32_t size)
{
    assert_memory_equal(read_level(id, level, size), heap + id * 4096 + level * 1024, size);
}

static void test_contents_move(void **state)
{
    (void)state;
    make_filled_texture(1, BG_PVGPU_RESOURCE_TEXTURE_2D, BG_PVGPU_FORMAT_R8G8B8A8_UNORM, 1, 4);
    make_filled_texture(2, BG_PVGPU_RESOURCE_TEXTURE_3D, BG_PVGPU_FORMAT_R8_UNORM, 4, 2);
    make_filled_texture(3, BG_PVGPU_RESOURCE_TEXTURE_2D, BG_PVGPU_FORMAT_D24_UNORM_S8_UINT, 1, 1);
    expect_moved(false);
    draw_nothing(BG_PVGPU_OK);
    expect_moved(true);
    for (uint32_t i = 0; i < 4; i++) {
        expect_contents(1, i, 4 * (8 >> i) * (8 >> i));
    }
    expect_contents(2, 0, 8 * 8 * 4);
    expect_contents(2, 1, 4 * 4 * 2);
    expect_contents(3, 0, 8 * 8 * 4);
}

/* More than one piece of it. */
static void test_large_contents_move(void **state)
{
    enum { SIZE = (3 << 20) + 4096 };
    struct bg_pvgpu_create_resource create = texture(1, 0, SIZE, 1);

    (void)state;
    context.session->memory_limit = 64 << 20;
    create.type = BG_PVGPU_RESOURCE_BUFFER;
    EXPECT(BG_PVGPU_OK, &create);
    for (uint32_t at = 0; at < SIZE; at += 4096) {
        struct bg_pvgpu_update_resource update =
            transfer(BG_PVGPU_CMD_UPDATE_RESOURCE, 1, at / 4096 % 13 * 64);

        update.x = at;
        update.width = 4096;
        EXPECT(BG_PVGPU_OK, &update);
    }
    draw_nothing(BG_PVGPU_OK);
    for (uint32_t at = 0; at < SIZE; at += 4096) {
        struct bg_pvgpu_update_resource read =
            transfer(BG_PVGPU_CMD_READ_RESOURCE, 1, HEAP_SIZE - 4096);

        read.x = at;
        read.width = 4096;
        EXPECT(BG_PVGPU_OK, &read);
        assert_memory_equal(heap + HEAP_SIZE - 4096, heap + at / 4096 % 13 * 64, 4096);
    }
}

/* One that only its view has, one that has two ids, and one that is mapped. */
static void test_all_resources_move(void **state)
{
    struct bg_pvgpu_create_resource create = texture(2, BG_PVGPU_FORMAT_R8G8B8A8_UNORM, 4, 4);
    struct bg_pvgpu_open_resource open =
        COMMAND(struct bg_pvgpu_open_resource, BG_PVGPU_CMD_OPEN_RESOURCE, 3, .source = 2);
    struct bg_pvgpu_map_resource map =
        COMMAND(struct bg_pvgpu_map_resource, BG_PVGPU_CMD_MAP_RESOURCE, 2,
                .map_type = BG_PVGPU_MAP_READ_WRITE, .heap_offset = 8192);
    struct bg_pvgpu_unmap_resource unmap =
        COMMAND(struct bg_pvgpu_unmap_resource, BG_PVGPU_CMD_UNMAP_RESOURCE, 2);

    (void)state;
    make_target(TARGET, BG_PVGPU_FORMAT_R8G8B8A8_UNORM);
    destroy(TARGET);
    create.misc_flags = BG_PVGPU_MISC_SHARED;
    EXPECT(BG_PVGPU_OK, &create);
    EXPECT(BG_PVGPU_OK, &open);
    EXPECT(BG_PVGPU_OK, &map);
    uint64_t used = context.session->memory_used;
    draw_nothing(BG_PVGPU_OK);
    assert_in_range(context.session->memory_used, used, used + 4096); /* once */
    memset(heap + 8192, 0x5A, 64);
    EXPECT(BG_PVGPU_OK, &unmap);
    assert_int_equal(read_level(3, 0, 64)[63], 0x5A);
    destroy(2);
    destroy(3);
}

/* Targets, their contents and viewports were set before. */
static void test_draws_into_what_was_there(void **state)
{
    static const struct vertex right[] = {{{0, 1, 0, 1}, {0, 255, 0, 255}},
                                          {{2, 1, 0, 1}, {0, 255, 0, 255}},
                                          {{0, -3, 0, 1}, {0, 255, 0, 255}}};
    struct bg_pvgpu_clear_render_target clear =
        COMMAND(struct bg_pvgpu_clear_render_target, BG_PVGPU_CMD_CLEAR_RENDER_TARGET, 0,
                .rtv = TARGET, .colour = {0, 0, 1, 1});
    const uint32_t *pixels;

    (void)state;
    make_target(TARGET, BG_PVGPU_FORMAT_R8G8B8A8_UNORM);
    bind_targets(TARGET, 0, 0);
    set_viewport(0, 0, SIDE, SIDE);
    GO(&clear);
    expect_moved(false);
    make_filled(VERTICES, BG_PVGPU_BIND_VERTEX_BUFFER, right, sizeof(right));
    use_flat_shaders();
    bind_vertices(0, VERTICES, sizeof(struct vertex), 0);
    draw_now(3, 0);
    pixels = read_pixels(TARGET);
    assert_int_equal(pixels[0], 0xFFFF0000u);
    assert_int_equal(pixels[SIDE - 1], GREEN);
}

/* ---- Limits ---- */

static void test_no_room_for_both(void **state)
{
    struct bg_pvgpu_create_resource create = texture(2, 0, 4096, 1);
    struct bg_pvgpu_create_view view = COMMAND(
        struct bg_pvgpu_create_view, BG_PVGPU_CMD_CREATE_RENDER_TARGET_VIEW, 1, .resource_id = 1);

    (void)state;
    make_filled_texture(1, BG_PVGPU_RESOURCE_TEXTURE_2D, BG_PVGPU_FORMAT_R8G8B8A8_UNORM, 1, 1);
    create.type = BG_PVGPU_RESOURCE_BUFFER;
    create.width = MEMORY_LIMIT / 2;
    EXPECT(BG_PVGPU_OK, &create);
    draw_nothing(BG_PVGPU_ERROR_OUT_OF_MEMORY);
    expect_moved(false);
    expect_charged(8 * 8 * 4 + MEMORY_LIMIT / 2);
    expect_contents(1, 0, 8 * 8 * 4);
    EXPECT(BG_PVGPU_ERROR_INVALID_PARAMETER, &view); /* as it was: not made for that */
    destroy(2);
    draw_nothing(BG_PVGPU_OK);
    expect_contents(1, 0, 8 * 8 * 4);
}

/* ---- Pictures ---- */

static struct bg_pvgpu_scanout shown;
static uint8_t *slots;

static void take_buffer(void *owner, const struct bg_pvgpu_scanout_buffer *buffer, int fd)
{
    (void)owner;
    slots = mmap(NULL, buffer->size, PROT_READ, MAP_SHARED, fd, 0);
    assert_ptr_not_equal(slots, MAP_FAILED);
    close(fd);
}

static void take_picture(void *owner, const struct bg_pvgpu_scanout *scanout)
{
    (void)owner;
    shown = *scanout;
}

static bool is_read(void *owner)
{
    (void)owner;
    return true;
}

static const struct pvgpu_display_ops display_ops = {
    .send_buffer = take_buffer, .show = take_picture, .is_read = is_read};

/* The first pixel of what a present of the texture shows. */
static uint32_t present(uint32_t id)
{
    struct bg_pvgpu_present command =
        COMMAND(struct bg_pvgpu_present, BG_PVGPU_CMD_PRESENT, 0, .backbuffer_id = id);
    uint32_t pixel;

    EXPECT(BG_PVGPU_OK, &command);
    memcpy(&pixel, slots + (uint64_t)shown.slot * display.slot_size, sizeof(pixel));
    pvgpu_display_take_back(&display, shown.buffer, shown.slot);
    return pixel;
}

/* One that holds the words of the heap's start. */
static void make_picture(void)
{
    make_texture(1, BG_PVGPU_FORMAT_R8G8B8A8_UNORM, 4, 4, 0);
    fill_texture(1, 0);
}

/* The same slots, whoever writes into them. */
static void test_pictures_go_on(void **state)
{
    uint32_t first;

    (void)state;
    memcpy(&first, heap, sizeof(first));
    pvgpu_display_init(&display, &display_ops, NULL);
    make_picture();
    assert_int_equal(present(1), first);
    draw_nothing(BG_PVGPU_OK);
    memset(heap, 0x33, 64);
    fill_texture(1, 0);
    assert_int_equal(present(1), 0x33333333);
    pvgpu_context_reset(&context);
    expect_moved(false);
    memset(heap, 0x44, 64);
    make_picture();
    assert_int_equal(present(1), 0x44444444);
    assert_int_equal(display.buffer, 1);
    munmap(slots, display.now.size);
    pvgpu_display_close(&display, &context);
}

/* After RESET all begins anew, and moves anew. */
static void test_reset(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        make_filled_texture(1, BG_PVGPU_RESOURCE_TEXTURE_2D, BG_PVGPU_FORMAT_R8G8B8A8_UNORM, 1, 1);
        draw_nothing(BG_PVGPU_OK);
        expect_contents(1, 0, 8 * 8 * 4);
        pvgpu_context_reset(&context);
        expect_moved(false);
        assert_int_equal(context.session->memory_used, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(test_stays_in_memory),
        TEST(test_resources_that_only_draws_have),
        TEST(test_views_that_only_draws_have),
        TEST(test_what_could_not_move),
        TEST(test_contents_move),
        TEST(test_large_contents_move),
        TEST(test_all_resources_move),
        TEST(test_draws_into_what_was_there),
        TEST(test_no_room_for_both),
        TEST(test_pictures_go_on),
        TEST(test_reset),
#undef TEST
    };

    return run_draw_tests("move", tests, sizeof(tests) / sizeof(tests[0]));
}
