/* SPDX-License-Identifier: BSD-2-Clause */
// build: firmware/apps/draw/text_console.c firmware/apps/draw/draw.c firmware/apps/draw/font.c
// build: firmware/virtio/gpu/format.c $(BUILD)/firmware/font/console_font.c
/* The terminal: each test says which characters, in which colours, have to be where. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "firmware/apps/draw/text_console.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define COLUMNS 10
#define ROWS 4
#define WIDTH (COLUMNS * 8 + 5) /* a rest that is no column */
#define HEIGHT (ROWS * 16 + 7)
#define GREY 0xAAAAAAu
#define BLACK 0u

static struct canvas canvas;
static struct text_console console;
static bool damaged[HEIGHT][WIDTH];
static uint32_t before[HEIGHT][WIDTH];

static void add_damage(void *context, int32_t x, int32_t y, int32_t width, int32_t height)
{
    assert_ptr_equal(context, &console);
    for (int32_t row = y; row < y + height; row++) {
        for (int32_t column = x; column < x + width; column++) {
            if (row >= 0 && row < HEIGHT && column >= 0 && column < WIDTH) {
                damaged[row][column] = true;
            }
        }
    }
}

static int setup(void **state)
{
    (void)state;
    canvas = (struct canvas){.pixels = calloc(WIDTH * HEIGHT, 4),
                             .width = WIDTH,
                             .height = HEIGHT,
                             .stride = WIDTH,
                             .format = BG_VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM};
    text_console_init(&console, &canvas, &font_normal);
    console.damage = add_damage;
    console.context = &console;
    assert_int_equal(console.columns, COLUMNS);
    assert_int_equal(console.rows, ROWS);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    free(canvas.pixels);
    return 0;
}

/* Also checks that every pixel that changes is told. */
static void say_bytes(const char *text, size_t size)
{
    memset(damaged, 0, sizeof(damaged));
    for (int32_t y = 0; y < HEIGHT; y++) {
        for (int32_t x = 0; x < WIDTH; x++) {
            before[y][x] = draw_get(&canvas, x, y);
        }
    }
    text_console_write(&console, text, size);
    for (int32_t y = 0; y < HEIGHT; y++) {
        for (int32_t x = 0; x < WIDTH; x++) {
            assert_true(damaged[y][x] || before[y][x] == draw_get(&canvas, x, y));
        }
    }
}

static void say(const char *text)
{
    say_bytes(text, strlen(text));
}

static bool cell_is(int32_t column, int32_t row, uint32_t code, uint32_t color, uint32_t ground)
{
    const uint8_t *bitmap = font_bitmap(&font_normal, code);

    for (int32_t y = 0; y < 16; y++) {
        for (int32_t x = 0; x < 8; x++) {
            uint32_t expected = bitmap[y] & 0x80 >> x ? color : ground;

            if (draw_get(&canvas, column * 8 + x, row * 16 + y) != expected) {
                return false;
            }
        }
    }
    return true;
}

static void expect_cell(int32_t column, int32_t row, uint32_t code, uint32_t color, uint32_t ground)
{
    if (!cell_is(column, row, code, color, ground)) {
        fail_msg("column %d, row %d: not U+%04X", column, row, code);
    }
}

/* A line in grey on black, the rest of it empty; UTF-8. */
static void expect_line(int32_t row, const char *text)
{
    size_t left = strlen(text);

    for (int32_t column = 0; column < COLUMNS; column++) {
        size_t used = 0;
        uint32_t code = left > 0 ? utf8_decode(text, left, &used) : ' ';

        expect_cell(column, row, code, GREY, BLACK);
        text += used;
        left -= used;
    }
}

static void test_text(void **state)
{
    (void)state;
    say("Grüße\nab\rc\td");
    expect_line(0, "Grüße");
    expect_line(1, "cb      d");
    expect_line(2, "");
    say("\b\bX\a\x7F");
    expect_line(1, "cb     Xd");
}

/* A character is complete when its last byte comes; what is no UTF-8 shows as one. */
static void test_utf8_in_pieces(void **state)
{
    (void)state;
    for (const char *c = "ä€\n"; *c != '\0'; c++) {
        say_bytes(c, 1);
    }
    expect_line(0, "ä€");
    say("\xE2\x82x\xC3\n\x80y\xFFz");
    expect_cell(0, 1, 0xFFFD, GREY, BLACK);
    expect_cell(1, 1, 0xFFFD, GREY, BLACK);
    expect_cell(2, 1, 'x', GREY, BLACK);
    expect_cell(3, 1, 0xFFFD, GREY, BLACK);
    expect_cell(0, 2, 0xFFFD, GREY, BLACK);
    expect_cell(1, 2, 'y', GREY, BLACK);
    expect_cell(2, 2, 0xFFFD, GREY, BLACK);
    expect_cell(3, 2, 'z', GREY, BLACK);
}

static void test_wrap(void **state)
{
    (void)state;
    say("0123456789"); /* fills the line: the cursor stays */
    say("\n");
    expect_line(0, "0123456789");
    say("abcdefghijkl");
    expect_line(1, "abcdefghij");
    expect_line(2, "kl");
    say("\rmn");
    expect_line(2, "mn");
}

static void test_scroll(void **state)
{
    (void)state;
    say("one\ntwo\nthree\nfour");
    expect_line(3, "four");
    say("\nfive");
    expect_line(0, "two");
    expect_line(1, "three");
    expect_line(2, "four");
    expect_line(3, "five");
    say("678901234567");
    expect_line(2, "five678901");
    expect_line(3, "234567");
    for (int32_t x = 0; x < WIDTH; x++) {
        assert_int_equal(draw_get(&canvas, x, HEIGHT - 1), BLACK);
    }
}

static void test_colors(void **state)
{
    (void)state;
    say("\x1B[31ma\x1B[1mb\x1B[22mc\x1B[44md\x1B[7me\x1B[27mf\x1B[0mg");
    expect_cell(0, 0, 'a', 0xAA0000, BLACK);
    expect_cell(1, 0, 'b', 0xFF5555, BLACK);
    expect_cell(2, 0, 'c', 0xAA0000, BLACK);
    expect_cell(3, 0, 'd', 0xAA0000, 0x0000AA);
    expect_cell(4, 0, 'e', 0x0000AA, 0xAA0000);
    expect_cell(5, 0, 'f', 0xAA0000, 0x0000AA);
    expect_cell(6, 0, 'g', GREY, BLACK);
    say("\n\x1B[92mh\x1B[103mi\x1B[39mj\x1B[49mk\x1B[ml");
    expect_cell(0, 1, 'h', 0x55FF55, BLACK);
    expect_cell(1, 1, 'i', 0x55FF55, 0xFFFF55);
    expect_cell(2, 1, 'j', GREY, 0xFFFF55);
    expect_cell(3, 1, 'k', GREY, BLACK);
    expect_cell(4, 1, 'l', GREY, BLACK);
    say("\n\x1B[38;5;196ma\x1B[48;5;21mb\x1B[38;5;3;49mc\x1B[38;5;244md\x1B[1;38;2;10;20;30me");
    expect_cell(0, 2, 'a', 0xFF0000, BLACK);
    expect_cell(1, 2, 'b', 0xFF0000, 0x0000FF);
    expect_cell(2, 2, 'c', 0xAA5500, BLACK);
    expect_cell(3, 2, 'd', 0x808080, BLACK);
    expect_cell(4, 2, 'e', 0x0A141E, BLACK);
}

static void test_moves(void **state)
{
    (void)state;
    say("\x1B[3;5Hx\x1B[HA\x1B[2;2fb\x1B[Ac\x1B[2Bd\x1B[4De\x1B[2Cf\x1B[10Gg\x1B[4dh");
    expect_line(0, "A c");
    expect_line(1, " b");
    expect_line(2, "e  fx    g"); /* d was overwritten by f */
    expect_line(3, "         h");
    say("\x1B[99;99Hz\x1B[99A\x1B[99DO\x1B[s\x1B[4;4H\x1B[uP");
    expect_cell(9, 3, 'z', GREY, BLACK);
    expect_line(0, "OPc");
}

static void test_erase(void **state)
{
    static const char *const full =
        "\x1B[0m\x1B[H0123456789abcdefghijABCDEFGHIJzyxwvutsrq\x1B[2;4H";

    (void)state;
    say(full);
    say("\x1B[K");
    expect_line(1, "abc");
    say(full);
    say("\x1B[1K");
    expect_line(1, "    efghij");
    say(full);
    say("\x1B[2K");
    expect_line(1, "");
    say(full);
    say("\x1B[J");
    expect_line(0, "0123456789");
    expect_line(1, "abc");
    expect_line(2, "");
    expect_line(3, "");
    say(full);
    say("\x1B[1J");
    expect_line(0, "");
    expect_line(1, "    efghij");
    expect_line(2, "ABCDEFGHIJ");
    say(full);
    say("\x1B[41m\x1B[2J"); /* with the background's colour */
    expect_cell(9, 3, ' ', 0, 0xAA0000);
    say("\x1B"
        "c");
    expect_line(0, "");
    say("x");
    expect_line(0, "x");
}

/* Sequences that it does not know, and broken ones, leave no traces. */
static void test_unknown(void **state)
{
    (void)state;
    say("\x1B[?25l\x1B[>c\x1B]0;a title\x07\x1B]8;;link\x1B\\\x1B(B\x1B[12;34;56q\x1B[!pa");
    say("\x1B[99999999999999999999m\x1B[1;2;3;4;5;6;7;8;9;10;11;12;13;14;15;16;17;18mb");
    say("\x1B[38;5m\x1B[38;2;1m\x1B[38m\x1B[38;5;999mc\x1B[39m\x1B[\x01"
        "d");
    expect_cell(1, 0, 'b', GREY, BLACK);
    say("\r\x1B[0m\x1B[2K");
    expect_line(0, "");
    say("ok");
    expect_line(0, "ok");
}

/* Whatever comes: inside the canvas (the sanitizer watches), and the place stays inside. */
static void test_noise(void **state)
{
    uint32_t seed = 7;

    (void)state;
    for (unsigned i = 0; i < 60000; i++) {
        char byte;

        seed = seed * 1664525 + 1013904223;
        byte = (char)(seed >> 24);
        if (seed >> 8 & 1) {
            byte = "\x1B[0123456789;?mHJKABCDsu\n"[(seed >> 12) % 26];
        }
        text_console_write(&console, &byte, 1);
        assert_in_range(console.column, 0, COLUMNS - 1);
        assert_in_range(console.row, 0, ROWS - 1);
    }
}

/* Smaller than a character. */
static void test_tiny(void **state)
{
    struct canvas tiny = draw_part(&canvas, 3, 3, 5, 7);

    (void)state;
    text_console_init(&console, &tiny, &font_normal);
    text_console_write(&console, "many\nlines\n\x1B[2Jx", 16);
    assert_int_equal(console.columns, 1);
    assert_int_equal(draw_get(&canvas, 8, 3), 0);
    assert_int_equal(draw_get(&canvas, 3, 10), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_text, setup, teardown),
        cmocka_unit_test_setup_teardown(test_utf8_in_pieces, setup, teardown),
        cmocka_unit_test_setup_teardown(test_wrap, setup, teardown),
        cmocka_unit_test_setup_teardown(test_scroll, setup, teardown),
        cmocka_unit_test_setup_teardown(test_colors, setup, teardown),
        cmocka_unit_test_setup_teardown(test_moves, setup, teardown),
        cmocka_unit_test_setup_teardown(test_erase, setup, teardown),
        cmocka_unit_test_setup_teardown(test_unknown, setup, teardown),
        cmocka_unit_test_setup_teardown(test_noise, setup, teardown),
        cmocka_unit_test_setup_teardown(test_tiny, setup, teardown),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
