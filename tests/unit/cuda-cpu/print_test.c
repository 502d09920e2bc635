/* SPDX-License-Identifier: BSD-2-Clause */
// build: host/cuda-cpu/device/print.c
/* printf from kernels: each argument is where the format says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "host/cuda-cpu/device/print.h"

static bool read_bytes(void *context, uint64_t address, void *bytes, size_t size)
{
    (void)context;
    memcpy(bytes, (const void *)(uintptr_t)address, size);
    return true;
}

struct values {
    int32_t numbers[4];
    double real;
    const char *string;
};

/* Prints `values` by `format`, in which there are `count` arguments. */
static void expect(const char *format, const void *values, int count, const char *expected)
{
    char text[PRINT_TEXT_MAX];

    assert_int_equal(print_format((uintptr_t)format, (uintptr_t)values, read_bytes, NULL, text),
                     count);
    assert_string_equal(text, expected);
}

static void test_plain_arguments(void **state)
{
    const struct values values = {{1, -2, 3, 4}, 0.5, "end"};

    (void)state;
    expect("%d %d %u %x %g %s%%", &values, 6, "1 -2 3 4 0.5 end%");
    expect("%03d|%-4d|%+d", &values, 3, "001|-2  |+3");
}

static void test_width_and_precision_are_arguments(void **state)
{
    const struct values values = {{6, 42, 8, 2}, 3.14159, "end"};

    (void)state;
    expect("%*d|%*.*f|%s", &values, 6, "    42|    3.14|end");
}

static void test_negative_ones(void **state)
{
    const struct values values = {{-6, 42, 8, -1}, 0.5, "end"};

    (void)state;
    expect("%*d|%*.*f|%s", &values, 6, "42    |0.500000|end");
}

/* Prints an argument at a width that no text has room for. */
static void expect_full(const char *format, const int32_t values[4], int count)
{
    char text[PRINT_TEXT_MAX];

    assert_int_equal(print_format((uintptr_t)format, (uintptr_t)values, read_bytes, NULL, text),
                     count);
    assert_int_equal(strlen(text), PRINT_TEXT_MAX - 1);
}

static void test_huge_ones_are_cut(void **state)
{
    (void)state;
    expect_full("%*d", (const int32_t[4]){INT32_MAX, 7}, 2);
    expect_full("%*d", (const int32_t[4]){INT32_MIN, 7}, 2);
    expect_full("%*.*d", (const int32_t[4]){INT32_MAX, INT32_MAX, 7}, 3);
    expect_full("%2147483647d", (const int32_t[4]){7}, 1);
    expect_full("%99999999999.99999999999d", (const int32_t[4]){7}, 1);
}

/* As many as one likes, and a star where none is. */
static void test_strange_ones(void **state)
{
    const struct values values = {{3, 2, 1, 4}, 0.5, "end"};

    (void)state;
    expect("%----------------------------------------------------------------------------5d|",
           &values, 1, "3    |");
    expect("%***d", &values, 1, "%***d");
    expect("%", &values, 0, "%");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain_arguments),
        cmocka_unit_test(test_width_and_precision_are_arguments),
        cmocka_unit_test(test_negative_ones),
        cmocka_unit_test(test_huge_ones_are_cut),
        cmocka_unit_test(test_strange_ones),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
