/* SPDX-License-Identifier: BSD-2-Clause */
// build: host/mediator/pvgpu/vulkan/state.c
/* Direct3D's state objects as Vulkan's, and which are refused. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "host/mediator/pvgpu/vulkan/state.h"

static const struct state_limits all = {
    .anisotropy = 8,
    .lod_bias = 15,
    .reduction = true,
    .custom_border = true,
    .mirror_once = true,
    .wireframe = true,
    .dual_source = true,
    .divisors = true,
};

#define REFUSED BG_PVGPU_ERROR_INVALID_PARAMETER

/* ---- Blend ---- */

static struct bg_pvgpu_create_blend_state over(void)
{
    return (struct bg_pvgpu_create_blend_state){
        .targets = {{1, BG_PVGPU_BLEND_SRC_ALPHA, BG_PVGPU_BLEND_INV_SRC_ALPHA,
                     BG_PVGPU_BLEND_OP_ADD, BG_PVGPU_BLEND_ONE, BG_PVGPU_BLEND_ZERO,
                     BG_PVGPU_BLEND_OP_MAX, BG_PVGPU_COLOR_WRITE_ALL}},
    };
}

static void test_blend(void **state)
{
    struct bg_pvgpu_create_blend_state create = over();
    struct state_blend blend;

    (void)state;
    create.alpha_to_coverage = 1;
    assert_int_equal(state_read_blend(&blend, &create, &all), BG_PVGPU_OK);
    assert_true(blend.alpha_to_coverage);
    assert_int_equal(blend.targets[7].srcColorBlendFactor, VK_BLEND_FACTOR_SRC_ALPHA);
    assert_int_equal(blend.targets[7].dstColorBlendFactor, VK_BLEND_FACTOR_ONE_MINUS_SRC_ALPHA);
    assert_int_equal(blend.targets[7].alphaBlendOp, VK_BLEND_OP_MAX);
    assert_int_equal(blend.targets[7].colorWriteMask, 0xF);
    create.independent = 1; /* the others are zero: no factors, and not enabled */
    assert_int_equal(state_read_blend(&blend, &create, &all), BG_PVGPU_OK);
    assert_true(blend.targets[0].blendEnable);
    assert_false(blend.targets[1].blendEnable);
    assert_int_equal(blend.targets[1].colorWriteMask, 0);
}

static void test_blend_refused(void **state)
{
    struct state_limits limits = all;
    struct bg_pvgpu_create_blend_state create = over();
    struct state_blend blend;

    (void)state;
    create.targets[0].src_alpha = BG_PVGPU_BLEND_SRC_COLOR; /* no colour for alpha */
    assert_int_equal(state_read_blend(&blend, &create, &all), REFUSED);
    for (uint32_t i = 0; i < 3; i++) {
        static const uint32_t bad[] = {0, 12, 20};

        create = over();
        create.targets[0].dest = bad[i];
        assert_int_equal(state_read_blend(&blend, &create, &all), REFUSED);
    }
    create = over();
    create.targets[0].op = 6;
    assert_int_equal(state_read_blend(&blend, &create, &all), REFUSED);
    create = over();
    create.targets[0].write_mask = 0x10;
    assert_int_equal(state_read_blend(&blend, &create, &all), REFUSED);
    create = over();
    create.targets[0].dest = BG_PVGPU_BLEND_INV_SRC1_ALPHA;
    assert_int_equal(state_read_blend(&blend, &create, &all), BG_PVGPU_OK);
    assert_true(blend.dual_source);
    limits.dual_source = false;
    assert_int_equal(state_read_blend(&blend, &create, &limits), REFUSED);
}

/* ---- Rasterizer, depth and stencil ---- */

static void test_rasterizer(void **state)
{
    struct bg_pvgpu_create_rasterizer_state create = {
        .fill_mode = BG_PVGPU_FILL_WIREFRAME,
        .cull_mode = BG_PVGPU_CULL_FRONT,
        .front_ccw = 1,
        .depth_bias = -3,
        .scissor = 1,
    };
    struct state_limits limits = all;
    struct state_rasterizer rasterizer;

    (void)state;
    assert_int_equal(state_read_rasterizer(&rasterizer, &create, &all), BG_PVGPU_OK);
    assert_int_equal(rasterizer.fill, VK_POLYGON_MODE_LINE);
    assert_int_equal(rasterizer.cull, VK_CULL_MODE_FRONT_BIT);
    assert_int_equal(rasterizer.front, VK_FRONT_FACE_COUNTER_CLOCKWISE);
    assert_true(rasterizer.bias == -3 && rasterizer.scissor && !rasterizer.depth_clip);
    limits.wireframe = false;
    assert_int_equal(state_read_rasterizer(&rasterizer, &create, &limits), REFUSED);
    create.cull_mode = 4;
    assert_int_equal(state_read_rasterizer(&rasterizer, &create, &all), REFUSED);
    create.cull_mode = BG_PVGPU_CULL_NONE;
    create.fill_mode = 1;
    assert_int_equal(state_read_rasterizer(&rasterizer, &create, &all), REFUSED);
    create.fill_mode = BG_PVGPU_FILL_SOLID;
    create.slope_scaled_depth_bias = NAN;
    assert_int_equal(state_read_rasterizer(&rasterizer, &create, &all), REFUSED);
}

static void test_depth_stencil(void **state)
{
    struct bg_pvgpu_create_depth_stencil_state create = {
        .depth_enable = 1,
        .depth_func = BG_PVGPU_COMPARISON_GREATER_EQUAL,
        .stencil_enable = 1,
        .read_mask = 0x1F0,
        .write_mask = 0xF,
        .front = {BG_PVGPU_STENCIL_OP_KEEP, BG_PVGPU_STENCIL_OP_ZERO, BG_PVGPU_STENCIL_OP_DECR,
                  BG_PVGPU_COMPARISON_NOT_EQUAL},
        .back = {BG_PVGPU_STENCIL_OP_REPLACE, BG_PVGPU_STENCIL_OP_INCR_SAT,
                 BG_PVGPU_STENCIL_OP_INVERT, BG_PVGPU_COMPARISON_NEVER},
    };
    struct state_depth_stencil depth;

    (void)state;
    assert_int_equal(state_read_depth_stencil(&depth, &create), BG_PVGPU_OK);
    assert_true(depth.depth_test && !depth.depth_write && depth.stencil_test);
    assert_int_equal(depth.depth_compare, VK_COMPARE_OP_GREATER_OR_EQUAL);
    assert_int_equal(depth.front.depthFailOp, VK_STENCIL_OP_ZERO);
    assert_int_equal(depth.front.passOp, VK_STENCIL_OP_DECREMENT_AND_WRAP);
    assert_int_equal(depth.front.compareOp, VK_COMPARE_OP_NOT_EQUAL);
    assert_int_equal(depth.back.failOp, VK_STENCIL_OP_REPLACE);
    assert_int_equal(depth.back.depthFailOp, VK_STENCIL_OP_INCREMENT_AND_CLAMP);
    assert_int_equal(depth.back.compareMask, 0xF0);
    create.back.func = 9;
    assert_int_equal(state_read_depth_stencil(&depth, &create), REFUSED);
    create.stencil_enable = 0; /* not looked at */
    assert_int_equal(state_read_depth_stencil(&depth, &create), BG_PVGPU_OK);
    create.depth_func = 0;
    assert_int_equal(state_read_depth_stencil(&depth, &create), REFUSED);
    create.depth_enable = 0;
    create.depth_write_mask = 1; /* without a test nothing is written */
    assert_int_equal(state_read_depth_stencil(&depth, &create), BG_PVGPU_OK);
    assert_false(depth.depth_write);
}

/* ---- Samplers ---- */

static void test_samplers(void **state)
{
    struct bg_pvgpu_create_sampler create = state_default_sampler;
    struct state_sampler sampler;

    (void)state;
    assert_int_equal(state_read_sampler(&sampler, &create, &all), BG_PVGPU_OK);
    assert_int_equal(sampler.info.magFilter, VK_FILTER_LINEAR);
    assert_true(sampler.info.minLod == 0 && sampler.info.maxLod == VK_LOD_CLAMP_NONE);
    create.filter = BG_PVGPU_FILTER_ANISOTROPIC | BG_PVGPU_FILTER_COMPARISON;
    create.max_anisotropy = 16;
    create.comparison = BG_PVGPU_COMPARISON_LESS;
    assert_int_equal(state_read_sampler(&sampler, &create, &all), BG_PVGPU_OK);
    assert_true(sampler.info.anisotropyEnable && sampler.info.maxAnisotropy == 8);
    assert_true(sampler.info.compareEnable && sampler.info.compareOp == VK_COMPARE_OP_LESS);
    create.filter = BG_PVGPU_FILTER_MAG_LINEAR | BG_PVGPU_FILTER_MINIMUM;
    create.address_v = BG_PVGPU_ADDRESS_BORDER;
    create.border[2] = 0.5f;
    assert_int_equal(state_read_sampler(&sampler, &create, &all), BG_PVGPU_OK);
    assert_int_equal(sampler.info.minFilter, VK_FILTER_NEAREST);
    assert_true(sampler.has_reduction && sampler.has_border);
    assert_true(sampler.border.customBorderColor.float32[2] == 0.5f);
    create.border[2] = 1;
    assert_int_equal(state_read_sampler(&sampler, &create, &all), BG_PVGPU_OK);
    assert_false(sampler.has_border);
    assert_int_equal(sampler.info.borderColor, VK_BORDER_COLOR_FLOAT_OPAQUE_WHITE);
}

static void test_samplers_refused(void **state)
{
    static const uint32_t filters[] = {0x02, 0x40, 0x45, 0x200};
    struct bg_pvgpu_create_sampler create = state_default_sampler;
    struct state_limits limits = all;
    struct state_sampler sampler;

    (void)state;
    for (uint32_t i = 0; i < 4; i++) {
        create.filter = filters[i];
        assert_int_equal(state_read_sampler(&sampler, &create, &all), REFUSED);
    }
    create = state_default_sampler;
    create.address_w = 6;
    assert_int_equal(state_read_sampler(&sampler, &create, &all), REFUSED);
    create = state_default_sampler;
    create.max_lod = create.min_lod - INFINITY;
    assert_int_equal(state_read_sampler(&sampler, &create, &all), REFUSED);
    create = state_default_sampler;
    create.mip_lod_bias = NAN;
    assert_int_equal(state_read_sampler(&sampler, &create, &all), REFUSED);
    create = state_default_sampler;
    create.filter = BG_PVGPU_FILTER_MAXIMUM;
    limits.reduction = false;
    assert_int_equal(state_read_sampler(&sampler, &create, &limits), REFUSED);
    create = state_default_sampler;
    create.address_u = BG_PVGPU_ADDRESS_BORDER;
    create.border[0] = 0.25f;
    limits.custom_border = false;
    assert_int_equal(state_read_sampler(&sampler, &create, &limits), REFUSED);
}

/* ---- Input layouts ---- */

static void test_layout(void **state)
{
    const struct bg_pvgpu_create_input_layout create = {
        .count = 5,
        .elements =
            {
                {0, 0, BG_PVGPU_FORMAT_R32G32B32_FLOAT, 0, BG_PVGPU_APPEND_ALIGNED, 0, 0},
                {0, 2, BG_PVGPU_FORMAT_R8G8_UNORM, 0, BG_PVGPU_APPEND_ALIGNED, 0, 0},
                {0, 0, BG_PVGPU_FORMAT_R16G16_UINT, 0, BG_PVGPU_APPEND_ALIGNED, 0, 0},
                {0, 0, BG_PVGPU_FORMAT_R32G32_SINT, 3, 8, BG_PVGPU_PER_INSTANCE_DATA, 4},
                {0, 0, BG_PVGPU_FORMAT_R8_UINT, 3, BG_PVGPU_APPEND_ALIGNED, 1, 4},
            },
    };
    struct state_layout layout;

    (void)state;
    assert_int_equal(state_read_layout(&layout, &create, &all), BG_PVGPU_OK);
    assert_int_equal(layout.count, 5);
    assert_int_equal(layout.elements[1].offset, 12);
    assert_int_equal(layout.elements[1].index, 2);
    assert_int_equal(layout.elements[2].offset, 16);
    assert_int_equal(layout.elements[4].offset, 16);
    assert_true(layout.slots[0].used && !layout.slots[0].per_instance);
    assert_true(layout.slots[3].per_instance && layout.slots[3].step_rate == 4);
    assert_int_equal(layout.slots[3].alignment, 4);
    assert_false(layout.slots[1].used);
    assert_int_equal(state_get_input_format(&layout.elements[2], INTERFACE_SINT),
                     VK_FORMAT_R16G16_SINT);
    assert_int_equal(state_get_input_format(&layout.elements[3], INTERFACE_UINT),
                     VK_FORMAT_R32G32_UINT);
    assert_int_equal(state_get_input_format(&layout.elements[3], INTERFACE_FLOAT),
                     VK_FORMAT_UNDEFINED);
    assert_int_equal(state_get_input_format(&layout.elements[0], INTERFACE_FLOAT),
                     VK_FORMAT_R32G32B32_SFLOAT);
}

static void test_layout_refused(void **state)
{
    static const struct {
        struct bg_pvgpu_input_element element;
        enum bg_pvgpu_error error;
    } bad[] = {
        {{0, 0, BG_PVGPU_FORMAT_D32_FLOAT, 0, 0, 0, 0}, BG_PVGPU_ERROR_UNSUPPORTED_FORMAT},
        {{0, 0, BG_PVGPU_FORMAT_R32_FLOAT, 16, 0, 0, 0}, REFUSED},
        {{0, 0, BG_PVGPU_FORMAT_R32_FLOAT, 0, 2, 0, 0}, REFUSED},
        {{0, 0, BG_PVGPU_FORMAT_R32_FLOAT, 0, 2045, 0, 0}, REFUSED},
        {{0, 0, BG_PVGPU_FORMAT_R32_FLOAT, 0, 0xFFFFFFFC, 0, 0}, REFUSED},
        {{0, 0, BG_PVGPU_FORMAT_R32_FLOAT, 0, 0, 2, 0}, REFUSED},
        {{0, 0, BG_PVGPU_FORMAT_R32_FLOAT, 0, 0, 0, 1}, REFUSED},
        {{0, 0, BG_PVGPU_FORMAT_R32_FLOAT, 5, 0, 1, 1}, REFUSED}, /* slot 5 is by vertex */
    };
    struct bg_pvgpu_create_input_layout create = {
        .count = 2,
        .elements = {{0, 0, BG_PVGPU_FORMAT_R32_FLOAT, 5, 0, 0, 0}},
    };
    struct state_layout layout;

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        create.elements[1] = bad[i].element;
        assert_int_equal(state_read_layout(&layout, &create, &all), bad[i].error);
    }
    create.count = 33;
    assert_int_equal(state_read_layout(&layout, &create, &all), REFUSED);
}

/* ---- Topologies, viewports ---- */

static void test_topologies(void **state)
{
    struct state_topology topology;

    (void)state;
    assert_true(state_read_topology(&topology, BG_PVGPU_TOPOLOGY_TRIANGLE_STRIP));
    assert_int_equal(topology.class, VK_PRIMITIVE_TOPOLOGY_TRIANGLE_LIST);
    assert_true(topology.strip);
    assert_true(state_read_topology(&topology, BG_PVGPU_TOPOLOGY_PATCH_32));
    assert_int_equal(topology.patch_points, 32);
    for (uint32_t i = 6; i < 10; i++) {
        assert_false(state_read_topology(&topology, i));
    }
    assert_false(state_read_topology(&topology, 0));
    assert_false(state_read_topology(&topology, 14));
    assert_false(state_read_topology(&topology, 65));
}

static void test_view_ports(void **state)
{
    const struct bg_pvgpu_viewport viewports[] = {
        {10, 20, 30, 40, 0.25f, 1}, {0, 0, 0, 5, 0, 1}, {1e9f, -1e9f, 1e9f, 1e9f, 0, 1}};
    const struct bg_pvgpu_rectangle scissors[] = {{-5, 2, 8, INT32_MAX}};
    struct state_view_ports ports;

    (void)state;
    state_set_view_ports(&ports, viewports, 3, NULL, 0);
    assert_int_equal(ports.count, 3);
    assert_true(ports.viewports[0].y == 60 && ports.viewports[0].height == -40);
    assert_int_equal(ports.scissors[0].extent.width, INT32_MAX);
    assert_int_equal(ports.scissors[1].extent.width, 0); /* a viewport without a side */
    assert_true(ports.viewports[2].x + ports.viewports[2].width <= 32767);
    assert_true(ports.viewports[2].y - 16384 >= -32768);
    state_set_view_ports(&ports, viewports, 3, scissors, 1);
    assert_int_equal(ports.scissors[0].offset.x, 0);
    assert_int_equal(ports.scissors[0].extent.width, 8);
    assert_int_equal(ports.scissors[0].extent.height, INT32_MAX - 2);
    assert_int_equal(ports.scissors[2].extent.height, 0);
    state_set_view_ports(&ports, viewports, 0, NULL, 0);
    assert_int_equal(ports.count, 1);
    assert_int_equal(ports.scissors[0].extent.width, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_blend),      cmocka_unit_test(test_blend_refused),
        cmocka_unit_test(test_rasterizer), cmocka_unit_test(test_depth_stencil),
        cmocka_unit_test(test_samplers),   cmocka_unit_test(test_samplers_refused),
        cmocka_unit_test(test_layout),     cmocka_unit_test(test_layout_refused),
        cmocka_unit_test(test_topologies), cmocka_unit_test(test_view_ports),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
