/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * PRESENT: pictures in a sealed memfd that the device maps, and when they may be shown. The texture
 * is copied once, into a slot that the device does not read. One thread, but for
 * pvgpu_display_take_back.
 */
#ifndef MEDIATOR_PVGPU_DISPLAY_H
#define MEDIATOR_PVGPU_DISPLAY_H

#include <stdbool.h>
#include <stdint.h>

#include "host/mediator/pvgpu/context.h"

struct pvgpu_display_ops {
    /* Takes the descriptor. */
    void (*send_buffer)(void *owner, const struct bg_pvgpu_scanout_buffer *buffer, int fd);
    void (*show)(void *owner, const struct bg_pvgpu_scanout *scanout);
    /* Whether the device has read all that was sent: it has let go of the buffer before then. */
    bool (*is_read)(void *owner);
};

struct pvgpu_display_slot {
    bool with_device; /* atomic: cleared by pvgpu_display_take_back */
    bool filled;
    struct bg_pvgpu_rectangle stale; /* what was presented since it was filled */
};

/* A memfd's mapping. Its size is charged to the session, from the first page to the last. */
struct pvgpu_display_buffer {
    uint8_t *memory; /* NULL: none */
    uint64_t size;
    struct pvgpu_renderer *renderer; /* that was asked to share it; NULL: none yet */
    bool shared;                     /* with it: a copy into it is one DMA */
};

struct bg_pvgpu_display {
    const struct pvgpu_display_ops *ops; /* NULL: nobody looks; presents are paced all the same */
    void *owner;

    uint32_t buffer; /* atomic; 0: none */
    uint32_t slots, slots_wanted;
    uint64_t slot_size;
    struct pvgpu_display_buffer now;
    struct pvgpu_display_buffer before; /* what the screen shows until the first picture of `now` */
    struct pvgpu_display_slot slot[BG_PVGPU_SCANOUT_SLOTS_MAX];

    uint32_t width, height, format;    /* of the last picture; 0: none */
    struct bg_pvgpu_rectangle unshown; /* what was presented since the last one that was shown */
    uint64_t presented_ns;             /* when it was; 0: never */
    bool dropped;                      /* the last present found no slot */
    uint64_t copied;                   /* bytes that the last present copied */
};

void pvgpu_display_init(struct bg_pvgpu_display *display, const struct pvgpu_display_ops *ops,
                        void *owner);

/* When a PRESENT of this interval may run, at so many Hz; 0: now. */
uint64_t pvgpu_display_get_due_ns(const struct bg_pvgpu_display *display, uint32_t sync_interval,
                                  uint32_t refresh_hz);

/* What a PRESENT or PRESENT_REGION has to wait for. */
enum pvgpu_display_wait {
    PVGPU_DISPLAY_READY,
    PVGPU_DISPLAY_SLOT,   /* a slot to write into; pvgpu_display_take_back gives one */
    PVGPU_DISPLAY_READER, /* a new buffer, which the device is not ready for; to be asked again */
};

enum pvgpu_display_wait pvgpu_display_get_wait(const struct bg_pvgpu_display *display,
                                               const struct pvgpu_context *context,
                                               const struct bg_pvgpu_present *present);

/* PRESENT and PRESENT_REGION, at their time. If there is something to wait for nothing is shown,
 * and `dropped` is set. */
struct pvgpu_outcome pvgpu_display_present(struct bg_pvgpu_display *display,
                                           struct pvgpu_context *context, const void *command,
                                           uint32_t size, uint64_t now_ns);

/* Writes display_* of the control region. */
struct pvgpu_outcome pvgpu_display_resize(struct bg_pvgpu_display *display,
                                          struct pvgpu_context *context,
                                          struct bg_pvgpu_control *control,
                                          const struct bg_pvgpu_resize_buffers *resize);

/* The screen goes dark, as at the start. */
void pvgpu_display_reset(struct bg_pvgpu_display *display);

/* Frees what it holds; it is not used again. */
void pvgpu_display_close(struct bg_pvgpu_display *display, struct pvgpu_context *context);

/* The device is done with a slot. Any thread; numbers from outside. */
void pvgpu_display_take_back(struct bg_pvgpu_display *display, uint32_t buffer, uint32_t slot);

#endif
