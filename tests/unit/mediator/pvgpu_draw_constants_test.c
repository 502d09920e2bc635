/* SPDX-License-Identifier: BSD-2-Clause */
// build: $(PVGPU_VULKAN_SRC)
// libs: $(SPIRV_LIBS) -ldl -lseccomp
// needs: build/tests/shaders/constants.vert.spv build/tests/shaders/flat.frag.spv
/* Constants that change from draw to draw: each draw has its own, and nothing stands between them.
 */
#include "host/mediator/pvgpu/vulkan/recorder.h"
#include "tests/unit/mediator/pvgpu_draw_fixture.h"

#define SIZE 1024u  /* of the buffer */
#define MANY 3000u  /* updates: more than a batch has room for */
#define OTHER WORDS /* a second buffer */

/* The same colour in a pixel, and in the heap as constants.vert has it. */
static const struct {
    uint32_t pixel;
    float colour[4];
} colours[] = {{RED, {1, 0, 0, 1}}, {GREEN, {0, 1, 0, 1}}, {BLUE, {0, 0, 1, 1}}};

enum { AT_RED, AT_GREEN, AT_BLUE, COLOURS };

/* A colour for each; the buffer is red. */
static void use_constants(void)
{
    static float red[SIZE / sizeof(float)] = {1, 0, 0, 1};

    make_target(TARGET, BG_PVGPU_FORMAT_R8G8B8A8_UNORM);
    bind_targets(TARGET, 0, 0);
    make_shader(VERTEX_SHADER, BG_PVGPU_STAGE_VERTEX, "constants.vert");
    make_shader(PIXEL_SHADER, BG_PVGPU_STAGE_PIXEL, "flat.frag");
    set_topology(BG_PVGPU_TOPOLOGY_TRIANGLE_LIST);
    set_rasterizer(both_sides());
    make_filled(CONSTANTS, BG_PVGPU_BIND_CONSTANT_BUFFER, red, sizeof(red));
    bind_constants(BG_PVGPU_STAGE_VERTEX, 1, CONSTANTS, 0);
    memset(heap, 0, COLOURS * SIZE);
    for (uint32_t i = 0; i < COLOURS; i++) {
        memcpy(heap + i * SIZE, colours[i].colour, sizeof(colours[i].colour));
    }
}

static void update(uint32_t id, uint32_t colour)
{
    struct bg_pvgpu_update_resource command =
        transfer(BG_PVGPU_CMD_UPDATE_RESOURCE, id, colour * SIZE);

    GO(&command);
}

static void draw_column(uint32_t n)
{
    set_viewport((float)n, 0, 1, SIDE);
    draw_now(3, 0);
}

/* The n-th of the columns is of the n-th of these; what is behind them is 0. */
static void expect_columns(const uint32_t *expected, uint32_t count)
{
    const uint32_t *pixels = read_pixels(TARGET);

    for (uint32_t i = 0; i < SIDE * SIDE; i++) {
        assert_int_equal(pixels[i], i % SIDE < count ? colours[expected[i % SIDE]].pixel : 0);
    }
}

static void test_one_rendering(void **state)
{
    static const uint32_t expected[] = {AT_RED, AT_GREEN, AT_BLUE, AT_RED, AT_RED, AT_GREEN};
    const struct vulkan_renderer *renderer;
    uint64_t epoch;

    (void)state;
    use_constants();
    renderer = vulkan_of(&context);
    draw_column(0);
    epoch = renderer->epoch;
    for (uint32_t i = 1; i < 6; i++) {
        if (i != 4) { /* which has the ones before */
            update(CONSTANTS, expected[i]);
        }
        assert_true(renderer->rendering);
        draw_column(i);
    }
    assert_int_equal(renderer->epoch, epoch);
    expect_columns(expected, 6);
}

/* What was written last is there in the next submission, to be read, and to be copied. */
static void test_later(void **state)
{
    static const uint32_t expected[] = {AT_RED, AT_GREEN, AT_GREEN, AT_BLUE, AT_BLUE};
    struct bg_pvgpu_copy_resource copy =
        COMMAND(struct bg_pvgpu_copy_resource, BG_PVGPU_CMD_COPY_RESOURCE, 0, .dst = OTHER,
                .src = CONSTANTS);
    struct bg_pvgpu_update_resource read =
        transfer(BG_PVGPU_CMD_READ_RESOURCE, CONSTANTS, COLOURS * SIZE);

    (void)state;
    use_constants();
    make_filled(OTHER, BG_PVGPU_BIND_CONSTANT_BUFFER, heap + AT_GREEN * SIZE, SIZE);
    memcpy(heap, colours[AT_RED].colour, sizeof(colours[AT_RED].colour));
    draw_column(0);
    update(CONSTANTS, AT_GREEN);
    draw_column(1);
    context.renderer->ops->submit(&context);
    draw_column(2);
    update(CONSTANTS, AT_BLUE);
    GO(&copy);
    GO(&read);
    bind_constants(BG_PVGPU_STAGE_VERTEX, 1, OTHER, 0);
    draw_column(3);
    bind_constants(BG_PVGPU_STAGE_VERTEX, 1, CONSTANTS, 0);
    draw_column(4);
    expect_columns(expected, 5);
    assert_memory_equal(heap + COLOURS * SIZE, heap + AT_BLUE * SIZE, SIZE);
}

/* A part of the buffer, and a command before and behind: none sees another's. */
static void test_part(void **state)
{
    static const uint32_t expected[] = {AT_RED, AT_GREEN, AT_BLUE, AT_GREEN};
    struct bg_pvgpu_update_resource part =
        transfer(BG_PVGPU_CMD_UPDATE_RESOURCE, CONSTANTS, AT_BLUE * SIZE);

    (void)state;
    use_constants();
    part.data_size = part.width = 16;
    draw_column(0);
    update(CONSTANTS, AT_GREEN);
    draw_column(1);
    GO(&part);
    draw_column(2);
    update(CONSTANTS, AT_GREEN);
    draw_column(3);
    expect_columns(expected, 4);
}

static void test_destroyed(void **state)
{
    static const uint32_t expected[] = {AT_RED, AT_GREEN};

    (void)state;
    use_constants();
    draw_column(0);
    update(CONSTANTS, AT_GREEN);
    draw_column(1);
    update(CONSTANTS, AT_BLUE);
    destroy(CONSTANTS);
    draw_column(2); /* none is bound: zeroes */
    expect_columns(expected, 2);
}

/* Their memory goes in the middle of a batch: the next ones have other memory. */
static void test_discarded(void **state)
{
    static const uint32_t expected[] = {AT_RED, AT_GREEN, AT_BLUE};

    (void)state;
    use_constants();
    draw_column(0);
    update(CONSTANTS, AT_GREEN);
    draw_column(1);
    vulkan_settle_all(vulkan_of(&context));
    vulkan_discard_constants(vulkan_of(&context));
    draw_column(1);
    update(CONSTANTS, AT_BLUE);
    draw_column(2);
    expect_columns(expected, 3);
}

static void test_many(void **state)
{
    uint32_t expected[SIDE];

    (void)state;
    use_constants();
    for (uint32_t i = 0; i < MANY; i++) {
        expected[i % SIDE] = i % COLOURS;
        update(CONSTANTS, i % COLOURS);
        draw_column(i % SIDE);
    }
    expect_columns(expected, SIDE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(test_one_rendering), TEST(test_later),     TEST(test_part),
        TEST(test_destroyed),     TEST(test_discarded), TEST(test_many),
#undef TEST
    };

    return run_draw_tests("constants between draws", tests, sizeof(tests) / sizeof(tests[0]));
}
