/* SPDX-License-Identifier: BSD-2-Clause */
// build: $(PVGPU_VULKAN_SRC)
// libs: $(SPIRV_LIBS) -ldl -lseccomp
// needs: build/tests/shaders/flat.frag.spv build/tests/shaders/flat.vert.spv
// needs: build/tests/shaders/number.frag.spv build/tests/shaders/number.vert.spv
/* Draws in a row: what one command of the driver's draws is what each of them would. */
#include "tests/unit/mediator/pvgpu_draw_fixture.h"

#define MANY 1500u /* more than a run, and than a submission */

/* Triangles over everything. */
#define OVER_ALL(...)                                                                              \
    {{-1, 1, 0, 1}, {__VA_ARGS__}}, {{3, 1, 0, 1}, {__VA_ARGS__}},                                 \
    {                                                                                              \
        {-1, -3, 0, 1},                                                                            \
        {                                                                                          \
            __VA_ARGS__                                                                            \
        }                                                                                          \
    }

enum { AT_RED = 0, AT_GREEN = 3, AT_BLUE = 6 };

static const struct vertex triangles[] = {OVER_ALL(255, 0, 0, 255), OVER_ALL(0, 255, 0, 255),
                                          OVER_ALL(0, 0, 255, 255)};

static void use_triangles(void)
{
    static const uint16_t indices[] = {0, 1, 2, 3, 4, 5, 6, 7, 8};
    struct bg_pvgpu_set_index_buffer set =
        COMMAND(struct bg_pvgpu_set_index_buffer, BG_PVGPU_CMD_SET_INDEX_BUFFER, 0,
                .buffer_id = INDICES, .format = BG_PVGPU_FORMAT_R16_UINT);

    make_target(TARGET, BG_PVGPU_FORMAT_R8G8B8A8_UNORM);
    bind_targets(TARGET, 0, 0);
    use_flat_shaders();
    make_filled(VERTICES, BG_PVGPU_BIND_VERTEX_BUFFER, triangles, sizeof(triangles));
    bind_vertices(0, VERTICES, sizeof(struct vertex), 0);
    make_filled(INDICES, BG_PVGPU_BIND_INDEX_BUFFER, indices, sizeof(indices));
    GO(&set);
}

static void draw_indexed(uint32_t start, int32_t base)
{
    struct bg_pvgpu_draw_indexed draw =
        COMMAND(struct bg_pvgpu_draw_indexed, BG_PVGPU_CMD_DRAW_INDEXED, 0, .index_count = 3,
                .start_index = start, .base_vertex = base);

    GO(&draw);
}

static void draw_instances(uint32_t start, uint32_t count)
{
    struct bg_pvgpu_draw_instanced draw =
        COMMAND(struct bg_pvgpu_draw_instanced, BG_PVGPU_CMD_DRAW_INSTANCED, 0, .vertex_count = 3,
                .instance_count = count, .start_vertex = start);

    GO(&draw);
}

/* One pixel wide, the n-th of the columns. */
static void use_column(uint32_t n)
{
    set_viewport((float)n, 0, 1, SIDE);
}

/* The last of several draws is seen, whatever stands between them. */
static void test_order(void **state)
{
    static const uint32_t expected[SIDE] = {GREEN, BLUE, RED, GREEN, RED, BLUE, GREEN};
    const uint32_t *pixels;

    (void)state;
    use_triangles();
    use_column(0);
    draw_now(3, AT_RED);
    draw_now(3, AT_GREEN);
    use_column(1);
    draw_indexed(AT_RED, 0);
    draw_indexed(AT_RED, AT_BLUE);
    use_column(2); /* of indices and of vertices */
    draw_indexed(AT_BLUE, 0);
    draw_now(3, AT_RED);
    use_column(3);
    draw_now(3, AT_RED);
    draw_indexed(AT_GREEN, 0);
    use_column(4); /* of one instance, none, and more */
    draw_instances(AT_BLUE, 1);
    draw_instances(AT_RED, 2);
    draw_instances(AT_GREEN, 0);
    use_column(5); /* other vertices */
    draw_now(3, AT_RED);
    bind_vertices(0, VERTICES, sizeof(struct vertex), AT_BLUE * sizeof(struct vertex));
    draw_now(3, 0);
    bind_vertices(0, VERTICES, sizeof(struct vertex), 0);
    use_column(6); /* in another rendering */
    draw_now(3, AT_BLUE);
    bind_targets(TARGET, 0, 0);
    draw_now(3, AT_GREEN);
    pixels = read_pixels(TARGET);
    for (uint32_t i = 0; i < SIDE * SIDE; i++) {
        assert_int_equal(pixels[i], expected[i % SIDE]);
    }
}

static void test_many(void **state)
{
    (void)state;
    use_triangles();
    for (uint32_t i = 0; i < MANY; i++) {
        draw_now(3, i % 2 == 0 ? AT_RED : AT_BLUE);
    }
    draw_now(3, AT_GREEN);
    expect_pixels(TARGET, everywhere, GREEN);
}

/* Of primitives, and of draws: each draw's begin with 0. */
static void test_numbers_begin_anew(void **state)
{
    (void)state;
    use_triangles();
    make_shader(STATE, BG_PVGPU_STAGE_PIXEL, "number.frag");
    draw_now(3, AT_GREEN);
    draw_now(3, AT_GREEN);
    draw_indexed(AT_GREEN, 0);
    draw_indexed(AT_GREEN, 0);
    expect_pixels(TARGET, everywhere, RED);
    make_shader(STATE + 1, BG_PVGPU_STAGE_VERTEX, "number.vert");
    send_id(BG_PVGPU_CMD_DESTROY_SHADER, STATE);
    make_shader(STATE, BG_PVGPU_STAGE_PIXEL, "flat.frag");
    draw_now(3, AT_GREEN);
    draw_now(3, AT_GREEN);
    expect_pixels(TARGET, everywhere, RED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(test_order),
        TEST(test_many),
        TEST(test_numbers_begin_anew),
#undef TEST
    };

    return run_draw_tests("draws in a row", tests, sizeof(tests) / sizeof(tests[0]));
}
