/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * run=test-pvgpu-draw: draws and dispatches of a pvgpu, each pixel compared with what Direct3D's
 * rules say. Needs a backend that draws.
 */
#include "tests/guest/pvgpu_draw.h"

#include <string.h>

#include "firmware/apps/app.h"
#include "tests/guest/draw/triangle.h"
#include "tests/shaders/dxbc_tinted.h"

extern const struct bg_pvgpu_shader_code bg_shader_flat_vert, bg_shader_flat_frag,
    bg_shader_moved_vert, bg_shader_all_vert, bg_shader_texture_frag, bg_shader_count_comp;

uint32_t draw_target, draw_target_view, draw_flat_vertex, draw_flat_pixel, draw_all_vertex;
static uint32_t depth_view, moved_vertex, texture_pixel, count_compute;
static uint32_t flat_layout, moved_layout;
static uint32_t heap_used; /* of scratch, since the last fence */

/* ---- What the tests draw with ---- */

void draw_load(const struct bg_pvgpu_shader_code *code, uint32_t *id, const char *name)
{
    expect_ok(bg_pvgpu_shader_load(&gpu, code, id, pvgpu_host_deadline()), name);
}

static void load_shaders(void)
{
    draw_load(&bg_shader_flat_vert, &draw_flat_vertex, "a vertex shader");
    draw_load(&bg_shader_flat_frag, &draw_flat_pixel, "a pixel shader");
    draw_load(&bg_shader_moved_vert, &moved_vertex, "a vertex shader that was HLSL");
    draw_load(&bg_shader_all_vert, &draw_all_vertex, "a vertex shader without input");
    draw_load(&bg_shader_texture_frag, &texture_pixel, "a pixel shader with a texture");
    draw_load(&bg_shader_count_comp, &count_compute, "a compute shader");
}

static void create_layouts(void)
{
    static const struct bg_pvgpu_input_element elements[] = {
        {.format = BG_PVGPU_FORMAT_R32G32B32_FLOAT},
        {.format = BG_PVGPU_FORMAT_R8G8B8A8_UNORM, .byte_offset = 12},
        {.format = BG_PVGPU_FORMAT_R32G32_FLOAT,
         .slot = 1,
         .input_class = BG_PVGPU_PER_INSTANCE_DATA,
         .step_rate = 1},
    };

    expect_ok(bg_pvgpu_input_layout_create(&gpu, elements, 2, &flat_layout), "an input layout");
    expect_ok(bg_pvgpu_input_layout_create(&gpu, elements, 3, &moved_layout),
              "one with a part per instance");
}

static void create_targets(void)
{
    struct bg_pvgpu_view_options view = {0};
    uint32_t depth;

    expect_ok(
        bg_pvgpu_texture_create(&gpu, BG_PVGPU_FORMAT_R8G8B8A8_UNORM, SIDE, SIDE, &draw_target),
        "a target");
    view.resource_id = draw_target;
    expect_ok(bg_pvgpu_render_target_view_create(&gpu, &view, &draw_target_view), "its view");
    expect_ok(bg_pvgpu_texture_create(&gpu, BG_PVGPU_FORMAT_D32_FLOAT, SIDE, SIDE, &depth),
              "a depth buffer");
    view.resource_id = depth;
    expect_ok(bg_pvgpu_depth_stencil_view_create(&gpu, &view, &depth_view), "its view");
}

uint32_t draw_buffer(const void *data, uint32_t size, uint32_t bind_flags)
{
    struct bg_pvgpu_resource_options options = {
        .type = BG_PVGPU_RESOURCE_BUFFER, .width = size, .bind_flags = bind_flags};
    uint32_t id = 0;

    if (data != NULL) {
        memcpy((uint8_t *)scratch.bytes + heap_used, data, size);
        options.heap_offset = scratch.offset + heap_used;
        options.data_size = size;
        heap_used += (size + 63) / 64 * 64;
    }
    return bg_pvgpu_resource_create(&gpu, &options, &id) == 0 ? id : 0;
}

void draw_use_vertices(const struct vertex *vertices, uint32_t count)
{
    const uint32_t size = count * sizeof(*vertices);
    const struct bg_pvgpu_vertex_buffer buffer = {
        draw_buffer(vertices, size, BG_PVGPU_BIND_VERTEX_BUFFER), sizeof(*vertices), 0};

    bg_pvgpu_set_vertex_buffers(&gpu, 0, 1, &buffer);
}

void draw_start(void)
{
    static const struct bg_pvgpu_viewport viewport = {0, 0, SIDE, SIDE, 0, 1};
    static const float black[4] = {0, 0, 0, 0}, one = 1;

    heap_used = 0;
    bg_pvgpu_set_render_target(&gpu, 1, &draw_target_view, 0);
    bg_pvgpu_set_viewport(&gpu, 1, &viewport);
    bg_pvgpu_clear_render_target(&gpu, draw_target_view, black);
    bg_pvgpu_clear_depth_stencil(&gpu, depth_view, BG_PVGPU_CLEAR_DEPTH, &one, 0);
    bg_pvgpu_set_blend_state(&gpu, 0, NULL, UINT32_MAX);
    bg_pvgpu_set_rasterizer_state(&gpu, 0);
    bg_pvgpu_set_depth_stencil_state(&gpu, 0, 0);
    bg_pvgpu_set_shader(&gpu, BG_PVGPU_STAGE_VERTEX, draw_flat_vertex);
    bg_pvgpu_set_shader(&gpu, BG_PVGPU_STAGE_PIXEL, draw_flat_pixel);
    bg_pvgpu_set_input_layout(&gpu, flat_layout);
    bg_pvgpu_set_topology(&gpu, BG_PVGPU_TOPOLOGY_TRIANGLE_LIST);
}

void draw_rectangle(int left, int top, int right, int bottom, float z, uint32_t color)
{
    float x0 = (float)left * 2 / SIDE - 1, x1 = (float)right * 2 / SIDE - 1;
    float y0 = 1 - (float)top * 2 / SIDE, y1 = 1 - (float)bottom * 2 / SIDE;
    const struct vertex vertices[] = {
        {{x0, y0, z}, color}, {{x1, y0, z}, color}, {{x0, y1, z}, color},
        {{x0, y1, z}, color}, {{x1, y0, z}, color}, {{x1, y1, z}, color},
    };

    draw_use_vertices(vertices, 6);
    bg_pvgpu_draw(&gpu, 6, 0);
}

bool is_close(uint32_t got, uint32_t expected, int tolerance)
{
    for (unsigned shift = 0; shift < 32; shift += 8) {
        int difference = (int)(got >> shift & 0xFF) - (int)(expected >> shift & 0xFF);

        if (difference > tolerance || difference < -tolerance) {
            return false;
        }
    }
    return true;
}

void expect_pixels_of(uint32_t texture, uint32_t (*expected)(int x, int y), int tolerance,
                      const char *what)
{
    const uint32_t *pixels = scratch2.bytes;
    bool is_good = read_back(texture, 0, TARGET_SIZE);

    for (int i = 0; i < SIDE * SIDE && is_good; i++) {
        uint32_t wanted = expected(i % SIDE, i / SIDE);

        if (!is_close(pixels[i], wanted, tolerance)) {
            tap_diag("pixel %d, %d is 0x%08x, not 0x%08x", i % SIDE, i / SIDE, (unsigned)pixels[i],
                     (unsigned)wanted);
            is_good = false;
        }
    }
    tap_ok(is_good, "%s", what);
}

void expect_pixels(uint32_t (*expected)(int x, int y), int tolerance, const char *what)
{
    expect_pixels_of(draw_target, expected, tolerance, what);
}

/* ---- Triangles ---- */

/* y is up, and the long side, on which pixels' centres lie, is a right one: it does not count. */
static uint32_t upper_left(int x, int y)
{
    return x + y < SIDE - 1 ? RED : 0;
}

static uint32_t nothing(int x, int y)
{
    (void)x;
    (void)y;
    return 0;
}

static const struct vertex corner[] = {{{-1, 1, 0}, RED}, {{1, 1, 0}, RED}, {{-1, -1, 0}, RED}};
static const struct vertex turned_corner[] = {
    {{-1, 1, 0}, RED}, {{-1, -1, 0}, RED}, {{1, 1, 0}, RED}};

static void test_triangles(void)
{
    struct bg_pvgpu_rasterizer_options options = bg_pvgpu_rasterizer_default;
    uint32_t both_sides = 0;

    draw_start();
    draw_use_vertices(corner, 3);
    bg_pvgpu_draw(&gpu, 3, 0);
    expect_pixels(upper_left, 0, "a triangle");
    draw_start();
    draw_use_vertices(turned_corner, 3);
    bg_pvgpu_draw(&gpu, 3, 0);
    expect_pixels(nothing, 0, "one seen from behind is not drawn");
    options.cull_mode = BG_PVGPU_CULL_NONE;
    expect_ok(bg_pvgpu_rasterizer_state_create(&gpu, &options, &both_sides),
              "unless that is asked");
    bg_pvgpu_set_rasterizer_state(&gpu, both_sides);
    bg_pvgpu_draw(&gpu, 3, 0);
    expect_pixels(upper_left, 0, "by a rasterizer state");
    expect_ok(bg_pvgpu_rasterizer_state_destroy(&gpu, both_sides), "which goes");
    draw_start();
    bg_pvgpu_draw(&gpu, 0, 0);
    expect_pixels(nothing, 0, "no vertices draw nothing");
}

/* ---- Indices ---- */

static uint32_t two_squares(int x, int y)
{
    return (x < 4 && y < 4) || (x >= 8 && x < 12 && y < 4) ? GREEN : 0;
}

/* Two squares of four vertices, behind three that are not used. */
static void draw_squares(uint32_t format, const void *indices, uint32_t size)
{
    static const float x[] = {-1, -0.5f, 0, 0.5f};
    struct vertex vertices[3 + 8] = {0};

    for (unsigned i = 0; i < 8; i++) {
        vertices[3 + i] = (struct vertex){{x[i / 4 * 2 + i % 2], i / 2 % 2 ? 0.5f : 1, 0}, GREEN};
    }
    draw_start();
    draw_use_vertices(vertices, 11);
    bg_pvgpu_set_topology(&gpu, BG_PVGPU_TOPOLOGY_TRIANGLE_STRIP);
    bg_pvgpu_set_index_buffer(&gpu, draw_buffer(indices, size, BG_PVGPU_BIND_INDEX_BUFFER), format,
                              format == BG_PVGPU_FORMAT_R16_UINT ? 2 : 4);
    bg_pvgpu_draw_indexed(&gpu, 9, 1, 3);
}

static void test_indices(void)
{
    static const uint16_t small[] = {7, 7, 0, 1, 2, 3, UINT16_MAX, 4, 5, 6, 7};
    static const uint32_t large[] = {7, 7, 0, 1, 2, 3, UINT32_MAX, 4, 5, 6, 7};

    draw_squares(BG_PVGPU_FORMAT_R16_UINT, small, sizeof(small));
    expect_pixels(two_squares, 0, "indices of 16 bits, two strips");
    draw_squares(BG_PVGPU_FORMAT_R32_UINT, large, sizeof(large));
    expect_pixels(two_squares, 0, "indices of 32 bits");
}

/* ---- Instances and constants ---- */

static uint32_t squares_on_a_line(int x, int y)
{
    return y >= 8 && y < 12 && x >= 4 ? BLUE : 0;
}

static void test_instances(void)
{
    static const float places[4][2] = {{9, 9}, {0, 0}, {0.5f, 0}, {1, 0}};
    static const struct vertex square[] = {
        {{-1, 1, 0}, BLUE}, {{-0.5f, 1, 0}, BLUE}, {{-1, 0.5f, 0}, BLUE}, {{-0.5f, 0.5f, 0}, BLUE}};
    float by[64 + 4] = {9, [64] = 0.5f, -1}; /* the second one counts, 256 bytes further */
    struct bg_pvgpu_vertex_buffer instances = {0, sizeof(places[0]), 0};

    draw_start();
    draw_use_vertices(square, 4);
    instances.buffer_id = draw_buffer(places, sizeof(places), BG_PVGPU_BIND_VERTEX_BUFFER);
    bg_pvgpu_set_vertex_buffers(&gpu, 1, 1, &instances);
    bg_pvgpu_set_constant_buffer(&gpu, BG_PVGPU_STAGE_VERTEX, 3,
                                 draw_buffer(by, sizeof(by), BG_PVGPU_BIND_CONSTANT_BUFFER), 256,
                                 16);
    bg_pvgpu_set_shader(&gpu, BG_PVGPU_STAGE_VERTEX, moved_vertex);
    bg_pvgpu_set_input_layout(&gpu, moved_layout);
    bg_pvgpu_set_topology(&gpu, BG_PVGPU_TOPOLOGY_TRIANGLE_STRIP);
    bg_pvgpu_draw_instanced(&gpu, 4, 3, 0, 1);
    expect_pixels(squares_on_a_line, 0, "three instances, moved by constants");
}

/* ---- Depth, blending, scissor, viewport ---- */

static uint32_t near_ones(int x, int y)
{
    (void)y;
    return x < 4 ? GREEN : x < 12 ? RED : 0;
}

static void test_depth(void)
{
    draw_start();
    bg_pvgpu_set_render_target(&gpu, 1, &draw_target_view, depth_view);
    draw_rectangle(0, 0, 12, SIDE, 0.5f, RED);
    draw_rectangle(0, 0, 12, SIDE, 0.75f, BLUE);
    draw_rectangle(0, 0, 4, SIDE, 0.25f, GREEN);
    expect_pixels(near_ones, 0, "what is nearer is seen");
}

static uint32_t half_grey(int x, int y)
{
    (void)y;
    return x < 8 ? 0xFF404040u : GREY;
}

static void test_blend(void)
{
    struct bg_pvgpu_blend_options options = bg_pvgpu_blend_default;
    uint32_t id = 0;

    options.targets[0].enable = 1;
    options.targets[0].src = BG_PVGPU_BLEND_ZERO;
    options.targets[0].dest = BG_PVGPU_BLEND_SRC_COLOR;
    options.targets[0].write_mask = BG_PVGPU_COLOR_WRITE_ALL & ~BG_PVGPU_COLOR_WRITE_ALPHA;
    expect_ok(bg_pvgpu_blend_state_create(&gpu, &options, &id), "a blend state");
    draw_start();
    draw_rectangle(0, 0, SIDE, SIDE, 0, GREY);
    bg_pvgpu_set_blend_state(&gpu, id, NULL, UINT32_MAX);
    draw_rectangle(0, 0, 8, SIDE, 0, 0x00808080);
    expect_pixels(half_grey, 1, "colours multiplied, alpha left as it is");
    expect_ok(bg_pvgpu_blend_state_destroy(&gpu, id), "destroy");
}

static uint32_t inner_part(int x, int y)
{
    return x >= 3 && x < 7 && y >= 2 && y < 9 ? RED : 0;
}

static uint32_t lower_right(int x, int y)
{
    return x >= 8 && y >= 8 ? GREEN : 0;
}

static void test_parts(void)
{
    static const struct bg_pvgpu_rectangle scissor = {3, 2, 7, 9};
    static const struct bg_pvgpu_viewport quarter = {8, 8, 8, 8, 0, 1};
    struct bg_pvgpu_rasterizer_options options = bg_pvgpu_rasterizer_default;
    uint32_t id = 0;

    options.scissor = 1;
    expect_ok(bg_pvgpu_rasterizer_state_create(&gpu, &options, &id), "a rasterizer state");
    draw_start();
    bg_pvgpu_set_rasterizer_state(&gpu, id);
    bg_pvgpu_set_scissor(&gpu, 1, &scissor);
    draw_rectangle(0, 0, SIDE, SIDE, 0, RED);
    expect_pixels(inner_part, 0, "a scissor");
    expect_ok(bg_pvgpu_rasterizer_state_destroy(&gpu, id), "destroy");
    draw_start();
    bg_pvgpu_set_viewport(&gpu, 1, &quarter);
    draw_rectangle(0, 0, SIDE, SIDE, 0, GREEN);
    expect_pixels(lower_right, 0, "a viewport");
}

/* ---- Textures ---- */

#define TEXELS (8u * 8u + 4u * 4u + 2u * 2u + 1u)

static uint32_t texel(unsigned number)
{
    return number * 0x01030507u | 0xFF000000u;
}

static uint32_t level_0(int x, int y)
{
    return texel((unsigned)(y / 2 * 8 + x / 2));
}

static uint32_t level_1(int x, int y)
{
    return texel((unsigned)(64 + y / 4 * 4 + x / 4));
}

static void draw_texture(float level, uint32_t view, uint32_t sampler)
{
    const float constants[4] = {level};

    draw_start();
    bg_pvgpu_set_shader(&gpu, BG_PVGPU_STAGE_VERTEX, draw_all_vertex);
    bg_pvgpu_set_shader(&gpu, BG_PVGPU_STAGE_PIXEL, texture_pixel);
    bg_pvgpu_set_input_layout(&gpu, 0);
    bg_pvgpu_set_constant_buffer(
        &gpu, BG_PVGPU_STAGE_PIXEL, 0,
        draw_buffer(constants, sizeof(constants), BG_PVGPU_BIND_CONSTANT_BUFFER), 0, 0);
    bg_pvgpu_set_shader_resources(&gpu, BG_PVGPU_STAGE_PIXEL, 5, 1, &view);
    bg_pvgpu_set_samplers(&gpu, BG_PVGPU_STAGE_PIXEL, 2, 1, &sampler);
    bg_pvgpu_draw(&gpu, 3, 0);
}

static void test_texture(void)
{
    const struct bg_pvgpu_resource_options texture = {
        .type = BG_PVGPU_RESOURCE_TEXTURE_2D,
        .format = BG_PVGPU_FORMAT_R8G8B8A8_UNORM,
        .width = 8,
        .height = 8,
        .bind_flags = BG_PVGPU_BIND_SHADER_RESOURCE,
        .heap_offset = scratch.offset,
        .data_size = 4 * TEXELS,
    };
    struct bg_pvgpu_sampler_options options = bg_pvgpu_sampler_default;
    struct bg_pvgpu_shader_view_options all = {0};
    uint32_t view = 0, sampler = 0;

    options.filter = 0; /* points */
    for (unsigned i = 0; i < TEXELS; i++) {
        ((uint32_t *)scratch.bytes)[i] = texel(i);
    }
    expect_ok(bg_pvgpu_resource_create(&gpu, &texture, &all.resource_id), "a texture with levels");
    expect_ok(bg_pvgpu_shader_resource_view_create(&gpu, &all, &view), "its view");
    expect_ok(bg_pvgpu_sampler_create(&gpu, &options, &sampler), "a sampler");
    draw_texture(0, view, sampler);
    expect_pixels(level_0, 0, "its first level");
    draw_texture(1, view, sampler);
    expect_pixels(level_1, 0, "its second level");
    draw_texture(0, 0, 0);
    expect_pixels(nothing, 0, "no texture reads as zero");
    expect_ok(bg_pvgpu_sampler_destroy(&gpu, sampler), "destroy");
    expect_ok(bg_pvgpu_shader_resource_view_destroy(&gpu, view), "destroy");
}

/* ---- Dispatches ---- */

#define WORDS 1024u

static bool is_counted(const uint32_t *words)
{
    for (uint32_t i = 0; i < WORDS; i++) {
        if (words[i] != (i * 2654435761u) * 3 + i) {
            tap_diag("word %u is 0x%08x", (unsigned)i, (unsigned)words[i]);
            return false;
        }
    }
    return true;
}

static void test_dispatch(void)
{
    const uint32_t factor[4] = {3};
    struct bg_pvgpu_shader_view_options from = {0};
    struct bg_pvgpu_view_options to = {0};
    static uint32_t words[WORDS];
    uint32_t from_view = 0, to_view = 0;

    for (uint32_t i = 0; i < WORDS; i++) {
        words[i] = i * 2654435761u;
    }
    draw_start();
    from.resource_id = draw_buffer(words, sizeof(words), BG_PVGPU_BIND_SHADER_RESOURCE);
    to.resource_id = draw_buffer(NULL, sizeof(words), BG_PVGPU_BIND_UNORDERED_ACCESS);
    expect_ok(bg_pvgpu_shader_resource_view_create(&gpu, &from, &from_view), "a buffer's view");
    expect_ok(bg_pvgpu_unordered_access_view_create(&gpu, &to, &to_view), "one to write");
    bg_pvgpu_set_shader(&gpu, BG_PVGPU_STAGE_COMPUTE, count_compute);
    bg_pvgpu_set_shader_resources(&gpu, BG_PVGPU_STAGE_COMPUTE, 1, 1, &from_view);
    bg_pvgpu_set_unordered_access(&gpu, BG_PVGPU_STAGE_COMPUTE, 2, 1, &to_view);
    bg_pvgpu_set_constant_buffer(&gpu, BG_PVGPU_STAGE_COMPUTE, 0,
                                 draw_buffer(factor, sizeof(factor), BG_PVGPU_BIND_CONSTANT_BUFFER),
                                 0, 0);
    expect_ok(bg_pvgpu_dispatch(&gpu, WORDS / 32, 1, 1), "a dispatch");
    tap_ok(read_back(to.resource_id, 0, sizeof(words)) && is_counted(scratch2.bytes),
           "counts each word");
}

/* ---- What is refused ---- */

static void test_bad(void)
{
    static const uint32_t garbage[] = {BG_PVGPU_SPIRV_MAGIC, 0x10000, 0, 5, 0, 0xFFFF0001};
    const struct bg_pvgpu_shader_code bad = {BG_PVGPU_STAGE_VERTEX, sizeof(garbage), garbage};
    struct bg_pvgpu_shader_code wrong_stage = bg_shader_flat_vert;
    char text[BG_PVGPU_ERROR_TEXT_SIZE];
    uint32_t id = 0;

    wrong_stage.stage = BG_PVGPU_STAGE_PIXEL;
    expect_failure(bg_pvgpu_shader_load(&gpu, &bad, &id, pvgpu_host_deadline()),
                   BG_PVGPU_ERROR_SHADER_COMPILE, BG_PVGPU_CMD_CREATE_SHADER, "a broken shader");
    expect_failure(bg_pvgpu_shader_load(&gpu, &wrong_stage, &id, pvgpu_host_deadline()),
                   BG_PVGPU_ERROR_SHADER_COMPILE, BG_PVGPU_CMD_CREATE_SHADER,
                   "a shader of another stage");
    bg_pvgpu_shader_error(&gpu, text);
    tap_ok(text[0] != '\0', "and the reason: %s", text);
    expect_failure(bg_pvgpu_set_shader(&gpu, BG_PVGPU_STAGE_VERTEX, 99999),
                   BG_PVGPU_ERROR_RESOURCE_NOT_FOUND, BG_PVGPU_CMD_SET_SHADER, "one that is not");
    draw_start();
    bg_pvgpu_set_shader(&gpu, BG_PVGPU_STAGE_VERTEX, 0);
    expect_failure(bg_pvgpu_draw(&gpu, 3, 0), BG_PVGPU_ERROR_INVALID_PARAMETER, BG_PVGPU_CMD_DRAW,
                   "a draw without a vertex shader");
    expect_failure(bg_pvgpu_dispatch(&gpu, BG_PVGPU_DISPATCH_GROUPS_MAX + 1, 1, 1),
                   BG_PVGPU_ERROR_INVALID_PARAMETER, BG_PVGPU_CMD_DISPATCH, "too many groups");
    draw_start();
    draw_use_vertices(corner, 1);
    expect_ok(bg_pvgpu_draw(&gpu, 3, 1000000), "vertices that are not there");
    expect_pixels(nothing, 0, "read as zero");
}

/* ---- Direct3D's bytecode ---- */

static uint32_t tinted(int x, int y)
{
    return x + y < SIDE - 1 ? 0xFF003333u : 0;
}

static uint32_t load_blob(uint32_t stage, void (*build)(struct dxbc_blob *blob), const char *name)
{
    static struct dxbc_blob blob;
    struct bg_pvgpu_shader_code code = {.stage = stage};
    uint32_t id = 0;

    build(&blob);
    code.size = blob.size;
    code.words = (const uint32_t *)(const void *)blob.bytes;
    draw_load(&code, &id, name);
    return id;
}

/* Of a struct vertex, whose elements are found by their names. */
static uint32_t named_layout(void)
{
    struct bg_pvgpu_memory names[2];
    struct bg_pvgpu_input_element elements[] = {
        {.format = BG_PVGPU_FORMAT_R8G8B8A8_UNORM, .semantic_index = 1, .byte_offset = 12},
        {.format = BG_PVGPU_FORMAT_R32G32B32_FLOAT},
    };
    uint32_t id = 0;

    for (unsigned i = 0; i < 2; i++) {
        bg_pvgpu_heap_alloc(&gpu, 16, 0, &names[i]);
        strcpy(names[i].bytes, i == 0 ? "COLOR" : "POSITION");
        elements[i].semantic_name_offset = bg_pvgpu_semantic_name_offset(&gpu, &names[i]);
    }
    expect_ok(bg_pvgpu_input_layout_create(&gpu, elements, 2, &id), "elements with names");
    bg_pvgpu_heap_free(&gpu, &names[0]);
    bg_pvgpu_heap_free(&gpu, &names[1]);
    return id;
}

static void test_dxbc(void)
{
    static const struct vertex orange[] = {
        {{-1, 1, 0}, 0xFF0033FF}, {{1, 1, 0}, 0xFF0033FF}, {{-1, -1, 0}, 0xFF0033FF}};
    static const float tint[4] = {0.2f, 1, 1, 1};
    uint32_t vertex = load_blob(BG_PVGPU_STAGE_VERTEX, dxbc_tinted_vertex, "a vertex shader, DXBC");
    uint32_t pixel = load_blob(BG_PVGPU_STAGE_PIXEL, dxbc_tinted_pixel, "a pixel shader, DXBC");
    uint32_t layout = named_layout();

    draw_start();
    bg_pvgpu_set_shader(&gpu, BG_PVGPU_STAGE_VERTEX, vertex);
    bg_pvgpu_set_shader(&gpu, BG_PVGPU_STAGE_PIXEL, pixel);
    bg_pvgpu_set_input_layout(&gpu, layout);
    bg_pvgpu_set_constant_buffer(&gpu, BG_PVGPU_STAGE_VERTEX, 0,
                                 draw_buffer(tint, sizeof(tint), BG_PVGPU_BIND_CONSTANT_BUFFER), 0,
                                 0);
    draw_use_vertices(orange, 3);
    bg_pvgpu_draw(&gpu, 3, 0);
    expect_pixels(tinted, 0, "draw a triangle");
}

/* ---- The documentation's triangle ---- */

static uint32_t screen_pixel(unsigned x, unsigned y)
{
    return ((const uint32_t *)scratch2.bytes)[y * 640 + x] & 0xFFFFFF; /* 0xRRGGBB */
}

static void test_triangle(void)
{
    uint32_t screen = 0;

    tap_ok(triangle(&gpu, &screen, pvgpu_host_deadline()) == 0 &&
               read_back(screen, 0, 640 * 480 * 4),
           "the triangle of docs/drawing.md is drawn");
    tap_ok(is_close(screen_pixel(0, 0), 0x0D0D1A, 1), "around it is dark");
    tap_ok(screen_pixel(70, 428) >> 16 > 240, "its left corner is red");
    tap_ok((screen_pixel(320, 54) >> 8 & 0xFF) > 230, "the upper one green");
    tap_ok((screen_pixel(569, 428) & 0xFF) > 240, "the right one blue");
    expect_ok(bg_pvgpu_resource_destroy(&gpu, screen), "destroy");
}

/* ---- A new session ---- */

static void test_restart(void)
{
    uint32_t screen = 0;

    draw_start();
    bg_pvgpu_draw(&gpu, UINT32_MAX, 0); /* nobody waits for it */
    expect_ok(bg_pvgpu_restart(&gpu, pvgpu_host_deadline()), "start over");
    expect_failure(bg_pvgpu_set_shader(&gpu, BG_PVGPU_STAGE_VERTEX, draw_flat_vertex),
                   BG_PVGPU_ERROR_RESOURCE_NOT_FOUND, BG_PVGPU_CMD_SET_SHADER, "shaders are gone");
    expect_failure(bg_pvgpu_draw(&gpu, 3, 0), BG_PVGPU_ERROR_INVALID_PARAMETER, BG_PVGPU_CMD_DRAW,
                   "nothing is bound");
    tap_ok(triangle(&gpu, &screen, pvgpu_host_deadline()) == 0, "and a new one draws");
}

static int run_test_pvgpu_draw(void)
{
    tap_plan(0);
    if (pvgpu_host_open(&gpu) < 0) {
        tap_bail("no pvgpu");
        return tap_done();
    }
    if (!tap_ok(bg_pvgpu_has(&gpu, BG_PVGPU_FEATURE_DRAW), "the backend draws")) {
        return tap_done();
    }
    expect_ok(bg_pvgpu_heap_alloc(&gpu, SCRATCH_SIZE, 4096, &scratch), "memory in the heap");
    expect_ok(bg_pvgpu_heap_alloc(&gpu, SCRATCH_SIZE, 4096, &scratch2), "more of it");
    load_shaders();
    create_layouts();
    create_targets();
    test_triangles();
    test_indices();
    test_instances();
    test_depth();
    test_blend();
    test_parts();
    test_texture();
    test_dispatch();
    test_pvgpu_draw_targets();
    test_bad();
    test_dxbc();
    test_triangle();
    test_restart();
    tap_ok(bg_pvgpu_close(&gpu, pvgpu_host_deadline()) == 0, "close");
    return tap_done();
}

APP(test_pvgpu_draw, "draws and dispatches of a pvgpu, compared pixel by pixel",
    run_test_pvgpu_draw);
