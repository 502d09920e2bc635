/* SPDX-License-Identifier: BSD-2-Clause */
// build: firmware/vgpu/pvgpu.c firmware/vgpu/pvgpu_ring.c firmware/vgpu/pvgpu_health.c
// build: firmware/vgpu/pvgpu_heap.c firmware/vgpu/pvgpu_pipeline.c firmware/vgpu/pvgpu_compute.c
// build: firmware/vgpu/pvgpu_resource.c firmware/vgpu/pvgpu_draw.c
// build: firmware/vgpu/pvgpu_names.c firmware/vgpu/compute.c firmware/common/wait.c
// build: firmware/common/interrupt_source.c firmware/pci_ecam.c firmware/pci/enumerate.c
// build: firmware/pci/device.c firmware/pci/bar.c firmware/pci/assign.c
// build: firmware/pci/capability.c firmware/pci/list.c firmware/common/error.c tests/fake/hal.c
// build: tests/fake/pvgpu.c
/* What the pvgpu driver's calls for drawing put into the ring, word by word. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "baregpu/pvgpu_draw.h"
#include "tests/fake/hal.h"
#include "tests/fake/pvgpu.h"
#include "tests/unit/vgpu/pvgpu_sent.h"

#define SECOND_NS 1000000000ull

/* A backend that draws. */
static int setup(void **state)
{
    int error = pvgpu_setup(state);

    fake.features |= BG_PVGPU_FEATURE_DRAW;
    return error != 0 ? error : bg_pvgpu_restart(&gpu, fake_hal.now_ns + SECOND_NS);
}

/* ---- Shaders ---- */

static const uint32_t words[] = {BG_PVGPU_SPIRV_MAGIC, 1, 2, 3, 4};
static const struct bg_pvgpu_shader_code code = {BG_PVGPU_STAGE_PIXEL, sizeof(words), words};

static uint32_t heap_in_use(void)
{
    struct bg_pvgpu_heap_statistics statistics;

    bg_pvgpu_heap_statistics(&gpu, &statistics);
    return statistics.used;
}

static void shaders(void **state)
{
    uint32_t id = 0;

    (void)state;
    assert_int_equal(bg_pvgpu_shader_create(&gpu, BG_PVGPU_STAGE_COMPUTE, 0x1240, 400, &id), 0);
    {
        SENT(bg_pvgpu_create_shader, BG_PVGPU_CMD_CREATE_SHADER, 1);
        EXPECT(shader_id, 1, 5, 400, 0x1240);
    }
    assert_int_equal(bg_pvgpu_set_shader(&gpu, BG_PVGPU_STAGE_COMPUTE, id), 0);
    {
        SENT(bg_pvgpu_set_shader, BG_PVGPU_CMD_SET_SHADER, 0);
        EXPECT(stage, 5, 1);
    }
    assert_int_equal(bg_pvgpu_shader_destroy(&gpu, id), 0);
    SENT(bg_pvgpu_destroy_object, BG_PVGPU_CMD_DESTROY_SHADER, 1);
    EXPECT(id, 1, 0, 0, 0);
}

static void a_shader_is_loaded(void **state)
{
    uint32_t used = heap_in_use(), id = 0;

    (void)state;
    assert_int_equal(bg_pvgpu_shader_load(&gpu, &code, &id, fake_hal.now_ns + SECOND_NS), 0);
    const struct fake_pvgpu_command *create = fake_pvgpu_last(1);

    assert_int_equal(create->header.type, BG_PVGPU_CMD_CREATE_SHADER);
    assert_int_equal(create->words[0], id);
    assert_int_equal(create->words[1], BG_PVGPU_STAGE_PIXEL);
    assert_int_equal(create->words[2], sizeof(words));
    assert_memory_equal(gpu.heap + create->words[3], words, sizeof(words));
    assert_int_equal(heap_in_use(), used);
}

static void a_shader_that_does_not_compile(void **state)
{
    uint32_t used = heap_in_use(), id = 0;

    (void)state;
    fake.fail_type = BG_PVGPU_CMD_CREATE_SHADER;
    fake.fail_code = BG_PVGPU_ERROR_SHADER_COMPILE;
    assert_int_equal(bg_pvgpu_shader_load(&gpu, &code, &id, fake_hal.now_ns + SECOND_NS),
                     BG_ERR_IO);
    assert_int_equal(gpu.failure.code, BG_PVGPU_ERROR_SHADER_COMPILE);
    assert_int_equal(heap_in_use(), used);
}

/* From a backend that may write anything. */
static void why_it_does_not_compile(void **state)
{
    char text[BG_PVGPU_ERROR_TEXT_SIZE];

    (void)state;
    bg_pvgpu_shader_error(&gpu, text);
    assert_string_equal(text, "");
    strcpy(fake.control->error_text, "line 7:\x1B[2J\tmissing");
    bg_pvgpu_shader_error(&gpu, text);
    assert_string_equal(text, "line 7:?[2J?missing");
    memset(fake.control->error_text, 'x', BG_PVGPU_ERROR_TEXT_SIZE);
    bg_pvgpu_shader_error(&gpu, text);
    assert_int_equal(strlen(text), BG_PVGPU_ERROR_TEXT_SIZE - 1);
    gpu.features &= ~BG_PVGPU_FEATURE_DRAW;
    bg_pvgpu_shader_error(&gpu, text);
    assert_string_equal(text, "");
}

static void a_shader_whose_compiler_hangs(void **state)
{
    uint32_t used = heap_in_use(), id = 0;

    (void)state;
    fake.is_stuck = true;
    assert_int_equal(bg_pvgpu_shader_load(&gpu, &code, &id, fake_hal.now_ns + SECOND_NS),
                     BG_ERR_TIMEOUT);
    assert_true(heap_in_use() > used);
    fake.is_stuck = false;
}

static void a_shader_without_room(void **state)
{
    const struct bg_pvgpu_shader_code large = {0, FAKE_PVGPU_HEAP + 4, words}, none = {0, 0, words};
    uint32_t id = 0;

    (void)state;
    assert_int_equal(bg_pvgpu_shader_load(&gpu, &large, &id, fake_hal.now_ns + SECOND_NS),
                     BG_ERR_DEVICE_MEMORY);
    assert_int_equal(bg_pvgpu_shader_load(&gpu, &none, &id, fake_hal.now_ns + SECOND_NS),
                     BG_ERR_INVALID);
}

/* ---- Views ---- */

static void views(void **state)
{
    const struct bg_pvgpu_shader_view_options texture = {7, 28, 9, 1, 2, 3, 4};
    const struct bg_pvgpu_view_options buffer = {
        .resource_id = 8, .format = 42, .first_slice = 64, .slice_count = 128};
    uint32_t id = 0;

    (void)state;
    assert_int_equal(bg_pvgpu_shader_resource_view_create(&gpu, &texture, &id), 0);
    {
        SENT(bg_pvgpu_create_shader_view, BG_PVGPU_CMD_CREATE_SHADER_RESOURCE_VIEW, 1);
        EXPECT(view_id, 1, 7, 28, 9, 1, 2, 3, 4);
    }
    assert_int_equal(bg_pvgpu_unordered_access_view_create(&gpu, &buffer, &id), 0);
    {
        SENT(bg_pvgpu_create_view, BG_PVGPU_CMD_CREATE_UNORDERED_ACCESS_VIEW, 2);
        EXPECT(view_id, 2, 8, 42, 0, 0, 64, 128);
    }
    assert_int_equal(bg_pvgpu_shader_resource_view_destroy(&gpu, 1), 0);
    {
        SENT(bg_pvgpu_destroy_view, BG_PVGPU_CMD_DESTROY_SHADER_RESOURCE_VIEW, 1);
        EXPECT(view_id, 1, 0, 0, 0);
    }
    assert_int_equal(bg_pvgpu_unordered_access_view_destroy(&gpu, 2), 0);
    SENT(bg_pvgpu_destroy_view, BG_PVGPU_CMD_DESTROY_UNORDERED_ACCESS_VIEW, 2);
    EXPECT(view_id, 2, 0, 0, 0);
}

/* ---- State objects ---- */

static void blend(void **state)
{
    const float factor[4] = {0.5f, 1, 2, -1};
    struct bg_pvgpu_blend_options options = bg_pvgpu_blend_default;
    uint32_t id = 0;

    (void)state;
    options.independent = 1;
    options.targets[7].enable = 1;
    assert_int_equal(bg_pvgpu_blend_state_create(&gpu, &options, &id), 0);
    {
        SENT(bg_pvgpu_create_blend_state, BG_PVGPU_CMD_CREATE_BLEND_STATE, 1);
        EXPECT(state_id, 1, 0, 1);
        EXPECT(targets[0], 0, 2, 1, 1, 2, 1, 1, 15);
        EXPECT(targets[7], 1, 2, 1, 1, 2, 1, 1, 15);
    }
    assert_int_equal(bg_pvgpu_set_blend_state(&gpu, id, factor, 0xF0), 0);
    {
        SENT(bg_pvgpu_set_blend_state, BG_PVGPU_CMD_SET_BLEND_STATE, 0);
        EXPECT(state_id, 1, 0x3F000000, 0x3F800000, 0x40000000, 0xBF800000, 0xF0);
    }
    assert_int_equal(bg_pvgpu_set_blend_state(&gpu, 0, NULL, UINT32_MAX), 0);
    {
        SENT(bg_pvgpu_set_blend_state, BG_PVGPU_CMD_SET_BLEND_STATE, 0);
        EXPECT(state_id, 0, 0x3F800000, 0x3F800000, 0x3F800000, 0x3F800000, UINT32_MAX);
    }
    assert_int_equal(bg_pvgpu_blend_state_destroy(&gpu, id), 0);
    sent(BG_PVGPU_CMD_DESTROY_BLEND_STATE, 32, 1);
}

static void rasterizer(void **state)
{
    struct bg_pvgpu_rasterizer_options options = bg_pvgpu_rasterizer_default;
    uint32_t id = 0;

    (void)state;
    options.depth_bias = -3;
    options.scissor = 1;
    assert_int_equal(bg_pvgpu_rasterizer_state_create(&gpu, &options, &id), 0);
    {
        SENT(bg_pvgpu_create_rasterizer_state, BG_PVGPU_CMD_CREATE_RASTERIZER_STATE, 1);
        EXPECT(state_id, 1, 3, 3, 0, (uint32_t)-3, 0, 0, 1, 1, 0, 0);
    }
    assert_int_equal(bg_pvgpu_set_rasterizer_state(&gpu, id), 0);
    {
        SENT(bg_pvgpu_set_object, BG_PVGPU_CMD_SET_RASTERIZER_STATE, 0);
        EXPECT(id, 1, 0, 0, 0);
    }
    assert_int_equal(bg_pvgpu_rasterizer_state_destroy(&gpu, id), 0);
    sent(BG_PVGPU_CMD_DESTROY_RASTERIZER_STATE, 32, 1);
}

static void depth_stencil(void **state)
{
    struct bg_pvgpu_depth_stencil_options options = bg_pvgpu_depth_stencil_default;
    uint32_t id = 0;

    (void)state;
    options.back.func = BG_PVGPU_COMPARISON_NEVER;
    assert_int_equal(bg_pvgpu_depth_stencil_state_create(&gpu, &options, &id), 0);
    {
        SENT(bg_pvgpu_create_depth_stencil_state, BG_PVGPU_CMD_CREATE_DEPTH_STENCIL_STATE, 1);
        EXPECT(state_id, 1, 1, 1, 2, 0, 255, 255, 1, 1, 1, 8, 1, 1, 1, 1);
    }
    assert_int_equal(bg_pvgpu_set_depth_stencil_state(&gpu, id, 77), 0);
    {
        SENT(bg_pvgpu_set_depth_stencil, BG_PVGPU_CMD_SET_DEPTH_STENCIL, 0);
        EXPECT(state_id, 1, 77, 0, 0);
    }
    assert_int_equal(bg_pvgpu_depth_stencil_state_destroy(&gpu, id), 0);
    sent(BG_PVGPU_CMD_DESTROY_DEPTH_STENCIL_STATE, 32, 1);
}

static void samplers(void **state)
{
    static const uint32_t ids[16] = {1, [15] = 16};
    struct bg_pvgpu_sampler_options options = bg_pvgpu_sampler_default;
    uint32_t id = 0;

    (void)state;
    options.address_w = BG_PVGPU_ADDRESS_BORDER;
    assert_int_equal(bg_pvgpu_sampler_create(&gpu, &options, &id), 0);
    {
        SENT(bg_pvgpu_create_sampler, BG_PVGPU_CMD_CREATE_SAMPLER, 1);
        EXPECT(sampler_id, 1, 0x15, 3, 3, 4, 0, 1, 1, 0x3F800000, 0x3F800000, 0x3F800000,
               0x3F800000, 0xFF7FFFFF, 0x7F7FFFFF);
    }
    assert_int_equal(bg_pvgpu_set_samplers(&gpu, BG_PVGPU_STAGE_PIXEL, 0, 16, ids), 0);
    {
        const struct bg_pvgpu_set_sampler *c = sent(BG_PVGPU_CMD_SET_SAMPLER, 28 + 64, 0);

        EXPECT(stage, 1, 0, 16);
        assert_memory_equal(c->samplers, ids, sizeof(ids));
    }
    assert_int_equal(bg_pvgpu_set_samplers(&gpu, BG_PVGPU_STAGE_PIXEL, 1, 16, ids), BG_ERR_INVALID);
    assert_int_equal(bg_pvgpu_sampler_destroy(&gpu, id), 0);
    sent(BG_PVGPU_CMD_DESTROY_SAMPLER, 32, 1);
}

static void input_layout(void **state)
{
    static const struct bg_pvgpu_input_element elements[32] = {
        {.format = BG_PVGPU_FORMAT_R32G32B32_FLOAT},
        {.format = BG_PVGPU_FORMAT_R32G32_FLOAT,
         .slot = 1,
         .byte_offset = BG_PVGPU_APPEND_ALIGNED,
         .input_class = BG_PVGPU_PER_INSTANCE_DATA,
         .step_rate = 2},
    };
    uint32_t id = 0;

    (void)state;
    assert_int_equal(bg_pvgpu_input_layout_create(&gpu, elements, 2, &id), 0);
    {
        const struct bg_pvgpu_create_input_layout *c =
            sent(BG_PVGPU_CMD_CREATE_INPUT_LAYOUT, 24 + 2 * 28, 1);

        EXPECT(layout_id, 1, 2);
        EXPECT(elements, 0, 0, 6, 0, 0, 0, 0, 0, 0, 16, 1, UINT32_MAX, 1, 2);
    }
    assert_int_equal(bg_pvgpu_set_input_layout(&gpu, id), 0);
    sent(BG_PVGPU_CMD_SET_INPUT_LAYOUT, 32, 0);
    assert_int_equal(bg_pvgpu_input_layout_destroy(&gpu, id), 0);
    sent(BG_PVGPU_CMD_DESTROY_INPUT_LAYOUT, 32, 1);
    assert_int_equal(bg_pvgpu_input_layout_create(&gpu, elements, 32, &id), 0);
    sent(BG_PVGPU_CMD_CREATE_INPUT_LAYOUT, 24 + 32 * 28, 2);
    assert_int_equal(bg_pvgpu_input_layout_create(&gpu, elements, 33, &id), BG_ERR_INVALID);
}

static void names_in_the_heap(void **state)
{
    struct bg_pvgpu_memory name;
    uint32_t offset;

    (void)state;
    assert_int_equal(bg_pvgpu_heap_alloc(&gpu, 16, 0, &name), 0);
    memcpy(name.bytes, "POSITION", 9);
    offset = bg_pvgpu_semantic_name_offset(&gpu, &name);
    assert_string_equal((const char *)fake.shmem + offset, "POSITION");
    assert_int_equal(bg_pvgpu_heap_free(&gpu, &name), 0);
}

static void ids_run_out(void **state)
{
    uint32_t id = 55;

    (void)state;
    gpu.last_object = UINT32_MAX;
    assert_int_equal(bg_pvgpu_sampler_create(&gpu, &bg_pvgpu_sampler_default, &id),
                     BG_ERR_NO_SPACE);
    assert_int_equal(id, 55);
    assert_int_equal(bg_pvgpu_restart(&gpu, fake_hal.now_ns + SECOND_NS), 0);
    assert_int_equal(bg_pvgpu_sampler_create(&gpu, &bg_pvgpu_sampler_default, &id), 0);
    assert_int_equal(id, 1);
}

/* ---- Bindings ---- */

static void vertices(void **state)
{
    static const struct bg_pvgpu_vertex_buffer buffers[16] = {{1, 24, 0}, {2, 16, 64}};

    (void)state;
    assert_int_equal(bg_pvgpu_set_vertex_buffers(&gpu, 14, 2, buffers), 0);
    {
        const struct bg_pvgpu_set_vertex_buffer *c =
            sent(BG_PVGPU_CMD_SET_VERTEX_BUFFER, 24 + 24, 0);

        EXPECT(start_slot, 14, 2, 1, 24, 0, 2, 16, 64);
    }
    assert_int_equal(bg_pvgpu_set_vertex_buffers(&gpu, 0, 16, buffers), 0);
    sent(BG_PVGPU_CMD_SET_VERTEX_BUFFER, 216, 0);
    assert_int_equal(bg_pvgpu_set_vertex_buffers(&gpu, 15, 2, buffers), BG_ERR_INVALID);
    assert_int_equal(bg_pvgpu_set_vertex_buffers(&gpu, UINT32_MAX, 2, buffers), BG_ERR_INVALID);
    assert_int_equal(bg_pvgpu_set_index_buffer(&gpu, 3, BG_PVGPU_FORMAT_R16_UINT, 128), 0);
    {
        SENT(bg_pvgpu_set_index_buffer, BG_PVGPU_CMD_SET_INDEX_BUFFER, 0);
        EXPECT(buffer_id, 3, 57, 128, 0);
    }
    assert_int_equal(bg_pvgpu_set_topology(&gpu, BG_PVGPU_TOPOLOGY_PATCH_1 + 3), 0);
    SENT(bg_pvgpu_set_primitive_topology, BG_PVGPU_CMD_SET_PRIMITIVE_TOPOLOGY, 0);
    EXPECT(topology, 36, 0, 0, 0);
}

static void what_shaders_use(void **state)
{
    static const uint32_t ids[128] = {5, 6, 7, [127] = 9};

    (void)state;
    assert_int_equal(bg_pvgpu_set_constant_buffer(&gpu, BG_PVGPU_STAGE_DOMAIN, 13, 4, 256, 64), 0);
    {
        SENT(bg_pvgpu_set_constant_buffer, BG_PVGPU_CMD_SET_CONSTANT_BUFFER, 0);
        EXPECT(stage, 4, 13, 4, 256, 64);
    }
    assert_int_equal(bg_pvgpu_set_shader_resources(&gpu, BG_PVGPU_STAGE_VERTEX, 0, 128, ids), 0);
    {
        SENT(bg_pvgpu_set_shader_resource, BG_PVGPU_CMD_SET_SHADER_RESOURCE, 0);
        EXPECT(stage, 0, 0, 128);
        assert_memory_equal(c->views, ids, sizeof(ids));
    }
    assert_int_equal(bg_pvgpu_set_unordered_access(&gpu, BG_PVGPU_STAGE_COMPUTE, 5, 3, ids), 0);
    const struct bg_pvgpu_set_unordered_access *c =
        sent(BG_PVGPU_CMD_SET_UNORDERED_ACCESS, 28 + 12, 0);

    EXPECT(stage, 5, 5, 3, 5, 6, 7);
}

static void slots_that_are_not_there(void **state)
{
    static const uint32_t ids[1];

    (void)state;
    assert_int_equal(bg_pvgpu_set_unordered_access(&gpu, BG_PVGPU_STAGE_COMPUTE, 6, 3, ids),
                     BG_ERR_INVALID);
    assert_int_equal(bg_pvgpu_set_shader_resources(&gpu, BG_PVGPU_STAGES, 0, 1, ids),
                     BG_ERR_INVALID);
    assert_int_equal(bg_pvgpu_set_shader_resources(&gpu, BG_PVGPU_STAGE_PIXEL, 0, 129, ids),
                     BG_ERR_INVALID);
}

/* ---- Draws ---- */

static void draws(void **state)
{
    (void)state;
    assert_int_equal(bg_pvgpu_draw(&gpu, 3, 6), 0);
    {
        SENT(bg_pvgpu_draw, BG_PVGPU_CMD_DRAW, 0);
        EXPECT(vertex_count, 3, 6, 0, 0);
    }
    assert_int_equal(bg_pvgpu_draw_indexed(&gpu, 36, 12, -4), 0);
    {
        SENT(bg_pvgpu_draw_indexed, BG_PVGPU_CMD_DRAW_INDEXED, 0);
        EXPECT(index_count, 36, 12, (uint32_t)-4, 0);
    }
    assert_int_equal(bg_pvgpu_draw_instanced(&gpu, 3, 100, 1, 2), 0);
    {
        SENT(bg_pvgpu_draw_instanced, BG_PVGPU_CMD_DRAW_INSTANCED, 0);
        EXPECT(vertex_count, 3, 100, 1, 2);
    }
    assert_int_equal(bg_pvgpu_draw_indexed_instanced(&gpu, 36, 100, 1, -2, 3), 0);
    {
        SENT(bg_pvgpu_draw_indexed_instanced, BG_PVGPU_CMD_DRAW_INDEXED_INSTANCED, 0);
        EXPECT(index_count, 36, 100, 1, (uint32_t)-2, 3, 0, 0, 0);
    }
    assert_int_equal(bg_pvgpu_dispatch(&gpu, 1, 2, 3), 0);
    SENT(bg_pvgpu_dispatch, BG_PVGPU_CMD_DISPATCH, 0);
    EXPECT(groups_x, 1, 2, 3, 0);
}

/* Short ones of two sizes, also across the ring's end, and more than it has room for. */
static void more_draws_than_the_ring_holds(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 2 * FAKE_PVGPU_RING / 48; i++) {
        assert_int_equal(bg_pvgpu_draw_indexed_instanced(&gpu, i, 2, 3, 4, 5), 0);
        if (i % 2 == 0) {
            SENT(bg_pvgpu_draw_indexed_instanced, BG_PVGPU_CMD_DRAW_INDEXED_INSTANCED, 0);
            EXPECT(index_count, i, 2, 3, 4, 5, 0, 0, 0);
        }
    }
    for (uint32_t i = 0; i < FAKE_PVGPU_RING / 8; i++) {
        assert_int_equal(bg_pvgpu_draw(&gpu, i, 7), 0);
    }
    assert_int_equal(bg_pvgpu_draw(&gpu, 1, 2), 0);
    SENT(bg_pvgpu_draw, BG_PVGPU_CMD_DRAW, 0);
    EXPECT(vertex_count, 1, 2, 0, 0);
    for (uint32_t i = 0; i < FAKE_PVGPU_KEPT - 1; i++) {
        const struct fake_pvgpu_command *draw = fake_pvgpu_last(1 + i);

        assert_int_equal(draw->header.type, BG_PVGPU_CMD_DRAW);
        assert_int_equal(draw->words[0], FAKE_PVGPU_RING / 8 - 1 - i);
        assert_int_equal(draw->words[1], 7);
    }
}

static void a_backend_that_does_not_draw(void **state)
{
    uint64_t commands = fake.commands;
    uint32_t used = heap_in_use(), id = 0;

    (void)state;
    assert_int_equal(bg_pvgpu_draw(&gpu, 3, 0), BG_ERR_UNSUPPORTED);
    assert_int_equal(bg_pvgpu_sampler_create(&gpu, &bg_pvgpu_sampler_default, &id),
                     BG_ERR_UNSUPPORTED);
    assert_int_equal(bg_pvgpu_shader_load(&gpu, &code, &id, fake_hal.now_ns + SECOND_NS),
                     BG_ERR_UNSUPPORTED);
    assert_int_equal(heap_in_use(), used);
    assert_int_equal(fake.commands, commands);
    fake_pvgpu_kill(&fake);
    assert_int_equal(bg_pvgpu_check(&gpu), BG_ERR_UNAVAILABLE);
    assert_int_equal(bg_pvgpu_dispatch(&gpu, 1, 1, 1), BG_ERR_UNAVAILABLE);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, pvgpu_teardown)
    const struct CMUnitTest tests[] = {
        TEST(shaders),
        TEST(a_shader_is_loaded),
        TEST(a_shader_that_does_not_compile),
        TEST(why_it_does_not_compile),
        TEST(a_shader_whose_compiler_hangs),
        TEST(a_shader_without_room),
        TEST(views),
        TEST(blend),
        TEST(rasterizer),
        TEST(depth_stencil),
        TEST(samplers),
        TEST(input_layout),
        TEST(names_in_the_heap),
        TEST(ids_run_out),
        TEST(vertices),
        TEST(what_shaders_use),
        TEST(slots_that_are_not_there),
        TEST(draws),
        TEST(more_draws_than_the_ring_holds),
        cmocka_unit_test_setup_teardown(a_backend_that_does_not_draw, pvgpu_setup, pvgpu_teardown),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
