/* SPDX-License-Identifier: BSD-2-Clause */
/* One-shot timers, and sleeps that a timer or an interrupt ends. */
#include "tests/guest/interrupt.h"

#include <stdlib.h>

#include "baregpu/barrier.h"
#include "tests/guest/lib/tap.h"
#include "firmware/memory/lock.h"
#include "firmware/platform/timer.h"

#define MS 1000000ull
#define MANY 1000u
#define MANY_SPAN_NS (20 * MS)
#define PERIODS 10u
#define SLEEP_ROUNDS 2000u
#define RANDOM_FACTOR 6364136223846793005ull
#define SGI 5u

struct mark {
    struct timer timer;
    uint64_t called_ns;
    uint32_t calls;
    uint32_t place;
    uint32_t again; /* calls until it is left alone */
    uint64_t period_ns;
};

static uint32_t places;

static void mark_function(struct timer *timer)
{
    struct mark *mark = timer->context;

    mark->called_ns = bg_hal_time_ns();
    mark->place = ++places;
    if (++mark->calls < mark->again) {
        timer_start(timer, timer->deadline_ns + mark->period_ns);
    }
}

static struct mark mark_new(struct mark *at)
{
    return (struct mark){.timer = {.function = mark_function, .context = at}};
}

static bool marks_reach(const struct mark *marks, uint32_t count, uint32_t calls)
{
    uint64_t deadline_ns = timer_deadline_ns(TEST_WAIT_NS);

    for (uint32_t i = 0; i < count; i++) {
        while (__atomic_load_n(&marks[i].calls, __ATOMIC_RELAXED) < calls) {
            if (timer_has_passed(deadline_ns)) {
                return false;
            }
        }
    }
    return true;
}

static void test_order(void)
{
    static const uint64_t after_ms[] = {5, 1, 3};
    static const uint32_t expected[] = {3, 1, 2};
    struct mark marks[3];
    uint64_t state = interrupts_mask(); /* however long the host lets us wait */
    uint64_t now_ns = bg_hal_time_ns();
    uint32_t started = 0;
    uint32_t in_place = 0;
    uint32_t in_time = 0;

    places = 0;
    for (uint32_t i = 0; i < 3; i++) {
        marks[i] = mark_new(&marks[i]);
        started += timer_start(&marks[i].timer, now_ns + after_ms[i] * MS) == 0;
    }
    interrupts_restore(state);
    tap_equal(started, 3, "timers in 5, 1 and 3 ms");
    tap_ok(marks_reach(marks, 3, 1), "all are called");
    for (uint32_t i = 0; i < 3; i++) {
        in_place += marks[i].place == expected[i];
        in_time += marks[i].called_ns >= marks[i].timer.deadline_ns;
    }
    tap_equal(in_place, 3, "in the order of their deadlines");
    tap_equal(in_time, 3, "none before its deadline");
}

static void test_start_and_stop(void)
{
    struct mark mark = mark_new(&mark);
    struct mark other = mark_new(&other);
    uint64_t now_ns = bg_hal_time_ns();
    uint64_t state;

    timer_start(&mark.timer, 0);
    tap_ok(marks_reach(&mark, 1, 1), "a deadline that has passed is due at once");
    timer_start(&mark.timer, TIMER_NEVER);
    timer_start(&other.timer, now_ns + 1000000 * MS * 3600 * 24);
    tap_ok(timer_stop(&mark.timer) && timer_stop(&other.timer), "stopped before their time");
    tap_ok(!timer_stop(&mark.timer), "not twice");
    state = interrupts_mask();
    timer_start(&mark.timer, timer_deadline_ns(2 * MS));
    timer_stop(&mark.timer);
    interrupts_restore(state);
    timer_delay_ns(4 * MS);
    tap_equal(mark.calls, 1, "a stopped timer is not called");
    timer_start(&mark.timer, timer_deadline_ns(1000 * MS));
    timer_start(&mark.timer, timer_deadline_ns(MS));
    tap_ok(marks_reach(&mark, 1, 2), "started anew, the later start counts");
    mark = mark_new(&mark);
    mark.again = PERIODS;
    mark.period_ns = MS / 2;
    timer_start(&mark.timer, timer_deadline_ns(MS));
    tap_ok(marks_reach(&mark, 1, PERIODS), "its function may start it again");
}

static bool are_in_disorder(const struct mark *a, const struct mark *b)
{
    if (a->calls == 0 || b->calls == 0 || a->timer.deadline_ns == b->timer.deadline_ns) {
        return false;
    }
    return (a->timer.deadline_ns < b->timer.deadline_ns) != (a->place < b->place);
}

static void test_many(void)
{
    struct mark *marks = malloc(MANY * sizeof(*marks));
    uint64_t random = 1;
    uint64_t state = interrupts_mask();
    uint64_t now_ns = bg_hal_time_ns();
    uint64_t latest_ns = 0;
    uint32_t once = 0;
    uint32_t early = 0;
    uint32_t stopped = 0;
    uint32_t disorder = 0;

    places = 0;
    for (uint32_t i = 0; i < MANY; i++) {
        random = random * RANDOM_FACTOR + 1442695040888963407ull;
        marks[i] = mark_new(&marks[i]);
        timer_start(&marks[i].timer, now_ns + 10 * MS + (random >> 33) % MANY_SPAN_NS);
    }
    for (uint32_t i = 0; i < MANY; i += 10) {
        stopped += timer_stop(&marks[i].timer);
    }
    interrupts_restore(state);
    for (uint32_t i = 0; i < MANY; i++) {
        if (i % 10) {
            marks_reach(&marks[i], 1, 1);
        }
    }
    for (uint32_t i = 0; i < MANY; i++) {
        once += marks[i].calls == (i % 10 ? 1 : 0);
        early += marks[i].calls && marks[i].called_ns < marks[i].timer.deadline_ns;
        for (uint32_t k = 0; k < i; k++) {
            disorder += are_in_disorder(&marks[i], &marks[k]);
        }
        if (marks[i].calls && marks[i].called_ns - marks[i].timer.deadline_ns > latest_ns) {
            latest_ns = marks[i].called_ns - marks[i].timer.deadline_ns;
        }
    }
    tap_diag("the latest came %u us late", (unsigned)(latest_ns / 1000));
    tap_equal(stopped, MANY / 10, "every tenth of %u timers is stopped", MANY);
    tap_equal(once, MANY, "of %u timers each is called once, but for those stopped", MANY);
    tap_equal(early, 0, "none early");
    tap_equal(disorder, 0, "all in order");
    free(marks);
}

void test_interrupt_timers(void)
{
    test_order();
    test_start_and_stop();
    test_many();
}

/* ---- Sleep ---- */

static void test_deadline(void)
{
    uint64_t before_ns;
    uint64_t slept_ns;

    bg_hal_sleep(NULL, 0); /* what came before */
    before_ns = bg_hal_time_ns();
    bg_hal_sleep(NULL, before_ns + 20 * MS);
    slept_ns = bg_hal_time_ns() - before_ns;
    tap_ok(slept_ns >= 20 * MS, "a sleep lasts until its deadline (%u us)",
           (unsigned)(slept_ns / 1000));
    before_ns = bg_hal_time_ns();
    bg_hal_sleep(NULL, before_ns);
    bg_hal_sleep(NULL, before_ns - 1);
    tap_ok(bg_hal_time_ns() - before_ns < TEST_WAIT_NS, "none is none");
}

static void test_end_of_sleep(void)
{
    struct mark mark = mark_new(&mark);
    struct test_count count = {0};
    uint64_t before_ns;

    bg_hal_sleep(NULL, 0);
    before_ns = bg_hal_time_ns();
    timer_start(&mark.timer, before_ns + 5 * MS);
    bg_hal_sleep(NULL, before_ns + TEST_WAIT_NS);
    tap_ok(mark.calls == 1 && bg_hal_time_ns() - before_ns < TEST_WAIT_NS,
           "a timer's call ends a longer sleep");
    timer_start(&mark.timer, bg_hal_time_ns() + 2 * MS);
    bg_hal_sleep(NULL, UINT64_MAX);
    tap_equal(mark.calls, 2, "and an endless one");

    interrupt_attach(SGI, BG_HAL_TRIGGER_EDGE, BG_HAL_CPU_SELF, test_count_one, &count);
    bg_hal_sleep(NULL, 0);
    interrupt_sgi_send(SGI, 1);
    test_count_reaches(&count, 1);
    before_ns = bg_hal_time_ns();
    bg_hal_sleep(NULL, before_ns + TEST_WAIT_NS);
    tap_ok(bg_hal_time_ns() - before_ns < TEST_WAIT_NS, "an interrupt before the sleep ends it");
    before_ns = bg_hal_time_ns();
    bg_hal_sleep(NULL, before_ns + 3 * MS);
    tap_ok(bg_hal_time_ns() - before_ns >= 3 * MS, "but not the next one");
    interrupt_detach(SGI);
}

/* The timer may come before, between, or after the look and the sleep. */
static void test_no_lost_wakeup(void)
{
    struct mark mark = mark_new(&mark);
    uint64_t random = 7;
    uint64_t longest_ns = 0;

    for (uint32_t i = 0; i < SLEEP_ROUNDS; i++) {
        uint64_t before_ns = bg_hal_time_ns();

        random = random * RANDOM_FACTOR + 1442695040888963407ull;
        timer_start(&mark.timer, before_ns + (random >> 40) % 20000);
        while (__atomic_load_n(&mark.calls, __ATOMIC_RELAXED) <= i &&
               bg_hal_time_ns() - before_ns < TEST_WAIT_NS) {
            bg_hal_sleep(NULL, before_ns + TEST_WAIT_NS);
        }
        if (bg_hal_time_ns() - before_ns > longest_ns) {
            longest_ns = bg_hal_time_ns() - before_ns;
        }
    }
    tap_diag("the longest of %u sleeps: %u us", SLEEP_ROUNDS, (unsigned)(longest_ns / 1000));
    tap_ok(longest_ns < TEST_WAIT_NS, "no wake-up is lost");
    tap_equal(mark.calls, SLEEP_ROUNDS, "each timer was called");
}

/* A sleep that ended early leaves its hour in the timer; the next one is not disturbed by it. */
static void test_left_behind(void)
{
    struct test_count count = {0};
    uint64_t before_ns;

    interrupt_attach(SGI, BG_HAL_TRIGGER_EDGE, BG_HAL_CPU_SELF, test_count_one, &count);
    bg_hal_sleep(NULL, 0);
    for (uint32_t i = 0; i < 50; i++) {
        uint64_t state = interrupts_mask();

        interrupt_sgi_send(SGI, 1);
        bg_hal_sleep(NULL, timer_deadline_ns(MS / 2));
        interrupts_restore(state);
    }
    tap_equal(test_count_get(&count), 50, "an interrupt ends each of 50 sleeps");
    bg_hal_sleep(NULL, 0);
    before_ns = bg_hal_time_ns();
    bg_hal_sleep(NULL, before_ns + 5 * MS);
    tap_ok(bg_hal_time_ns() - before_ns >= 5 * MS, "what they left behind ends no other sleep");
    interrupt_detach(SGI);
}

void test_interrupt_sleep(void)
{
    test_deadline();
    test_end_of_sleep();
    test_no_lost_wakeup();
    test_left_behind();
}
