/* SPDX-License-Identifier: BSD-2-Clause */
#include "firmware/apps/draw/picture.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define MARGIN 24

static void draw_background(const struct canvas *canvas)
{
    static const draw_color corners[4] = {
        DRAW_RGB(24, 32, 72),
        DRAW_RGB(96, 24, 88),
        DRAW_RGB(8, 72, 96),
        DRAW_RGB(16, 16, 32),
    };

    draw_gradient(canvas, 0, 0, canvas->width, canvas->height, corners);
}

static void draw_title(const struct canvas *canvas)
{
    static const char *const lines[] = {
        "Gradients, text and blended shapes, by virtio-gpu on bare metal",
        "Grüße, façade, œuvre, čeština, Žluťoučký, ångström, ¿qué?, €",
        "Ελληνικά, кириллица, ┌─┬─┐ │░▒█│ └─┴─┘",
    };
    int32_t y = MARGIN;

    draw_text(canvas, &font_large, MARGIN + 2, y + 2, "baregpu", DRAW_ALPHA(0, 128));
    draw_text(canvas, &font_large, MARGIN, y, "baregpu", DRAW_RGB(255, 255, 255));
    y += font_large.height + 8;
    for (size_t i = 0; i < COUNT(lines); i++) {
        draw_text(canvas, &font_normal, MARGIN, y, lines[i], DRAW_RGB(208, 216, 232));
        y += font_normal.height + 2;
    }
}

/* Red, green, blue and grey, from dark to light. */
static void draw_ramps(const struct canvas *canvas, int32_t x, int32_t y, int32_t width)
{
    static const draw_color ends[] = {
        DRAW_RGB(255, 0, 0),
        DRAW_RGB(0, 255, 0),
        DRAW_RGB(0, 0, 255),
        DRAW_RGB(255, 255, 255),
    };

    for (size_t i = 0; i < COUNT(ends); i++) {
        const draw_color corners[4] = {DRAW_RGB(0, 0, 0), ends[i], DRAW_RGB(0, 0, 0), ends[i]};

        draw_gradient(canvas, x, y + (int32_t)i * 20, width, 16, corners);
    }
}

/* Three lights that mix where they meet. */
static void draw_circles(const struct canvas *canvas, int32_t x, int32_t y, int32_t radius)
{
    draw_circle(canvas, x, y - radius / 2, radius, DRAW_ALPHA(DRAW_RGB(255, 64, 64), 160));
    draw_circle(canvas, x - radius * 4 / 7, y + radius / 2, radius,
                DRAW_ALPHA(DRAW_RGB(64, 255, 64), 160));
    draw_circle(canvas, x + radius * 4 / 7, y + radius / 2, radius,
                DRAW_ALPHA(DRAW_RGB(64, 96, 255), 160));
    draw_ring(canvas, x, y, radius * 2, 3, DRAW_ALPHA(DRAW_RGB(255, 255, 255), 96));
}

static void draw_panel(const struct canvas *canvas, int32_t x, int32_t y, int32_t width,
                       int32_t height)
{
    const int32_t tip_x[3] = {x + width / 2, x + width - 20, x + 20};
    const int32_t tip_y[3] = {y + 16, y + height - 16, y + height - 16};

    draw_rounded(canvas, x + 6, y + 8, width, height, 18, DRAW_ALPHA(0, 96)); /* its shadow */
    draw_rounded(canvas, x, y, width, height, 18, DRAW_ALPHA(DRAW_RGB(240, 244, 255), 208));
    draw_triangle(canvas, tip_x, tip_y, DRAW_ALPHA(DRAW_RGB(255, 160, 32), 224));
    for (int32_t i = 0; i < 5; i++) {
        draw_line(canvas, x + 16, y + 16 + i * (height - 32) / 4, x + width - 16,
                  y + height - 16 - i * (height - 32) / 4, 1 + i,
                  DRAW_ALPHA(DRAW_RGB(32, 64, 160), 128));
    }
}

void picture_draw(const struct canvas *canvas)
{
    int32_t width = canvas->width, height = canvas->height;
    int32_t unit = width < height ? width : height;

    draw_background(canvas);
    draw_circles(canvas, width * 3 / 4, height / 2, unit / 8);
    draw_panel(canvas, width / 10, height * 3 / 10, width * 3 / 8, height * 3 / 8);
    draw_ramps(canvas, MARGIN, height - 4 * 20 - MARGIN, width - 2 * MARGIN);
    draw_title(canvas);
}

/* ---- Animation ---- */

#define BALL_RADIUS 28
#define BALL_REACH (BALL_RADIUS + 4) /* with its shadow */
#define SPEED_X 11
#define SPEED_Y 7

/* To and fro between 0 and `range`. */
static int32_t bounce(uint32_t way, int32_t range)
{
    uint32_t period = range > 0 ? 2u * (uint32_t)range : 1;
    uint32_t at = way % period;

    return (int32_t)(at > (uint32_t)range ? period - at : at);
}

static void ball_position(const struct canvas *canvas, unsigned frame, int32_t *x, int32_t *y)
{
    *x = BALL_REACH + bounce(frame * SPEED_X, canvas->width - 2 * BALL_REACH);
    *y = BALL_REACH + bounce(frame * SPEED_Y, canvas->height - 2 * BALL_REACH);
}

/* The background's part; its colours depend on the whole canvas. */
static void restore(const struct canvas *canvas, int32_t x, int32_t y)
{
    int32_t left = x - BALL_REACH > 0 ? x - BALL_REACH : 0;
    int32_t top = y - BALL_REACH > 0 ? y - BALL_REACH : 0;

    for (int32_t row = top; row < y + BALL_REACH && row < canvas->height; row++) {
        for (int32_t column = left; column < x + BALL_REACH && column < canvas->width; column++) {
            uint32_t shade = (uint32_t)((column / 32 + row / 32) % 2 * 24 + 24);

            draw_fill(canvas, column, row, 1, 1, DRAW_RGB(shade, shade, shade + 16));
        }
    }
}

void picture_draw_ground(const struct canvas *canvas)
{
    for (int32_t y = 0; y < canvas->height; y += BALL_REACH) {
        for (int32_t x = 0; x < canvas->width; x += BALL_REACH) {
            restore(canvas, x, y);
        }
    }
    restore(canvas, canvas->width - 1, canvas->height - 1);
}

void picture_draw_frame(const struct canvas *canvas, unsigned frame,
                        struct bg_virtio_gpu_rect *changed)
{
    int32_t x, y;

    if (frame == 0) {
        picture_draw_ground(canvas);
        *changed =
            (struct bg_virtio_gpu_rect){0, 0, (uint32_t)canvas->width, (uint32_t)canvas->height};
    } else {
        int32_t old_x, old_y;

        ball_position(canvas, frame - 1, &old_x, &old_y);
        ball_position(canvas, frame, &x, &y);
        restore(canvas, old_x, old_y);
        *changed = (struct bg_virtio_gpu_rect){
            .x = (uint32_t)((x < old_x ? x : old_x) - BALL_REACH),
            .y = (uint32_t)((y < old_y ? y : old_y) - BALL_REACH),
            .width = (uint32_t)(2 * BALL_REACH + (x < old_x ? old_x - x : x - old_x)),
            .height = (uint32_t)(2 * BALL_REACH + (y < old_y ? old_y - y : y - old_y)),
        };
    }
    ball_position(canvas, frame, &x, &y);
    draw_circle(canvas, x + 3, y + 4, BALL_RADIUS, DRAW_ALPHA(0, 128));
    draw_circle(canvas, x, y, BALL_RADIUS, DRAW_RGB(255, 176, 32));
    draw_circle(canvas, x - 9, y - 10, 8, DRAW_ALPHA(DRAW_RGB(255, 255, 255), 160));
}

/* ---- Cursor ---- */

#define POINTER_HEIGHT 36

void picture_draw_pointer(uint32_t *argb)
{
    for (int32_t y = 0; y < (int32_t)BG_VIRTIO_GPU_CURSOR_SIZE; y++) {
        for (int32_t x = 0; x < (int32_t)BG_VIRTIO_GPU_CURSOR_SIZE; x++) {
            int32_t in_x = x - (int32_t)PICTURE_POINTER_HOT,
                    in_y = y - (int32_t)PICTURE_POINTER_HOT;
            int32_t edge = in_y * 3 / 4;
            uint32_t *pixel = &argb[y * (int32_t)BG_VIRTIO_GPU_CURSOR_SIZE + x];

            *pixel = 0;
            if (in_x >= 0 && in_y >= 0 && in_y < POINTER_HEIGHT && in_x <= edge) {
                bool is_edge = in_x < 2 || in_x > edge - 2 || in_y > POINTER_HEIGHT - 3;

                *pixel = is_edge ? 0xFF000000u : 0xFFFFFFFFu;
            } else if (in_x >= 3 && in_y >= 3 && in_y < POINTER_HEIGHT + 3 && in_x <= edge + 3) {
                *pixel = 0x60000000u;
            }
        }
    }
}
