/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/guest/lib/screen_content.h"

#include <stdio.h>

/* ---- Pattern ---- */

uint32_t picture_pattern(uint32_t x, uint32_t y, uint32_t scanout, uint32_t step)
{
    uint32_t red = x * 5 + y * 3 + scanout * 61;
    uint32_t green = x * 2 + y * 11 + step * 37;
    uint32_t blue = (x ^ y) + scanout * 17 + step * 101;

    return (red & 255) << 16 | (green & 255) << 8 | (blue & 255);
}

void picture_draw_pattern(const struct canvas *canvas, uint32_t scanout, uint32_t step)
{
    for (int32_t y = 0; y < canvas->height; y++) {
        uint32_t *row = canvas->pixels + (ptrdiff_t)y * canvas->stride;

        for (int32_t x = 0; x < canvas->width; x++) {
            uint32_t rgb = picture_pattern((uint32_t)x, (uint32_t)y, scanout, step);

            row[x] = bg_virtio_gpu_pixel(canvas->format, (uint8_t)(rgb >> 16), (uint8_t)(rgb >> 8),
                                         (uint8_t)rgb, 255);
        }
    }
}

/* ---- Console ---- */

void picture_console_line(unsigned number, char line[PICTURE_CONSOLE_LINE_SIZE])
{
    unsigned color = number % 8;

    switch (number % 5) {
    case 0:
        snprintf(line, PICTURE_CONSOLE_LINE_SIZE,
                 "\x1B[3%um%3u normal \x1B[1mbright \x1B[4%umground\x1B[0m \x1B[7mreverse\x1B[0m\n",
                 color, number, (color + 3) % 8);
        break;
    case 1:
        snprintf(line, PICTURE_CONSOLE_LINE_SIZE, "%3u Grüße, façade, œuvre, Žluťoučký, ångström\n",
                 number);
        break;
    case 2: /* longer than a line of 100 columns */
        snprintf(line, PICTURE_CONSOLE_LINE_SIZE, "%3u %0*u|\n", number, 120, number * 7919u);
        break;
    case 3:
        snprintf(line, PICTURE_CONSOLE_LINE_SIZE,
                 "\x1B[38;5;%um%3u of 256\x1B[0m\t\x1B[48;2;%u;40;80mtrue colour\x1B[0m\x1B[K\n",
                 16 + number * 2, number, number * 2);
        break;
    default:
        snprintf(line, PICTURE_CONSOLE_LINE_SIZE, "%3u over\rOVER\x1B[10C+10\x1B[60G@60\n", number);
        break;
    }
}
