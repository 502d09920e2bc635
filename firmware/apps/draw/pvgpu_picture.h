/* SPDX-License-Identifier: BSD-2-Clause */
/* What `run=pvgpu` shows. The same on every machine, so that a test can draw it too and compare. */
#ifndef FIRMWARE_APPS_DRAW_PVGPU_PICTURE_H
#define FIRMWARE_APPS_DRAW_PVGPU_PICTURE_H

#include "firmware/apps/draw/draw.h"

/* What the screen is cleared to, and the same as floats. */
#define PVGPU_PICTURE_BACKGROUND DRAW_RGB(51, 102, 153)
extern const float pvgpu_picture_background[4];

/* Its copies on the screen. */
#define PVGPU_PICTURE_COPIES 4u

struct pvgpu_picture_size {
    uint32_t width, height;
};

/* Of one picture on a screen of that size. */
struct pvgpu_picture_size pvgpu_picture_size(uint32_t screen_width, uint32_t screen_height);

/* Where copy n lies. */
void pvgpu_picture_place(struct pvgpu_picture_size size, unsigned n, uint32_t *x, uint32_t *y);

void pvgpu_picture_draw(const struct canvas *canvas);

#endif
