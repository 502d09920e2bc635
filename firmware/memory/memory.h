/* SPDX-License-Identifier: BSD-2-Clause */
/* Puts the machine's memory under the page allocator. */
#ifndef MEMORY_MEMORY_H
#define MEMORY_MEMORY_H

#include "firmware/memory/pages.h"
#include "firmware/platform/machine.h"

/*
 * Everything but the image, the devicetree and what it reserves becomes free. `metadata_limit`: the
 * allocator's bitmaps lie below this address. Ends the run when there is no room for them.
 */
void memory_init(const struct machine *machine, struct pages_range image, uint64_t metadata_limit);

#endif
