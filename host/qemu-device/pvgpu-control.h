/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pvgpu: the control region at the start of the shared memory: little-endian words that guest and
 * backend read at any time. */
#ifndef HW_MISC_BAREGPU_PVGPU_CONTROL_H
#define HW_MISC_BAREGPU_PVGPU_CONTROL_H

#include "protocol/pvgpu.h"
#include "qemu/atomic.h"
#include "qemu/bswap.h"

static inline void pvgpu_set32(uint32_t *word, uint32_t value)
{
    qatomic_store_release(word, cpu_to_le32(value));
}

static inline void pvgpu_set64(uint64_t *word, uint64_t value)
{
    qatomic_store_release(word, cpu_to_le64(value));
}

static inline bool pvgpu_control_has_status(const struct bg_pvgpu_control *control, uint32_t bits)
{
    return (le32_to_cpu(qatomic_load_acquire(&control->status)) & bits) == bits;
}

void pvgpu_control_change_status(struct bg_pvgpu_control *control, uint32_t clear, uint32_t set);

/* As at the start. A backend that reads meanwhile finds what was there before, or what will be:
 * never a wrong magic number or size, or a count of resets that there was not. */
void pvgpu_control_clear(struct bg_pvgpu_control *control, uint64_t shmem_size, uint64_t features);

#endif
