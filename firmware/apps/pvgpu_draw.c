/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * run=pvgpu-draw: a scene drawn by a GPU behind shared memory: rings on a wave, lit and textured,
 * and a fountain of particles that a dispatch moves. At the end, how fast that was after the start.
 *
 * Options: frames= (300), width= and height= (1280 x 720), hold=SECONDS (0): how long each third's
 * last picture stays, for a person, who then sees one frame at each refresh; shots=1: the host
 * takes these pictures.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "baregpu/pvgpu_draw.h"
#include "baregpu/pvgpu_interrupt.h"
#include "firmware/apps/app.h"
#include "firmware/apps/draw/scene.h"
#include "firmware/apps/open/pci.h"
#include "firmware/apps/open/pvgpu.h"
#include "firmware/apps/open/screenshot.h"

#define SECOND_NS ((uint64_t)1000000000)
#define FRAMES_DEFAULT 300u
#define SIDE_MIN 64u
#define WIDTH_DEFAULT 1280u
#define HEIGHT_DEFAULT 720u
#define IN_FLIGHT 2u      /* frames that the GPU may be behind */
#define FRAME_STRIDE 256u /* of the constants in the heap */
#define DRAWS_PER_FRAME 3u
#define FIRST_SHARE 8u /* of the frames, as 1 / n, no time is taken: shaders are compiled then */

extern const struct bg_pvgpu_shader_code bg_shader_scene_mesh_vert, bg_shader_scene_mesh_frag;
extern const struct bg_pvgpu_shader_code bg_shader_scene_particle_vert,
    bg_shader_scene_particle_frag, bg_shader_scene_particle_comp;

static struct bg_pvgpu gpu;
static struct bg_pvgpu_interrupt interrupt;
static struct host_show options;

static struct {
    uint32_t width, height;
    uint32_t screen, screen_view, depth_view;
    /* Buffers. */
    uint32_t vertices, indices, instances, particles, constants;
    uint32_t particles_view, texture_view, sampler;
    /* Shaders. */
    uint32_t mesh_vertex, mesh_pixel, particle_vertex, particle_pixel, particle_compute;
    uint32_t mesh_layout, particle_layout;
    uint32_t glow, no_depth_writes; /* how particles are blended */
    struct bg_pvgpu_memory frames;  /* constants of those in flight */
    uint64_t fences[IN_FLIGHT];
    uint32_t frame; /* the next one */
} scene;

static bool check(const char *what, int error)
{
    return pvgpu_host_check(&gpu, what, error);
}

static bool finish(const char *what)
{
    return check(what, bg_pvgpu_finish(&gpu, pvgpu_host_deadline()));
}

/* ---- Targets ---- */

static bool create_targets(void)
{
    struct bg_pvgpu_view_options view = {.format = BG_PVGPU_FORMAT_B8G8R8A8_UNORM_SRGB};
    uint32_t depth;

    scene.width = options.width != 0 ? options.width : WIDTH_DEFAULT;
    scene.height = options.height != 0 ? options.height : HEIGHT_DEFAULT;

    int error = bg_pvgpu_resize_buffers(&gpu, 0, scene.width, scene.height,
                                        BG_PVGPU_FORMAT_B8G8R8A8_UNORM, 0)
                    ?: bg_pvgpu_texture_create(&gpu, BG_PVGPU_FORMAT_B8G8R8A8_UNORM, scene.width,
                                               scene.height, &scene.screen)
                    ?: bg_pvgpu_texture_create(&gpu, BG_PVGPU_FORMAT_D32_FLOAT, scene.width,
                                               scene.height, &depth);

    view.resource_id = scene.screen; /* the view encodes what shaders write as sRGB */
    error = error ?: bg_pvgpu_render_target_view_create(&gpu, &view, &scene.screen_view);
    view = (struct bg_pvgpu_view_options){.resource_id = depth};
    error = error ?: bg_pvgpu_depth_stencil_view_create(&gpu, &view, &scene.depth_view);
    return check("The targets", error) && finish("The targets");
}

/* ---- Buffers and the texture: filled from the heap ---- */

static int create_buffer(const struct bg_pvgpu_memory *data, uint32_t bind_flags, uint32_t *id)
{
    const struct bg_pvgpu_resource_options buffer = {
        .type = BG_PVGPU_RESOURCE_BUFFER,
        .width = data->size,
        .bind_flags = bind_flags,
        .heap_offset = data->offset,
        .data_size = data->size,
    };

    return bg_pvgpu_resource_create(&gpu, &buffer, id);
}

static int create_texture(const struct bg_pvgpu_memory *texels)
{
    const struct bg_pvgpu_resource_options texture = {
        .type = BG_PVGPU_RESOURCE_TEXTURE_2D,
        .format = BG_PVGPU_FORMAT_R8G8B8A8_UNORM_SRGB,
        .width = SCENE_TEXTURE_SIDE,
        .height = SCENE_TEXTURE_SIDE,
        .mip_levels = SCENE_TEXTURE_LEVELS,
        .bind_flags = BG_PVGPU_BIND_SHADER_RESOURCE,
        .heap_offset = texels->offset,
        .data_size = texels->size,
    };
    struct bg_pvgpu_shader_view_options view = {0};

    return bg_pvgpu_resource_create(&gpu, &texture, &view.resource_id)
               ?: bg_pvgpu_shader_resource_view_create(&gpu, &view, &scene.texture_view);
}

static int create_particles(const struct bg_pvgpu_memory *data)
{
    struct bg_pvgpu_view_options view = {0};
    int error = create_buffer(data, BG_PVGPU_BIND_VERTEX_BUFFER | BG_PVGPU_BIND_UNORDERED_ACCESS,
                              &scene.particles);

    view.resource_id = scene.particles;
    return error ?: bg_pvgpu_unordered_access_view_create(&gpu, &view, &scene.particles_view);
}

/* What the heap holds until the GPU has taken it. */
enum { VERTICES, INDICES, INSTANCES, TEXELS, PARTICLES, STAGED };

static bool fill_resources(const struct bg_pvgpu_memory staged[STAGED])
{
    const struct bg_pvgpu_resource_options constants = {
        .type = BG_PVGPU_RESOURCE_BUFFER,
        .width = FRAME_STRIDE,
        .bind_flags = BG_PVGPU_BIND_CONSTANT_BUFFER,
    };

    scene_mesh(staged[VERTICES].bytes, staged[INDICES].bytes);
    scene_instances(staged[INSTANCES].bytes);
    scene_texture(staged[TEXELS].bytes);
    scene_particles(staged[PARTICLES].bytes);
    return check("The buffers",
                 create_buffer(&staged[VERTICES], BG_PVGPU_BIND_VERTEX_BUFFER, &scene.vertices)
                     ?: create_buffer(&staged[INDICES], BG_PVGPU_BIND_INDEX_BUFFER, &scene.indices)
                     ?: create_buffer(&staged[INSTANCES], BG_PVGPU_BIND_VERTEX_BUFFER,
                                      &scene.instances)
                     ?: create_texture(&staged[TEXELS])
                     ?: create_particles(&staged[PARTICLES])
                     ?: bg_pvgpu_resource_create(&gpu, &constants, &scene.constants)) &&
           finish("The buffers");
}

static bool create_resources(void)
{
    static const uint32_t sizes[STAGED] = {
        [VERTICES] = SCENE_VERTICES * sizeof(struct scene_vertex),
        [INDICES] = SCENE_INDICES * sizeof(uint16_t),
        [INSTANCES] = SCENE_INSTANCES * sizeof(struct scene_instance),
        [TEXELS] = SCENE_TEXTURE_TEXELS * sizeof(uint32_t),
        [PARTICLES] = SCENE_PARTICLES * sizeof(struct scene_particle),
    };
    struct bg_pvgpu_memory staged[STAGED];
    unsigned count = 0;
    int error = bg_pvgpu_heap_alloc(&gpu, IN_FLIGHT * FRAME_STRIDE, 0, &scene.frames);

    while (count < STAGED && error == 0) {
        error = bg_pvgpu_heap_alloc(&gpu, sizes[count], 0, &staged[count]);
        count += error == 0;
    }
    bool is_good = check("Memory in the heap", error) && fill_resources(staged);

    while (count > 0) {
        bg_pvgpu_heap_free(&gpu, &staged[--count]);
    }
    return is_good;
}

/* ---- Shaders and state ---- */

static bool load_shader(const char *name, const struct bg_pvgpu_shader_code *code, uint32_t *id)
{
    return check(name, bg_pvgpu_shader_load(&gpu, code, id, pvgpu_host_deadline()));
}

static bool load_shaders(void)
{
    return load_shader("scene_mesh.vert", &bg_shader_scene_mesh_vert, &scene.mesh_vertex) &&
           load_shader("scene_mesh.frag", &bg_shader_scene_mesh_frag, &scene.mesh_pixel) &&
           load_shader("scene_particle.vert", &bg_shader_scene_particle_vert,
                       &scene.particle_vertex) &&
           load_shader("scene_particle.frag", &bg_shader_scene_particle_frag,
                       &scene.particle_pixel) &&
           load_shader("scene_particle.comp", &bg_shader_scene_particle_comp,
                       &scene.particle_compute);
}

/* An element of the first vertex buffer, or of the second, which has one for each instance. */
#define ELEMENT(of, member, dxgi, buffer)                                                          \
    {.format = BG_PVGPU_FORMAT_##dxgi,                                                             \
     .slot = (buffer),                                                                             \
     .byte_offset = offsetof(struct of, member),                                                   \
     .input_class = (buffer),                                                                      \
     .step_rate = (buffer)}

static int create_layouts(void)
{
    static const struct bg_pvgpu_input_element mesh[] = {
        ELEMENT(scene_vertex, position, R32G32B32_FLOAT, 0),
        ELEMENT(scene_vertex, normal, R32G32B32_FLOAT, 0),
        ELEMENT(scene_vertex, texture_place, R32G32_FLOAT, 0),
        ELEMENT(scene_instance, place, R32G32B32A32_FLOAT, 1),
        ELEMENT(scene_instance, tint, R8G8B8A8_UNORM, 1),
        ELEMENT(scene_instance, motion, R32G32B32_FLOAT, 1),
    };
    static const struct bg_pvgpu_input_element particle[] = {
        ELEMENT(scene_particle, place, R32G32B32A32_FLOAT, 1), /* and its age */
        ELEMENT(scene_particle, tint, R8G8B8A8_UNORM, 1),
    };

    return bg_pvgpu_input_layout_create(&gpu, mesh, 6, &scene.mesh_layout)
               ?: bg_pvgpu_input_layout_create(&gpu, particle, 2, &scene.particle_layout);
}

static int create_states(void)
{
    struct bg_pvgpu_blend_options glow = bg_pvgpu_blend_default;
    struct bg_pvgpu_depth_stencil_options depth = bg_pvgpu_depth_stencil_default;
    struct bg_pvgpu_sampler_options sampler = bg_pvgpu_sampler_default;

    glow.targets[0].enable = 1;
    glow.targets[0].src = BG_PVGPU_BLEND_SRC_ALPHA;
    glow.targets[0].dest = BG_PVGPU_BLEND_ONE;
    depth.depth_write_mask = 0;
    sampler.address_u = sampler.address_v = BG_PVGPU_ADDRESS_WRAP;
    return create_layouts()
               ?: bg_pvgpu_blend_state_create(&gpu, &glow, &scene.glow)
               ?: bg_pvgpu_depth_stencil_state_create(&gpu, &depth, &scene.no_depth_writes)
               ?: bg_pvgpu_sampler_create(&gpu, &sampler, &scene.sampler);
}

/* What stays the same in all frames. */
static int bind(void)
{
    const struct bg_pvgpu_viewport viewport = {
        .width = (float)scene.width, .height = (float)scene.height, .max_depth = 1};

    return bg_pvgpu_set_render_target(&gpu, 1, &scene.screen_view, scene.depth_view)
               ?: bg_pvgpu_set_viewport(&gpu, 1, &viewport)
               ?: bg_pvgpu_set_constant_buffer(&gpu, BG_PVGPU_STAGE_VERTEX, 0, scene.constants, 0, 0)
               ?: bg_pvgpu_set_constant_buffer(&gpu, BG_PVGPU_STAGE_PIXEL, 0, scene.constants, 0, 0)
               ?: bg_pvgpu_set_constant_buffer(&gpu, BG_PVGPU_STAGE_COMPUTE, 0, scene.constants, 0, 0)
               ?: bg_pvgpu_set_shader_resources(&gpu, BG_PVGPU_STAGE_PIXEL, 0, 1,
                                                &scene.texture_view)
               ?: bg_pvgpu_set_samplers(&gpu, BG_PVGPU_STAGE_PIXEL, 0, 1, &scene.sampler)
               ?: bg_pvgpu_set_unordered_access(&gpu, BG_PVGPU_STAGE_COMPUTE, 0, 1,
                                                &scene.particles_view)
               ?: bg_pvgpu_set_shader(&gpu, BG_PVGPU_STAGE_COMPUTE, scene.particle_compute)
               ?: bg_pvgpu_set_index_buffer(&gpu, scene.indices, BG_PVGPU_FORMAT_R16_UINT, 0);
}

/* ---- A frame ---- */

static int update_constants(uint32_t number)
{
    uint32_t at = number % IN_FLIGHT * FRAME_STRIDE;
    struct scene_frame *frame = (void *)((uint8_t *)scene.frames.bytes + at);
    const struct bg_pvgpu_layout layout = {
        .heap_offset = scene.frames.offset + at,
        .size = sizeof(*frame),
    };

    scene_frame(frame, number, scene.width, scene.height);
    return bg_pvgpu_resource_update(&gpu, scene.constants, 0, NULL, &layout);
}

static int draw_meshes(void)
{
    const struct bg_pvgpu_vertex_buffer buffers[] = {
        {scene.vertices, sizeof(struct scene_vertex), 0},
        {scene.instances, sizeof(struct scene_instance), 0},
    };

    return bg_pvgpu_set_shader(&gpu, BG_PVGPU_STAGE_VERTEX, scene.mesh_vertex)
               ?: bg_pvgpu_set_shader(&gpu, BG_PVGPU_STAGE_PIXEL, scene.mesh_pixel)
               ?: bg_pvgpu_set_input_layout(&gpu, scene.mesh_layout)
               ?: bg_pvgpu_set_topology(&gpu, BG_PVGPU_TOPOLOGY_TRIANGLE_LIST)
               ?: bg_pvgpu_set_vertex_buffers(&gpu, 0, 2, buffers)
               ?: bg_pvgpu_set_blend_state(&gpu, 0, NULL, UINT32_MAX)
               ?: bg_pvgpu_set_depth_stencil_state(&gpu, 0, 0)
               ?: bg_pvgpu_draw_indexed_instanced(&gpu, SCENE_RING_INDICES, SCENE_RINGS, 0, 0, 0)
               ?: bg_pvgpu_draw_indexed_instanced(&gpu, SCENE_INDICES - SCENE_RING_INDICES, 1,
                                                  SCENE_RING_INDICES, SCENE_RING_VERTICES,
                                                  SCENE_RINGS);
}

static int draw_particles(void)
{
    const struct bg_pvgpu_vertex_buffer buffer = {scene.particles, sizeof(struct scene_particle),
                                                  0};

    return bg_pvgpu_set_shader(&gpu, BG_PVGPU_STAGE_VERTEX, scene.particle_vertex)
               ?: bg_pvgpu_set_shader(&gpu, BG_PVGPU_STAGE_PIXEL, scene.particle_pixel)
               ?: bg_pvgpu_set_input_layout(&gpu, scene.particle_layout)
               ?: bg_pvgpu_set_topology(&gpu, BG_PVGPU_TOPOLOGY_TRIANGLE_STRIP)
               ?: bg_pvgpu_set_vertex_buffers(&gpu, 1, 1, &buffer)
               ?: bg_pvgpu_set_blend_state(&gpu, scene.glow, NULL, UINT32_MAX)
               ?: bg_pvgpu_set_depth_stencil_state(&gpu, scene.no_depth_writes, 0)
               ?: bg_pvgpu_draw_instanced(&gpu, SCENE_PARTICLE_CORNERS, SCENE_PARTICLES, 0, 0);
}

static int queue_frame(uint32_t number)
{
    static const float far = 1;

    return update_constants(number)
               ?: bg_pvgpu_dispatch(&gpu, SCENE_PARTICLES / SCENE_PARTICLES_PER_GROUP, 1, 1)
               ?: bg_pvgpu_clear_render_target(&gpu, scene.screen_view, scene_background)
               ?: bg_pvgpu_clear_depth_stencil(&gpu, scene.depth_view, BG_PVGPU_CLEAR_DEPTH, &far, 0)
               ?: draw_meshes()
               ?: draw_particles()
               ?: bg_pvgpu_present(&gpu, scene.screen, options.hold_ns > 0);
}

/* The constants' place, and the GPU, are free again when the frame IN_FLIGHT ago is done. */
static bool draw_frame(uint32_t number)
{
    uint64_t *fence = &scene.fences[number % IN_FLIGHT];

    return (*fence == 0 ||
            check("A frame", bg_pvgpu_fence_wait(&gpu, *fence, pvgpu_host_deadline()))) &&
           check("A frame", queue_frame(number) ?: bg_pvgpu_fence(&gpu, fence)
                                                       ?: bg_pvgpu_submit(&gpu));
}

/* All before `end`; adds what they took. */
static bool draw_until(uint32_t end, uint64_t *spent_ns)
{
    uint64_t start_ns = bg_hal_time_ns();

    while (scene.frame < end && draw_frame(scene.frame)) {
        scene.frame++;
    }
    if (scene.frame < end || !finish("The last frame")) {
        return false;
    }
    *spent_ns += bg_hal_time_ns() - start_ns;
    return true;
}

static void print_rate(uint32_t frames, uint64_t spent_ns)
{
    printf("  %" PRIu32 " frames in %" PRIu64 " ms: %" PRIu64 ".%u per second, %u draws and %u "
           "triangles each\n",
           frames, spent_ns / 1000000, frames * SECOND_NS / spent_ns,
           (unsigned)(frames * SECOND_NS * 10 / spent_ns % 10), DRAWS_PER_FRAME,
           (unsigned)(SCENE_RINGS * SCENE_RING_INDICES / 3 + 2 + SCENE_PARTICLES * 2));
}

static bool draw_frames(void)
{
    static const char *const pictures[] = {"pvgpu-draw-1", "pvgpu-draw-2", "pvgpu-draw-3"};
    uint32_t first = options.frames / FIRST_SHARE;
    uint64_t spent_ns = 0;

    if (!draw_until(first, &spent_ns)) {
        return false;
    }
    spent_ns = 0;
    for (uint32_t i = 0; i < 3; i++) {
        uint32_t end = (uint32_t)((uint64_t)options.frames * (i + 1) / 3);

        if (!draw_until(end, &spent_ns) || !host_show_stage(&options, pictures[i])) {
            return false;
        }
    }
    print_rate(options.frames - first, spent_ns);
    return true;
}

/* ---- The whole ---- */

/* What draws may be the same processors: a guest that waits leaves them to it. */
static bool sleep_while_waiting(void)
{
    int error = bg_pvgpu_interrupt_open(&interrupt, &gpu, NULL);

    if (error == 0) {
        gpu.wait = BG_WAIT_SLEEP;
    }
    return check("Interrupts", error == BG_ERR_NOT_FOUND ? 0 : error);
}

static bool close_gpu(void)
{
    bg_pvgpu_interrupt_close(&interrupt);
    return check("Closing", bg_pvgpu_close(&gpu, pvgpu_host_deadline()));
}

static bool can_draw(void)
{
    const uint64_t needed = BG_PVGPU_FEATURE_DRAW | BG_PVGPU_FEATURE_COMPUTE_SHADER;

    if (bg_pvgpu_has(&gpu, needed)) {
        return true;
    }
    printf(
        "This pvgpu does not draw: the mediator has found no Vulkan device.\n"
        "Debian's mesa-vulkan-drivers has one that needs no GPU; docs/mediator.md tells more.\n");
    return false;
}

static int run_pvgpu_draw(void)
{
    options = host_show_read(FRAMES_DEFAULT, SIDE_MIN, BG_PVGPU_SCANOUT_SIDE_MAX);
    if (pvgpu_host_open(&gpu) < 0) {
        return 1;
    }
    pvgpu_host_print_features(&gpu);
    if (!can_draw() || !sleep_while_waiting() || !create_targets()) {
        return 1;
    }
    printf("\nA scene of %" PRIu32 " x %" PRIu32 "\n", scene.width, scene.height);

    uint64_t start_ns = bg_hal_time_ns();

    if (!create_resources() || !load_shaders() || !check("The states", create_states()) ||
        !check("The bindings", bind()) || !finish("The bindings")) {
        return 1;
    }
    printf("  buffers, a texture, five shaders: %" PRIu64 " ms\n",
           (bg_hal_time_ns() - start_ns) / 1000000);
    return draw_frames() && close_gpu() ? 0 : 1;
}

APP(pvgpu_draw, "draws a scene with a shared-memory GPU", run_pvgpu_draw,
    "frames width height hold shots");
