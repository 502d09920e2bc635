/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * run=test-irq-devices: every device that is there, by every kind of interrupt, with every wait
 * strategy. Options: msi=0|1 (whether the machine can deliver messages), devices= (how many there
 * are), cpu= (that the interrupts go to and that waits, 0).
 */
#include "firmware/apps/app.h"
#include "tests/guest/lib/irq_target.h"
#include "tests/guest/lib/tap.h"

#include <string.h>

#include "firmware/platform/cpu.h"
#include "firmware/platform/interrupt.h"

#define REQUESTS 60u
#define SPIN_NS 20000u
#define CALL_TIMEOUT_NS 120000000000u

/* Work that a nap found and whose interrupt came only then: on a busy host it happens to some. */
#define LATE_MAX (REQUESTS / 4)

/* QEMU's virtio devices send one for the first chain after a reset, wanted or not. */
#define UNWANTED_MAX 1u

/* What is tried on a CPU, and what came of it: it says nothing itself. */
struct trial {
    const struct irq_target *target;
    unsigned n;
    uint32_t forbidden;
    struct bg_wait_strategy wait;
    struct irq_state state;
    int error;
    bool is_mmio;
    unsigned done;
    uint64_t interrupts, lost, storms, spurious, sleeps;
};

static bool has_msi;
static uint32_t cpu;

static void try(void *argument)
{
    struct trial *trial = argument;
    const struct irq_target *target = trial->target;

    trial->error = target->open(&trial->state, trial->n, trial->forbidden, &trial->is_mmio);
    if (trial->error < 0) {
        return;
    }
    struct bg_interrupt_source *source = trial->state.source;
    struct bg_interrupt_line *line = trial->state.line;
    uint64_t spurious = line != NULL ? line->idle.count : 0, before = source->count;
    uint64_t sleeps = *trial->state.sleeps;

    *trial->state.wait = trial->wait;
    while (trial->error == 0 && trial->done < REQUESTS) {
        trial->error = target->request(bg_hal_time_ns() + IRQ_TARGET_TIMEOUT_NS);
        trial->done += trial->error == 0;
    }
    trial->interrupts = source->count - before;
    trial->sleeps = *trial->state.sleeps - sleeps;
    trial->lost = source->lost;
    trial->storms = source->storms;
    trial->spurious = line != NULL ? line->idle.count - spurious : 0;
    int error = target->close();

    trial->error = trial->error < 0 ? trial->error : error;
}

/* On the CPU that is to take the interrupts. */
static struct trial do_trial(const struct irq_target *target, unsigned n, uint32_t forbidden,
                             struct bg_wait_strategy wait)
{
    static struct trial trial; /* not on a stack: a call that does not end goes on using it */
    int error = 0;

    trial = (struct trial){.target = target, .n = n, .forbidden = forbidden, .wait = wait};
    if (cpu == 0) {
        try(&trial);
    } else {
        error = cpu_call(cpu, try, &trial, bg_hal_time_ns() + CALL_TIMEOUT_NS);
    }
    struct trial result = trial;

    result.error = error < 0 ? error : result.error;
    return result;
}

static void test_strategies(const struct irq_target *target, unsigned n, uint32_t forbidden)
{
    const struct {
        const char *name;
        struct bg_wait_strategy wait;
    } strategies[] = {
        {"asleep", BG_WAIT_SLEEP},
        {"after a spin", BG_WAIT_SPIN_THEN_SLEEP(SPIN_NS)},
        {"polling", BG_WAIT_POLL},
    };

    for (unsigned i = 0; i < 3; i++) {
        irq_rng_asks_at_once = i == 0 && target == &irq_target_rng;
        struct trial trial = do_trial(target, n, forbidden, strategies[i].wait);
        const char *kind = bg_pci_interrupt_kind_name(trial.state.kind);
        bool is_good = trial.error == 0 && trial.done == REQUESTS && trial.storms == 0;

        if (i == 0) {
            /* A request may be done before its wait sleeps, and on a busy host all of them. */
            is_good &= (trial.interrupts != 0 || (trial.sleeps == 0 && !irq_rng_asks_at_once)) &&
                       trial.lost <= LATE_MAX;
        } else if (i == 2) {
            is_good &= trial.interrupts <= UNWANTED_MAX;
        }
        tap_ok(is_good, "%s, %s, %s: %u requests", trial.state.name, kind, strategies[i].name,
               trial.done);
        tap_diag("%u sleeps, %u interrupts, %u lost, %u spurious on the line%s%s",
                 (unsigned)trial.sleeps, (unsigned)trial.interrupts, (unsigned)trial.lost,
                 (unsigned)trial.spurious, trial.error < 0 ? "; " : "",
                 trial.error < 0 ? bg_strerror(trial.error) : "");
    }
    irq_rng_asks_at_once = false;
}

/* Which kind is taken when only those of `allowed` may be. */
static void test_choice(const struct irq_target *target, unsigned n, uint32_t allowed,
                        uint32_t there)
{
    struct trial trial = do_trial(target, n, ~allowed, BG_WAIT_POLL);
    unsigned best = BG_PCI_INTERRUPT_MSIX;

    while (best > BG_PCI_INTERRUPT_NONE && !(allowed & there & BG_PCI_INTERRUPT_BIT(best))) {
        best--;
    }
    if (!tap_ok(trial.error == 0 && trial.state.kind == best, "%s: the best of 0x%x is %s",
                trial.state.name, (unsigned)allowed, bg_pci_interrupt_kind_name(best))) {
        tap_diag("but %s was taken, %s", bg_pci_interrupt_kind_name(trial.state.kind),
                 bg_strerror(trial.error));
    }
}

/* One device. False when it is not there. */
static bool test_device(const struct irq_target *target, unsigned n)
{
    const uint32_t all = BG_PCI_INTERRUPT_BIT(BG_PCI_INTERRUPT_INTX) |
                         BG_PCI_INTERRUPT_BIT(BG_PCI_INTERRUPT_MSI) |
                         BG_PCI_INTERRUPT_BIT(BG_PCI_INTERRUPT_MSIX);
    struct trial first = do_trial(target, n, all, BG_WAIT_SLEEP); /* without any: it polls */
    uint32_t there =
        first.is_mmio ? BG_PCI_INTERRUPT_BIT(BG_PCI_INTERRUPT_INTX) : target->pci_kinds;

    if (first.error == BG_ERR_NOT_FOUND) {
        return false;
    }
    tap_ok(first.error == 0 && first.done == REQUESTS && first.interrupts == 0,
           "%s, polled because it has no interrupt: %u requests", first.state.name, first.done);
    if (!has_msi) {
        there &= BG_PCI_INTERRUPT_BIT(BG_PCI_INTERRUPT_INTX);
    }
    test_choice(target, n, all, there);
    for (unsigned kind = BG_PCI_INTERRUPT_INTX; kind <= BG_PCI_INTERRUPT_MSIX; kind++) {
        test_choice(target, n, BG_PCI_INTERRUPT_BIT(kind), there);
        if (there & BG_PCI_INTERRUPT_BIT(kind)) {
            test_strategies(target, n, ~BG_PCI_INTERRUPT_BIT(kind));
        }
    }
    return true;
}

/* ---- To another CPU than the one that waits ---- */

static uint64_t cpus_seen;

static INTERRUPT_HANDLER void see_cpu(void *context)
{
    (void)context;
    __atomic_fetch_or(&cpus_seen, 1ull << cpu_index(), __ATOMIC_RELAXED);
}

/* The wait here has its naps only; the interrupts come all the same, over there. */
static void test_elsewhere(uint32_t forbidden)
{
    const struct irq_target *target = &irq_target_rng;
    struct irq_state state;
    bool is_mmio;
    unsigned done = 0;

    irq_target_cpu = BG_HAL_CPU(cpu);
    int error = target->open(&state, 0, forbidden, &is_mmio);

    irq_target_cpu = BG_HAL_CPU_SELF;
    if (error < 0 || state.kind == BG_PCI_INTERRUPT_NONE) {
        tap_skip("there is no such device", "interrupts to CPU %u", (unsigned)cpu);
        return;
    }
    cpus_seen = 0;
    state.source->handler = see_cpu;
    *state.wait = BG_WAIT_SLEEP;
    irq_rng_asks_at_once = true;
    while (done < REQUESTS && target->request(bg_hal_time_ns() + IRQ_TARGET_TIMEOUT_NS) == 0) {
        done++;
    }
    irq_rng_asks_at_once = false;
    uint64_t deadline_ns = bg_hal_time_ns() + IRQ_TARGET_TIMEOUT_NS;

    /* On a busy host that CPU may not have run at all yet. */
    while (__atomic_load_n(&cpus_seen, __ATOMIC_RELAXED) == 0 && bg_hal_time_ns() < deadline_ns) {
        bg_hal_wait(deadline_ns);
    }
    error = target->close();
    tap_ok(error == 0 && done == REQUESTS && state.source->count != 0 &&
               __atomic_load_n(&cpus_seen, __ATOMIC_RELAXED) == 1ull << cpu,
           "%s, %s: the interrupts come to CPU %u, the wait is here", state.name,
           bg_pci_interrupt_kind_name(state.kind), (unsigned)cpu);
    tap_diag("%u interrupts, CPUs 0x%llx", (unsigned)state.source->count,
             (unsigned long long)cpus_seen);
}

static int run_test_irq_devices(void)
{
    const struct irq_target *const targets[IRQ_TARGETS] = {&irq_target_rng, &irq_target_gpu,
                                                           &irq_target_stub, &irq_target_edu};
    int64_t expected = app_option_number("devices", -1, 0, UINT32_MAX);
    unsigned found = 0;

    tap_plan(0);
    has_msi = app_option_number("msi", 0, 0, 1) != 0;
    cpu = (uint32_t)app_option_number("cpu", 0, 0, machine.cpu_count - 1);
    if (cpu != 0) {
        tap_equal((unsigned)-cpu_start(cpu, NULL, NULL), 0, "CPU %u is started", (unsigned)cpu);
    }
    for (unsigned i = 0; i < IRQ_TARGETS; i++) {
        for (unsigned n = 0; test_device(targets[i], n); n++) {
            found++;
        }
    }
    if (cpu != 0) {
        test_elsewhere(~BG_PCI_INTERRUPT_BIT(BG_PCI_INTERRUPT_INTX));
        test_elsewhere(0);
    }
    if (expected >= 0) {
        tap_equal(found, (unsigned)expected, "all devices are there");
    }
    if (interrupt_problem() != NULL) {
        tap_diag("interrupts: %s", interrupt_problem());
    }
    if (interrupt_msi_problem() != NULL) {
        tap_diag("messages: %s", interrupt_msi_problem());
    }
    return tap_done();
}

APP(test_irq_devices, "interrupts of PCI and virtio devices, of every kind", run_test_irq_devices,
    "msi devices cpu");
