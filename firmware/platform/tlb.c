/* SPDX-License-Identifier: BSD-2-Clause */
#include "firmware/platform/tlb.h"

#include <stdint.h>

#include "firmware/memory/pages.h"
#include "firmware/platform/cpu.h"

#define ENTRIES_MIN 64u    /* what flushes while it was nearly empty have left of it */
#define ENTRIES_MAX 65536u /* some MiB of the host's memory */

/* What is enough for it to be "nearly full": QEMU asks for 70 %. */
static size_t enough(size_t entries)
{
    return entries / 4 * 3;
}

static void flush(void)
{
    __asm__ volatile("dsb ish\n\ttlbi vmalle1\n\tdsb ish\n\tisb" ::: "memory");
}

void tlb_expect(const void *memory, size_t size)
{
    static uint32_t known[MACHINE_CPUS_MAX]; /* entries; 0: ENTRIES_MIN */
    uint32_t *entries = &known[cpu_index()];
    const volatile uint8_t *bytes = memory;

    *entries = *entries != 0 ? *entries : ENTRIES_MIN;
    while (*entries < ENTRIES_MAX && *entries <= size / PAGE_SIZE) {
        for (size_t i = 0; i < enough(*entries); i++) {
            (void)bytes[i * PAGE_SIZE];
        }
        flush();
        *entries *= 2;
    }
}
