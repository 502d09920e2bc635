/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * run=test-irq-trouble: interrupts that are masked, lost, spurious, late, and far too many. Needs a
 * virtio-rng-pci and an edu whose pins arrive at the same line (their slots 4 apart). Options:
 * msi=0|1 (whether the machine can deliver messages), late= (ms that the vgpu-stub's mediator takes
 * for an answer; only that is tested then).
 */
#include "firmware/apps/app.h"
#include "tests/guest/lib/irq_target.h"
#include "tests/guest/lib/tap.h"

#include "firmware/platform/interrupt.h"
#include "firmware/platform/timer.h"

#define ONLY(kind) (~BG_PCI_INTERRUPT_BIT(BG_PCI_INTERRUPT_##kind))

static struct irq_state state;

static uint64_t soon(void)
{
    return bg_hal_time_ns() + IRQ_TARGET_TIMEOUT_NS;
}

static bool open(const struct irq_target *target, uint32_t forbidden)
{
    bool is_mmio;
    int error = target->open(&state, 0, forbidden, &is_mmio);

    *state.wait = BG_WAIT_SLEEP;
    return tap_ok(error == 0 && state.kind != BG_PCI_INTERRUPT_NONE, "%s is open by %s", state.name,
                  bg_pci_interrupt_kind_name(state.kind));
}

static bool count_reaches(uint64_t count)
{
    uint64_t deadline_ns = soon();

    while (state.source->count < count && bg_hal_time_ns() < deadline_ns) {
        bg_hal_sleep(NULL, deadline_ns);
    }
    return state.source->count >= count;
}

/* The device writes the answer first, and interrupts then. */
static bool pending_is(bool wanted)
{
    uint64_t deadline_ns = soon();

    while (bg_pci_interrupt_is_pending(state.pci, state.vector) != wanted &&
           bg_hal_time_ns() < deadline_ns) {
        bg_hal_wait(deadline_ns);
    }
    return bg_pci_interrupt_is_pending(state.pci, state.vector) == wanted;
}

/* By interrupt, and not by a look of its own. */
static void expect_interrupts(const struct irq_target *target, const char *when)
{
    uint64_t before = state.source->count;
    unsigned done = 0;

    for (unsigned i = 0; i < 10; i++) {
        done += target->request(soon()) == 0;
    }
    tap_ok(done == 10 && state.source->count > before, "%s: requests are done by interrupt", when);
}

/* ---- Masked ---- */

static void test_masked(const struct irq_target *target, uint32_t forbidden)
{
    if (!open(target, forbidden)) {
        return;
    }
    expect_interrupts(target, "before");
    bg_pci_interrupt_mask(state.pci, state.vector);
    uint64_t before = state.source->count;

    tap_equal((unsigned)-target->request(soon()), 0, "masked: a request is done all the same");
    tap_ok(pending_is(true), "its interrupt is pending");
    tap_equal(state.source->count, before, "and does not come");
    bg_pci_interrupt_unmask(state.pci, state.vector);
    tap_ok(count_reaches(before + 1), "before it is unmasked");
    tap_ok(pending_is(false), "then it is not pending any more");
    expect_interrupts(target, "after");
    target->close();
}

/* ---- A line that stays up, by a device without a driver ---- */

static void test_storm_of_others(void)
{
    const struct irq_target *target = &irq_target_rng;

    if (!open(target, ONLY(INTX)) || !tap_ok(irq_edu_map() == 0, "there is an edu")) {
        return;
    }
    struct bg_interrupt_line *line = state.line;

    expect_interrupts(target, "before the storm");
    interrupt_set_pending(line->interrupt, true); /* one, by the controller */
    timer_delay_ns(1000000);
    tap_equal(line->idle.count, 1, "an interrupt of nobody is counted as spurious");
    tap_equal(line->storms, 0, "and is no storm");
    irq_edu_raise();
    uint64_t deadline_ns = soon();

    while (line->storms == 0 && bg_hal_time_ns() < deadline_ns) {
        bg_hal_wait(deadline_ns);
    }
    tap_equal(line->storms, 1, "a line that stays up is masked");
    tap_ok(line->idle.count >= BG_INTERRUPT_STORM_COUNT, "after %u interrupts",
           (unsigned)line->idle.count);
    tap_ok(!bg_interrupt_source_is_on(state.source), "its devices are told");
    uint64_t count = state.source->count;
    unsigned done = 0;

    for (unsigned i = 0; i < 20; i++) {
        done += target->request(soon()) == 0;
    }
    tap_ok(done == 20 && state.source->count == count, "requests are done by polling");
    target->resume();
    while (line->storms == 1 && bg_hal_time_ns() < deadline_ns) {
        bg_hal_wait(deadline_ns);
    }
    tap_equal(line->storms, 2, "it storms again when it is tried too early");
    irq_edu_lower();
    target->resume();
    expect_interrupts(target, "after the storm");
    tap_equal(line->storms, 2, "there is no more");
    target->close();
}

/* ---- A storm of messages ---- */

static void test_storm_of_messages(void)
{
    const struct irq_target *target = &irq_target_edu;

    if (!open(target, ONLY(MSI))) {
        return;
    }
    expect_interrupts(target, "before the storm");
    uint64_t deadline_ns = soon();
    unsigned sent = 0;

    while (bg_interrupt_source_is_on(state.source) && bg_hal_time_ns() < deadline_ns) {
        irq_edu_raise();
        sent++;
    }
    tap_ok(state.source->storms == 1, "a storm of messages is masked");
    tap_diag("%u sent, %u arrived", sent, (unsigned)state.source->count);
    tap_equal((unsigned)-target->request(soon()), 0, "requests are done by polling");
    target->resume();
    tap_ok(bg_interrupt_source_is_on(state.source), "it is tried again");
    expect_interrupts(target, "after the storm");
    tap_equal(state.source->storms, 1, "there is no more");
    target->close();
}

/* ---- Late ---- */

/* On a busy host a nap may end just before the device takes the answer, and its look find it. */
#define LATE_TRIES 20u

static void test_late(unsigned late_ms)
{
    const struct irq_target *target = &irq_target_stub;
    bool is_done = true, is_late = true, is_by_interrupt = false;

    if (!open(target, 0)) {
        return;
    }
    for (unsigned i = 0; i < LATE_TRIES && !is_by_interrupt; i++) {
        uint64_t before_ns = bg_hal_time_ns(), lost = state.source->lost;
        uint64_t count = state.source->count;

        is_done &= target->request(soon()) == 0;
        is_late &= (bg_hal_time_ns() - before_ns) / 1000000 + 1 >= late_ms;
        is_by_interrupt = state.source->count == count + 1 && state.source->lost == lost;
    }
    tap_ok(is_done && is_late, "requests that take %u ms are done then", late_ms);
    tap_ok(is_by_interrupt, "one by one interrupt, and no nap found it");
    bg_pci_interrupt_mask(state.pci, state.vector);
    uint64_t count = state.source->count, lost = state.source->lost;

    tap_equal((unsigned)-target->request(soon()), 0, "one whose interrupt is lost is done");
    tap_equal(state.source->lost, lost + 1, "by the look after a nap");
    tap_equal(state.source->count, count, "and by nothing else");
    target->close();
}

static int run_test_irq_trouble(void)
{
    int64_t late = app_option_number("late", -1, 0, UINT32_MAX);

    tap_plan(0);
    irq_rng_asks_at_once = true; /* one may be done before the wait gets to sleep */
    if (late >= 0) {
        test_late((unsigned)late);
        return tap_done();
    }
    test_masked(&irq_target_rng, ONLY(INTX));
    if (app_option_number("msi", 0, 0, 1) != 0) {
        test_masked(&irq_target_rng, ONLY(MSIX));
        test_storm_of_messages();
    }
    test_storm_of_others();
    return tap_done();
}

APP(test_irq_trouble, "interrupts masked, lost, late, and storms of them", run_test_irq_trouble,
    "msi late");
