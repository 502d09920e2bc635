/* SPDX-License-Identifier: BSD-2-Clause */
// build: $(PVGPU_VULKAN_SRC)
// libs: $(SPIRV_LIBS) -ldl -lseccomp
// needs: build/tests/shaders/patch.tesc.spv
/* Direct3D's bytecode in the stages between vertices and pixels, and a pixel shader's second
 * source of blending. */
#include "tests/unit/mediator/pvgpu_dxbc_fixture.h"

enum { GEOMETRY_SHADER = STATE + 10, HULL_SHADER, DOMAIN_SHADER };

/* Of one plane in colour, too: red, yellow, black, green. */
static const struct vertex corners[] = {
    {{-1, 1, 0, 1}, {255, 0, 0, 255}},
    {{1, 1, 0, 1}, {255, 255, 0, 255}},
    {{-1, -1, 0, 1}, {0, 0, 0, 255}},
    {{1, -1, 0, 1}, {0, 255, 0, 255}},
};

static void make_stage(uint32_t id, uint32_t stage, const struct dxbc_shader *shader)
{
    struct dxbc_blob blob;

    dxbc_build(&blob, shader);
    make_blob(id, stage, &blob);
}

static void unset(uint32_t stage)
{
    struct bg_pvgpu_set_shader set =
        COMMAND(struct bg_pvgpu_set_shader, BG_PVGPU_CMD_SET_SHADER, 0, .stage = stage);

    GO(&set);
}

/* Both shaders of tinted.h, with nothing tinted. */
static void use_corners(void)
{
    static const float white[] = {1, 1, 1, 1};
    struct dxbc_blob blob;

    make_target(TARGET, BG_PVGPU_FORMAT_R8G8B8A8_UNORM);
    bind_targets(TARGET, 0, 0);
    dxbc_tinted_vertex(&blob);
    make_blob(VERTEX_SHADER, BG_PVGPU_STAGE_VERTEX, &blob);
    dxbc_tinted_pixel(&blob);
    make_blob(PIXEL_SHADER, BG_PVGPU_STAGE_PIXEL, &blob);
    make_filled(VERTICES, BG_PVGPU_BIND_VERTEX_BUFFER, corners, sizeof(corners));
    make_filled(CONSTANTS, BG_PVGPU_BIND_CONSTANT_BUFFER, white, sizeof(white));
    bind_vertices(0, VERTICES, sizeof(struct vertex), 0);
    bind_constants(BG_PVGPU_STAGE_VERTEX, 0, CONSTANTS, 0);
    make_named_layout("COLOR", "POSITION");
    set_viewport(0, 0, SIDE, SIDE);
}

/* What the topology draws without further stages is in SECOND_TARGET: each pixel of TARGET is that,
 * within a step of 8 bits. */
static void expect_like_plain(uint32_t topology, uint32_t count)
{
    uint32_t drawn[SIDE * SIDE];
    const uint8_t *plain, *other = (const uint8_t *)drawn;

    memcpy(drawn, read_pixels(TARGET), sizeof(drawn));
    unset(BG_PVGPU_STAGE_GEOMETRY);
    unset(BG_PVGPU_STAGE_HULL);
    unset(BG_PVGPU_STAGE_DOMAIN);
    make_target(SECOND_TARGET, BG_PVGPU_FORMAT_R8G8B8A8_UNORM);
    bind_targets(SECOND_TARGET, 0, 0);
    set_topology(topology);
    draw_now(count, 0);
    plain = (const uint8_t *)read_pixels(SECOND_TARGET);
    assert_int_equal(plain[3], 255); /* it is drawn */
    for (uint32_t i = 0; i < SIDE * SIDE * 4; i++) {
        if (abs(plain[i] - other[i]) > 1) {
            fail_msg("pixel %u, %u, channel %u: %u, not %u", i / 4 % SIDE, i / 4 / SIDE, i % 4,
                     other[i], plain[i]);
        }
    }
}

/* ---- Geometry ---- */

#define OFFSET_CORNER(x, y)                                                                        \
    DXBC_OP(0, 11), DXBC_OUTPUT(0), DXBC_VERTEX_OF(0, 0), DXBC_FLOATS(x, y, 0, 0), /* add */       \
        DXBC_OP(54, 6), DXBC_OUTPUT(1), DXBC_VERTEX_OF(0, 1),                      /* mov */       \
        DXBC_OP(117, 3), DXBC_STREAM(0)                                            /* emit_stream */

#define ONE 0x3F800000u
#define MINUS_ONE 0xBF800000u

/* A point becomes a square of half the target's side, to its right and below. */
static const uint32_t square_tokens[] = {
    DXBC_OP(97, 5),
    DXBC_MASKED_VERTEX(1, 0),
    1, /* dcl_input_siv v[1][0], position */
    DXBC_OP(95, 4),
    DXBC_MASKED_VERTEX(1, 1), /* dcl_input v[1][1] */
    DXBC_OP(93 | 1 << 11, 1), /* dcl_inputprimitive point */
    DXBC_OP(143, 3),
    DXBC_STREAM(0),           /* dcl_stream */
    DXBC_OP(92 | 5 << 11, 1), /* dcl_outputtopology trianglestrip */
    DXBC_OP(103, 4),
    DXBC_OUTPUT(0),
    1, /* dcl_output_siv position */
    DXBC_OP(101, 3),
    DXBC_OUTPUT(1), /* dcl_output */
    DXBC_OP(94, 2),
    4, /* dcl_maxout */
    OFFSET_CORNER(0, 0),
    OFFSET_CORNER(ONE, 0),
    OFFSET_CORNER(0, MINUS_ONE),
    OFFSET_CORNER(ONE, MINUS_ONE),
    DXBC_OP(118, 3),
    DXBC_STREAM(0), /* cut_stream */
    DXBC_RET,
};

static bool upper_left_quarter(uint32_t x, uint32_t y)
{
    return x < SIDE / 2 && y < SIDE / 2;
}

static void test_points_become_squares(void **state)
{
    static const struct dxbc_shader shader = {DXBC_GEOMETRY, 5, DXBC_SIGNATURE(dxbc_between),
                                              DXBC_SIGNATURE(dxbc_between),
                                              DXBC_TOKENS(square_tokens)};
    struct bg_pvgpu_draw draw = draw_of_vertices(1, 0);

    (void)state;
    use_corners();
    make_stage(GEOMETRY_SHADER, BG_PVGPU_STAGE_GEOMETRY, &shader);
    set_topology(BG_PVGPU_TOPOLOGY_TRIANGLE_LIST);
    REFUSED(BG_PVGPU_ERROR_INVALID_PARAMETER, &draw); /* it takes points */
    set_topology(BG_PVGPU_TOPOLOGY_POINT_LIST);
    draw_now(1, 0);
    expect_pixels(TARGET, upper_left_quarter, RED);
}

/* Shader model 4: the triangle's vertices as they are, in a loop. */
static const uint32_t loop_tokens[] = {
    DXBC_OP(97, 5),
    DXBC_MASKED_VERTEX(3, 0),
    1, /* dcl_input_siv v[3][0], position */
    DXBC_OP(95, 4),
    DXBC_MASKED_VERTEX(3, 1), /* dcl_input v[3][1] */
    DXBC_OP(104, 2),
    1,                        /* dcl_temps */
    DXBC_OP(93 | 3 << 11, 1), /* dcl_inputprimitive triangle */
    DXBC_OP(92 | 5 << 11, 1), /* dcl_outputtopology trianglestrip */
    DXBC_OP(103, 4),
    DXBC_OUTPUT(0),
    1, /* dcl_output_siv position */
    DXBC_OP(101, 3),
    DXBC_OUTPUT(1), /* dcl_output */
    DXBC_OP(94, 2),
    3, /* dcl_maxout */
    DXBC_OP(54, 5),
    DXBC_TEMP_X(0),
    DXBC_WORD(0),   /* mov r0.x, 0 */
    DXBC_OP(48, 1), /* loop */
    DXBC_OP(33, 7),
    DXBC_TEMP_Y(0),
    DXBC_FROM_TEMP_X(0),
    DXBC_WORD(3), /* ige r0.y, r0.x, 3 */
    DXBC_OP(3 | 1 << 18, 3),
    DXBC_FROM_TEMP_Y(0), /* breakc_nz r0.y */
    DXBC_OP(54, 8),
    DXBC_OUTPUT(0),
    0x00E01E46,
    0,
    DXBC_FROM_TEMP_X(0),
    0, /* mov o0, v[r0.x + 0][0] */
    DXBC_OP(54, 8),
    DXBC_OUTPUT(1),
    0x00E01E46,
    0,
    DXBC_FROM_TEMP_X(0),
    1,              /* mov o1, v[r0.x + 0][1] */
    DXBC_OP(19, 1), /* emit */
    DXBC_OP(30, 7),
    DXBC_TEMP_X(0),
    DXBC_FROM_TEMP_X(0),
    DXBC_WORD(1),   /* iadd r0.x, r0.x, 1 */
    DXBC_OP(22, 1), /* endloop */
    DXBC_OP(9, 1),  /* cut */
    DXBC_RET,
};

static void test_triangles_in_a_loop(void **state)
{
    static const struct dxbc_shader shader = {DXBC_GEOMETRY, 4, DXBC_SIGNATURE(dxbc_between),
                                              DXBC_SIGNATURE(dxbc_between),
                                              DXBC_TOKENS(loop_tokens)};

    (void)state;
    use_corners();
    make_stage(GEOMETRY_SHADER, BG_PVGPU_STAGE_GEOMETRY, &shader);
    set_topology(BG_PVGPU_TOPOLOGY_TRIANGLE_STRIP);
    draw_now(4, 0);
    expect_like_plain(BG_PVGPU_TOPOLOGY_TRIANGLE_STRIP, 4);
}

/* ---- Hull and domain ---- */

static const struct dxbc_element triangle_factors[] = {
    {"SV_TessFactor", 0, 13, 3, 0, 1},
    {"SV_TessFactor", 1, 13, 3, 1, 1},
    {"SV_TessFactor", 2, 13, 3, 2, 1},
    {"SV_InsideTessFactor", 0, 14, 3, 3, 1},
};

#define PATCH_DECLARATIONS(points, domain, primitive)                                              \
    DXBC_OP(113, 1),                        /* hs_decls */                                         \
        DXBC_OP(147 | (points) << 11, 1),   /* dcl_input_control_point_count */                    \
        DXBC_OP(148 | (points) << 11, 1),   /* dcl_output_control_point_count */                   \
        DXBC_OP(149 | (domain) << 11, 1),   /* dcl_tessellator_domain */                           \
        DXBC_OP(150 | 1 << 11, 1),          /* dcl_tessellator_partitioning integer */             \
        DXBC_OP(151 | (primitive) << 11, 1) /* dcl_tessellator_output_primitive */

/* Each control point as it is. */
#define CONTROL_POINT_PHASE(points)                                                                \
    DXBC_OP(114, 1), DXBC_OP(95, 2), 0x00016000,       /* dcl_input vOutputControlPointID */       \
        DXBC_OP(95, 4), DXBC_MASKED_VERTEX(points, 0), /* dcl_input v[points][0] */                \
        DXBC_OP(95, 4), DXBC_MASKED_VERTEX(points, 1), /* dcl_input v[points][1] */                \
        DXBC_OP(101, 3), DXBC_OUTPUT(0),               /* dcl_output */                            \
        DXBC_OP(101, 3), DXBC_OUTPUT(1),               /* dcl_output */                            \
        DXBC_OP(54, 6), DXBC_OUTPUT(0), 0x00A01E46, 0x0001600A, 0, /* mov o0, v[its id][0] */      \
        DXBC_OP(54, 6), DXBC_OUTPUT(1), 0x00A01E46, 0x0001600A, 1, /* mov o1, v[its id][1] */      \
        DXBC_RET

/* o[place].x = value */
#define FACTOR(place, name, value)                                                                 \
    DXBC_OP(103, 4), 0x00102012, (place), (name),             /* dcl_output_siv */                 \
        DXBC_OP(54, 5), 0x00102012, (place), DXBC_WORD(value) /* mov */

#define TRIANGLE_HULL(primitive)                                                                   \
    {                                                                                              \
        PATCH_DECLARATIONS(3, 2, primitive),                                                       \
        CONTROL_POINT_PHASE(3),                                                                    \
        DXBC_OP(115, 1), /* hs_fork_phase: three times */                                          \
        DXBC_OP(153, 2),                                                                           \
        3, /* dcl_hs_fork_phase_instance_count */                                                  \
        DXBC_OP(95, 2),                                                                            \
        0x00017000, /* dcl_input vForkInstanceID */                                                \
        DXBC_OP(103, 4),                                                                           \
        0x00102012,                                                                                \
        0,                                                                                         \
        17, /* dcl_output_siv, the edges' */                                                       \
        DXBC_OP(103, 4),                                                                           \
        0x00102012,                                                                                \
        1,                                                                                         \
        18,                                                                                        \
        DXBC_OP(103, 4),                                                                           \
        0x00102012,                                                                                \
        2,                                                                                         \
        19,                                                                                        \
        DXBC_OP(104, 2),                                                                           \
        1, /* dcl_temps */                                                                         \
        DXBC_OP(91, 4),                                                                            \
        0x00102012,                                                                                \
        0,                                                                                         \
        3, /* dcl_indexrange */                                                                    \
        DXBC_OP(54, 4),                                                                            \
        DXBC_TEMP_X(0),                                                                            \
        0x0001700A, /* mov r0.x, vForkInstanceID */                                                \
        DXBC_OP(54, 6),                                                                            \
        0x00902012,                                                                                \
        DXBC_FROM_TEMP_X(0),                                                                       \
        DXBC_WORD(0x40400000), /* o[r0.x] = 3 */                                                   \
        DXBC_RET,                                                                                  \
        DXBC_OP(115, 1),                                                                           \
        FACTOR(3, 20, 0x40A00000), /* the inside's: 5 */                                           \
        DXBC_RET,                                                                                  \
    }

static const uint32_t hull_tokens[] = TRIANGLE_HULL(3);          /* triangle_cw */
static const uint32_t reversed_hull_tokens[] = TRIANGLE_HULL(4); /* triangle_ccw */

/* o[n] = the corners' by the place in the domain */
#define MIX_TRIANGLE(n)                                                                            \
    DXBC_OP(56, 7), DXBC_TEMP(0), DXBC_DOMAIN_Y, DXBC_CONTROL_POINT(1, n), /* mul */               \
        DXBC_OP(50, 9), DXBC_TEMP(0), DXBC_DOMAIN_X, DXBC_CONTROL_POINT(0, n),                     \
        DXBC_FROM_TEMP(0), /* mad */                                                               \
        DXBC_OP(50, 9), DXBC_OUTPUT(n), DXBC_DOMAIN_Z, DXBC_CONTROL_POINT(2, n), DXBC_FROM_TEMP(0)

#define DOMAIN_DECLARATIONS(points, domain, temps)                                                 \
    DXBC_OP(147 | (points) << 11, 1),            /* dcl_input_control_point_count */               \
        DXBC_OP(149 | (domain) << 11, 1),        /* dcl_tessellator_domain */                      \
        DXBC_OP(95, 2), 0x0001C072,              /* dcl_input vDomain.xyz */                       \
        DXBC_OP(95, 4), 0x002190F2, (points), 0, /* dcl_input vcp[points][0] */                    \
        DXBC_OP(95, 4), 0x002190F2, (points), 1, /* dcl_input vcp[points][1] */                    \
        DXBC_OP(103, 4), DXBC_OUTPUT(0), 1,      /* dcl_output_siv position */                     \
        DXBC_OP(101, 3), DXBC_OUTPUT(1),         /* dcl_output */                                  \
        DXBC_OP(104, 2), (temps)                 /* dcl_temps */

static const uint32_t domain_tokens[] = {
    DOMAIN_DECLARATIONS(3, 2, 1),
    MIX_TRIANGLE(0),
    MIX_TRIANGLE(1),
    DXBC_RET,
};

static const struct dxbc_shader hull = {DXBC_HULL,
                                        5,
                                        DXBC_SIGNATURE(dxbc_between),
                                        DXBC_SIGNATURE(dxbc_between),
                                        DXBC_SIGNATURE(triangle_factors),
                                        DXBC_TOKENS(hull_tokens)};
static const struct dxbc_shader domain = {DXBC_DOMAIN,
                                          5,
                                          DXBC_SIGNATURE(dxbc_between),
                                          DXBC_SIGNATURE(dxbc_between),
                                          DXBC_SIGNATURE(triangle_factors),
                                          DXBC_TOKENS(domain_tokens)};

static void test_triangle_patches(void **state)
{
    (void)state;
    use_corners();
    make_stage(HULL_SHADER, BG_PVGPU_STAGE_HULL, &hull);
    make_stage(DOMAIN_SHADER, BG_PVGPU_STAGE_DOMAIN, &domain);
    set_topology(BG_PVGPU_TOPOLOGY_PATCH_1 + 2);
    draw_now(3, 0);
    expect_like_plain(BG_PVGPU_TOPOLOGY_TRIANGLE_LIST, 3);
}

/* o0.x to o3.x, the edges', in one phase; o4.x and o5.x, the inside's, in another. The control
 * points go through without a phase of theirs, as fxc leaves it out. */
static const uint32_t quad_hull_tokens[] = {
    PATCH_DECLARATIONS(4, 3, 3),
    DXBC_OP(115, 1), /* hs_fork_phase */
    FACTOR(0, 11, 0x40000000),
    FACTOR(1, 12, 0x40400000),
    FACTOR(2, 13, ONE),
    FACTOR(3, 14, 0x40800000),
    DXBC_RET,
    DXBC_OP(116, 1), /* hs_join_phase */
    FACTOR(4, 15, 0x40400000),
    FACTOR(5, 16, 0x40000000),
    DXBC_RET,
};

static const struct dxbc_element quad_factors[] = {
    {"SV_TessFactor", 0, 11, 3, 0, 1},       {"SV_TessFactor", 1, 11, 3, 1, 1},
    {"SV_TessFactor", 2, 11, 3, 2, 1},       {"SV_TessFactor", 3, 11, 3, 3, 1},
    {"SV_InsideTessFactor", 0, 12, 3, 4, 1}, {"SV_InsideTessFactor", 1, 12, 3, 5, 1},
};

/* r[temp] = the mix of two control points' by the place from left to right */
#define MIX_ROW(temp, left, right, n)                                                              \
    DXBC_OP(0, 10), DXBC_TEMP(temp), DXBC_CONTROL_POINT(right, n), 0x80219E46, 0x41, (left),       \
        (n), /* add, the second negated */                                                         \
        DXBC_OP(50, 9), DXBC_TEMP(temp), DXBC_DOMAIN_X, DXBC_FROM_TEMP(temp),                      \
        DXBC_CONTROL_POINT(left, n) /* mad */

/* o[n] = the mix of both rows' from top to bottom */
#define MIX_QUAD(n)                                                                                \
    MIX_ROW(0, 0, 1, n), MIX_ROW(1, 2, 3, n), DXBC_OP(0, 8), DXBC_TEMP(1), DXBC_FROM_TEMP(1),      \
        0x80100E46, 0x41, 0, /* add */                                                             \
        DXBC_OP(50, 8), DXBC_OUTPUT(n), DXBC_DOMAIN_Y, DXBC_FROM_TEMP(1), DXBC_FROM_TEMP(0)

static const uint32_t quad_domain_tokens[] = {
    DOMAIN_DECLARATIONS(4, 3, 2),
    MIX_QUAD(0),
    MIX_QUAD(1),
    DXBC_RET,
};

static const struct dxbc_shader quad_hull = {DXBC_HULL,
                                             5,
                                             DXBC_SIGNATURE(dxbc_between),
                                             DXBC_SIGNATURE(dxbc_between),
                                             DXBC_SIGNATURE(quad_factors),
                                             DXBC_TOKENS(quad_hull_tokens)};
static const struct dxbc_shader quad_domain = {DXBC_DOMAIN,
                                               5,
                                               DXBC_SIGNATURE(dxbc_between),
                                               DXBC_SIGNATURE(dxbc_between),
                                               DXBC_SIGNATURE(quad_factors),
                                               DXBC_TOKENS(quad_domain_tokens)};

static void test_quad_patches(void **state)
{
    (void)state;
    use_corners();
    make_stage(HULL_SHADER, BG_PVGPU_STAGE_HULL, &quad_hull);
    make_stage(DOMAIN_SHADER, BG_PVGPU_STAGE_DOMAIN, &quad_domain);
    set_topology(BG_PVGPU_TOPOLOGY_PATCH_1 + 3);
    draw_now(4, 0);
    expect_like_plain(BG_PVGPU_TOPOLOGY_TRIANGLE_STRIP, 4);
}

/* No driver looks whether both shaders say the same of patches, and that one says it at all. */
static void test_patches_that_do_not_fit(void **state)
{
    struct bg_pvgpu_draw draw = draw_of_vertices(3, 0);

    (void)state;
    use_corners();
    make_stage(HULL_SHADER, BG_PVGPU_STAGE_HULL, &quad_hull);
    make_stage(DOMAIN_SHADER, BG_PVGPU_STAGE_DOMAIN, &domain);
    set_topology(BG_PVGPU_TOPOLOGY_PATCH_1 + 2);
    REFUSED(BG_PVGPU_ERROR_INVALID_PARAMETER, &draw); /* quads, triangles */
    make_shader(HULL_SHADER + 10, BG_PVGPU_STAGE_HULL, "patch.tesc");
    REFUSED(BG_PVGPU_ERROR_INVALID_PARAMETER, &draw); /* nobody says the spacing */
    make_stage(HULL_SHADER + 11, BG_PVGPU_STAGE_HULL, &hull);
    GO(&draw);
}

/* As Direct3D has it: triangle_ccw turns what clockwise patches make away from the viewer. */
static void test_patches_are_culled(void **state)
{
    struct dxbc_shader reversed = hull;

    (void)state;
    reversed.tokens = reversed_hull_tokens;
    use_corners();
    make_stage(HULL_SHADER, BG_PVGPU_STAGE_HULL, &reversed);
    make_stage(DOMAIN_SHADER, BG_PVGPU_STAGE_DOMAIN, &domain);
    set_topology(BG_PVGPU_TOPOLOGY_PATCH_1 + 2);
    draw_now(3, 0);
    expect_pixels(TARGET, nowhere, RED);
    set_rasterizer(both_sides());
    draw_now(3, 0);
    expect_like_plain(BG_PVGPU_TOPOLOGY_TRIANGLE_LIST, 3);
}

/* ---- Two sources ---- */

static const struct dxbc_element two_targets[] = {{"SV_Target", 0, 0, 3, 0, 0xF},
                                                  {"SV_Target", 1, 0, 3, 1, 0xF}};

/* o0 = v1; o1 = {1, 0, 1, 0} */
static const uint32_t two_tokens[] = {
    DXBC_OP(98 | 2 << 11, 3),
    DXBC_MASKED_INPUT(1), /* dcl_input_ps linear */
    DXBC_OP(101, 3),
    DXBC_OUTPUT(0), /* dcl_output */
    DXBC_OP(101, 3),
    DXBC_OUTPUT(1), /* dcl_output */
    DXBC_OP(54, 5),
    DXBC_OUTPUT(0),
    DXBC_INPUT(1), /* mov */
    DXBC_OP(54, 8),
    DXBC_OUTPUT(1),
    DXBC_FLOATS(ONE, 0, ONE, 0), /* mov */
    DXBC_RET,
};

static void set_blend(uint32_t id)
{
    struct bg_pvgpu_set_blend_state set =
        COMMAND(struct bg_pvgpu_set_blend_state, BG_PVGPU_CMD_SET_BLEND_STATE, 0, .state_id = id,
                .sample_mask = UINT32_MAX);

    GO(&set);
}

/* What of the target stays is the second output's, in each channel. */
static void test_two_sources(void **state)
{
    static const struct dxbc_shader shader = {DXBC_PIXEL, 4, DXBC_SIGNATURE(dxbc_between),
                                              DXBC_SIGNATURE(two_targets), DXBC_TOKENS(two_tokens)};
    struct bg_pvgpu_create_blend_state create =
        COMMAND(struct bg_pvgpu_create_blend_state, BG_PVGPU_CMD_CREATE_BLEND_STATE, 0,
                .state_id = STATE + 1,
                .targets = {{1, BG_PVGPU_BLEND_ONE, BG_PVGPU_BLEND_SRC1_COLOR,
                             BG_PVGPU_BLEND_OP_ADD, BG_PVGPU_BLEND_ONE, BG_PVGPU_BLEND_ZERO,
                             BG_PVGPU_BLEND_OP_ADD, BG_PVGPU_COLOR_WRITE_ALL}});
    const struct bg_pvgpu_clear_render_target clear =
        COMMAND(struct bg_pvgpu_clear_render_target, BG_PVGPU_CMD_CLEAR_RENDER_TARGET, 0,
                .rtv = TARGET, .colour = {0.4f, 0.6f, 0.8f, 1});
    struct dxbc_blob blob;

    (void)state;
    use_corners();
    set_topology(BG_PVGPU_TOPOLOGY_TRIANGLE_STRIP);
    dxbc_build(&blob, &shader);
    make_blob(PIXEL_SHADER + 20, BG_PVGPU_STAGE_PIXEL, &blob);
    GO(&create);
    GO(&clear);
    set_blend(STATE + 1);
    draw_now(4, 0);
    /* Left of the diagonal and below: nearly black; what stays is red and blue. */
    assert_int_equal(read_pixels(TARGET)[SIDE * (SIDE - 1)] & 0xFFFF00, 0xCC0000 | 8 << 8);
    make_target(SECOND_TARGET, BG_PVGPU_FORMAT_R8G8B8A8_UNORM);
    bind_targets(TARGET, SECOND_TARGET, 0);
    set_blend(0); /* it is a target's again */
    draw_now(4, 0);
    expect_pixels(SECOND_TARGET, everywhere, 0x00FF00FF);
    bind_targets(TARGET, 0, 0);
    GO(&clear);
    set_blend(STATE + 1);
    draw_now(4, 0);
    assert_int_equal(read_pixels(TARGET)[SIDE * (SIDE - 1)] & 0xFFFF00, 0xCC0000 | 8 << 8);
}

/* ---- What is refused ---- */

static void expect_refused(enum dxbc_kind kind, const uint32_t *tokens, uint32_t count,
                           const char *reason)
{
    static const uint32_t stages[] = {
        [DXBC_PIXEL] = BG_PVGPU_STAGE_PIXEL, [DXBC_GEOMETRY] = BG_PVGPU_STAGE_GEOMETRY};
    const struct dxbc_shader shader = {kind,
                                       5,
                                       DXBC_SIGNATURE(dxbc_between),
                                       DXBC_SIGNATURE(dxbc_between),
                                       .tokens = tokens,
                                       .token_count = count};
    struct dxbc_blob blob;

    dxbc_build(&blob, &shader);
    assert_int_equal(make_shader_of(PIXEL_SHADER, stages[kind], blob.bytes, blob.size),
                     BG_PVGPU_ERROR_SHADER_COMPILE);
    assert_string_equal(context.error_text, reason);
}

/* libvkd3d-shader would skip these, or say nothing of them. */
static void test_what_is_not_translated(void **state)
{
    static const uint32_t product[] = {
        DXBC_OP(104, 2), 1,                                               /* dcl_temps */
        DXBC_OP(81, 8),  0x0000D000, DXBC_TEMP_X(0), DXBC_FROM_TEMP_X(0), /* umul */
        DXBC_WORD(3),    DXBC_RET,
    };
    static const uint32_t wide[] = {
        DXBC_OP(53, 0) | 3 << 11,
        6,
        1,
        2,
        3,
        4, /* an immediate constant buffer before it */
        DXBC_OP(104, 2),
        1,
        DXBC_OP(191, 7),
        DXBC_TEMP(0),
        DXBC_FROM_TEMP(0),
        DXBC_FROM_TEMP(0),
        DXBC_RET,
    };
    static const uint32_t shadow[] = {
        DXBC_OP(71, 11) | 0x80000000,
        1 << 9 | 1,
        DXBC_TEMP_X(0),
        DXBC_INPUT(1),
        0x00107E46,
        0,
        0x00106000,
        0,
        DXBC_WORD(0),
        DXBC_RET,
    };
    static const uint32_t streams[] = {DXBC_OP(117, 3), DXBC_STREAM(1), DXBC_RET};

#define REFUSED_CODE(kind, tokens, name)                                                           \
    expect_refused(kind, tokens, sizeof(tokens) / 4, name " is not translated from DXBC")
    (void)state;
    REFUSED_CODE(DXBC_PIXEL, product, "umul");
    REFUSED_CODE(DXBC_PIXEL, wide, "dadd");
    REFUSED_CODE(DXBC_PIXEL, shadow, "sample_c with an offset");
    REFUSED_CODE(DXBC_GEOMETRY, streams, "emit_stream of a second stream");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(test_points_become_squares), TEST(test_triangles_in_a_loop),
        TEST(test_triangle_patches),      TEST(test_quad_patches),
        TEST(test_patches_are_culled),    TEST(test_patches_that_do_not_fit),
        TEST(test_two_sources),           TEST(test_what_is_not_translated),
#undef TEST
    };

    return run_draw_tests("DXBC's stages", tests, sizeof(tests) / sizeof(tests[0]));
}
