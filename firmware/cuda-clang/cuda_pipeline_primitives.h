/* SPDX-License-Identifier: BSD-2-Clause */
/* Asynchronous copies into shared memory, of 4, 8 or 16 bytes: before sm_80 they are done at once.
 */
#ifndef FIRMWARE_CUDA_CLANG_CUDA_PIPELINE_PRIMITIVES_H
#define FIRMWARE_CUDA_CLANG_CUDA_PIPELINE_PRIMITIVES_H

#include "cuda_runtime.h"

/* The last `zeros` bytes are zeros, and are not read. */
BG_DEVICE void __pipeline_memcpy_async(void *to, const void *from, size_t size, size_t zeros = 0)
{
#if __CUDA_ARCH__ >= 800
    const unsigned place = (unsigned)__cvta_generic_to_shared(to);
    const size_t source = __cvta_generic_to_global(from);

    if (size == 16) {
        asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(place), "l"(source),
                     "r"((unsigned)(16 - zeros))
                     : "memory");
    } else if (size == 8) {
        asm volatile("cp.async.ca.shared.global [%0], [%1], 8, %2;" ::"r"(place), "l"(source),
                     "r"((unsigned)(8 - zeros))
                     : "memory");
    } else {
        asm volatile("cp.async.ca.shared.global [%0], [%1], 4, %2;" ::"r"(place), "l"(source),
                     "r"((unsigned)(4 - zeros))
                     : "memory");
    }
#else
    for (size_t i = 0; i < size; i += 4) {
        unsigned word = 0;

        if (i + 4 <= size - zeros) {
            word = *(const unsigned *)((const char *)from + i);
        } else {
            for (size_t byte = i; byte < size - zeros; byte++) {
                word |= (unsigned)((const unsigned char *)from)[byte] << 8 * (byte - i);
            }
        }
        *(unsigned *)((char *)to + i) = word;
    }
#endif
}

BG_DEVICE void __pipeline_commit()
{
#if __CUDA_ARCH__ >= 800
    asm volatile("cp.async.commit_group;" ::: "memory");
#endif
}

/* All but the last `count` groups are there. */
BG_DEVICE void __pipeline_wait_prior(size_t count)
{
#if __CUDA_ARCH__ >= 800
#define BG_WAIT(n)                                                                                 \
    case n:                                                                                        \
        asm volatile("cp.async.wait_group " #n ";" ::: "memory");                                  \
        break;

    switch (count) {
        BG_WAIT(1)
        BG_WAIT(2)
        BG_WAIT(3)
        BG_WAIT(4)
        BG_WAIT(5)
        BG_WAIT(6)
        BG_WAIT(7)
    default: /* more than asked for is good, too */
        asm volatile("cp.async.wait_all;" ::: "memory");
    }
#undef BG_WAIT
#else
    (void)count;
#endif
}

#endif
