/* SPDX-License-Identifier: BSD-2-Clause */
/* A fuzzer's input, taken byte by byte; zeros when it is used up. And its checks. */
#ifndef TESTS_FUZZ_INPUT_H
#define TESTS_FUZZ_INPUT_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                        \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

static struct {
    const uint8_t *data;
    size_t size;
} input __attribute__((unused));

static inline uint8_t next(void)
{
    if (!input.size) {
        return 0;
    }
    input.size--;
    return *input.data++;
}

#endif
