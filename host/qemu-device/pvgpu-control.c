/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pvgpu: the control region, see the header. */
#include "qemu/osdep.h"
#include "pvgpu-control.h"

void pvgpu_control_change_status(struct bg_pvgpu_control *control, uint32_t clear, uint32_t set)
{
    qatomic_and(&control->status, cpu_to_le32(~clear));
    qatomic_or(&control->status, cpu_to_le32(set));
}

static void describe_memory(struct bg_pvgpu_control *c, uint64_t shmem_size, uint64_t features)
{
    pvgpu_set32(&c->version, BG_PVGPU_VERSION);
    pvgpu_set64(&c->features, features);
    pvgpu_set32(&c->ring_offset, BG_PVGPU_RING_OFFSET);
    pvgpu_set32(&c->ring_size, BG_PVGPU_RING_SIZE);
    pvgpu_set32(&c->heap_offset, BG_PVGPU_HEAP_OFFSET);
    pvgpu_set32(&c->heap_size, shmem_size - BG_PVGPU_HEAP_OFFSET);
    pvgpu_set32(&c->display_width, BG_PVGPU_DISPLAY_WIDTH_DEFAULT);
    pvgpu_set32(&c->display_height, BG_PVGPU_DISPLAY_HEIGHT_DEFAULT);
    pvgpu_set32(&c->display_refresh, BG_PVGPU_DISPLAY_REFRESH_DEFAULT);
    pvgpu_set32(&c->display_format, BG_PVGPU_DISPLAY_FORMAT_DEFAULT);
    pvgpu_set32(&c->magic, BG_PVGPU_MAGIC);
}

static void zero(struct bg_pvgpu_control *control, size_t from, size_t to)
{
    memset((uint8_t *)control + from, 0, to - from);
}

void pvgpu_control_clear(struct bg_pvgpu_control *control, uint64_t shmem_size, uint64_t features)
{
    zero(control, offsetof(struct bg_pvgpu_control, producer_ptr),
         offsetof(struct bg_pvgpu_control, reset_request));
    zero(control, offsetof(struct bg_pvgpu_control, reset_request) + sizeof(uint32_t),
         BG_PVGPU_CONTROL_SIZE);
    describe_memory(control, shmem_size, features);
}
