/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pvgpu: the console, see the header. */
#include "qemu/osdep.h"
#include <linux/magic.h>
#include <sys/mman.h>
#include <sys/vfs.h>
#include "compat.h"
#include "pvgpu-scanout.h"
#include "trace.h"

/* A mapping of one SCANOUT_BUFFER. Counted: the present one, and one for each picture in use. */
struct PVGPUPictures {
    unsigned references;
    PVGPUScanout *scanout; /* NULL: pictures need not be given back any more */
    struct bg_pvgpu_scanout_buffer buffer;
    uint8_t *data;
};

/* What a surface's image holds on to. */
typedef struct PVGPUPictureUse {
    PVGPUPictures *pictures;
    uint32_t slot;
} PVGPUPictureUse;

/* ---- Pictures ---- */

static void pictures_unref(PVGPUPictures *pictures)
{
    if (--pictures->references == 0) {
        munmap(pictures->data, pictures->buffer.size);
        g_free(pictures);
    }
}

/* They are not shown again, and none of them is given back. */
static void drop_pictures(PVGPUScanout *scanout)
{
    if (scanout->pictures != NULL) {
        scanout->pictures->scanout = NULL;
        pictures_unref(scanout->pictures);
        scanout->pictures = NULL;
    }
}

static bool is_shown(const PVGPUScanout *scanout, uint32_t buffer, uint32_t slot)
{
    return scanout->shows_session && scanout->shown.width && scanout->shown.buffer == buffer &&
           scanout->shown.slot == slot;
}

/* The last reference to a surface's image has gone (pixman_image_destroy_func_t). */
static void picture_unused(pixman_image_t *image, void *opaque)
{
    PVGPUPictureUse *use = opaque;
    PVGPUPictures *pictures = use->pictures;
    PVGPUScanout *scanout = pictures->scanout;

    /* The same picture may have been shown again with other sizes. */
    if (scanout != NULL && !is_shown(scanout, pictures->buffer.buffer, use->slot)) {
        scanout->done(scanout->opaque, pictures->buffer.buffer, use->slot);
    }
    pictures_unref(pictures);
    g_free(use);
}

/*
 * The file must be one that cannot shrink under us: a read behind its end would end QEMU. That is
 * so for a sealed memfd; other file systems (hugetlbfs, FUSE) have other ways to fail a read.
 */
static const char *check_file(int fd, const struct bg_pvgpu_scanout_buffer *buffer,
                              uint32_t previous)
{
    const int wanted = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;
    int seals = fcntl(fd, F_GET_SEALS);
    struct statfs system;
    struct stat file;

    if (seals < 0 || (seals & wanted) != wanted) {
        return "not a memfd sealed against shrinking, growing and sealing";
    }
    if (fstatfs(fd, &system) < 0 || system.f_type != TMPFS_MAGIC || fstat(fd, &file) < 0) {
        return "not a memfd of normal pages";
    }
    return pvgpu_check_scanout_buffer(buffer, file.st_size, previous);
}

const char *pvgpu_scanout_set_buffer(PVGPUScanout *scanout,
                                     const struct bg_pvgpu_scanout_buffer *buffer, int fd)
{
    const char *wrong = check_file(fd, buffer, scanout->buffer);
    PVGPUPictures *pictures;
    void *data;

    if (wrong != NULL) {
        close(fd);
        return wrong;
    }
    data = mmap(NULL, buffer->size, PROT_READ, MAP_SHARED, fd, 0);
    close(fd);
    if (data == MAP_FAILED) {
        return "it cannot be mapped";
    }
    drop_pictures(scanout);
    pictures = g_new0(PVGPUPictures, 1);
    pictures->references = 1;
    pictures->scanout = scanout;
    pictures->buffer = *buffer;
    pictures->data = data;
    scanout->pictures = pictures;
    scanout->buffer = buffer->buffer;
    trace_pvgpu_scanout_buffer(buffer->buffer, buffer->slots, buffer->slot_size);
    return NULL;
}

/* ---- The console ---- */

static pixman_format_code_t pixman_format(uint32_t format)
{
    /* Named by their bytes in memory; alpha is not shown. */
    return format == BG_PVGPU_FORMAT_R8G8B8A8_UNORM ? PIXMAN_BE_r8g8b8x8 : PIXMAN_BE_b8g8r8x8;
}

static bool is_same_picture(const struct bg_pvgpu_scanout *a, const struct bg_pvgpu_scanout *b)
{
    return a->buffer == b->buffer && a->slot == b->slot && a->width == b->width &&
           a->height == b->height && a->stride == b->stride && a->format == b->format;
}

static void switch_surface(PVGPUScanout *scanout, const struct bg_pvgpu_scanout *picture)
{
    PVGPUPictures *pictures = scanout->pictures;
    uint8_t *data = pictures->data + picture->slot * pictures->buffer.slot_size;
    DisplaySurface *surface = qemu_create_displaysurface_from(
        picture->width, picture->height, pixman_format(picture->format), picture->stride, data);
    PVGPUPictureUse *use = g_new0(PVGPUPictureUse, 1);

    use->pictures = pictures;
    use->slot = picture->slot;
    pictures->references++;
    pixman_image_set_destroy_function(surface->image, picture_unused, use);
    scanout->shown = *picture; /* before picture_unused() is called for the one before */
    scanout->shows_session = true;
    qemu_console_set_surface(scanout->console, surface);
}

const char *pvgpu_scanout_show(PVGPUScanout *scanout, const struct bg_pvgpu_scanout *picture)
{
    const char *wrong =
        pvgpu_check_scanout(picture, scanout->pictures != NULL ? &scanout->pictures->buffer : NULL);

    if (wrong != NULL) {
        return wrong;
    }
    trace_pvgpu_scanout(picture->buffer, picture->slot, picture->width, picture->height,
                        picture->damage_width, picture->damage_height);
    if (picture->width == 0) {
        pvgpu_scanout_hide(scanout);
        return NULL;
    }
    if (!scanout->shows_session || !is_same_picture(&scanout->shown, picture)) {
        switch_surface(scanout, picture);
    }
    qemu_console_update(scanout->console, picture->damage_x, picture->damage_y,
                        picture->damage_width, picture->damage_height);
    scanout->shown_count++;
    return NULL;
}

void pvgpu_scanout_hide(PVGPUScanout *scanout)
{
    if (scanout->shown.width) {
        scanout->shown.width = 0;
        qemu_console_set_surface(scanout->console, NULL);
    }
}

void pvgpu_scanout_end_session(PVGPUScanout *scanout)
{
    drop_pictures(scanout);
    scanout->buffer = 0;
    scanout->shows_session = false;
}

/* ---- Life ---- */

void pvgpu_scanout_init(PVGPUScanout *scanout, DeviceState *device, const GraphicHwOps *ops,
                        void (*done)(void *opaque, uint32_t buffer, uint32_t slot), void *opaque)
{
    scanout->done = done;
    scanout->opaque = opaque;
    scanout->console = qemu_graphic_console_create(device, 0, ops, opaque);
}

void pvgpu_scanout_cleanup(PVGPUScanout *scanout)
{
    pvgpu_scanout_end_session(scanout);
    qemu_graphic_console_close(scanout->console);
}
