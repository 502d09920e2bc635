/* SPDX-License-Identifier: BSD-2-Clause */
// build: $(PVGPU_VULKAN_SRC)
// libs: $(SPIRV_LIBS) -ldl -lseccomp
// needs: build/tests/shaders/flat.frag.spv build/tests/shaders/flat.vert.spv
// needs: build/tests/shaders/move.comp.spv build/tests/shaders/patch.tesc.spv
// needs: build/tests/shaders/patch.tese.spv build/tests/shaders/point.geom.spv
// needs: build/tests/shaders/place.vert.spv
/* Draws and dispatches on Vulkan, pixel by pixel: vertices, stages, and what is refused. */
#include "tests/unit/mediator/pvgpu_draw_fixture.h"

/* The hypotenuse runs through pixels' centres, which the top-left rule leaves out. */
static const struct vertex triangle[] = {
    {{-1, 1, 0, 1}, {255, 0, 0, 255}},
    {{1, 1, 0, 1}, {255, 0, 0, 255}},
    {{-1, -1, 0, 1}, {255, 0, 0, 255}},
};

static bool upper_left(uint32_t x, uint32_t y)
{
    return x + y < SIDE - 1;
}

static void test_triangle(void **state)
{
    (void)state;
    make_target(TARGET, BG_PVGPU_FORMAT_R8G8B8A8_UNORM);
    bind_targets(TARGET, 0, 0);
    use_flat_shaders();
    make_filled(VERTICES, BG_PVGPU_BIND_VERTEX_BUFFER, triangle, sizeof(triangle));
    bind_vertices(0, VERTICES, sizeof(struct vertex), 0);
    draw_now(3, 0);
    expect_pixels(TARGET, upper_left, RED);
}

/* ---- Vertices, indices, instances ---- */

/* A target, the flat shaders, and a triangle at vertex 5 of a larger buffer. */
static void use_triangle(void)
{
    struct vertex vertices[8] = {{{0}, {0}}};

    memcpy(&vertices[5], triangle, sizeof(triangle));
    make_target(TARGET, BG_PVGPU_FORMAT_R8G8B8A8_UNORM);
    bind_targets(TARGET, 0, 0);
    use_flat_shaders();
    make_filled(VERTICES, BG_PVGPU_BIND_VERTEX_BUFFER, vertices, sizeof(vertices));
    bind_vertices(0, VERTICES, sizeof(struct vertex), 0);
}

static void clear(void)
{
    struct bg_pvgpu_clear_render_target command = COMMAND(
        struct bg_pvgpu_clear_render_target, BG_PVGPU_CMD_CLEAR_RENDER_TARGET, 0, .rtv = TARGET);

    GO(&command);
}

static void bind_indices(const void *indices, uint32_t size, uint32_t format, uint32_t offset)
{
    struct bg_pvgpu_set_index_buffer set =
        COMMAND(struct bg_pvgpu_set_index_buffer, BG_PVGPU_CMD_SET_INDEX_BUFFER, 0,
                .buffer_id = INDICES, .format = format, .offset = offset);

    if (pvgpu_resource_find(&context, INDICES) != NULL) {
        destroy(INDICES);
    }
    make_filled(INDICES, BG_PVGPU_BIND_INDEX_BUFFER, indices, size);
    GO(&set);
}

static void draw_indexed(uint32_t count, uint32_t start, int32_t base)
{
    struct bg_pvgpu_draw_indexed draw =
        COMMAND(struct bg_pvgpu_draw_indexed, BG_PVGPU_CMD_DRAW_INDEXED, 0, .index_count = count,
                .start_index = start, .base_vertex = base);

    GO(&draw);
}

static void test_start_vertex_and_offsets(void **state)
{
    (void)state;
    use_triangle();
    draw_now(3, 0); /* no side */
    expect_pixels(TARGET, nowhere, RED);
    draw_now(3, 5);
    expect_pixels(TARGET, upper_left, RED);
    clear();
    bind_vertices(0, VERTICES, sizeof(struct vertex), 2 * sizeof(struct vertex));
    draw_now(3, 3);
    expect_pixels(TARGET, upper_left, RED);
    clear();
    draw_now(0, 3);
    draw_now(3, 0x7FFFFFFF); /* beyond the buffer: zeroes */
    expect_pixels(TARGET, nowhere, RED);
}

static void test_indices(void **state)
{
    static const uint16_t narrow[] = {9, 7, 3, 4, 5};
    static const uint32_t wide[] = {0x10005, 5, 6, 7};

    (void)state;
    use_triangle();
    bind_indices(narrow, sizeof(narrow), BG_PVGPU_FORMAT_R16_UINT, 2);
    draw_indexed(3, 1, 2);
    expect_pixels(TARGET, upper_left, RED);
    clear();
    bind_indices(wide, sizeof(wide), BG_PVGPU_FORMAT_R32_UINT, 0);
    draw_indexed(3, 1, 0);
    expect_pixels(TARGET, upper_left, RED);
    clear();
    draw_indexed(3, 0, 0);          /* a vertex that is far away */
    draw_indexed(3, 1, -2000000);   /* and below the start */
    draw_indexed(3, 0xFFFFFFF0, 0); /* indices beyond their buffer */
    assert_int_equal(context.renderer->ops->finish(&context).code, BG_PVGPU_OK);
}

/* Two triangles that share a side, by a strip that begins anew. */
static void test_strip_begins_anew(void **state)
{
    static const uint16_t indices[] = {5, 6, 7, 0xFFFF, 5, 6, 7};

    (void)state;
    use_triangle();
    set_topology(BG_PVGPU_TOPOLOGY_TRIANGLE_STRIP);
    bind_indices(indices, sizeof(indices), BG_PVGPU_FORMAT_R16_UINT, 0);
    draw_indexed(7, 0, 0);
    expect_pixels(TARGET, upper_left, RED);
    set_topology(BG_PVGPU_TOPOLOGY_TRIANGLE_LIST);
    clear();
    draw_indexed(3, 4, 0);
    expect_pixels(TARGET, upper_left, RED);
}

/* Rows of 4 x 4 pixels: the place from a buffer by vertex, the row from one by instance. */
static bool lower_rows(uint32_t x, uint32_t y)
{
    (void)x;
    return y >= 8;
}

static void test_instances(void **state)
{
    static const float corners[][4] = {
        {-1, 1, 0, 1}, {3, 1, 0, 1}, {-1, -3, 0, 1}}; /* over everything */
    static const uint8_t colours[][4] = {{9, 9, 9, 9}, {255, 0, 0, 255}, {0, 255, 0, 255}};
    static const struct bg_pvgpu_input_element elements[] = {
        {0, 0, BG_PVGPU_FORMAT_R32G32B32A32_FLOAT, 2, 0, 0, 0},
        {0, 0, BG_PVGPU_FORMAT_R8G8B8A8_UNORM, 7, 0, BG_PVGPU_PER_INSTANCE_DATA, 2},
    };
    struct bg_pvgpu_draw_instanced draw =
        COMMAND(struct bg_pvgpu_draw_instanced, BG_PVGPU_CMD_DRAW_INSTANCED, 0, .vertex_count = 3,
                .instance_count = 2, .start_instance = 1);

    (void)state;
    make_target(TARGET, BG_PVGPU_FORMAT_R8G8B8A8_UNORM);
    bind_targets(TARGET, 0, 0);
    make_shader(VERTEX_SHADER, BG_PVGPU_STAGE_VERTEX, "flat.vert");
    make_shader(PIXEL_SHADER, BG_PVGPU_STAGE_PIXEL, "flat.frag");
    make_layout(elements, 2);
    set_topology(BG_PVGPU_TOPOLOGY_TRIANGLE_LIST);
    set_viewport(0, 8, SIDE, 8);
    make_filled(VERTICES, BG_PVGPU_BIND_VERTEX_BUFFER, corners, sizeof(corners));
    make_filled(INSTANCES, BG_PVGPU_BIND_VERTEX_BUFFER, colours, sizeof(colours));
    bind_vertices(2, VERTICES, 16, 0);
    bind_vertices(7, INSTANCES, 4, 0);
    GO(&draw); /* both have the element behind the start */
    expect_pixels(TARGET, lower_rows, RED);
    draw.instance_count = 3;
    GO(&draw); /* the third one the next, on top: its depth is not tested without a target */
    expect_pixels(TARGET, lower_rows, GREEN);
}

/* Programs of others create layouts and set none. */
static void test_layout_that_is_not_set(void **state)
{
    static const struct bg_pvgpu_input_element elements[] = {
        {0, 0, BG_PVGPU_FORMAT_R32G32B32A32_FLOAT, 0, 0, 0, 0},
        {0, 0, BG_PVGPU_FORMAT_R8G8B8A8_UNORM, 0, 16, 0, 0},
    };
    struct bg_pvgpu_create_input_layout create =
        COMMAND(struct bg_pvgpu_create_input_layout, BG_PVGPU_CMD_CREATE_INPUT_LAYOUT, 0,
                .layout_id = LAYOUT, .count = 1, .elements = {elements[0]});
    struct bg_pvgpu_draw draw = draw_of_vertices(3, 0);

    (void)state;
    make_target(TARGET, BG_PVGPU_FORMAT_R8G8B8A8_UNORM);
    bind_targets(TARGET, 0, 0);
    make_shader(VERTEX_SHADER, BG_PVGPU_STAGE_VERTEX, "flat.vert");
    make_shader(PIXEL_SHADER, BG_PVGPU_STAGE_PIXEL, "flat.frag");
    set_topology(BG_PVGPU_TOPOLOGY_TRIANGLE_LIST);
    set_viewport(0, 0, SIDE, SIDE);
    make_filled(VERTICES, BG_PVGPU_BIND_VERTEX_BUFFER, triangle, sizeof(triangle));
    bind_vertices(0, VERTICES, sizeof(struct vertex), 0);
    GO(&create);
    REFUSED(BG_PVGPU_ERROR_INVALID_PARAMETER, &draw); /* it lacks the colour */
    create.layout_id = LAYOUT + 50;
    create.count = 2;
    create.elements[1] = elements[1];
    GO(&create);
    GO(&draw); /* the newest */
    expect_pixels(TARGET, upper_left, RED);
    send_id(BG_PVGPU_CMD_SET_INPUT_LAYOUT, LAYOUT);
    REFUSED(BG_PVGPU_ERROR_INVALID_PARAMETER, &draw);
    create.layout_id = LAYOUT + 51;
    GO(&create);
    REFUSED(BG_PVGPU_ERROR_INVALID_PARAMETER, &draw); /* it stays set */
}

/* ---- Other stages, and samples ---- */

/* A dispatch moves a triangle's corners, which are drawn then; and counts its groups in a picture.
 */
static void test_dispatch(void **state)
{
    static const float from[4][4] = {{-2, 1, 0, 0}, {0, 1, 0, 0}, {-2, -1, 0, 0}, {0}};
    static const float step[4] = {1, 0, 0, 1};
    static const struct bg_pvgpu_input_element elements[] = {
        {0, 0, BG_PVGPU_FORMAT_R32G32B32A32_FLOAT, 0, 0, 0, 0},
        {0, 0, BG_PVGPU_FORMAT_R32G32B32A32_FLOAT, 1, 0, BG_PVGPU_PER_INSTANCE_DATA, 0},
    };
    static const float colour[4] = {1, 0, 0, 1};
    struct bg_pvgpu_dispatch dispatch = COMMAND(struct bg_pvgpu_dispatch, BG_PVGPU_CMD_DISPATCH, 0,
                                                .groups_x = 1, .groups_y = 3, .groups_z = 2);
    struct bg_pvgpu_create_resource picture =
        texture(PICTURE, BG_PVGPU_FORMAT_R32_UINT, SIDE, SIDE);
    const uint32_t *counts;

    (void)state;
    make_target(TARGET, BG_PVGPU_FORMAT_R8G8B8A8_UNORM);
    bind_targets(TARGET, 0, 0);
    make_shader(COMPUTE_SHADER, BG_PVGPU_STAGE_COMPUTE, "move.comp");
    make_shader(VERTEX_SHADER, BG_PVGPU_STAGE_VERTEX, "flat.vert");
    make_shader(PIXEL_SHADER, BG_PVGPU_STAGE_PIXEL, "flat.frag");
    make_layout(elements, 2);
    set_topology(BG_PVGPU_TOPOLOGY_TRIANGLE_LIST);
    set_viewport(0, 0, SIDE, SIDE);
    make_filled(WORDS, BG_PVGPU_BIND_SHADER_RESOURCE, from, sizeof(from));
    make_view_of(BG_PVGPU_CMD_CREATE_SHADER_RESOURCE_VIEW, WORDS);
    make_filled(VERTICES, BG_PVGPU_BIND_VERTEX_BUFFER | BG_PVGPU_BIND_UNORDERED_ACCESS, from,
                sizeof(from));
    make_view_of(BG_PVGPU_CMD_CREATE_UNORDERED_ACCESS_VIEW, VERTICES);
    picture.bind_flags = BG_PVGPU_BIND_UNORDERED_ACCESS;
    GO(&picture);
    make_view_of(BG_PVGPU_CMD_CREATE_UNORDERED_ACCESS_VIEW, PICTURE);
    make_filled(INSTANCES, BG_PVGPU_BIND_VERTEX_BUFFER, colour, sizeof(colour));
    make_filled(CONSTANTS, BG_PVGPU_BIND_CONSTANT_BUFFER, step, sizeof(step));
    bind_constants(BG_PVGPU_STAGE_COMPUTE, 3, CONSTANTS, 0);
    set_views(BG_PVGPU_CMD_SET_SHADER_RESOURCE, BG_PVGPU_STAGE_COMPUTE, 0, WORDS, 0);
    set_views(BG_PVGPU_CMD_SET_UNORDERED_ACCESS, BG_PVGPU_STAGE_COMPUTE, 0, VERTICES, 0);
    set_views(BG_PVGPU_CMD_SET_UNORDERED_ACCESS, BG_PVGPU_STAGE_COMPUTE, 2, PICTURE, 0);
    bind_vertices(0, VERTICES, 16, 0);
    bind_vertices(1, INSTANCES, 16, 0);
    GO(&dispatch);
    GO(&dispatch);
    draw_now(3, 0);
    expect_pixels(TARGET, upper_left, RED);
    counts = read_pixels(PICTURE);
    for (uint32_t i = 0; i < SIDE * SIDE; i++) {
        assert_int_equal(counts[i], i % SIDE == 0 && i / SIDE < 3 ? 4 * 2 * 2 : 0);
    }
    dispatch.groups_y = 65536;
    REFUSED(BG_PVGPU_ERROR_INVALID_PARAMETER, &dispatch);
    set_views(BG_PVGPU_CMD_SET_UNORDERED_ACCESS, BG_PVGPU_STAGE_COMPUTE, 0, 0, 0);
    dispatch.groups_y = 1;
    GO(&dispatch); /* writes to nothing */
}

/* A line through the middle of 4 samples is half a pixel's, and the corner a quarter's. */
static void test_samples(void **state)
{
    struct bg_pvgpu_create_resource create =
        texture(SECOND_TARGET, BG_PVGPU_FORMAT_R8G8B8A8_UNORM, SIDE, SIDE);
    struct bg_pvgpu_copy_resource resolve =
        COMMAND(struct bg_pvgpu_copy_resource, BG_PVGPU_CMD_COPY_RESOURCE, 0, .dst = TARGET,
                .src = SECOND_TARGET);
    const uint32_t *pixels;

    (void)state;
    use_triangle();
    create.sample_count = 4;
    create.bind_flags = BG_PVGPU_BIND_RENDER_TARGET;
    GO(&create);
    make_view_of(BG_PVGPU_CMD_CREATE_RENDER_TARGET_VIEW, SECOND_TARGET);
    bind_targets(SECOND_TARGET, 0, 0);
    set_viewport(0.5f, 0, SIDE, SIDE);
    draw_now(3, 5);
    GO(&resolve);
    pixels = read_pixels(TARGET);
    assert_int_equal(pixels[0] & 0xFF, 128); /* the left side runs through it */
    assert_int_equal(pixels[1], RED);
    assert_int_equal(pixels[SIDE * SIDE - 1], 0);
}

/* Of four samples, those of the mask; of one, the mask's first. */
static void test_sample_masks(void **state)
{
    struct bg_pvgpu_create_resource create =
        texture(SECOND_TARGET, BG_PVGPU_FORMAT_R8G8B8A8_UNORM, SIDE, SIDE);
    struct bg_pvgpu_copy_resource resolve =
        COMMAND(struct bg_pvgpu_copy_resource, BG_PVGPU_CMD_COPY_RESOURCE, 0, .dst = TARGET,
                .src = SECOND_TARGET);
    struct bg_pvgpu_clear_render_target empty =
        COMMAND(struct bg_pvgpu_clear_render_target, BG_PVGPU_CMD_CLEAR_RENDER_TARGET, 0,
                .rtv = SECOND_TARGET);
    struct bg_pvgpu_set_blend_state set =
        COMMAND(struct bg_pvgpu_set_blend_state, BG_PVGPU_CMD_SET_BLEND_STATE, 0);

    (void)state;
    use_triangle();
    create.sample_count = 4;
    create.bind_flags = BG_PVGPU_BIND_RENDER_TARGET;
    GO(&create);
    make_view_of(BG_PVGPU_CMD_CREATE_RENDER_TARGET_VIEW, SECOND_TARGET);
    for (uint32_t mask = 0; mask < 16; mask += 5) { /* each is a pipeline, of which few are paid */
        uint32_t samples = (uint32_t)__builtin_popcount(mask);

        set.sample_mask = mask | 0xFFF0;
        GO(&set);
        GO(&empty);
        bind_targets(SECOND_TARGET, 0, 0);
        draw_now(3, 5);
        GO(&resolve);
        assert_in_range(read_pixels(TARGET)[1] & 0xFF, samples * 255 / 4, (samples * 255 + 3) / 4);
    }
    clear();
    bind_targets(TARGET, 0, 0);
    set.sample_mask = 0xFFFFFFFE;
    GO(&set);
    draw_now(3, 5);
    expect_pixels(TARGET, nowhere, RED);
}

static bool right_half(uint32_t x, uint32_t y)
{
    return x >= 8 && y < 8;
}

static void test_geometry(void **state)
{
    static const struct vertex point = {{0, 1, 0, 1}, {255, 0, 0, 255}};
    struct bg_pvgpu_draw draw = draw_of_vertices(1, 0);

    (void)state;
    use_triangle();
    destroy(VERTICES);
    make_filled(VERTICES, BG_PVGPU_BIND_VERTEX_BUFFER, &point, sizeof(point));
    bind_vertices(0, VERTICES, sizeof(point), 0);
    make_shader(STATE + 1, BG_PVGPU_STAGE_GEOMETRY, "point.geom");
    REFUSED(BG_PVGPU_ERROR_INVALID_PARAMETER, &draw); /* it takes points, not triangles */
    set_topology(BG_PVGPU_TOPOLOGY_POINT_LIST);
    draw_now(1, 0);
    expect_pixels(TARGET, right_half, RED);
}

static bool two_points(uint32_t x, uint32_t y)
{
    return (x == 3 && y == 5) || (x == 12 && y == 9);
}

static void test_points(void **state)
{
    static const struct vertex points[] = {{{-0.5625f, 0.3125f, 0, 1}, {255, 0, 0, 255}},
                                           {{0.5625f, -0.1875f, 0, 1}, {255, 0, 0, 255}}};
    const char *const shaders[] = {"flat.vert", "place.vert"};

    (void)state;
    use_triangle();
    destroy(VERTICES);
    make_filled(VERTICES, BG_PVGPU_BIND_VERTEX_BUFFER, points, sizeof(points));
    bind_vertices(0, VERTICES, sizeof(points[0]), 0);
    set_topology(BG_PVGPU_TOPOLOGY_POINT_LIST);
    for (uint32_t i = 0; i < 2; i++) {
        clear();
        make_shader(STATE + 1 + i, BG_PVGPU_STAGE_VERTEX, shaders[i]);
        draw_now(2, 0);
        expect_pixels(TARGET, two_points, RED);
    }
}

static void test_tessellation(void **state)
{
    struct bg_pvgpu_draw draw = draw_of_vertices(3, 5);

    (void)state;
    use_triangle();
    make_shader(STATE + 1, BG_PVGPU_STAGE_HULL, "patch.tesc");
    REFUSED(BG_PVGPU_ERROR_INVALID_PARAMETER, &draw); /* half of it */
    make_shader(STATE + 2, BG_PVGPU_STAGE_DOMAIN, "patch.tese");
    REFUSED(BG_PVGPU_ERROR_INVALID_PARAMETER, &draw); /* triangles are no patches */
    set_topology(BG_PVGPU_TOPOLOGY_PATCH_1 + 2);
    set_rasterizer(both_sides());
    draw_now(3, 5);
    expect_pixels(TARGET, upper_left, RED);
}

/* ---- What is wrong ---- */

static void test_incomplete_pipelines(void **state)
{
    struct bg_pvgpu_draw draw = draw_of_vertices(3, 0);
    struct bg_pvgpu_draw_indexed indexed =
        COMMAND(struct bg_pvgpu_draw_indexed, BG_PVGPU_CMD_DRAW_INDEXED, 0, .index_count = 3);
    struct bg_pvgpu_dispatch dispatch =
        COMMAND(struct bg_pvgpu_dispatch, BG_PVGPU_CMD_DISPATCH, 0, .groups_x = 1);

    (void)state;
    REFUSED(BG_PVGPU_ERROR_INVALID_PARAMETER, &draw); /* nothing at all */
    REFUSED(BG_PVGPU_ERROR_INVALID_PARAMETER, &dispatch);
    use_triangle();
    draw_now(3, 5);
    REFUSED(BG_PVGPU_ERROR_INVALID_PARAMETER, &indexed); /* no indices */
    bind_vertices(0, VERTICES, sizeof(struct vertex), 2);
    REFUSED(BG_PVGPU_ERROR_INVALID_PARAMETER, &draw); /* not aligned */
    bind_vertices(0, 0, 0, 0);
    draw_now(3, 5); /* none: zeroes */
    send_id(BG_PVGPU_CMD_SET_INPUT_LAYOUT, 0);
    REFUSED(BG_PVGPU_ERROR_INVALID_PARAMETER, &draw); /* no inputs */
    send_id(BG_PVGPU_CMD_SET_INPUT_LAYOUT, LAYOUT);
    draw_now(3, 5);
    set_topology(BG_PVGPU_TOPOLOGY_UNDEFINED);
    REFUSED(BG_PVGPU_ERROR_INVALID_PARAMETER, &draw);
    set_topology(BG_PVGPU_TOPOLOGY_PATCH_1 + 2);
    REFUSED(BG_PVGPU_ERROR_INVALID_PARAMETER, &draw); /* no hull shader */
    set_topology(BG_PVGPU_TOPOLOGY_TRIANGLE_LIST);
    send_id(BG_PVGPU_CMD_DESTROY_SHADER, VERTEX_SHADER); /* bound no more */
    REFUSED(BG_PVGPU_ERROR_INVALID_PARAMETER, &draw);
}

static void test_objects_refused(void **state)
{
    struct bg_pvgpu_create_sampler sampler =
        COMMAND(struct bg_pvgpu_create_sampler, BG_PVGPU_CMD_CREATE_SAMPLER, 0, .sampler_id = STATE,
                .address_u = 1, .address_v = 1, .address_w = 1);
    struct bg_pvgpu_set_object set =
        COMMAND(struct bg_pvgpu_set_object, BG_PVGPU_CMD_SET_RASTERIZER_STATE, 0, .id = STATE);
    struct bg_pvgpu_set_shader shader =
        COMMAND(struct bg_pvgpu_set_shader, BG_PVGPU_CMD_SET_SHADER, 0,
                .stage = BG_PVGPU_STAGE_PIXEL, .shader_id = VERTEX_SHADER);
    static const uint32_t text[] = {0x74786574};

    (void)state;
    GO(&sampler);
    REFUSED(BG_PVGPU_ERROR_INVALID_PARAMETER, &sampler); /* the id is taken */
    REFUSED(BG_PVGPU_ERROR_RESOURCE_NOT_FOUND, &set);    /* another kind */
    sampler.sampler_id = 0;
    sampler.header.resource_id = STATE + 1;
    GO(&sampler); /* the header's id counts */
    send_id(BG_PVGPU_CMD_DESTROY_SAMPLER, STATE + 1);
    sampler.header.resource_id = 0;
    REFUSED(BG_PVGPU_ERROR_INVALID_PARAMETER, &sampler);
    make_shader(VERTEX_SHADER, BG_PVGPU_STAGE_VERTEX, "flat.vert");
    REFUSED(BG_PVGPU_ERROR_INVALID_PARAMETER, &shader); /* another stage */
    shader.shader_id = 77;
    REFUSED(BG_PVGPU_ERROR_RESOURCE_NOT_FOUND, &shader);
    assert_int_equal(make_shader_of(PIXEL_SHADER, BG_PVGPU_STAGE_PIXEL, text, sizeof(text)),
                     BG_PVGPU_ERROR_SHADER_COMPILE);
    assert_string_equal(context.error_text, "neither SPIR-V nor DXBC");
    assert_int_equal(make_shader_of(PIXEL_SHADER, BG_PVGPU_STAGES, text, sizeof(text)),
                     BG_PVGPU_ERROR_INVALID_PARAMETER);
    assert_int_equal(make_shader_of(PIXEL_SHADER, BG_PVGPU_STAGE_PIXEL, text, 3),
                     BG_PVGPU_ERROR_INVALID_PARAMETER);
    assert_int_equal(make_shader_of(PIXEL_SHADER, BG_PVGPU_STAGE_PIXEL, text, 0),
                     BG_PVGPU_ERROR_INVALID_PARAMETER);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(test_triangle),
        TEST(test_start_vertex_and_offsets),
        TEST(test_indices),
        TEST(test_strip_begins_anew),
        TEST(test_instances),
        TEST(test_dispatch),
        TEST(test_samples),
        TEST(test_geometry),
        TEST(test_tessellation),
        TEST(test_incomplete_pipelines),
        TEST(test_objects_refused),
        TEST(test_points),
        TEST(test_layout_that_is_not_set),
        TEST(test_sample_masks),
#undef TEST
    };

    return run_draw_tests("draws", tests, sizeof(tests) / sizeof(tests[0]));
}
