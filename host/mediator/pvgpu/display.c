/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE 1 /* memfd_create, F_ADD_SEALS, MADV_REMOVE */
#include "host/mediator/pvgpu/display.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "host/common/clock.h"

#define SLOTS_DEFAULT 3u /* one shown, one on its way, one being written */
#define PAGE 4096u
#define PIXEL 4u
#define REMOVE_PIECE (UINT64_C(32) << 20) /* a few milliseconds */
/* What a guest can write into display_refresh; a second per picture is the slowest. */
#define REFRESH_MAX 1000u

void pvgpu_display_init(struct bg_pvgpu_display *display, const struct pvgpu_display_ops *ops,
                        void *owner)
{
    *display = (struct bg_pvgpu_display){.ops = ops, .owner = owner, .slots_wanted = SLOTS_DEFAULT};
}

/* ---- When ---- */

uint64_t pvgpu_display_get_due_ns(const struct bg_pvgpu_display *display, uint32_t sync_interval,
                                  uint32_t refresh_hz)
{
    uint64_t hz = refresh_hz == 0 ? BG_PVGPU_DISPLAY_REFRESH_DEFAULT : refresh_hz;

    if (sync_interval == 0 || sync_interval > BG_PVGPU_SYNC_INTERVAL_MAX ||
        !display->presented_ns) {
        return 0;
    }
    hz = hz < REFRESH_MAX ? hz : REFRESH_MAX;
    return display->presented_ns + sync_interval * NS_PER_S / hz;
}

static bool slot_is_free(const struct bg_pvgpu_display *display, uint32_t slot)
{
    return !__atomic_load_n(&display->slot[slot].with_device, __ATOMIC_ACQUIRE);
}

static int choose_slot(const struct bg_pvgpu_display *display)
{
    for (uint32_t i = 0; i < display->slots; i++) {
        if (slot_is_free(display, i)) {
            return (int)i;
        }
    }
    return -1;
}

static uint64_t slot_size_of(uint32_t width, uint32_t height)
{
    return ((uint64_t)width * height * PIXEL + PAGE - 1) & ~(uint64_t)(PAGE - 1);
}

/* A much larger buffer is given up, too: it counts against the session's memory. */
static bool buffer_fits(const struct bg_pvgpu_display *display, uint64_t needed)
{
    return display->now.memory != NULL && display->slots == display->slots_wanted &&
           display->slot_size >= needed && display->slot_size / 4 <= needed;
}

/*
 * A buffer that the device has not read of is memory of nobody's account: there is one at the
 * most, however often a guest changes the size of its pictures.
 */
static enum pvgpu_display_wait find_wait(const struct bg_pvgpu_display *display, uint32_t width,
                                         uint32_t height)
{
    if (display->ops == NULL) {
        return PVGPU_DISPLAY_READY;
    }
    if (!buffer_fits(display, slot_size_of(width, height))) {
        return display->buffer == 0 || display->ops->is_read(display->owner) ? PVGPU_DISPLAY_READY
                                                                             : PVGPU_DISPLAY_READER;
    }
    return choose_slot(display) >= 0 ? PVGPU_DISPLAY_READY : PVGPU_DISPLAY_SLOT;
}

static struct pvgpu_resource *find_picture(const struct pvgpu_context *context,
                                           const struct bg_pvgpu_present *present)
{
    return pvgpu_resource_find(context, present->backbuffer_id ? present->backbuffer_id
                                                               : present->header.resource_id);
}

enum pvgpu_display_wait pvgpu_display_get_wait(const struct bg_pvgpu_display *display,
                                               const struct pvgpu_context *context,
                                               const struct bg_pvgpu_present *present)
{
    const struct pvgpu_resource *resource = find_picture(context, present);

    return resource != NULL
               ? find_wait(display, resource->level[0].width, resource->level[0].height)
               : PVGPU_DISPLAY_READY; /* to fail */
}

void pvgpu_display_take_back(struct bg_pvgpu_display *display, uint32_t buffer, uint32_t slot)
{
    if (buffer == __atomic_load_n(&display->buffer, __ATOMIC_ACQUIRE) &&
        slot < BG_PVGPU_SCANOUT_SLOTS_MAX) {
        __atomic_store_n(&display->slot[slot].with_device, false, __ATOMIC_RELEASE);
    }
}

/* ---- The memfd ---- */

static void remove_pages(const struct pvgpu_display_buffer *buffer, struct gpu *gpu)
{
    for (uint64_t done = 0; done < buffer->size; done += REMOVE_PIECE) {
        uint64_t left = buffer->size - done;

        madvise(buffer->memory + done, left < REMOVE_PIECE ? left : REMOVE_PIECE, MADV_REMOVE);
        gpu_give_way(gpu);
    }
}

static void unshare(struct pvgpu_display_buffer *buffer, struct pvgpu_context *context)
{
    if (buffer->shared) {
        buffer->renderer->ops->unshare(context, buffer->memory);
    }
    buffer->shared = false;
}

/* With the renderer that the session has now. Without, the copies take a way more, and work. */
static void share(struct pvgpu_display_buffer *buffer, struct pvgpu_context *context)
{
    if (buffer->renderer != context->renderer) {
        unshare(buffer, context);
        buffer->renderer = context->renderer;
        buffer->shared = buffer->renderer->ops->share(context, buffer->memory, buffer->size);
    }
}

/*
 * The pages go back to the host whoever else has the file: a device can keep its descriptor or its
 * mapping for as long as it likes, and reads zeros from there. What it makes of them is its own.
 */
static void free_buffer(struct pvgpu_display_buffer *buffer, struct pvgpu_context *context)
{
    if (buffer->memory != NULL) {
        unshare(buffer, context);
        remove_pages(buffer, context->session->gpu);
        munmap(buffer->memory, buffer->size);
        session_release(context->session, buffer->size);
        buffer->memory = NULL;
    }
}

/* A memfd of fixed size: neither side can make the other one's mapping fault. */
static int make_memfd(uint64_t size, uint8_t **memory)
{
    int fd = memfd_create("pvgpu-scanout", MFD_CLOEXEC | MFD_ALLOW_SEALING);

    *memory = MAP_FAILED;
    if (fd >= 0 && ftruncate(fd, (off_t)size) == 0 &&
        fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == 0) {
        *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    }
    if (*memory == MAP_FAILED && fd >= 0) {
        close(fd);
        fd = -1;
    }
    return fd;
}

/* What the screen shows stays until the next picture is on its way, if there is memory for both. */
static bool charge(struct bg_pvgpu_display *display, struct pvgpu_context *context, uint64_t size)
{
    free_buffer(&display->before, context); /* of a picture that failed */
    display->before = display->now;
    display->now.memory = NULL;
    if (session_charge(context->session, size) == BG_COMPUTE_OK) {
        return true;
    }
    free_buffer(&display->before, context);
    return session_charge(context->session, size) == BG_COMPUTE_OK;
}

/* Slots that hold width x height, as many as wanted: those there are, or new ones. */
static struct pvgpu_outcome provide_buffer(struct bg_pvgpu_display *display,
                                           struct pvgpu_context *context, uint32_t width,
                                           uint32_t height)
{
    struct session *session = context->session;
    uint64_t needed = slot_size_of(width, height);
    uint64_t size = needed * display->slots_wanted;
    struct bg_pvgpu_scanout_buffer message;
    uint8_t *memory;
    int fd;

    if (buffer_fits(display, needed)) {
        return pvgpu_ok();
    }
    if (!charge(display, context, size)) {
        return pvgpu_fail(BG_PVGPU_ERROR_OUT_OF_MEMORY);
    }
    fd = make_memfd(size, &memory);
    if (fd < 0) {
        session_release(session, size);
        return pvgpu_fail(BG_PVGPU_ERROR_OUT_OF_MEMORY);
    }
    display->now = (struct pvgpu_display_buffer){.memory = memory, .size = size};
    display->slot_size = needed;
    display->slots = display->slots_wanted;
    memset(display->slot, 0, sizeof(display->slot));
    __atomic_store_n(&display->buffer, display->buffer + 1, __ATOMIC_RELEASE);
    message = (struct bg_pvgpu_scanout_buffer){
        .buffer = display->buffer, .slots = display->slots, .slot_size = needed, .size = size};
    display->ops->send_buffer(display->owner, &message, fd);
    return pvgpu_ok();
}

/* ---- Damage ---- */

static bool is_empty(const struct bg_pvgpu_rectangle *rectangle)
{
    return rectangle->left >= rectangle->right || rectangle->top >= rectangle->bottom;
}

/* The rectangle around both. */
static void add_rectangle(struct bg_pvgpu_rectangle *to, const struct bg_pvgpu_rectangle *other)
{
    if (is_empty(other)) {
        return;
    }
    if (is_empty(to)) {
        *to = *other;
        return;
    }
    to->left = other->left < to->left ? other->left : to->left;
    to->top = other->top < to->top ? other->top : to->top;
    to->right = other->right > to->right ? other->right : to->right;
    to->bottom = other->bottom > to->bottom ? other->bottom : to->bottom;
}

/* What a present of a picture of these sides says has changed; the whole picture for PRESENT. */
static struct pvgpu_outcome find_damage(const void *command, uint32_t size, uint32_t width,
                                        uint32_t height, struct bg_pvgpu_rectangle *damage)
{
    const struct bg_pvgpu_present_region *region = command;

    if (region->header.type == BG_PVGPU_CMD_PRESENT) {
        *damage = (struct bg_pvgpu_rectangle){.right = (int32_t)width, .bottom = (int32_t)height};
        return pvgpu_ok();
    }
    *damage = (struct bg_pvgpu_rectangle){0};
    if (region->count == 0 || region->count > BG_PVGPU_PRESENT_RECTANGLES_MAX) {
        return pvgpu_fail(BG_PVGPU_ERROR_INVALID_PARAMETER);
    }
    if (size < offsetof(struct bg_pvgpu_present_region, rectangles) +
                   region->count * sizeof(region->rectangles[0])) {
        return pvgpu_fail(BG_PVGPU_ERROR_INVALID_COMMAND);
    }
    for (uint32_t i = 0; i < region->count; i++) {
        const struct bg_pvgpu_rectangle *rectangle = &region->rectangles[i];

        if (rectangle->left < 0 || rectangle->top < 0 || rectangle->right > (int32_t)width ||
            rectangle->bottom > (int32_t)height || rectangle->left > rectangle->right ||
            rectangle->top > rectangle->bottom) {
            return pvgpu_fail(BG_PVGPU_ERROR_INVALID_PARAMETER);
        }
        add_rectangle(damage, rectangle);
    }
    return pvgpu_ok();
}

/* ---- Present ---- */

/* A picture comes; all slots lack what it changes, until they are written. */
static void add_damage(struct bg_pvgpu_display *display, const struct bg_pvgpu_rectangle *damage,
                       bool changed)
{
    for (uint32_t i = 0; i < display->slots; i++) {
        display->slot[i].filled = display->slot[i].filled && !changed;
        add_rectangle(&display->slot[i].stale, damage);
    }
    if (changed) {
        display->unshown = *damage;
    } else {
        add_rectangle(&display->unshown, damage);
    }
}

static void send_picture(struct bg_pvgpu_display *display, uint32_t slot)
{
    const struct bg_pvgpu_rectangle *damage = &display->unshown;

    __atomic_store_n(&display->slot[slot].with_device, true, __ATOMIC_RELEASE);
    display->ops->show(display->owner,
                       &(struct bg_pvgpu_scanout){
                           .buffer = display->buffer,
                           .slot = slot,
                           .width = display->width,
                           .height = display->height,
                           .stride = display->width * PIXEL,
                           .format = display->format,
                           .damage_x = (uint32_t)damage->left,
                           .damage_y = (uint32_t)damage->top,
                           .damage_width = (uint32_t)(damage->right - damage->left),
                           .damage_height = (uint32_t)(damage->bottom - damage->top),
                       });
    display->unshown = (struct bg_pvgpu_rectangle){0};
}

static struct pvgpu_place place_of(struct pvgpu_resource *resource,
                                   const struct bg_pvgpu_rectangle *area)
{
    return (struct pvgpu_place){
        .resource = resource,
        .box = {.x = (uint32_t)area->left,
                .y = (uint32_t)area->top,
                .width = (uint32_t)(area->right - area->left),
                .height = (uint32_t)(area->bottom - area->top),
                .depth = 1},
    };
}

/* Copies what the slot lacks of the picture, and shows it. */
static struct pvgpu_outcome show(struct bg_pvgpu_display *display, struct pvgpu_context *context,
                                 struct pvgpu_resource *resource, struct bg_pvgpu_rectangle damage)
{
    uint32_t width = resource->level[0].width, height = resource->level[0].height;
    uint32_t format = pvgpu_format_shown_as(resource->format);
    struct bg_pvgpu_rectangle whole = {.right = (int32_t)width, .bottom = (int32_t)height};
    bool changed =
        width != display->width || height != display->height || format != display->format;
    struct pvgpu_outcome outcome = pvgpu_ok();

    display->dropped = find_wait(display, width, height) != PVGPU_DISPLAY_READY;
    if (!display->dropped) {
        outcome = provide_buffer(display, context, width, height);
    }
    if (outcome.code != BG_PVGPU_OK) {
        return outcome;
    }
    add_damage(display, changed ? &whole : &damage, changed);
    display->width = width;
    display->height = height;
    display->format = format;
    if (display->dropped) {
        return outcome;
    }
    int chosen = choose_slot(display); /* one that is free stays free */
    struct pvgpu_display_slot *slot = &display->slot[chosen];
    uint8_t *picture = display->now.memory + (uint64_t)chosen * display->slot_size;
    struct bg_pvgpu_rectangle area = slot->filled ? slot->stale : whole;

    if (!is_empty(&area)) {
        struct pvgpu_place from = place_of(resource, &area);

        share(&display->now, context);
        display->copied = (uint64_t)from.box.width * from.box.height * PIXEL;
        outcome = context->renderer->ops->show(
            context, &from, picture + ((uint64_t)from.box.y * width + from.box.x) * PIXEL,
            width * PIXEL);
    }
    slot->filled = outcome.code == BG_PVGPU_OK;
    if (!slot->filled) {
        return outcome;
    }
    slot->stale = (struct bg_pvgpu_rectangle){0};
    send_picture(display, (uint32_t)chosen);
    free_buffer(&display->before, context);
    return outcome;
}

static struct pvgpu_outcome check_present(const struct pvgpu_context *context,
                                          const struct bg_pvgpu_present *present,
                                          struct pvgpu_resource **resource)
{
    *resource = find_picture(context, present);
    if (*resource == NULL) {
        return pvgpu_fail(BG_PVGPU_ERROR_RESOURCE_NOT_FOUND);
    }
    if ((*resource)->type != BG_PVGPU_RESOURCE_TEXTURE_2D || (*resource)->samples != 1 ||
        present->sync_interval > BG_PVGPU_SYNC_INTERVAL_MAX ||
        (present->flags & ~BG_PVGPU_PRESENT_ALLOW_TEARING)) {
        return pvgpu_fail(BG_PVGPU_ERROR_INVALID_PARAMETER);
    }
    if (!pvgpu_format_shown_as((*resource)->format)) {
        return pvgpu_fail(BG_PVGPU_ERROR_UNSUPPORTED_FORMAT);
    }
    return pvgpu_ok();
}

struct pvgpu_outcome pvgpu_display_present(struct bg_pvgpu_display *display,
                                           struct pvgpu_context *context, const void *command,
                                           uint32_t size, uint64_t now_ns)
{
    const struct bg_pvgpu_present *present = command;
    struct pvgpu_resource *resource;
    struct pvgpu_outcome outcome = check_present(context, present, &resource);
    struct bg_pvgpu_rectangle damage;

    display->dropped = false;
    display->copied = 0;
    if (outcome.code == BG_PVGPU_OK) {
        outcome = find_damage(command, size, resource->level[0].width, resource->level[0].height,
                              &damage);
    }
    if (outcome.code == BG_PVGPU_OK && display->ops != NULL) {
        outcome = show(display, context, resource, damage);
    }
    if (outcome.code == BG_PVGPU_OK) {
        display->presented_ns = now_ns;
    }
    return outcome;
}

/* ---- Resize, reset ---- */

static struct pvgpu_outcome resize_texture(struct pvgpu_context *context, uint32_t id,
                                           uint32_t width, uint32_t height,
                                           const struct pvgpu_format_info *format)
{
    struct pvgpu_resource *resource = pvgpu_resource_find(context, id);

    if (resource == NULL) {
        return pvgpu_fail(BG_PVGPU_ERROR_RESOURCE_NOT_FOUND);
    }
    if (resource->type != BG_PVGPU_RESOURCE_TEXTURE_2D || resource->levels != 1 ||
        (resource->bind_flags & BG_PVGPU_BIND_DEPTH_STENCIL) || resource->views != 0 ||
        resource->map_count != 0 || resource->layers != 1 || resource->samples != 1) {
        return pvgpu_fail(BG_PVGPU_ERROR_INVALID_PARAMETER);
    }
    return pvgpu_resource_resize(context, resource, width, height, format);
}

struct pvgpu_outcome pvgpu_display_resize(struct bg_pvgpu_display *display,
                                          struct pvgpu_context *context,
                                          struct bg_pvgpu_control *control,
                                          const struct bg_pvgpu_resize_buffers *resize)
{
    uint32_t width = resize->width, height = resize->height, number = resize->format;
    const struct pvgpu_format_info *format;
    struct pvgpu_outcome outcome = pvgpu_ok();

    width = width ? width : __atomic_load_n(&control->display_width, __ATOMIC_RELAXED);
    height = height ? height : __atomic_load_n(&control->display_height, __ATOMIC_RELAXED);
    number = number ? number : __atomic_load_n(&control->display_format, __ATOMIC_RELAXED);
    format = pvgpu_format_find(number);
    if (width == 0 || height == 0 || width > BG_PVGPU_TEXTURE_SIDE_MAX ||
        height > BG_PVGPU_TEXTURE_SIDE_MAX || resize->buffer_count > BG_PVGPU_SCANOUT_SLOTS_MAX ||
        resize->flags != 0) {
        return pvgpu_fail(BG_PVGPU_ERROR_INVALID_PARAMETER);
    }
    if (format == NULL || !pvgpu_format_shown_as(format)) {
        return pvgpu_fail(BG_PVGPU_ERROR_UNSUPPORTED_FORMAT);
    }
    if (resize->swapchain) {
        outcome = resize_texture(context, resize->swapchain, width, height, format);
    }
    if (outcome.code != BG_PVGPU_OK) {
        return outcome;
    }
    if (resize->buffer_count) { /* the device keeps one: with less than two nothing could move */
        display->slots_wanted = resize->buffer_count < 2 ? 2 : resize->buffer_count;
    }
    __atomic_store_n(&control->display_width, width, __ATOMIC_RELAXED);
    __atomic_store_n(&control->display_height, height, __ATOMIC_RELAXED);
    __atomic_store_n(&control->display_format, number, __ATOMIC_RELAXED);
    return outcome;
}

void pvgpu_display_reset(struct bg_pvgpu_display *display)
{
    const struct bg_pvgpu_scanout nothing = {0};

    if (display->ops != NULL && display->width) {
        display->ops->show(display->owner, &nothing);
    }
    display->width = display->height = display->format = 0;
    display->slots_wanted = SLOTS_DEFAULT;
    display->presented_ns = 0;
}

void pvgpu_display_close(struct bg_pvgpu_display *display, struct pvgpu_context *context)
{
    free_buffer(&display->before, context);
    free_buffer(&display->now, context);
}
