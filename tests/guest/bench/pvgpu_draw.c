/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * run=bench-pvgpu-draw: what drawing costs, one JSON object per line behind "BENCH ".
 *
 *   pvgpu_draws    draws a second: the frames of tests/bench/draw_frame.h, two in flight
 *   pvgpu_upload   16 MiB of the heap into a texture, bytes per second
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "baregpu/pvgpu_draw.h"
#include "baregpu/pvgpu_interrupt.h"
#include "firmware/apps/app.h"
#include "firmware/apps/open/pci.h"
#include "firmware/apps/open/pvgpu.h"
#include "tests/bench/draw_frame.h"

#define SECOND_NS 1000000000.0
#define IN_FLIGHT 2u
#define UPLOAD_SIDE 2048u /* 16 MiB */
#define UPLOADS 16u
#define VERTICES_SIZE (3 * DRAW_COUNT * (uint32_t)sizeof(struct draw_vertex))

extern const struct bg_pvgpu_shader_code bg_shader_raster_vert, bg_shader_raster_frag;

static struct bg_pvgpu gpu;

static void print_figure(const char *name, double value, const char *unit)
{
    printf("BENCH {\"name\": \"%s\", \"value\": %.1f, \"unit\": \"%s\"}\n", name, value, unit);
}

/* ---- Draws ---- */

static int set_target(uint32_t *target)
{
    const struct bg_pvgpu_viewport viewport = {0, 0, DRAW_WIDTH, DRAW_HEIGHT, 0, 1};
    struct bg_pvgpu_view_options view = {0};

    return bg_pvgpu_texture_create(&gpu, BG_PVGPU_FORMAT_R8G8B8A8_UNORM, DRAW_WIDTH, DRAW_HEIGHT,
                                   &view.resource_id)
               ?: bg_pvgpu_render_target_view_create(&gpu, &view, target)
               ?: bg_pvgpu_set_render_target(&gpu, 1, target, 0)
               ?: bg_pvgpu_set_viewport(&gpu, 1, &viewport);
}

static int set_shader(const struct bg_pvgpu_shader_code *code)
{
    uint32_t id = 0;

    return bg_pvgpu_shader_load(&gpu, code, &id, pvgpu_host_deadline())
               ?: bg_pvgpu_set_shader(&gpu, code->stage, id);
}

static int set_layout(void)
{
    const struct bg_pvgpu_input_element elements[] = {
        {.format = BG_PVGPU_FORMAT_R32G32B32A32_FLOAT},
        {.format = BG_PVGPU_FORMAT_R32G32B32A32_FLOAT,
         .byte_offset = offsetof(struct draw_vertex, colour)},
        {.format = BG_PVGPU_FORMAT_R32G32_FLOAT,
         .byte_offset = offsetof(struct draw_vertex, place)}};
    struct bg_pvgpu_rasterizer_options rasterizer = bg_pvgpu_rasterizer_default;
    uint32_t layout = 0, state = 0;

    rasterizer.cull_mode = BG_PVGPU_CULL_NONE;
    return bg_pvgpu_input_layout_create(&gpu, elements, 3, &layout)
               ?: bg_pvgpu_set_input_layout(&gpu, layout)
               ?: bg_pvgpu_set_topology(&gpu, BG_PVGPU_TOPOLOGY_TRIANGLE_LIST)
               ?: bg_pvgpu_rasterizer_state_create(&gpu, &rasterizer, &state)
               ?: bg_pvgpu_set_rasterizer_state(&gpu, state);
}

static int set_vertices(void)
{
    struct bg_pvgpu_resource_options options = {.type = BG_PVGPU_RESOURCE_BUFFER,
                                                .width = VERTICES_SIZE,
                                                .bind_flags = BG_PVGPU_BIND_VERTEX_BUFFER,
                                                .data_size = VERTICES_SIZE};
    struct bg_pvgpu_vertex_buffer buffer = {.stride = sizeof(struct draw_vertex)};
    struct bg_pvgpu_memory memory;
    int error = bg_pvgpu_heap_alloc(&gpu, VERTICES_SIZE, 256, &memory);

    if (error < 0) {
        return error;
    }
    draw_frame_fill((void *)memory.bytes);
    options.heap_offset = memory.offset;
    return bg_pvgpu_resource_create(&gpu, &options, &buffer.buffer_id)
               ?: bg_pvgpu_set_vertex_buffers(&gpu, 0, 1, &buffer)
               ?: bg_pvgpu_finish(&gpu, pvgpu_host_deadline())
               ?: bg_pvgpu_heap_free(&gpu, &memory);
}

static int draw_frame(uint32_t target, uint64_t *fence)
{
    static const float black[4] = {0};
    int error = bg_pvgpu_clear_render_target(&gpu, target, black);

    for (uint32_t i = 0; i < DRAW_COUNT && error == 0; i++) {
        error = bg_pvgpu_draw(&gpu, 3, 3 * i);
    }
    return error ?: bg_pvgpu_fence(&gpu, fence) ?: bg_pvgpu_submit(&gpu);
}

static int measure_draws(void)
{
    uint64_t start_ns = 0, fences[IN_FLIGHT] = {0};
    uint32_t target = 0;
    int error = set_target(&target)
                    ?: set_shader(&bg_shader_raster_vert)
                    ?: set_shader(&bg_shader_raster_frag)
                    ?: set_layout()
                    ?: set_vertices();

    for (uint32_t i = 0; i < DRAW_FRAMES_FIRST + DRAW_FRAMES && error == 0; i++) {
        uint64_t *fence = &fences[i % IN_FLIGHT];

        if (i == DRAW_FRAMES_FIRST) {
            error = bg_pvgpu_finish(&gpu, pvgpu_host_deadline());
            start_ns = bg_hal_time_ns();
        }
        if (*fence != 0 && error == 0) {
            error = bg_pvgpu_fence_wait(&gpu, *fence, pvgpu_host_deadline());
        }
        error = error ?: draw_frame(target, fence);
    }
    error = error ?: bg_pvgpu_finish(&gpu, pvgpu_host_deadline());
    if (error == 0) {
        print_figure("pvgpu_draws",
                     DRAW_FRAMES * (double)DRAW_COUNT * SECOND_NS /
                         (double)(bg_hal_time_ns() - start_ns),
                     "1/s");
    }
    return error;
}

/* ---- Uploads ---- */

static int measure_uploads(void)
{
    struct bg_pvgpu_layout layout = {.size = UPLOAD_SIDE * UPLOAD_SIDE * 4};
    struct bg_pvgpu_memory memory;
    uint64_t start_ns = 0;
    uint32_t id = 0;
    int error = bg_pvgpu_heap_alloc(&gpu, layout.size, 4096, &memory)
                    ?: bg_pvgpu_texture_create(&gpu, BG_PVGPU_FORMAT_R8G8B8A8_UNORM, UPLOAD_SIDE,
                                               UPLOAD_SIDE, &id);

    if (error == 0) {
        memset(memory.bytes, 0x5A, layout.size);
        layout.heap_offset = memory.offset;
    }
    for (uint32_t i = 0; i <= UPLOADS && error == 0; i++) { /* the first finds no memory yet */
        error = bg_pvgpu_resource_update(&gpu, id, 0, NULL, &layout);
        if (i == 0) {
            error = error ?: bg_pvgpu_finish(&gpu, pvgpu_host_deadline());
            start_ns = bg_hal_time_ns();
        }
    }
    error = error ?: bg_pvgpu_finish(&gpu, pvgpu_host_deadline());
    if (error == 0) {
        print_figure("pvgpu_upload",
                     UPLOADS * (double)layout.size * SECOND_NS /
                         (double)(bg_hal_time_ns() - start_ns),
                     "bytes/s");
    }
    return error;
}

static int run_bench_pvgpu_draw(void)
{
    static struct bg_pvgpu_interrupt interrupt;
    int error = pvgpu_host_open(&gpu);

    if (error < 0) {
        return 1;
    }
    /* What draws on the CPU needs all of the host's processors. */
    if (bg_pvgpu_interrupt_open(&interrupt, &gpu, NULL) == 0) {
        gpu.wait = BG_WAIT_SLEEP;
    }
    error = measure_draws() ?: measure_uploads();
    return pvgpu_host_check(&gpu, "Measuring", error) ? 0 : 1;
}

APP(bench_pvgpu_draw, "times: draws and uploads of a pvgpu", run_bench_pvgpu_draw, "");
