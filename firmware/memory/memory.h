/* SPDX-License-Identifier: BSD-2-Clause */
/* Puts the machine's memory under the page allocator. */
#ifndef FIRMWARE_MEMORY_MEMORY_H
#define FIRMWARE_MEMORY_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

#include "firmware/memory/pages.h"
#include "firmware/platform/machine.h"

/*
 * Everything but the image, the devicetree and what it reserves becomes free. `metadata_limit`: the
 * allocator's bitmaps lie below this address. Ends the run when there is no room for them.
 */
void memory_init(const struct machine *machine, struct pages_range image, uint64_t metadata_limit);

/*
 * The next free stretch of whole pages at or above *at, inside the banks and outside the reserved
 * ranges (in any order, they may overlap). Sets *at to its end; false after the last.
 */
bool layout_next_free(const struct pages_range *banks, size_t bank_count,
                      const struct pages_range *reserved, size_t reserved_count, uint64_t *at,
                      struct pages_range *free);

#endif
