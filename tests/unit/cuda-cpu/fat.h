/* SPDX-License-Identifier: BSD-2-Clause */
/* Fat binaries, as nvcc makes them, for a test. */
#ifndef TESTS_UNIT_CUDA_CPU_FAT_H
#define TESTS_UNIT_CUDA_CPU_FAT_H

#include <stddef.h>
#include <stdint.h>

extern unsigned char fat[16384]; /* it lies here, once begun */
extern size_t fat_used;

void begin_fat(void);

/* kind: 1 PTX, 2 ELF; flags: how the bytes are packed, which are text_size ones then; 0: not. */
void add_entry(unsigned kind, unsigned arch, uint64_t flags, const void *bytes, size_t size,
               size_t text_size);

#endif
