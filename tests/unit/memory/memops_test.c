/* SPDX-License-Identifier: BSD-2-Clause */
// cflags: -fno-builtin
/* The kernel's memory functions, under other names, at every small size and alignment. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define memcpy kernel_memcpy
#define memmove kernel_memmove
#define memset kernel_memset
#define memcmp kernel_memcmp
void *kernel_memcpy(void *restrict to, const void *restrict from, size_t size);
void *kernel_memmove(void *to, const void *from, size_t size);
void *kernel_memset(void *to, int value, size_t size);
int kernel_memcmp(const void *left, const void *right, size_t size);
#include "firmware/memory/memops.c"
#undef memcpy
#undef memmove
#undef memset
#undef memcmp

#define SIZES 100u
#define OFFSETS 9u
#define SPACE 160u

static uint8_t expected[SPACE], actual[SPACE];

static void fill(uint8_t *bytes)
{
    for (size_t i = 0; i < SPACE; i++) {
        bytes[i] = (uint8_t)(i * 31 + 7);
    }
}

static void check_move(void *(*move)(void *, const void *, size_t), size_t to, size_t from,
                       size_t size)
{
    uint8_t copy[SIZES];

    fill(expected);
    fill(actual);
    for (size_t i = 0; i < size; i++) {
        copy[i] = expected[from + i];
    }
    for (size_t i = 0; i < size; i++) {
        expected[to + i] = copy[i];
    }
    assert_ptr_equal(move(actual + to, actual + from, size), actual + to);
    assert_memory_equal(actual, expected, SPACE);
}

static void test_memmove(void **state)
{
    (void)state;
    for (size_t to = 0; to < OFFSETS * 5; to++) {
        for (size_t from = 0; from < OFFSETS * 5; from++) {
            for (size_t size = 0; size < SIZES; size++) {
                check_move(kernel_memmove, to, from, size);
            }
        }
    }
}

static void *call_memcpy(void *to, const void *from, size_t size)
{
    return kernel_memcpy(to, from, size);
}

static void test_memcpy(void **state)
{
    (void)state;
    for (size_t to = 0; to < OFFSETS; to++) {
        for (size_t from = 0; from < OFFSETS; from++) {
            for (size_t size = 0; size < 60; size++) {
                check_move(call_memcpy, to, from + 80, size);
            }
        }
    }
}

static void test_memset(void **state)
{
    (void)state;
    for (size_t to = 0; to < OFFSETS; to++) {
        for (size_t size = 0; size < SIZES; size++) {
            fill(expected);
            fill(actual);
            for (size_t i = 0; i < size; i++) {
                expected[to + i] = 0xA5;
            }
            assert_ptr_equal(kernel_memset(actual + to, 0x100 + 0xA5, size), actual + to);
            assert_memory_equal(actual, expected, SPACE);
        }
    }
}

static void test_memcmp(void **state)
{
    (void)state;
    for (size_t size = 0; size < SIZES; size++) {
        fill(expected);
        fill(actual);
        actual[size] ^= 0xFF; /* just behind: not looked at */
        assert_int_equal(kernel_memcmp(actual, expected, size), 0);
        actual[size] ^= 0xFF;
        for (size_t at = 0; at < size; at++) {
            uint8_t old = actual[at];

            actual[at] = 0xFF;
            expected[at] = 0x01;
            assert_true(kernel_memcmp(actual, expected, size) > 0);
            assert_true(kernel_memcmp(expected, actual, size) < 0);
            actual[at] = expected[at] = old;
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_memmove),
        cmocka_unit_test(test_memcpy),
        cmocka_unit_test(test_memset),
        cmocka_unit_test(test_memcmp),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
