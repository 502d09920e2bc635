/* SPDX-License-Identifier: BSD-2-Clause */
// build: $(PVGPU_VULKAN_SRC)
// libs: $(SPIRV_LIBS) -ldl -lseccomp
/* Shaders in Direct3D's bytecode: inputs by semantic, slots by register. */
#include "tests/unit/mediator/pvgpu_dxbc_fixture.h"

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

/* o0 = t0 at v1, by s0 */
static void build_textured(struct dxbc_blob *blob)
{
    static const uint32_t tokens[] = {
        DXBC_OP(90, 3),
        0x00106000,
        0, /* dcl_sampler s0 */
        DXBC_OP(88 | 3 << 11, 4),
        0x00107000,
        0,
        0x5555, /* dcl_resource_texture2d (float) t0 */
        DXBC_OP(98 | 2 << 11, 3),
        0x00101032,
        1, /* dcl_input_ps linear v1.xy */
        DXBC_OP(101, 3),
        DXBC_OUTPUT(0), /* dcl_output */
        DXBC_OP(69, 9),
        DXBC_OUTPUT(0),
        0x00101046,
        1,
        0x00107E46,
        0,
        0x00106000,
        0, /* sample */
        DXBC_RET,
    };

    static const struct dxbc_shader shader = {DXBC_PIXEL, 4, DXBC_SIGNATURE(dxbc_between),
                                              DXBC_SIGNATURE(dxbc_targets), DXBC_TOKENS(tokens)};

    dxbc_build(blob, &shader);
}

static void make_picture(void)
{
    struct bg_pvgpu_create_resource create =
        texture(PICTURE, BG_PVGPU_FORMAT_R8G8B8A8_UNORM, SIDE, SIDE);

    context.renderer->ops->finish(&context);
    for (uint32_t i = 0; i < SIDE * SIDE; i++) {
        ((uint32_t *)heap)[i] = i * 2654435761u;
    }
    create.bind_flags = BG_PVGPU_BIND_SHADER_RESOURCE;
    create.data_size = SIDE * SIDE * 4;
    GO(&create);
    make_view_of(BG_PVGPU_CMD_CREATE_SHADER_RESOURCE_VIEW, PICTURE);
}

/* A triangle over everything, the places in the texture where the colours are. */
static void test_texture(void **state)
{
    static const struct vertex corners[] = {
        {{-1, 1, 0, 1}, {0, 0, 0, 0}},
        {{3, 1, 0, 1}, {255, 0, 0, 0}},
        {{-1, -3, 0, 1}, {0, 255, 0, 0}},
    };
    static const float twice[] = {2, 2, 1, 1};
    struct bg_pvgpu_set_shader_resource set =
        COMMAND(struct bg_pvgpu_set_shader_resource, BG_PVGPU_CMD_SET_SHADER_RESOURCE, 0,
                .stage = BG_PVGPU_STAGE_PIXEL, .count = 1, .views = {PICTURE});
    struct bg_pvgpu_create_sampler sampler =
        COMMAND(struct bg_pvgpu_create_sampler, BG_PVGPU_CMD_CREATE_SAMPLER, 0, .sampler_id = STATE,
                .address_u = 3, .address_v = 3, .address_w = 3);
    struct bg_pvgpu_set_sampler set_sampler =
        COMMAND(struct bg_pvgpu_set_sampler, BG_PVGPU_CMD_SET_SAMPLER, 0,
                .stage = BG_PVGPU_STAGE_PIXEL, .count = 1, .samplers = {STATE});
    struct dxbc_blob blob;
    const uint32_t *pixels;

    (void)state;
    make_target(TARGET, BG_PVGPU_FORMAT_R8G8B8A8_UNORM);
    bind_targets(TARGET, 0, 0);
    dxbc_tinted_vertex(&blob);
    make_blob(VERTEX_SHADER, BG_PVGPU_STAGE_VERTEX, &blob);
    build_textured(&blob);
    make_blob(PIXEL_SHADER, BG_PVGPU_STAGE_PIXEL, &blob);
    make_filled(VERTICES, BG_PVGPU_BIND_VERTEX_BUFFER, corners, sizeof(corners));
    make_filled(CONSTANTS, BG_PVGPU_BIND_CONSTANT_BUFFER, twice, sizeof(twice));
    make_picture();
    bind_vertices(0, VERTICES, sizeof(struct vertex), 0);
    bind_constants(BG_PVGPU_STAGE_VERTEX, 0, CONSTANTS, 0);
    GO(&set);
    GO(&sampler);
    GO(&set_sampler);
    set_topology(BG_PVGPU_TOPOLOGY_TRIANGLE_LIST);
    set_viewport(0, 0, SIDE, SIDE);
    make_named_layout("COLOR", "POSITION");
    draw_now(3, 0);
    pixels = read_pixels(TARGET);
    for (uint32_t i = 0; i < SIDE * SIDE; i++) {
        assert_int_equal(pixels[i], i * 2654435761u);
    }
}

/* u0[i] = t0[i] + 5, words by their bytes' places, four to a group. */
static void build_sum(struct dxbc_blob *blob)
{
    static const uint32_t tokens[] = {
        DXBC_OP(106, 1), /* dcl_globalFlags */
        DXBC_OP(161, 3),
        0x00107000,
        0, /* dcl_resource_raw t0 */
        DXBC_OP(157, 3),
        0x0011E000,
        0, /* dcl_uav_raw u0 */
        DXBC_OP(95, 2),
        0x00020012, /* dcl_input vThreadID.x */
        DXBC_OP(104, 2),
        1, /* dcl_temps */
        DXBC_OP(155, 4),
        4,
        1,
        1, /* dcl_thread_group */
        DXBC_OP(41, 6),
        0x00100012,
        0,
        0x0002000A,
        0x00004001,
        2, /* ishl r0.x, id, 2 */
        DXBC_OP(165, 7),
        0x00100022,
        0,
        0x0010000A,
        0,
        0x00107006,
        0, /* ld_raw r0.y */
        DXBC_OP(30, 7),
        0x00100022,
        0,
        0x0010001A,
        0,
        0x00004001,
        5, /* iadd r0.y, r0.y, 5 */
        DXBC_OP(166, 7),
        0x0011E012,
        0,
        0x0010000A,
        0,
        0x0010001A,
        0, /* store_raw u0.x */
        DXBC_RET,
    };

    static const struct dxbc_shader shader = {DXBC_COMPUTE, 5, DXBC_TOKENS(tokens)};

    dxbc_build(blob, &shader);
}

static void test_compute(void **state)
{
    static const uint32_t from[SIDE] = {7, 1000, 0xFFFFFFFF, 3, 2, 1, 0, 9};
    struct bg_pvgpu_set_shader_resource set =
        COMMAND(struct bg_pvgpu_set_shader_resource, BG_PVGPU_CMD_SET_SHADER_RESOURCE, 0,
                .stage = BG_PVGPU_STAGE_COMPUTE, .count = 1, .views = {WORDS});
    struct bg_pvgpu_dispatch dispatch = COMMAND(struct bg_pvgpu_dispatch, BG_PVGPU_CMD_DISPATCH, 0,
                                                .groups_x = 2, .groups_y = 1, .groups_z = 1);
    struct bg_pvgpu_update_resource read = transfer(BG_PVGPU_CMD_READ_RESOURCE, INSTANCES, 8192);
    struct dxbc_blob blob;

    (void)state;
    build_sum(&blob);
    make_blob(COMPUTE_SHADER, BG_PVGPU_STAGE_COMPUTE, &blob);
    make_filled(WORDS, BG_PVGPU_BIND_SHADER_RESOURCE, from, sizeof(from));
    make_view_of(BG_PVGPU_CMD_CREATE_SHADER_RESOURCE_VIEW, WORDS);
    make_filled(INSTANCES, BG_PVGPU_BIND_UNORDERED_ACCESS, from, sizeof(from));
    make_view_of(BG_PVGPU_CMD_CREATE_UNORDERED_ACCESS_VIEW, INSTANCES);
    GO(&set);
    set.header.type = BG_PVGPU_CMD_SET_UNORDERED_ACCESS;
    set.views[0] = INSTANCES;
    GO(&set);
    GO(&dispatch);
    GO(&read);
    assert_int_equal(context.renderer->ops->finish(&context).code, BG_PVGPU_OK);
    for (uint32_t i = 0; i < SIDE; i++) {
        assert_int_equal(((uint32_t *)(heap + 8192))[i], from[i] + (i < 8 ? 5 : 0));
    }
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
        cmocka_unit_test_setup_teardown(test_texture, setup, teardown),
        cmocka_unit_test_setup_teardown(test_compute, setup, teardown),
        cmocka_unit_test_setup_teardown(test_broken_blobs, setup, teardown),
    };

    return run_draw_tests("DXBC", tests, sizeof(tests) / sizeof(tests[0]));
}
