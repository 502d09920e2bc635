/* SPDX-License-Identifier: BSD-2-Clause */
#include "firmware/platform/exception.h"

#include <stddef.h>

#include "firmware/memory/pages.h"
#include "firmware/platform/console.h"
#include "firmware/platform/cpu.h"
#include "firmware/platform/power.h"
#include "firmware/platform/sections.h"

#define BACKTRACE_FRAMES_MAX 32

int exception_probe_call(struct exception_probe *probe, void (*function)(void *), void *argument);
void exception_probe_resume(void);
void exception_handle(struct exception_frame *frame, uint64_t vector);
void exception_handle_nested(uint64_t vector, uint64_t frame_pointer, uint64_t link)
    __attribute__((noreturn));

static uint32_t exception_depth;
static uint32_t exception_reporter; /* CPU index + 1; 0: nobody yet */

static const char *const vector_origins[] = {
    "in the kernel",
    "in an exception handler",
    "from a lower level",
    "from a lower level in AArch32",
};

static const char *const vector_kinds[] = {"exception", "IRQ", "FIQ", "SError"};

static void put_code_address(uint64_t address, const char *end)
{
    console_print("  %x%s%s", address, sections_is_text(address) ? "" : " (not code)", end);
}

/*
 * `pc` is 0 where the frames tell all. `link` is x30 at an exception, 0 elsewhere: a leaf function,
 * or one that faults in its first instructions, has no frame of its own, and only x30 knows its
 * caller.
 */
static void put_backtrace(uint64_t pc, uint64_t link, uint64_t frame_pointer)
{
    bool framed = false;
    uint64_t low;
    uint64_t high;

    console_print("backtrace:\n");
    if (pc) {
        put_code_address(pc, "\n");
    }
    framed = cpu_stack_of(frame_pointer, &low, &high) && frame_pointer <= high - 16 &&
             frame_pointer % 8 == 0;
    if (sections_is_text(link) && !(framed && ((const uint64_t *)frame_pointer)[1] == link)) {
        put_code_address(link, " (x30)\n");
    }
    if (!framed) {
        return;
    }
    for (unsigned i = 0; i < BACKTRACE_FRAMES_MAX; i++) {
        const uint64_t *record = (const uint64_t *)frame_pointer;

        /* A frame record is two words inside the stack, and each lies above the one before. */
        if (frame_pointer % 8 != 0 || frame_pointer < low || frame_pointer > high - 16) {
            return;
        }
        if (record[1] == 0) {
            return;
        }
        put_code_address(record[1], "\n");
        low = frame_pointer + 16;
        frame_pointer = record[0];
    }
    console_print("  ...\n");
}

static void put_syndrome(uint64_t esr, uint64_t far)
{
    const char *fault = exception_fault_name(esr);

    console_print("  %s", exception_class_name(esr));
    if (fault != NULL) {
        console_print(": %s, %s %x%s", fault,
                      EXCEPTION_CLASS(esr) != EXCEPTION_CLASS_DATA ? "at"
                      : EXCEPTION_IS_WRITE(esr)                    ? "writing"
                                                                   : "reading",
                      far, cpu_is_stack_guard(far) ? " (stack overflow)" : "");
    }
    console_print("\n");
}

static void put_registers(const struct exception_frame *frame)
{
    for (unsigned i = 0; i < 31; i++) {
        console_print(i < 10 ? "   x%u %x%s" : "  x%u %x%s", i, frame->x[i],
                      i % 4 == 3 ? "\n" : "");
    }
    console_print("   sp %x\n", frame->sp);
}

static void put_headline(uint64_t vector)
{
    console_print("\n*** %s %s (CPU %u)\n", vector_kinds[vector % 4],
                  vector_origins[vector / 4 % 4], cpu_index());
}

/* One report ends the run: a CPU that comes later stays silent, and waits for that end. */
static void begin_report(void)
{
    uint32_t self = cpu_index() + 1;
    uint32_t nobody = 0;

    if (__atomic_compare_exchange_n(&exception_reporter, &nobody, self, false, __ATOMIC_RELAXED,
                                    __ATOMIC_RELAXED) ||
        nobody == self) {
        return;
    }
    __asm__ volatile("msr daifset, #15");
    for (;;) {
        __asm__ volatile("wfi");
    }
}

static void report(const struct exception_frame *frame, uint64_t vector)
{
    begin_report();
    put_headline(vector);
    if (vector % 4 == 0 || vector % 4 == 3) {
        put_syndrome(frame->esr, frame->far);
    }
    console_print("  ESR  %x  FAR  %x\n  ELR  %x  SPSR %x\n", frame->esr, frame->far, frame->elr,
                  frame->spsr);
    put_registers(frame);
    put_backtrace(frame->elr, frame->x[30], frame->x[29]);
}

bool exception_probe(void (*function)(void *), void *argument, struct exception_record *record)
{
    struct cpu *cpu = cpu_current();
    struct exception_probe probe = {.outer = cpu->probe, .record = record};
    int faulted;

    __atomic_store_n(&cpu->probe, &probe, __ATOMIC_RELAXED);
    __asm__ volatile("" ::: "memory");
    faulted = exception_probe_call(&probe, function, argument);
    __asm__ volatile("" ::: "memory");
    __atomic_store_n(&cpu->probe, probe.outer, __ATOMIC_RELAXED);
    return faulted != 0;
}

void exception_handle(struct exception_frame *frame, uint64_t vector)
{
    struct cpu *cpu = cpu_current();
    struct exception_probe *probe = cpu != NULL ? cpu->probe : NULL;

    if (probe != NULL && vector == 0) {
        *probe->record = (struct exception_record){
            .esr = frame->esr,
            .far = frame->far,
            .elr = frame->elr,
        };
        frame->x[0] = (uintptr_t)probe;
        frame->elr = (uintptr_t)exception_probe_resume;
        return;
    }
    report(frame, vector);
    power_exit(EXCEPTION_EXIT_STATUS);
}

/* An exception in a handler, of an interrupt or of an exception: say it once, and end. */
void exception_handle_nested(uint64_t vector, uint64_t frame_pointer, uint64_t link)
{
    uint64_t esr;
    uint64_t far;
    uint64_t elr;

    begin_report();
    if (__atomic_fetch_add(&exception_depth, 1, __ATOMIC_RELAXED) == 0) {
        __asm__ volatile("mrs %0, esr_el1" : "=r"(esr));
        __asm__ volatile("mrs %0, far_el1" : "=r"(far));
        __asm__ volatile("mrs %0, elr_el1" : "=r"(elr));
        put_headline(vector);
        put_syndrome(esr, far);
        console_print("  ESR  %x  FAR  %x  ELR  %x\n", esr, far, elr);
        put_backtrace(elr, link, frame_pointer);
    }
    power_exit(EXCEPTION_EXIT_STATUS);
}

static void __attribute__((noreturn)) panic_end(void)
{
    console_print(" (CPU %u)\n", cpu_index());
    put_backtrace(0, 0, (uintptr_t)__builtin_frame_address(0));
    power_exit(EXCEPTION_EXIT_STATUS);
}

void panic(const char *what)
{
    begin_report();
    console_print("\n*** panic: %s", what);
    panic_end();
}

void panic_detail(const char *what, uint64_t detail)
{
    begin_report();
    console_print("\n*** panic: %s: %x", what, detail);
    panic_end();
}

void memory_panic(const char *what, uint64_t address)
{
    panic_detail(what, address);
}
