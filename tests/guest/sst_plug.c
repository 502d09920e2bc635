/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * run=test-sst part=plug: while one accelerator works, the host plugs another one into a PCI
 * Express port, which is found, used, and let go when the host asks for it back.
 */
#include <stdio.h>
#include <string.h>

#include "baregpu/pci_hotplug.h"
#include "firmware/apps/open/pci.h"
#include "tests/guest/lib/tap.h"
#include "tests/guest/sst.h"

#define EVENT_TIMEOUT_NS UINT64_C(30000000000)
#define BEFORE_ASKED 2000u /* requests to the new one before the host is told that it works */

static struct test_sst plugged;
static struct test_sst_load work, guest_work; /* of the one that stays, of the one that visits */
static struct bg_pci_slot slot;
static struct bg_pci_interrupt interrupt;
static struct bg_pci_interrupt_vector vector;

/* Both go on. */
static void work_on(struct test_sst *t)
{
    bg_virtio_sst_kick(&t->sst, 0);
    bg_virtio_sst_poll(&t->sst, 0);
    if (plugged.sst.pair_count > 0) {
        bg_virtio_sst_kick(&plugged.sst, 0);
        bg_virtio_sst_poll(&plugged.sst, 0);
    }
}

/* Goes on until the slot says `event`. By interrupt, the slot is only looked at after one. */
static bool wait_event(struct test_sst *t, int event)
{
    uint64_t deadline_ns = bg_hal_time_ns() + EVENT_TIMEOUT_NS, seen = 0;

    while (bg_hal_time_ns() < deadline_ns) {
        uint64_t count = vector.source.count;

        if (interrupt.kind == BG_PCI_INTERRUPT_NONE || count != seen) {
            int events = bg_pci_slot_poll(&slot);

            seen = count;
            if (events < 0) {
                return false;
            }
            if (events & event) {
                return true;
            }
        }
        work_on(t);
    }
    return false;
}

/* Until the slot holds something; nothing may have been there before. */
static bool wait_plugged(struct test_sst *t)
{
    while (wait_event(t, BG_PCI_SLOT_CHANGED)) {
        if (bg_pci_slot_is_occupied(&slot)) {
            return true;
        }
    }
    return false;
}

static bool open_interrupt(uint8_t kind)
{
    const struct bg_pci_interrupt_options options = {
        .vectors = &vector,
        .vector_count = 1,
        .forbidden = BG_PCI_INTERRUPT_BIT(BG_PCI_INTERRUPT_INTX),
    };

    if (kind == BG_PCI_INTERRUPT_NONE) {
        return true;
    }
    int error = bg_pci_interrupt_open(&interrupt, slot.host, slot.port, &options);

    bg_pci_slot_set_interrupt(&slot, error == 0);
    return error == 0;
}

static bool open_slot(uint8_t kind)
{
    struct bg_pci_host *host = machine_pci();
    struct bg_pci_device *port = host != NULL ? bg_pci_slot_find(host, NULL) : NULL;

    memset(&interrupt, 0, sizeof(interrupt));
    memset(&vector, 0, sizeof(vector));
    return port != NULL && bg_pci_slot_open(&slot, host, port) == 0 &&
           bg_pci_slot_find(host, port) == NULL && bg_pci_slot_poll(&slot) >= 0 &&
           open_interrupt(kind);
}

/* One comes, works, and goes. */
static bool visit(struct test_sst *t, unsigned number, uint8_t kind)
{
    const struct test_sst_setup setup = {.driver = {.events = 8}, .kind = kind};
    size_t functions = slot.host->device_count;
    uint64_t before = work.ended;

    printf("# now %u empty\n", number);
    if (!tap_ok(wait_plugged(t), "visit %u: the slot has a device", number)) {
        return false;
    }
    int count = bg_pci_slot_plug(&slot, virtio_host_deadline());

    tap_equal((unsigned)count, 1, "visit %u: one function", number);
    tap_equal((unsigned)-bg_pci_slot_plug(&slot, virtio_host_deadline()), (unsigned)-BG_ERR_BUSY,
              "visit %u: only once", number);
    int error = test_sst_open(&plugged, 1, &setup);

    if (!tap_ok(error == 0, "visit %u: opened at %s", number, plugged.place.text)) {
        tap_diag("%s", bg_strerror(error));
        return false;
    }
    test_sst_types(&plugged);
    guest_work =
        (struct test_sst_load){.sst = &plugged.sst, .requests = UINT64_MAX, .seed = number};
    test_sst_begin_load(&guest_work);
    while (guest_work.ended < BEFORE_ASKED && guest_work.error == 0) {
        work_on(t);
    }
    printf("# now %u in use\n", number);
    tap_ok(wait_event(t, BG_PCI_SLOT_BUTTON), "visit %u: it is asked for", number);
    guest_work.requests = guest_work.begun;
    tap_ok(test_sst_end_load(&guest_work), "visit %u: it has done all its work", number);
    tap_equal((unsigned)-test_sst_close(&plugged), 0, "visit %u: closed", number);
    memset(&plugged, 0, sizeof(plugged));
    tap_equal((unsigned)-bg_pci_slot_unplug(&slot, virtio_host_deadline()), 0, "visit %u: let go",
              number);
    tap_ok(!bg_pci_slot_is_occupied(&slot) && slot.host->device_count == functions,
           "visit %u: the slot is empty again", number);
    tap_ok(work.ended > before && work.wrong == 0 && work.error == 0,
           "visit %u: the other one has worked on", number);
    return true;
}

void test_sst_plug(struct test_sst *t, unsigned count)
{
    uint8_t kind = t->interrupt.kind;

    if (!tap_ok(open_slot(kind), "there is one hot-plug slot")) {
        return;
    }
    tap_ok(!bg_pci_slot_is_occupied(&slot), "it is empty");
    tap_equal((unsigned)-bg_pci_slot_plug(&slot, virtio_host_deadline()),
              (unsigned)-BG_ERR_NOT_FOUND, "nothing to plug in");
    work = (struct test_sst_load){.sst = &t->sst, .requests = UINT64_MAX};
    test_sst_begin_load(&work);
    for (unsigned i = 0; i < count && visit(t, i, kind); i++) {
    }
    work.requests = work.begun;
    tap_ok(test_sst_end_load(&work), "%llu requests to the one that stays",
           (unsigned long long)work.ended);
    bg_pci_slot_set_interrupt(&slot, false);
    bg_pci_interrupt_close(&interrupt);
}
