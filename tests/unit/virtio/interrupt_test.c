/* SPDX-License-Identifier: BSD-2-Clause */
// build: firmware/virtio/virtio.c firmware/virtio/virtqueue.c firmware/virtio/virtqueue_split.c
// build: firmware/virtio/virtqueue_packed.c firmware/virtio/transport_pci.c
// build: firmware/virtio/virtqueue_share.c
// build: firmware/virtio/transport_mmio.c firmware/virtio/interrupt.c firmware/pci/interrupt.c
// build: firmware/pci/msix.c firmware/pci/msi.c firmware/common/interrupt_line.c firmware/common/wait.c
// build: firmware/common/interrupt_source.c firmware/pci_ecam.c firmware/pci/enumerate.c
// build: firmware/pci/device.c firmware/pci/bar.c
// build: firmware/pci/assign.c firmware/pci/capability.c firmware/pci/list.c firmware/common/error.c
// build: tests/fake/hal.c tests/fake/pci.c tests/fake/virtio.c
// build: tests/fake/virtqueue.c tests/fake/virtio_registers.c
// build: tests/fake/interrupt.c
/* Virtio devices that interrupt, and waits that sleep: by MSI-X, INTx and the line of MMIO. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "baregpu/virtio_interrupt.h"
#include "baregpu/virtqueue.h"
#include "tests/fake/interrupt.h"
#include "tests/fake/virtio_registers.h"

#define ENTROPY (BG_VIRTIO_PCI_MODERN_BASE + BG_VIRTIO_ID_ENTROPY)
#define QUEUES 3
#define LINE 40u
#define MS 1000000u
#define FOREVER (3600000000000u)

enum way { MSIX, INTX, MMIO, WAYS };

static struct fake_registers r;
static struct bg_pci_intx intx;
static struct bg_interrupt_line mmio_line;
static struct bg_virtio_device device;
static struct bg_virtqueue queues[QUEUES];
static struct bg_virtio_interrupt interrupt;
static struct bg_pci_interrupt_vector vectors[1 + QUEUES];
static unsigned naps_until_run; /* sleeps until the device works */
static unsigned surplus;        /* interrupts that it sends besides */
static bool is_elsewhere;       /* another CPU gets them */

static uint32_t fill(void *context, const struct fake_virtio_request *request)
{
    (void)context;
    memset(request->out, 0x5A, request->out_size);
    return (uint32_t)request->out_size;
}

/* The device works while the CPU sleeps. */
static void while_asleep(void *context, uint64_t deadline_ns)
{
    (void)context, (void)deadline_ns;
    for (; surplus != 0; surplus--) {
        fake_virtio_interrupt(&r.fake, BG_VIRTIO_ISR_QUEUE, 0);
    }
    if (naps_until_run != 0 && --naps_until_run == 0) {
        fake_hal.now_ns += MS / 10;
        do {
            fake_virtio_run(&r.fake);
        } while (fake_virtio_sleep(&r.fake));
    }
    fake_interrupts.is_latched = fake_interrupts.is_latched && !is_elsewhere;
}

static void begin(uint64_t features)
{
    memset(&r, 0, sizeof(r));
    memset(&intx, 0, sizeof(intx));
    memset(&mmio_line, 0, sizeof(mmio_line));
    memset(vectors, 0, sizeof(vectors));
    fake_hal = (struct fake_hal){.wait_ns = 1000};
    fake_interrupts_begin(64);
    fake_interrupts.while_asleep = while_asleep;
    naps_until_run = 1;
    surplus = 0;
    is_elsewhere = false;
    fake_virtio_init(&r.fake, features, QUEUES, 16, fill, NULL);
    r.fake.config_size = 16;
    r.fake.waits_for_run = true;
    r.notify_multiplier = 4;
    for (uint16_t i = 0; i < QUEUES; i++) {
        r.notify_off[i] = i;
    }
    r.set_line = fake_interrupt_set;
    r.send_message = fake_interrupt_message;
    r.line = LINE;
    intx.interrupts[1][0] = LINE;
}

static void open_pci(enum way way, bool has_memory)
{
    struct bg_pci_device *function;

    fake_registers_begin_pci(&r, ENTROPY);
    fake_registers_usual_capabilities(&r);
    if (way == MSIX) {
        fake_registers_msix(&r, FAKE_REGISTERS_MSIX_ENTRIES);
    }
    fake_pci_set8(&r.pci, r.function, 0x3D, 1);
    function = fake_registers_enumerate(&r, has_memory);
    r.host.config.intx = &intx;
    assert_int_equal(bg_virtio_pci_open(&device, &r.host, function), 0);
}

static void open_mmio(void)
{
    fake_registers_begin_mmio(&r, BG_VIRTIO_MMIO_VERSION_MODERN, BG_VIRTIO_ID_ENTROPY);
    assert_int_equal(bg_virtio_mmio_open(&device, FAKE_MMIO_ADDRESS, 0x200), 0);
}

static int open_interrupt(unsigned vector_count, uint32_t forbidden)
{
    const struct bg_virtio_interrupt_options options = {
        .vectors = vectors,
        .vector_count = vector_count,
        .forbidden = forbidden,
        .line = device.ops->set_queue_vector == NULL ? &mmio_line : NULL,
        .interrupt = LINE,
        .trigger = BG_HAL_TRIGGER_EDGE,
    };

    return bg_virtio_interrupt_open(&interrupt, &device, &options);
}

static void start(void)
{
    assert_int_equal(bg_virtio_start(&device, BG_VIRTIO_FEATURES_QUEUE, 0, bg_hal_time_ns() + MS),
                     0);
    for (uint16_t i = 0; i < QUEUES; i++) {
        const struct bg_virtqueue_options options = {.index = i};

        assert_int_equal(bg_virtqueue_create(&queues[i], &device, &options), 0);
    }
    assert_int_equal(bg_virtio_ready(&device), 0);
}

/* A device that works, open in one of the ways, and its waits asleep. */
static void begin_way(enum way way, uint64_t features, unsigned vector_count)
{
    begin(features);
    if (way == MMIO) {
        open_mmio();
    } else {
        open_pci(way, true);
    }
    assert_int_equal(open_interrupt(vector_count, 0), 0);
    assert_int_equal(interrupt.kind, way == MSIX ? BG_PCI_INTERRUPT_MSIX : BG_PCI_INTERRUPT_INTX);
    device.wait = BG_WAIT_SLEEP;
    start();
}

static void end(void)
{
    bg_virtio_interrupt_close(&interrupt);
    assert_int_equal(bg_virtio_close(&device, bg_hal_time_ns() + MS), 0);
    for (unsigned i = 0; i < QUEUES; i++) {
        bg_virtqueue_destroy(&queues[i]);
    }
    fake_virtio_end(&r.fake);
    assert_int_equal(r.fake.violations, 0);
    fake_interrupts_end();
}

static uint8_t memory[16];

static void request(unsigned queue)
{
    const struct bg_virtqueue_segment segment = {(uintptr_t)memory, sizeof(memory)};

    memset(memory, 0, sizeof(memory));
    assert_int_equal(bg_virtqueue_add(&queues[queue], &segment, 0, 1, memory), 0);
    assert_true(bg_virtqueue_kick(&queues[queue]) >= 0);
}

/* Waits for one request; the device works during the sleep number `naps`. */
static void exchange(unsigned queue, unsigned naps)
{
    struct bg_virtqueue_used used;

    request(queue);
    naps_until_run = naps;
    assert_int_equal(bg_virtqueue_wait(&queues[queue], &used, bg_hal_time_ns() + FOREVER), 1);
    assert_ptr_equal(used.token, memory);
    assert_int_equal(memory[15], 0x5A);
}

/* ---- Each way, each ring ---- */

static const uint64_t rings[] = {
    0,
    BG_VIRTIO_F_EVENT_IDX,
    BG_VIRTIO_F_RING_PACKED,
    BG_VIRTIO_F_RING_PACKED | BG_VIRTIO_F_EVENT_IDX,
    BG_VIRTIO_F_RING_PACKED | BG_VIRTIO_F_EVENT_IDX | BG_VIRTIO_F_IN_ORDER,
};

static void sleeping_waits(void **state)
{
    (void)state;
    for (unsigned way = 0; way < WAYS; way++) {
        for (size_t i = 0; i < sizeof(rings) / sizeof(rings[0]); i++) {
            begin_way(way, rings[i], 1 + QUEUES);
            for (unsigned n = 0; n < 60; n++) {
                exchange(n % QUEUES, 1);
                assert_int_equal(fake_interrupts.sleeps, n + 1);
            }
            assert_int_equal(fake_interrupts.slept_through, 0);
            for (unsigned queue = 0; queue < QUEUES; queue++) {
                const struct bg_interrupt_source *source = &vectors[1 + queue].source;

                /* The line does not say which queue it was. */
                assert_int_equal(source->count, way == MSIX ? 20 : 60);
                assert_int_equal(source->lost, 0);
                assert_int_equal(queues[queue].sleeps, 20);
            }
            assert_int_equal(vectors[0].source.count, 0);
            assert_int_equal(r.fake.interrupts, 60);
            assert_int_equal(fake_hal.waits, 0);
            end();
        }
    }
}

/* What a wait that polls gets, no interrupt is sent for. */
static void polling_waits_suppress(void **state)
{
    (void)state;
    for (unsigned way = 0; way < WAYS; way++) {
        for (size_t i = 0; i < sizeof(rings) / sizeof(rings[0]); i++) {
            begin_way(way, rings[i], 1 + QUEUES);
            r.fake.waits_for_run = false;
            exchange(0, 0);
            device.wait = BG_WAIT_POLL;
            exchange(0, 0);
            r.fake.waits_for_run = true;
            device.wait = BG_WAIT_SLEEP;
            exchange(0, 1);
            r.fake.waits_for_run = false; /* off again after a wait that slept */
            exchange(0, 0);
            device.wait = BG_WAIT_SPIN_THEN_SLEEP(MS);
            exchange(0, 0);
            assert_int_equal(r.fake.interrupts, 1);
            assert_int_equal(fake_interrupts.sleeps, 1);
            end();
        }
    }
}

static void poll_strategy_never_sleeps(void **state)
{
    struct bg_virtqueue_used used;

    (void)state;
    begin_way(MSIX, BG_VIRTIO_F_EVENT_IDX, 1 + QUEUES);
    device.wait = BG_WAIT_POLL;
    request(0);
    assert_int_equal(bg_virtqueue_wait(&queues[0], &used, bg_hal_time_ns() + 5 * MS),
                     BG_ERR_TIMEOUT);
    assert_int_equal(fake_hal.waits, 5000);
    assert_int_equal(fake_interrupts.sleeps, 0);
    end();
}

static void spins_before_it_sleeps(void **state)
{
    (void)state;
    begin_way(MSIX, BG_VIRTIO_F_EVENT_IDX, 1 + QUEUES);
    device.wait = BG_WAIT_SPIN_THEN_SLEEP(100000);
    exchange(0, 1);
    assert_int_equal(fake_hal.waits, 100);
    assert_int_equal(fake_interrupts.sleeps, 1);
    exchange(0, 3); /* spins once in a wait, not after each sleep */
    assert_int_equal(fake_hal.waits, 200);
    end();
}

static void sleeping_is_polling_without_an_interrupt(void **state)
{
    struct bg_virtqueue_used used;

    (void)state;
    begin(0);
    open_pci(MSIX, true);
    fake_interrupts.message_error = BG_ERR_UNSUPPORTED;
    intx.interrupts[1][0] = 0;
    assert_int_equal(open_interrupt(1 + QUEUES, 0), BG_ERR_NOT_FOUND);
    device.wait = BG_WAIT_SLEEP;
    start();
    request(0);
    assert_int_equal(bg_virtqueue_wait(&queues[0], &used, bg_hal_time_ns() + MS), BG_ERR_TIMEOUT);
    assert_int_equal(fake_interrupts.sleeps, 0);
    assert_true(fake_hal.waits > 100);
    end();
}

/* ---- Vectors ---- */

static void fewer_vectors_than_queues(void **state)
{
    (void)state;
    for (unsigned count = 1; count <= 1 + QUEUES; count++) {
        begin_way(MSIX, 0, count);
        for (unsigned queue = 0; queue < QUEUES; queue++) {
            unsigned vector = 1 + queue < count ? 1 + queue : count - 1;

            assert_int_equal(r.queue_vectors[queue], vector);
            assert_ptr_equal(queues[queue].source, &vectors[vector].source);
            exchange(queue, 1);
        }
        assert_int_equal(r.config_vector, 0);
        assert_int_equal(interrupt.refused, 0);
        end();
    }
}

static void configuration_changes(void **state)
{
    (void)state;
    for (unsigned way = 0; way < WAYS; way++) {
        begin_way(way, 0, 1 + QUEUES);
        fake_virtio_config_changed(&r.fake);
        assert_int_equal(vectors[0].source.count, 1);
        assert_int_equal(vectors[1].source.count, 0);
        exchange(0, 1);
        assert_int_equal(vectors[0].source.count, 1);
        end();
    }
}

/* 4.1.5.1.2: the device answers NO_VECTOR. */
static void refused_vectors(void **state)
{
    (void)state;
    for (unsigned refused = 0; refused <= 2; refused++) {
        begin(0);
        open_pci(MSIX, true);
        assert_int_equal(open_interrupt(1 + QUEUES, 0), 0);
        device.wait = BG_WAIT_SLEEP;
        assert_int_equal(bg_virtio_start(&device, 0, 0, bg_hal_time_ns() + MS), 0);
        r.vectors_refused = refused;
        const struct bg_virtqueue_options options = {.index = 1};

        memset(queues, 0, sizeof(queues));
        assert_int_equal(bg_virtqueue_create(&queues[1], &device, &options), 0);
        assert_int_equal(bg_virtio_ready(&device), 0);
        assert_int_equal(interrupt.refused, refused);
        if (refused == 2) { /* polled, then */
            r.fake.waits_for_run = false;
            assert_null(queues[1].source);
            exchange(1, 0);
        } else { /* its own, or that of configuration changes */
            assert_ptr_equal(queues[1].source, &vectors[refused == 0 ? 2 : 0].source);
            exchange(1, 1);
            assert_int_equal(queues[1].source->count, 1);
        }
        end();
    }
    begin(0);
    open_pci(MSIX, true);
    assert_int_equal(open_interrupt(1 + QUEUES, 0), 0);
    device.wait = BG_WAIT_SLEEP;
    r.vectors_refused = 1; /* the configuration's: the queues have theirs */
    start();
    assert_int_equal(interrupt.refused, 1);
    assert_int_equal(r.config_vector, BG_VIRTIO_MSI_NO_VECTOR);
    exchange(2, 1);
    end();
}

static void vectors_come_back_after_resets(void **state)
{
    (void)state;
    begin_way(MSIX, BG_VIRTIO_F_RING_RESET, 1 + QUEUES);
    exchange(1, 1);
    assert_int_equal(bg_virtqueue_reset(&queues[1], bg_hal_time_ns() + MS), 0);
    r.queue_vectors[1] = BG_VIRTIO_MSI_NO_VECTOR;
    assert_int_equal(bg_virtqueue_restart(&queues[1]), 0);
    exchange(1, 1);
    assert_int_equal(bg_virtio_start(&device, BG_VIRTIO_FEATURES_QUEUE, 0, bg_hal_time_ns() + MS),
                     0);
    for (unsigned i = 0; i < QUEUES; i++) {
        assert_int_equal(bg_virtqueue_restart(&queues[i]), 0);
    }
    assert_int_equal(bg_virtio_ready(&device), 0);
    exchange(1, 1);
    assert_int_equal(vectors[2].source.count, 3);
    assert_int_equal(vectors[2].source.lost, 0);
    end();
}

static void forbidden_and_closed(void **state)
{
    (void)state;
    begin(0);
    open_pci(MSIX, true);
    assert_int_equal(open_interrupt(1 + QUEUES, BG_PCI_INTERRUPT_BIT(BG_PCI_INTERRUPT_MSIX)), 0);
    assert_int_equal(interrupt.kind, BG_PCI_INTERRUPT_INTX);
    bg_virtio_interrupt_close(&interrupt);
    assert_null(device.interrupt);
    assert_int_equal(open_interrupt(1 + QUEUES, BG_PCI_INTERRUPT_BIT(BG_PCI_INTERRUPT_MSIX) |
                                                    BG_PCI_INTERRUPT_BIT(BG_PCI_INTERRUPT_INTX)),
                     BG_ERR_NOT_FOUND);
    bg_virtio_interrupt_close(&interrupt);
    assert_int_equal(open_interrupt(1 + QUEUES, 0), 0);
    device.wait = BG_WAIT_SLEEP;
    start();
    exchange(0, 1);
    bg_virtio_interrupt_close(&interrupt); /* under the queues: they poll */
    bg_virtio_interrupt_close(&interrupt);
    memset(vectors, 0xA5, sizeof(vectors)); /* ours again, for whatever we like */
    r.fake.waits_for_run = false;
    exchange(0, 0);
    assert_int_equal(fake_interrupts.sleeps, 1);
    for (size_t i = 0; i < sizeof(vectors); i++) {
        assert_int_equal(((const uint8_t *)vectors)[i], 0xA5);
    }
    end();
    begin(0);
    open_mmio();
    assert_int_equal(open_interrupt(1, BG_PCI_INTERRUPT_BIT(BG_PCI_INTERRUPT_INTX)),
                     BG_ERR_NOT_FOUND);
    assert_int_equal(open_interrupt(0, 0), BG_ERR_INVALID);
    const struct bg_virtio_interrupt_options without_line = {.vectors = vectors, .vector_count = 1};

    assert_int_equal(bg_virtio_interrupt_open(&interrupt, &device, &without_line), BG_ERR_INVALID);
    fake_interrupts.refuse_attach = 1;
    assert_int_equal(open_interrupt(1, 0), BG_ERR_UNSUPPORTED);
    start();
    end();
}

static void count(void *context)
{
    ++*(unsigned *)context;
}

/* Zeroes: one vector for everything, on this CPU, whose handler the options give. */
static void without_vectors(void **state)
{
    unsigned came = 0;
    const struct bg_virtio_interrupt_options options = {.handler = count, .context = &came};

    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        came = 0;
        begin(0);
        open_pci(MSIX, true);
        assert_int_equal(bg_virtio_interrupt_open(&interrupt, &device, i == 0 ? &options : NULL),
                         0);
        assert_int_equal(interrupt.kind, BG_PCI_INTERRUPT_MSIX);
        assert_int_equal(interrupt.pci.message_count, 1);
        device.wait = BG_WAIT_SLEEP_ON(&came);
        start();
        exchange(0, 1);
        exchange(1, 1);
        assert_ptr_equal(fake_interrupts.slept_on, &came);
        assert_int_equal(interrupt.vector.source.count, 2);
        assert_int_equal(came, i == 0 ? 2 : 0);
        end();
    }
}

/* ---- What goes wrong ---- */

static void lost_interrupts_cost_a_nap(void **state)
{
    (void)state;
    for (unsigned way = 0; way < WAYS; way++) {
        begin_way(way, BG_VIRTIO_F_EVENT_IDX, 1 + QUEUES);
        r.is_mute = true;
        uint64_t before_ns = bg_hal_time_ns();

        exchange(0, 1);
        assert_in_range(bg_hal_time_ns() - before_ns, BG_WAIT_NAP_FIRST_NS,
                        BG_WAIT_NAP_FIRST_NS + MS / 2);
        assert_int_equal(vectors[1].source.lost, 1);
        assert_int_equal(vectors[1].source.count, 0);
        end();
    }
}

static void naps_grow(void **state)
{
    struct bg_virtqueue_used used;

    (void)state;
    begin_way(MSIX, BG_VIRTIO_F_EVENT_IDX, 1 + QUEUES);
    naps_until_run = 0;
    request(0);
    uint64_t before_ns = bg_hal_time_ns();

    assert_int_equal(bg_virtqueue_wait(&queues[0], &used, before_ns + 1000 * MS), BG_ERR_TIMEOUT);
    assert_int_equal(bg_hal_time_ns(), before_ns + 1000 * MS);
    /* 1, 2, 4, 8, 16, 32 ms, then 50 ms each: 63 ms and 19 of them, the last one cut. */
    assert_int_equal(fake_interrupts.sleeps, 6 + 19);
    assert_int_equal(fake_interrupts.slept_ns, (1000 - 63) % 50 * MS);
    /* A late one comes by interrupt, and is not lost. */
    before_ns = bg_hal_time_ns();
    naps_until_run = 4;
    assert_int_equal(bg_virtqueue_wait(&queues[0], &used, bg_hal_time_ns() + FOREVER), 1);
    assert_int_equal(bg_hal_time_ns() - before_ns, 7 * MS + MS / 10 + 1000);
    assert_int_equal(vectors[1].source.lost, 0);
    end();
}

static uint64_t timed_exchange(unsigned naps)
{
    uint64_t before_ns = bg_hal_time_ns();

    exchange(0, naps);
    return bg_hal_time_ns() - before_ns;
}

/* The naps of a wait begin where those of the last one ended, as long as interrupts come. */
static void naps_last(void **state)
{
    (void)state;
    begin_way(MSIX, BG_VIRTIO_F_EVENT_IDX, 1 + QUEUES);
    assert_in_range(timed_exchange(4), 7 * MS, 8 * MS);
    assert_in_range(timed_exchange(2), 8 * MS, 9 * MS); /* and grow */
    r.is_mute = true;
    assert_in_range(timed_exchange(1), 16 * MS, 17 * MS);
    assert_in_range(timed_exchange(1), MS, 2 * MS);
    assert_int_equal(vectors[1].source.lost, 2);
    end();
}

/* What interrupts another CPU ends no sleep here. */
static void naps_of_another_cpu(void **state)
{
    (void)state;
    begin_way(MSIX, BG_VIRTIO_F_EVENT_IDX, 1 + QUEUES);
    is_elsewhere = true;
    for (unsigned i = 0; i < 3; i++) {
        assert_in_range(timed_exchange(1), MS, 2 * MS);
    }
    assert_int_equal(vectors[1].source.count, 3);
    assert_int_equal(vectors[1].source.lost, 0);
    end();
}

/* The device works, and before its interrupt comes there is one of another device. */
static void work_and_latch(void *context, uint64_t deadline_ns)
{
    while_asleep(context, deadline_ns);
    fake_interrupts.is_latched = true;
}

/* An interrupt of somebody else ends a sleep early: it is not a nap that was slept through. */
static void woken_by_others(void **state)
{
    struct bg_virtqueue_used used;

    (void)state;
    begin_way(MSIX, BG_VIRTIO_F_EVENT_IDX, 1 + QUEUES);
    fake_interrupts.while_asleep = NULL;
    request(0);
    fake_interrupts.is_latched = true;
    assert_int_equal(bg_virtqueue_wait(&queues[0], &used, bg_hal_time_ns() + MS / 2),
                     BG_ERR_TIMEOUT);
    assert_int_equal(fake_interrupts.sleeps, 2);
    assert_int_equal(fake_interrupts.slept_through, 1);
    assert_int_equal(bg_virtqueue_wait(&queues[0], &used, bg_hal_time_ns()), BG_ERR_TIMEOUT);
    r.is_mute = true;
    fake_interrupts.while_asleep = work_and_latch;
    assert_int_equal(bg_virtqueue_wait(&queues[0], &used, bg_hal_time_ns() + MS), 1);
    assert_int_equal(vectors[1].source.lost, 0);
    end();
}

static void device_dies_while_we_sleep(void **state)
{
    struct bg_virtqueue_used used;

    (void)state;
    begin_way(MSIX, BG_VIRTIO_F_EVENT_IDX, 1 + QUEUES);
    naps_until_run = 0;
    request(0);
    r.fake.status |= BG_VIRTIO_STATUS_NEEDS_RESET;
    assert_int_equal(bg_virtqueue_wait(&queues[0], &used, bg_hal_time_ns() + FOREVER), BG_ERR_IO);
    assert_int_equal(fake_interrupts.sleeps, 1);
    end();
}

static void storms_end_in_polling(void **state)
{
    (void)state;
    for (unsigned way = 0; way < WAYS; way++) {
        begin_way(way, BG_VIRTIO_F_EVENT_IDX, 1 + QUEUES);
        surplus = BG_INTERRUPT_STORM_COUNT + 50;
        exchange(0, 1);
        assert_int_equal(vectors[1].source.storms, 1);
        assert_false(bg_interrupt_source_is_on(&vectors[1].source));
        /* The other queue's vector is its own, the line is not. */
        assert_int_equal(bg_interrupt_source_is_on(&vectors[2].source), way == MSIX);
        r.fake.waits_for_run = false;
        exchange(0, 0);
        assert_int_equal(fake_interrupts.sleeps, 1);
        bg_virtio_interrupt_resume(&interrupt);
        r.fake.waits_for_run = true;
        exchange(0, 1);
        assert_in_range(fake_interrupts.sleeps, 2, 3); /* what was pending came first */
        assert_int_equal(vectors[1].source.storms, 1);
        end();
    }
}

/* Interrupts that find their work are none, however many. */
static void traffic_is_no_storm(void **state)
{
    (void)state;
    begin_way(INTX, BG_VIRTIO_F_EVENT_IDX, 1 + QUEUES);
    for (unsigned i = 0; i < 3 * BG_INTERRUPT_STORM_COUNT; i++) {
        exchange(0, 1); /* the line is the other queues', too, and nobody waits for them */
    }
    assert_int_equal(vectors[1].source.storms + vectors[2].source.storms, 0);
    assert_true(bg_interrupt_source_is_on(&vectors[3].source));
    end();
}

/* Nor are those of a driver that is called back and then polls: it never waits. */
static void traffic_by_polls_is_no_storm(void **state)
{
    struct bg_virtqueue_used used;

    (void)state;
    for (unsigned way = 0; way < WAYS; way++) {
        begin_way(way, 0, 1 + QUEUES);
        r.fake.waits_for_run = false;
        bg_virtqueue_enable_notifications(&queues[1]);
        for (unsigned i = 0; i < BG_INTERRUPT_STORM_COUNT + 100; i++) {
            request(1);
            fake_virtio_run(&r.fake);
            assert_int_equal(bg_virtqueue_poll(&queues[1], &used), 1);
            bg_virtqueue_enable_notifications(&queues[1]);
        }
        assert_int_equal(vectors[2].source.count, BG_INTERRUPT_STORM_COUNT + 100);
        assert_int_equal(vectors[2].source.storms, 0);
        assert_true(bg_interrupt_source_is_on(&vectors[2].source));
        end();
    }
}

static void spurious_interrupts(void **state)
{
    (void)state;
    begin_way(MMIO, BG_VIRTIO_F_EVENT_IDX, 1 + QUEUES);
    for (unsigned i = 0; i < 5; i++) {
        fake_interrupt_pulse(LINE);
    }
    assert_int_equal(mmio_line.count, 5);
    assert_int_equal(mmio_line.idle.count, 5);
    assert_int_equal(vectors[1].source.count, 0);
    exchange(0, 1);
    assert_int_equal(mmio_line.idle.count, 5);
    end();
}

/* A configuration change between the read of the status and its acknowledgement: the line stays up,
 * and there is no second edge. */
static bool change_next;

static void change_at_acknowledgement(void *device_under, uint64_t address, unsigned width,
                                      uint64_t value)
{
    static void (*write)(void *device, uint64_t address, unsigned width, uint64_t value);

    if (write == NULL) {
        write = fake_hal.write;
        fake_hal.write = change_at_acknowledgement;
        return;
    }
    if (change_next && address == FAKE_MMIO_ADDRESS + BG_VIRTIO_MMIO_INTERRUPT_ACK) {
        change_next = false;
        fake_virtio_config_changed(&r.fake);
    }
    write(device_under, address, width, value);
}

static void edge_with_two_reasons(void **state)
{
    (void)state;
    begin_way(MMIO, BG_VIRTIO_F_EVENT_IDX, 1 + QUEUES);
    change_at_acknowledgement(NULL, 0, 0, 0);
    change_next = true;
    exchange(0, 1);
    assert_false(change_next);
    assert_int_equal(vectors[0].source.count, 1);
    exchange(0, 1);
    assert_int_equal(vectors[1].source.count, 2);
    assert_int_equal(vectors[1].source.lost, 0);
    end();
}

/* ---- Without a BAR, closed ---- */

/* The handler uses the window that the interrupted code has just aimed. */
static void interrupt_in_the_middle_of_a_window_access(void **state)
{
    (void)state;
    begin(0);
    open_pci(INTX, false);
    assert_int_equal(open_interrupt(1 + QUEUES, 0), 0);
    assert_int_equal(interrupt.kind, BG_PCI_INTERRUPT_INTX);
    device.wait = BG_WAIT_SLEEP;
    start();
    exchange(0, 1);
    uint16_t bdf = device.transport.pci.function->bdf;

    for (unsigned reg = 4; reg < 16; reg += 4) {
        bg_pci_config_write32(&r.host, bdf, r.window + reg, 4 + reg);
    }
    fake_virtio_config_changed(&r.fake);
    assert_int_equal(vectors[0].source.count, 1);
    assert_int_equal(bg_pci_config_read8(&r.host, bdf, r.window + 4), 8);
    assert_int_equal(bg_pci_config_read32(&r.host, bdf, r.window + 8), 12);
    assert_int_equal(bg_pci_config_read32(&r.host, bdf, r.window + 12), 16);
    end();
}

static void closed_device(void **state)
{
    struct bg_virtio_shared_memory region;

    (void)state;
    begin_way(INTX, 0, 1 + QUEUES);
    assert_int_equal(bg_virtio_close(&device, bg_hal_time_ns() + MS), 0);
    assert_int_equal(bg_virtio_take_interrupt(&device), 0);
    assert_int_equal(bg_virtio_find_shared_memory(&device, 0, &region), BG_ERR_INVALID);
    fake_interrupt_set(LINE, true); /* somebody else's: it is asked all the same */
    fake_interrupt_set(LINE, false);
    bg_virtio_interrupt_close(&interrupt);
    for (unsigned i = 0; i < QUEUES; i++) {
        assert_true(bg_virtqueue_enable_notifications(&queues[i])); /* poll has something to say */
        bg_virtqueue_destroy(&queues[i]);
    }
    fake_virtio_end(&r.fake);
    assert_int_equal(r.fake.violations, 0);
    fake_interrupts_end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sleeping_waits),
        cmocka_unit_test(without_vectors),
        cmocka_unit_test(polling_waits_suppress),
        cmocka_unit_test(poll_strategy_never_sleeps),
        cmocka_unit_test(spins_before_it_sleeps),
        cmocka_unit_test(sleeping_is_polling_without_an_interrupt),
        cmocka_unit_test(fewer_vectors_than_queues),
        cmocka_unit_test(configuration_changes),
        cmocka_unit_test(refused_vectors),
        cmocka_unit_test(vectors_come_back_after_resets),
        cmocka_unit_test(forbidden_and_closed),
        cmocka_unit_test(lost_interrupts_cost_a_nap),
        cmocka_unit_test(naps_grow),
        cmocka_unit_test(naps_last),
        cmocka_unit_test(naps_of_another_cpu),
        cmocka_unit_test(woken_by_others),
        cmocka_unit_test(device_dies_while_we_sleep),
        cmocka_unit_test(storms_end_in_polling),
        cmocka_unit_test(traffic_is_no_storm),
        cmocka_unit_test(traffic_by_polls_is_no_storm),
        cmocka_unit_test(spurious_interrupts),
        cmocka_unit_test(edge_with_two_reasons),
        cmocka_unit_test(interrupt_in_the_middle_of_a_window_access),
        cmocka_unit_test(closed_device),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
