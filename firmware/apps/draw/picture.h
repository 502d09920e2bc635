/* SPDX-License-Identifier: BSD-2-Clause */
/* What `run=screen` shows: the same on every machine, so that a test can draw it and compare. */
#ifndef FIRMWARE_APPS_DRAW_PICTURE_H
#define FIRMWARE_APPS_DRAW_PICTURE_H

#include "firmware/apps/draw/draw.h"

/* Gradients, colours, text, blended shapes. Any size. */
void picture_draw(const struct canvas *canvas);

#define PICTURE_SIDE_MIN 64 /* there is room for the ball */

/* What the ball moves over. */
void picture_draw_ground(const struct canvas *canvas);

/* A ball on its way, on a canvas of PICTURE_SIDE_MIN or more each way, frame 0 with the ground;
 * *changed is what has to be shown, compared with the frame before. The same canvas content comes
 * out whatever was drawn before it. */
void picture_draw_frame(const struct canvas *canvas, unsigned frame,
                        struct bg_virtio_gpu_rect *changed);

/* An arrow with a shadow, for a cursor: 64 x 64 pixels 0xAARRGGBB. */
void picture_draw_pointer(uint32_t *argb);

#define PICTURE_POINTER_HOT 2u /* both ways */

#endif
