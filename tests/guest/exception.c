/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * run=test_exception kind=<kind>: ends the run in the way that <kind> says, so that the host can
 * look at the report and the status (tests/boot/exception_test.c).
 */
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "firmware/apps/app.h"
#include "tests/guest/lib/smp.h"
#include "baregpu/mmio.h"
#include "firmware/memory/pages.h"
#include "firmware/platform/console.h"
#include "firmware/platform/cpu.h"
#include "firmware/platform/exception.h"
#include "firmware/platform/machine.h"
#include "firmware/platform/timer.h"

static const uint32_t constant_word = 1;
static uint32_t data_word = 0xd65f03c0; /* ret */

static void read_null(void)
{
    bg_mmio_read32(NULL, 0);
}

static void write_text(void)
{
    bg_mmio_write32((void *)read_null, 0, 0);
}

static void write_rodata(void)
{
    bg_mmio_write32((void *)&constant_word, 0, 0);
}

static void execute_data(void)
{
    __asm__ volatile("blr %0" ::"r"(&data_word) : "x30", "memory");
}

static void undefined(void)
{
    __asm__ volatile(".inst 0");
}

static void brk(void)
{
    __asm__ volatile("brk #1");
}

static void svc(void)
{
    __asm__ volatile("svc #1");
}

static __attribute__((noinline)) unsigned recurse(unsigned n)
{
    volatile char frame[256];

    if (n == UINT32_MAX) {
        return 0;
    }
    frame[0] = (char)n;
    return recurse(n + 1) + (unsigned)frame[0];
}

static void overflow(void)
{
    recurse(0);
}

/* The handler's own stack is gone: its first store faults. */
static void nested(void)
{
    __asm__ volatile("msr spsel, #1\n\t"
                     "mov sp, %0\n\t"
                     "msr spsel, #0\n\t"
                     "brk #2" ::"r"(16ul)
                     : "memory");
}

/* A frame pointer that leads nowhere must not hurt the backtrace. */
static void bad_frame(void)
{
    __asm__ volatile("mov x29, #0x1230\n\tbrk #3");
}

/* Nor one that leads round in a circle. */
static void frame_loop(void)
{
    uint64_t record[2] = {(uintptr_t)record, (uintptr_t)undefined};

    __asm__ volatile("mov x29, %0\n\tbrk #4" ::"r"(record) : "memory");
}

static void fail_assertion(void)
{
    volatile int zero = 0;

    assert(zero == 1);
}

static void double_free(void)
{
    char *volatile memory = malloc(100);
    char *volatile other = malloc(100);

    free(memory);
    free(memory);
    free(other);
}

static void heap_overrun(void)
{
    char *volatile memory = malloc(100);

    memset(memory, 0, 101);
    free(memory);
}

static void wild_free(void)
{
    char *volatile memory = malloc(100);

    free(memory + 16);
}

static void page_double_free(void)
{
    uint64_t page = pages_alloc(1, PAGE_SIZE);

    pages_free(page, 1);
    pages_free(page, 1);
}

static void fault_there(void *argument)
{
    (void)argument;
    read_null();
}

static void on_other_cpu(void)
{
    cpu_start(1, fault_there, NULL);
    for (;;)
        ;
}

static void overflow_there(void *argument)
{
    (void)argument;
    overflow();
}

static void overflow_on_other_cpu(void)
{
    cpu_start(1, overflow_there, NULL);
    for (;;)
        ;
}

static void panic_there(void *argument)
{
    (void)argument;
    panic("on purpose");
}

static void panic_on_other_cpu(void)
{
    cpu_start(1, panic_there, NULL);
    for (;;)
        ;
}

static void exit_there(void *argument)
{
    (void)argument;
    printf("on CPU %u\n", cpu_index());
    exit(7);
}

static void exit_on_other_cpu(void)
{
    cpu_start(1, exit_there, NULL);
    for (;;)
        ;
}

/* One of them is reported, whole. */
static void on_all_cpus(void)
{
    smp_start();
    for (uint32_t i = 1; i < machine.cpu_count; i++) {
        cpu_call_async(i, fault_there, NULL, NULL);
    }
    read_null();
}

static void nested_there(void *argument)
{
    (void)argument;
    nested();
}

/* On each CPU an exception in the handler of another one, at the same time. */
static void nested_on_all_cpus(void)
{
    smp_start();
    for (uint32_t i = 1; i < machine.cpu_count; i++) {
        cpu_call_async(i, nested_there, NULL, NULL);
    }
    nested();
}

static void fault_in_timer(struct timer *timer)
{
    (void)timer;
    read_null();
}

static void panic_in_timer(struct timer *timer)
{
    (void)timer;
    panic("in a handler");
}

static void run_timer(void (*function)(struct timer *))
{
    static struct timer timer;

    timer.function = function;
    timer_start(&timer, 0);
    for (;;)
        ;
}

/* What an interrupt handler does wrong is found on its stack. */
static void fault_in_handler(void)
{
    run_timer(fault_in_timer);
}

static void panic_in_handler(void)
{
    run_timer(panic_in_timer);
}

static void hang(void)
{
    puts("about to hang");
    fflush(stdout);
    for (;;)
        ;
}

static const struct {
    const char *name;
    void (*run)(void);
} kinds[] = {
    {"read-null", read_null},
    {"write-text", write_text},
    {"write-rodata", write_rodata},
    {"execute-data", execute_data},
    {"undefined", undefined},
    {"brk", brk},
    {"svc", svc},
    {"overflow", overflow},
    {"nested", nested},
    {"bad-frame", bad_frame},
    {"frame-loop", frame_loop},
    {"assert", fail_assertion},
    {"abort", abort},
    {"double-free", double_free},
    {"overrun", heap_overrun},
    {"wild-free", wild_free},
    {"page-double-free", page_double_free},
    {"other-cpu", on_other_cpu},
    {"other-cpu-overflow", overflow_on_other_cpu},
    {"other-cpu-panic", panic_on_other_cpu},
    {"other-cpu-exit", exit_on_other_cpu},
    {"all-cpus", on_all_cpus},
    {"nested-all-cpus", nested_on_all_cpus},
    {"handler-fault", fault_in_handler},
    {"handler-panic", panic_in_handler},
    {"hang", hang},
};

static int test_exception(void)
{
    char kind[32] = "";

    app_option("kind", kind, sizeof(kind));
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (!strcmp(kinds[i].name, kind)) {
            printf("about to: %s\n", kind);
            kinds[i].run();
            printf("survived: %s\n", kind);
            return 3;
        }
    }
    printf("test_exception: kind=");
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        printf("%s%s", i ? "|" : "", kinds[i].name);
    }
    printf("\n");
    return 2;
}

APP(test_exception, "ends the run by an exception: kind=<kind>", test_exception, "kind");
