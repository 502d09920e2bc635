/* SPDX-License-Identifier: BSD-2-Clause */
// build: $(filter-out %/translator.c host/common/jail%,$(PVGPU_VULKAN_SRC))
// libs: -ldl $(SPIRV_LIBS)
// needs: build/tests/shaders/raster.vert.spv build/tests/shaders/instance.vert.spv
// needs: build/tests/shaders/raster.frag.spv build/tests/shaders/texture.frag.spv
// needs: build/tests/shaders/targets.frag.spv build/tests/shaders/numbers.frag.spv
// needs: build/tests/shaders/squares.comp.spv build/tests/shaders/paint.comp.spv
/*
 * A guest's commands in any order, on Vulkan, in this process: resources, views, states, shaders,
 * bindings, draws, dispatches, clears, copies.
 *
 * An input: a byte that says whether the session computes, too; then commands of a byte that
 * chooses one of `shapes`, then a byte for each of its words, which that word's kind makes a value
 * of: mostly one that makes sense, seldom any at all. A session begins with a target, vertices and
 * shaders that draw. Held: no access outside what belongs to the session (ASan), the memory limit,
 * all is given back, the device is not lost.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/input.h"
#include "host/mediator/pvgpu/commands.h"
#include "host/mediator/pvgpu/vulkan/renderer.h"
#include "host/mediator/pvgpu/vulkan/translator.h"
#include "tests/shaders/read.h"
#include "tests/unit/mediator/test_gpu.h"

#define HEAP_SIZE 0x40000u
#define MEMORY_LIMIT (UINT64_C(16) << 20)
#define COMMANDS_MAX 40
#define WORDS_MAX 240u
#define TARGET 1u
#define VERTICES 2u
#define TEXTURE 3u
#define LAYOUT 10u
#define SIDE 32u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
const char *__lsan_default_suppressions(void);

/* What a driver keeps until its process ends is not for us to find. */
const char *__lsan_default_suppressions(void)
{
    return "leak:libvulkan_lvp.so\n";
}

static struct vulkan *vulkan;
static uint8_t *heap;
static gpu_address heap_address;
static struct pvgpu_context context;
static struct bg_pvgpu_display display;
static struct bg_pvgpu_control control;

/* Shaders lie at the heap's start, as they are; what they become is fuzzed elsewhere. */
static struct {
    const char *name;
    uint32_t stage, offset, size;
} shaders[] = {{"instance.vert", 0, 0, 0}, {"raster.vert", 0, 0, 0},  {"raster.frag", 1, 0, 0},
               {"targets.frag", 1, 0, 0},  {"numbers.frag", 1, 0, 0}, {"texture.frag", 1, 0, 0},
               {"paint.comp", 5, 0, 0},    {"squares.comp", 5, 0, 0}};

#define SHADERS (sizeof(shaders) / sizeof(shaders[0]))

/* In this process. */
bool translator_read(struct translator *translator, struct program *program, const void *bytecode,
                     uint32_t size, enum bg_pvgpu_stage stage,
                     const struct interface_limits *limits, char reason[PROGRAM_REASON_MAX])
{
    (void)translator;
    return program_read(program, bytecode, size, stage, limits, reason);
}

/* ---- Commands ---- */

struct shape {
    uint32_t type;
    const char *words; /* a kind for each, the header's resource_id first; the last one goes on */
    uint32_t count;    /* 0: as long as `words` */
};

/* Kinds: r resource, v view, o object, s stage, n to 15, e 1 to 8, g flag, f format, t a side, x a
 * float, h a place in the heap, d how much of it, B what it is bound for, y a type, l levels, q
 * samples, m misc, c a count of vertices, w any, z zero. */
static const struct shape shapes[] = {
    {BG_PVGPU_CMD_CREATE_RESOURCE, "ryftttlqzBmhd", 0},
    {BG_PVGPU_CMD_CREATE_RESOURCE, "ryftttlqzBmhd", 0},
    {BG_PVGPU_CMD_DESTROY_RESOURCE, "r", 0},
    {BG_PVGPU_CMD_MAP_RESOURCE, "rrnezhz", 9},
    {BG_PVGPU_CMD_UNMAP_RESOURCE, "rrnhd", 0},
    {BG_PVGPU_CMD_UPDATE_RESOURCE, "rrnhdnnntttzz", 0},
    {BG_PVGPU_CMD_READ_RESOURCE, "rrnhdnnntttzz", 0},
    {BG_PVGPU_CMD_COPY_RESOURCE, "zrrzz", 0},
    {BG_PVGPU_CMD_COPY_REGION, "zrrnnnnnnnntttzzz", 0},
    {BG_PVGPU_CMD_CREATE_RENDER_TARGET_VIEW, "vvrfnnnnz", 0},
    {BG_PVGPU_CMD_CREATE_DEPTH_STENCIL_VIEW, "vvrfnznnn", 0},
    {BG_PVGPU_CMD_CREATE_SHADER_RESOURCE_VIEW, "vvrfnnnnn", 0},
    {BG_PVGPU_CMD_CREATE_UNORDERED_ACCESS_VIEW, "vvrfnnnnz", 0},
    {BG_PVGPU_CMD_DESTROY_RENDER_TARGET_VIEW, "v", 0},
    {BG_PVGPU_CMD_DESTROY_SHADER_RESOURCE_VIEW, "v", 0},
    {BG_PVGPU_CMD_DESTROY_UNORDERED_ACCESS_VIEW, "v", 0},
    {BG_PVGPU_CMD_CREATE_BLEND_STATE, "zoggge", 68},
    {BG_PVGPU_CMD_CREATE_RASTERIZER_STATE, "zoeegnxxgggg", 0},
    {BG_PVGPU_CMD_CREATE_DEPTH_STENCIL_STATE, "zoggegwweeeeeeee", 0},
    {BG_PVGPU_CMD_CREATE_SAMPLER, "zoneeexnexxxxxx", 0},
    {BG_PVGPU_CMD_CREATE_INPUT_LAYOUT, "zonznfnngg", 227},
    {BG_PVGPU_CMD_CREATE_SHADER, "zosS", 5},
    {BG_PVGPU_CMD_DESTROY_BLEND_STATE, "zozzz", 0},
    {BG_PVGPU_CMD_DESTROY_RASTERIZER_STATE, "zozzz", 0},
    {BG_PVGPU_CMD_DESTROY_DEPTH_STENCIL_STATE, "zozzz", 0},
    {BG_PVGPU_CMD_DESTROY_SAMPLER, "zozzz", 0},
    {BG_PVGPU_CMD_DESTROY_SHADER, "zozzz", 0},
    {BG_PVGPU_CMD_DESTROY_INPUT_LAYOUT, "zozzz", 0},
    {BG_PVGPU_CMD_SET_RENDER_TARGET, "znvv", 11},
    {BG_PVGPU_CMD_SET_VIEWPORT, "zgxxxxxx", 98},
    {BG_PVGPU_CMD_SET_SCISSOR, "zgnntt", 66},
    {BG_PVGPU_CMD_SET_BLEND_STATE, "zoxxxxwz", 0},
    {BG_PVGPU_CMD_SET_RASTERIZER_STATE, "zozzz", 0},
    {BG_PVGPU_CMD_SET_DEPTH_STENCIL, "zonzz", 0},
    {BG_PVGPU_CMD_SET_SHADER, "zso", 0},
    {BG_PVGPU_CMD_SET_SAMPLER, "zsgno", 20},
    {BG_PVGPU_CMD_SET_CONSTANT_BUFFER, "zsnrhd", 0},
    {BG_PVGPU_CMD_SET_VERTEX_BUFFER, "zgnrtn", 51},
    {BG_PVGPU_CMD_SET_INDEX_BUFFER, "zrfnz", 0},
    {BG_PVGPU_CMD_SET_INPUT_LAYOUT, "zozzz", 0},
    {BG_PVGPU_CMD_SET_PRIMITIVE_TOPOLOGY, "zezzz", 0},
    {BG_PVGPU_CMD_SET_SHADER_RESOURCE, "zsgnv", 132},
    {BG_PVGPU_CMD_SET_UNORDERED_ACCESS, "zsgnv", 12},
    {BG_PVGPU_CMD_DRAW, "zcnzz", 0},
    {BG_PVGPU_CMD_DRAW, "zcnzz", 0},
    {BG_PVGPU_CMD_DRAW_INDEXED, "zcnwz", 0},
    {BG_PVGPU_CMD_DRAW_INSTANCED, "zccnn", 0},
    {BG_PVGPU_CMD_DRAW_INDEXED_INSTANCED, "zccnwnzzz", 0},
    {BG_PVGPU_CMD_DISPATCH, "zcggz", 0},
    {BG_PVGPU_CMD_CLEAR_RENDER_TARGET, "zvxxxx", 0},
    {BG_PVGPU_CMD_CLEAR_DEPTH_STENCIL, "zvexn", 0},
    {BG_PVGPU_CMD_PRESENT, "zrzzz", 0},
    {BG_PVGPU_CMD_RESIZE_BUFFERS, "zrttfnzzz", 0},
};

static uint32_t any(uint8_t byte)
{
    return (uint32_t)byte << 24 | (uint32_t)next() << 16 | (uint32_t)next() << 8 | next();
}

static uint32_t choose(char kind, uint8_t byte)
{
    static const uint32_t formats[] = {28, 28, 87, 45, 40, 2,  0,  41, 42, 61, 54, 55,
                                       57, 16, 29, 24, 26, 30, 71, 77, 80, 98, 6,  11};
    static const float floats[] = {0, 1, -1, 0.5f, 8, 32, 100, 1e9f, -3e38f, 0.25f, 16, 1e-9f};
    uint32_t word;

    switch (kind) {
    case 'r':
        return byte % 8;
    case 'v':
        return byte % 12;
    case 'o':
        return byte % 24;
    case 's':
        return byte % 6;
    case 'e':
        return byte % 8 + 1;
    case 'g':
        return byte % 2;
    case 'f':
        return formats[byte % (sizeof(formats) / sizeof(formats[0]))];
    case 't':
        return byte % 65;
    case 'x':
        memcpy(&word, &floats[byte % (sizeof(floats) / sizeof(floats[0]))], sizeof(word));
        return word;
    case 'h':
        return byte * 256u;
    case 'd':
        return byte % 4 ? 0 : byte * 64u;
    case 'B':
        return byte & BG_PVGPU_BIND_ALL;
    case 'y':
        return byte % 4 + 1;
    case 'l':
        return byte % 5;
    case 'q':
        return byte % 8 ? 1 : 4;
    case 'm':
        return byte % 4 ? 0 : byte & 0x6;
    case 'c':
        return byte % 48;
    case 'w':
        return any(byte);
    case 'z':
        return 0;
    default:
        return byte % 16;
    }
}

static enum bg_pvgpu_error run(void *command, uint32_t words)
{
    struct bg_pvgpu_command *header = command;
    struct pvgpu_outcome outcome = {0};

    header->size = words * 4;
    switch (pvgpu_command_classify(&context, command)) {
    case PVGPU_KIND_STATE:
    case PVGPU_KIND_WORK:
    case PVGPU_KIND_PRESENT:
        outcome = pvgpu_command_run(&context, &display, &control, command, 1);
        break;
    default:
        break;
    }
    CHECK(context.session->memory_used <= MEMORY_LIMIT);
    return outcome.code;
}

/* A draw's counts stay small: what it costs is not looked for here. */
static bool is_bounded(char kind)
{
    return kind == 'c' || kind == 'g';
}

static void run_next(void)
{
    static uint32_t words[WORDS_MAX];
    const struct shape *shape = &shapes[next() % (sizeof(shapes) / sizeof(shapes[0]))];
    uint32_t length = (uint32_t)strlen(shape->words);
    uint32_t count = shape->count != 0 ? shape->count : length;
    uint8_t wild = next(); /* the word of this number is any at all */

    memset(words, 0, sizeof(words));
    words[0] = shape->type;
    for (uint32_t i = 0; i < count; i++) {
        char kind = shape->words[i < length ? i : length - 1];
        uint8_t byte = i < 24 ? next() : 0; /* of long lists the first ones count */

        if (kind == 'S') { /* a shader: offset, size */
            uint32_t which = byte % SHADERS;

            words[2 + i] = shaders[which].size;
            words[3 + i] = shaders[which].offset;
            words[1 + i] = byte & 0x80 ? words[1 + i] : shaders[which].stage;
            i++;
            continue;
        }
        /* resource_id is the header's third word, the payload begins behind the fourth. */
        words[i == 0 ? 2 : 3 + i] = wild == i && !is_bounded(kind) ? any(byte) : choose(kind, byte);
    }
    run(words, 3 + count);
}

/* ---- A session that draws ---- */

#define RUN(structure, command_type, ...)                                                          \
    do {                                                                                           \
        structure command_ = {.header = {.type = (command_type)}, __VA_ARGS__};                    \
        CHECK(run(&command_, sizeof(command_) / 4) == BG_PVGPU_OK);                                \
    } while (0)

static void make_resources(void)
{
    RUN(struct bg_pvgpu_create_resource, BG_PVGPU_CMD_CREATE_RESOURCE, .header.resource_id = TARGET,
        .type = BG_PVGPU_RESOURCE_TEXTURE_2D, .format = BG_PVGPU_FORMAT_R8G8B8A8_UNORM,
        .width = SIDE, .height = SIDE, .depth = 1, .mip_levels = 1,
        .bind_flags = BG_PVGPU_BIND_RENDER_TARGET | BG_PVGPU_BIND_SHADER_RESOURCE);
    RUN(struct bg_pvgpu_create_resource, BG_PVGPU_CMD_CREATE_RESOURCE,
        .header.resource_id = VERTICES, .type = BG_PVGPU_RESOURCE_BUFFER, .width = 4096,
        .height = 1, .depth = 1, .mip_levels = 1, .bind_flags = BG_PVGPU_BIND_ALL & 0x4F,
        .heap_offset = 4096, .data_size = 4096);
    RUN(struct bg_pvgpu_create_resource, BG_PVGPU_CMD_CREATE_RESOURCE,
        .header.resource_id = TEXTURE, .type = BG_PVGPU_RESOURCE_TEXTURE_2D,
        .format = BG_PVGPU_FORMAT_R8G8B8A8_UNORM, .width = SIDE, .height = SIDE, .depth = 1,
        .mip_levels = 0,
        .bind_flags = BG_PVGPU_BIND_UNORDERED_ACCESS | BG_PVGPU_BIND_SHADER_RESOURCE);
    RUN(struct bg_pvgpu_create_shader_view, BG_PVGPU_CMD_CREATE_SHADER_RESOURCE_VIEW,
        .view_id = TEXTURE, .resource_id = TEXTURE);
    RUN(struct bg_pvgpu_set_shader_resource, BG_PVGPU_CMD_SET_SHADER_RESOURCE,
        .stage = BG_PVGPU_STAGE_PIXEL, .count = 1, .views = {TEXTURE});
    RUN(struct bg_pvgpu_create_view, BG_PVGPU_CMD_CREATE_RENDER_TARGET_VIEW, .view_id = TARGET,
        .resource_id = TARGET);
    RUN(struct bg_pvgpu_set_render_target, BG_PVGPU_CMD_SET_RENDER_TARGET, .count = 1,
        .rtv = {TARGET});
    RUN(struct bg_pvgpu_set_viewport, BG_PVGPU_CMD_SET_VIEWPORT, .count = 1,
        .viewports = {{0, 0, SIDE, SIDE, 0, 1}});
    RUN(struct bg_pvgpu_set_vertex_buffer, BG_PVGPU_CMD_SET_VERTEX_BUFFER, .count = 1,
        .buffers = {{VERTICES, 40, 0}});
}

/* The last shader of each stage is set. */
static void make_pipeline(bool computes)
{
    for (uint32_t i = 0; i < SHADERS; i++) {
        if (shaders[i].stage == BG_PVGPU_STAGE_COMPUTE && !computes) {
            continue; /* they are compiled when they are made, which takes long */
        }
        RUN(struct bg_pvgpu_create_shader, BG_PVGPU_CMD_CREATE_SHADER, .shader_id = 1 + i,
            .stage = shaders[i].stage, .bytecode_size = shaders[i].size,
            .bytecode_offset = shaders[i].offset);
        RUN(struct bg_pvgpu_set_shader, BG_PVGPU_CMD_SET_SHADER, .stage = shaders[i].stage,
            .shader_id = 1 + i);
    }
    RUN(struct bg_pvgpu_create_input_layout, BG_PVGPU_CMD_CREATE_INPUT_LAYOUT, .layout_id = LAYOUT,
        .count = 3,
        .elements = {{.format = BG_PVGPU_FORMAT_R32G32B32A32_FLOAT},
                     {.format = BG_PVGPU_FORMAT_R32G32B32A32_FLOAT, .byte_offset = 16},
                     {.format = BG_PVGPU_FORMAT_R32G32_FLOAT, .byte_offset = 32}});
    RUN(struct bg_pvgpu_set_object, BG_PVGPU_CMD_SET_INPUT_LAYOUT, .id = LAYOUT);
    RUN(struct bg_pvgpu_set_primitive_topology, BG_PVGPU_CMD_SET_PRIMITIVE_TOPOLOGY,
        .topology = BG_PVGPU_TOPOLOGY_TRIANGLE_LIST);
}

/* ---- ---- */

static void read_shaders(void)
{
    uint32_t offset = HEAP_SIZE / 2;

    for (uint32_t i = 0; i < SHADERS; i++) {
        size_t size;
        uint32_t *words = shader_read_file(shaders[i].name, &size);

        CHECK(offset + size <= HEAP_SIZE);
        memcpy(heap + offset, words, size);
        shaders[i].offset = offset;
        shaders[i].size = (uint32_t)size;
        offset += ((uint32_t)size + 255) & ~255u;
        free(words);
    }
}

static void begin(void)
{
    char reason[VULKAN_REASON_SIZE];

    heap = aligned_alloc(4096, HEAP_SIZE);
    vulkan = vulkan_open("", reason);
    CHECK(heap != NULL && vulkan != NULL && vulkan_start(vulkan, reason));
    CHECK(gpu_share(test_gpu(), heap, HEAP_SIZE, &heap_address) == BG_COMPUTE_OK);
    memset(heap, 0, HEAP_SIZE);
    read_shaders();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char reason[VULKAN_REASON_SIZE];

    if (vulkan == NULL) {
        begin();
    }
    input.data = data;
    input.size = size;
    memset(&context, 0, sizeof(context));
    context.session = session_create(test_gpu(), MEMORY_LIMIT);
    context.heap = (struct operation_heap){heap, HEAP_SIZE, heap_address};
    context.renderer = &pvgpu_memory_renderer;
    context.drawing = vulkan_renderer_create(vulkan, context.session, heap, HEAP_SIZE, 0, reason);
    CHECK(context.drawing != NULL);
    pvgpu_display_init(&display, NULL, NULL);
    make_resources();
    make_pipeline(next() % 8 == 0);
    for (int i = 0; i < COMMANDS_MAX && input.size > 0; i++) {
        run_next();
    }
    pvgpu_context_reset(&context);
    pvgpu_display_reset(&display);
    CHECK(context.renderer->ops->finish(&context).code == BG_PVGPU_OK);
    CHECK(!context.session->gpu->lost);
    CHECK(context.session->memory_used == 0);
    vulkan_renderer_destroy(context.drawing);
    pvgpu_display_close(&display, &context);
    session_destroy(context.session);
    return 0;
}
