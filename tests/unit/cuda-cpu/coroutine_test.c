/* SPDX-License-Identifier: BSD-2-Clause */
// build: host/cuda-cpu/device/coroutine.c
/* Functions that stop in the middle, and are gone back to; with a sanitizer that sees their frames.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "host/cuda-cpu/device/coroutine.h"

#define STACK_SIZE 65536
#define WORDS 9

static struct coroutine coroutine;
static unsigned rounds; /* of the function that runs */

static int setup(void **state)
{
    (void)state;
    rounds = 0;
    return coroutine_create(&coroutine, STACK_SIZE) ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    coroutine_destroy(&coroutine);
    return 0;
}

/* A sanitizer lays red zones around the array, and leaves it on this stack, where it may have other
 * variables elsewhere. It does not come to its end. */
static void count(void *argument)
{
    volatile unsigned *counts = __builtin_alloca(WORDS * sizeof(*counts));

    (void)argument;
    memset((unsigned *)counts, 0, WORDS * sizeof(*counts));
    while (counts[0] < UINT32_MAX) {
        for (unsigned i = 0; i < WORDS; i++) {
            counts[i]++;
        }
        rounds = counts[WORDS - 1];
        coroutine_yield(&coroutine);
    }
}

/* The same, deeper by a few such frames. */
static void count_below(void *argument)
{
    volatile unsigned char *bytes = __builtin_alloca(200);

    memset((unsigned char *)bytes, 1, 200);
    if ((uintptr_t)argument > 0) {
        count_below((void *)((uintptr_t)argument - 1));
    }
    count((void *)(uintptr_t)bytes[0]);
}

static void resume(unsigned expected)
{
    coroutine_resume(&coroutine);
    assert_int_equal(rounds, expected);
}

/* Again and again from where it was kept. */
static void test_kept(void **state)
{
    unsigned char *bytes;
    size_t size;

    (void)state;
    coroutine_start(&coroutine, count_below, (void *)3);
    resume(1);
    resume(2);
    size = coroutine_size(&coroutine);
    assert_in_range(size, 3 * 200, STACK_SIZE);
    bytes = malloc(size);
    assert_non_null(bytes);
    coroutine_save(&coroutine, bytes);
    for (unsigned i = 0; i < 3; i++) {
        resume(3);
        resume(4);
        coroutine_restore(&coroutine, bytes, size);
    }
    free(bytes);
}

/* Where another one was, deeper, and never ended. */
static void test_started_again(void **state)
{
    (void)state;
    for (unsigned depth = 8; depth > 0; depth--) {
        coroutine_start(&coroutine, count_below, (void *)(uintptr_t)depth);
        resume(1);
        resume(2);
        coroutine_start(&coroutine, count, NULL);
        resume(1);
        resume(2);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_kept, setup, teardown),
        cmocka_unit_test_setup_teardown(test_started_again, setup, teardown),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
