/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/cuda-cpu/fat.h"

#include <string.h>

unsigned char fat[16384];
size_t fat_used;

static void put(const void *bytes, size_t size)
{
    memcpy(fat + fat_used, bytes, size);
    fat_used += size;
}

static void put_number(uint64_t value, size_t size)
{
    put(&value, size);
}

void begin_fat(void)
{
    fat_used = 0;
    put_number(0xBA55ED50, 4);
    put_number(1, 2);
    put_number(16, 2);
    put_number(0, 8);
}

void add_entry(unsigned kind, unsigned arch, uint64_t flags, const void *bytes, size_t size,
               size_t text_size)
{
    uint64_t all;

    put_number(kind, 2);
    put_number(0x101, 2);
    put_number(64, 4);
    put_number((size + 7) / 8 * 8, 8);
    put_number(flags ? size : 0, 4);
    put_number(0, 4);
    put_number(0, 4); /* a version */
    put_number(arch, 4);
    put_number(0, 8); /* a name */
    put_number(flags, 8);
    put_number(0, 8);
    put_number(text_size, 8);
    put(bytes, size);
    put_number(0, (8 - size % 8) % 8);
    all = fat_used - 16;
    memcpy(fat + 8, &all, sizeof(all));
}
