/* SPDX-License-Identifier: BSD-2-Clause */
/* The first triangle of docs/drawing.md, on a screen of 640 x 480. */
#ifndef TESTS_GUEST_DRAW_TRIANGLE_H
#define TESTS_GUEST_DRAW_TRIANGLE_H

#include "baregpu/pvgpu_draw.h"

int triangle(struct bg_pvgpu *gpu, uint32_t *screen, uint64_t deadline_ns);

#endif
