/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * run=test-sst: virtio-sst against the real device. Options:
 *
 *   part=types      (the default) each request type, on each accelerator
 *   part=alone      nobody is behind the device
 *   part=multiply   with the systolic model
 *   part=example    with the model that docs/sst-sim.md shows
 *   part=load       requests= of them, on all pairs one after another, then all at once
 *   part=cpus       the same with each pair on a CPU of its own
 *   part=both       two accelerators at once, each on a CPU of its own
 *   part=life       states=ok,error,...: what happens to the simulator meanwhile
 *   part=plug       another one is plugged in and out, times=N; devices=1
 *   part=time       deterministic time
 *   devices=N       so many have to be there
 *   old=1           the simulator speaks the old wire
 *   smmu=1          the machine has an SMMU, and bus addresses are its; without MSI-X
 *   interrupt=none|intx|msix   at best; pairs=N; depth=N; packed=0|1 and legacy=0|1 as expected
 */
#include "tests/guest/sst.h"

#include <stdio.h>
#include <string.h>

#include "firmware/apps/app.h"
#include "tests/guest/lib/smmu.h"
#include "tests/guest/lib/tap.h"
#include "firmware/platform/cpu.h"

static struct test_sst devices[2];

uint64_t test_sst_option(const char *key, uint64_t fallback)
{
    return (uint64_t)app_option_number(key, (int64_t)fallback, 0, UINT32_MAX);
}

/* ---- Opening ---- */

static uint32_t vector_cpu(unsigned vector, bool on_cpus)
{
    unsigned pair = vector == BG_VIRTIO_INTERRUPT_CONFIG ? 0 : (vector - 1) / 2;

    return on_cpus && pair < machine.cpu_count ? BG_HAL_CPU(pair) : BG_HAL_CPU_SELF;
}

static int open_interrupts(struct test_sst *t, const struct test_sst_setup *setup)
{
    const uint32_t all = BG_PCI_INTERRUPT_BIT(BG_PCI_INTERRUPT_INTX) |
                         BG_PCI_INTERRUPT_BIT(BG_PCI_INTERRUPT_MSI) |
                         BG_PCI_INTERRUPT_BIT(BG_PCI_INTERRUPT_MSIX);
    const struct bg_virtio_interrupt_options options = {
        .vectors = t->vectors,
        .vector_count = TEST_SST_VECTORS,
        .forbidden = all & ~BG_PCI_INTERRUPT_BIT(setup->kind),
        .line = t->place.function == NULL ? &t->line : NULL,
        .interrupt = t->place.interrupt,
        .trigger = t->place.trigger,
    };

    memset(t->vectors, 0, sizeof(t->vectors));
    memset(&t->interrupt, 0, sizeof(t->interrupt));
    if (setup->kind == BG_PCI_INTERRUPT_NONE) {
        return 0;
    }
    for (unsigned i = 0; i < TEST_SST_VECTORS; i++) {
        t->vectors[i].cpu = vector_cpu(i, setup->on_cpus);
    }
    int error = bg_virtio_interrupt_open(&t->interrupt, &t->device, &options);

    if (error == 0) {
        t->device.wait = BG_WAIT_SLEEP;
    }
    return error;
}

int test_sst_start(struct test_sst *t, const struct test_sst_setup *setup)
{
    int error = open_interrupts(t, setup);

    if (error == 0) {
        error = bg_virtio_sst_open(&t->sst, &t->device, &setup->driver, virtio_host_deadline());
    }
    if (error < 0) {
        bg_virtio_interrupt_close(&t->interrupt);
    }
    return error;
}

int test_sst_open(struct test_sst *t, unsigned n, const struct test_sst_setup *setup)
{
    int error = virtio_host_open(&t->device, BG_SST_VIRTIO_ID, n, &t->place);

    return error < 0 ? error : test_sst_start(t, setup);
}

int test_sst_close(struct test_sst *t)
{
    int error = bg_virtio_sst_close(&t->sst, virtio_host_deadline());

    bg_virtio_interrupt_close(&t->interrupt);
    return error;
}

/* ---- Parts ---- */

static uint8_t wanted_kind(void)
{
    char value[8];

    if (!app_option("interrupt", value, sizeof(value)) || strcmp(value, "none") == 0) {
        return BG_PCI_INTERRUPT_NONE;
    }
    return strcmp(value, "msix") == 0 ? BG_PCI_INTERRUPT_MSIX : BG_PCI_INTERRUPT_INTX;
}

static void check_kind(const struct test_sst *t, const struct test_sst_setup *setup)
{
    bool packed = bg_virtio_has_feature(&t->device, BG_VIRTIO_F_RING_PACKED);

    printf("# accelerator %u at %s (%s), %s ring, %s, %u pairs, features 0x%02x\n",
           (unsigned)t->sst.config.device_id, t->place.text, t->device.ops->name,
           packed ? "packed" : "split", bg_pci_interrupt_kind_name(t->interrupt.kind),
           t->sst.pair_count, (unsigned)(t->device.features & BG_SST_F_ALL));
    tap_equal(packed, test_sst_option("packed", packed), "%s: the ring", t->place.text);
    tap_equal(t->device.is_legacy, test_sst_option("legacy", t->device.is_legacy),
              "%s: legacy or modern", t->place.text);
    tap_equal(t->interrupt.kind, setup->kind, "%s: the kind of interrupt", t->place.text);
    tap_equal(t->sst.pair_count, setup->driver.pairs, "%s: pairs", t->place.text);
}

static uint64_t interrupt_count(const struct test_sst *t)
{
    uint64_t count = 0;

    for (unsigned i = 0; i < TEST_SST_VECTORS; i++) {
        count += t->vectors[i].source.count;
    }
    return count;
}

/* On a busy machine each answer may be there before the wait would sleep: then more are needed. */
static void make_interrupts(struct test_sst *t)
{
    uint64_t deadline_ns = virtio_host_deadline();

    while (interrupt_count(t) == 0 && bg_hal_time_ns() < deadline_ns) {
        bg_virtio_sst_compute(&t->sst, 1, BG_SST_LATENCY_FIXED, NULL, deadline_ns);
    }
}

/* Interrupts were used, and none was missed. Some come when a nap has already looked. */
static void check_interrupts(struct test_sst *t)
{
    uint64_t count, lost = 0, storms = 0, sleeps = t->sst.events.sleeps;

    if (t->interrupt.kind != BG_PCI_INTERRUPT_NONE) {
        make_interrupts(t);
    }
    count = interrupt_count(t);
    for (unsigned i = 0; i < TEST_SST_VECTORS; i++) {
        lost += t->vectors[i].source.lost;
        storms += t->vectors[i].source.storms;
    }
    for (unsigned i = 0; i < t->sst.pair_count; i++) {
        sleeps += t->sst.pairs[i].queue.sleeps;
    }
    if (t->interrupt.kind == BG_PCI_INTERRUPT_NONE) {
        tap_equal(sleeps, 0, "%s: polled, it never sleeps", t->place.text);
        return;
    }
    tap_ok(storms == 0 && count > 0 && lost <= 3 + sleeps / 100, "%s: interrupts end its sleeps",
           t->place.text);
    printf("# %u sleeps, %u interrupts, %u lost, %u storms\n", (unsigned)sleeps, (unsigned)count,
           (unsigned)lost, (unsigned)storms);
}

static const struct {
    const char *name;
    void (*run)(struct test_sst *t);
} parts[] = {
    {"types", test_sst_types}, {"alone", test_sst_alone}, {"multiply", test_sst_multiply},
    {"life", test_sst_life},   {"time", test_sst_time},   {"example", test_sst_example},
};

static void run_part(struct test_sst *t, const char *part)
{
    if (strcmp(part, "load") == 0) {
        test_sst_load(t, test_sst_option("requests", 20000));
        return;
    }
    if (strcmp(part, "plug") == 0) {
        test_sst_plug(t, (unsigned)test_sst_option("times", 1));
        return;
    }
    for (unsigned i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        if (strcmp(parts[i].name, part) == 0) {
            parts[i].run(t);
            return;
        }
    }
    tap_ok(false, "there is a part=%s", part);
}

/* Pair n is to be CPU n's, which has to be on before interrupts are sent there. */
static bool start_cpus(unsigned pairs)
{
    int error = 0;

    if (pairs < 2 || machine.cpu_count < pairs) {
        return false;
    }
    for (unsigned i = 1; i < pairs && error == 0; i++) {
        error = cpu_start(i, NULL, NULL);
    }
    return tap_ok(error == 0, "%u CPUs", pairs);
}

/* All accelerators, each while the ones before it are open, too. */
static unsigned run_all(const char *part)
{
    const struct test_sst_setup setup = {
        .driver = {.pairs = (uint16_t)test_sst_option("pairs", 1),
                   .depth = (uint16_t)test_sst_option("depth", 0),
                   .events = 16},
        .kind = wanted_kind(),
        .on_cpus = start_cpus((unsigned)test_sst_option("pairs", 1)),
    };
    unsigned count = 0;
    int error = 0;

    while (count < 2 && (error = test_sst_open(&devices[count], count, &setup)) == 0) {
        check_kind(&devices[count], &setup);
        count++;
    }
    if (error != 0 && error != BG_ERR_NOT_FOUND) {
        tap_bail("accelerator %u: %s", count, bg_strerror(error));
        return count;
    }
    if (strcmp(part, "both") == 0 && count == 2) {
        test_sst_both(&devices[0], &devices[1], test_sst_option("requests", 20000));
    }
    for (unsigned i = 0; i < count; i++) {
        if (strcmp(part, "both") != 0) {
            run_part(&devices[i], part);
        }
        check_interrupts(&devices[i]);
    }
    for (unsigned i = 0; i < count; i++) {
        tap_equal(devices[i].sst.protocol_errors, 0, "%s: always by the protocol",
                  devices[i].place.text);
        tap_equal((unsigned)-test_sst_close(&devices[i]), 0, "%s: closed", devices[i].place.text);
    }
    return count;
}

static int run_test_sst(void)
{
    char part[16] = "types";
    unsigned count;

    app_option("part", part, sizeof(part));
    tap_plan(0);
    if (test_sst_option("smmu", 0) != 0 && !tap_ok(smmu_start(), "an SMMU")) {
        return tap_done();
    }
    count = run_all(part);
    if (strcmp(part, "types") == 0) {
        for (unsigned i = 0; i < count; i++) {
            test_sst_chains(i);
            if (!test_sst_option("old", 0)) {
                test_sst_event_callback(i);
            }
        }
    }
    tap_equal(count, test_sst_option("devices", 1), "all accelerators are there");
    return tap_done();
}

APP(test_sst, "virtio-sst: requests, events, pairs, time", run_test_sst,
    "part devices interrupt pairs depth packed legacy requests states old times smmu");
