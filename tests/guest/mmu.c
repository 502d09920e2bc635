/* SPDX-License-Identifier: BSD-2-Clause */
/* run=test_mmu: permissions, proved by faults that are provoked and caught. */
#include <stdint.h>
#include <stdlib.h>

#include "firmware/apps/app.h"
#include "tests/guest/lib/tap.h"
#include "baregpu/hal.h"
#include "baregpu/mmio.h"
#include "firmware/platform/cpu.h"
#include "firmware/platform/exception.h"
#include "firmware/platform/machine.h"
#include "firmware/platform/mmu.h"
#include "firmware/platform/sections.h"

#define MIB 0x100000ull
#define GIB 0x40000000ull

#define FAULT_TRANSLATION 0x04 /* bits 1:0 are the level */
#define FAULT_PERMISSION 0x0c

static const uint32_t constant_word = 0xd65f03c0; /* ret */
static uint32_t data_word = 0xd65f03c0;

static void read_word(void *address)
{
    bg_mmio_read32(address, 0);
}

static void write_word(void *address)
{
    bg_mmio_write32(address, 0, 0);
}

static void execute(void *address)
{
    __asm__ volatile("blr %0" ::"r"(address) : "x30", "memory", "cc");
}

/* The fault has this class and status, its level aside, and names the address. */
static void expect_fault(void (*access)(void *), uint64_t address, unsigned class, unsigned status,
                         const char *what)
{
    struct exception_record record = {0};
    bool faulted = exception_probe(access, (void *)(uintptr_t)address, &record);
    unsigned got = EXCEPTION_FAULT_STATUS(record.esr);

    if (!tap_ok(faulted && EXCEPTION_CLASS(record.esr) == class && (got & 0x3c) == status &&
                    record.far == address,
                "%s faults", what)) {
        tap_diag("faulted %d, esr %#llx, far %#llx", faulted, (unsigned long long)record.esr,
                 (unsigned long long)record.far);
    }
}

static void expect_no_fault(void (*access)(void *), uint64_t address, const char *what)
{
    struct exception_record record;

    tap_ok(!exception_probe(access, (void *)(uintptr_t)address, &record), "%s works", what);
}

static void expect_write_fault(uint64_t address, const char *what)
{
    expect_fault(write_word, address, EXCEPTION_CLASS_DATA, FAULT_PERMISSION, what);
}

static void expect_execute_fault(uint64_t address, const char *what)
{
    expect_fault(execute, address, EXCEPTION_CLASS_INSTRUCTION, FAULT_PERMISSION, what);
}

static void expect_unmapped(uint64_t address, const char *what)
{
    expect_fault(read_word, address, EXCEPTION_CLASS_DATA, FAULT_TRANSLATION, what);
}

static void test_image(void)
{
    uint32_t on_stack = constant_word;
    uint32_t *on_heap = malloc(sizeof(*on_heap));

    expect_no_fault(read_word, (uintptr_t)test_image, "reading code");
    expect_write_fault((uintptr_t)test_image & ~3ull, "writing code");
    expect_no_fault(read_word, (uintptr_t)&constant_word, "reading a constant");
    expect_write_fault((uintptr_t)&constant_word, "writing a constant");
    expect_execute_fault((uintptr_t)&constant_word, "executing a constant");
    expect_execute_fault((uintptr_t)&data_word, "executing data");
    expect_execute_fault((uintptr_t)&on_stack, "executing the stack");
    *on_heap = constant_word;
    expect_execute_fault((uintptr_t)on_heap, "executing the heap");
    free(on_heap);
    expect_no_fault(write_word, (uintptr_t)&data_word, "writing data");
}

static void test_unmapped(void)
{
    const struct machine_range *last = &machine.memory[machine.memory_count - 1];

    expect_unmapped(0, "reading address 0");
    expect_fault(write_word, 8, EXCEPTION_CLASS_DATA, FAULT_TRANSLATION, "writing near address 0");
    expect_fault(execute, 0, EXCEPTION_CLASS_INSTRUCTION, FAULT_TRANSLATION, "executing address 0");
    expect_unmapped(last->base + last->size, "reading past the end of memory");
    expect_unmapped(machine.memory[0].base - 4, "reading below memory");
    expect_no_fault(read_word, last->base + last->size - 4, "reading the last word of memory");
}

static void test_guard_pages(void)
{
    uint64_t guard;
    uint32_t count;

    for (count = 0; cpu_stack_guard(count, &guard); count++) {
        expect_unmapped(guard, "a guard page's first word");
        expect_unmapped(guard + 4092, "a guard page's last word");
    }
    tap_equal(count, 3 * machine.cpu_count, "each CPU has three guard pages");
}

static volatile unsigned recursion_depth;

static __attribute__((noinline)) unsigned recurse(unsigned n)
{
    volatile char frame[256];

    if (n == UINT32_MAX) {
        return 0;
    }
    frame[0] = (char)n;
    recursion_depth++;
    return recurse(n + 1) + (unsigned)frame[0];
}

static void overflow_stack(void *argument)
{
    (void)argument;
    recurse(0);
}

static void test_stack_overflow(void)
{
    struct exception_record record = {0};

    tap_ok(exception_probe(overflow_stack, NULL, &record) && cpu_is_stack_guard(record.far),
           "endless recursion ends in the guard page");
    tap_ok(recursion_depth > 100, "after %u calls", recursion_depth);
}

/* bg_hal_map's contract. */
static void test_map(void)
{
    uint64_t ecam = machine.pci_ecam_base;
    uint64_t ram = machine.memory[0].base;
    void *config;

    expect_unmapped(ecam, "a register that is not mapped");
    config = bg_hal_map(ecam, machine.pci_ecam_size, BG_HAL_MEMORY_DEVICE);
    tap_ok(config == (void *)(uintptr_t)ecam, "ECAM can be mapped");
    tap_equal(bg_mmio_read32(config, 0) & 0xffff, 0x1b36, "the host bridge answers in it");
    tap_ok(bg_hal_map(ecam, machine.pci_ecam_size, BG_HAL_MEMORY_DEVICE) == config,
           "again: the same");
    tap_ok(bg_hal_map(ecam + 0x1004, 8, BG_HAL_MEMORY_DEVICE) == (char *)config + 0x1004,
           "a part of it, not on a page: the same");
    tap_ok(bg_hal_map(ecam, 4096, BG_HAL_MEMORY_NORMAL) == NULL, "not with another type");
    expect_execute_fault(ecam, "executing registers");
    tap_ok(bg_hal_map(ram, 4096, BG_HAL_MEMORY_DEVICE) == NULL, "RAM cannot become registers");
    tap_ok(bg_hal_map(ram + 16 * MIB, 4096, BG_HAL_MEMORY_NORMAL) == NULL,
           "nor be a device's memory");
    tap_ok(bg_hal_map((uintptr_t)__stack_guard, 4096, BG_HAL_MEMORY_NORMAL) == NULL,
           "a guard page stays one");
    tap_ok(bg_hal_map((uintptr_t)test_map, 4, BG_HAL_MEMORY_NORMAL) == NULL, "code stays code");
    tap_ok(bg_hal_map(0, 4096, BG_HAL_MEMORY_DEVICE) == NULL, "address 0 stays unmapped");
    tap_ok(bg_hal_map(ecam, 0, BG_HAL_MEMORY_DEVICE) == NULL, "nothing cannot be mapped");
    tap_ok(bg_hal_map(UINT64_MAX - 4095, 4096, BG_HAL_MEMORY_DEVICE) == NULL, "nor the last page");
    tap_ok(bg_hal_map(4096, UINT64_MAX, BG_HAL_MEMORY_DEVICE) == NULL, "nor everything");
    tap_ok(bg_hal_map(1ull << 48, 4096, BG_HAL_MEMORY_DEVICE) == NULL, "nor what is out of reach");
}

static void test_large_map(void)
{
    uint64_t base = machine.pci_mem64.cpu_base;
    uint64_t at = base + 4 * GIB - 2 * MIB - 4096; /* pages, blocks of 2 MiB and of 1 GiB */

    if (machine.pci_mem64.size < 8 * GIB) {
        tap_skip("no 64-bit PCI window", "a large map");
        return;
    }
    tap_ok(bg_hal_map(at, 2 * GIB, BG_HAL_MEMORY_NORMAL) != NULL,
           "2 GiB above 512 GiB can be mapped");
    tap_ok(mmu_query(at).mapped && !mmu_query(at).executable && mmu_query(at).writable,
           "its first page is");
    tap_ok(mmu_query(at + 2 * GIB - 1).mapped, "its last page is");
    tap_ok(!mmu_query(at - 1).mapped && !mmu_query(at + 2 * GIB).mapped, "no more than that is");
    tap_ok(bg_hal_map(base, 4 * GIB, BG_HAL_MEMORY_DEVICE) == NULL,
           "an overlap of another type fails");
    tap_ok(!mmu_query(base).mapped, "and leaves nothing behind");
    tap_ok(bg_hal_map(base, 8 * GIB, BG_HAL_MEMORY_NORMAL) != NULL,
           "one of the same type is filled up");
    tap_ok(mmu_query(base).mapped && mmu_query(base + 8 * GIB - 1).mapped, "from end to end");
}

static void undefined_instruction(void *argument)
{
    (void)argument;
    __asm__ volatile(".inst 0");
}

static void supervisor_call(void *argument)
{
    (void)argument;
    __asm__ volatile("svc #7");
}

static void break_point(void *argument)
{
    (void)argument;
    __asm__ volatile("brk #9");
}

static void expect_class(void (*function)(void *), void *argument, unsigned class, const char *what)
{
    struct exception_record record = {0};
    bool faulted = exception_probe(function, argument, &record);

    tap_ok(faulted && EXCEPTION_CLASS(record.esr) == class, "%s is caught as such (%s)", what,
           exception_class_name(record.esr));
}

static void probe_inside(void *argument)
{
    struct exception_record inner;

    *(bool *)argument = exception_probe(undefined_instruction, NULL, &inner);
    break_point(NULL);
}

static void test_probe(void)
{
    struct exception_record record = {0};
    bool inner = false;

    expect_class(execute, (char *)test_probe + 2, EXCEPTION_CLASS_PC_ALIGNMENT,
                 "a misaligned jump");
    expect_class(undefined_instruction, NULL, EXCEPTION_CLASS_UNKNOWN, "an undefined instruction");
    expect_class(supervisor_call, NULL, EXCEPTION_CLASS_SVC, "svc");
    expect_class(break_point, NULL, EXCEPTION_CLASS_BRK, "brk");
    tap_ok(exception_probe(probe_inside, &inner, &record) && inner &&
               EXCEPTION_CLASS(record.esr) == EXCEPTION_CLASS_BRK,
           "probes nest");
}

static int test_mmu(void)
{
    tap_plan(0);
    test_image();
    test_unmapped();
    test_guard_pages();
    test_stack_overflow();
    test_map();
    test_large_map();
    test_probe();
    return tap_done();
}

APP(test_mmu, "tests memory permissions by provoking faults", test_mmu, "");
