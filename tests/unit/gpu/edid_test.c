/* SPDX-License-Identifier: BSD-2-Clause */
// build: firmware/virtio/gpu/edid.c
/* EDID: blocks built here field by field, and damaged ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "baregpu/edid.h"

#define BLOCK BG_EDID_BLOCK_SIZE

static uint8_t bytes[4 * BLOCK];
static struct bg_edid edid;

static void set_checksum(uint8_t *block)
{
    uint8_t sum = 0;

    for (size_t i = 0; i < BLOCK - 1; i++) {
        sum = (uint8_t)(sum + block[i]);
    }
    block[BLOCK - 1] = (uint8_t)-sum;
}

/* 1920x1080 at 60 Hz as CTA-861 gives it: 148.5 MHz, 2200 x 1125; 509 x 286 mm. */
static void put_full_hd(uint8_t *d)
{
    static const uint8_t timing[18] = {0x02, 0x3A, 0x80, 0x18, 0x71, 0x38, 0x2D, 0x40, 0x58,
                                       0x2C, 0x45, 0x00, 0xFD, 0x1E, 0x11, 0x00, 0x00, 0x1E};

    memcpy(d, timing, sizeof(timing));
}

static void put_text(uint8_t *d, uint8_t tag, const char *text)
{
    memset(d, 0, 18);
    d[3] = tag;
    memset(d + 5, ' ', 13);
    memcpy(d + 5, text, strlen(text));
    if (strlen(text) < 13) {
        d[5 + strlen(text)] = '\n';
    }
}

static void build_base(void)
{
    static const uint8_t header[8] = {0, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0};

    memset(bytes, 0, sizeof(bytes));
    memcpy(bytes, header, sizeof(header));
    bytes[8] = (uint8_t)(('B' - 'A' + 1) << 2 | ('G' - 'A' + 1) >> 3);
    bytes[9] = (uint8_t)((('G' - 'A' + 1) & 7) << 5 | ('P' - 'A' + 1));
    bytes[10] = 0x34;
    bytes[11] = 0x12;
    bytes[12] = 0x78;
    bytes[15] = 0x9A;
    bytes[16] = 7;
    bytes[17] = 36;
    bytes[18] = 1;
    bytes[19] = 4;
    bytes[20] = 0xA5;
    bytes[21] = 51;
    bytes[22] = 29;
    memset(bytes + 38, 1, 16); /* no standard timings */
    put_full_hd(bytes + 54);
    put_text(bytes + 72, 0xFC, "Bare panel");
    put_text(bytes + 90, 0xFF, "S/N 0123456789");
    put_text(bytes + 108, 0x10, "");
    set_checksum(bytes);
}

static int parse(size_t size)
{
    uint8_t *exact = malloc(size ? size : 1); /* so that a read beyond it is seen */

    memcpy(exact, bytes, size);
    memset(&edid, 0xA5, sizeof(edid));
    int error = bg_edid_parse(exact, size, &edid);

    free(exact);
    return error;
}

static const struct bg_edid_mode *find(uint32_t width, uint32_t height, uint32_t refresh_hz)
{
    for (size_t i = 0; i < edid.mode_count; i++) {
        if (edid.modes[i].width == width && edid.modes[i].height == height &&
            (edid.modes[i].refresh_mhz + 500) / 1000 == refresh_hz) {
            return &edid.modes[i];
        }
    }
    return NULL;
}

static void test_identity(void **state)
{
    (void)state;
    build_base();
    assert_int_equal(parse(BLOCK), 0);
    assert_string_equal(edid.manufacturer, "BGP");
    assert_int_equal(edid.product, 0x1234);
    assert_int_equal(edid.serial, 0x9A000078);
    assert_int_equal(edid.week, 7);
    assert_int_equal(edid.year, 2026);
    assert_int_equal(edid.version, 1);
    assert_int_equal(edid.revision, 4);
    assert_true(edid.is_digital);
    assert_string_equal(edid.name, "Bare panel");
    assert_string_equal(edid.serial_text, "S/N 012345678"); /* 13 characters, no line feed */
    assert_int_equal(edid.extension_count, 0);
    assert_false(edid.is_truncated);
}

static void test_detailed_timing(void **state)
{
    const struct bg_edid_mode *mode;

    (void)state;
    build_base();
    assert_int_equal(parse(BLOCK), 0);
    assert_int_equal(edid.mode_count, 1);
    mode = bg_edid_preferred(&edid);
    assert_non_null(mode);
    assert_true(mode->is_preferred);
    assert_int_equal(mode->source, BG_EDID_DETAILED);
    assert_int_equal(mode->width, 1920);
    assert_int_equal(mode->height, 1080);
    assert_int_equal(mode->refresh_mhz, 60000);
    assert_int_equal(mode->pixel_clock_khz, 148500);
    assert_int_equal(mode->h_blank, 280);
    assert_int_equal(mode->h_front, 88);
    assert_int_equal(mode->h_sync, 44);
    assert_int_equal(mode->v_blank, 45);
    assert_int_equal(mode->v_front, 4);
    assert_int_equal(mode->v_sync, 5);
    assert_int_equal(edid.width_mm, 509); /* of the timing, not the 51 cm of the base block */
    assert_int_equal(edid.height_mm, 286);
}

static void test_interlaced(void **state)
{
    (void)state;
    build_base();
    bytes[54 + 5] = 540 & 0xFF; /* 540 lines a field */
    bytes[54 + 7] = (uint8_t)((540 >> 8) << 4);
    bytes[54 + 17] |= 0x80;
    set_checksum(bytes);
    assert_int_equal(parse(BLOCK), 0);
    assert_int_equal(edid.modes[0].height, 1080);
    assert_true(edid.modes[0].is_interlaced);
}

static void test_size_from_base(void **state)
{
    (void)state;
    build_base();
    bytes[54 + 12] = bytes[54 + 13] = bytes[54 + 14] = 0;
    set_checksum(bytes);
    assert_int_equal(parse(BLOCK), 0);
    assert_int_equal(edid.width_mm, 510);
    assert_int_equal(edid.height_mm, 290);
    bytes[22] = 0; /* an aspect ratio, not a size */
    set_checksum(bytes);
    assert_int_equal(parse(BLOCK), 0);
    assert_int_equal(edid.width_mm, 0);
    assert_int_equal(edid.height_mm, 0);
}

static void test_established(void **state)
{
    (void)state;
    build_base();
    bytes[35] = 0x21; /* 640x480 at 60, 800x600 at 60 */
    bytes[36] = 0x18; /* 1024x768 at 87 interlaced, at 60 */
    bytes[37] = 0xFF; /* 1152x870 at 75, and bits that are the maker's */
    set_checksum(bytes);
    assert_int_equal(parse(BLOCK), 0);
    assert_int_equal(edid.mode_count, 1 + 5);
    assert_int_equal(find(640, 480, 60)->source, BG_EDID_ESTABLISHED);
    assert_non_null(find(800, 600, 60));
    assert_false(find(1024, 768, 60)->is_interlaced);
    assert_true(find(1024, 768, 87)->is_interlaced);
    assert_non_null(find(1152, 870, 75));
}

static void test_standard(void **state)
{
    static const uint8_t timings[] = {
        0xD1, 0x00,      /* 1920 16:10 at 60 */
        0x81, 0x40 | 15, /* 1280 4:3 at 75 */
        0x81, 0x80,      /* 1280 5:4 at 60 */
        0xD1, 0xC0,      /* 1920 16:9 at 60: the detailed one again */
        0x00, 0x40,      /* reserved */
    };

    (void)state;
    build_base();
    memcpy(bytes + 38, timings, sizeof(timings));
    set_checksum(bytes);
    assert_int_equal(parse(BLOCK), 0);
    assert_int_equal(edid.mode_count, 1 + 3);
    assert_int_equal(find(1920, 1200, 60)->source, BG_EDID_STANDARD);
    assert_non_null(find(1280, 960, 75));
    assert_non_null(find(1280, 1024, 60));
    bytes[19] = 2; /* before 1.3 the first ratio was 1:1 */
    set_checksum(bytes);
    assert_int_equal(parse(BLOCK), 0);
    assert_non_null(find(1920, 1920, 60));
}

static void test_more_descriptors(void **state)
{
    (void)state;
    build_base();
    put_text(bytes + 90, 0xFA, "");
    memset(bytes + 95, 1, 12);
    bytes[95] = 0xA9; /* 1600 16:9 at 60 */
    bytes[96] = 0xC0;
    memset(bytes + 108, 0, 18);
    bytes[111] = 0xF7;
    bytes[114] = 0x01; /* byte 6, bit 0: 1152x864 at 75 */
    bytes[119] = 0x10; /* byte 11, bit 4: 1920x1440 at 75 */
    bytes[118] = 0x01; /* byte 10, bit 0: 1920x1200 at 60 */
    set_checksum(bytes);
    assert_int_equal(parse(BLOCK), 0);
    assert_int_equal(edid.mode_count, 1 + 4);
    assert_int_equal(find(1600, 900, 60)->source, BG_EDID_STANDARD);
    assert_non_null(find(1152, 864, 75));
    assert_non_null(find(1920, 1440, 75));
    assert_non_null(find(1920, 1200, 60));
}

static void put_extension(uint8_t *block)
{
    memset(block, 0, BLOCK);
    block[0] = 2;
    block[1] = 3;
    block[2] = 6; /* two bytes of data blocks */
    put_full_hd(block + 6);
    block[6] = 0xD4; /* 74.20 MHz: 30 Hz */
    block[7] = 0x1C;
    put_text(block + 24, 0xFC, "Extended");
    set_checksum(block);
}

static void test_extension(void **state)
{
    (void)state;
    build_base();
    bytes[126] = 1;
    set_checksum(bytes);
    put_extension(bytes + BLOCK);
    assert_int_equal(parse(2 * BLOCK), 0);
    assert_int_equal(edid.extension_count, 1);
    assert_int_equal(edid.extensions_valid, 1);
    assert_int_equal(edid.mode_count, 2);
    assert_int_equal(find(1920, 1080, 30)->source, BG_EDID_DETAILED);
    assert_false(find(1920, 1080, 30)->is_preferred);
    assert_string_equal(edid.name, "Bare panel"); /* the base block counts */
}

/* Announced and not there, cut in the middle, damaged, timings beyond the end. */
static void test_bad_extension(void **state)
{
    (void)state;
    build_base();
    bytes[126] = 255;
    set_checksum(bytes);
    put_extension(bytes + BLOCK);
    assert_int_equal(parse(BLOCK), 0);
    assert_int_equal(edid.extension_count, 255);
    assert_int_equal(edid.extensions_valid, 0);
    assert_int_equal(parse(2 * BLOCK - 1), 0);
    assert_int_equal(edid.extensions_valid, 0);
    bytes[BLOCK + 30] ^= 1;
    assert_int_equal(parse(2 * BLOCK), 0);
    assert_int_equal(edid.extensions_valid, 0);
    assert_int_equal(edid.mode_count, 1);
    for (unsigned offset = 0; offset < 256; offset++) {
        memset(bytes + BLOCK, 0xFF, BLOCK);
        bytes[BLOCK] = 2;
        bytes[BLOCK + 2] = (uint8_t)offset;
        set_checksum(bytes + BLOCK);
        assert_int_equal(parse(2 * BLOCK), 0);
        assert_int_equal(edid.extensions_valid, 1);
    }
}

static void test_too_many_modes(void **state)
{
    (void)state;
    build_base();
    bytes[126] = 3;
    set_checksum(bytes);
    /* Six timings to a block do not fill the table; every bit of the base block does most of it. */
    memset(bytes + 35, 0xFF, 3);
    for (unsigned i = 0; i < 8; i++) {
        bytes[38 + 2 * i] = (uint8_t)(100 + i);
        bytes[39 + 2 * i] = 0xC5;
    }
    for (unsigned d = 0; d < 3; d++) {
        uint8_t *descriptor = bytes + 72 + 18 * d;

        put_text(descriptor, d == 0 ? 0xF7 : 0xFA, "");
        for (unsigned i = 0; i < 6; i++) {
            descriptor[5 + 2 * i] = d == 0 ? 0xFF : (uint8_t)(120 + 6 * d + i);
            descriptor[6 + 2 * i] = d == 0 ? 0xFF : 0x45;
        }
    }
    set_checksum(bytes);
    for (unsigned b = 1; b < 4; b++) {
        uint8_t *block = bytes + b * BLOCK;

        memset(block, 0, BLOCK);
        block[0] = 2;
        block[2] = 4;
        for (unsigned i = 0; i < 6; i++) {
            put_full_hd(block + 4 + 18 * i);
            block[4 + 18 * i + 1] = (uint8_t)(0x40 + b * 8 + i);
        }
        set_checksum(block);
    }
    assert_int_equal(parse(4 * BLOCK), 0);
    assert_int_equal(edid.extensions_valid, 3);
    assert_int_equal(edid.mode_count, BG_EDID_MODES_MAX);
    assert_true(edid.is_truncated);
}

static void test_bad_base(void **state)
{
    (void)state;
    build_base();
    assert_int_equal(parse(0), BG_ERR_INVALID);
    assert_int_equal(parse(BLOCK - 1), BG_ERR_INVALID);
    assert_int_equal(edid.mode_count, 0);
    bytes[127] ^= 1;
    assert_int_equal(parse(BLOCK), BG_ERR_PROTOCOL);
    build_base();
    bytes[0] = 1;
    set_checksum(bytes);
    assert_int_equal(parse(BLOCK), BG_ERR_PROTOCOL);
    build_base();
    bytes[18] = 2;
    set_checksum(bytes);
    assert_int_equal(parse(BLOCK), BG_ERR_UNSUPPORTED);
    assert_null(bg_edid_preferred(&edid));
}

static void test_odd_content(void **state)
{
    (void)state;
    build_base();
    bytes[8] = bytes[9] = 0;                         /* no letters */
    memcpy(bytes + 72 + 5, "\x1B[31mRed\xFF\n", 10); /* would colour a terminal */
    bytes[54 + 2] = bytes[54 + 4] = 0;               /* no width */
    set_checksum(bytes);
    assert_int_equal(parse(BLOCK), 0);
    assert_string_equal(edid.manufacturer, "???");
    assert_string_equal(edid.name, "?[31mRed?");
    assert_int_equal(edid.mode_count, 0);
    assert_null(bg_edid_preferred(&edid));
}

/* A timing of a pixel at 655 MHz: its rate would not fit 32 bits of millihertz. */
static void test_absurd_rate(void **state)
{
    static const uint8_t timing[18] = {0xFF, 0xFF, 1, 0, 0, 1};

    (void)state;
    build_base();
    memcpy(bytes + 54, timing, sizeof(timing));
    set_checksum(bytes);
    assert_int_equal(parse(BLOCK), 0);
    assert_int_equal(edid.mode_count, 0);
    bytes[56] = 255; /* 255 x 255: 10078 Hz */
    bytes[59] = 255;
    set_checksum(bytes);
    assert_int_equal(parse(BLOCK), 0);
    assert_int_equal(edid.mode_count, 0);
    bytes[57] = 3; /* 258 x 255: 9961 Hz */
    set_checksum(bytes);
    assert_int_equal(parse(BLOCK), 0);
    assert_int_equal(edid.mode_count, 1);
    assert_int_equal(edid.modes[0].refresh_mhz, 9961240);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_identity),         cmocka_unit_test(test_detailed_timing),
        cmocka_unit_test(test_interlaced),       cmocka_unit_test(test_size_from_base),
        cmocka_unit_test(test_established),      cmocka_unit_test(test_standard),
        cmocka_unit_test(test_more_descriptors), cmocka_unit_test(test_extension),
        cmocka_unit_test(test_bad_extension),    cmocka_unit_test(test_too_many_modes),
        cmocka_unit_test(test_bad_base),         cmocka_unit_test(test_absurd_rate),
        cmocka_unit_test(test_odd_content),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
