/* SPDX-License-Identifier: BSD-2-Clause */
#include "firmware/apps/draw/draw.h"

#include <stdbool.h>
#include <string.h>

/* Smooth shapes: each pixel is looked at in SAMPLES x SAMPLES places. */
#define SAMPLES 4
#define SAMPLE_COUNT (SAMPLES * SAMPLES)

struct canvas draw_canvas_of(const struct bg_virtio_gpu_framebuffer *fb)
{
    return (struct canvas){
        .pixels = fb->pixels,
        .width = (int32_t)fb->width,
        .height = (int32_t)fb->height,
        .stride = (int32_t)(fb->stride / BG_VIRTIO_GPU_PIXEL_SIZE),
        .format = fb->format,
    };
}

struct canvas draw_part(const struct canvas *canvas, int32_t x, int32_t y, int32_t width,
                        int32_t height)
{
    struct canvas part = *canvas;

    part.pixels += (ptrdiff_t)y * canvas->stride + x;
    part.width = width;
    part.height = height;
    return part;
}

/* ---- Pixels ---- */

static bool is_inside(const struct canvas *canvas, int32_t x, int32_t y)
{
    return x >= 0 && y >= 0 && x < canvas->width && y < canvas->height;
}

static uint32_t *pixel_at(const struct canvas *canvas, int32_t x, int32_t y)
{
    return canvas->pixels + (ptrdiff_t)y * canvas->stride + x;
}

static uint32_t pack(const struct canvas *canvas, draw_color color)
{
    if (canvas->format == BG_VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM) { /* the usual one, as it is */
        return color | 0xFF000000u;
    }
    return bg_virtio_gpu_pixel(canvas->format, (uint8_t)(color >> 16), (uint8_t)(color >> 8),
                               (uint8_t)color, 255);
}

static uint32_t unpack(const struct canvas *canvas, uint32_t pixel)
{
    struct bg_virtio_gpu_color color;

    if (canvas->format == BG_VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM) {
        return pixel & 0xFFFFFFu;
    }
    color = bg_virtio_gpu_color_of(canvas->format, pixel);
    return (uint32_t)color.red << 16 | (uint32_t)color.green << 8 | color.blue;
}

uint32_t draw_get(const struct canvas *canvas, int32_t x, int32_t y)
{
    return is_inside(canvas, x, y) ? unpack(canvas, *pixel_at(canvas, x, y)) : 0;
}

static uint32_t mix_component(uint32_t below, uint32_t above, uint32_t alpha)
{
    return (below * (255 - alpha) + above * alpha + 127) / 255;
}

static uint32_t mix(uint32_t below, uint32_t above, uint32_t alpha)
{
    return mix_component(below >> 16 & 255, above >> 16 & 255, alpha) << 16 |
           mix_component(below >> 8 & 255, above >> 8 & 255, alpha) << 8 |
           mix_component(below & 255, above & 255, alpha);
}

/* Over what is there, with `alpha` of 255. */
static void blend(const struct canvas *canvas, int32_t x, int32_t y, draw_color color,
                  uint32_t alpha)
{
    uint32_t *pixel = pixel_at(canvas, x, y);

    if (alpha == 255) {
        *pixel = pack(canvas, color);
    } else if (alpha > 0) {
        *pixel = pack(canvas, mix(unpack(canvas, *pixel), color, alpha));
    }
}

/* ---- Rectangles ---- */

struct box {
    int32_t left, top, right, bottom; /* right and bottom are outside */
};

static int32_t within(int64_t value, int32_t limit)
{
    return (int32_t)(value < 0 ? 0 : value > limit ? limit : value);
}

static struct box cut(const struct canvas *canvas, int64_t left, int64_t top, int64_t right,
                      int64_t bottom)
{
    return (struct box){within(left, canvas->width), within(top, canvas->height),
                        within(right, canvas->width), within(bottom, canvas->height)};
}

void draw_fill(const struct canvas *canvas, int32_t x, int32_t y, int32_t width, int32_t height,
               draw_color color)
{
    struct box box = cut(canvas, x, y, (int64_t)x + width, (int64_t)y + height);
    uint32_t alpha = color >> 24, pixel = pack(canvas, color);

    if (alpha == 0) {
        return;
    }
    for (int32_t row = box.top; row < box.bottom; row++) {
        if (alpha == 255) {
            uint32_t *to = pixel_at(canvas, 0, row);

            for (int32_t column = box.left; column < box.right; column++) {
                to[column] = pixel;
            }
        } else {
            for (int32_t column = box.left; column < box.right; column++) {
                blend(canvas, column, row, color, alpha);
            }
        }
    }
}

/* `at` of `size`: 0 gives a, size - 1 gives b. */
static uint32_t between(uint32_t a, uint32_t b, int32_t at, int32_t size)
{
    uint32_t last = size > 1 ? (uint32_t)size - 1 : 1;

    return (a * (last - (uint32_t)at) + b * (uint32_t)at + last / 2) / last;
}

static uint32_t color_between(uint32_t a, uint32_t b, int32_t at, int32_t size)
{
    return between(a >> 16 & 255, b >> 16 & 255, at, size) << 16 |
           between(a >> 8 & 255, b >> 8 & 255, at, size) << 8 | between(a & 255, b & 255, at, size);
}

void draw_gradient(const struct canvas *canvas, int32_t x, int32_t y, int32_t width, int32_t height,
                   const draw_color corners[4])
{
    struct box box = cut(canvas, x, y, (int64_t)x + width, (int64_t)y + height);

    for (int32_t row = box.top; row < box.bottom; row++) {
        uint32_t left = color_between(corners[0], corners[2], row - y, height);
        uint32_t right = color_between(corners[1], corners[3], row - y, height);
        uint32_t *to = pixel_at(canvas, 0, row);

        for (int32_t column = box.left; column < box.right; column++) {
            to[column] = pack(canvas, color_between(left, right, column - x, width));
        }
    }
}

/* ---- Smooth shapes ---- */

/* Coordinates of samples: units of 1 / (2 * SAMPLES) pixel, so that a sample's middle is whole. */
#define UNIT (2 * SAMPLES)

struct shape {
    bool (*contains)(const struct shape *shape, int64_t x, int64_t y);
    /* The square of a distance that decides alone: in between the radii. NULL: there is none. */
    int64_t (*square)(const struct shape *shape, int64_t x, int64_t y);
    int64_t x[3], y[3];
    int64_t radius, hole;
    int64_t outer, inner; /* their squares */
};

static int64_t square_of(int64_t value)
{
    return value * value;
}

/* All samples of a pixel lie within UNIT of its middle: 0 or SAMPLE_COUNT of them, or -1: look. */
static int32_t sure_hits(const struct shape *shape, int64_t x, int64_t y)
{
    int64_t square;

    if (shape->square == NULL) {
        return -1;
    }
    square = shape->square(shape, x, y);
    if (square >= square_of(shape->radius + UNIT) ||
        (shape->hole > UNIT && square <= square_of(shape->hole - UNIT))) {
        return 0;
    }
    if (shape->radius > UNIT && square <= square_of(shape->radius - UNIT) &&
        (shape->hole == 0 || square >= square_of(shape->hole + UNIT))) {
        return SAMPLE_COUNT;
    }
    return -1;
}

static uint32_t count_hits(const struct shape *shape, int64_t x, int64_t y)
{
    int32_t sure = sure_hits(shape, x + UNIT / 2, y + UNIT / 2);
    uint32_t hits = 0;

    if (sure >= 0) {
        return (uint32_t)sure;
    }
    for (int32_t s = 0; s < SAMPLE_COUNT; s++) {
        hits += shape->contains(shape, x + s % SAMPLES * 2 + 1, y + s / SAMPLES * 2 + 1);
    }
    return hits;
}

static void draw_shape(const struct canvas *canvas, const struct shape *shape, struct box box,
                       draw_color color)
{
    for (int32_t y = box.top; y < box.bottom; y++) {
        for (int32_t x = box.left; x < box.right; x++) {
            uint32_t hits = count_hits(shape, (int64_t)x * UNIT, (int64_t)y * UNIT);

            blend(canvas, x, y, color, (hits * (color >> 24) + SAMPLE_COUNT / 2) / SAMPLE_COUNT);
        }
    }
}

static int64_t ring_square(const struct shape *shape, int64_t x, int64_t y)
{
    return square_of(x - shape->x[0]) + square_of(y - shape->y[0]);
}

static bool ring_contains(const struct shape *shape, int64_t x, int64_t y)
{
    int64_t square = ring_square(shape, x, y);

    return square <= shape->outer && square >= shape->inner;
}

void draw_ring(const struct canvas *canvas, int32_t center_x, int32_t center_y, int32_t radius,
               int32_t width, draw_color color)
{
    int64_t outer = (int64_t)radius * UNIT;
    int64_t inner = radius > width ? (int64_t)(radius - width) * UNIT : 0;
    const struct shape shape = {
        .contains = ring_contains,
        .square = ring_square,
        .radius = outer,
        .hole = inner,
        .x = {(int64_t)center_x * UNIT},
        .y = {(int64_t)center_y * UNIT},
        .outer = outer * outer,
        .inner = inner * inner,
    };

    draw_shape(canvas, &shape,
               cut(canvas, (int64_t)center_x - radius, (int64_t)center_y - radius,
                   (int64_t)center_x + radius, (int64_t)center_y + radius),
               color);
}

void draw_circle(const struct canvas *canvas, int32_t center_x, int32_t center_y, int32_t radius,
                 draw_color color)
{
    draw_ring(canvas, center_x, center_y, radius, radius, color);
}

/* Distance to the nearest point of the box inside, whose corners are the circles' centres. */
static int64_t rounded_square(const struct shape *shape, int64_t x, int64_t y)
{
    int64_t dx = x < shape->x[0] ? shape->x[0] - x : x > shape->x[1] ? x - shape->x[1] : 0;
    int64_t dy = y < shape->y[0] ? shape->y[0] - y : y > shape->y[1] ? y - shape->y[1] : 0;

    return dx * dx + dy * dy;
}

static bool rounded_contains(const struct shape *shape, int64_t x, int64_t y)
{
    return rounded_square(shape, x, y) <= shape->outer;
}

void draw_rounded(const struct canvas *canvas, int32_t x, int32_t y, int32_t width, int32_t height,
                  int32_t radius, draw_color color)
{
    int64_t r = (int64_t)radius * UNIT;
    const struct shape shape = {
        .contains = rounded_contains,
        .square = rounded_square,
        .radius = r,
        .x = {(int64_t)x * UNIT + r, ((int64_t)x + width) * UNIT - r},
        .y = {(int64_t)y * UNIT + r, ((int64_t)y + height) * UNIT - r},
        .outer = r * r,
    };

    draw_shape(canvas, &shape, cut(canvas, x, y, (int64_t)x + width, (int64_t)y + height), color);
}

/* Which side of the line from corner a to corner b. */
static int64_t side(const struct shape *shape, int a, int b, int64_t x, int64_t y)
{
    return (shape->x[b] - shape->x[a]) * (y - shape->y[a]) -
           (shape->y[b] - shape->y[a]) * (x - shape->x[a]);
}

static bool triangle_contains(const struct shape *shape, int64_t x, int64_t y)
{
    int64_t a = side(shape, 0, 1, x, y), b = side(shape, 1, 2, x, y), c = side(shape, 2, 0, x, y);

    return (a >= 0 && b >= 0 && c >= 0) || (a <= 0 && b <= 0 && c <= 0);
}

void draw_triangle(const struct canvas *canvas, const int32_t x[3], const int32_t y[3],
                   draw_color color)
{
    struct shape shape = {.contains = triangle_contains};
    int64_t left = x[0], right = x[0], top = y[0], bottom = y[0];

    for (int i = 0; i < 3; i++) {
        shape.x[i] = (int64_t)x[i] * UNIT;
        shape.y[i] = (int64_t)y[i] * UNIT;
        left = x[i] < left ? x[i] : left;
        right = x[i] > right ? x[i] : right;
        top = y[i] < top ? y[i] : top;
        bottom = y[i] > bottom ? y[i] : bottom;
    }
    draw_shape(canvas, &shape, cut(canvas, left, top, right + 1, bottom + 1), color);
}

/* Not farther from the segment than half the width: the ends are round. */
static bool line_contains(const struct shape *shape, int64_t x, int64_t y)
{
    int64_t dx = shape->x[1] - shape->x[0], dy = shape->y[1] - shape->y[0];
    int64_t px = x - shape->x[0], py = y - shape->y[0];
    int64_t length = dx * dx + dy * dy, along = px * dx + py * dy;
    int64_t across = px * dy - py * dx;

    if (along <= 0) {
        return px * px + py * py <= shape->outer;
    }
    if (along >= length) {
        return (px - dx) * (px - dx) + (py - dy) * (py - dy) <= shape->outer;
    }
    /* across^2 / length <= outer, without a product of more than 64 bits */
    return (across < 0 ? -across : across) / shape->radius * (across < 0 ? -across : across) /
               shape->radius <=
           length;
}

void draw_line(const struct canvas *canvas, int32_t x0, int32_t y0, int32_t x1, int32_t y1,
               int32_t width, draw_color color)
{
    int64_t radius = (int64_t)width * UNIT / 2;
    const struct shape shape = {
        .contains = line_contains,
        .x = {(int64_t)x0 * UNIT, (int64_t)x1 * UNIT},
        .y = {(int64_t)y0 * UNIT, (int64_t)y1 * UNIT},
        .outer = radius * radius,
        .radius = radius > 0 ? radius : 1,
    };
    int64_t left = x0 < x1 ? x0 : x1, right = x0 < x1 ? x1 : x0;
    int64_t top = y0 < y1 ? y0 : y1, bottom = y0 < y1 ? y1 : y0;

    draw_shape(canvas, &shape,
               cut(canvas, left - width, top - width, right + width, bottom + width), color);
}

/* ---- Text ---- */

void draw_glyph(const struct canvas *canvas, const struct font *font, int32_t x, int32_t y,
                uint32_t code, draw_color color, draw_color background)
{
    const uint8_t *bitmap = font_bitmap(font, code);
    struct box box = cut(canvas, x, y, (int64_t)x + font->width, (int64_t)y + font->height);

    draw_fill(canvas, x, y, font->width, font->height, background);
    for (int32_t row = box.top; row < box.bottom; row++) {
        const uint8_t *bits = bitmap + (size_t)(row - y) * font->bytes_per_row;

        for (int32_t column = box.left; column < box.right; column++) {
            if (bits[(column - x) / 8] & 0x80 >> (column - x) % 8) {
                blend(canvas, column, row, color, color >> 24);
            }
        }
    }
}

int32_t draw_text(const struct canvas *canvas, const struct font *font, int32_t x, int32_t y,
                  const char *text, draw_color color)
{
    size_t left = strlen(text);
    int32_t at = x;

    while (left > 0) {
        size_t used;
        uint32_t code = utf8_decode(text, left, &used);

        if (code == '\n') {
            at = x;
            y += font->height;
        } else {
            draw_glyph(canvas, font, at, y, code, color, 0);
            at += font->width;
        }
        text += used;
        left -= used;
    }
    return at;
}

void draw_scroll(const struct canvas *canvas, int32_t rows)
{
    for (int32_t row = 0; row + rows < canvas->height; row++) {
        memcpy(pixel_at(canvas, 0, row), pixel_at(canvas, 0, row + rows),
               (size_t)canvas->width * sizeof(*canvas->pixels));
    }
}
