/* SPDX-License-Identifier: BSD-2-Clause */
/* The memory functions that the library takes from the kernel that links it: the same four that a
 * compiler may call by itself. There is no <string.h> among the freestanding headers. */
#ifndef FIRMWARE_COMMON_MEM_H
#define FIRMWARE_COMMON_MEM_H

#include <stddef.h>

void *memcpy(void *to, const void *from, size_t size);
void *memmove(void *to, const void *from, size_t size);
void *memset(void *to, int value, size_t size);
int memcmp(const void *a, const void *b, size_t size);

#endif
