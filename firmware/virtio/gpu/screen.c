/* SPDX-License-Identifier: BSD-2-Clause */
/* What is connected, and when that changes: virtio 1.4, 5.7.4.2 and 5.7.5. */
#include "firmware/virtio/gpu/display.h"

#include "firmware/common/mem.h"

int bg_virtio_gpu_update_displays(struct bg_virtio_gpu *gpu)
{
    int error = bg_virtio_gpu_cmd_get_display_info(gpu, NULL, gpu->displays);

    if (error == 0 && !gpu->has_polled_displays) { /* from here on there are changes */
        memcpy(gpu->polled_displays, gpu->displays, sizeof(gpu->displays));
        gpu->has_polled_displays = true;
    }
    return error;
}

int bg_virtio_gpu_get_screen(struct bg_virtio_gpu *gpu, uint32_t scanout,
                             struct bg_virtio_gpu_screen *screen)
{
    uint8_t bytes[BG_VIRTIO_GPU_EDID_MAX];
    uint32_t length = 0;
    int error;

    memset(screen, 0, sizeof(*screen));
    if (scanout >= gpu->scanout_count) {
        return BG_ERR_RANGE;
    }
    error = bg_virtio_gpu_update_displays(gpu);
    if (error < 0) {
        return error;
    }
    screen->is_enabled = gpu->displays[scanout].enabled != 0;
    screen->rect = gpu->displays[scanout].r;
    if (bg_virtio_gpu_has(gpu, BG_VIRTIO_GPU_F_EDID)) {
        error = bg_virtio_gpu_cmd_get_edid(gpu, NULL, scanout, bytes, sizeof(bytes), &length);
        screen->has_edid = error == 0 && bg_edid_parse(bytes, length, &screen->edid) == 0;
    }
    return gpu->error; /* a scanout without EDID is no error */
}

struct mode_list {
    struct bg_virtio_gpu_mode *modes;
    size_t count, capacity;
};

static void add_mode(struct mode_list *list, uint32_t width, uint32_t height, uint32_t refresh_mhz)
{
    for (size_t i = 0; i < list->count; i++) {
        struct bg_virtio_gpu_mode *known = &list->modes[i];

        if (known->width == width && known->height == height) {
            if (known->refresh_mhz == 0) {
                known->refresh_mhz = refresh_mhz;
            }
            return;
        }
    }
    if (list->count < list->capacity) {
        list->modes[list->count] = (struct bg_virtio_gpu_mode){
            .width = width,
            .height = height,
            .refresh_mhz = refresh_mhz,
            .is_preferred = list->count == 0,
        };
        list->count++;
    }
}

size_t bg_virtio_gpu_screen_modes(const struct bg_virtio_gpu_screen *screen,
                                  struct bg_virtio_gpu_mode *modes, size_t capacity)
{
    struct mode_list list = {.modes = modes, .capacity = capacity};
    const struct bg_edid_mode *best = screen->has_edid ? bg_edid_preferred(&screen->edid) : NULL;

    if (screen->is_enabled && gpu_is_display_size(&screen->rect)) {
        add_mode(&list, screen->rect.width, screen->rect.height, 0);
    }
    if (best != NULL) {
        add_mode(&list, best->width, best->height, best->refresh_mhz);
    }
    for (size_t i = 0; screen->has_edid && i < screen->edid.mode_count; i++) {
        const struct bg_edid_mode *mode = &screen->edid.modes[i];

        add_mode(&list, mode->width, mode->height, mode->refresh_mhz);
    }
    if (list.count == 0) {
        add_mode(&list, BG_VIRTIO_GPU_FALLBACK_WIDTH, BG_VIRTIO_GPU_FALLBACK_HEIGHT, 0);
    }
    return list.count;
}

static bool is_same(const struct bg_virtio_gpu_display_one *a,
                    const struct bg_virtio_gpu_display_one *b)
{
    return memcmp(&a->r, &b->r, sizeof(a->r)) == 0 && a->enabled == b->enabled;
}

/* Acknowledges an event, which is open then. Acknowledged before the displays are asked for: what
 * changes from there on is a new event. */
static int take_display_event(struct bg_virtio_gpu *gpu)
{
    uint32_t events = 0;
    int error = bg_virtio_config_read32(
        gpu->device, offsetof(struct bg_virtio_gpu_config, events_read), &events);

    if (error < 0 || !(events & BG_VIRTIO_GPU_EVENT_DISPLAY)) {
        return error;
    }
    error = bg_virtio_config_write(gpu->device, offsetof(struct bg_virtio_gpu_config, events_clear),
                                   sizeof(uint32_t), BG_VIRTIO_GPU_EVENT_DISPLAY);
    if (error == 0) {
        gpu->is_display_event_open = true;
    }
    return error;
}

int bg_virtio_gpu_poll_displays(struct bg_virtio_gpu *gpu, uint32_t *changed)
{
    int error = gpu->error ?: take_display_event(gpu);

    *changed = 0;
    if (error < 0 || !gpu->is_display_event_open) {
        return error;
    }
    error = bg_virtio_gpu_update_displays(gpu);
    if (error < 0) {
        return error;
    }
    gpu->is_display_event_open = false;
    for (uint32_t i = 0; i < gpu->scanout_count; i++) {
        *changed |= (uint32_t)!is_same(&gpu->polled_displays[i], &gpu->displays[i]) << i;
    }
    memcpy(gpu->polled_displays, gpu->displays, sizeof(gpu->displays));
    return 1;
}
