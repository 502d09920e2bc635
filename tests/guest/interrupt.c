/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/guest/interrupt.h"

#include <string.h>

#include "baregpu/barrier.h"
#include "baregpu/error.h"
#include "firmware/apps/app.h"
#include "tests/guest/lib/tap.h"
#include "firmware/memory/lock.h"
#include "firmware/platform/cpu.h"
#include "firmware/platform/gic.h"
#include "firmware/platform/timer.h"

#define SGI 3u
#define ROUNDS 1000u
#define STORM_COUNT 10000u
#define LEVEL_REPEATS 5u
#define PRIORITIES 4u

void test_count_one(void *context)
{
    struct test_count *count = context;

    count->cpu = cpu_index();
    bg_store_release32(&count->count, count->count + 1);
}

uint32_t test_count_get(const struct test_count *count)
{
    return bg_load_acquire32(&count->count);
}

bool test_count_reaches(const struct test_count *count, uint32_t least)
{
    uint64_t deadline_ns = timer_deadline_ns(TEST_WAIT_NS);

    while (test_count_get(count) < least) {
        if (timer_has_passed(deadline_ns)) {
            return false;
        }
        bg_hal_wait(deadline_ns);
    }
    return true;
}

uint32_t test_free_spi(uint32_t n)
{
    return gic.spi_end - 1 - n;
}

/* Time in which what must not come would have come. */
static void let_pass(void)
{
    timer_delay_ns(100000);
}

static void test_sgi(void)
{
    struct test_count count = {0};
    uint32_t sent = 0;

    tap_equal(interrupt_attach(SGI, BG_HAL_TRIGGER_EDGE, BG_HAL_CPU_SELF, test_count_one, &count),
              0, "an SGI is attached");
    for (uint32_t i = 0; i < ROUNDS && test_count_reaches(&count, i); i++) {
        sent += interrupt_sgi_send(SGI, 1ull << cpu_index()) == 0;
    }
    tap_ok(test_count_reaches(&count, ROUNDS), "%u SGIs to itself", ROUNDS);
    tap_equal(test_count_get(&count), sent, "each is taken once");
    tap_equal(interrupt_sgi_send(16, 1), BG_ERR_INVALID, "there is no SGI 16");
    interrupt_detach(SGI);
    tap_equal(interrupt_set_pending(SGI, true), BG_ERR_INVALID, "detached");
}

static void test_attachments(void)
{
    static const uint32_t wrong[] = {1020, 1023, 1024, 4095, 8191, 8192, 0xffffff, UINT32_MAX};
    struct test_count count = {0};
    uint32_t spi = test_free_spi(0);
    uint32_t refused = 0;

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        refused += interrupt_attach(wrong[i], BG_HAL_TRIGGER_EDGE, BG_HAL_CPU_SELF, test_count_one,
                                    &count) == BG_ERR_INVALID;
    }
    tap_equal(refused, sizeof(wrong) / sizeof(wrong[0]), "numbers that are no interrupt's");
    tap_equal(interrupt_attach(spi, BG_HAL_TRIGGER_EDGE, BG_HAL_CPU(machine.cpu_count),
                               test_count_one, &count),
              BG_ERR_INVALID, "a CPU that is none");
    tap_equal(interrupt_attach(spi, BG_HAL_TRIGGER_EDGE, BG_HAL_CPU_SELF, NULL, &count),
              BG_ERR_INVALID, "no handler");
    tap_equal(
        interrupt_attach(spi, BG_HAL_TRIGGER_EDGE, BG_HAL_CPU(cpu_index()), test_count_one, &count),
        0, "an SPI is attached");
    tap_equal(interrupt_attach(spi, BG_HAL_TRIGGER_EDGE, BG_HAL_CPU_SELF, test_count_one, &count),
              BG_ERR_BUSY, "not twice");
    tap_equal(interrupt_set_priority(test_free_spi(1), 0), BG_ERR_INVALID,
              "what is not attached has no priority to set");
    interrupt_mask(test_free_spi(1));
    interrupt_unmask(test_free_spi(1));
    interrupt_detach(test_free_spi(1));
    interrupt_detach(spi);
    interrupt_detach(spi);
}

static void test_edge(void)
{
    struct test_count count = {0};
    uint32_t spi = test_free_spi(0);

    interrupt_attach(spi, BG_HAL_TRIGGER_EDGE, BG_HAL_CPU_SELF, test_count_one, &count);
    interrupt_set_pending(spi, true);
    tap_ok(test_count_reaches(&count, 1), "an SPI arrives");
    let_pass();
    tap_equal(test_count_get(&count), 1, "once");

    interrupt_mask(spi);
    interrupt_set_pending(spi, true);
    interrupt_set_pending(spi, true);
    let_pass();
    tap_equal(test_count_get(&count), 1, "masked, none arrives");
    tap_ok(interrupt_is_pending(spi), "it waits");
    interrupt_unmask(spi);
    tap_ok(test_count_reaches(&count, 2), "unmasked, it arrives");
    let_pass();
    tap_equal(test_count_get(&count), 2, "two edges meanwhile are one");
    tap_ok(!interrupt_is_pending(spi), "nothing waits any more");

    interrupt_mask(spi);
    interrupt_set_pending(spi, true);
    interrupt_set_pending(spi, false);
    interrupt_unmask(spi);
    let_pass();
    tap_equal(test_count_get(&count), 2, "what was taken back does not arrive");

    interrupt_mask(spi);
    interrupt_set_pending(spi, true);
    interrupt_detach(spi);
    let_pass();
    interrupt_attach(spi, BG_HAL_TRIGGER_EDGE, BG_HAL_CPU_SELF, test_count_one, &count);
    let_pass();
    tap_equal(test_count_get(&count), 2, "nor does what came before the attachment");
    interrupt_detach(spi);
}

/* ---- Level: the line of the timer that the kernel has no use for ---- */

static bool is_virtual_free;

static uint32_t line_find(void)
{
    char choice[16] = "";

    app_option("timer", choice, sizeof(choice));
    is_virtual_free = !strcmp(choice, "physical");
    return is_virtual_free ? machine.timer_virtual.intid : machine.timer_physical.intid;
}

struct level {
    uint32_t count;
    uint32_t quiet_after;
    uint32_t line;
    bool mask;
};

static void line_raise(void)
{
    if (is_virtual_free) {
        __asm__ volatile("msr cntv_cval_el0, xzr\n\tmsr cntv_ctl_el0, %0\n\tisb" ::"r"(1ull));
    } else {
        __asm__ volatile("msr cntp_cval_el0, xzr\n\tmsr cntp_ctl_el0, %0\n\tisb" ::"r"(1ull));
    }
}

static void line_lower(void)
{
    if (is_virtual_free) {
        __asm__ volatile("msr cntv_ctl_el0, xzr\n\tisb");
    } else {
        __asm__ volatile("msr cntp_ctl_el0, xzr\n\tisb");
    }
}

static void level_handler(void *context)
{
    struct level *level = context;

    level->count++;
    if (level->count < level->quiet_after) {
        return;
    }
    if (level->mask) {
        interrupt_mask(level->line);
    } else {
        line_lower();
    }
}

static bool level_reaches(const struct level *level, uint32_t least)
{
    uint64_t deadline_ns = timer_deadline_ns(TEST_WAIT_NS);

    while (__atomic_load_n(&level->count, __ATOMIC_RELAXED) < least) {
        if (timer_has_passed(deadline_ns)) {
            return false;
        }
    }
    return true;
}

static void test_level(void)
{
    uint32_t line = line_find();
    struct level level = {.quiet_after = LEVEL_REPEATS};

    if (line == 0) {
        tap_skip("no second timer", "levels");
        return;
    }
    line_lower();
    tap_equal(interrupt_attach(line, BG_HAL_TRIGGER_LEVEL, BG_HAL_CPU_SELF, level_handler, &level),
              0, "a line is attached");
    line_raise();
    tap_ok(level_reaches(&level, LEVEL_REPEATS), "a level comes again until it is lowered");
    let_pass();
    tap_equal(level.count, LEVEL_REPEATS, "and then no more");

    interrupt_mask(line);
    line_raise();
    let_pass();
    tap_equal(level.count, LEVEL_REPEATS, "masked, it is not delivered");
    tap_ok(interrupt_is_pending(line), "but seen");
    interrupt_unmask(line);
    tap_ok(level_reaches(&level, LEVEL_REPEATS + 1), "unmasked, it is");

    interrupt_mask(line);
    line_raise();
    line_lower();
    interrupt_unmask(line);
    let_pass();
    tap_equal(level.count, LEVEL_REPEATS + 1, "a level that is gone is forgotten");

    level = (struct level){.quiet_after = STORM_COUNT, .line = line, .mask = true};
    line_raise();
    tap_ok(level_reaches(&level, STORM_COUNT), "a storm of %u is survived", STORM_COUNT);
    let_pass();
    tap_equal(level.count, STORM_COUNT, "its handler masks it");
    line_lower();

    level = (struct level){.quiet_after = UINT32_MAX};
    tap_equal(interrupt_set_trigger(line, BG_HAL_TRIGGER_EDGE), 0, "the line by its edge");
    interrupt_unmask(line);
    line_raise();
    if (level_reaches(&level, 1) && level.count > LEVEL_REPEATS) {
        tap_skip("this PPI cannot be an edge", "comes once");
    } else {
        let_pass();
        tap_equal(level.count, 1, "comes once, however long it is raised");
    }
    interrupt_detach(line);
    line_lower();
}

/* ---- Priorities ---- */

struct order {
    uint32_t next;
    struct order_entry {
        struct order *order;
        uint32_t place;
    } entries[PRIORITIES];
};

static void order_handler(void *context)
{
    struct order_entry *entry = context;

    entry->place = ++entry->order->next;
}

static void test_priorities(void)
{
    static const uint8_t priorities[PRIORITIES] = {0xc0, 0x40, 0xe0, 0x00};
    static const uint32_t expected[PRIORITIES] = {3, 2, 4, 1};
    struct order order = {0};
    uint32_t in_order = 0;
    uint64_t state;

    for (uint32_t i = 0; i < PRIORITIES; i++) {
        order.entries[i].order = &order;
        interrupt_attach(test_free_spi(i), BG_HAL_TRIGGER_EDGE, BG_HAL_CPU_SELF, order_handler,
                         &order.entries[i]);
        interrupt_set_priority(test_free_spi(i), priorities[i]);
    }
    state = interrupts_mask();
    for (uint32_t i = 0; i < PRIORITIES; i++) {
        interrupt_set_pending(test_free_spi(i), true);
    }
    interrupts_restore(state);
    let_pass();
    tap_equal(interrupt_set_priority(test_free_spi(0), 0xf0), BG_ERR_INVALID,
              "0xf0 would not be signalled everywhere");
    for (uint32_t i = 0; i < PRIORITIES; i++) {
        in_order += order.entries[i].place == expected[i];
        tap_diag("priority 0x%02x came as number %u", priorities[i],
                 (unsigned)order.entries[i].place);
        interrupt_detach(test_free_spi(i));
    }
    tap_equal(in_order, PRIORITIES, "of several the most urgent comes first");
}

/* ---- What nobody expects ---- */

static void test_spurious(void)
{
    struct interrupt_statistics before = interrupt_statistics(cpu_index());
    uint64_t state = interrupts_mask();
    struct interrupt_statistics after;

    interrupt_take();
    interrupts_restore(state);
    after = interrupt_statistics(cpu_index());
    tap_equal(after.spurious, before.spurious + 1, "an acknowledgement of nothing is spurious");
    tap_equal(after.taken, before.taken + 1, "and counted");
}

static void test_unhandled(void)
{
    struct interrupt_statistics before = interrupt_statistics(cpu_index());
    uint32_t spi = test_free_spi(0);
    struct interrupt_statistics after;

    gic_set_edge(spi, true);
    gic_set_target(spi, cpu_index());
    gic_enable(spi);
    gic_set_pending(spi, true);
    let_pass();
    after = interrupt_statistics(cpu_index());
    tap_equal(after.unhandled, before.unhandled + 1, "an interrupt without a handler is counted");
    tap_ok(!gic_is_enabled(spi), "and masked");
    gic_set_pending(spi, true);
    let_pass();
    tap_equal(interrupt_statistics(cpu_index()).unhandled, before.unhandled + 1, "once");
    gic_set_pending(spi, false);
}

/*
 * All general registers and the flags across an interrupt, taken at the daifclr. x18 is left out
 * of nothing; x29 and x30 are saved around.
 */
static void __attribute__((noinline)) registers_across(const uint64_t *in, uint64_t *out)
{
    __asm__ volatile("stp x29, x30, [sp, #-32]!\n\t"
                     "stp %[out], x19, [sp, #16]\n\t"
                     "mov x30, %[in]\n\t"
                     "ldp x0, x1, [x30]\n\t"
                     "ldp x2, x3, [x30, #16]\n\t"
                     "ldp x4, x5, [x30, #32]\n\t"
                     "ldp x6, x7, [x30, #48]\n\t"
                     "ldp x8, x9, [x30, #64]\n\t"
                     "ldp x10, x11, [x30, #80]\n\t"
                     "ldp x12, x13, [x30, #96]\n\t"
                     "ldp x14, x15, [x30, #112]\n\t"
                     "ldp x16, x17, [x30, #128]\n\t"
                     "ldp x18, x19, [x30, #144]\n\t"
                     "ldp x20, x21, [x30, #160]\n\t"
                     "ldp x22, x23, [x30, #176]\n\t"
                     "ldp x24, x25, [x30, #192]\n\t"
                     "ldp x26, x27, [x30, #208]\n\t"
                     "ldp x28, x29, [x30, #224]\n\t"
                     "ldr x30, [x30, #240]\n\t"
                     "cmp xzr, xzr\n\t"
                     "msr daifclr, #2\n\t"
                     "isb\n\t"
                     "nop\n\t"
                     "msr daifset, #2\n\t"
                     "b.ne 1f\n\t"
                     "stp x28, x29, [sp, #-16]!\n\t"
                     "ldr x28, [sp, #32]\n\t"
                     "stp x0, x1, [x28]\n\t"
                     "stp x2, x3, [x28, #16]\n\t"
                     "stp x4, x5, [x28, #32]\n\t"
                     "stp x6, x7, [x28, #48]\n\t"
                     "stp x8, x9, [x28, #64]\n\t"
                     "stp x10, x11, [x28, #80]\n\t"
                     "stp x12, x13, [x28, #96]\n\t"
                     "stp x14, x15, [x28, #112]\n\t"
                     "stp x16, x17, [x28, #128]\n\t"
                     "stp x18, x19, [x28, #144]\n\t"
                     "stp x20, x21, [x28, #160]\n\t"
                     "stp x22, x23, [x28, #176]\n\t"
                     "stp x24, x25, [x28, #192]\n\t"
                     "stp x26, x27, [x28, #208]\n\t"
                     "ldp x0, x1, [sp], #16\n\t"
                     "stp x0, x1, [x28, #224]\n\t"
                     "str x30, [x28, #240]\n\t"
                     "1: ldr x19, [sp, #24]\n\t"
                     "ldp x29, x30, [sp], #32\n\t"
                     :
                     : [in] "r"(in), [out] "r"(out)
                     : "x0", "x1", "x2", "x3", "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11",
                       "x12", "x13", "x14", "x15", "x16", "x17", "x18", "x20", "x21", "x22", "x23",
                       "x24", "x25", "x26", "x27", "x28", "cc", "memory");
}

/* A handler that uses what it may. */
static void spoil_handler(void *context)
{
    __asm__ volatile("mov x0, #-1\n\tmov x1, #-1\n\tmov x2, #-1\n\tmov x3, #-1\n\t"
                     "mov x4, #-1\n\tmov x5, #-1\n\tmov x6, #-1\n\tmov x7, #-1\n\t"
                     "mov x8, #-1\n\tmov x9, #-1\n\tmov x10, #-1\n\tmov x11, #-1\n\t"
                     "mov x12, #-1\n\tmov x13, #-1\n\tmov x14, #-1\n\tmov x15, #-1\n\t"
                     "mov x16, #-1\n\tmov x17, #-1\n\tmov x18, #-1\n\tcmp x0, xzr" ::
                         : "x0", "x1", "x2", "x3", "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11",
                           "x12", "x13", "x14", "x15", "x16", "x17", "x18", "cc");
    test_count_one(context);
}

static void test_registers(void)
{
    struct test_count count = {0};
    uint32_t spi = test_free_spi(0);
    uint64_t in[31];
    uint64_t out[31] = {0};
    uint64_t state;

    for (uint64_t i = 0; i < 31; i++) {
        in[i] = 0x1111111111111111ull * (i % 15 + 1) + i;
    }
    interrupt_attach(spi, BG_HAL_TRIGGER_EDGE, BG_HAL_CPU_SELF, spoil_handler, &count);
    state = interrupts_mask();
    interrupt_set_pending(spi, true);
    registers_across(in, out);
    interrupts_restore(state);
    tap_equal(test_count_get(&count), 1, "an interrupt between two instructions");
    tap_ok(!memcmp(in, out, sizeof(in)), "changes no register");
    interrupt_detach(spi);
}

static int test_interrupt(void)
{
    tap_plan(0);
    if (interrupt_init_cpu()) {
        tap_bail("no interrupts: %s", interrupt_problem());
        return 1;
    }
    tap_diag("GICv%u, %u interrupts, %u CPUs", (unsigned)gic.version, (unsigned)gic.spi_end,
             (unsigned)machine.cpu_count);
    test_sgi();
    test_attachments();
    test_edge();
    test_level();
    test_priorities();
    test_spurious();
    test_unhandled();
    test_registers();
    test_interrupt_timers();
    test_interrupt_sleep();
    test_interrupt_messages();
    test_interrupt_cpus();
    return tap_done();
}

APP(test_interrupt, "interrupts, timers, sleeping, messages; on several CPUs", test_interrupt,
    "expect_msi");
