/* SPDX-License-Identifier: BSD-2-Clause */
// build: firmware/virtio/gpu/virgl.c
/* The virgl encoder: every command word for word, and buffers of every size. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "baregpu/virgl.h"

#define WORDS 256u
#define UNTOUCHED 0xDEADBEEFu

static uint32_t buffer[WORDS];
static struct bg_virgl_encoder e;

static void begin(void)
{
    for (size_t i = 0; i < WORDS; i++) {
        buffer[i] = UNTOUCHED;
    }
    bg_virgl_begin(&e, buffer, sizeof(buffer));
}

static void check_words(const uint32_t *words, size_t count)
{
    assert_int_equal(bg_virgl_end(&e), count * sizeof(uint32_t));
    for (size_t i = 0; i < count; i++) {
        if (buffer[i] != words[i]) {
            fail_msg("word %zu is 0x%08x, not 0x%08x", i, buffer[i], words[i]);
        }
    }
    assert_int_equal(buffer[count], UNTOUCHED);
}

#define assert_words(...)                                                                          \
    check_words((const uint32_t[]){__VA_ARGS__},                                                   \
                sizeof((const uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t))

/* ---- Capabilities ---- */

static void test_formats(void **state)
{
    uint8_t capset[4 + 4 * 64] = {0};

    (void)state;
    capset[4 + 63] = 0x80;                 /* sampler: 511 */
    capset[4 + 64 + 31 / 8] = 1 << 31 % 8; /* render: 31 */
    capset[4 + 2 * 64] = 0xFF;             /* not ours */
    for (unsigned use = 0; use < 5; use++) {
        for (unsigned format = 0; format < 600; format++) {
            bool is_there = (use == 0 && format == 511) || (use == 1 && format == 31);

            assert_int_equal(bg_virgl_has_format(capset, sizeof(capset), use, format), is_there);
            assert_false(bg_virgl_has_format(capset, 4, use, format));
        }
    }
    assert_true(bg_virgl_has_format(capset, 4 + 64 + 4, BG_VIRGL_USE_RENDER, 31));
    assert_false(bg_virgl_has_format(capset, 4 + 64 + 3, BG_VIRGL_USE_RENDER, 31));
}

/* ---- Objects ---- */

static void test_sub_contexts(void **state)
{
    (void)state;
    begin();
    bg_virgl_create_sub_context(&e, 5);
    bg_virgl_use_sub_context(&e, 5);
    bg_virgl_destroy_sub_context(&e, 5);
    assert_words(0x0001001D, 5, 0x0001001C, 5, 0x0001001E, 5);
}

static void test_bind_and_destroy(void **state)
{
    (void)state;
    begin();
    bg_virgl_bind_object(&e, BG_VIRGL_OBJECT_BLEND, 0x11);
    bg_virgl_bind_object(&e, BG_VIRGL_OBJECT_RASTERIZER, 0x12);
    bg_virgl_bind_object(&e, BG_VIRGL_OBJECT_DSA, 0x13);
    bg_virgl_bind_object(&e, BG_VIRGL_OBJECT_VERTEX_ELEMENTS, 0);
    bg_virgl_destroy_object(&e, BG_VIRGL_OBJECT_SURFACE, 0x14);
    bg_virgl_destroy_object(&e, BG_VIRGL_OBJECT_SHADER, 0x15);
    bg_virgl_bind_shader(&e, BG_VIRGL_SHADER_FRAGMENT, 0x16);
    assert_words(0x00010102, 0x11, 0x00010202, 0x12, 0x00010302, 0x13, 0x00010502, 0, 0x00010803,
                 0x14, 0x00010403, 0x15, 0x0002001F, 0x16, 1);
}

static void test_blend(void **state)
{
    const struct bg_virgl_blend plain = {.targets[0].color_mask = BG_VIRGL_MASK_RGBA};
    struct bg_virgl_blend rich = {
        .is_independent = true,
        .is_dithered = true,
        .has_alpha_to_coverage = true,
        .targets[0] = {.is_enabled = true,
                       .color_mask = 0x7,
                       .color_function = BG_VIRGL_BLEND_MAX,
                       .color_source = BG_VIRGL_FACTOR_SRC_ALPHA,
                       .color_destination = BG_VIRGL_FACTOR_INV_SRC_ALPHA,
                       .alpha_function = BG_VIRGL_BLEND_REVERSE_SUBTRACT,
                       .alpha_source = BG_VIRGL_FACTOR_ONE,
                       .alpha_destination = BG_VIRGL_FACTOR_INV_CONST_ALPHA},
        .targets[7].color_mask = 0x8,
    };

    (void)state;
    begin();
    bg_virgl_create_blend(&e, 9, &plain);
    assert_words(0x000B0101, 9, 0, 0, 0x78000000, 0x78000000, 0x78000000, 0x78000000, 0x78000000,
                 0x78000000, 0x78000000, 0x78000000);
    begin();
    bg_virgl_create_blend(&e, 10, &rich);
    assert_words(0x000B0101, 10, 1 | 1 << 2 | 1 << 3, 0,
                 1 | 4 << 1 | 3 << 4 | 0x13 << 9 | 2 << 14 | 1 << 17 | 0x18 << 22 | 7 << 27, 0, 0,
                 0, 0, 0, 0, 8u << 27);
}

static void test_rasterizer(void **state)
{
    const struct bg_virgl_rasterizer rasterizer = {
        .flags = BG_VIRGL_RS_DEPTH_CLIP | BG_VIRGL_RS_CULL_BACK | BG_VIRGL_RS_SCISSOR |
                 BG_VIRGL_RS_FRONT_CCW | BG_VIRGL_RS_HALF_PIXEL_CENTER,
        .point_size = 0x40000000,
        .line_width = BG_VIRGL_FLOAT_1,
        .offset_units = 0x40400000,
        .offset_scale = 0x40800000,
        .offset_clamp = 0x40A00000,
    };

    (void)state;
    begin();
    bg_virgl_create_rasterizer(&e, 3, &rasterizer);
    assert_words(0x00090201, 3, 0x2000C202, 0x40000000, 0, 0, 0x3F800000, 0x40400000, 0x40800000,
                 0x40A00000);
}

static void test_depth_stencil_alpha(void **state)
{
    const struct bg_virgl_depth_stencil_alpha plain = {
        .has_depth_test = true, .writes_depth = true, .depth_compare = BG_VIRGL_COMPARE_LESS};
    const struct bg_virgl_depth_stencil_alpha rich = {
        .depth_compare = BG_VIRGL_COMPARE_ALWAYS,
        .has_alpha_test = true,
        .alpha_compare = BG_VIRGL_COMPARE_GREATER,
        .alpha_reference = BG_VIRGL_FLOAT_HALF,
        .front = {.is_enabled = true,
                  .compare = BG_VIRGL_COMPARE_GEQUAL,
                  .stencil_fail = BG_VIRGL_STENCIL_INVERT,
                  .pass = BG_VIRGL_STENCIL_REPLACE,
                  .depth_fail = BG_VIRGL_STENCIL_DECR,
                  .read_mask = 0xA5,
                  .write_mask = 0xFF},
        .back = {.write_mask = 1},
    };

    (void)state;
    begin();
    bg_virgl_create_depth_stencil_alpha(&e, 4, &plain);
    bg_virgl_create_depth_stencil_alpha(&e, 5, &rich);
    assert_words(0x00050301, 4, 0x7, 0, 0, 0, 0x00050301, 5, 7 << 2 | 1 << 8 | 4 << 9,
                 1 | 6 << 1 | 7 << 4 | 2 << 7 | 4 << 10 | 0xA5 << 13 | 0xFFu << 21, 1 << 21,
                 0x3F000000);
}

static void test_vertex_elements(void **state)
{
    const struct bg_virgl_vertex_element elements[] = {
        {.offset = 0, .format = BG_VIRGL_FORMAT_R32G32B32_FLOAT},
        {.offset = 12, .buffer = 1, .instance_divisor = 2, .format = BG_VIRGL_FORMAT_R32G32_FLOAT},
    };

    (void)state;
    begin();
    bg_virgl_create_vertex_elements(&e, 6, elements, 2);
    bg_virgl_create_vertex_elements(&e, 7, NULL, 0);
    assert_words(0x00090501, 6, 0, 0, 0, 30, 12, 2, 1, 29, 0x00010501, 7);
}

/* Texts of every length modulo 4; with its NUL, and zeroes up to the next word. */
static void test_shader(void **state)
{
    (void)state;
    begin();
    bg_virgl_create_shader(&e, 8, BG_VIRGL_SHADER_FRAGMENT, "FRAG\nEND", 300);
    assert_words(0x00080401, 8, 1, 9, 300, 0, 0x47415246, 0x444E450A, 0);
    begin();
    bg_virgl_create_shader(&e, 8, BG_VIRGL_SHADER_VERTEX, "VERT\nEN", 1);
    assert_words(0x00070401, 8, 0, 8, 1, 0, 0x54524556, 0x004E450A);
    begin();
    bg_virgl_create_shader(&e, 8, BG_VIRGL_SHADER_GEOMETRY, "abcde", 1);
    assert_words(0x00070401, 8, 2, 6, 1, 0, 0x64636261, 0x00000065);
    begin();
    bg_virgl_create_shader(&e, 8, BG_VIRGL_SHADER_VERTEX, "", 1);
    assert_words(0x00060401, 8, 0, 1, 1, 0, 0);
}

static void test_surface(void **state)
{
    const struct bg_virgl_surface surface = {.resource_id = 0x77,
                                             .format = BG_VIRGL_FORMAT_B8G8R8X8_UNORM,
                                             .level = 3,
                                             .first_layer = 1,
                                             .last_layer = 5};

    (void)state;
    begin();
    bg_virgl_create_surface(&e, 0x20, &surface);
    assert_words(0x00050801, 0x20, 0x77, 2, 3, 0x00050001);
}

/* ---- States ---- */

static void test_framebuffer(void **state)
{
    const uint32_t colors[] = {0x31, 0x32};

    (void)state;
    begin();
    bg_virgl_set_framebuffer(&e, colors, 2, 0x30);
    bg_virgl_set_framebuffer(&e, NULL, 0, 0);
    assert_words(0x00040005, 2, 0x30, 0x31, 0x32, 0x00020005, 0, 0);
}

static void test_viewports(void **state)
{
    const struct bg_virgl_viewport viewports[] = {{{1, 2, 3}, {4, 5, 6}},
                                                  {{7, 8, 9}, {10, 11, 12}}};

    (void)state;
    begin();
    bg_virgl_set_viewports(&e, 0, viewports, 1);
    bg_virgl_set_viewports(&e, 14, viewports, 2);
    assert_words(0x00070004, 0, 1, 2, 3, 4, 5, 6, 0x000D0004, 14, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11,
                 12);
}

static void test_buffers(void **state)
{
    const struct bg_virgl_vertex_buffer buffers[] = {{36, 0, 0x41}, {12, 64, 0x42}};

    (void)state;
    begin();
    bg_virgl_set_vertex_buffers(&e, buffers, 2);
    bg_virgl_set_index_buffer(&e, 0x43, 2, 8);
    bg_virgl_set_index_buffer(&e, 0, 0, 0);
    assert_words(0x00060006, 36, 0, 0x41, 12, 64, 0x42, 0x0003000B, 0x43, 2, 8, 0x0001000B, 0);
}

static void test_constants(void **state)
{
    const uint32_t words[] = {BG_VIRGL_FLOAT_1, 2, 3, 4, 5};

    (void)state;
    begin();
    bg_virgl_set_constants(&e, BG_VIRGL_SHADER_VERTEX, words, 5);
    bg_virgl_set_constants(&e, BG_VIRGL_SHADER_FRAGMENT, NULL, 0);
    bg_virgl_set_uniform_buffer(&e, BG_VIRGL_SHADER_FRAGMENT, 2, 0x55, 256, 64);
    assert_words(0x0007000C, 0, 0, 0x3F800000, 2, 3, 4, 5, 0x0002000C, 1, 0, 0x0005001B, 1, 2, 256,
                 64, 0x55);
}

static void test_small_states(void **state)
{
    const uint32_t color[4] = {1, 2, 3, 4};

    (void)state;
    begin();
    bg_virgl_set_stencil_reference(&e, 0x12, 0x34);
    bg_virgl_set_blend_color(&e, color);
    bg_virgl_set_scissor(&e, 10, 20, 0xFFFF, 480);
    assert_words(0x0001000D, 0x3412, 0x0004000E, 1, 2, 3, 4, 0x0003000F, 0, 0x0014000A, 0x01E0FFFF);
}

/* ---- Work ---- */

static void test_clear(void **state)
{
    const uint32_t color[4] = {BG_VIRGL_FLOAT_0, BG_VIRGL_FLOAT_HALF, BG_VIRGL_FLOAT_1,
                               BG_VIRGL_FLOAT_1};

    (void)state;
    begin();
    bg_virgl_clear(&e, BG_VIRGL_CLEAR_COLOR0 | BG_VIRGL_CLEAR_DEPTH, color, 0x3FE0123456789ABCull,
                   0x55);
    assert_words(0x00080007, 5, 0, 0x3F000000, 0x3F800000, 0x3F800000, 0x56789ABC, 0x3FE01234,
                 0x55);
}

static void test_draw(void **state)
{
    const struct bg_virgl_draw plain = {
        .primitive = BG_VIRGL_PRIM_TRIANGLE_STRIP, .first = 4, .count = 8};
    const struct bg_virgl_draw indexed = {.primitive = BG_VIRGL_PRIM_TRIANGLES,
                                          .first = 6,
                                          .count = 36,
                                          .instances = 3,
                                          .first_instance = 2,
                                          .is_indexed = true,
                                          .index_bias = -2,
                                          .max_index = 23};

    (void)state;
    begin();
    bg_virgl_draw(&e, &plain);
    bg_virgl_draw(&e, &indexed);
    assert_words(0x000C0008, 4, 8, 5, 0, 1, 0, 0, 0, 0, 0, 0xFFFFFFFF, 0, 0x000C0008, 6, 36, 4, 1,
                 3, 0xFFFFFFFE, 2, 0, 0, 0, 23, 0);
}

static void test_write_buffer(void **state)
{
    const uint8_t bytes[] = {1, 2, 3, 4, 5};

    (void)state;
    begin();
    bg_virgl_write_buffer(&e, 0x66, 32, bytes, 4);
    bg_virgl_write_buffer(&e, 0x66, 36, bytes, 5);
    assert_words(0x000C0009, 0x66, 0, 0, 0, 0, 32, 0, 0, 4, 1, 1, 0x04030201, /* */
                 0x000D0009, 0x66, 0, 0, 0, 0, 36, 0, 0, 5, 1, 1, 0x04030201, 0x00000005);
}

/* ---- What does not fit, or is wrong ---- */

/* One of each command. */
static void encode_all(void)
{
    static const uint32_t words[8] = {1, 2, 3, 4, 5, 6, 7, 8};
    static const struct bg_virgl_viewport viewports[2];
    static const struct bg_virgl_vertex_element elements[2];
    static const struct bg_virgl_vertex_buffer buffers[2];

    bg_virgl_create_sub_context(&e, 1);
    bg_virgl_create_blend(&e, 1, &(struct bg_virgl_blend){0});
    bg_virgl_create_rasterizer(&e, 2, &(struct bg_virgl_rasterizer){0});
    bg_virgl_create_depth_stencil_alpha(&e, 3, &(struct bg_virgl_depth_stencil_alpha){0});
    bg_virgl_create_vertex_elements(&e, 4, elements, 2);
    bg_virgl_create_shader(&e, 5, BG_VIRGL_SHADER_VERTEX, "VERT\n", 9);
    bg_virgl_create_surface(&e, 6, &(struct bg_virgl_surface){.resource_id = 1});
    bg_virgl_bind_object(&e, BG_VIRGL_OBJECT_BLEND, 1);
    bg_virgl_bind_shader(&e, BG_VIRGL_SHADER_VERTEX, 5);
    bg_virgl_set_framebuffer(&e, words, 8, 6);
    bg_virgl_set_viewports(&e, 0, viewports, 2);
    bg_virgl_set_vertex_buffers(&e, buffers, 2);
    bg_virgl_set_index_buffer(&e, 1, 4, 0);
    bg_virgl_set_constants(&e, BG_VIRGL_SHADER_VERTEX, words, 8);
    bg_virgl_set_uniform_buffer(&e, BG_VIRGL_SHADER_VERTEX, 1, 1, 0, 16);
    bg_virgl_set_stencil_reference(&e, 1, 2);
    bg_virgl_set_blend_color(&e, words);
    bg_virgl_set_scissor(&e, 1, 2, 3, 4);
    bg_virgl_clear(&e, BG_VIRGL_CLEAR_COLOR0, words, BG_VIRGL_DOUBLE_1, 0);
    bg_virgl_draw(&e, &(struct bg_virgl_draw){.count = 3});
    bg_virgl_write_buffer(&e, 1, 0, "abcde", 5);
    bg_virgl_destroy_object(&e, BG_VIRGL_OBJECT_BLEND, 1);
}

/* In a buffer of the heap, so that the sanitizer sees a word too many. */
static void test_every_size(void **state)
{
    (void)state;
    begin();
    encode_all();
    int whole = bg_virgl_end(&e);

    assert_true(whole > 0);
    for (size_t size = 0; size <= (size_t)whole; size++) {
        size_t room = size / 4 * 4;
        uint32_t *small = malloc(room + 4), *words = small;

        assert_non_null(small);
        words[room / 4] = UNTOUCHED; /* malloc(0) need not be aligned */
        bg_virgl_begin(&e, words, size);
        encode_all();
        if (size < (size_t)whole) {
            assert_int_equal(bg_virgl_end(&e), BG_ERR_NO_SPACE);
        } else {
            assert_int_equal(bg_virgl_end(&e), whole);
        }
        assert_true(e.count * 4 <= size);
        assert_memory_equal(words, buffer, e.count * 4); /* whole commands, as without the limit */
        assert_int_equal(words[room / 4], UNTOUCHED);
        free(small);
    }
}

/* After a command that did not fit, a smaller one is not written either. */
static void test_error_stays(void **state)
{
    const uint32_t color[4] = {0};

    (void)state;
    begin();
    bg_virgl_begin(&e, buffer, 4 * sizeof(uint32_t));
    bg_virgl_bind_object(&e, BG_VIRGL_OBJECT_BLEND, 1);
    bg_virgl_clear(&e, BG_VIRGL_CLEAR_COLOR0, color, 0, 0);
    bg_virgl_bind_object(&e, BG_VIRGL_OBJECT_BLEND, 1);
    bg_virgl_create_blend(&e, 0, &(struct bg_virgl_blend){0}); /* another error, later */
    assert_int_equal(bg_virgl_end(&e), BG_ERR_NO_SPACE);
    assert_int_equal(e.count, 2);
    assert_int_equal(buffer[2], UNTOUCHED);
    assert_int_equal(buffer[3], UNTOUCHED);
    begin();
    bg_virgl_bind_object(&e, BG_VIRGL_OBJECT_BLEND, 1);
    assert_int_equal(bg_virgl_end(&e), 8);
}

static void test_bad_buffer(void **state)
{
    (void)state;
    bg_virgl_begin(&e, NULL, 64);
    bg_virgl_bind_object(&e, BG_VIRGL_OBJECT_BLEND, 1);
    assert_int_equal(bg_virgl_end(&e), BG_ERR_INVALID);
    bg_virgl_begin(&e, (uint8_t *)buffer + 2, 64);
    bg_virgl_bind_object(&e, BG_VIRGL_OBJECT_BLEND, 1);
    assert_int_equal(bg_virgl_end(&e), BG_ERR_INVALID);
    assert_int_equal(e.count, 0);
}

#define assert_refused(call, error)                                                                \
    do {                                                                                           \
        begin();                                                                                   \
        call;                                                                                      \
        assert_int_equal(bg_virgl_end(&e), error);                                                 \
        assert_int_equal(e.count, 0);                                                              \
        assert_int_equal(buffer[0], UNTOUCHED);                                                    \
    } while (0)

static void test_bad_arguments(void **state)
{
    static const struct bg_virgl_vertex_element elements[BG_VIRGL_VERTEX_ELEMENTS_MAX + 1];
    static const struct bg_virgl_vertex_buffer buffers[BG_VIRGL_VERTEX_BUFFERS_MAX + 1];
    static const struct bg_virgl_viewport viewports[BG_VIRGL_VIEWPORTS_MAX + 1];
    static const uint32_t surfaces[BG_VIRGL_COLOR_BUFFERS_MAX + 1];
    const struct bg_virgl_surface no_resource = {0};
    const struct bg_virgl_surface backwards = {.resource_id = 1, .first_layer = 2, .last_layer = 1};
    const int invalid = BG_ERR_INVALID;

    (void)state;
    assert_refused(bg_virgl_create_blend(&e, 0, &(struct bg_virgl_blend){0}), invalid);
    assert_refused(bg_virgl_create_shader(&e, 0, BG_VIRGL_SHADER_VERTEX, "VERT", 9), invalid);
    assert_refused(bg_virgl_create_shader(&e, 1, BG_VIRGL_SHADER_VERTEX, "VERT", 0), invalid);
    assert_refused(bg_virgl_create_surface(&e, 1, &no_resource), invalid);
    assert_refused(bg_virgl_create_surface(&e, 1, &backwards), invalid);
    assert_refused(
        bg_virgl_create_vertex_elements(&e, 1, elements, BG_VIRGL_VERTEX_ELEMENTS_MAX + 1),
        invalid);
    assert_refused(bg_virgl_set_vertex_buffers(&e, buffers, BG_VIRGL_VERTEX_BUFFERS_MAX + 1),
                   invalid);
    assert_refused(bg_virgl_set_viewports(&e, 0, viewports, BG_VIRGL_VIEWPORTS_MAX + 1), invalid);
    assert_refused(bg_virgl_set_viewports(&e, BG_VIRGL_VIEWPORTS_MAX, viewports, 1), invalid);
    assert_refused(bg_virgl_set_framebuffer(&e, surfaces, BG_VIRGL_COLOR_BUFFERS_MAX + 1, 0),
                   invalid);
    assert_refused(bg_virgl_set_index_buffer(&e, 1, 3, 0), invalid);
    assert_refused(bg_virgl_write_buffer(&e, 0, 0, "a", 1), invalid);
    assert_refused(bg_virgl_write_buffer(&e, 1, 0, "a", 0), invalid);
}

/* A command's length has 16 bits, whatever room there is. */
static void test_too_large(void **state)
{
    const size_t words = BG_VIRGL_LENGTH_MAX + 1;
    uint32_t *room = malloc((words + 16) * sizeof(uint32_t));
    uint32_t *data = calloc(words, sizeof(uint32_t));

    (void)state;
    assert_non_null(room);
    assert_non_null(data);
    bg_virgl_begin(&e, room, (words + 16) * sizeof(uint32_t));
    bg_virgl_set_constants(&e, BG_VIRGL_SHADER_VERTEX, data, BG_VIRGL_LENGTH_MAX - 2);
    assert_int_equal(bg_virgl_end(&e), words * sizeof(uint32_t));
    assert_int_equal(room[0], 0xFFFF000C);
    bg_virgl_begin(&e, room, (words + 16) * sizeof(uint32_t));
    bg_virgl_set_constants(&e, BG_VIRGL_SHADER_VERTEX, data, BG_VIRGL_LENGTH_MAX - 1);
    assert_int_equal(bg_virgl_end(&e), BG_ERR_TOO_LARGE);
    bg_virgl_begin(&e, room, (words + 16) * sizeof(uint32_t));
    bg_virgl_set_constants(&e, BG_VIRGL_SHADER_VERTEX, data, SIZE_MAX);
    assert_int_equal(bg_virgl_end(&e), BG_ERR_TOO_LARGE);
    bg_virgl_begin(&e, room, (words + 16) * sizeof(uint32_t));
    bg_virgl_write_buffer(&e, 1, 0, data, (BG_VIRGL_LENGTH_MAX - 11) * sizeof(uint32_t) + 1);
    assert_int_equal(bg_virgl_end(&e), BG_ERR_TOO_LARGE);
    bg_virgl_begin(&e, room, (words + 16) * sizeof(uint32_t));
    bg_virgl_write_buffer(&e, 1, 0, data, SIZE_MAX);
    assert_int_equal(bg_virgl_end(&e), BG_ERR_TOO_LARGE);
    memset(data, 'x', words * sizeof(uint32_t));
    data[words - 1] = 0;
    bg_virgl_begin(&e, room, (words + 16) * sizeof(uint32_t));
    bg_virgl_create_shader(&e, 1, BG_VIRGL_SHADER_VERTEX, (const char *)data, 9);
    assert_int_equal(bg_virgl_end(&e), BG_ERR_TOO_LARGE);
    free(room);
    free(data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_formats),
        cmocka_unit_test(test_sub_contexts),
        cmocka_unit_test(test_bind_and_destroy),
        cmocka_unit_test(test_blend),
        cmocka_unit_test(test_rasterizer),
        cmocka_unit_test(test_depth_stencil_alpha),
        cmocka_unit_test(test_vertex_elements),
        cmocka_unit_test(test_shader),
        cmocka_unit_test(test_surface),
        cmocka_unit_test(test_framebuffer),
        cmocka_unit_test(test_viewports),
        cmocka_unit_test(test_buffers),
        cmocka_unit_test(test_constants),
        cmocka_unit_test(test_small_states),
        cmocka_unit_test(test_clear),
        cmocka_unit_test(test_draw),
        cmocka_unit_test(test_write_buffer),
        cmocka_unit_test(test_every_size),
        cmocka_unit_test(test_error_stays),
        cmocka_unit_test(test_bad_buffer),
        cmocka_unit_test(test_bad_arguments),
        cmocka_unit_test(test_too_large),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
