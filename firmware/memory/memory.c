/* SPDX-License-Identifier: BSD-2-Clause */
#include "firmware/memory/memory.h"

#include "firmware/memory/pages.h"

#define RESERVED_MAX (MACHINE_RESERVED_MAX + 4) /* page 0, image, devicetree, bitmaps */

struct layout {
    struct pages_range banks[MACHINE_MEMORY_BANKS_MAX];
    size_t bank_count;
    struct pages_range reserved[RESERVED_MAX];
    size_t reserved_count;
};

static void layout_reserve(struct layout *layout, uint64_t base, uint64_t size)
{
    layout->reserved[layout->reserved_count++] = (struct pages_range){base, size};
}

static bool layout_next(const struct layout *layout, uint64_t *at, struct pages_range *free)
{
    return layout_next_free(layout->banks, layout->bank_count, layout->reserved,
                            layout->reserved_count, at, free);
}

static uint64_t layout_place(const struct layout *layout, uint64_t size, uint64_t limit)
{
    struct pages_range free;
    uint64_t at = 0;

    while (layout_next(layout, &at, &free)) {
        if (free.size >= size && free.base < limit && limit - free.base >= size) {
            return free.base;
        }
    }
    memory_panic("memory: no room for the page allocator's bitmaps", size);
}

void memory_init(const struct machine *machine, struct pages_range image, uint64_t metadata_limit)
{
    struct layout layout = {0};
    struct pages_range free;
    uint64_t metadata;
    uint64_t at = 0;
    size_t size;

    for (uint32_t i = 0; i < machine->memory_count; i++) {
        layout.banks[layout.bank_count++] =
            (struct pages_range){machine->memory[i].base, machine->memory[i].size};
    }
    for (uint32_t i = 0; i < machine->reserved_count; i++) {
        layout_reserve(&layout, machine->reserved[i].base, machine->reserved[i].size);
    }
    layout_reserve(&layout, 0, PAGE_SIZE); /* a NULL pointer stays one */
    layout_reserve(&layout, image.base, image.size);
    layout_reserve(&layout, machine->devicetree.base, machine->devicetree.size);

    size = pages_metadata_size(layout.banks, layout.bank_count);
    metadata = layout_place(&layout, size, metadata_limit);
    layout_reserve(&layout, metadata, size);
    pages_init(layout.banks, layout.bank_count, (void *)(uintptr_t)metadata);
    while (layout_next(&layout, &at, &free)) {
        pages_add(free.base, free.size);
    }
}
