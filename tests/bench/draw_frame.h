/* SPDX-License-Identifier: BSD-2-Clause */
/* The frame of pvgpu_draws_per_s, for the guest that draws it and for the program on the host that
 * it is held against. */
#ifndef TESTS_BENCH_DRAW_FRAME_H
#define TESTS_BENCH_DRAW_FRAME_H

#include <stdint.h>

#define DRAW_WIDTH 1280u
#define DRAW_HEIGHT 720u
#define DRAW_COUNT 10000u
#define DRAW_FRAMES 30u
#define DRAW_FRAMES_FIRST 5u /* not counted: what is compiled and allocated once */
#define DRAW_SIDE 16u        /* pixels */

struct draw_vertex {
    float position[4], colour[4], place[2];
};

/* Triangles over all of the frame, as some generator of numbers has them. */
static inline void draw_frame_fill(struct draw_vertex triangles[3 * DRAW_COUNT])
{
    uint32_t random = 1;

#define NEXT(below) (random = random * 1664525u + 1013904223u, (random >> 8) % (below))
    for (uint32_t i = 0; i < DRAW_COUNT; i++) {
        uint32_t x = NEXT(DRAW_WIDTH - DRAW_SIDE), y = NEXT(DRAW_HEIGHT - DRAW_SIDE);

        for (uint32_t j = 0; j < 3; j++) {
            struct draw_vertex *vertex = &triangles[3 * i + j];
            float px = (float)(x + NEXT(DRAW_SIDE)), py = (float)(y + NEXT(DRAW_SIDE));

            vertex->position[0] = px * 2 / DRAW_WIDTH - 1;
            vertex->position[1] = 1 - py * 2 / DRAW_HEIGHT;
            vertex->position[2] = 0;
            vertex->position[3] = 1;
            for (uint32_t k = 0; k < 4; k++) {
                vertex->colour[k] = (float)NEXT(256) / 255;
            }
            vertex->place[0] = vertex->place[1] = 0;
        }
    }
#undef NEXT
}

#endif
