/* SPDX-License-Identifier: BSD-2-Clause */
#include "firmware/apps/draw/font.h"

#define REPLACEMENT 0xFFFDu

static const uint8_t *find(const struct font *font, uint32_t code)
{
    size_t low = 0, high = font->character_count;

    while (low < high) {
        size_t middle = (low + high) / 2;

        if (font->characters[middle].code < code) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if (low == font->character_count || font->characters[low].code != code) {
        return NULL;
    }
    return font->bitmaps + (size_t)font->characters[low].glyph * font->bytes_per_glyph;
}

const uint8_t *font_bitmap(const struct font *font, uint32_t code)
{
    const uint8_t *bitmap = find(font, code);

    if (bitmap == NULL) {
        bitmap = find(font, REPLACEMENT);
    }
    if (bitmap == NULL) {
        bitmap = find(font, '?');
    }
    return bitmap != NULL ? bitmap : font->bitmaps;
}

/* The smallest code that takes this many bytes: shorter forms are not UTF-8. */
static uint32_t smallest(size_t length)
{
    return length == 2 ? 0x80 : length == 3 ? 0x800 : 0x10000;
}

uint32_t utf8_decode(const char *text, size_t size, size_t *used)
{
    uint8_t first = (uint8_t)text[0];
    size_t length = first < 0x80   ? 1
                    : first < 0xC0 ? 0
                    : first < 0xE0 ? 2
                    : first < 0xF0 ? 3
                    : first < 0xF8 ? 4
                                   : 0;
    uint32_t code;

    *used = 1;
    if (length == 1) {
        return first;
    }
    if (length == 0 || length > size) {
        return REPLACEMENT;
    }
    code = first & (0x7Fu >> length);
    for (size_t i = 1; i < length; i++) {
        if (((uint8_t)text[i] & 0xC0) != 0x80) {
            return REPLACEMENT;
        }
        code = code << 6 | ((uint8_t)text[i] & 0x3F);
    }
    if (code < smallest(length) || code > 0x10FFFF || (code >= 0xD800 && code < 0xE000)) {
        return REPLACEMENT;
    }
    *used = length;
    return code;
}
