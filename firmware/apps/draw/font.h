/* SPDX-License-Identifier: BSD-2-Clause */
/* Bitmap fonts: Latin, Greek and Cyrillic, line drawing. The data is made by mk/build-font.sh. */
#ifndef FIRMWARE_APPS_DRAW_FONT_H
#define FIRMWARE_APPS_DRAW_FONT_H

#include <stddef.h>
#include <stdint.h>

struct font_character {
    uint16_t code; /* Unicode, ascending */
    uint16_t glyph;
};

struct font {
    uint16_t width, height; /* pixels; the leftmost one is a byte's top bit */
    uint16_t bytes_per_row, bytes_per_glyph;
    uint16_t glyph_count, character_count;
    const struct font_character *characters;
    const uint8_t *bitmaps;
};

extern const struct font font_normal; /* 8 x 16 */
extern const struct font font_large;  /* 16 x 32, bold */

/* A character's bitmap, height rows of bytes_per_row; U+FFFD's, or '?''s, for one that the font has
 * not. Never NULL. */
const uint8_t *font_bitmap(const struct font *font, uint32_t code);

/*
 * Takes a character off a UTF-8 text of `size` bytes (more than 0): its code, and in *used how many
 * bytes it took. What is not UTF-8 is U+FFFD, a byte at a time.
 */
uint32_t utf8_decode(const char *text, size_t size, size_t *used);

#endif
