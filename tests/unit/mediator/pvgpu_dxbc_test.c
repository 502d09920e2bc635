/* SPDX-License-Identifier: BSD-2-Clause */
// build: $(PVGPU_VULKAN_SRC)
// libs: $(SPIRV_LIBS) -ldl -lseccomp
/* Shaders in Direct3D's bytecode: inputs by semantic, slots by register. */
#include "tests/shaders/dxbc_tinted.h"
#include "tests/unit/mediator/pvgpu_draw_fixture.h"

static void make_blob(uint32_t id, uint32_t stage, const struct dxbc_blob *blob)
{
    struct bg_pvgpu_set_shader set = COMMAND(struct bg_pvgpu_set_shader, BG_PVGPU_CMD_SET_SHADER, 0,
                                             .stage = stage, .shader_id = id);

    assert_int_equal(make_shader_of(id, stage, blob->bytes, blob->size), BG_PVGPU_OK);
    GO(&set);
}

/* Names in the heap: their places in the shared memory. */
static void make_named_layout(const char *first, const char *second)
{
    const uint32_t at = 1024;
    const struct bg_pvgpu_input_element elements[] = {
        {BG_PVGPU_HEAP_OFFSET + at, 1, BG_PVGPU_FORMAT_R8G8B8A8_UNORM, 0, 16, 0, 0},
        {BG_PVGPU_HEAP_OFFSET + at + 64, 0, BG_PVGPU_FORMAT_R32G32B32A32_FLOAT, 0, 0, 0, 0},
    };

    context.renderer->ops->finish(&context);
    strcpy((char *)heap + at, first);
    strcpy((char *)heap + at + 64, second);
    make_layout(elements, 2);
}

static bool upper_left(uint32_t x, uint32_t y)
{
    return x + y < SIDE - 1;
}

static void test_draw(void **state)
{
    static const struct vertex triangle[] = {
        {{-1, 1, 0, 1}, {255, 51, 0, 255}},
        {{1, 1, 0, 1}, {255, 51, 0, 255}},
        {{-1, -1, 0, 1}, {255, 51, 0, 255}},
    };
    static const float tint[] = {0.2f, 1, 1, 1};
    struct bg_pvgpu_draw draw = draw_of_vertices(3, 0);
    struct dxbc_blob blob;

    (void)state;
    make_target(TARGET, BG_PVGPU_FORMAT_R8G8B8A8_UNORM);
    bind_targets(TARGET, 0, 0);
    dxbc_tinted_vertex(&blob);
    make_blob(VERTEX_SHADER, BG_PVGPU_STAGE_VERTEX, &blob);
    dxbc_tinted_pixel(&blob);
    make_blob(PIXEL_SHADER, BG_PVGPU_STAGE_PIXEL, &blob);
    make_filled(VERTICES, BG_PVGPU_BIND_VERTEX_BUFFER, triangle, sizeof(triangle));
    make_filled(CONSTANTS, BG_PVGPU_BIND_CONSTANT_BUFFER, tint, sizeof(tint));
    bind_vertices(0, VERTICES, sizeof(struct vertex), 0);
    bind_constants(BG_PVGPU_STAGE_VERTEX, 0, CONSTANTS, 0);
    set_topology(BG_PVGPU_TOPOLOGY_TRIANGLE_LIST);
    set_viewport(0, 0, SIDE, SIDE);
    make_named_layout("color", "Position"); /* letters' case does not count */
    GO(&draw);
    expect_pixels(TARGET, upper_left, 0xFF003333);
    send_id(BG_PVGPU_CMD_DESTROY_INPUT_LAYOUT, LAYOUT);
    make_named_layout("COLOR", "NORMAL");
    REFUSED(BG_PVGPU_ERROR_INVALID_PARAMETER, &draw);
}

/* Bytes in turn are others, and the checksum is right again: refused or taken, nothing worse; the
 * translator's own assertions end its child alone. */
static void test_broken_blobs(void **state)
{
    struct dxbc_blob good, blob;
    uint32_t checksum[4], assertions = 0;

    (void)state;
    dxbc_tinted_vertex(&good);
    for (uint32_t i = 20; i < good.size; i += 3) {
        struct bg_pvgpu_set_object destroy_it = COMMAND(
            struct bg_pvgpu_set_object, BG_PVGPU_CMD_DESTROY_SHADER, 0, .id = VERTEX_SHADER);

        blob = good;
        blob.bytes[i] ^= i % 2 == 0 ? 0x81 : 0x12;
        dxbc_checksum(blob.bytes + 20, blob.size - 20, checksum);
        memcpy(blob.bytes + 4, checksum, sizeof(checksum));
        if (make_shader_of(VERTEX_SHADER, BG_PVGPU_STAGE_VERTEX, blob.bytes, blob.size) ==
            BG_PVGPU_OK) {
            GO(&destroy_it);
        } else {
            assertions += strstr(context.error_text, "gave up") != NULL;
        }
    }
    assert_int_not_equal(assertions, 0);
    blob = good;
    blob.bytes[60] ^= 1; /* now it is not */
    assert_int_equal(make_shader_of(VERTEX_SHADER, BG_PVGPU_STAGE_VERTEX, blob.bytes, blob.size),
                     BG_PVGPU_ERROR_SHADER_COMPILE);
    for (uint32_t size = 4; size < good.size; size += 4) {
        assert_int_equal(make_shader_of(VERTEX_SHADER, BG_PVGPU_STAGE_VERTEX, good.bytes, size),
                         BG_PVGPU_ERROR_SHADER_COMPILE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_draw, setup, teardown),
        cmocka_unit_test_setup_teardown(test_broken_blobs, setup, teardown),
    };

    return run_draw_tests("DXBC", tests, sizeof(tests) / sizeof(tests[0]));
}
