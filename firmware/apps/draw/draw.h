/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Drawing into pixels of any virtio-gpu format: rectangles, gradients, smooth shapes that are
 * blended over what is there, text. Integers only: a picture is the same to the last bit
 * everywhere. Everything is cut to the canvas.
 */
#ifndef FIRMWARE_APPS_DRAW_DRAW_H
#define FIRMWARE_APPS_DRAW_DRAW_H

#include <stdint.h>

#include "baregpu/virtio_gpu.h"
#include "firmware/apps/draw/font.h"

struct canvas {
    uint32_t *pixels;
    int32_t width, height;
    int32_t stride;  /* pixels from a row to the next */
    uint32_t format; /* enum bg_virtio_gpu_formats */
};

/* 0xAARRGGBB; alpha 0 is invisible, 255 covers. */
typedef uint32_t draw_color;

#define DRAW_RGB(red, green, blue)                                                                 \
    (0xFF000000u | (uint32_t)(red) << 16 | (uint32_t)(green) << 8 | (uint32_t)(blue))
#define DRAW_ALPHA(color, alpha) (((color) & 0xFFFFFFu) | (uint32_t)(alpha) << 24)

struct canvas draw_canvas_of(const struct bg_virtio_gpu_framebuffer *fb);

/* A part of a canvas as one of its own; the rectangle lies inside. */
struct canvas draw_part(const struct canvas *canvas, int32_t x, int32_t y, int32_t width,
                        int32_t height);

/* 0xRRGGBB; 0 outside. */
uint32_t draw_get(const struct canvas *canvas, int32_t x, int32_t y);

void draw_fill(const struct canvas *canvas, int32_t x, int32_t y, int32_t width, int32_t height,
               draw_color color);

/* From the corners' colours, which cover: top left, top right, bottom left, bottom right. */
void draw_gradient(const struct canvas *canvas, int32_t x, int32_t y, int32_t width, int32_t height,
                   const draw_color corners[4]);

/* Smooth edges. A ring is as wide as `width`, inwards. */
void draw_circle(const struct canvas *canvas, int32_t center_x, int32_t center_y, int32_t radius,
                 draw_color color);
void draw_ring(const struct canvas *canvas, int32_t center_x, int32_t center_y, int32_t radius,
               int32_t width, draw_color color);
void draw_rounded(const struct canvas *canvas, int32_t x, int32_t y, int32_t width, int32_t height,
                  int32_t radius, draw_color color);
void draw_triangle(const struct canvas *canvas, const int32_t x[3], const int32_t y[3],
                   draw_color color);
void draw_line(const struct canvas *canvas, int32_t x0, int32_t y0, int32_t x1, int32_t y1,
               int32_t width, draw_color color);

/* One character, its cell filled with `background` first unless that is invisible. */
void draw_glyph(const struct canvas *canvas, const struct font *font, int32_t x, int32_t y,
                uint32_t code, draw_color color, draw_color background);

/* UTF-8; newlines begin a new line at x. Returns the x behind the last character. */
int32_t draw_text(const struct canvas *canvas, const struct font *font, int32_t x, int32_t y,
                  const char *text, draw_color color);

/* Rows move up by `rows`; what comes in at the bottom is left as it is. */
void draw_scroll(const struct canvas *canvas, int32_t rows);

#endif
