/* SPDX-License-Identifier: BSD-2-Clause */
/* Between the files of run=test-pvgpu-draw: a target of 16 x 16, and what is drawn into it. */
#ifndef TESTS_GUEST_PVGPU_DRAW_H
#define TESTS_GUEST_PVGPU_DRAW_H

#include "baregpu/pvgpu_draw.h"
#include "tests/guest/pvgpu.h"

#define SIDE 16
#define TARGET_SIZE (SIDE * SIDE * 4u)
#define RED 0xFF0000FFu /* as R8G8B8A8 in memory */
#define GREEN 0xFF00FF00u
#define BLUE 0xFFFF0000u
#define GREY 0xFF808080u

struct vertex {
    float position[3]; /* in clip space */
    uint32_t color;
};

extern uint32_t draw_target, draw_target_view;
extern uint32_t draw_flat_vertex, draw_flat_pixel; /* shaders: a struct vertex as it is */
extern uint32_t draw_all_vertex;                   /* over the whole target, without a buffer */

/* Loads a shader, which is a test. */
void draw_load(const struct bg_pvgpu_shader_code *code, uint32_t *id, const char *name);

/* The state that each test starts with: the target black, Direct3D's defaults, the flat shaders. */
void draw_start(void);

/* A buffer; with data NULL: zeroes. Its place in the heap is used anew after draw_start. */
uint32_t draw_buffer(const void *data, uint32_t size, uint32_t bind_flags);
void draw_use_vertices(const struct vertex *vertices, uint32_t count);

/* Two triangles, from pixel to pixel of the target. */
void draw_rectangle(int left, int top, int right, int bottom, float z, uint32_t color);

/* Within `tolerance` in each channel. */
bool is_close(uint32_t got, uint32_t expected, int tolerance);

/* Each pixel of a texture as large as the target is what `expected` says. */
void expect_pixels_of(uint32_t texture, uint32_t (*expected)(int x, int y), int tolerance,
                      const char *what);

/* Of the target. */
void expect_pixels(uint32_t (*expected)(int x, int y), int tolerance, const char *what);

void test_pvgpu_draw_targets(void);

#endif
