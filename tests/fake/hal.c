/* SPDX-License-Identifier: BSD-2-Clause */
/* The HAL for tests on the host: everything is mapped one to one, and time passes when a driver
 * waits. The accessors of mmio.h go to the device that a test set up, if any. */
#include "tests/fake/hal.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "baregpu/hal.h"
#include "baregpu/mmio.h"

struct fake_hal fake_hal;

/* Nothing else lies there, with the sanitizers or without; the next allocation lies behind. */
#define LOW_MEMORY 0x20000000u
#define PAGE_SIZE 4096u

static void *map_low(size_t size)
{
    static uintptr_t next = LOW_MEMORY;
    void *memory =
        mmap((void *)next, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (memory != (void *)next) {
        abort();
    }
    next += (size + PAGE_SIZE - 1) / PAGE_SIZE * PAGE_SIZE;
    return memory;
}

void *bg_hal_dma_alloc(size_t size, size_t align, uint64_t *bus_address)
{
    size_t whole = (size + align - 1) / align * align;
    void *memory;

    if (fake_hal.refuse_allocation != 0 && --fake_hal.refuse_allocation == 0) {
        return NULL;
    }
    if (fake_hal.low_memory) {
        memory = map_low(whole);
    } else {
        memory = aligned_alloc(align, whole);
        memset(memory, 0, whole);
    }
    fake_hal.allocated += size;
    *bus_address = fake_hal_bus(memory);
    return memory;
}

void bg_hal_dma_free(void *memory, size_t size)
{
    fake_hal.allocated -= size;
    if (fake_hal.low_memory) {
        munmap(memory, size);
    } else {
        free(memory);
    }
}

void *bg_hal_map(uint64_t address, uint64_t size, enum bg_hal_memory_type type)
{
    (void)size;
    (void)type;
    return fake_hal.refuse_map ? NULL : (void *)(uintptr_t)address;
}

uint64_t bg_hal_time_ns(void)
{
    return fake_hal.now_ns;
}

void bg_hal_wait(uint64_t deadline_ns)
{
    (void)deadline_ns;
    fake_hal.waits++;
    fake_hal.now_ns += fake_hal.wait_ns;
    if (fake_hal.on_wait != NULL) {
        fake_hal.on_wait(fake_hal.device);
    }
}

static uint64_t device_read(const void *base, uint64_t offset, unsigned width)
{
    if (fake_hal.read == NULL) {
        abort();
    }
    return fake_hal.read(fake_hal.device, (uintptr_t)base + offset, width);
}

static void device_write(void *base, uint64_t offset, unsigned width, uint64_t value)
{
    if (fake_hal.write == NULL) {
        abort();
    }
    fake_hal.write(fake_hal.device, (uintptr_t)base + offset, width, value);
}

#define ACCESSORS(bits)                                                                            \
    uint##bits##_t bg_mmio_read##bits(const void *base, uint64_t offset)                           \
    {                                                                                              \
        return (uint##bits##_t)device_read(base, offset, bits / 8);                                \
    }                                                                                              \
    void bg_mmio_write##bits(void *base, uint64_t offset, uint##bits##_t value)                    \
    {                                                                                              \
        device_write(base, offset, bits / 8, value);                                               \
    }

ACCESSORS(8)
ACCESSORS(16)
ACCESSORS(32)
ACCESSORS(64)
