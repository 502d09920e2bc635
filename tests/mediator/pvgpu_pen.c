/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/mediator/pvgpu_pen.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness.h"
#include "tests/shaders/read.h"

#define LENT_SIZE (16u << 20) /* of the heap: what was lent, in a circle */
#define READ_OFFSET LENT_SIZE
#define VERTICES_MAX 1024u

static struct peer *peer;
static uint32_t last_id, lent;

void pen_use(struct peer *opened)
{
    peer = opened;
}

uint32_t pen_new_id(void)
{
    return ++last_id;
}

void pen_run(const void *command, uint32_t size)
{
    peer_expect_ok(peer, command, size);
}

uint32_t pen_lend(const void *data, uint32_t size)
{
    uint32_t offset = lent + size > LENT_SIZE ? 0 : lent;

    memcpy(peer->heap + offset, data, size);
    lent = (offset + size + 255) & ~255u;
    return offset;
}

/* ---- Resources ---- */

uint32_t pen_buffer(uint32_t bind, const void *data, uint32_t size)
{
    uint32_t id = pen_new_id();
    struct bg_pvgpu_create_resource create =
        PEER_COMMAND(struct bg_pvgpu_create_resource, BG_PVGPU_CMD_CREATE_RESOURCE,
                     .type = BG_PVGPU_RESOURCE_BUFFER, .width = size, .height = 1, .depth = 1,
                     .mip_levels = 1, .bind_flags = bind, .data_size = size);

    create.header.resource_id = id;
    create.heap_offset = pen_lend(data, size);
    pen_run(&create, sizeof(create));
    return id;
}

static void make_texture(uint32_t id, uint32_t format, uint32_t bind)
{
    struct bg_pvgpu_create_resource create =
        PEER_COMMAND(struct bg_pvgpu_create_resource, BG_PVGPU_CMD_CREATE_RESOURCE,
                     .type = BG_PVGPU_RESOURCE_TEXTURE_2D, .format = format, .width = RASTER_SIDE,
                     .height = RASTER_SIDE, .depth = 1, .mip_levels = 1, .bind_flags = bind);

    create.header.resource_id = id;
    pen_run(&create, sizeof(create));
}

static void make_targets(bool with_depth)
{
    make_texture(PEN_TARGET, BG_PVGPU_FORMAT_R8G8B8A8_UNORM,
                 BG_PVGPU_BIND_RENDER_TARGET | BG_PVGPU_BIND_SHADER_RESOURCE);
    PEN_RUN(struct bg_pvgpu_create_view, BG_PVGPU_CMD_CREATE_RENDER_TARGET_VIEW,
            .view_id = PEN_TARGET, .resource_id = PEN_TARGET);
    if (with_depth) {
        make_texture(PEN_DEPTH, BG_PVGPU_FORMAT_D24_UNORM_S8_UINT, BG_PVGPU_BIND_DEPTH_STENCIL);
        PEN_RUN(struct bg_pvgpu_create_depth_view, BG_PVGPU_CMD_CREATE_DEPTH_STENCIL_VIEW,
                .view_id = PEN_DEPTH, .resource_id = PEN_DEPTH);
    }
    PEN_RUN(struct bg_pvgpu_set_render_target, BG_PVGPU_CMD_SET_RENDER_TARGET, .count = 1,
            .dsv = with_depth ? PEN_DEPTH : 0, .rtv = {PEN_TARGET});
}

const uint8_t *pen_read(uint32_t texture, uint32_t size)
{
    PEN_RUN(struct bg_pvgpu_update_resource, BG_PVGPU_CMD_READ_RESOURCE, .resource_id = texture,
            .heap_offset = READ_OFFSET, .data_size = size);
    return peer->heap + READ_OFFSET;
}

/* ---- State ---- */

uint32_t pen_shader(uint32_t stage, const char *name)
{
    size_t size;
    uint32_t *words = shader_read_file(name, &size);
    uint32_t id = pen_new_id();

    PEN_RUN(struct bg_pvgpu_create_shader, BG_PVGPU_CMD_CREATE_SHADER, .shader_id = id,
            .stage = stage, .bytecode_size = (uint32_t)size,
            .bytecode_offset = pen_lend(words, (uint32_t)size));
    free(words);
    return id;
}

void pen_set_shader(uint32_t stage, const char *name)
{
    PEN_RUN(struct bg_pvgpu_set_shader, BG_PVGPU_CMD_SET_SHADER, .stage = stage,
            .shader_id = pen_shader(stage, name));
}

void pen_set_topology(uint32_t topology)
{
    PEN_RUN(struct bg_pvgpu_set_primitive_topology, BG_PVGPU_CMD_SET_PRIMITIVE_TOPOLOGY,
            .topology = topology);
}

static void set_layout(void)
{
    uint32_t id = pen_new_id();

    PEN_RUN(struct bg_pvgpu_create_input_layout, BG_PVGPU_CMD_CREATE_INPUT_LAYOUT, .layout_id = id,
            .count = 3,
            .elements = {{.format = BG_PVGPU_FORMAT_R32G32B32A32_FLOAT},
                         {.format = BG_PVGPU_FORMAT_R32G32B32A32_FLOAT,
                          .byte_offset = offsetof(struct pen_vertex, colour)},
                         {.format = BG_PVGPU_FORMAT_R32G32_FLOAT,
                          .byte_offset = offsetof(struct pen_vertex, place)}});
    PEN_RUN(struct bg_pvgpu_set_object, BG_PVGPU_CMD_SET_INPUT_LAYOUT, .id = id);
}

void pen_open(struct peer *opened, bool with_depth)
{
    peer = opened;
    last_id = PEN_DEPTH;
    lent = 0;
    make_targets(with_depth);
    PEN_RUN(struct bg_pvgpu_set_viewport, BG_PVGPU_CMD_SET_VIEWPORT, .count = 1,
            .viewports = {{0, 0, RASTER_SIDE, RASTER_SIDE, 0, 1}});
    pen_set_shader(BG_PVGPU_STAGE_VERTEX, "raster.vert");
    pen_set_shader(BG_PVGPU_STAGE_PIXEL, "raster.frag");
    set_layout();
    pen_set_topology(BG_PVGPU_TOPOLOGY_TRIANGLE_LIST);
}

void pen_set_vertices(uint32_t slot, const void *data, uint32_t size, uint32_t stride)
{
    uint32_t id = pen_buffer(BG_PVGPU_BIND_VERTEX_BUFFER, data, size);

    PEN_RUN(struct bg_pvgpu_set_vertex_buffer, BG_PVGPU_CMD_SET_VERTEX_BUFFER, .start_slot = slot,
            .count = 1, .buffers = {{.buffer_id = id, .stride = stride}});
}

void pen_set_indices(uint32_t format, const void *data, uint32_t size)
{
    uint32_t id = pen_buffer(BG_PVGPU_BIND_INDEX_BUFFER, data, size);

    PEN_RUN(struct bg_pvgpu_set_index_buffer, BG_PVGPU_CMD_SET_INDEX_BUFFER, .buffer_id = id,
            .format = format);
}

void pen_set_blend(const struct raster *raster)
{
    uint32_t id = pen_new_id();
    struct bg_pvgpu_set_blend_state set =
        PEER_COMMAND(struct bg_pvgpu_set_blend_state, BG_PVGPU_CMD_SET_BLEND_STATE, .state_id = id,
                     .sample_mask = UINT32_MAX);

    PEN_RUN(struct bg_pvgpu_create_blend_state, BG_PVGPU_CMD_CREATE_BLEND_STATE, .state_id = id,
            .targets = {raster->blend});
    memcpy(set.factor, raster->blend_factor, sizeof(set.factor));
    pen_run(&set, sizeof(set));
}

void pen_set_rasterizer(const struct raster *raster)
{
    struct bg_pvgpu_create_rasterizer_state create = raster->rasterizer;

    create.header = (struct bg_pvgpu_command){.type = BG_PVGPU_CMD_CREATE_RASTERIZER_STATE,
                                              .size = sizeof(create)};
    create.state_id = pen_new_id();
    pen_run(&create, sizeof(create));
    PEN_RUN(struct bg_pvgpu_set_object, BG_PVGPU_CMD_SET_RASTERIZER_STATE, .id = create.state_id);
    PEN_RUN(struct bg_pvgpu_set_scissor, BG_PVGPU_CMD_SET_SCISSOR, .count = 1,
            .rectangles = {raster->scissor});
}

void pen_set_depth_stencil(const struct raster *raster)
{
    struct bg_pvgpu_create_depth_stencil_state create = raster->depth_stencil;

    create.header = (struct bg_pvgpu_command){.type = BG_PVGPU_CMD_CREATE_DEPTH_STENCIL_STATE,
                                              .size = sizeof(create)};
    create.state_id = pen_new_id();
    pen_run(&create, sizeof(create));
    PEN_RUN(struct bg_pvgpu_set_depth_stencil, BG_PVGPU_CMD_SET_DEPTH_STENCIL,
            .state_id = create.state_id, .stencil_ref = raster->stencil_ref);
}

/* ---- Drawing ---- */

void pen_clear(const float colour[4])
{
    PEN_RUN(struct bg_pvgpu_clear_render_target, BG_PVGPU_CMD_CLEAR_RENDER_TARGET,
            .rtv = PEN_TARGET, .colour = {colour[0], colour[1], colour[2], colour[3]});
}

void pen_clear_depth(float depth, uint8_t stencil)
{
    PEN_RUN(struct bg_pvgpu_clear_depth_stencil, BG_PVGPU_CMD_CLEAR_DEPTH_STENCIL, .dsv = PEN_DEPTH,
            .clear_flags = BG_PVGPU_CLEAR_DEPTH | BG_PVGPU_CLEAR_STENCIL, .depth = depth,
            .stencil = stencil);
}

void pen_draw(uint32_t vertex_count, uint32_t start)
{
    PEN_RUN(struct bg_pvgpu_draw, BG_PVGPU_CMD_DRAW, .vertex_count = vertex_count,
            .start_vertex = start);
}

struct pen_vertex pen_vertex_of(const struct raster_vertex *vertex)
{
    const float half = (float)RASTER_SIDE * RASTER_ONE / 2; /* a power of two: all is exact */
    struct pen_vertex made = {.position = {((float)vertex->x / half - 1) * vertex->w,
                                           (1 - (float)vertex->y / half) * vertex->w,
                                           vertex->z * vertex->w, vertex->w}};

    memcpy(made.colour, vertex->colour, sizeof(made.colour));
    memcpy(made.place, vertex->place, sizeof(made.place));
    return made;
}

void pen_draw_vertices(const struct raster_vertex *vertices, uint32_t count)
{
    static struct pen_vertex made[VERTICES_MAX];

    if (count > VERTICES_MAX) {
        harness_fail("%u vertices", count);
    }
    for (uint32_t i = 0; i < count; i++) {
        made[i] = pen_vertex_of(&vertices[i]);
    }
    pen_set_vertices(0, made, count * (uint32_t)sizeof(made[0]), sizeof(made[0]));
    pen_draw(count, 0);
}

void pen_expect(const struct raster *raster, unsigned steps)
{
    unsigned others =
        raster_count_others(raster, pen_read(PEN_TARGET, sizeof(raster->pixels)), steps);

    if (others > 0) {
        harness_fail("%u of %u pixels differ", others, RASTER_PIXELS);
    }
}
