/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pvgpu: what the backend presents, on a console of QEMU's.
 *
 * The pictures lie in a sealed memfd of the backend's. The console's surface points into its
 * mapping: nothing is copied here. A picture is given back when nothing in QEMU refers to it any
 * more, a screendump in progress, for instance; the mapping goes with the last of them.
 */
#ifndef HW_MISC_BAREGPU_PVGPU_SCANOUT_H
#define HW_MISC_BAREGPU_PVGPU_SCANOUT_H

#include "pvgpu-message.h"
#include "ui/console.h"

typedef struct PVGPUPictures PVGPUPictures;

typedef struct PVGPUScanout {
    QemuConsole *console;
    PVGPUPictures *pictures;       /* the present buffer's, or NULL */
    uint32_t buffer;               /* number of the last one in this session */
    struct bg_pvgpu_scanout shown; /* width 0: nothing */
    bool shows_session;            /* and it is of this session */
    /* The backend may write into this picture again. */
    void (*done)(void *opaque, uint32_t buffer, uint32_t slot);
    void *opaque;

    uint64_t shown_count; /* statistics */
} PVGPUScanout;

void pvgpu_scanout_init(PVGPUScanout *scanout, DeviceState *device, const GraphicHwOps *ops,
                        void (*done)(void *opaque, uint32_t buffer, uint32_t slot), void *opaque);
void pvgpu_scanout_cleanup(PVGPUScanout *scanout);

/* Each takes what has been received as it is, and returns NULL, or what is wrong with it. @fd is
 * closed here. */
const char *pvgpu_scanout_set_buffer(PVGPUScanout *scanout,
                                     const struct bg_pvgpu_scanout_buffer *buffer, int fd);
const char *pvgpu_scanout_show(PVGPUScanout *scanout, const struct bg_pvgpu_scanout *picture);

/* The session has ended: what is shown stays, and is nobody's. */
void pvgpu_scanout_end_session(PVGPUScanout *scanout);

/* Shows nothing. */
void pvgpu_scanout_hide(PVGPUScanout *scanout);

#endif
