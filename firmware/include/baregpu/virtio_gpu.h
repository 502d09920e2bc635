/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Screens through a virtio-gpu device, without its protocol:
 *
 *     static struct bg_virtio_gpu gpu;
 *     static struct bg_virtio_gpu_display display;
 *
 *     bg_virtio_gpu_open_pci(&gpu, host, NULL, NULL);
 *     bg_virtio_gpu_display_open(&display, &gpu, NULL);
 *     struct bg_virtio_gpu_framebuffer *fb = bg_virtio_gpu_display_buffer(&display);
 *     uint32_t *row = bg_virtio_gpu_row(fb, 10);
 *     row[20] = bg_virtio_gpu_pixel(fb->format, 255, 0, 0, 255);
 *     bg_virtio_gpu_display_damage(&display, 20, 10, 1, 1);
 *     bg_virtio_gpu_display_present(&display);
 *
 * Each command of the device by its name, and the errors: baregpu/virtio_gpu_command.h. The caller
 * owns all structures; memory is taken from the HAL in the calls that say so and nowhere else.
 * Calls on one GPU are not reentrant and not for interrupt handlers. Those that talk to the device
 * wait for at most the GPU's time-out for each command, or batch of commands, that they send.
 */
#ifndef BAREGPU_VIRTIO_GPU_H
#define BAREGPU_VIRTIO_GPU_H

#include "baregpu/edid.h"
#include "baregpu/virtio_gpu_command.h"
#include "protocol/decls.h"

BG_BEGIN_DECLS

/* ---- Pixels: four bytes each ---- */

extern const uint32_t bg_virtio_gpu_formats[BG_VIRTIO_GPU_FORMAT_COUNT];

#define BG_VIRTIO_GPU_FORMAT_DEFAULT BG_VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM

/* The value to store for a colour, of a format in bg_virtio_gpu_formats; where the format has no
 * alpha its byte is 255. */
uint32_t bg_virtio_gpu_pixel(uint32_t format, uint8_t red, uint8_t green, uint8_t blue,
                             uint8_t alpha);

struct bg_virtio_gpu_color {
    uint8_t red, green, blue, alpha;
};

/* The reverse; alpha is 255 where the format has none. */
struct bg_virtio_gpu_color bg_virtio_gpu_color_of(uint32_t format, uint32_t pixel);

/* "B8G8R8X8", "unknown"; never NULL. */
const char *bg_virtio_gpu_format_name(uint32_t format);

/* ---- Damage: what has been drawn and not shown ---- */

#define BG_VIRTIO_GPU_DAMAGE_MAX 8u /* rectangles; each costs two commands, more are joined */

struct bg_virtio_gpu_damage {
    uint32_t count;
    struct bg_virtio_gpu_rect rects[BG_VIRTIO_GPU_DAMAGE_MAX];
};

/*
 * Adds a rectangle, cut to width x height. Rectangles are joined where that costs fewer pixels than
 * another command, and the two that grow least when there are too many; they always cover all that
 * was added.
 */
void bg_virtio_gpu_damage_add(struct bg_virtio_gpu_damage *damage, uint32_t width, uint32_t height,
                              const struct bg_virtio_gpu_rect *rect);

/* ---- Framebuffers: memory, and the device's resource for it ---- */

#define BG_VIRTIO_GPU_FRAME_OPS (2 * BG_VIRTIO_GPU_DAMAGE_MAX + 1)

/* Commands of one frame. Private. */
struct bg_virtio_gpu_frame {
    unsigned count;
    struct bg_virtio_gpu_op ops[BG_VIRTIO_GPU_FRAME_OPS];
};

struct bg_virtio_gpu_framebuffer {
    /* May be read. */
    struct bg_virtio_gpu *gpu;
    void *pixels;
    uint32_t width, height;
    uint32_t stride; /* bytes from a row to the next */
    uint32_t format; /* enum bg_virtio_gpu_formats */
    uint32_t resource_id;
    uint32_t old_resource_id; /* on the same memory, from before a resize; 0: none */
    bool is_blob;             /* the device reads `pixels` itself: nothing is transferred */
    /* Private. */
    bool is_shared; /* the memory is another framebuffer's */
    size_t capacity;
    uint64_t bus_address;
    struct bg_virtio_gpu_damage damage;
    struct bg_virtio_gpu_frame frame;
};

/*
 * Takes memory from the HAL, for pictures of up to `capacity` bytes (0: width * height * 4), and
 * creates a resource: a blob in guest memory where the device has those. Errors: INVALID (size,
 * format), NO_MEMORY, and the device's. When fb->pixels is not NULL after one, the device may still
 * use the memory, and bg_virtio_gpu_framebuffer_destroy gives it back later.
 */
int bg_virtio_gpu_framebuffer_create(struct bg_virtio_gpu_framebuffer *fb,
                                     struct bg_virtio_gpu *gpu, uint32_t width, uint32_t height,
                                     uint32_t format, size_t capacity);

/*
 * Turns off the scanouts that show it (the device does) and gives the memory back. After an error
 * the device may still use the memory, so it is not given back: this may be tried again, also after
 * bg_virtio_gpu_restart or bg_virtio_gpu_close, which end the device's use for certain.
 */
int bg_virtio_gpu_framebuffer_destroy(struct bg_virtio_gpu_framebuffer *fb);

/*
 * Another size in the same memory, cleared, as a new resource. The one before may still be shown
 * and becomes the old one, which bg_virtio_gpu_framebuffer_release_old, the next resize or the
 * destruction has the device forget. After an error the size before goes on. NO_SPACE: larger than
 * its capacity. Others: of the last frame, if it was not waited for, and the device's.
 */
int bg_virtio_gpu_framebuffer_resize(struct bg_virtio_gpu_framebuffer *fb, uint32_t width,
                                     uint32_t height);

/* Turns off the scanouts that show the old resource, and ends it. After an error it is still there,
 * and this may be tried again. */
int bg_virtio_gpu_framebuffer_release_old(struct bg_virtio_gpu_framebuffer *fb);

static inline uint32_t *bg_virtio_gpu_row(const struct bg_virtio_gpu_framebuffer *fb, uint32_t y)
{
    return (uint32_t *)((uint8_t *)fb->pixels + (size_t)y * fb->stride);
}

/* This has been drawn: cut to the framebuffer. Talks to nobody. */
void bg_virtio_gpu_framebuffer_damage(struct bg_virtio_gpu_framebuffer *fb, uint32_t x, uint32_t y,
                                      uint32_t width, uint32_t height);

/* Shows the damage wherever the framebuffer is scanned out: transfers and flushes with one
 * notification, and waits until the device is done with the memory. After an error of the device
 * all of it is damaged, and is shown by the next one. */
int bg_virtio_gpu_framebuffer_flush(struct bg_virtio_gpu_framebuffer *fb);

/* The same in two steps: the memory under the damage must not be written between them. */
int bg_virtio_gpu_framebuffer_flush_begin(struct bg_virtio_gpu_framebuffer *fb);
int bg_virtio_gpu_framebuffer_flush_end(struct bg_virtio_gpu_framebuffer *fb);

/* Shows `rect` of it (NULL: all) on a scanout: several may show one framebuffer, or parts of it. */
int bg_virtio_gpu_framebuffer_show(struct bg_virtio_gpu_framebuffer *fb, uint32_t scanout,
                                   const struct bg_virtio_gpu_rect *rect);

/* ---- Displays: a scanout with one or two framebuffers ---- */

#define BG_VIRTIO_GPU_FALLBACK_WIDTH 1024u /* virtio 1.4, 5.7.5 */
#define BG_VIRTIO_GPU_FALLBACK_HEIGHT 768u
#define BG_VIRTIO_GPU_DISPLAY_SIZE_MAX 16384u /* a device that tells more is not believed */

struct bg_virtio_gpu_display_options {
    uint32_t scanout;
    uint32_t width, height;         /* 0: what the device prefers, else 1024 x 768 */
    uint32_t min_width, min_height; /* of what the device prefers (QEMU shows none below 16 x 16) */
    uint32_t max_width, max_height; /* memory for mode changes, also a limit of what the device
                                     * prefers; 0: the same as width and height */
    uint32_t format;                /* 0: BG_VIRTIO_GPU_FORMAT_DEFAULT */
    bool is_double_buffered;        /* page flips: no picture is seen half drawn */
};

struct bg_virtio_gpu_display {
    struct bg_virtio_gpu *gpu;
    uint32_t scanout;
    uint32_t width, height;
    /* Private. */
    unsigned buffer_count, back;
    struct bg_virtio_gpu_framebuffer buffers[2];
};

/* Creates the framebuffers (memory from the HAL), black, and shows the first. `options` may be
 * NULL. Errors: RANGE (no such scanout), those of bg_virtio_gpu_framebuffer_create, and the
 * device's.
 */
int bg_virtio_gpu_display_open(struct bg_virtio_gpu_display *display, struct bg_virtio_gpu *gpu,
                               const struct bg_virtio_gpu_display_options *options);

/* Turns the scanout off and gives the memory back. After an error the device may still use some of
 * it: as bg_virtio_gpu_framebuffer_destroy, this may be tried again. */
int bg_virtio_gpu_display_close(struct bg_virtio_gpu_display *display);

/* Where to draw now. It may change with bg_virtio_gpu_display_present when there are two. */
static inline struct bg_virtio_gpu_framebuffer *
bg_virtio_gpu_display_buffer(struct bg_virtio_gpu_display *display)
{
    return &display->buffers[display->back];
}

/* This has been drawn. */
void bg_virtio_gpu_display_damage(struct bg_virtio_gpu_display *display, uint32_t x, uint32_t y,
                                  uint32_t width, uint32_t height);

/*
 * Shows what was drawn: one notification, and a page flip when there are two buffers. Afterwards
 * both buffers hold the same picture: with blobs what this frame changed is copied to the next one;
 * else both are the same memory, for what is shown is the device's own copy.
 */
int bg_virtio_gpu_display_present(struct bg_virtio_gpu_display *display);

/* The same in two steps: until the second one, nothing may be drawn. */
int bg_virtio_gpu_display_present_begin(struct bg_virtio_gpu_display *display);
int bg_virtio_gpu_display_present_end(struct bg_virtio_gpu_display *display);

/*
 * Another resolution; the picture is cleared. NO_SPACE: larger than max_width * max_height. After
 * an error the display goes on in its old mode, cleared too where the device got that far; but when
 * display->width and height are the new ones, only the old resources are still there, and go with
 * the next change of mode or the end of the display.
 */
int bg_virtio_gpu_display_set_mode(struct bg_virtio_gpu_display *display, uint32_t width,
                                   uint32_t height);

/* After bg_virtio_gpu_restart: makes the resources anew and shows the picture that is in the
 * memory.
 */
int bg_virtio_gpu_display_restore(struct bg_virtio_gpu_display *display);

/* ---- What is connected ---- */

struct bg_virtio_gpu_screen {
    bool is_enabled;
    struct bg_virtio_gpu_rect rect; /* position among the displays, and preferred size */
    bool has_edid;
    struct bg_edid edid;
};

/* Asks for display information, and for EDID where the device has it; damaged EDID is none. Errors:
 * RANGE, the device's. */
int bg_virtio_gpu_get_screen(struct bg_virtio_gpu *gpu, uint32_t scanout,
                             struct bg_virtio_gpu_screen *screen);

struct bg_virtio_gpu_mode {
    uint32_t width, height;
    uint32_t refresh_mhz; /* 0: not told */
    bool is_preferred;
};

/* Writes up to `capacity` modes, the preferred one first and no size twice; returns how many: at
 * least one when there is room. The window's size is left out when it is beyond
 * BG_VIRTIO_GPU_DISPLAY_SIZE_MAX. */
size_t bg_virtio_gpu_screen_modes(const struct bg_virtio_gpu_screen *screen,
                                  struct bg_virtio_gpu_mode *modes, size_t capacity);

/*
 * Asks whether displays have changed (a window was resized, a screen was plugged): one register
 * read when not. Returns 1 and the scanouts that did, bit by bit, after gpu->displays was read
 * again; 0; or an error, and then the next call tells. A change is one against the last call that
 * returned 1, at first against the first time that the displays were asked for.
 */
int bg_virtio_gpu_poll_displays(struct bg_virtio_gpu *gpu, uint32_t *changed);

/* Reads gpu->displays: as the device tells it, sizes and places are not checked. */
int bg_virtio_gpu_update_displays(struct bg_virtio_gpu *gpu);

/* ---- Cursor: 64 x 64 pixels that the device draws above the picture ---- */

struct bg_virtio_gpu_cursor {
    struct bg_virtio_gpu *gpu;
    struct bg_virtio_gpu_cursor_state state;
    bool is_visible;
    /* Private. */
    struct bg_virtio_gpu_framebuffer image;
    struct bg_virtio_gpu_op op;
};

/* Memory from the HAL; transparent and hidden. */
int bg_virtio_gpu_cursor_create(struct bg_virtio_gpu_cursor *cursor, struct bg_virtio_gpu *gpu);
int bg_virtio_gpu_cursor_destroy(struct bg_virtio_gpu_cursor *cursor);

/* `argb` is 64 rows of 64 pixels 0xAARRGGBB; the hot spot is the point that points. */
int bg_virtio_gpu_cursor_set_image(struct bg_virtio_gpu_cursor *cursor, const uint32_t *argb,
                                   uint32_t hot_x, uint32_t hot_y);
int bg_virtio_gpu_cursor_show(struct bg_virtio_gpu_cursor *cursor, uint32_t scanout, uint32_t x,
                              uint32_t y);

/* Waits for the move before this one, not for this one; and when that one failed, tells its error
 * and does not move. INVALID while hidden. */
int bg_virtio_gpu_cursor_move(struct bg_virtio_gpu_cursor *cursor, uint32_t x, uint32_t y);
int bg_virtio_gpu_cursor_hide(struct bg_virtio_gpu_cursor *cursor);

/* ---- Host memory in the host-visible region ---- */

struct bg_virtio_gpu_mapping {
    uint32_t resource_id;
    uint64_t offset, size;              /* in the region; size 0: it has no place there */
    void *memory;                       /* NULL: nothing that may be accessed */
    uint32_t cache;                     /* VIRTIO_GPU_MAP_CACHE_* */
    struct bg_virtio_gpu_mapping *next; /* private */
};

/*
 * Maps `size` bytes of a host blob at a free place. The memory is Normal where the device says that
 * it is cached, else Device: there, aligned accesses only. A page of the region that was one of
 * them never becomes the other. Errors: INVALID (the blob is mapped already, `mapping` is in use,
 * size 0), UNSUPPORTED (no region), NO_SPACE (no hole of this size), NO_MEMORY (the HAL), the
 * device's. When mapping->size is not 0 after one, the device may have mapped the blob all the
 * same: then *mapping is in use and keeps its place until bg_virtio_gpu_blob_unmap ends that.
 */
int bg_virtio_gpu_blob_map(struct bg_virtio_gpu *gpu, struct bg_virtio_gpu_mapping *mapping,
                           uint32_t resource_id, uint64_t size);

/* The memory must not be accessed from here on. After an error *mapping is still in use and keeps
 * its place: this may be tried again. bg_virtio_gpu_restart and bg_virtio_gpu_close end all
 * mappings. INVALID: it is not in use. */
int bg_virtio_gpu_blob_unmap(struct bg_virtio_gpu *gpu, struct bg_virtio_gpu_mapping *mapping);

BG_END_DECLS

#endif
