/* SPDX-License-Identifier: BSD-2-Clause */
// build: firmware/platform/timer_event.c firmware/platform/timer_heap.c
// build: firmware/platform/bootargs.c tests/fake/hal.c
/* One-shot timers on a clock and a timer of one tick a nanosecond that the test moves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "baregpu/error.h"
#include "firmware/platform/cpu.h"
#include "firmware/platform/interrupt.h"
#include "firmware/platform/machine.h"
#include "firmware/platform/timer.h"
#include "firmware/platform/timer_hw.h"
#include "tests/fake/hal.h"

#define HOUR_NS 3600000000000ull
#define CALLS_MAX 100

extern struct machine machine_fake __asm__("machine");
struct machine machine_fake;

static struct {
    bool is_set;
    bool is_physical;
    uint64_t at_ns;
    unsigned sets, stops;
    uint32_t intid;
    bg_hal_interrupt_handler *handler;
    unsigned wakes_nobody;
    uint32_t cpu;
} hw;

static struct {
    struct timer *timer;
    uint64_t at_ns;
} calls[CALLS_MAX];
static unsigned call_count;

/* ---- What timer_event.c calls ---- */

uint32_t cpu_index(void)
{
    return hw.cpu;
}

int interrupt_init_cpu(void)
{
    return 0;
}

int interrupt_attach(uint32_t intid, enum bg_hal_trigger trigger, uint32_t cpu,
                     bg_hal_interrupt_handler *handler, void *context)
{
    assert_int_equal(cpu, BG_HAL_CPU_SELF);
    assert_int_equal(trigger, BG_HAL_TRIGGER_LEVEL);
    assert_null(context);
    hw.intid = intid;
    hw.handler = handler;
    return 0;
}

void interrupt_wakes_nobody(void)
{
    hw.wakes_nobody++;
}

uint64_t timer_ns_to_ticks(uint64_t ns)
{
    return ns;
}

void timer_hw_set(bool is_physical, uint64_t ticks)
{
    hw.is_set = true;
    hw.is_physical = is_physical;
    hw.at_ns = fake_hal.now_ns + ticks;
    hw.sets++;
}

void timer_hw_stop(bool is_physical)
{
    hw.is_set = false;
    hw.is_physical = is_physical;
    hw.stops++;
}

/* ---- ---- */

static void count_call(struct timer *timer)
{
    assert_false(timer->is_armed);
    assert_true(fake_hal.now_ns >= timer->deadline_ns);
    calls[call_count % CALLS_MAX].timer = timer;
    calls[call_count++ % CALLS_MAX].at_ns = fake_hal.now_ns;
}

/* Time goes on; the line interrupts as long as it is raised. Returns how often. */
static unsigned go_to(uint64_t ns)
{
    unsigned interrupts = 0;

    while (hw.is_set && hw.at_ns <= ns) {
        fake_hal.now_ns = hw.at_ns > fake_hal.now_ns ? hw.at_ns : fake_hal.now_ns;
        hw.handler(NULL);
        assert_true(++interrupts < 1000);
    }
    fake_hal.now_ns = ns;
    return interrupts;
}

static void begin(const char *bootargs)
{
    memset(&hw, 0, sizeof(hw));
    memset(&machine_fake, 0, sizeof(machine_fake));
    memset(calls, 0, sizeof(calls));
    call_count = 0;
    fake_hal.now_ns = 1000;
    machine_fake.timer_virtual.intid = 27;
    machine_fake.timer_physical.intid = 30;
    strcpy(machine_fake.bootargs, bootargs);
}

static void begin_ready(void)
{
    begin("");
    assert_int_equal(timer_init_cpu(), 0);
    assert_int_equal(hw.stops, 1);
}

static void test_which_timer(void **state)
{
    struct timer timer = {.function = count_call};

    (void)state;
    begin("run=x");
    assert_int_equal(timer_init_cpu(), 0);
    assert_int_equal(hw.intid, 27);
    assert_false(hw.is_physical);
    begin("timer=physical");
    assert_int_equal(timer_init_cpu(), 0);
    assert_int_equal(hw.intid, 30);
    assert_int_equal(timer_start(&timer, 2000), 0);
    assert_true(hw.is_physical);
    timer_stop(&timer);
    begin("");
    machine_fake.timer_virtual.intid = 0;
    assert_int_equal(timer_init_cpu(), 0);
    assert_int_equal(hw.intid, 30);
    machine_fake.timer_physical.intid = 0;
    assert_int_equal(timer_init_cpu(), BG_ERR_UNSUPPORTED);
    hw.cpu = 1; /* which never had one */
    assert_int_equal(timer_start(&timer, 2000), BG_ERR_UNSUPPORTED);
    assert_false(timer.is_armed);
}

static void test_order_and_stop(void **state)
{
    struct timer timers[3] = {
        {.function = count_call}, {.function = count_call}, {.function = count_call}};

    (void)state;
    begin_ready();
    timer_start(&timers[0], 5000);
    timer_start(&timers[1], 3000);
    timer_start(&timers[2], 4000);
    assert_int_equal(hw.sets, 2); /* the third is no earlier */
    assert_true(timer_stop(&timers[2]));
    assert_false(timer_stop(&timers[2]));
    go_to(2999);
    assert_int_equal(call_count, 0);
    go_to(10000);
    assert_int_equal(call_count, 2);
    assert_ptr_equal(calls[0].timer, &timers[1]);
    assert_ptr_equal(calls[1].timer, &timers[0]);
    assert_in_range(calls[1].at_ns, 5000, 5002);
    assert_false(hw.is_set); /* nothing more to come: the line is down */
}

static void test_far_deadlines(void **state)
{
    struct timer timer = {.function = count_call};
    struct timer never = {.function = count_call};

    (void)state;
    begin_ready();
    timer_start(&never, TIMER_NEVER);
    assert_false(hw.is_set);
    timer_start(&timer, 1000 + 10 * HOUR_NS + 5);
    assert_true(hw.at_ns <= 1000 + HOUR_NS + 2); /* looks again */
    assert_int_equal(go_to(1000 + 10 * HOUR_NS), 9);
    assert_int_equal(call_count, 0);
    assert_int_equal(hw.wakes_nobody, 9);
    go_to(1000 + 10 * HOUR_NS + 10);
    assert_int_equal(call_count, 1);
    assert_int_equal(hw.wakes_nobody, 9);
    assert_false(hw.is_set);
    timer_stop(&never);
}

/* One that is always due lets others have their turn, and time passes. */
static void restart(struct timer *timer)
{
    call_count++;
    timer_start(timer, 0);
}

static void test_always_due(void **state)
{
    struct timer timer = {.function = restart};

    (void)state;
    begin_ready();
    timer_start(&timer, 0);
    assert_true(hw.is_set);
    fake_hal.now_ns = hw.at_ns;
    hw.handler(NULL);
    assert_in_range(call_count, 1, 64);
    assert_true(hw.is_set && hw.at_ns <= fake_hal.now_ns + 2);
    assert_true(timer_stop(&timer));
}

/* A sleep ends at its deadline; one that ends early leaves it to the interrupt to find nothing. */
static void test_sleeps(void **state)
{
    struct timer timer = {.function = count_call};

    (void)state;
    begin_ready();
    timer_sleep_begin(5000);
    assert_int_equal(go_to(6000), 1);
    assert_int_equal(hw.wakes_nobody, 0);
    assert_false(hw.is_set);
    timer_sleep_end();

    timer_sleep_begin(8000);
    timer_sleep_end();
    timer_sleep_begin(9000); /* no write to the hardware */
    assert_in_range(hw.at_ns, 8000, 8002);
    timer_sleep_end();
    timer_sleep_begin(20000);
    assert_int_equal(go_to(15000), 1);
    assert_int_equal(hw.wakes_nobody, 1);
    assert_in_range(hw.at_ns, 20000, 20002);
    timer_start(&timer, 16000); /* an earlier one is heard of */
    go_to(17000);
    assert_int_equal(call_count, 1);
    assert_int_equal(go_to(30000), 1);
    assert_int_equal(hw.wakes_nobody, 1);
    timer_sleep_end();
    timer_sleep_begin(UINT64_MAX);
    assert_false(hw.is_set);
    timer_sleep_end();
}

/* Each CPU has its own. */
static void test_cpus(void **state)
{
    struct timer timer = {.function = count_call};
    struct timer other = {.function = count_call};

    (void)state;
    begin_ready();
    hw.cpu = 2;
    assert_int_equal(timer_init_cpu(), 0);
    timer_start(&other, 2000);
    hw.cpu = 0;
    timer_start(&timer, 3000);
    assert_in_range(hw.at_ns, 3000, 3002);
    fake_hal.now_ns = 5000;
    hw.handler(NULL);
    assert_int_equal(call_count, 1);
    hw.cpu = 2;
    hw.handler(NULL);
    assert_int_equal(call_count, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_which_timer),   cmocka_unit_test(test_order_and_stop),
        cmocka_unit_test(test_far_deadlines), cmocka_unit_test(test_always_due),
        cmocka_unit_test(test_sleeps),        cmocka_unit_test(test_cpus),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
