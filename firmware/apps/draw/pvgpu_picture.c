/* SPDX-License-Identifier: BSD-2-Clause */
#include "firmware/apps/draw/pvgpu_picture.h"

const float pvgpu_picture_background[4] = {0.2f, 0.4f, 0.6f, 1};

/* Two pictures and three margins, each an eighth of a picture, both ways. */
struct pvgpu_picture_size pvgpu_picture_size(uint32_t screen_width, uint32_t screen_height)
{
    return (struct pvgpu_picture_size){screen_width * 8 / 19, screen_height * 8 / 19};
}

void pvgpu_picture_place(struct pvgpu_picture_size size, unsigned n, uint32_t *x, uint32_t *y)
{
    *x = size.width / 8 + n % 2 * (size.width + size.width / 8);
    *y = size.height / 8 + n / 2 * (size.height + size.height / 8);
}

void pvgpu_picture_draw(const struct canvas *canvas)
{
    static const draw_color corners[4] = {DRAW_RGB(24, 32, 72), DRAW_RGB(96, 24, 88),
                                          DRAW_RGB(8, 72, 96), DRAW_RGB(16, 16, 32)};
    int32_t width = canvas->width, height = canvas->height;

    draw_gradient(canvas, 0, 0, width, height, corners);
    for (int32_t i = 0; i < 5; i++) {
        draw_ring(canvas, width * 2 / 3, height / 2, height / 12 * (i + 1), height / 40,
                  DRAW_ALPHA(DRAW_RGB(255, 80 + 35 * i, 64), 220));
    }
    draw_circle(canvas, width / 4, height * 2 / 3, height / 6,
                DRAW_ALPHA(DRAW_RGB(64, 200, 255), 180));
    draw_text(canvas, &font_large, 24, 24, "pvgpu", DRAW_RGB(255, 255, 255));
    draw_text(canvas, &font_normal, 24, 64, "Drawn in the heap, copied and shown by the GPU",
              DRAW_RGB(208, 216, 232));
}
