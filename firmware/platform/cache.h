/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Data cache maintenance by address range, to the point of coherency. Lines that the range touches
 * in part are cleaned, never thrown away.
 */
#ifndef FIRMWARE_PLATFORM_CACHE_H
#define FIRMWARE_PLATFORM_CACHE_H

#include <stddef.h>

/* Bytes in the smallest data and instruction cache line (CTR_EL0). */
size_t cache_data_line_size(void);
size_t cache_instruction_line_size(void);

/* Writes the range back to memory: before a device that does not snoop reads it. */
void cache_clean(const void *address, size_t size);

/* Drops the range's lines: before the CPU reads what a device that does not snoop wrote. */
void cache_invalidate(void *address, size_t size);

void cache_clean_invalidate(const void *address, size_t size);

/* Makes what was just written executable (CTR_EL0.IDC and DIC say what can be left out). */
void cache_sync_code(const void *address, size_t size);

#endif
