/* SPDX-License-Identifier: BSD-2-Clause */
// build: firmware/apps/draw/draw.c firmware/apps/draw/font.c firmware/virtio/gpu/format.c
// build: $(BUILD)/firmware/font/console_font.c
/* Drawing: against slow and simple computations, in every format, at every edge. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "firmware/apps/draw/draw.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define WIDTH 61
#define HEIGHT 47
#define GROUND 0x204060u

static struct canvas canvas;

/* Memory of the exact size, so that the sanitizer sees what is drawn outside. */
static int setup(void **state)
{
    (void)state;
    canvas = (struct canvas){.pixels = malloc(WIDTH * HEIGHT * 4),
                             .width = WIDTH,
                             .height = HEIGHT,
                             .stride = WIDTH,
                             .format = BG_VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM};
    draw_fill(&canvas, 0, 0, WIDTH, HEIGHT, 0xFF000000u | GROUND);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    free(canvas.pixels);
    return 0;
}

static void test_formats(void **state)
{
    (void)state;
    for (unsigned i = 0; i < BG_VIRTIO_GPU_FORMAT_COUNT; i++) {
        canvas.format = bg_virtio_gpu_formats[i];
        draw_fill(&canvas, 0, 0, WIDTH, HEIGHT, DRAW_RGB(1, 2, 3));
        assert_int_equal(canvas.pixels[7], bg_virtio_gpu_pixel(canvas.format, 1, 2, 3, 255));
        assert_int_equal(draw_get(&canvas, 60, 46), 0x010203);
        draw_fill(&canvas, 0, 0, 2, 1, DRAW_ALPHA(DRAW_RGB(255, 0, 129), 128));
        assert_int_equal(draw_get(&canvas, 1, 0), 0x800142); /* half and half, rounded */
    }
    assert_int_equal(draw_get(&canvas, -1, 0), 0);
    assert_int_equal(draw_get(&canvas, 0, HEIGHT), 0);
}

static void test_fill_is_cut(void **state)
{
    static const int32_t places[][4] = {
        {-5, -5, 10, 10},   {55, 40, 100, 100}, {-100, 10, 300, 3},
        {10, -100, 3, 300}, {61, 0, 5, 5},      {0, 47, 5, 5},
        {3, 3, 0, 9},       {3, 3, -4, 9},      {2147483600, 2, 2147483647, 2147483647},
    };

    (void)state;
    for (unsigned i = 0; i < COUNT(places); i++) {
        const int32_t *p = places[i];

        draw_fill(&canvas, 0, 0, WIDTH, HEIGHT, 0xFF000000u | GROUND);
        draw_fill(&canvas, p[0], p[1], p[2], p[3], DRAW_RGB(9, 9, 9));
        for (int32_t y = 0; y < HEIGHT; y++) {
            for (int32_t x = 0; x < WIDTH; x++) {
                bool is_in = x >= p[0] && (int64_t)x < (int64_t)p[0] + p[2] && y >= p[1] &&
                             (int64_t)y < (int64_t)p[1] + p[3];

                assert_int_equal(draw_get(&canvas, x, y), is_in ? 0x090909 : GROUND);
            }
        }
    }
}

static void test_gradient(void **state)
{
    const draw_color corners[4] = {DRAW_RGB(0, 255, 10), DRAW_RGB(255, 255, 20), DRAW_RGB(0, 0, 30),
                                   DRAW_RGB(255, 0, 40)};

    (void)state;
    draw_gradient(&canvas, 0, 0, WIDTH, HEIGHT, corners);
    assert_int_equal(draw_get(&canvas, 0, 0), 0x00FF0A);
    assert_int_equal(draw_get(&canvas, WIDTH - 1, 0), 0xFFFF14);
    assert_int_equal(draw_get(&canvas, 0, HEIGHT - 1), 0x00001E);
    assert_int_equal(draw_get(&canvas, WIDTH - 1, HEIGHT - 1), 0xFF0028);
    for (int32_t x = 1; x < WIDTH; x++) { /* even steps */
        int32_t step =
            (int32_t)(draw_get(&canvas, x, 5) >> 16) - (int32_t)(draw_get(&canvas, x - 1, 5) >> 16);

        assert_in_range(step, 4, 5);
    }
    draw_gradient(&canvas, -10, -10, 1, 1, corners);
    draw_gradient(&canvas, 5, 5, 1, 1, corners); /* of one pixel */
    assert_int_equal(draw_get(&canvas, 5, 5), 0x00FF0A);
}

/* 16 x 16 places of each pixel, by floating point. */
typedef bool contains_function(double x, double y);

static void expect_shape(contains_function *contains, uint32_t alpha)
{
    for (int32_t y = 0; y < HEIGHT; y++) {
        for (int32_t x = 0; x < WIDTH; x++) {
            unsigned hits = 0;
            uint32_t pixel = draw_get(&canvas, x, y);
            int32_t red = (int32_t)(pixel >> 16), expected;

            for (unsigned s = 0; s < 256; s++) {
                hits += contains(x + (s % 16 + 0.5) / 16, y + (s / 16 + 0.5) / 16);
            }
            expected = 0x20 + (int32_t)((255 - 0x20) * hits * alpha / 256 / 255);
            /* The edges are only as fine as 4 x 4 places; what is wholly in or out is exact. */
            if (hits == 0) {
                assert_int_equal(pixel, GROUND);
            } else {
                assert_in_range(red - expected + 40, 0, hits == 256 ? 41 : 80);
                assert_true(hits != 256 || red - expected >= -1);
            }
        }
    }
}

static bool in_circle(double x, double y)
{
    return (x - 30) * (x - 30) + (y - 20) * (y - 20) <= 17.0 * 17;
}

static bool in_ring(double x, double y)
{
    double square = (x - 30) * (x - 30) + (y - 20) * (y - 20);

    return square <= 17.0 * 17 && square >= 12.0 * 12;
}

static bool in_cut_circle(double x, double y)
{
    return (x + 3) * (x + 3) + (y - 45) * (y - 45) <= 20.0 * 20;
}

static bool in_triangle(double x, double y)
{
    double a = (50 - 5) * (y - 3) - (20 - 3) * (x - 5);
    double b = (12 - 50) * (y - 20) - (44 - 20) * (x - 50);
    double c = (5 - 12) * (y - 44) - (3 - 44) * (x - 12);

    return (a >= 0 && b >= 0 && c >= 0) || (a <= 0 && b <= 0 && c <= 0);
}

static bool in_rounded(double x, double y)
{
    double dx = x < 13 ? 13 - x : x > 42 ? x - 42 : 0, dy = y < 14 ? 14 - y : y > 29 ? y - 29 : 0;

    return x >= 5 && x < 50 && y >= 6 && y < 37 && dx * dx + dy * dy <= 64;
}

static bool in_line(double x, double y)
{
    double dx = 50 - 8, dy = 30 - 40, px = x - 8, py = y - 40;
    double along = (px * dx + py * dy) / (dx * dx + dy * dy);

    along = along < 0 ? 0 : along > 1 ? 1 : along;
    px -= along * dx;
    py -= along * dy;
    return px * px + py * py <= 2.5 * 2.5;
}

static void test_shapes(void **state)
{
    const draw_color red = DRAW_RGB(255, 64, 96);
    const int32_t x[3] = {5, 50, 12}, y[3] = {3, 20, 44};

    (void)state;
    draw_circle(&canvas, 30, 20, 17, red);
    expect_shape(in_circle, 255);
    teardown(NULL);
    setup(NULL);
    draw_circle(&canvas, 30, 20, 17, DRAW_ALPHA(red, 100));
    expect_shape(in_circle, 100);
    teardown(NULL);
    setup(NULL);
    draw_ring(&canvas, 30, 20, 17, 5, red);
    expect_shape(in_ring, 255);
    teardown(NULL);
    setup(NULL);
    draw_circle(&canvas, -3, 45, 20, red);
    expect_shape(in_cut_circle, 255);
    teardown(NULL);
    setup(NULL);
    draw_triangle(&canvas, x, y, red);
    expect_shape(in_triangle, 255);
    teardown(NULL);
    setup(NULL);
    draw_rounded(&canvas, 5, 6, 45, 31, 8, red);
    expect_shape(in_rounded, 255);
    teardown(NULL);
    setup(NULL);
    draw_line(&canvas, 8, 40, 50, 30, 5, red);
    expect_shape(in_line, 255);
}

/* Far outside, of no size, upside down: nothing happens, and nothing is written outside. */
static void test_shapes_outside(void **state)
{
    const int32_t x[3] = {-1000, 5000, 200000}, y[3] = {9000, -30000, 60};
    const draw_color red = DRAW_RGB(255, 0, 0);

    (void)state;
    draw_circle(&canvas, 1000, 1000, 50, red);
    draw_circle(&canvas, 10, 10, 0, red);
    draw_circle(&canvas, 10, 10, -5, red);
    draw_rounded(&canvas, 500, 5, 20, 20, 5, red);
    draw_line(&canvas, -500, -500, -400, -20, 9, red);
    for (int32_t at = 0; at < WIDTH; at++) {
        assert_int_equal(draw_get(&canvas, at, 20), GROUND);
    }
    draw_triangle(&canvas, x, y, red); /* covers much of it */
    draw_line(&canvas, -30000, -20000, 30000, 20000, 3, red);
    draw_ring(&canvas, 30, 20, 30000, 2, red);
}

static void test_text(void **state)
{
    const uint8_t *bitmap = font_bitmap(&font_normal, 'g');
    int32_t end;

    (void)state;
    end = draw_text(&canvas, &font_normal, 3, 5, "gg", DRAW_RGB(255, 255, 255));
    assert_int_equal(end, 3 + 16);
    for (int32_t y = 0; y < 16; y++) {
        for (int32_t x = 0; x < 8; x++) {
            uint32_t expected = bitmap[y] & 0x80 >> x ? 0xFFFFFF : GROUND;

            assert_int_equal(draw_get(&canvas, 3 + x, 5 + y), expected);
            assert_int_equal(draw_get(&canvas, 11 + x, 5 + y), expected);
        }
    }
    draw_text(&canvas, &font_large, 40, -10, "Ä\nÄ", DRAW_RGB(1, 1, 1)); /* cut at three edges */
    draw_glyph(&canvas, &font_large, 50, 30, 0x10FFFF, DRAW_RGB(1, 1, 1), DRAW_RGB(2, 2, 2));
    assert_int_equal(draw_get(&canvas, 50, 30), 0x020202);
}

static void test_scroll_and_part(void **state)
{
    struct canvas part;

    (void)state;
    for (int32_t y = 0; y < HEIGHT; y++) {
        draw_fill(&canvas, 0, y, WIDTH, 1, DRAW_RGB(y, y, y));
    }
    part = draw_part(&canvas, 10, 20, 30, 20);
    draw_scroll(&part, 8);
    for (int32_t y = 0; y < HEIGHT; y++) {
        bool is_moved = y >= 20 && y < 32;

        assert_int_equal(draw_get(&canvas, 9, y), (uint32_t)y * 0x10101);
        assert_int_equal(draw_get(&canvas, 40, y), (uint32_t)y * 0x10101);
        assert_int_equal(draw_get(&canvas, 10, y), (uint32_t)(is_moved ? y + 8 : y) * 0x10101);
        assert_int_equal(draw_get(&canvas, 39, y), (uint32_t)(is_moved ? y + 8 : y) * 0x10101);
    }
    draw_scroll(&part, 100); /* more than there is */
    assert_int_equal(draw_get(&canvas, 10, 39), 0x272727);
}

/* ---- Fonts ---- */

static void test_fonts(void **state)
{
    const struct font *const fonts[] = {&font_normal, &font_large};
    unsigned missing;

    (void)state;
    assert_int_equal(font_normal.width, 8);
    assert_int_equal(font_normal.height, 16);
    assert_int_equal(font_large.width, 16);
    assert_int_equal(font_large.height, 32);
    for (unsigned f = 0; f < COUNT(fonts); f++) {
        const struct font *font = fonts[f];

        for (unsigned i = 0; i < font->character_count; i++) {
            assert_true(i == 0 || font->characters[i - 1].code < font->characters[i].code);
            assert_true(font->characters[i].glyph < font->glyph_count);
        }
        /* All of Latin-1 is there and not as the replacement; of Latin Extended-A all but a few. */
        missing = 0;
        for (uint32_t code = '!'; code < 0x180; code++) {
            bool is_missing = font_bitmap(font, code) == font_bitmap(font, 0xFFFD);

            assert_true(!is_missing || code >= 0x100 || (code >= 0x7F && code <= 0xA0) ||
                        code == 0xAD);
            missing += is_missing && code >= 0x100;
        }
        assert_true(missing <= 22);
        assert_ptr_equal(font_bitmap(font, 0x4E2D), font_bitmap(font, 0xFFFD));
    }
}

static void test_utf8(void **state)
{
    static const struct {
        const char *text;
        uint32_t code;
        size_t used;
    } cases[] = {
        {"A", 'A', 1},
        {"\xC3\xA9", 0xE9, 2},
        {"\xE2\x82\xAC", 0x20AC, 3},
        {"\xF0\x9F\x98\x80", 0x1F600, 4},
        {"\x80", 0xFFFD, 1},
        {"\xFF", 0xFFFD, 1},
        {"\xC3", 0xFFFD, 1},
        {"\xC3(", 0xFFFD, 1},
        {"\xE2\x82", 0xFFFD, 1},
        {"\xC0\x80", 0xFFFD, 1},
        {"\xE0\x80\xAF", 0xFFFD, 1},
        {"\xED\xA0\x80", 0xFFFD, 1},
        {"\xF4\x90\x80\x80", 0xFFFD, 1},
        {"\xF8\x88\x80\x80\x80", 0xFFFD, 1},
    };

    (void)state;
    for (unsigned i = 0; i < COUNT(cases); i++) {
        size_t size = strlen(cases[i].text), used = 0;
        char *exact = malloc(size);

        memcpy(exact, cases[i].text, size);
        assert_int_equal(utf8_decode(exact, size, &used), cases[i].code);
        assert_int_equal(used, cases[i].used);
        free(exact);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_formats, setup, teardown),
        cmocka_unit_test_setup_teardown(test_fill_is_cut, setup, teardown),
        cmocka_unit_test_setup_teardown(test_gradient, setup, teardown),
        cmocka_unit_test_setup_teardown(test_shapes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_shapes_outside, setup, teardown),
        cmocka_unit_test_setup_teardown(test_text, setup, teardown),
        cmocka_unit_test_setup_teardown(test_scroll_and_part, setup, teardown),
        cmocka_unit_test(test_fonts),
        cmocka_unit_test(test_utf8),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
