/* SPDX-License-Identifier: BSD-2-Clause */
#include "firmware/platform/gic_its.h"

#include <stddef.h>

#include "baregpu/error.h"
#include "firmware/platform/gic.h"

#define MSI_TYPER 0x008
#define MSI_TYPER_FIRST(t) ((t) >> 16 & 0x3ff) /* an INTID */
#define MSI_TYPER_COUNT(t) ((t) & 0x3ff)
#define MSI_SETSPI 0x040

struct v2m {
    bool is_read;
    uint32_t first; /* INTIDs */
    uint32_t count;
    uint32_t used[GIC_SPECIAL_FIRST / 32 + 1]; /* by INTID */
};

static struct v2m frames[MACHINE_MSI_FRAMES_MAX];

static int frame_read(const struct machine_msi_frame *described, struct v2m *frame)
{
    void *registers =
        bg_hal_map(described->range.base, described->range.size, BG_HAL_MEMORY_DEVICE);
    uint32_t type;

    if (registers == NULL) {
        return BG_ERR_NO_MEMORY;
    }
    type = bg_mmio_read32(registers, MSI_TYPER);
    frame->first = MSI_TYPER_FIRST(type);
    frame->count = MSI_TYPER_COUNT(type);
    if (described->spi_count) {
        frame->first = GIC_BANKED_COUNT + described->spi_first;
        frame->count = described->spi_count;
    }
    if (frame->first < GIC_BANKED_COUNT || frame->first >= gic.spi_end) {
        frame->count = 0;
    } else if (frame->count > gic.spi_end - frame->first) {
        frame->count = gic.spi_end - frame->first;
    }
    frame->is_read = true;
    return BG_OK;
}

static int frame_find(uint32_t phandle, struct v2m **frame, uint64_t *doorbell)
{
    for (uint32_t i = 0; i < MACHINE_MSI_FRAMES_MAX; i++) {
        if (machine.gic_v2m[i].range.size == 0 || machine.gic_v2m[i].phandle != phandle) {
            continue;
        }
        *frame = &frames[i];
        *doorbell = machine.gic_v2m[i].range.base + MSI_SETSPI;
        return frames[i].is_read ? BG_OK : frame_read(&machine.gic_v2m[i], &frames[i]);
    }
    return BG_ERR_NOT_FOUND;
}

static bool is_used(const struct v2m *frame, uint32_t intid)
{
    return frame->used[intid / 32] >> intid % 32 & 1;
}

static void set_used(struct v2m *frame, uint32_t intid, bool used)
{
    if (used) {
        frame->used[intid / 32] |= 1u << intid % 32;
    } else {
        frame->used[intid / 32] &= ~(1u << intid % 32);
    }
}

/* The first of `run` free SPIs, its number a multiple of `run`, a power of two; 0: none. */
static uint32_t run_find(const struct v2m *frame, uint32_t run)
{
    uint32_t end = frame->first + frame->count;

    for (uint32_t first = (frame->first + run - 1) & ~(run - 1); first + run <= end; first += run) {
        uint32_t n = 0;

        while (n < run && !is_used(frame, first + n)) {
            n++;
        }
        if (n == run) {
            return first;
        }
    }
    return 0;
}

int v2m_alloc(uint32_t phandle, unsigned count, bool is_block, struct bg_hal_msi *messages)
{
    struct v2m *frame;
    uint64_t doorbell;
    uint32_t run = 1;
    unsigned done = 0;
    int error = frame_find(phandle, &frame, &doorbell);

    if (error) {
        return error;
    }
    if (is_block) {
        while (run * 2 <= count && run * 2 <= frame->count) {
            run *= 2;
        }
        while (run > 1 && run_find(frame, run) == 0) {
            run /= 2;
        }
        count = run;
    }
    while (done < count) {
        uint32_t first = run_find(frame, run);

        if (first == 0) {
            break;
        }
        for (uint32_t i = 0; i < run; i++) {
            set_used(frame, first + i, true);
            messages[done++] = (struct bg_hal_msi){
                .address = doorbell,
                .data = first + i,
                .interrupt = first + i,
            };
        }
    }
    return done ? (int)done : BG_ERR_NO_SPACE;
}

void v2m_free(uint32_t phandle, const struct bg_hal_msi *messages, unsigned count)
{
    struct v2m *frame;
    uint64_t doorbell;

    if (frame_find(phandle, &frame, &doorbell)) {
        return;
    }
    for (unsigned i = 0; i < count; i++) {
        if (messages[i].interrupt >= frame->first &&
            messages[i].interrupt - frame->first < frame->count) {
            set_used(frame, messages[i].interrupt, false);
        }
    }
}
