/* SPDX-License-Identifier: BSD-2-Clause */
#include "baregpu/pvgpu_draw.h"

extern const struct bg_pvgpu_shader_code bg_shader_triangle_vert, bg_shader_triangle_frag;

int triangle(struct bg_pvgpu *gpu, uint32_t *screen, uint64_t deadline_ns)
{
    static const float dark[4] = {0.05f, 0.05f, 0.1f, 1};
    static const struct bg_pvgpu_viewport all = {0, 0, 640, 480, 0, 1};
    struct bg_pvgpu_view_options view = {0};
    uint32_t target, vertex, pixel;

    return bg_pvgpu_texture_create(gpu, BG_PVGPU_FORMAT_B8G8R8A8_UNORM, 640, 480, screen)
        ?: (view.resource_id = *screen, bg_pvgpu_render_target_view_create(gpu, &view, &target))
        ?: bg_pvgpu_shader_load(gpu, &bg_shader_triangle_vert, &vertex, deadline_ns)
        ?: bg_pvgpu_shader_load(gpu, &bg_shader_triangle_frag, &pixel, deadline_ns)
        ?: bg_pvgpu_set_render_target(gpu, 1, &target, 0)
        ?: bg_pvgpu_set_viewport(gpu, 1, &all)
        ?: bg_pvgpu_set_shader(gpu, BG_PVGPU_STAGE_VERTEX, vertex)
        ?: bg_pvgpu_set_shader(gpu, BG_PVGPU_STAGE_PIXEL, pixel)
        ?: bg_pvgpu_set_topology(gpu, BG_PVGPU_TOPOLOGY_TRIANGLE_LIST)
        ?: bg_pvgpu_clear_render_target(gpu, target, dark)
        ?: bg_pvgpu_draw(gpu, 3, 0)
        ?: bg_pvgpu_present(gpu, *screen, 0) ?: bg_pvgpu_finish(gpu, deadline_ns);
}
