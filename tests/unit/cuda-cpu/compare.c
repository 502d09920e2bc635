/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/cuda-cpu/compare.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "host/cuda-cpu/program/program.h"
#include "host/cuda-cpu/ptx/module.h"
#include "tests/models/ptx/reference.h"

_Alignas(128) unsigned char compare_input[COMPARE_BYTES], compare_output[COMPARE_BYTES];
static _Alignas(128) unsigned char expected[COMPARE_BYTES];
static char log_text[4096];
bool compare_is_alone;

uint64_t compare_random(void)
{
    static uint64_t state = 88172645463325252u;

    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

void compare_fill_input(void)
{
    for (size_t i = 0; i < COMPARE_BYTES; i += sizeof(uint64_t)) {
        uint64_t bits = compare_random();

        memcpy(compare_input + i, &bits, sizeof(bits));
    }
}

struct params {
    uint64_t in, out;
};

static void no_print(void *context, const char *text)
{
    (void)context;
    (void)text;
}

enum launch_status compare_run(const char *text, unsigned threads, struct launch_fault *fault)
{
    static const uint32_t never;
    const struct params params = {(uintptr_t)compare_input, (uintptr_t)compare_output};
    struct memory memory = {0};
    struct launch launch = {
        .grid = {1, 1, 1},
        .block = {threads, 1, 1},
        .params = &params,
        .memory = &memory,
        .stop = &never,
        .is_alone = compare_is_alone,
        .print = no_print,
    };
    const struct program_kernel *kernel;
    struct program *program;
    struct ptx_log log;
    enum launch_status status;

    ptx_log_init(&log, log_text, sizeof(log_text));
    assert_true(memory_add(&memory, params.in, COMPARE_BYTES, true));
    assert_true(memory_add(&memory, params.out, COMPARE_BYTES, false));
    program = program_create(text, strlen(text), &memory, &log);
    kernel = program != NULL ? program_find_kernel(program, "k") : NULL;
    if (kernel == NULL || !program_prepare(program, kernel, &launch, &log)) {
        print_error("%s\n%s", text, log_text);
        fail();
    }
    launch.shared_size = kernel->shared_size;
    memset(compare_output, 0, sizeof(compare_output));
    status = launch_run(&launch, fault);
    program_destroy(program);
    memory_clear(&memory);
    return status;
}

void compare_refused(const char *text, const char *reason)
{
    struct memory memory = {0};
    struct program *program;
    struct ptx_log log;

    ptx_log_init(&log, log_text, sizeof(log_text));
    program = program_create(text, strlen(text), &memory, &log);
    if (program != NULL || strstr(log_text, reason) == NULL) {
        print_error("%s\n%s", text, log_text);
        fail();
    }
    memory_clear(&memory);
}

static void run_reference(const char *text, unsigned threads)
{
    const struct params params = {(uintptr_t)compare_input, (uintptr_t)expected};
    struct reference_memory memory = {0};
    struct reference_launch launch = {
        .memory = &memory,
        .grid = {1, 1, 1},
        .block = {threads, 1, 1},
        .params = &params,
        .step_limit = 10000000,
    };
    struct reference_fault fault;
    struct reference_module *placed;
    enum reference_status status;
    struct ptx_module *module;
    struct ptx_log log;

    ptx_log_init(&log, log_text, sizeof(log_text));
    module = ptx_module_create(text, strlen(text), &ptx_default_limits, &log);
    assert_non_null(module);
    memset(expected, 0, sizeof(expected));
    reference_memory_add(&memory, compare_input, COMPARE_BYTES, false);
    reference_memory_add(&memory, expected, COMPARE_BYTES, true);
    placed = reference_module_create(module, &memory);
    launch.module = placed;
    launch.kernel = ptx_module_kernel(module, "k");
    status = reference_run(&launch, &fault);
    if (status != REFERENCE_OK) {
        print_error("%s\nreference: %s at instruction %zu\n", text, reference_status_text(status),
                    fault.instruction);
    }
    assert_int_equal(status, REFERENCE_OK);
    reference_module_destroy(placed);
    reference_memory_free(&memory);
    ptx_module_destroy(module);
}

void compare(const char *text, unsigned threads)
{
    struct launch_fault fault;
    enum launch_status status = compare_run(text, threads, &fault);

    if (status != LAUNCH_OK) {
        print_error("%s\nstatus %d, fault %d\n", text, status, fault.fault);
        fail();
    }
    run_reference(text, threads);
    for (size_t i = 0; i < COMPARE_BYTES; i += sizeof(uint32_t)) {
        uint32_t got, right;

        memcpy(&got, compare_output + i, sizeof(got));
        memcpy(&right, expected + i, sizeof(right));
        if (got != right) {
            fputs(text, stderr); /* longer than what print_error takes */
            print_error("byte %zu: %#x, not %#x\n", i, got, right);
            fail();
        }
    }
}
