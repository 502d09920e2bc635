/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * memcpy, memmove, memset and memcmp in words. newlib's, built for size, go byte by byte; its fast
 * ones use vector registers, which an exception handler must not touch.
 *
 * For Normal memory only: unaligned words are accessed as they are. Built with flags of its own
 * (mk/firmware.mk), so that the compiler neither splits them nor makes calls to memcpy of these
 * loops. What is long is left to the CPU where it has instructions for that (FEAT_MOPS): an
 * emulated one copies as fast as its host then.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef uint64_t word __attribute__((may_alias, aligned(1)));

#define WORD sizeof(word)
#define BLOCK (4 * WORD)

/* ---- The CPU's own instructions ---- */

#define LONG 1024u

#ifdef __aarch64__

/* Asked once: for a virtual machine it is not the CPU that answers. */
static bool has_mops(void)
{
    static uint8_t known; /* 1: no, 2: yes */
    uint64_t features;

    if (known == 0) {
        __asm__("mrs %0, s3_0_c0_c6_2" : "=r"(features)); /* ID_AA64ISAR2_EL1.MOPS */
        known = (features >> 16 & 15) != 0 ? 2 : 1;
    }
    return known == 2;
}

/* The three parts of each may be interrupted, and go on. Toolchains do not all know them. */
static void copy_by_cpu(uint8_t *to, const uint8_t *from, size_t size)
{
    register uint8_t *x0 __asm__("x0") = to;
    register const uint8_t *x1 __asm__("x1") = from;
    register size_t x2 __asm__("x2") = size;

    __asm__ volatile(".inst 0x19010440\n\t" /* CPYFP [x0]!, [x1]!, x2! */
                     ".inst 0x19410440\n\t" /* CPYFM */
                     ".inst 0x19810440"     /* CPYFE */
                     : "+r"(x0), "+r"(x1), "+r"(x2)
                     :
                     : "cc", "memory");
}

static void set_by_cpu(uint8_t *to, uint64_t value, size_t size)
{
    register uint8_t *x0 __asm__("x0") = to;
    register uint64_t x1 __asm__("x1") = value;
    register size_t x2 __asm__("x2") = size;

    __asm__ volatile(".inst 0x19c10440\n\t" /* SETP [x0]!, x2!, x1 */
                     ".inst 0x19c14440\n\t" /* SETM */
                     ".inst 0x19c18440"     /* SETE */
                     : "+r"(x0), "+r"(x2)
                     : "r"(x1)
                     : "cc", "memory");
}

#else /* a unit test */

static bool has_mops(void)
{
    return false;
}

static void copy_by_cpu(uint8_t *to, const uint8_t *from, size_t size)
{
    (void)to;
    (void)from;
    (void)size;
}

static void set_by_cpu(uint8_t *to, uint64_t value, size_t size)
{
    (void)to;
    (void)value;
    (void)size;
}

#endif

/* ---- In words ---- */

static void copy_forward(uint8_t *to, const uint8_t *from, size_t size)
{
    if (size >= LONG && has_mops()) {
        copy_by_cpu(to, from, size);
        return;
    }
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

    if (size >= LONG && has_mops()) {
        set_by_cpu(at, pattern, size);
        return to;
    }
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
