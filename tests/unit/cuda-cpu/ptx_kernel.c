/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tests/unit/cuda-cpu/ptx_kernel.h"

#define TEXT_MAX 16384

static struct ptx_module *module;
const struct ptx_module *loaded;
struct reference_module *placed;
static struct reference_memory memory;
uint64_t output[OUTPUT_MAX];
struct reference_fault fault;
char printed[1024];
struct reference_launch launch;

int setup(void **state)
{
    (void)state;
    module = NULL;
    placed = NULL;
    printed[0] = 0;
    launch = (struct reference_launch){
        .memory = &memory,
        .grid = {1, 1, 1},
        .block = {1, 1, 1},
        .step_limit = 1000000,
    };
    return 0;
}

static void unload(void)
{
    reference_module_destroy(placed);
    reference_memory_free(&memory);
    ptx_module_destroy(module);
    module = NULL;
    placed = NULL;
}

int teardown(void **state)
{
    (void)state;
    unload();
    return 0;
}

static void print(void *context, const char *text)
{
    (void)context;
    strncat(printed, text, sizeof(printed) - strlen(printed) - 1);
}

void load_module(const char *text)
{
    static char log_text[4096];
    struct ptx_log log;

    unload();
    ptx_log_init(&log, log_text, sizeof(log_text));
    module = ptx_module_create(text, strlen(text), &ptx_default_limits, &log);
    if (module == NULL) {
        print_error("%s\n%s", text, log_text);
        fail();
    }
    loaded = module;
    memset(output, 0, sizeof(output));
    reference_memory_add(&memory, output, sizeof(output), true);
    placed = reference_module_create(module, &memory);
}

enum reference_status run_kernel(const char *text)
{
    uint64_t params[1] = {(uintptr_t)output};

    load_module(text);
    launch.module = placed;
    launch.kernel = ptx_module_kernel(module, "k");
    launch.params = params;
    launch.print = print;
    return reference_run(&launch, &fault);
}

void run_well(const char *text)
{
    enum reference_status status = run_kernel(text);

    if (status != REFERENCE_OK) {
        print_error("%s\n%s in %s, instruction %zu, thread %u\n", text,
                    reference_status_text(status), fault.function->name, fault.instruction,
                    fault.thread[0]);
        fail();
    }
}

void run_block(unsigned threads, const char *text)
{
    launch.block[0] = threads;
    run_well(text);
}

/* ---- One instruction each ---- */

static const char *store_of(const char *result)
{
    switch (result[1]) {
    case 'h':
        return "st.global.b16 [%rd19], ";
    case 'r':
        return result[2] == 'd' ? "st.global.b64 [%rd19], " : "st.global.b32 [%rd19], ";
    case 'f':
        return "st.global.f32 [%rd19], ";
    case 'd':
        return "st.global.f64 [%rd19], ";
    default:
        return "selp.b32 %r19, 1, 0, ";
    }
}

const char *make_kernel(const char *declarations, const char *statements)
{
    static char text[TEXT_MAX];

    snprintf(text, sizeof(text), "%s%s%s%s%s", HEAD, declarations, KERNEL_BODY, statements,
             KERNEL_END);
    return text;
}

void run_examples(const struct example *examples, size_t count)
{
    char text[1024];

    for (size_t i = 0; i < count; i++) {
        const struct example *example = &examples[i];

        snprintf(text, sizeof(text), "%s\n%s%s; %s", example->statements, store_of(example->result),
                 example->result, example->result[1] == 'p' ? "st.global.b32 [%rd19], %r19;" : "");
        run_well(make_kernel("", text));
        if (output[0] != example->expected) {
            print_error("%s\n%s is %#llx, not %#llx\n", example->statements, example->result,
                        (unsigned long long)output[0], (unsigned long long)example->expected);
            fail();
        }
    }
}
