/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * run=test-pvgpu-draw-long: draws and dispatches that do not end. Each ends the session, whose
 * guest is told why, and a new one draws. Needs a backend that draws, and forgives.
 */
#include "firmware/apps/app.h"
#include "tests/guest/draw/triangle.h"
#include "tests/guest/pvgpu_draw.h"

extern const struct bg_pvgpu_shader_code bg_shader_endless_comp, bg_shader_endless_frag;

/* ---- What does not end ---- */

static int use_shader(const struct bg_pvgpu_shader_code *code)
{
    uint32_t id = 0;

    return bg_pvgpu_shader_load(&gpu, code, &id, pvgpu_host_deadline())
               ?: bg_pvgpu_set_shader(&gpu, code->stage, id);
}

/* A buffer of 256 bytes that begin with 1. */
static int create_ones(uint32_t bind_flags, uint32_t *id)
{
    const struct bg_pvgpu_resource_options options = {
        .type = BG_PVGPU_RESOURCE_BUFFER,
        .width = 256,
        .bind_flags = bind_flags,
        .heap_offset = scratch.offset,
        .data_size = 256,
    };

    *(uint32_t *)scratch.bytes = 1;
    return bg_pvgpu_resource_create(&gpu, &options, id);
}

static int set_endless(uint32_t stage)
{
    uint32_t id = 0;

    return create_ones(BG_PVGPU_BIND_CONSTANT_BUFFER, &id)
               ?: bg_pvgpu_set_constant_buffer(&gpu, stage, 0, id, 0, 0);
}

static int dispatch_endless(void)
{
    struct bg_pvgpu_view_options words = {0};
    uint32_t view = 0;

    return use_shader(&bg_shader_endless_comp)
               ?: set_endless(BG_PVGPU_STAGE_COMPUTE)
               ?: create_ones(BG_PVGPU_BIND_UNORDERED_ACCESS, &words.resource_id)
               ?: bg_pvgpu_unordered_access_view_create(&gpu, &words, &view)
               ?: bg_pvgpu_set_unordered_access(&gpu, BG_PVGPU_STAGE_COMPUTE, 0, 1, &view)
               ?: bg_pvgpu_dispatch(&gpu, BG_PVGPU_DISPATCH_GROUPS_MAX, BG_PVGPU_DISPATCH_GROUPS_MAX, 1);
}

/* The documentation's triangle leaves all that a draw needs. */
static int draw_endless(void)
{
    uint32_t screen = 0;

    return triangle(&gpu, &screen, pvgpu_host_deadline())
               ?: use_shader(&bg_shader_endless_frag)
               ?: set_endless(BG_PVGPU_STAGE_PIXEL)
               ?: bg_pvgpu_draw(&gpu, 3, 0);
}

static int draw_too_many_instances(void)
{
    uint32_t screen = 0;

    return triangle(&gpu, &screen, pvgpu_host_deadline())
               ?: bg_pvgpu_draw_instanced(&gpu, 3, UINT32_MAX, 0, 0);
}

static int draw_too_many_vertices(void)
{
    uint32_t screen = 0;

    return triangle(&gpu, &screen, pvgpu_host_deadline()) ?: bg_pvgpu_draw(&gpu, UINT32_MAX, 0);
}

/* ---- What comes of it ---- */

static void expect_loss(int (*start)(void), const char *what)
{
    int error = start();

    tap_ok(error == 0, "%s is queued", what);
    error = bg_pvgpu_finish(&gpu, pvgpu_host_deadline());
    tap_ok(error == BG_ERR_UNAVAILABLE && gpu.loss_code == BG_PVGPU_ERROR_TIMEOUT,
           "and ends the session: %s, %s", bg_strerror(error), bg_pvgpu_error_name(gpu.loss_code));
    tap_ok(bg_pvgpu_restart(&gpu, pvgpu_host_deadline()) == 0, "a new one begins");
}

static int run_test_pvgpu_draw_long(void)
{
    uint32_t screen = 0;

    tap_plan(0);
    if (pvgpu_host_open(&gpu) < 0 ||
        !tap_ok(bg_pvgpu_has(&gpu, BG_PVGPU_FEATURE_DRAW), "the backend draws")) {
        tap_bail("no pvgpu that draws");
        return tap_done();
    }
    expect_ok(bg_pvgpu_heap_alloc(&gpu, 4096, 4096, &scratch), "memory in the heap");
    expect_loss(dispatch_endless, "an endless compute shader");
    expect_loss(draw_endless, "an endless pixel shader");
    expect_loss(draw_too_many_instances, "a draw of 2^32 - 1 instances");
    expect_loss(draw_too_many_vertices, "a draw of 2^32 - 1 vertices");
    tap_ok(triangle(&gpu, &screen, pvgpu_host_deadline()) == 0, "which draws");
    tap_ok(bg_pvgpu_close(&gpu, pvgpu_host_deadline()) == 0, "close");
    return tap_done();
}

APP(test_pvgpu_draw_long, "draws and dispatches of a pvgpu that do not end",
    run_test_pvgpu_draw_long);
