/* SPDX-License-Identifier: BSD-2-Clause */
// build: $(PVGPU_VULKAN_SRC)
// libs: $(SPIRV_LIBS) -ldl -lseccomp
// needs: build/tests/shaders/flat.vert.spv build/tests/shaders/flat.frag.spv
/* Clears among draws, copies and other clears on Vulkan: each counts where it stands, and those
 * that a rendering can begin with cost no other. */
#include "tests/unit/mediator/pvgpu_draw_fixture.h"

#define SECOND_VIEW 50u /* of TARGET */

/* ---- What is recorded ---- */

static PFN_vkCmdBeginRendering begin_rendering;
static PFN_vkCmdPipelineBarrier2 pipeline_barrier;
static uint32_t renderings, barriers;

static VKAPI_ATTR void VKAPI_CALL count_rendering(VkCommandBuffer commands,
                                                  const VkRenderingInfo *info)
{
    renderings++;
    begin_rendering(commands, info);
}

static VKAPI_ATTR void VKAPI_CALL count_barrier(VkCommandBuffer commands,
                                                const VkDependencyInfo *info)
{
    barriers++;
    pipeline_barrier(commands, info);
}

static void start_counting(void)
{
    context.renderer->ops->finish(&context);
    renderings = barriers = 0;
}

static int setup_counted(void **state)
{
    begin_rendering = vulkan->vkCmdBeginRendering;
    pipeline_barrier = vulkan->vkCmdPipelineBarrier2;
    vulkan->vkCmdBeginRendering = count_rendering;
    vulkan->vkCmdPipelineBarrier2 = count_barrier;
    return setup(state);
}

static int teardown_counted(void **state)
{
    int result = teardown(state);

    vulkan->vkCmdBeginRendering = begin_rendering;
    vulkan->vkCmdPipelineBarrier2 = pipeline_barrier;
    return result;
}

/* ---- What is drawn ---- */

/* The hypotenuse runs through pixels' centres, which the top-left rule leaves out. */
static bool upper_left(uint32_t x, uint32_t y)
{
    return x + y < SIDE - 1;
}

static void clear_to(uint32_t view, float red, float green, float blue, float alpha)
{
    struct bg_pvgpu_clear_render_target command =
        COMMAND(struct bg_pvgpu_clear_render_target, BG_PVGPU_CMD_CLEAR_RENDER_TARGET, 0,
                .rtv = view, .colour = {red, green, blue, alpha});

    GO(&command);
}

static void clear_depth_to(uint32_t flags, float depth, uint32_t stencil)
{
    struct bg_pvgpu_clear_depth_stencil command =
        COMMAND(struct bg_pvgpu_clear_depth_stencil, BG_PVGPU_CMD_CLEAR_DEPTH_STENCIL, 0,
                .dsv = DEPTH, .clear_flags = flags, .depth = depth, .stencil = stencil);

    GO(&command);
}

/* A red triangle over the upper left half of what is bound, which is TARGET. */
static void use_triangle(void)
{
    static const struct vertex triangle[] = {
        {{-1, 1, 0, 1}, {255, 0, 0, 255}},
        {{1, 1, 0, 1}, {255, 0, 0, 255}},
        {{-1, -1, 0, 1}, {255, 0, 0, 255}},
    };

    make_target(TARGET, BG_PVGPU_FORMAT_R8G8B8A8_UNORM);
    bind_targets(TARGET, 0, 0);
    use_flat_shaders();
    make_filled(VERTICES, BG_PVGPU_BIND_VERTEX_BUFFER, triangle, sizeof(triangle));
    bind_vertices(0, VERTICES, sizeof(struct vertex), 0);
}

static void expect_triangle_on(uint32_t id, uint32_t background)
{
    const uint32_t *pixels = read_pixels(id);

    for (uint32_t i = 0; i < SIDE * SIDE; i++) {
        assert_int_equal(pixels[i], upper_left(i % SIDE, i / SIDE) ? RED : background);
    }
}

/* ---- Tests ---- */

static void test_a_rendering_begins_with_them(void **state)
{
    (void)state;
    use_triangle();
    make_depth(BG_PVGPU_FORMAT_D32_FLOAT, 0, 0);
    bind_targets(TARGET, 0, DEPTH);
    draw_now(3, 0);
    start_counting();
    clear_to(TARGET, 0, 1, 0, 1);
    clear_depth_to(BG_PVGPU_CLEAR_DEPTH, 1, 0);
    draw_now(3, 0);
    context.renderer->ops->finish(&context);
    assert_int_equal(renderings, 1);
    assert_in_range(barriers, 0, 1); /* behind the first draw */
    expect_triangle_on(TARGET, GREEN);
}

static void test_the_last_counts(void **state)
{
    struct bg_pvgpu_create_view second =
        COMMAND(struct bg_pvgpu_create_view, BG_PVGPU_CMD_CREATE_RENDER_TARGET_VIEW, SECOND_VIEW,
                .resource_id = TARGET);

    (void)state;
    make_target(TARGET, BG_PVGPU_FORMAT_R8G8B8A8_UNORM);
    GO(&second);
    clear_to(TARGET, 1, 0, 0, 1);
    clear_to(TARGET, 0, 1, 0, 1);
    expect_pixels(TARGET, everywhere, GREEN);
    clear_to(TARGET, 1, 0, 0, 1);
    clear_to(SECOND_VIEW, 0, 0, 1, 1);
    expect_pixels(TARGET, everywhere, BLUE);
    clear_to(SECOND_VIEW, 1, 0, 0, 1);
    clear_to(TARGET, 0, 1, 0, 1);
    expect_pixels(TARGET, everywhere, GREEN);
}

static void test_among_draws(void **state)
{
    (void)state;
    use_triangle();
    clear_to(TARGET, 0, 0, 1, 1);
    draw_now(3, 0);
    expect_triangle_on(TARGET, BLUE);
    clear_to(TARGET, 0, 1, 0, 1);
    expect_pixels(TARGET, everywhere, GREEN);
    draw_now(3, 0);
    clear_to(TARGET, 0, 0, 1, 1);
    draw_now(3, 0);
    expect_triangle_on(TARGET, BLUE);
}

static void test_of_what_is_not_bound(void **state)
{
    (void)state;
    use_triangle();
    make_target(SECOND_TARGET, BG_PVGPU_FORMAT_R8G8B8A8_UNORM);
    clear_to(SECOND_TARGET, 0, 0, 1, 1);
    clear_to(TARGET, 0, 1, 0, 1);
    draw_now(3, 0);
    expect_triangle_on(TARGET, GREEN);
    expect_pixels(SECOND_TARGET, everywhere, BLUE);
    clear_to(SECOND_TARGET, 0, 1, 0, 1); /* before it is bound */
    bind_targets(SECOND_TARGET, 0, 0);
    draw_now(3, 0);
    expect_triangle_on(SECOND_TARGET, GREEN);
}

/* A rendering has as many layers as all of its targets have; a clear has its view's. */
static void test_beside_a_target_of_fewer_layers(void **state)
{
    struct bg_pvgpu_create_resource layers =
        texture(SECOND_TARGET, BG_PVGPU_FORMAT_R8G8B8A8_UNORM, SIDE, SIDE);
    struct bg_pvgpu_update_resource read =
        transfer(BG_PVGPU_CMD_READ_RESOURCE, SECOND_TARGET, HEAP_SIZE - SIDE * SIDE * 4);

    (void)state;
    use_triangle();
    layers.depth = 2;
    layers.bind_flags = BG_PVGPU_BIND_RENDER_TARGET;
    GO(&layers);
    make_view_of(BG_PVGPU_CMD_CREATE_RENDER_TARGET_VIEW, SECOND_TARGET);
    bind_targets(TARGET, SECOND_TARGET, 0);
    clear_to(TARGET, 0, 0, 1, 1);
    clear_to(SECOND_TARGET, 0, 1, 0, 1);
    draw_now(3, 0);
    expect_triangle_on(TARGET, BLUE);
    expect_pixels(SECOND_TARGET, everywhere, GREEN); /* the shader does not write it */
    read.subresource = 1;
    EXPECT(BG_PVGPU_OK, &read);
    for (uint32_t i = 0; i < SIDE * SIDE; i++) {
        assert_int_equal(((const uint32_t *)(heap + HEAP_SIZE - SIDE * SIDE * 4))[i], GREEN);
    }
}

static void test_of_a_view_that_goes(void **state)
{
    struct bg_pvgpu_command destroy_view = {BG_PVGPU_CMD_DESTROY_RENDER_TARGET_VIEW,
                                            sizeof(destroy_view), TARGET, 0};

    (void)state;
    make_target(TARGET, BG_PVGPU_FORMAT_R8G8B8A8_UNORM);
    clear_to(TARGET, 0, 1, 0, 1);
    GO(&destroy_view);
    expect_pixels(TARGET, everywhere, GREEN);
}

/* One aspect each, of one view: neither undoes the other. */
static void test_depth_then_stencil(void **state)
{
    (void)state;
    use_triangle();
    make_depth(BG_PVGPU_FORMAT_D24_UNORM_S8_UINT, 1, 0);
    bind_targets(TARGET, 0, DEPTH);
    clear_to(TARGET, 0, 1, 0, 1);
    clear_depth_to(BG_PVGPU_CLEAR_DEPTH, 0, 0);
    clear_depth_to(BG_PVGPU_CLEAR_STENCIL, 1, 7);
    draw_now(3, 0); /* nothing is nearer than 0 */
    expect_pixels(TARGET, everywhere, GREEN);
    clear_depth_to(BG_PVGPU_CLEAR_DEPTH, 1, 0);
    draw_now(3, 0);
    expect_triangle_on(TARGET, GREEN);
}

/* ---- Submissions ---- */

/* What nobody on the host reads ends without a barrier, for which drivers wait. */
static void test_only_what_the_host_reads_is_waited_for(void **state)
{
    (void)state;
    use_triangle();
    draw_now(3, 0); /* of which a driver may compile the shaders */
    context.renderer->ops->finish(&context);
    start_counting();
    draw_now(3, 0);
    context.renderer->ops->finish(&context);
    assert_int_equal(barriers, 1); /* between the draws */
    read_pixels(TARGET);
    assert_int_equal(barriers,
                     3); /* between the draw and the copy, between the copy and the host */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_counted, teardown_counted)
        TEST(test_a_rendering_begins_with_them),
        TEST(test_the_last_counts),
        TEST(test_among_draws),
        TEST(test_of_what_is_not_bound),
        TEST(test_beside_a_target_of_fewer_layers),
        TEST(test_of_a_view_that_goes),
        TEST(test_depth_then_stencil),
        TEST(test_only_what_the_host_reads_is_waited_for),
#undef TEST
    };

    return run_draw_tests("clears", tests, sizeof(tests) / sizeof(tests[0]));
}
