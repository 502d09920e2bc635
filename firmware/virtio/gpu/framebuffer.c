/* SPDX-License-Identifier: BSD-2-Clause */
/* Framebuffers: virtio 1.4, 5.7.6.1 and 5.7.6.2. */
#include "firmware/virtio/gpu/display.h"

#include "baregpu/hal.h"

#define MEMORY_ALIGN 4096u

/* The sizes that a resource can have: QEMU's stride and offsets are 32 bits. */
#define PICTURE_SIZE_MAX UINT32_MAX

/* ---- Commands of one frame ---- */

struct bg_virtio_gpu_op *gpu_frame_next(struct bg_virtio_gpu_frame *frame, uint32_t flags)
{
    struct bg_virtio_gpu_op *op = &frame->ops[frame->count++];

    *op = (struct bg_virtio_gpu_op){.flags = flags};
    return op;
}

int gpu_frame_end(struct bg_virtio_gpu *gpu, struct bg_virtio_gpu_frame *frame)
{
    uint64_t deadline_ns = bg_hal_time_ns() + gpu->timeout_ns;
    int first = 0;

    for (unsigned i = 0; i < frame->count; i++) {
        int error = bg_virtio_gpu_wait(gpu, &frame->ops[i], deadline_ns);

        if (first == 0) {
            first = error;
        }
    }
    frame->count = 0;
    return first;
}

/*
 * Transfers and flushes. 5.7.6.5: without a fence the answer may come before the work is done, so
 * the transfers have fences, for the memory to be written again, and the last flush, for the
 * picture to be seen.
 */
int gpu_frame_damage(struct bg_virtio_gpu_framebuffer *fb, struct bg_virtio_gpu_frame *frame)
{
    const struct bg_virtio_gpu_damage *damage = &fb->damage;
    int error = 0;

    for (uint32_t i = 0; i < damage->count && !fb->is_blob && error == 0; i++) {
        const struct bg_virtio_gpu_rect *r = &damage->rects[i];
        uint64_t offset = (uint64_t)r->y * fb->stride + (uint64_t)r->x * BG_VIRTIO_GPU_PIXEL_SIZE;

        error = bg_virtio_gpu_cmd_transfer_to_host_2d(
            fb->gpu, gpu_frame_next(frame, BG_VIRTIO_GPU_OP_FENCE), fb->resource_id, r, offset);
    }
    return error;
}

static int queue_flushes(struct bg_virtio_gpu_framebuffer *fb, struct bg_virtio_gpu_frame *frame)
{
    const struct bg_virtio_gpu_damage *damage = &fb->damage;
    int error = 0;

    for (uint32_t i = 0; i < damage->count && error == 0; i++) {
        uint32_t flags = i + 1 == damage->count ? BG_VIRTIO_GPU_OP_FENCE : 0;

        error = bg_virtio_gpu_cmd_resource_flush(fb->gpu, gpu_frame_next(frame, flags),
                                                 fb->resource_id, &damage->rects[i]);
    }
    return error;
}

/* ---- Creation ---- */

static int check_size(uint32_t width, uint32_t height, uint64_t *size)
{
    if (width == 0 || height == 0 ||
        (uint64_t)width * height > PICTURE_SIZE_MAX / BG_VIRTIO_GPU_PIXEL_SIZE) {
        return BG_ERR_INVALID;
    }
    *size = (uint64_t)width * height * BG_VIRTIO_GPU_PIXEL_SIZE;
    return 0;
}

static uint64_t align_blob(const struct bg_virtio_gpu *gpu, uint64_t size)
{
    return (size + gpu->blob_alignment - 1) / gpu->blob_alignment * gpu->blob_alignment;
}

static int create_blob(struct bg_virtio_gpu_framebuffer *fb, struct bg_virtio_gpu_frame *frame,
                       struct bg_virtio_gpu_mem_entry *entry)
{
    struct bg_virtio_gpu_data data;
    const struct bg_virtio_gpu_blob blob = {
        .memory = BG_VIRTIO_GPU_BLOB_MEM_GUEST,
        .flags = BG_VIRTIO_GPU_BLOB_FLAG_USE_SHAREABLE,
        .size = align_blob(fb->gpu, (uint64_t)fb->stride * fb->height),
    };

    /* The alignment is the device's, and may have grown at a restart. */
    if (blob.size > fb->capacity || blob.size > UINT32_MAX) {
        return BG_ERR_NO_SPACE;
    }
    entry->length = (uint32_t)blob.size;
    data = bg_virtio_gpu_entries(entry, 1);
    return bg_virtio_gpu_cmd_resource_create_blob(fb->gpu, gpu_frame_next(frame, 0),
                                                  fb->resource_id, &blob, &data);
}

static int create_2d(struct bg_virtio_gpu_framebuffer *fb, struct bg_virtio_gpu_frame *frame,
                     const struct bg_virtio_gpu_mem_entry *entry)
{
    struct bg_virtio_gpu_data data = bg_virtio_gpu_entries(entry, 1);

    return bg_virtio_gpu_cmd_resource_create_2d(fb->gpu, gpu_frame_next(frame, 0), fb->resource_id,
                                                fb->format, fb->width, fb->height)
               ?: bg_virtio_gpu_cmd_resource_attach_backing(fb->gpu, gpu_frame_next(frame, 0),
                                                            fb->resource_id, &data);
}

/* Has the device forget a resource: *id becomes 0, and then it does not use the memory any more. */
static int release_resource(struct bg_virtio_gpu *gpu, uint32_t *id)
{
    struct bg_virtio_gpu_op op = {.flags = BG_VIRTIO_GPU_OP_FENCE};
    int error = 0;

    if (*id != 0 && gpu->memory != NULL) { /* closed: the device has been reset */
        error = bg_virtio_gpu_cmd_resource_unref(gpu, &op, *id)
                    ?: bg_virtio_gpu_wait(gpu, &op, bg_hal_time_ns() + gpu->timeout_ns);
        if (op.response == BG_VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID) {
            error = 0; /* it never got there, or a restart took it */
        }
    }
    if (error == 0) {
        *id = 0;
    }
    return error;
}

int bg_virtio_gpu_framebuffer_release_old(struct bg_virtio_gpu_framebuffer *fb)
{
    return release_resource(fb->gpu, &fb->old_resource_id);
}

/* After an error fb->resource_id is 0, or may still be the device's. */
static int make_resource(struct bg_virtio_gpu_framebuffer *fb)
{
    struct bg_virtio_gpu_frame *frame = &fb->frame;
    struct bg_virtio_gpu_mem_entry entry = {
        .addr = fb->bus_address,
        .length = fb->stride * fb->height,
    };
    int error, end;

    fb->resource_id = bg_virtio_gpu_new_resource_id(fb->gpu);
    fb->damage.count = 0;
    error = fb->is_blob ? create_blob(fb, frame, &entry) : create_2d(fb, frame, &entry);
    end = gpu_frame_end(fb->gpu, frame);
    error = error ?: end;
    if (error < 0) { /* the first of two commands may have worked */
        (void)release_resource(fb->gpu, &fb->resource_id);
    }
    return error;
}

static void swap_resources(struct bg_virtio_gpu_framebuffer *fb)
{
    uint32_t id = fb->resource_id;

    fb->resource_id = fb->old_resource_id;
    fb->old_resource_id = id;
}

int gpu_framebuffer_replace(struct bg_virtio_gpu_framebuffer *fb)
{
    int error;

    (void)gpu_frame_end(fb->gpu, &fb->frame);          /* the commands are part of *fb */
    error = bg_virtio_gpu_framebuffer_release_old(fb); /* there is room for one */
    if (error < 0) {
        return error;
    }
    swap_resources(fb);
    error = make_resource(fb);
    if (error < 0) {
        swap_resources(fb);
    }
    return error;
}

static void give_memory_back(struct bg_virtio_gpu_framebuffer *fb)
{
    if (!fb->is_shared) {
        bg_hal_dma_free(fb->pixels, fb->capacity);
    }
    fb->pixels = NULL;
}

static int make_first_resource(struct bg_virtio_gpu_framebuffer *fb)
{
    int error = make_resource(fb);

    if (error < 0 && fb->resource_id == 0) {
        give_memory_back(fb);
    }
    return error;
}

static int create_framebuffer(struct bg_virtio_gpu_framebuffer *fb, struct bg_virtio_gpu *gpu,
                              uint32_t width, uint32_t height, uint32_t format, size_t capacity,
                              bool is_blob)
{
    uint64_t size = 0;
    int error = check_size(width, height, &size);

    memset(fb, 0, sizeof(*fb));
    if (error < 0 || (capacity != 0 && capacity < size)) {
        return BG_ERR_INVALID;
    }
    fb->gpu = gpu;
    fb->width = width;
    fb->height = height;
    fb->stride = width * BG_VIRTIO_GPU_PIXEL_SIZE;
    fb->format = format;
    fb->is_blob = is_blob;
    fb->capacity = align_blob(gpu, capacity ? capacity : size);
    fb->pixels = bg_hal_dma_alloc(fb->capacity, MEMORY_ALIGN, &fb->bus_address);
    if (fb->pixels == NULL) {
        return BG_ERR_NO_MEMORY;
    }
    return make_first_resource(fb);
}

int bg_virtio_gpu_framebuffer_create(struct bg_virtio_gpu_framebuffer *fb,
                                     struct bg_virtio_gpu *gpu, uint32_t width, uint32_t height,
                                     uint32_t format, size_t capacity)
{
    return create_framebuffer(fb, gpu, width, height, format, capacity,
                              bg_virtio_gpu_has(gpu, BG_VIRTIO_GPU_F_RESOURCE_BLOB));
}

int gpu_framebuffer_create_2d(struct bg_virtio_gpu_framebuffer *fb, struct bg_virtio_gpu *gpu,
                              uint32_t width, uint32_t height, uint32_t format)
{
    return create_framebuffer(fb, gpu, width, height, format, 0, false);
}

int gpu_framebuffer_create_shared(struct bg_virtio_gpu_framebuffer *fb,
                                  const struct bg_virtio_gpu_framebuffer *owner)
{
    *fb = (struct bg_virtio_gpu_framebuffer){
        .gpu = owner->gpu,
        .pixels = owner->pixels,
        .width = owner->width,
        .height = owner->height,
        .stride = owner->stride,
        .format = owner->format,
        .is_shared = true,
        .capacity = owner->capacity,
        .bus_address = owner->bus_address,
    };
    return make_first_resource(fb);
}

int bg_virtio_gpu_framebuffer_destroy(struct bg_virtio_gpu_framebuffer *fb)
{
    int error;

    if (fb->pixels == NULL) {
        return 0;
    }
    /* Its operations are part of *fb: the device's answers must not find them gone. */
    (void)gpu_frame_end(fb->gpu, &fb->frame);
    error =
        bg_virtio_gpu_framebuffer_release_old(fb) ?: release_resource(fb->gpu, &fb->resource_id);
    if (error == 0) {
        give_memory_back(fb);
    }
    return error;
}

static void set_size(struct bg_virtio_gpu_framebuffer *fb, uint32_t width, uint32_t height)
{
    fb->width = width;
    fb->height = height;
    fb->stride = width * BG_VIRTIO_GPU_PIXEL_SIZE;
}

int bg_virtio_gpu_framebuffer_resize(struct bg_virtio_gpu_framebuffer *fb, uint32_t width,
                                     uint32_t height)
{
    const uint32_t old_width = fb->width, old_height = fb->height;
    uint64_t size = 0;
    int error = check_size(width, height, &size);

    if (error < 0) {
        return error;
    }
    if (align_blob(fb->gpu, size) > fb->capacity) {
        return BG_ERR_NO_SPACE;
    }
    error = bg_virtio_gpu_framebuffer_flush_end(fb); /* the device may still read it */
    if (error < 0) {
        return error;
    }
    set_size(fb, width, height);
    error = gpu_framebuffer_replace(fb);
    if (error < 0) {
        set_size(fb, old_width, old_height);
        bg_virtio_gpu_framebuffer_damage(fb, 0, 0, old_width, old_height);
        return error;
    }
    memset(fb->pixels, 0, size);
    bg_virtio_gpu_framebuffer_damage(fb, 0, 0, width, height);
    return 0;
}

void gpu_framebuffer_put_back(struct bg_virtio_gpu_framebuffer *fb, uint32_t width, uint32_t height)
{
    swap_resources(fb);
    (void)bg_virtio_gpu_framebuffer_release_old(fb);
    set_size(fb, width, height);
    fb->damage.count = 0;
    bg_virtio_gpu_framebuffer_damage(fb, 0, 0, width, height);
}

/* ---- Showing ---- */

void bg_virtio_gpu_framebuffer_damage(struct bg_virtio_gpu_framebuffer *fb, uint32_t x, uint32_t y,
                                      uint32_t width, uint32_t height)
{
    const struct bg_virtio_gpu_rect rect = {x, y, width, height};

    bg_virtio_gpu_damage_add(&fb->damage, fb->width, fb->height, &rect);
}

int bg_virtio_gpu_framebuffer_flush_begin(struct bg_virtio_gpu_framebuffer *fb)
{
    int error = bg_virtio_gpu_framebuffer_flush_end(fb) ?: gpu_frame_damage(fb, &fb->frame)
                    ?: queue_flushes(fb, &fb->frame);

    if (error == 0) {
        fb->damage.count = 0;
        error = bg_virtio_gpu_kick(fb->gpu);
    }
    return error < 0 ? error : 0;
}

int bg_virtio_gpu_framebuffer_flush_end(struct bg_virtio_gpu_framebuffer *fb)
{
    int error = gpu_frame_end(fb->gpu, &fb->frame);

    if (error < 0) { /* what of it has been shown is not known */
        bg_virtio_gpu_framebuffer_damage(fb, 0, 0, fb->width, fb->height);
    }
    return error;
}

int bg_virtio_gpu_framebuffer_flush(struct bg_virtio_gpu_framebuffer *fb)
{
    int error = bg_virtio_gpu_framebuffer_flush_begin(fb);
    int end = bg_virtio_gpu_framebuffer_flush_end(fb);

    return error ?: end;
}

int gpu_framebuffer_set_scanout(struct bg_virtio_gpu_framebuffer *fb, struct bg_virtio_gpu_op *op,
                                uint32_t scanout, const struct bg_virtio_gpu_rect *rect)
{
    const struct bg_virtio_gpu_rect all = {.width = fb->width, .height = fb->height};
    const struct bg_virtio_gpu_blob_layout layout = {
        .width = fb->width,
        .height = fb->height,
        .format = fb->format,
        .strides = {fb->stride},
    };

    if (rect == NULL) {
        rect = &all;
    }
    return fb->is_blob ? bg_virtio_gpu_cmd_set_scanout_blob(fb->gpu, op, scanout, fb->resource_id,
                                                            rect, &layout)
                       : bg_virtio_gpu_cmd_set_scanout(fb->gpu, op, scanout, fb->resource_id, rect);
}

int bg_virtio_gpu_framebuffer_show(struct bg_virtio_gpu_framebuffer *fb, uint32_t scanout,
                                   const struct bg_virtio_gpu_rect *rect)
{
    return gpu_framebuffer_set_scanout(fb, NULL, scanout, rect);
}
