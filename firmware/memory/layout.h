/* SPDX-License-Identifier: BSD-2-Clause */
/* Which stretches of the memory banks are free: banks without what is reserved. */
#ifndef MEMORY_LAYOUT_H
#define MEMORY_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>

#include "firmware/memory/pages.h"

/*
 * The next free stretch of whole pages at or above *at, inside the banks and outside the reserved
 * ranges (in any order, they may overlap). Sets *at to its end; false after the last.
 */
bool layout_next_free(const struct pages_range *banks, size_t bank_count,
                      const struct pages_range *reserved, size_t reserved_count, uint64_t *at,
                      struct pages_range *free);

#endif
