/* SPDX-License-Identifier: BSD-2-Clause */
/* What a kernel has in <string.h>, and the library takes from it. */
#ifndef MINIMAL_MEM_H
#define MINIMAL_MEM_H

#include <stddef.h>

void *memcpy(void *to, const void *from, size_t size);
void *memmove(void *to, const void *from, size_t size);
void *memset(void *to, int value, size_t size);
int memcmp(const void *a, const void *b, size_t size);

#endif
