/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Draws on Vulkan, for tests: shaders of tests/shaders by their names, targets, what pixels are.
 * Commands are not waited for, but by reading pixels: as a ring has them.
 */
#ifndef TESTS_UNIT_MEDIATOR_PVGPU_DRAW_FIXTURE_H
#define TESTS_UNIT_MEDIATOR_PVGPU_DRAW_FIXTURE_H

#define PVGPU_TEST_VULKAN 1
#include "protocol/pvgpu_draw.h"
#include "tests/shaders/read.h"
#include "tests/unit/mediator/pvgpu_fixture.h"

#define SIDE 16u /* of the targets: SIDE x SIDE pixels */

/* R8G8B8A8's. */
#define RED 0xFF0000FFu
#define GREEN 0xFF00FF00u
#define BLUE 0xFFFF0000u

/* Ids. */
enum {
    TARGET = 1,
    DEPTH,
    VERTICES,
    INDICES,
    INSTANCES,
    CONSTANTS,
    PICTURE,
    WORDS,
    SECOND_TARGET,
    LAYOUT = 100,
    VERTEX_SHADER,
    PIXEL_SHADER,
    COMPUTE_SHADER,
    STATE,
};

/* Main's part of each program. */
static inline int run_draw_tests(const char *name, const struct CMUnitTest *tests, size_t count)
{
    int failed;

    cmocka_set_message_output(CM_OUTPUT_TAP);
    if (!open_renderer()) {
        return 0;
    }
    failed = _cmocka_run_group_tests(name, tests, count, NULL, NULL);
    close_renderer();
    return failed;
}

static inline enum bg_pvgpu_error go(const void *command)
{
    return pvgpu_command_run(&context, &display, &control, command, 1).code;
}

#define GO(command) assert_int_equal(go(command), BG_PVGPU_OK)
#define REFUSED(error, command) assert_int_equal(go(command), (error))

static inline void send_id(uint32_t type, uint32_t id)
{
    struct bg_pvgpu_set_object set = COMMAND(struct bg_pvgpu_set_object, type, 0, .id = id);

    GO(&set);
}

/* ---- Resources ---- */

/* With its contents, from the heap's start. */
static inline void make_filled(uint32_t id, uint32_t bind, const void *bytes, uint32_t size)
{
    struct bg_pvgpu_create_resource create = texture(id, 0, size, 1);

    context.renderer->ops->finish(&context);
    memcpy(heap, bytes, size);
    create.type = BG_PVGPU_RESOURCE_BUFFER;
    create.bind_flags = bind;
    create.data_size = size;
    GO(&create);
    context.renderer->ops->finish(&context);
}

static inline void make_view_of(uint32_t type, uint32_t id)
{
    struct bg_pvgpu_create_view view =
        COMMAND(struct bg_pvgpu_create_view, type, id, .resource_id = id);

    GO(&view);
}

/* Of the format; bound, alone, and black. Its view has the same id. */
static inline void make_target(uint32_t id, uint32_t format)
{
    struct bg_pvgpu_create_resource create = texture(id, format, SIDE, SIDE);

    create.bind_flags = BG_PVGPU_BIND_RENDER_TARGET | BG_PVGPU_BIND_SHADER_RESOURCE;
    GO(&create);
    make_view_of(BG_PVGPU_CMD_CREATE_RENDER_TARGET_VIEW, id);
}

static inline void bind_targets(uint32_t first, uint32_t second, uint32_t depth)
{
    struct bg_pvgpu_set_render_target set =
        COMMAND(struct bg_pvgpu_set_render_target, BG_PVGPU_CMD_SET_RENDER_TARGET, 0,
                .count = second != 0 ? 2 : 1, .dsv = depth, .rtv = {first, second});

    GO(&set);
}

static inline void make_depth(uint32_t format, float depth, uint32_t stencil)
{
    struct bg_pvgpu_create_resource create = texture(DEPTH, format, SIDE, SIDE);
    struct bg_pvgpu_create_depth_view view =
        COMMAND(struct bg_pvgpu_create_depth_view, BG_PVGPU_CMD_CREATE_DEPTH_STENCIL_VIEW, DEPTH,
                .resource_id = DEPTH);
    struct bg_pvgpu_clear_depth_stencil clear =
        COMMAND(struct bg_pvgpu_clear_depth_stencil, BG_PVGPU_CMD_CLEAR_DEPTH_STENCIL, 0,
                .dsv = DEPTH, .clear_flags = BG_PVGPU_CLEAR_DEPTH | BG_PVGPU_CLEAR_STENCIL,
                .depth = depth, .stencil = stencil);

    create.bind_flags = BG_PVGPU_BIND_DEPTH_STENCIL;
    GO(&create);
    GO(&view);
    GO(&clear);
}

/* ---- The pipeline ---- */

static inline enum bg_pvgpu_error make_shader_of(uint32_t id, uint32_t stage, const void *bytes,
                                                 size_t size)
{
    struct bg_pvgpu_create_shader create =
        COMMAND(struct bg_pvgpu_create_shader, BG_PVGPU_CMD_CREATE_SHADER, 0, .shader_id = id,
                .stage = stage, .bytecode_size = (uint32_t)size);

    context.renderer->ops->finish(&context);
    assert_true(size <= HEAP_SIZE);
    memcpy(heap, bytes, size);
    return go(&create);
}

/* And set. */
static inline void make_shader(uint32_t id, uint32_t stage, const char *name)
{
    struct bg_pvgpu_set_shader set = COMMAND(struct bg_pvgpu_set_shader, BG_PVGPU_CMD_SET_SHADER, 0,
                                             .stage = stage, .shader_id = id);
    size_t size;
    uint32_t *words = shader_read_file(name, &size);

    assert_int_equal(make_shader_of(id, stage, words, size), BG_PVGPU_OK);
    free(words);
    GO(&set);
}

static inline void make_layout(const struct bg_pvgpu_input_element *elements, uint32_t count)
{
    struct bg_pvgpu_create_input_layout create =
        COMMAND(struct bg_pvgpu_create_input_layout, BG_PVGPU_CMD_CREATE_INPUT_LAYOUT, 0,
                .layout_id = LAYOUT, .count = count);

    memcpy(create.elements, elements, count * sizeof(elements[0]));
    GO(&create);
    send_id(BG_PVGPU_CMD_SET_INPUT_LAYOUT, LAYOUT);
}

static inline void bind_vertices(uint32_t slot, uint32_t id, uint32_t stride, uint32_t offset)
{
    struct bg_pvgpu_set_vertex_buffer set =
        COMMAND(struct bg_pvgpu_set_vertex_buffer, BG_PVGPU_CMD_SET_VERTEX_BUFFER, 0,
                .start_slot = slot, .count = 1, .buffers = {{id, stride, offset}});

    GO(&set);
}

static inline void bind_constants(uint32_t stage, uint32_t slot, uint32_t id, uint32_t offset)
{
    struct bg_pvgpu_set_constant_buffer set =
        COMMAND(struct bg_pvgpu_set_constant_buffer, BG_PVGPU_CMD_SET_CONSTANT_BUFFER, 0,
                .stage = stage, .slot = slot, .buffer_id = id, .offset = offset);

    GO(&set);
}

static inline void set_views(uint32_t type, uint32_t stage, uint32_t slot, uint32_t first,
                             uint32_t second)
{
    struct bg_pvgpu_set_shader_resource set =
        COMMAND(struct bg_pvgpu_set_shader_resource, type, 0, .stage = stage, .start_slot = slot,
                .count = 2, .views = {first, second});

    GO(&set); /* both lists begin alike */
}

/* Draws triangles that run counterclockwise, too: constants.vert's does. */
static inline struct bg_pvgpu_create_rasterizer_state both_sides(void)
{
    return (struct bg_pvgpu_create_rasterizer_state){
        .fill_mode = BG_PVGPU_FILL_SOLID,
        .cull_mode = BG_PVGPU_CULL_NONE,
        .depth_clip = 1,
    };
}

static inline void set_rasterizer(struct bg_pvgpu_create_rasterizer_state create)
{
    create.header =
        (struct bg_pvgpu_command){BG_PVGPU_CMD_CREATE_RASTERIZER_STATE, sizeof(create), 0, 0};
    create.state_id = STATE;
    GO(&create);
    send_id(BG_PVGPU_CMD_SET_RASTERIZER_STATE, STATE);
}

static inline void set_topology(uint32_t topology)
{
    struct bg_pvgpu_set_primitive_topology set =
        COMMAND(struct bg_pvgpu_set_primitive_topology, BG_PVGPU_CMD_SET_PRIMITIVE_TOPOLOGY, 0,
                .topology = topology);

    GO(&set);
}

static inline void set_viewport(float x, float y, float width, float height)
{
    struct bg_pvgpu_set_viewport set =
        COMMAND(struct bg_pvgpu_set_viewport, BG_PVGPU_CMD_SET_VIEWPORT, 0, .count = 1,
                .viewports = {{x, y, width, height, 0, 1}});

    GO(&set);
}

static inline struct bg_pvgpu_draw draw_of_vertices(uint32_t count, uint32_t start)
{
    return COMMAND(struct bg_pvgpu_draw, BG_PVGPU_CMD_DRAW, 0, .vertex_count = count,
                   .start_vertex = start);
}

static inline void draw_now(uint32_t count, uint32_t start)
{
    struct bg_pvgpu_draw draw = draw_of_vertices(count, start);

    GO(&draw);
}

/* A place in clip space and a colour, as flat.vert takes them. */
struct vertex {
    float place[4];
    uint8_t colour[4];
};

static inline void use_flat_shaders(void)
{
    static const struct bg_pvgpu_input_element elements[] = {
        {0, 0, BG_PVGPU_FORMAT_R32G32B32A32_FLOAT, 0, 0, 0, 0},
        {0, 0, BG_PVGPU_FORMAT_R8G8B8A8_UNORM, 0, BG_PVGPU_APPEND_ALIGNED, 0, 0},
    };

    make_shader(VERTEX_SHADER, BG_PVGPU_STAGE_VERTEX, "flat.vert");
    make_shader(PIXEL_SHADER, BG_PVGPU_STAGE_PIXEL, "flat.frag");
    make_layout(elements, 2);
    set_topology(BG_PVGPU_TOPOLOGY_TRIANGLE_LIST);
    set_viewport(0, 0, SIDE, SIDE);
}

/* ---- Pixels ---- */

/* SIDE * SIDE words, after all that was sent. */
static inline const uint32_t *read_pixels(uint32_t id)
{
    struct bg_pvgpu_update_resource read =
        transfer(BG_PVGPU_CMD_READ_RESOURCE, id, HEAP_SIZE - SIDE * SIDE * 4);

    GO(&read);
    assert_int_equal(context.renderer->ops->finish(&context).code, BG_PVGPU_OK);
    return (const uint32_t *)(heap + HEAP_SIZE - SIDE * SIDE * 4);
}

static inline bool nowhere(uint32_t x, uint32_t y)
{
    (void)x;
    (void)y;
    return false;
}

static inline bool everywhere(uint32_t x, uint32_t y)
{
    (void)x;
    (void)y;
    return true;
}

/* The pixels inside, as `covers` says, are `colour`, and the others 0. */
static inline void expect_pixels(uint32_t id, bool (*covers)(uint32_t x, uint32_t y),
                                 uint32_t colour)
{
    const uint32_t *pixels = read_pixels(id);

    for (uint32_t y = 0; y < SIDE; y++) {
        for (uint32_t x = 0; x < SIDE; x++) {
            uint32_t expected = covers(x, y) ? colour : 0;

            if (pixels[y * SIDE + x] != expected) {
                fail_msg("pixel %u, %u: %08x, not %08x", x, y, pixels[y * SIDE + x], expected);
            }
        }
    }
}

#endif
