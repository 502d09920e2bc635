/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The real map: every address means itself (identity), 48 bits, 4 KiB granule. RAM is Normal
 * write-back, inner shareable; registers Device-nGnRE; nothing is both writable and executable;
 * what is not listed in the devicetree, guard pages and page 0 are not mapped.
 */
#ifndef FIRMWARE_PLATFORM_MMU_H
#define FIRMWARE_PLATFORM_MMU_H

#include <stdbool.h>
#include <stdint.h>

#include "baregpu/hal.h"

/* Builds the map for the machine and goes over to it. Needs pages. Ends the run on failure. */
void mmu_init(void);

/*
 * As bg_hal_map. A negative baregpu_error: the range is RAM, is mapped with another type, lies
 * beyond the CPU's addresses, or there is no page for the tables.
 */
int mmu_map(uint64_t address, uint64_t size, enum bg_hal_memory_type type);

/* What a page may be used for, as the tables say. */
struct mmu_permissions {
    bool mapped;
    bool writable;
    bool executable;
    bool device;
};
struct mmu_permissions mmu_query(uint64_t address);

#endif
