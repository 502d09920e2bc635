/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Access to device registers. Each call is one plain load or store with base register and no
 * write-back: a hypervisor that emulates the access can decode no other form (Arm ARM, ESR_EL2
 * ISS encoding for data aborts: ISV is 0 for pairs and write-back).
 *
 * A register holds little-endian values and so does the CPU. `base` comes from bg_hal_map. Callable
 * from anywhere.
 */
#ifndef BAREGPU_MMIO_H
#define BAREGPU_MMIO_H

#include <stdint.h>

#include "baregpu/barrier.h"
#include "protocol/decls.h"

BG_BEGIN_DECLS

#ifdef __aarch64__

#define BG_MMIO_ACCESSOR(bits, width, suffix)                                                      \
    static inline uint##bits##_t bg_mmio_read##bits(const void *base, uint64_t offset)             \
    {                                                                                              \
        uint##bits##_t value;                                                                      \
        __asm__ volatile("ldr" suffix " %" width "0, [%1]"                                         \
                         : "=r"(value)                                                             \
                         : "r"((uintptr_t)base + offset)                                           \
                         : "memory");                                                              \
        return value;                                                                              \
    }                                                                                              \
    static inline void bg_mmio_write##bits(void *base, uint64_t offset, uint##bits##_t value)      \
    {                                                                                              \
        __asm__ volatile("str" suffix " %" width "0, [%1]"                                         \
                         :                                                                         \
                         : "r"(value), "r"((uintptr_t)base + offset)                               \
                         : "memory");                                                              \
    }

BG_MMIO_ACCESSOR(8, "w", "b")
BG_MMIO_ACCESSOR(16, "w", "h")
BG_MMIO_ACCESSOR(32, "w", "")
BG_MMIO_ACCESSOR(64, "x", "")

#undef BG_MMIO_ACCESSOR

#else /* on the host a fake device stands behind these */

uint8_t bg_mmio_read8(const void *base, uint64_t offset);
uint16_t bg_mmio_read16(const void *base, uint64_t offset);
uint32_t bg_mmio_read32(const void *base, uint64_t offset);
uint64_t bg_mmio_read64(const void *base, uint64_t offset);
void bg_mmio_write8(void *base, uint64_t offset, uint8_t value);
void bg_mmio_write16(void *base, uint64_t offset, uint16_t value);
void bg_mmio_write32(void *base, uint64_t offset, uint32_t value);
void bg_mmio_write64(void *base, uint64_t offset, uint64_t value);

#endif

/* By a width of 1, 2 or 4 bytes. */
static inline uint32_t bg_mmio_read(const void *base, uint64_t offset, unsigned width)
{
    return width == 1   ? bg_mmio_read8(base, offset)
           : width == 2 ? bg_mmio_read16(base, offset)
                        : bg_mmio_read32(base, offset);
}

static inline void bg_mmio_write(void *base, uint64_t offset, unsigned width, uint32_t value)
{
    if (width == 1) {
        bg_mmio_write8(base, offset, (uint8_t)value);
    } else if (width == 2) {
        bg_mmio_write16(base, offset, (uint16_t)value);
    } else {
        bg_mmio_write32(base, offset, value);
    }
}

/*
 * Tells the device that there is work: ordered after all earlier writes to memory, so that the
 * device finds what the doorbell promises (virtio 1.4, 2.7.13.4 for a virtqueue).
 */
static inline void bg_mmio_notify16(void *base, uint64_t offset, uint16_t value)
{
    bg_barrier_write_outer();
    bg_mmio_write16(base, offset, value);
}

static inline void bg_mmio_notify32(void *base, uint64_t offset, uint32_t value)
{
    bg_barrier_write_outer();
    bg_mmio_write32(base, offset, value);
}

/* Reads a status register that says whether data is ready: later loads see what was ready. */
static inline uint32_t bg_mmio_read_status32(const void *base, uint64_t offset)
{
    uint32_t value = bg_mmio_read32(base, offset);

    bg_barrier_read_outer();
    return value;
}

BG_END_DECLS

#endif
