/* SPDX-License-Identifier: BSD-2-Clause */
/* The Mandelbrot set: what the kernel of cuda.cu does, once more. */
#include <math.h>

#include "firmware/apps/cuda_work.h"

#define CENTER_X (-0.7f)
#define TALL 2.5f /* from the top to the bottom */
#define LIMIT 400u
#define BLOCK_X 16u
#define BLOCK_Y 8u
#define SAMPLES 2u
#define AWAY 65536.0f
#define COLORS 6u

/* Copper, violet, night blue, which is where steps are few, azure, pale, gold. */
static const float colors[COLORS][3] = {
    {160, 58, 22}, {60, 14, 70}, {6, 10, 58}, {26, 104, 190}, {232, 244, 246}, {248, 186, 60},
};

struct cuda_view cuda_view_of(uint32_t width, uint32_t height)
{
    float step = TALL / (float)(height < width ? height : width);

    return (struct cuda_view){.left = CENTER_X - step * (float)width / 2,
                              .top = step * (float)height / 2,
                              .step = step,
                              .width = width,
                              .height = height,
                              .limit = LIMIT};
}

CUresult cuda_view_draw(CUmodule module, const struct cuda_view *view, CUdeviceptr pixels)
{
    struct cuda_view parameter = *view;
    CUfunction function;
    CUdeviceptr constant;

    return cuModuleGetFunction(&function, module, "mandelbrot")
               ?: cuModuleGetGlobal(&constant, NULL, module, "colors")
               ?: cuMemcpyHtoD(constant, colors, sizeof(colors))
               ?: cuLaunchKernel(function, (view->width + BLOCK_X - 1) / BLOCK_X,
                                 (view->height + BLOCK_Y - 1) / BLOCK_Y, 1, BLOCK_X, BLOCK_Y, 1, 0,
                                 NULL, (void *[]){&pixels, &parameter}, NULL);
}

static uint32_t escape(float cx, float cy, uint32_t limit, float *square)
{
    float x = 0, y = 0;
    uint32_t steps = 0;

    *square = 0;
    while (steps < limit && *square <= AWAY) {
        float next = fmaf(x, x, fmaf(-y, y, cx));

        y = fmaf(2.0f * x, y, cy);
        x = next;
        *square = fmaf(x, x, y * y);
        steps++;
    }
    return steps;
}

static void add_color(float sum[3], float steps)
{
    float place = 1.3f * sqrtf(steps);
    unsigned low = (unsigned)place % COLORS, high = (low + 1) % COLORS;
    float part = place - floorf(place);

    for (unsigned i = 0; i < 3; i++) {
        sum[i] += fmaf(part, colors[high][i] - colors[low][i], colors[low][i]);
    }
}

static void sum_samples(const struct cuda_view *view, uint32_t column, uint32_t row, float sum[3])
{
    for (unsigned i = 0; i < SAMPLES * SAMPLES; i++) {
        float u = (float)column + (float)(i % SAMPLES) / SAMPLES, square;
        float w = (float)row + (float)(i / SAMPLES) / SAMPLES;
        uint32_t steps = escape(fmaf(u, view->step, view->left), fmaf(-w, view->step, view->top),
                                view->limit, &square);

        if (square > AWAY) {
            add_color(sum, (float)steps + 4.0f - log2f(log2f(square)));
        }
    }
}

static bool is_pixel(uint32_t pixel, const float sum[3])
{
    for (unsigned i = 0; i < 3; i++) {
        float channel = (float)(pixel >> (16 - 8 * i) & 0xFF);

        if (!(fabsf(channel - sum[i] / (SAMPLES * SAMPLES)) <= 2.5f)) {
            return false;
        }
    }
    return pixel >> 24 == 0;
}

bool cuda_view_is_right(const struct cuda_view *view, const uint32_t *pixels, uint32_t pitch,
                        uint32_t stride)
{
    for (uint32_t i = 0; i < view->width * view->height; i += stride) {
        uint32_t column = i % view->width, row = i / view->width;
        float sum[3] = {0};

        sum_samples(view, column, row, sum);
        if (!is_pixel(pixels[row * pitch + column], sum)) {
            return false;
        }
    }
    return true;
}
