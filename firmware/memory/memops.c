/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * memcpy, memmove, memset and memcmp in words. newlib's, built for size, go byte by byte; its fast
 * ones use vector registers, which an exception handler must not touch.
 *
 * For Normal memory only: unaligned words are accessed as they are. Built with flags of its own
 * (mk/firmware.mk), so that the compiler neither splits them nor makes calls to memcpy of these
 * loops.
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef uint64_t word __attribute__((may_alias, aligned(1)));

#define WORD sizeof(word)
#define BLOCK (4 * WORD)

static void copy_forward(uint8_t *to, const uint8_t *from, size_t size)
{
    for (; size >= BLOCK; size -= BLOCK, to += BLOCK, from += BLOCK) {
        word a = ((const word *)from)[0], b = ((const word *)from)[1];
        word c = ((const word *)from)[2], d = ((const word *)from)[3];

        ((word *)to)[0] = a;
        ((word *)to)[1] = b;
        ((word *)to)[2] = c;
        ((word *)to)[3] = d;
    }
    for (; size >= WORD; size -= WORD, to += WORD, from += WORD) {
        *(word *)to = *(const word *)from;
    }
    for (; size > 0; size--) {
        *to++ = *from++;
    }
}

static void copy_backward(uint8_t *to, const uint8_t *from, size_t size)
{
    for (; size >= WORD; size -= WORD) {
        *(word *)(to + size - WORD) = *(const word *)(from + size - WORD);
    }
    for (; size > 0; size--) {
        to[size - 1] = from[size - 1];
    }
}

void *memcpy(void *restrict to, const void *restrict from, size_t size)
{
    copy_forward(to, from, size);
    return to;
}

void *memmove(void *to, const void *from, size_t size)
{
    /* Forward is right unless the destination begins inside the source. */
    if ((uintptr_t)to - (uintptr_t)from >= size) {
        copy_forward(to, from, size);
    } else {
        copy_backward(to, from, size);
    }
    return to;
}

void *memset(void *to, int value, size_t size)
{
    uint8_t *at = to;
    word pattern = (uint8_t)value * 0x0101010101010101u;

    for (; size >= BLOCK; size -= BLOCK, at += BLOCK) {
        ((word *)at)[0] = pattern;
        ((word *)at)[1] = pattern;
        ((word *)at)[2] = pattern;
        ((word *)at)[3] = pattern;
    }
    for (; size > 0; size--) {
        *at++ = (uint8_t)value;
    }
    return to;
}

int memcmp(const void *left, const void *right, size_t size)
{
    const uint8_t *a = left, *b = right;

    for (; size >= WORD && *(const word *)a == *(const word *)b; size -= WORD, a += WORD, b += WORD)
        ;
    for (; size > 0; size--, a++, b++) {
        if (*a != *b) {
            return *a - *b;
        }
    }
    return 0;
}
