/* SPDX-License-Identifier: BSD-2-Clause */
// build: host/mediator/pvgpu/vulkan/program.c host/mediator/pvgpu/vulkan/interface.c
// build: host/mediator/pvgpu/vulkan/dxbc.c host/mediator/pvgpu/vulkan/points.c
// libs: $(SPIRV_LIBS) -ldl
// needs: build/tests/shaders/slots.vert.spv build/tests/shaders/slots.frag.spv
// needs: build/tests/shaders/groups.comp.spv build/tests/shaders/adjacent.geom.spv
// needs: build/tests/shaders/array.frag.spv build/tests/shaders/other_set.frag.spv
// needs: build/tests/shaders/other_slot.frag.spv build/tests/shaders/push.vert.spv
// needs: build/tests/shaders/pointer.comp.spv build/tests/shaders/large.comp.spv
// needs: build/tests/shaders/huge_group.spv build/tests/shaders/other_name.spv
// needs: build/tests/shaders/invalid.spv build/tests/shaders/targets.frag.spv
// needs: build/tests/shaders/two_sources.frag.spv build/tests/shaders/flat.vert.spv
// needs: build/tests/shaders/place.vert.spv build/tests/shaders/nothing.vert.spv
/* What is read of shaders, and which are refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "host/mediator/pvgpu/vulkan/program.h"
#include "tests/shaders/read.h"

static const struct interface_limits all = {
    .geometry = true,
    .tessellation = true,
    .group_size = {1024, 1024, 64},
    .group_invocations = 1024,
    .shared_size = 32768,
    .patch_points = 32,
};

/* "" when it is taken. */
static const char *read_shader(struct program *program, const char *name, enum bg_pvgpu_stage stage,
                               const struct interface_limits *limits)
{
    static char reason[PROGRAM_REASON_MAX];
    size_t size;
    uint32_t *words = shader_read_file(name, &size);

    if (program_read(program, words, size, stage, limits, reason)) {
        reason[0] = '\0';
    }
    free(words);
    return reason;
}

static void expect_refused(const char *name, enum bg_pvgpu_stage stage,
                           const struct interface_limits *limits, const char *part)
{
    struct program program;
    const char *reason = read_shader(&program, name, stage, limits);

    if (strstr(reason, part) == NULL || strchr(reason, '\n') != NULL) {
        fail_msg("%s: '%s', not '%s'", name, reason, part);
    }
    assert_null(program.words);
}

static const struct interface_binding *binding_of(const struct program *program, uint32_t binding)
{
    for (uint32_t i = 0; i < program->interface.binding_count; i++) {
        if (program->interface.bindings[i].binding == binding) {
            return &program->interface.bindings[i];
        }
    }
    fail_msg("no binding %u", binding);
    return NULL;
}

static void test_vertex_shader(void **state)
{
    struct program program;
    const struct interface *interface = &program.interface;

    (void)state;
    assert_string_equal(read_shader(&program, "slots.vert", BG_PVGPU_STAGE_VERTEX, &all), "");
    assert_int_equal(interface->inputs, 0x3B); /* a matrix has two */
    assert_int_equal(interface->input_class[0], INTERFACE_FLOAT);
    assert_int_equal(interface->input_class[1], INTERFACE_SINT);
    assert_int_equal(interface->input_class[3], INTERFACE_UINT);
    assert_int_equal(interface->input_class[5], INTERFACE_FLOAT);
    assert_int_equal(interface->binding_count, 1);
    assert_int_equal(binding_of(&program, 2)->type, VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER);
    assert_false(program.named);
    program_free(&program);
}

/* Each is another module, and valid; of what is no module there is none. */
static void test_points(void **state)
{
    const char *const names[] = {"flat.vert", "place.vert", "slots.vert", "nothing.vert"};

    (void)state;
    for (uint32_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char reason[PROGRAM_REASON_MAX] = "";
        struct program program, points;
        size_t count = 0;
        uint32_t *words;

        assert_string_equal(read_shader(&program, names[i], BG_PVGPU_STAGE_VERTEX, &all), "");
        words = program_make_points(&program, &count);
        assert_non_null(words);
        assert_true(count > program.count);
        if (!program_read(&points, words, count * 4, BG_PVGPU_STAGE_VERTEX, &all, reason)) {
            fail_msg("%s: %s", names[i], reason);
        }
        free(words);
        program_free(&points);
        for (program.count--; program.count > 0; program.count--) { /* it ends too early */
            free(program_make_points(&program, &count));
        }
        assert_null(program_make_points(&program, &count));
        program_free(&program);
    }
}

static void test_every_type_of_slot(void **state)
{
    static const struct {
        uint32_t binding;
        VkDescriptorType type;
        VkImageViewType view;
    } expected[] = {
        {16, VK_DESCRIPTOR_TYPE_SAMPLED_IMAGE, VK_IMAGE_VIEW_TYPE_2D},
        {17, VK_DESCRIPTOR_TYPE_SAMPLED_IMAGE, VK_IMAGE_VIEW_TYPE_CUBE_ARRAY},
        {18, VK_DESCRIPTOR_TYPE_UNIFORM_TEXEL_BUFFER, 0},
        {19, VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, 0},
        {20, VK_DESCRIPTOR_TYPE_SAMPLED_IMAGE, VK_IMAGE_VIEW_TYPE_2D},
        {144, VK_DESCRIPTOR_TYPE_SAMPLER, 0},
        {160, VK_DESCRIPTOR_TYPE_STORAGE_IMAGE, VK_IMAGE_VIEW_TYPE_2D},
        {161, VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, 0},
        {167, VK_DESCRIPTOR_TYPE_STORAGE_TEXEL_BUFFER, 0},
    };
    struct program program;

    (void)state;
    assert_string_equal(read_shader(&program, "slots.frag", BG_PVGPU_STAGE_PIXEL, &all), "");
    assert_int_equal(program.interface.outputs, 0x5);
    assert_int_equal(program.interface.inputs, 0);
    assert_int_equal(program.interface.binding_count, 9);
    for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
        const struct interface_binding *binding = binding_of(&program, expected[i].binding);

        assert_int_equal(binding->type, expected[i].type);
        assert_int_equal(binding->view, expected[i].view);
        assert_int_equal(binding->multisampled, expected[i].binding == 20);
    }
    program_free(&program);
}

static void test_other_stages(void **state)
{
    struct program program;

    (void)state;
    assert_string_equal(read_shader(&program, "adjacent.geom", BG_PVGPU_STAGE_GEOMETRY, &all), "");
    assert_int_equal(program.interface.input_vertices, 6);
    program_free(&program);
    assert_string_equal(read_shader(&program, "groups.comp", BG_PVGPU_STAGE_COMPUTE, &all), "");
    program_free(&program);
}

/* What a device does not have, or a guest must not do. */
static void test_refused(void **state)
{
    struct interface_limits limits = all;

    (void)state;
    expect_refused("slots.vert", BG_PVGPU_STAGE_PIXEL, &all, "not of this stage");
    expect_refused("array.frag", BG_PVGPU_STAGE_PIXEL, &all, "arrays of descriptors");
    expect_refused("other_set.frag", BG_PVGPU_STAGE_PIXEL, &all, "this stage has set 1");
    expect_refused("other_slot.frag", BG_PVGPU_STAGE_PIXEL, &all, "binding 16 is not for");
    expect_refused("push.vert", BG_PVGPU_STAGE_VERTEX, &all, "storage class 9");
    expect_refused("pointer.comp", BG_PVGPU_STAGE_COMPUTE, &all, "capability 5347");
    expect_refused("large.comp", BG_PVGPU_STAGE_COMPUTE, &all, "more than 65536 bytes");
    expect_refused("huge_group", BG_PVGPU_STAGE_COMPUTE, &all, "4096 x 1 x 1 is too large");
    expect_refused("other_name", BG_PVGPU_STAGE_COMPUTE, &all, "not called main");
    expect_refused("invalid", BG_PVGPU_STAGE_COMPUTE, &all, "IAdd");
    limits.geometry = false;
    expect_refused("adjacent.geom", BG_PVGPU_STAGE_GEOMETRY, &limits, "capability 2");
    limits.group_invocations = 255;
    expect_refused("groups.comp", BG_PVGPU_STAGE_COMPUTE, &limits, "16 x 8 x 2 is too large");
    limits = all;
    limits.shared_size = 4095;
    expect_refused("groups.comp", BG_PVGPU_STAGE_COMPUTE, &limits, "shares more than 4095 bytes");
}

static void test_not_a_shader(void **state)
{
    static const uint32_t text[] = {0x74786574, 0, 0, 0, 0};
    static const uint32_t dxbc[] = {BG_PVGPU_DXBC_MAGIC, 0, 0, 0, 0};
    char reason[PROGRAM_REASON_MAX];
    struct program program;

    (void)state;
    assert_false(program_read(&program, text, 0, BG_PVGPU_STAGE_PIXEL, &all, reason));
    assert_false(program_read(&program, text, 2, BG_PVGPU_STAGE_PIXEL, &all, reason));
    assert_false(program_read(&program, text, sizeof(text), BG_PVGPU_STAGE_PIXEL, &all, reason));
    assert_string_equal(reason, "neither SPIR-V nor DXBC");
    assert_false(program_read(&program, dxbc, sizeof(dxbc), BG_PVGPU_STAGE_PIXEL, &all, reason));
    assert_true(reason[0] != '\0' && strchr(reason, '\n') == NULL);
}

/* The reader by itself, on what no validator has seen: each word in turn is something else. */
static void test_reader_keeps_its_bounds(void **state)
{
    static const uint32_t values[] = {0, 1, 0xFF, 0x7FFFFFFF, 0xFFFFFFFF, 0x0001003B, 0xFFFF001E};
    static struct interface interface;
    char reason[PROGRAM_REASON_MAX];
    size_t size;
    uint32_t *words = shader_read_file("slots.frag", &size);

    (void)state;
    for (size_t i = 0; i < size / 4; i++) {
        uint32_t *copy = malloc(size); /* its end is watched */

        assert_non_null(copy);
        for (size_t value = 0; value < sizeof(values) / sizeof(values[0]); value++) {
            memcpy(copy, words, size);
            copy[i] = values[value];
            interface_read(&interface, copy, size / 4, BG_PVGPU_STAGE_PIXEL, &all, reason,
                           sizeof(reason));
        }
        interface_read(&interface, copy + i, size / 4 - i, BG_PVGPU_STAGE_PIXEL, &all, reason,
                       sizeof(reason));
        interface_read(&interface, words, i, BG_PVGPU_STAGE_PIXEL, &all, reason, sizeof(reason));
        free(copy);
    }
    free(words);
}

/* Drivers differ in what they do with two locations; with two indices of one they do not. */
static void test_second_source(void **state)
{
    struct program program, dual;
    char reason[PROGRAM_REASON_MAX];
    uint32_t *words;

    (void)state;
    assert_string_equal(read_shader(&program, "targets.frag", BG_PVGPU_STAGE_PIXEL, &all), "");
    assert_int_equal(program.interface.outputs, 3);
    words = program_make_dual(&program);
    assert_non_null(words);
    if (!program_read(&dual, words, (program.count + 4) * 4, BG_PVGPU_STAGE_PIXEL, &all, reason)) {
        fail_msg("%s", reason);
    }
    assert_int_equal(dual.interface.outputs, 1);
    assert_null(program_make_dual(&dual));
    free(words);
    program_free(&dual);
    program.interface.second_output = (uint32_t)program.count; /* as no reader says it */
    assert_null(program_make_dual(&program));
    program_free(&program);
    assert_string_equal(read_shader(&program, "two_sources.frag", BG_PVGPU_STAGE_PIXEL, &all), "");
    assert_null(program_make_dual(&program)); /* it says so itself */
    program_free(&program);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vertex_shader),
        cmocka_unit_test(test_points),
        cmocka_unit_test(test_every_type_of_slot),
        cmocka_unit_test(test_other_stages),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_not_a_shader),
        cmocka_unit_test(test_reader_keeps_its_bounds),
        cmocka_unit_test(test_second_source),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
