/* SPDX-License-Identifier: BSD-2-Clause */
/* The four functions that the library uses and that a compiler calls by itself. */
#include "mem.h"

#include <stdint.h>

/* Or the compiler would see that memcpy's loop is a memcpy, and call it. */
#pragma GCC optimize("no-tree-loop-distribute-patterns")

void *memcpy(void *to, const void *from, size_t size)
{
    uint8_t *t = to;
    const uint8_t *f = from;

    while (size-- > 0) {
        *t++ = *f++;
    }
    return to;
}

void *memmove(void *to, const void *from, size_t size)
{
    uint8_t *t = to;
    const uint8_t *f = from;

    if (t <= f) {
        return memcpy(to, from, size);
    }
    while (size-- > 0) {
        t[size] = f[size];
    }
    return to;
}

void *memset(void *to, int value, size_t size)
{
    uint8_t *t = to;

    while (size-- > 0) {
        *t++ = (uint8_t)value;
    }
    return to;
}

int memcmp(const void *a, const void *b, size_t size)
{
    const uint8_t *x = a;
    const uint8_t *y = b;

    for (size_t i = 0; i < size; i++) {
        if (x[i] != y[i]) {
            return x[i] - y[i];
        }
    }
    return 0;
}
