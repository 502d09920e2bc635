/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The guest's CUDA with a worker in this program, over both kinds of carrier: each test of TEST is
 * run with a ring and with a mailbox. Included by one test program each.
 */
#ifndef TESTS_UNIT_CUDA_FIXTURE_H
#define TESTS_UNIT_CUDA_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "baregpu/cuda.h"
#include "tests/fake/cuda_carrier.h"
#include "tests/fake/cuda_worker.h"

#define OK(call) assert_int_equal(call, CUDA_SUCCESS)
#define EXPECT(result, call) assert_int_equal(call, result)

#define HEAP_SIZE (1u << 20)
#define MEMORY_SIZE (1u << 20)
#define NO_HANDLE(type) ((type)(uintptr_t)0x123456789ABCull)

static CUcontext context;
static void *memory;

/* What kernels have printed. */
static char printed[4096];
static size_t printed_size;

static inline void take_text(void *unused, const char *text, size_t length)
{
    (void)unused;
    assert_true(printed_size + length < sizeof(printed));
    memcpy(printed + printed_size, text, length);
    printed_size += length;
    printed[printed_size] = '\0';
}

static inline int add_device(uint64_t heap_size)
{
    memory = malloc(MEMORY_SIZE);
    printed_size = 0;
    printed[0] = '\0';
    assert_int_equal(fake_carrier_add(heap_size, memory, MEMORY_SIZE), 0);
    bg_cuda_set_console(take_text, NULL);
    return 0;
}

static inline int start(uint64_t heap_size)
{
    add_device(heap_size);
    OK(cuInit(0));
    OK(cuDevicePrimaryCtxRetain(&context, 0));
    OK(cuCtxSetCurrent(context));
    return 0;
}

static inline int setup(void **state)
{
    (void)state;
    return start(HEAP_SIZE);
}

static inline int setup_mailbox(void **state)
{
    (void)state;
    return start(0);
}

/* Nothing is left behind on either side. */
static inline int teardown(void **state)
{
    (void)state;
    bg_cuda_remove_all();
    assert_true(fake_worker_end());
    free(memory);
    return 0;
}

#define RING(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
#define MAILBOX(test) {#test "_by_mailbox", test, setup_mailbox, teardown, NULL}
#define BOTH(test) RING(test), MAILBOX(test)

#endif
