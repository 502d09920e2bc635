/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * run=cube: a shaded, rotating cube, drawn by the host's OpenGL through a virtio GPU with 3D
 * (-device virtio-gpu-gl-pci with -display sdl,gl=on or gtk,gl=on).
 *
 * Options: frames=N (300), angle=DEGREES (0) of the first frame, step=DEGREES (1) from a frame to
 * the next, width= and height= (what the display prefers), hold=SECONDS (0): how long the last
 * frame stays, depth_test=0.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "baregpu/hal.h"
#include "baregpu/virgl.h"
#include "baregpu/virtio_gpu.h"
#include "firmware/apps/app.h"
#include "firmware/apps/cube_scene.h"
#include "firmware/apps/open/screenshot.h"
#include "firmware/apps/open/virtio.h"
#include "firmware/platform/timer.h"

#define CONTEXT 1u
#define SCANOUT 0u
#define BUFFERS 2u
#define COLOR_FORMAT BG_VIRGL_FORMAT_B8G8R8X8_UNORM
#define COMMANDS_SIZE 8192u
#define DEGREES_MAX 1000000
#define PROBE 16u /* pixels: the edge of the square that is read back */

/* Object handles of the context. */
enum {
    BLEND = 1,
    RASTERIZER,
    DEPTH_TEST,
    VERTEX_LAYOUT,
    VERTEX_SHADER,
    FRAGMENT_SHADER,
    DEPTH_SURFACE,
    COLOR_SURFACE, /* BUFFERS of them */
};

/* One of the pictures that are drawn and shown in turn. */
struct buffer {
    uint32_t resource_id;
    uint8_t *commands; /* COMMANDS_SIZE bytes that the device reads */
    uint64_t commands_bus;
    bool is_in_flight;
    struct bg_virtio_gpu_op draw, show, flush;
};

static struct bg_virtio_device device;
static struct bg_virtio_gpu gpu;
static struct buffer buffers[BUFFERS];
static uint32_t depth_id, vertex_id, index_id;
static uint32_t width, height;
static enum bg_virgl_format depth_format;

static struct {
    struct host_show show;
    float angle, step;
    bool has_depth_test;
} options;

static uint32_t float_bits(float value)
{
    uint32_t bits;

    memcpy(&bits, &value, sizeof(bits));
    return bits;
}

static bool check(const char *what, int error)
{
    if (error < 0) {
        printf("%s failed: %s.\n", what, bg_strerror(error));
    }
    return error >= 0;
}

/* ---- The device ---- */

static bool open_gpu(void)
{
    struct virtio_place place;
    int error = virtio_host_open(&device, BG_VIRTIO_ID_GPU, 0, &place);

    if (error == BG_ERR_NOT_FOUND) {
        printf("There is no virtio GPU.\n");
    } else if (check("Opening the GPU", error) &&
               check("Starting the GPU", error = bg_virtio_gpu_open(&gpu, &device, NULL))) {
        if (bg_virtio_gpu_has(&gpu, BG_VIRTIO_GPU_F_VIRGL)) {
            printf("GPU at %s (%s), %" PRIu32 " scanouts\n", place.text, device.ops->name,
                   gpu.scanout_count);
            return true;
        }
        printf("The GPU at %s draws in 2D only.\n", place.text);
        bg_virtio_gpu_close(&gpu);
        error = BG_ERR_NOT_FOUND;
    }
    if (error == BG_ERR_NOT_FOUND) {
        printf("run=cube takes a QEMU with OpenGL, which the one of `make qemu` does not have "
               "(docs/virgl.md):\n"
               "  qemu-system-aarch64 -M virt -cpu max -nic none -display gtk,gl=on \\\n"
               "      -semihosting-config enable=on,target=native -device virtio-gpu-gl-pci \\\n"
               "      -kernel build/firmware/baregpu.elf -append run=cube\n");
    }
    return false;
}

/* The newest kind of context that takes virgl's commands; id 0: there is none. */
static struct bg_virtio_gpu_capset find_capset(void)
{
    struct bg_virtio_gpu_capset best = {0};

    for (uint32_t i = 0; i < gpu.capset_count; i++) {
        struct bg_virtio_gpu_capset capset;
        int error = bg_virtio_gpu_cmd_get_capset_info(&gpu, NULL, i, &capset);

        if (error == BG_ERR_TIMEOUT) { /* not as many times as there are sets */
            break;
        }
        if (error == 0 &&
            (capset.id == BG_VIRTIO_GPU_CAPSET_VIRGL || capset.id == BG_VIRTIO_GPU_CAPSET_VIRGL2) &&
            capset.id > best.id) {
            best = capset;
        }
    }
    return best;
}

/* Asks the host which formats it has. */
static bool choose_formats(const struct bg_virtio_gpu_capset *capset)
{
    static const enum bg_virgl_format depths[] = {
        BG_VIRGL_FORMAT_Z24X8_UNORM, BG_VIRGL_FORMAT_Z32_FLOAT, BG_VIRGL_FORMAT_S8_UINT_Z24_UNORM,
        BG_VIRGL_FORMAT_Z16_UNORM};
    static uint8_t bytes[BG_VIRGL_CAPS_SIZE_MAX];
    uint32_t size = capset->max_size < sizeof(bytes) ? capset->max_size : sizeof(bytes);

    if (!check("Reading the capabilities",
               bg_virtio_gpu_cmd_get_capset(&gpu, NULL, capset->id, capset->max_version, bytes,
                                            size, &size))) {
        return false;
    }
    printf("virgl capability set %" PRIu32 ", version %" PRIu32 ", %" PRIu32 " bytes\n", capset->id,
           capset->max_version, size);
    for (unsigned i = 0; i < sizeof(depths) / sizeof(depths[0]); i++) {
        if (bg_virgl_has_format(bytes, size, BG_VIRGL_USE_SAMPLER, depths[i])) {
            depth_format = depths[i];
            return bg_virgl_has_format(bytes, size, BG_VIRGL_USE_RENDER, COLOR_FORMAT);
        }
    }
    return false;
}

static bool create_context(void)
{
    struct bg_virtio_gpu_capset capset = find_capset();

    if (capset.id == 0 || !choose_formats(&capset)) {
        printf("The host has no virgl, or not the formats that are needed.\n");
        return false;
    }
    if (!bg_virtio_gpu_has(&gpu, BG_VIRTIO_GPU_F_CONTEXT_INIT)) {
        capset.id = 0;
    }
    return check("Creating a context",
                 bg_virtio_gpu_cmd_ctx_create(&gpu, NULL, CONTEXT, capset.id, "cube"));
}

static bool choose_size(void)
{
    const struct bg_virtio_gpu_rect *preferred = &gpu.displays[SCANOUT].r;

    if (!check("Asking for the displays", bg_virtio_gpu_update_displays(&gpu))) {
        return false;
    }
    width = options.show.width != 0 ? options.show.width : preferred->width;
    height = options.show.height != 0 ? options.show.height : preferred->height;
    if (width - 1 >= BG_VIRTIO_GPU_DISPLAY_SIZE_MAX ||
        height - 1 >= BG_VIRTIO_GPU_DISPLAY_SIZE_MAX) {
        width = BG_VIRTIO_GPU_FALLBACK_WIDTH;
        height = BG_VIRTIO_GPU_FALLBACK_HEIGHT;
    }
    width = width < PROBE ? PROBE : width;
    height = height < PROBE ? PROBE : height;
    return true;
}

/* ---- Resources ---- */

static uint32_t create_resource(const struct bg_virtio_gpu_resource_3d *resource)
{
    uint32_t id = bg_virtio_gpu_new_resource_id(&gpu);

    return check("Creating a resource",
                 bg_virtio_gpu_cmd_resource_create_3d(&gpu, NULL, id, resource)) &&
                   check("Attaching a resource",
                         bg_virtio_gpu_cmd_ctx_attach_resource(&gpu, NULL, CONTEXT, id))
               ? id
               : 0;
}

static uint32_t create_texture(enum bg_virgl_format format, uint32_t bind, uint32_t flags)
{
    return create_resource(&(struct bg_virtio_gpu_resource_3d){.target = BG_VIRGL_TARGET_TEXTURE_2D,
                                                               .format = format,
                                                               .bind = bind,
                                                               .width = width,
                                                               .height = height,
                                                               .depth = 1,
                                                               .array_size = 1,
                                                               .flags = flags});
}

static uint32_t create_buffer(uint32_t bind, uint32_t size)
{
    return create_resource(&(struct bg_virtio_gpu_resource_3d){.target = BG_VIRGL_TARGET_BUFFER,
                                                               .format = BG_VIRGL_FORMAT_R8_UNORM,
                                                               .bind = bind,
                                                               .width = size,
                                                               .height = 1,
                                                               .depth = 1,
                                                               .array_size = 1});
}

/* DMA memory as the backing of a resource; NULL after a failure. */
static void *attach_memory(uint32_t id, uint32_t size)
{
    struct bg_virtio_gpu_mem_entry entry = {.length = size};
    struct bg_virtio_gpu_data entries = bg_virtio_gpu_entries(&entry, 1);
    void *memory = bg_hal_dma_alloc(size, 64, &entry.addr);

    if (memory == NULL) {
        printf("The guest has no memory for a resource.\n");
        return NULL;
    }
    if (!check("Attaching memory",
               bg_virtio_gpu_cmd_resource_attach_backing(&gpu, NULL, id, &entries))) {
        bg_hal_dma_free(memory, size);
        return NULL;
    }
    return memory;
}

static void detach_memory(uint32_t id, void *memory, uint32_t size)
{
    if (check("Detaching memory", bg_virtio_gpu_cmd_resource_detach_backing(&gpu, NULL, id))) {
        bg_hal_dma_free(memory, size);
    }
}

/* The vertices go there by a transfer; the indices, in create_objects, in the commands. */
static bool upload_vertices(void)
{
    const uint32_t size = CUBE_VERTICES * sizeof(struct cube_vertex);
    const struct bg_virtio_gpu_transfer_3d transfer = {.box = {.w = size, .h = 1, .d = 1}};
    void *memory = attach_memory(vertex_id, size);

    if (memory == NULL) {
        return false;
    }
    cube_vertices(memory);
    bool is_good =
        check("Transferring the vertices",
              bg_virtio_gpu_cmd_transfer_to_host_3d(&gpu, NULL, CONTEXT, vertex_id, &transfer));

    detach_memory(vertex_id, memory, size);
    return is_good;
}

static bool create_resources(void)
{
    for (unsigned i = 0; i < BUFFERS; i++) {
        struct buffer *buffer = &buffers[i];

        buffer->commands = bg_hal_dma_alloc(COMMANDS_SIZE, 64, &buffer->commands_bus);
        buffer->resource_id = create_texture(COLOR_FORMAT,
                                             BG_VIRGL_BIND_RENDER_TARGET |
                                                 BG_VIRGL_BIND_SAMPLER_VIEW | BG_VIRGL_BIND_SCANOUT,
                                             BG_VIRTIO_GPU_RESOURCE_FLAG_Y_0_TOP);
        if (buffer->commands == NULL || buffer->resource_id == 0) {
            return false;
        }
    }
    depth_id = create_texture(depth_format, BG_VIRGL_BIND_DEPTH_STENCIL, 0);
    vertex_id =
        create_buffer(BG_VIRGL_BIND_VERTEX_BUFFER, CUBE_VERTICES * sizeof(struct cube_vertex));
    index_id = create_buffer(BG_VIRGL_BIND_INDEX_BUFFER, CUBE_INDICES * sizeof(uint16_t));
    return depth_id != 0 && vertex_id != 0 && index_id != 0 && upload_vertices();
}

/* ---- Commands ---- */

static void encode_objects(struct bg_virgl_encoder *e)
{
    static const struct bg_virgl_blend blend = {.targets[0].color_mask = BG_VIRGL_MASK_RGBA};
    static const struct bg_virgl_rasterizer rasterizer = {
        .flags = BG_VIRGL_RS_DEPTH_CLIP | BG_VIRGL_RS_HALF_PIXEL_CENTER | BG_VIRGL_RS_FRONT_CCW,
        .point_size = BG_VIRGL_FLOAT_1,
        .line_width = BG_VIRGL_FLOAT_1,
    };
    /* Nothing is culled: which face is in front is for the depth test to say. */
    const struct bg_virgl_depth_stencil_alpha depth_test = {
        .has_depth_test = options.has_depth_test,
        .writes_depth = true,
        .depth_compare = BG_VIRGL_COMPARE_LESS,
    };
    static const struct bg_virgl_vertex_element elements[] = {
        {.offset = offsetof(struct cube_vertex, position),
         .format = BG_VIRGL_FORMAT_R32G32B32_FLOAT},
        {.offset = offsetof(struct cube_vertex, normal), .format = BG_VIRGL_FORMAT_R32G32B32_FLOAT},
        {.offset = offsetof(struct cube_vertex, color), .format = BG_VIRGL_FORMAT_R32G32B32_FLOAT},
    };

    bg_virgl_create_blend(e, BLEND, &blend);
    bg_virgl_create_rasterizer(e, RASTERIZER, &rasterizer);
    bg_virgl_create_depth_stencil_alpha(e, DEPTH_TEST, &depth_test);
    bg_virgl_create_vertex_elements(e, VERTEX_LAYOUT, elements, 3);
    bg_virgl_create_shader(e, VERTEX_SHADER, BG_VIRGL_SHADER_VERTEX, cube_vertex_shader,
                           CUBE_SHADER_TOKENS);
    bg_virgl_create_shader(e, FRAGMENT_SHADER, BG_VIRGL_SHADER_FRAGMENT, cube_fragment_shader,
                           CUBE_SHADER_TOKENS);
    bg_virgl_create_surface(
        e, DEPTH_SURFACE,
        &(struct bg_virgl_surface){.resource_id = depth_id, .format = depth_format});
    for (unsigned i = 0; i < BUFFERS; i++) {
        bg_virgl_create_surface(e, COLOR_SURFACE + i,
                                &(struct bg_virgl_surface){.resource_id = buffers[i].resource_id,
                                                           .format = COLOR_FORMAT});
    }
}

/* What all frames have in common. */
static void encode_bindings(struct bg_virgl_encoder *e)
{
    const float half_width = (float)width / 2.0f, half_height = (float)height / 2.0f;
    /* Row 0 is the top one of a resource with Y_0_TOP: the host turns the picture. */
    const struct bg_virgl_viewport viewport = {
        .scale = {float_bits(half_width), float_bits(half_height), BG_VIRGL_FLOAT_HALF},
        .translate = {float_bits(half_width), float_bits(half_height), BG_VIRGL_FLOAT_HALF},
    };
    const struct bg_virgl_vertex_buffer vertices = {.stride = sizeof(struct cube_vertex),
                                                    .resource_id = vertex_id};
    uint16_t indices[CUBE_INDICES];

    cube_indices(indices);
    bg_virgl_write_buffer(e, index_id, 0, indices, sizeof(indices));
    bg_virgl_bind_object(e, BG_VIRGL_OBJECT_BLEND, BLEND);
    bg_virgl_bind_object(e, BG_VIRGL_OBJECT_RASTERIZER, RASTERIZER);
    bg_virgl_bind_object(e, BG_VIRGL_OBJECT_DSA, DEPTH_TEST);
    bg_virgl_bind_object(e, BG_VIRGL_OBJECT_VERTEX_ELEMENTS, VERTEX_LAYOUT);
    bg_virgl_bind_shader(e, BG_VIRGL_SHADER_VERTEX, VERTEX_SHADER);
    bg_virgl_bind_shader(e, BG_VIRGL_SHADER_FRAGMENT, FRAGMENT_SHADER);
    bg_virgl_set_viewports(e, 0, &viewport, 1);
    bg_virgl_set_vertex_buffers(e, &vertices, 1);
    bg_virgl_set_index_buffer(e, index_id, sizeof(indices[0]), 0);
}

static void encode_frame(struct bg_virgl_encoder *e, unsigned buffer, float degrees)
{
    const uint32_t color = COLOR_SURFACE + buffer;
    const uint32_t background[4] = {float_bits(32 / 255.0f), float_bits(48 / 255.0f),
                                    float_bits(72 / 255.0f), BG_VIRGL_FLOAT_1};
    struct cube_constants constants;
    uint32_t words[sizeof(constants) / sizeof(uint32_t)];

    cube_constants(&constants, degrees, width, height);
    memcpy(words, &constants, sizeof(words));
    bg_virgl_set_framebuffer(e, &color, 1, DEPTH_SURFACE);
    bg_virgl_clear(e, BG_VIRGL_CLEAR_COLOR0 | BG_VIRGL_CLEAR_DEPTH, background, BG_VIRGL_DOUBLE_1,
                   0);
    bg_virgl_set_constants(e, BG_VIRGL_SHADER_VERTEX, words, sizeof(words) / sizeof(words[0]));
    bg_virgl_draw(e, &(struct bg_virgl_draw){.primitive = BG_VIRGL_PRIM_TRIANGLES,
                                             .count = CUBE_INDICES,
                                             .is_indexed = true,
                                             .max_index = CUBE_VERTICES - 1});
}

static bool create_objects(void)
{
    struct buffer *buffer = &buffers[0];
    struct bg_virgl_encoder e;
    struct bg_virtio_gpu_data data = {buffer->commands, buffer->commands_bus, 0};

    bg_virgl_begin(&e, buffer->commands, COMMANDS_SIZE);
    encode_objects(&e);
    encode_bindings(&e);
    int size = bg_virgl_end(&e);

    data.size = size > 0 ? (size_t)size : 0;
    return check("Encoding", size) &&
           check("Creating objects", bg_virtio_gpu_cmd_submit_3d(&gpu, NULL, CONTEXT, &data));
}

/* ---- Frames ---- */

/* Until the device is done with the buffer and its commands. */
static bool wait_buffer(struct buffer *buffer)
{
    uint64_t deadline = virtio_host_deadline();
    bool is_good = true;

    if (buffer->is_in_flight) {
        is_good = check("Drawing", bg_virtio_gpu_wait(&gpu, &buffer->draw, deadline));
        is_good &= check("Showing", bg_virtio_gpu_wait(&gpu, &buffer->show, deadline));
        is_good &= check("Flushing", bg_virtio_gpu_wait(&gpu, &buffer->flush, deadline));
        buffer->is_in_flight = false;
    }
    return is_good;
}

/* Draws and shows a frame: three commands, one notification. */
static bool queue_frame(unsigned index, float degrees)
{
    struct buffer *buffer = &buffers[index];
    const struct bg_virtio_gpu_rect all = {.width = width, .height = height};
    struct bg_virtio_gpu_data data = {buffer->commands, buffer->commands_bus, 0};
    struct bg_virgl_encoder e;

    bg_virgl_begin(&e, buffer->commands, COMMANDS_SIZE);
    encode_frame(&e, index, degrees);
    int size = bg_virgl_end(&e);

    if (!check("Encoding", size)) {
        return false;
    }
    data.size = (size_t)size;
    buffer->draw = (struct bg_virtio_gpu_op){.flags = BG_VIRTIO_GPU_OP_FENCE};
    buffer->show = (struct bg_virtio_gpu_op){0};
    buffer->flush = (struct bg_virtio_gpu_op){.flags = BG_VIRTIO_GPU_OP_FENCE};
    if (!check("Queueing", bg_virtio_gpu_cmd_submit_3d(&gpu, &buffer->draw, CONTEXT, &data)) ||
        !check("Queueing", bg_virtio_gpu_cmd_set_scanout(&gpu, &buffer->show, SCANOUT,
                                                         buffer->resource_id, &all)) ||
        !check("Queueing",
               bg_virtio_gpu_cmd_resource_flush(&gpu, &buffer->flush, buffer->resource_id, &all))) {
        return false;
    }
    buffer->is_in_flight = true;
    return check("Notifying", bg_virtio_gpu_kick(&gpu));
}

static bool draw_frames(void)
{
    uint64_t start_ns = bg_hal_time_ns();

    for (unsigned i = 0; i < options.show.frames; i++) {
        if (!wait_buffer(&buffers[i % BUFFERS]) ||
            !queue_frame(i % BUFFERS, options.angle + (float)i * options.step)) {
            return false;
        }
    }
    for (unsigned i = 0; i < BUFFERS; i++) {
        if (!wait_buffer(&buffers[i])) {
            return false;
        }
    }
    uint64_t spent_ns = bg_hal_time_ns() - start_ns;
    uint64_t tenths = options.show.frames * 10000000000ull / (spent_ns > 0 ? spent_ns : 1);

    printf("%u frames of %" PRIu32 " x %" PRIu32 " in %" PRIu64 " ms: %" PRIu64 ".%" PRIu64
           " frames per second\n",
           options.show.frames, width, height, spent_ns / 1000000, tenths / 10, tenths % 10);
    return true;
}

/* Reads the middle of the last frame back, and says its colour: the host does not answer when it
 * refuses commands of a context. */
static bool probe_center(void)
{
    const uint32_t size = PROBE * PROBE * sizeof(uint32_t);
    const struct buffer *last = &buffers[(options.show.frames - 1) % BUFFERS];
    const struct bg_virtio_gpu_transfer_3d transfer = {
        .box = {(width - PROBE) / 2, (height - PROBE) / 2, 0, PROBE, PROBE, 1},
        .stride = PROBE * sizeof(uint32_t),
    };
    struct bg_virtio_gpu_op op = {.flags = BG_VIRTIO_GPU_OP_FENCE};
    uint32_t *pixels = attach_memory(last->resource_id, size);

    if (pixels == NULL) {
        return false;
    }
    bool is_good = check("Reading back", bg_virtio_gpu_cmd_transfer_from_host_3d(
                                             &gpu, &op, CONTEXT, last->resource_id, &transfer)) &&
                   check("Reading back", bg_virtio_gpu_wait(&gpu, &op, virtio_host_deadline()));

    uint32_t center = pixels[PROBE * PROBE / 2 + PROBE / 2] & 0xFFFFFF;

    detach_memory(last->resource_id, pixels, size);
    if (is_good && center == 0) { /* neither a face nor the background is black */
        printf("Nothing was drawn: the host has refused commands, see its messages.\n");
        return false;
    }
    printf("centre #%06" PRIx32 "\n", center);
    return is_good;
}

static void hold(void)
{
    if (options.show.hold_ns > 0) {
        printf("The picture stays for %u s.\n", (unsigned)(options.show.hold_ns / 1000000000));
    }
    timer_delay_ns(options.show.hold_ns);
}

static bool destroy_resource(uint32_t id)
{
    return check("Detaching a resource",
                 bg_virtio_gpu_cmd_ctx_detach_resource(&gpu, NULL, CONTEXT, id)) &&
           check("Destroying a resource", bg_virtio_gpu_cmd_resource_unref(&gpu, NULL, id));
}

static bool clean_up(void)
{
    bool is_good = check("Turning the scanout off",
                         bg_virtio_gpu_cmd_set_scanout(&gpu, NULL, SCANOUT, 0, NULL));

    is_good &= destroy_resource(depth_id);
    is_good &= destroy_resource(vertex_id);
    is_good &= destroy_resource(index_id);
    for (unsigned i = 0; i < BUFFERS; i++) {
        is_good &= destroy_resource(buffers[i].resource_id);
    }
    is_good &= check("Destroying the context", bg_virtio_gpu_cmd_ctx_destroy(&gpu, NULL, CONTEXT));
    return is_good;
}

static bool show_cube(void)
{
    return choose_size() && create_context() && create_resources() && create_objects() &&
           draw_frames() && (options.show.frames == 0 || probe_center());
}

static int run_cube(void)
{
    options.show = host_show_read(300, PROBE, BG_VIRTIO_GPU_DISPLAY_SIZE_MAX);
    options.angle = (float)app_option_number("angle", 0, -DEGREES_MAX, DEGREES_MAX);
    options.step = (float)app_option_number("step", 1, -DEGREES_MAX, DEGREES_MAX);
    options.has_depth_test = app_option_number("depth_test", 1, 0, 1) != 0;
    if (!open_gpu()) {
        return 1;
    }
    bool is_good = show_cube();

    if (is_good) {
        hold();
        is_good = clean_up();
    }
    /* Only a device that has been reset gives the memory back. */
    if (check("Closing the GPU", bg_virtio_gpu_close(&gpu))) {
        for (unsigned i = 0; i < BUFFERS; i++) {
            if (buffers[i].commands != NULL) {
                bg_hal_dma_free(buffers[i].commands, COMMANDS_SIZE);
            }
        }
    } else {
        is_good = false;
    }
    return is_good ? 0 : 1;
}

APP(cube, "a rotating cube, drawn by the host's OpenGL through a virtio GPU", run_cube,
    "frames angle step width height hold depth_test");
